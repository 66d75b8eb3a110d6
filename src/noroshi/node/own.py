"""A node's own tracks: what its own sensors tell it, whatever partners say."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, Launches, Quality, Tracks, concatenate
from noroshi.records.known import Known, question, size_of
from noroshi.records.quality import NOTHING, USABLE
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking import Tracker
from noroshi.tracking.considered import before_and_after, considers, correction, is_correction
from noroshi.tracking.launches import noticed, rising, together
from noroshi.tracking.registrar import Registrar
from noroshi.tracking.registration import widened, without
from noroshi.tracking.rewind import Rewind, good, looks_in

AHEAD_NS = NS_PER_S
"""So much may a sensor's stamps be ahead of the node's clock."""
LEAST_BYTES = 300  # of an answer that says nothing


class Told(NamedTuple):
    """What some detections gave.

    Attributes:
        refused: how many could not be used, by sensor and reason.
        changed: the rows that changed, where each change is told of.
        launches: what was noticed.
    """

    refused: tuple[tuple[tuple[str, str], int], ...]
    changed: Tracks | None
    launches: Launches


class Own:
    """Turns the detections of a node's sensors into its own tracks.

    They hang on nothing but these detections, when they come and how the tracker is made. So where runs are repeated in
    which something else differs, what is known already is not worked out again: as long as all that came was told
    before in just this order, the tracker rests; it catches up as soon as anything else comes.

    Args:
        name: of the node.
        sensors: by name, those whose detections it can use.
        tracker: what turns detections into tracks.
        window_ns: how late a detection may come and still be used as if it had come in time.
        report: whether each change is told of.
        registrar: what corrects the radars' plots, if they are to be corrected.
        known: what was told before; None remembers nothing.
        made_of: all else that decides what is told, for `known`.

    Attributes:
        ahead_ns: by sensor, by how much the stamps (median) of a batch were too far ahead of the node's clock, if those
            of the batch before were older and so by as much: one wrong stamp is no clock, nor is one told twice. It
            stays when the clock is set. Nothing else hangs on it.
    """

    def __init__(
        self,
        name: str,
        *,
        sensors: Mapping[str, Sensor],
        tracker: Tracker,
        window_ns: int,
        report: bool,
        registrar: Registrar | None = None,
        known: Known | None = None,
        made_of: bytes = b"",
    ) -> None:
        self.name, self.sensors = name, sensors
        self._registrar = registrar
        self._considers = tracker if registrar and considers(tracker) else None
        if registrar and self._considers:
            self._considers.consider(registrar.radars)
        self._rewind = Rewind(tracker, window_ns=window_ns, report=report)
        self.ahead_ns: dict[str, int] = {}
        self._ahead_last_ns: dict[str, tuple[int, int]] = {}
        self._known, self._came = known, made_of
        self._waiting: list[tuple[Detections, int]] = []

    @property
    def rewind(self) -> Rewind:
        """What feeds the tracker, with all that has come."""
        self._catch_up()
        return self._rewind

    @property
    def registrar(self) -> Registrar | None:
        """What corrects the radars' plots, with all that has come."""
        self._catch_up()
        return self._registrar

    def detect(self, detections: Detections, now_ns: int) -> Told:
        """Use detections of one of its sensors, which have come now."""
        if self._known is None:
            return self._detect(detections, now_ns)
        self._came = question(self._came, now_ns, detections)
        told: Told | None = self._known.get(self._came)
        if told is not None:
            self._waiting.append((detections, now_ns))
            return told
        self._catch_up()
        told = self._detect(detections, now_ns)
        size = LEAST_BYTES + size_of(told.launches) + (0 if told.changed is None else size_of(told.changed))
        self._known.put(self._came, told, size)
        return told

    def picture(self, time_ns: int) -> Tracks:
        """Return its tracks as they are expected at a time."""
        if self._known is None:
            return self._rewind.tracker.picture(time_ns)
        asked = question(self._came, time_ns)
        tracks: Tracks | None = self._known.get(asked)
        if tracks is None:
            self._catch_up()
            tracks = self._rewind.tracker.picture(time_ns)
            self._known.put(asked, tracks, LEAST_BYTES + size_of(tracks))
        return tracks

    def forget(self) -> None:
        """Go by what its tracker does from now on: its memory is no longer that of what has come."""
        self._catch_up()
        self._known = None

    def tell_left(self) -> None:
        """Let the tracker know what is left of its radars' biases."""
        if self._registrar and self._considers:
            self._considers.left = self._registrar.left

    def _correct(self) -> None:
        """Let the tracker move its tracks by what has come to be known since their plots were corrected."""
        tracker, newest_ns = self._considers, self._rewind.newest_ns
        if tracker is None or self._registrar is None or newest_ns is None:
            return
        taken_out = self._registrar.taken_out
        if not np.array_equal(taken_out, tracker.taken_out):
            radars = self._registrar.radars
            self._rewind.step(correction(radars, tracker.taken_out, taken_out, newest_ns + 1), self.sensors[radars[0]])

    def _corrected_there(self, plots: Detections, by_now: Detections, sensor: Sensor) -> Detections:
        """Return a radar's plots without what is taken out at their place among the batches.

        What has come to be known since moves the tracks that they go into, as all others. Where the clock's bias has
        changed too, neither may be of its place: they stay corrected by the later one.
        """
        assert self._registrar is not None
        radars, corrected = self._registrar.radars, by_now
        for batch in self._rewind.batches():
            newest_ns = int(corrected.time_ns.max())
            if is_correction(batch):
                place = int(batch.time_ns[0]), radars[0]
                if (newest_ns, plots.sensor) >= place:
                    break
                before, _ = before_and_after(batch)
                earlier = without(plots, sensor, before[radars.index(plots.sensor)])
                if (int(earlier.time_ns.max()), plots.sensor) >= place:
                    break
                corrected = earlier
            elif int(batch.time_ns.max()) < newest_ns:
                break
        return corrected

    def _compare_clock(self, sensor: str, stamp_ns: int, now_ns: int) -> None:
        last = self._ahead_last_ns.pop(sensor, None)
        if (ahead_ns := stamp_ns - now_ns) > AHEAD_NS:
            self._ahead_last_ns[sensor] = stamp_ns, ahead_ns
            if last is not None and stamp_ns > last[0] and abs(ahead_ns - last[1]) <= AHEAD_NS:
                self.ahead_ns[sensor] = ahead_ns

    def _catch_up(self) -> None:
        """Let the tracker use what it rested over."""
        waiting, self._waiting = self._waiting, []
        for detections, now_ns in waiting:
            self._detect(detections, now_ns)

    def _detect(self, detections: Detections, now_ns: int) -> Told:
        sensor = self.sensors[detections.sensor]
        ready = _not_from_the_future(arrange(detections, sensor), now_ns)
        refused, n_looks, has_codes = [], 0, bool(ready.quality.any())
        if len(ready) and (has_codes or detections.sensor in self._ahead_last_ns):
            self._compare_clock(detections.sensor, int(np.sort(ready.time_ns)[(len(ready) - 1) // 2]), now_ns)
        if has_codes:
            n_looks = int(np.count_nonzero(ready.quality == NOTHING))
            bad = [code for code in ready.quality.tolist() if code not in USABLE]
            refused = [((detections.sensor, Quality(code).name), 1) for code in bad]
        # What mostly comes is of one sort: nothing is taken apart.
        usable = ready if not has_codes or n_looks == len(ready) else good(ready)
        if self._registrar and len(usable) and n_looks < len(ready):
            plots, usable = usable, self._registrar.receive(usable, sensor, now_ns)
            self.tell_left()
            self._correct()
            if self._considers and detections.sensor in self._registrar.radars:
                usable = self._corrected_there(plots, usable, sensor)
            elif detections.sensor in self._registrar.radars:
                left = self._registrar.left[self._registrar.radars.index(detections.sensor)]
                usable = widened(usable, sensor, left)
        if 0 < n_looks < len(ready):
            looks = looks_in(ready)
            usable = concatenate([usable, looks]) if len(usable) else looks
        late = self._rewind.n_late_rows
        changed = self._rewind.step(usable, sensor)
        if self._rewind.n_late_rows > late:
            refused.append(((detections.sensor, Quality.LATE.name), self._rewind.n_late_rows - late))
        seen = noticed(self._rewind.tracker, self.name, int(usable.time_ns.min(initial=now_ns)))
        launches = seen if changed is None else together(self.name, seen, rising(changed))
        return Told(tuple(refused), changed, launches)


def _not_from_the_future(detections: Detections, now_ns: int) -> Detections:
    """Return all rows, of which those from later than now, give or take a second of clock error, are BAD_TIME."""
    if int(detections.time_ns.max(initial=0)) <= now_ns + AHEAD_NS:
        return detections
    early = (detections.time_ns > now_ns + AHEAD_NS) & np.isin(detections.quality, USABLE)
    quality = np.where(early, np.uint8(Quality.BAD_TIME), detections.quality)
    return detections.replace(quality=quality)
