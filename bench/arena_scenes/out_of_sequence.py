"""Targets that come and go at any time, looks at random times, and one look in five that arrives late.

Source: the out-of-sequence scenario of Garcia-Fernandez and Yi (2021), Continuous-discrete multiple target tracking
with out-of-sequence measurements, IEEE Trans. Signal Process. 69, in the parameters of its published script: 120 looks
at exponential intervals of mean 1 s; births 0.12 and deaths 0.02 a second; every fifth look waits for Poisson(1)
others.
"""

import numpy as np

from arena_scenes import START_S, Hidden, Look, Scene, Sensor, noise_factor, plain_look, transition

PUBLISHED: dict[str, float] = {}
N_LOOKS, AREA_M = 120, np.array([800.0, 400.0])
BIRTHS_PER_S, DEATHS_PER_S, DENSITY_M2_S3 = 0.12, 0.02, 0.2
BIRTH_MEAN, BIRTH_SIGMA = np.array([200.0, 250.0, 3.0, 0.0]), np.array([50.0, 50.0, 1.0, 1.0])
EYE = Sensor(2.0, 0.9, 10.0, 10.0 / 320_000.0)
EVERY = 5


def scene(seed: int, *, late: bool = True) -> tuple[Scene, Hidden]:
    """Return the scene and its truth; with every look in time if not `late`."""
    rng = np.random.default_rng([5, seed])
    intervals_s = np.maximum(rng.exponential(1.0, N_LOOKS), 1e-3)
    times_s = START_S + np.cumsum(intervals_s)
    states, ends_s = np.zeros((0, 4)), np.zeros(0)
    here, looks = [], []
    for k, dt_s in enumerate(intervals_s):
        moved = states @ transition(dt_s).T + rng.normal(size=states.shape) @ noise_factor(DENSITY_M2_S3, dt_s).T
        born = rng.poisson(BIRTHS_PER_S * dt_s)
        age_s = rng.uniform(0.0, dt_s, born)
        life_s = rng.exponential(1.0 / DEATHS_PER_S, born)
        fresh = BIRTH_MEAN + BIRTH_SIGMA * rng.normal(size=(born, 4))
        fresh = np.array([transition(age) @ x for age, x in zip(age_s, fresh, strict=True)]).reshape(-1, 4)
        states = np.concatenate([moved, fresh])
        ends_s = np.concatenate([ends_s, times_s[k] - age_s + life_s])
        states, ends_s = states[ends_s > times_s[k]], ends_s[ends_s > times_s[k]]
        here.append(states[:, :2].copy())
        looks.append(plain_look(rng, times_s[k], 0, EYE, here[k], np.zeros(2), AREA_M))
    order = arrivals(rng) if late else list(range(N_LOOKS))
    newest = [k for place, k in enumerate(order) if k >= max(order[: place + 1])]
    return (
        Scene(
            sensors=(EYE,),
            looks=tuple(Look(looks[k].time_s, 0, looks[k].xy_m, looks[k].covariance_m2) for k in order),
            times_s=times_s[newest],
            arrived=np.array([order.index(k) + 1 for k in newest]),
            noise_density_m2_s3=DENSITY_M2_S3,
            survival_per_s=float(np.exp(-DEATHS_PER_S)),
            targets_initial=BIRTHS_PER_S,
            targets_per_s=BIRTHS_PER_S,
            birth_mean=BIRTH_MEAN,
            birth_sigma=BIRTH_SIGMA,
            cutoff_m=10.0,
        ),
        Hidden(tuple(here[k] for k in newest)),
    )


def arrivals(rng: np.random.Generator) -> list[int]:
    """Return the looks in the order in which they arrive."""
    order = list(range(N_LOOKS))
    for place in range(EVERY - 1, N_LOOKS - EVERY, EVERY):
        order.insert(place + int(rng.poisson(1.0)), order.pop(place))
    return order
