"""A thousand real flights at once past three simulated radars, with transponder identity and without.

uv run bench/concurrent_flights.py [--seed 2] [--trackers KEY ...] [--identities none transponder] [--json]

Truth: the 1,244 legs of the sample `switzerland` of the PyPI package `traffic` (2018-08-01, above flight level 300),
cleaned, smoothed and each shifted so that its middle falls on one common time. They fly where they flew, and past each
other as no control would let them: `concurrent` says how near. An aircraft that has several legs is several aircraft
here, each with an address of its own. Radars: those of `swiss_radars.py`, with 50 false plots a scan each. With
"transponder" the plots of targets carry their ICAO address (the sample has no Mode 3/A codes) and false plots none.

Processor time is that of tracking, after a short run that compiles, beside fixed work timed in the same run.
"""

import argparse
import json
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from speed_parts.timing import calibration
from swiss_scene import PERIOD_S, flights, judged, moments, plots_of, tracked, versions

from noroshi.assessment.pictures import truth_at, truth_histories
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Truth, take

WARM_UP_S = 60
LEVEL_M = 1_000 * 0.3048
NEAR_M = 1_000.0


def at_one_time(truth: Truth) -> tuple[Truth, int]:
    """Return the legs shifted so that the middle of each falls on one time, and that time.

    The second leg of an aircraft and further ones get addresses that nobody in the sample has.
    """
    names, leg = np.unique(truth.target, return_inverse=True)
    first_ns, last_ns = np.full(len(names), 2**62), np.zeros(len(names), np.int64)
    np.minimum.at(first_ns, leg, truth.time_ns)
    np.maximum.at(last_ns, leg, truth.time_ns)
    together_ns = int(truth.time_ns.min())
    middle_ns = first_ns + (last_ns - first_ns) // 2
    address = truth.identity.icao_address.copy()
    further = np.flatnonzero(np.char.find(names, "/") >= 0)
    unused = np.setdiff1d(np.arange(1, len(address)), address)[: len(further)]
    for i, number in zip(further, unused, strict=True):
        address[leg == i] = number
    shifted = truth.replace(
        time_ns=truth.time_ns + (together_ns - middle_ns)[leg], identity=truth.identity.replace(icao_address=address)
    )
    return shifted, together_ns


def neighbours(truth: Truth, times_ns: Any) -> dict[str, float]:
    """Return how many fly on average and at most, and the share with another within 1 km and 1,000 ft."""
    histories, count, close = truth_histories(truth), [], 0
    for time_ns in times_ns.tolist():
        place = truth_at(histories, np.arange(len(histories.names)), time_ns, 30.0).state_ecef[:, :3]
        height_m = geodetic_from_ecef(place)[2]
        a, b = cKDTree(place).query_pairs(NEAR_M, output_type="ndarray").T
        level = np.abs(height_m[a] - height_m[b]) < LEVEL_M
        close += len(np.unique(np.concatenate([a[level], b[level]])))
        count.append(len(place))
    return {"mean": float(np.mean(count)), "most": max(count), "share_near_another": close / sum(count)}


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=20.0, help="around the common time")
    parser.add_argument("--trackers", nargs="+", default=["soft", "nearest_neighbour"])
    parser.add_argument("--identities", nargs="+", default=["none", "transponder"], choices=["none", "transponder"])
    parser.add_argument("--motion", default=None)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    parameters = {k: float(v) for k, v in (s.split("=") for s in arguments.set)}
    truth, together_ns = at_one_time(flights()[0])
    half_ns = round(arguments.minutes * 30) * NS_PER_S
    start_ns, end_ns = together_ns - half_ns, together_ns + half_ns
    truth = take(truth, (truth.time_ns >= start_ns) & (truth.time_ns <= end_ns))
    times_ns = moments(start_ns, end_ns)
    figures: dict[str, Any] = {
        "minutes": arguments.minutes,
        "seed": arguments.seed,
        "parameters": parameters,
        "flights": len(np.unique(truth.target)),
        "concurrent": neighbours(truth, times_ns),
        "output_period_s": PERIOD_S,
        "calibration": calibration(),
        "runs": [],
        "versions": versions(),
    }
    for identity in arguments.identities:
        plots = plots_of(truth, start_ns, end_ns, arguments.seed, identity)
        early = [take(each, each.time_ns < start_ns + WARM_UP_S * NS_PER_S) for each in plots]
        for tracker in arguments.trackers:
            tracked(early, tracker, arguments.motion, parameters)
            found, cpu_s = tracked(plots, tracker, arguments.motion, parameters)
            run = {
                "tracker": tracker,
                "identity": identity,
                "motion": found.setup.motion,
                "plots": sum(map(len, plots)),
                **judged(truth, found.tracks, times_ns),
                "tracking_cpu_s": round(cpu_s, 2),
                "digest": found.digest,
            }
            if not arguments.json:
                print(f"{tracker}, identity: {identity}, {cpu_s:.2f} s", run["siap"], run["ed142_table"], sep="\n")
            figures["runs"].append(run)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
