"""What a node offered to its release rules, from its journal: the node is run again, with nobody to share with."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from noroshi.fusion import Fusion
from noroshi.records import Order, Tracks
from noroshi.run.drive import driven
from noroshi.run.exercises.books import segments
from noroshi.run.journal import read_records, read_setup
from noroshi.run.scenarios.policies import read_policy
from noroshi.run.scenarios.sources import read_source
from noroshi.run.setup import Setup, assemble
from noroshi.run.sharing import Sharing, own_of_exercise
from noroshi.sharing.facts import Facts
from noroshi.sharing.release import Released, Secrets
from noroshi.sharing.rules import Policy

PICTURE_S = 4.0  # of a journal whose node gave out no pictures
NOBODYS_SECRET = b"in place of a secret that is not at hand"

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A node's journal, ready to be run again.

    Attributes:
        starts: its segments; those together between which the node kept its memory.
        setup: what the node is made of.
        exercise: which exercise its records belong to; None is real.
        secrets: what its releases hung on.
        is_own_secret: whether they are; else displacements and margins are only of the kind that were.
    """

    starts: tuple[tuple[Path, ...], ...]
    setup: Setup
    exercise: str | None
    secrets: Secrets
    is_own_secret: bool

    @property
    def nation(self) -> str:
        """Whose node it is."""
        return self.setup.node

    def offered(self, progress: Progress = lambda _: None) -> Iterator[tuple[int, Facts]]:
        """Yield (now_ns, record) of all that the node's rules judged, in order.

        Raises:
            FormatError: if the journal cannot be read.
        """
        found: list[tuple[int, Facts]] = []

        def judged(facts: Facts, told: Mapping[str, Released], now_ns: int) -> None:  # noqa: ARG001 the hook's shape
            found.append((now_ns, facts))

        alone = Sharing(exercise=self.exercise, seed=0 if self.exercise else None)
        setup = msgspec.structs.replace(self.setup, sharing=alone)
        if not self.setup.sharing and not setup.period_s:
            setup.period_s = PICTURE_S
        for paths in self.starts:
            node, _ = assemble(setup, keys=own_of_exercise("", 0, self.nation))
            assert node.exchange is not None
            node.exchange.judged, node.exchange.fusion = judged, _Deaf(self.nation)
            every = (entry for path in paths for entry in read_records(path))
            records = ((now_ns, record) for now_ns, record in every if not isinstance(record, Order))
            for _ in driven(node, records, progress=progress):
                yield from found
                found.clear()
            yield from found
            found.clear()


def policy_for(name: str, journal: Replayed) -> Policy:
    """Return the policy of a journal's node, from a file or a shipped one.

    Raises:
        NoFileError, ScenarioError, PolicyError: if it is none, or another nation's.
    """
    return read_policy(read_source("policies", name), of=journal.nation)


class _Deaf(Fusion):
    """A fusion of nothing: what partners said is of no account here."""

    def receive(self, contributions: Tracks, *, owner: str, feed: str, seq: int, coarse: bool) -> None:
        """Take nothing in."""


def replayed(journal: Path, *, exercise: str | None = None, secret: Path | None = None) -> Replayed:
    """Return a journal ready to be run again.

    Args:
        journal: as an exercise or `noroshi track --journal` wrote it, segments of later starts beside it; or a folder
            of a live node's segments.
        exercise: which exercise its records belong to, if the journal does not say.
        secret: file of the node's secret; that of an exercise on one machine is known.

    Raises:
        FormatError: if it is no journal.
        ValueError: if the secret is none.
    """
    if journal.is_dir():
        starts = [tuple(sorted(journal.glob("[0-9]*.mcap")))]
    else:
        starts = [(path,) for path in segments(journal.parent, journal.stem) or [journal]]
    if not starts[0]:
        raise ValueError(f"{journal}: holds no journal; give NODE.mcap, or the folder of a live node's segments")
    setup = read_setup(starts[-1][-1])
    shared = setup.sharing
    if shared is not None and exercise is not None and shared.exercise != exercise:
        raise ValueError(f"{journal}: is of exercise {shared.exercise or '(none)'}, not of {exercise}; leave it out")
    of = exercise if shared is None else shared.exercise
    if secret is not None:
        own = secret.read_bytes()
        if len(own) < 16:
            raise ValueError(f"{secret}: is no secret: it has {len(own)} bytes")
    elif shared is not None and shared.exercise is not None and shared.seed is not None:
        own = own_of_exercise(shared.exercise, shared.seed, setup.node).secret
    else:
        own = NOBODYS_SECRET
    return Replayed(tuple(starts), setup, of, Secrets(own), own is not NOBODYS_SECRET)
