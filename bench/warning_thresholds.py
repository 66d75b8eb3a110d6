"""Which thresholds of warning a stated criterion picks, on launches that are generated: never on real ones.

    uv run bench/warning_thresholds.py --json [--launches 30] [--seed 41] [--every 5] [--watched watched.npz]

Launches, as many of each class, from 38 to 42 N and 122 to 132 E; ranges [km], apogees as shares of the range or [km],
bearings [degrees], all even:

- overflight: 2,500 to 5,000; 0.18 to 0.24; 50 to 110
- depressed: 800 to 2,500; 0.06 to 0.12; 60 to 160
- short: 400 to 1,000; 0.22 to 0.28; 60 to 160
- lofted: 600 to 1,100; 2,000 to 7,000 km; 60 to 110
- satellite: over the sea southwards, 7,500 to 12,000; 0.07 to 0.12; 150 to 190, as launchers' lower stages go

People are those of Japan in the shipped areas. Forecasts are the program's (`warning.foresee`, `exposed`) of the true
state with an error drawn from the covariance that they are given: that which the shipped tracker has of two satellites
and a radar (`bench/impact_honesty.py`, honest there), `SIGMAS`; one draw after burn-out, another at each look before.
Looks each `--every` seconds from 60 s on until a minute after burn-out (5, which the criterion was frozen with), later
seldomer.

A setting is `on`, `boosting`, `wait_s` and `hurry_s`, as `warning.settings` has them; an area is concerned by what
comes within 50 km, which is what near means here and is not chosen. Who is told when follows from looks as
`warning.telling` does it (a test holds the two against each other). Told is who is proposed and `APPROVAL_S` later.

- Needless: people of prefectures that are told and that nothing truly came within 50 km of.
- Missed: of people near (50 km of the true way, 5 km cells) to whom it comes no sooner than 20 s after burn-out,
  `APPROVAL_S` and three minutes more, the share not told three minutes ahead.
- Too late: people near who are not told before it comes to them, or never, whether physics allows it or not.

THE CRITERION, frozen before any launch of its seed was looked at; over all launches of all classes together:

1. The share missed is 0.1 % or less. If no setting has that, nothing is chosen.
2. Of these: too late are no more than the least of them and 0.1 % of all people near beside.
3. Of these: the fewest needless.
4. Of equals that which tells sooner: lower `on`, lower `boosting`, shorter `wait_s`, longer `hurry_s`.

Then the clearing share: the highest with which the fewest areas are told that it is over before the threat has passed.
`on_edge` names what of the choice lies at an end of its grid. That areas are proposed within 20 s of burn-out is no
part of the criterion; `proposed_after_burn_out_s` says when they are.

Beside it: whether what was said before came true (`believed`: by class, of all looks and prefectures for which the
probability of being within 50 km was in a bin, the share that truly was).
"""

import argparse
import itertools
import json
import math
import platform
import time
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.ballistic import Mover
from noroshi.geo.time import NS_PER_S
from noroshi.records import Kind
from noroshi.run import kernel_cache
from noroshi.run.areas import areas
from noroshi.warning.areas import Areas
from noroshi.warning.core import LANDS_MIN
from noroshi.warning.exposure import exposed, exposed_areas
from noroshi.warning.forecast import Forecast
from noroshi.warning.foresee import foresee
from noroshi.warning.settings import Settings

Floats = NDArray[np.float64]
START_NS = 1_893_456_000 * NS_PER_S
NEAR_M = 50e3
APPROVAL_S, AHEAD_S, TOLD_FROM_S, RECALL = 25.0, 180.0, 20.0, 0.999
HOLD_S = 20.0
# Seconds after burn-out, metres, metres a second: of the shipped tracker (flights 0 to 4 of `impact_honesty`).
SIGMAS = (
    (-math.inf, 50.0, 26.0),
    (3.0, 45.0, 16.0),
    (6.0, 35.0, 8.0),
    (10.0, 30.0, 4.5),
    (20.0, 22.0, 2.0),
    (40.0, 15.0, 0.8),
)
NOTICED_S = 3.0  # so long after burn-out it still counts as under thrust
CLASSES = ("overflight", "depressed", "short", "lofted", "satellite")
LEVELS_ON = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEVELS_BOOSTING = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)  # above 1 is never
WAITS_S = (0.0, 5.0, 10.0, 15.0, 20.0, 30.0)
HURRIES_S = (0.0, 120.0, 240.0, 360.0)
GRIDS = {"on": LEVELS_ON, "boosting": LEVELS_BOOSTING, "wait_s": WAITS_S, "hurry_s": HURRIES_S}
IN_USE = {
    "on": Settings().probability_on, "boosting": Settings().probability_boosting,
    "wait_s": Settings().wait_s, "hurry_s": Settings().hurry_s,
}  # fmt: skip
BEFORE = {"on": 0.3, "boosting": 0.5, "wait_s": 0.0, "hurry_s": 0.0}  # in use until 2026-11-26
TOO_LATE_MARGIN = 0.001
SHARES_OFF = (0.5, 0.25, 0.1)
BINS = (0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0001)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watched:
    """One launch: what was foreseen of it, look by look, and what came of it.

    Attributes:
        kind: its class.
        look_s: (l,) since lift-off.
        boosting: (l,) whether it counted as under thrust.
        probability: (l, a) of each area.
        arrival_s: (l, a) the earliest likely arrival there, since lift-off.
        passes: (a,) whether it truly comes within 50 km of people there.
        first_s: (a,) when it truly comes there.
        cell_s, cell_people, cell_area: of cells near the true way: when it comes there, who live there, whose they are.
        burn_out_s: since lift-off.
    """

    kind: str
    look_s: Floats
    boosting: NDArray[np.bool_]
    probability: Floats
    arrival_s: Floats
    passes: NDArray[np.bool_]
    first_s: Floats
    cell_s: Floats
    cell_people: Floats
    cell_area: NDArray[np.int64]
    burn_out_s: float


def flown(kind: str, number: int, seed: int) -> Flight | None:
    """Return one launch of a class, or None if no such flight exists."""
    u = Draws(seed, number, f"thresholds|{kind}").uniforms("shape", first_look=0, n_looks=1, per_look=5)[0]
    span = {
        "overflight": (2_500, 5_000, 50, 110), "depressed": (800, 2_500, 60, 160), "short": (400, 1_000, 60, 160),
        "lofted": (600, 1_100, 60, 110), "satellite": (7_500, 12_000, 150, 190),
    }[kind]  # fmt: skip
    range_km = span[0] + (span[1] - span[0]) * u[3]
    high = {"overflight": (0.18, 0.24), "depressed": (0.06, 0.12), "short": (0.22, 0.28), "satellite": (0.07, 0.12)}
    if kind == "lofted":
        apogee_km = 2_000.0 + 5_000.0 * u[4]
    else:
        apogee_km = range_km * (high[kind][0] + (high[kind][1] - high[kind][0]) * u[4])
    try:
        mover = Mover(
            lat_deg=38.0 + 4.0 * u[0], lon_deg=122.0 + 10.0 * u[1], bearing_deg=span[2] + (span[3] - span[2]) * u[2],
            range_km=range_km, apogee_km=apogee_km,
        )  # fmt: skip
        return mover.fly(kind, START_NS, START_NS + 7_200 * NS_PER_S, Draws(seed, number, kind))[0]
    except ValueError:
        return None


def looks_of(burn_out_s: float, end_s: float, every_s: float = 5.0) -> Floats:
    """Return when a launch is looked at."""
    dense = np.arange(60.0, burn_out_s + 61.0, every_s)
    after = burn_out_s + np.array([75.0, 90.0, 120.0, 180.0, 240.0, 360.0, 600.0, 1_200.0])
    found: Floats = np.concatenate([dense, after])
    return found[found < end_s - 15.0]


def watched(
    where: Areas, own: NDArray[np.bool_], kind: str, number: int, seed: int, every_s: float = 5.0
) -> Watched | None:
    """Return what was foreseen of one launch."""
    flight = flown(kind, number, seed)
    if flight is None:
        return None
    burns = np.flatnonzero(flight.kind == Kind.BOOSTING)
    burn_out_s = float(flight.time_ns[burns[-1] + 1] - START_NS) / NS_PER_S
    end_s = float(flight.time_ns[-1] - START_NS) / NS_PER_S
    times_ns = np.append(np.arange(flight.time_ns[0], flight.time_ns[-1], 5 * NS_PER_S), flight.time_ns[-1])
    true = Forecast(
        time_ns=times_ns, position_ecef_m=flight.at(times_ns)[None, :, :3], end_ns=times_ns[-1:],
        lands=np.array([True]), weight=np.ones(1),
    )  # fmt: skip
    came = exposed(true, where, NEAR_M, among=own, cell_times=True)
    passes = (came.areas.probability > 0.0) & own
    cells = np.flatnonzero((came.cells.probability > 0.0) & own[where.cell_area])
    look_s = looks_of(burn_out_s, end_s, every_s)
    probability, arrival_s = np.zeros((2, len(look_s), len(own)))
    boosting = look_s < burn_out_s + NOTICED_S
    draws = Draws(seed, number, f"error|{kind}").normals("state", first_look=0, n_looks=len(look_s) + 1, per_look=6)
    for i, at_s in enumerate(look_s.tolist()):
        near_m, near_m_s = next(row[1:] for row in reversed(SIGMAS) if at_s - burn_out_s >= row[0])
        sigma = np.repeat([near_m, near_m_s], 3)
        at_ns = START_NS + round(at_s * NS_PER_S)
        state = flight.at(np.array([at_ns]))[0] + sigma * draws[i if boosting[i] else -1]
        kinds = np.zeros(len(Kind))
        kinds[[Kind.BOOSTING, Kind.BALLISTIC, Kind.GLIDING]] = (0.98, 0.01, 0.01) if boosting[i] else (0.0, 0.5, 0.5)
        forecast = foresee(state, np.diag(sigma**2), kinds, at_ns)
        if forecast is None or (not boosting[i] and forecast.weight[forecast.lands].sum() < LANDS_MIN):
            continue
        told = exposed_areas(forecast, where, NEAR_M, among=own)
        probability[i] = told.probability * own
        arrival_s[i] = (told.arrival_ns - START_NS) / NS_PER_S
    return Watched(
        kind=kind, look_s=look_s, boosting=boosting, probability=probability, arrival_s=arrival_s, passes=passes,
        first_s=(came.areas.arrival_ns - START_NS) / NS_PER_S,
        cell_s=(came.cells.arrival_ns[cells] - START_NS) / NS_PER_S, cell_people=where.cell_people[cells],
        cell_area=where.cell_area[cells], burn_out_s=burn_out_s,
    )  # fmt: skip


def likely_since(one: Watched, on: float, boosting: float) -> Floats:
    """Return (l, a) since when each area has been likely enough on the whole; infinite where it is not likely now."""
    margin = one.probability - np.where(one.boosting, max(on, boosting), on)[:, None]
    since, surplus = np.full(margin.shape[1], np.inf), np.zeros(margin.shape[1])
    found: Floats = np.full(margin.shape, np.inf)
    for i, at_s in enumerate(one.look_s.tolist()):
        if i > 0:
            surplus = surplus + margin[i - 1] * (at_s - one.look_s[i - 1])
        since[surplus < 0.0] = np.inf
        surplus[np.isinf(since)] = 0.0
        likely = margin[i] >= 0.0
        since[likely & np.isinf(since)] = at_s
        found[i, likely] = since[likely]
    return found


def told_s(
    one: Watched, since_s: Floats, wait_s: float, hurry_s: float, glance_s: float = Settings().glance_s
) -> Floats:
    """Return (a,) when each area is told, seconds since lift-off; infinite if it never is."""
    waited_s = one.look_s[:, None] - since_s
    is_near = (one.arrival_s - one.look_s[:, None] < hurry_s) & (waited_s >= min(glance_s, wait_s))
    ready = (waited_s >= wait_s) | is_near
    found: Floats = np.where(ready.any(axis=0), one.look_s[ready.argmax(axis=0)] + APPROVAL_S, np.inf)
    return found


def judged(ones: list[Watched], people: Floats, when_s: list[Floats]) -> dict[str, Any]:
    """Return people told needlessly and too late and the share missed, over all and by class.

    Args:
        ones: the launches.
        people: (a,) of each area.
        when_s: of each launch (a,) when each area is told.
    """
    needless, due, missed, near, too_late = (dict.fromkeys(CLASSES, 0.0) for _ in range(5))
    after_s = []
    for one, told in zip(ones, when_s, strict=True):
        needless[one.kind] += float(people[np.isfinite(told) & ~one.passes].sum())
        of_cells = told[one.cell_area]
        possible = one.cell_s >= one.burn_out_s + TOLD_FROM_S + APPROVAL_S + AHEAD_S
        near[one.kind] += float(one.cell_people.sum())
        too_late[one.kind] += float(one.cell_people[of_cells > one.cell_s].sum())
        due[one.kind] += float(one.cell_people[possible].sum())
        missed[one.kind] += float(one.cell_people[possible & (of_cells > one.cell_s - AHEAD_S)].sum())
        if one.passes.any():
            after_s.append(float(told[one.passes].min()) - APPROVAL_S - one.burn_out_s)
    return {
        "needless": sum(needless.values()), "missed": sum(missed.values()) / max(sum(due.values()), 1.0),
        "too_late": sum(too_late.values()), "near": sum(near.values()),
        "proposed_after_burn_out_s": [float(np.quantile(after_s, q, method="higher")) for q in (0.5, 0.95)]
        if after_s else None,
        "needless_by": needless, "missed_by": {k: missed[k] / due[k] if due[k] else None for k in CLASSES},
        "due_by": due, "near_by": near, "too_late_by": too_late,
    }  # fmt: skip


def table_of(ones: list[Watched], people: Floats) -> list[dict[str, Any]]:
    """Return each setting with what it is judged to be."""
    table = []
    for on, boosting in itertools.product(LEVELS_ON, LEVELS_BOOSTING):
        if boosting < on:
            continue
        since_s = [likely_since(one, on, boosting) for one in ones]
        for wait_s, hurry_s in itertools.product(WAITS_S, HURRIES_S):
            if wait_s == 0.0 and hurry_s > 0.0:
                continue  # there is no wait to be spared
            when_s = [told_s(one, since, wait_s, hurry_s) for one, since in zip(ones, since_s, strict=True)]
            setting = {"on": on, "boosting": boosting, "wait_s": wait_s, "hurry_s": hurry_s}
            table.append(setting | judged(ones, people, when_s))
    return table


def choose(table: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return what the criterion picks."""
    enough = [row for row in table if row["missed"] <= 1.0 - RECALL]
    if not enough:
        return None
    least = min(row["too_late"] for row in enough)
    soon = [row for row in enough if row["too_late"] <= least + TOO_LATE_MARGIN * row["near"]]
    return min(soon, key=lambda row: (row["needless"], row["on"], row["boosting"], row["wait_s"], -row["hurry_s"]))


def cleared_early(ones: list[Watched], when_s: list[Floats], off: float) -> int:
    """Return how many prefectures are told that it is over before it has come to them, if looks were all there is."""
    found = 0
    for one, told in zip(ones, when_s, strict=True):
        low = one.probability < off
        for area in np.flatnonzero(one.passes & np.isfinite(told)).tolist():
            since = math.inf
            for i, at_s in enumerate(one.look_s.tolist()):
                if at_s < told[area] - APPROVAL_S or at_s >= one.first_s[area]:
                    continue
                since = min(since, at_s) if low[i, area] else math.inf
                if at_s - since >= HOLD_S:
                    found += 1
                    break
    return found


def believed(ones: list[Watched]) -> dict[str, list[list[float]]]:
    """Return by class, and under thrust or not, [mean believed, share that came true, how many] of each bin."""
    told = {}
    for kind, thrust in itertools.product(CLASSES, (True, False)):
        said, came = [], []
        for one in ones:
            if one.kind == kind:
                rows = one.boosting == thrust
                said.append(one.probability[rows].ravel())
                came.append(np.repeat(one.passes[None], rows.sum(), axis=0).ravel())
        if not said:
            continue
        p, c = np.concatenate(said), np.concatenate(came)
        rows_of = [np.flatnonzero((p > low) & (p <= high)) for low, high in itertools.pairwise(BINS)]
        told[f"{kind}, {'under thrust' if thrust else 'after'}"] = [
            [float(p[r].mean()), float(c[r].mean()), len(r)] if len(r) else [0.0, 0.0, 0] for r in rows_of
        ]
    return told


def keep(path: Path, ones: list[Watched]) -> None:
    """Write launches that were watched into a file."""
    np.savez_compressed(
        path, **{f"{i} {field.name}": getattr(one, field.name) for i, one in enumerate(ones) for field in fields(one)}
    )


def kept(path: Path) -> list[Watched]:
    """Return the launches that `keep` wrote."""
    with np.load(path) as file:
        n = len({name.partition(" ")[0] for name in file})
        rows = [{field.name: file[f"{i} {field.name}"] for field in fields(Watched)} for i in range(n)]
    return [Watched(**row | {"kind": str(row["kind"]), "burn_out_s": float(row["burn_out_s"])}) for row in rows]


def main() -> None:
    """Choose and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--launches", type=int, default=30, help="of each class")
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between looks")
    parser.add_argument("--watched", type=Path, help="what was foreseen: read if it is there, else written")
    parser.add_argument("--json", action="store_true", help="print nothing but the figures")
    given = parser.parse_args()
    kernel_cache.prepare()
    begin = time.process_time()
    where = areas()
    own = np.char.startswith(where.code, "JP-")
    if given.watched is not None and given.watched.exists():
        ones = kept(given.watched)
    else:
        made = [
            watched(where, own, kind, i, given.seed, given.every) for kind in CLASSES for i in range(given.launches)
        ]
        ones = [one for one in made if one is not None]
        if given.watched is not None:
            keep(given.watched, ones)
    watched_s = time.process_time() - begin
    table = table_of(ones, where.people)
    chosen = choose(table)
    found: dict[str, Any] = {
        "bench": "warning_thresholds", "seed": given.seed, "launches_each": given.launches, "every_s": given.every,
        "flown": len(ones),
        "with_people_near": sum(bool(one.passes.any()) for one in ones), "settings": len(table), "chosen": chosen,
        "least_missed": min(table, key=lambda row: (row["missed"], row["needless"])),
        "least_too_late": min(table, key=lambda row: (row["too_late"], row["needless"])),
        "in_use": next(row for row in table if all(row[name] == IN_USE[name] for name in GRIDS)),
        "in_use_before": next(row for row in table if all(row[name] == BEFORE[name] for name in GRIDS)),
    }  # fmt: skip
    if chosen is not None:
        since_s = [likely_since(one, chosen["on"], chosen["boosting"]) for one in ones]
        when_s = [
            told_s(one, since, chosen["wait_s"], chosen["hurry_s"]) for one, since in zip(ones, since_s, strict=True)
        ]
        early = {share: cleared_early(ones, when_s, share * chosen["on"]) for share in SHARES_OFF}
        found["on_edge"] = [name for name, grid in GRIDS.items() if chosen[name] in (grid[0], grid[-1])]
        found["cleared_early_by_off_share"] = early
        found["off_share"] = max(s for s, n in early.items() if n == min(early.values()))
        found["beside_it"] = [
            row for row in table
            if sum(row[name] != chosen[name] for name in GRIDS) == 1
            and all(abs(grid.index(row[name]) - grid.index(chosen[name])) <= 1 for name, grid in GRIDS.items())
        ]  # fmt: skip
    found["believed"] = believed(ones)
    found["versions"] = {"python": platform.python_version()} | {
        name: version(name) for name in ("noroshi", "numpy", "numba", "scipy")
    }
    found["watched_cpu_s"], found["cpu_s"] = watched_s, time.process_time() - begin
    if not given.json:
        for key in ("chosen", "on_edge", "least_missed", "least_too_late", "in_use", "in_use_before", "beside_it"):
            print(key, found.get(key))
        for key, bins in found["believed"].items():
            print(key, [[round(x, 3) for x in each] for each in bins])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
