"""What each view has shown, moment by moment, so that any past moment can be shown again as it was.

Frames and texts as they went out, appended to files without names, in parts; where there is no more room the oldest
part goes. One thread appends, any may look.
"""

import os
import tempfile
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Row = Sequence[object]
PART_BYTES = 64 << 20
FILM_BYTES_MAX = 2 << 30
EVENTS_MAX = 5_000
NAMES_MAX = 200_000  # rows of one part
KNOWN_MIN = 1_000


def _file(folder: Path | None) -> int:
    """Return a new file that has no name."""
    handle, path = tempfile.mkstemp(prefix="noroshi-film-", dir=folder)
    Path(path).unlink()
    return handle


@dataclass(slots=True, eq=False)
class Part:
    """Some moments of one view, in one file; texts and names of it need no other part.

    Attributes:
        names: rows of `names`, of which a moment has the first so many.
        size: bytes so far.
    """

    names: list[Row]
    handle: int
    size: int = 0

    def append(self, data: bytes) -> tuple[int, int]:
        """Write bytes and return where they are."""
        at, left = self.size, memoryview(data)
        while left:
            left = left[os.pwrite(self.handle, left, self.size + len(data) - len(left)) :]
        self.size += len(data)
        return at, len(data)

    def read(self, place: tuple[int, int]) -> bytes:
        """Return the bytes of a place."""
        return os.pread(self.handle, place[1], place[0])

    def __del__(self) -> None:
        os.close(self.handle)


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What one view showed at one time.

    Attributes:
        time_ns: of the picture.
        part: where it is kept.
        frame: where in it.
        texts: where in it each text is that held then, by type.
        n_names: how many names were known of the part's.
        sequence, n_tracks: of the frame.
    """

    time_ns: int
    part: Part
    frame: tuple[int, int]
    texts: Mapping[str, tuple[int, int]]
    n_names: int
    sequence: int
    n_tracks: int

    def read(self) -> bytes:
        """Return the frame."""
        return self.part.read(self.frame)

    def text(self, kind: str) -> bytes:
        """Return a text."""
        return self.part.read(self.texts[kind])


class Reel:
    """The moments of one view.

    Attributes:
        events: what the timeline shows, oldest first.
        n_events_dropped: how many older ones there were.
    """

    def __init__(self, bytes_max: int, folder: Path | None, part_bytes: int = PART_BYTES) -> None:
        self.events: list[dict[str, object]] = []
        self.n_events_dropped = 0
        self._bytes_max, self._part_bytes, self._folder = bytes_max, part_bytes, folder
        self._parts: list[Part] = []
        self._moments: list[Moment] = []
        self._times: list[int] = []
        self._texts: dict[str, bytes] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._known: dict[object, Row] = {}
        self._newest: tuple[Moment, bytes] | None = None
        self._lock = threading.Lock()

    def put_names(self, rows: Mapping[object, Row]) -> int:
        """Take in what is known of names, by number, now; return how many rows there are in the part."""
        part = self._part()
        part.names.extend(row for number, row in rows.items() if self._known.get(number) != row)
        self._known.update(rows)
        return len(part.names)

    def keep_names_of(self, numbers: NDArray[np.uint64]) -> None:
        """Forget the names of all others, now and then: what begins a part is what is alive."""
        if len(self._known) > 2 * len(numbers) + KNOWN_MIN:
            for gone in self._known.keys() - set(numbers.tolist()):
                del self._known[gone]

    def put(self, time_ns: int, frame: bytes, texts: Mapping[str, bytes], *, sequence: int, n_tracks: int) -> None:
        """Add a moment, not older than the last; one of the same time takes its place."""
        part = self._part()
        for kind, text in texts.items():
            if self._texts.get(kind) != text or kind not in self._places:
                self._texts[kind] = text
                self._places[kind] = part.append(text)
        moment = Moment(time_ns, part, part.append(frame), dict(self._places), len(part.names), sequence, n_tracks)
        with self._lock:
            if self._times and self._times[-1] == time_ns:
                del self._times[-1], self._moments[-1]
            self._moments.append(moment)
            self._times.append(time_ns)
            self._newest = moment, frame

    def cut(self, time_ns: int) -> None:
        """Forget what came after a time, as if it had not been; what is put next may be as old as that."""
        with self._lock:
            n = bisect_right(self._times, time_ns)
            self._moments, self._times = self._moments[:n], self._times[:n]
            self._newest = None
        self.events = [event for event in self.events if float(str(event["time_ms"])) * 1e6 <= time_ns]

    def put_event(self, event: dict[str, object]) -> None:
        """Add what the timeline shows."""
        self.events.append(event)
        if len(self.events) > EVENTS_MAX:
            self.n_events_dropped += EVENTS_MAX // 5
            self.events = self.events[EVENTS_MAX // 5 :]

    def at(self, time_ns: int) -> Moment | None:
        """Return the newest moment that is not later; the first if all are; None if there is none."""
        with self._lock:
            if not self._moments:
                return None
            return self._moments[max(bisect_right(self._times, time_ns) - 1, 0)]

    def step(self, time_ns: int, pictures: int) -> int:
        """Return the time of the moment so many pictures after the one at a time, or of the last there is."""
        with self._lock:
            if not self._times:
                return time_ns
            here = max(bisect_right(self._times, time_ns) - 1, 0)
            return self._times[min(max(here + pictures, 0), len(self._times) - 1)]

    def frame_of(self, moment: Moment) -> bytes:
        """Return the frame of a moment; that of the newest is in memory."""
        newest = self._newest
        return newest[1] if newest is not None and newest[0] is moment else moment.read()

    def until(self, time_ns: int, last: int) -> list[Moment]:
        """Return the last so many moments that are not later than a time."""
        with self._lock:
            end = bisect_right(self._times, time_ns)
            return self._moments[max(end - last, 0) : end]

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """The times of the first and the last moment."""
        with self._lock:
            return (self._times[0], self._times[-1]) if self._times else None

    def __iter__(self) -> Iterator[Moment]:
        with self._lock:
            return iter(list(self._moments))

    def _part(self) -> Part:
        """Return the part that is written, a new one where the last is full."""
        if self._parts and self._parts[-1].size < self._part_bytes and len(self._parts[-1].names) < NAMES_MAX:
            return self._parts[-1]
        part = Part(list(self._known.values()), _file(self._folder))
        self._places = {kind: part.append(text) for kind, text in self._texts.items()}
        with self._lock:
            self._parts.append(part)
            while len(self._parts) > 2 and sum(one.size for one in self._parts) > self._bytes_max:
                gone = self._parts.pop(0)
                n = sum(1 for one in self._moments if one.part is gone)
                self._moments, self._times = self._moments[n:], self._times[n:]
                # Its file closes when nobody looks at it any more.
        return part


class Film:
    """The reels of all views.

    Args:
        bytes_max: how much of each view is kept.
        folder: where it is kept; the system's own for such files if None.
        grown: called after something was added, by whichever thread added it.
    """

    def __init__(
        self,
        bytes_max: int = FILM_BYTES_MAX,
        *,
        folder: Path | None = None,
        grown: Callable[[], None] = lambda: None,
    ) -> None:
        self.reels: dict[str, Reel] = {}
        self.grown = grown
        self._bytes_max, self._folder = bytes_max, folder

    def reel(self, view: str) -> Reel:
        """Return the reel of a view, a new one if there is none."""
        if view not in self.reels:
            self.reels[view] = Reel(self._bytes_max, self._folder)
        return self.reels[view]

    @property
    def span_ns(self) -> tuple[int, int] | None:
        """From when until when there is something."""
        spans = [span for reel in list(self.reels.values()) if (span := reel.span_ns)]
        return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None
