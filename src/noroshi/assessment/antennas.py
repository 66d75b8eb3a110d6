"""Whether one radar's plots come from one antenna: two radars under one name turn side by side.

A plot stamped t at azimuth a says that the beam was at north at t - a T / 2 pi. Modulo T these times are one for all
plots of an antenna of period T, whatever its targets; plots of a second one, of another period or phase, lie elsewhere.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PERIOD_S_MIN, PERIOD_S_MAX = 1.0, 20.0
STEP = 0.125  # of a turn, by which a period that is tried may be off over the whole window
WINDOW_S, WINDOWS = 120.0, 3
PLOTS_MIN, PLOTS_MAX = 60, 1_500  # in a window
ONE_MIN = 0.9  # of one antenna's plots lie in its beam
BINS, BINS_A_BEAM = 42, 4
BEAM_RAD = BINS_A_BEAM / 2.0 * 2.0 * np.pi / BINS  # so near to their antenna's beam are its plots
PARTS = 6  # of a window, in each of which both have to be there: a clock that jumps has them one after the other
STAMPS_MIN, COARSE_NS = 0.5, NS_PER_S // 10  # so many stamps of their own a plot, and finer than this
SECTORS = 12
SHARE_MIN = 0.1  # of the plots, of the antenna that gives less
BACK_TO_BACK = 0.02  # of a period, or of half a turn: two faces of one antenna


@dataclass(frozen=True, slots=True)
class Two:
    """Two antennas in one radar's plots.

    Attributes:
        period_s: of a turn of each; the one with more plots first.
        share: of the plots in the windows looked at, that are of each.
        is_back_to_back: whether they turn as two faces of one antenna would.
    """

    period_s: tuple[float, float]
    share: tuple[float, float]
    is_back_to_back: bool


def two_antennas(time_ns: Integers, azimuth_rad: Floats) -> Two | None:
    """Return the two antennas that (n,) plots of one radar, in any order, come from; None where they do not show two.

    Looked at are three windows of two minutes; most of those with enough plots have to show the same two.
    """
    known = np.isfinite(azimuth_rad)
    order = np.argsort(time_ns[known], kind="stable")
    times, azimuths = time_ns[known][order], azimuth_rad[known][order]
    # Coarse stamps, or one for all that a turn sees, put targets of any radar into beams that stand still.
    if len(times) < PLOTS_MIN or len(np.unique(times)) < STAMPS_MIN * len(times) or not (times % COARSE_NS).any():
        return None
    since_s = (times - times[0]) / NS_PER_S
    starts_s = np.linspace(0.0, max(since_s[-1] - WINDOW_S, 0.0), WINDOWS)
    found, n_looked = [], 0
    for start_s in np.unique(starts_s):
        low, high = np.searchsorted(since_s, (start_s, start_s + WINDOW_S))
        rows = slice(low, min(high, low + PLOTS_MAX))
        if high - low < PLOTS_MIN:
            continue
        n_looked += 1
        if two := _in_window(since_s[rows] - since_s[low], azimuths[rows]):
            found.append(two)
    if 2 * len(found) <= n_looked:
        return None
    return sorted(found, key=lambda two: two.share[1])[len(found) // 2]


def _in_window(time_s: Floats, azimuth_rad: Floats) -> Two | None:
    period_s, phase_rad, strength = _beam(time_s, azimuth_rad)
    if strength >= ONE_MIN:
        return None
    is_first = np.abs(_off(time_s, azimuth_rad, period_s, phase_rad)) < BEAM_RAD
    rest = ~is_first
    share = float(rest.mean())
    if not SHARE_MIN <= share <= 1.0 - SHARE_MIN or not (_is_throughout(is_first) and _is_throughout(rest)):
        return None
    if not (_looks_around(azimuth_rad[is_first]) and _looks_around(azimuth_rad[rest])):
        return None
    other_s, other_rad, strength = _beam(time_s[rest], azimuth_rad[rest])
    if strength < ONE_MIN:
        return None
    turn = (other_rad - phase_rad) / (2.0 * np.pi) % 1.0
    alike = abs(other_s / period_s - 1.0) < BACK_TO_BACK and abs(turn - 0.5) < BACK_TO_BACK
    return Two((period_s, other_s), (1.0 - share, share), alike)


def _beam(time_s: Floats, azimuth_rad: Floats) -> tuple[float, float, float]:
    """Return the period [s] and the azimuth at time 0 of the beam in which most plots lie, and what share of them does.

    Of two antennas the mean direction would lie between both, and be neither's.
    """
    span_s = max(float(np.ptp(time_s)), PERIOD_S_MAX)
    step = STEP / span_s
    tried = np.arange(1.0 / PERIOD_S_MAX, 1.0 / PERIOD_S_MIN, step)
    for _ in range(2):
        inside, middle = np.array([_crowd(time_s, azimuth_rad, rate) for rate in tried]).T
        at = int(np.argmax(inside))
        best, found = float(tried[at]), (float(middle[at]), float(inside[at]))
        tried = best + np.linspace(-1.0, 1.0, 41) * step
    # Many periods hold the same plots in the beam: the line through them is the beam's.
    off_rad = _off(time_s, azimuth_rad, 1.0 / best, found[0])
    mine = np.abs(off_rad) < BEAM_RAD
    slope, shift = np.polyfit(time_s[mine], off_rad[mine], 1)
    return 1.0 / (best + float(slope) / (2.0 * np.pi)), found[0] + float(shift), found[1]


def _crowd(time_s: Floats, azimuth_rad: Floats, per_s: float) -> tuple[float, float]:
    """Return the share of plots within one beam that turns so often a second, and its azimuth at time 0."""
    phase_rad = (azimuth_rad - 2.0 * np.pi * per_s * time_s) % (2.0 * np.pi)
    count = np.bincount((phase_rad * (BINS / (2.0 * np.pi))).astype(np.int64) % BINS, minlength=BINS)
    around = np.sum([np.roll(count, -i) for i in range(BINS_A_BEAM)], axis=0)
    at = int(np.argmax(around))
    off = (phase_rad - at * 2.0 * np.pi / BINS) % (2.0 * np.pi)
    inside = off[off < BINS_A_BEAM * 2.0 * np.pi / BINS]
    return float(around[at]) / len(time_s), at * 2.0 * np.pi / BINS + float(np.median(inside))


def _off(time_s: Floats, azimuth_rad: Floats, period_s: float, phase_rad: float) -> Floats:
    return np.asarray(np.angle(np.exp(1j * (azimuth_rad - phase_rad - 2.0 * np.pi * time_s / period_s))), np.float64)


def _is_throughout(chosen: NDArray[np.bool_]) -> bool:
    """Return whether there are chosen rows in every part of them all, and not in one after the other."""
    return all(part.any() for part in np.array_split(chosen, PARTS))


def _looks_around(azimuth_rad: Floats) -> bool:
    """Return whether plots lie in most directions: those of a few targets in a few directions are no antenna's turn."""
    sector = (azimuth_rad % (2.0 * np.pi) * (SECTORS / (2.0 * np.pi))).astype(np.int64) % SECTORS
    return 2 * len(np.unique(sector)) > SECTORS
