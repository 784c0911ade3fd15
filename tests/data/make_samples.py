"""Make the sample layers in ``spatial_widgets/data`` out of three npm packages.

Run it in an empty folder, where the packages lie unpacked side by side::

    pip install antimeridian==0.4.9
    npm pack vega-datasets@3.2.1 us-atlas@3.0.1 world-atlas@2.0.2
    for f in *.tgz; do mkdir "${f%.tgz}" && tar xzf "$f" -C "${f%.tgz}" --strip-components=1; done
    python make_samples.py . path/to/spatial_widgets/data

It downloads nothing, and gives the same bytes every time for the same versions of GEOS and zlib.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

DECIMALS_POINTS = 5  # about 1 m
DECIMALS_POLYGONS = 4  # about 11 m; the atlas files themselves are rounded to 90 m or more

QUAKE_COLUMNS = [
    "id",
    "place",
    "mag",
    "magType",
    "depth",
    "time",
    "felt",
    "cdi",
    "mmi",
    "alert",
    "tsunami",
    "sig",
    "nst",
    "dmin",
    "rms",
    "gap",
    "net",
    "status",
    "type",
]


def read_earthquakes(source: Path) -> gpd.GeoDataFrame:
    """Read the events; the third coordinate becomes the column ``depth``, in km."""
    features = json.loads((source / "vega-datasets-3.2.1/data/earthquakes.json").read_text("utf-8"))[
        "features"
    ]
    rows = []
    for feature in features:
        x, y, depth = feature["geometry"]["coordinates"]
        moment = pd.Timestamp(feature["properties"]["time"], unit="ms", tz="UTC")
        rows.append(
            feature["properties"]
            | {
                "id": feature["id"],
                "depth": depth,
                "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "geometry": shapely.Point(round(x, DECIMALS_POINTS), round(y, DECIMALS_POINTS)),
            }
        )
    frame = pd.DataFrame(rows)[[*QUAKE_COLUMNS, "geometry"]]
    for name in ("felt", "tsunami", "sig", "nst"):
        frame[name] = frame[name].astype("Int64")
    return gpd.GeoDataFrame(frame, geometry="geometry").sort_values(["time", "id"], ignore_index=True)


def read_airports(source: Path) -> gpd.GeoDataFrame:
    """Read the airports; the text "NA" for an unknown city or state becomes null."""
    table = pd.read_csv(source / "vega-datasets-3.2.1/data/airports.csv", dtype=str, keep_default_na=False)
    for name in ("city", "state"):
        table[name] = table[name].where(table[name] != "NA", None)
    x, y = (table.pop(name).astype(float).round(DECIMALS_POINTS) for name in ("longitude", "latitude"))
    frame = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(x, y))
    return frame.sort_values("iata", ignore_index=True)


def read_polygons(path: Path, layer: str) -> gpd.GeoDataFrame:
    """Read one object of a TopoJSON file, round it and repair it."""
    frame = gpd.read_file(path, layer=layer)[["id", "name", "geometry"]]
    for i in frame.index[frame.geometry.is_empty]:
        frame.loc[i, "geometry"] = strip_of_collapsed(
            json.loads(path.read_text("utf-8")), layer, frame.loc[i, "id"]
        )
    frame["geometry"] = rounded_and_valid(cut_at_180(frame.geometry.array))
    return frame.sort_values(["id", "name"], ignore_index=True)


def cut_at_180(polygons: Any) -> Any:
    """Cut at the antimeridian what the atlas has stitched together over it; Antarctica gets its pole."""
    import antimeridian  # only needed here

    shapes = np.asarray(polygons).copy()
    for i, shape in enumerate(shapes):
        jumps = [
            np.abs(np.diff(shapely.get_coordinates(ring)[:, 0])).max()
            for ring in shapely.get_rings(shapely.get_parts(shape))
        ]
        if max(jumps, default=0) > 180:
            shapes[i] = antimeridian.fix_multi_polygon(shapely.multipolygons(shapely.get_parts(shape)))
    return shapes


def strip_of_collapsed(topology: dict[str, Any], layer: str, key: str) -> shapely.Polygon:
    """Return a strip one quantisation step wide for a polygon whose ring the source collapsed to a line."""
    shape = next(g for g in topology["objects"][layer]["geometries"] if g.get("id") == key)
    first = shape["arcs"][0][0]
    steps = np.array(topology["arcs"][first if first >= 0 else ~first])
    scale, origin = (np.array(topology["transform"][part]) for part in ("scale", "translate"))
    line = shapely.linestrings(np.cumsum(steps, axis=0) * scale + origin)
    return shapely.buffer(line, scale.max() / 2, cap_style="flat")


def rounded_and_valid(polygons: Any) -> Any:
    """Round coordinates; repair what is invalid then, until rounding and repairing agree."""

    def round_all(shapes: Any) -> Any:
        return shapely.transform(shapes, lambda xy: np.round(xy, DECIMALS_POLYGONS))

    shapes = round_all(np.asarray(polygons))
    for _ in range(5):
        broken = ~shapely.is_valid(shapes)
        if not broken.any():
            return shapes
        shapes[broken] = round_all(
            shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
        )
    raise SystemExit("some polygons stay invalid at this number of decimals")


def read_all(source: Path) -> dict[str, gpd.GeoDataFrame]:
    """Return the five layers by name."""
    states = read_polygons(source / "us-atlas-3.0.1/states-10m.json", "states")
    counties = read_polygons(source / "us-atlas-3.0.1/counties-10m.json", "counties")
    counties.insert(
        2, "state", counties["id"].str[:2].map(dict(zip(states["id"], states["name"], strict=True)))
    )
    return {
        "earthquakes": read_earthquakes(source),
        "airports": read_airports(source),
        "states": states,
        "counties": counties,
        "countries": read_polygons(source / "world-atlas-2.0.2/countries-110m.json", "countries"),
    }


def to_geojson(frame: gpd.GeoDataFrame) -> bytes:
    """Return compact GeoJSON, one feature a line, nulls as null."""
    names = [name for name in frame.columns if name != "geometry"]
    columns = [[None if pd.isna(v) else v for v in frame[name].tolist()] for name in names]
    shapes = shapely.to_geojson(frame.geometry.array)
    lines = []
    for shape, *values in zip(shapes, *columns, strict=True):
        properties = json.dumps(
            dict(zip(names, values, strict=True)), ensure_ascii=False, separators=(",", ":")
        )
        lines.append(f'{{"type":"Feature","properties":{properties},"geometry":{shape}}}')
    return ('{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n").encode()


def main() -> None:
    """Write the layers and print the lines for NOTICE."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="the folder with the unpacked packages")
    parser.add_argument("target", type=Path, help="the folder spatial_widgets/data")
    chosen = parser.parse_args()
    for name, frame in read_all(chosen.source).items():
        packed = gzip.compress(to_geojson(frame), compresslevel=9, mtime=0)
        (chosen.target / f"{name}.geojson.gz").write_bytes(packed)
        print(
            f"{name}.geojson.gz  {len(frame)} features  {len(packed)} bytes  sha256 {hashlib.sha256(packed).hexdigest()}"
        )


if __name__ == "__main__":
    main()
