"""Where labels go so that they hide neither each other nor what the picture is about."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CELL_PX = 4.0
INK_PER_PX_AWAY = 0.6
"""How many cells of hidden lines are as bad as one pixel further from what is labelled."""
DIRECTIONS = ((1, 0.6), (-1, 0.6), (1, -0.6), (-1, -0.6), (0, 1), (0, -1), (1, 0), (-1, 0))
DISTANCES_PX = (7.0, 18.0, 34.0)


class Room:
    """The free room of a drawing. Boxes are (left, bottom, right, top) in pixels."""

    def __init__(self, width_px: float, height_px: float, ink_px: Floats) -> None:
        """Start with a drawing of a size and the (n, 2) points of the lines in it, which labels had better not hide."""
        self.size = np.array([width_px, height_px])
        self.boxes = np.zeros((0, 4))
        cells = np.ceil(self.size / CELL_PX).astype(int)
        inked = np.floor(ink_px[np.all((ink_px >= 0.0) & (ink_px < self.size), axis=1)] / CELL_PX).astype(int)
        counts = np.zeros(cells)
        counts[inked[:, 0], inked[:, 1]] = 1.0
        self.ink = np.zeros(cells + 1)
        self.ink[1:, 1:] = np.cumsum(np.cumsum(counts, axis=0), axis=1)

    def keep_out(self, boxes: Floats) -> None:
        """Let no label come into (n, 4) boxes."""
        self.boxes = np.concatenate([self.boxes, boxes])

    def place(self, at_px: Floats, size_px: Sequence[float], *, far: bool = True) -> Floats | None:
        """Return the (4,) best free box of a size near (2,) a point and take it, or None if there is none.

        Args:
            at_px: what is labelled.
            size_px: width and height.
            far: whether the label may stand so far off that it needs a line to its point.
        """
        found = [
            self._box(at_px, size_px, direction, distance)
            for distance in (DISTANCES_PX if far else DISTANCES_PX[:1])
            for direction in DIRECTIONS
        ]
        distances = np.repeat(DISTANCES_PX if far else DISTANCES_PX[:1], len(DIRECTIONS))
        boxes = np.array(found)
        free = np.all((boxes[:, :2] >= 2.0) & (boxes[:, 2:] <= self.size - 2.0), axis=1)
        apart = (boxes[:, None, :2] >= self.boxes[:, 2:]) | (boxes[:, None, 2:] <= self.boxes[:, :2])
        free &= np.all(np.any(apart, axis=2), axis=1)
        if not free.any():
            return None
        cost = np.where(free, self._ink_under(boxes) + INK_PER_PX_AWAY * distances, np.inf)
        best: Floats = boxes[int(cost.argmin())]
        self.keep_out(best[None])
        return best

    @staticmethod
    def _box(at_px: Floats, size_px: Sequence[float], direction: tuple[float, float], distance_px: float) -> Floats:
        """Return the box whose near side is `distance_px` from the point in a direction."""
        toward, size = np.array(direction), np.array(size_px)
        centre = at_px + toward * (distance_px + size / 2.0)
        return np.concatenate([centre - size / 2.0, centre + size / 2.0])

    def _ink_under(self, boxes: Floats) -> Floats:
        limit = np.array(self.ink.shape) - 1
        low = np.clip(boxes[:, :2] // CELL_PX, 0, limit).astype(int)
        high = np.clip(-(-boxes[:, 2:] // CELL_PX), 0, limit).astype(int)
        (x0, y0), (x1, y1) = low.T, high.T
        under: Floats = self.ink[x1, y1] - self.ink[x0, y1] - self.ink[x1, y0] + self.ink[x0, y0]
        return under
