"""Whole layers of a feature service, page by page: where a result only says ``{"url": …/FeatureServer/0}``.

Nothing is missing and nothing is there twice, or there is an error: the layer's own count is asked first and
compared with the rows that came.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pandas as pd

from spatial_widgets.client.deadline import Budget
from spatial_widgets.client.layerinfo import EVERYTHING, LayerInfo
from spatial_widgets.client.pages import PAGE_OPTIONS, PageReader
from spatial_widgets.codec import decode_features, name_coded_values
from spatial_widgets.errors import ProtocolError, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.client.poller import Workers
    from spatial_widgets.client.session import GPSession
    from spatial_widgets.codec import LayerOptions

__all__ = ["LayerReader"]

_IN_FLIGHT = 4


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
        options: LayerOptions = PAGE_OPTIONS,
    ) -> None:
        self._session = session
        self._url = url.split("?", 1)[0].rstrip("/")
        self.workers = workers
        self._options = options
        self._page_options = replace(PAGE_OPTIONS, dtype_backend=options.dtype_backend)

    def read(self, *, deadline_s: float | None = None) -> pd.DataFrame:
        """Return all rows, ordered by object ID; a GeoDataFrame where the layer has geometry.

        Raises
        ------
        ProtocolError : rows are missing or came twice, for example because the layer changed meanwhile.
        WaitTimeout : ``deadline_s`` ran out.
        """
        budget = Budget(self._session.clock, deadline_s)
        description = self._session.get_json(self._url, deadline_s=budget.left_s)
        layer = LayerInfo.read(description, self._url)
        counted = self._session.get_json(
            f"{self._url}/query",
            {"where": EVERYTHING, "returnCountOnly": "true"},
            deadline_s=budget.left_s,
        )
        total = counted.get("count") if isinstance(counted, dict) else None
        if not isinstance(total, int):
            raise ProtocolError(
                f"GET {self._url}/query: the reply has no count.", url=self._url, excerpt=repr(counted)
            )
        queries = self._queries(layer, total, budget)
        pages = PageReader(self._session, self._url, layer, self._page_options)
        frames = _Pages(self, pages, queries, total, budget).read() if queries else []
        return self._frame(layer, frames, total)

    def _queries(self, layer: LayerInfo, total: int, budget: Budget) -> list[dict[str, str]]:
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
            {"where": EVERYTHING, "returnIdsOnly": "true"},
            deadline_s=budget.left_s,
            max_bytes=None,
        )
        told = (reply.get("objectIds") or []) if isinstance(reply, dict) else []
        if not isinstance(told, list) or not set(map(type, told)) <= {int}:
            raise ProtocolError(
                f"GET {self._url}/query: the object IDs are no list of whole numbers.",
                url=self._url,
                excerpt=repr(told)[:500],
            )
        ids = sorted(told)
        # Ranges instead of lists of IDs: a thousand IDs make a URL that many servers refuse.
        return [
            {**layer.query, "where": f"{layer.id_field} >= {chunk[0]} AND {layer.id_field} <= {chunk[-1]}"}
            for chunk in (ids[i : i + layer.page] for i in range(0, len(ids), layer.page))
        ]

    def progress(self, received: int, rows: int) -> None:
        """Pass on how far the reading is: bytes and rows so far."""
        self._options.on_progress(received, rows)

    def _frame(self, layer: LayerInfo, frames: Sequence[pd.DataFrame], total: int) -> pd.DataFrame:
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
        if len({frame.crs for frame in frames if isinstance(frame, gpd.GeoDataFrame)}) > 1:
            raise ProtocolError(f"{self._url}: its pages are in different coordinate systems.", url=self._url)
        frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        return name_coded_values(frame, layer.description["fields"]) if self._options.domains else frame


class _Pages:
    """Some pages in flight at once, put together in order."""

    def __init__(
        self,
        reader: LayerReader,
        pages: PageReader,
        queries: list[dict[str, str]],
        total: int,
        budget: Budget,
    ) -> None:
        self._reader = reader
        self._pages = pages
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
                frames, received = self._pages.fetch(query, self._budget)
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
