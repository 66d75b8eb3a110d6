"""At a first start helpers compile what is needed later, come and go with the program, and change nothing."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from noroshi.run import ahead, kernel_cache
from noroshi.run.setup import Setup, Site

SETUP = Setup(sites=[Site(sensor="radar", type="search_radar", lat_rad=0.6, lon_rad=0.6, height_m=100.0)])

NEEDED = """
import sys
import numpy as np
from noroshi.run.ahead import made_up, needed
from noroshi.run.setup import Setup, Site, make_sensors
from noroshi.records import Detections

radar = Site(sensor="radar", type="search_radar", lat_rad=0.6, lon_rad=0.6, height_m=100.0)
setup = Setup(sites=[radar], tracker=sys.argv[1])
first = next(made_up(setup))
rng = np.random.default_rng(1)

def seen():  # twenty targets in all directions, some missed and as many false plots, components missing here and there
    azimuth, outward_m = rng.uniform(-3.0, 3.0, 20), rng.uniform(30e3, 90e3, 20)
    for look in range(10):
        rows = rng.choice(20, 16, replace=False)
        values = np.repeat(first.values[:1], 20, axis=0)
        values[:16, 0], values[:16, 1] = outward_m[rows] + 800.0 * look, azimuth[rows]
        values[16:, 0], values[16:, 1] = rng.uniform(30e3, 90e3, 4), rng.uniform(-3.0, 3.0, 4)
        values[:, 3:] = np.nan
        yield Detections.of(
            sensor="radar", components=first.components, values=values, sigmas=np.array([70.0, 1e-3, 1e-3, 10.0, 2.0]),
            time_ns=np.arange(20) * 10_000_000 + (look * 4 + 1) * 10**9, origin_ecef_m=first.origin_ecef_m[0],
        )

def told(kernels):
    return {f"{kernel.py_func.__module__}.{kernel.py_func.__qualname__}{types}" for kernel, types in kernels}

expected, found = told(needed(setup, made_up(setup))), told(needed(setup, seen()))
print(len(found), len(expected - found), *sorted(found - expected), sep="\\n")
"""


@pytest.mark.parametrize("tracker", ["soft", "nearest_neighbour"])
def test_made_up_targets_need_what_a_recording_needs(tmp_path, tracker):
    """The same kernels with the same types, one or so aside: a helper that finds too few helps nobody."""
    environment = os.environ | {kernel_cache.VARIABLE: str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", NEEDED, tracker], env=environment, capture_output=True, text=True)
    assert not ran.returncode, ran.stderr
    n, more, *missing = ran.stdout.split("\n")[:-1]
    assert int(n) > 25
    assert len(missing) <= 1, missing
    assert int(more) <= 3
    assert not list(tmp_path.rglob("*.nbi")), "it compiled"


def test_helpers_are_there_once_and_end_with_the_block(tmp_path, monkeypatch):
    monkeypatch.setenv(kernel_cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(ahead, "_processors", lambda: 8)
    before = set(psutil.Process().children())
    with ahead.compiling(SETUP):
        assert len(set(psutil.Process().children()) - before) == ahead.HELPERS_MAX
    assert set(psutil.Process().children()) == before
    with ahead.compiling(SETUP):
        assert set(psutil.Process().children()) == before


def test_a_run_that_failed_did_not_compile_all(tmp_path, monkeypatch):
    monkeypatch.setenv(kernel_cache.VARIABLE, str(tmp_path))
    monkeypatch.setattr(ahead, "_processors", lambda: 2)
    before = set(psutil.Process().children())
    with pytest.raises(ValueError, match="broken off"), ahead.compiling(SETUP):
        raise ValueError("broken off")
    assert set(psutil.Process().children()) == before
    with ahead.compiling(SETUP):
        assert len(set(psutil.Process().children()) - before) == 1


@pytest.mark.parametrize(("folder", "processors"), [("", 8), ("there", 1)])
def test_without_a_cache_or_a_second_processor_nobody_helps(tmp_path, monkeypatch, folder, processors):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(kernel_cache.VARIABLE, folder)
    monkeypatch.setattr(ahead, "_processors", lambda: processors)
    before = set(psutil.Process().children())
    with ahead.compiling(SETUP):
        assert set(psutil.Process().children()) == before


KILLED = """
import sys, time
from noroshi.run import ahead
from noroshi.run.setup import Setup, Site
ahead._processors = lambda: 2
with ahead.compiling(Setup(sites=[Site(sensor="a", type="search_radar", lat_rad=0.6, lon_rad=0.6, height_m=0.0)])):
    print("there", flush=True)
    time.sleep(600)
"""


def test_a_helper_ends_where_the_program_is_killed(tmp_path):
    environment = os.environ | {kernel_cache.VARIABLE: str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", KILLED], env=environment, stdout=subprocess.PIPE) as program:
        assert program.stdout.readline()
        (helper,) = psutil.Process(program.pid).children()
        time.sleep(2.0)  # it is at work
        assert helper.is_running()
        program.kill()
    helper.wait(60)


TRACKED = """
import sys
from noroshi.run import ahead, api, kernel_cache
from noroshi.run.setup import Setup, Site
from noroshi.records import SensorSite
ahead._processors = lambda: 3
radar = Site(sensor="radar", type="search_radar", lat_rad=0.6, lon_rad=0.6, height_m=100.0)
plots = list(ahead.made_up(Setup(sites=[radar])))
print(api.track(plots, [radar.record()], tracker="nearest_neighbour").digest)
"""


def test_tracks_are_the_same_with_helpers_and_from_the_cache_and_without_helpers(tmp_path):
    def digest(environment, say=TRACKED):
        done = subprocess.run([sys.executable, "-c", say], env=environment, capture_output=True, text=True, check=True)
        return done.stdout

    helped = os.environ | {kernel_cache.VARIABLE: str(tmp_path)}
    first = digest(helped)
    assert list(tmp_path.glob("*.compiled"))
    assert digest(helped) == first
    assert digest(os.environ, TRACKED.replace("lambda: 3", "lambda: 1")) == first
