"""States between the samples of one trajectory."""

import numpy as np
from numpy.typing import NDArray


def hermite(
    time_ns: NDArray[np.int64],
    states: NDArray[np.float64],
    at_ns: NDArray[np.int64],
    *,
    gap_s_max: float = np.inf,
) -> NDArray[np.float64]:
    """Return (k, 6) states at `at_ns` by cubic Hermite interpolation of positions and their velocities.

    Where a velocity is NaN the slope of the chord stands in. The result is NaN outside the samples and between two that
    are further apart than `gap_s_max`.

    Args:
        time_ns: (n,) strictly increasing times.
        states: (n, 6) positions and velocities per second.
        at_ns: (k,) times wanted.

    Source: de Boor, "A Practical Guide to Splines", chapter IV.
    """
    n = len(time_ns)
    if not n:
        return np.full((len(at_ns), 6), np.nan)
    left = np.clip(np.searchsorted(time_ns, at_ns, side="right") - 1, 0, max(n - 2, 0))
    right = np.minimum(left + 1, n - 1)
    found = between(time_ns[left], states[left], time_ns[right], states[right], at_ns)
    span_ns = time_ns[right] - time_ns[left]
    outside = (at_ns < time_ns[0]) | (at_ns > time_ns[-1]) | (span_ns / 1e9 > gap_s_max)
    return np.where(outside[:, None], np.nan, found)


def between(
    t0_ns: NDArray[np.int64],
    s0: NDArray[np.float64],
    t1_ns: NDArray[np.int64],
    s1: NDArray[np.float64],
    at_ns: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return (k, 6) states at `at_ns`, each between its own two samples (k, 6): see `hermite`."""
    span_s = np.maximum((t1_ns - t0_ns) / 1e9, 1e-9)[:, None]
    u = ((at_ns - t0_ns) / 1e9)[:, None] / span_s
    p0, p1 = s0[:, :3], s1[:, :3]
    chord = (p1 - p0) / span_s
    v0 = np.where(np.isnan(s0[:, 3:]), chord, s0[:, 3:])
    v1 = np.where(np.isnan(s1[:, 3:]), chord, s1[:, 3:])
    a, b = span_s * v0 - (p1 - p0), (p1 - p0) - span_s * v1
    position = (1 - u) * p0 + u * p1 + u * (1 - u) * ((1 - u) * a + u * b)
    velocity = chord + ((1 - 2 * u) * ((1 - u) * a + u * b) + u * (1 - u) * (b - a)) / span_s
    return np.hstack([position, velocity])
