"""One token for all threads: asked for once, renewed before its end and after a refusal, never by two at a time."""

from __future__ import annotations

import copy
import logging
import threading
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.requestpool import RequestPool
from spatial_widgets.client.secret import Secret, Secrets
from spatial_widgets.errors import AuthenticationError, SpatialWidgetsError, TransportError, TransportTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SYSTEM_CLOCKS", "Clocks", "Grant", "TokenSource"]

logger = logging.getLogger(__name__)
_Error = TypeVar("_Error", bound=BaseException)

_EARLY_S = 300.0
_SHORT_LIFE_S = 1500.0  # below, 5 minutes would be more than a fifth of it
_EARLY_SHARE = 0.8
_AGAIN_S = 30.0  # after an early renewal that failed
_REST_S = 60.0  # after a refused sign-in: asked again and again, a portal locks the account


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time as the life of a token needs it: a monotonic clock, and one that goes on while the machine sleeps."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


SYSTEM_CLOCKS = Clocks()


@dataclass(frozen=True, slots=True)
class Grant:
    """A token, and the seconds that it lives from its receipt; None where nobody said."""

    token: Secret
    life_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A grant, and when it was received by each clock."""

    grant: Grant
    clocks: Clocks
    since: float = field(init=False)
    since_wall: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "since", self.clocks.now())
        object.__setattr__(self, "since_wall", self.clocks.wall())

    @property
    def token(self) -> Secret:
        return self.grant.token

    @property
    def left_s(self) -> float:
        """Seconds to its end, by the clock that says less."""
        if self.grant.life_s is None:
            return float("inf")
        return self.grant.life_s - max(
            self.clocks.now() - self.since, self.clocks.wall() - self.since_wall, 0.0
        )

    @property
    def is_over(self) -> bool:
        return self.left_s <= 0

    @property
    def is_due(self) -> bool:
        life_s = self.grant.life_s
        if life_s is None:
            return False
        return self.left_s <= (_EARLY_S if life_s >= _SHORT_LIFE_S else (1 - _EARLY_SHARE) * life_s)


class TokenSource:
    """One token for all threads. Threads that need a new one at the same time share one attempt, and its failure.

    Parameters
    ----------
    make : gives a token; it is passed the one that was refused, or None. Without it, ``first`` is all there is.
    first : the token to begin with.
    secrets : is told every token, so that it is masked.
    rests : whether a refused sign-in is not tried again for a minute, with what was refused just now.
    what : names the maker in errors.

    Notes
    -----
    A token of known life is renewed 5 minutes before its end, or after 80 % of a life below 25 minutes. Its age
    is the larger one of what the monotonic and the wall clock say, as one of them may stand still while a laptop
    sleeps. An early renewal that fails is no error: the old token serves until its end.

    ``make`` runs in the caller's thread where there is time without end, so that it may ask a person; else on a
    thread of its own, and whoever comes after the time-out waits for the same call.
    """

    def __init__(
        self,
        make: Callable[[Secret | None], Grant] | None,
        *,
        first: Grant | None = None,
        secrets: Secrets | None = None,
        clocks: Clocks = SYSTEM_CLOCKS,
        rests: bool = False,
        what: str = "The function that makes the token",
    ) -> None:
        self._make = make
        self._secrets = secrets or Secrets()
        self._clocks = clocks
        self._rests = rests
        self._what = what
        self._worker = RequestPool(size=1, idle_s=0.0, name="token")
        self.after_fork()
        renewed_after_fork(self)
        self._held = None if first is None else _Held(first, clocks)
        self._refusal: AuthenticationError | None = None
        self._asleep_until = float("-inf")
        if first is not None:
            self._secrets.add(first.token)

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there, nor who made the token."""
        self._lock = threading.Lock()
        self._pending: Future[Secret] | None = None

    def token(self, timeout_s: float | None = None) -> Secret:
        """Return a token that is not over, asking for one if need be.

        Raises
        ------
        TransportTimeout : that took longer than ``timeout_s``.
        AuthenticationError : the sign-in was refused, or the token was left behind by pickling.
        """
        held = self._held
        if held is None or (held.is_over and self._make is not None):
            return self._asked(self._valid, None, timeout_s)
        if held.token.is_gone:
            held.token.reveal()  # raises
        if held.is_due and self._make is not None:
            return self._early(held, timeout_s)
        return held.token

    def renew(self, refused: Secret | None, timeout_s: float | None = None) -> Secret | None:
        """Return a token other than the refused one, or None when there is none to be had; as :meth:`token`."""
        if self._make is None:
            return None
        token = self._asked(lambda: self._other_than(refused), refused, timeout_s)
        return None if token == refused else token

    @property
    def left_s(self) -> float | None:
        """Seconds that the token at hand has yet to live, or None where nobody said."""
        held = self._held
        return None if held is None or held.grant.life_s is None else held.left_s

    def _valid(self) -> Secret | None:
        return None if self._held is None or self._held.is_over else self._held.token

    def _fresh(self) -> Secret | None:
        return None if self._held is None or self._held.is_due else self._held.token

    def _other_than(self, refused: Secret | None) -> Secret | None:
        return None if self._held is None or self._held.token == refused else self._held.token

    def _early(self, held: _Held, timeout_s: float | None) -> Secret:
        """Renew a token that is still good: here where there is time, else while it goes on serving."""
        if self._clocks.now() < self._asleep_until:
            return held.token
        try:
            return self._asked(self._fresh, None, None if timeout_s is None else 0.0)
        except SpatialWidgetsError:
            if held.is_over:
                raise
            return held.token

    def _asked(
        self, at_hand: Callable[[], Secret | None], refused: Secret | None, timeout_s: float | None
    ) -> Secret:
        """Return the token at hand if it will do, else what the attempt under way gives, or one begun here."""
        with self._lock:
            token = at_hand()
            if token is not None:
                return token
            pending, is_mine = self._pending, self._pending is None
            if pending is None:
                if self._refusal is not None and self._clocks.now() < self._asleep_until:
                    raise _copied(self._refusal)
                pending = self._pending = Future[Secret]()
        if is_mine and timeout_s is None:
            error = self._run(pending, refused)
            if error is not None:
                raise error
        elif is_mine:
            self._worker.submit(lambda: self._work(pending, refused))
        if not wait([pending], timeout_s).done:
            raise TransportTimeout(
                f"{self._what} took longer than {timeout_s:.3g} s. Nothing was sent to the service."
            )
        failure = pending.exception()
        if failure is not None:
            raise _copied(failure)
        return pending.result()

    def _work(self, pending: Future[Secret], refused: Secret | None) -> None:
        self._run(pending, refused)

    def _run(self, pending: Future[Secret], refused: Secret | None) -> BaseException | None:
        """Make a token and tell all who wait; return what went wrong."""
        try:
            grant = self._made(refused)
        except BaseException as error:  # noqa: BLE001 -- raised by the caller, in every thread that waits
            with self._lock:
                self._pending = None
                self._note(error)
            # An interrupt is for the thread that was interrupted.
            told = error if isinstance(error, Exception) else TransportError("The sign-in was interrupted.")
            pending.set_exception(told)
            return error
        with self._lock:
            self._held, self._pending, self._refusal = _Held(grant, self._clocks), None, None
        pending.set_result(grant.token)
        return None

    def _note(self, error: BaseException) -> None:
        """Remember a failure for as long as it is not tried again."""
        pause_s = _AGAIN_S
        if self._rests and isinstance(error, AuthenticationError):
            self._refusal, pause_s = _copied(error).with_traceback(None), _REST_S
        self._asleep_until = self._clocks.now() + pause_s
        if self._held is not None and not self._held.is_over:
            logger.info("A token was not renewed, the old one serves on: %s", type(error).__name__)

    def _made(self, refused: Secret | None) -> Grant:
        if self._make is None:
            raise AuthenticationError("There is no token. Sign in, and pass the login as auth=….", code=499)
        grant = self._make(refused)
        self._secrets.add(grant.token)
        return grant

    def __repr__(self) -> str:
        return "TokenSource(***)"


def _copied(error: _Error) -> _Error:
    """Return an error for one thread of several: each adds to its own."""
    try:
        copied = copy.copy(error)
    except Exception:  # noqa: BLE001 -- somebody's own error, which cannot be copied
        return error
    copied.__cause__ = error.__cause__
    return copied.with_traceback(error.__traceback__)
