"""`noroshi listen`: sensors nobody described, what is shown, what is written, how it ends."""

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from feed_scenes import NS_PER_S, sbs, until
from rich.console import Console
from typer.testing import CliRunner

from noroshi.formats import Context
from noroshi.formats.sbs import decode as decode_sbs
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_from_ecef
from noroshi.node.core import OTHERS
from noroshi.records import Detections, Identity, SensorSite, Tracks, concatenate, digest
from noroshi.run import api
from noroshi.run.feeds import Health
from noroshi.run.journal import read_setup
from noroshi.run.listen import command
from noroshi.run.listen.command import listen
from noroshi.run.listen.desk import NAMES_MAX, PLACED, Desk, Wish
from noroshi.run.listen.journals import Journals
from noroshi.run.listen.listener import Rates, View, told
from noroshi.run.listen.screen import clock, screen
from noroshi.run.player import Server

START_NS = 1_700_000_000 * NS_PER_S
ROTATION_S = 4.0


def plots_of(sensor, site_rad, targets, at_s, rng):
    """Return what a radar sees of targets (ENU positions about 47N 8E, velocities) in one rotation, one batch each."""
    origin = ecef_from_geodetic(*(np.array([x]) for x in site_rad))[0]
    middle = ecef_from_geodetic(np.radians([47.0]), np.radians([8.0]), np.zeros(1))[0]
    axes = np.array([[-np.sin(np.radians(8.0)), np.cos(np.radians(8.0)), 0.0]])
    north = np.cross(middle / np.linalg.norm(middle), axes[0])
    places = []
    for x, y, height, vx, vy in targets:
        flat = middle + (x + vx * at_s) * axes[0] + (y + vy * at_s) * north
        places.append(flat / np.linalg.norm(flat) * (np.linalg.norm(middle) + height))
    enu = enu_from_ecef(np.array(places), origin)
    slant = np.linalg.norm(enu, axis=1)
    values = np.column_stack([slant, np.arctan2(enu[:, 0], enu[:, 1]) % (2 * np.pi), [t[2] for t in targets]])
    values[:, :2] += rng.normal(size=(len(targets), 2)) * (30.0, 0.001)
    n = len(targets)
    return Detections.of(
        sensor=sensor,
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=np.full(n, START_NS + round(at_s * NS_PER_S)),
        values=values,
        identity=Identity.absent(n).replace(icao_address=np.arange(n) + 0x840000),
        received_ns=START_NS + round((at_s + 0.3) * NS_PER_S),
    )


TARGETS = [(20e3, 30e3, 9000.0, 200.0, 0.0), (-40e3, 10e3, 7000.0, 0.0, -180.0), (5e3, -50e3, 10000.0, 150.0, 150.0)]
WEST, EAST = (math.radians(47.0), math.radians(7.6), 500.0), (math.radians(47.1), math.radians(8.5), 600.0)


def rotations(desk, sensors, first, last, sites=None):
    rng = np.random.default_rng(1)
    for turn in range(first, last):
        for i, (name, where) in enumerate(sensors.items()):
            at_s = turn * ROTATION_S + 0.5 * i
            batch = plots_of(name, where, TARGETS, at_s, rng)
            desk.receive([batch], sites or {}, batch.received_ns)
    return START_NS + round((last * ROTATION_S) * NS_PER_S)


def test_a_radar_that_says_no_place_is_shown_relative_to_itself():
    desk = Desk(Wish())
    now_ns = rotations(desk, {"012/034": WEST}, 0, 12)
    pictures = desk.pictures(now_ns)
    assert list(pictures) == ["012/034"]
    assert "position of radar '012/034' unknown" in desk.groups["012/034"].notes[0]
    rows = told(pictures["012/034"], "012/034", now_ns)
    assert len(rows) == 3
    truth = plots_of("012/034", WEST, TARGETS, 12 * ROTATION_S, np.random.default_rng(2)).values
    for row in rows:
        i = int(row["icao_address"], 16) - 0x840000
        assert row["range_m"] == pytest.approx(truth[i, 0], abs=1500.0)
        assert row["azimuth_deg"] == pytest.approx(np.degrees(truth[i, 1]), abs=1.5)
        assert "lat_deg" not in row


def test_whether_a_sensor_has_a_place_its_site_says_whatever_else_is_noted():
    desk, rng = Desk(Wish()), np.random.default_rng(8)
    flight_ft = 100.0 * rng.integers(50, 250, 40)  # answers in hundreds of feet, which makes a note
    at_null = SensorSite(sensor="null", type="search_radar", lat_rad=0.0, lon_rad=0.0, height_m=0.0)
    described = SensorSite(sensor="plane", type="local_position", parameters={"scan_period_s": 1.0, "sigma_m": 10.0})

    def batch(sensor, components, values, k):
        time_ns = np.full(len(values), START_NS + k * NS_PER_S)
        return Detections.of(sensor=sensor, components=components, time_ns=time_ns, values=values)

    for k in range(12):
        polar = np.column_stack([rng.uniform(5e4, 9e4, 40), np.full(40, k / 2.0), 0.3048 * flight_ft])
        heard = [
            batch("null", ("range_m", "azimuth_rad", "altitude_m"), polar, k),
            batch("plane", ("x_m", "y_m"), rng.uniform(-9.0, 9.0, (3, 2)), k),
            batch("eye", ("line_azimuth_rad", "line_elevation_rad"), rng.uniform(0.0, 1.0, (3, 2)), k),
        ]
        desk.receive(heard, {"null": at_null, "plane": described}, START_NS + k * NS_PER_S)
    assert any("hundreds of feet" in note for note in desk.groups[PLACED].notes)
    assert {name: [site.sensor for site in group.setup.sites] for name, group in desk.groups.items()} == {
        PLACED: ["null"],
        "plane": ["plane"],  # it has none, though nothing had to be assumed of it
    }
    assert desk.waiting() == ["eye"]


def test_two_radars_without_places_are_two_pictures_until_they_say_where_they_stand(tmp_path):
    desk = Desk(Wish(keeps_rows=True), Journals(tmp_path / "journals"))
    sensors = {"012/034": WEST, "012/035": EAST}
    now_ns = rotations(desk, sensors, 0, 10)
    assert sorted(desk.pictures(now_ns)) == ["012/034", "012/035"]
    sites = {
        name: SensorSite(sensor=name, type="search_radar", lat_rad=lat, lon_rad=lon, height_m=height)
        for name, (lat, lon, height) in sensors.items()
    }
    now_ns = rotations(desk, sensors, 10, 20, sites)
    pictures = desk.pictures(now_ns)
    assert list(pictures) == [PLACED]
    rows = told(pictures[PLACED], PLACED, now_ns)
    assert len(rows) == 3
    assert all(row["sensors"] == ["012/034", "012/035"] for row in rows)
    assert all(46.0 < row["lat_deg"] < 48.0 and 7.0 < row["lon_deg"] < 9.0 for row in rows)
    assert set(desk.rows()) == {PLACED, "012/034", "012/035"}
    desk.close()
    names = sorted(path.name for path in (tmp_path / "journals").iterdir())
    assert {"012-034.mcap", "012-035.mcap", "local.mcap"} <= set(names)
    # The last journal alone gives the tracks that are shown.
    last = sorted(path for path in (tmp_path / "journals").glob("local*.mcap"))[-1]
    assert {site.sensor for site in read_setup(last).sites} == set(sensors)
    again = api.replay(last).tracks
    assert {row["track"] for row in rows} <= set(again.track_id.tolist())


def test_a_second_sensor_changes_no_number():
    desk = Desk(Wish())
    sites = {
        name: SensorSite(sensor=name, type="search_radar", lat_rad=lat, lon_rad=lon, height_m=height)
        for name, (lat, lon, height) in (("a", WEST), ("b", EAST))
    }
    now_ns = rotations(desk, {"a": WEST}, 0, 8, {"a": sites["a"]})
    before = set(desk.pictures(now_ns)[PLACED].track_id.tolist())
    now_ns = rotations(desk, {"a": WEST, "b": EAST}, 8, 14, sites)
    after = desk.pictures(now_ns)[PLACED]
    assert set(after.track_id.tolist()) == before
    assert after.sources.all()


def test_both_lines_of_a_network_that_is_listened_to_count_once():
    once, doubled = Desk(Wish(keeps_rows=True)), Desk(Wish(keeps_rows=True))
    rng = np.random.default_rng(1)
    for turn in range(12):
        batch = plots_of("a", WEST, TARGETS, turn * ROTATION_S, rng)
        once.receive([batch], {}, batch.received_ns)
        doubled.receive([batch], {}, batch.received_ns)
        doubled.receive([batch], {}, batch.received_ns)  # the other line, which may be a feed of its own
    assert digest(*doubled.rows().values()) == digest(*once.rows().values())
    assert doubled.groups["a"].setup == once.groups["a"].setup
    assert doubled.refused() == once.refused() + Counter({("a", "DUPLICATE"): 36})


def test_a_sensor_of_one_damaged_name_is_none():
    desk = Desk(Wish())
    batch = plots_of("a", WEST, TARGETS[:1], 0.0, np.random.default_rng(3))
    desk.receive([batch], {}, batch.received_ns)
    desk.receive([], {}, batch.received_ns + 60 * NS_PER_S)
    assert not desk.groups
    assert desk.n_plots == {"a": 1}


def test_forged_names_take_no_room_and_hide_no_sensor():
    desk = Desk(Wish())
    now_ns = rotations(desk, {"a": WEST}, 0, 3)
    forged = plots_of("x", WEST, TARGETS[:1], 12.0, np.random.default_rng(3))
    n = 3 * NAMES_MAX
    for k in range(n):
        desk.receive([forged.replace(sensor=f"x{k}")], {}, now_ns)
    assert len(desk.n_plots) <= NAMES_MAX
    rotations(desk, {"a": WEST, "b": WEST}, 4, 10)
    assert desk.n_plots["a"] == desk.n_plots["b"] + 9 == 3 * 9
    assert desk.n_plots[OTHERS] >= n - NAMES_MAX
    assert sum(desk.n_plots.values()) == n + 3 * (9 + 6)
    assert set(desk.groups) == {"a", "b"}


def test_a_clock_that_is_set_back_stops_nothing():
    desk = Desk(Wish())
    now_ns = rotations(desk, {"a": WEST}, 0, 8)
    rng = np.random.default_rng(1)
    for turn in range(8, 12):
        desk.receive([plots_of("a", WEST, TARGETS, turn * ROTATION_S, rng)], {}, now_ns - 3600 * NS_PER_S)
    assert len(desk.pictures(0)["a"]) == 3


def test_system_tracks_are_shown_as_they_come():
    desk = Desk(Wish())
    now_ns = rotations(desk, {"a": WEST}, 0, 8)
    own = desk.pictures(now_ns)["a"]
    system = own.replace(node="033/018", time_ns=np.full(len(own), now_ns))
    desk.receive([system, system.replace(time_ns=system.time_ns + 1)], {}, now_ns)
    shown = desk.pictures(now_ns)["system tracks of 033/018"]
    assert isinstance(shown, Tracks)
    assert sorted(shown.track_id.tolist()) == sorted(own.track_id.tolist())
    assert "lat_deg" in told(shown, "system tracks of 033/018", now_ns)[0]
    assert not len(desk.pictures(now_ns + 31 * NS_PER_S)["system tracks of 033/018"])


class Still:
    """A feed that only is."""

    name = "udp://239.0.0.1:8600"
    health = Health(
        is_up=True, n_bytes=5, damage={"[bold]x\x1b[2J": 3}, clock_ns={"a": 9 * 3600 * NS_PER_S}, n_dropped=4
    )


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 5), (200, 60)])
def test_a_screen_fits_and_obeys_nobody(width, height):
    desk = Desk(Wish())
    now_ns = rotations(desk, {"a": WEST}, 0, 8)
    rows = told(desk.pictures(now_ns)["a"], "a", now_ns) * 30
    rows[0] = rows[0] | {"name": "[red]\x1b[2JEVIL", "sensors": ["[/]"], "height_m": None}
    view = View(now_ns, rows, notes=["a note"], refused={"a: late": 7}, waiting=["b"])
    console = Console(width=width, height=height, record=True, force_terminal=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    feeds, rates = [Still()], {f"{Still.name} messages": 12.0}
    console.print(screen(feeds, rates, view, "tracking", height=height, width=width))
    console.file.close()
    text = console.export_text(styles=False)
    lines = text.splitlines()
    assert len(lines) <= max(height, 9)
    assert all(len(each) <= width for each in lines)
    assert "\x1b[2J" not in text
    assert "tracking" in lines[0]
    assert "more; Ctrl-C ends" in lines[-1]
    if width >= 120:
        assert "clock off by -9 h 0 min" in text
        assert "3 errors" in text
        assert "4 dropped" in text


@pytest.mark.parametrize(
    ("ns", "text"),
    [(-2_500_000_000, "-2.5 s"), (0, "+0.0 s"), (9 * 3600 * NS_PER_S, "+9 h 0 min"), (-1800 * NS_PER_S, "-30 min"),
     (400 * 86400 * NS_PER_S, "+400 days"), (150 * NS_PER_S, "+2 min 30 s")],
)  # fmt: skip
def test_clocks_in_words(ns, text):
    assert clock(ns) == text


def test_rates_are_of_the_last_seconds():
    rates = Rates()
    assert rates.of({"a": 100}, 0.0) == {"a": 0.0}
    assert rates.of({"a": 110}, 1.0) == {"a": 10.0}
    for second in range(2, 20):
        found = rates.of({"a": 110 + 20 * (second - 1)}, float(second))
    assert found["a"] == pytest.approx(20.0)


@pytest.fixture(scope="module")
def compiled():
    """Compile what tracks reports, which on a new machine takes longer than these tests listen."""
    lines = b"".join(sbs(START_NS + i * NS_PER_S, lat_deg=47.0 + 0.002 * i) for i in range(8))
    api.track(decode_sbs(lines, Context(source="warm")).detections)


@pytest.fixture
def traffic(compiled):
    """Three aircraft, told once a second as BaseStation lines by a server."""
    server, stop = Server("127.0.0.1", 0), threading.Event()

    def tell():
        since = time.monotonic()
        while not stop.wait(0.5):
            moved_deg = 0.002 * (time.monotonic() - since)
            for i in range(3):
                server.send(sbs(time.time_ns(), 0x840000 + i, 47.0 + 0.3 * i + moved_deg))

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    yield f"tcp+sbs://127.0.0.1:{server.port}"
    stop.set()
    thread.join()
    server.close()


app = typer.Typer()
app.command()(listen)


def test_from_a_feed_to_files_that_replay(traffic, tmp_path):
    out, journals = tmp_path / "tracks.parquet", tmp_path / "journals"
    run = CliRunner().invoke(
        app, [traffic, "--for", "10", "--json", "--out", str(out), "--journal", str(journals)], catch_exceptions=False
    )
    assert run.exit_code == 0, run.output
    told_rows = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    assert len(told_rows) >= 5
    last = told_rows[-1]
    assert sorted(row["icao_address"] for row in last["tracks"]) == ["840000", "840001", "840002"]
    assert all(abs(row["speed_m_s"] - 0.002 * 111_200) < 60 for row in last["tracks"])
    (feed,) = last["feeds"]
    assert feed["up"]
    assert feed["dropped"] == 0
    assert feed["damage"] == {}
    table = pq.read_table(out)
    assert table.num_rows > 10
    assert set(table["node"].to_pylist()) == {"local"}
    replays = [api.replay(path).tracks for path in sorted(journals.glob("*.mcap"))]
    assert replays
    assert set(table["track"].to_pylist()) <= set(map(int, concatenate(replays).track_id.tolist()))


def test_ctrl_c_ends_cleanly_and_the_first_line_comes_at_once(traffic, tmp_path):
    ignored = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"  # as in a background job of a script
    code = f"{ignored}; import typer; from noroshi.run.listen.command import listen; typer.run(listen)"
    command = [sys.executable, "-c", code, traffic, "--every", "1", "--journal", str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr.readline().startswith("noroshi: listening to tcp+sbs://")
            line = process.stdout.readline()
            assert "tracks" in line
            journal = tmp_path / "j" / "local.mcap"
            assert until(journal.exists, 60.0)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=120)
        finally:
            process.kill()  # else whatever fails above waits for it for ever
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "messages" in errors
    assert read_setup(journal).node == "local"


def test_a_second_interrupt_before_the_first_was_seen_loses_nothing(traffic, tmp_path, monkeypatch):
    def show(listener, *_):
        assert until(lambda: listener.view.tracks, 60.0)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_show_lines", show)
    out = tmp_path / "tracks.parquet"
    assert CliRunner().invoke(app, [traffic, "--out", str(out)], catch_exceptions=False).exit_code == 0
    assert pq.read_table(out).num_rows


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["nonsense"], "is no address"),
        (["udp://192.0.2.1:8600"], "udp:// listens"),
        (["tcp+sbs://127.0.0.1:1", "tcp+sbs://127.0.0.1:1"], "named twice"),
        (["tcp+sbs://127.0.0.1:1", "--out", "tracks.xyz"], "cannot tell the format"),
        (["tcp+sbs://127.0.0.1:1", "--sensors", "no_such_file.csv"], "no_such_file.csv"),
        (["tcp+sbs://127.0.0.1:1", "--journal", "."], "is not empty"),
        (["simulated://first_steps/XYZ"], "no nation 'XYZ'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(arguments, wrong):
    run = CliRunner().invoke(app, [*arguments, "--for", "8"])
    assert run.exit_code == 2, run.output
    assert wrong in run.stderr
    assert "Traceback" not in run.stderr
