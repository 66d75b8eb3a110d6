"""What a search radar truly sees: echoes in noise, transponder replies, clutter, and its own errors."""

import math
from dataclasses import dataclass, fields
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.special import ndtri

from noroshi.estimation.angles import wrap
from noroshi.exercise.clutter import false_points
from noroshi.exercise.detection import N_UNIFORMS, Swerling, draw_look, threshold
from noroshi.exercise.faults import Faults
from noroshi.exercise.fields import Part
from noroshi.exercise.flight import Flight
from noroshi.exercise.paths import state_at
from noroshi.exercise.resolution import merged
from noroshi.exercise.sea import grazing_rad, reflectivity
from noroshi.exercise.watching import Scene, Seen, Watch
from noroshi.exercise.world import World
from noroshi.geo.horizon import is_above_horizon
from noroshi.geo.units import FOOT_M
from noroshi.geo.wgs84 import Floats, enu_axes_at, geodetic_from_ecef, vertical_at
from noroshi.kernel import kernel
from noroshi.records import Identity, SensorSite, take
from noroshi.sensors import Sensor

Integers = NDArray[np.int64]
Sector = Annotated[tuple[float, float], Field(description="from and to, clockwise from true north")]
RANGE, AZIMUTH, ELEVATION, ALTITUDE, RANGE_RATE = range(5)
NOISY = (RANGE, AZIMUTH, ELEVATION, RANGE_RATE)
MODE_C_STEP_M = 25 * FOOT_M  # Mode C in 25 ft steps (ICAO Annex 10 volume IV, 3.1.1.7.12.2)
MONOPULSE_SLOPE = 1.6  # of the beam's error signal; Barton (1988), Modern Radar System Analysis, section 8.3
BEAM_STEPS = 8  # each gains a factor of (rotation time x target's angular rate): 14 at 5 km from the radar
FALSE_SPEED_M_S = 300.0  # range rates of false plots are even within it
PER_LOOK = N_UNIFORMS + 5  # fluctuation and noise of the echo, reply, four errors


class Observer(Part):
    """A rotating or staring search radar, primary, secondary or both.

    The echo's signal to noise is `reference_snr_db` for `reference_cross_section_m2` at `reference_range_m`, and goes
    with the cross-section and the fourth power of range. Each look draws the target's fluctuation and the receiver's
    noise and compares their sum with the threshold of `false_alarm_probability`. The same draw of signal to noise sets
    the look's error: with X the energy ratio (at least 1), a standard deviation is cell / sqrt(2 X) for range and range
    rate and beam / (1.6 sqrt(2 X)) for angles, with the floor added in squares. A reply of a transponder counts as an
    echo of `reply_snr_db`. Echoes within a beam's height of the sea compete with what it sends back from their cell, by
    the sea state of the weather; whatever is not air is taken for sea. The Earth is of 4/3 radius, without terrain. A
    rotating beam meets each target when it points to it, having pointed north at the start of the exercise; one that
    stares sees all at the start of each scan. Such a one may be told to dwell: `task_time_s` of that scan go to the one
    beam that it is told, and all beams share what is left; the signal to noise goes with the time on target. Of a
    moving carrier's own speed the range rate is freed.

    Source: Skolnik (2001), Introduction to Radar Systems, 3rd ed., chapter 2 (for time on target as well), section 6.3.
    """

    rotating: bool = Field(True, description="whether the beam turns; else the radar stares all round")
    scan_time_s: float = Field(10.0, ge=0.1, le=60.0, description="one turn, or from one look to the next")
    primary: bool = Field(True, description="whether it sees echoes")
    task_time_s: float = Field(
        0.0, ge=0.0, le=30.0, description="of a scan that a look takes that it is told; 0: it cannot be told"
    )
    transponder: bool = Field(False, description="whether it asks transponders: identity and Mode C altitude")
    measures_elevation: bool = Field(False, description="whether it is a 3-D radar")
    measures_range_rate: bool = Field(False, description="whether it measures Doppler")
    reports_accuracy: bool = Field(False, description="whether each plot states its own standard deviations")

    reference_range_m: float = Field(200_000.0, gt=0.0, le=5e6, description="range of the reference echo")
    reference_cross_section_m2: float = Field(1.0, gt=0.0, le=1e5, description="cross-section of the reference echo")
    reference_snr_db: float = Field(20.0, ge=-30.0, le=60.0, description="signal to noise of its one pulse")
    swerling: Swerling = Field(1, description="how targets fluctuate; 0: not at all")
    pulses: int = Field(1, ge=1, le=100, description="how many are summed without their phase in a look")
    false_alarm_probability: float = Field(1e-6, gt=0.0, le=0.01, description="of the threshold, in one cell")
    false_plots_per_scan: float = Field(
        5.0, ge=0.0, le=2_000.0, description="mean of those that are left after plot extraction, even over the area"
    )

    frequency_ghz: float = Field(3.0, ge=0.5, le=35.0, description="sets what the sea sends back")
    clutter_improvement_db: float = Field(
        30.0, ge=0.0, le=80.0, description="by how much it suppresses what the sea sends back against echoes"
    )

    range_m_min: float = Field(500.0, ge=0.0, le=1e6, description="nearer it is blind")
    range_m_max: float = Field(400_000.0, gt=0.0, le=5e6, description="further it does not look")
    elevation_deg_min: float = Field(-2.0, ge=-90.0, le=90.0, description="lower it does not look")
    elevation_deg_max: float = Field(45.0, ge=-90.0, le=90.0, description="higher it does not look")
    dead_sectors_deg: tuple[Sector, ...] = Field((), description="azimuths at which it does not look")
    range_rate_m_s_min: float = Field(
        0.0, ge=0.0, le=1_000.0, description="echoes that open or close slower than this are taken for clutter"
    )
    reply_probability: float = Field(0.97, ge=0.0, le=1.0, description="that a transponder's reply is read in a look")
    reply_snr_db: float = Field(30.0, ge=0.0, le=60.0, description="of a reply")

    range_cell_m: float = Field(150.0, gt=0.0, le=1e5, description="nearer echoes are one plot; sets the error too")
    azimuth_beam_deg: float = Field(1.5, gt=0.0, le=90.0, description="3 dB beam width; likewise")
    elevation_beam_deg: float = Field(2.0, gt=0.0, le=90.0, description="3 dB beam width, of a 3-D radar; likewise")
    range_rate_cell_m_s: float = Field(10.0, gt=0.0, le=1_000.0, description="Doppler cell; sets the error")
    merges: bool = Field(True, description="whether plots within one cell and beam become one")
    range_floor_m: float = Field(30.0, gt=0.0, le=1e5, description="standard deviation of a strong echo")
    azimuth_floor_deg: float = Field(0.05, gt=0.0, le=20.0, description="standard deviation of a strong echo")
    elevation_floor_deg: float = Field(0.08, gt=0.0, le=20.0, description="standard deviation of a strong echo")
    range_rate_floor_m_s: float = Field(1.0, gt=0.0, le=1_000.0, description="standard deviation of a strong echo")

    range_bias_m: float = Field(0.0, ge=-1e4, le=1e4, description="added to each range")
    azimuth_bias_deg: float = Field(0.0, ge=-10.0, le=10.0, description="added to each azimuth")
    elevation_bias_deg: float = Field(0.0, ge=-10.0, le=10.0, description="added to each elevation")
    altitude_bias_m: float = Field(0.0, ge=-1e3, le=1e3, description="added to each Mode C altitude: the day's weather")
    time_bias_s: float = Field(0.0, ge=-60.0, le=60.0, description="by which its clock is ahead")

    @model_validator(mode="after")
    def _is_possible(self) -> "Observer":
        if not self.primary and not self.transponder:
            raise ValueError("neither primary nor transponder: it would see nothing; set one of them to true")
        if not self.range_m_min < self.range_m_max:
            raise ValueError("range_m_min must be below range_m_max")
        if not self.elevation_deg_min < self.elevation_deg_max:
            raise ValueError("elevation_deg_min must be below elevation_deg_max")
        if not _open_azimuths(self.dead_sectors_deg)[1].any():
            raise ValueError("dead_sectors_deg leave no azimuth to look at")
        if self.rotating and self.task_time_s:
            raise ValueError("a beam that turns cannot be told where to look: leave out task_time_s, or rotating")
        if self.task_time_s > self.scan_time_s / 2.0:
            raise ValueError("task_time_s is at most half of scan_time_s")
        return self

    def watch(self, world: World, site: SensorSite, sensor: Sensor, carrier: Flight | None) -> Watch:
        """Return the radar's watch over a world; see `Observer.watch` of the room."""
        scene = Scene.of(
            world, site, sensor, carrier, period_s=self.scan_time_s, is_continuous=self.rotating, is_aimed=self.is_aimed
        )
        return scene.watch(_Radar(self, scene.transponders()))

    @property
    def is_aimed(self) -> bool:
        """Whether it may be told where to look."""
        return self.task_time_s > 0.0

    def can_look(self, states: Floats, origin_ecef_m: Floats) -> NDArray[np.bool_]:
        """Return whether each of (n, 6) states is in cover of (n, 3) origins."""
        azimuth, elevation, range_m = _directions(states[:, :3], origin_ecef_m)
        return self.covers(azimuth, elevation, range_m) & is_above_horizon(states[:, :3], origin_ecef_m)

    @property
    def beams(self) -> float:
        """How many beams fill what it looks at."""
        low, high = math.radians(self.elevation_deg_min), math.radians(self.elevation_deg_max)
        around = math.radians(float(_open_azimuths(self.dead_sectors_deg)[1].sum()))
        one = math.radians(self.azimuth_beam_deg) * math.radians(self.elevation_beam_deg)
        return max(1.0, around * (math.sin(high) - math.sin(low)) / one)

    def covers(self, azimuth: Floats, elevation: Floats, range_m: Floats) -> NDArray[np.bool_]:
        """Return whether it looks at each of (n,) azimuths, elevations and ranges."""
        elevation_deg = np.degrees(elevation)
        covered: NDArray[np.bool_] = (range_m >= self.range_m_min) & (range_m <= self.range_m_max)
        covered &= (elevation_deg >= self.elevation_deg_min) & (elevation_deg <= self.elevation_deg_max)
        for low, high in np.radians(self.dead_sectors_deg).reshape(-1, 2):
            covered &= (azimuth - low) % (2.0 * math.pi) > (high - low) % (2.0 * math.pi)
        return covered

    def sigmas(self, energy: Floats, replied: NDArray[np.bool_]) -> Floats:
        """Return the (n, 5) standard deviations of range, azimuth, elevation, altitude (0) and range rate.

        Args:
            energy: (n,) the looks' signal to noise, summed over the pulses.
            replied: (n,) whether a transponder's reply was read.
        """
        strong = np.where(replied, 10.0 ** (self.reply_snr_db / 10.0), 0.0)
        root = np.sqrt(2.0 * np.maximum(np.maximum(energy, strong), 1.0))
        angle = MONOPULSE_SLOPE * root
        return np.stack(
            [
                np.hypot(self.range_floor_m, self.range_cell_m / root),
                np.radians(np.hypot(self.azimuth_floor_deg, self.azimuth_beam_deg / angle)),
                np.radians(np.hypot(self.elevation_floor_deg, self.elevation_beam_deg / angle)),
                np.zeros(len(energy)),
                np.hypot(self.range_rate_floor_m_s, self.range_rate_cell_m_s / root),
            ],
            axis=1,
        )

    def snr(self, range_m: Floats, cross_section_m2: Floats, loss_db: Floats | float = 0.0) -> Floats:
        """Return the mean signal to noise of one pulse, a ratio."""
        reference = 10.0 ** ((self.reference_snr_db - loss_db) / 10.0) / self.reference_cross_section_m2
        snr: Floats = reference * cross_section_m2 * (self.reference_range_m / range_m) ** 4
        return snr


@dataclass(frozen=True, slots=True, eq=False)
class _Plots:
    """Plots in the making, n rows.

    Attributes:
        look: (n,) numbers of their looks.
        again: (n,) whether the beam meets the target for the second time in this look.
        time_ns, i_flight, origin: see `Seen`.
        values: (n, 5) in the order of the type.
        energy: (n,) signal to noise, summed over the pulses.
        replied: (n,) whether a transponder's reply was read.
        sigmas: (n, 5) standard deviations.
    """

    look: Integers
    again: NDArray[np.bool_]
    time_ns: Integers
    i_flight: Integers
    origin: Floats
    values: Floats
    energy: Floats
    replied: NDArray[np.bool_]
    sigmas: Floats

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "_Plots":
        return _Plots(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def and_those(self, others: "_Plots") -> "_Plots":
        columns = (field.name for field in fields(self))
        return _Plots(*(np.concatenate([getattr(self, name), getattr(others, name)]) for name in columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Radar:
    """A radar before a world; `transponders` are the faults of those flights that have any, by their numbers."""

    own: Observer
    transponders: dict[int, Faults]

    def see(self, scene: Scene, first_look: int, n_looks: int) -> Seen:
        """Return the plots of some scans."""
        plots = self._in_cover(scene, first_look, n_looks)
        i_look = plots.look - first_look
        both = scene.uniforms("look", plots.i_flight, i_look, first_look, n_looks, 2 * PER_LOOK)
        drawn = np.where(plots.again[:, None], both[:, PER_LOOK:], both[:, :PER_LOOK])
        seen = self._detect(scene, plots, drawn)
        plots, drawn = plots.rows(seen), drawn[seen]
        plots.sigmas[:] = self.own.sigmas(plots.energy, plots.replied) * scene.faults.noise(plots.time_ns)[:, None]
        plots.values[:, NOISY] += plots.sigmas[:, NOISY] * ndtri(drawn[:, -len(NOISY) :])
        plots = plots.and_those(self._false_plots(scene, first_look, n_looks))
        return self._measured(scene, self._merged(plots) if self.own.merges else plots)

    def _in_cover(self, scene: Scene, first_look: int, n_looks: int) -> _Plots:
        """Return where the radar meets targets that it can see, before all chance."""
        own, paths = self.own, scene.world.paths
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + n_looks))
        chosen = scene.others(int(begins_ns[0]), int(begins_ns[-1]) + scene.period_ns)
        room = (2 if own.rotating else 1) * len(chosen) * n_looks
        where, time_ns = np.empty((room, 3), np.int64), np.empty(room, np.int64)
        states, origin = np.empty((room, 6)), np.empty((room, 3))
        carrier = scene.own.time_ns, scene.own.state_ecef
        n = _meet(
            paths.first, paths.time_ns, paths.state_ecef, chosen, *carrier, begins_ns, scene.period_ns, own.rotating,
            own.range_m_max, where, time_ns, states, origin,
        )  # fmt: skip
        values = scene.sensor.measure(states[:n], origin[:n])
        covered = own.covers(values[:, AZIMUTH], values[:, ELEVATION], values[:, RANGE])
        covered &= is_above_horizon(states[:n, :3], origin[:n])
        rows = np.flatnonzero(covered)
        none = np.zeros(len(rows))
        return _Plots(
            look=first_look + where[rows, 1],
            again=where[rows, 2] > 0,
            time_ns=time_ns[rows],
            i_flight=where[rows, 0],
            origin=origin[rows],
            values=values[rows],
            energy=none,
            replied=none > 0.0,
            sigmas=np.zeros((len(rows), 5)),
        )

    def _detect(self, scene: Scene, plots: _Plots, drawn: Floats) -> Integers:
        """Write each look's energy and whether a reply was read; return those looks that see something."""
        own, paths = self.own, scene.world.paths
        loss_db = scene.faults.loss_db(plots.values[:, AZIMUTH], plots.time_ns)
        limit = threshold(own.false_alarm_probability, own.pulses)
        snr = own.snr(plots.values[:, RANGE], paths.cross_section_m2[plots.i_flight], loss_db)
        snr *= self._time_on(scene, plots)
        snr /= 1.0 + self._sea_to_noise(scene, plots, loss_db)
        plots.energy[:], total = draw_look(snr, drawn, swerling=own.swerling, pulses=own.pulses)
        moves = np.abs(plots.values[:, RANGE_RATE]) >= own.range_rate_m_s_min
        seen = own.primary & (total > limit) & moves
        said = paths.identity
        # What has no body (a spoofed report) hears no interrogator.
        answers = ((said.icao_address >= 0) | (said.mode_3a >= 0)) & (paths.cross_section_m2 > 0.0)
        plots.replied[:] = own.transponder & answers[plots.i_flight] & (drawn[:, N_UNIFORMS] < own.reply_probability)
        plots.replied[:] &= own.reply_snr_db - loss_db > 10.0 * math.log10(limit)
        for i, faults in self.transponders.items():
            mine = np.flatnonzero(plots.i_flight == i)
            plots.replied[mine] &= ~faults.off(plots.time_ns[mine])
        return np.flatnonzero(seen | plots.replied)

    def _time_on(self, scene: Scene, plots: _Plots) -> Floats:
        """Return how much time each plot's beam has, as a share of what it has where nothing is told."""
        own = self.own
        if scene.aims is None or not len(plots.look):
            return np.ones(len(plots.look))
        first = int(plots.look.min())
        place = scene.aims.of(first, int(plots.look.max()) - first + 1)[plots.look - first]
        is_told = np.isfinite(place[:, 0])
        aimed = _directions(np.where(is_told[:, None], place, plots.origin), plots.origin)
        apart = np.abs(wrap(plots.values[:, AZIMUTH] - aimed[0])) * np.cos(aimed[1])
        is_on = is_told & (apart <= math.radians(own.azimuth_beam_deg) / 2.0)
        is_on &= np.abs(plots.values[:, ELEVATION] - aimed[1]) <= math.radians(own.elevation_beam_deg) / 2.0
        share = own.task_time_s / own.scan_time_s
        left = np.where(is_told, 1.0 - share, 1.0)
        return np.where(is_on, left + share * own.beams, left)

    def _sea_to_noise(self, scene: Scene, plots: _Plots, loss_db: Floats) -> Floats:
        """Return the (n,) ratios of what the sea in each plot's cell sends back, as far as it is left, to the noise."""
        own, range_m = self.own, plots.values[:, RANGE]
        grazing = grazing_rad(geodetic_from_ecef(plots.origin)[2], range_m)
        sent = reflectivity(grazing, sea_state=scene.world.weather.sea_state, frequency_ghz=own.frequency_ghz)
        in_beam = plots.values[:, ELEVATION] + grazing < math.radians(own.elevation_beam_deg)
        cell_m2 = range_m * math.radians(own.azimuth_beam_deg) * own.range_cell_m
        ratio = own.snr(range_m, sent * cell_m2, loss_db + own.clutter_improvement_db)
        return np.where(in_beam, ratio, 0.0)

    def _false_plots(self, scene: Scene, first_look: int, n_looks: int) -> _Plots:
        """Return clutter: Poisson in number, even over the area and the azimuths at which the radar looks."""
        own = self.own
        begins_ns = scene.begins_ns(np.arange(first_look, first_look + n_looks))
        mean = own.false_plots_per_scan * scene.faults.clutter(begins_ns)
        i_look, point = false_points(scene.draws, mean, first_look=first_look, per_point=4)
        n = len(i_look)
        values = np.full((n, 5), np.nan)
        near, far = own.range_m_min**2, own.range_m_max**2
        values[:, RANGE] = np.sqrt(near + point[:, 0] * (far - near))
        corners, width = _open_azimuths(own.dead_sectors_deg)
        upto = np.concatenate([[0.0], np.cumsum(width)])
        turned = point[:, 1] * upto[-1]
        part = np.searchsorted(upto, turned, side="right") - 1
        values[:, AZIMUTH] = np.radians(corners[part] + turned - upto[part])
        low, high = np.radians([own.elevation_deg_min, own.elevation_deg_max])
        values[:, ELEVATION] = low + point[:, 2] * (high - low)
        values[:, RANGE_RATE] = (2.0 * point[:, 3] - 1.0) * FALSE_SPEED_M_S
        time_ns = begins_ns[i_look]
        if own.rotating:
            since = values[:, AZIMUTH] / (2.0 * math.pi) * scene.period_ns
            time_ns = time_ns + np.minimum(since.astype(np.int64), scene.period_ns - 1)
        energy = np.full(n, threshold(own.false_alarm_probability, own.pulses))
        replied = np.zeros(n, np.bool_)
        return _Plots(
            look=first_look + i_look,
            again=replied,
            time_ns=time_ns,
            i_flight=np.full(n, -1, np.int64),
            origin=scene.own_at(time_ns)[:, :3],
            values=values,
            energy=energy,
            replied=replied,
            sigmas=own.sigmas(energy, replied),
        )

    def _merged(self, plots: _Plots) -> _Plots:
        """Return the plots with those of one cell made one. Those with a reply stay apart: they are asked by name."""
        own = self.own
        beams = math.radians(own.azimuth_beam_deg), math.radians(own.elevation_beam_deg)
        n_parts = 3 if own.measures_elevation else 2
        group = np.where(plots.replied, -1 - np.arange(len(plots.look)), plots.look)
        kept, where = merged(group, plots.energy, plots.values[:, :n_parts], np.array([own.range_cell_m, *beams]))
        plots = plots.rows(kept)
        plots.values[:, :n_parts] = where
        return plots

    def _measured(self, scene: Scene, plots: _Plots) -> Seen:
        """Return what the radar says: biased, rounded, and of what it measures only."""
        own, faults, values, time_ns = self.own, scene.faults, plots.values, plots.time_ns
        values[:, RANGE] += own.range_bias_m + faults.bias("range_m", time_ns)
        values[:, AZIMUTH] += math.radians(own.azimuth_bias_deg) + faults.bias("azimuth_rad", time_ns)
        values[:, AZIMUTH] %= 2.0 * math.pi
        values[:, ELEVATION] += math.radians(own.elevation_bias_deg) + faults.bias("elevation_rad", time_ns)
        steps = np.round((values[:, ALTITUDE] + own.altitude_bias_m) / MODE_C_STEP_M)
        values[:, ALTITUDE] = np.where(plots.replied, steps * MODE_C_STEP_M, np.nan)
        if not own.measures_elevation:
            values[:, ELEVATION] = np.nan
        if not own.measures_range_rate:
            values[:, RANGE_RATE] = np.nan
        identity = None
        if own.transponder:
            silent = Identity.absent(len(time_ns))
            said = take(scene.world.paths.identity, plots.i_flight) if len(scene.world.flights) else silent
            identity = silent.replace(
                icao_address=np.where(plots.replied, said.icao_address, silent.icao_address),
                mode_3a=np.where(plots.replied, said.mode_3a, silent.mode_3a),
            )
        plots.sigmas[:, ALTITUDE] = MODE_C_STEP_M / math.sqrt(12.0)
        return Seen(
            time_ns=time_ns,
            i_flight=plots.i_flight,
            values=values,
            origin_ecef_m=plots.origin,
            sigmas=plots.sigmas if own.reports_accuracy else None,
            identity=identity,
            clock_ahead_s=own.time_bias_s,
        )


def _directions(position_ecef_m: Floats, origin_ecef_m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return (n,) azimuths, elevations and ranges."""
    offset = position_ecef_m - origin_ecef_m
    east, north, up = np.matvec(enu_axes_at(origin_ecef_m), offset).T
    ground = np.hypot(east, north)
    return np.arctan2(east, north), np.arctan2(up, ground), np.hypot(ground, up)


def _open_azimuths(dead_sectors_deg: tuple[Sector, ...]) -> tuple[Floats, Floats]:
    """Return where parts of the circle begin, and how much of each is not dead, in degrees."""
    edges = {0.0, 360.0} | {edge % 360.0 for sector in dead_sectors_deg for edge in sector}
    corners = np.array(sorted(edges))
    middle, width = (corners[1:] + corners[:-1]) / 2.0, np.diff(corners)
    for low, high in dead_sectors_deg:
        width = np.where((middle - low) % 360.0 < (high - low) % 360.0, 0.0, width)
    return corners[:-1], width


@kernel
def _azimuth(state: Floats, own: Floats) -> tuple[float, float]:
    """Return the azimuth from true north and the distance along the ground plane."""
    x, y, z = state[0] - own[0], state[1] - own[1], state[2] - own[2]
    ux, uy, uz, _ = vertical_at(own[0], own[1], own[2])
    across = max(math.sqrt(ux * ux + uy * uy), 1e-12)
    ex, ey = -uy / across, ux / across
    east = ex * x + ey * y
    north = -uz * ey * x + uz * ex * y + (ux * ey - uy * ex) * z
    return math.atan2(east, north), math.sqrt(east * east + north * north)


@kernel
def _meet(
    first: Integers,
    times: Integers,
    samples: Floats,
    chosen: Integers,
    own_times: Integers,
    own_samples: Floats,
    begins_ns: Integers,
    period_ns: int,
    rotating: bool,
    range_m_max: float,
    where: Integers,
    time_ns: Integers,
    states: Floats,
    origin: Floats,
) -> int:
    """Write when the radar meets each chosen flight in each look, and return how often.

    The numbers of flight and look go into `where`, and whether it is the second time in one look: a target that moves
    through north against the turn of the beam may be met at both ends of it.
    """
    n, turn = 0, 2.0 * math.pi
    state, own = np.empty(6), np.empty(6)
    for c in range(chosen.shape[0]):
        begin, end = first[chosen[c]], first[chosen[c] + 1]
        for k in range(begins_ns.shape[0]):
            north = begins_ns[k]
            if north + period_ns < times[begin] or north > times[end - 1]:
                continue
            start, starts, found = 0, 1, 0
            while start < starts:
                # From the middle of the look; near north from its end and its beginning as well.
                at = north + (period_ns // 2) * ((start + 1) % 3) if rotating else north
                for step in range(BEAM_STEPS + 1):
                    state_at(times, samples, begin, end, at, state)
                    state_at(own_times, own_samples, 0, own_times.shape[0], at, own)
                    if start == 0 and step == 0:
                        square, speed = 0.0, 0.0
                        for j in range(3):
                            square += (state[j] - own[j]) ** 2
                            speed += state[3 + j] ** 2 + own[3 + j] ** 2
                        moves = math.sqrt(2.0 * speed) * period_ns * 1e-9
                        if math.sqrt(square) > range_m_max + moves:
                            starts = 0
                            break
                    if not rotating:
                        break
                    azimuth, ground = _azimuth(state, own)
                    if start == 0 and step == 0 and abs(azimuth) * ground <= 2.0 * moves + 1.0:
                        starts = 3
                    beam = (at - north) / period_ns * turn
                    ahead = azimuth - beam
                    ahead -= turn * np.rint(ahead / turn)
                    ahead_ns = np.int64(np.rint(ahead / turn * period_ns))
                    if ahead_ns == 0 or step == BEAM_STEPS:
                        break
                    at += ahead_ns
                start += 1
                is_met = at >= max(north, times[begin]) and at < north + period_ns and at <= times[end - 1]
                if not is_met or starts == 0 or (found > 0 and abs(at - time_ns[n - 1]) < period_ns // 2) or found == 2:
                    continue
                where[n, 0], where[n, 1], where[n, 2], time_ns[n] = chosen[c], k, found, at
                for j in range(6):
                    states[n, j] = state[j]
                for j in range(3):
                    origin[n, j] = own[j]
                n += 1
                found += 1
    return n
