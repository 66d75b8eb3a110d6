"""Variants of scenarios: changes by path, and that nothing else changes by them."""

import math
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noroshi.assessment.results import Variant
from noroshi.exercise.movers.constellation import Mover
from noroshi.exercise.observers import Watch
from noroshi.formats.columns import pack
from noroshi.geo.time import NS_PER_S
from noroshi.run.campaigns.asking import asked
from noroshi.run.campaigns.changing import ChangeError, planes_of, split
from noroshi.run.campaigns.families import FAMILIES, variants_of
from noroshi.run.campaigns.folders import CampaignError
from noroshi.run.campaigns.laying import files_digest, files_of, lay
from noroshi.run.campaigns.toml import toml_of
from noroshi.run.exercises.running import Plan, run
from noroshi.run.exercises.staging import stage
from noroshi.run.scenarios import Scenario, read_scenario, shipped

WORDS = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
PLAIN = st.one_of(
    WORDS,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(UTC)),
)
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_written_tables_are_what_the_standard_library_reads(table: dict[str, object]) -> None:
    assert tomllib.loads(toml_of(table)) == table


def test_no_value_that_toml_has_not_is_written() -> None:
    assert "2030-01-01T00:00:00+00:00" in toml_of({"start": datetime(2030, 1, 1, tzinfo=UTC)})
    with pytest.raises(TypeError, match="NoneType"):
        toml_of({"x": None})


def varied(tmp_path: Path, changes: dict[str, object], scenario: str = "trilateral") -> Scenario:
    return lay(read_scenario(scenario), Variant(name="other", changes=changes), tmp_path / "other")


def test_a_parameter_changes_and_nothing_else(tmp_path: Path) -> None:
    base = read_scenario("trilateral")
    same = varied(tmp_path / "same", {})
    assert same.source.table.keys() == base.source.table.keys()
    assert [nation.source.table for nation in same.nations] == [
        {**nation.source.table, "policy": f"./{nation.code}.policy.toml"} for nation in base.nations
    ]
    changes = {
        "weather.cloud_top_m": 5000.0,
        "flights.threat-1.range_km": 1650.0,
        'injects."A slow way south".delay_s': 9.0,
        "injects.1.for_s": 60.0,
        "nations.JPN.sensors.jpn-north.parameters.range_sigma_m": 90.0,
        "nations.*.warning.near_km": 60.0,
    }
    found = varied(tmp_path, changes)
    assert found.weather.cloud_top_m == 5000.0
    assert next(each.mover.range_km for each in found.flights if each.name == "threat-1") == 1650.0
    assert found.source.table["injects"][0]["for_s"] == 60.0
    assert found.source.table["injects"][1]["delay_s"] == 9.0
    assert found.nations[0].sensors[0].site.parameters["range_sigma_m"] == 90.0
    assert {nation.warning.near_km for nation in found.nations if nation.warning} == {60.0}
    for a, b in zip(same.source.table["flights"][1:], found.source.table["flights"][1:], strict=True):
        assert a == b
    assert same.links() == found.links()


def test_ways_of_links_are_changed_one_by_one(tmp_path: Path) -> None:
    base = read_scenario("us_japan_uk").links()
    one = varied(tmp_path / "1", {"links.JPN>USA.delay_s": 7.0}, "us_japan_uk").links()
    assert one == base | {("JPN", "USA"): base["JPN", "USA"].model_copy(update={"delay_s": 7.0})}
    every = varied(tmp_path / "2", {"links.*.loss": 0.25}, "us_japan_uk").links()
    assert {pair: link.model_copy(update={"loss": 0.25}).model_dump() for pair, link in base.items()} == {
        pair: link.model_dump() | {"to": base[pair].to} for pair, link in every.items()
    }
    cut = varied(tmp_path / "3", {"links.JPN>USA": False}, "us_japan_uk").links()
    assert set(cut) == set(base) - {("JPN", "USA")}
    both = varied(tmp_path / "4", {"links.USA-JPN": False}, "us_japan_uk").links()
    assert set(both) == set(base) - {("JPN", "USA"), ("USA", "JPN")}
    alone = varied(tmp_path / "5", {"links.GBR": False}, "us_japan_uk").links()
    assert set(alone) == {pair for pair in base if "GBR" not in pair}


def test_a_link_that_only_one_file_describes_is_changed_one_way(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('name = "A"\ncode = "AAA"\n[[links]]\nto = "BBB"\ndelay_s = 1.0\n')
    (tmp_path / "b.toml").write_text('name = "B"\ncode = "BBB"\n')
    path = tmp_path / "two.toml"
    path.write_text(
        'name = "Two"\nseed = 1\nstart = 2030-01-01T00:00:00Z\nduration_s = 1.0\nnations = ["./a.toml", "./b.toml"]\n'
    )
    for way in (("AAA", "BBB"), ("BBB", "AAA")):
        back = (way[1], way[0])
        slow = varied(tmp_path / f"slow{way[0]}", {f"links.{'>'.join(way)}.delay_s": 3.0}, str(path)).links()
        assert (slow[way].delay_s, slow[back].delay_s) == (3.0, 1.0)
        cut = varied(tmp_path / f"cut{way[0]}", {f"links.{'>'.join(way)}": False}, str(path)).links()
        assert set(cut) == {back}


def test_who_is_gone_is_aimed_at_no_more_but_ships_still_sail(tmp_path: Path) -> None:
    base = read_scenario("us_japan_uk")
    found = varied(tmp_path, {"nations.GBR": False}, "us_japan_uk")
    assert [nation.code for nation in found.nations] == ["USA", "JPN"]
    assert {flight.name for flight in found.flights} == {flight.name for flight in base.flights}
    gone = {"GBR"} | {
        sensor.site.sensor for nation in base.nations for sensor in nation.sensors if nation.code == "GBR"
    }
    for inject in found.injects:
        assert not gone & {part for name in inject.targets() for part in name.replace(">", "-").split("-")}
    (lost,) = [v for v in variants_of(read_scenario("trilateral"), ("sensors",)) if v.name == "no-jpn-north"]
    left = lay(read_scenario("trilateral"), lost, tmp_path / "lost")
    assert len(left.injects) == 2


def test_what_nobody_is_left_to_do_or_to_show_is_taken_away(tmp_path: Path) -> None:
    planned = varied(tmp_path / "plans", {"nations.JPN": False}, "looks").source.table
    assert "advice" not in planned
    helped = varied(tmp_path / "relief", {"nations.JPN": False}, "earthquake").source.table
    assert "relief" not in helped
    one = varied(tmp_path / "one", {"nations.USA": False, "nations.AUS": False})
    assert "common_picture" not in {each.name for each in one.measures} | {each.measure for each in one.objectives}
    assert {each.measure for each in one.objectives} < {each.measure for each in read_scenario("trilateral").objectives}


def test_entries_are_added_and_nations_join(tmp_path: Path) -> None:
    buoy = {"type": "position_report", "lat_deg": 30.0, "lon_deg": 140.0, "height_m": 20.0}
    found = varied(tmp_path, {"nations.JPN.sensors.jpn-buoy": buoy, "nations.KOR": "korea"})
    assert found.nations[0].sensors[-1].site.sensor == "jpn-buoy"
    assert [nation.code for nation in found.nations] == ["JPN", "USA", "AUS", "KOR"]
    assert found.nations[-1].policy is not None
    assert ("JPN", "KOR") in found.links()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"weather.cloud_tops_m": 1}, "weather, cloud_tops_m: no such key; did you mean 'cloud_top_m'?"),
        ({"weather.cloud_top_m": -5.0}, "weather, cloud_top_m: is -5.0: it should be greater"),
        ({"flights.threat-9.range_km": 1.0}, "no entry of flights 'threat-9'; did you mean 'threat-3'?"),
        ({"nations.JPN.sensors.jpn-nort.delay_s": 1.0}, "did you mean 'jpn-north'?"),
        ({"nations.GBR": False}, "no nation 'GBR'; there are: AUS, JPN, USA"),
        ({"nations.JPN": "korea"}, "korea is of KOR, not of JPN"),
        ({"nations.USA.constellations.usa-eyes.number": 2.5}, "give a whole number of satellites"),
        ({"links.JPN>GBR.loss": 0.1}, "no link 'JPN>GBR'"),
        ({"links.JPN>USA": True}, "a link is changed by its keys, or taken away by false"),
        ({"duration_s.x": 1}, "duration_s is 900.0, no table"),
        ({"a..b": 1}, "is no path"),
        ({"injects.1.whom": "jpn-sout"}, "no sensor, constellation or nation 'jpn-sout'; did you mean 'jpn-east'?"),
        ({"flights.threat-1": False, "flights.threat-1.range_km": 1.0}, "no entry of flights 'threat-1'"),
    ],
)
def test_a_wrong_change_is_one_clear_line(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(CampaignError) as caught:
        varied(tmp_path, changes)
    line = str(caught.value)
    assert line.startswith("variant 'other")
    assert told in line
    assert "\n" not in line


def test_paths_have_quotes_for_names_with_dots() -> None:
    assert split('flights."raid.1".range_km') == ["flights", "raid.1", "range_km"]
    for wrong in ("", ".", "a.", "a..b", 'a."b'):
        with pytest.raises(ChangeError):
            split(wrong)


@given(st.integers(1, 400), st.integers(1, 20), st.integers(1, 20))
def test_any_number_of_satellites_fills_its_planes(number: int, planes: int, in_plane: int) -> None:
    found = planes_of(number, of=planes * in_plane, planes=planes)
    Mover(satellites=number, planes=found, inclination_deg=55.0)


def test_constellations_keep_their_shape(tmp_path: Path) -> None:
    assert [planes_of(number, of=24, planes=4) for number in (8, 24, 54)] == [2, 4, 6]
    found = varied(tmp_path, {"nations.USA.constellations.usa-eyes.number": 8})
    orbit = found.nations[1].constellations[0].mover
    assert (orbit.satellites, orbit.planes, orbit.phasing, orbit.altitude_km) == (8, 2, 1, 1000.0)
    none = varied(tmp_path / "none", {"nations.USA.constellations.usa-eyes.number": 0})
    assert not none.nations[1].constellations


@pytest.mark.parametrize("scenario", shipped("scenarios"))
def test_every_family_of_every_scenario_can_be_laid(tmp_path: Path, scenario: str) -> None:
    base = read_scenario(scenario)
    there = tuple(name for name, family in FAMILIES.items() if family(base))
    variants = {each.name: each for each in variants_of(base, there)}
    digests = set()
    chosen = list(variants.values())[:: 1 if len(variants) < 5 else 3]
    for variant in chosen:
        lay(base, variant, tmp_path / variant.name)
        digests.add(files_digest(files_of(tmp_path / variant.name)))
    assert len(digests) == len(chosen)


def test_the_shipped_campaign_can_be_laid(tmp_path: Path) -> None:
    about, scenario = asked("trilateral", seeds=None, families=(), until_s=None, stop_at=None)
    assert len(about.variants) == 6
    assert about.seeds == 200
    for variant in about.variants:
        lay(scenario, variant, tmp_path / variant.name)


def test_no_change_shifts_what_others_see(tmp_path: Path) -> None:
    """Japan's and Australia's sensors see the same bytes without America, without satellites, and with bad links."""
    base = read_scenario("trilateral")
    seen = {}
    for name, changes in {
        "base": {},
        "no-USA": {"nations.USA": False},
        "one-sensor-less": {"nations.JPN.sensors.jpn-north": False},
        "54": {"nations.USA.constellations.usa-eyes.number": 54},
        "bad-links": {"links.*.loss": 0.5},
    }.items():
        scenario = lay(base, Variant(name=name, changes=changes), tmp_path / name)
        set_up = stage(scenario, codes=["JPN", "AUS"], replicate=3)
        truth = {body.name: body.state_ecef.tobytes() for body in set_up.cast.bodies}
        seen[name] = (truth, {feed.name: told(feed.watch) for feed in set_up.feeds})
    everything, detections = seen.pop("base")
    assert len(detections) == 8
    assert len(set(detections.values())) == 8
    for name, (truth, others) in seen.items():
        assert truth == everything, name
        assert set(others) == set(detections) - ({"jpn-north"} if name == "one-sensor-less" else set())
        assert all(rows == detections[sensor] for sensor, rows in others.items()), name


def told(watch: Watch) -> bytes:
    """Return all that a sensor sees of twenty seconds, three threats in the air."""
    since_ns = watch.scene.world.start_ns + 200 * NS_PER_S
    return pack(watch.observe(since_ns, since_ns + 20 * NS_PER_S).detections)


def test_the_base_is_the_exercise_itself(tmp_path: Path) -> None:
    base = read_scenario("first_steps")
    laid = tmp_path / "laid"
    lay(base, Variant(name="base"), laid)
    folders = [tmp_path / "plain", tmp_path / "base"]
    for folder in folders:
        folder.mkdir()
    plain = run(Plan(scenario="first_steps", folder=folders[0], replicate=2, until_s=12.0))
    ours = run(Plan(scenario=str(laid / "scenario.toml"), folder=folders[1], replicate=2, until_s=12.0))
    assert plain.digests["ONE"] == ours.digests["ONE"]
    assert plain.digests["world"] != ours.digests["world"]  # it tells which files it was made of
    assert math.isfinite(np.sum(ours.wall_s))
