"""A warning to people: of what, where, how long they have, how sure it is, and what it replaces."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.records.batch import Batch, Column

ALERT, UPDATE, CANCEL = "Alert", "Update", "Cancel"
EXERCISE = "Exercise"
HAZARDS = ("missile", "aircraft", "ship", "sensor")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alert(Batch):
    """One message to people, proposed or approved; its rows are the n areas that it is for.

    Attributes:
        identifier: of this message; a repeat has the same, and the same bytes.
        sender: the nation that gives it.
        status: `EXERCISE`; nothing shipped makes another.
        message: `ALERT`, or `UPDATE` or `CANCEL` of those that `references` names.
        references: identifiers of the messages that this one replaces or cancels.
        hazard: one of `HAZARDS`.
        threat_id: the system track number of the threat.
        stage: its `Stage`.
        certainty: a `Certainty`.
        sent_ns: when it was proposed; of an approved one when it was approved, Unix UTC nanoseconds.
        expires_ns: when it ends by itself.
        picture_ns: the time of the picture that it was made from.
        reason: why it is sent, in plain words; of an update what changed.
        code: (n,) the area's, for instance "JP-02".
        name: (n,) the area's, in English.
        probability: (n,) that the threat comes down in the area or passes over it.
        people: (n,) who live there.
        arrival_ns: (n,) the earliest likely time that it is there; of what comes down there, that it is down.
        arrival_latest_ns: (n,) the latest likely time that it still is: then it is past, or down.
    """

    COLUMNS: ClassVar[dict[str, Column]] = {
        "code": (np.str_, ()),
        "name": (np.str_, ()),
        "probability": (np.float64, ()),
        "people": (np.float64, ()),
        "arrival_ns": (np.int64, ()),
        "arrival_latest_ns": (np.int64, ()),
    }

    identifier: str
    sender: str
    status: str
    message: str
    references: tuple[str, ...]
    hazard: str
    threat_id: int
    stage: int
    certainty: int
    sent_ns: int
    expires_ns: int
    picture_ns: int
    reason: str
    code: NDArray[np.str_]
    name: NDArray[np.str_]
    probability: NDArray[np.float64]
    people: NDArray[np.float64]
    arrival_ns: NDArray[np.int64]
    arrival_latest_ns: NDArray[np.int64]
