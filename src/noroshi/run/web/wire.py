"""The frame of tracks that goes to the page: columns, as typed arrays in JavaScript (`docs/picture-wire.md`)."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import vertical_at
from noroshi.kernel import kernel
from noroshi.records import Tracks

MAGIC = b"NRSH"
VERSION = 1
EXERCISE, REPLAY, LIVE = 1, 2, 4
HEADER = struct.Struct("<4sHHddIIIII20x")
FLAGS_AT, SENT_AT = 6, 16
WHOLE = 254  # a probability of 1; one more is "not known"
THREATENS, ALERTED = 1, 2
UNKNOWN, NEUTRAL, SUSPECT = range(3)
WORD_BITS = 32

COLUMNS: tuple[tuple[str, str, int], ...] = (  # name, type, values a track
    ("id", "<u4", 2),
    ("lat", "<i4", 1),
    ("lon", "<i4", 1),
    ("height_m", "<f4", 1),
    ("velocity_east_m_s", "<f4", 1),
    ("velocity_north_m_s", "<f4", 1),
    ("velocity_up_m_s", "<f4", 1),
    ("east_east_m2", "<f4", 1),
    ("east_north_m2", "<f4", 1),
    ("north_north_m2", "<f4", 1),
    ("up_sigma_m", "<f4", 1),
    ("state_age_ms", "<i4", 1),
    ("measured_age_ms", "<i4", 1),
    ("interval_s", "<u2", 1),
    ("existence", "u1", 1),
    ("status", "u1", 1),
    ("kind", "u1", 1),
    ("kind_probability", "u1", 1),
    ("affiliation", "u1", 1),
    ("mark", "u1", 1),
    ("sources", "<u4", 0),  # as many as the header says
)
N_PLACES = 10  # of the columns that `_places` fills
_AGE_MS = 2**31 - 1


class WireError(ValueError):
    """Bytes that are no frame, or one of another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a frame says before its columns; see `docs/picture-wire.md`."""

    flags: int
    picture_ms: float
    sent_ms: float
    sequence: int
    n: int
    words: int
    sources_version: int
    names_count: int


def encode(
    tracks: Tracks,
    *,
    picture_ns: int,
    sent_ns: int,
    sequence: int,
    sources_version: int,
    names_count: int,
    flags: int,
    interval_ns: NDArray[np.int64] | None = None,
    threats: NDArray[np.uint64] | None = None,
    alerted: NDArray[np.uint64] | None = None,
) -> bytes:
    """Return one frame.

    Args:
        tracks: what the viewer sees, each track once.
        picture_ns, sent_ns: the time of the picture; the clock now.
        sequence, sources_version, names_count: see `docs/picture-wire.md`.
        flags: `EXERCISE`, `REPLAY`, `LIVE`.
        interval_ns: (n,) how long it may be until the next row of each; None is "as it comes".
        threats, alerted: numbers of the tracks that a threat is expected of, and that an alert is in force for.
    """
    n = len(tracks)
    words = -(-len(tracks.source_names) // WORD_BITS)
    offsets, size = layout(n, words)
    body = np.zeros(size, np.uint8)
    counts = (sequence, n, words, sources_version, names_count)
    HEADER.pack_into(body.data, 0, MAGIC, VERSION, flags, picture_ns / 1e6, sent_ns / 1e6, *counts)
    column = {name: _column(body, offsets[i], form, each or words, n) for i, (name, form, each) in enumerate(COLUMNS)}
    column["id"][:] = np.ascontiguousarray(tracks.track_id).view("<u4")
    places = [column[name] for name, _, _ in COLUMNS[1 : 1 + N_PLACES]]
    if n:  # an empty picture compiles nothing
        _places(np.ascontiguousarray(tracks.state_ecef), np.ascontiguousarray(tracks.covariance_ecef), *places)
    column["state_age_ms"][:] = np.clip((picture_ns - tracks.time_ns) // 1_000_000, -_AGE_MS, _AGE_MS)
    column["measured_age_ms"][:] = np.clip((picture_ns - tracks.updated_ns) // 1_000_000, -_AGE_MS, _AGE_MS)
    if interval_ns is not None:
        column["interval_s"][:] = np.clip(interval_ns // 1_000_000_000, 0, 65_535)
    column["existence"][:] = _shares(tracks.existence)
    column["status"][:] = tracks.status
    kind = np.argmax(tracks.kind_probability, axis=1)
    column["kind"][:] = kind
    column["kind_probability"][:] = _shares(tracks.kind_probability[np.arange(n), kind])
    threatens, is_alerted = _among(tracks.track_id, threats), _among(tracks.track_id, alerted)
    says = (tracks.identity.icao_address >= 0) | (tracks.identity.mmsi >= 0)
    column["affiliation"][:] = np.where(threatens, SUSPECT, np.where(says, NEUTRAL, UNKNOWN))
    column["mark"][:] = threatens * THREATENS + is_alerted * ALERTED
    bits = np.packbits(tracks.sources, axis=1, bitorder="little")
    column["sources"].view(np.uint8).reshape(n, 4 * words)[:, : bits.shape[1]] = bits
    return body.tobytes()


def redated(frame: bytes, *, sent_ns: int, flags: int) -> bytes:
    """Return a frame with another time of sending and other flags."""
    changed = bytearray(frame)
    struct.pack_into("<H", changed, FLAGS_AT, flags)
    struct.pack_into("<d", changed, SENT_AT, sent_ns / 1e6)
    return bytes(changed)


def decode(frame: bytes) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Return the header and the columns of a frame; `id` as u64, `sources` as (n, words).

    Raises:
        WireError: if it is no frame of this version.
    """
    if len(frame) < HEADER.size:
        raise WireError(f"{len(frame)} bytes are no frame")
    magic, version, flags, picture_ms, sent_ms, *counts = HEADER.unpack_from(frame)
    if magic != MAGIC or version != VERSION:
        raise WireError(f"no frame of version {VERSION}")
    header = Header(
        flags=flags, picture_ms=picture_ms, sent_ms=sent_ms, sequence=counts[0], n=counts[1], words=counts[2],
        sources_version=counts[3], names_count=counts[4],
    )  # fmt: skip
    offsets, size = layout(header.n, header.words)
    if len(frame) != size:
        raise WireError(f"a frame of {header.n} tracks has {size} bytes, not {len(frame)}")
    body = np.frombuffer(frame, np.uint8)
    column = {
        name: _column(body, offsets[i], form, each or header.words, header.n)
        for i, (name, form, each) in enumerate(COLUMNS)
    }
    column["id"] = column["id"].view("<u8")
    column["sources"] = column["sources"].reshape(header.n, header.words)
    return header, column


def layout(n: int, words: int) -> tuple[list[int], int]:
    """Return where each column begins, and how long a frame of n tracks is."""
    at, offsets = HEADER.size, []
    for _, form, each in COLUMNS:
        offsets.append(at)
        at += -(-np.dtype(form).itemsize * (each or words) * n // 8) * 8
    return offsets, at


def _column(body: NDArray[np.uint8], at: int, form: str, each: int, n: int) -> NDArray[Any]:
    return body[at : at + np.dtype(form).itemsize * each * n].view(form)


def _shares(probability: NDArray[np.float64]) -> NDArray[np.uint8]:
    known = np.isfinite(probability)
    share = np.rint(np.clip(np.where(known, probability, 0.0), 0.0, 1.0) * WHOLE)
    return np.where(known, share, WHOLE + 1).astype(np.uint8)


def _among(numbers: NDArray[np.uint64], some: NDArray[np.uint64] | None) -> NDArray[np.bool_]:
    return np.zeros(len(numbers), np.bool_) if some is None or not len(some) else np.isin(numbers, some)


@kernel
def _places(
    state: Any,
    covariance: Any,
    lat: Any,
    lon: Any,
    height: Any,
    east: Any,
    north: Any,
    up: Any,
    east_east: Any,
    east_north: Any,
    north_north: Any,
    up_sigma: Any,
) -> None:
    """Write places, velocities and covariances of (n, 6) states in local axes."""
    to_1e7 = 1e7 * 180.0 / math.pi
    for i in range(len(state)):
        x, y, z = state[i, 0], state[i, 1], state[i, 2]
        up_x, up_y, up_z, height_m = vertical_at(x, y, z)
        across = math.sqrt(up_x * up_x + up_y * up_y)
        sin_lon, cos_lon = (up_y / across, up_x / across) if across > 0.0 else (0.0, 1.0)
        if math.isfinite(x + y + z):
            lat[i] = round(math.atan2(up_z, across) * to_1e7)
            lon[i] = round(math.atan2(y, x) * to_1e7)
        height[i] = height_m
        north_x, north_y, north_z = -up_z * cos_lon, -up_z * sin_lon, across
        vx, vy, vz = state[i, 3], state[i, 4], state[i, 5]
        east[i] = -sin_lon * vx + cos_lon * vy
        north[i] = north_x * vx + north_y * vy + north_z * vz
        up[i] = up_x * vx + up_y * vy + up_z * vz
        p = covariance[i]
        pe_x, pe_y, pe_z = (
            -sin_lon * p[0, 0] + cos_lon * p[0, 1],
            -sin_lon * p[0, 1] + cos_lon * p[1, 1],
            -sin_lon * p[0, 2] + cos_lon * p[1, 2],
        )
        pn_x, pn_y, pn_z = (
            north_x * p[0, 0] + north_y * p[0, 1] + north_z * p[0, 2],
            north_x * p[0, 1] + north_y * p[1, 1] + north_z * p[1, 2],
            north_x * p[0, 2] + north_y * p[1, 2] + north_z * p[2, 2],
        )
        pu_x, pu_y, pu_z = (
            up_x * p[0, 0] + up_y * p[0, 1] + up_z * p[0, 2],
            up_x * p[0, 1] + up_y * p[1, 1] + up_z * p[1, 2],
            up_x * p[0, 2] + up_y * p[1, 2] + up_z * p[2, 2],
        )
        east_east[i] = -sin_lon * pe_x + cos_lon * pe_y
        east_north[i] = north_x * pe_x + north_y * pe_y + north_z * pe_z
        north_north[i] = north_x * pn_x + north_y * pn_y + north_z * pn_z
        up_sigma[i] = math.sqrt(max(up_x * pu_x + up_y * pu_y + up_z * pu_z, 0.0))
