"""noroshi's default mode."""

import numpy as np
from arena_scenes import Scene

from arena_entries import intervals_s, through_noroshi

NOTE = "told the scene's rates of birth, death and false plots; firm from an existence of 0.5 on, shown from 0.4 on"


def track(scene: Scene) -> list[np.ndarray]:
    """Return what it shows at each time."""
    parameters = {
        "births_a_look": scene.targets_per_s * float(np.median(intervals_s(scene))),
        "births_at_start": scene.targets_initial,
        "false_plots_a_look": float(np.mean([eye.false_plots for eye in scene.sensors])),
        "learns_false_plots": 0.0,
        "life_s": -1.0 / float(np.log(scene.survival_per_s)),
        "hits_to_confirm": 1,
        "existence_to_confirm": 0.5,
        "existence_shown": 0.4,
        "share_dropped": 0.05,
        "first_gate_sigmas": 4.6,
        "duplicate_probability": 1e-9,
    }
    return through_noroshi(scene, "soft", parameters, speed_sigma_m_s=float(scene.birth_sigma[2]))
