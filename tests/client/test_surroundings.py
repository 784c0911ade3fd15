"""The environment's proxies and certificates: found once, and found anew when they change."""

import os

import pytest
import requests
from fakes import URL, ScriptedApp
from raw_server import OK, RawServer, answer

from spatial_widgets.client import GPSession
from spatial_widgets.client.surroundings import Surroundings


def test_the_environment_is_not_gone_through_for_every_poll(monkeypatch):
    looks, look = [], requests.Session.merge_environment_settings
    monkeypatch.setattr(
        requests.Session, "merge_environment_settings", lambda *given: (looks.append(given), look(*given))[1]
    )
    job = ScriptedApp(["esriJobExecuting"]).submit()
    for _ in range(20):
        job.refresh()
    assert len(looks) == 1


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_set_in_the_next_cell_is_used_by_the_next_request(monkeypatch, name):
    for known in [n for n in os.environ if n.casefold().endswith("_proxy")]:
        monkeypatch.delenv(known)
    with RawServer(answer(OK)) as proxy:
        url = URL.replace("https://", "http://")
        session = GPSession(url)
        session._surroundings.settings(url)
        monkeypatch.setenv(name, proxy.url.partition("/arcgis")[0])
        assert session.get_json(url) == {"ok": True}
        assert proxy.requests[0].startswith(f"GET {url}")


def test_the_local_machine_is_asked_without_a_proxy(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with RawServer(answer(OK)) as server:
        assert GPSession(server.url).get_json(server.url) == {"ok": True}


def test_what_the_system_says_beside_the_variables_is_asked_again_in_time(monkeypatch):
    moment, looks = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: moment[0])
    surroundings = Surroundings(lambda url: looks.append(url) or {"proxies": {}})
    for moment[0] in (0.0, 9.0, 11.0, 12.0):
        surroundings.settings(URL)
    assert looks == [URL, URL]
