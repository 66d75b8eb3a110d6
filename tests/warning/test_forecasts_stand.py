"""A forecast that measurements bear out stands: fewer are made, and nothing else is said of anybody."""

from dataclasses import replace

import numpy as np
import pytest
from pyproj import Geod
from test_warner import SETTINGS, START_NS, flight, picture

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Kind
from noroshi.run.areas import areas
from noroshi.warning import following
from noroshi.warning.core import Warner
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import end_moves_m, ending, mean_state

FROM_S, UNTIL_S, LOOK_S = 300, 760, 1
SURE = (40.0, 0.6)  # m, m/s: an end within two kilometres


def measured(sigma, *, off_m_s=None):
    """Return pictures of each second, each measured anew; from 400 s on the velocity is off by so much."""
    for at_s in range(FROM_S, UNTIL_S, LOOK_S):
        seen = picture(at_s, sigma=sigma)
        if off_m_s is not None and at_s >= 400:
            state = seen.state_ecef.copy()
            state[:, 3:] += off_m_s
            seen = seen.replace(state_ecef=state)
        yield at_s, seen


def told(pictures, monkeypatch, *, stands=True):
    """Return what was said at each look (stages, proposals), how often it was foreseen, and where it was to end."""
    made = []
    with monkeypatch.context() as patch:
        foresee = following.foresee
        patch.setattr(following, "foresee", lambda *given, **more: made.append(given[3]) or foresee(*given, **more))
        if not stands:
            patch.setattr(following, "STANDS_NS", 0)
        warner, said, ends = Warner("JPN", areas(), settings=SETTINGS), [], []
        for at_s, seen in pictures:
            now = warner.look(seen, START_NS + at_s * NS_PER_S)
            for proposal in now.proposals:
                warner.decide(proposal, proposal)
            said.append((at_s, now.threats.stage.tolist(), [sorted(each.code.tolist()) for each in now.proposals]))
            ends.append([now.threats.end_lat_rad[0], now.threats.end_lon_rad[0]])
    return said, made, np.array(ends)


def test_what_is_measured_as_foreseen_is_foreseen_seldom_and_the_same_is_said(monkeypatch):
    said, made, ends = told(measured(SURE), monkeypatch)
    others, each, exact = told(measured(SURE), monkeypatch, stands=False)
    assert said == others
    assert any(proposals for _, _, proposals in said)
    assert len(made) < 0.6 * len(each)
    apart_m = 6.4e6 * np.linalg.norm((ends - exact) * [1.0, np.cos(ends[0, 0])], axis=1)
    assert np.isfinite(apart_m).sum() > 300
    assert np.nanmax(apart_m) < following.STANDS_SHARE * following.SURE_M


def test_what_moves_is_foreseen_at_once(monkeypatch):
    along = flight().at(np.array([START_NS + 400 * NS_PER_S]))[0, 3:6]
    off_m_s = 5.0 * along / np.linalg.norm(along)
    _, made, _ = told(measured(SURE, off_m_s=off_m_s), monkeypatch)
    at_s = [(ns - START_NS) // NS_PER_S for ns in made]
    assert any(400 <= each <= 402 for each in at_s)


@pytest.mark.parametrize("after_s", [0.0, 3.7, 12.5, 44.0])
def test_the_mean_state_is_that_of_the_flight(after_s):
    begin_ns = START_NS + FROM_S * NS_PER_S
    state = flight().at(np.array([begin_ns]))[0, :6]
    forecast = fall_from(state, np.diag([1e-2] * 3 + [1e-6] * 3), begin_ns)
    time_ns = begin_ns + round(after_s * NS_PER_S)
    off = mean_state(forecast, time_ns) - flight().at(np.array([time_ns]))[0, :6]
    assert np.linalg.norm(off[:3]) < 5.0
    assert np.linalg.norm(off[3:]) < 0.3


def test_a_forecast_of_few_times_has_no_mean_state():
    begin_ns = START_NS + FROM_S * NS_PER_S
    whole = fall_from(flight().at(np.array([begin_ns]))[0, :6], np.diag([1.0] * 6), begin_ns, n_ways=64)
    short = replace(whole, time_ns=whole.time_ns[:3], position_ecef_m=whole.position_ecef_m[:, :3])
    assert np.isnan(mean_state(short, begin_ns)).all()


@pytest.mark.parametrize(("range_km", "apogee_km"), [(1_700.0, 420.0), (4_000.0, 900.0), (9_000.0, 1_200.0)])
@pytest.mark.parametrize("at_s", [400, 700])
def test_an_end_moves_by_no_more_than_is_said(range_km, apogee_km, at_s):
    mover = Mover(lat_deg=27.6, lon_deg=148.6, bearing_deg=326.0, range_km=range_km, apogee_km=apogee_km)
    flown = mover.fly("t", START_NS, START_NS + 4_000 * NS_PER_S, Draws(1, 0, "t"))[0]
    time_ns = START_NS + at_s * NS_PER_S
    state, covariance = flown.at(np.array([time_ns]))[0, :6], np.diag([100.0**2] * 3 + [3.0**2] * 3)
    up, along = state[:3] / np.linalg.norm(state[:3]), state[3:] / np.linalg.norm(state[3:])
    forecast = fall_from(state, covariance, time_ns)
    for which, by in ((slice(3), 500.0), (slice(3, 6), 5.0)):
        for way in (up, along, np.cross(up, along)):
            moved = state.copy()
            moved[which] += by * way
            before, after = ending(forecast), ending(fall_from(moved, covariance, time_ns))
            apart_m = Geod(ellps="WGS84").inv(
                *np.degrees([before.lon_rad, before.lat_rad, after.lon_rad, after.lat_rad])
            )[2]
            assert apart_m <= 1.05 * end_moves_m(forecast, moved, time_ns) + 100.0


def glider(at_s, *, height_m=45_000.0, speed_m_s=2_500.0):
    """Return the picture of one that goes due east over the South Pacific, far from everybody, at a steady height."""
    lat, lon = np.radians(-30.0), np.radians(-150.0) + at_s * speed_m_s / (6.4e6 * np.cos(np.radians(30.0)))
    east = speed_m_s * np.array([-np.sin(lon), np.cos(lon), 0.0])
    state = np.concatenate([ecef_from_geodetic(lat, lon, height_m), east])
    return picture(at_s, kind=Kind.GLIDING, state=state[None], sigma=(100.0, 5.0))


def test_what_glides_far_from_all_is_foreseen_each_ten_seconds(monkeypatch):
    pictures = [(at_s, glider(at_s)) for at_s in range(60)]
    said, made, _ = told(pictures, monkeypatch)
    others, each, _ = told(pictures, monkeypatch, stands=False)
    assert said == others
    assert len(each) >= 30
    assert len(made) <= 7


def test_what_begins_to_glide_elsewhere_is_foreseen_at_once(monkeypatch):
    pictures = [(at_s, glider(at_s, speed_m_s=2_500.0 if at_s < 25 else 3_200.0)) for at_s in range(60)]
    _, made, _ = told(pictures, monkeypatch)
    at_s = [(ns - START_NS) // NS_PER_S for ns in made]
    assert any(25 <= each <= 27 for each in at_s)
