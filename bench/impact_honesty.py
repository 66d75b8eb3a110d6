"""Does what is foreseen happen as often as said? Simulated flights against the 50 % and 95 % regions of forecasts.

    uv run bench/impact_honesty.py [--flights 10000] [--tracked 500] [--first 0] [--jobs 2] [--json]

Flights are generic boosts, falls and glides of `exercise`, integrated there in inertial axes; what they are is drawn
from the populations that `warning.boosting`, `falling` and `gliding` state, through the movers' own fields
(`impact_parts/drawn.py`): speed at burn-out 1,500 to 7,500 m/s and climb 5 to 85 degrees, evenly, with the mover's own
burn times, growth and drag, and thrust that wanders off its plane and pitch by what is believed of that (0.015 rad);
gliders of 3,000 to 6,500 m/s and 2 to 8 degrees, lift over drag 1.5 to 3.5, a coefficient of 5,000 to 20,000 kg/m2,
turns of up to 60 degrees for a minute after two, lift given up at a speed from 1,000 m/s on.
Flights that last more than 7,000 s are left out, and glides of less than 150 s; their number is told.

Of ideal tracks (the truth with an error drawn from the covariance that the forecast is given):

- boosting: at any moment from 45 to 200 s at which it still burns, 100 to 500 m and 6 to 30 m/s
- lost: infrared sees the boost only; the last look is up to a second before burn-out, and the next did not see it
- early, late: 20 s after burn-out, and four fifths of the way to the ground (looks of the last minute), with the
  covariance that two infrared satellites of 50 microradian looking each second leave (Fisher information)
- gliding, gap: where a glider comes down; where it is 60 s after it was last seen, and how large that region is

Of the shipped tracker (two satellites and a radar of 1 mrad, each second from 45 s on), for `--tracked` flights:

- boosting, early, later: at any moment of the burn, 20 s and 60 s after it, by `warning.foresee`
- lost: satellites alone, up to burn-out, then nothing
- falls, falls_biased: the ballistic model alone, begun at burn-out, at 60 s; biased: the radar is off by what
  registration leaves (docs/figures.md: 2.55 m, 0.00266 degrees in azimuth and as much in elevation, 12.8 ms), and the
  tracker is told how much that may be, as a node's is

Told of each: how many, the shares inside with 95 % intervals (Wilson), median semi-axes of the 50 % ellipse, median
area of the 95 % one, and of tracks the mean and median NEES over 6.
"""

import argparse
import json
import math
import platform
import time
from collections import defaultdict
from importlib.metadata import version
from multiprocessing import Pool
from typing import Any

import numpy as np
from impact_parts.drawn import erred, fall, glide
from impact_parts.scenes import (
    NS,
    START_NS,
    Floats,
    Truth,
    eyes_about,
    follow,
    information,
    looks,
    motions,
)

from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.warning.boosting import boost_from
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import Forecast, ellipse, region
from noroshi.warning.foresee import foresee
from noroshi.warning.gliding import glide_from

FROM_S, TO_S, GAP_S, LOOK_S = 45.0, 200.0, 60.0, 1.0
LEFT = {
    "range_m": 2.55,
    "azimuth_rad": math.radians(0.00266),
    "elevation_rad": math.radians(0.00266),
    "clock_s": 0.0128,
}
SHARES = (0.5, 0.95)
Row = tuple[str, bool, bool, float, float, float, float]


def judged(
    stage: str,
    forecast: Forecast | None,
    place: tuple[float, float],
    *,
    at_ns: int | None = None,
    nees: float = math.nan,
) -> list[Row]:
    """Return a stage's row: whether the place is inside either region, and how large they are."""
    if forecast is None or (at_ns is None and not forecast.lands.any()):
        return []
    half, most = (ellipse(forecast, s) if at_ns is None else region(forecast, at_ns, s) for s in SHARES)
    inside = [bool(each.holds(*place)) for each in (half, most)]
    return [(stage, inside[0], inside[1], half.major_m, half.minor_m, most.area_m2, nees)]


def _at(truth: Truth, time_s: float) -> Floats:
    state: Floats = truth.states(np.array([time_s]))[0]
    return state


def falls(number: int) -> list[Row]:
    """Return the rows of one fall, of ideal tracks."""
    rng = np.random.default_rng([6, number])
    truth = fall(number, rng)
    if truth is None:
        return [("left out", False, False, 0.0, 0.0, 0.0, 0.0)]
    rows, place, burn_out_s = list[Row](), (truth.lat_rad, truth.lon_rad), truth.burn_out_s
    part = rng.uniform(0.2, 1.0)
    covariance = np.diag([(500.0 * part) ** 2] * 3 + [(30.0 * part) ** 2] * 3)
    at_s = rng.uniform(FROM_S, TO_S)
    state, at_ns = erred(_at(truth, at_s), covariance, rng), START_NS + round(at_s * NS)
    if at_s < burn_out_s:
        rows += judged("boosting", boost_from(state, covariance, at_ns), place)
    last_s = burn_out_s - rng.uniform(0.0, LOOK_S)
    state = erred(_at(truth, last_s), covariance, rng)
    dark = boost_from(state, covariance, START_NS + round(last_s * NS), dark_s=LOOK_S)
    rows += judged("lost", dark, place)
    pair = eyes_about(truth, rng)[:2]
    late_s = burn_out_s + 0.8 * (truth.impact_s - burn_out_s)
    for stage, first_s, at_s in (
        ("early", burn_out_s, burn_out_s + 20.0),
        ("late", max(burn_out_s, late_s - 60.0), late_s),
    ):
        if at_s > truth.impact_s - 5.0:
            continue
        exact = np.linalg.inv(information(truth, pair, np.arange(first_s, at_s + 0.5)))
        exact = 0.5 * (exact + exact.T)
        rows += judged(stage, fall_from(erred(_at(truth, at_s), exact, rng), exact, START_NS + round(at_s * NS)), place)
    return rows


def glides(number: int) -> list[Row]:
    """Return the rows of one glide, of ideal tracks."""
    rng = np.random.default_rng([7, number])
    truth = glide(number, rng)
    held = np.zeros(0, np.intp) if truth is None else np.flatnonzero(truth.flight.kind == Kind.GLIDING)
    if truth is None or not len(held):
        return [("left out", False, False, 0.0, 0.0, 0.0, 0.0)]
    first_s, last_s = ((int(truth.flight.time_ns[i]) - START_NS) / NS for i in (held[0], held[-1]))
    if last_s - first_s < 150.0:
        return [("left out", False, False, 0.0, 0.0, 0.0, 0.0)]
    at_s = rng.uniform(first_s + 30.0, min(last_s, (int(truth.flight.time_ns[-1]) - START_NS) / NS - GAP_S))
    covariance = np.diag([100.0**2] * 3 + [5.0**2] * 3)
    at_ns = START_NS + round(at_s * NS)
    forecast = glide_from(erred(_at(truth, at_s), covariance, rng), covariance, at_ns)
    lat, lon, _ = geodetic_from_ecef(_at(truth, at_s + GAP_S)[:3])
    rows = judged("gliding", forecast, (truth.lat_rad, truth.lon_rad))
    return rows + judged("gap", forecast, (float(lat), float(lon)), at_ns=at_ns + round(GAP_S * NS))


def tracks(number: int) -> list[Row]:
    """Return the rows of one fall, of the shipped tracker."""
    rng = np.random.default_rng([8, number])
    truth = fall(number, np.random.default_rng([6, number]))
    if truth is None or truth.impact_s < truth.burn_out_s + 80.0 or truth.burn_out_s < FROM_S + 15.0:
        return [("left out", False, False, 0.0, 0.0, 0.0, 0.0)]
    rows, place, burn_out_s = list[Row](), (truth.lat_rad, truth.lon_rad), truth.burn_out_s
    eyes = eyes_about(truth, rng)

    def nees(row: dict[str, Any]) -> float:
        error = _at(truth, (row["time_ns"] - START_NS) / NS) - row["state"]
        return float(error @ np.linalg.solve(row["covariance"], error)) / 6.0

    # At any moment of the burn that is left, as of ideal tracks: who forecasts does not know when it ends.
    wanted = [rng.uniform(FROM_S + 10.0, burn_out_s), burn_out_s + 20.0, burn_out_s + 60.0]
    seen = looks(truth, eyes, np.arange(FROM_S, burn_out_s + 61.0), rng)
    for stage, row in zip(("boosting", "early", "later"), follow(seen, eyes, "soft", wanted, motions()), strict=True):
        if row is not None:
            told = foresee(row["state"], row["covariance"], row["kind"], row["time_ns"])
            rows += judged(f"tracker {stage}", told, place, nees=nees(row))
    first_s = (
        burn_out_s - min(60.0, burn_out_s - 10.0) - rng.uniform(0.0, LOOK_S)
    )  # the last look is any part of one before
    seen = looks(truth, eyes[:2], np.arange(first_s, burn_out_s - 0.1), rng)
    last = follow(seen, eyes[:2], "soft", [burn_out_s], motions())[0]
    if last is not None:
        forecast = boost_from(last["state"], last["covariance"], last["time_ns"], dark_s=LOOK_S)
        rows += judged("tracker lost", forecast, place, nees=nees(last))
    ballistic = [each for each in motions() if each.KIND == Kind.BALLISTIC]
    times = np.arange(burn_out_s, burn_out_s + 61.0)
    for stage in ("falls", "falls_biased"):
        if stage == "falls":
            seen = looks(truth, eyes, times, rng)
        else:
            off = np.array([LEFT[name] for name in ("range_m", "azimuth_rad", "elevation_rad")]) * rng.normal(size=3)
            seen = looks(truth, eyes, times, rng, off={"r": off}, late_s={"r": LEFT["clock_s"] * rng.normal()})
        left = {"r": np.diag(np.square(list(LEFT.values())))} if stage == "falls_biased" else None
        row = follow(seen, eyes, "soft", [burn_out_s + 60.0], ballistic, left=left)[0]
        if row is not None:
            told = fall_from(row["state"], row["covariance"], row["time_ns"])
            rows += judged(f"tracker {stage}", told, place, nees=nees(row))
    return rows


def _one(task: tuple[str, int]) -> list[Row]:
    kind, number = task
    rows = {"fall": falls, "glide": glides, "track": tracks}[kind](number)
    return [(f"{kind} left out" if row[0] == "left out" else row[0], *row[1:]) for row in rows]


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share. Source: Wilson (1927), J. Am. Statist. Assoc. 22, 209-212."""
    z, share = 1.959964, hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flights", type=int, default=10_000)
    parser.add_argument("--tracked", type=int, default=500)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kernel_cache.prepare()
    first, flights = arguments.first, arguments.flights
    tasks = [(kind, n) for kind in ("fall", "glide") for n in range(first, first + flights)]
    tasks += [("track", n) for n in range(first, first + arguments.tracked)]
    begin = time.perf_counter()
    found: dict[str, list[Row]] = defaultdict(list)
    if arguments.jobs > 1:
        with Pool(arguments.jobs, initializer=kernel_cache.prepare) as pool:
            for rows in pool.imap_unordered(_one, tasks, chunksize=20):
                for row in rows:
                    found[row[0]].append(row)
    else:
        for task in tasks:
            for row in _one(task):
                found[row[0]].append(row)
    figures = []
    for stage in sorted(found):
        rows = found[stage]
        if stage.endswith("left out"):
            figures.append({"stage": stage, "flights": len(rows)})
            continue
        values = np.array([row[1:] for row in rows], np.float64)
        line: dict[str, Any] = {"stage": stage, "flights": len(rows)}
        for column, share in enumerate(SHARES):
            hits = int(values[:, column].sum())
            line[f"inside_{share:g}"] = hits / len(rows)
            line[f"interval_{share:g}"] = wilson(hits, len(rows))
        line["semi_axes_km"] = (np.median(values[:, 2:4], axis=0) / 1e3).tolist()
        line["area_0.95_km2"] = float(np.median(values[:, 4])) / 1e6
        if np.isfinite(values[:, 5]).all():
            line["nees_mean"], line["nees_median"] = float(values[:, 5].mean()), float(np.median(values[:, 5]))
        figures.append(line)
        low, high = line["interval_0.5"], line["interval_0.95"]
        print(
            f"{stage}: {len(rows)} flights, inside 50 % {line['inside_0.5']:.4f} ({low[0]:.3f} to {low[1]:.3f}), "
            f"inside 95 % {line['inside_0.95']:.4f} ({high[0]:.3f} to {high[1]:.3f}), "
            f"{line['semi_axes_km'][0]:.2f} x {line['semi_axes_km'][1]:.2f} km, "
            f"NEES {line.get('nees_median', math.nan):.2f}"
        )
    if arguments.json:
        versions = {name: version(name) for name in ("noroshi", "numpy", "numba", "scipy")}
        print(
            json.dumps(
                {
                    "figures": figures,
                    "flights": flights,
                    "tracked": arguments.tracked,
                    "first": first,
                    "versions": {"python": platform.python_version(), **versions},
                    "took_s": time.perf_counter() - begin,
                }
            )
        )


if __name__ == "__main__":
    main()
