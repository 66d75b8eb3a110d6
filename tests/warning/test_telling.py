"""What is told of one threat: areas do not flicker, and a message always names the one it replaces."""

import itertools
from dataclasses import replace

import pytest

from noroshi.formats.columns import pack, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Certainty, Stage, digest
from noroshi.warning.settings import Settings
from noroshi.warning.telling import EXPECTED, PASSED, Concern, Course, Telling

SETTINGS = Settings(probability_on=0.3, probability_off=0.075, wait_s=0.0, hurry_s=0.0)  # as the cases say them
PATIENT = Settings(probability_on=0.3, probability_off=0.075, wait_s=10.0, hurry_s=200.0)
START_S = 1_000
NORTH, SOUTH = "XX-01", "XX-02"


def course(at_s: float, *, updated_s: float | None = None, lost: bool = False, stage: Stage | None = None) -> Course:
    return Course(
        name="7",
        threat_id=7,
        hazard="missile",
        stage=stage or (Stage.TRACK_LOST if lost else Stage.WILL_PASS),
        certainty=Certainty.POSSIBLE if lost else Certainty.LIKELY,
        time_ns=round((START_S + at_s) * NS_PER_S),
        updated_ns=round((START_S + (at_s if updated_s is None else updated_s)) * NS_PER_S),
        is_lost=lost,
    )


def concern(
    code: str, probability: float, first_s: float = 300.0, last_s: float = 320.0, *, there: bool = False
) -> Concern:
    first_ns, last_ns = (round((START_S + s) * NS_PER_S) for s in (first_s, last_s))
    return Concern(code, f"area {code}", probability, 1_000.0, first_ns, last_ns, is_there=there)


def look(telling: Telling, at: Course, *concerns: Concern, settings: Settings = SETTINGS) -> Alert | None:
    return telling.look(concerns, at, "XXX", settings)


def wait(telling: Telling, at: Course, *concerns: Concern) -> Alert | None:
    return look(telling, at, *concerns, settings=PATIENT)


def approve(telling: Telling, alert: Alert | None) -> Alert:
    assert alert is not None
    telling.decide(alert.identifier, alert)
    return alert


def test_what_is_unlikely_is_not_told() -> None:
    telling = Telling()
    assert look(telling, course(0.0), concern(NORTH, SETTINGS.probability_on / 2)) is None
    assert telling.n == 0


def test_alert_update_and_cancel_name_what_they_replace() -> None:
    telling = Telling()
    first = approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    assert (first.message, first.references, first.code.tolist()) == ("Alert", (), [NORTH])
    second = approve(telling, look(telling, course(1.0), concern(NORTH, 0.5), concern(SOUTH, 0.4)))
    assert (second.message, second.references) == ("Update", (first.identifier,))
    assert "area XX-02" in second.reason
    near = concern(SOUTH, 0.3, there=True)
    assert look(telling, course(310.0), concern(NORTH, 0.5, there=True), near) is None
    assert look(telling, course(320.0), concern(NORTH, 0.0), near) is None  # it may not be past yet
    third = approve(telling, look(telling, course(321.0), concern(NORTH, 0.0), near))
    assert third.code.tolist() == [SOUTH]
    cancel = approve(telling, look(telling, course(337.0)))
    assert (cancel.message, cancel.references, cancel.reason) == ("Cancel", (third.identifier,), PASSED)
    assert (cancel.stage, cancel.certainty) == (Stage.PASSED, Certainty.OBSERVED)
    assert cancel.code.tolist() == [SOUTH]  # those who were told last are told that it is over
    assert telling.told is None
    assert len({first.identifier, second.identifier, third.identifier, cancel.identifier}) == 4


def test_an_area_does_not_flicker() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    between = (SETTINGS.probability_on + SETTINGS.probability_off) / 2
    for second in range(1, 120):
        low = 0.0 if second % 10 else between  # it comes back before it was away for long
        assert look(telling, course(second), concern(NORTH, low)) is None
    assert set(telling.warned) == {NORTH}


def test_an_area_that_is_not_concerned_any_more_leaves_after_a_while() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    told = [look(telling, course(second)) for second in range(1, 30)]
    cancels = [alert for alert in told if alert is not None]
    assert [alert.message for alert in cancels] == ["Cancel"]
    assert "no longer expected" in cancels[0].reason
    assert cancels[0].sent_ns == round((START_S + 1 + SETTINGS.hold_s) * NS_PER_S)


def test_passed_is_not_said_without_a_measurement_after_the_passing() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    lost = look(telling, course(60.0, updated_s=45.0, lost=True), concern(NORTH, 0.5))
    assert approve(telling, lost).stage == Stage.TRACK_LOST
    for second in range(61, 320 + round(SETTINGS.clear_s)):
        assert look(telling, course(second, updated_s=45.0, lost=True), concern(NORTH, 0.0)) is None
    over = look(telling, course(321.0 + SETTINGS.clear_s, updated_s=45.0, lost=True), concern(NORTH, 0.0))
    assert over is not None
    assert over.message == "Cancel"
    assert "not observed" in over.reason


def test_passed_is_not_said_of_what_never_came() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.7)))
    assert look(telling, course(304.0), concern(NORTH, 0.7)) is None
    told = [look(telling, course(second), concern(NORTH, 0.05)) for second in range(305, 335)]
    (cancel,) = [alert for alert in told if alert is not None]
    assert (cancel.message, cancel.reason) == ("Cancel", "is no longer expected to come")
    assert cancel.stage != Stage.PASSED
    assert cancel.sent_ns == round((START_S + 305 + SETTINGS.hold_s) * NS_PER_S)


def test_passed_is_not_said_to_those_it_never_came_to_when_others_leave_too() -> None:
    telling = Telling()
    approve(telling, look(telling, course(300.0), concern(NORTH, 0.5), concern(SOUTH, 0.5, there=True)))
    look(telling, course(301.0), concern(NORTH, 0.0), concern(SOUTH, 0.5))
    cancel = look(telling, course(321.0 + SETTINGS.hold_s))
    assert cancel is not None
    assert (cancel.message, cancel.reason) == ("Cancel", "is no longer expected to come")


def test_where_it_was_seen_to_come_down_it_is_over_at_once() -> None:
    telling, landed = Telling(), Stage.LANDED
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    assert look(telling, course(320.0, updated_s=299.0, lost=True, stage=landed), concern(NORTH, 0.5)) is None
    cancel = look(telling, course(321.0, updated_s=299.0, lost=True, stage=landed))
    assert cancel is not None
    assert (cancel.message, cancel.stage, cancel.reason) == ("Cancel", Stage.LANDED, "was followed until it came down")


def test_that_it_may_still_come_is_not_told_when_it_is_down() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    for second in range(321, 320 + round(SETTINGS.clear_s)):
        assert look(telling, course(second, updated_s=300.0, lost=True)) is None
    over = look(telling, course(321.0 + SETTINGS.clear_s, updated_s=300.0, lost=True))
    assert over is not None
    assert over.message == "Cancel"
    late = Telling()
    first = approve(late, look(late, course(0.0), concern(NORTH, 0.5)))
    lost = look(late, course(319.0, updated_s=298.0, lost=True), concern(NORTH, 0.5))
    assert lost is not None
    assert (lost.message, lost.stage) == ("Update", Stage.TRACK_LOST)
    assert look(late, course(321.0, updated_s=298.0, lost=True)) is None
    assert (late.pending, late.withdrawn, late.told) == (None, [lost.identifier], first)


def test_people_are_told_when_it_is_down_where_it_comes_down() -> None:
    telling, at_ns = Telling(), round((START_S + 390.0) * NS_PER_S)
    down = replace(concern(NORTH, 0.9, 300.0, 400.0), impact_ns=at_ns)
    alert = approve(telling, look(telling, course(0.0), down, concern(SOUTH, 0.9, 310.0, 330.0)))
    assert ((alert.arrival_ns / NS_PER_S) - START_S).tolist() == [390.0, 310.0]
    assert ((alert.arrival_latest_ns / NS_PER_S) - START_S).tolist() == [400.0, 330.0]
    assert look(telling, course(SETTINGS.again_s), down, concern(SOUTH, 0.9, 310.0, 330.0)) is None


def test_a_track_that_is_seen_again_is_said() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    approve(telling, look(telling, course(60.0, updated_s=45.0, lost=True), concern(NORTH, 0.5)))
    again = look(telling, course(61.0), concern(NORTH, 0.5))
    assert again is not None
    assert again.reason == "is seen again"


def test_what_a_person_refused_is_not_proposed_again_but_what_is_new_is() -> None:
    telling = Telling()
    first = look(telling, course(0.0), concern(NORTH, 0.5))
    assert first is not None
    telling.decide(first.identifier, None)
    for second in range(1, 60):
        assert look(telling, course(second), concern(NORTH, 0.5)) is None
    second_one = look(telling, course(60.0), concern(NORTH, 0.5), concern(SOUTH, 0.5))
    assert second_one is not None
    assert (second_one.message, second_one.references) == ("Alert", ())  # nobody was told of the first


def test_what_nobody_answered_in_time_is_proposed_again() -> None:
    telling = Telling()
    first = look(telling, course(0.0), concern(NORTH, 0.5))
    assert first is not None
    telling.decide(first.identifier, None, has_lapsed=True)
    again = look(telling, course(120.0), concern(NORTH, 0.5))
    assert again is not None
    assert (again.message, again.code.tolist()) == ("Alert", [NORTH])
    assert again.identifier != first.identifier


def test_a_proposal_that_may_not_be_approved_any_more_is_renewed() -> None:
    telling = Telling()
    assert telling.renew("it moved", course(0.0), "XXX", SETTINGS) is None  # nothing waits
    first = look(telling, course(0.0), concern(NORTH, 0.5))
    assert first is not None
    again = telling.renew("it moved", course(9.0), "XXX", SETTINGS)
    assert again is not None
    assert (again.message, again.reason, again.code.tolist()) == ("Alert", "it moved", [NORTH])
    assert telling.withdrawn == [first.identifier]
    approve(telling, again)
    look(telling, course(10.0), concern(NORTH, 0.5), concern(SOUTH, 0.5))
    update = telling.renew("it moved", course(20.0), "XXX", SETTINGS)
    assert update is not None
    assert (update.message, update.references) == ("Update", (again.identifier,))
    assert telling.renew("it moved", course(30.0, stage=Stage.PASSED), "XXX", SETTINGS) is None


def test_a_proposal_that_nobody_decided_is_replaced_and_withdrawn() -> None:
    telling = Telling()
    first = look(telling, course(0.0), concern(NORTH, 0.5))
    second = look(telling, course(1.0), concern(NORTH, 0.5), concern(SOUTH, 0.5))
    assert first is not None
    assert second is not None
    assert (second.message, second.references) == ("Alert", ())
    assert telling.withdrawn == [first.identifier]
    assert [look(telling, course(second)) for second in range(2, 40)] == [None] * 38
    assert telling.withdrawn == [first.identifier, second.identifier]
    assert telling.pending is None


def test_an_arrival_that_moves_is_told_but_not_too_often() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    assert look(telling, course(2.0), concern(NORTH, 0.5, 350.0, 370.0)) is None
    assert look(telling, course(SETTINGS.again_s - 1.0), concern(NORTH, 0.5, 350.0, 370.0)) is None
    update = look(telling, course(SETTINGS.again_s), concern(NORTH, 0.5, 350.0, 370.0))
    assert update is not None
    assert update.reason == "the time has changed"


def test_where_it_comes_down_and_a_moments_other_time_replace_no_proposal() -> None:
    telling = Telling()
    first = look(telling, course(0.0), concern(NORTH, 0.5))
    for second in range(1, 60):  # past the tolerance for less than it takes
        late = 40.0 if second % 8 < SETTINGS.doubt_s else 0.0
        assert look(telling, course(second), concern(NORTH, 0.5, 300.0 + late, 320.0 + late)) is None
    assert telling.pending is first


def test_what_waits_stands_for_a_moment_unless_areas_come_to_it() -> None:
    telling = Telling()
    look(telling, course(0.0), concern(NORTH, 0.5))
    assert look(telling, course(1.0, lost=True, updated_s=0.0), concern(NORTH, 0.5)) is None
    more = look(telling, course(2.0), concern(NORTH, 0.5), concern(SOUTH, 0.5))
    assert more is not None
    stands_s = 2.0 + SETTINGS.stands_s
    both = concern(NORTH, 0.5), concern(SOUTH, 0.5)
    assert look(telling, course(stands_s - 0.1, lost=True, updated_s=0.0), *both) is None
    lost = look(telling, course(stands_s, lost=True, updated_s=0.0), *both)
    assert lost is not None
    assert lost.reason == "is not seen any more"


def test_how_long_a_time_has_been_another_is_remembered() -> None:
    whole, first = Telling(), Telling()
    late = concern(NORTH, 0.5, 350.0, 370.0)
    for telling in (whole, first):
        approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
        look(telling, course(20.0), late)
    again = Telling.of(first.memory(pack), unpack)
    for second in (21.0, 20.0 + SETTINGS.doubt_s):
        one, other = look(whole, course(second), late), look(again, course(second), late)
        assert (one is None) == (other is None) == (second == 21.0)


def test_memory_goes_on_as_if_nothing_had_been() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    look(telling, course(1.0), concern(NORTH, 0.5, there=True), concern(SOUTH, 0.4))
    again = Telling.of(telling.memory(pack), unpack)
    one = look(telling, course(321.0), concern(SOUTH, 0.4))
    other = look(again, course(321.0), concern(SOUTH, 0.4))
    assert one is not None
    assert other is not None
    assert digest(one) == digest(other)


def test_an_area_is_proposed_once_it_has_stayed_likely() -> None:
    telling = Telling()
    assert [wait(telling, course(s), concern(NORTH, 0.5)) for s in (0.0, 4.0, 9.9)] == [None] * 3
    assert telling.warned == {}
    proposed = wait(telling, course(10.0), concern(NORTH, 0.5))
    assert proposed is not None
    assert (proposed.message, proposed.code.tolist()) == ("Alert", [NORTH])
    assert telling.likely_since_ns == {}


@pytest.mark.parametrize(("low", "for_s", "told_s"), [(0.29, 5, 10), (0.1, 3, 10), (0.1, 7, None), (0.0, 5, None)])
def test_a_wait_outlasts_a_doubt_that_is_less_than_what_spoke_for_it(
    low: float, for_s: int, told_s: int | None
) -> None:
    telling, told = Telling(), []
    for second in range(13):  # likely by 0.2 more than enough for 4 s: 0.8 s of doubt that is whole
        in_doubt = 4 <= second < 4 + for_s
        told += [second] * (wait(telling, course(second), concern(NORTH, low if in_doubt else 0.5)) is not None)
    assert told == ([told_s] if told_s else [])


@pytest.mark.parametrize("every_s", [0.25, 1.0, 2.5, 5.0])
@pytest.mark.parametrize(("low", "told_s"), [(0.2, 10.0), (0.05, 20.0)])
def test_a_wait_is_the_same_however_often_it_is_looked(every_s: float, low: float, told_s: float) -> None:
    telling, second = Telling(), 0.0
    while wait(telling, course(second), concern(NORTH, low if 5.0 <= second < 10.0 else 0.5)) is None:
        second += every_s
    assert second == told_s


def test_nobody_waits_whom_it_would_cost_their_time_but_for_a_second_look() -> None:
    telling = Telling()
    near, far = concern(NORTH, 0.5, first_s=200.0), concern(SOUTH, 0.5, first_s=260.0)
    assert [wait(telling, course(second), near, far) for second in (0.0, 1.0)] == [None, None]
    told = wait(telling, course(2.0), near, far)
    assert told is not None
    assert told.code.tolist() == [NORTH]  # the other one has time to wait
    fluke = Telling()
    assert [wait(fluke, course(k), *([near] if k == 3 else [])) for k in range(9)] == [None] * 9


def test_what_flaps_about_the_threshold_is_proposed_at_the_latest_when_it_is_near() -> None:
    telling, told = Telling(), []
    for second in range(200):
        alert = wait(telling, course(second), concern(NORTH, 0.35 if second % 12 < 6 else 0.1))
        told += [] if alert is None else [(second, alert.message)]
    assert told == [(101, "Alert")]  # 300 s - 200 s, and likely at that moment


def test_a_wait_neither_updates_nor_ends_what_is_told() -> None:
    telling = Telling()
    north, south = concern(NORTH, 0.5, 900.0, 920.0), concern(SOUTH, 0.5, 900.0, 920.0)
    wait(telling, course(0.0), north)
    first = approve(telling, wait(telling, course(10.0), north))
    for second in range(11, 102):  # the south comes and goes too quickly; the north stays told
        assert wait(telling, course(second), north, *([south] if second % 9 > 5 else [])) is None
    found = [wait(telling, course(second), north, south) for second in range(102, 113)]
    (update,) = [alert for alert in found if alert is not None]
    assert update.references == (first.identifier,)
    assert update.sent_ns == round((START_S + 112) * NS_PER_S)


def test_who_is_told_still_does_not_wait_when_it_comes_back_before_the_all_clear_is_approved() -> None:
    telling = Telling()
    wait(telling, course(0.0), concern(NORTH, 0.5))
    approve(telling, wait(telling, course(10.0), concern(NORTH, 0.5)))
    ends = [wait(telling, course(second)) for second in range(11, 40)]
    (cancel,) = [alert for alert in ends if alert is not None]
    assert cancel.message == "Cancel"
    again = wait(telling, course(40.0), concern(NORTH, 0.5))
    assert again is not None
    assert (again.message, again.reason) == ("Update", "may come after all")
    assert telling.withdrawn == [cancel.identifier]


def test_who_was_told_that_it_is_over_waits_again() -> None:
    telling = Telling()
    wait(telling, course(0.0), concern(NORTH, 0.5))
    approve(telling, wait(telling, course(10.0), concern(NORTH, 0.5)))
    (cancel,) = [alert for alert in (wait(telling, course(second)) for second in range(11, 40)) if alert is not None]
    approve(telling, cancel)
    assert [wait(telling, course(second), concern(NORTH, 0.5)) for second in range(40, 50)] == [None] * 10
    again = wait(telling, course(50.0), concern(NORTH, 0.5))
    assert again is not None
    assert (again.message, again.references) == ("Alert", ())


def test_a_wait_goes_on_over_a_restart() -> None:
    whole, first = Telling(), Telling()
    for telling in (whole, first):
        wait(telling, course(0.0), concern(NORTH, 0.5))
        wait(telling, course(4.0), concern(NORTH, 0.5), concern(SOUTH, 0.5))
    again = Telling.of(first.memory(pack), unpack)
    for second in (9.0, 10.0, 14.0):
        one, other = (wait(each, course(second), concern(NORTH, 0.5), concern(SOUTH, 0.5)) for each in (whole, again))
        assert (one is None) == (other is None) == (second == 9.0)
        if one is not None and other is not None:
            assert digest(one) == digest(other)
    assert whole.memory(pack) == again.memory(pack)


def test_the_order_of_areas_does_not_matter() -> None:
    codes = [NORTH, SOUTH, "XX-03"]
    found = set()
    for order in itertools.permutations(codes):
        telling = Telling()
        for second in (0.0, 3.0, 10.0, 13.0):
            seen = [concern(code, 0.5) for code in order if code != SOUTH or second >= 3.0]
            alert = wait(telling, course(second), *seen)
        assert alert is not None
        found.add(digest(alert))
    assert len(found) == 1


def test_what_turns_out_to_be_the_same_threat_is_taken_over_and_nobody_waits_anew() -> None:
    one, other = Telling(), Telling()
    first = approve(one, look(one, course(0.0), concern(NORTH, 0.5)))
    wait(other, course(3.0), concern(SOUTH, 0.5))
    third = concern("XX-03", 0.5)
    wait(other, course(5.0), concern(SOUTH, 0.5), third)
    proposed = wait(other, course(13.0), concern(SOUTH, 0.5), third)
    assert proposed is not None
    assert proposed.code.tolist() == [SOUTH]
    one.absorb(other)
    assert one.withdrawn == [proposed.identifier]
    both = [concern(NORTH, 0.5), concern(SOUTH, 0.5)]
    update = wait(one, course(14.0), *both, third)
    assert update is not None
    assert (update.references, update.code.tolist()) == ((first.identifier,), [NORTH, SOUTH])
    more = [each for second in (14.9, 15.0) if (each := wait(one, course(second), *both, third)) is not None]
    assert [each.code.tolist() for each in more] == [[NORTH, SOUTH, "XX-03"]]
    assert more[0].sent_ns == round((START_S + 15.0) * NS_PER_S)


def test_nobody_is_told_that_it_is_over_where_another_threat_is_expected() -> None:
    """It is said of both when the last is over."""
    one, other, there = Telling(), Telling(), concern(NORTH, 0.9, 480.0, 500.0, there=True)
    approve(one, look(one, course(0.0), concern(NORTH, 0.5, 280.0, 300.0, there=True)))
    approve(other, look(other, course(5.0), there))
    for second in range(301, 500):
        at = replace(course(second), elsewhere=other.expected_no_more_since_ns)
        assert look(one, at) is None
        assert look(other, replace(course(second), elsewhere=one.expected_no_more_since_ns), there) is None
    assert (
        look(other, replace(course(501.0), elsewhere=one.expected_no_more_since_ns)) is None
    )  # the first has not been told yet
    for telling, before in ((one, other), (other, one)):
        cancel = look(telling, replace(course(502.0), elsewhere=before.expected_no_more_since_ns))
        assert cancel is not None
        assert (cancel.message, cancel.reason) == ("Cancel", PASSED)


def test_an_all_clear_that_waits_is_taken_back_when_another_threat_is_expected_there() -> None:
    telling, there = Telling(), concern(NORTH, 0.5, there=True)
    first = approve(telling, look(telling, course(0.0), there))
    cancel = look(telling, course(321.0))
    assert cancel is not None
    assert look(telling, replace(course(322.0), elsewhere={NORTH: EXPECTED})) is None
    assert (telling.pending, telling.withdrawn, telling.told) == (None, [cancel.identifier], first)
    again = look(telling, course(400.0))
    assert again is not None
    assert (again.message, again.reason, again.stage) == ("Cancel", PASSED, Stage.PASSED)


def test_an_update_of_what_is_over_is_not_left_to_be_approved_while_another_threat_is_expected() -> None:
    telling = Telling()
    first = approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    more = look(telling, course(300.0), concern(NORTH, 0.5), concern(SOUTH, 0.5))
    assert more is not None
    telling.warned.clear()
    assert look(telling, replace(course(330.0), elsewhere={NORTH: EXPECTED})) is None
    assert (telling.pending, telling.withdrawn, telling.told) == (None, [more.identifier], first)


def test_what_waits_for_another_threat_to_be_over_is_remembered() -> None:
    telling = Telling()
    approve(telling, look(telling, course(0.0), concern(NORTH, 0.5)))
    telling.warned.clear()
    assert look(telling, replace(course(310.0), elsewhere={NORTH: EXPECTED})) is None
    telling = Telling.of(telling.memory(pack), unpack)
    assert telling.waits
    cancel = look(telling, course(320.0))
    assert cancel is not None
    assert cancel.message == "Cancel"


def test_what_nobody_was_told_leaves_the_proposal_soon() -> None:
    """A capital that was likely for seconds under thrust is not told once the machine has known better for a while."""
    telling = Telling()
    first = look(telling, course(0.0), concern(NORTH, 0.5), concern(SOUTH, 0.9))
    assert first is not None
    for second in (1.0, 2.0):  # a look that says otherwise takes nothing back
        assert look(telling, course(second), concern(NORTH, 0.5), concern(SOUTH, 0.01)) is None
    assert look(telling, course(3.0), concern(NORTH, 0.5), concern(SOUTH, 0.9)) is None
    assert look(telling, course(4.0), concern(NORTH, 0.5), concern(SOUTH, 0.01)) is None
    second = look(telling, course(4.0 + SETTINGS.doubt_s), concern(NORTH, 0.5), concern(SOUTH, 0.01))
    assert second is not None
    assert (second.message, second.code.tolist()) == ("Alert", [NORTH])
    assert telling.withdrawn == [first.identifier]


def test_a_glance_is_of_two_measurements() -> None:
    """However often it is looked: what one measurement says near is not told before another bears it out."""
    telling = Telling()
    near = concern(NORTH, 0.9, 60.0, 80.0)
    for second in range(8):
        assert wait(telling, course(second, updated_s=0.0), near) is None
    assert wait(telling, course(8.0, updated_s=7.5), near) is not None


def test_what_turns_out_to_be_no_threat_leaves_the_proposal_at_once() -> None:
    telling = Telling()
    first = look(telling, course(0.0), concern(NORTH, 0.9))
    assert first is not None
    assert look(telling, replace(course(1.0), is_none=True)) is None
    assert telling.pending is None
    assert telling.withdrawn == [first.identifier]


def test_an_area_that_waits_to_be_told_is_expected_still() -> None:
    telling = Telling()
    assert wait(telling, course(0.0), concern(NORTH, 0.9)) is None
    assert telling.expected_no_more_since_ns == {NORTH: EXPECTED}


def test_what_was_seen_to_land_leaves_where_an_old_time_would_hold_it() -> None:
    for is_down in (False, True):
        telling = Telling()
        approve(telling, look(telling, course(0.0), concern(NORTH, 0.9, last_s=500.0)))
        at = replace(course(400.0, updated_s=390.0, lost=True, stage=Stage.LANDED), is_down=is_down)
        over = look(telling, at)
        assert (over is not None) is is_down
