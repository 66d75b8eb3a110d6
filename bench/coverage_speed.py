"""How fast coverage is counted, and satellites are moved beside the sgp4 library itself in the same run.

    uv run bench/coverage_speed.py --json [--threads 2] [--repeats 5]

Fold: 54 satellites (Walker star 54/6/1 at 81 degrees, 1,000 km, by SGP4), a lattice of 10,000 equal areas, 1,440 epochs
a minute apart; how many satellites stand above 5 degrees, at every place and epoch. Then from the same counts how often
each place is seen by one and by two at once, and the gaps. The counts are compared with numpy's on a part of the
epochs, with those of one thread, and with Ballard's rosettes.

SGP4: 1,000 satellites at 1,440 epochs. `library` is `SatrecArray.sgp4` alone, which gives kilometres in TEME; ours give
Earth-fixed metres (positions, or positions and velocities). They alternate, so that the machine's moods strike both.

Best of some repeats; seconds of the processor, and `wall` by the clock. The machine is shared: with other work on it
two threads gain little, and the sum of both cores' seconds is what can be compared.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import numpy as np
import sgp4.api

from noroshi.exercise.coverage import Rings, SpaceSight, directions, fold, largest_gap_rad, revisit, rings_from_space
from noroshi.exercise.orbits import STAR_SPAN_RAD, circles, positions, satellites, states, walker
from noroshi.geo.equal_area import equal_area_points
from noroshi.geo.time import NS_PER_S, julian_date_from_utc_ns
from noroshi.run import kernel_cache

EPOCH_NS = 1_893_456_000 * NS_PER_S
N_EPOCHS, STEP_S, N_POINTS = 1_440, 60, 10_000
ROSETTES = ((5, 5, 1, 43.66), (7, 7, 5, 55.69), (9, 9, 7, 70.54), (13, 13, 5, 58.44), (15, 3, 1, 53.51))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print nothing but the figures")
    given = parser.parse_args()
    found = {
        "fold": measure_fold(given.threads, given.repeats),
        "ballard": exact_on_ballard(),
        "sgp4": measure_sgp4(given.repeats),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("noroshi", "numpy", "numba", "sgp4")},
    }
    if not given.json:
        for name in ("fold", "ballard", "sgp4"):
            print(name, *(f"{key} {value}" for key, value in found[name].items()), sep="  ")
    print(json.dumps(found))


def best(work: Callable[[], Any], repeats: int) -> tuple[float, float, Any]:
    """Return the least seconds of the processor and by the clock, and the last result."""
    cpu_s, wall_s, result = [], [], None
    for _ in range(repeats):
        since = time.process_time(), time.perf_counter()
        result = work()
        cpu_s.append(time.process_time() - since[0])
        wall_s.append(time.perf_counter() - since[1])
    return min(cpu_s), min(wall_s), result


def measure_fold(threads: int, repeats: int) -> dict[str, Any]:
    orbits = walker(54, 6, 1, inclination_rad=math.radians(81.0), altitude_m=1e6, node_span_rad=STAR_SPAN_RAD)
    track = positions(satellites(orbits, EPOCH_NS), EPOCH_NS + np.arange(N_EPOCHS) * STEP_S * NS_PER_S)
    sight = SpaceSight(elevation_rad_min=math.radians(5.0))
    points = directions(*equal_area_points(N_POINTS).T, 0.0, sight)
    fold(rings_from_space(track[:, :1], sight, 0.0), points)  # compiles
    with ThreadPoolExecutor(threads) as executor:
        cpu_s, wall_s, counts = best(
            lambda: fold(rings_from_space(track, sight, 0.0), points, executor=executor), repeats
        )
    one_cpu_s, one_wall_s, alone = best(lambda: fold(rings_from_space(track, sight, 0.0), points), repeats)
    revisit(counts[:1], 1.0)
    gaps_s, _, _ = best(lambda: [revisit(counts, STEP_S, least=least) for least in (1, 2)], repeats)
    rings = rings_from_space(track[:, :60], sight, 0.0)
    cosine = np.einsum("ksx,nx->ksn", rings.axis, points)
    tests = 54 * N_POINTS * N_EPOCHS
    return {
        "tests": tests,
        "threads": threads,
        "cpu_s": round(cpu_s, 3),
        "wall_s": round(wall_s, 3),
        "one_thread_cpu_s": round(one_cpu_s, 3),
        "one_thread_wall_s": round(one_wall_s, 3),
        "revisit_once_and_twice_cpu_s": round(gaps_s, 3),
        "tests_per_cpu_s": round(tests / one_cpu_s),
        "same_as_one_thread": bool(np.array_equal(counts, alone)),
        "same_as_numpy": bool(np.array_equal(counts[:60], np.sum(cosine >= rings.cosine_min[..., None], axis=1))),
        "share_once": round(float(np.mean(counts >= 1)), 5),
        "share_twice": round(float(np.mean(counts >= 2)), 5),
    }


def exact_on_ballard() -> dict[str, bool]:
    """Return for each rosette whether the kernel misses exactly the points that are further off than its angle."""
    points = directions(*equal_area_points(N_POINTS).T, 0.0, earth_m=(1.0, 1.0))
    found = {}
    for n, planes, phasing, inclination_deg in ROSETTES:
        orbits = walker(n, planes, phasing, inclination_rad=math.radians(inclination_deg), altitude_m=1e6)
        track = circles(orbits, np.linspace(0.0, 1.0, 181) * orbits.period_s[0]) / orbits.radius_m[0]
        nearest = np.array([np.max(epoch @ points.T, axis=0) for epoch in track])
        exact = True
        for cosine in (
            math.cos(max(map(largest_gap_rad, track))) - 1e-12,
            nearest.min() - 1e-12,
            nearest.min() + 1e-12,
        ):
            rings = Rings(track, np.full(track.shape[:2], cosine), np.full(track.shape[:2], 2.0))
            exact &= bool(np.array_equal(fold(rings, points) == 0, nearest < cosine))
        found[f"{n}/{planes}/{phasing}"] = exact
    return found


def measure_sgp4(repeats: int) -> dict[str, Any]:
    orbits = walker(1_000, 20, 1, inclination_rad=math.radians(81.0), altitude_m=1e6)
    records, time_ns = satellites(orbits, EPOCH_NS), EPOCH_NS + np.arange(N_EPOCHS) * STEP_S * NS_PER_S
    dates = julian_date_from_utc_ns(time_ns)
    positions(records, time_ns[:1])  # compiles
    seconds: dict[str, list[float]] = {"library": [], "positions": [], "states": []}
    for _ in range(repeats):
        for name, work in (
            ("library", lambda: records.sgp4(*dates)),
            ("positions", lambda: positions(records, time_ns)),
            ("states", lambda: states(records, time_ns)),
        ):
            seconds[name].append(best(work, 1)[0])
    least = {name: min(each) for name, each in seconds.items()}
    return {
        "states": len(orbits) * N_EPOCHS,
        "accelerated": bool(sgp4.api.accelerated),
        **{f"{name}_cpu_s": round(each, 3) for name, each in least.items()},
        "positions_to_library": round(least["positions"] / least["library"], 3),
        "states_to_library": round(least["states"] / least["library"], 3),
    }


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
