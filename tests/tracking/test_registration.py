"""Biases put into simulated radars on purpose are found, with their uncertainty, and taken from the plots."""

import math

import numpy as np
import pytest
from registration_scenes import (
    ADSB,
    EAST,
    NS,
    RADAR_BIAS,
    START_NS,
    WEST,
    flights,
    learnt,
    plots,
    reports,
    run,
    sensors_of,
    site,
)
from scipy import stats

import noroshi
from noroshi.records import Identity, concatenate, digest, take
from noroshi.run.batches import in_time
from noroshi.sensors.prepare import arrange
from noroshi.tracking.registrar import Parameters, Registrar
from noroshi.tracking.registration import (
    BIASES,
    LARGE_SHARE,
    PAPER_SIGMA,
    PRIOR_SIGMA,
    Registration,
    weigh,
    widened,
    without,
)

FOUND = [0, 1, 3]
STILL = Parameters(every_s=20.0, correlation_s=0.0, drift=np.zeros(4))


def standing(seed, **changes):
    truth = flights(seed)
    west, _ = plots(truth, WEST, seed, **changes)
    east, _ = plots(truth, EAST, seed, **changes)
    return truth, west, east


def test_position_reports_show_the_biases_of_two_radars():
    """In ten minutes to a tenth of 0.3 degrees, 100 m and 1 s; the errors are as large as their sigmas say."""
    squared = 0.0
    for seed in range(3):
        truth, west, east = standing(seed)
        found = learnt([west, east, reports(truth, seed)], WEST, EAST, ADSB, parameters=STILL)
        bias, sigma = found.marginals
        error = bias[:, FOUND] - [RADAR_BIAS["west"], RADAR_BIAS["east"]]
        assert (np.abs(error) < 0.1 * np.array([100.0, math.radians(0.3), 1.0])).all()
        assert np.isinf(sigma[:, 2]).all(), "a radar that measures no elevation has no elevation bias that can be told"
        covariance = np.linalg.pinv(found.information, rcond=1e-18, hermitian=True)
        chosen = [4 * i + j for i in range(2) for j in FOUND]
        squared += error.reshape(-1) @ np.linalg.solve(covariance[np.ix_(chosen, chosen)], error.reshape(-1))
    assert stats.chi2.ppf(0.005, 18) < squared < stats.chi2.ppf(0.995, 18)


def test_what_is_taken_out_leaps_nowhere_as_more_comes_to_be_known():
    """Two clocks that differ by 1.6 s, known to 0.05 s; what both have in common is known ever better."""
    found = []
    for common_s in (2.1, 2.01, 1.99, 1.9):
        tells = np.linalg.inv([[common_s**2, common_s**2], [common_s**2, common_s**2 + 0.05**2]])
        information = np.zeros((8, 8))
        information[np.ix_([3, 7], [3, 7])] = tells
        vector = np.zeros(8)
        vector[[3, 7]] = tells @ [0.0, 1.6]
        known = Registration(sensors=("west", "east"), information=information, vector=vector)
        found.append(known.believed[0][:, 3])
    assert found[0][1] - found[0][0] == pytest.approx(1.6, abs=0.1)
    assert np.abs(np.diff(found, axis=0)).max() < 0.05


def test_two_radars_alone_show_only_the_difference_of_their_clocks():
    squared = 0.0
    for seed in range(3):
        _, west, east = standing(seed)
        found = learnt([west, east], WEST, EAST, parameters=STILL)
        bias, sigma = found.relative("east", "west")
        assert np.isinf(found.marginals[1][:, 3]).all()
        error = bias[3] - (RADAR_BIAS["east"] - RADAR_BIAS["west"])[2]
        assert abs(error) < 0.16
        squared += (error / sigma[3]) ** 2
    assert stats.chi2.ppf(0.005, 3) < squared < stats.chi2.ppf(0.995, 3)


def test_a_receiver_that_hears_no_addresses_leaves_the_radars_what_they_have_in_common():
    """Ships' reports (AIS) carry none."""
    truth, west, east = standing(4)
    said = reports(truth, 4)
    mmsi = 431_000_000 + said.identity.icao_address % 999
    ships = said.replace(identity=Identity.absent(len(said)).replace(mmsi=mmsi))
    alone, found = (
        learnt([west, east, *heard], WEST, EAST, ADSB, parameters=STILL).relative("east", "west")
        for heard in ([], [ships])
    )
    assert found[0][3] == pytest.approx(-1.6, abs=0.16)
    np.testing.assert_allclose(found, alone, rtol=1e-3)


def apart(batches):
    """Return by how much more is taken out of the east's stamps than of the west's, from the sixth minute on [s]."""
    sensors = sensors_of(WEST, EAST, ADSB)
    registrar, found = Registrar(sensors), []
    for now_ns, batch in in_time(batches, sensors, batch_s=1.0):
        registrar.receive(arrange(batch, sensors[batch.sensor]), sensors[batch.sensor], now_ns)
        if now_ns > START_NS + 300 * NS:
            found.append(registrar.taken_out[1, 3] - registrar.taken_out[0, 3])
    return np.array(found)


@pytest.mark.parametrize("seed", [5, 6, 7])
def test_the_first_aircraft_that_is_heard_does_not_part_clocks_that_were_known(seed):
    """One of 25 is heard from the sixth minute on: what it tells of both clocks is little for minutes."""
    truth, west, east = standing(seed)
    said = reports(truth, seed)
    first = take(said, (said.identity.icao_address == 0x4B0000 + seed) & (said.time_ns > START_NS + 300 * NS))
    assert apart([west, east, first]) == pytest.approx(-1.6, abs=0.12)


def test_an_aircraft_that_is_heard_and_that_no_radar_sees_ends_nothing():
    truth, west, east = standing(4)
    said = reports(truth, 4)
    far = take(said, said.identity.icao_address == 0x4B0000)
    far = far.replace(values=far.values + np.array([0.2, 0.0, 0.0, 0.0, 0.0, 0.0]))  # radians of latitude
    assert apart([west, east, far]) == pytest.approx(-1.6, abs=0.12)


def test_reports_that_begin_late_settle_what_was_open():
    truth, west, east = standing(5)
    said = reports(truth, 5)
    late = take(said, said.time_ns > START_NS + 300 * 10**9)
    sensors = sensors_of(WEST, EAST, ADSB)
    registrar = Registrar(sensors, Parameters(every_s=5.0))
    run(registrar, [west, east, late], sensors)
    registrar.finish()
    bias, _ = registrar.registration.believed
    off = bias[:, FOUND] - [RADAR_BIAS["west"], RADAR_BIAS["east"]]
    assert (np.abs(off) < 0.15 * np.array([100.0, math.radians(0.3), 1.0])).all()


def test_one_radar_alone_tells_nothing():
    _, west, _ = standing(1)
    sensors = sensors_of(WEST)
    registrar = Registrar(sensors)
    given = run(registrar, [west], sensors)
    bias, sigma = registrar.registration.marginals
    assert np.isnan(bias).all()
    assert np.isinf(sigma).all()
    assert np.concatenate([batch.values[:, 0] for batch in given]) == pytest.approx(west.values[:, 0], abs=0)


def test_a_3d_radars_elevation():
    truth = flights(3)
    where = site("west", 46.0, 6.5)
    flat, _ = plots(truth, where, 3, bias=(0.0, 0.0, 0.0), false_plots_a_scan=0.0)
    sensor = sensors_of(where)["west"]
    origin = np.broadcast_to(sensor.origin_ecef_m, (len(flat), 3))
    ready = arrange(flat, sensor)
    located, _ = sensor.locate(ready.values, ready.covariances, ready.origin_ecef_m)
    elevation = sensor.measure(located, origin)[:, 2]
    noise = np.random.default_rng(1).normal(size=len(flat)) * math.radians(0.1)
    solid = flat.replace(
        components=(*flat.components, "elevation_rad"),
        values=np.column_stack([flat.values, elevation + math.radians(0.25) + noise]),
        covariances=np.full((len(flat), 4, 4), np.nan),
    )
    bias, sigma = learnt([solid, reports(truth, 3)], where, ADSB).marginals
    assert bias[0, 2] == pytest.approx(math.radians(0.25), abs=4 * sigma[0, 2])
    assert sigma[0, 2] < math.radians(0.02)


def test_wrong_pairs_do_not_pull():
    """A tenth of the plots carry another flight's address, a tenth are kilometres off."""
    truth = flights(5)
    west, owner = plots(truth, WEST, 5, false_plots_a_scan=0.0)
    rng = np.random.default_rng(5)
    who = 0x4B0000 + np.array([int(name.split()[1]) for name in owner])
    wrong, off = rng.random(len(west)) < 0.1, rng.random(len(west)) < 0.1
    who[wrong] = rng.permutation(who[wrong])
    values = west.values.copy()
    values[off, 0] += rng.uniform(500, 5_000, off.sum())
    west = west.replace(values=values, identity=Identity.absent(len(west)).replace(icao_address=who))
    bias, sigma = learnt([west, reports(truth, 5)], WEST, ADSB).marginals
    error = bias[0, FOUND] - RADAR_BIAS["west"]
    assert (np.abs(error) < 0.1 * np.array([100.0, math.radians(0.3), 1.0])).all()
    assert (np.abs(error / sigma[0, FOUND]) < 4.0).all()


def test_noise_that_is_more_than_stated_shows_in_the_sigmas():
    truth = flights(6)
    west, _ = plots(truth, WEST, 6)
    values = west.values.copy()
    values[:, 0] += np.random.default_rng(6).normal(size=len(west)) * 210.0
    said = learnt([west, reports(truth, 6)], WEST, ADSB, parameters=STILL).marginals[1][0, 0]
    noisy = learnt([west.replace(values=values), reports(truth, 6)], WEST, ADSB, parameters=STILL).marginals
    assert noisy[1][0, 0] > 2.0 * said
    assert noisy[0][0, 0] == pytest.approx(100.0, abs=4 * noisy[1][0, 0])


def test_corrected_plots_are_where_the_unbiased_ones_were():
    truth, west, _ = standing(2)
    sensors = sensors_of(WEST, ADSB)
    found = learnt([west, reports(truth, 2)], WEST, ADSB)
    ready = arrange(west, sensors["west"])
    right = arrange(plots(truth, WEST, 2, bias=(0.0, 0.0, 0.0))[0], sensors["west"])
    bias, left = (each[0] for each in found.believed)
    done = without(ready, sensors["west"], bias)
    sigma = found.marginals[1][0]
    turned = np.angle(np.exp(1j * (done.values[:, 1] - right.values[:, 1])))
    assert np.abs(done.values[:, 0] - right.values[:, 0]).max() < 4 * sigma[0]
    assert np.abs(turned).max() < 4 * sigma[1]
    assert np.abs(done.time_ns - right.time_ns).max() < 4 * sigma[3] * NS
    assert digest(done.replace(values=ready.values, time_ns=ready.time_ns)) == digest(ready)
    moved_m = sensors["west"].parameters["speed_sigma_m_s"] * sigma[3]
    wide = widened(done, sensors["west"], left)
    assert wide.covariances[:, 0, 0] == pytest.approx(ready.covariances[:, 0, 0] + sigma[0] ** 2 + moved_m**2, rel=0.02)


def of_clock(bias_s, sigma_s):
    """Return what is believed of a radar's clock, and how surely, if that is what pairs say of it."""
    information, vector = np.zeros((4, 4)), np.zeros(4)
    information[3, 3], vector[3] = sigma_s**-2.0, bias_s * sigma_s**-2.0
    bias, left = Registration(sensors=("west",), information=information, vector=vector).believed
    return bias[0, 3], math.sqrt(left[0, 3, 3])


def test_a_bias_is_taken_out_the_more_the_better_it_is_known_and_what_is_left_is_told():
    assert of_clock(0.0128, 0.0128) == (pytest.approx(0.012, rel=0.05), pytest.approx(0.0124, rel=0.02))
    assert of_clock(1.0, 0.0128) == (pytest.approx(1.0, abs=1e-3), pytest.approx(0.0128, rel=0.02))
    nothing = math.sqrt(LARGE_SHARE * PRIOR_SIGMA[3] ** 2 + (1.0 - LARGE_SHARE) * PAPER_SIGMA[3] ** 2)
    assert of_clock(1.0, 1e6) == (pytest.approx(0.0, abs=1e-6), pytest.approx(nothing, rel=1e-3))


@pytest.mark.parametrize("bias_s", [0.0, 0.05, 0.2, 1.0])
def test_nothing_leaps_between_known_and_unknown(bias_s):
    believed = np.array([of_clock(bias_s, sigma_s) for sigma_s in np.geomspace(1e-3, 1e3, 4_000)])
    steps = np.abs(np.diff(believed, axis=0))
    assert steps.max() < 0.02
    assert np.abs(np.diff(np.log(believed[:, 1]))).max() < 0.07


def usual(rng):
    return rng.normal(size=4) * np.where(rng.random(4) < LARGE_SHARE, PRIOR_SIGMA, PAPER_SIGMA)


@pytest.mark.parametrize(
    ("other", "low", "high"),
    [(usual, 0.7, 1.3), (lambda rng: rng.normal(size=4) * PRIOR_SIGMA, 0.7, 2.4)],
    ids=["usual", "off in all"],
)
def test_what_is_left_of_biases_is_as_large_as_is_told(other, low, high):
    """Of a radar as usual beside another, by pairs that tell of both, some more, some less.

    Where the other is off in all, one in 10^8 to what is believed, the usual one is blamed too: 1.4 sigmas, not 1.
    """
    rng, n = np.random.default_rng(1), 6_000
    scale, off, told = np.tile(PRIOR_SIGMA, 2), np.zeros((n, 4)), np.zeros((n, 4))
    for i in range(n):
        own = usual(rng)
        true = np.append(own, other(rng))
        rows = rng.normal(size=(8, 8)) / scale * 10.0 ** rng.uniform(-1.0, 3.0, 8)[:, None]
        seen = rows @ true + rng.normal(size=8)
        bias, left = Registration(sensors=("a", "b"), information=rows.T @ rows, vector=rows.T @ seen).believed
        off[i], told[i] = own - bias[0], np.diagonal(left[0])
    share = (off**2).mean(axis=0) / told.mean(axis=0)
    assert (share > low).all()
    assert (share < high).all(), share


def test_of_three_radars_the_one_that_differs_is_off_and_of_two_either():
    def known(names, true_s):
        n = len(names)
        tells = np.eye(n) - 1.0 / n  # of differences alone
        information, vector = np.zeros((4 * n, 4 * n)), np.zeros(4 * n)
        clocks = 4 * np.arange(n) + 3
        information[np.ix_(clocks, clocks)] = tells / 0.02**2
        vector[clocks] = tells @ true_s / 0.02**2
        bias, left = Registration(sensors=names, information=information, vector=vector).believed
        return bias[:, 3], np.sqrt(left[:, 3, 3])

    found, sigma = known(("a", "b", "c"), np.array([1.0, 0.0, 0.0]))
    assert found == pytest.approx([1.0, 0.0, 0.0], abs=0.05)
    assert (sigma < 0.3).all()
    found, sigma = known(("a", "b"), np.array([1.0, 0.0]))
    assert found == pytest.approx([0.5, -0.5], abs=0.05)
    assert sigma == pytest.approx([0.5, 0.5], abs=0.1)


def test_what_is_left_does_not_hang_on_the_batch():
    truth, west, _ = standing(2)
    sensors = sensors_of(WEST, ADSB)
    registrar = Registrar(sensors, Parameters(every_s=60.0))
    run(registrar, [west, reports(truth, 2)], sensors)
    ready, before = arrange(west, sensors["west"]), registrar.left
    registrar.receive(ready.replace(covariances=100.0 * ready.covariances), sensors["west"], int(west.time_ns[-1]))
    assert (registrar.left == before).all()


def test_a_checkpoint_goes_on_as_if_nothing_had_been():
    truth = flights(4, n=8, seconds=180)
    west, east = (plots(truth, where, 4, seconds=180)[0] for where in (WEST, EAST))
    sensors = sensors_of(WEST, EAST, ADSB)
    batches = [west, east, reports(truth, 4, seconds=180)]
    cut_ns = int(west.time_ns[len(west) // 2])
    early = [take(batch, batch.time_ns < cut_ns) for batch in batches]
    late = [take(batch, batch.time_ns >= cut_ns) for batch in batches]
    whole, other = Registrar(sensors), Registrar(sensors)
    first = Registrar(sensors)
    run(whole, early, sensors)
    run(first, early, sensors)
    other.restore(first.state())
    assert digest(*run(whole, late, sensors)) == digest(*run(other, late, sensors))
    assert {k: v.tobytes() for k, v in whole.state().items()} == {k: v.tobytes() for k, v in other.state().items()}


def test_pairs_weigh_the_same_in_one_heap_or_two():
    """The sum of what two halves tell is what the whole tells."""
    truth, west, _ = standing(7)
    sensors = sensors_of(WEST, ADSB)
    registrar = Registrar(sensors, STILL)
    heaps = []
    for now_ns, batch in in_time([west, reports(truth, 7)], sensors, batch_s=1.0):
        registrar.receive(arrange(batch, sensors[batch.sensor]), sensors[batch.sensor], now_ns)
        heaps.append(registrar.new_pairs)
    heaps = [heap for i, heap in enumerate(heaps) if i == 0 or heap is not heaps[i - 1]]
    pairs = concatenate(heaps)
    nothing = Registration.unknown(("west",))
    scaled, weight = weigh(nothing, pairs)
    half = np.arange(len(pairs)) % 2 == 0
    whole = nothing.told(scaled, weight)
    two = nothing.told(take(scaled, half), weight[half]).told(take(scaled, ~half), weight[~half])
    assert two.information == pytest.approx(whole.information, rel=1e-9)
    assert len(BIASES) * 1 == len(whole.vector)


def test_tracks_of_wrong_radars_become_one_each():
    truth = flights(8, n=10, seconds=240)
    west, east = (plots(truth, where, 8, seconds=240, false_plots_a_scan=2.0)[0] for where in (WEST, EAST))
    batches = [west, east, reports(truth, 8, seconds=240)]
    last_ns = START_NS + 200 * NS
    at_once = {}
    for wanted in (False, True):
        done = noroshi.track(
            batches, [WEST, EAST, ADSB], motion="constant_velocity", period_s=10.0, registration=wanted
        )
        picture = take(done.tracks, np.abs(done.tracks.time_ns - last_ns) < 5 * NS)
        at_once[wanted] = len(np.unique(picture.track_id))
    assert at_once[True] == 10 < at_once[False]
    west = done.registration.sensors.index("west")
    assert done.registration.marginals[0][west, 3] == pytest.approx(1.0, abs=0.2)


def test_without_radars_there_is_nothing_to_believe():
    bias, left = Registration.unknown(()).believed
    assert bias.shape == (0, 4)
    assert left.shape == (0, 4, 4)
