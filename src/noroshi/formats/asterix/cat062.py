"""Category 062: the tracks of a tracking system.

A height in a track is geometric where the system gives one (I062/130), else a flight level. The velocity (I062/185) is
along the system's own plane; its axes are taken for east and north at the track.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix.layout import ABSENT, SAC, SIC
from noroshi.formats.asterix.reports import Reports, by_source, identity_of, source_name
from noroshi.formats.asterix.table import Table
from noroshi.formats.reading import last_at_or_before
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M, ecef_from_geodetic, enu_axes
from noroshi.kernel import kernel
from noroshi.records import Kind, Tracks, TrackStatus, certain_kind, take

CATEGORY = 62
TIMES: tuple[str, ...] = ("070",)
AGES = {
    "290/PSR": "primary radar",
    "290/SSR": "secondary radar",
    "290/MDS": "Mode S radar",
    "290/ADS": "ADS-C",
    "290/ES": "ADS-B 1090 ES",
    "290/VDL": "ADS-B VDL 4",
    "290/UAT": "ADS-B UAT",
    "290/LOP": "magnetic loop",
    "290/MLT": "multilateration",
}
PATHS: tuple[str, ...] = (
    *(
        SAC,
        SIC,
        *TIMES,
        "040",
        "105/LAT",
        "105/LON",
        "100/X",
        "100/Y",
        "185/VX",
        "185/VY",
        "220",
        "130",
        "136",
        "135/CTB",
    ),
    *("080/CNF", "080/CST", "080/TSE", "060/V", "060/G", "060/MODE3A", "380/ADR", "380/ID", "245/STI", "245/CHR"),
    *("500/APC/X", "500/APC/Y", "500/COV", "500/APW/LAT", "500/APW/LON", "500/AGA", "500/ABA", "500/ATV/X"),
    *("500/ATV/Y", "500/ARC", *AGES),
)
CALL_SIGN_FROM = (0, 1)  # I062/245: sent by the target, or a call sign found elsewhere; 2 is a registration

# What is assumed of a track that does not state its accuracy, one standard deviation. The horizontal position:
# EUROCONTROL Specification for ATM Surveillance System Performance (SPEC-147), 3 NM separation, 300 m RMS at most.
POSITION_SIGMA_M = 300.0
HEIGHT_SIGMA_M = 150.0  # a flight level is off by the day's weather
VELOCITY_SIGMA_M_S = 10.0
CLIMB_SIGMA_M_S = 5.0
# And of one that does not state the quantity at all.
HEIGHT_UNKNOWN_M, HEIGHT_UNKNOWN_SIGMA_M = 5_000.0, 5_000.0
SPEED_UNKNOWN_SIGMA_M_S = 300.0
CLIMB_UNKNOWN_SIGMA_M_S = 20.0

EXISTENCE = {TrackStatus.TENTATIVE: 0.5, TrackStatus.FIRM: 1.0, TrackStatus.COASTING: 1.0, TrackStatus.LOST: 0.0}


def convert(table: Table, reports: Reports) -> None:
    """Add the tracks, a batch for each system. A last message without a position takes the track's last one."""
    lat_rad, lon_rad, from_plane = _position(table, reports)
    status = _status(table)
    placed = ~np.isnan(lat_rad + lon_rad) & (np.abs(lat_rad) < np.pi / 2)
    key = table.source << 16 | table.raw("040")
    latest = last_at_or_before(key, table.place, placed, within_ns=2**62)
    ends = ~placed & (status == TrackStatus.LOST) & (latest >= 0)
    numbered = table.raw("040") != ABSENT
    usable = (placed | ends) & table.is_timed & numbered
    reports.damaged(table, "no time of day", ~table.is_timed)
    reports.damaged(table, "no track number", table.is_timed & ~numbered)
    reports.damaged(table, "no position", table.is_timed & numbered & ~usable)
    reports.count(table, "system track", usable & ~from_plane)
    reports.count(table, "system track, placed by its plane about the given reference", usable & from_plane)

    states, covariances = _moments(table, lat_rad, lon_rad)
    own = np.where(ends, latest, np.arange(len(table)))
    tracks = _tracks(table, states[own], covariances[own], status)
    for source, rows in by_source(table, usable):
        reports.decoded.tracks.append(take(tracks, rows).replace(node=source_name(source)))


def _position(table: Table, reports: Reports) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Return latitude, longitude, and which are taken from the system's stereographic plane (I062/100).

    Where its origin is, the messages do not say: it is the context's reference, if that is given.
    """
    lat_rad, lon_rad = table.quantity("105/LAT"), table.quantity("105/LON")
    lat0, lon0 = reports.context.reference_lat_rad, reports.context.reference_lon_rad
    east_m, north_m = table.quantity("100/X"), table.quantity("100/Y")
    from_plane = np.isnan(lat_rad) & ~np.isnan(east_m)
    if lat0 is None or lon0 is None:
        return lat_rad, lon_rad, np.zeros(len(table), np.bool_)
    # Snyder (1987), Map Projections: a Working Manual, USGS PP 1395, equations 20-14, 20-15, 20-18 and 21-15, k0 = 1.
    across_m = np.maximum(np.hypot(east_m, north_m), 1e-3)
    angle = 2.0 * np.arctan2(across_m, 2.0 * MEAN_RADIUS_M)
    sin_lat = np.cos(angle) * np.sin(lat0) + north_m * np.sin(angle) * np.cos(lat0) / across_m
    north_part = across_m * np.cos(lat0) * np.cos(angle) - north_m * np.sin(lat0) * np.sin(angle)
    plane_lat = np.arcsin(np.clip(sin_lat, -1.0, 1.0))
    plane_lon = lon0 + np.arctan2(east_m * np.sin(angle), north_part)
    return np.where(from_plane, plane_lat, lat_rad), np.where(from_plane, plane_lon, lon_rad), from_plane


def _status(table: Table) -> NDArray[np.uint8]:
    cases = [table.is_set("080/TSE"), table.is_set("080/CNF"), table.is_set("080/CST")]
    kinds = [TrackStatus.LOST, TrackStatus.TENTATIVE, TrackStatus.COASTING]
    return np.select(cases, [np.uint8(kind) for kind in kinds], np.uint8(TrackStatus.FIRM))


def _moments(
    table: Table, lat_rad: NDArray[np.float64], lon_rad: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (n, 6) states and (n, 6, 6) covariances in ECEF."""
    geometric_m, level_m = table.quantity("130"), _first(table.quantity("136"), table.quantity("135/CTB"))
    stated_m = np.where(np.isnan(geometric_m), table.quantity("500/ABA"), table.quantity("500/AGA"))
    height_m = _first(geometric_m, level_m)
    height_sigma_m = np.where(np.isnan(height_m), HEIGHT_UNKNOWN_SIGMA_M, _first(stated_m, HEIGHT_SIGMA_M))
    height_m = _first(height_m, HEIGHT_UNKNOWN_M)
    velocity = np.stack([table.quantity("185/VX"), table.quantity("185/VY"), table.quantity("220")], axis=1)
    unknown = np.array([SPEED_UNKNOWN_SIGMA_M_S, SPEED_UNKNOWN_SIGMA_M_S, CLIMB_UNKNOWN_SIGMA_M_S])
    usual = np.array([VELOCITY_SIGMA_M_S, VELOCITY_SIGMA_M_S, CLIMB_SIGMA_M_S])
    stated = np.stack([table.quantity(f"500/{name}") for name in ("ATV/X", "ATV/Y", "ARC")], axis=1)
    velocity_sigma = np.where(np.isnan(velocity), unknown, _first(stated, usual))

    meridian_m, across_m = radii_of_curvature_m(lat_rad)
    east_arc_m = table.quantity("500/APW/LON") * across_m * np.cos(lat_rad)
    north_arc_m = table.quantity("500/APW/LAT") * meridian_m
    east_m = _first(_first(table.quantity("500/APC/X"), east_arc_m), POSITION_SIGMA_M)
    north_m = _first(_first(table.quantity("500/APC/Y"), north_arc_m), POSITION_SIGMA_M)
    sigmas = np.concatenate([np.stack([east_m, north_m, height_sigma_m], axis=1), velocity_sigma], axis=1)
    variances = np.maximum(sigmas, 0.1) ** 2  # a stated 0 is the item's rounding
    root = np.nan_to_num(table.quantity("500/COV"))
    bound = 0.999 * np.sqrt(variances[:, 0] * variances[:, 1])
    shared = np.clip(np.sign(root) * root**2, -bound, bound)

    axes = enu_axes(lat_rad, lon_rad)
    states = np.concatenate(
        [ecef_from_geodetic(lat_rad, lon_rad, height_m), np.vecmat(np.nan_to_num(velocity), axes)], axis=1
    )
    covariances = np.zeros((len(table), 6, 6))
    _turn(axes, variances, shared, covariances)
    return states, covariances


@kernel
def _turn(
    axes: NDArray[np.float64],
    variances: NDArray[np.float64],
    shared: NDArray[np.float64],
    covariances: NDArray[np.float64],
) -> None:
    """Fill (n, 6, 6) zeros with covariances in ECEF.

    Args:
        axes: (n, 3, 3) east, north, up.
        variances: (n, 6) of position and velocity along them.
        shared: (n,) covariance of east and north position.
        covariances: what to fill.
    """
    for i in range(len(axes)):
        east, north = axes[i, 0], axes[i, 1]
        for a in range(3):
            for b in range(3):
                crossed = shared[i] * (east[a] * north[b] + north[a] * east[b])
                covariances[i, a, b] = crossed
                for axis in range(3):
                    turned = axes[i, axis, a] * axes[i, axis, b]
                    covariances[i, a, b] += variances[i, axis] * turned
                    covariances[i, 3 + a, 3 + b] += variances[i, 3 + axis] * turned


def _tracks(
    table: Table, states: NDArray[np.float64], covariances: NDArray[np.float64], status: NDArray[np.uint8]
) -> Tracks:
    n = len(table)
    ages_s = np.stack([table.quantity(path) for path in AGES], axis=1)
    youngest_s = np.nan_to_num(np.fmin.reduce(ages_s, axis=1))
    call_sign = table.call_sign("380/ID")
    other = np.where(np.isin(table.raw("245/STI"), CALL_SIGN_FROM), table.call_sign("245/CHR"), "")
    return Tracks(
        node="",
        source_names=tuple(AGES.values()),
        track_id=np.maximum(table.raw("040"), 0).astype(np.uint64),
        time_ns=table.time_ns,
        updated_ns=table.time_ns - np.rint(youngest_s * NS_PER_S).astype(np.int64),
        revision=np.zeros(n, np.int32),
        state_ecef=states,
        covariance_ecef=covariances,
        existence=np.array([EXISTENCE[kind] for kind in TrackStatus])[status],
        kind_probability=certain_kind(Kind.AIRCRAFT, n),
        status=status,
        sources=~np.isnan(ages_s),
        identity=identity_of(
            n,
            icao_address=table.address("380/ADR"),
            mode_3a=table.code("060/MODE3A", "060/V", "060/G"),
            call_sign=np.where(call_sign == "", other, call_sign),
        ),
    )


def _first(best: NDArray[np.float64], other: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.where(np.isnan(best), other, best)
