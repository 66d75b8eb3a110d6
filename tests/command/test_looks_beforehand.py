"""Looks of a partner's sensors: what its standing plan covers goes on by itself; what not waits for a person."""

import msgspec
import pytest
from command_scenes import NS, PEOPLE, SETTINGS, START_NS, decided, said, says

from noroshi.command.core import Command
from noroshi.command.rows import Said, What, decision_of
from noroshi.command.standing import StandingLooks
from noroshi.command.transitions import Action, Role, Step
from noroshi.run.authority import shipped


def looks(sensor="usa-eyes-01", *, until_s=60, number=3):
    asked = [[sensor, START_NS + (until_s - number + k + 1) * NS, 1, 2, 3, "7"] for k in range(number)]
    return What(
        action=Action.SENSOR_TASK,
        asset="USA",
        priority="immediate",
        until_ns=START_NS + 300 * NS,
        detail={"subject": "looks", "until_ns": START_NS + until_s * NS, "looks": asked},
    )


def plan(**changes):
    given = StandingLooks(
        sensors=("usa-eyes-*",), by=("JPN",), looks_max=5, postures=("peacetime",),
        from_ns=START_NS - NS, until_ns=START_NS + 3600 * NS,
    )  # fmt: skip
    return What(action=Action.STANDING_PLAN, detail=msgspec.to_builtins(msgspec.structs.replace(given, **changes)))


class Two:
    """Two nations' nodes; messages take a second."""

    def __init__(self, given):
        self.nodes = {nation: Command(nation, PEOPLE, shipped(), SETTINGS) for nation in ("JPN", "USA")}
        self.now_ns = START_NS
        decided(self.nodes["USA"].book, "plan", given, START_NS, by="reed@USA", proposer="hill@USA")
        self.pass_on()

    def pass_on(self, rounds=1):
        for _ in range(rounds):
            self.now_ns += NS
            out = {nation: node.take() for nation, node in self.nodes.items()}
            for home, there in (("USA", "JPN"), ("JPN", "USA")):
                for one in out[home]:
                    if one.channel in ("decision", "said"):
                        self.nodes[there].receive(one.record, self.now_ns, source=home)

    def ask(self, what, rounds=8):
        row = said(self.nodes["JPN"].book, "looks-1", Step.RECOMMENDED, "ueda@JPN", self.now_ns, what=what)
        self.nodes["JPN"].receive(decision_of([row]), self.now_ns)
        self.pass_on(rounds)
        steps = [[row.step for row in node.book.matters["JPN", "looks-1"].rows] for node in self.nodes.values()]
        assert steps[0] == steps[1]
        return steps[0]


def test_what_the_owner_approved_beforehand_is_begun_without_anybody():
    two = Two(plan())
    assert two.ask(looks()) == ["recommended", "approved", "tasked", "received", "executing"]
    matter = two.nodes["USA"].book.matters["JPN", "looks-1"]
    assert matter.approvals["USA"].plan == "plan"
    assert not two.nodes["USA"].book.inbox(nation="USA", role=Role.APPROVER)
    verdict = says(two.nodes["USA"].book, "looks-1", Step.DONE_OK, "hill@USA", two.now_ns, founder="JPN")
    assert str(verdict.refusal).startswith("is for the nation that writes")
    two.pass_on(3)
    assert two.nodes["JPN"].book.matters["JPN", "looks-1"].state == Step.DONE_OK


@pytest.mark.parametrize(
    ("what", "given"),
    [
        (looks("usa-island"), plan()),
        (looks(number=6), plan()),
        (looks(), plan(by=("AUS",))),
        (looks(), plan(postures=("contingency",))),
        (looks(until_s=280), plan(until_ns=START_NS + 200 * NS)),
        (looks(), plan(until_ns=START_NS + NS)),
    ],
)
def test_what_the_plan_does_not_cover_waits_for_a_person(what, given):
    two = Two(given)
    assert two.ask(what) == ["recommended"]
    (waits,) = two.nodes["USA"].book.inbox(nation="USA", role=Role.APPROVER)
    assert (waits.stream, waits.nations) == ("looks-1", ("USA",))


def test_what_a_person_approved_no_machine_begins():
    two = Two(plan(by=("AUS",)))
    two.ask(looks())
    says(two.nodes["USA"].book, "looks-1", Step.APPROVED, "lane@USA", two.now_ns, founder="JPN")
    two.pass_on(2)
    says(two.nodes["JPN"].book, "looks-1", Step.TASKED, "ueda@JPN", two.now_ns)
    two.pass_on(4)
    matter = two.nodes["USA"].book.matters["JPN", "looks-1"]
    assert matter.state == Step.RECEIVED
    row = two.nodes["JPN"].book.say(("JPN", "looks-1"), Step.EXECUTING, two.now_ns, said=Said())
    assert str(row.refusal).startswith("may not follow")
    (waits,) = two.nodes["USA"].book.inbox(nation="USA", role=Role.SENSOR_MANAGER)
    assert waits.state == Step.RECEIVED


def test_recalling_the_plan_stops_the_next_step():
    two = Two(plan())
    row = said(two.nodes["JPN"].book, "looks-1", Step.RECOMMENDED, "ueda@JPN", two.now_ns, what=looks())
    two.nodes["JPN"].receive(decision_of([row]), two.now_ns)
    recall = says(two.nodes["USA"].book, "plan", Step.RECALLED, "reed@USA", two.now_ns, reason="not today")
    assert recall.refusal is None
    two.pass_on(8)
    steps = [row.step for row in two.nodes["JPN"].book.matters["JPN", "looks-1"].rows]
    assert "executing" not in steps
    assert "received" not in steps
