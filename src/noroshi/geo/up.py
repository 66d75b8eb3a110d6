"""Which way is up, as a kernel."""

import math

from noroshi.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M, SEMI_MINOR_AXIS_M, Floats
from noroshi.kernel import kernel


@kernel
def up_at(x: Floats, up: Floats) -> None:
    """Write the (3,) geodetic up at the position x[:3]: within 1e-9 rad below 100 km, at most 1e-6 rad to 2,000 km.

    Source: Bowring (1976), Transformation from spatial to geographical coordinates, Survey Review 23(181), 323-327, one
    step.
    """
    across = max(math.hypot(x[0], x[1]), 1e-9)
    cosine, sine = across * SEMI_MINOR_AXIS_M, x[2] * SEMI_MAJOR_AXIS_M
    length = math.hypot(cosine, sine)
    cosine, sine = cosine / length, sine / length
    e2 = ECCENTRICITY_SQUARED
    rise = x[2] + e2 / (1.0 - e2) * SEMI_MINOR_AXIS_M * sine * sine * sine
    run = across - e2 * SEMI_MAJOR_AXIS_M * cosine * cosine * cosine
    length = math.hypot(run, rise)
    up[0], up[1], up[2] = run / length * x[0] / across, run / length * x[1] / across, rise / length
