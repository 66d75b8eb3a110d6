"""Every filter against Stone Soup 1.9 (MIT), which works one state at a time and in other forms of the equations."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.measurement.nonlinear import CartesianToElevationBearingRange
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.models.transition.nonlinear import ConstantTurn
from stonesoup.predictor.kalman import (
    CubatureKalmanPredictor,
    ExtendedKalmanPredictor,
    KalmanPredictor,
    UnscentedKalmanPredictor,
)
from stonesoup.smoother.kalman import ExtendedKalmanSmoother
from stonesoup.types.array import StateVector, StateVectors
from stonesoup.types.detection import Detection
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.prediction import GaussianStatePrediction
from stonesoup.types.state import GaussianState, State
from stonesoup.types.track import Track
from stonesoup.updater.kalman import (
    CubatureKalmanUpdater,
    ExtendedKalmanUpdater,
    KalmanUpdater,
    UnscentedKalmanUpdater,
)

from noroshi.estimation import kalman, smoother, unscented
from noroshi.estimation.angles import difference

START = datetime(2024, 6, 6, tzinfo=UTC)
STEP = timedelta(seconds=2)


class PlainRadar(CartesianToElevationBearingRange):
    """The angles as numbers, so that means of them are plain means."""

    def function(self, state, noise=False, **arguments):
        return plain(super().function(state, noise=noise, **arguments)).view(type(state.state_vector))


class Turn(ConstantTurn):
    """With derivatives that rounding does not shake: Stone Soup's steps of 1e-8 leave them to 1e-6."""

    def jacobian(self, state, **arguments):
        step = np.array([1.0, 1.0, 1.0, 1.0, 1e-4])
        ends = [plain(state.state_vector) + sign * np.diag(step) for sign in (-1.0, 1.0)]
        before, after = (plain(self.function(State(StateVectors(x)), noise=False, **arguments)) for x in ends)
        return (after - before) / (2.0 * step)


def plain(vector):
    return np.asarray(vector).astype(float)


RADAR_NOISE = np.diag([1e-3**2, 2e-3**2, 30.0**2])
RADAR = CartesianToElevationBearingRange(ndim_state=6, mapping=(0, 2, 4), noise_covar=RADAR_NOISE)
PLAIN_RADAR = PlainRadar(ndim_state=6, mapping=(0, 2, 4), noise_covar=RADAR_NOISE)
WRAPPED = np.array([False, True, False])
POSITION = LinearGaussian(ndim_state=6, mapping=(0, 2, 4), noise_covar=np.diag([100.0, 400.0, 900.0]))
STRAIGHT = CombinedLinearGaussianTransitionModel([ConstantVelocity(3.0)] * 3)
TURN = Turn(linear_noise_coeffs=np.array([2.0, 2.0]), turn_noise_coeff=1e-4)


def spread_of(sigmas, rng, n):
    root = rng.normal(size=(n, len(sigmas), len(sigmas) + 2)) / np.sqrt(len(sigmas) + 2)
    return root @ root.swapaxes(1, 2) * np.outer(sigmas, sigmas)


def straight_states(seed, n=8):
    """Around a radar at 20 to 60 km; x, vx, y, vy, z, vz. The first ones stand where the bearing jumps."""
    rng = np.random.default_rng(seed)
    bearing, ground = rng.uniform(-np.pi, np.pi, n), rng.uniform(2e4, 6e4, n)
    bearing[:3] = np.pi
    mean = np.stack(
        [
            ground * np.cos(bearing),
            rng.normal(size=n) * 200.0,
            ground * np.sin(bearing),
            rng.normal(size=n) * 200.0,
            rng.uniform(1e3, 1e4, n),
            rng.normal(size=n) * 20.0,
        ],
        axis=-1,
    )
    return mean, spread_of(np.array([60.0, 10.0, 60.0, 10.0, 60.0, 10.0]), rng, n)


def turning_states(seed, n=8):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(n, 5)) * [1e4, 200.0, 1e4, 200.0, 0.03]
    return mean, spread_of(np.array([100.0, 20.0, 100.0, 20.0, 0.01]), rng, n)


def over_rows(model, **arguments):
    """A Stone Soup model as a function over rows."""
    return lambda x, row=None: plain(model.function(State(StateVectors(x.T)), noise=False, **arguments)).T


def assert_close(ours, theirs_mean, theirs_covariance, row, *, sigmas=1e-9):
    theirs_mean, theirs_covariance = plain(theirs_mean)[:, 0], plain(theirs_covariance)
    sigma = np.sqrt(np.diag(theirs_covariance))
    np.testing.assert_allclose(ours[0][row] / sigma, theirs_mean / sigma, rtol=1e-12, atol=sigmas)
    np.testing.assert_allclose(
        ours[1][row] / np.outer(sigma, sigma), theirs_covariance / np.outer(sigma, sigma), atol=sigmas
    )


def each(mean, covariance):
    for row, (m, c) in enumerate(zip(mean, covariance, strict=True)):
        yield row, StateVector(m), c


PREDICTORS = {
    "cubature": (CubatureKalmanPredictor, {}, unscented.cubature),
    "unscented": (UnscentedKalmanPredictor, {"alpha": 1.0, "beta": 2.0, "kappa": 0.0}, unscented.unscented),
    "unscented, narrow": (
        UnscentedKalmanPredictor,
        {"alpha": 0.5, "beta": 2.0, "kappa": -2.0},
        lambda m, c: unscented.unscented(m, c, alpha=0.5, beta=2.0, kappa=-2.0),
    ),
}
UPDATERS = {
    "cubature": (CubatureKalmanUpdater, {}, unscented.cubature),
    "unscented": (UnscentedKalmanUpdater, {"alpha": 1.0, "beta": 2.0, "kappa": 0.0}, unscented.unscented),
    "unscented, narrow": (
        UnscentedKalmanUpdater,
        {"alpha": 0.5, "beta": 2.0, "kappa": -3.0},
        lambda m, c: unscented.unscented(m, c, alpha=0.5, beta=2.0, kappa=-3.0),
    ),
}


def test_linear_prediction():
    mean, covariance = straight_states(1)
    F, Q = plain(STRAIGHT.matrix(time_interval=STEP)), plain(STRAIGHT.covar(time_interval=STEP))
    ours = kalman.predict(mean, covariance, F, Q)
    predictor = KalmanPredictor(STRAIGHT)
    for row, m, c in each(mean, covariance):
        theirs = predictor.predict(GaussianState(m, c, START), timestamp=START + STEP)
        assert_close(ours, theirs.state_vector, theirs.covar, row)


def test_extended_prediction():
    mean, covariance = turning_states(2)
    Q = plain(TURN.covar(time_interval=STEP))
    F = np.array([plain(TURN.jacobian(State(StateVector(m)), time_interval=STEP)) for m in mean])
    moved = over_rows(TURN, time_interval=STEP)(mean)
    ours = moved, kalman.predict_covariance(covariance, F, Q)
    for row, m, c in each(mean, covariance):
        theirs = ExtendedKalmanPredictor(TURN).predict(GaussianState(m, c, START), timestamp=START + STEP)
        assert_close(ours, theirs.state_vector, theirs.covar, row)


@pytest.mark.parametrize("name", PREDICTORS)
def test_sigma_point_prediction(name):
    predictor, parameters, spread = PREDICTORS[name]
    mean, covariance = turning_states(3)
    Q = plain(TURN.covar(time_interval=STEP))
    ours = unscented.predict(mean, covariance, over_rows(TURN, time_interval=STEP), Q, spread=spread)
    for row, m, c in each(mean, covariance):
        theirs = predictor(TURN, **parameters).predict(GaussianState(m, c, START), timestamp=START + STEP)
        assert_close(ours, theirs.state_vector, theirs.covar, row)


def updated(updater, m, c, detection):
    prediction = GaussianStatePrediction(m, c, timestamp=START)
    return updater.update(SingleHypothesis(prediction, detection))


def test_linear_update():
    mean, covariance = straight_states(4)
    H, R = plain(POSITION.matrix()), plain(POSITION.covar())
    values = mean @ H.T + np.random.default_rng(5).normal(size=(len(mean), 3)) * 80.0
    ours = kalman.update(mean, covariance, values - mean @ H.T, H, R)
    for row, m, c in each(mean, covariance):
        detection = Detection(StateVector(values[row]), START, measurement_model=POSITION)
        theirs = updated(KalmanUpdater(None), m, c, detection)
        assert_close(ours, theirs.state_vector, theirs.covar, row)
        S = plain(theirs.hypothesis.measurement_prediction.covar)
        np.testing.assert_allclose(ours.innovation_covariance[row], S, rtol=1e-12)


def radar_values(mean, seed):
    noise = np.random.default_rng(seed).normal(size=(len(mean), 3)) * [2e-3, 3e-3, 60.0]
    return over_rows(RADAR)(mean) + noise


def test_extended_update():
    mean, covariance = straight_states(6)
    values, R = radar_values(mean, 7), RADAR_NOISE
    H = np.array([plain(RADAR.jacobian(State(StateVector(m)))) for m in mean])
    innovation = difference(values, over_rows(RADAR)(mean), WRAPPED)
    ours = kalman.update(mean, covariance, innovation, H, R)
    for row, m, c in each(mean, covariance):
        detection = Detection(StateVector(values[row]), START, measurement_model=RADAR)
        theirs = updated(ExtendedKalmanUpdater(None), m, c, detection)
        assert_close(ours, theirs.state_vector, theirs.covar, row)


@pytest.mark.parametrize("name", UPDATERS)
def test_sigma_point_update(name):
    updater, parameters, spread = UPDATERS[name]
    mean, covariance = (array[3:] for array in straight_states(8))
    values = over_rows(PLAIN_RADAR)(mean) + np.random.default_rng(9).normal(size=(len(mean), 3)) * [2e-3, 3e-3, 60.0]
    nowhere = np.zeros(3, np.bool_)
    ours = unscented.update(
        mean, covariance, values, over_rows(PLAIN_RADAR), RADAR_NOISE, wrapped=nowhere, spread=spread
    )
    for row, m, c in each(mean, covariance):
        detection = Detection(StateVector(values[row]), START, measurement_model=PLAIN_RADAR)
        theirs = updated(updater(None, **parameters), m, c, detection)
        assert_close(ours, theirs.state_vector, theirs.covar, row)


@pytest.mark.parametrize("name", ["unscented", "unscented, narrow"])
def test_sigma_point_update_where_the_bearing_jumps(name):
    updater, parameters, spread = UPDATERS[name]
    mean, covariance = straight_states(10)
    values = radar_values(mean, 11)
    ours = unscented.update(mean, covariance, values, over_rows(RADAR), RADAR_NOISE, wrapped=WRAPPED, spread=spread)
    for row, m, c in each(mean, covariance):
        detection = Detection(StateVector(values[row]), START, measurement_model=RADAR)
        theirs = updated(updater(None, **parameters), m, c, detection)
        # It averages angles by their sines and cosines: another mean in the third order of the spread of 4e-3 rad.
        assert_close(ours, theirs.state_vector, theirs.covar, row, sigmas=1e-7)


def test_smoothing_of_turning_targets():
    """Extended filter and smoother over ten steps."""
    n_rows, n_steps = 4, 10
    mean, covariance = turning_states(10, n_rows)
    model = LinearGaussian(ndim_state=5, mapping=(0, 2), noise_covar=np.diag([900.0, 900.0]))
    H, R = plain(model.matrix()), plain(model.covar())
    Q = plain(TURN.covar(time_interval=STEP))
    move = over_rows(TURN, time_interval=STEP)
    rng = np.random.default_rng(11)
    truth, means, covariances, predicted, transitions, all_values = mean, [], [], [], [], []
    for step in range(n_steps):
        if step:
            F = np.array([plain(TURN.jacobian(State(StateVector(m)), time_interval=STEP)) for m in mean])
            truth, mean, covariance = move(truth), move(mean), kalman.predict_covariance(covariance, F, Q)
            predicted.append(mean)
            transitions.append(F)
        values = truth @ H.T + rng.normal(size=(n_rows, 2)) * 30.0
        mean, covariance, *_ = kalman.update(mean, covariance, values - mean @ H.T, H, R)
        means.append(mean)
        covariances.append(covariance)
        all_values.append(values)
    ours = smoother.smooth(*map(np.array, (means, covariances, predicted, transitions)), Q)
    start_mean, start_covariance = turning_states(10, n_rows)
    predictor, updater = ExtendedKalmanPredictor(TURN), KalmanUpdater(model)
    for row in range(n_rows):
        track = Track()
        state = GaussianState(StateVector(start_mean[row]), start_covariance[row], START)
        for step, values in enumerate(all_values):
            detection = Detection(StateVector(values[row]), START + step * STEP)
            prediction = predictor.predict(state, timestamp=detection.timestamp)
            state = updater.update(SingleHypothesis(prediction, detection))
            track.append(state)
        theirs = ExtendedKalmanSmoother(TURN).smooth(track)
        for step in range(n_steps):
            assert_close((ours[0][step], ours[1][step]), theirs[step].state_vector, theirs[step].covar, row)
