"""What `noroshi.kernel` changes of numba changes only how long it takes."""

import gc
import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from llvmlite.binding import ffi
from numba.core.caching import IndexDataCacheFile
from numba.core.codegen import CPUCodeLibrary
from numba.core.types.functions import BaseFunction

from noroshi.kernel import kernel

PLAIN = """
import sys
if sys.argv[1] == "ours":
    import noroshi.kernel
import numba, numpy as np
@numba.njit(error_model="numpy", fastmath={"contract"})
def work(a, b, n):
    out, total = np.empty((n, 2)), 0
    for i in range(n):
        out[i, 0], out[i, 1] = a[i] * 0.1 + b[i] / 3 - 7, max(a[i], 2.0) ** 2 % (i + 1)
        total += b[i] // 2 if b[i] > 1 and a[i] != 3.0 else -i
    return out, total, out[1:, ::2].shape, (a[:2] > 0.5).any()
a, b = np.linspace(0.0, 9.0, 20), np.arange(20)
print([np.asarray(x).tobytes().hex() for x in work(a, b, 20)])
print(work.nopython_signatures)
"""


def test_numba_finds_the_same_types_and_gives_the_same_bytes():
    ours, plain = (
        subprocess.run([sys.executable, "-c", PLAIN, whose], capture_output=True, text=True, check=True).stdout
        for whose in ("ours", "plain")
    )
    assert ours == plain
    assert "float64" in plain


def test_this_numba_is_one_that_can_remember_types():
    assert BaseFunction.get_call_type.__module__ == "noroshi.kernel"


def test_this_numba_is_one_whose_optimiser_can_be_spared():
    assert CPUCodeLibrary._optimize_functions.__module__ == "noroshi.kernel"
    assert not ffi.lib._lock._cblist


def test_two_processes_that_compile_a_function_at_once_for_other_types_never_swap_what_they_compiled(tmp_path):
    """The second has read the index before the first wrote it."""
    one, two = (IndexDataCacheFile(str(tmp_path), "function", "stamp") for _ in range(2))
    two._load_index = dict
    one.save("of floats", "floats compiled")
    two.save("of integers", "integers compiled")
    assert one.load("of integers") == "integers compiled"
    assert one.load("of floats") in (None, "floats compiled")
    one.save("of floats", "floats compiled")
    assert (one.load("of integers"), one.load("of floats")) == ("integers compiled", "floats compiled")


COUNTED = """
import gc, sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from numba.core.runtime import nrtdynmod, rtsys
from noroshi.kernel import kernel

@kernel
def largest(rows):
    best, kept = rows[0], [rows[0]]
    for i in range(rows.shape[0]):
        row = rows[i]
        if row[0] > best[0]:
            best = row
        kept.append(row.copy())
    return best, kept[-1][1:], np.zeros(3)

assert nrtdynmod._define_atomic_inc_dec.__module__ == "noroshi.kernel"
rows = np.arange(4000.0).reshape(-1, 4)
largest(rows)
before = rtsys.get_allocation_stats()
with ThreadPoolExecutor(4) as pool:
    for best, last, none in pool.map(largest, [rows] * 400):
        assert best.tolist() == [3996.0, 3997.0, 3998.0, 3999.0] and last.tolist() == best[1:].tolist()
        assert not none.any()
del best, last, none
gc.collect()
after = rtsys.get_allocation_stats()
assert after.mi_alloc - before.mi_alloc > 400_000
assert after.mi_alloc - after.mi_free == before.mi_alloc - before.mi_free
assert sys.getrefcount(rows) == 2
"""


def test_arrays_of_kernels_are_freed_when_nobody_holds_them_also_with_threads():
    environment = os.environ | {"NUMBA_NRT_STATS": "1", "NUMBA_CACHE_DIR": ""}
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, env=environment)
    assert not done.returncode, done.stderr


def test_garbage_is_collected_again_after_compiling():
    @kernel
    def twice(x: float) -> float:
        return x * 2.0

    assert gc.isenabled()
    assert twice(4.0) == 8.0
    assert gc.isenabled()
    gc.disable()
    try:
        assert twice(4) == 8.0
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_options_are_told_apart():
    """A division by zero raises under numba's own error model though a kernel has met the same types before."""

    def ratio(a, b):
        return a[0] / b[0]

    one, none = np.ones(1), np.zeros(1)
    assert kernel(ratio)(one, none) == np.inf
    with pytest.raises(ZeroDivisionError):
        numba.njit(ratio)(one, none)
