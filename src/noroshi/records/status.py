"""What a sensor or a service says of itself."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Status(Batch):
    """Service messages, n rows.

    Attributes:
        time_ns: when it was said, Unix UTC nanoseconds.
        source: which sensor or service says it.
        subject: what it speaks of, in plain words: "north marker", "sector crossing", "end of batch", "service status".
        value: its number where it has one, else NaN; the unit is in `subject` where there is one.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "time_ns": (np.int64, ()),
        "source": (np.str_, ()),
        "subject": (np.str_, ()),
        "value": (np.float64, ()),
    }

    time_ns: NDArray[np.int64]
    source: NDArray[np.str_]
    subject: NDArray[np.str_]
    value: NDArray[np.float64]
