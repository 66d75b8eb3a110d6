"""Records as raw columns in msgpack: what journals, checkpoints and links carry.

Exact: unpack(pack(record)) has the record's digest.
"""

import re
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.formats import FormatError
from noroshi.records import (
    Alert,
    Batch,
    Decision,
    Detections,
    Frame,
    Identity,
    Launches,
    Order,
    Paths,
    Status,
    Threats,
    Tracks,
    Truth,
    check,
)
from noroshi.records.batch import fields_of

VERSION = 1
TYPES: dict[str, type[Batch]] = {
    kind.__name__: kind
    for kind in (Alert, Decision, Detections, Frame, Identity, Launches, Order, Paths, Status, Threats, Tracks, Truth)
}
TEXT_BYTES_MAX = 64 << 20  # of one column: a short message can ask for very wide cells
_DTYPE = re.compile(r"[<>|][biufU]\d{1,9}")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder()


def pack(record: Batch) -> bytes:
    """Return a record as bytes."""
    return _ENCODER.encode([VERSION, _plain(record)])


def unpack(data: bytes | memoryview) -> Batch:
    """Return the record that `pack` made these bytes of.

    Raises:
        FormatError: if they are anything else.
    """
    try:
        version, content = _DECODER.decode(data)
        if version != VERSION:
            raise FormatError(f"a record of version {version}; this program reads version {VERSION}")
        record = _record(content)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise FormatError(f"not a record in raw columns: {error}") from error
    return record


def pack_arrays(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return named arrays as bytes."""
    return _ENCODER.encode({name: _column(array) for name, array in arrays.items()})


def unpack_arrays(data: bytes | memoryview) -> dict[str, NDArray[Any]]:
    """Return the arrays that `pack_arrays` made these bytes of.

    Raises:
        FormatError: if they are anything else.
    """
    try:
        return {name: _array(column) for name, column in _DECODER.decode(data).items()}
    except (msgspec.DecodeError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"not named arrays in raw columns: {error}") from error


def _plain(record: Batch) -> dict[str, Any]:
    content: dict[str, Any] = {"type": type(record).__name__}
    for name in fields_of(type(record)):
        value = getattr(record, name)
        if isinstance(value, np.ndarray):
            value = _column(value)
        elif isinstance(value, Batch):
            value = _plain(value)
        content[name] = value
    return content


def _record(content: dict[str, Any]) -> Batch:
    kind = TYPES[content["type"]]
    fields: dict[str, Any] = {}
    for name in fields_of(kind):
        if name not in content:  # of a program before it had that: its default, or there is no record
            continue
        value = content[name]
        if name in kind.COLUMNS:
            value = _array(value)
        elif name in kind.NESTED:
            value = _record(value)
        elif isinstance(value, list):
            value = tuple(value)
        fields[name] = value
    return check(kind(**fields))


def _column(array: NDArray[Any]) -> list[Any]:
    if array.dtype.kind == "U":
        return [array.dtype.str, array.shape, array.ravel().tolist()]
    return [array.dtype.str, array.shape, np.ascontiguousarray(array).data]


def _array(column: list[Any]) -> NDArray[Any]:
    name, shape, content = column
    dtype = _dtype(name)
    if (dtype.kind == "U") != isinstance(content, list):
        raise FormatError(f"a column of type {name}")
    if isinstance(content, list):
        if dtype.itemsize * len(content) > TEXT_BYTES_MAX:
            raise FormatError(f"a column of {len(content)} texts of type {name}")
        return np.array(content, dtype).reshape(shape)
    # a copy: kernels would be compiled once more for arrays that cannot be written, seconds in a node that was killed
    return np.frombuffer(content, dtype).reshape(shape).copy()


@lru_cache(maxsize=256)
def _dtype(name: str) -> np.dtype[Any]:
    if not _DTYPE.fullmatch(name):
        raise FormatError(f"a column of type {name}")
    return np.dtype(name)
