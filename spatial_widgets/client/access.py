"""What one session shows to its service: a token of its login, renewed once when it is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from spatial_widgets.client.authority import told_authority
from spatial_widgets.client.login import Pass
from spatial_widgets.protocol.urls import origin

if TYPE_CHECKING:
    from spatial_widgets.client.authority import Speak
    from spatial_widgets.client.deadline import Budget
    from spatial_widgets.client.login import Login
    from spatial_widgets.errors import AuthenticationError

__all__ = ["Access"]

_REFUSED, _WANTED = 498, 499
_HINT_S = 5.0


class Access:
    """The way of one session to its tokens.

    Parameters
    ----------
    url : the service; the token goes to this origin only.
    login : what signs in, or None.
    speak : gives a session that is not signed in, for the login's own requests.
    """

    def __init__(self, url: str, login: Login | None, speak: Speak) -> None:
        self._url = url
        self._home = origin(url)
        self.login = login
        self._speak = speak
        self._source = None if login is None else login.source(url, speak)
        self._hint: str | None = None

    def current(self, budget: Budget) -> Pass | None:
        """Return what goes along with a request, signing in if need be; None without a login."""
        if self.login is None or self._source is None:
            return None
        return Pass(self._source.token(budget.left_s), self.login.referer, self.login.in_body)

    def renewed(self, error: AuthenticationError, shown: Pass | None, budget: Budget) -> Pass | None:
        """Return another pass after a refusal, or None where there is none to be had."""
        if error.code not in {_REFUSED, _WANTED} or origin(error.url) != self._home:
            return None
        if shown is None or self.login is None or self._source is None:
            return None
        token = self._source.renew(shown.token, budget.left_s)
        return None if token is None else Pass(token, shown.referer, shown.in_body)

    def covers(self, url: str, deadline_s: float | None) -> bool:
        """Whether the login may be used for a URL at another origin."""
        return self.login is not None and self.login.covers(url, self._speak, deadline_s=deadline_s)

    def explain(self, error: AuthenticationError, url: str, budget: Budget) -> None:
        """Have a refusal say how to sign in to this server. At most one GET, the first time."""
        if error.code not in {_REFUSED, _WANTED} or origin(url) != self._home or not error.args:
            return
        if origin(error.url) != self._home:
            if self.login is not None:
                line = f"{url} was redirected there, to another origin, where its token is not sent. If you trust that one, use its address."
                error.args = (f"{error.args[0]}\n{line}", *error.args[1:])
            return
        lines = [] if self.login is None else [self.login.advice]
        if error.code == _WANTED:
            lines.append(self._told(budget))
            if self.login is not None and not self.login.in_body:
                lines.append(
                    "A token was sent; if the service does not read it from a header, pass in_body=True."
                )
        error.args = ("\n".join([error.args[0], *(line for line in lines if line)]), *error.args[1:])

    def _told(self, budget: Budget) -> str:
        """Return who signs in for this server, as a sentence, where the server says so."""
        if self._hint is None:
            left_s = _HINT_S if budget.left_s is None else min(_HINT_S, budget.left_s)
            authority = told_authority(self._url, self._speak, deadline_s=left_s)
            self._hint = "" if authority is None else f"This server's tokens come from {authority}."
        return self._hint

    def __repr__(self) -> str:
        return f"Access({self.login!r})"
