"""The approval of alerts: what the machine proposes, whether a plan approves it at once, what came of it.

A proposal remembers where its threat was expected to end. It is refused approval once the picture has moved further
than is tolerated, so that nobody approves what is no longer so; the warning stage then proposes anew.
"""

import math
from dataclasses import dataclass
from typing import Any

import msgspec

from noroshi.command.alerts import alert_in, what_of
from noroshi.command.book import Book
from noroshi.command.matters import Key, Matter, Refusal, Verdict
from noroshi.command.rows import Said, said_in, text_of
from noroshi.command.transitions import UNDECIDED, Action, Role, Step
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import STAGES, Alert, Stage, Threats
from noroshi.records.alert import CANCEL

NOTHING = "nothing"
OVER = (Stage.PASSED, Stage.LANDED, Stage.CLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far the picture may move before a proposal is not approved any more.

    Attributes:
        age_s: since the picture that it came from.
        moved_m: of the place where the threat is expected to come down.
        moved_s: of the time when.
    """

    age_s: float = 120.0
    moved_m: float = 50_000.0
    moved_s: float = 60.0


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What was expected of a threat when it was seen last.

    Attributes:
        stage: its `Stage`.
        end_ns: when it is expected to come down; 0 where that is not known.
        end_ecef_m: where; None where that is not known.
    """

    stage: int
    end_ns: int
    end_ecef_m: tuple[float, float, float] | None


class Warnings:
    """The port between what is to be said to people and those who approve it.

    Args:
        book: of the node; its guard is set.
        tolerance: how far the picture may move.
    """

    def __init__(self, book: Book, tolerance: Tolerance) -> None:
        self.book, self.tolerance = book, tolerance
        book.guard = self.moved
        self.seen: dict[int, Seen] = {}

    def see(self, threats: Threats) -> None:
        """Take in what is expected of all threats by the newest picture; it replaces what was expected before."""
        self.seen = {}
        for row in range(len(threats)):
            end = None
            if math.isfinite(threats.end_lat_rad[row]):
                x, y, z = ecef_from_geodetic(threats.end_lat_rad[row], threats.end_lon_rad[row], 0.0).tolist()
                end = (x, y, z)
            self.seen[int(threats.threat_id[row])] = Seen(int(threats.stage[row]), int(threats.end_ns[row]), end)
            self.book.picture_ns = max(self.book.picture_ns, int(threats.time_ns[row]))

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
        seen = self.seen.get(alert.threat_id)
        basis: dict[str, Any] = {"threat": alert.threat_id, "picture_ns": alert.picture_ns}
        if seen:
            basis |= {"stage": seen.stage, "end_ns": seen.end_ns, "end_ecef_m": seen.end_ecef_m}
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
        found = [(matter.stream, why) for matter in mine if (why := self.moved(matter, now_ns))]
        return sorted(found)

    def decide(self, key: Key, now_ns: int) -> tuple[str, ...]:
        """Let standing plans approve what they cover, for each nation that is concerned; return their streams."""
        used = list[str]()
        matter = self.book.matters[key]
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

    def moved(self, matter: Matter, now_ns: int) -> str:
        """Return how far the picture has moved from what a proposed alert came from, if it is too far; "" if not."""
        if matter.what.action != Action.ALERT:
            return ""
        alert = alert_in(matter.what)
        age_s = (now_ns - alert.picture_ns) / NS_PER_S
        if age_s > self.tolerance.age_s:
            return f"its picture is {age_s:.0f} s old"
        seen = self.seen.get(alert.threat_id)
        if seen is None:
            return ""
        if (alert.message == CANCEL) != (seen.stage in OVER) and (seen.stage in OVER or alert.stage in OVER):
            return f"the threat is {STAGES[seen.stage].replace('_', ' ')} by now"
        proposed = next(row for row in reversed(matter.rows) if row.step == Step.RECOMMENDED)
        basis = said_in(proposed.content).advice if proposed.role == Role.MACHINE else {}  # people may write anything
        before, after = basis.get("end_ecef_m"), seen.end_ecef_m
        if before is not None and after is not None and alert.message != CANCEL:
            moved_m = math.dist(before, after)
            moved_s = abs(seen.end_ns - basis["end_ns"]) / NS_PER_S
            if moved_m > self.tolerance.moved_m:
                return f"the threat is expected {moved_m / 1000.0:.0f} km from there by now"
            if moved_s > self.tolerance.moved_s:
                return f"the threat is expected at another time, by {moved_s:.0f} s"
        return ""


def approved(matter: Matter) -> Alert:
    """Return the alert of an approved matter as it is to be sent; the same each time it is asked for."""
    return alert_in(matter.what).replace(sent_ns=max(one.time_ns for one in matter.approvals.values()))
