"""What a run to be made is, and what is said of one that could not be; light, so that a worker starts soon."""

from dataclasses import dataclass
from pathlib import Path

ERROR_MAX = 300  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A run to be made.

    Attributes:
        variant, replicate: which.
        scenario: the variant's file.
        sharing: whether links carry anything.
        until_s: where it stops, if before the scenario's end.
        journals: where its journals are kept; not kept if None.
    """

    variant: str
    replicate: int
    scenario: Path
    sharing: bool = True
    until_s: float | None = None
    journals: Path | None = None


def told(error: BaseException) -> str:
    """Return an error in one line: what a person should know of it, and its kind if it is none for persons."""
    text = " ".join(str(error).split())
    line = text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"
    return line[:ERROR_MAX]
