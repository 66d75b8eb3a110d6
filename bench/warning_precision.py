"""How many are warned for those whom a missile passes near: by prefecture, municipality and cell, the best and ours.

    uv run bench/warning_precision.py --json [--events 2017-09-15 2022-10-04] [--draws 24] [--picture precision.png]

Truth is the flight that `exercise/events.py` reconstructs; near is within 50 km of its track over ground, in Japan. Of
each unit (prefecture, municipality, 5 km cell) the best is what somebody would warn who knew the track and left out no
more than 0.1 % of those near. Ours is what comes above a threshold in a forecast (`noroshi.warning.foresee`) from the
state at 180 s after launch with the error that such a state has, once for each draw of that error: by the probability
that some way comes near some part of the unit, or by the share of its people whom a way is expected to come near. The
thresholds were frozen on generated launches, not on these (`--freeze` does it again). The ratio is people warned over
people near.

The states' errors are assumed, not tracked: 200 m and 2 m/s (about what two infrared lines of sight and a radar give
35 s after burn-out), 500 m and 10 m/s, 1 km and 30 m/s, each the same in all directions.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from noroshi.exercise.events import flights_of_event
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.run.areas import areas
from noroshi.run.events import load_event
from noroshi.warning.areas import Areas
from noroshi.warning.exposure import Exposed, Exposure, exposed
from noroshi.warning.forecast import Forecast
from noroshi.warning.foresee import foresee
from noroshi.warning.settings import Settings

NEAR_M = 50e3
AFTER_S = 180.0
RECALL = 0.999
ERRORS = {"200 m, 2 m/s": (200.0, 2.0), "500 m, 10 m/s": (500.0, 10.0), "1 km, 30 m/s": (1e3, 30.0)}
UNITS = ("prefecture", "municipality", "cell")
RULES = ("probability", "share")  # any part of it may be near; so many of its people are expected to be
# Frozen on 100 generated launches: of the levels tried the highest at which 99.9 % of those near were warned with each
# of the three errors. For prefectures that was 0.3 by probability; taken is the program's own setting, which
# `warning_thresholds.py` picked by another criterion.
# For cells none is low enough with the largest error: what no way at all comes near is lost.
THRESHOLD = {
    ("prefecture", "probability"): Settings().probability_on,
    ("prefecture", "share"): 0.005,
    ("municipality", "probability"): 0.05,
    ("municipality", "share"): 0.005,
    ("cell", "probability"): 1e-4,
    ("cell", "share"): 1e-4,
}
THAT_DAY = {
    "2017-09-15": [f"JP-{i:02d}" for i in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)],
    "2022-10-04": ["JP-01", "JP-02"],
}
ISLANDS = [f"JP-{code}" for code in (13361, 13362, 13363, 13364, 13381, 13382, 13401, 13402, 13421)]  # 2022-10-04

Floats = NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", nargs="+", default=list(THAT_DAY))
    parser.add_argument("--draws", type=int, default=24)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--freeze", type=int, default=0, metavar="N", help="find the threshold on N generated launches")
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true", help="print nothing but the figures")
    given = parser.parse_args()
    kernel_cache.prepare()
    where = areas()
    found: dict[str, Any] = {"near_km": NEAR_M / 1e3, "after_s": AFTER_S, "seed": given.seed}
    found["thresholds"] = {f"{unit} by {rule}": level for (unit, rule), level in THRESHOLD.items()}
    if given.freeze:
        found["frozen_on"] = freeze(where, given.freeze, given.seed)
    found["events"] = {name: measure(where, name, given.draws, given.seed) for name in given.events}
    found["speed"] = speed(where, given.events[0])
    found["versions"] = {"python": platform.python_version()} | {
        name: version(name) for name in ("noroshi", "numpy", "scipy", "numba")
    }
    if given.picture:
        draw(found["events"], given.picture)
    for event in found["events"].values():
        for error in event["errors"].values():
            for unit in error.values():
                unit.pop("curve", None)
    if not given.json:
        for name, event in found["events"].items():
            print(name, {key: value for key, value in event.items() if key != "errors"})
            for error, units in event["errors"].items():
                for unit, one in units.items():
                    print("", error, unit, one, sep="  ")
    print(json.dumps(found))


def people_of(where: Areas, seen: Exposure, unit: str) -> tuple[Floats, Floats, Exposed]:
    """Return people and membership of Japan of each unit, and what is told of it."""
    japan = np.char.startswith(where.code, "JP-")
    if unit == "prefecture":
        return where.people, japan.astype(float), seen.areas
    if unit == "municipality":
        return where.place_people, japan[where.place_area].astype(float), seen.places
    return where.cell_people, japan[where.cell_area].astype(float), seen.cells


def near_by_unit(where: Areas, near: Floats, unit: str) -> Floats:
    """Return how many near people each unit has, of the near people of cells."""
    if unit == "prefecture":
        return np.bincount(where.cell_area, near, minlength=len(where.people))
    if unit == "municipality":
        return np.bincount(where.cell_place[where.cell_place >= 0], near[where.cell_place >= 0],
                           minlength=len(where.place_people))  # fmt: skip
    return near


def track_of(flight: Flight) -> Forecast:
    time_ns = np.append(np.arange(flight.time_ns[0], flight.time_ns[-1], 5 * NS_PER_S), flight.time_ns[-1])
    return Forecast(
        time_ns=time_ns,
        position_ecef_m=flight.at(time_ns)[None, :, :3],
        end_ns=flight.time_ns[-1:],
        lands=np.array([True]),
        weight=np.ones(1),
    )


def near_people(where: Areas, flight: Flight) -> Floats:
    """Return of each cell how many people live near the true track, in Japan."""
    seen = exposed(track_of(flight), where, NEAR_M)
    return seen.cells.probability * where.cell_people * np.char.startswith(where.code, "JP-")[where.cell_area]


def best(people: Floats, near: Floats) -> tuple[float, float]:
    """Return the least ratio of people warned to people near that has the recall wanted, and its recall.

    Which units to leave out is a knapsack, solved to a ten-thousandth.
    """
    units = np.flatnonzero(near > 0.0)
    total = near.sum()
    chosen = milp(
        people[units] / total,
        integrality=np.ones(len(units)),
        bounds=Bounds(0.0, 1.0),
        constraints=LinearConstraint(near[units][None, :] / total, lb=RECALL),
        options={"mip_rel_gap": 1e-4},
    )
    kept = units[chosen.x > 0.5]
    return float(people[kept].sum() / total), float(near[kept].sum() / total)


def forecast_at(flight: Flight, launch_ns: int, error: tuple[float, float], draws: Draws) -> Forecast:
    """Return a forecast from the true state with an error drawn from the covariance that is claimed."""
    now_ns = launch_ns + round(AFTER_S * NS_PER_S)
    state = flight.at(np.array([now_ns]))[0]
    sigma = np.repeat(error, 3)
    noise = draws.normals("state", first_look=0, n_looks=1, per_look=6)[0]
    certain = np.eye(len(Kind))[Kind.BALLISTIC]
    forecast = foresee(state + sigma * noise, np.diag(sigma**2), certain, now_ns)
    assert forecast is not None
    return forecast


def measure(where: Areas, name: str, n_draws: int, seed: int) -> dict[str, Any]:
    event = load_event(name)
    flight = flights_of_event(event, seed)[0]
    near = near_people(where, flight)
    total = near.sum()
    warned_that_day = float(where.people[np.isin(where.code, THAT_DAY.get(name, []))].sum())
    if name == "2022-10-04":
        warned_that_day += float(where.place_people[np.isin(where.place_code, ISLANDS)].sum())
    result: dict[str, Any] = {
        "near_people": round(float(total)),
        "warned_that_day": round(warned_that_day),
        "ratio_that_day": round(float(warned_that_day / total), 1),
        "errors": {},
    }
    for label, error in ERRORS.items():
        runs = [
            exposed(forecast_at(flight, event.launch_ns, error, Draws(seed, i, name)), where, NEAR_M)
            for i in range(n_draws)
        ]
        result["errors"][label] = {
            f"{unit} by {rule}": judge(where, runs, near, unit, rule, event.launch_ns)
            for unit in UNITS
            for rule in RULES
        }
    return result


def judge(where: Areas, runs: list[Exposure], near: Floats, unit: str, rule: str, launch_ns: int) -> dict[str, Any]:
    people = people_of(where, runs[0], unit)[0]
    near_here = near_by_unit(where, near, unit)
    total = near.sum()
    least, recall = best(people, near_here)
    ratios, recalls, leads = [], [], []
    levels = np.concatenate([[1e-9], np.geomspace(1e-4, 0.999, 80)])
    curve = np.zeros((len(levels), 2))
    for seen in runs:
        _, mine, told = people_of(where, seen, unit)
        chance = getattr(told, rule) * mine
        warned = chance >= THRESHOLD[unit, rule]
        ratios.append(float(people[warned].sum() / total))
        recalls.append(float(near_here[warned].sum() / total))
        if unit != "cell":
            touched = warned & (near_here > 0.0)
            leads.append(float((told.arrival_ns[touched].min() - launch_ns) / 1e9 - AFTER_S))
        for i, level in enumerate(levels):
            on = chance >= level
            curve[i] += [near_here[on].sum() / total, people[on].sum() / total]
    enough = curve[:, 0] / len(runs) >= RECALL
    return {
        "best": round(least, 3),
        "best_recall": round(recall, 5),
        "ours_median": round(float(np.median(ratios)), 3),
        "ours_worst": round(max(ratios), 3),
        "over_best": round(float(np.median(ratios)) / least, 3),
        "recall_mean": round(float(np.mean(recalls)), 5),
        "recall_least": round(min(recalls), 5),
        "ratio_at_recall": round(float((curve[enough, 1] / len(runs)).min()), 3) if enough.any() else None,
        "lead_s_least": round(min(leads), 1) if leads else None,
        "curve": (curve / len(runs)).tolist(),
    }


def freeze(where: Areas, n: int, seed: int) -> dict[str, Any]:
    """Return the largest threshold at which generated launches over Japan have the recall wanted, for each error.

    Launches from 39 to 41 N, 125 to 130 E, towards 50 to 110 degrees, 2,500 to 5,000 km, a fifth of that high.
    """
    draw = Draws(seed, 0, "launches").uniforms("shape", first_look=0, n_looks=n, per_look=5)
    levels = np.array([0.3, 0.2, 0.1, 0.05, 0.03, 0.02, 0.01, 0.005, 0.003, 0.002, 0.001, 5e-4, 2e-4, 1e-4])
    sums = {(unit, rule): np.zeros((len(ERRORS), len(levels))) for unit in UNITS for rule in RULES}
    total, used = 0.0, 0
    for i in range(n):
        u = draw[i]
        range_km = 2500.0 + 2500.0 * u[3]
        mover = Mover(lat_deg=39.0 + 2.0 * u[0], lon_deg=125.0 + 5.0 * u[1], bearing_deg=50.0 + 60.0 * u[2],
                      range_km=range_km, apogee_km=range_km * (0.18 + 0.06 * u[4]))  # fmt: skip
        start_ns = 1_700_000_000 * NS_PER_S
        flight = mover.fly("generated", start_ns, start_ns + 7200 * NS_PER_S, Draws(seed, i, "generated"))[0]
        near = near_people(where, flight)
        if near.sum() < 1e4:
            continue
        used, total = used + 1, total + near.sum()
        for e, error in enumerate(ERRORS.values()):
            seen = exposed(forecast_at(flight, start_ns, error, Draws(seed, i, "error")), where, NEAR_M)
            for unit in UNITS:
                _, mine, told = people_of(where, seen, unit)
                here = near_by_unit(where, near, unit)
                for rule in RULES:
                    chance = getattr(told, rule) * mine
                    sums[unit, rule][e] += [here[chance >= level].sum() for level in levels]
    frozen: dict[str, Any] = {"launches": n, "with_people_near": used}
    for (unit, rule), sum_ in sums.items():
        enough = np.all(sum_ / total >= RECALL, axis=0)
        frozen[f"{unit} by {rule}"] = float(levels[enough].max()) if enough.any() else None
        frozen[f"{unit} by {rule}, recall of all"] = [round(float(x), 5) for x in sum_[:, -1] / total]
    return frozen


def speed(where: Areas, name: str) -> dict[str, float]:
    """Return milliseconds of the processor for one exposure, the best of some."""
    event = load_event(name)
    forecast = forecast_at(flights_of_event(event)[0], event.launch_ns, ERRORS["500 m, 10 m/s"], Draws(0, 0, name))
    spent = []
    for _ in range(7):
        since = time.process_time()
        exposed(forecast, where, NEAR_M)
        spent.append(time.process_time() - since)
    return {"ways": len(forecast.weight), "times": len(forecast.time_ns), "ms": round(min(spent) * 1e3, 1)}


def draw(events: dict[str, Any], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(events), figsize=(5.2 * len(events), 5.0), sharey=True, squeeze=False)
    colours = dict(zip(UNITS, ("#b5523b", "#3b6fb5", "#3b9a6a"), strict=True))
    styles = dict(zip(ERRORS, ("-", "--", ":"), strict=True))
    for axis, (name, event) in zip(axes[0], events.items(), strict=True):
        for label, units in event["errors"].items():
            for unit in UNITS:
                one = units[f"{unit} by share"]
                missed, ratio = 1.0 - np.array(one["curve"])[:, 0], np.array(one["curve"])[:, 1]
                axis.step(np.maximum(missed, 1e-5), ratio, styles[label], color=colours[unit], lw=1.3, where="post",
                          label=f"{unit}, {label}" if axis is axes[0][0] else None)  # fmt: skip
        for unit in UNITS:
            one = next(iter(event["errors"].values()))[f"{unit} by share"]
            axis.plot(1.0 - RECALL, one["best"], "o", color=colours[unit], ms=6, mec="black", mew=0.6)
        axis.axhline(event["ratio_that_day"], color="black", lw=0.8)
        axis.text(2e-5, event["ratio_that_day"] * 1.05, "that day", fontsize=8, ha="right")
        axis.axvline(1.0 - RECALL, color="grey", lw=0.6)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlim(0.5, 0.9e-5)
        axis.set_ylim(0.4, 100.0)
        axis.set_title(f"{name}: {event['near_people'] / 1e6:.2f} M within 50 km of the track", fontsize=10)
        axis.set_xlabel("share of those near who are not warned")
        axis.grid(True, which="major", lw=0.3)
    axes[0][0].set_ylabel("people warned over people within 50 km")
    figure.legend(fontsize=7.5, loc="lower center", ncols=3, frameon=False)
    note = (
        "Dots: the least that the unit permits at 99.9 %. Lines: by forecasts 180 s after launch, thresholds falling."
    )
    figure.text(0.5, 0.15, note, fontsize=7.5, ha="center")
    figure.tight_layout(rect=(0.0, 0.17, 1.0, 1.0))
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
