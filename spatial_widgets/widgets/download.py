"""A result on its way through the kernel into a file of the reader's: made piece by piece, sent part by part."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets import formats
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from spatial_widgets.client import Job

__all__ = ["MOST_BYTES", "Download"]

logger = logging.getLogger(__name__)
#: Of a file that goes through the kernel: the browser holds it twice.
MOST_BYTES = 100_000_000
_PART = 1_000_000


class TooLargeError(Exception):
    """The file has more bytes than a browser is given."""


class Download:
    """One file for one view.

    To the browser go ``{"kind": "file-part", "ticket", "seq"}``, each with its bytes as a buffer, and at the end
    ``{"kind": "file-end", "ticket", "parts", "bytes", "file", "type", "problem"}``; with a problem there is no file.

    Parameters
    ----------
    request : what the browser said: ``name`` of the result, ``format``, and ``ticket``, which names this download.
    send : sends a message with buffers to the views.
    is_wanted : whether there is anybody to send to.
    """

    def __init__(
        self,
        job: Job,
        request: dict[str, Any],
        send: Callable[..., None],
        is_wanted: Callable[[], bool],
    ) -> None:
        self._job = job
        self._name = str(request.get("name"))
        self._kind = str(request.get("format"))
        self._ticket = str(request.get("ticket"))[:40]
        self._send = send
        self._is_wanted = is_wanted
        self._value: Any = None

    def start(self) -> None:
        """Begin, on a thread of the request pool: neither the cells nor the poller wait for it."""
        self._send({"kind": "file-ack", "ticket": self._ticket})
        Poller.shared().submit(Errand(self.run, origin=origin(self._job.url), lasting=True))

    def run(self) -> None:
        """Send the file, on the caller's thread."""
        number = total = 0
        problem = ""
        try:
            self._value = self._job.results.load(self._name)
            if self._kind not in formats.offered(self._value):
                problem = say("download.unknown", name=self._name, format=self._kind)
            else:
                for part in self._parts():
                    if not self._is_wanted():
                        return
                    self._send({"kind": "file-part", "ticket": self._ticket, "seq": number}, buffers=[part])
                    number, total = number + 1, total + len(part)
        except (TooLargeError, ImportError, SpatialWidgetsError) as error:
            problem = self._problem(error)
        except Exception as error:  # shown where the button was pressed
            logger.exception("The result %r could not be written", self._name)
            problem = self._problem(error)
        file = "" if problem else formats.file_name(self._name, self._value, self._kind)
        media = "" if problem else formats.media_type(self._kind)
        end = {"parts": number, "bytes": total, "file": file, "type": media, "problem": problem}
        self._send({"kind": "file-end", "ticket": self._ticket, **end})

    def _parts(self) -> Iterator[bytes]:
        """Yield the file in parts of 1 MB; of a large table it is known after a piece whether it is too large."""
        waiting, total = bytearray(), 0
        for piece in formats.pieces(self._value, self._kind):
            expected = 0.8 * len(piece) * formats.pieces_of(self._value, self._kind) if not total else 0
            total += len(piece)
            if max(total, expected) > MOST_BYTES:
                raise TooLargeError
            waiting += piece
            while len(waiting) >= _PART:
                yield bytes(waiting[:_PART])
                del waiting[:_PART]
        yield bytes(waiting)

    def _problem(self, error: Exception) -> str:
        label = say(f"download.{self._kind}")
        if isinstance(error, TooLargeError):
            code = formats.saving_code(self._name, self._value, self._kind)
            most = say("loading.mb", n=f"{MOST_BYTES / 1e6:.0f}")
            return say("download.too_large", name=self._name, format=label, most=most, code=code)
        if isinstance(error, ImportError):
            return say("download.needs", format=label)
        return say("download.failed", name=self._name, format=label, reason=error)
