"""Radars put right while tracking: real flights past radars that are wrong on purpose.

uv run bench/registration.py [--seeds 20] [--minutes 10] [--tracked 3] [--json]

Truth: the sample `switzerland` of the PyPI package `traffic` (2018-08-01, above flight level 300), cleaned and
smoothed, for some minutes from 08:00 UTC. Radars: the three notional sites of `bench/swiss_radars.py`, generic class,
50 false plots a scan, no transponder identity. Each radar's range, azimuth and stamps are off by the amounts in
`BIASES`, and drift from there as the estimator assumes that they may. Position reports: every 2 s from each flight,
errors of 15 m an axis that last for 60 s (first-order Gauss-Markov), velocities to 1 m/s; no latency, which would
be a clock error of the reference itself and cannot be told from one of the radar.

1. position reports beside three radars: error of each bias in shares of the bias, and the NEES of range, azimuth, time;
2. two radars alone: the same of their differences (of the clocks nothing else can be known);
3. tracks, of radars and reports and of two radars alone, with registration and without: from three minutes on, tracks
   on each flight (ambiguity; 1 is no dual track).
"""

import argparse
import json
import math
import platform
import time

import numpy as np
import scipy

import noroshi
from noroshi.assessment import siap
from noroshi.assessment.consistency import bounds
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.estimation.interpolation import hermite
from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import Detections, Identity, SensorSite, Truth, concatenate, take
from noroshi.run.batches import in_time
from noroshi.run.recordings import read
from noroshi.run.rooms import load
from noroshi.sensors.prepare import arrange
from noroshi.tracking.registrar import Parameters, Registrar

SITES = (("west", 46.55, 6.60, 700.0), ("north", 47.45, 8.20, 600.0), ("south", 46.35, 9.30, 1_200.0))
BIASES = {
    "west": np.array([100.0, math.radians(0.3), 1.0]),
    "north": np.array([-100.0, math.radians(-0.3), -1.0]),
    "south": np.array([100.0, math.radians(-0.3), 1.0]),
}
FALSE_PLOTS_A_SCAN = 50.0
TRUTH_MOTION = {"horizontal_psd_m2_s3": 4.0, "vertical_psd_m2_s3": 1.0}
REPORT_SIGMA_M, REPORT_LASTS_S, REPORT_EVERY_S, VELOCITY_SIGMA_M_S = 15.0, 60.0, 2.0, 1.0
FROM_HOUR, WARM_UP_S, PICTURE_S = 8, 180, 8
ESTIMATED = [0, 1, 3]
UNITS = np.array([1.0, 180.0 / math.pi, 1.0])


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--tracked", type=int, default=3, help="how many of the seeds are tracked as well")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    truth, start_ns = traffic(arguments.minutes)
    end_ns = start_ns + round(arguments.minutes * 60) * NS_PER_S
    sites = [
        SensorSite(
            sensor=name, type="search_radar", lat_rad=math.radians(lat), lon_rad=math.radians(lon), height_m=height
        )
        for name, lat, lon, height in SITES
    ]
    reporter = SensorSite(sensor="adsb", type="position_report", parameters={"position_sigma_m": REPORT_SIGMA_M})
    absolute, relative, tracked, tracked_alone, seconds = [], [], [], [], []
    for seed in range(1, arguments.seeds + 1):
        rng = np.random.default_rng(seed)
        seen = [biased_plots(truth, site, start_ns, end_ns, seed, rng) for site in sites]
        plots, ends = [batch for batch, _ in seen], np.array([end for _, end in seen])
        reports = position_reports(truth, reporter, rng)
        since = time.process_time()
        registration = registered([*plots, reports], [*sites, reporter])
        seconds.append(time.process_time() - since)
        absolute.append(errors(*subset(registration), ends))
        two = registered(plots[:2], sites[:2])
        bias, sigma = two.relative("north", "west")
        difference = (bias[ESTIMATED], np.diag(sigma[ESTIMATED] ** 2))
        relative.append(errors(*difference, ends[1] - ends[0]))
        if seed <= arguments.tracked:
            tracked.append(duals(truth, [*plots, reports], [*sites, reporter], start_ns, end_ns, seed))
            tracked_alone.append(duals(truth, plots[:2], sites[:2], start_ns, end_ns, seed))
    figures = {
        "from": iso_from_utc_ns(start_ns), "minutes": arguments.minutes, "seeds": arguments.seeds,
        "flights": len(np.unique(truth.target)), "plots_a_seed": sum(map(len, plots)),
        "biases_m_deg_s": {name: (b * UNITS).tolist() for name, b in BIASES.items()},
        "position_reports": summary(absolute), "two_radars_alone_difference": summary(relative), "tracks": tracked,
        "tracks_of_two_radars_alone": tracked_alone,
        "estimation_cpu_s_a_seed": round(float(np.mean(seconds)), 2),
        "versions": {"noroshi": noroshi.__version__, "numpy": np.__version__, "scipy": scipy.__version__,
                     "python": platform.python_version()},
    }  # fmt: skip
    print(json.dumps(figures) if arguments.json else json.dumps(figures, indent=1))


def traffic(minutes: float) -> tuple[Truth, int]:
    """Return the flights and when they begin."""
    truth, _ = truth_from_reports(read("sample:switzerland").decoded.detections)
    day_ns = 86_400 * NS_PER_S
    start_ns = int(truth.time_ns.min()) // day_ns * day_ns + FROM_HOUR * 3_600 * NS_PER_S
    end_ns = start_ns + round((minutes + 1.0) * 60) * NS_PER_S
    around = take(truth, (truth.time_ns >= start_ns - 600 * NS_PER_S) & (truth.time_ns <= end_ns + 600 * NS_PER_S))
    around = smoothed(around, load("motion", "constant_velocity").Motion.of(**TRUTH_MOTION))
    return take(around, (around.time_ns >= start_ns) & (around.time_ns <= end_ns)), start_ns


def biased_plots(truth, site, start_ns, end_ns, seed, rng):
    """Return a radar's plots with its biases, which drift, and the biases as they are at the end."""
    sensor = load("sensors", site.type).Sensor.at(site)
    watch = Watch(
        site=site, sensor=sensor, start_ns=start_ns, end_ns=end_ns, false_plots_a_scan=FALSE_PLOTS_A_SCAN, seed=seed
    )
    plots, _ = observe(truth, watch)
    step_s = np.diff(plots.time_ns, prepend=start_ns) / NS_PER_S
    drift = Parameters().drift[ESTIMATED] * np.sqrt(np.maximum(step_s, 0.0) / 3_600.0)[:, None]
    bias = BIASES[site.sensor] + np.cumsum(drift * rng.normal(size=drift.shape), axis=0)
    values = plots.values.copy()
    values[:, :2] += bias[:, :2]
    stamps_ns = plots.time_ns + np.round(bias[:, 2] * NS_PER_S).astype(np.int64)
    return plots.replace(values=values, time_ns=stamps_ns, received_ns=int(stamps_ns.max())), bias[-1]


def position_reports(truth, site, rng):
    """Return what the flights say of themselves."""
    sensor = load("sensors", site.type).Sensor.at(site)
    batches = []
    for name in np.unique(truth.target):
        leg = take(truth, truth.target == name)
        leg = take(leg, np.argsort(leg.time_ns, kind="stable"))
        times_ns = np.arange(
            leg.time_ns[0] + rng.integers(0, NS_PER_S), leg.time_ns[-1], round(REPORT_EVERY_S * NS_PER_S)
        )
        states = hermite(leg.time_ns, leg.state_ecef, times_ns, gap_s_max=30.0)
        known = np.isfinite(states).all(axis=1)
        times_ns, states = times_ns[known], states[known]
        values = sensor.measure(states, np.full((len(states), 3), np.nan))
        off = gauss_markov(times_ns, rng)
        arcs = np.sqrt(np.diagonal(sensor.noise(values), axis1=1, axis2=2))[:, :2]
        values[:, :2] += arcs * off
        values[:, 3:] += VELOCITY_SIGMA_M_S * rng.normal(size=(len(values), 3))
        who = Identity.absent(len(values)).replace(
            icao_address=np.full(len(values), leg.identity.icao_address[0], np.int64)
        )
        batches.append(
            Detections.of(
                sensor=site.sensor, components=sensor.COMPONENTS, time_ns=times_ns, values=values, identity=who
            )
        )
    return concatenate(batches)


def gauss_markov(times_ns, rng):
    """Return (n, 2) standard normal errors with an exponential autocorrelation."""
    fresh, off = rng.normal(size=(len(times_ns), 2)), np.zeros((len(times_ns), 2))
    for k in range(len(times_ns)):
        lasts = np.exp(-(times_ns[k] - times_ns[k - 1]) / NS_PER_S / REPORT_LASTS_S) if k else 0.0
        off[k] = lasts * off[k - 1] + np.sqrt(1.0 - lasts**2) * fresh[k]
    return off


def registered(batches, sites):
    """Return what the shipped estimator knows at the end."""
    sensors = {site.sensor: load("sensors", site.type).Sensor.at(site) for site in sites}
    registrar = Registrar(sensors)
    for now_ns, batch in in_time(batches, sensors, batch_s=1.0):
        sensor = sensors[batch.sensor]
        registrar.receive(arrange(batch, sensor), sensor, now_ns)
    registrar.finish()
    return registrar.registration


def subset(registration):
    """Return the biases that were estimated and their covariance, radar by radar."""
    bias, _ = registration.marginals
    covariance = np.linalg.pinv(registration.information, hermitian=True, rcond=1e-18)
    chosen = [4 * i + j for i in range(len(registration.sensors)) for j in ESTIMATED]
    return bias[:, ESTIMATED], covariance[np.ix_(chosen, chosen)]


def errors(bias, covariance, true):
    """Return the errors, as such and in sigmas, and their squared length in sigmas."""
    error = bias - true
    flat = error.reshape(-1)
    sigma = np.sqrt(np.diagonal(covariance)).reshape(error.shape)
    return error, error / sigma, float(flat @ np.linalg.solve(covariance, flat)), error / true


def summary(found):
    """Return figures over the seeds."""
    error, in_sigmas, squared, share = (np.array(column) for column in zip(*found, strict=True))
    dof = int(np.prod(error.shape[1:]))
    low, high = bounds(len(found), dof)
    rms = np.sqrt((error.reshape(-1, 3) ** 2).mean(axis=0)) * UNITS
    return {
        "rms_error_range_m_azimuth_deg_time_s": [round(float(x), 5) for x in rms],
        "worst_share_of_bias_left": [round(float(x), 4) for x in np.abs(share).reshape(-1, 3).max(axis=0)],
        "nees_a_degree_of_freedom": round(float(squared.mean()) / dof, 3),
        "nees_bounds_95": [round(low / dof, 3), round(high / dof, 3)],
        "one_sigma_share": round(float((np.abs(in_sigmas) <= 1.0).mean()), 3),
    }


def duals(truth, batches, sites, start_ns, end_ns, seed):
    """Return how many tracks there are on each flight, with registration and without."""
    times_ns = np.arange(start_ns + WARM_UP_S * NS_PER_S, end_ns, PICTURE_S * NS_PER_S)
    row: dict[str, object] = {"seed": seed}
    for name, wanted in (("without", False), ("with", True)):
        done = noroshi.track(batches, sites, period_s=float(PICTURE_S), registration=wanted)
        figures = siap.measure(truth, done.tracks, times_ns=times_ns)
        row[name] = {key: round(float(figures[key]), 5) for key in ("ambiguity", "completeness", "spuriousness")}
        row[name] |= {"position_accuracy_m": round(float(figures["position_accuracy_m"]), 1)}
    return row


if __name__ == "__main__":
    main()
