"""Two nations decide on both sides of a cut, a node is away over a deadline, the clock goes back: nobody wins twice."""

import pytest
from command_scenes import NS, PEOPLE, SETTINGS, START_NS, said, task

from noroshi.command.book import Book
from noroshi.command.matters import Refusal
from noroshi.command.rows import decision_of
from noroshi.command.transitions import Step
from noroshi.run.authority import shipped

RULES = shipped()
JOINT = "joint/JPN/looks"


def book(home):
    return Book(home, PEOPLE, RULES, SETTINGS)


def tell(reader, rows, at_ns):
    return [reader.take_row(row, at_ns, source="JPN").refusal for row in rows]


def proposed(stream="s", **changes):
    """Return Japan's book with a proposal, the United States' that knows it, and its rows."""
    jpn, usa = book("JPN"), book("USA")
    what = task(("JP-02", "US-GU"), **changes)
    assert jpn.take_row(said(jpn, stream, Step.RECOMMENDED, "sato@JPN", START_NS, what=what), START_NS).refusal is None
    assert tell(usa, jpn.take(), START_NS) == [None]
    usa.take()
    return jpn, usa


def test_two_nations_decide_during_a_cut_and_one_decision_stands():
    jpn, usa = proposed(JOINT)
    at = START_NS + NS
    yes = said(usa, JOINT, Step.APPROVED, "reed@USA", at)
    assert usa.take_row(yes, at).refusal is Refusal.FORWARDED
    no = said(jpn, JOINT, Step.REJECTED, "mori@JPN", at, reason="not now")
    assert jpn.take_row(no, at).refusal is None
    (late,) = usa.take_forward()
    assert jpn.take_row(late, at + NS, source="USA").refusal is Refusal.VERSION  # the cut is over
    assert tell(usa, jpn.take(), at + NS) == [None]
    for one in (jpn, usa):
        matter = one.matters["JPN", JOINT]
        assert (matter.state, matter.approvals, len(matter.rows)) == ("rejected", {}, 2)


def test_who_was_given_the_stream_during_a_cut_waits_for_it_and_the_giver_writes_no_more():
    jpn, usa = proposed(JOINT)
    at = START_NS + NS
    assert jpn.take_row(said(jpn, JOINT, Step.HANDED_OVER, "sato@JPN", at, to="USA"), at).refusal is None
    told = jpn.take()
    assert jpn.take_row(said(jpn, JOINT, Step.APPROVED, "mori@JPN", at), at).refusal is Refusal.FORWARDED
    early = said(usa, JOINT, Step.APPROVED, "reed@USA", at)
    assert usa.take_row(early, at).refusal is Refusal.FORWARDED  # it does not know yet that it writes
    assert jpn.take_row(early, at, source="USA").refusal is not None
    assert tell(usa, told, at + NS) == [None]
    ours = said(usa, JOINT, Step.APPROVED, "reed@USA", at + NS)
    assert usa.take_row(ours, at + NS).refusal is None
    (theirs,) = jpn.take_forward()
    assert usa.take_row(theirs, at + NS, source="JPN").refusal is Refusal.VERSION


def test_a_node_that_was_away_over_a_deadline_approves_nothing_that_was_said_in_time():
    jpn, _ = proposed(priority="flash")
    yes = said(jpn, "s", Step.APPROVED, "mori@JPN", START_NS + 59 * NS)
    again = book("JPN")
    again.resume(jpn.checkpoint())
    late_ns = START_NS + 61 * NS
    assert again.receive(decision_of([yes]), late_ns)[0].refusal is Refusal.VERSION
    assert [row.step for row in again.matters["JPN", "s"].rows] == ["recommended", "escalated"]
    again.wake(START_NS + 3600 * NS)
    assert again.matters["JPN", "s"].state == "expired"


@pytest.mark.parametrize("back_ns", [30 * NS, 3600 * NS])
def test_a_clock_that_goes_back_revives_nothing(back_ns):
    jpn, _ = proposed(priority="flash")
    jpn.wake(START_NS + 61 * NS)
    jpn.wake(START_NS + 3600 * NS)
    matter = jpn.matters["JPN", "s"]
    assert matter.state == "expired"
    then_ns = START_NS + 3600 * NS - back_ns
    jpn.wake(then_ns)
    assert jpn.take_row(said(jpn, "s", Step.APPROVED, "mori@JPN", then_ns), then_ns).refusal is Refusal.ILLEGAL
    new = said(jpn, "t", Step.RECOMMENDED, "sato@JPN", then_ns, what=task())
    assert jpn.take_row(new, then_ns).refusal is None
    before_ns = then_ns - 10 * NS
    yes = said(jpn, "t", Step.APPROVED, "mori@JPN", before_ns)
    assert jpn.take_row(yes, before_ns).refusal is Refusal.TIME


def test_a_veto_after_tasking_stops_who_was_to_do_it():
    jpn, usa = book("JPN"), book("USA")
    at = START_NS
    for step, by in ((Step.RECOMMENDED, "sato@JPN"), (Step.APPROVED, "mori@JPN"), (Step.TASKED, "sato@JPN")):
        more = {"what": task()} if step is Step.RECOMMENDED else {}
        assert jpn.take_row(said(jpn, "s", step, by, at, **more), at).refusal is None
    before = jpn.take()
    veto = said(jpn, "s", Step.RECALLED, "kato@JPN", at + NS, reason="stop")
    assert jpn.take_row(veto, at + NS).refusal is None
    promise = said(book_of(before), "s", Step.RECEIVED, "sato@JPN", at + NS)
    assert jpn.take_row(promise, at + 2 * NS).refusal is not None
    assert tell(usa, [*jpn.take(), *before], at + 2 * NS)[0] is Refusal.HELD  # the veto overtakes
    assert usa.matters["JPN", "s"].state == "recalled"


def book_of(rows):
    """Return a reader's book that knows these steps."""
    reader = book("AUS")
    assert tell(reader, rows, rows[-1].time_ns) == [None] * len(rows)
    return reader
