"""The approval of alerts: what the machine proposes, whether a plan approves it at once, what came of it.

Nobody approves what is no longer so. Where other areas are concerned by now, or at another time, the warning stage
replaces its proposal at the look that says so (`warning/telling.py`), and what is superseded cannot be approved. What
no newer proposal replaces is refused here: it is of a picture that is too old, or of a threat that is over.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from noroshi.command.alerts import alert_in, what_of
from noroshi.command.book import Book
from noroshi.command.matters import Key, Matter, Refusal, Verdict
from noroshi.command.rows import Said, said_in, text_of
from noroshi.command.transitions import UNDECIDED, Action, Role, Step
from noroshi.geo.time import NS_PER_S
from noroshi.records import STAGES, Alert, Certainty, Stage, Threats
from noroshi.records.alert import CANCEL, UPDATE

NOTHING = "nothing"
OVER = (Stage.PASSED, Stage.LANDED, Stage.CLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What is tolerated of a proposal that is approved.

    Attributes:
        age_s: how long ago the picture was that it came from.
    """

    age_s: float = 120.0


class Warnings:
    """The port between what is to be said to people and those who approve it.

    Args:
        book: of the node; its guard is set.
        tolerance: how old a picture may be.
    """

    def __init__(self, book: Book, tolerance: Tolerance) -> None:
        self.book, self.tolerance = book, tolerance
        book.guard = self.stale
        self.stages: dict[int, int] = {}

    def see(self, threats: Threats) -> None:
        """Take in what is expected of all threats by the newest picture; it replaces what was expected before."""
        self.stages = dict(zip(threats.threat_id.tolist(), threats.stage.tolist(), strict=True))
        self.book.picture_ns = max([self.book.picture_ns, *threats.time_ns.tolist()])

    def propose(self, alert: Alert, now_ns: int) -> Verdict:
        """Propose an alert, in a stream that has its identifier, and let a standing plan approve it if one covers it.

        Proposals of the same threat that wait, of which it says that it replaces them, are superseded by it.
        """
        key = (self.book.home, alert.identifier)
        known, what = self.book.matters.get(key), what_of(alert)
        if known is not None:
            is_same = known.rows[0].content == text_of(
                msgspec.structs.replace(said_in(known.rows[0].content), what=what)
            )
            return Verdict(Refusal.DUPLICATE if is_same else Refusal.KEY_REUSED)
        self.book.picture_ns = max(self.book.picture_ns, alert.picture_ns)
        basis: dict[str, Any] = {"threat": alert.threat_id, "picture_ns": alert.picture_ns}
        said = Said(what=what, advice=basis)
        verdict = self.book.say(key, Step.RECOMMENDED, now_ns, said=said, reason=alert.reason)
        if verdict.refusal is not None:
            return verdict
        for reference in alert.references:
            old = self.book.matters.get((self.book.home, reference))
            if old is not None and old.owner == self.book.home and old.state in UNDECIDED:
                self.book.say(
                    (old.founder, old.stream),
                    Step.SUPERSEDED,
                    now_ns,
                    said=Said(to=alert.identifier),
                    reason="a newer proposal replaces it",
                )
        self.decide(key, now_ns)
        return verdict

    def withdraw(self, identifier: str, now_ns: int) -> None:
        """Take back a proposal that nobody has decided: what it spoke of is over, or another one speaks of it."""
        matter = self.book.matters.get((self.book.home, identifier))
        if matter is not None and matter.owner == self.book.home and matter.state in UNDECIDED:
            said = Said(to=NOTHING)
            key = (matter.founder, matter.stream)
            self.book.say(key, Step.SUPERSEDED, now_ns, said=said, reason="it is withdrawn")

    def outdated(self, now_ns: int) -> list[tuple[str, str]]:
        """Return which of the nation's own proposals that wait may not be approved any more, and why not."""
        home = self.book.home
        mine = [
            matter
            for matter in self.book.open_matters()
            if matter.founder == matter.owner == home and matter.state in UNDECIDED
        ]
        found = [(matter.stream, why) for matter in mine if (why := self.stale(matter, now_ns))]
        return sorted(found)

    def decide(self, key: Key, now_ns: int) -> tuple[str, ...]:
        """Let standing plans approve what they cover, for each nation that is concerned; return their streams.

        That something is over they may say where it was observed: anything else of an end a person decides.
        """
        used = list[str]()
        matter = self.book.matters[key]
        if matter.what.action == Action.ALERT and not self._may_go_by_plan(alert_in(matter.what)):
            return ()
        while matter.state == Step.RECOMMENDED and matter.owner == self.book.home:
            found = [(nation, plan) for nation in matter.lacks if (plan := self.book.plan_for(matter, nation, now_ns))]
            if not found:
                break
            nation, plan = found[0]
            row = self.book.draft(
                key[1], Step.APPROVED, by=Role.PLAN, role=Role.PLAN, now_ns=now_ns, founder=key[0], acting_for=nation
            )
            said = said_in(row.content)
            verdict = self.book.say(
                key,
                Step.APPROVED,
                now_ns,
                said=Said(of=said.of, rule=f"standing plan {plan}", acting_for=nation, plan=plan),
                role=Role.PLAN,
            )
            if verdict.refusal is not None:
                break
            used.append(plan)
        return tuple(used)

    def stale(self, matter: Matter, now_ns: int) -> str:
        """Return why a proposed alert may not be approved any more; "" if it may."""
        if matter.what.action != Action.ALERT:
            return ""
        alert = alert_in(matter.what)
        age_s = (now_ns - alert.picture_ns) / NS_PER_S
        if age_s > self.tolerance.age_s:
            return f"its picture is {age_s:.0f} s old"
        stage = self.stages.get(alert.threat_id)
        if stage is None:
            return ""
        if stage in OVER and self._only_leaves_out(alert):
            return ""
        if (alert.message == CANCEL) != (stage in OVER) and (stage in OVER or alert.stage in OVER):
            return f"the threat is {STAGES[stage].replace('_', ' ')} by now"
        return ""

    def _only_leaves_out(self, alert: Alert) -> bool:
        """Return whether it tells nobody who was not told, and some people that it is over for them."""
        return alert.message == UPDATE and set(alert.code.tolist()) < self._told(alert)

    def _may_go_by_plan(self, alert: Alert) -> bool:
        """Return whether a plan may approve an alert that it covers: an end must have been observed, and for all."""
        if alert.message == UPDATE:
            return not self._told(alert) - set(alert.code.tolist())
        return alert.message != CANCEL or (alert.stage in OVER and alert.certainty == Certainty.OBSERVED)

    def _told(self, alert: Alert) -> set[str]:
        """Return the areas of those alerts that this one takes the place of."""
        before = [self.book.matters.get((self.book.home, reference)) for reference in alert.references]
        return {code for one in before if one is not None for code in one.what.areas}


def approved(matter: Matter) -> Alert:
    """Return the alert of an approved matter as it is to be sent; the same each time it is asked for."""
    return alert_in(matter.what).replace(sent_ns=max(one.time_ns for one in matter.approvals.values()))
