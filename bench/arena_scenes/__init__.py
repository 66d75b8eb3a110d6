"""The frozen scenes of the arena. One file a scene; the file's name is its key. What they share is here.

A scene is what every entry may know of it (`Scene`) and what none may see (`Hidden`): `scene(seed)` gives both. The
same seed gives the same scene for ever: seeds from 1,000 on are for tests, those below for tuning.
"""

from dataclasses import dataclass

import numpy as np

START_S = 1_767_225_600  # 2026-01-01


@dataclass(frozen=True)
class Sensor:
    """A sensor over the plane.

    Attributes:
        sigma_m: noise of its plots along each axis; the looks state that of each plot.
        detection_probability: that it sees a target in one look.
        false_plots: how many false plots a look brings on average.
        false_density_m2: the same per square metre, where it is even; else near where the targets are.
    """

    sigma_m: float
    detection_probability: float
    false_plots: float
    false_density_m2: float


@dataclass(frozen=True)
class Look:
    """What one sensor saw at one moment: (n, 2) plots and the (n, 2, 2) noise of each."""

    time_s: float
    sensor: int
    xy_m: np.ndarray
    covariance_m2: np.ndarray


@dataclass(frozen=True)
class Scene:
    """What a tracker may know.

    Attributes:
        sensors: who looks.
        looks: in the order in which they arrive.
        times_s: when the tracker must say what is there. It may use what has arrived by then (`arrived`).
        arrived: (len(times_s),) how many of the looks have arrived by each time.
        noise_density_m2_s3: power spectral density of the targets' acceleration.
        survival_per_s: chance that a target is still there a second later.
        targets_initial, targets_per_s: expected targets at the first look, and new ones a second.
        birth_mean, birth_sigma: (4,) [x, y, vx, vy] of a new target.
        cutoff_m: of GOSPA and OSPA.
    """

    sensors: tuple[Sensor, ...]
    looks: tuple[Look, ...]
    times_s: np.ndarray
    arrived: np.ndarray
    noise_density_m2_s3: float
    survival_per_s: float
    targets_initial: float
    targets_per_s: float
    birth_mean: np.ndarray
    birth_sigma: np.ndarray
    cutoff_m: float


@dataclass(frozen=True)
class Hidden:
    """The truth: for each of the scene's times the (n, 2) positions of the targets that are there."""

    xy_m: tuple[np.ndarray, ...]


def noise_factor(density: float, dt_s: float) -> np.ndarray:
    """Return the (4, 4) factor of the process noise of [x, y, vx, vy] over `dt_s`."""
    one = np.linalg.cholesky(np.array([[dt_s**3 / 3, dt_s**2 / 2], [dt_s**2 / 2, dt_s]]))
    return np.sqrt(density) * np.kron(one, np.eye(2))


def transition(dt_s: float) -> np.ndarray:
    """Return the (4, 4) transition of [x, y, vx, vy] over `dt_s`."""
    return np.kron(np.array([[1.0, dt_s], [0.0, 1.0]]), np.eye(2))


def plain_look(
    rng: np.random.Generator,
    time_s: float,
    sensor: int,
    eye: Sensor,
    targets_m: np.ndarray,
    low_m: np.ndarray,
    high_m: np.ndarray,
) -> Look:
    """Return a look with even noise at the targets, and false plots evenly over a rectangle, in random order."""
    seen = targets_m[rng.random(len(targets_m)) < eye.detection_probability]
    plots = seen + eye.sigma_m * rng.normal(size=seen.shape)
    false = rng.uniform(low_m, high_m, (rng.poisson(eye.false_plots), 2))
    both = rng.permutation(np.concatenate([plots, false]))
    return Look(time_s, sensor, both, np.tile(eye.sigma_m**2 * np.eye(2), (len(both), 1, 1)))
