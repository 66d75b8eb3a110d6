"""No illegal, double or expired approval, whatever comes twice, out of order, never, or at the worst moment.

    python bench/command_safety.py [--json] [--runs N] [--steps N] [--seed N] [--keep FOLDER]

Each run is one random interleaving: two nations' books, five streams of which one is joint and changes hands and one is
a delegation with two uses that is approved and recalled; people sign steps on what they see, and hand them in late,
twice or never; messages overtake each other, come twice, get lost; the link is cut; nodes are killed and start from a
checkpoint or from their store; deadlines pass. An oracle that knows nothing of the program's table follows every step
that is taken (`command_parts/oracle.py`). In the end everything is told once more, and all must hold the same.

Runs are made in parts of 10,000. With `--keep` each part that is over is a file there, of this code and so many steps;
what is there is not made again, so this can be stopped and continued, also by several processes with other seeds.
"""

import argparse
import hashlib
import json
import os
import platform
import time
from collections import Counter
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from command_parts.world import interleave

from noroshi.command.authority import Authority
from noroshi.run.authority import shipped

PART = 10_000
FAULTS_MAX = 10  # that are told
PACKAGES = ("noroshi", "cedarpy", "cryptography", "msgspec")


def code_of() -> str:
    """Return what tells this code from another: of the decisions, their rules, the random world and the oracle."""
    source = files("noroshi")
    folders = [source / "command", source / "data" / "authority", Path(__file__).parent / "command_parts"]
    every = [one for folder in folders for one in sorted(folder.iterdir(), key=lambda one: one.name) if one.is_file()]
    every.append(source / "run" / "authority.py")
    return hashlib.sha256(b"\0".join(one.read_bytes() for one in every)).hexdigest()[:12]


def part_of(first: int, n: int, n_steps: int, rules: Authority) -> dict[str, Any]:
    """Return what became of so many interleavings."""
    counts: Counter[str] = Counter()
    faults: list[str] = []
    bad_runs, since = 0, time.process_time()
    for seed in range(first, first + n):
        world = interleave(seed, rules, n_steps)
        counts.update(world.counts)
        bad_runs += bool(world.oracle.faults)
        faults += [f"{seed}: {fault}" for fault in world.oracle.faults[:3]]
    return {
        "with_faults": bad_runs, "faults": faults[:FAULTS_MAX], "counts": dict(counts),
        "cpu_s": round(time.process_time() - since, 1), "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }  # fmt: skip


def kept(path: Path | None, first: int, n: int, n_steps: int, rules: Authority) -> dict[str, Any]:
    """Return a part, made now if it was not before."""
    if path is None:
        return part_of(first, n, n_steps, rules)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(f".{os.getpid()}")
        half.write_text(json.dumps(part_of(first, n, n_steps, rules)))
        half.replace(path)
    told: dict[str, Any] = json.loads(path.read_text())
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=None, help="a folder for parts that are over")
    asked = parser.parse_args()
    rules, code, end = shipped(), code_of(), asked.seed + asked.runs
    parts = []
    for first in range(asked.seed, end, PART):
        n = min(PART, end - first)
        path = asked.keep and asked.keep / f"{code}-{asked.steps}-{first}-{n}.json"
        parts.append(kept(path, first, n, asked.steps, rules))
        if not asked.json:
            print(first, n, parts[-1]["with_faults"], *parts[-1]["faults"][:3], sep="\n  ", flush=True)
    counts = sum((Counter(part["counts"]) for part in parts), Counter())
    print(
        json.dumps(
            {
                "bench": "command_safety",
                "interleavings": asked.runs,
                "steps_each": asked.steps,
                "first_seed": asked.seed,
                "code": code,
                "with_faults": sum(part["with_faults"] for part in parts),
                "first_faults": [fault for part in parts for fault in part["faults"]][:FAULTS_MAX],
                "approvals": counts["approved"] + counts["amended"],
                "counts": dict(sorted(counts.items())),
                "cpu_s": round(sum(part["cpu_s"] for part in parts), 1),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                **{name: sorted({part[name] for part in parts}) for name in ("python", *PACKAGES)},
            }
        )
    )


if __name__ == "__main__":
    main()
