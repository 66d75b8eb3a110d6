"""What is told beside missiles: one rule a file, and the file's name is its key.

A file of this room has a model `Rule` whose fields a nation's file sets. It is asked at each picture what it finds;
what people are told of it, when it is told again and when it is over is the same for all (`warning/telling.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from noroshi.records import Certainty, Stage, Tracks


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a rule finds at one look.

    Attributes:
        key: names it within the rule; the same at each look for the same thing.
        number: of the track that it is about; 0 if none.
        hazard: one of `records.alert.HAZARDS`.
        stage: where it is in its course.
        certainty: how sure that is.
        updated_ns: when it was last measured.
        code, name: of the area that it concerns.
        probability: that it comes there.
        first_ns, last_ns: the earliest and the latest likely time.
        is_lost: whether it is not measured any more.
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


class Base(BaseModel):
    """What every `Rule` is: frozen, and a field that it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(min_length=1, max_length=60, description="Of this use of the rule, for people.")

    def awaited(self) -> tuple[str, ...]:
        """Return the sensors that are counted as silent from the first look on, though none was ever heard."""
        return ()

    def look(self, picture: Tracks, heard_ns: Mapping[str, int], now_ns: int) -> list[Finding]:
        """Return what there is to be told of a picture, and of the sensors that were heard at those times."""
        raise NotImplementedError
