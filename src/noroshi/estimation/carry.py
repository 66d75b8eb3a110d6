"""F P F', as a kernel for one row."""

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel


@kernel
def carry(transition: Floats, covariance: Floats) -> None:
    """Replace the covariance P (d, d) by F P F', exactly symmetric; elements of F that are zero cost nothing."""
    d = len(transition)
    half = np.zeros((d, d))
    for i in range(d):
        for k in range(d):
            factor = transition[i, k]
            if factor != 0.0:
                for j in range(d):
                    half[i, j] += factor * covariance[k, j]
    for i in range(d):
        for j in range(i + 1):
            total = 0.0
            for k in range(d):
                total += half[i, k] * transition[j, k]
            covariance[i, j] = total
            covariance[j, i] = total
