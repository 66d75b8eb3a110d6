"""Stone Soup on the same plots, three ways: as its documentation shows, as an expert would, and its soft association.

All work in the north-east-up axes of the one radar with six states (north, east, up, each with its rate; constant
velocity with noroshi's own process noise), the same gate, and the same rules of life as noroshi's nearest-neighbour
tracker: three plots make a track, two misses end a tentative one and five a firm one.

documented: `DetectionKDTreeGNN2D` (the k-d tree on polar measurements and `GNNWith2DAssignment`) on
`CartesianToElevationBearingRange`, extended Kalman filter, `MultiMeasurementInitiator`, `UpdateTimeStepsDeleter`. The
tree compares metres with radians, so the range decides what its radius must not cut off: it is the range gate of a
plot and the way of the fastest target in one scan.
expert: plots converted to Cartesian positions with their covariances, linear Kalman filter, matrices made once for
each step in time, all tracks gated at once against a k-d tree in metres, sparse assignment; only the hypothesis
chosen for each track is built as an object.
ehm2: `JPDAwithEHM2` over the expert's conversion and tree, `PDAHypothesiser`, `MultiTargetMixtureTracker`. That tracker
mixes states of different times where the plots of a scan have their own, so it gets scans of one time alone.

Where each plot has its own time ("rotating"), Stone Soup's detections carry it, its hypothesiser predicts to it, and
misses are at the scan's end; its tree, which knows one time a scan, gets a radius that allows for the difference.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import min_weight_full_bipartite_matching
from scipy.spatial import cKDTree
from scipy.stats import chi2
from speed_parts.scenes import AREA_M2, HEIGHT_M, SPEED_M_S, START_NS, Scene
from stonesoup.base import Property
from stonesoup.dataassociator.base import DataAssociator
from stonesoup.dataassociator.probability import JPDAwithEHM2
from stonesoup.dataassociator.tree import DetectionKDTreeGNN2D
from stonesoup.deleter.time import UpdateTimeStepsDeleter
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.hypothesiser.probability import PDAHypothesiser
from stonesoup.initiator.simple import MultiMeasurementInitiator
from stonesoup.measures import Mahalanobis
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.measurement.nonlinear import CartesianToElevationBearingRange
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import ExtendedKalmanPredictor, KalmanPredictor
from stonesoup.tracker.simple import MultiTargetMixtureTracker, MultiTargetTracker
from stonesoup.types.angle import Bearing, Elevation
from stonesoup.types.array import CovarianceMatrix, StateVector
from stonesoup.types.detection import Detection, MissedDetection
from stonesoup.types.hypothesis import SingleDistanceHypothesis
from stonesoup.types.state import GaussianState
from stonesoup.types.track import Track
from stonesoup.updater.kalman import ExtendedKalmanUpdater, KalmanUpdater

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, Identity, Kind, Tracks, TrackStatus, certain_kind

Floats = NDArray[np.float64]

PEERS = ("documented", "expert", "ehm2")
GATE_PROBABILITY = 0.9999  # noroshi's
GATE = math.sqrt(chi2.ppf(GATE_PROBABILITY, 3))
HITS_TO_CONFIRM, MISSES_TENTATIVE, MISSES_FIRM = 3, 2, 5
SPEED_SIGMA_M_S, CLIMB_SIGMA_M_S = 300.0, 20.0  # sensors/search_radar.py
EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - Stone Soup compares naive times
CLOSING_NS = 3_600 * NS_PER_S
POSITION, VELOCITY = (0, 2, 4), (1, 3, 5)
NORTH_EAST_UP = (1, 0, 2)  # rows of east-north-up axes: azimuths from north are Stone Soup's bearings


@dataclass(frozen=True, slots=True)
class Run:
    """What a peer did with a scene.

    Attributes:
        wall_s, cpu_s: by scan.
        tracks: every firm track at each of its times, as noroshi's record.
    """

    wall_s: list[float]
    cpu_s: list[float]
    tracks: Tracks


def run(peer: str, scene: Scene) -> Run:
    """Track a scene of one radar. Making Stone Soup's detections is not timed, nor is reading its tracks."""
    radar = _Radar.of(scene)
    scans = [(stamp, radar.detections(peer, plots)) for stamp, plots in _stamped(scene)]
    tracker = _tracker(peer, iter(scans), scene, radar)
    steps = iter(tracker)
    wall, cpu, rows = [], [], _Rows(radar)
    for _ in scans:
        began = time.perf_counter(), time.process_time()
        stamp, tracks = next(steps)
        wall.append(time.perf_counter() - began[0])
        cpu.append(time.process_time() - began[1])
        rows.add(tracks, stamp)
    return Run(wall, cpu, rows.tracks())


def _stamped(scene: Scene) -> Iterator[tuple[datetime, Detections]]:
    """Yield each scan with the time that the tracker is told: its end, or the one time of all its plots."""
    for time_ns, plots in zip(scene.picture_times_ns().tolist(), scene.scans(), strict=True):
        yield _stamp(time_ns), plots


def _stamp(time_ns: int) -> datetime:
    return EPOCH + timedelta(microseconds=(time_ns - START_NS) / 1e3)


@dataclass(frozen=True, slots=True)
class _Radar:
    """The one radar of a scene."""

    origin_ecef_m: Floats
    axes: Floats  # rows north, east, up
    sigma: Floats  # range, azimuth, elevation

    @classmethod
    def of(cls, scene: Scene) -> "_Radar":
        site, sensor = scene.sites[0], scene.sensors[0]
        names = ("range_sigma_m", "azimuth_sigma_rad", "elevation_sigma_rad")
        axes = enu_axes(site.lat_rad, site.lon_rad)[list(NORTH_EAST_UP)]
        return cls(sensor.origin_ecef_m, axes, np.array([sensor.parameters[name] for name in names]))

    def detections(self, peer: str, plots: Detections) -> set[Detection]:
        """Return a scan as Stone Soup's objects."""
        stamps = [_stamp(time_ns) for time_ns in plots.time_ns.tolist()]
        if peer == "documented":
            model = CartesianToElevationBearingRange(
                ndim_state=6, mapping=POSITION, noise_covar=CovarianceMatrix(np.diag(self.sigma[[2, 1, 0]] ** 2))
            )
            return {
                Detection(state, timestamp=stamp, measurement_model=model)
                for state, stamp in zip(_polar(plots.values), stamps, strict=True)
            }
        position, covariance = converted(plots.values, self.sigma)
        return {
            Detection(
                StateVector(row),
                timestamp=stamp,
                measurement_model=LinearGaussian(ndim_state=6, mapping=POSITION, noise_covar=noise),
            )
            for row, noise, stamp in zip(position, map(CovarianceMatrix, covariance), stamps, strict=True)
        }


def _polar(values: Floats) -> list[StateVector]:
    return [
        StateVector([[Elevation(elevation)], [Bearing(azimuth)], [range_m]])
        for range_m, azimuth, elevation in values.tolist()
    ]


def converted(values: Floats, sigma: Floats) -> tuple[Floats, Floats]:
    """Return (n, 3) positions and (n, 3, 3) covariances of (n, 3) range, azimuth, elevation.

    Unbiased by the factors exp(sigma^2 / 2) of the angles; the covariance is the linear one, good where the
    error across is much smaller than the range.

    Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation,
    section 10.4.3.
    """
    range_m, azimuth, elevation = values.T
    ground = np.exp((sigma[1] ** 2 + sigma[2] ** 2) / 2.0) * np.cos(elevation)
    sight = np.stack(
        [ground * np.cos(azimuth), ground * np.sin(azimuth), np.exp(sigma[2] ** 2 / 2.0) * np.sin(elevation)], axis=1
    )
    right = np.stack([-np.sin(azimuth), np.cos(azimuth), np.zeros(len(values))], axis=1) * np.cos(elevation)[:, None]
    above = np.stack(
        [-np.sin(elevation) * np.cos(azimuth), -np.sin(elevation) * np.sin(azimuth), np.cos(elevation)], axis=1
    )
    columns = np.stack(
        [sight * sigma[0], right * (range_m * sigma[1])[:, None], above * (range_m * sigma[2])[:, None]], axis=2
    )
    return range_m[:, None] * sight, columns @ columns.swapaxes(1, 2)


class FixedTransition(CombinedLinearGaussianTransitionModel):
    """The combined model, whose matrices are made once for each step in time."""

    def matrix(self, time_interval: timedelta, **_: Any) -> Floats:
        """Return the transition matrix."""
        return self._made(time_interval)[0]

    def covar(self, time_interval: timedelta, **_: Any) -> Floats:
        """Return the process noise."""
        return self._made(time_interval)[1]

    @lru_cache(maxsize=4096)  # noqa: B019 - one model a run
    def _made(self, time_interval: timedelta) -> tuple[Floats, Floats]:
        return super().matrix(time_interval=time_interval), super().covar(time_interval=time_interval)


class Gate:
    """All tracks against all converted plots of a scan: a tree in metres, then the exact distance."""

    def __init__(self, transition: FixedTransition) -> None:
        self.transition = transition

    def pairs(
        self, tracks: list[Track], detections: list[Detection]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
        """Return rows of tracks and of plots inside the gate, and their Mahalanobis distances."""
        mean = np.array([track.state_vector for track in tracks], float)[:, :, 0]
        covariance = np.array([track.covar for track in tracks], float)
        age = {stamp: i for i, stamp in enumerate(sorted({track.timestamp for track in tracks}))}
        step = np.array([age[track.timestamp] for track in tracks])
        begin = min(age)
        held = np.array([(stamp - begin).total_seconds() for stamp in age])[step]
        at = np.array([(detection.timestamp - begin).total_seconds() for detection in detections])
        noise = np.array([detection.measurement_model.noise_covar for detection in detections], float)
        place = np.array([detection.state_vector for detection in detections], float)[:, :, 0]
        position, velocity = list(POSITION), list(VELOCITY)
        densities = np.array([model.noise_diff_coeff for model in self.transition.model_list], float)

        def ahead(rows: NDArray[np.int64], dt: Floats) -> tuple[Floats, Floats]:
            p = covariance[rows]
            cross = p[:, position][:, :, velocity]
            spread = p[:, position][:, :, position] + dt[:, None, None] * (cross + cross.swapaxes(1, 2))
            spread += dt[:, None, None] ** 2 * p[:, velocity][:, :, velocity]
            spread += (dt**3 / 3.0)[:, None, None] * np.diag(densities)
            return mean[rows][:, position] + dt[:, None] * mean[rows][:, velocity], spread

        every = np.arange(len(tracks))
        middle, slack = (at.min() + at.max()) / 2.0, (at.max() - at.min()) / 2.0
        centre, spread = ahead(every, middle - held)
        later = ahead(every, middle + slack - held)[1]
        widest = np.trace(np.maximum(spread, later), axis1=1, axis2=2) + np.trace(noise, axis1=1, axis2=2).max()
        reach = GATE * np.sqrt(widest) + slack * np.linalg.norm(mean[:, velocity], axis=1)
        near = cKDTree(place).query_ball_point(centre, reach, return_sorted=True)
        i_track = np.repeat(every, [len(each) for each in near])
        i_plot = np.concatenate([np.asarray(each, np.int64) for each in near])
        there, spread = ahead(i_track, at[i_plot] - held[i_track])
        apart = place[i_plot] - there
        squared = np.vecdot(apart, np.linalg.solve(spread + noise[i_plot], apart[:, :, None])[:, :, 0])
        inside = squared < GATE**2
        # A track seen once may be anywhere within its speed; no target is faster than the scene's fastest.
        known = np.trace(covariance[:, position][:, :, position], axis1=1, axis2=2)[i_track]
        error = GATE * np.sqrt(known + np.trace(noise, axis1=1, axis2=2)[i_plot])
        way = np.linalg.norm(place[i_plot] - mean[i_track][:, position], axis=1)
        inside &= way < error + SPEED_M_S[1] * np.abs(at[i_plot] - held[i_track])
        return i_track[inside], i_plot[inside], np.sqrt(squared[inside])


class ExpertAssociator(DataAssociator):
    """Global nearest neighbour over sparse pairs; the only hypothesis built is the one chosen."""

    hypothesiser: Any = Property(default=None, doc="Not used: the gate has the distances already.")
    predictor: KalmanPredictor = Property(default=None)
    updater: KalmanUpdater = Property(default=None)
    gate: Gate = Property(default=None)

    def associate(
        self, tracks: set[Track], detections: set[Detection], timestamp: datetime, **_: Any
    ) -> dict[Track, SingleDistanceHypothesis]:
        """Return the chosen hypothesis of each track."""
        order, plots = list(tracks), list(detections)
        chosen: dict[int, tuple[int, float]] = {}
        if order and plots:
            i_track, i_plot, distance = self.gate.pairs(order, plots)
            chosen = _sparse_assignment(i_track, i_plot, distance, len(order), len(plots))
        found = {}
        for i, track in enumerate(order):
            if i in chosen:
                plot, apart = plots[chosen[i][0]], chosen[i][1]
                prediction = self.predictor.predict(track, timestamp=plot.timestamp)
                expected = self.updater.predict_measurement(prediction, plot.measurement_model)
                found[track] = SingleDistanceHypothesis(prediction, plot, apart, expected)
            else:
                prediction = self.predictor.predict(track, timestamp=timestamp)
                found[track] = SingleDistanceHypothesis(prediction, MissedDetection(timestamp=timestamp), GATE)
        return found


def _sparse_assignment(
    i_track: NDArray[np.int64], i_plot: NDArray[np.int64], distance: Floats, n_tracks: int, n_plots: int
) -> dict[int, tuple[int, float]]:
    """Return plot and distance by track: the assignment of least sum, each track left alone at the gate's distance."""
    every = np.arange(n_tracks)
    rows, columns = np.concatenate([i_track, every]), np.concatenate([i_plot, n_plots + every])
    cost = np.concatenate([distance, np.full(n_tracks, GATE)]) + 1.0  # explicit zeros would be no edges
    graph = csr_array((cost, (rows, columns)), shape=(n_tracks, n_plots + n_tracks))
    row, column = min_weight_full_bipartite_matching(graph)
    return {int(i): (int(j), float(graph[i, j]) - 1.0) for i, j in zip(row, column, strict=True) if j < n_plots}


class TreeJPDA(JPDAwithEHM2):
    """EHM2 with hypotheses for what lies inside the expert's gate alone."""

    gate: Gate = Property(default=None)

    def generate_hypotheses(
        self, tracks: set[Track], detections: set[Detection], timestamp: datetime, **_: Any
    ) -> dict[Track, Any]:
        """Return the hypotheses of each track."""
        order, plots = list(tracks), list(detections)
        near: list[list[Detection]] = [[] for _ in order]
        if order and plots:
            i_track, i_plot, _ = self.gate.pairs(order, plots)
            for i, j in zip(i_track.tolist(), i_plot.tolist(), strict=True):
                near[i].append(plots[j])
        return {
            track: self.hypothesiser.hypothesise(track, each, timestamp)
            for track, each in zip(order, near, strict=True)
        }


def _tracker(peer: str, scans: Iterator[tuple[datetime, set[Detection]]], scene: Scene, radar: _Radar) -> Any:
    motion = Motion()
    densities = (motion.horizontal_psd_m2_s3, motion.horizontal_psd_m2_s3, motion.vertical_psd_m2_s3)
    transition = (CombinedLinearGaussianTransitionModel if peer == "documented" else FixedTransition)(
        [ConstantVelocity(density) for density in densities]
    )
    speed = np.array([SPEED_SIGMA_M_S, SPEED_SIGMA_M_S, CLIMB_SIGMA_M_S])
    variances = np.stack([np.zeros(3), speed**2], axis=1).ravel()
    prior = GaussianState(StateVector(np.zeros(6)), CovarianceMatrix(np.diag(variances)))
    if peer == "documented":
        predictor, updater = ExtendedKalmanPredictor(transition), ExtendedKalmanUpdater(None)
        reach_s = scene.period_s * (1.0 if scene.timing == "shared" else 2.0)
        associator = DetectionKDTreeGNN2D(
            hypothesiser=DistanceHypothesiser(predictor, updater, Mahalanobis(), missed_distance=GATE),
            predictor=predictor,
            updater=updater,
            max_distance=float(GATE * radar.sigma[0] + reach_s * SPEED_M_S[1]),
        )
        firm = associator
    else:
        predictor, updater = KalmanPredictor(transition), KalmanUpdater(None)
        gate = Gate(transition)
        associator = firm = ExpertAssociator(predictor=predictor, updater=updater, gate=gate)
        if peer == "ehm2":
            firm = TreeJPDA(
                hypothesiser=PDAHypothesiser(
                    predictor,
                    updater,
                    clutter_spatial_density=clutter_density(scene),
                    prob_detect=scene.sensors[0].parameters["detection_probability"],
                    prob_gate=GATE_PROBABILITY,
                ),
                gate=gate,
            )
    initiator = MultiMeasurementInitiator(
        prior_state=prior,
        deleter=UpdateTimeStepsDeleter(MISSES_TENTATIVE),
        data_associator=associator,
        updater=updater,
        min_points=HITS_TO_CONFIRM,
    )
    tracker = MultiTargetMixtureTracker if peer == "ehm2" else MultiTargetTracker
    return tracker(
        initiator=initiator,
        deleter=UpdateTimeStepsDeleter(MISSES_FIRM),
        detector=scans,
        data_associator=firm,
        updater=updater,
    )


def clutter_density(scene: Scene) -> float:
    """Return false plots a cubic metre and scan about the targets of a scene."""
    plots = scene.scans()[0]
    covariance = converted(plots.values, _Radar.of(scene).sigma)[1]
    volume = np.median(np.sqrt(np.linalg.det(covariance)))
    if scene.paths.spacing_m.any():
        spacing = float(np.median(scene.paths.spacing_m))
        return scene.false_plots / (spacing**2 * 2.0 * spacing + volume)
    return scene.false_plots / (AREA_M2 * (HEIGHT_M[1] - HEIGHT_M[0]))


class _Rows:
    """Collects Stone Soup's tracks as rows of noroshi's record; a track that is gone gets a last row that says so."""

    def __init__(self, radar: _Radar) -> None:
        self.radar = radar
        self.number: dict[str, int] = {}
        self.shown: dict[str, Track] = {}
        self.columns: list[tuple[int, int, int, Floats, Floats]] = []

    def add(self, tracks: set[Track], stamp: datetime) -> None:
        """Take in the picture after a scan."""
        now_ns = _nanoseconds(stamp)
        here = {track.id: track for track in tracks}
        for name in sorted(set(self.shown) - set(here), key=lambda name: self.number[name]):
            self._row(self.shown[name], name, now_ns, TrackStatus.LOST)
        for name in sorted(here, key=lambda name: (self.number.get(name, 2**62), name)):
            self.number.setdefault(name, len(self.number) + 1)
            self._row(here[name], name, _nanoseconds(here[name].timestamp), TrackStatus.FIRM)
        self.shown = here

    def _row(self, track: Track, name: str, time_ns: int, status: TrackStatus) -> None:
        self.columns.append(
            (
                self.number[name],
                time_ns,
                int(status),
                np.array(track.state_vector, float).ravel(),
                np.array(track.covar),
            )
        )

    def tracks(self) -> Tracks:
        """Return all rows, Earth-fixed.

        Each track still there gets one row more, since a picture ends with a track's last.
        """
        for name, track in self.shown.items():
            self._row(track, name, _nanoseconds(track.timestamp) + CLOSING_NS, TrackStatus.FIRM)
        self.shown = {}
        if not self.columns:
            return Tracks(
                node="stone soup", source_names=(), track_id=np.zeros(0, np.uint64), time_ns=np.zeros(0, np.int64),
                updated_ns=np.zeros(0, np.int64), revision=np.zeros(0, np.int32), state_ecef=np.zeros((0, 6)),
                covariance_ecef=np.zeros((0, 6, 6)), existence=np.zeros(0), kind_probability=certain_kind(0, 0),
                status=np.zeros(0, np.uint8), sources=np.zeros((0, 0), bool), identity=Identity.absent(0),
            )  # fmt: skip
        number, time_ns, status, mean, covariance = (np.array(each) for each in zip(*self.columns, strict=True))
        n = len(number)
        turn = np.zeros((6, 6))
        turn[:3, POSITION] = turn[3:, VELOCITY] = self.radar.axes.T
        state = mean @ turn.T
        state[:, :3] += self.radar.origin_ecef_m
        return Tracks(
            node="stone soup",
            source_names=(),
            track_id=number.astype(np.uint64),
            time_ns=time_ns.astype(np.int64),
            updated_ns=time_ns.astype(np.int64),
            revision=np.zeros(n, np.int32),
            state_ecef=state,
            covariance_ecef=turn @ covariance @ turn.T,
            existence=np.ones(n),
            kind_probability=certain_kind(int(Kind.UNKNOWN), n),
            status=status.astype(np.uint8),
            sources=np.zeros((n, 0), bool),
            identity=Identity.absent(n),
        )


def _nanoseconds(stamp: datetime) -> int:
    return START_NS + round((stamp - EPOCH) / timedelta(microseconds=1)) * (NS_PER_S // 1_000_000)
