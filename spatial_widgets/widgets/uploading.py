"""Files on their way from the browser to the kernel's machine, part by part; they are gone when the form is."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MOST_BYTES", "Uploading"]

#: Of one file: it goes through the kernel.
MOST_BYTES = 500_000_000


class Uploading:
    """The files that a form was given.

    From the browser come ``{"kind": "file-part", "ticket", "seq", "file", "last"}``, each with its bytes as a buffer,
    the next one when ``{"kind": "file-got", "ticket", "seq"}`` says that the one before is here. The last is answered by
    ``{"kind": "file-here", "ticket", "path"}``, and trouble by ``{"kind": "file-here", "ticket", "problem"}``.

    Parameters
    ----------
    send : sends a message to the views.
    """

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send
        self._folder: Path | None = None
        self._open: dict[
            str, tuple[BinaryIO, Path, int]
        ] = {}  # ticket to the file, its path, and its parts so far
        self._made = 0
        self._forget: Callable[[], object] = _nothing

    def take(self, part: dict[str, Any], buffers: Sequence[Any]) -> None:
        """Take the next part of a file."""
        ticket = str(part.get("ticket"))[:40]
        try:
            path = self._write(ticket, part, buffers)
        except (OSError, ValueError) as error:
            self._drop(ticket)
            self._send({"kind": "file-here", "ticket": ticket, "path": "", "problem": str(error)})
        else:
            if path is not None:
                self._send({"kind": "file-here", "ticket": ticket, "path": str(path), "problem": ""})
            else:
                self._send({"kind": "file-got", "ticket": ticket, "seq": part.get("seq")})

    def _write(self, ticket: str, part: dict[str, Any], buffers: Sequence[Any]) -> Path | None:
        """Write one part; return the path when the file is whole."""
        if part.get("seq") == 0 and ticket not in self._open:
            path = self._new_path(str(part.get("file")))
            self._open[ticket] = (path.open("wb"), path, 0)
        if ticket not in self._open or self._open[ticket][2] != part.get("seq") or len(buffers) != 1:
            raise ValueError(say("form.upload.lost"))
        file, path, parts = self._open[ticket]
        file.write(buffers[0])
        if file.tell() > MOST_BYTES:
            raise ValueError(say("form.upload.too_large", most=say("loading.mb", n=MOST_BYTES // 1_000_000)))
        self._open[ticket] = (file, path, parts + 1)
        if part.get("last") is not True:
            return None
        self._open.pop(ticket)[0].close()
        return path

    def _new_path(self, name: str) -> Path:
        """Return a place of its own for a file, under its own name: services go by the extension."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="spatial-widgets-"))
            self._forget = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._made += 1
        folder = self._folder / str(self._made)
        folder.mkdir()
        last = name.replace("\\", "/").rpartition("/")[2]
        kept = "".join(c for c in last if c.isprintable()).strip()[-120:]
        return folder / (kept if kept.strip(".") else "file")

    def _drop(self, ticket: str) -> None:
        file, path, _ = self._open.pop(ticket, (None, None, 0))
        if file is not None and path is not None:
            file.close()
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of all files."""
        for ticket in list(self._open):
            self._drop(ticket)
        self._forget()


def _nothing() -> None:
    pass
