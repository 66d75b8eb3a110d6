"""Tracks from lines of several satellites: the fit and its score against scipy's, then launches from end to end."""

import dataclasses
import importlib
import sys
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, least_squares, milp
from scipy.stats import chi2, multivariate_normal

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, SensorSite, TrackStatus, digest
from noroshi.run.setup import Setup, Site, assemble
from noroshi.sensors.infrared import Sensor as Infrared
from noroshi.sensors.prepare import arrange
from noroshi.tracking import sightlines
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.store import FREE, Whole
from noroshi.tracking.story import Terms, Witness, tell

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from sightlines_parts.scenes import NS, START_NS, scene

MOTIONS = "constant_velocity+ballistic+boost+glide"
TRACKERS = ("soft", "nearest_neighbour")
seen = cache(scene)


def tracker(name, of):
    motions = [importlib.import_module(f"noroshi.motion.{each}").Motion.of() for each in MOTIONS.split("+")]
    room = importlib.import_module(f"noroshi.tracking.trackers.{name}")
    return room.Tracker(node="n", sensor_names=of.names, motions=motions)


def follow(name, of):
    """Return the first row of every track that was told of: launch (-1: none), error (6,), covariance, time, number."""
    t, found, known = tracker(name, of), [], set()
    for look in of.looks:
        rows = t.step(look.plots, look.sensor)
        for i in np.flatnonzero(rows.status != TrackStatus.LOST):
            if int(rows.track_id[i]) in known:
                continue
            known.add(int(rows.track_id[i]))
            at_s = (int(rows.time_ns[i]) - START_NS) / NS
            errors = [each.state(at_s) - rows.state_ecef[i] for each in of.launches] or [np.full(6, np.inf)]
            k = int(np.argmin([np.linalg.norm(each[:3]) for each in errors]))
            near = np.linalg.norm(errors[k][:3]) < 3_000.0
            found.append((k if near else -1, errors[k], rows.covariance_ecef[i], at_s, int(rows.track_id[i])))
    return t, found


@cache
def held():
    """Return lines of one launch alone, six of two satellites, as they are held."""
    of = seen(1, 2, 7, false_a_look=0.0, detection=1.0, until_s=75.0)
    kept = sightlines.Held.nothing(2)
    for look in of.looks[:6]:
        i, period_ns = of.names.index(look.plots.sensor), np.full(2, 5 * NS)
        kept, _ = sightlines._with_lines(kept, look.plots, look.sensor, np.ones(1, bool), i, period_ns)
    return of, kept


def fitted(n):
    of, kept = held()
    member = np.full((1, sightlines.MEMBERS_MAX), -1)
    member[0, :n] = np.arange(n)
    at_s = (int(kept.time_ns[n - 1]) - START_NS) / NS
    start = np.zeros((1, 12))
    start[0, :3] = of.launches[0].state(at_s)[:3] + np.array([3e3, -2e3, 1e3])
    return kept, sightlines._fitted(kept, member, kept.time_ns[n - 1 : n], start)


@pytest.mark.parametrize("n", [2, 4, 6])
def test_the_fit_is_that_of_scipy(n):
    kept, found = fitted(n)
    dt_s = (kept.time_ns[:n] - kept.time_ns[n - 1]) / NS
    origin, across = kept.line[:n, :3], kept.line[:n, 6:12].reshape(n, 2, 3)

    def misses(x):
        p, v, a, j = x.reshape(4, 3) * [[1e3], [1e2], [1.0], [0.1]]
        place = p + found.mean[0, :3] + np.outer(dt_s, v) + np.outer(dt_s**2 / 2, a) + np.outer(dt_s**3 / 6, j)
        way = place - origin
        lines = across @ (way / np.linalg.norm(way, axis=1)[:, None])[:, :, None]
        return np.concatenate([lines.ravel(), v / 3_000.0, a / 20.0, j / 1.0])

    other = least_squares(misses, np.zeros(12), x_scale="jac", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    scale = np.repeat([1e3, 1e2, 1.0, 0.1], 3)
    ours = (found.mean[0] - np.concatenate([found.mean[0, :3], np.zeros(9)])) / scale
    sigma = np.sqrt(np.diag(found.spread[0])) / scale
    assert np.abs((ours - other.x) / sigma).max() < 0.02
    theirs = np.linalg.inv(other.jac.T @ other.jac) * np.outer(scale, scale)
    correlation = np.sqrt(np.diag(theirs))
    np.testing.assert_allclose((found.spread[0] - theirs) / np.outer(correlation, correlation), 0.0, atol=0.02)


def test_a_line_adds_to_the_score_what_scipy_says_of_its_density():
    """The evidence of five lines over that of four is the density of the fifth, expected from the four."""
    kept, four = fitted(4)
    _, five = fitted(5)
    shift = sightlines._shift((kept.time_ns[4:5] - four.base_ns) / NS)
    mean, spread = np.matvec(shift, four.mean)[0], (shift @ four.spread @ shift.swapaxes(1, 2))[0]
    way, across = mean[:3] - kept.line[4, :3], kept.line[4, 6:12].reshape(2, 3)
    unit = way / np.linalg.norm(way)
    rows = across @ (np.eye(3) - np.outer(unit, unit)) / np.linalg.norm(way)
    log_density = multivariate_normal(across @ unit, rows @ spread[:3, :3] @ rows.T + np.eye(2)).logpdf(np.zeros(2))
    cost = kept.line[4, sightlines.Line.COST] - np.log(2.0 * np.pi)  # the density has it already
    assert five.evidence[0] - four.evidence[0] == pytest.approx(log_density - cost, abs=0.1)


def test_a_line_costs_what_false_lines_are_denser_than_a_found_target():
    """Twenty false lines a look over half a sphere, nine targets of ten found, noise of 50 microradian each way."""
    _, kept = held()
    dense = 20.0 / (2.0 * np.pi) / 0.9
    assert kept.line[0, sightlines.Line.COST] == pytest.approx(np.log(2.0 * np.pi * 50e-6**2 * dense))


def test_a_fit_that_has_fled_has_a_covariance_still_and_goes():
    """A start behind the satellites sends the fit to 1e16 m, where its place is 1e40 times less known than its jerk.

    Inverted unscaled, the covariance then had a negative trace.
    """
    _, kept = held()
    member = np.full((1, sightlines.MEMBERS_MAX), -1)
    member[0, :4] = np.arange(4)
    for away_m in np.geomspace(2e6, 1e7, 20):
        start = np.zeros((1, 12))
        start[0, :3] = kept.line[0, :3] - away_m * kept.line[0, 3:6]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not len(sightlines._fitted(kept, member, kept.time_ns[3:4], start).member)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_reading_is_that_of_an_integer_programme(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 22))
    score = rng.uniform(0.5, 30.0, n)
    conflict = rng.uniform(size=(n, n)) < rng.uniform(0.1, 0.7)
    conflict |= conflict.T | np.eye(n, dtype=bool)
    total, chosen = sightlines._best(score, conflict)
    pairs = np.argwhere(np.triu(conflict, 1))
    rows = np.zeros((len(pairs), n))
    rows[np.arange(len(pairs)), pairs[:, 0]] = rows[np.arange(len(pairs)), pairs[:, 1]] = 1.0
    limits = [LinearConstraint(rows, -np.inf, 1.0)] if len(pairs) else []
    best = milp(-score, constraints=limits, integrality=np.ones(n), bounds=(0, 1))
    assert total == pytest.approx(-best.fun)
    assert score[chosen].sum() == pytest.approx(total)
    assert not (conflict[np.ix_(chosen, chosen)] & ~np.eye(int(chosen.sum()), dtype=bool)).any()


@pytest.mark.parametrize("name", TRACKERS)
@pytest.mark.parametrize(("launches", "satellites"), [(1, 2), (1, 3), (3, 2), (3, 3)])
def test_launches_start_one_track_each_and_nothing_else_does(name, launches, satellites):
    of = seen(launches, satellites, 11, until_s=75.0)
    t, found = follow(name, of)
    assert sorted(k for k, *_ in found) == list(range(launches))
    for k, error, covariance, at_s, _ in found:
        assert at_s - of.first_s[k] < 20.0
        assert np.linalg.norm(error[:3]) < 1_000.0
        assert error @ np.linalg.solve(covariance, error) < chi2.ppf(0.9999, 6)
    assert len(t.picture(START_NS + 75 * NS)) == launches


def test_the_first_state_is_consistent():
    """NEES of the first rows of thirty launches: of the place within its bounds, of all no more than may be.

    It may be less: any push from 5 to 100 m/s2 is believed (see test_pushed), and all of these have nearly the same.
    """
    places, squared, speeds = [], [], []
    for seed in range(21, 31):
        of = seen(3, 2 + seed % 2, seed, until_s=65.0)
        _, found = follow("nearest_neighbour", of)
        assert [k for k, *_ in found if k < 0] == []
        places += [error[:3] @ np.linalg.solve(covariance[:3, :3], error[:3]) for _, error, covariance, _, _ in found]
        squared += [error @ np.linalg.solve(covariance, error) for _, error, covariance, _, _ in found]
        speeds += [np.linalg.norm(error[3:]) for _, error, _, _, _ in found]
    n = len(squared)
    assert n >= 28
    low, high = chi2.ppf([0.0005, 0.9995], 3 * n) / n
    assert low < np.mean(places) < high
    assert np.mean(squared) < chi2.ppf(0.9995, 6 * n) / n
    assert np.sqrt(np.mean(np.square(speeds))) < 65.0  # 79 m/s if they are not believed to be pushed ahead


@pytest.mark.parametrize("name", TRACKERS)
def test_one_satellite_alone_starts_nothing(name):
    t, found = follow(name, seen(1, 1, 12, until_s=75.0))
    assert found == []
    assert not len(t.store.in_use())


@pytest.mark.parametrize("name", TRACKERS)
def test_false_lines_start_nothing(name):
    _, found = follow(name, seen(0, 3, 13, until_s=75.0, false_a_look=15.0))
    assert found == []


@pytest.mark.parametrize("name", TRACKERS)
def test_a_radar_and_lines_make_one_track(name):
    """The lines see the launch first, 600 km from the radar, whose plots then go to the same track."""
    of = seen(1, 2, 14, until_s=110.0, radar_m=600_000.0)
    t, found = follow(name, of)
    assert [k for k, *_ in found] == [0]
    picture = t.picture(START_NS + 110 * NS)
    assert picture.sources.tolist() == [[True, True, True]]
    assert t.plots_used()["radar"] > 3


@pytest.mark.parametrize("name", TRACKERS)
def test_late_lines_give_the_tracks_of_an_arrival_in_order(name):
    of = seen(3, 2, 11, until_s=75.0)
    order_s = np.array([look.plots.time_ns[0] for look in of.looks]) / NS
    pictures, numbers = [], []
    for seed in (None, 1, 2):
        late_s = 0.0 if seed is None else np.random.default_rng(seed).uniform(0.0, 12.0, len(order_s))
        late = Rewind(tracker(name, of), window_ns=30 * NS)
        for i in np.argsort(order_s + late_s, kind="stable"):
            late.step(of.looks[i].plots, of.looks[i].sensor)
        assert late.n_late_rows == 0
        assert (late.n_reruns > 0) == (seed is not None)
        pictures.append(digest(late.tracker.picture(START_NS + 75 * NS)))
        state = late.tracker.state()
        numbers.append([digest_of(state[key]) for key in sorted(state) if key.startswith("sight_")])
    assert pictures[0] == pictures[1] == pictures[2]
    assert numbers[0] == numbers[1] == numbers[2]


def digest_of(array):
    return array.shape, array.tobytes()


def test_a_node_resumes_between_the_lines_of_a_launch():
    of = seen(3, 2, 11, until_s=75.0)
    sites = [Site(sensor=name, type="infrared", parameters=dict(eye.sensor.parameters)) for name, eye in
             zip(of.names, of.eyes, strict=True)]  # fmt: skip
    setup = Setup(sites=sites, motion=MOTIONS)
    given = []
    for cut in (None, 21):
        node, _ = assemble(setup)
        given.append([])
        for at, look in enumerate(of.looks):
            if at == cut:
                kept = node.checkpoint()
                node, _ = assemble(setup)
                node.resume(kept)
            node.receive(look.plots, int(look.plots.time_ns.max()))
            given[-1] += [digest(each.record) for each in node.take()]
    assert len(given[0]) > 5
    assert given[0] == given[1]


def test_a_track_that_went_astray_goes_on_under_its_number():
    of = seen(1, 2, 15, until_s=110.0, false_a_look=0.0, detection=1.0)
    t = tracker("soft", of)
    numbers, moved = set(), False
    for look in of.looks:
        rows = t.step(look.plots, look.sensor)
        numbers |= set(rows.track_id[rows.status != TrackStatus.LOST].tolist())
        if numbers and not moved and look.plots.time_ns[0] > START_NS + 70 * NS:
            s, moved = t.store, True
            row = s.in_use()
            for offset in s.layout.offsets:
                s.real[row, offset : offset + 3] += 800.0
            s.refresh(row)
    picture = t.picture(START_NS + 110 * NS)
    assert len(numbers) == len(picture) == 1
    assert np.linalg.norm(picture.state_ecef[0, :3] - of.launches[0].state(110.0)[:3]) < 1_500.0


def test_the_story_of_a_track_tells_how_many_lines_started_it():
    of = seen(1, 2, 11, until_s=75.0)
    number = follow("soft", of)[1][0][4]
    t = tracker("soft", of)
    t.listener = witness = Witness(t, number)
    for look in of.looks:
        t.step(look.plots, look.sensor)
    terms = Terms(sensors=of.names, models=tuple(MOTIONS.split("+")), rules=dataclasses.asdict(t.parameters), names={})
    start, firm, *_ = tell(witness.glimpses(), terms)
    assert (start.what, firm.what) == ("start", "firm")
    assert start.text.startswith("started by 4 lines of several sensors")


def stations(seed, targets, false_a_look, until_s=30.0, **parameters):
    """Return what a tracker tells of first of each track, with lines of two cameras 95 km apart on the ground.

    They look every two seconds, good to 0.03 degrees, at aircraft 5 to 9 km high within 60 km. Of each: the target
    nearest to it, how far it is [m], the time [s].
    """
    rng, sigma_rad = np.random.default_rng(seed), 5e-4
    lat_rad, lon_rad = np.radians(46.0), np.radians(7.0)
    axes = np.stack(enu_axes(lat_rad, lon_rad))
    sites = [
        SensorSite(
            sensor=f"c{i}", type="infrared", lat_rad=lat_rad + dlat, lon_rad=lon_rad + dlon, height_m=600.0,
            parameters={"scan_period_s": 2.0, "line_sigma_rad": sigma_rad, **parameters},
        )
        for i, (dlat, dlon) in enumerate(((0.0052, -0.0087), (-0.0052, 0.007)))
    ]  # fmt: skip
    sensors = [Infrared.at(site) for site in sites]
    middle = ecef_from_geodetic(lat_rad, lon_rad, 0.0)
    at = rng.uniform([-6e4, -6e4, 5e3], [6e4, 6e4, 9e3], (targets, 3)) @ axes + middle
    heading, speed = rng.uniform(0.0, 2.0 * np.pi, targets), rng.uniform(170.0, 250.0, targets)
    moves = (speed * np.stack([np.sin(heading), np.cos(heading), 0.0 * heading])).T @ axes
    room = importlib.import_module("noroshi.tracking.trackers.soft")
    motions = [importlib.import_module(f"noroshi.motion.{name}").Motion.of() for name in MOTIONS.split("+")]
    t = room.Tracker(node="n", sensor_names=("c0", "c1"), motions=motions)
    phases, found, known = rng.uniform(0.0, 2.0, 2), [], set()
    for at_s, i in sorted((2.0 * k + phases[i], i) for k in range(int(until_s / 2)) for i in range(2)):
        is_seen, n_false = rng.random(targets) < 0.9, rng.poisson(false_a_look)
        up, around = rng.uniform(0.0, 1.0, n_false), rng.uniform(0.0, 2.0 * np.pi, n_false)
        flat = np.sqrt(1.0 - up**2)
        false = sensors[i].origin_ecef_m + 1e5 * np.stack([flat * np.sin(around), flat * np.cos(around), up]).T @ axes
        places = np.concatenate([(at + at_s * moves)[is_seen], false])
        if not len(places):
            continue
        exact = sensors[i].measure(np.hstack([places, 0.0 * places]), sensors[i].origin_ecef_m)
        plots = Detections.of(
            sensor=f"c{i}", components=Infrared.COMPONENTS, values=exact,
            time_ns=np.full(len(places), START_NS + round(at_s * NS)),
            origin_ecef_m=np.broadcast_to(sensors[i].origin_ecef_m, (len(places), 3)),
        )  # fmt: skip
        noise = sensors[i].noise(exact)
        values = exact + np.sqrt(np.diagonal(noise, axis1=1, axis2=2)) * rng.normal(size=exact.shape)
        rows = t.step(arrange(replace(plots, values=values, covariances=noise), sensors[i]), sensors[i])
        for row in np.flatnonzero(rows.status != TrackStatus.LOST):
            if int(rows.track_id[row]) not in known:
                known.add(int(rows.track_id[row]))
                row_s = (int(rows.time_ns[row]) - START_NS) / NS
                off_m = np.linalg.norm(at + row_s * moves - rows.state_ecef[row, :3], axis=1)
                found.append((int(off_m.argmin()) if targets else -1, off_m.min(initial=np.inf), row_s))
    return found


CAMERA = {"speed_sigma_m_s": 300.0, "range_m_max": 300e3, "height_prior_m_max": 15e3, "cloud_top_m": -1e3}


@pytest.mark.parametrize("parameters", [{}, CAMERA])
@pytest.mark.parametrize("false_a_look", [0.0, 5.0])
def test_cameras_on_the_ground_start_tracks_of_aircraft_within_seconds(parameters, false_a_look):
    """Of a satellite's expectations, 3 km/s and one target in 1e20 m3, they took minutes or never did."""
    for seed in (61, 62):
        found = stations(seed, 5, false_a_look, **parameters)
        assert sorted(k for k, *_ in found) == list(range(5))
        assert max(off_m for _, off_m, _ in found) < 2_000.0
        assert max(at_s for *_, at_s in found) < 20.0


def test_false_lines_of_cameras_on_the_ground_start_nothing():
    assert stations(63, 0, 15.0, until_s=60.0, **CAMERA) == []


def test_what_is_expected_is_what_is_seen():
    """From the ground the layer of the prior's heights as far as the range, from above it what satellites expect."""
    site = SensorSite(sensor="c", type="infrared", parameters=CAMERA)
    places = ecef_from_geodetic(np.full(3, 0.8), np.full(3, 0.1), np.array([600.0, 14e3, 1_000e3]))
    log_new, speed_sigma_m_s = Infrared.at(site).expect(places)
    layer_m3 = np.pi * 300e3**2 * 15e3
    np.testing.assert_allclose(log_new, [-np.log(layer_m3), -np.log(layer_m3), np.log(1e-20)])
    assert speed_sigma_m_s.tolist() == [300.0, 300.0, 3_000.0]


def test_a_flood_of_lines_is_bounded_and_counted():
    of = seen(0, 2, 16, until_s=10.0, false_a_look=650.0)
    t = tracker("nearest_neighbour", of)
    for look in of.looks:
        t.step(look.plots, look.sensor)
    kept = sightlines.held_in(t.store, 2)
    assert len(kept.line) <= sightlines.LINES_MAX + sightlines.HYPOTHESES_MAX * sightlines.MEMBERS_MAX
    assert len(kept.member) <= sightlines.HYPOTHESES_MAX
    assert kept.n_dropped[0] > 100
    assert (t.store.whole[: t.store.n_used, Whole.STATUS] == FREE).all()
