"""From the start of a process to its first track, from a detections table: kernels compiled, and never compiled."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from speed_parts import scenes
from speed_parts.timing import Spent, median

from noroshi.formats.tables import encode_detections, encode_sensors

CHILD = """
import sys
import noroshi
from noroshi.run import ahead
from noroshi.run.api import load
from noroshi.run.batches import in_time
from noroshi.run.setup import Setup, Site, assemble, make_sensors
from noroshi.run.sites import usual_motion
plots, sites = load(sys.argv[1])[0].decoded, load(sys.argv[2])[0].decoded.sites
key, _, motion = sys.argv[3].partition(":")
setup = Setup(sites=[Site.of(site) for site in sites], tracker=key, motion=motion or usual_motion(sites, key))
with ahead.compiling(setup):  # as `noroshi.track` does
    node, _ = assemble(setup)
    for now_ns, batch in in_time(plots.detections, make_sensors(setup), batch_s=setup.batch_s):
        node.receive(batch, now_ns)
        if any(len(out.record) for out in node.take()):
            print("first track", flush=True)
            break
"""


def start_up(tracker: str, *, n: int = 100, seed: int, quick: bool = False) -> dict[str, Any]:
    """Return seconds by the wall clock, the interpreter's own start included.

    "first track" is up to the first track given out; "command" is the whole of `noroshi track`. Kernels and Python's
    bytecode are cached in a fresh folder, so that the first run is the cold one and the others are warm.
    """
    runs = 1 if quick else 5
    scene = scenes.make("sparse", n, seed=seed, n_scans=8)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plots.parquet").write_bytes(encode_detections(scene.plots))
        (folder / "sensors.parquet").write_bytes(encode_sensors(scene.sites))
        found: dict[str, Any] = {"targets": n, "plots": scene.n_plots, "runs_warm": runs}
        key, _, motion = tracker.partition(":")
        files = [str(folder / "plots.parquet"), str(folder / "sensors.parquet")]
        command = ["-m", "noroshi", "track", files[0], "--sensors", files[1], "--tracker", key, "--json"]
        command += ["--motion", motion] if motion else []
        runs_of = [("first_track", ["-c", CHILD, *files, tracker], b"first track"), ("command", command, b"{")]
        for what, arguments, expected in runs_of[:1] if quick else runs_of:
            cache = folder / f"cache_{what}"
            cold, said = _run(arguments, cache, expected)
            warm = [_run(arguments, cache, expected)[0] for _ in range(runs)]
            found[what] = {"cold_s": cold.wall_s, "cold_cpu_s": cold.cpu_s, "cold_said": said}
            found[what] |= {"warm_s": median(warm).wall_s, "warm_cpu_s": median(warm).cpu_s}
            found[what]["warm_s_max"] = max(each.wall_s for each in warm)
            found[what]["kernel_bytes"] = sum(
                path.stat().st_size for path in (cache / "kernels").rglob("*") if path.is_file()
            )
    return found


def _run(arguments: list[str], cache: Path, expected: bytes) -> tuple[Spent, str]:
    """Return seconds until the expected output (CPU: until the end), and what was said on the standard error.

    Raises:
        RuntimeError: if it never came.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(
        [sys.executable, *arguments],
        env=environment | {"NUMBA_CACHE_DIR": str(cache / "kernels"), "PYTHONPYCACHEPREFIX": str(cache / "bytecode")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    line = child.stdout.readline()
    took = time.perf_counter() - began
    _, said = child.communicate()
    if not line.startswith(expected):
        raise RuntimeError(f"{arguments}: {said.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(took, cpu_s), said.decode()[-200:]
