"""Gliding: a vehicle that is carried by its lift at many times the speed of sound."""

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from noroshi.estimation.kalman import symmetric
from noroshi.estimation.runge_kutta import STAGES, advancer, begin, copy, room_for, spreader, step_of
from noroshi.geo.atmosphere import add_air_force
from noroshi.geo.gravity import fall
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import POSITION_AND_VELOCITY, Flow, Start, Wanted, require_densities, require_positive
from noroshi.records import Kind

LONGEST_STEP_S, STEPS_MAX = 2.5, 256
DRAG_MAX_M_S2 = 100.0  # a glide has some 4 m/s2, a dive at 1,500 m/s to the ground 90


@dataclass(frozen=True, slots=True)
class Motion(Flow):
    """Gravity with J2, the Earth's rotation, and drag and lift in a standard atmosphere that turns with the Earth.

    Three states speak of the air's force: the logarithm of the ballistic coefficient m / (C_D S) in kg/m2, and the
    lift over the drag, to the left of the velocity (a turn) and upwards across it (a climb). Each is a first-order
    Markov process about its mean: the vehicle is trimmed for a glide, leaves that to turn or pull up, and comes back.
    Ratios to the drag, because they do not change with speed and height as the accelerations do.

    Steps are of at most 2.5 s, shorter where the air turns or slows the target or its density changes quickly, and at
    most 256 over a prediction. Drag is held to some 10 g, and lift in proportion: little that glides is built for more,
    and without that a fast plot low in the air, false as it is, could become anything. Going back in time drag is
    an instability, which that holds too. Where the velocity across the vertical is less than what `predict` does not
    know of the velocity, it counts as that, since it does not tell where the lift points (see `motion.boost`).

    Attributes:
        acceleration_psd_m2_s3: power spectral density of the white-noise acceleration, the same along east, north and
            up, where there is no air: that of what falls.
        air_psd_m2_s3: what is added where the drag is 1 m/s2 and more, and in proportion where it is less.
        memory_s: time constant of all three processes.
        coefficient_mean_kg_m2: ballistic coefficient of the glide.
        coefficient_sigma: standard deviation of its logarithm, in the long run.
        lift_to_drag_mean: lift upwards over drag of the glide.
        lift_to_drag_sigma: standard deviation of either ratio, in the long run.

    Source: Li and Jilkov (2010), Survey of Maneuvering Target Tracking, Part II: Motion Models of Ballistic and Space
    Targets, IEEE Trans. Aerospace and Electronic Systems 46(1), 96-119, section V (reentry with lift; drag, turn and
    climb parameters); the means are those of HTV-2 in Wright and Tracy (2020), Modeling the Performance of Hypersonic
    Boost-Glide Missiles, Science and Global Security 28(3), 135-170.
    """

    KIND: ClassVar[Kind] = Kind.GLIDING
    # Resumed: few of what burns out glide, and above the air, where both go alike, what falls must not come to be a
    # glider by and by: so one in eight does in 500 s.
    STARTS: ClassVar[Start] = Start(
        speed_sigma_m_s=2_500.0, climb_sigma_m_s=500.0, high_speed_sigma_m_s=3_500.0, high_climb_sigma_m_s=500.0,
        share=0.002, sojourn_s=300.0, height_m=80e3, resumed=0.1,
    )  # fmt: skip
    COMPONENTS: ClassVar[tuple[str, ...]] = (
        *POSITION_AND_VELOCITY,
        "log_ballistic_coefficient_kg_m2",
        "turn_lift_to_drag_ratio",
        "climb_lift_to_drag_ratio",
    )
    EXTENT: ClassVar[tuple[tuple[float, float], ...]] = (
        (float(np.log(3_000.0)), float(np.log(30_000.0))),
        (-2.0, 2.0),
        (0.0, 4.0),
    )

    acceleration_psd_m2_s3: float = 1e-3
    air_psd_m2_s3: float = 0.1
    memory_s: float = 60.0
    coefficient_mean_kg_m2: float = 13_000.0
    coefficient_sigma: float = 0.5
    lift_to_drag_mean: float = 2.6
    lift_to_drag_sigma: float = 1.0

    @classmethod
    def of(cls, **parameters: float) -> Self:
        """Return the model; see `Motion.of` of the room."""
        model = cls(**parameters)
        require_positive(memory_s=model.memory_s, coefficient_mean_kg_m2=model.coefficient_mean_kg_m2)
        require_densities(acceleration_psd_m2_s3=model.acceleration_psd_m2_s3, air_psd_m2_s3=model.air_psd_m2_s3)
        for name in ("coefficient_sigma", "lift_to_drag_mean", "lift_to_drag_sigma"):
            if not 0.0 <= getattr(model, name) < math.inf:
                raise ValueError(f"{name} is {getattr(model, name)}: it is finite and not negative")
        return model

    def flow(
        self, states: Floats, covariance: Floats, dt_s: Floats, wanted: Wanted = Wanted.DERIVATIVES
    ) -> tuple[Floats, Floats, Floats]:
        """Integrate them together; see `Flow.flow`."""
        root = np.zeros((9, 6))
        sigmas = np.array([self.coefficient_sigma, self.lift_to_drag_sigma, self.lift_to_drag_sigma])
        root[6:, 3:] = np.diag(sigmas * (2.0 / self.memory_s) ** 0.5)
        means = np.array([math.log(self.coefficient_mean_kg_m2), 0.0, self.lift_to_drag_mean])
        densities = np.array([self.acceleration_psd_m2_s3, self.air_psd_m2_s3])
        ahead, spread = np.array(states, order="C"), np.ascontiguousarray(symmetric(covariance))
        transition = np.tile(np.eye(9 if wanted is Wanted.DERIVATIVES else 0), (len(states), 1, 1))
        _flow(
            ahead,
            np.ascontiguousarray(dt_s),
            densities,
            root,
            means,
            self.memory_s,
            transition,
            spread,
            wanted > Wanted.STATES,
        )
        return ahead, transition, spread


_advance, _spread_out = advancer(9), spreader(9, 6)


@kernel
def _flow(
    states: Floats,
    dt_s: Floats,
    densities: Floats,
    root: Floats,
    means: Floats,
    memory_s: float,
    transition: Floats,
    covariance: Floats,
    with_moments: bool,
) -> None:
    """Carry all rows over their dt_s, in place."""
    rate, by_state, first = np.zeros(9), np.zeros((9, 9)), np.zeros((9, 9))
    slope, room = np.empty((9, 10)), room_for(9, 6)
    start, total, point, tilt = np.zeros((9, 10)), np.zeros((9, 10)), np.zeros((9, 10)), np.zeros(6)
    for row in range(len(states)):
        left_s, shortest_s = dt_s[row], abs(dt_s[row]) / STEPS_MAX
        while abs(left_s) > 0.0:
            begin(states[row], point)
            unknown_m2_s2, step_s = covariance[row, 3, 3] + covariance[row, 4, 4] + covariance[row, 5, 5], 0.0
            for stage in range(STAGES):
                trusted_s = _slopes(point[:, 0], unknown_m2_s2, means, memory_s, rate, by_state)
                if stage == 0:
                    step_s = step_of(left_s, trusted_s, LONGEST_STEP_S, shortest_s)
                    copy(point, start)
                    copy(by_state, first)
                _advance(stage, step_s, rate, by_state, start, total, point, slope, with_moments)
            if with_moments:
                _unrest(first, by_state, densities, root, tilt)
                _spread_out(step_s, first, by_state, point, root, tilt, room, transition[row], covariance[row])
            for i in range(9):
                states[row, i] = point[i, 0]
            left_s -= step_s


@kernel
def _slopes(x: Floats, unknown_m2_s2: float, means: Floats, memory_s: float, rate: Floats, by_state: Floats) -> float:
    """Write f(x) and its derivatives; return the longest step [s] to trust."""
    by_parameters = np.empty((3, 3))
    fall(x, rate, by_state)
    step_s = add_air_force(x, x[6], x[7], x[8], unknown_m2_s2, DRAG_MAX_M_S2, rate, by_state, by_parameters)
    for i in range(3):
        for j in range(3):
            by_state[3 + i, 6 + j] = by_parameters[i, j]
        rate[6 + i] = (means[i] - x[6 + i]) / memory_s
        by_state[6 + i, 6 + i] = -1.0 / memory_s
    return min(step_s, memory_s / 8.0)


@kernel
def _unrest(first: Floats, last: Floats, densities: Floats, root: Floats, tilt: Floats) -> None:
    """Write the root of the white acceleration's density in the middle of a step, and how it is tilted over the step.

    The derivative by the logarithm of the coefficient is the drag and lift, backwards; that by the lift to either side
    is as long as the drag.
    """
    drag, last_drag = 0.0, 0.0
    for i in range(3, 6):
        drag, last_drag = drag + first[i, 7] ** 2, last_drag + last[i, 7] ** 2
    before = densities[0] + densities[1] * min(math.sqrt(drag), 1.0)
    after = densities[0] + densities[1] * min(math.sqrt(last_drag), 1.0)
    middle = math.sqrt(0.5 * (before + after))
    for i in range(3):
        root[3 + i, i] = middle
        tilt[i] = (math.sqrt(before) - math.sqrt(after)) / middle if middle > 0.0 else 0.0
