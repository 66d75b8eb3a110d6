"""Two nations that warn their people and share, a missile, and people who play: for the tests of played exercises."""

import time

from noroshi.run.play.showing import PlayShowing
from noroshi.run.web.users import OPERATOR, VIEWER, User

SECOND = 1_000_000_000
NATION = """
name = "{name}"
code = "{code}"
policy = "{code}.policy.toml"
[[sensors]]
name = "{code}-coast"
type = "search_radar"
lat_deg = {lat}
lon_deg = {lon}
height_m = 190.0
[sensors.parameters]
range_sigma_m = 60.0
azimuth_sigma_rad = 0.0012
elevation_sigma_rad = 0.0016
scan_period_s = 5.0
range_m_max = 1000000.0
speed_sigma_m_s = 2500.0
climb_sigma_m_s = 1500.0
[sensors.world]
rotating = false
scan_time_s = 5.0
measures_elevation = true
reference_range_m = 700000.0
range_m_max = 1000000.0
elevation_deg_max = 85.0
azimuth_beam_deg = 1.2
elevation_beam_deg = 1.2
[[links]]
to = "{to}"
delay_s = 0.2
[warning]
countries = ["{country}"]
approval_s = {approval_s}
step_s = {{ low = 1.0, high = 3.0 }}
"""
POLICY = """
nation = "{code}"
[partners]
{to} = "close"
[[rules]]
rule = "all"
to = ["{to}"]
products = ["contribution", "warning", "status"]
exercises = ["ALL-EXERCISES"]
then = "pass"
"""
SCENARIO = """
name = "Two <b>play</b>"
seed = 7
start = 2030-01-01T00:00:00Z
duration_s = {duration_s}
nations = ["JPN.toml", "USA.toml"]
motion = "constant_velocity+ballistic"
[[flights]]
name = "threat"
mover = "ballistic"
lat_deg = 38.1
lon_deg = 142.9
start_s = 5.0
bearing_deg = 222.0
range_km = 340.0
apogee_km = 90.0
"""
PEOPLE = {
    "token-sato-jpn": User(name="sato", role=VIEWER, nation="JPN", duty="sensor manager"),
    "token-mori-jpn": User(name="mori", role=OPERATOR, nation="JPN", duty="approver"),
    "token-jones-usa": User(name="jones", role=OPERATOR, nation="USA", duty="approver"),
    "token-ito-jpn": User(name="ito", role=VIEWER, nation="JPN", duty="watch officer"),
    "token-control": User(
        name="control", role=VIEWER, nation="JPN", view_as=("USA",), duty="exercise control"
    ),
}  # fmt: skip


def write_scenario(folder, *, duration_s=240.0, approval_s=8.0):
    for name, code, to, country, lat, lon in (
        ("Japan", "JPN", "USA", "JP", 35.76, 140.78),
        ("United States", "USA", "JPN", "US", 36.4, 140.6),
    ):
        (folder / f"{code}.toml").write_text(
            NATION.format(name=name, code=code, to=to, country=country, lat=lat, lon=lon, approval_s=approval_s)
        )
        (folder / f"{code}.policy.toml").write_text(POLICY.format(code=code, to=to))
    path = folder / "two.toml"
    path.write_text(SCENARIO.format(duration_s=duration_s))
    return path


def play_of(folder, **more):
    out = folder / "out"
    out.mkdir()
    scenario = write_scenario(folder, **{key: more.pop(key) for key in ("duration_s", "approval_s") if key in more})
    return PlayShowing(str(scenario), people=list(PEOPLE.values()), folder=out, **more)


def until(true, seconds=300.0):
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found
