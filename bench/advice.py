"""Advice with a bound: which sensor looks where, and who covers what when sites fail; how good, how proven, how long.

    python bench/advice.py [--json] [--only looks|covering] [--limit-s N]

Sensors and tracks lie in a square; a sensor reaches 0.22 of its side, tracks drift, weights span 0.5 to 75. Sites reach
0.15, areas count 10 to 100. Seconds are of the processor, and so is the limit. The bound of looks is proved by prices
that are checked anew (`advice.looks.bound_by`), and of the instances that it can take the linear programme of HiGHS is
solved to the end beside it; the bound of coverings is the solver's.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from typing import Any

import numpy as np

from noroshi.advice import covering, looks

SEED = 20_300_101
LOOKS = ((6, 100, 10, 1), (12, 300, 20, 1), (20, 1_000, 30, 1), (60, 5_000, 60, 1), (60, 5_000, 60, 2))
COVERINGS = ((25, 120, 8, 0), (25, 120, 8, 1), (25, 120, 8, 2), (100, 300, 20, 1), (100, 300, 20, 2))
LP_MAX = 100_000


def sky(sensors: int, tracks: int, slots: int, each: int) -> looks.Looks:
    rng = np.random.default_rng(SEED)
    sites, places = rng.uniform(0.0, 1.0, (sensors, 2)), rng.uniform(0.0, 1.0, (tracks, 2))
    drift = rng.normal(0.0, 0.002, (tracks, 2))
    visible = np.zeros((sensors, slots, tracks), np.bool_)
    for slot in range(slots):
        visible[:, slot] = np.linalg.norm(sites[:, None] - (places + slot * drift)[None], axis=2) < 0.22
    weight = rng.choice([1.0, 2.0, 5.0, 10.0, 50.0], tracks) * rng.uniform(0.5, 1.5, tracks)
    return looks.looks(np.full((sensors, slots), each), weight, visible)


def looked(sensors: int, tracks: int, slots: int, each: int, limit_s: float) -> dict[str, Any]:
    problem = sky(sensors, tracks, slots, each)
    since = time.process_time()
    plan = looks.advise(problem, time_limit_s=limit_s, clock=time.process_time)
    cpu_s = time.process_time() - since
    assert looks.bound_by(problem, plan.price) == plan.bound
    assert looks.reward_of(problem, plan.chosen) == plan.reward
    told: dict[str, Any] = {
        "sensors": sensors, "tracks": tracks, "slots": slots, "looks_each": each, "options": len(problem.option),
        "reward": round(plan.reward, 2), "bound": round(plan.bound, 2), "gap_percent": round(100.0 * plan.gap, 4),
        "greedy_of_bound": round(plan.greedy_reward / plan.bound, 5), "solver": plan.solver, "rounds": plan.rounds,
        "cpu_s": round(cpu_s, 2),
    }  # fmt: skip
    if len(problem.option) <= LP_MAX:
        since = time.process_time()
        solved = looks.solve(problem, time_limit_s=600.0)
        if solved is not None:
            told |= {
                "programme": round(looks.reward_of(problem, solved[0]), 2),
                "programme_cpu_s": round(time.process_time() - since, 2),
            }
    return told


def covered(sites: int, areas: int, number: int, losses: int, limit_s: float) -> dict[str, Any]:
    rng = np.random.default_rng(SEED)
    places, towns = rng.uniform(0.0, 1.0, (sites, 2)), rng.uniform(0.0, 1.0, (areas, 2))
    weight = rng.integers(10, 100, areas).astype(np.float64)
    reach = 0.2 if sites <= 25 else 0.15
    covers = np.linalg.norm(places[:, None] - towns[None], axis=2) < reach
    problem = covering.Covering(covers, weight, number, losses)
    since = time.process_time()
    plan = covering.advise(problem, time_limit_s=limit_s, clock=time.process_time)
    return {
        "sites": sites, "areas": areas, "chosen": number, "losses": losses, "value": plan.value,
        "bound": round(plan.bound, 2), "gap_percent": round(100.0 * plan.gap, 3), "nominal": plan.nominal,
        "greedy_value": plan.greedy_value,
        "cpu_s": round(time.process_time() - since, 1),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=("looks", "covering"))
    parser.add_argument("--limit-s", type=float, default=60.0)
    asked = parser.parse_args()
    looks.advise(sky(2, 5, 2, 1), time_limit_s=60.0, clock=time.process_time)  # compiles
    told: dict[str, Any] = {"bench": "advice", "seed": SEED, "limit_s": asked.limit_s}
    if asked.only != "covering":
        told["looks"] = [looked(*size, asked.limit_s) for size in LOOKS]
    if asked.only != "looks":
        told["covering"] = [covered(*size, asked.limit_s) for size in COVERINGS]
    told |= {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("noroshi", "numpy", "scipy", "numba")},
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
