"""Hovering, or so slow that a course means little: a helicopter at a stand, a multicopter, a balloon, a buoy."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.coloured_noise import decay, integrated_coloured
from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, Flow, Wanted, require_positive
from noroshi.records import Kind


@dataclass(frozen=True, slots=True)
class Motion(Flow):
    """A velocity that decays to zero and is disturbed: an Ornstein-Uhlenbeck process along east, north and up.

    Left alone, a target at speed v comes to rest v times the memory ahead. It moves along straight lines: over that way
    the Earth falls off by 2 cm at 25 m/s. In the long run its velocity has the standard deviations below, and its place
    walks at random.

    Attributes:
        memory_s: time constant with which the velocity decays.
        horizontal_sigma_m_s: standard deviation of the velocity along each horizontal axis, in the long run.
        vertical_sigma_m_s: the same along the vertical.

    Source: Uhlenbeck and Ornstein (1930), On the Theory of the Brownian Motion, Physical Review 36, 823-841; as the
    velocity of a target it is the integrated Ornstein-Uhlenbeck process of Stone, Streit, Corwin and Bell (2013),
    Bayesian Multiple Target Tracking, 2nd ed., section 3.2.
    """

    KIND: ClassVar[Kind] = Kind.AIRCRAFT
    COMPONENTS: ClassVar[tuple[str, ...]] = POSITION_AND_VELOCITY
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ()

    memory_s: float = 20.0
    horizontal_sigma_m_s: float = 3.0
    vertical_sigma_m_s: float = 1.0

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_positive(**parameters)
        return model

    def flow(
        self, states: Floats, covariance: Floats, dt_s: Floats, wanted: Wanted = Wanted.DERIVATIVES
    ) -> tuple[Floats, Floats, Floats]:
        """Carry them on together, process noise as on the plane that touches the Earth; see `Flow.flow`."""
        ahead, spread = np.array(states, order="C"), np.array(covariance, order="C")
        transition = np.zeros((len(states), 6, 6))
        tuning = np.array([self.memory_s, self.horizontal_sigma_m_s, self.vertical_sigma_m_s])
        _flow(ahead, np.ascontiguousarray(dt_s), tuning, transition, spread)
        return ahead, transition, spread


@kernel
def _flow(states: Floats, dt_s: Floats, tuning: Floats, transition: Floats, covariance: Floats) -> None:
    """Carry all rows over their dt_s, in place."""
    noise, up = np.empty((3, 3)), np.empty(3)
    level, excess = tuning[1] ** 2, tuning[2] ** 2 - tuning[1] ** 2
    for row in range(len(states)):
        x, P, F = states[row], covariance[row], transition[row]
        kept, moved, _ = decay(dt_s[row], tuning[0])
        integrated_coloured(dt_s[row], tuning[0], noise)
        up[0], up[1], up[2], _ = vertical_at(x[0], x[1], x[2])
        for i in range(3):
            F[i, i], F[i, 3 + i], F[3 + i, 3 + i] = 1.0, moved, kept
            x[i] += moved * x[3 + i]
            x[3 + i] *= kept
            for j in range(i + 1):
                density = excess * up[i] * up[j] + (level if i == j else 0.0)
                forth, back, speed = P[i, 3 + j], P[j, 3 + i], P[3 + i, 3 + j]
                place = P[i, j] + moved * (forth + back) + moved * moved * speed + density * noise[1, 1]
                P[i, j] = P[j, i] = place
                P[i, 3 + j] = P[3 + j, i] = kept * (forth + moved * speed) + density * noise[1, 2]
                P[j, 3 + i] = P[3 + i, j] = kept * (back + moved * speed) + density * noise[1, 2]
                P[3 + i, 3 + j] = P[3 + j, 3 + i] = kept * kept * speed + density * noise[2, 2]
