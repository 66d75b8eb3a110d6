"""A campaign killed half-way and gone on with, beside one that ran through: the same table and the same digests.

uv run bench/campaign.py [--what trilateral] [--seeds 200] [--variants sharing] [--until 900] [--processes 2] [--once]
    [--json]

Both are the command that a person gives, in processes of their own; the killed one is ended by SIGKILL as soon as half
of its runs are kept, and it is seen that its workers end too. With --once only the killed one is run, for the full
campaign's time; then runs of it are made again, one of each variant, and compared. Real time is beside processor time:
other work on the machine makes the first longer, not the second.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from speed_parts.timing import calibration

from noroshi.run.campaigns.folders import Campaign, read_campaign
from noroshi.run.campaigns.performing import make_again
from noroshi.run.campaigns.versions import made_by

POLL_S = 0.2
GONE_WITHIN_S = 30.0
PROGRAM = "from noroshi.run.cli import main; main()"


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="trilateral")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--variants", default=None)
    parser.add_argument("--until", type=float, default=None)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--keep", type=Path, default=None, help="the killed campaign's folder, kept for a report")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="noroshi-bench-") as scratch:
        killed = arguments.keep or Path(scratch) / "killed"
        found: dict[str, Any] = {"killed": kill_and_go_on(killed, arguments)}
        table = read_campaign(killed)
        if arguments.once:
            found["made_again"] = [again(table, each.name, Path(scratch) / each.name) for each in table.variants]
            same = all(each["same"] for each in found["made_again"])
        else:
            whole = Path(scratch) / "whole"
            found["whole"] = told(asked(whole, arguments))
            same = table.digest() == read_campaign(whole).digest()
        found |= {
            "same": same,
            "runs": len(table.runs),
            "failed": sum(bool(run.error) for run in table.runs),
            "digest": table.digest(),
            "processor_s_a_run": {each.name: mean(table, each.name) for each in table.variants},
            "arguments": {name: str(value) for name, value in vars(arguments).items()},
            "calibration": calibration(),
            "versions": made_by(),
        }
    print(json.dumps(found))


def kill_and_go_on(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run a campaign, kill it when half is kept, and go on with it."""
    since = time.perf_counter()
    process = subprocess.Popen(command(folder, arguments), stdout=subprocess.DEVNULL)
    total = None
    while process.poll() is None:
        if total is None and (folder / "campaign.json").is_file():
            campaign = read_campaign(folder)
            total = campaign.seeds * len(campaign.variants)
        kept = len(list(folder.glob("runs/*/*.run")))
        if total is not None and 2 * kept >= total:
            break
        time.sleep(POLL_S)
    if process.poll() is not None:
        raise SystemExit(f"the campaign ended (code {process.returncode}) before it could be killed")
    workers = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=GONE_WITHIN_S)
    until_killed_s = time.perf_counter() - since
    figures = told(asked(folder, arguments, "--resume"))
    return {"kept_when_killed": kept, "until_killed_s": round(until_killed_s, 1), "workers_left": len(left), **figures}


def asked(folder: Path, arguments: argparse.Namespace, *more: str) -> dict[str, Any]:
    """Run a campaign to its end and return what it printed."""
    done = subprocess.run(command(folder, arguments, *more), check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def command(folder: Path, arguments: argparse.Namespace, *more: str) -> list[str]:
    """Return the command of a person, in this Python."""
    chosen = [f"--variants={arguments.variants}"] if arguments.variants else []
    chosen += [f"--until={arguments.until}"] if arguments.until else []
    return [
        sys.executable, "-c", PROGRAM, "campaign", arguments.what, f"--seeds={arguments.seeds}", *chosen,
        f"--processes={arguments.processes}", f"--out={folder}", "--json", *more,
    ]  # fmt: skip


def told(figures: dict[str, Any]) -> dict[str, Any]:
    """Return how a campaign went, in short."""
    return {name: figures[name] for name in ("made", "runs", "wall_s", "simulated_s_per_s", "digest", "failed")}


def again(campaign: Campaign, variant: str, journals: Path) -> dict[str, Any]:
    """Make the last run of a variant again."""
    replicate = campaign.good(variant)[-1].replicate
    same = make_again(campaign.folder, variant, replicate, journals)
    return {name: same[name] for name in ("variant", "replicate", "same")}


def mean(campaign: Campaign, variant: str) -> float:
    """Return the mean processor seconds of a variant's runs."""
    runs = campaign.good(variant)
    return round(sum(run.processor_s for run in runs) / len(runs), 3)


if __name__ == "__main__":
    main()
