"""The speed bench's scenes and its expert's Stone Soup, held to integrators, assignment and Stone Soup's own models."""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import linear_sum_assignment
from scipy.stats import binom

from noroshi.assessment import gospa
from noroshi.records import digest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from speed_parts import scenes

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Stone Soup tells that an optional tree is not there
    from speed_parts import compare, stone_soup_peers


@pytest.mark.parametrize("layout", ["sparse", "raid"])
def test_equal_arguments_give_equal_scenes_and_both_timings_the_same_motion(layout):
    first, again = (scenes.make(layout, 50, seed=3, n_scans=4) for _ in range(2))
    shared = scenes.make(layout, 50, seed=3, n_scans=4, timing="shared")
    assert digest(*first.plots) == digest(*again.plots)
    times_ns = first.picture_times_ns()
    assert digest(first.truth(times_ns)) == digest(shared.truth(times_ns))
    assert [len(scan) for scan in first.scans()] == [len(scan) for scan in shared.scans()]


def test_paths_are_those_of_a_turn_at_constant_speed():
    paths = scenes.make("sparse", 30, seed=1, n_scans=1).paths
    turning = int(np.flatnonzero(paths.turn_rad_s)[0])
    rate = paths.turn_rad_s[turning]

    def slope(_, y):
        return [y[3], y[4], y[5], -rate * y[4], rate * y[3], 0.0]

    begin = np.concatenate([np.zeros(3), paths.velocity_enu_m_s[turning]])
    moved = solve_ivp(slope, (0.0, 200.0), begin, rtol=1e-11, atol=1e-9).y[:, -1]
    found = paths.states(np.full(30, 200.0))[turning]
    axes = paths.axes[turning]
    assert np.allclose(axes @ (found[:3] - paths.start_ecef_m[turning]), moved[:3], atol=1e-3)
    assert np.allclose(axes @ found[3:], moved[3:], atol=1e-6)


def test_plots_are_where_the_beam_is_and_as_many_as_stated():
    scene = scenes.make("sparse", 400, seed=2, n_scans=6)
    plots, period_ns = scene.plots[0], 10_000_000_000
    turn = (plots.time_ns - scenes.START_NS) % period_ns / period_ns * 2.0 * np.pi
    off = np.angle(np.exp(1j * (turn - plots.values[:, 1])))
    sigma = scene.sensors[0].parameters["azimuth_sigma_rad"]
    off = off[np.abs(np.angle(np.exp(1j * plots.values[:, 1]))) > 0.1]  # one that crosses north meets no beam there
    true = np.abs(off) > 1e-8  # false plots have no noise: they are where the beam is to the nanosecond
    assert np.abs(off).max() < 6.0 * sigma
    assert np.isclose(off[true].std(), sigma, rtol=0.1)
    assert binom.cdf(len(plots) - np.count_nonzero(~true), 400 * 6, 0.9) == pytest.approx(0.5, abs=0.499)


def test_groups_have_their_sizes_and_spacing():
    paths = scenes.make("raid", 500, seed=5, n_scans=1).paths
    members = np.diff(np.flatnonzero(np.append(np.diff(paths.spacing_m, prepend=-1.0) != 0.0, True)))
    assert members[:-1].min() >= scenes.GROUP[0]
    assert members.max() <= scenes.GROUP[1]
    between = np.linalg.norm(paths.start_ecef_m[1] - paths.start_ecef_m[0])
    assert np.isclose(between, paths.spacing_m[0], rtol=1e-2)


def test_thousands_of_targets_get_radars_of_their_own_that_do_not_overlap(monkeypatch):
    monkeypatch.setattr(scenes, "TARGETS_A_RADAR", 500)
    scene = scenes.make("sparse", 2_000, seed=1, n_scans=1)
    assert len(scene.sites) == 4
    assert min(map(len, scene.plots)) > 400


def test_converted_positions_are_stone_soups_own_and_their_spread_that_of_the_noise():
    model = stone_soup_peers.CartesianToElevationBearingRange(
        ndim_state=6, mapping=stone_soup_peers.POSITION, noise_covar=np.diag([1e-6, 1e-6, 4_900.0])
    )
    value, sigma = np.array([[120_000.0, 2.0, 0.05]]), np.array([70.0, 1.4e-3, 1.7e-3])
    position, covariance = stone_soup_peers.converted(value, sigma)
    state = model.inverse_function(
        stone_soup_peers.Detection(stone_soup_peers._polar(value)[0], measurement_model=model)
    )
    assert np.allclose(position[0], np.asarray(state, float)[[0, 2, 4], 0], rtol=1e-5, atol=1.0)
    rng = np.random.Generator(np.random.Philox(1))
    many = stone_soup_peers.converted(value + rng.normal(size=(200_000, 3)) * sigma, sigma)[0]
    assert np.allclose(np.cov(many.T), covariance[0], rtol=0.02, atol=200.0)


def test_the_sparse_assignment_costs_what_the_dense_one_does():
    rng = np.random.Generator(np.random.Philox(2))
    gate = stone_soup_peers.GATE
    for _ in range(20):
        distance = rng.uniform(0.0, 2.0 * gate, (12, 15))
        i, j = np.nonzero(distance < gate)
        chosen = stone_soup_peers._sparse_assignment(i, j, distance[i, j], 12, 15)
        left = np.where(np.eye(12, dtype=bool), gate, np.inf)
        dense = np.hstack([np.where(distance < gate, distance, np.inf), left])
        best = dense[linear_sum_assignment(dense)].sum()
        assert np.isclose(sum(cost for _, cost in chosen.values()) + gate * (12 - len(chosen)), best)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("timing", ["shared", "rotating"])
def test_the_expert_tracks_no_worse_than_the_documented(timing):
    errors = {"documented": [], "expert": []}
    for seed in (1, 2):
        scene = scenes.make("sparse", 8, seed=seed, n_scans=10, timing=timing, period_s=4.0)
        times_ns = scene.picture_times_ns()[7:]  # a track made one scan earlier or later is luck
        truth = scene.truth(times_ns)
        for peer, found in errors.items():
            tracks = stone_soup_peers.run(peer, scene).tracks
            found.append(gospa.measure(truth, tracks, times_ns=times_ns, view=compare.VIEW)["gospa_m"])
    assert np.mean(errors["expert"]) <= 1.01 * np.mean(errors["documented"])


def test_the_upper_bound_holds_its_mean_as_often_as_it_says():
    rng = np.random.Generator(np.random.Philox(3))
    samples = rng.normal(size=(150, 30))
    held = sum(compare.upper_bound(list(sample)) >= 0.0 for sample in samples)
    assert binom.cdf(held, 150, 0.95) > 0.005
    assert compare.upper_bound([0.1, 0.2]) is None
