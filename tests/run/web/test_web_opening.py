"""What is shown while kernels are compiled: what receivers heard, and nothing of it once the exercise begins."""

from importlib.resources import files

import numpy as np
import pytest

from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import take
from noroshi.run import kernel_cache
from noroshi.run.scenarios import read_scenario
from noroshi.run.web import wire
from noroshi.run.web.exercise import ExerciseShowing
from noroshi.run.web.opening import Onlooked, _receivers

SECOND = 1_000_000_000
SCENARIO = """
name = "Opening"
seed = 5
start = 2030-01-01T00:00:00Z
duration_s = 30.0
nations = ["japan"]
motion = "constant_velocity"
[[traffic]]
name = "north"
flights = "{flights}"
lat_deg = 36.6
lon_deg = 142.2
number_max = 12
"""


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "opening.toml"
    path.write_text(SCENARIO.format(flights=files("noroshi") / "data" / "scenarios" / "flights.parquet"))
    return path


def frames(showing):
    return [wire.decode(moment.read()) for moment in showing.film.reel("JPN")]


def test_what_is_shown_of_an_aircraft_is_its_newest_report(scenario):
    read = read_scenario(str(scenario))
    receivers = _receivers(read)
    assert {code for code, _ in receivers} == {"JPN"}
    (reports,) = [
        sighting.detections
        for _, watch in receivers
        if len((sighting := watch.observe(read.start_ns, read.start_ns + 20 * SECOND)).detections)
    ]
    node = Onlooked("JPN", {})
    assert len(node.picture(read.start_ns)) == 0
    half = reports.time_ns < read.start_ns + 10 * SECOND
    for rows in (half, ~half):
        node.hear(take(reports, np.flatnonzero(rows)), read.start_ns + 20 * SECOND)
    shown = node.picture(read.start_ns + 20 * SECOND)
    assert 0 < len(shown) == len(set(shown.track_id.tolist()))
    for row, number in enumerate(shown.track_id.tolist()):
        mine = np.flatnonzero(reports.identity.icao_address == number)
        newest = mine[np.argmax(reports.time_ns[mine])]
        assert shown.time_ns[row] == reports.time_ns[newest] >= read.start_ns + 5 * SECOND
        place = ecef_from_geodetic(*reports.values[[newest], :3].T)[0]
        assert np.linalg.norm(shown.state_ecef[row, :3] - place) < 1e-3


def heard_of(showing):
    """Return a list of what people are told with each picture."""
    told = []
    showing.film.grown = lambda: told.append(showing.saying)
    return told


def test_the_exercise_then_begins_as_it_does_without(scenario, monkeypatch):
    seen = {}
    for is_new in (False, True):
        monkeypatch.setattr(kernel_cache, "is_new", lambda work, is_new=is_new: is_new)
        monkeypatch.setattr(kernel_cache, "note", lambda work: None)
        showing = ExerciseShowing(str(scenario), until_s=12.0, rate=60.0)
        opening = heard_of(showing)
        showing.run()
        assert showing.take == is_new
        assert any("report themselves" in saying for saying in opening) == is_new
        seen[is_new] = frames(showing)
        showing.stop()
    assert len(seen[True]) == len(seen[False]) == 13
    for (one, columns), (other, others) in zip(seen[True], seen[False], strict=True):
        assert (one.picture_ms, one.n) == (other.picture_ms, other.n)
        for name in ("id", "lat", "lon", "height_m"):
            assert np.array_equal(columns[name], others[name])
