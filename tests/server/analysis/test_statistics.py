from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatial_widgets.server.analysis.lengths import METERS_IN, SQUARE_METERS_IN
from spatial_widgets.server.analysis.statistics import Statistic, Weights, summarize

ALL = [Statistic("v", word) for word in ("Sum", "Mean", "Min", "Max", "Stddev")]


def test_weighted_statistics_are_those_of_the_published_equations():
    frame = pd.DataFrame({
        "k": [0, 0, 0, 0, 1, 2],
        "v": [10.0, 20.0, None, 99.0, 5.0, None],
        "share": [1, 0.5, 1, 0, 0.25, 1],
        "size": [3.0, 1.0, 7.0, 0.0, 2.0, 1.0],
    })  # fmt: skip
    made = summarize(frame, ["k"], ALL, count="n", weights=Weights("share", "size"))
    assert made["n"].tolist() == [4, 1, 1]
    assert made["sum_v"].tolist()[:2] == [20, 1.25]
    assert made["mean_v"].tolist()[:2] == [12.5, 5]
    # two weights are not 0: sqrt((3 * 2.5² + 1 * 7.5²) / ((2 - 1) / 2 * 4))
    assert made["stddev_v"].iloc[0] == pytest.approx(np.sqrt(75 / 2))
    assert made["max_v"].tolist()[:2] == [99, 5]
    assert made.loc[2, ["sum_v", "mean_v", "min_v", "max_v", "stddev_v"]].isna().all()
    assert np.isnan(made["stddev_v"].iloc[1])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_equal_weights_and_whole_shares_give_the_plain_statistics(rows):
    frame = pd.DataFrame(rows, columns=["k", "v"]).astype({"v": float}).assign(share=1.0, size=2.0)
    plain = summarize(frame, ["k"], ALL, count="n")
    weighted = summarize(frame, ["k"], ALL, count="n", weights=Weights("share", "size"))
    for column in plain:
        expected = plain[column].to_numpy(dtype=float)
        assert weighted[column].to_numpy(dtype=float) == pytest.approx(
            expected, nan_ok=True, rel=1e-9, abs=1e-3
        )


def test_units_of_area_are_the_squares_of_the_units_of_length():
    for word in ("Meters", "Kilometers", "Feet", "Yards", "Miles"):
        assert SQUARE_METERS_IN[f"Square{word}"] == pytest.approx(METERS_IN[word] ** 2, rel=1e-15)
    assert SQUARE_METERS_IN["Hectares"] == 10_000
    assert SQUARE_METERS_IN["Acres"] == pytest.approx(SQUARE_METERS_IN["SquareMiles"] / 640, rel=1e-15)
    assert SQUARE_METERS_IN["SquareInches"] == pytest.approx(0.0254**2, rel=1e-15)
