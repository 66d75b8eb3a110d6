"""Records to ASTERIX: tracks to category 062 and plots to category 048, the newest editions that libasterix knows.

A batch becomes columns of raw numbers, by the path of their items; which items and flags a record then has follows from
what is there (`walking.write_record`).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix import cat048, cat062
from noroshi.formats.asterix.blocks import write_blocks
from noroshi.formats.asterix.layout import ABSENT, SAC, SIC, Field, Wanted, layout_of
from noroshi.formats.asterix.table import CALL_SIGN_LENGTH, ICAO_LETTERS
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.time import NS_PER_DAY, NS_PER_S
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Detections, Tracks, TrackStatus

TRACK_NUMBERS = 1 << 16  # I062/040
BLOCK_BYTES_MAX = 1400  # fits a datagram on Ethernet without fragments
TRACKS = Wanted(
    cat062.CATEGORY,
    cat062.TIMES,
    (
        *(SAC, SIC, *cat062.TIMES, "040", "105/LAT", "105/LON", "185/VX", "185/VY", "220", "130", "060/MODE3A"),
        *("380/ADR", "380/ID", "080/MRH", "080/CNF", "080/SIM", "080/TSE", "080/CST", "500/APC/X", "500/APC/Y"),
        *("500/COV", "500/APW/LAT", "500/APW/LON", "500/AGA", "500/ATV/X", "500/ATV/Y", "500/ARC"),
    ),
)
PLOTS = Wanted(
    cat048.CATEGORY,
    cat048.TIMES,
    (SAC, SIC, *cat048.TIMES, "020/TYP", "020/SIM", "040/RHO", "040/THETA", "070/MODE3A", "090/FL", "220", "240"),
)
PRIMARY, SECONDARY, ROLL_CALL = 1, 2, 5  # I048/020, what sort of radar has seen it


def encode(
    tracks: Tracks,
    *,
    sac: int = 0,
    sic: int = 0,
    simulated: bool = False,
    block_bytes_max: int = BLOCK_BYTES_MAX,
) -> bytes:
    """Return tracks as data blocks of category 062, a record for each row, in the order of the rows.

    Written are the time of day, position on WGS 84, velocity along east and north, geometric altitude, rate of climb,
    Mode 3/A, aircraft address, call sign, status and accuracies. The track number is the track's modulo 65,536: the
    item has 16 bits. What an item cannot hold is left out, above all altitudes beyond 62 km and climbs beyond
    1,040 m/s; an accuracy that is too large is given as the largest there is (8 m/s of climb). The day, the kind, the
    sources and the label are lost.

    Args:
        tracks: what to write.
        sac: system area code of the data source.
        sic: system identification code of the data source.
        simulated: mark every track as simulated (I062/080).
        block_bytes_max: how long a block may become, of which each is a datagram for itself.

    Raises:
        ValueError: if a code is not 0 to 255, or a block could not hold a record.
    """
    return _blocks(TRACKS, track_columns(tracks, sac, sic, simulated=simulated), block_bytes_max)


def track_columns(tracks: Tracks, sac: int, sic: int, *, simulated: bool) -> NDArray[np.int64]:
    """Return (k, n) raw numbers of the k fields of `TRACKS`, -1 where a track has none; see `encode`."""
    _, known = layout_of((TRACKS,))
    n = len(tracks)
    columns = _moments(tracks, known[TRACKS.category].editions[0].fields) | {
        "040": (tracks.track_id % TRACK_NUMBERS).astype(np.int64),
        "060/MODE3A": tracks.identity.mode_3a,
        "380/ADR": tracks.identity.icao_address,
        "380/ID": _letters(tracks.identity.call_sign),
        "080/MRH": np.ones(n, np.int64),  # the geometric altitude is the reliable one
        "080/SIM": np.full(n, simulated, np.int64),
        "080/CNF": (tracks.status == TrackStatus.TENTATIVE).astype(np.int64),
        "080/TSE": (tracks.status == TrackStatus.LOST).astype(np.int64),
        "080/CST": (tracks.status == TrackStatus.COASTING).astype(np.int64),
    }
    return _stacked(TRACKS, columns, n, sac, sic)


def encode_plots(
    plots: Detections,
    *,
    sac: int = 0,
    sic: int = 0,
    simulated: bool = False,
    block_bytes_max: int = BLOCK_BYTES_MAX,
) -> bytes:
    """Return the plots of one radar as data blocks of category 048, a record for each row, in the order of the rows.

    Written are the time of day, slant range, azimuth, altitude as a flight level, Mode 3/A, aircraft address and call
    sign. The sort of a plot (I048/020) is "Mode S roll-call" where there is an address, "secondary" where there is a
    code or an altitude, else "primary". What an item cannot hold is left out, above all ranges from 256 NM on. The day,
    the elevation, the range rate and the noise are lost.

    Args:
        plots: what to write; of the components, `range_m`, `azimuth_rad` and `altitude_m` are looked for.
        sac: system area code of the data source.
        sic: system identification code of the data source.
        simulated: mark every plot as simulated (I048/020).
        block_bytes_max: how long a block may become, of which each is a datagram for itself.

    Raises:
        ValueError: if a code is not 0 to 255, or a block could not hold a record.
    """
    return _blocks(PLOTS, plot_columns(plots, sac, sic, simulated=simulated), block_bytes_max)


def plot_columns(plots: Detections, sac: int, sic: int, *, simulated: bool) -> NDArray[np.int64]:
    """Return (k, n) raw numbers of the k fields of `PLOTS`, -1 where a plot has none; see `encode_plots`."""
    _, known = layout_of((PLOTS,))
    fields = known[PLOTS.category].editions[0].fields
    n = len(plots)
    measured = dict(zip(plots.components, plots.values.T, strict=True))
    nowhere = np.full(n, np.nan)
    level = _raw(measured.get("altitude_m", nowhere), fields["090/FL"])
    identity = plots.identity
    secondary = (identity.mode_3a != ABSENT) | (level != ABSENT)
    columns = {
        "140": _raw(plots.time_ns % NS_PER_DAY / NS_PER_S, fields["140"]),
        "020/TYP": np.where(identity.icao_address != ABSENT, ROLL_CALL, np.where(secondary, SECONDARY, PRIMARY)),
        "020/SIM": np.full(n, simulated, np.int64),
        "040/RHO": _raw(measured.get("range_m", nowhere), fields["040/RHO"]),
        "040/THETA": _raw(_turned(measured.get("azimuth_rad", nowhere), fields["040/THETA"]), fields["040/THETA"]),
        "070/MODE3A": identity.mode_3a,
        "090/FL": level,
        "220": identity.icao_address,
        "240": _letters(identity.call_sign),
    }
    return _stacked(PLOTS, columns, n, sac, sic)


def _stacked(wanted: Wanted, columns: Mapping[str, NDArray[np.int64]], n: int, sac: int, sic: int) -> NDArray[np.int64]:
    """Return (k, n) columns in the order of the wanted fields, with the data source.

    Raises:
        ValueError: if one of its codes is not 0 to 255.
    """
    if not (0 <= sac < 256 and 0 <= sic < 256):
        raise ValueError(f"SAC {sac} and SIC {sic} must be 0 to 255")
    columns = {SAC: np.full(n, sac, np.int64), SIC: np.full(n, sic, np.int64), **columns}
    return np.stack([columns[path] for path in wanted.paths])


def _blocks(wanted: Wanted, values: NDArray[np.int64], block_bytes_max: int) -> bytes:
    if not 256 <= block_bytes_max < 1 << 16:
        raise ValueError(f"block_bytes_max is {block_bytes_max}: it must be 256 to 65535")
    return write_blocks(values, wanted.category, layout_of((wanted,))[0], block_bytes_max)


def _moments(tracks: Tracks, fields: Mapping[str, Field]) -> dict[str, NDArray[np.int64]]:
    """Return path -> (n,) raw numbers of time, state and accuracies, -1 where the item cannot hold the value."""
    lat_rad, lon_rad, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    axes = enu_axes(lat_rad, lon_rad)
    velocity = np.matvec(axes, tracks.state_ecef[:, 3:])
    position_cov = axes @ tracks.covariance_ecef[:, :3, :3] @ axes.swapaxes(1, 2)
    velocity_cov = axes @ tracks.covariance_ecef[:, 3:, 3:] @ axes.swapaxes(1, 2)
    east_m, north_m, up_m = np.sqrt(np.diagonal(position_cov, axis1=1, axis2=2)).T
    velocity_sigma = np.sqrt(np.diagonal(velocity_cov, axis1=1, axis2=2))
    meridian_m, across_m = radii_of_curvature_m(lat_rad)
    shared = position_cov[:, 0, 1]
    values = {
        "070": tracks.time_ns % NS_PER_DAY / NS_PER_S,
        "105/LAT": lat_rad,
        "105/LON": lon_rad,
        "185/VX": velocity[:, 0],
        "185/VY": velocity[:, 1],
        "220": velocity[:, 2],
        "130": height_m,
        "500/COV": np.sign(shared) * np.sqrt(np.abs(shared)),
    }
    sigmas = {
        "500/APC/X": east_m,
        "500/APC/Y": north_m,
        "500/APW/LAT": north_m / meridian_m,
        "500/APW/LON": east_m / np.maximum(across_m * np.cos(lat_rad), 1.0),
        "500/AGA": up_m,
        "500/ATV/X": velocity_sigma[:, 0],
        "500/ATV/Y": velocity_sigma[:, 1],
        "500/ARC": velocity_sigma[:, 2],
    }
    for path, sigma in sigmas.items():
        values[path] = np.clip(sigma, fields[path].scale, fields[path].scale * _largest(fields[path]))
    return {path: _raw(value, fields[path]) for path, value in values.items()}


def _largest(field: Field) -> int:
    return (1 << field.bits - field.signed) - 1


def _raw(value: NDArray[np.float64], field: Field) -> NDArray[np.int64]:
    """Return (n,) values as the unsigned numbers that stand for them, -1 where they do not fit."""
    steps = np.rint(value / field.scale)
    fits = (steps >= (-_largest(field) - 1 if field.signed else 0)) & (steps <= _largest(field))
    return np.where(fits, np.where(fits, steps, 0.0).astype(np.int64) & ((1 << field.bits) - 1), ABSENT)


def _turned(angle_rad: NDArray[np.float64], field: Field) -> NDArray[np.float64]:
    """Return (n,) angles from 0 to a whole turn less half a step, so that the nearest step of a whole turn is 0."""
    turn_rad = field.scale * (1 << field.bits)
    return np.remainder(angle_rad + 0.5 * field.scale, turn_rad) - 0.5 * field.scale


def _letters(call_sign: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return (n,) call signs as eight codes of six bits, -1 where there is none; other letters become blanks."""
    text = np.strings.upper(call_sign).astype(f"<U{CALL_SIGN_LENGTH}")
    letters = np.ascontiguousarray(text).view("<U1").reshape(len(text), CALL_SIGN_LENGTH)
    blank = np.flatnonzero(ICAO_LETTERS == " ")[-1]
    order = np.argsort(ICAO_LETTERS, kind="stable")
    place = np.minimum(np.searchsorted(ICAO_LETTERS[order], letters), len(order) - 1)
    codes = np.where((ICAO_LETTERS[order][place] == letters) & (letters != " "), order[place], blank)
    packed = (codes << np.arange(6 * (CALL_SIGN_LENGTH - 1), -1, -6)).sum(axis=1)
    return np.where(text == "", ABSENT, packed)
