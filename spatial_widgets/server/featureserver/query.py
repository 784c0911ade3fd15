"""The parameters of a query, read once: what a client may ask of a layer, and what is refused.

Source: https://developers.arcgis.com/rest/services-reference/enterprise/query-feature-service-layer/
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import shapely

from spatial_widgets.codec import decode_geometries
from spatial_widgets.errors import CodecError, ParameterError
from spatial_widgets.server.environment import read_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyproj

    from spatial_widgets.server.wire import Request

__all__ = ["FORMATS", "Area", "Query"]

FORMATS = ("json", "pjson", "html", "geojson", "pbf")
#: What would change the answer and is not done here; ArcGIS itself ignores what it does not know.
_REFUSED = (
    "outStatistics", "groupByFieldsForStatistics", "having", "time", "distance", "relationParam", "text", "fullText",
    "quantizationParameters", "returnCentroid", "datumTransformation", "uniqueIds", "returnUniqueIdsOnly",
    "historicMoment", "aggregateIds", "lodType", "geometryCollection", "returnEnvelope",
    "outSpatialReference", "multipatchOption", "parameterValues", "rangeValues", "dynamicDataSource",
)  # fmt: skip
_OFF = {"", "false", "none", "null", "xyfootprint"}  # a refused parameter may be sent with one of these
_RELATIONS = {
    "": "intersects",
    "esrispatialrelintersects": "intersects",
    "esrispatialrelenvelopeintersects": "envelope",
    "esrispatialrelindexintersects": "envelope",
}
_SHAPES = {
    "esrigeometryenvelope": "esriGeometryEnvelope",
    "esrigeometrypoint": "esriGeometryPoint",
    "esrigeometrymultipoint": "esriGeometryMultipoint",
    "esrigeometrypolyline": "esriGeometryPolyline",
    "esrigeometrypolygon": "esriGeometryPolygon",
}
_KEYS = {"xmin": "esriGeometryEnvelope", "x": "esriGeometryPoint", "points": "esriGeometryMultipoint",
         "paths": "esriGeometryPolyline", "rings": "esriGeometryPolygon"}  # fmt: skip
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_MOST_IDS = 100_000
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Area:
    """Where features must be: a shape, its coordinate system (None: the layer's), and how they must meet it."""

    shape: Any
    crs: pyproj.CRS | None
    relation: str


@dataclass(frozen=True, slots=True)
class Query:
    """One query. ``fields`` and ``order`` hold names as the layer spells them; ``order`` says of each if it descends.

    ``only`` is "count", "ids", "extent" or ""; ``out_crs`` is None for the layer's own.
    """

    format: str
    where: str
    object_ids: tuple[int, ...] | None
    area: Area | None
    fields: tuple[str, ...]
    order: tuple[tuple[str, bool], ...]
    only: frozenset[str]
    distinct: bool
    geometry: bool
    offset: int
    count: int | None
    out_crs: pyproj.CRS | None
    z: bool
    m: bool
    precision: int | None
    tolerance: float | None

    @classmethod
    def of(cls, request: Request, names: Sequence[str], *, id_field: str) -> Self:
        """Read a request; ``names`` are the layer's fields.

        Raises
        ------
        ParameterError : a parameter is not understood, or asks for what is not done here; with its name.
        Fault : a flag is neither true nor false.
        """
        ask = request.option
        for name in _REFUSED:
            if ask(name).casefold() not in _OFF:
                raise _refused(name, "this layer does not support it")
        if ask("sqlFormat").casefold() not in {"", "none", "standard"}:
            raise _refused("sqlFormat", "only standard SQL is understood")
        order = tuple(_order(part, names) for part in ask("orderByFields").split(",") if part.strip())
        flags = {
            "count": request.flag("returnCountOnly", default=False),
            "ids": request.flag("returnIdsOnly", default=False),
            "extent": request.flag("returnExtentOnly", default=False),
        }
        distinct = bool(request.flag("returnDistinctValues", default=False))
        made = cls(
            format=ask("f").casefold() or "json",
            where=ask("where"),
            object_ids=_ids(ask("objectIds")),
            area=_area(request),
            fields=_fields(ask("outFields"), names, id_field),
            order=order,
            only=frozenset(name for name, is_asked in flags.items() if is_asked),
            distinct=distinct,
            geometry=bool(request.flag("returnGeometry", default=True)) and not distinct,
            offset=_whole(ask("resultOffset"), "resultOffset") or 0,
            count=_whole(ask("resultRecordCount"), "resultRecordCount"),
            out_crs=read_reference(_json(ask("outSR"), "outSR"), "outSR"),
            z=bool(request.flag("returnZ", default=False)),
            m=bool(request.flag("returnM", default=False)),
            precision=_whole(ask("geometryPrecision"), "geometryPrecision"),
            tolerance=_number(ask("maxAllowableOffset"), "maxAllowableOffset"),
        )
        made._check(request, id_field)
        return made

    def _check(self, request: Request, id_field: str) -> None:
        if self.distinct and request.flag("returnGeometry", default=False):
            raise _refused("returnDistinctValues", "geometries are not compared; send returnGeometry=false")
        if self.distinct and self.only - {"count"}:
            raise _refused("returnDistinctValues", "distinct values have no object IDs and no extent")
        if self.distinct and not {name for name, _ in self.order} <= set(self.fields):
            raise _refused("orderByFields", "distinct values are ordered by fields of outFields")
        if self.precision is not None and self.precision > _MOST_DIGITS:
            raise _refused("geometryPrecision", f"at most {_MOST_DIGITS} digits")
        if self.format == "pbf" and "extent" in self.only:
            raise _refused("f", "an extent is told as json")
        if self.format == "geojson" and self.only:
            raise _refused("f", "counts, object IDs and extents are told as json")
        if self.only >= {"ids", "extent"}:
            raise _refused("returnIdsOnly", "it does not go together with returnExtentOnly")
        if self.distinct and not request.option("outFields"):
            raise _refused(
                "returnDistinctValues", f"say which outFields; {id_field} is different in each row"
            )

    @property
    def chosen(self) -> tuple[Any, ...]:
        """What decides which rows there are, and in which order: equal for all pages of one answer."""
        area = self.area and (shapely.to_wkb(self.area.shape), self.area.crs, self.area.relation)
        return self.where, self.object_ids, area, self.order


def _refused(name: str, why: str) -> ParameterError:
    return ParameterError(f"query: the parameter {name!r} cannot be used so: {why}.", parameter=name)


def find_field(name: str, names: Sequence[str], parameter: str) -> str:
    """Return a field as the layer spells it."""
    plain = name.strip()
    if plain in names:
        return plain
    found = next((known for known in names if known.casefold() == plain.casefold()), None)
    if found is None:
        known = ", ".join(names)
        raise ParameterError(
            f"query: {parameter}: there is no field {plain[:100]!r}; the fields are {known[:1000]}.",
            parameter=parameter,
        )
    return found


def _fields(text: str, names: Sequence[str], id_field: str) -> tuple[str, ...]:
    if not text:
        return (id_field,)
    if "*" in [part.strip() for part in text.split(",")]:
        return tuple(names)
    return tuple(
        dict.fromkeys(find_field(part, names, "outFields") for part in text.split(",") if part.strip())
    )


def _order(part: str, names: Sequence[str]) -> tuple[str, bool]:
    words = part.strip().rsplit(maxsplit=1)
    way = words[-1].upper() if len(words) == 2 and words[-1].upper() in {"ASC", "DESC"} else ""
    name = words[0] if way else part
    return find_field(name, names, "orderByFields"), way == "DESC"


def _ids(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    parts = [part.strip() for part in text.strip("[]").split(",")]
    if len(parts) > _MOST_IDS:
        raise _refused("objectIds", f"at most {_MOST_IDS:,} at a time")
    if not all(re.fullmatch(r"-?\d{1,18}", part, re.ASCII) for part in parts):
        raise _refused("objectIds", "expected whole numbers with commas between them")
    return tuple(sorted({int(part) for part in parts}))


def _whole(text: str, name: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _refused(name, f"expected a whole number from 0 up, got {text[:40]!r}")
    return int(text) if text else None


def _number(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise _refused(name, f"expected a number from 0 up, got {text[:40]!r}")
    return found or None


def _json(text: str, name: str) -> Any:
    if not text or text.isdigit():
        return int(text[:10]) if text else None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParameterError(f"query: {name}: {text[:100]!r} is no JSON.", parameter=name) from error


# ---------------------------------------------------------------- where features are to be


def _area(request: Request) -> Area | None:
    text = request.option("geometry")
    if not text:
        return None
    relation = _RELATIONS.get(request.option("spatialRel").casefold())
    if relation is None:
        raise _refused(
            "spatialRel",
            "there are esriSpatialRelIntersects, esriSpatialRelEnvelopeIntersects and IndexIntersects",
        )
    document = _json(text, "geometry") if text.startswith("{") else _plain(text)
    word = request.option("geometryType").casefold()
    if word and word not in _SHAPES:
        raise _refused("geometryType", "there are " + ", ".join(_SHAPES.values()))
    if not isinstance(document, dict):
        raise _refused("geometry", "expected an object such as {xmin, ymin, xmax, ymax}")
    told = next((kind for key, kind in _KEYS.items() if key in document), None)
    kind = _SHAPES.get(word) or told or "esriGeometryEnvelope"
    if told != kind:
        raise _refused("geometry", f"it is no {kind}")
    reference = _json(request.option("inSR"), "inSR") or document.get("spatialReference")
    return Area(_shape(kind, document), read_reference(reference, "inSR"), relation)


def _plain(text: str) -> dict[str, Any]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {2, 4}:
        raise _refused("geometry", "expected xmin,ymin,xmax,ymax or x,y or an object")
    return dict(zip(_CORNERS if len(numbers) == 4 else ("x", "y"), numbers, strict=True))


def _shape(kind: str, document: dict[str, Any]) -> Any:
    if kind == "esriGeometryEnvelope":
        try:
            corners = [float(document[corner]) for corner in _CORNERS]
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise _refused("geometry", "an envelope has the numbers xmin, ymin, xmax, ymax") from error
        if not all(map(math.isfinite, corners)) or corners[0] > corners[2] or corners[1] > corners[3]:
            raise _refused("geometry", "an envelope has xmin ≤ xmax and ymin ≤ ymax")
        return shapely.box(*corners)
    try:
        shape = decode_geometries([document], geometry_type=kind, path="geometry")[0]
    except CodecError as error:
        raise _refused("geometry", str(error)) from error
    if shape is None or shape.is_empty:
        raise _refused("geometry", "it is empty")
    make_valid: Callable[[Any], Any] = shapely.make_valid
    return shape if shape.is_valid else make_valid(shape)
