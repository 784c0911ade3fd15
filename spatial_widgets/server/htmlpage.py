"""Answers as pages for a person with a browser: no script, everything escaped, nothing loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from spatial_widgets.server.wire import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["explanation", "page"]

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}nav{color:#555}h1{font-size:1.4rem;overflow-wrap:anywhere}table{border-collapse:collapse;margin:.3rem 0}"
    "th,td{border:1px solid #ccc;padding:.25rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#f4f4f4;font-weight:600}td{white-space:pre-wrap}a{color:#0b5cad}"
)
_STYLE_SUM = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Headers of a page: no script, no frame, no form, nothing from elsewhere, no address told to anybody.
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_SUM}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
}
_HTML = "text/html; charset=utf-8"
_MOST_NODES = 3000
_MOST_BYTES = 2_000_000
_MOST_CHARS = 2000


def page(path: str, answer: Any, *, is_anonymous: bool) -> Response:
    """Return the page of an answer: a JSON document, or a :class:`Response` that carries one."""
    too_large = isinstance(answer, Response) and len(answer.body) > _MOST_BYTES
    document = (
        (json.loads(answer.body) if not too_large else None) if isinstance(answer, Response) else answer
    )
    here = path.rstrip("/")
    if too_large:
        body = f"<p>The answer has {len(answer.body):,} bytes; a page would not show them.</p>"
    else:
        body = _Writer(here).text(document)
    note = "" if is_anonymous else "<p>A client sends the service's token with each request.</p>"
    link = f'<p><a href="{_link(here)}?f=pjson">as JSON</a></p>'
    return _response(here or "/", _trail(here) + body + link + note)


def explanation() -> Response:
    """Return the page for a person who opens a service that asks for a token: no token belongs in an address."""
    return _response(
        "A geoprocessing service",
        "<p>This is a local geoprocessing service of spatial_widgets. It asks each request for its token, which "
        "clients send in a header.</p><p>A browser cannot send that header for a typed address, and a token in an "
        "address stays in the history and in logs: please do not put it there.</p><p>To look around with a "
        "browser, serve without a token (<code>spatial-widgets serve --anonymous</code>), or ask from a notebook: "
        "<code>sw.LocalService.start().service().tasks()</code>.</p>",
        status=401,
    )


def _response(title: str, body: str, *, status: int = 200) -> Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>"
    )
    return Response(text.encode("utf-8", "replace"), status, _HTML, HEADERS)


def _link(path: str) -> str:
    return escape(quote(path, safe="/"), quote=True)


def _trail(path: str) -> str:
    words = [word for word in path.split("/") if word]
    links = []
    for number, word in enumerate(words, 1):
        if number > 2:  # above that there is nothing to see
            links.append(f'<a href="{_link("/" + "/".join(words[:number]))}">{escape(word)}</a>')
    return f"<nav>{' / '.join(links)}</nav>"


class _Writer:
    """Writes one document as nested tables, up to a number of values."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._left = _MOST_NODES

    def text(self, document: Any) -> str:
        return "".join(self._value(document, ""))

    def _value(self, value: Any, key: str, depth: int = 0) -> Iterator[str]:
        self._left -= 1
        if self._left < 0 or depth > 20:
            yield "…"
        elif isinstance(value, dict):
            yield "<table>"
            for name, inner in value.items():
                if self._left < 0:
                    break
                yield f"<tr><th>{escape(str(name)[:_MOST_CHARS])}</th><td>"
                yield from self._value(inner, str(name), depth + 1)
                yield "</td></tr>"
            yield "</table>"
        elif isinstance(value, list):
            yield "<table>" if value else "none"
            for inner in value:
                if self._left < 0:
                    yield "<tr><td>…</td></tr>"
                    break
                yield "<tr><td>"
                yield from self._value(inner, key, depth + 1)
                yield "</td></tr>"
            yield "</table>" if value else ""
        else:
            yield self._leaf(value, key)

    def _leaf(self, value: Any, key: str) -> str:
        shown = value if isinstance(value, str) else json.dumps(value)
        text = escape(shown if len(shown) <= _MOST_CHARS else shown[:_MOST_CHARS] + "…")
        target = self._target(key, value)
        return f'<a href="{_link(target)}">{text}</a>' if target and isinstance(value, str) else text

    def _target(self, key: str, value: Any) -> str:
        """Return the address that a value of a known kind leads to."""
        words = self._path.casefold().split("/")
        if words[-1:] == ["gpserver"] and key == "tasks":
            return f"{self._path}/{value}"
        if key == "paramUrl":
            return f"{self._path}/{value}"
        if words[-1:] == ["jobs"] and key == "jobId":
            return f"{self._path}/{value}"
        if words[-1:] == ["uploads"] and key == "itemID":
            return f"{self._path}/{value}"
        if words[-1:] == ["services"] and key == "name":
            return f"{self._path}/{value}/GPServer"
        return ""
