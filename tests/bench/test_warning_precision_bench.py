"""The bench of precision: the best that units permit is held to all sets of them, the people near to a plain count."""

import importlib.util
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
from pyproj import Geod

from noroshi.exercise.events import flights_of_event
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.run.areas import areas
from noroshi.run.events import load_event

BENCH = Path(__file__).parents[2] / "bench" / "warning_precision.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("warning_precision", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["warning_precision"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["warning_precision"]


def test_the_best_is_that_of_all_sets_of_units(bench):
    rng = np.random.default_rng(5)
    for _ in range(20):
        people = rng.uniform(1.0, 100.0, 10)
        near = people * rng.uniform(0.0, 1.0, 10) * (rng.random(10) < 0.7) * rng.choice([1.0, 1e-3], 10)
        if near.sum() == 0.0:
            continue
        sets = np.array(list(itertools.product([0.0, 1.0], repeat=10)))
        enough = sets @ near >= 0.999 * near.sum() * (1.0 - 1e-12)
        least = (sets[enough] @ people).min() / near.sum()
        ratio, recall = bench.best(people, near)
        assert ratio == pytest.approx(least, rel=2e-4)
        assert recall >= 0.999 - 1e-6


def test_people_near_are_those_of_cells_that_geodesics_find_near(bench):
    event = load_event("2022-10-04")
    flight = flights_of_event(event)[0]
    where = areas()
    near = bench.near_people(where, flight)
    lat, lon, _ = geodetic_from_ecef(flight.at(np.arange(flight.time_ns[0], flight.time_ns[-1], 10**9))[:, :3])
    over = (lon > np.radians(138.0)) & (lon < np.radians(148.0))
    lat, lon = np.degrees(lat[over]), np.degrees(lon[over])
    japan = np.char.startswith(where.code, "JP-")[where.cell_area]
    some = np.flatnonzero(japan & (np.degrees(where.cell_lat_rad) > 40.5) & (np.degrees(where.cell_lat_rad) < 43.5))
    some = some[::7]
    cells = np.degrees(where.cell_lat_rad[some]), np.degrees(where.cell_lon_rad[some])
    away = np.full(len(some), np.inf)
    for y, x in zip(lat[::2], lon[::2], strict=True):
        away = np.minimum(away, Geod(ellps="WGS84").inv([x] * len(some), [y] * len(some), cells[1], cells[0])[2])
    clear = np.abs(away - 50e3) > 1e3  # the track is looked at every two seconds
    assert np.count_nonzero(away < 50e3) > 50
    np.testing.assert_allclose(near[some][clear], np.where(away < 50e3, where.cell_people[some], 0.0)[clear])
