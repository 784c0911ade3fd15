"""What a failed request has to say: the root of a chain of errors, and the chain without what it holds of the request.

A request made where another error is being handled has that one in its chain too. It is the caller's: whoever
knows it, from ``sys.exception()`` before the request, passes it as ``outer``, and it is neither told nor touched.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["chain", "frameless", "is_unsent", "root", "unsent", "without_frames"]


def chain(error: BaseException, outer: BaseException | None = None) -> Iterator[BaseException]:
    """Yield an error and everything it came from, the root last."""
    seen: set[int] = {id(outer)}
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        context = None if cause.__suppress_context__ else cause.__context__
        cause = cause.__cause__ or (inner if isinstance(inner, BaseException) else None) or context


def root(error: BaseException, outer: BaseException | None = None) -> str:
    """Return what the first error of a chain said."""
    return str(list(chain(error, outer))[-1]) or type(error).__name__


def is_unsent(error: BaseException, outer: BaseException | None = None) -> bool:
    """Whether the connection itself could not be made, or nobody signed in for it, so that the server saw nothing."""
    return any(
        type(cause).__name__ in {"NewConnectionError", "NameResolutionError"}
        or not getattr(cause, "sent", True)
        for cause in chain(error, outer)
    )


def without_frames(error: BaseException, outer: BaseException | None = None) -> None:
    """Take from an error, and all it came from, the frames and the request that it happened in."""
    waiting: list[object] = [error]
    seen: set[int] = {id(outer)}
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        for held in ("request", "response"):
            if getattr(each, held, None) is not None:
                setattr(each, held, None)
        waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]


class frameless:  # noqa: N801 -- reads as a statement. No @contextmanager: that one puts the frames back
    """Within the block, what is raised keeps no frames from below this one.

    Those frames belong to HTTP libraries and hold headers and bodies, which some tracebacks show
    (``%xmode Verbose``, ``capture_locals``).
    """

    def __enter__(self) -> None:
        self._outer = sys.exception()

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        if error is not None:
            without_frames(error, self._outer)


class unsent:  # noqa: N801 -- reads as a statement
    """Within the block, nothing of a request is sent yet: what is raised, be it the user's own, says ``sent = False``."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        if error is not None:
            with contextlib.suppress(AttributeError):  # an error with slots
                error.sent = False  # type: ignore[attr-defined]
