"""Something hot that rises, seen by so few that its place is not known."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Launches(Batch):
    """Notices of launches, n rows; no place is claimed.

    Attributes:
        node: that noticed them.
        launch_id: (n,) number of the launch, a hash of its first line of sight; where a track alone tells of it, the
            track's.
        track_id: (n,) number of the node's own track that has it; 0 while none has.
        time_ns: (n,) of the newest line of sight, Unix UTC nanoseconds.
        first_ns: (n,) of the first.
        probability: (n,) that it is one.
        origin_ecef_m: (n, 3) of the newest line: where the satellite was; the ground below the track, if that is all.
        direction_ecef: (n, 3) of unit length, from there to what is hot.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "launch_id": (np.uint64, ()),
        "track_id": (np.uint64, ()),
        "time_ns": (np.int64, ()),
        "first_ns": (np.int64, ()),
        "probability": (np.float64, ()),
        "origin_ecef_m": (np.float64, (3,)),
        "direction_ecef": (np.float64, (3,)),
    }

    node: str
    launch_id: NDArray[np.uint64]
    track_id: NDArray[np.uint64]
    time_ns: NDArray[np.int64]
    first_ns: NDArray[np.int64]
    probability: NDArray[np.float64]
    origin_ecef_m: NDArray[np.float64]
    direction_ecef: NDArray[np.float64]
