"""What is wrong with one sensor, or with one flight's transponder, at any time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.world import Effect, Fault, World
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Faults:
    """All faults of one name. What is asked is asked of (n,) true times, and (n,) are the answers."""

    effects: tuple[Effect, ...]

    @classmethod
    def of(cls, world: World, name: str) -> Self:
        """Return the faults of a sensor, or of a flight's transponder."""
        return cls(tuple(world.effects.get(name, ())))

    def off(self, time_ns: Integers) -> NDArray[np.bool_]:
        """Return whether it is off."""
        off = np.zeros(len(time_ns), np.bool_)
        for _, active in self._active(Fault.OFF, time_ns):
            off |= active
        return off

    def is_off_throughout(self, start_ns: int, end_ns: int) -> bool:
        """Return whether it is off all the time between two times."""
        for effect in sorted((e for e in self.effects if e.fault == Fault.OFF), key=lambda e: e.start_ns):
            if effect.start_ns <= start_ns < effect.end_ns:
                start_ns = effect.end_ns
        return start_ns >= end_ns

    def bias(self, name: str, time_ns: Integers) -> Floats:
        """Return what is added to a quantity that it measures."""
        bias = np.zeros(len(time_ns))
        for effect, active in self._active(Fault.BIAS, time_ns):
            bias[active] += effect.values.get(name, 0.0)
        return bias

    def clock_ns(self, time_ns: Integers) -> Integers:
        """Return what its clock shows."""
        shown = time_ns.copy()
        for effect, active in self._active(Fault.CLOCK, time_ns):
            since = time_ns[active] - effect.start_ns
            drift = np.rint(since * effect.values.get("drift_s_s", 0.0)).astype(np.int64)
            shown[active] += drift + round(effect.values.get("offset_s", 0.0) * NS_PER_S)
        return shown

    @property
    def is_jammed(self) -> bool:
        """Whether it ever is."""
        return any(effect.fault == Fault.JAMMING for effect in self.effects)

    def loss_db(self, azimuth_rad: Floats, time_ns: Integers) -> Floats:
        """Return what jamming takes of the signal to noise ratio at an azimuth."""
        loss_db = np.zeros(len(time_ns))
        for effect, active in self._active(Fault.JAMMING, time_ns):
            low, high = (effect.values.get(f"azimuth_rad_{end}") for end in ("min", "max"))
            if low is not None or high is not None:
                low, high = low or 0.0, high or 0.0
                active = active & ((azimuth_rad - low) % (2.0 * np.pi) <= (high - low) % (2.0 * np.pi))
            loss_db[active] += effect.values.get("loss_db", 0.0)
        return loss_db

    def noise(self, time_ns: Integers) -> Floats:
        """Return the factor on all standard deviations."""
        return self._factor(Fault.NOISE, time_ns)

    def clutter(self, time_ns: Integers) -> Floats:
        """Return the factor on the number of false plots."""
        return self._factor(Fault.CLUTTER, time_ns)

    def _factor(self, fault: Fault, time_ns: Integers) -> Floats:
        factor = np.ones(len(time_ns))
        for effect, active in self._active(fault, time_ns):
            factor[active] *= effect.values.get("factor", 0.0)
        return factor

    def _active(self, fault: Fault, time_ns: Integers) -> Iterator[tuple[Effect, NDArray[np.bool_]]]:
        for effect in self.effects:
            if effect.fault == fault:
                yield effect, (time_ns >= effect.start_ns) & (time_ns < effect.end_ns)
