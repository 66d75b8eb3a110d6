"""What exponentially correlated noise (Ornstein-Uhlenbeck) becomes when it is integrated, as kernels."""

import math

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)
NODE, NODE_WEIGHT = 0.5 + 0.5 * _NODES, 0.5 * _WEIGHTS
SERIES = 1e-4  # below this the second integral is taken from its series, to 1e-13


@kernel
def decay(dt_s: float, memory_s: float) -> tuple[float, float, float]:
    """Return what is left after dt_s of a value of 1 that decays with the time constant, and its two integrals."""
    x = dt_s / memory_s
    lost = -math.expm1(-x)
    lag = x * x * (0.5 - x / 6.0 + x * x / 24.0) if abs(x) < SERIES else x - lost
    return 1.0 - lost, memory_s * lost, memory_s * memory_s * lag


@kernel
def integrated_coloured(dt_s: float, memory_s: float, covariance: Floats) -> None:
    """Write the (3, 3) covariance of the second integral, the first, and the value of noise of variance 1.

    The noise is white with density 2 / memory_s before it decays. For negative dt_s it works back from now to then, and
    what decays forwards grows. Gauss-Legendre with six nodes for each time constant: eleven digits, and positive
    semidefinite for any dt_s.

    Source: Singer (1970), Estimating optimal tracking filter performance for manned maneuvering targets, IEEE Trans.
    Aerospace and Electronic Systems 6(4), 473-483; Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications
    to Tracking and Navigation, section 8.2.3, whose closed form loses all digits at small dt_s / memory_s.
    """
    for i in range(3):
        for j in range(3):
            covariance[i, j] = 0.0
    panels = math.ceil(abs(dt_s) / memory_s)
    for panel in range(panels):
        for node in range(len(NODE)):
            value, first, second = decay((panel + NODE[node]) / panels * dt_s, memory_s)
            weight = NODE_WEIGHT[node] * 2.0 * abs(dt_s) / (panels * memory_s)
            covariance[0, 0] += weight * second * second
            covariance[0, 1] += weight * second * first
            covariance[0, 2] += weight * second * value
            covariance[1, 1] += weight * first * first
            covariance[1, 2] += weight * first * value
            covariance[2, 2] += weight * value * value
    covariance[1, 0], covariance[2, 0], covariance[2, 1] = covariance[0, 1], covariance[0, 2], covariance[1, 2]
