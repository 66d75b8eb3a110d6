from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest

from noroshi.estimation.blocks import map_blocks


class Both(NamedTuple):
    total: np.ndarray
    product: np.ndarray


def both(a, b):
    return Both(a + b, a[:, None] * b[:, None])


@pytest.mark.parametrize("n", [0, 1, 9, 10, 11, 95])
def test_any_executor_gives_the_bytes_of_the_whole(n):
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, n))
    with ThreadPoolExecutor(2) as executor:
        for handed_in in (None, executor):
            result = map_blocks(both, a, b, executor=handed_in, rows=10)
            assert isinstance(result, Both)
            assert result.total.tobytes() == (a + b).tobytes()
            assert result.product.shape == (n, 1)
            assert map_blocks(np.sin, a, executor=handed_in, rows=10).tobytes() == np.sin(a).tobytes()


def test_blocks_are_fixed_and_in_order():
    sizes = []

    def remember(rows):
        sizes.append(len(rows))
        return rows, rows

    result = map_blocks(remember, np.arange(25), rows=10)
    assert sizes == [10, 10, 5]
    assert type(result) is tuple
    np.testing.assert_array_equal(result[1], np.arange(25))


def test_one_block_alone_is_not_handed_out():
    handed_out = []

    class Counting:
        def map(self, function, *columns):
            handed_out.append(len(columns[0]))
            return map(function, *columns)

    for n in (0, 10, 11, 25):
        map_blocks(np.sin, np.zeros(n), executor=Counting(), rows=10)
    assert handed_out == [2, 3]


def test_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match="equal length"):
        map_blocks(both, np.zeros(3), np.zeros(2))
