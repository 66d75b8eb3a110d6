"""Nations with keys, links between them, and waiting: what the bench has of it, and a pair of links."""

import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

from noroshi.run.links import open_link

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))

from link_parts.nations import HOSTS, coalition, free_port, introduce, settings, wait
from link_parts.proxy import Line, Proxy

__all__ = ["HOSTS", "Line", "Proxy", "coalition", "free_port", "introduce", "joined", "settings", "wait"]


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
        wait(lambda: all(end.up for end in ends))
        yield ends
