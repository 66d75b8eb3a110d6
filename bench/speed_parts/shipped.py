"""The shipped program over a scene: decoded detections into the node, tracks out of it.

What is timed is `Node.receive` and `Node.take`: quality checks, the window for late data, the tracker. Cutting plots
into batches (`run.batches.in_time`) is what a live feed does by itself and is not timed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from speed_parts.scenes import START_NS, Scene
from speed_parts.timing import Spent, spent

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.records import Detections, Tracks, concatenate
from noroshi.run.batches import in_time
from noroshi.run.setup import Setup, Site, assemble, make_sensors
from noroshi.run.sites import usual_motion
from noroshi.tracking import Tracker

CLOSING_NS = NS_PER_S  # a picture after the last that is judged, so that tracks reach to it


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """A tracker as it is asked for.

    Attributes:
        tracker: its key, with `tracker:motion` where the motion is not the usual one.
        batch_s: how much the node receives at a time.
        threads: how many work on large batches.
    """

    tracker: str
    batch_s: float = 1.0
    threads: int = 1

    def setup(self, scene: Scene) -> Setup:
        """Return the configuration for a scene's radars."""
        key, _, motion = self.tracker.partition(":")
        return Setup(
            sites=[Site.of(site) for site in scene.sites],
            tracker=key,
            motion=motion or usual_motion(scene.sites, key),
            batch_s=self.batch_s,
        )


@dataclass(frozen=True, slots=True)
class Run:
    """What came of it.

    Attributes:
        scans: what each scan took.
        n_plots: by scan.
        tracks: every row given out, and one more of each firm track long after the end, since a picture ends with a
            track's last row.
        tracker: as it is at the end.
        phases: by scan, the tracker's own account of its phases, if it keeps one [s].
        n_shared: by scan, how often more than one thread was given something to do.
    """

    scans: list[Spent]
    n_plots: list[int]
    tracks: Tracks
    tracker: Tracker
    phases: list[dict[str, float]]
    n_shared: list[int]


class Pool(ThreadPoolExecutor):
    """Threads that count how often they were given something to do."""

    n_shared = 0

    def map(self, fn: Callable[..., Any], *iterables: Iterable[Any], **options: Any) -> Iterator[Any]:
        """Do what an executor does."""
        self.n_shared += 1
        return super().map(fn, *iterables, **options)


def batches(scene: Scene, how: How) -> list[list[tuple[int, Detections]]]:
    """Return scan by scan what the node receives."""
    cut: list[list[tuple[int, Detections]]] = [[] for _ in range(scene.n_scans + 1)]
    for now_ns, batch in in_time(scene.plots, make_sensors(how.setup(scene)), batch_s=how.batch_s):
        cut[min(int((now_ns - START_NS) / NS_PER_S / scene.period_s), scene.n_scans)].append((now_ns, batch))
    return [each for each in cut if each]


def run(scene: Scene, how: How, cut: Sequence[Sequence[tuple[int, Detections]]] | None = None) -> Run:
    """Track a scene."""
    cut = batches(scene, how) if cut is None else cut
    with ExitStack() as stack:
        pool = stack.enter_context(Pool(how.threads)) if how.threads > 1 else None
        node, tracker = assemble(how.setup(scene), pool)
        given: list[Tracks] = []
        scans, phases, n_shared = [], [], []
        for scan in cut:
            before, shared_before = dict(getattr(tracker, "phase_seconds", {})), pool.n_shared if pool else 0
            scans.append(spent(lambda scan=scan: _feed(node, scan, given)))
            after = getattr(tracker, "phase_seconds", {})
            phases.append({name: after[name] - before.get(name, 0.0) for name in after})
            n_shared.append(pool.n_shared - shared_before if pool else 0)
        given.append(tracker.picture(int(scene.picture_times_ns()[-1]) + CLOSING_NS))
    n_plots = [sum(len(batch) for _, batch in scan) for scan in cut]
    return Run(scans, n_plots, concatenate(given), tracker, phases, n_shared)


def _feed(node: Node, scan: Sequence[tuple[int, Detections]], given: list[Tracks]) -> None:
    for now_ns, batch in scan:
        node.receive(batch, now_ns)
        given += [out.record for out in node.take() if isinstance(out.record, Tracks)]


def n_firm(run: Run) -> int:
    """Return how many firm tracks there are at the end."""
    return len(run.tracker.picture(int(run.tracks.time_ns.max())))
