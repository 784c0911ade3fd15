"""Results while they arrive: read in pieces, with options, with progress, and with whatever goes wrong on the way."""

from __future__ import annotations

import datetime as dt
import json

import pandas as pd
import pytest
import shapely
from fakes import POINT_LAYER, Raw, ScriptedApp, error

from spatial_widgets import errors

FIELDS = [
    {"name": "OBJECTID", "type": "esriFieldTypeOID"},
    {
        "name": "kind",
        "type": "esriFieldTypeInteger",
        "domain": {
            "type": "codedValue",
            "name": "kinds",
            "codedValues": [{"name": "Road", "code": 1}, {"name": "River", "code": 2}],
        },
    },
    {"name": "day", "type": "esriFieldTypeDateOnly"},
]


def layer(rows, **more):
    return {
        "geometryType": "esriGeometryPoint",
        "spatialReference": {"wkid": 4326},
        "fields": FIELDS,
        "features": [
            {
                "attributes": {"OBJECTID": i, "kind": (1, 2, 9, None)[i % 4], "day": "2020-08-02"},
                "geometry": {"x": i / 10, "y": 0.5},
            }
            for i in range(rows)
        ],
        **more,
    }


def job_with(value):
    return ScriptedApp(results={"bufferLayer": value}).submit()


def test_a_large_layer_is_read_in_pieces_and_tells_how_far_it_is():
    seen = []
    frame = job_with(layer(20_000)).result(on_progress=lambda size, rows: seen.append((size, rows)))
    assert len(frame) == 20_000
    assert frame["OBJECTID"].tolist() == list(range(20_000))
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert seen[-1][1] == 20_000


def test_progress_that_raises_ends_the_loading_and_the_next_reading_begins_anew():
    job = job_with(layer(20_000))

    def stop(_size, _rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.result(on_progress=stop)
    assert len(job.result()) == 20_000


def test_a_frame_says_where_it_came_from():
    job = job_with(layer(1))
    source = job.result().attrs["spatial_widgets"]
    assert {**source, "received_at": ""} == {
        "job": job.url,
        "task": "Buffer",
        "parameter": "bufferLayer",
        "received_at": "",
    }
    assert dt.datetime.fromisoformat(source["received_at"]).tzinfo is not None


def test_coded_values_are_named_when_asked_for():
    job = job_with(layer(5))
    assert job.result()["kind"].tolist() == [1, 2, 9, pd.NA, 1]
    named = job.result(domains=True)["kind"]
    assert list(named.cat.categories) == ["Road", "River", "9"]
    assert named[:3].tolist() == ["Road", "River", "9"]
    assert named.isna().tolist() == [False, False, False, True, False]


def test_arrow_backed_columns_when_asked_for():
    frame = job_with(layer(5)).result(dtype_backend="pyarrow")
    assert str(frame["OBJECTID"].dtype) == "int64[pyarrow]"
    assert str(frame["day"].dtype) == "date32[day][pyarrow]"
    assert frame["kind"].isna().sum() == 1
    assert frame.geometry[1] == shapely.Point(0.1, 0.5)


def test_options_that_are_none_are_told_before_the_wait():
    app = ScriptedApp(["esriJobExecuting"])
    job = app.submit()
    with pytest.raises(errors.ParameterError, match="dtype_backend is None or 'pyarrow', got 'polars'"):
        job.result(dtype_backend="polars")
    assert app.count("jobs") == 0


def test_a_layer_that_tells_its_dimensions_last_is_read_right():
    flat, high = {"paths": [[[0, 0], [1, 1]]]}, {"paths": [[[0, 0, 5], [1, 1, 6]]]}

    def heights(*geometries):
        features = [{"attributes": {"OBJECTID": i}, "geometry": g} for i, g in enumerate(geometries)]
        kind = {"geometryType": "esriGeometryPolyline", "fields": FIELDS}
        app = ScriptedApp(results={"bufferLayer": {**kind, "features": features, "hasZ": True}})
        last = app.submit().result().geometry.iloc[-1]
        return shapely.get_coordinates(last, include_z=True)[:, 2].tolist(), app.count("bufferLayer")

    assert heights(high) == ([5, 6], 1)
    # Where the first features do not show it, the layer is asked for once more.
    assert heights(*[flat] * 500, high) == ([5, 6], 2)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.9999])
def test_a_body_cut_short_is_never_a_shorter_table(cut):
    body = json.dumps({"paramName": "bufferLayer", "dataType": "X", "value": layer(20_000)})
    app = ScriptedApp()
    job = app.submit()
    job.wait()
    app.answers["bufferLayer"] = [Raw(body[: int(len(body) * cut)])]
    with pytest.raises(errors.ProtocolError, match="not whole JSON"):
        job.result()
    assert len(job.result()) == 1  # the next answer is whole


def test_a_body_that_breaks_off_is_asked_for_again_from_the_start():
    whole = json.dumps({"paramName": "bufferLayer", "dataType": "X", "value": layer(20_000)})
    app = ScriptedApp()
    job = app.submit()
    job.wait()
    app.answers["bufferLayer"] = [Raw(whole[:700_000], Content_Length=str(len(whole))), Raw(whole)]
    frame = job.result()
    assert frame["OBJECTID"].tolist() == list(range(20_000))


def test_an_error_in_the_place_of_a_layer_is_that_error():
    app = ScriptedApp()
    job = app.submit()
    job.wait()
    app.answers["bufferLayer"] = [error(400, "Unable to complete operation.")]
    with pytest.raises(errors.ServiceError, match="Unable to complete operation"):
        job.result()


def test_a_feature_that_cannot_be_read_is_named_wherever_it_stands():
    value = layer(20_000)
    value["features"][15_000]["attributes"]["kind"] = "many"
    with pytest.raises(errors.CodecError, match=r"^bufferLayer\.features\[15000\]\.attributes\.kind: 'many'"):
        job_with(value).result()


def test_a_token_echoed_among_the_features_is_masked():
    value = {
        **POINT_LAYER,
        "fields": [{"name": "n", "type": "esriFieldTypeString"}],
        "features": [
            {"attributes": {"n": "see ?token=s3cret-of-mine/1"}, "geometry": {"x": 10.0, "y": 50.0}}
        ],
    }
    frame = ScriptedApp(results={"bufferLayer": value}).submit(auth="s3cret-of-mine/1").result()
    assert frame["n"].tolist() == ["see ?token=***"]


def test_a_truncated_layer_is_an_error_unless_it_is_wanted():
    job = job_with(layer(3, exceededTransferLimit=True))
    with pytest.raises(errors.TransferLimitExceeded, match="allow_truncated=True"):
        job.result()
    assert len(job.result(allow_truncated=True)) == 3
    with pytest.raises(errors.TransferLimitExceeded):
        job.result()
