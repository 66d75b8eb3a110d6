"""Tracks as ASTERIX category 062 over UDP, unicast or multicast, for one viewer.

Category 062 has no item for a label, a kind or which sensors: the viewer has to know from elsewhere what it may do with
what it gets. Everybody on the way can read UDP and everybody can send it: this is for a network of one's own.

A track has a number of 16 bits (I062/040): what is left of its own number modulo 65,536, or the next that is free where
another track that is still told of has that one. A track that is no longer seen is told of once more as ended.
"""

import ipaddress
import socket
import struct
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from noroshi.formats.asterix.encoding import TRACK_NUMBERS, encode
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Tracks, TrackStatus, certain_kind, take
from noroshi.run.edges import EdgeError, endpoint
from noroshi.sharing.views import ReleasedView

TTL_MAX = 255


class Edge:
    """A sender.

    Args:
        address: where to, "239.0.0.1:8600".
        viewer: as whom the receivers see: views of others are refused.
        sac, sic: the codes of the data source.
        ttl: over how many routers multicast goes.
        interface: address of the network that multicast goes out on; None is the system's choice.
        repeat_s: how often everything is sent.

    Raises:
        EdgeError: if the address or a code is none.
    """

    def __init__(
        self,
        address: str,
        *,
        viewer: str,
        sac: int = 0,
        sic: int = 0,
        ttl: int = 1,
        interface: str | None = None,
        repeat_s: float = 5.0,
    ) -> None:
        if not (0 <= sac < 256 and 0 <= sic < 256 and 0 <= ttl <= TTL_MAX):
            raise EdgeError(f"SAC {sac}, SIC {sic} and TTL {ttl} must be 0 to 255")
        host, port = endpoint(address)
        self.viewer, self._sac, self._sic = viewer, sac, sic
        self._before: ReleasedView | None = None
        self._repeat_ns, self._whole_ns = round(repeat_s * NS_PER_S), -(1 << 62)
        self._numbers: dict[int, int] = {}
        self._taken: set[int] = set()
        self._counters: Counter[str] = Counter()
        self._socket, self._address = _sending(host, port, ttl, interface)
        encode(_ended(np.zeros(1, np.uint64), np.zeros(1, np.int64)))  # loads its tables: seconds

    def send(self, view: ReleasedView, now_ns: int) -> None:
        """Send what changed since the last time, or everything: a datagram for each block of at most 1,400 bytes.

        Raises:
            ValueError: if the view is another viewer's.
        """
        if view.viewer != self.viewer:
            raise ValueError(f"a view of {view.viewer} on the way to {self.viewer}")
        since = view.since(self._before) or 0
        self._before = view
        if not 0 <= now_ns - self._whole_ns < self._repeat_ns:
            since, self._whole_ns = 0, now_ns
        is_simulated = view.exercise is not None
        for tracks, _ in view.batches(since):
            number = self._number(tracks.track_id)
            has_one = number >= 0
            self._counters["rows_without_number"] += int((~has_one).sum())
            numbered = take(tracks.replace(track_id=number.astype(np.uint64)), has_one)
            self._send(encode(numbered, sac=self._sac, sic=self._sic, simulated=is_simulated))
        gone, last_ns = view.gone(since)
        known = np.array([number in self._numbers for number in gone.tolist()], np.bool_)
        if known.any():
            ended = _ended(self._number(gone[known]).astype(np.uint64), last_ns[known])
            self._send(encode(ended, sac=self._sac, sic=self._sic, simulated=is_simulated))
            for number in gone[known].tolist():
                self._taken.discard(self._numbers.pop(number))

    def counters(self) -> Mapping[str, int]:
        """Return how many datagrams and bytes were sent, and how many datagrams the system did not take."""
        return dict(self._counters)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def _number(self, track_id: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return (n,) numbers of 16 bits, -1 where all are taken."""
        for number in track_id.tolist():
            if number in self._numbers or len(self._taken) == TRACK_NUMBERS:
                continue
            free = number % TRACK_NUMBERS
            while free in self._taken:
                free = (free + 1) % TRACK_NUMBERS
            self._taken.add(free)
            self._numbers[number] = free
        return np.array([self._numbers.get(number, -1) for number in track_id.tolist()], np.int64)

    def _send(self, blocks: bytes) -> None:
        at = 0
        while at < len(blocks):
            (length,) = struct.unpack_from(">H", blocks, at + 1)
            try:
                self._socket.sendto(blocks[at : at + length], self._address)
                self._counters["datagrams"] += 1
                self._counters["bytes"] += length
            except OSError:  # no route, a full buffer, nobody there: the next picture tries again
                self._counters["not_sent"] += 1
            at += length


def _ended(track_id: NDArray[np.uint64], time_ns: NDArray[np.int64]) -> Tracks:
    """Return rows of which nothing is known but that the track has ended."""
    n = len(track_id)
    return Tracks(
        node="",
        source_names=(),
        track_id=track_id,
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n, np.int32),
        state_ecef=np.full((n, 6), np.nan),
        covariance_ecef=np.full((n, 6, 6), np.nan),
        existence=np.zeros(n),
        kind_probability=certain_kind(0, n),
        status=np.full(n, TrackStatus.LOST, np.uint8),
        sources=np.zeros((n, 0), np.bool_),
        identity=Identity.absent(n),
    )


def _sending(host: str, port: int, ttl: int, interface: str | None) -> tuple[socket.socket, tuple[str, int]]:
    try:
        family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        sender = socket.socket(family, socket.SOCK_DGRAM)
        sender.setblocking(False)
        if family == socket.AF_INET and ipaddress.ip_address(where[0]).is_multicast:
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
            if interface is not None:
                sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(interface))
        elif family == socket.AF_INET6 and ipaddress.ip_address(where[0]).is_multicast:
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, ttl)
    except OSError as error:
        raise EdgeError(f"cannot send to {host}:{port}: {error}") from error
    return sender, (str(where[0]), int(where[1]))
