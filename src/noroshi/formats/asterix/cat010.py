"""Category 010: targets on an airport's surface, by radar or multilateration.

A position on the ellipsoid becomes a position report; one that is only polar or Cartesian about the sensor becomes a
plot. The height of I010/091 is above a plane that the message does not name, so only the flight level is used.
"""

import numpy as np

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports, identity_of
from noroshi.formats.asterix.table import Table

CATEGORY = 10
TIMES: tuple[str, ...] = ("140",)
PATHS: tuple[str, ...] = (
    *(SAC, SIC, *TIMES, "000", "020/RAB", "020/TST", "041/LAT", "041/LON", "040/RHO", "040/TH", "042/X", "042/Y"),
    *("202/VX", "202/VY", "200/GSP", "200/TRA", "060/V", "060/G", "060/MODE3A", "220", "245/STI", "245/CHR"),
    *("090/V", "090/G", "090/FL", "550/NOGO"),
)
TARGET_REPORT = 1
SUBJECTS = {2: "start of update cycle", 3: "service status", 4: "service status"}
CALL_SIGN_FROM = (0, 1)  # I010/245: sent by the target, or a call sign found elsewhere; 2 is a registration


def convert(table: Table, reports: Reports) -> None:
    """Add target reports as detections, the others as statuses; "service status" 0 works, 1 or 2 does not."""
    kind = table.raw("000")
    is_target = kind == TARGET_REPORT
    monitor = is_target & (table.is_set("020/RAB") | table.is_set("020/TST"))
    targets = is_target & ~monitor
    reports.count(table, "test target or field monitor", monitor)
    reports.count(table, "target report", targets)
    reports.add_messages(table, SUBJECTS, table.quantity("550/NOGO"), ~is_target)

    altitude_m = np.where(table.is_set("090/V") | table.is_set("090/G"), np.nan, table.quantity("090/FL"))
    named = np.isin(table.raw("245/STI"), CALL_SIGN_FROM)
    identity = identity_of(
        len(table),
        icao_address=table.address("220"),
        mode_3a=table.code("060/MODE3A", "060/V", "060/G"),
        call_sign=np.where(named, table.call_sign("245/CHR"), ""),
    )
    speed_m_s, course_rad = table.quantity("200/GSP"), table.quantity("200/TRA")
    east_m_s, north_m_s = table.quantity("202/VX"), table.quantity("202/VY")
    report = {
        "lat_rad": table.quantity("041/LAT"),
        "lon_rad": table.quantity("041/LON"),
        "altitude_m": altitude_m,
        "velocity_east_m_s": np.where(np.isnan(east_m_s), speed_m_s * np.sin(course_rad), east_m_s),
        "velocity_north_m_s": np.where(np.isnan(north_m_s), speed_m_s * np.cos(course_rad), north_m_s),
    }
    x_m, y_m, range_m = table.quantity("042/X"), table.quantity("042/Y"), table.quantity("040/RHO")
    plot = {
        "range_m": np.where(np.isnan(range_m), np.hypot(x_m, y_m), range_m),
        "azimuth_rad": np.where(np.isnan(range_m), np.arctan2(x_m, y_m), table.quantity("040/TH")),
        "altitude_m": altitude_m,
    }
    placed = ~np.isnan(report["lat_rad"])
    reports.add_detections(table, "position_report", report, identity, targets & placed)
    reports.add_detections(table, "search_radar", plot, identity, targets & ~placed)
