"""Steps that have come together: their signatures are checked beforehand, and nothing is judged otherwise for it."""

import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "command"))
from command_scenes import KEYS, NS, PEOPLE, SETTINGS, STAFF, START_NS, task

from noroshi.command import people
from noroshi.command.book import Book
from noroshi.command.matters import Refusal
from noroshi.command.people import known, sign
from noroshi.command.rows import Said, decision_of, rows_of
from noroshi.command.transitions import Step
from noroshi.node.outgoing import Outgoing
from noroshi.run.authority import shipped
from noroshi.run.live.ahead import FEW, Ahead
from noroshi.run.live.kept import Kept
from noroshi.run.stores import StoreError
from noroshi.run.stores.audit import AuditFolder, judge
from noroshi.run.stores.decisions import read_decisions

RULES = shipped()


def book():
    return Book("JPN", PEOPLE, RULES, SETTINGS)


def steps_of(n):
    """Return n requests, of which each third is signed by somebody else."""
    rows = []
    for k in range(n):
        row = book().draft(f"m{k}", Step.REQUESTED, by="sato@JPN", role=STAFF["sato@JPN"][1], now_ns=START_NS + k,
                           what=task())  # fmt: skip
        rows.append(sign(row, KEYS["ueda@JPN" if k % 3 == 0 else "sato@JPN"]))
    return [decision_of([row]) for row in rows]


def test_the_same_is_refused_and_nothing_is_asked_twice(monkeypatch):
    of_the_bench = getattr(people.verifies, "__wrapped__", people.verifies)  # it keeps all answers, once imported
    monkeypatch.setattr(people, "verifies", of_the_bench)
    steps = steps_of(2 * FEW)
    alone, after = book(), book()
    known.cache_clear()
    expected = [alone.receive(step, START_NS + NS) for step in steps]
    known.cache_clear()
    with Ahead(PEOPLE) as ahead:
        ahead.look(steps)
    asked = known.cache_info().misses
    assert [after.receive(step, START_NS + NS) for step in steps] == expected
    assert known.cache_info().misses == asked == len(steps)
    assert [verdict.refusal for (verdict,) in expected[:4]] == [Refusal.UNSIGNED, None, None, Refusal.UNSIGNED]
    assert alone.checkpoint() == after.checkpoint()


def test_nobody_who_is_unknown_is_taken_for_known():
    steps = [
        decision_of([msgspec.structs.replace(row, by="nobody")]) for step in steps_of(2 * FEW) for row in rows_of(step)
    ]
    taking = book()
    with Ahead(PEOPLE) as ahead:
        ahead.look(steps)
    refusals = [verdict.refusal for step in steps for verdict in taking.receive(step, START_NS + NS)]
    assert refusals == [Refusal.UNKNOWN] * len(steps)


def test_the_record_holds_what_was_taken_once_and_in_order(tmp_path):
    taking = book()
    kept = Kept(tmp_path, "JPN", KEYS["sato@JPN"], taking, START_NS)
    steps = steps_of(7)
    for step in steps:
        taking.receive(step, START_NS + NS)
    taking.say(("JPN", "m1"), Step.RECOMMENDED, START_NS + NS, said=Said(what=task()))
    rows = taking.take()
    given = [Outgoing("decision", decision_of([row])) for row in rows]
    refused = [Outgoing("decision", step) for step in steps[::3]]
    kept.keep(refused + given, START_NS + NS)
    kept.close(START_NS + NS)
    assert list(read_decisions(tmp_path)) == rows
    assert len(rows) == 5
    assert judge(tmp_path).verdict.faults == ()


def test_entries_are_added_all_or_none(tmp_path):
    with AuditFolder(tmp_path, owner="JPN", key=KEYS["sato@JPN"], keys={}, time_ns=1) as record:
        record.append("a", {}, time_ns=2)
        stream = record._log._stream
        record._log._stream = SimpleNamespace(write=lambda data: stream.write(data[:-1]), truncate=stream.truncate)
        with pytest.raises(StoreError, match="full"):
            record.extend("b", [{}, {}], time_ns=3)
        record._log._stream = stream
        record.extend("c", [{}, {}], time_ns=4)
        record.close(5)
    verdict = judge(tmp_path).verdict
    assert verdict.faults == ()
    assert verdict.entries == 4
