"""Once infrared sees a boost no more its track falls freely, as sure of that as it may be, and goes on."""

import numpy as np
import pytest
from scipy.stats import chi2

from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover as Missile
from noroshi.exercise.movers.constellation import Mover as Constellation
from noroshi.exercise.observers.infrared import Observer
from noroshi.exercise.world import World
from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.boost import Motion as Boost
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.motion.glide import Motion as Glide
from noroshi.records import Kind, SensorSite, take
from noroshi.sensors.infrared import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as Radar
from noroshi.tracking.bank import Bank
from noroshi.tracking.dark import _changed_between, miss
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.store import PROBABILITY, Whole
from noroshi.tracking.trackers.soft import Tracker

NS, START_NS, UNTIL_S = 10**9, 1_900_000_000 * 10**9, 300
MOTIONS = [ConstantVelocity(), Ballistic(), Boost(), Glide()]
SEEDS = range(20)


def site_of(name, kind="infrared"):
    return SensorSite(sensor=name, type=kind, lat_rad=0.6, lon_rad=2.4, height_m=0.0, parameters={})


def flown(seed):
    """Return a missile and the looks of a constellation without errors of attitude that see it, in order."""
    rng, end_ns = np.random.default_rng(seed), START_NS + UNTIL_S * NS
    flight = Missile(
        lat_deg=rng.uniform(20.0, 45.0), lon_deg=140.0, bearing_deg=rng.uniform(0.0, 360.0),
        range_km=rng.uniform(800.0, 2_500.0), apogee_km=rng.uniform(250.0, 600.0),
    ).fly("missile", START_NS, end_ns, Draws(seed, 0, "missile"))[0]  # fmt: skip
    eyes = Constellation(satellites=54, planes=6, phasing=1, pattern="star", inclination_deg=81.0)
    near = [
        each for each in eyes.fly("eye", START_NS, end_ns, Draws(0, 0, "eye"))
        if np.linalg.norm(each.state_ecef[::4, None, :3] - flight.state_ecef[::200, :3], axis=2).min() < 4_000_000.0
    ]  # fmt: skip
    world = World(seed=seed, replicate=0, start_ns=START_NS, end_ns=end_ns, flights=(flight, *near))
    observer, looks = Observer(attitude_bias_urad=0.0, attitude_wander_urad=0.0), []
    for eye in near:
        sensor = Sensor.at(site_of(eye.name))
        plots = arrange(
            observer.watch(world, site_of(eye.name), sensor, eye).observe(START_NS, end_ns).detections, sensor
        )
        looks += [(take(plots, plots.time_ns == each), sensor) for each in np.unique(plots.time_ns)]
    looks.sort(key=lambda look: (int(look[0].time_ns[0]), look[0].sensor))
    burnt_out_ns = int(flight.time_ns[flight.kind == Kind.BOOSTING][-1])
    return flight, burnt_out_ns, looks, tuple(eye.name for eye in near)


def tracker_of(names):
    return Tracker(node="n", sensor_names=names, motions=MOTIONS)


@pytest.fixture(scope="module")
def coasts():
    """Return, of each seed, the tracks 20 s after burn-out, and the truth then."""
    found = []
    for seed in SEEDS:
        flight, burnt_out_ns, looks, names = flown(seed)
        made, at_ns = tracker_of(names), burnt_out_ns + 20 * NS
        for plots, sensor in looks:
            if int(plots.time_ns[0]) <= at_ns:
                made.step(plots, sensor)
        found.append((made.picture(at_ns), flight.at(np.array([at_ns]))[0], burnt_out_ns))
    return found


def test_a_track_that_went_dark_goes_on_as_falling_and_as_last_measured_then(coasts):
    for tracks, _, burnt_out_ns in coasts:
        assert len(tracks) == 1
        assert tracks.kind_probability[0, Kind.BALLISTIC] > 0.8
        assert tracks.kind_probability[0, Kind.BOOSTING] < 0.02
        assert tracks.existence[0] > 0.9
        assert burnt_out_ns - 6 * NS < tracks.updated_ns[0] <= burnt_out_ns


def test_what_it_does_not_know_is_mostly_when_between_two_looks_the_burn_ended(coasts):
    """The velocity along the way over what it claims is chi-square; it is no surer than that."""
    squares = []
    for tracks, truth, _ in coasts:
        way = truth[3:] / np.linalg.norm(truth[3:])
        off = (tracks.state_ecef[0, 3:] - truth[3:]) @ way
        squares.append(off**2 / (way @ tracks.covariance_ecef[0, 3:, 3:] @ way))
    low, high = chi2.ppf([0.001, 0.999], len(squares))
    assert low < np.sum(squares) < high


def test_a_late_look_gives_what_it_would_have_given_in_time():
    _, burnt_out_ns, looks, names = flown(0)
    looks = [look for look in looks if int(look[0].time_ns[0]) <= burnt_out_ns + 30 * NS]
    late = next(i for i, (plots, _) in enumerate(looks) if int(plots.time_ns[0]) > burnt_out_ns - 12 * NS)
    orders = looks, [*looks[:late], *looks[late + 1 : late + 9], looks[late], *looks[late + 9 :]]
    pictures = []
    for order in orders:
        made = Rewind(tracker_of(names))
        for plots, sensor in order:
            made.step(plots, sensor)
        pictures.append(made.tracker.picture(burnt_out_ns + 30 * NS))
    assert len(pictures[0]) == 1
    for name in ("state_ecef", "covariance_ecef", "kind_probability", "existence", "updated_ns"):
        np.testing.assert_array_equal(getattr(pictures[0], name), getattr(pictures[1], name))


def test_only_infrared_sees_some_motions_better_than_others():
    bank = Bank(MOTIONS, [120.0, 200.0, 60.0, 300.0])
    radar = Radar.at(site_of("r", "search_radar"))
    assert np.unique(bank.seen_by(radar)[0]).tolist() == [radar.parameters["detection_probability"]]
    np.testing.assert_allclose(bank.seen_by(Sensor.at(site_of("e"))), [[0.02, 0.02, 0.9, 0.9], [0.98, 0.98, 0.1, 0.98]])
    # Whatever is seen is what such a bank has: a hot target is then followed by one of these.
    cold = Bank(MOTIONS[:2], [120.0, 200.0])
    np.testing.assert_allclose(cold.seen_by(Sensor.at(site_of("e"))), [[0.9, 0.9], [0.1, 0.1]])


def test_a_miss_weighs_models_by_their_chance_of_being_missed():
    bank = Bank(MOTIONS, [120.0, 200.0, 60.0, 300.0])
    layout = bank.layout(1)
    real, whole = np.zeros((1, layout.n_real)), np.zeros((1, layout.n_whole), np.int64)
    likely, missed = np.array([0.1, 0.2, 0.6, 0.1]), np.array([0.98, 0.98, 0.1, 0.98])
    real[0, PROBABILITY : PROBABILITY + 4], whole[0, Whole.TIME] = likely, START_NS
    none = np.zeros(1, np.int64)
    chance = miss(bank, layout, real, whole, none, np.array([START_NS]), missed[None])
    assert chance[0] == pytest.approx(1.0 - likely @ missed)
    after = real[0, PROBABILITY : PROBABILITY + 4]
    np.testing.assert_allclose(after, likely * missed / (likely @ missed))


def test_a_change_at_any_moment_between_two_looks_has_the_moments_of_what_is_drawn():
    rng, dt_s = np.random.default_rng(3), 5.0
    push = np.array([30.0, -20.0, 50.0])
    start = rng.normal(size=6)
    coasting = np.concatenate([start[:3] + dt_s * start[3:], start[3:]])
    pushed = coasting + np.concatenate([0.5 * dt_s**2 * push, dt_s * push])
    nothing = np.zeros((1, 6, 6))
    mean, spread = _changed_between((coasting[None], nothing), pushed[None], nothing)
    until_s = dt_s * rng.uniform(size=400_000)[:, None]
    way = 0.5 * until_s**2 * push + until_s * push * (dt_s - until_s)
    drawn = coasting + np.hstack([way, until_s * push])
    np.testing.assert_allclose(mean[0], drawn.mean(axis=0), rtol=1e-2)
    np.testing.assert_allclose(spread[0], np.cov(drawn.T), rtol=2e-2)
