"""No illegal, double or expired approval, whatever comes twice, out of order, never, or at the worst moment.

    python bench/command_safety.py [--json] [--runs N] [--steps N] [--seed N]

Each run is one random interleaving: two nations' books, five streams of which one is joint and changes hands and one is
a delegation with two uses that is approved and recalled; people sign steps on what they see, and hand them in late,
twice or never; messages overtake each other, come twice, get lost; the link is cut; nodes are killed and start from a
checkpoint or from their store; deadlines pass. An oracle that knows nothing of the program's table follows every step
that is taken (`command_parts/oracle.py`). In the end everything is told once more, and all must hold the same.
"""

import argparse
import json
import os
import platform
import time
from collections import Counter
from importlib.metadata import version

from command_parts.world import interleave

from noroshi.run.authority import shipped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    rules = shipped()
    counts: Counter[str] = Counter()
    faults: list[str] = []
    bad_runs, since = 0, time.process_time()
    for seed in range(asked.seed, asked.seed + asked.runs):
        world = interleave(seed, rules, asked.steps)
        counts.update(world.counts)
        if world.oracle.faults:
            bad_runs += 1
            faults += [f"{seed}: {fault}" for fault in world.oracle.faults[:3]]
            if not asked.json and bad_runs <= 5:
                print("\n".join(faults[-3:]), flush=True)
    print(
        json.dumps(
            {
                "bench": "command_safety",
                "interleavings": asked.runs,
                "steps_each": asked.steps,
                "first_seed": asked.seed,
                "with_faults": bad_runs,
                "first_faults": faults[:10],
                "approvals": counts["approved"] + counts["amended"],
                "counts": dict(sorted(counts.items())),
                "cpu_s": round(time.process_time() - since, 1),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                **{name: version(name) for name in ("noroshi", "cedarpy", "cryptography", "msgspec")},
            }
        )
    )


if __name__ == "__main__":
    main()
