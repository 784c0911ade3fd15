"""One block of features into columns and geometries: the protocol of its readers, and the exact one.

The exact reader takes whatever JSON can say, and knows how to name what is wrong. The fast ones beside it
(:mod:`.typed_rows`, :mod:`.shape_rows`) hand to it what they do not take.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyproj
import shapely

from spatial_widgets.codec.blocks import NotJson
from spatial_widgets.codec.geometry import decode_geometries, longest_vertex
from spatial_widgets.codec.spatialref import decode_spatial_reference, is_same_reference
from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spatial_widgets.codec.columns import Column

__all__ = ["GeometryKind", "PlainRows", "RowReader", "exact_geometries", "plain_rows"]


class GeometryKind:
    """What a layer says of its geometry: Esri's type (None for a table) and what further numbers mean.

    ``reference`` is the layer's spatial reference as the document gives it; where the layer itself names
    none, the readers put the first one there that a geometry carries. A name of "" leaves the type to each
    geometry itself.
    """

    def __init__(self, name: str | None, *, z: bool, m: bool, reference: Any = None) -> None:
        self.name = name
        self.z = z
        self.m = m
        self.reference = reference
        self.surprise = False  # a table's feature had a geometry, or a vertex more numbers than announced

    @property
    def width(self) -> int:
        """Numbers of a vertex."""
        return 2 + self.z + self.m


class RowReader(Protocol):
    """Reads the text of some features, ``{…},{…}``, the first of which is number ``first``."""

    def read(self, text: bytes, columns: Sequence[Column], *, first: int, path: str) -> tuple[int, Any]:
        """Fill the columns; return ``(rows, geometries)``.

        Geometries are an object array, or for points a float array of shape ``(rows, 2)`` without nulls,
        to be made at the end; None for a table. A reader may keep rows back, values and geometries, and
        return None; it hands them over, in their order, with those of a later block or in :meth:`finish`.
        """

    def finish(self, columns: Sequence[Column], *, path: str) -> Any:
        """Fill the columns with what was kept back; return its geometries, None if there are none."""
        del columns, path  # most keep nothing back
        none: Any = None
        return none


class PlainRows(RowReader):
    """Reads any features, the exact way."""

    def __init__(self, kind: GeometryKind) -> None:
        self._kind = kind

    def read(self, text: bytes, columns: Sequence[Column], *, first: int, path: str) -> tuple[int, Any]:
        """Read a block; raises NotJson where it is none."""
        try:
            features = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NotJson(f"this is no JSON: {error}", path=f"{path}[{first}]") from error
        return plain_rows(features, self._kind, columns, first=first, path=path)


def plain_rows(
    features: list[Any], kind: GeometryKind, columns: Sequence[Column], *, first: int = 0, path: str
) -> tuple[int, Any]:
    """Fill the columns with features that are parsed already; as :meth:`RowReader.read`."""
    rows = []
    for i, feature in enumerate(features):
        if not isinstance(feature, dict):
            raise CodecError(f"{type(feature).__name__} is no feature", path=f"{path}[{first + i}]")
        attributes = feature.get("attributes")
        if attributes is not None and not isinstance(attributes, dict):
            raise CodecError(
                f"{type(attributes).__name__} is no set of attributes", path=f"{path}[{first + i}].attributes"
            )
        rows.append(attributes or {})
    for column in columns:
        column.take([row.get(column.name) for row in rows], first=first, path=path)
    if kind.name is None:
        kind.surprise = kind.surprise or any("geometry" in f for f in features)
        return len(rows), None
    return len(rows), exact_geometries([f.get("geometry") for f in features], kind, first, path)


def exact_geometries(documents: list[Any], kind: GeometryKind, first: int, path: str) -> Any:
    """Return the geometries of objects, all in one system.

    That is the layer's, or where it names none the first that a geometry has: it is noted in ``kind``.
    """
    if kind.reference is None:
        found = (d.get("spatialReference") for d in documents if isinstance(d, dict))
        kind.reference = next((reference for reference in found if reference), None)
    if not kind.surprise:
        kind.surprise = any(longest_vertex(d) > kind.width for d in documents if isinstance(d, dict))
    geometries = decode_geometries(
        documents, geometry_type=kind.name or None, has_z=kind.z, has_m=kind.m, path=path, first=first
    )
    for i, document in enumerate(documents):
        own = document.get("spatialReference") if isinstance(document, dict) else None
        where = f"{path}[{first + i}].geometry.spatialReference"
        if not is_same_reference(own, kind.reference, path=where):
            geometries[i] = _moved(geometries[i], own, kind.reference, where)
    return geometries


def _moved(geometry: Any, own: Any, reference: Any, path: str) -> Any:
    """Return a geometry in its layer's system: a column of geometries has only one."""
    if shapely.has_m(geometry):
        raise CodecError("differs from the layer's, and measures cannot be transformed", path=path)
    source, target = decode_spatial_reference(own, path=path), decode_spatial_reference(reference, path=path)
    try:
        to_layer = pyproj.Transformer.from_crs(source, target, always_xy=True).transform
        return shapely.transform(
            geometry, partial(to_layer, errcheck=True), include_z=shapely.has_z(geometry), interleaved=False
        )
    except pyproj.exceptions.ProjError as error:
        raise CodecError(
            f"differs from the layer's, and cannot be transformed: {error}", path=path
        ) from error
