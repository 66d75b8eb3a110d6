"""A turn to the right that has set in, at a nearly constant rate about the local vertical."""

from dataclasses import dataclass
from typing import ClassVar

from noroshi.motion.turning import Turn


@dataclass(frozen=True, slots=True)
class Motion(Turn):
    """Constant speed, climb and turn rate, disturbed; see `turning.Turn`.

    It is one of several models of a bank: whenever a target takes it up its rate is anew anywhere in the extent, 2.5
    degrees a second with a standard deviation of 1, whatever came of the turn before. With one model a side each filter
    has one arc to bend along, and its Jacobian holds. The densities were chosen on the tuning flights of
    `bench/manoeuvres.py`.
    """

    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ((-0.0738, -0.0134),)
    SETS_IN: ClassVar[bool] = True

    horizontal_psd_m2_s3: float = 4.0
    turn_rate_psd_rad2_s3: float = 4e-6
