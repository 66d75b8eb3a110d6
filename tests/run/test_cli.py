"""What a person meets: one clear line and exit code 2 for bad input, nothing half-written, figures that add up."""

import csv
import json
import math
import re

import msgspec
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from noroshi.formats import Context
from noroshi.run.cli import app
from noroshi.run.journal import JournalWriter, read_records, read_setup
from noroshi.run.refusals import Reason, reasons
from noroshi.run.setup import assemble
from noroshi.run.sharing import Sharing

START_S = 1_700_000_000
SITES = "sensor,type,lat_deg,lon_deg,height_m\nhill,search_radar,46.0,7.0,500\n"


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def refused(*words):
    """Return the one line that a bad call gets."""
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith("noroshi: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def plots(path, *, extra=(), scans=12):
    """Write a table of one radar: two aircraft, ten seconds a scan."""
    rng = np.random.default_rng(1)
    lines = ["time_s,sensor,range_m,azimuth_deg,altitude_m"]
    for k in range(scans):
        for i in range(2):
            range_m = 150_000 - 2_200 * k + rng.normal() * 70
            azimuth = 40 + 100 * i + rng.normal() * 0.08
            lines.append(f"{START_S + 10 * k + i},hill,{range_m:.1f},{azimuth:.3f},{9000 + 500 * i}")
    path.write_text("\n".join([*lines, *extra]))
    (path.parent / "sites.csv").write_text(SITES)
    return path


def test_a_table_becomes_tracks_and_every_file_asked_for(inside):
    plots(inside / "radar.csv")
    names = ["t.parquet", "t.csv", "t.ast", "t.geojson", "t.czml"]
    outs = [word for name in names for word in ("--out", name)]
    done = run(
        "track", "radar.csv", "--sensors", "sites.csv", *outs, "--plot", "map.png", "--journal", "j.mcap", "--json"
    )
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["tracks"]["tracks"] == 2
    assert figures["sensors"][0]["plots"] == 24 == figures["sensors"][0]["used"]
    for name in [*names, "map.png", "j.mcap"]:
        assert (inside / name).stat().st_size > 100, name
    assert json.loads((inside / "t.geojson").read_text())["type"] == "FeatureCollection"
    assert json.loads((inside / "t.czml").read_text())[0]["id"] == "document"
    again = run("track", "t.ast", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["system_tracks"][0]["tracks"] == 2


def test_a_table_under_own_names_becomes_the_same_tracks(inside):
    text = plots(inside / "radar.csv").read_text()
    (inside / "own.csv").write_text(
        text.replace("time_s,sensor,range_m,azimuth_deg,altitude_m", "When,Site,R,Theta,H", 1)
    )
    named = [
        f"--column={pair}" for pair in ("time_s=When", "sensor=Site", "range_m=R", "azimuth_deg=Theta", "altitude_m=H")
    ]
    for name, words in (("radar", []), ("own", named)):
        done = run("track", f"{name}.csv", *words, "--sensors", "sites.csv", "--out", f"{name}.parquet")
        assert done.exit_code == 0, done.output
    assert (inside / "own.parquet").read_bytes() == (inside / "radar.parquet").read_bytes()
    assert "--column range_nmi=YOURS" in refused("track", "own.csv")
    assert "--column range_nmi=YOURS" in refused("doctor", "own.csv")
    assert run("doctor", "own.csv", *named, "--sensors", "sites.csv").exit_code == 0


def test_bad_rows_are_refused_by_row_with_a_reason_and_the_rest_tracked(inside):
    bad = [
        f"{START_S},hill,nan,40,9000",
        f"{START_S + 20},hill,inf,40,9000",
        f"{START_S + 30},hill,1e9,40,9000",
        f"{START_S + 40},hill,100000,40,1e9",
        f"{START_S + 9e8},hill,100000,40,9000",
        f"{START_S + 50},hill,100000,4000,9000",
    ]
    plots(inside / "radar.csv", extra=bad)
    figures = json.loads(run("track", "radar.csv", "--sensors", "sites.csv", "--json").stdout)
    row, recording = figures["sensors"][0], figures["recordings"][0]
    assert figures["tracks"]["tracks"] == 2
    assert row["used"] == 24
    assert row["refused"] == {"BAD_TIME": 1, "OUT_OF_BOUNDS": 3}
    assert recording["counts"]["detection without a position"] == 2
    assert row["plots"] == row["used"] + row["unused"] + sum(row["refused"].values())


def test_a_recording_of_both_lines_gives_the_same_tracks_and_says_so(inside):
    header, *rows = plots(inside / "radar.csv").read_text().splitlines()
    (inside / "both.csv").write_text("\n".join([header, *(row for row in rows for _ in range(2))]))
    calls = {"once": ["radar.csv"], "both": ["both.csv"], "given twice": ["radar.csv", "radar.csv"]}
    for name, words in calls.items():
        done = run("track", *words, "--sensors", "sites.csv", "--out", f"{name}.parquet", "--json")
        figures = json.loads(done.stdout)
        row, repeats = figures["sensors"][0], 0 if name == "once" else 24
        assert (row["plots"], row["used"], row["unused"]) == (24 + repeats, 24, 0)
        assert row["refused"] == ({"DUPLICATE": 24} if repeats else {})
        told = [note for note in figures["notes"] if "repeat an earlier one to the last digit" in note]
        assert [note[:25] for note in told] == (["24 plots of sensor 'hill'"] if repeats else [])
        assert (inside / f"{name}.parquet").read_bytes() == (inside / "once.parquet").read_bytes()
    assert "24 duplicate" in run("track", "both.csv", "--sensors", "sites.csv").stdout
    found = json.loads(run("doctor", "radar.csv", "radar.csv", "--sensors", "sites.csv", "--json").stdout)["findings"]
    assert any(each["verdict"].startswith("24 of 48 rows repeat another one") for each in found)


def test_the_summary_for_people(inside):
    plots(inside / "radar.csv")
    done = run("track", "radar.csv", "--sensors", "sites.csv", "--out", "t.csv")
    assert done.exit_code == 0
    for words in ("2 tracks", "search_radar", "hill", "wrote t.csv", "24"):
        assert words in done.stdout


def test_a_radar_nobody_placed_is_tracked_alone_and_says_so(inside):
    plots(inside / "radar.csv")
    done = run("track", "radar.csv")
    assert done.exit_code == 0, done.output
    assert "position of radar 'hill' unknown" in done.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["none.pcap"], "none.pcap: No such file or directory"),
        (["."], "."),
        (["empty.csv"], "empty.csv: the file is empty"),
        (["noise.bin"], "noise.bin: no known format"),
        (["radar.csv", "--format", "asterisk"], "no 'asterisk' in formats; there are:"),
        (["noise.bin", "--format", "asterix"], "noise.bin: "),
        (["radar.csv", "--out", "t.xyz"], "t.xyz: cannot tell the format; end the name in one of .parquet"),
        (["radar.csv", "--out", "no/t.csv"], "there is no folder no"),
        (["radar.csv", "--plot", "no/map.png"], "there is no folder no"),
        (["radar.csv", "--plot", "map.docx"], "map.docx"),
        (
            ["radar.csv", "--tracker", "best"],
            "no 'best' in tracking.trackers; there are: mixture, nearest_neighbour, soft",
        ),
        (["radar.csv", "--motion", "warp"], "no 'warp' in motion; there are:"),
        (["radar.csv", "--set", "hits=4"], "no parameter 'hits'; there are:"),
        (["radar.csv", "--set", "hits_to_confirm=many"], "write NAME=NUMBER"),
        (
            ["radar.csv", "--column", "range_nm=r"],
            "column range_nm=r: tables know no 'range_nm'; near it are range_nmi",
        ),
        (["radar.csv", "--column", "range_m"], "column range_m: write which of yours it is, range_m=YOURS"),
        (
            ["radar.csv", "--column", "range_m=a", "--column", "range_m=b"],
            "column range_m=b: cannot be beside range_m=a",
        ),
        (
            ["radar.csv", "--column", "mmsi=ship"],
            "column mmsi=ship: no table has 'ship'; there are altitude_m, azimuth",
        ),
        (["radar.csv", "--sensors", "wrong.csv"], "sensor 'hill': no 'serch_radar' in sensors; there are:"),
        (["radar.csv", "--sensors", "radar.csv"], "radar.csv: is no table of sensors; give a table of sensor, type"),
        (["radar.csv", "--sensors", "far.csv"], "sensor 'hill': a latitude of 146 degrees"),
        (["radar.csv", "--day", "yesterday"], "--day yesterday: write a day as 2024-06-06"),
        (["sample:nosuch"], "no sample 'nosuch'; there are:"),
        (["headless.csv"], "headless.csv"),
        (["radar.csv", "--out", "radar.csv"], "radar.csv: is read here and would be written over"),
        (["radar.csv", "--journal", "."], ".: is a folder"),
        (["radar.csv", "--period", "-1"], "an output period of -1 s"),
        (["radar.csv", "--period", "inf"], "an output period of inf s"),
        (["radar.csv", "--batch", "0"], "batches of 0 s"),
        (
            ["radar.csv", "--tracker", "nearest_neighbour", "--set", "hits_to_confirm=0"],
            "hits_to_confirm must be from 1",
        ),
        (["radar.csv", "--set", "gate_probability=1"], "gate_probability is 1.0: it must be between 0 and 1"),
    ],
)
def test_bad_input_gets_one_line_and_nothing_is_written(inside, words, complaint):
    plots(inside / "radar.csv")
    (inside / "empty.csv").write_bytes(b"")
    (inside / "noise.bin").write_bytes(np.random.default_rng(0).bytes(5_000))
    (inside / "wrong.csv").write_text("sensor,type,lat_deg,lon_deg,height_m\nhill,serch_radar,46,7,500\n")
    (inside / "far.csv").write_text("sensor,type,lat_deg,lon_deg,height_m\nhill,search_radar,146,7,500\n")
    (inside / "headless.csv").write_text("1,2,3\n4,5,6\n")
    before = sorted(path.name for path in inside.iterdir())
    assert complaint in refused("track", *words)
    assert sorted(path.name for path in inside.iterdir()) == before


def test_a_folder_for_an_exercise_is_made_but_not_over_a_file(inside):
    from noroshi.run.exercises.command import Wanted, check, perform

    wanted = Wanted("first_steps", out=inside / "not" / "there yet", until_s=1.0)
    assert check(wanted) == 1.0
    assert not wanted.out.parent.exists()
    perform(wanted)
    assert {path.name for path in wanted.out.iterdir()} == {"ONE.mcap", "world.mcap"}
    (inside / "file").touch()
    assert "file: is a file; give a folder" in refused("exercise", "first_steps", "--out", "file")
    (inside / "half.bin").touch()
    told = refused("exercise", "first_steps", "--out", "nowhere", "--resume", "half.bin")
    assert "nowhere: there is no such folder; give that of the run that is gone on with" in told


def test_a_replicate_beyond_all_numbers():
    done = run("exercise", "first_steps", "--until", 5, "--replicate", 2**63)
    assert done.exit_code == 2
    assert "--replicate" in done.stderr


@pytest.mark.parametrize("words", [["none.mcap"], ["sites.csv"]])
def test_replaying_what_is_no_journal(inside, words):
    plots(inside / "radar.csv")
    assert words[0] in refused("replay", *words)


def test_a_table_cut_short_keeps_what_is_whole(inside):
    whole = plots(inside / "radar.csv", scans=20).read_bytes()
    (inside / "cut.csv").write_bytes(whole[: int(len(whole) * 0.8)])
    figures = json.loads(run("track", "cut.csv", "--sensors", "sites.csv", "--json").stdout)
    assert figures["tracks"]["tracks"] == 2


def test_radar_beside_reports_shows_the_radars_bias(inside):
    """A radar 200 m long and 0.3 degrees to the right, beside the aircraft's own reports."""
    from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
    from noroshi.motion.constant_velocity import Motion
    from noroshi.records import SensorSite
    from noroshi.sensors.position_report import Sensor as Report
    from noroshi.sensors.search_radar import Sensor as Radar

    site = SensorSite(
        sensor="hill", type="search_radar", lat_rad=math.radians(46), lon_rad=math.radians(7), height_m=500.0
    )
    radar, report = Radar.at(site), Report.at(SensorSite(sensor="adsb", type="position_report"))
    lat, lon = np.radians([46.4, 46.9, 45.5]), np.radians([7.5, 6.2, 7.9])
    start = np.hstack([ecef_from_geodetic(lat, lon, np.full(3, 10_000.0)), 220.0 * enu_axes(lat, lon)[:, 1]])
    rng = np.random.default_rng(4)
    plot_lines = ["time_s,sensor,range_m,azimuth_deg,altitude_m"]
    report_lines = ["time_s,sensor,lat_deg,lon_deg,altitude_m,icao_address"]
    for k in range(60):
        states = Motion.of().propagate(start, np.full(3, 5.0 * k))
        seen = radar.measure(states, np.broadcast_to(radar.origin_ecef_m, (3, 3)))
        told = report.measure(states, np.full((3, 3), np.nan))
        for i in range(3):
            range_m, azimuth = (
                seen[i, 0] + 200 + 70 * rng.normal(),
                math.degrees(seen[i, 1]) + 0.3 + 0.08 * rng.normal(),
            )
            plot_lines.append(f"{START_S + 5 * k},hill,{range_m:.1f},{azimuth % 360:.4f},10000")
            lat_deg, lon_deg = np.degrees(told[i, :2])
            report_lines.append(f"{START_S + 5 * k},adsb,{lat_deg:.7f},{lon_deg:.7f},10000,{0x4B0000 + i:06x}")
    (inside / "plots.csv").write_text("\n".join(plot_lines))
    (inside / "reports.csv").write_text("\n".join(report_lines))
    (inside / "sites.csv").write_text(SITES + "adsb,position_report,,,\n")
    done = run("track", "plots.csv", "reports.csv", "--sensors", "sites.csv", "--json")
    assert done.exit_code == 0, done.output
    found = {row["component"]: row for row in json.loads(done.stdout)["residuals"]}
    assert found["range_m"]["bias"] == pytest.approx(200.0, abs=25.0)
    assert math.degrees(found["azimuth_rad"]["bias"]) == pytest.approx(0.3, abs=0.03)
    assert found["range_m"]["sigma"] == pytest.approx(70.0, rel=0.25)
    assert found["range_m"]["n"] > 150


def test_radars_nobody_placed_are_left_out_and_named(inside):
    plots(inside / "radar.csv")
    text = (inside / "radar.csv").read_text()
    (inside / "two.csv").write_text(text + "\n" + "\n".join(text.replace("hill", "dale").splitlines()[1:]))
    done = run("track", "two.csv", "--sensors", "sites.csv", "--json")
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["tracks"]["tracks"] == 2
    assert figures["notes"] == [
        "position of radar 'dale' unknown: not tracked; give it in a sensors table with --sensors",
        "no standard deviation of radar 'hill' is given: range_sigma_m = 70, azimuth_sigma_rad = 0.001396 is taken; "
        "say it in a sensors table (`noroshi doctor` measures it)",
    ]
    assert {row["sensor"]: row["refused"] for row in figures["sensors"]} == {"hill": {}, "dale": {"UNKNOWN_SENSOR": 24}}


def test_work_that_ctrl_c_breaks_off_has_an_exit_code_that_help_tells(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("noroshi.run.exercises.command.check", interrupted)
    done = run("exercise", "first_steps")
    assert (done.exit_code, done.stderr) == (130, "noroshi: interrupted\n")
    assert "130 broken off by Ctrl-C" in " ".join(run("--help").stdout.split())


def test_an_assumed_day_is_told_whole_and_not_as_a_count(inside):
    from noroshi.formats import tables
    from noroshi.formats.asterix import encode_plots

    decoded = tables.decode(plots(inside / "radar.csv").read_bytes(), Context(source="radar"))
    (inside / "radar.ast").write_bytes(encode_plots(decoded.detections[0].replace(sensor="021/001")))
    done = run("track", "radar.ast")
    said = " ".join(done.stdout.split())
    assert "note: the recording gives the time of day only; the day is taken as 1970-01-01 (--day says it)" in said
    (recording,) = json.loads(run("track", "radar.ast", "--json").stdout)["recordings"]
    assert sum(recording["counts"].values()) == recording["records"]
    assert all(recording["counts"].values())
    assert len(recording["notes"]) == 1
    assert "the recording gives" not in run("track", "radar.ast", "--day", "2023-11-14").stdout


def test_a_live_nodes_journal_is_replayed_without_the_keys_that_it_does_not_hold(inside):
    plots(inside / "radar.csv")
    words = ["--sensors", "sites.csv", "--tracker", "nearest_neighbour", "--journal", "j.mcap", "--json"]
    told = json.loads(run("track", "radar.csv", *words).stdout)
    setup = msgspec.structs.replace(read_setup(inside / "j.mcap"), sharing=Sharing(exercise="SPRING-26"))
    with pytest.raises(ValueError, match="has no keys"):
        assemble(setup)
    with JournalWriter(inside / "live.mcap", setup) as journal:
        for now_ns, record in read_records(inside / "j.mcap"):
            journal.write(record, now_ns)
    done = run("replay", "live.mcap", "--json")
    assert done.exit_code == 0, done.output
    again = json.loads(done.stdout)
    assert again["digest"] == told["digest"]
    assert again["tracks"]["tracks"] == 2
    assert [note for note in again["notes"] if "without its partners" in note] == again["notes"] != []
    assert json.loads(run("replay", "j.mcap", "--json").stdout)["notes"] == []
    numbers = {str(row["track"]) for row in _rows(inside, "live.mcap")}
    assert run("why", numbers.pop(), "live.mcap").exit_code == 0


def _rows(inside, journal):
    """Return the rows of the tracks of a journal."""
    assert run("replay", journal, "--out", "rows.csv").exit_code == 0
    with (inside / "rows.csv").open(newline="") as file:
        return list(csv.DictReader(file))


REPORTS = "time_s,{},altitude_m,icao_address\n" + "".join(f"{START_S + 5 * k},{{}},9000,4b0000\n" for k in range(40))


def test_reasons_are_told_apart_by_what_they_are_and_not_by_how_they_begin():
    refused = {("hill", "OUT_OF_BOUNDS"): 3}
    notes = ["'hill': looks twice a second", "position of radar 'hill' unknown: picture relative to it"]
    assert reasons(refused, notes) == "3 of 'hill' out of bounds"
    assert (
        reasons(refused, [*notes, Reason("place of sonar sensor 'x' unknown")]) == "place of sonar sensor 'x' unknown"
    )


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (
            REPORTS.format("lat_deg,lon_deg", *["121.5,15.25"] * 40),
            "'own': lat_deg is more than 89.9 in 40 rows, 121.5 for instance; are latitude and longitude swapped?",
        ),
        (
            REPORTS.format("lat_deg,lon_deg", *["1507.5,12119.5"] * 40),
            "'own': lat_deg is more than 89.9 in 40 rows, 1507.5 for instance; are these degrees and minutes",
        ),
        (
            REPORTS.format("lat_deg,lon_deg", *["1599.5,12119.5"] * 40),
            "'own': lat_deg is more than 89.9 in 40 rows, 1599.5 for instance\n",
        ),
        (
            REPORTS.format("sensor,range_m,azimuth_rad", *["hill,50000,92.5"] * 40),
            "'hill': azimuth_rad is more than 6.283 in 40 rows, 92.5 for instance; are these degrees?",
        ),
        (
            REPORTS.format("sensor,range_m,azimuth_rad", *["hall,50000,1", "dale,50000,1"] * 20),
            "position of radar 'dale', 'hall' unknown (known are those of hill, which gave no plots)",
        ),
    ],
)
def test_where_every_plot_is_refused_nothing_is_written_and_the_reason_is_told(inside, table, why):
    (inside / "own.csv").write_text(table)
    (inside / "sites.csv").write_text(SITES)
    (inside / "t.csv").write_text("of yesterday")
    for asked in (["--out", "t.csv"], ["--plot", "map.png"], ["--out", "t.csv", "--json"]):
        done = run("track", "own.csv", "--sensors", "sites.csv", *asked)
        assert done.exit_code == 1, done.output
        assert done.stderr.startswith(f"noroshi: nothing to write, no plot could be used: {why}")
        assert done.stderr.count("\n") == 1
        assert "look as often" not in done.stdout
        assert "wrote" not in done.stdout
    assert (inside / "t.csv").read_text() == "of yesterday"
    assert not (inside / "map.png").exists()
    assert run("track", "own.csv", "--sensors", "sites.csv").exit_code == 0


def test_plots_that_could_be_used_and_made_no_track_are_a_result(inside):
    plots(inside / "radar.csv", scans=1)
    (inside / "t.csv").write_text("of yesterday")
    done = run("track", "radar.csv", "--sensors", "sites.csv", "--out", "t.csv", "--plot", "map.png")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    assert "are the units those that the columns' names say, does each sensor look as often as is told" in said
    assert "nothing to write to t.csv: no tracks wrote map.png" in said


def test_help_shows_all_that_it_says_in_brackets():
    told = []
    for path, command in _commands(typer.main.get_command(app)):
        texts = [command.help, command.epilog, *(getattr(each, "help", None) for each in command.params)]
        said = {piece for text in texts if text for piece in re.findall(r"\[+\w+\]+", text.replace("\\", ""))}
        if said:
            shown = " ".join(CliRunner().invoke(app, [*path, "--help"]).output.replace("│", " ").split())
            told += [(path, piece) for piece in said]
            assert [piece for piece in sorted(said) if piece not in shown] == [], path
    assert (["play"], "[[people]]") in told


def _commands(command, path=()):
    """Return each command under one, with the words that call it."""
    inner = getattr(command, "commands", {})
    return [([*path], command)] + [found for name, each in inner.items() for found in _commands(each, (*path, name))]
