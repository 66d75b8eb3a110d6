"""Killed with signal 9 at random moments, a node loses and doubles no decision that it vouched for.

    python bench/command_killed.py [--json] [--kills N] [--seed N]

The node proposes, a person approves, each step is written, four decisions are one commit, and only then is anybody
told. After each start whoever approved last approves again, with the same signed step. What is stored is read, judged
as an audit record and folded anew.
"""

import argparse
import json
import os
import platform
import resource
import tempfile
from importlib.metadata import version
from pathlib import Path

from command_parts.killed import killed

from noroshi.run.authority import shipped


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = killed(Path(folder), shipped(), asked.kills, asked.seed)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(
        json.dumps(
            {
                "bench": "command_killed",
                "kills": found.kills,
                "seed": asked.seed,
                "steps_vouched_for": found.acknowledged,
                "steps_stored": found.stored,
                "faults": len(found.faults),
                "first_faults": found.faults[:5],
                "counts": dict(found.counts),
                "cpu_s": round(sum(one.ru_utime + one.ru_stime for one in used), 1),
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                **{name: version(name) for name in ("noroshi", "cryptography", "msgspec")},
            }
        )
    )


if __name__ == "__main__":
    main()
