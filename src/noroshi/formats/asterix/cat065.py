"""Category 065: what a tracking system says of itself."""

import numpy as np

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports
from noroshi.formats.asterix.table import Table

CATEGORY = 65
TIMES: tuple[str, ...] = ("030",)
PATHS: tuple[str, ...] = (SAC, SIC, *TIMES, "000", "020", "040/NOGO", "050")
SYSTEM, BATCH, SERVICE = 1, 2, 3
SUBJECTS = {SYSTEM: "system status", BATCH: "end of batch", SERVICE: "service status"}


def convert(table: Table, reports: Reports) -> None:
    """Add the messages as statuses.

    Values: of "system status", 0 operational, 1 degraded, 2 not connected, 3 unknown; of "end of batch", the batch's
    number; of "service status", the report of I065/050.
    """
    kind = table.raw("000")
    cases = [kind == SYSTEM, kind == BATCH, kind == SERVICE]
    values = [table.quantity("040/NOGO"), table.quantity("020"), table.quantity("050")]
    reports.add_messages(table, SUBJECTS, np.select(cases, values, np.nan), np.ones(len(table), np.bool_))
