"""Kernels of one name for several sizes, compiled by one process each, are told from each other in a third."""

import subprocess
import sys

SIZED = """
import sys
import numpy as np
from noroshi.kernel import kernel, unrolled

def adder(d):
    def add(x, y):  # too much to be put into what calls it
        total, work = 0.0, np.zeros((d, d))
        for i in range(d):
            for j in range(d):
                for k in range(d):
                    if x[k] != 0.0:
                        work[i, j] += np.sin(x[i]) * np.exp(y[j]) / x[k]
        for i in range(d):
            for j in range(i + 1):
                for k in range(d):
                    if work[i, k] > 0.0:
                        work[i, j] += np.sqrt(work[i, k]) * np.cos(work[k, j])
                    else:
                        work[i, j] -= np.log(1.0 + work[k, j] ** 2)
                total += work[i, j]
        return total
    return COMPILE

for which in sys.argv[1:]:  # in the order in which models may be imported
    globals()[which] = adder(int(which[-1]))

@kernel
def use_2(x):
    return of_2(x, x) + 2.0 * of_2(2.0 * x, x)

@kernel
def use_5(x):
    return of_5(x, x) + 2.0 * of_5(2.0 * x, x)

for which in sys.argv[1:]:
    print({"of_2": use_2, "of_5": use_5}[which](np.arange(5.0) + 1.0))
"""


def said(file, folder, *which):
    """Run the module in a process of its own."""
    ran = subprocess.run(
        [sys.executable, str(file), *which],
        env={"NUMBA_CACHE_DIR": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.split()


def test_two_sizes_from_two_processes_stay_two(tmp_path):
    file = tmp_path / "sized.py"
    file.write_text(SIZED.replace("COMPILE", "unrolled(add, d)"))
    cache = tmp_path / "cache"
    two, five = said(file, cache, "of_2"), said(file, cache, "of_5")
    assert two != five
    assert said(file, cache, "of_2", "of_5") == two + five
    assert said(file, cache, "of_5", "of_2") == five + two
