"""Late data: used as if it had come in time, inside a bounded window."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, Tracks, concatenate, take
from noroshi.sensors import Sensor
from noroshi.tracking import Tracker, TrackerState


@dataclass(frozen=True, slots=True)
class Step:
    """One batch that was used, and what the tracker knew before it."""

    key: tuple[int, str, int]  # latest plot [ns], sensor, serial number of arrival
    detections: Detections
    sensor: Sensor
    before: TrackerState


class Rewind:
    """Feeds a tracker in the order of the plots' times, whatever the order of arrival.

    A batch that comes after a younger one takes the tracker back to the state before that one and runs what followed
    again, so that inside the window the tracks are those of an arrival in order. What is later still is refused and
    counted.
    """

    def __init__(self, tracker: Tracker, *, window_ns: int = 30 * NS_PER_S) -> None:
        self.tracker = tracker
        self.window_ns = window_ns
        self.n_late_rows = 0
        self.n_reruns = 0
        self._steps: list[Step] = []
        self._serial = 0
        self._revision = 0

    def step(self, detections: Detections, sensor: Sensor) -> Tracks | None:
        """Use one batch and return the rows that changed; None if it came too late to be used."""
        if not len(detections):
            return None
        key = (int(detections.time_ns.max()), detections.sensor, self._serial)
        self._serial += 1
        newest_ns = self._steps[-1].key[0] if self._steps else key[0]
        if key[0] < newest_ns - self.window_ns:
            self.n_late_rows += len(detections)
            return None
        place = bisect_right([step.key for step in self._steps], key)
        again = self._steps[place:]
        if again:
            self.tracker.restore(again[0].before)
            self._revision += 1
            self.n_reruns += len(again)
        del self._steps[place:]
        changed = [self._run(Step(key, detections, sensor, self.tracker.state()))]
        changed += [self._run(Step(step.key, step.detections, step.sensor, self.tracker.state())) for step in again]
        self._forget(max(newest_ns, key[0]) - self.window_ns)
        rows = concatenate(changed)
        return rows.replace(revision=np.full(len(rows), self._revision, np.int32)) if again else rows

    def memory(self) -> tuple[TrackerState, list[Detections]]:
        """Return the state before the oldest batch that may still be rewound, and the batches since, in order."""
        if not self._steps:
            return self.tracker.state(), []
        return self._steps[0].before, [step.detections for step in self._steps]

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

    def _run(self, step: Step) -> Tracks:
        self._steps.append(step)
        return self.tracker.step(step.detections, step.sensor)

    def _forget(self, before_ns: int) -> None:
        keep = bisect_right([step.key[0] for step in self._steps], before_ns - 1)
        del self._steps[:keep]


def good(detections: Detections) -> Detections:
    """Return the rows that may be tracked."""
    return detections if not detections.quality.any() else take(detections, detections.quality == 0)
