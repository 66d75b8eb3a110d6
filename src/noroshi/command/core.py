"""What a node holds of all this: decisions, pictures and proposals in; decisions and approved alerts out.

command.receive(record, now_ns)      # a Decision (a person's, or a partner's), Threats, a proposed Alert
command.wake_ns(), command.wake(now_ns)
command.take()                       # what is new, to be kept, sent and shown
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from noroshi.command.authority import Authority
from noroshi.command.book import Book
from noroshi.command.matters import Matter, Settings, Verdict, key_of
from noroshi.command.people import Person
from noroshi.command.rows import Row, Said, decision_of
from noroshi.command.tasks import is_by_plans
from noroshi.command.transitions import IN_FORCE, Action, Role, Step
from noroshi.command.warnings import NOTHING, Tolerance, Warnings, approved
from noroshi.records import Alert, Batch, Decision, Threats


@dataclass(frozen=True, slots=True)
class Out:
    """Something new.

    Attributes:
        channel: "decision" (a step that was taken here, in a stream that this node writes: for the store, for partners,
            for display), "heard" (one that another nation wrote: for the store, for display), "said" (one that a person
            here said in a stream that another nation writes: to be sent to `to` and nowhere else), "alert" (approved,
            and by what is known now it still may be: to be sent to people).
        record: a `Decision` of one row, or an `Alert`.
        to: the one nation that it is for; empty: whoever may have it.
    """

    channel: str
    record: Batch
    to: str = ""


class _Memory(msgspec.Struct, array_like=True):
    book: bytes
    picture_ns: int
    stages: dict[int, int]


class Command:
    """The decisions of one node. It knows no clock, file or thread.

    Args:
        home: the node's nation.
        people: by name (`people.register`).
        authority: the rules.
        settings: of `book.Book`.
        tolerance: how old the picture of a proposed alert may be.

    Attributes:
        book: what all decisions have come to.
        warnings: the port for alerts.
    """

    def __init__(
        self,
        home: str,
        people: Mapping[str, Person],
        authority: Authority,
        settings: Settings,
        tolerance: Tolerance | None = None,
    ) -> None:
        self.book = Book(home, people, authority, settings)
        self.warnings = Warnings(self.book, tolerance or Tolerance())

    def receive(self, record: Batch, now_ns: int, *, source: str | None = None) -> list[Verdict]:
        """Take in a record that has arrived.

        Args:
            record: `Threats` of the newest picture, and an `Alert` that is proposed, of the own node; a `Decision`.
            now_ns: the time.
            source: the nation whose node it comes from, as its messages prove; None: the own.

        Returns:
            What became of each step; of an alert, of its proposal.
        """
        verdicts: list[Verdict] = []
        if isinstance(record, Threats) and source in (None, self.book.home):
            self.warnings.see(record)
        elif isinstance(record, Alert) and source in (None, self.book.home):
            self.book.wake(now_ns)
            verdicts = [self.warnings.propose(record, now_ns)]
        elif isinstance(record, Decision):
            verdicts = self.book.receive(record, now_ns, source=source)
        return verdicts

    def wake_ns(self) -> int | None:
        """Return when the next deadline passes, if any."""
        return self.book.wake_ns()

    def wake(self, now_ns: int) -> None:
        """Let lapse what is due."""
        self.book.wake(now_ns)

    def take(self) -> list[Out]:
        """Return what is new, in order, and forget that it is; an alert follows the step that hands it over."""
        out: list[Out] = []
        while rows := self.book.take():
            for row in rows:
                is_own = row.nation == self.book.home
                out.append(Out("decision" if is_own else "heard", self.book.record_of(row)))
                matter = self.book.matters[key_of(row)]
                if row.version != matter.version:
                    continue
                if matter.what.action != Action.ALERT:
                    self._go_on(matter, row, is_own=is_own)
                elif is_own and row.step in IN_FORCE and matter.state in IN_FORCE:
                    self._send(matter)
                elif is_own and row.step == Step.TASKED:
                    out.append(Out("alert", approved(matter)))
        for row in self.book.take_forward():
            out.append(Out("said", self.book.record_of(row), to=self.book.writer_of(row)))
        return out

    def checkpoint(self) -> bytes:
        """Return everything that is known, for `resume`; take what is new first."""
        return msgspec.msgpack.encode(_Memory(self.book.checkpoint(), self.book.picture_ns, self.warnings.stages))

    def resume(self, checkpoint: bytes) -> None:
        """Go on where another was.

        Raises:
            ValueError: if this is no checkpoint.
        """
        try:
            memory = msgspec.msgpack.decode(checkpoint, type=_Memory)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a checkpoint of decisions: {error}") from error
        self.book.resume(memory.book)
        self.book.picture_ns, self.warnings.stages = memory.picture_ns, memory.stages

    def undelivered(self) -> list[Alert]:
        """Return the alerts that were handed to the outlets and of which nobody has said what became of them, in order.

        After a restart these are given to the outlets again: the same alert has the same identifier and bytes, so that
        whoever has it already shows it once.
        """
        mine = [
            matter
            for matter in self.book.open_matters()
            if matter.what.action == Action.ALERT and matter.owner == self.book.home and matter.state == Step.TASKED
        ]
        return [approved(matter) for matter in sorted(mine, key=lambda one: (one.time_ns, one.stream))]

    def delivered(self, identifier: str, now_ns: int, *, failed: str = "") -> Decision | None:
        """Return that the outlets have passed an alert on, or why they could not, for `receive`; None if it is not due.

        Args:
            identifier: of the alert.
            now_ns: the time.
            failed: why not; empty: they have.
        """
        matter = self.book.matters.get((self.book.home, identifier))
        if matter is None or matter.what.action != Action.ALERT or matter.state != Step.TASKED:
            return None
        steps = (Step.DONE_NOT_OK,) if failed else (Step.RECEIVED, Step.DONE_OK)
        return decision_of([
            self.book.draft(
                identifier, step, by=Role.MACHINE, role=Role.MACHINE, now_ns=now_ns, reason=failed, ahead=ahead
            )
            for ahead, step in enumerate(steps)
        ])  # fmt: skip

    def _send(self, matter: Matter) -> None:
        """Hand an approved alert to the outlets; what approved it must still hold, or it is taken back."""
        key, now_ns = (matter.founder, matter.stream), self.book.now_ns
        refusal, why = self.book.say(key, Step.TASKED, now_ns, said=Said())
        if refusal is not None:
            reason = f"not sent: {refusal}" + (f", {why}" if why else "")
            self.book.say(key, Step.SUPERSEDED, now_ns, said=Said(to=NOTHING), reason=reason)

    def _go_on(self, matter: Matter, row: Row, *, is_own: bool) -> None:
        """Say what the machine says next: what standing plans cover goes on by itself until it is under way."""
        book, key, now_ns = self.book, (matter.founder, matter.stream), self.book.now_ns
        if is_own and row.step == Step.RECOMMENDED and matter.what.action == Action.SENSOR_TASK:
            self.warnings.decide(key, now_ns)
        elif is_own and matter.state in IN_FORCE and matter.what.action == Action.SENSOR_TASK and is_by_plans(matter):
            book.say(key, Step.TASKED, now_ns, said=Said())
        elif row.step == Step.TASKED:
            self._say_of_ours(matter, Step.RECEIVED)
        elif row.step == Step.RECEIVED and matter.what.action == Action.SENSOR_TASK and is_by_plans(matter):
            self._say_of_ours(matter, Step.EXECUTING)

    def _say_of_ours(self, matter: Matter, step: Step) -> None:
        """Say a step of a task for this nation, if by what is known here it still may be done."""
        book, is_ours = self.book, (matter.what.asset or matter.founder) == self.book.home
        if is_ours and book.not_any_more(matter, book.now_ns) is None:
            book.say((matter.founder, matter.stream), step, book.now_ns, said=Said())
