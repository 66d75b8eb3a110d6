"""When people are told that it is over: never before it is, and how soon after, on launches that are generated.

    uv run bench/all_clears.py --json [--seeds 2] [--first-seed 81] [--launches short long ...] [--watched ...]
        [--standing none observed]

Each launch is flown past generic sensors (`data/stands/`) through the chain of `warning_events`: plots, tracks, fusion,
proposals, a scripted approver (10 to 40 s) and what people are told. Launches come from the west and come down at, or
long ones pass over, a place in Japan; ranges [km], apogees [km, or as a share of the range], burn times [s], all even:

- short: 450 to 1,000; 0.22 to 0.28; 58 to 95
- long: 2,400 to 3,600, of which 900 to 1,400 to the place; 0.18 to 0.24; 130 to 180
- depressed: 700 to 1,200; 0.08 to 0.12; 70 to 110
- lofted: 700 to 1,100; 700 to 1,200 km; 100 to 130
- salvo: three short ones, from one place 5 to 30 s apart (odd seeds), or at one time 20 km apart (even ones)

They are watched by three coastal radars and a ship's (radar), by 54 infrared satellites (constellation), by all
(both), and by all until the last burn ends and by nobody after it (lost at burn-out).

People decide each all-clear (standing: none), or have approved beforehand, for two hours, that a cancellation goes out
at once where it was observed that all is over, in any area (observed): the watch officer proposes that plan at the
beginning, the approver approves it. Updates that leave out areas, and what nobody observed, wait for a person still.

Of each threat and area that was told and that it truly came near: when people were told that it is over, from when it
was (`assessment/exercises/all_clears.py`): early is before, never is not within four minutes of when it is down, or of
700 s for long ones, which have passed by then; ten minutes where nobody saw it after its burn. Early have Wilson's
interval. That time in two: until the machine first proposed it (machine), and until that was decided (decided). Beside
it the number of threats that the nation's node followed for each missile, by which true one their track was on, and
missiles that none was on.
"""

import argparse
import json
import math
import platform
import shlex
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from impact_honesty import wilson
from plan_parts.scenes import Kept
from pyproj import Geod

from noroshi.assessment.exercises.all_clears import all_clears, never_cleared, proposed_ns
from noroshi.assessment.exercises.naming import meant
from noroshi.assessment.exercises.warned import nearby
from noroshi.command.book import Book
from noroshi.command.rows import What
from noroshi.command.standing import POSTURES, StandingPlan
from noroshi.command.transitions import Action, Role, Step
from noroshi.exercise.keyed import Draws
from noroshi.exercise.planning import Plans
from noroshi.exercise.staff import Player
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Decision, Stage, Threats, Tracks
from noroshi.records.alert import CANCEL
from noroshi.run import kernel_cache
from noroshi.run.campaigns.measuring import happened_in
from noroshi.run.campaigns.runs import KNOWN
from noroshi.run.exercises import running
from noroshi.run.exercises.running import Ran
from noroshi.run.exercises.staff import player
from noroshi.run.exercises.staging import Cast, planners
from noroshi.run.scenarios import Scenario
from noroshi.run.warn.replaying import COUNTRY, NATION, PICTURE_S, PUMP_S
from noroshi.run.warn.stands import write_scenario

START_NS = 1_893_456_000 * NS_PER_S
BEFORE_S, AFTER_S, AFTER_UNSEEN_S, CLOUD_TOP_M = 20.0, 240.0, 600.0, 6_000.0
EARTH = Geod(ellps="WGS84")
PLACES = ((35.5, 134.2), (36.6, 136.7), (37.9, 139.0), (39.7, 140.1), (40.8, 140.7), (33.6, 130.4), (34.4, 132.5))
"""Where they come down or pass over, north and east [degrees]: round, of towns of the western coast."""

SHAPES = {
    "short": (450.0, 1_000.0, 0.22, 0.28, 58.0, 95.0),
    "long": (2_400.0, 3_600.0, 0.18, 0.24, 130.0, 180.0),
    "depressed": (700.0, 1_200.0, 0.08, 0.12, 70.0, 110.0),
    "lofted": (700.0, 1_100.0, 700.0, 1_200.0, 100.0, 130.0),
}
LAUNCHES = (*SHAPES, "salvo")
RADARS = ("jpn-north-west", "jpn-middle-west", "jpn-south-west", "usa-ship")
SATELLITES = "usa-eyes"
WATCHED = ("radar", "constellation", "both", "lost at burn-out")
STANDING = ("none", "observed")
PLAN_S = 7_200.0


@dataclass(slots=True, kw_only=True)
class Beforehand:
    """A watch officer who proposes one standing plan at the beginning: as `exercise.planning.Plans`."""

    player: Player
    start_ns: int
    picture: Tracks | None = None
    _is_said: bool = field(default=False)

    def wake_ns(self) -> int | None:
        """Return when it is proposed."""
        return None if self._is_said else self.start_ns

    def plan(self, book: Book, now_ns: int) -> list[Decision]:
        """Return the proposal."""
        self._is_said = True
        plan = StandingPlan(
            hazards=("missile",), messages=(CANCEL,), stage_min="passed", areas=(f"{COUNTRY}*",), probability_min=0.0,
            postures=POSTURES, from_ns=now_ns, until_ns=now_ns + round(PLAN_S * NS_PER_S),
        )  # fmt: skip
        what = What(action=Action.STANDING_PLAN, detail=msgspec.to_builtins(plan))
        why = "EXERCISE: what was observed to be over is told at once"
        return [self.player.write(book, "all-clears", Step.RECOMMENDED, now_ns, what=what, reason=why)]

    def state(self) -> dict[str, Any]:
        """Return what it remembers."""
        return {"is_said": self._is_said}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to `state`."""
        self._is_said = state["is_said"]


def planning(scenario: Scenario, everything: Cast, replicate: int, *, sharing: bool = True) -> dict[str, Plans]:
    """Return who plans what, as `staging.planners`, and beside them who proposes the standing plan."""
    officer = player(scenario, replicate, NATION, Role.WATCH_OFFICER)
    beforehand = Beforehand(player=officer, start_ns=scenario.start_ns)
    return planners(scenario, everything, replicate, sharing=sharing) | {f"{NATION} all-clears": beforehand}


def flights_of(launch: str, seed: int) -> list[dict[str, Any]]:
    """Return the flights of a launch as a scenario's file has them, the first to rise first."""
    shape = "short" if launch == "salvo" else launch
    u = Draws(seed, 0, f"all clears|{launch}").uniforms("shape", first_look=0, n_looks=3, per_look=6).tolist()
    low_km, high_km, low, high, burn_low_s, burn_high_s = SHAPES[shape]
    lat, lon = PLACES[int(u[0][0] * len(PLACES))]
    range_km = low_km + (high_km - low_km) * u[0][1]
    to_place_km = 900.0 + 500.0 * u[0][2] if shape == "long" else range_km
    site_lon, site_lat, bearing = EARTH.fwd(lon, lat, 270.0 + 40.0 * u[0][3], to_place_km * 1e3)
    found = []
    for i in range(3 if launch == "salvo" else 1):
        at_once = launch == "salvo" and seed % 2 == 0
        away = EARTH.fwd(site_lon, site_lat, bearing + 90.0, 20e3 * i if at_once else 0.0)
        later_s = 0.0 if at_once else sum(5.0 + 25.0 * one[4] for one in u[:i])
        apogee = low + (high - low) * u[i][5]
        found.append(
            {
                "name": f"threat-{i + 1}", "mover": "ballistic", "start_s": round(BEFORE_S + later_s, 1),
                "lat_deg": round(away[1], 4), "lon_deg": round(away[0], 4), "bearing_deg": round(bearing % 360.0, 3),
                "range_km": round(range_km + 25.0 * i, 1),
                "apogee_km": round(apogee if shape == "lofted" else apogee * range_km, 1),
                "burn_time_s": round(burn_low_s + (burn_high_s - burn_low_s) * u[0][2], 1),
            }
        )  # fmt: skip
    return found


def scenario_of(launch: str, watched: str, seed: int, folder: Path) -> Path:
    """Write the scenario of a launch seen by a set of sensors, and return its file."""
    flights = flights_of(launch, seed)
    burnt_out_s = max(flight["start_s"] + flight["burn_time_s"] for flight in flights)
    off = {
        "constellation": (BEFORE_S / 2.0, RADARS), "both": (0.0, ()), "radar": (0.0, ()),
        "lost at burn-out": (burnt_out_s, (*RADARS, SATELLITES)),
    }[watched]  # fmt: skip
    flies_s = {"short": 560.0, "salvo": 610.0, "depressed": 470.0, "long": 700.0, "lofted": 1_260.0}[launch]
    return write_scenario(
        folder,
        "shared" if watched == "radar" else "shared-54",
        name=f"{launch} {seed}",
        summary=f"A generated launch, {launch}",
        seed=seed,
        start_ns=START_NS,
        duration_s=BEFORE_S + flies_s + (AFTER_UNSEEN_S if watched == "lost at burn-out" else AFTER_S),
        cloud_top_m=CLOUD_TOP_M,
        flights=flights,
        injects=[{"what": "sensor_off", "at_s": off[0], "whom": list(off[1])}] if off[1] else [],
    )


def heard(ran: Ran) -> dict[str, Any]:
    """Return what a nation's people were told of the ends of a run's threats, and how many threats it followed."""
    happened = happened_in(ran)
    numbers, near = meant(happened), nearby(happened)
    reasons = {one.record.identifier: one.record.reason for one in happened.told if isinstance(one.record, Alert)}
    clears = all_clears(happened, numbers, near, NATION)
    since_ns = [proposed_ns(happened, NATION, one) if one.by else None for one in clears]
    followed = {
        number
        for one in happened.told
        if one.node == NATION and isinstance(one.record, Threats)
        for number in one.record.threat_id[one.record.stage != Stage.LAUNCH_DETECTED].tolist()
    }
    of = [numbers.get((NATION, number), "") for number in sorted(followed)]
    return {
        "all_clears": [
            {
                "threat": one.threat, "area": one.code, "after_s": None if math.isinf(one.after_s) else one.after_s,
                "is_early": one.is_early, "why": reasons.get(one.by, ""),
                "machine_s": None if at_ns is None else (at_ns - one.over_ns) / NS_PER_S,
                "decided_s": None if at_ns is None else (one.told_ns - at_ns) / NS_PER_S,
            }
            for one, at_ns in zip(clears, since_ns, strict=True)
        ],
        "never": sorted(never_cleared(happened, numbers, near, NATION)),
        "launches": len(happened.courses),
        "threats": {course.name: of.count(course.name) for course in happened.courses},
        "threats_of_nothing": of.count(""),
    }  # fmt: skip


def once(launch: str, watched: str, standing: str, seed: int) -> dict[str, Any]:
    """Run one launch."""
    running.planners = planners if standing == "none" else planning  # the driver of exercises asks for them there
    with tempfile.TemporaryDirectory() as folder:
        path = scenario_of(launch, watched, seed, Path(folder))
        since_s = time.process_time()
        plan = running.Plan(scenario=str(path), folder=Path(folder), picture_s=PICTURE_S, pump_s=PUMP_S)
        found = heard(running.run(plan, known=KNOWN)) | {"cpu_s": round(time.process_time() - since_s, 1)}
    return found | {"launch": launch, "watched": watched, "standing": standing, "seed": seed}


def spread(values: list[float]) -> dict[str, float] | None:
    """Return median and 95th percentile; None of nothing."""
    return {"median": float(np.median(values)), "p95": float(np.percentile(values, 95))} if values else None


def summed(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of some runs together."""
    clears = [one for run in runs for one in run["all_clears"]]
    told = [one for one in clears if one["after_s"] is not None and not one["is_early"]]
    early = sum(one["is_early"] for one in clears)
    low, high = (abs(round(each, 5)) for each in wilson(early, len(clears))) if clears else (math.nan, math.nan)
    each = [n for run in runs for n in run["threats"].values()]
    return {
        "runs": len(runs),
        "told": len(clears),
        "early": early,
        "early_share": {"value": early / len(clears), "low": low, "high": high} if clears else None,
        **{name: spread([one[name] for one in told]) for name in ("after_s", "machine_s", "decided_s")},
        "within_30_s": round(sum(one["after_s"] <= 30.0 for one in told) / len(clears), 3) if clears else None,
        "never": sum(one["after_s"] is None for one in clears),
        "areas_never_cleared": sum(len(run["never"]) for run in runs),
        "missiles": len(each),
        "threats_a_missile": round(float(np.mean(each)), 3),
        "missiles_missed": sum(n == 0 for n in each),
        "missiles_of_several_threats": sum(n > 1 for n in each),
        "threats_of_nothing": sum(run["threats_of_nothing"] for run in runs),
    }


def main() -> None:
    """Run them and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2, help="of each launch and each set of sensors")
    parser.add_argument("--first-seed", type=int, default=81)
    parser.add_argument("--launches", nargs="+", choices=LAUNCHES, default=LAUNCHES)
    parser.add_argument("--watched", nargs="+", choices=WATCHED, default=WATCHED)
    parser.add_argument("--standing", nargs="+", choices=STANDING, default=STANDING)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the figures are printed as JSON")
    given = parser.parse_args()
    kernel_cache.prepare()
    kept = Kept(given.keep, f"all clears {version('noroshi')}")
    runs = [
        kept.get(f"{launch} {watched} {standing} {seed}", partial(once, launch, watched, standing, seed))
        for launch in given.launches
        for watched in given.watched
        for seed in range(given.first_seed, given.first_seed + given.seeds)
        for standing in given.standing
    ]
    print(
        json.dumps(
            {
                "bench": "all_clears",
                "seeds": given.seeds,
                "first_seed": given.first_seed,
                "launches": shlex.join(given.launches),
                "watched": shlex.join(given.watched),
                "standing": shlex.join(given.standing),
                "all": summed(runs),
                **{
                    f"by_{about}": {each: summed([run for run in runs if run[about] == each]) for each in of}
                    for about, of in (
                        ("standing", given.standing),
                        ("launch", given.launches),
                        ("watched", given.watched),
                    )
                },
                "by_standing_and_watched": {
                    f"{standing}, {watched}": summed(
                        [run for run in runs if (run["standing"], run["watched"]) == (standing, watched)]
                    )
                    for standing in given.standing
                    for watched in given.watched
                },
                "early": [
                    {key: run[key] for key in ("launch", "watched", "standing", "seed")} | one
                    for run in runs
                    for one in run["all_clears"]
                    if one["is_early"]
                ],
                "cpu_s": round(sum(run["cpu_s"] for run in runs), 1),
                "commits": sorted(kept.commits),
                "versions": {
                    "noroshi": version("noroshi"),
                    "numpy": np.__version__,
                    "python": platform.python_version(),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
