"""What each type of sensor can see of a target in question: from how it truly behaves to where it sees."""

import math
from dataclasses import dataclass
from functools import cache
from typing import Protocol, runtime_checkable

import numpy as np
from scipy.special import ndtri

from noroshi.exercise.coverage import GroundSight, SpaceSight
from noroshi.exercise.detection import Swerling, detection_probability
from noroshi.exercise.observers import Observer, infrared, over_horizon_radar, position_report, search_radar
from noroshi.geo.horizon import EARTH_FACTOR
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats

SNR_DB = (-40.0, 80.0)  # between which the needed signal to noise is sought
SHIPS_UP_TO_M = 100.0  # a receiver of ships' reports hears none from above


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """What is to be seen.

    Attributes:
        cross_section_m2: mean, for radars.
        heat_w_sr: radiant intensity in the band of the infrared satellites; (k,) if it changes from epoch to epoch.
        probability: a place counts as seen where one look sees the target with this chance.
        reports: whether it tells its own position, so that receivers of reports count too.
    """

    cross_section_m2: float = 1.0
    heat_w_sr: float | Floats = 1e5
    probability: float = 0.5
    reports: bool = False


@runtime_checkable
class Sighted(Protocol):
    """An observer that says where it can see a target, for coverage and for when a threat could have been seen at all.

    Of an observer that does not, and is none of those that `ground_sight` knows, coverage shows nothing and says so;
    whether it could have seen a threat is what its own node believes.
    """

    def ground_sight(self, name: str, nation: str, position_ecef_m: Floats, target: Target) -> GroundSight | None:
        """Return what the sensor of this name, at a place, can see of a target; None if nothing."""
        ...


@cache
def needed_snr(target_probability: float, *, swerling: Swerling, false_alarm_probability: float, pulses: int) -> float:
    """Return the signal to noise of one pulse, a ratio, at which one look sees a target with this chance."""
    from scipy.optimize import brentq

    def missing(snr_db: float) -> float:
        seen = detection_probability(
            10.0 ** (snr_db / 10.0), swerling=swerling, false_alarm_probability=false_alarm_probability, pulses=pulses
        )
        return float(seen) - target_probability

    return float(10.0 ** (brentq(missing, *SNR_DB) / 10.0))


def ground_sight(
    name: str, nation: str, position_ecef_m: Floats, observer: Observer, target: Target
) -> GroundSight | None:
    """Return what a sensor that stands on the Earth can see of a target; None if it sees none such, or is no such."""
    if isinstance(observer, Sighted):
        return observer.ground_sight(name, nation, position_ecef_m, target)
    if isinstance(observer, search_radar.Observer):
        return _radar(name, nation, position_ecef_m, observer, target)
    if isinstance(observer, over_horizon_radar.Observer):
        return _sky_wave(name, nation, position_ecef_m, observer, target)
    if isinstance(observer, position_report.Observer) and target.reports:
        return GroundSight(
            name=name,
            nation=nation,
            position_ecef_m=position_ecef_m,
            range_m_min=0.0,
            range_m_max=observer.range_m_max,
            height_m=(-math.inf, SHIPS_UP_TO_M) if observer.source == "ais" else (-math.inf, math.inf),
        )
    return None


def is_sighted(observer: Observer) -> bool:
    """Return whether it is known where such a sensor sees what."""
    known = search_radar.Observer | over_horizon_radar.Observer | position_report.Observer | infrared.Observer
    return isinstance(observer, known | Sighted)


def space_sight(observer: Observer, target: Target, cloud_top_m: float) -> SpaceSight | None:
    """Return what a satellite's sensor can see of a target; None if it is no infrared one."""
    if not isinstance(observer, infrared.Observer):
        return None
    needed = max(observer.threshold + float(ndtri(target.probability)), infrared.FAINTEST)
    earth_m, limb_m, sky_m = (
        np.sqrt(np.asarray(target.heat_w_sr) / (needed * noise))
        for noise in (observer.noise_earth_w_m2, observer.noise_limb_w_m2, observer.noise_sky_w_m2)
    )
    return SpaceSight(
        line_height_m=cloud_top_m,
        off_nadir_rad=(math.radians(observer.off_nadir_deg_min), math.radians(observer.off_nadir_deg_max)),
        limb_height_m=observer.limb_height_m,
        earth_range_m=earth_m,
        limb_range_m=limb_m,
        sky_range_m=sky_m,
    )


def _radar(
    name: str, nation: str, position_ecef_m: Floats, radar: search_radar.Observer, target: Target
) -> GroundSight | None:
    range_m = 0.0
    if radar.primary:
        needed = needed_snr(
            target.probability,
            swerling=radar.swerling,
            false_alarm_probability=radar.false_alarm_probability,
            pulses=radar.pulses,
        )
        range_m = _echo_range_m(radar, needed, target)
    if radar.transponder and target.reports and radar.reply_probability >= target.probability:
        range_m = radar.range_m_max
    range_m = min(range_m, radar.range_m_max)
    if range_m <= radar.range_m_min:
        return None
    return GroundSight(
        name=name,
        nation=nation,
        position_ecef_m=position_ecef_m,
        range_m_min=radar.range_m_min,
        range_m_max=range_m,
        earth_factor=EARTH_FACTOR,
        elevation_rad=(math.radians(radar.elevation_deg_min), math.radians(radar.elevation_deg_max)),
        dead_rad=tuple((math.radians(start), math.radians(end)) for start, end in radar.dead_sectors_deg),
    )


def _sky_wave(
    name: str, nation: str, position_ecef_m: Floats, radar: over_horizon_radar.Observer, target: Target
) -> GroundSight | None:
    """Return what a sky-wave radar sees; its ranges are along the ground, and no height is hidden from it."""
    needed = needed_snr(
        target.probability,
        swerling=radar.swerling,
        false_alarm_probability=radar.false_alarm_probability,
        pulses=1,
    )
    range_m = min(_echo_range_m(radar, needed, target), radar.range_m_max)
    if range_m <= radar.range_m_min:
        return None
    middle, half = math.radians(radar.azimuth_deg_middle), math.radians(radar.azimuth_deg_width) / 2.0
    return GroundSight(
        name=name,
        nation=nation,
        position_ecef_m=position_ecef_m,
        range_m_min=_chord_m(radar.range_m_min),
        range_m_max=_chord_m(range_m),
        earth_factor=math.inf,
        sectors_rad=() if radar.azimuth_deg_width >= 360.0 else ((middle - half, middle + half),),
    )


def _echo_range_m(radar: search_radar.Observer | over_horizon_radar.Observer, needed: float, target: Target) -> float:
    """Return at which range the echo's signal to noise is the needed one: it goes with the fourth power of range."""
    reference = 10.0 ** (radar.reference_snr_db / 10.0)
    larger = target.cross_section_m2 / radar.reference_cross_section_m2
    return float(radar.reference_range_m * (reference * larger / needed) ** 0.25)


def _chord_m(ground_m: float) -> float:
    """Return the straight line to a place at a distance along the ground, less than half way round the Earth."""
    return 2.0 * MEAN_RADIUS_M * math.sin(min(ground_m / MEAN_RADIUS_M, math.pi) / 2.0)
