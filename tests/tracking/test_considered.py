"""What is left of a radar's biases stays in what is told of a track, however many plots it has."""

import math

import numpy as np
import pytest
from registration_scenes import ADSB, WEST, flights, plots, reports, sensors_of
from registration_scenes import START_NS as START_OF_FLIGHTS_NS
from scipy.stats import chi2

from noroshi.motion.ballistic import Motion as Ballistic
from noroshi.motion.constant_velocity import Motion as ConstantVelocity
from noroshi.node.own import Own
from noroshi.records import Detections, SensorSite, digest
from noroshi.run.batches import in_time
from noroshi.sensors.prepare import arrange
from noroshi.sensors.search_radar import Sensor
from noroshi.tracking.considered import correction
from noroshi.tracking.registrar import Registrar
from noroshi.tracking.registration import without
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.trackers.nearest_neighbour import Tracker as NearestNeighbour
from noroshi.tracking.trackers.soft import Tracker as Soft

NS = 10**9
START_NS = 1_893_456_000 * NS
LOOKS, N = 40, 60
LEFT = np.diag(np.square([20.0, 2e-4, 2e-4, 0.02]))
WAYS = {"speed_sigma_m_s": 3_000.0, "climb_sigma_m_s": 3_000.0, "range_m_max": 3e6, "scan_period_s": 1.0}
NOISE = {"range_sigma_m": 30.0, "azimuth_sigma_rad": 1e-3, "elevation_sigma_rad": 1e-3}
RADARS = {
    name: Sensor.at(
        SensorSite(
            sensor=name,
            type="search_radar",
            lat_rad=math.radians(36.0),
            lon_rad=math.radians(lon),
            height_m=300.0,
            parameters={**WAYS, **NOISE},
        )
    )
    for name, lon in (("a", 135.0), ("b", 141.0))
}
COMPONENTS = ("range_m", "azimuth_rad", "elevation_rad")


def falls(rng, n=N):
    """Return (n, 7) states of what falls freely, some 600 km from both radars."""
    east, north, up = RADARS["a"].axes[0]
    states = np.zeros((n, 7))
    states[:, :3] = RADARS["a"].origin_ecef_m + 300e3 * east + 250e3 * up
    states[:, :3] += 500e3 * north + 40e3 * np.arange(n)[:, None] * east
    states[:, 3:6] = rng.uniform(1_000.0, 2_500.0, (n, 1)) * north + rng.uniform(-1_000.0, 1_000.0, (n, 3))
    states[:, 6] = math.log(5_000.0)
    return states


def tracked(tracker, first, rng, off, names=("a", "b"), looks=LOOKS, after_s=0.5):
    """Follow targets whose plots by radar "a" are off by (n, 4); return what is told after the last look, by target.

    The second radar's plots are taken `after_s` later than the first's. Below 0 they are older than the tracks and come
    from the third look on: until then nothing tells how fast these are.
    """
    n, last = len(first), None
    for k in range(looks):
        for phase, name in enumerate(names):
            if phase and after_s < 0.0 and k < 2:
                continue
            since_s, biased = k + after_s * phase, off if name == "a" else np.zeros((n, 4))
            sensor = RADARS[name]
            taken = Ballistic.of().propagate(first, since_s - biased[:, 3])
            exact = sensor.measure(taken[:, :6], np.broadcast_to(sensor.origin_ecef_m, (n, 3)))[:, :3]
            values = exact + biased[:, :3] + rng.normal(size=(n, 3)) * list(NOISE.values())
            seen = Detections.of(
                sensor=name, components=COMPONENTS, values=values,
                time_ns=np.full(n, START_NS + round(since_s * NS)),
            )  # fmt: skip
            last = tracker.step(arrange(seen, sensor), sensor)
    assert len(last) == n
    truth = Ballistic.of().propagate(first, (last.time_ns - START_NS) / NS)[:, :6]
    order = nearest(truth, last)
    return truth, last.state_ecef[order], last.covariance_ecef[order]


def nearest(truth, rows):
    """Return which row is of each target; they are tens of kilometres apart."""
    order = np.linalg.norm(truth[:, None, :3] - rows.state_ecef[:, :3], axis=2).argmin(axis=1)
    assert len(set(order.tolist())) == len(truth)
    return order


def made(kind, motions=None):
    tracker = kind(node="n", sensor_names=("a", "b"), motions=motions or [Ballistic.of()])
    tracker.consider(("a",))
    return tracker


@pytest.mark.parametrize("kind", [NearestNeighbour, Soft])
@pytest.mark.parametrize("bias", range(4))
@pytest.mark.parametrize(("names", "after_s"), [(("a", "b"), 0.5), (("a", "b"), -0.4), (("b", "a"), -0.4)])
def test_it_is_the_derivative_of_the_estimate_by_the_bias(kind, bias, names, after_s):
    """Plots with and without a bias, of the same noise, are tracked: what comes of it is what was said beforehand."""
    step = np.zeros(4)
    step[bias] = 0.3 * np.sqrt(LEFT[bias, bias])
    found = []
    for off in (-0.5 * step, 0.5 * step):
        rng, tracker = np.random.default_rng(3), made(kind)
        truth, state, covariance = tracked(tracker, falls(rng, 8), rng, np.tile(off, (8, 1)), names, after_s=after_s)
        found.append(state)
    tracker.left = np.outer(step, step)[None]  # the covariance told is then wider by the square of the shift
    told = tracker.report(tracker.store.in_use(), tracker.store.in_use()[:0])
    order = nearest(truth, told)
    shift, said = found[1] - found[0], told.covariance_ecef[order] - covariance
    off_by = []
    for i in range(8):
        own = np.sqrt(np.diagonal(covariance[i]))
        expected = np.outer(shift[i], shift[i]) / np.outer(own, own)
        off_by.append(np.abs(said[i] / np.outer(own, own) - expected).max() / expected.max())
    # What a clock does hangs on how fast the target is, which the first plots do not tell well.
    assert np.median(off_by) < (0.2 if bias == 3 else 0.02)


def test_nees_is_inside_its_bounds_only_if_it_is_told():
    rng = np.random.default_rng(5)
    for left, is_right in ((LEFT, True), (np.zeros((4, 4)), False)):
        tracker = made(NearestNeighbour)
        tracker.left = left[None]
        off = rng.normal(size=(N, 4)) * np.sqrt(np.diagonal(LEFT))
        truth, state, covariance = tracked(tracker, falls(rng), rng, off)
        error = truth - state
        nees = np.vecdot(error, np.linalg.solve(covariance, error[:, :, None])[:, :, 0])
        low, high = chi2.ppf([0.0005, 0.9995], 6 * N)
        assert (low < nees.sum() < high) == is_right
        assert is_right or nees.sum() > 2.0 * high


def test_what_another_sensor_sees_takes_the_bias_out_again():
    rng = np.random.default_rng(6)
    off = rng.normal(size=(N, 4)) * np.sqrt(np.diagonal(LEFT))
    spread = {}
    for names in (("a",), ("a", "b")):
        tracker = made(NearestNeighbour)
        tracker.left = LEFT[None]
        spread[names] = tracked(tracker, falls(np.random.default_rng(7)), rng, off, names)[2]
    alone, both = (np.median(np.trace(each[:, :3, :3], axis1=1, axis2=2)) for each in spread.values())
    assert both < alone


def test_the_picture_carries_it_on():
    rng, tracker = np.random.default_rng(8), made(Soft, [ConstantVelocity.of(), Ballistic.of()])
    _, _, covariance = tracked(tracker, falls(rng, 8), rng, np.zeros((8, 4)), looks=10)
    rows, at_ns = tracker.store.in_use(), int(tracker.store.whole[tracker.store.in_use(), 2].max())
    plain = tracker.picture(START_NS + 11 * NS).covariance_ecef
    tracker.left = LEFT[None]
    wide = tracker.picture(START_NS + 11 * NS).covariance_ecef
    assert len(rows) == len(covariance) == len(wide) == 8
    assert at_ns > 0
    assert (np.linalg.eigvalsh(wide - plain)[:, 0] > -1e-6 * np.trace(wide, axis1=1, axis2=2)).all()
    assert (np.trace(wide, axis1=1, axis2=2) > 1.01 * np.trace(plain, axis1=1, axis2=2)).all()


def test_a_step_taken_back_takes_it_back():
    rng, tracker = np.random.default_rng(9), made(NearestNeighbour)
    tracked(tracker, falls(rng, 8), rng, np.zeros((8, 4)), looks=5)
    before = {name: array.tobytes() for name, array in tracker.state().items() if name != "numbers"}
    sensor = RADARS["a"]
    values = sensor.measure(falls(rng, 8)[:, :6], np.broadcast_to(sensor.origin_ecef_m, (8, 3)))[:, :3]
    seen = Detections.of(sensor="a", components=COMPONENTS, values=values, time_ns=np.full(8, START_NS + 6 * NS))
    tracker.step(arrange(seen, sensor), sensor)
    tracker.take_back(tracker.last_change())
    assert before == {name: array.tobytes() for name, array in tracker.state().items() if name != "numbers"}


def test_a_node_tells_its_tracker_what_its_registration_leaves():
    truth = flights(2, n=8, seconds=180)
    batches = [plots(truth, WEST, 2, seconds=180)[0], reports(truth, 2, seconds=180)]
    sensors = sensors_of(WEST, ADSB)
    tracker = NearestNeighbour(node="n", sensor_names=tuple(sensors), motions=[ConstantVelocity.of()])
    own = Own("n", sensors=sensors, tracker=tracker, window_ns=10 * NS, report=True, registrar=Registrar(sensors))
    assert tracker.considered == ("west",)
    for now_ns, batch in in_time(batches, sensors, batch_s=1.0):
        own.detect(batch, now_ns)
    bias, sigma = own.registrar.registration.marginals
    assert np.isfinite(bias[0, 3])
    assert np.array_equal(tracker.taken_out, own.registrar.taken_out)
    assert tracker.taken_out.any()
    assert tracker.left[0, 3, 3] == pytest.approx(sigma[0, 3] ** 2, rel=0.3)
    moved_by = tracker.store.real[tracker.store.in_use(), tracker.store.layout.considered :].reshape(-1, 4, 6)
    assert (moved_by[:, 2] == 0.0).all(), "an elevation that is not measured moves nothing"
    assert (moved_by[:, [0, 1, 3], :3] != 0.0).any(axis=(0, 2)).all()


def learning(kind, seed, known_at):
    """Return targets past radar "a", whose biases become known before a look, and what is told of them at the end."""
    rng, drawn, tracker = np.random.default_rng(seed), np.random.default_rng(100 + seed), made(kind)
    usual = np.array([50.0, math.radians(0.05), math.radians(0.05), 0.05])
    off, sensor, first = usual * rng.normal(size=4), RADARS["a"], falls(rng)
    known = off + 0.1 * usual * rng.normal(size=4)
    fed, last = Rewind(tracker, window_ns=5 * NS), None
    for k in range(LOOKS):
        if k == known_at and k:
            assert fed.step(correction(("a",), np.zeros((1, 4)), known[None], fed.newest_ns + 1), sensor) is not None
            assert tracker.taken_out[0] == pytest.approx(known)
        used = known if k >= known_at else np.zeros(4)
        tracker.left = np.diag(np.square((0.1 if k >= known_at else 1.0) * usual))[None]
        taken = Ballistic.of().propagate(first, np.full(N, k - (off - used)[3]))
        exact = sensor.measure(taken[:, :6], np.broadcast_to(sensor.origin_ecef_m, (N, 3)))[:, :3]
        values = exact + (off - used)[:3] + drawn.normal(size=(N, 3)) * list(NOISE.values())
        seen = Detections.of(sensor="a", components=COMPONENTS, values=values, time_ns=np.full(N, START_NS + k * NS))
        last = fed.step(arrange(seen, sensor), sensor)
    assert len(last) == N, "every target is held, by one track"
    truth = Ballistic.of().propagate(first, np.full(N, LOOKS - 1.0))[:, :6]
    order = nearest(truth, last)
    return truth - last.state_ecef[order], last.covariance_ecef[order]


@pytest.mark.parametrize("kind", [NearestNeighbour, Soft])
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_what_comes_to_be_known_moves_tracks_to_where_they_would_be(kind, seed):
    """As if it had been known before: a bias that leaps leaves nothing behind in a track, and breaks none."""
    (error, covariance), (early, _) = (learning(kind, seed, known_at) for known_at in (LOOKS // 2, 0))
    nees = np.vecdot(error, np.linalg.solve(covariance, error[:, :, None])[:, :, 0]) / 6.0
    assert nees.mean() < 2.0
    sigma = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    assert np.abs((error - early) / sigma).max() < 0.3, "but for what is of the second order"


def test_a_correction_is_taken_back_and_run_again_like_any_batch():
    """Plots that are older than it, and came later, are corrected by what was known: they end where order would."""
    told = []
    for late in (False, True):
        rng, tracker, sensor = np.random.default_rng(31), made(Soft), RADARS["a"]
        first, known = falls(rng, 8), np.array([[80.0, 1e-3, 0.0, 0.0]])
        batches = []
        for k in range(12):
            exact = sensor.measure(
                Ballistic.of().propagate(first, np.full(8, float(k)))[:, :6],
                np.broadcast_to(sensor.origin_ecef_m, (8, 3)),
            )[:, :3]
            values = exact + rng.normal(size=(8, 3)) * list(NOISE.values())
            time_ns = np.full(8, START_NS + k * NS)
            seen = Detections.of(sensor="a", components=COMPONENTS, values=values, time_ns=time_ns)
            batches.append(arrange(seen, sensor))
        batches.insert(9, correction(("a",), np.zeros((1, 4)), known, START_NS + 8 * NS + 1))
        if late:
            batches.insert(10, batches.pop(8))
        fed = Rewind(tracker, window_ns=20 * NS)
        for batch in batches:
            fed.step(batch, sensor)
        assert (fed.n_reruns > 0) == late
        told.append(tracker.picture(START_NS + 12 * NS))
        again = made(Soft)
        before, kept = fed.memory()
        Rewind(again, window_ns=20 * NS).resume(before, kept, RADARS, fed.counters())
        assert digest(again.picture(START_NS + 12 * NS)) == digest(told[-1])
    assert digest(told[0]) == digest(told[1])


class Leaps:
    """A registrar that knows nothing of radar "a" until a time, and from then on all."""

    radars, left = ("a",), np.zeros((1, 4, 4))

    def __init__(self, known, at_ns):
        self.known, self.at_ns, self.taken_out = known, at_ns, np.zeros((1, 4))

    def receive(self, detections, sensor, now_ns):
        self.taken_out = self.known if now_ns >= self.at_ns else self.taken_out
        return without(detections, sensor, self.taken_out[0]) if detections.sensor == "a" else detections


@pytest.mark.parametrize("kind", [NearestNeighbour, Soft])
@pytest.mark.parametrize("behind_s", [0.1, 4.0, 8.0])
def test_a_slow_feed_is_corrected_by_what_was_taken_out_at_its_place(kind, behind_s):
    """Tracks move by what comes to be known since; a plot corrected by it before would be corrected twice."""
    told = []
    for feed_s in (0.1, behind_s):
        rng, known = np.random.default_rng(3), np.array([[200.0, math.radians(0.1), 0.0, 0.0]])
        first, came = falls(rng, 8), []
        for k in range(80):
            name, at_s = "ab"[k % 2], k / 2.0
            exact = RADARS[name].measure(
                Ballistic.of().propagate(first, np.full(8, at_s))[:, :6],
                np.broadcast_to(RADARS[name].origin_ecef_m, (8, 3)),
            )[:, :3]
            values = exact + known[0, :3] * (name == "a") + rng.normal(size=(8, 3)) * list(NOISE.values())
            time_ns = np.full(8, START_NS + round(at_s * NS))
            seen = Detections.of(sensor=name, components=COMPONENTS, values=values, time_ns=time_ns)
            came.append((int(time_ns[0]) + round((feed_s if name == "a" else 0.1) * NS), seen))
        leap = Leaps(known, START_NS + 20 * NS + NS // 10)
        made_of = {"sensors": RADARS, "tracker": made(kind), "window_ns": 30 * NS, "report": True, "registrar": leap}
        own = Own("n", **made_of)
        for now_ns, seen in sorted(came, key=lambda each: each[0]):
            own.detect(seen, now_ns)
        told.append(own.picture(START_NS + 40 * NS))
    np.testing.assert_array_equal(told[0].track_id, told[1].track_id)
    np.testing.assert_allclose(told[0].state_ecef, told[1].state_ecef, rtol=1e-9)
    truth = Ballistic.of().propagate(falls(np.random.default_rng(3), 8), np.full(8, 40.0))[:, :6]
    assert len(told[0]) == 8
    nearest = np.linalg.norm(truth[:, None, :3] - told[0].state_ecef[None, :, :3], axis=2).argmin(axis=1)
    off = told[0].state_ecef[nearest] - truth
    squared = np.vecdot(off, np.linalg.solve(told[0].covariance_ecef[nearest], off[:, :, None])[:, :, 0])
    assert squared.mean() < 2.0 * 6


@pytest.mark.parametrize("kind", [NearestNeighbour, Soft])
@pytest.mark.parametrize("after_s", [-1.0, -4.0])
def test_plots_that_come_late_move_an_estimate_no_further_than_the_bias(kind, after_s):
    """All plots are the radar's own, so that a metre of range moves the estimate by one, whichever come late."""
    rng, tracker = np.random.default_rng(11), made(kind, [ConstantVelocity.of(), Ballistic.of()])
    tracked(tracker, falls(rng, 8), rng, np.zeros((8, 4)), ("a", "a"), looks=20, after_s=after_s)
    rows, first = tracker.store.in_use(), tracker.store.layout.considered
    moved_m = np.linalg.norm(tracker.store.real[rows, first : first + 3], axis=1)
    assert moved_m == pytest.approx(1.0, abs=0.05)


def test_batches_that_come_late_end_in_what_is_told_in_time():
    """The registration is not run again for them: what it took out of a plot when that came stays out."""
    truth = flights(3, n=8, seconds=240)
    batches = [plots(truth, WEST, 3, seconds=240)[0], reports(truth, 3, seconds=240)]
    sensors, told, late = sensors_of(WEST, ADSB), {}, {}
    for delay_s in (0, 6):
        tracker = Soft(node="n", sensor_names=tuple(sensors), motions=[ConstantVelocity.of()])
        own = Own("n", sensors=sensors, tracker=tracker, window_ns=30 * NS, report=True, registrar=Registrar(sensors))
        coming = list(in_time(batches, sensors, batch_s=1.0))
        coming = [(now_ns + delay_s * NS * (batch.sensor == "west"), batch) for now_ns, batch in coming]
        late[delay_s] = 0
        for now_ns, batch in sorted(coming, key=lambda each: each[0]):
            late[delay_s] += int((own.detect(batch, now_ns).changed.revision > 0).sum())
        assert own.rewind.n_late_rows == 0
        assert abs(own.registrar.registration.marginals[0][0, 3] - 1.0) < 0.2, "the clock is known, and put right"
        told[delay_s] = tracker.picture(int(START_OF_FLIGHTS_NS + 240 * NS))
    assert late[0] < late[6], "plots whose clock was late are put back, and so come late by themselves"
    in_time_, then = told.values()
    order = np.linalg.norm(in_time_.state_ecef[:, None, :3] - then.state_ecef[:, :3], axis=2).argmin(axis=1)
    assert len(in_time_) == len(then) == 8
    apart = in_time_.state_ecef - then.state_ecef[order]
    sigma = np.sqrt(np.diagonal(then.covariance_ecef[order], axis1=1, axis2=2))
    assert np.abs(apart / sigma).max() < 0.5
    assert np.sqrt(np.diagonal(in_time_.covariance_ecef, axis1=1, axis2=2)) == pytest.approx(sigma, rel=0.2)
