"""Variants of shipped scenarios as files, and what a run of one tells, kept so that a bench can go on later."""

import json
import re
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
    *,
    sharing: bool = True,
) -> dict[str, Any]:
    """Return what a run tells, with the processor seconds it took."""
    since = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        ran = run(Plan(scenario=str(path), folder=Path(folder), replicate=replicate, until_s=until_s, sharing=sharing))
    return tell(ran) | {"replicate": replicate, "cpu_s": round(time.process_time() - since, 1)}


class Kept:
    """Runs that were made before, one JSON line each; without a file nothing is kept."""

    def __init__(self, path: Path | None, of: str) -> None:
        self.path, self.of = path, of
        self.lines: dict[str, dict[str, Any]] = {}
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                told = json.loads(line)
                if told["of"] == of:
                    self.lines[told["key"]] = told["run"]

    def get(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a run, made now if it was not before."""
        if key not in self.lines:
            self.lines[key] = make()
            if self.path is not None:
                with self.path.open("a") as stream:
                    stream.write(json.dumps({"of": self.of, "key": key, "run": self.lines[key]}) + "\n")
        return self.lines[key]


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
