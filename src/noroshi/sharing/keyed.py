"""Secrets of tracks: numbers that only the holder of a key can foresee, the same whenever they are asked for.

Source: FIPS 198-1 (HMAC) with SHA-256; FIPS 202 (SHAKE256), which stretches its result where more is needed.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from noroshi.sharing.index import EMPTY, Index

WORDS = 4  # 64-bit words of a SHA-256 digest
BYTES = 8  # of a word
REMEMBERED = 100_000  # rows: many hours of a nation's tracks in some 10 MB
SECRET_BYTES_MIN = 16


def derive(secret: bytes, purpose: str) -> bytes:
    """Return the key for one purpose, so that what one purpose shows tells nothing of another.

    Raises:
        ValueError: if the secret is so short that it can be guessed.
    """
    if len(secret) < SECRET_BYTES_MIN:
        raise ValueError(f"a secret of {len(secret)} bytes can be guessed; it has at least {SECRET_BYTES_MIN}")
    return hmac.digest(secret, purpose.encode(), hashlib.sha256)


def words(key: bytes, names: NDArray[np.uint64], part: int = 0, count: int = WORDS) -> NDArray[np.uint64]:
    """Return (n, count) keyed words of (n,) names within a part, for instance an epoch.

    Fewer words are the first of more, but for up to `WORDS` and more than these.
    """
    prefix = part.to_bytes(BYTES, "big", signed=True)
    digests = [hmac.digest(key, prefix + name.to_bytes(BYTES, "big"), hashlib.sha256) for name in names.tolist()]
    if count > WORDS:
        digests = [hashlib.shake_256(digest).digest(BYTES * count) for digest in digests]
    return np.frombuffer(b"".join(digests), ">u8").reshape(len(names), -1)[:, :count].astype(np.uint64)


def normals(key: bytes, names: NDArray[np.uint64], part: int = 0, count: int = WORDS) -> NDArray[np.float64]:
    """Return (n, count) standard normal numbers, as `words`."""
    return np.asarray(ndtri(uniforms(key, names, part, count)), np.float64)


def uniforms(key: bytes, names: NDArray[np.uint64], part: int = 0, count: int = WORDS) -> NDArray[np.float64]:
    """Return (n, count) numbers in (0, 1), as `words`."""
    uniform = np.right_shift(words(key, names, part, count), np.uint64(11)) + 0.5
    return np.asarray(uniform * 2.0**-53, np.float64)


class Remembered:
    """A function of names that is worked out once a name and part, which changes its speed and nothing else.

    Args:
        function: of (n,) names and a part; gives n rows.
    """

    def __init__(self, function: Callable[[NDArray[np.uint64], int], NDArray[Any]]) -> None:
        self._function = function
        self._names: dict[int, NDArray[np.uint64]] = {}
        self._parts: dict[int, tuple[Index, NDArray[Any]]] = {}

    def __call__(self, names: NDArray[np.uint64], part: int = 0) -> NDArray[Any]:
        """Return a row for each of (n,) names."""
        index, rows = self._parts.get(part, (None, None))
        at = np.full(len(names), EMPTY) if index is None else index.find(names)
        fresh = at == EMPTY
        if rows is None or index is None or fresh.any():
            known = self._names.pop(part, names[:0])
            new = np.unique(names[fresh])
            found = self._function(new, part)
            known, rows = np.concatenate([known, new]), found if rows is None else np.concatenate([rows, found])
            index = Index.of(known)
            self._keep(part, known, index, rows)
            at = index.find(names)
        return rows[at]

    def _keep(self, part: int, known: NDArray[np.uint64], index: Index, rows: NDArray[Any]) -> None:
        self._parts.pop(part, None)
        while self._parts and len(known) + sum(len(names) for names in self._names.values()) > REMEMBERED:
            oldest = next(iter(self._parts))
            del self._parts[oldest], self._names[oldest]
        if len(known) <= REMEMBERED:
            self._parts[part], self._names[part] = (index, rows), known
