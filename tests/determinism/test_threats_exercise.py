"""Threats are looked at when they are measured: over processes, resumed and replayed the nodes say the same."""

import numpy as np
import pytest

from noroshi.run.exercises.running import Plan, run
from noroshi.run.exercises.staging import stage
from noroshi.run.journal import read_records
from noroshi.run.scenarios import read_scenario

RADAR = """
[[sensors]]
name = "{name}"
type = "search_radar"
lat_deg = {lat_deg}
lon_deg = {lon_deg}
height_m = 300.0
delay_s = 0.15
[sensors.parameters]
range_sigma_m = 30.0
azimuth_sigma_rad = 0.001
elevation_sigma_rad = 0.001
scan_period_s = 2.0
range_m_max = 1500000.0
speed_sigma_m_s = 2500.0
climb_sigma_m_s = 1500.0
[sensors.world]
rotating = false
scan_time_s = 2.0
measures_elevation = true
reference_range_m = 1200000.0
range_m_max = 1500000.0
elevation_deg_max = 85.0
false_plots_per_scan = 0.0
"""
NATION = 'name = "{code}"\ncode = "{code}"\npolicy = "{code}"\n'
WARNING = '[warning]\ncountries = ["JP"]\nlook_s = 2.0\n'
LINK = '[[links]]\nto = "{to}"\ndelay_s = 0.15\n'
SCENARIO = """
name = "One threat"
seed = 5
start = 2030-01-01T00:00:00Z
duration_s = 110.0
nations = ["japan.toml", "states.toml"]
motion = "constant_velocity+boost+ballistic"
[[flights]]
name = "threat"
mover = "ballistic"
lat_deg = 39.5
lon_deg = 133.5
bearing_deg = 110.0
range_km = 900.0
apogee_km = 200.0
"""
HOW = {"picture_s": 1.0, "pump_s": 0.25, "span_s": 0.1}


@pytest.fixture(scope="module")
def scenario(tmp_path_factory):
    path = tmp_path_factory.mktemp("threat")
    radars = [RADAR.format(name=name, lat_deg=lat, lon_deg=lon) for name, lat, lon in
              (("north", 41.0, 140.3), ("ship", 38.5, 134.5))]  # fmt: skip
    (path / "japan.toml").write_text(NATION.format(code="JPN") + WARNING + radars[0] + LINK.format(to="USA"))
    (path / "states.toml").write_text(NATION.format(code="USA") + radars[1] + LINK.format(to="JPN"))
    (path / "scenario.toml").write_text(SCENARIO)
    return str(path / "scenario.toml")


@pytest.fixture(scope="module")
def whole(scenario, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(Plan(scenario=scenario, folder=folder, **HOW))


def proposals(told):
    return [(now_ns, record.identifier) for _, now_ns, channel, record in told if channel == "proposal"]


def test_looks_come_soon_after_measurements(whole):
    _, ran = whole
    looks = [(now_ns, record) for node, now_ns, channel, record in ran.told if (node, channel) == ("JPN", "threats")]
    ages_s = np.array([(now_ns - record.updated_ns.max()) / 1e9 for now_ns, record in looks])
    assert proposals(ran.told)
    assert np.mean(ages_s < 0.75) > 0.3  # looks at whole multiples of two seconds alone come later than that
    assert np.diff([now_ns for now_ns, _ in looks]).min() > 0


def test_over_two_processes_and_resumed_it_is_the_same(scenario, whole, tmp_path):
    _, ran = whole
    for name in ("two", "half"):
        (tmp_path / name).mkdir()
    again = run(Plan(scenario=scenario, folder=tmp_path / "two", **HOW), processes=2)
    assert again.digests == ran.digests
    assert proposals(again.told) == proposals(ran.told)
    half = run(Plan(scenario=scenario, folder=tmp_path / "half", until_s=63.1, **HOW))
    rest = run(Plan(scenario=scenario, folder=tmp_path / "half", **HOW), resume=half.checkpoint)
    assert rest.digests == ran.digests
    assert proposals(rest.told) == proposals(ran.told)


def test_a_journal_that_runs_again_proposes_the_same(scenario, whole):
    folder, ran = whole
    node = stage(read_scenario(scenario), **HOW).node("JPN")
    node.watch.is_drawn = False
    given = []

    def wake_before(end_ns):
        while (due_ns := node.wake_ns()) is not None and due_ns < end_ns:
            node.wake(due_ns)
            take(due_ns)

    def take(now_ns):
        given.extend((now_ns, out.record.identifier) for out in node.take() if out.channel == "proposal")

    for now_ns, record in read_records(folder / "JPN.mcap"):
        wake_before(now_ns)
        node.receive(record, now_ns)
        take(now_ns)
    wake_before(ran.scenario.end_ns + 1)
    assert given == proposals(ran.told)
