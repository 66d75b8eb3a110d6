"""A sensor that has fallen silent."""

from collections.abc import Mapping

from pydantic import ConfigDict, Field

from noroshi.geo.time import NS_PER_S
from noroshi.records import Certainty, Stage, Tracks
from noroshi.warning.rules import Base, Finding


class Rule(Base):
    """Tells of sensors of which nothing was heard for a while."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"after_s": 30.0}]})

    after_s: float = Field(default=60.0, gt=0.0, le=86_400.0, description="how long a silence is told")
    sensors: tuple[str, ...] = Field(
        default=(), description="which, heard before or not; all that were ever heard if none is named"
    )

    def awaited(self) -> tuple[str, ...]:
        """Return those that are named."""
        return self.sensors

    def look(self, picture: Tracks, heard_ns: Mapping[str, int], now_ns: int) -> list[Finding]:
        """Return those that are silent; see `warning.rules.Rule`."""
        return [
            Finding(
                key=sensor,
                number=0,
                hazard="sensor",
                stage=Stage.TRACK_LOST,
                certainty=Certainty.OBSERVED,
                updated_ns=last_ns,
                code=sensor,
                name=sensor,
                probability=1.0,
                first_ns=last_ns,
                last_ns=now_ns,
            )
            for sensor, last_ns in sorted(heard_ns.items())
            if now_ns - last_ns > self.after_s * NS_PER_S and (not self.sensors or sensor in self.sensors)
        ]
