"""The mixture tracker against Stone Soup's joint association, and on scenes small enough to know what must come out."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from stonesoup.dataassociator.probability import JPDA
from stonesoup.hypothesiser.probability import PDAHypothesiser
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.transition.linear import CombinedLinearGaussianTransitionModel, ConstantVelocity
from stonesoup.predictor.kalman import KalmanPredictor
from stonesoup.types.detection import Detection
from stonesoup.types.state import GaussianState
from stonesoup.types.track import Track
from stonesoup.updater.kalman import KalmanUpdater

from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion as OverEarth
from noroshi.motion.plane_constant_velocity import Motion
from noroshi.records import Detections, Identity, SensorSite, TrackStatus, concatenate, digest, take
from noroshi.run.setup import Setup, Site, assemble
from noroshi.sensors.local_position import Sensor
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as SearchRadar
from noroshi.tracking.beliefs import leaf_weights
from noroshi.tracking.hypotheses import Clusters
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.trackers.mixture import Parameters, Tracker
from noroshi.tracking.undetected import Intensity, newcomers

NS = 10**9
START_NS = 1_700_000_000 * NS
FALSE_DENSITY_M2 = 1e-4
LABORATORY = {
    "false_density_m2": FALSE_DENSITY_M2,
    "target_density_m2": 0.0,
    "targets_initial": 2.0,
    "targets_per_s": 0.01,
    "birth_sigma_m": 100.0,
    "birth_up_sigma_m": 1.0,
    "birth_speed_sigma_m_s": 2.0,
    "birth_climb_sigma_m_s": 0.1,
    "survival_per_s": 0.99,
}
MOTION = Motion.of(horizontal_psd_m2_s3=0.02)


def plane(detection_probability=0.9):
    site = SensorSite(sensor="lab", type="local_position", parameters={"detection_probability": detection_probability})
    return Sensor.at(site)


EYE = plane()


def look(k, xy, *, sensor=EYE, identity=None, name="lab"):
    xy = np.asarray(xy, float).reshape(-1, 2)
    plots = Detections.of(
        sensor=name,
        components=("x_m", "y_m"),
        time_ns=np.full(len(xy), START_NS + round(k * NS)),
        values=xy,
        identity=identity,
    )
    return arrange(plots, sensor)


def tracker(names=("lab",), **parameters):
    return Tracker(node="n", sensor_names=names, motions=[MOTION], parameters=Parameters(**LABORATORY | parameters))


def walk(t, rng, targets, n, *, first=0, chance=0.9, n_false=5):
    """Return what is shown scan by scan of targets [x, y, vx, vy] in straight flight among false plots."""
    shown = []
    for k in range(first, first + n):
        here = targets[:, :2] + k * targets[:, 2:]
        seen = here[rng.random(len(here)) < chance]
        plots = np.concatenate([seen + rng.normal(size=seen.shape), rng.uniform(-150, 150, (rng.poisson(n_false), 2))])
        shown.append(t.step(look(k, plots), EYE))
    return shown


def positions(rows):
    return (rows.state_ecef[:, :3] - [SEMI_MAJOR_AXIS_M, 0.0, 0.0])[:, 1:]


def test_one_look_at_sure_targets_is_stone_soups_joint_association():
    """With existence 1 and survival 1 the leaves' probabilities are JPDA's marginals: two close tracks, five plots."""
    means = np.array([[0.0, 0.0, 1.0, 0.5], [3.0, 1.0, -1.0, 0.2]])  # x, y, vx, vy
    sigmas = np.array([1.5, 1.5, 0.7, 0.7])
    plots = np.array([[1.5, 0.2], [2.0, 1.4], [0.2, 1.5], [3.4, -0.5], [40.0, 40.0]])
    t = Tracker(
        node="n",
        sensor_names=("lab",),
        motions=[MOTION],
        parameters=Parameters(
            **LABORATORY
            | {"targets_initial": 0.0, "targets_per_s": 0.0, "survival_per_s": 1.0, "weight_min": 1e-12}
            | {"gate_probability": 1.0 - 1e-12, "hypotheses_max": 10_000}
        ),
    )
    state = t.state()
    mean, covariance = np.zeros((2, 6)), np.zeros((2, 6, 6))
    mean[:, [1, 2, 4, 5]] = means
    mean[:, 0] = SEMI_MAJOR_AXIS_M
    covariance[:] = np.diag([1e-6, sigmas[0] ** 2, sigmas[1] ** 2, 1e-6, sigmas[2] ** 2, sigmas[3] ** 2])
    leaves = {
        "mean": mean,
        "covariance": covariance,
        "existence": np.ones(2),
        "reported": np.zeros(2),
        "time_ns": np.full(2, START_NS),
    }
    for name in ("last_hit_ns", "hits"):
        leaves[name] = np.zeros((2, 1), np.int64)
    absent = Identity.absent(2)
    leaves |= {name: getattr(absent, name) for name in Identity.COLUMNS}
    tracks = {
        "track_id": np.array([1, 2], np.uint64),
        "looked_ns": np.full((2, 1), START_NS),
        "firm": np.ones(2, bool),
        "shown": np.ones(2, bool),
    }
    two = np.arange(3)
    clusters = {"track_start": two, "log_weight": np.zeros(2), "hypothesis_start": two, "leaf": np.arange(2)}
    t.restore(
        state
        | leaves
        | tracks
        | clusters
        | {"leaf_start": two, "leaf_track": np.arange(2), "now_ns": np.array([START_NS])}
    )
    t.step(look(1.0, plots), EYE)
    after = t.state()
    ours = np.zeros((2, 6))
    weight = leaf_weights(Clusters(np.arange(2), *(after[name] for name in Clusters._fields[1:])), len(after["mean"]))
    first_two = np.flatnonzero(np.isin(after["track_id"], [1, 2]))

    now = datetime(2026, 1, 1, tzinfo=UTC)
    model = CombinedLinearGaussianTransitionModel([ConstantVelocity(0.02)] * 2)
    predictor, updater = KalmanPredictor(model), KalmanUpdater(LinearGaussian(4, (0, 2), np.eye(2)))
    order = [0, 2, 1, 3]
    theirs_tracks = [
        Track([GaussianState(m[order][:, None], np.diag(sigmas[order] ** 2), timestamp=now)]) for m in means
    ]
    later = now + timedelta(seconds=1)
    detections = [Detection(xy[:, None], later, measurement_model=updater.measurement_model) for xy in plots]
    hypothesiser = PDAHypothesiser(
        predictor, updater, clutter_spatial_density=FALSE_DENSITY_M2, prob_detect=0.9, prob_gate=1.0 - 1e-12
    )
    joint = JPDA(hypothesiser).associate(set(theirs_tracks), set(detections), later)
    for i, track in enumerate(theirs_tracks):
        expected = np.zeros(6)
        posterior = {}
        for each in joint[track]:
            which = 0 if not each else 1 + next(j for j, d in enumerate(detections) if d is each.measurement)
            expected[which] = float(each.probability)
            if which:
                posterior[which] = updater.update(each)
        mine = np.flatnonzero(after["leaf_track"] == first_two[i])
        for leaf in mine:
            if after["time_ns"][leaf] == START_NS:
                ours[i, 0] += weight[leaf]
                continue
            near = [
                np.abs(after["mean"][leaf][[1, 4, 2, 5]] - np.ravel(p.state_vector).astype(float)).max()
                for p in posterior.values()
            ]
            which = list(posterior)[int(np.argmin(near))]
            assert min(near) < 1e-6
            np.testing.assert_allclose(
                after["covariance"][leaf][np.ix_([1, 4, 2, 5], [1, 4, 2, 5])], posterior[which].covar, atol=1e-6
            )
            ours[i, which] += weight[leaf]
        np.testing.assert_allclose(ours[i], expected, atol=1e-6)


def test_newcomers_are_weighed_as_scipy_weighs_them():
    plots = look(0, [[3.0, -2.0], [60.0, 80.0]])
    mean, covariance = np.zeros((1, 6)), np.diag([1.0, 900.0, 400.0, 0.01, 4.0, 4.0])[None]
    mean[0, :3] = [SEMI_MAJOR_AXIS_M, 10.0, -5.0]
    located = EYE.locate(plots.values, plots.covariances, plots.origin_ecef_m)
    found = newcomers(
        Intensity(np.array([2.5]), mean, covariance),
        plots,
        EYE,
        *located,
        time_ns=START_NS,
        motion=MOTION,
        false_density_m2=FALSE_DENSITY_M2,
        target_density_m2=0.0,
        gate_probability=0.99995,
    )
    expected = 0.9 * 2.5 * multivariate_normal([10.0, -5.0], np.diag([901.0, 401.0])).pdf(plots.values[:, :2])
    inside = np.array([True, False])  # the second lies far beyond the gate
    expected = np.where(inside, expected, 0.0)
    np.testing.assert_allclose(np.exp(found.log_intensity), expected + FALSE_DENSITY_M2, rtol=1e-9)
    np.testing.assert_allclose(found.existence, expected / (expected + FALSE_DENSITY_M2), rtol=1e-9)
    np.testing.assert_allclose(found.mean[0, 1:3], [10.0 - 7.0 * 900 / 901, -5.0 + 3.0 * 400 / 401], rtol=1e-9)


def test_false_plots_of_a_radar_are_even_over_the_ground():
    """Per metre and radian there are as many as an arc of a radian is long."""
    site = SensorSite(sensor="r", type="search_radar", lat_rad=0.8, lon_rad=0.1, height_m=0.0)
    radar = SearchRadar.at(site)
    plots = Detections.of(
        sensor="r",
        components=("range_m", "azimuth_rad"),
        time_ns=np.full(2, START_NS),
        values=np.array([[50_000.0, 1.0], [100_000.0, 1.0]]),
    )
    plots = arrange(plots, radar)
    located = radar.locate(plots.values, plots.covariances, plots.origin_ecef_m)
    none = Intensity(np.zeros(0), np.zeros((0, 6)), np.zeros((0, 6, 6)))
    given = {"motion": OverEarth.of(), "false_density_m2": 1e-9, "target_density_m2": 0.0, "gate_probability": 0.999}
    found = newcomers(none, plots, radar, *located, time_ns=START_NS, **given)
    np.testing.assert_allclose(np.exp(found.log_intensity), [1e-9 * 50_000, 1e-9 * 100_000], rtol=0.02)


def test_each_track_follows_its_own_target():
    rng, t = np.random.default_rng(1), tracker()
    targets = np.array([[-40.0, 0.0, 1.0, 0.2], [40.0, 10.0, -1.0, 0.0], [0.0, -60.0, 0.0, 1.5]])
    rows = walk(t, rng, targets, 30)[-1]
    here = targets[:, :2] + 29 * targets[:, 2:]
    apart = np.linalg.norm(positions(rows)[:, None] - here, axis=2)
    assert len(rows) == 3
    assert (apart.min(axis=0) < 3.0).all()
    assert (rows.existence > 0.9).all()
    assert (np.abs(rows.state_ecef[:, 4:] - targets[apart.argmin(axis=1), 2:]) < 1.0).all()


def test_a_track_keeps_its_number_and_the_number_is_the_first_plots():
    targets = np.array([[0.0, 0.0, 1.0, 0.0]])
    runs = [concatenate(walk(tracker(), np.random.default_rng(2), targets, 20)) for _ in range(2)]
    assert digest(runs[0]) == digest(runs[1])
    assert len(np.unique(runs[0].track_id)) == 1
    assert int(runs[0].track_id.max()) < 2**53


def test_a_target_that_ends_is_lost_and_false_plots_never_shown():
    rng, t = np.random.default_rng(3), tracker()
    targets = np.array([[0.0, 0.0, 1.0, 0.0]])
    walk(t, rng, targets, 15)
    assert len(t.picture(START_NS + 14 * NS)) == 1
    after = concatenate(walk(t, rng, targets, 25, first=15, chance=0.0))
    assert (after.status == TrackStatus.LOST).sum() == 1
    assert len(t.picture(START_NS + 40 * NS)) == 0
    used = t.plots_used()["lab"]
    assert 10 <= used <= 16


def test_a_picture_of_a_sensor_fallen_silent_fades():
    """Bayes' rule: a second later one look is missed, and three seconds later too many."""
    t = tracker()
    walk(t, np.random.default_rng(3), np.array([[0.0, 0.0, 1.0, 0.0]]), 15, chance=1.0, n_false=0)
    now = t.picture(START_NS + 14 * NS).existence[0]
    later = t.picture(START_NS + 14 * NS + 1_300_000_000).existence[0]
    survives = now * LABORATORY["survival_per_s"] ** 1.3
    assert later == pytest.approx(0.1 * survives / (1.0 - 0.9 * survives))
    assert len(t.picture(START_NS + 14 * NS + 3_300_000_000)) == 0


def test_late_looks_give_the_same_bytes_as_looks_in_time():
    rng = np.random.default_rng(4)
    targets = np.array([[0.0, 0.0, 1.0, 0.0], [5.0, 5.0, 0.0, -1.0]])
    looks = []
    for k in range(24):
        here = targets[:, :2] + k * targets[:, 2:]
        looks.append(look(k, np.concatenate([here + rng.normal(size=(2, 2)), rng.uniform(-100, 100, (4, 2))])))
    order = np.arange(24)
    order[[5, 6, 7]] = [7, 5, 6]
    order[[20, 23]] = [23, 20]
    states = []
    for turn in (np.arange(24), order):
        rewind = Rewind(tracker())
        for k in turn:
            rewind.step(looks[k], EYE)
        states.append(rewind.tracker.state())
    for name, value in states[0].items():
        np.testing.assert_array_equal(value, states[1][name], err_msg=name)


def test_a_step_can_be_taken_back_and_a_state_restored():
    rng, t = np.random.default_rng(5), tracker()
    targets = np.array([[0.0, 0.0, 1.0, 0.0]])
    walk(t, rng, targets, 8)
    kept, again = t.state(), tracker()
    plots = look(8, [[8.0, 0.0]])
    rows = t.step(plots, EYE)
    again.restore(kept)
    assert digest(again.step(plots, EYE)) == digest(rows)
    t.take_back(t.last_change())
    assert digest(t.step(plots, EYE)) == digest(rows)


def test_a_look_at_nothing_known_writes_into_nothing_it_was_given():
    t = tracker()
    plots = look(0, [[0.0, 0.0], [9.0, 9.0]])
    for array in (plots.values, plots.covariances, plots.time_ns):
        array.setflags(write=False)
    t.step(plots, EYE)
    for array in t.state().values():
        array.setflags(write=False)
    t.step(look(1, [[0.5, 0.0], [9.0, 8.5]]), EYE)
    assert len(t.step(take(plots, np.zeros(0, int)), EYE)) == 0


def test_addresses_keep_crossing_targets_apart():
    rng, t = np.random.default_rng(6), tracker(target_density_m2=1e-5)
    targets = np.array([[-10.0, 0.0, 1.0, 0.0], [10.0, 0.0, -1.0, 0.0]])
    who = Identity.absent(2).replace(icao_address=np.array([0xABC001, 0xABC002]))
    for k in range(21):
        here = targets[:, :2] + k * targets[:, 2:] + rng.normal(size=(2, 2))
        rows = t.step(look(k, here, identity=who), EYE)
    for address, target in zip(who.icao_address, targets, strict=True):
        mine = positions(rows)[rows.identity.icao_address == address]
        assert np.linalg.norm(mine[0] - target[:2] - 20 * target[2:]) < 4.0


def test_a_crowd_in_one_cluster_is_bounded():
    """Two hundred targets, each inside its neighbours' gates, are more than one cluster may hold."""
    rng, t = np.random.default_rng(7), tracker(targets_initial=200.0, cluster_max=40, hypotheses_max=20)
    side = np.stack(np.meshgrid(np.arange(20.0), np.arange(10.0)), axis=-1).reshape(-1, 2) * 6.0
    for k in range(8):
        seen = side[rng.random(200) < 0.95]
        t.step(look(k, seen + rng.normal(size=seen.shape)), EYE)
        sizes = np.diff(t.state()["track_start"])
        assert sizes.max() <= 40
    shown = positions(t.picture(START_NS + 7 * NS))
    apart = np.linalg.norm(side[:, None] - shown, axis=2)
    assert (apart.min(axis=1) < 3.0).mean() > 0.9
    assert len(shown) < 230


def test_aircraft_before_a_rotating_radar_are_tracked_without_a_region_of_birth():
    radar = SearchRadar.at(
        SensorSite(sensor="r", type="search_radar", lat_rad=math.radians(46), lon_rad=math.radians(7), height_m=500.0)
    )
    rng, n = np.random.default_rng(8), 6
    lat, lon = np.radians(46.3 + 0.2 * np.arange(n)), np.full(n, math.radians(7.5))
    states = np.hstack([ecef_from_geodetic(lat, lon, np.full(n, 10_000.0)), enu_axes(lat, lon)[:, 0] * 230.0])
    t = Tracker(node="n", sensor_names=("r",), motions=[OverEarth.of()])
    sigma = np.sqrt(np.diagonal(radar.noise(np.full((1, 5), np.nan))[0]))[[0, 1, 3]]
    for k in range(15):
        # Each sixth of a turn is a batch; a batch that does not see an aircraft says nothing against it.
        for i in range(n):
            dt_s = 10.0 * k + 10.0 * i / n
            moved = OverEarth.of().propagate(states[i : i + 1], np.array([dt_s]))
            values = radar.measure(moved, radar.origin_ecef_m[None])[:, [0, 1, 3]]
            plots = Detections.of(
                sensor="r",
                components=("range_m", "azimuth_rad", "altitude_m"),
                time_ns=np.array([START_NS + round(dt_s * NS)]),
                values=values + sigma * rng.normal(size=values.shape),
            )
            t.step(arrange(plots, radar), radar)
    rows = t.picture(START_NS + 150 * NS)
    true = OverEarth.of().propagate(states, np.full(n, 150.0))
    apart = np.linalg.norm(rows.state_ecef[:, None, :3] - true[:, :3], axis=2)
    assert len(rows) == n
    assert (apart.min(axis=0) < 600.0).all()
    assert (rows.existence > 0.9).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [("survival_per_s", 0.0), ("false_density_m2", 0.0), ("hypotheses_max", 0), ("targets_per_s", -1.0)],
)
def test_senseless_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Parameters(**{name: value})


def test_a_node_resumes_from_its_checkpoint():
    rng = np.random.default_rng(9)
    site = Site(sensor="lab", type="local_position", parameters={"frames": 1.0})
    setup = Setup(
        sites=[site], tracker="mixture", motion="plane_constant_velocity", parameters=LABORATORY, period_s=1.0
    )
    looks = [look(k, np.array([[k, 0.0], [0.0, 5.0]]) + rng.normal(size=(2, 2))) for k in range(12)]
    first, second = assemble(setup)[0], assemble(setup)[0]
    for k in range(8):
        first.receive(looks[k], START_NS + k * NS)
    first.wake(START_NS + 7 * NS)
    first.take()
    second.resume(first.checkpoint())
    for k in range(8, 12):
        for node in (first, second):
            node.receive(looks[k], START_NS + k * NS)
            node.wake(START_NS + k * NS)
    given = [[digest(out.record) for out in node.take()] for node in (first, second)]
    assert len(given[0]) == 4
    assert given[0] == given[1]


def test_more_than_one_motion_model_is_refused():
    with pytest.raises(ValueError, match="one motion model"):
        Tracker(node="n", sensor_names=("lab",), motions=[MOTION, MOTION])
