"""Late data: used as if it had come in time, inside a bounded window."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import Detections, Tracks, concatenate, take
from noroshi.records.quality import NOTHING
from noroshi.records.tracks import LOST
from noroshi.sensors import Sensor
from noroshi.tracking import Tracker, TrackerState

Key = tuple[int, str, int]
GIVEN_ROWS = 1_000  # beyond twice what the steps of the window told, until the last row of each track is looked up
ALIKE = "covariances", "origin_ecef_m"


@dataclass(frozen=True, slots=True)
class Step:
    """One batch that was used, what takes it back (None: it changed nothing), and the tracks it told go on."""

    key: Key  # latest plot [ns], sensor, serial number of arrival
    detections: Detections
    sensor: Sensor
    change: Any
    told: NDArray[np.uint64]


class Rewind:
    """Feeds a tracker in the order of the plots' times, whatever the order of arrival.

    A batch that comes after younger ones takes the tracker back over those and runs them again after it, so that inside
    the window the tracks are those of an arrival in order. Tracks that had been told of and that do not exist in the
    corrected past are told of once more, as lost. What is later than the window is refused and counted. A look that saw
    nothing, of a sensor that has seen nothing that is tracked, has nothing to change and is only kept.

    Args:
        tracker: which is fed.
        window_ns: how late a batch may come.
        report: whether the rows that change are wanted.
    """

    def __init__(self, tracker: Tracker, *, window_ns: int = 30 * NS_PER_S, report: bool = True) -> None:
        self.tracker = tracker
        self.window_ns = window_ns
        self.report = report
        self.n_late_rows = 0
        self.n_reruns = 0
        self._steps: list[Step] = []
        self._given: list[tuple[int, Tracks]] = []  # by the time of a step what it gave out; a track's last row counts
        self._n_given = self._n_told = 0  # rows of those, and what the steps told of
        self._serial = 0
        self._revision = 0

    def step(self, detections: Detections, sensor: Sensor) -> Tracks | None:
        """Use one batch and return the rows that changed; None where there are none or it came too late to be used."""
        if not len(detections):
            return None
        key = (int(detections.time_ns.max()), detections.sensor, self._serial)
        self._serial += 1
        newest_ns = self._steps[-1].key[0] if self._steps else key[0]
        if key[0] < newest_ns - self.window_ns:
            self.n_late_rows += len(detections)
            return None
        if not self._steps or key > self._steps[-1].key:
            told = self._run(key, detections, sensor)
            self._forget(key[0] - self.window_ns)
            return told
        place = bisect_right(self._steps, key, key=lambda step: step.key)
        if self._is_idle(detections):
            self._steps.insert(place, Step(key, _slim(detections), sensor, None, np.zeros(0, np.uint64)))
            return None
        again = self._steps[place:]
        self._remove(slice(place, None))
        for step in reversed(again):
            if step.change is not None:
                self.tracker.take_back(step.change)
        self._revision += 1
        self.n_reruns += sum(step.change is not None for step in again)
        rerun = [self._run(key, detections, sensor)]
        rerun += [self._run(step.key, _whole(step.detections), step.sensor, slim=step.detections) for step in again]
        corrected = self._corrected(np.concatenate([step.told for step in again]), rerun)
        self._forget(newest_ns - self.window_ns)
        return corrected

    @property
    def newest_ns(self) -> int | None:
        """The time of the newest batch that may still be rewound; None if there is none."""
        return self._steps[-1].key[0] if self._steps else None

    def batches(self) -> Iterator[Detections]:
        """Return the batches that may still be rewound, the newest first."""
        return (step.detections for step in reversed(self._steps))

    def memory(self) -> tuple[TrackerState, list[Detections]]:
        """Return the state before the oldest batch that may still be rewound, and the batches since, in order."""
        before = self.tracker.state_before([step.change for step in self._steps if step.change is not None])
        return before, [step.detections for step in self._steps]

    def given(self) -> Tracks | None:
        """Return the row that was last given out of each track that may have to be withdrawn; None if there is none."""
        self._look_up_given()
        return self._given[0][1] if self._given else None

    def counters(self) -> list[int]:
        """Return the numbers that `resume` needs beside `memory`."""
        return [self.n_late_rows, self.n_reruns, self._serial, self._revision]

    def resume(
        self,
        before: TrackerState,
        batches: Sequence[Detections],
        sensors: Mapping[str, Sensor],
        counters: Sequence[int],
        given: Tracks | None = None,
    ) -> None:
        """Take up where `memory`, `counters` and `given` were taken: the batches run again, nothing is given out."""
        self.tracker.restore(before)
        self._steps, self._given = [], []
        self._n_given = self._n_told = 0
        for detections in batches:
            self.step(detections, sensors[detections.sensor])
        if given is not None:
            self._keep_given(given)
        self.n_late_rows, self.n_reruns, self._serial, self._revision = counters

    def _run(
        self, key: Key, detections: Detections, sensor: Sensor, *, slim: Detections | None = None
    ) -> Tracks | None:
        is_idle = self._is_idle(detections)
        told = None if is_idle else self.tracker.step(detections, sensor, report=self.report)
        goes_on = np.zeros(0, np.uint64)
        if told is not None and len(told):
            self._given.append((key[0], told))
            goes_on = told.track_id[told.status != LOST]
            self._n_given += len(told)
            self._n_told += len(goes_on)
        change = None if is_idle else self.tracker.last_change()
        self._steps.append(Step(key, _slim(detections) if slim is None else slim, sensor, change, goes_on))
        return told

    def _is_idle(self, detections: Detections) -> bool:
        """Return whether a batch is of looks alone that saw nothing and that the tracker makes nothing of."""
        if not (detections.quality == NOTHING).all():
            return False
        return not self.tracker.heeds(detections.sensor, int(detections.time_ns.min()))

    def _corrected(self, before: NDArray[np.uint64], after: Sequence[Tracks | None]) -> Tracks | None:
        """Return the rows of the corrected past, with a last row for each track that is not in it any more.

        Args:
            before: numbers of the tracks that were told of in what has been run again.
            after: what is told of them now.
        """
        rows = [tracks for tracks in after if tracks is not None]
        if not rows:
            return None
        corrected = concatenate(rows)
        gone = np.setdiff1d(before, np.union1d(self.tracker.alive(), corrected.track_id))
        if len(gone):
            ended = _last([tracks for _, tracks in self._given], gone)
            corrected = concatenate([corrected, ended.replace(status=np.full(len(ended), LOST, np.uint8))])
        return corrected.replace(revision=np.full(len(corrected), self._revision, np.int32))

    def _look_up_given(self) -> None:
        """Keep of what was given out the last row of each track that a step told of which may still be rewound."""
        told = np.concatenate([np.zeros(0, np.uint64), *(step.told for step in self._steps)])
        self._keep_given(_last([tracks for _, tracks in self._given], told) if self._given else None)

    def _keep_given(self, rows: Tracks | None) -> None:
        """Keep these rows of all that was given out, as long as the newest step may be rewound."""
        self._n_given = 0 if rows is None else len(rows)
        newest_ns = self._steps[-1].key[0] if self._steps else 0
        self._given = [(newest_ns, rows)] if rows is not None and len(rows) else []

    def _remove(self, some: slice) -> None:
        self._n_told -= sum(len(step.told) for step in self._steps[some])
        del self._steps[some]

    def _forget(self, before_ns: int) -> None:
        keep = 0
        while keep < len(self._steps) and self._steps[keep].key[0] < before_ns:
            keep += 1
        self._remove(slice(keep))
        keep = 0
        while keep < len(self._given) and self._given[keep][0] < before_ns:
            self._n_given -= len(self._given[keep][1])
            keep += 1
        del self._given[:keep]
        if self._n_given > GIVEN_ROWS + 2 * self._n_told:
            self._look_up_given()


def good(detections: Detections) -> Detections:
    """Return the rows that may be tracked."""
    return detections if not detections.quality.any() else take(detections, detections.quality == 0)


def looks_in(detections: Detections) -> Detections:
    """Return the rows that say that the sensor looked."""
    is_look = detections.quality == NOTHING
    return detections if is_look.all() else take(detections, is_look)


def _last(given: Sequence[Tracks], track_ids: NDArray[np.uint64]) -> Tracks:
    """Return the last row that says that it goes on of each of these tracks, by number."""
    rows = concatenate(given)
    rows = take(rows, np.flatnonzero((rows.status != LOST) & np.isin(rows.track_id, track_ids)))
    _, from_end = np.unique(rows.track_id[::-1], return_index=True)
    return take(rows, len(rows) - 1 - from_end)


def _slim(detections: Detections) -> Detections:
    """Return the same rows; what is alike in all of them, as a sensor's noise mostly is, is kept once."""
    columns = {name: np.ascontiguousarray(getattr(detections, name)) for name in ALIKE}
    alike = {name: each for name, each in columns.items() if _are_alike(each.reshape(len(each), -1))}
    once = {
        name: np.ndarray(each.shape, each.dtype, each[:1].copy(), strides=(0, *each.strides[1:]))
        for name, each in alike.items()
    }
    return detections.replace(**once)


@kernel
def _are_alike(rows: Floats) -> bool:
    for i in range(1, rows.shape[0]):
        n_apart = 0  # counted, not left at the first: so the processor compares several at once
        for c in range(rows.shape[1]):
            n_apart += rows[i, c] != rows[0, c]
        if n_apart > 0:
            return False
    return True


def _whole(detections: Detections) -> Detections:
    """Return what `_slim` was given: kernels would be compiled once more for other arrays."""
    return detections.replace(
        **{name: np.require(getattr(detections, name), requirements=("C", "W")) for name in ALIKE}
    )
