"""Measurements taken in one component after the other, in place: the hot path of every tracker.

Components with independent noise may be taken one by one, with the same result as all together (Bar-Shalom, Li and
Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section 7.1.3, of which this is the
sequential form; Bierman (1977), Factorization Methods for Discrete Sequential Estimation, chapter II). Each costs one
division and no matrix is inverted, and what the gate needs falls out on the way.
"""

import math

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel


@kernel
def absorb(
    mean: Floats,
    covariance: Floats,
    innovation: Floats,
    rows: Floats,
    variance: Floats,
    fit: Floats,
    considered: Floats,
) -> None:
    """Update n rows in place.

    Along a considered direction a component changes neither position nor velocity: its gain, else the best one, is left
    without that part, which costs some accuracy and never the covariance's truth (Schmidt (1966), Application of
    state-space methods to navigation problems, Advances in Control Systems 3, 293-340). With g = P h of variance S, of
    which u is the part along the direction, (I - K h') P (I - K h')' + K r K' is P - (g g' - u u') / S.

    Args:
        mean: (n, d) predicted; the updated mean on return.
        covariance: (n, d, d) predicted; the updated covariance on return, exactly symmetric.
        innovation: (n, m) against the prediction; NaN where a component was not measured.
        rows: (n, m, 6) derivatives by the first six components of the state; the others are not measured.
        variance: (n, m) noise of each component, independent of the others'.
        fit: (n, 3) on return the squared Mahalanobis distance, the log determinant of the innovation covariance and
            how many components were measured.
        considered: (n, m, 3) unit vectors, zero where a component estimates all; (0, m, 3) if all do.
    """
    d = mean.shape[1]
    gain = np.empty(d)
    kept = np.zeros(d)
    change = np.empty(d)
    for i in range(mean.shape[0]):
        change[:] = 0.0
        squared, determinant, log_determinant, n_measured = 0.0, 1.0, 0.0, 0
        for k in range(innovation.shape[1]):
            residual = innovation[i, k]
            if math.isnan(residual):
                continue
            h = rows[i, k]
            last = 6 if h[3] != 0.0 or h[4] != 0.0 or h[5] != 0.0 else 3
            for a in range(d):
                gain[a] = covariance[i, a, 0] * h[0] + covariance[i, a, 1] * h[1] + covariance[i, a, 2] * h[2]
            if last == 6:
                for a in range(d):
                    gain[a] += covariance[i, a, 3] * h[3] + covariance[i, a, 4] * h[4] + covariance[i, a, 5] * h[5]
            spread = variance[i, k]
            for b in range(last):
                spread += h[b] * gain[b]
                residual -= h[b] * change[b]
            inverse = 1.0 / spread
            for a in range(d):
                weighed = gain[a] * inverse
                change[a] += weighed * residual
                for b in range(d):
                    covariance[i, a, b] -= weighed * gain[b]
            if considered.shape[0] > 0:
                u = considered[i, k]
                place = u[0] * gain[0] + u[1] * gain[1] + u[2] * gain[2]
                velocity = u[0] * gain[3] + u[1] * gain[4] + u[2] * gain[5]
                for c in range(3):
                    kept[c], kept[3 + c] = u[c] * place, u[c] * velocity
                for a in range(6):
                    change[a] -= kept[a] * inverse * residual
                    for b in range(6):
                        covariance[i, a, b] += kept[a] * inverse * kept[b]
            squared += residual * residual * inverse
            if not 1e-100 < determinant < 1e100:
                log_determinant += math.log(determinant)
                determinant = 1.0
            determinant *= spread
            n_measured += 1
        for a in range(d):
            mean[i, a] += change[a]
            for b in range(a):
                covariance[i, b, a] = covariance[i, a, b]
        fit[i, 0] = squared
        fit[i, 1] = log_determinant + math.log(determinant)
        fit[i, 2] = n_measured
