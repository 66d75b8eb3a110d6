"""Every metric in `noroshi.assessment` keeps the room's contract. New ones are found."""

import math

import numpy as np
import pytest

from noroshi.records import Identity, Tracks, TrackStatus, Truth, certain_kind, check, digest, take
from noroshi.run import rooms

METRICS = [rooms.load("assessment", key) for key in rooms.names("assessment")]
START_NS, STEP_NS, N_TIMES, N = 1_700_000_000_000_000_000, 4_000_000_000, 12, 5

pytestmark = pytest.mark.parametrize("metric", METRICS, ids=lambda module: module.__name__.rsplit(".", 1)[-1])


def states(rng):
    """Return (N * N_TIMES, 6) states of targets that fly straight, 30 km apart, by target and time."""
    position = np.array([4e6, 1e6, 4.85e6]) + 30_000.0 * np.arange(N)[:, None] * [0.0, 1.0, 0.0]
    velocity = rng.normal(0, 150, (N, 3))
    time_s = np.arange(N_TIMES) * STEP_NS / 1e9
    paths = position[:, None] + velocity[:, None] * time_s[:, None]
    return np.concatenate([paths, np.broadcast_to(velocity[:, None], paths.shape)], axis=2).reshape(-1, 6)


def identity():
    """Return who they are: addresses, codes and call signs."""
    who = np.repeat(np.arange(N), N_TIMES)
    calls = np.array([f"TEST{i}" for i in range(N)])
    return Identity.absent(len(who)).replace(icao_address=0xABC0 + who, mode_3a=0o2000 + who, call_sign=calls[who])


def perfect():
    """Return truth and tracks that equal it, and the times of a picture between their rows and at them."""
    state = states(np.random.default_rng(11))
    n = len(state)
    time_ns = START_NS + STEP_NS * np.tile(np.arange(N_TIMES), N)
    who = np.repeat(np.arange(N), N_TIMES)
    truth = Truth(
        target=np.array([f"target {i}" for i in who]),
        time_ns=time_ns,
        kind=np.ones(n, np.uint8),
        state_ecef=state,
        identity=identity(),
    )
    tracks = Tracks(
        node="test",
        source_names=("radar",),
        track_id=who.astype(np.uint64) + 100,
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n, np.int32),
        state_ecef=state.copy(),
        covariance_ecef=np.tile(np.diag([1e4] * 3 + [25.0] * 3), (n, 1, 1)),
        existence=np.ones(n),
        kind_probability=certain_kind(1, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, 1), bool),
        identity=identity(),
    )
    return check(truth), check(tracks), START_NS + np.arange(0, STEP_NS * (N_TIMES - 1) + 1, STEP_NS // 2)


def imperfect():
    """Return a scene in which everything goes wrong once: noise, a miss, a swap, a false track, a wrong code."""
    truth, tracks, times_ns = perfect()
    rng = np.random.default_rng(12)
    state, code, track_id = tracks.state_ecef.copy(), tracks.identity.mode_3a.copy(), tracks.track_id.copy()
    state[:, :3] += rng.normal(0, 90, (len(state), 3))
    state[5, :3] += 2_500.0
    track_id[N_TIMES + 6 : 2 * N_TIMES] = 999
    code[3] += 1
    tracks = tracks.replace(state_ecef=state, track_id=track_id, identity=tracks.identity.replace(mode_3a=code))
    return truth, take(tracks, np.delete(np.arange(len(tracks)), [25, 26, 40])), times_ns


def with_nan():
    """Return the imperfect scene with every float somewhere NaN or infinite."""
    truth, tracks, times_ns = imperfect()
    true, tracked, covariance = truth.state_ecef.copy(), tracks.state_ecef.copy(), tracks.covariance_ecef.copy()
    true[2], true[14, 0], true[20:40, 3:] = np.nan, np.inf, np.nan
    tracked[4], tracked[16, 1], tracked[30, 3:], tracked[31, 4] = np.nan, -np.inf, np.nan, np.inf
    covariance[8], covariance[9, 0, 0] = np.nan, -1.0
    return truth.replace(state_ecef=true), tracks.replace(state_ecef=tracked, covariance_ecef=covariance), times_ns


def test_it_states_its_figures(metric):
    assert len(set(metric.NAMES)) == len(metric.NAMES) > 0
    assert set(metric.PERFECT) <= set(metric.NAMES)
    assert metric.measure.__doc__


def test_a_simple_scene_has_all_figures_and_they_are_finite(metric):
    truth, tracks, times_ns = imperfect()
    found = metric.measure(truth, tracks, times_ns=times_ns)
    assert tuple(found) == metric.NAMES
    assert all(type(value) is float and math.isfinite(value) for value in found.values()), found


def test_perfect_tracks_have_the_perfect_value_and_others_have_not(metric):
    truth, tracks, times_ns = perfect()
    found = metric.measure(truth, tracks, times_ns=times_ns)
    assert {name: found[name] for name in metric.PERFECT} == pytest.approx(dict(metric.PERFECT), abs=1e-6)
    found = metric.measure(*imperfect()[:2], times_ns=times_ns)
    assert any(abs(found[name] - value) > 1e-3 for name, value in metric.PERFECT.items())


def test_the_order_of_rows_and_times_does_not_matter(metric):
    truth, tracks, times_ns = imperfect()
    rng = np.random.default_rng(13)
    shuffled = (take(each, rng.permutation(len(each))) for each in (truth, tracks))
    again = metric.measure(*shuffled, times_ns=np.tile(rng.permutation(times_ns), 2))
    assert again == metric.measure(truth, tracks, times_ns=times_ns)


def test_nothing_given_is_changed(metric):
    truth, tracks, times_ns = with_nan()
    before, times_before = digest(truth, tracks), times_ns.copy()
    metric.measure(truth, tracks, times_ns=times_ns)
    assert digest(truth, tracks) == before
    np.testing.assert_array_equal(times_ns, times_before)


def test_no_truth_no_tracks_no_times_or_one_row_each(metric):
    truth, tracks, times_ns = imperfect()
    none, one = slice(0, 0), slice(0, 1)
    for rows_true, rows_tracked in ((none, slice(None)), (slice(None), none), (none, none), (one, one), (one, none)):
        for times in (times_ns, times_ns[:1], times_ns[:0]):
            found = metric.measure(take(truth, rows_true), take(tracks, rows_tracked), times_ns=times)
            assert tuple(found) == metric.NAMES
            assert all(type(value) is float for value in found.values())


def test_nan_and_infinity_are_survived(metric):
    truth, tracks, times_ns = with_nan()
    found = metric.measure(truth, tracks, times_ns=times_ns)
    assert all(math.isfinite(value) for value in found.values()), found
    nowhere = np.full_like(tracks.state_ecef, np.nan)
    assert tuple(metric.measure(truth, tracks.replace(state_ecef=nowhere), times_ns=times_ns)) == metric.NAMES
