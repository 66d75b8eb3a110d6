"""When all senders of a recording are silent together, and how much time had passed by their own way.

Either the recording paused, or the clock that stamped it jumped: who flies on from where he was, as if no time had
passed, tells which.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.intervals import UNKNOWN, Interval, resampled
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Detections
from noroshi.records.identity import ABSENT

SILENCE_S_MIN, SILENCES_MAX = 30.0, 8
USUAL_TIMES = 10.0  # so much longer than 99 % of the times between rows
AROUND_S, BASE_S_MIN = 60.0, 5.0  # on either side, from how long a sender's velocity is taken
MOVED_M_MIN = 200.0  # in that time; less is noise of the places
ALONG = 0.95  # cosine between way and velocities, or it has turned meanwhile
SENDERS_MIN = 3

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def silences(times_ns: Sequence[Integers]) -> list[tuple[int, int]]:
    """Return from when to when nothing at all came, of the times of all rows of a recording: the longest, in order."""
    every = np.unique(np.concatenate([*times_ns, np.zeros(0, np.int64)]))
    if len(every) < 3:
        return []
    step_s = np.diff(every) / NS_PER_S
    long = step_s > max(SILENCE_S_MIN, USUAL_TIMES * float(np.quantile(step_s, 0.99, method="lower")))
    places = np.flatnonzero(long)
    longest = np.sort(places[np.argsort(-step_s[places], kind="stable")[:SILENCES_MAX]])
    return [(int(every[i]), int(every[i + 1])) for i in longest]


def passed_s(
    reports: Sequence[Detections], start_ns: int, end_ns: int, generator: np.random.Generator
) -> tuple[Interval, int]:
    """Return how much time the senders' own way says had passed in a silence [s], and how many of them say so.

    Each sender's way from its last place before to its first one after, by its speed on both sides; those that turned
    meanwhile do not count. Unknown of fewer than three.

    Args:
        reports: with `lat_rad` and `lon_rad`; others are left out.
        start_ns, end_ns: the silence.
        generator: of the bootstrap's draws over senders.
    """
    found: list[float] = []
    placed = [batch for batch in reports if {"lat_rad", "lon_rad"} <= set(batch.components) and len(batch)]
    if not placed:
        return UNKNOWN, 0
    time_ns = np.concatenate([batch.time_ns for batch in placed])
    lat, lon = (
        np.concatenate([batch.values[:, batch.components.index(name)] for batch in placed])
        for name in ("lat_rad", "lon_rad")
    )
    who = np.concatenate([np.where(b.identity.icao_address != ABSENT, b.identity.icao_address, b.identity.mmsi)
                          for b in placed])  # fmt: skip
    around_ns = round(AROUND_S * NS_PER_S)
    near = (who != ABSENT) & np.isfinite(lat) & np.isfinite(lon)
    near &= (time_ns >= start_ns - around_ns) & (time_ns <= end_ns + around_ns)
    place = ecef_from_geodetic(lat[near], lon[near], 0.0)
    time_ns, who = time_ns[near], who[near]
    for one in np.unique(who):
        mine = np.flatnonzero(who == one)
        mine = mine[np.argsort(time_ns[mine], kind="stable")]
        before, after = mine[time_ns[mine] <= start_ns], mine[time_ns[mine] >= end_ns]
        if not len(before) or not len(after):
            continue
        velocities = [_velocity(time_ns[rows], place[rows]) for rows in (before, after)]
        if any(velocity is None for velocity in velocities):
            continue
        way = place[after[0]] - place[before[-1]]
        speeds = [float(np.linalg.norm(velocity)) for velocity in velocities if velocity is not None]
        along = [float(way @ velocity) / speed for velocity, speed in zip(velocities, speeds, strict=True)]
        if min(along) >= ALONG * float(np.linalg.norm(way)):
            edges_s = (start_ns - time_ns[before[-1]] + time_ns[after[0]] - end_ns) / NS_PER_S
            found.append(float(np.mean(along)) / float(np.mean(speeds)) - float(edges_s))
    if len(found) < SENDERS_MIN:
        return UNKNOWN, len(found)
    all_s = np.array(found)

    def typical(count: Integers) -> Floats:
        return np.array([np.median(np.repeat(all_s, count))])

    (interval,) = resampled(len(all_s), typical, generator, 200)
    return interval, len(all_s)


def _velocity(time_ns: Integers, place: Floats) -> Floats | None:
    """Return the velocity [m/s] of (n,) places in order of time; None where they show none."""
    base_s, way = float(time_ns[-1] - time_ns[0]) / NS_PER_S, place[-1] - place[0]
    if base_s < BASE_S_MIN or float(np.linalg.norm(way)) < MOVED_M_MIN:
        return None
    return np.asarray(way / base_s, np.float64)
