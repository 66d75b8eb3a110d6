"""What one stream has come to, what can be wrong with a step, and what a step makes of a stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import msgspec

from noroshi.command.rows import Row, Said, What
from noroshi.command.transitions import IN_FORCE, OPEN, STANDING, TABLE, UNDECIDED, Action, Role, Step, Wait
from noroshi.geo.time import NS_PER_S

JOINT = "joint/"  # a stream "joint/JPN/looks" was begun by Japan and can be handed over
MACHINE, PLAN = str(Role.MACHINE), str(Role.PLAN)
Key = tuple[str, str]
"""The nation that began a stream, and its name."""


class Refusal(StrEnum):
    """Why a step was not taken."""

    MALFORMED = "is no step of a decision"
    DUPLICATE = "was taken before"
    KEY_REUSED = "its key was used for another step"
    VERSION = "another step came first: read what it has come to and say it anew"
    NOT_THE_WRITER = "comes from a nation that does not write this stream"
    FORWARDED = "is for the nation that writes this stream, and is sent there"
    HELD = "is held until what comes before it is here"
    TOO_MANY_HELD = "too much is missing before it"
    ILLEGAL = "may not follow what was said last"
    ROLE = "this role does not say this"
    FIELDS = "its content lacks what this step needs, or does not fit what is decided"
    REASON = "needs a reason"
    TIME = "is from the future, or from before the step before it"
    LATE = "comes after its deadline"
    EARLY = "its deadline has not come"
    DEADLINE = "its own deadline is not what the next step is given"
    UNKNOWN = "is said by nobody who is known in that role"
    UNSIGNED = "is not signed by who says it"
    OWN_PROPOSAL = "who proposes, profits or approved already does not approve"
    NO_DELEGATION = "no delegation that is in force covers it"
    NO_PLAN = "no standing plan that is in force covers it"
    RULE = "is not allowed by the rule that it names"
    DENIED = "the rules do not allow it"
    STALE = "the picture has moved on: propose it anew"


HARMLESS = (Refusal.DUPLICATE, Refusal.HELD, Refusal.FORWARDED)


class Verdict(NamedTuple):
    """What became of one step: taken if there is no refusal.

    Attributes:
        refusal: None: it was taken.
        why: more of it, in plain words.
    """

    refusal: Refusal | None = None
    why: str = ""


class Approval(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """That a nation approved, in its fields as the step said it."""

    nation: str
    by: str
    role: str
    rule: str
    delegation: str
    plan: str
    picture_ns: int
    time_ns: int


class Matter(msgspec.Struct, array_like=True):
    """What one stream has come to.

    Attributes:
        founder, stream: its name, within the nation that began it.
        owner: who writes it now.
        version: number of its last step.
        state: the name of the step that it is in.
        what: that is to be decided, or is decided, as it is by now.
        concerns: nations whose approval it takes, sorted.
        proposers: people who asked for it or proposed it.
        approvals: by nation.
        picture_ns: the time of the picture that it was proposed on.
        time_ns: of its last step.
        deadline_ns: of the next; 0 for none.
        is_escalated: whether a deadline has passed in this state already.
        rows: all its steps.
    """

    founder: str
    stream: str
    owner: str
    version: int
    state: str
    what: What
    concerns: tuple[str, ...]
    proposers: list[str]
    approvals: dict[str, Approval]
    picture_ns: int
    time_ns: int
    deadline_ns: int
    is_escalated: bool
    rows: list[Row]

    @property
    def is_open(self) -> bool:
        """Whether something can still come of it."""
        return self.state in OPEN

    @property
    def lacks(self) -> tuple[str, ...]:
        """The nations that have not approved it yet."""
        return tuple(nation for nation in self.concerns if nation not in self.approvals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How long things may take, and whose areas are whose.

    Attributes:
        area_nations: nation codes by the beginning of area codes: {"JP": "JPN"} for "JP-02".
        person_s, machine_s: what a person, or a machine, has for its step, by priority. Chosen, not measured.
    """

    area_nations: Mapping[str, str]
    person_s: Mapping[str, float] = field(
        default_factory=lambda: {"flash": 60.0, "immediate": 180.0, "priority": 900.0, "routine": 7200.0}
    )
    machine_s: Mapping[str, float] = field(
        default_factory=lambda: {"flash": 5.0, "immediate": 10.0, "priority": 30.0, "routine": 120.0}
    )

    def concerns(self, what: What, founder: str) -> tuple[str, ...]:
        """Return the nations whose asset or areas a matter uses, sorted.

        Raises:
            ValueError: if an area is nobody's who is known.
        """
        nations = {what.asset or founder}
        for code in what.areas:
            nation = self.area_nations.get(code.split("-", 1)[0])
            if nation is None:
                raise ValueError(f"area {code} belongs to no nation that is known")
            nations.add(nation)
        return tuple(sorted(nations))

    def deadline_ns(self, waits: Wait, what: What, time_ns: int) -> int:
        """Return until when the next step must come; 0 for whenever."""
        if what.action in STANDING and waits is Wait.END:
            return 0
        if what.action == Action.ALERT and waits is Wait.MACHINE:
            waits = Wait.END  # what was approved is sent for as long as it holds
        if waits is Wait.NONE:
            return 0
        if waits is Wait.END:
            return what.until_ns
        given_s = (self.person_s if waits is Wait.PERSON else self.machine_s)[what.priority]
        due_ns = time_ns + round(given_s * NS_PER_S)
        return min(due_ns, what.until_ns) if what.until_ns and what.action not in STANDING else due_ns


def founder_of(nation: str, stream: str) -> str:
    """Return the nation that began a stream: of a joint one it is in its name, any other is the nation's own."""
    if not stream.startswith(JOINT):
        return nation
    parts = stream.split("/", 2)
    return parts[1] if len(parts) == 3 else nation


def key_of(row: Row) -> Key:
    """Return the key of a step's matter."""
    return founder_of(row.nation, row.stream), row.stream


def state_after(settings: Settings, matter: Matter | None, said: Said, step: Step) -> str:
    """Return the state that a step leads to."""
    if matter is None:
        return step
    if step in (Step.ESCALATED, Step.HANDED_OVER):
        return matter.state
    if step in IN_FORCE:
        concerns = settings.concerns(said.what, matter.founder) if said.what else matter.concerns
        approved = {said.acting_for} if step is Step.AMENDED else {said.acting_for, *matter.approvals}
        if not set(concerns) <= approved:
            return Step.RECOMMENDED
        is_amended = step is Step.AMENDED or any(row.step == Step.AMENDED for row in matter.rows)
        return Step.AMENDED if is_amended else Step.APPROVED
    return step


def deadline_after(settings: Settings, matter: Matter | None, row: Row, said: Said) -> int:
    """Return until when the step after this one must come."""
    step = Step(row.step)
    what = said.what or (matter.what if matter else None)
    if what is None:
        return 0
    if matter is not None and (
        step is Step.HANDED_OVER or (step in IN_FORCE and state_after(settings, matter, said, step) in UNDECIDED)
    ):
        return matter.deadline_ns
    if step is Step.ESCALATED and matter is not None and matter.state == Step.EXECUTING:
        return 0
    return settings.deadline_ns(TABLE[step].waits, what, row.time_ns)
