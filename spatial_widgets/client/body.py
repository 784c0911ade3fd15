"""The body of a POST, made while it is read.

The text of a large layer exists once, in pieces; quoting and framing happen piece by piece on the way to the
socket, so that there is never a second copy of the whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import numpy as np

from spatial_widgets.client.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Body", "FormValue", "form_size", "multipart", "urlencoded"]

#: The value of a form field: text, its UTF-8 bytes in pieces, or a secret, which is revealed on its way only.
FormValue = str | Sequence[bytes] | Secret

_CHUNK = 1 << 18
_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_SAFE_AND_SPACE = _SAFE + b" "
# What each byte becomes, filled up to three bytes with NUL, which is never left as it is.
_QUOTED = np.array([quote_plus(bytes([code])).encode() for code in range(256)], dtype="S3")


class Body:
    """A file-like body of known length. :meth:`rewind` before it is sent a second time.

    Parameters
    ----------
    content_type : the value of the ``Content-Type`` header.
    length : bytes in total.
    make : returns the chunks, from the start.

    Attributes
    ----------
    headers : what goes into the head of the request beside it; more may be added.
    """

    def __init__(self, content_type: str, length: int, make: Callable[[], Iterator[bytes]]) -> None:
        self.headers = {"Content-Type": content_type}
        self._length = length
        self._make = make
        self.rewind()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        return self._make()

    def rewind(self) -> None:
        """Start again from the first byte."""
        self._chunks = self._make()
        self._rest = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, all that are left by default; nothing at the end."""
        if size < 0:
            return b"".join([self._rest, *self._chunks])
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._rest = memoryview(chunk)
        found, self._rest = self._rest[:size], self._rest[size:]
        return bytes(found)


def form_size(form: Mapping[str, FormValue]) -> int:
    """Return the bytes of a form's values, before any quoting."""
    return sum(len(piece) for value in form.values() for piece in _pieces(value))


def urlencoded(form: Mapping[str, FormValue]) -> Body:
    """Return a form as ``application/x-www-form-urlencoded``."""
    heads = [(b"&" if number else b"") + quote_plus(name).encode() + b"=" for number, name in enumerate(form)]
    length = sum(len(head) for head in heads) + sum(
        _quoted_length(part) for value in form.values() for part in _parts(value)
    )

    def make() -> Iterator[bytes]:
        for head, value in zip(heads, form.values(), strict=True):
            yield head
            for part in _parts(value):
                yield _quoted(part)

    return Body("application/x-www-form-urlencoded", length, make)


def multipart(form: Mapping[str, FormValue], *, file: Path | None = None) -> Body:
    """Return a form as ``multipart/form-data``; ``file`` becomes its field ``file``, read while it is sent.

    Raises
    ------
    OSError : the file cannot be read.
    """
    boundary = f"sw-{secrets.token_hex(16)}"
    heads = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"\r\n\r\n'.encode()
        for name in form
    ]
    length = sum(map(len, heads)) + form_size(form) + 2 * len(form)
    file_head, size = b"", 0
    if file is not None:
        size = file.stat().st_size
        file_head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{_escaped(file.name)}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        length += len(file_head) + size + 2
    tail = f"--{boundary}--\r\n".encode()

    def make() -> Iterator[bytes]:
        for head, value in zip(heads, form.values(), strict=True):
            yield head
            yield from _pieces(value)
            yield b"\r\n"
        if file is not None:
            yield file_head
            yield from _read(file, size)
            yield b"\r\n"
        yield tail

    return Body(f"multipart/form-data; boundary={boundary}", length + len(tail), make)


def _read(file: Path, size: int) -> Iterator[bytes]:
    """Yield exactly as many bytes as were announced."""
    with file.open("rb") as opened:
        while size:
            chunk = opened.read(min(_CHUNK, size))
            if not chunk:
                raise OSError(f"{file} became shorter while it was sent")
            size -= len(chunk)
            yield chunk


def _pieces(value: FormValue) -> Sequence[bytes]:
    if isinstance(value, Secret):
        return [value.reveal().encode()]
    return [value.encode()] if isinstance(value, str) else value


def _parts(value: FormValue) -> Iterator[bytes]:
    """Yield a value in parts that are small even when quoted."""
    for piece in _pieces(value):
        for start in range(0, len(piece), _CHUNK):
            yield piece if len(piece) <= _CHUNK else piece[start : start + _CHUNK]


def _quoted_length(part: bytes) -> int:
    return len(part) + 2 * len(part.translate(None, _SAFE_AND_SPACE))


def _quoted(part: bytes) -> bytes:
    """Return a part as ``quote_plus`` does it, ten times faster."""
    return _QUOTED.take(np.frombuffer(part, np.uint8)).tobytes().translate(None, b"\0")


def _escaped(name: str) -> str:
    # As browsers do; https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
