"""noroshi's accurate mode, told what the scene tells."""

import numpy as np
from arena_scenes import Scene

from arena_entries import through_noroshi

NOTE = "birth, clutter, survival as the scene states them; gate, caps and threshold as in the paper of scene 4a"


def track(scene: Scene) -> list[np.ndarray]:
    """Return what it shows at each time."""
    parameters = {
        "false_density_m2": scene.sensors[0].false_density_m2,
        "target_density_m2": 0.0,
        "targets_initial": scene.targets_initial,
        "targets_per_s": scene.targets_per_s,
        "birth_east_m": scene.birth_mean[0],
        "birth_north_m": scene.birth_mean[1],
        "birth_sigma_m": scene.birth_sigma[0],
        "birth_speed_sigma_m_s": scene.birth_sigma[2],
        "birth_up_sigma_m": 1.0,
        "birth_climb_sigma_m_s": 0.1,
        "survival_per_s": scene.survival_per_s,
    }
    return through_noroshi(
        scene,
        "mixture",
        parameters,
        speed_sigma_m_s=float(scene.birth_sigma[2]),
    )
