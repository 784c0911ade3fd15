import pytest

from spatial_widgets.server.form import parse_form, parse_pairs, read_form
from spatial_widgets.server.limits import Limits
from spatial_widgets.server.wire import Fault, Request, Response, error_body

MULTIPART = (
    b'--XX\r\nContent-Disposition: form-data; name="f"\r\n\r\njson\r\n'
    b'--XX\r\nContent-Disposition: form-data; name="layer"; filename="a.json"\r\nContent-Type: application/json\r\n\r\n'
    b'{"a":\r\n "\xc3\xa9"}\r\n--XX--\r\n'
)


def test_an_error_body_has_code_message_and_details():
    assert error_body(400, "No.", ["Because."]) == {
        "error": {"code": 400, "message": "No.", "details": ["Because."]}
    }


def test_an_error_is_sent_as_http_200():
    response = Response.error(404, "Not here.")
    assert response.status == 200
    assert response.json() == error_body(404, "Not here.")
    assert response.content_type.startswith("application/json")


def test_nan_never_goes_out():
    with pytest.raises(ValueError, match="JSON"):
        Response.of({"x": float("nan")})


def test_query_and_body_are_one_form_and_the_body_wins():
    request = Request.build(
        "post",
        "http://h/a%20b/c?f=html&x=1",
        body=b"f=json&y=%C3%A9+%2B",
        headers={"Content-Type": "application/x-www-form-urlencoded", "X-Y": "z"},
    )
    assert request == Request("POST", "/a b/c", {"f": "json", "x": "1", "y": "é +"}, dict(request.headers))
    assert request.headers["x-y"] == "z"


def test_multipart_fields_keep_their_bytes():
    form = read_form(MULTIPART, 'multipart/form-data; boundary="XX"')
    assert parse_form(MULTIPART, 'multipart/form-data; boundary="XX"') == form.fields
    assert form.fields == {"f": "json", "layer": '{"a":\r\n "é"}'}
    assert form.files["layer"].filename == "a.json"
    assert form.files["layer"].content == '{"a":\r\n "é"}'.encode()


def test_a_file_that_is_no_text_is_no_field():
    body = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n\xff\x00\r\n--X--'
    form = read_form(body, "multipart/form-data; boundary=X")
    assert (form.fields, form.files["file"].content) == ({}, b"\xff\x00")


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=X"])
def test_a_field_over_the_limit_is_named(kind):
    parts = {
        "application/x-www-form-urlencoded": b"a=1&layer=" + b"%41" * 11,
        "multipart/form-data; boundary=X": b'--X\r\nContent-Disposition: form-data; name="layer"\r\n\r\n'
        + b"A" * 11
        + b"\r\n--X--",
    }
    with pytest.raises(ValueError, match="'layer' has over 10 bytes"):
        parse_form(parts[kind], kind, Limits(field_bytes=10))


def test_flags_and_options_are_read_in_any_case():
    request = Request("GET", "/", {"RETURNZ": " False ", "outsr": " 4326 ", "returnM": "perhaps"})
    assert request.flag("returnZ", default=True) is False
    assert request.flag("returnFeatureCollection", default=None) is None
    assert request.option("outSR") == "4326"
    with pytest.raises(Fault, match="returnM is true or false"):
        request.flag("returnM")


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"{}", "application/json", "application/json"),
        (MULTIPART[:60], "multipart/form-data; boundary=XX", "cut short"),
        (MULTIPART, "multipart/form-data", "boundary"),
        (b"--XX\r\n\r\nx\r\n--XX--", "multipart/form-data; boundary=XX", "no name"),
        (b"a=%ff", "application/x-www-form-urlencoded", "UTF-8"),
        (b"&".join(b"a=1" for _ in range(201)), "", "200 fields"),
        (
            b"--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 201 + b"--XX--",
            "multipart/form-data; boundary=XX",
            "200 fields",
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_a_value_error(body, kind, says):
    with pytest.raises(ValueError, match=says):
        parse_form(body, kind)


def test_empty_pairs_and_missing_values_are_harmless():
    assert parse_pairs(b"&a&b=&c=1=2&") == {"a": "", "b": "", "c": "1=2"}
