"""What a widget shows of its results: first rows, a picture, and the Python that fetches them again."""

import json
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from fakes import POINT_LAYER, ScriptedApp
from programs import ended_well, program
from watching import Seen, settled

import spatial_widgets as sw
from spatial_widgets import pasting
from spatial_widgets.client import UserLogin
from spatial_widgets.protocol import JobInfo, JobStatus
from spatial_widgets.widgets.picture import MOST_BYTES
from spatial_widgets.widgets.preview import look

TABLE = {
    "fields": [{"name": "t", "type": "esriFieldTypeString"}],
    "features": [{"attributes": {"t": "<b>bold</b>"}}],
}


@pytest.fixture
def shown():
    made = []

    def show(auth=None, **results):
        widget = sw.JobWidget(ScriptedApp(results=results or None).submit(auth=auth))
        made.append(widget)
        Seen(widget).until(lambda w: w.results_ready)
        return settled(widget)

    yield show
    for widget in made:
        widget.close()


@pytest.fixture
def job():
    return ScriptedApp().submit()


def test_a_layer_is_shown_with_its_first_rows_and_a_picture(shown):
    (preview,) = shown(bufferLayer=POINT_LAYER).previews
    assert preview["columns"] == [["n", "Int64"], ["geometry", "geometry"]]
    assert preview["rows"] == [["1", "Point (10 50)"]]
    assert preview["caption"] == "The only row."
    assert preview["picture"].startswith("data:image/svg+xml;base64,")
    assert preview["pictureCaption"].startswith("1 feature. At longitude 10, latitude 50.")
    assert preview["formats"] == ["geoparquet", "geojson", "csv"]


def test_a_table_is_shown_without_a_picture_and_a_value_as_its_line_alone(shown):
    table, value = shown(table=TABLE, value=7).previews
    assert (table["rows"], table["picture"], table["formats"]) == ([["<b>bold</b>"]], "", ["parquet", "csv"])
    assert (value["columns"], value["picture"], value["formats"]) == ([], "", [])
    assert value["code"].endswith("result = job.result('value')")


def test_only_the_first_frames_are_looked_into_and_the_others_say_how_to_get_them(shown):
    previews = shown(**{f"layer{n}": POINT_LAYER for n in range(5)}).previews
    assert [bool(p["picture"]) for p in previews] == [True] * 3 + [False] * 2
    assert (
        previews[4]["pictureCaption"]
        == "Only the first results are looked into; w.result('layer4') is this one."
    )


def test_wide_and_long_tables_are_cut_and_say_so(job):
    frame = pd.DataFrame({f"c{n}": range(1234) for n in range(30)})
    preview = look(job, "wide", frame)
    assert (len(preview.columns), len(preview.rows), len(preview.rows[0])) == (12, 5, 12)
    assert preview.caption == "The first 5 of 1,234 rows. The first 12 of 30 columns."


def test_odd_cells_are_shown_as_text_and_break_nothing(job):
    frame = pd.DataFrame(
        {
            "a": [None, [1, 2], {"k": "v"}, "x" * 10_000_000, "two\nlines"],
            "b": pd.array([1, None, 3, 4, 5], dtype="Int64"),
            "c": pd.to_datetime(["2024-01-02", None, None, None, None], utc=True),
            "d": [0.1 + 0.2, float("nan"), float("inf"), 1e300, -0.0],
        }
    )
    frame.columns = ["a", "a", "c", "d"]  # two of one name
    rows = look(job, "odd", frame).rows
    assert [row[1] for row in rows] == ["1", "", "3", "4", "5"]
    assert rows[0][3] == "0.3"
    assert rows[0][2].startswith("2024-01-02")
    assert max(len(cell) for row in rows for cell in row) <= 60
    shapes = [shapely.Polygon(), None, shapely.box(0, 0, 1, 1), shapely.Point(1.23456789, 2)]
    cells = look(job, "shapes", gpd.GeoDataFrame(geometry=shapes)).rows
    assert [c[0] for c in cells] == ["Polygon, empty", "", "Polygon, 5 vertices", "Point (1.234568 2)"]


def test_a_result_that_cannot_be_looked_into_is_still_offered(job, caplog):
    class Strange(gpd.GeoDataFrame):
        @property
        def iloc(self):
            raise ValueError("strange")

    preview = look(job, "strange", Strange(geometry=[shapely.Point(1, 1)]))
    assert preview.columns == ()
    assert preview.formats == ("geoparquet", "geojson", "csv")
    assert "strange" in caplog.text


def test_the_preview_of_a_million_points_costs_far_less_than_their_loading(job):
    rng = np.random.default_rng(1)
    points = gpd.points_from_xy(rng.uniform(-180, 180, 1_000_000), rng.uniform(-80, 80, 1_000_000))
    frame = gpd.GeoDataFrame({"n": np.arange(1_000_000)}, geometry=points, crs=4326)
    start = time.process_time()
    preview = look(job, "million", frame)
    assert time.process_time() - start < 10
    assert len(json.dumps(preview.to_json())) < MOST_BYTES + 5_000


def test_the_code_holds_no_token_and_asks_for_one_where_it_is_needed(shown):
    widget = shown(auth="very-secret", bufferLayer=POINT_LAYER)
    code = widget.previews[0]["code"]
    assert "very-secret" not in code + widget.attach
    assert 'auth=getpass("Token: ")' in code
    assert "getpass" not in shown(bufferLayer=POINT_LAYER).previews[0]["code"]


def test_the_code_asks_for_name_and_password_where_those_signed_in():
    job = ScriptedApp().service(auth=UserLogin("ana", "very-secret")).task("Buffer")
    job = sw.Job(job, JobInfo("j1", JobStatus.SUCCEEDED))
    code = pasting.result_code(job, "bufferLayer")
    assert 'UserLogin(input("Name: "), getpass)' in code
    assert "very-secret" not in code + pasting.attach_code(job)
    compile(code, "pasted", "exec")


def test_the_code_runs_as_pasted_in_a_process_of_its_own(tmp_path):
    with sw.LocalService.start(store=tmp_path, anonymous=True) as local:
        job = (
            sw.GPService(local.url)
            .task("CreateBuffers")
            .submit(inputLayer=sw.sample("airports").head(3), distances=[1], units="Kilometers")
        )
        job.wait()
        name = next(iter(job.results))
        code = pasting.result_code(job, name)
        out = ended_well(program(f"{code}\nprint(len(result), result.crs.to_epsg())"))
    assert out.split()[0] == "3"


def test_the_code_of_the_users_own_service_needs_no_token_and_finds_it_at_another_port(tmp_path, monkeypatch):
    monkeypatch.setenv("SPATIAL_WIDGETS_STORE", str(tmp_path))
    with sw.LocalService.start() as local:
        job = local.service().task("SlowTask").submit(seconds=0)
        job.wait()
        code = pasting.result_code(job, next(iter(job.results)))
        attach = pasting.attach_code(job)
    assert local.token not in code + attach
    again = "import spatial_widgets as sw"
    ended = f"{code}\nprint(repr(result))\nw = {attach.removeprefix('sw.JobWidget(').removesuffix(')')}\nprint(w.status.value)\nsw.LocalService.start().stop()"
    assert again in code
    assert ended_well(program(ended)).strip().endswith("esriJobSucceeded")
