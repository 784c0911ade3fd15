"""What the environment says of connections: proxies and certificates. No I/O of its own."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from spatial_widgets.protocol.urls import is_loopback, origin

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Surroundings"]

_NAMES = ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "requests_ca_bundle", "curl_ca_bundle"]
_VARIABLES = [*_NAMES, *map(str.upper, _NAMES)]
_KEPT_S = 10.0  # some systems keep their proxies outside of the environment


class Surroundings:
    """Remembers what was found for an origin, until a variable changes, or for 10 s.

    Going through the environment takes a fifth of the time of a poll.

    Parameters
    ----------
    look : returns the settings for a URL, as ``requests`` finds them.
    """

    def __init__(self, look: Callable[[str], Mapping[str, Any]]) -> None:
        self._look = look
        self._known: dict[tuple[str, str, int], tuple[list[str | None], float, dict[str, Any]]] = {}

    def settings(self, url: str) -> dict[str, Any]:
        """Return ``proxies``, ``verify`` and the like; the local machine is asked without a proxy."""
        where, variables, now = origin(url), list(map(os.environ.get, _VARIABLES)), time.monotonic()
        known = self._known.get(where)
        if known is None or known[0] != variables or known[1] < now:
            settings = dict(self._look(url))
            if is_loopback(url):
                settings["proxies"] = {}
            known = self._known[where] = variables, now + _KEPT_S, settings
        return known[2]
