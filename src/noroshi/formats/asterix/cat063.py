"""Category 063: what a tracking system says of the sensors that feed it."""

import numpy as np

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports, source_names
from noroshi.formats.asterix.table import Table

CATEGORY = 63
TIMES: tuple[str, ...] = ("030",)
PATHS: tuple[str, ...] = (SAC, SIC, *TIMES, "050/SAC", "050/SIC", "060/CON")


def convert(table: Table, reports: Reports) -> None:
    """Add a status "sensor SAC/SIC status" each: 0 operational, 1 degraded, 2 starting, 3 not connected."""
    named = table.raw("050/SAC") >= 0
    sensor = np.where(named, table.raw("050/SAC") * 256 + table.raw("050/SIC"), 0)
    subject = np.strings.add(np.strings.add("sensor ", source_names(sensor)), " status")
    reports.count(table, "sensor status", table.is_timed & named)
    reports.damaged(table, "no sensor", table.is_timed & ~named)
    reports.damaged(table, "no time of day", ~table.is_timed)
    reports.add_statuses(table, subject, table.quantity("060/CON"), named)
