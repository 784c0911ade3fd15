"""How much rows of numbers resemble one row, each column measured in its own standard deviations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Similarity", "rank_by_similarity"]

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Similarity:
    """``index``, the sum of squared differences, ``rank`` from 1, equal for equal indexes, and ``order``, the most similar first.

    Each has the shape ``(n,)``. ``mean`` and ``spread`` standardize the columns; where the spread is 0, a column tells nothing.
    """

    index: Array
    rank: Array
    order: Array
    mean: Array
    spread: Array


def rank_by_similarity(target: Array, references: Array, candidates: Array) -> Similarity:
    """Compare candidates, shape ``(n, fields)``, with a target, shape ``(fields,)``.

    Mean and standard deviation (of all, not of a sample) are those of references and candidates together.
    """
    together = np.vstack([references, candidates])
    mean, spread = together.mean(axis=0), together.std(axis=0)
    spread = np.where(spread > 1e-12 * np.abs(together).max(axis=0), spread, 0.0)  # rounding is no difference
    scale = np.where(spread > 0, spread, 1.0)
    difference = np.where(spread > 0, (candidates - target) / scale, 0.0)
    index = (difference**2).sum(axis=1)
    order = np.argsort(index, kind="stable")
    is_new = np.r_[True, np.diff(index[order]) != 0]
    rank = np.empty(len(index), dtype="int64")
    rank[order] = np.maximum.accumulate(np.where(is_new, np.arange(1, len(index) + 1), 0))
    return Similarity(index, rank, order, mean, spread)
