"""Whatever comes twice, late, out of order or never: no illegal, double or expired approval, or the oracle sees it."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from command_parts.world import APPROVERS, NODES, ROLES, SAID, STREAMS, World, interleave

from noroshi.command import checks
from noroshi.command.authority import Ruling
from noroshi.command.book import Book
from noroshi.command.checks import Checks
from noroshi.command.transitions import Role, Step
from noroshi.run.authority import shipped

RULES = shipped()
WHICH = st.integers(0, len(STREAMS) - 1)
ANY = st.integers(0, 1 << 10)


class Decisions(RuleBasedStateMachine):
    """Two nodes, driven by hypothesis, which makes what goes wrong small."""

    def __init__(self):
        super().__init__()
        self.world = World(RULES)

    @rule(which=WHICH, asked=st.integers(0, 5), by_machine=st.booleans())
    def propose(self, which, asked, by_machine):
        self.world.propose(which, asked, by_machine)

    @rule(node=st.sampled_from(NODES), which=WHICH, step=st.sampled_from(SAID), by=st.sampled_from(tuple(ROLES)))
    def say(self, node, which, step, by):
        self.world.draft(node, which, step, by)

    @rule(node=st.sampled_from(NODES), which=WHICH, by=st.sampled_from(APPROVERS))
    def approve(self, node, which, by):
        self.world.draft(node, which, Step.APPROVED, by)

    @rule(which=WHICH, step=st.sampled_from((Step.APPROVED, Step.AMENDED)))
    def approve_by_delegation(self, which, step):
        more = {"acting_for": "JPN", "delegation": "delegation"}
        self.world.draft("JPN", which, step, "one@USA", **more)

    @rule(which=ANY, again=st.booleans())
    def hand_in(self, which, again):
        self.world.hand_in(which, again=again)

    @rule(which=ANY, again=st.booleans(), lost=st.booleans())
    def pass_on(self, which, again, lost):
        self.world.pass_on(which, again=again, lost=lost)

    @rule(ticks=st.integers(1, 5))
    def wait(self, ticks):
        self.world.wait(ticks)

    @rule()
    def cut_or_mend(self):
        self.world.is_cut = not self.world.is_cut

    @rule()
    def receive_tasks(self):
        self.world.receive_tasks()

    @rule(node=st.sampled_from(NODES), from_store=st.booleans())
    def restart(self, node, from_store):
        self.world.restart(node, from_store)

    @invariant()
    def nothing_is_wrong(self):
        assert self.world.oracle.faults == []

    def teardown(self):
        import random

        self.world.heal(random.Random(1))
        assert self.world.oracle.faults == []


TestDecisions = Decisions.TestCase
TestDecisions.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_random_interleavings_are_lawful_and_reach_everything():
    counts = {}
    for seed in range(400):
        world = interleave(seed, RULES, 60)
        assert world.oracle.faults == []
        for name, n in world.counts.items():
            counts[name] = counts.get(name, 0) + n
    reached = {"approved", "amended", "rejected", "expired", "escalated", "tasked", "received", "recalled", "cancelled"}
    refused = {
        "DUPLICATE",
        "VERSION",
        "ILLEGAL",
        "OWN_PROPOSAL",
        "NO_DELEGATION",
        "DENIED",
        "HELD",
        "FORWARDED",
        "ROLE",
    }
    assert {name for name in reached | refused if not counts.get(name)} == set()


def test_without_any_rules_the_streams_alone_are_lawful():
    for seed in range(200):
        assert interleave(seed, Anybody(), 60).oracle.faults == []


class Anybody:
    """Allows everything: what the table and the streams alone must then withstand."""

    def judge(self, request):
        return Ruling(True, "any")


def _always(value):
    return lambda *_, **__: value


@pytest.mark.parametrize(
    ("where", "name", "instead", "found"),
    [
        (checks, "may_follow", _always(True), "illegal after"),
        (Checks, "_approval_fault", _always(None), "approves what it asked for"),
        (Checks, "_approval_fault", _always(None), "approved twice for"),
        (checks, "is_signed", _always(True), "not signed"),
        (Book, "_delegates", _always(True), "delegation"),
        (Book, "_due_is_ignored", _always(None), "after its deadline"),
        (Book, "not_any_more", _always(None), "rests on a delegation that was recalled"),
    ],
)
def test_the_oracle_sees_what_is_broken_on_purpose(monkeypatch, where, name, instead, found):
    if name == "_due_is_ignored":
        monkeypatch.setattr(Book, "wake", _always(None))
        monkeypatch.setattr(Book, "_timing", _always(None))
        monkeypatch.setattr(checks, "CLOCK_NS", 1 << 60)
        monkeypatch.setattr(Checks, "fault", _without_late(Checks.fault))
    else:
        monkeypatch.setattr(where, name, instead)
    forge = name == "is_signed"
    faults = []
    for seed in range(400):
        world = World(RULES) if forge else interleave(seed, Anybody(), 60)
        if forge:
            world.propose(0, 0, True)
            world.draft("JPN", 0, Step.APPROVED, "one@JPN")
            node, row = world.hand.pop()
            world.books[node].take_row(type(row)(*_changed(row)), world.now_ns)
            world.settle()
        faults += [fault for fault in world.oracle.faults if found in fault]
        if faults:
            return
    pytest.fail("nothing was found")


def _changed(row):
    values = [getattr(row, name) for name in row.__struct_fields__]
    values[row.__struct_fields__.index("reason")] = "another"
    return values


def _without_late(fault):
    from noroshi.command.matters import Refusal

    def instead(self, matter, row, said, step):
        verdict = fault(self, matter, row, said, step)
        return None if verdict is not None and verdict.refusal is Refusal.LATE else verdict

    return instead


def test_roles_are_those_of_people():
    assert {role for _, role in ROLES.values()} <= set(Role)
