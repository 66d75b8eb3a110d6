"""noroshi and Stone Soup over the same plots in the same run, judged by the same code."""

import multiprocessing
import resource
import statistics
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
from speed_parts import scenes, shipped
from speed_parts.timing import median

from noroshi.assessment import gospa, siap
from noroshi.assessment.pictures import CUTOFF_M, View
from noroshi.records import Tracks

N_SCANS = {10: 20, 100: 15, 1_000: 10}
SETTLING = 5  # scans before the figures begin: three plots make a track
REPEATS = 3
PERIOD_S = 4.0
MEMORY_BYTES = 9 << 30
RESAMPLES = 10_000
VIEW = View(age_s_max=1e9)  # each program says itself when a track has ended
BETTER_HIGH = ("completeness",)
JUDGED = ("gospa_m", "completeness", "spuriousness", "ambiguity", "position_accuracy_m", "velocity_accuracy_m_s")


class Peers:
    """Stone Soup in a process for each way, since a soft associator may take all memory and all time."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("spawn")
        self._running: dict[str, tuple[BaseProcess, Connection]] = {}

    def run(self, peer: str, asked: dict[str, Any], limit_s: float) -> tuple[list[float], list[float], Tracks] | str:
        """Return wall and CPU seconds by scan and the tracks; or why there are none."""
        if peer not in self._running:
            ours, theirs = self._context.Pipe()
            child = self._context.Process(target=_serve, args=(theirs,), daemon=True)
            child.start()
            theirs.close()
            self._running[peer] = (child, ours)
            ours.recv()  # it has imported everything: the limit is for the work alone
        child, ours = self._running[peer]
        ours.send((peer, asked))
        try:
            found: Any = ours.recv() if ours.poll(limit_s) else f"not done within {limit_s:g} s"
        except EOFError:
            found = "ended without a result"
        if isinstance(found, str):
            self._end(peer)
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """End all processes."""
        for peer in list(self._running):
            self._end(peer)

    def _end(self, peer: str) -> None:
        child, ours = self._running.pop(peer)
        child.kill()
        child.join()
        ours.close()


def _serve(line: Connection) -> None:
    """Run what is asked for until the line is closed."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from speed_parts import stone_soup_peers

    line.send("ready")
    while True:
        peer, asked = line.recv()
        try:
            done = stone_soup_peers.run(peer, scenes.make(**asked))
            line.send((done.wall_s, done.cpu_s, done.tracks))
        except MemoryError:
            line.send(f"out of memory ({MEMORY_BYTES >> 30} GB)")
        except Exception as error:  # noqa: BLE001 - another program's failure is a result
            line.send(f"{type(error).__name__}: {str(error)[:200]}")


def compare(
    layout: scenes.Layout,
    n: int,
    timing: scenes.Timing,
    *,
    seeds: Sequence[int],
    trackers: Sequence[str],
    peers: Sequence[str],
    limit_s: float,
    children: Peers,
    n_scans: int | None = None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Return seconds a scan and measures of everybody over all seeds, and who is how many times as fast and as good."""
    n_scans = n_scans or N_SCANS.get(n, min(N_SCANS.values()))
    who = [*trackers, *peers]
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in who}
    failed: dict[str, str] = {}
    for seed in seeds:
        asked = {"layout": layout, "n": n, "seed": seed, "n_scans": n_scans, "timing": timing, "period_s": PERIOD_S}
        scene = scenes.make(**asked)
        for tracker in trackers:
            runs[tracker].append(_ours(scene, tracker))
        for peer in peers:
            if peer in failed:
                continue
            found = children.run(peer, asked, limit_s)
            if isinstance(found, str):
                failed[peer] = found
                say(f"{scene.name}: {peer} {found}")
            else:
                wall, cpu, tracks = found
                runs[peer].append(_judged(scene, tracks, wall[SETTLING:], cpu[SETTLING:]))
        say(f"{scene.name}: " + ", ".join(f"{k} {1e3 * v[-1]['cpu_s']:.3g} ms" for k, v in runs.items() if v))
    result: dict[str, Any] = {
        "layout": layout, "n": n, "timing": timing, "seeds": list(seeds), "scans": n_scans,
        "scans_judged": n_scans - SETTLING, "period_s": PERIOD_S, "failed": failed,
    }  # fmt: skip
    names = ("cpu_s", "wall_s", *JUDGED)
    result["medians"] = {
        name: {key: statistics.median(each[key] for each in done) for key in names}
        for name, done in runs.items()
        if done
    }
    result["beside"] = {
        tracker: {peer: _beside(runs[tracker], runs[peer]) for peer in peers if runs[peer] and peer not in failed}
        for tracker in trackers
    }
    return result


def _ours(scene: scenes.Scene, tracker: str) -> dict[str, float]:
    how = shipped.How(tracker=tracker, batch_s=1.0)
    cut = shipped.batches(scene, how)
    done = [shipped.run(scene, how, cut) for _ in range(REPEATS)]
    scans = [median(list(each)) for each in zip(*(run.scans[SETTLING:] for run in done), strict=True)]
    return _judged(scene, done[0].tracks, [each.wall_s for each in scans], [each.cpu_s for each in scans])


def _judged(scene: scenes.Scene, tracks: Tracks, wall: list[float], cpu: list[float]) -> dict[str, float]:
    times_ns = scene.picture_times_ns()[SETTLING:]
    truth = scene.truth(times_ns)
    found = dict(gospa.measure(truth, tracks, times_ns=times_ns, c=CUTOFF_M, view=VIEW))
    found |= siap.measure(truth, tracks, times_ns=times_ns, view=VIEW)
    return {name: found[name] for name in JUDGED} | {
        "wall_s": statistics.median(wall),
        "cpu_s": statistics.median(cpu),
    }


def _beside(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict[str, Any]:
    pairs = list(zip(ours[: len(theirs)], theirs, strict=True))
    found: dict[str, Any] = {
        "times_as_fast_cpu": statistics.median(b["cpu_s"] / a["cpu_s"] for a, b in pairs),
        "times_as_fast_wall": statistics.median(b["wall_s"] / a["wall_s"] for a, b in pairs),
        "seeds": len(pairs),
    }
    for name in JUDGED:
        sign = -1.0 if name in BETTER_HIGH else 1.0
        share = name == "gospa_m" or name.endswith(("_m", "_m_s"))
        worse = [sign * (a[name] - b[name]) / (b[name] if share else 1.0) for a, b in pairs]
        found[f"{name}_worse_by"] = {"mean": float(np.mean(worse)), "upper_95": upper_bound(worse), "relative": share}
    return found


def upper_bound(differences: Sequence[float]) -> float | None:
    """Return the 95 % upper bound of the mean: the bootstrap's percentile over seeds; None for fewer than three.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, section 13.3.
    """
    if len(differences) < 3 or not np.all(np.isfinite(differences)):
        return None
    draw = np.random.Generator(np.random.Philox(0)).integers(len(differences), size=(RESAMPLES, len(differences)))
    return float(np.quantile(np.asarray(differences)[draw].mean(axis=1), 0.95))
