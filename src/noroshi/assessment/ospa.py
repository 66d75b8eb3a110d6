"""OSPA: how far two sets of positions are apart, normalised by the larger set's size."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import near, present, subpattern_distance
from noroshi.assessment.pictures import CUTOFF_M, LIVE, View, pictures
from noroshi.records import Tracks, Truth

NAMES = ("ospa_m",)
PERFECT = {"ospa_m": 0.0}


def ospa(positions_a: NDArray[np.float64], positions_b: NDArray[np.float64], c: float, p: float = 2.0) -> float:
    """Return the OSPA distance of (n, d) and (m, d) positions; a row with NaN is no member of its set.

    Two empty sets are 0 apart; an empty set and one that is not are `c` apart.

    Args:
        positions_a, positions_b: in any Cartesian axes and unit.
        c: cut-off, in the same unit: no pair counts more, and an unpaired member counts as much.
        p: order, 1 to infinity.

    Source: Schuhmacher, Vo, Vo (2008), A consistent metric for performance evaluation of multi-object filters, IEEE
    Trans. Signal Processing 56(8), 3447-3457.
    """
    pairs = near(positions_a, positions_b, c)
    n_a, n_b = int(present(positions_a).sum()), int(present(positions_b).sum())
    return subpattern_distance(pairs, n_a, n_b, c, p)


def measure(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    c: float = CUTOFF_M,
    p: float = 2.0,
    view: View = LIVE,
) -> Mapping[str, float]:
    """Return the mean over the times of the OSPA distance between the true and the tracked picture."""
    distances = [
        ospa(each.truth.state_ecef[:, :3], each.tracks.state_ecef[:, :3], c, p)
        for each in pictures(truth, tracks, times_ns, view)
    ]
    return {"ospa_m": float(np.mean(distances)) if distances else float("nan")}
