"""What a measure of exercises is, in words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Definition:
    """One measure: what docs/measures.md says of it.

    Attributes:
        unit: of its figures; "share" is from 0 to 1, "1" a number.
        better: 1 if more is better, -1 if less is, 0 if neither.
        text: what it is, in a sentence.
        of: whose figures there are: words of "node", "coalition", "threat", "target", "area", "link", "curve".
        source: who defined it.
    """

    unit: str
    better: int
    text: str
    of: tuple[str, ...] = ("node",)
    source: str = ""
