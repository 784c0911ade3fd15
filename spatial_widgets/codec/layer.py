"""A layer while it is read: what it says of itself, its columns and geometries so far, and the frame at the end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd

from spatial_widgets.codec.collecting import no_collection
from spatial_widgets.codec.columns import Column, columns_for, free_name, name_coded_values
from spatial_widgets.codec.rows import GeometryKind, PlainRows, plain_rows
from spatial_widgets.codec.shape_rows import ShapeRows
from spatial_widgets.codec.shapes import build_points
from spatial_widgets.codec.spatialref import decode_spatial_reference
from spatial_widgets.codec.typed_rows import TypedRows
from spatial_widgets.errors import CodecError, ParameterError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spatial_widgets.codec.rows import RowReader

__all__ = ["Description", "Layer", "LayerOptions", "is_features"]

logger = logging.getLogger(__name__)
_GEOMETRY = "geometry"


def _no_progress(_bytes: int, _rows: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """How a layer is to be read.

    Attributes
    ----------
    allow_truncated : return the rows there are even though the document says that some are missing.
    dtype_backend : None for pandas' own types, "pyarrow" for Arrow-backed columns.
    domains : give the names of coded values in the place of the codes, as categoricals.
    on_progress : called with ``(bytes, rows)`` after each block; what it raises ends the reading.
    """

    allow_truncated: bool = False
    dtype_backend: str | None = None
    domains: bool = False
    on_progress: Callable[[int, int], None] = _no_progress

    def to_dict(self) -> dict[str, Any]:
        """Return the options by name, as keyword arguments."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def __post_init__(self) -> None:
        if self.dtype_backend not in {None, "pyarrow"}:
            raise ParameterError(
                f"dtype_backend is None or 'pyarrow', got {self.dtype_backend!r}.", parameter="dtype_backend"
            )
        if self.dtype_backend == "pyarrow":
            try:
                import pyarrow as pa  # noqa: F401 -- told now, not after the download
            except ImportError as error:
                raise ParameterError(
                    "dtype_backend='pyarrow' needs pyarrow: pip install 'spatial_widgets[arrow]'.",
                    parameter="dtype_backend",
                ) from error


def is_features(document: Any) -> bool:
    """Whether a value is a feature set, a record set or a feature collection layer."""
    return isinstance(document, dict) and (
        (isinstance(document.get("features"), list) and document.get("type") != "FeatureCollection")
        or isinstance(document.get("featureSet"), dict)
        or (isinstance(document.get("layers"), list) and any(map(is_features, document["layers"])))
    )


@dataclass(frozen=True, slots=True)
class Description:
    """What stands around the features of a layer, whatever the wrapping.

    ``path`` is where the feature set itself stands; ``reference`` is the feature set's own spatial
    reference, ``default_reference`` the one of the layer's definition.
    """

    path: str
    fields: list[Any] | None
    geometry_type: str | None
    has_z: bool
    has_m: bool
    reference: Any
    default_reference: Any
    features: list[Any]
    is_truncated: bool

    @classmethod
    def of(cls, document: Any, path: str = "") -> Description:
        """Read the description of a feature set, a record set, a feature collection, or ``{"layers": [one]}``.

        Raises
        ------
        CodecError : it is none of these.
        """
        definition, body, path = _unwrap(document, path)
        features = body.get("features")
        if not isinstance(features, list):
            raise CodecError("there is no list of features", path=path)
        fields = body.get("fields")
        if not isinstance(fields, list) or (not fields and isinstance(definition.get("fields"), list)):
            fields = definition.get("fields")
        kind = body.get("geometryType") or definition.get("geometryType")
        return cls(
            path=path,
            fields=fields if isinstance(fields, list) else None,
            geometry_type=kind if isinstance(kind, str) else None,
            has_z=bool(body.get("hasZ") or definition.get("hasZ")),
            has_m=bool(body.get("hasM") or definition.get("hasM")),
            reference=body.get("spatialReference") or None,
            default_reference=definition.get("spatialReference"),
            features=features,
            is_truncated=bool(body.get("exceededTransferLimit") or document.get("exceededTransferLimit")),
        )

    def path_to(self, member: str) -> str:
        """Return the path of a member of the feature set."""
        return f"{self.path}.{member}" if self.path else member


def _unwrap(document: Any, path: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """Return ``(layerDefinition, featureSet, path)``."""
    if not isinstance(document, dict):
        raise CodecError(f"{type(document).__name__} is no feature set", path=path)
    layers = document.get("layers")
    if isinstance(layers, list):
        if len(layers) != 1 or not isinstance(layers[0], dict):
            raise CodecError(f"expected one layer, got {len(layers)}", path=f"{path}.layers".lstrip("."))
        return _unwrap(layers[0], f"{path}.layers[0]".lstrip("."))
    if isinstance(document.get("featureSet"), dict):
        definition = document.get("layerDefinition")
        return (
            definition if isinstance(definition, dict) else {},
            document["featureSet"],
            f"{path}.featureSet".lstrip("."),
        )
    return {}, document, path


def _reader_for(kind: GeometryKind, columns: Sequence[Column]) -> RowReader:
    """Return the fastest reader for layers of this kind."""
    if TypedRows.can_read(kind, columns):
        return TypedRows(kind, columns)
    return ShapeRows(kind) if ShapeRows.can_read(kind) else PlainRows(kind)


class Layer:
    """The rows of one layer, taken in block by block.

    Parameters
    ----------
    description : what is known before the features.
    options : how to read them.
    received : tells the bytes that have come so far, for ``on_progress``.
    reader : chooses what reads the blocks; by default the fastest reader of JSON.
    """

    def __init__(
        self,
        description: Description,
        options: LayerOptions,
        *,
        received: Callable[[], int] = lambda: 0,
        reader: Callable[[GeometryKind, Sequence[Column]], RowReader] = _reader_for,
    ) -> None:
        self.description = description
        self._options = options
        self._received = received
        self._kind = GeometryKind(
            description.geometry_type,
            z=description.has_z,
            m=description.has_m,
            reference=description.reference,
        )
        self._path = description.path_to("features")
        self._columns = columns_for(
            description.fields or [],
            reserved=_GEOMETRY if description.geometry_type else None,
        )
        self._choose_reader = reader
        self._reader: RowReader | None = None
        #: Large enough to be cheap, small enough for the caches; larger blocks of typed records hold too much memory.
        self.block_bytes = 1 << 19 if ShapeRows.can_read(self._kind) else 1 << 18
        self._geometries: list[Any] = []
        self.rows = 0

    def is_contradicted_by(self, description: Description) -> bool:
        """Whether the whole of what stands around the features gives those taken in another meaning."""
        known = self.description
        if (description.fields, description.geometry_type) != (known.fields, known.geometry_type):
            return True
        if (description.has_z, description.has_m) == (known.has_z, known.has_m):
            return self._kind.surprise and self._kind.name is None
        return self._kind.surprise

    def take(self, block: bytes) -> None:
        """Take in some features: the text ``[{…},…]``, or what else the reader reads."""
        if self._reader is None:
            self._reader = self._choose_reader(self._kind, self._columns)
        with no_collection():
            rows, geometries = self._reader.read(block, self._columns, first=self.rows, path=self._path)
        self.rows += rows
        self._keep(geometries)
        self._options.on_progress(self._received(), self.rows)

    def _keep(self, geometries: Any) -> None:
        if geometries is not None:
            self._geometries.append(geometries)

    def take_objects(self, features: list[Any]) -> None:
        """Take in all features of a document that is parsed already; its fields may be missing."""
        if self.description.fields is None:
            rows = [f.get("attributes") for f in features if isinstance(f, dict)]
            names = dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row)
            taken = {_GEOMETRY} if self._kind.name else set()
            self._columns = [Column(free_name(name, taken), name, None) for name in names]
        with no_collection():
            rows_read, geometries = plain_rows(features, self._kind, self._columns, path=self._path)
        self.rows += rows_read
        self._keep(geometries)
        self._options.on_progress(self._received(), self.rows)

    def frame(self, description: Description) -> gpd.GeoDataFrame | pd.DataFrame:
        """Return the frame; ``description`` is what stands around the features, all of it."""
        if self._kind.surprise and self._kind.name is not None:
            logger.warning(
                "%s: some vertices have more numbers than the layer announces (hasZ, hasM); they are dropped",
                self._path,
            )
        backend = self._options.dtype_backend
        with no_collection():
            if self._reader is not None:
                self._keep(self._reader.finish(self._columns, path=self._path))
            columns = {c.label: c.finish(dtype_backend=backend) for c in self._columns}
            index = pd.RangeIndex(self.rows)
            if self._options.domains:
                plain = pd.DataFrame(columns, index=index, copy=False)
                named = name_coded_values(plain, description.fields or [])
                columns = {label: named[label].array for label in columns}
            if self._kind.name is None:
                return pd.DataFrame(columns, index=index, copy=False)
            reference = self._kind.reference or description.reference or description.default_reference
            crs = decode_spatial_reference(reference, path=description.path_to("spatialReference"))
            columns[_GEOMETRY] = gpd.array.from_shapely(self._gathered(), crs=crs)
            # All of it at once: a frame to which geometries are added is copied.
            return gpd.GeoDataFrame(columns, index=index, geometry=_GEOMETRY, copy=False)

    def _gathered(self) -> Any:
        """Return all geometries in one array; points that were kept as numbers are made here."""
        parts, self._geometries = self._geometries[::-1], []
        gathered = np.empty(self.rows, dtype=object)
        start = 0
        while parts:
            part = parts.pop()
            gathered[start : start + len(part)] = part if part.dtype == object else build_points(part)
            start += len(part)
        return gathered
