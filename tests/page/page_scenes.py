"""A nation, its radar, a few aircraft and a missile that falls on its coast: what the tests of the page look at."""

import functools
import tempfile
from pathlib import Path

from noroshi.run.exercises.running import Plan, run

START_MS = 1_893_456_000_000
WARNED_MS = START_MS + 150_000
NATION = """
name = "Japan"
code = "JPN"
policy = "JPN.policy.toml"
[[sensors]]
name = "jpn-coast"
type = "search_radar"
lat_deg = 35.76
lon_deg = 140.78
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
[[sensors]]
name = "jpn-reports"
type = "position_report"
lat_deg = 35.76
lon_deg = 140.78
height_m = 190.0
[[links]]
to = "USA"
delay_s = 0.2
[warning]
countries = ["JP"]
"""
PARTNER = """
name = "United States"
code = "USA"
[[sensors]]
name = "usa-reports"
type = "position_report"
lat_deg = 35.4
lon_deg = 139.4
height_m = 10.0
[[links]]
to = "JPN"
delay_s = 0.2
"""
POLICY = """
nation = "JPN"
[partners]
USA = "close"
[[rules]]
rule = "low ones stay"
to = ["USA"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "drop"
area = { height_m_max = 4000 }
[[rules]]
rule = "the rest"
to = ["USA"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "pass"
strip = { fields = ["sensors"] }
"""
AIRCRAFT = """
[[flights]]
name = "{name}"
mover = "aircraft"
start_s = -300.0
waypoints = [
    {{ lat_deg = {lat}, lon_deg = 141.0, height_m = {height}, speed_m_s = 200.0 }},
    {{ lat_deg = {lat}, lon_deg = 142.6, height_m = {height}, speed_m_s = 200.0 }},
]
transponder = {{ icao_address = "{icao}", mode_3a = "2000", call_sign = "{sign}" }}
"""
MISSILE = """
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
HEAD = """
name = "Coast <b>drill</b>"
seed = 7
start = 2030-01-01T00:00:00Z
duration_s = 330.0
nations = ["JPN.toml", "USA.toml"]
motion = "constant_velocity+ballistic"
"""
SECRET_SIGN = "KEEPQUIE"
MARKUP_SIGN = "<B>&AMP"


@functools.cache
def journals():
    """Return the folder of the journals of one run, made once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="noroshi-page-"))
    (folder / "JPN.toml").write_text(NATION)
    (folder / "USA.toml").write_text(PARTNER)
    (folder / "JPN.policy.toml").write_text(POLICY)
    aircraft = [
        AIRCRAFT.format(name="high", lat=35.9, height=9000.0, icao="840001", sign="HIGHONE"),
        AIRCRAFT.format(name="marked", lat=36.3, height=11000.0, icao="840002", sign=MARKUP_SIGN),
        AIRCRAFT.format(name="low", lat=35.7, height=2000.0, icao="84ABCD", sign=SECRET_SIGN),
    ]
    scenario = folder / "coast.toml"
    scenario.write_text(HEAD + "".join(aircraft) + MISSILE)
    out = folder / "journals"
    out.mkdir()
    run(Plan(scenario=str(scenario), folder=out))
    return out
