"""Angles on a full circle."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


def wrap(angle_rad: Floats) -> Floats:
    """Return the angles in (-pi, pi]; those already there are returned unchanged."""
    wrapped = angle_rad - 2.0 * np.pi * np.rint(angle_rad / (2.0 * np.pi))
    wrapped = np.where(wrapped <= -np.pi, wrapped + 2.0 * np.pi, wrapped)
    return np.where(wrapped > np.pi, wrapped - 2.0 * np.pi, wrapped)


def difference(a: Floats, b: Floats, wrapped: Mask) -> Floats:
    """Return a - b (..., m), taken the short way round in the components where `wrapped` (m,) is set."""
    apart: Floats = a - b
    if np.any(wrapped):
        apart[..., wrapped] = wrap(apart[..., wrapped])
    return apart
