"""Tell later: a row goes out so many seconds after it held, with the time at which it held."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from noroshi.geo.time import NS_PER_S
from noroshi.sharing.actions import Change


class Action(Change):
    """Delay. It hides nothing of the past, and where things are now only as far as they turn meanwhile."""

    ORDER: ClassVar[int] = 3
    NEEDS_TRACKS: ClassVar[bool] = False
    seconds: float = Field(gt=0, le=86_400, description="how long after a row held it goes out")

    def due(self, time_ns: NDArray[np.int64], due_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (n,) times; never before what is due anyway."""
        return np.maximum(due_ns, time_ns + round(self.seconds * NS_PER_S))
