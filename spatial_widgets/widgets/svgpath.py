"""Shapes as the path data of an SVG: whole numbers, each place told from the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["dots", "parts_of", "rings", "spread", "strokes"]

_POINT, _LINE, _RING, _POLYGON, _COLLECTION = 0, 1, 2, 3, 7


def parts_of(shapes: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the single points, lines and polygons in ``shapes``, and for each the number of its shape."""
    owner = np.arange(len(shapes))
    while (shapely.get_type_id(shapes) > _POLYGON).any():
        shapes, index = shapely.get_parts(shapes, return_index=True)
        owner = owner[index]
    kept = ~shapely.is_empty(shapes)
    return shapes[kept], owner[kept]


def rings(polygons: np.ndarray[Any, Any], owner: np.ndarray[Any, Any], tolerance: float) -> dict[int, str]:
    """Return the closed outlines and holes of polygons, by the number of the shape that they belong to.

    Polygons that vanish in the grid leave nothing.
    """
    lines, index = shapely.get_rings(polygons, return_index=True)
    # As lines: a polygon that crosses itself when it is made coarser would be repaired, and lose half of itself.
    lines = shapely.simplify(lines, tolerance, preserve_topology=False)
    told: dict[int, str] = {}
    for number, places in _runs(lines):
        if len(places) > 3:
            shape = int(owner[index[number]])
            told[shape] = f"{told.get(shape, '')}{_moved(places[:-1])}z"
    return told


def strokes(lines: np.ndarray[Any, Any]) -> str:
    """Return lines; one that vanishes in the grid is a dot."""
    return "".join(_moved(places) if len(places) > 1 else f"{_moved(places)}h0" for _, places in _runs(lines))


def spread(those: np.ndarray[Any, Any], most: int) -> np.ndarray[Any, Any]:
    """Return at most ``most`` of ``those``, and at least one, evenly spread over all of them."""
    if len(those) <= most:
        return those
    return np.asarray(those[np.linspace(0, len(those) - 1, max(1, most)).astype(int)])


def dots(places: np.ndarray[Any, Any], most: int) -> tuple[str, float]:
    """Return points that stand apart, at most ``most`` of them, and the share of all that is.

    Parameters
    ----------
    places : shape (n, 2), in the units of the picture.
    """
    apart = np.unique(np.rint(places[:, ::-1] / 2).astype(np.int64), axis=0)[:, ::-1] * 2
    kept = spread(apart, most)
    if not len(kept):
        return "", 1.0
    moves = np.diff(kept, axis=0, prepend=0).tolist()
    first, *others = (f"{x} {y}h0".replace(" -", "-") for x, y in moves)
    return f"M{first}" + "".join(f"m{move}" for move in others), len(kept) / len(apart)


def _runs(lines: np.ndarray[Any, Any]) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
    """Iterate over the places of each line in the grid, without those that repeat the one before."""
    places, index = shapely.get_coordinates(lines, return_index=True)
    if not len(places):
        return
    places = np.rint(places).astype(np.int64)
    is_new = np.ones(len(places), bool)
    is_new[1:] = (np.diff(places, axis=0) != 0).any(axis=1) | (np.diff(index) != 0)
    places, index = places[is_new], index[is_new]
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    for number, run in zip(index[starts], np.split(places, starts[1:]), strict=True):
        yield int(number), run


def _moved(places: np.ndarray[Any, Any]) -> str:
    moves = np.diff(places, axis=0).ravel().tolist()
    start = f"M{places[0][0]} {places[0][1]}"
    told = f"{start}l{' '.join(map(str, moves))}" if moves else start
    return told.replace(" -", "-")
