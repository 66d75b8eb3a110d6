"""A journal as something to show: its node is run again, once, as fast as it goes, and what it shows is kept."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.records import Batch
from noroshi.run.journal import read_records
from noroshi.run.releasing.replaying import NOBODYS_SECRET, replayed
from noroshi.run.scenarios.names import nation_names
from noroshi.run.setup import assemble
from noroshi.run.sharing import Own, own_of_exercise
from noroshi.run.web.film import Film
from noroshi.run.web.onlooker import Onlooker
from noroshi.run.web.retelling import retold
from noroshi.run.web.showing import REPLAY, Showing
from noroshi.tracking import Tracker

STEP_NS = NS_PER_S
PAUSE_NS = 600 * NS_PER_S  # a gap of a journal that is longer is not shown second by second


class ReplayShowing(Showing):
    """What a journal shows; `run` makes the film, in whatever thread it is called."""

    def __init__(self, path: Path, *, exercise: str | None = None, secret: Path | None = None) -> None:
        journal = replayed(path, exercise=exercise, secret=secret)
        nation, shared = journal.nation, journal.setup.sharing
        viewers = [nation, *sorted(shared.partners if shared else ())]
        names = nation_names()
        super().__init__(
            film=Film(), mode=REPLAY, exercise=journal.exercise, node=nation,
            views={code: names.get(code, code) for code in viewers}, own=frozenset({nation}),
        )  # fmt: skip
        self.film.reel(nation)
        self._journal = journal
        self._secret = NOBODYS_SECRET if secret is None else secret.read_bytes()
        self._stopped = threading.Event()

    def run(self) -> None:
        """Run the journal's node and keep what it shows; the journal's own time is the clock."""
        self.saying = "starting"
        for paths in self._journal.starts:
            node, onlooker = self._begin()
            records = (entry for path in paths for entry in read_records(path))
            for at_ns in shown(node, records, onlooker, self.step_ns):
                self.start_ns = at_ns if self.start_ns is None else self.start_ns
                self.saying = f"reading the journal: {(at_ns - self.start_ns) / NS_PER_S:,.0f} s"
                if self._stopped.is_set():
                    return
        span_ns = self.film.span_ns
        self.end_ns, self.saying = span_ns[1] if span_ns else None, ""
        self.film.grown()

    def stop(self) -> None:
        """End `run` soon."""
        self._stopped.set()

    def whole_story_of(self, view: str, number: str, at_ns: int) -> dict[str, Any] | None:
        """Return a track's story with its detections: the journal's node is run again and watched."""
        if view not in self.own or len(self._journal.starts) > 1:
            return None
        (paths,) = self._journal.starts
        told = retold(self._make, self._journal.setup, paths, int(number, 16), at_ns)
        return None if told is None else self.story_of(view, number, at_ns) | told

    def _make(self) -> tuple[Node, Tracker]:
        journal = self._journal
        setup = msgspec.structs.replace(journal.setup)
        is_of_keys = setup.sharing is not None and setup.sharing.seed is None
        keys = Own(own_of_exercise("replay", 0, journal.nation).key, self._secret) if is_of_keys else None
        return assemble(setup, keys=keys)

    def _begin(self) -> tuple[Node, Onlooker]:
        journal, setup = self._journal, self._journal.setup
        node, _ = self._make()
        onlooker = Onlooker(
            node,
            self.film,
            nation=journal.nation,
            viewers=list(self.views),
            exercise=journal.exercise,
            names=self.views,
            sites=[site.record() for site in setup.sites],
            secret=self._secret,
            now_ns=time.time_ns,
        )
        self.pictures = dict.fromkeys(self.views, onlooker.picture)
        return node, onlooker


def shown(node: Node, records: Iterator[tuple[int, Batch]], onlooker: Onlooker, step_ns: int) -> Iterator[int]:
    """Yield the times of pictures as they are shown: whole multiples of the step, with all that was there by then."""
    next_ns: int | None = None
    now_ns = 0

    def wake(until_ns: int) -> None:
        while (due_ns := node.wake_ns()) is not None and due_ns <= until_ns:
            node.wake(due_ns)
            give(due_ns)

    def give(at_ns: int) -> None:
        for out in node.take():
            onlooker.hear(out, at_ns)

    for now_ns, record in records:
        if next_ns is None or now_ns - next_ns > PAUSE_NS:
            next_ns = -(-now_ns // step_ns) * step_ns
        while next_ns < now_ns:
            wake(next_ns)
            onlooker.look(next_ns)
            yield next_ns
            next_ns += step_ns
        wake(now_ns - 1)
        onlooker.took(record, now_ns)
        node.receive(record, now_ns)
        give(now_ns)
    if next_ns is not None:
        wake(next_ns)
        onlooker.look(next_ns)
        yield next_ns
