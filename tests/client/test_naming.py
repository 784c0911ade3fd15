"""The look-up of a host's name: bounded, shared, and all addresses tried in the time to connect."""

import socket
import threading

import pytest
from raw_server import OK, RawServer, answer

from spatial_widgets import errors
from spatial_widgets.client import GPSession
from spatial_widgets.client.naming import Names


def found(*addresses):
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]


@pytest.fixture
def book(monkeypatch):
    """Names to what is found for them: addresses, or a function."""
    real, names = socket.getaddrinfo, {}

    def look_up(host, *arguments, **options):
        if host not in names:
            return real(host, *arguments, **options)
        return found(*names[host]) if isinstance(names[host], tuple) else names[host]()

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_a_host_is_found_by_its_name_and_asked_for_by_it(book):
    with RawServer(answer(OK)) as server:
        book["gis.test"] = ("127.0.0.1",)
        url = server.url.replace("127.0.0.1", "gis.test")
        assert GPSession(url).get_json(url) == {"ok": True}
        assert "Host: gis.test:" in server.requests[0]


def test_an_address_that_does_not_answer_leaves_time_for_the_next(book):
    with RawServer(answer(OK)) as server, socket.create_server(("127.0.0.2", 0), backlog=0) as deaf:
        port = deaf.getsockname()[1]
        full = [socket.socket() for _ in range(4)]  # a queue that is full answers no more
        for each in full:
            each.setblocking(False)
            each.connect_ex(deaf.getsockname())
        server.listener.close()
        with socket.create_server(("127.0.0.1", port)) as listener:
            server.listener = listener
            threading.Thread(target=server.run, daemon=True).start()
            book["gis.test"] = ("127.0.0.2", "127.0.0.1")
            url = f"http://gis.test:{port}/arcgis/rest/services/x/GPServer"
            assert GPSession(url).get_json(url, retry=False) == {"ok": True}
            server.over.set()
        for each in full:
            each.close()


@pytest.mark.parametrize("addresses", [(), ("127.0.0.1", "127.0.0.1", "127.0.0.2")])
def test_a_host_that_is_nowhere_to_be_reached_says_so(book, addresses):
    book["gis.test"] = addresses
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(errors.TransportError, match="Nothing was sent") as caught:
        GPSession(f"http://gis.test:{port}/").get_json(f"http://gis.test:{port}/", retry=False)
    assert ("refused" if addresses else "no address") in str(caught.value)
    assert not caught.value.sent


def test_those_who_ask_for_one_name_share_a_look_up_and_the_next_one_asks_anew(book):
    names, let_go, asked = Names(), threading.Event(), []

    def slow():
        asked.append(None)
        let_go.wait(20)
        return found("127.0.0.3")

    book["gis.test"] = slow
    for _ in range(3):
        with pytest.raises(TimeoutError):
            names.addresses("gis.test", 0.05)
    assert len(asked) == 1
    let_go.set()
    assert names.addresses("gis.test", 20) == ["127.0.0.3"]
    assert names.addresses("gis.test", 20) == ["127.0.0.3"]
    assert len(asked) == 2


def test_what_is_no_name_is_told(book):
    for host in ("a..b", "a" * 70 + ".test"):
        with pytest.raises(UnicodeError):
            Names().addresses(host, 20)
    book["gis.test"] = lambda: (_ for _ in ()).throw(socket.gaierror(socket.EAI_NONAME, "unknown"))
    with pytest.raises(socket.gaierror):
        Names().addresses("gis.test", 20)


def test_nobody_is_asked_for_an_address_and_no_thread_is_needed(book):
    before = threading.active_count()
    assert Names().addresses("127.0.0.1", 0) == ["127.0.0.1"]
    assert Names().addresses("[::1]", 0) == ["::1"]
    assert "127.0.0.1" in Names().addresses("localhost", 0)
    assert threading.active_count() == before
