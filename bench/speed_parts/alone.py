"""noroshi alone: detections a second, swarms, threads, the operational bar, phases beside the memory's limit."""

import cProfile
import pstats
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from speed_parts import scenes, shipped
from speed_parts.compare import VIEW
from speed_parts.timing import Spent, bandwidth_bytes_s, calibration, median, spent

import noroshi
from noroshi.assessment import siap
from noroshi.records import Batch, Detections
from noroshi.run.setup import assemble

SETTLING = 4  # scans: three plots make a track, and clutter's tracks come and go
JUDGED_UP_TO = 10_000  # targets whose picture is judged too; beyond, the measure would take longer than the work
PACKAGE = Path(noroshi.__file__).parent


def warm_up(tracker: str) -> dict[str, float]:
    """Return what a first small scene takes beyond a second one [s]: compiling, or loading what has been compiled."""
    scene = scenes.make("sparse", 10, seed=0, n_scans=8)
    how = shipped.How(tracker=tracker)
    first, second = (spent(lambda: shipped.run(scene, how)) for _ in range(2))
    return {"wall_s": first.wall_s - second.wall_s, "cpu_s": first.cpu_s - second.cpu_s}


def rate(
    tracker: str,
    n: int,
    *,
    layout: scenes.Layout = "sparse",
    batch_s: float,
    threads: int = 1,
    scans: int,
    seed: int,
    period_s: float = 10.0,
) -> dict[str, Any]:
    """Return detections a second and seconds a scan, each plot at its own time, after `SETTLING` scans.

    The medians are over the scans; a scan's own plots are divided by its own time.
    """
    scene = scenes.make(layout, n, seed=seed, n_scans=SETTLING + scans, period_s=period_s)
    run = shipped.run(scene, shipped.How(tracker=tracker, batch_s=batch_s, threads=threads))
    found = _rate(run, scene) | {
        "layout": layout, "targets": n, "radars": len(scene.sites), "batch_s": batch_s, "threads": threads,
        "scans": scans, "seed": seed, "false_plots_a_target": scene.false_plots, "firm_tracks": shipped.n_firm(run),
    }  # fmt: skip
    if n <= JUDGED_UP_TO:
        times_ns = scene.picture_times_ns()[SETTLING:]
        judged = siap.measure(scene.truth(times_ns), run.tracks, times_ns=times_ns, view=VIEW)
        found |= {name: judged[name] for name in ("completeness", "spuriousness", "position_accuracy_m")}
    return found


def _rate(run: shipped.Run, scene: scenes.Scene) -> dict[str, float]:
    steady = list(zip(run.scans, run.n_plots, strict=True))[SETTLING : scene.n_scans]
    took = median([each for each, _ in steady])
    return {
        "plots_a_scan": statistics.median(n for _, n in steady),
        "scan_cpu_s": took.cpu_s,
        "scan_wall_s": took.wall_s,
        "detections_a_second_cpu": statistics.median(n / each.cpu_s for each, n in steady),
        "detections_a_second_wall": statistics.median(n / each.wall_s for each, n in steady),
    }


def swarm(tracker: str, n: int, *, batch_s: float, scans: int, seed: int) -> dict[str, Any]:
    """Return how many times as much a target of a raid costs as a sparse one.

    The seed gives both their own number of false plots; the ratio by plot takes that out.
    """
    layouts: tuple[scenes.Layout, ...] = ("raid", "sparse")
    both = {layout: rate(tracker, n, layout=layout, batch_s=batch_s, scans=scans, seed=seed) for layout in layouts}
    return {
        "targets": n,
        "raid_cpu_us_a_target": 1e6 * both["raid"]["scan_cpu_s"] / n,
        "sparse_cpu_us_a_target": 1e6 * both["sparse"]["scan_cpu_s"] / n,
        "cost_ratio_a_target": both["raid"]["scan_cpu_s"] / both["sparse"]["scan_cpu_s"],
        "cost_ratio_a_plot": both["sparse"]["detections_a_second_cpu"] / both["raid"]["detections_a_second_cpu"],
        "false_plots_a_target": {layout: each["false_plots_a_target"] for layout, each in both.items()},
    }


def threads(tracker: str, n: int, *, batch_s: float, scans: int, seed: int, repeats: int = 3) -> dict[str, Any]:
    """Return how many times as fast two threads are by the clock on the wall, one and two in turn.

    Of each scan the least of the repeats counts: what else runs on the machine only adds to it. Where two threads were
    given nothing to do (`shared_a_scan`), the two programs are the same, and what is left of the ratio is the clock's.
    """
    scene = scenes.make("sparse", n, seed=seed, n_scans=SETTLING + scans, period_s=10.0)
    done: dict[int, list[list[Spent]]] = {1: [], 2: []}
    n_shared = 0
    digests: dict[int, bytes] = {}
    for _ in range(repeats):
        for each in done:
            run = shipped.run(scene, shipped.How(tracker=tracker, batch_s=batch_s, threads=each))
            done[each].append(run.scans[SETTLING : scene.n_scans])
            n_shared = sum(run.n_shared[SETTLING : scene.n_scans])
            digests[each] = run.tracks.state_ecef.tobytes()
    one, two = (median([_least(scan) for scan in zip(*runs, strict=True)]) for runs in done.values())
    return {
        "targets": n, "batch_s": batch_s, "one_wall_s": one.wall_s, "two_wall_s": two.wall_s,
        "times_as_fast": one.wall_s / two.wall_s, "cpu_two_by_one": two.cpu_s / one.cpu_s,
        "same_states": digests[1] == digests[2], "shared_a_scan": n_shared / scans,
    }  # fmt: skip


def _least(repeats: Sequence[Spent]) -> Spent:
    return Spent(min(each.wall_s for each in repeats), min(each.cpu_s for each in repeats))


def operational(
    tracker: str, *, n: int = 4_000, n_sensors: int = 30, plots_a_second: float = 2_000.0, batch_s: float, scans: int,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Return the share of one core that many radars' plots take in real time.

    Source of the load: EUROCONTROL, ATM surveillance tracker and server (ARTAS), product page: one unit takes 30
    sensors, 4,000 tracks and 2,000 reports a second.
    """
    scene = scenes.operational(
        n=n, n_sensors=n_sensors, plots_a_second=plots_a_second, seed=seed, n_scans=SETTLING + scans
    )
    run = shipped.run(scene, shipped.How(tracker=tracker, batch_s=batch_s))
    found = _rate(run, scene)
    per_s = found["plots_a_scan"] / scene.period_s
    return {
        "sensors": n_sensors, "targets": n, "firm_tracks": shipped.n_firm(run), "plots_a_second": per_s,
        "batch_s": batch_s, "seed": seed, "share_of_one_core": found["scan_cpu_s"] / scene.period_s,
        "share_at_the_wanted_load": found["scan_cpu_s"] / scene.period_s * plots_a_second / per_s,
    }  # fmt: skip


def phases(tracker: str, n: int, *, batch_s: float, scans: int, seed: int) -> dict[str, Any]:
    """Return nanoseconds a plot by phase, beside what moving its bytes once would take.

    The phases are the tracker's own account (`phase_seconds`) where it keeps one; else a profiler's, by the module that
    spent the time (compiled and numpy code counts for the module that called it), scaled to the time without it.

    The limit of a phase is one pass over what it works on: the track state read and written, the plots read. The whole
    step cannot do with less than that and the tracks given out.
    """
    scene = scenes.make("sparse", n, seed=seed, n_scans=SETTLING + scans, period_s=10.0)
    how = shipped.How(tracker=tracker, batch_s=batch_s)
    cut = shipped.batches(scene, how)
    run = shipped.run(scene, how, cut)
    plots = sum(run.n_plots[SETTLING:])
    whole_ns = 1e9 * sum(each.cpu_s for each in run.scans[SETTLING:]) / plots
    own: dict[str, float] = defaultdict(float)
    for scan in run.phases[SETTLING:]:
        for name, seconds in scan.items():
            own[name] += 1e9 * seconds / plots
    by = dict(own) or _profiled(scene, how, cut, whole_ns)
    speed = bandwidth_bytes_s()
    rows = max(len(each) for each in run.tracker.state().values())
    state = sum(each.nbytes for each in run.tracker.state().values())
    held = state / max(rows, 1)
    plot = nbytes(scene.plots[0]) / len(scene.plots[0])
    track = nbytes(run.tracks) / len(run.tracks)
    # A track has about one plot a scan, so a row of the state passes once for each plot.
    one_pass_ns = 1e9 * (2.0 * held + plot) / speed
    return {
        "targets": n, "source": "the tracker's own account" if own else "profiler",
        "ns_a_plot": dict(sorted(by.items())),
        "whole_ns_a_plot": whole_ns, "state_bytes_a_track": held, "bytes_a_plot": plot, "bytes_a_track_row": track,
        "bandwidth_bytes_s": speed, "one_pass_ns_a_plot": one_pass_ns,
        "whole_limit_ns_a_plot": one_pass_ns + 1e9 * track / speed,
    }  # fmt: skip


def nbytes(batch: Batch) -> int:
    """Return how large a batch's columns are."""
    own = sum(getattr(batch, name).nbytes for name in batch.COLUMNS)
    return own + sum(nbytes(getattr(batch, name)) for name in batch.NESTED)


def _profiled(
    scene: scenes.Scene, how: shipped.How, cut: list[list[tuple[int, Detections]]], whole_ns: float
) -> dict[str, float]:
    profile = cProfile.Profile()
    node, _ = assemble(how.setup(scene), None)
    for i, scan in enumerate(cut):
        if i == SETTLING:
            profile.enable()
        for now_ns, batch in scan:
            node.receive(batch, now_ns)
            node.take()
    profile.disable()
    time_of = _by_module(pstats.Stats(profile).stats)  # type: ignore[attr-defined]
    total = sum(time_of.values())
    return {name: whole_ns * seconds / total for name, seconds in time_of.items()}


def _by_module(stats: dict[Any, Any]) -> dict[str, float]:
    """Return seconds by noroshi's module: its own, and those of foreign functions by who called them, however deep."""
    share: dict[Any, dict[str, float]] = {}

    def owners(key: Any, trail: frozenset[Any]) -> dict[str, float]:
        """Return which modules a function's own time belongs to, shares that sum to 1."""
        if key in share:
            return share[key]
        path = Path(key[0])
        if path.is_relative_to(PACKAGE):
            share[key] = {str(path.relative_to(PACKAGE).with_suffix("")): 1.0}
            return share[key]
        callers = {who: each[2] for who, each in stats[key][4].items() if who not in trail and who in stats}
        total = sum(callers.values())
        found: dict[str, float] = defaultdict(float)
        for who, seconds in callers.items():
            for name, part in owners(who, trail | {key}).items():
                found[name] += part * (seconds / total if total else 1.0 / len(callers))
        if not trail:
            share[key] = dict(found) or {"elsewhere": 1.0}
        return dict(found) or {"elsewhere": 1.0}

    time_of: dict[str, float] = defaultdict(float)
    for key, (_, _, own, _, _) in stats.items():
        for name, part in owners(key, frozenset()).items():
            time_of[name] += own * part
    return dict(time_of)


def beside_calibration(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return a figure with the calibration timed before and after it."""
    before = calibration()
    found = work()
    after = calibration()
    return found | {"calibration": {name: (before[name] + after[name]) / 2.0 for name in before}}
