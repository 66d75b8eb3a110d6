"""How much processor time the sensors of a simulated world take, asked span by span as an exercise asks them.

    python bench/sensor_speed.py [--json]

60 aircraft, 20 ships, 4 hot fast targets and 24 satellites for 900 s before 6 rotating radars with interrogators, 24
infrared telescopes (one on each satellite), 2 receivers of position reports and one over-the-horizon radar. Each type's
figure is processor time of setting all its sensors up and of all their spans, after compilation, one thread.
"""

import argparse
import dataclasses
import json
import os
import platform
import time
from importlib.metadata import version

import numpy as np

from noroshi.exercise.flight import Flight
from noroshi.exercise.movers.constellation import Mover
from noroshi.exercise.observers import infrared, over_horizon_radar, position_report, search_radar
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Identity, Kind, SensorSite
from noroshi.run import kernel_cache
from noroshi.sensors import infrared as infrared_sensor
from noroshi.sensors import over_horizon_radar as over_horizon_sensor
from noroshi.sensors import position_report as report_sensor
from noroshi.sensors import search_radar as radar_sensor

SEED, SECONDS = 20_300_101, 900
START_NS = 1_893_456_000 * NS_PER_S
END_NS = START_NS + SECONDS * NS_PER_S
SPANS_S = (1, 5)


def crossing(
    what: str, n: int, *, speed_m_s: float, height_m: float, heat_w_sr: float, is_ship: bool = False
) -> list[Flight]:
    """Return targets that go straight on over the area, with the identity of their kind."""
    rng = np.random.default_rng([SEED, n])
    lat, lon = np.radians(rng.uniform(32.0, 38.0, n)), np.radians(rng.uniform(135.0, 143.0, n))
    axes, course = enu_axes(lat, lon), rng.uniform(0.0, 2.0 * np.pi, n)[:, None]
    velocity = speed_m_s * (np.sin(course) * axes[:, 0] + np.cos(course) * axes[:, 1])
    states = np.hstack([ecef_from_geodetic(lat, lon, np.full(n, height_m)), velocity])
    times = np.arange(0, SECONDS + 1, 5)
    path = np.stack([Motion.of().propagate(states, np.full(n, float(t))) for t in times], axis=1)
    numbers = np.arange(n) + 1
    identity = Identity.absent(n).replace(**({"mmsi": numbers} if is_ship else {"icao_address": numbers}))
    if heat_w_sr > 1e4:
        identity = Identity.absent(n)
    return [
        Flight(
            name=f"{what} {i}",
            time_ns=START_NS + times * NS_PER_S,
            state_ecef=np.ascontiguousarray(path[i]),
            kind=np.full(len(times), Kind.SHIP if is_ship else Kind.AIRCRAFT, np.uint8),
            identity=dataclasses.replace(
                identity, **{name: getattr(identity, name)[i : i + 1] for name in Identity.COLUMNS}
            ),
            cross_section_m2=100.0 if is_ship else 5.0,
            heat_w_sr=np.full(len(times), heat_w_sr),
        )
        for i in range(n)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    orbit = Mover(satellites=24, planes=4, altitude_km=1_000.0, inclination_deg=60.0)
    draws = World(seed=SEED, replicate=0, start_ns=START_NS, end_ns=END_NS, flights=()).draws("orbit")
    satellites = orbit.fly("satellite", START_NS, END_NS, draws)
    flights = [
        *crossing("aircraft", 60, speed_m_s=230.0, height_m=10e3, heat_w_sr=200.0),
        *crossing("ship", 20, speed_m_s=8.0, height_m=5.0, heat_w_sr=0.0, is_ship=True),
        *crossing("hot", 4, speed_m_s=2_500.0, height_m=60e3, heat_w_sr=1e6),
        *satellites,
    ]
    begin = time.process_time()
    world = World(seed=SEED, replicate=0, start_ns=START_NS, end_ns=END_NS, flights=tuple(flights))
    world_s = time.process_time() - begin

    def site(kind: str, k: int) -> SensorSite:
        lat_rad, lon_rad = np.radians(33.0 + 0.8 * k), np.radians(136.0 + k)
        return SensorSite(sensor=f"{kind} {k}", type=kind, lat_rad=lat_rad, lon_rad=lon_rad, height_m=300.0)

    far = SensorSite(
        sensor="far", type="over_horizon_radar", lat_rad=np.radians(20.0), lon_rad=np.radians(139.0), height_m=10.0
    )
    places = {kind: [site(kind, k) for k in range(n)] for kind, n in
              (("search_radar", 6), ("infrared", 24), ("position_report", 2))}  # fmt: skip
    radar, telescope = search_radar.Observer(transponder=True), infrared.Observer()
    receivers = position_report.Observer(), position_report.Observer(source="ais")
    sensors = {
        "search_radar": [(radar, s, radar_sensor.Sensor.at(s), None) for s in places["search_radar"]],
        "infrared": [
            (telescope, s, infrared_sensor.Sensor.at(s), carrier)
            for s, carrier in zip(places["infrared"], satellites, strict=True)
        ],
        "position_report": [
            (own, s, report_sensor.Sensor.at(s), None)
            for own, s in zip(receivers, places["position_report"], strict=True)
        ],
        "over_horizon_radar": [
            (over_horizon_radar.Observer(), far, over_horizon_sensor.Sensor.at(far), None),
        ],
    }
    figures: dict[str, dict[str, float]] = {}
    for spans_s in (SECONDS, *SPANS_S):  # the first round compiles
        row: dict[str, float] = {}
        for kind, those in sensors.items():
            begin, rows = time.process_time(), 0
            for own, where, sensor, carrier in those:
                watch = own.watch(world, where, sensor, carrier)
                for second in range(0, SECONDS, spans_s):
                    start_ns = START_NS + second * NS_PER_S
                    rows += len(watch.observe(start_ns, start_ns + spans_s * NS_PER_S).detections)
            row[f"{kind}_s"] = round(time.process_time() - begin, 3)
            row[f"{kind}_rows"] = rows
        row["all_s"] = round(sum(value for name, value in row.items() if name.endswith("_s")), 3)
        if spans_s != SECONDS:
            figures[f"spans of {spans_s} s"] = row
            if not as_json:
                print(f"spans of {spans_s} s: {row}")
    if as_json:
        versions = {"python": platform.python_version(), **{p: version(p) for p in ("numpy", "numba", "sgp4")}}
        said = {"world_s": round(world_s, 3), "seed": SEED, "versions": versions, "cores": os.cpu_count()}
        print(json.dumps({"figures": figures, **said}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
