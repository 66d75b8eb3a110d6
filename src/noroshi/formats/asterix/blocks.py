"""Data blocks: where each record stands and by which edition it is read; and blocks of new records.

What cannot be read is counted by reason, and reading goes on where the next block plainly begins.

Old editions of some categories differ beyond recognition, and a block does not say which one it is. A block is read by
the first edition that fits it to its end; first comes the one that fits most of the first blocks of the same source
with sensible times, the newest among equals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix.layout import ABSENT, Layout
from noroshi.formats.asterix.walking import NO_REASON, NO_RECORD, NO_SOURCE, REASONS, octet, read_record, write_record
from noroshi.kernel import kernel

HEADER_BYTES = 3  # category, and the length of the whole block
RECORD_BYTES_MIN = 3  # flags, and the data source that every record has
RECORDS_MAX = 1 << 16  # more than a block can hold
BLOCKS_AHEAD_MAX = 16  # how far to follow lengths to see whether they lead anywhere
SAMPLES = 64  # how many records of a source show its edition
SOURCES = 1 << 16
SOURCE_SLOT, FIRST_TIME_SLOT = 0, 2  # of every row: SAC, SIC, then the times

START, END, EDITION, DATAGRAM, PLACE = range(5)
"""Columns of `Found.records`: first byte, end of its block, edition, datagram, place in the recording."""

Octets: TypeAlias = bytes | NDArray[np.uint8]
Known: TypeAlias = Sequence[bool] | NDArray[np.bool_]
"""Of each of the 256 categories, whether it is read."""


@dataclass(frozen=True)
class Found:
    """The records of a recording.

    Attributes:
        data: the bytes of all datagrams, one after the other.
        records: (n, 5) see `START` and so on.
        n_read, n_lost: how many bytes were records, and how many were lost to damage.
        no_block: how often no block could be read where one should begin.
        unknown: (256,) how many blocks of a category that is not read; they are not opened.
        damage: (256, reasons) how many records of a category could not be read, by the places of `REASONS`.
    """

    data: NDArray[np.uint8]
    records: NDArray[np.int64]
    n_read: int
    n_lost: int
    no_block: int
    unknown: NDArray[np.int64]
    damage: NDArray[np.int64]


def block_end(data: Octets, pos: int, end: int) -> int:
    """Return where the block at `pos` ends by its own word, or 0 if there is none up to `end`."""
    if pos + HEADER_BYTES > end:
        return 0
    length = data[pos + 1] * 256 + data[pos + 2]
    return pos + length if length >= HEADER_BYTES and pos + length <= end else 0


def opens(data: Octets, pos: int, end: int, known: Known) -> bool:
    """Return whether a block of a known category stands at `pos` whose first record names its source.

    The data source is the first item of every category that noroshi reads, so the first bit of the record is set.
    """
    return pos + HEADER_BYTES < end and bool(known[data[pos]]) and data[pos + HEADER_BYTES] >= 0x80


def chain(data: Octets, pos: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (position, end) of the blocks that follow each other from `pos` on."""
    while pos < end and (stop := block_end(data, pos, end)):
        yield pos, stop
        pos = stop


def known_categories(layout: Layout) -> NDArray[np.bool_]:
    """Return (256,) whether each category is read."""
    known: NDArray[np.bool_] = layout.categories[:, 1] > layout.categories[:, 0]
    return known


@dataclass(frozen=True)
class Evidence:
    """What has shown which edition a source speaks.

    Attributes:
        fits, samples: (sources, editions) how well each fitted, and how many records showed it; neither can become
            more than 2 * `SAMPLES`.
    """

    fits: NDArray[np.uint8]
    samples: NDArray[np.uint8]

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """Return that of a source nobody has heard yet."""
        shape = SOURCES + 1, len(layout.editions)
        return cls(np.zeros(shape, np.uint8), np.zeros(shape, np.uint8))


def find_records(datagrams: Sequence[bytes], layout: Layout, evidence: Evidence | None = None) -> Found:
    """Return the records of all blocks in these datagrams, in their order; evidence grows by what they show."""
    data = np.frombuffer(b"".join(datagrams), np.uint8)
    ends = np.cumsum([len(datagram) for datagram in datagrams], dtype=np.int64)
    records = np.empty((len(data) // RECORD_BYTES_MIN + 1, 5), np.int64)
    unknown, damage = np.zeros(256, np.int64), np.zeros((256, len(REASONS)), np.int64)
    known = evidence or Evidence.of(layout)
    n, n_read, n_lost, no_block = _find(
        data, ends, known_categories(layout), layout, known.fits, known.samples, records, unknown, damage
    )
    return Found(data, records[:n].copy(), n_read, n_lost, no_block, unknown, damage)


def read_rows(data: NDArray[np.uint8], records: NDArray[np.int64], layout: Layout, slots: int) -> NDArray[np.int64]:
    """Return (slots, n) raw numbers of (n, 5) records of one category."""
    values = np.empty((slots, len(records)), np.int64)
    _read_rows(data, records, layout, values)
    return values


_block_end, _opens = kernel(block_end), kernel(opens)


@kernel
def _find(
    data: NDArray[np.uint8],
    ends: NDArray[np.int64],
    known: NDArray[np.bool_],
    layout: Layout,
    fits: NDArray[np.uint8],
    samples: NDArray[np.uint8],
    records: NDArray[np.int64],
    unknown: NDArray[np.int64],
    damage: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Fill `records` and the counts; return how many records, bytes read, bytes lost, and blocks that are none."""
    stack, row = np.empty((layout.stack_rows, 2), np.int64), np.empty(layout.head_slots, np.int64)
    pos = 0
    for end in ends:
        while pos < end:
            stop = _block_end(data, pos, end)
            if stop == 0:
                break
            if known[data[pos]]:
                _learn(data, pos, stop, layout, fits, samples, stack, row, records)
            pos = stop
        pos = end
    n, met, n_read, n_lost, no_block = 0, 0, 0, 0, 0
    pos = 0
    for datagram in range(len(ends)):
        end = ends[datagram]
        while pos < end:
            stop = _block_end(data, pos, end)
            category = data[pos]
            if stop == 0 or not (known[category] or _leads_on(data, stop, end, known)):
                no_block += 1
                met += 1
                stop = _next_block(data, pos + 1, end, known)
                n_lost += stop - pos
            elif not known[category]:
                unknown[category] += 1
                met += 1
            else:
                edition, count, good, reason = _read_block(data, pos, stop, layout, fits, stack, row, records[n:])
                for i in range(n, n + count):
                    records[i, END], records[i, EDITION] = stop, edition
                    records[i, DATAGRAM], records[i, PLACE] = datagram, met + i - n
                n += count
                met += count
                n_read += good - pos - HEADER_BYTES
                if reason == NO_REASON and count == 0:
                    reason = NO_RECORD
                if reason != NO_REASON:
                    damage[category, reason] += 1
                    met += 1
                    if not _leads_on(data, stop, end, known):
                        stop = _next_block(data, good, end, known)
                    n_lost += stop - good
            pos = stop
    return n, n_read, n_lost, no_block


@kernel
def _learn(
    data: NDArray[np.uint8],
    pos: int,
    stop: int,
    layout: Layout,
    fits: NDArray[np.uint8],
    samples: NDArray[np.uint8],
    stack: NDArray[np.int64],
    row: NDArray[np.int64],
    records: NDArray[np.int64],
) -> None:
    """Note which editions fit a block, as far as it is needed; `records` is room to work in."""
    newest, last = layout.categories[data[pos], 0], layout.categories[data[pos], 1]
    source = _source(data, pos, stop)
    if last - newest == 1 or samples[source, newest] >= SAMPLES:
        return
    for edition in range(newest, last):
        count, _, reason, timed = _attempt(
            data, pos + HEADER_BYTES, stop, edition, SAMPLES, layout, stack, row, records
        )
        if reason == NO_REASON:
            fits[source, edition] += 2 if timed else 1
        if edition == newest:
            samples[source, newest] += max(count, 1)


@kernel
def _read_block(
    data: NDArray[np.uint8],
    pos: int,
    stop: int,
    layout: Layout,
    fits: NDArray[np.uint8],
    stack: NDArray[np.int64],
    row: NDArray[np.int64],
    records: NDArray[np.int64],
) -> tuple[int, int, int, int]:
    """Note where the records of a block begin.

    Returns:
        The edition, how many records there are, where the last one ends, and why no further.
    """
    newest, last = layout.categories[data[pos], 0], layout.categories[data[pos], 1]
    fit = fits[_source(data, pos, stop), newest:last].astype(np.int64)
    chosen, tried, furthest = newest, newest, -1
    count, good, reason = 0, 0, NO_REASON
    for _ in range(newest, last):
        tried = newest + fit.argmax()
        fit[tried - newest] = -1
        count, good, reason, _ = _attempt(
            data, pos + HEADER_BYTES, stop, tried, RECORDS_MAX, layout, stack, row, records
        )
        if good > furthest:
            chosen, furthest = tried, good
        if reason == NO_REASON:
            break
    if chosen != tried:
        count, good, reason, _ = _attempt(
            data, pos + HEADER_BYTES, stop, chosen, RECORDS_MAX, layout, stack, row, records
        )
    return chosen, count, good, reason


@kernel
def _attempt(
    data: NDArray[np.uint8],
    pos: int,
    stop: int,
    edition: int,
    n_max: int,
    layout: Layout,
    stack: NDArray[np.int64],
    row: NDArray[np.int64],
    records: NDArray[np.int64],
) -> tuple[int, int, int, bool]:
    """Note where records of an edition begin between `pos` and `stop`.

    Returns:
        How many there are, where the last one ends, why no further, and whether each has times that a day has.
    """
    count, timed = 0, True
    while pos < stop and count < n_max:
        after = read_record(data, pos, stop, edition, layout, stack, row)
        if after < 0:
            return count, pos, -after, timed
        if row[SOURCE_SLOT] == ABSENT:
            return count, pos, NO_SOURCE, timed
        timed &= _is_timed(row, layout.time_limits[edition])
        records[count, START] = pos
        count += 1
        pos = after
    return count, pos, NO_REASON, timed


@kernel
def _is_timed(row: NDArray[np.int64], limits: NDArray[np.int64]) -> bool:
    """Return whether a record has a time, and none beyond the end of the day."""
    given = False
    for i in range(len(limits)):
        if limits[i] > 0 and row[FIRST_TIME_SLOT + i] != ABSENT:
            if row[FIRST_TIME_SLOT + i] >= limits[i]:
                return False
            given = True
    return given


@kernel
def _source(data: NDArray[np.uint8], pos: int, stop: int) -> int:
    """Return the data source of a block's first record; where it has none, the number after the last one."""
    at = pos + HEADER_BYTES + 1
    while at <= stop and data[at - 1] & 1:
        at += 1
    if at + 2 > stop or data[pos + HEADER_BYTES] < 0x80:
        return SOURCES
    return octet(data, at) << 8 | octet(data, at + 1)


@kernel
def _leads_on(data: NDArray[np.uint8], pos: int, end: int, known: NDArray[np.bool_]) -> bool:
    """Return whether the blocks from `pos` on lead to two of known categories, or end where the data ends."""
    n_known = 0
    for _ in range(BLOCKS_AHEAD_MAX):
        stop = _block_end(data, pos, end) if pos < end else 0
        if stop == 0:
            break
        if known[data[pos]]:
            n_known += 1
            is_open = _opens(data, pos, end, known)
            if n_known == 2 or not is_open:
                return is_open
        pos = stop
    return pos == end


@kernel
def _next_block(data: NDArray[np.uint8], pos: int, end: int, known: NDArray[np.bool_]) -> int:
    """Return where the next known block begins that another follows, or the end."""
    while pos < end:
        if _opens(data, pos, end, known):
            stop = _block_end(data, pos, end)
            if stop > 0 and (stop == end or _opens(data, stop, end, known)):
                return pos
        pos += 1
    return pos


@kernel
def _read_rows(data: NDArray[np.uint8], records: NDArray[np.int64], layout: Layout, values: NDArray[np.int64]) -> None:
    """Fill the columns of (slots, n) values from records of one category."""
    stack, row = np.empty((layout.stack_rows, 2), np.int64), np.empty(len(values), np.int64)
    for i in range(len(records)):
        read_record(data, records[i, START], records[i, END], records[i, EDITION], layout, stack, row)
        for slot in range(len(values)):
            values[slot, i] = row[slot]


def write_blocks(values: NDArray[np.int64], category: int, layout: Layout, block_bytes_max: int) -> bytes:
    """Return records of the newest edition of a category as blocks that are no longer than so many bytes.

    Args:
        values: (slots, n) raw numbers, `ABSENT` where a record does not say.
        category: its number.
        layout: tables that hold the fields of this category alone, which has one sort of record.
        block_bytes_max: more than the longest record needs.
    """
    record_bytes_max = int(layout.nodes[:, 1].sum())
    out = np.zeros(values.shape[1] * (record_bytes_max + HEADER_BYTES), np.uint8)
    return out[: _write_blocks(values, category, layout, block_bytes_max, out)].tobytes()


@kernel
def _write_blocks(
    values: NDArray[np.int64], category: int, layout: Layout, block_bytes_max: int, out: NDArray[np.uint8]
) -> int:
    """Fill `out`, which is zeros, and return how many bytes there are."""
    root = layout.sorts[layout.editions[0, 1], 1]
    stack, row = np.empty((layout.stack_rows, 2), np.int64), np.empty(len(values), np.int64)
    there = np.empty(len(layout.nodes), np.bool_)
    block, pos = 0, HEADER_BYTES
    for i in range(values.shape[1]):
        for slot in range(len(values)):
            row[slot] = values[slot, i]
        stop = write_record(row, root, layout, stack, there, out, pos)
        if stop - block > block_bytes_max:
            for at in range(stop - 1, pos - 1, -1):
                out[at + HEADER_BYTES] = out[at]
            out[pos : pos + HEADER_BYTES] = 0
            block, stop = pos, stop + HEADER_BYTES
        length = stop - block
        out[block], out[block + 1], out[block + 2] = category, length >> 8, length & 255
        pos = stop
    return pos
