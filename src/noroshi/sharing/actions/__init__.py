"""What a rule may do to what it releases: one file an action, and the file's name is its key in a rule.

Each file holds `class Action`, a subclass of `Change` whose fields are what the rule says of it. An action may choose
among rows, say when they are due, and change them; it does not see who the recipient is, so that two recipients under
one rule get the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from noroshi.records import Tracks
from noroshi.sharing.coarsen import Coarsener


@dataclass(frozen=True, slots=True)
class Means:
    """What actions work with.

    Attributes:
        coarsener: holds the node's secret.
        sensor_types: the type of each sensor by its name.
    """

    coarsener: Coarsener
    sensor_types: Mapping[str, str]


class Change(BaseModel):
    """An action that does nothing; each action overrides what it does."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    ORDER: ClassVar[int] = 0  # lower comes first
    NEEDS_TRACKS: ClassVar[bool] = True  # other records are withheld by a rule that has such an action

    @property
    def keeps_errors(self) -> bool:
        """Whether the errors of what is told stay those of sensors, as fusion takes them to be."""
        return True

    def choose(
        self,
        track_id: NDArray[np.uint64],
        time_ns: NDArray[np.int64],
        is_last: NDArray[np.bool_],
        told_ns: NDArray[np.int64],
    ) -> NDArray[np.bool_] | None:
        """Return (n,) which rows to tell of, None for all; the arguments are those of `memory.spaced`."""
        return None

    @property
    def interval_ns(self) -> int:
        """How long it may be from one telling of a track to the next."""
        return 0

    def due(self, time_ns: NDArray[np.int64], due_ns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return (n,) from when on rows that hold at `time_ns` may go out."""
        return due_ns

    def change(self, tracks: Tracks, means: Means) -> Tracks:
        """Return the rows as they are to be told, in the same order; `track_id` is not to be changed here."""
        return tracks
