"""A step of a decision: who said what of it, on which picture."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decision(Batch):
    """Steps of decisions, n rows; what a decision has come to is a fold over its steps (`command/`).

    Attributes:
        nation: whose stream of decisions it is: that nation alone writes it.
        stream: (n,) the decision's own name, for instance the identifier of the alert that is proposed.
        version: (n,) the number of this step in it, from 0; of two with the same number the second is refused.
        time_ns: (n,) when it was said, Unix UTC nanoseconds.
        step: (n,) what is done, a name of `command/`'s table of transitions: "recommended", "approved", ...
        by: (n,) the person or plan that says it; "machine" for what nobody did.
        role: (n,) as what.
        key: (n,) makes a repeat of the same step the same.
        picture_ns: (n,) the time of the picture that was before them.
        deadline_ns: (n,) until when the next step must come; 0 for none.
        reason: (n,) in plain words.
        content: (n,) what is decided, as JSON.
        signature: (n,) of the person's key over all the rest, in hexadecimal; empty for the machine.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "stream": (np.str_, ()),
        "version": (np.int64, ()),
        "time_ns": (np.int64, ()),
        "step": (np.str_, ()),
        "by": (np.str_, ()),
        "role": (np.str_, ()),
        "key": (np.str_, ()),
        "picture_ns": (np.int64, ()),
        "deadline_ns": (np.int64, ()),
        "reason": (np.str_, ()),
        "content": (np.str_, ()),
        "signature": (np.str_, ()),
    }

    nation: str
    stream: NDArray[np.str_]
    version: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    step: NDArray[np.str_]
    by: NDArray[np.str_]
    role: NDArray[np.str_]
    key: NDArray[np.str_]
    picture_ns: NDArray[np.int64]
    deadline_ns: NDArray[np.int64]
    reason: NDArray[np.str_]
    content: NDArray[np.str_]
    signature: NDArray[np.str_]
