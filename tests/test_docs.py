"""The documentation does what it says."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE = re.compile(r"<!-- file: (?P<path>\S+) -->\n```\w+\n(?P<text>.*?)```", re.DOTALL)
ADDED = {"test_every_sensor.py": "direction_finder", "test_every_motion.py": "drift",
         "test_every_observer.py": "direction_finder",
         "test_every_format.py": "range_azimuth_lines", "test_every_metric.py": "worst_moment",
         "test_every_mover.py": "balloon", "test_every_rule.py": "slow_aircraft"}  # fmt: skip


@pytest.fixture(scope="module")
def copy_with_additions(tmp_path_factory):
    """Return a copy of the project with the files of docs/adding.md written into it."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    for match in FILE.finditer((ROOT / "docs/adding.md").read_text()):
        path = folder / match["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(match["text"])
    return folder


def run(folder, *command):
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env={"PYTHONPATH": str(folder / "src"), "PATH": ""},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(("test", "key"), ADDED.items())
def test_a_newcomers_file_is_held_to_the_rooms_contract(copy_with_additions, test, key):
    done = run(copy_with_additions, "-m", "pytest", f"tests/{test}", "-k", key, "-n", "0", "-vv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"[{key}]" in done.stdout, done.stdout
    assert " passed" in done.stdout


def test_a_newcomers_files_fit_the_structure(copy_with_additions):
    """The import contracts hold for the added files as they do for ours."""
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = run(copy_with_additions, "-c", code)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_newcomers_format_is_tracked_without_more_ado(copy_with_additions):
    """The new format is recognised by its content and tracked by the command line."""
    lines = ["# range-azimuth lines"]
    lines += [f"{1_700_000_000 + 10 * k} {150_000 - 2_000 * k} {45 + 0.1 * k}" for k in range(12)]
    lines += ["not a plot"]
    (copy_with_additions / "mine.rat").write_text("\n".join(lines))
    done = run(copy_with_additions, "-m", "noroshi", "track", "mine.rat", "--json")
    assert done.returncode == 0, done.stderr
    assert '"format": "range_azimuth_lines"' in done.stdout
    assert '"damage": {"not three numbers": 1}' in done.stdout
    assert '"tracks": 1' in done.stdout


BLOCK = re.compile(r"```(?P<kind>python|console)\n(?P<text>.*?)```", re.DOTALL)
PAGES = (
    "tutorial",
    "doctor",
    "why",
    "coverage",
    "exercise",
    "release",
    "links",
    "audit",
    "listen",
    "edges",
    "node",
    "command",
    "advice",
    "fusion",
    "alerts",
)


@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs(page, tmp_path, monkeypatch):
    """Each python block runs in one namespace; each command exits 0 and prints the lines shown."""
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCK.finditer((ROOT / "docs" / f"{page}.md").read_text()):
        if block["kind"] == "python":
            exec(compile(block["text"], page, "exec"), names)
            continue
        command, *expected = block["text"].strip().splitlines()
        words = command.removeprefix("$ noroshi ").split()
        done = subprocess.run([sys.executable, "-m", "noroshi", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        for line in expected:
            assert line in done.stdout, done.stdout
