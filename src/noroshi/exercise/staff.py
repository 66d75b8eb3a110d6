"""Scripted people: they see what waits for them, take a while, and say something, signed, by the port that people use.

How long each takes is drawn from a stated distribution, by who it is and what it is about, so that another matter, or
another person, shifts nobody's answers. Of alerts that is which threat of the exercise it is, what kind of message, and
the how manieth decision: numbers of tracks and moments differ where other sensors see, and people would be quicker or
slower there by chance alone. A person who plays a part by hand signs with the same `Player.write`.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field

from noroshi.command.book import Book
from noroshi.command.matters import Matter
from noroshi.command.people import sign
from noroshi.command.rows import What, decision_of
from noroshi.command.transitions import Action, Role, Step
from noroshi.command.waiting import Waiting
from noroshi.exercise.fields import Part, Spread, drawn
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.records import Decision

NEXT = {
    Step.REQUESTED: Step.RECOMMENDED,
    Step.RECOMMENDED: Step.APPROVED,
    Step.APPROVED: Step.TASKED,
    Step.AMENDED: Step.TASKED,
    Step.RECEIVED: Step.ACKNOWLEDGED,
    Step.ACKNOWLEDGED: Step.WILL_COMPLY,
    Step.WILL_COMPLY: Step.EXECUTING,
    Step.EXECUTING: Step.DONE_OK,
}
"""What somebody says who has nothing against it."""

TOO_LATE = {
    Step.APPROVED: Step.REJECTED,
    Step.ACKNOWLEDGED: Step.CANNOT_COMPLY,
    Step.WILL_COMPLY: Step.CANNOT_COMPLY,
}
"""What is said instead where the time that a matter is about is over."""

DECIDES = (Step.APPROVED, Step.AMENDED, Step.REJECTED)
DUTIES: Mapping[Role, tuple[Action, ...]] = {
    Role.SENSOR_MANAGER: (Action.SENSOR_TASK, Action.COVER),
    Role.RELIEF_COORDINATOR: (Action.RELIEF,),
}
"""What somebody in a role looks after; an approver decides everything, and the watch officer has what is nobody's."""

Key = tuple[str, str, str]
"""What waits: the nation that began it, its stream, its state."""


class Delay(Part):
    """How long a person takes: a lognormal distribution, and a share of matters that is never answered."""

    median_s: float = Field(gt=0.0, le=86_400.0, description="half of the answers come sooner, in seconds")
    spread: float = Field(
        default=0.5, ge=0.0, le=5.0, description="standard deviation of the logarithm; 0 is always the median"
    )
    never: float = Field(default=0.0, ge=0.0, le=1.0, description="share of matters that the person does not answer")

    def draw_s(self, draws: Draws, purpose: str) -> float:
        """Return how long it takes this time; infinite if there is no answer."""
        normal = float(draws.normals(purpose, first_look=0, n_looks=1, per_look=1)[0, 0])
        comes = float(draws.uniforms(f"{purpose} comes", first_look=0, n_looks=1, per_look=1)[0, 0])
        return math.inf if comes < self.never else self.median_s * math.exp(self.spread * normal)


Pause: TypeAlias = Spread | Delay
"""How long somebody takes: 20, {mean = 20, sigma = 4}, {low = 10, high = 40}, {median_s = 20, spread = 0.5}."""


def pause_s(pause: Pause, draws: Draws, purpose: str) -> float:
    """Return how long it takes this time; infinite if there is no answer."""
    return pause.draw_s(draws, purpose) if isinstance(pause, Delay) else drawn(pause, draws, purpose)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says of certain matters, other than to go along.

    Attributes:
        stream: how the names of their streams begin.
        state: in which state.
        step: what is said; it must need nothing but a reason.
        reason: why.
    """

    stream: str
    state: Step
    step: Step
    reason: str


@dataclass(slots=True)
class Player:
    """One person of an exercise.

    Attributes:
        name, nation, role: who; as in the register of people.
        key: to sign with.
        delay: how long each answer takes.
        draws: of the exercise, for this person.
        answers: where the person does not simply go along; the first that fits counts.
    """

    name: str
    nation: str
    role: Role
    key: Ed25519PrivateKey
    delay: Pause
    draws: Draws
    answers: Sequence[Answer] = ()
    _due: dict[Key, int | None] = field(default_factory=dict)

    def look(self, book: Book, now_ns: int) -> None:
        """See what waits; what is new is answered after a while, what is gone is forgotten.

        Who thinks about something that is replaced goes on thinking, no shorter for it, and answers what is proposed of
        it by then.
        """
        mine = [(one.founder, one.stream, one.state) for one in self._inbox(book)]
        self._due = {
            key: due for key, due in self._due.items() if key in mine or (due is not None and _is_replaced(book, key))
        }
        for key in mine:
            if key not in self._due:
                before = next((old for old in self._due if _follows(book, key, old)), None)
                self._due[key] = self._when(book, key, now_ns) if before is None else self._due.pop(before)

    def wake_ns(self) -> int | None:
        """Return when the person next says something, if ever."""
        return min((due for due in self._due.values() if due is not None), default=None)

    def say(self, book: Book, now_ns: int) -> list[Decision]:
        """Return what the person says by now, signed; nothing is said twice, whatever becomes of it."""
        said = list[Decision]()
        over = [key for key, due in self._due.items() if due is not None and due <= now_ns]
        for key in sorted(over, key=lambda key: (self._due[key], key)):
            about = _subject(book.matters[key[:2]])
            wait = [one for one in self._inbox(book) if one.state == key[2]]
            found = [one for one in wait if _subject(book.matters[one.founder, one.stream]) == about]
            is_mine = any((one.founder, one.stream) == key[:2] for one in found)
            self._due[key] = None
            if found and (is_mine or _is_replaced(book, key)):
                newest = max(found, key=lambda one: (book.matters[one.founder, one.stream].rows[0].time_ns, one.stream))
                self._due[newest.founder, newest.stream, newest.state] = None
                if (decision := self._answer(book, newest, now_ns)) is not None:
                    said.append(decision)
        return said

    def write(
        self,
        book: Book,
        stream: str,
        step: Step,
        now_ns: int,
        *,
        founder: str | None = None,
        what: What | None = None,
        to: str = "",
        reason: str = "",
        advice: Mapping[str, Any] | None = None,
    ) -> Decision:
        """Return a step as this person says it now, signed; arguments as in `Book.draft`."""
        row = book.draft(
            stream,
            step,
            by=self.name,
            role=self.role,
            now_ns=now_ns,
            founder=founder,
            what=what,
            to=to,
            reason=reason,
            advice=advice,
        )
        return decision_of([sign(row, self.key)])

    def state(self) -> list[list[Any]]:
        """Return what the person has in mind, as plain data."""
        return [[*key, due] for key, due in self._due.items()]

    def restore(self, state: Sequence[Sequence[Any]]) -> None:
        """Have in mind what `state` told."""
        self._due = {(founder, stream, at): due for founder, stream, at, due in state}

    def _when(self, book: Book, key: Key, now_ns: int) -> int | None:
        """Return when something new is answered; None for never. Nothing is done before it is over."""
        after_s = pause_s(self.delay, self.draws, self._purpose(book, key))
        if math.isinf(after_s):
            return None
        due_ns = now_ns + round(after_s * NS_PER_S)
        return max(due_ns, _ends_ns(book, key)) if key[2] == Step.EXECUTING else due_ns

    def _purpose(self, book: Book, key: Key) -> str:
        """Return what a delay is drawn for: as much as tells matters that this person sees apart."""
        founder, stream, state = key
        if book.matters[key[:2]].what.action == Action.ALERT:
            stream = _which(book, book.matters[key[:2]])
        words = (founder if founder != self.nation else "", stream, state if state != Step.RECOMMENDED else "")
        return " ".join(word for word in words if word)

    def _inbox(self, book: Book) -> list[Waiting]:
        others = [action for role, duties in DUTIES.items() for action in duties if role is not self.role]
        own = DUTIES.get(self.role)
        return [
            one
            for one in book.inbox(nation=self.nation, role=self.role)
            if one.state in NEXT
            and not (one.action == Action.ALERT and one.state in (Step.APPROVED, Step.AMENDED))
            and (self.role is Role.APPROVER or (one.action not in others and (own is None or one.action in own)))
        ]

    def _answer(self, book: Book, one: Waiting, now_ns: int) -> Decision | None:
        fits = [answer for answer in self.answers if one.stream.startswith(answer.stream) and answer.state == one.state]
        step, reason = (fits[0].step, fits[0].reason) if fits else (NEXT[Step(one.state)], "")
        ends_ns = _ends_ns(book, (one.founder, one.stream, one.state))
        if not fits and 0 < ends_ns <= now_ns and step in TOO_LATE:
            step, reason = TOO_LATE[step], "what was asked for is over"
        if (step in DECIDES) != (self.role is Role.APPROVER):
            return None
        what = book.matters[one.founder, one.stream].what if step is Step.RECOMMENDED else None
        return self.write(book, one.stream, step, now_ns, founder=one.founder, what=what, reason=reason)


def _is_replaced(book: Book, key: Key) -> bool:
    matter = book.matters.get(key[:2])
    return matter is not None and matter.state == Step.SUPERSEDED


def _follows(book: Book, key: Key, old: Key) -> bool:
    """Return whether something new is about what was replaced."""
    matters = book.matters[key[:2]], book.matters[old[:2]]
    return old[2] == key[2] and _is_replaced(book, old) and _subject(matters[0]) == _subject(matters[1])


def _which(book: Book, matter: Matter) -> str:
    """Return which alert it is of its founder's: of the how manieth threat, what, after how many such decisions."""
    about, message = _subject(matter), matter.what.detail.get("message")
    own = [one for one in book.matters.values() if one.what.action == Action.ALERT and one.founder == matter.founder]
    before = sorted((one for one in own if _began(one) <= _began(matter)), key=_began)
    threats = list(dict.fromkeys(_subject(one) for one in before))
    decided = [one for one in before if one is not matter and one.state != Step.SUPERSEDED and _subject(one) == about]
    n = sum(one.what.detail.get("message") == message for one in decided)
    return f"alert {threats.index(about)} {message} {n}"


def _began(matter: Matter) -> tuple[int, str]:
    return matter.rows[0].time_ns, matter.stream


def _ends_ns(book: Book, key: Key) -> int:
    """Return when that is over which a matter asks for; 0 if it does not say."""
    return int(book.matters[key[:2]].what.detail.get("until_ns", 0)) if key[:2] in book.matters else 0


def _subject(matter: Matter) -> tuple[object, ...]:
    """Return what a matter is about, however often it is proposed anew."""
    detail = matter.what.detail
    if matter.what.action == Action.ALERT:
        return matter.founder, detail.get("hazard"), detail.get("threat_id")
    return matter.founder, detail.get("subject", matter.stream), matter.what.asset


class Staff:
    """The scripted people of an exercise, of one nation or several."""

    def __init__(self, players: Collection[Player]) -> None:
        self.players = {player.name: player for player in players}

    def look(self, book: Book, now_ns: int) -> None:
        """Let those of a node's nation see what its book has come to."""
        for player in self._of(book.home):
            player.look(book, now_ns)

    def wake_ns(self, nation: str) -> int | None:
        """Return when somebody of a nation next says something, if ever."""
        times = [player.wake_ns() for player in self._of(nation)]
        return min((ns for ns in times if ns is not None), default=None)

    def say(self, book: Book, now_ns: int) -> list[Decision]:
        """Return what those of a node's nation say by now."""
        return [said for player in self._of(book.home) for said in player.say(book, now_ns)]

    def state(self) -> dict[str, Any]:
        """Return what everybody has in mind, as plain data."""
        return {name: player.state() for name, player in self.players.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to `state`."""
        for name, own in state.items():
            self.players[name].restore(own)

    def _of(self, nation: str) -> list[Player]:
        return [player for player in self.players.values() if player.nation == nation]
