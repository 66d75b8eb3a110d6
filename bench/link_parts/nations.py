"""Nations with keys, and waiting."""

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from noroshi.run import pki

HOSTS = ["localhost", "127.0.0.1"]


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait(until: Callable[[], object], seconds: float = 10.0) -> float:
    """Return how long it took; fails if it does not come about."""
    begin = time.monotonic()
    while not until():
        assert time.monotonic() - begin < seconds, "waited in vain"
        time.sleep(0.005)
    return time.monotonic() - begin


def coalition(folder: Path, *nations: str, exercise: str | None = "TEST") -> dict[str, Path]:
    """Make nations that are each other's partners; returns their folders of keys."""
    now_ns = time.time_ns()
    for nation in nations:
        pki.make_authority(folder / nation, nation, exercise=exercise, now_ns=now_ns)
        pki.make_node(folder / nation, HOSTS, now_ns=now_ns)
        (folder / f"{nation}.toml").write_text(pki.export(folder / nation))
    for nation in nations:
        for other in nations:
            if other != nation:
                introduce(folder / nation, folder / f"{other}.toml")
    return {nation: folder / nation for nation in nations}


def introduce(keys: Path, file: Path) -> None:
    """Take a partner in, whose word is believed."""
    pki.add_partner(keys, file, pki.read_partner(file).check, now_ns=time.time_ns())


def settings(
    keys: dict[str, Path], own: str, partner: str, exercise: str | None = "TEST", **more: Any
) -> dict[str, Any]:
    """Return the configuration of one end of a link."""
    return {"type": "zenoh", "own": own, "partner": partner, "exercise": exercise, "keys": keys[own], **more}
