"""Exercises in which nations share: the same bytes over processes and resumed; trouble on links does no harm."""

import numpy as np
import pytest

from noroshi.formats.columns import pack
from noroshi.records import Frame
from noroshi.records.known import Known
from noroshi.run.exercises.outcome import outcome
from noroshi.run.exercises.running import Plan, run
from noroshi.run.journal import read_records

RADAR = """
name = "{name}"
code = "{code}"
policy = "{code}.toml"
[[sensors]]
name = "{code}-radar"
type = "search_radar"
lat_deg = {lat_deg}
lon_deg = 140.9
height_m = 150.0
[sensors.world]
range_m_max = 60000.0
false_plots_per_scan = 2.0
[[links]]
to = "{to}"
delay_s = 0.2
jitter_s = 0.05
"""
POLICY = """
nation = "{code}"
[partners]
{to} = "close"
[[rules]]
rule = "all"
to = ["ALL-PARTNERS"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "pass"
"""
SCENARIO = """
name = "Two neighbours"
seed = 7
start = 2030-01-01T00:00:00Z
duration_s = 120.0
nations = ["north.toml", "south.toml"]
[[flights]]
name = "passes both"
mover = "aircraft"
start_s = -60.0
waypoints = [
    {{ lat_deg = 35.45, lon_deg = 141.2, height_m = 9000.0, speed_m_s = 250.0 }},
    {{ lat_deg = 37.0, lon_deg = 141.2, height_m = 9000.0, speed_m_s = 250.0 }},
]
[[flights]]
name = "south alone"
mover = "aircraft"
start_s = -60.0
waypoints = [
    {{ lat_deg = 35.2, lon_deg = 140.7, height_m = 8000.0, speed_m_s = 200.0 }},
    {{ lat_deg = 35.2, lon_deg = 142.0, height_m = 8000.0, speed_m_s = 200.0 }},
]
{injects}
"""
TROUBLE = """
[[injects]]
name = "cut"
what = "link_cut"
at_s = 40.0
for_s = 20.0
whom = "NOR-SOU"
[[injects]]
name = "damaged and doubled"
what = "link_lossy"
at_s = 70.0
for_s = 20.0
whom = "SOU>NOR"
loss = 0.2
duplicate = 0.3
corrupt = 0.3
[[injects]]
name = "recorded and sent again"
what = "replay"
at_s = 92.0
for_s = 6.0
after_s = 3.0
whom = "NOR>SOU"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("neighbours")
    for name, code, to, lat_deg in (("north", "NOR", "SOU", 36.0), ("south", "SOU", "NOR", 35.4)):
        (path / f"{name}.toml").write_text(RADAR.format(name=name, code=code, to=to, lat_deg=lat_deg))
        (path / f"{code}.toml").write_text(POLICY.format(code=code, to=to))
    (path / "quiet.toml").write_text(SCENARIO.format(injects=""))
    (path / "trouble.toml").write_text(SCENARIO.format(injects=TROUBLE))
    return path


@pytest.fixture(scope="module")
def quiet(folder, tmp_path_factory):
    plan = Plan(scenario=str(folder / "quiet.toml"), folder=tmp_path_factory.mktemp("quiet"))
    return plan, run(plan)


@pytest.fixture(scope="module")
def trouble(folder, tmp_path_factory):
    plan = Plan(scenario=str(folder / "trouble.toml"), folder=tmp_path_factory.mktemp("trouble"))
    return plan, run(plan)


def test_each_knows_more_with_the_other(quiet):
    _, ran = quiet
    nodes = {node["node"]: node for node in outcome(ran)["nodes"]}
    north = nodes["NOR"]
    assert north["fused"]["siap"]["completeness"] > north["siap"]["completeness"] + 0.2
    for node in nodes.values():
        assert node["fused"]["siap"]["ambiguity"] < 1.1
        assert node["fused"]["siap"]["completeness"] >= node["siap"]["completeness"]
    assert not ran.alarms


def test_over_two_processes_and_resumed_it_is_the_same(folder, trouble, tmp_path):
    _, ran = trouble
    (tmp_path / "two").mkdir()
    again = run(Plan(scenario=str(folder / "trouble.toml"), folder=tmp_path / "two"), processes=2)
    assert again.digests == ran.digests
    assert {code: pack(tracks) for code, tracks in again.fused.items()} == {
        code: pack(tracks) for code, tracks in ran.fused.items()
    }
    (tmp_path / "half").mkdir()
    whole = {"scenario": str(folder / "trouble.toml"), "folder": tmp_path / "half"}
    half = run(Plan(**whole, until_s=53.0), processes=2)
    rest = run(Plan(**whole), resume=half.checkpoint)
    assert rest.digests == ran.digests


def test_trouble_on_the_link_is_an_alarm_and_loses_nothing(quiet, trouble):
    _, calm = quiet
    _, ran = trouble
    assert any("altered" in what or "truncated" in what or "read" in what for _, _, what in ran.alarms)
    assert ("SOU", "NOR", "link: received before") in ran.alarms
    last = max(calm.fused["NOR"].time_ns)
    for code in ("NOR", "SOU"):
        ends = [fused[code].track_id[fused[code].time_ns == last] for fused in (calm.fused, ran.fused)]
        assert ends[0].tolist() == ends[1].tolist()


def test_without_sharing_nobody_sends(folder, tmp_path, quiet):
    ran = run(Plan(scenario=str(folder / "quiet.toml"), folder=tmp_path, sharing=False))
    assert not ran.fused
    assert not any(isinstance(record, Frame) for _, record in read_records(tmp_path / "NOR.mcap"))
    _, shared = quiet
    own, alone = shared.tracks["NOR"], ran.tracks["NOR"]
    assert np.array_equal(own.state_ecef, alone.state_ecef)  # what partners tell does not touch the own tracks


DARK = """
[[injects]]
name = "off"
what = "sensor_off"
at_s = 50.0
for_s = 20.0
whom = "NOR-radar"
"""


def test_what_other_runs_have_in_common_changes_no_byte(folder, quiet, trouble, tmp_path):
    """Runs that differ in links, and one that goes another way in the middle, each against one that knows nothing."""
    (folder / "dark.toml").write_text(SCENARIO.format(injects=DARK))
    plain = run(Plan(scenario=str(folder / "dark.toml"), folder=tmp_path))
    known = Known(64 << 20)
    whole = {"quiet": quiet[1], "trouble": trouble[1], "dark": plain}
    for name in ("quiet", "trouble", "quiet", "dark"):
        ran = run(Plan(scenario=str(folder / f"{name}.toml"), folder=None), known=known)
        expected = dict(whole[name].digests)
        del expected["world"]
        assert ran.digests == expected
        for ours, theirs in ((ran.tracks, whole[name].tracks), (ran.fused, whole[name].fused)):
            assert {code: pack(rows) for code, rows in ours.items()} == {
                code: pack(rows) for code, rows in theirs.items()
            }
    assert known.size > 0


def test_a_run_that_goes_on_knows_what_it_had_not_worked_out(folder, trouble, tmp_path):
    known = Known(64 << 20)
    whole = {"scenario": str(folder / "trouble.toml"), "folder": tmp_path}
    run(Plan(scenario=whole["scenario"], folder=None), known=known)
    half = run(Plan(**whole, until_s=53.0), known=known)
    assert run(Plan(**whole), resume=half.checkpoint).digests == trouble[1].digests
