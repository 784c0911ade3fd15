"""What a result can be downloaded as: read back, each file is the layer again."""

import datetime as dt
import io
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal

import spatial_widgets as sw
from spatial_widgets.client import ResultFile
from spatial_widgets.widgets import formats


def whole(value, kind):
    return b"".join(formats.pieces(value, kind))


@pytest.fixture(scope="module")
def quakes():
    return sw.sample("earthquakes")


def test_each_kind_of_result_offers_what_can_hold_it(quakes):
    file = ResultFile("https://gp.test/out/a.tif", session=None)
    assert formats.offered(quakes) == ("geoparquet", "geojson", "csv")
    assert formats.offered(pd.DataFrame({"a": [1]})) == ("parquet", "csv")
    assert formats.offered(gpd.GeoDataFrame({"a": [1]})) == ("parquet", "csv")
    assert formats.offered(file) == ("file",)
    for other in (None, 7, "text", [file]):
        assert formats.offered(other) == ()


def test_geoparquet_is_the_layer_itself(quakes):
    projected = quakes.to_crs(3857)
    back = gpd.read_parquet(io.BytesIO(whole(projected, "geoparquet")))
    assert_geodataframe_equal(back, projected)
    assert back.crs == projected.crs


def test_geojson_is_in_longitude_and_latitude_to_the_last_digit(quakes):
    back = json.loads(whole(quakes.to_crs(3857), "geojson"))
    assert len(back["features"]) == len(quakes)
    places = np.array([f["geometry"]["coordinates"] for f in back["features"]])
    assert np.abs(places - shapely.get_coordinates(quakes.geometry)).max() < 1e-9
    as_it_was = gpd.read_file(io.BytesIO(whole(quakes, "geojson")))
    assert as_it_was.geometry.geom_equals(quakes.geometry).all()
    assert (as_it_was["mag"] == quakes["mag"]).sum() == quakes["mag"].notna().sum()
    assert as_it_was["time"].equals(quakes["time"])
    assert as_it_was["felt"].isna().equals(quakes["felt"].isna())


def test_csv_has_shapes_as_wkt_and_reads_back_equal(quakes):
    back = pd.read_csv(io.BytesIO(whole(quakes, "csv")))
    assert (
        gpd.GeoSeries.from_wkt(back["geometry"])
        .geom_equals(quakes.geometry.set_crs(None, allow_override=True))
        .all()
    )
    assert back["place"].tolist() == quakes["place"].tolist()
    assert np.array_equal(back["mag"], quakes["mag"].astype(float), equal_nan=True)


def test_large_layers_come_in_pieces_and_are_one_document(quakes):
    many = gpd.GeoDataFrame(pd.concat([quakes] * 30, ignore_index=True), crs=quakes.crs)
    for kind in ("csv", "geojson"):
        pieces = list(formats.pieces(many, kind))
        assert len(pieces) >= 3
        assert formats.pieces_of(many, kind) in {len(pieces), len(pieces) - 1, len(pieces) - 2}
    assert len(json.loads(whole(many, "geojson"))["features"]) == len(many)
    assert len(pd.read_csv(io.BytesIO(whole(many, "csv")))) == len(many)


def test_odd_rows_are_told_as_geojson_has_them():
    shapes = [
        shapely.from_wkt("POINT ZM (1 2 3 4)"),
        shapely.from_wkt("POINT M (1 2 4)"),
        None,
        shapely.Point(),
        shapely.Point(float("nan"), 1),
    ]
    frame = gpd.GeoDataFrame(
        {
            "n": pd.array([2**62 + 1, None, 3, 4, 5], dtype="Int64"),
            "when": [dt.time(1, 2), None, dt.time(0), None, None],
            "day": np.array(["0001-01-01", "9999-12-31", "NaT", "NaT", "NaT"], "datetime64[s]"),
            "f": [0.1, float("nan"), float("inf"), 1e300, -0.0],
            "t": ['"quoted"', "ü", None, "</script>", "\u2028"],
        },
        geometry=shapes,
        crs=4326,
    )
    found = json.loads(whole(frame, "geojson"), parse_constant=pytest.fail)["features"]
    assert [f["geometry"] and f["geometry"]["coordinates"] for f in found] == [
        [1, 2, 3],
        [1, 2],
        None,
        None,
        None,
    ]
    assert [f["properties"]["n"] for f in found] == [2**62 + 1, None, 3, 4, 5]
    assert [f["properties"]["f"] for f in found] == [0.1, None, None, 1e300, 0.0]
    assert found[0]["properties"]["day"][:10] == "0001-01-01"
    assert found[1]["properties"]["day"][:10] == "9999-12-31"
    assert found[0]["properties"]["when"] == "01:02:00"
    assert [f["properties"]["t"] for f in found] == ['"quoted"', "ü", None, "</script>", "\u2028"]


def test_a_layer_without_rows_or_columns_is_still_a_document():
    empty = gpd.GeoDataFrame({"a": []}, geometry=[], crs=4326)
    assert json.loads(whole(empty, "geojson")) == {"type": "FeatureCollection", "features": []}
    assert whole(empty, "csv").decode().strip() == "a,geometry"
    bare = gpd.GeoDataFrame(geometry=[shapely.Point(1, 2)], crs=4326)
    assert json.loads(whole(bare, "geojson"))["features"][0]["properties"] == {}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("hot", "hot.csv"),
        ("../../etc/passwd", "_/.._etc_passwd.csv".replace("/", "_")),
        ("a b:c", "a b_c.csv"),
    ],
)
def test_the_name_of_a_file_leads_nowhere_else(name, safe):
    made = formats.file_name(name, pd.DataFrame(), "csv")
    assert "/" not in made
    assert not made.startswith(".")
    assert made.endswith(".csv")


def test_the_line_that_writes_the_same_file_runs(quakes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class W:
        @staticmethod
        def result(name):
            return quakes

    for kind in formats.offered(quakes):
        eval(formats.saving_code("hot", quakes, kind), {"w": W})
        assert (tmp_path / formats.file_name("hot", quakes, kind)).exists()
