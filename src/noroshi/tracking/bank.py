"""A bank of motion models: interacting multiple models over states of unequal size, all pairs of a batch at once.

Sources: Blom and Bar-Shalom (1988), The interacting multiple model algorithm for systems with Markovian switching
coefficients, IEEE Trans. Automatic Control 33(8), 780-783; for states of unequal size, Granstrom, Willett and
Bar-Shalom (2015), Systematic approach to IMM mixing for unequal dimension states, IEEE Trans. Aerospace and Electronic
Systems 51(4), 2975-2986: what a model does not know of another's state it takes from what the other believes itself.
For soft association, Musicki and Suvorova (2008), Tracking in clutter using IMM-IPDA-based algorithms, IEEE Trans.
Aerospace and Electronic Systems 44(1), 111-126, section IV.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from noroshi.estimation.blocks import Executor
from noroshi.estimation.sequential import absorb
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import Detections
from noroshi.sensors import Sensor
from noroshi.sensors.rows import absorb_forms, linearise
from noroshi.tracking.store import PROBABILITY, Integers, Layout, Store, Whole

LOG_2_PI = math.log(2.0 * math.pi)


@dataclass
class Pairs:
    """Pairs of a track and a plot, ordered by track and then by plot, p rows.

    Attributes:
        row, plot, agreement: (p,) which track, which plot, what they say of each other's identity.
        group: (p,) which of the distinct tracks in `rows` it is.
        rows: (t,) the distinct tracks.
        begin: (t + 1,) where each one's pairs begin.
        dt_s: (p,) from the track's time to the plot's.
        means, covariances: one (p, d) and (p, d, d) a model, the state after the plot, at the later of the two times.
        ahead, spread: one (t, d) and (t, d, d) a model, the track's state before its first pair's plot.
        mixed: (t, n_real) the tracks' rows at their own time, models mixed as they may have changed by the plots' time.
        distance: (p,) least squared Mahalanobis distance of any model.
        log_likelihood: (p, k) of the plot by model.
        n_measured: (p,).
    """

    row: Integers
    plot: Integers
    agreement: Integers
    group: Integers
    rows: Integers
    begin: Integers
    dt_s: Floats
    means: list[Floats]
    covariances: list[Floats]
    ahead: list[Floats]
    spread: list[Floats]
    mixed: Floats
    distance: Floats
    log_likelihood: Floats
    n_measured: Integers

    def total(self) -> Floats:
        """(p,) log likelihood of each plot over all models."""
        if self.log_likelihood.shape[1] == 1:
            return self.log_likelihood[:, 0]
        k = self.log_likelihood.shape[1]
        prior = self.mixed[self.group, PROBABILITY : PROBABILITY + k]
        top = self.log_likelihood.max(axis=1)
        likelihood: Floats = top + np.log((prior * np.exp(self.log_likelihood - top[:, None])).sum(axis=1))
        return likelihood


class Bank:
    """The models of one tracker.

    Attributes:
        motions: the k models.
        sojourn_s: (k,) how long a target keeps to each model on average.
    """

    def __init__(self, motions: Sequence[Motion], sojourn_s: Sequence[float], executor: Executor | None = None) -> None:
        self.motions = tuple(motions)
        self.executor = executor
        self.sojourn_s = np.array(sojourn_s, np.float64)
        self.sizes = tuple(len(motion.COMPONENTS) for motion in motions)
        self._sizes = np.array(self.sizes)
        self._extent = [np.array(motion.EXTENT, np.float64).reshape(-1, 2) for motion in motions]
        self._weight = np.full(len(self.motions), 1.0 / len(self.motions))

    def layout(self, n_sensors: int) -> Layout:
        """Return where a track's row has what."""
        return Layout(self.sizes, n_sensors)

    def growth_m2_s3(self, position_ecef_m: Floats) -> float:
        """Return the greatest variance over the cube of the time that a position here gains by unforeseen acceleration.

        Args:
            position_ecef_m: (3,).
        """
        found = 0.0
        for motion, size in zip(self.motions, self.sizes, strict=True):
            state = np.zeros((1, size))
            state[0, :3] = position_ecef_m
            noise = motion.process_noise(state, np.array([10.0]))[0, :3, :3]
            found = max(found, float(np.trace(noise)) / 1000.0)
        return found

    def begin(self, mean: Floats, covariance: Floats, existence: Floats) -> Floats:
        """Return (n, n_real) rows of new tracks of (n, 6) states.

        What goes beyond those is somewhere in its model's extent.
        """
        layout = self.layout(0)
        real = np.zeros((len(mean), layout.n_real))
        real[:, 0] = existence
        real[:, PROBABILITY : PROBABILITY + len(self.sizes)] = self._weight
        for size, offset, extent in zip(self.sizes, layout.offsets, self._extent, strict=True):
            own = real[:, offset + size : offset + size + size * size].reshape(-1, size, size)
            real[:, offset : offset + 6] = mean
            own[:, :6, :6] = covariance
            for c, (low, high) in enumerate(extent, 6):
                real[:, offset + c] = 0.5 * (low + high)
                own[:, c, c] = (high - low) ** 2 / 12.0
        return real

    def predict(self, store: Store, rows: Integers, time_ns: int) -> tuple[Floats, Floats]:
        """Return (n, 6) means and (n, 6, 6) covariances of tracks at one time, over all models."""
        dt_s = (time_ns - store.whole[rows, Whole.TIME]) / NS_PER_S
        layout = store.layout
        real = store.real[rows]
        for motion, size, offset in zip(self.motions, self.sizes, layout.offsets, strict=True):
            mean, covariance = _state(real, size, offset)
            ahead, spread = motion.predict(mean, covariance, dt_s)
            real[:, offset : offset + size] = ahead
            real[:, offset + size : offset + size + size * size] = spread.reshape(len(rows), size * size)
        moved = Store(layout, sigmas=store.sigmas)
        moved.real = real
        return moved.moments(np.arange(len(rows)))

    def confront(
        self,
        store: Store,
        row: Integers,
        plot: Integers,
        plots: Detections,
        form: Floats,
        sensor: Sensor,
        *,
        keep_prior: bool,
    ) -> Pairs:
        """Return all pairs with what each plot would make of each track.

        Args:
            store: the tracks.
            row, plot: (p,) pairs ordered by row.
            plots: the batch, in the sensor's order.
            form: its forms (`sensors.rows`).
            sensor: that gave it.
            keep_prior: whether the state before the plot is wanted too.
        """
        rows, begin, group = _groups(row)
        p, k, offsets = len(row), len(self.sizes), store.layout.offsets
        dt_s = (plots.time_ns[plot] - store.whole[row, Whole.TIME]) / NS_PER_S
        if k > 1:
            mixed = np.empty((len(rows), store.layout.n_real))
            first_s = np.maximum(dt_s[begin[:-1]], 0.0)
            _mix(store.real, rows, first_s, self.sojourn_s, self._sizes, offsets, mixed)
        else:
            mixed = store.real[rows]
        pairs = Pairs(
            row=row, plot=plot, agreement=np.zeros(p, np.int64), group=group, rows=rows, begin=begin, dt_s=dt_s,
            means=[np.empty((p, d)) for d in self.sizes], covariances=[np.empty((p, d, d)) for d in self.sizes],
            ahead=[np.empty((len(rows), d)) for d in self.sizes if keep_prior],
            spread=[np.empty((len(rows), d, d)) for d in self.sizes if keep_prior],
            mixed=mixed, distance=np.full(p, np.inf), log_likelihood=np.empty((p, k)), n_measured=np.zeros(p, np.int64),
        )  # fmt: skip
        self._take_in(pairs, np.arange(p), np.ones(p), plots, form, sensor)
        return pairs

    def widen(
        self, pairs: Pairs, some: Integers, factor: Floats, plots: Detections, form: Floats, sensor: Sensor
    ) -> None:
        """Do some pairs again with the covariance before the plot that many times as wide."""
        pairs.distance[some] = np.inf
        self._take_in(pairs, some, factor, plots, form, sensor)

    def _take_in(
        self, pairs: Pairs, some: Integers, factor: Floats, plots: Detections, form: Floats, sensor: Sensor
    ) -> None:
        """Write what the plots make of some of the pairs, for each model."""
        dt_s, plot = pairs.dt_s[some], pairs.plot[some]
        for k, (motion, size, offset) in enumerate(zip(self.motions, self.sizes, self.layout(0).offsets, strict=True)):
            mean, covariance = np.empty((len(some), size)), np.empty((len(some), size, size))
            _gather(pairs.mixed, pairs.group[some], offset, mean, covariance)
            ahead, spread = motion.predict(mean, covariance, np.maximum(dt_s, 0.0))
            spread *= factor[:, None, None]
            if pairs.ahead:
                first = np.flatnonzero(pairs.begin[pairs.group[some]] == some)
                pairs.ahead[k][pairs.group[some[first]]] = ahead[first]
                pairs.spread[k][pairs.group[some[first]]] = spread[first]
            if len(dt_s) and dt_s.min() < 0.0:
                fit = _absorb_late(motion, plots, form, sensor, plot, dt_s, ahead, spread)
            else:
                fit = absorb_forms(sensor, plots, form, plot, ahead, spread)
            _put(pairs.means, pairs.covariances, k, some, ahead, spread)
            pairs.distance[some] = np.minimum(pairs.distance[some], fit[:, 0])
            pairs.log_likelihood[some, k] = -0.5 * (fit[:, 0] + fit[:, 1] + LOG_2_PI * fit[:, 2])
            pairs.n_measured[some] = fit[:, 2].astype(np.int64)


def _absorb_late(
    motion: Motion,
    plots: Detections,
    form: Floats,
    sensor: Sensor,
    plot: Integers,
    dt_s: Floats,
    ahead: Floats,
    spread: Floats,
) -> Floats:
    """Take in plots of which some are older than their track, in place; return the fit.

    There the state stays where it is, and the measurement is of what it was: rows and noise carry the way back.
    """
    back = np.flatnonzero(dt_s < 0.0)
    place, fit = ahead.copy(), np.empty((len(plot), 3))
    still = np.zeros((len(back), ahead.shape[1], ahead.shape[1]))
    place[back], drift = motion.predict(ahead[back], still, dt_s[back])
    innovation, rows, variance = linearise(sensor, plots, form, plot, place, spread)
    h = np.where(np.isnan(innovation[back])[:, :, None], 0.0, rows[back])
    variance[back] += np.einsum("pma,pab,pmb->pm", h, drift[:, :6, :6], h)
    h[:, :, 3:] += dt_s[back][:, None, None] * h[:, :, :3]
    rows[back] = h
    absorb(ahead, spread, innovation, rows, variance, fit)
    return fit


def _put(
    means: list[Floats], covariances: list[Floats], k: int, some: Integers, mean: Floats, covariance: Floats
) -> None:
    """Write some pairs' states of one model; all of them without copying."""
    if len(some) == len(means[k]):
        means[k], covariances[k] = mean, covariance
    else:
        means[k][some], covariances[k][some] = mean, covariance


def settle(store: Store, pairs: Pairs, weight: Floats, time_ns: Integers, existence: Floats) -> None:
    """Write into the store what the plots made of the tracks.

    Args:
        store: the tracks, put aside already.
        pairs: what `Bank.confront` returned, the prior kept unless each track has one plot of weight 1 or none.
        weight: (p,) probability that the plot is the track's; what is missing to 1 in a track is that none is.
        time_ns: (n,) the plots' times.
        existence: (t,) of the tracks after it.
    """
    sizes, offsets = np.array(store.layout.sizes), store.layout.offsets
    for k, size in enumerate(store.layout.sizes):
        prior = pairs.ahead[k] if pairs.ahead else np.empty((0, size))
        prior_spread = pairs.spread[k] if pairs.spread else np.empty((0, size, size))
        _merge(
            store.real, store.whole, pairs.rows, pairs.begin, pairs.plot, weight, time_ns, pairs.mixed,
            pairs.log_likelihood, k, size, offsets[k], pairs.means[k], pairs.covariances[k], prior, prior_spread,
        )  # fmt: skip
    _finish(store.real, store.whole, pairs.rows, pairs.begin, pairs.plot, weight, time_ns, pairs.mixed,
            pairs.log_likelihood, len(sizes), existence)  # fmt: skip


def _state(real: Floats, size: int, offset: int) -> tuple[Floats, Floats]:
    """Return contiguous means and covariances of one model."""
    mean = np.ascontiguousarray(real[:, offset : offset + size])
    covariance = np.ascontiguousarray(real[:, offset + size : offset + size + size * size])
    return mean, covariance.reshape(-1, size, size)


def _groups(row: Integers) -> tuple[Integers, Integers, Integers]:
    """Return the distinct rows of an ascending list, where each begins (and the end), and the number of each pair's."""
    new = np.empty(len(row), np.bool_)
    new[:1] = True
    np.not_equal(row[1:], row[:-1], out=new[1:])
    begin = np.flatnonzero(new)
    return row[begin], np.append(begin, len(row)), np.cumsum(new) - 1


@kernel
def _gather(mixed: Floats, group: Integers, offset: int, mean: Floats, covariance: Floats) -> None:
    d = mean.shape[1]
    for i in range(group.shape[0]):
        row = mixed[group[i]]
        for a in range(d):
            mean[i, a] = row[offset + a]
            for b in range(d):
                covariance[i, a, b] = row[offset + d + a * d + b]


@kernel
def _mix(
    real: Floats, rows: Integers, dt_s: Floats, sojourn_s: Floats, sizes: Integers, offsets: Integers, mixed: Floats
) -> None:
    """Mix the models of each track as they may have changed since its last plot.

    A model is kept over dt with probability exp(-dt / sojourn), and left for any other alike.
    """
    k = sizes.shape[0]
    joint = np.empty((k, k))
    for at in range(rows.shape[0]):
        row, out = real[rows[at]], mixed[at]
        out[0] = row[0]
        for i in range(k):
            stay = math.exp(-dt_s[at] / sojourn_s[i])
            for j in range(k):
                joint[i, j] = row[PROBABILITY + i] * (stay if i == j else (1.0 - stay) / (k - 1))
        for j in range(k):
            d, own = sizes[j], offsets[j]
            total = 0.0
            for i in range(k):
                total += joint[i, j]
            out[PROBABILITY + j] = total
            for a in range(d):
                value = 0.0
                for i in range(k):
                    source = offsets[i] if a < sizes[i] and (a < 6 or i == j) else own
                    value += joint[i, j] * row[source + a]
                out[own + a] = value / total
            for a in range(d):
                for b in range(a + 1):
                    value = 0.0
                    for i in range(k):
                        of_a = offsets[i] if a < 6 or i == j else own
                        of_b = offsets[i] if b < 6 or i == j else own
                        if of_a == of_b:
                            size = sizes[i] if of_a == offsets[i] else d
                            part = row[of_a + size + a * size + b]
                        else:
                            part = 0.0
                        part += (row[of_a + a] - out[own + a]) * (row[of_b + b] - out[own + b])
                        value += joint[i, j] * part
                    out[own + d + a * d + b] = value / total
                    out[own + d + b * d + a] = value / total


@kernel
def _merge(
    real: Floats,
    whole: Integers,
    rows: Integers,
    begin: Integers,
    plot: Integers,
    weight: Floats,
    time_ns: Integers,
    mixed: Floats,
    log_likelihood: Floats,
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
    """
    n_models = log_likelihood.shape[1]
    middle, off = np.empty(d), np.empty(d)
    for t in range(rows.shape[0]):
        first, end = begin[t], begin[t + 1]
        best, claimed = _likeliest(weight, first, end)
        if claimed <= 0.0:
            continue
        row = real[rows[t]]
        if weight[best] >= 1.0:
            for a in range(d):
                row[offset + a] = means[best, a]
                for b in range(d):
                    row[offset + d + a * d + b] = covariances[best, a, b]
            continue
        own_ns = whole[rows[t], Whole.TIME]
        until_ns = max(own_ns, time_ns[plot[best]])
        # Twice through the hypotheses: for the mean, then for the spread about it. The first is that no plot is its.
        total = 0.0
        middle[:] = 0.0
        for e in range(first - 1, end):
            share = 1.0 - claimed
            if e >= first:
                share = weight[e] * _relative(log_likelihood, e, k, mixed[t], n_models)
            if share <= 0.0:
                continue
            state = prior[t] if e < first else means[e]
            late_s = (until_ns - max(own_ns, time_ns[plot[max(e, first)]])) / NS_PER_S
            total += share
            for a in range(d):
                middle[a] += share * state[a]
            for a in range(3):
                middle[a] += share * late_s * state[3 + a]
        for a in range(d):
            middle[a] /= total
            row[offset + a] = middle[a]
            for b in range(d):
                row[offset + d + a * d + b] = 0.0
        for e in range(first - 1, end):
            share = 1.0 - claimed
            if e >= first:
                share = weight[e] * _relative(log_likelihood, e, k, mixed[t], n_models)
            if share <= 0.0:
                continue
            share /= total
            state, spread = (prior[t], prior_spread[t]) if e < first else (means[e], covariances[e])
            late_s = (until_ns - max(own_ns, time_ns[plot[max(e, first)]])) / NS_PER_S
            for a in range(d):
                off[a] = state[a] - middle[a]
            for a in range(3):
                off[a] += late_s * state[3 + a]
            for a in range(d):
                for b in range(d):
                    row[offset + d + a * d + b] += share * (spread[a, b] + off[a] * off[b])


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
def _relative(log_likelihood: Floats, e: int, k: int, mixed: Floats, n_models: int) -> float:
    """Return one model's likelihood of a plot over that of all models."""
    if n_models == 1:
        return 1.0
    total = 0.0
    for i in range(n_models):
        total += mixed[PROBABILITY + i] * math.exp(log_likelihood[e, i] - log_likelihood[e, k])
    return 1.0 / total


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
    n_models: int,
    existence: Floats,
) -> None:
    """Write existence, model probabilities and time of each track; call it after all models are merged."""
    for t in range(rows.shape[0]):
        first, end = begin[t], begin[t + 1]
        best, claimed = _likeliest(weight, first, end)
        if claimed <= 0.0:
            continue
        row = real[rows[t]]
        row[0] = existence[t]
        whole[rows[t], Whole.TIME] = max(whole[rows[t], Whole.TIME], time_ns[plot[best]])
        if n_models == 1:
            continue
        total = 0.0
        for k in range(n_models):
            share = max(0.0, 1.0 - claimed)
            for e in range(first, end):
                share += weight[e] * _relative(log_likelihood, e, k, mixed[t], n_models)
            row[PROBABILITY + k] = max(mixed[t, PROBABILITY + k] * share, 1e-9)
            total += row[PROBABILITY + k]
        for k in range(n_models):
            row[PROBABILITY + k] /= total
