"""Two real launches predicted from range, apogee and bearing alone, beside what was published of them."""

import numpy as np
from scripts.validation import Check

from noroshi.exercise.events import Prediction, predict
from noroshi.geo.great_circle import distance_and_bearing
from noroshi.geo.wgs84 import geodetic_from_ecef
from noroshi.run.events import load_event

EVENTS = ("2017-09-15", "2022-10-04")
MINUTE = 1.0  # lift-off and what followed are both published as whole minutes
FAR = 0.05  # "about so many kilometres", to the nearest hundred, and not from where in Japan
# What it was said to pass over, the longitude there [deg], the latitude [deg] and to how much of it that is sure.
OVER = {
    "2017-09-15": ("Cape Erimo", 143.25, 41.925, 0.2),  # "over the cape", from 700 km above: to some 20 km
    "2022-10-04": ("Aomori", 140.9, 40.88, 0.68),  # anywhere between the prefecture's ends, 40.20 and 41.56
}
# Source: the project's research notes, 1.4: another boost, two bodies, the bearing taken as that of the launch.
ELSEWHERE_DEG = {"2017-09-15": (39.73, 169.20), "2022-10-04": (33.00, 177.98)}
APART_KM = 25.0  # the two differ in burn time, drag and J2, which move the impact by a few kilometres each


def checks() -> list[Check]:
    """Return what was published of each launch beside the median prediction, and where it passes and falls."""
    return [check for name in EVENTS for check in _of(name, predict(load_event(name)))]


def _of(name: str, found: Prediction) -> list[Check]:
    lat, lon, _ = geodetic_from_ecef(found.flights[0].state_ecef[:, :3])
    where, lon_deg, lat_deg, within_deg = OVER[name]
    apart_m, _ = distance_and_bearing(*np.radians(ELSEWHERE_DEG[name]), lat[-1], lon[-1])
    return [
        *(
            Check(
                what=f"launch of {name}, {row.what}",
                unit=f"{row.unit} after lift-off" if row.unit == "min" else row.unit,
                expected=row.published,
                computed=row.predicted,
                tolerance=MINUTE if row.unit == "min" else FAR * row.published,
                source=row.source,
            )
            for row in found.compared
            if row.role == "predicted" and row.published > 0.0  # a region that it passed over is more than its coasts
        ),
        Check(
            what=f"launch of {name}, latitude at which it passes {where}",
            unit="deg",
            expected=lat_deg,
            computed=float(np.degrees(np.interp(np.radians(lon_deg), lon, lat))),
            tolerance=within_deg,
            source=f"over {where}, as the event's file says; its longitude is {lon_deg:g} E",
        ),
        Check(
            what=f"launch of {name}, impact: distance from where other code has it",
            unit="km",
            expected=0.0,
            computed=float(apart_m) / 1e3,
            tolerance=APART_KM,
            source="the project's research notes: another boost of fixed burn time, two bodies, no drag",
        ),
    ]
