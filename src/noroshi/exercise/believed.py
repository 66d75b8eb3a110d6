"""What a sensor sees whose type has no file in `observers/`: what its own node believes of it, and nothing worse."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.special import ndtri

from noroshi.exercise.clutter import false_points
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.watching import Scene, Seen, Watch
from noroshi.exercise.world import World
from noroshi.geo.wgs84 import Floats, enu_axes_at
from noroshi.records import SensorSite
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]


class Observer(Part):
    """A sensor that behaves as its own node believes: by the type's `measure`, `noise` and `detection_probability`.

    It looks at everything at once, every `scan_period_s`. No shape, heat or cross-section of a target plays a part; a
    type to which that matters has an observer of its own.
    """

    detection_factor: float = Field(1.0, ge=0.0, le=1.0, description="on the chance that its node believes in")
    noise_factor: float = Field(
        1.0, ge=0.0, le=100.0, description="on the standard deviations that its node believes in"
    )
    false_plots_per_look: float = Field(
        0.0,
        ge=0.0,
        le=1_000.0,
        description="mean, even over the type's bounds; those where it sees nothing are left out",
    )
    time_bias_s: float = Field(0.0, ge=-60.0, le=60.0, description="by which its clock is ahead")

    def watch(self, world: World, site: SensorSite, sensor: Sensor, carrier: Flight | None) -> Watch:
        """Return the sensor's watch over a world; see `observers.Observer.watch`."""
        period_s = sensor.parameters["scan_period_s"]
        scene = Scene.of(world, site, sensor, carrier, period_s=period_s, is_continuous=False)
        return scene.watch(_Believed(self))


@dataclass(frozen=True, slots=True, eq=False)
class _Believed:
    own: Observer

    def see(self, scene: Scene, first_look: int, n_looks: int) -> Seen:
        """Return what is seen in some looks."""
        own, sensor = self.own, scene.sensor
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + n_looks))
        i_flight, i_look, states = scene.others_at(begins_ns)
        time_ns, origin = begins_ns[i_look], scene.own_at(begins_ns)[i_look, :3]
        drawn = scene.uniforms("look", i_flight, i_look, first_look, n_looks, 1 + len(sensor.COMPONENTS))
        chance = own.detection_factor * sensor.detection_probability(states, origin)
        chance = chance * 10.0 ** (-scene.faults.loss_db(_azimuth_rad(states, origin), time_ns) / 10.0)
        seen = np.flatnonzero(drawn[:, 0] < chance)
        values = sensor.measure(states[seen], origin[seen])
        factor = own.noise_factor * scene.faults.noise(time_ns[seen])
        root = np.linalg.cholesky(sensor.noise(values))
        values = values + factor[:, None] * np.matvec(root, ndtri(drawn[seen, 1:]))
        false_time_ns, false = self._false(scene, begins_ns, first_look)
        values = np.concatenate([values, false])
        time_ns = np.concatenate([time_ns[seen], false_time_ns])
        for column, name in enumerate(sensor.COMPONENTS):
            values[:, column] += scene.faults.bias(name, time_ns)
        return Seen(
            time_ns=time_ns,
            i_flight=np.concatenate([i_flight[seen], np.full(len(false), -1, np.int64)]),
            values=values,
            origin_ecef_m=scene.own_at(time_ns)[:, :3],
            clock_ahead_s=own.time_bias_s,
        )

    def _false(self, scene: Scene, begins_ns: Integers, first_look: int) -> tuple[Integers, Floats]:
        """Return when false plots are seen, and what they measure."""
        sensor = scene.sensor
        low, high = np.array([sensor.BOUNDS[name] for name in sensor.COMPONENTS], np.float64).T
        is_round = np.isin(sensor.COMPONENTS, sensor.WRAPPED)
        low, high = np.where(is_round, 0.0, low), np.where(is_round, 2.0 * math.pi, high)
        mean = self.own.false_plots_per_look * scene.faults.clutter(begins_ns)
        i_look, point = false_points(scene.draws, mean, first_look=first_look, per_point=len(low))
        values, origin = low + point * (high - low), scene.own_at(begins_ns)[i_look, :3]
        states, _ = sensor.locate(values, sensor.noise(values), origin)
        kept = sensor.detection_probability(states, origin) > 0.0
        return begins_ns[i_look][kept], values[kept]


def _azimuth_rad(states: Floats, origin_ecef_m: Floats) -> Floats:
    """Return (n,) azimuths, in which a sector may be jammed."""
    east, north, _ = np.matvec(enu_axes_at(origin_ecef_m), states[:, :3] - origin_ecef_m).T
    azimuth: Floats = np.arctan2(east, north)
    return azimuth
