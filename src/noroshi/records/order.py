"""What a node is told by those who run it: new rules, new partners. It is in the journal as everything is."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column

POLICY, BREAK_GLASS, PARTNER, NO_PARTNER = "policy", "break-glass", "partner", "no partner"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Order(Batch):
    """Orders, n rows.

    Attributes:
        time_ns: when it was given, Unix UTC nanoseconds.
        kind: `POLICY` (release by these rules from now on), `BREAK_GLASS` (by one more for a while), `PARTNER` (know
            this partner, or know it anew) or `NO_PARTNER` (know it no longer).
        subject: the nation that it is about; of rules the own.
        content: the rules as TOML; what two people signed (`noroshi release break-glass`); a partner's public signing
            keys in hexadecimal, separated by blanks.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_ns": (np.int64, ()),
        "kind": (np.str_, ()),
        "subject": (np.str_, ()),
        "content": (np.str_, ()),
    }

    time_ns: NDArray[np.int64]
    kind: NDArray[np.str_]
    subject: NDArray[np.str_]
    content: NDArray[np.str_]

    @classmethod
    def of(cls, kind: str, subject: str, content: str, time_ns: int) -> "Order":
        """Return one order."""
        return cls(
            time_ns=np.array([time_ns], np.int64),
            kind=np.array([kind]),
            subject=np.array([subject]),
            content=np.array([content]),
        )
