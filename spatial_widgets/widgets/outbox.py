"""What a widget tells its views without being asked: one message at a time, and at most five in any second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.widgets.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Outbox"]

_GATHER_S = 0.02  # what happens at the same time is told together
_PAUSE_S = (
    0.51  # two messages in any second, and three for the ends of a job and of the loading of its results
)


class Outbox:
    """State that changed and news that came, until their turn comes; they take turns.

    Parameters
    ----------
    send_state : sends the traits of these names, as they are then, in one message.
    send : sends a message to the views.
    news : returns the next message beside the state, or None; asked again and again, until there is none.
    """

    def __init__(
        self,
        send_state: Callable[[set[str]], None],
        send: Callable[[dict[str, Any]], None],
        news: Callable[[], dict[str, Any] | None],
    ) -> None:
        self._send_state, self._send, self._news = send_state, send, news
        self._names: set[str] = set()
        self._is_news_turn = False
        self._is_closed = False
        self._pace = Pace(self._speak, gather_s=_GATHER_S, pause_s=_PAUSE_S)

    def state(self, names: Iterable[str]) -> None:
        """Have traits sent, and news asked for; on the poller's thread."""
        self._names |= set(names)
        if self._names:
            self._pace.ask()

    def look(self) -> None:
        """Have news asked for; from any thread."""
        self._pace.ask()

    def flush(self) -> None:
        """Send what there is now: whoever waits for the end of a job must not be quicker than its views."""
        self._send_news()  # before the state, which says how many there are
        self._send_names()

    def close(self) -> None:
        """Fall silent."""
        self._is_closed = True

    def _speak(self) -> None:
        if self._is_news_turn or not self._names:
            has_spoken = self._send_news() or self._send_names()
        else:
            has_spoken = self._send_names()
        self._is_news_turn = not self._is_news_turn
        if has_spoken:
            self._pace.ask()  # there may be more

    def _send_news(self) -> bool:
        message = None if self._is_closed else self._news()
        if message is not None:
            self._send(message)
        return message is not None

    def _send_names(self) -> bool:
        names, self._names = self._names, set()
        if names and not self._is_closed:
            self._send_state(names)
        return bool(names)
