"""Tracks to category 062, the newest edition that libasterix knows."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix import cat062
from noroshi.formats.asterix.layout import ABSENT, Field, editions
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.time import NS_PER_DAY, NS_PER_S
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Tracks, TrackStatus

TRACK_NUMBERS = 1 << 16  # I062/040
BLOCK_BYTES_MAX = 1400  # fits a datagram on Ethernet without fragments


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
    1,040 m/s; an accuracy that is too large is given as the largest there is. The day, the kind and the label are lost.

    Args:
        tracks: what to write.
        sac: system area code of the data source.
        sic: system identification code of the data source.
        simulated: mark every track as simulated (I062/080).
        block_bytes_max: how long a block may become, of which each is a datagram for itself.

    Raises:
        ValueError: if a code is not 0 to 255, or a block could not hold a record.
    """
    from asterix import generated  # here, because it takes seconds and most runs write no ASTERIX

    if not (0 <= sac < 256 and 0 <= sic < 256):
        raise ValueError(f"SAC {sac} and SIC {sic} must be 0 to 255")
    if not 256 <= block_bytes_max < 1 << 16:
        raise ValueError(f"block_bytes_max is {block_bytes_max}: it must be 256 to 65535")
    specification = generated.manifest["CATS"][cat062.CATEGORY][-1]
    columns = _columns(tracks)
    blocks: list[list[Any]] = [[]]
    size = 3
    for row in range(len(tracks)):
        present = {path: int(column[row]) for path, column in columns.items() if column[row] != ABSENT}
        items = _items(present, str(tracks.identity.call_sign[row]), int(tracks.status[row]), simulated=simulated)
        record = specification.cv_record.create({"010": (sac, sic), **items})
        length = len(record.unparse()) // 8
        if size + length > block_bytes_max:
            blocks.append([])
            size = 3
        blocks[-1].append(record)
        size += length
    return b"".join(bytes(specification.create(block).unparse().to_bytes()) for block in blocks if block)


def _columns(tracks: Tracks) -> dict[str, NDArray[np.int64]]:
    """Return path -> (n,) raw numbers, -1 where the item cannot hold the value."""
    fields = editions(cat062.CATEGORY, cat062.PATHS)[0].fields
    lat_rad, lon_rad, height_m = geodetic_from_ecef(tracks.state_ecef[:, :3])
    axes = enu_axes(lat_rad, lon_rad)
    velocity = np.matvec(axes, tracks.state_ecef[:, 3:])
    position_cov = axes @ tracks.covariance_ecef[:, :3, :3] @ axes.swapaxes(1, 2)
    velocity_cov = axes @ tracks.covariance_ecef[:, 3:, 3:] @ axes.swapaxes(1, 2)
    position_sigma = np.sqrt(np.diagonal(position_cov, axis1=1, axis2=2))
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
        "500/APC/X": position_sigma[:, 0],
        "500/APC/Y": position_sigma[:, 1],
        "500/APW/LAT": position_sigma[:, 1] / meridian_m,
        "500/APW/LON": position_sigma[:, 0] / np.maximum(across_m * np.cos(lat_rad), 1.0),
        "500/AGA": position_sigma[:, 2],
        "500/ATV/X": velocity_sigma[:, 0],
        "500/ATV/Y": velocity_sigma[:, 1],
        "500/ARC": velocity_sigma[:, 2],
    }
    identity = tracks.identity
    return {
        "040": (tracks.track_id % TRACK_NUMBERS).astype(np.int64),
        "060": identity.mode_3a,
        "380/ADR": identity.icao_address,
        **{path: _raw(value, fields[path]) for path, value in values.items()},
        **{
            path: _raw(np.clip(s, fields[path].scale, _largest(fields[path])), fields[path])
            for path, s in sigmas.items()
        },
    }


def _largest(field: Field) -> float:
    return field.scale * ((1 << field.bits - field.signed) - 1)


def _raw(value: NDArray[np.float64], field: Field) -> NDArray[np.int64]:
    """Return (n,) values as the unsigned numbers that stand for them, -1 where they do not fit."""
    steps = np.rint(value / field.scale)
    largest = (1 << field.bits - field.signed) - 1
    fits = (steps >= (-largest - 1 if field.signed else 0)) & (steps <= largest)
    return np.where(fits, np.where(fits, steps, 0.0).astype(np.int64) & ((1 << field.bits) - 1), ABSENT)


def _items(present: dict[str, int], call_sign: str, status: int, *, simulated: bool) -> dict[str, Any]:
    """Return the items of one record as libasterix wants them."""

    def group(item: str, *names: str) -> tuple[int, ...] | None:
        paths = [f"{item}/{name}" for name in names]
        return tuple(present[path] for path in paths) if all(path in present for path in paths) else None

    tentative, ends = int(status == TrackStatus.TENTATIVE), int(status == TrackStatus.LOST)
    letters = "".join(letter if letter.isascii() and letter.isalnum() else " " for letter in call_sign.upper())
    derived = {"ADR": present.get("380/ADR"), "ID": letters or None}
    accuracies = {
        "APC": group("500/APC", "X", "Y"),
        "COV": present.get("500/COV"),
        "APW": group("500/APW", "LAT", "LON"),
        "AGA": present.get("500/AGA"),
        "ATV": group("500/ATV", "X", "Y"),
        "ARC": present.get("500/ARC"),
    }
    return {
        "070": present["070"],
        "105": group("105", "LAT", "LON"),
        "185": group("185", "VX", "VY"),
        "060": (0, 0, 0, 0, present["060"]) if "060" in present else None,
        "380": derived if any(value is not None for value in derived.values()) else None,
        "040": present["040"],
        "080": (
            (0, 0, 1, 0, tentative, None),  # the geometric altitude is the reliable one
            (int(simulated), ends, 0, 0, 0, 0, 0, None),
            (0, 0, 0, 0, 0, None),
            (int(status == TrackStatus.COASTING), 0, 0, 0, 0, 0, 0, None),
        ),
        "130": present.get("130"),
        "220": present.get("220"),
        "500": accuracies if any(value is not None for value in accuracies.values()) else None,
    }
