"""The linter: each kind of finding, at its line."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from noroshi.run.cli import app
from noroshi.run.scenarios import shipped
from noroshi.run.scenarios.lint import lint
from noroshi.run.scenarios.sources import read_source

NEWCOMER = """name = "Newcomer"
code = "NEW"
[[sensors]]
name = "new-radar"
type = "search_radar"
lat_deg = 35.8
lon_deg = 141.0
height_m = 50.0
"""
LINKS = """[[links]]
to = "ONE"
delay_s = 0.2
"""
POLICY = """nation = "NEW"
[partners]
ONE = "close"
[[rules]]
rule = "all"
to = ["ONE"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "pass"
"""


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(*changes, also=(), more=""):
    """Return (file, line, message) of what the linter says of a changed first scenario, and that scenario's text."""
    text = read_source("scenarios", "first_steps").text
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    text += more
    Path("first.toml").write_text(text)
    return [(each.file, each.line, each.message) for each in lint("first.toml", also)], text


def line_of(text, piece):
    """Return the line on which a piece of text stands."""
    return text[: text.index(piece)].count("\n") + 1


def only(findings, text, piece, told):
    """Check that there is one finding, in the scenario, on the line of a piece of its text."""
    ((file, line, message),) = findings
    assert (file, line) == ("first.toml", line_of(text, piece))
    assert told in message


def test_a_good_scenario_has_no_findings():
    assert found()[0] == []


def test_an_inject_after_the_end():
    findings, text = found(("at_s = 30.0", "at_s = 90.0"))
    only(findings, text, "at_s = 90.0", "can never fire: it begins at 90 s and the run ends at 60 s")


def test_an_inject_of_nobody():
    findings, text = found(('whom = "one-adsb"', 'whom = "one-adbs"'))
    only(findings, text, "whom", "did you mean 'one-adsb'?")


def test_a_flight_that_begins_after_the_end():
    findings, text = found(
        ('name = "low"\nmover = "aircraft"\nstart_s = -300.0', 'name = "low"\nmover = "aircraft"\nstart_s = 300.0')
    )
    assert text.count("start_s = 300.0") == 1
    only(findings, text, '[[flights]]\nname = "low"', "is never there")


def test_a_flight_whose_numbers_contradict_each_other():
    more = """
[[flights]]
name = "odd"
mover = "ballistic"
lat_deg = 30.0
lon_deg = 140.0
bearing_deg = 90.0
range_km = 9000.0
apogee_km = 20.0
"""
    findings, text = found(more=more)
    (_, line, message), *_ = findings
    assert line == line_of(text, '[[flights]]\nname = "odd"')
    assert message


def test_an_objective_that_nothing_produces():
    wanted = 'measure = "background_tracked"\nat_least = 0.9\nunit = "share"'
    other = 'measure = "horizontal_rms_m"\nat_most = 900.0\nunit = "m"'
    findings, text = found((wanted, other))
    only(findings, text, 'measure = "horizontal_rms_m"', "nothing produces horizontal_rms_m")


def test_an_objective_on_what_every_run_is_measured_by_needs_no_measure():
    findings, _ = found(('[[measures]]\nname = "background_tracked"', '[[measures]]\nname = "false_tracks"'))
    assert not findings


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ('what = "dark"', "has no transponder"),
        ('what = "false_position"\neast_m = 5.0', "has no transponder"),
        ('what = "spoofed_reports"', "has no transponder"),
    ],
)
def test_a_transponder_that_is_not_there(what, told):
    more = f"""
[[flights]]
name = "mute"
mover = "ship"
waypoints = [{{ lat_deg = 35.7, lon_deg = 141.0 }}, {{ lat_deg = 35.8, lon_deg = 141.0 }}]

[[injects]]
at_s = 10.0
{what}
whom = "mute"
"""
    findings, text = found(more=more)
    only(findings, text, 'whom = "mute"', told)


def test_an_inject_of_a_flight_that_is_gone_by_then():
    more = """
[[flights]]
name = "brief"
mover = "aircraft"
waypoints = [{ lat_deg = 35.7, lon_deg = 141.0 }, { lat_deg = 35.72, lon_deg = 141.0 }]
transponder = { icao_address = "840009" }

[[injects]]
at_s = 40.0
what = "dark"
whom = "brief"
"""
    findings, text = found(more=more)
    only(findings, text, 'whom = "brief"', "is there from 0 to")


def test_a_nation_without_links(inside):
    (inside / "new.toml").write_text(NEWCOMER)
    findings, _ = found(also=["new.toml"])
    assert [(file, line) for file, line, _ in findings] == [
        ("first.toml", 8),
        ("first.toml", 8),
        ("nations/one_site.toml", 7),
        ("new.toml", 3),
    ]
    told = {(file, message.split(":")[0]) for file, _, message in findings}
    assert ("new.toml", "has no link") in told
    assert ("first.toml", "nobody releases to NEW") in told


def releasing(nation, policy):
    """Return a nation's file that names a policy, which is written beside it."""
    file = f"policy_of_{policy[10:13]}.toml"
    Path(file).write_text(policy)
    return nation.replace("\n", f'\npolicy = "{file}"\n', 1)


def joined(nation=NEWCOMER + LINKS, policy=POLICY, more=""):
    """Return what the linter says of a newcomer beside the one site, which releases all to it."""
    text = read_source("nations", "one_site").text
    own = text[text.index("name = ") :]
    Path("one.toml").write_text(releasing(own, 'nation = "ONE"' + POLICY[14:].replace("ONE", "NEW")))
    Path("new.toml").write_text(releasing(nation, policy))
    return found(('nations = ["one_site"]', 'nations = ["./one.toml"]'), also=["new.toml"], more=more)[0]


def test_a_nation_with_a_link_over_which_both_release_is_free_of_findings():
    assert joined() == []


@pytest.mark.parametrize(
    "policy",
    [
        POLICY.replace('exercises = ["ALL-EXERCISES"]\n', ""),  # of real records alone
        POLICY.replace("ALL-EXERCISES", "another"),
        POLICY.replace('"pass"', '"drop"'),
    ],
)
def test_a_policy_that_passes_nothing_of_the_exercise(policy):
    ((file, line, message),) = joined(policy=policy)
    assert (file, line) == ("new.toml", 11)
    assert message.startswith("NEW releases nothing to ONE: no rule of policy_of_NEW.toml passes anything")
    assert "ONE releases" not in message


def test_linked_nations_without_policies_are_one_line(inside):
    (inside / "new.toml").write_text(NEWCOMER + LINKS)
    ((file, line, message),), _ = found(also=["new.toml"])
    assert (file, line) == ("new.toml", 10)
    assert "NEW releases nothing to ONE: it has no policy; write one" in message
    assert "ONE releases nothing to NEW: it has no policy" in message


def test_a_shipped_policy_that_does_not_name_the_newcomer(inside):
    (inside / "new.toml").write_text(releasing(NEWCOMER, POLICY.replace("ONE", "JPN")) + LINKS.replace("ONE", "JPN"))
    told = [message for _, _, message in found(('["one_site"]', '["one_site", "japan"]'), also=["new.toml"])[0]]
    (about,) = [message for message in told if "releases nothing" in message]
    assert about.startswith("JPN releases nothing to NEW: policies/JPN.toml does not name it in [partners]")
    assert "in a copy" in about


def test_a_one_way_link_leaves_its_owner_in_the_dark():
    first, second = joined(NEWCOMER + LINKS + "one_way = true\n")
    assert (first[0], "nobody releases to NEW" in first[2]) == ("first.toml", True)
    assert (second[0], "has no link" in second[2]) == ("one.toml", True)


def test_a_nation_that_owns_nothing():
    ((file, _, message),) = joined('name = "Newcomer"\ncode = "NEW"\n' + LINKS)
    assert file == "first.toml"
    assert "NEW owns nothing that sees" in message


def test_a_link_to_no_nation_that_anybody_knows():
    ((file, line, message),) = joined(NEWCOMER + LINKS + LINKS.replace("ONE", "JPM"))
    assert (file, line) == ("new.toml", 14)
    assert "did you mean 'JPN'?" in message


def test_a_sensor_that_sees_nothing():
    ((file, line, message),) = joined(NEWCOMER.replace("35.8", "-35.8") + LINKS)
    assert (file, line) == ("new.toml", 4)
    assert "sees nothing in the whole run" in message


def traffic(**numbers):
    """Return a scenario's table of the shipped real flights, 500 km off the cape unless told otherwise."""
    place = read_source("scenarios", "trilateral").folder / "flights.parquet"
    told = {"name": '"real"', "flights": f'"{place}"', "lat_deg": 35.8, "lon_deg": 146.4, **numbers}
    return "\n[[traffic]]\n" + "".join(f"{key} = {value}\n" for key, value in told.items())


@pytest.mark.parametrize("numbers", [{"at_s": 90.0}, {"from_s": 50_000.0}])
def test_traffic_that_is_never_there(numbers):
    findings, text = found(more=traffic(**numbers))
    only(findings, text, "[[traffic]]", "none of its flights is there")


def test_a_sensor_may_see_real_traffic_alone():
    far = NEWCOMER.replace("141.0", "146.4").replace("35.8", "36.0") + LINKS
    ((_, _, message),) = joined(far)
    assert "sees nothing in the whole run" in message
    assert joined(far, more=traffic()) == []


def test_a_table_that_is_not_there():
    findings, text = found(more=traffic(flights='"none.parquet"'))
    only(findings, text, "flights = ", "no file none.parquet: give sample:NAME, or a path beside the scenario")


@pytest.mark.parametrize(("lat_deg", "enters"), [(36.0, True), (37.0, False), (35.2, False)])
def test_an_area_that_nobody_comes_into(lat_deg, enters):
    more = f"""
[[areas]]
name = "bay"
lat_deg = {lat_deg}
lon_deg = 141.46
radius_km = 8.0

[[measures]]
name = "entries_noticed"
area = "bay"
flights = ["north-bound"]
"""
    findings, text = found(("duration_s = 60.0", "duration_s = 300.0"), more=more)
    if enters:
        assert findings == []
    else:
        only(findings, text, 'area = "bay"', "no flight comes into 'bay'")


def test_findings_are_lines_and_exit_code_2():
    found(("at_s = 30.0", "at_s = 90.0"))
    done = CliRunner().invoke(app, ["lint", "first.toml"])
    assert (done.exit_code, done.stdout.count("\n")) == (2, 1)
    assert done.stdout.startswith('first.toml:43: injects "A short silence", at_s: can never fire')


def test_the_schemas_are_printed():
    assert {"japan", "one_site"} <= set(shipped("nations"))
    for room in ("nations", "scenarios"):
        assert CliRunner().invoke(app, ["schema", room]).stdout.startswith('{\n  "$schema"')


def test_what_sees_nothing_is_one_line_a_nation():
    second = NEWCOMER[NEWCOMER.index("[[sensors]]") :].replace("new-radar", "new-second")
    ((file, line, message),) = joined(NEWCOMER.replace("35.8", "-35.8") + second.replace("35.8", "-35.8") + LINKS)
    assert (file, line) == ("new.toml", 4)
    assert message.startswith("none of its 2 sees anything in the whole run (new-radar, new-second): nothing comes")
    third = NEWCOMER.replace("35.8", "-35.8") + second + second.replace("35.8", "-35.8").replace("second", "third")
    ((_, _, message),) = joined(third + LINKS)
    assert message.startswith("2 of its 3 see nothing in the whole run (new-radar, new-third): nothing comes")


@pytest.mark.parametrize("part", ["parameters", "world"])
def test_kilometres_for_metres_are_named_as_what_is_odd(part):
    ((_, line, message),) = joined(NEWCOMER + f"[sensors.{part}]\nrange_m_max = 800.0\n" + LINKS)
    assert line == 11
    assert message == "is 800 m, and so it sees hardly anything: if kilometres are meant write 800000"


def test_a_short_range_with_which_something_is_seen_is_no_mistake():
    beside = "[sensors.{}]\nrange_m_max = 1500.0\n"
    ship = """[[flights]]
name = "near"
mover = "ship"
waypoints = [{ lat_deg = 35.808, lon_deg = 141.0 }, { lat_deg = 35.809, lon_deg = 141.0 }]
"""
    assert joined(NEWCOMER + beside.format("parameters") + beside.format("world") + ship + LINKS) == []


def test_a_site_inside_the_ground():
    ((_, line, message), *_) = joined(NEWCOMER.replace("height_m = 50.0", "height_m = -300.0") + LINKS)
    assert line == 9
    assert message.startswith("is -300, inside the ground")
    assert joined(NEWCOMER.replace("height_m = 50.0", "height_m = -20.0") + LINKS) == []


def test_a_flight_that_no_motion_model_is_for():
    more = """
[[flights]]
name = "arrow"
mover = "ballistic"
lat_deg = 30.0
lon_deg = 140.0
bearing_deg = 90.0
range_km = 600.0
apogee_km = 150.0
"""
    tracked = 'nations = ["one_site"]\nmotion = "constant_velocity"'
    findings, text = found(('nations = ["one_site"]', tracked), more=more)  # in a minute its burn does not end
    only(findings, text, "motion = ", "has no boost, but 'arrow' moves so")
    assert found(('nations = ["one_site"]', tracked.replace("velocity", "velocity+boost")), more=more)[0] == []
