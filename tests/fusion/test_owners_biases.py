"""Owners that are displaced, turned or late are found out, and nothing is found where nothing is off."""

import numpy as np
import pytest
from fusion_scenes import NS, START_NS, level, moved, place, tracks

from noroshi.fusion import Fusion, Settings
from noroshi.geo.wgs84 import enu_axes_at

NOISE = 60.0**2 * np.eye(3)
N, PERIOD_S = 15, 4.0


def told(seed, biases, looks, *, reports=(), named=True, registering=True, low_m=0.0):
    """Return the fusion of owners with these (east, north, up, turn, delay), and the truth at the end.

    Owner R is fed by `reports`. Owner F does not measure heights: it goes by one guess for all, which is too low.
    """
    rng = np.random.default_rng(seed)
    lat, lon = 35.0 + 2.0 * rng.uniform(size=N), 140.0 + 2.0 * rng.uniform(size=N)
    course = rng.uniform(0.0, 2.0 * np.pi, N)
    states = np.concatenate([
        level(place(lat[i], lon[i]), 220.0 * np.sin(course[i]), 220.0 * np.cos(course[i])) for i in range(N)
    ])  # fmt: skip
    middle = states[:, :3].mean(axis=0)
    axes = enu_axes_at(middle[None])[0]
    fusion = Fusion("x") if registering else Fusion("x", Settings(registering=None))
    transition, noise = moved(PERIOD_S)
    spread = {owner: np.diag([60.0] * 3 + [50.0] * 3) ** 2 for owner in biases}
    error = {owner: rng.normal(size=(N, 6)) * np.sqrt(np.diagonal(spread[owner])) for owner in biases}
    local = np.kron(np.eye(2), axes)
    fix = local[:3]
    if "F" in biases:
        spread["F"] = local.T @ np.diag([60.0, 60.0, 3_000.0, 20.0, 20.0, 20.0]) ** 2 @ local
        drawn = 60.0 * rng.normal(size=(N, 2)), np.full(N, -low_m), 20.0 * rng.normal(size=(N, 3))
        error["F"] = np.column_stack(drawn) @ local
    for k in range(looks):
        if k:
            shock = np.matvec(np.linalg.cholesky(noise), rng.normal(size=(N, 6)))
            states = states @ transition.T + shock
        for owner, bias in biases.items():
            if k:
                ahead = transition @ spread[owner] @ transition.T + noise
                noise_of, off = NOISE.copy(), 60.0 * rng.normal(size=(N, 3))
                if owner == "F":
                    noise_of[2, 2], off[:, 2] = 10_000.0**2, -low_m
                gain = ahead @ fix.T @ np.linalg.inv(fix @ ahead @ fix.T + noise_of)
                keep = np.eye(6) - gain @ fix
                spread[owner] = keep @ ahead @ keep.T + gain @ noise_of @ gain.T
                error[owner] = (error[owner] @ transition.T - shock) @ keep.T + off @ gain.T
            seen = states + error[owner]
            turn = bias[3] * axes[2]
            moved_away = bias[:3] @ axes + np.cross(turn, seen[:, :3] - middle) - bias[4] * seen[:, 3:]
            seen = np.hstack([seen[:, :3] + moved_away, seen[:, 3:] + np.cross(turn, seen[:, 3:])])
            more = {"icao": np.arange(N) + 1} if named else {}
            if reports and owner == "R":
                more |= {
                    "source_names": reports, "sources": np.ones((N, len(reports)), np.bool_),
                    "reported": np.ones(N, np.bool_),
                }  # fmt: skip
            rows = tracks(
                owner, np.arange(N) + 10, START_NS + int(k * PERIOD_S * NS), seen, [spread[owner]] * N, **more
            )
            fusion.receive(rows, owner=owner, feed="t", seq=k, coarse=False)
        fusion.picture(START_NS + int(k * PERIOD_S * NS))
    return fusion, states, middle, START_NS + int((looks - 1) * PERIOD_S * NS)


def test_nothing_is_taken_out_where_nothing_is_off():
    fusion, _, _, end_ns = told(1, {"A": np.zeros(5), "B": np.zeros(5), "C": np.zeros(5)}, 60)
    assert not fusion.biases(end_ns).taken_out.any()
    assert len(fusion.picture(end_ns)) == N


def displaced(bias, where, middle):
    """Return by how much a bias displaces (n, 6) states."""
    axes = enu_axes_at(middle[None])[0]
    return bias[:3] @ axes + np.cross(bias[3] * axes[2], where[:, :3] - middle) - bias[4] * where[:, 3:]


def nees(picture, states):
    """Return the mean NEES of a picture, a degree of freedom, and how far off it is."""
    order = np.argsort(picture.identity.icao_address)
    error, spread = picture.state_ecef[order] - states, picture.covariance_ecef[order]
    squared = np.vecdot(error, np.linalg.solve(spread, error[:, :, None])[:, :, 0])
    return squared.mean() / 6.0, np.linalg.norm(error[:, :3], axis=1).mean()


REPORTS = ("position_report",)


@pytest.mark.parametrize("reports", [REPORTS, (*REPORTS, "search_radar")])
@pytest.mark.parametrize(
    "bias", [(1000.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, np.radians(0.5), 0.0), (0.0, 0.0, 0.0, 0.0, 0.5),
             (700.0, -700.0, 50.0, np.radians(0.5), 0.5)],
)  # fmt: skip
def test_1_km_half_a_degree_and_half_a_second_are_found_against_what_targets_report(bias, reports):
    bias = np.array(bias)
    fusion, states, middle, end_ns = told(2, {"A": bias, "R": np.zeros(5)}, 120, reports=reports)
    biases = fusion.biases(end_ns)
    i = biases.owners.index("A")
    sigma = np.sqrt(np.diagonal(biases.covariance))[5 * i : 5 * i + 5]
    off = biases.found[i] - bias
    assert abs(off[3]) < 4.0 * sigma[3] < np.radians(0.1)
    assert abs(off[4]) < 4.0 * sigma[4] < 0.3
    # An offset is one about a middle, which is the owner's own, so what counts is where it puts the targets.
    moved_away = displaced(biases.found[i], states, biases.centre_ecef_m[i]) - displaced(bias, states, middle)
    assert np.linalg.norm(moved_away, axis=1).max() < 80.0
    assert biases.taken_out[i].any()
    assert not biases.taken_out[1 - i].any()
    honest, error_m = nees(fusion.picture(end_ns), states)
    assert honest < 1.6
    without, states, *_ = told(2, {"A": bias, "R": np.zeros(5)}, 120, reports=reports, registering=False)
    assert error_m < nees(without.picture(end_ns), states)[1]


def test_between_two_radars_the_difference_is_found_and_shared():
    fusion, _, _, end_ns = told(3, {"A": np.zeros(5), "B": np.array([1000.0, 0.0, 0.0, 0.0, 0.0])}, 120)
    biases = fusion.biases(end_ns)
    owners, found = biases.owners, biases.found
    apart = found[owners.index("B")] - found[owners.index("A")]
    assert apart[0] == pytest.approx(1000.0, abs=60.0)
    assert abs(apart[1]) < 60.0
    assert found[owners.index("A"), 0] == pytest.approx(-500.0, abs=40.0)
    assert biases.taken_out.any()


@pytest.mark.parametrize("seed", [5, 6, 7])
@pytest.mark.parametrize(
    "bias", [(1000.0, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, np.radians(0.5), 0.0), (0.0, 0.0, 0.0, 0.0, 1.0)]
)
def test_nobody_is_sure_which_of_two_is_off(bias, seed):
    fusion, states, _, end_ns = told(seed, {"A": np.zeros(5), "B": np.array(bias)}, 120)
    honest, error_m = nees(fusion.picture(end_ns), states)
    assert error_m > 80.0
    assert 0.4 < honest < 1.6


@pytest.mark.parametrize("owner", ["A", "R"])
def test_who_is_right_by_what_targets_report_is_told_as_sure_as_he_is(owner):
    """What another is displaced by is no doubt of him: neither of his threats, which report nothing."""
    biases = {"A": np.array([1000.0, 0.0, 0.0, 0.0, 0.0]), "R": np.zeros(5)}
    fusion, states, _, end_ns = told(2, biases, 120, reports=REPORTS)
    alone = states[:1] + np.array([3e4, 0.0, 0.0, 0.0, 0.0, 0.0])
    rows = tracks(owner, np.array([999]), end_ns + NS, alone, [np.diag([60.0] * 3 + [10.0] * 3) ** 2])
    fusion.receive(rows, owner=owner, feed="t", seq=10_000, coarse=False)
    picture = fusion.picture(end_ns + NS)
    nearest = np.linalg.norm(picture.state_ecef[:, :3] - alone[0, :3], axis=1).argmin()
    assert 59.0 < np.sqrt(np.linalg.eigvalsh(picture.covariance_ecef[nearest, :3, :3])[-1]) < 90.0


@pytest.mark.parametrize("low_m", [-3_000.0, 3_000.0])
def test_heights_that_nobody_measured_displace_nobody(low_m):
    fusion, states, _, end_ns = told(8, {"A": np.zeros(5), "F": np.zeros(5)}, 120, low_m=low_m)
    assert not fusion.biases(end_ns).taken_out.any()
    assert nees(fusion.picture(end_ns), states)[1] < 60.0


def test_who_measures_no_heights_is_registered_all_the_same():
    bias = np.array([1000.0, 0.0, 0.0, np.radians(0.5), 0.0])
    biases_of = {"R": np.zeros(5), "F": bias}
    fusion, states, middle, end_ns = told(9, biases_of, 120, reports=REPORTS, low_m=3_000.0)
    biases = fusion.biases(end_ns)
    i = biases.owners.index("F")
    left = displaced(biases.taken_out[i], states, biases.centre_ecef_m[i]) - displaced(bias, states, middle)
    axes = enu_axes_at(middle[None])[0]
    assert np.abs(left @ axes[:2].T).max() < 100.0
    assert abs(biases.taken_out[i, 2]) < 10.0


def test_targets_without_names_are_joined_within_the_allowance_and_then_registered():
    fusion, _, _, end_ns = told(4, {"A": np.zeros(5), "B": np.array([300.0, 0.0, 0.0, 0.0, 0.0])}, 120, named=False)
    assert len(fusion.picture(end_ns)) == N
    biases = fusion.biases(end_ns)
    owners, found = biases.owners, biases.found
    assert found[owners.index("B"), 0] - found[owners.index("A"), 0] == pytest.approx(300.0, abs=60.0)
