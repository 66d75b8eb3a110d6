"""A glider is called one soon after it pulls up, and stays one; fast motions keep to themselves as long as they say."""

import numpy as np
import pytest

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.boost_glide import Mover as Glider
from noroshi.exercise.movers.constellation import Mover as Constellation
from noroshi.exercise.observers.infrared import Observer
from noroshi.exercise.world import World
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.glide import Motion as Glide
from noroshi.records import Kind, SensorSite, TrackStatus, take
from noroshi.sensors.infrared import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.tracking.trackers.soft import Tracker

NS, START_NS, LAST_S = 10**9, 1_900_000_000 * 10**9, 480
MOTIONS = [ConstantVelocity(), Ballistic(), Boost(), Glide()]


def test_fast_motions_keep_to_themselves_as_long_as_they_say():
    made = Tracker(node="n", sensor_names=("r",), motions=MOTIONS)
    said = [each.STARTS.sojourn_s for each in (Ballistic, Boost, Glide)]
    np.testing.assert_array_equal(made.bank.sojourn_s, [120.0, *said])


@pytest.mark.parametrize("motions", [MOTIONS, MOTIONS[:2]], ids=["with its model", "without"])
def test_a_glider_is_one_soon_after_it_pulls_up_and_stays_one(motions):
    end_ns = START_NS + LAST_S * NS
    flight = Glider(
        lat_deg=38.0, lon_deg=140.0, bearing_deg=120.0, burn_out_speed_m_s=4_500.0, burn_out_climb_deg=6.0,
        glide_heat_w_sr=1e5,
    ).fly("glider", START_NS, end_ns, Draws(3, 0, "glider"))[0]  # fmt: skip
    flown = Constellation(satellites=54, planes=6, phasing=1, pattern="star", inclination_deg=81.0)
    near = [
        each for each in flown.fly("eye", START_NS, end_ns, Draws(0, 0, "eye"))
        if np.linalg.norm(each.state_ecef[::4, None, :3] - flight.state_ecef[::200, :3], axis=2).min() < 3_000_000.0
    ]  # fmt: skip
    world = World(seed=3, replicate=0, start_ns=START_NS, end_ns=end_ns, flights=(flight, *near))
    looks = []
    for eye in near:
        site = SensorSite(sensor=eye.name, type="infrared", lat_rad=0.0, lon_rad=0.0, height_m=0.0,
                          parameters={"line_sigma_rad": 60e-6})  # fmt: skip
        sensor = Sensor.at(site)
        own = Observer(noise_earth_w_m2=1e-9, noise_limb_w_m2=5e-10).watch(world, site, sensor, eye)
        plots = arrange(own.observe(START_NS, end_ns).detections, sensor)
        looks += [(take(plots, plots.time_ns == each), sensor) for each in np.unique(plots.time_ns)]
    looks.sort(key=lambda look: (int(look[0].time_ns[0]), look[0].sensor))
    gliding = flight.time_ns[flight.kind == Kind.GLIDING]
    height_m = geodetic_from_ecef(flight.at(gliding)[:, :3])[2]
    sinks_ns = int(gliding[np.gradient(height_m, gliding / NS).argmin()])  # fastest; from then on it pulls up
    made = Tracker(node="n", sensor_names=tuple(eye.name for eye in near), motions=motions)
    found = []
    for plots, sensor in looks:
        rows = made.step(plots, sensor)
        off_m = np.linalg.norm(flight.at(rows.time_ns)[:, :3] - rows.state_ecef[:, :3], axis=1)
        own = (off_m < 3_000.0) & (rows.status != TrackStatus.LOST) & (rows.time_ns > sinks_ns + 40 * NS)
        found += rows.kind_probability[own, Kind.GLIDING].tolist()
    assert sinks_ns + 100 * NS < end_ns
    assert len(found) > 30
    assert np.mean(np.array(found) > 0.5) > 0.9
