"""How soon a launch is noticed, typed and held, and how often a notice is false.

    uv run bench/launch_notice.py [--seeds 100] [--first-seed 1] [--events NAMES] [--false-hours 100] [--json]

Over the events whose flight can be fitted (`data/events/`), each seed with other burn time, growth, drag and cloud
top (`exercise/events.py`) and the constellation's first plane elsewhere. Eyes are `sight_parts/watching.py`'s: 54
satellites in 6 planes or 28 in 4 (near-polar star, 1,000 km), a look every 5 s, or two land radars and nothing else.
The tracker is the shipped one; links and their delays are left out. Times count from lift-off.

(a) Notice: the first row of `Launches` with at least 0.5 whose line passes within 5 mrad of the launch, or whose
track is within 20 km of it. The geometry's own limit beside it: the first moment at which it is above the cloud tops
and hot in the field of view of a satellite, or above a radar's mask and within its range, whatever the looks. State:
the first firm track within 5 km of it, and within 1 km and 50 m/s, relative to burn-out, where two satellites or a
radar saw it at all. Typed: from the track's first row to the first that says `boosting`, and from burn-out (or first
row after) to the first that says not so, each with more than 0.5.

False notices: the chaining of lines alone, fed all 54 satellites' false lines (nothing flies, no track) for so many
hours.
"""

import argparse
import json
import platform
import time
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import numpy as np
from sight_parts.watching import EYE, MOTIONS, RADAR, eyes, looks, motions, satellites

from noroshi.exercise.events import Event, flights_of_event, parse
from noroshi.exercise.fields import drawn
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.world import World
from noroshi.geo.sight import is_clear
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import Kind, Launches, SensorSite, Tracks, TrackStatus, take
from noroshi.run import kernel_cache
from noroshi.sensors.infrared import Sensor as Infrared
from noroshi.sensors.prepare import arrange
from noroshi.tracking.launches import noticed, rising, together, watch
from noroshi.tracking.trackers.soft import Tracker

RADARS = (("north", 40.89, 140.34, 100.0), ("west", 35.76, 135.22, 400.0))
WATCHES = {"54 in 6": ("54 in 6", ()), "28 in 4": ("28 in 4", ()), "radars alone": ("", RADARS)}
LINE_RAD, NEAR_M, AT_LEAST, LAST_S = 5e-3, 20_000.0, 0.5, 330
FIRM_M, GOOD_M, GOOD_M_S = 5_000.0, 1_000.0, 50.0


def events(names: str) -> list[Event]:
    """Return the events that can be flown, all or those named."""
    every = sorted((files("noroshi") / "data" / "events").iterdir(), key=lambda path: path.name)
    found = [parse(path.read_text(encoding="utf-8"), path.name) for path in every if path.name.endswith(".toml")]
    return [event for event in found if event.tier != "timeline" and (not names or event.name in names.split(","))]


def one(event: Event, seed: int, watch_name: str) -> dict[str, Any]:
    """Return what is made of one launch."""
    constellation, radars = WATCHES[watch_name]
    flights = flights_of_event(event, seed)
    start_ns, flight = event.launch_ns, flights[0]
    end_ns = start_ns + LAST_S * NS_PER_S
    cloud_top_m = drawn(event.cloud_top_m, Draws(seed, 0, event.name), "cloud top")
    node_deg = 36.0 * (seed % 10)
    burning = flight.time_ns[flight.kind == Kind.BOOSTING]
    burn_out_ns = int(burning[-1])
    made = eyes(flights, constellation=constellation, radars=radars, seed=seed, start_ns=start_ns, end_ns=end_ns,
                cloud_top_m=cloud_top_m, node_deg=node_deg)  # fmt: skip
    found: dict[str, Any] = {"burn_out_s": (burn_out_ns - start_ns) / NS_PER_S}
    found["limit_s"] = _limit_s(flight, start_ns, watch_name, cloud_top_m, node_deg, end_ns)
    tracker = Tracker(node="n", sensor_names=tuple(eye.site.sensor for eye in made), motions=motions())
    seen_by: set[str] = set()
    false: set[int] = set()
    since = time.process_time()
    for look in looks(made, start_ns, end_ns):
        rows = tracker.step(look.plots, look.sensor)
        now_s = (look.time_ns - start_ns) / NS_PER_S
        if (look.owner == flight.name).any():
            seen_by.add(look.plots.sensor)
        said = together("n", noticed(tracker, "n", int(look.plots.time_ns.min())), rising(rows))
        said = take(said, said.probability >= AT_LEAST)
        right = _is_right(said, flights, rows)
        false |= set(said.launch_id[~right].tolist())
        if right.any():
            found.setdefault("notice_s", now_s)
        if seen_by and (radars or len(seen_by) >= 2):
            found["seen"] = True
        _hold(found, rows, flight, look.time_ns, start_ns, burn_out_ns)
    found["false"] = len(false)
    found["cpu_s"] = time.process_time() - since
    return found


def _hold(found: dict[str, Any], rows: Tracks, flight: Flight, now_ns: int, start_ns: int, burn_out_ns: int) -> None:
    """Note when there is first a firm track, a good one, and one of the right kind."""
    firm = np.flatnonzero(rows.status != TrackStatus.LOST)
    if not firm.size or now_ns > flight.time_ns[-1]:
        return
    off = flight.at(rows.time_ns[firm]) - rows.state_ecef[firm]
    away, slower = np.linalg.norm(off[:, :3], axis=1), np.linalg.norm(off[:, 3:], axis=1)
    best = int(np.where(np.isnan(away), np.inf, away).argmin())
    if not away[best] < FIRM_M:
        return
    now_s = (now_ns - start_ns) / NS_PER_S
    boosting = float(rows.kind_probability[firm[best], Kind.BOOSTING])
    found.setdefault("firm_s", now_s)
    found.setdefault("firm_after_burn_out_s", now_s - found["burn_out_s"])
    if away[best] < GOOD_M and slower[best] < GOOD_M_S:
        found.setdefault("good_after_burn_out_s", now_s - found["burn_out_s"])
    if now_ns <= burn_out_ns:
        if boosting > 0.5:
            found.setdefault("typed_boosting_after_s", now_s - found["firm_s"])
        found["rows_boosting"] = [*found.get("rows_boosting", []), boosting > 0.5]
    else:
        found.setdefault("first_after_s", now_s)
        if boosting <= 0.5:
            found.setdefault("typed_burnt_out_after_s", now_s - max(found["burn_out_s"], found["firm_s"]))


def _is_right(said: Launches, flights: list[Flight], rows: Tracks) -> np.ndarray:
    """Return whether each notice is of one of the flights."""
    right = np.zeros(len(said), np.bool_)
    for flight in flights:
        place = flight.at(said.time_ns)[:, :3]
        way = place - said.origin_ecef_m
        away = np.linalg.norm(np.cross(way, said.direction_ecef), axis=1)
        along = np.vecdot(way, said.direction_ecef)
        right |= (along > 0.0) & (away <= LINE_RAD * along)
        for k, number in enumerate(said.track_id.tolist()):
            own = np.flatnonzero(rows.track_id == number)
            for i in own.tolist():
                off = flight.at(rows.time_ns[i : i + 1])[0, :3] - rows.state_ecef[i, :3]
                right[k] |= bool(np.linalg.norm(off) <= NEAR_M)
    return right


def _limit_s(
    flight: Flight, start_ns: int, watch_name: str, cloud_top_m: float, node_deg: float, end_ns: int
) -> float | None:
    """Return the first moment at which any eye could see it, in steps of a second."""
    time_ns = np.arange(start_ns, min(end_ns, int(flight.time_ns[-1])), NS_PER_S)
    place = flight.at(time_ns)[:, :3]
    constellation, radars = WATCHES[watch_name]
    can = np.zeros(len(time_ns), np.bool_)
    if constellation:
        heat = flight.heat_w_sr[flight.sample(time_ns)]
        for satellite in satellites(constellation, start_ns, end_ns, node_deg):
            origin = satellite.at(time_ns)[:, :3]
            way = place - origin
            range_m = np.linalg.norm(way, axis=1)
            line = way / range_m[:, None]
            down = -np.vecdot(line, origin) / np.linalg.norm(origin, axis=1)
            strong = heat / range_m**2 >= EYE.threshold * EYE.noise_w_m2(line, origin)
            can |= strong & is_clear(place, origin, cloud_top_m) & (down >= np.cos(np.radians(EYE.off_nadir_deg_max)))
    for _, lat_deg, lon_deg, height_m in radars:
        stands = ecef_from_geodetic(*np.radians([lat_deg, lon_deg]), height_m)
        up = ecef_from_geodetic(*np.radians([lat_deg, lon_deg]), height_m + 1.0) - stands
        way = place - stands
        range_m = np.linalg.norm(way, axis=1)
        can |= (way @ up / range_m >= np.sin(np.radians(RADAR.elevation_deg_min))) & (range_m <= RADAR.range_m_max)
    can &= geodetic_from_ecef(place)[2] > 0.0
    return float((time_ns[can.argmax()] - start_ns) / NS_PER_S) if can.any() else None


def false_notices(hours: float, seed: int) -> dict[str, Any]:
    """Return how many notices false lines alone give."""
    start_ns, end_ns = 1_900_000_000 * NS_PER_S, 1_900_000_000 * NS_PER_S + round(hours * 3600) * NS_PER_S
    flown = satellites("54 in 6", start_ns, end_ns, 0.0)
    world = World(seed=seed, replicate=0, start_ns=start_ns, end_ns=end_ns, flights=flown)
    since, said, n_lines = time.process_time(), 0, 0
    for satellite in flown:  # one after the other: lines of several satellites begin no notice together
        site = SensorSite(sensor=satellite.name, type="infrared", lat_rad=0.0, lon_rad=0.0, height_m=0.0)
        sensor = Infrared.at(site)
        plots = arrange(EYE.watch(world, site, sensor, satellite).observe(start_ns, end_ns).detections, sensor)
        tracker = Tracker(node="n", sensor_names=(satellite.name,), motions=motions("constant_velocity"))
        tracker.store.tally["period_ns"] = np.array([round(EYE.revisit_s * NS_PER_S)])
        numbers: set[int] = set()
        first = np.flatnonzero(np.diff(plots.time_ns, prepend=-1))
        for begin, end in zip(first.tolist(), [*first[1:].tolist(), len(plots)], strict=True):
            batch = take(plots, np.arange(begin, end))
            watch(tracker.store, batch, sensor, np.zeros(len(batch)), 0)
            numbers |= set(noticed(tracker, "n", int(batch.time_ns[0])).launch_id.tolist())
        said, n_lines = said + len(numbers), n_lines + len(plots)
    cpu_s = time.process_time() - since
    return {"hours": hours, "satellites": len(flown), "lines": n_lines, "notices": said, "cpu_s": round(cpu_s, 1)}


def summary(name: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one line of the table."""
    found: dict[str, Any] = {"watch": name, "runs": len(runs), "false_notices": sum(run["false"] for run in runs)}
    asked = ("notice_s", "limit_s", "firm_s", "burn_out_s", "firm_after_burn_out_s", "good_after_burn_out_s",
             "typed_boosting_after_s", "typed_burnt_out_after_s")  # fmt: skip
    for what in asked:
        values = [run[what] for run in runs if run.get(what) is not None]
        whole = [run for run in runs if what not in ("firm_after_burn_out_s", "good_after_burn_out_s") or "seen" in run]
        if values:
            found[what] = {"median": float(np.median(values)), "p95": float(np.quantile(values, 0.95)),
                           "share_never": 1.0 - len(values) / max(len(whole), 1)}  # fmt: skip
    typed = [row for run in runs for row in run.get("rows_boosting", [])]
    found["rows_in_boost_typed_boosting"] = float(np.mean(typed)) if typed else None
    late = [run["notice_s"] - run["limit_s"] for run in runs if run.get("notice_s") is not None and run["limit_s"]]
    found["notice_after_limit_s"] = {"median": float(np.median(late)), "p95": float(np.quantile(late, 0.95))}
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--events", default="", help="only these, by commas")
    parser.add_argument("--watches", default=",".join(WATCHES))
    parser.add_argument("--false-hours", type=float, default=100.0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    chosen, begin, lines = events(given.events), time.process_time(), []
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    for name in given.watches.split(","):
        lines.append(summary(name, [one(event, seed, name) for event in chosen for seed in seeds]))
        if not given.json:
            print(json.dumps(lines[-1], indent=1), flush=True)
    false = false_notices(given.false_hours, given.first_seed) if given.false_hours else None
    if not given.json:
        print(json.dumps(false))
        return
    versions = {p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")} | {"python": platform.python_version()}
    print(json.dumps({
        "lines": lines, "false": false, "seeds": [seeds[0], seeds[-1]], "events": [event.name for event in chosen],
        "motion": MOTIONS, "versions": versions, "cpu_s": round(time.process_time() - begin, 1),
    }))  # fmt: skip


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
