"""Stone Soup's tracks and truth as ours and back, and whole scenes: their plots, our tracker, their metrics."""

import math
import sys
from datetime import timedelta
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pyproj
import pytest
from stone_soup_scenes import (
    ALPS_ECEF_M,
    PLANE,
    START,
    START_NS,
    XYZ,
    ecef_of,
    noise,
    random_states,
)
from stonesoup.dataassociator.neighbour import GNNWith2DAssignment
from stonesoup.deleter.time import UpdateTimeStepsDeleter
from stonesoup.hypothesiser.distance import DistanceHypothesiser
from stonesoup.initiator.simple import MultiMeasurementInitiator
from stonesoup.measures import Euclidean, Mahalanobis
from stonesoup.metricgenerator.manager import MultiManager
from stonesoup.metricgenerator.ospametric import GOSPAMetric, OSPAMetric
from stonesoup.models.measurement.nonlinear import (
    CartesianToBearingRange,
)
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import ExtendedKalmanPredictor
from stonesoup.sensor.radar.radar import RadarElevationBearingRange
from stonesoup.simulator.simple import MultiTargetGroundTruthSimulator, SimpleDetectionSimulator
from stonesoup.tracker.simple import MultiTargetTracker
from stonesoup.types.detection import Detection
from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
from stonesoup.types.hypothesis import SingleHypothesis
from stonesoup.types.prediction import GaussianStatePrediction
from stonesoup.types.state import GaussianState, State, StateVector
from stonesoup.types.track import Track
from stonesoup.types.update import GaussianStateUpdate
from stonesoup.updater.kalman import ExtendedKalmanUpdater

import noroshi
from noroshi.records import Identity, Kind, Tracks, TrackStatus, Truth, certain_kind, check
from noroshi.run import stone_soup
from noroshi.run.stone_soup import (
    detections_from_stone_soup,
    tracks_from_stone_soup,
    tracks_to_stone_soup,
    truth_from_stone_soup,
    truth_to_stone_soup,
)

# --- tracks and truth ---------------------------------------------------------------------------------------------


def some_tracks(n=12, seed=5):
    rng = np.random.default_rng(seed)
    root = rng.normal(0.0, 30.0, (n, 6, 6))
    time_ns = START_NS + 1_000 * rng.integers(0, 10**9, n)
    number = np.repeat(np.array([7, 2**63 + 5, 30], np.uint64), n // 3)
    order = np.lexsort((time_ns, number))
    codes = rng.integers(-1, 4000, (3, n))
    return Tracks(
        node="n", source_names=("a",), track_id=number[order], time_ns=time_ns[order], updated_ns=time_ns[order],
        revision=np.zeros(n, np.int32), state_ecef=ecef_of(random_states(n), ALPS_ECEF_M),
        covariance_ecef=root @ root.swapaxes(1, 2), existence=np.full(n, np.nan),
        kind_probability=certain_kind(rng.integers(0, 7, n), n), status=np.ones(n, np.uint8),
        sources=np.ones((n, 1), np.bool_),
        identity=Identity(icao_address=codes[0], mode_3a=codes[1], mmsi=codes[2],
                          call_sign=np.where(codes[0] > 2_000, "ANA7", "")),
    )  # fmt: skip


def test_tracks_are_where_proj_puts_them():
    tracks = some_tracks()
    proj = pyproj.Transformer.from_pipeline(
        "+proj=topocentric +ellps=WGS84 +lat_0=46.5 +lon_0=8.0 +h_0=1500.0"  # from geocentric x, y, z
    )
    expected = np.array(proj.transform(*tracks.state_ecef[:, :3].T)).T
    found = tracks_to_stone_soup(tracks, origin_ecef_m=ALPS_ECEF_M)
    assert [track.id for track in found] == ["7", "30", str(2**63 + 5)]
    vectors = np.array([state.state_vector.ravel() for track in found for state in track])
    np.testing.assert_allclose(vectors[:, XYZ], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        np.linalg.norm(vectors[:, 1::2], axis=1), np.linalg.norm(tracks.state_ecef[:, 3:], axis=1)
    )
    plane = tracks_to_stone_soup(tracks, origin_ecef_m=ALPS_ECEF_M, plane=True)
    np.testing.assert_array_equal(plane[1][2].state_vector, found[1][2].state_vector[:4])
    np.testing.assert_array_equal(plane[1][2].covar, found[1][2].covar[:4, :4])


def test_tracks_come_back_as_they_were():
    tracks = some_tracks()
    back = check(tracks_from_stone_soup(tracks_to_stone_soup(tracks, origin_ecef_m=ALPS_ECEF_M)[::-1], node="n",
                                        origin_ecef_m=ALPS_ECEF_M))  # fmt: skip
    np.testing.assert_allclose(back.state_ecef[:, :3], tracks.state_ecef[:, :3], rtol=0, atol=1e-6)
    np.testing.assert_allclose(back.state_ecef[:, 3:], tracks.state_ecef[:, 3:], rtol=0, atol=1e-9)
    scale = np.abs(tracks.covariance_ecef).max()
    np.testing.assert_allclose(back.covariance_ecef, tracks.covariance_ecef, rtol=0, atol=1e-12 * scale)
    for name in ("track_id", "time_ns", "updated_ns", "revision", "existence", "kind_probability", "status"):
        np.testing.assert_array_equal(getattr(back, name), getattr(tracks, name), err_msg=name)
    for name in Identity.COLUMNS:
        np.testing.assert_array_equal(getattr(back.identity, name), getattr(tracks.identity, name), err_msg=name)


def test_the_last_word_counts():
    tracks = some_tracks()
    said_again = tracks.replace(revision=np.ones(12, np.int32), state_ecef=tracks.state_ecef + 1.0)
    both = noroshi.records.concatenate([said_again, tracks])
    for once, twice in zip(tracks_to_stone_soup(said_again), tracks_to_stone_soup(both), strict=True):
        assert [state.timestamp for state in once] == [state.timestamp for state in twice]
        np.testing.assert_array_equal(once.state_vector, twice.state_vector)


def test_stone_soups_own_tracks_are_read():
    model = CartesianToBearingRange(**PLANE, noise_covar=noise(2))
    times = [START + timedelta(seconds=k) for k in range(4)]
    covar = np.diag([4.0, 1.0, 9.0, 2.0])
    plot = Detection(StateVector([0.0, 1.0]), timestamp=times[1], measurement_model=model, metadata={"MMSI": 5})
    hypothesis = SingleHypothesis(None, plot)
    states = [
        GaussianStatePrediction([1.0, 2.0, 3.0, 4.0], covar, timestamp=times[0]),
        GaussianStateUpdate([2.0, 2.0, 7.0, 4.0], covar, hypothesis, timestamp=times[1]),
        GaussianStatePrediction([4.0, 2.0, 11.0, 4.0], covar, timestamp=times[2]),
        GaussianStateUpdate([6.0, 2.0, 15.0, 4.0], covar, hypothesis, timestamp=times[3]),
    ]
    early, late = Track(states), Track([GaussianState([0.0, 1.0, 0.0, 1.0], covar, timestamp=times[1])])
    mappings = {"position_mapping": (0, 2), "velocity_mapping": (1, 3)}
    tracks = check(tracks_from_stone_soup({late, early}, **mappings))
    seconds = (tracks.time_ns - START_NS) // 10**9
    assert tracks.track_id.tolist() == [1, 1, 1, 1, 2]
    assert seconds.tolist() == [0, 1, 2, 3, 1]
    assert ((tracks.updated_ns - START_NS) // 10**9).tolist() == [0, 1, 1, 3, 1]
    coasting, firm = TrackStatus.COASTING, TrackStatus.FIRM
    assert tracks.status.tolist() == [coasting, firm, coasting, firm, firm]
    assert tracks.identity.mmsi.tolist() == [-1, 5, 5, 5, -1]
    lab_ecef = [6378137.0, 2.0, 7.0, 0.0, 2.0, 4.0]  # up, east, north
    np.testing.assert_allclose(tracks.state_ecef[1], lab_ecef, rtol=0, atol=1e-9)
    np.testing.assert_allclose(tracks.covariance_ecef[1], np.diag([1.0, 4.0, 9.0, 0.01, 1.0, 2.0]), atol=1e-12)
    with pytest.raises(ValueError, match=r"position_mapping=\(0, 2\)"):
        tracks_from_stone_soup({early})
    with pytest.raises(ValueError, match="no covariance"):
        tracks_from_stone_soup([Track([State(np.zeros(6), timestamp=START)])])


def test_truth_comes_back_as_it_was():
    tracks = some_tracks()
    target = np.array([f"F{number}" for number in tracks.track_id])
    order = np.lexsort((tracks.time_ns, target))
    state_ecef = tracks.state_ecef.copy()
    state_ecef[4, 3:] = np.nan
    truth = noroshi.records.take(
        Truth(target=target, time_ns=tracks.time_ns, kind=np.full(12, Kind.SHIP, np.uint8), state_ecef=state_ecef,
              identity=tracks.identity), order)  # fmt: skip
    paths = truth_to_stone_soup(truth, origin_ecef_m=ALPS_ECEF_M)
    back = check(truth_from_stone_soup(set(paths), origin_ecef_m=ALPS_ECEF_M))
    np.testing.assert_allclose(back.state_ecef, truth.state_ecef, rtol=0, atol=1e-6)
    for name in ("target", "time_ns", "kind"):
        np.testing.assert_array_equal(getattr(back, name), getattr(truth, name))
    for name in Identity.COLUMNS:
        np.testing.assert_array_equal(getattr(back.identity, name), getattr(truth.identity, name))


def test_truth_of_positions_alone_has_no_velocity():
    path = GroundTruthPath([GroundTruthState([3.0, 4.0], timestamp=START)], id="a")
    truth = check(truth_from_stone_soup([path], position_mapping=(0, 1), velocity_mapping=None))
    np.testing.assert_array_equal(truth.state_ecef, [[6378137.0, 3.0, 4.0, np.nan, np.nan, np.nan]])
    assert truth.kind.tolist() == [Kind.UNKNOWN]


# --- from a scene to a metric -------------------------------------------------------------------------------------

CLOSE = CombinedLinearGaussianTransitionModel([ConstantVelocity(0.05), ConstantVelocity(0.05)])


def tutorial_scene(n_steps=40, seed=1):
    """Return the truth and the frames of one radar: five things that cross within 100 m, and clutter."""
    rng = np.random.default_rng(seed)
    beginnings = [StateVector([x, vx, y, vy]) for x, y, vx, vy in
                  np.hstack([rng.uniform(-100, 100, (5, 2)), rng.uniform(-2, 2, (5, 2))])]  # fmt: skip
    moving = [ConstantVelocity(0.05), ConstantVelocity(0.05)]  # it is the combination that draws
    model = CartesianToBearingRange(
        **PLANE, noise_covar=np.diag([math.radians(0.5) ** 2, 1.0]), translation_offset=StateVector([20.0, -5.0]),
        seed=seed,
    )  # fmt: skip
    ground_truth = MultiTargetGroundTruthSimulator(
        transition_model=CombinedLinearGaussianTransitionModel(moving, seed=seed), preexisting_states=beginnings,
        initial_state=GaussianState(np.zeros(4), np.eye(4), timestamp=START), timestep=timedelta(seconds=1),
        number_steps=n_steps, birth_rate=0.0, death_probability=0.0, seed=seed,
    )  # fmt: skip
    detector = SimpleDetectionSimulator(
        ground_truth, model, meas_range=np.array([[-np.pi, np.pi], [0.0, 200.0]]), detection_probability=0.9,
        clutter_rate=4.0, seed=seed,
    )  # fmt: skip
    paths, given_out = set(), []
    for time, plots in detector:
        given_out.append((time, set(plots)))
        paths |= set(ground_truth.current[1])
    return paths, given_out


def stone_soups_tracks(detector):
    """Return what a global nearest neighbour tracker made of Stone Soup's parts finds."""
    predictor, updater = ExtendedKalmanPredictor(CLOSE), ExtendedKalmanUpdater()
    associator = GNNWith2DAssignment(DistanceHypothesiser(predictor, updater, Mahalanobis(), missed_distance=4.5))
    initiator = MultiMeasurementInitiator(
        prior_state=GaussianState(np.zeros(4), np.diag([0.0, 9.0, 0.0, 9.0])), measurement_model=None,
        deleter=UpdateTimeStepsDeleter(2), data_associator=associator, updater=updater, min_points=3,
    )  # fmt: skip
    tracker = MultiTargetTracker(initiator, UpdateTimeStepsDeleter(5), detector, associator, updater)
    return {track for _, tracks in tracker for track in tracks}


def gospa_m(tracks, paths, cutoff_m, mapping, skipped=10):
    """Return Stone Soup's GOSPA and OSPA: localisation error for each target that was found, missed, false, OSPA."""
    measure = Euclidean(mapping)
    manager = MultiManager(
        [GOSPAMetric(p=1, c=cutoff_m, measure=measure), OSPAMetric(p=1, c=cutoff_m, measure=measure)]
    )
    manager.add_data({"tracks": tracks, "groundtruth_paths": paths})
    metrics = manager.generate_metrics()
    each = [metric.value for metric in metrics["gospa_generator"]["GOSPA Metrics"].value][skipped:]
    ospa = [metric.value for metric in metrics["ospa_generator"]["OSPA distances"].value][skipped:]
    missed, false = (np.mean([one[name] for one in each]) / (cutoff_m / 2) for name in ("missed", "false"))
    localisation = np.mean([one["localisation"] for one in each]) / (len(paths) - missed)
    return localisation, missed, false, np.mean(ospa)


def test_stone_soups_scene_tracked_here_and_measured_there():
    """Their plots, our tracker, their metric: as near to the truth as their tracker is."""
    paths, detector = tutorial_scene()
    detections, sites = detections_from_stone_soup(detector, parameters={"speed_sigma_m_s": 3.0})
    tracked = noroshi.track(  # their tracker takes the nearest neighbour, and so does ours here
        detections,
        sites,
        tracker="nearest_neighbour",
        motion="plane_constant_velocity",
        parameters={"horizontal_psd_m2_s3": 0.05},
    )
    ours, missed, false, ospa = gospa_m(tracks_to_stone_soup(tracked.tracks, plane=True), paths, 10.0, (0, 2))
    theirs, *_ = gospa_m(stone_soups_tracks(detector), paths, 10.0, (0, 2))
    assert ours < 1.1 * theirs
    assert missed < 0.8  # a detection probability of 0.9 leaves half of a target of five without a row
    assert false < 0.3
    assert ospa < 3.0
    assert sum(tracked.refused.values()) <= 2  # clutter within 1 m of the radar


def test_their_tracks_are_tracks_here():
    paths, detector = tutorial_scene(n_steps=15)
    theirs = stone_soups_tracks(detector)
    mappings = {"position_mapping": (0, 2), "velocity_mapping": (1, 3)}
    tracks = tracks_from_stone_soup(theirs, **mappings)
    truth = truth_from_stone_soup(paths, **mappings)
    assert len(tracks) == sum(len(track) for track in theirs)
    assert len(truth) == 5 * 15
    back = tracks_to_stone_soup(tracks, plane=True)
    assert gospa_m(back, paths, 10.0, (0, 2)) == pytest.approx(gospa_m(theirs, paths, 10.0, (0, 2)), rel=1e-6)
    assert gospa_m(back, truth_to_stone_soup(truth, plane=True), 10.0, (0, 2)) == pytest.approx(
        gospa_m(theirs, paths, 10.0, (0, 2)), rel=1e-6
    )


def test_two_of_their_radars_in_space():
    """Aircraft over the Alps between two radars 60 km apart: the frame of one is not the horizon of the other."""
    rng = np.random.default_rng(4)
    start = np.array([[-40e3, 200.0, 10e3, 20.0, 6e3, 0.0], [30e3, -150.0, -20e3, 120.0, 9e3, 0.0],
                      [0.0, 50.0, 45e3, -180.0, 4e3, 5.0]])  # fmt: skip
    sigmas = np.radians(0.05), np.radians(0.05), 30.0
    radars = [
        RadarElevationBearingRange(
            position=StateVector(place), orientation=StateVector([0, 0, 0]), ndim_state=6, position_mapping=(0, 2, 4),
            noise_covar=np.diag(np.square(sigmas)), seed=k,
        )
        for k, place in enumerate(([-30e3, 0.0, 20.0], [30e3, 0.0, -50.0]))
    ]  # fmt: skip
    paths, detector = [GroundTruthPath(id=str(k)) for k in range(3)], []
    for k in range(40):
        time = START + timedelta(seconds=4 * k)
        states = start.copy()
        states[:, 0::2] += 4.0 * k * start[:, 1::2]
        now = [GroundTruthState(state, timestamp=time) for state in states]
        for path, state in zip(paths, now, strict=True):
            path.append(state)
        detector.append((time, {plot for radar in radars for plot in radar.measure(set(now)) if rng.random() < 0.95}))
    detections, sites = detections_from_stone_soup(detector, origin_ecef_m=ALPS_ECEF_M)
    assert len(sites) == 2
    tracked = noroshi.track(detections, sites)
    tracks = tracks_to_stone_soup(tracked.tracks, origin_ecef_m=ALPS_ECEF_M)
    assert len(tracks) == 3
    localisation_m, missed, false, ospa_m = gospa_m(tracks, paths, 500.0, XYZ)
    assert localisation_m < 30.0  # one plot at 40 km: 35 m along each cross axis and 30 m in range
    assert (false, missed) == (0.0, pytest.approx(0.0, abs=0.1))
    assert ospa_m < 40.0


def test_without_stone_soup_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "stonesoup", None)
    spec = spec_from_file_location("absent", Path(stone_soup.__file__))
    with pytest.raises(ImportError, match="uv sync --extra stonesoup"):
        spec.loader.exec_module(module_from_spec(spec))
