"""What is wrong with a step, as any node can see it from its stream alone, whatever else it knows."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from noroshi.command.alerts import alert_in, is_amended
from noroshi.command.matters import JOINT, MACHINE, PLAN, Matter, Refusal, Settings, Verdict, key_of
from noroshi.command.people import Person, is_signed
from noroshi.command.rows import Row, Said, What, digest_of
from noroshi.command.standing import POSTURES, Delegation, Posture, StandingLooks, StandingPlan, plan_in
from noroshi.command.tasks import is_by_plans
from noroshi.command.transitions import BY_ITSELF, IN_FORCE, STANDING, TABLE, Action, Role, Step, may_follow
from noroshi.geo.time import NS_PER_S
from noroshi.records import STAGES

CLOCK_NS = NS_PER_S


@dataclass(frozen=True, slots=True)
class Checks:
    """What everybody checks.

    Attributes:
        people: by name.
        settings: as they are everywhere.
    """

    people: Mapping[str, Person]
    settings: Settings

    def fault(self, matter: Matter | None, row: Row, said: Said, step: Step) -> Verdict | None:
        """Return what is wrong with a step as any node can see it from its stream alone."""
        line, state = TABLE[step], matter.state if matter else ""
        what = said.what if matter is None else matter.what
        if what is None:
            return Verdict(Refusal.ILLEGAL if matter is None and "" not in line.after else Refusal.FIELDS)
        if not may_follow(step, state, what.action):
            return Verdict(Refusal.ILLEGAL, f"{step} after {state or 'nothing'}")
        if matter is not None and state in BY_ITSELF.get(step, ()) and (row.role != MACHINE or not is_by_plans(matter)):
            return Verdict(Refusal.ILLEGAL, f"{step} after {state}, but by the machine where plans approved it")
        if row.role not in line.roles:
            return Verdict(Refusal.ROLE, f"{row.role}: {step}")
        if missing := [name for name in line.fields if not getattr(said, name)]:
            return Verdict(Refusal.FIELDS, f"{step} needs {', '.join(missing)}")
        if said.what is not None and "what" not in line.fields:
            return Verdict(Refusal.FIELDS, f"{step} changes nothing of what is decided")
        if line.needs_reason and not row.reason.strip():
            return Verdict(Refusal.REASON)
        if matter is not None:
            lapses = step in (Step.EXPIRED, Step.ESCALATED)
            if row.time_ns < matter.time_ns - CLOCK_NS:
                return Verdict(Refusal.TIME)
            if lapses and not (matter.deadline_ns and row.time_ns >= matter.deadline_ns):
                return Verdict(Refusal.EARLY)
            if matter.deadline_ns and row.time_ns >= matter.deadline_ns and not lapses:
                return Verdict(Refusal.LATE)
        return self._identity(row, said) or self._substance(matter, row, said, step)

    def _identity(self, row: Row, said: Said) -> Verdict | None:
        if row.role in (MACHINE, PLAN):
            if row.by != row.role or row.signature or (row.role == PLAN) != bool(said.plan) or said.delegation:
                return Verdict(Refusal.UNKNOWN)
            return None
        person = self.people.get(row.by)
        if person is None or said.plan or (row.role not in person.roles and not said.delegation):
            return Verdict(Refusal.UNKNOWN, f"{row.by} as {row.role}")
        return None if is_signed(row, person) else Verdict(Refusal.UNSIGNED)

    def _substance(self, matter: Matter | None, row: Row, said: Said, step: Step) -> Verdict | None:
        """Return what is wrong with what a step says, given its stream."""
        founder = key_of(row)[0]
        if said.what is not None and (fault := self._matter_fault(said.what, founder, row.stream, matter, step)):
            return Verdict(Refusal.FIELDS, fault)
        if matter is None:
            return None
        if step is Step.HANDED_OVER:
            is_known = said.to in self.settings.area_nations.values() and said.to != matter.owner
            if not row.stream.startswith(JOINT) or not is_known:
                return Verdict(Refusal.FIELDS, "only a joint stream is handed over, to another nation that is known")
        if step in IN_FORCE:
            return self._approval_fault(matter, row, said)
        is_concerned = said.acting_for in (*matter.concerns, matter.owner) or row.role == Role.EXERCISE_CONTROL
        if step in (Step.REJECTED, Step.RECALLED) and not is_concerned:
            return Verdict(Refusal.FIELDS, f"{said.acting_for} is not concerned")
        return None

    def _approval_fault(self, matter: Matter, row: Row, said: Said) -> Verdict | None:
        if said.of != digest_of(matter.what):
            return Verdict(Refusal.FIELDS, "approves something else than what is proposed")
        if row.picture_ns < matter.picture_ns:
            return Verdict(Refusal.FIELDS, "approves on an older picture than that of the proposal")
        if said.acting_for not in matter.concerns:
            return Verdict(Refusal.FIELDS, f"{said.acting_for} is not concerned")
        if said.acting_for in matter.approvals:
            return Verdict(Refusal.ILLEGAL, f"{said.acting_for} has approved it")
        if row.role == PLAN:
            return None
        if row.by in matter.proposers or any(row.by == one.by for one in matter.approvals.values()):
            return Verdict(Refusal.OWN_PROPOSAL)
        if matter.what.action == Action.DELEGATION and matter.what.detail.get("delegate") == row.by:
            return Verdict(Refusal.OWN_PROPOSAL)
        if (self.people[row.by].nation == said.acting_for) == bool(said.delegation):
            return Verdict(Refusal.NO_DELEGATION, f"{row.by} for {said.acting_for}")
        return None

    def _matter_fault(self, what: What, founder: str, stream: str, matter: Matter | None, step: Step) -> str:
        """Return what is wrong with what is to be decided; "" if nothing is."""
        try:
            concerns = self.settings.concerns(what, founder)
            if what.action in STANDING:
                _check_standing(what, founder, stream)
            elif what.action == Action.ALERT and ((alert := alert_in(what)).sender, alert.identifier) != (
                founder,
                stream,
            ):
                return "an alert is decided in its sender's stream of its identifier"
        except (ValueError, msgspec.ValidationError) as error:
            return str(error)
        if matter is None:
            return ""
        if (what.action, what.asset, what.priority) != (matter.what.action, matter.what.asset, matter.what.priority):
            return "changes what kind of thing is decided"
        if step is Step.AMENDED and what.action == Action.ALERT and not is_amended(matter.what, what):
            return "changes more of an alert than an amendment may"
        if step is Step.AMENDED and not set(concerns) <= set(matter.concerns):
            return "brings in a nation that was not concerned"
        return ""


def _check_standing(what: What, founder: str, stream: str) -> None:
    """Check what is to hold for a while.

    Raises:
        ValueError: if it is not what its action says, has no end, or is not the founder's own.
    """
    if stream.startswith(JOINT) or what.asset not in ("", founder) or what.areas:
        raise ValueError("what stands is one nation's own, and its areas are in its detail")
    told: Delegation | StandingPlan | StandingLooks | Posture
    if what.action is Action.STANDING_PLAN:
        told = plan_in(what.detail)
    elif what.action is Action.DELEGATION:
        told = msgspec.convert(what.detail, Delegation)
    else:
        told = msgspec.convert(what.detail, Posture)
    if not told.from_ns < told.until_ns:
        raise ValueError("what stands begins before it ends")
    postures = told.postures if isinstance(told, StandingPlan | StandingLooks) else ()
    if isinstance(told, Posture):
        postures = (told.posture,)
    if unknown := sorted(set(postures) - set(POSTURES)):
        raise ValueError(f"posture '{unknown[0]}' is none of {', '.join(POSTURES)}")
    if isinstance(told, StandingPlan) and told.stage_min not in STAGES:
        raise ValueError(f"stage '{told.stage_min}' is none of {', '.join(STAGES)}")
