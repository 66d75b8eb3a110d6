"""Flights past radars that are wrong on purpose, and what the flights say of themselves."""

import math

import numpy as np

from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, Identity, SensorSite, Truth, concatenate
from noroshi.run.batches import in_time
from noroshi.sensors.position_report import Sensor as Report
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor as Radar
from noroshi.tracking.registrar import Parameters, Registrar

NS = 10**9
START_NS = 1_700_000_000 * NS
REPORT_SIGMA_M = 15.0


def site(name, lat_deg, lon_deg, **parameters):
    return SensorSite(
        sensor=name, type="search_radar", lat_rad=math.radians(lat_deg), lon_rad=math.radians(lon_deg), height_m=500.0,
        parameters=parameters,
    )  # fmt: skip


WEST, EAST = site("west", 46.0, 6.5), site("east", 46.4, 8.5)
ADSB = SensorSite(sensor="adsb", type="position_report", parameters={"position_sigma_m": REPORT_SIGMA_M})
RADAR_BIAS = {"west": np.array([100.0, math.radians(0.3), 1.0]), "east": np.array([-80.0, math.radians(-0.2), -0.6])}


def flights(seed, n=25, seconds=600):
    """Return n flights on straight lines at flight levels, a state every 10 s."""
    rng = np.random.default_rng(seed)
    lat, lon = np.radians(rng.uniform(45.2, 47.0, n)), np.radians(rng.uniform(6, 9, n))
    axes, heading = enu_axes(lat, lon), rng.uniform(0, 2 * np.pi, n)[:, None]
    speed = rng.uniform(180, 260, n)[:, None]
    velocity = speed * (np.sin(heading) * axes[:, 0] + np.cos(heading) * axes[:, 1])
    height = 9_144.0 + 304.8 * rng.integers(0, 10, n)
    states = np.hstack([ecef_from_geodetic(lat, lon, height), velocity])
    times = np.arange(0, seconds + 1, 10)
    identity = Identity.absent(n * len(times)).replace(icao_address=np.tile(0x4B0000 + np.arange(n), len(times)))
    return Truth(
        target=np.tile([f"flight {i:02d}" for i in range(n)], len(times)),
        time_ns=START_NS + np.repeat(times, n) * NS,
        kind=np.ones(n * len(times), np.uint8),
        state_ecef=np.concatenate([Motion.of().propagate(states, np.full(n, float(t))) for t in times]),
        identity=identity,
    )


def plots(truth, where, seed, *, bias=None, false_plots_a_scan=5.0, seconds=600, **sensor):
    """Return a radar's plots, biased, and the name of each one's flight."""
    watch = Watch(
        site=where, sensor=Radar.at(where), start_ns=START_NS, end_ns=START_NS + seconds * NS, seed=seed,
        false_plots_a_scan=false_plots_a_scan,
    )  # fmt: skip
    seen, owner = observe(truth, watch)
    range_m, azimuth_rad, time_s = RADAR_BIAS[where.sensor] if bias is None else bias
    values = seen.values + np.array([range_m, azimuth_rad, 0.0])
    stamps_ns = seen.time_ns + round(time_s * NS)
    return seen.replace(values=values, time_ns=stamps_ns, received_ns=int(stamps_ns.max())), owner


def reports(truth, seed, every_s=4, seconds=600):
    """Return what the flights say, with white noise."""
    rng = np.random.default_rng(seed)
    sensor, batches = Report.at(ADSB), []
    for name in np.unique(truth.target):
        first = truth.state_ecef[truth.target == name][:1]
        since_s = np.arange(rng.uniform(0, every_s), seconds, every_s)
        states = Motion.of().propagate(np.repeat(first, len(since_s), axis=0), since_s)
        values = sensor.measure(states, np.full((len(states), 3), np.nan))
        sigmas = np.sqrt(np.diagonal(sensor.noise(values), axis1=1, axis2=2))
        values = values + rng.normal(size=values.shape) * sigmas
        who = truth.identity.icao_address[truth.target == name][0]
        batches.append(
            Detections.of(
                sensor="adsb", components=sensor.COMPONENTS, values=values,
                time_ns=START_NS + (since_s * NS).astype(np.int64),
                identity=Identity.absent(len(values)).replace(icao_address=np.full(len(values), who)),
            )
        )  # fmt: skip
    return concatenate(batches)


def sensors_of(*sites):
    return {s.sensor: (Report if s.type == "position_report" else Radar).at(s) for s in sites}


def run(registrar, batches, sensors):
    """Hand batches over as a recording would; return what comes back."""
    given = []
    for now_ns, batch in in_time(batches, sensors, batch_s=1.0):
        ready = arrange(batch, sensors[batch.sensor])
        given.append(registrar.receive(ready, sensors[batch.sensor], now_ns))
    return given


def learnt(batches, *sites, parameters=None):
    """Return what a registrar knows after all of it."""
    sensors = sensors_of(*sites)
    registrar = Registrar(sensors, parameters or Parameters(every_s=20.0))
    run(registrar, batches, sensors)
    registrar.finish()
    return registrar.registration
