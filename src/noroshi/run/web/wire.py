"""The frame of tracks that goes to the page: columns, as typed arrays in JavaScript (`docs/picture-wire.md`)."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from noroshi.geo.wgs84 import vertical_at
from noroshi.kernel import kernel
from noroshi.records import Tracks

MAGIC = b"NRSH"
VERSION = 1
EXERCISE, REPLAY, LIVE = 1, 2, 4
HEADER = struct.Struct("<4sHHddIIIII20x")
FLAGS_AT, SENT_AT = 6, 16
WHOLE, UNKNOWN_SHARE = 254, 255  # a probability of 1; one that is not known
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
PLACES = tuple(name for name, _, _ in COLUMNS[1:11])  # what `_places` fills
N_ROWS = 20  # of numbers while a frame is made
TO_1E_7_DEG = 1e7 * 180.0 / math.pi
HALF = math.tan(math.pi / 8.0)
_AGE_MS = 2**31 - 1


def _fitted() -> list[float]:
    """Return the polynomial in t^2 that is atan(t) / t up to t = tan(pi/8)."""
    u = HALF**2 * (1.0 + np.cos(np.pi * (np.arange(64) + 0.5) / 64.0)) / 2.0
    fit = Chebyshev.fit(u, np.arctan(np.sqrt(u)) / np.sqrt(u), 7, domain=[0.0, HALF**2])
    coefficients: list[float] = fit.convert(kind=Polynomial).coef.tolist()
    return coefficients


F0, F1, F2, F3, F4, F5, F6, F7 = _fitted()


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
    if n:  # an empty picture compiles nothing
        rows = np.empty((N_ROWS, n))
        _spread(np.ascontiguousarray(tracks.state_ecef), np.ascontiguousarray(tracks.covariance_ecef), rows)
        _turn(rows, *(column[name] for name in PLACES))
        _shares(
            np.ascontiguousarray(tracks.existence),
            np.ascontiguousarray(tracks.kind_probability),
            *(column[name] for name in ("existence", "kind", "kind_probability")),
        )
    column["state_age_ms"][:] = np.clip((picture_ns - tracks.time_ns) // 1_000_000, -_AGE_MS, _AGE_MS)
    column["measured_age_ms"][:] = np.clip((picture_ns - tracks.updated_ns) // 1_000_000, -_AGE_MS, _AGE_MS)
    if interval_ns is not None:
        column["interval_s"][:] = np.clip(interval_ns // 1_000_000_000, 0, 65_535)
    column["status"][:] = tracks.status
    column["affiliation"][:] = (tracks.identity.icao_address >= 0) | (tracks.identity.mmsi >= 0)
    for bit, numbers in ((THREATENS, threats), (ALERTED, alerted)):
        if numbers is not None and len(numbers):
            column["mark"][np.isin(tracks.track_id, numbers)] |= bit
    column["affiliation"][column["mark"] & THREATENS > 0] = SUSPECT
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


@kernel
def _spread(state: Any, covariance: Any, rows: Any) -> None:
    """Write (n, 6) states and the upper triangles of their positions' covariances as the first twelve (n,) rows."""
    for i in range(len(state)):
        for k in range(6):
            rows[k, i] = state[i, k]
        rows[6, i], rows[7, i], rows[8, i] = covariance[i, 0, 0], covariance[i, 0, 1], covariance[i, 0, 2]
        rows[9, i], rows[10, i], rows[11, i] = covariance[i, 1, 1], covariance[i, 1, 2], covariance[i, 2, 2]


@kernel
def _turn(
    rows: Any,
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
    """Write places, velocities and covariances in local axes: first turned about the Earth's axis, then tilted.

    Several short loops without branches, each over few rows: the compiler takes several tracks at once only so.
    """
    n = rows.shape[1]
    x, y, z, vx, vy, vz = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    xx, xy, xz, yy, yz, zz = rows[6], rows[7], rows[8], rows[9], rows[10], rows[11]
    sines, cosines, ups, acrosses = rows[12], rows[13], rows[14], rows[15]
    along_east, up_east, along_along, along_up = rows[16], rows[17], rows[18], rows[19]
    for i in range(n):
        up_x, up_y, up_z, height[i] = vertical_at(x[i], y[i], z[i])
        across = math.sqrt(up_x * up_x + up_y * up_y)
        sines[i], cosines[i], ups[i], acrosses[i] = up_y / across, up_x / across, up_z, across
    for i in range(n):
        lat[i] = math.floor(_angle(ups[i], acrosses[i]) * TO_1E_7_DEG + 0.5)
    for i in range(n):
        lon[i] = math.floor(_angle(y[i], x[i]) * TO_1E_7_DEG + 0.5)
    for i in range(n):
        along = cosines[i] * vx[i] + sines[i] * vy[i]
        east[i] = cosines[i] * vy[i] - sines[i] * vx[i]
        north[i] = acrosses[i] * vz[i] - ups[i] * along
        up[i] = acrosses[i] * along + ups[i] * vz[i]
    for i in range(n):
        s, c = sines[i], cosines[i]
        east_east[i] = s * s * xx[i] - 2.0 * s * c * xy[i] + c * c * yy[i]
        along_east[i] = s * c * (yy[i] - xx[i]) + (c * c - s * s) * xy[i]
        along_along[i] = c * c * xx[i] + 2.0 * s * c * xy[i] + s * s * yy[i]
        up_east[i] = c * yz[i] - s * xz[i]
        along_up[i] = c * xz[i] + s * yz[i]
    for i in range(n):
        s, c = ups[i], acrosses[i]
        east_north[i] = c * up_east[i] - s * along_east[i]
        north_north[i] = s * s * along_along[i] - 2.0 * s * c * along_up[i] + c * c * zz[i]
        up_sigma[i] = math.sqrt(c * c * along_along[i] + 2.0 * s * c * along_up[i] + s * s * zz[i])


@kernel
def _angle(y: float, x: float) -> float:
    """Return atan2(y, x) [rad] to 1e-12, without a branch: the library's own takes as long as all the rest together.

    Source of the reduction: Cody and Waite (1980), Software Manual for the Elementary Functions, chapter 11; the
    polynomial is fitted below.
    """
    a, b = abs(y), abs(x)
    is_steep = a > b
    ratio = (b if is_steep else a) / (a if is_steep else b)
    is_far = ratio > HALF
    t = (ratio - 1.0) / (ratio + 1.0) if is_far else ratio
    u = t * t
    angle = t * (F0 + u * (F1 + u * (F2 + u * (F3 + u * (F4 + u * (F5 + u * (F6 + u * F7)))))))
    angle = angle + math.pi / 4.0 if is_far else angle
    angle = math.pi / 2.0 - angle if is_steep else angle
    angle = math.pi - angle if x < 0.0 else angle
    return -angle if y < 0.0 else angle


@kernel
def _shares(existence: Any, kinds: Any, shares: Any, kind: Any, kind_shares: Any) -> None:
    """Write probabilities as shares of 254, and which kind is the likeliest."""
    for i in range(len(existence)):
        p = existence[i]
        shares[i] = math.floor((p if p < 1.0 else 1.0) * WHOLE + 0.5) if p >= 0.0 else UNKNOWN_SHARE
    for i in range(len(existence)):
        best, p = 0, kinds[i, 0]
        for k in range(1, kinds.shape[1]):
            is_more = kinds[i, k] > p
            best, p = (k if is_more else best), (kinds[i, k] if is_more else p)
        kind[i] = best
        kind_shares[i] = math.floor((p if p < 1.0 else 1.0) * WHOLE + 0.5) if p >= 0.0 else UNKNOWN_SHARE
