"""Three sensors that see little each, ten targets that come and go.

Source: Robertson, van Daalen, du Preez (2022), Efficient approximations of the multi-sensor labelled multi-Bernoulli
filter, Signal Processing 199, the accuracy trial, with the parameters of its published scripts. Its filters know the
four places of birth; here a tracker is told one wide Gaussian about all of them.
"""

import numpy as np

from arena_scenes import START_S, Hidden, Scene, Sensor, plain_look

PUBLISHED = {"IC-LMB": 2.45, "PU-LMB": 2.49, "GA-LMB": 2.50, "AA-LMB": 3.64}
"""Mean Euclidean OSPA, c = 5, p = 2, 13 trials of the authors' scripts (AA-LMB: 1)."""

N_SCANS = 100
FIRST = (1, 1, 20, 20, 40, 40, 60, 60, 60, 60)
LAST = (70, 70, 80, 80, 90, 90, 100, 100, 100, 100)
STATES = np.array(
    [
        [-80.0, -20.0, 0.75, 1.5],
        [-20.0, 80.0, -1.0, -2.0],
        [0.0, 0.0, -0.5, -1.0],
        [40.0, -60.0, -0.25, -0.5],
        [-80.0, -20.0, 1.0, 1.0],
        [40.0, -60.0, -1.0, 2.0],
        [-80.0, -20.0, 1.0, -0.5],
        [-20.0, 80.0, 1.0, -1.0],
        [0.0, 0.0, 1.0, -1.0],
        [40.0, -60.0, -1.0, 0.5],
    ]
)
EYES = tuple(Sensor(sigma, chance, 5.0, 5.0 / 200.0**2) for sigma, chance in ((4.0, 0.67), (3.0, 0.70), (2.0, 0.73)))


def scene(seed: int) -> tuple[Scene, Hidden]:
    """Return the scene and its truth."""
    rng = np.random.default_rng([3, seed])
    times_s = START_S + np.arange(float(N_SCANS))
    looks, here = [], []
    for k in range(1, N_SCANS + 1):
        there = [
            state[:2] + (k - first) * state[2:]
            for state, first, last in zip(STATES, FIRST, LAST, strict=True)
            if first <= k <= last
        ]
        here.append(np.array(there).reshape(-1, 2))
        for i, eye in enumerate(EYES):
            looks.append(plain_look(rng, times_s[k - 1], i, eye, here[-1], np.full(2, -100.0), np.full(2, 100.0)))
    return (
        Scene(
            sensors=EYES,
            looks=tuple(looks),
            times_s=times_s,
            arrived=3 * np.arange(1, N_SCANS + 1),
            noise_density_m2_s3=1.0,
            survival_per_s=0.95,
            targets_initial=0.12,
            targets_per_s=0.12,
            birth_mean=np.array([-15.0, 0.0, 0.0, 0.0]),
            birth_sigma=np.array([50.0, 50.0, 10.0, 10.0]),
            cutoff_m=5.0,
        ),
        Hidden(tuple(here)),
    )
