"""What a rotating radar's plots alone show of its antenna and its clock: the beam passes north once a turn.

A plot stamped t at azimuth a says that the beam was at north at t - a T / 2 pi. These times of one turn agree to the
noise, and those of all turns lie on a line, unless the antenna slips or the clock jumps.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from noroshi.assessment.intervals import PROBABILITY, Interval
from noroshi.geo.time import NS_PER_S

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TURNS_MIN = 8
TURNS_FITTED_MAX = 1_500  # the fit compares all pairs
TURNS_BETWEEN = 10
REFINEMENTS = 3
AROUND = 4  # turns on either side of a jump that must agree on it
JUMP_SIGMAS, JUMP_S_MIN = 6.0, 0.05
MAD = 1.4826


@dataclass(frozen=True, slots=True)
class Jump:
    """Where the beam's times leave their line, for good.

    Attributes:
        time_ns: when, by the stamps.
        size_s: by how much the stamps are later after it than before; whole turns more or less look the same.
    """

    time_ns: int
    size_s: Interval


@dataclass(frozen=True, slots=True)
class Rotation:
    """How the antenna turns, by the stamps.

    Attributes:
        period_s: of a turn.
        jitter_s: standard deviation of a turn's time about the line, as far as it changes from turn to turn.
        n_turns: turns in which there was a plot.
        turn: (n,) in which turn each plot was taken; rows of a sensor in any order.
        jumps: in order of time.
    """

    period_s: Interval
    jitter_s: float
    n_turns: int
    turn: Integers
    jumps: list[Jump]


def rotation(time_ns: Integers, azimuth_rad: Floats, period_s: float) -> Rotation | None:
    """Return what plots show of the rotation; None if that is too little.

    Args:
        time_ns: (n,) stamps.
        azimuth_rad: (n,) azimuths.
        period_s: of a rotation, roughly (`run.batches.scan_period_s`).
    """
    if len(time_ns) < TURNS_MIN or not period_s > 0.0:
        return None
    first_ns = int(time_ns.min())
    since_s, share = (time_ns - first_ns) / NS_PER_S, (azimuth_rad % (2.0 * np.pi)) / (2.0 * np.pi)
    for _ in range(REFINEMENTS):
        north_s = since_s - share * period_s
        order = np.argsort(north_s, kind="stable")
        new = np.diff(north_s[order], prepend=-np.inf) > period_s / 2.0
        passes_s = np.array([np.median(part) for part in np.split(north_s[order], np.flatnonzero(new)[1:])])
        if len(passes_s) < TURNS_MIN:
            return None
        number = np.concatenate([[0], np.cumsum(np.maximum(np.round(np.diff(passes_s) / period_s), 1.0))])
        period_s = _typical_period_s(passes_s, number)
    off = passes_s - period_s * number
    steps = np.diff(off)
    jitter = MAD * float(np.median(np.abs(steps - np.median(steps)))) / np.sqrt(2.0)
    jumps = _jumps(passes_s, off, jitter, first_ns)
    mended = passes_s.copy()
    for jump in jumps:
        mended[first_ns + passes_s * NS_PER_S > jump.time_ns - period_s / 2.0 * NS_PER_S] -= jump.size_s.value
    thin = slice(None, None, -(-len(mended) // TURNS_FITTED_MAX))
    slope, _, low, high = stats.theilslopes(mended[thin], number[thin], PROBABILITY)
    turn = np.empty(len(time_ns), np.int64)
    turn[order] = number[np.cumsum(new) - 1].astype(np.int64)
    return Rotation(Interval(float(slope), float(low), float(high)), jitter, len(passes_s), turn, jumps)


def _typical_period_s(passes_s: Floats, number: Floats) -> float:
    """Return the median period over some turns at a time, of which few hold a jump."""
    far = min(TURNS_BETWEEN, len(passes_s) - 1)
    each = [(passes_s[k:] - passes_s[:-k]) / (number[k:] - number[:-k]) for k in range(-(-far // 2), far + 1)]
    return float(np.median(np.concatenate(each)))


def _jumps(passes_s: Floats, off: Floats, jitter_s: float, first_ns: int) -> list[Jump]:
    """Return steps between the means before and after a turn that no jitter makes, each at its sharpest."""
    n = len(off)
    if n < 2 * AROUND:
        return []
    at = np.arange(AROUND, n - AROUND + 1)
    sides = np.array([[off[i - AROUND : i], off[i : i + AROUND]] for i in at])
    step = np.median(sides[:, 1], axis=1) - np.median(sides[:, 0], axis=1)
    sharp = np.abs(off[at] - off[at - 1])
    found: list[Jump] = []
    limit = max(JUMP_SIGMAS * jitter_s, JUMP_S_MIN)
    candidates = np.flatnonzero((np.abs(step) > limit) & (sharp > limit / 2.0))
    for run in np.split(candidates, np.flatnonzero(np.diff(candidates) > AROUND) + 1) if len(candidates) else []:
        i = int(run[np.argmax(sharp[run])])
        # The median of a few normal values is 1.25 times as uncertain as their mean.
        half = float(stats.t.isf((1.0 - PROBABILITY) / 2.0, 2 * AROUND - 2)) * 1.25 * jitter_s * np.sqrt(2.0 / AROUND)
        size = float(step[i])
        found.append(
            Jump(first_ns + round(float(passes_s[at[i]]) * NS_PER_S), Interval(size, size - half, size + half))
        )
    return found
