import math

import numpy as np
import pytest
from scipy import stats

from noroshi.exercise.rotating_radar import MODE_C_STEP_M, Watch, observe
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Identity, SensorSite, Truth, digest, take
from noroshi.sensors.search_radar import Sensor

NS = 10**9
START_NS = 1_700_000_000 * NS
SITE = SensorSite(
    sensor="radar", type="search_radar", lat_rad=math.radians(46), lon_rad=math.radians(7), height_m=500.0
)


def watch(**changes):
    settings = {"start_ns": START_NS, "end_ns": START_NS + 600 * NS, "false_plots_a_scan": 0.0, "seed": 3}
    return Watch(site=SITE, sensor=Sensor.at(SITE), **settings | changes)


def flights(n=20, seconds=600):
    rng = np.random.default_rng(0)
    lat, lon = np.radians(rng.uniform(45, 47, n)), np.radians(rng.uniform(6, 8, n))
    axes, heading = enu_axes(lat, lon), rng.uniform(0, 2 * np.pi, n)[:, None]
    velocity = 220.0 * (np.sin(heading) * axes[:, 0] + np.cos(heading) * axes[:, 1])
    states = np.hstack([ecef_from_geodetic(lat, lon, np.full(n, 10_000.0)), velocity])
    times = np.arange(0, seconds + 1, 10)
    every = [Motion.of().propagate(states, np.full(n, float(t))) for t in times]
    return Truth(
        target=np.tile([f"flight {i:02d}" for i in range(n)], len(times)),
        time_ns=START_NS + np.repeat(times, n) * NS,
        kind=np.ones(n * len(times), np.uint8),
        state_ecef=np.concatenate(every),
        identity=Identity.absent(n * len(times)),
    )


def test_each_plot_is_taken_when_the_beam_passes():
    plots, owner = observe(flights(), watch())
    since = (plots.time_ns - START_NS) % (10 * NS) / (10 * NS) * 2 * np.pi
    off = (since - plots.values[:, 1] + np.pi) % (2 * np.pi) - np.pi
    assert np.abs(off).max() < 5 * math.radians(0.08)
    assert (owner != "").all()
    assert (np.diff(plots.time_ns) >= 0).all()


def test_noise_and_detections_are_as_the_sensor_says():
    """Chi-square on the errors, binomial on the detections, over all looks."""
    truth, w = flights(40), watch(seed=11)
    plots, owner = observe(truth, w)
    errors = []
    for name in np.unique(truth.target):
        leg, mine = take(truth, truth.target == name), owner == name
        dt_s = (plots.time_ns[mine] - START_NS) / NS
        states = Motion.of().propagate(np.repeat(leg.state_ecef[:1], mine.sum(), axis=0), dt_s)
        exact = w.sensor.measure(states, np.broadcast_to(w.sensor.origin_ecef_m, (mine.sum(), 3)))[:, :2]
        exact[:, 1] %= 2 * np.pi
        errors.append((plots.values[mine, :2] - exact) / [70.0, math.radians(0.08)])
    error = np.concatenate(errors)
    for column in error.T:
        assert stats.kstest(column, "norm").pvalue > 1e-3
    looks = 40 * 60
    assert stats.binomtest(len(plots), looks, 0.9).pvalue > 1e-3


def test_false_plots_are_poisson_and_uniform_over_the_area():
    w = watch(false_plots_a_scan=50.0, end_ns=START_NS + 3_000 * NS)
    plots, owner = observe(take(flights(), np.zeros(0, np.int64)), w)
    assert (owner == "").all()
    count = np.bincount((plots.time_ns - START_NS) // (10 * NS), minlength=300)
    assert abs(count.mean() - 50.0) < 3 * math.sqrt(50.0 / 300)
    assert abs(count.var() / 50.0 - 1.0) < 0.35
    assert stats.kstest((plots.values[:, 0] / w.range_m_max) ** 2, "uniform").statistic < 0.02
    assert stats.kstest(plots.values[:, 1] / (2 * np.pi), "uniform").pvalue > 1e-3


def test_mode_c_comes_in_steps():
    plots, _ = observe(flights(), watch())
    steps = plots.values[:, 2] / MODE_C_STEP_M
    assert np.abs(steps - np.round(steps)).max() < 1e-6


@pytest.mark.parametrize("without", ["flight 00", "flight 07"])
def test_a_target_less_shifts_nobody_elses_draws(without):
    truth = flights()
    plots, owner = observe(truth, watch())
    fewer, owner_fewer = observe(take(truth, truth.target != without), watch())
    assert digest(take(plots, owner != without)) == digest(fewer.replace(received_ns=plots.received_ns))
    assert (owner[owner != without] == owner_fewer).all()


def test_same_seed_same_bytes_and_another_seed_others():
    first, _ = observe(flights(), watch(false_plots_a_scan=20.0))
    again, _ = observe(flights(), watch(false_plots_a_scan=20.0))
    other, _ = observe(flights(), watch(false_plots_a_scan=20.0, seed=4))
    assert digest(first) == digest(again) != digest(other)


def test_a_target_outside_the_watch_is_not_seen_and_does_no_harm():
    later = watch(start_ns=START_NS + 10_000 * NS, end_ns=START_NS + 10_600 * NS)
    plots, _ = observe(flights(2), later)
    assert len(plots) == 0


def test_a_transponder_tells_the_codes_of_its_time_and_changes_nothing_else():
    truth = flights(5)
    address = 1_000 + np.unique(truth.target, return_inverse=True)[1]
    code = np.where(truth.time_ns < START_NS + 300 * NS, 0o1234, 0o4321)
    truth = truth.replace(identity=truth.identity.replace(icao_address=address, mode_3a=code))
    silent, _ = observe(truth, watch(false_plots_a_scan=20.0))
    plots, owner = observe(truth, watch(false_plots_a_scan=20.0, identity="transponder"))
    assert digest(plots.replace(identity=silent.identity)) == digest(silent)
    real = owner != ""
    assert (silent.identity.icao_address == -1).all()
    assert (plots.identity.icao_address[~real] == -1).all()
    assert (plots.identity.mode_3a[~real] == -1).all()
    assert (plots.identity.icao_address[real] == [1_000 + int(name[-2:]) for name in owner[real]]).all()
    assert (plots.identity.mode_3a[real] == np.where(plots.time_ns[real] < START_NS + 300 * NS, 0o1234, 0o4321)).all()
