"""Four targets that meet within a metre at the middle of 81 scans; one of them ends there.

Source: Garcia-Fernandez, Williams, Granstrom, Svensson (2018), Poisson multi-Bernoulli mixture filter: direct
derivation and implementation, IEEE Trans. Aerosp. Electron. Syst. 54(4), the simulations, after Williams (2015),
Marginal multi-Bernoulli filters, the same transactions 51(3). Truth and plots are drawn anew for every seed; the
authors' script draws the truth once.
"""

import numpy as np

from arena_scenes import START_S, Hidden, Scene, Sensor, noise_factor, plain_look, transition

PUBLISHED = {"PMBM": 2.97, "track-oriented PMB": 3.50, "Stone Soup GNN, best of a grid": 4.03}
"""RMS GOSPA, 10 runs of the authors' own scripts in Octave (docs of issue 3: tracking.md 4a)."""

N_SCANS, SIDE_M, NOISE_DENSITY_M2_S3 = 81, 300.0, 0.02
MIDDLE_SIGMA = np.sqrt(0.1)


def scene(seed: int, *, density: float = NOISE_DENSITY_M2_S3) -> tuple[Scene, Hidden]:
    """Return the scene and its truth."""
    rng = np.random.default_rng([4, seed])
    middle = N_SCANS // 2
    ahead, factor = transition(1.0), noise_factor(density, 1.0)
    states = np.zeros((N_SCANS, 4, 4))
    states[middle] = np.array([SIDE_M / 2, SIDE_M / 2, 0.0, 0.0]) + MIDDLE_SIGMA * rng.normal(size=(4, 4))
    for k in range(middle):
        states[middle + k + 1] = states[middle + k] @ ahead.T + rng.normal(size=(4, 4)) @ factor.T
        disturbed = states[middle - k] + rng.normal(size=(4, 4)) @ factor.T
        states[middle - k - 1] = disturbed @ np.linalg.inv(ahead).T
    here = [states[k, 0 if k < middle else 1 :, :2] for k in range(N_SCANS)]
    eye = Sensor(1.0, 0.9, 10.0, 10.0 / SIDE_M**2)
    low, high = np.zeros(2), np.full(2, SIDE_M)
    times_s = START_S + np.arange(float(N_SCANS))
    looks = [plain_look(rng, times_s[k], 0, eye, here[k], low, high) for k in range(N_SCANS)]
    return (
        Scene(
            sensors=(eye,),
            looks=tuple(looks),
            times_s=times_s,
            arrived=np.arange(1, N_SCANS + 1),
            noise_density_m2_s3=density,
            survival_per_s=0.99,
            targets_initial=3.0,
            targets_per_s=0.005,
            birth_mean=np.array([100.0, 100.0, 0.0, 0.0]),
            birth_sigma=np.array([150.0, 150.0, 1.0, 1.0]),
            cutoff_m=10.0,
        ),
        Hidden(tuple(here)),
    )
