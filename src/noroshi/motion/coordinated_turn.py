"""A turn at a nearly constant rate, either way, about the local vertical."""

from dataclasses import dataclass
from typing import ClassVar

from noroshi.motion.turning import Turn


@dataclass(frozen=True, slots=True)
class Motion(Turn):
    """Constant speed, climb and turn rate, disturbed; see `turning.Turn`. What it knows of the turn rate it keeps."""

    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ((-0.1, 0.1),)
