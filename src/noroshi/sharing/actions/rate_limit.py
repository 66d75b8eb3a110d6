"""Tell less often: each track at most once in so many seconds."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noroshi.geo.time import NS_PER_S
from noroshi.sharing.actions import Change
from noroshi.sharing.memory import spaced


class Action(Change):
    """Limit the rate. Rows are told as they are: it saves bytes and hides turns, not places."""

    ORDER: ClassVar[int] = 0
    seconds: float = Field(gt=0, le=3_600, description="at most one row of a track in this time")

    @property
    def interval_ns(self) -> int:
        """The least time between two rows."""
        return round(self.seconds * NS_PER_S)

    def choose(
        self,
        track_id: NDArray[np.uint64],
        time_ns: NDArray[np.int64],
        is_last: NDArray[np.bool_],
        told_ns: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Return (n,) which rows to tell of."""
        return spaced(track_id, time_ns, is_last, told_ns, self.interval_ns, on_grid=False)
