"""Three nodes under load for a long time: does their memory grow, and what takes it?

    uv run bench/soak.py [--json] [--seconds N] [--targets N]
    uv run bench/soak.py --virtual [--json] [--seconds N] [--targets N] [--lives S S]

The load of `bench/share_speed.py`: three processes, TLS, real time. With `--virtual` the nodes of
`bench/share_turns.py`: one process, links in memory, the clock moved by processor time, so that a small load makes
hours of minutes; what Zenoh holds is left out, and figures are of all three together. `--lives` is between how many
seconds a target lives, so that tracks end and others begin.

What is bounded fills first: what may be rewound is kept for 30 s, the messages that fusion may fold again for 30 to
46 s (it closes what is older when the next of its copies is), rows that partners were offered for two minutes where
tracks end; outboxes keep what is not acknowledged, which is every 5 s. `FILLED_S` after the load's begin all of that is
as full as it gets. Memory is read once a second: resident, and what is in use of the C library's heap (all arenas),
which is without what freed blocks leave in between. The slope is the line of least squares through means of `BLOCK_S`,
the cycle in which fusion closes; of these the rest is taken to be independent, and its interval is for 95 % (method of
batch means: Schmeiser (1982), Batch size effects in the analysis of simulation output, Operations Research 30(3),
556-568).
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from link_parts.holding import heap_mb, holding_mb
from scipy.stats import t as student
from share_speed import figures, run

FILLED_S = 130.0
BLOCK_S = 16.0


def slope(samples: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Return how memory grows once all is full, in MB an hour, with its interval.

    Args:
        samples: seconds since the load began, and MB.
    """
    at_s, mb = np.array(samples).T
    which = np.floor((at_s - FILLED_S) / BLOCK_S)
    blocks = [block for block in np.unique(which[which >= 0]) if (which == block).sum() > 0.8 * BLOCK_S]
    about = {
        "mb_at_begin": round(float(mb[0]), 1), "mb_at_end": round(float(mb[-1]), 1),
        "mb_max": round(float(mb.max()), 1),
        "blocks": len(blocks), "over_s": BLOCK_S * len(blocks),
    }  # fmt: skip
    if len(blocks) < 4:
        return about
    hours = np.array([at_s[which == block].mean() for block in blocks]) / 3600.0
    means = np.array([mb[which == block].mean() for block in blocks])
    centred = hours - hours.mean()
    rate = float(centred @ means / (centred @ centred))
    rest = means - means.mean() - rate * centred
    error = float(np.sqrt(rest @ rest / (len(blocks) - 2) / (centred @ centred)))
    half = error * float(student.ppf(0.975, len(blocks) - 2))
    return about | {"mb_hour": round(rate, 2), "mb_hour_half_interval": round(half, 2)}


def run_virtual(folder: Path, targets: int, seconds: float, lives_s: tuple[float, float] | None) -> dict[str, Any]:
    """Run the three in one process and return the samples, and what each part of a node holds at the end."""
    import psutil
    from share_turns import WARM_S, World

    world = World(folder, targets, seconds - WARM_S, os.cpu_count() or 1, {}, lives_s)
    process, samples = psutil.Process(), list[tuple[float, float, float]]()

    def turned(at_s: float) -> None:
        if at_s > 0.0 and (not samples or at_s >= samples[-1][0] + 1.0):
            samples.append((at_s, process.memory_info().rss / 2**20, heap_mb()))

    world.turned = turned  # type: ignore[method-assign]
    world.run()
    holding = {code: holding_mb(node) for code, node in world.nodes.items()}
    world.close()
    return {"memory": samples, "holding_mb": holding}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--virtual", action="store_true")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--targets", type=int, default=5_000)
    parser.add_argument("--lives", type=float, nargs=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="noroshi-soak-") as name:
        if asked.virtual:
            seen = {"all three": run_virtual(Path(name), asked.targets, asked.seconds, asked.lives)}
        else:
            seen = run(Path(name), asked.targets, asked.seconds)
    found: dict[str, Any] = {
        code: {
            "resident": slope([(at, resident) for at, resident, _ in one["memory"]]),
            "heap in use": slope([(at, heap) for at, _, heap in one["memory"]]),
            "holding_mb": one["holding_mb"],
        }
        for code, one in seen.items()
    }
    series = {code: [round(mb, 1) for _, mb, _ in one["memory"]][::10] for code, one in seen.items()}
    if not asked.json:
        print(json.dumps(found, indent=1))
    about = {
        "bench": "soak", "targets": asked.targets, "seconds": asked.seconds, "virtual": asked.virtual,
        "lives_s": asked.lives, "seed": 1, "load_average": os.getloadavg(), "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{each: version(each) for each in ("noroshi", "numpy", "eclipse-zenoh")},
    }  # fmt: skip
    load = {} if asked.virtual else {"load": figures(seen)}
    print(json.dumps(about | {"memory": found, "every_tenth_second_mb": series} | load))


if __name__ == "__main__":
    main()
