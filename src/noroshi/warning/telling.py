"""Which areas are warned of one threat, and what is proposed when that changes.

An area comes to it when it is likely enough to be concerned and has been so on the whole for a while, and leaves it
when it was not for a while, or at once when a measurement after the passing says so: so areas do not flicker. Nobody
waits where waiting would cost the time that people need, nor who is told already; what nobody was told leaves soon.
Where another threat is still expected nobody is told that it is over. What is proposed has a number that
rises, and says which message it replaces; only what was approved is ever replaced, cancelled or taken for told.

Source of the sum that ends a wait: Page (1954), Continuous inspection schemes, Biometrika 41(1/2), 100-115.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Certainty, Stage
from noroshi.records.alert import ALERT, CANCEL, EXERCISE, UPDATE
from noroshi.warning.settings import Settings

PASSED = "was observed to have passed"
LANDED = "was followed until it came down"
EXPECTED = 2**63 - 1  # for the time since when an area is expected no more: it is expected still


@dataclass(frozen=True, slots=True)
class Concern:
    """What one area has to expect.

    Attributes:
        code, name: of the area.
        probability: that it is concerned.
        people: who live there.
        first_ns: the earliest likely time that the threat is near.
        last_ns: the latest likely time that it is: then it is past, or down.
        impact_ns: the earliest likely time that it is down, if it is likelier to come down there than to pass; else 0.
        is_there: whether it is near by now.
    """

    code: str
    name: str
    probability: float
    people: float
    first_ns: int
    last_ns: int
    impact_ns: int = 0
    is_there: bool = False

    @property
    def comes_ns(self) -> int:
        """When people are told that it comes, at the earliest."""
        return self.impact_ns or self.first_ns

    def memory(self) -> list[Any]:
        """Return what makes it again, as plain data."""
        return [getattr(self, name) for name in self.__slots__]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How it stands with a threat.

    Attributes:
        name: of what is told, in no other telling at the same time.
        threat_id, hazard: which.
        stage, certainty: where it is in its course, and how sure that is.
        time_ns: now.
        updated_ns: when it was last measured.
        is_lost: whether nobody has measured it for a while.
        is_down: whether it was seen to land.
        is_none: whether it is no threat, as it seems now.
        gone: what is said if it seems not to concern an area any more, for a while.
        enough: an area that is not told yet is likely from this probability on, or from `probability_on` if that is
            more.
        elsewhere: since when other threats are expected no more where they are warned of, the last of them, by code.
    """

    name: str
    threat_id: int
    hazard: str
    stage: Stage
    certainty: Certainty
    time_ns: int
    updated_ns: int
    is_lost: bool
    gone: str = "is no longer expected to come"
    enough: float = 0.0
    is_down: bool = False
    is_none: bool = False
    elsewhere: Mapping[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Telling:
    """What is told of one threat.

    Attributes:
        warned: the areas that are, by code; what they had to expect when they were last looked at.
        low_since_ns: since when an area that is warned has been below the threshold, by code.
        likely_since_ns: since when one that is not has been likely enough on the whole, by code: it waits.
        surplus_s: what its probability was above enough since then, less what it was below, times for how long, and
            what it is above now, by code: where the first falls below nought the wait is over. So a moment's doubt
            breaks no wait that was sure, and how often it is looked does not matter.
        looked_ns: when that was last added up.
        held_ns: by code, until when areas stay to which a threat was to come that was lost for long and is followed now
            as what may be another.
        told: the message in force, if people were told anything.
        pending: the proposal that waits for a decision, if one does.
        refused: the last proposal if it was refused: the same is not proposed again.
        has_passed: whether all areas that left last were observed to be passed.
        withdrawn: identifiers of proposals that another one, or none, has replaced since this was last looked at.
        waits: why all is over, if people were told whom another threat still concerns: then that is not said yet.
        moved_since_ns: since when an arrival has been another than the newest message says; 0 if none is.
        n: how many messages were proposed.
        began_ns: when the first was.
    """

    warned: dict[str, Concern] = field(default_factory=dict)
    low_since_ns: dict[str, int] = field(default_factory=dict)
    likely_since_ns: dict[str, int] = field(default_factory=dict)
    surplus_s: dict[str, tuple[float, float]] = field(default_factory=dict)
    looked_ns: int = 0
    held_ns: dict[str, int] = field(default_factory=dict)
    told: Alert | None = None
    pending: Alert | None = None
    refused: Alert | None = None
    moved_since_ns: int = 0
    n: int = 0
    began_ns: int = 0
    has_passed: bool = False
    waits: str = ""
    withdrawn: list[str] = field(default_factory=list)

    def look(self, concerns: Sequence[Concern], course: Course, sender: str, settings: Settings) -> Alert | None:
        """Return what is to be proposed now, if anything."""
        left = self._settle({concern.code: concern for concern in concerns}, course, settings) or self.waits
        self.waits = ""
        before = self.pending or self.refused or self.told
        if before is None:
            return self._propose(ALERT, course, sender, "", settings) if self.warned else None
        if not self.warned:
            if self.told is not None and any(code in course.elsewhere for code in self.told.code.tolist()):
                self.waits = left or (before.reason if before.message == CANCEL else "is over")
                self._withdraw()
                return None
            if before.message == CANCEL or (self.pending is None and self.told is None):
                self.refused = None if before.message != CANCEL else self.refused
                return None
            if self.told is None:  # nobody was told anything: there is nothing to decide
                self._withdraw()
                return None
            if left == PASSED:
                course = replace(course, stage=Stage.PASSED, certainty=Certainty.OBSERVED)
            return self._propose(CANCEL, course, sender, left or "is over", settings)
        if self._is_too_late(course):
            if before.message != CANCEL:
                self._withdraw()
            return None
        why = self._news(before, course, settings)
        if not why:
            return None
        return self._propose(UPDATE if self.told is not None else ALERT, course, sender, why, settings)

    def renew(self, why: str, course: Course, sender: str, settings: Settings) -> Alert | None:
        """Return in place of the proposal that waits the same as it is now: that one may not be approved any more."""
        is_over = course.stage in (Stage.PASSED, Stage.LANDED, Stage.CLEAR)
        if self.pending is None or self.pending.message == CANCEL or not self.warned or is_over:
            return None
        return self._propose(UPDATE if self.told is not None else ALERT, course, sender, why, settings)

    @property
    def expected_no_more_since_ns(self) -> dict[str, int]:
        """Since when each area that is warned, or waits to be, is expected no more; `EXPECTED` where it still is."""
        waits = dict.fromkeys(self.likely_since_ns, EXPECTED)
        return waits | {code: self.low_since_ns.get(code, EXPECTED) for code in self.warned}

    def absorb(self, other: "Telling") -> None:
        """Go on for the same threat under another number, of which nobody was told: areas do not wait anew."""
        self.withdrawn += [*other.withdrawn, *([] if other.pending is None else [other.pending.identifier])]
        for code, concern in other.warned.items():
            self.warned.setdefault(code, concern)
            if code in self.likely_since_ns:
                self._wait_no_more(code)
        for code, since_ns in other.likely_since_ns.items():
            if code not in self.warned and since_ns < self.likely_since_ns.get(code, since_ns + 1):
                self.likely_since_ns[code], self.surplus_s[code] = since_ns, other.surplus_s[code]

    def hold(self, settings: Settings) -> None:
        """Let the areas that are warned stay until the latest time at which the threat could come there is over."""
        clear_ns = round(settings.clear_s * NS_PER_S)
        self.held_ns = {code: concern.last_ns + clear_ns for code, concern in self.warned.items()}

    def decide(self, identifier: str, approved: Alert | None, *, has_lapsed: bool = False) -> None:
        """Take in what a person made of a proposal; None is a refusal, or that nobody said anything in time.

        What was amended keeps its identifier. A refusal leaves what was told before in force. What has lapsed nobody
        has refused: it is proposed again.
        """
        if approved is not None:
            self.told = None if approved.message == CANCEL else approved
            self.refused = None
        if self.pending is not None and self.pending.identifier == identifier:
            self.refused = self.pending if approved is None and not has_lapsed else None
            self.pending = None

    def _settle(self, now: dict[str, Concern], course: Course, settings: Settings) -> str:
        """Bring the warned areas up to date; return why those that left now did, in words."""
        left = ""
        enough = max(settings.probability_on, course.enough)
        over_s, self.looked_ns = (course.time_ns - self.looked_ns) / NS_PER_S, course.time_ns
        for code, (surplus_s, margin) in list(self.surplus_s.items()):
            self.surplus_s[code] = surplus_s + over_s * margin, (now[code].probability if code in now else 0.0) - enough
            if self.surplus_s[code][0] < 0.0:
                self._wait_no_more(code)
        for code, concern in now.items():
            if concern.probability < enough or code in self.warned:
                continue
            self.surplus_s.setdefault(code, (0.0, concern.probability - enough))
            if self._has_waited(concern, course, settings):
                self.warned[code] = concern
                self._wait_no_more(code)
        for code in sorted(self.warned):
            expected = now.get(code)
            if expected is not None and expected.probability >= settings.probability_off:
                self.low_since_ns.pop(code, None)
                self.held_ns.pop(code, None)
                self.warned[code] = replace(expected, is_there=expected.is_there or self.warned[code].is_there)
                continue
            since_ns = self.low_since_ns.setdefault(code, course.time_ns)
            if course.time_ns <= self.held_ns.get(code, 0) or course.elsewhere.get(code, 0) > since_ns:
                continue
            is_told = self.told is not None and code in self.told.code
            if code in self.held_ns:
                why = course.gone
            elif is_told:
                why = self._leaves(self.warned[code], since_ns, course, settings)
            else:
                is_sure = course.is_none or course.time_ns - since_ns >= settings.doubt_s * NS_PER_S
                why = course.gone if is_sure else ""
            if why:
                left = why if left in ("", PASSED) else left  # one that it never came to: it has not passed them all
                self.has_passed = left == PASSED
                del self.warned[code], self.low_since_ns[code]
                self.held_ns.pop(code, None)
        return left

    def _has_waited(self, concern: Concern, course: Course, settings: Settings) -> bool:
        """Return whether an area that is likely enough is told now; note since when it waits if it was not yet.

        Where it is near a glance is enough, and a measurement that bears the first out: a satellite of which a radar
        has seen two plots may be anything.
        """
        since_ns = self.likely_since_ns.setdefault(concern.code, course.time_ns)
        is_told = self.told is not None and concern.code in self.told.code
        is_near = concern.first_ns - course.time_ns < settings.hurry_s * NS_PER_S and course.updated_ns > since_ns
        wait_s = min(settings.glance_s, settings.wait_s) if is_near else settings.wait_s
        return is_told or course.time_ns - since_ns >= wait_s * NS_PER_S

    def _wait_no_more(self, code: str) -> None:
        del self.likely_since_ns[code], self.surplus_s[code]

    @staticmethod
    def _leaves(was: Concern, since_ns: int, course: Course, settings: Settings) -> str:
        """Return why an area that is not concerned any more leaves, or nothing if it has to stay for now.

        What was never near has not passed, and where it came down nobody waits if that was seen.
        """
        if not course.is_lost:
            if was.is_there and course.updated_ns > was.last_ns:
                return PASSED
            if course.time_ns - since_ns >= settings.hold_s * NS_PER_S:
                return course.gone
        elif course.stage == Stage.LANDED and (course.is_down or course.time_ns > was.last_ns):
            return LANDED
        elif course.time_ns > was.last_ns + settings.clear_s * NS_PER_S:
            return "was lost, and the latest time that it could come is over; it was not observed"
        return ""

    def _is_too_late(self, course: Course) -> bool:
        """Return whether what was lost is past or down by now: that it may still come is not told any more."""
        return course.is_lost and all(concern.last_ns < course.time_ns for concern in self.warned.values())

    def _news(self, before: Alert, course: Course, settings: Settings) -> str:
        """Return what has changed since a message, in words, or nothing if it is not worth an update now.

        Where it comes down is no matter: people are told of areas and times. A time has changed once it has for a
        while, and what waits for its decision stands for some seconds, unless more areas are concerned.
        """
        codes = before.code.tolist()
        if before.message == CANCEL:
            return "may come after all"
        has_moved = self._has_moved(before, course, settings)
        names = dict(zip(codes, before.name.tolist(), strict=True))
        come, gone = sorted(set(self.warned) - set(codes)), sorted(set(codes) - set(self.warned))
        no_more = "areas are not concerned any more: " + ", ".join(names[code] for code in gone) if gone else ""
        if come:
            more = "more areas are concerned: " + ", ".join(self.warned[code].name for code in come)
            return f"{more}; {no_more}" if gone else more
        if self.pending is not None and course.time_ns < before.sent_ns + settings.stands_s * NS_PER_S:
            return ""
        if (course.stage == Stage.TRACK_LOST) != (before.stage == Stage.TRACK_LOST):
            return "is not seen any more" if course.is_lost else "is seen again"
        told = [] if self.told is None else self.told.code.tolist()
        if not set(gone) <= set(told):  # before anybody approves it
            return no_more
        if course.time_ns < before.sent_ns + settings.again_s * NS_PER_S:
            return ""
        if gone:
            return no_more
        return "the time has changed" if has_moved else ""

    def _has_moved(self, before: Alert, course: Course, settings: Settings) -> bool:
        """Return whether an arrival that is still ahead is another than a message says, and has been for a while."""
        moved_ns = settings.moved_s * NS_PER_S
        is_other = any(
            arrival_ns > course.time_ns and abs(self.warned[code].comes_ns - arrival_ns) > moved_ns
            for code, arrival_ns in zip(before.code.tolist(), before.arrival_ns.tolist(), strict=True)
            if code in self.warned
        )
        self.moved_since_ns = (self.moved_since_ns or course.time_ns) if is_other else 0
        return is_other and course.time_ns - self.moved_since_ns >= settings.doubt_s * NS_PER_S

    def _propose(self, message: str, course: Course, sender: str, reason: str, settings: Settings) -> Alert:
        self._withdraw()
        self.moved_since_ns = 0
        self.n += 1
        self.began_ns = self.began_ns or course.time_ns
        about = sorted(self.warned.values(), key=lambda concern: (concern.first_ns, concern.code))
        if message == CANCEL:  # goes to all who were told
            before = self.told
            assert before is not None
            about = [
                Concern(*each)
                for each in zip(
                    before.code.tolist(), before.name.tolist(), before.probability.tolist(), before.people.tolist(),
                    before.arrival_ns.tolist(), before.arrival_latest_ns.tolist(), strict=True,
                )
            ]  # fmt: skip
        latest_ns = max([course.time_ns, *(concern.last_ns for concern in about)])
        self.pending = Alert(
            identifier=f"{sender}-{course.name}-{self.began_ns // NS_PER_S:x}-{self.n:03d}",
            sender=sender,
            status=EXERCISE,
            message=message,
            references=() if self.told is None else (self.told.identifier,),
            hazard=course.hazard,
            threat_id=course.threat_id,
            stage=int(course.stage),
            certainty=int(course.certainty),
            sent_ns=course.time_ns,
            expires_ns=latest_ns + round(settings.expiry_s * NS_PER_S),
            picture_ns=course.time_ns,
            reason=reason,
            code=np.array([concern.code for concern in about], np.str_),
            name=np.array([concern.name for concern in about], np.str_),
            probability=np.array([concern.probability for concern in about], np.float64),
            people=np.array([concern.people for concern in about], np.float64),
            arrival_ns=np.array([concern.comes_ns for concern in about], np.int64),
            arrival_latest_ns=np.array([concern.last_ns for concern in about], np.int64),
        )
        return self.pending

    def _withdraw(self) -> None:
        if self.pending is not None:
            self.withdrawn.append(self.pending.identifier)
            self.pending = None

    def memory(self, pack: Any) -> list[Any]:
        """Return what `of` needs, as plain data; `pack` makes bytes of a record."""
        concerns = [concern.memory() for concern in self.warned.values()]
        kept = [None if one is None else pack(one) for one in (self.told, self.pending, self.refused)]
        since = [sorted(each.items()) for each in (self.low_since_ns, self.likely_since_ns)]
        return [
            concerns,
            *since,
            *kept,
            self.n,
            self.began_ns,
            self.has_passed,
            [[code, list(self.surplus_s[code])] for code in sorted(self.surplus_s)],
            self.looked_ns,
            sorted(self.held_ns.items()),
            self.waits,
            self.moved_since_ns,
        ]

    @classmethod
    def of(cls, memory: Sequence[Any], unpack: Any) -> "Telling":
        """Return the telling that gave this memory."""
        concerns, low, likely, told, pending, refused, n, began_ns, has_passed, *rest = memory
        surplus_s, looked_ns, held_ns, waits, moved_since_ns = rest
        told, pending, refused = (None if one is None else unpack(one) for one in (told, pending, refused))
        return cls(
            warned={each[0]: Concern(*each) for each in concerns},
            low_since_ns=dict(low),
            likely_since_ns=dict(likely),
            told=told,
            pending=pending,
            refused=refused,
            n=n,
            began_ns=began_ns,
            has_passed=has_passed,
            surplus_s={code: (total, margin) for code, (total, margin) in surplus_s},
            looked_ns=looked_ns,
            held_ns=dict(held_ns),
            waits=waits,
            moved_since_ns=moved_since_ns,
        )
