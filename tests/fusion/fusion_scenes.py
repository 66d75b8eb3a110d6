"""Contributions for the tests of fusion, and a Kalman filter of Stone Soup's to hold the result against."""

import datetime

import numpy as np
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor
from stonesoup.types.detection import Detection
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.state import GaussianState
from stonesoup.updater.kalman import KalmanUpdater

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at
from noroshi.records import Identity, Tracks, TrackStatus, certain_kind

NS, START_NS = 10**9, 1_893_456_000 * 10**9
DENSITY = 2.0
EPOCH = datetime.datetime(2030, 1, 1)  # noqa: DTZ001  # Stone Soup's times are naive
THEIRS, OURS = np.array([0, 3, 1, 4, 2, 5]), np.array([0, 2, 4, 1, 3, 5])  # Stone Soup's order is x, vx, y, vy ...


def tracks(owner, ids, time_ns, states, covariances, **changes):
    """Return firm rows; changes replace columns, and `icao` and `mode_3a` identity columns."""
    n = len(ids)
    identity = Identity.absent(n)
    for name, column in (("icao", "icao_address"), ("mode_3a", "mode_3a"), ("mmsi", "mmsi")):
        if name in changes:
            identity = identity.replace(**{column: np.array(changes.pop(name), np.int64)})
    whole = Tracks(
        node=owner, source_names=("search_radar",), track_id=np.array(ids, np.uint64),
        time_ns=np.full(n, time_ns, np.int64), updated_ns=np.full(n, time_ns, np.int64),
        revision=np.zeros(n, np.int32), state_ecef=np.array(states, np.float64).reshape(n, 6),
        covariance_ecef=np.array(covariances, np.float64).reshape(n, 6, 6), existence=np.full(n, 0.9),
        kind_probability=certain_kind(1, n), status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, 1), np.bool_), identity=identity,
    )  # fmt: skip
    return whole.replace(**changes)


def place(lat_deg, lon_deg, height_m=9_000.0):
    """Return ECEF positions."""
    return ecef_from_geodetic(np.radians(lat_deg), np.radians(lon_deg), np.asarray(height_m)).reshape(-1, 3)


def level(positions, east_m_s, north_m_s):
    """Return (n, 6) states in level flight."""
    velocity = np.broadcast_to([east_m_s, north_m_s, 0.0], (len(positions), 3))
    return np.hstack([positions, np.vecmat(velocity, enu_axes_at(positions))])


def moved(dt_s):
    """Return transition and process noise of nearly constant velocity on a plane."""
    eye = np.eye(3)
    transition = np.block([[eye, dt_s * eye], [0.0 * eye, eye]])
    noise = DENSITY * np.block([[eye * dt_s**3 / 3, eye * dt_s**2 / 2], [eye * dt_s**2 / 2, eye * dt_s]])
    return transition, noise


class StoneSoupFilter:
    """A Kalman filter of one target by Stone Soup, which is none of ours."""

    def __init__(self, fix, noise, time_s):
        self.updater = KalmanUpdater(None)
        motion = CombinedLinearGaussianTransitionModel([ConstantVelocity(DENSITY)] * 3)
        self.predictor = KalmanPredictor(motion)
        spread = np.zeros((6, 6))
        spread[:3, :3], spread[3:, 3:] = noise, 300.0**2 * np.eye(3)
        mean = np.concatenate([fix, np.zeros(3)])
        self.state = GaussianState(mean[THEIRS][:, None], spread[np.ix_(THEIRS, THEIRS)], self._time(time_s))

    def _time(self, time_s):
        return EPOCH + datetime.timedelta(seconds=time_s)

    def update(self, fix, noise, time_s):
        """Take in a fix."""
        model = LinearGaussian(6, [0, 2, 4], noise)
        detection = Detection(fix[:, None], timestamp=self._time(time_s), measurement_model=model)
        prediction = self.predictor.predict(self.state, timestamp=self._time(time_s))
        self.state = self.updater.update(SingleHypothesis(prediction, detection))

    @property
    def mean(self):
        """The state in our order."""
        return np.asarray(self.state.mean, np.float64)[:, 0][OURS]

    @property
    def covariance(self):
        """Its covariance in our order."""
        return np.asarray(self.state.covar, np.float64)[np.ix_(OURS, OURS)]


class Watched:
    """One target, watched by several nations' sensors in turn, each with a filter of its own, and one of all."""

    def __init__(self, seed, nations, period_s=10.0):
        self.rng, self.nations, self.period_s = np.random.default_rng(seed), nations, period_s
        self.truth, self.time_s = level(place(35.0, 140.0), 180.0, 90.0)[0], 0.0
        self.own, self.central, self.k = [None] * nations, None, 0
        axes = [np.linalg.qr(self.rng.normal(size=(3, 3)))[0] for _ in range(nations)]
        self.noise = [(a * np.array([70.0, 200.0, 30.0]) ** 2) @ a.T for a in axes]

    def look(self):
        """Let the next nation look; return who, and its contribution."""
        i, time_s = self.k % self.nations, self.k * self.period_s / self.nations
        self.k += 1
        transition, noise = moved(time_s - self.time_s)
        shock = np.linalg.cholesky(noise + 1e-12 * np.eye(6)) @ self.rng.normal(size=6)
        self.truth, self.time_s = transition @ self.truth + shock, time_s
        fix = self.truth[:3] + np.linalg.cholesky(self.noise[i]) @ self.rng.normal(size=3)
        self.own[i] = self._told(self.own[i], fix, self.noise[i])
        self.central = self._told(self.central, fix, self.noise[i])
        name = f"N{i}"
        return name, tracks(name, [100 + i], self.time_ns, [self.own[i].mean], [self.own[i].covariance])

    def _told(self, old, fix, noise):
        if old is None:
            return StoneSoupFilter(fix, noise, self.time_s)
        old.update(fix, noise, self.time_s)
        return old

    @property
    def time_ns(self):
        """Now."""
        return START_NS + round(self.time_s * NS)


def nees(mean, covariance, truth):
    """Return the normalised estimation error squared over its dimension."""
    off = mean - truth
    return float(off @ np.linalg.solve(covariance, off)) / len(off)
