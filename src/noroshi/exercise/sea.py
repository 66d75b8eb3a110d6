"""What the sea sends back to a radar."""

import numpy as np

from noroshi.geo.horizon import EARTH_FACTOR
from noroshi.geo.wgs84 import MEAN_RADIUS_M, Floats


def grazing_rad(antenna_height_m: Floats, range_m: Floats) -> Floats:
    """Return the (n,) angles at which the rays of an antenna meet a smooth 4/3 Earth; not above 0 past the horizon."""
    radius_m = EARTH_FACTOR * MEAN_RADIUS_M
    return np.arcsin(np.clip(antenna_height_m / range_m - range_m / (2.0 * radius_m), -1.0, 1.0))


def reflectivity(grazing_rad: Floats, *, sea_state: int, frequency_ghz: float) -> Floats:
    """Return the cross-section of a square metre of sea, horizontal polarisation; 0 where no ray meets it.

    Fitted to measurements of sea states 0 to 6, 0.5 to 35 GHz, 0.1 to 60 degrees, within 2.5 dB; carried on beyond.

    Source: Gregers-Hansen and Mital (2012), An improved empirical model for radar sea clutter reflectivity, IEEE Trans.
    Aerospace and Electronic Systems 48(4), 3512-3524 (also NRL/MR/5310-12-9346, approved for public release).
    """
    deg = np.degrees(np.maximum(grazing_rad, 1e-6))
    db = -73.0 + 20.781 * np.log10(np.sin(np.radians(deg)))
    db += (27.5 + 7.351 * deg) * np.log10(frequency_ghz) / (1.0 + 0.95 * deg)
    db += 25.65 * (1.0 + sea_state) ** (1.0 / (2.0 + 0.085 * deg + 0.033 * sea_state)) + 0.0054 * deg**2
    return np.where(grazing_rad > 0.0, 10.0 ** (db / 10.0), 0.0)
