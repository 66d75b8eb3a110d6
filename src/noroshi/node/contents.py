"""The bodies of envelopes and the kinds of frames: what two nodes say to each other, as bytes."""

from collections.abc import Mapping, Sequence
from enum import Enum

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.records import Tracks, joined_by_sensor, take
from noroshi.sharing.actions.strip import types_as_sources
from noroshi.sharing.release import without_idle_sensors
from noroshi.sharing.rules import Product


class Kind(bytes, Enum):
    """What a frame is: its first byte."""

    MESSAGE = b"M"  # an envelope, or a notice of withdrawal
    BEACON = b"B"  # that its sender is there, and how far its feed has come
    ASK = b"A"  # for messages that are missing
    RECEIPT = b"R"  # signed by the recipient
    COUNTERSIGNED = b"C"  # the receipt back, with the owner's signature


class Beacon(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """That a node is there.

    Attributes:
        seq: the number of its last message to the recipient.
        sent_ns: when it was sent.
    """

    seq: int
    sent_ns: int


class Ask(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """For messages `first` to `last`."""

    first: int
    last: int


class _Rows(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    is_coarse: bool
    tracks: bytes
    sensor_types: dict[str, str]


class _Tombstone(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    product: Product
    numbers: list[int]


_ENCODER = msgspec.msgpack.Encoder()
_ROWS = msgspec.msgpack.Decoder(_Rows)
_NOTICES = msgspec.msgpack.Decoder(list[bytes])
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
    return tracks, rows.is_coarse, rows.sensor_types


def as_evidence(tracks: Tracks, sensor_types: Mapping[str, str]) -> Tracks:
    """Return tracks as fusion takes them: `source_names` are types of sensors."""
    return tracks.replace(**types_as_sources(tracks, sensor_types))


def joined_body(parts: Sequence[tuple[bytes, NDArray[np.int64]]]) -> bytes:
    """Return one body with some rows of several; all are coarse or none is.

    Raises:
        FormatError: if one is no such body.
    """
    chosen: list[Tracks] = []
    types: dict[str, str] = {}
    is_coarse = False
    for body, rows in parts:
        tracks, coarse, known = tracks_of(body)
        is_coarse |= coarse
        types |= known
        chosen.append(without_idle_sensors(take(tracks, rows)))  # of rows that do not go, or not yet
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
