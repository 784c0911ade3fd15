"""SummarizeCenterAndDispersion: where the middle of features is, and how they spread around it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.centrography import (
    central_site,
    distances_from,
    mean_center,
    median_center,
)
from spatial_widgets.server.analysis.ellipses import Ellipse, around, standard_ellipse
from spatial_widgets.server.analysis.neighbors import Sites, places
from spatial_widgets.server.analysis.prepare import (
    as_they_came,
    free_name,
    numbers_of,
    prepare,
    require_field,
    to_output,
)
from spatial_widgets.server.analysis.sphere import is_geodesic
from spatial_widgets.server.registry import Context, Note, task

__all__ = ["summarize_center_and_dispersion"]

Array = np.ndarray[Any, Any]
Word = Literal["CentralFeature", "MeanCenter", "MedianCenter", "Ellipse"]
_FEWEST = 3  # places that make an ellipse
Deviations = Literal["1 standard deviation", "2 standard deviations", "3 standard deviations"]


class _Outputs(TypedDict):
    centralFeatureResultLayer: Annotated[
        gpd.GeoDataFrame | None, Note("the feature nearest to all others, with its attributes")
    ]
    meanCenterResultLayer: Annotated[gpd.GeoDataFrame | None, Note("the average place")]
    medianCenterResultLayer: Annotated[
        gpd.GeoDataFrame | None, Note("the place with the shortest distances to all features")
    ]
    ellipseResultLayer: Annotated[gpd.GeoDataFrame | None, Note("the standard deviational ellipse")]


@dataclass(frozen=True, slots=True)
class _Group:
    """The rows of one value of the groupField, with their places."""

    label: dict[str, Any]
    rows: Array
    xy: Array
    sites: Sites
    weights: Array


@task("SummarizeCenterAndDispersion", restartable=True)
def summarize_center_and_dispersion(
    ctx: Context,
    analysisLayer: Annotated[
        gpd.GeoDataFrame, Note("points, lines or polygons; the latter by their middles")
    ],
    summarizeType: Annotated[
        list[Word] | None, Note("what to find, one or several; CentralFeature when nothing is said (ours)")
    ] = None,
    ellipseSize: Annotated[
        Deviations,
        Note(
            "size of the ellipse: about 63, 98 or 99.9 % of normally distributed features (the default is ours)"
        ),
    ] = "1 standard deviation",
    weightField: Annotated[
        str | None, Note("a numeric field, 0 or more; a feature with weight 2 counts as two")
    ] = None,
    groupField: Annotated[str | None, Note("a field; each of its values gets a result of its own")] = None,
) -> _Outputs:
    """Find the center of features, and the direction and extent of their spread.

    The central feature has the least sum of weighted distances to all others (of equals the first by coordinates);
    its ``MeanDistance`` is in metres. The median center is the place, not bound to a feature, of which that is true,
    and the mean center the one with the least sum of squared distances. The ellipse lies around the mean center;
    its half axes ``MajorAxis`` and ``MinorAxis`` are √2 standard deviations (dividing by n) times the size, in
    metres, and ``Rotation`` is the direction of the long one, in degrees clockwise from north.

    In degrees and in Web Mercator, distances follow great circles (0.6 % accurate), the mean is that of directions
    from the middle of the Earth, and the ellipse is drawn in the azimuthal equidistant plane around it; longitude 180
    and the poles are places like any other. Projected layers are measured in their plane. Features whose weight is null are
    left out. Names of result fields are ours.
    """
    wanted: list[Word] = list(summarizeType or ["CentralFeature"])
    layer = prepare(ctx, analysisLayer, "analysisLayer")
    group = require_field(layer, groupField, "groupField") if groupField else None
    layer, weights = _weighted(ctx, layer, weightField)
    ctx.progress(10, "Layer read")
    groups = list(_groups(ctx, layer, weights, group))
    if not groups:
        raise ParameterError(
            "weightField: all weights are 0, so there is no center.",
            parameter="weightField",
            value=weightField,
        )
    made: dict[str, gpd.GeoDataFrame] = {}
    if "CentralFeature" in wanted:
        whole = layer.assign(geometry=as_they_came(analysisLayer, layer))
        made["CentralFeature"] = _central(whole, groups)
    ctx.progress(50)
    for word in ("MeanCenter", "MedianCenter"):
        if word in wanted:
            made[word] = _centers(ctx, layer, groups, word)
    ctx.progress(70)
    if "Ellipse" in wanted:
        made["Ellipse"] = _ellipses(ctx, layer, groups, int(ellipseSize[0]))
    for word, frame in made.items():
        ctx.info(
            f"{word}: {_place(frame) if len(frame) == 1 else f'{len(frame):,} results, one for each group'}."
        )
    ctx.progress(100)
    target = analysisLayer.crs
    results = {word: to_output(ctx, frame, target) for word, frame in made.items()}
    return {
        "centralFeatureResultLayer": results.get("CentralFeature"),
        "meanCenterResultLayer": results.get("MeanCenter"),
        "medianCenterResultLayer": results.get("MedianCenter"),
        "ellipseResultLayer": results.get("Ellipse"),
    }


def _place(frame: gpd.GeoDataFrame) -> str:
    if (
        "CenterX" in frame.columns
    ):  # an ellipse across 180 degrees is cut in two, and its centroid lies elsewhere
        x, y = frame["CenterX"].iloc[0], frame["CenterY"].iloc[0]
    else:
        x, y = shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy()))[0]
    return f"at {x:.6g}, {y:.6g}" if frame.crs.is_geographic else f"at {x:,.0f}, {y:,.0f}"


def _weighted(ctx: Context, layer: gpd.GeoDataFrame, field: str | None) -> tuple[gpd.GeoDataFrame, Array]:
    if not field:
        return layer, np.ones(len(layer))
    values = numbers_of(layer, field, "weightField")
    if (values < 0).any():
        raise ParameterError(
            f"weightField: {field} has {int((values < 0).sum()):,} values below 0, and weights are 0 or more.",
            parameter="weightField",
            value=field,
        )
    known = values.notna()
    if not known.any():
        raise ParameterError(
            f"weightField: {field} is null everywhere.", parameter="weightField", value=field
        )
    if not known.all():
        ctx.warn(f"{int((~known).sum()):,} features left out, whose weight is null.")
    return layer[known], values[known].to_numpy(dtype=float)


def _groups(ctx: Context, layer: gpd.GeoDataFrame, weights: Array, field: str | None) -> Iterator[_Group]:
    xy = places(layer)
    sites = Sites.of(xy, layer.crs)
    codes = np.zeros(len(layer), dtype="int64")
    labels: list[dict[str, Any]] = [{}]
    if field is not None:
        codes, found = pd.factorize(layer[field], sort=True, use_na_sentinel=False)
        labels = [{field: value} for value in found]
        ctx.info(f"{len(labels):,} groups by {field}.")
    empty = 0
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(labels)))
    for label, rows in zip(labels, np.split(order, ends[:-1]), strict=True):
        if len(rows) and weights[rows].sum() > 0:
            yield _Group(label, rows, xy[rows], sites.take(rows), weights[rows])
        else:
            empty += 1
    if empty and field is not None:
        ctx.warn(f"{empty:,} groups left out, whose weights are all 0.")


def _native(layer: gpd.GeoDataFrame) -> Any:
    """Return the coordinate system of the places: degrees for everything that is geodesic."""
    return 4326 if is_geodesic(layer.crs) and not layer.crs.is_geographic else layer.crs


def _xy(layer: gpd.GeoDataFrame, position: Array) -> Array:
    """Return a position of :class:`Sites` as coordinates."""
    if not is_geodesic(layer.crs):
        return position / float(layer.crs.axis_info[0].unit_conversion_factor)
    x, y, z = position
    return np.rad2deg([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))])


def _central(layer: gpd.GeoDataFrame, groups: list[_Group]) -> gpd.GeoDataFrame:
    rows, distances = [], []
    for group in groups:
        chosen = central_site(group.sites, group.weights)
        distance = distances_from(group.sites, group.sites.positions[chosen])
        rows.append(group.rows[chosen])
        distances.append(float(np.average(distance, weights=group.weights)))
    result = layer.iloc[rows].reset_index(drop=True)
    result[free_name("MeanDistance", result.columns)] = distances
    return result[[*(c for c in result.columns if c != "geometry"), "geometry"]]


def _centers(ctx: Context, layer: gpd.GeoDataFrame, groups: list[_Group], word: str) -> gpd.GeoDataFrame:
    find = mean_center if word == "MeanCenter" else median_center
    records, points = [], []
    for group in groups:
        position = find(group.sites, group.weights)
        if position is None:
            continue
        x, y = _xy(layer, position)
        points.append(shapely.Point(x, y))
        records.append(group.label | {"XCoord": float(x), "YCoord": float(y), "Count": len(group.rows)})
    _tell_missing(ctx, word, len(groups) - len(points), "whose features lie on all sides of the Earth")
    return _layer(layer, records, points)


def _ellipses(
    ctx: Context, layer: gpd.GeoDataFrame, groups: list[_Group], deviations: int
) -> gpd.GeoDataFrame:
    records, polygons = [], []
    for group in groups:
        position = mean_center(group.sites, group.weights)
        found = None if position is None else _ellipse(layer, group, _xy(layer, position), deviations)
        if found is None or position is None:
            continue
        ellipse, polygon = found
        x, y = _xy(layer, position)
        polygons.append(polygon)
        axes = {"MajorAxis": ellipse.major, "MinorAxis": ellipse.minor, "Rotation": ellipse.rotation}
        records.append(
            group.label | {"CenterX": float(x), "CenterY": float(y), **axes, "Count": len(group.rows)}
        )
    reason = "whose features lie at fewer than three places, in a line, or around the Earth"
    _tell_missing(ctx, "Ellipse", len(groups) - len(polygons), reason)
    return _layer(layer, records, polygons)


def _ellipse(
    layer: gpd.GeoDataFrame, group: _Group, center: Array, deviations: int
) -> tuple[Ellipse, Any] | None:
    if len(np.unique(group.xy[group.weights > 0], axis=0)) < _FEWEST:
        return None
    if is_geodesic(layer.crs):
        return around(group.xy, center, group.weights, deviations)
    unit = float(layer.crs.axis_info[0].unit_conversion_factor)
    ellipse = standard_ellipse((group.xy - center) * unit, group.weights, deviations)
    return None if ellipse is None else (ellipse, shapely.Polygon(ellipse.outline() / unit + center))


def _tell_missing(ctx: Context, word: str, missing: int, reason: str) -> None:
    if missing:
        ctx.warn(f"{word}: none for {missing:,} {'group' if missing == 1 else 'groups'} {reason}.")


def _layer(layer: gpd.GeoDataFrame, records: list[dict[str, Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    if not records:
        raise ParameterError(
            "analysisLayer: the features have no such center or ellipse; the warnings say why.",
            parameter="analysisLayer",
        )
    frame = pd.DataFrame.from_records(records)
    for name in frame.columns.intersection(layer.columns):
        frame[name] = frame[name].astype(layer[name].dtype)
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=_native(layer))
