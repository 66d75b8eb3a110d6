"""Stone Soup's global nearest neighbour, put together as its documentation does."""

from datetime import UTC, datetime, timedelta

import numpy as np
from arena_scenes import START_S, Scene
from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
from stonesoup.deleter.time import UpdateTimeStepsDeleter
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.initiator.simple import MultiMeasurementInitiator
from stonesoup.measures import Mahalanobis
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor
from stonesoup.types.detection import Detection
from stonesoup.types.state import GaussianState
from stonesoup.updater.kalman import KalmanUpdater

NOTE = "tracks of 3 plots, gone after 2 misses (best of the grid in tracking.md 4a); late looks unused"
MIN_POINTS, MISSES, GATE_SIGMA = 3, 2, 4.0


def track(scene: Scene) -> list[np.ndarray]:
    """Return what it shows at each time."""
    motion = CombinedLinearGaussianTransitionModel([ConstantVelocity(scene.noise_density_m2_s3)] * 2)
    predictor, updater = KalmanPredictor(motion), KalmanUpdater(None)
    hypothesiser = DistanceHypothesiser(predictor, updater, Mahalanobis(), missed_distance=GATE_SIGMA)
    associator = GNNWith2DAssignment(hypothesiser)
    deleter = UpdateTimeStepsDeleter(MISSES * len(scene.sensors))
    prior = GaussianState(scene.birth_mean[[0, 2, 1, 3]][:, None], np.diag(scene.birth_sigma[[0, 2, 1, 3]] ** 2), START)
    initiator = MultiMeasurementInitiator(prior, deleter, associator, updater, min_points=MIN_POINTS)
    tracks: set = set()
    shown, done, now_s = [], 0, 0.0
    for arrived in scene.arrived.tolist():
        for look in scene.looks[done:arrived]:
            if look.time_s < now_s:
                continue
            now_s = look.time_s
            moment = START + timedelta(seconds=now_s - START_S)
            plots = {
                Detection(xy[:, None], moment, measurement_model=LinearGaussian(4, (0, 2), noise))
                for xy, noise in zip(look.xy_m, look.covariance_m2, strict=True)
            }
            used = set()
            for each, hypothesis in associator.associate(tracks, plots, moment).items():
                each.append(updater.update(hypothesis) if hypothesis else hypothesis.prediction)
                used |= {hypothesis.measurement} if hypothesis else set()
            tracks -= deleter.delete_tracks(tracks)
            tracks |= initiator.initiate(plots - used, moment)
        done = arrived
        shown.append(np.array([each.state_vector[[0, 2], 0] for each in tracks], float).reshape(-1, 2))
    return shown


START = datetime.fromtimestamp(START_S, tz=UTC).replace(tzinfo=None)
