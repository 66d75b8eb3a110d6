"""What all trackers of single states share: a step from a batch of plots to the tracks that it changed."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.blocks import Executor
from noroshi.estimation.gating import chi_square_gate
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import Detections, Kind, Tracks, TrackStatus
from noroshi.records.identity import ABSENT, call_sign_words
from noroshi.records.quality import NOTHING
from noroshi.records.tracks import COASTING, FIRM
from noroshi.sensors import Sensor
from noroshi.sensors.rows import form_of, start_of
from noroshi.tracking import Heard, Listener, TrackerState, considered
from noroshi.tracking.bank import Bank, Pairs
from noroshi.tracking.gate import coarse_pairs
from noroshi.tracking.height import HEIGHT_SIGMA_M, IN_THE_AIR, bound_height, level_variance_m2, loose_rows
from noroshi.tracking.identity import codes_of, track_ids
from noroshi.tracking.kinds import AIRCRAFT, ENVELOPES, MOVED, SAID, SHIP, SILENT, TAKEN_FOR, UNKNOWN, weigh
from noroshi.tracking.launches import watch
from noroshi.tracking.life import due
from noroshi.tracking.registration import is_reporter
from noroshi.tracking.rewind import good
from noroshi.tracking.settling import settle
from noroshi.tracking.sightlines import Sighted, is_sighted, start_by_lines
from noroshi.tracking.store import (
    EXISTENCE,
    FREE,
    NEVER,
    PROBABILITY,
    Bound,
    Change,
    Integers,
    Near,
    Store,
    Whole,
    identity_of,
)
from noroshi.tracking.twins import settle_twins

COASTING_LOOKS = 2
TAKEN_OUT = "taken_out"
SILENT_LOOKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What may be set of every tracker of single states.

    Attributes:
        gate_probability: chance that a target's own plot passes the gate.
        first_gate_sigmas: how many standard deviations of its unknown velocity a track of one plot may have moved.
        duplicate_probability: two firm tracks that differ by less than this chi-square quantile are one target.
        sojourn_s: where there are several motion models, how long a target keeps to the first on average ...
        manoeuvre_s: ... and to any other, but for those that say so themselves (`Start.sojourn_s`).
    """

    gate_probability: float = 0.9999
    first_gate_sigmas: float = 2.0
    duplicate_probability: float = 0.99
    sojourn_s: float = 120.0
    manoeuvre_s: float = 20.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{field.name} is {value}: it must be a number of zero or more")
            if ("existence" in field.name or "probability" in field.name) and not 0.0 < value < 1.0:
                raise ValueError(f"{field.name} is {value}: it must be between 0 and 1")
        for name in ("first_gate_sigmas", "sojourn_s", "manoeuvre_s"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} must be positive")


class Keeper(ABC):
    """A tracker but for its rules: which plot is whose, what starts, confirms and ends a track.

    Arrays given to it or given out by it are never written to.
    """

    HAS_EXISTENCE: ClassVar[bool]
    KEEPS_PRIOR: ClassVar[bool]

    def __init__(
        self,
        *,
        node: str,
        sensor_names: tuple[str, ...],
        motions: Sequence[Motion],
        common: Common,
        executor: Executor | None = None,
    ) -> None:
        self.node = node
        self.sensor_names = sensor_names
        self.listener: Listener | None = None
        starts = [getattr(motion, "STARTS", None) for motion in motions]
        sojourn_s = [common.sojourn_s, *[common.manoeuvre_s] * (len(motions) - 1)]
        own_s = [start.sojourn_s if start else usual for start, usual in zip(starts, sojourn_s, strict=True)]
        self.bank = Bank(motions, own_s, executor)
        self._gates = chi_square_gate(common.gate_probability, np.arange(10))
        self._gates[0] = common.first_gate_sigmas**2  # of tracks that have a single plot
        self._alike = float(chi_square_gate(common.duplicate_probability, 6))
        sigmas = float(np.sqrt(self._gates[0])), float(np.sqrt(self._gates[3]))
        self.store = Store(self.bank.layout(len(sensor_names)), sigmas=sigmas)
        self.store.tally = {
            "hits_of_lost": np.zeros(len(sensor_names), np.int64),
            "left_ns": np.full(len(sensor_names), NEVER, np.int64),  # when a track that it had seen ended last
            "period_ns": np.ones(len(sensor_names), np.int64),
            "growth": np.zeros(1),
        }
        self.considered: tuple[str, ...] = ()
        self.left = np.zeros((0, considered.N_BIASES, considered.N_BIASES))
        kinds = np.array([getattr(motion, "KIND", Kind.UNKNOWN) for motion in motions], np.int64)
        self._claims = kinds if len(set(kinds.tolist())) > 1 else np.full_like(kinds, Kind.UNKNOWN)

    # What a tracker decides.

    @abstractmethod
    def associate(self, pairs: Pairs, form: Floats, i_sensor: int) -> tuple[Floats, Floats, Floats]:
        """Return the weight of each pair (p,), the existence of each track after it (t,), and of new tracks (n,).

        A plot whose new track has existence 0 starts none.
        """

    def least(self, i_sensor: int) -> float:  # noqa: ARG002
        """Return which pairs of tentative tracks are not worth a look; see `gate.coarse_pairs`."""
        return -math.inf

    @abstractmethod
    def judge(self, rows: Integers) -> None:
        """Set status and deadline of tracks after a plot."""

    @abstractmethod
    def overdue(self, rows: Integers, now_ns: int) -> NDArray[np.bool_]:
        """Return which of the tracks whose deadline has come end; the others have a new deadline."""

    @abstractmethod
    def after_look(self, i_sensor: int, seen: Integers, now_ns: int) -> None:
        """Do what follows from a batch that was a look at everything; `seen` are the rows that it may have seen."""

    def missed(
        self,
        look_ns: int,  # noqa: ARG002
        origin_ecef_m: Floats,  # noqa: ARG002
        sensor: Sensor,  # noqa: ARG002
        i_sensor: int,  # noqa: ARG002
        heard: Integers,  # noqa: ARG002
    ) -> tuple[Integers, Integers]:
        """Use a look that a sensor is known to have taken: return the rows that it moved, and those that end.

        `heard` are rows for which the batch's plots have been used.
        """
        return np.zeros(0, np.int64), np.zeros(0, np.int64)

    # What the room's protocols ask.

    def consider(self, radars: Sequence[str]) -> None:
        """See `Considers.consider`."""
        s = self.store
        self.considered, tally = tuple(radars), s.tally
        self.left = np.zeros((len(self.considered), considered.N_BIASES, considered.N_BIASES))
        self.store = Store(self.bank.layout(len(self.sensor_names), len(self.considered)), sigmas=s.sigmas)
        self.store.tally = {**tally, TAKEN_OUT: np.zeros((len(self.considered), considered.N_BIASES))}

    @property
    def taken_out(self) -> Floats:
        """See `Considers.taken_out`."""
        return self.store.tally[TAKEN_OUT]

    def state(self) -> TrackerState:
        """Return everything the tracker knows."""
        return self.store.state()

    def restore(self, state: TrackerState) -> None:
        """Go back to `state`."""
        self.store.restore(state)

    def heeds(self, sensor: str, time_ns: int) -> bool:
        """Return whether looks that saw nothing may change anything; see `noroshi.tracking.Tracker.heeds`."""
        i_sensor = self.sensor_names.index(sensor)
        return self._has_seen(i_sensor) or time_ns <= self.store.tally["left_ns"][i_sensor]

    def _has_seen(self, i_sensor: int) -> bool:
        """Return whether a sensor has seen any living track: of others it cannot say that it sees them no more."""
        s = self.store
        last = s.whole[: s.n_used, Whole.FIRST_SENSOR + len(self.sensor_names) + i_sensor]
        return bool(((last != NEVER) & (s.whole[: s.n_used, Whole.STATUS] != FREE)).any())

    def last_change(self) -> Change:
        """Return what takes the last step back."""
        return self.store.change

    def take_back(self, change: Change) -> None:
        """Take back the latest step that is not taken back yet, whose change this is."""
        self.store.take_back(change)
        if self.listener is not None:
            self.listener.take_back()

    def state_before(self, changes: Sequence[Change]) -> TrackerState:
        """Return the state before the last steps, whose changes these are, oldest first."""
        return self.store.state_before(changes)

    def plots_used(self) -> dict[str, int]:
        """Return, for each sensor, how many of its plots went into tracks that became firm."""
        s, n = self.store, len(self.sensor_names)
        firm = s.whole[: s.n_used, Whole.STATUS] >= FIRM
        hits = s.whole[: s.n_used, Whole.FIRST_SENSOR : Whole.FIRST_SENSOR + n][firm].sum(axis=0)
        return dict(zip(self.sensor_names, (s.tally["hits_of_lost"] + hits).tolist(), strict=True))

    def alive(self) -> NDArray[np.uint64]:
        """Return the numbers of all tracks that have been told of and have not ended, sorted."""
        s = self.store
        told = s.whole[: s.n_used, Whole.IS_TOLD] * (s.whole[: s.n_used, Whole.STATUS] != FREE) == 1
        return np.sort(s.whole[: s.n_used, Whole.ID][told]).astype(np.uint64)

    def step(self, detections: Detections, sensor: Sensor, *, report: bool = True) -> Tracks | None:
        """Use one batch and return the firm tracks that it changed or ended; None where no report is wanted."""
        s = self.store
        s.begin()
        if considered.is_correction(detections):
            return self._correct(detections, sensor, report=report)
        if not len(detections):
            return self.report(np.zeros(0, np.int64), np.zeros(0, np.int64)) if report else None
        first_ns, now_ns = int(detections.time_ns.min()), int(detections.time_ns.max())
        i_sensor, plots = self.sensor_names.index(detections.sensor), good(detections)
        none = np.zeros(0, np.int64)
        looks = none if plots is detections else np.flatnonzero(detections.quality == NOTHING)
        changed, heirs, gone, lost, heard = none, none, none, none, None
        is_heeded = len(looks) > 0 and self._has_seen(i_sensor)
        is_used = is_heeded or len(plots) > 0
        if len(plots):
            self._meet(plots, sensor)
        if is_used:
            self._pass_over(first_ns)
        if len(plots):
            changed, heard = self._hear(plots, sensor, i_sensor, is_look=bool(len(looks)))
            heirs, gone = heard.heirs, heard.twins
            if sensor.parameters.get("frames", 0.0) and first_ns == now_ns:
                self.after_look(i_sensor, changed, now_ns)
        plotted = changed
        for at in looks.tolist() if is_heeded else []:
            look_ns, origin_ecef_m = int(detections.time_ns[at]), detections.origin_ecef_m[at]
            moved, ended = self.missed(look_ns, origin_ecef_m, sensor, i_sensor, plotted)
            changed, gone = np.union1d(changed, moved), np.union1d(gone, ended)
        if is_used:
            lost = self._end(gone, now_ns)
        if self.listener is not None:
            heard = heard or self._nothing_heard(plots, sensor)
            self.listener.step(replace(heard, now_ns=now_ns, lost=lost))
        if not report:
            self._free(lost, now_ns)
            return None
        told = np.union1d(changed, heirs) if heirs.size else changed
        told, ended = _to_tell(s.whole, told, lost)
        rows = self.report(told, ended)
        self._free(lost, now_ns)
        return rows

    def _correct(self, correction: Detections, sensor: Sensor, *, report: bool) -> Tracks | None:
        """Move all tracks to where they are by what is taken out of plots now; their next plots tell of it."""
        s, none = self.store, np.zeros(0, np.int64)
        rows, (_, taken_out) = s.in_use(), considered.before_and_after(correction)
        s.save(rows)
        considered.move(s, rows, taken_out - s.tally[TAKEN_OUT])
        s.refresh(rows)
        s.tally[TAKEN_OUT] = taken_out
        if self.listener is not None:
            no_plots = Detections.of(
                sensor=correction.sensor, components=sensor.COMPONENTS, time_ns=none,
                values=np.zeros((0, len(sensor.COMPONENTS))),
            )  # fmt: skip
            self.listener.step(replace(self._nothing_heard(no_plots, sensor), now_ns=int(correction.time_ns[0])))
        return self.report(none, none) if report else None

    def _hear(self, plots: Detections, sensor: Sensor, i_sensor: int, *, is_look: bool) -> tuple[Integers, Heard]:
        """Use the plots of one batch; return the rows that they changed, and what was done (none is `lost` yet)."""
        s, now_ns = self.store, int(plots.time_ns.max())
        form = form_of(sensor, plots)
        codes, words = codes_of(plots.identity), call_sign_words(plots.identity.call_sign)
        pairs = self._confront(plots, sensor, form, codes, self.least(i_sensor), is_look=is_look)
        weight, existence, fresh = self.associate(pairs, form, i_sensor)
        made = self.bank.that_matter(s, pairs, weight, existence, plots, form, sensor)
        changed, own_plot, firm = self._update(pairs, weight, made, plots, form, sensor, codes, words, i_sensor)
        twins, heirs = settle_twins(s, self.bank, pairs, own_plot, firm, now_ns, self._alike)
        if is_sighted(sensor):
            born, fresh = self._start_by_lines(plots, sensor, pairs, weight, existence, i_sensor)
            changed = np.union1d(changed, born)
        else:
            self._start(np.flatnonzero(fresh), fresh, plots, form, sensor, codes, words, i_sensor)
        return changed, Heard(now_ns, plots, pairs, weight, own_plot, fresh, twins, heirs, twins[:0])

    def _nothing_heard(self, plots: Detections, sensor: Sensor) -> Heard:
        """Return what was done with no plots."""
        pairs = self._confront(plots, sensor, form_of(sensor, plots), codes_of(plots.identity), -math.inf, is_look=True)
        none = np.zeros(0, np.int64)
        return Heard(0, plots, pairs, np.zeros(0), none, np.zeros(0), none, none, none)

    def picture(self, time_ns: int) -> Tracks:
        """Return all firm tracks as they are expected at `time_ns`."""
        s = self.store
        rows = s.in_use()
        rows = rows[s.whole[rows, Whole.STATUS] >= FIRM]
        existence, is_shown = self.aged(rows, time_ns)
        rows = rows[is_shown]
        added = considered.spread_of(s, rows, self.left) if self.considered else None
        mean, covariance = self.bank.predict(s, rows, time_ns, added)
        status = np.where(self.is_coasting(rows, time_ns), COASTING, FIRM)
        return self.report(rows, rows[:0]).replace(
            time_ns=np.full(len(rows), time_ns, np.int64),
            state_ecef=mean,
            covariance_ecef=covariance,
            status=status.astype(np.uint8),
            existence=existence[is_shown],
        )

    @abstractmethod
    def aged(self, rows: Integers, time_ns: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the existence of firm tracks at a time at which nothing more has come, and which a picture shows."""

    @abstractmethod
    def is_coasting(self, rows: Integers, time_ns: int) -> NDArray[np.bool_]:
        """Return which tracks were missed when they were last looked for."""

    # The parts of a step.

    def _meet(self, plots: Detections, sensor: Sensor) -> int:
        """Learn how often the sensor looks and, from the first plot of all, when and where time and noise begin."""
        s, i_sensor = self.store, self.sensor_names.index(plots.sensor)
        period_ns = round(sensor.parameters["scan_period_s"] * NS_PER_S)
        if s.tally["period_ns"][i_sensor] != period_ns:
            periods = s.tally["period_ns"].copy()
            periods[i_sensor] = period_ns
            s.tally["period_ns"] = periods
        if not s.tally["growth"][0]:
            place = sensor.locate(plots.values[:1], plots.covariances[:1], plots.origin_ecef_m[:1])[0][0, :3]
            s.tally["growth"] = np.array([self.bank.growth_m2_s3(place)])
        if not s.epoch_ns:
            s.epoch_ns = int(plots.time_ns.min())
        return i_sensor

    def _confront(
        self, plots: Detections, sensor: Sensor, form: Floats, codes: Integers, least: float, *, is_look: bool
    ) -> Pairs:
        """Return the pairs of tracks and plots."""
        s = self.store
        time_s = (plots.time_ns - s.epoch_ns) / NS_PER_S
        row, plot, agreement = coarse_pairs(
            s, form, time_s, codes,
            growth=float(s.tally["growth"][0]), gates=self._gates, keeps_velocity=self.bank.keeps_velocity,
            least=least,
        )  # fmt: skip
        return self.bank.confront(
            s,
            row,
            plot,
            agreement,
            plots,
            form,
            sensor,
            self._gates,
            keep_prior=self.KEEPS_PRIOR,
            is_look=is_look,
            least=least,
        )

    def _update(
        self,
        pairs: Pairs,
        weight: Floats,
        made: tuple[Pairs, Floats, Floats],
        plots: Detections,
        form: Floats,
        sensor: Sensor,
        codes: Integers,
        words: Integers,
        i_sensor: int,
    ) -> tuple[Integers, Integers, Integers]:
        """Update the tracks that may have a plot; return their rows, each group's sure plot, and who became firm.

        `made` is what plots make of tracks (`Bank.that_matter`). A track that more likely had none has missed a look.
        """
        s = self.store
        own_plot, rows = _owners(pairs.rows, pairs.begin, pairs.plot, weight)
        s.save(rows)
        chosen, share, existence = made
        considered.take_in(s, chosen, share, plots, form, sensor, self._i_considered(plots), self.bank.motions)
        settle(s, chosen, share, plots.time_ns, existence, self.bank)
        _note_hits(s.whole, pairs.rows, rows, own_plot, plots.time_ns, codes, words, i_sensor, len(self.sensor_names))
        tentative = rows[s.whole[rows, Whole.STATUS] < FIRM]
        self.judge(rows)
        if s.refresh(rows) > HEIGHT_SIGMA_M:
            self._bound(rows[s.near[rows, Near.POSITION_SIGMA] > HEIGHT_SIGMA_M])
        self._lean(pairs.rows, own_plot, plots, form, sensor)
        return rows, own_plot, tentative[s.whole[tentative, Whole.STATUS] >= FIRM]

    def _lean(self, rows: Integers, own_plot: Integers, plots: Detections, form: Floats, sensor: Sensor) -> None:
        """Note how far the places of tracks rest on reports, each after the plot that was surely its own, if any (-1).

        A plot moves a place by the gain P R^-1 with the covariance P after it (Bar-Shalom, Li, Kirubarajan (2001),
        section 5.2.3); here of both horizontal axes together: a report without a height settles a place too.
        """
        s, column, is_report = self.store, self.store.layout.reported, is_reporter(sensor)
        hit = np.flatnonzero((own_plot >= 0) & (s.real[rows, column] != is_report))
        if not hit.size:
            return
        rows, chosen = rows[hit], own_plot[hit]
        after = level_variance_m2(*s.moments(rows))
        gain = np.minimum(after / level_variance_m2(*start_of(sensor, plots, form, chosen)), 1.0)
        s.real[rows, column] += gain * (is_report - s.real[rows, column])

    def _i_considered(self, plots: Detections) -> int:
        return self.considered.index(plots.sensor) if plots.sensor in self.considered else -1

    def _bound(self, wide: Integers) -> None:
        s = self.store
        for motion, size, offset in zip(self.bank.motions, s.layout.sizes, s.layout.offsets.tolist(), strict=True):
            if getattr(motion, "KIND", Kind.UNKNOWN) not in IN_THE_AIR:
                continue
            rows = loose_rows(s.real, wide, offset, size)
            if not rows.size:
                continue
            real = s.real[rows]
            covariance = real[:, offset + size : offset + size + size * size].reshape(-1, size, size)
            mean, covariance = bound_height(real[:, offset : offset + size], covariance)
            s.real[rows, offset : offset + size] = mean
            s.real[rows, offset + size : offset + size + size * size] = covariance.reshape(len(rows), size * size)
            s.refresh(rows)

    def _start(
        self,
        chosen: Integers,
        existence: Floats,
        plots: Detections,
        form: Floats,
        sensor: Sensor,
        codes: Integers,
        words: Integers,
        i_sensor: int,
    ) -> None:
        """Start a tentative track at every chosen plot."""
        if not chosen.size:
            return
        s, n = self.store, len(self.sensor_names)
        mean, covariance = start_of(sensor, plots, form, chosen)
        rows = s.new_rows(len(chosen))
        p = sensor.parameters
        prior = (
            (p["speed_sigma_m_s"], p["climb_sigma_m_s"]) if {"speed_sigma_m_s", "climb_sigma_m_s"} <= set(p) else None
        )
        _, shares = self.bank.newness(form[chosen])
        self.bank.begin(s, rows, mean, covariance, existence[chosen], prior, shares=shares)
        s.real[rows, s.layout.reported] = is_reporter(sensor)
        considered.begin(s, rows, plots, chosen, self._i_considered(plots))
        _born(s.whole, rows, chosen, track_ids(plots, chosen, codes), plots.time_ns, codes, words, i_sensor, n)
        self.judge(rows)
        s.refresh(rows)

    def _start_by_lines(
        self, plots: Detections, sensor: Sighted, pairs: Pairs, weight: Floats, existence: Floats, i_sensor: int
    ) -> tuple[Integers, Floats]:
        """Start tracks where lines of several sensors meet; return their rows, and existence by the plots (n,)."""
        claimed = np.bincount(pairs.plot, weight * existence[pairs.group], len(plots)).astype(np.float64)
        rows, chosen, likely = start_by_lines(self.store, self.bank, plots, sensor, claimed, i_sensor, pairs.seen)
        fresh = np.zeros(len(plots))
        fresh[chosen] = likely
        self.judge(rows)
        self.store.refresh(rows)
        watch(self.store, plots, sensor, claimed, i_sensor)
        return rows, fresh

    def _pass_over(self, now_ns: int) -> None:
        """Pair no plot with tracks that ought to have ended looks ago: they end in this step, whatever is near."""
        s = self.store
        silent_ns = now_ns - SILENT_LOOKS * int(s.tally["period_ns"].max())
        rows = due(s.bounds, s.n_used, (silent_ns - s.epoch_ns) / NS_PER_S)
        if rows.size:
            s.save(rows)
            rows = rows[self.overdue(rows, silent_ns)]
            s.bounds[Bound.REACH, rows] = np.nan

    def _end(self, gone: Integers, now_ns: int) -> Integers:
        """Return the rows to be freed: those that are gone already, and those whose deadline has passed."""
        s = self.store
        rows = due(s.bounds, s.n_used, (now_ns - s.epoch_ns) / NS_PER_S)
        if rows.size:
            s.save(rows)
            ends = self.overdue(rows, now_ns)
            if not ends.all():
                s.refresh(rows[~ends])
            rows = rows[ends]
        return np.union1d(rows, gone) if gone.size else rows

    def _free(self, lost: Integers, now_ns: int) -> None:
        if not lost.size:
            return
        s, n = self.store, len(self.sensor_names)
        s.save(lost)
        hits = np.zeros(n, np.int64)
        _count_hits(s.whole, lost, hits)
        if hits.any():
            s.tally["hits_of_lost"] = s.tally["hits_of_lost"] + hits
        had_seen = (s.whole[lost, Whole.FIRST_SENSOR + n :] != NEVER).any(axis=0)
        s.tally["left_ns"] = np.where(had_seen, np.maximum(s.tally["left_ns"], now_ns), s.tally["left_ns"])
        s.free(lost)

    def report(self, rows: Integers, lost: Integers) -> Tracks:
        """Return what is to be said of tracks that go on and of tracks that end."""
        s, every = self.store, np.concatenate([rows, lost]) if len(lost) else rows
        n, n_sensors = len(every), len(self.sensor_names)
        mean, covariance = s.moments(every)
        if self.considered:
            covariance += considered.spread_of(s, every, self.left)
        track_id, time_ns, updated_ns = np.empty(n, np.uint64), np.empty(n, np.int64), np.empty(n, np.int64)
        codes, words = np.empty((3, n), np.int64), np.empty((n, 3), np.int64)
        status, sources = np.empty(n, np.uint8), np.empty((n, n_sensors), np.bool_)
        existence, kinds, reported = np.empty(n), np.zeros((n, len(Kind))), np.empty(n, np.bool_)
        _say(
            s.real, s.whole, every, len(rows), self.HAS_EXISTENCE, self._claims, s.sizes, s.offsets, s.layout.reported,
            ENVELOPES, TAKEN_FOR, track_id, time_ns, updated_ns, codes, words, status, sources, existence, kinds,
            reported,
        )  # fmt: skip
        return Tracks(
            node=self.node,
            source_names=self.sensor_names,
            track_id=track_id,
            time_ns=time_ns,
            updated_ns=updated_ns,
            revision=np.zeros(n, np.int32),
            state_ecef=mean,
            covariance_ecef=covariance,
            existence=existence,
            kind_probability=kinds,
            status=status,
            sources=sources,
            identity=identity_of(codes.T, words),
            reported=reported,
        )


@kernel
def _count_hits(whole: Integers, rows: Integers, hits: Integers) -> None:
    """Add up each sensor's plots that went into those of the tracks that were firm."""
    for i in rows:
        if whole[i, Whole.STATUS] >= TrackStatus.FIRM:
            for s in range(hits.shape[0]):
                hits[s] += whole[i, Whole.FIRST_SENSOR + s]


@kernel
def _say(
    real: Floats,
    whole: Integers,
    rows: Integers,
    n_going_on: int,
    has_existence: bool,
    claims: Integers,
    sizes: Integers,
    offsets: Integers,
    leaning: int,
    envelopes: Floats,
    taken_for: Floats,
    track_id: NDArray[np.uint64],
    time_ns: Integers,
    updated_ns: Integers,
    codes: Integers,
    words: Integers,
    status: NDArray[np.uint8],
    sources: NDArray[np.bool_],
    existence: Floats,
    kinds: Floats,
    reported: NDArray[np.bool_],
) -> None:
    """Write what is said of each track beside its state; what it is it says itself, else its motion does (`kinds`)."""
    n_sensors = sources.shape[1]
    for at in range(rows.shape[0]):
        i = rows[at]
        track_id[at], time_ns[at], updated_ns[at] = whole[i, Whole.ID], whole[i, Whole.TIME], whole[i, Whole.MEASURED]
        status[at] = whole[i, Whole.STATUS] if at < n_going_on else TrackStatus.LOST
        existence[at] = real[i, EXISTENCE] if has_existence else math.nan
        reported[at] = real[i, leaning] > 0.5
        for c in range(3):
            codes[c, at], words[at, c] = whole[i, Whole.ICAO_ADDRESS + c], whole[i, Whole.CALL_SIGN + c]
        for s in range(n_sensors):
            sources[at, s] = whole[i, Whole.FIRST_SENSOR + n_sensors + s] != NEVER
        said = UNKNOWN
        if whole[i, Whole.MMSI] != ABSENT:
            said = SHIP
        elif whole[i, Whole.ICAO_ADDRESS] != ABSENT:
            said = AIRCRAFT
        why = SAID if said != UNKNOWN else MOVED if whole[i, Whole.MODE_3A] != ABSENT else SILENT
        for k in range(sizes.shape[0]):
            weigh(
                real[i], offsets[k], sizes[k], real[i, PROBABILITY + k], claims[k] if said == UNKNOWN else said,
                why, envelopes, taken_for, kinds[at],
            )  # fmt: skip


@kernel
def _to_tell(whole: Integers, changed: Integers, lost: Integers) -> tuple[Integers, Integers]:
    """Return the firm rows that go on, marked as told of from now on, and those lost that had been told of."""
    told, ended = np.empty(changed.shape[0], np.int64), np.empty(lost.shape[0], np.int64)
    n_told, n_ended, at = 0, 0, 0
    for i in changed:
        while at < lost.shape[0] and lost[at] < i:
            at += 1
        ends = at < lost.shape[0] and lost[at] == i
        if whole[i, Whole.STATUS] >= TrackStatus.FIRM and not ends:
            whole[i, Whole.IS_TOLD] = 1
            told[n_told] = i
            n_told += 1
    for i in lost:
        if whole[i, Whole.IS_TOLD] == 1:
            ended[n_ended] = i
            n_ended += 1
    return told[:n_told], ended[:n_ended]


@kernel
def _owners(rows: Integers, begin: Integers, plot: Integers, weight: Floats) -> tuple[Integers, Integers]:
    """Return the plot that each track more likely has than not (-1: none), and the rows to which any plot matters."""
    own_plot, changed, n = np.empty(rows.shape[0], np.int64), np.empty(rows.shape[0], np.int64), 0
    for t in range(rows.shape[0]):
        matters = False
        own_plot[t] = -1
        for e in range(begin[t], begin[t + 1]):
            if weight[e] > 0.0:
                matters = True
            if weight[e] > 0.5:
                own_plot[t] = plot[e]
        if matters:
            changed[n] = rows[t]
            n += 1
    return own_plot, changed[:n].copy()


@kernel
def _born(
    whole: Integers,
    rows: Integers,
    chosen: Integers,
    ids: Integers,
    time_ns: Integers,
    codes: Integers,
    words: Integers,
    i_sensor: int,
    n_sensors: int,
) -> None:
    for at in range(rows.shape[0]):
        track, j = whole[rows[at]], chosen[at]
        track[:] = 0
        track[Whole.STATUS] = TrackStatus.TENTATIVE
        track[Whole.ID] = ids[at]
        track[Whole.TIME], track[Whole.MEASURED] = time_ns[j], time_ns[j]
        track[Whole.BORN] = time_ns[j]
        track[Whole.APART] = NEVER
        track[Whole.HITS] = 1
        track[Whole.ICAO_ADDRESS], track[Whole.MODE_3A], track[Whole.MMSI] = codes[j, 0], codes[j, 1], codes[j, 2]
        for c in range(words.shape[1] if words.shape[0] > 0 else 0):
            track[Whole.CALL_SIGN + c] = words[j, c]
        for s in range(n_sensors):
            track[Whole.FIRST_SENSOR + n_sensors + s] = NEVER
        track[Whole.FIRST_SENSOR + i_sensor] = 1
        track[Whole.FIRST_SENSOR + n_sensors + i_sensor] = time_ns[j]


@kernel
def _note_hits(
    whole: Integers,
    rows: Integers,
    changed: Integers,
    own_plot: Integers,
    time_ns: Integers,
    codes: Integers,
    words: Integers,
    i_sensor: int,
    n_sensors: int,
) -> None:
    """Note the plot of each changed track, or that it has missed a look."""
    at = 0
    for t in range(rows.shape[0]):
        if at == changed.shape[0] or rows[t] != changed[at]:
            continue
        at += 1
        track, j = whole[rows[t]], own_plot[t]
        if j < 0:
            track[Whole.MISSES] += 1
            continue
        track[Whole.HITS] += 1
        track[Whole.MISSES] = 0
        track[Whole.FIRST_SENSOR + i_sensor] += 1
        last = Whole.FIRST_SENSOR + n_sensors + i_sensor
        track[last] = max(track[last], time_ns[j])
        if codes[j, 0] != ABSENT:
            track[Whole.ICAO_ADDRESS] = codes[j, 0]
        if codes[j, 1] != ABSENT:
            track[Whole.MODE_3A] = codes[j, 1]
        if codes[j, 2] != ABSENT:
            track[Whole.MMSI] = codes[j, 2]
        if words.shape[0] > 0 and words[j, 0] != 0:
            for c in range(words.shape[1]):
                track[Whole.CALL_SIGN + c] = words[j, c]
