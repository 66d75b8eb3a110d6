"""The arena: what somebody else's entry does wrong is told in its row, and spoils nobody else's."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
ENTRY = """
import numpy as np

NOTE = "plots as they come"


def track(scene):
    shown = [scene.looks[max(n - 1, 0)].xy_m for n in scene.arrived]
    return {answer}
"""
WRONG = {
    "four": ("[np.hstack([xy, xy]) for xy in shown]", r"gives an array \(\d+, 4\): give an \(n, 2\) array"),
    "nan": ("[xy * np.nan for xy in shown]", r"at time 0 .* positions are not finite"),
    "lists": ("[xy.tolist() for xy in shown]", "gives list: give an"),
    "short": ("shown[1:]", "gives 80 of them: give a list of 81 arrays"),
    "fails": ("1 / 0", r"ZeroDivisionError: division by zero \(line 9 of fails.py\)"),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Return what the arena prints of a right entry and of wrong ones."""
    folder = tmp_path_factory.mktemp("arena")
    (folder / "arena.py").write_text((BENCH / "arena.py").read_text())
    (folder / "arena_scenes").symlink_to(BENCH / "arena_scenes")
    (folder / "arena_entries").mkdir()
    (folder / "arena_entries/__init__.py").write_text("")
    answers = {"right": "shown", **{name: answer for name, (answer, _) in WRONG.items()}}
    for name, answer in answers.items():
        (folder / f"arena_entries/{name}.py").write_text(ENTRY.replace("{answer}", answer))
    words = [sys.executable, "arena.py", "--tuning", "--runs", "1", "--scene", "four_crossing", "--json"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return {row["entry"]: row for row in json.loads(done.stdout)["rows"]}


def test_the_others_rows_stand(table):
    assert table["right"]["rms_gospa_m"] > 1.0
    assert "failed" not in table["right"]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told(table, name):
    assert re.search(WRONG[name][1], table[name]["failed"]), table[name]["failed"]
