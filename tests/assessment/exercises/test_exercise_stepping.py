"""How decisions went, by hand: what was late, lapsed, reversed; what became of advice; how long each step took."""

import math
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "command"))
from command_scenes import NS, PEOPLE, SETTINGS, START_NS, alert_of, said, task, threats_of

from noroshi.assessment.exercises.stepping import MEASURES, figures, first_acknowledged_s, stories
from noroshi.command.core import Command
from noroshi.command.rows import decision_of
from noroshi.command.transitions import Step
from noroshi.run.authority import shipped

ADVICE = {"solver": "HiGHS", "objective": 1.0, "bound": 1.0}


class Two:
    """Two nations' nodes that tell each other at once, and all that they told."""

    def __init__(self):
        self.nodes = {nation: Command(nation, PEOPLE, shipped(), SETTINGS) for nation in ("JPN", "USA")}
        self.told = []

    def say(self, stream, step, by, at_s, *, founder="JPN", **more):
        nation, now_ns = by[-3:], START_NS + round(at_s * NS)
        row = said(self.nodes[nation].book, stream, step, by, now_ns, founder=founder, **more)
        self.nodes[nation].receive(decision_of([row]), now_ns)
        self.settle(now_ns)

    def settle(self, now_ns):
        for _ in range(4):
            for home, there in (("USA", "JPN"), ("JPN", "USA")):
                for one in self.nodes[home].take():
                    if one.channel != "said":
                        self.told.append(SimpleNamespace(node=home, record=one.record))
                    if one.channel in ("decision", "said"):
                        self.nodes[there].receive(one.record, now_ns, source=home)

    def wait(self, at_s):
        for node in self.nodes.values():
            node.wake(START_NS + round(at_s * NS))
        self.settle(START_NS + round(at_s * NS))


def played():
    two = Two()
    # Japan asks for a sensor of the United States, by advice, and it is done.
    two.say("a", Step.RECOMMENDED, "ueda@JPN", 0, what=task((), "USA"), advice=ADVICE, reason="why")
    two.say("a", Step.APPROVED, "reed@USA", 20)
    two.say("a", Step.TASKED, "ueda@JPN", 25)
    two.say("a", Step.ACKNOWLEDGED, "hill@USA", 33)
    two.say("a", Step.WILL_COMPLY, "hill@USA", 35)
    two.say("a", Step.EXECUTING, "hill@USA", 40)
    two.say("a", Step.DONE_OK, "hill@USA", 100)
    # Another is refused; one lapses; one at home is approved and recalled.
    two.say("b", Step.RECOMMENDED, "ueda@JPN", 101, what=task((), "USA"), advice=ADVICE, reason="why")
    two.say("b", Step.REJECTED, "reed@USA", 111, reason="no")
    two.say("c", Step.RECOMMENDED, "ueda@JPN", 120, what=task((), "JPN"), reason="why")
    two.say("d", Step.RECOMMENDED, "ueda@JPN", 130, what=task((), "JPN"), advice=ADVICE, reason="why")
    two.say("d", Step.APPROVED, "mori@JPN", 134)
    two.say("d", Step.RECALLED, "mori@JPN", 135, reason="no more")
    for at_s in (1_100, 2_100):
        two.wait(at_s)
    return two.told


def value(found, measure, subject, node="JPN"):
    (one,) = [each for each in found if (each.measure, each.subject, each.node) == (measure, subject, node)]
    return one.value


def test_each_step_of_a_joint_task_and_of_a_national_one():
    found = list(figures(played()))
    joint = {"approved": 20.0, "tasked": 5.0, "received": 0.0, "acknowledged": 8.0, "will_comply": 2.0,
             "executing": 5.0, "done_ok": 60.0, "rejected": 10.0}  # fmt: skip
    assert {step: value(found, "step_s", f"sensor_task joint {step}") for step in joint} == joint
    assert value(found, "need_to_s", "sensor_task joint acknowledged") == 33.0
    assert value(found, "need_to_s", "sensor_task joint done_ok", node="") == 100.0
    assert value(found, "step_s", "sensor_task national approved") == 4.0
    assert not [each for each in found if each.subject == "sensor_task national done_ok"]
    assert {each.measure for each in found} <= set(MEASURES)


def test_what_was_late_lapsed_and_reversed_and_what_became_of_advice():
    found = list(figures(played()))
    counted = {"decisions": 4, "decisions_late": 1, "decisions_lapsed": 1, "decisions_reversed": 1, "advice_given": 3,
               "advice_taken": 2, "advice_changed": 0, "advice_refused": 1, "advice_replaced": 0, "advice_begun": 1,
               "advice_done": 1, "advice_not_done": 0}  # fmt: skip
    assert {name: value(found, name, "sensor_task") for name in counted} == counted


def test_when_a_task_was_first_acknowledged():
    every = stories(played())
    assert [story.stream for story in every] == ["a", "b", "c", "d"]
    assert first_acknowledged_s(every, START_NS - 5 * NS) == 38.0
    assert first_acknowledged_s(every, START_NS + 34 * NS) == math.inf
    assert first_acknowledged_s(every, START_NS, joint=False) == math.inf
    assert first_acknowledged_s(every, START_NS, track="7") == math.inf


def test_an_alert_that_is_replaced_before_anybody_decided_is_not_reversed():
    two = Two()
    now_ns = START_NS
    two.nodes["JPN"].receive(threats_of(), now_ns)
    two.nodes["JPN"].receive(alert_of("JPN-1"), now_ns)
    two.nodes["JPN"].receive(alert_of("JPN-2", message="Update", references=("JPN-1",)), now_ns)
    two.settle(now_ns)
    found = list(figures(two.told))
    assert value(found, "decisions", "alert") == 2
    assert value(found, "decisions_reversed", "alert") == 0
    assert value(found, "advice_given", "alert") == 0
