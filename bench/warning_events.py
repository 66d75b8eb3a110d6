"""Three clocks of warning over the real launches that can be flown: noticed, areas proposed, people told.

Each event is flown anew in each replicate (cloud, burn time, drag, noise, how quick the approver is) past each set of
sensors. Times are seconds after lift-off; "never" is the share of runs in which it did not happen. Nobody is told
of lofted launches that endanger nobody: for those "told" must be never. Of what is asked of who approves: how many
proposals, and how many within 30 s at most.

    uv run bench/warning_events.py --json --replicates 2
"""

import argparse
import json
import multiprocessing
import platform
import time
from bisect import bisect_left
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

import numpy as np

from noroshi import __version__
from noroshi.run.events import event_names, load_event
from noroshi.run.warn.replaying import Replayed, replay
from noroshi.run.warn.stands import STANDS

SILENT = ("2017-11-29", "2022-03-24", "2022-11-18", "2023-07-12", "2024-10-31")
Job = tuple[str, str, int, float | None]


def run(job: Job) -> tuple[Job, Replayed]:
    """Replay one event."""
    name, stand, replicate, until_s = job
    return job, replay(load_event(name), stand, seed=1, replicate=replicate, until_s=until_s)


def clock(values: list[float | None]) -> dict[str, float | None]:
    """Return median, 95th percentile and share never of times."""
    known = [value for value in values if value is not None]
    return {
        "n": len(values),
        "median_s": float(np.median(known)) if known else None,
        "p95_s": float(np.percentile(known, 95)) if known else None,
        "never": 1.0 - len(known) / len(values),
    }


def most_in(times_s: Sequence[float], span_s: float) -> int:
    """Return how many of rising times lie in one span, at most."""
    return max((bisect_left(times_s, at_s + span_s) - i for i, at_s in enumerate(times_s)), default=0)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the figures are printed as JSON")
    parser.add_argument("--replicates", type=int, default=2)
    parser.add_argument("--events", default=",".join(n for n in event_names() if load_event(n).tier == "fitted"))
    parser.add_argument("--stands", default=",".join(STANDS))
    parser.add_argument("--until", type=float, default=None, help="seconds of each scenario; to the end if left out")
    parser.add_argument("--processes", type=int, default=2)
    wanted = parser.parse_args()
    jobs: list[Job] = [
        (event, stand, replicate, wanted.until)
        for event in wanted.events.split(",")
        for stand in wanted.stands.split(",")
        for replicate in range(wanted.replicates)
    ]
    since = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(wanted.processes, mp_context=context) as pool:
        done = list(pool.map(run, jobs))
    stands = {}
    for stand in wanted.stands.split(","):
        heard = [(job[0], one) for job, one in done if job[1] == stand]
        threatening = [one for name, one in heard if name not in SILENT and one.people_near > 0.0]
        stands[stand] = {
            "noticed": clock([one.clocks.noticed_s for _, one in heard]),
            "proposed": clock([one.clocks.proposed_s for one in threatening]) if threatening else None,
            "told": clock([one.clocks.approved_s for one in threatening]) if threatening else None,
            "told_of_silent": sum(one.clocks.approved_s is not None for name, one in heard if name in SILENT),
            "silent_runs": sum(name in SILENT for name, _ in heard),
        }
    each = [
        {
            "event": job[0],
            "stand": job[1],
            "replicate": job[2],
            "noticed_s": one.clocks.noticed_s,
            "proposed_s": one.clocks.proposed_s,
            "told_s": one.clocks.approved_s,
            "proposals": len(one.proposals_s),
            "proposals_in_30_s": most_in(one.proposals_s, 30.0),
            "cleared_s": one.clocks.cleared_s,
            "areas": list(one.told),
            "people_told": one.people_told,
            "people_needless": one.people_needless,
            "people_near": one.people_near,
            "people_near_told": one.people_near_told,
            "least_lead_s": min((lead for lead in one.lead_s.values() if lead is not None), default=None),
        }
        for job, one in done
    ]
    print(
        json.dumps(
            {
                "bench": "warning_events",
                "date": datetime.now(UTC).strftime("%Y-%m-%d"),
                "version": __version__,
                "python": platform.python_version(),
                "seed": 1,
                "replicates": wanted.replicates,
                "until_s": wanted.until,
                "stands": stands,
                "runs": each,
                "wall_s": time.perf_counter() - since,
            }
        )
    )


if __name__ == "__main__":
    main()
