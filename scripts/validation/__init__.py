"""Expected beside computed: each file here holds `checks()`, and `scripts/make_validation.py` writes the page."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One figure of the literature beside what the shipped program computes.

    Attributes:
        what: in words.
        unit: of all numbers.
        expected: the published figure.
        computed: ours.
        tolerance: how far apart they may be, in the unit.
        source: where the expected figure is from.
    """

    what: str
    unit: str
    expected: float
    computed: float
    tolerance: float
    source: str

    @property
    def holds(self) -> bool:
        """Whether they agree."""
        return abs(self.computed - self.expected) <= self.tolerance
