"""How exact plain plots are, by themselves, where it is known how exact they were made."""

import numpy as np
import pytest

from noroshi.assessment.scatter import NEAR_MAX, TRIPLES_MAX, _residuals_m, look_s, scatter

NS = 10**9


def sigma_m(*plots, **reach):
    """Return how exact plots show themselves to be, if they do."""
    found = scatter(*plots, **reach)
    return None if found is None else found.sigma_m


def plots(rng, *, n, sigma_m, false, looks=30, field_m=5_000.0, speed_m_s=60.0, seen=0.9):
    """Return times and places of targets on straight ways, some looks missed, with false plots all over the field."""
    heading = rng.uniform(0.0, 2.0 * np.pi, n)
    first, velocity = rng.uniform(0.0, field_m, (n, 2)), speed_m_s * np.stack([np.sin(heading), np.cos(heading)], 1)
    times_ns, places_m = [], []
    for look in range(looks):
        at = (first + look * velocity)[rng.random(n) < seen]
        here = np.concatenate(
            [at + sigma_m * rng.normal(size=at.shape), rng.uniform(0.0, field_m, (rng.poisson(false), 2))]
        )
        times_ns.append(np.full(len(here), look * NS))
        places_m.append(here)
    return np.concatenate(times_ns), np.concatenate(places_m)


@pytest.mark.parametrize(("n", "of_m", "false"), [(5, 30.0, 0.0), (5, 1.0, 10.0), (5, 30.0, 10.0), (20, 10.0, 20.0)])
def test_it_is_what_was_put_in(n, of_m, false):
    found = [
        sigma_m(*plots(np.random.default_rng(seed), n=n, sigma_m=of_m, false=false), period_s=1.0, step_m=750.0)
        for seed in range(15)
    ]
    assert np.median(found) == pytest.approx(of_m, rel=0.1)
    assert max(found) < 1.5 * of_m
    assert min(found) > of_m / 1.5


def test_the_order_of_rows_does_not_matter_and_times_may_be_uneven():
    time_ns, position_m = plots(np.random.default_rng(1), n=5, sigma_m=30.0, false=0.0)
    late_ns = np.random.default_rng(2).uniform(0.0, 0.3, len(time_ns))  # with the plots where they were: 18 m along
    shuffled = np.random.default_rng(3).permutation(len(time_ns))
    stamps_ns = time_ns + (NS * late_ns).astype(np.int64)
    found = sigma_m(stamps_ns, position_m, period_s=1.0, step_m=750.0)
    assert found == pytest.approx(30.0, rel=0.25)
    assert sigma_m(stamps_ns[shuffled], position_m[shuffled], period_s=1.0, step_m=750.0) == pytest.approx(found)


@pytest.mark.parametrize("seed", range(5))
def test_chance_shows_nothing(seed):
    time_ns, position_m = plots(np.random.default_rng(seed), n=0, sigma_m=1.0, false=40.0)
    assert sigma_m(time_ns, position_m, period_s=1.0, step_m=750.0) is None
    assert sigma_m(time_ns[:2], position_m[:2], period_s=1.0, step_m=750.0) is None


def flown(first_m, velocity_m_s, sigma_m, rng, looks=60):
    """Return times and places of targets that all fly alike."""
    at = first_m + np.arange(looks)[:, None, None] * velocity_m_s
    at = at + sigma_m * rng.normal(size=at.shape)
    return np.repeat(np.arange(looks) * NS, len(first_m)), at.reshape(-1, 2)


def test_the_spacing_of_a_formation_is_no_noise():
    rng = np.random.default_rng(7)
    square_m = np.array([[0.0, 0.0], [60.0, 0.0], [0.0, 60.0], [60.0, 60.0]])
    time_ns, position_m = flown(square_m, [150.0, 20.0], 1.0, rng)
    assert sigma_m(time_ns, position_m, period_s=1.0, step_m=900.0) == pytest.approx(1.0, rel=0.25)
    time_ns, position_m = flown(rng.uniform(0.0, 100.0, (20, 2)), [15.0, 5.0], 0.5, rng)
    found = sigma_m(time_ns, position_m, period_s=1.0, step_m=150.0)
    assert found is None or found == pytest.approx(0.5, rel=0.5)
    column_m = np.stack([30.0 * np.arange(6), np.zeros(6)], axis=1)
    time_ns, position_m = flown(column_m, [20.0, 0.0], 1.0, rng)
    found = sigma_m(time_ns, position_m, period_s=1.0, step_m=200.0)
    assert found is None or found == pytest.approx(1.0, rel=0.5)


def test_places_on_a_grid_are_no_better_than_it_and_places_held_show_nothing():
    rng = np.random.default_rng(3)
    first_m, velocity_m_s = rng.uniform(0.0, 8_000.0, (5, 2)), rng.normal(size=(5, 2)) * 100.0
    time_ns, position_m = flown(first_m, velocity_m_s, 8.0, rng)
    found = sigma_m(time_ns, 50.0 * np.round(position_m / 50.0), period_s=1.0, step_m=900.0)
    assert found == pytest.approx(np.hypot(8.0, 50.0 / 12.0**0.5), rel=0.3)
    held_m = np.repeat(position_m.reshape(60, 5, 2), 10, axis=0).reshape(-1, 2)
    held_ns = np.repeat(np.arange(600) * (NS // 10), 5)
    assert sigma_m(held_ns, held_m, period_s=0.1, step_m=90.0) is None
    assert sigma_m(*flown(first_m, [0.0, 0.0], 0.0, rng), period_s=1.0, step_m=900.0) is None


def test_many_plots_at_once_make_no_more_triples():
    position_m = np.random.default_rng(1).normal(size=(24_000, 2)) * 2.0
    residual_m, *_ = _residuals_m(np.repeat(np.arange(12) * NS, 2_000), position_m, 1.0, 15.0)
    assert len(residual_m) <= TRIPLES_MAX + NEAR_MAX**2


def at_own_times(rng, *, n, false, when, looks=40, period_s=4.0, field_m=40e3, sigma_m=30.0):
    """Return times and places of targets past a radar that turns, or of each at random times, and of false plots."""
    first, velocity = rng.uniform(-field_m, field_m, (n, 2)), rng.normal(size=(n, 2)) * 120.0
    turn_s = period_s * np.arange(looks)[:, None] * np.ones(n)
    if when == "turning":
        at = first + turn_s[..., None] * velocity
        time_s = turn_s + period_s * (np.arctan2(at[..., 0], at[..., 1]) % (2.0 * np.pi)) / (2.0 * np.pi)
    else:
        time_s = rng.uniform(0.0, looks * period_s, (looks, n))
    seen = rng.random(time_s.shape) < 0.9
    at = (first + time_s[..., None] * velocity)[seen]
    at = at + sigma_m * rng.normal(size=at.shape)
    n_false = rng.poisson(false * looks)
    time_s = np.concatenate([time_s[seen], rng.uniform(0.0, looks * period_s, n_false)])
    return (NS * time_s).astype(np.int64), np.concatenate([at, rng.uniform(-field_m, field_m, (n_false, 2))])


@pytest.mark.parametrize(("n", "false"), [(1, 0.0), (5, 0.0), (5, 20.0), (40, 10.0)])
@pytest.mark.parametrize("seed", range(3))
def test_how_often_a_radar_that_turns_looks(n, false, seed):
    time_ns, position_m = at_own_times(np.random.default_rng(seed), n=n, false=false, when="turning")
    assert look_s(time_ns, position_m, step_m=lambda time_s: 900.0 * time_s) == pytest.approx(4.0, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_of_plots_at_random_times_most_targets_have_one_within_a_look(seed):
    time_ns, position_m = at_own_times(np.random.default_rng(seed), n=20, false=10.0, when="at random")
    found_s = look_s(time_ns, position_m, step_m=lambda time_s: 900.0 * time_s)
    assert found_s is not None
    assert 2.0 < found_s < 8.0


@pytest.mark.parametrize("seed", range(3))
def test_false_plots_alone_show_no_looks(seed):
    time_ns, position_m = at_own_times(np.random.default_rng(seed), n=0, false=20.0, when="turning")
    assert look_s(time_ns, position_m, step_m=lambda time_s: 900.0 * time_s) is None
    assert look_s(time_ns[:3], position_m[:3], step_m=lambda time_s: 900.0 * time_s) is None
