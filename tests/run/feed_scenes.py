"""What the tests of feeds share: something to play, and somebody who waits."""

import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from noroshi.formats.asterix import encode_plots, framing
from noroshi.geo.time import NS_PER_S, iso_from_utc_ns
from noroshi.records import Detections, Identity
from noroshi.run.feeds import open_feed

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def until(condition, seconds=30.0):
    """Return whether the condition comes true in time."""
    stop = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > stop:
            return False
        time.sleep(0.01)
    return True


class Ear:
    """Somebody who receives whatever comes."""

    def __init__(self, text, now_ns=time.time_ns):
        self.n_arrived = 0
        self.batches = []
        self.feed = open_feed(text, arrived=self._arrived, now_ns=now_ns)

    def _arrived(self):
        self.n_arrived += 1

    def hear(self):
        self.batches += self.feed.receive()
        return self.batches

    def rows(self):
        """Return how many detections have come."""
        return sum(len(batch) for batch in self.hear() if isinstance(batch, Detections))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.feed.close()


def plots(time_ns, n=5, source=(12, 34)):
    """Return n plots of one radar at about a time, as one ASTERIX 048 block."""
    batch = Detections.of(
        sensor=f"{source[0]:03d}/{source[1]:03d}",
        components=("range_m", "azimuth_rad", "altitude_m"),
        time_ns=np.full(n, time_ns, np.int64),
        values=np.column_stack([50e3 + 5e3 * np.arange(n), 0.1 * np.arange(1, n + 1), np.full(n, 9000.0)]),
        identity=Identity.absent(n).replace(icao_address=np.arange(n) + 0x840000),
    )
    return encode_plots(batch, sac=source[0], sic=source[1])


def sbs(time_ns, address=0x4CA216, lat_deg=47.1):
    """Return a position as a BaseStation line."""
    day, _, clock = iso_from_utc_ns(time_ns // 10**6 * 10**6).removesuffix("Z").partition("T")
    moment = f"{day.replace('-', '/')},{clock}"
    return f"MSG,3,1,1,{address:06X},1,{moment},{moment},,30000,,,{lat_deg:.5f},8.50000,,,0,0,0,0\r\n".encode()


def real_datagrams(name, number=500):
    """Return datagrams of a real recording."""
    path = SHARED / "asterix" / name
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    return [data for _, data in framing.datagrams(path.read_bytes(), Counter(), Counter())][:number]


__all__ = ["NS_PER_S", "SHARED", "Ear", "plots", "real_datagrams", "sbs", "until"]
