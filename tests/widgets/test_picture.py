"""The still picture of a layer: what is in it, what it says it leaves out, and that it stays small."""

import base64
import re
import time
import warnings
import xml.etree.ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import spatial_widgets as sw
from spatial_widgets.widgets.framing import Frame, cut_of
from spatial_widgets.widgets.picture import BINS, FILL, MOST_BYTES, draw

SVG = "{http://www.w3.org/2000/svg}"


def layer(*shapes, crs=4326, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(shapes), crs=crs)


def drawn(picture, colour=FILL):
    """Return the path data of everything in a colour, each shape a path."""
    root = ET.fromstring(picture.svg)
    groups = [g for g in root.iter(f"{SVG}g") if g.get("fill") == colour]
    paths = [p for g in groups for p in g.iter(f"{SVG}path")]
    return [p.get("d") for p in [*paths, *(p for p in root.iter(f"{SVG}path") if p.get("stroke") == colour)]]


def places(path):
    """Return the places of a path, in units of the picture, by following its moves."""
    at, found = np.zeros(2), []
    for letter, numbers in re.findall(r"([A-Za-z])([^A-Za-z]*)", path):
        values = np.array([float(n) for n in re.findall(r"-?\d+", numbers)])
        if letter in "Mm":
            at = values if letter == "M" else at + values
            found.append(at)
        elif letter == "l":
            for move in values.reshape(-1, 2):
                at = at + move
                found.append(at)
    return np.array(found)


@pytest.mark.parametrize("name", ["earthquakes", "airports", "states", "counties", "countries"])
def test_every_sample_layer_has_a_picture_that_is_well_formed_and_small(name):
    frame = sw.sample(name)
    picture = draw(frame)
    assert ET.fromstring(picture.svg).tag == f"{SVG}svg"
    assert len(picture.uri) <= MOST_BYTES
    assert base64.b64decode(picture.uri.partition(",")[2]).decode() == picture.svg
    assert picture.caption.startswith(f"{len(frame):,} features.")


def test_a_million_points_are_a_sample_that_says_so_and_cost_a_bounded_time():
    rng = np.random.default_rng(1)
    points = gpd.points_from_xy(rng.uniform(-180, 180, 1_000_000), rng.uniform(-80, 80, 1_000_000))
    frame = gpd.GeoDataFrame(geometry=points, crs=4326)
    start = time.process_time()
    picture = draw(frame)
    assert time.process_time() - start < 10
    assert len(picture.uri) <= MOST_BYTES
    one_in = int(re.search(r"A sample: about one in (\d+) of 1,000,000 features\.", picture.caption).group(1))
    assert places("".join(drawn(picture))).shape[0] == pytest.approx(
        1_000_000 / one_in, rel=0.2
    )  # some lie on one another


def test_many_polygons_and_one_enormous_one_stay_below_the_limit():
    rng = np.random.default_rng(2)
    centres = shapely.points(rng.uniform(-100, -90, 20_000), rng.uniform(30, 40, 20_000))
    for shapes in (shapely.buffer(centres, 0.3), shapely.buffer(centres, 0.001)):
        picture = draw(layer(*shapes))
        assert 0 < len(picture.uri) <= MOST_BYTES
        assert "A sample" in picture.caption
    angle = np.linspace(0, 2 * np.pi, 300_000)
    star = shapely.Polygon(np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(5, 9, (300_000, 1)))
    assert len(draw(layer(star)).uri) <= MOST_BYTES


def test_the_outermost_shapes_are_always_in_the_sample():
    points = [shapely.Point(0, 0)] * 100_001
    points[77_777] = shapely.Point(9, 40)
    path = "".join(drawn(draw(layer(*points))))
    assert len(places(path)) == 2


def test_holes_are_holes_and_two_polygons_that_overlap_punch_none():
    ring = shapely.Point(0, 0).buffer(2).difference(shapely.Point(0, 0).buffer(1))
    picture = draw(layer(ring, shapely.box(0, 0, 3, 3)))
    first, second = drawn(picture)
    assert (first.count("M"), second.count("M")) == (2, 1)
    assert 'fill-rule="evenodd"' in picture.svg


def test_points_lines_polygons_and_collections_are_all_drawn():
    shapes = [
        shapely.Point(1, 1),
        shapely.MultiPoint([(2, 2), (3, 3)]),
        shapely.LineString([(0, 0), (4, 4)]),
        shapely.GeometryCollection([shapely.box(5, 5, 6, 6), shapely.MultiLineString([[(0, 9), (9, 9)]])]),
        shapely.LinearRing([(7, 1), (8, 1), (8, 2)]),
    ]
    area, lines, dots = drawn(draw(layer(*shapes)))
    assert len(places(dots)) == 3
    assert area.endswith("z")
    assert lines.count("M") == 3


def test_rows_without_a_place_are_counted_and_nothing_breaks():
    nowhere = [None, shapely.Point(), shapely.Polygon(), shapely.Point(float("nan"), 1)]
    picture = draw(layer(shapely.Point(1, 1), *nowhere))
    assert "1 feature." in picture.caption
    assert "4 rows without a geometry are not in it." in picture.caption
    for empty in (layer(*nowhere), layer(crs=None)):
        assert draw(empty).uri == ""
        assert "nothing to draw" in draw(empty).caption


def test_a_layer_on_both_sides_of_180_degrees_is_drawn_in_one_piece():
    west, east = shapely.box(177, -19, 180, -16), shapely.box(-180, -19, -178, -16)
    picture = draw(layer(west, east))
    one, two = (places(path) for path in drawn(picture))
    assert one[:, 0].max() == pytest.approx(two[:, 0].min(), abs=1)
    assert "Longitude 177 to -178" in picture.caption
    # A layer of the whole world is cut where everybody cuts it, whatever lies on the cut.
    assert "Longitude -180 to 180" in draw(sw.sample("countries")).caption


def test_a_projected_layer_is_where_it_is_on_the_earth():
    points = layer(shapely.Point(10, 50), shapely.Point(12, 52))
    assert drawn(draw(points)) == drawn(draw(points.to_crs(3035)))


def test_a_layer_without_a_crs_is_drawn_as_it_is():
    picture = draw(layer(shapely.box(500, 0, 900, 100), crs=None))
    assert "No CRS" in picture.caption
    assert len(drawn(picture)) == 1


def test_places_beyond_a_projection_are_left_out():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = draw(layer(shapely.Point(1e30, 1e30), shapely.Point(4_000_000, 3_000_000), crs=3035))
    assert len(places("".join(drawn(picture)))) == 1


def test_hot_spots_have_the_colours_of_their_bins():
    boxes = [shapely.box(n, 0, n + 0.9, 1) for n in range(4)]
    picture = draw(layer(*boxes, Gi_Bin=[3, -3, 0, None]))
    assert [len(drawn(picture, BINS[n])) for n in (3, -3, 0)] == [1, 1, 2]
    assert "red is hot" in picture.caption


def test_no_text_of_a_layer_is_in_the_picture():
    picture = draw(layer(shapely.Point(1, 1), name=["<script>alert(1)</script>"]))
    assert "alert" not in picture.svg


longitude = st.floats(-180, 180, allow_subnormal=False)


@given(st.lists(st.tuples(longitude, st.floats(0, 30)), min_size=1, max_size=30))
def test_the_cut_goes_through_no_shape(spans):
    bounds = np.array([(w, 0, min(w + wide, 180), 1) for w, wide in spans])
    cut = cut_of(bounds)
    assert -180 <= cut < 180
    assert cut == -180 or not ((bounds[:, 0] < cut) & (bounds[:, 2] > cut)).any()


coordinate = st.floats(-1e7, 1e7, allow_subnormal=False)


@given(coordinate, coordinate, coordinate, coordinate)
def test_whatever_is_framed_is_inside_the_frame(a, b, c, d):
    left, right, bottom, top = *sorted([a, b]), *sorted([c, d])
    frame = Frame.around((left, bottom, right, top), is_degrees=False)
    corners = frame.place(np.array([(left, bottom), (right, top)]))
    assert (corners >= -1).all()
    assert (corners[:, 0] <= 961).all()
    assert (corners[:, 1] <= frame.height + 1).all()


@pytest.mark.parametrize("name", ["states", "countries", "counties"])
def test_no_large_polygon_is_lost_while_it_is_made_coarser(name):
    frame = sw.sample(name)
    wide = (frame.bounds.maxx - frame.bounds.minx) / (frame.total_bounds[2] - frame.total_bounds[0])
    assert len([path for path in drawn(draw(frame)) if path.endswith("z")]) >= (wide > 0.02).sum()
    texas = sw.sample("states").query("name == 'Texas'")
    assert drawn(draw(pd.concat([texas, frame.to_crs(texas.crs)])))[0].endswith("z")
