"""Manoeuvres whose acceleration lasts for a while and dies away, over the curved Earth (Singer's model)."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.carry import carry
from noroshi.estimation.coloured_noise import decay, integrated_coloured
from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, Flow, Wanted, require_positive
from noroshi.records import Kind


@dataclass(frozen=True, slots=True)
class Motion(Flow):
    """Acceleration that is exponentially correlated in time, on top of level flight.

    In the plane of its place p a target goes D and ends with velocity w and acceleration b, all linear in the state;
    then the plane is laid on the sphere through p, which to the second order adds (D (p.D) - p (D.D)) / (2 |p|^2) to
    the position and (D (p.w) - p (D.w)) / |p|^2 to the velocity, and the same of b to the acceleration. Without
    acceleration it is `constant_velocity` exactly. The acceleration state is the manoeuvre alone: 0 in level flight.

    Attributes:
        memory_s: time constant of a manoeuvre: 60 s a slow turn, 20 s an evasion, 1 s the air's unrest.
        horizontal_sigma_m_s2: standard deviation of the acceleration along each horizontal axis.
        vertical_sigma_m_s2: the same along the vertical.

    Source: Singer (1970), Estimating optimal tracking filter performance for manned maneuvering targets, IEEE Trans.
    Aerospace and Electronic Systems 6(4), 473-483; Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications
    to Tracking and Navigation, section 8.2.3; over a sphere through p instead of a plane.
    """

    KIND: ClassVar[Kind] = Kind.AIRCRAFT
    COMPONENTS: ClassVar[tuple[str, ...]] = (
        *POSITION_AND_VELOCITY,
        "ax_ecef_m_s2",
        "ay_ecef_m_s2",
        "az_ecef_m_s2",
    )
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ((-30.0, 30.0), (-30.0, 30.0), (-30.0, 30.0))

    memory_s: float = 20.0
    horizontal_sigma_m_s2: float = 3.0
    vertical_sigma_m_s2: float = 1.0

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_positive(**parameters)
        return model

    def predict(self, mean: Floats, covariance: Floats, dt_s: Floats) -> tuple[Floats, Floats]:
        """Return (n, 9) and (n, 9, 9) mean and covariance `dt_s` (n,) later; see `Motion.predict` of the room.

        The covariance is carried along as on a plane. What the bend adds to it is in proportion of the angle flown: in
        ten seconds at 220 m/s at most two thousandths of the product of the two standard deviations.
        """
        ahead, spread = np.array(mean, order="C"), np.empty(covariance.shape)
        tuning = np.array([self.memory_s, self.horizontal_sigma_m_s2, self.vertical_sigma_m_s2])
        _predict(ahead, np.ascontiguousarray(covariance), np.ascontiguousarray(dt_s), tuning, spread)
        return ahead, spread

    def flow(
        self, states: Floats, covariance: Floats, dt_s: Floats, wanted: Wanted = Wanted.DERIVATIVES
    ) -> tuple[Floats, Floats, Floats]:
        """Carry them on together, process noise as on the plane that touches the Earth; see `Flow.flow`."""
        ahead, spread = np.array(states, order="C"), np.array(covariance, order="C")
        transition = np.zeros((len(states), 9, 9))
        tuning = np.array([self.memory_s, self.horizontal_sigma_m_s2, self.vertical_sigma_m_s2])
        _flow(ahead, np.ascontiguousarray(dt_s), tuning, transition, spread)
        return ahead, transition, spread


@kernel
def _flow(states: Floats, dt_s: Floats, tuning: Floats, transition: Floats, covariance: Floats) -> None:
    """Carry all rows over their dt_s, in place."""
    noise, up = np.empty((3, 3)), np.empty(3)
    level, excess = tuning[1] ** 2, tuning[2] ** 2 - tuning[1] ** 2
    for row in range(len(states)):
        up[0], up[1], up[2], _ = vertical_at(states[row][0], states[row][1], states[row][2])
        _carry_state(states[row], dt_s[row], tuning[0], transition[row])
        carry(transition[row], covariance[row])
        integrated_coloured(dt_s[row], tuning[0], noise)
        for i in range(3):
            for j in range(3):
                density = excess * up[i] * up[j] + (level if i == j else 0.0)
                for k in range(3):
                    for m in range(3):
                        covariance[row, 3 * k + i, 3 * m + j] += density * noise[k, m]


@kernel
def _predict(states: Floats, covariance: Floats, dt_s: Floats, tuning: Floats, spread: Floats) -> None:
    """Carry the states in place, and write their covariances later into `spread`."""
    noise, up, end = np.empty((3, 3)), np.empty(3), np.empty((3, 3))
    level, excess = tuning[1] ** 2, tuning[2] ** 2 - tuning[1] ** 2
    for row in range(len(states)):
        x, P, ahead = states[row], covariance[row], spread[row]
        up[0], up[1], up[2], _ = vertical_at(x[0], x[1], x[2])
        kept, first, second = decay(dt_s[row], tuning[0])
        integrated_coloured(dt_s[row], tuning[0], noise)
        dt, square = dt_s[row], x[0] * x[0] + x[1] * x[1] + x[2] * x[2]
        for i in range(3):
            end[0, i] = dt * x[3 + i] + second * x[6 + i]
            end[1, i] = x[3 + i] + first * x[6 + i]
            end[2, i] = kept * x[6 + i]
        for block in range(2, -1, -1):
            share = 0.5 if block == 0 else 1.0
            p_end = x[0] * end[block, 0] + x[1] * end[block, 1] + x[2] * end[block, 2]
            D_end = end[0, 0] * end[block, 0] + end[0, 1] * end[block, 1] + end[0, 2] * end[block, 2]
            for i in range(3):
                bend = share * (end[0, i] * p_end - x[i] * D_end) / square
                x[3 * block + i] = (x[i] if block == 0 else 0.0) + end[block, i] + bend
        for i in range(3):
            for j in range(i + 1):
                density = excess * up[i] * up[j] + (level if i == j else 0.0)
                for m in range(3):  # along columns, then below along rows
                    place, speed, pull = P[i, 3 * m + j], P[3 + i, 3 * m + j], P[6 + i, 3 * m + j]
                    end[0, m] = place + dt * speed + second * pull
                    end[1, m] = speed + first * pull
                    end[2, m] = kept * pull
                for k in range(3):
                    place = end[k, 0] + dt * end[k, 1] + second * end[k, 2]
                    speed = end[k, 1] + first * end[k, 2]
                    pull = kept * end[k, 2]
                    for m in range(3):
                        value = (place if m == 0 else speed if m == 1 else pull) + density * noise[k, m]
                        if i != j or m <= k:
                            ahead[3 * k + i, 3 * m + j] = value
                            ahead[3 * m + j, 3 * k + i] = value


@kernel
def _carry_state(x: Floats, dt_s: float, memory_s: float, transition: Floats) -> None:
    """Replace x by what it is dt_s later, and write the (9, 9) derivatives.

    bend(A, B) = (A (p.B) - p (A.B)) / |p|^2; its derivatives by A, B and p are below.
    """
    kept, first, second = decay(dt_s, memory_s)
    p, D, w, b = np.empty(3), np.empty(3), np.empty(3), np.empty(3)
    square = x[0] * x[0] + x[1] * x[1] + x[2] * x[2]
    for i in range(3):
        p[i] = x[i]
        D[i] = dt_s * x[3 + i] + second * x[6 + i]
        w[i] = x[3 + i] + first * x[6 + i]
        b[i] = kept * x[6 + i]
    for block in range(3):
        end = D if block == 0 else w if block == 1 else b
        share = 0.5 if block == 0 else 1.0
        by_v, by_a = (dt_s, second) if block == 0 else (1.0, first) if block == 1 else (0.0, kept)
        p_end = p[0] * end[0] + p[1] * end[1] + p[2] * end[2]
        D_end = D[0] * end[0] + D[1] * end[1] + D[2] * end[2]
        for i in range(3):
            row = 3 * block + i
            bend = (D[i] * p_end - p[i] * D_end) / square
            x[row] = (p[i] if block == 0 else 0.0) + end[i] + share * bend
            for j in range(3):
                by_D = -p[i] * end[j] / square
                by_end = (D[i] * p[j] - p[i] * D[j]) / square
                by_p = (D[i] * end[j] - 2.0 * bend * p[j]) / square
                own = 0.0
                if i == j:
                    by_D += p_end / square
                    by_p -= D_end / square
                    own = 1.0
                transition[row, j] = share * by_p + (own if block == 0 else 0.0)
                transition[row, 3 + j] = share * by_D * dt_s + (own + share * by_end) * by_v
                transition[row, 6 + j] = share * by_D * second + (own + share * by_end) * by_a
