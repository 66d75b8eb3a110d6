"""What a forecast is: many ways that a threat could go on, each with its weight."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forecast:
    """The ways that one threat could go on: m ways at k times.

    Attributes:
        time_ns: (k,) Unix UTC nanoseconds, rising; the first is that of the state it began from.
        position_ecef_m: (m, k, 3) along each way; after its end it stays there.
        end_ns: (m,) when each way meets the ground, or is no longer told.
        lands: (m,) whether it meets the ground then.
        weight: (m,) of each way; their sum is 1.
    """

    time_ns: NDArray[np.int64]
    position_ecef_m: NDArray[np.float64]
    end_ns: NDArray[np.int64]
    lands: NDArray[np.bool_]
    weight: NDArray[np.float64]
