"""Steps that somebody makes up so that a node fails, or that others cannot say theirs: refused, and nothing stops."""

import msgspec
import pytest
from command_scenes import KEYS, NS, PEOPLE, SETTINGS, START_NS, alert_of, said, task, threats_of

from noroshi.command.alerts import what_of
from noroshi.command.book import Book
from noroshi.command.core import Command
from noroshi.command.matters import Refusal
from noroshi.command.people import sign
from noroshi.command.rows import DEPTH_MAX, Row, Said, What, decision_of, text_of
from noroshi.command.transitions import Action, Step
from noroshi.run.authority import shipped

RULES = shipped()
LATER_NS = START_NS + 10**7 * NS


def book(home="JPN"):
    return Book(home, PEOPLE, RULES, SETTINGS)


def requested(node, **changes):
    row = said(node, "s", Step.REQUESTED, "sato@JPN", START_NS, what=task())
    return sign(msgspec.structs.replace(row, **changes), KEYS["sato@JPN"])


@pytest.mark.parametrize("key", ["s 1 escalated machine", "s 1 rejected mori@JPN"])
def test_a_key_that_another_will_use_is_no_ones_to_take(key):
    node = book()
    assert node.take_row(requested(node, key=key), START_NS).refusal is None
    if "mori" in key:
        no = said(node, "s", Step.REJECTED, "mori@JPN", START_NS + NS, reason="no")
        assert node.take_row(no, START_NS + NS).refusal is None
    node.wake(LATER_NS)
    node.wake(2 * LATER_NS)
    assert node.matters["JPN", "s"].state in ("expired", "rejected")


@pytest.mark.parametrize(
    "detail",
    [
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        '{"a":' * (DEPTH_MAX + 1) + "1" + "}" * (DEPTH_MAX + 1),
        f'{{"a":{2**64}}}',
    ],
    ids=["bottomless", "deep", "large"],
)
@pytest.mark.parametrize("where", ["advice", "detail"])
def test_a_content_that_cannot_be_written_again_is_not_read(detail, where):
    node = book()
    what = '{"action":"sensor_task"' + (f',"detail":{detail}' if where == "detail" else "") + "}"
    content = f'{{"what":{what}' + (f',"advice":{detail}' if where == "advice" else "") + "}"
    row = requested(node, content=content)
    assert node.take_row(row, START_NS).refusal is Refusal.MALFORMED
    assert node.resume(node.checkpoint()) is None


def test_an_end_beyond_all_clocks_is_not_read():
    node = book()
    content = text_of(Said(what=What(action=Action.SENSOR_TASK, until_ns=2**63)))
    assert node.take_row(requested(node, content=content), START_NS).refusal is Refusal.MALFORMED


def test_a_stream_that_is_handed_over_from_the_future_does_not_stop_who_gets_it():
    """A partner's node alone judges the times of its steps: a broken one may say any."""
    usa = book("USA")
    stream, far_ns = "joint/JPN/looks", START_NS + 10**6 * NS
    first = said(book(), stream, Step.RECOMMENDED, "sato@JPN", far_ns, what=task())
    first = sign(msgspec.structs.replace(first, deadline_ns=far_ns + 1), KEYS["sato@JPN"])
    assert usa.take_row(first, START_NS, source="JPN").refusal is None
    over = Row(
        "JPN", stream, 1, far_ns, "handed_over", "sato@JPN", "watch officer", "k", 0, START_NS + NS, "",
        text_of(Said(to="USA")),
    )  # fmt: skip
    assert usa.take_row(sign(over, KEYS["sato@JPN"]), START_NS, source="JPN").refusal is None
    usa.wake(START_NS + 2 * NS)
    assert usa.refused[Refusal.TIME] == 1
    assert usa.matters["JPN", stream].state == "recommended"
    yes = said(usa, stream, Step.APPROVED, "mori@JPN", START_NS + 3 * NS)
    assert usa.take_row(yes, START_NS + 3 * NS, source="JPN").refusal is not None


def test_what_people_were_told_is_not_recalled_without_telling_them():
    node = Command("JPN", PEOPLE, RULES, SETTINGS)
    node.receive(alert_of(), START_NS)
    node.receive(decision_of([said(node.book, "JPN-1", Step.APPROVED, "mori@JPN", START_NS)]), START_NS)
    assert [out.channel for out in node.take()][-1] == "alert"
    no = said(node.book, "JPN-1", Step.RECALLED, "mori@JPN", START_NS + NS, reason="wrong")
    (verdict,) = node.receive(decision_of([no]), START_NS + NS)
    assert verdict.refusal is Refusal.ILLEGAL
    assert [alert.identifier for alert in node.undelivered()] == ["JPN-1"]


def test_a_signature_of_another_exercise_is_late():
    """The state is gone and somebody says again, with their signatures, what was said and approved then."""
    then = book()
    rows = [said(then, "s", Step.RECOMMENDED, "sato@JPN", START_NS, what=task())]
    then.take_row(rows[0], START_NS)
    rows.append(said(then, "s", Step.APPROVED, "mori@JPN", START_NS + NS))
    assert then.take_row(rows[1], START_NS + NS).refusal is None
    anew = book()
    assert [verdict.refusal for verdict in anew.receive(decision_of(rows), LATER_NS)][1] is Refusal.LATE
    anew.wake(LATER_NS + 1)
    assert not anew.matters["JPN", "s"].approvals


def test_a_signature_of_another_nations_stream_is_none_here():
    here = book()
    usa = book("USA")
    row = said(usa, "s", Step.REQUESTED, "hill@USA", START_NS, what=task(areas=()))
    moved = msgspec.structs.replace(row, nation="JPN")
    assert here.take_row(moved, START_NS, source="USA").refusal is Refusal.UNSIGNED


@pytest.mark.parametrize("changes", [{"identifier": "JPN-7"}, {"sender": "USA"}])
def test_nobody_proposes_an_alert_under_another_ones_name(changes):
    node = book()
    alert = alert_of("JPN-1", **changes) if "sender" in changes else alert_of(**changes)
    row = said(node, "JPN-1", Step.RECOMMENDED, "sato@JPN", START_NS, what=what_of(alert))
    assert node.take_row(row, START_NS).refusal is Refusal.FIELDS


@pytest.mark.parametrize("end", ["x", [1.0], [1.0, 2.0, 3.0], {"a": 1}])
def test_what_a_person_writes_as_advice_is_not_compared_with_the_picture(end):
    node = Command("JPN", PEOPLE, RULES, SETTINGS)
    node.receive(threats_of(), START_NS)
    for step, by, more in (
        (Step.RECOMMENDED, "sato@JPN", {"what": what_of(alert_of()), "advice": {"end_ecef_m": end}}),
        (Step.APPROVED, "mori@JPN", {}),
    ):
        (verdict,) = node.receive(decision_of([said(node.book, "JPN-1", step, by, START_NS, **more)]), START_NS)
        assert verdict.refusal is None
