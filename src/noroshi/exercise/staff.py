"""Scripted people: they see what waits for them, take a while, and say something, signed, by the port that people use.

How long each takes is drawn from a stated distribution, by who it is and what it is about, so that another matter, or
another person, shifts nobody's answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.book import Book
from noroshi.command.people import sign
from noroshi.command.rows import decision_of
from noroshi.command.transitions import Action, Role, Step
from noroshi.command.waiting import Waiting
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


@dataclass(frozen=True, slots=True)
class Delay:
    """How long a person takes: a lognormal distribution.

    Attributes:
        median_s: half of the answers come sooner.
        spread: standard deviation of the logarithm; 0 is always the median.
        never: the share of matters that the person does not answer.
    """

    median_s: float
    spread: float = 0.5
    never: float = 0.0

    def draw_s(self, draws: Draws, purpose: str) -> float:
        """Return how long it takes this time; infinite if there is no answer."""
        normal = float(draws.normals(purpose, first_look=0, n_looks=1, per_look=1)[0, 0])
        comes = float(draws.uniforms(f"{purpose} comes", first_look=0, n_looks=1, per_look=1)[0, 0])
        return math.inf if comes < self.never else self.median_s * math.exp(self.spread * normal)


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
    """One scripted person.

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
    delay: Delay
    draws: Draws
    answers: Sequence[Answer] = ()
    _due: dict[tuple[str, str, str], float] = field(default_factory=dict)

    def look(self, book: Book, now_ns: int) -> None:
        """See what waits; what is new is answered after a while, what is gone is forgotten."""
        mine = {(one.founder, one.stream, one.state): one for one in self._inbox(book)}
        self._due = {key: due for key, due in self._due.items() if key in mine}
        for key in mine:
            if key not in self._due:
                self._due[key] = now_ns + self.delay.draw_s(self.draws, " ".join(key)) * NS_PER_S

    def wake_ns(self) -> int | None:
        """Return when the person next says something, if ever."""
        due_ns = min(self._due.values(), default=math.inf)
        return None if math.isinf(due_ns) else math.ceil(due_ns)

    def say(self, book: Book, now_ns: int) -> list[Decision]:
        """Return what the person says by now, signed; each is said once for each version of its matter."""
        said = []
        for one in self._inbox(book):
            key = (one.founder, one.stream, one.state)
            if self._due.get(key, math.inf) <= now_ns:
                del self._due[key]
                if (decision := self._answer(book, one, now_ns)) is not None:
                    said.append(decision)
        return said

    def _inbox(self, book: Book) -> list[Waiting]:
        return [
            one
            for one in book.inbox(nation=self.nation, role=self.role)
            if one.state in NEXT and not (one.action == Action.ALERT and one.state in (Step.APPROVED, Step.AMENDED))
        ]

    def _answer(self, book: Book, one: Waiting, now_ns: int) -> Decision | None:
        fits = [answer for answer in self.answers if one.stream.startswith(answer.stream) and answer.state == one.state]
        step, reason = (fits[0].step, fits[0].reason) if fits else (NEXT[Step(one.state)], "")
        if step in (Step.APPROVED, Step.AMENDED, Step.REJECTED) and self.role is not Role.APPROVER:
            return None
        matter = book.matters[one.founder, one.stream]
        what = matter.what if step is Step.RECOMMENDED else None
        row = book.draft(
            one.stream,
            step,
            by=self.name,
            role=self.role,
            now_ns=now_ns,
            founder=one.founder,
            what=what,
            reason=reason,
        )
        return decision_of([sign(row, self.key)])
