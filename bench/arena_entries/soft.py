"""noroshi's default mode, told what the scene tells."""

import numpy as np
from arena_scenes import Scene

from arena_entries import intervals_s, through_noroshi

NOTE = "births, false plots and life as the scene states them; everything else as shipped"


def track(scene: Scene) -> list[np.ndarray]:
    """Return what it shows at each time."""
    parameters = {
        "births_a_look": scene.targets_per_s * float(np.median(intervals_s(scene))),
        "births_at_start": scene.targets_initial,
        "false_plots_a_look": scene.sensors[0].false_plots,
        "life_s": -1.0 / float(np.log(scene.survival_per_s)),
    }
    return through_noroshi(scene, "soft", parameters, speed_sigma_m_s=float(scene.birth_sigma[2]))
