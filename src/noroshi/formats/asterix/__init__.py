"""ASTERIX, the surveillance data exchange of EUROCONTROL: radar plots, ADS-B, system tracks.

Read are categories 001, 002, 010, 021, 034, 048, 062, 063 and 065, raw or in a network capture or final frames; plots
are written as category 048 and tracks as 062. One file a category says which fields it wants and what they mean;
`layout.py` flattens the specifications of libasterix to tables, `walking.py` reads and writes a record along them,
`blocks.py` goes from record to record, `clock.py` finds the day.

Radar azimuths are clockwise from true north, Mode C altitudes are pressure altitudes. Sensors are named "SAC/SIC".
"""

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np

from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.asterix import cat001, cat002, cat010, cat021, cat034, cat048, cat062, cat063, cat065, framing
from noroshi.formats.asterix.blocks import EDITION, Evidence, Found, chain, find_records, opens
from noroshi.formats.asterix.clock import nearest_ns, reference_ns
from noroshi.formats.asterix.encoding import encode, encode_plots
from noroshi.formats.asterix.layout import ABSENT, Wanted, layout_of
from noroshi.formats.asterix.reports import Category, Reports
from noroshi.formats.asterix.table import Table
from noroshi.formats.asterix.walking import REASONS
from noroshi.formats.reading import Grounded
from noroshi.geo.time import NS_PER_DAY

__all__ = ["MEDIA", "Stream", "decode", "encode", "encode_plots", "sniff"]

MEDIA = (".ast", ".asterix", ".ff", ".pcap", ".pcapng", ".cap", ".raw", ".bin")

# Radars come first: where a source gives plots and position reports, the radar keeps the plain name.
CATEGORIES: tuple[Category, ...] = (cat048, cat001, cat034, cat002, cat010, cat021, cat062, cat063, cat065)
READ = {category.CATEGORY: category for category in CATEGORIES}
KNOWN = [number in READ for number in range(256)]
WANTED = tuple(Wanted(category.CATEGORY, category.TIMES, category.PATHS) for category in CATEGORIES)

NOISE_RATIO = 20  # in a file without a container: with so much more lost than read, what was read is chance
NO_BLOCK = "data block cut short or its length damaged"
NO_DAY = "the recording gives the time of day only; the day is taken as 1970-01-01 (--day says it)"
NO_HOUR = "category 001 alone gives the time modulo 512 s; the hour is not known"


def sniff(head: bytes, name: str) -> float:
    """Return 0.95 where blocks of known categories follow each other to the end, or three of them; else by the name."""
    unused: Counter[str] = Counter()
    for _, datagram in framing.datagrams(head, unused, unused):
        blocks = list(chain(datagram, 0, len(datagram)))
        known = [pos for pos, _ in blocks if datagram[pos] in READ]
        sound = all(opens(datagram, pos, len(datagram), KNOWN) for pos in known)
        if sound and known and (len(known) >= 3 or blocks[-1][1] == len(datagram)):
            return 0.95
    return 0.3 if name.lower().endswith((".ast", ".asterix", ".ff")) else 0.0


def decode(data: bytes, context: Context) -> Decoded:
    """Return the detections, tracks, service messages and sensors that a recording or datagram holds.

    The day comes from the capture, or the context, or is 1970-01-01, as a note then says.

    Raises:
        FormatError: if no record of a category that is read can be found.
    """
    reports = Reports(context)
    decoded = reports.decoded
    messages = list(framing.datagrams(data, decoded.counts, decoded.damage))
    found, tables = _open(messages, reports)
    is_noise = framing.container(data) == "raw" and found.n_lost > NOISE_RATIO * found.n_read
    if is_noise or not tables:
        raise FormatError(_nothing(decoded))
    unopened = decoded.counts.total()
    _convert(tables, reports)
    if decoded.counts.total() == unopened:
        raise FormatError(_nothing(decoded))
    return reports.finish()


class Stream:
    """Datagrams as they come.

    Which edition each source speaks and how high aircraft are is remembered from one call to the next.

    Args:
        context: of all of them.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._evidence: Evidence | None = None
        self._grounded = Grounded()

    def decode(self, pieces: Sequence[framing.Datagram]) -> Decoded:
        """Return what these datagrams (received_ns, bytes) hold, which may be nothing."""
        reports = Reports(self._context, self._grounded)
        messages = [(received_ns, each) for received_ns, piece in pieces for each in framing.messages(piece)]
        if messages:
            # Not before: the tables of all categories take their time.
            self._evidence = self._evidence or Evidence.of(layout_of(WANTED)[0])
            _, tables = _open(messages, reports, self._evidence)
            if tables:
                _convert(tables, reports)
        decoded = reports.finish()
        decoded.n_records = decoded.counts.total() + decoded.damage.total()
        return decoded


def _open(
    messages: Sequence[framing.Datagram], reports: Reports, evidence: Evidence | None = None
) -> tuple[Found, list[Table]]:
    """Return the records of datagrams, as tables by category, not yet timed; count what is not read."""
    layout, specifications = layout_of(WANTED)
    found = find_records([datagram for _, datagram in messages], layout, evidence)
    _count(found, reports.decoded)
    received = [reports.context.received_ns if time_ns is None else time_ns for time_ns, _ in messages]
    received_ns = np.array([ABSENT if time_ns is None else time_ns for time_ns in received], np.int64)
    present = np.unique(layout.editions[found.records[:, EDITION], 0])
    return found, [Table.of(specifications[number], layout, found, received_ns) for number in READ if number in present]


def _convert(tables: list[Table], reports: Reports) -> None:
    """Add what the tables say."""
    decoded = reports.decoded
    for table in _timed(tables, reports.context, decoded):
        READ[table.category].convert(table, reports)
    decoded.n_records = decoded.counts.total() + decoded.damage.total()


def _count(found: Found, decoded: Decoded) -> None:
    """Count the blocks that are not read and the records that cannot be."""
    for category in np.flatnonzero(found.unknown).tolist():
        decoded.counts[f"category {category:03d} not read"] += int(found.unknown[category])
    if found.no_block:
        decoded.damage[NO_BLOCK] += found.no_block
    for category, reason in np.argwhere(found.damage).tolist():
        decoded.damage[f"category {category:03d}: {REASONS[reason]}"] += int(found.damage[category, reason])


def _nothing(decoded: Decoded) -> str:
    """Return one line that says what was found instead of a record."""
    categories = ", ".join(f"{number:03d}" for number in sorted(READ))
    found = "; ".join(f"{n} x {what}" for what, n in [*decoded.damage.most_common(3), *decoded.counts.most_common(3)])
    return f"no ASTERIX record of categories {categories} can be read; found: {found or 'nothing'}"


def _timed(tables: list[Table], context: Context, decoded: Decoded) -> list[Table]:
    """Return the tables with full times."""
    times = [table.time_of_day_ns() for table in tables]
    of_day_ns = np.concatenate([of_day for of_day, _ in times])
    periods_ns = np.concatenate([np.full(len(of_day), period) for of_day, period in times])
    received_ns = np.concatenate([table.received_ns for table in tables])
    known_ns = np.where(periods_ns == NS_PER_DAY, of_day_ns, ABSENT)
    period_ns = NS_PER_DAY
    unaided = bool((received_ns == ABSENT).any())
    if unaided and context.day_ns is None:
        decoded.notes.append(NO_DAY)
    if unaided and (known_ns == ABSENT).all() and (periods_ns < NS_PER_DAY).any():
        decoded.notes.append(NO_HOUR)
        known_ns, period_ns = of_day_ns, int(periods_ns.min())
    order = np.argsort(np.concatenate([table.place for table in tables]), kind="stable")
    near_ns = np.empty_like(of_day_ns)
    near_ns[order] = reference_ns(known_ns[order], received_ns[order], context.day_ns or 0, period_ns)
    ends = np.cumsum([len(table) for table in tables])[:-1]
    timed = []
    for table, (of_day, period), near in zip(tables, times, np.split(near_ns, ends), strict=True):
        is_timed = of_day != ABSENT
        time_ns = np.where(is_timed, nearest_ns(of_day, near, period), near)
        timed.append(dataclasses.replace(table, time_ns=time_ns, is_timed=is_timed))
    return timed
