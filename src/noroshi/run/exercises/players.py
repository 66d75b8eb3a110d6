"""Scripted people: in each nation that warns its people, one approves what the machine proposes, after a while.

They use the same way in as people do: a signed step of a decision, which arrives at the node as a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from noroshi.command.matters import Matter
from noroshi.command.people import sign
from noroshi.command.rows import decision_of
from noroshi.command.transitions import UNDECIDED, Role, Step
from noroshi.exercise.fields import Spread, drawn
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Alert, Decision
from noroshi.run.exercises.staff import key_of_staff, staff_name
from noroshi.run.scenarios import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvers:
    """The approvers of a scenario.

    Args:
        scenario: what is played.
        replicate: which repetition: people are as quick or slow as it draws them.
        delays_s: how long the approver of each nation takes, by its code.
    """

    scenario: Scenario
    replicate: int
    delays_s: Mapping[str, Spread]

    @classmethod
    def of(cls, scenario: Scenario, replicate: int) -> "Approvers":
        """Return the approvers that the nations' files describe."""
        warned = {nation.code: nation.warning for nation in scenario.nations}
        delays_s = {code: warning.approval_s for code, warning in warned.items() if warning is not None}
        return cls(scenario=scenario, replicate=replicate, delays_s=delays_s)

    def when(self, node: str, out: Outgoing, now_ns: int) -> int | None:
        """Return when somebody answers what a node gives out, if anybody does."""
        if out.channel != "proposal" or not isinstance(out.record, Alert) or node not in self.delays_s:
            return None
        draws = Draws(self.scenario.seed, self.replicate, f"approver|{node}")
        return now_ns + round(drawn(self.delays_s[node], draws, out.record.identifier) * NS_PER_S)

    def answer(self, node: Node, identifier: str, now_ns: int) -> Decision | None:
        """Return what the approver says to a proposal, or to that which has replaced it meanwhile, if it still waits.

        Who thinks about a threat approves what is proposed of it by then.
        """
        if node.watch is None:
            return None
        book, nation = node.watch.command.book, node.name
        asked = book.matters.get((nation, identifier))
        if asked is None:
            return None
        waiting = [
            matter.stream
            for matter in book.matters.values()
            if matter.state in UNDECIDED and matter.owner == nation and _threat(matter) == _threat(asked)
        ]
        if not waiting or (asked.state not in UNDECIDED and asked.state != Step.SUPERSEDED):
            return None
        by = staff_name(Role.APPROVER, nation)
        row = book.draft(waiting[-1], Step.APPROVED, by=by, role=Role.APPROVER, now_ns=now_ns)
        return decision_of([sign(row, key_of_staff(self.scenario, by))])


def _threat(matter: Matter) -> tuple[object, object]:
    """Return what an alert is about."""
    return matter.what.detail.get("hazard"), matter.what.detail.get("threat_id")
