"""What somebody's own auth object put into a request: whatever may be a secret in it, to be masked in what is shown. No I/O."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from spatial_widgets.client.secret import Secret, is_distinct

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["signs"]

# Set by many, and known to everybody.
_OPEN = {
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "origin",
    "referer",
    "transfer-encoding",
    "user-agent",
}
_TELLING = re.compile(
    r"auth|token|key|secret|password|passwd|credential|signature|session|cookie|jwt|ticket", re.IGNORECASE
)
_SCHEME = re.compile(r"[A-Za-z][\w-]* +(?=\S)")
_PART = re.compile(r"""[\w.-]+="?([^",;]+)""")
_LONG = 20  # letters: no word is as long


def signs(
    before: Mapping[str, Any], after: Mapping[str, Any], url_before: str = "", url_after: str = ""
) -> Iterator[Secret]:
    """Yield what one request has that it had not before it was signed, whole and in its parts.

    A value under a telling name is a secret whatever it looks like; under any other name only where it can be
    neither a word of the protocol nor of somebody's data.
    """
    for name, value in after.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if before.get(name) == value or name.casefold() in _OPEN:
            continue
        is_telling = _TELLING.search(name) is not None
        for part in _parts(text):
            if is_telling or _is_no_word(part):
                yield Secret(part)
    if url_after != url_before:
        known = dict(parse_qsl(urlsplit(url_before).query))
        for name, value in parse_qsl(urlsplit(url_after).query):
            if known.get(name) != value and (_TELLING.search(name) or _is_no_word(value)):
                yield Secret(value)


def _parts(value: str) -> Iterator[str]:
    """Yield a header's value, what follows a scheme such as ``Bearer``, and what its own parts hold."""
    yield value
    bare = _SCHEME.sub("", value, count=1)
    if bare != value:
        yield bare
    if value.casefold().startswith("basic "):
        yield from _password(bare)
    elif bare.endswith("=") and bare.count("=") <= 2:  # base64, no list of parts
        return
    else:
        yield from (part for part in _PART.findall(bare) if _is_no_word(part))


def _password(packed: str) -> Iterator[str]:
    try:
        pair = base64.b64decode(packed, validate=True).decode("latin-1")
    except ValueError:
        return
    password = pair.partition(":")[2]
    if _is_no_word(password):
        yield password


def _is_no_word(value: str) -> bool:
    return len(value) >= _LONG or is_distinct(value)
