"""Truth out of what targets say themselves: cleaned position reports (ADS-B, AIS) as a reference for radar tracks.

A report is used unless something speaks against it, and what was removed is counted by reason. The heights are as
reported (ADS-B: pressure altitude), as are the tracks that are to be compared; ships are at height 0.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, Identity, Kind, Quality, Truth, concatenate, take

LEG_GAP_S = 600.0
LEG_ROWS_MIN = 5
SPEED_MAX_M_S = 700.0  # of a target that tells no speed
SPEED_FACTOR, SPEED_MARGIN_M_S = 1.5, 50.0  # how much faster than it says a target may have flown between two reports
PLACE_SLACK_M = 1500.0  # 5 s of a state vector's age at 300 m/s
CLIMB_MAX_M_S = 75.0
HEIGHT_SLACK_M = 300.0
LONG_STRETCH_S = 60.0  # what leaves the track for longer is no outlier any more
STRETCH_GAP_S = 60.0  # over a longer silence a chain may leave out what came after it
STRETCHES_BACK = 300
HELD_SPEED_M_S = 2.5
WINDOW_S = 30.0
DRIFT_M, DRIFT_SHARE = 500.0, 0.3  # by how much a window's displacement may differ from what the velocities add up to
HEIGHT_AGE_S = 600.0

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


def truth_from_reports(detections: Sequence[Detections]) -> tuple[Truth, Counter[str]]:
    """Return the cleaned truth, in order of target and time, and how many rows were removed for each reason.

    A target is an ICAO address or an MMSI. Where it is silent for ten minutes a new leg begins, a target of its own:
    "4ca216", "4ca216/2".

    Args:
        detections: batches with the components of position reports; other batches are left out, and counted.
    """
    removed: Counter[str] = Counter()
    parts: list[Truth] = []
    reports = [batch for batch in detections if {"lat_rad", "lon_rad"} <= set(batch.components)]
    removed["not a position report"] = sum(len(batch) for batch in detections) - sum(len(batch) for batch in reports)
    if reports:
        rows = concatenate([_plain(batch) for batch in reports])
        for name, mine in _targets(rows, removed):
            parts.extend(_legs(name, take(rows, mine), removed))
    return (concatenate(parts) if parts else _nothing()), +removed


COLUMNS = ("lat_rad", "lon_rad", "altitude_m", "velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s")
ALTITUDE, EAST, NORTH = 2, 3, 4


def _plain(batch: Detections) -> Detections:
    """Return the batch with all columns, in one order."""
    values = np.full((len(batch), len(COLUMNS)), np.nan)
    for i, name in enumerate(COLUMNS):
        if name in batch.components:
            values[:, i] = batch.values[:, batch.components.index(name)]
    unknown = np.zeros((len(batch), len(COLUMNS), len(COLUMNS)))
    return batch.replace(components=COLUMNS, values=values, covariances=unknown)


def _targets(rows: Detections, removed: Counter[str]) -> Iterator[tuple[str, Integers]]:
    """Yield each target's name and its usable rows in order of time."""
    address, mmsi = rows.identity.icao_address, rows.identity.mmsi
    faults = {
        "no address": (address < 0) & (mmsi < 0),
        "held over": rows.quality == Quality.DUPLICATE,
        "refused by its quality": rows.quality != Quality.GOOD,
        "no position": ~np.isfinite(rows.values[:, :2]).all(axis=1),
    }
    good = np.ones(len(rows), np.bool_)
    for reason, faulty in faults.items():
        removed[reason] += int((good & faulty).sum())
        good &= ~faulty
    for key, is_ship in ((address, False), (np.where(address < 0, mmsi, -1), True)):
        mine = np.flatnonzero(good & (key >= 0))
        mine = mine[np.argsort(key[mine], kind="stable")]
        for group in np.split(mine, np.flatnonzero(np.diff(key[mine])) + 1) if len(mine) else []:
            order = _in_time(rows, group, removed)
            yield str(key[order[0]]) if is_ship else f"{key[order[0]]:06x}", order


def _in_time(rows: Detections, group: Integers, removed: Counter[str]) -> Integers:
    """Return a target's rows in order of time, without those that say nothing new."""
    group = group[np.argsort(rows.time_ns[group], kind="stable")]
    same_time = np.diff(rows.time_ns[group], prepend=-1) == 0
    removed["same time twice"] += int(same_time.sum())
    group = group[~same_time]
    values = rows.values[group]
    moves = np.hypot(values[:, EAST], values[:, NORTH]) > HELD_SPEED_M_S
    held = np.zeros(len(group), np.bool_)
    held[1:] = (values[1:, :2] == values[:-1, :2]).all(axis=1) & moves[1:]
    removed["held over"] += int(held.sum())
    return group[~held]


def _legs(name: str, rows: Detections, removed: Counter[str]) -> Iterator[Truth]:
    """Yield the legs of one target whose rows are in order of time."""
    time_s = (rows.time_ns - rows.time_ns[0]) / NS_PER_S
    place = ecef_from_geodetic(rows.values[:, 0], rows.values[:, 1], 0.0)
    speed_m_s = np.hypot(rows.values[:, EAST], rows.values[:, NORTH])
    told = np.isfinite(speed_m_s)
    limit_m_s = np.full(len(rows), SPEED_MAX_M_S)
    if told.any():
        limit_m_s = SPEED_FACTOR * np.interp(time_s, time_s[told], speed_m_s[told]) + SPEED_MARGIN_M_S
    kept = _main_chain(time_s, place, limit_m_s, PLACE_SLACK_M)
    short = _is_short(time_s, kept)
    removed["outlier of position"] += int((~kept & short).sum())
    removed["long stretch off the track (spoofed?)"] += int((~kept & ~short).sum())
    rows, time_s, place = take(rows, kept), time_s[kept], place[kept]
    drifting = _contradicts_its_velocity(time_s, place, rows.values)
    removed["contradicts its own velocity"] += int(drifting.sum())
    rows, time_s = take(rows, ~drifting), time_s[~drifting]
    ship = bool(len(rows)) and rows.identity.icao_address[0] < 0
    height_m = np.zeros(len(rows)) if ship else _heights(time_s, rows.values[:, ALTITUDE], removed)
    ends = np.flatnonzero(np.diff(time_s) > LEG_GAP_S) + 1
    number = 0
    for leg in np.split(np.arange(len(rows)), ends):
        leg = leg[np.isfinite(height_m[leg])]  # what has no height is counted by `_heights`
        if len(leg) < LEG_ROWS_MIN:
            removed["leg too short"] += len(leg)
            continue
        number += 1
        target = name if number == 1 else f"{name}/{number}"
        yield _truth(target, take(rows, leg), height_m[leg], Kind.SHIP if ship else Kind.AIRCRAFT)


def _main_chain(time_s: Floats, points: Floats, limit_per_s: Floats, slack: float) -> Flags:
    """Return which of (n,) rows belong together: the chain of stretches with the most rows that one body can make.

    Within a stretch each row can be reached from the one before, and soon; a chain goes from stretch to stretch as far
    as the end of one and the beginning of the other allow it.

    Args:
        time_s: (n,) in order.
        points: (n, k) what moves.
        limit_per_s: (n,) how fast it may at each row; the greater of two rows counts between them.
        slack: by how much any two rows may be off besides.
    """
    reachable = _reachable(time_s, points, limit_per_s, slack, np.arange(len(time_s) - 1), np.arange(1, len(time_s)))
    reachable &= np.diff(time_s) <= STRETCH_GAP_S
    first = np.concatenate(([0], np.flatnonzero(~reachable) + 1))
    last = np.concatenate((first[1:] - 1, [len(time_s) - 1]))
    total = (last - first + 1).astype(np.int64)
    before = np.full(len(first), -1)
    for stretch in range(1, len(first)):
        earlier = np.arange(max(0, stretch - STRETCHES_BACK), stretch)
        joins = earlier[_reachable(time_s, points, limit_per_s, slack, last[earlier], first[stretch])]
        if len(joins):
            before[stretch] = joins[np.argmax(total[joins])]
            total[stretch] += total[before[stretch]]
    kept = np.zeros(len(time_s), np.bool_)
    stretch = int(np.argmax(total))
    while stretch >= 0:
        kept[first[stretch] : last[stretch] + 1] = True
        stretch = int(before[stretch])
    return kept


def _reachable(
    time_s: Floats, points: Floats, limit_per_s: Floats, slack: float, start: Integers, end: Integers | np.int64
) -> Flags:
    apart = np.linalg.norm(points[end] - points[start], axis=-1)
    limit = np.maximum(limit_per_s[start], limit_per_s[end])
    return np.asarray(apart <= limit * (time_s[end] - time_s[start]) + slack)


def _is_short(time_s: Floats, kept: Flags) -> Flags:
    """Return which rows stand in a run of equal `kept` that does not last."""
    first = np.concatenate(([0], np.flatnonzero(np.diff(kept)) + 1))
    last = np.concatenate((first[1:] - 1, [len(kept) - 1]))
    return np.repeat(time_s[last] - time_s[first] < LONG_STRETCH_S, last - first + 1)


def _contradicts_its_velocity(time_s: Floats, place: Floats, values: Floats) -> Flags:
    """Return which rows lie where, for long, the places do not move as the reported velocities say."""
    n = len(time_s)
    contradicts = np.zeros(n, np.bool_)
    velocity = np.vecmat(values[:, EAST : NORTH + 1], enu_axes(values[:, 0], values[:, 1])[:, :2])
    step = 0.5 * (velocity[1:] + velocity[:-1]) * np.diff(time_s)[:, None]
    path = np.concatenate((np.zeros((min(n, 1), 3)), np.cumsum(np.nan_to_num(step), axis=0)))
    unknown = np.concatenate((np.zeros(min(n, 1)), np.cumsum(np.isnan(step[:, 0]) | (np.diff(time_s) > WINDOW_S))))
    end = np.searchsorted(time_s, time_s + WINDOW_S)
    rows = np.flatnonzero(end < n)
    rows = rows[unknown[end[rows]] == unknown[rows]]
    told = path[end[rows]] - path[rows]
    drift = np.linalg.norm(place[end[rows]] - place[rows] - told, axis=1)
    bad = rows[drift > DRIFT_M + DRIFT_SHARE * np.linalg.norm(told, axis=1)]
    for run in np.split(bad, np.flatnonzero(np.diff(bad) > 1) + 1) if len(bad) else []:
        if time_s[run[-1]] - time_s[run[0]] >= LONG_STRETCH_S:
            contradicts[run[0] : end[run[-1]] + 1] = True
    return contradicts


def _heights(time_s: Floats, altitude_m: Floats, removed: Counter[str]) -> Floats:
    """Return (n,) heights: the reported ones without spikes, and between and near them interpolated; NaN elsewhere."""
    told = np.flatnonzero(np.isfinite(altitude_m))
    height_m = np.full(len(time_s), np.nan)
    if len(told):
        limit = np.full(len(told), CLIMB_MAX_M_S)
        told = told[_main_chain(time_s[told], altitude_m[told, None], limit, HEIGHT_SLACK_M)]
        near = np.searchsorted(time_s[told], time_s)
        before, after = told[np.maximum(near - 1, 0)], told[np.minimum(near, len(told) - 1)]
        age_s = np.minimum(np.abs(time_s - time_s[before]), np.abs(time_s[after] - time_s))
        height_m = np.where(age_s <= HEIGHT_AGE_S, np.interp(time_s, time_s[told], altitude_m[told]), np.nan)
    spiked = np.isfinite(altitude_m)
    spiked[told] = False
    removed["spike of altitude"] += int(spiked.sum())
    removed["no altitude"] += int((np.isnan(height_m) & ~spiked).sum())
    return np.where(spiked, np.nan, height_m)


def _truth(target: str, rows: Detections, height_m: Floats, kind: Kind) -> Truth:
    axes = enu_axes(rows.values[:, 0], rows.values[:, 1])
    velocity = rows.values[:, EAST:].copy()
    velocity[:, 2] = np.where(np.isnan(velocity[:, 2]), 0.0, velocity[:, 2])
    position = ecef_from_geodetic(rows.values[:, 0], rows.values[:, 1], height_m)
    return Truth(
        target=np.full(len(rows), target),
        time_ns=rows.time_ns,
        kind=np.full(len(rows), kind, np.uint8),
        state_ecef=np.hstack((position, np.vecmat(velocity, axes))),
        identity=rows.identity,
    )


def _nothing() -> Truth:
    return Truth(
        target=np.zeros(0, "<U6"),
        time_ns=np.zeros(0, np.int64),
        kind=np.zeros(0, np.uint8),
        state_ecef=np.zeros((0, 6)),
        identity=Identity.absent(0),
    )
