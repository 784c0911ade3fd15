"""A request and a response, free of any web framework, and the one shape of an error."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from spatial_widgets.server.form import FilePart, parse_pairs, read_form
from spatial_widgets.server.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Fault", "Request", "Response", "error_body"]

_JSON = "application/json; charset=utf-8"


class Fault(Exception):  # noqa: N818 -- it is an answer, not a defect
    """An answer that is an Esri error; ``details`` default to the message itself."""

    def __init__(self, code: int, message: str, details: Sequence[str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.details = [message] if details is None else list(details)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked.

    ``path`` is percent-decoded, ``form`` holds the fields of query and body together (the body wins),
    ``headers`` have lower-case names, ``files`` are the parts of a multipart body that have a file name.
    ``is_navigation`` says that a person opened this address in a browser.
    """

    method: str
    path: str
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    files: Mapping[str, FilePart] = field(default_factory=dict, repr=False)
    is_navigation: bool = False

    @classmethod
    def build(
        cls,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        limits: Limits | None = None,
    ) -> Request:
        """Read a request out of its URL, headers and body (URL-encoded or multipart).

        Raises
        ------
        ValueError : the body is neither, or has more or larger fields than ``limits`` allow.
        """
        lower = {name.lower(): value for name, value in (headers or {}).items()}
        parts = urlsplit(url)
        bounds = limits or Limits()
        sent = read_form(body, lower.get("content-type", ""), bounds)
        form = parse_pairs(parts.query.encode(), bounds) | sent.fields
        return cls(method.upper(), unquote(parts.path), form, lower, sent.files)

    @property
    def wants_html(self) -> bool:
        """Whether the answer is to be a page: asked for, or opened in a browser without a word about it."""
        chosen = self.option("f").casefold()
        return chosen == "html" or (not chosen and "text/html" in self.headers.get("accept", ""))

    def option(self, name: str) -> str:
        """Return a form field by its name in any case, without blanks around it; "" when it is not there."""
        folded = name.casefold()
        return next((value.strip() for key, value in self.form.items() if key.casefold() == folded), "")

    def flag(self, name: str, *, default: bool | None = None) -> bool | None:
        """Return a form field that says true or false, in any case; ``default`` when it is not there.

        Raises
        ------
        Fault : it says something else.
        """
        word = self.option(name).casefold()
        if not word:
            return default
        if word not in {"true", "false", "1", "0"}:
            raise Fault(400, f"{name} is true or false, got {word[:40]!r}.")
        return word in {"true", "1"}


@dataclass(frozen=True, slots=True)
class Response:
    """What the client is told: ``body`` are the bytes as they go out.

    ``file`` goes out instead where there is one, up to its end; whoever sends it closes it.
    """

    body: bytes
    status: int = 200
    content_type: str = _JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    file: BinaryIO | None = field(default=None, repr=False)

    @classmethod
    def of(cls, document: Any, *, pretty: bool = False, status: int = 200) -> Response:
        """Return the response that carries a JSON document."""
        layout: dict[str, Any] = {"indent": 1} if pretty else {"separators": (",", ":")}
        return cls(json.dumps(document, allow_nan=False, ensure_ascii=False, **layout).encode(), status)

    @classmethod
    def error(
        cls, code: int, message: str, details: Sequence[str] = (), *, status: int = 200, pretty: bool = False
    ) -> Response:
        """Return an Esri error; HTTP 200 unless told otherwise, as ArcGIS answers."""
        return cls.of(error_body(code, message, details), status=status, pretty=pretty)

    def json(self) -> Any:
        """Return the body, parsed."""
        return json.loads(self.body)


def error_body(code: int, message: str, details: Sequence[str] = ()) -> dict[str, Any]:
    """Return ``{"error": {"code", "message", "details"}}``."""
    return {"error": {"code": code, "message": message, "details": list(details)}}
