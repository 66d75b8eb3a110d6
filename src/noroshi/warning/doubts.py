"""By how much a filter that knows no boost lags behind one: what its covariance does not say.

In the trilateral scenario tracks of steady motion lag behind boosts by 0.7 to 11 km and 220 to 1,400 m/s, and claim a
twentieth of it.
"""

import numpy as np

from noroshi.geo.wgs84 import Floats

PUSH_M_S2 = 50.0  # of a boost when it is fastest seen; `boosting` has 15 to 100
BEHIND_S = 25.0  # what is pushed so strongly is missed for so long at the most: 16 km and 1.25 km/s


def caught_up(state_ecef: Floats, covariance_ecef: Floats) -> tuple[Floats, Floats]:
    """Return the (6,) state and (6, 6) covariance of a boost that lags on its way by anything up to the most."""
    way = state_ecef[3:] / max(float(np.linalg.norm(state_ecef[3:])), 1e-9)
    most = np.concatenate([0.5 * PUSH_M_S2 * BEHIND_S**2 * way, PUSH_M_S2 * BEHIND_S * way])
    return state_ecef + 0.5 * most, covariance_ecef + np.outer(most, most) / 12.0
