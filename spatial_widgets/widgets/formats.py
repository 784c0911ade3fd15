"""What a result can be downloaded as, and its bytes, piece by piece."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import geopandas as gpd
import msgspec
import numpy as np
import pandas as pd
import shapely

from spatial_widgets.client import ResultFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["file_name", "media_type", "offered", "pieces", "pieces_of", "saving_code"]

_ROWS = 20_000  # in one piece
_MEDIA = {
    "geoparquet": "application/vnd.apache.parquet",
    "parquet": "application/vnd.apache.parquet",
    "geojson": "application/geo+json",
    "csv": "text/csv;charset=utf-8",
    "file": "application/octet-stream",
}
_ENDINGS = {"geoparquet": "parquet", "parquet": "parquet", "geojson": "geojson", "csv": "csv"}
_UNSAFE = re.compile(r"[^\w.() -]|^\.+", flags=re.ASCII)


def offered(value: Any) -> tuple[str, ...]:
    """Return the formats for a result, the one that keeps most of it first."""
    if isinstance(value, gpd.GeoDataFrame) and value.active_geometry_name is not None:
        return ("geoparquet", "geojson", "csv")
    if isinstance(value, pd.DataFrame):
        return ("parquet", "csv")
    return ("file",) if isinstance(value, ResultFile) else ()


def file_name(name: str, value: Any, kind: str) -> str:
    """Return a name for the file that is safe on every system; that of a file result is its own."""
    if isinstance(value, ResultFile):
        own = unquote(urlsplit(value.url).path.rpartition("/")[2])
        return _UNSAFE.sub("_", own) or _UNSAFE.sub("_", name)
    return f"{_UNSAFE.sub('_', name)}.{_ENDINGS[kind]}"


def media_type(kind: str) -> str:
    """Return the media type of a format."""
    return _MEDIA[kind]


def saving_code(name: str, value: Any, kind: str) -> str:
    """Return the line of Python that writes the same file beside the notebook."""
    file = repr(file_name(name, value, kind))
    verb = {
        "geoparquet": f".to_parquet({file})",
        "parquet": f".to_parquet({file})",
        "geojson": f".to_crs(4326).to_file({file})",
        "csv": f".to_csv({file})",
        "file": f".save({file})",
    }[kind]
    return f"w.result({name!r}){verb}"


def pieces(value: Any, kind: str) -> Iterator[bytes]:
    """Yield a result in a format, at most some 20,000 rows at once where the format lets them be told apart.

    GeoJSON is in longitude and latitude, as RFC 7946 has it; in CSV shapes are WKT in the layer's own CRS.

    Raises
    ------
    ImportError : the format needs a package that is not installed.
    """
    return _WRITERS[kind](value)


def pieces_of(value: Any, kind: str) -> int:
    """Return about how many pieces as large as the first there are."""
    return max(1, len(value) // _ROWS) if kind in {"csv", "geojson"} else 1


def _parquet(frame: pd.DataFrame) -> Iterator[bytes]:
    sink = io.BytesIO()
    frame.to_parquet(sink)
    yield sink.getvalue()


def _csv(frame: pd.DataFrame) -> Iterator[bytes]:
    for start in range(0, max(len(frame), 1), _ROWS):
        part = pd.DataFrame(frame.iloc[start : start + _ROWS])
        for place, dtype in enumerate(part.dtypes):
            if str(dtype) == "geometry":
                part.isetitem(place, _wkt(part.iloc[:, place]))
        yield part.to_csv(index=False, header=start == 0).encode()


def _wkt(column: Any) -> Any:
    return shapely.to_wkt(np.asarray(column), rounding_precision=-1, output_dimension=4)


def _geojson(frame: gpd.GeoDataFrame) -> Iterator[bytes]:
    opening = b'{"type": "FeatureCollection", "features": ['
    encode = msgspec.json.Encoder(enc_hook=_plain).encode
    columns = [place for place, name in enumerate(frame.columns) if name != frame.active_geometry_name]
    for start in range(0, len(frame), _ROWS):
        part = frame.iloc[start : start + _ROWS]
        names = [str(part.columns[place]) for place in columns]
        values = [_column(part.iloc[:, place]) for place in columns]
        rows = zip(*values, strict=True) if columns else ((),) * len(part)
        features = (
            b'%s\n{"type": "Feature", "properties": %s, "geometry": %s}'
            % (b"," if start + number else b"", encode(dict(zip(names, row, strict=True))), shape)
            for number, (row, shape) in enumerate(zip(rows, _shapes(part.geometry), strict=True))
        )
        yield opening + b"".join(features)
        opening = b""
    yield opening + b"]}\n"


def _shapes(column: gpd.GeoSeries) -> list[bytes]:
    if column.crs is not None and not column.crs.equals("EPSG:4326", ignore_axis_order=True):
        column = column.to_crs("EPSG:4326")
    shapes = np.asarray(column)
    measured, high = shapely.has_m(shapes), shapely.has_z(shapes)
    if measured.any():  # GeoJSON has no place for them
        shapes = shapes.copy()
        shapes[measured & ~high] = shapely.force_2d(shapes[measured & ~high])
        shapes[measured & high] = shapely.from_wkb(
            shapely.to_wkb(shapes[measured & high], output_dimension=3)
        )
    # What has no place is null, as RFC 7946 advises; that is what readers make of it.
    sound = np.isfinite(shapely.bounds(shapes)).all(axis=1)
    told = shapely.to_geojson(shapes)
    return [text.encode() if ok else b"null" for text, ok in zip(told, sound, strict=True)]


def _column(column: pd.Series[Any]) -> list[Any]:
    if str(column.dtype) == "geometry":
        return list(_wkt(column))
    return [None if value is pd.NaT or value is pd.NA else value for value in column.astype(object).tolist()]


def _plain(value: Any) -> Any:
    """Return what JSON has no word for as one that it has."""
    if isinstance(value, np.generic):
        return value.item()
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _file(file: ResultFile) -> Iterator[bytes]:
    return file.pieces()


_WRITERS: dict[str, Callable[[Any], Iterator[bytes]]] = {
    "geoparquet": _parquet,
    "parquet": _parquet,
    "geojson": _geojson,
    "csv": _csv,
    "file": _file,
}
