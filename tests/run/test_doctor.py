"""Faults put into recordings on purpose are found, within the intervals, and nothing is claimed that is not shown."""

import json

import numpy as np
import pymap3d
import pytest
from doctor_scenes import NS, PLACES, SITES, START_NS, flights, radar_table, write_radars, write_reports
from typer.testing import CliRunner

from noroshi import load, track
from noroshi.records import Detections
from noroshi.run.cli import app
from noroshi.run.doctor import examine
from noroshi.run.doctor.recording import unsearched


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def findings(*words):
    done = CliRunner().invoke(app, ["doctor", *map(str, words), "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["findings"]
    return {(row["sensor"], row["subject"]): row for row in found}


def holds(row, true, slack=0.0):
    return row["low"] - slack <= true <= row["high"] + slack


def test_biases_misses_and_false_plots_are_found_within_their_intervals(inside):
    truth = flights(3, 30, 300)
    write_radars(
        inside / "radar.csv",
        radar_table(truth, 300, bias=(120.0, 0.31, 0.8), detection_probability=0.7, false_plots=80.0),
    )
    write_reports(inside / "adsb.csv", truth)
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    expected = {
        "range bias": 120.0,
        "azimuth bias": 0.31,
        "clock bias": 0.8,
        "range noise": 70.0,
        "azimuth noise": 0.08,
        "detection probability": 0.7,
        "false plots": 80.0,
    }
    for subject, true in expected.items():
        row = found["hill", subject]
        assert holds(row, true), row
        assert row["high"] - row["low"] < 0.35 * true, row
    faults = {subject for (_, subject), row in found.items() if row["level"] == "fault"}
    assert faults == {"range bias", "azimuth bias", "clock bias", "detection probability"}
    assert "subtract 0.3" in found["hill", "azimuth bias"]["verdict"]
    assert found["hill", "rotation"]["value"] == pytest.approx(10.0, abs=0.005)


def test_nothing_is_wrong_with_a_sound_recording(inside):
    truth = flights(4, 25, 200)
    write_radars(inside / "radar.csv", radar_table(truth, 200, false_plots=5.0))
    write_reports(inside / "adsb.csv", truth)
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    assert [row for row in found.values() if row["level"] != "ok"] == []


@pytest.mark.parametrize(("n_sensors", "n_more"), [(256, 0), (300, 88)])
def test_rows_that_a_live_node_does_not_look_at_for_repeats_are_told(n_sensors, n_more):
    rows = np.arange(2 * n_sensors)
    batches = [
        Detections.of(
            sensor=f"s{k}", components=("x_m", "y_m"), time_ns=START_NS + np.array([0, NS]), values=np.full((2, 2), k)
        )
        for k in range(n_sensors)
    ]
    found = unsearched(batches)
    assert len(found) == bool(n_more)
    for one in found:
        assert one.verdict.startswith(f"live, {n_more} of {len(rows)} rows would not be looked at for repeats")


def test_a_clock_jump_is_found_where_it_is(inside):
    truth, middle_ns = flights(5, 25, 300), START_NS + 150 * NS

    def jump(values, time_ns, codes):
        return values, time_ns + np.where(time_ns > middle_ns, round(0.4 * NS), 0), codes

    write_radars(inside / "radar.csv", radar_table(truth, 300, change=jump))
    found = findings("radar.csv", "--sensors", "sites.csv")
    row = found["hill", "clock jump"]
    assert row["level"] == "fault"
    assert holds(row, 0.4), row
    assert "2023-11-14T22:15" in row["verdict"]
    assert found["hill", "biases"]["level"] == "unknown"
    assert ("hill", "azimuth bias") not in found


def test_wrong_codes_split_plots_repeated_rows_and_a_cluttered_sector(inside):
    truth = flights(6, 25, 300)
    rng = np.random.default_rng(6)

    def garble(values, time_ns, codes):
        bad = (rng.random(len(codes)) < 0.04) & (codes >= 0)
        twice = rng.random(len(codes)) < 0.06
        again = values[twice] + np.array([250.0, 0.004, 0.0])
        n = 300
        clutter = np.column_stack([40_000 * np.sqrt(rng.random(n)), rng.uniform(0.55, 1.0, n), np.full(n, 600.0)])
        turn = rng.integers(0, 30, n)
        when_ns = START_NS + turn * 10 * NS + (clutter[:, 1] / (2 * np.pi) * 10 * NS).astype(np.int64)
        codes = np.where(bad, codes ^ 0o0400, codes)
        values = np.concatenate([values, again, clutter])
        time_ns = np.concatenate([time_ns, time_ns[twice] + 1, when_ns])
        codes = np.concatenate([codes, codes[twice], np.full(n, -1)])
        order = np.argsort(time_ns, kind="stable")
        return values[order], time_ns[order], codes[order]

    table = radar_table(truth, 300, false_plots=10.0, change=garble)
    write_radars(inside / "radar.csv", table, table[:5])
    found = findings("radar.csv", "--sensors", "sites.csv")
    assert holds(found["hill", "split plots"], 0.06, 0.02)
    assert found["hill", "split plots"]["level"] == "fault"
    assert holds(found["hill", "Mode 3/A wrong"], 0.04, 0.02)
    assert found["hill", "Mode 3/A wrong"]["level"] == "fault"
    assert found["hill", "repeated rows"]["verdict"].startswith("5 of ")
    assert "30 to 60 degrees, 0 to" in found["hill", "where false plots are"]["verdict"]


def test_two_radars_alone_tell_the_difference_of_their_clocks(inside):
    truth = flights(7, 30, 400)
    write_radars(
        inside / "radar.csv",
        radar_table(truth, 400, name="dale"),
        radar_table(truth, 400, name="hill", seed=2, bias=(0.0, 0.0, 1.0)),
    )
    found = findings("radar.csv", "--sensors", "sites.csv")
    assert holds(found["hill", "clock against dale"], 1.0), found["hill", "clock against dale"]
    assert found["dale", "clock bias"]["level"] == "unknown"
    assert "which of the two is right" in found["hill", "clock against dale"]["verdict"]


def sound(found, *names):
    """Say that nothing is prescribed for these radars, nor called a fault of theirs."""
    told = [row for (sensor, _), row in found.items() if sensor in names]
    assert told
    assert [row for row in told if row["level"] == "fault"] == []
    assert not any(word in row["verdict"] for row in told for word in ("subtract", "add ", "set ", "divide", "move "))


def test_a_site_a_kilometre_off_is_told_as_that_and_spoils_nothing_else(inside):
    truth = flights(11, 20, 200)
    write_radars(
        inside / "radar.csv", radar_table(truth, 200, name="dale", seed=3), radar_table(truth, 200, false_plots=5.0)
    )
    write_reports(inside / "adsb.csv", truth)
    lat, lon, _ = pymap3d.enu2geodetic(707.1, 707.1, 0.0, *PLACES["hill"])
    (inside / "sites.csv").write_text(SITES.replace("46,7,500", f"{lat},{lon},500"))
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    row = found.pop(("hill", "site"))
    assert row["level"] == "fault"
    assert holds(row, 1_000.0), row
    assert "towards 22" in row["verdict"]
    sound(found, "hill", "dale", "adsb")


def test_two_radars_alone_do_not_tell_a_wrong_site_from_wrong_scales(inside):
    truth = flights(17, 20, 200)
    write_radars(inside / "radar.csv", radar_table(truth, 200, name="dale", seed=3), radar_table(truth, 200))
    lat, lon, _ = pymap3d.enu2geodetic(1_500.0, 800.0, 0.0, *PLACES["hill"])
    (inside / "sites.csv").write_text(SITES.replace("46,7,500", f"{lat},{lon},500"))
    found = findings("radar.csv", "--sensors", "sites.csv")
    told = [
        row for (_, subject), row in found.items() if subject in ("site", "range scale", "azimuth bias", "range bias")
    ]
    assert any("one of the two sites is wrong" in row["verdict"] for row in told), found
    assert not any(word in row["verdict"] for row in told for word in ("subtract", "add ", "divide", "move "))


def test_a_scale_of_range_and_a_turning_north_are_no_constants(inside):
    truth = flights(12, 20, 200)

    def worsen(values, time_ns, codes):
        turned = np.radians(0.6) * (time_ns - START_NS) / (200 * NS)
        return values * [1.005, 1.0, 1.0] + turned[:, None] * [0.0, 1.0, 0.0], time_ns, codes

    write_radars(inside / "radar.csv", radar_table(truth, 200, change=worsen))
    write_reports(inside / "adsb.csv", truth)
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    scale, drift = found.pop(("hill", "range scale")), found.pop(("hill", "azimuth drift"))
    assert holds(scale, 0.5), scale
    assert holds(drift, 0.6, 0.03), drift  # between the first and the last pair, not quite the whole time
    sound(found, "hill")


def test_of_two_sites_that_were_swapped_nothing_is_prescribed(inside):
    truth = flights(13, 20, 200)
    write_radars(
        inside / "radar.csv", radar_table(truth, 200, name="dale", seed=3), radar_table(truth, 200, false_plots=5.0)
    )
    write_reports(inside / "adsb.csv", truth)
    other = {"hill": "dale", "dale": "hill"}
    lines = SITES.splitlines()
    (inside / "sites.csv").write_text("\n".join([lines[0], *(other[line[:4]] + line[4:] for line in lines[1:])]))
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    for name in other:
        assert found[name, "biases"]["level"] == "unknown"
        assert "check its site" in found[name, "biases"]["verdict"]
        assert holds(found[name, "detection probability"], 0.9, 0.02)
    sound(found, "hill", "dale")


def test_stamps_of_another_time_zone_are_known_as_such(inside):
    truth = flights(14, 12, 150)
    late = lambda values, time_ns, codes: (values, time_ns + 3600 * NS, codes)  # noqa: E731
    write_radars(inside / "radar.csv", radar_table(truth, 150, change=late))
    write_reports(inside / "adsb.csv", truth)
    read = load("radar.csv", "adsb.csv")
    detections = read[0].decoded.detections
    detections[:] = [batch.replace(received_ns=START_NS + 150 * NS) for batch in detections]
    found = {(row.sensor, row.subject): row.plain() for row in examine(read, load("sites.csv")[0].decoded.sites)}
    verdict = found["hill", "biases"]["verdict"]
    assert "hardly overlap in time" in verdict
    assert "with stamps 1 hour too late" in verdict
    age = found["hill", "age at reception"]["verdict"]
    assert "s after the recording" in age
    assert "stamped -" not in age
    assert "by 1 hour: a time zone?" in age


def test_a_jump_of_the_clock_is_no_noise_of_range(inside):
    truth = flights(15, 20, 200)

    def jump(values, time_ns, codes):
        return values, time_ns + np.where(time_ns > START_NS + 100 * NS, 2 * NS, 0), codes

    write_radars(inside / "radar.csv", radar_table(truth, 200, change=jump))
    write_reports(inside / "adsb.csv", truth)
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    assert holds(found["hill", "range noise"], 70.0), found["hill", "range noise"]
    assert {subject for (_, subject), row in found.items() if row["level"] == "fault"} == {
        "clock jump", "clock between jumps",
    }  # fmt: skip


def test_no_fault_of_a_radar_is_told_from_tracks_that_another_ones_noise_spoils(inside):
    truth, rng = flights(16, 15, 150), np.random.default_rng(16)

    def scatter(values, time_ns, codes):
        return values + rng.normal(size=(len(codes), 1)) * [150.0, 0.0, 0.0], time_ns, codes

    table = radar_table(truth, 150, name="dale", seed=3, change=scatter)
    write_radars(inside / "radar.csv", table, radar_table(truth, 150, detection_probability=0.7))
    write_reports(inside / "adsb.csv", truth)
    found = findings("radar.csv", "adsb.csv", "--sensors", "sites.csv")
    assert "set range_sigma_m" in found["dale", "range noise"]["verdict"]
    row = found["hill", "detection probability"]
    assert row["level"] == "unknown"
    assert "these tracks rest on dale" in row["verdict"]


def test_a_person_gets_a_table_and_bad_input_one_line(inside):
    truth = flights(8, 5, 120)
    write_radars(inside / "radar.csv", radar_table(truth, 120))
    done = CliRunner().invoke(app, ["doctor", "radar.csv", "--sensors", "sites.csv"])
    assert done.exit_code == 0, done.output
    assert "nothing to compare with" in " ".join(done.stdout.split())
    refused = CliRunner().invoke(app, ["doctor", "none.csv"])
    assert refused.exit_code == 2
    assert refused.stderr.count("\n") == 1


def reports_with(inside, truth, change):
    """Write position reports whose times another function changes, or leaves out (None)."""
    write_reports(inside / "adsb.csv", truth)
    head, *lines = (inside / "adsb.csv").read_text().splitlines()
    changed = [(change(int(line.split(",")[0])), line.split(",", 1)[1]) for line in lines]
    kept = [f"{time_ns},{rest}" for time_ns, rest in changed if time_ns is not None]
    (inside / "adsb.csv").write_text("\n".join([head, *kept]))


@pytest.mark.parametrize("seed", [31, 32, 33])
def test_a_jump_of_the_clock_that_stamps_everybody_is_told_from_a_pause(inside, seed):
    middle_ns, jump_ns = START_NS + 150 * NS, 900 * NS
    reports_with(inside, flights(seed, 12, 300), lambda t: t + jump_ns if t > middle_ns else t)
    row = findings("adsb.csv")["", "clock jump of all"]
    assert row["level"] == "fault"
    assert holds(row, 900.0, 0.2)
    assert row["high"] - row["low"] < 1.0
    assert "jumped forwards by" in row["verdict"]
    pause = range(middle_ns + 1, middle_ns + 100 * NS)
    reports_with(inside, flights(seed, 12, 300), lambda t: None if t in pause else t)
    found = findings("adsb.csv")
    assert found["", "silence of all"]["level"] == "ok"
    assert "the recording paused" in found["", "silence of all"]["verdict"]
    assert ("", "clock jump of all") not in found


def test_a_silence_of_which_no_sender_tells_is_told_as_that(inside):
    write_radars(inside / "radar.csv", radar_table(flights(34, 12, 300), 300))
    head, *lines = (inside / "radar.csv").read_text().splitlines()
    pause = range(START_NS + 100 * NS, START_NS + 220 * NS)
    (inside / "radar.csv").write_text("\n".join([head, *(x for x in lines if int(x.split(",")[0]) not in pause)]))
    row = findings("radar.csv", "--sensors", "sites.csv")["", "silence of all"]
    assert row["level"] == "unknown"
    assert row["value"] == pytest.approx(120.0, abs=5.0)
    write_radars(inside / "whole.csv", radar_table(flights(34, 12, 300), 300))
    assert not [key for key in findings("whole.csv", "--sensors", "sites.csv") if not key[0] and "all" in key[1]]


def test_two_radars_under_one_name_are_told_with_the_remedy(inside):
    truth = flights(35, 20, 300)
    other = [
        line.replace(",dale,", ",hill,") for line in radar_table(truth, 300, name="dale", seed=2, bias=(0.0, 0.0, 3.0))
    ]
    write_radars(inside / "radars.csv", radar_table(truth, 300, name="hill"), other)
    row = findings("radars.csv", "--sensors", "sites.csv")["hill", "two antennas"]
    assert row["level"] == "fault"
    assert "two radars under one name" in row["verdict"]
    read = load("radars.csv")
    done = track(read[0].decoded.detections, load("sites.csv")[0].decoded.sites)
    assert sum("two radars under one name" in note for note in done.notes) == 1
    write_radars(inside / "one.csv", radar_table(truth, 300, name="hill"))
    assert ("hill", "two antennas") not in findings("one.csv", "--sensors", "sites.csv")


@pytest.mark.parametrize("step_ft", [25.0, 0.1])
def test_heights_in_feet_are_no_wrong_site(inside, step_ft):
    """In steps of 25 ft they tell it themselves, else by how much better two radars fit each other."""
    truth = flights(36, 20, 300)

    def change(values, time_ns, codes):
        feet = np.round(values[:, 2] / 0.3048 / step_ft) * step_ft
        return np.column_stack([values[:, :2], feet]), time_ns, codes

    tables = [radar_table(truth, 300, name=name, seed=i, change=change) for i, name in enumerate(("hill", "dale"))]
    write_radars(inside / "feet.csv", *tables)
    found = findings("feet.csv", "--sensors", "sites.csv")
    for name in ("hill", "dale"):
        assert found[name, "units"]["level"] == "fault"
        assert "name the column altitude_ft" in found[name, "units"]["verdict"]
        faults = {subject for (sensor, subject), row in found.items() if sensor == name and row["level"] == "fault"}
        assert faults == {"units"}
    head, *lines = (inside / "feet.csv").read_text().splitlines()
    (inside / "named.csv").write_text("\n".join([head.replace("altitude_m", "altitude_ft"), *lines]))
    named = findings("named.csv", "--sensors", "sites.csv")
    assert not [row for row in named.values() if row["level"] == "fault"]


def test_velocities_in_knots_are_told_with_the_remedy_that_mends_them(inside):
    write_reports(inside / "adsb.csv", flights(37, 12, 300))
    head, *lines = (inside / "adsb.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    knots = [[*row[:5], *(f"{float(x) * 3600 / 1852:.2f}" for x in row[5:7]), *row[7:]] for row in rows]
    (inside / "knots.csv").write_text("\n".join([head, *map(",".join, knots)]))
    row = findings("knots.csv")["adsb", "units"]
    assert row["level"] == "fault"
    assert "velocity_east_kt" in row["verdict"]
    said = [note for note in track(load("knots.csv")[0].decoded.detections).notes if "knots" in note]
    assert len(said) == 1
    (inside / "named.csv").write_text("\n".join([head.replace("_m_s", "_kt"), *map(",".join, knots)]))
    assert not [row for row in findings("named.csv").values() if row["level"] == "fault"]
    assert not track(load("named.csv")[0].decoded.detections).notes
