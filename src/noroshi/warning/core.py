"""The fold from pictures to threats and proposals: deterministic, and told the time.

A threat is a track that is likely a missile and has more energy than any aircraft. It is followed under the number that
it had first, also where its track broke and a new one goes on where it was expected. What nobody has measured for a
while is lost: it is foreseen from its last measurement with growing doubt, and never said to have passed.
"""

import hashlib
import math
import re
import sys
import traceback
from collections.abc import Callable, Container, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, geodetic_from_ecef
from noroshi.records import Alert, Certainty, Kind, Launches, Paths, Stage, Threats, Tracks, TrackStatus
from noroshi.records.known import Known
from noroshi.warning.areas import Areas
from noroshi.warning.exposure import LATE, exposed_areas
from noroshi.warning.following import Following
from noroshi.warning.forecast import LANDS_MIN, NO_END, Forecast, ending, is_end_known, path_of
from noroshi.warning.rules import Base as Rule
from noroshi.warning.rules import Finding
from noroshi.warning.settings import Settings
from noroshi.warning.telling import Concern, Course, Telling
from noroshi.warning.threatening import DOUBT, is_alive, may_threaten, threatening

Answer = TypeVar("Answer")

MISSED_M_S2 = 20.0  # of a glider that banks by 60 degrees, or of half of a boost
RISES_M_MAX = 60_000.0  # what is first seen above may have come from far
NEW_PER_M3 = 1.0 / (1e12 * RISES_M_MAX), 0.01 / (1e12 * 1e6)
"""How likely a new threat is first seen at a place below that height, and above it, if it may be anywhere within 1,000
by 1,000 km: one in a hundred is seen only when it has risen."""
REGION_M = 30_000.0
ROUGHLY = 0.1  # by so much and less few ways may be off what many say of a sure end: nearer to what decides, all count
NEARLY = 0.5  # of the probability that concerns an area: that much of a rough forecast calls for a whole one
BESIDE_NS = 5 * NS_PER_S, 30 * NS_PER_S
"""A new track that is likely a threat which is seen is held for that for so long: fusion may still make one of the two.
The second where no contributor has a part in both: who follows both has reason to hold them for two."""
UNSEEN_NS = 5 * NS_PER_S  # a track that was not measured for so long when a new one was is seen beside it no more
JOINED_NS = 5 * NS_PER_S  # nor is one whose track is in no picture any more, so shortly after its last measurement
WHY_LENGTH_MAX = 200
ADDRESS, PATH = re.compile("0x[0-9a-f]+"), re.compile(r"[/\\]")
GONE = {"aircraft": "has turned away or left", "ship": "has turned away or left", "sensor": "is heard again"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Said:
    """What a look at a picture gives.

    Attributes:
        threats: all that are followed, one row each.
        paths: how those go on that were foreseen anew.
        proposals: what is proposed to be told.
        withdrawn: identifiers of earlier proposals that these, or nothing, replace.
        faults: by the name of a rule that fails as it did not before, at what; "" of one that works again.
    """

    threats: Threats
    paths: Paths | None
    proposals: tuple[Alert, ...]
    withdrawn: tuple[str, ...]
    faults: Mapping[str, str]


class Warner:
    """Watches pictures for what people must be warned of.

    Args:
        nation: whose people; the sender of its alerts.
        areas: what is watched.
        rules: of what else is told, beside missiles.
        settings: how cautious it is.
        follows_boosts: whether trackers have a motion model of boosts; where none has, what is held for one lags.
        known: what was foreseen lately, here and at nodes of the same process; None remembers nothing.

    Attributes:
        faults: by the name of a rule that failed at the last look, where and why.
    """

    def __init__(
        self,
        nation: str,
        areas: Areas,
        *,
        rules: Sequence[Rule] = (),
        settings: Settings | None = None,
        follows_boosts: bool = True,
        known: Known | None = None,
    ) -> None:
        self.follows_boosts, self._known = follows_boosts, known
        self.nation, self.areas, self.rules = nation, areas, tuple(rules)
        self.settings = settings or Settings()
        self._everyday = replace(self.settings, wait_s=0.0)  # what rules find is seen there, not foreseen
        self._codes: list[str] = areas.code.tolist()
        countries = [code.partition("-")[0] for code in self._codes]
        self._own = np.isin(countries, list(self.settings.countries))
        self._following: dict[int, Following] = {}
        self._found: dict[str, Telling] = {}
        self.faults: dict[str, tuple[str, str]] = {}
        self._launches: dict[int, tuple[int, int, float]] = {}  # first and newest time, probability
        self._heard_ns: dict[str, int] = {}
        self._beside_ns: dict[int, int] = {}  # since when tracks are held for threats that are seen, by track

    def notice(self, launches: Launches) -> None:
        """Take in notices of launches; one that a track has is told as that track's threat."""
        for number, track, first_ns, time_ns, probability in zip(
            launches.launch_id.tolist(), launches.track_id.tolist(), launches.first_ns.tolist(),
            launches.time_ns.tolist(), launches.probability.tolist(), strict=True,
        ):  # fmt: skip
            if track:
                self._launches.pop(number, None)
            else:
                self._launches[number] = (first_ns, time_ns, probability)

    def hear(self, sensor: str, time_ns: int) -> None:
        """Note that a sensor gave a sign of life."""
        self._heard_ns[sensor] = max(time_ns, self._heard_ns.get(sensor, 0))

    @property
    def is_following(self) -> bool:
        """Whether there is a threat."""
        return bool(self._following)

    def may_threaten(self, tracks: Tracks) -> NDArray[np.bool_]:
        """Return (n,) which tracks may be threats to it, or may still be what was one."""
        return may_threaten(tracks, self.settings)

    def over_ns(self, after_ns: int) -> int | None:
        """Return when the first wait of an area that is not over at a time will be, if one waits."""
        wait_ns, hurry_ns = round(self.settings.wait_s * NS_PER_S), round(self.settings.hurry_s * NS_PER_S)
        glance_ns = round(self.settings.glance_s * NS_PER_S)
        waits = [
            (since_ns + wait_ns, max(since_ns + glance_ns, concern.first_ns - hurry_ns + 1))
            for one in self._following.values()
            for concern in one.concerns
            if (since_ns := one.telling.likely_since_ns.get(concern.code)) is not None
        ]
        return min((ns for ends_ns in waits for ns in ends_ns if ns > after_ns), default=None)

    def look(self, picture: Tracks, now_ns: int, *, with_paths: bool = True, is_early: bool = False) -> Said:
        """Look at a picture of now; return what is expected and what is proposed, with paths if anybody draws them.

        Early, before partners' word of now has come and is associated, only threats that are followed are looked at:
        what is new may be one of them.
        """
        self._see(picture, now_ns, begins=not is_early)
        proposals, new = [], []
        for number in sorted(self._following):
            one = self._following[number]
            is_lost = one.is_lost(now_ns, self.settings.lost_s)
            if not one.is_down(now_ns) and one.look_ahead(
                now_ns,
                is_lost=is_lost,
                holds_s_max=self.settings.holds_s_max,
                follows_boosts=self.follows_boosts,
                known=self._known,
            ):
                self._weigh(one)
                new.append(one)
            proposal = self._judge(one, now_ns)
            if proposal is not None:
                proposals.append(proposal)
        before = self.faults
        proposals += [] if is_early else self._look_by_rules(picture, now_ns)
        said = Said(
            threats=self._threats(now_ns),
            paths=self._paths(new) if with_paths else None,
            proposals=tuple(proposals),
            withdrawn=self.withdrawn(),
            faults=_new_faults(before, self.faults),
        )
        over = [number for number, one in self._following.items() if one.stage == Stage.CLEAR or one.forecast is None]
        for number in over:
            del self._following[number]
        return said

    @property
    def followed(self) -> Mapping[int, int]:
        """The number of the track that each threat is followed by, or was last, by the threat's own number."""
        return {number: one.track_id for number, one in self._following.items()}

    def renew(self, identifier: str, why: str, now_ns: int) -> Alert | None:
        """Return what is to be proposed in place of a proposal that may not be approved any more, if anything."""
        for one in self._following.values():
            if one.telling.pending is not None and one.telling.pending.identifier == identifier:
                return one.telling.renew(why, self._course(one, now_ns), self.nation, self.settings)
        return None

    def withdrawn(self) -> tuple[str, ...]:
        """Return which proposals were withdrawn since this was last asked, and forget them."""
        tellings = [*(one.telling for one in self._following.values()), *self._found.values()]
        gone = [identifier for telling in tellings for identifier in telling.withdrawn]
        for telling in tellings:
            telling.withdrawn = []
        return tuple(sorted(gone))

    def decide(self, alert: Alert, approved: Alert | None, *, has_lapsed: bool = False) -> None:
        """Take in what a person made of a proposal; None is a refusal, or that nobody said anything in time."""
        for telling in (*(one.telling for one in self._following.values()), *self._found.values()):
            known = [each.identifier for each in (telling.pending, telling.told, telling.refused) if each is not None]
            if alert.identifier in known:
                telling.decide(alert.identifier, approved, has_lapsed=has_lapsed)

    def memory(self, pack: Callable[[Any], bytes]) -> dict[str, Any]:
        """Return what `resume` needs, as plain data; `pack` makes bytes of a record."""
        return {
            "following": [self._following[number].memory(pack) for number in sorted(self._following)],
            "found": [[key, self._found[key].memory(pack)] for key in sorted(self._found)],
            "launches": [[number, *self._launches[number]] for number in sorted(self._launches)],
            "heard_ns": [[name, self._heard_ns[name]] for name in sorted(self._heard_ns)],
            "faults": [[name, *self.faults[name]] for name in sorted(self.faults)],
            "beside_ns": [[track, self._beside_ns[track]] for track in sorted(self._beside_ns)],
        }

    def resume(self, memory: Mapping[str, Any], unpack: Callable[[bytes], Any]) -> None:
        """Become the warner that gave this memory.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        following = [Following.of(each, unpack, self._known) for each in memory["following"]]
        self._following = {one.threat_id: one for one in following}
        self._found = {key: Telling.of(telling, unpack) for key, telling in memory["found"]}
        self._launches = {number: (first, newest, p) for number, first, newest, p in memory["launches"]}
        self._heard_ns, self._beside_ns = dict(memory["heard_ns"]), dict(memory["beside_ns"])
        self.faults = {name: (where, why) for name, where, why in memory["faults"]}

    def _see(self, picture: Tracks, now_ns: int, *, begins: bool) -> None:
        """Take in the rows of threats: known ones; if any begin, lost ones that go on as other tracks and new ones."""
        if begins:
            alive = set(picture.track_id[is_alive(picture)].tolist())
            self._beside_ns = {track: ns for track, ns in self._beside_ns.items() if track in alive}
            self._join(picture, alive, now_ns)
        by_track = {track: one for one in self._following.values() for track in (*one.former, one.track_id)}
        firm = set(picture.track_id[picture.status == TrackStatus.FIRM].tolist())
        known = is_alive(picture) & np.array([number in by_track for number in picture.track_id.tolist()], np.bool_)
        for row in np.flatnonzero(known | threatening(picture, self.settings) if begins else known).tolist():
            number = int(picture.track_id[row])
            one = by_track.get(number)
            if one is not None and one.track_id != number:  # a track that it was
                if not begins or int(picture.updated_ns[row]) <= one.former.get(number, -1):
                    continue
                if one.track_id in firm:  # both are seen: they are two
                    one = one.part(number)
            one = one or self._goes_on(picture, row, firm, now_ns)
            if one is None:
                if self._is_beside(picture, row, now_ns):
                    continue
                one = Following(
                    number, number, now_ns, now_ns, np.zeros(6), np.zeros((6, 6)), np.zeros(len(Kind)),
                    Stage.LAUNCH_DETECTED, now_ns,
                )  # fmt: skip
                self._following[number] = one
                one.region = self._region(picture.state_ecef[row, :3])
            one.become(number)
            one.see(
                int(picture.time_ns[row]), int(picture.updated_ns[row]), picture.state_ecef[row],
                picture.covariance_ecef[row], picture.kind_probability[row],
            )  # fmt: skip

    def _is_beside(self, picture: Tracks, row: int, now_ns: int) -> bool:
        """Return whether a new track is held for a threat that is seen, for now.

        Where nations' tracks of one missile are too unlike to be joined yet, and where a tracker has lost one and begun
        another, each would be a threat of its own that is never seen again.
        """
        number = int(picture.track_id[row])
        since_ns = self._beside_ns.setdefault(number, now_ns)
        at = {int(track): i for i, track in enumerate(picture.track_id.tolist())}
        seen = [(one, at[one.track_id]) for one in self._following.values() if one.track_id in at]
        likely = [i for one, i in seen if one.forecast is not None and _odds(one, one.forecast, picture, row) > 0.0]
        is_apart = [not (picture.sources[i] & picture.sources[row]).any() for i in likely]
        return bool(likely) and now_ns - since_ns < BESIDE_NS[any(is_apart)]

    def _join(self, picture: Tracks, alive: Set[int], now_ns: int) -> None:
        """Make one of threats that turn out to be one: the track of one is gone, and another is where it ought to be.

        What people were told of stays, with its number, else what was proposed, else what is seen; of two that they
        were told of each ends for itself.
        """
        at = {int(track): i for i, track in enumerate(picture.track_id.tolist())}
        for number in sorted(self._following):
            one = self._following.get(number)
            if one is None or one.forecast is None or one.track_id in alive or now_ns - one.updated_ns > JOINED_NS:
                continue
            others = [
                (_odds(one, one.forecast, picture, at[other.track_id]), other)
                for other in self._following.values()
                if other is not one and other.track_id in alive and other.updated_ns >= one.updated_ns
            ]
            odds, other = max(others, key=lambda each: each[0], default=(0.0, one))
            if odds <= 0.0 or (one.telling.told is not None and other.telling.told is not None):
                continue
            stays, ends = sorted(
                (one, other),
                key=lambda each: (each.telling.told is None, each.telling.began_ns or now_ns, each is not other),
            )
            stays.absorb(ends, other)
            del self._following[ends.threat_id]

    def _region(self, position_ecef_m: NDArray[np.float64]) -> str:
        """Return in which region a threat rises that is first seen here, by the nearest land; empty if too high up."""
        lat, lon, height_m = (float(each) for each in geodetic_from_ecef(position_ecef_m))
        if height_m > RISES_M_MAX or not len(self.areas.cell_up):
            return ""
        up = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
        nearness = self.areas.cell_up @ up
        nearest = int(nearness.argmax())
        name = str(self.areas.name[self.areas.cell_area[nearest]])
        return name if nearness[nearest] >= np.cos(REGION_M / MEAN_RADIUS_M) else f"at sea, nearest to {name}"

    def _goes_on(self, picture: Tracks, row: int, firm: Set[int], now_ns: int) -> Following | None:
        """Return the threat that a new track is likely to be, if any: the likeliest of those whose tracks are not firm.

        One lost for long may be found again too: by what is seen first so high up that it has not just risen, and if it
        can be no other. Who was told of it stays so as if it were lost, since it may be another after all.
        """
        has_risen = float(geodetic_from_ecef(picture.state_ecef[row, :3])[2]) > RISES_M_MAX
        lost, long_lost = list[tuple[float, Following]](), list[tuple[float, Following]]()
        for number in sorted(self._following):
            one = self._following[number]
            is_seen = one.track_id in firm and int(picture.updated_ns[row]) - one.updated_ns < UNSEEN_NS
            if is_seen or one.forecast is None:
                continue
            is_long = now_ns - one.updated_ns > self.settings.follow_s * NS_PER_S
            if is_long and not has_risen:
                continue
            if (odds := _odds(one, one.forecast, picture, row)) > 0.0:
                (long_lost if is_long else lost).append((odds, one))
        if lost:
            return max(lost, key=lambda each: each[0])[1]
        if len(long_lost) != 1:
            return None
        found = long_lost[0][1]
        found.telling.hold(self.settings)
        return found

    def _judge(self, one: Following, now_ns: int) -> Alert | None:
        """Bring a threat's stage up to date, and what is told of it; return what is to be proposed."""
        if one.forecast is None:
            return None
        settings = self.settings
        is_lost = self._is_gone(one, now_ns)
        concerns = () if self._is_none(one, now_ns) else one.concerns
        if is_lost:  # of what is no longer seen nothing begins; what has, a wait too, holds until it must have come
            begun = {*one.telling.warned, *one.telling.likely_since_ns}
            concerns = tuple(each for each in concerns if each.code in begun and each.last_ns >= now_ns)
        was_warned = bool(one.telling.warned)
        one.telling.has_passed = False
        one.enter(self._stage(one, concerns, is_lost=is_lost, now_ns=now_ns), now_ns)
        proposal = one.telling.look(concerns, self._course(one, now_ns), self.nation, settings)
        if was_warned and not one.telling.warned and one.telling.has_passed:
            one.enter(Stage.PASSED, now_ns)
        return proposal

    def _course(self, one: Following, now_ns: int) -> Course:
        return Course(
            name=f"{one.threat_id:x}",
            threat_id=one.threat_id,
            hazard="missile",
            stage=one.stage,
            certainty=one.certainty,
            time_ns=now_ns,
            updated_ns=one.updated_ns,
            is_lost=self._is_gone(one, now_ns),
            is_down=one.is_down(now_ns),
            enough=self._enough(one),
            is_none=self._is_none(one, now_ns),
            elsewhere=self._elsewhere(one),
        )

    def _is_gone(self, one: Following, now_ns: int) -> bool:
        """Return whether it is seen no more: lost, or down."""
        return one.is_lost(now_ns, self.settings.lost_s) or one.is_down(now_ns)

    def _is_none(self, one: Following, now_ns: int) -> bool:
        """Return whether what is seen is no missile after all."""
        is_seen = not self._is_gone(one, now_ns)
        return is_seen and one.is_missile < self.settings.kind_probability * DOUBT

    def _elsewhere(self, one: Following) -> dict[str, int]:
        """Return since when other threats are expected no more, the last of them, in areas that they are told of."""
        others = [other.telling.expected_no_more_since_ns for other in self._following.values() if other is not one]
        return {code: max(each.get(code, 0) for each in others) for each in others for code in each}

    def _enough(self, one: Following) -> float:
        """Return from which probability on an area is likely that is not told yet."""
        on, boosting = self.settings.probability_on, self.settings.probability_boosting
        return max(on, boosting) if one.kind is Kind.BOOSTING else on

    def _stage(self, one: Following, concerns: Sequence[Concern], *, is_lost: bool, now_ns: int) -> Stage:
        assert one.forecast is not None
        if is_lost:
            latest_ns = int(one.forecast.end_ns.max())
            seen = Stage.LANDED if one.was_seen_to_land else Stage.TRACK_LOST
            over = now_ns > latest_ns + self.settings.clear_s * NS_PER_S
            return Stage.CLEAR if over and not (one.telling.warned or one.telling.waits) else seen
        if one.is_missile < self.settings.kind_probability * DOUBT and not (one.telling.warned or one.telling.waits):
            return Stage.CLEAR
        on, enough, told = self.settings.probability_on, self._enough(one), one.telling.warned
        if any(concern.probability >= (on if concern.code in told else enough) for concern in concerns):
            return Stage.WILL_LAND if one.lands_here else Stage.WILL_PASS
        if one.stage == Stage.PASSED:
            return Stage.PASSED
        return {Kind.BOOSTING: Stage.BOOSTING, Kind.GLIDING: Stage.GLIDING}.get(one.kind, Stage.BALLISTIC)

    def _weigh(self, one: Following) -> None:
        """Note what a threat's new forecast means for the nation's own areas, those of some probability alone."""
        forecast, settings = one.forecast, self.settings
        assert forecast is not None
        if float(forecast.weight[forecast.lands].sum()) < LANDS_MIN and one.kind != Kind.BOOSTING:
            one.concerns, one.lands_here, one.lacks = (), False, 1.0  # a satellite
            return
        told = exposed_areas(forecast, self.areas, settings.near_m, among=self._own)
        probability = told.probability * one.is_missile
        is_new = self._own & ~self._has_code(one.telling.warned)
        enough = np.full(len(probability), settings.probability_off)
        likely = self._enough(one)
        if one.kind is Kind.BOOSTING:
            begun = {*one.telling.warned, *one.telling.likely_since_ns}
            enough[~self._has_code(begun)] = settings.probability_boosting
        may_concern = bool((probability >= NEARLY * enough).any()) or (one.may_boost and is_end_known(forecast))
        if one.is_sure:
            decides = np.where(is_new, likely, settings.probability_off)
            may_concern = bool((np.abs(probability - decides)[self._own] < ROUGHLY).any())
        if one.is_rough and may_concern:
            one.sharpen(self._known)
            self._weigh(one)
            return
        one.lacks = 1.0 - float(probability[is_new & (probability < likely)].max(initial=0.0)) / likely
        some = np.flatnonzero(self._own & (probability >= enough))
        one.concerns = tuple(
            Concern(
                str(self.areas.code[row]), str(self.areas.name[row]), float(probability[row]),
                float(self.areas.people[row]), int(told.arrival_ns[row]), int(told.over_ns[row]),
                int(told.impact_ns[row]) if 2.0 * told.landing[row] > told.probability[row] else 0,
                bool(told.there[row] > LATE),
            )
            for row in some.tolist()
        )  # fmt: skip
        comes = ~is_new | (probability >= likely)  # what only waits decides nothing
        one.lands_here = bool((told.landing[some] * one.is_missile >= settings.probability_on)[comes[some]].any())

    def _has_code(self, codes: Container[str]) -> NDArray[np.bool_]:
        """Return (n,) which areas have one of these codes."""
        return np.array([code in codes for code in self._codes], np.bool_)

    def _threats(self, now_ns: int) -> Threats:
        """Return all that are followed, and the launches that nobody has a place of."""
        for number in [n for n, (_, newest_ns, _) in self._launches.items() if self._is_over(newest_ns, now_ns)]:
            del self._launches[number]
        ones = [self._following[number] for number in sorted(self._following)]
        rows = [self._row(one, one.forecast, now_ns) for one in ones if one.forecast is not None]
        rows += [_launch(number, *self._launches[number], now_ns, self.settings) for number in sorted(self._launches)]
        columns = list(zip(*rows, strict=True)) or [()] * len(Threats.COLUMNS)
        arrays: dict[str, Any] = {
            name: np.array(column, scalar).reshape(len(rows), *shape)
            for (name, (scalar, shape)), column in zip(Threats.COLUMNS.items(), columns, strict=True)
        }
        return Threats(node=self.nation, **arrays)

    def _home(self, code: str) -> str:
        """Return the code of a zone or a sensor as one of the nation's own areas."""
        return f"{self.settings.countries[0]}-{code}" if self.settings.countries else code

    def _row(self, one: Following, forecast: Forecast, now_ns: int) -> tuple[Any, ...]:
        """Return a threat as a row of `Threats`, in the order of its columns."""
        end = ending(forecast) if is_end_known(forecast) else NO_END
        latest_ns = int(forecast.end_ns.max())
        return (
            one.threat_id, now_ns, one.updated_ns, one.since_ns, latest_ns + round(self.settings.clear_s * NS_PER_S),
            int(one.stage), int(one.certainty), one.kinds,
            end.time_ns, end.sigma_s, end.lat_rad, end.lon_rad, end.covariance_m2, one.region,
        )  # fmt: skip

    def _is_over(self, newest_ns: int, now_ns: int) -> bool:
        return now_ns - newest_ns > self.settings.notice_s * NS_PER_S

    def _paths(self, ones: Sequence[Following]) -> Paths | None:
        """Return how threats go on that were foreseen anew."""
        ways = [(one.threat_id, path_of(one.forecast)) for one in ones if one.forecast is not None]
        if not ways:
            return None
        return Paths(
            node=self.nation,
            threat_id=np.concatenate([np.full(len(way["time_ns"]), number, np.uint64) for number, way in ways]),
            **{name: np.concatenate([way[name] for _, way in ways]) for name in ways[0][1]},
        )

    def _asked(self, rule: Rule, ask: Callable[[], Answer]) -> Answer | None:
        """Return what a rule answers; None if it fails, which is noted."""
        if rule.name in self.faults:
            return None
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 a rule is anybody's file: its mistake must not end the warning of all else
            # An address in memory would differ from run to run.
            why = ADDRESS.sub("0x...", f"{type(error).__name__}: {error}".partition("\n")[0][:WHY_LENGTH_MAX])
            self.faults[rule.name] = _place_of(error, rule), why
            return None

    def _look_by_rules(self, picture: Tracks, now_ns: int) -> list[Alert]:
        """Return what the rules find that is to be proposed, and what of it is over.

        What a rule that fails found before is neither told anew nor over: nobody has looked.
        """
        proposals, self.faults = [], {}
        for rule in self.rules:
            for sensor in self._asked(rule, partial(_awaited, rule)) or ():
                self._heard_ns.setdefault(sensor, now_ns)
        found: dict[str, Finding] = {}
        for rule in self.rules:
            heard_ns = MappingProxyType(self._heard_ns)
            found.update(self._asked(rule, partial(_found, rule, picture, heard_ns, now_ns)) or {})
        held = tuple(f"{name}: " for name in self.faults)
        for key in sorted(set(found) | {key for key in self._found if not key.startswith(held)}):
            telling = self._found.setdefault(key, Telling())
            finding = found.get(key)
            about = telling.pending or telling.told
            if finding is not None:
                course = Course(
                    name=_short(key),
                    threat_id=finding.number,
                    hazard=finding.hazard,
                    stage=finding.stage,
                    certainty=finding.certainty,
                    time_ns=now_ns,
                    updated_ns=finding.updated_ns,
                    is_lost=finding.is_lost,
                    gone=GONE[finding.hazard],
                )
                concern = Concern(
                    self._home(finding.code), finding.name, finding.probability, 0.0, finding.first_ns, finding.last_ns
                )
                proposal = telling.look([concern], course, self.nation, self._everyday)
            elif about is not None:
                course = Course(
                    name=_short(key),
                    threat_id=about.threat_id,
                    hazard=about.hazard,
                    stage=Stage.CLEAR,
                    certainty=Certainty.OBSERVED,
                    time_ns=now_ns,
                    updated_ns=0,
                    is_lost=False,
                    gone=GONE[about.hazard],
                )
                proposal = telling.look([], course, self.nation, self._everyday)
            else:
                del self._found[key]
                continue
            if proposal is not None:
                proposals.append(proposal)
        return proposals


def _awaited(rule: Rule) -> list[str]:
    """Return the names of sensors that a rule waits for."""
    return [str(name) for name in rule.awaited()]


def _found(rule: Rule, picture: Tracks, heard_ns: Mapping[str, int], now_ns: int) -> dict[str, Finding]:
    """Return what a rule finds, by the names of it."""
    found: list[object] = list(rule.look(picture, heard_ns, now_ns))  # what a plug-in gives may be anything
    strange = next((each for each in found if not isinstance(each, Finding)), None)
    if strange is not None:
        raise TypeError(f"found a {type(strange).__name__}, which is no Finding")
    return {f"{rule.name}: {each.key}": each for each in found if isinstance(each, Finding)}


def _new_faults(before: Mapping[str, tuple[str, str]], now: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Return at what rules fail that did not, or not there, and "" for those that work again."""
    new = {name: "" for name in before if name not in now}
    for name, (where, why) in now.items():
        if name not in before or (where, why.partition(":")[0]) != (before[name][0], before[name][1].partition(":")[0]):
            new[name] = f"{why} ({where})"
    return dict(sorted(new.items()))


def _place_of(error: Exception, rule: Rule) -> str:
    """Return the file and line of a rule where an error arose, or went through last."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == getattr(sys.modules[type(rule).__module__], "__file__", "")]
    last = (own or frames)[-1]
    return f"{re.split(PATH, last.filename)[-1]}, line {last.lineno}"


def _launch(
    number: int, first_ns: int, newest_ns: int, probability: float, now_ns: int, settings: Settings
) -> tuple[Any, ...]:
    """Return a launch without a place as a row of `Threats`, in the order of its columns."""
    certainty = Certainty.LIKELY if probability > 0.5 else Certainty.POSSIBLE
    kinds = np.zeros(len(Kind))
    kinds[Kind.BOOSTING], kinds[Kind.UNKNOWN] = probability, 1.0 - probability
    return (
        number, now_ns, newest_ns, first_ns, newest_ns + round(settings.notice_s * NS_PER_S),
        int(Stage.LAUNCH_DETECTED), int(certainty), kinds,
        0, np.nan, np.nan, np.nan, np.full((2, 2), np.nan), "",
    )  # fmt: skip


def _short(key: str) -> str:
    """Return a name of letters and digits alone for what a rule has found."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _odds(one: Following, forecast: Forecast, picture: Tracks, row: int) -> float:
    """Return the logarithm of how much likelier it is that a row is this threat than that it is a new one."""
    has_risen = float(geodetic_from_ecef(picture.state_ecef[row, :3])[2]) > RISES_M_MAX
    return _log_density(one, forecast, picture, row) - math.log(NEW_PER_M3[has_risen])


def _log_density(one: Following, forecast: Forecast, picture: Tracks, row: int) -> float:
    """Return the logarithm of how likely [1/m3] a threat is where a row is at its time.

    What is under thrust or glides may have been pushed by what no filter saw since it was measured; where its region is
    so wide that anything is in it, it is nowhere likely.
    """
    time_ns = int(picture.time_ns[row])
    unseen_s = max(time_ns - one.updated_ns, 0) / NS_PER_S
    missed_m = 0.0 if one.kind is Kind.BALLISTIC else 0.5 * MISSED_M_S2 * unseen_s**2
    at = int(np.clip(np.searchsorted(forecast.time_ns, time_ns), 1, len(forecast.time_ns) - 1))
    t0, t1 = forecast.time_ns[at - 1], forecast.time_ns[at]
    share = float(np.clip((time_ns - t0) / max(t1 - t0, 1), 0.0, 1.0))
    ways = (1.0 - share) * forecast.position_ecef_m[:, at - 1] + share * forecast.position_ecef_m[:, at]
    mean = forecast.weight @ ways
    off = ways - mean
    spread = (forecast.weight[:, None] * off).T @ off + picture.covariance_ecef[row, :3, :3] + missed_m**2 * np.eye(3)
    away = picture.state_ecef[row, :3] - mean
    square = float(away @ np.linalg.solve(spread, away))
    return -0.5 * (square + float(np.linalg.slogdet(2.0 * np.pi * spread)[1]))
