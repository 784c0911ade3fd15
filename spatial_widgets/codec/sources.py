"""Local files as layers and tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import pandas as pd
import pyogrio

from spatial_widgets.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["local_path", "read_layer", "read_table"]

_PARQUET = {".parquet", ".geoparquet", ".pq"}
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def local_path(value: Any) -> Path | None:
    """Return the path of a local file or folder that a value names, or None when it names none.

    Raises
    ------
    CodecError : a path object names something that is not there.
    """
    if isinstance(value, os.PathLike):
        path = Path(value).expanduser()
        if not path.exists():
            raise CodecError(f"expected a file, and there is none at {str(path)!r}")
        return path
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        return None
    try:
        path = Path(value).expanduser()
        # A plain word that happens to be the name of a folder is no path of a layer.
        return path if path.is_file() or (path.is_dir() and path.suffix) else None
    except (OSError, ValueError, RuntimeError):
        return None


def read_layer(path: Path) -> gpd.GeoDataFrame:
    """Return the layer in a file: GeoParquet, or whatever GDAL reads.

    Raises
    ------
    CodecError : it cannot be read, has no geometry, or has several layers.
    """
    if path.suffix.casefold() in _PARQUET:
        frame = _read(path, gpd.read_parquet)
    else:
        frame = _read(path, _read_with_gdal)
    if not isinstance(frame, gpd.GeoDataFrame):
        raise CodecError(
            f"expected a layer, and {str(path)!r} holds a table without geometry; "
            "read it with pandas and make points of it: gpd.GeoDataFrame(df, geometry=gpd.points_from_xy(df.x, df.y), crs=4326)"
        )
    return frame


def read_table(path: Path) -> pd.DataFrame:
    """Return the table in a file: CSV, Parquet, or whatever GDAL reads; geometry is left out.

    Raises
    ------
    CodecError : it cannot be read, or has several layers.
    """
    kind = path.suffix.casefold()
    if kind in _SEPARATORS:
        return _read(path, lambda file: pd.read_csv(file, sep=_SEPARATORS[kind]))
    if kind in _PARQUET:
        return _read(path, _read_parquet_table)
    return _read(path, lambda file: _read_with_gdal(file, geometry=False))


def _read_with_gdal(path: Path, *, geometry: bool = True) -> pd.DataFrame:
    frame: pd.DataFrame = pyogrio.read_dataframe(path, layer=_only_layer(path), read_geometry=geometry)
    return frame


def _read_parquet_table(path: Path) -> pd.DataFrame:
    try:
        layer: pd.DataFrame = gpd.read_parquet(path)
    except ValueError:  # no geometry in it
        return pd.read_parquet(path)
    return layer


def _read(path: Path, reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    try:
        return reader(path)
    except CodecError:
        raise
    except Exception as error:
        needs = "pip install pyarrow. " if isinstance(error, ImportError) else ""
        raise CodecError(f"expected a readable file, got {str(path)!r}: {needs}{error}") from error


def _only_layer(path: Path) -> str | None:
    """Return the name of a file's one layer with rows; None leaves the choice to GDAL."""
    names = [str(name) for name, _ in pyogrio.list_layers(path)]
    if len(names) < 2:
        return None
    full = [
        name for name in names if pyogrio.read_info(path, layer=name, force_feature_count=True)["features"]
    ]
    if path.suffix.casefold() == ".gpx":
        # The points of a track or route are the same thing once more.
        full = [name for name in full if not name.endswith("_points")] or full
    if len(full) > 1:
        raise CodecError(
            f"expected a file with one layer, and {str(path)!r} has {', '.join(map(repr, full))}; "
            f"read the one you mean: gpd.read_file({str(path)!r}, layer={full[0]!r})"
        )
    return (full or names)[0]
