"""Nodes of several nations as processes, joined over mutual TLS on this machine, and what they believed."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from link_parts.nations import coalition, free_port
from link_parts.proxy import Proxy

from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.node.core import Node
from noroshi.records import Batch, Tracks, joined_by_sensor
from noroshi.run import kernel_cache, pki
from noroshi.run.exercises.running import Plan, run
from noroshi.run.journal import read_records, read_setup
from noroshi.run.setup import assemble
from noroshi.run.sharing import Own

CLOSED_NS = 8 * NS_PER_S  # a watermark is closed so long after its time: all that holds until then has come


@dataclass
class Network:
    """One process a nation, each with its own simulated sensors of one world.

    Attributes:
        folder: of keys, memories and logs.
        scenario: whose world it is.
        nations: file or name of each nation by its code.
        start_ns: the real instant at which the scenario starts.
        with_proxies: whether each pair's line goes through a proxy that can be cut.
        more: further arguments of a nation's command.
    """

    folder: Path
    scenario: str
    exercise: str
    nations: Mapping[str, str]
    start_ns: int
    with_proxies: bool = False
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)
    proxies: dict[tuple[str, str], Proxy] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = coalition(self.folder / "keys", *self.nations, exercise=self.exercise)
        self._links: dict[str, list[str]] = {code: [] for code in self.nations}
        codes = list(self.nations)
        for i, first in enumerate(codes):
            for second in codes[i + 1 :]:
                port = free_port()
                self._links[first].append(f"{second}@tls/127.0.0.1:{port}")
                if self.with_proxies:
                    proxy = self.proxies[first, second] = Proxy(port)
                    port = proxy.port
                self._links[second].append(f"{first}=tls/127.0.0.1:{port}")

    def start(self, code: str) -> None:
        """Start a nation's node, the first time or again."""
        feed = f"simulated://{self.scenario}/{code}?start={iso_from_utc_ns(self.start_ns)}"
        links = [word for link in self._links[code] for word in ("--link", link)]
        log = (self.folder / f"{code}.log").open("ab")
        self.processes[code] = subprocess.Popen(
            [
                sys.executable, "-m", "noroshi", "node", self.nations[code], "--keys", str(self.keys[code]),
                "--state", str(self.state(code)), "--feed", feed, *links, *self.more.get(code, ()),
            ],
            stdout=log, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        log.close()

    def state(self, code: str) -> Path:
        """Return the folder of a node's memory."""
        return self.folder / f"state-{code}"

    def kill(self, code: str) -> None:
        """End a node as a power cut would: signal 9."""
        self.processes[code].kill()
        self.processes[code].wait()

    def stop(self) -> None:
        """End all nodes in order."""
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(60)
        for proxy in self.proxies.values():
            proxy.close()

    def run(self, seconds: float) -> None:
        """Start all nodes and let them run until so long after the scenario's start."""
        for code in self.nations:
            self.start(code)
        self.wait_until(self.start_ns + round(seconds * NS_PER_S))
        self.stop()

    def wait_until(self, time_ns: int) -> None:
        """Wait; a node that ends meanwhile by itself is an error."""
        while time.time_ns() < time_ns:
            for code, process in self.processes.items():
                if process.poll() not in (None, -signal.SIGKILL):
                    raise RuntimeError(f"node {code} ended: {(self.folder / f'{code}.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def journal(self, code: str) -> Iterator[tuple[int, Batch]]:
        """Yield what a node received, in order, over all its lives."""
        for path in sorted((self.state(code) / "journal").glob("*.mcap")):
            yield from read_records(path)

    def node(self, code: str) -> Node:
        """Return a new node as this one was when it began."""
        setup = read_setup(min((self.state(code) / "journal").glob("*.mcap")))
        own = Own(pki.identity(self.keys[code]).signing_key_at(time.time_ns()), self.secret(code))
        return assemble(setup, keys=own)[0]

    def secret(self, code: str) -> bytes:
        """Return what a node's coarsening hangs on."""
        return (self.state(code) / "secret.key").read_bytes()


@dataclass(frozen=True)
class Believed:
    """What a node believed.

    Attributes:
        live: its fused picture at each time, as it was then.
        closed: the same as it was when all that holds until then had come; None for a time that never closed.
        own: the picture of its own sensors alone, as it was then.
    """

    live: list[Tracks]
    closed: list[Tracks | None]
    own: list[Tracks]


def believed(network: Network, code: str, times_ns: Sequence[int]) -> Believed:
    """Return what a node believed at times, found again from its journal."""
    node = network.node(code)
    assert node.exchange is not None
    node.exchange.is_silent = True
    live: list[Tracks] = []
    own: list[Tracks] = []
    closed: list[Tracks | None] = []

    def until(now_ns: int) -> None:
        while len(live) < len(times_ns) and times_ns[len(live)] < now_ns:
            live.append(node.picture(times_ns[len(live)]))
            own.append(node.own_picture(times_ns[len(own)]))
        while len(closed) < len(live) and times_ns[len(closed)] + CLOSED_NS < now_ns:
            closed.append(node.picture(times_ns[len(closed)]))

    for now_ns, record in network.journal(code):
        until(now_ns)
        while (due_ns := node.wake_ns()) is not None and due_ns <= now_ns:
            node.wake(due_ns)
        node.receive(record, now_ns)
        node.take()
    closed += [None] * (len(times_ns) - len(closed))
    return Believed(live, closed, own)


def warm(scenario: str, until_s: float = 60.0) -> None:
    """Compile what nodes of a scenario need, so that no node compiles while its partners wait."""
    kernel_cache.prepare()
    with tempfile.TemporaryDirectory() as name:
        run(Plan(scenario=scenario, folder=Path(name), until_s=until_s))


def all_times(pictures: Sequence[Tracks]) -> Tracks | None:
    """Return pictures one after the other."""
    there = [picture for picture in pictures if len(picture)]
    return joined_by_sensor(there) if there else None
