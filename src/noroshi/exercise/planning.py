"""A sensor manager's plan: which sensor looks where over the coming minute, proposed by the port that people use.

The plan is made of the node's fused picture alone. A track's threats to people weigh, and how little is known of it by
then: (1 + ln(1 + sigma / 1 km)) times the probability that it is a threat, with sigma the standard deviation of its
place as far as its velocity tells; a track may be looked at several times in each window, each time for less
(`advice.looks`). So many looks of a sensor, and no more, go to the plan; the others go on with its scan.

Nobody's sensors obey a plan by itself: for each nation whose sensors look it is a matter of its own, which that nation
approves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from noroshi.advice.looks import LookPlan, Looks, advise, looks
from noroshi.command.book import Book
from noroshi.command.rows import What
from noroshi.command.tasks import looks_in
from noroshi.command.transitions import UNDECIDED, Action, Step
from noroshi.exercise.aims import Aim
from noroshi.exercise.staff import Player
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import GRAVITATIONAL_PARAMETER_M3_S2, Floats
from noroshi.records import MISSILES, Decision, Kind, Tracks, TrackStatus, take

Integers = NDArray[np.int64]
THREAT_MIN = 0.3
GOOD_M = 1_000.0
SUBJECT = "looks"
ALTERNATIVES = 2
GRACE_NS = 60 * NS_PER_S  # in which it can be said, after the last look, what came of it


class Plans(Protocol):
    """Somebody who plans.

    Attributes:
        player: in whose name.
        picture: the newest that the node gave out; None: there is none yet.
    """

    player: Player
    picture: Tracks | None

    def wake_ns(self) -> int | None:
        """Return when the next plan is due; None if none is."""
        ...

    def plan(self, book: Book, now_ns: int) -> list[Decision]:
        """Return the plan as steps to be said."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what is remembered but for the picture, as plain data."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to `state`."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """A sensor that can be told where to look.

    Attributes:
        name, nation: whose.
        start_ns, period_ns: of its looks.
        can_look: whether it could see (n, 6) states at (n,) times, as its owner knows it.
    """

    name: str
    nation: str
    start_ns: int
    period_ns: int
    can_look: Callable[[Floats, Integers], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How plans are made.

    Attributes:
        period_s: how often.
        lead_s, ahead_s: from when after its making a plan holds, and for how long.
        slot_s: in each slot a track is looked at once at most.
        window_s: in each window looks at a track begin to count anew.
        share: of a sensor's looks, at most, that a plan may take from its scan.
    """

    period_s: float = 10.0
    lead_s: float = 0.0
    ahead_s: float = 60.0
    slot_s: float = 5.0
    window_s: float = 20.0
    share: float = 0.5


@dataclass(slots=True, kw_only=True)
class Planner:
    """What a sensor manager plans with.

    Attributes:
        player: in whose name.
        eyes: that may be asked, own and partners'.
        settings: how.
        start_ns: of the exercise.
        beforehand: the standing plan that is proposed at its beginning, for looks of the own nation's sensors.
        picture: the newest that the node gave out; None: there is none yet.
    """

    player: Player
    eyes: Sequence[Eye]
    settings: Settings
    start_ns: int
    beforehand: What | None = None
    picture: Tracks | None = None
    _is_prepared: bool = False
    _n_plans: int = 0
    _open: list[str] = field(default_factory=list)
    _last: list[tuple[str, int, str]] | None = None

    def wake_ns(self) -> int:
        """Return when the next plan is due."""
        if self.beforehand is not None and not self._is_prepared:
            return self.start_ns
        return self.start_ns + (self._n_plans + 1) * round(self.settings.period_s * NS_PER_S)

    def plan(self, book: Book, now_ns: int) -> list[Decision]:
        """Return the plan as proposals, one for each nation whose sensors it asks, instead of older ones."""
        if self.beforehand is not None and not self._is_prepared:
            self._is_prepared = True
            stream, why = f"standing-looks-{self.player.nation}", "EXERCISE: what partners may ask of our sensors"
            return [self.player.write(book, stream, Step.RECOMMENDED, now_ns, what=self.beforehand, reason=why)]
        self._n_plans += 1
        if not self.eyes:
            return []
        threats = None if self.picture is None else threats_of(self.picture)
        if threats is None or not len(threats):
            return []
        problem = problem_of(threats, self.eyes, self.settings, now_ns)
        plan = advise(problem, time_limit_s=1.0, clock=lambda: 0.0, alternatives=ALTERNATIVES)
        asked = self._asked(plan, problem, threats, now_ns)
        told = plan.told() | {"picture_ns": int(threats.time_ns.max()), "threats": len(threats)}
        told["changed"] = self._changed(asked)
        told["alternatives"] = [self._named(one, threats) for one in told["alternatives"]]
        return [said for nation in sorted(asked) for said in self._propose(book, nation, asked[nation], told, now_ns)]

    def state(self) -> dict[str, Any]:
        """Return what it remembers but for the picture, as plain data."""
        last = None if self._last is None else [list(each) for each in self._last]
        return {"n_plans": self._n_plans, "open": list(self._open), "is_prepared": self._is_prepared, "last": last}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to `state`."""
        self._n_plans, self._open = state["n_plans"], list(state["open"])
        self._is_prepared = state["is_prepared"]
        self._last = None if state["last"] is None else [(name, at_ns, track) for name, at_ns, track in state["last"]]

    def _changed(self, asked: Mapping[str, list[list[Any]]]) -> dict[str, int] | None:
        """Return how many looks the last plan asked for already; None if there was none."""
        now = [(name, at_ns, track) for some in asked.values() for name, at_ns, _, _, _, track in some]
        before, self._last = self._last, now
        return None if before is None else {"kept": len(set(before) & set(now)), "new": len(set(now) - set(before))}

    def _named(self, alternative: dict[str, Any], threats: Tracks) -> dict[str, Any]:
        """Return an alternative with the names of the sensor and the track that its plan is without."""
        if "look" not in alternative:
            return alternative
        sensor, slot, row = alternative["look"]
        track = str(threats.track_id[row // _n_windows(self.settings)])
        return alternative | {"look": [self.eyes[sensor].name, slot, track]}

    def _asked(self, plan: LookPlan, problem: Looks, threats: Tracks, now_ns: int) -> dict[str, list[list[Any]]]:
        """Return by nation the looks asked: sensor, time, place in whole metres, number of the track."""
        n_windows = _n_windows(self.settings)
        slot_ns, begin_ns = round(self.settings.slot_s * NS_PER_S), now_ns + round(self.settings.lead_s * NS_PER_S)
        asked: dict[str, list[list[Any]]] = {}
        rows = problem.option[plan.chosen]
        for sensor, slot in np.unique(rows[:, :2], axis=0).tolist():
            eye = self.eyes[sensor]
            first = -(-(begin_ns + slot * slot_ns - eye.start_ns) // eye.period_ns)
            wanted = rows[(rows[:, 0] == sensor) & (rows[:, 1] == slot), 2].tolist()
            n_looks = max(1, slot_ns // eye.period_ns)
            for k, want in enumerate(wanted):
                at_ns = eye.start_ns + (first + k * n_looks // len(wanted)) * eye.period_ns
                row = want // n_windows
                place = _ahead(threats, np.array([row]), np.array([at_ns]))[0, :3]
                asked.setdefault(eye.nation, []).append(
                    [eye.name, at_ns, *np.round(place).astype(int).tolist(), str(threats.track_id[row])]
                )
        return asked

    def _propose(
        self, book: Book, nation: str, asked: list[list[Any]], told: Mapping[str, Any], now_ns: int
    ) -> list[Decision]:
        own = self.player.nation
        stream = f"looks-{own}-{nation}-{self._n_plans:05d}"
        last_ns = max(at_ns for _, at_ns, *_ in asked)
        what = What(
            action=Action.SENSOR_TASK,
            asset=nation,
            priority="immediate",
            until_ns=last_ns + GRACE_NS,
            detail={"subject": SUBJECT, "until_ns": last_ns, "looks": asked},
        )
        reason = f"EXERCISE: {len(asked)} looks at what threatens"
        said = [self.player.write(book, stream, Step.RECOMMENDED, now_ns, what=what, reason=reason, advice=told)]
        for old in self._open:
            matter = book.matters.get((own, old))
            if matter is not None and matter.what.asset == nation and matter.state in UNDECIDED:
                said.append(self.player.write(book, old, Step.SUPERSEDED, now_ns, to=stream, reason="a newer plan"))
        still = [old for old in self._open if (m := book.matters.get((own, old))) is not None and m.state in UNDECIDED]
        self._open = [old for old in still if book.matters[own, old].what.asset != nation] + [stream]
        return said


def aims_of(what: What) -> dict[str, list[Aim]]:
    """Return what a task asks of each sensor, by its name."""
    found: dict[str, list[Aim]] = {}
    for look in looks_in(what):
        place = (float(look.x_m), float(look.y_m), float(look.z_m))
        found.setdefault(look.sensor, []).append(Aim(look.time_ns, place))
    return found


def threats_of(picture: Tracks) -> Tracks:
    """Return the tracks of a picture that may threaten somebody."""
    likely = picture.kind_probability[:, list(MISSILES)].sum(axis=1) >= THREAT_MIN
    is_live = np.isin(picture.status, (TrackStatus.FIRM, TrackStatus.COASTING))
    return take(picture, np.flatnonzero(likely & is_live))


def problem_of(threats: Tracks, eyes: Sequence[Eye], settings: Settings, now_ns: int) -> Looks:
    """Return which looks there are: sensor, slot, and for each track one row for each window."""
    n_slots, n_windows = max(1, round(settings.ahead_s / settings.slot_s)), _n_windows(settings)
    slot_ns, begin_ns = round(settings.slot_s * NS_PER_S), now_ns + round(settings.lead_s * NS_PER_S)
    middle_ns = begin_ns + slot_ns * np.arange(n_slots) + slot_ns // 2
    window = np.minimum((np.arange(n_slots) * settings.slot_s // settings.window_s).astype(np.int64), n_windows - 1)
    n = len(threats)
    track, slot = np.repeat(np.arange(n), n_slots), np.tile(np.arange(n_slots), n)
    states = _ahead(threats, track, middle_ns[slot])
    visible = np.zeros((len(eyes), n_slots, n * n_windows), np.bool_)
    capacity = np.empty((len(eyes), n_slots), np.int64)
    for i, eye in enumerate(eyes):
        visible[i, slot, track * n_windows + window[slot]] = eye.can_look(states, middle_ns[slot])
        capacity[i] = max(1, int(settings.share * slot_ns / eye.period_ns))
    return looks(capacity, _weights(threats, begin_ns, settings).ravel(), visible)


def _n_windows(settings: Settings) -> int:
    return max(1, round(settings.ahead_s / settings.window_s))


def _weights(threats: Tracks, begin_ns: int, settings: Settings) -> Floats:
    """Return the (n, windows) worth of a first look at each track in each window."""
    windows_ns = begin_ns + (np.arange(_n_windows(settings)) + 0.5) * settings.window_s * NS_PER_S
    after_s = ((windows_ns[None] - threats.time_ns[:, None]) / NS_PER_S)[:, :, None, None]
    cov = threats.covariance_ecef[:, None]
    ahead = cov[..., :3, :3] + 2.0 * after_s * cov[..., :3, 3:] + after_s**2 * cov[..., 3:, 3:]
    sigma_m = np.sqrt(np.maximum(np.trace(ahead, axis1=2, axis2=3) / 3.0, 0.0))
    likely = threats.kind_probability[:, list(MISSILES)].sum(axis=1) * threats.existence
    worth: Floats = np.nan_to_num(likely[:, None] * (1.0 + np.log1p(sigma_m / GOOD_M)))
    return worth


def _ahead(threats: Tracks, track: Integers, time_ns: Integers) -> Floats:
    """Return the (k, 6) states of tracks at other times: straight on, and what is ballistic falls."""
    states, after_s = threats.state_ecef[track].copy(), ((time_ns - threats.time_ns[track]) / NS_PER_S)[:, None]
    radius_m = np.linalg.norm(states[:, :3], axis=1)[:, None]
    falls = threats.kind_probability[track, Kind.BALLISTIC][:, None] * GRAVITATIONAL_PARAMETER_M3_S2 / radius_m**3
    states[:, :3] += states[:, 3:6] * after_s - 0.5 * after_s**2 * falls * states[:, :3]
    return states
