"""Detections to tracks. One tracker a file in `trackers/`; what trackers share sits beside it in this room."""

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Detections, Tracks
from noroshi.sensors import Sensor


class Tracker(Protocol):
    """A tracker: a fold over batches of detections."""

    def step(self, detections: Detections, sensor: Sensor, *, report: bool = True) -> Tracks | None:
        """Use one batch (each target at most once in it) and return the rows that changed; None if not `report`.

        `detections` has the sensor's components in the sensor's order (`sensors.prepare.arrange`).
        """
        ...

    def last_change(self) -> Any:
        """Return what takes the last step back."""
        ...

    def take_back(self, change: Any) -> None:
        """Undo the latest step that is not undone yet, whose `last_change` this is."""
        ...

    def alive(self) -> NDArray[np.uint64]:
        """Return the numbers of all tracks that rows may have told of and that have not ended, sorted."""
        ...

    def picture(self, time_ns: int) -> Tracks:
        """Return all tracks as they are expected at `time_ns`."""
        ...

    def plots_used(self) -> dict[str, int]:
        """Return, for each sensor, how many of its plots went into tracks that became firm."""
        ...

    def state(self) -> "TrackerState":
        """Return everything the tracker knows, as a value that later steps do not change."""
        ...

    def restore(self, state: "TrackerState") -> None:
        """Go back to `state`."""
        ...


TrackerState = dict[str, NDArray[Any]]
"""Named arrays, never written to once made: a checkpoint is this and nothing else."""
