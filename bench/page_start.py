"""How long it takes from `noroshi demo` to a moving picture, with kernels compiled before and without.

    uv run bench/page_start.py [--json] [--rounds 1] [--minute FOLDER]

A browser stands ready, as a person's does, and opens the address as soon as the command prints it. The picture moves
when the page has been sent one with ten tracks or more and later one in which most of them are elsewhere. Cold is an
empty folder for compiled kernels: what moves first is then what aircraft report, and `tracked_s` is when tracks do.
Wall time depends on what else the machine does (`load`), so the processor seconds that the command's processes had
taken by then are told too. `--minute` keeps screenshots of the first minute.
"""

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

ARGUMENTS = ["--no-sandbox", "--enable-unsafe-swiftshader"]
PATIENCE_MS = 180_000
SHOTS_S = (3, 6, 10, 15, 20, 25, 30, 35, 40, 50, 60)
TICKS = os.sysconf("SC_CLK_TCK")
MOVES = """() => {
  const { frame, key } = noroshi.world;
  if (!frame || frame.n < 10) return false;
  window.first ??= { lat: new Map(Array.from({ length: frame.n }, (_, i) => [key[i], frame.lat[i] + frame.lon[i]])) };
  let [moved, known] = [0, 0];
  for (let i = 0; i < frame.n; i++) {
    const was = window.first.lat.get(key[i]);
    known += Number(was !== undefined);
    moved += Number(was !== undefined && was !== frame.lat[i] + frame.lon[i]);
  }
  return known >= 10 && moved > known / 2;
}"""


def processor_s(pid: int) -> float:
    """Return the processor seconds of a process and of all that it has started and that still run."""
    total, family = 0, {pid}
    for _ in range(3):
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) in family:
                family.add(int(stat.parent.name))
    for one in family:
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def start(browser: Browser, cache: Path, minute: Path | None, *, is_cold: bool) -> dict[str, Any]:
    """Return how long one start takes."""
    context = browser.new_context(viewport={"width": 1440, "height": 860}, locale="en-GB", timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    since = time.monotonic()
    command = [str(Path(sys.executable).parent / "noroshi"), "demo", "--no-open"]
    environment = {key: value for key, value in os.environ.items() if key != "NUMBA_CACHE_DIR"}
    demo = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment | {"XDG_CACHE_HOME": str(cache)}
    )
    try:
        assert demo.stdout is not None
        line = next(line for line in demo.stdout if "http" in line)
        found = re.search(r"http://\S+", line)
        assert found is not None
        served_s = time.monotonic() - since
        page.goto(found.group())
        page.wait_for_function("() => window.noroshi?.world.hello && noroshi.world.sensors.length > 0")
        shown_s = time.monotonic() - since
        page.wait_for_function("() => noroshi.world.frame?.n >= 10", polling=50)
        tracks_s = time.monotonic() - since
        page.wait_for_function(MOVES, polling=50)
        moves_s, moves_cpu_s = time.monotonic() - since, processor_s(demo.pid)
        if minute is not None:
            minute.mkdir(parents=True, exist_ok=True)
            for at_s in SHOTS_S:
                page.wait_for_timeout(max(0.0, at_s - (time.monotonic() - since)) * 1000.0)
                page.screenshot(path=minute / f"at-{at_s:02d}-s.png")
        trackers_s = moves_s
        if is_cold:  # what was shown first is taken back when the exercise begins
            page.wait_for_function("() => !noroshi.world.clock.saying && noroshi.world.frame?.n >= 10", polling=50)
            trackers_s = time.monotonic() - since
        warned = "() => noroshi.world.alerts.some(({ life }) => life === 'issued' || life === 'proposed')"
        page.wait_for_function(warned, polling=50)
        warned_s, warned_cpu_s = time.monotonic() - since, processor_s(demo.pid)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(60.0)
        context.close()
    return {
        "served_s": served_s, "sensors_shown_s": shown_s, "tracks_shown_s": tracks_s, "moves_s": moves_s,
        "moves_processor_s": moves_cpu_s, "tracked_s": trackers_s, "first_warning_s": warned_s,
        "first_warning_processor_s": warned_cpu_s,
    }  # fmt: skip


def main() -> None:
    """Start it cold and warm and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--minute", type=Path, help="keep screenshots of the first minute of the last warm start here")
    wanted = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("there is no chromium: apt-get install chromium")
    load = os.getloadavg()[0]
    told: dict[str, list[dict[str, Any]]] = {"cold": [], "warm": []}
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for turn in range(wanted.rounds):
            with tempfile.TemporaryDirectory(prefix="noroshi-cache-") as folder:
                told["cold"].append(start(browser, Path(folder), None, is_cold=True))
                is_last = turn == wanted.rounds - 1
                told["warm"].append(start(browser, Path(folder), wanted.minute if is_last else None, is_cold=False))
        browser.close()
    found = {
        name: {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}
        for name, rounds in told.items()
    }
    print(json.dumps({"python": platform.python_version(), "load": load, "rounds": wanted.rounds, **found}))


if __name__ == "__main__":
    main()
