"""What a node expects of each threat, and the way that it is expected to go."""

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column
from noroshi.records.tracks import Kind


class Stage(IntEnum):
    """Where a threat is in its course, as far as sensors tell. Passed and landed are *observed*, never reckoned."""

    LAUNCH_DETECTED = 0  # something hot rises; its place is not known
    BOOSTING = 1
    BALLISTIC = 2
    GLIDING = 3
    WILL_PASS = 4  # over an area that is watched
    WILL_LAND = 5  # in it
    PASSED = 6
    LANDED = 7
    TRACK_LOST = 8
    CLEAR = 9
    ENTERING = 10  # an aircraft or a ship, a zone
    ENTERED = 11


class Certainty(IntEnum):
    """How sure a node is of what it says, in the words of CAP 1.2."""

    UNLIKELY = 0
    POSSIBLE = 1  # up to 50 percent
    LIKELY = 2  # above 50 percent
    OBSERVED = 3


STAGES = tuple(stage.name.lower() for stage in Stage)
CERTAINTIES = tuple(certainty.name.lower() for certainty in Certainty)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Threats(Batch):
    """What is expected of threats, n rows: each threat at one time.

    Attributes:
        node: which expects it.
        threat_id: (n,) the system track number; of a launch without a track the number of the launch.
        time_ns: (n,) of the picture that it was reckoned from, Unix UTC nanoseconds.
        updated_ns: (n,) when the threat was last measured.
        since_ns: (n,) since when it is in this stage.
        expires_ns: (n,) after when this must not be believed any more.
        stage: (n,) a `Stage`.
        certainty: (n,) a `Certainty`, of the stage.
        kind_probability: (n, 7) in the order of `Kind`.
        end_ns: (n,) when it is expected to come down; 0 where that is not known.
        end_sigma_s: (n,) of that time; NaN where it is not known.
        end_lat_rad, end_lon_rad: (n,) where, on the ellipsoid; NaN where it is not known.
        end_covariance_m2: (n, 2, 2) of that place, east and north [m^2]; NaN where it is not known.
        region: (n,) the name of the region where it rose, for people; empty where it is not known.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "threat_id": (np.uint64, ()),
        "time_ns": (np.int64, ()),
        "updated_ns": (np.int64, ()),
        "since_ns": (np.int64, ()),
        "expires_ns": (np.int64, ()),
        "stage": (np.uint8, ()),
        "certainty": (np.uint8, ()),
        "kind_probability": (np.float64, (len(Kind),)),
        "end_ns": (np.int64, ()),
        "end_sigma_s": (np.float64, ()),
        "end_lat_rad": (np.float64, ()),
        "end_lon_rad": (np.float64, ()),
        "end_covariance_m2": (np.float64, (2, 2)),
        "region": (np.str_, ()),
    }

    node: str
    threat_id: NDArray[np.uint64]
    time_ns: NDArray[np.int64]
    updated_ns: NDArray[np.int64]
    since_ns: NDArray[np.int64]
    expires_ns: NDArray[np.int64]
    stage: NDArray[np.uint8]
    certainty: NDArray[np.uint8]
    kind_probability: NDArray[np.float64]
    end_ns: NDArray[np.int64]
    end_sigma_s: NDArray[np.float64]
    end_lat_rad: NDArray[np.float64]
    end_lon_rad: NDArray[np.float64]
    end_covariance_m2: NDArray[np.float64]
    region: NDArray[np.str_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths(Batch):
    """The ways that threats are expected to go, n points, each way in the order of time.

    Attributes:
        node: which expects it.
        threat_id: (n,) of the threat.
        time_ns: (n,) when it is expected there, Unix UTC nanoseconds.
        lat_rad, lon_rad, height_m: (n,) where, WGS 84, above the ellipsoid.
        along_sigma_m, across_sigma_m: (n,) along the way over ground and across it.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "threat_id": (np.uint64, ()),
        "time_ns": (np.int64, ()),
        "lat_rad": (np.float64, ()),
        "lon_rad": (np.float64, ()),
        "height_m": (np.float64, ()),
        "along_sigma_m": (np.float64, ()),
        "across_sigma_m": (np.float64, ()),
    }

    node: str
    threat_id: NDArray[np.uint64]
    time_ns: NDArray[np.int64]
    lat_rad: NDArray[np.float64]
    lon_rad: NDArray[np.float64]
    height_m: NDArray[np.float64]
    along_sigma_m: NDArray[np.float64]
    across_sigma_m: NDArray[np.float64]
