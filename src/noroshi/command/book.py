"""What all decisions have come to: a fold over their steps.

Each stream has one writer at a time, which gives its steps their numbers; who says something states the version that
was before them, and of two who saw the same one the second is refused. A node that is not the writer takes the writer's
steps in the order of their numbers, holding what came early, so what it knows is a union and needs no merging.

What every node checks of every step hangs on the stream alone: the table, the signature, the deadlines, that who
proposes does not approve. What hangs on other streams and on the rules (delegations, plans, postures, policy) is judged
by the writer when the step is taken, and again when a task goes out, with what it knows by then.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from noroshi.command.alerts import alert_in, covers
from noroshi.command.authority import Authority, Request
from noroshi.command.checks import CLOCK_NS, Checks
from noroshi.command.matters import (
    HARMLESS,
    JOINT,
    MACHINE,
    PLAN,
    Approval,
    Key,
    Matter,
    Refusal,
    Settings,
    Verdict,
    deadline_after,
    founder_of,
    key_of,
    state_after,
)
from noroshi.command.people import Person
from noroshi.command.rows import Row, Said, What, decision_of, digest_of, rows_of, said_in, text_of
from noroshi.command.standing import PEACETIME, Delegation, Posture, StandingLooks, plan_in, within
from noroshi.command.tasks import covers_looks
from noroshi.command.transitions import IN_FORCE, OPEN, STANDING, TABLE, UNDECIDED, UNDER_WAY, Action, Role, Step
from noroshi.command.waiting import Waiting, waiting
from noroshi.records import Decision

TO_DO = (*UNDER_WAY, Step.EXECUTING)
TO_SEND = (Step.TASKED,)
"""Before which steps it is looked again whether what was approved still may be. An alert that is out is out."""
EARLY_MAX, EARLY_STREAMS_MAX = 64, 1_000  # steps held in a stream, and streams in which some are
STEPS = {str(step): step for step in Step}
ROLES = frozenset(map(str, Role))
REPORTS = (Step.RECEIVED, Step.EXECUTING, Step.DONE_OK, Step.DONE_NOT_OK)  # of the machine that does the task


class _Memory(msgspec.Struct, array_like=True):
    now_ns: int
    matters: list[Matter]
    early: list[tuple[str, Row]]
    uses: list[tuple[str, str, int]]
    refused: list[tuple[str, int]]


class Book:
    """All decisions that a node knows of.

    Args:
        home: the node's nation, which writes its own streams.
        people: by name, as `people.register` makes it.
        authority: the rules.
        settings: as they are everywhere.
        guard: says why a matter may not be approved on today's picture; "" if it may.

    Attributes:
        matters: by (nation that began it, stream).
        refused: how many steps were not taken, by reason.
        picture_ns: the time of the picture that people have before them here.
        now_ns: the latest time that it was told.
    """

    def __init__(
        self,
        home: str,
        people: Mapping[str, Person],
        authority: Authority,
        settings: Settings,
        guard: Callable[[Matter, int], str] | None = None,
    ) -> None:
        self.home, self.people, self.authority, self.settings = home, people, authority, settings
        self.guard = guard
        self.checks = Checks(people, settings)
        self.matters: dict[Key, Matter] = {}
        self.refused: Counter[str] = Counter()
        self.picture_ns = 0
        self.now_ns = 0
        self._uses: Counter[Key] = Counter()
        self._early: dict[Key, dict[int, tuple[str, Row]]] = {}
        self._open: dict[Key, None] = {}
        self._standing: dict[Action, dict[Key, None]] = {action: {} for action in STANDING}
        self._due: list[tuple[int, str, str, int]] = []
        self._taken: list[Row] = []
        self._forward: list[Row] = []
        self._came: tuple[Row, Decision] | None = None

    # what comes in and goes out

    def receive(self, decision: Decision, now_ns: int, *, source: str | None = None) -> list[Verdict]:
        """Take steps in, or refuse them, row by row; what is due lapses first.

        Args:
            decision: steps of one nation's streams.
            now_ns: the time.
            source: the nation whose node they come from, as its messages prove; None: the own.
        """
        self.wake(now_ns)
        rows = rows_of(decision)
        self._came = (rows[0], decision) if len(rows) == 1 else None
        return [self._judge(row, now_ns, source or self.home) for row in rows]

    def take_row(self, row: Row, now_ns: int, *, source: str | None = None) -> Verdict:
        """Take one step in, as `receive`."""
        self.wake(now_ns)
        return self._judge(row, now_ns, source or self.home)

    def restore(self, rows: Sequence[Row]) -> None:
        """Know again what was taken before, from a store; nothing of it is judged anew by the rules, or sent.

        Raises:
            ValueError: if a step does not follow from those before it.
        """
        for row in rows:
            verdict = self._judge(row, row.time_ns, row.nation, restoring=True)
            if verdict.refusal not in (None, Refusal.DUPLICATE):
                raise ValueError(f"{row.stream} {row.version}: {verdict.refusal} {verdict.why}".rstrip())
        self._taken, self._forward = [], []

    def wake_ns(self) -> int | None:
        """Return when the next deadline of the own streams passes, if any."""
        while self._due and not self._is_due(self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def wake(self, now_ns: int) -> None:
        """Let everything lapse whose time is over: it is passed on to those above once, and then nothing is done."""
        self.now_ns = max(self.now_ns, now_ns)
        while self._due and self._due[0][0] <= now_ns:
            due = heapq.heappop(self._due)
            if self._is_due(due):
                self._lapse(self.matters[due[1], due[2]], now_ns)

    def take(self) -> list[Row]:
        """Return the steps that were taken since, of whatever stream, in order; and forget that they are new."""
        taken, self._taken = self._taken, []
        return taken

    def record_of(self, row: Row) -> Decision:
        """Return a step that was taken as a record: the one that brought it, if it brought nothing else."""
        return self._came[1] if self._came and self._came[0] is row else decision_of([row])

    def take_forward(self) -> list[Row]:
        """Return the steps that people here said in streams that others write, to be sent to `writer_of` each."""
        forward, self._forward = self._forward, []
        return forward

    def checkpoint(self) -> bytes:
        """Return all that is known, for `resume`; take what is new first."""
        early = [pair for held in self._early.values() for pair in held.values()]
        return msgspec.msgpack.encode(
            _Memory(
                self.now_ns,
                list(self.matters.values()),
                early,
                [(*key, n) for key, n in self._uses.items()],
                list(self.refused.items()),
            )
        )

    def resume(self, checkpoint: bytes) -> None:
        """Become the book that gave this checkpoint.

        Raises:
            ValueError: if it is none.
        """
        try:
            memory = msgspec.msgpack.decode(checkpoint, type=_Memory)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a checkpoint of decisions: {error}") from error
        self.now_ns, self.refused = memory.now_ns, Counter(dict(memory.refused))
        self.matters = {(matter.founder, matter.stream): matter for matter in memory.matters}
        self._uses = Counter({(nation, stream): n for nation, stream, n in memory.uses})
        self._early, self._due, self._open = {}, [], {}
        self._standing = {action: {} for action in STANDING}
        for source, row in memory.early:
            self._early.setdefault(key_of(row), {})[row.version] = (source, row)
        for matter in self.matters.values():
            self._watch(matter)

    # what people see and say

    def draft(
        self,
        stream: str,
        step: Step,
        *,
        by: str,
        role: Role,
        now_ns: int,
        founder: str | None = None,
        what: What | None = None,
        acting_for: str = "",
        delegation: str = "",
        to: str = "",
        reason: str = "",
        picture_ns: int | None = None,
        advice: Mapping[str, Any] | None = None,
        ahead: int = 0,
    ) -> Row:
        """Return a step as somebody would say it now, for that person to sign; nothing is taken by it.

        Args:
            stream, founder: of which matter; the founder is the own nation unless given or the stream is joint.
            step, by, role: what is said, by whom, as what.
            now_ns: the time.
            what: to be decided, or to be decided instead.
            acting_for: for which nation; the person's own if not given.
            delegation: the stream of that nation's delegation.
            to: as in `rows.Said`.
            reason: in plain words.
            picture_ns: the time of the picture before that person; the newest that is known here if not given.
            advice: what a recommendation rests on.
            ahead: how many steps of the same record come before it.
        """
        key = (founder_of(founder or self.home, stream), stream)
        matter = self.matters.get(key)
        person = self.people.get(by)
        fields = TABLE[step].fields
        said = Said(
            what=what,
            of=digest_of(matter.what) if matter and "of" in fields else "",
            acting_for=(acting_for or (person.nation if person else "")) if "acting_for" in fields else "",
            delegation=delegation,
            to=to,
            advice=dict(advice or {}),
        )
        version = (matter.version + 1 if matter else 0) + ahead
        row = Row(
            nation=matter.owner if matter else key[0],
            stream=stream,
            version=version,
            time_ns=now_ns,
            step=step,
            by=by,
            role=role,
            key=f"{stream} {version} {step} {by}",
            picture_ns=max(self.picture_ns, matter.picture_ns if matter else 0) if picture_ns is None else picture_ns,
            deadline_ns=0,
            reason=reason,
            content="",
        )
        if "rule" in fields and matter and person:
            rule = self.authority.judge(self._request(matter, row, said, person)).rule
            said = msgspec.structs.replace(said, rule=rule)
        due_ns = deadline_after(self.settings, matter, row, said) if matter or what else 0
        return msgspec.structs.replace(row, deadline_ns=due_ns, content=text_of(said))

    def say(self, key: Key, step: Step, now_ns: int, *, said: Said, reason: str = "", role: str = MACHINE) -> Verdict:
        """Take in a step of the machine's own; in a stream that another nation writes it is sent there.

        Args:
            key: of the matter.
            step: what is said.
            now_ns: the time.
            said: its content.
            reason: in plain words.
            role: machine, or plan.
        """
        matter = self.matters.get(key)
        version = matter.version + 1 if matter else 0
        row = Row(
            nation=matter.owner if matter else key[0],
            stream=key[1],
            version=version,
            time_ns=now_ns,
            step=step,
            by=role,
            role=role,
            key=f"{key[1]} {version} {step} {role}",
            picture_ns=self.picture_ns,
            deadline_ns=0,
            reason=reason,
            content=text_of(said),
        )
        row = msgspec.structs.replace(row, deadline_ns=deadline_after(self.settings, matter, row, said))
        return self._judge(row, now_ns, self.home)

    def inbox(self, *, nation: str | None = None, role: Role | None = None) -> list[Waiting]:
        """Return what waits, the most urgent first.

        Args:
            nation: for whose people; None: for anybody's.
            role: in which role; None: in any.
        """
        found = [one for matter in self.open_matters() if (one := waiting(matter)) is not None]
        mine = [
            one for one in found if (nation is None or nation in one.nations) and (role is None or role in one.roles)
        ]
        return sorted(mine, key=lambda one: (one.until_ns or 2**63, one.founder, one.stream))

    def open_matters(self) -> Iterator[Matter]:
        """Yield the matters of which something can still come, those that were opened last at the end."""
        return (self.matters[key] for key in self._open)

    def writer_of(self, row: Row) -> str:
        """Return the nation that writes the stream of a step."""
        matter = self.matters.get(key_of(row))
        return matter.owner if matter else key_of(row)[0]

    def posture(self, nation: str, now_ns: int) -> str:
        """Return the posture that a nation is in: the one that it entered last and has not left; else peacetime."""
        if not self._standing[Action.POSTURE]:
            return PEACETIME
        entered = [
            (matter.time_ns, matter.stream, posture.posture)
            for matter in (self.matters[key] for key in self._standing[Action.POSTURE])
            if matter.founder == nation and matter.state in IN_FORCE
            for posture in (msgspec.convert(matter.what.detail, Posture),)
            if posture.from_ns <= now_ns < posture.until_ns
        ]
        return max(entered)[2] if entered else PEACETIME

    def plan_for(self, matter: Matter, nation: str, now_ns: int) -> str:
        """Return the stream of a nation's standing plan that covers a matter now; "" if there is none."""
        plans = sorted(stream for founder, stream in self._standing[Action.STANDING_PLAN] if founder == nation)
        return next((stream for stream in plans if self._plan_covers(nation, stream, matter, now_ns)), "")

    # judging

    def _judge(self, row: Row, now_ns: int, source: str, *, restoring: bool = False) -> Verdict:
        verdict = self._place(row, now_ns, source, restoring)
        if verdict.refusal is None and self._early:
            self._drain(key_of(row), now_ns)
        elif verdict.refusal is not None and verdict.refusal not in HARMLESS:
            self.refused[verdict.refusal] += 1
        return verdict

    def _place(self, row: Row, now_ns: int, source: str, restoring: bool) -> Verdict:
        """Take a row if it is the next of its stream and may be."""
        try:
            said = said_in(row.content)
        except (ValueError, msgspec.DecodeError) as error:
            return Verdict(Refusal.MALFORMED, str(error))
        step = STEPS.get(row.step)
        if step is None or row.role not in ROLES or not row.key or not row.stream or row.version < 0:
            return Verdict(Refusal.MALFORMED)
        key = key_of(row)
        matter = self.matters.get(key)
        owner, last = (matter.owner, matter.version) if matter else (key[0], -1)
        for old in matter.rows if matter else ():
            if (old.key, old.by) == (row.key, row.by):  # who chooses a key spoils nobody else's, nor the machine's
                if old.step == row.step:
                    return Verdict(Refusal.DUPLICATE)
                if row.by != MACHINE:
                    return Verdict(Refusal.KEY_REUSED)
        if row.version <= last:
            return Verdict(Refusal.VERSION)
        writes = owner == self.home and not restoring
        if not writes:
            if source == self.home and not restoring:
                self._forward.append(row)
                return Verdict(Refusal.FORWARDED)
            if source != row.nation:
                return Verdict(Refusal.NOT_THE_WRITER)
            if row.version > last + 1:
                return self._hold(key, row, source)
        if row.nation != owner:
            return Verdict(Refusal.NOT_THE_WRITER)
        if row.version != last + 1:
            return Verdict(Refusal.VERSION)
        verdict = self.checks.fault(matter, row, said, step)
        if verdict is None and writes:
            verdict = self._timing(matter, row, said, step, now_ns) or self._authorise(
                matter, row, said, step, now_ns, source
            )
        if verdict is not None:
            return verdict
        self._apply(key, matter, row, said, step)
        return Verdict()

    def _hold(self, key: Key, row: Row, source: str) -> Verdict:
        if key not in self._early and len(self._early) >= EARLY_STREAMS_MAX:
            return Verdict(Refusal.TOO_MANY_HELD)
        held = self._early.setdefault(key, {})
        if len(held) >= EARLY_MAX:
            return Verdict(Refusal.TOO_MANY_HELD)
        held.setdefault(row.version, (source, row))
        return Verdict(Refusal.HELD)

    def _drain(self, key: Key, now_ns: int) -> None:
        held = self._early.get(key)
        if held is None:
            return
        matter = self.matters[key]
        for version in [version for version in held if version <= matter.version]:
            del held[version]
        following = held.pop(matter.version + 1, None)
        if not held:
            del self._early[key]
        if following is not None:
            self._judge(following[1], now_ns, following[0])

    def _timing(self, matter: Matter | None, row: Row, said: Said, step: Step, now_ns: int) -> Verdict | None:
        """Return what is wrong with a step's times by this node's clock."""
        if row.time_ns > now_ns + CLOCK_NS:
            return Verdict(Refusal.TIME)
        lapses = step in (Step.EXPIRED, Step.ESCALATED)
        if matter and not lapses and matter.deadline_ns and now_ns >= matter.deadline_ns:
            return Verdict(Refusal.LATE)
        if row.deadline_ns != deadline_after(self.settings, matter, row, said):
            return Verdict(Refusal.DEADLINE)
        return None

    def _authorise(
        self, matter: Matter | None, row: Row, said: Said, step: Step, now_ns: int, source: str
    ) -> Verdict | None:
        """Return why a step may not be, with all that is known now."""
        if matter is not None and step in IN_FORCE and self.guard and (moved := self.guard(matter, now_ns)):
            return Verdict(Refusal.STALE, moved)
        if row.role == MACHINE:
            may_report = matter is not None and source == matter.what.asset and step in REPORTS
            if source != self.home and not may_report:
                return Verdict(Refusal.NOT_THE_WRITER)
        elif row.role == PLAN:
            assert matter is not None
            if source != self.home or not self._plan_covers(said.acting_for, said.plan, matter, now_ns):
                return Verdict(Refusal.NO_PLAN)
        else:
            person = self.people[row.by]
            if said.delegation and not self._delegates(
                said.acting_for, said.delegation, row.by, row.role, matter, now_ns
            ):
                return Verdict(Refusal.NO_DELEGATION)
            ruling = self.authority.judge(self._request(matter, row, said, person))
            if not ruling.allowed:
                return Verdict(Refusal.DENIED, ruling.rule)
            if "rule" in TABLE[step].fields and said.rule != ruling.rule:
                return Verdict(Refusal.RULE, ruling.rule)
        if matter is None or step not in (TO_SEND if matter.what.action == Action.ALERT else TO_DO):
            return None
        return self.not_any_more(matter, now_ns)

    def not_any_more(self, matter: Matter, now_ns: int) -> Verdict | None:
        """Return why what was approved may not be done any more by what is known here now; None if it may."""
        for nation, one in sorted(matter.approvals.items()):
            if one.plan:
                if not self._plan_covers(nation, one.plan, matter, now_ns):
                    return Verdict(Refusal.NO_PLAN, f"{one.plan} of {nation}")
                continue
            if one.delegation and not self._delegates(
                nation, one.delegation, one.by, one.role, matter, now_ns, is_used=True
            ):
                return Verdict(Refusal.NO_DELEGATION, f"{one.delegation} of {nation}")
            person = self.people.get(one.by)
            row = next(row for row in reversed(matter.rows) if row.step in IN_FORCE and row.by == one.by)
            if person is None:
                return Verdict(Refusal.UNKNOWN, one.by)
            said = Said(acting_for=nation, delegation=one.delegation)
            ruling = self.authority.judge(self._request(matter, row, said, person))
            if not ruling.allowed:
                return Verdict(Refusal.DENIED, ruling.rule)
        return None

    def _delegates(
        self,
        nation: str,
        stream: str,
        by: str,
        role: str,
        matter: Matter | None,
        now_ns: int,
        *,
        is_used: bool = False,
    ) -> bool:
        given = self.matters.get((nation, stream))
        if given is None or matter is None or given.what.action != Action.DELEGATION or given.state not in IN_FORCE:
            return False
        if matter.what.action == Action.DELEGATION:
            return False  # nobody hands on what was handed to him
        told = msgspec.convert(given.what.detail, Delegation)
        own = [code for code in matter.what.areas if self.settings.area_nations[code.split("-", 1)[0]] == nation]
        return (
            (told.delegate, told.role) == (by, role)
            and matter.what.action in told.actions
            and told.from_ns <= now_ns < told.until_ns
            and within(own, told.areas)
            and matter.owner == (told.writer or nation)
            and (is_used or not told.uses_max or self._uses[nation, stream] < told.uses_max)
        )

    def _plan_covers(self, nation: str, stream: str, matter: Matter, now_ns: int) -> bool:
        given = self.matters.get((nation, stream))
        if given is None or given.what.action != Action.STANDING_PLAN or given.state not in IN_FORCE:
            return False
        plan, posture = plan_in(given.what.detail), self.posture(nation, now_ns)
        if isinstance(plan, StandingLooks):
            is_own = (matter.what.asset or matter.founder) == nation and not matter.what.areas
            return is_own and matter.what.action == Action.SENSOR_TASK and covers_looks(plan, matter, posture, now_ns)
        return matter.what.action == Action.ALERT and covers(plan, alert_in(matter.what), posture, now_ns)

    def _request(self, matter: Matter | None, row: Row, said: Said, person: Person) -> Request:
        what = matter.what if matter else said.what
        assert what is not None
        founder = matter.founder if matter else key_of(row)[0]
        acting_for = said.acting_for or person.nation
        concerns = matter.concerns if matter else self.settings.concerns(what, founder)
        return Request(
            step=row.step,
            role=row.role,
            nation=person.nation,
            acting_for=acting_for,
            delegated=bool(said.delegation),
            proposed=bool(matter and person.name in matter.proposers),
            action=what.action,
            owner=matter.owner if matter else founder,
            asset=what.asset or founder,
            areas=what.areas,
            concerns=concerns,
            posture=self.posture(acting_for, self.now_ns),
            priority=what.priority,
            joint=row.stream.startswith(JOINT),
        )

    # what a step does

    def _apply(self, key: Key, matter: Matter | None, row: Row, said: Said, step: Step) -> None:
        state = state_after(self.settings, matter, said, step)
        if matter is None:
            assert said.what is not None
            matter = Matter(
                founder=key[0],
                stream=key[1],
                owner=key[0],
                version=-1,
                state="",
                what=said.what,
                concerns=(),
                proposers=[],
                approvals={},
                picture_ns=0,
                time_ns=0,
                deadline_ns=0,
                is_escalated=False,
                rows=[],
            )
            self.matters[key] = matter
        if said.what is not None:
            matter.what, matter.concerns = said.what, self.settings.concerns(said.what, key[0])
        if step in UNDECIDED:
            matter.picture_ns = row.picture_ns
            if row.role != MACHINE:
                matter.proposers.append(row.by)
        if step in IN_FORCE:
            if step is Step.AMENDED:
                matter.approvals = {}
            matter.approvals[said.acting_for] = Approval(
                said.acting_for, row.by, row.role, said.rule, said.delegation, said.plan, row.picture_ns, row.time_ns
            )
            if said.delegation:
                self._uses[said.acting_for, said.delegation] += 1
        if step is Step.HANDED_OVER:
            matter.owner = said.to
        matter.is_escalated = step is Step.ESCALATED or (matter.is_escalated and state == matter.state)
        matter.state, matter.version, matter.time_ns = state, row.version, max(matter.time_ns, row.time_ns)
        matter.deadline_ns = row.deadline_ns if state in OPEN else 0
        matter.rows.append(row)
        self._watch(matter)
        self._taken.append(row)

    def _watch(self, matter: Matter) -> None:
        key = (matter.founder, matter.stream)
        if matter.is_open:
            self._open[key] = None
        else:
            self._open.pop(key, None)
        if matter.what.action in STANDING:
            self._standing[matter.what.action][key] = None
        if matter.deadline_ns and matter.owner == self.home:
            heapq.heappush(self._due, (matter.deadline_ns, matter.founder, matter.stream, matter.version))

    def _is_due(self, due: tuple[int, str, str, int]) -> bool:
        matter = self.matters.get((due[1], due[2]))
        return matter is not None and matter.version == due[3] and matter.owner == self.home

    def _lapse(self, matter: Matter, now_ns: int) -> None:
        key = (matter.founder, matter.stream)
        due_ns = self.settings.deadline_ns(TABLE[Step.ESCALATED].waits, matter.what, now_ns)
        is_over = matter.is_escalated or (due_ns <= now_ns and matter.state != Step.EXECUTING)
        step = Step.EXPIRED if is_over else Step.ESCALATED
        self.say(key, step, now_ns, said=Said(), reason="nobody said anything in time")
