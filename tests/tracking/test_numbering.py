import hashlib

import numpy as np

from noroshi.tracking.numbering import BITS, track_numbers


def test_numbers_are_the_plots_own():
    rng = np.random.default_rng(1)
    time_ns, values = rng.integers(0, 2**60, 5_000), rng.normal(size=(5_000, 3))
    values[::7, 2] = np.nan
    numbers = track_numbers("radar", time_ns, values)
    assert len(np.unique(numbers)) == 5_000
    assert (numbers > 0).all()
    assert (numbers < 2**BITS).all()
    order = rng.permutation(5_000)
    np.testing.assert_array_equal(track_numbers("radar", time_ns[order], values[order]), numbers[order])
    assert not np.isin(track_numbers("other", time_ns, values), numbers).any()
    bits = (numbers[:, None] >> np.arange(BITS, dtype=np.uint64)) & np.uint64(1)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / np.sqrt(5_000)


def test_what_is_the_same_plot_has_the_same_number_and_twins_do_not():
    time_ns, values = np.array([7]), np.array([[0.0, np.nan]])
    other = np.array([[-0.0, -np.nan]])
    np.testing.assert_array_equal(track_numbers("r", time_ns, values), track_numbers("r", time_ns, other))
    twins = track_numbers("r", np.array([7, 7, 7]), np.zeros((3, 2)))
    assert len(set(twins.tolist())) == 3
    assert twins[0] == track_numbers("r", time_ns, np.zeros((1, 2)))[0]


def test_a_number_is_the_same_on_every_machine():
    """SplitMix64 as published, step by step in Python's own integers."""

    def mixed(x):
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) % 2**64
        return x ^ (x >> 31)

    seed = int.from_bytes(hashlib.sha256(b"radar").digest()[:8], "little")
    number = mixed(seed ^ mixed(1_700_000_000_000_000_000))
    for value in (1.5, -2.25):
        bits = int(np.array([value]).view(np.uint64)[0])
        number = mixed(((number + 0x9E3779B97F4A7C15) % 2**64) ^ bits)
    found = track_numbers("radar", np.array([1_700_000_000_000_000_000]), np.array([[1.5, -2.25]]))
    assert int(found[0]) == number >> (64 - BITS)
