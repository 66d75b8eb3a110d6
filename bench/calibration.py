"""Does a track exist as often as the soft tracker says? A reliability diagram, on scenes that keep to its assumptions.

    uv run bench/calibration.py [--runs 6] [--looks 40] [--seed 1] [--picture reliability.png] [--json]

A radar (generic class, 150 km, altitudes with Gaussian noise) turns once in 10 s. Targets appear at the rate and live
as long as the tracker's parameters say, move by the filter's own model, and are seen with the detection probability
that the site states; false plots are Poisson, even over ground and height. Three rates of false plots times three
detection probabilities, for targets whose first velocity is as the filter's prior has it ("prior": normal, 300 m/s
along each horizontal axis) and for ones that fly 150 to 250 m/s ("aircraft").

Every living row of the store is read, tentative ones too, once a turn: half a turn after the beam passed it, when a
miss has been counted. It is true if a target that is alive then lies within the 99.99 % ellipsoid of its state, no
target being given to two tracks (Hungarian method over the log likelihoods). Intervals are Clopper and Pearson's
of as many independent samples; those of one track are not, so that the true ones are wider.

Brier score and its parts (reliability, resolution, uncertainty) after Murphy (1973), A new vector partition of the
probability score, J. Applied Meteorology 12, 595-600, over the bins; what varies within bins is the rest.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import chi2

from noroshi.assessment.consistency import nees
from noroshi.assessment.intervals import share
from noroshi.geo.wgs84 import ecef_from_enu, enu_axes_at, enu_from_ecef
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, SensorSite, TrackStatus
from noroshi.run import kernel_cache
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.store import EXISTENCE, Whole
from noroshi.tracking.trackers.soft import Parameters, Tracker

Floats = NDArray[np.float64]
START_NS, NS = 1_700_000_000 * 10**9, 10**9
PERIOD_S, REACH_M, DEPTH_M, SECTORS = 10.0, 150e3, 13_000.0, 8
EDGES = np.array([0.0, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99, 0.999, 1.0])
FALSE_PLOTS, DETECTION = (10.0, 50.0, 200.0), (0.5, 0.7, 0.9)
COMPONENTS = ("range_m", "azimuth_rad", "altitude_m")
GATE = float(chi2.ppf(0.9999, 6))


class World:
    """Targets that come and go. Rows of `states` are targets that ever were; `time_s` is of each one's state."""

    def __init__(self, sensor: Sensor, flights: str, rng: np.random.Generator, parameters: Parameters) -> None:
        self.sensor, self.flights, self.rng, self.parameters = sensor, flights, rng, parameters
        self.motion = Motion.of()
        self.states, self.time_s, self.end_s = np.zeros((0, 6)), np.zeros(0), np.zeros(0)

    def turn(self, k: int) -> tuple[Floats, Floats]:
        """Bring all to where the beam meets them in turn k; return the (n, 3) exact plots and times of those alive."""
        rng, p = self.rng, self.parameters
        n = rng.poisson(p.births_at_start if k == 0 else p.births_a_look)
        bearing, ground = rng.uniform(0.0, 2.0 * np.pi, n), REACH_M * np.sqrt(rng.uniform(size=n))
        place = np.stack([ground * np.sin(bearing), ground * np.cos(bearing), rng.uniform(2e3, 11e3, n)], axis=1)
        place[:, 2] -= ground**2 / (2.0 * 6.371e6)
        position = ecef_from_enu(place, self.sensor.origin_ecef_m)
        course, speed = rng.uniform(0.0, 2.0 * np.pi, n), rng.uniform(150.0, 250.0, n)
        velocity = np.stack([speed * np.sin(course), speed * np.cos(course), np.zeros(n)], axis=1)
        if self.flights == "prior":
            velocity[:, :2] = rng.normal(size=(n, 2)) * self.sensor.parameters["speed_sigma_m_s"]
        states = np.hstack([position, np.vecmat(velocity, enu_axes_at(position))])
        time_s = PERIOD_S * (k + bearing / (2.0 * np.pi))
        due_s = PERIOD_S * (k + self._bearing() / (2.0 * np.pi))
        dt = np.where(self.end_s > self.time_s, due_s - self.time_s, 0.0)
        noise = self.motion.process_noise(self.states, dt) + 1e-9 * np.eye(6)
        moved = self.motion.propagate(self.states, dt)
        moved += np.matvec(np.linalg.cholesky(noise), rng.normal(size=moved.shape))
        self.states = np.concatenate([moved, states])
        self.time_s = np.concatenate([self.time_s + dt, time_s])
        self.end_s = np.concatenate([self.end_s, time_s + rng.exponential(p.life_s, n)])
        alive = self.time_s < self.end_s
        exact = self.sensor.measure(self.states, np.tile(self.sensor.origin_ecef_m, (len(self.states), 1)))
        return exact[alive][:, [0, 1, 3]], self.time_s[alive]

    def _bearing(self) -> Floats:
        flat = enu_from_ecef(self.states[:, :3], self.sensor.origin_ecef_m)
        return np.arctan2(flat[:, 0], flat[:, 1]) % (2.0 * np.pi)


def scene(flights: str, false_plots: float, detection: float, looks: int, seed: list[int]) -> NDArray[np.float64]:
    """Return (m, 3) samples of one run: existence said, whether there is a target, whether the track is firm."""
    rng = np.random.default_rng(seed)
    site = SensorSite(
        sensor="s", type="search_radar", lat_rad=0.8, lon_rad=0.1, height_m=300.0,
        parameters={"detection_probability": detection, "range_m_max": REACH_M, "range_m_min": 0.0,
                    "altitude_sigma_m": 8.0, "altitude_step_m": 1e-3},
    )  # fmt: skip
    sensor, parameters = Sensor.at(site), Parameters(false_plots_a_look=false_plots)
    world, tracker = World(sensor, flights, rng, parameters), Tracker(
        node="n", sensor_names=("s",), motions=(Motion.of(),), parameters=parameters
    )  # fmt: skip
    sigma = np.sqrt(np.diagonal(sensor.noise(np.zeros((1, 5)))[0]))[[0, 1, 3]]
    found, history = [], []
    for k in range(looks):
        exact, time_s = world.turn(k)
        history.append((world.states.copy(), world.time_s.copy(), world.end_s))
        seen = rng.uniform(size=len(exact)) < detection
        values = exact[seen] + sigma * rng.normal(size=(int(seen.sum()), 3))
        n = rng.poisson(false_plots)
        turn = rng.uniform(size=n)
        false = np.stack(
            [REACH_M * np.sqrt(rng.uniform(size=n)), 2.0 * np.pi * turn, rng.uniform(0, DEPTH_M, n)], axis=1
        )
        false[:, 0] = np.maximum(false[:, 0], false[:, 2] + 500.0)
        values, time_s = np.concatenate([values, false]), np.concatenate([time_s[seen], PERIOD_S * (k + turn)])
        order = np.argsort(time_s, kind="stable")
        values, time_s = values[order], time_s[order]
        sector = np.clip(((time_s / PERIOD_S - k) * SECTORS).astype(int), 0, SECTORS - 1)
        for s in range(SECTORS):
            mine = sector == s
            if mine.any():
                plots = Detections.of(
                    sensor="s", components=COMPONENTS, time_ns=START_NS + np.round(time_s[mine] * NS).astype(np.int64),
                    values=values[mine],
                )  # fmt: skip
                plots = arrange(plots.replace(origin_ecef_m=np.tile(sensor.origin_ecef_m, (len(plots), 1))), sensor)
                tracker.step(plots, sensor, report=False)
            if k >= 2:
                now_s = PERIOD_S * (k + (s + 1.0) / SECTORS)
                found.append(_sample(tracker, sensor, (s + SECTORS // 2) % SECTORS, now_s, history))
    return np.concatenate(found)


def _sample(tracker: Tracker, sensor: Sensor, sector: int, now_s: float, history: list[Any]) -> NDArray[np.float64]:
    """Return (m, 3) samples of the tracks in the sector that the beam passed half a turn ago."""
    store = tracker.store
    rows = store.in_use()
    mean, covariance = store.moments(rows)
    flat = enu_from_ecef(mean[:, :3], sensor.origin_ecef_m)
    at = np.floor(np.arctan2(flat[:, 0], flat[:, 1]) % (2.0 * np.pi) / (2.0 * np.pi) * SECTORS)
    mine = (at == sector) & (np.hypot(flat[:, 0], flat[:, 1]) < 0.95 * REACH_M)
    rows, mean, covariance = rows[mine], mean[mine], covariance[mine]
    own_s = (store.whole[rows, Whole.TIME] - START_NS) / NS
    existence = store.real[rows, EXISTENCE]
    is_true = np.zeros(len(rows))
    # Each target as it was when the beam met it last before the track's time, moved to that by the model.
    alive = np.flatnonzero(history[-1][2] > now_s - PERIOD_S / 2.0)
    distance = np.full((len(rows), len(alive)), np.inf)
    for i in range(len(rows)):
        states, time_s, _ = history[min(max(int(own_s[i] // PERIOD_S), 0), len(history) - 1)]
        there = alive[alive < len(states)]
        moved = Motion.of().propagate(states[there], own_s[i] - time_s[there])
        error = moved - mean[i]
        near = np.flatnonzero(np.linalg.norm(error[:, :3], axis=1) < 2e4)
        distance[i, near] = nees(error[near], np.broadcast_to(covariance[i], (len(near), 6, 6)))
    # Of two tracks on a target that one is its track by which its state is the likelier: not the one that knows less.
    width = np.linalg.slogdet(covariance)[1]
    a, b = linear_sum_assignment(np.where(distance < GATE, distance + width[:, None], 1e6))
    is_true[a[distance[a, b] < GATE]] = 1.0
    firm = store.whole[rows, Whole.STATUS] >= TrackStatus.FIRM
    return np.stack([existence, is_true, firm], axis=1)


def reliability(samples: NDArray[np.float64]) -> dict[str, Any]:
    """Return the diagram's bins and the Brier score with its parts."""
    said, true = samples[:, 0], samples[:, 1]
    which, base, bins = np.clip(np.digitize(said, EDGES) - 1, 0, len(EDGES) - 2), float(true.mean()), []
    parts = np.zeros(2)
    for b in range(len(EDGES) - 1):
        mine = which == b
        if mine.any():
            seen = share(int(true[mine].sum()), int(mine.sum()))
            mean = float(said[mine].mean())
            bins.append({"from": float(EDGES[b]), "to": float(EDGES[b + 1]), "n": int(mine.sum()), "said": mean,
                         "seen": seen.value, "low": seen.low, "high": seen.high,
                         "inside": bool(seen.low <= mean <= seen.high)})  # fmt: skip
            parts += mine.sum() / len(said) * np.array([(mean - seen.value) ** 2, (seen.value - base) ** 2])
    return {
        "bins": bins, "n": len(said), "said": float(said.mean()), "seen": base,
        "brier": float(np.mean((said - true) ** 2)), "reliability": float(parts[0]), "resolution": float(parts[1]),
        "uncertainty": base * (1.0 - base),
        "expected_calibration_error": float(sum(b["n"] * abs(b["said"] - b["seen"]) for b in bins) / len(said)),
    }  # fmt: skip


def measure(runs: int, looks: int, seed: int) -> dict[str, Any]:
    """Return every scene's diagram, and those of all together."""
    found: dict[str, Any] = {"scenes": [], "together": {}}
    for f, flights in enumerate(("prior", "aircraft")):
        every = []
        for i, false_plots in enumerate(FALSE_PLOTS):
            for j, detection in enumerate(DETECTION):
                samples = np.concatenate(
                    [scene(flights, false_plots, detection, looks, [seed, f, i, j, r]) for r in range(runs)]
                )
                every.append(samples)
                line = {"flights": flights, "false_plots": false_plots, "detection": detection}
                found["scenes"].append(line | reliability(samples))
        samples = np.concatenate(every)
        firm = samples[:, 2] > 0.0
        found["together"][flights] = {
            "all": reliability(samples), "tentative": reliability(samples[~firm]), "firm": reliability(samples[firm])
        }  # fmt: skip
    return found


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the reliability diagrams."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(11, 5.5))
    for ax, (flights, parts) in zip(axes, found["together"].items(), strict=True):
        ax.plot([0, 1], [0, 1], color="0.7")
        for name, each in parts.items():
            x, y = ([b[key] for b in each["bins"]] for key in ("said", "seen"))
            off = [[abs(b["seen"] - b[key]) for b in each["bins"]] for key in ("low", "high")]
            ax.errorbar(x, y, off, marker="o", markersize=3, label=f"{name}, Brier {each['brier']:.3f}")
        ax.set(title=flights, xlabel="existence said", ylabel="share that has a target")
        ax.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")


def _show(name: str, each: dict[str, Any]) -> None:
    print(
        f"\n{name}: {each['n']} samples, said {each['said']:.3f}, seen {each['seen']:.3f}, Brier {each['brier']:.4f} = "
        f"reliability {each['reliability']:.4f} - resolution {each['resolution']:.4f} + uncertainty "
        f"{each['uncertainty']:.4f}, mean miscalibration {each['expected_calibration_error']:.4f}"
    )
    for b in each["bins"]:
        print(f"  {b['from']:5.3f} to {b['to']:5.3f} {b['n']:7} said {b['said']:.4f} seen {b['seen']:.4f} "
              f"({b['low']:.4f} to {b['high']:.4f}){'' if b['inside'] else '  outside'}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=6)
    parser.add_argument("--looks", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    begin = time.process_time()
    found = measure(given.runs, given.looks, given.seed)
    if given.picture:
        draw(found, given.picture)
    if not given.json:
        for line in found["scenes"]:
            print(f"{line['flights']:9} {line['false_plots']:5.0f} false plots, Pd {line['detection']}: "
                  f"said {line['said']:.3f} seen {line['seen']:.3f} Brier {line['brier']:.4f} "
                  f"miscalibration {line['expected_calibration_error']:.4f}")  # fmt: skip
        for flights, parts in found["together"].items():
            for name, each in parts.items():
                _show(f"{flights}, {name}", each)
        return
    versions = {"python": platform.python_version(), **{p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")}}
    setup = {
        "runs": given.runs,
        "looks": given.looks,
        "seed": given.seed,
        "versions": versions,
        "cores": os.cpu_count(),
    }
    print(json.dumps(found | setup | {"cpu_s": round(time.process_time() - begin, 1)}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
