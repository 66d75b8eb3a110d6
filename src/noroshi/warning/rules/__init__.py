"""What is told beside missiles: one rule a file, and the file's name is its key.

A file of this room has a model `Rule` whose fields a nation's file sets. It is asked at each picture what it finds;
what people are told of it, when it is told again and when it is over is the same for all (`warning/telling.py`).
`tests/test_every_rule.py` holds each file to this; it sets the fields by the model's `examples`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from noroshi.records import Certainty, Stage, Tracks

STAGES: Mapping[str, tuple[Stage, ...]] = {
    "aircraft": (Stage.ENTERING, Stage.ENTERED, Stage.TRACK_LOST),
    "ship": (Stage.ENTERING, Stage.ENTERED, Stage.TRACK_LOST),
    "sensor": (Stage.TRACK_LOST,),
}
"""What rules may tell of which hazard: alerts have words for these (`formats.wording.CASES`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a rule finds at one look.

    Attributes:
        key: names it within the rule; the same at each look for the same thing.
        number: of the track that it is about; 0 if none.
        hazard: one of `STAGES`, for which every language has words.
        stage: where it is in its course, one of those of its hazard.
        certainty: how sure that is.
        updated_ns: when it was last measured.
        code, name: of the area that it concerns.
        probability: that it comes there.
        first_ns, last_ns: the earliest and the latest likely time.
        is_lost: whether it is not measured any more.

    Raises:
        ValueError: if there are no words for it, or its numbers make no sense.
    """

    key: str
    number: int
    hazard: str
    stage: Stage
    certainty: Certainty
    updated_ns: int
    code: str
    name: str
    probability: float
    first_ns: int
    last_ns: int
    is_lost: bool = False

    def __post_init__(self) -> None:
        told = f"finding '{self.key}'"
        # Numbers may be numpy's, of a picture: what is remembered is plain. What is no number ends here, in the rule.
        for name in ("number", "updated_ns", "first_ns", "last_ns"):
            object.__setattr__(self, name, int(getattr(self, name)))
        object.__setattr__(self, "probability", float(self.probability))
        object.__setattr__(self, "certainty", Certainty(self.certainty))
        if self.hazard not in STAGES:
            raise ValueError(f"{told}: hazard '{self.hazard}' is none of {', '.join(STAGES)}")
        if self.stage not in STAGES[self.hazard]:
            known = ", ".join(stage.name for stage in STAGES[self.hazard])
            raise ValueError(f"{told}: stage {Stage(self.stage).name} is none of '{self.hazard}': {known}")
        if not 0.0 <= self.probability <= 1.0:
            raise ValueError(f"{told}: probability {self.probability} is not from 0 to 1")
        if self.first_ns > self.last_ns:
            raise ValueError(f"{told}: first_ns {self.first_ns} is after last_ns {self.last_ns}")


class Base(BaseModel, ABC):
    """What every `Rule` is: frozen, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=60, description="Of this use of the rule, for people.")

    def awaited(self) -> tuple[str, ...]:
        """Return the sensors that are counted as silent from the first look on, though none was ever heard."""
        return ()

    @abstractmethod
    def look(self, picture: Tracks, heard_ns: Mapping[str, int], now_ns: int) -> list[Finding]:
        """Return what there is to be told of a picture, and of the sensors that were heard at those times."""
