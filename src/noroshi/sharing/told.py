"""What other nations' viewers may see of warnings: approved alerts, the threats that they are about, launches.

Each record passes the one release function, under the node's label, as the product that partners get it as (`warning`,
`status`). A threat is reckoned from the fused picture, to which third nations have given: it is seen only by whom an
alert about it was released to, which says the same, and for as long.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noroshi.records import Alert, Launches, Threats, take
from noroshi.records.alert import CANCEL
from noroshi.sharing.facts import Facts
from noroshi.sharing.label import Label
from noroshi.sharing.release import Released, Secrets, release
from noroshi.sharing.rules import Policy, Product, still_valid

ALERTS_MAX = 1_000
SHOWN_NS = 60_000_000_000  # a launch, and an alert that took another away


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    record: Alert | Launches
    rule: str
    due_ns: int
    ends_ns: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ToldView:
    """What one viewer sees of warnings at one time.

    Attributes:
        viewer: nation code.
        alerts: those in force, oldest first; one that took others away for a minute.
        threats: what is expected of those that they are about; None if there is none.
        launches: notices of the last minute; None if there is none.
    """

    viewer: str
    alerts: tuple[Alert, ...] = ()
    threats: Threats | None = None
    launches: Launches | None = None


class Told:
    """What is told of warnings to each of a node's viewers of other nations.

    Args:
        policy: the rules.
        secrets: of the node.
        viewers: nation codes; the node's own nation is none of them.
        label: under which the node shares; None: with nobody.
        exercise: which exercise all of it belongs to; None is real.
    """

    def __init__(
        self, policy: Policy, secrets: Secrets, *, viewers: Sequence[str], label: Label | None, exercise: str | None
    ) -> None:
        if policy.nation in viewers:
            raise ValueError(f"{policy.nation} is told all by its own node: no rule is asked")
        self._policy, self._secrets, self._viewers, self._label = policy, secrets, tuple(viewers), label
        self._exercise = exercise
        self._kept: dict[str, dict[str, _Kept]] = {viewer: {} for viewer in viewers}
        self._threats: Threats | None = None

    def receive(self, record: Alert | Threats | Launches, now_ns: int) -> None:
        """Take in an alert that was approved, what is expected of threats, or notices of launches."""
        if isinstance(record, Threats):
            self._threats = record
            return
        is_alert = isinstance(record, Alert)
        product = Product.WARNING if is_alert else Product.STATUS
        facts = Facts(product=product, n=1, label=self._label, exercise=self._exercise, time_ns=np.array([now_ns]))
        told = release(self._policy, facts, now_ns=now_ns, secrets=self._secrets, recipients=self._viewers)
        for viewer, released in told.items():
            if len(released.rows):
                self._keep(viewer, record, released, now_ns)

    def _keep(self, viewer: str, record: Alert | Launches, released: Released, now_ns: int) -> None:
        if isinstance(record, Alert) and record.message != CANCEL:
            name, ends_ns = record.identifier, record.expires_ns
        elif isinstance(record, Alert):
            name, ends_ns = record.identifier, now_ns + SHOWN_NS
        else:
            name, ends_ns = "", now_ns + SHOWN_NS
        if released.expires_ns is not None:
            ends_ns = min(ends_ns, released.expires_ns)
        kept, rule = self._kept[viewer], self._policy.rules[int(released.rule[0])].name
        kept[name] = _Kept(record, rule, int(released.due_ns[0]), ends_ns)
        while len(kept) > ALERTS_MAX:
            del kept[next(iter(kept))]

    def tighten(self, policy: Policy) -> None:
        """Go on under another policy; what it would not have released just so is seen no longer."""
        for viewer, kept in self._kept.items():
            valid = still_valid(self._policy, policy, viewer)
            self._kept[viewer] = {name: one for name, one in kept.items() if one.rule in valid}
        self._policy = policy

    def see(self, viewer: str, now_ns: int) -> ToldView:
        """Return what a viewer sees now.

        Raises:
            KeyError: if it is none of the viewers.
        """
        kept = self._kept[viewer]
        due = [one for one in kept.values() if one.due_ns <= now_ns]
        over = {name for one in due if isinstance(one.record, Alert) for name in one.record.references}
        over |= {name for name, one in kept.items() if one.ends_ns <= now_ns}
        self._kept[viewer] = {name: one for name, one in kept.items() if name not in over}
        records = [one.record for one in self._kept[viewer].values() if one.due_ns <= now_ns]
        shown = tuple(record for record in records if isinstance(record, Alert))
        threats = self._threats
        if threats is not None:
            about = [alert.threat_id for alert in shown if alert.message != CANCEL]
            is_told = np.isin(threats.threat_id, np.array(about, np.uint64)) & (threats.expires_ns > now_ns)
            threats = take(threats, is_told) if is_told.any() else None
        launches = next((record for record in records if isinstance(record, Launches)), None)
        return ToldView(viewer=viewer, alerts=shown, threats=threats, launches=launches)
