"""AIS sentences over TCP: `tcp+ais://HOST:10110`."""

from collections.abc import Callable
from typing import Self

from noroshi.formats import Context, ais
from noroshi.run.feeds import Address
from noroshi.run.feeds.tcp import Tcp


class Feed(Tcp):
    """See `run.feeds.Feed`."""

    @classmethod
    def at(cls, address: Address, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Self:
        """Return the feed at an address; see `run.feeds.Feed.at`."""
        return cls(address, ais.Stream(Context(source=address.source)), arrived=arrived, now_ns=now_ns)
