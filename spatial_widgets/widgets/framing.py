"""What a picture shows of the world: where it is cut, how large it is, and where a place is in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

__all__ = ["UNITS", "WIDTH", "Frame", "countries", "cut_of", "land", "turned"]

#: Units of a picture in one pixel: places are whole numbers.
UNITS = 2
WIDTH = 480 * UNITS
_LOWEST, _HIGHEST = 160 * UNITS, 320 * UNITS
_MARGIN = 0.05
_SAME = 1e-9  # of its distance from the origin: what lies closer is at one place
_WORTH_A_CUT = 60  # degrees without a shape; a map of most of the world is cut where everybody cuts it
_LEAST_DEGREES = 1.0  # below that, the bundled outlines are too coarse to be true


@dataclass(frozen=True, slots=True)
class Frame:
    """A box of the world (x to the right, y up) and the height of its picture in units."""

    left: float
    top: float
    across: float  # units in one of the world's, to the right
    down: float  # and down
    height: int

    @classmethod
    def around(cls, bounds: tuple[float, float, float, float], *, is_degrees: bool) -> Frame:
        """Return a frame with some margin around ``(min x, min y, max x, max y)``."""
        left, bottom, right, top = bounds
        widest = max(right - left, top - bottom)
        size = max(abs(left), abs(right), abs(bottom), abs(top), 1.0)
        alone = _LEAST_DEGREES if is_degrees else size * 1e-3
        margin = _MARGIN * widest if widest > size * _SAME else alone
        left, bottom, right, top = left - margin, bottom - margin, right + margin, top + margin
        # A degree of longitude is as long as it is in the middle of the picture.
        narrowing = max(0.2, float(np.cos(np.radians((bottom + top) / 2)))) if is_degrees else 1.0
        wide, high = (right - left) * narrowing, top - bottom
        height = round(min(_HIGHEST, max(_LOWEST, WIDTH * high / wide)))
        scale = min(WIDTH / wide, height / high)
        across = scale * narrowing
        middle_x, middle_y = (left + right) / 2, (bottom + top) / 2
        return cls(middle_x - WIDTH / across / 2, middle_y + height / scale / 2, across, scale, height)

    def place(self, coordinates: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return coordinates of shape (n, 2) in units of the picture."""
        return np.column_stack(
            [(coordinates[:, 0] - self.left) * self.across, (self.top - coordinates[:, 1]) * self.down]
        )

    @property
    def box(self) -> tuple[float, float, float, float]:
        """What is seen: min x, min y, max x, max y."""
        return (
            self.left,
            self.top - self.height / self.down,
            self.left + WIDTH / self.across,
            self.top,
        )


def cut_of(bounds: np.ndarray[Any, Any]) -> float:
    """Return the meridian, from -180 to 180, at which a map of these longitudes is best cut open.

    It is the middle of the widest band without a shape, so that what lies on both sides of 180 degrees is
    drawn together; -180 where the ordinary cut is as good.

    Parameters
    ----------
    bounds : shape (n, 4), of each shape, in degrees.
    """
    west, east = np.clip(bounds[:, 0], -180, 180), np.clip(bounds[:, 2], -180, 180)
    reach = np.full(361, 0)  # how many shapes begin less how many end, by whole degrees
    np.add.at(reach, np.floor(west + 180).astype(int), 1)
    np.add.at(reach, np.minimum(360, np.floor(east + 180).astype(int) + 1), -1)
    taken = np.cumsum(reach)[:360] > 0
    if taken.all() or not taken.any():
        return -180.0
    ends = np.flatnonzero(np.diff(taken.astype(int), prepend=0, append=0))
    gaps = [(int(ends[i + 1] - ends[i]), int(ends[i])) for i in range(1, len(ends) - 1, 2)]
    usual = int(ends[0] + 360 - ends[-1])
    widest, start = max(gaps, default=(0, 0))
    return start + widest / 2 - 180.0 if widest > max(usual, _WORTH_A_CUT) else -180.0


def turned(shapes: np.ndarray[Any, Any], cut: float) -> np.ndarray[Any, Any]:
    """Return shapes in longitudes from ``cut`` on: what is west of it is 360 degrees further east."""
    if cut == -180.0:
        return shapes

    def move(places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return places + np.where(places[:, :1] < cut, (360.0, 0.0), (0.0, 0.0))

    return np.asarray(shapely.transform(shapes, move))


def land(frame: Frame) -> np.ndarray[Any, Any]:
    """Return the countries that are in a frame, in longitude and latitude; none where they are too coarse."""
    box = frame.box
    if box[2] - box[0] < _LEAST_DEGREES:
        return np.array([], object)
    seen = []
    for turn in (-360.0, 0.0, 360.0):
        clipped = shapely.clip_by_rect(countries(), box[0] - turn, box[1], box[2] - turn, box[3])
        clipped = clipped[~shapely.is_empty(clipped)]
        seen.append(shapely.transform(clipped, lambda places, turn=turn: places + np.array([turn, 0.0])))
    return np.concatenate(seen)


@lru_cache(maxsize=1)
def countries() -> np.ndarray[Any, Any]:
    """Return the outlines of the countries, in longitude and latitude."""
    from spatial_widgets.data import sample

    return np.asarray(sample("countries").geometry.to_numpy())
