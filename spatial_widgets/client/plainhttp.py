"""Addresses without TLS: what a token or a password may be sent to, and a warning where it can be read on its way."""

from __future__ import annotations

import inspect
import warnings
from urllib.parse import urlsplit

from spatial_widgets.protocol.urls import is_loopback, origin

__all__ = ["is_private", "warn_if_plain"]

_warned: dict[tuple[str, str, int], object] = {}
# Those of a stand-alone ArcGIS Server, https://enterprise.arcgis.com/en/server/latest/install/linux/ports-used-by-arcgis-server.htm
_TLS_PORTS = {80: 443, 6080: 6443}


def is_private(url: str) -> bool:
    """Whether nobody on the way reads what is sent to a URL: it is https, or this machine."""
    return urlsplit(url).scheme.lower() == "https" or is_loopback(url)


def warn_if_plain(url: str) -> None:
    """Warn, once per origin, that what signs in to it can be read on the way."""
    mine = object()
    if is_private(url) or _warned.setdefault(origin(url), mine) is not mine:  # at one go, whatever the thread
        return
    _, host, port = origin(url)
    tls = _TLS_PORTS.get(port)
    where = f"https://{host}{'' if tls == 443 else f':{tls}'}" if tls else f"https://{host}"
    warnings.warn(
        f"http://{host}:{port} is not encrypted: everybody on the way can read the token or password, and use it. "
        f"Try {where} as the address.",
        UserWarning,
        stacklevel=_callers_level(),
    )


def _callers_level() -> int:
    """Return the ``stacklevel`` of the line outside of this package that led here."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("spatial_widgets."):
        frame, level = frame.f_back, level + 1
    return level
