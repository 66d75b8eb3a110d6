"""What observers share: paths, faults, clutter, resolution, errors that wander."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from observer_scenes import START_NS, flight, local, world
from scipy import stats

from noroshi.exercise.clutter import CHUNK, false_points, poisson
from noroshi.exercise.faults import Faults
from noroshi.exercise.keyed import Draws
from noroshi.exercise.paths import Paths
from noroshi.exercise.resolution import merged
from noroshi.exercise.sea import grazing_rad, reflectivity
from noroshi.exercise.wander import wander
from noroshi.exercise.world import Effect, Fault
from noroshi.geo.horizon import radar_horizon_m
from noroshi.geo.time import NS_PER_S


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), samples=st.integers(1, 6))
def test_paths_are_where_their_flights_are(seed, n, samples):
    rng = np.random.default_rng(seed)
    flights = []
    for k in range(n):
        one = flight(f"{k}", rng.normal(size=3) * 1e6, rng.normal(size=3) * 1e3)
        keep = np.sort(rng.choice(len(one.time_ns), samples, replace=False))
        state = rng.normal(size=(samples, 6)) * 1e3
        fields = {"time_ns": one.time_ns[keep], "state_ecef": state, "kind": one.kind[keep]}
        flights.append(
            type(one)(
                **{name: getattr(one, name) for name in type(one).__slots__} | fields | {"heat_w_sr": state[:, 0]}
            )
        )
    paths = Paths.of(flights)
    i_flight, time_ns = rng.integers(0, n, 50), START_NS + rng.integers(-50, 700, 50) * NS_PER_S
    time_ns[:n] = [one.time_ns[-1] for one in flights]
    states, sample = paths.at(i_flight, time_ns)
    for row in range(50):
        one = flights[i_flight[row]]
        np.testing.assert_allclose(states[row], one.at(time_ns[row : row + 1])[0], rtol=1e-9, atol=1e-6)
        assert paths.heat_w_sr[sample[row]] == one.heat_w_sr[one.sample(time_ns[row : row + 1])[0]]


def test_a_world_without_flights_has_paths():
    paths = world([]).paths
    assert len(paths) == 0
    assert paths.alive(0, 1).shape == (0,)
    assert paths.names.tolist() == [""]


def effect(fault, start_s, end_s, **values):
    return Effect(
        fault=fault, start_ns=START_NS + start_s * NS_PER_S, end_ns=START_NS + end_s * NS_PER_S, values=values
    )


def test_faults_add_up_while_they_last():
    faults = Faults(
        (
            effect(Fault.BIAS, 10, 30, range_m=5.0),
            effect(Fault.BIAS, 20, 40, range_m=2.0),
            effect(Fault.NOISE, 0, 20, factor=2.0),
            effect(Fault.NOISE, 10, 30, factor=3.0),
            effect(Fault.CLOCK, 10, 50, drift_s_s=0.1),
            effect(Fault.JAMMING, 0, 50, loss_db=6.0, azimuth_rad_min=6.0, azimuth_rad_max=0.5),
        )
    )
    times = START_NS + np.array([0, 10, 20, 30, 40]) * NS_PER_S
    assert faults.bias("range_m", times).tolist() == [0.0, 5.0, 7.0, 2.0, 0.0]
    assert faults.bias("azimuth_rad", times).tolist() == [0.0] * 5
    assert faults.noise(times).tolist() == [2.0, 6.0, 3.0, 1.0, 1.0]
    assert faults.clutter(times).tolist() == [1.0] * 5
    assert ((faults.clock_ns(times) - times) / NS_PER_S).tolist() == [0.0, 0.0, 1.0, 2.0, 3.0]
    assert faults.loss_db(np.array([6.1, 0.4, 1.0, -0.1, 5.9]), times).tolist() == [6.0, 6.0, 0.0, 6.0, 0.0]


def test_off_throughout_is_off_at_every_moment():
    faults = Faults((effect(Fault.OFF, 10, 20), effect(Fault.OFF, 18, 30), effect(Fault.OFF, 40, 50)))

    def off(start_s, end_s):
        return faults.is_off_throughout(START_NS + start_s * NS_PER_S, START_NS + end_s * NS_PER_S)

    assert off(10, 30)
    assert off(12, 29)
    assert not off(9, 20)
    assert not off(25, 45)
    assert off(40, 41)


@settings(max_examples=50, deadline=None)
@given(u=st.floats(1e-12, 1.0 - 1e-12), mean=st.floats(0.0, 500.0))
def test_poisson_numbers_are_scipys(u, mean):
    assert poisson(np.array([u]), np.array([mean]))[0] == max(stats.poisson.ppf(u, mean), 0)


def test_more_clutter_keeps_what_was_there():
    draws = Draws(1, 0, "radar")
    look, few = false_points(draws, np.full(50, 3.0), first_look=7, per_point=2)
    more_look, more = false_points(draws, np.full(50, 40.0), first_look=7, per_point=2)
    assert {tuple(point) for point in few} <= {tuple(point) for point in more}
    assert np.bincount(more_look).max() > 2 * CHUNK
    part_look, part = false_points(draws, np.full(20, 3.0), first_look=37, per_point=2)
    np.testing.assert_array_equal(part, few[look >= 30])
    np.testing.assert_array_equal(part_look, look[look >= 30] - 30)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(0, 12))
def test_no_two_plots_of_one_look_are_left_within_a_cell_of_the_stronger(seed, n):
    rng = np.random.default_rng(seed)
    look, power, values = rng.integers(0, 2, n), rng.permutation(n) + 1.0, rng.uniform(0.0, 5.0, (n, 2))
    cells = np.array([1.0, 2.0])
    kept, where = merged(look, power, values, cells)

    def near(i, j):
        return look[i] == look[j] and (np.abs(values[i] - values[j]) < cells).all()

    free, expected, at = set(range(n)), [], {}
    while free:
        strongest = max(free, key=lambda i: power[i])
        taken = [i for i in free if near(strongest, i)]
        at[strongest] = np.average(values[taken], axis=0, weights=power[taken])
        expected.append(strongest)
        free -= set(taken)
    assert sorted(kept.tolist()) == sorted(expected)
    for i, place in zip(kept, where, strict=True):
        np.testing.assert_allclose(place, at[i], rtol=1e-12)


def test_the_sea_reflects_as_published():
    # MathWorks, Radar Toolbox, seareflectivity: sea state 2, 10 degrees, 30 GHz, horizontal: 2.1555e-04.
    found = reflectivity(np.radians([10.0, 0.0, -1.0]), sea_state=2, frequency_ghz=30.0)
    np.testing.assert_allclose(found, [2.1555e-4, 0.0, 0.0], rtol=5e-5)


def test_rays_graze_the_earth_at_the_horizon():
    horizon_m = float(radar_horizon_m(300.0, 0.0))
    near, at, past = grazing_rad(np.full(3, 300.0), np.array([10e3, horizon_m, 1.2 * horizon_m]))
    assert np.isclose(near, np.arctan2(300.0 - 10e3**2 / (2 * 8.495e6), 10e3), rtol=1e-3)
    assert abs(at) < 1e-6
    assert past < 0.0


def test_an_error_that_wanders_is_as_wide_as_said_and_changes_slowly():
    seconds = np.array([0.0, 1.0, 1_000.0, 5_000.0])
    drawn = np.array([
        wander(Draws(k, 0, "one"), "x", seconds=seconds, sigma=2.0, period_s=900.0, n=2) for k in range(400)
    ])  # fmt: skip
    for column in drawn.reshape(400, -1).T:
        assert stats.kstest(column / 2.0, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(drawn[:, 0, 0], drawn[:, 0, 1])[0, 1]) < 0.17
    assert np.abs(drawn[:, 1] - drawn[:, 0]).max() < 2.0 * 5.0 * 2.0 * np.pi / 450.0


def test_local_flights_of_the_scenes_move_as_told():
    one = local("a", [0.0, 0.0, 100.0], [3.0, 4.0, 0.0])
    assert np.isclose(np.linalg.norm(one.at(one.time_ns[-1:])[0, :3] - one.state_ecef[0, :3]), 3_000.0)
