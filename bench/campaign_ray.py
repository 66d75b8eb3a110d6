"""A campaign on a local Ray cluster of two nodes, one of which is lost in the middle, beside the pool's.

uv run --extra ray bench/campaign_ray.py [--what first_steps] [--seeds 6] [--variants sensors] [--until 20] [--json]

Three times the same campaign: by the pool of this machine's processes, by the cluster, and by the cluster whose second
node is killed as soon as a third of the runs are there. Their tables and digests have to be the same.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # workers have the program: they run in this environment
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
from ray.cluster_utils import Cluster as LocalCluster

from noroshi.assessment.results import RunResult
from noroshi.run.campaigns.folders import read_campaign
from noroshi.run.campaigns.performing import Wanted, perform, prepare
from noroshi.run.campaigns.versions import made_by

STORE_BYTES = 80_000_000


def main() -> None:
    """Run it and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="first_steps")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--variants", default="sensors")
    parser.add_argument("--until", type=float, default=20.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="noroshi-bench-") as scratch:
        found = {
            "pool": once(Path(scratch) / "pool", arguments),
            "cluster": on_cluster(Path(scratch) / "cluster", arguments, loses_node=False),
            "cluster_that_loses_a_node": on_cluster(Path(scratch) / "lost", arguments, loses_node=True),
        }
    print(
        json.dumps(
            {
                **found,
                "same": len({each["digest"] for each in found.values()}) == 1,
                "arguments": vars(arguments),
                "versions": {**made_by(), "ray": ray.__version__},
            }
        )
    )


def on_cluster(folder: Path, arguments: argparse.Namespace, *, loses_node: bool) -> dict[str, Any]:
    """Run it on a cluster of two nodes of one processor each."""
    cluster = LocalCluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE_BYTES})
    second = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    cluster.wait_for_nodes()
    n_heard = 0
    lost_after = None

    def heard(_: RunResult) -> None:
        nonlocal n_heard, lost_after
        n_heard += 1
        if loses_node and lost_after is None and 3 * n_heard >= arguments.seeds:
            cluster.remove_node(second, allow_graceful=False)
            lost_after = n_heard

    try:
        return {**once(folder, arguments, ray=cluster.address, heard=heard), "node_lost_after": lost_after}
    finally:
        cluster.shutdown()


def once(folder: Path, arguments: argparse.Namespace, *, ray: str | None = None, heard: Any = None) -> dict[str, Any]:
    """Run it once."""
    wanted = Wanted(
        what=arguments.what,
        out=folder,
        seeds=arguments.seeds,
        families=tuple(arguments.variants.split(",")),
        until_s=arguments.until,
        processes=1,
        ray=ray,
    )
    since = time.perf_counter()
    figures = perform(wanted, prepare(wanted), heard or (lambda _: None))
    runs = read_campaign(folder).runs
    return {
        "runs": figures["runs"],
        "failed": figures["failed"],
        "digest": figures["digest"],
        "digests": len({digest for run in runs for digest in run.digests.values()}),
        "wall_s": round(time.perf_counter() - since, 1),
    }


if __name__ == "__main__":
    main()
