from __future__ import annotations

import sys

import pytest

from spatial_widgets.errors import SpatialWidgetsError
from spatial_widgets.server.analysis.extras import require_libraries


def test_missing_libraries_are_named_with_the_way_to_install_them(monkeypatch):
    monkeypatch.setitem(sys.modules, "esda", None)  # importing it now raises ImportError
    require_libraries("FindHotSpots", "scipy.spatial")
    with pytest.raises(
        SpatialWidgetsError, match=r'FindHotSpots needs .*esda.* pip install "spatial_widgets\[stats\]"'
    ):
        require_libraries("FindHotSpots", "scipy.spatial", "esda")
