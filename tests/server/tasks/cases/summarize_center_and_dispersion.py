"""SummarizeCenterAndDispersion of the earthquakes in California."""

from __future__ import annotations

import numpy as np
import pyproj
from scipy.optimize import minimize
from verification import below

from spatial_widgets.data import sample

TASK = "SummarizeCenterAndDispersion"
ALL = ["CentralFeature", "MeanCenter", "MedianCenter", "Ellipse"]
# Twelve points of O'Sullivan and Unwin's textbook with what pointpats publishes for them:
# https://pysal.org/notebooks/explore/pointpats/centrography.html
TWELVE = [
    (66.22, 32.54), (22.52, 22.39), (31.01, 81.21), (9.47, 31.02), (30.78, 60.10), (75.21, 58.93),
    (79.26, 7.68), (8.23, 39.93), (98.73, 77.17), (89.78, 42.53), (65.19, 92.08), (54.46, 8.48),
]  # fmt: skip
# And what it publishes of the first eleven: half axes that divide by n - 2, and the angle of the long one from the x-axis.
# https://pysal.org/pointpats/generated/pointpats.ellipse.html
ELEVEN = (50.13029459102783, 37.95222670267865, 0.3465582095042642)


def quakes():
    everywhere = sample("earthquakes")
    return everywhere[everywhere["place"].str.endswith(", CA")].reset_index(drop=True)


def parameters():
    return {"analysisLayer": quakes(), "summarizeType": ALL, "ellipseSize": "2 standard deviations"}


def confirm(results):
    for name in ("centralFeature", "meanCenter", "medianCenter", "ellipse"):
        assert len(results[f"{name}ResultLayer"]) == 1
    ellipse = results["ellipseResultLayer"]
    assert ellipse.geometry.iloc[0].contains(results["meanCenterResultLayer"].geometry.iloc[0])
    assert ellipse["MajorAxis"].iloc[0] > ellipse["MinorAxis"].iloc[0]


def check_published(run):
    """Mean and median center of the twelve points whose values pointpats publishes; largest difference."""
    import geopandas as gpd

    layer = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*np.transpose(TWELVE)), crs=32633)
    made = run(analysisLayer=layer, summarizeType=["MeanCenter", "MedianCenter"])
    published = {"mean": (52.57166667, 46.17166667), "median": (54.16770671, 44.4242589)}
    worst = max(
        np.abs(made[f"{name}CenterResultLayer"][["XCoord", "YCoord"]].to_numpy()[0] - xy).max()
        for name, xy in published.items()
    )
    assert worst < 1e-3
    return below(worst, 1e-4)


def check_published_ellipse(run):
    """Half axes and direction of the ellipse of the eleven points whose values pointpats publishes, theirs divided by n instead of n - 2; largest difference."""
    import geopandas as gpd

    layer = gpd.GeoDataFrame(geometry=gpd.points_from_xy(*np.transpose(TWELVE[:11])), crs=32633)
    made = run(analysisLayer=layer, summarizeType=["Ellipse"])["ellipseResultLayer"].iloc[0]
    factor = np.sqrt((11 - 2) / 11)
    published = ELEVEN[0] * factor, ELEVEN[1] * factor, 90 - np.rad2deg(ELEVEN[2])
    worst = np.abs(made[["MajorAxis", "MinorAxis", "Rotation"]].to_numpy(dtype=float) - published).max()
    assert worst < 1e-6
    return below(worst, 1e-8)


def check_central_feature(run):
    """Mean distance to the others from each of 747 earthquakes in California over all pairs, by GeographicLib; by how much that of the central feature is above the least, relative."""
    layer = quakes()
    made = run(analysisLayer=layer)["centralFeatureResultLayer"]
    lon, lat = layer.geometry.get_coordinates().to_numpy().T
    geod = pyproj.Geod(ellps="WGS84")
    meters = geod.inv(*np.broadcast_arrays(lon[:, None], lat[:, None], lon[None], lat[None]))[2]
    means = meters.mean(axis=1)
    chosen = means[layer["id"].tolist().index(made["id"].iloc[0])]
    assert chosen < means.min() * 1.001
    return below(chosen / means.min() - 1, 1e-6)


def check_median(run):
    """Mean geodesic distance to the same earthquakes from the median center, beside the least that scipy's Nelder-Mead finds; relative."""
    layer = quakes()
    lon, lat = layer.geometry.get_coordinates().to_numpy().T
    geod = pyproj.Geod(ellps="WGS84")

    def mean(place):
        here = np.full(len(lon), place[0]), np.full(len(lon), place[1])
        return geod.inv(*here, lon, lat)[2].mean()

    made = run(analysisLayer=layer, summarizeType=["MedianCenter"])["medianCenterResultLayer"]
    ours = mean(made[["XCoord", "YCoord"]].to_numpy()[0])
    least = minimize(mean, (lon.mean(), lat.mean()), method="Nelder-Mead").fun
    assert ours < least * 1.0001
    return below(max(ours / least - 1, 0), 1e-5)


def check_ellipse(run):
    """Axes of the ellipse beside √2 times the square roots of the covariance's eigenvalues in the Albers plane of California; relative."""
    layer = quakes()
    made = run(analysisLayer=layer, summarizeType=["Ellipse"])["ellipseResultLayer"]
    xy = layer.to_crs(3310).geometry.get_coordinates().to_numpy()
    axes = np.sqrt(2 * np.linalg.eigvalsh(np.cov(xy.T, ddof=0)))
    worst = np.abs(made[["MinorAxis", "MajorAxis"]].to_numpy()[0] / axes - 1).max()
    assert worst < 0.02
    return below(worst)
