"""Signatures of steps checked in other processes, while the steps before them are folded.

Checking one takes longer than everything else that a step needs, and hangs on nothing but the step and its person's
keys. So where many are read at once (`judging.py`) it is begun ahead, and `Ahead.is_signed` only looks at the answer:
that of `people.is_signed`, however many processes there are. Threads would not do: each would have to wait for the
interpreter's lock after each signature.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from types import TracebackType
from typing import Self

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from noroshi.command.people import Person, is_signed
from noroshi.command.rows import Row

CHUNK = 64  # steps that are handed over together
GROUP, GROUPS_AHEAD = 1_024, 2

_ROWS = msgspec.msgpack.Decoder(list[Row])
_ENCODER = msgspec.msgpack.Encoder()
_people: dict[str, Person] = {}


class Ahead:
    """What checks signatures ahead; use as a context, from one thread.

    Args:
        people: by name, the same that the book has.
        processes: that check; with none each signature is checked when it is asked for.
    """

    def __init__(self, people: Mapping[str, Person], processes: int) -> None:
        self._people = people
        self._answers: dict[Row, tuple[Future[bytes], int]] = {}
        self._pool: ProcessPoolExecutor | None = None
        if processes:
            keys = {name: [key.public_bytes_raw() for key in person.keys] for name, person in people.items()}
            self._pool = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_begin, initargs=(keys,))

    def begin(self, rows: Sequence[Row]) -> None:
        """Begin to check steps that will be asked for."""
        if self._pool is None:
            return
        signed = [row for row in rows if row.signature and row.by in self._people]
        for first in range(0, len(signed), CHUNK):
            chunk = signed[first : first + CHUNK]
            told = self._pool.submit(_check, _ENCODER.encode(chunk))
            self._answers |= {row: (told, place) for place, row in enumerate(chunk)}

    def following(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield steps, of which those that come next are being checked meanwhile."""
        source, waiting = iter(rows), deque[list[Row]]()
        while group := list(islice(source, GROUP)):
            self.begin(group)
            waiting.append(group)
            if len(waiting) > GROUPS_AHEAD:
                yield from waiting.popleft()
        for group in waiting:
            yield from group

    def is_signed(self, row: Row, person: Person) -> bool:
        """Return whether a step is signed by this person."""
        known = self._answers.pop(row, None)
        if known is None or person is not self._people.get(row.by):
            return is_signed(row, person)
        told, place = known
        return bool(told.result()[place])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def _begin(keys: Mapping[str, Sequence[bytes]]) -> None:
    """Know the people, in a process that checks."""
    for name, own in keys.items():
        _people[name] = Person(name, "", (), tuple(Ed25519PublicKey.from_public_bytes(key) for key in own))


def _check(rows: bytes) -> bytes:
    """Return for each step whether who says it signed it."""
    return bytes(is_signed(row, _people[row.by]) for row in _ROWS.decode(rows))
