"""How sure the tracker is of aircraft whose height no radar tells, against how far off it is.

    uv run bench/unknown_height.py [--mode soft nearest_neighbour mixture] [--first 500] [--runs 12] [--json]

Four aircraft a run, level at 1 to 11 km, 180 to 250 m/s, straight on the ground's sphere for 300 s, 20 to 90 km (`far`:
90 to 250; `overhead`: 40, on a way that passes within 6 km of it) from a radar when the run begins; every plot is
theirs, none is missed and none false. Radars measure range (100 m) and azimuth (1 degree), in some scenes a range rate
(2 m/s); `two` stand 40 km (`far`: 150) apart and share a tracker. Tracks are given to the aircraft that they are level
with over their lives (Hungarian), 3 km apart at most in the median. From 120 s on: `nees` of position over 3, its mean
and median over a scene's tracks, in which 1 is as sure as it is right and less is not sure enough (straight flight uses
none of the process noise); `nees_state` over 6; root mean square errors along the ground and in height, and what the
covariance says of them.
"""

import argparse
import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

import noroshi
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes_at
from noroshi.records import Detections, SensorSite, Tracks, TrackStatus
from noroshi.run import kernel_cache
from noroshi.sensors.search_radar import Sensor

Floats = NDArray[np.float64]
START_NS, END_S, SETTLED_S, N_TARGETS = 1_893_456_000 * NS_PER_S, 300.0, 120.0, 4
NEAR_M, LAT_RAD, LON_RAD, RADAR_HEIGHT_M = 3_000.0, 0.6, 2.4, 200.0
RANGE_SIGMA_M, AZIMUTH_SIGMA_RAD, RANGE_RATE_SIGMA_M_S = 100.0, np.radians(1.0), 2.0


@dataclass(frozen=True)
class Scene:
    """How radars look."""

    period_s: float
    has_range_rate: bool
    n_radars: int = 1
    is_far: bool = False
    is_overhead: bool = False


SCENES = {
    "1 s, range rate": Scene(1.0, True),
    "1 s": Scene(1.0, False),
    "4 s, range rate": Scene(4.0, True),
    "10 s, range rate": Scene(10.0, True),
    "10 s": Scene(10.0, False),
    "10 s, range rate, far": Scene(10.0, True, is_far=True),
    "1 s, range rate, overhead": Scene(1.0, True, is_overhead=True),
    "1 s, overhead": Scene(1.0, False, is_overhead=True),
    "10 s, overhead": Scene(10.0, False, is_overhead=True),
    "two, 1 s, range rate": Scene(1.0, True, n_radars=2),
    "two, 4 s": Scene(4.0, False, n_radars=2),
    "two, 10 s, far": Scene(10.0, False, n_radars=2, is_far=True),
}


def flights(scene: Scene, rng: np.random.Generator) -> list[tuple[Floats, Floats]]:
    """Return for each aircraft where it is over the first radar's axis, (3,) Earth-fixed, and its velocity, (3,)."""
    radar = ecef_from_geodetic(LAT_RAD, LON_RAD, 0.0)
    axes, found = enu_axes_at(radar[None])[0], []
    for _ in range(N_TARGETS):
        ground = rng.uniform(*(90e3, 250e3) if scene.is_far else (20e3, 90e3))
        bearing, course, speed = [*rng.uniform(0.0, 2.0 * np.pi, 2).tolist(), rng.uniform(180.0, 250.0)]
        out = np.array([np.sin(bearing), np.cos(bearing), 0.0])
        if scene.is_overhead:
            ground, course = 40e3, bearing + np.pi + rng.uniform(-0.15, 0.15)
        place = ecef_from_enu(ground * out, radar)
        up = place / np.linalg.norm(place)
        level = np.array([np.sin(course), np.cos(course), 0.0]) @ axes
        level -= (level @ up) * up
        height = rng.uniform(1e3, 11e3)
        found.append((up * (np.linalg.norm(radar) + height), speed * level / np.linalg.norm(level)))
    return found


def states_at(flight: tuple[Floats, Floats], after_s: Floats) -> Floats:
    """Return (n, 6) Earth-fixed states of an aircraft that goes on along a great circle of the Earth-fixed frame."""
    place, velocity = flight
    radius, speed = np.linalg.norm(place), np.linalg.norm(velocity)
    angle = (after_s * speed / radius)[:, None]
    out, along = place / radius, velocity / speed
    position = radius * (np.cos(angle) * out + np.sin(angle) * along)
    return np.hstack([position, speed * (np.cos(angle) * along - np.sin(angle) * out)])


def looks(scene: Scene, rng: np.random.Generator, targets: list[tuple[Floats, Floats]]) -> tuple[list[Any], list[Any]]:
    """Return the radars' sites and their plots."""
    apart_rad = (150e3 if scene.is_far else 40e3) / 6.371e6 / np.cos(LAT_RAD)
    sites, plots = [], []
    for k in range(scene.n_radars):
        stated = {
            "range_sigma_m": RANGE_SIGMA_M,
            "azimuth_sigma_rad": AZIMUTH_SIGMA_RAD,
            "scan_period_s": scene.period_s,
        }
        stated |= {"range_rate_sigma_m_s": RANGE_RATE_SIGMA_M_S}
        sites.append(
            SensorSite(
                sensor=f"radar-{k}", type="search_radar", lat_rad=LAT_RAD, lon_rad=LON_RAD + k * apart_rad,
                height_m=RADAR_HEIGHT_M, parameters=stated,
            )
        )  # fmt: skip
        sensor = Sensor.at(sites[-1])
        for turn_s in np.arange(0.0, END_S, scene.period_s):
            after_s = turn_s + (k + rng.uniform(0.1, 0.9, N_TARGETS)) / scene.n_radars * scene.period_s
            states = np.vstack([states_at(each, np.array([s])) for each, s in zip(targets, after_s, strict=True)])
            values = sensor.measure(states, np.broadcast_to(sensor.origin_ecef_m, (N_TARGETS, 3)))
            sigmas = np.array([RANGE_SIGMA_M, AZIMUTH_SIGMA_RAD, np.nan, np.nan, RANGE_RATE_SIGMA_M_S])
            sigmas[4] = sigmas[4] if scene.has_range_rate else np.nan
            values += sigmas * rng.standard_normal(values.shape)
            plots.append(
                Detections.of(
                    sensor=f"radar-{k}", components=sensor.COMPONENTS, values=values,
                    time_ns=START_NS + (after_s * NS_PER_S).astype(np.int64),
                    origin_ecef_m=np.broadcast_to(sensor.origin_ecef_m, (N_TARGETS, 3)).copy(),
                )
            )  # fmt: skip
    return sites, plots


def judged(tracks: Tracks, targets: list[tuple[Floats, Floats]]) -> Floats:
    """Return a row for each settled row of a track that is a target's.

    It holds NEES of position over 3 and of the state over 6, the squared error along the ground and what is said of it,
    and both of the height. A target that has no track is left out of the mean and counted by the caller.
    """
    after_s = (tracks.time_ns - START_NS) / NS_PER_S
    chosen = (after_s > SETTLED_S) & (tracks.status == TrackStatus.FIRM)
    names = np.unique(tracks.track_id[chosen])
    cost = np.full((len(names), len(targets)), 2.0 * NEAR_M)
    rows = [np.flatnonzero(chosen & (tracks.track_id == name)) for name in names]
    errors: dict[tuple[int, int], tuple[Floats, Floats]] = {}
    for i, own in enumerate(rows):
        for j, target in enumerate(targets):
            off = tracks.state_ecef[own] - states_at(target, after_s[own])
            up = tracks.state_ecef[own, :3] / np.linalg.norm(tracks.state_ecef[own, :3], axis=1)[:, None]
            vertical = np.vecdot(off[:, :3], up)
            level = np.vecdot(off[:, :3], off[:, :3]) - vertical**2
            errors[i, j] = off, np.stack([level, vertical**2], axis=1)
            cost[i, j] = min(float(np.median(np.sqrt(level))), 2.0 * NEAR_M)
    found = []
    for i, j in zip(*linear_sum_assignment(cost), strict=True):
        if cost[i, j] > NEAR_M:
            continue
        own, (off, squares) = rows[i], errors[i, j]
        spread = tracks.covariance_ecef[own]
        place = np.vecdot(off[:, :3], np.linalg.solve(spread[:, :3, :3], off[:, :3, None])[:, :, 0]) / 3.0
        state = np.vecdot(off, np.linalg.solve(spread, off[:, :, None])[:, :, 0]) / 6.0
        up = tracks.state_ecef[own, :3] / np.linalg.norm(tracks.state_ecef[own, :3], axis=1)[:, None]
        high = np.vecdot(up, np.matvec(spread[:, :3, :3], up))
        said = np.trace(spread[:, :3, :3], axis1=1, axis2=2) - high
        found.append(np.stack([place, state, squares[:, 0], said, squares[:, 1], high], axis=1).mean(axis=0))
    return np.array(found).reshape(-1, 6)


def summary(found: Floats, missing: int) -> dict[str, float]:
    """Return the figures of a scene from one row a track."""
    level_m, level_said_m, height_m, height_said_m = np.sqrt(found[:, 2:].mean(axis=0)).tolist()
    return {
        "nees": float(found[:, 0].mean()), "nees_median": float(np.median(found[:, 0])),
        "nees_most": float(found[:, 0].max()), "nees_state": float(found[:, 1].mean()), "level_m": level_m,
        "level_said_m": level_said_m, "height_m": height_m, "height_said_m": height_said_m, "without_track": missing,
    }  # fmt: skip


def main() -> None:
    """Print a table, or one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", nargs="*", choices=("soft", "nearest_neighbour", "mixture"), default=["soft"])
    parser.add_argument("--scene", nargs="*", choices=SCENES, default=list(SCENES))
    parser.add_argument("--first", type=int, default=500, help="first seed")
    parser.add_argument("--runs", type=int, default=12, help="seeds a scene")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in given.scene:
        for mode in given.mode:
            found = []
            for seed in range(given.first, given.first + given.runs):
                rng = np.random.default_rng(seed)
                targets = flights(SCENES[name], rng)
                sites, plots = looks(SCENES[name], rng, targets)
                found.append(judged(noroshi.track(plots, sites, tracker=mode).tracks, targets))
            rows.append(
                {"scene": name, "mode": mode} | summary(np.vstack(found), sum(N_TARGETS - len(f) for f in found))
            )
            if not given.json:
                print(
                    " | ".join(f"{k} {v:.3g}" if isinstance(v, float) else f"{v}" for k, v in rows[-1].items()),
                    flush=True,
                )
    if given.json:
        figures = {"bench": "unknown_height", "first": given.first, "runs": given.runs, "rows": rows}
        print(json.dumps(figures | {"versions": {"noroshi": version("noroshi")}}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
