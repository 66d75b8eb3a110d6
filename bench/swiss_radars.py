"""Real flights over Switzerland past three simulated radars: how good is the picture?

uv run bench/swiss_radars.py [--hours 2] [--from-hour 8] [--seed 1] [--json]

Truth: the sample `switzerland` of the PyPI package `traffic` (2018-08-01, above flight level 300), cleaned. Radars:
three notional sites of the generic class (70 m, 0.08 degrees, Mode C to 25 ft, detection probability 0.9, one rotation
in 10 s) with 50 false plots a scan each. No transponder identity is used.
"""

import argparse
import json

import numpy as np
from swiss_scene import PERIOD_S, flights, judged, moments, plots_of, tracked, versions

from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import take


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--from-hour", type=float, default=8.0, help="UTC")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tracker", default="soft")
    parser.add_argument("--motion", default=None)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(
        arguments.from_hour,
        arguments.hours,
        arguments.seed,
        {k: float(v) for k, v in (s.split("=") for s in arguments.set)},
        arguments.tracker,
        arguments.motion,
    )
    if not arguments.json:
        print(figures.pop("ed142_table"))
    print(json.dumps(figures))


def measure(
    from_hour: float, hours: float, seed: int, parameters: dict[str, float], tracker: str, motion: str | None
) -> dict[str, object]:
    """Return the figures of one watch."""
    truth, removed = flights()
    midnight = int(truth.time_ns.min()) // (86_400 * NS_PER_S) * 86_400 * NS_PER_S
    start_ns = midnight + round(from_hour * 3600) * NS_PER_S
    end_ns = start_ns + round(hours * 3600) * NS_PER_S
    truth = take(truth, (truth.time_ns >= start_ns) & (truth.time_ns <= end_ns))
    plots = plots_of(truth, start_ns, end_ns, seed)
    found, cpu_s = tracked(plots, tracker, motion, parameters)
    return {
        "from": iso_from_utc_ns(start_ns),
        "hours": hours,
        "seed": seed,
        "tracker": tracker,
        "motion": found.setup.motion,
        "flights": len(np.unique(truth.target)),
        "rows_removed_from_truth": dict(removed),
        "plots": sum(map(len, plots)),
        "output_period_s": PERIOD_S,
        **judged(truth, found.tracks, moments(start_ns, end_ns)),
        "tracking_cpu_s": round(cpu_s, 2),
        "digest": found.digest,
        "versions": versions(),
    }


if __name__ == "__main__":
    main()
