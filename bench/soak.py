"""Three nodes under load for a long time: does their memory grow?

    uv run bench/soak.py [--json] [--seconds N] [--targets N]

The load of `bench/share_speed.py`. Resident memory of each process is read once a second; its slope is that of the line
of least squares over all that is later than `SETTLED` of the run. The interval is for 95 %: residuals hang together,
so that n of them count as n (1 - r) / (1 + r) of independent ones, with r their correlation from second to second
(Bayley, Hammersley (1946), The effective number of independent observations in an autocorrelated time series, J. Royal
Statistical Society Supplement 8(2), 184-197, for r of first order). An outbox keeps what a partner may ask for, fusion
its window: both fill within the first minutes, and a slope over fewer is not one of a leak.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student
from share_speed import figures, run

SETTLED = 0.4


def slope(samples: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return how memory grows, in MB an hour, with its interval."""
    at_s, mb = np.array(samples).T
    late = at_s > SETTLED * at_s[-1]
    hours, mb = at_s[late] / 3600.0, mb[late]
    centred = hours - hours.mean()
    rate = float(centred @ mb / (centred @ centred))
    rest = mb - mb.mean() - rate * centred
    r = float(np.clip(rest[:-1] @ rest[1:] / max(float(rest @ rest), 1e-12), 0.0, 0.999))
    n = max(3.0, len(mb) * (1.0 - r) / (1.0 + r))
    error = float(np.sqrt(rest @ rest / (n - 2.0) / (centred @ centred) * len(mb) / n))
    half = error * float(student.ppf(0.975, n - 2.0))
    return {
        "mb_hour": round(rate, 2), "mb_hour_half_interval": round(half, 2), "samples_that_count": round(n, 1),
        "mb_first": round(float(samples[0][1]), 1), "mb_last": round(float(samples[-1][1]), 1),
        "over_s": round(float(at_s[-1] * (1.0 - SETTLED)), 0),
    }  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--targets", type=int, default=5_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="noroshi-soak-") as name:
        seen = run(Path(name), asked.targets, asked.seconds)
    found: dict[str, Any] = {code: slope(one["memory"]) for code, one in seen.items()}
    series = {code: [round(mb, 1) for _, mb in one["memory"]][::10] for code, one in seen.items()}
    if not asked.json:
        for code, one in found.items():
            print(code, one, series[code])
    about = {
        "bench": "soak", "targets": asked.targets, "seconds": asked.seconds, "seed": 1,
        "load_average": os.getloadavg(), "cores": os.cpu_count(), "python": platform.python_version(),
        **{each: version(each) for each in ("noroshi", "numpy", "eclipse-zenoh")},
    }  # fmt: skip
    print(json.dumps(about | {"memory": found, "every_tenth_second_mb": series, "load": figures(seen)}))


if __name__ == "__main__":
    main()
