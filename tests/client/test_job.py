import asyncio
import json

import pytest
import requests
from fakes import POINT_LAYER, TASK, URL, FakeClock, Raw, ScriptedApp, error, message

import spatial_widgets as sw
from spatial_widgets import errors
from spatial_widgets.protocol import JobStatus

VERDICTS = {
    "esriJobFailed": errors.JobFailed,
    "expectedFailure": errors.JobFailed,
    "esriJobTimedOut": errors.JobTimedOut,
    "esriJobCancelled": errors.JobCancelled,
    "esriJobDeleted": errors.JobDeleted,
}


@pytest.mark.parametrize("status", [s for s in JobStatus if s.is_terminal])
def test_wait_ends_on_every_terminal_status(status):
    clock = FakeClock()
    job = ScriptedApp(["esriJobWaiting", "esriJobExecuting", status.value]).submit(clock=clock)
    if status.is_success:
        assert job.wait().status is status
    else:
        with pytest.raises(VERDICTS[status.value]) as caught:
            job.wait()
        assert caught.value.job is job
        assert caught.value.info.status is status
        assert job.wait(check=False).status is status
    assert job.done()


@pytest.mark.parametrize(
    "status", [s.value for s in JobStatus if not s.is_terminal] + ["esriJobSomethingNew"]
)
def test_wait_goes_on_through_every_other_status(status):
    clock = FakeClock()
    job = ScriptedApp([status, "esriJobSucceeded"]).submit(clock=clock)
    seen = []
    job.wait(on_update=lambda info: seen.append(info.status.value))
    assert seen == ([] if status == "esriJobSubmitted" else [status]) + ["esriJobSucceeded"]


def test_reading_the_state_costs_no_request():
    app = ScriptedApp(["esriJobExecuting"])
    job = app.submit()
    before = len(app.asked)
    assert (job.status, job.messages, job.done(), list(job.results)) == (JobStatus.SUBMITTED, (), False, [])
    assert job.info.job_id == app.job_id
    assert repr(job)
    assert len(app.asked) == before


def test_a_failed_job_says_its_own_last_errors():
    failed = {
        "jobId": "j1",
        "jobStatus": "esriJobFailed",
        "messages": [message("Started"), message("ERROR 000732: no such field", "Error")],
    }
    job = ScriptedApp([failed]).submit()
    with pytest.raises(errors.JobFailed, match="ERROR 000732: no such field$"):
        job.wait()


def test_of_many_errors_the_last_ones_are_told_and_how_many_there_are():
    said = [message(f"ERROR {n}", "Error") for n in range(1234)]
    job = ScriptedApp([{"jobId": "j1", "jobStatus": "esriJobFailed", "messages": said}]).submit()
    with pytest.raises(errors.JobFailed) as caught:
        job.wait()
    head, *lines = str(caught.value).splitlines()
    assert head.endswith("says, in the last 5 of 1,234 error messages (all: job.info.errors):")
    assert lines == [f"ERROR {n}" for n in range(1229, 1234)]
    assert len(job.info.errors) == 1234


def test_a_failed_job_without_messages_says_so():
    job = ScriptedApp([{"jobId": "j1", "jobStatus": "esriJobFailed"}]).submit()
    with pytest.raises(errors.JobFailed, match="no error message"):
        job.wait()


def test_our_patience_ends_while_the_job_goes_on():
    clock = FakeClock()
    job = ScriptedApp(["esriJobExecuting"]).submit(clock=clock)
    with pytest.raises(errors.WaitTimeout, match="Executing") as caught:
        job.wait(timeout=30)
    assert isinstance(caught.value, TimeoutError)
    assert 30 <= clock.now() - 1000 < 32


def test_polls_that_fail_are_forgiven_when_the_next_one_is_good():
    bad = [
        requests.ConnectionError("reset"),
        Raw("<html>502</html>", 502),
        Raw(""),
        Raw('{"jobId": "j'),
        error(500, "oops"),
        Raw("<html>hello</html>"),
        Raw("[]"),
    ]
    for trouble in bad:
        job = ScriptedApp(["esriJobExecuting", trouble, trouble, trouble, "esriJobSucceeded"]).submit(
            clock=FakeClock()
        )
        assert job.wait().status.is_success


def test_a_job_out_of_reach_is_lost_not_failed():
    clock = FakeClock()
    app = ScriptedApp(["esriJobExecuting", requests.ConnectionError("no route")])
    job = app.submit(clock=clock)
    with pytest.raises(errors.JobLost, match="may still run") as caught:
        job.wait()
    assert caught.value.url == job.url
    assert f"Job.from_url({job.url!r}" in str(caught.value)
    assert isinstance(caught.value.__cause__, errors.TransportError)
    assert 60 <= clock.now() - 1000 <= 150
    app.polls = ["esriJobSucceeded"]
    assert job.wait().status.is_success


def test_a_purged_job_ends_after_one_repeat():
    app = ScriptedApp(["esriJobExecuting", error(404, "Job not found.")])
    job = app.submit(clock=FakeClock())
    with pytest.raises(errors.NotFound, match="Job not found"):
        job.wait()
    assert app.count(app.job_id) == 3


def test_submit_is_sent_once_whatever_happens():
    for trouble in (requests.ConnectionError("reset"), Raw("<html>", 502), Raw(""), error(500, "oops")):
        app = ScriptedApp()
        app.answers["submitJob"] = [trouble]
        with pytest.raises(errors.SpatialWidgetsError):
            app.submit()
        assert app.count("submitJob") == 1


def test_a_lost_submit_says_that_the_job_may_exist():
    app = ScriptedApp()
    app.answers["submitJob"] = [requests.ConnectionError("reset")]
    with pytest.raises(errors.TransportError, match="may have accepted"):
        app.submit()


def test_a_refused_token_is_renewed_once_even_for_submit():
    app = ScriptedApp()
    app.answers["submitJob"] = [error(498, "Invalid token.")]
    made = iter(["first-token", "second-token", "third-token"])
    job = app.submit(auth=lambda: next(made))
    tokens = [a.headers.get("X-Esri-Authorization") for a in app.asked if a.operation == "submitJob"]
    assert tokens == ["Bearer first-token", "Bearer second-token"]
    assert job.wait().status.is_success
    assert app.asked[-1].headers["X-Esri-Authorization"] == "Bearer second-token"


def test_an_expired_token_in_mid_job_ends_the_wait_with_a_clear_error():
    app = ScriptedApp(["esriJobExecuting", error(498, "Invalid token.")])
    with pytest.raises(errors.AuthenticationError, match="auth="):
        app.submit(clock=FakeClock(), auth="static-token").wait()


def test_wait_loses_no_job_that_answers_somebody_elses_refresh():
    class Busy(FakeClock):
        def wait(self, condition, timeout_s):
            if self.now() < 1600:  # as another thread would, while this one pauses
                app.polls = ["esriJobExecuting"]
                job.refresh()
                app.polls = [Raw("<html>", 502)]
            else:
                app.polls = ["esriJobSucceeded"]
            return super().wait(condition, timeout_s)

    app = ScriptedApp([Raw("<html>", 502)])
    job = app.submit(clock=Busy())
    assert job.wait().status.is_success


def test_cancel_shows_what_the_server_said():
    app = ScriptedApp(["esriJobExecuting", "esriJobCancelled"])
    job = app.submit(clock=FakeClock())
    job.refresh()
    assert job.cancel().status is JobStatus.CANCELLING
    with pytest.raises(errors.JobCancelled):
        job.wait()


def test_a_job_that_was_quicker_than_its_cancel_keeps_its_end():
    app = ScriptedApp(["esriJobSucceeded"])
    app.answers["cancel"] = [error(400, "Invalid or missing input parameters.")]
    job = app.submit()
    assert job.cancel().status.is_success
    assert job.cancel().status.is_success
    assert app.count("cancel") == 1


def test_a_cancel_refused_while_submitted_is_sent_again_once_the_job_runs():
    app = ScriptedApp(["esriJobSubmitted", "esriJobSubmitted", "esriJobExecuting", "esriJobCancelled"])
    app.answers["cancel"] = [error(400, "Invalid or missing input parameters.")]
    job = app.submit()
    assert job.cancel().status is JobStatus.SUBMITTED
    assert job.wait(timeout=20, check=False).status is JobStatus.CANCELLED
    assert app.count("cancel") == 2


@pytest.mark.parametrize(
    "refusal", [error(400, "Invalid or missing input parameters."), Raw("<html>", 502), Raw("<html>")]
)
def test_a_cancel_that_does_not_get_through_is_no_failed_poll(refusal):
    app = ScriptedApp(["esriJobSubmitted", "esriJobExecuting"])
    app.answers["cancel"] = [error(400, "Invalid or missing input parameters."), *[refusal] * 100]
    job = app.submit()
    job.cancel()
    for _ in range(3):
        assert job.refresh().status is JobStatus.EXECUTING
    app.polls = ["esriJobSucceeded"]
    assert job.wait(timeout=20).status.is_success
    assert app.count("cancel") > 3


def test_a_result_is_fetched_once_and_found_in_any_case():
    app = ScriptedApp()
    job = app.submit()
    frame = job.result()
    assert frame.crs.to_epsg() == 4326
    assert frame["n"].tolist() == [1]
    assert job.result("BUFFERLAYER") is frame
    assert job.results["bufferLayer"] is frame
    assert app.count("bufferLayer") == 1


def test_several_outputs_come_as_a_dict():
    app = ScriptedApp(results={"a": POINT_LAYER, "b": ""})
    assert set(app.submit().result()) == {"a", "b"}
    assert app.submit().result("b") is None


def test_an_unknown_result_names_those_there_are():
    job = ScriptedApp().submit()
    job.wait()
    with pytest.raises(errors.NotFound, match="bufferLayer"):
        job.result("nope")


def test_reading_a_result_too_early_says_to_wait():
    job = ScriptedApp(["esriJobExecuting"]).submit()
    with pytest.raises(errors.JobError, match=r"wait\(\)"):
        job.results["bufferLayer"]


def test_a_truncated_result_is_an_error_and_no_empty_frame():
    cut = {**POINT_LAYER, "features": [], "exceededTransferLimit": True}
    with pytest.raises(errors.TransferLimitExceeded, match="outputName"):
        ScriptedApp(results={"bufferLayer": cut}).submit().result()


def test_a_job_survives_as_text_without_its_token():
    app = ScriptedApp(["esriJobExecuting"])
    job = app.submit(auth="a-secret-token")
    job.refresh()
    text = job.to_json()
    assert "a-secret-token" not in text
    again = sw.Job.from_json(text)
    assert (again.url, again.job_id, again.status) == (job.url, job.job_id, job.status)
    with pytest.raises(errors.ParameterError, match="to_json"):
        sw.Job.from_json("{}")


def test_attach_reads_the_job_as_it_stands():
    app = ScriptedApp(["esriJobExecuting"])
    job = app.service().task("Buffer").attach(app.job_id)
    assert job.status is JobStatus.EXECUTING
    with pytest.raises(errors.NotFound, match="jnope"):
        app.service().task("Buffer").attach("jnope")


def test_from_url_wants_a_jobs_url():
    with pytest.raises(errors.ParameterError, match="names no job"):
        sw.Job.from_url(URL + "/Buffer")


def test_await_gives_what_result_gives():
    async def main():
        job = ScriptedApp(["esriJobExecuting", "esriJobSucceeded"]).submit()
        return await asyncio.gather(job, job)

    first, second = asyncio.run(main())
    assert first is second
    assert len(first) == 1


def test_await_raises_the_verdict():
    async def main():
        await ScriptedApp(["esriJobFailed"]).submit()

    with pytest.raises(errors.JobFailed):
        asyncio.run(main())


def test_a_time_out_of_wait_for_leaves_the_job_alone():
    async def main():
        job = ScriptedApp(["esriJobExecuting"] * 3 + ["esriJobSucceeded"]).submit()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job, 0.05)
        return await job

    assert len(asyncio.run(main())) == 1


def test_an_echoed_token_is_masked_in_messages_and_errors():
    token = "tok/en+with=odd"
    said = {
        "jobId": "j1",
        "jobStatus": "esriJobFailed",
        "messages": [message(f"GET http://x/?token={token} failed", "Error")],
    }
    job = ScriptedApp([said]).submit(auth=token)
    with pytest.raises(errors.JobFailed) as caught:
        job.wait()
    assert token not in str(caught.value)
    assert token not in repr(job.info)
    app = ScriptedApp()
    app.answers["submitJob"] = [error(400, f"bad {token}", [f"again {token}"])]
    with pytest.raises(errors.ServiceError) as refused:
        app.submit(auth=token)
    assert token not in str(refused.value)
    assert token not in repr(refused.value.details)


def test_synchronous_tasks_are_executed_not_submitted():
    task = {**TASK, "executionType": "esriExecutionTypeSynchronous"}
    app = ScriptedApp(task=task)
    app.answers["execute"] = [
        {
            "results": [
                {"paramName": "bufferLayer", "dataType": "GPFeatureRecordSetLayer", "value": POINT_LAYER}
            ],
            "messages": [],
        }
    ]
    made = app.service().task("Buffer")
    with pytest.raises(errors.ParameterError, match="execute"):
        made.submit(inputLayer=POINT_LAYER)
    assert len(made.execute(inputLayer=POINT_LAYER)) == 1


def test_features_travel_as_a_form_field_and_never_in_the_url():
    app = ScriptedApp()
    app.submit()
    sent = next(a for a in app.asked if a.operation == "submitJob")
    assert sent.method == "POST"
    assert "?" not in sent.url
    assert json.loads(sent.form["inputLayer"]) == POINT_LAYER
    assert sent.form["f"] == "json"
