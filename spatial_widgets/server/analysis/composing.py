"""Several variables brought to one scale and combined into one number."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

__all__ = ["Method", "combined", "in_range", "scaled"]

Array = np.ndarray[Any, Any]
Method = Literal[
    "meanScaled",
    "meanPercentile",
    "meanRaw",
    "geomeanScaled",
    "geomeanPercentile",
    "geomeanRaw",
    "sumFlagsPercentile",
]

_FLAGGED_ABOVE = 0.9


def scaled(values: Array, method: Method, *, reverse: bool) -> Array:
    """Return a variable on the scale of a method; a variable that never changes gives 0 where the scale is from 0 to 1."""
    if method.endswith("Raw"):
        return values.max() + values.min() - values if reverse else values
    if method.endswith("Percentile"):
        rank = pd.Series(-values if reverse else values).rank(method="average").to_numpy() - 1
        share: Array = rank / max(1, len(values) - 1)
        return np.where(share > _FLAGGED_ABOVE, 1.0, 0.0) if method == "sumFlagsPercentile" else share
    spread = values.max() - values.min()
    if spread == 0:
        return np.zeros(len(values))
    low: Array = (values - values.min()) / spread
    return 1 - low if reverse else low


def combined(variables: Array, weights: Array, method: Method) -> Array:
    """Return the index of each row; ``variables`` has shape ``(rows, variables)``, and none below 0 for a geometric mean."""
    if method == "sumFlagsPercentile":
        flags: Array = variables @ weights
        return flags
    if method.startswith("mean"):
        mean: Array = variables @ weights / weights.sum()
        return mean
    with np.errstate(divide="ignore"):
        logarithms = np.log(variables)
    # A weight of 0 makes a variable nothing, even one that is 0.
    used = weights > 0
    geometric: Array = np.exp(logarithms[:, used] @ weights[used] / weights.sum())
    return geometric


def in_range(index: Array, low: float, high: float) -> Array:
    """Return an index stretched so that its least value is ``low`` and its largest ``high``."""
    spread = index.max() - index.min()
    if spread == 0:
        return np.full(len(index), low)
    stretched: Array = low + (index - index.min()) / spread * (high - low)
    return stretched
