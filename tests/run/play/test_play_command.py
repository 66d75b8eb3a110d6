"""`noroshi play` from the command line: what is refused is refused before anybody is told a token."""

import socket
from pathlib import Path

import pytest
from play_scenes import write_scenario
from typer.testing import CliRunner

from noroshi.run.cli import app


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
