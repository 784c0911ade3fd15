"""Each way of misbehaving, met by our own client over the real service: the job ends right, or with its error."""

from __future__ import annotations

import contextlib
from pathlib import Path

import geopandas as gpd
import pytest
from faces import ROOT, HttpFace
from shapely import Point

from spatial_widgets import LocalService
from spatial_widgets.client import Token, UserLogin
from spatial_widgets.errors import (
    AuthenticationError,
    NotFound,
    ProtocolError,
    SpatialWidgetsError,
    TransferLimitExceeded,
)
from spatial_widgets.server.launcher import default_store, faults_store

pytestmark = pytest.mark.slow
PLACES = gpd.GeoDataFrame({"name": ["a"]}, geometry=[Point(1, 2)], crs=4326)


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("SPATIAL_WIDGETS_STATE", str(tmp_path / "state"))
    from spatial_widgets.client import history

    started = []

    def begin(faults, **settings):
        local = LocalService.start(faults=faults, tasks=["tasks_for_tests"], executor="inline", **settings)
        started.append(local)
        return local

    yield begin
    for local in started:
        local.stop()
    history.close()


def submitted(service, times=10, **parameters):
    """Submit until the service takes it, as a user would; every refusal says that there is no job."""
    for _ in range(times):
        try:
            return service.task("Greet").submit(name="Ana", **parameters)
        except SpatialWidgetsError as error:
            refused = error
    raise refused


def greeted(service):
    """Return a job's result; where a page came instead of it, ask again, as the error says."""
    job = submitted(service)
    job.wait(timeout=100)
    for _ in range(4):
        with contextlib.suppress(ProtocolError):
            return job.result("text", timeout=60)
    return job.result("text", timeout=60)


@pytest.mark.parametrize("faults", ["flaky", "html", {"flaky": 0.3, "html": 0.2, "seed": 3}])
def test_a_job_ends_right_on_a_service_that_answers_nonsense_now_and_then(start, faults):
    service = start(faults).service()
    assert [greeted(service) for _ in range(3)] == ["Hello Ana. "] * 3


def test_a_slow_service_is_waited_for(start):
    assert greeted(start({"slow": 1, "delay_s": 0.3, "drip_s": 0.4}).service()) == "Hello Ana. "


def test_a_silent_service_is_waited_for(start):
    assert greeted(start({"silent": 0.5, "silence_s": 1}).service()) == "Hello Ana. "


def test_a_throttled_client_keeps_to_retry_after(start):
    local = start({"throttled": 0.5, "retry_after_s": 1})
    assert greeted(local.service()) == "Hello Ana. "
    with contextlib.suppress(SpatialWidgetsError):
        local.service().tasks()
    face = HttpFace(local)
    replies = [face.raw(ROOT) for _ in range(12)]
    throttled = [
        (status, body["error"]["code"], headers["Retry-After"])
        for status, body, headers in replies
        if status != 200
    ]
    assert set(throttled) == {(429, 429, "1")}


def test_a_lost_answer_to_a_submit_makes_one_job(start):
    local = start({"lost-answers": 0.9, "seed": 1})
    jobs = [local.service().task("Greet").submit(name="Ana") for _ in range(3)]
    assert [job.result("text", timeout=60) for job in jobs] == ["Hello Ana. "] * 3
    assert HttpFace(local).raw("/health")[1]["jobs"] == {"esriJobSucceeded": 3}


def test_truncated_results_are_told_not_taken_for_empty_ones(start):
    service = start("truncated").service()
    job = service.task("Layer").submit(inputLayer=PLACES)
    with pytest.raises(TransferLimitExceeded):
        job.result(timeout=60)
    assert greeted(service) == "Hello Ana. ", "what is no layer is whole"


def test_a_purged_job_ends_right_and_its_results_are_gone(start):
    local = start({"purged": 1, "purge_s": 0})
    job = local.service().task("Greet").submit(name="Ana")
    assert job.wait(timeout=60).status.is_success
    with pytest.raises(NotFound, match="gone"):
        job.result("text", timeout=60)
    assert HttpFace(local).raw("/health")[1]["jobs"] == {"esriJobSucceeded": 1}, "hidden, not lost"


def test_a_token_expires_and_a_login_renews_it(start):
    local = start({"expiring-token": 1, "token_requests": 4})
    service = local.service(auth=UserLogin("ana", local.token))
    assert [greeted(service) for _ in range(3)] == ["Hello Ana. "] * 3
    asked = []

    def ask():
        asked.append(1)
        return _new_token(local)

    again = local.service(auth=Token(ask))
    assert greeted(again) == "Hello Ana. "
    assert greeted(again) == "Hello Ana. "
    assert len(asked) > 1
    plain = local.service()
    for _ in range(4):
        with contextlib.suppress(AuthenticationError):
            plain.tasks()
    with pytest.raises(AuthenticationError) as caught:
        plain.tasks()
    assert caught.value.code == 498
    with pytest.raises(AuthenticationError, match="Unable to generate token"):
        local.service(auth=UserLogin("ana", "guessed")).tasks()


def _new_token(local):
    form = f"username=x&password={local.token}&expiration=1&f=json"
    face = HttpFace(local)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return face.raw("/arcgis/tokens/generateToken", "POST", form, **headers)[1]["token"]


def test_a_token_is_given_to_no_web_page_and_for_no_password_in_a_url(start):
    local = start("expiring-token")
    face = HttpFace(local)
    url = f"/arcgis/tokens/generateToken?username=x&password={local.token}&f=json"
    assert face.raw(url)[1]["error"]["code"] == 405
    assert face.raw(url, "POST", "", Origin="https://example.com")[0] == 403
    assert face.raw("/arcgis/rest/info", Origin="https://example.com")[0] == 403
    log = (Path(local.store) / "service.log").read_text()
    assert local.token not in log
    with pytest.raises(SpatialWidgetsError, match="needs a token"):
        LocalService.start(faults="expiring-token", anonymous=True, store=Path(local.store) / "other")


def test_the_service_says_what_it_does_and_health_is_always_true(start):
    local = start({"flaky": 1, "html": 1, "slow": 1, "delay_s": 0})
    face = HttpFace(local)
    for _ in range(5):
        status, health, _ = face.raw("/health")
        assert (status, health["status"], health["faults"]["flaky"]) == (200, "ok", 1.0)
    assert "MISBEHAVING ON PURPOSE: flaky (100%" in (Path(local.store) / "service.log").read_text()


def test_the_description_says_so_too(start):
    info = start("truncated").service().info()
    assert "misbehaves on purpose: truncated" in info.description
    assert info.document["faults"]["truncated"] == 1.0


def test_a_service_with_faults_has_a_store_of_its_own_and_is_never_reused_without(start):
    faulty = start("truncated")
    assert Path(faulty.store) == faults_store() != default_store()
    assert start("truncated").pid == faulty.pid
    assert LocalService.running() is None
    for wish in (None, "slow", {"truncated": 1, "seed": 2}):
        with pytest.raises(SpatialWidgetsError, match="faults is 'truncated'.*Stop it"):
            LocalService.start(store=faulty.store, faults=wish)


def test_strict_refuses_to_cancel_what_is_still_submitted(tmp_path):
    with LocalService.start(store=tmp_path, tasks=["tasks_for_tests"], workers=1, strict=True) as local:
        assert LocalService.start(store=tmp_path).pid == local.pid
        with pytest.raises(SpatialWidgetsError, match="strict is True"):
            LocalService.start(store=tmp_path, strict=False)
        face = HttpFace(local)
        job = face.submit("Sleep", seconds=0)
        face.ended(job)
        assert face.ask(f"{job}/cancel")["error"]["message"] == "Invalid or missing input parameters."
