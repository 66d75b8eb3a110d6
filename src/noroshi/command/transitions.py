"""The one table of decisions: which step may follow which, by whom, with what, and whom it makes wait until when.

The words are those of incident command and of tasking in public interfaces: that a machine received a task, that a
person acknowledged it and that it will be done are three things.
"""

from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    """What is said of a decision. Most steps name the state that they lead to; the last two leave it as it is."""

    REQUESTED = "requested"
    RECOMMENDED = "recommended"
    APPROVED = "approved"
    AMENDED = "amended"  # approved with changes
    REJECTED = "rejected"
    EXPIRED = "expired"  # lapsed: no change
    TASKED = "tasked"
    RECEIVED = "received"  # by a machine
    ACKNOWLEDGED = "acknowledged"  # by a person
    WILL_COMPLY = "will_comply"
    CANNOT_COMPLY = "cannot_comply"
    EXECUTING = "executing"
    DONE_OK = "done_ok"
    DONE_NOT_OK = "done_not_ok"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    RECALLED = "recalled"
    ESCALATED = "escalated"
    HANDED_OVER = "handed_over"


class Role(StrEnum):
    """As what somebody says it. The last two are no people."""

    WATCH_OFFICER = "watch officer"
    SENSOR_MANAGER = "sensor manager"
    AIRSPACE_COORDINATOR = "airspace coordinator"
    APPROVER = "approver"
    RELIEF_COORDINATOR = "relief coordinator"
    CYBER = "cyber"
    OBSERVER = "observer"
    EXERCISE_CONTROL = "exercise control"
    MACHINE = "machine"
    PLAN = "plan"


class Action(StrEnum):
    """What a decision is about. What stands (`STANDING`) is in force once approved, until its end or its recall."""

    ALERT = "alert"
    SENSOR_TASK = "sensor_task"
    COVER = "cover"
    RELIEF = "relief"
    DELEGATION = "delegation"
    STANDING_PLAN = "standing_plan"
    POSTURE = "posture"


class Wait(StrEnum):
    """How long the next step may take: as long as a person, or a machine, is given, or until the matter's own end."""

    NONE = ""
    PERSON = "person"
    MACHINE = "machine"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One line of the table.

    Attributes:
        after: states that it may follow; "" is that there is nothing yet.
        roles: who may say it at all; the rules of `authority.py` say who of them here and now.
        fields: of its content that must be there, see `rows.Said`.
        needs_reason: whether it must say why.
        waits: how long the next step may take.
        waits_for: whose step is next.
    """

    after: tuple[str, ...]
    roles: tuple[Role, ...]
    fields: tuple[str, ...] = ()
    needs_reason: bool = False
    waits: Wait = Wait.NONE
    waits_for: tuple[Role, ...] = ()


_S, _R = Step, Role
STAFF = (
    _R.WATCH_OFFICER,
    _R.SENSOR_MANAGER,
    _R.AIRSPACE_COORDINATOR,
    _R.RELIEF_COORDINATOR,
    _R.CYBER,
)
STANDING = (Action.DELEGATION, Action.STANDING_PLAN, Action.POSTURE)
IN_FORCE = (Step.APPROVED, Step.AMENDED)
UNDECIDED = (Step.REQUESTED, Step.RECOMMENDED)
UNDER_WAY = (Step.TASKED, Step.RECEIVED, Step.ACKNOWLEDGED, Step.WILL_COMPLY)
OPEN = (*UNDECIDED, *IN_FORCE, *UNDER_WAY, Step.EXECUTING)

TABLE: dict[Step, Transition] = {
    _S.REQUESTED: Transition(
        after=("",), roles=STAFF, fields=("what",), waits=Wait.PERSON, waits_for=(*STAFF, _R.MACHINE)
    ),
    _S.RECOMMENDED: Transition(
        after=("", _S.REQUESTED),
        roles=(*STAFF, _R.MACHINE),
        fields=("what",),
        waits=Wait.PERSON,
        waits_for=(_R.APPROVER,),
    ),
    _S.APPROVED: Transition(
        after=(_S.RECOMMENDED,),
        roles=(_R.APPROVER, _R.PLAN),
        fields=("of", "rule", "acting_for"),
        waits=Wait.END,
        waits_for=(_R.MACHINE, *STAFF),
    ),
    _S.AMENDED: Transition(
        after=(_S.RECOMMENDED,),
        roles=(_R.APPROVER,),
        fields=("of", "rule", "acting_for", "what"),
        needs_reason=True,
        waits=Wait.END,
        waits_for=(_R.MACHINE, *STAFF),
    ),
    _S.REJECTED: Transition(after=UNDECIDED, roles=(_R.APPROVER,), fields=("acting_for",), needs_reason=True),
    _S.EXPIRED: Transition(after=(*UNDECIDED, *IN_FORCE, *UNDER_WAY), roles=(_R.MACHINE,)),
    _S.TASKED: Transition(after=IN_FORCE, roles=(*STAFF, _R.MACHINE), waits=Wait.MACHINE, waits_for=(_R.MACHINE,)),
    _S.RECEIVED: Transition(after=(_S.TASKED,), roles=(_R.MACHINE,), waits=Wait.PERSON, waits_for=STAFF),
    _S.ACKNOWLEDGED: Transition(after=(_S.RECEIVED,), roles=STAFF, waits=Wait.PERSON, waits_for=STAFF),
    _S.WILL_COMPLY: Transition(after=(_S.ACKNOWLEDGED,), roles=STAFF, waits=Wait.PERSON, waits_for=STAFF),
    _S.CANNOT_COMPLY: Transition(after=(_S.RECEIVED, _S.ACKNOWLEDGED), roles=STAFF, needs_reason=True),
    _S.EXECUTING: Transition(
        after=(_S.WILL_COMPLY,), roles=(*STAFF, _R.MACHINE), waits=Wait.END, waits_for=(*STAFF, _R.MACHINE)
    ),
    _S.DONE_OK: Transition(after=(_S.EXECUTING,), roles=(*STAFF, _R.MACHINE)),
    _S.DONE_NOT_OK: Transition(after=(_S.EXECUTING,), roles=(*STAFF, _R.MACHINE), needs_reason=True),
    _S.SUPERSEDED: Transition(after=(*UNDECIDED, *IN_FORCE), roles=(*STAFF, _R.MACHINE), fields=("to",)),
    _S.CANCELLED: Transition(
        after=(*UNDECIDED, *IN_FORCE), roles=(*STAFF, _R.APPROVER, _R.EXERCISE_CONTROL), needs_reason=True
    ),
    _S.RECALLED: Transition(
        after=(*IN_FORCE, *UNDER_WAY, _S.EXECUTING),
        roles=(_R.APPROVER, _R.EXERCISE_CONTROL),
        fields=("acting_for",),
        needs_reason=True,
    ),
    _S.ESCALATED: Transition(after=OPEN, roles=(_R.MACHINE,), waits=Wait.PERSON),
    _S.HANDED_OVER: Transition(after=OPEN, roles=(_R.APPROVER, _R.WATCH_OFFICER), fields=("to",)),
}

OUTLETS: dict[Step, tuple[str, ...]] = {
    _S.DONE_OK: (_S.RECEIVED,),
    _S.DONE_NOT_OK: (_S.TASKED, _S.RECEIVED),
}
"""What may also follow where machines do the task: an alert's outlets promise nothing before they have sent it."""

BY_ITSELF: dict[Step, tuple[str, ...]] = {_S.EXECUTING: (_S.RECEIVED,)}
"""What may also follow in a task of sensors that standing plans alone approved: the sensor's machine begins with it."""


def may_follow(step: Step, state: str, action: str) -> bool:
    """Return whether a step may follow a state in a decision about this action."""
    if action in STANDING and step not in UNDECIDED and (step in UNDER_WAY or state in UNDER_WAY):
        return False  # what stands is not carried out, it is in force
    if action == Action.ALERT and step is Step.RECALLED and state not in IN_FORCE:
        return False  # people have been told: only an update or a cancellation, which they are told too, mends it
    if action == Action.ALERT and state in OUTLETS.get(step, ()):
        return True
    if action == Action.SENSOR_TASK and state in BY_ITSELF.get(step, ()):
        return True
    return state in TABLE[step].after
