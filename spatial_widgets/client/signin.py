"""The talk with a token service: what is asked, and what the answer means.

Sources: https://developers.arcgis.com/rest/enterprise-administration/server/generatetoken and
https://developers.arcgis.com/documentation/security-and-authentication/app-authentication/client-credentials-flow/ ;
the exchange for a federated server as in ``ArcGISIdentityManager.ts`` of Esri/arcgis-rest-js.
"""

from __future__ import annotations

import email.utils
import math
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.login import checked_token
from spatial_widgets.client.secret import Secret
from spatial_widgets.client.tokensource import Grant
from spatial_widgets.errors import AuthenticationError, ProtocolError, ServiceError, TransportError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spatial_widgets.client.authority import Speak, TokenReply
    from spatial_widgets.client.body import FormValue

__all__ = ["ask_for_token"]

_FAULTY = 500
_REFUSED = 401


def ask_for_token(
    url: str,
    form: Mapping[str, FormValue],
    speak: Speak,
    *,
    minutes: float,
    referer: str | None,
    advice: str,
) -> Grant:
    """Return the token that a token service gives for a form. One POST, never redirected.

    Raises
    ------
    AuthenticationError : it refused, with what it said; ``advice`` is the next step.
    TransportError : it could not be reached, or what came is no answer of a token service.
    """
    try:
        reply = speak(url).ask_for_token(url, form, referer=referer)
    except ServiceError as error:
        said = str(error).partition("\n")[0]
        if (error.code or 0) >= _FAULTY:
            raise TransportError(
                f"No token came from {url}. {said} Nothing was sent to the service.", url=url
            ) from error
        raise AuthenticationError(
            f"No token came from {url}. {said}\n{advice}",
            code=error.code or _REFUSED,
            details=error.details,
            url=url,
        ) from error
    except ProtocolError as error:
        if "redirected" in str(error):
            raise AuthenticationError(f"No token came from {url}. {error}", code=_REFUSED, url=url) from error
        raise TransportError(
            f"No token came from {url}. Is it the address of a portal or token service? {error} "
            "Nothing was sent to the service.",
            method="POST",
            url=url,
        ) from error
    except TransportError as error:
        error.args = (f"No token came from {url}. {error} Nothing was sent to the service.",)
        raise
    return _grant(reply, url, minutes)


def _grant(reply: TokenReply, url: str, minutes: float) -> Grant:
    document = reply.document if isinstance(reply.document, dict) else {}
    token = document.get("token") or document.get("access_token")
    if not isinstance(token, Secret):
        raise TransportError(
            f"No token came from {url}: its answer holds none. Is it the address of a portal or token service? "
            "Nothing was sent to the service.",
            method="POST",
            url=url,
        )
    lives = [
        60.0 * minutes,
        _number(document.get("expires_in")),
        _difference(_number(document.get("expires")), reply.date),
    ]
    return Grant(checked_token(token), min(life for life in lives if life is not None and life > 0))


def _difference(expires_ms: float | None, date: str | None) -> float | None:
    """Return the seconds from the server's own clock to the end; None without both, as this machine's may be wrong."""
    parsed = None if date is None else email.utils.parsedate_tz(date)
    if expires_ms is None or parsed is None:
        return None
    return expires_ms / 1000 - email.utils.mktime_tz(parsed)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
