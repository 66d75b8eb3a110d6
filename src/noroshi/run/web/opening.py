"""What is shown while kernels are compiled, once on a machine: aircraft as they report themselves, tracked by nobody.

Compiling takes half a minute of one processor. What receivers of position reports hear of the scenario's real traffic
needs none of the trackers' kernels, and is what a node would be told in any case. It is taken off the film again when
the exercise itself begins.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
from numba.core import event

from noroshi.exercise.flight import Flight
from noroshi.exercise.watching import Watch
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, Identity, Kind, Tracks, TrackStatus, concatenate, take
from noroshi.records.tracks import certain_kind
from noroshi.run.exercises.staging import background
from noroshi.run.scenarios import Nation, Scenario
from noroshi.run.setup import Setup, Site, make_sensors
from noroshi.sensors import Sensor

KEPT_NS = 15 * NS_PER_S  # an aircraft that was not heard for so long is not shown
AHEAD_S = 1.0  # so much sooner than it is looked at a picture is there


class Onlooked:
    """A node that is not there yet, but its sensors are, and what they are told by those they hear.

    Attributes:
        heard: the newest report of each aircraft.
    """

    exchange = watch = None

    def __init__(self, name: str, sensors: Mapping[str, Sensor]) -> None:
        self.name, self.sensors = name, sensors
        self.heard: Detections | None = None

    def hear(self, reports: Detections, now_ns: int) -> None:
        """Take in reports."""
        every = reports if self.heard is None else concatenate([self.heard, reports])
        newest = {int(who): row for row, who in enumerate(every.identity.icao_address)}  # later rows are newer
        rows = np.array(sorted(newest.values()), np.int64)
        self.heard = take(every, rows[every.time_ns[rows] >= now_ns - KEPT_NS])

    def picture(self, time_ns: int) -> Tracks:  # noqa: ARG002 it is what was heard last
        """Return what was heard last of each, each at its own time."""
        reports = self.heard
        if reports is None or not len(reports):
            return _tracks(self.name, np.zeros(0, np.int64), np.zeros((0, 6)), Identity.absent(0), "")
        lat_rad, lon_rad, altitude_m = reports.values[:, :3].T
        velocity = np.vecmat(reports.values[:, 3:6], enu_axes(lat_rad, lon_rad))
        states = np.hstack([ecef_from_geodetic(lat_rad, lon_rad, altitude_m), velocity])
        return _tracks(self.name, reports.time_ns, states, reports.identity, reports.sensor)


def _tracks(node: str, time_ns: Any, states: Any, identity: Identity, sensor: str) -> Tracks:
    n = len(time_ns)
    return Tracks(
        node=node,
        source_names=(sensor,) if sensor else (),
        track_id=identity.icao_address.astype(np.uint64),
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n, np.int32),
        state_ecef=states,
        covariance_ecef=np.full((n, 6, 6), np.nan),
        existence=np.ones(n),
        kind_probability=certain_kind(Kind.AIRCRAFT, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, int(bool(sensor))), np.bool_),
        identity=identity,
    )


class Opening:
    """Shows it from when it is entered until it is left.

    Args:
        scenario: whose traffic.
        nodes: the node of each nation, by its code.
        look: puts the pictures of a time onto the film.
        say: is told what is being done, for people.
        rate: how fast pages play.
    """

    def __init__(
        self,
        scenario: Scenario,
        nodes: Mapping[str, Onlooked],
        *,
        look: Callable[[int], None],
        say: Callable[[str], None],
        rate: float,
    ) -> None:
        self._scenario, self._nodes, self._look, self._say, self._rate = scenario, nodes, look, say, rate
        self._over = threading.Event()
        self._counting = _Counting()
        self._since = time.monotonic()
        self._watches: list[tuple[str, Watch]] = []
        self._thread = threading.Thread(target=self._show, name="noroshi-opening", daemon=True)

    def __enter__(self) -> Self:
        """Make ready what it needs itself, and begin."""
        event.register("numba:compile", self._counting)
        self._tell()
        self._watches = _receivers(self._scenario)
        for _, watch in self._watches:  # what it takes to show one is compiled before others want to compile
            watch.observe(self._scenario.start_ns, self._scenario.start_ns + 1)
        self._next(1)
        self._since = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        event.unregister("numba:compile", self._counting)
        self._say("")

    def _show(self) -> None:
        n_most = (self._scenario.end_ns - self._scenario.start_ns) // NS_PER_S
        for number in range(2, n_most):
            due_s = self._since + number / self._rate - AHEAD_S
            if self._over.wait(max(due_s - time.monotonic(), 0.0)):
                return
            self._next(number)
            self._tell()

    def _next(self, number: int) -> None:
        """Show the second of this number."""
        end_ns = self._scenario.start_ns + number * NS_PER_S
        for code, watch in self._watches:
            reports = watch.observe(end_ns - NS_PER_S, end_ns).detections
            if len(reports):
                self._nodes[code].hear(reports, end_ns)
        self._look(end_ns)

    def _tell(self) -> None:
        self._say(
            f"The first run on this machine compiles its trackers: {self._counting.n} parts so far, "
            f"{time.monotonic() - self._since:.0f} s. Meanwhile you see aircraft as they report themselves; then the "
            "exercise begins."
        )


class _Counting(event.Listener):  # type: ignore[misc]
    """Counts what has been compiled."""

    def __init__(self) -> None:
        self.n = 0

    def on_start(self, event: event.Event) -> None:
        """Nothing is done yet."""

    def on_end(self, event: event.Event) -> None:  # noqa: ARG002
        self.n += 1


def _receivers(scenario: Scenario) -> list[tuple[str, Watch]]:
    """Return what hears the scenario's real traffic, each with the code of its nation."""
    flights: list[Flight] = []
    for traffic in scenario.traffic:
        flights += background(scenario, traffic, len(flights))
    if not flights:
        return []
    world = World(
        seed=scenario.seed, replicate=0, start_ns=scenario.start_ns, end_ns=scenario.end_ns, flights=tuple(flights)
    )
    return [(nation.code, watch) for nation in scenario.nations for watch in _watches(world, nation)]


def _watches(world: World, nation: Nation) -> Sequence[Watch]:
    found = []
    for entry in nation.sensors:
        if entry.site.type == "position_report" and entry.carrier is None:
            sensor = make_sensors(Setup(sites=[Site.of(entry.site)]))[entry.site.sensor]
            found.append(entry.observer.watch(world, entry.site, sensor, None))
    return found
