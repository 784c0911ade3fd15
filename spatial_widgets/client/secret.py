"""Tokens, passwords and client secrets: held in one kind of object that shows nothing, and masked where they are echoed."""

from __future__ import annotations

import hmac
import threading
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.masking import mask, mask_bytes
from spatial_widgets.errors import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Secret", "Secrets", "is_distinct"]

_TOKENS_KEPT = 8  # those that expired long ago are no secrets any more
_SIGNS_KEPT = 64  # an auth object may make several for each request
_DISTINCT = 8


class Secret:
    """A text that is shown nowhere: not by repr, str or format, not in a pickle, not among an object's variables.

    A pickle of it is empty, and :meth:`reveal` then says to sign in again; a copy is the same secret.
    """

    __slots__ = ("__dict__", "_text")  # an empty dict, so that vars() has something to show

    def __init__(self, text: str | None = None) -> None:
        self._text = text

    @property
    def is_gone(self) -> bool:
        """Whether it was left behind by pickling."""
        return self._text is None

    def reveal(self) -> str:
        """Return the text. To be used in the expression that sends it, never kept in a variable.

        Raises
        ------
        AuthenticationError : it was not saved with the object that held it.
        """
        if self._text is None:
            raise AuthenticationError(
                "Tokens and passwords are not saved with an object: sign in again, with GPService(url, auth=…) "
                "or Job.from_url(url, auth=…).",
                code=499,
            )
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret) or self.is_gone or other.is_gone:
            return self is other
        return hmac.compare_digest(self.reveal().encode(), other.reveal().encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> tuple[type[Secret], tuple[()]]:
        return Secret, ()

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self


class Secrets:
    """The secrets to be masked in what is shown; thread-safe. What ``others`` know is masked too."""

    def __init__(self, *others: Secrets) -> None:
        self._others = others
        self.after_fork()
        renewed_after_fork(self)
        self._tokens: tuple[Secret, ...] = ()
        self._signs: tuple[Secret, ...] = ()  # the last used one at the end
        self._kept: tuple[Secret, ...] = ()

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there."""
        self._lock = threading.Lock()

    def add(self, token: Secret) -> None:
        """Mask a token, until eight newer ones have come."""
        with self._lock:
            if token not in self._tokens:
                self._tokens = (*self._tokens, token)[-_TOKENS_KEPT:]

    def sign(self, secrets: Iterable[Secret]) -> None:
        """Mask what went along with one request, until many newer ones have come."""
        found = dict.fromkeys(secrets)
        if not found or found.keys() <= set(self._signs[-len(found) :]):
            return
        with self._lock:
            self._signs = (*(s for s in self._signs if s not in found), *found)[-_SIGNS_KEPT:]

    def keep(self, secret: Secret) -> None:
        """Mask a password or the like for good."""
        with self._lock:
            if secret not in self._kept:
                self._kept = (*self._kept, secret)

    def mask(self, text: str) -> str:
        """Return a text to be shown, every secret in it replaced by ``***``."""
        return mask(text, (s.reveal() for s in self.everything()))

    def mask_bytes(self, data: bytes) -> bytes:
        """Return a body with every secret in it replaced by ``***``; the same object where there is none.

        A password that could be a word of the protocol, or of somebody's data, stays: no service is sent it.
        """
        return mask_bytes(
            data, (s.reveal() for s in self.everything() if is_distinct(s.reveal()) or s in self.tokens())
        )

    def tokens(self) -> tuple[Secret, ...]:
        """Return the tokens, without passwords."""
        return sum((other.tokens() for other in self._others), self._tokens + self._signs)

    def everything(self) -> list[Secret]:
        """Return all that is to be masked in what is shown."""
        found = [*self._tokens, *self._signs, *self._kept]
        for other in self._others:
            found += other.everything()
        return [secret for secret in dict.fromkeys(found) if not secret.is_gone]

    def __repr__(self) -> str:
        return "Secrets(***)"

    def __reduce__(self) -> tuple[type[Secrets], tuple[()]]:
        return Secrets, ()

    def __copy__(self) -> Secrets:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secrets:
        return self


def is_distinct(text: str) -> bool:
    """Whether a text can be no word of a protocol or of somebody's data."""
    return len(text) >= _DISTINCT and not text.isalpha()
