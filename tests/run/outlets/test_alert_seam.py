"""What the warning stage proposes can be said, kept and sent as it is: alert, update, cancel, at each stage."""

import dataclasses

import pytest
from alert_scenes import SENT_NS, assert_valid, keys_of

from noroshi.formats import cap
from noroshi.geo.time import NS_PER_S
from noroshi.records import Certainty, Stage
from noroshi.run.alerts.desk import AlertDesk
from noroshi.run.alerts.languages import load_language
from noroshi.run.alerts.shapes import shapes_of
from noroshi.warning.settings import Settings
from noroshi.warning.telling import Concern, Course, Telling

SETTINGS = Settings(wait_s=0.0)  # when is for tests/warning; here it is what


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return keys_of(tmp_path_factory.mktemp("own") / "keys")


@pytest.fixture
def desk(own, tmp_path):
    languages = [load_language("en"), load_language("ja")]
    with AlertDesk(tmp_path / "a.sqlite", own, languages=languages, zone="Asia/Tokyo", shapes_of=shapes_of) as desk:
        yield desk


def at(s, stage, certainty=Certainty.LIKELY, hazard="missile", number=7):
    return Course(
        name=f"{number:x}", threat_id=number, hazard=hazard, stage=stage, certainty=certainty,
        time_ns=SENT_NS + s * NS_PER_S, updated_ns=SENT_NS + s * NS_PER_S,
        is_lost=stage is Stage.TRACK_LOST and hazard == "missile",
    )  # fmt: skip


def concern(code, first_s=300):
    return Concern(
        code, f"area {code}", 0.9, 1_000.0, SENT_NS + first_s * NS_PER_S, SENT_NS + (first_s + 20) * NS_PER_S
    )


def sent(desk, telling, course, *concerns):
    proposal = telling.look(concerns, course, "JPN", SETTINGS)
    assert proposal is not None
    telling.decide(proposal.identifier, proposal)
    kept = desk.approve(proposal)
    assert_valid(kept.message.bodies["cap"])
    return kept


@pytest.mark.parametrize("stage", [Stage.BOOSTING, Stage.BALLISTIC, Stage.GLIDING, Stage.WILL_PASS, Stage.WILL_LAND])
def test_a_missile_is_told_updated_and_over(desk, stage):
    telling = Telling()
    first = sent(desk, telling, at(0, stage), concern("JP-02"))
    second = sent(desk, telling, at(5, stage), concern("JP-02"), concern("JP-01"))
    there = [dataclasses.replace(concern(code), is_there=True) for code in ("JP-01", "JP-02")]
    assert telling.look(there, at(310, stage), "JPN", SETTINGS) is None
    third = sent(desk, telling, at(330, Stage.PASSED, Certainty.OBSERVED))
    assert [kept.alert.message for kept in (first, second, third)] == ["Alert", "Update", "Cancel"]
    assert third.alert.references == (first.alert.identifier, second.alert.identifier)
    assert (
        cap.decode(third.message.bodies["cap"]).infos[0].headline.startswith("EXERCISE: ALL CLEAR: missile has passed")
    )
    assert desk.store.standing(SENT_NS + 331 * NS_PER_S) == []


def test_a_lost_missile_is_told_and_over_without_a_word_of_its_passing(desk):
    telling = Telling()
    sent(desk, telling, at(0, Stage.WILL_PASS), concern("JP-02"))
    lost = dataclasses.replace(at(40, Stage.TRACK_LOST, Certainty.POSSIBLE), updated_ns=SENT_NS)
    second = sent(desk, telling, lost, concern("JP-02"))
    assert (
        "TRACK LOST: Sensors no longer see the missile."
        in cap.decode(second.message.bodies["cap"]).infos[0].description
    )
    third = sent(desk, telling, dataclasses.replace(lost, time_ns=SENT_NS + 400 * NS_PER_S))
    assert third.alert.message == "Cancel"
    assert "OBSERVED" not in cap.decode(third.message.bodies["cap"]).infos[0].description


@pytest.mark.parametrize(
    ("hazard", "stage"),
    [("aircraft", Stage.ENTERING), ("aircraft", Stage.ENTERED), ("ship", Stage.ENTERING), ("sensor", Stage.TRACK_LOST)],
)
def test_what_rules_find_is_told_and_over(desk, hazard, stage):
    telling = Telling()
    sent(desk, telling, at(0, stage, Certainty.OBSERVED, hazard), concern("JP-north sea"))
    telling.look([], at(600, Stage.CLEAR, Certainty.OBSERVED, hazard), "JPN", SETTINGS)
    over = sent(desk, telling, at(621, Stage.CLEAR, Certainty.OBSERVED, hazard))
    assert cap.decode(over.message.bodies["cap"]).infos[0].headline.startswith("EXERCISE: NOTICE ENDS: ")
