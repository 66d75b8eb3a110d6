"""Where a person looks: a moment of what is known, and how it moves."""

from dataclasses import dataclass, replace
from typing import Self

RATE_MIN, RATE_MAX = 0.25, 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A moment that moves; no clock in it.

    Attributes:
        at_ns: the moment, Unix UTC nanoseconds.
        rate: how fast it moves against real time; negative is backwards.
        playing: whether it moves.
        following: whether it keeps to the newest that is known.
        jumped: whether it came here otherwise than by playing.
    """

    at_ns: int
    rate: float = 1.0
    playing: bool = True
    following: bool = False
    jumped: bool = True

    def moved(self, real_ns: int, span_ns: tuple[int, int]) -> Self:
        """Return it after so much real time, inside the span that is known."""
        first_ns, last_ns = span_ns
        if self.following:
            return replace(self, at_ns=last_ns, jumped=False)
        at_ns = self.at_ns + (round(real_ns * self.rate) if self.playing else 0)
        return replace(self, at_ns=min(max(at_ns, first_ns), max(last_ns, first_ns)), jumped=False)

    def sought(self, time_ns: int, span_ns: tuple[int, int]) -> Self:
        """Return it at a time, or the nearest that is known."""
        return replace(self, at_ns=min(max(time_ns, span_ns[0]), span_ns[1]), following=False, jumped=True)

    def set(self, *, playing: bool) -> Self:
        """Return it playing or not; who pauses what he follows stays where he is."""
        return replace(self, playing=playing, following=self.following and playing)

    def with_rate(self, rate: float) -> Self:
        """Return it with another rate; only real time can be followed.

        Raises:
            ValueError: if there is no such rate.
        """
        if not RATE_MIN <= abs(rate) <= RATE_MAX:
            raise ValueError(f"a rate of {rate:g}: give {RATE_MIN:g} to {RATE_MAX:g}, or as much backwards")
        return replace(self, rate=rate, playing=True, following=False)

    def followed(self, span_ns: tuple[int, int]) -> Self:
        """Return it at the newest, and staying there."""
        return replace(self, at_ns=span_ns[1], rate=1.0, playing=True, following=True, jumped=True)
