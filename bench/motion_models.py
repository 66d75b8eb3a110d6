"""How long each motion model takes to predict one track: mean and covariance, and the mean alone.

    python bench/motion_models.py [--json]

Tracks are at home where the model is (height and speed as below), one prediction each of the time given. The figure is
the best of 15 rounds, in microseconds of processor time a track, one thread, after compilation.
"""

import argparse
import importlib
import json
import os
import platform
import time
from importlib.metadata import version

import numpy as np

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.run import kernel_cache

SEED, TRACKS, ROUNDS = 20_260_101, 2_000, 15
AT_HOME = {  # height [m], speed [m/s], steepest climb [rad]
    "constant_velocity": ((0.0, 12e3), (100.0, 300.0), 0.05),
    "coordinated_turn": ((0.0, 12e3), (100.0, 300.0), 0.05),
    "singer": ((0.0, 12e3), (100.0, 300.0), 0.05),
    "hover": ((0.0, 3e3), (0.0, 20.0), 0.5),
    "ballistic": ((30e3, 400e3), (1e3, 6e3), 0.5),
    "boost": ((10e3, 150e3), (1e3, 5e3), 0.5),
    "glide": ((40e3, 70e3), (2e3, 6e3), 0.05),
}


def measure(name: str, dt_s: float) -> dict[str, float]:
    heights, speeds, steepest = AT_HOME[name]
    kind, rng = importlib.import_module(f"noroshi.motion.{name}").Motion, np.random.default_rng(SEED)
    lat, lon, course = rng.uniform(-1.4, 1.4, TRACKS), rng.uniform(-3.1, 3.1, TRACKS), rng.uniform(-3.1, 3.1, TRACKS)
    climb = rng.uniform(-steepest, steepest, TRACKS)
    ahead = np.stack([np.cos(climb) * np.sin(course), np.cos(climb) * np.cos(course), np.sin(climb)], axis=1)
    velocity = np.vecmat(rng.uniform(*speeds, TRACKS)[:, None] * ahead, enu_axes(lat, lon))
    beyond = [rng.uniform(low, high, TRACKS) for low, high in kind.EXTENT]
    states = np.column_stack([ecef_from_geodetic(lat, lon, rng.uniform(*heights, TRACKS)), velocity, *beyond])
    covariance, dt = np.tile(np.eye(states.shape[1]), (TRACKS, 1, 1)), np.full(TRACKS, dt_s)
    model, figures = kind.of(), {}
    for what, call in (
        ("predict_us", lambda: model.predict(states, covariance, dt)),
        ("propagate_us", lambda: model.propagate(states, dt)),
    ):
        call()
        spent = []
        for _ in range(ROUNDS):
            begin = time.process_time()
            call()
            spent.append(time.process_time() - begin)
        figures[what] = round(min(spent) / TRACKS * 1e6, 3)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    figures = {}
    for name in AT_HOME:
        for dt_s in (1.0, 10.0):
            figures[f"{name}, {dt_s:g} s"] = measure(name, dt_s)
            if not as_json:
                print(f"{name}, {dt_s:g} s: {figures[f'{name}, {dt_s:g} s']}")
    if as_json:
        versions = {"python": platform.python_version(), **{p: version(p) for p in ("numpy", "numba")}}
        print(json.dumps({"figures": figures, "seed": SEED, "versions": versions, "cores": os.cpu_count()}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
