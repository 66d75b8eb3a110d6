"""Exposure is held to geodesics of pyproj, way by way and cell by cell."""

import math

import numpy as np
import pytest
from pyproj import Geod

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic
from noroshi.run.areas import areas as real_areas
from noroshi.warning.areas import Areas, Outlines
from noroshi.warning.exposure import _cells, exposed, exposed_areas
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import Forecast

GEOD = Geod(ellps="WGS84")
NO_OUTLINES = Outlines(
    owner=np.zeros(0, np.int64), start=np.zeros(1, np.int64), lat_rad=np.zeros(0), lon_rad=np.zeros(0)
)
START_NS = 1_505_426_220 * NS_PER_S


def areas_of(lat_deg, lon_deg, area, place, half_m=100.0):
    lat, lon = np.asarray(lat_deg, float), np.asarray(lon_deg, float)
    n_areas, n_places = max(area) + 1, max(place) + 1
    return Areas.of(
        {
            "code": np.array([f"XX-{i}" for i in range(n_areas)]),
            "name": np.array([f"area {i}" for i in range(n_areas)]),
            "local": np.array([f"area {i}" for i in range(n_areas)]),
            "people": np.full(n_areas, 1000.0),
            "place_code": np.array([f"XX-{i}" for i in range(n_places)]),
            "place_name": np.array([f"place {i}" for i in range(n_places)]),
            "place_local": np.array([f"place {i}" for i in range(n_places)]),
            "place_area": np.zeros(n_places, np.int64),
            "place_people": np.full(n_places, 10.0),
            "place_lat_rad": np.zeros(n_places),
            "place_lon_rad": np.zeros(n_places),
            "cell_area": np.asarray(area, np.int64),
            "cell_place": np.asarray(place, np.int64),
            "cell_people": np.arange(len(lat), dtype=float),
            "cell_lat_rad": np.deg2rad(lat),
            "cell_lon_rad": np.deg2rad(lon),
            "cell_half_m": np.full(len(lat), half_m),
        },
        NO_OUTLINES,
        NO_OUTLINES,
    )


def line(start, bearing_deg, length_m, seconds, n, height_m=300e3):
    """One way along a geodesic: (n, 3) positions, and its longitudes and latitudes every kilometre."""
    lon, lat, _ = GEOD.fwd([start[1]] * n, [start[0]] * n, [bearing_deg] * n, np.linspace(0.0, length_m, n))
    along = np.linspace(0.0, length_m, int(length_m // 1e3) + 1)
    fine = GEOD.fwd([start[1]] * len(along), [start[0]] * len(along), [bearing_deg] * len(along), along)
    heights = np.full(n, height_m)
    heights[-1] = 0.0
    return ecef_from_geodetic(np.deg2rad(lat), np.deg2rad(lon), heights), fine[0], fine[1], along / length_m * seconds


def forecast_of(ways, seconds, n, weight=None, lands=True):
    return Forecast(
        time_ns=START_NS + np.linspace(0, seconds * NS_PER_S, n).astype(np.int64),
        position_ecef_m=np.stack([way[0] for way in ways]),
        end_ns=np.full(len(ways), START_NS + int(seconds * NS_PER_S)),
        lands=np.full(len(ways), lands),
        weight=np.full(len(ways), 1.0 / len(ways)) if weight is None else np.asarray(weight),
    )


def cells_of(areas):
    return np.rad2deg(areas.cell_lat_rad), np.rad2deg(areas.cell_lon_rad)


@pytest.mark.parametrize("middle", [(42.0, 142.0), (13.5, 144.8), (-17.0, 179.7), (51.9, -179.9), (71.0, 25.0)])
def test_cells_near_the_way_and_no_others_are_concerned(middle):
    rng = np.random.default_rng(1)
    n = 400
    lat = middle[0] + rng.uniform(-3.0, 3.0, n)
    lon = middle[1] + rng.uniform(-5.0, 5.0, n)
    lon = (lon + 180.0) % 360.0 - 180.0
    areas = areas_of(lat, lon, [0] * n, [0] * n)
    start = GEOD.fwd(middle[1], middle[0], 250.0, 400e3)[:2][::-1]
    ways = [line(start, bearing, 800e3, 200.0, 21) for bearing in (60.0, 75.0, 95.0)]
    seen = exposed(forecast_of(ways, 200.0, 21), areas, 50e3, cell_times=True)
    lat, lon = cells_of(areas)
    told = np.zeros(n)
    doubtful = np.zeros(n, bool)
    first_s = np.full((3, n), np.inf)
    for w, (_, way_lon, way_lat, seconds) in enumerate(ways):
        away = np.stack(
            [GEOD.inv([x] * n, [y] * n, lon, lat)[2] for x, y in zip(way_lon[::4], way_lat[::4], strict=True)]
        )
        nearest = away.min(axis=0)
        told += (nearest <= 50e3) / 3.0
        doubtful |= np.abs(nearest - 50e3) < 500.0  # a sphere's angles, and straight lines between points of the way
        for i in np.flatnonzero(nearest <= 50e3):
            first_s[w, i] = seconds[::4][np.argmax(away[:, i] <= 50e3)]
    assert 0.02 < np.mean(told > 0) < 0.9
    assert np.mean(doubtful) < 0.05
    np.testing.assert_allclose(seen.cells.probability[~doubtful], told[~doubtful], atol=1e-12)
    one = (np.isfinite(first_s).sum(axis=0) == 1) & ~doubtful
    expected_s = np.where(np.isfinite(first_s), first_s, 0.0).sum(axis=0)[one]
    error_s = (seen.cells.arrival_ns[one] - START_NS) / 1e9 - expected_s
    assert one.any()
    assert np.median(np.abs(error_s)) < 1.0  # the geodesics are looked at every second; grazing is ill defined


def test_an_area_is_concerned_by_each_way_once_and_its_times_are_quantiles_of_the_ways():
    n = 40
    areas = areas_of(np.full(n, 40.0), 140.0 + np.linspace(0.0, 2.0, n), [0] * n, [i // 20 for i in range(n)])
    weight = np.arange(1.0, 21.0)
    weight /= weight.sum()
    shifts = np.arange(20)
    ways = [line((38.0 - 0.1 * i, 140.0 + 0.1 * i), 0.0, 500e3, 100.0, 26) for i in shifts]
    seen = exposed(forecast_of(ways, 100.0, 26, weight), areas, 5e3)
    assert seen.areas.probability[0] == pytest.approx(1.0)
    first, second = seen.places.probability
    assert first == pytest.approx(weight[:11].sum(), abs=weight.max())
    assert second == pytest.approx(weight[10:].sum(), abs=weight.max())
    assert seen.areas.landing[0] == 0.0
    enters_s = np.array([(GEOD.inv(140, 38.0 - 0.1 * i, 140, 40)[2] - 5e3) / 500e3 * 100.0 for i in shifts])
    order = np.argsort(enters_s)
    share = np.cumsum(weight[order])
    leaves_s = np.minimum(enters_s + 10e3 / 500e3 * 100.0, 100.0)
    assert (seen.areas.arrival_ns[0] - START_NS) / 1e9 == pytest.approx(
        enters_s[order][np.searchsorted(share, 0.05)], abs=0.3
    )
    assert seen.areas.impact_ns[0] == 0  # none comes down there
    by_end = np.argsort(leaves_s)
    assert (seen.areas.over_ns[0] - START_NS) / 1e9 == pytest.approx(
        leaves_s[by_end][np.searchsorted(np.cumsum(weight[by_end]), 0.95)], abs=0.6
    )


def test_landing_is_where_a_way_ends_on_the_ground_and_not_where_it_is_no_longer_told():
    areas = areas_of([40.0, 44.4], [140.0, 140.0], [0, 1], [0, 1])
    ways = [line((38.0, 140.0), 0.0, GEOD.inv(140, 38, 140, 44.4)[2], 100.0, 26)]
    down = exposed(forecast_of(ways, 100.0, 26), areas, 5e3)
    np.testing.assert_allclose(down.areas.probability, [1.0, 1.0])
    np.testing.assert_allclose(down.areas.landing, [0.0, 1.0])
    still_flying = exposed(forecast_of(ways, 100.0, 26, lands=False), areas, 5e3)
    np.testing.assert_allclose(still_flying.areas.landing, [0.0, 0.0])
    assert still_flying.places.probability[1] == 1.0


def test_a_way_that_has_ended_stays_where_it_is_and_its_end_has_its_own_time():
    areas = areas_of([40.0], [140.0], [0], [0])
    length = GEOD.inv(140, 38, 140, 40)[2]
    position = line((38.0, 140.0), 0.0, length, 100.0, 6)[0]
    position = np.concatenate([position, np.repeat(position[-1:], 5, axis=0)])
    forecast = Forecast(
        time_ns=START_NS + np.arange(11) * 20 * NS_PER_S,
        position_ecef_m=position[None],
        end_ns=np.array([START_NS + 97 * NS_PER_S]),  # it meets the ground before the fifth sample's time
        lands=np.array([True]),
        weight=np.ones(1),
    )
    seen = exposed(forecast, areas, 1e3)
    assert seen.areas.landing[0] == 1.0
    assert seen.areas.arrival_ns[0] <= START_NS + 97 * NS_PER_S
    assert seen.areas.arrival_ns[0] > START_NS + 96 * NS_PER_S


@pytest.mark.parametrize("lands", [True, False])
def test_it_is_over_where_it_passes_when_it_leaves_and_where_it_comes_down_when_it_is_down(lands):
    """By pyproj: passed in the middle of the way, down in the last area, whose edge it comes near to long before."""
    areas = areas_of([40.0, 40.3, 43.0, 44.3], [140.0, 140.0, 140.2, 140.0], [0, 0, 1, 1], [0, 1, 2, 3])
    length = GEOD.inv(140, 38, 140, 44.2)[2]
    forecast = forecast_of([line((38.0, 140.0), 0.0, length, 200.0, 41)], 200.0, 41, lands=lands)
    seen, near_m = exposed(forecast, areas, 50e3, cell_times=True), 50e3

    def at_s(lat, lon, sign):  # when it enters or leaves the ring about a cell
        along = np.arange(0.0, length, 100.0)
        lons, lats, _ = GEOD.fwd([140.0] * len(along), [38.0] * len(along), [0.0] * len(along), along)
        near = np.flatnonzero(np.array(GEOD.inv(lons, lats, [lon] * len(along), [lat] * len(along))[2]) <= near_m)
        return along[near[0 if sign < 0 else -1]] / length * 200.0

    after_s = lambda ns: (ns - START_NS) / NS_PER_S  # noqa: E731
    assert after_s(seen.areas.arrival_ns) == pytest.approx([at_s(40.0, 140.0, -1), at_s(43.0, 140.2, -1)], abs=0.3)
    assert after_s(seen.areas.over_ns) == pytest.approx([at_s(40.3, 140.0, 1), 200.0], abs=0.3)
    assert seen.areas.impact_ns.tolist() == [0, START_NS + 200 * NS_PER_S if lands else 0]
    passed_cell = int(np.argmin(np.abs(np.rad2deg(areas.cell_lat_rad) - 43.0)))
    assert after_s(seen.cells.over_ns[passed_cell]) == pytest.approx(at_s(43.0, 140.2, 1), abs=0.3)
    assert after_s(seen.places.over_ns[:2]) == pytest.approx([at_s(40.0, 140.0, 1), at_s(40.3, 140.0, 1)], abs=0.3)
    np.testing.assert_array_equal(seen.areas.there, [0.0, 0.0])


def test_what_is_near_from_the_first_on_is_there():
    areas = areas_of([40.0, 42.0], [140.0, 140.0], [0, 1], [0, 1])
    ways = [line((lat, 140.0), 0.0, 300e3, 100.0, 26) for lat in (39.8, 39.0, 40.3, 39.7)]
    seen = exposed(forecast_of(ways, 100.0, 26), areas, 50e3).areas
    np.testing.assert_allclose(seen.there, [0.75, 0.0])


def test_who_is_far_is_not_concerned():
    areas = areas_of([-30.0], [20.0], [0], [0])
    seen = exposed(forecast_of([line((38.0, 140.0), 0.0, 500e3, 100.0, 26)], 100.0, 26), areas, 50e3)
    assert seen.areas.probability[0] == 0.0
    assert seen.areas.arrival_ns[0] == 0
    assert seen.people(areas) == 0.0


def test_a_large_cell_is_concerned_when_a_way_crosses_it_though_near_is_nothing():
    areas = areas_of([40.0, 40.0], [140.0, 140.2], [0, 0], [0, 1], half_m=14_105.0)
    away = GEOD.inv(140.0, 40.0, 140.1, 40.0)[2]
    seen = exposed(forecast_of([line((38.0, 140.1), 0.0, 500e3, 100.0, 26)], 100.0, 26), areas, 0.0)
    assert math.isclose(away, 8.5e3, rel_tol=0.01)
    np.testing.assert_allclose(seen.cells.probability, [1.0, 1.0])


def test_among_some_areas_they_are_told_of_the_same_and_the_others_not():
    areas = areas_of([40.0, 40.1, 40.2], [140.0, 140.0, 140.0], [0, 1, 1], [0, 1, 2])
    forecast = forecast_of([line((38.0, 140.0), 0.0, 500e3, 100.0, 26)], 100.0, 26)
    of_all = exposed(forecast, areas, 5e3)
    of_one = exposed(forecast, areas, 5e3, among=np.array([False, True]))
    np.testing.assert_array_equal(of_one.areas.probability, [0.0, 1.0])
    np.testing.assert_array_equal(of_one.places.arrival_ns[1:], of_all.places.arrival_ns[1:])
    np.testing.assert_array_equal(of_one.cells.probability[1:], of_all.cells.probability[1:])


def test_the_share_of_an_area_is_that_of_its_people_in_cells_that_are_met():
    areas = areas_of([40.0, 41.0, 45.0, 45.0], [140.0, 140.0, 140.0, 150.0], [0, 0, 0, 0], [0, 0, 1, 1])
    areas.people[:] = areas.cell_people.sum()
    areas.place_people[:] = [areas.cell_people[:2].sum(), areas.cell_people[2:].sum()]
    seen = exposed(forecast_of([line((38.0, 140.0), 0.0, 500e3, 100.0, 26)], 100.0, 26), areas, 5e3)
    met = areas.cell_people[:2].sum()
    assert seen.areas.share[0] == pytest.approx(met / areas.cell_people.sum())
    np.testing.assert_allclose(seen.places.share, [1.0, 0.0])
    assert seen.people(areas) == pytest.approx(met)


def test_areas_alone_are_told_as_beside_places_and_cells():
    where, rng = real_areas(), np.random.Generator(np.random.Philox(12))
    own = np.char.startswith(where.code, "JP-")
    for _ in range(4):
        lat, lon = math.radians(rng.uniform(28.0, 44.0)), math.radians(rng.uniform(126.0, 148.0))
        state = np.concatenate([ecef_from_geodetic(lat, lon, rng.uniform(60e3, 400e3)), rng.normal(0.0, 2_500.0, 3)])
        forecast = fall_from(state, np.diag([2e3**2] * 3 + [60.0**2] * 3), START_NS)
        whole, alone = exposed(forecast, where, 50e3, among=own).areas, exposed_areas(forecast, where, 50e3, among=own)
        for name in ("probability", "landing", "there", "arrival_ns", "impact_ns", "over_ns"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(whole, name))


def test_what_is_near_a_cell_that_areas_alone_leave_out_is_near_one_that_they_keep():
    where, near_m, rng = real_areas(), 50e3, np.random.default_rng(17)
    own = np.char.startswith(where.code, "JP")
    every, kept = (_cells(where, own.tobytes(), near).row for near in (0.0, near_m))
    assert len(kept) < 0.5 * len(every)
    square = (2.0 * np.sin(near_m / MEAN_RADIUS_M / 2.0)) ** 2
    for left_out in rng.choice(np.setdiff1d(every, kept), 100):
        up, off = where.cell_up[left_out], rng.normal(size=(50, 3))
        off -= (off @ up)[:, None] * up
        near = (
            up
            + 0.999 * np.sqrt(square) * rng.uniform(size=(50, 1)) ** 0.25 * off / np.linalg.norm(off, axis=1)[:, None]
        )
        near /= np.linalg.norm(near, axis=1)[:, None]
        same = kept[where.cell_area[kept] == where.cell_area[left_out]]
        apart = 2.0 - 2.0 * near @ where.cell_up[same].T
        assert (apart.min(axis=1) <= square).all()
