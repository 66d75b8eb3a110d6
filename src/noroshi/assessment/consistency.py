"""Consistency: whether the tracks' covariances tell the truth about their errors."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.pictures import CUTOFF_M, LIVE, View
from noroshi.assessment.reports import reports
from noroshi.records import Tracks, Truth

Floats = NDArray[np.float64]

NAMES = (
    "position_anees",
    "position_anees_low",
    "position_anees_high",
    "position_nees_below_95_share",
    "state_anees",
    "state_anees_low",
    "state_anees_high",
    "state_nees_below_95_share",
)
PERFECT = {
    "position_anees": 0.0,
    "position_nees_below_95_share": 1.0,
    "state_anees": 0.0,
    "state_nees_below_95_share": 1.0,
}
PROBABILITY = 0.95


def nees(error: Floats, covariance: Floats) -> Floats:
    """Return (n,) normalised estimation errors squared: how many sigmas, squared, each error (n, d) is long.

    Where the covariance (n, d, d) is what it claims to be they are chi-square with d degrees of freedom. NaN where an
    error or a covariance is not finite or a covariance is not positive definite.

    Source: Bar-Shalom, Li, Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section 5.4.2.
    """
    sigma = np.sqrt(np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0.0))
    usable = np.isfinite(error).all(axis=-1) & np.isfinite(covariance).all(axis=(-2, -1)) & (sigma > 0.0).all(axis=-1)
    value = np.full(len(error), np.nan)
    scaled = error[usable] / sigma[usable]
    correlation = covariance[usable] / (sigma[usable, :, None] * sigma[usable, None, :])
    variance, axes = np.linalg.eigh(correlation)
    definite = variance[:, :1] > error.shape[-1] * np.finfo(np.float64).eps
    along = np.vecmat(scaled, axes)
    value[usable] = np.where(definite, along**2 / np.where(definite, variance, 1.0), np.nan).sum(axis=-1)
    return value


def nis(innovation: Floats, covariance: Floats) -> Floats:
    """Return (n,) normalised innovations squared of innovations (n, m) and their covariances (n, m, m): see `nees`.

    Source: Bar-Shalom, Li, Kirubarajan (2001), section 5.4.2.
    """
    return nees(innovation, covariance)


def bounds(n_samples: int, dof: int, probability: float = PROBABILITY) -> tuple[float, float]:
    """Return between which two values the mean of n independent NEES or NIS lies with this probability.

    Half of the rest lies on either side. (NaN, NaN) for no samples.

    Source: Bar-Shalom, Li, Kirubarajan (2001), section 5.4.2.
    """
    if n_samples == 0:
        return float("nan"), float("nan")
    from scipy.stats import chi2

    low, high = chi2.ppf([(1.0 - probability) / 2.0, (1.0 + probability) / 2.0], n_samples * dof) / n_samples
    return float(low), float(high)


def measure(
    truth: Truth, tracks: Tracks, *, times_ns: NDArray[np.int64], cutoff_m: float = CUTOFF_M, view: View = LIVE
) -> Mapping[str, float]:
    """Return the average NEES of position and of position with velocity, per degree of freedom (1 is consistent).

    Every track row between the first and the last of the times is compared at its own time with the nearest target, if
    that is within `cutoff_m`. `low` and `high` are the bounds for as many independent samples; rows of one track are
    not independent, so the true bounds are wider. `below_95_share` is how many samples are below the 95 % quantile
    (0.95 is consistent). Heights count even if the view is horizontal: a covariance speaks of all three axes.
    """
    found = reports(truth, tracks, times_ns=times_ns, cutoff_m=cutoff_m, view=view)
    on = found.rows(found.i_target >= 0)
    error = tracks.state_ecef[on.row] - on.truth_ecef
    covariance = tracks.covariance_ecef[on.row]
    figures = (*_figures(nees(error[:, :3], covariance[:, :3, :3]), 3), *_figures(nees(error, covariance), 6))
    return dict(zip(NAMES, figures, strict=True))


def _figures(value: Floats, dof: int) -> tuple[float, float, float, float]:
    """Return the mean per degree of freedom, its bounds and the share below the 95 % quantile."""
    value = value[np.isfinite(value)]
    if not len(value):
        return (float("nan"),) * 4
    low, high = bounds(len(value), dof)
    from scipy.stats import chi2

    below = float((value <= chi2.ppf(PROBABILITY, dof)).mean())
    return float(value.mean()) / dof, low / dof, high / dof, below
