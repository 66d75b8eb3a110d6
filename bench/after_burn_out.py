"""How well it can be known where a threat comes down once infrared sees it no more, beside what nodes say of it.

    uv run bench/after_burn_out.py [--scenario trilateral] [--replicates 4] [--json]

A scenario is flown, and for each of its ballistic threats is told:

- `lines`, `gap_s`: infrared lines of sight at it under thrust, of how many satellites; how long after the last one a
  satellite that had seen it looked next, in vain: the burn ended in between, nobody sees when.
- `plots_s`: when anything saw it again, seconds after burn-out, up to 60 s after it.
- `known_km2`: the area with 95 % if place and velocity at the last line were known as well as those lines allow to one
  who knows the acceleration at each moment of the burn (Cramer-Rao bound: Fisher information of all lines, no process
  noise, no bias), and so the moment at which it ended: no tracker can do better.
- `gap_km2`: the same, but for that moment, which is even over the gap: the velocity is the worse by the acceleration at
  the end, times the gap, over the root of 12.
- `cubic_km2`: the same of one who knows of the burn only that its way is a cubic over the last 20 s.
- `dark_km2`: the 95 % ellipse of `warning.boosting.boost_from` from the tracker's last row under thrust, told how long
  the gap is.
- `said_km2`: what the nodes said 60 s after burn-out, in the order of their names; null is that no end was known.
- `holds`: whether the 95 % ellipse that they said then holds the true end; null as before.
- `coasts`: of the track of the node that saw it, 10, 20, 40 and 60 s after burn-out (null where there is none, or a
  radar has seen it by then): by how many sigma, squared, it is off in place and velocity (6 on average if its
  covariance is honest), and how likely it says that it falls.

Areas are pi times 5.99 times the root of the determinant of the covariance of where ways come down, which
`warning.falling` gives of a covariance at the last line (drag's stated prior included).
"""

import argparse
import json
import math
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.exercises import uncertainty
from noroshi.assessment.exercises.held import Course
from noroshi.assessment.exercises.naming import meant
from noroshi.assessment.exercises.uncertainty import CHI_SQUARE, distances, looks_of
from noroshi.estimation.interpolation import hermite
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.node.own import Own
from noroshi.records import Detections, Kind, Threats, Tracks, take
from noroshi.run import kernel_cache
from noroshi.run.campaigns.measuring import happened_in
from noroshi.run.exercises.running import Plan, run
from noroshi.sensors import Sensor
from noroshi.warning.boosting import boost_from
from noroshi.warning.falling import fall_from
from noroshi.warning.forecast import ellipse, ending

Floats = NDArray[np.float64]
AFTER_S, CUBIC_S = 60, 20.0
COASTS_S, MISSILES = (10, 20, 40, 60), [Kind.BALLISTIC, Kind.BOOSTING, Kind.GLIDING]
AT_IT_SIGMAS, AT_IT_M = 5.0, 20e3  # a line, a track, that passes so near to a threat is of it


def lines_of(heard: list[tuple[Detections, Sensor]], course: Course) -> list[tuple[int, str, Floats]]:
    """Return of each infrared line at a threat under thrust its time, its satellite, and its (3, 3) information."""
    found = []
    for plots, sensor in heard:
        state = hermite(course.time_ns, course.state_ecef, plots.time_ns)
        away = plots.values - sensor.measure(state, plots.origin_ecef_m)
        rows, noise = sensor.jacobian(state, plots.origin_ecef_m)[:, :, :3], sensor.noise(plots.values)
        for i, time_ns in enumerate(plots.time_ns.tolist()):
            if not course.begins_ns < time_ns <= course.burnt_out_ns:
                continue
            if float(away[i] @ np.linalg.solve(noise[i], away[i])) < AT_IT_SIGMAS**2:
                found.append((time_ns, plots.sensor, rows[i].T @ np.linalg.solve(noise[i], rows[i])))
    return sorted(found, key=lambda each: each[:2])


def covariance_of(lines: list[tuple[int, str, Floats]], last_ns: int, *, cubic: bool) -> Floats:
    """Return the (6, 6) bound of place and velocity at the last line."""
    powers = 4 if cubic else 2
    total = np.zeros((3 * powers, 3 * powers))
    for time_ns, _, information in lines:
        before_s = (time_ns - last_ns) / NS_PER_S
        if not cubic or before_s >= -CUBIC_S:
            way = [before_s**k / math.factorial(k) for k in range(powers)]
            total += np.kron(np.outer(way, way), information)
    bound: Floats = np.linalg.pinv(total, hermitian=True)[:6, :6]
    return bound


def area_km2(state: Floats, covariance: Floats, time_ns: int) -> float:
    """Return the area in which it comes down with 95 %, by the covariance of where ways do."""
    return float(uncertainty.ellipses_km2(ending(fall_from(state, covariance, time_ns)).covariance_m2[None])[0])


def coast(
    pictures: list[Tracks], number: int, course: Course, after_s: int, plot_s: float
) -> tuple[float, float] | None:
    """Return how far off a track is so long after burn-out, sigma squared, and P(ballistic); None if it is no coast."""
    at_ns = course.burnt_out_ns + after_s * NS_PER_S
    for tracks in pictures:
        rows = np.flatnonzero((tracks.track_id == number) & (tracks.time_ns >= at_ns))
        for row in rows.tolist():
            if tracks.time_ns[row] > at_ns + 5 * NS_PER_S or after_s + 5 > plot_s:
                return None
            off = tracks.state_ecef[row] - hermite(course.time_ns, course.state_ecef, tracks.time_ns[row : row + 1])[0]
            squared = float(off @ np.linalg.solve(tracks.covariance_ecef[row], off))
            return squared, float(tracks.kind_probability[row, Kind.BALLISTIC])
    return None


def holds(looks: dict[str, list[tuple[int, Threats, int]]], course: Course) -> bool | None:
    """Return whether the last 95 % ellipse told by 60 s after burn-out holds the end; None if no end was known."""
    by_ns = course.burnt_out_ns + AFTER_S * NS_PER_S
    last = [(record, row) for at_ns, record, row in looks.get(course.name, []) if at_ns <= by_ns][-1:]
    if not last or last[0][0].end_ns[last[0][1]] <= 0:
        return None
    record, row = last[0]
    lat, lon, _ = (float(each[0]) for each in geodetic_from_ecef(course.state_ecef[-1:, :3]))
    place = np.array([[record.end_lat_rad[row], record.end_lon_rad[row]]])
    return bool(distances(place, record.end_covariance_m2[row][None], lat, lon)[0] <= CHI_SQUARE[95])


def told_of(replicate: int, scenario: str) -> Iterator[dict[str, Any]]:
    """Fly a scenario and give a row of each ballistic threat that satellites saw burn."""
    heard: list[tuple[Detections, Sensor]] = []
    missiles: list[Tracks] = []
    detect = Own.detect

    def hears(self: Own, detections: Detections, now_ns: int) -> Any:
        told = detect(self, detections, now_ns)
        if "line_azimuth_rad" in detections.components and len(detections):
            heard.append((detections, self.sensors[detections.sensor]))
            tracks = self.rewind.tracker.picture(int(detections.time_ns.max()))
            missiles.append(take(tracks, np.flatnonzero(tracks.kind_probability[:, MISSILES].sum(axis=1) > 0.5)))
        return told

    Own.detect = hears  # type: ignore[method-assign]
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = resources.files("noroshi") / "data" / "scenarios" / f"{scenario}.toml"
            ran = run(Plan(scenario=str(path), folder=Path(folder), replicate=replicate), progress=lambda _: None)
            happened = happened_in(ran)
    finally:
        Own.detect = detect  # type: ignore[method-assign]
    figures = list(uncertainty.figures(happened, meant(happened)))
    for course in happened.courses:
        lines = lines_of(heard, course)
        if not lines or not course.comes_down or course.name.startswith("glider"):
            continue
        last_ns = lines[-1][0]
        state, before = hermite(course.time_ns, course.state_ecef, np.array([last_ns, last_ns - NS_PER_S]))
        push = state[3:] - before[3:]
        seen = {name: [t for t, by, _ in lines if by == name] for name in sorted({by for _, by, _ in lines})}
        steps = [step for times in seen.values() for step in np.diff(times).tolist()]
        period_ns = int(np.median(steps)) if steps else 5 * NS_PER_S
        looks_ns = [times[-1] + period_ns for times in seen.values()]
        gap_s = (min(ns for ns in looks_ns if ns > last_ns) - last_ns) / NS_PER_S
        spread = np.zeros((6, 6))
        spread[3:, 3:] = np.outer(push, push) * gap_s**2 / 12.0
        known, cubic = (covariance_of(lines, last_ns, cubic=each) for each in (False, True))
        dark, number = None, 0
        for tracks in missiles:
            near = np.linalg.norm(tracks.state_ecef[:, :3] - state[:3], axis=1) < AT_IT_M
            near &= tracks.kind_probability[:, Kind.BOOSTING] > 0.5
            for row in np.flatnonzero(near & (tracks.time_ns == last_ns))[:1].tolist():
                number = int(tracks.track_id[row])
                dark = boost_from(tracks.state_ecef[row], tracks.covariance_ecef[row], last_ns, dark_s=gap_s)
        seen_s = [(p.taken_ns - course.burnt_out_ns) / NS_PER_S for p in happened.plots if p.threat == course.name]
        by_radar_s = min((after_s for after_s in seen_s if after_s > 0.0), default=math.inf)
        said = [
            f.value for f in figures if f.measure == f"forecast_95_after_{AFTER_S}_s_km2" and f.subject == course.name
        ]
        yield {
            "replicate": replicate, "threat": course.name, "lines": len(lines), "satellites": len(seen),
            "gap_s": gap_s,
            "plots_s": [round(after_s) for after_s in seen_s if 0.0 < after_s <= AFTER_S],
            "known_km2": area_km2(state, known, last_ns), "gap_km2": area_km2(state, known + spread, last_ns),
            "cubic_km2": area_km2(state, cubic + spread, last_ns),
            "dark_km2": None if dark is None else ellipse(dark, 0.95).area_m2 / 1e6,
            "coasts": [coast(missiles, number, course, after_s, by_radar_s) for after_s in COASTS_S],
            "holds": [holds(looks_of(happened, meant(happened), node), course) for node in happened.nodes],
            "said_km2": [None if math.isinf(value) else value for value in said],
        }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="trilateral")
    parser.add_argument("--replicates", type=int, default=4)
    parser.add_argument("--json", action="store_true", help="print nothing but the figures")
    given = parser.parse_args()
    kernel_cache.prepare()
    begin = time.process_time()
    rows = [row for replicate in range(given.replicates) for row in told_of(replicate, given.scenario)]
    if not given.json:
        for row in rows:
            print(row)
    print(json.dumps({"bench": "after_burn_out", "rows": rows, "cpu_s": time.process_time() - begin}))


if __name__ == "__main__":
    main()
