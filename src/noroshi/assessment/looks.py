"""What one radar did look by look: whose plots are whose, what it missed, what nobody was there for.

Tracks stand for targets: a plot belongs to the nearest track that it could be of, a turn between a track's first and
last plot without one is a miss, and a plot without a track is a false one. What was seen less often than a track needs
to become firm therefore counts as false plots.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.intervals import UNKNOWN, Interval, mean, share
from noroshi.estimation.angles import wrap
from noroshi.estimation.interpolation import hermite
from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, Tracks
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

GATE_SIGMAS = 5.0
SLACK_M = 100.0  # a filter's lag and what its covariance does not tell
TURN_M_S2 = 2.0  # how far a target leaves a straight line before its track was firm, and after its last plot
TURNS_BEYOND = 3.5  # so long before its first row, and after its last, a track may have had plots
CODE_HEIGHT_M = 150.0  # a Mode C height this far off between two that agree is no climb: 4 garbled steps of 100 ft
SECTORS, RINGS = 12, 4


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which track each plot is of.

    Attributes:
        track: (n,) place of its track; -1 for none.
        first: (n,) whether it is the nearest of its track's plots in its turn.
    """

    track: Integers
    first: NDArray[np.bool_]


def owners(plots: Detections, sensor: Sensor, tracks: Tracks | None, turn: Integers, sigmas: Floats) -> Ownership:
    """Return which track each plot is of.

    Args:
        plots: in the sensor's component order, biases removed.
        sensor: their radar.
        tracks: rows of all tracks, any order.
        turn: (n,) the antenna's turn that each plot was taken in.
        sigmas: (2,) the noise of range [m] and azimuth [rad].
    """
    n = len(plots)
    best, owner = np.full(n, np.inf), np.full(n, -1, np.int64)
    if tracks is not None and n:
        beyond_s = TURNS_BEYOND * sensor.parameters["scan_period_s"]
        order = np.lexsort((tracks.revision, tracks.time_ns, tracks.track_id))
        edges = np.flatnonzero(np.diff(tracks.track_id[order].astype(np.int64))) + 1
        in_time = np.argsort(plots.time_ns, kind="stable")
        stamps_ns = plots.time_ns[in_time]
        for number, rows in enumerate(np.split(order, edges)):
            times_ns, last = tracks.time_ns[rows], np.ones(len(rows), bool)
            last[:-1] = np.diff(times_ns) > 0
            rows, times_ns = rows[last], times_ns[last]
            reach_ns = round(beyond_s * NS_PER_S)
            low, high = np.searchsorted(stamps_ns, [times_ns[0] - reach_ns, times_ns[-1] + reach_ns])
            near = in_time[low:high]
            distance = _distance(plots, sensor, tracks, rows, near, sigmas)
            closer = distance < best[near]
            best[near[closer]], owner[near[closer]] = distance[closer], number
    first = np.zeros(n, bool)
    by_turn = np.lexsort((best, turn, owner))
    new = (np.diff(owner[by_turn], prepend=-2) != 0) | (np.diff(turn[by_turn], prepend=-1) != 0)
    first[by_turn[new]] = True
    return Ownership(owner, first & (owner >= 0))


def _distance(
    plots: Detections, sensor: Sensor, tracks: Tracks, rows: Integers, near: Integers, sigmas: Floats
) -> Floats:
    """Return how far plots are from one track, in shares of the gate; infinite outside it."""
    times_ns, states = tracks.time_ns[rows], tracks.state_ecef[rows]
    at_ns = plots.time_ns[near]
    inside_ns = np.clip(at_ns, times_ns[0], times_ns[-1])
    beyond_s = (at_ns - inside_ns) / NS_PER_S
    state = hermite(times_ns, states, inside_ns) if len(rows) > 1 else np.repeat(states, len(near), axis=0)
    state[:, :3] += beyond_s[:, None] * state[:, 3:]
    before = np.clip(np.searchsorted(times_ns, at_ns, side="right") - 1, 0, len(rows) - 1)
    spread = np.trace(tracks.covariance_ecef[rows[before]][:, :3, :3], axis1=1, axis2=2)
    along, turned = (sensor.COMPONENTS.index(name) for name in ("range_m", "azimuth_rad"))
    expected = sensor.measure(state, plots.origin_ecef_m[near])
    range_m = plots.values[near, along]
    out_m = range_m - expected[:, along]
    across_m = range_m * wrap(plots.values[near, turned] - expected[:, turned])
    slack = SLACK_M**2 + np.minimum(spread, (10.0 * SLACK_M) ** 2) / 3.0 + (0.5 * TURN_M_S2 * beyond_s**2) ** 2
    squared = out_m**2 / (sigmas[0] ** 2 + slack) + across_m**2 / ((range_m * sigmas[1]) ** 2 + slack)
    return np.where(squared <= GATE_SIGMAS**2, squared, np.inf)


def detection(owned: Ownership, turn: Integers) -> tuple[Interval, int]:
    """Return the chance that a look sees its target, and how many looks tell it.

    The looks are those strictly between a track's first and last plot: these two were seen by definition.
    """
    hits = looks = 0
    rows = np.flatnonzero(owned.first)
    rows = rows[np.lexsort((turn[rows], owned.track[rows]))]
    for mine in np.split(rows, np.flatnonzero(np.diff(owned.track[rows])) + 1):
        if len(mine) > 1:
            hits += len(mine) - 2
            looks += int(turn[mine[-1]] - turn[mine[0]]) - 1
    return share(hits, looks), looks


def false_plots(owned: Ownership, turn: Integers) -> Interval:
    """Return the number of plots a turn that no track owns; whole turns only."""
    if not len(turn) or turn.max() - turn.min() < 3:
        return UNKNOWN
    count = np.bincount(turn[owned.track < 0] - turn.min(), minlength=int(turn.max() - turn.min()) + 1)
    return mean(count[1:-1].astype(np.float64))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where false plots are most dense.

    Attributes:
        azimuth_rad, range_m: from and to.
        times_mean: how many times as many there as if they were spread evenly over the area.
        chance: of so many in any cell, were they spread so.
    """

    azimuth_rad: tuple[float, float]
    range_m: tuple[float, float]
    n: int
    times_mean: float
    chance: float


def worst_spot(owned: Ownership, range_m: Floats, azimuth_rad: Floats) -> Spot | None:
    """Return the cell of equal area with the most false plots.

    The chance is Poisson's for the cell, times the number of cells (Bonferroni).
    """
    from scipy import stats

    rows = np.flatnonzero(owned.track < 0)
    if not len(rows):
        return None
    reach_m = float(range_m.max()) * (1.0 + 1e-9)
    ring = np.floor(RINGS * (range_m[rows] / reach_m) ** 2).astype(np.int64)
    sector = np.floor(SECTORS * (azimuth_rad[rows] % (2.0 * np.pi)) / (2.0 * np.pi)).astype(np.int64) % SECTORS
    count = np.bincount(ring * SECTORS + sector, minlength=RINGS * SECTORS)
    cell = int(np.argmax(count))
    expected = len(rows) / len(count)
    chance = min(1.0, float(stats.poisson.sf(count[cell] - 1, expected)) * len(count))
    i, j = divmod(cell, SECTORS)
    edge = 2.0 * np.pi / SECTORS
    bounds_m = (reach_m * float(np.sqrt(i / RINGS)), reach_m * float(np.sqrt((i + 1) / RINGS)))
    return Spot((j * edge, (j + 1) * edge), bounds_m, int(count[cell]), float(count[cell] / expected), chance)


def splits(owned: Ownership) -> tuple[Interval, int]:
    """Return the share of a track's looks with more than one plot of it, and how many looks there were."""
    n = int(owned.first.sum())
    return share(min(int((owned.track >= 0).sum()) - n, n), n), n


def code_faults(owned: Ownership, plots: Detections, height_m: Floats) -> dict[str, tuple[Interval, int]]:
    """Return, by kind, the share of codes that are missing or wrong, and of how many.

    A code or height is wrong if it differs from the one before and the one after of its track, and these agree.
    """
    found: dict[str, tuple[Interval, int]] = {}
    rows = np.flatnonzero(owned.first)
    rows = rows[np.lexsort((plots.time_ns[rows], owned.track[rows]))]
    codes = plots.identity.mode_3a[rows]
    for name, known in (("Mode 3/A", codes != ABSENT), ("height", np.isfinite(height_m[rows]))):
        if known.any():
            found[f"{name} missing"] = share(int((~known).sum()), len(rows)), len(rows)
            mine, track = rows[known], owned.track[rows[known]]
            inner = np.flatnonzero(track[2:] == track[:-2]) + 1
            before, here, after = mine[inner - 1], mine[inner], mine[inner + 1]
            if name == "Mode 3/A":
                code = plots.identity.mode_3a
                agree, wrong = code[before] == code[after], code[here] != code[before]
            else:
                agree = np.abs(height_m[before] - height_m[after]) < CODE_HEIGHT_M
                wrong = np.abs(height_m[here] - (height_m[before] + height_m[after]) / 2.0) > CODE_HEIGHT_M
            found[f"{name} wrong"] = share(int((agree & wrong).sum()), int(agree.sum())), int(agree.sum())
    return found
