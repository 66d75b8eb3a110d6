"""What an over-the-horizon radar truly sees: far, coarse, seldom, and as the ionosphere lets it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtri

from noroshi.estimation.angles import wrap
from noroshi.exercise.clutter import false_points
from noroshi.exercise.detection import N_UNIFORMS, Swerling, draw_look, threshold
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.resolution import merged
from noroshi.exercise.wander import wander
from noroshi.exercise.watching import Scene, Seen, Watch
from noroshi.exercise.world import World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats, geodetic_from_ecef
from noroshi.records import SensorSite
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]
GROUND_RANGE, AZIMUTH = 0, 1
PER_LOOK = N_UNIFORMS + 2  # fluctuation and noise of the echo, two errors


class Observer(Part):
    """A sky-wave radar that looks at all of its sector at once, every so often.

    The echo's signal to noise is `reference_snr_db` for `reference_cross_section_m2` (both at its own wavelength) at
    `reference_range_m` on the ground, and goes with the cross-section and the fourth power of range; the fading of the
    ionosphere makes it fluctuate. Echoes whose ground range changes slowly drown in what the sea and the land send
    back. Up to `height_m_max` heights play no part: the wave comes down from above. Each plot has errors of its own;
    all plots of a time share one in range, that of the ionosphere's height, which wanders.

    Source: Headrick and Thomason (1998), Applications of high-frequency radar, Radio Science 33(4), 1045-1054.
    """

    revisit_s: float = Field(30.0, ge=1.0, le=3_600.0, description="from one look to the next")
    reference_range_m: float = Field(1_500_000.0, gt=0.0, le=1e7, description="range of the reference echo")
    reference_cross_section_m2: float = Field(10.0, gt=0.0, le=1e5, description="cross-section of the reference echo")
    reference_snr_db: float = Field(18.0, ge=-30.0, le=60.0, description="signal to noise of it in one look")
    swerling: Swerling = Field(1, description="how echoes fluctuate; 0: not at all")
    false_alarm_probability: float = Field(1e-4, gt=0.0, le=0.01, description="of the threshold, in one cell")
    false_plots_per_look: float = Field(3.0, ge=0.0, le=1_000.0, description="mean, even over the area of the sector")

    range_m_min: float = Field(900_000.0, ge=0.0, le=1e7, description="nearer the wave passes over")
    range_m_max: float = Field(3_000_000.0, gt=0.0, le=1e7, description="further one hop does not reach")
    azimuth_deg_middle: float = Field(0.0, ge=-360.0, le=360.0, description="middle of the sector, from true north")
    azimuth_deg_width: float = Field(90.0, gt=0.0, le=360.0, description="width of the sector")
    range_rate_m_s_min: float = Field(
        20.0, ge=0.0, le=1_000.0, description="echoes whose ground range changes slower are taken for clutter"
    )

    height_m_max: float = Field(100_000.0, gt=0.0, le=1e6, description="higher up it is not seen")

    range_cell_m: float = Field(15_000.0, gt=0.0, le=1e6, description="nearer echoes are one plot")
    azimuth_beam_deg: float = Field(0.7, gt=0.0, le=90.0, description="likewise")
    merges: bool = Field(True, description="whether plots within one cell and beam become one")
    range_sigma_m: float = Field(8_000.0, gt=0.0, le=1e6, description="standard deviation of each plot's own error")
    azimuth_sigma_deg: float = Field(0.4, gt=0.0, le=20.0, description="likewise")
    ionosphere_sigma_m: float = Field(
        6_000.0, ge=0.0, le=1e6, description="standard deviation of the range error that all plots share"
    )
    ionosphere_period_s: float = Field(1_200.0, gt=0.0, le=1e6, description="mean period in which that comes and goes")
    range_bias_m: float = Field(0.0, ge=-1e6, le=1e6, description="added to each range")
    azimuth_bias_deg: float = Field(0.0, ge=-10.0, le=10.0, description="added to each azimuth")
    time_bias_s: float = Field(0.0, ge=-60.0, le=60.0, description="by which its clock is ahead")

    @model_validator(mode="after")
    def _is_possible(self) -> "Observer":
        if not self.range_m_min < self.range_m_max:
            raise ValueError("range_m_min must be below range_m_max")
        return self

    def watch(self, world: World, site: SensorSite, sensor: Sensor, carrier: Flight | None) -> Watch:
        """Return the radar's watch over a world; see `Observer.watch` of the room."""
        scene = Scene.of(world, site, sensor, carrier, period_s=self.revisit_s, is_continuous=False)
        return scene.watch(_Radar(self))

    def snr(self, range_m: Floats, cross_section_m2: Floats, loss_db: Floats | float = 0.0) -> Floats:
        """Return the mean signal to noise of one look, a ratio."""
        reference = 10.0 ** ((self.reference_snr_db - loss_db) / 10.0) / self.reference_cross_section_m2
        snr: Floats = reference * cross_section_m2 * (self.reference_range_m / range_m) ** 4
        return snr

    def ionosphere_m(self, scene: Scene, time_ns: Integers) -> Floats:
        """Return the (n,) range errors that all plots of a time share."""
        return wander(
            scene.draws,
            "ionosphere",
            seconds=(time_ns - scene.world.start_ns) / NS_PER_S,
            sigma=self.ionosphere_sigma_m,
            period_s=self.ionosphere_period_s,
            n=1,
        )[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class _Radar:
    """A radar before a world."""

    own: Observer

    def see(self, scene: Scene, first_look: int, n_looks: int) -> Seen:
        """Return the plots of some looks."""
        own = self.own
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + n_looks))
        i_flight, i_look, values, snr = self._in_cover(scene, begins_ns)
        drawn = scene.uniforms("look", i_flight, i_look, first_look, n_looks, PER_LOOK)
        power, total = draw_look(snr, drawn, swerling=own.swerling)
        limit = threshold(own.false_alarm_probability)
        rows = np.flatnonzero(total > limit)
        i_flight, i_look, values, power = i_flight[rows], i_look[rows], values[rows], power[rows]
        sigmas = np.array([own.range_sigma_m, math.radians(own.azimuth_sigma_deg)])
        noise = scene.faults.noise(begins_ns[i_look])[:, None]
        values += sigmas * noise * ndtri(drawn[rows, N_UNIFORMS:])
        false_look, false_values = self._false_plots(scene, first_look, begins_ns)
        i_flight = np.concatenate([i_flight, np.full(len(false_look), -1, np.int64)])
        i_look, values = np.concatenate([i_look, false_look]), np.concatenate([values, false_values])
        if own.merges:
            # About the middle of the sector, so that azimuths do not wrap within it.
            middle = math.radians(own.azimuth_deg_middle)
            values[:, AZIMUTH] = wrap(values[:, AZIMUTH] - middle)
            cells = np.array([own.range_cell_m, math.radians(own.azimuth_beam_deg)])
            rows, values = merged(i_look, np.concatenate([power, np.full(len(false_look), limit)]), values, cells)
            i_flight, i_look = i_flight[rows], i_look[rows]
            values[:, AZIMUTH] += middle
        time_ns = begins_ns[i_look]
        shared_m = own.ionosphere_m(scene, begins_ns)[i_look]
        values[:, GROUND_RANGE] += own.range_bias_m + shared_m + scene.faults.bias("range_m", time_ns)
        values[:, AZIMUTH] += math.radians(own.azimuth_bias_deg) + scene.faults.bias("azimuth_rad", time_ns)
        values[:, AZIMUTH] %= 2.0 * math.pi
        return Seen(
            time_ns=time_ns,
            i_flight=i_flight,
            values=values,
            origin_ecef_m=scene.own_at(time_ns)[:, :3],
            clock_ahead_s=own.time_bias_s,
        )

    def _in_cover(self, scene: Scene, begins_ns: Integers) -> tuple[Integers, Integers, Floats, Floats]:
        """Return flights and looks, counted from the first, that could be seen: true values, and signal to noise."""
        own, paths = self.own, scene.world.paths
        i_flight, i_look, states = scene.others_at(begins_ns)
        origin = scene.own_at(begins_ns)[i_look, :3]
        values = scene.sensor.measure(states, origin)
        rate_m_s = np.vecdot(scene.sensor.jacobian(states, origin)[:, GROUND_RANGE, :3], states[:, 3:])
        off_middle = np.abs(wrap(values[:, AZIMUTH] - math.radians(own.azimuth_deg_middle)))
        covered = (values[:, GROUND_RANGE] >= own.range_m_min) & (values[:, GROUND_RANGE] <= own.range_m_max)
        covered &= (off_middle <= math.radians(own.azimuth_deg_width) / 2.0) & (
            np.abs(rate_m_s) >= own.range_rate_m_s_min
        )
        covered &= geodetic_from_ecef(states[:, :3])[2] <= own.height_m_max
        rows = np.flatnonzero(covered)
        i_flight, i_look, values = i_flight[rows], i_look[rows], values[rows]
        loss_db = scene.faults.loss_db(values[:, AZIMUTH], begins_ns[i_look])
        snr = own.snr(values[:, GROUND_RANGE], paths.cross_section_m2[i_flight], loss_db)
        return i_flight, i_look, values, snr

    def _false_plots(self, scene: Scene, first_look: int, begins_ns: Integers) -> tuple[Integers, Floats]:
        """Return the looks of false plots, counted from the first, and where: even over the area of the sector."""
        own = self.own
        mean = own.false_plots_per_look * scene.faults.clutter(begins_ns)
        i_look, point = false_points(scene.draws, mean, first_look=first_look, per_point=2)
        near, far = np.cos(np.array([own.range_m_min, own.range_m_max]) / MEAN_RADIUS_M)
        ground_range_m = MEAN_RADIUS_M * np.arccos(near + point[:, 0] * (far - near))
        azimuth = np.radians(own.azimuth_deg_middle + (point[:, 1] - 0.5) * own.azimuth_deg_width)
        return i_look, np.stack([ground_range_m, azimuth], axis=1)
