"""The same campaign on a Ray cluster of two nodes, one of which is lost: the bench, as small as it can be."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[3] / "bench" / "campaign_ray.py"


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: uv sync --extra ray")
def test_a_cluster_makes_the_same_and_may_lose_a_node() -> None:
    done = subprocess.run(
        [sys.executable, BENCH, "--seeds", "2", "--until", "6", "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["same"]
    assert found["cluster_that_loses_a_node"]["node_lost_after"]
    assert {found[key]["runs"] for key in ("pool", "cluster", "cluster_that_loses_a_node")} == {6}


def test_without_ray_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from noroshi.run.campaigns.folders import CampaignError
    from noroshi.run.campaigns.on_ray import Cluster

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(CampaignError, match=r"pip install 'noroshi\[ray\]'"):
        Cluster("auto")
