"""What a replayed launch is judged to have told whom when: also who was told that it is over, and who had heard."""

import io

import numpy as np
import pytest
from rich.console import Console

from noroshi.exercise.events import flights_of_event
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Certainty, Stage
from noroshi.run.events import load_event
from noroshi.run.exercises.staging import cast
from noroshi.run.scenarios import read_scenario
from noroshi.run.warn.replaying import judged
from noroshi.run.warn.stands import scenario_of
from noroshi.run.warn.telling import figures, show

EVENT = load_event("2017-09-15")
NORTH, AOMORI, FAR = "JP-01", "JP-02", "JP-13"


def alert(at_s, codes, message="Alert"):
    at_ns, n = EVENT.launch_ns + round(at_s * NS_PER_S), len(codes)
    return ("JPN", at_ns, "alert", Alert(
        identifier=f"JPN-{at_s}", sender="JPN", status="Exercise", message=message,
        references=() if message == "Alert" else ("JPN-0",), hazard="missile", threat_id=7, stage=int(Stage.WILL_PASS),
        certainty=int(Certainty.LIKELY), sent_ns=at_ns, expires_ns=at_ns + 1_000 * NS_PER_S, picture_ns=at_ns,
        reason="",
        code=np.array(codes), name=np.array(codes), probability=np.ones(n), people=np.ones(n),
        arrival_ns=np.full(n, at_ns), arrival_latest_ns=np.full(n, at_ns),
    ))  # fmt: skip


def test_the_flight_that_is_judged_by_is_the_one_that_was_flown(tmp_path):
    scenario = read_scenario(scenario_of(EVENT, "shared", tmp_path, seed=3, replicate=2))
    flown, judged_by = cast(scenario, 2).world.flight(EVENT.name), flights_of_event(EVENT, 3, 2)[0]
    at_ns = EVENT.launch_ns + np.arange(100, 1_000, 100) * NS_PER_S
    np.testing.assert_allclose(flown.at(at_ns), judged_by.at(at_ns), rtol=0.0, atol=1.0)


@pytest.fixture(scope="module")
def replayed():
    told = [
        alert(60.0, [NORTH, FAR]), alert(100.0, [NORTH, AOMORI], "Update"), alert(700.0, [NORTH, AOMORI], "Cancel"),
    ]  # fmt: skip
    return judged(EVENT, "shared", told, 1, 0)


def test_who_was_told_that_it_is_over(replayed):
    assert replayed.told_s == {NORTH: 60.0, FAR: 60.0, AOMORI: 100.0}
    assert replayed.over_s == {FAR: 100.0, NORTH: 700.0, AOMORI: 700.0}  # the update left Tokyo out
    assert replayed.clocks.cleared_s == 700.0


def test_who_is_told_again_is_not_told_that_it_is_over():
    told = [alert(60.0, [NORTH, FAR]), alert(70.0, [NORTH], "Update"), alert(80.0, [NORTH, FAR], "Update")]
    assert judged(EVENT, "shared", told, 1, 0).over_s == {}


def test_people_are_reached_after_they_are_told(replayed):
    first, half, most = replayed.heard_s
    assert 60.0 <= first <= half <= most <= 100.0 + 300.0
    assert 0.5 * replayed.people_told < replayed.people_heard < 0.7 * replayed.people_told  # 63.4 % of those asked knew
    assert NORTH in replayed.heard_share
    assert all(0.5 < share < 0.7 for share in replayed.heard_share.values())  # ten minutes are enough for who hears


def test_nobody_has_heard_who_was_told_too_late_or_never():
    late = judged(EVENT, "shared", [alert(1_200.0, [NORTH])], 1, 0)
    assert late.heard_share[NORTH] == 0.0
    never = judged(EVENT, "shared", [], 1, 0)
    assert (never.people_heard, never.heard_s, never.heard_share[NORTH]) == (0.0, (), 0.0)


def test_the_delays_of_the_last_mile_are_said(replayed):
    told = figures(EVENT, [replayed])
    assert [one["channel"] for one in told["last_mile"]] == ["telephones", "loudspeakers", "broadcast"]
    assert told["replays"]["shared"]["heard_s"] == list(replayed.heard_s)


@pytest.mark.parametrize(("told", "is_shown"), [(None, False), ((), True)])
def test_of_that_day_nothing_is_shown_where_nothing_is_known(replayed, told, is_shown):
    event = EVENT.model_copy(update={"told": told})
    console = Console(width=120, record=True, file=io.StringIO())
    show(event, [replayed], console)
    assert ("┃ that day" in console.export_text()) == is_shown
    assert ("that_day" in figures(event, [replayed])) == is_shown
