"""Logins that get tokens by themselves: a person's name and password, and an application's id and secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from spatial_widgets.client.authority import (
    Authority,
    checked_address,
    generate_token_url,
    portal_root,
    portal_url,
)
from spatial_widgets.client.portal import PortalLogin
from spatial_widgets.client.secret import Secret
from spatial_widgets.client.signin import ask_for_token
from spatial_widgets.client.tokensource import SYSTEM_CLOCKS, Clocks, Grant, TokenSource
from spatial_widgets.errors import AuthenticationError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.authority import Speak
    from spatial_widgets.client.body import FormValue

__all__ = ["AppLogin", "UserLogin"]


class UserLogin(PortalLogin):
    """A person's name and password, for a portal (ArcGIS Online too) or a stand-alone ArcGIS Server.

    Parameters
    ----------
    username : as the portal or server knows it.
    password : text, or a function that asks for it, such as ``getpass.getpass``. It is asked at first need,
        in the caller's thread where there is time without end, and again only after a refusal.
    portal : the portal's address, ``https://www.arcgis.com`` or ``https://host/portal``.
    token_url : the address of the token service of a stand-alone server, ``https://host/arcgis/tokens/generateToken``.
        Without ``portal`` and ``token_url`` the service's server is asked, which must be https or this machine.
    referer : binds the token to this Referer, which each request then carries, instead of to the
        address of this machine. Needed where that address changes between requests.
    minutes : the life to ask for; the portal may give less.
    in_body : as for :class:`.Token`.
    clocks : for tests.

    Raises
    ------
    ParameterError : a portal or token service that is neither https nor this machine.

    Notes
    -----
    The life of a token counts from its receipt, by clocks of this machine that only measure differences: the
    minutes asked for, or what the answer's ``expires`` is ahead of the server's own Date header, whichever is
    sooner. A clock that is set wrong does no harm. It is renewed 5 minutes before its end, or after 80 % of a
    life below 25 minutes, and once when a service refuses it (498).

    A server that is federated with the portal is given a token of its own, which the portal exchanges, and
    never the portal's token; only the servers of ArcGIS Online share one token. A name and password that were
    refused are not sent again for a minute, so that no account gets locked by polling.

    Cost: one GET for the server's ``rest/info`` without ``portal`` and ``token_url``, one POST to sign in, and one POST
    for each federated server; the POSTs again for each renewal.

    Accounts that sign in through an organization's own page (SAML, OpenID Connect) have no password here: use
    an :class:`AppLogin` or an API key.

    Examples
    --------
    >>> UserLogin("ana", "not-a-password", portal="https://www.arcgis.com")
    UserLogin('ana', ***, portal='https://www.arcgis.com')
    """

    def __init__(
        self,
        username: str,
        password: str | Callable[[], str],
        *,
        portal: str | None = None,
        token_url: str | None = None,
        referer: str | None = None,
        minutes: float = 60,
        in_body: bool = False,
        clocks: Clocks = SYSTEM_CLOCKS,
    ) -> None:
        given = Secret(password) if isinstance(password, str) else password
        password = ""  # no traceback that shows variables shows it
        self.username = username
        self.portal = portal
        self.token_url = token_url
        if not isinstance(username, str) or not username:
            raise ParameterError("username must be a text.", parameter="username")
        if portal is not None and token_url is not None:
            raise ParameterError(
                "Pass portal=… or token_url=…, not both: one of them signs you in.", parameter="token_url"
            )
        super().__init__(
            _authority(portal, token_url), minutes=minutes, referer=referer, in_body=in_body, clocks=clocks
        )
        self._ask = given if callable(given) else None
        self._password = given if isinstance(given, Secret) else None
        if self._password is not None:
            self._known(self._password)
        elif self._ask is None:
            raise ParameterError(
                f"password must be a text, or a function that asks for it, got {type(given).__name__}.",
                parameter="password",
            )

    @property
    def _rests(self) -> bool:
        return self._ask is None

    @property
    def advice(self) -> str:
        """What to do when a service refuses it, as a sentence."""
        if self.referer is not None:
            return ""
        return (
            "If this machine has changing addresses, the token is bound to another one: "
            "UserLogin(…, referer='https://…') binds it to that text instead."
        )

    def source(self, url: str, speak: Speak) -> TokenSource:
        """Return where the tokens for the server of a URL come from. No request yet."""
        if self._password is not None and self._password.is_gone:
            return TokenSource(None, first=Grant(self._password))
        return super().source(url, speak)

    def _known(self, password: Secret) -> Secret:
        if not password.reveal():
            raise ParameterError("The password is empty.", parameter="password")
        self.secrets.keep(password)
        return password

    def _password_now(self) -> Secret:
        if self._password is None and self._ask is not None:
            asked = self._ask()
            if not isinstance(asked, str):
                raise ParameterError(
                    f"The function that asks for the password returned {type(asked).__name__}, not text.",
                    parameter="password",
                )
            self._password, asked = self._known(Secret(asked)), ""
        return self._password or Secret()

    def _sign_in(self, authority: Authority, speak: Speak) -> Grant:
        form: dict[str, FormValue] = {
            "username": self.username,
            "password": self._password_now(),
            "expiration": f"{self.minutes:g}",
            **self._bound(),
        }
        try:
            return ask_for_token(
                authority.token_url,
                form,
                speak,
                minutes=self.minutes,
                referer=self.referer,
                advice="Check the name and the password, and make a new UserLogin(…). An account that signs in through an "
                "organization's own page has no password there: use AppLogin(…) or an API key.",
            )
        except AuthenticationError:
            if self._ask is not None:
                self._password = None  # to be asked again
            raise

    def _settings(self) -> dict[str, Any]:
        return {
            "username": self.username,
            "portal": self.portal,
            "token_url": self.token_url,
            "referer": self.referer,
            "minutes": self.minutes,
            "in_body": self.in_body,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"password": "signed out", **state})

    def _signed_out(self) -> None:
        self._ask, self._password = None, Secret()

    def __repr__(self) -> str:
        where = f", portal={self.portal!r}" if self.portal else ""
        where += f", token_url={self.token_url!r}" if self.token_url else ""
        return f"UserLogin({self.username!r}, ***{where})"


class AppLogin(PortalLogin):
    """An application's id and secret, registered at a portal: OAuth 2.0 client credentials.

    Parameters
    ----------
    client_id : the application's.
    client_secret : its secret.
    portal : the portal's address, ``https://www.arcgis.com`` or ``https://host/portal``.
    minutes : the life to ask for.
    referer, in_body, clocks : as for :class:`UserLogin`.

    Raises
    ------
    ParameterError : a portal that is neither https nor this machine.

    Notes
    -----
    Renewal, federated servers and cost are as for :class:`UserLogin`; the life that the answer tells is
    ``expires_in``, a difference.

    Source: https://developers.arcgis.com/documentation/security-and-authentication/app-authentication/client-credentials-flow/
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        portal: str,
        minutes: float = 120,
        referer: str | None = None,
        in_body: bool = False,
        clocks: Clocks = SYSTEM_CLOCKS,
    ) -> None:
        secret = Secret(client_secret) if isinstance(client_secret, str) else None
        client_secret = ""  # no traceback that shows variables shows it
        self.client_id = client_id
        self.portal = portal
        if secret is None or not secret.reveal() or not isinstance(client_id, str) or not client_id:
            raise ParameterError("client_id and client_secret must be texts.", parameter="client_secret")
        super().__init__(
            _authority(portal, None), minutes=minutes, referer=referer, in_body=in_body, clocks=clocks
        )
        self._secret = secret
        self.secrets.keep(secret)

    def source(self, url: str, speak: Speak) -> TokenSource:
        """Return where the tokens for the server of a URL come from. No request yet."""
        if self._secret.is_gone:
            return TokenSource(None, first=Grant(self._secret))
        return super().source(url, speak)

    def _sign_in(self, authority: Authority, speak: Speak) -> Grant:
        form: dict[str, FormValue] = {
            "client_id": self.client_id,
            "client_secret": self._secret,
            "grant_type": "client_credentials",
            "expiration": f"{self.minutes:g}",
        }
        return ask_for_token(
            portal_url(str(authority.portal), "oauth2/token"),
            form,
            speak,
            minutes=self.minutes,
            referer=self.referer,
            advice="Check the application's id and secret where it is registered, and make a new AppLogin(…).",
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "portal": self.portal,
            "minutes": self.minutes,
            "referer": self.referer,
            "in_body": self.in_body,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"client_secret": "signed out", **state})

    def _signed_out(self) -> None:
        self._secret = Secret()

    def __repr__(self) -> str:
        return f"AppLogin({self.client_id!r}, ***, portal={self.portal!r})"


def _authority(portal: str | None, token_url: str | None) -> Authority | None:
    """Return who signs in, where the user says so."""
    if portal is None and token_url is None:
        return None
    if portal is None:
        address = generate_token_url(checked_address(token_url, name="token_url"))
        if "/sharing/" not in urlsplit(address).path.lower():
            return Authority(None, address)
        portal = address
    root = portal_root(checked_address(portal, name="portal"))
    return Authority(root, portal_url(root, "generateToken"))
