"""Layers written as files that other programs read, by GDAL."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely

from spatial_widgets.errors import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from spatial_widgets.server.registry import Context

__all__ = ["Format", "pack"]

Format = Literal["FileGeodatabase", "ShapeFile", "KML", "CSV"]
_DRIVERS: Mapping[str, str] = {"FileGeodatabase": "OpenFileGDB", "ShapeFile": "ESRI Shapefile", "KML": "KML"}
_SHAPEFILE_NAME = 10
_INT32 = 2**31 - 1
#: Without it, GDAL makes decimal numbers of whole ones with 64 bits: https://gdal.org/en/stable/drivers/vector/openfilegdb.html
_WIDE = {"TARGET_ARCGIS_VERSION": "ARCGIS_PRO_3_2_OR_LATER"}


def pack(ctx: Context, layers: Mapping[str, gpd.GeoDataFrame], kind: Format) -> Path:
    """Write layers by their names into one file, and return it: a .zip, or a single .kml or .csv.

    Raises
    ------
    ParameterError : this build of GDAL does not write the format.
    """
    driver = _DRIVERS.get(kind)
    if driver is not None and "w" not in pyogrio.list_drivers().get(driver, ""):
        raise ParameterError(
            f"dataFormat: the GDAL of this service ({pyogrio.__gdal_version_string__}) does not write {kind}; use CSV.",
            parameter="dataFormat",
        )
    folder = Path(tempfile.mkdtemp(prefix="extract", dir=ctx.scratch))
    for name, given in layers.items():
        layer = given if kind == "CSV" else _without_measures(ctx, given, name)
        if kind == "CSV":
            _as_table(layer).to_csv(
                folder / f"{name}.csv", index=False, encoding="utf-8", date_format="%Y-%m-%dT%H:%M:%S.%fZ"
            )
        elif kind == "KML":
            _write(_plain(layer.to_crs(4326)), folder / f"{name}.kml", driver="KML", layer=name)
        elif kind == "ShapeFile":
            _write(
                _for_shapefile(ctx, layer, name),
                folder / f"{name}.shp",
                driver="ESRI Shapefile",
                encoding="UTF-8",
            )
        else:
            target = folder / "extract.gdb"
            wide = any(_needs_64_bits(layer[column]) for column in layer.columns)
            options = _WIDE if wide else {}
            _write(
                _plain(layer),
                target,
                driver="OpenFileGDB",
                layer=name,
                append=target.exists(),
                layer_options=options,
            )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(files) == 1:
        return files[0]
    return _zipped(folder / "extract.zip", folder, files)


def _zipped(target: Path, folder: Path, files: Sequence[Path]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            archive.write(path, path.relative_to(folder).as_posix())
    return target


def _write(frame: gpd.GeoDataFrame, path: Path, **options: Any) -> None:
    # As KML an empty point would be one at 0, 0.
    shapes = np.where(frame.geometry.is_empty, None, frame.geometry.to_numpy())
    frame = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    kinds = set(shapely.get_type_id(shapes)) - {-1}
    pyogrio.write_dataframe(frame, path, promote_to_multi=len(kinds) > 1, **options)


def _without_measures(ctx: Context, layer: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Return a layer without measures, which GDAL does not read from Shapely's own form of them."""
    shapes = layer.geometry.to_numpy()
    measured = shapely.has_m(shapes)
    if not measured.any():
        return layer
    ctx.info(f"{name}: the measures (m) of {int(measured.sum()):,} features are left out; CSV has them.")
    flat = shapes.copy()
    high = measured & shapely.has_z(shapes)
    flat[measured & ~high] = shapely.force_2d(shapes[measured & ~high])
    # Three dimensions of four are x, y and z; force_3d would put the heights to 0.
    flat[high] = shapely.from_wkb(shapely.to_wkb(shapes[high], output_dimension=3))
    return layer.set_geometry(gpd.GeoSeries(flat, index=layer.index, crs=layer.crs))


def _plain(layer: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a layer whose columns every format takes: true and false as 1 and 0, and no more bits than needed."""
    made = {}
    for column in layer.columns:
        dtype = layer[column].dtype
        if pd.api.types.is_bool_dtype(dtype) or (
            pd.api.types.is_integer_dtype(dtype) and not _needs_64_bits(layer[column])
        ):
            made[column] = layer[column].astype("Int32")
    return layer.assign(**made)


def _needs_64_bits(column: pd.Series[Any]) -> bool:
    return bool(pd.api.types.is_integer_dtype(column.dtype) and (column.abs() > _INT32).any())


def _for_shapefile(ctx: Context, layer: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    """Return a layer with names of ten characters, and with times as text."""
    plain = _plain(layer)
    for column in plain.columns:
        if pd.api.types.is_datetime64_any_dtype(plain[column].dtype):
            plain[column] = plain[column].dt.strftime("%Y-%m-%dT%H:%M:%SZ").astype(object)
            ctx.info(f"{name}: a shapefile holds no times; {column} became text.")
    taken: set[str] = set()
    names = {}
    for column in [str(c) for c in plain.columns if c != plain.geometry.name]:
        short, number = column[:_SHAPEFILE_NAME], 0
        while short.casefold() in taken:
            number += 1
            short = f"{column[: _SHAPEFILE_NAME - len(str(number)) - 1]}_{number}"
        taken.add(short.casefold())
        names[column] = short
    changed = [f"{column} became {short}" for column, short in names.items() if column != short]
    if changed:
        ctx.info(f"{name}: names in a shapefile have ten characters; {', '.join(changed)}.")
    return plain.rename(columns=names)


def _as_table(layer: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the rows with coordinates in columns X and Y, or shapes as well-known text in WKT."""
    table = pd.DataFrame(layer.drop(columns=layer.geometry.name))
    shapes = layer.geometry.to_numpy()
    known = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
    if (shapely.get_type_id(known) == shapely.GeometryType.POINT).all():
        places = np.where(shapely.is_empty(shapes), None, shapes)
        return table.assign(X=shapely.get_x(places), Y=shapely.get_y(places))
    return table.assign(WKT=shapely.to_wkt(shapes, rounding_precision=-1))
