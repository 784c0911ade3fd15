"""Whole layers of a feature service, page by page: where a result only says ``{"url": …/FeatureServer/0}``.

Nothing is missing and nothing is there twice, or there is an error: the layer's own count is asked first and
compared with the rows that came.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from spatial_widgets.client.deadline import Budget
from spatial_widgets.codec import (
    LayerOptions,
    LayerText,
    ToldTooLate,
    decode_features,
    name_coded_values,
)
from spatial_widgets.errors import ProtocolError, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spatial_widgets.client.poller import Workers
    from spatial_widgets.client.session import GPSession

__all__ = ["LayerReader"]

_IN_FLIGHT = 4
_PAGE = 1000  # when the layer does not say
_EVERYTHING = "1=1"
_SHARED = ("geometryType", "hasZ", "hasM", "fields")
_PAGE_OPTIONS = LayerOptions(allow_truncated=True)  # that a page is not the last is no truncation


@dataclass(frozen=True, slots=True)
class _Layer:
    """What a layer says of itself that paging needs, and what its pages may leave out."""

    page: int
    id_field: str | None
    pages_by_offset: bool
    query: dict[str, str]
    description: dict[str, Any]

    @classmethod
    def read(cls, document: Any, url: str) -> _Layer:
        if not isinstance(document, dict) or not isinstance(document.get("fields"), list):
            raise ProtocolError(
                f"GET {url}: the reply describes no layer, it has no fields.", url=url, excerpt=repr(document)
            )
        fields = [f for f in document["fields"] if isinstance(f, dict)]
        id_field = document.get("objectIdField") or next(
            (f.get("name") for f in fields if f.get("type") == "esriFieldTypeOID"), None
        )
        advanced = document.get("advancedQueryCapabilities")
        advanced = advanced if isinstance(advanced, dict) else {}
        limit = document.get("maxRecordCount")
        query = {"where": _EVERYTHING, "outFields": "*", "returnGeometry": "true"}
        query |= {f"return{c}": "true" for c in "ZM" if document.get(f"has{c}")}
        if document.get("datesInUnknownTimezone"):
            query["timeReferenceUnknownClient"] = "true"  # without it such a layer answers with an error
        return cls(
            page=limit if isinstance(limit, int) and limit > 0 else _PAGE,
            id_field=id_field,
            pages_by_offset=bool(advanced.get("supportsPagination") or document.get("supportsPagination"))
            and bool(id_field),
            query=query,
            description=document,
        )

    @property
    def is_spatial(self) -> bool:
        return bool(self.description.get("geometryType"))

    def completed(self, reply: dict[str, Any]) -> dict[str, Any]:
        """Return a feature set of the layer, with what it leaves out taken from the layer's description."""
        known = {key: self.description.get(key) for key in _SHARED}
        known["spatialReference"] = (self.description.get("extent") or {}).get("spatialReference")
        return {key: value for key, value in (known | reply).items() if value is not None}


class LayerReader:
    """Reads a layer or table of a feature service into one frame.

    Parameters
    ----------
    session : speaks to the layer's host; its token goes there only if that is the token's own origin.
    url : the layer, ``…/FeatureServer/0``.
    workers : runs the pages, four at a time.
    options : how to read it; ``on_progress`` is called after each page, on a thread of ``workers``.

    Notes
    -----
    Cost: one GET for the layer, one for its count, one for its object IDs where it cannot page by offset,
    and one per page; a page that fails is asked again as any GET.

    Source: https://developers.arcgis.com/rest/services-reference/enterprise/query-feature-service-layer/
    """

    def __init__(
        self,
        session: GPSession,
        url: str,
        workers: Workers,
        *,
        options: LayerOptions = _PAGE_OPTIONS,
    ) -> None:
        self._session = session
        self._url = url.split("?", 1)[0].rstrip("/")
        self.workers = workers
        self._options = options
        self._page_options = replace(_PAGE_OPTIONS, dtype_backend=options.dtype_backend)

    def read(self, *, deadline_s: float | None = None) -> pd.DataFrame:
        """Return all rows, ordered by object ID; a GeoDataFrame where the layer has geometry.

        Raises
        ------
        ProtocolError : rows are missing or came twice, for example because the layer changed meanwhile.
        WaitTimeout : ``deadline_s`` ran out.
        """
        budget = Budget(self._session.clock, deadline_s)
        description = self._session.get_json(self._url, deadline_s=budget.left_s)
        layer = _Layer.read(description, self._url)
        counted = self._session.get_json(
            f"{self._url}/query",
            {"where": _EVERYTHING, "returnCountOnly": "true"},
            deadline_s=budget.left_s,
        )
        total = counted.get("count") if isinstance(counted, dict) else None
        if not isinstance(total, int):
            raise ProtocolError(
                f"GET {self._url}/query: the reply has no count.", url=self._url, excerpt=repr(counted)
            )
        queries = self._queries(layer, total, budget)
        pages = _Pages(self, layer, queries, total, budget).read() if queries else []
        return self._frame(layer, pages, total)

    def _queries(self, layer: _Layer, total: int, budget: Budget) -> list[dict[str, str]]:
        if not total:
            return []
        if layer.pages_by_offset:
            ordered = {**layer.query, "orderByFields": str(layer.id_field)}
            return [
                {
                    **ordered,
                    "resultOffset": str(start),
                    "resultRecordCount": str(min(layer.page, total - start)),
                }
                for start in range(0, total, layer.page)
            ]
        if layer.id_field is None:
            if total > layer.page:
                raise ProtocolError(
                    f"{self._url} has {total:,} rows, hands out {layer.page:,} at a time, and has neither paging nor object IDs.",
                    url=self._url,
                )
            return [layer.query]
        reply = self._session.get_json(
            f"{self._url}/query",
            {"where": _EVERYTHING, "returnIdsOnly": "true"},
            deadline_s=budget.left_s,
            max_bytes=None,
        )
        ids = sorted(reply.get("objectIds") or []) if isinstance(reply, dict) else []
        # Ranges instead of lists of IDs: a thousand IDs make a URL that many servers refuse.
        return [
            {**layer.query, "where": f"{layer.id_field} >= {chunk[0]} AND {layer.id_field} <= {chunk[-1]}"}
            for chunk in (ids[i : i + layer.page] for i in range(0, len(ids), layer.page))
        ]

    def fetch(self, layer: _Layer, query: dict[str, str], budget: Budget) -> tuple[list[pd.DataFrame], int]:
        """Return the frames that make up one page, several where the server cut it short, and their bytes."""
        frames, received, offset = [], 0, int(query.get("resultOffset", 0))
        missing = int(query.get("resultRecordCount", 0))
        while True:
            frame, size, is_cut = self._page(layer, query, budget)
            frames.append(frame)
            received += size
            missing, offset = missing - len(frame), offset + len(frame)
            if "resultOffset" not in query or not is_cut or missing <= 0 or not len(frame):
                return frames, received
            query = {**query, "resultOffset": str(offset), "resultRecordCount": str(missing)}

    def _page(self, layer: _Layer, query: dict[str, str], budget: Budget) -> tuple[pd.DataFrame, int, bool]:
        """Return the rows of one reply, its bytes, and whether the server says that there are more."""
        url = f"{self._url}/query"
        texts: list[LayerText] = []

        def digest(pieces: Iterator[bytes]) -> bytes:
            texts.append(LayerText(pieces, self._page_options, clean=self._session.mask_bytes))
            return texts[-1].read()

        def ask(digest: Callable[[Iterator[bytes]], bytes] | None) -> Any:
            return self._session.get_json(
                url, query, deadline_s=budget.left_s, attempt_s=None, max_bytes=None, digest=digest
            )

        reply = ask(digest)
        if not isinstance(reply, dict) or not isinstance(reply.get("features"), list):
            raise ProtocolError(
                f"GET {url}: the reply has no features.", url=self._url, excerpt=repr(reply)[:500]
            )
        size, is_cut = texts[-1].received, bool(reply.get("exceededTransferLimit"))
        if texts[-1].found and reply.get("spatialReference", not layer.is_spatial):
            try:
                return texts[-1].frame(reply), size, is_cut
            except ToldTooLate:
                pass
        if texts[-1].found:
            reply = ask(None)
        return decode_features(layer.completed(reply), **self._page_options.to_dict()), size, is_cut

    def progress(self, received: int, rows: int) -> None:
        """Pass on how far the reading is: bytes and rows so far."""
        self._options.on_progress(received, rows)

    def _frame(self, layer: _Layer, frames: Sequence[pd.DataFrame], total: int) -> pd.DataFrame:
        rows = sum(map(len, frames))
        ids = [frame[layer.id_field] for frame in frames if layer.id_field in frame]
        different = pd.concat(ids).nunique(dropna=False) if ids else rows
        if rows != total or different < rows:
            raise ProtocolError(
                f"{self._url} counts {total:,} rows, but {rows:,} came ({different:,} different). "
                "The layer may have changed meanwhile; ask again.",
                url=self._url,
            )
        if not frames:
            frames = [decode_features(layer.completed({"features": []}), **self._page_options.to_dict())]
        frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        return name_coded_values(frame, layer.description["fields"]) if self._options.domains else frame


class _Pages:
    """Some pages in flight at once, put together in order."""

    def __init__(
        self, reader: LayerReader, layer: _Layer, queries: list[dict[str, str]], total: int, budget: Budget
    ) -> None:
        self._reader = reader
        self._layer = layer
        self._waiting = list(enumerate(queries))[::-1]
        self._frames: list[list[pd.DataFrame]] = [[] for _ in queries]
        self._left = len(queries)
        self._total = total
        self._rows = 0
        self._received = 0
        self._budget = budget
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def read(self) -> list[pd.DataFrame]:
        for _ in range(min(_IN_FLIGHT, self._left) - 1):
            self._reader.workers.submit(self._work)
        # This thread works too: it may be one of the workers itself, and the others all busy.
        self._work()
        with self._changed:
            ended = self._changed.wait_for(
                lambda: self._left == 0 or self._error is not None, self._budget.left_s
            )
            self._waiting.clear()  # whoever still works stops after its page
        if self._error is not None:
            raise self._error
        if not ended:
            raise WaitTimeout(
                f"The layer did not arrive whole within {self._budget}: {self._rows:,} of {self._total:,} rows."
            )
        return [frame for page in self._frames for frame in page]

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    return
                number, query = self._waiting.pop()
            try:
                frames, received = self._reader.fetch(self._layer, query, self._budget)
                rows = sum(map(len, frames))
                with self._changed:
                    self._frames[number] = frames
                    self._rows += rows
                    self._left -= 1
                    self._received += received
                    done, total_received = self._rows, self._received
                    self._changed.notify_all()
                self._reader.progress(total_received, done)
            except BaseException as error:  # noqa: BLE001 -- raised again in the thread that waits
                with self._changed:
                    self._error = error
                    self._waiting.clear()
                    self._changed.notify_all()
                return
