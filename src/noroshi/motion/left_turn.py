"""A turn to the left that has set in, at a nearly constant rate about the local vertical."""

from dataclasses import dataclass
from typing import ClassVar

from noroshi.motion.turning import LEFT_RAD_S, TurnSetIn


@dataclass(frozen=True, slots=True)
class Motion(TurnSetIn):
    """Constant speed, climb and turn rate, disturbed; see `turning.Turn` and `turning.TurnSetIn`."""

    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = (LEFT_RAD_S,)
