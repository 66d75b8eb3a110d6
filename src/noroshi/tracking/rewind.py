"""Late data: used as if it had come in time, inside a bounded window."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, Tracks, TrackStatus, concatenate, take
from noroshi.sensors import Sensor
from noroshi.tracking import Tracker, TrackerState

Key = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One batch that was used, what takes it back, and what was told of it."""

    key: Key  # latest plot [ns], sensor, serial number of arrival
    detections: Detections
    sensor: Sensor
    change: Any
    told: Tracks | None


class Rewind:
    """Feeds a tracker in the order of the plots' times, whatever the order of arrival.

    A batch that comes after younger ones takes the tracker back over those and runs them again after it, so that inside
    the window the tracks are those of an arrival in order. Tracks that had been told of and that do not exist in the
    corrected past are told of once more, as lost. What is later than the window is refused and counted.

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
        place = bisect_right([step.key for step in self._steps], key)
        again = self._steps[place:]
        del self._steps[place:]
        for step in reversed(again):
            self.tracker.take_back(step.change)
        self._revision += 1
        self.n_reruns += len(again)
        rerun = [self._run(key, detections, sensor)]
        rerun += [self._run(step.key, step.detections, step.sensor) for step in again]
        self._forget(newest_ns - self.window_ns)
        return self._corrected([step.told for step in again if step.told is not None], rerun)

    def memory(self) -> tuple[TrackerState, list[Detections]]:
        """Return the state before the oldest batch that may still be rewound, and the batches since, in order."""
        before = self.tracker.state_before([step.change for step in self._steps])
        return before, [step.detections for step in self._steps]

    def counters(self) -> list[int]:
        """Return the numbers that `resume` needs beside `memory`."""
        return [self.n_late_rows, self.n_reruns, self._serial, self._revision]

    def resume(
        self,
        before: TrackerState,
        batches: Sequence[Detections],
        sensors: Mapping[str, Sensor],
        counters: Sequence[int],
    ) -> None:
        """Take up where `memory` and `counters` were taken: the batches run again, and nothing is given out."""
        self.tracker.restore(before)
        self._steps = []
        for detections in batches:
            self.step(detections, sensors[detections.sensor])
        self.n_late_rows, self.n_reruns, self._serial, self._revision = counters

    def _run(self, key: Key, detections: Detections, sensor: Sensor) -> Tracks | None:
        told = self.tracker.step(detections, sensor, report=self.report)
        self._steps.append(Step(key, detections, sensor, self.tracker.last_change(), told))
        return told

    def _corrected(self, before: Sequence[Tracks], after: Sequence[Tracks | None]) -> Tracks | None:
        """Return the rows of the corrected past, with a last row for each track that is not in it any more."""
        rows = [tracks for tracks in after if tracks is not None]
        if not rows:
            return None
        corrected = concatenate(rows)
        if before:
            withdrawn = concatenate(before)
            known = np.union1d(self.tracker.alive(), corrected.track_id)
            gone = ~np.isin(withdrawn.track_id, known) & (withdrawn.status != TrackStatus.LOST)
            _, last = np.unique(withdrawn.track_id[gone][::-1], return_index=True)
            gone_rows = np.flatnonzero(gone)[::-1][last]
            ended = take(withdrawn, gone_rows)
            corrected = concatenate([corrected, ended.replace(status=np.full(len(ended), TrackStatus.LOST, np.uint8))])
        return corrected.replace(revision=np.full(len(corrected), self._revision, np.int32))

    def _forget(self, before_ns: int) -> None:
        keep = 0
        while keep < len(self._steps) and self._steps[keep].key[0] < before_ns:
            keep += 1
        del self._steps[:keep]


def good(detections: Detections) -> Detections:
    """Return the rows that may be tracked."""
    return detections if not detections.quality.any() else take(detections, detections.quality == 0)
