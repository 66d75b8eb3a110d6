"""Category 021: position reports that aircraft send themselves (ADS-B), as a ground station passes them on.

Editions 0.x and 2.x share a number and little else; both are read.
"""

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix.layout import ABSENT, SAC, SIC
from noroshi.formats.asterix.reports import Reports, identity_of
from noroshi.formats.asterix.table import Table

CATEGORY = 21
TIMES: tuple[str, ...] = (
    "071",
    "073",
    "030",
    "077",
)  # when the position holds, came in, (edition 0.x: either), went out
PATHS: tuple[str, ...] = (
    *(SAC, SIC, *TIMES, "040/ATP", "040/RAB", "040/TST", "040/GBS"),
    *("130/LAT", "130/LON", "131/LAT", "131/LON", "140", "145"),
    *("160/RE", "160/GS", "160/TA", "157", "157/RE", "157/GVR", "155", "155/RE", "155/BVR"),
    *("070/V", "070/G", "070/MODE3A", "080", "170"),
)
ANONYMOUS = 3  # I021/040, address type


def convert(table: Table, reports: Reports) -> None:
    """Add the reports as detections; the altitude is geometric where that is given, else the flight level."""
    monitor = table.is_set("040/RAB") | table.is_set("040/TST")
    reports.count(table, "test target or field monitor", monitor)
    reports.count(table, "target report", ~monitor)
    speed_m_s = np.where(table.is_set("160/RE"), np.nan, table.quantity("160/GS"))
    course_rad = table.quantity("160/TA")
    values = {
        "lat_rad": _first(table.quantity("131/LAT"), table.quantity("130/LAT")),
        "lon_rad": _first(table.quantity("131/LON"), table.quantity("130/LON")),
        "altitude_m": _first(table.quantity("140"), table.quantity("145")),
        "velocity_east_m_s": speed_m_s * np.sin(course_rad),
        "velocity_north_m_s": speed_m_s * np.cos(course_rad),
        "velocity_up_m_s": _first(_rate_m_s(table, "157", "GVR"), _rate_m_s(table, "155", "BVR")),
    }
    anonymous = table.raw("040/ATP") == ANONYMOUS
    identity = identity_of(
        len(table),
        icao_address=np.where(anonymous, ABSENT, table.address("080")),
        mode_3a=table.code("070/MODE3A", "070/V", "070/G"),
        call_sign=table.call_sign("170"),
    )
    grounded = table.is_set("040/GBS")
    reports.add_detections(table, "position_report", values, identity, ~monitor, grounded)


def _rate_m_s(table: Table, item: str, name: str) -> NDArray[np.float64]:
    """Return a vertical rate, of whichever edition; NaN where it is beyond what the item can hold."""
    exceeded = table.is_set(f"{item}/RE")
    return np.where(exceeded, np.nan, _first(table.quantity(f"{item}/{name}"), table.quantity(item)))


def _first(best: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isnan(best), other, best)
