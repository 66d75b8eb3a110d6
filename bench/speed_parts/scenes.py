"""Scenes of the speed bench: many 3-D air targets, straight and turning, seen by rotating radars.

Everything is array operations over all targets and named draws (`exercise.keyed`), so that a hundred thousand
targets take seconds. A radar's targets stand in a ring about it, one in 100 km2; more than `TARGETS_A_RADAR`
targets get more radars, each with a ring of its own somewhere on the Earth. Radars stand at 9 km, as airborne ones do,
so that they see the whole of a ring above the horizon.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtrik

from noroshi.estimation.angles import wrap
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Detections, Identity, Kind, SensorSite, Truth, take
from noroshi.run.rooms import load
from noroshi.sensors import Sensor

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Layout = Literal["sparse", "raid"]
Timing = Literal["rotating", "shared"]

START_NS = 1_767_225_600_000_000_000  # 2026-01-01
COMPONENTS = ("range_m", "azimuth_rad", "elevation_rad")
AREA_M2 = 1e8  # of a sparse target
HOLE_M = 30_000.0  # nobody flies right under a radar, where azimuth has no meaning
TARGETS_A_RADAR = 10_000
RADAR_HEIGHT_M = 9_000.0
RANGE_M_MAX = 800_000.0
HEIGHT_M = (1_000.0, 12_000.0)
SPEED_M_S = (150.0, 300.0)
CLIMB_M_S = 5.0
TURNING = 0.3  # share of targets or groups that turn, ...
TURN_M_S2 = (0.5, 2.5)  # ... so hard
GROUP = (20, 60)  # targets in a raid's group, ...
GROUP_SPACING_SIGMAS = (
    2.0  # ... so many standard deviations of a plot apart, across or along the line of sight, whichever is wider
)
GROUP_JITTER_M_S = 1.0  # how much members differ in each component of velocity
FALSE_PLOTS = (0.1, 0.6)  # a target and scan; each seed has its own
DECOY_SPACINGS = 4.0  # false plots of a raid lie about its targets, this many spacings away (one sigma)
BEAM_STEPS = 5


@dataclass(frozen=True, slots=True)
class Paths:
    """Motion of n targets: circles or straight lines in the plane that is level where each starts.

    Attributes:
        start_ecef_m: (n, 3).
        axes: (n, 3, 3) rows east, north, up at the start.
        velocity_enu_m_s: (n, 3) at the start.
        turn_rad_s: (n,) to the left; 0 is straight.
        radar: (n,) which radar's ring the target is in.
        spacing_m: (n,) distance to the neighbour in its group, 0 outside groups.
    """

    start_ecef_m: Floats
    axes: Floats
    velocity_enu_m_s: Floats
    turn_rad_s: Floats
    radar: Integers
    spacing_m: Floats

    def states(self, time_s: Floats) -> Floats:
        """Return (n, 6) Earth-fixed states at (n,) seconds after the start."""
        east, north, up = self.velocity_enu_m_s.T
        angle = self.turn_rad_s * time_s
        # sin(a t) / a and (1 - cos(a t)) / a, which exist for a = 0 too
        forward = time_s * np.sinc(angle / np.pi)
        left = time_s * np.sin(angle / 2.0) * np.sinc(angle / 2.0 / np.pi)
        moved = np.stack([east * forward - north * left, north * forward + east * left, up * time_s], axis=1)
        cos, sin = np.cos(angle), np.sin(angle)
        velocity = np.stack([east * cos - north * sin, north * cos + east * sin, up], axis=1)
        return np.hstack([self.start_ecef_m + np.vecmat(moved, self.axes), np.vecmat(velocity, self.axes)])


@dataclass(frozen=True, slots=True)
class Scene:
    """What was and what the radars saw.

    Attributes:
        name: for example "raid 1000, seed 1".
        n: how many targets.
        period_s: of one scan.
        n_scans: how many.
        sites, sensors: the radars.
        plots: each radar's plots, in order of time.
        paths: of the targets.
        timing: "rotating": each plot at the time at which the beam passed; "shared": all of a scan at its middle.
        false_plots: mean number of false plots a target and scan.
    """

    name: str
    n: int
    period_s: float
    n_scans: int
    sites: tuple[SensorSite, ...]
    sensors: tuple[Sensor, ...]
    plots: tuple[Detections, ...]
    paths: Paths
    timing: Timing
    false_plots: float

    @property
    def n_plots(self) -> int:
        """All plots."""
        return sum(map(len, self.plots))

    def picture_times_ns(self) -> Integers:
        """Return (n_scans,) when the picture is judged: the end of each scan, or where it has one time, then."""
        part = 1.0 if self.timing == "rotating" else 0.5
        return START_NS + np.round((np.arange(self.n_scans) + part) * self.period_s * NS_PER_S).astype(np.int64)

    def scans(self, radar: int = 0) -> list[Detections]:
        """Return one radar's plots, scan by scan."""
        plots = self.plots[radar]
        scan = (plots.time_ns - START_NS) // round(self.period_s * NS_PER_S)
        return [take(plots, scan == k) for k in range(self.n_scans)]

    def truth(self, times_ns: Integers) -> Truth:
        """Return where all targets were at the times."""
        states = [self.paths.states(np.full(self.n, (t - START_NS) / NS_PER_S)) for t in times_ns.tolist()]
        rows = self.n * len(times_ns)
        return Truth(
            target=np.tile(np.char.mod("%07d", np.arange(self.n)), len(times_ns)),
            time_ns=np.repeat(times_ns, self.n),
            kind=np.full(rows, Kind.AIRCRAFT, np.uint8),
            state_ecef=np.concatenate(states),
            identity=Identity.absent(rows),
        )


def make(
    layout: Layout, n: int, *, seed: int, n_scans: int, timing: Timing = "rotating", period_s: float = 10.0
) -> Scene:
    """Return a scene of n targets; equal arguments give equal scenes, and both timings have the same true motion."""
    n_radars = -(-n // TARGETS_A_RADAR)
    sites = tuple(_sites(n_radars, period_s))
    sensors = tuple(load("sensors", site.type).Sensor.at(site) for site in sites)
    draws = Draws(seed, 0, f"{layout} {n}")
    rate = _between(draws.uniforms("false plots", first_look=0, n_looks=1, per_look=1)[0, 0], FALSE_PLOTS)
    paths = _paths(layout, n, sensors, draws)
    plots = tuple(
        observe(
            paths, np.flatnonzero(paths.radar == i), site, sensor, n_scans, timing,
            float(rate), None if layout == "raid" else (HOLE_M, _ring_m(int((paths.radar == i).sum()))), seed,
        )
        for i, (site, sensor) in enumerate(zip(sites, sensors, strict=True))
    )  # fmt: skip
    return Scene(
        f"{layout} {n}, seed {seed}, {timing}", n, period_s, n_scans, sites, sensors, plots, paths, timing, float(rate)
    )


def operational(
    *, n: int, n_sensors: int, plots_a_second: float, seed: int, n_scans: int, period_s: float = 10.0
) -> Scene:
    """Return n sparse targets under many radars on a grid, whose range gives the wanted number of plots a second.

    Each radar sees what is within that range, so that the radars overlap; its scan begins at a time of its own.
    """
    side = math.ceil(math.sqrt(n_sensors))
    draws = Draws(seed, 0, f"operational {n}")
    rate = float(_between(draws.uniforms("false plots", first_look=0, n_looks=1, per_look=1)[0, 0], FALSE_PLOTS))
    middle = _site("middle", 47.0, 8.0, period_s, RANGE_M_MAX)
    paths = _paths("sparse", n, (load("sensors", middle.type).Sensor.at(middle),), draws)
    origin = ecef_from_geodetic(middle.lat_rad, middle.lon_rad, 0.0)
    place = (np.stack(np.unravel_index(np.arange(n_sensors), (side, side)), axis=1) + 0.5) / side - 0.5
    flat = np.hstack([place * 2.0 * _ring_m(n) / math.sqrt(2.0), np.zeros((n_sensors, 1))])
    lat, lon, _ = geodetic_from_ecef(ecef_from_enu(flat, origin))
    distance = np.linalg.norm(ecef_from_geodetic(lat, lon, RADAR_HEIGHT_M)[:, None] - paths.start_ecef_m[None], axis=2)
    pd = load("sensors", "search_radar").Sensor.PARAMETERS["detection_probability"]
    wanted = min(round(plots_a_second * period_s / (pd + rate)), distance.size) - 1
    reach_m = float(np.partition(distance.ravel(), wanted)[wanted])
    sites, sensors, plots = [], [], []
    for i in range(n_sensors):
        site = _site(f"radar {i:02d}", math.degrees(lat[i]), math.degrees(lon[i]), period_s, reach_m)
        sensor = load("sensors", site.type).Sensor.at(site)
        seen = np.flatnonzero(distance[i] <= reach_m)
        sites.append(site)
        sensors.append(sensor)
        phase_s = period_s * i / n_sensors
        plots.append(
            observe(paths, seen, site, sensor, n_scans, "rotating", rate, (1_000.0, reach_m), seed, phase_s=phase_s)
        )
    return Scene(
        f"operational {n}, seed {seed}", n, period_s, n_scans, tuple(sites), tuple(sensors), tuple(plots), paths,
        "rotating", rate,
    )  # fmt: skip


def observe(
    paths: Paths,
    seen: Integers,
    site: SensorSite,
    sensor: Sensor,
    n_scans: int,
    timing: Timing,
    false_plots: float,
    ring_m: tuple[float, float] | None,
    seed: int,
    *,
    phase_s: float = 0.0,
) -> Detections:
    """Return the radar's plots of the `seen` targets and its false ones, in order of time.

    Args:
        paths: of all targets.
        seen: rows of those that the radar can see.
        site: name of the radar.
        sensor: how it sees.
        n_scans: how many scans.
        timing: see `Scene`.
        false_plots: mean number a target and scan.
        ring_m: from where to where false plots lie about the radar; None for about its targets.
        seed: of the draws.
        phase_s: when the first scan begins.
    """
    who = Paths(*(getattr(paths, name)[seen] for name in Paths.__slots__))
    n, period_s = len(seen), sensor.parameters["scan_period_s"]
    draws = Draws(seed, 0, site.sensor)
    columns = [sensor.COMPONENTS.index(name) for name in COMPONENTS]
    sigma = np.array(
        [sensor.parameters[name] for name in ("range_sigma_m", "azimuth_sigma_rad", "elevation_sigma_rad")]
    )
    times, values = [], []
    for scan in range(n_scans):
        begin_s = phase_s + scan * period_s
        time_s, states = _when_seen(who, sensor, begin_s, period_s, timing)
        origin = np.broadcast_to(sensor.origin_ecef_m, (n, 3))
        chance = sensor.detection_probability(states, origin)
        hit = draws.uniforms("hit", first_look=scan * n, n_looks=n, per_look=1)[:, 0] < chance
        noise = draws.normals("noise", first_look=scan * n, n_looks=n, per_look=3)[hit]
        true = sensor.measure(states[hit], origin[hit])[:, columns] + noise * sigma
        false = _false_plots(who, time_s, sensor, draws, scan, false_plots * n, ring_m)[:, columns]
        turn_s = begin_s + np.mod(false[:, 1], 2.0 * np.pi) / (2.0 * np.pi) * period_s
        times += [time_s[hit], turn_s if timing == "rotating" else np.full(len(false), begin_s + period_s / 2.0)]
        values += [true, false]
    time_ns = START_NS + np.round(np.concatenate(times) * NS_PER_S).astype(np.int64)
    value = np.concatenate(values)
    value[:, 1] %= 2.0 * np.pi
    order = np.lexsort((value[:, 0], value[:, 1], time_ns))
    return Detections.of(
        sensor=site.sensor,
        components=COMPONENTS,
        time_ns=time_ns[order],
        values=value[order],
        origin_ecef_m=sensor.origin_ecef_m,
    )


def _when_seen(who: Paths, sensor: Sensor, begin_s: float, period_s: float, timing: Timing) -> tuple[Floats, Floats]:
    """Return (n,) times at which the beam passes the targets, and their (n, 6) states then."""
    n = len(who.radar)
    time_s = np.full(n, begin_s + period_s / 2.0)
    states = who.states(time_s)
    if timing == "shared":
        return time_s, states
    azimuth = sensor.COMPONENTS.index("azimuth_rad")
    origin = np.broadcast_to(sensor.origin_ecef_m, (n, 3))
    for _ in range(BEAM_STEPS):
        beam = (time_s - begin_s) / period_s * 2.0 * np.pi
        ahead = wrap(sensor.measure(states, origin)[:, azimuth] - beam)
        # One that passes north just then belongs to this scan's first or last moment, not to the next scan.
        time_s = np.clip(
            time_s + ahead / (2.0 * np.pi) * period_s, begin_s, np.nextafter(begin_s + period_s, 0.0) - 1e-6
        )
        states = who.states(time_s)
    return time_s, states


def _false_plots(
    who: Paths, time_s: Floats, sensor: Sensor, draws: Draws, scan: int, mean: float,
    ring_m: tuple[float, float] | None,
) -> Floats:  # fmt: skip
    """Return the measurements of (m, 5) false plots, Poisson in number, without noise of their own."""
    most = math.ceil(mean + 10.0 * math.sqrt(mean) + 10.0)
    count = draws.uniforms("false count", first_look=scan, n_looks=1, per_look=1)[0, 0]
    number = min(math.ceil(pdtrik(count, mean)), most) if mean > 0.0 else 0
    where = draws.uniforms("false place", first_look=scan * most, n_looks=most, per_look=4)[:number]
    if ring_m is not None:
        low, high = ring_m
        ground = np.sqrt(low**2 + where[:, 0] * (high**2 - low**2))
        angle = 2.0 * np.pi * where[:, 1]
        flat = np.stack([ground * np.sin(angle), ground * np.cos(angle), np.zeros(number)], axis=1)
        lat, lon, _ = geodetic_from_ecef(ecef_from_enu(flat, sensor.origin_ecef_m))
        position = ecef_from_geodetic(lat, lon, _between(where[:, 2], HEIGHT_M))
    else:
        near = np.minimum((where[:, 3] * len(who.radar)).astype(np.int64), len(who.radar) - 1)
        shift = draws.normals("false shift", first_look=scan * most, n_looks=most, per_look=3)[:number]
        shift *= np.array([DECOY_SPACINGS, DECOY_SPACINGS, 1.0]) * who.spacing_m[near, None]
        position = who.states(time_s)[near, :3] + np.vecmat(shift, who.axes[near])
    states = np.hstack([position, np.zeros((number, 3))])
    return sensor.measure(states, np.broadcast_to(sensor.origin_ecef_m, (number, 3)))


def _paths(layout: Layout, n: int, sensors: tuple[Sensor, ...], draws: Draws) -> Paths:
    radar = np.arange(n) * len(sensors) // n
    group, place_in_group = _groups(n, radar, draws) if layout == "raid" else (np.arange(n), np.zeros((n, 2)))
    leaders = np.flatnonzero(np.diff(group, prepend=-1))
    per_group = draws.uniforms("groups", first_look=0, n_looks=len(leaders), per_look=8)[group]
    area, bearing, height, speed, course, climb, turning, hard = per_group.T
    origin = np.stack([sensor.origin_ecef_m for sensor in sensors])[radar]
    outer = np.array([_ring_m(int((radar == i).sum())) for i in range(len(sensors))])[radar]
    ground = np.sqrt(HOLE_M**2 + area * (outer**2 - HOLE_M**2))
    azimuth = 2.0 * np.pi * bearing
    across = sensors[0].parameters["azimuth_sigma_rad"] * ground
    sigma = np.maximum(across, sensors[0].parameters["range_sigma_m"])
    spacing = GROUP_SPACING_SIGMAS * sigma if layout == "raid" else np.zeros(n)
    flat = np.stack([ground * np.sin(azimuth), ground * np.cos(azimuth), np.zeros(n)], axis=1)
    flat[:, :2] += place_in_group * spacing[:, None]
    lat, lon, _ = geodetic_from_ecef(ecef_from_enu(flat, origin))
    course = 2.0 * np.pi * course
    speed = _between(speed, SPEED_M_S)
    velocity = np.stack([speed * np.sin(course), speed * np.cos(course), CLIMB_M_S * (2.0 * climb - 1.0)], axis=1)
    if layout == "raid":
        velocity += GROUP_JITTER_M_S * draws.normals("jitter", first_look=0, n_looks=n, per_look=3)
    side = np.where(hard < 0.5, -1.0, 1.0)
    turn = np.where(turning < TURNING, side * _between(np.mod(2.0 * hard, 1.0), TURN_M_S2) / speed, 0.0)
    start = ecef_from_geodetic(lat, lon, _between(height, HEIGHT_M))
    return Paths(start, enu_axes(lat, lon), velocity, turn, radar, spacing)


def _groups(n: int, radar: Integers, draws: Draws) -> tuple[Integers, Floats]:
    """Return (n,) the group of each target and its (n, 2) place on the group's square lattice."""
    share = draws.uniforms("group sizes", first_look=0, n_looks=n, per_look=1)[:, 0]
    sizes = (GROUP[0] + share * (GROUP[1] - GROUP[0] + 1)).astype(np.int64)
    begins = np.zeros(n, bool)
    begins[np.concatenate([[0], np.cumsum(sizes)[np.cumsum(sizes) < n]])] = True
    begins |= np.diff(radar, prepend=-1) != 0
    group = np.cumsum(begins) - 1
    index = np.arange(n) - np.flatnonzero(begins)[group]
    side = np.ceil(np.sqrt(np.bincount(group)))[group].astype(np.int64)
    return group, np.stack([index // side, index % side], axis=1) - (side[:, None] - 1) / 2.0


def _ring_m(n: int) -> float:
    """Return the outer radius of the ring that gives each of n targets its area."""
    return math.sqrt(HOLE_M**2 + n * AREA_M2 / math.pi)


def _between(share: Floats, low_high: tuple[float, float]) -> Floats:
    return low_high[0] + share * (low_high[1] - low_high[0])


def _site(name: str, lat_deg: float, lon_deg: float, period_s: float, range_m_max: float) -> SensorSite:
    return SensorSite(
        sensor=name,
        type="search_radar",
        lat_rad=math.radians(lat_deg),
        lon_rad=math.radians(lon_deg),
        height_m=RADAR_HEIGHT_M,
        parameters={"scan_period_s": period_s, "range_m_max": range_m_max, "range_m_min": 500.0},
    )


def _sites(n: int, period_s: float) -> list[SensorSite]:
    """Return n radars: one over central Europe, or all spread evenly between 60 degrees south and north.

    Source: Gonzalez (2010), Measurement of areas on a sphere using Fibonacci and latitude-longitude lattices,
    Mathematical Geosciences 42, 49-64.
    """
    if n == 1:
        return [_site("radar 000", 47.0, 8.0, period_s, RANGE_M_MAX)]
    i = np.arange(n)
    lat = np.degrees(np.arcsin(math.sin(math.radians(60.0)) * ((2.0 * i + 1.0) / n - 1.0)))
    lon = np.mod(i * 360.0 / ((1.0 + math.sqrt(5.0)) / 2.0), 360.0) - 180.0
    return [_site(f"radar {k:03d}", lat[k], lon[k], period_s, RANGE_M_MAX) for k in range(n)]
