"""Bodies that are made while they are read: their bytes, their length, and that they can be read again."""

import json
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatial_widgets.client.body import form_size, multipart, urlencoded
from spatial_widgets.server.form import parse_form

TEXTS = st.dictionaries(
    st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\\;'), min_size=1, max_size=6).map(str.strip).filter(bool),
    st.text(st.characters(codec="utf-8"), max_size=40) | st.lists(st.binary(max_size=9).map(lambda b: json.dumps(list(b)).encode()), max_size=3),
    max_size=4,
)  # fmt: skip


def plain(form):
    return {
        name: value if isinstance(value, str) else b"".join(value).decode() for name, value in form.items()
    }


def drained(body, size=7):
    return b"".join(iter(lambda: body.read(size), b""))


@given(TEXTS, st.integers(1, 50))
def test_a_form_is_encoded_as_the_standard_library_does_it(form, size):
    body = urlencoded(form)
    whole = drained(body, size)
    assert whole == urlencode(plain(form)).encode()
    assert len(body) == len(whole)
    body.rewind()
    assert body.read() == whole == b"".join(body)


@given(TEXTS)
def test_a_multipart_form_is_read_back_as_it_was(form):
    body = multipart(form)
    whole = drained(body)
    assert len(body) == len(whole)
    assert parse_form(whole, body.headers["Content-Type"]) == {**plain(form)}


def test_every_byte_is_quoted_as_it_should_be():
    raw = bytes(range(256)) * 2000
    body = urlencoded({"x": [raw]})
    [(_, value)] = parse_qsl(body.read().decode(), encoding="latin-1")
    assert value.encode("latin-1") == raw
    assert form_size({"x": [raw], "y": "é"}) == len(raw) + 2


def test_a_file_is_read_while_it_is_sent_and_its_name_is_kept(tmp_path):
    path = tmp_path / 'a "b".zip'
    path.write_bytes(b"\0\r\n" * 1000)
    body = multipart({"f": "json"}, file=path)
    whole = drained(body)
    assert len(body) == len(whole)
    assert b'name="file"; filename="a %22b%22.zip"\r\n' in whole
    assert whole.count(b"\0\r\n") == 1000
    path.write_bytes(b"short")
    body.rewind()
    with pytest.raises(OSError, match="shorter"):
        drained(body)
