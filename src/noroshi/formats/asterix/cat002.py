"""Category 002: service messages of one radar, the predecessor of category 034."""

from noroshi.formats.asterix.layout import SAC, SIC
from noroshi.formats.asterix.reports import Reports
from noroshi.formats.asterix.table import Table

CATEGORY = 2
TIMES: tuple[str, ...] = ("030",)
PATHS: tuple[str, ...] = (SAC, SIC, *TIMES, "000", "020", "041")
SUBJECTS = {1: "north marker", 2: "sector crossing", 3: "south marker"}


def convert(table: Table, reports: Reports) -> None:
    """Add the messages as statuses; the value of a sector crossing is its azimuth [rad]."""
    reports.add_antenna(table, SUBJECTS, azimuth="020", rotation="041")
