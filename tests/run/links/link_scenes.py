"""Nations with keys, links between them, and waiting."""

import socket
import time
from contextlib import ExitStack, contextmanager

from noroshi.run import pki
from noroshi.run.links import open_link

HOSTS = ["localhost", "127.0.0.1"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(until, seconds=10.0):
    """Return how long it took; fails if it does not come about."""
    begin = time.monotonic()
    while not until():
        assert time.monotonic() - begin < seconds, "waited in vain"
        time.sleep(0.005)
    return time.monotonic() - begin


def coalition(folder, *nations, exercise="TEST"):
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


def introduce(keys, file):
    pki.add_partner(keys, file, pki.read_partner(file).check, now_ns=time.time_ns())


def settings(keys, own, partner, exercise="TEST", **more):
    return {"type": "zenoh", "own": own, "partner": partner, "exercise": exercise, "keys": keys[own], **more}


@contextmanager
def joined(keys, one="JPN", two="USA", port=None, through=None, arrived=(lambda: None, lambda: None), **more):
    """Open a link from each to the other, wait until both are proved, and close them afterwards."""
    port = port or free_port()
    with ExitStack() as stack:
        ends = [
            open_link(settings(keys, one, two, listen=f"tls/127.0.0.1:{port}", **more), arrived[0]),
            open_link(settings(keys, two, one, connect=f"tls/127.0.0.1:{through or port}", **more), arrived[1]),
        ]
        for end in ends:
            stack.callback(end.close)
        wait(lambda: all(end.is_proved for end in ends))
        yield ends
