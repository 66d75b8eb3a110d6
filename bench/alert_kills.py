"""Is an alert ever lost between "decided" and "sent", or shown twice, when the node is killed?

    uv run bench/alert_kills.py [--json] [--runs N] [--seed N] [--folder PATH]

A node's desk in a process of its own approves alerts, updates and cancels by a fixed script and sends each to a folder
and to a receiver over HTTP. It is killed (kill -9) at a random moment, before it has opened its store or up to six
decisions later, and started again, over and over; at last it is left to send what is left over. The receiver turns a
tenth of the posts away, and takes 15 % of them without its answer arriving.

Lost: decided (`approve` had returned), and not shown by the receiver. Other bytes: whatever came out under one
identifier, by file or post, over all lives, is not what was decided. Shown twice: what the receiver showed more than
once. Complaints: an update or cancel without its predecessor, an alert without a cancel ready, a node that did not end.
`kills_between` are those after which something that was decided had not gone out: the kills that matter.
"""

import argparse
import json
import os
import platform
import resource
import sqlite3
import tempfile
from importlib.metadata import version
from pathlib import Path

from alert_parts.killing import kill_often

SEED, RUNS = 20_261_126, 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--folder", type=Path, help="on which disk; a temporary one if not given")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        found = kill_often(Path(name), asked.runs, asked.seed)
    faults = found.faults()
    figures = {
        "kills": found.counts["kills"],
        "kills_between": found.counts["kills with something decided and not sent"],
        "decided": len(found.decided),
        "posts_taken": found.n_came.total(),
        "came_more_than_once": sum(n > 1 for n in found.n_came.values()),
        "shown": found.shown.total(),
        **{what.replace(" ", "_"): len(names) for what, names in faults.items()},
    }
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    about = {
        "bench": "alert_kills",
        "seed": asked.seed,
        "runs": asked.runs,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("noroshi", "cryptography", "lxml", "signxml")},
        "cpu_s": round(sum(each.ru_utime + each.ru_stime for each in used), 1),
    }
    if not asked.json:
        for what, value in figures.items():
            print(f"{what:>22}: {value}")
        for what, names in faults.items():
            if names:
                print(f"{what}: {names[:10]}")
    print(json.dumps({**about, "figures": figures}))


if __name__ == "__main__":
    main()
