import itertools
import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

from noroshi.exercise.coverage import GroundSight
from noroshi.exercise.coverage_report import Region, seen_in
from noroshi.geo.equal_area import equal_area_points
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.run.cli import app
from noroshi.run.coast import is_land
from noroshi.run.coverage.command import Target, around, network_of
from noroshi.run.scenarios import read_scenario

NATION = """
name = "{name}"
code = "{code}"
[[sensors]]
name = "{code}-radar"
type = "search_radar"
lat_deg = {lat}
lon_deg = {lon}
height_m = 300.0
[sensors.world]
reference_range_m = 250000.0
[[sensors]]
name = "{code}-receiver"
type = "position_report"
lat_deg = {lat}
lon_deg = {lon}
height_m = 300.0
"""
SATELLITES = """
[[constellations]]
name = "eyes"
type = "infrared"
[constellations.orbit]
satellites = 24
planes = 4
phasing = 1
pattern = "delta"
altitude_km = 1000.0
inclination_deg = 55.0
"""
SCENARIO = """
name = "Two nations"
seed = 1
start = 2030-01-01T00:00:00Z
duration_s = 600.0
nations = ["north.toml", "south.toml"]
[[flights]]
name = "hot"
mover = "aircraft"
cross_section_m2 = 10.0
heat_w_sr = 100000.0
waypoints = [
    { lat_deg = 38.0, lon_deg = 142.0, height_m = 11000.0, speed_m_s = 800.0 },
    { lat_deg = 38.0, lon_deg = 147.0, height_m = 11000.0, speed_m_s = 800.0 },
]
"""


@pytest.fixture
def scenario(tmp_path):
    (tmp_path / "north.toml").write_text(NATION.format(name="North", code="NOR", lat=38.0, lon=141.5))
    south = NATION.format(name="South", code="SOU", lat=35.5, lon=140.5)
    (tmp_path / "south.toml").write_text(south + SATELLITES)
    (tmp_path / "two.toml").write_text(SCENARIO)
    return str(tmp_path / "two.toml")


def run(*words):
    return CliRunner().invoke(app, ["coverage", *map(str, words)])


def told(*words):
    done = run(*words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


SMALL = ("--points", 2_000, "--hours", 1.7, "--step", 120)


def test_figures_of_a_scenario(scenario):
    found = told(scenario, "--height", 3_000, "--height", 30_000, "--flight", "hot", *SMALL)
    low, high = found["ground"]
    assert [low["height_m"], high["height_m"]] == [3_000.0, 30_000.0]
    for row in (low, high):
        north, south = row["nations"]["NOR"], row["nations"]["SOU"]
        assert row["percent"]["1"] == pytest.approx(
            north["alone_percent"] + south["alone_percent"] - row["percent"]["2"], abs=0.02
        )
        assert north["without_km2"] == south["alone_km2"]
    assert low["area_km2"]["1"] < high["area_km2"]["1"]
    # A disc out to the horizon of 300 m and 3 km: 4.12 (sqrt 300 + sqrt 3000) = 297.0 km.
    assert low["nations"]["NOR"]["alone_km2"] == pytest.approx(math.pi * 297.0**2, rel=0.03)
    assert found["left_out"] == ["NOR-receiver", "SOU-receiver"]
    assert found["space"][0]["earth"]["mean_fold"] == 0.0  # below the clouds
    assert found["space"][1]["region_without"] == {"SOU": {"1": 0.0, "2": 0.0, "3": 0.0}}
    assert found["space"][1]["region"]["percent"]["1"] > 90.0
    [flight] = found["flights"]
    assert flight["first_seen_s"]["ground"] == 0.0
    assert flight["percent_without"]["NOR"]["1"] <= flight["percent"]["1"]
    assert flight["spells"][0]["ground"] == ["NOR-radar", "SOU-radar"]
    times = [(spell["from_s"], spell["to_s"]) for spell in flight["spells"]]
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(times))


def test_threads_change_nothing(scenario):
    assert told(scenario, "--height", 30_000, *SMALL) == told(scenario, "--height", 30_000, "--threads", 2, *SMALL)


def test_receivers_count_for_what_reports(scenario):
    found = told(scenario, "--height", 300, "--reports", *SMALL)
    assert found["left_out"] == []
    assert found["ground"][0]["area_km2"]["2"] > 0


def test_a_brighter_target_is_seen_further(scenario):
    small, large = (
        told(scenario, "--height", 100_000, "--cross-section", size, "--region", "30,130,45,150", *SMALL)["ground"][0]
        for size in (0.01, 10)
    )
    assert large["area_km2"]["1"] > 3 * small["area_km2"]["1"]


def test_one_more_sensor(scenario, tmp_path):
    near = told(scenario, "--height", 10_000, "--like", "NOR-radar", *SMALL)["added"]
    gains = [row["gain_km2"][0] for row in near["best"]]
    assert gains == sorted(gains, reverse=True)
    assert gains[0] > 10_000
    sites = tmp_path / "places.csv"
    sites.write_text(
        "sensor,nation,type,lat_deg,lon_deg,height_m\na,NOR,search_radar,38,141.6,0\nb,NOR,search_radar,43,145,0\n"
    )
    listed = told(scenario, "--height", 10_000, "--like", "NOR-radar", "--sites", sites, *SMALL)["added"]
    assert [row["lat_deg"] for row in listed["best"]] == [43.0, 38.0]
    box = told(scenario, "--height", 10_000, "--like", "NOR-radar", "--on", "42,140,46,146", *SMALL)["added"]
    assert all(42 <= row["lat_deg"] <= 46 for row in box["best"])


def test_the_map_and_the_tables(scenario, tmp_path):
    picture = tmp_path / "cover.png"
    words = (scenario, "--height", 20_000, "--flight", "hot", "--like", "NOR-radar", "--plot", picture)
    done = run(*words, *SMALL)
    assert done.exit_code == 0, done.output
    assert picture.read_bytes().startswith(b"\x89PNG")
    for part in ("sensors on the ground: % of the region", "satellites by latitude", "without SOU", "one more sensor"):
        assert part in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--region", "1,2,3"), "south,west,north,east"),
        (("--region", "50,120,20,160"), "south must be below"),
        (("--region", "20,120,50,nan"), "south,west,north,east"),
        (("--flight", "nobody"), "has no flight 'nobody'; there are: hot"),
        (("--like", "NOR-receiver"), "no sensor on the ground"),
        (("--height", "-5"), "is not within"),
        (("--step", "0"), "is not within"),
        (("--hours", "900", "--step", "1"), "epochs"),
        (("--least", "2"), "--like SENSOR"),
        (("--plot", "map.gif"), "end the name in"),
        (("--like", "NOR-radar", "--on", "0,-150,5,-145"), "no land"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(scenario, words, message):
    done = run(scenario, *SMALL, *words) if "--step" not in words else run(scenario, *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_scenario_that_is_not_there():
    done = run("no_such_scenario")
    assert done.exit_code == 2


def test_land_and_sea():
    places = {
        (35.7, 139.5): True, (48.8, 2.3): True, (23, 10): True, (-25, 135): True, (52, -1): True, (53.5, 108): True,
        (66.5, -175): True, (71.2, 180): True, (-80, 30): True, (-89.5, -120): True, (-85, 180): True,
        (20, -160): False, (42, 51): False, (89, 0): False, (-19, 178): False, (35, 18): False, (-77, -179.9): False,
    }  # fmt: skip
    lat, lon = np.radians(np.array(list(places))).T
    assert is_land(lat, lon).tolist() == list(places.values())


def test_share_of_land():
    # 29.2 % of the Earth is land (CIA World Factbook); ice shelves and large lakes count as sea and land here.
    assert np.mean(is_land(*equal_area_points(20_000).T)) == pytest.approx(0.292, abs=0.01)


def test_around_holds_what_sensors_reach():
    def radar(lat, lon, **changes):
        place = ecef_from_geodetic(math.radians(lat), math.radians(lon), 10.0)
        settings = {"name": "a", "nation": "A", "position_ecef_m": place, "range_m_min": 0.0, "range_m_max": 300e3}
        return GroundSight(**settings | changes)

    across = np.degrees(around([radar(0, 179), radar(0, -177)], 30_000.0))
    assert across == pytest.approx([-3.7, 175.3, 3.7, -173.3], abs=0.1)
    polar = np.degrees(around([radar(89, 0)], 30_000.0))
    assert polar[1:] == pytest.approx([-180, 90, 180])
    east = np.degrees(around([radar(0, 0, sectors_rad=((1.0, 2.0),))], 30_000.0))
    assert east[1] == pytest.approx(-1.0)
    assert east[3] == pytest.approx(3.7, abs=0.1)
    assert np.degrees(around([], 0.0)) == pytest.approx([-90, -180, 90, 180])


@pytest.mark.parametrize(("number", "losses"), [(1, 0), (2, 1), (3, 1), (3, 2), (4, 2)])
def test_what_to_keep_is_what_trying_all_choices_finds(scenario, number, losses):
    words = ("--height", 3_000, "--reports", *SMALL)
    kept = told(scenario, *words, "--keep", number, "--losses", losses)["kept"]
    setup = read_scenario(scenario)
    sights = network_of(setup, Target(reports=True), np.array([setup.start_ns])).ground
    region = Region.of(*around(sights, 3_000.0), n_points=2_000)
    seen = seen_in(region, sights, 3_000.0)

    def left(choice):
        rests = itertools.combinations(choice, number - losses)
        return min(seen[list(rest)].any(axis=0).sum() for rest in rests) * region.point_area_m2 / 1e6

    every = list(itertools.combinations(range(len(sights)), number))
    assert kept["after_worst_loss_km2"] == pytest.approx(max(map(left, every)), abs=1.0)
    chosen = [[sight.name for sight in sights].index(name) for name in kept["sensors"]]
    assert left(chosen) == pytest.approx(kept["after_worst_loss_km2"], abs=1.0)
    assert kept["bound_km2"] >= kept["after_worst_loss_km2"] >= kept["greedy"]["after_worst_loss_km2"]
    assert len(kept["worst_loss"]) == losses
    assert kept["of"] == 4


def test_what_to_keep_is_said_in_words_and_refused_where_it_cannot_be(scenario):
    done = run(scenario, "--height", 3_000, *SMALL, "--keep", 2)
    assert done.exit_code == 0, done.output
    assert "keeping 2 of 2 sensors at 3,000 m: NOR-radar, SOU-radar" in " ".join(done.stdout.split())
    for words in (("--keep", 3), ("--keep", 1, "--losses", 2)):
        done = run(scenario, *SMALL, *words)
        assert done.exit_code == 2
        assert "2 sensors on the ground see such a target" in " ".join(done.output.split())
