"""Category 034: service messages of one radar: where its antenna points, whether it works, where it stands."""

import numpy as np

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports
from noroshi.formats.asterix.table import Table

CATEGORY = 34
TIMES: tuple[str, ...] = ("030",)
PATHS: tuple[str, ...] = (SAC, SIC, *TIMES, "000", "020", "041", "050/COM/NOGO", "120/HGT", "120/LAT", "120/LON")
SUBJECTS = {
    1: "north marker",
    2: "sector crossing",
    3: "geographical filtering",
    4: "jamming strobe",
    5: "solar storm",
}


def convert(table: Table, reports: Reports) -> None:
    """Add the messages as statuses, and the radar's site where it is told.

    The value of a sector crossing is its azimuth [rad]; of "not for operational use", 1 or 0.
    """
    reports.add_antenna(table, SUBJECTS, azimuth="020", rotation="041")
    inhibited = table.quantity("050/COM/NOGO")
    reports.add_statuses(table, np.full(len(table), "not for operational use"), inhibited, ~np.isnan(inhibited))
    position = np.stack([table.quantity(f"120/{name}") for name in ("LAT", "LON", "HGT")], axis=1)
    for row in np.flatnonzero(~np.isnan(position).any(axis=1)).tolist():
        lat_rad, lon_rad, height_m = position[row].tolist()
        reports.site(int(table.source[row]), "search_radar", (lat_rad, lon_rad, height_m))
