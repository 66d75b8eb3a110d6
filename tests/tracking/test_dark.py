"""Once infrared sees a boost no more its track falls freely, as sure of that as it may be, and goes on."""

import time

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
from noroshi.records import Kind, Quality, SensorSite, TrackStatus, concatenate, take
from noroshi.sensors.infrared import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as Radar
from noroshi.tracking.bank import Bank
from noroshi.tracking.dark import _changed_between, miss
from noroshi.tracking.rewind import Rewind, good
from noroshi.tracking.settling import _finish
from noroshi.tracking.store import PROBABILITY, Whole
from noroshi.tracking.trackers.soft import Tracker

NS, START_NS, UNTIL_S = 10**9, 1_900_000_000 * 10**9, 300
MOTIONS = [ConstantVelocity(), Ballistic(), Boost(), Glide()]
SEEDS = range(20)


def site_of(name, kind="infrared"):
    return SensorSite(sensor=name, type=kind, lat_rad=0.6, lon_rad=2.4, height_m=0.0, parameters={})


def flown(seed, until_s=UNTIL_S):
    """Return a missile and the looks of a constellation without errors of attitude that see it, in order."""
    rng, end_ns = np.random.default_rng(seed), START_NS + until_s * NS
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
        at_ns = burnt_out_ns + 20 * NS
        made = stepped([look for look in looks if int(look[0].time_ns[0]) <= at_ns], names)
        found.append((made.picture(at_ns), flight.at(np.array([at_ns]))[0], burnt_out_ns))
    return found


def test_a_track_that_went_dark_goes_on_as_falling_and_as_last_measured_then(coasts):
    for tracks, _, burnt_out_ns in coasts:
        assert len(tracks) == 1
        assert tracks.kind_probability[0, Kind.BALLISTIC] > 0.8
        assert tracks.kind_probability[0, Kind.BOOSTING] < 0.02
        assert tracks.existence[0] > 0.8  # what may glide goes down as anything that is missed
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


def stepped(looks, names):
    made = tracker_of(names)
    for plots, sensor in looks:
        made.step(plots, sensor)
    return made


@pytest.mark.parametrize("seed", range(4))
def test_a_feed_that_is_cut_under_thrust_says_nothing_of_a_burn_that_is_over(seed):
    """Nobody is known to have looked: the track goes as any that is seen no more."""
    _, burnt_out_ns, looks, names = flown(seed)
    cut_ns = burnt_out_ns - 20 * NS
    made = stepped([look for look in looks if int(look[0].time_ns[0]) <= cut_ns], names)
    before, later = made.picture(cut_ns), [made.picture(cut_ns + s * NS) for s in (10, 20, 40, 120, 600)]
    assert len(before) == 1
    assert before.kind_probability[0, Kind.BOOSTING] > 0.9
    assert [len(tracks) for tracks in later[2:]] == [0, 0, 0]
    for tracks in later[:2]:
        assert (tracks.kind_probability[:, Kind.BALLISTIC] <= before.kind_probability[0, Kind.BALLISTIC]).all()
        assert (tracks.existence < 0.95).all()
    # What comes from elsewhere much later ends it, and is not its.
    plots, sensor = next(look for look in looks if good(look[0]).time_ns.size)
    plots = good(plots).replace(time_ns=good(plots).time_ns * 0 + cut_ns + 600 * NS)
    told = made.step(plots, sensor)
    assert told.status.tolist() == [TrackStatus.LOST]


def test_what_is_seen_no_more_without_a_look_that_is_known_does_not_fall_on():
    _, burnt_out_ns, looks, names = flown(0)
    silent = [(good(plots), sensor) for plots, sensor in looks if good(plots).time_ns.size]
    made = stepped([look for look in silent if int(look[0].time_ns[0]) <= burnt_out_ns + 40 * NS], names)
    assert len(made.picture(burnt_out_ns + 40 * NS)) == 0


def test_a_look_past_the_earth_says_nothing():
    _, burnt_out_ns, looks, names = flown(0)
    until = [look for look in looks if int(look[0].time_ns[0]) <= burnt_out_ns]
    made = stepped(until, names)
    row, state = int(made.store.in_use()[0]), made.state()
    seen_by = [int(np.flatnonzero(made.store.whole[row, Whole.FIRST_SENSOR :][: len(names)])[0])]
    sensor = next(each for plots, each in looks if plots.sensor == names[seen_by[0]])
    at_ns = burnt_out_ns + 6 * NS
    place = made.store.moments(np.array([row]))[0][0, :3]
    before = made.store.real[row].copy()
    moved, ended = made.missed(at_ns, -2.0 * place, sensor, seen_by[0], np.zeros(0, np.int64))
    assert not moved.size
    assert not ended.size
    np.testing.assert_array_equal(made.store.real[row], before)
    made.restore(state)
    moved, _ = made.missed(at_ns, 1.3 * place, sensor, seen_by[0], np.zeros(0, np.int64))
    assert moved.tolist() == [row]
    assert made.store.whole[row, Whole.MEASURED] < made.store.whole[row, Whole.TIME] == at_ns


def finished(weight, *, is_look):
    """Return a row of two models, both as likely, of which a look sees the second, after a plot that is so much its."""
    layout = Bank(MOTIONS[:2], [120.0, 200.0]).layout(1)
    real, whole, none = np.zeros((1, layout.n_real)), np.zeros((1, layout.n_whole), np.int64), np.zeros(1, np.int64)
    real[0, PROBABILITY : PROBABILITY + 2], whole[0, [Whole.TIME, Whole.MEASURED]] = 0.5, START_NS
    seen = np.array([0.02, 0.9])
    log_likelihood = np.log(seen[None] / 0.9)
    total = np.log(np.exp(log_likelihood) @ [0.5, 0.5])
    _finish(real, whole, none, np.array([0, 1]), none, np.array([weight]), np.array([START_NS + NS]), real.copy(),
            log_likelihood, total, np.ones((1, 2), np.bool_), seen, np.ones(2, np.bool_), is_look,
            np.ones(1))  # fmt: skip
    return real[0, PROBABILITY : PROBABILITY + 2], whole[0]


def test_a_plot_of_little_weight_measures_the_row_that_it_moves():
    _, whole = finished(0.2, is_look=True)
    assert whole[Whole.TIME] == whole[Whole.MEASURED] == START_NS + NS


def test_beside_a_plot_that_is_hardly_its_a_look_says_what_a_miss_does_if_it_is_known_to_be_one():
    seen, missed = np.array([0.02, 0.9]) / 0.92, np.array([0.98, 0.1]) / 1.08
    np.testing.assert_allclose(finished(0.2, is_look=True)[0], 0.2 * seen + 0.8 * missed)
    np.testing.assert_allclose(finished(0.2, is_look=False)[0], 0.2 * seen + 0.8 * np.array([0.5, 0.5]))


def test_what_nobody_sees_fall_ends_when_it_must_have_come_down_or_was_not_measured_for_a_life():
    _, burnt_out_ns, looks, names = flown(0)
    made = stepped([look for look in looks if int(look[0].time_ns[0]) <= burnt_out_ns + 40 * NS], names)
    row, at_ns = int(made.store.in_use()[0]), burnt_out_ns + 3_000 * NS
    assert len(made.picture(burnt_out_ns + 300 * NS)) == 1
    assert len(made.picture(at_ns)) == 0
    measured_ns = made.store.whole[row, Whole.MEASURED]
    made.store.whole[row, Whole.MEASURED] -= round(made.parameters.life_s * NS)
    assert len(made.picture(burnt_out_ns + 300 * NS)) == 0
    made.store.whole[row, Whole.MEASURED] = measured_ns
    # After a long silence it is paired with nothing, however near, and worked out once: not look by look.
    plots, sensor = next((good(plots), sensor) for plots, sensor in looks if good(plots).time_ns.size)
    plots = plots.replace(time_ns=np.full(len(plots), at_ns))
    begin = time.process_time()
    told = made.step(plots, sensor)
    assert time.process_time() - begin < 0.5
    assert told.status.tolist() == [TrackStatus.LOST]


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


def test_looks_of_who_has_seen_nothing_that_is_tracked_are_kept_and_run_nothing_again():
    _, burnt_out_ns, looks, names = flown(0)
    looks = [look for look in looks if int(look[0].time_ns[0]) <= burnt_out_ns + 30 * NS]
    blind, eye = "blind", looks[0][1]
    empty = [take(plots, plots.quality == Quality.NOTHING).replace(sensor=blind) for plots, _ in looks]
    begun = next(i for i, (plots, _) in enumerate(looks) if (plots.quality == Quality.GOOD).any())
    found = []
    for is_late in (None, False, True):
        made = Rewind(tracker_of((*names, blind)))
        for i, (plots, sensor) in enumerate(looks):
            made.step(plots, sensor)
            if is_late is not None and i > begun:
                made.step(empty[i - 3 if is_late else i], eye)
        assert made.n_reruns == 0
        found.append((made, made.tracker.picture(burnt_out_ns + 30 * NS)))
    assert len(found[0][1]) == 1
    for _, picture in found[1:]:
        for name in ("state_ecef", "covariance_ecef", "kind_probability", "existence", "updated_ns"):
            np.testing.assert_array_equal(getattr(found[0][1], name), getattr(picture, name))
    before, batches = found[2][0].memory()
    again = Rewind(tracker_of((*names, blind)))
    again.resume(before, batches, dict.fromkeys((*names, blind), eye), found[2][0].counters())
    np.testing.assert_array_equal(again.tracker.state()["real"], found[2][0].tracker.state()["real"])


def test_looks_of_who_has_seen_a_track_that_ended_since_are_run():
    _, burnt_out_ns, looks, names = flown(0)
    looks = [look for look in looks if int(look[0].time_ns[0]) <= burnt_out_ns - 12 * NS]
    made = Rewind(tracker_of(names))
    for plots, sensor in looks:
        made.step(plots, sensor)
    tracker, last_ns = made.tracker, int(looks[-1][0].time_ns[0])
    seen_by = {name for name in names if tracker._has_seen(names.index(name))}
    assert seen_by
    tracker.store.begin()
    tracker._free(tracker.store.in_use(), last_ns)
    assert {name for name in names if tracker.heeds(name, last_ns)} == seen_by
    assert not any(tracker.heeds(name, last_ns + 1) for name in names)


def test_what_went_dark_is_followed_until_it_comes_down():
    flight, burnt_out_ns, looks, names = flown(0, until_s=700)
    end_ns = int(flight.time_ns[-1])
    assert end_ns > burnt_out_ns + 400 * NS
    made, shown_ns = tracker_of(names), 0
    for plots, sensor in looks:
        now_ns = int(plots.time_ns[0])
        if now_ns < end_ns:
            made.step(plots, sensor)
            shown_ns = now_ns if len(made.picture(now_ns)) else shown_ns
    assert shown_ns > end_ns - 15 * NS


def test_a_look_that_is_told_twice_is_one_look():
    _, burnt_out_ns, looks, names = flown(0)
    found = []
    for times in (1, 3):
        made = tracker_of(names)
        for plots, sensor in looks:
            if int(plots.time_ns[0]) < burnt_out_ns + 20 * NS:
                again = [take(plots, plots.quality == Quality.NOTHING)] * (times - 1)
                made.step(concatenate([plots, *again]), sensor)
        found.append(made.state())
    np.testing.assert_array_equal(found[0]["real"], found[1]["real"])


def test_only_infrared_sees_some_motions_better_than_others():
    bank = Bank(MOTIONS, [120.0, 200.0, 60.0, 300.0])
    radar = Radar.at(site_of("r", "search_radar"))
    assert np.unique(bank.seen_by(radar)[0]).tolist() == [radar.parameters["detection_probability"]]
    seen, speaks = bank.seen_by(Sensor.at(site_of("e")))
    np.testing.assert_allclose(seen, [0.9, 0.02, 0.9, 0.9])  # an aircraft that infrared sees is hot: it does not coast
    assert speaks.tolist() == [True, True, True, False]
    # Whatever is seen is what such a bank has: a hot target is then followed by one of these.
    cold = Bank(MOTIONS[1:2], [200.0])
    np.testing.assert_allclose(cold.seen_by(Sensor.at(site_of("e")))[0], [0.9])


def test_a_miss_weighs_models_by_their_chance_of_being_missed():
    bank = Bank(MOTIONS, [120.0, 200.0, 60.0, 300.0])
    layout = bank.layout(1)
    real, whole = np.zeros((1, layout.n_real)), np.zeros((1, layout.n_whole), np.int64)
    likely, seen = np.array([0.1, 0.2, 0.6, 0.1]), np.array([0.9, 0.02, 0.9, 0.9])
    real[0, PROBABILITY : PROBABILITY + 4], whole[0, Whole.TIME] = likely, START_NS
    chance = miss(bank, layout, real, whole, np.zeros(1, np.int64), START_NS, Sensor.at(site_of("e")))
    assert chance[0] == pytest.approx(likely @ [0.9, 0.02, 0.9, 0.02])  # nobody knows whether it glides brightly
    after = real[0, PROBABILITY : PROBABILITY + 4]
    np.testing.assert_allclose(after[:3], 0.9 * likely[:3] * (1.0 - seen[:3]) / (likely[:3] @ (1.0 - seen[:3])))
    assert after[3] == pytest.approx(likely[3])  # of what glides nobody knows whether it is bright enough


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
