"""The main job in a terminal: a real hot spot analysis of real earthquakes on a service of its own."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from spatial_widgets.data import sample
from spatial_widgets.local import LocalService
from spatial_widgets.terminal import Ticker

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["draw_map", "run_demo"]

_NOTEBOOK = "notebooks/01_first_job.ipynb"
# From cold to hot; the middle is no finding. Blue and red stay apart for colour-blind eyes.
_BIN_COLOURS = {
    -3: "#2166ac",
    -2: "#67a9cf",
    -1: "#d1e5f0",
    0: "#e8e8e8",
    1: "#fddbc7",
    2: "#ef8a62",
    3: "#b2182b",
}

_BIN_WORDS = {
    3: "hot, 99 % confidence",
    2: "hot, 95 %",
    1: "hot, 90 %",
    0: "not significant",
    -1: "cold, 90 %",
    -2: "cold, 95 %",
    -3: "cold, 99 % confidence",
}


def run_demo(picture: Path) -> int:
    """Run FindHotSpots on the bundled earthquakes, print what happens, and write a map."""
    import pandas as pd

    quakes = sample("earthquakes")
    print(f"{len(quakes):,} earthquakes of one week (USGS), {quakes.crs.name}.")
    print("Starting a local geoprocessing service of its own ...")
    with (
        tempfile.TemporaryDirectory(prefix="spatial-widgets-demo-") as store,
        LocalService.start(store=store) as local,
    ):
        task = local.service().task("FindHotSpots")
        print(f"Submitting FindHotSpots to {task.url}")
        started = time.monotonic()
        job = task.submit(analysisLayer=quakes, shapeType="Hexagon")
        ticker = Ticker()
        ticker(job.info)
        job.wait(on_update=ticker)
        ticker.close()
        hot = job.result("hotSpotsResultLayer")
        took_s = time.monotonic() - started
    print(f"\nJob {job.job_id}: {job.status.value} after {took_s:.1f} s. The result is a GeoDataFrame:\n")
    with pd.option_context("display.width", 110, "display.max_columns", 12, "display.max_colwidth", 28):
        print(hot.sort_values("GiZScore", ascending=False).head())
    print(f"\n{len(hot):,} rows x {len(hot.columns)} columns, {hot.crs.to_string()}; ", end="")
    found = [(hot["Gi_Bin"] == bin_).sum() or "no" for bin_ in (3, -3)]
    print(f"{found[0]} hot spots and {found[1]} cold spots with 99 % confidence.")
    print(f"Map written: {draw_map(hot, picture)}")
    print("\nNow in a notebook, with a live widget:\n")
    print(f"  {Path(sys.executable).parent / 'pip'} install jupyterlab")
    print(f"  {Path(sys.executable).parent / 'jupyter'} lab {_NOTEBOOK}")
    return 0


def draw_map(hot: gpd.GeoDataFrame, picture: str | Path) -> Path:
    """Write a PNG map of a FindHotSpots result and return its full path."""
    from matplotlib.figure import Figure  # no pyplot: it would keep the figure, and look for a screen
    from matplotlib.patches import Patch

    figure = Figure(figsize=(10, 7), layout="constrained")
    axes = figure.add_subplot()
    for layer, colour in (("countries", "#f4f2ee"), ("states", "none")):
        sample(layer).plot(ax=axes, color=colour, edgecolor="#b9b4aa", linewidth=0.5)
    for number, colour in _BIN_COLOURS.items():
        part = hot[hot["Gi_Bin"] == number]
        if len(part):
            part.plot(ax=axes, color=colour, edgecolor="#5f5b53", linewidth=0.25)
    present = [n for n in _BIN_WORDS if (hot["Gi_Bin"] == n).any()]
    patches = [Patch(facecolor=_BIN_COLOURS[n], edgecolor="#5f5b53", label=_BIN_WORDS[n]) for n in present]
    axes.legend(handles=patches, loc="lower left")
    # The picture shows where something was found, with some land around it to know the place by.
    found = hot[hot["Gi_Bin"] != 0]
    west, south, east, north = (found if len(found) else hot).total_bounds
    margin = 0.4 * max(east - west, north - south, 5)
    axes.set(xlim=(west - margin, east + margin), ylim=(south - margin, north + margin))
    axes.set(
        title="Hot spots of earthquakes, 2018-01-31 to 2018-02-07 (USGS)",
        xlabel="longitude",
        ylabel="latitude",
    )
    figure.savefig(picture, dpi=110)
    return Path(picture).resolve()
