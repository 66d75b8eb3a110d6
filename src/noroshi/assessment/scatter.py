"""How exact plain plots are where nobody says so, from how three looks at a target lie on a line."""

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S

Floats = NDArray[np.float64]

PLOTS_MAX, TRIPLES_MAX = 2_000, 200_000  # plots taken as the middle one, from all over: more make no figure better
PERIODS = 0.5, 1.5  # how long before and after the middle plot the others are, in looks
TRIPLES_MIN, GAIN_MIN = 10.0, 10.0  # on a line, and by how much likelier (natural logarithm) than by chance
GOLDEN = 0.5 * (5.0**0.5 - 1.0)  # its multiples lie evenly between 0 and 1
MIDDLE = 1.5**0.5  # standard deviation of a middle plot's distance from the middle of its neighbours, of plots of 1
SCALES, STEPS, PART_MIN = 50, 10, 1e-9
FINEST, COARSEST = 1e-6, 0.25  # of the farthest that is looked at


def scatter_m(time_ns: NDArray[np.int64], position_m: Floats, *, period_s: float, step_m: float) -> float | None:
    """Return the standard deviation of plots along each axis; None where they do not show it.

    Any three plots of three looks, each within reach of the next, make a triple, and its residual is how far the
    middle one is from the line through the others, in standard deviations of that distance for plots of one metre. Of
    a target's own triples residuals are Rayleigh's, of any others even over the disc; the two are told apart by their
    likelihood (a mixture of two, by expectation and maximisation: Dempster, Laird, Rubin (1977), JRSS B 39). What
    targets turn within a look counts as noise.

    Args:
        time_ns: (n,) when, Unix UTC nanoseconds.
        position_m: (n, 2) plots in a plane.
        period_s: between looks.
        step_m: how far a target may get from one look to the next.
    """
    residual_m = _residuals_m(time_ns, position_m, period_s, step_m)
    if len(residual_m) < TRIPLES_MIN:
        return None
    squared = residual_m**2
    off = np.minimum(residual_m * MIDDLE / step_m, 1.0)
    even = 16.0 * MIDDLE**2 / (np.pi * step_m**2) * (np.arccos(off) - off * np.sqrt(1.0 - off**2))

    def fitted(variance: float, part: float, *, is_fixed: bool) -> tuple[float, float, float]:
        """Return by how much likelier the triples are than by chance, the variance, and the part that is on a line."""
        for _ in range(STEPS):
            on_line = part * np.exp(-0.5 * squared / variance) / variance
            weight = on_line / (on_line + (1.0 - part) * even)
            part = float(np.clip(weight.mean(), PART_MIN, 1.0 - PART_MIN))
            if not is_fixed:
                variance = max(float(weight @ squared) / (2.0 * part * len(squared)), (FINEST * step_m) ** 2)
        on_line = part * np.exp(-0.5 * squared / variance) / variance
        return float(np.log((on_line + (1.0 - part) * even) / even).sum()), variance, part

    starts_m = np.geomspace(FINEST, COARSEST, SCALES) * step_m
    _, variance, part = max(fitted(scale_m**2, 0.5, is_fixed=True) for scale_m in starts_m.tolist())
    gain, variance, part = fitted(variance, part, is_fixed=False)
    return variance**0.5 if gain > GAIN_MIN and part * len(squared) > TRIPLES_MIN else None


def _residuals_m(time_ns: NDArray[np.int64], position_m: Floats, period_s: float, step_m: float) -> Floats:
    order = np.argsort(time_ns, kind="stable")
    position_m, time_s = position_m[order], (time_ns[order] - time_ns.min()) / NS_PER_S
    near_s, far_s = (share * period_s for share in PERIODS)
    found = [np.empty(0)]
    for i in np.argsort(np.arange(len(time_s)) * GOLDEN % 1.0)[:PLOTS_MAX]:
        if sum(map(len, found)) > TRIPLES_MAX:
            break
        edges = time_s[i] + np.array([-far_s, -near_s, near_s, far_s])
        a, b, c, d = np.searchsorted(time_s, edges)
        before, after = (
            rows[np.hypot(*(position_m[rows] - position_m[i]).T) < step_m]
            for rows in (np.arange(a, b), np.arange(c, d))
        )
        earlier_s, later_s = time_s[i] - time_s[before][:, None], time_s[after][None] - time_s[i]
        first = later_s / (earlier_s + later_s)
        between = first[..., None] * position_m[before][:, None] + (1.0 - first)[..., None] * position_m[after][None]
        off_m = np.linalg.norm(position_m[i] - between, axis=2)
        found.append((off_m / np.sqrt(1.0 + first**2 + (1.0 - first) ** 2)).ravel())
    return np.concatenate(found)
