"""What all logins at a portal share: one token of the portal, and one of its own for each server."""

from __future__ import annotations

import math
import threading
from abc import abstractmethod
from typing import TYPE_CHECKING

from spatial_widgets.client.authority import (
    Authority,
    authority_of,
    portal_url,
    same_portal,
    takes_portal_token,
    told_authority,
)
from spatial_widgets.client.forking import renewed_after_fork
from spatial_widgets.client.login import Login
from spatial_widgets.client.plainhttp import is_private
from spatial_widgets.client.signin import ask_for_token
from spatial_widgets.client.tokensource import Clocks, Grant, TokenSource
from spatial_widgets.errors import AuthenticationError, ParameterError
from spatial_widgets.protocol.urls import origin, server_root

if TYPE_CHECKING:
    from collections.abc import Callable

    from spatial_widgets.client.authority import Speak
    from spatial_widgets.client.body import FormValue
    from spatial_widgets.client.secret import Secret

__all__ = ["PortalLogin"]

_TOKEN_CODES = {498, 499}


class PortalLogin(Login):
    """A login at a portal, which gives other tokens for the servers that are federated with it.

    Each server has a token source of its own, and so has the portal; all servers share the portal's.
    """

    def __init__(
        self,
        authority: Authority | None,
        *,
        minutes: float,
        referer: str | None,
        in_body: bool,
        clocks: Clocks,
    ) -> None:
        super().__init__(referer=referer, in_body=in_body, clocks=clocks)
        if isinstance(minutes, bool) or not isinstance(minutes, (int, float)) or not 0 < minutes < math.inf:
            raise ParameterError(f"minutes must be a number above 0, got {minutes!r}.", parameter="minutes")
        self.minutes = minutes
        self._told = authority
        self._authorities: dict[str, Authority] = {}
        self._sources: dict[str, TokenSource] = {}
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self) -> None:
        """Get a new lock, as in a forked child: who held the old one is not there."""
        self._lock = threading.Lock()

    @abstractmethod
    def _sign_in(self, authority: Authority, speak: Speak) -> Grant:
        """Return a token of the portal or token service. One POST."""

    @property
    def _rests(self) -> bool:
        return True

    def source(self, url: str, speak: Speak) -> TokenSource:
        """Return where the tokens for the server of a URL come from. No request yet."""
        key = server_root(url) or "{}://{}:{}".format(*origin(url))
        return self._source(key, lambda refused: self._grant(key, url, speak, refused))

    def _source(self, key: str, make: Callable[[Secret | None], Grant]) -> TokenSource:
        with self._lock:
            if key not in self._sources:
                self._sources[key] = TokenSource(
                    make, secrets=self.secrets, clocks=self._clocks, rests=self._rests, what="Signing in"
                )
            return self._sources[key]

    def covers(self, url: str, speak: Speak, *, deadline_s: float | None = None) -> bool:
        """Whether a server says that it is federated with this login's portal. One GET the first time.

        What it says is not trusted: only the portal gives the token for it.
        """
        root = server_root(url)
        if root is None or not is_private(url):
            return False
        known = [self._told] if self._told else list(self._authorities.values())
        own = next((each for each in known if each.portal and takes_portal_token(each.portal, url)), None)
        if own is None and root not in self._authorities and any(each.portal for each in known):
            told = told_authority(url, speak, deadline_s=deadline_s)
            own = next((each for each in known if told and same_portal(each, told)), None)
        if own is not None:
            self._authorities.setdefault(root, own)  # the address that is known, not the one that was named
        return root in self._authorities

    def _authority(self, key: str, url: str, speak: Speak) -> Authority:
        if self._told is not None:
            self._authorities.setdefault(key, self._told)
        if key not in self._authorities:
            self._authorities[key] = authority_of(url, speak)
        return self._authorities[key]

    def _grant(self, key: str, url: str, speak: Speak, refused: Secret | None) -> Grant:
        authority = self._authority(key, url, speak)
        if authority.portal is None:
            return self._sign_in(authority, speak)
        portal = self._source(f"portal {authority.token_url}", lambda _: self._sign_in(authority, speak))
        token = portal.token()
        if takes_portal_token(authority.portal, url):
            if token == refused:
                token = portal.renew(refused) or token
            return Grant(token, portal.left_s)
        try:
            return self._exchange(authority, token, url, speak)
        except AuthenticationError as error:
            renewed = portal.renew(token) if error.code in _TOKEN_CODES else None
            if renewed is None:
                raise
        return self._exchange(authority, renewed, url, speak)

    def _exchange(self, authority: Authority, token: Secret, url: str, speak: Speak) -> Grant:
        """Return the server token that the portal gives for one of its servers."""
        server = server_root(url) or url
        form = {"token": token, "serverUrl": server, "expiration": f"{self.minutes:g}", **self._bound()}
        return ask_for_token(
            portal_url(str(authority.portal), "generateToken"),
            form,
            speak,
            minutes=self.minutes,
            referer=self.referer,
            advice=f"Is {server} federated with the portal? If not, sign in to its own token service: "
            "leave portal=… out, or pass token_url=….",
        )

    def _bound(self) -> dict[str, FormValue]:
        """Return the fields that bind a token to the Referer, or else to this machine's address."""
        if self.referer is None:
            return {"client": "requestip"}
        return {"client": "referer", "referer": self.referer}
