"""Form fields out of a request's body.

Feature sets of many megabytes travel as form fields, so this works on whole bytes; it runs off the event
loop. The standard library's ``parse_qs`` needs seconds where this needs tenths.
"""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote_to_bytes

__all__ = ["MULTIPART", "URLENCODED", "parse_form", "parse_pairs"]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def parse_form(body: bytes, content_type: str, most: int = 200) -> dict[str, str]:
    """Return the fields of a URL-encoded or multipart body; a repeated field keeps its last value.

    Raises
    ------
    ValueError : another content type, a broken multipart body, text that is no UTF-8, or over ``most`` fields.
    """
    if not body:
        return {}
    header = Message()
    header["Content-Type"] = content_type or URLENCODED
    kind = header.get_content_type()
    if kind == URLENCODED:
        return parse_pairs(body, most)
    if kind == MULTIPART:
        boundary = header.get_param("boundary")
        if not isinstance(boundary, str) or not boundary:
            raise ValueError("the multipart body names no boundary")
        return _parse_multipart(body, boundary.encode(), most)
    raise ValueError(f"the body is {kind}; send {URLENCODED} or {MULTIPART}")


def parse_pairs(text: bytes, most: int = 200) -> dict[str, str]:
    """Return the fields of a query or a URL-encoded body.

    Raises
    ------
    ValueError : over ``most`` fields, or no UTF-8.
    """
    pairs = [pair for pair in text.split(b"&", most + 1) if pair]
    _at_most(len(pairs), most)
    return {_plain(name): _plain(value) for name, _, value in (pair.partition(b"=") for pair in pairs)}


def _plain(text: bytes) -> str:
    return _text(unquote_to_bytes(text.replace(b"+", b" ")))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError("a form field is not UTF-8 text") from error


def _at_most(count: int, most: int) -> None:
    if count > most:
        raise ValueError(f"the form has over {most} fields")


def _parse_multipart(body: bytes, boundary: bytes, most: int) -> dict[str, str]:
    # The body's first delimiter has no line break before it; with one added all delimiters look alike.
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary, most + 1)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        _at_most(len(parts) - 1, most)
        raise ValueError("the multipart body is cut short")
    fields = {}
    for part in parts[1:-1]:
        head, blank, content = part.partition(b"\r\n\r\n")
        name = _name(head)
        if not blank or name is None:
            raise ValueError("a part of the multipart body has no name")
        fields[name] = _text(content)
    return fields


def _name(head: bytes) -> str | None:
    for line in _text(head).split("\r\n"):
        label, _, value = line.partition(":")
        if label.strip().lower() == "content-disposition":
            header = Message()
            header["Content-Disposition"] = value.strip()
            found = header.get_param("name", header="content-disposition")
            return found if isinstance(found, str) else None
    return None
