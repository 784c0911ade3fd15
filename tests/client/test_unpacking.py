"""Compressed answers: unpacked while they arrive, whole or an error, and never more at once than a piece."""

import gzip
import json
import zlib

import pytest
from raw_server import RawServer

from spatial_widgets import errors
from spatial_widgets.client.session import GPSession

TEXT = json.dumps({"text": [f"line {i}" for i in range(30_000)]}).encode()
PACKED = gzip.compress(TEXT, mtime=0)
HALF = len(TEXT) // 2


HEAD = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: {}\r\n{}\r\n\r\n"


def packed(body, coding="gzip"):
    return HEAD.format(coding, f"Content-Length: {len(body)}").encode() + body


def in_chunks(body, size):
    parts = [body[i : i + size] for i in range(0, len(body), size)] + [b""]
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return HEAD.format("gzip", "Transfer-Encoding: chunked").encode() + framed


def serving(data):
    return RawServer(lambda connection, _server: connection.sendall(data))


WHOLE = {
    "gzip": packed(PACKED),
    "x-gzip in capitals": packed(PACKED, "X-GZIP"),
    "gzip in small chunks": in_chunks(PACKED, 1000),
    "two members": packed(gzip.compress(TEXT[:HALF]) + gzip.compress(TEXT[HALF:])),
    "an empty member between": packed(
        gzip.compress(TEXT[:HALF]) + gzip.compress(b"") + gzip.compress(TEXT[HALF:])
    ),
    "zeros behind": packed(PACKED + bytes(600)),
    "something else behind": packed(PACKED + b"\r\n<!-- served by a proxy -->"),
    "deflate": packed(zlib.compress(TEXT), "deflate"),
    "twice": packed(gzip.compress(PACKED), "gzip, gzip"),
}


@pytest.mark.parametrize("how", WHOLE)
def test_a_compressed_answer_is_what_was_compressed(how):
    with serving(WHOLE[how]) as server:
        session = GPSession(server.url)
        assert session.get_json(server.url, retry=False) == json.loads(TEXT)
        assert b"".join(session.download(server.url + "/file")) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_nothing_compressed_is_an_empty_file(coding):
    with serving(packed(b"", coding)) as server:
        assert b"".join(GPSession(server.url).download(server.url)) == b""


BROKEN = {
    "cut, but as long as announced": packed(PACKED[:-2000]),
    "without its last byte": packed(PACKED[:-1]),
    "cut in the second member": packed(gzip.compress(TEXT[:HALF]) + gzip.compress(TEXT[HALF:])[:-2000]),
    "damaged": packed(PACKED[:9000] + bytes(100) + PACKED[9100:]),
    "damaged in the second member": packed(PACKED + PACKED[:9000] + bytes(100) + PACKED[9100:]),
    "with a wrong sum": packed(PACKED[:-8] + bytes(8)),
    "plain text": packed(TEXT),
    "shorter than announced": packed(PACKED)[:-2000],
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_compressed_answer_that_is_not_whole_is_an_error(how):
    with serving(BROKEN[how]) as server:
        session = GPSession(server.url)
        with pytest.raises(errors.TransportError, match=r"(?i)gzip|incomplete"):
            session.get_json(server.url, retry=False)
        with pytest.raises(errors.TransportError, match=r"(?i)gzip|incomplete"):
            b"".join(session.download(server.url + "/file"))


def test_what_was_packed_very_well_comes_in_pieces():
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join(packer.compress(bytes(1 << 20)) for _ in range(20)) + packer.flush()
    with serving(packed(body)) as server:
        start, *pieces = map(len, GPSession(server.url).download(server.url))
    assert start + sum(pieces) == 20 << 20
    assert max(pieces) <= 1 << 19
