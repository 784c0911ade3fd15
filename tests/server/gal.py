"""Neighbours of published data sets, from their GAL files."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def neighbours_in(path):
    """The pairs of a GAL file: a header, then for each unit "name count" and a line with its neighbours."""
    lines = [line.split() for line in Path(path).read_text().splitlines()[1:] if line.strip()]
    names = {name: i for i, (name, _) in enumerate(lines[::2])}  # in the order of the rows
    pairs = [
        (names[head[0]], names[other])
        for head, others in zip(lines[::2], lines[1::2], strict=True)
        for other in others
    ]
    return np.array(pairs).T
