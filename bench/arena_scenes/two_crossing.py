"""Two manoeuvring aircraft that cross before a radar, and fifty scans after they are gone.

Source: Bar-Shalom, Li, Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section 11.7.4 (the
trajectory), with its mirror image beside it, in the parameters of demo2DIntegratedDataAssociation of the Naval Research
Laboratory's Tracker Component Library (public domain). Polar plots are handed out as positions with their noise.
"""

import numpy as np

from arena_scenes import START_S, Hidden, Look, Scene, Sensor, transition

PUBLISHED: dict[str, float] = {}
PERIOD_S, N_AFTER = 5.0, 50
RANGE_SIGMA_M, AZIMUTH_SIGMA_RAD = 10.0, np.radians(0.1)
RANGE_M, FALSE_DENSITY_M_RAD = (1e3, 40e3), 2e-5
LEGS = ((125.0, 0.0), (90.0, 1.0), (125.0, 0.0), (30.0, -3.0), (125.0, 0.0))  # s, degrees a second


def path() -> np.ndarray:
    """Return the (100, 4) states of the aircraft of the book."""
    state = np.array([25e3, 10e3, -120.0, 0.0])
    states = [state]
    for duration_s, rate_deg_s in LEGS:
        for _ in range(round(duration_s / PERIOD_S)):
            state = states[-1]
            turn = np.radians(rate_deg_s) * PERIOD_S
            if turn == 0.0:
                states.append(transition(PERIOD_S) @ state)
                continue
            radius = PERIOD_S / turn
            sine, rest = np.sin(turn), 1.0 - np.cos(turn)
            moved = np.array([[sine, -rest], [rest, sine]]) @ state[2:] * radius
            turned = np.array([[1.0 - rest, -sine], [sine, 1.0 - rest]]) @ state[2:]
            states.append(np.concatenate([state[:2] + moved, turned]))
    return np.array(states)


def scene(seed: int) -> tuple[Scene, Hidden]:
    """Return the scene and its truth."""
    rng = np.random.default_rng([2, seed])
    one = path()
    other = one * np.array([-1.0, 1.0, -1.0, 1.0]) + np.array([6.5e3, 0.0, 0.0, 0.0])
    here = [np.stack([one[k, :2], other[k, :2]]) for k in range(len(one))] + [np.zeros((0, 2))] * N_AFTER
    times_s = START_S + PERIOD_S * np.arange(len(here))
    n_false = FALSE_DENSITY_M_RAD * (RANGE_M[1] - RANGE_M[0]) * 2.0 * np.pi
    typical_m = np.median(np.linalg.norm(one[:, :2], axis=1))
    eye = Sensor(30.0, 0.8, n_false, FALSE_DENSITY_M_RAD / typical_m)
    looks = []
    for time_s, targets in zip(times_s, here, strict=True):
        seen = targets[rng.random(len(targets)) < eye.detection_probability]
        polar = np.stack([np.hypot(*seen.T), np.arctan2(seen[:, 1], seen[:, 0])], axis=1)
        polar += rng.normal(size=polar.shape) * [RANGE_SIGMA_M, AZIMUTH_SIGMA_RAD]
        false = rng.uniform([RANGE_M[0], -np.pi], [RANGE_M[1], np.pi], (rng.poisson(n_false), 2))
        looks.append(positions(time_s, rng.permutation(np.concatenate([polar, false]))))
    return (
        Scene(
            sensors=(eye,),
            looks=tuple(looks),
            times_s=times_s,
            arrived=np.arange(1, len(looks) + 1),
            noise_density_m2_s3=40.0,
            survival_per_s=0.98 ** (1.0 / PERIOD_S),
            targets_initial=2.0,
            targets_per_s=0.002,
            birth_mean=np.zeros(4),
            birth_sigma=np.array([25e3, 25e3, 150.0, 150.0]),
            cutoff_m=200.0,
        ),
        Hidden(tuple(here)),
    )


def positions(time_s: float, polar: np.ndarray) -> Look:
    """Return (n, 2) ranges and azimuths from x as positions; at these angles the conversion is as good as unbiased."""
    distance, azimuth = polar.T
    outward = np.stack([np.cos(azimuth), np.sin(azimuth)], axis=1)
    axes = np.stack([outward, np.stack([-outward[:, 1], outward[:, 0]], axis=1)], axis=1)
    sigmas = np.stack([np.full(len(polar), RANGE_SIGMA_M), distance * AZIMUTH_SIGMA_RAD], axis=1)
    return Look(time_s, 0, outward * distance[:, None], (axes.swapaxes(1, 2) * sigmas[:, None] ** 2) @ axes)
