"""A whole small exercise measured: every figure is a documented one, and what is told of it hangs together."""

import dataclasses
import importlib.util
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from noroshi.assessment.exercises.catalogue import FAMILIES, MEASURES
from noroshi.exercise.world import Weather
from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections
from noroshi.run.campaigns.measuring import figures_of, happened_in, objectives_of
from noroshi.run.exercises.outcome import outcome
from noroshi.run.exercises.running import Plan, run
from noroshi.run.exercises.visible import visible
from noroshi.run.journal import read_records
from noroshi.run.scenarios import ScenarioError, read_scenario
from noroshi.run.scenarios.lint import lint
from noroshi.run.scenarios.sources import read_source
from noroshi.run.setup import Setup, Site, make_sensors

ROOT = Path(__file__).resolve().parents[2]
SITE = """
name = "{name}"
code = "{code}"
[[sensors]]
name = "{code}-radar"
type = "search_radar"
lat_deg = {lat_deg}
lon_deg = 140.7
height_m = 150.0
delay_s = 0.5
[sensors.parameters]
range_sigma_m = 60.0
azimuth_sigma_rad = 0.0012
elevation_sigma_rad = 0.0016
scan_period_s = 5.0
range_m_max = 1000000.0
[sensors.world]
rotating = false
scan_time_s = 5.0
measures_elevation = true
reference_range_m = 700000.0
range_m_max = 1000000.0
elevation_deg_max = 85.0
azimuth_beam_deg = 1.2
elevation_beam_deg = 1.2
{more}
[[links]]
to = "{to}"
delay_s = 0.2
"""
WARNS = """
[warning]
countries = ["JP"]
look_s = 2.0
approval_s = { low = 5.0, high = 8.0 }
"""
SCENARIO = """
name = "Small"
seed = 7
start = 2030-01-01T00:00:00Z
duration_s = 480.0
nations = ["a.toml", "b.toml"]
motion = "constant_velocity+ballistic"
[[flights]]
name = "falls"
mover = "ballistic"
lat_deg = 33.6
lon_deg = 143.4
start_s = 5.0
bearing_deg = 312.0
range_km = 420.0
apogee_km = 130.0
[[flights]]
name = "north-bound"
mover = "aircraft"
waypoints = [
    { lat_deg = 35.0, lon_deg = 141.4, speed_m_s = 230.0, height_m = 9000.0 },
    { lat_deg = 36.5, lon_deg = 141.5, height_m = 9000.0 },
]
[[measures]]
name = "lead_time_s"
[[measures]]
name = "background_tracked"
flights = ["north-bound"]
[[measures]]
name = "ospa_m"
nation = "JPN"
[[objectives]]
name = "People have a minute"
measure = "lead_time_s"
at_least = 60.0
unit = "s"
[[objectives]]
name = "The aircraft is held"
measure = "background_tracked"
at_least = 0.5
unit = "share"
[[objectives]]
name = "Impossible"
measure = "ospa_m"
at_most = -1.0
unit = "m"
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return the file of a scenario of two nations, of which the first warns."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "a.toml").write_text(SITE.format(name="A", code="JPN", lat_deg=36.2, to="USA", more=WARNS))
    (folder / "b.toml").write_text(SITE.format(name="B", code="USA", lat_deg=34.9, to="JPN", more=""))
    (folder / "small.toml").write_text(SCENARIO)
    return folder / "small.toml"


@pytest.fixture(scope="module")
def ran(small, tmp_path_factory):
    """Return a run, and the folder of its journals."""
    folder = tmp_path_factory.mktemp("journals")
    return run(Plan(scenario=str(small), folder=folder)), folder


@pytest.fixture(scope="module")
def figures(ran):
    return figures_of(ran[0])


def value(figures, measure, node="JPN", subject="falls", *, shared=True):
    (found,) = [
        each.value
        for each in figures
        if (each.measure, each.node, each.subject, each.shared) == (measure, node, subject, shared)
        and math.isnan(each.at_s)
    ]
    return found


def test_every_measure_is_taken_and_none_that_is_not_documented(figures):
    names = {each.measure for each in figures}
    assert names - {"ospa_m"} == set(MEASURES) - {"entries_noticed"}
    assert sum(len(family) for family in FAMILIES.values()) == len(MEASURES)
    keys = [(each.measure, each.node, each.subject, each.shared, each.at_s) for each in figures]
    assert len(set(map(str, keys))) == len(keys)


def test_times_leads_and_the_ledger_hang_together(ran, figures):
    flight = ran[0].cast.world.flight("falls")
    order = [f"time_to_{what}_s" for what in ("first_plot", "firm_track", "threat", "proposal", "alert")]
    times = [value(figures, name, shared=name != "time_to_first_plot_s") for name in order[1:]]
    assert times == sorted(times)
    assert value(figures, order[0], "", shared=False) < times[0]
    stages = [value(figures, each.measure) for each in figures if each.measure.startswith("ledger_")]
    *spent, whole = stages
    assert min(spent) >= 0.0
    assert sum(spent) == pytest.approx(whole, abs=1e-6)
    assert whole == pytest.approx(times[-1] + value(figures, "ledger_last_mile_s"))
    leads = [each.value for each in figures if each.measure == "lead_time_s" and each.node == "JPN"]
    assert leads
    assert value(figures, "first_warning_lead_s") == pytest.approx(min(leads))
    clears = {each.subject: each.value for each in figures if each.measure == "all_clear_s"}
    decided = {each.subject: each.value for each in figures if each.measure == "all_clear_decided_s"}
    assert decided
    assert all(5.0 <= value <= 8.0 + 1.0 and clears[subject] > value for subject, value in decided.items())
    assert value(figures, "all_clears_early", subject="") == 0.0
    flies_s = (flight.time_ns[-1] - flight.time_ns[0]) / NS_PER_S
    assert max(leads) < flies_s - times[-1]
    assert value(figures, "people_rightly_warned", subject="") <= value(figures, "people_warned", subject="")


def test_the_first_plot_is_the_journals(ran, figures):
    result, folder = ran
    flight = result.cast.world.flight("falls")
    sensor = make_sensors(Setup(sites=[Site.of(each.site) for each in result.cast.eyes["JPN"]]))["JPN-radar"]
    seen = []
    for _, record in read_records(folder / "JPN.mcap"):
        if isinstance(record, Detections) and len(record):
            true = flight.at(record.time_ns)
            range_m = np.linalg.norm(true[:, :3] - sensor.origin_ecef_m, axis=1)
            place = record.components.index("range_m")
            seen += record.time_ns[np.abs(record.values[:, place] - range_m) < 600.0].tolist()
    first_s = (min(seen) - flight.time_ns[0]) / NS_PER_S
    assert first_s == value(figures, "time_to_first_plot_s", shared=False)


def test_it_is_visible_before_it_is_seen_and_not_from_the_start(ran, figures):
    result, _ = ran
    happened = happened_in(result)
    flight = result.cast.world.flight("falls")
    for node in ("JPN", "USA"):
        spans = happened.visible[node, "falls"]
        first_s = (spans[0, 0] - flight.time_ns[0]) / NS_PER_S
        assert 0.0 < first_s <= value(figures, "time_to_first_plot_s", node, shared=False)
    blind = dataclasses.replace(result.cast.world, weather=Weather(cloud_top_m=24_000.0))
    again = visible(dataclasses.replace(result.cast, world=blind), [flight], result.scenario.end_ns)
    np.testing.assert_array_equal(
        again["JPN", "falls"], happened.visible["JPN", "falls"]
    )  # cloud hides nothing from radars


def test_plots_are_the_same_over_two_processes_and_resumed(ran, small, tmp_path):
    result, _ = ran
    for name in ("two", "half"):
        (tmp_path / name).mkdir()
    assert run(Plan(scenario=str(small), folder=tmp_path / "two", until_s=60.0), processes=2).plots == tuple(
        plot for plot in result.plots if plot.taken_ns < result.scenario.start_ns + 60 * NS_PER_S
    )
    half = run(Plan(scenario=str(small), folder=tmp_path / "half", until_s=41.0))
    rest = run(Plan(scenario=str(small), folder=tmp_path / "half", until_s=60.0), resume=half.checkpoint)
    assert rest.plots == tuple(
        plot for plot in result.plots if plot.taken_ns < result.scenario.start_ns + 60 * NS_PER_S
    )


def test_without_sharing_there_are_the_same_figures(small, tmp_path):
    kinds = []
    for sharing in (True, False):
        (tmp_path / str(sharing)).mkdir()
        found = figures_of(
            run(Plan(scenario=str(small), folder=tmp_path / str(sharing), until_s=60.0, sharing=sharing))
        )
        kinds.append({(each.measure, each.node, each.subject, each.shared, str(each.at_s)) for each in found})
        alone = [each for each in found if each.measure == "completeness" and math.isnan(each.at_s)]
        if not sharing:
            by = {(each.node, each.shared): each.value for each in alone}
            assert by["JPN", True] == by["JPN", False]
    with_links, alone = kinds
    assert {each for each in with_links ^ alone if each[0] != "link_bytes_s"} == set()


def test_objectives_are_told_for_one_run(ran):
    result, _ = ran
    figures = json.loads(json.dumps(outcome(result), allow_nan=False))
    assert [each["rating"] for each in figures["objectives"]] == ["pass", "pass", "fail"]
    assert figures["objectives"][2]["worst"][0]["node"] == "JPN"
    (row,) = figures["seconds"]
    assert (row["threat"], row["node"]) == ("falls", "JPN")
    assert objectives_of(result.scenario)[1].subjects == ("north-bound",)


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        ("lead_time_s", "no nation here warns its people"),
        ("common_picture", "it takes two nations"),
        ("link_bytes_s", "there is no link between these nations"),
        ("dark_ships_held", 'add [[injects]] with what = "dark"'),
        ("false_positions_noticed", 'add [[injects]] with what = "false_position"'),
    ],
)
def test_a_measure_whose_events_are_not_produced_is_refused(tmp_path, measure, told):
    text = read_source("scenarios", "first_steps").text
    place = tmp_path / "first.toml"
    place.write_text(f'{text}\n[[measures]]\nname = "{measure}"\n')
    with pytest.raises(ScenarioError, match=re.escape(told)):
        read_scenario(place)


def test_a_measure_of_threats_where_there_are_none_is_noted(tmp_path):
    text = read_source("scenarios", "first_steps").text
    place = tmp_path / "first.toml"
    place.write_text(f'{text}\n[[measures]]\nname = "time_to_firm_track_s"\n')
    (found,) = lint(place)
    assert "nothing here boosts, falls or glides" in found.message


@pytest.mark.parametrize("script", ["make_measures", "make_parameters"])
def test_a_page_made_from_the_code_is_current(script):
    spec = importlib.util.spec_from_file_location(script, ROOT / f"scripts/{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.page(), f"run: uv run scripts/{script}.py"
