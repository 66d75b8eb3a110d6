"""A proposal that may not be approved any more is proposed anew at once; one that nobody answered is not forgotten."""

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
    """A warner whose one threat is expected where the test says, and concerns one area all the time."""

    nation = "JPN"

    def __init__(self):
        self.telling, self.lat_deg, self.codes = Telling(), 40.8, ("JP-02",)

    def course(self, now_ns):
        return Course(
            name="7", threat_id=7, hazard="missile", stage=Stage.WILL_LAND, certainty=Certainty.LIKELY, time_ns=now_ns,
            updated_ns=now_ns, is_lost=False,
        )  # fmt: skip

    def look(self, picture, now_ns, *, with_paths, is_early):
        expected = START_NS + 500 * NS
        concerns = [Concern(code, "area", 0.9, 1e6, expected, expected) for code in self.codes]
        proposal = self.telling.look(concerns, self.course(now_ns), "JPN", SOON)
        found = (proposal,) if proposal is not None else ()
        threats = threats_of(self.lat_deg, time_ns=now_ns)
        return Said(threats=threats, paths=None, proposals=found, withdrawn=self.withdrawn())

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


def test_a_picture_that_moved_too_far_gives_a_new_proposal_at_the_same_look():
    warner, watch, book = watch_of()
    at(watch, 0.5)
    (first,) = list(book.matters)
    warner.lat_deg = 41.8
    now_ns = at(watch, 1.5)
    first, second = list(book.matters)
    assert [book.matters[key].state for key in (first, second)] == [Step.SUPERSEDED, Step.RECOMMENDED]
    assert "111 km from there" in book.matters[second].what.detail["reason"]
    assert says(book, first[1], Step.APPROVED, "mori@JPN", now_ns).refusal is Refusal.ILLEGAL
    assert says(book, second[1], Step.APPROVED, "mori@JPN", now_ns).refusal is None
    at(watch, 2.5)
    assert [out.record.identifier for out in watch.take() if out.channel == "alert"] == [second[1]]
    assert warner.telling.told is not None
    assert len(book.matters) == 2


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
