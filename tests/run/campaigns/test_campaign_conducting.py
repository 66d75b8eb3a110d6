"""Keeping runs, going on, stopping early, and what goes wrong: with runs that take no time."""

import errno
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from campaign_scenes import VARIANTS, deadly, empty_campaign, made
from scipy import stats

from noroshi.assessment.results import Figure, RunResult
from noroshi.run import outputs
from noroshi.run.campaigns.conducting import conduct
from noroshi.run.campaigns.folders import CampaignError, keep_run, packed, read_campaign, read_run, run_path, unpacked
from noroshi.run.campaigns.pool import Made, Pool
from noroshi.run.campaigns.stopping import BATCH, is_enough
from noroshi.run.campaigns.tasks import Task
from noroshi.run.complaints import is_full


class Here:
    """Makes runs here, in an order of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.asked: list[tuple[str, int]] = []

    def results(self, tasks: Sequence[Task]) -> Iterator[Made]:
        for i in self.rng.permutation(len(tasks)):
            self.asked.append((tasks[i].variant, tasks[i].replicate))
            yield tasks[i], self.made(tasks[i])

    def made(self, task: Task) -> RunResult | Exception:
        return made(task)


def test_a_result_comes_back_as_it_was() -> None:
    figures = (
        Figure(measure="a_s", value=math.inf),
        Figure(measure="b", value=-0.0, node="JPN", shared=False, at_s=2.0),
    )
    run = RunResult(variant="x", replicate=3, figures=figures, digests={"JPN": "12"}, processor_s=1.5, error="no")
    back = unpacked(packed(run))
    assert repr(back) == repr(run)
    assert math.isnan(back.figures[0].at_s)


def test_the_table_does_not_depend_on_the_order_in_which_runs_end(tmp_path: Path) -> None:
    digests = set()
    for seed in range(3):
        went = conduct(empty_campaign(tmp_path / str(seed), seeds=5), Here(seed))
        assert [(run.variant, run.replicate) for run in went.campaign.runs] == [
            (variant.name, replicate) for variant in VARIANTS for replicate in range(5)
        ]
        digests.add(went.campaign.digest())
    assert len(digests) == 1


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    whole = conduct(empty_campaign(tmp_path / "whole", seeds=4), Here()).campaign.digest()
    folder = tmp_path / "half"
    campaign = empty_campaign(folder, seeds=4)
    for variant, replicate in (("base", 0), ("less", 0), ("less", 3)):
        keep_run(folder, made(Task(variant=variant, replicate=replicate, scenario=Path())))
    run_path(folder, "base", 1).with_name(".0001.run.part").write_bytes(b"half a result, as a kill leaves it")
    makers, seen = Here(), []
    went = conduct(read_campaign(folder), makers, heard=seen.append)
    assert len(makers.asked) == went.made == 5
    assert not {("base", 0), ("less", 0), ("less", 3)} & set(makers.asked)
    assert len(seen) == 5
    assert went.campaign.digest() == whole
    assert campaign.folder == folder


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    conduct(empty_campaign(tmp_path, seeds=1), Here())
    path = run_path(tmp_path, "base", 0)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CampaignError, match=r"0000\.run: is damaged"):
        read_campaign(tmp_path)


def test_a_run_that_fails_is_named_and_made_again(tmp_path: Path) -> None:
    class Failing(Here):
        def made(self, task: Task) -> RunResult | Exception:
            if task.variant == "less" and task.replicate == 2:
                return RunResult(variant="less", replicate=2, error="flights 'x': too far")
            return RuntimeError("lost") if task.replicate == 1 and task.variant == "base" else made(task)

    went = conduct(empty_campaign(tmp_path, seeds=3), Failing())
    assert [(run.variant, run.replicate, run.error) for run in went.failed] == [
        ("base", 1, "RuntimeError: lost"),
        ("less", 2, "flights 'x': too far"),
    ]
    assert len(went.campaign.good("base")) == len(went.campaign.good("less")) == 2
    makers = Here()
    assert not conduct(went.campaign, makers).failed
    assert sorted(makers.asked) == [("base", 1), ("less", 2)]


@pytest.mark.parametrize("keeps_error", [True, False])
def test_a_full_disk_stops_it_and_keeps_what_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keeps_error: bool
) -> None:
    class Full(Here):
        def made(self, task: Task) -> RunResult | Exception:
            if len(self.asked) == 4 and keeps_error:
                return OSError(errno.ENOSPC, "No space left on device")
            return made(task)

    n_written = 0

    def replace(path: Path, data: bytes) -> None:
        nonlocal n_written
        n_written += 1
        if n_written >= 4 and not keeps_error:
            raise outputs.OutputError(f"{path}: full") from OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    campaign = empty_campaign(tmp_path, seeds=5)
    write = outputs.replace
    monkeypatch.setattr(outputs, "replace", replace)
    went = conduct(campaign, Full())
    assert went.full
    assert len(went.failed) == 1
    assert "full" in went.failed[0].error or "No space" in went.failed[0].error
    assert sum(not run.error for run in went.campaign.runs) == 3
    monkeypatch.setattr(outputs, "replace", write)
    whole = conduct(empty_campaign(tmp_path / "whole", seeds=5), Here()).campaign.digest()
    assert conduct(went.campaign, Here()).campaign.digest() == whole


def test_only_errors_of_a_full_disk_are_taken_for_one() -> None:
    assert is_full(OSError(errno.ENOSPC, ""))
    assert not is_full(OSError(errno.EACCES, ""))
    assert not is_full(ValueError("No space left on device"))


def test_it_stops_when_the_interval_is_narrow_whoever_ends_first(tmp_path: Path) -> None:
    # The difference is -20, -21, -22 by turns. Student's interval of these, scipy's own, is narrow enough at the end,
    # and the rule waits for little more than that.
    found = {}
    for seed in range(3):
        went = conduct(empty_campaign(tmp_path / str(seed), seeds=100, stop_at=("lead_time_s", 0.3)), Here(seed))
        found[went.enough] = went.campaign.digest()
        assert len(went.campaign.runs) == 2 * went.enough
    assert len(found) == 1
    (enough,) = found
    widths = {}
    for n in range(BATCH, enough + 1, BATCH):
        low, high = stats.ttest_1samp(-20.0 - np.arange(n) % 3, 0.0).confidence_interval(0.95)
        widths[n] = (high - low) / 2.0
    assert widths[enough] <= 0.3
    assert widths[enough - 2 * BATCH] > 0.3


def test_it_goes_on_to_the_same_end_if_it_was_interrupted(tmp_path: Path) -> None:
    whole = conduct(empty_campaign(tmp_path / "whole", seeds=60, stop_at=("lead_time_s", 0.3)), Here())
    half = empty_campaign(tmp_path / "half", seeds=60, stop_at=("lead_time_s", 0.3))
    for replicate in range(13):
        keep_run(half.folder, made(Task(variant="base", replicate=replicate, scenario=Path())))
    went = conduct(read_campaign(half.folder), Here(5))
    assert (went.enough, went.campaign.digest()) == (whole.enough, whole.campaign.digest())


def test_nothing_is_enough_without_pairs() -> None:
    runs = [made(Task(variant="base", replicate=i, scenario=Path())) for i in range(5 * BATCH)]
    runs += [RunResult(variant="less", replicate=i, error="no") for i in range(5 * BATCH)]
    assert not is_enough(runs, ["base", "less"], "lead_time_s", 1e9)
    assert not is_enough(runs, ["base", "less"], "no_such_measure", 1e9)


def test_a_pool_gives_the_same_and_outlives_a_process_that_dies(tmp_path: Path) -> None:
    with Pool(1, deadly) as pool:
        went = conduct(empty_campaign(tmp_path / "two", seeds=2), pool)
    assert [(run.variant, run.replicate) for run in went.failed] == [("less", 1)]
    assert "died" in went.failed[0].error
    here = conduct(empty_campaign(tmp_path / "here", seeds=2), Here()).campaign
    good = {
        (run.variant, run.replicate): run.digests for run in here.runs if (run.variant, run.replicate) != ("less", 1)
    }
    assert {(run.variant, run.replicate): run.digests for run in went.campaign.runs if not run.error} == good
    assert read_run(run_path(tmp_path / "two", "less", 1)).error


def test_workers_end_with_whoever_started_them() -> None:
    """Killed by SIGKILL, the pool's owner can tell its workers nothing."""
    script = (
        "from pathlib import Path\nfrom campaign_scenes import slow\nfrom noroshi.run.campaigns.pool import Pool\n"
        "from noroshi.run.campaigns.tasks import Task\n"
        "if __name__ == '__main__':\n"
        "    with Pool(1, slow) as pool:\n"
        "        for _ in pool.results([Task(variant='base', replicate=i, scenario=Path()) for i in range(9)]):\n"
        "            print('one', flush=True)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": "."},
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"one\n"
    workers = psutil.Process(owner.pid).children(recursive=True)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert workers
    assert not psutil.wait_procs(workers, timeout=20.0)[1]
