"""How exact plain plots are, by themselves, where it is known how exact they were made."""

import numpy as np
import pytest

from noroshi.assessment.scatter import scatter_m

NS = 10**9


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


@pytest.mark.parametrize(("n", "sigma_m", "false"), [(5, 30.0, 0.0), (5, 1.0, 10.0), (5, 30.0, 10.0), (20, 10.0, 20.0)])
def test_it_is_what_was_put_in(n, sigma_m, false):
    found = [
        scatter_m(*plots(np.random.default_rng(seed), n=n, sigma_m=sigma_m, false=false), period_s=1.0, step_m=750.0)
        for seed in range(15)
    ]
    assert np.median(found) == pytest.approx(sigma_m, rel=0.1)
    assert max(found) < 1.5 * sigma_m
    assert min(found) > sigma_m / 1.5


def test_the_order_of_rows_does_not_matter_and_times_may_be_uneven():
    time_ns, position_m = plots(np.random.default_rng(1), n=5, sigma_m=30.0, false=0.0)
    late_ns = np.random.default_rng(2).uniform(0.0, 0.3, len(time_ns))  # with the plots where they were: 18 m along
    shuffled = np.random.default_rng(3).permutation(len(time_ns))
    stamps_ns = time_ns + (NS * late_ns).astype(np.int64)
    found = scatter_m(stamps_ns, position_m, period_s=1.0, step_m=750.0)
    assert found == pytest.approx(30.0, rel=0.25)
    assert scatter_m(stamps_ns[shuffled], position_m[shuffled], period_s=1.0, step_m=750.0) == pytest.approx(found)


@pytest.mark.parametrize("seed", range(5))
def test_chance_shows_nothing(seed):
    time_ns, position_m = plots(np.random.default_rng(seed), n=0, sigma_m=1.0, false=40.0)
    assert scatter_m(time_ns, position_m, period_s=1.0, step_m=750.0) is None
    assert scatter_m(time_ns[:2], position_m[:2], period_s=1.0, step_m=750.0) is None
