"""Tracks to category 062, the newest edition that libasterix knows.

All records are made at once: an item is a matrix of bytes, a row a track, with a mask of the bytes that are there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix import cat062
from noroshi.formats.asterix.blocks import HEADER_BYTES
from noroshi.formats.asterix.layout import ABSENT, Field, editions
from noroshi.formats.asterix.table import CALL_SIGN_LENGTH, ICAO_LETTERS
from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.time import NS_PER_DAY, NS_PER_S
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Tracks, TrackStatus

TRACK_NUMBERS = 1 << 16  # I062/040
BLOCK_BYTES_MAX = 1400  # fits a datagram on Ethernet without fragments
FLAGS_A_BYTE = 7  # the eighth bit says whether another byte of flags follows

Octets: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.bool_]]
"""(n, w) bytes, and (n, w) which of them are there."""


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
    if not (0 <= sac < 256 and 0 <= sic < 256):
        raise ValueError(f"SAC {sac} and SIC {sic} must be 0 to 255")
    if not 256 <= block_bytes_max < 1 << 16:
        raise ValueError(f"block_bytes_max is {block_bytes_max}: it must be 256 to 65535")
    if not len(tracks):
        return b""
    octets, there = _records(tracks, sac * 256 + sic, simulated=simulated)
    ends = np.cumsum(there.sum(axis=1))
    content = octets[there].tobytes()
    blocks: list[bytes] = []
    start = 0
    while start < len(content):
        fits = np.searchsorted(ends, start + block_bytes_max - HEADER_BYTES, side="right") - 1
        stop = int(ends[fits])
        length = stop - start + HEADER_BYTES
        blocks.append(bytes([cat062.CATEGORY]) + length.to_bytes(2, "big") + content[start:stop])
        start = stop
    return b"".join(blocks)


def _records(tracks: Tracks, source: int, *, simulated: bool) -> Octets:
    from asterix import base, generated  # here, because it takes seconds and most runs write no ASTERIX

    record = generated.manifest["CATS"][cat062.CATEGORY][-1].cv_record
    fields = editions(cat062.CATEGORY, cat062.PATHS)[0].fields
    n = len(tracks)
    raw = _moments(tracks, fields)
    identity = tracks.identity
    statuses = [_status(record, status, simulated=simulated) for status in TrackStatus]
    derived = {"ADR": _octets(identity.icao_address, 3), "ID": _octets(_letters(identity.call_sign), 6)}
    accuracies = {
        "APC": _group(_octets(raw["500/APC/X"], 2), _octets(raw["500/APC/Y"], 2)),
        "COV": _octets(raw["500/COV"], 2),
        "APW": _group(_octets(raw["500/APW/LAT"], 2), _octets(raw["500/APW/LON"], 2)),
        "AGA": _octets(raw["500/AGA"], 1),
        "ATV": _group(_octets(raw["500/ATV/X"], 1), _octets(raw["500/ATV/Y"], 1)),
        "ARC": _octets(raw["500/ARC"], 1),
    }
    items = {
        "010": _octets(np.full(n, source), 2),
        "070": _octets(raw["070"], 3),
        "105": _group(_octets(raw["105/LAT"], 4), _octets(raw["105/LON"], 4)),
        "185": _group(_octets(raw["185/VX"], 2), _octets(raw["185/VY"], 2)),
        "060": _octets(identity.mode_3a, 2),  # valid, not garbled, not changed: no flag
        "380": _flagged(derived, _names(record.spec("380").cv_rule.cv_variation.cv_items_list)),
        "040": _octets((tracks.track_id % TRACK_NUMBERS).astype(np.int64), 2),
        "080": (np.stack(statuses)[tracks.status], np.ones((n, len(statuses[0])), np.bool_)),
        "130": _octets(raw["130"], 2),
        "220": _octets(raw["220"], 2),
        "500": _flagged(accuracies, _names(record.spec("500").cv_rule.cv_variation.cv_items_list)),
    }
    order = [item.cv_non_spare if issubclass(item, base.UapItem) else None for item in record.cv_items_list]
    return _flagged(items, _names(order))


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


def _letters(call_sign: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return (n,) call signs as eight codes of six bits, -1 where there is none; other letters become blanks."""
    text = np.strings.upper(call_sign).astype(f"<U{CALL_SIGN_LENGTH}")
    padded = np.strings.ljust(text, CALL_SIGN_LENGTH)
    letters = np.ascontiguousarray(padded).view("<U1").reshape(len(text), CALL_SIGN_LENGTH)
    blank = np.flatnonzero(ICAO_LETTERS == " ")[-1]
    order = np.argsort(ICAO_LETTERS, kind="stable")
    place = np.minimum(np.searchsorted(ICAO_LETTERS[order], letters), len(order) - 1)
    codes = np.where((ICAO_LETTERS[order][place] == letters) & (letters != " "), order[place], blank)
    packed = (codes << np.arange(6 * (CALL_SIGN_LENGTH - 1), -1, -6)).sum(axis=1)
    return np.where(text == "", ABSENT, packed)


def _status(record: Any, status: TrackStatus, *, simulated: bool) -> NDArray[np.uint8]:
    """Return the bytes of I062/080; the geometric altitude is marked as the reliable one."""
    parts = (
        (0, 0, 1, 0, int(status == TrackStatus.TENTATIVE), None),
        (int(simulated), int(status == TrackStatus.LOST), 0, 0, 0, 0, 0, None),
        (0, 0, 0, 0, 0, None),
        (int(status == TrackStatus.COASTING), 0, 0, 0, 0, 0, 0, None),
    )
    return np.frombuffer(record.spec("080").create(parts).unparse().to_bytes(), np.uint8)


def _octets(number: NDArray[np.int64], size: int) -> Octets:
    octets = number[:, None] >> np.arange(8 * (size - 1), -1, -8) & 255
    return octets.astype(np.uint8), np.repeat(number[:, None] != ABSENT, size, axis=1)


def _group(*parts: Octets) -> Octets:
    """Return parts one after the other; where one is missing, all are."""
    whole = np.all([there.all(axis=1) for _, there in parts], axis=0)
    octets = np.concatenate([octets for octets, _ in parts], axis=1)
    return octets, np.repeat(whole[:, None], octets.shape[1], axis=1)


def _names(items: Sequence[Any]) -> list[str]:
    return ["" if item is None else item.cv_name for item in items]


def _flagged(parts: Mapping[str, Octets], order: Sequence[str]) -> Octets:
    """Return parts in the specification's order, after the flags that say which are there; nothing where none is."""
    n = len(next(iter(parts.values()))[0])
    size = -(-len(order) // FLAGS_A_BYTE)
    flags = np.zeros((n, size, FLAGS_A_BYTE + 1), np.bool_)
    for i, name in enumerate(order):
        if name in parts:
            flags[:, i // FLAGS_A_BYTE, i % FLAGS_A_BYTE] = parts[name][1].any(axis=1)
    used: NDArray[np.bool_] = np.any(flags, axis=2)
    needed = np.maximum.accumulate(used[:, ::-1], axis=1)[:, ::-1]
    flags[:, :-1, FLAGS_A_BYTE] = needed[:, 1:]
    octets = np.packbits(flags, axis=2)[:, :, 0]
    present = [parts[name] for name in order if name in parts]
    return (
        np.concatenate([octets, *(octets for octets, _ in present)], axis=1),
        np.concatenate([needed, *(there for _, there in present)], axis=1),
    )
