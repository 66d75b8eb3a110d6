"""How well did we do: one measure a file, each a pure function of truth and tracks.

The file's name is its key. A file holds `NAMES` (the figures it returns, unit last where there is one), `PERFECT` and
`measure`; `tests/test_every_metric.py` holds each one to the protocol below. What measures share sits beside them:
`pictures` (who is where at a time), `pairing` (who is near whom) and `reports` (track rows against the truth at their
own times).
"""

from collections.abc import Mapping
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.records import Tracks, Truth


class Metric(Protocol):
    """The contract of a measure's module (its functions are module functions)."""

    NAMES: ClassVar[tuple[str, ...]]

    PERFECT: ClassVar[Mapping[str, float]]
    """What each figure is where the tracks equal the truth; a figure without such a value is left out."""

    @staticmethod
    def measure(truth: Truth, tracks: Tracks, *, times_ns: NDArray[np.int64]) -> Mapping[str, float]:
        """Return the figures over the picture at `times_ns` (k,), whose order and repetitions do not matter.

        Truth and tracks have their own, unequal times; a figure that has no meaning (no truth at all) is NaN. Further
        keywords have defaults.
        """
        ...
