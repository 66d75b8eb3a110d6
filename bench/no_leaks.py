"""Nothing that a rule denies is in any byte that a partner could get hold of, for thousands of random rule sets.

    python bench/no_leaks.py [--json] [--sets N] [--seed N]

Each set is a policy of one to five random rules that changes half-way, over 64 rows of tracks for three partners, of
whom one is away until after the change, one may be left out of the label, and all ask for everything again in the end.
What each may see of each row is worked out anew in plain Python (`leak_parts/rules.py`). Then every byte is searched
for every place, own number, address, call sign and sensor's name that it may not: what went to each partner at each
step, its outbox's file, what partners hold of the audit, and what `noroshi release explain` says that they get.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from leak_parts.hunt import BATCHES, N_TRACKS, hunt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--sets", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    leaks: list[str] = []
    counts: Counter[str] = Counter()
    since = time.process_time()
    for seed in range(asked.seed, asked.seed + asked.sets):
        with tempfile.TemporaryDirectory() as folder:
            found = hunt(seed, Path(folder))
        leaks += found.leaks
        counts.update(found.counts)
        if found.leaks and not asked.json:
            print("\n".join(found.leaks[:3]), flush=True)
    print(
        json.dumps(
            {
                "bench": "no_leaks",
                "rule_sets": asked.sets,
                "first_seed": asked.seed,
                "rows": asked.sets * BATCHES * N_TRACKS,
                "leaks": len(leaks),
                "first_leaks": leaks[:5],
                "counts": dict(sorted(counts.items())),
                "cpu_s": round(time.process_time() - since, 1),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                **{name: version(name) for name in ("noroshi", "numpy", "msgspec", "cryptography")},
            }
        )
    )


if __name__ == "__main__":
    main()
