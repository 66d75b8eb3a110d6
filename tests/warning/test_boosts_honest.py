"""What is told of boosts: where they end once that is known, and one threat for each missile whatever its tracks do."""

import math

import numpy as np
import pytest
from scipy import stats
from test_warner import START_NS, picture

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.formats.columns import pack, unpack
from noroshi.geo.great_circle import destination
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import Identity, Kind, Stage, Tracks, TrackStatus
from noroshi.records.alert import CANCEL
from noroshi.run.areas import areas
from noroshi.warning import doubts, ways
from noroshi.warning.boosting import boost_from
from noroshi.warning.core import BESIDE_NS, Warner
from noroshi.warning.doubts import caught_up
from noroshi.warning.forecast import Forecast, ending, is_end_known, path_of
from noroshi.warning.foresee import N_ROUGH
from noroshi.warning.settings import Settings

SIGMA = np.diag([400.0**2] * 3 + [30.0**2] * 3)


@pytest.fixture(scope="module")
def flight():
    """Return a flight over open sea: threat-2 of the trilateral scenario."""
    mover = Mover(lat_deg=24.5, lon_deg=135.5, bearing_deg=118.0, range_km=1300.0, apogee_km=300.0)
    return mover.fly("threat", START_NS, START_NS + 1_200 * NS_PER_S, Draws(1, 0, "threat"))[0]


def ends(share, lands=None):
    """Return a forecast of ends 2,000 km away on the average, evenly within a share of that to either side."""
    far = np.linspace(2e6 * (1.0 - share), 2e6 * (1.0 + share), 201)
    lat, lon = destination(0.5, 2.5, 1.0, far)
    last = ecef_from_geodetic(lat, lon, 0.0)
    first = np.broadcast_to(ecef_from_geodetic(0.5, 2.5, 50e3), last.shape)
    return Forecast(
        time_ns=START_NS + np.array([0, 600]) * NS_PER_S,
        position_ecef_m=np.stack([first, last], axis=1),
        end_ns=np.full(201, START_NS + 600 * NS_PER_S),
        lands=np.ones(201, np.bool_) if lands is None else lands,
        weight=np.full(201, 1.0 / 201.0),
    )


@pytest.mark.parametrize("share", [0.05, 0.4, 0.46, 0.9])
def test_an_end_is_known_while_its_doubt_is_less_than_a_quarter_of_the_way(share):
    assert is_end_known(ends(share)) == (stats.uniform(0.0, 2.0 * share).std() < 0.25)


def test_what_is_likelier_to_stay_up_has_no_end():
    assert not is_end_known(ends(0.05, lands=np.arange(201) < 90))


def test_a_lag_is_anything_up_to_the_most():
    state = np.array([6.4e6, 0.0, 0.0, 0.0, 700.0, 0.0])
    mean, covariance = caught_up(state, SIGMA)
    lag_s = stats.uniform(0.0, doubts.PUSH_M_S2 * doubts.BEHIND_S)
    assert mean[4] - state[4] == pytest.approx(lag_s.mean())
    assert covariance[4, 4] - SIGMA[4, 4] == pytest.approx(lag_s.var())
    assert np.array_equal(covariance[[0, 2, 3, 5]], SIGMA[[0, 2, 3, 5]])  # across its way it does not lag


def test_few_ways_say_whether_ends_are_an_ocean_apart(flight):
    for after_s in (45, 70, 95):
        state = flight.at(np.array([START_NS + after_s * NS_PER_S]))[0, :6]
        rough, whole = (boost_from(state, SIGMA, START_NS, n_ways=n) for n in (N_ROUGH, 512))
        spread = [math.sqrt(np.linalg.eigvalsh(ending(each).covariance_m2)[1]) for each in (rough, whole)]
        assert spread[0] == pytest.approx(spread[1], rel=0.35)
        assert is_end_known(rough) == is_end_known(whole)


@pytest.mark.parametrize(("low_m", "lands"), [(-500e3, True), (150e3, False)])
def test_what_goes_on_round_the_earth_is_told_for_half_an_hour(low_m, lands):
    # Source: vis-viva at the apogee of an ellipse, Vallado (2013), equation 2-22 (a ball: of no air and no J2 here)
    mu, r_high, r_low = 3.986004418e14, 6.378e6 + 2_000e3, 6.378e6 + low_m
    speed = math.sqrt(2.0 * mu * r_low / (r_high * (r_high + r_low))) - 7.292115e-5 * r_high
    state = np.array([[r_high, 0.0, 0.0, 0.0, speed, 0.0]])
    told = ways.fly(state, ways.bodies(1), START_NS)
    assert bool(told.lands[0]) == lands
    if not lands:
        assert told.end_ns[0] == START_NS + round(ways.ROUND_S) * NS_PER_S


def row(flight, at_s, number, *, updated_s=None, kind=Kind.BOOSTING, status=TrackStatus.FIRM, lag_s=0.0):
    """Return a track as a node sees it; one that lags goes as the threat did so long before."""
    state = flight.at(np.array([START_NS + round(at_s * NS_PER_S) - round(lag_s * NS_PER_S)]))[:, :6].copy()
    state[:, :3] += lag_s * state[:, 3:]
    seen = picture(at_s, updated_s=updated_s, kind=kind, state=state, number=number, sigma=(400.0, 30.0))
    return seen.replace(status=np.array([status], np.uint8))


def both(one, other):
    """Return a picture of two tracks."""
    columns = {name: np.concatenate([getattr(one, name), getattr(other, name)]) for name in Tracks.COLUMNS}
    return one.replace(**columns, identity=Identity.absent(2))


def warner(**settings):
    return Warner("JPN", areas(), settings=Settings(countries=("JP",)), **settings)


def look(watcher, picture, at_s):
    return watcher.look(picture, START_NS + round(at_s * NS_PER_S))


def test_where_a_boost_ends_is_told_when_it_is_known(flight):
    watcher = warner(follows_boosts=False)
    for at_s in range(60, 90, 2):
        said = look(watcher, row(flight, at_s, 7, lag_s=15.0), at_s)
        assert said.threats.stage.tolist() == [Stage.BOOSTING]
        assert said.threats.end_ns.tolist() == [0]
        assert np.isnan(said.threats.end_lat_rad).all()
        assert np.isnan(said.threats.end_covariance_m2).all()
        if said.paths is not None:
            assert (said.paths.time_ns.max() - START_NS) / NS_PER_S < at_s + 300.0
    falls_s = 260
    said = look(watcher, row(flight, falls_s, 7, kind=Kind.BALLISTIC), falls_s)
    lat, lon, _ = geodetic_from_ecef(flight.state_ecef[-1, :3])
    assert said.threats.end_lat_rad[0] == pytest.approx(float(lat), abs=0.01)
    assert said.threats.end_lon_rad[0] == pytest.approx(float(lon), abs=0.01)
    assert abs(said.threats.end_ns[0] - flight.time_ns[-1]) < 60 * NS_PER_S


def test_a_lost_boost_that_concerns_nobody_is_not_foreseen_again(flight):
    watcher = warner(follows_boosts=False)
    for at_s in range(60, 90, 2):
        look(watcher, row(flight, at_s, 7), at_s)
    nothing = row(flight, 90, 9, kind=Kind.AIRCRAFT, status=TrackStatus.LOST)
    known = [look(watcher, nothing, at_s).paths is not None for at_s in range(90, 300, 2)]
    assert sum(known) <= 1
    assert look(watcher, nothing, 302).threats.stage.tolist() == [Stage.TRACK_LOST]


@pytest.mark.parametrize(("follows_boosts", "after_s"), [(True, 4), (False, 4), (False, 40)])
def test_a_boost_that_looks_say_is_over_is_foreseen_anew_though_nothing_measured_it(flight, follows_boosts, after_s):
    watcher, last_s = warner(follows_boosts=follows_boosts), 90
    for at_s in range(60, last_s + 1, 2):
        look(watcher, row(flight, at_s, 7), at_s)
    for at_s in range(last_s + 2, last_s + after_s, 2):
        said = look(watcher, row(flight, at_s, 7, updated_s=last_s, status=TrackStatus.COASTING), at_s)
    falls = [
        look(watcher, row(flight, at_s, 7, updated_s=last_s, kind=Kind.BALLISTIC, status=TrackStatus.COASTING), at_s)
        for at_s in range(last_s + after_s, last_s + after_s + 6, 2)
    ]
    assert said.paths is None
    assert any(each.paths is not None for each in falls)
    assert falls[-1].threats.end_ns[0] > 0


def test_a_track_that_goes_on_while_the_old_one_coasts_is_the_same_threat(flight):
    watcher = warner(follows_boosts=False)
    look(watcher, row(flight, 60, 7, lag_s=10.0), 60)
    for at_s in range(70, 80, 2):
        old = row(flight, at_s, 7, updated_s=61, status=TrackStatus.COASTING, lag_s=20.0)
        said = look(watcher, both(old, row(flight, at_s, 9)), at_s)
        assert said.threats.threat_id.tolist() == [7]
        assert said.threats.updated_ns.tolist() == [START_NS + at_s * NS_PER_S]
    again = warner(follows_boosts=False)
    again.resume(watcher.memory(pack), unpack)
    said = look(again, row(flight, 80, 7, updated_s=61, status=TrackStatus.COASTING, lag_s=20.0), 80)
    assert said.threats.threat_id.tolist() == [7]
    assert said.threats.updated_ns.tolist() == [START_NS + 78 * NS_PER_S]


def test_two_tracks_that_go_on_being_measured_are_two_threats(flight):
    watcher = warner()
    look(watcher, row(flight, 60, 7), 60)
    beside_s = BESIDE_NS[0] // NS_PER_S
    for after_s in range(2, beside_s + 6, 2):  # fusion may make one of them at first
        said = look(watcher, both(row(flight, 60 + after_s, 7), row(flight, 60 + after_s, 9)), 60 + after_s)
        assert said.threats.threat_id.tolist() == ([7] if after_s < 2 + beside_s else [7, 9])
    watcher = warner()
    look(watcher, row(flight, 60, 7), 60)
    coasting = row(flight, 66, 7, updated_s=60, status=TrackStatus.COASTING)
    assert look(watcher, both(coasting, row(flight, 66, 9)), 66).threats.threat_id.tolist() == [7]
    for at_s in range(68, 76, 2):  # the first is measured again after all
        said = look(watcher, both(row(flight, at_s, 7), row(flight, at_s, 9)), at_s)
    assert said.threats.threat_id.tolist() == [7, 9]
    for at_s in (76, 78):  # and neither takes the other's place, whichever coasts for a while
        look(watcher, both(row(flight, at_s, 7), row(flight, at_s, 9, updated_s=70, status=TrackStatus.COASTING)), at_s)
    said = look(watcher, both(row(flight, 80, 7), row(flight, 80, 9)), 80)
    assert said.threats.threat_id.tolist() == [7, 9]


def aside(picture, away_m):
    """Return a picture of one track moved aside."""
    state = picture.state_ecef.copy()
    up = state[0, :3] / np.linalg.norm(state[0, :3])
    level = np.cross(up, state[0, 3:])
    state[0, :3] += away_m * level / np.linalg.norm(level)
    return picture.replace(state_ecef=state)


def test_two_missiles_that_can_be_told_apart_are_two_threats_at_once(flight):
    watcher = warner()
    look(watcher, row(flight, 60, 7), 60)
    said = look(watcher, both(row(flight, 62, 7), aside(row(flight, 62, 9), 20e3)), 62)
    assert said.threats.threat_id.tolist() == [7, 9]


def test_nations_tracks_of_one_missile_are_one_threat_while_they_are_not_joined_yet(flight):
    watcher, sources = warner(), np.array([[True, False], [False, True]])
    look(watcher, row(flight, 60, 7), 60)
    longest_s = BESIDE_NS[1] // NS_PER_S
    for after_s in range(2, longest_s + 6, 2):
        picture = both(row(flight, 60 + after_s, 7), row(flight, 60 + after_s, 9))
        said = look(watcher, picture.replace(source_names=("A", "B"), sources=sources), 60 + after_s)
        assert said.threats.threat_id.tolist() == ([7] if after_s < 2 + longest_s else [7, 9])


@pytest.mark.parametrize(("kept", "away_m", "numbers"), [(7, 0.0, [7]), (9, 0.0, [9]), (7, 60e3, [7, 9])])
def test_a_threat_whose_track_is_joined_to_anothers_ends_silently(flight, kept, away_m, numbers):
    """It goes on under the number of the track that does, as nobody was told; what is elsewhere is lost, not joined."""
    watcher, tracks = warner(), {7: 0.0, 9: away_m}
    for at_s in range(60, 72, 2):
        look(watcher, both(*(aside(row(flight, at_s, track), away) for track, away in tracks.items())), at_s)
    said = look(watcher, aside(row(flight, 72, kept), tracks[kept]), 72)
    assert said.threats.threat_id.tolist() == numbers
    assert not [each for each in said.proposals if each.message == CANCEL]
    again = warner()
    again.resume(watcher.memory(pack), unpack)
    both_ways = [look(each, aside(row(flight, 74, kept), tracks[kept]), 74) for each in (watcher, again)]
    assert [each.threats.threat_id.tolist() for each in both_ways] == [numbers] * 2


@pytest.mark.parametrize(("found_s", "numbers"), [(330, [7]), (65, [7, 9])])
def test_what_is_found_again_high_up_is_what_was_lost_and_what_rises_is_not(flight, found_s, numbers):
    watcher = warner(follows_boosts=False)
    for at_s in range(60, 90, 2):
        look(watcher, row(flight, at_s, 7), at_s)
    at_s = 330
    found = row(flight, found_s, 9, kind=Kind.BALLISTIC)
    time_ns = np.array([START_NS + at_s * NS_PER_S])
    said = look(watcher, found.replace(time_ns=time_ns, updated_ns=time_ns), at_s)
    assert said.threats.threat_id.tolist() == numbers


@pytest.mark.parametrize(("away_km", "numbers"), [(0.0, [7]), (30.0, [7]), (85.0, [7, 9])])
def test_what_rises_far_off_is_another_however_wide_the_region_of_what_was_lost(flight, away_km, numbers):
    watcher = warner(follows_boosts=False)
    for at_s in range(46, 52, 2):
        look(watcher, row(flight, at_s, 7), at_s)
    found = row(flight, 92, 9)
    state = found.state_ecef.copy()
    up = state[0, :3] / np.linalg.norm(state[0, :3])
    aside = np.cross(up, state[0, 3:])
    state[0, :3] += away_km * 1e3 * aside / np.linalg.norm(aside)
    assert geodetic_from_ecef(state[:, :3])[2] < 60e3
    said = look(watcher, found.replace(state_ecef=state), 92)
    assert said.threats.threat_id.tolist() == numbers


def test_a_path_is_drawn_as_far_as_places_are_known():
    whole, part = path_of(ends(0.05)), path_of(ends(0.9))
    assert len(whole["time_ns"]) == 2
    assert {len(column) for column in part.values()} == {1}
