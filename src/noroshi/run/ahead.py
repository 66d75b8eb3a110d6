"""Compiling ahead: at a first start other processes compile what is needed later, into the same cache.

Nobody keeps a list of what that is. A helper follows a few made-up targets as the setup says, with its kernels run as
the plain Python that they are, and notes with what types Python calls them: a tenth of a second. It compiles them from
the last to the first, while the program itself comes from the first to the last; where they meet, either finds in the
cache what the other has compiled. What a helper gets wrong costs time and nothing else.
"""

import functools
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import numpy as np
from numba.core.dispatcher import Dispatcher
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes_at
from noroshi.records import Detections
from noroshi.run import kernel_cache
from noroshi.run.setup import Setup, assemble, make_sensors
from noroshi.sensors import Sensor

HELPERS_MAX = 2  # more find nothing to do: the program is long at the first kernels
LOOKS_S = (0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 600.0)  # at the last all that were followed are lost
PLACE_ENU_M = 1e3 * np.array([[0, 60, 5], [0.3, 60, 5], [0.6, 60, 5], [20, 80, 5], [20.3, 80, 5], [-30, 50, 5]])
VELOCITY_ENU_M_S = np.array([200.0, 0.0, 0.0])
ORBIT_M = 20e6  # where a sensor is taken to be whose place each of its rows tells

Kernels = dict[tuple[Any, tuple[Any, ...]], None]
"""Kernels, each with the types that it is called with, in the order of the first calls."""


@contextmanager
def compiling(setup: Setup) -> Iterator[None]:
    """Let others compile meanwhile what a setup needs, if no run with one like it has come to its end here before.

    They end with the block, and by themselves where this process is killed. Without a cache or a second processor there
    are none.
    """
    work = f"{setup.tracker}-{setup.motion}"  # what other sensors need beside is little
    if not kernel_cache.is_kept() or not kernel_cache.is_new(work):
        yield
        return
    sites = list({site.type: site for site in reversed(setup.sites)}.values())
    text = msgspec.json.encode(
        msgspec.structs.replace(setup, sites=sites, sharing=None, watch=None), enc_hook=float
    ).decode()  # numpy's numbers too
    n = min(HELPERS_MAX, _processors() - 1) if sys.executable and not hasattr(sys, "frozen") else 0
    helpers: list[subprocess.Popen[bytes]] = []
    try:
        with suppress(OSError):  # one that cannot be started is missed by nobody
            for first in range(n):
                helpers.append(_helper(text, first, n))
        yield
        kernel_cache.note(work)
    finally:
        for helper in helpers:
            helper.kill()
            helper.communicate()


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _helper(setup: str, first: int, n: int) -> "subprocess.Popen[bytes]":
    """Start one of n helpers. It reads the setup from its standard input, and there too when this process is gone.

    A command line, which others on the machine can read, is no place for where sensors stand.
    """
    quiet = subprocess.DEVNULL
    command = [sys.executable, "-P", "-m", "noroshi.run.ahead", str(first), str(n)]
    helper = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)  # noqa: S603 ourselves
    assert helper.stdin is not None
    with suppress(OSError):  # it has ended already
        helper.stdin.write(setup.encode() + b"\n")
        helper.stdin.flush()
    return helper


def needed(setup: Setup, seen: Iterable[Detections]) -> Kernels:
    """Return the kernels that Python calls to track what is seen; call it where none has been compiled yet."""
    found: Kernels = {}
    within = 0

    def run(function: Any, *args: Any) -> Any:
        nonlocal within
        within += 1
        try:
            return function(*args)
        finally:
            within -= 1

    def plainly(self: Any, *args: Any) -> Any:
        """Return what is called in place of the kernel, which numba would compile here."""
        if not within:
            found[self, tuple(map(self.typeof_pyval, args))] = None
        return functools.partial(run, self.py_func)

    dispatcher: Any = Dispatcher
    compile_for_args = dispatcher._compile_for_args  # noqa: SLF001
    dispatcher._compile_for_args = plainly  # noqa: SLF001
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            node, _ = assemble(setup)
            for detections in seen:
                node.receive(detections, detections.received_ns)
                node.take()
    finally:
        dispatcher._compile_for_args = compile_for_args  # noqa: SLF001
    return found


def made_up(setup: Setup) -> Iterator[Detections]:
    """Yield what a setup's sensors see of three targets side by side, two and one; each look misses another."""
    sensors = make_sensors(setup)
    places = [sensor.origin_ecef_m for sensor in sensors.values() if np.isfinite(sensor.origin_ecef_m).all()]
    centre = places[0] if places else ecef_from_geodetic(0.0, 0.0, 0.0)
    axes = enu_axes_at(centre[None])[0]
    for look, time_s in enumerate(LOOKS_S):
        seen = np.delete(PLACE_ENU_M, look % len(PLACE_ENU_M), axis=0) + time_s * VELOCITY_ENU_M_S
        states = np.hstack([centre + seen @ axes, np.tile(VELOCITY_ENU_M_S @ axes, (len(seen), 1))])
        for name, sensor in sensors.items():
            origin = np.tile(_origin(sensor, centre), (len(seen), 1))
            values = sensor.measure(states, origin)
            yield Detections.of(
                sensor=name,
                components=sensor.COMPONENTS,
                time_ns=np.full(len(seen), round((1.0 + time_s) * NS_PER_S)),
                values=values,
                covariances=sensor.noise(values),
                origin_ecef_m=origin,
            )


def _origin(sensor: Sensor, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isfinite(sensor.origin_ecef_m).all() or not sensor.NEEDS_ORIGIN:
        return sensor.origin_ecef_m
    return centre * (1.0 + ORBIT_M / np.linalg.norm(centre))


def main() -> None:
    """Be a helper: compile every n-th kernel, from the last to the first."""
    first, n = sys.argv[1:]
    text = sys.stdin.readline()
    threading.Thread(target=_end_with_the_program, daemon=True).start()
    setup = msgspec.json.decode(text, type=Setup)
    for kernel, types in list(needed(setup, made_up(setup)))[::-1][int(first) :: int(n)]:
        kernel.compile(types)


def _end_with_the_program() -> None:
    os.read(sys.stdin.fileno(), 1)  # it says nothing more, so that this returns when it is gone
    os._exit(0)


if __name__ == "__main__":
    main()
