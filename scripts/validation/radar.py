"""What radars can see: the horizon, and how strong an echo must be."""

from typing import get_args

from scipy.optimize import brentq
from scripts.validation import Check

from noroshi.exercise.detection import Swerling, detection_probability
from noroshi.geo.horizon import radar_horizon_m

PD, PFA = 0.9, 1e-6
PUBLISHED_DB = {0: 13.18, 1: 21.14, 3: 17.30}
SOURCE = "Richards (2014), Fundamentals of Radar Signal Processing, 2nd ed., section 6.3 (one pulse)"


def snr_db(swerling: Swerling) -> float:
    """Return the signal to noise ratio that one pulse must have to be detected with chance 0.9."""

    def short(db: float) -> float:
        seen = detection_probability(10.0 ** (db / 10.0), swerling=swerling, false_alarm_probability=PFA)
        return float(seen) - PD

    return float(brentq(short, 0.0, 40.0))


def checks() -> list[Check]:
    """Return the checks of radars."""
    horizon = Check(
        what="radar horizon of an antenna at 0.3 km, target at 10 km, 4/3 Earth",
        unit="km",
        expected=483.4,
        computed=float(radar_horizon_m(300.0, 10_000.0)) / 1e3,
        tolerance=0.05,
        source="Skolnik (2001), Introduction to Radar Systems, 3rd ed., chapter 8; exact for a sphere",
    )
    echoes = [
        Check(
            what=f"signal to noise for Pd 0.9 at Pfa 1e-6, Swerling {swerling}",
            unit="dB",
            expected=PUBLISHED_DB[swerling],
            computed=snr_db(swerling),
            tolerance=0.005,
            source=SOURCE,
        )
        for swerling in get_args(Swerling)
        if swerling in PUBLISHED_DB
    ]
    return [horizon, *echoes]
