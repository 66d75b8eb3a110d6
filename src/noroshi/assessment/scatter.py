"""How exact plain plots are, and how often a target is looked at, where nobody says so: three looks lie on a line."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S

Floats = NDArray[np.float64]

PLOTS_MAX, NEAR_MAX = 2_000, 20  # plots taken as the middle one, from all over, and others beside each, on either side
TRIPLES_MAX = 200_000
PERIODS = 0.5, 1.5  # how long before and after the middle plot the others are, in looks
TRIPLES_MIN, GAIN_MIN = 10.0, 10.0  # on a line, and by how much likelier (natural logarithm) than by chance
OWN_MAX = 4.0  # triples on a line for each middle plot that has any: its own and those of an even row, no formation's
HELD_SHARE = 0.5  # exactly on a line: places that are made up, or told again until the next look
LONGER, LOOKS_MIN, ROUNDS = 1.4, 4, 3  # by so much longer times are tried; looks that a recording has; to settle
GOLDEN = 0.5 * (5.0**0.5 - 1.0)  # its multiples lie evenly between 0 and 1
MIDDLE = 1.5**0.5  # standard deviation of a middle plot's distance from the middle of its neighbours, of plots of 1
ALIKE = 0.01  # residuals by a hundredth apart
LINE_SIGMAS, EVEN, OWN_UNEVEN = 2.0, 0.05, 2.0
SCALES, STEPS, PART_MIN = 50, 10, 1e-9
FINEST, COARSEST = 1e-6, 0.25  # of the farthest that is looked at
OFF_GRID = 1e-3
EVENLY = 12.0**0.5  # standard deviation of what was rounded, of its grid


@dataclass(frozen=True, slots=True)
class Scatter:
    """What triples show.

    Attributes:
        sigma_m: standard deviation of plots along each axis.
        gap_s: from one plot of a target to its next: the median of the triples on a line.
        is_even: whether nearly all of these take that long.
        own: how many triples on a line a middle plot has that has any.
    """

    sigma_m: float
    gap_s: float
    is_even: bool
    own: float


def look_s(time_ns: NDArray[np.int64], position_m: Floats, *, step_m: Callable[[float], float]) -> float | None:
    """Return how long it is from one look at a target to the next where each plot has a time of its own.

    Tried are ever longer times, from that between plots of any target, until triples show a line. Where a target's
    plots come unevenly it is a time in which most have one or two.

    Args:
        time_ns, position_m: as of `scatter`.
        step_m: how far a target may get within a time in seconds.

    Returns:
        None where no time shows lines.
    """
    times_s = np.unique(time_ns) / NS_PER_S
    if len(times_s) < LOOKS_MIN:
        return None

    def within(time_s: float) -> Scatter | None:
        return scatter(time_ns, position_m, period_s=time_s, step_m=step_m(time_s))

    tried_s, longest_s = float(np.median(np.diff(times_s))), (times_s[-1] - times_s[0]) / LOOKS_MIN
    shown = None
    while tried_s < longest_s:
        found = within(tried_s)
        if found is not None and found.is_even and shown is None:
            for _ in range(ROUNDS):
                found = within(found.gap_s) or found
            return found.gap_s
        if found is not None:
            shown = tried_s
            if found.own >= OWN_UNEVEN:
                break
        tried_s *= LONGER
    return shown


def scatter(time_ns: NDArray[np.int64], position_m: Floats, *, period_s: float, step_m: float) -> Scatter | None:
    """Return how exact plots are, and how often a target is seen; None where they do not show it.

    Any three plots of three looks, each within reach of the next, make a triple, and its residual is how far the
    middle one is from the line through the others, in standard deviations of that distance for plots of one metre. Of
    a target's own triples residuals are Rayleigh's, of any others they are those of three places that have nothing to
    do with each other; the two are told apart by their likelihood (a mixture of two, by expectation and maximisation:
    Dempster, Laird, Rubin (1977), JRSS B 39). What targets turn within a look counts as noise. Targets that fly
    together lie on more lines than their own: of the scales that fit none is taken that has several triples a plot.

    Args:
        time_ns: (n,) when, Unix UTC nanoseconds.
        position_m: (n, 2) plots in a plane.
        period_s: between looks.
        step_m: how far a target may get from one look to the next.
    """
    residual_m, gap_s, middle, n_middle = _residuals_m(time_ns, position_m, period_s, step_m)
    if len(residual_m) < TRIPLES_MIN or (residual_m == 0.0).sum() > HELD_SHARE * n_middle:
        return None
    least_m = max(FINEST * step_m, _grid_m(position_m) / EVENLY)
    held_m = np.maximum(residual_m, least_m)
    alike = np.round(np.log(held_m / least_m) / ALIKE).astype(np.int64)  # so many are not told apart one by one
    count = np.bincount(alike)
    squared = (np.bincount(alike, held_m**2) / np.maximum(count, 1))[count > 0]
    count = count[count > 0]
    off = np.minimum(np.sqrt(squared) * MIDDLE / step_m, 1.0)
    even = 16.0 * MIDDLE**2 / (np.pi * step_m**2) * (np.arccos(off) - off * np.sqrt(1.0 - off**2))

    def fitted(variance: float, part: float, *, is_fixed: bool) -> tuple[float, float, float]:
        """Return by how much likelier the triples are than by chance, the variance, and the part that is on a line."""
        for _ in range(STEPS):
            on_line = part * np.exp(-0.5 * squared / variance) / variance
            weight = on_line / (on_line + (1.0 - part) * even)
            part = float(np.clip(count @ weight / len(held_m), PART_MIN, 1.0 - PART_MIN))
            if not is_fixed:
                variance = max(float(count * weight @ squared) / (2.0 * part * len(held_m)), least_m**2)
        on_line = part * np.exp(-0.5 * squared / variance) / variance
        return float(count @ np.log((on_line + (1.0 - part) * even) / even)), variance, part

    starts_m = np.geomspace(least_m, max(COARSEST * step_m, least_m), SCALES)
    found = [fitted(scale_m**2, 0.5, is_fixed=True) for scale_m in starts_m.tolist()]
    own = [each for each in found if each[2] * len(held_m) <= OWN_MAX * n_middle]
    if not own:
        return None
    _, variance, part = max(own)
    gain, variance, part = fitted(variance, part, is_fixed=False)
    n = part * len(held_m)
    if not (gain > GAIN_MIN and TRIPLES_MIN < n <= OWN_MAX * n_middle):
        return None
    on_line = held_m**2 < LINE_SIGMAS**2 * variance
    gap_s, own = gap_s[on_line], on_line.sum() / len(np.unique(middle[on_line]))
    is_even = float(np.median(np.abs(gap_s / np.median(gap_s) - 1.0))) < EVEN
    return Scatter(variance**0.5, float(np.median(gap_s)), is_even, float(own))


def _grid_m(position_m: Floats) -> float:
    """Return the grid to which places were rounded; 0 if their differences are no multiples of the least of them."""
    steps = np.concatenate([np.diff(np.unique(along)) for along in position_m.T])
    if not len(steps):
        return 0.0
    multiples = steps / steps.min()
    is_grid = np.abs(multiples - np.round(multiples)).max() < OFF_GRID
    return float(steps.min()) if is_grid else 0.0


def _residuals_m(
    time_ns: NDArray[np.int64], position_m: Floats, period_s: float, step_m: float
) -> tuple[Floats, Floats, NDArray[np.int64], int]:
    """Return the triples' residuals, how long their first step is, which plot is the middle one, and of how many."""
    order = np.argsort(time_ns, kind="stable")
    position_m, time_s = position_m[order], (time_ns[order] - time_ns.min()) / NS_PER_S
    near_s, far_s = (share * period_s for share in PERIODS)
    found, gaps_s, middle, n_middle = [np.empty(0)], [np.empty(0)], [np.empty(0, np.int64)], 0
    for i in np.argsort(np.arange(len(time_s)) * GOLDEN % 1.0)[:PLOTS_MAX]:
        if sum(map(len, found)) > TRIPLES_MAX:
            break
        edges = time_s[i] + np.array([-far_s, -near_s, near_s, far_s])
        a, b, c, d = np.searchsorted(time_s, edges)
        before, after = (_near(position_m, i, rows, step_m) for rows in (np.arange(a, b), np.arange(c, d)))
        n_middle += bool(len(before) and len(after))
        earlier_s, later_s = time_s[i] - time_s[before][:, None], time_s[after][None] - time_s[i]
        first = later_s / (earlier_s + later_s)
        between = first[..., None] * position_m[before][:, None] + (1.0 - first)[..., None] * position_m[after][None]
        off_m = np.linalg.norm(position_m[i] - between, axis=2)
        found.append((off_m / np.sqrt(1.0 + first**2 + (1.0 - first) ** 2)).ravel())
        gaps_s.append(np.broadcast_to(earlier_s, off_m.shape).ravel())
        middle.append(np.full(off_m.size, i))
    return np.concatenate(found), np.concatenate(gaps_s), np.concatenate(middle), n_middle


def _near(position_m: Floats, i: int, rows: NDArray[np.int64], step_m: float) -> NDArray[np.int64]:
    """Return those of some rows that are within a step of row i, at most `NEAR_MAX`, from all over."""
    rows = rows[np.hypot(*(position_m[rows] - position_m[i]).T) < step_m]
    return rows if len(rows) <= NEAR_MAX else rows[np.linspace(0, len(rows) - 1, NEAR_MAX).astype(np.int64)]
