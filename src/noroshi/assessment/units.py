"""Units that the numbers themselves contradict: speeds beside the ways flown, heights beside ranges and the sky."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import FOOT_M, KNOT_M_S, NAUTICAL_MILE_M
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Detections
from noroshi.records.identity import ABSENT

ROWS_MAX = 5_000  # the first rows tell as much as all
APART_S_MAX, MOVED_M_MIN, PAIRS_MIN = 180.0, 500.0, 20  # from place to place: 20 m of noise are 6 % of the least way
TYPICAL_NEAR, NEAR, MOST = 0.03, 0.15, 0.8  # how near a unit their median is, and so many of them
SPEED_UNITS: Mapping[str, float] = {"knots": 1.0 / KNOT_M_S, "km/h": 3.6, "ft/s": 1.0 / FOOT_M}
"""By unit, what a speed's number in it is of its number in m/s."""

SKY_M, BEYOND_SKY_M = 15_500.0, 60_000.0  # higher fly few aircraft (51,000 ft); and 60,000 ft read as metres
MOST_LOW = 0.9  # of heights, whatever the others were garbled to
STEP_FT = 25.0  # of Mode C and of ADS-B: heights in feet are multiples of it, in metres hardly any
IN_STEPS = 0.95
MILES_MAX = 1_000.0  # farther sees no radar
SLACK_M, IMPOSSIBLE, POSSIBLE = 500.0, 0.25, 0.15  # shares of those of like range, more than are garbled
SITE_HEIGHT_M_MAX = 4_000.0  # few radars stand higher
RINGS_MAX, RING_ROWS_MIN = 20, 40
COARSE_STEP_M, CRUISE_STEP_M, ROUNDING_M = 100.0 * FOOT_M, 500.0 * FOOT_M, 0.51
STEPS_MIN, COARSE_SHARE_MIN = 10, 0.9
RANGE_UNITS: Mapping[str, float] = {"nautical miles": NAUTICAL_MILE_M, "kilometres": 1000.0}

Floats = NDArray[np.float64]


def speed_unit(reports: Detections) -> str | None:
    """Return in which unit reported velocities are that were taken for m/s; None where the ways flown bear them out.

    Args:
        reports: position reports with velocities, in any order; those without a sender tell nothing.
    """
    wanted = ("lat_rad", "lon_rad", "velocity_east_m_s", "velocity_north_m_s")
    if not set(wanted) <= set(reports.components):
        return None
    some = slice(0, ROWS_MAX)
    lat, lon, east, north = (reports.values[some, reports.components.index(name)] for name in wanted)
    who = np.where(reports.identity.icao_address != ABSENT, reports.identity.icao_address, reports.identity.mmsi)[some]
    order = np.lexsort((reports.time_ns[some], who))
    place, speed = ecef_from_geodetic(lat[order], lon[order], 0.0), np.hypot(east, north)[order]
    # From every second row of a sender, so that what moves slowly has moved by more than its places' noise.
    ratios: list[float] = []
    times_s, starts = reports.time_ns[some][order] / NS_PER_S, np.flatnonzero(np.diff(who[order], prepend=-2) != 0)
    for first, last in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
        if who[order[first]] == ABSENT:
            continue
        row = first
        for then in range(first + 1, last):
            moved = float(np.linalg.norm(place[then] - place[row]))
            if times_s[then] - times_s[row] > APART_S_MAX:
                row = then
            elif moved >= MOVED_M_MIN:
                flown = moved / max(times_s[then] - times_s[row], 1e-3)
                ratios.append(0.5 * (speed[row] + speed[then]) / flown)
                row = then
    found = np.array(ratios)
    found = found[np.isfinite(found)]
    for unit, factor in SPEED_UNITS.items():
        if len(found) >= PAIRS_MIN and abs(float(np.median(found)) / factor - 1.0) < TYPICAL_NEAR:
            return unit if np.mean(np.abs(found / factor - 1.0) < NEAR) > MOST else None
    return None


def height_unit(altitude_m: Floats) -> str | None:
    """Return "feet" where (n,) heights that were taken for metres lie where few fly, in steps of 25 as feet do."""
    known = altitude_m[np.isfinite(altitude_m)]
    if (
        len(known) < PAIRS_MIN
        or not SKY_M < float(np.median(known)) <= float(np.quantile(known, MOST_LOW)) < BEYOND_SKY_M
    ):
        return None
    in_steps = np.abs(known / STEP_FT - np.round(known / STEP_FT)) < 1e-3
    return "feet" if np.mean(in_steps) >= IN_STEPS and len(np.unique(known)) > 2 else None


def range_and_height_units(range_m: Floats, altitude_m: Floats, site_height_m: float) -> Sequence[str] | None:
    """Return the units that make (n,) ranges and heights possible which are none as metres; None where they are.

    Nothing is higher above a radar than it is far from it. Some garbled heights are, at short range, in any unit; so
    what counts is the share of impossible rows among those of like range, where it is greatest: of the nearest ones
    that is nearly all in a wrong unit, and no more than are garbled in the right one.

    Args:
        range_m: (n,) as they were taken.
        altitude_m: (n,) above sea level, as they were taken.
        site_height_m: of the radar. Where it is NaN the radar may stand anywhere up to `SITE_HEIGHT_M_MAX`: metres are
            impossible only if they are so for each of these heights, and a unit is told only if each likelier one is.

    Returns:
        The unit of range and that of height, the likeliest; ("", "") where nothing that is tried makes them possible,
        or it hangs on the height of the site what does.
    """
    known = np.isfinite(range_m) & np.isfinite(altitude_m)
    n = int(known.sum())
    if n < PAIRS_MIN:
        return None
    order = np.argsort(range_m[known], kind="stable")
    altitude, far = altitude_m[known][order], range_m[known][order]
    n_rings = min(RINGS_MAX, max(n // RING_ROWS_MIN, 1))
    lowest_m, highest_m = (0.0, SITE_HEIGHT_M_MAX) if np.isnan(site_height_m) else (site_height_m, site_height_m)

    def impossible(range_factor: float, height_factor: float, site_m: float) -> float:
        is_higher = height_factor * altitude - site_m > range_factor * far + SLACK_M
        return max(float(np.mean(ring)) for ring in np.array_split(is_higher, n_rings))

    if impossible(1.0, 1.0, highest_m) < IMPOSSIBLE:
        return None
    nearer = [("metres", "feet", 1.0, FOOT_M)]
    for unit, factor in RANGE_UNITS.items():
        nearer += [(unit, "metres", factor, 1.0), (unit, "feet", factor, FOOT_M)]
    in_feet = height_unit(altitude_m) is not None
    # Ranges of a few hundred at most are none of a radar in metres.
    nearer = [each for each in nearer if not (in_feet and each[1] == "metres")]
    if float(np.median(far)) >= MILES_MAX:
        nearer = [each for each in nearer if each[0] == "metres"]
    elif np.isnan(site_height_m):
        nearer = [each for each in nearer if each[0] != "metres"]
    for range_unit, unit, range_factor, height_factor in nearer:
        if impossible(range_factor, height_factor, lowest_m) < POSSIBLE:
            return range_unit, unit
        if impossible(range_factor, height_factor, highest_m) < POSSIBLE:
            break
    return "", ""


def is_in_hundreds_of_feet(altitude_m: Floats) -> bool:
    """Return whether (n,) altitudes are whole hundreds of feet, as old transponders answer, and not every 25.

    They may have been written in whole metres. At cruise all fly at whole thousands or five hundreds, which tells
    nothing: of the others, in steps of 25 feet, three in four lie between.
    """
    altitude_m = altitude_m[np.isfinite(altitude_m)]
    altitude_m = altitude_m[_off_step_m(altitude_m, CRUISE_STEP_M) > ROUNDING_M]
    is_coarse = _off_step_m(altitude_m, COARSE_STEP_M) <= ROUNDING_M
    return len(np.unique(altitude_m)) >= STEPS_MIN and bool(is_coarse.mean() >= COARSE_SHARE_MIN)


def _off_step_m(altitude_m: Floats, step_m: float) -> Floats:
    return np.abs(altitude_m - step_m * np.rint(altitude_m / step_m))
