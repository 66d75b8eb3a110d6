"""What may be set of a fusion."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from noroshi.fusion.association import Rules
from noroshi.fusion.registration import Registering

SELF_REPORT = "position_report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How contributions are fused. Nodes that are to have the same picture have the same settings.

    Attributes:
        key: what the nodes of one coalition share, from which system track numbers are made; empty is no secret.
        step_s: the fold goes in steps of this; tracks are associated at the end of each.
        window_s: how late a contribution may come and still be used as if it had come in time.
        silent_s: a contributor of whom nothing has come for so long has ended, or for four of its usual intervals.
        coarse_silent_s: the same of coarse ones.
        place_max: how many contributors one owner may have at one place, a cube of 10 km, or wider as their errors
            are; one that tells of more is not believed, and costs no more.
        owner_max: how many it may have in all.
        density_m2_s3: process noise that trackers are taken to have at the least, by owner; "" is for all others. What
            they have is seen from their contributions.
        coarse_density_m2_s3: process noise of targets that are told coarsely, from which it cannot be seen.
        sensor_types: the type of each sensor by its name.
        types: names of types, which stand for sensors after `strip`; what fed a track under any other name is unknown.
        rules: when tracks are joined and parted.
        registering: how owners are registered against each other; None not at all.
    """

    key: bytes = b""
    step_s: float = 1.0
    window_s: float = 30.0
    silent_s: float = 60.0
    coarse_silent_s: float = 1800.0
    place_max: int = 300
    owner_max: int = 50_000
    density_m2_s3: Mapping[str, float] = field(default_factory=lambda: {"": 0.01})
    coarse_density_m2_s3: float = 2.0
    sensor_types: Mapping[str, str] = field(default_factory=dict)
    types: tuple[str, ...] = ("infrared", "local_position", "over_horizon_radar", "position_report", "search_radar")
    rules: Rules = field(default_factory=Rules)
    registering: Registering | None = field(default_factory=Registering)

    def __post_init__(self) -> None:
        for name in ("step_s", "window_s", "silent_s", "coarse_silent_s"):
            if not 0.0 < getattr(self, name) < 1e6:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be positive")
        for owner, density in self.density_m2_s3.items():
            if not 0.0 <= density < 1e4:
                raise ValueError(f"density_m2_s3 of {owner!r} is {density}: it must be zero or more, and below 1e4")
        if self.window_s < self.step_s:
            raise ValueError(f"a window of {self.window_s} s is shorter than a step of {self.step_s} s")
