import pytest
from fakes import POINT_LAYER, URL, Raw, ScriptedApp, error

import spatial_widgets as sw
from spatial_widgets import errors


def test_a_service_lists_its_tasks_and_describes_them():
    service = ScriptedApp().service()
    assert service.tasks() == ["Buffer"]
    info = service.task("Buffer").info()
    assert [p.name for p in info.inputs] == ["inputLayer", "distance", "units"]
    assert info.parameter("UNITS").choices == ("Meters", "Kilometers")
    assert info.parameter("inputLayer").required


def test_making_a_service_or_a_task_costs_no_request():
    app = ScriptedApp()
    app.service().task("Buffer")
    assert app.asked == []


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"inputlayer": POINT_LAYER}, ["'inputlayer'", "Did you mean 'inputLayer'?"]),
        ({"inputLayer": POINT_LAYER, "zzz": 1}, ["'zzz'", "inputLayer, distance, units"]),
        ({}, ["inputLayer", "GPFeatureRecordSetLayer"]),
        ({"inputLayer": 3}, ["'inputLayer'", "GeoDataFrame"]),
        ({"inputLayer": POINT_LAYER, "distance": "far"}, ["'distance'", "GPDouble"]),
        ({"inputLayer": POINT_LAYER, "distance": True}, ["'distance'", "finite number"]),
        ({"inputLayer": POINT_LAYER, "distance": 101.0}, ["'distance'", "0.0 to 100.0"]),
        ({"inputLayer": POINT_LAYER, "units": "meters"}, ["'units'", "Did you mean 'Meters'?"]),
    ],
)
def test_wrong_parameters_are_told_by_name_and_nothing_is_sent(parameters, words):
    app = ScriptedApp()
    with pytest.raises(errors.ParameterError) as caught:
        app.service().task("Buffer").submit(**parameters)
    for word in words:
        assert word in str(caught.value)
    assert app.count("submitJob") == 0


def test_an_unknown_task_is_told_with_the_ones_there_are():
    app = ScriptedApp()
    for answer in (
        error(400, "Invalid URL"),
        error(404, "no"),
        error(500, "fault"),
        Raw("<html>404</html>", 404),
    ):
        app.answers["Bufer"] = [answer] * 3
        with pytest.raises(errors.NotFound, match=r"no task 'Bufer'. Did you mean 'Buffer'\?"):
            app.service().task("Bufer").submit(inputLayer=POINT_LAYER)
    assert app.count("submitJob") == 0


def test_environment_settings_pass_beside_the_parameters():
    app = ScriptedApp()
    app.service().task("Buffer").submit(
        inputLayer=POINT_LAYER, context={"outSR": {"wkid": 3857}}, **{"env:outSR": 3857}
    )
    form = app.asked[-1].form
    assert form["context"] == '{"outSR":{"wkid":3857}}'
    assert form["env:outSR"] == "3857"


def test_none_means_not_given():
    app = ScriptedApp()
    app.service().task("Buffer").submit(inputLayer=POINT_LAYER, distance=None)
    assert "distance" not in app.asked[-1].form


def test_an_answer_without_a_job_is_a_protocol_error():
    app = ScriptedApp()
    for answer in ({"ok": True}, {"jobStatus": "esriJobSubmitted"}, [1], "null"):
        app.answers["submitJob"] = [Raw(answer) if isinstance(answer, str) else answer]
        with pytest.raises(errors.ProtocolError):
            app.submit()


def test_auth_of_a_wrong_kind_is_refused_at_once():
    with pytest.raises(errors.ParameterError, match="auth"):
        sw.GPService(URL, auth=5)
    with pytest.raises(errors.ParameterError, match="token"):
        ScriptedApp().service(auth="  ").tasks()


def test_a_token_in_the_url_is_refused_without_repeating_it():
    with pytest.raises(errors.ParameterError, match="auth=") as caught:
        sw.GPService(URL + "?token=very-secret")
    assert "very-secret" not in str(caught.value)


def test_no_repr_shows_a_token():
    service = ScriptedApp().service(auth="very-secret")
    task = service.task("Buffer")
    job = ScriptedApp().submit(auth="very-secret")
    for thing in (service, task, job, service.session, job.session._tokens):
        assert "very-secret" not in repr(thing)
