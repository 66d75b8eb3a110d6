"""Gliders held by named constellations and by radars alone: custody of the glide, its type, and how it is found again.

    uv run bench/glider_custody.py [--seeds 20] [--first-seed 1] [--cases TEXT] [--motion NAMES] [--json]

A generic glider flies 1,500 km and more from burn-out speeds of 4 to 6 km/s, at a bearing and with two banks that are
drawn; it radiates 30 or 100 kW/sr. Eyes are `sight_parts/watching.py`'s: satellites that look every 5 s, and one
radar of 2 degrees mask that stands near its way 2,000 km after pull-up. The tracker is the shipped one, fed in the
order of time.

Custody: of the glide (from pull-up to where it gives up its lift) the share of seconds at which a picture has a firm
or coasting track within 5 km of it; of radars, of the seconds at which it is above the mask. Beside it the share of
those seconds at which two satellites, or a radar, see it at all within 10 s: what the geometry permits. Typed: from
pull-up, or the first track after it, to the first picture that says `gliding` with more than 0.5, and the share of
the custody after that which says so. Gap: all sensors say nothing for 60 s; looks until a firm track is within 5 km
again. Lead of a radar: from the first firm track to the glider's nearest way to it.
"""

import argparse
import json
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from sight_parts.watching import MOTIONS, Look, eyes, looks, motions

from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.boost_glide import Mover
from noroshi.geo.great_circle import destination
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, geodetic_from_ecef
from noroshi.records import Kind, Tracks
from noroshi.run import kernel_cache
from noroshi.tracking.trackers.soft import Tracker

START_NS = 1_900_000_000 * NS_PER_S
NEAR_M, MASK_DEG, STEP_S, GAP_S, LOOK_S, SEEN_S = 5_000.0, 2.0, 1, 60, 5.0, 10
RADAR_AFTER_M, RADAR_ASIDE_M = 2_000_000.0, 60_000.0


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    constellation: str
    heat_w_sr: float
    radar: bool = False
    gap: bool = False

    @property
    def name(self) -> str:
        """What it is called."""
        eyes_ = f"{self.constellation}, {self.heat_w_sr / 1e3:g} kW/sr" if self.constellation else "radar alone"
        return eyes_ + (", gap of 60 s" if self.gap else "")


CASES = (
    *(Case(name, heat, gap=gap) for name in ("24 in 4", "54 in 6") for heat in (3e4, 1e5) for gap in (False, True)),
    Case("", 3e4, radar=True),
    Case("", 3e4, radar=True, gap=True),
)


def glider(seed: int, heat_w_sr: float) -> Flight:
    """Return a drawn glider's flight."""
    rng = np.random.default_rng(seed)
    first, second = rng.uniform(350.0, 420.0), rng.uniform(520.0, 600.0)
    mover = Mover(
        lat_deg=float(rng.uniform(20.0, 45.0)), lon_deg=float(rng.uniform(120.0, 160.0)),
        bearing_deg=float(rng.uniform(0.0, 360.0)), burn_out_speed_m_s=float(rng.uniform(4_000.0, 6_000.0)),
        burn_out_climb_deg=float(rng.uniform(3.0, 10.0)), slowest_m_s=1_800.0, glide_heat_w_sr=heat_w_sr,
        banks=(
            {"from_s": first, "for_s": 80.0, "bank_deg": float(rng.choice([-1, 1]) * rng.uniform(20.0, 50.0))},
            {"from_s": second, "for_s": 80.0, "bank_deg": float(rng.choice([-1, 1]) * rng.uniform(20.0, 50.0))},
        ),
    )  # fmt: skip
    return mover.fly("glider", START_NS, START_NS + 1_500 * NS_PER_S, Draws(seed, 0, "glider"))[0]


def follow(case: Case, seed: int, motion: str) -> dict[str, Any]:
    """Return what a tracker makes of one glider."""
    flight = glider(seed, case.heat_w_sr)
    own = flight.time_ns[flight.kind == Kind.GLIDING]
    begin_ns, end_ns = int(own[0]), int(min(own[-1], flight.time_ns[-1]))
    radars = _radar(flight, begin_ns) if case.radar else ()
    made = eyes([flight], constellation=case.constellation, radars=radars, seed=seed, start_ns=START_NS,
                end_ns=end_ns, cloud_top_m=8_000.0, node_deg=36.0 * (seed % 10))  # fmt: skip
    seconds = np.arange(begin_ns, end_ns, STEP_S * NS_PER_S)
    wanted = np.ones(len(seconds), np.bool_)
    if case.radar:
        wanted = _elevation_deg(flight, radars[0], seconds) >= MASK_DEG
    if not wanted.any():
        return {"visible_s": 0.0}
    middle_ns = int(seconds[wanted][wanted.sum() // 2])
    gap_ns = (middle_ns, middle_ns + GAP_S * NS_PER_S) if case.gap else (0, 0)
    every = [look for look in looks(made, START_NS, end_ns) if not gap_ns[0] <= look.time_ns < gap_ns[1]]
    tracker = Tracker(node="n", sensor_names=tuple(eye.site.sensor for eye in made), motions=motions(motion))
    held = np.zeros(len(seconds), np.bool_)
    glides, number = np.full(len(seconds), np.nan), np.zeros(len(seconds), np.uint64)
    spent, at = 0.0, 0
    first_firm_ns = None
    for k, second_ns in enumerate(seconds.tolist()):
        since = time.process_time()
        while at < len(every) and every[at].time_ns <= second_ns:
            tracker.step(every[at].plots, every[at].sensor, report=False)
            at += 1
        spent += time.process_time() - since
        picture = tracker.picture(second_ns)
        near = _nearest(picture, flight, second_ns)
        if near < 0:
            continue
        held[k], glides[k] = True, picture.kind_probability[near, Kind.GLIDING]
        number[k] = picture.track_id[near]
        first_firm_ns = first_firm_ns or second_ns
    outside = wanted & ((seconds < gap_ns[0]) | (seconds >= gap_ns[1]))
    typed = np.flatnonzero(held & (glides > 0.5))
    after = np.zeros(len(seconds), np.bool_)
    if typed.size:
        after[typed[0] :] = held[typed[0] :]
    found: dict[str, Any] = {
        "visible_s": float(wanted.sum()), "custody": float(held[outside].mean()),
        "seen": float(_seen(every, seconds, case)[outside].mean()), "tracks": len(np.unique(number[held])),
        "typed_after_s": float((seconds[typed[0]] - seconds[held][0]) / NS_PER_S) if typed.size else None,
        "stays_typed": float((glides[after] > 0.5).mean()) if typed.size else 0.0,
        "cpu_s": spent, "batches": len(every),
    }  # fmt: skip
    if case.gap:
        again = np.flatnonzero(held & (seconds >= gap_ns[1]))
        found["looks_to_find_again"] = (
            float((seconds[again[0]] - gap_ns[1]) / NS_PER_S / LOOK_S) if again.size else None
        )
        found["held_in_gap"] = float(held[(seconds >= gap_ns[0]) & (seconds < gap_ns[1])].mean())
    if case.radar:
        place = ecef_from_geodetic(*np.radians(radars[0][1:3]), 0.0)
        way = np.linalg.norm(flight.at(seconds)[:, :3] - place, axis=1)
        passes_ns, rises_ns = int(seconds[way.argmin()]), int(seconds[wanted][0])
        found["lead_s"] = (passes_ns - first_firm_ns) / NS_PER_S if first_firm_ns else None
        found["lead_of_geometry_s"] = (passes_ns - rises_ns) / NS_PER_S
    return found


def _radar(flight: Flight, begin_ns: int) -> tuple[tuple[str, float, float, float], ...]:
    """Return a radar beside the glider's way, so far after pull-up."""
    ahead_ns = np.arange(begin_ns, flight.time_ns[-1], NS_PER_S)
    place = flight.at(ahead_ns)[:, :3]
    gone = np.cumsum(np.linalg.norm(np.diff(place, axis=0), axis=1))
    k = min(int(np.searchsorted(gone, RADAR_AFTER_M)), len(place) - 1)
    lat, lon, _ = geodetic_from_ecef(place[k : k + 1])
    lat, lon = destination(lat, lon, 0.0, RADAR_ASIDE_M)
    return (("radar", float(np.degrees(lat)[0]), float(np.degrees(lon)[0]), 100.0),)


def _elevation_deg(flight: Flight, radar: tuple[str, float, float, float], time_ns: np.ndarray) -> np.ndarray:
    place = ecef_from_geodetic(*np.radians(radar[1:3]), radar[3])
    up = ecef_from_geodetic(*np.radians(radar[1:3]), radar[3] + 1.0) - place
    way = flight.at(time_ns)[:, :3] - place
    return np.degrees(np.arcsin(way @ up / np.linalg.norm(way, axis=1)))


def _nearest(picture: Tracks, flight: Flight, time_ns: int) -> int:
    if not len(picture):
        return -1
    away = np.linalg.norm(picture.state_ecef[:, :3] - flight.at(np.array([time_ns]))[0, :3], axis=1)
    return int(away.argmin()) if away.min() < NEAR_M else -1


def _seen(every: list[Look], seconds: np.ndarray, case: Case) -> np.ndarray:
    """Return whether two satellites, or the radar, have seen it within the last 10 s."""
    last: dict[str, np.ndarray] = {}
    for look in every:
        if (look.owner == "glider").any():
            name = look.plots.sensor
            own = (seconds >= look.time_ns) & (seconds < look.time_ns + SEEN_S * NS_PER_S)
            last[name] = last.get(name, np.zeros(len(seconds), np.bool_)) | own
    return np.sum(list(last.values()) or [np.zeros(len(seconds))], axis=0) >= (1 if case.radar else 2)


def summary(case: Case, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one line of the table."""
    some = [run for run in runs if run["visible_s"] > 0.0]
    found: dict[str, Any] = {"case": case.name, "runs": len(some)}
    weight = np.array([run["visible_s"] for run in some])
    for name in ("custody", "seen", "stays_typed"):
        found[name] = float(np.average([run[name] for run in some], weights=weight))
    found["least_custody"] = min(run["custody"] for run in some)
    found["tracks_each"] = float(np.mean([run["tracks"] for run in some]))
    for name in ("typed_after_s", "looks_to_find_again", "lead_s", "lead_of_geometry_s"):
        values = [run[name] for run in some if run.get(name) is not None]
        if values:
            found[name] = {"median": float(np.median(values)), "p95": float(np.quantile(values, 0.95)),
                           "never": len(some) - len(values)}  # fmt: skip
    if case.gap:
        found["held_in_gap"] = float(np.mean([run["held_in_gap"] for run in some]))
    found["cpu_ms_a_batch"] = 1e3 * sum(run["cpu_s"] for run in some) / sum(run["batches"] for run in some)
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--cases", default="", help="only those whose name has this in it")
    parser.add_argument("--motion", default=MOTIONS)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    seeds, begin, lines = range(given.first_seed, given.first_seed + given.seeds), time.process_time(), []
    for case in CASES:
        if given.cases not in case.name:
            continue
        lines.append(summary(case, [follow(case, seed, given.motion) for seed in seeds]))
        if not given.json:
            print(json.dumps(lines[-1]), flush=True)
    versions = {p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")} | {"python": platform.python_version()}
    if given.json:
        print(json.dumps({
            "lines": lines, "seeds": [seeds[0], seeds[-1]], "motion": given.motion, "versions": versions,
            "cpu_s": round(time.process_time() - begin, 1),
        }))  # fmt: skip


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
