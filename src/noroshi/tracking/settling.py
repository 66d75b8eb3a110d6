"""What the plots of a batch made of tracks, written into the store: each model's state, then what may be and when.

Sources: those of `tracking.bank`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.tracking.bank import Bank, Pairs
from noroshi.tracking.mixing import PROBABILITY_MIN, weigh_miss
from noroshi.tracking.store import PROBABILITY, Integers, Store, Whole


def settle(store: Store, pairs: Pairs, weight: Floats, time_ns: Integers, existence: Floats, bank: Bank) -> None:
    """Write into the store what the plots made of the tracks.

    Args:
        store: the tracks, put aside already.
        pairs: what `Bank.confront` returned, the prior kept unless each track has one plot of weight 1 or none.
        weight: (p,) probability that the plot is the track's; what is missing to 1 in a track is that none is.
        time_ns: (n,) the plots' times.
        existence: (t,) of the tracks after it.
        bank: that the pairs are of.
    """
    offsets = store.layout.offsets
    for k, size in enumerate(store.layout.sizes):
        prior = pairs.ahead[k] if pairs.ahead else np.empty((0, size))
        prior_spread = pairs.spread[k] if pairs.spread else np.empty((0, size, size))
        _merge(
            store.real, store.whole, pairs.rows, pairs.begin, pairs.plot, weight, time_ns, pairs.log_likelihood,
            pairs.total, pairs.carried, k, size, offsets[k], pairs.means[k],
            pairs.covariances[k].reshape(-1, size * size), prior, prior_spread.reshape(-1, size * size),
        )  # fmt: skip
    _finish(store.real, store.whole, pairs.rows, pairs.begin, pairs.plot, weight, time_ns, pairs.mixed,
            pairs.log_likelihood, pairs.total, pairs.carried, pairs.seen, pairs.speaks, pairs.is_look,
            existence)  # fmt: skip
    bank.leave_aside(store, pairs, weight)


@kernel
def _merge(
    real: Floats,
    whole: Integers,
    rows: Integers,
    begin: Integers,
    plot: Integers,
    weight: Floats,
    time_ns: Integers,
    log_likelihood: Floats,
    total_log_likelihood: Floats,
    carried: NDArray[np.bool_],
    k: int,
    d: int,
    offset: int,
    means: Floats,
    covariances: Floats,
    prior: Floats,
    prior_spread: Floats,
) -> None:
    """Write one model's state of each track: the mean and spread of what each plot, or none, makes of it.

    All is brought to the time of the likeliest plot; what lies some milliseconds off is moved by its own velocity.
    Covariances are (p, d * d) and (t, d * d).
    """
    middle, off = np.empty(d), np.empty(d)
    for t in range(rows.shape[0]):
        first, end = begin[t], begin[t + 1]
        best, claimed = _likeliest(weight, first, end)
        if claimed <= 0.0 or not carried[t, k]:
            continue
        row = real[rows[t]]
        if weight[best] >= 1.0:
            for a in range(d):
                row[offset + a] = means[best, a]
            for c in range(d * d):
                row[offset + d + c] = covariances[best, c]
            continue
        own_ns = whole[rows[t], Whole.TIME]
        until_ns = max(own_ns, time_ns[plot[best]])
        # Twice through the hypotheses: for the mean, then for the spread about it. The first is that no plot is its.
        total = 0.0
        middle[:] = 0.0
        for e in range(first - 1, end):
            share = 1.0 - claimed if e < first else weight[e] * _relative(log_likelihood, total_log_likelihood, e, k)
            state = prior[t] if e < first else means[e]
            if share <= 0.0 or not math.isfinite(state[0]):
                continue
            late_s = (until_ns - max(own_ns, time_ns[plot[max(e, first)]])) / NS_PER_S
            total += share
            for a in range(d):
                middle[a] += share * state[a]
            for a in range(3):
                middle[a] += share * late_s * state[3 + a]
        if total <= 0.0:
            continue
        for a in range(d):
            middle[a] /= total
            row[offset + a] = middle[a]
            for b in range(d):
                row[offset + d + a * d + b] = 0.0
        for e in range(first - 1, end):
            share = 1.0 - claimed if e < first else weight[e] * _relative(log_likelihood, total_log_likelihood, e, k)
            state, spread = (prior[t], prior_spread[t]) if e < first else (means[e], covariances[e])
            if share <= 0.0 or not math.isfinite(state[0]):
                continue
            share /= total
            late_s = (until_ns - max(own_ns, time_ns[plot[max(e, first)]])) / NS_PER_S
            for a in range(d):
                off[a] = state[a] - middle[a]
            for a in range(3):
                off[a] += late_s * state[3 + a]
            for a in range(d):
                for b in range(d):
                    row[offset + d + a * d + b] += share * (spread[a * d + b] + off[a] * off[b])


@kernel
def _likeliest(weight: Floats, first: int, end: int) -> tuple[int, float]:
    """Return the pair of the greatest weight, and the sum of the weights."""
    best, claimed = first, 0.0
    for e in range(first, end):
        claimed += weight[e]
        if weight[e] > weight[best]:
            best = e
    return best, claimed


@kernel
def _relative(log_likelihood: Floats, total: Floats, e: int, k: int) -> float:
    """Return one model's likelihood of a plot over that of all models."""
    return math.exp(log_likelihood[e, k] - total[e]) if log_likelihood[e, k] > -math.inf else 0.0


@kernel
def _finish(
    real: Floats,
    whole: Integers,
    rows: Integers,
    begin: Integers,
    plot: Integers,
    weight: Floats,
    time_ns: Integers,
    mixed: Floats,
    log_likelihood: Floats,
    total_log_likelihood: Floats,
    carried: NDArray[np.bool_],
    seen: Floats,
    speaks: NDArray[np.bool_],
    is_look: bool,
    existence: Floats,
) -> None:
    """Write existence, model probabilities and time of each track; call it after all models are merged."""
    n_models = carried.shape[1]
    missed, says = np.ones(n_models), is_look and seen.min() < seen.max()
    for t in range(rows.shape[0]):
        first, end = begin[t], begin[t + 1]
        best, claimed = _likeliest(weight, first, end)
        if claimed <= 0.0:
            continue
        row = real[rows[t]]
        row[0] = existence[t]
        whole[rows[t], Whole.TIME] = max(whole[rows[t], Whole.TIME], time_ns[plot[best]])
        whole[rows[t], Whole.MEASURED] = max(whole[rows[t], Whole.MEASURED], time_ns[plot[best]])
        if n_models == 1:
            continue
        total = 0.0
        if says:
            weigh_miss(mixed[t, PROBABILITY : PROBABILITY + n_models], seen, speaks, missed)
        for k in range(n_models):
            share = max(0.0, 1.0 - claimed) * missed[k] if carried[t, k] else 1.0
            for e in range(first, end):
                if carried[t, k]:
                    share += weight[e] * _relative(log_likelihood, total_log_likelihood, e, k)
            row[PROBABILITY + k] = max(mixed[t, PROBABILITY + k] * share, PROBABILITY_MIN)
            total += row[PROBABILITY + k]
        for k in range(n_models):
            row[PROBABILITY + k] /= total
