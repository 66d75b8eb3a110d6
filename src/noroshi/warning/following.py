"""One threat as it is followed: its last measurement, what is foreseen of it, and what is told of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.records import Certainty, Kind, Stage
from noroshi.warning.forecast import Forecast
from noroshi.warning.foresee import foresee
from noroshi.warning.telling import Concern, Telling

Floats = NDArray[np.float64]

MISSILES = (Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING)
AGAIN_SHARE = 0.04  # a forecast holds for this part of the time that is left,
AGAIN_NS = (2 * NS_PER_S, 10 * NS_PER_S)  # within these; what concerns nobody may wait longer
NOBODYS_NS = 6 * NS_PER_S
UNSEEN_SHARE = 0.25  # of what is lost, once the time for which nobody has seen it has grown by so much of itself
SEEN_TO_LAND_NS = 15 * NS_PER_S  # measured so shortly before its end, a threat was seen to come down


@dataclass(slots=True)
class Following:
    """A threat that is followed.

    Attributes:
        threat_id: its number, which it keeps.
        track_id: of the track that it is now.
        time_ns: of the state.
        updated_ns: when it was last measured.
        state_ecef: (6,) its state, Earth-fixed; of a lost one as it was last told.
        covariance_ecef: (6, 6).
        kinds: (7,) kind probabilities.
        stage: where it is in its course.
        since_ns: since when.
        region: where it rose, as a name for people; empty if it was not seen to rise.
        forecast: what is foreseen, and from which measurement.
        foreseen_ns, measured_ns: when that was reckoned, and from a measurement of when.
        concerns: what the nation's own areas have to expect by that forecast.
        lands_here: whether it is likely enough to come down in one of them.
        telling: what is told of it.
    """

    threat_id: int
    track_id: int
    time_ns: int
    updated_ns: int
    state_ecef: Floats
    covariance_ecef: Floats
    kinds: Floats
    stage: Stage
    since_ns: int
    region: str = ""
    forecast: Forecast | None = None
    foreseen_ns: int = 0
    measured_ns: int = 0
    concerns: tuple[Concern, ...] = ()
    lands_here: bool = False
    telling: Telling = field(default_factory=Telling)

    def see(self, time_ns: int, updated_ns: int, state: Floats, covariance: Floats, kinds: Floats) -> None:
        """Take in the row of its track in a picture."""
        self.time_ns, self.updated_ns = time_ns, updated_ns
        self.state_ecef, self.covariance_ecef, self.kinds = state, covariance, kinds

    def is_lost(self, now_ns: int, lost_s: float) -> bool:
        """Return whether nobody has measured it for a while."""
        return now_ns - self.updated_ns > lost_s * NS_PER_S

    def look_ahead(self, now_ns: int, *, is_lost: bool) -> bool:
        """Foresee it anew if there is reason to; return whether that was done.

        What is lost is foreseen from where it was last expected, with what may have happened to it since.
        """
        if self.forecast is not None:
            left_ns = max(int(self.forecast.end_ns.max()) - now_ns, 0)
            least_ns = AGAIN_NS[0] if self.concerns else NOBODYS_NS
            holds_ns = min(max(round(left_ns * AGAIN_SHARE), least_ns), AGAIN_NS[1])
            if is_lost:
                holds_ns = max(holds_ns, round((self.foreseen_ns - self.updated_ns) * UNSEEN_SHARE))
            has_news = is_lost or self.updated_ns > self.measured_ns
            if not has_news or now_ns - self.foreseen_ns < holds_ns:
                return False
        unseen_s = max(now_ns - self.time_ns, 0) / NS_PER_S
        forecast = foresee(self.state_ecef, self.covariance_ecef, self.kinds, self.time_ns, unseen_s=unseen_s)
        self.forecast = forecast or self.forecast  # none: it is no missile by what is known now
        self.foreseen_ns, self.measured_ns = now_ns, self.updated_ns
        return forecast is not None

    @property
    def kind(self) -> Kind:
        """The likeliest kind of missile."""
        return max(MISSILES, key=lambda kind: float(self.kinds[kind]))

    @property
    def is_missile(self) -> float:
        """How likely it is one."""
        return float(self.kinds[list(MISSILES)].sum())

    @property
    def certainty(self) -> Certainty:
        """How sure its stage is."""
        if self.stage in (Stage.PASSED, Stage.LANDED):
            return Certainty.OBSERVED
        if self.stage == Stage.TRACK_LOST:
            return Certainty.POSSIBLE
        return Certainty.LIKELY if self.is_missile > 0.9 else Certainty.POSSIBLE

    def enter(self, stage: Stage, now_ns: int) -> None:
        """Be in a stage from now on, if it is not in it yet."""
        if stage != self.stage:
            self.stage, self.since_ns = stage, now_ns

    def memory(self, pack: Callable[[Any], bytes]) -> list[Any]:
        """Return what `of` needs, as plain data."""
        numbers = np.concatenate([self.state_ecef, self.covariance_ecef.ravel(), self.kinds]).tolist()
        times = [self.time_ns, self.updated_ns, self.since_ns]
        return [self.threat_id, self.track_id, times, numbers, int(self.stage), self.region, self.telling.memory(pack)]

    @classmethod
    def of(cls, memory: Sequence[Any], unpack: Callable[[bytes], Any]) -> "Following":
        """Return the threat that gave this memory; it is foreseen anew when it is next looked at."""
        threat_id, track_id, (time_ns, updated_ns, since_ns), numbers, stage, region, telling = memory
        values = np.array(numbers)
        return cls(
            threat_id, track_id, time_ns, updated_ns, values[:6], values[6:42].reshape(6, 6), values[42:],
            Stage(stage), since_ns, region=region, telling=Telling.of(telling, unpack),
        )  # fmt: skip
