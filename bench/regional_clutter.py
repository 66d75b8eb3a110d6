"""What the soft tracker makes of clutter that lies in one place, and of targets that appear in one, map on and off.

    uv run bench/regional_clutter.py [--scene weather ...] [--heights primary mode_c] [--first 200] [--runs 4]
        [--detection 0.9] [--surface] [--reach-km 120] [--json]

A radar (generic class, turns in 10 s, sees with 0.9, 120 km) for 20 minutes, with 10 false plots a look that are even
over the area. In `primary` no plot has a height; in `mode_c` those of targets have. `--detection` is how it sees and
what its site states of that, `--surface` states that all are at sea, `--reach-km` how far it sees by its site alone.

Clutter, over 15 aircraft that fly straight and three more that fly through it: `even` (none more), `even3` (30 false
plots), `weather` (8 a look over a shower 4 km wide that drifts at 15 m/s), `wind_farm` (40 mills, each seen in one look
in four), `chaff` (10 from 200 s on, in a cloud that drifts and widens), `ground` (60 fixed places near the radar, each
seen in one look in three). Targets, in the even clutter: `airport` (a departure every 90 s from one runway), `harbour`
(30 ships of 1 to 8 m/s within 8 km, which come and go), `formation` (two fours that cross), `helicopter` (eight, which
hover in one place for ten minutes), `raid` (20 aircraft that appear together within 8 km).

Runs are paired: the same plots with the map and without. At the end of each look the picture's tracks are given to
targets within 2 km (Hungarian). `completeness` is the share of target time that has a track; `after_s` from a target's
first plot to its first track; `changes` of the number, a target-hour; `false_tracks` are those that never were on a
target, `false_share` is the share of all track time that is on none.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu
from noroshi.motion import constant_velocity, left_turn, right_turn
from noroshi.records import Detections, SensorSite, Tracks
from noroshi.run import kernel_cache
from noroshi.run.batches import in_time
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.trackers.soft import Parameters, Tracker

Floats = NDArray[np.float64]
START_NS, PERIOD_S, LOOKS, BATCH_S = 1_893_456_000 * NS_PER_S, 10.0, 120, 1.0
EVEN, REACH_M, NEAR_M, EARTH_M = 10.0, 120e3, 2_000.0, 6_371_000.0
END_S = LOOKS * PERIOD_S


@dataclass(frozen=True)
class Target:
    """One target: (n, 3) east, north and height above the ground [m] of (n,) times [s] from its first to its last."""

    place: Callable[[Floats], Floats]
    first_s: float = 0.0
    last_s: float = END_S


Clutter = Callable[[int, np.random.Generator], Floats]
Scene = tuple[list[Target], Clutter]


def straight(
    east: float, north: float, height: float, speed: float, course_deg: float, first_s: float = 0.0, climb: float = 0.0,
    last_s: float = END_S, height_max: float = 1e5,
) -> Target:  # fmt: skip
    """Return what flies straight from a place on."""
    course = np.radians(course_deg)

    def place(time_s: Floats) -> Floats:
        dt = time_s - first_s
        rise = np.minimum(height + climb * dt, height_max)
        return np.stack([east + speed * np.sin(course) * dt, north + speed * np.cos(course) * dt, rise], axis=1)

    return Target(place, first_s, last_s)


def traffic(rng: np.random.Generator) -> list[Target]:
    """Return 15 aircraft and three that fly through the shower, the wind farm and the chaff."""
    some = [
        straight(*rng.uniform(-90e3, 90e3, 2), rng.uniform(3e3, 9e3), rng.uniform(130, 240), rng.uniform(0, 360))
        for _ in range(15)
    ]
    return [
        *some, straight(0.0, 55e3, 6e3, 150.0, 140.0), straight(-70e3, 10e3, 3e3, 120.0, 90.0),
        straight(-40e3, -32e3, 5e3, 130.0, 88.0),
    ]  # fmt: skip


def level(points: Floats, rng: np.random.Generator, low_m: float, high_m: float) -> Floats:
    """Return (n, 3) points of (n, 2), at heights between two."""
    return np.column_stack([points, rng.uniform(low_m, high_m, len(points))])


def no_more(_look: int, _rng: np.random.Generator) -> Floats:
    """Return no clutter but the even."""
    return np.zeros((0, 3))


def even(rng: np.random.Generator) -> Scene:
    """Return traffic in even clutter."""
    return traffic(rng), no_more


def weather(rng: np.random.Generator) -> Scene:
    """Return traffic and a shower."""

    def shower(look: int, rng: np.random.Generator) -> Floats:
        middle = np.array([20e3, 30e3]) + look * PERIOD_S * np.array([10.5, -10.5])
        return level(middle + rng.normal(0.0, 4e3, (rng.poisson(8.0), 2)), rng, 500.0, 7e3)

    return traffic(rng), shower


def wind_farm(rng: np.random.Generator) -> Scene:
    """Return traffic and 40 mills."""
    mills = rng.uniform(-3e3, 3e3, (40, 2)) + np.array([-35e3, 10e3])
    return traffic(rng), lambda _, rng: level(mills[rng.uniform(size=40) < 0.25], rng, 150.0, 151.0)


def chaff(rng: np.random.Generator) -> Scene:
    """Return traffic and a cloud of chaff, from 200 s on."""

    def cloud(look: int, rng: np.random.Generator) -> Floats:
        since_s = look * PERIOD_S - 200.0
        if since_s < 0.0:
            return np.zeros((0, 3))
        middle = np.array([10e3 + 10.0 * since_s, -30e3])
        return level(middle + rng.normal(0.0, 600.0 + 80.0 * np.sqrt(since_s), (rng.poisson(10.0), 2)), rng, 3e3, 6e3)

    return traffic(rng), cloud


def ground(rng: np.random.Generator) -> Scene:
    """Return traffic and hills and towers near the radar."""
    azimuth, range_m = rng.uniform(0.0, 2.0 * np.pi, 60), rng.uniform(3e3, 25e3, 60)
    fixed = np.stack([range_m * np.sin(azimuth), range_m * np.cos(azimuth)], axis=1)
    return traffic(rng), lambda _, rng: level(fixed[rng.uniform(size=60) < 1.0 / 3.0], rng, 100.0, 101.0)


def airport(rng: np.random.Generator) -> Scene:
    """Return departures from one runway, whose ways part after a while."""
    return [
        straight(25e3, 10e3, 300.0, rng.uniform(80, 120), rng.normal(250.0, 25.0), first_s, 10.0, END_S, 9e3)
        for first_s in np.arange(0.0, END_S - 60.0, 90.0)
    ], no_more


def harbour(rng: np.random.Generator) -> Scene:
    """Return ships that come and go within one harbour."""
    found = []
    for i in range(30):
        first_s = 0.0 if i < 10 else rng.uniform(0.0, END_S - 300.0)
        at = np.array([-20e3, -15e3]) + rng.uniform(-4e3, 4e3, 2)
        found.append(straight(*at, 10.0, rng.uniform(1.0, 8.0), rng.uniform(0, 360), first_s))
    return found, no_more


def formation(rng: np.random.Generator) -> Scene:
    """Return two fours, 800 m apart in each, that cross."""
    found = []
    for k in range(4):
        found.append(straight(-60e3 - 800.0 * k, 400.0 * k, 7e3, 200.0, 90.0 + rng.normal(0.0, 0.3)))
        found.append(straight(400.0 * k, -60e3 - 800.0 * k, 7.5e3, 200.0, rng.normal(0.0, 0.3)))
    return found, no_more


def helicopter(rng: np.random.Generator) -> Scene:
    """Return helicopters that come up, hover for ten minutes and go on."""
    found = []
    for _ in range(8):
        first_s, at, course = rng.uniform(0.0, 200.0), rng.uniform(-50e3, 50e3, 2), rng.uniform(0.0, 2.0 * np.pi)

        def place(time_s: Floats, first_s: float = first_s, at: Floats = at, course: float = course) -> Floats:
            moved = 60.0 * np.maximum(time_s - first_s - 600.0, 0.0)
            return np.stack(
                [at[0] + moved * np.sin(course), at[1] + moved * np.cos(course), np.full_like(time_s, 400.0)], axis=1
            )

        found.append(Target(place, first_s))
    return found, no_more


def raid(rng: np.random.Generator) -> Scene:
    """Return 20 aircraft that appear together after five minutes."""
    return [
        straight(70e3 + rng.uniform(-4e3, 4e3), 60e3 + rng.uniform(-4e3, 4e3), rng.uniform(3e3, 8e3), 250.0,
                 rng.normal(229.0, 2.0), 300.0, 0.0, 800.0)
        for _ in range(20)
    ], no_more  # fmt: skip


SCENES: dict[str, Callable[[np.random.Generator], Scene]] = {
    each.__name__: each
    for each in (even, weather, wind_farm, chaff, ground, airport, harbour, formation, helicopter, raid)
} | {"even3": even}


def radar(reach_m: float, detection: float, surface: bool) -> Sensor:
    """Return the radar, as its site states it."""
    site = SensorSite(
        sensor="r", type="search_radar", lat_rad=0.785, lon_rad=0.157, height_m=50.0,
        parameters={"range_sigma_m": 70.0, "azimuth_sigma_rad": 0.0014, "scan_period_s": PERIOD_S,
                    "detection_probability": detection, "range_m_max": reach_m, "surface": float(surface)},
    )  # fmt: skip
    return Sensor.at(site)


def ecef_of(points: Floats, sensor: Sensor) -> Floats:
    """Return (n, 3) Earth-fixed places of east, north and height above the ground."""
    bent = points - np.array([0.0, 0.0, 1.0]) * ((points[:, :2] ** 2).sum(axis=1) / (2.0 * EARTH_M))[:, None]
    return ecef_from_enu(bent, sensor.origin_ecef_m)


def plots_of(
    targets: list[Target], clutter: Clutter, sensor: Sensor, n_even: float, has_heights: bool, rng: np.random.Generator
) -> tuple[Detections, Floats]:
    """Return all plots, and (targets,) when each gave its first [s], NaN for none."""
    origin, sigma = sensor.origin_ecef_m, np.sqrt(np.diagonal(sensor.own_noise))
    detection = sensor.parameters["detection_probability"]
    values, times_s, first_s = [], [], np.full(len(targets), np.nan)

    def add(points: Floats, begins_s: float, is_target: bool) -> None:
        states = np.zeros((len(points), 6))
        states[:, :3] = ecef_of(points, sensor)
        exact = sensor.measure(states, np.tile(origin, (len(points), 1)))
        value = exact + sigma * rng.normal(size=exact.shape)
        value[:, 2:] = np.nan
        if is_target and has_heights:
            value[:, 3] = np.rint(exact[:, 3] / 7.62) * 7.62
        value[:, 1] %= 2.0 * np.pi
        is_in = (exact[:, 0] < REACH_M) & (exact[:, 0] > 500.0)
        values.append(value[is_in])
        times_s.append(begins_s + exact[is_in, 1] % (2.0 * np.pi) / (2.0 * np.pi) * PERIOD_S)

    for look in range(LOOKS):
        begins_s = look * PERIOD_S
        for i, target in enumerate(targets):
            time_s = begins_s
            for _ in range(3):  # the beam meets it where it then is
                point = target.place(np.array([time_s]))
                time_s = begins_s + np.arctan2(point[0, 0], point[0, 1]) % (2.0 * np.pi) / (2.0 * np.pi) * PERIOD_S
            if target.first_s <= time_s < target.last_s and rng.uniform() < detection:
                add(target.place(np.array([time_s])), begins_s, is_target=True)
                if np.isnan(first_s[i]) and len(values[-1]):
                    first_s[i] = time_s
        n = rng.poisson(n_even)
        azimuth, range_m = rng.uniform(0.0, 2.0 * np.pi, n), REACH_M * np.sqrt(rng.uniform(size=n))
        flat = np.stack([range_m * np.sin(azimuth), range_m * np.cos(azimuth)], axis=1)
        add(np.concatenate([level(flat, rng, 0.0, 12e3), clutter(look, rng)]), begins_s, is_target=False)
    time_ns = START_NS + np.round(np.concatenate(times_s) * NS_PER_S).astype(np.int64)
    plots = Detections.of(sensor="r", components=sensor.COMPONENTS, time_ns=time_ns, values=np.concatenate(values))
    return plots.replace(origin_ecef_m=np.tile(origin, (len(time_ns), 1))), first_s


def judged(
    pictures: list[tuple[float, Tracks]], targets: list[Target], first_s: Floats, sensor: Sensor
) -> dict[str, float]:
    """Return the figures of a run, of the pictures at the ends of its looks."""
    on, there, held, false, changes = {}, 0, 0, 0, 0
    all_rows, ever, every = 0, set[int](), set[int]()
    level_axes = sensor.axes[0, :2].T  # nothing tells a height but Mode C
    found_s, last = np.full(len(targets), np.nan), dict[int, int]()
    for now_s, tracks in pictures:
        i = [k for k, each in enumerate(targets) if first_s[k] <= now_s < each.last_s]
        place = np.array([targets[k].place(np.array([now_s]))[0] for k in i]).reshape(-1, 3)
        is_in = np.linalg.norm(place, axis=1) < REACH_M
        i, place = [k for k, ok in zip(i, is_in, strict=True) if ok], ecef_of(place[is_in], sensor)
        apart = np.linalg.norm((tracks.state_ecef[:, None, :3] - place[None]) @ level_axes, axis=2)
        cost = np.where(apart < NEAR_M, apart, 1e7)
        numbers = tracks.track_id.tolist()
        for a, number in enumerate(numbers):
            for b, k in enumerate(i):
                if on.get(k) == number:
                    cost[a, b] *= 0.5  # who had it goes on with it, if near
        matched = [(a, b) for a, b in zip(*linear_sum_assignment(cost), strict=True) if apart[a, b] < NEAR_M]
        every |= set(numbers)
        all_rows += len(numbers)
        false += len(numbers) - len(matched)
        there += len(i)
        held += len(matched)
        for a, b in matched:
            k = i[b]
            changes += k in last and last[k] != numbers[a]
            on[k] = last[k] = numbers[a]
            ever.add(numbers[a])
            if np.isnan(found_s[k]):
                found_s[k] = now_s
    after_s = found_s - first_s
    return {
        "completeness": held / max(there, 1), "after_s": float(np.nanmean(after_s)) if len(targets) else float("nan"),
        "never": int((np.isnan(found_s) & ~np.isnan(first_s)).sum()),
        "changes": changes / max(there * PERIOD_S / 3_600.0, 1e-9), "false_tracks": len(every - ever),
        "false_share": false / max(all_rows, 1),
    }  # fmt: skip


def run(plots: Detections, sensor: Sensor, parameters: Parameters) -> tuple[list[tuple[float, Tracks]], float]:
    """Return the picture at the end of each look, and the processor time of the tracker [s]."""
    models = [each.Motion.of() for each in (constant_velocity, left_turn, right_turn)]
    tracker = Tracker(node="n", sensor_names=("r",), motions=models, parameters=parameters)
    batches = [arrange(batch, sensor) for _, batch in in_time([plots], {"r": sensor}, batch_s=BATCH_S)]
    pictures, cpu_s, at = [], 0.0, 0
    for look in range(1, LOOKS + 1):
        begin = time.process_time()
        while at < len(batches) and batches[at].time_ns[-1] < START_NS + round(look * PERIOD_S) * NS_PER_S:
            tracker.step(batches[at], sensor)
            at += 1
        cpu_s += time.process_time() - begin
        pictures.append((look * PERIOD_S, tracker.picture(START_NS + round(look * PERIOD_S) * NS_PER_S)))
    return pictures, cpu_s


def compared(scene: str, seed: int, has_heights: bool, sensor: Sensor) -> dict[str, dict[str, float]]:
    """Return the figures of one seed without the map and with it."""
    rng = np.random.default_rng([seed, 11])
    targets, clutter = SCENES[scene](rng)
    n_even = EVEN * (3.0 if scene == "even3" else 1.0)
    plots, first_s = plots_of(targets, clutter, sensor, n_even, has_heights, rng)
    found = {}
    for name, is_on in (("off", 0.0), ("on", 1.0)):
        pictures, cpu_s = run(plots, sensor, Parameters(maps_false_plots=is_on))
        found[name] = judged(pictures, targets, first_s, sensor) | {"cpu_s": cpu_s}
    return found


def main() -> None:
    """Print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scene", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--heights", nargs="*", choices=("primary", "mode_c"), default=["primary", "mode_c"])
    parser.add_argument("--first", type=int, default=200, help="first seed")
    parser.add_argument("--runs", type=int, default=4, help="seeds a scene")
    parser.add_argument("--detection", type=float, default=0.9)
    parser.add_argument("--surface", action="store_true")
    parser.add_argument("--reach-km", type=float, default=REACH_M / 1e3, help="what the site states as range_m_max")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sensor = radar(given.reach_km * 1e3, given.detection, given.surface)
    rows: list[dict[str, Any]] = []
    for scene in given.scene:
        for heights in given.heights:
            runs = [
                compared(scene, seed, heights == "mode_c", sensor)
                for seed in range(given.first, given.first + given.runs)
            ]
            row: dict[str, Any] = {"scene": scene, "plots": heights}
            for name in ("off", "on"):
                row[name] = {key: float(np.mean([each[name][key] for each in runs])) for key in runs[0][name]}
            rows.append(row)
            if not given.json:
                told = " | ".join(
                    f"{key} {row['off'][key]:.4g} -> {row['on'][key]:.4g}" for key in row["off"] if key != "cpu_s"
                )
                print(f"{scene} {heights}: {told} | cpu {row['on']['cpu_s'] / row['off']['cpu_s']:.2f}", flush=True)
    if given.json:
        asked = {name: getattr(given, name) for name in ("first", "runs", "detection", "surface", "reach_km")}
        figures = {"bench": "regional_clutter"} | asked
        print(json.dumps(figures | {"rows": rows, "versions": {"noroshi": version("noroshi")}}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
