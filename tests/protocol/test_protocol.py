import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.errors import CodecError, ParameterError, ProtocolError
from spatial_widgets.protocol import (
    LEGAL_TRANSITIONS,
    ArealUnit,
    GPUrl,
    JobInfo,
    JobMessage,
    JobStatus,
    LinearUnit,
    ServiceInfo,
    TaskInfo,
    TimeUnit,
)
from spatial_widgets.protocol.units import AREAL_UNITS, LINEAR_UNITS
from spatial_widgets.protocol.urls import join, origin

BASE = "https://host/arcgis/rest/services/System/SpatialAnalysisTools/GPServer"


class TestStatus:
    def test_all_of_esris_values_are_there(self):
        words = (
            "New Submitted Waiting Executing Succeeded Failed TimedOut Cancelling Cancelled Deleting Deleted"
        )
        assert {s.value for s in JobStatus} == {f"esriJob{w}" for w in words.split()} | {"expectedFailure"}

    def test_six_are_terminal_and_one_is_a_success(self):
        terminal = {s.value for s in JobStatus if s.is_terminal}
        assert terminal == {
            "esriJobSucceeded",
            "esriJobFailed",
            "esriJobTimedOut",
            "esriJobCancelled",
            "esriJobDeleted",
            "expectedFailure",
        }
        assert [s for s in JobStatus if s.is_success] == [JobStatus.SUCCEEDED]

    @given(st.text())
    def test_parse_never_raises_and_shows_the_raw_word(self, word):
        status = JobStatus.parse(word)
        assert isinstance(status, JobStatus)
        if not status.is_known:
            assert status.value == str(status) == word.strip()
            assert not status.is_terminal
            assert not status.is_success
            assert pickle.loads(pickle.dumps(status)) == copy.deepcopy(status) == status

    def test_parse_takes_any_case_and_any_type(self):
        assert JobStatus.parse(" ESRIJOBsucceeded ") is JobStatus.SUCCEEDED
        assert JobStatus.parse(JobStatus.NEW) is JobStatus.NEW
        assert JobStatus.parse(None).value == "None"

    def test_terminal_states_lead_nowhere_and_every_status_has_a_row(self):
        assert set(LEGAL_TRANSITIONS) == set(JobStatus)
        assert all(not LEGAL_TRANSITIONS[s] for s in JobStatus if s.is_terminal)


class TestJobInfo:
    def test_a_full_reply_is_read(self):
        info = JobInfo.from_json(
            {
                "jobId": "j1",
                "jobStatus": "esriJobExecuting",
                "progress": {"type": "step", "message": "half", "percent": 0},
                "results": {"Out": {"paramUrl": " results/Out"}, "Odd": {}},
                "inputs": {"In": {"paramUrl": "inputs/In"}},
                "messages": [
                    {"type": "esriJobMessageTypeWarning", "description": "careful"},
                    {"description": None},
                    "bare",
                ],
            }
        )
        assert (info.status, info.progress.percent, info.progress.message) == (
            JobStatus.EXECUTING,
            0.0,
            "half",
        )
        assert info.results == {"Out": "results/Out", "Odd": "results/Odd"}
        assert info.messages[0] == JobMessage("esriJobMessageTypeWarning", "careful")
        assert [m.description for m in info.messages] == ["careful", "", "bare"]

    def test_two_keys_are_enough(self):
        info = JobInfo.from_json({"jobId": "b79884b278a0e325", "jobStatus": "esriJobNew"})
        assert (info.messages, info.progress, dict(info.results)) == ((), None, {})

    @pytest.mark.parametrize("junk", [None, [], "x", {}, {"jobStatus": None}, {"jobStatus": 3}])
    def test_what_is_no_job_is_a_protocol_error(self, junk):
        with pytest.raises(ProtocolError, match="jobStatus"):
            JobInfo.from_json(junk)

    @pytest.mark.parametrize(
        "progress", [None, 5, {"percent": "x"}, {"percent": True}, {"percent": float("nan")}]
    )
    def test_odd_progress_has_no_percent(self, progress):
        info = JobInfo.from_json({"jobId": "j", "jobStatus": "esriJobExecuting", "progress": progress})
        assert info.progress is None or info.progress.percent is None

    def test_equality_ignores_when_it_was_received(self):
        reply = {"jobId": "j", "jobStatus": "esriJobExecuting"}
        assert JobInfo.from_json(reply, received_at=1.0) == JobInfo.from_json(reply, received_at=2.0)

    def test_repeated_errors_are_said_once(self):
        lines = [{"type": "esriJobMessageTypeError", "description": d} for d in ("a", "b", "a ")]
        assert JobInfo.from_json({"jobId": "j", "jobStatus": "esriJobFailed", "messages": lines}).errors == (
            "a",
            "b",
        )


class TestParameters:
    def test_an_old_servers_task_is_read(self):
        info = TaskInfo.from_json(
            {
                "parameters": [
                    {"name": "a"},
                    {"name": "b", "choiceList": [], "direction": "esriGPParameterDirectionOutput"},
                ]
            }
        )
        assert [(p.name, p.is_input, p.choices) for p in info.parameters] == [
            ("a", True, ()),
            ("b", False, ()),
        ]
        with pytest.raises(ProtocolError):
            TaskInfo.from_json({"tasks": []})

    def test_a_value_table_has_members(self):
        document = {
            "name": "t",
            "dataType": "GPValueTable",
            "direction": "esriGPParameterDirectionInput",
            "parameterType": "esriGPParameterTypeRequired",
            "parameterInfos": [
                {"name": "field", "dataType": "Field"},
                {"name": "how", "dataType": "GPString", "choiceList": ["MIN", "MAX"]},
            ],
        }
        parameter = TaskInfo.from_json({"parameters": [document]}).parameters[0]
        assert parameter.required
        assert [(m.name, m.choices) for m in parameter.members] == [("field", ()), ("how", ("MIN", "MAX"))]

    def test_a_service_without_the_newer_keys_is_read(self):
        info = ServiceInfo.from_json({"tasks": ["A b"], "serviceDescription": ""})
        assert (info.tasks, info.version, info.capabilities) == (("A b",), None, ())


class TestUnits:
    @pytest.mark.parametrize(
        ("unit", "metres"),
        [("esriMeters", 1), ("esriKilometers", 1000), ("esriIntFeet", 0.3048), ("esriFeet", 1200 / 3937), ("esriIntMiles", 1609.344), ("esriMiles", 63360 / 39.37), ("esriNauticalMiles", 1853.248), ("esriIntNauticalMiles", 1852), ("esriIntYards", 0.9144), ("esriInches", 1 / 39.37)],
    )  # fmt: skip
    def test_factors_of_length(self, unit, metres):
        assert LinearUnit(1, unit).meters == pytest.approx(metres, rel=1e-12)

    def test_factors_of_area(self):
        assert ArealUnit(1, "esriAcres").square_meters == pytest.approx(4046.8564224, rel=1e-12)
        assert ArealUnit(1, "esriAcresUS").square_meters == pytest.approx(4046.872609874252, rel=1e-12)
        assert ArealUnit(640, "acres").to("square miles").area == pytest.approx(1)

    def test_words_are_found_with_and_without_prefix(self):
        assert (
            LinearUnit(5, "kilometers")
            == LinearUnit(5, "esriKilometers")
            == LinearUnit.from_json("5 Kilometer")
        )
        assert TimeUnit.from_json("1 Week").seconds == 604800
        assert ArealUnit.from_json({"Area": 3, "units": "esriSquareKilometers"}).to_json() == {
            "area": 3.0,
            "units": "esriSquareKilometers",
        }

    def test_an_unknown_word_lists_the_known_ones(self):
        with pytest.raises(ParameterError, match="esriKilometers"):
            LinearUnit(1, "parsecs")
        with pytest.raises(CodecError):
            LinearUnit.from_json({"distance": "far"})
        with pytest.raises(ParameterError, match="no fixed size"):
            _ = LinearUnit(1, "esriDecimalDegrees").meters

    @given(
        st.sampled_from([u for u, f in LINEAR_UNITS.items() if f]),
        st.sampled_from([u for u, f in LINEAR_UNITS.items() if f]),
        st.floats(-1e6, 1e6),
    )
    def test_there_and_back_is_where_we_were(self, a, b, n):
        assert LinearUnit(n, a).to(b).to(a).distance == pytest.approx(n, rel=1e-9, abs=1e-12)

    def test_every_areal_unit_is_the_square_of_something_sane(self):
        assert all(f is None or f > 0 for f in AREAL_UNITS.values())


class TestUrls:
    @pytest.mark.parametrize("tail", ["", "/", "?f=json", "/?f=pjson#x", "/uploads"])
    def test_a_service_url_is_cut_clean(self, tail):
        assert GPUrl.parse(BASE + tail) == GPUrl(BASE)

    @pytest.mark.parametrize(
        "tail", ["", "/", "/submitJob", "/submitjob/", "/execute?f=html", "/SubmitJob", "/jobs", "/jobs/"]
    )
    def test_a_tasks_url_is_cut_clean(self, tail):
        assert GPUrl.parse(f"{BASE}/911%20Calls%20Hotspot{tail}") == GPUrl(BASE, "911 Calls Hotspot")

    @pytest.mark.parametrize("tail", ["", "/", "/cancel", "/results/Out?f=json", "/inputs"])
    def test_a_jobs_url_is_cut_clean(self, tail):
        url = GPUrl.parse(f"{BASE}/T/jobs/j1_et{tail}")
        assert (url.task, url.job_id, url.job_url) == ("T", "j1_et", f"{BASE}/T/jobs/j1_et")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "host/GPServer",
            "ftp://h/GPServer",
            "https://h/MapServer",
            "https://h/GPServerX",
            f"{BASE}/T/zzz",
        ],
    )
    def test_what_is_no_gpserver_is_refused(self, text):
        with pytest.raises(ParameterError):
            GPUrl.parse(text)

    @given(
        st.text(min_size=1).filter(lambda s: s.strip("/") == s and "/" not in s and s not in {".", ".."}),
        st.text("abcdef0123456789_j", min_size=1),
    )
    def test_built_urls_split_into_what_they_were_built_of(self, task, job_id):
        if task.casefold() in {"uploads", "info", "jobs"}:
            return
        url = join(BASE, task, "jobs", job_id)
        assert GPUrl.parse(url) == GPUrl(BASE, task, job_id)

    def test_an_origin_knows_its_default_port(self):
        assert origin("HTTPS://Host/x") == origin("https://host:443/y") != origin("http://host/x")
