"""What a receiver of position reports truly hears: ADS-B of aircraft, AIS of ships."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtri

from noroshi.exercise.faults import Faults
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.watching import Scene, Seen, Watch
from noroshi.exercise.world import World
from noroshi.geo.horizon import is_above_horizon
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import KNOT_M_S
from noroshi.geo.wgs84 import Floats, enu_axes, enu_axes_at, geodetic_from_ecef
from noroshi.records import SensorSite, take
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]
ALTITUDE, VELOCITY_UP = 2, 5
AIS_TICK_S = 2.0  # all intervals of class A are multiples of it
# Source: ITU-R M.1371-5 (2014), annex 1, table 1: class A, on a steady course; at anchor or below 3 knots 3 minutes.
AIS_SPEEDS_M_S = np.array([3.0, 14.0, 23.0]) * KNOT_M_S
AIS_TICKS = np.array([90, 5, 3, 1])
JITTER = 0.2  # of an ADS-B interval: 0.4 to 0.6 s (ICAO Annex 10 volume IV, 3.1.2.8.6)


class Observer(Part):
    """A receiver of ADS-B (all that has an ICAO address) or of AIS (all that has an MMSI).

    A report is heard with `reception_probability` from above the radio horizon (4/3 Earth) up to `range_m_max`; jamming
    shortens that by the square root of its loss in power. For each sender there are bursts of silence: in each stretch
    of twice the mean length one may begin, at any moment, and lasts up to twice the mean. A sender reports where it is
    by its own receiver, off by `position_sigma_m` along each horizontal axis, and is late by a delay of its own that
    the time does not show. Ships say neither height nor climb, and report as often as their speed asks for.
    """

    source: Literal["ads_b", "ais"] = Field("ads_b", description="aircraft's reports or ships'")
    report_interval_s: float = Field(1.0, ge=0.5, le=600.0, description="of aircraft; ships' is that of AIS class A")
    range_m_max: float = Field(400_000.0, gt=0.0, le=5e6, description="further it hears nothing")
    reception_probability: float = Field(0.9, ge=0.0, le=1.0, description="of one report, outside bursts of silence")
    dropouts_per_hour: float = Field(2.0, ge=0.0, le=1_800.0, description="mean number of bursts of silence a sender")
    dropout_mean_s: float = Field(20.0, gt=0.0, le=3_600.0, description="mean length of a burst")
    position_sigma_m: float = Field(20.0, gt=0.0, le=1e5, description="standard deviation along each horizontal axis")
    altitude_sigma_m: float = Field(10.0, gt=0.0, le=1e4, description="standard deviation")
    altitude_bias_m: float = Field(0.0, ge=-1e3, le=1e3, description="added to each altitude: the day's weather")
    velocity_sigma_m_s: float = Field(1.0, gt=0.0, le=1e3, description="standard deviation along each axis")
    delay_s_max: float = Field(0.3, ge=0.0, le=60.0, description="each sender's own delay is even from 0 to this")
    time_bias_s: float = Field(0.0, ge=-60.0, le=60.0, description="by which its clock is ahead")

    @model_validator(mode="after")
    def _is_possible(self) -> "Observer":
        if self.dropout_chance > 1.0:
            raise ValueError("dropouts_per_hour is more than one in twice dropout_mean_s: lower one of them")
        return self

    @property
    def dropout_chance(self) -> float:
        """The chance that a burst begins in a stretch of twice the mean length."""
        return self.dropouts_per_hour * 2.0 * self.dropout_mean_s / 3_600.0

    @property
    def period_s(self) -> float:
        """How often a sender may report."""
        return AIS_TICK_S if self.source == "ais" else self.report_interval_s

    def watch(self, world: World, site: SensorSite, sensor: Sensor, carrier: Flight | None) -> Watch:
        """Return the receiver's watch over a world; see `Observer.watch` of the room."""
        scene = Scene.of(world, site, sensor, carrier, period_s=self.period_s, is_continuous=True)
        return scene.watch(_Receiver(self, scene.transponders()))


@dataclass(frozen=True, slots=True, eq=False)
class _Receiver:
    """A receiver before a world; `transponders` are the faults of those flights that have any, by their numbers."""

    own: Observer
    transponders: dict[int, Faults]

    def see(self, scene: Scene, first_look: int, n_looks: int) -> Seen:
        """Return the reports of some intervals."""
        own = self.own
        i_flight, i_look, time_ns, states = self._sent(scene, first_look, n_looks)
        place = scene.own_at(time_ns)[:, :3]
        heard = self._is_heard(scene, i_flight, time_ns, states, place)
        received = scene.uniforms("reception", i_flight, i_look, first_look, n_looks, 1)[:, 0]
        rows = np.flatnonzero(heard & (received < own.reception_probability))
        i_flight, i_look, time_ns = i_flight[rows], i_look[rows], time_ns[rows]
        states, place = states[rows], place[rows]
        error = ndtri(scene.uniforms("report", i_flight, i_look, first_look, n_looks, 6, of_target=True))
        error *= scene.faults.noise(time_ns)[:, None]
        lat_rad, lon_rad, _ = geodetic_from_ecef(states[:, :3])
        axes = enu_axes(lat_rad, lon_rad)
        moved = error[:, :3] * (own.position_sigma_m, own.position_sigma_m, own.altitude_sigma_m)
        for column, name in enumerate(("east_m", "north_m", "up_m")):
            moved[:, column] += scene.faults.bias(name, time_ns)
            for i, faults in self.transponders.items():
                mine = np.flatnonzero(i_flight == i)
                moved[mine, column] += faults.bias(name, time_ns[mine])
        states[:, :3] += np.vecmat(moved, axes)
        states[:, 3:] += own.velocity_sigma_m_s * np.vecmat(error[:, 3:], axes)
        values = scene.sensor.measure(states, place)
        values[:, ALTITUDE] += own.altitude_bias_m
        if own.source == "ais":
            values[:, (ALTITUDE, VELOCITY_UP)] = np.nan
        return Seen(
            time_ns=time_ns,
            i_flight=i_flight,
            values=values,
            origin_ecef_m=place,
            identity=take(scene.world.paths.identity, i_flight),
            clock_ahead_s=own.time_bias_s,
        )

    def _sent(self, scene: Scene, first_look: int, n_looks: int) -> tuple[Integers, Integers, Integers, Floats]:
        """Return all that is sent: by whom, in which interval from the first, when, and where the sender was.

        What a sender does is drawn of it alone: all receivers hear the same report at the same time.
        """
        own, paths = self.own, scene.world.paths
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + n_looks))
        chosen = scene.others(int(begins_ns[0]), int(begins_ns[-1]) + scene.period_ns)
        address = paths.identity.mmsi if own.source == "ais" else paths.identity.icao_address
        chosen = chosen[address[chosen] >= 0]
        nought = np.zeros(len(chosen), np.int64)
        phase, delay = scene.uniforms("report habit", chosen, nought, 0, 1, 2, of_target=True).T
        i_sender, i_look = np.repeat(np.arange(len(chosen)), n_looks), np.tile(np.arange(n_looks), len(chosen))
        i_flight = chosen[i_sender]
        jitter = scene.uniforms("report time", i_flight, i_look, first_look, n_looks, 1, of_target=True)[:, 0]
        since = (1.0 - JITTER) * phase[i_sender] + JITTER * jitter
        time_ns = begins_ns[i_look] + (since * scene.period_ns).astype(np.int64)
        states, _ = paths.at(i_flight, time_ns - (delay[i_sender] * own.delay_s_max * NS_PER_S).astype(np.int64))
        sent = ~np.isnan(states[:, 0])
        if own.source == "ais":
            speed_m_s = np.linalg.norm(states[:, 3:], axis=1)
            ticks = AIS_TICKS[np.searchsorted(AIS_SPEEDS_M_S, speed_m_s, side="right")]
            turn = (phase[i_sender] * AIS_TICKS[0]).astype(np.int64)
            sent &= (first_look + i_look + turn) % ticks == 0
        for i, faults in self.transponders.items():
            mine = np.flatnonzero(i_flight == i)
            sent[mine] &= ~faults.off(time_ns[mine])
        return i_flight[sent], i_look[sent], time_ns[sent], states[sent]

    def _is_heard(
        self, scene: Scene, i_flight: Integers, time_ns: Integers, states: Floats, place: Floats
    ) -> NDArray[np.bool_]:
        """Return (n,) whether the receiver could read each report: near and high enough, and no burst of silence."""
        own = self.own
        reach_m = np.full(len(time_ns), own.range_m_max)
        if scene.faults.is_jammed:
            east, north = np.matvec(enu_axes_at(place)[:, :2], states[:, :3] - place).T
            reach_m *= 10.0 ** (-scene.faults.loss_db(np.arctan2(east, north), time_ns) / 20.0)
        heard: NDArray[np.bool_] = np.linalg.norm(states[:, :3] - place, axis=1) <= reach_m
        heard &= is_above_horizon(states[:, :3], place)
        # Bursts of this stretch and of the one before, whose number counts from 1; all in lengths of a stretch.
        stretch, x = np.divmod((time_ns - scene.world.start_ns) / (2.0 * own.dropout_mean_s * NS_PER_S), 1.0)
        number = stretch.astype(np.int64) + 1
        first, n = int(number.min(initial=1)) - 1, int(number.max(initial=1)) - int(number.min(initial=1)) + 2
        for back in (0, 1):
            drawn = scene.uniforms("silence", i_flight, number - back - first, first, n, 3)
            begins, start, length = drawn.T
            heard &= ~((begins < own.dropout_chance) & (start <= x + back) & (x + back < start + length))
        return heard
