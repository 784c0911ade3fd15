"""Form fields and files out of a request's body.

Feature sets of many megabytes travel as form fields, so this works on whole bytes; it runs off the event
loop. The standard library's ``parse_qs`` needs seconds where this needs tenths.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.message import Message
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from spatial_widgets.server.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["MULTIPART", "URLENCODED", "FilePart", "Form", "parse_form", "parse_pairs", "read_form"]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part of a multipart body that has a file name; the name is the client's, and only ever shown."""

    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a body, and the files among them; a file that is UTF-8 text is a field as well."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, FilePart] = field(default_factory=dict)


def parse_form(body: bytes, content_type: str, limits: Limits | None = None) -> dict[str, str]:
    """Return the fields of a body; see :func:`read_form`."""
    return read_form(body, content_type, limits).fields


def read_form(body: bytes, content_type: str, limits: Limits | None = None) -> Form:
    """Return what a URL-encoded or multipart body holds; a repeated field keeps its last value.

    Raises
    ------
    ValueError : another content type, a broken multipart body, text that is no UTF-8, or more or larger
        fields than ``limits`` allow.
    """
    if not body:
        return Form()
    bounds = limits or Limits()
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ") or URLENCODED
    kind = header.get_content_type()
    if kind == URLENCODED:
        return Form(parse_pairs(body, bounds))
    if kind == MULTIPART:
        boundary = header.get_param("boundary")
        if not isinstance(boundary, str) or not boundary:
            raise ValueError("the multipart body names no boundary")
        return _parse_multipart(body, boundary.encode(), bounds)
    raise ValueError(f"the body is {kind}; send {URLENCODED} or {MULTIPART}")


def parse_pairs(text: bytes, limits: Limits | None = None) -> dict[str, str]:
    """Return the fields of a query or a URL-encoded body.

    Raises
    ------
    ValueError : more or larger fields than ``limits`` allow, or no UTF-8.
    """
    bounds = limits or Limits()
    pairs = [pair for pair in text.split(b"&", bounds.fields + 1) if pair]
    _at_most(len(pairs), bounds.fields)
    found = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        label, content = _text(_unquote(name)), _unquote(value)
        _check_size(label, content, bounds)
        found[label] = _text(content)
    return found


def _unquote(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError("a form field is not UTF-8 text") from error


def _at_most(count: int, most: int) -> None:
    if count > most:
        raise ValueError(f"the form has over {most} fields")


def _check_size(name: str, content: bytes, limits: Limits) -> None:
    if len(content) > limits.field_bytes:
        raise ValueError(
            f"the form field {name[:100]!r} has over {limits.field_bytes:,} bytes; send fewer or simpler features"
        )


def _parse_multipart(body: bytes, boundary: bytes, limits: Limits) -> Form:
    # The body's first delimiter has no line break before it; with one added all delimiters look alike.
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary, limits.fields + 1)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        _at_most(len(parts) - 1, limits.fields)
        raise ValueError("the multipart body is cut short")
    form = Form()
    for part in parts[1:-1]:
        head, blank, content = part.partition(b"\r\n\r\n")
        name, filename = _names(_text(head).split("\r\n"))
        if not blank or name is None:
            raise ValueError("a part of the multipart body has no name")
        if filename is None:
            _check_size(name, content, limits)
            form.fields[name] = _text(content)
            continue
        form.files[name] = FilePart(filename, content)
        # A layer may come as a file too; what is no text cannot be a parameter.
        if len(content) <= limits.field_bytes:
            try:
                form.fields[name] = content.decode()
            except UnicodeDecodeError:
                form.fields.pop(name, None)
    return form


def _names(lines: Iterable[str]) -> tuple[str | None, str | None]:
    """Return the field's name and the file's, as the part's head has them."""
    for line in lines:
        label, _, value = line.partition(":")
        if label.strip().lower() != "content-disposition":
            continue
        header = Message()
        try:
            header["Content-Disposition"] = value.strip()
            name = header.get_param("name", header="content-disposition")
            filename = header.get_filename()
        except (HeaderParseError, ValueError, LookupError):
            return None, None
        return (name if isinstance(name, str) else None), filename
    return None, None
