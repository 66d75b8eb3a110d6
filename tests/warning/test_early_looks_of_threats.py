"""Looks between the others: waits are in seconds however often it is looked, and nothing new begins early."""

from dataclasses import replace

import numpy as np
from test_warner import SEEN_FROM_S, SETTINGS, START_NS, nothing, picture

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.records import Kind
from noroshi.run.areas import areas
from noroshi.warning.core import Warner
from noroshi.warning.rules import Base
from noroshi.warning.threatening import may_threaten


def first_told(settled_s, early_s=None):
    """Return after how long the first area is told, by whom it is looked at so often; when it was to be."""
    warner, until = Warner("JPN", areas(), settings=SETTINGS), 40_000
    for ms in range(0, until, 50):
        is_settled = ms % round(1000 * settled_s) == 0
        if not is_settled and (early_s is None or ms % round(1000 * early_s)):
            continue
        at_s = SEEN_FROM_S + ms / 1000
        now_ns = START_NS + round(at_s * NS_PER_S)
        said = warner.look(picture(at_s), now_ns, is_early=not is_settled)
        if said.proposals:
            return ms / 1000, set(said.proposals[0].code.tolist())
        over_ns = warner.over_ns(now_ns)
        assert over_ns is None or over_ns == START_NS + round((SEEN_FROM_S + SETTINGS.wait_s) * NS_PER_S)
    raise AssertionError("it was never told")


def test_a_wait_is_as_long_however_often_it_is_looked():
    often, codes = first_told(0.1)
    seldom, others = first_told(2.5)
    between, same = first_told(2.5, early_s=0.25)
    assert often == seldom == between == SETTINGS.wait_s
    assert codes == others == same


def test_nothing_begins_early_and_what_is_followed_goes_on():
    warner = Warner("JPN", areas(), settings=SETTINGS)
    now_ns = START_NS + SEEN_FROM_S * NS_PER_S
    assert not len(warner.look(picture(SEEN_FROM_S), now_ns, is_early=True).threats)
    assert not warner.is_following
    warner.look(picture(SEEN_FROM_S), now_ns)
    assert warner.is_following
    at_s = SEEN_FROM_S + 0.3
    said = warner.look(picture(at_s), START_NS + round(at_s * NS_PER_S), is_early=True)
    assert said.threats.updated_ns.tolist() == [START_NS + round(at_s * NS_PER_S)]
    other = warner.look(picture(at_s, number=99), START_NS + round(at_s * NS_PER_S), is_early=True)
    assert other.threats.threat_id.tolist() == [77]


def test_rules_are_asked_at_settled_looks_alone():
    asked = []

    class Rule(Base):
        def look(self, picture, heard_ns, now_ns):
            asked.append(now_ns)
            return []

    warner = Warner("JPN", areas(), settings=SETTINGS, rules=(Rule(name="rule"),))
    warner.look(nothing(), START_NS, is_early=True)
    assert not asked
    warner.look(nothing(), START_NS)
    assert asked == [START_NS]


def test_what_may_threaten():
    for kind, may in ((Kind.BALLISTIC, True), (Kind.GLIDING, True), (Kind.AIRCRAFT, False), (Kind.SPACE, False)):
        assert may_threaten(picture(SEEN_FROM_S, kind=kind)).tolist() == [may]
    slow = picture(SEEN_FROM_S).state_ecef.copy()
    slow[:, :3] *= 6_380_000.0 / np.linalg.norm(slow[:, :3])
    slow[:, 3:] *= 300.0 / np.linalg.norm(slow[:, 3:])
    assert not may_threaten(picture(SEEN_FROM_S, state=slow)).any()
    careful = replace(SETTINGS, energy_height_m=4_000.0)  # 300 m/s at the ground are 4,590 m: v^2 / 2 g
    warner = Warner("JPN", areas(), settings=careful)
    assert warner.may_threaten(picture(SEEN_FROM_S, state=slow)).all()
    node = Node("JPN", sensors={}, tracker=Nothing(), window_ns=0, exchange=Exchanging(), watch=Watching(warner))
    assert node.exchange.may_threaten(picture(SEEN_FROM_S, state=slow)).all()


class Nothing:
    """A tracker that is never asked."""


class Exchanging:
    """Dealings with nobody."""

    may_threaten = staticmethod(may_threaten)


class Watching:
    """A watch that has a warner."""

    def __init__(self, warner):
        self.warner = warner
