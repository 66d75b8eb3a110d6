"""Which tracks become one: properties over random scenes, and the cases that go wrong."""

import numpy as np
from fusion_scenes import NS, START_NS, level, moved, place, tracks
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.fusion import Fusion
from noroshi.records import digest

SIGMA = np.diag([50.0, 50.0, 50.0, 4.0, 4.0, 4.0]) ** 2
FIX, NOISE = np.hstack([np.eye(3), np.zeros((3, 3))]), 50.0**2 * np.eye(3)


def scene(seed, n, apart_deg, owners, looks, *, miss=0.1, order=None, **identity):
    """Return the fusion, the truth at the end, and whose contribution is of which target."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(n)))
    lat, lon = 35.0 + apart_deg * (np.arange(n) // side), 140.0 + apart_deg * (np.arange(n) % side)
    course = rng.uniform(0.0, 2.0 * np.pi, n)
    states = np.concatenate([
        level(place(lat[i], lon[i]), 150.0 * np.sin(course[i]), 150.0 * np.cos(course[i])) for i in range(n)
    ])  # fmt: skip
    fusion, told = Fusion("x"), []
    names = {owner: rng.permutation(10_000)[:n] for owner in owners}
    transition, noise = moved(1.0)
    spread = {owner: np.diag([50.0] * 3 + [30.0] * 3) ** 2 for owner in owners}
    error = {owner: rng.normal(size=(n, 6)) * np.sqrt(np.diagonal(spread[owner])) for owner in owners}
    for k in range(looks):
        if k:
            shock = np.matvec(np.linalg.cholesky(noise), rng.normal(size=(n, 6)))
            states = states @ transition.T + shock
        for owner in owners:
            if k:
                ahead = transition @ spread[owner] @ transition.T + noise
                gain = ahead @ FIX.T @ np.linalg.inv(FIX @ ahead @ FIX.T + NOISE)
                keep = np.eye(6) - gain @ FIX
                spread[owner] = keep @ ahead @ keep.T + gain @ NOISE @ gain.T
                off = error[owner] @ transition.T - shock
                error[owner] = off @ keep.T + 50.0 * rng.normal(size=(n, 3)) @ gain.T
            seen = np.flatnonzero(rng.uniform(size=n) >= miss)
            more = {name: np.asarray(value)[seen] for name, value in identity.items()}
            rows = (states + error[owner])[seen], [spread[owner]] * len(seen)
            told.append((owner, k, tracks(owner, names[owner][seen], START_NS + k * NS, *rows, **more)))
    for i in range(len(told)) if order is None else order(len(told)):
        owner, k, rows = told[i]
        fusion.receive(rows, owner=owner, feed="t", seq=k, coarse=False)
    target = {(owner, int(names[owner][i])): i for owner in owners for i in range(n)}
    return fusion, states, target


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20), st.integers(2, 4))
def test_separate_targets_have_one_track_each_of_all_owners(seed, n, n_owners):
    owners = "ABCD"[:n_owners]
    fusion, truth, target = scene(seed, n, 0.1, owners, 15)
    lineage = fusion.lineage(START_NS + 14 * NS)
    of = {}
    for number, owner, name in zip(
        lineage.track_id.tolist(), lineage.owner.tolist(), lineage.contribution.tolist(), strict=True
    ):
        of.setdefault(number, []).append((owner, target[owner, name]))
    assert len(of) == n
    for members in of.values():
        assert sorted(owner for owner, _ in members) == sorted(owners)
        assert len({i for _, i in members}) == 1
    picture = fusion.picture(START_NS + 14 * NS)
    apart = np.linalg.norm(picture.state_ecef[:, None, :3] - truth[None, :, :3], axis=2)
    assert (apart.min(axis=0) < 150.0).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 0.02))
def test_no_owner_is_twice_in_a_track_however_dense_and_the_order_of_arrival_does_not_matter(seed, apart_deg):
    fusion, _, _ = scene(seed, 12, apart_deg, "ABC", 10)
    shuffled, _, _ = scene(
        seed, 12, apart_deg, "ABC", 10, order=lambda n: np.random.default_rng(seed + 1).permutation(n)
    )
    end = START_NS + 9 * NS
    lineage = fusion.lineage(end)
    pairs = list(zip(lineage.track_id.tolist(), lineage.owner.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert digest(fusion.picture(end)) == digest(shuffled.picture(end))


def test_pairs_do_not_flicker():
    for apart_deg in (0.01, 0.003):
        fusion, _, _ = scene(5, 9, apart_deg, "AB", 40)
        before, changes = None, 0
        for k in range(15, 40):
            lineage = fusion.lineage(START_NS + k * NS) if k >= 15 else None
            now = set(
                zip(lineage.owner.tolist(), lineage.contribution.tolist(), lineage.track_id.tolist(), strict=True)
            )
            changes += before is not None and now != before
            before = now
        assert changes <= 2


def test_different_addresses_are_never_one_and_the_same_address_is():
    fusion, _, _ = scene(3, 4, 0.0005, "AB", 12, miss=0.0, icao=[11, 12, 13, 14])
    picture = fusion.picture(START_NS + 11 * NS)
    assert sorted(picture.identity.icao_address.tolist()) == [11, 12, 13, 14]
    assert picture.sources.all()


def test_codes_tell_targets_apart_that_places_do_not():
    right = 0
    for seed in range(10):
        fusion, _, target = scene(seed, 2, 0.0005, "AB", 12, miss=0.0, mode_3a=[0o1111, 0o2222])
        lineage = fusion.lineage(START_NS + 11 * NS)
        named = zip(lineage.track_id.tolist(), lineage.owner.tolist(), lineage.contribution.tolist(), strict=True)
        of = {}
        for number, owner, name in named:
            of.setdefault(number, set()).add(target[owner, name])
        right += all(len(targets) == 1 for targets in of.values())
    assert right == 10


def test_what_was_joined_by_chance_parts_again():
    fusion = Fusion("x")
    start = level(place(35.0, 140.0), 200.0, 0.0)
    for k in range(60):
        together = start @ moved(float(k))[0].T
        away = together + np.array([0.0, 0.0, 40.0 * max(0, k - 10), 0.0, 0.0, 40.0 * (k > 10)])
        for owner, states in (("A", together), ("B", away)):
            told = tracks(owner, [1], START_NS + k * NS, states, [SIGMA])
            fusion.receive(told, owner=owner, feed="t", seq=k, coarse=False)
        if k == 9:
            assert len(fusion.picture(START_NS + k * NS)) == 1
    picture = fusion.picture(START_NS + 59 * NS)
    assert len(picture) == 2
    for states in (together, away):
        assert np.linalg.norm(picture.state_ecef[:, :3] - states[0, :3], axis=1).min() < 30.0
