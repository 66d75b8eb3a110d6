"""Global nearest neighbour: an extended Kalman filter a track, one plot a track by sparse assignment, M-of-N."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.assignment import assign
from noroshi.estimation.blocks import Executor
from noroshi.estimation.gating import chi_square_gate, coarse_pairs, mahalanobis_squared
from noroshi.estimation.kalman import update
from noroshi.geo.time import NS_PER_S
from noroshi.motion import Motion
from noroshi.records import Detections, Identity, Kind, Tracks, TrackStatus, take
from noroshi.records.identity import ABSENT
from noroshi.sensors import Sensor
from noroshi.tracking import TrackerState
from noroshi.tracking.association import Candidates, Gate, has_address, identity_agreement
from noroshi.tracking.height import bound_height

TENTATIVE_PENALTY = 12.0  # in units of squared Mahalanobis distance: a firm track keeps its plot against a beginner
IDENTITY_BONUS = 50.0  # the same address outweighs any distance inside the gate
ALONE = 1e6  # leaving a plot and a track alone costs more than any pair inside the gate
TWIN_REACH_M = 10_000.0
APART_LOOKS = 5  # two tracks that one look saw both of are two targets, for so many looks
STALE_LOOKS = 5
COASTING_LOOKS = 2
NEVER = -(2**62)  # a time so long ago that no difference from today overflows
CALL_SIGN = "<U20"

ROWS = (
    "mean", "covariance", "time_ns", "born_ns", "apart_ns", "hits", "status", "track_id", "last_hit_ns",
    "icao_address", "mode_3a", "mmsi", "call_sign",
)  # fmt: skip
"""Names of the state's arrays that have one row a track."""


def _nothing(n_sensors: int) -> TrackerState:
    """Return the state of a tracker that has seen nothing."""
    absent = Identity.absent(0)
    return {
        "mean": np.zeros((0, 6)),
        "covariance": np.zeros((0, 6, 6)),
        "time_ns": np.zeros(0, np.int64),
        "born_ns": np.zeros(0, np.int64),
        "apart_ns": np.zeros(0, np.int64),
        "hits": np.zeros((0, n_sensors), np.int64),
        "status": np.zeros(0, np.uint8),
        "track_id": np.zeros(0, np.uint64),
        "last_hit_ns": np.zeros((0, n_sensors), np.int64),
        "icao_address": absent.icao_address,
        "mode_3a": absent.mode_3a,
        "mmsi": absent.mmsi,
        "call_sign": absent.call_sign.astype(CALL_SIGN),
        "hits_of_lost": np.zeros(n_sensors, np.int64),
        "period_ns": np.ones(n_sensors, np.int64),
        "next_id": np.array([1], np.uint64),
    }


def _identity(state: TrackerState) -> Identity:
    return Identity(**{column: state[column] for column in Identity.COLUMNS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """What may be set.

    Attributes:
        hits_to_confirm: plots that a tentative track needs to become firm (M) ...
        looks_to_confirm: ... out of so many looks of its sensors (N).
        misses_tentative: looks in a row, over all its sensors, after which a tentative track is dropped.
        misses_firm: the same for a firm track.
        gate_probability: chance that a target's own plot passes the gate.
        duplicate_probability: two firm tracks that differ by less than this chi-square quantile are one target.
    """

    hits_to_confirm: int = 3
    looks_to_confirm: int = 6
    misses_tentative: int = 2
    misses_firm: int = 5
    gate_probability: float = 0.9999
    duplicate_probability: float = 0.99

    def __post_init__(self) -> None:
        if not 1 <= self.hits_to_confirm <= self.looks_to_confirm:
            raise ValueError("hits_to_confirm must be from 1 to looks_to_confirm")
        if min(self.misses_tentative, self.misses_firm) < 1:
            raise ValueError("misses_tentative and misses_firm must be at least 1")
        for name in ("gate_probability", "duplicate_probability"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise ValueError(f"{name} must be between 0 and 1")


class Tracker:
    """See `noroshi.tracking.Tracker`. Arrays given to it or given out by it are never written to."""

    def __init__(
        self,
        *,
        node: str,
        sensor_names: tuple[str, ...],
        motion: Motion,
        parameters: Parameters | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.node = node
        self.sensor_names = sensor_names
        self.motion = motion
        self.parameters = parameters or Parameters()
        self._gate = Gate(motion, probability=self.parameters.gate_probability, executor=executor)
        self._state = _nothing(len(sensor_names))

    def state(self) -> TrackerState:
        """Return everything the tracker knows."""
        return dict(self._state)

    def restore(self, state: TrackerState) -> None:
        """Go back to `state`."""
        self._state = dict(state)

    def plots_used(self) -> dict[str, int]:
        """Return, for each sensor, how many of its plots went into tracks that became firm."""
        s = self._state
        firm = s["status"] != TrackStatus.TENTATIVE
        return dict(zip(self.sensor_names, (s["hits_of_lost"] + s["hits"][firm].sum(axis=0)).tolist(), strict=True))

    def step(self, detections: Detections, sensor: Sensor) -> Tracks:
        """Use one batch and return the firm tracks that it changed or ended."""
        if not len(detections):
            return self._rows(np.zeros(0, np.int64))
        i_sensor = self.sensor_names.index(detections.sensor)
        located, located_covariance = sensor.locate(detections.values, detections.covariances, detections.origin_ecef_m)
        pairs = self._associate(detections, sensor, located, located_covariance)
        changed = self._update(pairs, detections, i_sensor, sensor.parameters["scan_period_s"])
        free = np.ones(len(detections), bool)
        free[pairs.i_plot] = False
        self._initiate(
            take(detections, free),
            located[free],
            located_covariance[free],
            i_sensor,
            sensor.parameters["scan_period_s"],
        )
        twins, heirs = self._twins(changed)
        return self._end(np.union1d(changed, heirs), twins, int(detections.time_ns.max()))

    def picture(self, time_ns: int) -> Tracks:
        """Return all firm tracks as they are expected at `time_ns`."""
        s = self._state
        rows = np.flatnonzero(s["status"] != TrackStatus.TENTATIVE)
        dt_s = (time_ns - s["time_ns"][rows]) / NS_PER_S
        mean, covariance = self._predict(rows, dt_s)
        status = np.where(self._looks_missed(rows, time_ns) >= COASTING_LOOKS, TrackStatus.COASTING, TrackStatus.FIRM)
        return self._rows(rows).replace(
            time_ns=np.full(len(rows), time_ns, np.int64),
            state_ecef=mean,
            covariance_ecef=covariance,
            status=status.astype(np.uint8),
        )

    def _associate(
        self, plots: Detections, sensor: Sensor, located: NDArray[np.float64], located_covariance: NDArray[np.float64]
    ) -> Candidates:
        s = self._state
        pairs = self._gate.candidates(
            mean=s["mean"],
            covariance=s["covariance"],
            time_ns=s["time_ns"],
            identity=_identity(s),
            plots=plots,
            located=located,
            located_covariance=located_covariance,
            sensor=sensor,
        )
        cost = pairs.distance + pairs.log_determinant - IDENTITY_BONUS * pairs.agreement
        cost += TENTATIVE_PENALTY * (s["status"][pairs.i_track] == TrackStatus.TENTATIVE)
        chosen = assign(pairs.i_track, pairs.i_plot, cost, len(s["mean"]), len(plots), cost_unassigned=ALONE)
        return pairs.rows(chosen)

    def _update(self, pairs: Candidates, plots: Detections, i_sensor: int, period_s: float) -> NDArray[np.int64]:
        """Update the paired tracks; return the rows that are firm now, in the order of their plots."""
        s = self._state
        if not len(pairs.i_track):
            return pairs.i_track
        posterior = update(pairs.mean, pairs.covariance, pairs.innovation, pairs.jacobian, pairs.noise)
        mean, covariance = bound_height(posterior.mean, posterior.covariance)
        rows, time_ns = pairs.i_track, plots.time_ns[pairs.i_plot]
        hits = s["hits"][rows].copy()
        hits[:, i_sensor] += 1
        firm = hits.sum(axis=1) >= self.parameters.hits_to_confirm
        told = take(plots.identity, pairs.i_plot)
        changes = {
            "mean": mean,
            "covariance": covariance,
            "time_ns": np.maximum(time_ns, s["time_ns"][rows]),
            "hits": hits,
            "status": np.where(firm, TrackStatus.FIRM, s["status"][rows]).astype(np.uint8),
        }
        for column in Identity.COLUMNS:
            new, old = getattr(told, column), s[column][rows]
            silent = new == ("" if column == "call_sign" else ABSENT)
            changes[column] = np.where(silent, old, new)
        self._write(rows, changes)
        self._mark_hit(rows, time_ns, i_sensor, period_s)
        return np.asarray(rows[firm], np.int64)

    def _write(self, rows: NDArray[np.int64], changes: dict[str, NDArray[np.generic]]) -> None:
        for name, values in changes.items():
            old = self._state[name]
            column = old.copy()
            column[rows] = values
            self._state[name] = column

    def _mark_hit(self, rows: NDArray[np.int64], time_ns: NDArray[np.int64], i_sensor: int, period_s: float) -> None:
        last_hit, period = self._state["last_hit_ns"].copy(), self._state["period_ns"].copy()
        last_hit[rows, i_sensor] = time_ns
        period[i_sensor] = int(period_s * NS_PER_S)
        self._state["last_hit_ns"], self._state["period_ns"] = last_hit, period

    def _initiate(
        self,
        plots: Detections,
        located: NDArray[np.float64],
        located_covariance: NDArray[np.float64],
        i_sensor: int,
        period_s: float,
    ) -> None:
        """Start a tentative track at every plot that nobody claimed."""
        s, n = self._state, len(plots)
        if not n:
            return
        first = int(s["next_id"][0])
        hits = np.zeros((n, len(self.sensor_names)), np.int64)
        hits[:, i_sensor] = 1
        born = {
            "mean": located,
            "covariance": located_covariance,
            "time_ns": plots.time_ns,
            "born_ns": plots.time_ns,
            "apart_ns": np.full(n, NEVER),
            "hits": hits,
            "status": np.full(n, TrackStatus.TENTATIVE, np.uint8),
            "track_id": np.arange(first, first + n, dtype=np.uint64),
            "last_hit_ns": np.full((n, len(self.sensor_names)), NEVER),
            **{column: getattr(plots.identity, column).astype(s[column].dtype) for column in Identity.COLUMNS},
        }
        old = len(s["mean"])
        self._state = s | {name: np.concatenate([s[name], born[name]]) for name in ROWS}
        self._state["next_id"] = np.array([first + n], np.uint64)
        self._mark_hit(np.arange(old, old + n), plots.time_ns, i_sensor, period_s)

    def _twins(self, changed: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Return a mask of the tracks that are the younger of two on one target, and the rows of those that took over.

        Two firm tracks near each other are on one target if they carry the same address: the older then goes on from
        where the younger is, if that was seen later. Without addresses they are if they cannot be told apart and no
        sensor has seen both in one look.
        """
        s = self._state
        twins = np.zeros(len(s["mean"]), bool)
        firm = np.flatnonzero(s["status"] != TrackStatus.TENTATIVE)
        near = coarse_pairs(s["mean"][changed, :3], np.full(len(changed), TWIN_REACH_M), s["mean"][firm, :3], 0.0)
        a, b = changed[near[0]], firm[near[1]]
        older = s["track_id"][b] < s["track_id"][a]
        a, b = a[older], b[older]
        if not len(a):
            return twins, a
        together = np.isin(b, changed)
        self._write(np.union1d(a[together], b[together]), {"apart_ns": s["time_ns"][changed].max()})
        s = self._state
        ahead, spread = self._predict(b, (s["time_ns"][a] - s["time_ns"][b]) / NS_PER_S)
        distance = mahalanobis_squared(s["mean"][a] - ahead, spread + s["covariance"][a])
        alike = distance < chi_square_gate(self.parameters.duplicate_probability, np.array([6]))[0]
        agreement = identity_agreement(_identity(s), _identity(s), a, b)
        apart_ns = np.minimum(s["apart_ns"][a], s["apart_ns"][b])
        alike &= (agreement >= 0) & (s["time_ns"][a] - apart_ns > APART_LOOKS * s["period_ns"].max())
        codes = s["mode_3a"][a], s["mode_3a"][b]
        alike &= (codes[0] == ABSENT) | (codes[1] == ABSENT) | (codes[0] == codes[1])
        same = (agreement > 0) & has_address(_identity(s), a)
        heirs = same & (s["time_ns"][a] >= s["time_ns"][b])
        self._inherit(b[heirs], a[heirs])
        twins[a[alike | same]] = True
        return twins, b[heirs]

    def _inherit(self, rows: NDArray[np.int64], younger: NDArray[np.int64]) -> None:
        """Let older tracks, which keep their number and birth, go on from where younger ones are."""
        s = self._state
        changes = {name: s[name][younger] for name in ("mean", "covariance", "time_ns", "status")}
        for column in Identity.COLUMNS:
            new, silent = s[column][younger], "" if column == "call_sign" else ABSENT
            changes[column] = np.where(new == silent, s[column][rows], new)
        changes["last_hit_ns"] = np.maximum(s["last_hit_ns"][rows], s["last_hit_ns"][younger])
        self._write(rows, changes)

    def _end(self, changed: NDArray[np.int64], twins: NDArray[np.bool_], now_ns: int) -> Tracks:
        """Remove twins and tracks that were missed too often; return changed and ended firm rows.

        A twin that became firm in this very step was never told of, and is not told of now.
        """
        s, p = self._state, self.parameters
        tentative = s["status"] == TrackStatus.TENTATIVE
        allowed = np.where(tentative, p.misses_tentative, p.misses_firm)
        over = self._looks_missed(np.arange(len(twins)), now_ns) >= allowed
        over |= tentative & (self._looks_since_birth(now_ns) > p.looks_to_confirm)
        over |= twins
        unknown = twins & (s["hits"].sum(axis=1) == p.hits_to_confirm)
        lost = np.flatnonzero(over & ~tentative & ~unknown)
        told = np.concatenate([changed[~over[changed]], lost])
        report = self._rows(told)
        report.status[len(told) - len(lost) :] = TrackStatus.LOST
        if over.any():
            self._state = s | {name: s[name][~over] for name in ROWS}
            self._state["hits_of_lost"] = s["hits_of_lost"] + s["hits"][np.flatnonzero(over & ~tentative)].sum(axis=0)
        return report

    def _looks_missed(self, rows: NDArray[np.int64], now_ns: int) -> NDArray[np.int64]:
        """Return how many looks of its sensors each track has missed since anybody saw it last.

        A sensor that has not seen the track for STALE_LOOKS of its own looks is taken to be out of reach of it.
        """
        period_ns = self._state["period_ns"]
        last_ns = self._state["last_hit_ns"][rows]
        newest_ns = self._state["time_ns"][rows][:, None]
        until_ns = now_ns - period_ns // 4  # the beam comes around when it does, not to the nanosecond
        looks = (until_ns - last_ns) // period_ns - (newest_ns - last_ns) // period_ns
        active = newest_ns - last_ns < STALE_LOOKS * period_ns
        return np.asarray(np.where(active, np.maximum(looks, 0), 0).sum(axis=1), np.int64)

    def _looks_since_birth(self, now_ns: int) -> NDArray[np.int64]:
        s = self._state
        looks = (now_ns - s["born_ns"][:, None]) // s["period_ns"] + 1
        return np.asarray(np.where(s["last_hit_ns"] != NEVER, looks, 0).sum(axis=1), np.int64)

    def _predict(
        self, rows: NDArray[np.int64], dt_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        mean, covariance = self._state["mean"][rows], self._state["covariance"][rows]
        transition = self.motion.jacobian(mean, dt_s)
        spread = transition @ covariance @ transition.transpose(0, 2, 1) + self.motion.process_noise(mean, dt_s)
        return self.motion.propagate(mean, dt_s), spread

    def _rows(self, rows: NDArray[np.int64]) -> Tracks:
        s, n = self._state, len(rows)
        identity = take(_identity(s), rows)
        kind = np.full(n, Kind.UNKNOWN, np.int64)
        kind[identity.icao_address != ABSENT] = Kind.AIRCRAFT
        kind[identity.mmsi != ABSENT] = Kind.SHIP
        return Tracks(
            node=self.node,
            source_names=self.sensor_names,
            track_id=s["track_id"][rows],
            time_ns=s["time_ns"][rows],
            updated_ns=s["time_ns"][rows],
            revision=np.zeros(n, np.int32),
            state_ecef=s["mean"][rows],
            covariance_ecef=s["covariance"][rows],
            existence=np.full(n, np.nan),
            kind_probability=np.eye(len(Kind))[kind],
            status=s["status"][rows],
            sources=s["last_hit_ns"][rows] != NEVER,
            identity=identity,
        )
