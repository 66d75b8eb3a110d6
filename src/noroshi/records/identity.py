"""Who a target says it is."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column

ABSENT = -1


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
