"""What named constellations and radars see of some flights, as batches in the order of their time."""

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from noroshi.exercise.flight import Flight
from noroshi.exercise.keyed import Draws
from noroshi.exercise.movers.constellation import Mover
from noroshi.exercise.observers.infrared import Observer as Infrared
from noroshi.exercise.observers.search_radar import Observer as Radar
from noroshi.exercise.world import Weather, World
from noroshi.geo.time import NS_PER_S
from noroshi.motion import Motion
from noroshi.records import Detections, SensorSite, take
from noroshi.sensors import Sensor
from noroshi.sensors.prepare import arrange

MOTIONS = "constant_velocity+ballistic+boost+glide"
NEAR_M = 7_000_000.0  # satellites that are never nearer see nothing of a flight, and are left out with their clutter
CONSTELLATIONS = {
    "54 in 6": Mover(satellites=54, planes=6, phasing=1, pattern="star", inclination_deg=81.0),
    "28 in 4": Mover(satellites=28, planes=4, phasing=1, pattern="star", inclination_deg=81.0),
    "24 in 4": Mover(satellites=24, planes=4, phasing=1, pattern="delta", inclination_deg=55.0),
}
EYE = Infrared(noise_sky_w_m2=1e-10, noise_limb_w_m2=5e-10, noise_earth_w_m2=1e-9)  # as in the shipped nations
EYE_BELIEVED = {"line_sigma_rad": 60e-6, "scan_period_s": EYE.revisit_s, "height_prior_m_max": 300_000.0}
RADAR = Radar(
    rotating=False, scan_time_s=5.0, measures_elevation=True, reference_range_m=1_800_000.0, range_m_max=3_000_000.0,
    elevation_deg_min=2.0, elevation_deg_max=85.0, azimuth_beam_deg=1.2, elevation_beam_deg=1.2,
    false_plots_per_scan=4.0,
)  # fmt: skip
RADAR_BELIEVED = {
    "range_sigma_m": 60.0, "azimuth_sigma_rad": 0.0012, "elevation_sigma_rad": 0.0016, "scan_period_s": 5.0,
    "range_m_max": 3_000_000.0,
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    """One batch, by whom, and whose each plot truly is."""

    plots: Detections
    sensor: Sensor
    owner: np.ndarray

    @property
    def time_ns(self) -> int:
        """When the last of it was seen."""
        return int(self.plots.time_ns.max())


@dataclass(frozen=True)
class Eye:
    """A sensor before a world."""

    site: SensorSite
    sensor: Sensor
    watch: Any


def motions(names: str = MOTIONS) -> list[Motion]:
    """Return the motion models of the trackers."""
    return [importlib.import_module(f"noroshi.motion.{name}").Motion.of() for name in names.split("+")]


@cache
def satellites(name: str, start_ns: int, end_ns: int, node_deg: float) -> tuple[Flight, ...]:
    """Return the flights of a constellation, whose first plane rises at a longitude."""
    mover = CONSTELLATIONS[name].model_copy(update={"node_deg": node_deg})
    return tuple(mover.fly(name, start_ns, end_ns, Draws(0, 0, name)))


def eyes(
    flights: Sequence[Flight], *, constellation: str, radars: Sequence[tuple[str, float, float, float]], seed: int,
    start_ns: int, end_ns: int, cloud_top_m: float, node_deg: float = 0.0,
) -> list[Eye]:  # fmt: skip
    """Return the sensors before a world with these flights.

    Args:
        flights: what flies.
        constellation: a name of `CONSTELLATIONS`, or "".
        radars: name, latitude and longitude [deg] and height [m] of each.
        seed: of all draws.
        start_ns, end_ns: of the world.
        cloud_top_m: below it nothing is seen from above.
        node_deg: see `satellites`.
    """
    flown = satellites(constellation, start_ns, end_ns, node_deg) if constellation else ()
    place = np.concatenate([flight.state_ecef[:: max(len(flight.time_ns) // 8, 1), :3] for flight in flights])
    near = [
        each for each in flown
        if np.linalg.norm(each.state_ecef[::3, None, :3] - place, axis=2).min() < NEAR_M
    ]  # fmt: skip
    world = World(seed=seed, replicate=0, start_ns=start_ns, end_ns=end_ns, flights=(*flights, *near),
                  weather=Weather(cloud_top_m=cloud_top_m))  # fmt: skip
    made = []
    types = {kind: importlib.import_module(f"noroshi.sensors.{kind}").Sensor for kind in ("infrared", "search_radar")}
    for satellite in near:
        site = SensorSite(sensor=satellite.name, type="infrared", lat_rad=0.0, lon_rad=0.0, height_m=0.0,
                          parameters=EYE_BELIEVED)  # fmt: skip
        sensor = types["infrared"].at(site)
        made.append(Eye(site, sensor, EYE.watch(world, site, sensor, satellite)))
    for name, lat_deg, lon_deg, height_m in radars:
        site = SensorSite(sensor=name, type="search_radar", lat_rad=math.radians(lat_deg),
                          lon_rad=math.radians(lon_deg), height_m=height_m, parameters=RADAR_BELIEVED)  # fmt: skip
        sensor = types["search_radar"].at(site)
        made.append(Eye(site, sensor, RADAR.watch(world, site, sensor, None)))
    return made


def looks(made: Sequence[Eye], start_ns: int, end_ns: int) -> list[Look]:
    """Return all batches between two times: a satellite's each look, a radar's every 2.5 s, in the order of time."""
    found = []
    for eye in made:
        sighting = eye.watch.observe(start_ns, end_ns)
        plots, owner = arrange(sighting.detections, eye.sensor), sighting.owner
        if not len(plots):
            continue
        is_radar = eye.site.type == "search_radar"
        part = plots.time_ns // (5 * NS_PER_S // 2) if is_radar else plots.time_ns
        for each in np.unique(part):
            own = part == each
            some = np.flatnonzero(own)
            found.append(Look(take(plots, some), eye.sensor, owner[some]))
    return sorted(found, key=lambda look: (look.time_ns, look.plots.sensor))
