"""Which sensors a set of detections needs, and what is known of each."""

import dataclasses
import math
import re
from collections.abc import Callable, Sequence, Set

import numpy as np
from numpy.typing import NDArray

from noroshi.assessment.antennas import two_antennas
from noroshi.assessment.scatter import LOOKS_MIN, look_s, scatter
from noroshi.assessment.units import COARSE_STEP_M, is_in_hundreds_of_feet
from noroshi.geo.horizon import radar_horizon_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.records import Detections, SensorSite, Status
from noroshi.run.batches import come_in_frames, comes_back_at_will, field_m, says_who, scan_period_s
from noroshi.run.refusals import Reason
from noroshi.run.rooms import UnknownNameError, load
from noroshi.sensors import local_position, position_report, search_radar
from noroshi.sensors.rows import AIR_DEPTH_M

PLAIN = {
    "local_position": local_position.Sensor.PARAMETERS,
    "position_report": position_report.Sensor.PARAMETERS,
}
SIGMA = {"local_position": "sigma_m", "position_report": "position_sigma_m"}
COLUMNS = {"local_position": "x_sigma_m and y_sigma_m", "position_report": "lat_sigma_deg and lon_sigma_deg"}
"""Of plain plots: the parameter of how exact they are, and the columns that say it."""
SHOWN = ("scan_period_s", *SIGMA.values(), "field_m", "speed_sigma_m_s")
"""Parameters that plots show of their sensor: a little otherwise with each that comes."""
ANYWHERE = "search_radar", "local_position"  # of a radar alone and a laboratory any place is as good
SHORT = re.compile("[0-9]{1,3}/[0-9]{1,3}")
"""A SAC/SIC of ASTERIX as a person may write it."""
LOOKS_ACROSS = 20
STEP_SIGMAS = 3.0
NAMES_MAX = 4
TURNS, MISSILES = "constant_velocity+left_turn+right_turn", "+ballistic+boost+glide"
PLANE_TURNS, TURNS_FIELD_M = "plane_constant_velocity+plane_left_turn+plane_right_turn", 10e3
ABOVE_AIR_M, ABOVE_MIN = 40e3, 3
"""So many plots as high as no balloon tell a radar that sees missiles; one or two may be false."""
BEYOND_AIR_M_S = 1_000.0
TYPE_OF = {
    "azimuth_rad": "search_radar",
    "lat_rad": "position_report",
    "x_m": "local_position",
    "line_azimuth_rad": "infrared",
}
"""What type a sensor is if nobody says: by the component that only this type has."""


def complete(
    detections: Sequence[Detections], known: Sequence[SensorSite], statuses: Sequence[Status] = ()
) -> tuple[list[SensorSite], list[str]]:
    """Return a site for each sensor that gave detections, sorted by name, and what was assumed, in plain words.

    As `learned`, and a place for each that needs one. A radar without a position is of use only alone: it is then put
    at 0N 0E and the picture is relative to it. Beside other sensors it is left out, and its plots are counted as those
    of an unknown sensor.

    Raises:
        ValueError: if a sensor's type cannot be told.
    """
    found, notes = learned(detections, known, statuses)
    lost = [site for site in found if site.type == "search_radar" and not site.has_place]
    if lost and len(found) == 1:
        site, note = relative_to_itself(lost[0], known)
        found = [site]
        notes.append(note)
    elif lost:
        named = ", ".join(f"'{site.sensor}'" for site in lost)
        unknown = f"position of radar {named} unknown{_others(known, found)}"
        notes.append(Reason(f"{unknown}: not tracked; give it in a sensors table with --sensors"))
        found = [site for site in found if site not in lost]
    placed = {batch.sensor for batch in detections if np.isfinite(batch.origin_ecef_m).all(axis=1).any()}
    blind = [s for s in found if not s.has_place and s.sensor not in placed and needs_place(s.type)]
    for kind in sorted({site.type for site in blind}):
        named = ", ".join(f"'{site.sensor}'" for site in blind if site.type == kind)
        where = "in the rows (sensor_x_ecef_m, sensor_y_ecef_m, sensor_z_ecef_m) or in a sensors table with --sensors"
        unknown = f"place of {kind} sensor {named} unknown{_others(known, found)}"
        notes.append(Reason(f"{unknown}: not tracked; give it {where}"))
    found = [site for site in found if site not in blind]
    return found, notes


def relative_to_itself(radar: SensorSite, known: Sequence[SensorSite]) -> tuple[SensorSite, str]:
    """Return a radar whose place nobody tells as one that stands at 0N 0E, and a note that says so."""
    unknown = f"position of radar '{radar.sensor}' unknown{_others(known, [radar])}"
    site = dataclasses.replace(radar, lat_rad=0.0, lon_rad=0.0, height_m=0.0)
    return site, f"{unknown}: picture relative to it, as if at 0N 0E"


def learned(
    detections: Sequence[Detections], known: Sequence[SensorSite], statuses: Sequence[Status] = ()
) -> tuple[list[SensorSite], list[str]]:
    """Return a site for each sensor that gave detections, sorted by name, and what was assumed of how it looks.

    Among several descriptions of a sensor the first with a position wins; a place that nobody tells stays unknown. A
    scan period that nobody states is taken from the detections themselves.

    Raises:
        ValueError: if a sensor's type cannot be told.
    """
    notes: list[str] = []
    found: list[SensorSite] = []
    coarse: list[str] = []
    names = {batch.sensor for batch in detections}
    known = [_named_as(site, names) for site in known]
    for name in sorted(names):
        own = [batch for batch in detections if batch.sensor == name]
        site = _described(name, known) or SensorSite(sensor=name, type=_guess(own[0]))
        if not site.type:
            told = [each.type for each in known if each.sensor == name and each.type]
            site = dataclasses.replace(site, type=told[0] if told else _guess(own[0]))
        is_plain = site.type == "local_position" or (site.type in PLAIN and not any(map(says_who, own)))
        in_frames = False
        if is_plain:
            in_frames, period = _looking(own, site)
            if "scan_period_s" not in site.parameters and period is not None:
                site = dataclasses.replace(site, parameters={**site.parameters, "scan_period_s": period})
            elif "scan_period_s" not in site.parameters and not in_frames:
                notes.append(
                    f"how often '{name}' looks at a target its plots do not show, and is guessed; "
                    "else say scan_period_s in a sensors table"
                )
        if "scan_period_s" not in site.parameters and (period := scan_period_s(own, statuses, site.type)):
            # Of a laboratory it may be less than half a millisecond.
            period = round(period, 3) or float(f"{period:.3g}")
            site = dataclasses.replace(site, parameters={**site.parameters, "scan_period_s": period})
        if site.type == "search_radar" and "scan_period_s" not in site.parameters and comes_back_at_will(own):
            notes.append(
                f"'{name}' turns at no steady rate, as a phased array: that it looks every "
                f"{search_radar.Sensor.PARAMETERS['scan_period_s']:g} s is taken; else say scan_period_s, the longest "
                "usual time between two looks at a target, in a sensors table"
            )
        if site.type == "local_position":
            site = dataclasses.replace(site, parameters={**_laboratory(own, site, in_frames), **site.parameters})
        if is_plain and SIGMA[site.type] not in site.parameters and not any(_has_noise(batch) for batch in own):
            site, note = _measured(own, site)
            notes.append(note)
        is_untold = site.type == "search_radar" and "altitude_step_m" not in site.parameters
        if is_untold and is_in_hundreds_of_feet(_altitudes_m(own)):
            site = dataclasses.replace(site, parameters={**site.parameters, "altitude_step_m": COARSE_STEP_M})
            coarse.append(f"'{name}'")
        found.append(site)
    if coarse:
        notes.append(
            f"altitudes of {_listed(coarse)} come in hundreds of feet: altitude_step_m = {COARSE_STEP_M} is taken"
        )
    return found, notes


def needs_place(sensor_type: str) -> bool:
    """Return whether rows of a type are of no use unless it is known where they were measured (but see `ANYWHERE`)."""
    if sensor_type in ANYWHERE:
        return False
    try:
        return bool(load("sensors", sensor_type).Sensor.NEEDS_ORIGIN)
    except UnknownNameError:
        return False  # refused where sensors are made, by name


def _altitudes_m(own: Sequence[Detections]) -> NDArray[np.float64]:
    """Return (n,) what a sensor's batches say of altitudes."""
    told = [batch.values[:, batch.components.index("altitude_m")] for batch in own if "altitude_m" in batch.components]
    return np.concatenate([*told, np.zeros(0)])


def two_under_one_name(own: Sequence[Detections]) -> str:
    """Return in words that one radar's plots come from two antennas, and what to do about it; "" where they do not."""
    polar = [batch for batch in own if "azimuth_rad" in batch.components]
    if not polar:
        return ""
    two = two_antennas(
        np.concatenate([batch.time_ns for batch in polar]),
        np.concatenate([batch.values[:, batch.components.index("azimuth_rad")] for batch in polar]),
    )
    if two is None:
        return ""
    parts = " and ".join(f"{share:.0%} from one that turns in {period:.2f} s"
                         for share, period in zip(two.share, two.period_s, strict=True))  # fmt: skip
    told = f"its plots come from two antennas, {parts}"
    if two.is_back_to_back:
        return f"{told}: two faces of one antenna, or two radars under one name; if two, give each a name of its own"
    return (
        f"{told}: two radars under one name (one SAC/SIC twice?), taken for one in one place, and much of what they "
        "see is lost. Give each a name of its own at its source, or divide the recording by its senders' addresses and "
        "read the parts one by one, each with its own sensors table"
    )


def _named_as(site: SensorSite, names: Set[str]) -> SensorSite:
    """Return a site under the name that an ASTERIX recording gives it (021/001) where it is written short (21/1)."""
    if site.sensor in names or not SHORT.fullmatch(site.sensor):
        return site
    full = "/".join(f"{int(code):03d}" for code in site.sensor.split("/"))
    return dataclasses.replace(site, sensor=full) if full in names else site


def _listed(names: Sequence[str]) -> str:
    """Return the first of the names, and how many more there are."""
    return ", ".join(names[:NAMES_MAX]) + f" and {len(names) - NAMES_MAX} others" * (len(names) > NAMES_MAX)


def _others(known: Sequence[SensorSite], found: Sequence[SensorSite]) -> str:
    """Return whose places are told that gave nothing: names that may be misspelled."""
    idle = sorted({site.sensor for site in known if site.has_place} - {site.sensor for site in found})
    return (
        f" (known are those of {', '.join(idle[:8])}{', ...' * (len(idle) > 8)}, which gave no plots)" if idle else ""
    )


def _laboratory(own: Sequence[Detections], site: SensorSite, in_frames: bool) -> dict[str, float]:
    """Return the scale of a local frame's plots: whether they come in frames, how wide the field is, how fast one is.

    A target is taken not to cross the field in fewer than some ten looks.
    """
    width_m, usual = field_m(own), local_position.Sensor.PARAMETERS
    period_s = site.parameters.get("scan_period_s", usual["scan_period_s"])
    speed_m_s = min(usual["speed_sigma_m_s"], width_m / (LOOKS_ACROSS * period_s))
    return {
        "frames": float(in_frames),
        "field_m": round(width_m, 3),
        "speed_sigma_m_s": round(speed_m_s, 3),
    }


def _has_noise(batch: Detections) -> bool:
    """Return whether any plot says how exact it is."""
    return bool(np.isfinite(np.diagonal(batch.covariances, axis1=1, axis2=2)).any())


def _looking(own: Sequence[Detections], site: SensorSite) -> tuple[bool, float | None]:
    """Return whether plain plots come in frames, and else how long it is between two looks at a target, if shown.

    Plots that share their times are looks at the whole field, unless their stamps are whole seconds.
    """
    (time_ns, places_m), reach = _in_plane(own), _reach(own, site)
    times_ns = np.unique(time_ns)
    share_times = come_in_frames(own)
    if share_times and len(times_ns) < LOOKS_MIN:
        return True, None
    if share_times:
        frame_s = float(np.median(np.diff(times_ns))) / NS_PER_S
        if scatter(time_ns, places_m, period_s=frame_s, step_m=reach(frame_s)) is not None:
            return True, None
    found = look_s(time_ns, places_m, step_m=reach)
    return share_times and found is None, None if found is None else float(f"{found:.3g}")


def _measured(own: Sequence[Detections], site: SensorSite) -> tuple[SensorSite, str]:
    """Return a site with how exact its plain plots are, as they show it themselves, and a note that says so."""
    name, usual = SIGMA[site.type], {**PLAIN[site.type], **site.parameters}
    period_s = usual["scan_period_s"]
    found = scatter(*_in_plane(own), period_s=period_s, step_m=_reach(own, site)(period_s))
    sigma_m = usual[name] if found is None else float(f"{found.sigma_m:.3g}")
    if site.type == "position_report":  # who reports may be off by what stays the same from one report to the next
        sigma_m = max(sigma_m, usual[name])
    why = "the usual" if sigma_m == usual[name] else "as far as three of its plots lie off a line"
    note = f"no standard deviation of '{site.sensor}' is given: {sigma_m:g} m along each axis is taken, {why}"
    site = dataclasses.replace(site, parameters={**site.parameters, name: sigma_m})
    return site, f"{note}; else write columns {COLUMNS[site.type]}"


def _reach(own: Sequence[Detections], site: SensorSite) -> Callable[[float], float]:
    """Return how far [m] a target may get within a time in seconds: not soon across the field."""
    usual = {**PLAIN[site.type], **site.parameters}
    places_m = _in_plane(own)[1]
    farthest_m = float(np.ptp(places_m, axis=0).max(initial=0.0)) / LOOKS_ACROSS if len(places_m) else 0.0
    return lambda time_s: STEP_SIGMAS * min(usual["speed_sigma_m_s"] * time_s, farthest_m)


def _in_plane(own: Sequence[Detections]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return (n,) times and (n, 2) places [m] of plain plots, in their own frame or about their middle on the Earth."""
    time_ns = np.concatenate([batch.time_ns for batch in own])
    names = ("x_m", "y_m") if "x_m" in own[0].components else ("lon_rad", "lat_rad")
    at = np.concatenate([batch.values[:, [batch.components.index(name) for name in names]] for batch in own])
    whole = np.isfinite(at).all(axis=1)
    time_ns, at = time_ns[whole], at[whole]
    if names[0] == "x_m" or not len(at):
        return time_ns, at
    middle = np.median(at, axis=0)
    off = at - middle
    off[:, 0] = (off[:, 0] + np.pi) % (2.0 * np.pi) - np.pi
    return time_ns, MEAN_RADIUS_M * off * [np.cos(middle[1]), 1.0]


def usual_noise(detections: Sequence[Detections], sites: Sequence[SensorSite]) -> list[str]:
    """Return a note on those radars of which nothing says how exact they are; of none, none."""
    told = {batch.sensor for batch in detections if _has_noise(batch)}
    usual = {name: search_radar.Sensor.PARAMETERS[name] for name in ("range_sigma_m", "azimuth_sigma_rad")}
    untold = [
        f"'{site.sensor}'"
        for site in sites
        if site.type == "search_radar" and site.sensor not in told and not usual.keys() & site.parameters.keys()
    ]
    if not untold:
        return []
    who = _listed(untold)
    taken = ", ".join(f"{name} = {value:.4g}" for name, value in usual.items())
    return [
        f"no standard deviation of radar {who} is given: {taken} is taken; say it in a sensors table "
        "(`noroshi doctor` measures it)"
    ]


def usual_motion(sites: Sequence[SensorSite], tracker: str, detections: Sequence[Detections] = ()) -> str:
    """Return the motion models that suit the sensors: a plane for laboratory data, else the curved Earth, with turns.

    In a plane there are turns where the field is so wide that targets must be of aircraft's scale.

    Where a sensor is made to look for more than what flies in the air, or has done so (`detections`, if there are any
    yet), there are missiles too. The fast mode and those trackers that take one model alone have nothing but constant
    velocity.
    """
    if sites and all(site.type == "local_position" and not site.has_place for site in sites):
        is_wide = min(site.parameters.get("field_m", 0.0) for site in sites) >= TURNS_FIELD_M
        return PLANE_TURNS if is_wide and tracker == "soft" else "plane_constant_velocity"
    if tracker != "soft":
        return "constant_velocity"
    is_above = (
        any(map(_looks_above_air, sites)) or sum(int(_is_above_air(batch).sum()) for batch in detections) >= ABOVE_MIN
    )
    return TURNS + MISSILES if is_above else TURNS


def beyond(detections: Sequence[Detections], tracker: str, motion: str) -> list[str]:
    """Return a note where plots are higher or faster than anything that a motion follows, if several are; else none."""
    n = sum(int(np.count_nonzero(_is_beyond(batch))) for batch in detections)
    if n < ABOVE_MIN or any(model in motion for model in MISSILES[1:].split("+")):
        return []
    soft = "" if tracker == "soft" else "--tracker soft "
    return [
        f"{n:,} plots lie above {ABOVE_AIR_M / 1e3:g} km or have range rates beyond {BEYOND_AIR_M_S:,.0f} m/s, "
        f"as nothing has that {motion} follows: try {soft}--motion {TURNS}{MISSILES}"
    ]


def _is_beyond(batch: Detections) -> NDArray[np.bool_]:
    """Return which plots are higher or faster, as far as they say, than anything in the air."""
    column = dict(zip(batch.components, batch.values.T, strict=True))
    is_so = _is_above_air(batch)
    if "altitude_m" in column:
        is_so = is_so | (column["altitude_m"] > ABOVE_AIR_M)
    if "range_rate_m_s" in column:
        is_so = is_so | (np.abs(column["range_rate_m_s"]) > BEYOND_AIR_M_S)
    return is_so


def _looks_above_air(site: SensorSite) -> bool:
    """Return whether a sensor is made to see missiles: in infrared, or further than aircraft are above its horizon."""
    antenna_m = 0.0 if math.isnan(site.height_m) else site.height_m
    reach_m = site.parameters.get("range_m_max", 0.0) if site.type == "search_radar" else 0.0
    return site.type == "infrared" or bool(reach_m > radar_horizon_m(antenna_m, AIR_DEPTH_M))


def _is_above_air(batch: Detections) -> NDArray[np.bool_]:
    """Return which plots lie higher than anything flies in the air, by range and elevation."""
    if not {"range_m", "elevation_rad"} <= set(batch.components):
        return np.zeros(len(batch), np.bool_)
    at = [batch.components.index(name) for name in ("range_m", "elevation_rad")]
    range_m, elevation_rad = batch.values[:, at].T
    up_m = MEAN_RADIUS_M + range_m * np.sin(elevation_rad)
    return np.asarray(np.hypot(up_m, range_m * np.cos(elevation_rad)) - MEAN_RADIUS_M > ABOVE_AIR_M, np.bool_)


def described(sensors: Sequence[SensorSite]) -> list[SensorSite]:
    """Return one site of each sensor, sorted by name, where they are described so well that no plots are needed.

    Raises:
        ValueError: if one has no type, or a radar has no place; or there is none.
    """
    if not sensors:
        raise ValueError("no sensors: describe each one that will give detections, with its type and its place")
    found = [_described(name, sensors) for name in sorted({site.sensor for site in sensors})]
    sites = [site for site in found if site is not None]
    for site in sites:
        if not site.type:
            raise ValueError(f"sensor '{site.sensor}' has no type: say it, search_radar for instance (docs/tables.md)")
        if site.type == "search_radar" and not site.has_place:
            raise ValueError(f"position of radar '{site.sensor}' unknown: give lat_rad, lon_rad and height_m")
    return sites


def _described(name: str, known: Sequence[SensorSite]) -> SensorSite | None:
    mine = [site for site in known if site.sensor == name]
    placed = [site for site in mine if site.has_place]
    return next(iter(placed or mine), None)


def _guess(batch: Detections) -> str:
    for component, kind in TYPE_OF.items():
        if component in batch.components:
            return kind
    raise ValueError(f"sensor '{batch.sensor}' measures {', '.join(batch.components)}; name its type with --sensors")
