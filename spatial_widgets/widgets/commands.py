"""What the views of a job ask the kernel for: answered at once, never with HTTP here, and never by writing a trait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from spatial_widgets.client import Poller
from spatial_widgets.client.requestpool import Errand
from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.protocol.urls import origin
from spatial_widgets.widgets.download import Download
from spatial_widgets.widgets.phrases import say

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client import Job
    from spatial_widgets.widgets.messagelog import MessageLog
    from spatial_widgets.widgets.wirelog import WireLog

__all__ = ["Commands"]


class Commands:
    """Answers the views of one job, on whatever thread their messages come in.

    Parameters
    ----------
    log, requests : what is told of when a view asks for it; ``requests`` is None where they are not shown.
    send : sends a message to all views.
    is_open : whether there are any.
    stop_loading : stops the loading of the results.
    cancelled : called on the poller's thread when the service was asked to cancel.
    """

    def __init__(
        self,
        job: Job,
        log: MessageLog,
        requests: WireLog | None,
        send: Callable[[dict[str, Any]], None],
        *,
        is_open: Callable[[], bool],
        stop_loading: Callable[[], None],
        cancelled: Callable[[], None],
    ) -> None:
        self._job, self._log, self._requests, self._send = job, log, requests, send
        self._is_open, self._stop_loading, self._cancelled = is_open, stop_loading, cancelled

    def answer(self, content: Any) -> None:
        """Answer a message; one that nobody here sends is left alone."""
        kind = content.get("kind") if isinstance(content, dict) else None
        if kind == "cancel":
            self._send({"kind": "cancel-ack"})
            Poller.shared().submit(Errand(self._cancel, origin=origin(self._job.url)))
        elif kind == "stop-loading":
            self._stop_loading()
        elif kind == "download":
            Download(self._job, content, self._send, self._is_open).start()
        elif kind == "hello":
            self._send({"kind": "now", "now": time.time()})
            if self._requests is not None:
                self._send(self._requests.since(0))
        elif kind in ("log-from", "log-before"):
            self._tell_lines(content.get("seq"), is_before=kind == "log-before")

    def _tell_lines(self, number: Any, *, is_before: bool) -> None:
        if isinstance(number, int) and 0 <= number <= len(self._log):
            first, lines = self._log.before(number) if is_before else self._log.since(number)
            told = {"seq": first, "lines": lines, "total": len(self._log), "asked": True}
            self._send({"kind": "log", **told})

    def _cancel(self) -> None:
        try:
            self._job.cancel()
            problem = ""
        except SpatialWidgetsError as error:
            problem = say("job.cancel.failed", reason=error)
        Poller.shared().call(self._cancelled)
        self._send({"kind": "cancel-done", "problem": problem})
