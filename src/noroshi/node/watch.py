"""What a node warns of: the picture goes in, proposals come out, people decide, and what they approved is given out.

Nothing is told to people that no person and no plan of theirs has approved: the warning stage proposes, `command/`
holds what is decided, and only what it gives back as approved leaves here as an alert.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from noroshi.command.alerts import alert_in
from noroshi.command.core import Command
from noroshi.command.matters import Verdict
from noroshi.command.transitions import Action, Role, Step
from noroshi.formats.columns import pack, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.node.outgoing import Outgoing
from noroshi.records import Alert, Batch, Decision, Detections, Launches, Status, Tracks
from noroshi.sharing.rules import Product
from noroshi.warning.core import Warner

News = tuple[Batch, Product, int, str]
"""What partners are to be told: the record, as what, the warning that it is about, and whom alone it is for, if one."""


class Picture(Protocol):
    """What gives the picture of a time; early is before partners' word of it has come."""

    def __call__(self, time_ns: int, /, *, is_early: bool = False) -> Tracks:
        """Return it."""


SETTLED_NS = NS_PER_S // 2
"""After a whole second: what partners told of it has come by then, and fusion has folded it."""

EARLY_NS = NS_PER_S // 4
"""At least so long lies between looks that new measurements bring: what they cost is bounded."""

WORKS_AGAIN = "works again"

NOT_TOLD = (Step.REJECTED, Step.EXPIRED, Step.SUPERSEDED, Step.CANCELLED, Step.RECALLED)


class Watch:
    """A node's watch over its picture.

    Args:
        warner: what looks at pictures.
        command: what holds decisions.
        period_ns: how often it looks; a new measurement of a threat brings a look of that alone at once.

    Attributes:
        is_drawn: whether anybody draws how threats go on; `Paths` are given out only then, which decide nothing.
        verdicts: what became of the steps of decisions that arrived last.
    """

    def __init__(self, warner: Warner, command: Command, *, period_ns: int) -> None:
        self.warner, self.command, self.period_ns = warner, command, period_ns
        self.is_drawn = True
        self.verdicts: list[Verdict] = []
        self._news: list[News] = []
        self._given: list[Outgoing] = []
        self._look_ns: int | None = None
        self._early_ns: int | None = None  # of a look before that one
        self._hurried_ns = 0  # when the last such was

    def wake_ns(self) -> int | None:
        """Return when it wants to be woken, if ever."""
        times = [ns for ns in (self._look_ns, self._early_ns, self.command.wake_ns()) if ns is not None]
        return min(times, default=None)

    def expect(self, now_ns: int) -> None:
        """Look soon: something new has come of what may be a threat that is followed.

        Just after this moment, when all that it brings has come.
        """
        if self.warner.is_following:
            soon_ns = max(now_ns + 1, self._hurried_ns + EARLY_NS)
            self._early_ns = soon_ns if self._early_ns is None else min(soon_ns, self._early_ns)

    def start(self, now_ns: int) -> None:
        """Begin to look."""
        if self._look_ns is None:
            self._look_ns = -(-now_ns // self.period_ns) * self.period_ns + min(SETTLED_NS, self.period_ns // 2)

    def hear(self, record: Batch, now_ns: int, *, source: str | None = None) -> None:
        """Take in what has arrived: notices of launches, steps of decisions.

        Args:
            record: of any sort; what says nothing here is passed over.
            now_ns: the time.
            source: the nation whose node it comes from; None: the own.
        """
        if isinstance(record, Detections):
            self.warner.hear(record.sensor, now_ns)
        elif isinstance(record, Launches):
            self.warner.notice(record)
            self._given.append(Outgoing("launch", record, True))
            if source is None:
                self._news.append((record, Product.STATUS, 0, ""))
        elif isinstance(record, Decision):
            self.verdicts = self.command.receive(record, now_ns, source=source)
            self._settle()

    def wake(self, now_ns: int, picture: Picture) -> None:
        """Do all that is due until now, each at the time at which it is due, so that a replay does the same."""
        while (due_ns := self.wake_ns()) is not None and due_ns <= now_ns:
            deadline_ns = self.command.wake_ns()
            if deadline_ns is not None and deadline_ns <= due_ns:
                self.command.wake(due_ns)
                self._settle()
            if self._look_ns is not None and self._look_ns <= due_ns:
                self._look(picture(due_ns), due_ns, is_early=False)
                self._look_ns = due_ns + self.period_ns
            elif self._early_ns is not None and self._early_ns <= due_ns:
                self._hurried_ns = due_ns
                self._look(picture(due_ns, is_early=True), due_ns, is_early=True)

    def _look(self, picture: Tracks, now_ns: int, *, is_early: bool) -> None:
        said = self.warner.look(picture, now_ns, with_paths=self.is_drawn, is_early=is_early)
        self.command.receive(said.threats, now_ns)
        if len(said.threats):
            self._given.append(Outgoing("threats", said.threats))
        if said.paths is not None:
            self._given.append(Outgoing("paths", said.paths))
        for name, why in said.faults.items():
            told = Status(
                time_ns=np.array([now_ns]),
                source=np.array([f"rule '{name}'"]),
                subject=np.array([f"rule: {why or WORKS_AGAIN}"]),
                value=np.array([math.nan]),
            )
            self._given.append(Outgoing("alarm", told, True))
        self._propose(said.proposals, said.withdrawn, now_ns)
        outdated = self.command.warnings.outdated(now_ns)
        renewed = [self.warner.renew(identifier, why, now_ns) for identifier, why in outdated]
        self._propose([one for one in renewed if one is not None], self.warner.withdrawn(), now_ns)
        self._settle()
        self._early_ns = self.warner.over_ns(now_ns)

    def _propose(self, proposals: Iterable[Alert], withdrawn: Iterable[str], now_ns: int) -> None:
        for identifier in withdrawn:
            self.command.warnings.withdraw(identifier, now_ns)
        for proposal in proposals:
            self._given.append(Outgoing("proposal", proposal, True))
            self.command.receive(proposal, now_ns)

    def take(self) -> list[Outgoing]:
        """Return what is to be given out and forget it."""
        given, self._given = self._given, []
        return given

    def news(self) -> list[News]:
        """Return what partners are to be told and forget it."""
        news, self._news = self._news, []
        return news

    def checkpoint(self) -> dict[str, Any]:
        """Return what `resume` needs, as plain data."""
        looks = [self._look_ns, self._early_ns, self._hurried_ns]
        return {"warner": self.warner.memory(pack), "command": self.command.checkpoint(), "looks_ns": looks}

    def resume(self, memory: Mapping[str, Any]) -> None:
        """Become the watch that gave this checkpoint.

        Raises:
            KeyError, TypeError, ValueError: if it is none.
        """
        self.warner.resume(memory["warner"], unpack)
        self.command.resume(memory["command"])
        self._look_ns, self._early_ns, self._hurried_ns = memory["looks_ns"]

    def _settle(self) -> None:
        """Pass on what was decided: to the warning stage, to partners, and out."""
        for out in self.command.take():
            if isinstance(out.record, Alert):
                self.warner.decide(out.record, out.record)
                self._news.append((out.record, Product.WARNING, out.record.threat_id, ""))
                self._given.append(Outgoing("alert", out.record, True))
                continue
            assert isinstance(out.record, Decision)
            self._given.append(Outgoing("decision", out.record, True))
            if out.channel != "heard":
                self._news.append((out.record, Product.STATUS, 0, out.to))
            if out.channel == "decision" and (step := str(out.record.step[0])) in NOT_TOLD:
                is_nobodys = step == Step.EXPIRED or (step == Step.SUPERSEDED and out.record.role[0] == Role.MACHINE)
                self._refuse(str(out.record.stream[0]), has_lapsed=is_nobodys)

    def _refuse(self, identifier: str, *, has_lapsed: bool) -> None:
        """Tell the warning stage that a proposal came to nothing."""
        matter = self.command.book.matters.get((self.warner.nation, identifier))
        if matter is not None and matter.what.action == Action.ALERT:
            self.warner.decide(alert_in(matter.what), None, has_lapsed=has_lapsed)
