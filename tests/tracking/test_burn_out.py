"""Tracks about a burn-out say how sure they are of the velocity, whatever of the burn was seen."""

import math

import numpy as np
import pytest

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.glide import Motion as Glide
from noroshi.records import Detections, Kind, SensorSite
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.trackers.soft import Tracker

NS = 10**9
START_NS = 1_893_456_000 * NS
PARAMETERS = {
    "range_sigma_m": 50.0, "azimuth_sigma_rad": 1e-4, "elevation_sigma_rad": 1e-4, "range_m_max": 2e6,
    "scan_period_s": 1.0, "speed_sigma_m_s": 3_000.0, "climb_sigma_m_s": 3_000.0, "detection_probability": 0.99,
}  # fmt: skip
PLACE = {"lat_rad": math.radians(37.0), "lon_rad": math.radians(132.0), "height_m": 300.0}
RADAR = Sensor.at(SensorSite(sensor="r", type="search_radar", **PLACE, parameters=PARAMETERS))


def flown(number, speed_m_s, climb_deg):
    mover = Mover(
        lat_deg=36.0, lon_deg=130.0, bearing_deg=70.0, burn_out_speed_m_s=speed_m_s, burn_out_climb_deg=climb_deg
    )
    flight = mover.fly("f", START_NS, START_NS + 400 * NS, Draws(3, number, "f"))[0]
    burns = np.flatnonzero(flight.kind == Kind.BOOSTING)
    return flight, (int(flight.time_ns[burns[-1] + 1]) - START_NS) / NS


def off(flight, burn_out_s, at_s, rng, *, from_s=45.0):
    """Return the velocity's errors and sigmas [m/s] in the newest row at so many seconds after burn-out.

    Along the velocity, off its vertical plane, and across the velocity in it, (3,) each.
    """
    motions = [kind.of() for kind in (ConstantVelocity, Ballistic, Boost, Glide)]
    tracker, last = Tracker(node="n", sensor_names=("r",), motions=motions), None
    for since_s in np.arange(from_s, burn_out_s + at_s, 1.0):
        truth = flight.at(np.array([START_NS + round(since_s * NS)]))
        exact = RADAR.measure(truth, RADAR.origin_ecef_m[None])[:, :3]
        noise = [PARAMETERS[name] for name in ("range_sigma_m", "azimuth_sigma_rad", "elevation_sigma_rad")]
        seen = Detections.of(
            sensor="r", components=("range_m", "azimuth_rad", "elevation_rad"),
            values=exact + rng.normal(size=(1, 3)) * noise, time_ns=np.array([START_NS + round(since_s * NS)]),
        )  # fmt: skip
        rows = tracker.step(arrange(seen, RADAR), RADAR)
        last = rows if len(rows) else last
    truth = flight.at(last.time_ns[:1])[0]
    ahead = truth[3:] / np.linalg.norm(truth[3:])
    aside = np.cross(ahead, truth[:3])
    aside /= np.linalg.norm(aside)
    axes = np.stack([ahead, aside, np.cross(aside, ahead)])
    sigma_m_s = np.sqrt(np.diagonal(axes @ last.covariance_ecef[0, 3:, 3:] @ axes.T))
    return axes @ (truth - last.state_ecef[0])[3:], sigma_m_s


@pytest.mark.parametrize(("climb_deg", "at_s"), [(50.0, 0.0), (10.0, 10.0)])
def test_the_speed_is_as_sure_as_is_said(climb_deg, at_s):
    """Short burns, most of whose mass is gone when first seen; those that end in thick air, in which falling brakes."""
    rng, found = np.random.default_rng(4), []
    for number in range(8):
        flight, burn_out_s = flown(number, 2_000.0 + 100.0 * number, climb_deg)
        error_m_s, sigma_m_s = off(flight, burn_out_s, at_s, rng)
        found.append(error_m_s[0] / sigma_m_s[0])
    assert np.mean(np.square(found)) < 2.5  # of 8 normal ones, but for one time in 100


def test_a_thrust_held_off_the_velocity_leads_no_track_astray():
    """It points 10 degrees above the velocity for as long as it burns, and off the plane next to nothing."""
    rng, found = np.random.default_rng(5), []
    for number in range(8):
        flight, burn_out_s = flown(number, 4_000.0 + 100.0 * number, 40.0)
        found.append(off(flight, burn_out_s, 0.0, rng, from_s=burn_out_s - 45.0))
    error_m_s, sigma_m_s = np.moveaxis(np.array(found), 1, 0)
    assert np.mean(np.square(error_m_s / sigma_m_s)[:, 2]) < 2.5  # of 8 normal ones, but for one time in 100
    assert np.median(sigma_m_s[:, 1]) < 8.0
