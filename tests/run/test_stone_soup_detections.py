"""Stone Soup's detections as ours and back, against Stone Soup's own models."""

import math
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stone_soup_scenes import (
    ALPS_ECEF_M,
    PLANE,
    SPACE,
    START,
    START_NS,
    derivatives,
    ecef_of,
    noise,
    only,
    random_states,
    seen,
    sensors_of,
)
from stonesoup.models.measurement.linear import LinearGaussian
from stonesoup.models.measurement.nonlinear import (
    CartesianToBearingRange,
    CartesianToBearingRangeRate,
    CartesianToBearingRangeRate2D,
    CartesianToElevationBearing,
    CartesianToElevationBearingRange,
    CartesianToElevationBearingRangeRate,
)
from stonesoup.sensor.radar.radar import RadarRotatingBearingRange
from stonesoup.types.detection import Detection
from stonesoup.types.groundtruth import GroundTruthPath, GroundTruthState
from stonesoup.types.state import State, StateVector
from stonesoup.types.track import Track

import noroshi
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes_at
from noroshi.records import Detections, check, digest
from noroshi.run.stone_soup import (
    detections_from_stone_soup,
    detections_to_stone_soup,
    tracks_from_stone_soup,
    tracks_to_stone_soup,
    truth_from_stone_soup,
    truth_to_stone_soup,
)

# --- detections: the geometry -------------------------------------------------------------------------------------

SPACE_MODELS = {
    "elevation": (CartesianToElevationBearingRange, 3, {}),
    "elevation and rate": (CartesianToElevationBearingRangeRate, 4, {}),
    "turned": (CartesianToElevationBearingRange, 3, {"rotation_offset": StateVector([[0.3], [-0.4], [2.0]])}),
    "turned, rate": (CartesianToElevationBearingRangeRate, 4, {"rotation_offset": StateVector([[0.1], [0.2], [-1]])}),
}


@pytest.mark.parametrize("origin_ecef_m", [None, ALPS_ECEF_M], ids=["laboratory", "Alps"])
@pytest.mark.parametrize("kind", SPACE_MODELS)
def test_what_a_model_sees_is_what_our_radar_sees(kind, origin_ecef_m):
    """Stone Soup's model and our sensor agree on values and on what they tell of the state, wherever the radar is."""
    model_type, m, extra = SPACE_MODELS[kind]
    place_m = np.array([-40e3, 25e3, 300.0])
    model = model_type(**SPACE, noise_covar=noise(m), translation_offset=StateVector(place_m), **extra)
    states = random_states(40)
    batch, sensor, _ = only(detections_from_stone_soup(seen(model, states), origin_ecef_m=origin_ecef_m))
    origin = ecef_from_geodetic(0.0, 0.0, 0.0) if origin_ecef_m is None else origin_ecef_m
    truth = ecef_of(states, origin)
    np.testing.assert_allclose(batch.origin_ecef_m - ecef_from_enu(place_m, origin), 0.0, atol=1e-8)
    np.testing.assert_allclose(sensor.origin_ecef_m, batch.origin_ecef_m[0], rtol=0, atol=1e-6)
    columns = [sensor.COMPONENTS.index(name) for name in batch.components]
    expected = sensor.measure(truth, batch.origin_ecef_m)[:, columns]
    np.testing.assert_allclose(batch.values[:, 0], expected[:, 0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(batch.values[:, 1:3], expected[:, 1:3], rtol=0, atol=1e-11)
    np.testing.assert_allclose(batch.values[:, 3:], expected[:, 3:], rtol=0, atol=1e-8)
    rows = sensor.jacobian(truth, batch.origin_ecef_m)[:, columns]
    turn = np.kron(np.eye(2), enu_axes_at(origin))[[0, 3, 1, 4, 2, 5]]
    for i, x in enumerate(states):
        theirs = derivatives(model, x) @ turn
        told = theirs.T @ np.linalg.inv(model.covar()) @ theirs
        ours = rows[i].T @ np.linalg.inv(batch.covariances[i]) @ rows[i]
        np.testing.assert_allclose(ours, told, rtol=0, atol=1e-5 * np.abs(told).max())


@pytest.mark.parametrize("origin_ecef_m", [None, ALPS_ECEF_M], ids=["laboratory", "Alps"])
@pytest.mark.parametrize("model_type", [CartesianToBearingRange, CartesianToBearingRangeRate2D])
def test_what_a_model_of_the_plane_sees_is_what_our_radar_sees_of_targets_in_it(model_type, origin_ecef_m):
    place_m = [-40e3, 25e3]
    m = 2 if model_type is CartesianToBearingRange else 3
    model = model_type(
        **PLANE, noise_covar=noise(m), translation_offset=StateVector(place_m), rotation_offset=StateVector([0, 0, 0.7])
    )
    states = random_states(40, height_m=0.0)
    states[:, 5] = 0.0
    batch, sensor, site = only(detections_from_stone_soup(seen(model, states[:, :4]), origin_ecef_m=origin_ecef_m))
    truth = ecef_of(states, ecef_from_geodetic(0.0, 0.0, 0.0) if origin_ecef_m is None else origin_ecef_m)
    expected = sensor.measure(truth, batch.origin_ecef_m)
    assert batch.components == ("range_m", "azimuth_rad", "range_rate_m_s")[:m]
    np.testing.assert_allclose(batch.values, expected[:, [0, 1, 4][:m]], rtol=0, atol=1e-6)
    np.testing.assert_allclose(batch.values[:, 1], expected[:, 1], rtol=0, atol=1e-11)
    height_m = expected[:, 3]
    p = site.parameters
    assert np.all(np.abs(height_m - p["altitude_prior_m"]) <= p["altitude_prior_sigma_m"] + 1e-6)
    assert np.all(sensor.detection_probability(truth, batch.origin_ecef_m) > 0.0)
    climb_m_s = np.abs(np.vecdot(truth[:, 3:], enu_axes_at(truth[:, :3])[:, 2]))
    assert np.all(climb_m_s < 2.0 * p["climb_sigma_m_s"])


def test_a_slant_range_without_elevation_is_ours():
    """Range and range rate are the same from anywhere, the azimuth if the radar stands in the frame's origin."""
    states = random_states(40)
    truth = ecef_of(states, ALPS_ECEF_M)
    for place_m, n_same in (([0.0, 0.0, 0.0], 3), ([-40e3, 25e3, 300.0], 2)):
        model = CartesianToBearingRangeRate(**SPACE, noise_covar=noise(3), translation_offset=StateVector(place_m))
        batch, sensor, site = only(detections_from_stone_soup(seen(model, states), origin_ecef_m=ALPS_ECEF_M))
        assert batch.components == ("range_m", "azimuth_rad", "range_rate_m_s")
        same, columns = [0, 2, 1][:n_same], [0, 4, 1][:n_same]
        expected = sensor.measure(truth, batch.origin_ecef_m)
        np.testing.assert_allclose(batch.values[:, same], expected[:, columns], rtol=0, atol=1e-6)
        tilt_rad = np.linalg.norm(place_m) / 6.35e6  # of the radar's horizontal against the frame's plane
        off_rad = np.abs(np.angle(np.exp(1j * (batch.values[:, 1] - expected[:, 1]))))
        assert np.all(off_rad <= tilt_rad * np.tan(np.abs(expected[:, 2]) + tilt_rad) + 1e-11)
        assert "altitude_prior_m" not in site.parameters


def test_angles_and_their_noise_change_sign():
    """In the frame's own origin azimuth is a right angle less bearing."""
    model = CartesianToElevationBearingRangeRate(**SPACE, noise_covar=noise(4))
    vector = StateVector([0.1, math.radians(30.0), 5_000.0, -7.0])
    batch, _, site = only(detections_from_stone_soup([Detection(vector, timestamp=START, measurement_model=model)]))
    np.testing.assert_allclose(batch.values[0], [5_000.0, math.radians(60.0), 0.1, -7.0], rtol=1e-15)
    order, signs = [2, 1, 0, 3], np.array([1, -1, 1, 1])
    expected = noise(4)[np.ix_(order, order)] * np.outer(signs, signs)
    np.testing.assert_allclose(batch.covariances[0], expected, rtol=1e-12)
    assert (site.lat_rad, site.lon_rad, site.height_m) == (0.0, 0.0, 0.0)
    assert batch.time_ns[0] == START_NS


def test_a_rotating_radar_looks_where_it_looks():
    """Stone Soup's rotating radar gives bearings from its antenna, which turns."""
    azimuths_rad = []
    for heading in (0.0, 1.0, 2.5, -2.0):
        radar = RadarRotatingBearingRange(
            position=StateVector([[100.0], [-50.0]]), orientation=StateVector([0.0, 0.0, 0.2]), ndim_state=4,
            position_mapping=(0, 2), noise_covar=np.diag([1e-12, 1e-12]), dwell_centre=StateVector([[heading]]),
            rpm=10.0, max_range=1e6, fov_angle=2 * math.pi, seed=1,
        )  # fmt: skip
        radar.timestamp = START
        target = GroundTruthState([3_100.0, 0.0, 3_950.0, 0.0], timestamp=START + timedelta(seconds=len(azimuths_rad)))
        batch, _, site = only(detections_from_stone_soup(radar.measure({target}, noise=False)))
        azimuths_rad.append(batch.values[0, 1])
        assert batch.values[0, 0] == pytest.approx(5_000.0, abs=1e-6)
    np.testing.assert_allclose(azimuths_rad, math.atan2(3.0, 4.0), atol=1e-8)
    assert "scan_period_s" not in site.parameters


def test_positions_are_local_positions():
    model = LinearGaussian(6, (4, 0, 2), noise_covar=noise(3))
    state = np.array([10.0, 1.0, 20.0, 2.0, 30.0, 3.0])
    batch, _, site = only(detections_from_stone_soup(seen(model, [state]), origin_ecef_m=ALPS_ECEF_M))
    assert (site.type, batch.components) == ("local_position", ("x_m", "y_m", "z_m"))
    np.testing.assert_array_equal(batch.values, [[10.0, 20.0, 30.0]])
    np.testing.assert_array_equal(batch.covariances[0], noise(3)[np.ix_([1, 2, 0], [1, 2, 0])])
    assert (site.lat_rad, site.height_m) == pytest.approx((math.radians(46.5), 1_500.0))
    flat, _, site = only(detections_from_stone_soup(seen(LinearGaussian(4, (0, 2), noise_covar=noise(2)), [state[:4]])))
    assert flat.components == ("x_m", "y_m")
    assert math.isnan(site.lat_rad)
    short = LinearGaussian(2, (0, 1), noise_covar=noise(2))
    plain, *_ = only(detections_from_stone_soup(seen(short, [[5.0, 6.0]]), position_mapping=(0, 1)))
    np.testing.assert_array_equal(plain.values, [[5.0, 6.0]])


# --- detections: what they come in --------------------------------------------------------------------------------


def frames():
    """Return the plots of two radars in three frames, as a Detector yields them."""
    rng = np.random.default_rng(8)
    models = [CartesianToBearingRange(**PLANE, noise_covar=noise(2), translation_offset=StateVector(place))
              for place in ([0.0, 0.0], [500.0, -200.0])]  # fmt: skip
    return [
        (time, {Detection(StateVector([rng.uniform(-3, 3), rng.uniform(100, 900)]), timestamp=time,
                          measurement_model=model, metadata={"MMSI": "431000123"}) for model in models for _ in "abc"})
        for time in (START + timedelta(seconds=4 * k) for k in range(3))
    ]  # fmt: skip


def test_order_and_packing_do_not_matter():
    timed = frames()
    batches, sites = detections_from_stone_soup(timed, sensor="radar")
    assert [site.sensor for site in sites] == ["radar-1", "radar-2"]
    assert [len(check(batch)) for batch in batches] == [9, 9]
    assert [site.parameters["scan_period_s"] for site in sites] == [4.0, 4.0]
    assert all(np.all(np.diff(batch.time_ns) >= 0) for batch in batches)
    one_by_one = [detection for _, plots in reversed(timed) for detection in sorted(plots, key=id, reverse=True)]
    for packed in (one_by_one, iter(one_by_one), [list(plots) for _, plots in timed], [plots for _, plots in timed]):
        assert digest(*detections_from_stone_soup(packed, sensor="radar")[0]) == digest(*batches)


def test_nothing_gives_nothing():
    assert detections_from_stone_soup([(START, set())]) == ([], [])
    assert tracks_to_stone_soup(None) == []
    assert len(check(tracks_from_stone_soup([]))) == 0
    assert len(check(tracks_from_stone_soup([Track([])]))) == 0
    empty = check(truth_from_stone_soup([]))
    assert len(empty) == 0
    assert truth_to_stone_soup(empty) == []


def test_what_a_detection_lacks_may_be_given():
    model = CartesianToBearingRange(**PLANE, noise_covar=noise(2))
    bare = Detection(StateVector([0.0, 100.0]))
    batch, *_ = only(detections_from_stone_soup([(START, [bare])], measurement_model=model))
    assert batch.time_ns.tolist() == [START_NS]
    with pytest.raises(ValueError, match="no timestamp"):
        detections_from_stone_soup([bare], measurement_model=model)
    with pytest.raises(ValueError, match="NoneType is not one of LinearGaussian, Cartesian"):
        detections_from_stone_soup([(START, [bare])])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (CartesianToElevationBearing(**SPACE, noise_covar=noise(2)), "CartesianToElevationBearing is not one of"),
        (CartesianToBearingRange(ndim_state=4, mapping=(0, 1), noise_covar=noise(2)), r"components \(0, 1\)"),
        (CartesianToBearingRange(ndim_state=4, mapping=(2, 0), noise_covar=noise(2)), "position_mapping"),
        (LinearGaussian(4, (0, 1), noise_covar=noise(2)), r"components \(0, 1\) of the state, but x, y, z are \(0, 2,"),
        (CartesianToBearingRange(**PLANE, noise_covar=noise(2), rotation_offset=StateVector([0.1, 0, 0])),
         "rotation_offset about x or y"),
        (CartesianToBearingRangeRate(**SPACE, noise_covar=noise(3), velocity=StateVector([9.0, 0, 0])), "moving"),
    ],
)  # fmt: skip
def test_a_model_that_we_cannot_use_is_named(model, message):
    vector = StateVector(np.full(model.ndim_meas, 0.5))
    with pytest.raises(ValueError, match=message):
        detections_from_stone_soup([Detection(vector, timestamp=START, measurement_model=model)])


def test_identity_is_read_from_metadata():
    model = CartesianToBearingRange(**PLANE, noise_covar=noise(2))
    said = [
        {"icao": "4CA1B2", "squawk": "7700", "callsign": " jal123 "},
        {"icao24": np.int64(0x4CA1B2), "SQUAWK": 21, "MMSI": 431000123},
        {"ICAO": "no such", "squawk": "9", "mmsi": None, "callsign": math.nan, "kind": 3},
        {"icao": -1, "mmsi": "x"},
    ]
    plots = [
        Detection(StateVector([0.0, 100.0 + i]), timestamp=START, measurement_model=model, metadata=metadata)
        for i, metadata in enumerate(said)
    ]
    identity = only(detections_from_stone_soup(plots))[0].identity
    assert identity.icao_address.tolist() == [0x4CA1B2, 0x4CA1B2, -1, -1]
    assert identity.mode_3a.tolist() == [0o7700, 0o21, -1, -1]
    assert identity.mmsi.tolist() == [-1, 431000123, -1, -1]
    assert identity.call_sign.tolist() == ["JAL123", "", "", ""]


@given(
    microseconds=st.integers(0, 2**52), zone_h=st.integers(-12, 12), nanoseconds=st.integers(-499, 499)
)  # fmt: skip
def test_times_are_exact_to_the_microsecond(microseconds, zone_h, nanoseconds):
    epoch = datetime(1970, 1, 1)  # noqa: DTZ001
    time = epoch + timedelta(microseconds=microseconds)
    zone = timezone(timedelta(hours=zone_h))
    path = GroundTruthPath([GroundTruthState(np.zeros(6), timestamp=time)], id="a")
    truth = truth_from_stone_soup([path])
    assert truth.time_ns.tolist() == [1000 * microseconds]
    there = GroundTruthState(np.zeros(6), timestamp=(time + timedelta(hours=zone_h)).replace(tzinfo=zone))
    assert truth_from_stone_soup([GroundTruthPath([there], id="a")]).time_ns.tolist() == [1000 * microseconds]
    (back,) = truth_to_stone_soup(truth.replace(time_ns=truth.time_ns + nanoseconds))
    assert back[0].timestamp == time


# --- detections: there and back -----------------------------------------------------------------------------------

ROUND = {
    "position": (LinearGaussian, SPACE, 3),
    "position in the plane": (LinearGaussian, PLANE, 2),
    "bearing, range": (CartesianToBearingRange, {"ndim_state": 6, "mapping": (0, 2)}, 2),
    "bearing, range in the plane": (CartesianToBearingRange, PLANE, 2),
    "bearing, range, rate": (CartesianToBearingRangeRate, SPACE, 3),
    "bearing, range, rate in the plane": (CartesianToBearingRangeRate2D, PLANE, 3),
    "elevation, bearing, range": (CartesianToElevationBearingRange, SPACE, 3),
    "all": (CartesianToElevationBearingRangeRate, SPACE, 4),
}


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), lat_deg=st.floats(-89.0, 89.0), lon_deg=st.floats(-180.0, 180.0))
@pytest.mark.parametrize("kind", ROUND)
def test_detections_come_back_as_they_were(kind, seed, lat_deg, lon_deg):
    model_type, shape, m = ROUND[kind]
    rng = np.random.default_rng(seed)
    origin_ecef_m = ecef_from_geodetic(math.radians(lat_deg), math.radians(lon_deg), 100.0)
    n_axes = shape["ndim_state"] // 2
    offset_m = rng.uniform(-50e3, 50e3, n_axes)
    extra = {} if model_type is LinearGaussian else {"translation_offset": StateVector(offset_m)}
    if "rate in the plane" in kind:
        extra["velocity_mapping"] = (1, 3)
    model = model_type(**shape, noise_covar=noise(m, seed), **extra)
    states = random_states(8, seed=seed)[:, : shape["ndim_state"]]
    names = {"icao": "4ca1b2", "squawk": "0021", "MMSI": 431000123, "callsign": "JAL123"}
    plots = seen(model, states, metadata=names)
    batch, sensor, _ = only(detections_from_stone_soup(plots, origin_ecef_m=origin_ecef_m))
    back = detections_to_stone_soup(batch, sensor, origin_ecef_m=origin_ecef_m, plane=n_axes == 2)
    assert [time for time, _ in back] == [plot.timestamp for plot in plots]
    for (time, group), plot in zip(back, plots, strict=True):
        (ours,) = group
        theirs = ours.measurement_model
        assert (type(theirs), theirs.ndim_state, tuple(theirs.mapping)) == (model_type, *shape.values())
        assert (ours.timestamp, ours.metadata) == (time, names)
        vector, expected = (np.asarray(d.state_vector, np.float64).ravel() for d in (ours, plot))
        np.testing.assert_allclose(vector, expected, rtol=0, atol=1e-9)
        np.testing.assert_allclose(theirs.covar(), model.covar(), rtol=1e-9, atol=1e-12)
        assert [type(x) for x in ours.state_vector] == [type(x) for x in plot.state_vector]
        if model_type is not LinearGaussian:
            np.testing.assert_allclose(theirs.translation_offset.ravel(), offset_m, rtol=0, atol=1e-6)
            x = State(StateVector(states[0]))
            np.testing.assert_allclose(
                np.asarray(theirs.function(x), float), np.asarray(model.function(x), float), rtol=0, atol=1e-6
            )


def test_plots_of_one_time_come_in_one_set_and_bad_ones_not_at_all():
    rows = np.array([[1_000.0, 0.1, np.nan], [2_000.0, 0.2, 0.05], [-5.0, 0.2, np.nan], [3_000.0, 0.3, np.nan]])
    batch = Detections.of(
        sensor="r", components=("range_m", "azimuth_rad", "elevation_rad"), values=rows,
        time_ns=START_NS + np.array([7_000_000_000, 400, 1_000, -499]),
    )  # fmt: skip
    sensor = sensors_of([noroshi.records.SensorSite(sensor="r", type="search_radar", lat_rad=0.1, lon_rad=0.2,
                                                    height_m=30.0)])["r"]  # fmt: skip
    given_out = detections_to_stone_soup(batch, sensor, origin_ecef_m=sensor.origin_ecef_m)
    assert [(time, len(group)) for time, group in given_out] == [(START, 2), (START + timedelta(seconds=7), 1)]
    kinds = sorted(type(plot.measurement_model).__name__ for plot in given_out[0][1])
    assert kinds == ["CartesianToBearingRange", "CartesianToElevationBearingRange"]
    (last,) = given_out[1][1]
    np.testing.assert_allclose(np.diag(last.measurement_model.covar()), [math.radians(0.08) ** 2, 70.0**2], rtol=1e-9)
    with pytest.raises(ValueError, match="third dimension"):
        detections_to_stone_soup(batch, sensor, origin_ecef_m=sensor.origin_ecef_m, plane=True)
    mode_c = batch.replace(components=("range_m", "azimuth_rad", "altitude_m"))
    with pytest.raises(ValueError, match="altitude"):
        detections_to_stone_soup(mode_c, sensor)


def test_other_sensors_cannot_be_told_to_stone_soup():
    site = noroshi.records.SensorSite(sensor="adsb", type="position_report")
    batch = Detections.of(
        sensor="adsb", components=("lat_rad", "lon_rad"), time_ns=np.array([START_NS]), values=np.zeros((1, 2))
    )
    with pytest.raises(ValueError, match="no such model"):
        detections_to_stone_soup(batch, sensors_of([site])["adsb"])
    lab = noroshi.records.SensorSite(sensor="lab", type="local_position")
    plots = Detections.of(sensor="lab", components=("x_m", "y_m"), time_ns=np.array([START_NS]), values=np.ones((1, 2)))
    with pytest.raises(ValueError, match="another origin"):
        detections_to_stone_soup(plots, sensors_of([lab])["lab"], origin_ecef_m=ALPS_ECEF_M)
