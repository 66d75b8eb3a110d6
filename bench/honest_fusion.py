"""Whether fused tracks are as good as they say, beside one central tracker that has every sensor's plots.

    python bench/honest_fusion.py [--seeds 100] [--only NAME ...] [--json]

- ideal: Kalman filters with the true process noise send each update; nodes two and three, all heard, some lost, one in
  three sent. The central filter takes in every plot.
- coarse: one nation sends as it is, another coarsened by the release rules (`sharing.coarsen`); and the second alone.
- ring: three nodes that pass everything on to each other for an hour, in any order and again.
- shipped: three radars (70 m, 0.08 degrees, Mode C, 10 s) and their `soft` trackers, beside one such tracker of all
  three; targets that move by the model, and such that fly turns nobody announced.

NEES is of position and velocity, over 6. Its bounds are those of chi-square for one time of as many independent runs,
at 99 %, and hold for the end of the runs; `anees` is the mean over the runs' last two thirds, with its standard error
over runs, since within one run times are not independent.
"""

import argparse
import json
import os
import platform
import time
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from noroshi.fusion import Fusion
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at
from noroshi.motion import constant_velocity, left_turn, right_turn
from noroshi.records import Detections, Identity, SensorSite, Tracks, TrackStatus, certain_kind
from noroshi.run import kernel_cache
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.sharing.coarsen import Coarsener, Coarseness
from noroshi.tracking.trackers.soft import Tracker

Floats = NDArray[np.float64]
NS, START_NS = 10**9, 1_893_456_000 * 10**9
SEED, DENSITY, PERIOD_S = 20_300_105, 2.0, 10.0
FIX = np.hstack([np.eye(3), np.zeros((3, 3))])
LEVEL = 0.99


def moved(dt_s: float, density: float = DENSITY) -> tuple[Floats, Floats]:
    """Return transition and process noise of nearly constant velocity on a plane."""
    transition, eye = np.eye(6), np.eye(3)
    transition[:3, 3:] = dt_s * eye
    noise = density * np.block([[eye * dt_s**3 / 3, eye * dt_s**2 / 2], [eye * dt_s**2 / 2, eye * dt_s]])
    return transition, noise


class Filter:
    """A Kalman filter of one target, textbook form."""

    def __init__(self, fix: Floats, noise: Floats, time_s: float) -> None:
        self.mean, self.time_s = np.concatenate([fix, np.zeros(3)]), time_s
        self.covariance = np.zeros((6, 6))
        self.covariance[:3, :3], self.covariance[3:, 3:] = noise, 300.0**2 * np.eye(3)

    def update(self, fix: Floats, noise: Floats, time_s: float) -> None:
        """Take in a fix."""
        transition, drift = moved(time_s - self.time_s)
        mean, spread = transition @ self.mean, transition @ self.covariance @ transition.T + drift
        gain = spread @ FIX.T @ np.linalg.inv(FIX @ spread @ FIX.T + noise)
        keep = np.eye(6) - gain @ FIX
        self.mean, self.time_s = mean + gain @ (fix - FIX @ mean), time_s
        self.covariance = keep @ spread @ keep.T + gain @ noise @ gain.T


def rows(owner: str, number: int, time_ns: int, states: Floats, covariances: Floats) -> Tracks:
    """Return firm rows of one owner."""
    n = len(states)
    return Tracks(
        node=owner, source_names=("search_radar",), track_id=np.arange(number, number + n).astype(np.uint64),
        time_ns=np.full(n, time_ns), updated_ns=np.full(n, time_ns), revision=np.zeros(n, np.int32), state_ecef=states,
        covariance_ecef=covariances, existence=np.full(n, 0.99), kind_probability=certain_kind(1, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8), sources=np.ones((n, 1), np.bool_), identity=Identity.absent(n),
    )  # fmt: skip


def start(rng: np.random.Generator) -> Floats:
    """Return an aircraft somewhere, as position and velocity."""
    place = ecef_from_geodetic(rng.uniform(-1.2, 1.2), rng.uniform(-3.0, 3.0), rng.uniform(1e3, 12e3)).reshape(3)
    course, speed = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(100.0, 280.0)
    return np.concatenate(
        [place, speed * np.array([np.sin(course), np.cos(course), 0.0]) @ enu_axes_at(place[None])[0]]
    )


def error(mean: Floats, covariance: Floats, truth: Floats) -> list[float]:
    """Return NEES over 6, squared position error, and the trace that is claimed for it."""
    off = mean - truth
    return [
        off @ np.linalg.solve(covariance, off) / 6.0, off[:3] @ off[:3], np.trace(covariance[:3, :3]),
    ]  # fmt: skip


def ideal(seed: int, nodes: int, lost: float, one_in: int, looks: int = 40) -> Floats:
    """Return (k, 2, 3) errors of the fused and the central track after each plot of the last two thirds."""
    rng = np.random.default_rng([SEED, seed, nodes])
    truth, now_s = start(rng), 0.0
    shapes = [_shape(rng) for _ in range(nodes)]
    fusion, found = Fusion("x"), []
    own: list[Filter | None] = [None] * nodes
    central: Filter | None = None
    for k in range(looks * nodes):
        i, time_s = k % nodes, float(round(k * PERIOD_S / nodes))  # a step ends there: tracks are joined
        transition, noise = moved(time_s - now_s)
        truth = transition @ truth + np.linalg.cholesky(noise + 1e-12 * np.eye(6)) @ rng.normal(size=6)
        fix = truth[:3] + np.linalg.cholesky(shapes[i]) @ rng.normal(size=3)
        own[i] = _told(own[i], fix, shapes[i], time_s)
        central = _told(central, fix, shapes[i], time_s)
        now_s, time_ns, mine = time_s, START_NS + round(time_s * NS), own[i]
        if (k // nodes) % one_in == 0 and rng.uniform() >= lost and mine is not None:
            told = rows(f"N{i}", 100 + i, time_ns, mine.mean[None], mine.covariance[None])
            fusion.receive(told, owner=f"N{i}", feed="tracks", seq=k, coarse=False)
        picture = fusion.picture(time_ns)
        if k > looks * nodes // 3 and central is not None:
            if len(picture) != 1:
                raise AssertionError(f"{len(picture)} fused tracks of one target, seed {seed}")
            found.append([
                error(picture.state_ecef[0], picture.covariance_ecef[0], truth),
                error(central.mean, central.covariance, truth),
            ])  # fmt: skip
    return np.array(found)


def _told(old: Filter | None, fix: Floats, noise: Floats, time_s: float) -> Filter:
    if old is None:
        return Filter(fix, noise, time_s)
    old.update(fix, noise, time_s)
    return old


def _shape(rng: np.random.Generator) -> Floats:
    """Return a sensor's noise: an ellipsoid like a radar's at some range, turned anyhow."""
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    sigma = np.array([70.0, 100e3 * rng.uniform(0.5, 3.0) * np.radians(0.08), 30.0])
    shape: Floats = (axes * sigma**2) @ axes.T
    return shape


def coarse(seed: int, alone: bool, looks: int = 60) -> Floats:
    """Return (k, 2, 3) errors of the fused track, which has a coarse contributor, and of the exact one."""
    rng = np.random.default_rng([SEED, seed, 77])
    truth, noise, found = start(rng), 70.0**2 * np.eye(3), []
    coarsener, how = Coarsener(rng.bytes(32)), Coarseness(position_m=2000.0, height_m=500.0, velocity_m_s=4.0)
    fusion, exact = Fusion("x"), [Filter(truth[:3] + 70.0 * rng.normal(size=3), noise, 0.0) for _ in range(2)]
    last_ns = 0
    for k in range(1, looks):
        transition, drift = moved(PERIOD_S)
        truth = transition @ truth + np.linalg.cholesky(drift) @ rng.normal(size=6)
        time_ns = START_NS + round(k * PERIOD_S * NS)
        for one in exact:
            one.update(truth[:3] + 70.0 * rng.normal(size=3), noise, k * PERIOD_S)
        states, covariances = exact[1].mean[None], exact[1].covariance[None]
        name = np.array([seed + 7], np.uint64)
        coarse_ns, state, covariance = coarsener.coarsen(name, np.array([time_ns]), states, covariances, how)
        if coarse_ns[0] > last_ns:
            last_ns = int(coarse_ns[0])
            told = rows("N1", 201, last_ns, state, covariance)
            fusion.receive(told, owner="N1", feed="tracks", seq=k, coarse=True)
        if not alone:
            told = rows("N0", 100, time_ns, exact[0].mean[None], exact[0].covariance[None])
            fusion.receive(told, owner="N0", feed="tracks", seq=k, coarse=False)
        picture = fusion.picture(time_ns)
        if k > looks // 3:
            best = np.argmin(np.trace(picture.covariance_ecef[:, :3, :3], axis1=1, axis2=2))
            found.append([
                error(picture.state_ecef[best], picture.covariance_ecef[best], truth),
                error(exact[0].mean, exact[0].covariance, truth),
            ])  # fmt: skip
    return np.array(found)


def ring(seed: int, seconds: int = 3600) -> dict[str, float]:
    """Return how small three nodes' covariances become in an hour against the central one, and whether they agree."""
    rng = np.random.default_rng([SEED, seed, 3])
    truth, now_s = start(rng), 0.0
    shapes = [_shape(rng) for _ in range(3)]
    nodes = [Fusion(f"node {i}") for i in range(3)]
    own: list[Filter | None] = [None] * 3
    central: Filter | None = None
    waiting: list[list[tuple[Tracks, str, int]]] = [[], [], []]
    least, nees, equal = np.inf, [], 0
    looks = int(3 * seconds / PERIOD_S)
    for k in range(looks):
        i, time_s = k % 3, float(round(k * PERIOD_S / 3))
        transition, noise = moved(time_s - now_s)
        truth = transition @ truth + np.linalg.cholesky(noise + 1e-12 * np.eye(6)) @ rng.normal(size=6)
        fix = truth[:3] + np.linalg.cholesky(shapes[i]) @ rng.normal(size=3)
        own[i], central = _told(own[i], fix, shapes[i], time_s), _told(central, fix, shapes[i], time_s)
        now_s, time_ns, mine = time_s, START_NS + round(time_s * NS), own[i]
        assert mine is not None
        assert central is not None
        message = rows(f"N{i}", 100 + i, time_ns, mine.mean[None], mine.covariance[None]), f"N{i}", k
        for j in range(3):  # to each, by way of the next: a message goes round and comes back
            waiting[j] += [message] * (1 if i == j else 2)
        settles = k % 30 == 29
        for j in range(3):
            take = len(waiting[j]) if settles else rng.integers(0, len(waiting[j]) + 1)
            for at in rng.permutation(len(waiting[j]))[:take]:
                told, owner, seq = waiting[j][at]
                nodes[j].receive(told, owner=owner, feed="tracks", seq=seq, coarse=False)
            if settles:
                waiting[j] = []
        if settles and k > 30:
            pictures = [node.picture(time_ns) for node in nodes]
            ratio = [
                np.linalg.eigvals(np.linalg.solve(central.covariance, each.covariance_ecef[0])).real.min()
                for each in pictures
            ]
            least = min(least, *ratio)
            nees.append(error(pictures[0].state_ecef[0], pictures[0].covariance_ecef[0], truth)[0])
            equal += all(np.array_equal(pictures[0].state_ecef, each.state_ecef) for each in pictures)
    return {"least_of_central": float(least), "anees": float(np.mean(nees)), "equal": equal, "pictures": len(nees)}


class Radars:
    """Three radars round a place, and what they see of some targets."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng, self.sensors = rng, dict[str, Sensor]()
        for i in range(3):
            angle = 2.0 * np.pi * i / 3.0
            site = SensorSite(
                sensor=f"r{i}", type="search_radar", lat_rad=np.radians(36.0 + np.cos(angle)),
                lon_rad=np.radians(138.0 + 1.2 * np.sin(angle)), height_m=100.0,
                parameters={"altitude_sigma_m": 8.0, "altitude_step_m": 1e-3, "detection_probability": 0.9},
            )  # fmt: skip
            self.sensors[site.sensor] = Sensor.at(site)

    def plots(self, name: str, states: Floats, time_ns: NDArray[np.int64]) -> Detections:
        """Return one radar's plots of targets."""
        sensor = self.sensors[name]
        exact = sensor.measure(states, np.tile(sensor.origin_ecef_m, (len(states), 1)))[:, [0, 1, 3]]
        sigma = np.sqrt(np.diagonal(sensor.noise(np.zeros((1, 5)))[0]))[[0, 1, 3]]
        plots = Detections.of(
            sensor=name, components=("range_m", "azimuth_rad", "altitude_m"), time_ns=time_ns,
            values=exact + sigma * self.rng.normal(size=exact.shape),
        )  # fmt: skip
        return arrange(plots.replace(origin_ecef_m=np.tile(sensor.origin_ecef_m, (len(plots), 1))), sensor)


def fly(rng: np.random.Generator, n: int, seconds: int, turning: bool) -> Floats:
    """Return (t, n, 6) states, one a second: by the model, or level with turns of 1 to 3 degrees a second."""
    lat, lon = np.meshgrid(np.linspace(35.3, 36.7, 4), np.linspace(137.2, 138.8, (n + 3) // 4))
    place = ecef_from_geodetic(np.radians(lat.ravel()[:n]), np.radians(lon.ravel()[:n]), rng.uniform(3e3, 11e3, n))
    course, speed = rng.uniform(0.0, 2.0 * np.pi, n), rng.uniform(150.0, 250.0, n)
    level = np.stack([speed * np.sin(course), speed * np.cos(course), np.zeros(n)], axis=1)
    states = np.hstack([place, np.vecmat(level, enu_axes_at(place))])
    model = constant_velocity.Motion.of(
        horizontal_psd_m2_s3=1e-9 if turning else 2.0, vertical_psd_m2_s3=1e-9 if turning else 2.0
    )
    begin, rate = rng.uniform(60.0, seconds - 90.0, (n, 2)), np.radians(rng.uniform(1.0, 3.0, (n, 2)))
    rate *= rng.choice([-1.0, 1.0], (n, 2))
    flown, one = [states], np.ones(n)
    for t in range(1, seconds):
        states = model.propagate(states, one)
        if turning:
            turn = (rate * ((begin <= t) & (t < begin + 30.0))).sum(axis=1)
            up = enu_axes_at(states[:, :3])[:, 2]
            v = states[:, 3:]
            states[:, 3:] = np.cos(turn)[:, None] * v - np.sin(turn)[:, None] * np.cross(up, v)
        else:
            noise = np.linalg.cholesky(model.process_noise(states, one))
            states = states + np.matvec(noise, rng.normal(size=states.shape))
        flown.append(states)
    return np.array(flown)


def shipped(seed: int, turning: bool, several: bool, n: int = 12, seconds: int = 300) -> dict[str, Any]:
    """Return (k, 3) errors of fused tracks and of the central tracker's, and how many of the targets each has."""
    rng = np.random.default_rng([SEED, seed, 5 + turning])
    radars, flown = Radars(rng), fly(rng, n, seconds, turning)
    models = [constant_velocity.Motion.of()]
    if several:
        models += [left_turn.Motion.of(), right_turn.Motion.of()]
    own = {name: Tracker(node=name, sensor_names=(name,), motions=models) for name in radars.sensors}
    central = Tracker(node="all", sensor_names=tuple(radars.sensors), motions=models)
    fusion, found, seq = Fusion("x"), {"fused": [], "central": [], "own": []}, 0
    have: dict[str, int] = {"fused": 0, "central": 0, "own": 0, "fused_tracks": 0, "targets": 0}
    for t in range(1, seconds):
        now_ns = START_NS + t * NS
        for i, (name, sensor) in enumerate(radars.sensors.items()):
            bearing = sensor.measure(flown[t], np.tile(sensor.origin_ecef_m, (n, 1)))[:, 1] % (2.0 * np.pi)
            phase = (bearing / (2.0 * np.pi) + i / 3.0) % 1.0
            due = ((t - 1) % 10 <= phase * 10.0) & (phase * 10.0 < (t - 1) % 10 + 1) & (rng.uniform(size=n) < 0.9)
            mine = np.flatnonzero(due)
            if not len(mine):
                continue
            back = 1.0 - (phase[mine] * 10.0) % 1.0
            states = flown[t, mine].copy()
            states[:, :3] -= states[:, 3:] * back[:, None]
            times = now_ns - np.round(back * NS).astype(np.int64)
            plots = radars.plots(name, states, times)
            told = own[name].step(plots, sensor)
            central.step(plots, sensor, report=False)
            if told is not None and len(told):
                fusion.receive(told, owner=name, feed="tracks", seq=seq, coarse=False)
                seq += 1
        if t > 100 and t % 5 == 0:
            for kind, picture in (
                ("fused", fusion.picture(now_ns)), ("central", central.picture(now_ns)),
                ("own", own["r0"].picture(now_ns)),
            ):  # fmt: skip
                apart = np.linalg.norm(picture.state_ecef[:, None, :3] - flown[t, None, :, :3], axis=2)
                for target in range(n):
                    near = np.flatnonzero(apart[:, target] < 3000.0)
                    if len(near):
                        best = near[np.argmin(apart[near, target])]
                        have[kind] += 1
                        found[kind].append(
                            error(picture.state_ecef[best], picture.covariance_ecef[best], flown[t, target])
                        )
                if kind == "fused":
                    have["fused_tracks"] += len(picture)
            have["targets"] += n
    return {"errors": found, "have": have}


def summary(runs: list[Floats]) -> dict[str, float]:
    """Return figures of (seed) runs of (k, 2, 3) errors."""
    each = np.array([run.mean(axis=0) for run in runs])
    n = len(runs)
    fused, central = each[:, 0], each[:, 1]
    low, high = (float(chi2.ppf(p, 6 * n) / (6 * n)) for p in (0.5 - LEVEL / 2, 0.5 + LEVEL / 2))
    last = np.array([run[-1, :, 0].mean() if run.ndim == 2 else run[-1, 0, 0] for run in runs])
    sigma = float(fused[:, 0].std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return {
        "seeds": n,
        "anees": float(fused[:, 0].mean()),
        "anees_sigma": sigma,
        "anees_at_end": float(last.mean()),
        "low": low,
        "high": high,
        "inside": bool(low <= last.mean() <= high),
        "central_anees": float(central[:, 0].mean()),
        "rms_m": float(np.sqrt(fused[:, 1].mean())),
        "central_rms_m": float(np.sqrt(central[:, 1].mean())),
        "rms_ratio": float(np.sqrt(fused[:, 1].mean() / central[:, 1].mean())),
        "claimed_ratio": float(np.sqrt(fused[:, 2].mean() / central[:, 2].mean())),
    }


def shipped_summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for kind in ("fused", "central", "own"):
        errors = np.array([np.mean(run["errors"][kind], axis=0) for run in runs])
        out[kind] = {
            "anees": float(errors[:, 0].mean()),
            "anees_sigma": float(errors[:, 0].std(ddof=1) / np.sqrt(len(runs))) if len(runs) > 1 else float("nan"),
            "rms_m": float(np.sqrt(errors[:, 1].mean())),
            "found": sum(run["have"][kind] for run in runs) / sum(run["have"]["targets"] for run in runs),
        }
    out["rms_ratio"] = out["fused"]["rms_m"] / out["central"]["rms_m"]
    out["tracks_a_target"] = sum(r["have"]["fused_tracks"] for r in runs) / sum(r["have"]["targets"] for r in runs)
    return out


CASES: dict[str, Any] = {
    "two nodes": lambda seeds: summary([ideal(s, 2, 0.0, 1) for s in range(seeds)]),
    "three nodes": lambda seeds: summary([ideal(s, 3, 0.0, 1) for s in range(seeds)]),
    "three nodes, 30 % lost": lambda seeds: summary([ideal(s, 3, 0.3, 1) for s in range(seeds)]),
    "three nodes, one in three sent": lambda seeds: summary([ideal(s, 3, 0.0, 3, 60) for s in range(seeds)]),
    "exact and coarse": lambda seeds: summary([coarse(s, False) for s in range(seeds)]),
    "coarse alone": lambda seeds: summary([coarse(s, True) for s in range(seeds)]),
    "ring": lambda seeds: [ring(s) for s in range(-(-seeds // 20))],
    "shipped, by the model": lambda seeds: shipped_summary([shipped(s, False, False) for s in range(-(-seeds // 5))]),
    "shipped, turns": lambda seeds: shipped_summary([shipped(s, True, True) for s in range(-(-seeds // 5))]),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    begin, found = time.process_time(), {}
    for name in given.only:
        found[name] = CASES[name](given.seeds)
        if not given.json:
            print(name, json.dumps(found[name], indent=1))
    if given.json:
        versions = {
            "python": platform.python_version(),
            **{p: version(p) for p in ("noroshi", "numpy", "numba", "scipy")},
        }
        print(json.dumps({
            "cases": found, "seed": SEED, "seeds": given.seeds, "versions": versions, "cores": os.cpu_count(),
            "cpu_s": round(time.process_time() - begin, 1),
        }))  # fmt: skip


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
