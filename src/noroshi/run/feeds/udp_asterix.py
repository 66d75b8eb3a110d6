"""ASTERIX over UDP, to this machine or to a multicast group: `udp://239.0.0.1:8600`."""

from collections.abc import Callable
from typing import Self

from noroshi.formats import Context, asterix
from noroshi.run.feeds import Address
from noroshi.run.feeds.udp import Udp


class Feed(Udp):
    """See `run.feeds.Feed`."""

    @classmethod
    def at(cls, address: Address, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Self:
        """Return the feed at an address; see `run.feeds.Feed.at`."""
        return cls(address, asterix.Stream(Context(source=address.source)), arrived=arrived, now_ns=now_ns)
