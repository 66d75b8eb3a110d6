"""An exercise that people play, as something to show: it keeps time with the clock, and does what people say.

One thread runs it and is the only one that touches nodes; what people do comes in a queue. The driver's checkpoints let
exercise control go back: what follows is a branch, with a folder of journals that begin with what was before.
"""

import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import msgspec

from noroshi.command.alerts import Amendment, amended
from noroshi.command.book import Book
from noroshi.command.matters import Refusal
from noroshi.command.people import sign
from noroshi.command.rows import What, decision_of
from noroshi.command.transitions import TABLE, Action, Role, Step
from noroshi.exercise import notes
from noroshi.exercise.injects import KINDS
from noroshi.exercise.notes import Note, status_of
from noroshi.exercise.played import Told, played
from noroshi.geo.time import NS_PER_S
from noroshi.run import outputs
from noroshi.run.exercises.books import write_world
from noroshi.run.exercises.driver import Driver
from noroshi.run.exercises.staff import ROLES, key_of_staff, staff_name
from noroshi.run.exercises.staging import Stage, planners, stage
from noroshi.run.play.rows import Planned, check
from noroshi.run.play.seats import CONTROL, Seated, seated
from noroshi.run.scenarios import Scenario, with_inject
from noroshi.run.sharing import public_hex
from noroshi.run.watching import Staff
from noroshi.run.web import messages
from noroshi.run.web.exercise import ExerciseShowing, LookedAt
from noroshi.run.web.messages import Acts
from noroshi.run.web.onlooker import Onlooker
from noroshi.run.web.picture import Memory
from noroshi.run.web.users import User

CHECKPOINT_NS = 60 * NS_PER_S
CHECKPOINTS_MAX = 120
TOLD_MAX = 100  # notes that exercise control has before it
WAITING_MAX = 100  # things that people did and that are not done yet
IDLE_S = 0.5
LATE_S = 3.0  # so far behind the clock it is said
OF_CONTROL = (messages.Pace, messages.Branch, messages.Inject, messages.Send)
PLAYED = "played.json"


@dataclass(frozen=True, slots=True)
class _Saw:
    """A person has seen an alert."""

    identifier: str


_Did: TypeAlias = Acts | _Saw | bool
"""What a person did: an act, or that an alert was seen; or that a page of the person came, or went."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Kept:
    """What it takes to go back to a moment.

    Attributes:
        at_ns: when.
        driver: its checkpoint.
        n_written: records in each node's journal.
        pictures: what each page's picture knew.
        scenario: with what had been injected.
        n_told, n_people: how many notes and people's steps there had been.
        sent: numbers of the planned rows that had been sent.
    """

    at_ns: int
    driver: bytes
    n_written: Mapping[str, int]
    pictures: Mapping[str, Memory]
    n_told: int
    n_people: int
    scenario: Scenario
    sent: frozenset[str]


class PlayShowing(ExerciseShowing):
    """What people play; `run` plays it, in whatever thread it is called.

    Args:
        scenario, also, folder, until_s: as of `ExerciseShowing`.
        people: who may take part.
        rows: what exercise control has planned.
        speed: so many times real time; exercise control changes it.
        begins: whether it begins at once; else when exercise control says so.
    """

    def __init__(
        self,
        scenario: str,
        also: Sequence[str] = (),
        *,
        people: Sequence[User],
        rows: Sequence[Planned] = (),
        folder: Path | None = None,
        until_s: float | None = None,
        speed: float = 1.0,
        begins: bool = False,
    ) -> None:
        super().__init__(scenario, also, folder=folder, until_s=until_s)
        self._people = {user.name: user for user in people}
        self._rows = list(rows)
        self._wanted = speed
        self.speed = speed if begins else 0.0
        self.act, self.playing = self._act, self._playing
        self._pages: Counter[tuple[str, str]] = Counter()
        self._here: Counter[str] = Counter()
        self._acts: deque[tuple[User, _Did, Future[None]]] = deque()
        self._due = threading.Event()
        self._told: list[Told] = []
        self._by_people: list[tuple[str, str]] = []
        self._sent: frozenset[str] = frozenset()
        self._kept: list[_Kept] = []
        self._branch, self._since = 1, ""
        self._at_ns = self._scenario.start_ns
        self._next_s = 0.0
        self._is_over = False
        self._said: dict[str, Any] = {}
        self._staged: Stage
        self._driver: Driver
        self._players: Seated
        self._books: LookedAt
        self._onlookers: dict[str, Onlooker] = {}
        self._base: Path
        self._out: Path
        self._publish()

    # what the server's thread calls

    def cursor(self) -> Any:
        """Return where a page begins: at the newest, and it stays there."""
        return super().cursor().followed(self.span_ns)

    def came(self, user: User) -> None:
        """Note that a page of a person is open: that person plays the part from now on."""
        self._ask(user, True)

    def went(self, user: User) -> None:
        """Note that it is no longer; without any, a scripted person plays the part."""
        self._ask(user, False)

    def acknowledge(self, view: str, identifier: str, name: str) -> None:
        """Note that a person has seen an alert, in the journal too."""
        super().acknowledge(view, identifier, name)
        user = self._people.get(name)
        if user is not None and user.nation == view:
            self._ask(user, _Saw(identifier))

    def stop(self) -> None:
        """End `run` soon."""
        super().stop()
        self._due.set()

    def _decide(self, view: str, name: str, said: Mapping[str, Any]) -> None:
        """Take what an approver decides of a proposal of the own nation."""
        user = self._people.get(name)
        if user is None or user.nation != view:
            raise ValueError("this is not yours to decide")
        book = self._book(view)
        matter = book.matters.get((view, str(said["identifier"])))
        if matter is None:
            raise ValueError("this does not wait for a decision (any more)")
        self._ask(
            user,
            messages.Say(
                n=0, founder=view, stream=matter.stream, version=matter.version, step=str(said["step"]),
                reason=str(said["reason"]), picture_ms=float(said["picture_ms"]),
            ),
        )  # fmt: skip

    def _act(self, user: User, view: str, said: Acts) -> Future[None]:  # noqa: ARG002 people act for their own nation
        if isinstance(said, OF_CONTROL) and user.duty != CONTROL:
            raise ValueError("only exercise control does this")
        if isinstance(said, messages.Improve) and user.duty not in (CONTROL, Role.OBSERVER):
            raise ValueError("exercise control and observers write the improvement plan")
        if isinstance(said, messages.Say | messages.Ask) and user.duty not in ROLES:
            raise ValueError("your part decides nothing")
        is_of_people = isinstance(said, messages.Say | messages.Ask | messages.Reply) and user.duty != CONTROL
        if is_of_people and self.speed == 0.0:
            raise ValueError("the exercise is held")
        if len(self._acts) >= WAITING_MAX:
            raise ValueError("too much waits to be done")
        return self._ask(user, said)

    def _ask(self, user: User, said: _Did) -> Future[None]:
        future: Future[None] = Future()
        self._acts.append((user, said, future))
        self._due.set()
        return future

    def _playing(self, user: User) -> dict[str, Any]:
        said = dict(self._said)
        if user.duty != CONTROL:
            for name in ("rows", "told", "kinds", "targets"):
                said.pop(name, None)
        return said

    # what the exercise's thread does

    def run(self) -> None:
        """Play the exercise, until it is stopped."""
        self._open()
        self._staged = self._stage(self._scenario)
        with ExitStack() as stack:
            self._base = self._folder or Path(stack.enter_context(TemporaryDirectory(prefix="noroshi-")))
            self._out = self._base
            write_world(self._out, self._scenario, self._staged.cast.bodies, 0)
            self._books = LookedAt(self._out, self._staged.setups, self._onlookers, is_flushed=True)
            stack.callback(self._close)
            self._books.__enter__()
            self._driver = self._drive()
            for code in self._staged.setups:
                self._onlookers[code] = self._onlooker(self._staged, code, self._driver)
            self.pictures = {code: onlooker.picture for code, onlooker in self._onlookers.items()}
            self._look()
            while not self._stopped.is_set():
                if self._waited():
                    self._step()
        self.saying = ""
        self.film.grown()

    def _stage(self, scenario: Scenario) -> Stage:
        """Set a scenario up, with the people who play among those who may decide."""
        staged = stage(scenario)
        named = {
            user.name: Staff(user.nation, (user.duty,), public_hex(key_of_staff(scenario, user.name)))
            for user in self._people.values()
            if user.duty in ROLES
        }
        for setup in staged.setups.values():
            if setup.watch is not None:
                setup.watch.people = {**setup.watch.people, **named}
        return staged

    def _drive(self, memory: bytes | None = None) -> Driver:
        """Return a driver, which goes on from a checkpoint if one is given."""
        staged, onlookers = self._staged, self._onlookers
        self._players = seated(self._scenario, self._pages)
        driver = Driver(
            self._scenario.start_ns,
            self._scenario.end_ns,
            feeds=staged.feeds,
            make=staged.node,
            names=list(staged.setups),
            books=self._books,
            links=staged.links,
            faults=staged.faults,
            heard=lambda name, out, now_ns: onlookers[name].hear(out, now_ns),
            people=self._players,
            planners=planners(self._scenario, staged.cast, 0),
        )
        if memory is not None:
            driver.resume(memory)
        self._nodes = driver.nodes
        return driver

    def _waited(self) -> bool:
        """Do what people have said meanwhile, and wait until the next step is due; return whether it is."""
        self._attend()
        now_s = time.monotonic()
        if self.speed == 0.0:
            self._next_s = now_s
            left_s = IDLE_S
        else:
            left_s = self._next_s - now_s
            if left_s <= 0.0:
                return True
        self._due.wait(left_s)
        self._due.clear()
        return False

    def _step(self) -> None:
        """Let a second of the exercise happen, and show it."""
        assert self.end_ns is not None
        self._at_ns = min(self._at_ns + self.step_ns, self.end_ns)
        self._driver.run(self._at_ns + 1)
        self._send_planned()
        self._look()
        step_s = self.step_ns / NS_PER_S / self.speed
        behind_s = time.monotonic() - self._next_s
        self.saying = f"{behind_s:.0f} s behind the clock: it cannot go so fast" if behind_s > LATE_S else ""
        self._next_s = max(self._next_s + step_s, time.monotonic() - 2.0 * LATE_S)
        if self._at_ns >= self.end_ns:
            self._is_over = True
            self._set_speed(0.0)
            self._publish()

    def _look(self) -> None:
        for code, onlooker in self._onlookers.items():
            onlooker.follow(self._driver.nodes[code])
            onlooker.look(self._at_ns)
        if (self._at_ns - self._scenario.start_ns) % CHECKPOINT_NS == 0:
            self._keep()

    def _keep(self) -> None:
        """Remember this moment, so that one can come back to it."""
        self._kept = [one for one in self._kept if one.at_ns < self._at_ns][-CHECKPOINTS_MAX + 1 :]
        self._kept.append(
            _Kept(
                at_ns=self._at_ns,
                driver=self._driver.checkpoint(),
                n_written=dict(self._books.n_written),
                pictures={code: onlooker.picture.memory() for code, onlooker in self._onlookers.items()},
                n_told=len(self._told),
                n_people=len(self._by_people),
                scenario=self._scenario,
                sent=self._sent,
            )
        )
        self._publish()

    def _attend(self) -> None:
        """Do what people have said, in order, and show what came of it before they are told that it is done."""
        done: list[tuple[Future[None], ValueError | None]] = []
        while self._acts:
            user, said, future = self._acts.popleft()
            try:
                self._do(user, said)
                done.append((future, None))
            except ValueError as error:
                done.append((future, error))
        if done:
            self._look()
            self._publish()
        for future, trouble in done:
            if trouble is None:
                future.set_result(None)
            else:
                future.set_exception(trouble)

    def _do(self, user: User, said: _Did) -> None:
        """Do one thing.

        Raises:
            ValueError: if it may not be, or makes no sense; one line.
        """
        match said:
            case bool():
                self._sit(user, came=said)
            case _Saw():
                self._tell([user.nation], user.name, Note(sort=notes.SEEN, number=said.identifier))
            case messages.Say():
                self._say(user, said)
            case messages.Ask():
                self._propose(user, said)
            case messages.Reply():
                self._reply(user, said)
            case messages.Pace():
                self._set_speed(said.speed)
                held = "held" if said.speed == 0.0 else f"goes on at {said.speed:g} times real time"
                self._tell(self._codes, user.name, Note(sort=notes.CONTROL, text=held))
            case messages.Branch():
                self._go_back(user, round(said.time_ms * 1e6))
            case messages.Inject():
                self._inject(user.name, said.table)
            case messages.Send():
                told = {name: getattr(said, name) for name in said.__struct_fields__ if name != "n"}
                number = said.number or self._free_number()
                self._send(user.name, Note(sort=notes.MESSAGE, **(told | {"number": number})))
            case messages.Improve():
                note = Note(
                    sort=notes.IMPROVEMENT, text=said.text, responsible=said.owner, due=said.due,
                    objective=said.objective,
                )  # fmt: skip
                self._tell(self._codes, user.name, note)

    def _sit(self, user: User, *, came: bool) -> None:
        """Let a person take a part, or leave it to the scripted one."""
        seat = (user.nation, user.duty)
        was = self._pages[seat] > 0
        self._pages[seat] += 1 if came else -1
        self._here[user.name] += 1 if came else -1
        if was == (self._pages[seat] > 0):
            return
        text = f"{user.name} {'takes' if came else 'leaves'} {user.duty} of {user.nation}"
        self._tell(self._codes if user.duty == CONTROL else [user.nation], user.name, Note(sort=notes.SEAT, text=text))
        if user.duty in ROLES:
            self._players.players[staff_name(Role(user.duty), user.nation)].restore(())  # who comes begins anew
            self._driver.seat(user.nation)

    def _say(self, user: User, said: messages.Say) -> None:
        """Take a step of a decision, as that person."""
        book = self._book(user.nation)
        matter = book.matters.get((said.founder, said.stream))
        if matter is None:
            raise ValueError("there is no such decision")
        if matter.version != said.version:
            raise ValueError("another step came first: look again")
        if said.step not in tuple(Step):
            raise ValueError(f"'{said.step[:40]}' is no step of a decision")
        step = Step(said.step)
        if TABLE[step].needs_reason and not said.reason.strip():
            raise ValueError("say why")
        what: What | None = matter.what if step is Step.RECOMMENDED else None
        if step is Step.AMENDED:
            what = _amended(matter.what, said)
        self._write(user, said.stream, step, said.picture_ms, founder=said.founder, what=what, reason=said.reason)

    def _propose(self, user: User, said: messages.Ask) -> None:
        """Propose something, for instance that another nation's sensor looks."""
        book = self._book(user.nation)
        if said.asset not in self.views:
            raise ValueError(f"'{said.asset[:40]}' takes no part")
        taken = sum(founder == user.nation and stream.startswith(f"{said.action}-") for founder, stream in book.matters)
        detail: dict[str, Any] = {"text": said.text} | ({"track": said.track} if said.track else {})
        what = What(
            action=Action(said.action),
            asset=said.asset,
            areas=tuple(said.areas),
            priority=said.priority,
            until_ns=self._driver.now_ns + round(said.for_s * NS_PER_S),
            detail=detail,
        )
        stream = f"{said.action}-{user.nation}-{taken + 1}"
        self._write(user, stream, Step.RECOMMENDED, said.picture_ms, what=what, reason=said.text)

    def _write(self, user: User, stream: str, step: Step, picture_ms: float, **more: Any) -> None:
        """Sign a step for a person and hand it to the node of the person's nation."""
        nation, now_ns = user.nation, self._driver.now_ns
        book, key = self._book(nation), key_of_staff(self._scenario, user.name)
        picture_ns = min(round(picture_ms * 1e6), now_ns)
        row = book.draft(stream, step, by=user.name, role=Role(user.duty), now_ns=now_ns, picture_ns=picture_ns, **more)
        watch = self._driver.nodes[nation].watch
        assert watch is not None
        watch.verdicts = []
        self._driver.tell(nation, decision_of([sign(row, key)]))
        if not watch.verdicts:
            raise ValueError(f"the node of {nation} does not run")
        verdict = watch.verdicts[-1]
        if verdict.refusal not in (None, Refusal.FORWARDED):
            raise ValueError(f"{verdict.refusal} {verdict.why}".strip())
        self._by_people.append((row.nation, row.key))

    def _reply(self, user: User, said: messages.Reply) -> None:
        """Note what a person says to a message."""
        asked = [note for _, _, note in self._told if note.sort == notes.MESSAGE and note.number == said.number]
        if not asked or not (user.duty == CONTROL or notes.is_for(asked[-1], user.nation, user.duty)):
            raise ValueError("there is no such message for you")
        codes = self._codes_of(asked[-1].to) if user.duty == CONTROL else [user.nation]
        self._tell(codes, user.name, Note(sort=said.answer, number=said.number, text=said.text))

    def _send(self, by: str, note: Note) -> None:
        """Tell people something."""
        check(note)
        if note.number in {one.number for _, _, one in self._told if one.sort == notes.MESSAGE}:
            raise ValueError(f"there is a message {note.number} already")
        self._tell(self._codes_of(note.to), by, note)

    def _inject(self, by: str, table: Mapping[str, Any]) -> None:
        """Let something go wrong from now on: the world is set up anew with it, and goes on where it was."""
        at_s = (self._driver.now_ns - self._scenario.start_ns) / NS_PER_S
        self._scenario = with_inject(self._scenario, {**table, "at_s": at_s})
        self._staged = self._stage(self._scenario)
        self._driver = self._drive(self._driver.checkpoint())
        words = " ".join(f"{key}={value}" for key, value in table.items())[: notes.TEXT_MAX]
        self._told.append((self._driver.now_ns, by, Note(sort=notes.INJECT, text=words)))

    def _send_planned(self) -> None:
        """Do what exercise control has planned for now."""
        at_s = (self._at_ns - self._scenario.start_ns) / NS_PER_S
        for row in self._rows:
            if row.at_s > at_s or row.number in self._sent:
                continue
            self._sent |= {row.number}
            try:
                if row.inject is not None:
                    self._inject(CONTROL, row.inject)
                if row.text:
                    self._send(CONTROL, row.note())
            except ValueError as error:
                note = Note(sort=notes.CONTROL, text=f"row {row.number} could not be done: {error}"[: notes.TEXT_MAX])
                self._told.append((self._driver.now_ns, CONTROL, note))
            self._publish()

    def _go_back(self, user: User, time_ns: int) -> None:
        """Go back to the last checkpoint before a time; what follows is a branch with journals of its own."""
        kept = next((one for one in reversed(self._kept) if one.at_ns <= time_ns), None)
        if kept is None:
            raise ValueError("nothing is remembered of that time")
        self._write_played()
        self._books.__exit__(None, None, None)
        before = self._out
        from_s = (kept.at_ns - self._scenario.start_ns) / NS_PER_S
        since, self._branch = f"branch {self._branch} at {from_s:g} s", self._branch + 1
        self._since, self._out = since, self._base / f"branch-{self._branch}"
        self._out.mkdir()
        shutil.copy(self._base / "world.mcap", self._out)
        looked_at: dict[str, Onlooker] = {}
        self._books = LookedAt(self._out, self._staged.setups, looked_at, is_flushed=True)
        self._books.__enter__()
        self._books.copy(before, kept.n_written)
        looked_at.update(self._onlookers)
        self._scenario = kept.scenario
        self._staged = self._stage(self._scenario)
        self._driver = self._drive(kept.driver)
        self._told, self._by_people = self._told[: kept.n_told], self._by_people[: kept.n_people]
        self._sent, self._at_ns, self._is_over = kept.sent, kept.at_ns, False
        for code, onlooker in self._onlookers.items():
            self.film.reel(code).cut(kept.at_ns - 1)
            onlooker.picture.recall(kept.pictures[code])
        self.take += 1
        self._set_speed(0.0)
        self._tell(self._codes, user.name, Note(sort=notes.CONTROL, text=f"branch {self._branch}, from {since}"))

    def _set_speed(self, speed: float) -> None:
        self.speed = 0.0 if self._is_over else speed
        self._wanted = speed or self._wanted
        self._next_s = time.monotonic()
        if self.speed == 0.0:
            self.saying = ""

    def _tell(self, codes: Sequence[str], by: str, note: Note) -> None:
        """Hand nodes a note, by way of their journals."""
        now_ns = self._driver.now_ns
        for code in codes:
            self._driver.tell(code, status_of(note, by, now_ns))
        self._told.append((now_ns, by, note))

    @property
    def _codes(self) -> list[str]:
        return list(self.views)

    def _codes_of(self, to: str) -> list[str]:
        """Return the nations that a message is for.

        Raises:
            ValueError: if none of them takes part.
        """
        nation = to.rpartition("@")[2]
        if to != "all" and nation not in self.views:
            raise ValueError(f"'{to[:60]}' is nobody here: all, a nation, or role@NATION")
        return self._codes if to == "all" else [nation]

    def _book(self, nation: str) -> Book:
        watch = self._nodes[nation].watch if nation in self._nodes else None
        if watch is None:
            raise ValueError(f"{nation} decides nothing in this exercise")
        return watch.command.book

    def _free_number(self) -> str:
        taken = {note.number for _, _, note in self._told} | {row.number for row in self._rows}
        return next(str(k) for k in range(1, len(taken) + 2) if str(k) not in taken)

    def _publish(self) -> None:
        """Say how the exercise stands, to those who play."""
        self._said = {
            "speed": self.speed,
            "wanted": self._wanted,
            "is_over": self._is_over,
            "branch": self._branch,
            "checkpoints_ms": [one.at_ns / 1e6 for one in self._kept],
            "nations": self._codes,
            "seats": [
                {"name": user.name, "nation": user.nation, "role": user.duty, "is_here": self._here[user.name] > 0}
                for user in self._people.values()
            ],
            "rows": [
                {"is_sent": row.number in self._sent, **msgspec.to_builtins(row)} for row in self._rows
            ],
            "told": [
                {"time_ms": time_ns / 1e6, "by": by, **msgspec.to_builtins(note)}
                for time_ns, by, note in self._told[-TOLD_MAX:]
            ],
            "kinds": list(KINDS),
        }  # fmt: skip
        self.film.grown()

    def played(self) -> dict[str, Any]:
        """Return what people did so far in this branch."""
        books = {code: node.watch.command.book for code, node in self._nodes.items() if node.watch is not None}
        about = {
            "exercise": self.exercise,
            "branch": self._branch,
            "since": self._since,
            "played_s": (self._at_ns - self._scenario.start_ns) / NS_PER_S,
            "people": [{"name": one.name, "nation": one.nation, "role": one.duty} for one in self._people.values()],
        }
        return about | played(self._told, books, self._scenario.start_ns, by_people=set(self._by_people))

    def _write_played(self) -> None:
        outputs.replace(self._out / PLAYED, msgspec.json.format(msgspec.json.encode(self.played()), indent=1))

    def _close(self) -> None:
        self._books.__exit__(None, None, None)
        self._write_played()


def _amended(what: What, said: messages.Say) -> What:
    """Return what is to be decided instead: fewer areas, another end."""
    areas = what.areas if said.areas is None else tuple(said.areas)
    until_ns = what.until_ns if said.ends_ms is None else round(said.ends_ms * 1e6)
    if what.action == Action.ALERT:
        return amended(what, Amendment(areas=areas, expires_ns=until_ns))
    return msgspec.structs.replace(what, areas=areas, until_ns=until_ns)
