"""The bodies of envelopes and the kinds of frames: what two nodes say to each other, as bytes."""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.fusion.tracklets import sound
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Batch, Decision, Launches, Status, Tracks, TrackStatus, joined_by_sensor, take
from noroshi.records.alert import EXERCISE
from noroshi.sharing.actions.strip import types_as_sources
from noroshi.sharing.envelope import Number, TimeNs
from noroshi.sharing.release import without_idle_sensors
from noroshi.sharing.rules import Product

ROWS_MAX = 10_000  # of one message that came; those of this program have 500
NAMES_MAX = 4_096
AHEAD_NS = 60 * NS_PER_S  # a partner's clock may be wrong; what is of tomorrow would wait here for ever
RADIUS_M = (1e6, 1e9)
SPEED_M_S_MAX = 1e6
VARIANCE = (1e-9, 1e20)
ROUNDING = 1e-6
NUMBERS = {"icao_address": 1 << 24, "mode_3a": 1 << 12, "mmsi": 10**9}


class Kind(bytes, Enum):
    """What a frame is: its first byte."""

    MESSAGE = b"M"  # an envelope, or a notice of withdrawal
    BEACON = b"B"  # that its sender is there, and how far its feed has come
    ASK = b"A"  # for messages that are missing
    RECEIPT = b"R"  # signed by the recipient
    COUNTERSIGNED = b"C"  # the receipt back, with the owner's signature
    PLEDGE = b"P"  # of the sender's audit, signed, for the recipient to hold


class Beacon(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """That a node is there.

    Attributes:
        seq: the number of its last message to the recipient.
        sent_ns: when it was sent.
    """

    seq: Number
    sent_ns: TimeNs


class Ask(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """For messages `first` to `last`."""

    first: Number
    last: Number


class _Rows(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    is_coarse: bool
    tracks: bytes
    sensor_types: dict[str, str]


class _Tombstone(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    product: Product
    numbers: Annotated[list[int], msgspec.Meta(max_length=ROWS_MAX)]


_ENCODER = msgspec.msgpack.Encoder()
_ROWS = msgspec.msgpack.Decoder(_Rows)
_NOTICES: msgspec.msgpack.Decoder[list[bytes]] = msgspec.msgpack.Decoder(
    Annotated[list[bytes], msgspec.Meta(max_length=ROWS_MAX)]
)
_TOMBSTONE = msgspec.msgpack.Decoder(_Tombstone)


def tracks_body(tracks: Tracks, *, is_coarse: bool, sensor_types: Mapping[str, str]) -> bytes:
    """Return tracks as the body of a message.

    Args:
        tracks: as the recipient is to see them.
        is_coarse: whether their errors are no longer those of sensors.
        sensor_types: by the names that `tracks` has; what is left out there is left out here.
    """
    types = {name: sensor_types.get(name, name) for name in tracks.source_names}
    return _ENCODER.encode(_Rows(is_coarse, pack(tracks), types))


def tracks_of(body: bytes) -> tuple[Tracks, bool, dict[str, str]]:
    """Return the tracks of a body, whether they are coarse, and the types of their sensors.

    Raises:
        FormatError: if it is no such body.
    """
    try:
        rows = _ROWS.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"not the body of tracks: {error}") from error
    tracks = unpack(rows.tracks)
    if not isinstance(tracks, Tracks):
        raise FormatError(f"a {type(tracks).__name__} where tracks belong")
    names: Any = tracks.source_names  # nothing has looked at these
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in (tracks.node, tracks.label, *names)):
        raise FormatError("tracks whose names are no texts")
    if len(names) != tracks.sources.shape[1] or max(len(names), len(rows.sensor_types)) > NAMES_MAX:
        raise FormatError("tracks of other sensors than they name, or of too many")
    return tracks, rows.is_coarse, rows.sensor_types


def believable(tracks: Tracks, now_ns: int) -> NDArray[np.bool_]:
    """Return (n,) which rows of a partner can be of targets: numbers that are possible, and not from the future.

    A last row (`TrackStatus.LOST`) tells no state.
    """
    told = np.concatenate([tracks.existence[:, None], tracks.kind_probability], axis=1)
    fine = np.asarray((np.isnan(told) | ((told >= 0.0) & (told <= 1.0 + ROUNDING))).all(axis=1), np.bool_)
    fine &= (tracks.status > TrackStatus.TENTATIVE) & (tracks.status <= TrackStatus.LOST)
    for times in (tracks.time_ns, tracks.updated_ns):
        fine &= (times >= 0) & (times <= now_ns + AHEAD_NS)
    for name, end in NUMBERS.items():
        numbers = getattr(tracks.identity, name)
        fine &= (numbers >= -1) & (numbers < end)
    fine &= _printable(tracks.identity.call_sign)
    ok = np.empty(len(tracks), np.bool_)
    sound(tracks.state_ecef, tracks.covariance_ecef, RADIUS_M, SPEED_M_S_MAX, VARIANCE, ROUNDING, ok)
    return np.asarray(fine & (ok | (tracks.status == TrackStatus.LOST)), np.bool_)


def _printable(texts: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which texts have nothing in them that cannot be shown; plain ones are told at once."""
    code = np.ascontiguousarray(texts).view(np.uint32).reshape(len(texts), -1)
    is_plain = (((code >= 0x20) & (code < 0x7F)) | (code == 0)).all(axis=1)
    is_plain &= ~((code[:, :-1] == 0) & (code[:, 1:] != 0)).any(axis=1)
    rest = np.flatnonzero(~is_plain)
    is_plain[rest] = [text.isprintable() for text in texts[rest].tolist()]
    return np.asarray(is_plain, np.bool_)


def notice_of(body: bytes, owner: str) -> Batch:
    """Return the record of a warning, of a state of the node, or of a decision; never one of another sort.

    Args:
        body: of the notice.
        owner: the nation whose message it came in.

    Raises:
        FormatError: if it is no such record, or says that it is another nation's.
    """
    record = unpack(body)
    if not isinstance(record, Alert | Decision | Launches | Status):
        raise FormatError(f"a {type(record).__name__} where a notice belongs")
    if len(record) > ROWS_MAX:
        raise FormatError(f"{len(record)} rows in one notice")
    if isinstance(record, Alert) and (record.sender != owner or record.status != EXERCISE):
        raise FormatError("an alert of another nation than that which sends it, or of no exercise")
    if isinstance(record, Launches) and (
        record.node != owner or not all(np.isfinite(getattr(record, name)).all() for name in record.COLUMNS)
    ):
        raise FormatError("launches of another nation than that which sends them, or without numbers")
    return record


def as_evidence(tracks: Tracks, sensor_types: Mapping[str, str]) -> Tracks:
    """Return tracks as fusion takes them: `source_names` are types of sensors."""
    return tracks.replace(**types_as_sources(tracks, sensor_types))


def joined_body(parts: Sequence[tuple[bytes, NDArray[np.int64] | None]]) -> bytes:
    """Return one body with some rows of several, None is all; all are coarse or none is.

    Raises:
        FormatError: if one is no such body.
    """
    if len(parts) == 1 and parts[0][1] is None:
        return parts[0][0]
    chosen: list[Tracks] = []
    types: dict[str, str] = {}
    is_coarse = False
    for body, rows in parts:
        tracks, coarse, known = tracks_of(body)
        is_coarse |= coarse
        types |= known
        some = tracks if rows is None else take(tracks, rows)
        chosen.append(without_idle_sensors(some))  # names of rows that do not go, or not yet, do not either
    return tracks_body(joined_by_sensor(chosen), is_coarse=is_coarse, sensor_types=types)


def notices_body(bodies: Sequence[bytes]) -> bytes:
    """Return several notices (warnings, states of the node, tombstones) as one body."""
    return _ENCODER.encode(list(bodies))


def notices_of(body: bytes) -> list[bytes]:
    """Return the notices of a body.

    Raises:
        FormatError: if it is no such body.
    """
    try:
        return _NOTICES.decode(body)
    except msgspec.DecodeError as error:
        raise FormatError(f"not the body of notices: {error}") from error


def tombstone_body(product: Product, numbers: Sequence[int]) -> bytes:
    """Return the order to forget what was told of these numbers."""
    return _ENCODER.encode(_Tombstone(product, list(numbers)))


def tombstone_of(body: bytes) -> tuple[Product, NDArray[np.uint64]]:
    """Return what is to be forgotten.

    Raises:
        FormatError: if it is no such body.
    """
    try:
        content = _TOMBSTONE.decode(body)
        return content.product, np.array(content.numbers, np.uint64)
    except (msgspec.DecodeError, OverflowError) as error:
        raise FormatError(f"not the body of a tombstone: {error}") from error
