"""Soft association with existence: every plot may be every track's, with its probability. The default.

Each track exists with a probability, and each plot is a known target's, a new one's or nobody's; their marginal
probabilities come from belief propagation over the pairs of the gate, and each track is updated by the mean and spread
of what its plots would make of it. In the terms of its sources this is joint integrated probabilistic data association
(Musicki and Evans (2004), Joint integrated probabilistic data association: JIPDA, IEEE Trans. Aerospace and Electronic
Systems 40(3), 1093-1099) in the form of the track-oriented marginal multi-Bernoulli/Poisson filter (Williams (2015),
Marginal multi-Bernoulli filters: RFS derivation of MHT, JIPDA, and association-based MeMBer, same journal 51(3),
1664-1687, section IV, equations 48 to 68), new targets being even over what a sensor sees.

Where several tracks may have several plots, they may have them in several orders, and the mean over all orders would
draw the tracks into one another until none is anybody's: a raid was lost so. A picture does not ask which of two alike
is which, so of the orders only the likeliest is kept, every track and every plot keeping its probability to have one
(Blom and Bloem (2000), Probabilistic data association avoiding track coalescence, IEEE Trans. Automatic Control 45(2),
247-259; with probabilities kept, as in Williams (2015), An efficient, variational approximation of the best fitting
multi-Bernoulli filter, IEEE Trans. Signal Processing 63(1), 258-273).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.belief import marginals
from noroshi.estimation.blocks import Executor
from noroshi.estimation.clusters import clusters
from noroshi.estimation.transport import rearrange
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, geodetic_from_ecef
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import Detections, TrackStatus
from noroshi.records.tracks import FIRM
from noroshi.sensors import Sensor
from noroshi.sensors.rows import LOG_VOLUME
from noroshi.tracking import Heard
from noroshi.tracking.bank import Pairs
from noroshi.tracking.clutter import (
    EMPTY_MAP,
    counted,
    evenly_spread,
    false_at,
    map_of,
    share_of_cell,
    unclaimed_plots,
)
from noroshi.tracking.dark import chance_to_see, miss
from noroshi.tracking.gate import SAME_ADDRESS, SAME_CODE
from noroshi.tracking.keeper import Common, Keeper
from noroshi.tracking.life import STALE_LOOKS, decided, missed_look
from noroshi.tracking.store import EXISTENCE, FREE, NEGLIGIBLE, NEVER, PROBABILITY, Integers, Near, Whole

CODE_FACTOR, ADDRESS_FACTOR = math.exp(5.0), math.exp(25.0)
"""How many times likelier a plot is a track's if their Mode 3/A codes agree, or their addresses."""

LOOKS_REMEMBERED = 10.0  # over so many looks the rate of false plots is averaged
WEIGHT_MIN = 1e-4  # a plot that is a track's with less is not worth the work
LOG_MOST = 600.0  # a likelihood beyond this would overflow with the factors above
FAINT = 0.05  # a look that would see a target with less says nothing of whether it is there
LANDED_M = -1_000.0  # so far below the ellipsoid what nobody sees fall any more has come down
UNCLAIMED_MIN = 0.1  # nor is a new track at a plot that is nobody's with less
TOO_MANY_TO_MISS, SILENT_PERIODS = 5.0, 1.5
"""A sensor that gives so many plots a look, and then none for so many periods, has not looked: one in 150 is chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters(Common):
    """What may be set, beside what is common.

    Attributes:
        births_a_look: new targets that one sensor is to expect in one look.
        births_at_start: the same in its first look, in which all are new.
        false_plots_a_look: false plots that a sensor is taken to give in one look, until its own rate is known.
        learns_false_plots: 1 to follow each sensor's own rate of false plots, 0 to keep to the number above.
        maps_false_plots: 1 to follow where a radar's false plots lie too (`clutter`), 0 to take them as spread evenly.
        life_s: how long a target is there on average.
        silence_s: a sensor that falls silent altogether misses nothing; its tracks coast for so long.
        existence_to_confirm: a track becomes firm once its existence has been as high ...
        hits_to_confirm: ... and it has had so many plots.
        existence_shown: a picture shows firm tracks whose existence is at least this.
        existence_lost: a firm track ends below this.
        share_dropped: a track that was never firm ends below this share of the existence that a new one has ...
        plots_due: or when its sensors' looks would have brought so many more plots of a target, on average, and its
            existence ...
        existence_by_then: is still below this.
    """

    births_a_look: float = 1.0
    births_at_start: float = 20.0
    false_plots_a_look: float = 20.0
    learns_false_plots: float = 1.0
    maps_false_plots: float = 0.0
    life_s: float = 1_500.0
    silence_s: float = 120.0
    existence_to_confirm: float = 0.99
    hits_to_confirm: int = 3
    existence_shown: float = 0.3
    existence_lost: float = 0.01
    share_dropped: float = 0.2
    plots_due: float = 4.0
    existence_by_then: float = 0.6
    gate_probability: float = 0.999999

    def __post_init__(self) -> None:
        Common.__post_init__(self)
        for name in ("births_a_look", "false_plots_a_look", "life_s"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} must be positive")


class Tracker(Keeper):
    """See `noroshi.tracking.Tracker`."""

    HAS_EXISTENCE: ClassVar[bool] = True
    KEEPS_PRIOR: ClassVar[bool] = True

    def __init__(
        self,
        *,
        node: str,
        sensor_names: tuple[str, ...],
        motions: Sequence[Motion],
        parameters: Parameters | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.parameters = p = parameters or Parameters()
        super().__init__(node=node, sensor_names=sensor_names, motions=motions, common=p, executor=executor)
        self._n_born = p.births_a_look  # new targets that are expected in the look that is taken in
        # Of the sensor whose plots are taken in: where false ones come from, a cell's share (0: no map), their cells.
        self._map, self._share_of_cell, self._cells = EMPTY_MAP, 0.0, np.zeros(0, np.int64)
        n = len(sensor_names)
        self.store.tally |= {
            "false_plots": np.full(n, p.false_plots_a_look),
            "looked_ns": np.full(n, -1, np.int64),
            "seen": np.full((n, len(motions)), 0.9),
            "speaks": np.ones((n, len(motions)), np.bool_),
            "missed_ns": np.full(n, NEVER, np.int64),  # the newest look that has said what it did not see
            "since_ns": np.full(n, -1, np.int64),
            "plots_a_look": np.zeros(n),
            "silent_ns": np.full((n, 2), NEVER, np.int64),  # the sensor's latest silence, from when to when
        }

    def associate(self, pairs: Pairs, form: Floats, i_sensor: int) -> tuple[Floats, Floats, Floats]:
        """Give every plot to every track with its probability, and to nobody, and to a new target."""
        s, p, (births, _) = self.store, self.parameters, self.bank.newness(form)
        births = births * self._n_born
        false, seen = self._false_at(form, i_sensor), pairs.seen
        chances = np.full(len(pairs.rows), seen[0])
        if seen.min() < seen.max():
            chances = pairs.mixed[:, PROBABILITY : PROBABILITY + len(seen)] @ seen
        weight, alone, missed = np.empty(len(pairs.row)), np.empty(len(pairs.rows)), np.empty(len(pairs.rows))
        _weigh(
            pairs.rows, pairs.begin, pairs.plot, pairs.agreement, pairs.total, pairs.is_inside, pairs.dt_s, s.real,
            form, births + false, float(seen.max()), chances, p.life_s, weight, alone, missed,
        )  # fmt: skip
        known = clusters(pairs.begin, pairs.plot, weight, len(form))
        pair, nobody, unclaimed = marginals(pairs.begin, pairs.plot, weight, alone, np.ones(len(form)), known)
        rearrange(pairs.begin, pairs.plot, weight, pair, len(form), share_min=WEIGHT_MIN, known=known)
        new = births / (births + false)
        chance = _conclude(pairs.begin, pair, nobody, missed, alone, unclaimed, new)
        self._count_false(chance, i_sensor)
        return pair, nobody, unclaimed

    def least(self, i_sensor: int) -> float:
        """Return what `_weigh` makes nothing of."""
        return math.log(WEIGHT_MIN * evenly_spread(self._map, float(self.store.tally["false_plots"][i_sensor])))

    def _hear(self, plots: Detections, sensor: Sensor, i_sensor: int, *, is_look: bool) -> tuple[Integers, Heard]:
        s, p = self.store, self.parameters
        self._share_of_cell = share_of_cell(sensor) if p.maps_false_plots else 0.0
        known = self._map = map_of(s.tally, i_sensor) if self._share_of_cell else EMPTY_MAP
        changed, heard = super()._hear(plots, sensor, i_sensor, is_look=is_look)
        if self._share_of_cell:
            mine = unclaimed_plots(s, self._cells, heard.pairs, heard.weight, heard.fresh, heard.now_ns)
            period_ns, false = int(s.tally["period_ns"][i_sensor]), float(s.tally["false_plots"][i_sensor])
            new = counted(known, mine, heard.now_ns, period_ns, s, self._share_of_cell, false)
            if new is not known:
                s.tally |= new.named(i_sensor)
        return changed, heard

    def _false_at(self, form: Floats, i_sensor: int) -> Floats:
        """Return (n,) how many false plots a look would give, were there everywhere as many as where each plot is."""
        false = float(self.store.tally["false_plots"][i_sensor])
        if not self._share_of_cell:
            return np.full(len(form), false)
        self._cells, found = false_at(self._map, form, self._share_of_cell, false)
        return found

    def judge(self, rows: Integers) -> None:
        """Confirm by existence and plots; set the deadline to the next look that may be missed."""
        p, s = self.parameters, self.store
        _judge(
            s.real, s.whole, rows, s.tally["period_ns"], self._due_ns(), p.existence_to_confirm, p.hits_to_confirm,
            p.existence_by_then,
        )  # fmt: skip

    def _due_ns(self) -> Integers:
        """Return (n,) in how long each sensor alone brings as many plots of a target as decide on a new track."""
        period_ns, seen = self.store.tally["period_ns"], self.store.tally["seen"]
        return np.asarray(self.parameters.plots_due * period_ns / seen.max(axis=1), np.int64)

    def overdue(self, rows: Integers, now_ns: int) -> NDArray[np.bool_]:
        """Lower the existence of tracks by the looks that they have missed; those below the bound end."""
        return self._miss(self.store.real, self.store.whole, rows, now_ns)

    def _miss(self, real: Floats, whole: Integers, rows: Integers, now_ns: int) -> NDArray[np.bool_]:
        """Do what `overdue` does of rows that may be no store's.

        What its sensors would not see anyway coasts: looks neither keep nor end it, but its coming down, or that
        nobody has measured it for as long as a target is there on average.
        """
        p, s = self.parameters, self.store
        ends, coasts = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
        _miss(
            real, whole, rows, s.tally["period_ns"], s.tally["seen"], s.tally["speaks"], now_ns, p.life_s,
            self._silences(now_ns), round(p.silence_s * NS_PER_S),
            p.existence_lost, self._dropped(), self._due_ns(), p.existence_by_then, ends, coasts,
        )  # fmt: skip
        if coasts.any():
            some = np.flatnonzero(coasts & ~ends)
            ends[some] = geodetic_from_ecef(self.bank.places(real, whole, s.layout, rows[some], now_ns))[2] < LANDED_M
        return ends

    def _silences(self, now_ns: int) -> Integers:
        """Return (n, 2) from when to when each sensor that ought to have given plots was silent last, or still is."""
        tally = self.store.tally
        silent_ns, heard_ns = tally["silent_ns"], np.maximum(tally["looked_ns"], tally["missed_ns"])
        is_silent = (tally["plots_a_look"] >= TOO_MANY_TO_MISS) & (
            now_ns - heard_ns > SILENT_PERIODS * tally["period_ns"]
        )
        if not is_silent.any():
            return silent_ns
        return np.where(is_silent[:, None], np.stack([heard_ns, np.full_like(heard_ns, now_ns)], axis=1), silent_ns)

    def _dropped(self) -> Floats:
        """Return (n,) the existence below which a track that was never firm ends when a sensor missed it."""
        p = self.parameters
        bound: Floats = p.share_dropped * p.births_a_look / (p.births_a_look + self.store.tally["false_plots"])
        return bound

    def missed(
        self, look_ns: int, origin_ecef_m: Floats, sensor: Sensor, i_sensor: int, heard: Integers
    ) -> tuple[Integers, Integers]:
        """Let a look that is known say what its sensor, which sees some motions better than others, did not see.

        It says something of the tracks that the sensor has seen of late and has now in clear sight, as long as it is
        not negligible that it should have seen them.
        """
        s, p, (seen, speaks) = self.store, self.parameters, self.bank.seen_by(sensor)
        rows = np.zeros(0, np.int64)
        if look_ns <= s.tally["missed_ns"][i_sensor]:
            return rows, rows  # told twice, it is one look still
        s.tally["missed_ns"] = s.tally["missed_ns"].copy()
        s.tally["missed_ns"][i_sensor] = look_ns
        if seen.min() < seen.max():
            rows = _unseen(s.real, s.whole, s.n_used, i_sensor, s.tally["period_ns"], seen, speaks, look_ns)
            rows = rows[~np.isin(rows, heard)]
        if rows.size:
            mean, _ = self.bank.predict(s, rows, look_ns)
            rows = rows[sensor.detection_probability(mean, np.tile(origin_ecef_m, (len(rows), 1))) > 0.0]
        if not rows.size:
            return rows, rows
        s.save(rows)
        there = s.real[rows, EXISTENCE] * np.exp((s.whole[rows, Whole.TIME] - look_ns) / (p.life_s * NS_PER_S))
        chance = miss(self.bank, s.layout, s.real, s.whole, rows, look_ns, sensor)
        chance[chance < FAINT] = 0.0
        s.real[rows, EXISTENCE] = there * (1.0 - chance) / (1.0 - there * chance)
        s.whole[rows, Whole.MISSES] += 1
        self.judge(rows)
        s.refresh(rows)
        is_firm = s.whole[rows, Whole.STATUS] >= FIRM
        bound = np.where(is_firm, p.existence_lost, self._dropped()[i_sensor])
        return rows, rows[s.real[rows, EXISTENCE] < bound]

    def after_look(self, i_sensor: int, seen: Integers, now_ns: int) -> None:
        """Count a missed look at once for every track of this sensor that had no plot in it."""
        s = self.store
        last = s.whole[: s.n_used, Whole.FIRST_SENSOR + len(self.sensor_names) + i_sensor]
        unseen = (s.near[: s.n_used, Near.SIGMAS] > 0.0) & (last < now_ns) & (last != NEVER)
        unseen[seen] = False
        rows = np.flatnonzero(unseen)
        s.save(rows)
        s.whole[rows, Whole.DEADLINE] = now_ns
        s.refresh(rows)

    def aged(self, rows: Integers, time_ns: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the existence of tracks after the looks missed by then, and which are likely enough to be there."""
        real, whole = self.store.real[rows], self.store.whole[rows]
        ends = self._miss(real, whole, np.arange(len(rows)), time_ns)
        existence = real[:, EXISTENCE].copy()
        return existence, ~ends & (existence >= self.parameters.existence_shown)

    def is_coasting(self, rows: Integers, time_ns: int) -> NDArray[np.bool_]:
        """Return which tracks have missed two looks."""
        return np.asarray(self.store.whole[rows, Whole.MISSES] >= 2)

    def _meet(self, plots: Detections, sensor: Sensor) -> int:
        i_sensor = super()._meet(plots, sensor)
        s, first_ns, now_ns = self.store, int(plots.time_ns.min()), int(plots.time_ns.max())
        silences = self._silences(first_ns)
        if silences is not s.tally["silent_ns"]:
            silent_ns = s.tally["silent_ns"].copy()
            silent_ns[i_sensor] = silences[i_sensor]
            s.tally["silent_ns"] = silent_ns
        if s.tally["since_ns"][i_sensor] < 0:
            since, seen, speaks = (s.tally[name].copy() for name in ("since_ns", "seen", "speaks"))
            since[i_sensor] = first_ns
            seen[i_sensor], speaks[i_sensor] = self.bank.seen_by(sensor)
            s.tally |= {"since_ns": since, "seen": seen, "speaks": speaks}
        looked = s.tally["looked_ns"].copy()
        before_ns, period_ns = int(looked[i_sensor]), int(s.tally["period_ns"][i_sensor])
        elapsed = 1.0 if before_ns < 0 else min(max(now_ns - before_ns, 0) / period_ns, 1.0)
        looked[i_sensor] = max(now_ns, before_ns)
        s.tally["looked_ns"] = looked
        given = s.tally["plots_a_look"].copy()
        given[i_sensor] += (len(plots) - given[i_sensor] * elapsed) / LOOKS_REMEMBERED
        s.tally["plots_a_look"] = given
        s.tally["elapsed_looks"] = np.array([elapsed])
        p = self.parameters
        self._n_born = p.births_at_start if self._is_first_look(i_sensor) else p.births_a_look
        return i_sensor

    def _is_first_look(self, i_sensor: int) -> bool:
        s = self.store
        since_ns = [ns for ns in s.tally["since_ns"].tolist() if ns >= 0]
        earliest_ns = min(since_ns) if any(since_ns) else 0
        return int(s.tally["looked_ns"][i_sensor]) - earliest_ns < int(s.tally["period_ns"][i_sensor])

    def _count_false(self, chance: float, i_sensor: int) -> None:
        """Follow the sensor's rate of false plots: what is nobody's, averaged over the last looks."""
        if not self.parameters.learns_false_plots:
            return
        s = self.store
        rates = s.tally["false_plots"].copy()
        elapsed = float(s.tally["elapsed_looks"][0])
        rates[i_sensor] += (chance - rates[i_sensor] * elapsed) / LOOKS_REMEMBERED
        rates[i_sensor] = max(rates[i_sensor], 0.1)
        s.tally["false_plots"] = rates


@kernel
def _weigh(
    rows: Integers,
    begin: Integers,
    plot: Integers,
    agreement: Integers,
    log_likelihood: Floats,
    is_inside: NDArray[np.bool_],
    dt_s: Floats,
    real: Floats,
    form: Floats,
    others: Floats,
    detection: float,
    chance: Floats,
    life_s: float,
    weight: Floats,
    alone: Floats,
    missed: Floats,
) -> None:
    """Write how likely each pair is beside its plot being new or false, and each track to have none or be missed.

    `others` (n,) is how many plots of one look are expected to be new or false, were all as that one is; `detection`
    the chance that one sees what it sees best, over which the likelihoods count; `chance` (t,) that it sees each
    track's target.
    """
    for t in range(rows.shape[0]):
        existence = real[rows[t], EXISTENCE] * math.exp(-max(dt_s[begin[t]], 0.0) / life_s)
        missed[t] = existence * (1.0 - chance[t])
        alone[t] = 1.0 - existence + missed[t]
        for e in range(begin[t], begin[t + 1]):
            weight[e] = 0.0
            if not is_inside[e]:
                continue
            own = (
                existence
                * detection
                * math.exp(min(log_likelihood[e] + form[plot[e], LOG_VOLUME], LOG_MOST))
                / others[plot[e]]
            )
            if agreement[e] == SAME_CODE:
                own *= CODE_FACTOR
            elif agreement[e] == SAME_ADDRESS:
                own *= ADDRESS_FACTOR
            # Its probability is at most its weight over that of the track's having none.
            if own >= WEIGHT_MIN * alone[t]:
                weight[e] = own


@kernel
def _conclude(
    begin: Integers, pair: Floats, alone: Floats, missed: Floats, weight_alone: Floats, unclaimed: Floats, new: Floats
) -> float:
    """Turn marginal probabilities into what a tracker decides, in place, and return how many plots are nobody's.

    On return `pair` is the weight of each plot for a track that exists, `alone` each track's existence, `unclaimed`
    the existence of the track that each plot starts, of which a share of `new` (n,) is a target's.
    """
    false = 0.0
    for j in range(unclaimed.shape[0]):
        if unclaimed[j] >= 0.0:
            false += unclaimed[j] * (1.0 - new[j])
        unclaimed[j] = unclaimed[j] * new[j] if unclaimed[j] >= UNCLAIMED_MIN else 0.0
    for t in range(alone.shape[0]):
        existence = alone[t] * missed[t] / weight_alone[t]
        for e in range(begin[t], begin[t + 1]):
            if pair[e] < WEIGHT_MIN:
                pair[e] = 0.0
            existence += pair[e]
        alone[t] = min(existence, 1.0)
        for e in range(begin[t], begin[t + 1]):
            pair[e] = min(pair[e] / max(alone[t], 1e-12), 1.0)
    return false


@kernel
def _judge(
    real: Floats,
    whole: Integers,
    rows: Integers,
    period_ns: Integers,
    due_ns: Integers,
    confirm: float,
    hits_to_confirm: int,
    wanted: float,
) -> None:
    for at in range(rows.shape[0]):
        track = whole[rows[at]]
        if real[rows[at], 0] >= confirm and track[Whole.HITS] >= hits_to_confirm:
            track[Whole.STATUS] = TrackStatus.FIRM
        track[Whole.DEADLINE], _ = missed_look(track, period_ns, track[Whole.MISSES] + 1)
        if track[Whole.STATUS] < TrackStatus.FIRM and real[rows[at], 0] < wanted:
            track[Whole.DEADLINE] = min(track[Whole.DEADLINE], decided(track, due_ns))


@kernel
def _miss(
    real: Floats,
    whole: Integers,
    rows: Integers,
    period_ns: Integers,
    seen: Floats,
    speaks: NDArray[np.bool_],
    now_ns: int,
    life_s: float,
    silent_ns: Integers,
    silent_ns_max: int,
    lost: float,
    dropped: Floats,
    due_ns: Integers,
    wanted: float,
    ends: NDArray[np.bool_],
    coasts: NDArray[np.bool_],
) -> None:
    k = seen.shape[1]
    for at in range(rows.shape[0]):
        track, likely = whole[rows[at]], real[rows[at], PROBABILITY : PROBABILITY + k]
        if track[Whole.DEADLINE] > now_ns:
            continue
        is_unsure = track[Whole.STATUS] < TrackStatus.FIRM and real[rows[at], 0] < wanted
        if is_unsure and decided(track, due_ns) <= now_ns:
            ends[at] = True
            continue
        again_ns = _next_faint(track, likely, period_ns, seen, speaks)
        if again_ns > 0:
            coasts[at] = True
            ends[at] = now_ns - track[Whole.MEASURED] > life_s * NS_PER_S
            track[Whole.DEADLINE] = now_ns + again_ns
            continue
        before_ns = track[Whole.TIME]
        if track[Whole.MISSES] > 0:
            before_ns, _ = missed_look(track, period_ns, track[Whole.MISSES])
        while track[Whole.DEADLINE] <= now_ns:
            look_ns, whose = missed_look(track, period_ns, track[Whole.MISSES] + 1)
            if whose < 0:
                ends[at] = True
                break
            chance, swept_ns = chance_to_see(likely, seen[whose], speaks[whose]), look_ns - period_ns[whose] // 4
            is_silent = silent_ns[whose, 0] < swept_ns <= silent_ns[whose, 1]
            if is_silent and look_ns - track[Whole.MEASURED] <= silent_ns_max:
                chance = 0.0
            existence = real[rows[at], 0] * math.exp(-max(look_ns - before_ns, 0) / (life_s * NS_PER_S))
            before_ns = look_ns
            existence *= (1.0 - chance) / (1.0 - existence * chance)
            real[rows[at], 0] = existence
            track[Whole.MISSES] += 1
            bound = lost
            if track[Whole.STATUS] < TrackStatus.FIRM:
                bound = wanted if decided(track, due_ns) <= look_ns else dropped[whose]
            if existence < bound:
                ends[at] = True
                break
            track[Whole.DEADLINE], _ = missed_look(track, period_ns, track[Whole.MISSES] + 1)


@kernel
def _next_faint(track: Integers, likely: Floats, period_ns: Integers, seen: Floats, speaks: NDArray[np.bool_]) -> int:
    """Return after how long the next look at a track is, if none of those that reach it would see it; else 0."""
    n, newest, soonest = period_ns.shape[0], NEVER, 0
    for s in range(n):
        newest = max(newest, track[Whole.FIRST_SENSOR + n + s])
    for s in range(n):
        last = track[Whole.FIRST_SENSOR + n + s]
        if last != NEVER and newest - last < STALE_LOOKS * period_ns[s]:
            if chance_to_see(likely, seen[s], speaks[s]) >= FAINT:
                return 0
            soonest = min(soonest, period_ns[s]) if soonest > 0 else period_ns[s]
    return soonest


@kernel
def _unseen(
    real: Floats,
    whole: Integers,
    n_used: int,
    i_sensor: int,
    period_ns: Integers,
    seen: Floats,
    speaks: NDArray[np.bool_],
    look_ns: int,
) -> Integers:
    """Return the rows that a sensor has seen of late and that it may see better than others, before a look."""
    rows, found, n, k = np.empty(n_used, np.int64), 0, period_ns.shape[0], seen.shape[0]
    least = seen.min() + NEGLIGIBLE * (seen.max() - seen.min())
    for i in range(n_used):
        last, newest = whole[i, Whole.FIRST_SENSOR + n + i_sensor], NEVER
        if whole[i, Whole.STATUS] == FREE or last == NEVER or last >= look_ns:
            continue
        if whole[i, Whole.TIME] > look_ns:
            continue
        for s in range(n):
            newest = max(newest, whole[i, Whole.FIRST_SENSOR + n + s])
        if newest - last < STALE_LOOKS * period_ns[i_sensor]:
            rows[found] = i
            found += chance_to_see(real[i, PROBABILITY : PROBABILITY + k], seen, speaks) >= least
    return rows[:found].copy()
