import numpy as np
import pytest

from noroshi.records import Detections, Quality, RecordError, SensorSite, check, digest, take
from noroshi.sensors import local_position, position_report, search_radar
from noroshi.sensors.prepare import arrange

NOW_NS = 1_700_000_000_000_000_000
RADAR = search_radar.Sensor.at(
    SensorSite(sensor="north", type="search_radar", lat_rad=0.9, lon_rad=0.1, height_m=200.0)
)


def plots(rows, components=("azimuth_rad", "range_m"), **columns):
    values = np.array(rows, float)
    time_ns = columns.pop("time_ns", np.full(len(values), NOW_NS))
    return Detections.of(sensor="north", components=components, time_ns=time_ns, values=values, **columns)


def qualities(detections, sensor=RADAR):
    return [Quality(int(code)).name for code in arrange(detections, sensor).quality]


def test_puts_columns_in_the_order_of_the_type_and_fills_what_is_not_there():
    given = plots([[1.0, 5e4], [2.0, 6e4]], sigmas=np.array([0.01, 30.0]))
    found = check(arrange(given, RADAR))
    assert found.components == RADAR.COMPONENTS
    np.testing.assert_array_equal(found.values, [[5e4, 1.0, *[np.nan] * 3], [6e4, 2.0, *[np.nan] * 3]])
    own = RADAR.noise(found.values)[0].diagonal()
    np.testing.assert_array_equal(found.covariances[1], np.diag([900.0, 0.01**2, *own[2:]]))
    np.testing.assert_array_equal(found.origin_ecef_m, np.tile(RADAR.origin_ecef_m, (2, 1)))
    np.testing.assert_array_equal(found.quality, 0)


def test_takes_the_noise_of_the_type_for_each_component_without_one():
    found = arrange(plots([[1.0, 5e4]], sigmas=np.array([np.nan, 30.0])), RADAR)
    np.testing.assert_array_equal(found.covariances[0, :2, :2], np.diag([900.0, RADAR.noise(found.values)[0, 1, 1]]))
    report = position_report.Sensor.at(SensorSite(sensor="adsb", type="position_report"))
    far_north = plots([[1.5, 0.0], [0.0, 0.0]], ("lat_rad", "lon_rad"))
    sigma = arrange(far_north, report).covariances[:, 1, 1] ** 0.5
    np.testing.assert_allclose(sigma[0] / sigma[1], 1 / np.cos(1.5), rtol=0.01)


def test_a_moving_platforms_origin_is_kept():
    origin = np.array([[np.nan] * 3, [4e6, 1e6, 5e6]])
    found = arrange(plots([[1.0, 5e4]] * 2, origin_ecef_m=origin), RADAR)
    np.testing.assert_array_equal(found.origin_ecef_m, [RADAR.origin_ecef_m, origin[1]])


def test_screens_each_row_for_itself():
    time_ns = np.full(11, NOW_NS)
    time_ns[8:11] = [0, -5, 7_300_000_000_000_000_000]
    rows = np.tile([1.0, 5e4], (11, 1))
    rows[1, 1], rows[2, 0], rows[3, 1], rows[4, 0] = np.nan, np.inf, 1e7, 7.0
    given = plots(rows, time_ns=time_ns, sigmas=np.array([0.01, 30.0]))
    covariances = given.covariances.copy()
    covariances[5, 0, 0] = 0.0
    covariances[6] = [[1e-4, 0.2], [0.1, 900.0]]
    covariances[7] = [[1e-4, 0.5], [0.5, 900.0]]
    assert qualities(given.replace(covariances=covariances)) == [
        "GOOD",
        "NOT_FINITE",
        "NOT_FINITE",
        "OUT_OF_BOUNDS",
        "OUT_OF_BOUNDS",
        *["BAD_COVARIANCE"] * 3,
        *["BAD_TIME"] * 3,
    ]


def test_good_correlated_noise_is_kept_and_infinite_noise_is_not_good():
    given = plots([[1.0, 5e4]] * 2, sigmas=np.array([0.01, 30.0]))
    covariances = given.covariances.copy()
    covariances[0] = [[1e-4, 0.29], [0.29, 900.0]]
    covariances[1, 1, 1] = np.inf
    found = arrange(given.replace(covariances=covariances), RADAR)
    np.testing.assert_array_equal(found.quality, [Quality.GOOD, Quality.BAD_COVARIANCE])
    np.testing.assert_array_equal(found.covariances[0, :2, :2], [[900.0, 0.29], [0.29, 1e-4]])


def test_noise_of_what_was_not_measured_does_not_matter():
    given = plots([[1.0, 5e4, np.nan]], ("azimuth_rad", "range_m", "altitude_m"), sigmas=np.array([0.01, 30.0, 0.0]))
    assert qualities(given) == ["GOOD"]


def test_a_sensor_without_a_place_cannot_be_used_where_a_place_is_needed():
    site = SensorSite(sensor="north", type="search_radar")
    given = plots([[1.0, 5e4]] * 2, origin_ecef_m=np.array([[np.nan] * 3, [4e6, 1e6, 5e6]]))
    assert qualities(given, search_radar.Sensor.at(site)) == ["UNKNOWN_SENSOR", "GOOD"]
    assert qualities(plots([[0.5, 0.1]], ("lat_rad", "lon_rad")), position_report.Sensor.at(site)) == ["GOOD"]
    assert qualities(plots([[0.5, 0.1]], ("x_m", "y_m")), local_position.Sensor.at(site)) == ["GOOD"]


def test_a_row_that_carries_a_code_keeps_it():
    given = plots([[1.0, np.nan], [1.0, 5e4]]).replace(quality=np.array([Quality.DUPLICATE, Quality.LATE], np.uint8))
    assert qualities(given) == ["DUPLICATE", "LATE"]


def test_arranging_twice_changes_nothing_and_its_input_is_never_written():
    given = plots([[1.0, 5e4], [np.nan, 1.0], [1.0, 1e9]])
    before = digest(given)
    once = arrange(given, RADAR)
    assert digest(arrange(once, RADAR)) == digest(once)
    assert digest(given) == before
    assert len(arrange(take(given, np.arange(0)), RADAR)) == 0


@pytest.mark.parametrize(
    ("components", "complaint"),
    [(("range_m", "azimuth_deg"), "'azimuth_deg' is unknown.*azimuth_rad"), (("range_m", "range_m"), "2 times")],
)
def test_components_that_are_not_the_types_are_refused(components, complaint):
    with pytest.raises(RecordError, match=complaint):
        arrange(plots([[1.0, 2.0]], components), RADAR)


def test_components_that_no_row_measures_are_passed_over_and_those_that_one_does_are_not():
    """A table's rows have columns for other types too."""
    rows = [[5e4, 1.0, np.nan, np.nan], [6e4, 2.0, np.nan, np.nan]]
    names = ("range_m", "azimuth_rad", "depth_m", "elevation_rad")
    found = arrange(plots(rows, names, sigmas=np.array([30.0, 0.01, 1.0, 0.01])), RADAR)
    alone = arrange(plots([row[:2] for row in rows], names[:2], sigmas=np.array([30.0, 0.01])), RADAR)
    assert found.components == alone.components
    np.testing.assert_array_equal(found.values, alone.values)
    np.testing.assert_array_equal(found.covariances[:, :2, :2], alone.covariances[:, :2, :2])
    with pytest.raises(RecordError, match="component 'depth_m' is unknown to its type; it has range_m"):
        arrange(plots([rows[0], [5e4, 1.0, 7.0, np.nan]], names), RADAR)
