"""A node that takes decisions, stores them and is killed with signal 9 at a random moment, again and again."""

import os
import random
import signal
import struct
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from command_parts.world import KEYS, NS, PEOPLE, SETTINGS, START_NS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.authority import Authority
from noroshi.command.book import Book
from noroshi.command.matters import Refusal
from noroshi.command.rows import Row, Said, What
from noroshi.command.transitions import Action, Role, Step
from noroshi.run.stores.audit import judge
from noroshi.run.stores.decisions import DecisionFolder, read_decisions

NODE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WHAT = What(action=Action.SENSOR_TASK, areas=("JP-02",))
AGAIN = 3  # how many of the last approvals whoever gave them gives again after a restart
EACH = 2  # steps of a decision
LIVES = 25  # in one folder
COMMITS = 4
LAST_S = 0.02


@dataclass
class Found:
    """What became of it.

    Attributes:
        kills: how many lives ended by signal 9.
        acknowledged, stored: how many steps were said to be safe, and how many are there.
        faults: what is wrong.
    """

    kills: int = 0
    acknowledged: int = 0
    stored: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def _rows(book: Book, at: int, now_ns: int) -> Iterator[Row]:
    """Take one decision's steps, as far as they are not taken yet."""
    stream = f"decision {at}"
    if ("JPN", stream) not in book.matters:
        assert book.say(("JPN", stream), Step.RECOMMENDED, now_ns, said=Said(what=WHAT)).refusal is None
        yield from book.take()
    if book.matters["JPN", stream].version == 0:
        row = book.draft(stream, Step.APPROVED, by="one@JPN", role=Role.APPROVER, now_ns=now_ns)
        assert book.take_row(KEYS["one@JPN"].sign(row), now_ns).refusal is None
        yield from book.take()


def _live(folder: Path, rules: Authority, out: int) -> None:
    """Be the node until it is killed; tell for how many steps it has vouched."""
    now_ns = START_NS
    book = Book("JPN", PEOPLE, rules, SETTINGS)
    with DecisionFolder(folder, owner="JPN", key=NODE_KEY, time_ns=now_ns) as store:
        book.restore(list(read_decisions(folder)))
        approved = [matter.rows[1] for matter in book.matters.values() if matter.version == 1]
        for row in approved[-AGAIN:]:
            if book.take_row(row, now_ns).refusal is not Refusal.DUPLICATE:
                os.write(out, struct.pack(">i", -1))
        at = len(approved)
        while True:
            for _ in range(4):
                for row in _rows(book, at, now_ns):
                    store.add([row], now_ns)
                at += 1
            store.commit(now_ns)
            os.write(out, struct.pack(">i", at * EACH))


def killed(folder: Path, rules: Authority, kills: int, seed: int) -> Found:
    """Let a node live and be killed so often, and return what is left of its decisions.

    Args:
        folder: for its stores.
        rules: who may.
        kills: how often.
        seed: of the moments: after so many commits, and a random time more.
    """
    rng, found = random.Random(seed), Found()
    for first in range(0, kills, LIVES):
        store, vouched = folder / f"{first}", 0
        for _ in range(min(LIVES, kills - first)):
            read_end, write_end = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    _live(store, rules, write_end)
                finally:
                    os._exit(1)
            os.close(write_end)
            told = b""
            for _ in range(rng.randrange(COMMITS)):
                told += os.read(read_end, 4)
            time.sleep(rng.random() * LAST_S)
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                found.faults.append(f"{store.name}: ended by itself, {status}")
            found.kills += 1
            while part := os.read(read_end, 1 << 16):
                told += part
            os.close(read_end)
            values = [value for (value,) in struct.iter_unpack(">i", told[: len(told) // 4 * 4])]
            if -1 in values:
                found.faults.append(f"{store.name}: took an approval a second time")
            vouched = max([vouched, *values])
            found.counts["lives that vouched for something"] += bool(values)
        _check(store, rules, vouched, found)
    return found


def _check(store: Path, rules: Authority, vouched: int, found: Found) -> None:
    if not (store / "000001.log").exists():
        return
    with DecisionFolder(store, owner="JPN", key=NODE_KEY, time_ns=START_NS + NS) as last:
        last.commit(START_NS + NS)
    rows = list(read_decisions(store))
    names = [(row.stream, row.version) for row in rows]
    expected = [(f"decision {k // EACH}", k % EACH) for k in range(len(rows))]
    if names != expected:
        found.faults.append(f"{store.name}: steps doubled, lost or out of order")
    if len(rows) < vouched:
        found.faults.append(f"{store.name}: {len(rows)} steps are left of {vouched}")
    verdict = judge(store).verdict
    found.faults += [f"{store.name}: {fault}" for fault in verdict.faults]
    book = Book("JPN", PEOPLE, rules, SETTINGS)
    book.restore(rows)
    found.acknowledged += vouched
    found.stored += len(rows)
