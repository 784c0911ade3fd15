"""What a failed request has to say: the root of a chain of errors, and the chain without what it holds of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["chain", "frameless", "is_unsent", "root", "without_frames"]


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything it came from, the root last."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        context = None if cause.__suppress_context__ else cause.__context__
        cause = cause.__cause__ or (inner if isinstance(inner, BaseException) else None) or context


def root(error: BaseException) -> str:
    """Return what the first error of a chain said."""
    return str(list(chain(error))[-1]) or type(error).__name__


def is_unsent(error: BaseException) -> bool:
    """Whether the connection itself could not be made, so that the server saw nothing."""
    return any(
        type(cause).__name__ in {"NewConnectionError", "NameResolutionError"} for cause in chain(error)
    )


def without_frames(error: BaseException) -> None:
    """Take from an error, and all it came from, the frames and the request that it happened in."""
    waiting: list[object] = [error]
    seen: set[int] = set()
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
        pass

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, *rest: object) -> None:
        if error is not None:
            without_frames(error)
