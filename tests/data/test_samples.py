"""The bundled layers: what is in them, and that NOTICE tells the truth about the files."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from shapely.geometry import Point

from spatial_widgets.data import sample
from spatial_widgets.errors import ParameterError

ROOT = Path(__file__).parents[2]
ROWS = {"earthquakes": 1707, "airports": 3376, "states": 56, "counties": 3231, "countries": 177}
FOLDER = files("spatial_widgets.data")
FILES = sorted(entry.name for entry in FOLDER.iterdir() if entry.name.endswith(".gz"))


def test_sample_without_a_name_lists_names_rows_licences_and_sources():
    table = sample()
    assert dict(zip(table["name"], table["rows"], strict=True)) == ROWS
    assert table["licence"].str.contains("public domain").all()
    assert list(table.columns) == ["name", "rows", "geometry", "licence", "source"]


@pytest.mark.parametrize("name", ROWS)
def test_every_layer_has_its_rows_valid_geometries_and_epsg_4326(name):
    layer = sample(name)
    assert isinstance(layer, gpd.GeoDataFrame)
    assert len(layer) == ROWS[name]
    assert layer.crs.to_epsg() == 4326
    assert layer.geometry.is_valid.all()
    assert not layer.geometry.isna().any()
    assert not layer.geometry.is_empty.any()
    assert not layer.geometry.has_z.any()
    west, south, east, north = layer.total_bounds
    assert -180 <= west < east <= 180
    assert -90 <= south < north <= 90
    assert set(layer.geom_type) <= (
        {"Point"} if name in {"earthquakes", "airports"} else {"Polygon", "MultiPolygon"}
    )


def test_earthquakes_have_exact_dtypes():
    quakes = sample("earthquakes")
    text = "str" if int(pd.__version__.split(".")[0]) >= 3 else "object"
    assert {name: str(dtype) for name, dtype in quakes.dtypes.items() if str(dtype) != text} == {
        "mag": "float64",
        "depth": "float64",
        "time": "datetime64[ms, UTC]",
        "felt": "Int64",
        "cdi": "float64",
        "mmi": "float64",
        "tsunami": "Int64",
        "sig": "Int64",
        "nst": "Int64",
        "dmin": "float64",
        "rms": "float64",
        "gap": "float64",
        "geometry": "geometry",
    }


def test_a_known_earthquake_has_the_values_of_the_feed():
    quakes = sample("earthquakes").set_index("id")
    castaic = quakes.loc["ci37868143"]  # 2018-02-07 01:26:13.840 UTC in the USGS feed
    assert castaic["place"] == "4km W of Castaic, CA"
    assert (castaic["mag"], castaic["depth"], castaic["sig"], castaic["nst"]) == (2.0, 26.49, 62, 7)
    assert castaic["felt"] is pd.NA
    assert castaic["time"] == pd.Timestamp("2018-02-07T01:26:13.840Z")
    assert castaic.geometry.equals(Point(-118.66717, 34.4945))
    assert quakes["time"].is_monotonic_increasing


def test_codes_are_text_and_counties_know_their_state():
    states, counties, countries = sample("states"), sample("counties"), sample("countries")
    assert states.set_index("id").loc["06", "name"] == "California"
    autauga = counties.set_index("id").loc["01001"]
    assert (autauga["name"], autauga["state"]) == ("Autauga", "Alabama")
    assert counties["state"].isin(states["name"]).all()
    assert countries.set_index("id").loc["076", "name"] == "Brazil"
    assert countries["id"].isna().sum() == 3
    assert sample("airports")["state"].isna().sum() == 12


def test_a_place_lies_where_it_should():
    states = sample("states").set_index("name").geometry
    assert states["Colorado"].contains(Point(-105, 39.7))
    assert states["Alaska"].contains(Point(-149.5, 64.8))
    assert sample("countries").set_index("name").geometry["Brazil"].contains(Point(-47.9, -15.8))


def test_each_call_gives_a_fresh_frame():
    first = sample("states")
    first["name"] = "mine"
    assert sample("states")["name"].iloc[0] != "mine"


def test_an_unknown_name_is_refused_with_a_suggestion():
    with pytest.raises(
        ParameterError, match=r"Did you mean 'earthquakes'\? The layers are earthquakes, airports"
    ):
        sample("Earthquake")
    with pytest.raises(ParameterError, match="The layers are"):
        sample(7)


def test_notice_names_every_file_with_its_sha256():
    notice = FOLDER.joinpath("NOTICE").read_text("utf-8")
    noted = dict(re.findall(r"^(\S+\.gz)\n\s+sha256\s+([0-9a-f]{64})$", notice, flags=re.MULTILINE))
    assert noted == {name: hashlib.sha256(FOLDER.joinpath(name).read_bytes()).hexdigest() for name in FILES}
    assert sorted(f"{name}.geojson.gz" for name in ROWS) == FILES


def test_the_files_together_stay_below_one_and_a_half_megabytes():
    assert sum(len(entry.read_bytes()) for entry in FOLDER.iterdir() if entry.is_file()) < 1_500_000


def test_neighbouring_states_share_their_border_exactly():
    states = sample("states").set_index("name").geometry
    shared = shapely.intersection(states["Utah"], states["Colorado"])
    assert shared.area == 0
    assert shared.length > 2


def test_the_script_repairs_what_rounding_breaks():
    spec = importlib.util.spec_from_file_location("make_samples", Path(__file__).with_name("make_samples.py"))
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    bow_tie = shapely.from_wkt("POLYGON ((0 0, 2 2, 2 0, 0 2, 0 0))")
    repaired = script.rounded_and_valid([bow_tie])
    assert repaired[0].is_valid
    assert repaired[0].area == 2


def test_no_polygon_runs_around_the_world_at_the_antimeridian():
    for name in ("states", "counties", "countries"):
        parts = sample(name).explode()
        for label, shape in zip(parts["name"], parts.geometry, strict=True):
            longitudes = shapely.get_coordinates(shapely.get_rings(shape))[:, 0]
            # Antarctica's own edge along the bottom of the map is the one long side there is.
            assert abs(longitudes[1:] - longitudes[:-1]).max() < 180 or label == "Antarctica"
