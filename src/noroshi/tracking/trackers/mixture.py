"""Poisson multi-Bernoulli mixture: all that the plots may mean is kept as weighted global hypotheses, within bounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.assignment import assign
from noroshi.estimation.blocks import Executor
from noroshi.estimation.kalman import update
from noroshi.geo.time import NS_PER_S
from noroshi.motion import Motion
from noroshi.records import Detections, Identity, Tracks, TrackStatus, concatenate, take
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor
from noroshi.tracking import TrackerState
from noroshi.tracking.beliefs import groups_of, labels, leaf_weights, likeliest, reduced, representative, sizes_of
from noroshi.tracking.height import bound_height, level_variance_m2
from noroshi.tracking.hypotheses import NOBODY, Clusters, Evidence, Groups, branch
from noroshi.tracking.identity import track_ids
from noroshi.tracking.kinds import kinds_said
from noroshi.tracking.mixture_state import (
    CALL_SIGN,
    EARLY,
    LEAF_ROWS,
    NEVER,
    clusters_of,
    columns_of,
    identity_of,
    looked_at,
    nothing,
    undetected_of,
    unseen,
)
from noroshi.tracking.pairs import Pairs, agreement_of, pairs_inside
from noroshi.tracking.registration import is_reporter
from noroshi.tracking.rewind import good
from noroshi.tracking.undetected import Newcomers, Region, newcomers

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

DIMENSION = 6
COASTING_LOOKS = 2
DETECTION_MAX = 0.999  # no look that nothing came of is proof
NEVER_LOOKS = 2**62
DETECTION_FLOOR = 0.01  # a plot that came says that its target could be seen, whatever the model says
LOG_SAME_ADDRESS = 25.0  # two targets of one address are less likely than anything else


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What may be set. The chance of detection and the noise are the sensors' own.

    Attributes:
        false_density_m2: false plots a look of one sensor, per square metre of ground.
        target_density_m2: targets not yet detected that a look finds anywhere, per square metre of ground.
        targets_initial: expected targets in the region of birth at the first look.
        targets_per_s: expected targets that appear there in a second.
        birth_lat_rad, birth_lon_rad: where the region lies; the laboratory's plane if not set ...
        birth_east_m, birth_north_m, birth_up_m: ... and its middle, from there.
        birth_sigma_m, birth_up_sigma_m: standard deviations of the place of birth, along the ground and up.
        birth_speed_sigma_m_s, birth_climb_sigma_m_s: of the velocity at birth.
        survival_per_s: chance that a target exists a second later.
        gate_probability: chance that a target's own plot passes the gate.
        existence_shown: a track is shown while the likeliest global hypothesis gives it this probability or more.
        existence_min: less likely leaves are dropped.
        hypotheses_max: global hypotheses a cluster.
        weight_min: global hypotheses that weigh less than this, relative to the best of their cluster, are dropped.
        cluster_max: a group of more tracks and plots than this is solved for its single best assignment.
    """

    false_density_m2: float = 1e-10
    target_density_m2: float = 1e-11
    targets_initial: float = 0.0
    targets_per_s: float = 0.0
    birth_lat_rad: float = 0.0
    birth_lon_rad: float = 0.0
    birth_east_m: float = 0.0
    birth_north_m: float = 0.0
    birth_up_m: float = 0.0
    birth_sigma_m: float = 100_000.0
    birth_up_sigma_m: float = 5_000.0
    birth_speed_sigma_m_s: float = 200.0
    birth_climb_sigma_m_s: float = 10.0
    survival_per_s: float = 0.999
    gate_probability: float = 0.99995
    existence_shown: float = 0.4
    existence_min: float = 1e-5
    hypotheses_max: int = 200
    weight_min: float = 1e-4
    cluster_max: int = 128

    def __post_init__(self) -> None:
        for name in ("survival_per_s", "gate_probability", "existence_shown", "existence_min", "weight_min"):
            if not 0.0 < getattr(self, name) < 1.0 + (name == "survival_per_s") * 1e-12:
                raise ValueError(f"{name} must be between 0 and 1")
        for name in ("false_density_m2", "birth_sigma_m", "birth_up_sigma_m", "birth_speed_sigma_m_s"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be positive")
        for name in ("target_density_m2", "targets_initial", "targets_per_s", "birth_climb_sigma_m_s"):
            if not 0.0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more")
        if min(self.hypotheses_max, self.cluster_max) < 1:
            raise ValueError("hypotheses_max and cluster_max must be at least 1")

    def region(self) -> Region:
        """Return the region of birth."""
        names = ("lat_rad", "lon_rad", "east_m", "north_m", "up_m", "sigma_m", "up_sigma_m", "speed_sigma_m_s")
        return Region(**{name: getattr(self, f"birth_{name}") for name in (*names, "climb_sigma_m_s")})


class Tracker:
    """See `noroshi.tracking.Tracker`. Arrays given to it or given out by it are never written to.

    A batch is a look of its sensor at the tracks that have a plot of it inside a gate, and at those that its rotation
    must have passed since it last looked at them; at all tracks if the sensor's plots come in frames. Leaves stand at
    the time of their last plot; their existence stands at the tracker's own time, that of its youngest plot.

    Source: Garcia-Fernandez, Williams, Granstrom, Svensson (2018), Poisson multi-Bernoulli mixture filter: direct
    derivation and implementation, IEEE Trans. Aerosp. Electron. Syst. 54(4), 1883-1901, with its estimator 1.
    """

    def __init__(
        self,
        *,
        node: str,
        sensor_names: tuple[str, ...],
        motions: Sequence[Motion],
        parameters: Parameters | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.node = node
        self.sensor_names = sensor_names
        if len(motions) != 1 or len(motions[0].COMPONENTS) != DIMENSION:
            raise ValueError("the mixture tracker needs one motion model, of position and velocity alone")
        self.motion = motions[0]
        self.parameters = parameters or Parameters()
        self._state = nothing(len(sensor_names))
        self._before = self._state

    def state(self) -> TrackerState:
        """Return everything the tracker knows."""
        return dict(self._state)

    def restore(self, state: TrackerState) -> None:
        """Go back to `state`."""
        self._state = dict(state)

    def heeds(self, sensor: str, time_ns: int) -> bool:
        """Return that no look which saw nothing changes anything; see `noroshi.tracking.Tracker.heeds`."""
        return False

    def last_change(self) -> TrackerState:
        """Return what takes the last step back."""
        return self._before

    def take_back(self, change: TrackerState) -> None:
        """Undo the step that `change` was the last change of."""
        self._state = dict(change)

    def state_before(self, changes: Sequence[TrackerState]) -> TrackerState:
        """Return the state before the last steps, whose changes these are, oldest first."""
        return dict(changes[0] if changes else self._state)

    def plots_used(self) -> dict[str, int]:
        """Return, for each sensor, how many of its plots went into tracks that became firm."""
        s = self._state
        leaf = representative(clusters_of(s), s["leaf_track"])[s["firm"]]
        used = s["hits_of_lost"] + s["hits"][leaf].sum(axis=0)
        return dict(zip(self.sensor_names, used.tolist(), strict=True))

    def alive(self) -> NDArray[np.uint64]:
        """Return the numbers of all tracks that rows have told of and that have not ended, sorted."""
        return np.sort(self._state["track_id"][self._state["firm"]])

    def step(self, detections: Detections, sensor: Sensor, *, report: bool = True) -> Tracks | None:
        """Use one look and return the shown tracks that it looked at, and those that are shown no longer."""
        self._before = self._state
        detections = good(detections)
        if not len(detections):
            none = np.zeros(0, np.int64)
            return self._rows(self._state, none, none, 0) if report else None
        p, i_sensor = self.parameters, self.sensor_names.index(detections.sensor)
        first_ns, last_ns = int(detections.time_ns.min()), int(detections.time_ns.max())
        period_ns = round(sensor.parameters["scan_period_s"] * NS_PER_S)
        before = self._advanced(last_ns)
        located, located_covariance = sensor.locate(detections.values, detections.covariances, detections.origin_ecef_m)
        fresh = newcomers(
            undetected_of(before),
            detections,
            sensor,
            located,
            located_covariance,
            time_ns=int(before["now_ns"][0]),
            motion=self.motion,
            false_density_m2=p.false_density_m2,
            target_density_m2=p.target_density_m2,
            gate_probability=p.gate_probability,
        )
        pairs = pairs_inside(
            before["mean"],
            before["covariance"],
            before["time_ns"],
            detections,
            sensor,
            located,
            located_covariance,
            motion=self.motion,
            gate_probability=p.gate_probability,
        )
        before, looked = looked_at(before, pairs, detections, i_sensor, first_ns, period_ns)
        if sensor.parameters.get("frames", 0.0):
            looked = np.ones_like(looked)
        pairs, evidence = self._evidence(before, pairs, looked, detections, sensor, fresh)
        clusters, pairs, evidence, groups = self._grouped(before, pairs, evidence)
        after = branch(
            clusters,
            groups,
            evidence,
            len(before["track_id"]),
            hypotheses_max=p.hypotheses_max,
            log_weight_min=math.log(p.weight_min),
            existence_min=p.existence_min,
        )
        self._state = self._rebuilt(
            before, after, pairs, evidence, fresh, detections, i_sensor, is_report=is_reporter(sensor)
        )
        detection = before["detection"].copy()
        detection[i_sensor] = min(sensor.parameters["detection_probability"], DETECTION_MAX)
        self._state |= {"detection": detection}
        self._state |= self._thinned(before, sensor, detections.origin_ecef_m[:1], i_sensor, first_ns, period_ns)
        return self._given(before, looked, first_ns, last_ns, report=report)

    def picture(self, time_ns: int) -> Tracks:
        """Return all shown tracks as they are expected at `time_ns`, at which nothing more has come."""
        s = self._state
        fades = self.parameters.survival_per_s ** (max(time_ns - int(s["now_ns"][0]), 0) / NS_PER_S)
        leaf = likeliest(clusters_of(s))
        missed = unseen(s, leaf, time_ns)
        alive = _given_missed(np.append(s["existence"], 0.0)[leaf] * fades, missed)
        tracks = np.flatnonzero(alive >= self.parameters.existence_shown)
        rows = self._rows(s, tracks, leaf[tracks], time_ns)
        return rows.replace(existence=_given_missed(rows.existence * fades, missed[tracks]))

    def _advanced(self, time_ns: int) -> TrackerState:
        """Return the state at `time_ns`, if that is later: targets may have ended, others appeared."""
        s, p = self._state, self.parameters
        now_ns = int(s["now_ns"][0])
        region = p.region()
        if now_ns == NEVER:
            undetected = region.intensity(p.targets_initial)
            return s | {"now_ns": np.array([time_ns])} | columns_of(undetected)
        if time_ns <= now_ns:
            return s
        dt_s = (time_ns - now_ns) / NS_PER_S
        survival = p.survival_per_s**dt_s
        undetected = undetected_of(s).predicted(self.motion, dt_s, survival)
        undetected = undetected.joined(region.intensity(p.targets_per_s * dt_s))
        changes = {"now_ns": np.array([time_ns]), "existence": s["existence"] * survival}
        return s | changes | columns_of(undetected)

    def _thinned(
        self, s: TrackerState, sensor: Sensor, origin_ecef_m: Floats, i_sensor: int, first_ns: int, period_ns: int
    ) -> TrackerState:
        """Return what is left of the undetected targets once a sensor has looked, as often as it turns."""
        looked_ns = s["undetected_looked_ns"].copy()
        period = s["period_ns"].copy()
        period[i_sensor] = period_ns
        is_frame = sensor.parameters.get("frames", 0.0)
        if not is_frame and first_ns - looked_ns[i_sensor] < (1.0 - EARLY) * period_ns:
            return {"period_ns": period}
        looked_ns[i_sensor] = first_ns
        undetected = undetected_of(s)
        origin = np.broadcast_to(origin_ecef_m, (len(undetected.weight), 3))
        missed = 1.0 - sensor.detection_probability(undetected.mean, origin)
        return {
            "period_ns": period,
            "undetected_looked_ns": looked_ns,
            "undetected_weight": undetected.weight * missed,
        }

    def _evidence(
        self,
        s: TrackerState,
        pairs: Pairs,
        looked: NDArray[np.bool_],
        plots: Detections,
        sensor: Sensor,
        fresh: Newcomers,
    ) -> tuple[Pairs, Evidence]:
        """Return what the look says, and the pairs without those that cannot matter.

        A pair that is less likely than its plot being new, by more than the least weight of a global hypothesis, can be
        in none that is kept: the same with the plot new would weigh so much more.
        """
        existence = s["existence"]
        dt_s = (int(plots.time_ns.max()) - s["time_ns"]) / NS_PER_S
        origin = np.broadcast_to(plots.origin_ecef_m[0], (len(existence), 3))
        seen = sensor.detection_probability(self.motion.propagate(s["mean"], dt_s), origin)
        missed = np.where(looked[s["leaf_track"]], 1.0 - existence * seen, 1.0)
        missed = np.maximum(missed, np.finfo(float).tiny)
        existence_missed = np.where(looked[s["leaf_track"]], existence * (1.0 - seen) / missed, existence)
        leaf, plot = pairs.i_leaf, pairs.i_plot
        log_ratio = pairs.log_likelihood + np.log(
            np.maximum(existence[leaf], np.finfo(float).tiny) * np.maximum(seen[leaf], DETECTION_FLOOR)
        )
        agreement = agreement_of(identity_of(s), plots.identity, leaf, plot)
        log_ratio += LOG_SAME_ADDRESS * (agreement > 0) - np.log(missed[leaf])
        keep = (agreement >= 0) & (log_ratio >= fresh.log_intensity[plot] + math.log(self.parameters.weight_min))
        pairs = pairs.take(keep)
        return pairs, Evidence(
            np.log(missed),
            existence_missed,
            np.searchsorted(pairs.i_leaf, np.arange(len(existence) + 1)),
            np.ascontiguousarray(pairs.i_plot),
            log_ratio[keep],
            fresh.log_intensity,
            fresh.existence,
        )

    def _grouped(self, s: TrackerState, pairs: Pairs, evidence: Evidence) -> tuple[Clusters, Pairs, Evidence, Groups]:
        """Return clusters and plots in groups that share no pair.

        Groups of more than `cluster_max` tracks and plots are first reduced to the best assignment of their likeliest
        global hypothesis, after which they fall apart.
        """
        clusters, n_plots, n_leaves = clusters_of(s), len(evidence.log_new), len(s["existence"])
        label = labels(clusters, s["leaf_track"], pairs.i_leaf, pairs.i_plot, n_plots)
        large = sizes_of(label, n_plots, clusters) > self.parameters.cluster_max
        if large.any():
            clusters = reduced(clusters, large[label[n_plots:]])
            dropped = large[label[pairs.i_plot]]
            rows = np.flatnonzero(dropped & np.isin(pairs.i_leaf, likeliest(clusters)))
            i_leaf, i_plot = pairs.i_leaf[rows], pairs.i_plot[rows]
            cost = evidence.log_new[i_plot] - evidence.pair_log_ratio[rows]
            dropped[rows[assign(i_leaf, i_plot, cost, n_leaves, n_plots, cost_unassigned=0.0)]] = False
            pairs, evidence = pairs.take(~dropped), evidence.without(dropped)
            label = labels(clusters, s["leaf_track"], pairs.i_leaf, pairs.i_plot, n_plots)
        return clusters, pairs, evidence, groups_of(label, n_plots)

    def _rebuilt(
        self,
        s: TrackerState,
        after: Clusters,
        pairs: Pairs,
        evidence: Evidence,
        fresh: Newcomers,
        plots: Detections,
        i_sensor: int,
        *,
        is_report: bool,
    ) -> TrackerState:
        """Return the state with the leaves that are left; each posterior is computed once."""
        n_old, n_plots, n_leaves = len(s["track_id"]), len(plots), len(s["existence"])
        step = n_plots + 1
        code, place = np.unique(after.leaf, return_inverse=True)
        if code.size and code[0] == NOBODY:
            code, place = code[1:], place - 1
        is_old = code < n_leaves * step
        parent, plot = np.divmod(code[is_old], step)
        hit = np.flatnonzero(plot > 0)
        new_plot = code[~is_old] - n_leaves * step
        state = dict(s)
        for name in LEAF_ROWS:
            state[name] = s[name][parent]
        state["existence"] = evidence.existence_missed[parent]
        self._update(state, hit, pairs, parent[hit] * step + plot[hit], plots, i_sensor, is_report=is_report)
        born = self._born(fresh, new_plot, plots, i_sensor, is_report=is_report)
        for name in LEAF_ROWS:
            state[name] = np.concatenate([state[name], born[name]])
        old = after.track < n_old
        numbers = track_ids(plots, np.arange(n_plots)).astype(np.uint64)
        state["track_id"] = np.empty(len(after.track), np.uint64)
        state["track_id"][old] = s["track_id"][after.track[old]]
        state["track_id"][~old] = numbers[after.track[~old] - n_old]
        looked_ns = np.repeat(plots.time_ns[:, None], len(self.sensor_names), axis=1)
        state["looked_ns"] = np.concatenate([s["looked_ns"], looked_ns])[after.track]
        for name in ("firm", "shown"):
            state[name] = np.concatenate([s[name], np.zeros(n_plots, bool)])[after.track]
        place_of = np.full(n_old + n_plots, -1)
        place_of[after.track] = np.arange(len(after.track))
        state["leaf_track"] = np.concatenate([place_of[s["leaf_track"][parent]], place_of[n_old + new_plot]])
        for name in ("track_start", "log_weight", "hypothesis_start", "leaf_start"):
            state[name] = getattr(after, name)
        state["leaf"] = place.astype(np.int64)
        return state

    def _update(
        self, state: TrackerState, hit: Integers, pairs: Pairs, code: Integers, plots: Detections, i_sensor: int, *,
        is_report: bool,
    ) -> None:  # fmt: skip
        """Write into the `hit` leaves what their plots (by the code of the pair) make of them."""
        if not len(hit):
            return
        i = np.searchsorted(pairs.i_leaf * (len(plots) + 1) + pairs.i_plot + 1, code)
        used = pairs.take(i)
        posterior = update(used.mean, used.covariance, used.innovation, used.rows, used.noise, used.considered)
        state["mean"][hit], state["covariance"][hit] = bound_height(posterior.mean, posterior.covariance)
        state["time_ns"][hit] = np.maximum(plots.time_ns[used.i_plot], state["time_ns"][hit])
        state["existence"][hit] = 1.0
        before, after = (level_variance_m2(each.mean, each.covariance) for each in (used, posterior))
        gain = 1.0 - np.minimum(after / before, 1.0)
        state["reported"][hit] += gain * (is_report - state["reported"][hit])  # see `keeper.Keeper._lean`
        state["last_hit_ns"][hit, i_sensor] = plots.time_ns[used.i_plot]
        state["hits"][hit, i_sensor] += 1
        told = take(plots.identity, used.i_plot)
        for column in Identity.COLUMNS:
            new = getattr(told, column)
            silent = new == ("" if column == "call_sign" else ABSENT)
            state[column][hit] = np.where(silent, state[column][hit], new)

    def _born(
        self, fresh: Newcomers, new_plot: Integers, plots: Detections, i_sensor: int, *, is_report: bool
    ) -> TrackerState:
        """Return the leaves of new tracks."""
        n, n_sensors = len(new_plot), len(self.sensor_names)
        last_hit_ns, hits = np.full((n, n_sensors), NEVER), np.zeros((n, n_sensors), np.int64)
        last_hit_ns[:, i_sensor], hits[:, i_sensor] = plots.time_ns[new_plot], 1
        identity = take(plots.identity, new_plot)
        return {
            "mean": fresh.mean[new_plot],
            "covariance": fresh.covariance[new_plot],
            "time_ns": plots.time_ns[new_plot],
            "existence": fresh.existence[new_plot],
            "reported": np.full(n, float(is_report)),
            "last_hit_ns": last_hit_ns,
            "hits": hits,
            **{column: getattr(identity, column) for column in Identity.COLUMNS},
            "call_sign": identity.call_sign.astype(CALL_SIGN),
        }

    def _given(
        self, before: TrackerState, looked: NDArray[np.bool_], first_ns: int, now_ns: int, *, report: bool
    ) -> Tracks | None:
        """Mark which tracks are shown and return what there is to say of them."""
        s = self._state
        clusters = clusters_of(s)
        shown = np.append(s["existence"], 0.0)[likeliest(clusters)] >= self.parameters.existence_shown
        fresh = np.isin(s["track_id"], before["track_id"][looked])
        current = np.flatnonzero((shown & (fresh | ~s["shown"])) | (s["shown"] & ~shown))
        ended = np.flatnonzero(before["firm"] & ~np.isin(before["track_id"], s["track_id"]))
        s["firm"], s["shown"] = s["firm"] | shown, shown
        leaf = representative(clusters_of(before), before["leaf_track"])[ended]
        s["hits_of_lost"] = s["hits_of_lost"] + before["hits"][leaf].sum(axis=0)
        if not report:
            return None
        rows = self._rows(s, current, representative(clusters, s["leaf_track"])[current], now_ns, as_of_ns=first_ns)
        status = np.where(shown[current], rows.status, TrackStatus.TENTATIVE).astype(np.uint8)
        rows = rows.replace(status=status)
        if not len(ended):
            return rows
        lost = self._rows(before, ended, leaf, now_ns)
        return concatenate([rows, lost.replace(status=np.full(len(lost), TrackStatus.LOST, np.uint8))])

    def _rows(
        self,
        s: TrackerState,
        tracks: Integers,
        leaf: Integers,
        time_ns: int,
        *,
        as_of_ns: int | None = None,
    ) -> Tracks:
        """Return tracks, as these leaves have them, at `time_ns`; those hit from `as_of_ns` on stay where they were."""
        n = len(tracks)
        hit_ns = s["last_hit_ns"][leaf].max(axis=1, initial=NEVER)
        at_ns = np.full(n, time_ns, np.int64)
        if as_of_ns is not None:
            at_ns = np.where(hit_ns >= as_of_ns, s["time_ns"][leaf], at_ns)
        dt_s = (at_ns - s["time_ns"][leaf]) / NS_PER_S
        mean, covariance = s["mean"][leaf], s["covariance"][leaf]
        mean, covariance = self.motion.predict(mean, covariance, dt_s)
        identity = take(identity_of(s), leaf)
        looks_since = ((time_ns - s["last_hit_ns"][leaf]) // s["period_ns"]).min(axis=1, initial=NEVER_LOOKS)
        coasting = looks_since >= COASTING_LOOKS
        weighted = leaf_weights(clusters_of(s), len(s["existence"])) * s["existence"]
        existence = np.bincount(s["leaf_track"], weighted, len(s["track_id"]))[tracks]
        return Tracks(
            node=self.node,
            source_names=self.sensor_names,
            track_id=s["track_id"][tracks],
            time_ns=at_ns,
            updated_ns=hit_ns,
            revision=np.zeros(n, np.int32),
            state_ecef=mean,
            covariance_ecef=covariance,
            existence=np.minimum(existence, 1.0),
            kind_probability=kinds_said(identity.icao_address, identity.mmsi, mean, covariance),
            status=np.where(coasting, TrackStatus.COASTING, TrackStatus.FIRM).astype(np.uint8),
            sources=s["last_hit_ns"][leaf] != NEVER,
            identity=identity,
            reported=s["reported"][leaf] > 0.5,
        )


def _given_missed(existence: Floats, missed: Floats) -> Floats:
    """Return the existence of targets that looks have not seen which miss one that is there so likely."""
    return existence * missed / (1.0 - existence + existence * missed)
