"""Same scenario, same bytes: twice, under another hash seed, over processes, whole or resumed; and what runs say."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from noroshi.formats import FormatError
from noroshi.formats.columns import pack
from noroshi.records import Status, Tracks, Truth
from noroshi.run.api import replay
from noroshi.run.cli import app
from noroshi.run.exercises.books import segments
from noroshi.run.exercises.outcome import outcome
from noroshi.run.exercises.running import Plan, run
from noroshi.run.journal import read_records

SECOND = """
name = "Neighbour"
code = "NGB"
[[sensors]]
name = "neighbour-radar"
type = "search_radar"
lat_deg = 36.3
lon_deg = 140.6
height_m = 120.0
[sensors.world]
false_plots_per_scan = 3.0
"""
UNTIL_S = 27.0


@pytest.fixture(scope="module")
def neighbour(tmp_path_factory):
    """Return a nation's file, so that there are two nodes."""
    path = tmp_path_factory.mktemp("nations") / "neighbour.toml"
    path.write_text(SECOND)
    return path


@pytest.fixture(scope="module")
def once(neighbour, tmp_path_factory):
    """Return a run of two nodes in one process."""
    plan = Plan(scenario="first_steps", also=(str(neighbour),), folder=tmp_path_factory.mktemp("once"))
    return plan, run(plan)


def test_the_nodes_see_and_track(once):
    _, ran = once
    figures = outcome(ran)
    assert figures["flights"] == {"aircraft": 3, "satellites": 0}
    for node in figures["nodes"]:
        assert node["siap"]["completeness"] > 0.5
        assert 1.0 <= node["siap"]["ambiguity"] < 1.2  # a minute is mostly beginnings
    assert set(ran.digests) == {"ONE", "NGB", "world"}


@pytest.mark.parametrize(("processes", "threads"), [(2, 1), (1, 2)])
def test_again_over_two_processes_and_with_two_threads(once, neighbour, tmp_path, processes, threads):
    _, ran = once
    plan = Plan(scenario="first_steps", also=(str(neighbour),), folder=tmp_path, threads=threads)
    again = run(plan, processes=processes)
    assert again.digests == ran.digests
    assert {code: pack(tracks) for code, tracks in again.tracks.items()} == {
        code: pack(tracks) for code, tracks in ran.tracks.items()
    }


def test_resumed_from_a_checkpoint(once, neighbour, tmp_path):
    _, ran = once
    whole = {"scenario": "first_steps", "also": (str(neighbour),), "folder": tmp_path}
    half = run(Plan(**whole, until_s=UNTIL_S))
    assert half.checkpoint is not None
    rest = run(Plan(**whole), resume=half.checkpoint)
    assert rest.digests == ran.digests
    assert len(segments(tmp_path, "ONE")) == 2
    assert {code: pack(tracks) for code, tracks in rest.tracks.items()} == {
        code: pack(tracks) for code, tracks in ran.tracks.items()
    }
    with pytest.raises(FormatError, match="another replicate"):
        run(Plan(**whole, replicate=1), resume=half.checkpoint)
    with pytest.raises(FormatError, match="not a checkpoint"):
        run(Plan(**whole), resume=b"nonsense")


def test_under_another_hash_seed_and_replicate(tmp_path):
    told = {}
    for name, seed, replicate in (("a", "0", 0), ("b", "7", 0), ("c", "7", 1)):
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, "-m", "noroshi", "exercise", "first_steps", "--out", str(folder), "--json",
             "--replicate", str(replicate)],
            capture_output=True, text=True, check=False, env=os.environ | {"PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told[name] = json.loads(done.stdout)["digests"]
    assert told["a"] == told["b"]
    assert told["a"]["ONE"] != told["c"]["ONE"]


def test_a_node_replays_to_the_same_pictures(once):
    plan, ran = once
    again = replay(plan.folder / "ONE.mcap")
    pictures = ran.tracks["ONE"]
    assert again.tracks.time_ns.min() == pictures.time_ns.min()
    at = again.tracks.time_ns < ran.scenario.end_ns - 10**9  # a replay ends with the last record, not with the exercise
    assert again.tracks.track_id[at].tolist() == pictures.track_id[: at.sum()].tolist()


def test_a_node_that_shares_replays_to_its_own_tracks(tmp_path):
    ran = run(Plan(scenario="us_japan_korea", folder=tmp_path, until_s=45.0))
    own, again = ran.tracks["JPN"], replay(tmp_path / "JPN.mcap").tracks
    at = own.time_ns < own.time_ns.max()  # a replay ends with the last record, not with the exercise
    assert (again.node, again.source_names) == (own.node, own.source_names)
    assert again.track_id[: at.sum()].tolist() == own.track_id[at].tolist()


def test_the_world_journal_tells_truth_and_injects(once):
    plan, _ = once
    records = list(read_records(plan.folder / "world.mcap"))
    truths = [record for _, record in records if isinstance(record, Truth)]
    assert len(truths) == 61
    assert {str(name) for name in truths[0].target} == {"north-bound", "east-bound", "low"}
    said = [(record.source[0], record.subject[0]) for _, record in records if isinstance(record, Status)]
    assert said == [("sensor_off one-adsb", "inject begins"), ("sensor_off one-adsb", "inject ends")]
    assert not any(isinstance(record, Tracks) for _, record in records)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "no scenario 'nowhere'"),
        (["first_steps", "--checkpoint", "c"], "say --until too"),
        (["first_steps", "--until", "-1"], "a number of seconds above 0"),
        (["first_steps", "--resume", "x"], "say --out"),
        (["first_steps", "--nation", "nobody"], "nobody"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_line(words, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["exercise", *words])
    assert done.exit_code == 2
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_goes_with_its_journals(neighbour, tmp_path):
    whole = {"scenario": "first_steps", "also": (str(neighbour),), "folder": tmp_path}
    half = run(Plan(**whole, until_s=10.0)).checkpoint
    assert half is not None
    with pytest.raises(FormatError, match="stop later"):
        run(Plan(**whole, until_s=9.0), resume=half)
    with pytest.raises(FormatError, match="damaged"):
        run(Plan(**whole), resume=half[:-1])
    run(Plan(**whole, until_s=12.0), resume=half)
    with pytest.raises(FormatError, match="are not those that it left"):
        run(Plan(**whole), resume=half)


def test_nothing_that_flies_and_nobody_who_tracks_are_told_as_they_are(tmp_path):
    text = "".join(
        f"{line}\n"
        for line in ('name = "Empty"', "seed = 1", "start = 2030-01-01T00:00:00Z", "duration_s = 20.0",
                     'nations = ["one_site"]')
    )  # fmt: skip
    (tmp_path / "empty.toml").write_text(text)
    (tmp_path / "out").mkdir()
    figures = outcome(run(Plan(scenario=str(tmp_path / "empty.toml"), folder=tmp_path / "out")))
    assert figures["nodes"][0]["siap"] is None
