"""What waits for whom, until when, and what happens if nobody does anything."""

from dataclasses import dataclass

from noroshi.command.matters import Matter
from noroshi.command.tasks import is_by_plans
from noroshi.command.transitions import IN_FORCE, STANDING, TABLE, UNDER_WAY, Action, Role, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing that waits for somebody.

    Attributes:
        founder, stream, version: which matter, as of which version.
        state, action, priority: what it is.
        areas: that it touches.
        roles, nations: whose step is next.
        until_ns: until when; 0 for whenever.
        otherwise: what happens if nobody does anything, in plain words.
        picture_ns: the time of the picture that it rests on.
        reason: why it was proposed.
    """

    founder: str
    stream: str
    version: int
    state: str
    action: str
    priority: str
    areas: tuple[str, ...]
    roles: tuple[Role, ...]
    nations: tuple[str, ...]
    until_ns: int
    otherwise: str
    picture_ns: int
    reason: str


def waiting(matter: Matter) -> Waiting | None:
    """Return what a matter waits for; None if for nothing."""
    if not matter.is_open or (matter.what.action in STANDING and matter.state in IN_FORCE):
        return None
    roles = TABLE[Step(matter.state)].waits_for
    if matter.what.action == Action.SENSOR_TASK and matter.state == Step.RECEIVED and is_by_plans(matter):
        roles = (Role.MACHINE,)
    if matter.is_escalated:
        roles = tuple(dict.fromkeys((*roles, Role.APPROVER, Role.WATCH_OFFICER)))
    if matter.state == Step.RECOMMENDED:
        nations = matter.lacks
    elif matter.state in UNDER_WAY or matter.state == Step.EXECUTING:
        nations = (matter.what.asset or matter.founder,)
    else:
        nations = (matter.owner,)
    if not matter.deadline_ns:
        otherwise = "it goes on waiting"
    elif matter.state == Step.EXECUTING:
        otherwise = "those above are told"
    else:
        otherwise = "it lapses and nothing is done" if matter.is_escalated else "those above are told"
    first = matter.rows[0]
    return Waiting(
        founder=matter.founder,
        stream=matter.stream,
        version=matter.version,
        state=matter.state,
        action=matter.what.action,
        priority=matter.what.priority,
        areas=matter.what.areas,
        roles=roles,
        nations=nations,
        until_ns=matter.deadline_ns,
        otherwise=otherwise,
        picture_ns=matter.picture_ns,
        reason=first.reason,
    )
