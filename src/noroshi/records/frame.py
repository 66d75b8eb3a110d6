"""What a link brought."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame(Batch):
    """One message of a link as it came, or as it is to go; its rows are bytes.

    Attributes:
        partner: the nation at the other end of the link.
        content: (n,) its bytes; nothing in them has been checked.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {"content": (np.uint8, ())}

    partner: str
    content: NDArray[np.uint8]

    @classmethod
    def of(cls, partner: str, content: bytes) -> "Frame":
        """Return a frame of these bytes."""
        return cls(partner=partner, content=np.frombuffer(content, np.uint8))

    def bytes(self) -> bytes:
        """Return its bytes."""
        return self.content.tobytes()
