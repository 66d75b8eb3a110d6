"""Signatures checked ahead in other processes: the same answers, the same book, the same record on the disk."""

import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "command"))
from command_scenes import KEYS, NS, PEOPLE, SETTINGS, START_NS, said, task

from noroshi.command.book import Book
from noroshi.command.matters import Refusal
from noroshi.command.people import is_signed, sign
from noroshi.command.rows import decision_of
from noroshi.command.transitions import Step
from noroshi.run.authority import shipped
from noroshi.run.signatures import CHUNK, Ahead
from noroshi.run.stores.decisions import DecisionFolder, read_decisions

RULES = shipped()
NODE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def steps(n=CHUNK):
    """Proposals and approvals, one after the other; of every seventh the approval is somebody else's, or altered."""
    writer, rows = Book("JPN", PEOPLE, RULES, SETTINGS), []
    for k in range(n):
        proposed = said(writer, f"s{k}", Step.RECOMMENDED, "sato@JPN", START_NS + k, what=task())
        assert writer.take_row(proposed, START_NS + k).refusal is None
        approved = said(writer, f"s{k}", Step.APPROVED, "mori@JPN", START_NS + k)
        if k % 7 == 3:
            approved = sign(approved, KEYS["kato@JPN"])
        if k % 7 == 5:
            approved = msgspec.structs.replace(approved, reason="altered")
        rows += [proposed, approved]
    return rows


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """What became of the same steps with so many processes: verdicts, book, what is on the disk."""
    found, rows = [], steps()
    for processes in (0, 1, 2):
        folder = tmp_path_factory.mktemp("steps")
        with (
            Ahead(PEOPLE, processes) as ahead,
            DecisionFolder(folder, owner="JPN", key=NODE_KEY, time_ns=START_NS) as store,
        ):
            node = Book("JPN", PEOPLE, RULES, SETTINGS, signed=ahead.is_signed)
            ahead.begin(rows)
            verdicts = [node.receive(decision_of([row]), START_NS + NS)[0] for row in rows]
            store.add(node.take(), START_NS)
            store.commit(START_NS)
        found.append((verdicts, node.checkpoint(), list(read_decisions(folder)), sorted(folder.glob("*.log"))))
    return found


def test_any_number_of_processes_makes_the_same_book_and_record(folded):
    alone, *others = folded
    for other in others:
        assert other[:3] == alone[:3]
        assert [path.read_bytes() for path in other[3]] == [path.read_bytes() for path in alone[3]]


def test_what_is_not_signed_is_refused_wherever_it_was_checked(folded):
    for verdicts, *_ in folded:
        refused = [k for k, verdict in enumerate(verdicts) if verdict.refusal is Refusal.UNSIGNED]
        assert refused == [2 * k + 1 for k in range(CHUNK) if k % 7 in (3, 5)]


def test_who_was_not_handed_over_is_checked_when_asked():
    (row, *_) = steps(1)
    with Ahead({}, 1) as ahead:
        ahead.begin([row])
        assert ahead.is_signed(row, PEOPLE["sato@JPN"]) is is_signed(row, PEOPLE["sato@JPN"]) is True
        assert ahead.is_signed(row, PEOPLE["reed@USA"]) is False
