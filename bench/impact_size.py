"""How large the 50 % impact ellipse is 20 s and 60 s after burn-out, beside the Cramér-Rao bound of the same geometry.

    uv run bench/impact_size.py [--seeds 20] [--trackers soft] [--json]

The flight: 3,700 km with 800 km of apogee from 39.2 N 125.7 E on a bearing of 72 degrees, burn-out at 141 s; and 1,000
km with 240 km. Sensors look each second: infrared satellites of 50 microradian at 1,000 km, at burn-out over 45 N 110 E
heading south and 35 N 145 E heading north, which see the cold body too, and a radar (30 m, 1 mrad) at 40.9 N 140.3 E.

The bound: what these looks from burn-out on tell of the state (Fisher information, no process noise, no bias), with a
prior of 20 km and 500 m/s along each axis at burn-out; its map to the ground by differences of the exercise's
integrator (inertial axes, J2, the Earth's rotation). `bound_km` leaves air out, as the research note's anchors do;
`bound_air_km` adds by how much the forecast's stated prior of the ballistic coefficient moves the impact. Semi-axes are
1.1774 standard deviations.

Of the forecasts, medians over seeds:

- `ideal`: of the true state with the bound's own covariance
- `ballistic`: of the shipped tracker with the ballistic model alone, which sees nothing before burn-out
- `shipped`: of the shipped tracker with the models of a missile scenario, which sees all from 45 s after lift-off on;
  all of it as falling. `mixed` is the same by its own probabilities of kinds (`warning.foresee`)

`ratio` is the square root of the areas' (forecast over `bound_air`), `longer` that of the longer semi-axes, `inside`
the share of seeds whose impact is inside, `nees` the track's (mean, over 6). `shared` compares areas with one satellite
and with two. `boost_only`: infrared that does not see the cold body: the tracker's last row, the burn having ended
within the second until the next look.
"""

import argparse
import json
import math
import platform
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from impact_parts.scenes import (
    NS,
    START_NS,
    Eye,
    Floats,
    Truth,
    follow,
    information,
    looks,
    motions,
    radar,
    satellite,
    truth_of,
)

from noroshi.exercise.dynamics.boost import fall
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import PHYSICS, Mover
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.warning.boosting import boost_from
from noroshi.warning.falling import COEFFICIENT_KG_M2, fall_from
from noroshi.warning.forecast import Ellipse, Forecast, ellipse
from noroshi.warning.foresee import foresee

FLIGHTS = {"3,700 km / 800 km": (3_700.0, 800.0, 141.0), "1,000 km / 240 km": (1_000.0, 240.0, 91.0)}
AFTER_S = (20.0, 60.0)
FROM_S = 45.0
TO_50 = math.sqrt(2.0 * math.log(2.0))


def flight(range_km: float, apogee_km: float, burn_s: float) -> Truth:
    """Return the flight; its coefficient is 5,000 kg/m2."""
    mover = Mover(
        lat_deg=39.200159, lon_deg=125.673256, bearing_deg=72.0, range_km=range_km, apogee_km=apogee_km,
        burn_time_s=burn_s, ballistic_coefficient_kg_m2=5_000.0,
    )  # fmt: skip
    return truth_of(mover.fly("f", START_NS, START_NS + 3_000 * NS, Draws(1, 0, "f"))[0], (int(Kind.BOOSTING),))


def sensors(at_s: float) -> dict[str, list[Eye]]:
    """Return the sets of sensors."""
    pair = [satellite("a", 45.0, 110.0, 180.0, at_s, 50e-6), satellite("b", 35.0, 145.0, 0.0, at_s, 50e-6)]
    ground = radar("r", 40.89, 140.34, 1e-3)
    return {
        "1 satellite": pair[:1], "other satellite": pair[1:], "2 satellites": pair, "radar": [ground],
        "2 satellites, radar": [*pair, ground],
    }  # fmt: skip


def grounds(states: list[Floats], time_s: float, coefficients: list[float]) -> Floats:
    """Return (n, 2) east and north [m] of impacts from the first, by the exercise's integrator."""
    found = []
    for state, coefficient in zip(states, coefficients, strict=True):
        _, impact = fall(time_s, PHYSICS.inertial_from_ecef(state, time_s), PHYSICS.row(coefficient_kg_m2=coefficient))
        fixed = PHYSICS.ecef_from_inertial(impact.states[-1], impact.time_s[-1])
        lat, lon, _ = geodetic_from_ecef(fixed[:3])
        found.append((float(lat), float(lon)))
    places = np.array(found)
    distance, bearing = distance_and_bearing(places[0, 0], places[0, 1], places[:, 0], places[:, 1])
    return np.stack([distance * np.sin(bearing), distance * np.cos(bearing)], axis=1)


def bounds(state: Floats, time_s: float, covariance: Floats) -> tuple[Floats, Floats]:
    """Return the (2, 2) covariances of the impact without air, and with the stated prior of it."""
    steps = np.diag([50.0] * 3 + [0.5] * 3)
    bent = grounds([state, *(state + steps), *(state - steps)], time_s, [1e9] * 13)
    slopes = ((bent[1:7] - bent[7:]) / (2.0 * np.diagonal(steps)[:, None])).T
    quantiles = (np.arange(9) + 0.5) / 9.0
    low, high = (math.log(each) for each in COEFFICIENT_KG_M2)
    slowed = grounds([state] * 9, time_s, np.exp(low + (high - low) * quantiles).tolist())
    free = slopes @ covariance @ slopes.T
    return free, free + np.cov(slowed.T, bias=True)


def axes_km(covariance: Floats) -> list[float]:
    """Return the semi-axes of the 50 % ellipse [km]."""
    return (TO_50 * np.sqrt(np.linalg.eigvalsh(covariance)[::-1]) / 1e3).tolist()


def sized(found: list[tuple[Ellipse, bool, float]], bound_km: list[float] | None) -> dict[str, Any]:
    """Return what is told of forecasts' ellipses."""
    if not found:
        return {"forecasts": 0}
    major, minor = (float(np.median([getattr(each, a) for each, _, _ in found])) / 1e3 for a in ("major_m", "minor_m"))
    told: dict[str, Any] = {
        "forecasts": len(found), "semi_axes_km": [major, minor], "inside": float(np.mean([hit for _, hit, _ in found])),
        "nees": float(np.mean([nees for _, _, nees in found])) / 6.0,
    }  # fmt: skip
    if bound_km is not None:
        area = float(np.median([each.area_m2 for each, _, _ in found])) / 1e6
        told["ratio"] = math.sqrt(area / (math.pi * bound_km[0] * bound_km[1]))
        told["longer"] = major / bound_km[0]
    return told


def measured(truth: Truth, forecast: Forecast | None, nees: float) -> tuple[Ellipse, bool, float] | None:
    """Return the 50 % ellipse of a forecast, whether the impact is inside, and the NEES of its track."""
    if forecast is None or not forecast.lands.any():
        return None
    half = ellipse(forecast, 0.5)
    return half, bool(half.holds(truth.lat_rad, truth.lon_rad)), nees


def off(truth: Truth, row: dict[str, Any]) -> float:
    """Return the NEES of a row."""
    error = truth.states(np.array([(row["time_ns"] - START_NS) / NS]))[0] - row["state"]
    return float(error @ np.linalg.solve(row["covariance"], error))


def tracked(truth: Truth, eyes: list[Eye], seeds: int, tracker: str) -> dict[str, dict[float, list[Any]]]:
    """Return the forecasts of tracks, by way and seconds after burn-out."""
    ballistic = [each for each in motions() if each.KIND == Kind.BALLISTIC]
    found: dict[str, dict[float, list[Any]]] = {
        way: {a: [] for a in AFTER_S} for way in ("ballistic", "shipped", "mixed")
    }
    for seed in range(seeds):
        for way, models, begin_s in (
            ("ballistic", ballistic, truth.burn_out_s),
            ("shipped", motions(), FROM_S),
        ):
            rng = np.random.default_rng([seed, 6])
            seen = looks(truth, eyes, np.arange(begin_s, truth.burn_out_s + max(AFTER_S) + 1.0), rng)
            rows = follow(seen, eyes, tracker, [truth.burn_out_s + a + 0.5 for a in AFTER_S], models)
            for after_s, row in zip(AFTER_S, rows, strict=True):
                if row is None:
                    continue
                given = (row["state"], row["covariance"])
                told = measured(truth, fall_from(*given, row["time_ns"]), off(truth, row))
                found[way][after_s].append(told)
                if way == "shipped":
                    other = foresee(*given, row["kind"], row["time_ns"])
                    found["mixed"][after_s].append(measured(truth, other, off(truth, row)))
    return {way: {a: [x for x in each if x] for a, each in by.items()} for way, by in found.items()}


def boost_only(truth: Truth, eyes: list[Eye], seeds: int, tracker: str) -> dict[str, Any]:
    """Return the forecasts of satellites that see the boost only."""
    found = []
    for seed in range(seeds):
        rng = np.random.default_rng([seed, 7])
        seen = looks(truth, eyes, np.arange(FROM_S, truth.burn_out_s - 0.2), rng)
        row = follow(seen, eyes, tracker, [truth.burn_out_s], motions())[0]
        if row is None:
            continue
        forecast = boost_from(row["state"], row["covariance"], row["time_ns"], dark_s=1.0)
        found.append(measured(truth, forecast, off(truth, row)))
    return sized([each for each in found if each], None)


def lines(seeds: int, tracker: str) -> list[dict[str, Any]]:
    """Return the table."""
    table = []
    for name, numbers in FLIGHTS.items():
        truth = flight(*numbers)
        sets = sensors(truth.burn_out_s)
        areas: dict[tuple[str, float], float] = {}
        for who, eyes in sets.items():
            forecasts = tracked(truth, eyes, seeds, tracker)
            for after_s in AFTER_S:
                at_s = truth.burn_out_s + after_s
                state = truth.states(np.array([at_s]))[0]
                covariance = np.linalg.inv(information(truth, eyes, truth.burn_out_s + np.arange(0.0, after_s + 1.0)))
                free, slowed = (axes_km(each) for each in bounds(state, at_s, covariance))
                ideal = measured(truth, fall_from(state, covariance, START_NS + round(at_s * NS)), 6.0)
                areas[who, after_s] = slowed[0] * slowed[1]
                line = {
                    "flight": name, "sensors": who, "after_s": after_s, "bound_km": free, "bound_air_km": slowed,
                    "ideal": sized([ideal] if ideal else [], slowed),
                }  # fmt: skip
                for way, by in forecasts.items():
                    line[way] = sized(by[after_s], slowed)
                table.append(line)
        for after_s in AFTER_S:
            for one in ("1 satellite", "other satellite"):
                ratio = areas[one, after_s] / areas["2 satellites", after_s]
                table.append({"flight": name, "shared": one, "after_s": after_s, "area_ratio": ratio})
        table.append({"flight": name, "boost_only": boost_only(truth, sets["2 satellites"], seeds, tracker)})
    return table


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--tracker", default="soft")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    kernel_cache.prepare()
    begin = time.process_time()
    table = lines(arguments.seeds, arguments.tracker)
    for line in table:
        print(json.dumps(line, default=float))
    if arguments.json:
        versions = {
            "python": platform.python_version(),
            **{name: version(name) for name in ("noroshi", "numpy", "numba", "scipy")},
        }
        print(
            json.dumps(
                {
                    "figures": table, "seeds": arguments.seeds, "tracker": arguments.tracker, "versions": versions,
                    "cpu_s": time.process_time() - begin,
                }
            )
        )  # fmt: skip


if __name__ == "__main__":
    main()
