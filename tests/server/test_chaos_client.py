"""The client of the chaos test takes an answer that is cut short for no answer, and asks again."""

import io
import json

import pytest
from chaos_client import Client
from raw_server import RawServer, answer


@pytest.mark.parametrize(
    "said",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"jobId"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n{",
        b"nonsense\r\n\r\n",
        b"",
    ],
)
def test_an_answer_that_is_cut_short_is_none(tmp_path, said):
    with RawServer(answer(said)) as server:
        (tmp_path / "service.json").write_text(json.dumps({"url": server.url, "token": "t"}))
        assert Client(tmp_path, io.StringIO(), 1).ask("/Greet/submitJob", name="a") is None
