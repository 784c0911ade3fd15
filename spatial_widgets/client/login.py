"""What a session is signed in with: the one face of all logins, and the simplest of them, a token."""

from __future__ import annotations

import datetime as dt
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.secret import Secret, Secrets
from spatial_widgets.client.tokensource import SYSTEM_CLOCKS, Clocks, Grant, TokenSource
from spatial_widgets.errors import ParameterError
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from spatial_widgets.client.authority import Speak

__all__ = ["Login", "Pass", "Same", "Token", "checked_token", "hidden"]

# As Esri/arcgis-rest-js knows them, ``packages/arcgis-rest-request/src/request.ts``.
_KEY_PREFIXES = ("AAPK", "AAPT", "AATK")


@dataclass(frozen=True, slots=True)
class Pass:
    """What goes along with one request: the token, the Referer that it is bound to, and where it goes."""

    token: Secret | None
    referer: str | None = None
    in_body: bool = False


class Same:
    """Equal to itself alone, and to another one of the very same object, whatever that object takes for equal."""

    __slots__ = ("_held",)

    def __init__(self, held: object) -> None:
        self._held = held  # so that nobody else gets its place in memory

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self._held is other._held

    def __hash__(self) -> int:
        return id(self._held)


def _who(given: Any) -> Hashable:
    """Return a function's identity; a method is made anew each time that somebody names it."""
    owner = getattr(given, "__self__", None)
    return Same(given) if owner is None else (Same(owner), getattr(given, "__func__", given.__name__))


class Login(ABC):
    """Something that signs in: pass it as ``auth=``, to several services if you like.

    It is thread-safe and never changes; a copy is the same login. A pickle holds neither password nor
    token, and what is read from it says to sign in again when it is used.
    """

    def __init__(self, *, referer: str | None, in_body: bool, clocks: Clocks = SYSTEM_CLOCKS) -> None:
        self.referer = referer
        self.in_body = bool(in_body)
        if referer is not None and (not isinstance(referer, str) or not _fits_header(referer)):
            raise ParameterError("referer must be a URL as text, without line ends.", parameter="referer")
        self.secrets = Secrets()
        self._clocks = clocks

    @abstractmethod
    def source(self, url: str, speak: Speak) -> TokenSource:
        """Return where the tokens for the server of a URL come from. No request yet."""

    def covers(self, url: str, speak: Speak, *, deadline_s: float | None = None) -> bool:  # noqa: ARG002 -- for logins that can
        """Whether this login may be used for another origin than the one it was passed for."""
        return False

    @property
    def advice(self) -> str:
        """What to do when a service refuses it, as a sentence."""
        return ""

    @property
    def identity(self) -> Hashable:
        """Equal for two that sign in as the same: this one only, as far as is known."""
        return Same(self)

    @abstractmethod
    def _settings(self) -> dict[str, Any]:
        """Return what a pickle may hold: the arguments that are no secrets."""

    @abstractmethod
    def _signed_out(self) -> None:
        """Take the state of a login whose secrets are gone."""

    def __getstate__(self) -> dict[str, Any]:
        return self._settings()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
        self._signed_out()

    def __copy__(self) -> Login:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Login:
        return self


class Token(Login):
    """A token that you have, or a function that gets one.

    Parameters
    ----------
    token : the token or API key; or a function that returns it as text, or as a :class:`Token` with its
        expiry. A function is asked at first need, again when the service refuses what it gave, and early
        where the expiry is known.
    expires : when it ends: a datetime with its time zone, or milliseconds since 1970, as token services say it.
        A token of text is used all the same, as this machine's clock may be wrong; a refusal then says so.
    referer : what the token was bound to with ``client=referer``; each request to the service carries it.
    in_body : send the token as a form field of POST requests instead of in a header, for a service that
        refuses the header; then every request is a POST, polls too. It is never in a URL.
    also_for : addresses, beside the service's own, to whose origins it may be sent: the hosts of result layers.

    Notes
    -----
    An API key (AAPK…, AAPT…, AATK…) is a token that is never renewed.

    Source: https://developers.arcgis.com/documentation/security-and-authentication/reference/http-authorization-headers

    Examples
    --------
    >>> Token("AAPK-my-key")
    Token(***)
    """

    def __init__(
        self,
        token: str | Callable[[], str | Token],
        *,
        expires: dt.datetime | float | None = None,
        referer: str | None = None,
        in_body: bool = False,
        also_for: Iterable[str] = (),
    ) -> None:
        given: Any = _covered(token)
        token = ""  # no traceback that shows variables shows it
        super().__init__(referer=referer, in_body=in_body)
        self.expires = _as_time(expires)
        self.also_for = (also_for,) if isinstance(also_for, str) else tuple(also_for)
        try:
            self._origins = {origin(url) for url in self.also_for}
        except ValueError as error:
            raise ParameterError("also_for must be URLs.", parameter="also_for") from error
        self._is_key = False
        self._text: Secret | None = None
        if callable(given):
            self._who: Hashable = _who(given)
            self._source = TokenSource(lambda _: _granted(_covered(given())), secrets=self.secrets)
        else:
            first = Grant(checked_token(given))
            self._who = self._text = first.token
            self._is_key = first.token.reveal().startswith(_KEY_PREFIXES)
            self._source = TokenSource(None, first=first, secrets=self.secrets)

    def source(self, url: str, speak: Speak) -> TokenSource:  # noqa: ARG002 -- one for all
        """Return the one source there is."""
        return self._source

    def covers(self, url: str, speak: Speak, *, deadline_s: float | None = None) -> bool:  # noqa: ARG002 -- nobody is asked
        """Whether the URL is at one of the addresses given as ``also_for``."""
        return origin(url) in self._origins

    def __eq__(self, other: object) -> bool:
        """Compare with a text too, in constant time: ``service.auth`` equals the text it was made of."""
        if isinstance(other, str) and self._text is not None:
            return self._text == Secret(other)
        return self is other

    def __hash__(self) -> int:
        return (
            object.__hash__(self) if self._text is None or self._text.is_gone else hash(self._text.reveal())
        )

    @property
    def life_s(self) -> float | None:
        """Seconds to ``expires`` by this machine's clock; None without one."""
        return None if self.expires is None else self.expires.timestamp() - time.time()

    @property
    def held(self) -> Secret:
        """The token."""
        return self._source.token()

    @property
    def advice(self) -> str:
        """What to do when a service refuses it, as a sentence."""
        if self._is_key:
            return (
                "This is an API key, which is never renewed: it may have expired, lack a privilege for this service, "
                "or be bound to a referrer (then pass auth=Token(key, referer='https://…')). "
                "Make a new one where you made this."
            )
        if self.expires is not None and (self.life_s or 0) <= 0:
            return f"It expired at {self.expires:%Y-%m-%d %H:%M:%S %Z}."
        return ""

    @property
    def identity(self) -> Hashable:
        """Equal for two of the same text or function, sent in the same way."""
        return Token, self._who, self.referer, self.in_body

    def _settings(self) -> dict[str, Any]:
        return {
            "expires": self.expires,
            "referer": self.referer,
            "in_body": self.in_body,
            "also_for": self.also_for,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"token": "signed out", **state})

    def _signed_out(self) -> None:
        self._text, self._who = None, Same(self)
        self._source = TokenSource(None, first=Grant(Secret()))

    @classmethod
    def signed_out(cls) -> Token:
        """Return what stands for a login that pickling left behind."""
        token = cls("signed out")
        token._signed_out()
        return token

    def __repr__(self) -> str:
        more = f", referer={self.referer!r}" if self.referer else ""
        return f"Token(***{more}{', in_body=True' if self.in_body else ''})"


def _granted(made: object) -> Grant:
    if isinstance(made, Token):
        return Grant(made.held, made.life_s)
    return Grant(checked_token(made))


def _covered(token: object) -> object:
    return Secret(token) if isinstance(token, str) else token


def _as_time(expires: object) -> dt.datetime | None:
    if expires is None:
        return None
    try:
        if isinstance(expires, dt.datetime):
            if expires.tzinfo is None:
                raise ParameterError(
                    "expires has no time zone; pass datetime(…, tzinfo=timezone.utc), or milliseconds since 1970.",
                    parameter="expires",
                )
            return expires
        return dt.datetime.fromtimestamp(float(str(expires)) / 1000, dt.UTC)
    except (ValueError, OverflowError, OSError) as error:
        if isinstance(error, ParameterError):
            raise
        raise ParameterError(
            "expires must be a datetime, or milliseconds since 1970.", parameter="expires"
        ) from error


def checked_token(token: object) -> Secret:
    """Return a token that a request header can carry, given as a :class:`Secret`.

    Raises
    ------
    ParameterError : it is no text, is empty, or holds what a header cannot.
    """
    if not isinstance(token, Secret) or not token.reveal().strip() or set("\r\n") & set(token.reveal()):
        raise ParameterError(
            f"The token must be a text without line ends, got {'another' if isinstance(token, Secret) else type(token).__name__}. "
            "Pass auth='…', or a function that returns the text.",
            parameter="auth",
        )
    if not _fits_header(token.reveal()):
        raise ParameterError("The token holds a character that no request header can.", parameter="auth")
    return Secret(token.reveal().strip())


def _fits_header(text: str) -> bool:
    return text.isprintable() and all(ord(c) < 256 for c in text)


def hidden(auth: Any) -> Any:
    """Return an ``auth=`` argument that shows nothing: a text becomes a :class:`Token`, anything else stays."""
    return Token(auth) if isinstance(auth, str) else auth
