"""One threat as it is followed: its last measurement, what is foreseen of it, and what is told of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.records import MISSILES, Certainty, Kind, Stage
from noroshi.records.known import Known
from noroshi.warning.doubts import caught_up
from noroshi.warning.forecast import Forecast, carried_m, end_moves_m, end_sigma_m, ending, is_end_known
from noroshi.warning.foresee import LEAST, foresee
from noroshi.warning.telling import Concern, Telling

Floats = NDArray[np.float64]
Basis = tuple[Floats, Floats, Floats, int, float, bool]

LOST_SHARE = 0.04  # a forecast of what is lost holds for this part of the time that is left,
LOST_NS = (2 * NS_PER_S, 10 * NS_PER_S)  # within these; what concerns nobody may wait longer
SLACK_NS = NS_PER_S // 4  # by which a measurement may come too early to be foreseen
NOBODYS_NS = 6 * NS_PER_S
RISES_NS = 2 * NS_PER_S  # no area is held to become likely in less, from nought; nor from nearer in less than its share
UNSEEN_SHARE = 0.5  # of what is lost, once the time for which nobody has seen it has grown by so much of itself,
UNTOLD_SHARE = 1.0  # or, of what nobody is told of, by so much: nothing begins with it any more
KINDS_NEWS, SURER = 0.1, 0.95  # a probability of a kind that has changed by more, or a speed so much surer, is news
OTHER_NS = NS_PER_S  # and is foreseen anew no sooner
STANDS_NS = 20 * NS_PER_S  # a forecast that measurements bear out is made anew no sooner: it says where the threat ends
OPEN_NS = 10 * NS_PER_S  # nor one of what glides and concerns nobody, whose end nobody knows yet, sooner than this
STANDS_SHARE = 0.15  # within this share of its sigma, or of the next:
SURE_M = 2_500.0  # an end that is known so well is known to a twentieth of how near it has to come to concern an area
STANDS_LACKS = 0.5  # and only while no area that is not told is likelier than half of enough
SEEN_TO_LAND_NS = 15 * NS_PER_S  # measured so shortly before its end, a threat was seen to come down
DOWN_NS = 5 * NS_PER_S  # and is down once all of its ways have ended, and nobody has measured it, for so long


@dataclass(slots=True)
class Following:
    """A threat that is followed.

    Attributes:
        threat_id: its number, which it keeps.
        track_id: of the track that it is now.
        former: tracks that it was before, and when each was last measured then: what is left of them is nobody else.
        time_ns: of the state.
        updated_ns: when it was last measured.
        state_ecef: (6,) its state, Earth-fixed; of a lost one as it was last told.
        covariance_ecef: (6, 6).
        kinds: (7,) kind probabilities.
        stage: where it is in its course.
        since_ns: since when.
        region: where it rose, as a name for people; empty if it was not seen to rise.
        forecast: what is foreseen, and from which measurement.
        basis: what that was reckoned from: state, covariance, kinds, when these were so, for how long unseen, and
            whether roughly.
        foreseen_ns, measured_ns: when that was reckoned, and from a measurement of when.
        concerns: what the nation's own areas have to expect by that forecast.
        lands_here: whether it is likely enough to come down in one of them.
        lacks: by how much of what would make it likely the likeliest area is not that is not told or waits yet.
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
    basis: Basis | None = None
    foreseen_ns: int = 0
    measured_ns: int = 0
    concerns: tuple[Concern, ...] = ()
    lands_here: bool = False
    lacks: float = 1.0
    former: dict[int, int] = field(default_factory=dict)
    telling: Telling = field(default_factory=Telling)

    def see(self, time_ns: int, updated_ns: int, state: Floats, covariance: Floats, kinds: Floats) -> None:
        """Take in the row of its track in a picture."""
        self.time_ns, self.updated_ns = time_ns, updated_ns
        self.state_ecef, self.covariance_ecef, self.kinds = state, covariance, kinds

    def become(self, track_id: int) -> None:
        """Go on as another track."""
        if track_id != self.track_id:
            self.former[self.track_id] = self.updated_ns
            self.former.pop(track_id, None)
            self.track_id = track_id

    def absorb(self, other: "Following", seen: "Following") -> None:
        """Be another threat too, which turned out to be the same; which of the two is seen gives the track."""
        former = {**other.former, other.track_id: other.updated_ns, **self.former, self.track_id: self.updated_ns}
        if seen is not self:
            self.become(other.track_id)
            self.see(other.time_ns, other.updated_ns, other.state_ecef, other.covariance_ecef, other.kinds)
            self.forecast, self.basis, self.concerns = other.forecast, other.basis, other.concerns
            self.foreseen_ns, self.measured_ns = other.foreseen_ns, other.measured_ns
            self.lands_here, self.lacks = other.lands_here, other.lacks
        self.former = {track: ns for track, ns in former.items() if track != self.track_id}
        self.region = self.region or other.region
        self.telling.absorb(other.telling)

    def part(self, track_id: int) -> "Following | None":
        """Let go of a former track that is measured again beside the present one: they are two.

        If it gave this threat its number the threat goes back to it, and lets go of the present one.
        """
        was_known = self.former.pop(track_id, None) is not None
        if not was_known or track_id != self.threat_id:
            return None
        self.track_id = track_id
        return self

    def is_lost(self, now_ns: int, lost_s: float) -> bool:
        """Return whether nobody has measured it for a while."""
        return now_ns - self.updated_ns > lost_s * NS_PER_S

    @property
    def was_seen_to_land(self) -> bool:
        """Whether its last measurement was so shortly before it came down that it was seen to."""
        if self.stage == Stage.LANDED and self.updated_ns <= self.since_ns:
            return True  # where a track goes on under the ground says nothing of that
        if self.forecast is None or not is_end_known(self.forecast):
            return False
        return self.updated_ns >= ending(self.forecast).time_ns - SEEN_TO_LAND_NS

    def is_down(self, now_ns: int) -> bool:
        """Return whether it was seen to land: then nobody waits until it counts as lost.

        Each way that it could go on by its last measurement has ended, and there was none since. What was foreseen of a
        lost one does not count: its track goes on without what only measurements tell.
        """
        forecast = self.forecast
        if forecast is None or now_ns - self.updated_ns < DOWN_NS:
            return False
        if self.measured_ns != self.updated_ns or self.foreseen_ns - self.updated_ns > DOWN_NS:
            return False
        is_over = bool(forecast.lands.all()) and now_ns - int(forecast.end_ns.max()) >= DOWN_NS
        return is_over and self.was_seen_to_land

    def look_ahead(
        self,
        now_ns: int,
        *,
        is_lost: bool,
        holds_s_max: float = RISES_NS / NS_PER_S,
        follows_boosts: bool = True,
        known: Known | None = None,
    ) -> bool:
        """Foresee it anew if there is reason to; return whether that was done.

        What is lost is foreseen from where it was last expected, with what may have happened to it since; not again if
        nobody knows where it ends and nobody is told of it. What concerned nobody is foreseen roughly, as is what is
        sure, and a boost that no filter follows as one from where it may be by now. For `known` see `foresee`.
        """
        is_told = bool(self.telling.warned or self.telling.likely_since_ns)
        state, covariance = self.state_ecef, self.covariance_ecef
        if self.may_boost and not follows_boosts:
            state, covariance = caught_up(state, covariance)
        if self.forecast is not None:
            is_measured = self.updated_ns > self.measured_ns
            is_other = not is_measured and self._is_known_otherwise(covariance)
            is_news = is_measured or is_other
            is_idle = is_lost and not is_told and not is_end_known(self.forecast)
            if is_idle and not is_news:
                return False
            has_news = is_lost or is_news
            if is_lost:
                left_ns = max(int(self.forecast.end_ns.max()) - now_ns, 0)
                least_ns = LOST_NS[0] if self.concerns else NOBODYS_NS
                holds_ns = min(max(round(left_ns * LOST_SHARE), least_ns), LOST_NS[1])
                share = UNSEEN_SHARE if is_told else UNTOLD_SHARE
                holds_ns = max(holds_ns, round((self.foreseen_ns - self.updated_ns) * share))
            else:
                holds_ns = min(round(self.lacks * RISES_NS), round(holds_s_max * NS_PER_S))
                is_due = self.updated_ns - self.measured_ns >= holds_ns - SLACK_NS
                holds_ns = 0 if is_due else 2 * holds_ns  # what is measured next comes soon, and is foreseen at once
                holds_ns = OTHER_NS if is_other else holds_ns
            if not has_news or now_ns - self.foreseen_ns < holds_ns:
                return False
            may_stand = not is_lost and max(holds_ns, now_ns - self.foreseen_ns) < STANDS_NS
            if may_stand and self._stands(state, covariance, now_ns):
                return False
        unseen_s = max(now_ns - self.time_ns, 0) / NS_PER_S
        is_rough = not (is_told or self.concerns) or (self.is_sure and not is_lost)
        basis = (state, covariance, self.kinds, self.time_ns, unseen_s, is_rough)
        forecast = _foreseen(basis, known)
        if forecast is not None:  # none: it is no missile by what is known now
            self.forecast, self.basis = forecast, basis
        self.foreseen_ns, self.measured_ns = now_ns, self.updated_ns
        return forecast is not None

    def _is_known_otherwise(self, covariance: Floats) -> bool:
        """Return whether it is believed to be another thing than when it was foreseen, or is known better.

        A look that saw nothing tells too. Its speed alone is held against what it was: of where it is one knows less as
        it goes on unseen.
        """
        assert self.basis is not None
        _, before, kinds, *_ = self.basis
        is_surer = np.trace(covariance[3:, 3:]) < SURER**2 * np.trace(before[3:, 3:])
        return bool(is_surer or np.abs(self.kinds - kinds).max() > KINDS_NEWS)

    def _stands(self, state: Floats, covariance: Floats, now_ns: int) -> bool:
        """Return whether measurements bear out what was foreseen, and nothing that it says hangs on the next one.

        Its end then lies where it was said to lie, and is known as well. Where it comes near an area, or where one
        waits, each measurement counts. Of what glides far from all areas the end is not known for long; of what falls
        it is about to be, and is told as soon as it is.
        """
        assert self.forecast is not None
        assert self.basis is not None
        if self.telling.likely_since_ns or self.telling.low_since_ns or self.lacks < STANDS_LACKS:
            return False
        is_open = not is_end_known(self.forecast)
        is_far = self.kind is Kind.GLIDING and not (self.may_boost or self.concerns or self.telling.warned)
        if is_open and not (is_far and now_ns - self.foreseen_ns < OPEN_NS):
            return False
        if any(concern.first_ns <= now_ns for concern in self.concerns):
            return False
        _, before, kinds, *_ = self.basis
        if np.abs(self.kinds - kinds).max() > KINDS_NEWS:
            return False
        sigma_m = end_sigma_m(self.forecast)
        now_m_s, then_m_s = (math.sqrt(float(np.trace(each[3:, 3:]))) for each in (covariance, before))
        wider_m = abs(now_m_s / then_m_s - 1.0) * sigma_m
        if is_open:  # then the end is as wide as what is believed of lift, and not as the velocity
            wider_m = min(wider_m, carried_m(self.forecast, self.time_ns, abs(now_m_s - then_m_s)))
        moved_m = end_moves_m(self.forecast, state, self.time_ns)
        return max(moved_m, wider_m) <= STANDS_SHARE * max(sigma_m, SURE_M)

    @property
    def may_boost(self) -> bool:
        """Whether it may be under thrust."""
        return float(self.kinds[Kind.BOOSTING]) >= LEAST

    @property
    def is_rough(self) -> bool:
        """Whether it is foreseen in few ways."""
        return self.basis is not None and self.basis[-1]

    @property
    def is_sure(self) -> bool:
        """Whether it is known so well where it ends that few ways say as well as many whom it concerns."""
        return self.forecast is not None and is_end_known(self.forecast) and end_sigma_m(self.forecast) <= SURE_M

    def sharpen(self, known: Known | None = None) -> None:
        """Foresee it in all ways, from what it was foreseen from."""
        assert self.basis is not None
        self.basis = (*self.basis[:-1], False)
        self.forecast = _foreseen(self.basis, known)

    @property
    def kind(self) -> Kind:
        """The likeliest kind of missile."""
        return max(MISSILES, key=lambda kind: float(self.kinds[kind]))

    @property
    def is_missile(self) -> float:
        """How likely it is one."""
        return sum(float(self.kinds[kind]) for kind in MISSILES)

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
        times = [self.time_ns, self.updated_ns, self.since_ns, self.foreseen_ns, self.measured_ns]
        basis = None if self.basis is None else [_numbers(*self.basis[:3]), *self.basis[3:]]
        concerns = [concern.memory() for concern in self.concerns]
        numbers = _numbers(self.state_ecef, self.covariance_ecef, self.kinds)
        ahead = [basis, concerns, self.lands_here, self.lacks]
        former = sorted(self.former.items())
        return [
            self.threat_id, self.track_id, times, numbers, int(self.stage), self.region, ahead, former,
            self.telling.memory(pack),
        ]  # fmt: skip

    @classmethod
    def of(cls, memory: Sequence[Any], unpack: Callable[[bytes], Any], known: Known | None = None) -> "Following":
        """Return the threat that gave this memory; what was foreseen of it is reckoned again."""
        threat_id, track_id, times, numbers, stage, region, ahead, former, telling = memory
        basis, concerns, lands_here, lacks = ahead
        time_ns, updated_ns, since_ns, foreseen_ns, measured_ns = times
        held = None if basis is None else (*_parts(basis[0]), *basis[1:])
        return cls(
            threat_id, track_id, time_ns, updated_ns, *_parts(numbers), Stage(stage), since_ns, region=region,
            forecast=None if held is None else _foreseen(held, known), basis=held, foreseen_ns=foreseen_ns,
            measured_ns=measured_ns, concerns=tuple(Concern(*each) for each in concerns), lands_here=lands_here,
            lacks=lacks,
            former=dict(former),
            telling=Telling.of(telling, unpack),
        )  # fmt: skip


def _foreseen(basis: Basis, known: Known | None) -> Forecast | None:
    state, covariance, kinds, time_ns, unseen_s, is_rough = basis
    return foresee(state, covariance, kinds, time_ns, unseen_s=unseen_s, is_rough=is_rough, known=known)


def _numbers(*arrays: Floats) -> list[float]:
    numbers: list[float] = np.concatenate([array.ravel() for array in arrays]).tolist()
    return numbers


def _parts(numbers: Sequence[float]) -> tuple[Floats, Floats, Floats]:
    values = np.array(numbers)
    return values[:6], values[6:42].reshape(6, 6), values[42:]
