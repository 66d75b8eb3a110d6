"""One owner's contributions at one place are limited: they cost no more, and others' are as if they had not been."""

import numpy as np
from fusion_scenes import NS, START_NS, level, place, tracks

from noroshi.fusion import CROWDS, Fusion, Settings
from noroshi.records import digest

SHARP = np.diag([50.0, 50.0, 50.0, 5.0, 5.0, 5.0]) ** 2
SETTINGS = Settings(place_max=20, owner_max=60)


def at(lat_deg, lon_deg, n, k, spread_m=1_000.0, seed=1):
    """Return n states about a place, k seconds after the start."""
    states = level(place([lat_deg], [lon_deg]), 100.0, 150.0).repeat(n, axis=0)
    states[:, :3] += spread_m * np.random.default_rng(seed).normal(size=(n, 3)) + k * states[:, 3:]
    return states


def told(owner, ids, k, states):
    return tracks(owner, ids, START_NS + k * NS, states, np.broadcast_to(SHARP, (len(ids), 6, 6)))


def messages(n_bad, seconds=6):
    for k in range(seconds):
        yield "JPN", k + 1, told("JPN", range(1, 31), k, at(36.0, 138.0, 30, k, spread_m=30_000.0))
        yield "AUS", k + 1, told("AUS", range(1000, 1000 + n_bad), k, at(36.0, 138.0, n_bad, k, spread_m=10.0, seed=2))


def fused(some):
    fusion = Fusion("x", SETTINGS)
    for owner, seq, rows in some:
        fusion.receive(rows, owner=owner, feed="f", seq=seq, coarse=False)
    return fusion, fusion.picture(START_NS + 5 * NS)


def of(picture, owner):
    return int(picture.sources[:, picture.source_names.index(owner)].sum())


def test_no_more_than_the_limit_are_believed_and_it_is_counted():
    fusion, picture = fused(messages(200))
    assert of(picture, "AUS") <= 4 * 20  # of a crowd on the edge of cells
    assert of(picture, "AUS") >= 20
    assert of(picture, "JPN") == 30
    assert fusion.counts[f"{CROWDS} of AUS"] >= 6 * (200 - 80)
    assert not fusion.counts[f"{CROWDS} of JPN"]


def test_within_the_limit_nothing_is_withheld():
    fusion, picture = fused(messages(20))
    assert of(picture, "AUS") == 20
    assert not fusion.counts[CROWDS]


def test_the_order_of_messages_does_not_matter_in_a_crowd():
    some = list(messages(50))
    order = np.random.default_rng(5).permutation(len(some))
    assert digest(fused(some)[1]) == digest(fused([some[i] for i in order])[1])


def test_an_owner_has_so_many_in_all():
    where = at(36.0, 138.0, 100, 0)
    where[:, :3] = place(np.linspace(20.0, 50.0, 100), np.full(100, 138.0))
    fusion, picture = fused([("AUS", 1, told("AUS", range(100), 0, where))])
    assert len(picture) == 60
    assert fusion.counts[CROWDS] == 40


def test_who_was_refused_is_taken_in_when_there_is_room():
    some = [("AUS", k + 1, told("AUS", range(30), k, at(36.0, 138.0, 30, k, spread_m=1.0))) for k in range(2)]
    fusion, _ = fused(some)
    fusion.forget("AUS", np.arange(30, dtype=np.uint64), START_NS + 6 * NS)
    rows = told("AUS", range(100, 115), 8, at(36.0, 138.0, 15, 8, spread_m=1.0))
    fusion.receive(rows, owner="AUS", feed="f", seq=9, coarse=False)
    assert of(fusion.picture(START_NS + 8 * NS), "AUS") == 15
