"""Make the real background traffic of the shipped scenarios from the sample `switzerland` of the PyPI package `traffic`.

    uv run scripts/make_traffic.py src/noroshi/data/scenarios/flights.parquet

The busiest twenty minutes of 2018-08-01 over Switzerland, above flight level 300: reports cleaned and smoothed
(`assessment/reference.py`, `assessment/smoothing.py`), every ten seconds, without addresses and call signs: numbered
flights, since scenarios move them elsewhere.
"""

import argparse
from pathlib import Path

import numpy as np

from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.formats import tables
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, take
from noroshi.run.recordings import read
from noroshi.run.rooms import load

WINDOW_NS = 20 * 60 * NS_PER_S
AT_LEAST_NS = 5 * 60 * NS_PER_S
STEP_NS = 60 * NS_PER_S
MOTION = {"horizontal_psd_m2_s3": 4.0, "vertical_psd_m2_s3": 1.0}


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    place = parser.parse_args().table
    truth, _ = truth_from_reports(read("sample:switzerland").decoded.detections)
    truth = smoothed(truth, load("motion", "constant_velocity").Motion.of(**MOTION))
    targets, which = np.unique(truth.target, return_inverse=True)
    first, last = (np.array([f(truth.time_ns[which == i]) for i in range(len(targets))]) for f in (np.min, np.max))

    def there(start_ns: int) -> np.ndarray:
        inside = np.minimum(last, start_ns + WINDOW_NS) - np.maximum(first, start_ns)
        return np.flatnonzero(inside >= AT_LEAST_NS)

    starts = np.arange(first.min() // STEP_NS * STEP_NS, last.max(), STEP_NS)
    start_ns = int(max(starts, key=lambda start: (len(there(start)), -start)))
    chosen = there(start_ns)
    inside = np.isin(which, chosen) & (truth.time_ns >= start_ns) & (truth.time_ns <= start_ns + WINDOW_NS)
    rows = np.flatnonzero(inside)
    rows = rows[np.lexsort((truth.time_ns[rows], which[rows]))]
    kept = take(truth, rows)
    names = np.array([f"{i + 1:03d}" for i in np.searchsorted(chosen, which[rows])])
    place.write_bytes(tables.encode_truth(kept.replace(target=names, identity=Identity.absent(len(rows)))))
    print(f"{len(chosen)} flights, {len(rows):,} rows, {place.stat().st_size:,} bytes, from {start_ns}")


if __name__ == "__main__":
    main()
