"""The paths of many flights in one table, so that all of them are asked at once where they are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.flight import Flight
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import Identity, concatenate

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Paths:
    """The samples of n flights, one flight after the other.

    Attributes:
        names: (n,) of the flights, and "" last: number -1 is nobody.
        first: (n + 1,) where the samples of each begin, and the number of all.
        time_ns, state_ecef, heat_w_sr: (N,), (N, 6), (N,) samples: see `Flight`.
        cross_section_m2: (n,) mean radar cross-sections.
        identity: n rows, what their transponders say.
    """

    names: NDArray[np.str_]
    first: Integers
    time_ns: Integers
    state_ecef: Floats
    heat_w_sr: Floats
    cross_section_m2: Floats
    identity: Identity

    @classmethod
    def of(cls, flights: Sequence[Flight]) -> Self:
        """Return the table of some flights, which keep their order."""
        return cls(
            names=np.array([flight.name for flight in flights] + [""], np.str_),
            first=np.cumsum([0] + [len(flight.time_ns) for flight in flights], dtype=np.int64),
            time_ns=np.concatenate([np.zeros(0, np.int64)] + [flight.time_ns for flight in flights]),
            state_ecef=np.concatenate([np.zeros((0, 6))] + [flight.state_ecef for flight in flights]),
            heat_w_sr=np.concatenate([np.zeros(0)] + [flight.heat_w_sr for flight in flights]),
            cross_section_m2=np.array([flight.cross_section_m2 for flight in flights], np.float64),
            identity=concatenate([Identity.absent(0)] + [flight.identity for flight in flights]),
        )

    def __len__(self) -> int:
        """Return the number of flights."""
        return len(self.first) - 1

    def alive(self, start_ns: int, end_ns: int) -> NDArray[np.bool_]:
        """Return (n,) whether each flight is anywhere between two times."""
        if not len(self):
            return np.zeros(0, np.bool_)
        is_alive: NDArray[np.bool_] = (self.time_ns[self.first[:-1]] <= end_ns) & (
            self.time_ns[self.first[1:] - 1] >= start_ns
        )
        return is_alive

    def at(self, i_flight: Integers, time_ns: Integers) -> tuple[Floats, Integers]:
        """Return (k, 6) states of k flights at k times, NaN where they are nowhere, and the (k,) samples that hold."""
        state, sample = np.empty((len(i_flight), 6)), np.empty(len(i_flight), np.int64)
        _at(self.first, self.time_ns, self.state_ecef, i_flight, time_ns, state, sample)
        return state, sample


@kernel
def state_at(times: Integers, states: Floats, begin: int, end: int, at_ns: int, state: Floats) -> int:
    """Write the state at a time among the samples from `begin` to `end`, and return the last sample not later.

    Outside the samples the nearest holds. Cubic Hermite: see `estimation.interpolation.hermite`.
    """
    low, high = begin, end - 1
    if at_ns <= times[low]:
        high = low
    if at_ns >= times[high]:
        low = high
    if low == high:
        for c in range(6):
            state[c] = states[low, c]
        return low
    while high - low > 1:
        middle = (low + high) // 2
        if times[middle] <= at_ns:
            low = middle
        else:
            high = middle
    span = (times[high] - times[low]) * 1e-9
    u = (at_ns - times[low]) * 1e-9 / span
    for c in range(3):
        step = states[high, c] - states[low, c]
        a, b = span * states[low, 3 + c] - step, step - span * states[high, 3 + c]
        state[c] = states[low, c] + u * step + u * (1.0 - u) * ((1.0 - u) * a + u * b)
        state[3 + c] = (step + (1.0 - 2.0 * u) * ((1.0 - u) * a + u * b) + u * (1.0 - u) * (b - a)) / span
    return low


@kernel
def _at(
    first: Integers,
    times: Integers,
    states: Floats,
    i_flight: Integers,
    time_ns: Integers,
    state: Floats,
    sample: Integers,
) -> None:
    for i in range(i_flight.shape[0]):
        begin, end = first[i_flight[i]], first[i_flight[i] + 1]
        sample[i] = state_at(times, states, begin, end, time_ns[i], state[i])
        if time_ns[i] < times[begin] or time_ns[i] > times[end - 1]:
            for c in range(6):
                state[i, c] = math.nan
