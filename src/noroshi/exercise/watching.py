"""A sensor's watch over a world: made in blocks of looks, handed out span by span."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.aims import Aim, Aims
from noroshi.exercise.faults import Faults
from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.paths import Paths
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.records import Detections, Identity, Quality, SensorSite, concatenate, take
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]
BLOCK_NS = 300 * NS_PER_S  # as much is worked out at once: long enough for arrays to be worth it,
AIMED_NS = 10 * NS_PER_S  # likewise of a sensor that can be aimed: what it is told changes the looks to come
PAIRS_MAX = 300_000  # and of so few pairs of flight and look that they fit into memory


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """What a sensor saw in a span of time.

    Attributes:
        detections: in order of the true time at which they were taken; the node gets these.
        owner: (n,) whose each one truly is, "" for a false one; nobody but the assessment gets these.
        looked: whether it looked at all in that span (an empty look is news too).
    """

    detections: Detections
    owner: NDArray[np.str_]
    looked: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What a sensor saw in some looks, n rows in any order.

    Attributes:
        time_ns: (n,) true times, each within its look.
        i_flight: (n,) whose each one is, by number in `World.paths`; -1 for a false one.
        values: (n, m) of all components that the sensor's type has, NaN where this one does not measure it. A row that
            measures nothing is a look at all that the sensor can see.
        origin_ecef_m: (n, 3) where it was then.
        sigmas: (n, m) what it says of its noise, NaN where it says nothing; None if it never does.
        identity: what the targets say; None if nobody does.
        clock_ahead_s: by how much its clock is always ahead.
    """

    time_ns: Integers
    i_flight: Integers
    values: Floats
    origin_ecef_m: Floats
    sigmas: Floats | None = None
    identity: Identity | None = None
    clock_ahead_s: float = 0.0


class Looks(Protocol):
    """One sensor before one world."""

    def see(self, scene: "Scene", first_look: int, n_looks: int) -> Seen:
        """Return what is seen in the looks of these numbers, whatever was asked before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """What an observer is set before.

    Attributes:
        world, site, sensor, carrier: see `Observer.watch`.
        faults: of this sensor.
        own: the path of the sensor itself, one flight.
        period_ns: from one look to the next.
        is_continuous: whether a look lasts until the next begins; else it is the instant at which it begins.
        aims: where it is told to look; None if it cannot be told.
    """

    world: World
    site: SensorSite
    sensor: Sensor
    carrier: Flight | None
    faults: Faults
    own: Paths
    period_ns: int
    is_continuous: bool
    aims: Aims | None = None

    @classmethod
    def of(
        cls,
        world: World,
        site: SensorSite,
        sensor: Sensor,
        carrier: Flight | None,
        *,
        period_s: float,
        is_continuous: bool,
        is_aimed: bool = False,
    ) -> Self:
        """Return the scene of a sensor that looks every so often, and that may be told where."""
        period_ns = round(period_s * NS_PER_S)
        return cls(
            world=world,
            site=site,
            sensor=sensor,
            carrier=carrier,
            faults=Faults.of(world, site.sensor),
            own=Paths.of([carrier or _still(site, sensor)]),
            period_ns=period_ns,
            is_continuous=is_continuous,
            aims=Aims(world.start_ns, period_ns) if is_aimed else None,
        )

    @property
    def draws(self) -> Draws:
        """Return the sensor's own random numbers."""
        return self.world.draws(self.site.sensor)

    def begins_ns(self, look: Integers | int) -> Integers:
        """Return when looks begin."""
        return self.world.start_ns + np.asarray(look, np.int64) * self.period_ns

    def own_at(self, time_ns: Integers) -> Floats:
        """Return the sensor's own (n, 6) states: of the nearest end of its path where it has none."""
        times = np.clip(time_ns, self.own.time_ns[0], self.own.time_ns[-1]) if self.carrier else self.own.time_ns[:1]
        found = self.own.at(np.zeros(len(times), np.int64), times)[0]
        return np.broadcast_to(found, (len(time_ns), 6))

    def looks_at(self, time_ns: int) -> bool:
        """Return whether the sensor is on, and anywhere: its carrier may not have set out yet."""
        is_there = self.carrier is None or self.own.time_ns[0] <= time_ns <= self.own.time_ns[-1]
        return bool(is_there) and not self.faults.is_off_throughout(time_ns, time_ns + 1)

    def others(self, start_ns: int, end_ns: int) -> Integers:
        """Return the numbers of the flights that are anywhere between two times, without the carrier."""
        is_other = self.world.paths.alive(start_ns, end_ns)
        if self.carrier is not None:
            is_other &= self.world.paths.names[:-1] != self.carrier.name
        return np.flatnonzero(is_other)

    def others_at(self, times_ns: Integers) -> tuple[Integers, Integers, Floats]:
        """Return k pairs of another flight and one of (n,) times at which it is anywhere, and its (k, 6) states."""
        chosen, n = self.others(int(times_ns.min()), int(times_ns.max())), len(times_ns)
        i_flight, i_time = np.repeat(chosen, n), np.tile(np.arange(n), len(chosen))
        states, _ = self.world.paths.at(i_flight, times_ns[i_time])
        there = np.flatnonzero(~np.isnan(states[:, 0]))
        return i_flight[there], i_time[there], states[there]

    def uniforms(
        self, purpose: str, i_flight: Integers, i_look: Integers, first: int, n: int, m: int, *, of_target: bool = False
    ) -> Floats:
        """Return (k, m) numbers in (0, 1), each row keyed by sensor, flight, purpose and look.

        Args:
            purpose: what for.
            i_flight: (k,) whose rows.
            i_look: (k,) their looks, counted from the first.
            first, n: number of the first look, and how many.
            m: how many numbers each.
            of_target: whether the target draws alone, so that all sensors have the same.
        """
        flights, row = np.unique(i_flight, return_inverse=True)
        by_flight = np.empty((len(flights), n, m))
        for k, i in enumerate(flights):
            name = str(self.world.paths.names[i])
            draws = self.world.draws(name if of_target else f"{self.site.sensor}|{name}")
            by_flight[k] = draws.uniforms(purpose, first_look=first, n_looks=n, per_look=m)
        return by_flight[row, i_look]

    def transponders(self) -> dict[int, Faults]:
        """Return the faults of those flights' transponders that have any, by the flights' numbers."""
        names = enumerate(self.world.paths.names[:-1])
        return {i: Faults.of(self.world, str(name)) for i, name in names if name in self.world.effects}

    def watch(self, looks: Looks) -> "Watch":
        """Return the watch of one that looks so."""
        return Watch(self, looks)


def _still(site: SensorSite, sensor: Sensor) -> Flight:
    return Flight(
        name=site.sensor,
        time_ns=np.zeros(1, np.int64),
        state_ecef=np.concatenate([sensor.origin_ecef_m, np.zeros(3)])[None],
        kind=np.zeros(1, np.uint8),
        identity=Identity.absent(1),
        cross_section_m2=0.0,
        heat_w_sr=np.zeros(1),
    )


def _piece(detections: Detections, rows: slice, received_ns: int) -> Detections:
    """Return some rows, as views; `take` and `replace` cost ten times as much, and this is done at every step."""
    said = detections.identity
    return Detections(
        sensor=detections.sensor,
        components=detections.components,
        received_ns=received_ns,
        time_ns=detections.time_ns[rows],
        values=detections.values[rows],
        covariances=detections.covariances[rows],
        origin_ecef_m=detections.origin_ecef_m[rows],
        identity=Identity(
            icao_address=said.icao_address[rows],
            mode_3a=said.mode_3a[rows],
            mmsi=said.mmsi[rows],
            call_sign=said.call_sign[rows],
        ),
        quality=detections.quality[rows],
    )


@dataclass(slots=True, eq=False)
class Watch:
    """One sensor's watch: any cut of a span into pieces gives the same rows.

    It keeps the last blocks that it worked out and nothing that changes what it says.
    """

    scene: Scene
    looks: Looks
    _blocks: dict[int, tuple[Integers, Detections, NDArray[np.str_]]] = field(default_factory=dict, init=False)

    def observe(self, start_ns: int, end_ns: int) -> Sighting:
        """Return what the sensor sees from `start_ns` (included) to `end_ns` (excluded), true times.

        The detections state the time that the sensor's own clock shows, and are received at the end of the span.
        """
        scene = self.scene
        longest_ns = BLOCK_NS if scene.aims is None else AIMED_NS
        per_block = max(1, min(longest_ns // scene.period_ns, PAIRS_MAX // max(len(scene.world.paths), 1)))
        block_ns = per_block * scene.period_ns
        start_ns = max(start_ns, scene.world.start_ns)
        first, last = ((t - scene.world.start_ns) // block_ns for t in (start_ns, max(start_ns, end_ns - 1)))
        pieces = []
        for block in range(first, last + 1):
            if block not in self._blocks:
                if len(self._blocks) > 1:
                    del self._blocks[min(self._blocks)]
                self._blocks[block] = self._work_out(block * per_block, per_block)
            time_ns, detections, owner = self._blocks[block]
            low, high = np.searchsorted(time_ns, (start_ns, max(start_ns, end_ns)))
            pieces.append((_piece(detections, slice(low, high), end_ns), owner[low:high]))
        detections = pieces[0][0] if len(pieces) == 1 else concatenate([piece for piece, _ in pieces])
        return Sighting(detections, np.concatenate([owner for _, owner in pieces]), self._looked(start_ns, end_ns))

    def tell(self, aims: Sequence[Aim], now_ns: int) -> None:
        """Tell the sensor where to look from now on; one that cannot be told goes on as before."""
        if self.scene.aims is not None:
            self.scene.aims.tell(aims, now_ns)
            self._blocks.clear()

    def _work_out(self, first_look: int, n_looks: int) -> tuple[Integers, Detections, NDArray[np.str_]]:
        """Return a block's rows in order of their true times; rows of one time in order of what was measured."""
        scene = self.scene
        seen = self.looks.see(scene, first_look, n_looks)
        on = ~scene.faults.off(seen.time_ns)
        if scene.carrier is not None:
            on &= (seen.time_ns >= scene.own.time_ns[0]) & (seen.time_ns <= scene.own.time_ns[-1])
        rows = np.flatnonzero(on)
        rows = rows[np.lexsort((seen.values[rows, 1], seen.values[rows, 0], seen.time_ns[rows]))]
        detections = Detections.of(
            sensor=scene.site.sensor,
            components=scene.sensor.COMPONENTS,
            time_ns=scene.faults.clock_ns(seen.time_ns[rows]) + round(seen.clock_ahead_s * NS_PER_S),
            values=seen.values[rows],
            sigmas=None if seen.sigmas is None else seen.sigmas[rows],
            origin_ecef_m=seen.origin_ecef_m[rows],
            identity=None if seen.identity is None else take(seen.identity, rows),
        )
        is_look = np.isnan(detections.values).all(axis=1)
        detections = detections.replace(quality=np.where(is_look, np.uint8(Quality.NOTHING), detections.quality))
        return seen.time_ns[rows], detections, scene.world.paths.names[seen.i_flight[rows]]

    def _looked(self, start_ns: int, end_ns: int) -> bool:
        scene = self.scene
        if scene.is_continuous:
            if scene.carrier is not None:
                start_ns, end_ns = max(start_ns, int(scene.own.time_ns[0])), min(end_ns, int(scene.own.time_ns[-1]) + 1)
            return end_ns > start_ns and not scene.faults.is_off_throughout(start_ns, end_ns)
        first, last = (-(-(time_ns - scene.world.start_ns) // scene.period_ns) for time_ns in (start_ns, end_ns))
        return any(scene.looks_at(scene.world.start_ns + look * scene.period_ns) for look in range(first, last))
