"""Plain feeds from a known truth: what comes of ADS-B, AIS and tables of radar plots, as a user would hand them in.

uv run bench/plain_feeds.py [--seeds 5] [--first-seed 1] [--json]

Twelve aircraft and five ships over ten minutes across midnight UTC, written by small encoders of its own
(`plain_parts/`), read and tracked as `noroshi track` does. For each feed: tracks a target, kinds, errors of height and
place, and how many records were read, damaged and refused. Prints one JSON object last.
"""

import argparse
import json
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyais
import pyarrow as pa
import pyarrow.parquet as pq
import pyproj
from plain_parts import encoders, scene
from plain_parts.scene import DAY_S, RADARS, REPORT_SIGMA_M, SECONDS, START_S, Truth

import noroshi
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.records import KINDS, Tracks, TrackStatus

N_FLIGHTS, N_SHIPS = 12, 5
METRES_A_DEG = 111_195.0
HELD_M = 3_000.0
"""A track farther than this from all targets, in its median, is of none."""


def main() -> None:
    """Make each feed with each seed, track it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    asked = parser.parse_args()
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    since = time.process_time()
    feeds: dict[str, dict[str, Any]] = {}
    for name, write in FEEDS.items():
        runs = [outcome(name, write, seed) for seed in seeds]
        feeds[name] = summed(runs)
        if not asked.json:
            print(f"{name}: {feeds[name]}", flush=True)
    figures = {
        "bench": "plain_feeds",
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seeds": [*seeds],
        "minutes": SECONDS / 60.0,
        "feeds": feeds,
        "cpu_s": round(time.process_time() - since, 1),
        "versions": {
            "noroshi": noroshi.__version__, "numpy": np.__version__, "pyais": pyais.__version__,
            "pyproj": pyproj.__version__, "python": platform.python_version(),
        },
    }  # fmt: skip
    print(json.dumps(figures))


Written = tuple[Path, Truth]
"""The file, and the truth."""


def outcome(name: str, write: Callable[[Path, int], Written], seed: int) -> dict[str, Any]:
    """Return the figures of one feed and seed."""
    with tempfile.TemporaryDirectory() as folder:
        path, truth = write(Path(folder), seed)
        recordings = noroshi.load(path, day_ns=DAY_S * 10**9 if needs_day(name) else None)
        sites = noroshi.load(sites_table(Path(folder)))[0].decoded.sites if "radar" in name else []
    decoded = recordings[0].decoded
    done = noroshi.track(decoded.detections, [*sites, *decoded.sites], statuses=decoded.statuses)
    return {
        "targets": len(truth.address),
        "records": decoded.n_records,
        "damaged": sum(decoded.damage.values()),
        "plots": sum(done.n_plots.values()),
        "refused": sum((Counter({reason: n}) for (_, reason), n in done.refused.items()), Counter()),
        **judged(done.tracks, truth, START_S - DAY_S if "Beast" in name else 0.0),
    }


def needs_day(name: str) -> bool:
    """Return whether a feed gives the time of day alone."""
    return "Beast" in name or "time of day" in name


def judged(tracks: Tracks | None, truth: Truth, early_s: float) -> dict[str, Any]:
    """Return tracks, and what their rows say of the targets that they are nearest to.

    Rows of the first 30 s of each track are left out of the errors, and so are those that are lost.

    Args:
        tracks: what came.
        truth: of all targets.
        early_s: by how much their times are early: a counter's begin at midnight, whenever it began.
    """
    kinds: Counter[str] = Counter()
    if tracks is None:
        return {"kinds": kinds}
    lat, lon, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    since_s = (tracks.time_ns - START_S * 10**9) / 1e9 + early_s
    inside = (since_s >= 0.0) & (since_s <= SECONDS)
    true_lat, true_lon, _ = truth.at(np.clip(since_s, 0.0, SECONDS))
    of_target: list[int] = []
    off_m, high_m, n_none = [], [], 0
    for track in np.unique(tracks.track_id):
        mine = np.flatnonzero((tracks.track_id == track) & inside)
        away = [
            scene.off_m(np.degrees(lat[mine]), np.degrees(lon[mine]), true_lat[mine, i], true_lon[mine, i])
            for i in range(len(truth.address))
        ]
        typical = [float(np.median(each)) if len(each) else np.inf for each in away]
        target = int(np.argmin(typical))
        if typical[target] > HELD_M:
            n_none += 1
            continue
        of_target.append(target)
        kinds[KINDS[int(np.argmax(tracks.kind_probability[mine[-1]]))]] += 1
        settled = (since_s[mine] > since_s[mine[0]] + 30.0) & (tracks.status[mine] != TrackStatus.LOST)
        off_m.append(away[target][settled])
        high_m.append(height_m[mine[settled]] - truth.height_m[target])
    every_m, heights_m = (np.concatenate([*each, np.zeros(0)]) for each in (off_m, high_m))
    return {
        "tracks": len(of_target),
        "tracks_of_none": n_none,
        "targets_held": len(set(of_target)),
        "kinds": kinds,
        "position_error_m": every_m,
        "height_error_m": np.abs(heights_m),
        "beyond_end": int((~inside).sum()),
    }


def summed(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one feed's figures over all seeds."""
    counts = ("targets", "targets_held", "tracks", "tracks_of_none", "beyond_end", "records", "damaged",
              "plots")  # fmt: skip
    found: dict[str, Any] = {name: sum(run.get(name, 0) for run in runs) for name in counts}
    for name in ("kinds", "refused"):
        found[name] = dict(sorted(sum((run[name] for run in runs), Counter()).items()))
    for name in ("position_error_m", "height_error_m"):
        every = np.concatenate([*(run[name] for run in runs if name in run), np.zeros(0)])
        shares = dict(zip(("median", "p95", "max"), (0.5, 0.95, 1.0), strict=True))
        found[name] = {key: round(float(np.quantile(every, q)), 1) for key, q in shares.items()} if len(every) else None
    return found


def _flights(seed: int) -> tuple[Truth, np.random.Generator]:
    rng = np.random.default_rng([seed, 1])
    return scene.flights(rng, N_FLIGHTS), rng


def _reports(truth: Truth, rng: np.random.Generator, every_s: float) -> list[tuple[float, int, float, float, float]]:
    """Return (since_s, target, lat_deg, lon_deg, heading_deg) of all reports in order of time, with their noise."""
    rows = []
    for since_s in np.arange(0.0, SECONDS, every_s):
        lat, lon, heading = (each[0] for each in truth.at(np.array([since_s])))
        off = rng.normal(size=(2, len(lat))) * REPORT_SIGMA_M / METRES_A_DEG
        lat, lon = lat + off[0], lon + off[1] / np.cos(np.radians(lat))
        rows += [(float(since_s), i, float(lat[i]), float(lon[i]), float(heading[i])) for i in range(len(lat))]
    return rows


def sbs(folder: Path, seed: int, *, twice: bool = False) -> Written:
    """ADS-B as BaseStation lines, one position and one velocity a second; `twice` from both lines of a network."""
    truth, rng = _flights(seed)
    lines = []
    for since_s, i, lat, lon, heading in _reports(truth, rng, 1.0):
        address, at_s = int(truth.address[i]), START_S + since_s
        lines.append(encoders.sbs_velocity(at_s, address, truth.speed_m_s[i], heading))
        lines.append(encoders.sbs_position(at_s, address, lat, lon, truth.height_m[i]))
    path = folder / "feed.sbs"
    path.write_text("\n".join(line for line in lines for _ in range(1 + twice)) + "\n")
    return path, truth


def beast(folder: Path, seed: int) -> Written:
    """ADS-B as Beast binary: positions twice a second, velocities once, stamped by a counter that began at 0."""
    truth, rng = _flights(seed)
    data = []
    for since_s, i, lat, lon, heading in _reports(truth, rng, 0.5):
        address, is_odd = int(truth.address[i]), bool(round(since_s * 2) % 2)
        frame = encoders.airborne_position(address, lat, lon, truth.height_m[i], is_odd=is_odd)
        stamp_s = 86_100.0 + since_s + 1e-5 * i  # so that the first is where the truth begins
        data.append(encoders.beast(frame, stamp_s))
        if is_odd:
            frame = encoders.airborne_velocity(address, truth.speed_m_s[i], heading)
            data.append(encoders.beast(frame, stamp_s + 1e-5))
    path = folder / "feed.beast"
    path.write_bytes(b"".join(data))
    return path, truth


def report_table(folder: Path, seed: int) -> Written:
    """ADS-B as a table in CSV, each aircraft every two seconds."""
    truth, rng = _flights(seed)
    lines = ["time_s,lat_deg,lon_deg,altitude_m,velocity_east_m_s,velocity_north_m_s,icao_address"]
    for since_s, i, lat, lon, heading in _reports(truth, rng, 2.0):
        east, north = truth.speed_m_s[i] * np.sin(np.radians(heading)), truth.speed_m_s[i] * np.cos(np.radians(heading))
        lines.append(f"{START_S + since_s},{lat:.6f},{lon:.6f},{truth.height_m[i]:.0f},{east:.1f},{north:.1f},"
                     f"{truth.address[i]:06x}")  # fmt: skip
    path = folder / "reports.csv"
    path.write_text("\n".join(lines) + "\n")
    return path, truth


def ais(folder: Path, seed: int) -> Written:
    """AIS in NMEA 0183, each ship every six seconds, with tag blocks."""
    rng = np.random.default_rng([seed, 2])
    truth = scene.ships(rng, N_SHIPS)
    lines = [
        encoders.ais_position(START_S + since_s, int(truth.address[i]), lat, lon, truth.speed_m_s[i], heading)
        for since_s, i, lat, lon, heading in _reports(truth, rng, 6.0)
    ]
    path = folder / "feed.nmea"
    path.write_text("\n".join(lines) + "\n")
    return path, truth


def radars(folder: Path, seed: int, *, form: str = "csv", of_day: bool = False, twice: bool = False) -> Written:
    """Two radars' plots with heights and no identity, in order of time.

    Args:
        folder, seed: where, and of which truth.
        form: "csv" or "parquet".
        of_day: whether times are of the day, which fall at midnight.
        twice: whether each row is there twice.
    """
    truth, rng = _flights(seed)
    parts = {name: scene.seen(truth, name, rng) for name in RADARS}
    since_s = np.concatenate([plots.since_s for plots in parts.values()])
    order = np.argsort(since_s, kind="stable")
    time_s = np.round(START_S + since_s, 3)
    columns = {
        "time_s": time_s % 86_400.0 if of_day else time_s,
        "sensor": np.repeat([*parts], [len(plots.since_s) for plots in parts.values()]),
        "range_m": np.round(np.concatenate([plots.range_m for plots in parts.values()]), 1),
        "azimuth_deg": np.round(np.concatenate([plots.azimuth_deg for plots in parts.values()]), 4),
        "altitude_m": np.round(truth.height_m[np.concatenate([plots.target for plots in parts.values()])], 2),
    }
    rows = np.repeat(order, 1 + twice)
    path = folder / f"plots.{form}"
    if form == "parquet":
        pq.write_table(pa.table({name: column[rows] for name, column in columns.items()}), path)
    else:
        texts = zip(*(column[rows].tolist() for column in columns.values()), strict=True)
        path.write_text("\n".join([",".join(columns), *(",".join(map(str, row)) for row in texts)]) + "\n")
    return path, truth


def sites_table(folder: Path) -> Path:
    """Write and return the sensors table of the radars."""
    rows = [f"{name},search_radar,{lat},{lon},{height}" for name, (lat, lon, height, _) in RADARS.items()]
    path = folder / "sites.csv"
    path.write_text("\n".join(["sensor,type,lat_deg,lon_deg,height_m", *rows]) + "\n")
    return path


FEEDS: dict[str, Callable[[Path, int], Written]] = {
    "ADS-B, SBS": sbs,
    "ADS-B, SBS, both lines of a network": lambda folder, seed: sbs(folder, seed, twice=True),
    "ADS-B, Beast": beast,
    "ADS-B, table in CSV": report_table,
    "AIS, NMEA": ais,
    "radar plots, CSV": radars,
    "radar plots, Parquet": lambda folder, seed: radars(folder, seed, form="parquet"),
    "radar plots, CSV, time of day": lambda folder, seed: radars(folder, seed, of_day=True),
    "radar plots, CSV, both lines of a network": lambda folder, seed: radars(folder, seed, twice=True),
}

if __name__ == "__main__":
    main()
