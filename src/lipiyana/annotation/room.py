"""What of a picture is taken: exactly, as rectangles, and in the cells of a grid for searching.

Solid things (plates, text, labels) must not be covered. Others (vehicles, leader lines) are shaded:
covering them costs.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from lipiyana.annotation.geometry import Rectangle, Rectangles, touched

Floats = npt.NDArray[np.float64]


class Room:
    """The room of one picture.

    Args:
        picture: width and height.
        cells: about how many cells the grid has.
    """

    def __init__(self, picture: tuple[int, int], cells: int) -> None:
        self.picture = picture
        self.cell = max(1, math.ceil(math.sqrt(picture[0] * picture[1] / cells)))
        shape = tuple(-(-side // self.cell) for side in reversed(picture))
        self._solid_cells = np.zeros(shape, np.int32)
        self._shade_cells = np.zeros(shape, np.float32)
        self._solid = np.empty((256, 4), np.int32)
        self._solids = 0
        self._shaded = False
        self._too_large: list[tuple[int, int]] = []

    @property
    def solid(self) -> Rectangles:
        """The solid rectangles, (n, 4), in the order in which they came."""
        return self._solid[: self._solids]

    def free_area(self) -> int:
        """Give the pixels, to a cell, that nothing solid covers."""
        return int((self._solid_cells == 0).sum()) * self.cell**2

    def block(self, rectangle: Rectangle) -> None:
        """Make a rectangle solid."""
        if self._solids == len(self._solid):
            self._solid = np.concatenate([self._solid, np.empty_like(self._solid)])
        self._solid[self._solids] = rectangle
        self._solids += 1
        self._solid_cells[self._cells_of(rectangle)] = 1

    def shade(self, rectangle: Rectangle, weight: float) -> None:
        """Add a weight to what covering a rectangle costs."""
        self._shade_cells[self._cells_of(rectangle)] += weight
        self._shaded = True

    def shading(self, places: Rectangles) -> Floats:
        """Give the mean weight that each of the places (n, 4) covers."""
        if not self._shaded:
            return np.zeros(len(places))
        return np.array([self._shade_cells[self._cells_of(place)].mean() for place in places])

    def free(self, places: Rectangles) -> npt.NDArray[np.bool_]:
        """Say which of the places (n, 4) are inside the picture and cover nothing solid."""
        inside = (places >= 0).all(axis=1) & (places[:, 2:] <= np.array(self.picture)).all(axis=1)
        return np.asarray(inside & (self.touched(places, 0) == 0))

    def touched(self, places: Rectangles, margin: int) -> npt.NDArray[np.intp]:
        """Count the solid rectangles within a margin around each of the places (n, 4)."""
        around = np.concatenate([places[:, :2].min(axis=0), places[:, 2:].max(axis=0)])[None]
        near = touched(self.solid, around.astype(np.int32), margin) > 0
        return touched(places, self.solid[near], margin)

    def search(
        self, size: tuple[int, int], window: Rectangle | None = None
    ) -> tuple[Rectangles, Floats]:
        """Find all free places of a size, at cells' corners, and the shading of each.

        Args:
            size: width and height.
            window: where the left upper corners may lie; None for the whole picture.
        """
        width, height = size
        if any(width >= w and height >= h for w, h in self._too_large):
            return _NOWHERE
        columns, rows = -(-width // self.cell), -(-height // self.cell)
        left, top, right, bottom = window or (0, 0, *self.picture)
        # the last place is that where the label just fits into the picture
        first_x, first_y = max(0, left) // self.cell, max(0, top) // self.cell
        last_x = min(right, self.picture[0] - width) // self.cell
        last_y = min(bottom, self.picture[1] - height) // self.cell
        if last_x < first_x or last_y < first_y or width > self.picture[0]:
            return _NOWHERE
        part = (slice(first_y, last_y + rows), slice(first_x, last_x + columns))
        taken = _window_sums(self._solid_cells[part], rows, columns)
        ys, xs = np.nonzero(taken == 0)
        if not len(xs):
            if window is None:
                # what is solid stays so: larger ones need not be looked for again
                self._too_large.append(size)
            return _NOWHERE
        shades = _window_sums(self._shade_cells[part], rows, columns)[ys, xs] / (rows * columns)
        corners = np.stack([xs + first_x, ys + first_y], axis=1) * self.cell
        places = np.concatenate([corners, corners + np.array(size)], axis=1)
        return places.astype(np.int32), shades

    def _cells_of(self, rectangle: Iterable[int]) -> tuple[slice, slice]:
        left, top, right, bottom = (int(side) for side in rectangle)
        return (
            slice(max(0, top // self.cell), max(0, -(-bottom // self.cell))),
            slice(max(0, left // self.cell), max(0, -(-right // self.cell))),
        )


_NOWHERE = (np.empty((0, 4), np.int32), np.empty(0))


def _window_sums(cells: npt.NDArray[np.generic], rows: int, columns: int) -> Floats:
    """Sum the cells of each window of `rows` by `columns`."""
    sums = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1))
    np.cumsum(cells, axis=0, out=sums[1:, 1:])
    np.cumsum(sums[1:, 1:], axis=1, out=sums[1:, 1:])
    return np.asarray(
        sums[rows:, columns:]
        - sums[:-rows, columns:]
        - sums[rows:, :-columns]
        + sums[:-rows, :-columns]
    )
