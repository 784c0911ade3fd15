"""Layers read by URL: off unless the service was started with hosts to read from, and then with care.

Only https, only hosts of the list, at their own port. The name is resolved once; if any of its addresses is
not a public one nothing is fetched; the connection goes to that very address, whatever the name means a
moment later. No redirect is followed, no proxy asked, no compression taken; size and time are limited.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import re
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spatial_widgets.server.limits import Limits

__all__ = ["fetch_layer", "is_public", "is_queried", "refuse_url"]

_LAYER = re.compile(r"/(FeatureServer|MapServer)/\d+/?$", re.IGNORECASE)
_BLOCK = 1 << 16
_MOST_PAGES = 1000
_TOKEN_KEYS = ("serviceToken", "token")


def is_public(address: str) -> bool:
    """Whether an IP address may be read from: a global one, no multicast, nothing that wraps another address."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo and found.teredo[1])
        if (
            inner
            or found.is_site_local
            or found in ipaddress.ip_network("64:ff9b::/96")
            or found in ipaddress.ip_network("64:ff9b:1::/48")
        ):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def is_queried(url: str) -> bool:
    """Whether a URL is that of a service's layer, which applies a filter itself."""
    return _LAYER.search(urlsplit(url).path) is not None


def refuse_url(url: str, limits: Limits, *, about: str, parameter: str) -> SplitResult:
    """Return a URL's parts, if layers may be read from there.

    Raises
    ------
    ParameterError : reading by URL is off, or not from there.
    """

    def no(reason: str) -> ParameterError:
        return ParameterError(f"{about}: {reason}", parameter=parameter)

    if not limits.input_hosts:
        raise no(
            "this service reads no layers by URL. Send the features themselves, upload them, or pass the "
            "URL of a result of this service; serving with --input-hosts HOST switches it on."
        )
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise no("the URL cannot be read.") from error
    host = (parts.hostname or "").casefold()
    if parts.scheme.lower() != "https" or not host or parts.username or parts.password:
        raise no("layers are read from https URLs without user name only.")
    if host not in limits.input_hosts or port not in {None, 443}:
        raise no(
            f"{host[:100]!r} is none of the hosts that layers are read from: {', '.join(limits.input_hosts)}."
        )
    if re.search(r"[\x00-\x20\x7f]", url.strip()):
        raise no("the URL holds blanks or control characters.")
    return parts


def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a host."""
    return list(
        dict.fromkeys(str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    )


def fetch_layer(
    pointer: Mapping[str, Any],
    limits: Limits,
    *,
    parameter: str,
    resolver: Callable[[str, int], Sequence[str]] = resolve,
    may_read: Callable[[str], bool] = is_public,
    context: ssl.SSLContext | None = None,
    port: int = 443,
) -> list[bytes]:
    """Return the JSON texts of a layer's pages, for ``{"url", "filter", "serviceToken"}``.

    A layer of a feature or map service is queried, with the filter, page by page; any other URL is read as
    the document of a feature set.

    Raises
    ------
    ParameterError : it may not be read, cannot be read, or is too large.
    """
    parts = refuse_url(
        str(pointer.get("url", "")), limits, about=f"parameter {parameter!r}", parameter=parameter
    )
    token = next((str(pointer[key]) for key in _TOKEN_KEYS if pointer.get(key)), "")
    address = _address(parts, parameter, resolver, may_read)
    reader = _Reader(
        (address, port), parts, token, limits, parameter, context or ssl.create_default_context()
    )
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    if not _LAYER.search(parts.path):
        return [reader.get(f"{path}?{parts.query}" if parts.query else path)]
    where = str(pointer.get("filter") or "1=1")
    pages: list[bytes] = []
    offset = 0
    while len(pages) < _MOST_PAGES:
        query = {"where": where, "outFields": "*", "returnGeometry": "true", "f": "json"}
        query |= {"resultOffset": str(offset)} if offset else {}
        pages.append(reader.get(f"{path.rstrip('/')}/query?{urlencode(query)}"))
        document = reader.document(pages[-1])
        rows = len(document["features"])
        offset += rows
        if offset > limits.features:
            raise ParameterError(
                f"{parameter}: the layer has over {limits.features:,} features, the most that are read.",
                parameter=parameter,
            )
        if not rows or not (
            document.get("exceededTransferLimit")
            or document.get("properties", {}).get("exceededTransferLimit")
        ):
            break
    return pages


def _address(
    parts: SplitResult,
    parameter: str,
    resolver: Callable[[str, int], Sequence[str]],
    may_read: Callable[[str], bool],
) -> str:
    """Return the one address to connect to; if any address of the host is not a public one, none is."""
    try:
        addresses = resolver(str(parts.hostname), 443)
    except (OSError, UnicodeError) as error:
        raise ParameterError(f"{parameter}: {parts.hostname} has no address.", parameter=parameter) from error
    if not addresses or not all(map(may_read, addresses)):
        raise ParameterError(
            f"{parameter}: {parts.hostname} is not at a public address, so nothing is read from it.",
            parameter=parameter,
        )
    return addresses[0]


class _Reader:
    """Reads from one address of one host, with one budget of bytes and seconds."""

    def __init__(
        self,
        address: tuple[str, int],
        parts: SplitResult,
        token: str,
        limits: Limits,
        parameter: str,
        context: ssl.SSLContext,
    ) -> None:
        self._address = address
        self._host = str(parts.hostname)
        self._token = token
        self._parameter = parameter
        self._left = limits.input_bytes
        self._most = limits.input_bytes
        self._seconds = limits.input_s
        self._until = time.monotonic() + limits.input_s
        self._context = context

    def _fault(self, reason: str) -> ParameterError:
        return ParameterError(f"{self._parameter}: {self._host} {reason}.", parameter=self._parameter)

    def _time_left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise self._fault(f"did not send the layer within {self._seconds:g} s")
        return left

    def get(self, target: str) -> bytes:
        """Return the body of one answer."""
        try:
            with (
                socket.create_connection(self._address, timeout=self._time_left()) as bare,
                self._context.wrap_socket(bare, server_hostname=self._host) as secured,
            ):
                return self._talk(secured, target)
        except (OSError, http.client.HTTPException) as error:
            self._time_left()
            raise self._fault(f"could not be read ({type(error).__name__})") from error

    def _talk(self, secured: ssl.SSLSocket, target: str) -> bytes:
        connection = http.client.HTTPConnection(self._host)
        connection.sock = secured
        headers = {
            "Host": self._host,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        if self._token:
            headers["X-Esri-Authorization"] = f"Bearer {self._token}"
        connection.request("GET", target, headers=headers)
        reply = connection.getresponse()
        if reply.status != 200:
            hint = "; redirects are not followed" if 300 <= reply.status < 400 else ""
            raise self._fault(f"answered with HTTP {reply.status}{hint}")
        if reply.getheader("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
            raise self._fault("answered with a compressed body, though none was asked for")
        blocks = []
        while True:
            secured.settimeout(self._time_left())
            block = reply.read1(_BLOCK)
            if not block:
                break
            self._left -= len(block)
            if self._left < 0:
                raise self._fault(f"sent over {self._most:,} bytes, the most that are read of a layer")
            blocks.append(block)
        if reply.length:
            raise self._fault("cut its answer short")
        return b"".join(blocks)

    def document(self, text: bytes) -> dict[str, Any]:
        """Return a page of features, parsed."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self._fault("did not answer with JSON") from error
        if isinstance(document, dict) and isinstance(document.get("error"), dict):
            raise self._fault(f"answered with an error: {str(document['error'].get('message', ''))[:200]}")
        if not isinstance(document, dict) or not isinstance(document.get("features"), list):
            raise self._fault("did not answer with features")
        return document
