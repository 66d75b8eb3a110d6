"""Detections to tracks. One tracker a file in `trackers/`; what trackers share sits beside it in this room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Detections, Tracks
from noroshi.sensors import Sensor

if TYPE_CHECKING:
    from noroshi.tracking.bank import Pairs


class Tracker(Protocol):
    """A tracker: a fold over batches of detections."""

    def step(self, detections: Detections, sensor: Sensor, *, report: bool = True) -> Tracks | None:
        """Use one batch (each target at most once in it) and return the rows that changed; None if not `report`.

        `detections` has the sensor's components in the sensor's order (`sensors.prepare.arrange`).
        """
        ...

    def heeds(self, sensor: str, time_ns: int) -> bool:
        """Return whether looks of a sensor at a time or later, which saw nothing, may change anything.

        If not, `step` need not be called with them. It holds for a time in the past too.
        """
        ...

    def last_change(self) -> Any:
        """Return what takes the last step back."""
        ...

    def take_back(self, change: Any) -> None:
        """Undo the latest step that is not undone yet, whose `last_change` this is."""
        ...

    def state_before(self, changes: Sequence[Any]) -> "TrackerState":
        """Return what `state` was before the last steps, whose `last_change` these are, oldest first; undo nothing."""
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


@dataclass(frozen=True, slots=True)
class Heard:
    """One step of a tracker, as a `Listener` hears of it.

    Attributes:
        now_ns: the newest time of the batch.
        plots: (n,) its plots.
        pairs: (p,) of a track and a plot, those that the coarse gate found.
        weight: (p,) probability that the plot is the track's, if the track exists.
        own_plot: (t,) of `pairs.rows`, which plot each has more likely than not; -1 for none.
        fresh: (n,) existence of the track that each plot starts; 0 where it starts none.
        twins: rows that end because an older track is of the same target.
        heirs: rows that went on from where their twin was.
        lost: rows that end, twins among them.
    """

    now_ns: int
    plots: Detections
    pairs: "Pairs"
    weight: NDArray[np.float64]
    own_plot: NDArray[np.int64]
    fresh: NDArray[np.float64]
    twins: NDArray[np.int64]
    heirs: NDArray[np.int64]
    lost: NDArray[np.int64]


class Listener(Protocol):
    """Who wants to know why: `Keeper.listener` is told of each step and of each taken back; None costs nothing.

    It may read the tracker's store, in which tracks that end with the step still have their rows, and change nothing.
    """

    def step(self, heard: Heard) -> None:
        """Hear of one step."""
        ...

    def take_back(self) -> None:
        """Hear that the latest step that was not taken back yet did not happen."""
        ...
