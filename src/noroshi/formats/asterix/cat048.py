"""Category 048: plots and local tracks of one radar.

A plot becomes a detection. The position that counts is the measured one (I048/040); what the radar only extrapolated is
counted, and so are test targets and field monitors. I048/120 (Doppler) is not used: the standard does not say whether
an opening range is positive.
"""

import numpy as np

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports, identity_of
from noroshi.formats.asterix.table import Table

CATEGORY = 48
TIMES: tuple[str, ...] = ("140",)
PATHS: tuple[str, ...] = (
    *(SAC, SIC, *TIMES, "020/TYP", "020/RAB", "020/TST", "040/RHO", "040/THETA"),
    *("070/V", "070/G", "070/MODE3A", "090/V", "090/G", "090/FL", "110/3DH", "220", "240"),
)


def convert(table: Table, reports: Reports) -> None:
    """Add the plots as detections: slant range, azimuth, and Mode C altitude or the height a 3-D radar measured."""
    monitor = table.is_set("020/RAB") | table.is_set("020/TST")
    extrapolated = ~monitor & (table.raw("020/TYP") == 0)
    plots = ~monitor & ~extrapolated
    reports.count(table, "test target or field monitor", monitor)
    reports.count(table, "track without detection", extrapolated)
    reports.count(table, "target report", plots)
    mode_c_m = np.where(table.is_set("090/V") | table.is_set("090/G"), np.nan, table.quantity("090/FL"))
    values = {
        "range_m": table.quantity("040/RHO"),
        "azimuth_rad": table.quantity("040/THETA"),
        "altitude_m": np.where(np.isnan(mode_c_m), table.quantity("110/3DH"), mode_c_m),
    }
    identity = identity_of(
        len(table),
        icao_address=table.address("220"),
        mode_3a=table.code("070/MODE3A", "070/V", "070/G"),
        call_sign=table.call_sign("240"),
    )
    reports.add_detections(table, "search_radar", values, identity, plots)
