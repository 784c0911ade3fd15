"""Who signs in for a server: its portal, or its own token service; told by the user, or by the server over TLS."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from spatial_widgets.client.plainhttp import is_private
from spatial_widgets.errors import (
    AuthenticationError,
    ParameterError,
    ProtocolError,
    ServiceError,
    SpatialWidgetsError,
    TransportError,
)
from spatial_widgets.protocol.urls import is_loopback, server_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.body import FormValue

__all__ = [
    "Authority",
    "Speak",
    "TokenReply",
    "TokenService",
    "authority_of",
    "checked_address",
    "generate_token_url",
    "portal_root",
    "portal_url",
    "same_portal",
    "takes_portal_token",
    "told_authority",
]

_PORTAL_TAIL = re.compile(r"/(sharing|home)(/.*)?$", re.IGNORECASE)
_TOKENS_FOLDER = re.compile(r"/tokens/?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TokenReply:
    """A token service's answer; the tokens in it are :class:`Secret`. ``date`` is its Date header."""

    document: Any
    date: str | None


class TokenService(Protocol):
    """What can speak to one origin without signing in to it."""

    def ask_for_token(self, url: str, form: Mapping[str, FormValue], *, referer: str | None) -> TokenReply:
        """POST a form once, to this URL and no other."""

    def server_info(self, root: str, *, deadline_s: float | None = None) -> dict[str, Any]:
        """Return ``<root>/rest/info``; a redirect to another origin is not followed."""


#: Gives what speaks to the origin of a URL.
Speak = Callable[[str], TokenService]


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs in for a server: a portal, or the server's own token service."""

    portal: str | None
    token_url: str

    def __str__(self) -> str:
        return f"the portal {self.portal}" if self.portal else f"the token service {self.token_url}"


def checked_address(url: object, *, name: str) -> str:
    """Return the address of a portal or token service.

    Raises
    ------
    ParameterError : no URL, or one to which no password may be sent: neither https nor this machine.
    """
    text = str(url).strip().rstrip("/") if isinstance(url, str) else ""
    if not _is_address(text):
        raise ParameterError(
            f"{name} must be the https address of a portal or token service, without a query, "
            "such as https://www.arcgis.com.",
            parameter=name,
            expected="an https URL",
        )
    if not is_private(text):
        raise ParameterError(
            f"{name}={text!r} is plain http: a password is not sent there, everybody on the way could read it. "
            f"Use https://{text.partition('://')[2]}.",
            parameter=name,
            expected="an https URL",
        )
    return text


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme.lower() in {"http", "https"}
        and bool(parts.hostname)
        and not (parts.query or parts.fragment or parts.username)
    )


def portal_root(url: str) -> str:
    """Return a portal's address without what people copy along with it: ``/home/…``, ``/sharing/rest/…``."""
    parts = urlsplit(url)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{_PORTAL_TAIL.sub('', parts.path.rstrip('/'))}"


def portal_url(portal: str, operation: str) -> str:
    """Return the address of an operation of a portal's sharing API."""
    return f"{portal}/sharing/rest/{operation}"


def generate_token_url(url: str) -> str:
    """Return the address that makes tokens; older servers name only the folder it is in."""
    return url.rstrip("/") + "/generateToken" if _TOKENS_FOLDER.search(url) else url


def same_portal(one: Authority, other: Authority) -> bool:
    """Whether two are one portal; all of ArcGIS Online is one."""
    if one.portal is None or other.portal is None:
        return False
    if _is_online(one.portal) and _is_online(other.portal):
        return True
    return one.portal.casefold() == other.portal.casefold()


def takes_portal_token(portal: str, url: str) -> bool:
    """Whether a server takes the portal's own token: those of ArcGIS Online do.

    As ``canUseOnlineToken`` of Esri/arcgis-rest-js, ``federation-utils.ts``.
    """
    return _is_online(portal) and _is_online(url)


def _is_online(url: str) -> bool:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return parts.scheme.lower() == "https" and (host == "arcgis.com" or host.endswith(".arcgis.com"))


def authority_of(url: str, speak: Speak, *, deadline_s: float | None = None) -> Authority:
    """Return who signs in for the server of a service, as that server says. One GET.

    Raises
    ------
    AuthenticationError : it names nobody, or over an address where anybody could have named them.
    """
    root = server_root(url)
    if root is None:
        raise AuthenticationError(
            f"{url} has no /rest/services in it, so it does not tell who signs in for it. "
            "Pass portal=… or token_url=… to the login.",
            code=499,
            url=url,
        )
    if not is_private(root):
        raise AuthenticationError(
            f"{root} is plain http: anybody on the way could name a portal of theirs, so it is not asked. "
            "Use the service's https address, or pass portal=… or token_url=… to the login.",
            code=499,
            url=url,
        )
    info = _server_info(root, speak, deadline_s)
    security = info.get("authInfo")
    named = security.get("tokenServicesUrl") if isinstance(security, dict) else None
    owner = info.get("owningSystemUrl")
    told = owner or named
    if not isinstance(told, str) or not told:
        raise AuthenticationError(
            f"{root}/rest/info names no portal and no token service. If you know one, pass portal=… or token_url=… "
            "to the login; a server behind a web login takes a requests auth object instead.",
            code=499,
            url=url,
        )
    _check_named(told, root)
    if owner or "/sharing/" in told.lower():
        portal = portal_root(told)
        return Authority(portal, portal_url(portal, "generateToken"))
    return Authority(None, generate_token_url(told))


def _server_info(root: str, speak: Speak, deadline_s: float | None) -> dict[str, Any]:
    try:
        return speak(root).server_info(root, deadline_s=deadline_s)
    except TransportError as error:
        error.args = (
            f"{root}/rest/info was to say who signs in for it. {error} Nothing was sent to the service.",
        )
        raise
    except (ServiceError, ProtocolError) as error:
        raise AuthenticationError(
            f"{root}/rest/info was to say who signs in for it. {error}\nPass portal=… or token_url=… to the login.",
            code=499,
            url=root,
        ) from error


def _check_named(told: str, root: str) -> None:
    # A server elsewhere must not send passwords to a port of this machine either.
    if _is_address(told) and (told.lower().startswith("https:") or (is_loopback(told) and is_loopback(root))):
        return
    raise AuthenticationError(
        f"{root}/rest/info names {told} for signing in, which is no https address: no password is sent there. "
        "If you trust its https address, pass it as portal=… or token_url=… to the login.",
        code=499,
        url=told,
    )


def told_authority(url: str, speak: Speak, *, deadline_s: float | None = None) -> Authority | None:
    """Return who signs in for a server, or None where it does not say, or not in time."""
    try:
        return authority_of(url, speak, deadline_s=deadline_s)
    except SpatialWidgetsError:
        return None
