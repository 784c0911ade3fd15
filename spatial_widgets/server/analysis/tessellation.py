"""Cells of one shape and size without gaps, laid out from a corner of an extent, in columns and rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely

from spatial_widgets.server.analysis.cells import drawn, too_many_cells

__all__ = ["Shape", "Tessellation"]

Array = np.ndarray[Any, Any]
Shape = Literal["Square", "Hexagon", "TransverseHexagon", "Triangle", "Diamond"]

#: The area of a cell of size 1; see Tessellation.size.
_UNIT_AREA: dict[Shape, float] = {
    "Square": 1.0,
    "Hexagon": np.sqrt(3) / 2,
    "TransverseHexagon": np.sqrt(3) / 2,
    "Triangle": np.sqrt(3) / 4,
    "Diamond": 0.5,
}
#: The corners of a cell in whole steps from where it stands, counter-clockwise.
_CORNERS: dict[Shape, Array] = {
    "Square": np.array([(0, 0), (1, 0), (1, 1), (0, 1)]),
    "Hexagon": np.array([(2, 0), (1, 1), (-1, 1), (-2, 0), (-1, -1), (1, -1)]),
    "TransverseHexagon": np.array([(0, 2), (-1, 1), (-1, -1), (0, -2), (1, -1), (1, 1)]),
    "Diamond": np.array([(1, 0), (0, 1), (-1, 0), (0, -1)]),
}
_UPWARDS, _DOWNWARDS = np.array([(0, 0), (2, 0), (1, 1)]), np.array([(0, 1), (1, 0), (2, 1)])


@dataclass(frozen=True, slots=True)
class Tessellation:
    """Cells named by column and row, from 0 at the lower left.

    ``size`` is in the plane's unit: the side of a square or a triangle, the distance between parallel sides of a
    hexagon, the distance between opposite corners of a diamond. ``corner`` is where the extent begins.
    """

    shape: Shape
    size: float
    corner: tuple[float, float]

    @staticmethod
    def size_of(shape: Shape, area: float) -> float:
        """Return the size of a cell with an area."""
        return float(np.sqrt(area / _UNIT_AREA[shape]))

    @property
    def _step(self) -> Array:
        """The lengths of which everything is a whole multiple."""
        size = self.size
        return np.array(
            {
                "Square": (size, size),
                "Hexagon": (size / np.sqrt(12), size / 2),
                "TransverseHexagon": (size / 2, size / np.sqrt(12)),
                "Triangle": (size / 2, size * np.sqrt(3) / 2),
                "Diamond": (size / 2, size / 2),
            }[self.shape]
        )

    def _stand(self, cells: Array) -> Array:
        """Return where cells stand, in steps."""
        column, row = cells.T
        if self.shape == "Hexagon":
            return np.column_stack([3 * column, 2 * row + column % 2])
        if self.shape == "TransverseHexagon":
            return np.column_stack([2 * column + row % 2, 3 * row])
        if self.shape == "Diamond":
            return np.column_stack([2 * column + row % 2, row])
        return cells

    def polygons(self, cells: Array, unit_m: float) -> Array:
        """Return the cells' outlines; neighbours share their vertices to the last digit."""
        if self.shape == "Triangle":
            points_up = (cells.sum(axis=1) % 2 == 0)[:, None, None]
            corners = np.where(points_up, _UPWARDS, _DOWNWARDS)
        else:
            corners = _CORNERS[self.shape]
        made = drawn(self._stand(cells), corners, self._step, self.size * unit_m)
        moved: Array = shapely.transform(made, lambda xy: xy + np.array(self.corner))
        return moved

    def covering(self, width: float, height: float, *, most: int) -> Array:
        """Return every cell that reaches into the extent, shape ``(n, 2)``, column by column from the lower left.

        Raises
        ------
        ParameterError : there would be more than ``most``.
        """
        extent = np.array([width, height])
        number = (extent[0] / self.size + 1) * (extent[1] / self.size + 1) / _UNIT_AREA[self.shape]
        if not np.isfinite(number) or number > 3 * most:
            raise too_many_cells(
                f"cells of this size would be about {number:,.0f} in number", most, "binSize"
            )
        # So many steps reach across; a hexagon or a diamond stands in the middle of what it covers.
        across = np.ceil(extent / self._step - 1e-9).astype("int64")
        pace = np.array(
            {"Hexagon": (3, 2), "TransverseHexagon": (2, 3), "Diamond": (2, 1)}.get(self.shape, (1, 1))
        )
        last = across // pace + 2
        cells = np.stack(np.meshgrid(*(np.arange(-2, n + 1) for n in last), indexing="ij"), axis=-1).reshape(
            -1, 2
        )
        stand = self._stand(cells)
        corners = np.vstack([_UPWARDS, _DOWNWARDS]) if self.shape == "Triangle" else _CORNERS[self.shape]
        low, high = stand + corners.min(axis=0), stand + corners.max(axis=0)
        near = ((high > 0) & (low < np.maximum(across, 1))).all(axis=1)
        cells, edge = cells[near], ~((low >= 0) & (high <= across)).all(axis=1)[near]
        kept: Array = cells[self._reaching(cells, edge, extent)]
        if len(kept) > most:
            raise too_many_cells(f"cells of this size would be {len(kept):,}", most, "binSize")
        return kept - kept.min(axis=0) if self.shape == "Square" else kept

    def _reaching(self, cells: Array, edge: Array, extent: Array) -> Array:
        """Return which cells have a part of the extent, and not only of its border; all that are not at the edge."""
        little = np.minimum(extent / 2, 1e-9 * self.size)
        window = shapely.box(*(np.array(self.corner) + little), *(np.array(self.corner) + extent - little))
        reaches = np.ones(len(cells), dtype=bool)
        shapely.prepare(window)
        reaches[edge] = shapely.intersects(window, self.polygons(cells[edge], 0.0))
        return reaches

    @staticmethod
    def names(cells: Array) -> list[str]:
        """Return ``A-1``, ``A-2``, ``B-1`` …: letters for columns, numbers for rows, from the lower left."""
        columns, rows = (cells - cells.min(axis=0)).T
        letters = [_letters(column) for column in range(int(columns.max(initial=0)) + 1)]
        return [f"{letters[column]}-{row + 1}" for column, row in zip(columns, rows, strict=True)]


def _letters(number: int) -> str:
    text = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
