"""GOSPA: how far two sets of positions are apart, as errors of place, missed targets and false tracks."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pairing import best, near, present
from noroshi.assessment.pictures import CUTOFF_M, LIVE, View, pictures
from noroshi.records import Tracks, Truth

NAMES = (
    "gospa_m",
    "gospa_localisation_m",
    "gospa_missed_m",
    "gospa_false_m",
    "targets_missed_mean",
    "tracks_false_mean",
)
PERFECT = dict.fromkeys(NAMES, 0.0)


class GOSPA(NamedTuple):
    """One distance and what it is made of: `distance**p == localisation + missed + false`.

    `n_missed` and `n_false` count the members of the first and of the second set that are closer than the cut-off to no
    member paired with them.
    """

    distance: float
    localisation: float
    missed: float
    false: float
    n_missed: int
    n_false: int


def gospa(
    positions_true: NDArray[np.float64],
    positions_tracked: NDArray[np.float64],
    c: float,
    p: float = 2.0,
    alpha: float = 2.0,
) -> GOSPA:
    """Return the GOSPA distance of (n, d) and (m, d) positions; a row with NaN is no member of its set.

    With alpha = 2 every missed and every false member costs `c**p / 2`. With a smaller alpha each member of the smaller
    set must be paired: a pair out of reach costs `c**p` and is counted in `localisation`, and only the members that the
    larger set has more cost `c**p / alpha`, as missed or as false.

    Args:
        positions_true, positions_tracked: in any Cartesian axes and unit.
        c: cut-off, in the same unit.
        p: order, 1 or more and finite.
        alpha: above 0, at most 2.

    Raises:
        ValueError: if alpha or p is outside its range.

    Source: Rahmathullah, Garcia-Fernandez, Svensson (2017), Generalized optimal sub-pattern assignment metric, Fusion
    2017, definition 1 and proposition 1.
    """
    if not (0.0 < alpha <= 2.0 and 1.0 <= p < np.inf):
        raise ValueError(f"GOSPA needs 0 < alpha <= 2 and 1 <= p < infinity, not alpha = {alpha}, p = {p}")
    n, m = int(present(positions_true).sum()), int(present(positions_tracked).sum())
    chosen = best(near(positions_true, positions_tracked, c), c, p)
    n_paired, whole = len(chosen.ia), c**p
    localisation = whole * float(((chosen.distance / c) ** p).sum())
    if alpha == 2.0:
        missed, false = (n - n_paired) * whole / 2.0, (m - n_paired) * whole / 2.0
    else:
        localisation += (min(n, m) - n_paired) * whole
        missed, false = max(n - m, 0) * whole / alpha, max(m - n, 0) * whole / alpha
    distance = (localisation + missed + false) ** (1.0 / p)
    return GOSPA(distance, localisation, missed, false, n - n_paired, m - n_paired)


def measure(
    truth: Truth,
    tracks: Tracks,
    *,
    times_ns: NDArray[np.int64],
    c: float = CUTOFF_M,
    p: float = 2.0,
    view: View = LIVE,
) -> Mapping[str, float]:
    """Return GOSPA over the times, alpha = 2: each figure is the mean of p-th powers, to the power 1 / p.

    With p = 2 these are the root mean squares of the literature and the squares of the three parts add up to that of
    the whole.
    """
    each = np.array(
        [
            gospa(picture.truth.state_ecef[:, :3], picture.tracks.state_ecef[:, :3], c, p)
            for picture in pictures(truth, tracks, times_ns, view)
        ]
    ).reshape(-1, 6)
    if not len(each):
        return dict.fromkeys(NAMES, float("nan"))
    _, localisation, missed, false, n_missed, n_false = each.mean(axis=0).tolist()
    parts = (localisation + missed + false, localisation, missed, false)
    return dict(zip(NAMES, (*(part ** (1.0 / p) for part in parts), n_missed, n_false), strict=True))
