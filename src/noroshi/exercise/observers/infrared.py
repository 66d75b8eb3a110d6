"""What an infrared satellite truly sees: hot targets before sky, limb or Earth, and its own attitude errors."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtr, ndtri

from noroshi.estimation.angles import wrap
from noroshi.exercise.clutter import false_points
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.wander import wander
from noroshi.exercise.watching import Scene, Seen, Watch
from noroshi.exercise.world import World
from noroshi.geo.sight import is_clear, tangent_height_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, enu_axes_at
from noroshi.records import SensorSite
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]
MICRO = 1e-6
AZIMUTH, ELEVATION = 0, 1
FAINTEST = 1.0  # of signal to noise; what is fainter shows by accident only, and false lines stand for those
PER_LOOK = 3  # noise of the signal, and of two angles


class Observer(Part):
    """An infrared telescope in orbit (or at a place, if nothing carries it) that stares at all of its field of regard.

    With `view_deg` it stares at so much of it only, one part after the other in rings about nadir that leave nothing
    out, a part each look, unless it is told where to look: a look costs the same wherever it goes, and what lies beyond
    the field of regard it does not look at. Turning takes no time.

    The signal of a target is its radiant intensity over the squared range; its ratio to the noise is that over the
    noise equivalent irradiance of what lies behind it: cold sky; the limb, where the line of sight passes lower than
    `limb_height_m`; the warm Earth, where it ends there. A look sees the target if signal plus noise is above
    `threshold`. One that stares at all of its field says at each look that it looked (`Quality.NOTHING`), whatever it
    saw. Neither the Earth nor cloud may be in the way, so below the cloud tops (`weather`) nothing is seen. The
    error of a line is `line_floor_urad` and pixel / signal to noise (at least 1), added in squares, along each of two
    directions across it. The attitude is off by a constant rotation and one that wanders, both about all three axes
    (away from the Earth, ahead, sideways). Off nadir is the angle from the Earth's centre.

    Source: Hudson (1969), Infrared System Engineering, section 13.1 (range equation); Winick (1986), Cramer-Rao lower
    bounds on the performance of charge-coupled-device optical position estimators, J. Opt. Soc. Am. A 3(11), 1809-1815.
    """

    revisit_s: float = Field(5.0, ge=0.1, le=3_600.0, description="from one look to the next")
    off_nadir_deg_min: float = Field(0.0, ge=0.0, le=180.0, description="nearer to nadir it does not look")
    off_nadir_deg_max: float = Field(75.0, ge=0.0, le=180.0, description="further from nadir it does not look")
    view_deg: float = Field(
        0.0, ge=0.0, le=90.0, description="half-angle of what one look sees of it; 0: all, at every look"
    )
    noise_sky_w_m2: float = Field(2e-10, gt=0.0, le=1.0, description="noise equivalent irradiance, cold sky behind")
    noise_limb_w_m2: float = Field(1e-9, gt=0.0, le=1.0, description="likewise, Earth's limb behind")
    noise_earth_w_m2: float = Field(4e-9, gt=0.0, le=1.0, description="likewise, the warm Earth behind")
    limb_height_m: float = Field(80_000.0, ge=0.0, le=500_000.0, description="up to which air glows in the band")
    threshold: float = Field(5.0, ge=1.0, le=100.0, description="signal to noise from which there is a detection")
    pixel_urad: float = Field(150.0, gt=0.0, le=1e5, description="angle of one pixel")
    line_floor_urad: float = Field(30.0, gt=0.0, le=1e5, description="standard deviation of a strong target's line")
    attitude_bias_urad: float = Field(
        20.0, ge=0.0, le=1e5, description="standard deviation of the constant error, about each axis"
    )
    attitude_wander_urad: float = Field(10.0, ge=0.0, le=1e5, description="likewise of the error that comes and goes")
    attitude_period_s: float = Field(3_000.0, gt=0.0, le=1e6, description="mean period in which it comes and goes")
    false_lines_per_look: float = Field(0.2, ge=0.0, le=1_000.0, description="mean, even over the field of view")
    time_bias_s: float = Field(0.0, ge=-60.0, le=60.0, description="by which its clock is ahead")

    @model_validator(mode="after")
    def _is_possible(self) -> "Observer":
        if not self.off_nadir_deg_min < self.off_nadir_deg_max:
            raise ValueError("off_nadir_deg_min must be below off_nadir_deg_max")
        if 0.0 < self.view_deg < 1.0:
            raise ValueError("view_deg is 0 for all of the field, or at least 1")
        return self

    def watch(self, world: World, site: SensorSite, sensor: Sensor, carrier: Flight | None) -> Watch:
        """Return the satellite's watch over a world; see `Observer.watch` of the room."""
        scene = Scene.of(
            world, site, sensor, carrier, period_s=self.revisit_s, is_continuous=False, is_aimed=self.is_aimed
        )
        return scene.watch(_Satellite(self))

    @property
    def is_aimed(self) -> bool:
        """Whether it may be told where to look."""
        return self.view_deg > 0.0

    def can_look(self, states: Floats, origin_ecef_m: Floats) -> NDArray[np.bool_]:
        """Return whether each of (n, 6) states is in the field of regard of (n, 3) origins."""
        line = states[:, :3] - origin_ecef_m
        down = -np.vecdot(line, _away(origin_ecef_m)) / np.linalg.norm(line, axis=1)
        near, far = np.cos(np.radians([self.off_nadir_deg_min, self.off_nadir_deg_max]))
        can: NDArray[np.bool_] = (down <= near) & (down >= far)
        return can

    def parts(self) -> Floats:
        """Return the (n, 2) middles of the parts that it looks at in turn, off nadir and around it from ahead, radians.

        A part is a rectangle within the round view; rings of them about nadir fill the field, as few as can be.
        """
        view, low, high = np.radians([self.view_deg, self.off_nadir_deg_min, self.off_nadir_deg_max]).tolist()
        fewest = math.floor((high - low) / (2.0 * view)) + 1
        every = [_rings(view, low, high, fewest + more) for more in range(6)]
        return min(every, key=len)

    def noise_w_m2(self, line: Floats, origin_ecef_m: Floats) -> Floats:
        """Return the (n,) noise equivalent irradiances before which (n, 3) lines are seen."""
        height_m = tangent_height_m(line, origin_ecef_m)
        noises = self.noise_earth_w_m2, self.noise_limb_w_m2
        return np.select([height_m <= 0.0, height_m < self.limb_height_m], noises, self.noise_sky_w_m2)

    def detection_probability(self, snr: Floats) -> Floats:
        """Return the chance of one look to see a target of a signal to noise ratio."""
        return np.where(snr >= FAINTEST, ndtr(snr - self.threshold), 0.0)

    def sigma_rad(self, snr: Floats) -> Floats:
        """Return the standard deviation of a line along each direction across it."""
        return MICRO * np.hypot(self.line_floor_urad, self.pixel_urad / np.maximum(snr, 1.0))

    def turn_rad(self, scene: Scene, time_ns: Integers) -> Floats:
        """Return the (n, 3) rotations by which the attitude is off, about the three axes of the orbit."""
        constant = scene.draws.normals("attitude bias", first_look=0, n_looks=1, per_look=3)
        moving = wander(
            scene.draws,
            "attitude wander",
            seconds=(time_ns - scene.world.start_ns) / NS_PER_S,
            sigma=self.attitude_wander_urad,
            period_s=self.attitude_period_s,
            n=3,
        )
        return MICRO * (self.attitude_bias_urad * constant + moving)


def _rings(view: float, low: float, high: float, number: int) -> Floats:
    """Return the middles of the parts of so many rings, see `Observer.parts`; angles in radians."""
    tall = (high - low) / number
    wide = 2.0 * math.sqrt(view**2 - (tall / 2.0) ** 2)
    found = []
    for ring in range(number):
        off = low + (ring + 0.5) * tall
        widest = math.sin(min(off + tall / 2.0, math.pi / 2.0))
        n = max(1, math.ceil(2.0 * math.pi * widest / wide))
        found += [(off, 2.0 * math.pi * k / n) for k in range(n)]
    return np.array(found)


@dataclass(frozen=True, slots=True, eq=False)
class _Satellite:
    """A satellite before a world."""

    own: Observer

    def see(self, scene: Scene, first_look: int, n_looks: int) -> Seen:
        """Return the lines of some looks."""
        own = self.own
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + n_looks))
        place = scene.own_at(begins_ns)
        middle = self._middles(scene, first_look, place)
        i_flight, i_look, position, snr = self._in_view(scene, begins_ns, place, middle)
        drawn = ndtri(scene.uniforms("look", i_flight, i_look, first_look, n_looks, PER_LOOK))
        rows = np.flatnonzero(snr + drawn[:, 0] > own.threshold)
        i_flight, i_look, position, snr, drawn = i_flight[rows], i_look[rows], position[rows], snr[rows], drawn[rows]
        origin, time_ns = place[i_look, :3], begins_ns[i_look]
        offset = position - origin
        range_m = np.linalg.norm(offset, axis=1)
        line = offset / range_m[:, None]
        sigma = own.sigma_rad(snr) * scene.faults.noise(time_ns)
        right = np.cross(line, _away(origin))
        right /= np.linalg.norm(right, axis=1)[:, None]
        line = line + sigma[:, None] * (drawn[:, 1:2] * right + drawn[:, 2:] * np.cross(right, line))
        false_look, false_line = self._false_lines(scene, first_look, place)
        kept = self._is_looked_at(false_line, middle, false_look)
        false_look, false_line = false_look[kept], false_line[kept]
        i_look = np.concatenate([i_look, false_look])
        line, time_ns = np.concatenate([line, false_line]), begins_ns[i_look]
        turn = np.vecmat(own.turn_rad(scene, begins_ns)[i_look], _orbit_axes(place)[i_look])
        line = line + np.cross(turn, line)
        range_m = np.concatenate([range_m, np.ones(len(false_look))])
        origin = place[i_look, :3]
        seen_at = np.hstack([origin + range_m[:, None] * line, np.zeros_like(line)])
        values = scene.sensor.measure(seen_at, origin)
        values[:, AZIMUTH] = wrap(values[:, AZIMUTH] + scene.faults.bias("azimuth_rad", time_ns))
        values[:, ELEVATION] += scene.faults.bias("elevation_rad", time_ns)
        i_flight = np.concatenate([i_flight, np.full(len(false_look), -1, np.int64)])
        if middle is None:  # all of its field at every look: it says that it looked
            time_ns, origin = np.concatenate([time_ns, begins_ns]), np.concatenate([origin, place[:, :3]])
            values = np.concatenate([values, np.full((n_looks, values.shape[1]), np.nan)])
            i_flight = np.concatenate([i_flight, np.full(n_looks, -1, np.int64)])
        return Seen(
            time_ns=time_ns,
            i_flight=i_flight,
            values=values,
            origin_ecef_m=origin,
            clock_ahead_s=own.time_bias_s,
        )

    def _middles(self, scene: Scene, first_look: int, place: Floats) -> Floats | None:
        """Return the (n, 3) directions of the middles of what looks see; None where each sees all."""
        own = self.own
        if scene.aims is None:
            return None
        parts = own.parts()
        begin = int(len(parts) * scene.draws.uniforms("first part", first_look=0, n_looks=1, per_look=1)[0, 0])
        off, around = parts[(begin + first_look + np.arange(len(place))) % len(parts)].T
        own_axes = np.stack([-np.cos(off), np.sin(off) * np.cos(around), np.sin(off) * np.sin(around)], axis=1)
        middle = np.vecmat(own_axes, _orbit_axes(place))
        aimed = scene.aims.of(first_look, len(place)) - place[:, :3]
        aimed /= np.linalg.norm(aimed, axis=1)[:, None]
        off_nadir_deg = np.degrees(np.arccos(np.clip(-np.vecdot(aimed, _away(place[:, :3])), -1.0, 1.0)))
        can = (off_nadir_deg >= own.off_nadir_deg_min) & (off_nadir_deg <= own.off_nadir_deg_max)  # not where NaN
        return np.where(can[:, None], aimed, middle)

    def _is_looked_at(self, line: Floats, middle: Floats | None, i_look: Integers) -> NDArray[np.bool_]:
        """Return whether each of (n, 3) directions is in the view of its look."""
        if middle is None:
            return np.ones(len(line), np.bool_)
        is_near: NDArray[np.bool_] = np.vecdot(line, middle[i_look]) >= math.cos(math.radians(self.own.view_deg))
        return is_near

    def _in_view(
        self, scene: Scene, begins_ns: Integers, place: Floats, middle: Floats | None
    ) -> tuple[Integers, Integers, Floats, Floats]:
        """Return flights and looks, counted from the first, that could be seen: where it is, and signal to noise."""
        own, paths, n = self.own, scene.world.paths, len(begins_ns)
        chosen = scene.others(int(begins_ns[0]), int(begins_ns[-1]))
        if len(chosen):
            chosen = chosen[np.maximum.reduceat(paths.heat_w_sr, paths.first[:-1])[chosen] > 0.0]
        i_flight, i_look = np.repeat(chosen, n), np.tile(np.arange(n), len(chosen))
        states, sample = paths.at(i_flight, begins_ns[i_look])
        offset = states[:, :3] - place[i_look, :3]
        signal_w_m2 = paths.heat_w_sr[sample] / np.vecdot(offset, offset)
        noises = own.noise_sky_w_m2, own.noise_limb_w_m2, own.noise_earth_w_m2
        rows = np.flatnonzero(signal_w_m2 >= FAINTEST * min(noises))
        i_flight, i_look, position, signal_w_m2 = i_flight[rows], i_look[rows], states[rows, :3], signal_w_m2[rows]
        origin = place[i_look, :3]
        line = position - origin
        line /= np.linalg.norm(line, axis=1)[:, None]
        off_nadir_deg = np.degrees(np.arccos(np.clip(-np.vecdot(line, _away(origin)), -1.0, 1.0)))
        east, north = np.matvec(enu_axes_at(origin)[:, :2], line).T
        loss_db = scene.faults.loss_db(np.arctan2(east, north), begins_ns[i_look])
        snr = signal_w_m2 * 10.0 ** (-loss_db / 10.0) / own.noise_w_m2(line, origin)
        in_view = (off_nadir_deg >= own.off_nadir_deg_min) & (off_nadir_deg <= own.off_nadir_deg_max)
        in_view &= self._is_looked_at(line, middle, i_look)
        in_view &= (snr >= FAINTEST) & is_clear(position, origin, scene.world.weather.cloud_top_m)
        return i_flight[in_view], i_look[in_view], position[in_view], snr[in_view]

    def _false_lines(self, scene: Scene, first_look: int, place: Floats) -> tuple[Integers, Floats]:
        """Return the looks of false lines, counted from the first, and the lines: even over the field of view."""
        own = self.own
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + len(place)))
        mean = own.false_lines_per_look * scene.faults.clutter(begins_ns)
        i_look, point = false_points(scene.draws, mean, first_look=first_look, per_point=2)
        near, far = np.cos(np.radians([own.off_nadir_deg_min, own.off_nadir_deg_max]))
        down = near + point[:, 0] * (far - near)
        level, round_ = np.sqrt(1.0 - down**2), 2.0 * math.pi * point[:, 1]
        parts = np.stack([-down, level * np.cos(round_), level * np.sin(round_)], axis=1)
        return i_look, np.vecmat(parts, _orbit_axes(place)[i_look])


def _away(origin_ecef_m: Floats) -> Floats:
    """Return (n, 3) unit vectors away from the Earth's centre."""
    away: Floats = origin_ecef_m / np.linalg.norm(origin_ecef_m, axis=1)[:, None]
    return away


def _orbit_axes(states: Floats) -> Floats:
    """Return (n, 3, 3) rows away from the Earth, ahead and sideways; east is ahead of what stands still."""
    away, velocity = _away(states[:, :3]), states[:, 3:6]
    still = np.linalg.norm(velocity, axis=1) < 1.0
    velocity = np.where(still[:, None], np.cross([0.0, 0.0, 1.0], away), velocity)
    ahead = velocity - np.vecdot(velocity, away)[:, None] * away
    ahead /= np.linalg.norm(ahead, axis=1)[:, None]
    return np.stack([away, ahead, np.cross(away, ahead)], axis=1)
