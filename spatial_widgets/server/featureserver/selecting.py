"""Which rows of a layer a query means, and in which order; remembered while their pages are fetched."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from spatial_widgets.codec import decode_spatial_reference
from spatial_widgets.errors import ParameterError
from spatial_widgets.server.featureserver.columns import to_frame
from spatial_widgets.server.featureserver.layerwriter import CORNERS
from spatial_widgets.server.where import select_rows
from spatial_widgets.server.wherewords import Clause

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from spatial_widgets.codec.protobuf import Ints
    from spatial_widgets.server.featureserver.layerfile import LayerFile
    from spatial_widgets.server.featureserver.query import Area, Query

__all__ = ["Selections"]

_REMEMBERED = 8
_EDGE_POINTS = 64
_FARTHEST = 1e12  # no system of the earth has such coordinates
_DATES = {"esriFieldTypeDate", "esriFieldTypeDateOnly"}


class Selections:
    """Finds the rows of queries. The last few answers are kept, 4 bytes a row, so that a next page costs nothing.

    Parameters
    ----------
    where_s : seconds that a where clause may take for 100,000 rows.
    """

    def __init__(self, where_s: float) -> None:
        self._where_s = where_s
        self._found: OrderedDict[Any, Any] = OrderedDict()
        self._turns: dict[Any, threading.Lock] = {}
        self._mutex = threading.Lock()

    def rows(self, layer: LayerFile, query: Query) -> Ints | range:
        """Return the numbers of the rows that a query means, in its order.

        Raises
        ------
        ParameterError : a clause or an area cannot be used.
        """
        id_order = not query.order or query.order[0] == (layer.id_field, False)
        if query.object_ids is None and query.area is None and _is_all(query.where) and id_order:
            return range(len(layer))
        return self._remembered((layer.key, query.chosen), lambda: self._select(layer, query))

    def _remembered(self, key: Any, make: Callable[[], Ints]) -> Ints:
        with self._mutex:
            turn = self._turns.setdefault(key, threading.Lock())
        # Pages are asked for side by side: the first one finds, the others wait for it.
        with turn:
            with self._mutex:
                if key in self._found:
                    self._found.move_to_end(key)
                    return self._found[key]  # type: ignore[no-any-return]
            try:
                made = make()
                with self._mutex:
                    self._found[key] = made
                    if len(self._found) > _REMEMBERED:
                        self._found.popitem(last=False)
            finally:
                with self._mutex:
                    self._turns.pop(key, None)
        return made

    def _select(self, layer: LayerFile, query: Query) -> Ints:
        found: Ints = np.arange(len(layer), dtype=np.int32)
        if query.object_ids is not None:
            wanted = np.array(query.object_ids, np.int64) - 1
            found = wanted[(wanted >= 0) & (wanted < len(layer))].astype(np.int32)
        if query.area is not None:
            found = np.intersect1d(found, _within(layer, query.area), assume_unique=True)
        if not _is_all(query.where):
            found = np.intersect1d(found, _where(layer, query.where, self._where_s), assume_unique=True)
        return _ordered(layer, found, query.order)


def _is_all(where: str) -> bool:
    return where.replace(" ", "") in {"", "1=1"}


# ---------------------------------------------------------------- where clauses


def _where(layer: LayerFile, clause: str, timeout_s: float) -> Ints:
    names = [field["name"] for field in layer.fields]
    dates = {field["name"] for field in layer.fields if field["type"] in _DATES}
    try:
        columns = Clause.read(clause, names, dates).columns
    except ValueError as error:
        text = f"where: the filter {clause[:200]!r} cannot be used: {error}."
        raise ParameterError(text, parameter="where", value=clause) from error
    if not columns:  # true of all rows or of none
        some = pd.DataFrame(index=range(1))
        is_true = len(select_rows(some, clause, parameter="where", timeout_s=timeout_s)) > 0
        return np.arange(len(layer) if is_true else 0, dtype=np.int32)
    found = [np.empty(0, np.int32)]
    for numbers, table in layer.batches(columns):
        rows = select_rows(to_frame(table), clause, parameter="where", timeout_s=timeout_s)
        found.append(numbers[rows.index.to_numpy()].astype(np.int32))
    return np.concatenate(found)


# ---------------------------------------------------------------- areas


def _within(layer: LayerFile, area: Area) -> Ints:
    if not layer.is_spatial:
        raise ParameterError("query: geometry: a table has no places.", parameter="geometry")
    shape = _shape_of(layer, area)
    box = shapely.bounds(shape).tolist()
    bounds, geometry = layer.described["bounds"], layer.described["geometry"]
    is_box = area.relation == "envelope" or layer.described["geometryType"] == "esriGeometryPoint"
    is_box = is_box and (area.relation == "envelope" or shapely.equals(shape, shapely.box(*box)))
    if not is_box:
        shapely.prepare(shape)
    found = [np.empty(0, np.int32)]
    groups = layer.groups_within(box)
    for numbers, table in layer.batches([bounds] if is_box else [bounds, geometry], groups):
        chosen = _meets(table.column(bounds), box)
        if not is_box:
            candidates = np.flatnonzero(chosen)
            shapes = shapely.from_wkb(table.column(geometry).take(pa.array(candidates)).to_pylist())
            chosen = candidates[shapely.intersects(shapes, shape)]
        found.append(numbers[chosen].astype(np.int32))
    return np.concatenate(found)


def _meets(bounds: pa.ChunkedArray, box: Sequence[float]) -> Any:
    corners = bounds.combine_chunks()
    left, bottom, right, top = (
        pc.fill_null(pc.struct_field(corners, corner), float("nan")).to_numpy(zero_copy_only=False)
        for corner in CORNERS
    )
    xmin, ymin, xmax, ymax = box
    return (left <= xmax) & (right >= xmin) & (bottom <= ymax) & (top >= ymin)


def _shape_of(layer: LayerFile, area: Area) -> Any:
    """Return the area in the layer's coordinate system."""
    own = decode_spatial_reference(layer.described["spatialReference"])
    if area.crs is None or own is None or area.crs.equals(own, ignore_axis_order=True):
        return area.shape
    # Straight edges in one system are curves in the other.
    left, bottom, right, top = shapely.bounds(area.shape).tolist()
    longest = max(right - left, top - bottom)
    moved = area.shape
    if longest < _FARTHEST:
        fine = shapely.segmentize(area.shape, longest / _EDGE_POINTS) if longest > 0 else area.shape
        moved = gpd.GeoSeries([fine], crs=area.crs).to_crs(own).iloc[0]
    if longest >= _FARTHEST or not np.isfinite(shapely.get_coordinates(moved)).all():
        raise ParameterError(
            f"query: geometry: it reaches to where {own.name!r}, the layer's system, has no coordinates.",
            parameter="geometry",
        )
    return moved if moved.is_valid else shapely.make_valid(moved)


# ---------------------------------------------------------------- order


def _ordered(layer: LayerFile, found: Ints, order: Sequence[tuple[str, bool]]) -> Ints:
    if not order or order[0] == (layer.id_field, False) or not len(found):
        return found
    if order[0] == (layer.id_field, True):
        return found[::-1]
    keys: dict[str, str] = {}
    for name, descends in order:
        keys.setdefault(name, "descending" if descends else "ascending")
    table = pa.concat_tables(list(_chosen(layer, found, list(keys))))
    # Rows that are alike stay in the order of their object IDs; null comes last either way.
    places: Ints = pc.sort_indices(table, sort_keys=list(keys.items())).to_numpy()
    return found[places]


def _chosen(layer: LayerFile, found: Ints, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield some rows, ascending, of some columns, a batch at a time."""
    start = 0
    for numbers, table in layer.batches(names):
        stop = int(np.searchsorted(found, numbers[-1], side="right"))
        yield table.take(found[start:stop] - numbers[0])
        start = stop
