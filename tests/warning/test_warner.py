"""The fold from pictures to proposals, on flights of the simulated world with ideal tracks of known covariance."""

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from pyproj import Geod

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.formats.columns import pack, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.records import Certainty, Identity, Kind, Stage, Tracks, TrackStatus, certain_kind, digest
from noroshi.run.areas import areas
from noroshi.warning import falling, ways
from noroshi.warning.core import Warner
from noroshi.warning.exposure import exposed
from noroshi.warning.forecast import Forecast, ending
from noroshi.warning.foresee import N_ROUGH
from noroshi.warning.settings import Settings
from noroshi.warning.telling import Concern

GEOD = Geod(ellps="WGS84")
START_NS = 1_893_456_000 * NS_PER_S
SETTINGS = Settings(countries=("JP",))
SEEN_FROM_S, LOOK_S = 160, 2


@cache
def flight():
    """A flight from the open Pacific over Honshu into the Sea of Japan: threat-1 of the trilateral scenario."""
    mover = Mover(lat_deg=27.6, lon_deg=148.6, bearing_deg=326.0, range_km=1700.0, apogee_km=420.0)
    return mover.fly("threat", START_NS, START_NS + 1_200 * NS_PER_S, Draws(1, 0, "threat"))[0]


def picture(at_s, *, updated_s=None, kind=Kind.BALLISTIC, state=None, number=77, sigma=(200.0, 3.0)):
    time_ns = START_NS + round(at_s * NS_PER_S)
    state = flight().at(np.array([time_ns]))[:, :6] if state is None else state
    spread = np.diag([*[sigma[0] ** 2] * 3, *[sigma[1] ** 2] * 3])
    return Tracks(
        node="JPN",
        source_names=("JPN",),
        track_id=np.array([number], np.uint64),
        time_ns=np.array([time_ns]),
        updated_ns=np.array([START_NS + round((at_s if updated_s is None else updated_s) * NS_PER_S)]),
        revision=np.zeros(1, np.int32),
        state_ecef=state,
        covariance_ecef=spread[None],
        existence=np.ones(1),
        kind_probability=certain_kind(int(kind), 1),
        status=np.array([TrackStatus.FIRM], np.uint8),
        sources=np.ones((1, 1), np.bool_),
        identity=Identity.absent(1),
    )


def nothing():
    full = picture(200.0)
    return Tracks(
        **{name: getattr(full, name)[:0] for name in Tracks.COLUMNS}, node="JPN", source_names=("JPN",),
        identity=Identity.absent(0),
    )  # fmt: skip


def watched(pictures, warner=None, *, approves=True):
    """Let a warner look at pictures by their times; return its proposals by time, and stages in order."""
    warner = warner or Warner("JPN", areas(), settings=SETTINGS)
    proposals, stages = [], []
    for at_s, seen in pictures:
        said = warner.look(seen, START_NS + round(at_s * NS_PER_S))
        for proposal in said.proposals:
            proposals.append((at_s, proposal))
            if approves:
                warner.decide(proposal, proposal)
        stages += [Stage(stage) for stage in said.threats.stage.tolist() if [Stage(stage)] != stages[-1:]]
    return proposals, stages


@cache
def truth():
    """Whom the flight truly comes near to and when, by the codes of areas."""
    times_ns = np.arange(START_NS, int(flight().time_ns[-1]), 5 * NS_PER_S)
    way = Forecast(
        time_ns=times_ns, position_ecef_m=flight().at(times_ns)[None, :, :3], end_ns=times_ns[-1:],
        lands=np.ones(1, np.bool_), weight=np.ones(1),
    )  # fmt: skip
    told = exposed(way, areas(), SETTINGS.near_m).areas
    return {
        code: (arrival_ns - START_NS) / NS_PER_S
        for code, arrival_ns, p in zip(areas().code.tolist(), told.arrival_ns, told.probability, strict=True)
        if p > 0.0 and code.startswith("JP-")
    }


@cache
def near_until_s():
    """Until when the flight is truly near each area in Japan that it comes near to, by code."""
    times_ns = np.arange(START_NS + 400 * NS_PER_S, int(flight().time_ns[-1]), 2 * NS_PER_S)
    found = {}
    for first in range(len(times_ns) - 1):
        rest = times_ns[first:]
        way = Forecast(
            time_ns=rest, position_ecef_m=flight().at(rest)[None, :, :3], end_ns=rest[-1:],
            lands=np.ones(1, np.bool_), weight=np.ones(1),
        )  # fmt: skip
        near = exposed(way, areas(), SETTINGS.near_m).areas.probability > 0.0
        codes = [code for code in areas().code[near].tolist() if code.startswith("JP-")]
        if not codes:
            return found
        found |= dict.fromkeys(codes, (int(rest[1]) - START_NS) / NS_PER_S)
    raise AssertionError("it stays near")


def seen(first_s, last_s, until_s=1_000):
    """Pictures every two seconds; the threat is in them from first to last."""
    return [
        (at_s, picture(at_s) if first_s <= at_s <= last_s else nothing()) for at_s in range(first_s, until_s, LOOK_S)
    ]


def test_who_is_concerned_is_told_and_that_it_has_passed_as_observed():
    proposals, stages = watched(seen(SEEN_FROM_S, 700))
    first_s, first = proposals[0]
    assert first_s == SEEN_FROM_S + LOOK_S * math.ceil(SETTINGS.wait_s / LOOK_S)  # likely at once, and it stays so
    assert (first.message, first.status, first.stage) == ("Alert", "Exercise", Stage.WILL_PASS)
    told = {code for _, alert in proposals if alert.message != "Cancel" for code in alert.code.tolist()}
    assert set(truth()) <= told
    assert len(told) <= len(truth()) + 3  # and few others
    arrivals = dict(zip(first.code.tolist(), (first.arrival_ns - START_NS) / NS_PER_S, strict=True))
    for code, at_s in truth().items():
        assert arrivals[code] == pytest.approx(at_s, abs=20.0)
    over_s, over = proposals[-1]
    assert (over.message, over.stage, over.certainty) == ("Cancel", Stage.PASSED, Certainty.OBSERVED)
    assert -10.0 <= over_s - max(near_until_s().values()) < 30.0  # how long a forecast holds
    assert Stage.PASSED in stages
    known = {alert.identifier for _, alert in proposals}
    assert all(set(alert.references) <= known for _, alert in proposals)


def test_areas_that_an_update_leaves_out_are_told_so_soon_after_the_passing():
    proposals, _ = watched(seen(SEEN_FROM_S, 700))
    in_force, left_s = set(), {}
    for at_s, alert in proposals:
        now = set() if alert.message == "Cancel" else set(alert.code.tolist())
        left_s |= dict.fromkeys(in_force - now, at_s)
        in_force = now
    assert len(set(left_s.values())) > 1  # by updates, before the cancel
    for code, until_s in near_until_s().items():
        assert -10.0 <= left_s[code] - until_s < 30.0  # how long a forecast holds


def test_what_was_lost_is_never_said_to_have_passed():
    proposals, stages = watched(seen(SEEN_FROM_S, 240))
    assert not {Stage.PASSED, Stage.LANDED} & set(stages)
    lost_s, lost = next(each for each in proposals if each[1].stage == Stage.TRACK_LOST)
    assert (lost.message, lost.stage, lost.certainty) == ("Update", Stage.TRACK_LOST, Certainty.POSSIBLE)
    assert lost_s <= 240 + SETTINGS.lost_s + 2 * LOOK_S
    over_s, over = proposals[-1]
    assert (over.message, over.stage) == ("Cancel", Stage.TRACK_LOST)
    assert "not observed" in over.reason
    assert over_s > max(truth().values()) + SETTINGS.clear_s


def test_a_track_that_breaks_is_the_same_threat():
    pictures = [
        (at_s, nothing() if 200 < at_s < 206 else picture(at_s, number=77 if at_s <= 200 else 99))
        for at_s in range(SEEN_FROM_S, 300, LOOK_S)
    ]
    warner = Warner("JPN", areas(), settings=SETTINGS)
    proposals, _ = watched(pictures, warner)
    assert warner.followed == {77: 99}
    assert {alert.threat_id for _, alert in proposals} == {77}
    assert [alert.message for _, alert in proposals].count("Alert") == 1


def test_what_was_told_of_and_lost_for_long_is_found_again_as_the_same_threat():
    lost_s, found_s = 220, 380
    pictures = [
        (at_s, nothing() if lost_s < at_s < found_s else picture(at_s, number=77 if at_s <= lost_s else 99))
        for at_s in range(SEEN_FROM_S, 800, LOOK_S)
    ]
    warner = Warner("JPN", areas(), settings=SETTINGS)
    proposals, _ = watched(pictures, warner)
    assert {alert.threat_id for _, alert in proposals} == {77}
    assert [alert.message for _, alert in proposals].count("Alert") == 1
    assert any(alert.reason == "is seen again" for _, alert in proposals)


def test_if_it_was_another_those_who_were_told_of_the_lost_one_stay_so():
    lost_s, found_s = 220, 380
    veered = flight().at(np.array([START_NS + found_s * NS_PER_S]))[:, :6].copy()
    up = veered[0, :3] / np.linalg.norm(veered[0, :3])
    veered[0, 3:] = 4_000.0 * np.cross([0.0, 0.0, 1.0], up) + 500.0 * up  # eastwards over the Pacific
    warner = Warner("JPN", areas(), settings=SETTINGS)
    proposals, _ = watched(seen(SEEN_FROM_S, lost_s, found_s), warner)
    lost = proposals[-1][1]
    latest_s = dict(zip(lost.code.tolist(), (lost.arrival_latest_ns - START_NS) / NS_PER_S, strict=True))
    goes = [(at_s, picture(at_s, state=_fallen(veered, at_s - found_s), number=99)) for at_s in range(found_s, 640, 2)]
    later, _ = watched(goes, warner)
    assert warner.followed == {77: 99}
    assert later
    for at_s, alert in later:
        assert {code for code, until_s in latest_s.items() if until_s >= at_s} <= set(alert.code.tolist())
    assert not any("passed" in alert.reason for _, alert in later)


def _fallen(state, for_s):
    way = ways.fly(state, ways.bodies(1), START_NS, step_s=1.0)
    at = (way.position_ecef_m[0, int(for_s)], way.position_ecef_m[0, int(for_s) + 1])
    return np.concatenate([at[0], at[1] - at[0]])[None]


@pytest.mark.parametrize("kind", [Kind.AIRCRAFT, Kind.UNKNOWN, Kind.SHIP])
def test_what_is_no_missile_is_none_of_its_business(kind):
    proposals, stages = watched([(at_s, picture(at_s, kind=kind)) for at_s in range(160, 300, LOOK_S)])
    assert (proposals, stages) == ([], [])


def test_an_aircraft_that_a_tracker_takes_for_a_missile_has_not_the_energy():
    state = flight().at(np.array([START_NS + 300 * NS_PER_S]))[:, :6].copy()
    state[:, :3] *= 6_388_000.0 / np.linalg.norm(state[:, :3])
    state[:, 3:] *= 300.0 / np.linalg.norm(state[:, 3:])
    proposals, stages = watched([(at_s, picture(at_s, state=state)) for at_s in range(160, 200, LOOK_S)])
    assert (proposals, stages) == ([], [])


@pytest.mark.parametrize(("sigma_m_s", "begins"), [(50.0, True), (1_900.0, False)])
def test_what_has_the_energy_only_because_nobody_knows_its_speed_begins_no_threat(sigma_m_s, begins):
    """A few false plots that lie far apart make a fast track; run 639 of `bench/quiet_hours.py` told people of one."""
    state = flight().at(np.array([START_NS + 300 * NS_PER_S]))[:, :6].copy()
    state[:, :3] *= 6_390_000.0 / np.linalg.norm(state[:, :3])
    state[:, 3:] *= 1_500.0 / np.linalg.norm(state[:, 3:])
    seen = [(at_s, picture(at_s, state=state, sigma=(1_000.0, sigma_m_s))) for at_s in range(160, 200, LOOK_S)]
    assert bool(watched(seen)[1]) == begins


def test_a_satellite_over_people_is_no_warning():
    pictures = []
    for at_s in range(0, 120, LOOK_S):
        turn = np.radians(36.0) + at_s * 1.0e-3
        radius_m, speed_m_s = 7_378_000.0, 7_350.0
        east = np.radians(139.7)
        out = np.array([np.cos(turn) * np.cos(east), np.cos(turn) * np.sin(east), np.sin(turn)])
        along = np.array([-np.sin(turn) * np.cos(east), -np.sin(turn) * np.sin(east), np.cos(turn)])
        state = np.concatenate([radius_m * out, speed_m_s * along])[None]
        pictures.append((at_s, picture(at_s, state=state)))
    proposals, _ = watched(pictures)
    assert proposals == []


@pytest.mark.parametrize("until", [3, 90])  # while areas wait; while they are told
def test_memory_goes_on_as_if_nothing_had_been(until):
    pictures = seen(SEEN_FROM_S, 700)
    whole, _ = watched(pictures)
    first = Warner("JPN", areas(), settings=SETTINGS)
    before, _ = watched(pictures[:until], first)
    assert bool(before) == (until == 90)
    second = Warner("JPN", areas(), settings=SETTINGS)
    second.resume(first.memory(pack), unpack)
    assert second.memory(pack) == first.memory(pack)
    after, _ = watched(pictures[until:], second)
    assert [digest(alert) for _, alert in before + after] == [digest(alert) for _, alert in whole]


def test_what_is_lost_while_it_waits_is_told_when_the_wait_is_over():
    """What was last measured 10 s after it became likely is not lost before 30 s: nobody falls between two stools."""
    patient = Settings(countries=("JP",), wait_s=40.0)
    pictures = seen(SEEN_FROM_S, SEEN_FROM_S + 10, SEEN_FROM_S + 60)
    proposals, _ = watched(pictures, Warner("JPN", areas(), settings=patient))
    first_s, first = proposals[0]
    assert first_s == SEEN_FROM_S + 40
    assert first.stage == Stage.TRACK_LOST
    never, _ = watched([each for each in pictures if each[0] > SEEN_FROM_S + 10], Warner("JPN", areas()))
    assert never == []


def test_nothing_is_told_of_an_empty_picture():
    said = Warner("JPN", areas(), settings=SETTINGS).look(nothing(), START_NS)
    assert (len(said.threats), said.paths, said.proposals) == (0, None, ())


def test_what_nobody_draws_decides_nothing():
    drawn, undrawn = (Warner("JPN", areas(), settings=SETTINGS) for _ in range(2))
    for at_s in (SEEN_FROM_S, SEEN_FROM_S + 1):  # while areas wait it is foreseen anew after two seconds
        seen_now, now_ns = picture(at_s), START_NS + at_s * NS_PER_S
        with_paths, without = drawn.look(seen_now, now_ns), undrawn.look(seen_now, now_ns, with_paths=False)
        assert without.paths is None
        assert (with_paths.paths is None) == (at_s > SEEN_FROM_S)  # told when it is foreseen anew
        assert digest(with_paths.threats, *with_paths.proposals) == digest(without.threats, *without.proposals)


def test_what_concerns_nobody_is_foreseen_in_few_ways_and_else_in_all():
    watcher = Warner("JPN", areas(), settings=SETTINGS)
    at_s = SEEN_FROM_S
    watcher.look(picture(at_s), START_NS + at_s * NS_PER_S)
    (near,) = watcher._following.values()
    assert len(near.forecast.weight) == falling.N_WAYS
    elsewhere = Warner("AUS", areas(), settings=Settings(countries=("AU",)))
    elsewhere.look(picture(at_s), START_NS + at_s * NS_PER_S)
    (far,) = elsewhere._following.values()
    assert len(far.forecast.weight) == N_ROUGH
    whole, rough = ending(near.forecast), ending(far.forecast)
    assert GEOD.inv(*np.rad2deg([whole.lon_rad, whole.lat_rad, rough.lon_rad, rough.lat_rad]))[2] < 200.0
    np.testing.assert_allclose(np.linalg.det(rough.covariance_m2), np.linalg.det(whole.covariance_m2), rtol=0.1)


def test_each_measurement_is_foreseen_where_an_area_may_become_likely_and_seldomer_where_none_can():
    made = {}
    for code in ("JP", "AU"):
        watcher = Warner(code, areas(), settings=Settings(countries=(code,), wait_s=1e6, hurry_s=0.0))
        made[code] = []
        for ms in range(0, 12_000, 500):
            at_s = 100.0 + ms / 1000.0
            said = watcher.look(picture(at_s, kind=Kind.BOOSTING, sigma=(2_000.0, 150.0)), START_NS + round(at_s * 1e9))
            made[code] += [ms] if said.paths is not None else []
    assert set(np.diff(made["JP"])) == {500}
    assert set(np.diff(made["AU"])) == {2_000}


def test_an_area_whose_wait_broke_is_foreseen_again_as_soon_as_it_may_be_likely():
    watcher, made, waits = Warner("JPN", areas(), settings=replace(SETTINGS, wait_s=1e6, hurry_s=0.0)), [], []
    watcher._own = areas().code == max(truth(), key=truth().get)  # no other may become likely meanwhile
    for ms in range(0, 14_000, 500):
        at_s = 100.0 + ms / 1000.0
        sigma = (3_000.0, 300.0) if 2_000 <= ms < 4_000 else (200.0, 20.0)
        said = watcher.look(picture(at_s, kind=Kind.BOOSTING, sigma=sigma), START_NS + round(at_s * 1e9))
        made += [ms] if said.paths is not None else []
        waits.append(bool(next(iter(watcher._following.values())).telling.likely_since_ns))
    assert waits[0]
    assert not all(waits)
    assert waits[-1]  # it broke, and began again
    assert max(np.diff(made)) <= 2_000


def test_an_area_that_only_waits_under_thrust_decides_no_stage():
    watcher, now_ns = Warner("JPN", areas(), settings=SETTINGS), START_NS + 100 * NS_PER_S
    watcher.look(picture(100, kind=Kind.BOOSTING), now_ns)
    (one,) = watcher._following.values()
    waits = Concern("JP-02", "Aomori", 0.7, 1.2e6, now_ns + 400 * NS_PER_S, now_ns + 500 * NS_PER_S)
    assert watcher._stage(one, [waits], is_lost=False, now_ns=now_ns) == Stage.BOOSTING
    sure = replace(waits, probability=0.95)
    assert watcher._stage(one, [sure], is_lost=False, now_ns=now_ns) in (Stage.WILL_PASS, Stage.WILL_LAND)
    one.telling.warned["JP-02"] = sure
    assert watcher._stage(one, [waits], is_lost=False, now_ns=now_ns) in (Stage.WILL_PASS, Stage.WILL_LAND)
