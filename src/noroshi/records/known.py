"""What was worked out before, kept for whoever asks the same: the same bytes in give the same bytes out."""

import hashlib
from collections import OrderedDict
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, fields_of

DIGEST_BYTES = 16


class Known:
    """Answers by the digest of all that they were worked out from; the longest unasked is forgotten first.

    Args:
        size_max: how large all answers together may be, in whatever `put` counts.
    """

    def __init__(self, size_max: int) -> None:
        self.size_max, self.size = size_max, 0
        self._answers: OrderedDict[bytes, tuple[Any, int]] = OrderedDict()

    def get(self, question: bytes) -> Any:
        """Return the answer to a question; None if it is not known."""
        found = self._answers.get(question)
        if found is None:
            return None
        self._answers.move_to_end(question)
        return found[0]

    def put(self, question: bytes, answer: Any, size: int = 1) -> None:
        """Keep an answer, which nobody changes from now on; one that is too large alone is not kept."""
        if question in self._answers:
            self.size -= self._answers.pop(question)[1]
        if size > self.size_max:
            return
        self._answers[question] = answer, size
        self.size += size
        while self.size > self.size_max:
            self.size -= self._answers.popitem(last=False)[1][1]


def question(before: bytes, *parts: Batch | NDArray[Any] | bytes | str | float) -> bytes:
    """Return the digest of what was asked before and what is asked now."""
    running = hashlib.blake2b(before, digest_size=DIGEST_BYTES)
    for part in parts:
        _add(running, part)
    return running.digest()


def size_of(batch: Batch) -> int:
    """Return how many bytes a record's columns take."""
    size: int = sum(getattr(batch, name).nbytes for name in batch.COLUMNS)
    return size + sum(size_of(getattr(batch, name)) for name in batch.NESTED)


def _add(running: "hashlib.blake2b", part: Any) -> None:
    if isinstance(part, np.ndarray):
        running.update(_shape_of(part.dtype, part.shape))
        running.update(np.ascontiguousarray(part).data)
    elif isinstance(part, Batch):
        for name in fields_of(type(part)):
            _add(running, getattr(part, name))
    elif isinstance(part, bytes | bytearray | memoryview):
        running.update(b"%d|" % len(part))
        running.update(part)
    else:
        running.update(repr(part).encode() + b"|")


@lru_cache(maxsize=4096)
def _shape_of(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    return f"{dtype.str}{shape}".encode()
