"""InterpolatePoints: the depth of earthquakes in California."""

from __future__ import annotations

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from verification import below

from spatial_widgets.data import sample

TASK = "InterpolatePoints"


def quakes():
    return sample("earthquakes").to_crs(5070).cx[-2.4e6:-1.6e6, 1e6:2.4e6].reset_index(drop=True)


def parameters():
    layer = quakes()
    return {
        "inputLayer": layer,
        "field": "depth",
        "interpolateOption": 1,
        "outputPredictionError": True,
        "predictAtPointLayer": layer.head(20),
    }


def confirm(results):
    for name in ("resultLayer", "predictionError"):
        assert results[name].geometry.is_valid.all()
        assert len(results[name]) > 3
    at = results["predictedPointLayer"]
    assert len(at) == 20
    assert (at["StdError"] == 0).all()


def check_exactness(run):
    """Depth of earthquakes, predicted where it was measured (none other at the place); largest difference in kilometres."""
    layer = quakes()
    layer = layer[~layer.geometry.duplicated(keep=False)].reset_index(drop=True)
    made = run(inputLayer=layer, field="depth", interpolateOption=1, predictAtPointLayer=layer)[
        "predictedPointLayer"
    ]
    worst = np.abs(made["PredValue"] - layer["depth"]).max()
    assert worst < 1e-6
    return below(worst)


def check_gaussian_process(run):
    """Root mean square of the misses at 80 earthquakes left out, beside that of scikit-learn's Gaussian process (Matérn, fitted by likelihood) from the same 250."""
    layer = quakes().head(330)
    train, test = layer.iloc[:250], layer.iloc[250:]
    made = run(inputLayer=train, field="depth", predictAtPointLayer=test)["predictedPointLayer"]
    xy = [one.geometry.get_coordinates().to_numpy() / 1e5 for one in (train, test)]
    kernel = ConstantKernel(10.0) * Matern(1.0, nu=0.5) + WhiteKernel(5.0)
    process = GaussianProcessRegressor(kernel, normalize_y=True).fit(xy[0], train["depth"])
    truth = test["depth"].to_numpy()
    ours, theirs = (
        float(np.sqrt(((one - truth) ** 2).mean()))
        for one in (made["PredValue"].to_numpy(), process.predict(xy[1]))
    )
    assert ours < 1.1 * theirs
    return "no more than 10 % above it"
