"""How a new track begins by each model of a bank: which it may be, how fast, how high.

Sources: those of `tracking.bank`.
"""

import math
from collections.abc import Sequence

import numpy as np

from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import kernel
from noroshi.motion import Start
from noroshi.sensors.rows import DEPTH, RADIUS
from noroshi.tracking.kinds import AIRCRAFT_M
from noroshi.tracking.store import EXISTENCE, PROBABILITY, Integers

TAIL, ANYWHERE = 0.25, 1e-5
"""What is new is seen ever more seldom above its height (`Start.height_m`; air traffic's is `AIR_DEPTH_M`): by a factor
of e over so much of that height more, but with this density at least, for whatever nobody thought of."""


def shares_of(starts: Sequence[Start | None]) -> Floats:
    """Return (k,) how likely a new target is to move by each model."""
    shares = np.array([0.0 if start is None else start.share for start in starts])
    rest = sum(start is None for start in starts)
    if rest:
        shares[[start is None for start in starts]] = (1.0 - shares.sum()) / rest
    return np.asarray(shares / shares.sum())


def with_priors(
    mean: Floats, covariance: Floats, given_m_s: tuple[float, float], own_m_s: Floats
) -> tuple[Floats, Floats]:
    """Return (n, 6) states and (n, 6, 6) covariances with each of m other priors of the velocity than is in them.

    In information form a prior is a term of a sum, to be taken out and put in. Where the velocity was measured in all
    directions there is none. `own_m_s` are (2, m, 2) standard deviations along the horizontal axes and of a climb, of
    what is as low as aircraft fly and of what is higher; what is returned is (m, n, 6) and (m, n, 6, 6).
    """
    has_one, m = np.linalg.eigvalsh(covariance[:, 3:, 3:])[:, -1] >= 0.99 * max(given_m_s) ** 2, own_m_s.shape[1]
    means, covariances = np.array([mean] * m), np.array([covariance] * m)
    if has_one.any():
        more = 1.0 / np.square(own_m_s) - 1.0 / np.square(given_m_s)
        _exchange_priors(np.flatnonzero(has_one), mean, covariance, more, means, covariances)
    return means, covariances


@kernel
def _exchange_priors(
    some: Integers, mean: Floats, covariance: Floats, more: Floats, means: Floats, covariances: Floats
) -> None:
    """Add information about a velocity of 0 to some rows, `more` (2, m, 2) along the horizontal axes and of a climb.

    The first of the two is for what is as low as aircraft fly. With E (3, 3) added to that of the velocity, P - P_v (1
    + E P_vv)^-1 E P_v' is the covariance: but one inverse of 3 by 3, and no digits of a place are lost.

    Source: Woodbury (1950), Inverting modified matrices, Princeton University.
    """
    e, a, b, gain = np.empty((3, 3)), np.empty((3, 3)), np.empty((3, 3)), np.empty((6, 3))
    for row in some:
        x, p = mean[row], covariance[row]
        up = vertical_at(x[0], x[1], x[2])
        own = more[1 if up[3] > AIRCRAFT_M else 0]
        for k in range(len(own)):
            for i in range(3):
                for j in range(3):
                    e[i, j] = (own[k, 1] - own[k, 0]) * up[i] * up[j] + (own[k, 0] if i == j else 0.0)
            for i in range(3):
                for j in range(3):
                    a[i, j] = 1.0 if i == j else 0.0
                    for c in range(3):
                        a[i, j] += e[i, c] * p[3 + c, 3 + j]
            for i in range(3):
                for j in range(3):  # the adjugate
                    i1, i2, j1, j2 = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
                    b[j, i] = a[i1, j1] * a[i2, j2] - a[i1, j2] * a[i2, j1]
            determinant = a[0, 0] * b[0, 0] + a[0, 1] * b[1, 0] + a[0, 2] * b[2, 0]
            for i in range(3):
                for j in range(3):
                    a[i, j] = (b[i, 0] * e[0, j] + b[i, 1] * e[1, j] + b[i, 2] * e[2, j]) / determinant
            for i in range(6):
                for j in range(3):
                    gain[i, j] = p[i, 3] * a[0, j] + p[i, 4] * a[1, j] + p[i, 5] * a[2, j]
                means[k, row, i] = x[i] - gain[i, 0] * x[3] - gain[i, 1] * x[4] - gain[i, 2] * x[5]
            for i in range(6):
                for j in range(i + 1):
                    less = gain[i, 0] * p[3, j] + gain[i, 1] * p[4, j] + gain[i, 2] * p[5, j]
                    covariances[k, row, i, j] = covariances[k, row, j, i] = p[i, j] - less


@kernel
def newness(form: Floats, shares: Floats, height_m: Floats) -> tuple[Floats, Floats]:
    """Return what `Bank.newness` does, from how likely each model is (k,) and up to where what it has is seen (k,)."""
    n, k = form.shape[0], shares.shape[0]
    new, by_model = np.ones(n), np.empty((n, k))
    for j in range(n):
        for i in range(k):
            by_model[j, i] = shares[i]
        if form[j, DEPTH] <= 0.0:
            continue
        _, _, _, height = vertical_at(form[j, 0], form[j, 1], form[j, 2])
        new[j] = 0.0
        for i in range(k):
            tail = TAIL * height_m[i] + form[j, RADIUS]
            fades = math.exp(min((height_m[i] - height) / tail, 0.0))
            by_model[j, i] *= form[j, DEPTH] * max(fades, ANYWHERE) / (height_m[i] + tail)
            new[j] += by_model[j, i]
        for i in range(k):
            by_model[j, i] /= new[j]
    return new, by_model


@kernel
def write_new(
    real: Floats,
    rows: Integers,
    mean: Floats,
    covariance: Floats,
    existence: Floats,
    shares: Floats,
    sizes: Integers,
    offsets: Integers,
    extent: Floats,
) -> None:
    """Write new tracks of (k, n, 6) means and (k, n, 6, 6) covariances by model into rows; see `Bank.begin`."""
    n_models, beyond = sizes.shape[0], 0
    for at in range(rows.shape[0]):
        row = real[rows[at]]
        row[:] = 0.0
        row[EXISTENCE] = existence[at]
        beyond = 0
        for k in range(n_models):
            d, own = sizes[k], offsets[k]
            row[PROBABILITY + k] = shares[at, k]
            for a in range(6):
                row[own + a] = mean[k, at, a]
                for b in range(6):
                    row[own + d + a * d + b] = covariance[k, at, a, b]
            for a in range(6, d):
                low, high = extent[beyond, 0], extent[beyond, 1]
                row[own + a] = 0.5 * (low + high)
                row[own + d + a * (d + 1)] = (high - low) ** 2 / 12.0
                beyond += 1
