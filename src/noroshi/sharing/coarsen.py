"""Coarse positions that do not sharpen with patience: one secret displacement a track, not rounding.

Rounding to a grid, or noise drawn afresh, is averaged away within minutes (a 10 km grid every 5 s leaks 228 m). Here a
track is moved by a keyed, normally distributed displacement and drift that stay as long as it lives, plus another that
changes each epoch, so that one exact fix from elsewhere does not undo it for ever. What is told is a possible motion of
such a target, so fits to it find that motion and not the true one. The covariance says so.

- The displacement does not depend on the recipient: two recipients of one coarseness hold the same rows.
- Coarsenesses nest: a coarser one is a finer one plus more, so that both together tell no more than the finer does.
- `position_m` and the others are what is left to somebody who averages over any number of epochs. The covariance holds
  the part of the epoch too, which is as large.

What it cannot do: it protects how well one sees, not what one sees; and an exact fix from another source (the
target's own reports) undoes it for what is left of the epoch, but for the part that changes.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import kernel
from noroshi.sharing.keyed import Remembered, derive, normals

EPOCH_S = 900  # a drift grows over half of it, and an exact fix from elsewhere is of use for at most this long
PERIODS_S = (1, 5, 10, 30, 60, 300, 900)  # each divides the next and the epoch, so that coarse times nest
POSITION_M, HEIGHT_M, VELOCITY_M_S = 100.0, 25.0, 0.5  # the finest step of each ladder; every next one is twice that
STEPS = 14
COLUMNS = (slice(0, 3), slice(3, 4), slice(4, 7))  # of a displacement: position, height, velocity
WIDTH = 7
EPOCH_NS = EPOCH_S * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Coarseness:
    """How coarse; each number is rounded up to the next step of its ladder.

    Attributes:
        position_m: standard deviation on each horizontal axis that is left after averaging over all epochs.
        height_m, velocity_m_s: the same of the height and of each horizontal axis of the velocity.
        period_s: tracks are told of at whole multiples of it, once each.
        acceleration_m_s2: standard deviation on each axis of what a target may do from such a time to its next plot.
    """

    position_m: float
    height_m: float = 0.0
    velocity_m_s: float = 0.0
    period_s: float = 60.0
    acceleration_m_s2: float = 10.0

    @property
    def steps(self) -> tuple[int, int, int]:
        """The steps of position, height and velocity on their ladders; -1 is not coarsened."""
        return (
            _step(self.position_m, POSITION_M),
            _step(self.height_m, HEIGHT_M),
            _step(self.velocity_m_s, VELOCITY_M_S),
        )

    @property
    def sigmas(self) -> tuple[float, float, float]:
        """The standard deviations that `steps` stand for."""
        finest = (POSITION_M, HEIGHT_M, VELOCITY_M_S)
        position, height, velocity = (
            first * 2.0**step if step >= 0 else 0.0 for first, step in zip(finest, self.steps, strict=True)
        )
        return position, height, velocity

    @property
    def period_ns(self) -> int:
        """The period, rounded up to one of `PERIODS_S`.

        Raises:
            ValueError: if it is longer than the longest.
        """
        for period_s in PERIODS_S:
            if self.period_s <= period_s:
                return period_s * NS_PER_S
        raise ValueError(f"period_s = {self.period_s:g} is longer than {PERIODS_S[-1]} s")


class Coarsener:
    """Coarsens tracks under one secret.

    Args:
        secret: the node's own, at least 16 bytes; whoever has it can undo the coarsening.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, "coarsening")
        self._rows: dict[tuple[int, int, int], Remembered] = {}

    def coarsen(
        self,
        track_id: NDArray[np.uint64],
        time_ns: NDArray[np.int64],
        states: Floats,
        covariances: Floats,
        coarseness: Coarseness,
    ) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Return coarse times (n,), states (n, 6) and covariances (n, 6, 6), Earth-fixed, of as many rows.

        Each row is carried back to the last multiple of the period at a constant velocity and displaced there.

        Args:
            track_id: (n,) the node's own numbers; the displacement hangs on them.
            time_ns: (n,).
            states: (n, 6) position [m] and velocity [m/s], Earth-fixed.
            covariances: (n, 6, 6).
            coarseness: how coarse.
        """
        coarse_ns = time_ns - time_ns % coarseness.period_ns
        position, height, velocity = coarseness.sigmas
        out, spread = np.empty((len(states), 6)), np.empty((len(states), 6, 6))
        displace(
            np.ascontiguousarray(states),
            np.ascontiguousarray(covariances),
            (time_ns - coarse_ns) / NS_PER_S,
            (coarse_ns % EPOCH_NS) / NS_PER_S - EPOCH_S / 2,
            self._displacements(track_id, coarse_ns // EPOCH_NS, coarseness),
            np.array([2.0 * position**2, 2.0 * height**2, 2.0 * velocity**2, coarseness.acceleration_m_s2**2]),
            out,
            spread,
        )
        return coarse_ns, out, spread

    def _displacements(self, track_id: NDArray[np.uint64], epochs: NDArray[np.int64], coarseness: Coarseness) -> Floats:
        """Return (n, 7): displacement (3, of which the horizontal part counts), height, drift (3, likewise)."""
        steps = coarseness.steps
        if steps not in self._rows:
            self._rows[steps] = self._walks(steps)
        remembered = self._rows[steps]
        if len(epochs) and (epochs == epochs[0]).all():
            return remembered(track_id, int(epochs[0]))
        found = np.empty((len(track_id), 7))
        for epoch in np.unique(epochs).tolist():
            mine = epochs == epoch
            found[mine] = remembered(track_id[mine], epoch)
        return found

    def _walks(self, steps: tuple[int, int, int]) -> Remembered:
        """Return what sums the independent parts of every step of the ladders, which makes coarsenesses nest."""
        n_steps = max(steps) + 1
        scale = np.zeros((n_steps, WIDTH))
        for columns, finest, last in zip(COLUMNS, (POSITION_M, HEIGHT_M, VELOCITY_M_S), steps, strict=True):
            total = finest * 2.0 ** np.arange(last + 1)
            scale[: last + 1, columns] = np.sqrt(np.diff(total**2, prepend=0.0))[:, None]

        def walk(key: bytes, names: NDArray[np.uint64], part: int) -> Floats:
            drawn = normals(key, names, part, n_steps * WIDTH).reshape(len(names), n_steps, WIDTH)
            return np.asarray(np.sum(drawn * scale, axis=1), np.float64)

        of_life = Remembered(partial(walk, derive(self._key, "life")))
        of_epoch = partial(walk, derive(self._key, "epoch"))
        return Remembered(lambda names, epoch: of_life(names) + of_epoch(names, epoch))


def _step(wanted: float, finest: float) -> int:
    if wanted <= 0.0:
        return -1
    step = max(0, int(np.ceil(np.log2(wanted / finest))))
    if step >= STEPS:
        raise ValueError(f"a coarsening of {wanted:g} is more than {finest * 2.0 ** (STEPS - 1):g}")
    return step


@kernel
def displace(
    states: Floats,
    covariances: Floats,
    back_s: Floats,
    since_s: Floats,
    displacements: Floats,
    variances: Floats,
    out: Floats,
    spread: Floats,
) -> None:
    """Carry rows back in time, displace them, and enlarge their covariances by as much.

    Args:
        states, covariances: (n, 6), (n, 6, 6), Earth-fixed.
        back_s: (n,) how far back.
        since_s: (n,) time since the middle of the epoch, by which the drift has grown.
        displacements: (n, 7) as `Coarsener._displacements`.
        variances: of the position, the height and the velocity [m2, m2, m2/s2], and of the acceleration [m2/s4].
        out, spread: (n, 6), (n, 6, 6) to write into.
    """
    horizontal = np.empty((3, 3))
    for row in range(len(states)):
        t, since = -back_s[row], since_s[row]
        x = states[row, 0] + t * states[row, 3]
        y = states[row, 1] + t * states[row, 4]
        z = states[row, 2] + t * states[row, 5]
        up_x, up_y, up_z, _ = vertical_at(x, y, z)
        up = (up_x, up_y, up_z)
        b, height = displacements[row], displacements[row, 3]
        along = b[0] * up_x + b[1] * up_y + b[2] * up_z
        drift_along = b[4] * up_x + b[5] * up_y + b[6] * up_z
        place = (x, y, z)
        for i in range(3):
            drift = b[4 + i] - drift_along * up[i]
            out[row, i] = place[i] + b[i] - along * up[i] + height * up[i] + since * drift
            out[row, 3 + i] = states[row, 3 + i] + drift
            for j in range(3):
                horizontal[i, j] = (1.0 if i == j else 0.0) - up[i] * up[j]
        p = covariances[row]
        for i in range(3):
            for j in range(3):
                level, acceleration = horizontal[i, j], variances[3] if i == j else 0.0
                cross = p[i, 3 + j] + t * p[3 + i, 3 + j]
                place_part = p[i, j] + t * (p[3 + i, j] + p[i, 3 + j]) + t * t * p[3 + i, 3 + j]
                spread[row, i, j] = (
                    place_part
                    + 0.25 * t * t * t * t * acceleration
                    + (variances[0] + since * since * variances[2]) * level
                    + variances[1] * up[i] * up[j]
                )
                mixed = cross + 0.5 * t * t * t * acceleration + since * variances[2] * level
                spread[row, i, 3 + j] = mixed
                spread[row, 3 + j, i] = mixed
                spread[row, 3 + i, 3 + j] = p[3 + i, 3 + j] + t * t * acceleration + variances[2] * level
