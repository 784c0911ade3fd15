"""Where the statistics libraries are not installed, a task does without them or says which extra has them."""

from __future__ import annotations

import sys

import pytest
from verification import Run, load_cases

from spatial_widgets.errors import SpatialWidgetsError

CASES = load_cases()
LIBRARIES = ("contourpy", "esda", "h3", "libpysal", "scipy", "sklearn")
PATTERNS = {
    "CalculateDensity",
    "FindHotSpots",
    "FindNearest",
    "FindOutliers",
    "FindPointClusters",
    "InterpolatePoints",
}


@pytest.fixture
def without(monkeypatch):
    for name in [*sys.modules, *LIBRARIES, "scipy.spatial", "sklearn.cluster", "libpysal.graph"]:
        if name.partition(".")[0] in LIBRARIES:
            monkeypatch.setitem(sys.modules, name, None)  # importing it now raises ImportError


@pytest.mark.parametrize("name", CASES)
def test_a_task_does_without_the_statistics_or_names_the_extra(name, without):
    refused = ""
    try:
        Run(name)(**CASES[name].parameters())
    except SpatialWidgetsError as error:
        refused = str(error)
    assert not refused or 'pip install "spatial_widgets[stats]"' in refused
    assert refused or name not in PATTERNS


def test_cells_of_h3_name_the_extra(without):
    with pytest.raises(SpatialWidgetsError, match=r'H3_Hexagon needs .*h3.*"spatial_widgets\[stats\]"'):
        Run("GenerateTessellations")(binType="H3_Hexagon", binResolution=1)
