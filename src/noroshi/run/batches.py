"""A recording cut into the batches that a live node would have received, in order of time."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, Status, concatenate, take
from noroshi.records.identity import ABSENT
from noroshi.records.quality import NOTHING, Quality
from noroshi.sensors import Sensor

REPORTS_PER_LOOK = 3.0  # a transponder that is silent for three of its intervals has missed a look
REPORT_PERIOD_S_MIN = 10.0
STRAY_NS = 7 * 86_400 * NS_PER_S
STRAY_SHARE_MAX = 0.3
FRAME_PLOTS = 2
PASSES_MIN = 4
INTERVAL_OFF, REGULAR_SHARE_MIN = 0.2, 0.65
"""At random two in five are as near as that; a turning radar of three aircraft that misses one plot in ten has 0.7."""
AGAIN_NS = NS_PER_S // 20  # no array is taken to look at a target again sooner: a second gives twenty batches at most
AGAIN_SIGMAS, SPEED_SIGMAS = 4.0, 3.0
NEIGHBOURS, PAIRS_FEW = 4, 20_000
REMEMBERED_NS = 30 * NS_PER_S  # the window in which late data is used: a repeat of what is older comes too late anyway
REMEMBERED_ROWS, REMEMBERED_SENSORS = 1_000_000, 256  # of all sensors together some 100 MB
MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: Knuth, TAOCP vol. 3, section 6.4


def in_time(
    detections: Sequence[Detections], sensors: Mapping[str, Sensor], *, batch_s: float
) -> Iterator[tuple[int, Detections]]:
    """Yield (now_ns, batch): batches of one sensor and at most `batch_s`, each target at most once in a batch.

    `now_ns` is the time of the batch's newest plot. How a sensor's plots come cut into batches makes no difference.
    Whose plots are is known of those who say it. Of others a batch is half a scan at most, and of a radar no more than
    `looks_of` leaves together.
    """
    queue: list[tuple[int, str, int, int, NDArray[np.int64]]] = []
    alike: dict[tuple[str, tuple[str, ...]], list[Detections]] = {}
    for batch in detections:
        if len(batch):
            alike.setdefault((batch.sensor, batch.components), []).append(batch)
    wholes = [concatenate(batches) for batches in alike.values()]
    for i, whole in enumerate(wholes):
        sensor = sensors.get(whole.sensor)
        width_ns = round(batch_s * NS_PER_S)
        window_ns = width_ns
        if sensor is not None and not _has_identity(whole).any():
            window_ns = max(min(width_ns, round(sensor.parameters["scan_period_s"] * NS_PER_S / 2)), 1)
        window = whole.time_ns // window_ns
        turn = _repeats(whole, window)
        order = np.lexsort((np.arange(len(whole)), whole.time_ns, turn, window))
        edges = np.flatnonzero((np.diff(window[order]) != 0) | (np.diff(turn[order]) != 0)) + 1
        again = None if sensor is None else _Again.of(whole, sensor)
        pieces = np.split(order, edges)
        for rows in pieces if again is None else itertools.chain.from_iterable(map(again.cut, pieces)):
            newest_ns = int(whole.time_ns[rows].max())
            queue.append((newest_ns, whole.sensor, int(turn[rows[0]]), i, rows))
    for now_ns, _, _, i, rows in sorted(queue, key=lambda item: item[:4]):
        yield now_ns, take(wholes[i], rows).replace(received_ns=now_ns)


def one_each(batch: Detections) -> list[Detections]:
    """Return a batch cut so that each target that says who it is comes at most once in each part; none of nothing."""
    if not len(batch):
        return []
    turn = _repeats(batch, np.zeros(len(batch), np.int64)) if _has_identity(batch).any() else None
    if turn is None or not turn.any():
        return [batch]
    return [take(batch, np.flatnonzero(turn == each)) for each in range(int(turn.max()) + 1)]


def looks_of(batch: Detections, sensor: Sensor) -> list[Detections]:
    """Return a batch in parts, each of which has a target that a radar looked at again at most once; none of nothing.

    A phased array comes back to a target when it likes, not after a rotation. So a batch ends before a plot that may be
    of a target of which it has one already: as near to it as noise and three times the usual speed bring it, and
    nearer by half than a turning antenna could have come by then. No part is shorter than 50 ms, and plots of one time
    stay together: a turning radar's batch stays whole, but for what lies near its zenith or is stamped wrong by much.
    """
    if not len(batch):
        return []
    again = _Again.of(batch, sensor)
    if again is None:
        return [batch]
    parts = again.cut(np.arange(len(batch)))
    return [batch] if len(parts) == 1 else [take(batch, rows) for rows in parts]


def drop_stray_times(detections: Sequence[Detections]) -> tuple[list[Detections], Counter[str]]:
    """Return the detections without rows whose time is far from all others, and how many each sensor lost.

    One plot stamped a century off would otherwise make a century of silence out of an hour.
    """
    filled = [batch for batch in detections if len(batch)]
    stray: Counter[str] = Counter()
    if not filled:
        return [], stray
    every_ns = np.concatenate([batch.time_ns for batch in filled])
    middle_ns = int(np.median(every_ns))
    if np.mean(np.abs(every_ns / NS_PER_S - middle_ns / NS_PER_S) > STRAY_NS / NS_PER_S) > STRAY_SHARE_MAX:
        return filled, stray  # no strays but recordings of several days
    timely = []
    for batch in filled:
        # Python integers: the difference of two absurd times need not fit 64 bits.
        low_ns, high_ns = max(middle_ns - STRAY_NS, 1), min(middle_ns + STRAY_NS, 2**62)
        inside = (batch.time_ns >= low_ns) & (batch.time_ns <= high_ns)
        if not inside.all():
            stray[batch.sensor] += int((~inside).sum())
        timely.append(batch if inside.all() else take(batch, inside))
    return [batch for batch in timely if len(batch)], stray


def drop_repeats(detections: Sequence[Detections]) -> tuple[list[Detections], Counter[str]]:
    """Return the detections without rows that repeat an earlier one of their sensor, and how many each sensor lost.

    Both lines of a redundant network were recorded, or one recording was given twice: a second copy is no second
    measurement. A repeat equals the first in everything, to the last bit: time, values, noise, place and identity. A
    look that saw nothing (`NOTHING`) is no measurement and stays.
    """
    fresh, repeated = split_repeats(detections)
    repeats: Counter[str] = Counter()
    for batch in repeated:
        repeats[batch.sensor] += len(batch)
    return fresh, repeats


def split_repeats(detections: Sequence[Detections]) -> tuple[list[Detections], list[Detections]]:
    """Return the detections without rows that repeat an earlier one, and those rows as `DUPLICATE`; see above."""
    alike: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for i, batch in enumerate(detections):
        if len(batch):
            alike.setdefault((batch.sensor, batch.components), []).append(i)
    left, repeated = list(detections), []
    for places in alike.values():
        own = [detections[i] for i in places]
        is_new = _is_new(concatenate(own) if len(own) > 1 else own[0])
        if is_new.all():
            continue
        for i, mine in zip(places, np.split(is_new, np.cumsum([len(batch) for batch in own])[:-1]), strict=True):
            left[i] = take(detections[i], mine)
            repeated.append(_as_duplicates(take(detections[i], ~mine)))
    return [batch for batch in left if len(batch)], [batch for batch in repeated if len(batch)]


class Repeats:
    """What `drop_repeats` finds in a recording, found in what comes batch by batch, over about the last half minute.

    Repeats are marked `DUPLICATE` and not left out: a node does not use them and counts them, and so does a replay of
    its journal. Names can be forged, so what is remembered is bounded: beyond `rows_max` the sensor with most rows
    forgets its oldest sooner, and beyond `sensors_max` the rows of a further one are not looked at until one of the
    others has been silent for half a minute.

    Attributes:
        n_unsearched: how many rows were not looked at.
    """

    def __init__(self, *, sensors_max: int = REMEMBERED_SENSORS, rows_max: int = REMEMBERED_ROWS) -> None:
        self.n_unsearched = 0
        self._sensors_max, self._rows_max = sensors_max, rows_max
        self._last: dict[tuple[str, tuple[str, ...]], _Remembered] = {}

    def marked(self, batch: Detections, now_ns: int) -> Detections:
        """Return a batch that has come now with those of its rows marked that repeat one of it or of those before."""
        asked = np.flatnonzero((batch.quality != NOTHING) & (batch.quality != Quality.DUPLICATE))
        if not len(asked):
            return batch
        seen = self._remembered((batch.sensor, batch.components), now_ns)
        if seen is None:
            self.n_unsearched += len(asked)
            return batch
        some = batch if len(asked) == len(batch) else take(batch, asked)
        is_repeat = np.zeros(len(batch), np.bool_)
        is_repeat[asked] = [seen.has(row) for row in _digests(some)]
        seen.age(int(np.sort(some.time_ns)[len(some) // 2]))  # a stray stamp of one row is not the time
        while sum(map(len, self._last.values())) > self._rows_max:
            max(self._last.values(), key=len).forget()
        if not is_repeat.any():
            return batch
        return batch.replace(quality=np.where(is_repeat, np.uint8(Quality.DUPLICATE), batch.quality))

    def _remembered(self, who: tuple[str, tuple[str, ...]], now_ns: int) -> "_Remembered | None":
        """Return what is remembered of a sensor that gives something now; None if there is no room for it."""
        if who not in self._last and len(self._last) >= self._sensors_max:
            self._last = {one: rows for one, rows in self._last.items() if now_ns - rows.heard_ns <= REMEMBERED_NS}
            if len(self._last) >= self._sensors_max:
                return None
        seen = self._last.setdefault(who, _Remembered())
        seen.heard_ns = now_ns
        return seen


@dataclass(frozen=True, slots=True, eq=False)
class _Again:
    """What of n plots of a radar tells which may be of one target that was looked at again; see `looks_of`.

    Attributes:
        time_ns: (n,).
        asked: (n,) which of them have a place and do not say whose they are.
        place_m: (n, 3) along east, north and up at the radar; as if level where there is no elevation.
        sigma_m: (n,) how exact along the worst axis.
        north_rad: (n,) where the antenna would point north of, if it turned: alike of all plots of one that does.
        period_s: of a turn.
        speed_m_s: how fast a target may be.
    """

    time_ns: NDArray[np.int64]
    asked: NDArray[np.bool_]
    place_m: NDArray[np.float64]
    sigma_m: NDArray[np.float64]
    north_rad: NDArray[np.float64]
    period_s: float
    speed_m_s: float

    @classmethod
    def of(cls, batch: Detections, sensor: Sensor) -> "_Again | None":
        """Return it of plots that have a range and an azimuth, else None: what looks otherwise is no array."""
        usual = sensor.parameters
        if not set(batch.components) >= {"range_m", "azimuth_rad"} or "speed_sigma_m_s" not in usual:
            return None
        variances = np.diagonal(batch.covariances, axis1=1, axis2=2)

        def measured(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            """Return (n,) values, NaN where they are none, and their standard deviations."""
            if name not in batch.components or name not in sensor.COMPONENTS:
                return np.full(len(batch), np.nan), np.full(len(batch), np.nan)
            at = batch.components.index(name)
            low, high = sensor.BOUNDS[name]
            value, stated = batch.values[:, at], variances[:, at]
            own = usual.get(name.replace("_m", "_sigma_m").replace("_rad", "_sigma_rad"), math.nan)
            is_sound = (stated > 0.0) & np.isfinite(stated)
            variance = np.where(is_sound, stated, own**2)
            return np.where((value >= low) & (value <= high), value, np.nan), np.sqrt(variance)

        (range_m, range_sigma_m), (azimuth, azimuth_sigma), (elevation, elevation_sigma) = map(
            measured, ("range_m", "azimuth_rad", "elevation_rad")
        )
        across = np.where(np.isnan(elevation), azimuth_sigma, np.fmax(azimuth_sigma, elevation_sigma))
        sigma_m = np.maximum(range_sigma_m, range_m * across)
        elevation = np.nan_to_num(elevation)
        ground_m = range_m * np.cos(elevation)
        along = ground_m * np.sin(azimuth), ground_m * np.cos(azimuth), range_m * np.sin(elevation)
        period_ns = max(round(usual["scan_period_s"] * NS_PER_S), 1)
        return cls(
            time_ns=batch.time_ns,
            asked=np.isfinite(ground_m + azimuth + sigma_m) & (batch.quality != NOTHING) & ~_has_identity(batch),
            place_m=np.stack(along, axis=1),
            sigma_m=sigma_m,
            north_rad=azimuth - 2.0 * math.pi * (batch.time_ns % period_ns) / period_ns,
            period_s=period_ns / NS_PER_S,
            speed_m_s=SPEED_SIGMAS * usual["speed_sigma_m_s"],
        )

    def cut(self, rows: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return some of the plots in parts."""
        asked = rows[self.asked[rows]]
        if not len(asked) or np.ptp(self.time_ns[asked]) < AGAIN_NS:
            return [rows]
        asked = asked[np.argsort(self.time_ns[asked], kind="stable")]
        off_rad = np.remainder(self.north_rad[asked] - self.north_rad[asked[0]] + math.pi, 2.0 * math.pi)
        least_rad = math.pi * AGAIN_NS / NS_PER_S / self.period_s
        if np.ptp(off_rad) <= least_rad:
            return [rows]  # it turns: what is to come now lies further round than what it has seen
        slot = self.time_ns[asked] // AGAIN_NS
        edges = [*(np.flatnonzero(np.diff(slot)) + 1).tolist(), len(asked)]
        first, cuts = 0, []
        for low, high in itertools.pairwise(edges):
            before, now = off_rad[first:low], off_rad[low:high]
            odd = (now > before.min() + least_rad) | (now < before.max() - least_rad)
            odd_before = (before > now.min() + least_rad) | (before < now.max() - least_rad)
            if odd.any() and self._come_again(asked[first:low][odd_before], asked[low:high][odd]):
                cuts.append(slot[low])
                first = low
        part = np.searchsorted(np.array(cuts, np.int64), self.time_ns[rows] // AGAIN_NS, side="right")
        return [rows[part == each] for each in np.unique(part)]

    def _come_again(self, earlier: NDArray[np.int64], later: NDArray[np.int64]) -> bool:
        """Return whether one of the later plots may be of the target of an earlier one."""
        this, that = self._near(earlier, later)
        after_s = (self.time_ns[this] - self.time_ns[that]) / NS_PER_S
        reach_m = AGAIN_SIGMAS * np.hypot(self.sigma_m[this], self.sigma_m[that]) + self.speed_m_s * after_s
        ground_m = np.hypot(self.place_m[this, 0], self.place_m[this, 1])
        turned_m = ground_m * np.abs(np.sin(math.pi * after_s / self.period_s))  # half the way round, as the crow flies
        apart_m = np.linalg.norm(self.place_m[this] - self.place_m[that], axis=1)
        return bool(((apart_m <= reach_m) & (reach_m <= turned_m)).any())

    def _near(
        self, earlier: NDArray[np.int64], later: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return pairs of a later and an earlier plot: all, or of many those that are near each other."""
        if len(earlier) * len(later) <= PAIRS_FEW:
            return np.repeat(later, len(earlier)), np.tile(earlier, len(later))
        from scipy.spatial import cKDTree  # here, since it takes a third of a second that few programs need

        longest_s = float(self.time_ns[later[-1]] - self.time_ns[earlier[0]]) / NS_PER_S
        widest_m = max(self.sigma_m[earlier].max(), self.sigma_m[later].max())
        farthest_m = AGAIN_SIGMAS * math.sqrt(2.0) * widest_m + self.speed_m_s * longest_s
        tree = cKDTree(self.place_m[earlier])
        apart_m, at = tree.query(self.place_m[later], k=[*range(1, NEIGHBOURS + 1)], distance_upper_bound=farthest_m)
        of, nearest = np.nonzero(np.isfinite(apart_m))
        return later[of], earlier[at[of, nearest]]


class _Remembered:
    """The newest rows of one sensor, in two generations of which the older one is forgotten."""

    def __init__(self) -> None:
        self.heard_ns = 0
        self._young: set[bytes] = set()
        self._old: set[bytes] = set()
        self._since_ns: int | None = None

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def has(self, row: bytes) -> bool:
        """Return whether a row was there before, and remember it."""
        is_there = row in self._young or row in self._old
        self._young.add(row)
        return is_there

    def age(self, newest_ns: int) -> None:
        """Forget the older generation once the younger one is as old as it may become."""
        if self._since_ns is None:
            self._since_ns = newest_ns
        # A stamp far off, ahead or behind, ends a generation too, or it would never end.
        if abs(newest_ns - self._since_ns) > REMEMBERED_NS:
            self._since_ns = newest_ns
            self.forget()

    def forget(self) -> None:
        """Forget the older generation."""
        self._old, self._young = self._young, set()


def scan_period_s(detections: Sequence[Detections], statuses: Sequence[Status], sensor_type: str) -> float | None:
    """Return how long one sensor takes between two looks at a target, as its own recording shows; None if it does not.

    North markers say it of a radar; else its own azimuths do. Position reports show it by their senders, and where
    nobody says who he is the times of all do, if they come in frames.
    """
    source = detections[0].sensor
    north = [s.time_ns[(s.source == source) & (s.subject == "north marker")] for s in statuses]
    if north and (marks := np.unique(np.concatenate(north))).size > 2:
        return _interval_s(marks)
    if sensor_type == "position_report" and any(map(says_who, detections)):
        between = np.concatenate([_between_reports(d) for d in detections])
        if not between.size:
            return None
        return max(REPORT_PERIOD_S_MIN, REPORTS_PER_LOOK * float(np.median(between)) / NS_PER_S)
    if "azimuth_rad" in detections[0].components:
        return _rotation_s(detections)
    times = np.unique(np.concatenate([d.time_ns for d in detections]))
    return float(np.median(np.diff(times))) / NS_PER_S if times.size > 2 else None


def says_who(batch: Detections) -> bool:
    """Return whether any of the targets says who it is."""
    return bool(_has_identity(batch).any())


def comes_back_at_will(detections: Sequence[Detections]) -> bool:
    """Return whether a radar's azimuths pass north at no regular times, as those of a phased array do."""
    passes = _north_passes(detections)
    return passes.size > PASSES_MIN and not _are_regular(passes)


def come_in_frames(detections: Sequence[Detections]) -> bool:
    """Return whether plots come all at one time, look by look: at least two at most of the times."""
    _, number = np.unique(np.concatenate([d.time_ns for d in detections]), return_counts=True)
    return bool(np.median(number) >= FRAME_PLOTS)


def field_m(detections: Sequence[Detections]) -> float:
    """Return how wide the field is in which plots of a local frame lie: the wider of their spans along x and y."""
    spans = [
        np.ptp(np.concatenate([d.values[:, d.components.index(name)] for d in detections])) for name in ("x_m", "y_m")
    ]
    return float(max(*spans, 1.0))


def _rotation_s(detections: Sequence[Detections]) -> float | None:
    """Return the time of a rotation from the times at which the plots' azimuth passes north; None if it shows none."""
    passes = _north_passes(detections)
    return _interval_s(passes) if passes.size > PASSES_MIN and _are_regular(passes) else None


def _north_passes(detections: Sequence[Detections]) -> NDArray[np.int64]:
    """Return the times of the first plots after the azimuth has passed north, in order."""
    time_ns = np.concatenate([d.time_ns for d in detections])
    azimuth = np.concatenate([d.values[:, d.components.index("azimuth_rad")] for d in detections])
    order = np.argsort(time_ns, kind="stable")
    return np.unique(time_ns[order][1:][np.diff(azimuth[order]) < -np.pi])


def _are_regular(times_ns: NDArray[np.int64]) -> bool:
    """Return whether most times come whole intervals after the one before, give or take a fifth of one."""
    between = np.diff(times_ns) / np.median(np.diff(times_ns))
    return bool(np.mean(np.abs(between - np.maximum(np.rint(between), 1.0)) < INTERVAL_OFF) >= REGULAR_SHARE_MIN)


def _interval_s(times_ns: NDArray[np.int64]) -> float:
    """Return the interval of a regular event that is seen with jitter and sometimes missed [s]."""
    since_s = (times_ns - times_ns[0]) / NS_PER_S
    turns = np.round(since_s / np.median(np.diff(since_s)))
    return float(np.polyfit(turns, since_s, 1)[0])


def _between_reports(detections: Detections) -> NDArray[np.int64]:
    """Return the times between consecutive reports of the same sender."""
    who = np.where(
        detections.identity.icao_address != ABSENT, detections.identity.icao_address, detections.identity.mmsi
    )
    order = np.lexsort((detections.time_ns, who))
    step = np.diff(detections.time_ns[order])
    return np.asarray(step[(np.diff(who[order]) == 0) & (who[order][1:] != ABSENT) & (step > 0)], np.int64)


def _has_identity(detections: Detections) -> NDArray[np.bool_]:
    return np.asarray((detections.identity.icao_address != ABSENT) | (detections.identity.mmsi != ABSENT))


def _repeats(detections: Detections, window: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each row how many earlier reports of the same sender its window holds."""
    known = _has_identity(detections)
    identity = detections.identity
    who = np.where(identity.icao_address != ABSENT, identity.icao_address, identity.mmsi + 2**32)
    who = np.where(known, who, -1 - np.arange(len(who)))
    order = np.lexsort((np.arange(len(who)), detections.time_ns, who, window))
    new = np.ones(len(who), bool)
    new[1:] = (np.diff(who[order]) != 0) | (np.diff(window[order]) != 0)
    start = np.maximum.accumulate(np.where(new, np.arange(len(who)), 0))
    turn = np.empty(len(who), np.int64)
    turn[order] = np.arange(len(who)) - start
    return turn


def _is_new(batch: Detections) -> NDArray[np.bool_]:
    """Return which rows are no repeat of an earlier one."""
    key = _key([batch.time_ns, batch.values])
    order = np.argsort(key)
    same = key[order[1:]] == key[order[:-1]]
    rows = np.sort(order[np.append(same, False) | np.append(False, same)])
    rows = rows[batch.quality[rows] != NOTHING]
    some = take(batch, rows)
    columns = _columns(some)
    key = _key(columns)
    order = np.argsort(key, kind="stable")
    at = np.flatnonzero(key[order[1:]] == key[order[:-1]])
    first, again = order[at], order[at + 1]
    for column in columns:  # equal keys may be chance
        bits = _bits(column)
        equal = (bits[first] == bits[again]).all(axis=1)
        first, again = first[equal], again[equal]
    new = np.ones(len(batch), np.bool_)
    new[rows[again]] = False
    return new


def _as_duplicates(batch: Detections) -> Detections:
    return batch.replace(quality=np.full(len(batch), Quality.DUPLICATE, np.uint8))


def _columns(batch: Detections) -> list[NDArray[Any]]:
    """Return all in which a repeat equals the first."""
    return [getattr(part, name) for part in (batch, batch.identity) for name in part.COLUMNS]


def _digests(batch: Detections) -> list[bytes]:
    """Return of each row 16 bytes that are equal for equal rows, and for others as good as never."""
    columns = _columns(batch)
    numbers = [_bits(column).view(np.uint8) for column in columns if column.dtype.kind != "U"]
    texts = zip(*(column.tolist() for column in columns if column.dtype.kind == "U"), strict=True)  # of any width
    rows = np.ascontiguousarray(np.hstack(numbers))
    return [
        blake2b(row.tobytes() + "\0".join(text).encode(), digest_size=16).digest()
        for row, text in zip(rows, texts, strict=True)
    ]


def _key(columns: Sequence[NDArray[Any]]) -> NDArray[np.uint64]:
    """Return (n,) numbers that are equal for equal rows, and hardly ever for others: sorting one is fast."""
    key = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        words = _bits(column).astype(np.uint64)
        words += np.arange(1, words.shape[1] + 1, dtype=np.uint64) * MIX  # whose place counts
        words ^= words >> np.uint64(32)
        words *= MIX
        words ^= words >> np.uint64(29)
        key *= MIX
        key += words.sum(axis=1)
    return key


def _bits(column: NDArray[Any]) -> NDArray[Any]:
    """Return (n, w) whole numbers with the bits of a column's rows; all NaN are one."""
    flat = np.ascontiguousarray(column).reshape(len(column), math.prod(column.shape[1:]))
    if flat.dtype == np.float64:
        flat = np.where(np.isnan(flat), np.nan, flat)
    return flat.view(f"u{math.gcd(flat.dtype.itemsize, 8)}")
