"""A bank of motion models: interacting multiple models over states of unequal size, all pairs of a batch at once.

Sources: Blom and Bar-Shalom (1988), The interacting multiple model algorithm for systems with Markovian switching
coefficients, IEEE Trans. Automatic Control 33(8), 780-783; for states of unequal size, Granstrom, Willett and
Bar-Shalom (2015), Systematic approach to IMM mixing for unequal dimension states, IEEE Trans. Aerospace and Electronic
Systems 51(4), 2975-2986: what a model does not know of another's state it takes from what the other believes itself.
Where a sensor sees some kinds of targets better than others each model has its own chance of detection, and a look says
something of the models whether it sees or not. For soft association, Musicki and Suvorova (2008), Tracking in clutter
using IMM-IPDA-based algorithms, IEEE Trans. Aerospace and Electronic Systems 44(1), 111-126, section IV.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.blocks import Executor, map_blocks
from noroshi.estimation.sequential import absorb
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import Detections, Kind
from noroshi.sensors import Sensor, detection_by_kind
from noroshi.sensors.rows import AIR_DEPTH_M, absorb_forms, consider, fit_places, linearise, tells_place_alone
from noroshi.tracking.births import newness, shares_of, with_priors, write_new
from noroshi.tracking.gate import SAME_ADDRESS
from noroshi.tracking.height import in_the_air
from noroshi.tracking.mixing import are_carried, leave_aside, mix
from noroshi.tracking.sifting import BENDS, learn, places, sift
from noroshi.tracking.store import PROBABILITY, Integers, Layout, Near, Store, Whole, moments

LOG_2_PI = math.log(2.0 * math.pi)
CROWDED, CROWDED_MODELS = 4, 2
"""Pairs a track beyond which states after plots are made of those pairs alone that turn out to matter: in a swarm, one
in ten. With several models, which are dear, fewer are a crowd."""

YOUNG, YOUNG_S = 5, 20.0
"""A track that has had fewer plots, or is not as old, keeps all models. What rises slowly yet looks like an aircraft to
its first velocity (fast models had some 1e-5 left of one launch in three), and only acceleration, by the fourth or
fifth plot, says what it is: left aside before, they left tracks of boosts to aircraft's models, which lost them. Where
many see it, or often, five plots are a second or two, in which nothing is seen of an acceleration."""

SHARED_S = 0.05  # plots so near in time share what is predicted; from there velocity alone carries it on
WIDENING_MAX = 100.0
"""How many times the gate (as a squared distance) a plot may lie from the track whose address it carries. The address
says that it is the same target, so that it is the prediction that was too sure of itself."""


@dataclass
class Pairs:
    """Pairs of a track and a plot, ordered by track and then by plot, p rows.

    Attributes:
        row, plot, agreement: (p,) which track, which plot, what they say of each other's identity.
        group: (p,) which of the distinct tracks in `rows` it is.
        rows: (t,) the distinct tracks.
        begin: (t + 1,) where each one's pairs begin.
        dt_s: (p,) from the track's time to the plot's.
        mixed: (t, n_real) the tracks' rows at their own time, models mixed as they may have changed by the plots' time;
            with one model there is nothing to mix, and it is empty.
        means, covariances: one (p, d) and (p, d, d) a model, the state after the plot, at the later of the two times;
            none yet where tracks are crowded (see `Bank.that_matter`).
        ahead, spread: one (t, d) and (t, d, d) a model, the track's state before its first pair's plot; likewise.
        fit: (k, p, 3) by model: squared Mahalanobis distance, log determinant, number of components measured.
        distance: (p,) least squared Mahalanobis distance of any model.
        log_likelihood: (p, k) of the plot by model.
        total: (p,) the same over all models.
        is_inside: (p,) whether the pair passed the gate.
        carried: (t, k) whether the model is not left aside.
        seen: (k,) chance that one look of the sensor sees what moves by each model ...
        speaks: ... and whether a miss speaks for or against the model.
        is_look: whether it is known to have looked at all that it can see, so that what it missed says something.
        expected: of which tracks some model's state is known at what time already, if any.
    """

    row: Integers
    plot: Integers
    agreement: Integers
    group: Integers
    rows: Integers
    begin: Integers
    dt_s: Floats
    mixed: Floats
    means: list[Floats]
    covariances: list[Floats]
    ahead: list[Floats]
    spread: list[Floats]
    fit: Floats
    distance: Floats
    log_likelihood: Floats
    total: Floats
    is_inside: NDArray[np.bool_]
    carried: NDArray[np.bool_]
    seen: Floats
    speaks: NDArray[np.bool_]
    is_look: bool
    expected: "Expected | None" = None


@dataclass
class Expected:
    """Where each model expects t tracks, each at a time of its own.

    Attributes:
        dt_s: (t,) from the track's time on.
        states, spreads: one (t, d) and (t, d, d) a model; anything where it is left aside.
        index: (g,) which of these tracks is which of those in `Pairs.rows`.
    """

    dt_s: Floats
    states: list[Floats]
    spreads: list[Floats]
    index: Integers


class Bank:
    """The models of one tracker.

    Attributes:
        motions: the k models.
        sojourn_s: (k,) how long a target keeps to each model on average, before it takes another of the same kind.
        resumed: (k,) how much seldomer than others of its kind each is taken up.
        is_alike: (k, k) which models are of one kind: of what may be much faster than a sensor allows for, or not.
        sets_in: (k, k) after which model which begins anew with what it has beyond the sixth component.
        pushes: (k, 2) which components are an acceleration along the velocity, and one upwards of which the part
            across the velocity acts; -1 for none.
        extent: (b, 2) between which what the models have beyond the sixth component is, one model after the other.
    """

    def __init__(self, motions: Sequence[Motion], sojourn_s: Sequence[float], executor: Executor | None = None) -> None:
        self.motions = tuple(motions)
        self.executor = executor
        self.sojourn_s = np.array(sojourn_s, np.float64)
        self.sizes = tuple(len(motion.COMPONENTS) for motion in motions)
        self._sizes = np.array(self.sizes)
        after = [(getattr(motion, "KIND", None), getattr(motion, "SETS_IN", False)) for motion in motions]
        self.sets_in = np.array([[wanted is True or wanted is kind for _, wanted in after] for kind, _ in after])
        self.keeps_velocity = all(getattr(motion, "KEEPS_VELOCITY", False) for motion in motions)
        self.pushes = np.array([getattr(motion, "PUSH", (-1, -1)) for motion in motions])
        self._starts = [getattr(motion, "STARTS", None) for motion in motions]
        self._shares = shares_of(self._starts)
        self._height_m = np.array([AIR_DEPTH_M if start is None else start.height_m for start in self._starts])
        self.resumed = np.array([1.0 if start is None else start.resumed for start in self._starts])
        fast = np.array([start is not None for start in self._starts])
        self._has_own = np.flatnonzero(fast)
        known = [start for start in self._starts if start is not None]
        low = [(start.speed_sigma_m_s, start.climb_sigma_m_s) for start in known]
        high = [(start.high_speed_sigma_m_s, start.high_climb_sigma_m_s) for start in known]
        self._own_m_s = np.array([low, high]).reshape(2, -1, 2)
        self.is_alike = fast[:, None] == fast
        self._are_all_alike = bool(self.is_alike.all())
        self._kinds = np.array([getattr(motion, "KIND", Kind.UNKNOWN) for motion in motions], np.int64)
        self._seen_by: dict[Sensor, tuple[Floats, NDArray[np.bool_]]] = {}
        self.extent = np.array([low_high for motion in motions for low_high in motion.EXTENT], np.float64).reshape(
            -1, 2
        )

    def layout(self, n_sensors: int, n_considered: int = 0) -> Layout:
        """Return where a track's row has what."""
        return Layout(self.sizes, n_sensors, n_considered)

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

    def seen_by(self, sensor: Sensor) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the (k,) chances that one look of a sensor sees what moves by each model, and whether that is known.

        What is seen best stands for whatever is seen, also in a bank that has no model of what that really is. It does
        for what may be seen as well or not at all, too: such a track ends with the looks that miss it.
        """
        seen = self._seen_by.get(sensor)
        if seen is None:
            by_model = np.clip(detection_by_kind(sensor)[self._kinds], 1e-6, 1.0)
            best = min(max(sensor.parameters["detection_probability"], 0.01), 0.999)
            speaks = ~np.isnan(by_model)
            by_model[~speaks] = top = by_model[speaks].max() if speaks.any() else best
            seen = np.where(by_model < top, best * by_model / top, best), speaks
            self._seen_by[sensor] = seen
        return seen

    def begin(
        self,
        store: Store,
        rows: Integers,
        mean: Floats,
        covariance: Floats,
        existence: Floats,
        prior_m_s: tuple[float, float] | None = None,
        seen: Floats | None = None,
        shares: Floats | None = None,
    ) -> None:
        """Write new tracks of (n, 6) states into rows; what goes beyond those is somewhere in its model's extent.

        `seen` (k,) is how likely a look that found them is to see what moves by each model, if they differ.

        `prior_m_s` are the standard deviations of a velocity along the horizontal axes and of a climb, about 0, that
        are in the states. If they are given, a model that states its own has those instead, and its share of what is
        new (or what `shares` (n, k) say: see `newness`); else all are alike.
        """
        k = len(self.sizes)
        means, covariances = np.array([mean] * k), np.array([covariance] * k)
        if prior_m_s is None or shares is None:
            shares = np.tile(np.full(k, 1.0 / k) if prior_m_s is None else self._shares, (len(rows), 1))
        shares = shares if seen is None else shares * seen / (shares @ seen)[:, None]
        if prior_m_s is not None and self._has_own.size:
            found = with_priors(mean, covariance, prior_m_s, self._own_m_s)
            means[self._has_own], covariances[self._has_own] = found
        write_new(
            store.real, rows, means, covariances, existence, shares, self._sizes, store.layout.offsets, self.extent
        )

    def newness(self, form: Floats) -> tuple[Floats, Floats]:
        """Return how many new targets there are at plots beside the usual (n,), and how these move (n, k).

        The usual is what there would be were new targets spread as false plots are. Where these fill the air far above
        all traffic (`rows.DEPTH`), each kind has its own heights.
        """
        return newness(form, self._shares, self._height_m)

    def predict(
        self, store: Store, rows: Integers, time_ns: int | Integers, added: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Return (n, 6) means and (n, 6, 6) covariances of tracks at one time, or each at its own, over all models.

        `added` (n, 6, 6) is what each track's covariance is wider by than the store says.
        """
        dt_s = (time_ns - store.whole[rows, Whole.TIME]) / NS_PER_S
        real, layout = store.real, store.layout
        mean, covariance = np.empty((len(rows), 6)), np.empty((len(rows), 6, 6))
        if len(self.sizes) > 1:
            carried = self.carried(real[rows], is_young(store.whole, rows))
            real = real[rows]
            rows = np.arange(len(rows))
            likely = np.where(carried, real[:, PROBABILITY : PROBABILITY + len(self.sizes)], 0.0)
            real[:, PROBABILITY : PROBABILITY + len(self.sizes)] = likely / likely.sum(axis=1, keepdims=True)
        for k, (motion, size, offset) in enumerate(zip(self.motions, self.sizes, layout.offsets, strict=True)):
            some = rows if len(self.sizes) == 1 else np.flatnonzero(carried[:, k])
            state, spread = np.empty((len(some), size)), np.empty((len(some), size, size))
            _gather(real, some, offset, state, spread)
            if added is not None:
                spread[:, :6, :6] += added if len(some) == len(dt_s) else added[some]
            state, spread = motion.predict(state, spread, dt_s if len(some) == len(dt_s) else dt_s[some])
            if len(self.sizes) == 1:
                return state[:, :6], spread[:, :6, :6]
            real[some, offset : offset + size] = state
            real[some, offset + size : offset + size + size * size] = spread.reshape(len(some), size * size)
        moments(rows, real, self._sizes, layout.offsets, mean, covariance)
        return mean, covariance

    def places(self, real: Floats, whole: Integers, layout: Layout, rows: Integers, time_ns: int) -> Floats:
        """Return the (n, 3) positions at which rows are expected, each by its likeliest model alone."""
        likeliest = real[rows, PROBABILITY : PROBABILITY + len(self.sizes)].argmax(axis=1)
        dt_s, place = (time_ns - whole[rows, Whole.TIME]) / NS_PER_S, np.empty((len(rows), 3))
        for k in np.unique(likeliest).tolist():
            some = np.flatnonzero(likeliest == k)
            mean, spread = np.empty((len(some), self.sizes[k])), np.empty((len(some), self.sizes[k], self.sizes[k]))
            _gather(real, rows[some], layout.offsets[k], mean, spread)
            place[some] = self.motions[k].predict(mean, spread, dt_s[some])[0][:, :3]
        return place

    def confront(
        self,
        store: Store,
        row: Integers,
        plot: Integers,
        agreement: Integers,
        plots: Detections,
        form: Floats,
        sensor: Sensor,
        gates: Floats,
        *,
        keep_prior: bool,
        is_look: bool = False,
        least: float | None = None,
    ) -> Pairs:
        """Return all pairs with what each plot would make of each track.

        Where tracks are crowded (`CROWDED`) it is how well each plot fits alone, and `that_matter` does the rest.

        Where address and track are the same target's and the plot is beyond the gate (up to `WIDENING_MAX` times), the
        track's covariance is widened until the plot is inside.

        Args:
            store: the tracks.
            row, plot, agreement: (p,) pairs ordered by row.
            plots: the batch, in the sensor's order.
            form: its forms (`sensors.rows`).
            sensor: that gave it.
            gates: (10,) squared Mahalanobis distance at the gate by number of components measured; of tracks that have
                a single plot, element 0.
            keep_prior: whether the state before the plot is wanted too.
            is_look: see `Pairs`.
            least: of several models only those pairs are looked at that may be inside the gate and worth so much, see
                `gate.coarse_pairs`; all are if it is not given.
        """
        rows, begin, group, dt_s = _line_up(row, plot, plots.time_ns, store.whole)
        p, k = len(row), len(self.sizes)
        mixed = np.empty((len(rows) if k > 1 else 0, store.layout.n_real))
        if k > 1:
            mix(store.real, rows, dt_s, begin, self.sojourn_s, self.resumed, self.is_alike, self._sizes,
                 store.layout.offsets, self.sets_in, self.pushes, self.extent, mixed)  # fmt: skip
        carried = np.ones((len(rows), 1), np.bool_)
        if k > 1:
            carried = self.carried(mixed, is_young(store.whole, rows))
        expected = None
        if k > 1 and p and least is not None:
            expected = self._expect(mixed, carried, np.maximum(dt_s[begin[:-1]], 0.0))
            some = self._sifted(store, row, group, plot, agreement, dt_s, mixed, carried, expected, form, gates, least)
            before, row, plot, agreement = group[some], row[some], plot[some], agreement[some]
            rows, begin, group, dt_s = _line_up(row, plot, plots.time_ns, store.whole)
            p, expected.index = len(row), before[begin[:-1]]
            mixed, carried = mixed[expected.index], carried[expected.index]
        seen, speaks = self.seen_by(sensor)
        pairs = Pairs(
            row=row, plot=plot, agreement=agreement, group=group, rows=rows, begin=begin, dt_s=dt_s, mixed=mixed,
            means=[np.empty((0, d)) for d in self.sizes], covariances=[np.empty((0, d, d)) for d in self.sizes],
            ahead=[np.empty((0, d)) for d in self.sizes if keep_prior],
            spread=[np.empty((0, d, d)) for d in self.sizes if keep_prior],
            fit=np.empty((k, p, 3)), distance=np.empty(p), log_likelihood=np.empty((p, k)), total=np.empty(p),
            is_inside=np.empty(p, np.bool_),
            carried=carried, seen=seen, speaks=speaks, is_look=is_look, expected=expected,
        )  # fmt: skip
        late, stray = bool(p) and float(dt_s.min()) < 0.0, np.empty(p)
        if p > (CROWDED if k == 1 else CROWDED_MODELS) * len(rows) and not late and tells_place_alone(sensor, form):
            for each in range(k):
                self._fit(store, pairs, each, form)
            if not _score(pairs.fit, mixed, group, row, store.near, agreement, gates, WIDENING_MAX, pairs.seen,
                          pairs.distance, pairs.log_likelihood, pairs.total, pairs.is_inside, stray):  # fmt: skip
                return pairs
        for each in range(k):
            self._take_in(store, pairs, each, plots, form, sensor, late)
        if _score(pairs.fit, mixed, group, row, store.near, agreement, gates, WIDENING_MAX, pairs.seen,
                  pairs.distance, pairs.log_likelihood, pairs.total, pairs.is_inside, stray):  # fmt: skip
            self._widen(store, pairs, stray, plots, form, sensor, late, gates)
        return pairs

    def that_matter(
        self, store: Store, pairs: Pairs, weight: Floats, existence: Floats, plots: Detections, form: Floats,
        sensor: Sensor,
    ) -> tuple[Pairs, Floats, Floats]:  # fmt: skip
        """Return pairs with the states after their plots, their weights (p,), and the existence (t,) of their tracks.

        All as they are, but where tracks are crowded those alone whose plots have a weight.
        """
        if len(pairs.means[0]) == len(pairs.row):
            return pairs, weight, existence
        some = np.flatnonzero(weight > 0.0)
        rows, begin, group, dt_s = _line_up(pairs.row[some], pairs.plot[some], plots.time_ns, store.whole)
        kept, p, k = pairs.group[some][begin[:-1]], len(some), len(self.sizes)
        chosen = Pairs(
            row=pairs.row[some], plot=pairs.plot[some], agreement=pairs.agreement[some], group=group, rows=rows,
            begin=begin, dt_s=dt_s, mixed=pairs.mixed[kept] if k > 1 else pairs.mixed,
            means=[*pairs.means], covariances=[*pairs.covariances], ahead=[*pairs.ahead], spread=[*pairs.spread],
            fit=np.empty((k, p, 3)), distance=pairs.distance[some], log_likelihood=pairs.log_likelihood[some],
            total=pairs.total[some], is_inside=pairs.is_inside[some], carried=pairs.carried[kept], seen=pairs.seen,
            speaks=pairs.speaks, is_look=pairs.is_look, expected=pairs.expected,
        )  # fmt: skip
        if chosen.expected is not None:
            chosen.expected = replace(chosen.expected, index=chosen.expected.index[kept])
        for each in range(k):
            self._take_in(store, chosen, each, plots, form, sensor, False)
        return chosen, weight[some], existence[kept]

    def leave_aside(self, store: Store, pairs: Pairs, weight: Floats) -> None:
        """Leave kinds aside that plots have made negligible, and let models that are left aside follow the others."""
        if self._are_all_alike:
            return
        leave_aside(
            store.real, pairs.rows, pairs.begin, weight, pairs.carried, is_young(store.whole, pairs.rows),
            self.is_alike, self._sizes, store.layout.offsets, self.extent,
        )  # fmt: skip

    def carried(self, real: Floats, young: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return (t, k) which models are followed, of tracks that are young (t,) or not."""
        carried = np.empty((len(real), len(self.sizes)), np.bool_)
        are_carried(real, young, self.is_alike, carried)
        return carried

    def _expect(self, mixed: Floats, carried: NDArray[np.bool_], dt_s: Floats) -> Expected:
        """Return where each model expects tracks dt_s (t,) after their rows in `mixed` (t, n_real)."""
        offsets = self.layout(0).offsets.tolist()
        states, spreads = [], []
        for k, (motion, size, offset) in enumerate(zip(self.motions, self.sizes, offsets, strict=True)):

            def work(
                index: Integers, dt_s: Floats, motion: Motion = motion, size: int = size, offset: int = offset
            ) -> tuple[Floats, Floats]:
                mean, covariance = np.empty((len(index), size)), np.empty((len(index), size, size))
                _gather(mixed, index, offset, mean, covariance)
                return motion.predict(mean, covariance, dt_s)

            some = np.flatnonzero(carried[:, k])
            done = map_blocks(work, some, dt_s[some], executor=self.executor)
            if len(some) == len(mixed):
                state, spread = done
            else:
                state, spread = np.zeros((len(mixed), size)), np.zeros((len(mixed), size, size))
                state[some], spread[some] = done
            states.append(state)
            spreads.append(spread)
        return Expected(dt_s, states, spreads, np.arange(len(mixed)))

    def _sifted(
        self,
        store: Store,
        row: Integers,
        group: Integers,
        plot: Integers,
        agreement: Integers,
        dt_s: Floats,
        mixed: Floats,
        carried: NDArray[np.bool_],
        expected: Expected,
        form: Floats,
        gates: Floats,
        least: float,
    ) -> Integers:
        """Return which pairs may matter; see `sifting`."""
        known = np.full((len(mixed), len(self.sizes), BENDS + 1), np.inf)
        for k, offset in enumerate(store.layout.offsets.tolist()):
            some = np.flatnonzero(carried[:, k])
            learn(expected.states[k], expected.spreads[k], some, mixed, offset, expected.dt_s, k, known)
        return np.flatnonzero(
            sift(
                row, group, plot, agreement, dt_s - expected.dt_s[group], store.near, known, places(form),
                float(store.tally["growth"][0]), gates, store.sigmas[0], least,
            )
        )  # fmt: skip

    def _fit(self, store: Store, pairs: Pairs, k: int, form: Floats) -> None:
        """Write how well plots fit by one model, block by block of pairs; of tracks without it nothing is said."""

        def work(row: Integers, group: Integers, plot: Integers, dt_s: Floats) -> Floats:
            fit, (first, shared, after_s) = np.empty((len(row), 3)), _share(group, dt_s, SHARED_S)
            ahead, spread = self._ahead(store, pairs, k, row[first], group[first], dt_s[first], False)
            fit_places(form, plot, ahead, spread, shared, after_s, fit)
            return fit

        every = pairs.row, pairs.group, pairs.plot, pairs.dt_s
        if pairs.carried[:, k].all():
            pairs.fit[k] = map_blocks(work, *every, executor=self.executor)
            return
        some = np.flatnonzero(pairs.carried[pairs.group, k])
        pairs.fit[k] = np.inf, np.inf, 0.0
        if some.size:
            pairs.fit[k][some] = map_blocks(work, *(each[some] for each in every), executor=self.executor)

    def _take_in(
        self, store: Store, pairs: Pairs, k: int, plots: Detections, form: Floats, sensor: Sensor, late: bool
    ) -> None:
        """Write what the plots make of the tracks by one model, block by block of pairs."""
        wants_prior, one_each = bool(pairs.ahead), len(pairs.row) == len(pairs.rows)
        flies = in_the_air(pairs.mixed, self.motions, len(pairs.rows))

        def work(row: Integers, group: Integers, plot: Integers, dt_s: Floats) -> tuple[Floats, ...]:
            ahead, spread = self._ahead(store, pairs, k, row, group, dt_s, late)
            prior = (ahead.copy(), spread.copy()) if wants_prior and one_each else ()
            fit = np.empty((len(row), 3))
            if late:
                fit = _absorb_late(self.motions[k], plots, form, sensor, plot, dt_s, ahead, spread, flies[group])
            else:
                absorb_forms(sensor, plots, form, plot, ahead, spread, fit, flies[group])
            return ahead, spread, fit, *prior

        if not pairs.carried[:, k].all():
            self._take_in_some(store, pairs, k, work, late)
            return
        done = map_blocks(work, pairs.row, pairs.group, pairs.plot, pairs.dt_s, executor=self.executor)
        pairs.means[k], pairs.covariances[k], pairs.fit[k] = done[:3]
        if wants_prior and one_each:
            pairs.ahead[k], pairs.spread[k] = done[3:]
        elif wants_prior:
            first = pairs.begin[:-1]
            pairs.ahead[k], pairs.spread[k] = self._ahead(
                store, pairs, k, pairs.rows, pairs.group[first], pairs.dt_s[first], late
            )

    def _take_in_some(
        self, store: Store, pairs: Pairs, k: int, work: Callable[..., tuple[Floats, ...]], late: bool
    ) -> None:
        """Do what `_take_in` does for the tracks that carry the model; of the others nothing is said."""
        p, t, d = len(pairs.row), len(pairs.rows), self.sizes[k]
        some, kept = np.flatnonzero(pairs.carried[pairs.group, k]), np.flatnonzero(pairs.carried[:, k])
        pairs.means[k], pairs.covariances[k] = np.zeros((p, d)), np.zeros((p, d, d))
        pairs.fit[k] = np.inf, np.inf, 0.0
        if pairs.ahead:
            pairs.ahead[k], pairs.spread[k] = np.zeros((t, d)), np.zeros((t, d, d))
        if not some.size:
            return
        chosen = pairs.row[some], pairs.group[some], pairs.plot[some], pairs.dt_s[some]
        done = map_blocks(work, *chosen, executor=self.executor)
        pairs.means[k][some], pairs.covariances[k][some], pairs.fit[k][some] = done[:3]
        if pairs.ahead:
            first = pairs.begin[kept]
            pairs.ahead[k][kept], pairs.spread[k][kept] = self._ahead(
                store, pairs, k, pairs.rows[kept], pairs.group[first], pairs.dt_s[first], late
            )

    def _ahead(
        self, store: Store, pairs: Pairs, k: int, row: Integers, group: Integers, dt_s: Floats, late: bool
    ) -> tuple[Floats, Floats]:
        """Return one model's state of tracks at their plots' times, or at their own where the plot is older.

        What is known already is taken from there.
        """
        dt_s, expected = np.maximum(dt_s, 0.0) if late else dt_s, pairs.expected
        if expected is None:
            return self._predict(store, pairs, k, row, group, dt_s)
        index = expected.index[group]
        is_other = expected.dt_s[index] != dt_s
        others = np.flatnonzero(is_other)
        more = self._predict(store, pairs, k, row[others], group[others], dt_s[others]) if others.size else None
        if more is not None and len(others) == len(row):
            return more
        state, spread = expected.states[k], expected.spreads[k]
        size, found, wider = state.shape[1], *(more or (state[:0], spread[:0]))
        mean, covariance = np.empty((len(row), size)), np.empty((len(row), size * size))
        _take(
            index, is_other, state, spread.reshape(-1, size * size), found, wider.reshape(-1, size * size), mean,
            covariance,
        )  # fmt: skip
        return mean, covariance.reshape(-1, size, size)

    def _predict(
        self, store: Store, pairs: Pairs, k: int, row: Integers, group: Integers, dt_s: Floats
    ) -> tuple[Floats, Floats]:
        """Return one model's state of tracks dt_s later; pairs of one time, which follow each other, share it."""
        size = self.sizes[k]
        source, index = (pairs.mixed, group) if len(self.sizes) > 1 else (store.real, row)
        shared = np.empty(0, np.int64)
        if len(self.sizes) > 1 and len(row) > 1:
            is_new = np.ones(len(row), np.bool_)
            is_new[1:] = (group[1:] != group[:-1]) | (dt_s[1:] != dt_s[:-1])
            shared = np.cumsum(is_new) - 1
            index, dt_s = index[is_new], dt_s[is_new]
        mean, covariance = np.empty((len(index), size)), np.empty((len(index), size, size))
        _gather(source, index, store.layout.offsets[k], mean, covariance)
        mean, covariance = self.motions[k].predict(mean, covariance, dt_s)
        return (mean[shared], covariance[shared]) if len(index) < len(row) else (mean, covariance)

    def _widen(
        self,
        store: Store,
        pairs: Pairs,
        stray: Floats,
        plots: Detections,
        form: Floats,
        sensor: Sensor,
        late: bool,
        gates: Floats,
    ) -> None:
        """Do the stray pairs again with the covariance before the plot so many times as wide, and let them in."""
        some = np.flatnonzero(stray > 0.0)
        group, dt_s = pairs.group[some], pairs.dt_s[some]
        flies = in_the_air(pairs.mixed, self.motions, len(pairs.rows))[group]
        for k, motion in enumerate(self.motions):
            ahead, spread = self._ahead(store, pairs, k, pairs.row[some], group, dt_s, late)
            spread *= stray[some][:, None, None]
            if pairs.ahead:
                first = np.flatnonzero(pairs.begin[group] == some)
                pairs.ahead[k][group[first]], pairs.spread[k][group[first]] = ahead[first], spread[first]
            fit = np.empty((len(some), 3))
            if late:
                fit = _absorb_late(motion, plots, form, sensor, pairs.plot[some], dt_s, ahead, spread, flies)
            else:
                absorb_forms(sensor, plots, form, pairs.plot[some], ahead, spread, fit, flies)
            pairs.means[k][some], pairs.covariances[k][some], pairs.fit[k, some] = ahead, spread, fit
        _score(pairs.fit, pairs.mixed, pairs.group, pairs.row, store.near, pairs.agreement, gates, 0.0, pairs.seen,
               pairs.distance, pairs.log_likelihood, pairs.total, pairs.is_inside, np.empty(len(stray)))  # fmt: skip
        pairs.is_inside[some] = True


def is_young(whole: Integers, rows: Integers) -> NDArray[np.bool_]:
    """Return which of some rows (t,) of tracks keep all models: see `YOUNG`."""
    age_ns = whole[rows, Whole.TIME] - whole[rows, Whole.BORN]
    return np.asarray((whole[rows, Whole.HITS] < YOUNG) | (age_ns < YOUNG_S * NS_PER_S))


def _absorb_late(
    motion: Motion,
    plots: Detections,
    form: Floats,
    sensor: Sensor,
    plot: Integers,
    dt_s: Floats,
    ahead: Floats,
    spread: Floats,
    flies: NDArray[np.bool_],
) -> Floats:
    """Take in plots of which some are older than their track, in place; return the fit.

    There the state stays where it is, and the measurement is of what it was: rows and noise carry the way back.
    """
    back = np.flatnonzero(dt_s < 0.0)
    place, fit = ahead.copy(), np.empty((len(plot), 3))
    still = np.zeros((len(back), ahead.shape[1], ahead.shape[1]))
    place[back], drift = motion.predict(ahead[back], still, dt_s[back])
    up = consider(sensor, form, plot, place, spread, flies)
    innovation, rows, variance = linearise(sensor, plots, form, plot, place, spread)
    take_back(back, dt_s, drift, innovation, rows, variance)
    absorb(ahead, spread, innovation, rows, variance, fit, up)
    return fit


@kernel
def take_back(back: Integers, dt_s: Floats, drift: Floats, innovation: Floats, rows: Floats, variance: Floats) -> None:
    """Let rows and variance of those pairs whose plot is older carry the way back: `drift` is its noise."""
    for at in range(back.shape[0]):
        i = back[at]
        for k in range(innovation.shape[1]):
            if math.isnan(innovation[i, k]):  # of what a plot lacks nothing is written
                continue
            h = rows[i, k]
            for a in range(6):
                for b in range(6):
                    variance[i, k] += h[a] * drift[at, a, b] * h[b]
            for c in range(3):
                h[3 + c] += dt_s[i] * h[c]


@kernel
def _line_up(
    row: Integers, plot: Integers, time_ns: Integers, whole: Integers
) -> tuple[Integers, Integers, Integers, Floats]:
    """Return the distinct rows of an ascending list, where each begins (and the end), each pair's, its time step."""
    p, n = row.shape[0], 0
    rows, begin, group = np.empty(p, np.int64), np.empty(p + 1, np.int64), np.empty(p, np.int64)
    dt_s = np.empty(p)
    for e in range(p):
        if e == 0 or row[e] != row[e - 1]:
            rows[n], begin[n] = row[e], e
            n += 1
        group[e] = n - 1
        dt_s[e] = (time_ns[plot[e]] - whole[row[e], Whole.TIME]) / NS_PER_S
    begin[n] = p
    return rows[:n].copy(), begin[: n + 1].copy(), group, dt_s


@kernel
def _share(group: Integers, dt_s: Floats, within_s: float) -> tuple[Integers, Integers, Floats]:
    """Return the pairs (q,) whose prediction others share, whose each pair has (p,), and how long after it that is."""
    p, n = group.shape[0], 0
    first, shared, after_s = np.empty(p, np.int64), np.empty(p, np.int64), np.empty(p)
    for e in range(p):
        if n == 0 or group[e] != group[first[n - 1]] or abs(dt_s[e] - dt_s[first[n - 1]]) > within_s:
            first[n] = e
            n += 1
        shared[e], after_s[e] = n - 1, dt_s[e] - dt_s[first[n - 1]]
    return first[:n].copy(), shared, after_s


@kernel
def _score(
    fit: Floats,
    mixed: Floats,
    group: Integers,
    row: Integers,
    near: Floats,
    agreement: Integers,
    gates: Floats,
    widening_max: float,
    seen: Floats,
    distance: Floats,
    log_likelihood: Floats,
    total: Floats,
    is_inside: NDArray[np.bool_],
    stray: Floats,
) -> int:
    """Write likelihoods and which pairs are inside the gate; return how many are to be widened (`stray` > 0)."""
    n_models, found, best = fit.shape[0], 0, seen.max()
    sigmas_first = math.sqrt(gates[0])
    for e in range(row.shape[0]):
        distance[e], top = math.inf, -math.inf
        for k in range(n_models):
            # A model carried too far for its equations says nothing of this plot.
            if not math.isfinite(fit[k, e, 0] + fit[k, e, 1]):
                log_likelihood[e, k] = -math.inf
                continue
            distance[e] = min(distance[e], fit[k, e, 0])
            log_likelihood[e, k] = -0.5 * (fit[k, e, 0] + fit[k, e, 1] + LOG_2_PI * fit[k, e, 2])
            if seen[k] < best:
                log_likelihood[e, k] += math.log(seen[k] / best)
            top = max(top, log_likelihood[e, k])
        total[e] = top
        if n_models > 1 and top > -math.inf:
            likelihood = 0.0
            for k in range(n_models):
                likelihood += mixed[group[e], PROBABILITY + k] * math.exp(log_likelihood[e, k] - top)
            total[e] += math.log(likelihood)
        n = 0
        for k in range(n_models):
            n = max(n, int(fit[k, e, 2]))
        gate = gates[0] if near[row[e], Near.SIGMAS] == sigmas_first else gates[n]
        is_inside[e] = n > 0 and distance[e] <= gate
        stray[e] = 0.0
        if agreement[e] == SAME_ADDRESS and gate < distance[e] < widening_max * gate:
            stray[e] = distance[e] / gate
            found += 1
    return found


@kernel
def _take(
    index: Integers,
    is_other: NDArray[np.bool_],
    state: Floats,
    spread: Floats,
    other: Floats,
    other_spread: Floats,
    mean: Floats,
    covariance: Floats,
) -> None:
    """Write the (n, d) means and (n, d * d) covariances of an index; where it `is_other`, the next of the others'."""
    n = 0
    for e in range(index.shape[0]):
        if is_other[e]:
            for c in range(mean.shape[1]):
                mean[e, c] = other[n, c]
            for c in range(covariance.shape[1]):
                covariance[e, c] = other_spread[n, c]
            n += 1
        else:
            for c in range(mean.shape[1]):
                mean[e, c] = state[index[e], c]
            for c in range(covariance.shape[1]):
                covariance[e, c] = spread[index[e], c]


def _gather(source: Floats, index: Integers, offset: int, mean: Floats, covariance: Floats) -> None:
    """Write the (n, d) means and (n, d, d) covariances of rows."""
    _gather_flat(source, index, offset, mean, covariance.reshape(len(index), mean.shape[1] ** 2))


@kernel
def _gather_flat(source: Floats, index: Integers, offset: int, mean: Floats, covariance: Floats) -> None:
    d, square = mean.shape[1], covariance.shape[1]
    for at in range(index.shape[0]):
        i = index[at]
        for c in range(d):
            mean[at, c] = source[i, offset + c]
        for c in range(square):
            covariance[at, c] = source[i, offset + d + c]
