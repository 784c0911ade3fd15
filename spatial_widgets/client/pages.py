"""One page of a layer: as a protocol buffer where that is faster, else as JSON; and the rest of one that was cut short."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from spatial_widgets.codec import LayerOptions, LayerText, PbfPage, ToldTooLate, decode_features
from spatial_widgets.errors import CodecError, ProtocolError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    from spatial_widgets.client.deadline import Budget
    from spatial_widgets.client.layerinfo import LayerInfo
    from spatial_widgets.client.session import GPSession

__all__ = ["PAGE_OPTIONS", "PageReader"]

logger = logging.getLogger(__name__)

PAGE_OPTIONS = LayerOptions(allow_truncated=True)  # that a page is not the last is no truncation

# The kinds of layers whose pages are faster to read as protocol buffers, as benchmarks/pages.py measured it.
_FASTER_AS_PBF = {None, "esriGeometryPoint", "esriGeometryPolyline", "esriGeometryPolygon"}
_BAD_REQUEST = 400
_TEXT = (b"{", b"[", b"<", b"\xef\xbb\xbf")

_Page = tuple["pd.DataFrame", int]  # its rows, and its bytes


class PageReader:
    """Reads pages of one layer; thread-safe.

    Parameters
    ----------
    session : speaks to the layer's host.
    url : the layer, ``…/FeatureServer/0``.
    layer : what it says of itself.
    options : how to read a page.

    Notes
    -----
    Coordinates of protocol buffers lie on a grid that the server chooses, the layer's own resolution as a rule.
    A page that cannot be read as one is asked for as JSON, and so are those after it.
    """

    def __init__(self, session: GPSession, url: str, layer: LayerInfo, options: LayerOptions) -> None:
        self._session = session
        self._url = url
        self._layer = layer
        self._options = options
        kind = layer.description.get("geometryType") or None
        self._as_pbf = "pbf" in layer.formats and kind in _FASTER_AS_PBF

    def fetch(self, query: dict[str, str], budget: Budget) -> tuple[list[pd.DataFrame], int]:
        """Return the frames that make up one page, several where the server cut it short, and their bytes."""
        frames, received, offset = [], 0, int(query.get("resultOffset", 0))
        missing = int(query.get("resultRecordCount", 0))
        while True:
            page = self._pbf(query, budget) if self._as_pbf else None
            frame, size = page or self._json(query, budget)
            frames.append(frame)
            received += size
            missing, offset = missing - len(frame), offset + len(frame)
            # Fewer rows than asked for: whether or not the server says that there are more, it is asked.
            if "resultOffset" not in query or missing <= 0 or not len(frame):
                return frames, received
            query = {**query, "resultOffset": str(offset), "resultRecordCount": str(missing)}

    def _ask(
        self, query: dict[str, str], budget: Budget, digest: Callable[[Iterator[bytes]], bytes] | None
    ) -> Any:
        return self._session.get_json(
            f"{self._url}/query",
            query,
            deadline_s=budget.left_s,
            attempt_s=None,
            max_bytes=None,
            digest=digest,
        )

    def _json(self, query: dict[str, str], budget: Budget) -> _Page:
        texts: list[LayerText] = []

        def digest(pieces: Iterator[bytes]) -> bytes:
            texts.append(LayerText(pieces, self._options, clean=self._session.mask_bytes))
            return texts[-1].read()

        reply = self._checked(self._ask(query, budget, digest))
        size = texts[-1].received
        if texts[-1].found and reply.get("spatialReference", not self._layer.is_spatial):
            try:
                return texts[-1].frame(reply), size
            except ToldTooLate:
                pass
        if texts[-1].found:
            reply = self._ask(query, budget, None)
        return self._whole(reply), size

    def _checked(self, reply: Any) -> dict[str, Any]:
        if not isinstance(reply, dict) or not isinstance(reply.get("features"), list):
            raise ProtocolError(
                f"GET {self._url}/query: the reply has no features.",
                url=self._url,
                excerpt=repr(reply)[:500],
            )
        return reply

    def _whole(self, reply: dict[str, Any]) -> pd.DataFrame:
        return decode_features(self._layer.completed(reply), **self._options.to_dict())

    def _pbf(self, query: dict[str, str], budget: Budget) -> _Page | None:
        """Return a page that was asked for as a protocol buffer; None where it is to be had as JSON only."""
        body = b""

        def digest(pieces: Iterator[bytes]) -> bytes:
            nonlocal body
            body = b"".join(pieces)
            return body if _is_text(body) else b"{}"  # judged by its status alone

        try:
            reply = self._ask({**query, "f": "pbf"}, budget, digest)
        except ServiceError as error:
            if error.code != _BAD_REQUEST:
                raise
            self._end_pbf(error)
            return None
        if _is_text(body):  # a server that does not know the format and says nothing
            self._as_pbf = False
            reply = self._checked(reply)
            return self._whole(reply), len(body)
        try:
            return self._decoded(body)
        except CodecError as error:
            self._end_pbf(error)
            return None

    def _decoded(self, body: bytes) -> _Page:
        if self._session.mask_bytes(body) is not body:
            raise CodecError("it may echo a token, which only JSON can be cleaned of")
        page = PbfPage(body)
        document = self._layer.completed(page.document)
        if bool(document.get("geometryType")) != self._layer.is_spatial:
            raise CodecError("it has another geometry than the layer", path="geometryType")
        return page.frame(document, self._options), len(body)

    def _end_pbf(self, error: Exception) -> None:
        logger.info(
            "%s: a page cannot be read as a protocol buffer, JSON is asked for instead: %s", self._url, error
        )
        self._as_pbf = False


def _is_text(body: bytes) -> bool:
    """Whether a body is JSON or HTML, or nothing; a protocol buffer begins with the tag of a field."""
    start = body[:64].lstrip()
    return not start or start.startswith(_TEXT)
