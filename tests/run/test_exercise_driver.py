"""What goes wrong in an exercise reaches the nodes: sensors' ways that are cut, nodes that stop."""

import numpy as np
import pytest

from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections
from noroshi.run.exercises.books import segments
from noroshi.run.exercises.running import Plan, run
from noroshi.run.journal import read_records
from noroshi.run.scenarios import read_scenario

BEGINNING = """
name = "Trouble"
seed = 3
start = 2030-01-01T00:00:00Z
duration_s = 40.0
nations = ["one_site"]
[[flights]]
name = "north-bound"
mover = "aircraft"
start_s = -300.0
waypoints = [
    { lat_deg = 35.2, lon_deg = 141.4, height_m = 9000.0, speed_m_s = 230.0 },
    { lat_deg = 36.4, lon_deg = 141.5, height_m = 9000.0, speed_m_s = 230.0 },
]
transponder = { icao_address = "840001" }
"""


@pytest.fixture
def records(tmp_path):
    """Return a function that runs a scenario and returns (seconds, sensor) of all that the node got, and the run."""

    def of(injects):
        path = tmp_path / "trouble.toml"
        path.write_text(BEGINNING + injects)
        folder = tmp_path / "out"
        folder.mkdir()
        ran = run(Plan(scenario=str(path), folder=folder))
        start_ns = read_scenario(str(path)).start_ns
        got = [
            ((now_ns - start_ns) / NS_PER_S, record.sensor)
            for segment in segments(folder, "ONE")
            for now_ns, record in read_records(segment)
            if isinstance(record, Detections)
        ]
        return got, ran, len(segments(folder, "ONE"))

    return of


def between(got, sensor, first_s, last_s):
    return [at_s for at_s, name in got if name == sensor and first_s <= at_s < last_s]


def test_a_cut_way_carries_nothing_and_others_do(records):
    got, _, _ = records('[[injects]]\nwhat = "link_cut"\nat_s = 10.0\nfor_s = 10.0\nwhom = "one-adsb"\n')
    assert between(got, "one-adsb", 0, 10)
    assert not between(got, "one-adsb", 11, 20)
    assert between(got, "one-adsb", 21, 40)
    assert between(got, "one-radar", 11, 20) or between(got, "one-radar", 0, 40)


@pytest.mark.parametrize(("keeps", "n_segments"), [("true", 1), ("false", 2)])
def test_a_stopped_node_hears_nothing_and_starts_again(records, keeps, n_segments):
    got, ran, n = records(
        f'[[injects]]\nwhat = "node_stopped"\nat_s = 10.0\nfor_s = 10.0\nwhom = "ONE"\nkeeps_memory = {keeps}\n'
    )
    assert between(got, "one-adsb", 0, 10)
    assert not [at_s for at_s, _ in got if 10 <= at_s < 20]
    assert between(got, "one-adsb", 20, 40)
    assert ran.n_unheard > 0
    assert n == n_segments
    pictures_s = np.unique((ran.tracks["ONE"].time_ns - ran.scenario.start_ns) / NS_PER_S)
    assert pictures_s.max() > 30
