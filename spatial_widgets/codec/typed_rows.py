"""Points and tables: a block of features decoded straight into typed records, without a dict for any of them."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from spatial_widgets.codec.fieldvalues import INTEGERS
from spatial_widgets.codec.rows import PlainRows, RowReader
from spatial_widgets.codec.shapes import KEEPS_M, build_points, warn_of_lost_measures
from spatial_widgets.codec.spatialref import is_same_reference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spatial_widgets.codec.columns import Column
    from spatial_widgets.codec.rows import GeometryKind

__all__ = ["TypedRows", "points_with_what_they_have"]

_UNNAMEABLE = re.compile(r'["\\\\\x00-\x1f\ud800-\udfff]')  # in the name of a typed record's member
_PYTHON_TYPES = {"esriFieldTypeSingle": float, "esriFieldTypeDouble": float, "esriFieldTypeDate": int}


class TypedRows(RowReader):
    """Reads features whose attributes are of the types that their fields announce; any others the exact way.

    Points without nulls come as numbers, shape ``(rows, 2)``: cheaper to keep than geometries.
    """

    @staticmethod
    def can_read(kind: GeometryKind, columns: Sequence[Column]) -> bool:
        """Whether this is the reader for a kind of geometry and these fields."""
        if kind.name not in {None, "esriGeometryPoint"}:
            return False
        return not any(_UNNAMEABLE.search(c.name) for c in columns)

    def __init__(self, kind: GeometryKind, columns: Sequence[Column]) -> None:
        self._kind = kind
        self._exact = PlainRows(kind)
        names = list(dict.fromkeys(c.name for c in columns))
        types = {c.name: _python_type(c.kind) for c in columns}
        self._members = {name: f"f{i}" for i, name in enumerate(names)}
        attributes = msgspec.defstruct(
            "Attributes",
            [(self._members[name], types[name], None) for name in names],
            rename={self._members[name]: name for name in names},
            gc=False,
        )
        fields: list[tuple[str, Any, Any]] = [("attributes", attributes | None, None)]
        if kind.name is not None:
            ordinates = ["x", "y", *("z" * kind.z), *("m" * kind.m)]
            # Without x it is no point, but an empty object; what that means the exact reader knows.
            members: list[Any] = [("x", float | None), *((o, float | None, None) for o in ordinates[1:])]
            if kind.reference is not None:
                members.append(("spatialReference", msgspec.Raw, msgspec.Raw()))
            point = msgspec.defstruct("Point", members, gc=False, forbid_unknown_fields=True)
            fields.append(("geometry", point | None, None))
        feature = msgspec.defstruct("Feature", fields, gc=False, forbid_unknown_fields=kind.name is None)
        self._decoder: Any = msgspec.json.Decoder(list[feature])  # type: ignore[valid-type]
        self._blank = attributes()
        self._ordinates = ordinates if kind.name is not None else []

    def read(self, text: bytes, columns: Sequence[Column], *, first: int, path: str) -> tuple[int, Any]:
        """Read a block; as :meth:`.RowReader.read`."""
        try:
            features = self._decoder.decode(text)
            is_plain = not self._may_have_references(text) or self._are_in_layers_system(features)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            is_plain = False
        if not is_plain:
            return self._exact.read(text, columns, first=first, path=path)
        rows = [f.attributes for f in features]
        for column in columns:
            member = _member_reader(self._members[column.name])
            try:
                values = member(rows)
            except AttributeError:  # features without attributes
                rows = [self._blank if row is None else row for row in rows]
                values = member(rows)
            column.take_typed(values, first=first, path=path)
        return len(rows), self._points(features) if self._ordinates else None

    def _may_have_references(self, text: bytes) -> bool:
        return bool(self._ordinates) and self._kind.reference is not None and b"spatialReference" in text

    def _are_in_layers_system(self, features: list[Any]) -> bool:
        """Whether the points that name a spatial reference of their own name the layer's."""
        points = (f.geometry for f in features)
        own = {bytes(p.spatialReference) for p in points if p is not None}
        references = (msgspec.json.decode(text) for text in own if text)
        return all(is_same_reference(reference, self._kind.reference) for reference in references)

    def _points(self, features: list[Any]) -> Any:
        points = [f.geometry for f in features]
        try:
            if self._kind.width == 2:
                coords = np.empty((len(points), 2))
                coords[:, 0] = np.fromiter([p.x for p in points], np.float64, len(points))
                coords[:, 1] = np.fromiter([p.y for p in points], np.float64, len(points))
                return coords
        except (AttributeError, TypeError):  # null geometries, empty points
            pass
        built = np.empty(len(points), dtype=object)
        there = np.array([p is not None for p in points], dtype=bool)
        present = [p for p in points if p is not None]
        coords = np.array([[getattr(p, o) for o in self._ordinates] for p in present], dtype=np.float64)
        if not present:
            return built
        built[there] = points_with_what_they_have(coords, z=self._kind.z, m=self._kind.m)
        return built


def _python_type(kind: str | None) -> Any:
    if kind is None:
        return Any
    return _PYTHON_TYPES.get(kind, int if kind in INTEGERS else str) | None


@cache
def _member_reader(name: str) -> Callable[[list[Any]], list[Any]]:
    """Return a function from records to the values of one member; twice as fast as ``attrgetter``."""
    if not name.isidentifier():
        raise ValueError(name)
    reader: Callable[[list[Any]], list[Any]] = eval(f"lambda rows: [row.{name} for row in rows]")  # noqa: S307 -- the name is one of ours: f0, f1, …
    return reader


def points_with_what_they_have(coords: Any, *, z: bool, m: bool) -> Any:
    """Return points of which some may lack the z or m that the layer announces, and have NaN for it."""
    if m and not KEEPS_M:
        warn_of_lost_measures()
        coords, m = coords[:, : 2 + z], False
    built = np.empty(len(coords), dtype=object)
    has_z = ~np.isnan(coords[:, 2]) if z else np.zeros(len(coords), dtype=bool)
    for with_z in (False, True):
        rows = has_z == with_z
        if rows.any():
            some = coords[rows] if with_z == z else np.delete(coords[rows], 2, axis=1)
            built[rows] = build_points(some, z=with_z, m=m)
    return built
