"""Whether a campaign's statistics keep what they promise, on toys of which the truth is known.

    python bench/campaign_statistics.py [--repetitions N] [--json]

Intervals: paired differences of a normal, a skewed (gamma of shape 1) and a very skewed (log-normal) law, of 10 to
200 pairs; how often the interval of 95 % holds the true difference, beside what a binomial of 95 % allows at 99 %.
Stop rule: the same after `is_narrow_enough` stopped the pairs, asked after each tenth. Test: how often a difference is
called shown where there is none, and Holm's adjustment over 14 such lines. Sobol' indices: Ishigami's function, a = 7
and b = 0.1.
"""

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version

import numpy as np
from scipy import stats
from scipy.stats import qmc

from noroshi.assessment.comparing import holm, is_narrow_enough, is_shown, paired
from noroshi.assessment.intervals import mean, median, skewed_mean
from noroshi.assessment.sensitivity import sobol

SEED = 20_261_126
LAWS = {
    "normal": (lambda rng, n: rng.normal(3.0, 10.0, n), 3.0, 3.0),
    "gamma": (lambda rng, n: rng.gamma(1.0, 5.0, n), 5.0, 5.0 * np.log(2.0)),
    "log_normal": (lambda rng, n: rng.lognormal(0.0, 1.0, n), float(np.exp(0.5)), 1.0),
}
"""How differences are drawn, their mean and their median."""
PAIRS = (10, 20, 50, 200)
HALF_WIDTH, BATCH = 2.0, 10
N_LINES = 14
FIRST, TOTAL = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
"""Saltelli et al. (2008), Global Sensitivity Analysis: The Primer; Ishigami, Homma (1990)."""


def coverage(repetitions: int, rng: np.random.Generator) -> list[dict]:
    """Return how often intervals hold the truth."""
    rows = []
    for law, (draw, true_mean, true_median) in LAWS.items():
        for n in PAIRS:
            held = {"bootstrap": 0, "student": 0, "median": 0}
            for _ in range(repetitions):
                values = draw(rng, n)
                for name, found, true in (
                    ("bootstrap", skewed_mean(values, rng), true_mean),
                    ("student", mean(values), true_mean),
                    ("median", median(values), true_median),
                ):
                    held[name] += found.low <= true <= found.high
            rows.append({"law": law, "pairs": n, **{name: count / repetitions for name, count in held.items()}})
    return rows


def stopped(repetitions: int, rng: np.random.Generator) -> dict:
    """Return how often the interval holds the truth after the stop rule, and after how many pairs it stopped."""
    held, ends = 0, []
    for _ in range(repetitions):
        values = LAWS["normal"][0](rng, 1_000)
        end = next(n for n in range(BATCH, 1_001, BATCH) if is_narrow_enough(values[:n], HALF_WIDTH, n_min=BATCH))
        found = mean(values[:end])
        held += found.low <= 3.0 <= found.high
        ends.append(end)
    return {"held": held / repetitions, "pairs_median": float(np.median(ends)), "half_width": HALF_WIDTH, "sigma": 10.0}


def false_alarms(repetitions: int, rng: np.random.Generator) -> dict:
    """Return how often a difference is called shown where there is none: of one line, and of any of a table's."""
    one, any_of = 0, 0
    for _ in range(repetitions):
        found = [paired(rng.gamma(1.0, size=20), rng.gamma(1.0, size=20), rng) for _ in range(N_LINES)]
        adjusted = holm([each.p_difference for each in found])
        one += is_shown(found[0].difference, found[0].p_difference)
        any_of += any(is_shown(each.difference, p) for each, p in zip(found, adjusted, strict=True))
    return {"one_line": one / repetitions, "any_of_table": any_of / repetitions, "lines": N_LINES, "pairs": 20}


def ishigami(x: np.ndarray) -> np.ndarray:
    """Return Ishigami's function of (n, 3) points."""
    return np.sin(x[:, 0]) + 7.0 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])


def indices(n: int, rng: np.random.Generator) -> list[dict]:
    """Return Sobol' indices beside the published ones."""
    drawn = (2.0 * qmc.Sobol(6, rng=rng).random(n) - 1.0) * np.pi
    a, b = drawn[:, :3], drawn[:, 3:]
    mixed = {f"x{i + 1}": ishigami(np.where(np.arange(3) == i, b, a)) for i in range(3)}
    found = sobol(ishigami(a), ishigami(b), mixed, rng, 500)
    return [
        {
            "factor": name, "points": n, "first": each.first._asdict(), "first_published": first,
            "total": each.total._asdict(), "total_published": total,
        }
        for (name, each), first, total in zip(found.items(), FIRST, TOTAL, strict=True)
    ]  # fmt: skip


def main() -> None:
    """Run all and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1_000)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    wanted = parser.parse_args()
    rng = np.random.default_rng(SEED)
    since = time.process_time()
    low, high = stats.binom.interval(0.99, wanted.repetitions, 0.95)
    figures = {
        "repetitions": wanted.repetitions,
        "binomial_99": [low / wanted.repetitions, high / wanted.repetitions],
        "coverage": coverage(wanted.repetitions, rng),
        "stop_rule": stopped(wanted.repetitions, rng),
        "false_alarms": false_alarms(wanted.repetitions, rng),
        "ishigami": [*indices(2**10, rng), *indices(2**14, rng)],
        "seed": SEED,
        "processor_s": round(time.process_time() - since, 1),
        "versions": {name: version(name) for name in ("noroshi", "numpy", "scipy")}
        | {"python": platform.python_version()},
    }
    if wanted.json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    print(f"how often 95 % intervals hold the truth; a binomial allows {low:.0f} to {high:.0f} of {wanted.repetitions}")
    for row in figures["coverage"]:
        print(
            "  {law:11} {pairs:4} pairs: bootstrap {bootstrap:.3f}, Student {student:.3f}, median {median:.3f}".format(
                **row
            )
        )
    print("after the stop rule: {held:.3f}, at {pairs_median:.0f} pairs".format(**figures["stop_rule"]))
    print("false alarms: one line {one_line:.3f}, any of a table {any_of_table:.3f}".format(**figures["false_alarms"]))
    for row in figures["ishigami"]:
        print(f"  {row['points']:6} {row['factor']}: {row['first']['value']:.4f} ({row['first_published']}), "
              f"total {row['total']['value']:.4f} ({row['total_published']})")  # fmt: skip


if __name__ == "__main__":
    main()
