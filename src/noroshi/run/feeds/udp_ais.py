"""AIS sentences over UDP, as receivers and OpenCPN send them: `udp+ais://0.0.0.0:10110`."""

from collections.abc import Callable, Sequence
from typing import Self

from noroshi.formats import Context, Decoded, ais
from noroshi.run.feeds import Address
from noroshi.run.feeds.listening import Piece
from noroshi.run.feeds.udp import Udp


class _Sentences(ais.Stream):
    """Datagrams of whole sentences, the last of which need not end in a line feed."""

    def decode(self, pieces: Sequence[Piece]) -> Decoded:
        return super().decode([(received_ns, data + b"\n") for received_ns, data in pieces])


class Feed(Udp):
    """See `run.feeds.Feed`."""

    @classmethod
    def at(cls, address: Address, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Self:
        """Return the feed at an address; see `run.feeds.Feed.at`."""
        return cls(address, _Sentences(Context(source=address.source)), arrived=arrived, now_ns=now_ns)
