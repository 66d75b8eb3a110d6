"""Files of nations and scenarios: what the shipped ones hold, and one clear line for each that is wrong."""

import json
import re
import time
from importlib.resources import files

import numpy as np
import pytest
from scenario_mutations import mutations
from typer.testing import CliRunner

from noroshi.run.cli import app
from noroshi.run.scenarios import NoFileError, ScenarioError, read_nation, read_scenario, shipped
from noroshi.run.scenarios.policies import policy_of
from noroshi.run.scenarios.sources import read_source

N_MUTATIONS = 120
LINE = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): (?P<what>.+)$")


@pytest.fixture
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(*words):
    return CliRunner().invoke(app, ["lint", *map(str, words)])


@pytest.fixture
def written(inside):
    """Return a function that writes a scenario's file beside its nation's, and returns its path."""

    def write(changes=(), nation=(), name="first.toml"):
        place = inside / name
        scenario, site = read_source("scenarios", "first_steps").text, read_source("nations", "one_site").text
        for texts, pairs in ((0, changes), (1, nation)):
            for old, new in pairs:
                target = (scenario, site)[texts]
                assert old in target, old
                if texts:
                    site = site.replace(old, new)
                else:
                    scenario = scenario.replace(old, new)
        (inside / "one.toml").write_text(site)
        place.write_text(scenario.replace('"one_site"', '"one.toml"'))
        return place

    return write


def refusal(place):
    """Return the problems of a scenario that cannot be read."""
    with pytest.raises(ScenarioError) as caught:
        read_scenario(place)
    assert "\n" not in str(caught.value)
    return caught.value.problems


@pytest.mark.parametrize("room", ["nations", "scenarios"])
def test_the_shipped_files_are_those_of_the_issue(room):
    wanted = {
        "nations": {"australia", "japan", "korea", "united_kingdom", "united_states"},
        "scenarios": {"trilateral", "us_japan_korea", "us_japan_uk", "earthquake", "maritime", "first_steps"},
    }
    assert wanted[room] <= set(shipped(room))


@pytest.mark.parametrize("name", shipped("scenarios"))
def test_each_shipped_scenario_is_free_of_findings(name):
    done = lint(name)
    assert (done.exit_code, done.output) == (0, "")


def test_the_trilateral_scenario_holds_what_the_demo_promises():
    scenario = read_scenario("trilateral")
    kinds = [type(entry.mover).__module__.rpartition(".")[2] for entry in scenario.flights]
    sensors = [sensor for nation in scenario.nations for sensor in nation.sensors]
    radars = [sensor for sensor in sensors if sensor.site.type.endswith("_radar")]
    satellites = [eyes.mover.satellites for nation in scenario.nations for eyes in nation.constellations]
    assert [nation.code for nation in scenario.nations] == ["JPN", "USA", "AUS"]
    assert scenario.duration_s == 15 * 60
    assert kinds.count("ballistic") == 3
    assert kinds.count("boost_glide") == 1
    assert sum(entry.name.startswith("ship-") for entry in scenario.flights) == 20
    assert (len(radars), satellites) == (6, [24])
    assert len(scenario.links()) == 6


def test_a_new_nation_needs_one_file(inside):
    (inside / "new.toml").write_text(
        'name = "Newcomer"\ncode = "NEW"\n[[links]]\nto = "ONE"\ndelay_s = 0.5\nloss = 0.1\n'
    )
    scenario = read_scenario("first_steps", ["new.toml"])
    assert [nation.code for nation in scenario.nations] == ["ONE", "NEW"]
    assert {pair: link.delay_s for pair, link in scenario.links().items()} == {("NEW", "ONE"): 0.5, ("ONE", "NEW"): 0.5}


def test_a_nations_own_word_on_its_way_back_wins(inside):
    (inside / "a.toml").write_text('name = "A"\ncode = "AAA"\n[[links]]\nto = "BBB"\ndelay_s = 1\n')
    (inside / "b.toml").write_text('name = "B"\ncode = "BBB"\n[[links]]\nto = "AAA"\ndelay_s = 2\none_way = true\n')
    links = read_scenario("first_steps", ["a.toml", "b.toml"]).links()
    assert [(pair, link.delay_s) for pair, link in links.items()] == [(("AAA", "BBB"), 1.0), (("BBB", "AAA"), 2.0)]


def test_injects_mean_sensors_satellites_and_flights():
    meant = read_scenario("trilateral").meant({"usa-eyes": ["usa-eyes-01", "usa-eyes-02"], "threat-1": ["threat-1"]})
    assert meant["usa-eyes"] == ("usa-eyes-01", "usa-eyes-02")
    assert meant["jpn-east"] == ("jpn-east",)
    assert set(meant["USA"]) >= {"usa-ship", "usa-eyes-02"}
    assert meant["threat-1"] == ("threat-1",)


def test_times_and_places_come_out_in_si_and_utc():
    scenario = read_scenario("first_steps")
    assert scenario.start_ns == 1_893_456_000_000_000_000
    assert scenario.end_ns - scenario.start_ns == 60_000_000_000
    assert np.degrees(scenario.nations[0].sensors[0].site.lat_rad) == pytest.approx(35.76)


def test_an_offset_from_utc_is_taken_into_account(written):
    place = written([("2030-01-01T00:00:00Z", "2030-01-01T09:00:00+09:00")])
    assert read_scenario(place).start_ns == read_scenario("first_steps").start_ns


CASES = [
    ("seed = 1", 'seed = "1"', 5, 'seed: is "1": it should be a whole number'),
    ("seed = 1", "sed = 1", 5, "sed: no such key; did you mean 'seed'?"),
    ("seed = 1\n", "", 1, "seed is missing: add it"),
    ("duration_s = 60.0", "duration_s = 0", 7, "it should be greater than 0"),
    ("00:00:00Z", "00:00:00", 6, "in no time zone: put a Z behind it"),
    ("2030-01-01T00:00:00Z", "2300-01-01T00:00:00Z", 6, "is in the year 2300: give one from 1980 to 2200"),
    ('"one_site"', '"one_sit.toml"', 8, "cannot be read: No such file"),
    ('["one_site"]', '["one_sight"]', 8, "did you mean 'one_site'?"),
    ('mover = "aircraft"', 'mover = "airplane"', 12, "no mover 'airplane'"),
    ("start_s = -300.0", "start = -300.0", 13, "did you mean 'start_s'?"),
    ("lat_deg = 35.2", "lat_deg = 352", 15, "it should be less than or equal to 90"),
    ('what = "sensor_off"', 'what = "sensor_of"', 42, "did you mean 'sensor_off'?"),
    ("for_s = 10.0", "for_s = 10.0\nuntil_s = 50.0", 40, "has both for_s and until_s: leave one out"),
    ('whom = "one-adsb"', 'whom = "one-ads"', 45, "nation 'one-ads'; did you mean 'one-adsb'?"),
    ('[[measures]]\nname = "background_tracked"', '[[measures]]\nname = "background_trackd"', 48, "did you mean"),
    ('unit = "share"', 'unit = "m"', 54, "background_tracked is in 'share': write that"),
    ("at_least = 0.9", "at_least = 0.9\nat_most = 1.0", 50, "needs one threshold"),
    ("[[injects]]", "[injects]", 40, "is a single table: write [[injects]]"),
    ('name = "low"', 'name = "east-bound"', 31, "is there already, on line 20: give each its own name"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "told"), CASES, ids=[case[3][:30] for case in CASES])
def test_what_is_wrong_is_told_at_its_line(written, old, new, line, told):
    place = written([(old, new)])
    (first, *_) = refusal(place)
    assert told in str(first)
    assert (first.file, first.line) == (str(place), line)


NATION_CASES = [
    ("scan_period_s = 10.0", "scan_periods = 10.0", "did you mean 'scan_period_s'?"),
    ("scan_period_s = 10.0", "scan_period_s = -1.0", "it must be positive"),
    ("scan_time_s = 10.0", "scan_tim_s = 10.0", "did you mean 'scan_time_s'?"),
    ("scan_time_s = 10.0", "scan_time_s = 1000.0", "it should be less than or equal to 60"),
    ('type = "search_radar"', 'type = "serch_radar"', "did you mean 'search_radar'?"),
    ('code = "ONE"', 'code = "one"', "it should match pattern"),
    ('name = "one-radar"', 'name = "one-adsb"', "is there already"),
]


@pytest.mark.parametrize(("old", "new", "told"), NATION_CASES, ids=[case[2] for case in NATION_CASES])
def test_what_is_wrong_in_a_nation_is_told_in_its_file(written, inside, old, new, told):
    place = written(nation=[(old, new)])
    line = len((inside / "one.toml").read_text().rpartition(new)[0].splitlines()) + 1
    problem, *_ = refusal(place)
    assert told in problem.message
    assert problem.file == str(inside / "one.toml")
    assert problem.line == line


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('countries = ["JPN"]', "no area of 'JPN' is known: nobody there would ever be warned; did you mean 'JP'?"),
        ('zone = "Asia/Tokio"', "did you mean 'Asia/Tokyo'?"),
        ('languages = ["en", "jp"]', "no language 'jp': name a TOML file, or one of en, ja"),
    ],
)
def test_whom_no_alert_would_reach_is_told(written, inside, table, told):
    place = written()
    (inside / "one.toml").write_text((inside / "one.toml").read_text() + f"[warning]\n{table}\n")
    (problem,) = refusal(place)
    assert told in problem.message
    assert problem.line == len((inside / "one.toml").read_text().splitlines())


def test_a_language_of_ones_own_lies_beside_the_nations_file(written, inside):
    place = written()
    (inside / "one.toml").write_text((inside / "one.toml").read_text() + '[warning]\nlanguages = ["mine.toml"]\n')
    with pytest.raises(ScenarioError, match="no language"):
        read_scenario(place)
    (inside / "mine.toml").write_bytes((files("noroshi") / "data/texts/en.toml").read_bytes())
    read_scenario(place)


@pytest.mark.parametrize("which", ["first.toml", "one.toml"])
def test_a_file_with_a_byte_order_mark_is_read(written, inside, which):
    place = written()
    plain = read_scenario(place).texts()
    (inside / which).write_bytes(b"\xef\xbb\xbf" + (inside / which).read_bytes())
    assert read_scenario(place).texts() == plain


@pytest.mark.parametrize(
    ("line", "told"), [("", "area is missing"), ('area = "bai"\n', "no area 'bai'; did you mean 'bay'?")]
)
def test_a_measure_of_an_area_names_one_that_is_there(written, line, told):
    place = written()
    added = '\n[[areas]]\nname = "bay"\nlat_deg = 35.0\nlon_deg = 141.0\nradius_km = 5.0\n'
    added += '[[measures]]\nname = "entries_noticed"\n'
    place.write_text(place.read_text() + added + line)
    (problem,) = refusal(place)
    assert told in problem.message
    place.write_text(place.read_text().replace(line or "NONE", "") + 'area = "bay"\n')
    assert [area.name for area in read_scenario(place).areas] == ["bay"]


def test_traffic_and_flights_share_no_name(written):
    folder = read_source("scenarios", "trilateral").folder
    table = f'flights = "{folder / "flights.parquet"}"\nlat_deg = 30.0\nlon_deg = 140.0\n'
    place = written()
    text = place.read_text()
    for added in (
        f'[[traffic]]\nname = "low"\n{table}',
        f'[[injects]]\nname = "low"\nwhat = "surge"\nat_s = 5.0\n{table}',
    ):
        place.write_text(f"{text}\n{added}")
        (problem,) = refusal(place)
        assert problem.message == "'low' is there already: give each its own name"
        assert problem.line == text.count("\n") + 3


def test_a_large_file_is_read_in_time(inside):
    """Within the bound on its size; a walk that counts lines from the top for each key takes minutes."""
    many = "".join(f'[[flights]]\nname = "f{i}"\nmover = "no"\n' for i in range(60_000))
    (inside / "large.toml").write_text(read_source("scenarios", "first_steps").text + many)
    started = time.process_time()
    assert read_source("scenarios", "large.toml").line(("flights", 60_002)) == 54 + 3 * 60_000 - 2
    assert time.process_time() - started < 60.0


def test_a_nation_twice_is_told(written):
    place = written([('["one_site"]', '["one_site", "one_site"]')])
    (problem,) = refusal(place)
    assert "takes part already" in problem.message


@pytest.mark.parametrize("name", ["nowhere", "nowhere.toml", "./a/b.toml"])
def test_a_scenario_that_is_not_there_is_one_line(inside, name):
    with pytest.raises(NoFileError):
        read_scenario(name)
    done = lint(name)
    assert done.exit_code == 2
    assert done.stderr.startswith("noroshi: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\x00", b"", b"a = " + b"[" * 100_000, b"name = 1\r\n"])
def test_bytes_that_are_no_scenario_are_one_line(inside, data):
    (inside / "bad.toml").write_bytes(data)
    assert refusal("bad.toml")[0].line == 1


def test_a_hundred_spoiled_files_get_one_clear_line_each(inside):
    made = [
        ("scenarios", each)
        for name in ("us_japan_uk", "maritime")
        for each in mutations(read_source("scenarios", name).text)
    ]
    made += [
        ("nations", each)
        for name in ("japan", "united_states")
        for each in mutations(read_source("nations", name).text)
    ]
    chosen = np.random.Generator(np.random.Philox(4)).choice(len(made), N_MUTATIONS, replace=False)
    for room, mutation in [made[i] for i in sorted(chosen)]:
        (inside / "bad.toml").write_text(mutation.text)
        place = "bad.toml"
        if room == "nations":
            place = "whole.toml"
            (inside / place).write_text(
                read_source("scenarios", "first_steps").text.replace('"one_site"', '"one_site", "bad.toml"')
            )
        done = lint(place)
        before = {"bad.toml", "whole.toml"}
        (line,) = done.stdout.splitlines() or ["nothing told"]
        match = LINE.match(line)
        assert done.exit_code == 2, mutation.name
        assert match, (mutation.name, line)
        assert match["file"] == "bad.toml", (mutation.name, line)
        assert int(match["line"]) in mutation.lines, (mutation.name, line)
        assert len(line) < 400, line
        assert {path.name for path in inside.iterdir()} <= before


@pytest.mark.parametrize("name", ["us_japan_uk", "maritime"])
def test_an_exercise_of_a_spoiled_file_writes_nothing(inside, name):
    made = mutations(read_source("scenarios", name).text)
    out = inside / "out"
    out.mkdir()
    for i in np.random.Generator(np.random.Philox(5)).choice(len(made), 20, replace=False):
        (inside / "bad.toml").write_text(made[i].text)
        done = CliRunner().invoke(app, ["exercise", "bad.toml", "--out", "out"])
        assert (done.exit_code, done.stdout) == (2, ""), made[i].name
        assert done.stderr.startswith("noroshi: bad.toml:")
        assert done.stderr.count("\n") == 1
        assert list(out.iterdir()) == []


def test_lint_as_json(written):
    place = written([("seed = 1", "sed = 1")])
    done = lint(place, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 2
    assert told["scenario"] == str(place)
    assert [(each["line"], each["key"]) for each in told["findings"]] == [(5, "sed")]


def test_a_nation_can_be_read_alone():
    nation = read_nation("japan")
    assert nation.code == "JPN"
    assert {sensor.site.nation for sensor in nation.sensors} == {"JPN"}


def test_two_rules_of_one_name_are_told(inside):
    rule = '[[warning.rules]]\ntype = "silent_sensor"\nname = "silence"\n'
    (inside / "a.toml").write_text(f'name = "A"\ncode = "AAA"\n[warning]\n{rule}{rule}')
    with pytest.raises(
        ScenarioError, match=r"a.toml:9: .*'silence' is there already, on line 6: give each its own name"
    ):
        read_nation(inside / "a.toml")


POLICY = """
[policy.partners]
ONE = "close"
[[policy.rules]]
rule = "all"
to = ["ONE"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "pass"
strip = { fields = ["identity"] }
"""


def test_what_a_nation_releases_may_stand_in_its_own_file(inside):
    path = inside / "new.toml"
    path.write_text('name = "Newcomer"\ncode = "NEW"\n' + POLICY)
    nation = read_nation(path)
    (inside / "apart.toml").write_text('nation = "NEW"\n' + POLICY.replace("policy.", ""))
    (inside / "two.toml").write_text('name = "Newcomer"\ncode = "NEW"\npolicy = "apart.toml"\n')
    assert policy_of(nation).digest == policy_of(read_nation(inside / "two.toml")).digest
    assert read_scenario("first_steps", [path]).texts()[f"{path} [policy]"] == nation.policy.text


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('then = "pass"', 'then = "pas"', "new.toml:3: policy: rule all: then: is pass or drop"),
        ('to = ["ONE"]', 'to = ["TWO"]', "new.toml:3: policy: rule all: to: "),
        ("[policy.partners]", "[policy.partner]", "new.toml:3: policy: 'partner' is none of nation, partners, rules"),
        (
            "[policy.partners]",
            "[policy]\nnation = 'TWO'\n[policy.partners]",
            "new.toml:3: policy: .*is the policy of TWO",
        ),
    ],
)
def test_what_is_wrong_with_it_is_told_there(inside, old, new, told):
    (inside / "new.toml").write_text('name = "Newcomer"\ncode = "NEW"\n' + POLICY.replace(old, new, 1).lstrip())
    with pytest.raises(ScenarioError, match=told):
        read_nation(inside / "new.toml")
