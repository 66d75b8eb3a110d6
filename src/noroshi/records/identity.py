"""Who a target says it is."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column

ABSENT = -1
CALL_SIGN_WORDS = 3  # eight letters each
_CALL_SIGN = "S24"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Identity(Batch):
    """Identity columns, n rows. An absent number is -1, an absent call sign is "".

    Attributes:
        icao_address: 24-bit aircraft address.
        mode_3a: 12-bit code as the number its octal digits spell in base 8 (squawk 7700 is 0o7700).
        mmsi: maritime mobile service identity.
        call_sign: upper case, no trailing blanks.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "icao_address": (np.int64, ()),
        "mode_3a": (np.int64, ()),
        "mmsi": (np.int64, ()),
        "call_sign": (np.str_, ()),
    }

    icao_address: NDArray[np.int64]
    mode_3a: NDArray[np.int64]
    mmsi: NDArray[np.int64]
    call_sign: NDArray[np.str_]

    @classmethod
    def absent(cls, n: int) -> Self:
        """Return n rows that say nothing."""
        none = np.full(n, ABSENT, np.int64)
        return cls(icao_address=none, mode_3a=none, mmsi=none, call_sign=np.full(n, "", "<U8"))


def call_sign_words(call_sign: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return (n, 3) call signs as whole numbers, none where all are empty; letters beyond ASCII become "?"."""
    if not np.ascontiguousarray(call_sign).view(np.uint32).any():
        return np.empty((0, CALL_SIGN_WORDS), np.int64)
    try:
        letters = call_sign.astype(_CALL_SIGN)
    except UnicodeEncodeError:
        letters = np.char.encode(call_sign, "ascii", "replace").astype(_CALL_SIGN)
    return np.ascontiguousarray(letters).view(np.int64).reshape(-1, CALL_SIGN_WORDS)


def call_signs_of(words: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return (n,) call signs, the way back from `call_sign_words`."""
    if not words.any():
        return np.zeros(len(words), "<U20")
    return np.ascontiguousarray(words).view(_CALL_SIGN)[:, 0].astype("<U20")
