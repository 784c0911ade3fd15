"""What every analysis does first with a layer: check it, repair it, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.errors import ParameterError
from spatial_widgets.server.analysis.sphere import is_geodesic, split_at_antimeridian
from spatial_widgets.server.analysis.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.server.registry import Context

__all__ = [
    "Kind",
    "as_they_came",
    "free_name",
    "in_lonlat",
    "numbers_of",
    "prepare",
    "require_field",
    "to_output",
]

Kind = Literal["points", "lines", "polygons"]
_DIMENSION: dict[Kind, int] = {"points": 0, "lines": 1, "polygons": 2}
_KIND = {0: "points", 1: "lines", 2: "polygons"}
_MERCATOR_LATITUDE = 85.0511287798066  # where Web Mercator's square ends


def prepare(
    ctx: Context, layer: Any, parameter: str, *, kinds: Sequence[Kind] = ("points", "lines", "polygons")
) -> gpd.GeoDataFrame:
    """Return a layer that can be computed with: two-dimensional, valid, no null or empty geometry.

    The index holds each feature's number in the layer, from 0; the geometry column is ``geometry``.
    What was repaired or left out is counted in the messages.

    Raises
    ------
    ParameterError : no coordinate system, nothing to work on, the wrong kind of geometry, or latitudes beyond ±90.
    """
    if not isinstance(layer, gpd.GeoDataFrame):
        raise _refusal(parameter, "a layer with geometry is needed, not a table or text")
    if layer.crs is None:
        raise _refusal(
            parameter,
            "the layer has no coordinate system, and guessing one could put it anywhere. "
            "Give it its spatialReference, such as {'wkid': 4326}; in geopandas: gdf.set_crs(4326)",
        )
    if len(layer) == 0:
        raise _refusal(parameter, "the layer has no features")
    frame = layer.rename_geometry("geometry") if layer.geometry.name != "geometry" else layer.copy()
    frame = frame.set_axis(pd.RangeIndex(len(frame)), axis="index")
    shapes = _flat(frame.geometry.to_numpy())
    frame["geometry"] = gpd.GeoSeries(
        _repair(ctx, shapes, parameter, frame.crs), index=frame.index, crs=frame.crs
    )
    usable = ~(frame.geometry.isna() | frame.geometry.is_empty)
    if not usable.all():
        ctx.warn(f"{parameter}: {counted(int((~usable).sum()), 'feature')} without geometry left out.")
        frame = frame[usable]
    if len(frame) == 0:
        raise _refusal(parameter, "no feature of the layer has a geometry")
    kind = _check_kind(frame, parameter, kinds)
    ctx.info(
        f"{parameter}: {counted(len(frame), kind[:-1])} in {frame.crs.to_string() if frame.crs.to_authority() else frame.crs.name}."
    )
    return frame


def as_they_came(layer: gpd.GeoDataFrame, prepared: gpd.GeoDataFrame) -> np.ndarray[Any, Any]:
    """Return the shapes of a prepared layer with the heights and measures that they came with, where they were not repaired."""
    shapes: np.ndarray[Any, Any] = prepared.geometry.to_numpy().copy()
    given = layer.geometry.to_numpy()[prepared.index]
    high = np.flatnonzero(shapely.get_coordinate_dimension(given) > 2)
    same = high[shapely.equals_exact(shapely.force_2d(given[high]), shapes[high])]
    shapes[same] = given[same]
    return shapes


def _refusal(parameter: str, reason: str) -> ParameterError:
    return ParameterError(f"{parameter}: {reason}.", parameter=parameter)


def _check_kind(frame: gpd.GeoDataFrame, parameter: str, kinds: Sequence[Kind]) -> str:
    # Types as numbers: geopandas would write a word for each feature, which takes longer than many an analysis.
    shapes = frame.geometry.to_numpy()
    found = {_KIND.get(int(d), "collections") for d in np.unique(shapely.get_dimensions(shapes))}
    if (shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION).any():
        raise _refusal(parameter, "geometry collections cannot be analysed; split them by kind of geometry")
    if not found <= set(kinds) or len(found) > 1:
        raise _refusal(
            parameter, f"the layer holds {' and '.join(sorted(found))}, but {' or '.join(kinds)} are needed"
        )
    return found.pop()


def _flat(shapes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a new array of the geometries without heights and measures."""
    flat = shapes.copy()
    high = shapely.get_coordinate_dimension(flat) > 2
    if high.any():
        flat[high] = shapely.force_2d(flat[high])
    return flat


def _repair(ctx: Context, shapes: np.ndarray[Any, Any], parameter: str, crs: Any) -> np.ndarray[Any, Any]:
    broken = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    if broken.any():
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
        ctx.info(
            f"{parameter}: {counted(int(broken.sum()), 'invalid geometry', 'invalid geometries')} repaired (self-crossing or misplaced rings)."
        )
    if not crs.is_geographic:
        return shapes
    west, south, east, north = shapely.total_bounds(shapes)
    if south < -90 or north > 90:
        raise _refusal(
            parameter,
            f"latitudes reach from {south:g} to {north:g}, beyond ±90: are x and y swapped, or is the coordinate system wrong?",
        )
    if west < -180 or east > 180:
        bounds = shapely.bounds(shapes)
        far = (bounds[:, 0] < -180) | (bounds[:, 2] > 180)
        ctx.info(
            f"{parameter}: {counted(int(far.sum()), 'feature')} beyond ±180 degrees of longitude moved to where they belong."
        )
        points = shapely.get_dimensions(shapes) == 0
        shapes[far & points] = shapely.transform(
            shapes[far & points], lambda xy: np.column_stack([(xy[:, 0] + 180) % 360 - 180, xy[:, 1]])
        )
        shapes[far & ~points] = split_at_antimeridian(shapes[far & ~points])
    return shapes


def require_field(frame: pd.DataFrame, name: str, parameter: str) -> str:
    """Return the column of that name, written in any case.

    Raises
    ------
    ParameterError : there is none; the message lists those there are.
    """
    columns = [str(c) for c in frame.columns if c != "geometry"]
    exact = [c for c in columns if c == name] or [c for c in columns if c.casefold() == name.casefold()]
    if not exact:
        listed = ", ".join(columns) or "none"
        raise ParameterError(
            f"{parameter}: the layer has no field {name!r}. Its fields are {listed}.",
            parameter=parameter,
            value=name,
            expected=listed,
        )
    return exact[0]


def numbers_of(frame: pd.DataFrame, name: str, parameter: str) -> pd.Series[float]:
    """Return a numeric column as floats, null and infinite values as NaN.

    Raises
    ------
    ParameterError : there is no such field, or it holds no numbers.
    """
    column = frame[require_field(frame, name, parameter)]
    if not pd.api.types.is_numeric_dtype(column.dtype) and not column.isna().all():
        raise ParameterError(
            f"{parameter}: the field {name!r} holds {column.dtype}, not numbers.",
            parameter=parameter,
            value=name,
        )
    values = column.astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(np.where(np.isfinite(values), values, np.nan), index=frame.index)


def free_name(wanted: str, taken: Sequence[str] | pd.Index[Any]) -> str:
    """Return a column name that is not taken in any case: the wanted one, or with ``_1``, ``_2`` ... appended.

    Field names of ArcGIS do not tell case, and neither do filters.
    """
    folded = {str(name).casefold() for name in taken}
    label, n = wanted, 0
    while label.casefold() in folded:
        n += 1
        label = f"{wanted}_{n}"
    return label


def in_lonlat(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer in longitude and latitude of WGS 84."""
    return frame if frame.crs.to_epsg() == 4326 else frame.to_crs(4326)


def to_output(ctx: Context, frame: gpd.GeoDataFrame, crs: Any) -> gpd.GeoDataFrame:
    """Return a result computed in longitude and latitude in the coordinate system of the input."""
    if frame.crs == crs:
        return frame
    if (
        is_geodesic(crs)
        and not crs.is_geographic
        and (np.abs(frame.total_bounds[[1, 3]]) > _MERCATOR_LATITUDE).any()
    ):
        ctx.warn("Web Mercator ends at 85.05 degrees north and south; the result was cut there.")
        window = shapely.box(-180, -_MERCATOR_LATITUDE, 180, _MERCATOR_LATITUDE)
        frame = frame.set_geometry(frame.geometry.intersection(window))
    return frame.to_crs(crs)
