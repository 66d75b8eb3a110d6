"""From the last needed measurement to the signed proposal in every entitled node, on a virtual clock and a real one.

    uv run bench/proposal_latency.py --json [--events 2017-09-15] [--stand shared-54] [--replicates 1] [--until 300]

A real launch is flown again past generic sensors of two nations whose links take 150 ms each way (`data/stands/`). Of
each proposal to warn:

- the last needed measurement is the newest in the track that it was foreseen from: what came later changed nothing;
- `virtual_s` is from then until the proposal's first step, in its owner's signed message, is in the last node that gets
  it, on the clock of the exercise, on which computing takes no time: ways of sensors, links, and waiting for the next
  look (how often a nation looks is its own setting);
- `machine_s` is the processor time that all nodes together took for all they did in that time, one after another on
  this machine: above what any node adds;
- `sum_s` is both.

Where an area has had to wait (`wait_s`) the last needed measurement is still the newest in the track: the wait itself
is no part of this.
"""

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from noroshi.command.transitions import Step
from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.records import Alert, Decision, Threats
from noroshi.run import kernel_cache
from noroshi.run.events import load_event
from noroshi.run.exercises.running import Plan, Told, run
from noroshi.run.warn.stands import scenario_of

Spent = list[tuple[int, float]]
OWNER = "JPN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One proposal.

    Attributes:
        identifier: of it.
        virtual_s, machine_s: see the top.
        lookers_s: of `virtual_s`, what is over when the owner has it.
        n_nodes: how many nodes have it.
    """

    identifier: str
    virtual_s: float
    lookers_s: float
    machine_s: float
    n_nodes: int


def timed(spent: Spent) -> dict[str, Callable[..., Any]]:
    """Let nodes note what each thing that they do costs; return what they did before."""
    before = {name: getattr(Node, name) for name in ("receive", "wake", "take")}

    def noting(does: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(does)
        def noted(self: Node, *given: Any) -> Any:
            since = time.process_time()
            try:
                return does(self, *given)
            finally:
                now_ns = given[-1] if given else spent[-1][0] if spent else 0  # `take` is asked right after
                spent.append((int(now_ns), time.process_time() - since))

        return noted

    for name, does in before.items():
        setattr(Node, name, noting(does))
    return before


def proposed(told: tuple[Told, ...], spent: Spent) -> list[Proposed]:
    """Return all proposals of the owner that other nodes got."""
    seen: dict[tuple[int, int], int] = {}  # when which threat was last measured, by when it was looked at
    heard: dict[str, dict[str, int]] = {}
    for node, now_ns, channel, record in told:
        if node == OWNER and channel == "threats" and isinstance(record, Threats):
            for number, updated_ns in zip(record.threat_id.tolist(), record.updated_ns.tolist(), strict=True):
                seen[now_ns, number] = updated_ns
        if channel == "decision" and isinstance(record, Decision):
            for stream, step in zip(record.stream.tolist(), record.step.tolist(), strict=True):
                if step == Step.RECOMMENDED:
                    heard.setdefault(stream, {}).setdefault(node, now_ns)
    at_ns, cpu_s = np.array([one[0] for one in spent]), np.array([one[1] for one in spent])
    found = []
    for node, now_ns, channel, record in told:
        if node != OWNER or channel != "proposal" or not isinstance(record, Alert):
            continue
        nodes = heard.get(record.identifier, {})
        measured_ns = seen[now_ns, record.threat_id]
        last_ns = max([now_ns, *nodes.values()])
        within = (at_ns > measured_ns) & (at_ns <= last_ns)
        found.append(
            Proposed(
                identifier=record.identifier,
                virtual_s=(last_ns - measured_ns) / NS_PER_S,
                lookers_s=(now_ns - measured_ns) / NS_PER_S,
                machine_s=float(cpu_s[within].sum()),
                n_nodes=len(nodes),
            )
        )
    return found


def flown(name: str, stand: str, replicate: int, until_s: float, span_s: float, pump_s: float) -> list[Proposed]:
    """Return the proposals of one replay."""
    spent: Spent = []
    before = timed(spent)
    try:
        with tempfile.TemporaryDirectory(prefix="noroshi-latency-") as folder:
            scenario = scenario_of(load_event(name), stand, Path(folder), seed=1, replicate=replicate)
            out = Path(folder) / "journals"
            out.mkdir()
            plan = Plan(
                scenario=str(scenario), folder=out, replicate=replicate, picture_s=1.0, pump_s=pump_s, span_s=span_s,
                until_s=until_s,
            )  # fmt: skip
            return proposed(run(plan).told, spent)
    finally:
        for each, does in before.items():
            setattr(Node, each, does)


def quantiles(values: list[float]) -> dict[str, float]:
    """Return median, 99th percentile (no smaller than it) and largest."""
    return {
        "median": float(np.median(values)),
        "p99": float(np.quantile(values, 0.99, method="higher")),
        "largest": max(values),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", nargs="+", default=["2017-09-15"])
    parser.add_argument("--stand", default="shared-54")
    parser.add_argument("--replicates", type=int, default=1)
    parser.add_argument("--until", type=float, default=300.0, help="seconds of each scenario; it begins 60 s earlier")
    parser.add_argument("--span", type=float, default=0.1, help="seconds that a sensor sees before it tells")
    parser.add_argument("--pump", type=float, default=0.05, help="how often a node looks at its links, seconds")
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the figures are printed as JSON")
    given = parser.parse_args()
    kernel_cache.prepare()
    begin = time.process_time()
    ones = [
        one
        for name in given.events
        for replicate in range(given.replicates)
        for one in flown(name, given.stand, replicate, given.until, given.span, given.pump)
    ]
    found: dict[str, Any] = {
        "bench": "proposal_latency", "seed": 1, "events": given.events, "stand": given.stand,
        "replicates": given.replicates, "until_s": given.until, "span_s": given.span, "pump_s": given.pump,
        "proposals": len(ones), "nodes": sorted({one.n_nodes for one in ones}),
    }  # fmt: skip
    if ones:
        found |= {
            "virtual_s": quantiles([one.virtual_s for one in ones]),
            "until_the_owner_has_it_s": quantiles([one.lookers_s for one in ones]),
            "machine_s": quantiles([one.machine_s for one in ones]),
            "sum_s": quantiles([one.virtual_s + one.machine_s for one in ones]),
        }
    found["versions"] = {"python": platform.python_version()} | {
        name: version(name) for name in ("noroshi", "numpy", "numba")
    }
    found["cpu_s"] = time.process_time() - begin
    print(json.dumps(found))


if __name__ == "__main__":
    main()
