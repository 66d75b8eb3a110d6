"""Variants of shipped scenarios as files, and what a run of one tells, kept so that a bench can go on later."""

import hashlib
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from noroshi.run.exercises.running import Plan, Ran, run

DATA = files("noroshi") / "data"


def written(folder: Path, scenario: str, changes: Mapping[str, str], advice: Mapping[str, Any] | None) -> Path:
    """Write a shipped scenario with its nations into a folder, changed, and return its path.

    Args:
        folder: where to.
        scenario: name of the shipped one.
        changes: regular expressions and what comes instead, in every file.
        advice: the section [advice]; none if None.
    """
    text = re.sub(r"(?ms)^\[advice\]\n.*?\n\n", "", (DATA / f"scenarios/{scenario}.toml").read_text())
    named = re.search(r"(?m)^nations = \[(.*?)\]", text)
    assert named is not None
    for name in re.findall(r'"([^"]+)"', named[1]):
        told = (DATA / f"nations/{name}.toml").read_text()
        for old, new in changes.items():
            told = re.sub(old, new, told)
        (folder / f"{name}.toml").write_text(told)
        text = text.replace(f'"{name}"', f'"./{name}.toml"')
    for table in DATA.joinpath("scenarios").iterdir():
        if table.name.endswith(".parquet"):
            (folder / table.name).write_bytes(table.read_bytes())
    for old, new in changes.items():
        text = re.sub(old, new, text)
    if advice is not None:
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in advice.items())
        text = text.replace("[weather]", f"[advice]\n{lines}\n[weather]", 1)
    path = folder / f"{scenario}.toml"
    path.write_text(text)
    return path


def told_of(
    path: Path,
    replicate: int,
    until_s: float | None,
    tell: Callable[[Ran], dict[str, Any]],
    **how: Any,
) -> dict[str, Any]:
    """Return what a run tells, with the processor seconds it took; how it is run beside that: fields of `Plan`."""
    since = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        ran = run(Plan(scenario=str(path), folder=Path(folder), replicate=replicate, until_s=until_s, **how))
    return tell(ran) | {"replicate": replicate, "cpu_s": round(time.process_time() - since, 1)}


class Kept:
    """Runs that were made before, a file each, whole or not there; without a folder nothing is kept.

    Several processes may fill one folder. What is kept must be of the same noroshi's version and scenario; which commit
    made it is noted.
    """

    def __init__(self, folder: Path | None, of: str) -> None:
        self.folder, self.of, self.commits = folder, of, set[str]()

    def get(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a run, made now if it was not before."""
        name = f"{hashlib.sha256(self.of.encode()).hexdigest()[:12]}-{key.replace(' ', '-')}.json"
        path = self.folder and self.folder / name
        if path is not None and path.exists():
            told = json.loads(path.read_text())
        else:
            told = {"of": self.of, "key": key, "commit": commit(), "run": make()}
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                half = path.with_suffix(f".{os.getpid()}")
                half.write_text(json.dumps(told))
                half.replace(path)
        self.commits.add(told["commit"])
        found: dict[str, Any] = told["run"]
        return found


def commit() -> str:
    """Return the commit of this code, with a + if it was changed since; empty if that is not known."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()


def digest_of(folder: Path) -> str:
    """Return what tells a scenario's files in a folder from others."""
    every = sorted(path for path in folder.iterdir() if path.is_file())
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in every)).hexdigest()[:12]


def interval(values: list[float], seed: int = 1, rounds: int = 4_000) -> dict[str, float | int | None]:
    """Return mean, median and the 95 % bootstrap interval of the mean of finite values; how many were none."""
    found = np.array([value for value in values if np.isfinite(value)])
    if not len(found):
        return {"n": 0, "none": len(values), "mean": None, "median": None, "low": None, "high": None}
    drawn = np.random.default_rng(seed).choice(found, (rounds, len(found))).mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {
        "n": len(found), "none": len(values) - len(found), "mean": float(found.mean()),
        "median": float(np.median(found)), "low": float(low), "high": float(high),
    }  # fmt: skip
