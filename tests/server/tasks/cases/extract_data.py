"""ExtractData: airports and counties in four states."""

from __future__ import annotations

import io
import tempfile
import zipfile
from pathlib import Path

import pyogrio
import shapely

from spatial_widgets.data import sample
from spatial_widgets.server.registry import REGISTRY

TASK = "ExtractData"


def parameters():
    states = sample("states")
    return {
        "inputLayers": [sample("airports"), sample("counties")],
        "extent": states[states["name"].isin(["Colorado", "Utah"])],
        "dataFormat": "ShapeFile",
    }


def confirm(results):
    with zipfile.ZipFile(io.BytesIO(results["contentID"].read())) as archive:
        names = set(archive.namelist())
    assert {"layer1.shp", "layer1.dbf", "layer1.prj", "layer2.shp"} <= names


def check_gdal(run):
    """Airports whose place comes back, read by GDAL from a file geodatabase, a shapefile, KML and CSV."""
    del run  # the file is gone when it returns
    from listener import Listener

    airports, found = sample("airports"), []
    for kind in ("FileGeodatabase", "ShapeFile", "KML", "CSV"):
        with tempfile.TemporaryDirectory() as folder:
            task = REGISTRY[TASK]
            given = {"inputLayers": [airports], "dataFormat": kind}
            path = Path(task.call(Listener(Path(folder)), given)["contentID"])
            source = (
                f"/vsizip/{path}/extract.gdb"
                if kind == "FileGeodatabase"
                else f"/vsizip/{path}"
                if path.suffix == ".zip"
                else path
            )
            options = {"X_POSSIBLE_NAMES": "X", "Y_POSSIBLE_NAMES": "Y"} if kind == "CSV" else {}
            made = pyogrio.read_dataframe(source, **options)
        near = shapely.distance(made.geometry.to_numpy(), airports.geometry.to_numpy()) < 1e-9
        found.append(f"{near.sum():,}")
    return f"{', '.join(found)} of {len(airports):,}"
