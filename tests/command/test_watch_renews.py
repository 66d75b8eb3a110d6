"""A proposal that may not be approved any more is proposed anew at once; one that nobody answered is not forgotten."""

import pytest
from command_scenes import NS, PEOPLE, SETTINGS, START_NS, decided, plan_of, posture_of, says, threats_of

from noroshi.command.core import Command
from noroshi.command.matters import Refusal
from noroshi.command.transitions import Step
from noroshi.node.watch import Watch
from noroshi.records import Alert, Certainty, Stage
from noroshi.run.authority import shipped
from noroshi.warning.core import Said
from noroshi.warning.settings import Settings
from noroshi.warning.telling import Concern, Course, Telling

SOON = Settings(wait_s=0.0)


class Scripted:
    """A warner whose one threat is expected where and when the test says, and concerns the areas that it says."""

    nation = "JPN"

    def __init__(self):
        self.telling, self.lat_deg, self.expected_s, self.codes = Telling(), 40.8, 500.0, ("JP-02",)

    def course(self, now_ns):
        return Course(
            name="7", threat_id=7, hazard="missile", stage=Stage.WILL_LAND, certainty=Certainty.LIKELY, time_ns=now_ns,
            updated_ns=now_ns, is_lost=False,
        )  # fmt: skip

    def look(self, picture, now_ns, *, with_paths, is_early):
        expected = START_NS + round(self.expected_s * NS)
        concerns = [Concern(code, "area", 0.9, 1e6, expected, expected) for code in self.codes]
        proposal = self.telling.look(concerns, self.course(now_ns), "JPN", SOON)
        found = (proposal,) if proposal is not None else ()
        threats = threats_of(self.lat_deg, time_ns=now_ns)
        return Said(threats=threats, paths=None, proposals=found, withdrawn=self.withdrawn(), faults={})

    def renew(self, identifier, why, now_ns):
        assert self.telling.pending.identifier == identifier
        return self.telling.renew(why, self.course(now_ns), "JPN", SOON)

    def over_ns(self, after_ns):
        return None

    def withdrawn(self):
        gone, self.telling.withdrawn = tuple(self.telling.withdrawn), []
        return gone

    def decide(self, alert, approved, *, has_lapsed=False):
        self.telling.decide(alert.identifier, approved, has_lapsed=has_lapsed)


def watch_of():
    warner = Scripted()
    watch = Watch(warner, Command("JPN", PEOPLE, shipped(), SETTINGS), period_ns=NS)
    watch.start(START_NS)
    return warner, watch, watch.command.book


def at(watch, s):
    now_ns = START_NS + round(s * NS)
    watch.wake(now_ns, lambda *_, **__: None)
    return now_ns


def refused(book, stream, now_ns):
    return says(book, stream, Step.APPROVED, "mori@JPN", now_ns).refusal


def test_a_proposal_waits_while_the_end_moves_and_is_told_as_it_was_approved():
    warner, watch, book = watch_of()
    for s in range(40):
        warner.lat_deg = 40.8 + 0.5 * (s % 7)
        now_ns = at(watch, s + 0.5)
    ((_, stream),) = list(book.matters)
    assert refused(book, stream, now_ns) is None
    at(watch, 41.5)
    assert [out.record.identifier for out in watch.take() if out.channel == "alert"] == [stream]
    assert warner.telling.told is not None
    assert len(book.matters) == 1


def test_a_proposal_of_other_areas_is_replaced_at_the_same_look_and_approved_no_more():
    warner, watch, book = watch_of()
    at(watch, 0.5)
    warner.codes = ("JP-02", "JP-03")
    now_ns = at(watch, 1.5)
    first, second = list(book.matters)
    assert [book.matters[key].state for key in (first, second)] == [Step.SUPERSEDED, Step.RECOMMENDED]
    assert "more areas" in book.matters[second].what.detail["reason"]
    assert refused(book, first[1], now_ns) is Refusal.ILLEGAL
    warner.codes = ("JP-02",)
    for s in range(2, 9):
        now_ns = at(watch, s + 0.5)
    *_, third = list(book.matters)
    assert [book.matters[key].state for key in (second, third)] == [Step.SUPERSEDED, Step.RECOMMENDED]
    assert book.matters[third].rows[0].time_ns == START_NS + round((2.5 + SOON.doubt_s) * NS)
    assert refused(book, second[1], now_ns) is Refusal.ILLEGAL
    assert refused(book, third[1], now_ns) is None


@pytest.mark.parametrize(
    ("later_s", "from_s", "off_s", "proposed_s"),
    [
        (25.0, 20.0, 99.0, [0.5]),  # within the tolerance
        (35.0, 20.0, SOON.doubt_s - 1.0, [0.5]),  # for a moment
        (35.0, 20.0, 99.0, [0.5, 20.5 + SOON.doubt_s]),
        (-35.0, 20.0, 99.0, [0.5, 20.5 + SOON.doubt_s]),
        (35.0, 1.0, 99.0, [0.5, 0.5 + SOON.again_s]),  # not so soon after the last one
    ],
)
def test_a_proposal_of_another_time_is_replaced_once_that_has_held_and_not_too_often(
    later_s, from_s, off_s, proposed_s
):
    warner, watch, book = watch_of()
    for s in range(50):
        warner.expected_s = 500.0 + (later_s if from_s <= s < from_s + off_s else 0.0)
        now_ns = at(watch, s + 0.5)
    assert [(matter.rows[0].time_ns - START_NS) / NS for matter in book.matters.values()] == proposed_s
    *before, (_, newest) = list(book.matters)
    assert [refused(book, stream, now_ns) for _, stream in before] == [Refusal.ILLEGAL] * (len(proposed_s) - 1)
    assert refused(book, newest, now_ns) is None


def test_what_nobody_answered_is_proposed_again_and_never_told_by_itself():
    _, watch, book = watch_of()
    for s in range(125):
        at(watch, s + 0.5)
    assert [matter.state for matter in book.matters.values()] == [Step.EXPIRED, Step.RECOMMENDED]
    assert not [out for out in watch.take() if isinstance(out.record, Alert) and out.channel == "alert"]


def test_what_may_not_be_sent_any_more_when_the_last_one_approves_is_proposed_again():
    warner, watch, book = watch_of()
    warner.codes = ("JP-02", "US-GU")
    decided(book, "plan", plan_of(areas=("*",)), START_NS)
    decided(book, "posture", posture_of(), START_NS)
    at(watch, 0.5)  # the plan approves for the nation whose plan it is
    (first,) = [stream for _, stream in book.matters if stream not in ("plan", "posture")]
    says(book, "posture", Step.RECALLED, "kato@JPN", START_NS + NS, reason="calm again")
    assert says(book, first, Step.APPROVED, "reed@USA", START_NS + NS).refusal is None
    at(watch, 2.5)
    *_, one, other = book.matters.values()
    assert (one.stream, one.state, other.state) == (first, Step.SUPERSEDED, Step.RECOMMENDED)
    assert not [out for out in watch.take() if out.channel == "alert"]
    assert warner.telling.told is None
