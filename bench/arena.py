"""The arena: published hard scenes with frozen seeds, and one table of what every entry makes of them.

    uv run bench/arena.py [--scene NAME …] [--entry NAME …] [--runs 100] [--tuning] [--json]

A scene is a file in `arena_scenes/`, an entry a file in `arena_entries/` with one function `track(scene)`; the files'
names are the keys, so that to take part means to add a file. Test seeds are 1000, 1001, …; whoever tunes anything does
it on the tuning seeds 0, 1, … (`--tuning`), and the table says which were used. Every run is drawn anew, truth and
plots.

Figures: root mean square over time and runs of GOSPA (p = 2, alpha = 2, the scene's cut-off) and of its three parts;
mean and standard deviation over runs of each run's RMS GOSPA; mean OSPA (p = 2, the same cut-off) over time and runs;
CPU seconds a run, after one run that does not count.
"""

import argparse
import importlib
import json
import pkgutil
import platform
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import arena_entries
import arena_scenes

from noroshi.assessment.gospa import gospa
from noroshi.assessment.ospa import ospa

TEST_SEED, TUNING_SEED = 1_000, 0


def names(package) -> list[str]:
    return [module.name for module in pkgutil.iter_modules(package.__path__)]


def run(scene_name: str, entry_name: str, seeds: range) -> dict[str, object]:
    """Return the figures of one entry in one scene."""
    make = importlib.import_module(f"arena_scenes.{scene_name}").scene
    entry = importlib.import_module(f"arena_entries.{entry_name}")
    entry.track(make(seeds[0])[0])
    parts, distances, seconds = [], [], []
    for seed in seeds:
        scene, hidden = make(seed)
        start = time.process_time()
        shown = entry.track(scene)
        seconds.append(time.process_time() - start)
        check(shown, scene)
        each = [gospa(true, tracked, scene.cutoff_m) for true, tracked in zip(hidden.xy_m, shown, strict=True)]
        parts.append(np.mean([[one.localisation, one.missed, one.false] for one in each], axis=0))
        distances.append(np.mean([ospa(a, b, scene.cutoff_m, 2.0) for a, b in zip(hidden.xy_m, shown, strict=True)]))
    squares = np.array(parts)
    whole = np.sqrt(squares.sum(axis=1))
    rms = np.sqrt(squares.mean(axis=0))
    return {
        "scene": scene_name,
        "entry": entry_name,
        "runs": len(seeds),
        "seeds": [seeds[0], seeds[-1]],
        "rms_gospa_m": float(np.sqrt(squares.sum(axis=1).mean())),
        "rms_localisation_m": float(rms[0]),
        "rms_missed_m": float(rms[1]),
        "rms_false_m": float(rms[2]),
        "mean_gospa_m": float(whole.mean()),
        "sd_gospa_m": float(whole.std(ddof=1)) if len(seeds) > 1 else float("nan"),
        "mean_ospa_m": float(np.mean(distances)),
        "cpu_s": float(np.mean(seconds)),
        "cpu_s_max": float(np.max(seconds)),
    }


def check(shown: object, scene: arena_scenes.Scene) -> None:
    """Refuse an answer that cannot be judged, or that would be judged as what it is not.

    Raises:
        ValueError: saying at which time what is wrong, and what is asked.
    """
    n = len(scene.times_s)
    if not isinstance(shown, list) or len(shown) != n:
        found = f"{len(shown)} of them" if isinstance(shown, list) else type(shown).__name__
        raise ValueError(f"track() gives {found}: give a list of {n} arrays, one for each of the scene's times_s")
    for i, xy_m in enumerate(shown):
        if not isinstance(xy_m, np.ndarray) or xy_m.ndim != 2 or xy_m.shape[1] != 2:
            found = f"an array {xy_m.shape}" if isinstance(xy_m, np.ndarray) else type(xy_m).__name__
            raise ValueError(f"at time {i} track() gives {found}: give an (n, 2) array of positions, (0, 2) for none")
        if not np.isfinite(xy_m).all():
            raise ValueError(f"at time {i} {int((~np.isfinite(xy_m)).any(axis=1).sum())} positions are not finite")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure trackers on published hard scenes.")
    parser.add_argument("--scene", nargs="*", choices=names(arena_scenes), default=names(arena_scenes))
    parser.add_argument("--entry", nargs="*", choices=names(arena_entries), default=names(arena_entries))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--tuning", action="store_true", help="the tuning seeds instead of the test seeds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    first = TUNING_SEED if options.tuning else TEST_SEED
    seeds = range(first, first + options.runs)
    rows, n_failed = [], 0
    for scene in options.scene:
        published = importlib.import_module(f"arena_scenes.{scene}").PUBLISHED
        print(f"{scene}: published {published}" if published else scene, file=sys.stderr)
        for entry in options.entry:
            try:
                row = run(scene, entry, seeds)
            except Exception as error:  # noqa: BLE001 an entry is somebody else's: the others' rows stand
                n_failed += 1
                last = traceback.extract_tb(error.__traceback__)[-1]
                told = f"{type(error).__name__}: {error} (line {last.lineno} of {Path(last.filename).name})"
                print(f"  {entry:20s} failed: {told}", file=sys.stderr, flush=True)
                rows.append({"scene": scene, "entry": entry, "runs": 0, "failed": told})
                continue
            rows.append(row)
            print(
                f"  {entry:20s} GOSPA {row['rms_gospa_m']:8.3f} = loc {row['rms_localisation_m']:7.3f} missed "
                f"{row['rms_missed_m']:7.3f} false {row['rms_false_m']:7.3f}  a run {row['mean_gospa_m']:7.3f} sd "
                f"{row['sd_gospa_m']:6.3f}  OSPA {row['mean_ospa_m']:7.3f}  CPU {row['cpu_s']:.3f} s "
                f"max {row['cpu_s_max']:.3f}",
                file=sys.stderr,
                flush=True,
            )
    if options.json:
        used = {"seeds_are_for": "tuning" if options.tuning else "test"}
        packages = {name: version(name) for name in ("noroshi", "numpy", "numba", "scipy", "stonesoup")}
        print(json.dumps({**used, "rows": rows, "python": platform.python_version(), "versions": packages}))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
