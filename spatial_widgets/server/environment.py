"""What a request says beside a task's own parameters: coordinate systems, an extent, and how results are shown.

``outSR`` left out is ``processSR``, and without both the task decides. ``extent`` selects whole features that
overlap it; it does not clip. The older ``env:outSR`` and ``env:processSR`` are read too; ``context`` wins.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/submit-gp-job/
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import geopandas as gpd
import numpy as np
import shapely

from spatial_widgets.codec import decode_spatial_reference
from spatial_widgets.errors import CodecError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Collection

    import pyproj

    from spatial_widgets.server.wire import Request

__all__ = ["Environment", "ResultView", "projected", "read_reference"]

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_EDGE_POINTS = 32


@dataclass(frozen=True, slots=True)
class Environment:
    """The settings of one job, as JSON values: spatial references and an extent, or None."""

    out_sr: Any = None
    process_sr: Any = None
    extent: Any = None

    @classmethod
    def of(cls, request: Request, own: Collection[str] = ()) -> Self:
        """Read a request's settings; ``own`` are names that mean a parameter of the task, in lower case.

        Raises
        ------
        ParameterError : one of them is not understood.
        """

        def option(name: str) -> str:
            return "" if name.casefold() in own else request.option(name)

        if option("returnTrueCurves"):
            request.flag("returnTrueCurves")  # no layer has curves: both answers are the same
        context = _context(option("context"))
        out_sr = context.get("outsr") or option("env:outSR") or option("outSR")
        process_sr = context.get("processsr") or option("env:processSR") or option("processSR")
        made = cls(_json(out_sr, "outSR"), _json(process_sr, "processSR"), context.get("extent") or None)
        read_reference(made.out_sr, "outSR")
        read_reference(made.process_sr, "processSR")
        if made.extent is not None:
            _read_extent(made.extent)
        return made

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    def to_json(self) -> bytes:
        """Return the settings as JSON text."""
        return json.dumps(
            {"out_sr": self.out_sr, "process_sr": self.process_sr, "extent": self.extent}
        ).encode()

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked for."""
        return self == Environment()

    def before(self, layer: Any, parameter: str) -> Any:
        """Return an input as the task is to see it: its rows in the extent, in the system to work in."""
        if not isinstance(layer, gpd.GeoDataFrame):
            return layer
        if self.extent is not None:
            layer = _overlapping(layer, *_read_extent(self.extent), parameter)
        target = read_reference(self.process_sr, "processSR")
        return layer if target is None else projected(layer, target, parameter)

    def after(self, layer: Any, parameter: str) -> Any:
        """Return an output in the system that is asked for."""
        target = read_reference(self.out_sr or self.process_sr, "outSR")
        if target is None or not isinstance(layer, gpd.GeoDataFrame):
            return layer
        return projected(layer, target, parameter)


@dataclass(frozen=True, slots=True)
class ResultView:
    """How a result is to be shown. Z and M are left out only when they are asked not to come."""

    out_sr: Any = None
    return_z: bool = True
    return_m: bool = True
    as_collection: bool = False

    @classmethod
    def of(cls, request: Request, *, is_result: bool = True) -> Self:
        """Read a request; for ``execute`` the output's system is the job's own setting.

        Raises
        ------
        Fault : a flag is neither true nor false.
        ParameterError : the spatial reference is not understood.
        """
        request.flag("returnTrueCurves")  # no layer has curves: both answers are the same
        out_sr = _json(request.option("outSR"), "outSR") if is_result else None
        read_reference(out_sr, "outSR")
        return cls(
            out_sr,
            bool(request.flag("returnZ", default=True)),
            bool(request.flag("returnM", default=True)),
            bool(request.flag("returnFeatureCollection", default=False)),
        )

    @property
    def is_plain(self) -> bool:
        """Whether the result is shown as it was written."""
        return self == ResultView()


def read_reference(value: Any, name: str) -> pyproj.CRS | None:
    """Return the CRS of a spatial reference in a request: a number, an object, or nothing.

    Raises
    ------
    ParameterError : no coordinate system can be made of it.
    """
    try:
        crs = decode_spatial_reference(value, path=name)
    except (CodecError, OverflowError) as error:
        raise ParameterError(
            f"{name}: {error}. Give a number such as 4326, or {{'wkid': …}}.", parameter=name
        ) from error
    if crs is None and value not in (None, "", {}):
        raise ParameterError(
            f"{name}: {str(value)[:100]!r} is no spatial reference. Give a number such as 4326.",
            parameter=name,
        )
    return crs


def projected(layer: gpd.GeoDataFrame, target: pyproj.CRS, name: str) -> gpd.GeoDataFrame:
    """Return a layer in another coordinate system.

    Raises
    ------
    ParameterError : it has no coordinate system, or lies where the other one has no coordinates.
    """
    if layer.crs is None:
        raise ParameterError(f"{name}: the layer has no spatial reference to come from.", parameter=name)
    if layer.crs.equals(target, ignore_axis_order=True):
        return layer
    moved = layer.to_crs(target)
    before = shapely.get_coordinates(layer.geometry.array)
    after = shapely.get_coordinates(moved.geometry.array)
    lost = int((np.isfinite(before).all(axis=1) & ~np.isfinite(after).all(axis=1)).sum())
    if lost:
        raise ParameterError(
            f"{name}: {lost:,} vertices lie where {target.name!r} has no coordinates. Ask for another outSR or processSR.",
            parameter=name,
        )
    return moved


def _context(text: str) -> dict[str, Any]:
    if not text:
        return {}
    document = _json(text, "context")
    if not isinstance(document, dict):
        raise ParameterError(
            'context: expected a JSON object such as {"outSR": 4326, "extent": {…}}.', parameter="context"
        )
    return {str(key).casefold(): value for key, value in document.items()}


def _json(value: Any, name: str) -> Any:
    """Return the value of a text that may be JSON or a bare number."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text or text.isdigit():
        return int(text[:10]) if text else None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"{name}: {text[:100]!r} is no JSON.", parameter=name) from error


def _read_extent(document: Any) -> tuple[tuple[float, ...], pyproj.CRS | None]:
    expected = "context: extent is {xmin, ymin, xmax, ymax, spatialReference}"
    if not isinstance(document, dict):
        raise ParameterError(f"{expected}.", parameter="context")
    try:
        corners = tuple(float(document[corner]) for corner in _CORNERS)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ParameterError(f"{expected}, with numbers for its corners.", parameter="context") from error
    xmin, ymin, xmax, ymax = corners
    if not all(map(math.isfinite, corners)) or xmin > xmax or ymin > ymax:
        raise ParameterError(f"{expected}, with xmin ≤ xmax and ymin ≤ ymax.", parameter="context")
    reference = document.get("spatialReference") or document.get("spatial_reference")
    return corners, read_reference(reference, "context.extent.spatialReference")


def _overlapping(
    layer: gpd.GeoDataFrame, corners: tuple[float, ...], crs: pyproj.CRS | None, name: str
) -> gpd.GeoDataFrame:
    area = shapely.box(*corners)
    if crs is not None and layer.crs is not None and not layer.crs.equals(crs, ignore_axis_order=True):
        # Its straight edges are curves in the layer's system.
        longest = max(corners[2] - corners[0], corners[3] - corners[1])
        fine = shapely.segmentize(area, longest / _EDGE_POINTS) if longest > 0 else area
        area = gpd.GeoSeries([fine], crs=crs).to_crs(layer.crs).iloc[0]
        if not np.isfinite(shapely.get_coordinates(area)).all():
            raise ParameterError(
                f"context: the extent reaches to where {layer.crs.name!r}, the system of {name}, has no coordinates.",
                parameter="context",
            )
        area = area if area.is_valid else area.buffer(0)
    shapes = layer.geometry.array
    shapely.prepare(area)
    return layer[np.asarray(shapely.intersects(shapes, area), dtype=bool)]
