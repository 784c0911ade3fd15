"""Whole layers of a feature service, page by page: where a result only says ``{"url": …/FeatureServer/0}``.

Nothing is missing and nothing is there twice, or there is an error: the layer's own count is asked first and
compared with the rows that came.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spatial_widgets.client.deadline import Budget
from spatial_widgets.codec import decode_features
from spatial_widgets.errors import ProtocolError, WaitTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from spatial_widgets.client.poller import Workers
    from spatial_widgets.client.session import GPSession

__all__ = ["LayerReader"]

_IN_FLIGHT = 4
_PAGE = 1000  # when the layer does not say
_EVERYTHING = "1=1"


@dataclass(frozen=True, slots=True)
class _Layer:
    """What a layer says of itself that paging needs."""

    page: int
    id_field: str | None
    pages_by_offset: bool
    query: dict[str, str]

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
        )


class LayerReader:
    """Reads a layer or table of a feature service into one frame.

    Parameters
    ----------
    session : speaks to the layer's host; its token goes there only if that is the token's own origin.
    url : the layer, ``…/FeatureServer/0``.
    workers : runs the pages, four at a time.
    on_progress : called with ``(rows read, rows in all)`` after each page, on a thread of ``workers``.

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
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        self._session = session
        self._url = url.split("?", 1)[0].rstrip("/")
        self.workers = workers
        self._on_progress = on_progress

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
        pages = _Pages(self, queries, total, budget).read() if queries else []
        return self._frame(description, layer, pages, total)

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

    def fetch(self, query: dict[str, str], budget: Budget) -> list[dict[str, Any]]:
        """Return the replies that make up one page: several where the server cut it short."""
        replies, offset = [], int(query.get("resultOffset", 0))
        missing = int(query.get("resultRecordCount", 0))
        while True:
            reply = self._session.get_json(
                f"{self._url}/query", query, deadline_s=budget.left_s, attempt_s=None, max_bytes=None
            )
            if not isinstance(reply, dict) or not isinstance(reply.get("features"), list):
                raise ProtocolError(
                    f"GET {self._url}/query: the reply has no features.",
                    url=self._url,
                    excerpt=repr(reply)[:500],
                )
            replies.append(reply)
            got = len(reply["features"])
            missing, offset = missing - got, offset + got
            if (
                "resultOffset" not in query
                or not reply.get("exceededTransferLimit")
                or missing <= 0
                or not got
            ):
                return replies
            query = {**query, "resultOffset": str(offset), "resultRecordCount": str(missing)}

    def progress(self, done: int, total: int) -> None:
        """Pass on how far the reading is."""
        self._on_progress(done, total)

    def _frame(
        self, description: dict[str, Any], layer: _Layer, replies: Sequence[dict[str, Any]], total: int
    ) -> pd.DataFrame:
        features = [f for reply in replies for f in reply["features"]]
        ids = [f.get("attributes", {}).get(layer.id_field) for f in features] if layer.id_field else []
        if len(features) != total or len(set(ids)) < len(ids):
            raise ProtocolError(
                f"{self._url} counts {total:,} rows, but {len(features):,} came ({len(set(ids)) if ids else len(features):,} different). "
                "The layer may have changed meanwhile; ask again.",
                url=self._url,
            )
        first = replies[0] if replies else {}
        keys = ("geometryType", "spatialReference", "hasZ", "hasM", "fields")
        body = {key: first.get(key, description.get(key)) for key in keys} | {"features": features}
        if body["spatialReference"] is None:
            body["spatialReference"] = (description.get("extent") or {}).get("spatialReference")
        return decode_features(
            {key: value for key, value in body.items() if value is not None}, url=self._url
        )


class _Pages:
    """Some pages in flight at once, put together in order."""

    def __init__(
        self, reader: LayerReader, queries: list[dict[str, str]], total: int, budget: Budget
    ) -> None:
        self._reader = reader
        self._waiting = list(enumerate(queries))[::-1]
        self._replies: list[list[dict[str, Any]]] = [[] for _ in queries]
        self._left = len(queries)
        self._total = total
        self._rows = 0
        self._budget = budget
        self._error: BaseException | None = None
        self._changed = threading.Condition()

    def read(self) -> list[dict[str, Any]]:
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
        return [reply for page in self._replies for reply in page]

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    return
                number, query = self._waiting.pop()
            try:
                replies = self._reader.fetch(query, self._budget)
                rows = sum(len(reply["features"]) for reply in replies)
                with self._changed:
                    self._replies[number] = replies
                    self._rows += rows
                    self._left -= 1
                    done = self._rows
                    self._changed.notify_all()
                self._reader.progress(done, self._total)
            except BaseException as error:  # noqa: BLE001 -- raised again in the thread that waits
                with self._changed:
                    self._error = error
                    self._waiting.clear()
                    self._changed.notify_all()
                return
