"""Recordings with known faults: a radar, and the reports of the flights that it sees, as tables."""

import math

import numpy as np

from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Identity, SensorSite, Truth
from noroshi.sensors.position_report import Sensor as Report
from noroshi.sensors.search_radar import Sensor as Radar

NS = 10**9
START_NS = 1_700_000_000 * NS
SITES = "sensor,type,lat_deg,lon_deg,height_m\nhill,search_radar,46,7,500\ndale,search_radar,46.6,8.4,400\n"
PLACES = {"hill": (46.0, 7.0, 500.0), "dale": (46.6, 8.4, 400.0)}


def flights(seed, n, seconds):
    rng = np.random.default_rng(seed)
    lat, lon = np.radians(rng.uniform(45.2, 47.2, n)), np.radians(rng.uniform(5.8, 9.0, n))
    axes, heading = enu_axes(lat, lon), rng.uniform(0, 2 * np.pi, n)[:, None]
    velocity = 220.0 * (np.sin(heading) * axes[:, 0] + np.cos(heading) * axes[:, 1])
    height = 9_144.0 + 304.8 * rng.integers(0, 10, n)
    states = np.hstack([ecef_from_geodetic(lat, lon, height), velocity])
    times = np.arange(0, seconds + 1, 5)
    return Truth(
        target=np.tile([f"flight {i:02d}" for i in range(n)], len(times)),
        time_ns=START_NS + np.repeat(times, n) * NS,
        kind=np.ones(n * len(times), np.uint8),
        state_ecef=np.concatenate([Motion.of().propagate(states, np.full(n, float(t))) for t in times]),
        identity=Identity.absent(n * len(times)),
    )


def radar_table(
    truth,
    seconds,
    *,
    name="hill",
    seed=1,
    bias=(0.0, 0.0, 0.0),
    detection_probability=0.9,
    false_plots=0.0,
    change=None,
):
    """Return lines of a table of one radar's plots.

    `bias` is of range [m], azimuth [deg] and time [s]; `change` may alter the plots further.
    """
    lat, lon, height_m = PLACES[name]
    parameters = {"detection_probability": detection_probability}
    site = SensorSite(
        sensor=name, type="search_radar", lat_rad=math.radians(lat), lon_rad=math.radians(lon), height_m=height_m,
        parameters=parameters,
    )  # fmt: skip
    watch = Watch(
        site=site, sensor=Radar.at(site), start_ns=START_NS, end_ns=START_NS + seconds * NS, seed=seed,
        false_plots_a_scan=false_plots, range_m_max=250_000.0,
    )  # fmt: skip
    plots, owner = observe(truth, watch)
    values = plots.values + np.array([bias[0], math.radians(bias[1]), 0.0])
    time_ns = plots.time_ns + round(bias[2] * NS)
    codes = np.array([-1 if not name else 0o1000 + int(name.split()[1]) for name in owner])
    if change:
        values, time_ns, codes = change(values, time_ns, codes)
    return [
        f"{t},{name},{r:.2f},{math.degrees(a) % 360:.5f},{h:.2f},{'' if code < 0 else f'{code:04o}'}"
        for t, (r, a, h), code in zip(time_ns.tolist(), values.tolist(), codes.tolist(), strict=True)
    ]


def write_radars(path, *tables):
    lines = [line for table in tables for line in table]
    path.write_text("\n".join(["time_ns,sensor,range_m,azimuth_deg,altitude_m,mode_3a", *lines]))
    (path.parent / "sites.csv").write_text(SITES)


def write_reports(path, truth, *, seed=2, sigma_m=15.0):
    """Write what each flight says of itself at its samples."""
    rng = np.random.default_rng(seed)
    sensor = Report.at(SensorSite(sensor="adsb", type="position_report"))
    values = sensor.measure(truth.state_ecef, np.full((len(truth), 3), np.nan))
    values[:, :2] += (
        rng.normal(size=(len(truth), 2))
        * sigma_m
        / 6.37e6
        / np.column_stack([np.ones(len(truth)), np.cos(values[:, 0])])
    )
    lines = ["time_ns,sensor,lat_deg,lon_deg,altitude_m,velocity_east_m_s,velocity_north_m_s,icao_address"]
    for t, v, name in zip(truth.time_ns.tolist(), values, truth.target.tolist(), strict=True):
        lat, lon = np.degrees(v[:2])
        lines.append(
            f"{t},adsb,{lat:.8f},{lon:.8f},{v[2]:.1f},{v[3]:.2f},{v[4]:.2f},{0x4B0000 + int(name.split()[1]):06x}"
        )
    path.write_text("\n".join(lines))
