"""How things move. One file a model, used by the simulator, the tracker and every prediction.

The file's name is its key. A file holds `class Motion` that satisfies the protocol below; `tests/test_every_motion.py`
holds each one to it.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.kalman import symmetric
from noroshi.records import Kind

POSITION_AND_VELOCITY = ("x_ecef_m", "y_ecef_m", "z_ecef_m", "vx_ecef_m_s", "vy_ecef_m_s", "vz_ecef_m_s")


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of a target that moves like this before it is seen.

    Attributes:
        speed_sigma_m_s: standard deviation of its velocity along each horizontal axis, about 0.
        climb_sigma_m_s: the same along the vertical.
        high_speed_sigma_m_s, high_climb_sigma_m_s: the same of what is first seen higher than any aircraft.
        share: of what a sensor sees for the first time so much moves like this; what is left of 1 is shared alike by
            the models that state none.
        sojourn_s: how long it moves like this on average.
        height_m: up to this height it is first seen, evenly; higher ever more seldom (`tracking.births.TAIL`).
        resumed: how much seldomer than any other motion of its kind this is taken up by what has moved otherwise.
    """

    speed_sigma_m_s: float
    climb_sigma_m_s: float
    high_speed_sigma_m_s: float
    high_climb_sigma_m_s: float
    share: float
    sojourn_s: float
    height_m: float
    resumed: float = 1.0


class Motion(Protocol):
    """A motion model over Earth-fixed states whose first six components are position [m] and velocity [m/s].

    Attributes:
        KIND: what moves like this.
        COMPONENTS: names of the state's d components, unit last; the first six are always `POSITION_AND_VELOCITY`.
        EXTENT: for each component beyond the sixth, the (low, high) range in which the model is meant to be used.

    A model may have `SETS_IN = True`: of several, a target that takes it up has its components beyond the sixth anew,
    anywhere in the extent; or `SETS_IN` a kind: one that takes it up after a model of that kind. Otherwise they go on
    from what the model held of them.

    A model may have `PUSH`, the indices of a component that is an acceleration along the velocity, and of one upwards,
    of which the part across the velocity acts (-1: none). A target that leaves it for a model that has none did so at
    any moment since the last plot, up to which it was pushed.

    What moves much faster than a sensor's own prior allows for, and is rare, says so by `STARTS`, a `Start`. What says
    so and what does not are taken for each other by mistake alone; see `noroshi.tracking.bank`.

    A model of six components may also say `KEEPS_VELOCITY = True`: it moves along its velocity, which turns with the
    Earth's curve at most, and no process noise of a position is more than a third of its greatest density's in dt^3.
    A tracker then leaves out plots that cannot be a target's before it asks for `predict`.
    """

    KIND: ClassVar[Kind]
    COMPONENTS: ClassVar[tuple[str, ...]]
    EXTENT: ClassVar[tuple[tuple[float, float], ...]]

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model with these parameters (named with their units); the rest have defaults.

        Raises:
            TypeError: for a parameter the model does not have.
            ValueError: for a parameter that makes no sense.
        """
        ...

    def propagate(self, states: NDArray[np.float64], dt_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, d) states, each `dt_s` (n,) seconds later; earlier where it is negative."""
        ...

    def jacobian(self, states: NDArray[np.float64], dt_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, d, d) derivatives of `propagate` by the state."""
        ...

    def process_noise(self, states: NDArray[np.float64], dt_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (n, d, d) process noise over |dt_s|, set in local east-north-up.

        It is positive semidefinite for either sign of `dt_s`: backwards, what couples a value to its rate changes sign.
        """
        ...

    def predict(
        self, mean: NDArray[np.float64], covariance: NDArray[np.float64], dt_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (n, d) means and (n, d, d) covariances `dt_s` (n,) later: the extended Kalman prediction.

        It is where a tracker spends its time: a kernel here makes the model fast, `predict_by_jacobian` makes it work.
        """
        ...


def predict_by_jacobian(
    model: Motion, mean: NDArray[np.float64], covariance: NDArray[np.float64], dt_s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return `Motion.predict` from the model's own `propagate`, `jacobian` and `process_noise`."""
    transition = model.jacobian(mean, dt_s)
    spread = transition @ covariance @ transition.transpose(0, 2, 1) + model.process_noise(mean, dt_s)
    return model.propagate(mean, dt_s), symmetric(spread)


class Wanted(IntEnum):
    """How much `Flow.flow` has to work out; what is not wanted of its answer may be anything."""

    STATES = 0
    COVARIANCE = 1
    DERIVATIVES = 2


class Flow(ABC):
    """What a model has to say where its states, their derivatives and their covariance are carried on together."""

    __slots__ = ()

    @abstractmethod
    def flow(
        self,
        states: NDArray[np.float64],
        covariance: NDArray[np.float64],
        dt_s: NDArray[np.float64],
        wanted: Wanted = Wanted.DERIVATIVES,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return (n, d) states `dt_s` (n,) later, their (n, d, d) derivatives by the states, and the covariance later.

        Args:
            states: (n, d).
            covariance: (n, d, d) of them.
            dt_s: (n,) seconds; negative for earlier.
            wanted: the states alone, their covariance too, or everything.
        """

    def propagate(self, states: NDArray[np.float64], dt_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Motion.propagate`."""
        return self.flow(states, _nothing(states), dt_s, Wanted.STATES)[0]

    def jacobian(self, states: NDArray[np.float64], dt_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Motion.jacobian`."""
        return self.flow(states, _nothing(states), dt_s)[1]

    def process_noise(self, states: NDArray[np.float64], dt_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """See `Motion.process_noise`; it is gathered along the way that the state takes."""
        return self.flow(states, _nothing(states), dt_s)[2]

    def predict(
        self, mean: NDArray[np.float64], covariance: NDArray[np.float64], dt_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """See `Motion.predict`."""
        ahead, _, spread = self.flow(mean, covariance, dt_s, Wanted.COVARIANCE)
        return ahead, spread


def _nothing(states: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance of states that are known exactly."""
    return np.zeros((*states.shape, states.shape[1]))


def require_densities(**densities: float) -> None:
    """Check parameters that are power spectral densities.

    Raises:
        ValueError: if one is negative or not finite.
    """
    for name, value in densities.items():
        if not 0.0 <= value < math.inf:
            raise ValueError(f"{name} is {value}: a power spectral density is finite and not negative")


def require_positive(**values: float) -> None:
    """Check parameters that are time constants, or other measures that cannot be zero.

    Raises:
        ValueError: if one is not positive or not finite.
    """
    for name, value in values.items():
        if not 0.0 < value < math.inf:
            raise ValueError(f"{name} is {value}: it must be positive and finite")
