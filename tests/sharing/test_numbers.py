"""Track numbers: equal where entitlements are equal, and nothing in them of what is withheld."""

import hashlib
import hmac

import numpy as np
import pytest
from scipy.stats import chisquare, kstest
from sharing_scenes import SECRET

from noroshi.sharing.keyed import Remembered, derive, normals, uniforms, words
from noroshi.sharing.numbers import BITS, Numbers

IDS = np.arange(1, 2_001, dtype=np.uint64)


def test_words_are_hmac_as_the_standard_library_has_it():
    key = derive(SECRET, "x")
    assert key == hmac.new(SECRET, b"x", hashlib.sha256).digest()
    made = hmac.new(key, (7).to_bytes(8, "big", signed=True) + (5).to_bytes(8, "big"), hashlib.sha256).digest()
    assert [int(word).to_bytes(8, "big") for word in words(key, np.array([5], np.uint64), 7)[0]] == [
        made[i : i + 8] for i in range(0, 32, 8)
    ]
    more = words(key, np.array([5], np.uint64), 7, count=20)[0]
    assert int(more[19]).to_bytes(8, "big") == hashlib.shake_256(made).digest(160)[152:]


def test_draws_are_uniform_and_normal():
    key = derive(SECRET, "x")
    assert kstest(uniforms(key, IDS).ravel(), "uniform").pvalue > 0.01
    assert kstest(normals(key, IDS, count=9).ravel(), "norm").pvalue > 0.01


def test_what_is_remembered_is_what_would_be_worked_out():
    calls = []

    def squares(names, part):
        calls.append(len(names))
        return (names + np.uint64(part)) ** 2

    remembered, rng = Remembered(squares), np.random.default_rng(1)
    for _ in range(50):
        names, part = rng.integers(0, 40, 15, dtype=np.uint64), int(rng.integers(3))
        assert np.array_equal(remembered(names, part), (names + np.uint64(part)) ** 2)
    assert sum(calls) <= 3 * 40
    assert remembered(np.zeros(0, np.uint64), 9).shape == (0,)


def test_partners_of_one_class_see_equal_numbers_and_others_cannot_join_theirs():
    close, again, wide = (Numbers(SECRET, name).of(IDS) for name in ("close", "close", "wide"))
    assert np.array_equal(close, again)
    assert not set(close.tolist()) & set(wide.tolist())
    assert len(set(close.tolist())) == len(IDS)
    assert int(close.max()) < 2**BITS


def test_numbers_show_no_order_and_no_gaps():
    numbers = Numbers(SECRET, "close").of(IDS)
    assert abs(np.corrcoef(np.argsort(np.argsort(numbers)), IDS)[0, 1]) < 3 / np.sqrt(len(IDS))
    assert chisquare(np.bincount((numbers >> np.uint64(BITS - 4)).astype(int), minlength=16)).pvalue > 0.01


def test_a_system_number_hangs_on_nothing_that_its_reader_may_not_hold():
    """With a withheld source first, last, or not there at all: the reader's number is the same."""
    numbers = Numbers(SECRET, "close")
    held = [("KOR", 5), ("JPN", 9)]
    withheld = ("USA", 3)
    tracks = [[withheld, *held], [*held, withheld], held]
    seen = numbers.system([[one for one in lineage if one != withheld] for lineage in tracks])
    assert len(set(seen.tolist())) == 1
    assert numbers.system([[*held, ("AUS", 1)]])[0] == seen[0]  # what joins later changes nothing
    assert numbers.system([[withheld, *held]])[0] != seen[0]
    assert Numbers(SECRET, "close").system([held])[0] == seen[0]
    with pytest.raises(ValueError, match="no number"):
        numbers.system([[]])


def test_owners_do_not_collide():
    numbers = Numbers(SECRET, "close").system([[(owner, k)] for owner in ("JPN", "USA") for k in range(100)])
    assert len(set(numbers.tolist())) == 200
