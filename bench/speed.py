"""How fast is the shipped tracker: beside Stone Soup on the same plots, and alone up to 100,000 targets and more.

uv run bench/speed.py [--quick] [--json] [--n 10 100 1000] [--peers documented expert ehm2] [--trackers KEY ...]

Beside: 3-D air targets, straight and turning, one radar of the generic class with elevation, a scan every 4 s,
detection probability 0.9, 0.1 to 0.6 false plots a target (each seed its own), in sparse and in raid scenes
(`speed_parts.scenes`). The same plots go to Stone Soup as documented, tuned by an expert, and with its fastest soft
associator (`speed_parts.stone_soup_peers`), and to noroshi's node through Earth-fixed frames (`speed_parts.shipped`);
GOSPA and SIAP of each are computed by `noroshi.assessment`, paired over seeds. "shared": all plots of a scan have one
time, as Stone Soup's tree wants it; "rotating": each plot has its own. Seconds are the process's CPU seconds of one
scan, median over the scans after the first five, and over seeds; those of noroshi over three runs too.

Alone: a scan every 10 s, each plot at its own time, handed to the node in batches of `--batch` seconds. Compiling is
not in these figures; it is `warm_up` and `start_up`.
"""

import argparse
import functools
import itertools
import json
import math
import os
import platform
import sys
from importlib.metadata import version
from typing import Any

from speed_parts import alone, compare
from speed_parts.start_up import start_up
from speed_parts.timing import calibration

PEERS = ("documented", "expert", "ehm2")
LAYOUTS, TIMINGS = ("sparse", "raid"), ("shared", "rotating")
SEEDS = {10: 20, 100: 8, 1_000: 4}
SEEDS_MORE = 3
SEED = 1


def main() -> None:
    """Measure and print."""
    asked = _arguments()

    def say(text: str) -> None:
        print(text, file=sys.stderr if asked.json else sys.stdout, flush=True)

    found: dict[str, Any] = {
        "bench": "speed",
        "date": asked.date,
        "quick": asked.quick,
        "arguments": sys.argv[1:],
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("noroshi", "numpy", "numba", "scipy", "stonesoup")},
        "machine": {"system": platform.platform(), "cores": os.cpu_count(), "load_before": os.getloadavg()},
        "calibration": calibration(),
        "trackers": {},
    }
    for tracker in asked.trackers:
        warm = {"warm_up": alone.warm_up(tracker)}
        say(f"{tracker}: {_short(warm['warm_up'])}")
        found["trackers"][tracker] = warm | (_alone(tracker, asked, say) if asked.alone else {})
    children = compare.Peers()
    found["beside"] = []
    for n, layout, timing in itertools.product(asked.n, asked.layouts, asked.timings):
        work = functools.partial(
            compare.compare,
            layout,
            n,
            timing,
            seeds=range(1, 1 + (asked.seeds or SEEDS.get(n, SEEDS_MORE))),
            trackers=asked.trackers,
            peers=[peer for peer in asked.peers if peer != "ehm2" or timing == "shared"],
            limit_s=asked.limit,
            children=children,
            n_scans=10 if asked.quick else None,
            say=say,
        )
        found["beside"].append(alone.beside_calibration(work))
    children.close()
    for case in found["beside"]:
        for tracker, peers in case["beside"].items():
            for peer, line in peers.items():
                times, worse = line["times_as_fast_cpu"], line["gospa_m_worse_by"]
                where = f"{case['layout']} {case['n']} {case['timing']}"
                say(f"{where}: {tracker} is {times:.1f} times as fast as {peer}; GOSPA worse by {worse}")
    found["machine"]["load_after"] = os.getloadavg()
    if asked.json:
        print(json.dumps(_plain(found)))


def _alone(tracker: str, asked: argparse.Namespace, say: Any) -> dict[str, Any]:
    """Return the figures of one tracker alone, each beside the calibration."""
    common = {"batch_s": asked.batch, "scans": asked.scans, "seed": SEED}
    largest = max(asked.alone)
    parts: dict[str, Any] = {}

    def part(name: str, work: Any) -> Any:
        done = alone.beside_calibration(work)
        say(f"{tracker} {name}: {_short(done)}")
        return done

    parts["rate"] = [part("rate", lambda n=n: alone.rate(tracker, n, **common)) for n in asked.alone]
    middle = min(largest, asked.middle)
    parts["swarm"] = part("swarm", lambda: alone.swarm(tracker, middle, **common))
    parts["threads"] = [
        part("threads", lambda n=n: alone.threads(tracker, n, repeats=1 if asked.quick else 3, **common))
        for n in asked.alone
        if n <= 10 * middle
    ]
    share = 0.1 if asked.quick else 1.0
    load = {"n": round(4_000 * share), "n_sensors": round(30 * share), "plots_a_second": 2_000.0 * share}
    parts["operational"] = part("operational", lambda: alone.operational(tracker, **load, **common))
    parts["phases"] = [part("phases", lambda n=n: alone.phases(tracker, n, **common)) for n in asked.alone]
    parts["start_up"] = part("start_up", lambda: start_up(tracker, seed=SEED, quick=asked.quick))
    return parts


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small scenes, few seeds, a tenth of the load")
    parser.add_argument("--n", type=int, nargs="*", default=None, help="targets beside Stone Soup (10 100 1000)")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--trackers", nargs="+", default=["nearest_neighbour", "soft"], help="keys, or KEY:MOTION")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=list(LAYOUTS))
    parser.add_argument("--timings", nargs="+", choices=TIMINGS, default=None)
    parser.add_argument("--seeds", type=int, default=None, help=f"seeds of each scene (by size: {SEEDS})")
    parser.add_argument("--limit", type=float, default=None, help="seconds that a peer may take for one scene")
    parser.add_argument("--alone", type=int, nargs="*", default=None, help="targets alone (1000 10000 100000)")
    parser.add_argument("--middle", type=int, default=None, help="targets of the swarm (10000)")
    parser.add_argument("--scans", type=int, default=None, help="scans timed alone")
    parser.add_argument("--batch", type=float, default=1.0, help="seconds that the node receives at a time")
    parser.add_argument("--date", default="", help="of the run, for the record")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    asked = parser.parse_args()
    quick = {"n": [10], "timings": ["shared"], "limit": 12.0, "alone": [300], "middle": 300, "scans": 2, "seeds": 3}
    full = {"n": [10, 100, 1_000], "timings": list(TIMINGS), "limit": 900.0, "alone": [1_000, 10_000, 100_000],
            "middle": 10_000, "scans": 5}  # fmt: skip
    for name, value in (quick if asked.quick else full).items():
        if getattr(asked, name) is None:
            setattr(asked, name, value)
    return asked


def _short(figures: dict[str, Any]) -> str:
    return ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in figures.items())


def _plain(value: Any) -> Any:
    """Return what JSON can say: no NaN."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


if __name__ == "__main__":
    main()
