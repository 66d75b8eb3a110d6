"""The journals of an exercise: one for each node, in segments, and one of the world."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from noroshi.exercise.flight import Flight, truth_of
from noroshi.exercise.injects import key_of
from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch, Status, take
from noroshi.run.journal import JournalWriter, RunningDigest, journal_digest, read_records
from noroshi.run.scenarios import Scenario
from noroshi.run.setup import Setup

WORLD = "world"
TRUTH_S = 1.0


class Books:
    """Writes the journals of nodes; use as a context.

    Each start of a node begins a segment: NODE.mcap, NODE.2.mcap and so on.

    Args:
        folder: where they are; None: nothing is kept but their digests.
        setups: of the nodes, by name.
        is_flushed: whether a record is on the disk before its node sees it, as what people say has to be.
    """

    def __init__(self, folder: Path | None, setups: Mapping[str, Setup], *, is_flushed: bool = False) -> None:
        self._folder = folder
        self._setups = setups
        self._is_flushed = is_flushed
        self.n_written = dict.fromkeys(setups, 0)
        self._writers: dict[str, JournalWriter] = {}
        self._digests: dict[str, RunningDigest] = {}

    def start(self, node: str) -> None:
        """Begin the node's next segment."""
        if node in self._writers:
            self._writers[node].__exit__(None, None, None)
        path = None
        number = 1 if self._folder is None else len(segments(self._folder, node)) + 1
        if number == 1:
            self._digests.setdefault(node, RunningDigest())
        if self._folder is not None:
            path = self._folder / (f"{node}.mcap" if number == 1 else f"{node}.{number}.mcap")
        self._writers[node] = JournalWriter(
            path, self._setups[node], is_flushed=self._is_flushed, digest=self._digests.get(node)
        )

    def digests(self) -> dict[str, str]:
        """Return the digests of the journals that were begun here, by node."""
        return {node: digest.told() for node, digest in self._digests.items()}

    def write(self, node: str, record: Batch, now_ns: int) -> None:
        """Write a record that the node is about to see."""
        self._writers[node].write(record, now_ns)
        self.n_written[node] += 1

    def copy(self, folder: Path, n_written: Mapping[str, int]) -> None:
        """Begin with so many records of each node of another folder, segment by segment."""
        for node, n in n_written.items():
            for k, path in enumerate(segments(folder, node)):
                if self.n_written[node] == n:
                    break
                if k:
                    self.start(node)
                for now_ns, record in islice(read_records(path), n - self.n_written[node]):
                    self.write(node, record, now_ns)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.push(self)
            for node in self._setups:
                self.start(node)
            stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with ExitStack() as stack:  # each is closed, whatever becomes of the others
            for writer in self._writers.values():
                stack.push(writer)


def segments(folder: Path, node: str) -> list[Path]:
    """Return the segments of a journal that are there, in order."""
    found = [folder / f"{node}.mcap"]
    while found[-1].exists():
        found.append(folder / f"{node}.{len(found) + 1}.mcap")
    return found[:-1]


def digests(folder: Path, nodes: Sequence[str]) -> dict[str, str]:
    """Return the digest of each node's journal and of the world's, by name."""
    return {node: journal_digest(*segments(folder, node)) for node in (*nodes, WORLD) if segments(folder, node)}


def write_world(folder: Path, scenario: Scenario, bodies: Sequence[Flight], replicate: int) -> str:
    """Write the journal of the world: what was true every second, and each inject as it begins and ends.

    Returns:
        Its digest.
    """
    start_ns, end_ns = scenario.start_ns, scenario.end_ns
    about = {"scenario": scenario.name, "seed": scenario.seed, "replicate": replicate, "files": scenario.texts()}
    times_ns = np.arange(start_ns, end_ns + 1, round(TRUTH_S * NS_PER_S))
    said = _happenings(scenario)
    entries: list[tuple[int, Batch]] = [(int(time_ns), take(said, said.time_ns == time_ns)) for time_ns in
                                        np.unique(said.time_ns)]  # fmt: skip
    if bodies:
        truth = truth_of(bodies, times_ns)
        order = np.argsort(truth.time_ns, kind="stable")
        edges = np.flatnonzero(np.diff(truth.time_ns[order])) + 1
        entries += [(int(truth.time_ns[rows[0]]), take(truth, rows)) for rows in np.split(order, edges) if len(rows)]
    digest = RunningDigest()
    with JournalWriter(folder / f"{WORLD}.mcap", about, is_flushed=False, digest=digest) as journal:
        for time_ns, record in sorted(entries, key=lambda entry: entry[0]):
            journal.write(record, time_ns)
    return digest.told()


def _happenings(scenario: Scenario) -> Status:
    rows: list[tuple[int, str, str]] = []
    for inject in scenario.injects:
        first_ns, last_ns = inject.span_ns(scenario.start_ns, scenario.end_ns)
        if first_ns >= last_ns:
            continue
        who = f"{key_of(inject)} {' '.join(inject.targets())}".strip()
        rows.append((first_ns, who, "inject begins"))
        if last_ns < scenario.end_ns:
            rows.append((last_ns, who, "inject ends"))
    rows.sort()
    return Status(
        time_ns=np.array([time_ns for time_ns, *_ in rows], np.int64),
        source=np.array([who for _, who, _ in rows], np.str_),
        subject=np.array([what for *_, what in rows], np.str_),
        value=np.full(len(rows), np.nan),
    )
