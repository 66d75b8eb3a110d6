"""Is what the tracker says of a missile true about its burn-out? NEES of place and velocity, by what sees it.

    uv run bench/burn_out.py [--flights 60] [--first 20000] [--json]

Flights are those of `bench/impact_honesty.py` (its numbers below 10,000 are the judging ones), flown by the exercise's
movers and followed by the shipped tracker with its four models from 45 s on. Of the firm track's newest row 10 s before
burn-out, at it, and 10 s and 20 s after are told, by sensors and period: NEES over its degrees of freedom (1 is right),
mean and median; of the velocity along the flight the root mean square of its error over the sigma claimed (1 is right),
the share beyond two sigmas (0.046 is right), the error and the median sigma; and the mean probability of thrust.

With looks seldomer than burns end, a row after burn-out mostly stands at a plot at which nothing could tell that it had
ended: of burns that have just ended, and these are all that are counted, a filter that is right on the average is
surprised.
"""

import argparse
import json
import math
import platform
from collections import defaultdict
from importlib.metadata import version
from typing import Any

import numpy as np
from impact_honesty import FROM_S
from impact_parts.drawn import fall
from impact_parts.scenes import NS, START_NS, Floats, Truth, eyes_about, follow, looks, motions

from noroshi.records import Kind
from noroshi.run import kernel_cache

AT_S = (-10.0, -0.1, 10.0, 20.0)
SETS = (("two satellites", "ab", 1.0), ("two satellites and a radar", "abr", 1.0), ("a radar", "r", 10.0))


def said(truth: Truth, row: dict[str, Any]) -> list[float]:
    """Return NEES (all, place, velocity), error and sigma of the velocity along the flight, probability of thrust."""
    state = truth.states(np.array([(row["time_ns"] - START_NS) / NS]))[0]
    error, covariance = state - row["state"], row["covariance"]
    along = state[3:] / np.linalg.norm(state[3:])

    def nees(some: slice) -> float:
        part: Floats = error[some]
        return float(part @ np.linalg.solve(covariance[some, some], part)) / len(part)

    sigma = math.sqrt(along @ covariance[3:, 3:] @ along)
    ours = [nees(slice(6)), nees(slice(3)), nees(slice(3, 6)), float(along @ error[3:]), sigma]
    return [*ours, float(row["kind"][Kind.BOOSTING])]


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flights", type=int, default=60)
    parser.add_argument("--first", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kernel_cache.prepare()
    found: dict[tuple[str, float], list[list[float]]] = defaultdict(list)
    for number in range(arguments.first, arguments.first + arguments.flights):
        truth = fall(number, np.random.default_rng([6, number]))
        if truth is None or truth.impact_s < truth.burn_out_s + 80.0 or truth.burn_out_s < FROM_S + 15.0:
            continue
        eyes = eyes_about(truth, np.random.default_rng([8, number]))
        for name, letters, period_s in SETS:
            rng, seeing = np.random.default_rng([9, number]), [eye for eye in eyes if eye.name in letters]
            times = np.arange(FROM_S + rng.uniform(0.0, period_s), truth.burn_out_s + AT_S[-1] + 1.0, period_s)
            seen = looks(truth, seeing, times, rng)
            rows = follow(seen, seeing, "soft", [truth.burn_out_s + each for each in AT_S], motions())
            for at_s, row in zip(AT_S, rows, strict=True):
                if row is not None:
                    found[f"{name}, each {period_s:g} s", at_s].append(said(truth, row))
    figures = []
    for (sensors, at_s), values in found.items():
        v = np.array(values)
        z = v[:, 3] / v[:, 4]
        figures.append(
            {
                "sensors": sensors, "at_s": at_s, "tracks": len(v), "nees": v[:, 0].mean(),
                "nees_median": float(np.median(v[:, 0])), "nees_place": v[:, 1].mean(),
                "nees_velocity": v[:, 2].mean(), "along_sigmas": float(np.sqrt((z**2).mean())),
                "beyond_2": float((np.abs(z) > 2.0).mean()), "error_m_s": float(np.sqrt((v[:, 3] ** 2).mean())),
                "sigma_m_s": float(np.median(v[:, 4])), "boosting": v[:, 5].mean(),
            }
        )  # fmt: skip
        if not arguments.json:
            print(", ".join(f"{k} {x:.2f}" if isinstance(x, float) else f"{k} {x}" for k, x in figures[-1].items()))
    versions = {"noroshi": version("noroshi"), "numpy": np.__version__, "python": platform.python_version()}
    told = {"bench": "burn_out", "flights": arguments.flights, "first": arguments.first, "figures": figures}
    print(json.dumps(told | {"versions": versions}))


if __name__ == "__main__":
    main()
