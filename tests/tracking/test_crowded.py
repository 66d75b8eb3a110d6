"""Where many plots may be many tracks', how well they fit is found first, and states of those alone that matter."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from test_coarse_gate import GATES, MEASURED, N_PLOTS, N_TRACKS, scene

import noroshi.tracking.bank as banks
from noroshi.sensors.rows import form_of
from noroshi.tracking.settling import settle

EVERY = tuple(each.ravel() for each in np.indices((N_TRACKS, N_PLOTS)))


def confronted(seed, n_models, *, measured="a 3-D radar", keep_prior=True, at_once=False, executor=None):
    store, plots, sensor, bank = scene(*MEASURED[measured][:2], seed, n_models, 0.7)
    bank.executor = executor
    if at_once:
        plots = plots.replace(time_ns=np.full(N_PLOTS, plots.time_ns.min()))
    # No plot is older than its track.
    store.whole[:N_TRACKS, banks.Whole.TIME] = plots.time_ns.min() - 4 * banks.NS_PER_S
    store.refresh(np.arange(N_TRACKS))
    form, (row, plot) = form_of(sensor, plots), EVERY
    pairs = bank.confront(store, row, plot, np.zeros_like(row), plots, form, sensor, GATES, keep_prior=keep_prior)
    return bank, store, pairs, plots, form, sensor


@pytest.mark.parametrize("n_models", [1, 2])
@pytest.mark.parametrize("measured", ["a 3-D radar", "height measured twice", "reports"])
def test_fit_and_gate_are_those_of_taking_the_plot_in(measured, n_models, monkeypatch):
    quick = confronted(1, n_models, measured=measured)[2]
    monkeypatch.setattr(banks, "CROWDED", N_PLOTS)
    monkeypatch.setattr(banks, "CROWDED_MODELS", N_PLOTS)
    whole = confronted(1, n_models, measured=measured)[2]
    assert len(whole.means[0]) == len(EVERY[0])
    near = whole.distance < 2.0 * GATES[3]
    assert near.sum() > 50
    # Of 50 ms of its way a track's acceleration makes a millimetre, of standard deviations of metres and more.
    np.testing.assert_allclose(quick.fit[:, near], whole.fit[:, near], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(quick.total[near], whole.total[near], atol=5e-3)
    assert (quick.is_inside != whole.is_inside).sum() <= 1


def test_a_velocity_that_is_measured_is_taken_in_as_ever():
    pairs = confronted(1, 1, measured="range rate")[2]
    assert len(pairs.means[0]) == len(EVERY[0])


@pytest.mark.parametrize("keep_prior", [False, True])
@pytest.mark.parametrize("n_models", [1, 2])
def test_tracks_are_as_if_every_state_had_been_made(n_models, keep_prior, monkeypatch):
    after = []
    for crowded in (banks.CROWDED, N_PLOTS):
        monkeypatch.setattr(banks, "CROWDED", crowded)
        monkeypatch.setattr(banks, "CROWDED_MODELS", crowded)
        bank, store, pairs, plots, form, sensor = confronted(2, n_models, keep_prior=keep_prior, at_once=True)
        best = np.full(N_TRACKS, -1)
        for e in np.flatnonzero(pairs.is_inside):
            if best[pairs.group[e]] < 0 or pairs.total[e] > pairs.total[best[pairs.group[e]]]:
                best[pairs.group[e]] = e
        weight = np.zeros(len(pairs.row))
        # With no prior a track has one plot for sure or none; else something is left to none.
        weight[best[best >= 0]] = 0.7 if keep_prior else 1.0
        made = bank.that_matter(store, pairs, weight, np.linspace(0.1, 0.9, N_TRACKS), plots, form, sensor)
        assert len(made[0].means[0]) == len(made[0].row) == (len(EVERY[0]) if crowded == N_PLOTS else (best >= 0).sum())
        settle(store, made[0], made[1], plots.time_ns, made[2], bank)
        after.append((store.real[:N_TRACKS].copy(), store.whole[:N_TRACKS].copy()))
        assert (best >= 0).sum() > 50
    for quick, whole in zip(*after, strict=True):
        np.testing.assert_allclose(quick, whole, rtol=1e-9, atol=1e-9)


def test_two_threads_give_the_same_bytes():
    with ThreadPoolExecutor(2) as pool:
        two = confronted(3, 2, executor=pool)[2]
    one = confronted(3, 2)[2]
    assert len(one.row) > 2 * 4096
    for name in ("fit", "distance", "log_likelihood", "total", "is_inside"):
        assert getattr(one, name).tobytes() == getattr(two, name).tobytes()
