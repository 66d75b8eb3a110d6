"""What really was, as far as anybody knows."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column
from noroshi.records.identity import Identity


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth(Batch):
    """True states, n rows; targets have their own, unequal times.

    Attributes:
        target: (n,) name of the target.
        time_ns: (n,) Unix UTC nanoseconds.
        kind: (n,) a `Kind`.
        state_ecef: (n, 6) position [m] and velocity [m/s], Earth-fixed, WGS 84; velocity NaN where unknown.
        identity: who it says it is.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "target": (np.str_, ()),
        "time_ns": (np.int64, ()),
        "kind": (np.uint8, ()),
        "state_ecef": (np.float64, (6,)),
    }
    NESTED: ClassVar[tuple[str, ...]] = ("identity",)

    target: NDArray[np.str_]
    time_ns: NDArray[np.int64]
    kind: NDArray[np.uint8]
    state_ecef: NDArray[np.float64]
    identity: Identity
