"""A turn to the right that has set in: for laboratory data on the plane that touches the Earth at 0 N 0 E."""

from dataclasses import dataclass
from typing import ClassVar

from noroshi.motion.turning import RIGHT_RAD_S, TurnSetIn


@dataclass(frozen=True, slots=True)
class Motion(TurnSetIn):
    """Beside `plane_constant_velocity` what `right_turn` is beside `constant_velocity`, for what flies as aircraft do.

    Attributes:
        vertical_psd_m2_s3: of the acceleration along the Earth-fixed x; 0 leaves what is in the plane there.
    """

    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = (RIGHT_RAD_S,)
    CURVED: ClassVar[bool] = False

    vertical_psd_m2_s3: float = 0.0
