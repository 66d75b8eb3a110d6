"""Whether sensors of the simulated world are what their files say: errors, biases, chances and false alarms.

    python bench/honest_sensors.py [--looks 100000] [--json]

Targets that stand still are looked at many times; the fields of the observer say how often each ought to be seen and
how far off. Each comparison is a test with a probability of a deviation as large if the file is right: exact binomial
for chances, z for means, chi-square for variances (errors over their own standard deviations, Poisson counts over their
mean), Kolmogorov and Smirnov for shapes. All tests of a type of sensor together are held to one level by Holm's method
(Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Statistics 6(2), 65-70): if all is
honest, one of a hundred such families has a test that falls.
"""

import argparse
import json
import math
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from scipy import integrate, stats

from noroshi.exercise.detection import Swerling, detection_probability, shape_of, threshold
from noroshi.exercise.flight import Flight
from noroshi.exercise.observers import Sighting, infrared, over_horizon_radar, position_report, search_radar
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, ecef_from_enu, ecef_from_geodetic, enu_axes_at
from noroshi.records import Identity, Kind, Quality, SensorSite
from noroshi.run import kernel_cache
from noroshi.sensors import infrared as infrared_sensor
from noroshi.sensors import over_horizon_radar as over_horizon_sensor
from noroshi.sensors import position_report as report_sensor
from noroshi.sensors import search_radar as radar_sensor

SEED, LEVEL = 20_300_101, 0.01
START_NS = 1_893_456_000 * NS_PER_S
PLACE = {"lat_rad": math.radians(36.0), "lon_rad": math.radians(140.0), "height_m": 300.0}
ORIGIN = ecef_from_geodetic(*PLACE.values())
SWERLINGS: tuple[Swerling, ...] = (0, 1, 2, 3, 4)
ONE_PULSE: tuple[Swerling, ...] = (0, 1, 3)  # of one pulse 2 is 1 and 4 is 3
TYPES = {
    "search_radar": radar_sensor.Sensor,
    "position_report": report_sensor.Sensor,
    "infrared": infrared_sensor.Sensor,
    "over_horizon_radar": over_horizon_sensor.Sensor,
}
Test = dict[str, Any]


def chance(what: str, seen: int, looks: int, said: float) -> Test:
    """Return the exact binomial test of a rate."""
    p = stats.binomtest(seen, looks, said).pvalue
    return {"what": what, "said": said, "found": seen / looks, "n": looks, "test": "binomial", "p": float(p)}


def mean(what: str, values: Floats, said: float, sigma: float) -> Test:
    """Return the z test of a mean, the standard deviation being known."""
    z = (values.mean() - said) / sigma * math.sqrt(len(values))
    p = 2.0 * stats.norm.sf(abs(z))
    return {"what": what, "said": said, "found": float(values.mean()), "n": len(values), "test": "z", "p": float(p)}


def spread(what: str, errors: Floats) -> Test:
    """Return the chi-square test that errors over their standard deviations have variance 1 about 0."""
    total = float(np.sum(errors**2))
    p = 2.0 * min(stats.chi2.sf(total, len(errors)), stats.chi2.cdf(total, len(errors)))
    found = math.sqrt(total / len(errors))
    return {"what": what, "said": 1.0, "found": found, "n": len(errors), "test": "chi-square", "p": float(p)}


def counts(what: str, number: Floats, said: float) -> list[Test]:
    """Return the tests that counts are Poisson: of their mean (z) and of their dispersion (chi-square)."""
    n, total = len(number), float(number.sum())
    p = 2.0 * min(stats.poisson.cdf(total, n * said), stats.poisson.sf(total - 1, n * said))
    one = {"what": what, "said": said, "found": total / n, "n": n, "test": "Poisson", "p": float(min(p, 1.0))}
    index = float(np.sum((number - said) ** 2) / said)
    p = 2.0 * min(stats.chi2.sf(index, n), stats.chi2.cdf(index, n))
    two = {"what": f"{what}: dispersion", "said": 1.0, "found": index / n, "n": n, "test": "chi-square", "p": float(p)}
    return [one, two]


def shape(what: str, values: Floats, law: str = "norm") -> Test:
    """Return the Kolmogorov-Smirnov test that values are standard normal, or even from 0 to 1."""
    found = stats.kstest(values, law)
    return {"what": f"{what}: {law}", "said": 0.0, "found": float(found.statistic), "n": len(values),
            "test": "Kolmogorov-Smirnov", "p": float(found.pvalue)}  # fmt: skip


def holm(tests: list[Test]) -> list[Test]:
    """Return those tests that fall, all together being held to one level."""
    fallen = []
    for rank, test in enumerate(sorted(tests, key=lambda test: float(test["p"]))):
        if test["p"] > LEVEL / (len(tests) - rank):
            break
        fallen.append(test)
    return fallen


def still(name: str, position_ecef_m: Floats, seconds: float, **more: Any) -> Flight:
    """Return a target that hangs where it is."""
    state = np.concatenate([position_ecef_m, np.zeros(3)])
    settings: dict[str, Any] = {
        "identity": Identity.absent(1), "cross_section_m2": 1.0, "heat_w_sr": np.zeros(2), **more
    }  # fmt: skip
    return Flight(
        name=name,
        time_ns=START_NS + np.array([0, round(seconds * NS_PER_S)]),
        state_ecef=np.stack([state, state]),
        kind=np.full(2, Kind.AIRCRAFT, np.uint8),
        **settings,
    )


def look_at(
    kind: str, own: Any, flights: list[Flight], seconds: float, *, sensor: str = "one", seed: int = SEED,
    place: dict[str, float] | None = None,
) -> Sighting:  # fmt: skip
    """Return all that an observer sees of some flights."""
    end_ns = START_NS + round(seconds * NS_PER_S)
    world = World(seed=seed, replicate=0, start_ns=START_NS, end_ns=end_ns, flights=tuple(flights))
    site = SensorSite(sensor=sensor, type=kind, **(place or PLACE))
    sighting: Sighting = own.watch(world, site, TYPES[kind].at(site), None).observe(START_NS, end_ns)
    return sighting


def errors_of(kind: str, sighting: Sighting, flight: Flight, origin_ecef_m: Floats = ORIGIN) -> Floats:
    """Return the (n, m) differences between what was said of a target and what is true."""
    values = sighting.detections.values[sighting.owner == flight.name]
    site = SensorSite(sensor="one", type=kind, **PLACE)
    sensor = TYPES[kind].at(site)
    error: Floats = values - sensor.measure(flight.state_ecef[:1], origin_ecef_m[None])
    turning = [name.endswith("_rad") for name in sensor.COMPONENTS]
    error[:, turning] = (error[:, turning] + np.pi) % (2.0 * np.pi) - np.pi
    return error


RADARS: tuple[tuple[bool, Swerling, int], ...] = (
    *((False, swerling, pulses) for swerling in SWERLINGS for pulses in (1, 6)),
    (True, 1, 1),
    (True, 0, 3),
)
"""Whether it turns, how targets fluctuate, how many pulses are summed."""


def radar(looks: int, radars: tuple[tuple[bool, Swerling, int], ...] = RADARS) -> list[Test]:
    """Test the search radar."""
    tests: list[Test] = []
    ranges = np.array([150e3, 200e3, 240e3, 280e3])
    for rotating, swerling, pulses in radars:
        own = search_radar.Observer(
            rotating=rotating, scan_time_s=1.0, swerling=swerling, pulses=pulses, reference_snr_db=16.0 - pulses,
            measures_elevation=True, measures_range_rate=True, reports_accuracy=True, merges=False,
            range_bias_m=35.0, azimuth_bias_deg=0.1, elevation_bias_deg=-0.05, false_plots_per_scan=3.0,
        )  # fmt: skip
        enu = np.stack([ranges * 0.6, ranges * 0.8, np.full(4, 12e3)], axis=1)
        name = f"{'rotating' if rotating else 'staring'}, Swerling {swerling}, {pulses} pulses"
        targets = [still(f"{name}, {k}", ecef_from_enu(enu[k], ORIGIN), looks) for k in range(4)]
        sighting = look_at("search_radar", own, targets, looks, sensor=name)
        biases = np.array([35.0, math.radians(0.1), math.radians(-0.05), 0.0])
        for target in targets:
            range_m = float(np.linalg.norm(target.state_ecef[0, :3] - ORIGIN))
            snr = 10.0 ** ((16.0 - pulses) / 10.0) * (200e3 / range_m) ** 4
            said = float(detection_probability(snr, swerling=swerling, false_alarm_probability=1e-6, pulses=pulses))
            mine = sighting.owner == target.name
            where = f"{name}, {range_m / 1e3:.0f} km"
            tests.append(chance(f"{where}: seen", int(mine.sum()), looks, said))
            if mine.sum() < 100:
                continue
            sigmas = np.sqrt(np.diagonal(sighting.detections.covariances[mine], axis1=1, axis2=2))[:, (0, 1, 2, 4)]
            errors = (errors_of("search_radar", sighting, target)[:, (0, 1, 2, 4)] - biases) / sigmas
            for column, what in enumerate(("range", "azimuth", "elevation", "range rate")):
                tests.append(mean(f"{where}: {what} bias", errors[:, column], 0.0, 1.0))
                tests.append(spread(f"{where}: {what} error", errors[:, column]))
            tests.append(shape(f"{where}: errors", errors.ravel()))
            if swerling:  # else all looks are alike, and their errors have been tested
                expected, of_square = variance_said(own, snr)
                tests.append(mean(f"{where}: range variance stated", sigmas[:, 0] ** 2, expected, of_square))
        tests += false_radar(name, own, sighting, looks)
    return tests + replies(looks)


def variance_said(own: search_radar.Observer, snr: float) -> tuple[float, float]:
    """Return the mean of the range variance over those looks that see a target, and its standard deviation."""
    limit, n = threshold(own.false_alarm_probability, own.pulses), own.pulses

    def square(energy: float) -> float:
        return own.range_floor_m**2 + own.range_cell_m**2 / (2.0 * max(energy, 1.0))

    law = stats.gamma(shape_of(own.swerling, n), scale=n * snr / shape_of(own.swerling, n))

    def seen(energy: float) -> float:
        return float(law.pdf(energy) * stats.ncx2.sf(2.0 * limit, 2 * n, 2.0 * energy))

    def moment(power: int) -> float:
        def inner(energy: float) -> float:
            return seen(energy) * square(energy) ** power

        parts = [(1e-12, 1.0), (1.0, limit), (limit, 4.0 * limit), (4.0 * limit, law.ppf(1.0 - 1e-13) + 5.0 * limit)]
        return float(sum(integrate.quad(inner, *part, limit=200)[0] for part in parts))

    whole, first, second = (moment(power) for power in (0, 1, 2))
    expected = first / whole
    return expected, math.sqrt(max(second / whole - expected**2, 0.0))


def false_radar(name: str, own: search_radar.Observer, sighting: Sighting, looks: int) -> list[Test]:
    """Test the false plots of a radar that looks once a second."""
    false = (sighting.owner == "") & (sighting.detections.quality == Quality.GOOD)
    values = sighting.detections.values[false] - [35.0, math.radians(0.1), math.radians(-0.05), 0.0, 0.0]
    in_look = np.bincount((sighting.detections.time_ns[false] - START_NS) // NS_PER_S, minlength=looks)
    near, far = own.range_m_min**2, own.range_m_max**2
    low, high = np.radians([own.elevation_deg_min, own.elevation_deg_max])
    return [
        *counts(f"{name}: false plots in a scan", in_look.astype(float), own.false_plots_per_scan),
        shape(f"{name}: false plots over the area", (values[:, 0] ** 2 - near) / (far - near), "uniform"),
        shape(f"{name}: false plots all round", values[:, 1] / (2.0 * np.pi) % 1.0, "uniform"),
        shape(f"{name}: false plots over the elevation", (values[:, 2] - low) / (high - low), "uniform"),
    ]


def replies(looks: int) -> list[Test]:
    """Test transponder replies, which a target gives whether or not its echo is seen."""
    own = search_radar.Observer(
        primary=False, transponder=True, scan_time_s=1.0, reply_probability=0.83, reports_accuracy=True,
        altitude_bias_m=0.0, merges=False, false_plots_per_scan=0.0,
    )  # fmt: skip
    said = Identity.absent(1).replace(icao_address=np.array([7]))
    target = still("one", ecef_from_enu(np.array([60e3, 80e3, 9e3]), ORIGIN), looks, identity=said)
    sighting = look_at("search_radar", own, [target], looks)
    error = errors_of("search_radar", sighting, target)
    strong = 10.0**3.0
    sigma = math.hypot(own.range_floor_m, own.range_cell_m / math.sqrt(2.0 * strong))
    return [
        chance("replies: read", len(sighting.owner), looks, 0.83),
        mean("replies: range bias", error[:, 0], 0.0, sigma),
        spread("replies: range error", error[:, 0] / sigma),
    ]


def reports(looks: int) -> list[Test]:
    """Test the receiver of position reports."""
    own = position_report.Observer(report_interval_s=1.0, reception_probability=0.8, dropouts_per_hour=0.0)
    said = Identity.absent(1).replace(icao_address=np.array([7]))
    place = ecef_from_enu(np.array([60e3, 80e3, 9e3]), ORIGIN)
    target = still("one", place, looks, identity=said)
    sighting = look_at("position_report", own, [target], looks)
    # The first report of all may be of a time before the target was anywhere.
    tests = [chance("reports: heard", len(sighting.owner), looks, 0.8)]
    values = sighting.detections.values
    enu = np.matvec(enu_axes_at(place[None]), ecef_from_geodetic(*values[:, :3].T) - place)
    velocity = values[:, 3:]
    for what, error, sigma in [
        ("east", enu[:, 0], own.position_sigma_m), ("north", enu[:, 1], own.position_sigma_m),
        ("height", enu[:, 2], own.altitude_sigma_m), *((f"velocity {c}", velocity[:, c], own.velocity_sigma_m_s)
                                                      for c in range(3)),
    ]:  # fmt: skip
        tests.append(mean(f"reports: {what} bias", error, 0.0, sigma))
        tests.append(spread(f"reports: {what} error", error / sigma))
        tests.append(shape(f"reports: {what} error", error / sigma))
    return [*tests, silence(looks), delays(looks)]


def silence(looks: int) -> Test:
    """Test how much of the time a sender is silent, at times so far apart that no burst reaches two of them."""
    own = position_report.Observer(
        report_interval_s=40.0, reception_probability=1.0, dropouts_per_hour=180.0, dropout_mean_s=8.0
    )
    senders, seconds = 50, math.ceil(looks / 50) * 40.0
    flights = [
        still(f"{k}", ecef_from_enu(np.array([60e3, 80e3, 9e3 + k]), ORIGIN), seconds,
              identity=Identity.absent(1).replace(icao_address=np.array([k])))
        for k in range(senders)
    ]  # fmt: skip
    sighting = look_at("position_report", own, flights, seconds)
    q, rate = own.dropout_chance, 180.0
    assert math.isclose(q, rate * 16.0 / 3_600.0)

    def heard(x: float) -> float:
        """Neither this stretch's burst (begun by x, longer than since) nor the one before's reaches x."""
        return (1.0 - q * (x - x * x / 2.0)) * (1.0 - q * (1.0 - x) ** 2 / 2.0)

    said = integrate.quad(heard, 0.0, 1.0)[0]
    return chance("reports: heard among bursts of silence", len(sighting.owner), round(senders * seconds / 40.0), said)


def delays(looks: int) -> Test:
    """Test that each sender's delay is its own, even from 0 to what the file says."""
    own = position_report.Observer(
        report_interval_s=1.0, reception_probability=1.0, dropouts_per_hour=0.0, delay_s_max=2.0, position_sigma_m=1e-3
    )
    n, ahead = max(looks // 20, 100), enu_axes_at(ORIGIN[None])[0, 1] * 200.0
    flights = []
    for k in range(n):
        still_one = still(f"{k}", ecef_from_enu(np.array([60e3, 80e3, 9e3 + k]), ORIGIN), 8.0,
                          identity=Identity.absent(1).replace(icao_address=np.array([k])))  # fmt: skip
        states = np.tile(still_one.state_ecef, (1, 1))
        states[:, 3:] = ahead
        states[1, :3] += 8.0 * ahead
        flights.append(Flight(**{f: getattr(still_one, f) for f in Flight.__slots__} | {"state_ecef": states}))
    sighting = look_at("position_report", own, flights, 8.0)
    late = np.full(n, np.nan)
    place = ecef_from_geodetic(*sighting.detections.values[:, :3].T)
    for k, flight in enumerate(flights):
        row = np.flatnonzero(sighting.owner == flight.name)[-1]
        behind = flight.at(sighting.detections.time_ns[row : row + 1])[0, :3] - place[row]
        late[k] = behind @ ahead / (ahead @ ahead)
    return shape("reports: delays", late / 2.0, "uniform")


def telescope(looks: int) -> list[Test]:
    """Test the infrared satellite, from a place that stands still far out."""
    tests: list[Test] = []
    high = {**PLACE, "height_m": 1_200_000.0}
    origin = ecef_from_geodetic(*high.values())
    own = infrared.Observer(
        revisit_s=1.0, attitude_bias_urad=0.0, attitude_wander_urad=0.0, false_lines_per_look=1.5,
        off_nadir_deg_max=80.0,
    )  # fmt: skip
    axes = enu_axes_at(origin[None])[0]
    down = {"Earth": (math.radians(20.0), own.noise_earth_w_m2, 1_150e3), "limb": (None, own.noise_limb_w_m2, 3_800e3),
            "sky": (math.radians(70.0), own.noise_sky_w_m2, 3_000e3)}  # fmt: skip
    for behind, (angle, noise, range_m) in down.items():
        if angle is None:  # between the Earth's edge and the height up to which air glows
            radius = 6_371e3
            angle = math.asin((radius + 40e3) / float(np.linalg.norm(origin)))
        line = -math.cos(angle) * axes[2] + math.sin(angle) * axes[1]
        targets = []
        for k, snr in enumerate((3.5, 5.0, 6.0, 40.0)):
            heat = snr * noise * range_m**2
            targets.append(still(f"{behind} {k}", origin + range_m * line, looks, heat_w_sr=np.full(2, heat)))
        sighting = look_at("infrared", own, targets, looks, sensor=behind, place=high)
        for target, snr in zip(targets, (3.5, 5.0, 6.0, 40.0), strict=True):
            mine = int((sighting.owner == target.name).sum())
            where = f"infrared, {behind} behind, signal to noise {snr}"
            tests.append(chance(f"{where}: seen", mine, looks, float(stats.norm.cdf(snr - own.threshold))))
            error = errors_of("infrared", sighting, target, origin)
            elevation = infrared_sensor.Sensor.at(SensorSite(sensor="x", type="infrared", **high)).measure(
                target.state_ecef[:1], origin[None]
            )[0, 1]
            sigma = 1e-6 * math.hypot(own.line_floor_urad, own.pixel_urad / snr)
            for column, what in enumerate(("across", "along")):
                scaled = error[:, column] * (math.cos(elevation) if column == 0 else 1.0) / sigma
                tests.append(mean(f"{where}: bias {what}", scaled, 0.0, 1.0))
                tests.append(spread(f"{where}: error {what}", scaled))
                tests.append(shape(f"{where}: error {what}", scaled))
        false = (sighting.owner == "") & (sighting.detections.quality == Quality.GOOD)
        in_look = np.bincount((sighting.detections.time_ns[false] - START_NS) // NS_PER_S, minlength=looks)
        azimuth, elevation = sighting.detections.values[false].T
        lines = np.stack([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
        cosine = -(origin / np.linalg.norm(origin)) @ lines
        if behind == "sky":
            far = math.cos(math.radians(80.0))
            tests += counts("infrared: false lines in a look", in_look.astype(float), 1.5)
            tests.append(shape("infrared: false lines over the solid angle", (1.0 - cosine) / (1.0 - far), "uniform"))
    return tests + attitudes(looks)


def attitudes(looks: int) -> list[Test]:
    """Test the attitude of many satellites: normal about each axis, constant or wandering as the file says."""
    tests, high = [], {**PLACE, "height_m": 1_200_000.0}
    origin = ecef_from_geodetic(*high.values())
    line = -enu_axes_at(origin[None])[0, 2]
    target = still("one", origin + 1.1e6 * line, 2_001.0, heat_w_sr=np.full(2, 1e12))
    n = max(looks // 50, 100)
    for what, fields in (("bias", {"attitude_bias_urad": 500.0, "attitude_wander_urad": 0.0}),
                         ("wander", {"attitude_bias_urad": 0.0, "attitude_wander_urad": 500.0})):  # fmt: skip
        own = infrared.Observer(
            revisit_s=1_000.0, line_floor_urad=1e-3, pixel_urad=1e-3, false_lines_per_look=0.0, **fields
        )
        off = np.empty((n, 3, 2))
        for k in range(n):
            sighting = look_at("infrared", own, [target], 2_001.0, sensor=f"satellite {k}", place=high)
            error = errors_of("infrared", sighting, target, origin)
            off[k] = error * [math.cos(math.asin(line[2])), 1.0]
        # Looking down, two of the three axes show; the vertical is 0.2 degrees from the Earth's centre.
        for column in range(2):
            tests.append(mean(f"infrared: attitude {what}, axis {column}", off[:, 0, column] * 1e6, 0.0, 500.0))
            tests.append(spread(f"infrared: attitude {what}, axis {column}", off[:, 0, column] * 1e6 / 500.0))
            tests.append(spread(f"infrared: attitude {what} later, axis {column}", off[:, 2, column] * 1e6 / 500.0))
            tests.append(shape(f"infrared: attitude {what}, axis {column}", off[:, 0, column] * 1e6 / 500.0))
        moved = np.abs(off[:, 2] - off[:, 0]).max() * 1e6
        if what == "bias" and moved > 0.1:
            raise AssertionError(f"a constant attitude error moved by {moved} urad")
    return tests


def over_horizon(looks: int) -> list[Test]:
    """Test the over-the-horizon radar."""
    tests: list[Test] = []
    for swerling in ONE_PULSE:
        own = over_horizon_radar.Observer(
            revisit_s=1.0, swerling=swerling, ionosphere_sigma_m=0.0, range_rate_m_s_min=0.0, false_plots_per_look=2.0,
            merges=False, range_bias_m=2_000.0, azimuth_bias_deg=0.3, azimuth_deg_middle=350.0,
        )  # fmt: skip
        targets = [
            still(
                f"{swerling} {lat}",
                ecef_from_geodetic(math.radians(lat), PLACE["lon_rad"], 9e3),
                looks,
                cross_section_m2=10.0,
            )
            for lat in (46.0, 50.0, 54.0)
        ]
        sighting = look_at("over_horizon_radar", own, targets, looks, sensor=f"{swerling}")
        sensor = over_horizon_sensor.Sensor.at(SensorSite(sensor="x", type="over_horizon_radar", **PLACE))
        for target in targets:
            range_m = float(sensor.measure(target.state_ecef[:1], ORIGIN[None])[0, 0])
            snr = 10.0**1.8 * (1.5e6 / range_m) ** 4
            said = float(detection_probability(snr, swerling=swerling, false_alarm_probability=1e-4))
            where = f"over the horizon, Swerling {swerling}, {range_m / 1e3:.0f} km"
            tests.append(chance(f"{where}: seen", int((sighting.owner == target.name).sum()), looks, said))
            sigmas = np.array([own.range_sigma_m, math.radians(own.azimuth_sigma_deg)])
            error = errors_of("over_horizon_radar", sighting, target) - [2_000.0, math.radians(0.3)]
            for column, what in enumerate(("range", "azimuth")):
                tests.append(mean(f"{where}: {what} bias", error[:, column], 0.0, sigmas[column]))
                tests.append(spread(f"{where}: {what} error", error[:, column] / sigmas[column]))
                tests.append(shape(f"{where}: {what} error", error[:, column] / sigmas[column]))
        false = (sighting.owner == "") & (sighting.detections.quality == Quality.GOOD)
        in_look = np.bincount((sighting.detections.time_ns[false] - START_NS) // NS_PER_S, minlength=looks)
        tests += counts(f"over the horizon, Swerling {swerling}: false plots in a look", in_look.astype(float), 2.0)
        azimuth = np.degrees(sighting.detections.values[false, 1]) - 0.3 - 350.0
        even = ((azimuth + 180.0) % 360.0 - 180.0) / 90.0 + 0.5
        tests.append(shape(f"over the horizon, Swerling {swerling}: false plots over the sector", even, "uniform"))
    return tests + ionospheres(looks)


def ionospheres(looks: int) -> list[Test]:
    """Test the range error that all plots of a time share, over many worlds."""
    own = over_horizon_radar.Observer(
        revisit_s=1_000.0, swerling=0, range_rate_m_s_min=0.0, false_plots_per_look=0.0, range_sigma_m=1.0
    )
    target = still("one", ecef_from_geodetic(math.radians(48.0), PLACE["lon_rad"], 9e3), 1_001.0, cross_section_m2=1e5)
    n = max(looks // 50, 100)
    off = np.empty((n, 2))
    for k in range(n):
        sighting = look_at("over_horizon_radar", own, [target], 1_001.0, seed=SEED + k)
        off[k] = errors_of("over_horizon_radar", sighting, target)[:, 0]
    sigma = math.hypot(own.ionosphere_sigma_m, 1.0)
    return [
        mean("over the horizon: ionosphere", off[:, 0], 0.0, sigma),
        spread("over the horizon: ionosphere", off[:, 0] / sigma),
        spread("over the horizon: ionosphere later", off[:, 1] / sigma),
        shape("over the horizon: ionosphere", off[:, 0] / sigma),
    ]


SENSORS: dict[str, Callable[[int], list[Test]]] = {
    "search_radar": radar,
    "position_report": reports,
    "infrared": telescope,
    "over_horizon_radar": over_horizon,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    figures = {}
    for name, test in SENSORS.items():
        begin = time.process_time()
        tests = test(settings.looks)
        fallen = holm(tests)
        figures[name] = {
            "tests": len(tests), "fallen": fallen, "smallest_p": min(test["p"] for test in tests),
            "p_of_all_p_even": float(stats.kstest([test["p"] for test in tests], "uniform").pvalue),
            "processor_s": round(time.process_time() - begin, 2), "each": tests,
        }  # fmt: skip
        if not settings.json:
            said = {key: figures[name][key] for key in ("tests", "smallest_p", "p_of_all_p_even", "processor_s")}
            print(f"{name}: {len(fallen)} fall, {said}")
            for test in fallen:
                print("   ", test)
    if settings.json:
        versions = {"python": platform.python_version(), **{p: version(p) for p in ("numpy", "scipy", "numba")}}
        said = {"looks": settings.looks, "level": LEVEL, "seed": SEED, "versions": versions, "cores": os.cpu_count()}
        print(json.dumps({"figures": figures, **said}))


if __name__ == "__main__":
    kernel_cache.prepare()
    main()
