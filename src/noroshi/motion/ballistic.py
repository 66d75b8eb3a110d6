"""Falling freely through the air: a missile or its parts after burnout, debris, a shell."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.kalman import symmetric
from noroshi.estimation.runge_kutta import STAGES, advancer, begin, copy, room_for, spreader, step_of
from noroshi.geo.atmosphere import FORCE_MAX_M_S2, add_air_force
from noroshi.geo.gravity import fall
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, Flow, Start, Wanted, require_densities
from noroshi.records import Kind

LONGEST_STEP_S, STEPS_MAX = 10.0, 256
SOUND_M_S = 300.0  # within a tenth of it up to 90 km
LIGHTEST_LOG = math.log(30.0)  # what floats down slower is no falling body, and would need ever smaller steps


@dataclass(frozen=True, slots=True)
class Motion(Flow):
    """Gravity with J2, the Earth's rotation, and drag in a standard atmosphere that turns with the Earth.

    The seventh state is the logarithm of the ballistic coefficient m / (C_D S) in kg/m2. The logarithm, because it
    keeps the coefficient positive whatever a filter does to it, because what is known of it beforehand is a factor, and
    because its random walk is then as likely to double it as to halve it. It wanders, the more so where the air slows
    the target, because the drag coefficient changes with the Mach number; and wind of which nobody knows changes the
    drag in proportion of the drag itself. Outside the air neither is there.

    Steps are of at most 10 s, shorter where the air slows the target or its density changes quickly, and at most 256
    over a prediction. A coefficient below 30 kg/m2 drags as 30 would. Going back in time drag is an instability; it is
    held to 300 g, so that the result stays finite.

    Attributes:
        acceleration_psd_m2_s3: power spectral density of the white-noise acceleration, the same along east, north and
            up: 0.01 m/s2 that change within 5 s (venting, what is left of the thrust) are 2 * 0.01^2 * 5; the field
            of gravity beyond J2 (5e-4 m/s2 in 100 s) has a twentieth of that.
        coefficient_psd_per_s: power spectral density of the rate of the logarithm: 1e-4 lets the coefficient wander by
            10 % in 100 s.
        coefficient_variance_per_mach: variance that the logarithm gains while the target slows by the speed of sound:
            0.1 is 30 % either way, what a slender body's drag changes by from Mach 2 to Mach 1.
        wind_psd_m2_s: power spectral density of the wind along each axis: 10 m/s that change within 2 s of fall are
            2 * 10^2 * 2.

    Source: Li and Jilkov (2010), Survey of Maneuvering Target Tracking, Part II: Motion Models of Ballistic and Space
    Targets, IEEE Trans. Aerospace and Electronic Systems 46(1), 96-119, sections IV and V.
    """

    KIND: ClassVar[Kind] = Kind.BALLISTIC
    # High: as what circles the Earth, 7.5 km/s along one of two axes; what rises or comes down steeply climbs by half.
    STARTS: ClassVar[Start] = Start(
        speed_sigma_m_s=2_500.0, climb_sigma_m_s=1_500.0, high_speed_sigma_m_s=5_300.0, high_climb_sigma_m_s=2_500.0,
        share=0.005, sojourn_s=200.0, height_m=400e3,
    )  # fmt: skip
    SETS_IN: ClassVar[Kind] = Kind.BOOSTING  # what a burn made of the coefficient is no coefficient
    COMPONENTS: ClassVar[tuple[str, ...]] = (
        *POSITION_AND_VELOCITY,
        "log_ballistic_coefficient_kg_m2",
    )
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = ((float(np.log(300.0)), float(np.log(30_000.0))),)

    acceleration_psd_m2_s3: float = 1e-3
    coefficient_psd_per_s: float = 1e-4
    coefficient_variance_per_mach: float = 0.1
    wind_psd_m2_s: float = 400.0

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
        densities = np.array(
            [
                self.acceleration_psd_m2_s3,
                self.wind_psd_m2_s,
                self.coefficient_psd_per_s,
                self.coefficient_variance_per_mach,
            ]
        )
        ahead, spread = np.array(states, order="C"), np.ascontiguousarray(symmetric(covariance))
        d = 7 if wanted is Wanted.DERIVATIVES else 0
        transition = np.empty((len(states), d, d))
        _flow(ahead, np.ascontiguousarray(dt_s), densities, transition, spread, wanted > Wanted.STATES)
        return ahead, transition, spread


_advance, _spread_out = advancer(7), spreader(7, 4)


@kernel
def _flow(
    states: Floats, dt_s: Floats, densities: Floats, transition: Floats, covariance: Floats, with_moments: bool
) -> None:
    """Carry all rows over their dt_s, in place, and write the derivatives."""
    rate, by_state, first = np.zeros(7), np.zeros((7, 7)), np.zeros((7, 7))
    slope, room = np.empty((7, 8)), room_for(7, 4)
    start, total, point, root = np.zeros((7, 8)), np.zeros((7, 8)), np.zeros((7, 8)), np.zeros((7, 4))
    even = np.zeros(4)
    for row in range(len(states)):
        left_s, shortest_s = dt_s[row], abs(dt_s[row]) / STEPS_MAX
        for i in range(transition.shape[1]):
            for j in range(transition.shape[2]):
                transition[row, i, j] = 1.0 if i == j else 0.0
        while abs(left_s) > 0.0:
            begin(states[row], point)
            step_s = 0.0
            for stage in range(STAGES):
                trusted_s = _slopes(point[:, 0], rate, by_state)
                if stage == 0:
                    step_s = step_of(left_s, trusted_s, LONGEST_STEP_S, shortest_s)
                    copy(point, start)
                    copy(by_state, first)
                _advance(stage, step_s, rate, by_state, start, total, point, slope, with_moments)
            if with_moments:
                _unrest(start, point, first, by_state, densities, root)
                _spread_out(step_s, first, by_state, point, root, even, room, transition[row], covariance[row])
            for i in range(7):
                states[row, i] = point[i, 0]
            left_s -= step_s


@kernel
def _slopes(x: Floats, rate: Floats, by_state: Floats) -> float:
    """Write f(x) and its derivatives; return the longest step [s] to trust."""
    by_parameters = np.empty((3, 3))
    fall(x, rate, by_state)
    step_s = add_air_force(x, max(x[6], LIGHTEST_LOG), 0.0, 0.0, 0.0, FORCE_MAX_M_S2, rate, by_state, by_parameters)
    rate[6] = 0.0
    for i in range(3):
        by_state[3 + i, 6] = by_parameters[i, 0] if x[6] > LIGHTEST_LOG else 0.0
    return step_s


@kernel
def _unrest(start: Floats, end: Floats, first: Floats, last: Floats, densities: Floats, root: Floats) -> None:
    """Write the root of the white noise's density, mean of a step's two ends (columns of which the first is the state).

    The derivative by the logarithm is the drag, backwards.
    """
    drag, speed, last_drag, last_speed = 0.0, 1.0, 0.0, 1.0
    for i in range(3, 6):
        drag, last_drag = drag + first[i, 6] ** 2, last_drag + last[i, 6] ** 2
        speed, last_speed = speed + start[i, 0] ** 2, last_speed + end[i, 0] ** 2
    slowing = 0.5 * (drag / speed + last_drag / last_speed)
    changing = 0.5 * (math.sqrt(drag) + math.sqrt(last_drag)) / SOUND_M_S
    for i in range(3):
        root[3 + i, i] = math.sqrt(densities[0] + densities[1] * slowing)
    root[6, 3] = math.sqrt(densities[2] + densities[3] * changing)
