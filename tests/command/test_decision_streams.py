"""One writer a stream: two writers never both win, cuts merge by union, ownership passes by decision, tasks cross."""

import itertools

import msgspec
import numpy as np
import pytest
from command_scenes import KEYS, NS, PEOPLE, SETTINGS, STAFF, START_NS, alert_of, said, says, task

from noroshi.advice.looks import advise, looks
from noroshi.command.core import Command
from noroshi.command.matters import Refusal
from noroshi.command.people import sign
from noroshi.command.rows import Said, decision_of, rows_of, said_in
from noroshi.command.transitions import OPEN, TABLE, Action, Role, Step, may_follow
from noroshi.run.authority import shipped

RULES = shipped()


def nation(home):
    return Command(home, PEOPLE, RULES, SETTINGS)


def test_of_two_who_saw_the_same_version_the_second_is_refused():
    node, at = nation("JPN").book, START_NS
    says(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task())
    yes = said(node, "s", Step.APPROVED, "mori@JPN", at)
    no = said(node, "s", Step.REJECTED, "kato@JPN", at, reason="no")
    assert node.take_row(yes, at).refusal is None
    assert node.take_row(no, at).refusal is Refusal.VERSION
    assert node.take_row(yes, at).refusal is Refusal.DUPLICATE
    other = sign(msgspec.structs.replace(yes, version=2, step="tasked"), KEYS["mori@JPN"])
    assert node.take_row(other, at).refusal is Refusal.KEY_REUSED
    assert node.matters["JPN", "s"].version == 1


def test_any_order_of_arrival_gives_the_same_state():
    writer, at = nation("JPN"), START_NS
    writer.receive(alert_of(), at)
    says(writer.book, "JPN-1", Step.APPROVED, "mori@JPN", at)
    says(writer.book, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("US-GU",), asset="JPN"))
    says(writer.book, "s", Step.APPROVED, "reed@USA", at)
    rows = [one.record for one in writer.take() if one.channel == "decision"]
    assert len(rows) == 5
    seen = set()
    for order in itertools.permutations(range(5)):
        reader = nation("USA")
        for k in order:
            reader.receive(rows[k], at + 2 * NS, source="JPN")
        for k in order:
            (verdict,) = reader.receive(rows[k], at + 2 * NS, source="JPN")
            assert verdict.refusal is Refusal.DUPLICATE
        matters = sorted(reader.book.matters.values(), key=lambda matter: matter.stream)
        seen.add(msgspec.msgpack.encode(matters))
        assert len([one for one in reader.take() if one.channel == "heard"]) == 5
        assert not reader.undelivered()
    assert len(seen) == 1


def test_what_is_held_is_bounded():
    reader, at = nation("USA"), START_NS
    row = said(nation("JPN").book, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task())
    refusals = [
        reader.book.take_row(msgspec.structs.replace(row, version=k, key=f"{k}"), at, source="JPN").refusal
        for k in range(1, 70)
    ]
    assert refusals == [Refusal.HELD] * 64 + [Refusal.TOO_MANY_HELD] * 5
    refusals = [
        reader.book.take_row(msgspec.structs.replace(row, stream=f"{k}", version=1), at, source="JPN").refusal
        for k in range(1_001)
    ]
    assert refusals == [Refusal.HELD] * 999 + [Refusal.TOO_MANY_HELD] * 2


def test_nobody_writes_in_anothers_stream():
    jpn, usa, at = nation("JPN"), nation("USA"), START_NS
    says(jpn.book, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task())
    row = jpn.book.matters["JPN", "s"].rows[0]
    assert usa.receive(decision_of([row]), at, source="AUS")[0].refusal is Refusal.NOT_THE_WRITER
    assert usa.receive(decision_of([row]), at, source="JPN")[0].refusal is None
    forged = msgspec.structs.replace(row, version=1, step="expired", by="machine", role="machine", key="k",
                                     signature="", content="{}", time_ns=at + 901 * NS)  # fmt: skip
    assert jpn.receive(decision_of([forged]), at, source="USA")[0].refusal is Refusal.TIME
    soon = msgspec.structs.replace(forged, time_ns=at)
    assert jpn.receive(decision_of([soon]), at, source="USA")[0].refusal is Refusal.EARLY
    for step in ("escalated", "tasked", "superseded"):
        told = msgspec.structs.replace(forged, step=step, content='{"to":"x"}', time_ns=at)
        assert jpn.receive(decision_of([told]), at, source="USA")[0].refusal is not None


def test_a_request_crosses_nations_is_vetoed_once_and_approved_once_and_is_seen_done():
    jpn, usa, at = nation("JPN"), nation("USA"), START_NS

    def exchange():
        for _ in range(4):
            for here, there in ((jpn, usa), (usa, jpn)):
                for one in here.take():
                    if one.channel in ("decision", "said"):
                        assert one.to in ("", there.book.home)
                        for verdict in there.receive(one.record, at, source=here.book.home):
                            assert verdict.refusal in (None, Refusal.DUPLICATE), verdict

    for stream in ("first", "second"):
        asked = task(areas=("JP-02",), asset="JPN")
        assert says(usa.book, stream, Step.RECOMMENDED, "hill@USA", at, what=asked).refusal is None
        exchange()
        (waiting,) = [one for one in jpn.book.inbox(nation="JPN", role=Role.APPROVER) if one.stream == stream]
        assert waiting.until_ns == at + 900 * NS
        assert waiting.otherwise == "those above are told"
        if stream == "first":
            step, more = Step.REJECTED, {"reason": "not today"}
        else:
            step, more = Step.APPROVED, {}
        verdict = says(jpn.book, stream, step, "mori@JPN", at, founder="USA", **more)
        assert verdict.refusal is Refusal.FORWARDED
        exchange()
    assert usa.book.matters["USA", "first"].state == Step.REJECTED
    assert says(usa.book, "second", Step.TASKED, "hill@USA", at).refusal is None
    exchange()
    assert usa.book.matters["USA", "second"].state == Step.RECEIVED
    for step in (Step.ACKNOWLEDGED, Step.WILL_COMPLY, Step.EXECUTING, Step.DONE_OK):
        assert says(usa.book, "second", step, "hill@USA", at).refusal in (Refusal.DENIED, Refusal.ILLEGAL)
        says(jpn.book, "second", step, "ueda@JPN", at, founder="USA")
        exchange()
    for node in (jpn, usa):
        assert node.book.matters["USA", "second"].state == Step.DONE_OK
        assert not node.book.inbox()
    assert jpn.book.matters["USA", "second"].rows == usa.book.matters["USA", "second"].rows


def test_a_request_is_answered_by_a_recommendation_with_its_advice():
    node, at = nation("JPN").book, START_NS
    asked = task(areas=("JP-02",))
    assert says(node, "s", Step.REQUESTED, "sato@JPN", at, what=asked, reason="a gap in the north").refusal is None
    (waiting,) = node.inbox(nation="JPN", role=Role.SENSOR_MANAGER)
    assert (waiting.state, waiting.reason) == (Step.REQUESTED, "a gap in the north")
    plan = looks(np.ones((1, 2), np.int64), np.array([3.0, 2.0]), np.ones((1, 2, 2), bool))
    advice = advise(plan, time_limit_s=1.0, clock=lambda: 0.0).told()
    said_ = Said(what=msgspec.structs.replace(asked, detail={"looks": [[0, 0]]}), advice=advice)
    assert node.say(("JPN", "s"), Step.RECOMMENDED, at + NS, said=said_).refusal is None
    assert says(node, "s", Step.APPROVED, "sato@JPN", at + NS).refusal is Refusal.ROLE
    assert says(node, "s", Step.APPROVED, "mori@JPN", at + NS).refusal is None
    told = said_in(node.matters["JPN", "s"].rows[1].content).advice
    assert (told["gap"], told["objective"], told["bound"]) == (0.0, 5.0, 5.0)
    other = task(areas=("JP-02",), action=Action.COVER)
    says(node, "t", Step.REQUESTED, "sato@JPN", at, what=asked)
    assert node.say(("JPN", "t"), Step.RECOMMENDED, at, said=Said(what=other)).refusal is Refusal.FIELDS
    assert says(node, "t", Step.REJECTED, "mori@JPN", at, reason="no").refusal is None


def test_a_joint_stream_is_written_by_one_nation_at_a_time():
    jpn, usa, at = nation("JPN"), nation("USA"), START_NS
    stream = "joint/JPN/looks"
    what = task(areas=("JP-02", "US-GU"), asset="JPN")
    assert says(jpn.book, stream, Step.RECOMMENDED, "ueda@JPN", at, what=what).refusal is None
    assert says(jpn.book, stream, Step.HANDED_OVER, "mori@JPN", at, to="FRA").refusal is Refusal.FIELDS
    assert says(jpn.book, stream, Step.HANDED_OVER, "mori@JPN", at, to="USA").refusal is None
    assert jpn.wake_ns() is None
    assert says(jpn.book, stream, Step.APPROVED, "mori@JPN", at).refusal is Refusal.FORWARDED
    out = jpn.take()
    assert [one.channel for one in out] == ["decision", "decision", "said"]
    for one in out:
        usa.receive(one.record, at, source="JPN")
    matter = usa.book.matters["JPN", stream]
    assert (matter.owner, matter.version, matter.lacks) == ("USA", 2, ("USA",))
    assert usa.wake_ns() == matter.deadline_ns
    assert says(usa.book, stream, Step.APPROVED, "reed@USA", at).refusal is None
    for one in usa.take():
        if one.channel == "decision":
            jpn.receive(one.record, at, source="USA")
    assert jpn.book.matters["JPN", stream].state == Step.APPROVED
    says(jpn.book, "own", Step.RECOMMENDED, "ueda@JPN", at, what=task())
    assert says(jpn.book, "own", Step.HANDED_OVER, "mori@JPN", at, to="USA").refusal is Refusal.FIELDS


def test_a_store_gives_the_same_book_again():
    node, at = nation("JPN"), START_NS
    node.receive(alert_of(), at)
    says(node.book, "JPN-1", Step.APPROVED, "mori@JPN", at)
    says(node.book, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task())
    node.wake(at + 900 * NS)
    rows = [row for one in node.take() if one.channel == "decision" for row in rows_of(one.record)]
    again = nation("JPN")
    again.book.restore(rows)
    assert again.book.matters == node.book.matters
    assert again.wake_ns() == node.wake_ns()
    assert not again.take()
    with pytest.raises(ValueError, match="JPN-1 1"):
        nation("JPN").book.restore([rows[0], msgspec.structs.replace(rows[1], reason="altered")])


def test_the_table_leads_only_where_the_issue_says():
    """The chain of states, as issue 9 has it."""
    chain = ["requested", "recommended", "approved", "tasked", "received", "acknowledged", "will_comply", "executing"]
    for before, after in itertools.pairwise([*chain, "done_ok"]):
        assert may_follow(Step(after), before, Action.SENSOR_TASK)
    for step in (Step.APPROVED, Step.AMENDED):
        assert TABLE[step].after == (Step.RECOMMENDED,)
    ended = set(Step) - set(OPEN) - {Step.ESCALATED, Step.HANDED_OVER}
    assert ended == {
        "rejected",
        "expired",
        "cannot_comply",
        "done_ok",
        "done_not_ok",
        "superseded",
        "cancelled",
        "recalled",
    }
    for state in ended:
        assert not [step for step in Step for action in Action if may_follow(step, state, action)]
    approving = {role for step in (Step.APPROVED, Step.AMENDED) for role in TABLE[step].roles}
    assert approving == {Role.APPROVER, Role.PLAN}
    assert {role for _, role in STAFF.values()} >= {Role.APPROVER, Role.OBSERVER}


def test_malformed_steps_are_refused_and_counted():
    node, at = nation("JPN").book, START_NS
    row = said(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task())
    for changes in (
        {"content": "{"},
        {"content": '{"unknown":1}'},
        {"step": "aproved"},
        {"role": "king"},
        {"key": ""},
        {"version": -1},
        {"content": '{"what":{"action":"sensor_task","priority":"now"}}'},
    ):
        assert node.take_row(msgspec.structs.replace(row, **changes), at).refusal is Refusal.MALFORMED
    nowhere = said(node, "s", Step.RECOMMENDED, "ueda@JPN", at, what=task(areas=("XX-1",), asset="JPN"))
    assert node.take_row(nowhere, at).refusal is Refusal.FIELDS
    assert node.refused[Refusal.MALFORMED] == 7
    assert node.take_row(row, at - 2 * NS).refusal is Refusal.TIME
    later = sign(msgspec.structs.replace(row, deadline_ns=row.deadline_ns + 1), KEYS["ueda@JPN"])
    assert node.take_row(later, at).refusal is Refusal.DEADLINE
    assert not node.matters
    assert node.take_row(row, at).refusal is None
    assert np.asarray(decision_of([row]).version).tolist() == [0]
