"""Two nations' decisions under everything that can happen to messages, people and nodes, at random.

Steps are signed by real keys and checked by them; equal steps of different runs are signed and checked once.
"""

import hashlib
import itertools
import random
from collections import Counter
from functools import lru_cache
from typing import Any

import msgspec
from command_parts.oracle import NEXT, Oracle
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command import people
from noroshi.command.authority import Authority
from noroshi.command.book import Book
from noroshi.command.matters import Settings
from noroshi.command.people import Person, register, sign, signed_part
from noroshi.command.rows import Row, Said, What
from noroshi.command.standing import Delegation
from noroshi.command.transitions import Action, Role, Step

NS = 1_000_000_000
START_NS = 1_893_456_000 * NS
TICK_NS = 10 * NS
NODES = ("JPN", "USA")
ROLES = {
    "watch@JPN": ("JPN", Role.WATCH_OFFICER),
    "one@JPN": ("JPN", Role.APPROVER),
    "two@JPN": ("JPN", Role.APPROVER),
    "watch@USA": ("USA", Role.WATCH_OFFICER),
    "one@USA": ("USA", Role.APPROVER),
    "both@JPN": ("JPN", Role.APPROVER),
}
BOTH = "both@JPN"  # who is a watch officer too
STREAMS = (
    ("JPN", "a"), ("JPN", "b"), ("USA", "c"), ("JPN", "joint/JPN/d"), ("JPN", "delegation"), ("JPN", "e"), ("USA", "f"),
)  # fmt: skip
JOINT, DELEGATION = 3, 4
ASKED = (("JP-02",), ("US-GU",), ("JP-02", "US-GU"), ("JP-02",))
SAID = tuple(step for step in Step if step not in (Step.EXPIRED, Step.ESCALATED, Step.RECEIVED))
FORTH = (
    Step.APPROVED, Step.APPROVED, Step.AMENDED, Step.TASKED, Step.TASKED, Step.ACKNOWLEDGED, Step.WILL_COMPLY,
    Step.EXECUTING, Step.DONE_OK,
)  # fmt: skip
APPROVING = (Step.APPROVED, Step.AMENDED, Step.REJECTED, Step.RECALLED)
APPROVERS, WATCHING = ("one@JPN", "two@JPN", "one@USA", BOTH), ("watch@JPN", "watch@USA")
SETTINGS = Settings(
    area_nations={"JP": "JPN", "US": "USA"},
    person_s=dict.fromkeys(("flash", "immediate", "priority", "routine"), 60.0),
    machine_s=dict.fromkeys(("flash", "immediate", "priority", "routine"), 40.0),
)
CACHE_MAX = 200_000


class Key:
    """A person's key that remembers what it has signed and checked."""

    def __init__(self, name: str) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        self.public = self.private.public_key()
        self.checks = lru_cache(CACHE_MAX)(self._checks)
        self.signed: dict[Row, Row] = {}

    def _checks(self, signature: bytes, part: bytes) -> bool:
        try:
            self.public.verify(signature, part)
        except InvalidSignature:
            return False
        return True

    def sign(self, row: Row) -> Row:
        """Sign a step."""
        if (known := self.signed.get(row)) is None:
            known = sign(row, self.private)
            if len(self.signed) < CACHE_MAX:
                self.signed[row] = known
        return known


KEYS = {name: Key(name) for name in ROLES}
PEOPLE = register(
    Person(name, nation, (role, Role.WATCH_OFFICER) if name == BOTH else (role,), (KEYS[name].public,))
    for name, (nation, role) in ROLES.items()
)
people.verifies = lru_cache(CACHE_MAX)(people.verifies)


def is_signed(row: Row) -> bool:
    """Check a signature without the program's own check, and by another library."""
    try:
        return KEYS[row.by].checks(bytes.fromhex(row.signature), signed_part(row))
    except (KeyError, ValueError):
        return False


class World:
    """Two nodes, what is on its way between them, and what people are about to say.

    Args:
        rules: who may.
    """

    def __init__(self, rules: Authority) -> None:
        self.rules, self.now_ns = rules, START_NS
        self.books = {node: self._book(node) for node in NODES}
        self.oracle = Oracle(is_signed, {name: (nation, str(role)) for name, (nation, role) in ROLES.items()})
        self.stored: dict[str, list[Row]] = {node: [] for node in NODES}
        self.mail: list[tuple[str, str, Row]] = []  # from, to, step
        self.hand: list[tuple[str, Row]] = []  # at which node, signed and not yet handed in
        self.is_cut = False
        self.counts: Counter[str] = Counter()

    def _book(self, node: str) -> Book:
        return Book(node, PEOPLE, self.rules, SETTINGS)

    # what can happen

    def propose(self, which: int, asked: int, by_machine: bool) -> None:
        """Let a machine or a watch officer propose something."""
        founder, stream = STREAMS[which % len(STREAMS)]
        if stream == "delegation":
            detail = Delegation(
                delegate="one@USA", role=Role.APPROVER, actions=("sensor_task",), areas=("*",),
                from_ns=START_NS, until_ns=START_NS + 12 * TICK_NS, uses_max=2,
            )  # fmt: skip
            what = What(action=Action.DELEGATION, detail=msgspec.to_builtins(detail))
        else:
            what = What(action=Action.SENSOR_TASK, areas=ASKED[asked % len(ASKED)], asset=NODES[asked % 3 // 2])
        if by_machine:
            verdict = self.books[founder].say((founder, stream), Step.RECOMMENDED, self.now_ns, said=Said(what=what))
            self.counts[verdict.refusal.name if verdict.refusal else "taken"] += 1
        else:
            by = BOTH if founder == "JPN" and asked % 2 else f"watch@{founder}"
            self.draft(founder, which, Step.RECOMMENDED, by, what=what)
            self.hand_in(-1, again=False)
        self.settle()

    def draft(self, node: str, which: int, step: Step, by: str, **more: Any) -> None:
        """Let somebody at a node sign a step on what is known there now; it is handed in later."""
        founder, stream = STREAMS[which % len(STREAMS)]
        matter = self.books[node].matters.get((founder, stream))
        if matter is None and "what" not in more:
            return
        role = Role.WATCH_OFFICER if by == BOTH and step not in APPROVING else ROLES[by][1]
        if step is Step.AMENDED and matter is not None:
            more["what"] = msgspec.structs.replace(matter.what, areas=matter.what.areas[:1])
        if step is Step.RECOMMENDED and matter is not None:
            more["what"] = matter.what
        if step is Step.HANDED_OVER and matter is not None:
            more["to"] = NODES[1 - NODES.index(matter.owner)]
        row = self.books[node].draft(
            stream, step, by=by, role=role, now_ns=self.now_ns, founder=founder, reason="so", **more
        )
        self.hand.append((node, KEYS[by].sign(row)))

    def hand_in(self, which: int, *, again: bool) -> None:
        """Hand a signed step in; it may be handed in again later."""
        if not self.hand:
            return
        node, row = self.hand[which % len(self.hand)]
        if not again:
            del self.hand[which % len(self.hand)]
        verdict = self.books[node].take_row(row, self.now_ns)
        self.counts[verdict.refusal.name if verdict.refusal else "taken"] += 1
        self.settle()

    def pass_on(self, which: int, *, again: bool, lost: bool) -> None:
        """Let a message arrive, whichever, once or to come again, or be lost; not while the link is cut."""
        if self.is_cut or not self.mail:
            return
        sender, to, row = self.mail[which % len(self.mail)]
        if not again:
            del self.mail[which % len(self.mail)]
        if not lost:
            verdict = self.books[to].take_row(row, self.now_ns, source=sender)
            self.counts[verdict.refusal.name if verdict.refusal else "heard"] += 1
            self.settle()

    def wait(self, ticks: int) -> None:
        """Let time pass."""
        self.now_ns += ticks * TICK_NS
        for book in self.books.values():
            book.wake(self.now_ns)
        self.settle()

    def restart(self, node: str, from_store: bool) -> None:
        """Kill a node, and start it from its checkpoint or from what it stored."""
        kept = self.books[node].checkpoint()
        self.books[node] = self._book(node)
        if from_store:
            self.books[node].restore(self.stored[node])
        else:
            self.books[node].resume(kept)
        self.counts["restarts"] += 1

    def receive_tasks(self) -> None:
        """Let the nodes' machines say which tasks have come."""
        for book, key in itertools.product(self.books.values(), STREAMS):
            matter = book.matters.get(key)
            if matter is not None and matter.state == Step.TASKED and (matter.what.asset or key[0]) == book.home:
                book.say(key, Step.RECEIVED, self.now_ns, said=Said())
        self.settle()

    def settle(self) -> None:
        """Keep what was taken, and put it on its way."""
        for node, book in self.books.items():
            other = NODES[1 - NODES.index(node)]
            for row in book.take():
                self.stored[node].append(row)
                self.oracle.take(node, self.now_ns, row)
                self.counts[f"{row.step}"] += 1
                if row.nation == node:
                    self.mail.append((node, other, row))
            for row in book.take_forward():
                self.mail.append((node, other, row))

    def heal(self, rng: random.Random) -> None:
        """Mend the link, tell everything once more in any order, and see whether all agree."""
        self.is_cut, before = False, -1
        self.wait(0)
        while before != (before := sum(len(rows) for rows in self.stored.values())):
            for node in NODES:
                rows = [row for other in NODES if other != node for row in self.stored[other] if row.nation == other]
                rng.shuffle(rows)
                for row in rows:
                    self.books[node].take_row(row, self.now_ns, source=row.nation)
                    self.settle()
        self.mail = []
        self.oracle.agree(NODES)

    def random_step(self, rng: random.Random) -> None:
        """Let something happen."""
        kind = rng.random()
        if kind < 0.02:
            self.draft("JPN", DELEGATION, Step.RECALLED, rng.choice(("one@JPN", "two@JPN")))
            self.hand_in(-1, again=False)
        elif kind < 0.10:
            self.propose(rng.randrange(len(STREAMS)), rng.randrange(6), rng.random() < 0.6)
        elif kind < 0.44:
            which = rng.randrange(len(STREAMS))
            node = rng.choice(NODES)
            matter = self.books[node].matters.get(STREAMS[which])
            legal = sorted(NEXT.get(matter.state, set()) & set(SAID)) if matter else []
            forth = [step for step in FORTH if step in legal]
            step = Step(rng.choice(forth or legal)) if legal and rng.random() < 0.7 else rng.choice(legal or SAID)
            if which == JOINT and rng.random() < 0.3:
                step = Step.HANDED_OVER
            who = APPROVERS if step in APPROVING else WATCHING
            by, more = rng.choice(who if rng.random() < 0.85 else tuple(ROLES)), {}
            if by == "one@USA" and rng.random() < 0.5:
                more = {"acting_for": "JPN", "delegation": "delegation"}
            self.draft(node, which, step, by, **more)
        elif kind < 0.68:
            self.hand_in(rng.randrange(1 << 20), again=rng.random() < 0.3)
        elif kind < 0.86:
            self.pass_on(rng.randrange(1 << 20), again=rng.random() < 0.2, lost=rng.random() < 0.1)
        elif kind < 0.89:
            self.wait(rng.choice((1, 1, 1, 2, 4)))
        elif kind < 0.915:
            self.is_cut = not self.is_cut
        elif kind < 0.985:
            self.receive_tasks()
        else:
            self.restart(rng.choice(NODES), rng.random() < 0.5)


def interleave(seed: int, rules: Authority, n_steps: int) -> World:
    """Return a world after so many random steps and the mending of its link."""
    rng, world = random.Random(seed), World(rules)
    for which in range(len(STREAMS)):
        world.propose(which, rng.randrange(6), rng.random() < 0.6)
    if rng.random() < 0.7:
        world.draft("JPN", DELEGATION, Step.APPROVED, rng.choice(("one@JPN", "two@JPN")))
        world.hand_in(-1, again=False)
    for _ in range(n_steps):
        world.random_step(rng)
    world.heal(rng)
    return world
