"""A turn at a nearly constant rate, either way, about the local vertical."""

from dataclasses import dataclass
from typing import ClassVar

from noroshi.motion.turning import Turn


@dataclass(frozen=True, slots=True)
class Motion(Turn):
    """Constant speed, climb and turn rate, disturbed; see `turning.Turn`. What it knows of the turn rate it keeps.

    The densities are those of the least error over whole flights on the tuning flights of `bench/manoeuvres.py`: what
    sets in and rolls out within seconds is better taken for acceleration than for a turn rate that wanders.
    """

    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ((-0.1, 0.1),)

    horizontal_psd_m2_s3: float = 16.0
    turn_rate_psd_rad2_s3: float = 2e-6
