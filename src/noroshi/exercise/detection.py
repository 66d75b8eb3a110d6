"""When a radar sees an echo in noise: thresholds, chances, and one look's draw of both.

A detector adds up the squared echoes of n pulses (square law, noise of mean 1 each) and asks whether the sum is above a
threshold. Targets fluctuate as Swerling said: 0 not at all; 1 and 3 from look to look, as one of many and as many with
one that dominates; 2 and 4 the same from pulse to pulse. Signal to noise is the mean ratio of powers in one pulse.

Source: Swerling (1960), Probability of detection for fluctuating targets, IRE Trans. Information Theory 6(2), 269-308;
Richards (2014), Fundamentals of Radar Signal Processing, 2nd ed., section 6.3.
"""

from typing import Literal

import numpy as np
from scipy.special import betaln, gammainc, gammainccinv, gammaincinv, ndtri, xlog1py, xlogy

from noroshi.geo.wgs84 import Floats

Swerling = Literal[0, 1, 2, 3, 4]
N_UNIFORMS = 3
"""How many numbers `draw_look` takes for one look."""


def threshold(false_alarm_probability: float, pulses: int = 1) -> float:
    """Return the threshold on the sum of pulses that noise alone crosses with this chance."""
    return float(gammainccinv(pulses, false_alarm_probability))


def detection_probability(
    snr: Floats | float, *, swerling: Swerling, false_alarm_probability: float, pulses: int = 1
) -> Floats:
    """Return the chance to see an echo, exactly; the shape of `snr`, which is a ratio, not dB.

    The summed power of the echoes is gamma distributed (shape 1, n, 2 or 2 n), so that the sum with noise is a gamma
    variable whose shape is n and a negative binomial number more.
    """
    snr = np.asarray(snr, np.float64)
    limit = threshold(false_alarm_probability, pulses)
    if swerling == 0:
        from scipy.stats import ncx2

        return np.asarray(ncx2.sf(2.0 * limit, 2 * pulses, 2.0 * pulses * snr), np.float64)
    shape = shape_of(swerling, pulses)
    ratio = pulses * np.maximum(snr, 0.0)[..., None] / shape
    # With more than this many added the sum is never below the threshold.
    most = pulses + int(limit + 12.0 * np.sqrt(limit) + 60.0)
    j = np.arange(most)
    log_choose = -betaln(shape, j + 1.0) - np.log(shape + j)
    weight = np.exp(log_choose - xlog1py(shape, ratio) + xlogy(j, ratio / (1.0 + ratio)))
    missed: Floats = np.sum(weight * gammainc(pulses + j, limit), axis=-1)
    return 1.0 - missed


def shape_of(swerling: Swerling, pulses: int) -> int:
    """Return the shape of the gamma distribution of the echoes' summed power; 0 if it does not fluctuate."""
    return (0, 1, pulses, 2, 2 * pulses)[swerling]


def draw_look(snr: Floats, uniforms: Floats, *, swerling: Swerling, pulses: int = 1) -> tuple[Floats, Floats]:
    """Return for n looks the echoes' summed power over the noise's of one pulse, and the detector's sum of both.

    Args:
        snr: (n,) mean signal to noise of one pulse.
        uniforms: (n, 3) numbers in (0, 1).
        swerling: how the target fluctuates.
        pulses: how many are summed.
    """
    power = pulses * snr
    if swerling:
        shape = shape_of(swerling, pulses)
        # Of shape 1 and 1/2 the inverse is elementary, and faster.
        sum_ = -np.log1p(-uniforms[:, 0]) if shape == 1 else gammaincinv(shape, uniforms[:, 0])
        power = power * sum_ / shape
    # Sum of 2 n squared normal variables of which one carries all of the signal, halved.
    in_phase = ndtri(uniforms[:, 1]) + np.sqrt(2.0 * power)
    others = ndtri(uniforms[:, 2]) ** 2 / 2.0 if pulses == 1 else gammaincinv(pulses - 0.5, uniforms[:, 2])
    return power, in_phase**2 / 2.0 + others
