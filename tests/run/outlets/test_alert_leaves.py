"""Whether alerts may go to another nation's people: as the rules say when they are sent, and nothing beside them."""

from types import SimpleNamespace

import pytest
from alert_scenes import SENT_NS, alert_of
from sharing_scenes import SECRET, policy_of

from noroshi.run.alerts.releasing import leaves
from noroshi.sharing.label import ALL_PARTNERS, Label
from noroshi.sharing.release import Secrets

TO_USA = (
    '[[rules]]\nrule = "warnings"\nto = ["USA"]\nproducts = ["warning"]\nexercises = ["SPRING-30"]\nthen = "pass"\n'
)
LATE = TO_USA + "[rules.delay]\nseconds = 30\n"
OUTLETS = ({"type": "file"}, {"type": "http_post", "viewer": "JPN"}, {"type": "file", "name": "usa", "viewer": "USA"},
           {"type": "file", "name": "aus", "viewer": "AUS"})  # fmt: skip


def node_of(rules, label=None):
    label = label or Label(originator="JPN", releasable_to=(ALL_PARTNERS,))
    return SimpleNamespace(exchange=SimpleNamespace(policy=policy_of(rules), label=label, secrets=Secrets(SECRET)))


def told(node, exercise="SPRING-30"):
    found = leaves(OUTLETS, "JPN", node, exercise=exercise)
    return {name: leave(alert_of(), SENT_NS + 5) for name, leave in found.items()}


def test_the_own_nation_is_asked_no_rule_and_others_are():
    assert told(node_of(TO_USA)) == {"usa": SENT_NS + 5, "aus": None}


def test_what_rules_delay_waits():
    assert told(node_of(LATE))["usa"] == SENT_NS + 30 * 10**9


@pytest.mark.parametrize(
    "node",
    [
        node_of(""),
        node_of(TO_USA.replace('"pass"', '"drop"')),
        node_of(TO_USA.replace('"warning"', '"status"')),
        node_of(TO_USA, Label(originator="JPN")),
        node_of(TO_USA, Label(originator="JPN", releasable_to=("AUS",))),
        SimpleNamespace(exchange=None),
    ],
)
def test_what_no_rule_gives_goes_to_nobody(node):
    assert told(node) == {"usa": None, "aus": None}


def test_rules_of_another_exercise_give_nothing():
    assert told(node_of(TO_USA), exercise="AUTUMN-30") == {"usa": None, "aus": None}


def test_rules_that_are_tightened_hold_for_what_waits():
    node = node_of(TO_USA)
    leave = leaves(OUTLETS, "JPN", node, exercise="SPRING-30")["usa"]
    assert leave(alert_of(), SENT_NS) == SENT_NS
    node.exchange.policy = policy_of("")
    assert leave(alert_of(), SENT_NS) is None
