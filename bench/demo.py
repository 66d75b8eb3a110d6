"""The trilateral exercise: how much faster than real time, where the time goes, and whether processes change a byte.

uv run bench/demo.py [--scenario trilateral] [--rounds 3] [--json]

Each round runs it over one process, over two and over as many as there are nodes, and over one and two without sharing;
the median round of each counts. Real time is beside the wall time from the first event to the last; starting processes
and loading kernels is told apart. What processes that run side by side can gain at most is told by the processor
seconds of the busiest: on a machine that others use too, wall time says nothing. The tracks
of threats are those of the nodes together: a threat is held from its first track by any node.
"""

import argparse
import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from speed_parts.timing import calibration

import noroshi
from noroshi.run.exercises.outcome import outcome
from noroshi.run.exercises.running import Plan, Ran, run


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="trilateral")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    once(arguments.scenario, processes=1)  # to its end: the kernels of warning are wanted late
    runs: dict[str, list[Ran]] = {"1": [], "2": [], "3": [], "1, alone": [], "2, alone": []}
    for _ in range(arguments.rounds):
        for how, found in runs.items():
            found.append(once(arguments.scenario, processes=int(how[0]), sharing="alone" not in how))
    figures = outcome(runs["1"][0])
    print(
        json.dumps(
            {
                "scenario": figures["scenario"],
                "seed": figures["seed"],
                "simulated_s": figures["simulated_s"],
                "flights": figures["flights"],
                "sensors": figures["sensors"],
                "nodes": figures["nodes"],
                "events": figures["events"],
                "runs": {how: told(found, figures["simulated_s"]) for how, found in runs.items()},
                "same_digests": all(
                    len({json.dumps(dict(ran.digests)) for way in ways for ran in runs[way]}) == 1
                    for ways in (("1", "2", "3"), ("1, alone", "2, alone"))
                ),
                "calibration": calibration(),
                "versions": {
                    "noroshi": noroshi.__version__,
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
            }
        )
    )


def once(scenario: str, *, processes: int, sharing: bool = True) -> Ran:
    """Run it once."""
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(scenario=scenario, folder=Path(folder), sharing=sharing)
        return run(plan, processes=processes)


def told(found: list[Ran], simulated_s: float) -> dict[str, Any]:
    """Return the figures of the median run."""
    ran = sorted(found, key=lambda each: each.wall_s)[len(found) // 2]
    spent_s = sum(ran.seconds.values())
    return {
        "wall_s": round(ran.wall_s, 2),
        "faster_than_real_time": round(simulated_s / ran.wall_s, 1),
        "start_up_s": round(ran.start_up_s, 2),
        "processor_s": {name: round(seconds, 2) for name, seconds in ran.seconds.items()},
        "simulated_s_a_processor_s": round(simulated_s / spent_s, 1),
        "process_s": [round(seconds, 2) for seconds in ran.process_s],
        "all_wall_s": [round(each.wall_s, 2) for each in found],
    }


if __name__ == "__main__":
    main()
