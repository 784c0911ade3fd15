"""Which features, or which parts of them, satisfy criteria on their attributes and on other layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.server.analysis.buffering import Style, geodesic_buffers, planar_buffers
from spatial_widgets.server.analysis.criteria import Criterion, Group
from spatial_widgets.server.analysis.nearest import nearest
from spatial_widgets.server.analysis.outlines import Outlines
from spatial_widgets.server.analysis.prepare import in_lonlat
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.analysis.together import in_one_system
from spatial_widgets.server.where import select_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.server.registry import Context

__all__ = ["Locations"]

Array = np.ndarray[Any, Any]
#: For each layer that was asked about, what of each feature is left; nothing is an empty geometry.
State = dict[int, Array]

_PREDICATES = {"intersects": "intersects", "within": "within", "contains": "contains"}
_NOTHING = shapely.Point()


class Locations:
    """Answers criteria about layers, all of which are in one coordinate system."""

    def __init__(self, ctx: Context, layers: Sequence[gpd.GeoDataFrame], *, cut: bool) -> None:
        self._ctx = ctx
        self._cut = cut
        self.layers = in_one_system(*layers)
        self._dimensions = [int(shapely.get_dimensions(layer.geometry.iloc[0])) for layer in layers]
        if any(is_geodesic(layer.crs) for layer in self.layers):
            self.layers = [in_lonlat(layer) for layer in self.layers]

    def answer(self, group: Group) -> Array:
        """Return what of each feature of the first layer satisfies criteria; nothing is an empty geometry."""
        state = self._group(group)
        return state.get(0, self._whole(0))

    def _whole(self, layer: int) -> Array:
        whole: Array = self.layers[layer].geometry.to_numpy()
        return whole

    def _group(self, group: Group, outer: State | None = None) -> State:
        state: State = {}
        for one in group.members:
            known = {**(outer or {}), **state}
            found = self._group(one, known) if isinstance(one, Group) else {one.layer: self._one(one, known)}
            for layer, shapes in found.items():
                state[layer] = self._joined(state.get(layer), shapes, one.operator)
        return state

    def _joined(self, before: Array | None, now: Array, operator: str) -> Array:
        """Join two answers about one layer: what is in both, or what is in either."""
        if before is None:
            return now
        result = before.copy()
        had, has = ~shapely.is_empty(before), ~shapely.is_empty(now)
        if operator == "or":
            result[~had] = now[~had]
        else:
            result[~has] = now[~has]
        both = had & has & ~shapely.equals_identical(before, now)
        if both.any():
            join = shapely.union if operator == "or" else shapely.intersection
            result[both] = _of_dimension(join(before[both], now[both]), shapely.get_dimensions(before[both]))
        return result

    # ------------------------------------------------------------ one criterion

    def _one(self, criterion: Criterion, state: State) -> Array:
        whole = self._whole(criterion.layer)
        if criterion.where:
            made = _kept(whole, self._where(criterion))
        else:
            others = state.get(criterion.other, self._whole(criterion.other))
            others = others[~shapely.is_empty(others)]
            made = self._related(criterion, whole, others)
        number = int((~shapely.is_empty(made)).sum())
        self._ctx.info(f"{criterion}: {number:,} of {len(whole):,} features.")
        return made

    def _where(self, criterion: Criterion) -> Array:
        layer = self.layers[criterion.layer]
        rows = layer.drop(columns="geometry").set_axis(np.arange(len(layer)), axis="index")
        found = select_rows(
            rows, criterion.where, parameter=f"{criterion.place}.where", timeout_s=self._ctx.limits.where_s
        )
        return np.isin(np.arange(len(layer)), found.index.to_numpy())

    def _related(self, criterion: Criterion, whole: Array, others: Array) -> Array:
        if len(others) == 0:
            return _kept(whole, np.full(len(whole), criterion.negated))
        is_cut = self._cut and criterion.relation in {"intersects", "withinDistance"}
        if is_cut and self._dimensions[criterion.layer] > 0:
            areas = self._areas(criterion, others)
            if areas is not None:
                return _without(whole, areas) if criterion.negated else _within(whole, areas)
        found = self._selected(criterion, whole, others)
        return _kept(whole, found != criterion.negated)

    def _areas(self, criterion: Criterion, others: Array) -> Array | None:
        """Return the areas to cut with, None where the other layer has no areas."""
        if criterion.relation == "withinDistance":
            return self._around(others, criterion.meters)
        return others if (shapely.get_dimensions(others) == 2).all() else None

    def _around(self, shapes: Array, meters: float) -> Array:
        crs = self.layers[0].crs
        radius = np.full(len(shapes), meters)
        if is_geodesic(crs):
            return geodesic_buffers(shapes, radius, Style())
        return planar_buffers(shapes, radius / float(crs.axis_info[0].unit_conversion_factor), Style())

    def _selected(self, criterion: Criterion, whole: Array, others: Array) -> Array:
        """Return which features are in the relation to any of the others."""
        if criterion.relation == "withinDistance":
            here, there = (
                Outlines.of(gpd.GeoDataFrame(geometry=shapes, crs=self.layers[0].crs))
                for shapes in (whole, others)
            )
            found = nearest(here, there, 1, criterion.meters).here
        else:
            predicate = _PREDICATES.get(criterion.relation, "intersects")
            found, other = shapely.STRtree(others).query(whole, predicate=predicate)
            if criterion.relation == "identical":
                found = found[shapely.equals(whole[found], others[other])]
        selected = np.zeros(len(whole), dtype=bool)
        selected[found] = True
        return selected


def _kept(shapes: Array, mask: Array) -> Array:
    result = shapes.copy()
    result[~mask] = _NOTHING
    return result


def _of_dimension(shapes: Array, dimensions: Array) -> Array:
    """Drop the points and lines that cutting leaves where shapes only touch."""
    result = shapes.copy()
    result[shapely.get_dimensions(shapes) < dimensions] = _NOTHING
    mixed = np.flatnonzero(shapely.get_type_id(result) == shapely.GeometryType.GEOMETRYCOLLECTION)
    for i in mixed:
        parts = shapely.get_parts(result[i])
        result[i] = shapely.union_all(parts[shapely.get_dimensions(parts) == dimensions[i]])
    return result


def _within(shapes: Array, areas: Array) -> Array:
    """Return the parts of shapes inside any of the areas."""
    row, area = _pairs(shapes, areas)
    result = _kept(shapes, np.zeros(len(shapes), dtype=bool))
    cut = shapely.intersection(shapes[row], areas[area])
    _merge(result, row, cut)
    return _of_dimension(result, shapely.get_dimensions(shapes))


def _without(shapes: Array, areas: Array) -> Array:
    """Return the parts of shapes outside all of the areas."""
    row, area = _pairs(shapes, areas)
    taken = _kept(shapes, np.zeros(len(shapes), dtype=bool))
    _merge(taken, row, areas[area])
    result = shapes.copy()
    some = np.unique(row)
    result[some] = shapely.difference(shapes[some], taken[some])
    return _of_dimension(result, shapely.get_dimensions(shapes))


def _pairs(shapes: Array, areas: Array) -> tuple[Array, Array]:
    row, area = shapely.STRtree(areas).query(shapes, predicate="intersects")
    order = np.lexsort((area, row))
    return row[order], area[order]


def _merge(result: Array, row: Array, pieces: Array) -> None:
    """Put the union of the pieces of each row into the result; rows are in order."""
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]][: len(row)])
    sizes = np.diff(np.r_[starts, len(row)])
    single = sizes == 1
    result[row[starts[single]]] = pieces[starts[single]]
    for start, size in zip(starts[~single], sizes[~single], strict=True):
        result[row[start]] = shapely.union_all(pieces[start : start + size])
