"""`noroshi play` from the command line: what is refused is refused before anybody is told a token."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from play_scenes import write_scenario
from typer.testing import CliRunner

from noroshi.run.cli import app
from noroshi.run.play.rows import check_names, read_rows
from noroshi.run.scenarios import read_scenario


@pytest.mark.parametrize("address", ["nowhere", "0.0.0.0:0", "taken"])
def test_a_bad_address_is_refused_before_tokens_are_told(tmp_path: Path, address: str) -> None:
    scenario = write_scenario(tmp_path, duration_s=5.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}" if address == "taken" else address
        done = CliRunner().invoke(app, ["play", str(scenario), "--address", at])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_tokens_are_told_once_it_listens(tmp_path: Path) -> None:
    scenario = write_scenario(tmp_path, duration_s=5.0)
    done = CliRunner().invoke(app, ["play", str(scenario), "--for-s", "0"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    address = next(i for i, line in enumerate(lines) if "the picture is at http://" in line)
    assert address == sum(" token " in line for line in lines) > 0


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ('to = "approver@JPM"\ntext = "Is it safe?"', "row 7: to: 'approver@JPM' is nobody here; did you mean '"),
        ('to = "aprover@JPN"\ntext = "Is it safe?"', "row 7: to: 'aprover@JPN' is nobody here; did you mean '"),
        (
            'inject = { what = "sensor_off", whom = "JPM" }',
            "row 7: inject, whom: no sensor, constellation or nation 'JPM'",
        ),
        ('inject = { what = "sensor_of", whom = "JPN" }', "row 7: inject, what: no inject 'sensor_of'; did you mean '"),
        ('inject = { what = "sensor_off" }', "row 7: inject: whom is missing: add it"),
    ],
)
def test_a_planned_row_that_names_nobody_is_refused_at_the_start(tmp_path: Path, row: str, told: str) -> None:
    scenario, events = write_scenario(tmp_path, duration_s=5.0), tmp_path / "events.toml"
    events.write_text(f'[[rows]]\nnumber = "7"\nat_s = 3.0\n{row}\n')
    done = CliRunner().invoke(app, ["play", str(scenario), "--events", str(events), "--for-s", "0"])
    assert done.exit_code == 2, done.output
    assert done.stdout == ""
    assert " ".join(done.stderr.split()).startswith(f"noroshi: {events}: {told}")


def test_a_planned_row_that_names_who_plays_is_taken(tmp_path: Path) -> None:
    scenario = read_scenario(write_scenario(tmp_path, duration_s=5.0))
    code = scenario.nations[0].code
    goes_wrong = f'inject = {{ what = "sensor_off", whom = "{code}" }}'
    rows = [
        f'[[rows]]\nnumber = "{to}"\nat_s = 3.0\nto = "{to}"\ntext = "so"\n{goes_wrong}\n'
        for to in ("all", code, f"observer@{code}")
    ]
    (tmp_path / "events.toml").write_text("".join(rows))
    check_names(read_rows(tmp_path / "events.toml"), scenario, tmp_path / "events.toml")


def test_whoever_ends_it_what_was_played_is_written(tmp_path: Path) -> None:
    scenario, out = write_scenario(tmp_path, duration_s=5.0), tmp_path / "out"
    asked = [sys.executable, "-m", "noroshi", "play", str(scenario), "--out", str(out)]
    with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        next(line for line in running.stdout if "the picture is at http://" in line)
        running.send_signal(signal.SIGTERM)  # as a service manager does, and a machine that goes down
        assert running.wait(60.0) == 0
    assert (out / "played.json").is_file()
