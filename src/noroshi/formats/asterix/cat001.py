"""Category 001: plots and local tracks of one radar, the predecessor of category 048.

It gives the time modulo 512 s only (I001/141); the rest comes from category 002 or from the time of reception.
"""

import numpy as np

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports, identity_of
from noroshi.formats.asterix.table import Table

CATEGORY = 1
TIMES: tuple[str, ...] = ("141",)
PATHS: tuple[str, ...] = (
    *(SAC, SIC, *TIMES, "020/TYP", "020/SSRPSR", "020/RAB", "020/TST", "040/RHO", "040/THETA"),
    *("070/V", "070/G", "070/MODE3A", "090/V", "090/G", "090/HGT"),
)


def convert(table: Table, reports: Reports) -> None:
    """Add the plots as detections: slant range, azimuth, Mode C altitude."""
    monitor = table.is_set("020/RAB") | table.is_set("020/TST")
    extrapolated = ~monitor & (table.raw("020/SSRPSR") == 0)
    plots = ~monitor & ~extrapolated
    reports.count(table, "test target or field monitor", monitor)
    reports.count(table, "track without detection", extrapolated)
    reports.count(table, "target report", plots)
    doubtful = table.is_set("090/V") | table.is_set("090/G")
    values = {
        "range_m": table.quantity("040/RHO"),
        "azimuth_rad": table.quantity("040/THETA"),
        "altitude_m": np.where(doubtful, np.nan, table.quantity("090/HGT")),
    }
    identity = identity_of(len(table), mode_3a=table.code("070/MODE3A", "070/V", "070/G"))
    reports.add_detections(table, "search_radar", values, identity, plots)
