"""Smoothing: what later measurements tell of earlier states."""

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.estimation.kalman import symmetric


def smooth(means: Floats, covariances: Floats, predicted_means: Floats, F: Floats, Q: Floats) -> tuple[Floats, Floats]:
    """Return the smoothed means (k, n, d) and covariances (k, n, d, d) of n filtered sequences of k steps.

    A sequence that is shorter than the others is filled up with steps whose F is the identity and whose Q is zero.

    Args:
        means: (k, n, d) filtered, after the measurement of each step.
        covariances: (k, n, d, d) filtered.
        predicted_means: (k - 1, n, d): `means[i]` moved to step i + 1.
        F: (k - 1, n, d, d) transitions from step i to i + 1, Jacobians where the motion is nonlinear; (d, d) if equal.
        Q: (k - 1, n, d, d) process noise of these transitions; (d, d) if equal.

    Raises:
        numpy.linalg.LinAlgError: if a predicted covariance is singular.

    Source: Rauch, Tung & Striebel (1965), Maximum likelihood estimates of linear dynamic systems, AIAA J. 3,
    1445-1450. The covariance is written as a sum of squares, (I - C F) P (I - C F)' + C (Q + P_later) C' with gain C,
    equal to theirs, so that rounding keeps it positive definite.
    """
    k, _, d = means.shape
    steps = (k - 1, *covariances.shape[1:])
    F, Q = np.broadcast_to(F, steps), np.broadcast_to(Q, steps)
    smoothed, smoothed_covariances = means.copy(), covariances.copy()
    for i in range(k - 2, -1, -1):
        forward = F[i] @ covariances[i]
        gain_t = np.linalg.solve(symmetric(forward @ F[i].swapaxes(-1, -2) + Q[i]), forward)
        gain = gain_t.swapaxes(-1, -2)
        smoothed[i] += np.matvec(gain, smoothed[i + 1] - predicted_means[i])
        keep = np.eye(d) - gain @ F[i]
        later = gain @ (Q[i] + smoothed_covariances[i + 1]) @ gain_t
        smoothed_covariances[i] = symmetric(keep @ covariances[i] @ keep.swapaxes(-1, -2) + later)
    return smoothed, smoothed_covariances
