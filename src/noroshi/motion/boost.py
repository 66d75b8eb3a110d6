"""Under thrust: a missile or a launcher from lift-off to burnout."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.kalman import symmetric
from noroshi.estimation.runge_kutta import STAGES, advancer, begin, copy, room_for, spreader, step_of
from noroshi.geo.gravity import fall
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, Flow, Start, Wanted, require_densities
from noroshi.records import Kind

LONGEST_STEP_S, STEPS_MAX = 1.25, 256
SLOWEST_M_S = 1.0  # below this a velocity gives the thrust no direction, and the thrust goes to zero
BURN_RATIO_MAX_PER_S = 0.1  # where less than 10 s of mass are left to burn it burns no further
TURN_STEP = 0.0625  # how far the velocity may turn or grow in one Runge-Kutta step, relative to itself


@dataclass(frozen=True, slots=True)
class Motion(Flow):
    """A boost in a plane: gravity with J2, the Earth's rotation, and an acceleration near the velocity that grows.

    The seventh state is the axial acceleration a, thrust less drag over mass, along the Earth-fixed velocity. The
    eighth is the mass-flow ratio q, mass burnt a second over mass left: at constant thrust a' = a q and q' = q^2. An
    acceleration that stays what it is has q = 0. The ninth, w, is what holds it up, or lets it lean over: thrust is
    steered in the vertical plane, where it points 10 to 20 degrees off the velocity for as long as it burns. It acts
    across the velocity as the part of w upwards that is: w (up - v v'up / v^2), so that w is the weight where the
    velocity keeps its direction, and nothing is singular in a vertical rise. It grows as a does, w' = w q.

    Steps are of at most 1.25 s, shorter where the velocity is small, and at most 256 over a prediction. q goes no
    higher than 0.1 /s; there a stays what it is, so that a prediction past burnout stays finite. The velocity is
    smoothed at 1 m/s: a target at rest is not pushed anywhere. Where it is less than what `predict` does not know of
    it (root of the sum of its variances), it counts as that: of a thrust along a velocity v of any direction, E v =
    0, the best linear account is v / sqrt(E v^2), with all of the thrust's own variance. The derivative by v would
    there have a velocity of which nobody knows grow without bound, and in ever smaller steps.

    Attributes:
        acceleration_psd_m2_s3: power spectral density of the white-noise acceleration, the same along east, north and
            up: what is steered off the plane. 0.015 rad (`warning.boosting`) of 50 to 130 m/s2 for 5 s, over which a
            filter of looks each second forgets, are 1.4^2 * 5.
        axial_psd_m2_s5: power spectral density of the rate of the axial acceleration: as large as that of w, for drag
            at the speed of sound, and for what first moments leave out of a' = a q late in a burn.
        ratio_psd_per_s3: power spectral density of the rate of the mass-flow ratio.
        upward_psd_m2_s5: power spectral density of the rate of w: a thrust of 50 to 130 m/s2 that turns by 0.3
            degrees a second changes it by 0.25 to 0.7 m/s3, for those 5 s: 0.45^2 * 5.

    Source: Li and Jilkov (2010), Survey of Maneuvering Target Tracking, Part II: Motion Models of Ballistic and Space
    Targets, IEEE Trans. Aerospace and Electronic Systems 46(1), 96-119, section III (boost phase, gravity turn).
    """

    KIND: ClassVar[Kind] = Kind.BOOSTING
    # Resumed: between stages it coasts once or twice, for seconds, and then falls for a quarter of an hour.
    STARTS: ClassVar[Start] = Start(
        speed_sigma_m_s=1_000.0, climb_sigma_m_s=1_000.0, high_speed_sigma_m_s=2_000.0, high_climb_sigma_m_s=1_500.0,
        share=0.002, sojourn_s=60.0, height_m=150e3, resumed=0.05,
    )  # fmt: skip
    COMPONENTS: ClassVar[tuple[str, ...]] = (
        *POSITION_AND_VELOCITY,
        "axial_acceleration_m_s2",
        "mass_flow_ratio_per_s",
        "upward_acceleration_m_s2",
    )
    # What all moments of generic boosts have (`warning.boosting`): 47, give or take 30 m/s2; 0.016, give or take
    # 0.013 /s. A burn that is first seen late burns much of what mass is left. What leans over with 20 m/s2 turns by
    # 1 to 2 degrees a second at the speeds of the first minute; what is held up as much rises ever more steeply.
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ((5.0, 100.0), (0.0, 0.033), (-20.0, 20.0))

    PUSH: ClassVar[tuple[int, int]] = (6, 8)

    acceleration_psd_m2_s3: float = 10.0
    axial_psd_m2_s5: float = 1.0
    ratio_psd_per_s3: float = 1e-8
    upward_psd_m2_s5: float = 1.0

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_densities(**parameters)
        return model

    def flow(
        self, states: Floats, covariance: Floats, dt_s: Floats, wanted: Wanted = Wanted.DERIVATIVES
    ) -> tuple[Floats, Floats, Floats]:
        """Integrate them together; see `Flow.flow`."""
        root = np.zeros((9, 6))
        root[3:6, :3] = self.acceleration_psd_m2_s3**0.5 * np.eye(3)
        root[6, 3], root[7, 4] = self.axial_psd_m2_s5**0.5, self.ratio_psd_per_s3**0.5
        root[8, 5] = self.upward_psd_m2_s5**0.5
        ahead, spread = np.array(states, order="C"), np.ascontiguousarray(symmetric(covariance))
        transition = np.tile(np.eye(9 if wanted is Wanted.DERIVATIVES else 0), (len(states), 1, 1))
        _flow(ahead, np.ascontiguousarray(dt_s), root, transition, spread, wanted > Wanted.STATES)
        return ahead, transition, spread


_advance, _spread_out = advancer(9), spreader(9, 6)


@kernel
def _flow(
    states: Floats, dt_s: Floats, root: Floats, transition: Floats, covariance: Floats, with_moments: bool
) -> None:
    """Carry all rows over their dt_s, in place."""
    rate, by_state, first = np.zeros(9), np.zeros((9, 9)), np.zeros((9, 9))
    slope, room = np.empty((9, 10)), room_for(9, 6)
    start, total, point, even = np.zeros((9, 10)), np.zeros((9, 10)), np.zeros((9, 10)), np.zeros(6)
    for row in range(len(states)):
        left_s, shortest_s = dt_s[row], abs(dt_s[row]) / STEPS_MAX
        while abs(left_s) > 0.0:
            begin(states[row], point)
            unknown_m2_s2, step_s = covariance[row, 3, 3] + covariance[row, 4, 4] + covariance[row, 5, 5], 0.0
            for stage in range(STAGES):
                trusted_s = _slopes(point[:, 0], unknown_m2_s2, rate, by_state)
                if stage == 0:
                    step_s = step_of(left_s, trusted_s, LONGEST_STEP_S, shortest_s)
                    copy(point, start)
                    copy(by_state, first)
                _advance(stage, step_s, rate, by_state, start, total, point, slope, with_moments)
            if with_moments:
                _spread_out(step_s, first, by_state, point, root, even, room, transition[row], covariance[row])
            for i in range(9):
                states[row, i] = point[i, 0]
            left_s -= step_s


@kernel
def _slopes(x: Floats, unknown_m2_s2: float, rate: Floats, by_state: Floats) -> float:
    """Write f(x) and its derivatives; return the longest step [s] to trust."""
    fall(x, rate, by_state)
    v, axial, ratio, upward = x[3:6], x[6], x[7], x[8]
    square = v[0] * v[0] + v[1] * v[1] + v[2] * v[2]
    speed = math.sqrt(max(square, unknown_m2_s2) + SLOWEST_M_S * SLOWEST_M_S)
    known = 1.0 if square > unknown_m2_s2 else 0.0
    radius = math.sqrt(x[0] * x[0] + x[1] * x[1] + x[2] * x[2])
    climb = (v[0] * x[0] + v[1] * x[1] + v[2] * x[2]) / (speed * radius)
    along = axial - upward * climb
    for i in range(3):
        rate[3 + i] += along * v[i] / speed + upward * x[i] / radius
        by_state[3 + i, 6] = v[i] / speed
        by_state[3 + i, 8] = x[i] / radius - climb * v[i] / speed
        by_state[3 + i, 3 + i] += along / speed
        by_state[3 + i, i] += upward / radius
        for j in range(3):
            by_climb = x[j] / radius - known * climb * v[j] / speed
            by_state[3 + i, 3 + j] -= (known * along * v[j] / speed + upward * by_climb) * v[i] / (speed * speed)
            level = v[j] / speed - climb * x[j] / radius
            by_state[3 + i, j] -= upward * (x[i] / radius * x[j] / radius + v[i] / speed * level) / radius
    burns = 1.0 if ratio < BURN_RATIO_MAX_PER_S else 0.0
    rate[6], rate[7], rate[8] = burns * axial * ratio, burns * ratio * ratio, burns * upward * ratio
    by_state[6, 6], by_state[6, 7], by_state[7, 7] = burns * ratio, burns * axial, burns * 2.0 * ratio
    by_state[8, 8], by_state[8, 7] = burns * ratio, burns * upward
    push = math.sqrt(rate[3] * rate[3] + rate[4] * rate[4] + rate[5] * rate[5])
    return TURN_STEP * speed / push
