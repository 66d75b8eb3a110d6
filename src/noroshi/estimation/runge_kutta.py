"""Means and covariances carried along a differential equation: fourth-order Runge-Kutta steps, as kernels.

A model's own kernel evaluates its equation x' = f(x) and A = df/dx at each of four points, and hands both on here. The
columns that are carried are the state and the derivatives of the state by the step's first, so the transition matrix is
the exact derivative of the step.
"""

from collections.abc import Callable

import numpy as np

from noroshi.estimation.angles import Floats
from noroshi.kernel import kernel, unrolled

STAGES = 4
WEIGHT = np.array([1.0, 2.0, 2.0, 1.0]) / 6.0
REACH = np.array([0.5, 0.5, 1.0])
# Gauss-Legendre on [0, 1] with three nodes, exact to the fifth power: the variance that noise two integrals below a
# position brings to it grows by the fourth.
ORDER = 4
NODE = 0.5 + np.array([-0.5, 0.0, 0.5]) * 0.6**0.5
NODE_WEIGHT = np.array([5.0, 8.0, 5.0]) / 18.0


@kernel
def step_of(left_s: float, trusted_s: float, longest_s: float, shortest_s: float) -> float:
    """Return the next step: what is left, or the longest that is longest_s / 2^k and trusted, but not below shortest_s.

    Powers of two, so that two states near each other are carried by the same steps, and the derivative is that of the
    result and not of the choice of steps too.
    """
    step_s = longest_s
    while step_s > trusted_s and step_s > shortest_s:
        step_s *= 0.5
    step_s = max(step_s, shortest_s)
    return left_s if step_s >= abs(left_s) else np.copysign(step_s, left_s)


@kernel
def begin(x: Floats, start: Floats) -> None:
    """Write the columns (d, 1 + d) at the start of a step from x: the state, and the identity."""
    for i in range(len(x)):
        start[i, 0] = x[i]
        for j in range(len(x)):
            start[i, 1 + j] = 1.0 if i == j else 0.0


@kernel
def copy(source: Floats, target: Floats) -> None:
    """Copy a matrix; as an assignment of slices it would take a second to compile."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


def advancer(d: int) -> Callable[[int, float, Floats, Floats, Floats, Floats, Floats, Floats, bool], None]:
    """Return the kernel `advance` for d components, whose loops are unrolled."""

    def advance(
        stage: int,
        step_s: float,
        rate: Floats,
        by_state: Floats,
        start: Floats,
        total: Floats,
        point: Floats,
        slope: Floats,
        with_moments: bool,
    ) -> None:
        """Take in the slope at `point` and move `point` to where the next stage wants it; after the last, to the end.

        Args:
            stage: 0 to 3.
            step_s: the step.
            rate: (d,) f at point[:, 0].
            by_state: (d, d) A there.
            start: (d, 1 + d) columns at the start.
            total: (d, 1 + d) what the stages add up to.
            point: (d, 1 + d), read and written.
            slope: (d, 1 + d) room to work in.
            with_moments: whether the derivatives are carried too.

        Source: Hairer, Norsett and Wanner (1993), Solving Ordinary Differential Equations I, 2nd ed., section II.1,
        table 1.2 (the classical method); section I.14 for the derivatives.
        """
        for i in range(d):
            slope[i, 0] = rate[i]
            if with_moments:
                for j in range(1, 1 + d):
                    slope[i, j] = 0.0
                for k in range(d):
                    factor = by_state[i, k]
                    if factor != 0.0:
                        for j in range(1, 1 + d):
                            slope[i, j] += factor * point[k, j]
        columns = 1 + d if with_moments else 1
        for i in range(d):
            for j in range(columns):
                if stage == 0:
                    total[i, j] = start[i, j]
                total[i, j] += step_s * WEIGHT[stage] * slope[i, j]
                if stage == STAGES - 1:
                    point[i, j] = total[i, j]
                else:
                    point[i, j] = start[i, j] + step_s * REACH[stage] * slope[i, j]

    return unrolled(advance, d)


def spreader(
    d: int, m: int
) -> Callable[[float, Floats, Floats, Floats, Floats, Floats, tuple[Floats, Floats, Floats], Floats, Floats], None]:
    """Return the kernel `spread_out` for d components and m noises, whose loops are unrolled."""

    def spread_out(
        step_s: float,
        first: Floats,
        last: Floats,
        point: Floats,
        root: Floats,
        tilt: Floats,
        room: tuple[Floats, Floats, Floats],
        transition: Floats,
        covariance: Floats,
    ) -> None:
        """Carry transition and covariance (d, d) over the step: F P F' plus the noise that came in on the way.

        What a noise of t before the end has grown to at the end is G(t), G' = G A(t) with A linear between its values
        at both ends; G is taken to the fourth power of t. The sum of squares over the nodes is positive semidefinite
        for either sign of the step.

        Args:
            step_s: the step.
            first: (d, d) A at the start.
            last: (d, d) A at the end.
            point: (d, 1 + d) the columns at the end.
            root: (d, m) root of the noise's spectral density, root @ root.T, in the middle of the step.
            tilt: (m,) by how much of that each column of it is more at the start than at the end.
            room: to work in, what `room_for` returns.
            transition: written; (0, 0) where nobody asks for it.
            covariance: written, exactly symmetric.

        Source: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section
        4.3.1 (discretised noise).
        """
        terms, grown, column = room  # of exp's generalisation, in powers of the time before the end over the step
        step, slope, change, half = terms[ORDER + 1], terms[ORDER + 2], terms[ORDER + 3], terms[ORDER + 4]
        for i in range(d):
            for j in range(d):
                step[i, j] = point[i, 1 + j]
                slope[i, j] = step_s * last[i, j]
                change[i, j] = step_s * (first[i, j] - last[i, j])
        for i in range(d):  # `carry` with its loops unrolled
            for j in range(d):
                half[i, j] = 0.0
            for k in range(d):
                if step[i, k] != 0.0:
                    for j in range(d):
                        half[i, j] += step[i, k] * covariance[k, j]
        for i in range(d):
            for j in range(i + 1):
                total = 0.0
                for k in range(d):
                    total += half[i, k] * step[j, k]
                covariance[i, j] = total
        for i in range(len(transition)):
            for j in range(d):
                half[i, j] = transition[i, j]
        for i in range(len(transition)):
            for j in range(d):
                transition[i, j] = 0.0
            for k in range(d):
                if step[i, k] != 0.0:
                    for j in range(d):
                        transition[i, j] += step[i, k] * half[k, j]
        for i in range(d):
            for j in range(d):
                terms[0, i, j] = 1.0 if i == j else 0.0
                terms[1, i, j] = slope[i, j]
        for order in range(2, ORDER + 1):
            for i in range(d):
                for j in range(d):
                    terms[order, i, j] = 0.0
                for k in range(d):
                    by_slope, by_change = terms[order - 1, i, k] / order, terms[order - 2, i, k] / order
                    if by_slope != 0.0 or by_change != 0.0:
                        for j in range(d):
                            terms[order, i, j] += by_slope * slope[k, j] + by_change * change[k, j]
        for order in range(ORDER + 1):
            for i in range(d):
                for j in range(m):
                    grown[order, i, j] = 0.0
            for k in range(d):
                for j in range(m):
                    if root[k, j] != 0.0:
                        for i in range(d):
                            grown[order, i, j] += terms[order, i, k] * root[k, j]
        for node in range(len(NODE)):
            weight = NODE_WEIGHT[node] * abs(step_s)
            for j in range(m):
                share = 1.0 + tilt[j] * (NODE[node] - 0.5)
                for i in range(d):
                    column[i] = grown[ORDER, i, j]
                    for order in range(ORDER - 1, -1, -1):
                        column[i] = column[i] * NODE[node] + grown[order, i, j]
                    column[i] *= share
                for i in range(d):
                    for k in range(i + 1):
                        covariance[i, k] += weight * column[i] * column[k]
        for i in range(d):
            for k in range(i):
                covariance[k, i] = covariance[i, k]

    return unrolled(spread_out, d, m)


@kernel
def room_for(d: int, m: int) -> tuple[Floats, Floats, Floats]:
    """Return what `spread_out` for d components and m noises works in."""
    return np.empty((ORDER + 5, d, d)), np.empty((ORDER + 1, d, m)), np.empty(d)
