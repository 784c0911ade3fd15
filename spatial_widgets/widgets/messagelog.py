"""All that a service said of a job, in order: a log that only grows, whatever the service does with its list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spatial_widgets.widgets.fitting import cut, fitting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.protocol import JobMessage

__all__ = ["TAIL", "MessageLog", "fresh_lines"]

#: So many of the last messages are kept for pages without a kernel.
TAIL = 200
_TAIL_BYTES = 3500
_BATCH = 2000  # messages that travel together
_BATCH_CHARACTERS = 400_000  # unless they are long

Line = list[Any]


class MessageLog:
    """The messages of one job, and how many of them have been sent.

    To the browser each travels once, as ``[level, text]``; where the text is a sentence made of what the service sent
    as JSON, as ``[level, text, as sent]``.
    """

    def __init__(self) -> None:
        self._messages: list[JobMessage] = []
        self._listed: tuple[JobMessage, ...] = ()
        self._sent = 0

    def __len__(self) -> int:
        return len(self._messages)

    def read(self, listed: tuple[JobMessage, ...]) -> int:
        """Take the service's list as it is now; return how many messages are new."""
        if listed is self._listed:
            return 0
        fresh = fresh_lines(self._messages, self._listed, listed)
        self._listed = listed
        self._messages.extend(fresh)
        return len(fresh)

    @property
    def messages(self) -> Sequence[JobMessage]:
        """All of them."""
        return self._messages

    @property
    def has_news(self) -> bool:
        """Whether there are messages that have not been sent."""
        return self._sent < len(self._messages)

    def news(self) -> tuple[int, list[Line]]:
        """Return the next batch to send, and the number of its first message."""
        first, lines = self.since(self._sent)
        self._sent += len(lines)
        return first, lines

    def since(self, first: int) -> tuple[int, list[Line]]:
        """Return messages from a number on, as many as go into one batch, and the number of the first."""
        return first, _batch(self._messages[first : first + _BATCH])

    def before(self, end: int) -> tuple[int, list[Line]]:
        """Return the messages that come last before a number, and the number of the first."""
        lines = _batch(self._messages[max(0, end - _BATCH) : end][::-1])[::-1]
        return end - len(lines), lines

    def tail(self) -> list[Line]:
        """Return the last messages, for saved pages: as many as fit.

        Of one that does not fit even alone, ``[level, its beginning, None, True]``.
        """
        newest = [_line(message) for message in self._messages[: -TAIL - 1 : -1]]
        lines = newest[: fitting(newest, _TAIL_BYTES)][::-1]
        if newest and not lines:
            level, text = newest[0][:2]
            return [[level, cut(text, _TAIL_BYTES - 50, "log.more"), None, True]]
        return lines


def _batch(messages: Sequence[JobMessage]) -> list[Line]:
    lines, size = [], 0
    for message in messages:
        lines.append(_line(message))
        size += sum(map(len, lines[-1]))
        if size > _BATCH_CHARACTERS:
            break
    return lines


def _line(message: JobMessage) -> Line:
    text = message.text
    return (
        [message.level, text] if text == message.description else [message.level, text, message.description]
    )


def fresh_lines(
    log: Sequence[JobMessage], before: Sequence[JobMessage], now: Sequence[JobMessage]
) -> list[JobMessage]:
    """Return what a service's list of messages says beyond the log of all that was shown.

    A list may lag behind, lose its oldest messages, or start anew: it is laid where it agrees with the log
    as far as both reach, longest first, else taken as a continuation of ``before``, the list that the service
    gave last, else it is new altogether.
    """
    log, before, now = list(log), list(before), list(now)
    if not now or now[: len(log)] == log:
        return now[len(log) :]
    for start, message in enumerate(log):
        if message == now[0]:
            shared = min(len(log) - start, len(now))
            if log[start : start + shared] == now[:shared]:
                return now[shared:]
    return now[len(before) :] if before and now[: len(before)] == before else now
