"""Of the pairs that a wide look finds none that matters is left out by asking each model where it has the track."""

import numpy as np
import pytest
from test_coarse_gate import GATES, MEASURED, N_PLOTS, N_TRACKS, START_NS, scene

from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.constant_velocity import Motion as Straight
from noroshi.motion.left_turn import Motion as Left
from noroshi.motion.right_turn import Motion as Right
from noroshi.sensors.rows import LOG_VOLUME, form_of
from noroshi.tracking.bank import Bank, Whole
from noroshi.tracking.store import EXISTENCE, Near, Store

BANKS = {"turns": (Straight, Left, Right), "what falls": (Straight, Ballistic)}
LEAST = -8.0


def confronted(models, measured, seed, least):
    """Return the pairs of every track with every plot, or of those that may matter."""
    given, plots, sensor, _ = scene(*MEASURED[measured][:2], seed, 1, 0.7)
    bank = Bank([model.of() for model in models], [60.0] * len(models))
    store, rows = Store(bank.layout(1), sigmas=given.sigmas), np.arange(N_TRACKS)
    store.epoch_ns = START_NS
    store.new_rows(N_TRACKS)
    own = given.offsets[0]
    states, spreads = given.real[rows, own : own + 6], given.real[rows, own + 6 : own + 42].reshape(-1, 6, 6)
    bank.begin(store, rows, states, spreads, np.where(rows % 2, 0.9, 1e-3))
    store.whole[rows] = given.whole[rows]
    store.whole[rows, Whole.STATUS] = rows % 2
    store.refresh(rows)
    store.tally["growth"] = np.array([bank.growth_m2_s3(states[0, :3])])
    form, (row, plot) = form_of(sensor, plots), (each.ravel() for each in np.indices((N_TRACKS, N_PLOTS)))
    pairs = bank.confront(
        store, row, plot, np.zeros_like(row), plots, form, sensor, GATES, keep_prior=True, least=least
    )
    return store, form, pairs


@pytest.mark.parametrize("models", BANKS)
@pytest.mark.parametrize("measured", ["a 3-D radar", "height measured twice", "range rate", "reports"])
def test_no_pair_that_matters_is_left_out_and_few_others_are_kept(models, measured):
    n_matter = n_kept = 0
    for seed in range(3):
        store, form, every = confronted(BANKS[models], measured, seed, None)
        _, _, kept = confronted(BANKS[models], measured, seed, LEAST)
        worth = store.near[every.row, Near.LOG_ODDS] + every.total + form[every.plot, LOG_VOLUME]
        matters = np.flatnonzero(every.is_inside & (worth >= LEAST))
        of_kept = {pair: e for e, pair in enumerate(zip(kept.row.tolist(), kept.plot.tolist(), strict=True))}
        same = [of_kept[pair] for pair in zip(every.row[matters].tolist(), every.plot[matters].tolist(), strict=True)]
        np.testing.assert_allclose(kept.total[same], every.total[matters], atol=5e-3)
        assert (store.real[:N_TRACKS, EXISTENCE] < 0.5).any()
        n_matter, n_kept = n_matter + len(matters), n_kept + len(kept.row)
    assert n_matter > 100
    assert n_kept <= 4.0 * n_matter
