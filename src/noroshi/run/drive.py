"""The replay driver: gives a node its records and its time, from a recording or a journal alike."""

from collections.abc import Callable, Iterable, Iterator

from noroshi.node.core import Node
from noroshi.node.outgoing import OWN
from noroshi.records import Batch, Tracks
from noroshi.run.journal import JournalWriter


def drive(
    node: Node,
    records: Iterable[tuple[int, Batch]],
    *,
    journal: JournalWriter | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Tracks]:
    """Hand every record to the node at its time and return the own tracks that it gave out, in order.

    Args:
        node: whom to drive.
        records: (now_ns, record) in order of time.
        journal: where each record is written before the node sees it.
        progress: told how many rows have been handled since the last call.
    """
    return list(driven(node, records, journal=journal, progress=progress))


def driven(
    node: Node,
    records: Iterable[tuple[int, Batch]],
    *,
    journal: JournalWriter | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Tracks]:
    """Yield what `drive` returns as it comes."""
    now_ns = 0
    for now_ns, record in records:
        # A picture of this very moment waits for all that this moment brings.
        wake_before(node, now_ns)
        if journal is not None:
            journal.write(record, now_ns)
        node.receive(record, now_ns)
        yield from given_out(node)
        progress(len(record))
    wake_before(node, now_ns + 1)
    yield from given_out(node)


def wake_before(node: Node, now_ns: int) -> None:
    """Let a node do what is due before a moment."""
    while (due_ns := node.wake_ns()) is not None and due_ns < now_ns:
        node.wake(due_ns)


def given_out(node: Node) -> list[Tracks]:
    """Return a node's own tracks that it gave out since it was last asked."""
    return [out.record for out in node.take() if isinstance(out.record, Tracks) and out.channel in OWN]
