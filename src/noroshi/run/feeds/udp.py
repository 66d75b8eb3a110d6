"""Datagrams: UDP to this machine, or to a group of machines (IPv4 multicast).

Linux tells how many datagrams it dropped because nobody fetched them in time; they count as dropped. It tells too when
each one came: this thread may be kept waiting while another compiles.
"""

import contextlib
import ipaddress
import socket
import struct
import sys
import time
from collections.abc import Callable

from noroshi.geo.time import NS_PER_S
from noroshi.run.feeds import Address, AddressError
from noroshi.run.feeds.listening import GATHER_S, Listening, Piece, Stream

GATHERED_MAX = 5_000
DATAGRAM_BYTES_MAX = 65_536
BUFFER_BYTES = 8 << 20
POLL_S = 0.2
SO_RXQ_OVFL = 40  # Linux, socket(7): with each datagram, how many have been dropped so far, an unsigned int;
SO_TIMESTAMPNS = 35  # and when it came, two longs: seconds and nanoseconds
ANCILLARY = (struct.Struct("=I"), struct.Struct("@ll"))


class Udp(Listening):
    """Listens to datagrams; options of the address: `interface`, an address or a name (`192.168.1.5`, `eth0`)."""

    def __init__(
        self, address: Address, stream: Stream, *, arrived: Callable[[], None], now_ns: Callable[[], int]
    ) -> None:
        super().__init__(address, stream, arrived=arrived, now_ns=now_ns)
        self._socket = _open(address.only(("interface",)))
        self._is_up, self._n_connected = True, 1
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens at; of use where the address said 0."""
        return int(self._socket.getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        super().close()
        self._socket.close()

    def _listen(self) -> None:
        n_ancillary = sum(socket.CMSG_SPACE(each.size) for each in ANCILLARY) if sys.platform == "linux" else 0
        gathered: list[Piece] = []
        until = 0.0
        while not self._closed.is_set():
            left_s = until - time.monotonic() if gathered else POLL_S
            if gathered and (left_s <= 0.0 or len(gathered) >= GATHERED_MAX):
                self._heard(gathered)
                gathered = []
                continue
            self._socket.settimeout(left_s)
            try:
                data, ancillary, *_ = self._socket.recvmsg(DATAGRAM_BYTES_MAX, n_ancillary)
            except TimeoutError:
                continue
            except OSError as error:
                # Somebody's refusal of an earlier datagram, or an interface that is gone: it may come back.
                self._trouble = str(error.strerror or error)
                self._closed.wait(POLL_S)
                continue
            self._trouble = ""
            if not gathered:
                until = time.monotonic() + GATHER_S
            if data:
                gathered.append((self._now_ns() - self._waited_ns(ancillary), data))

    def _waited_ns(self, ancillary: list[tuple[int, int, bytes]]) -> int:
        """Return how long ago a datagram came, 0 if nobody says; note how many were lost."""
        dropped, came = ANCILLARY
        waited_ns = 0
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_RXQ_OVFL and len(content) == dropped.size:
                (self._n_lost,) = dropped.unpack(content)
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(content) == came.size:
                seconds, ns = came.unpack(content)
                waited_ns = max(time.time_ns() - seconds * NS_PER_S - ns, 0)
        return waited_ns


def _open(address: Address) -> socket.socket:
    """Return a bound socket, a member of the address's group if it is one.

    Raises:
        AddressError: if this machine cannot listen there.
    """
    host = address.host or "0.0.0.0"  # noqa: S104 - a sensor's datagrams come by any interface
    try:
        where = ipaddress.ip_address(host)
    except ValueError as error:
        raise AddressError(
            f"{address.text}: '{host}' is no address: give a group (239.0.0.1), one of this machine's own addresses, "
            "or 0.0.0.0 for all of them"
        ) from error
    if where.version == 6 and where.is_multicast:
        raise AddressError(f"{address.text}: groups are joined in IPv4 only")
    found = socket.socket(socket.AF_INET if where.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        if sys.platform == "linux":
            found.setsockopt(socket.SOL_SOCKET, SO_RXQ_OVFL, 1)
            found.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        if where.is_multicast:
            # Others on this machine may listen to it too; bound to the group, it hears nothing else of the port.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(("" if sys.platform == "win32" else host, address.port))
            member = _membership(host, address)
            found.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        else:
            found.bind((host, address.port))
    except OSError as error:
        found.close()
        hint = (
            "name the interface it comes by: ?interface=ADDRESS"
            if where.is_multicast
            else "udp:// listens: give one of this machine's own addresses, or 0.0.0.0 for all"
        )
        raise AddressError(f"{address.text}: {error.strerror or error}; {hint}") from error
    except AddressError:
        found.close()
        raise
    return found


def _membership(group: str, address: Address) -> bytes:
    """Return what joins a group by an interface, as the system wants it.

    Raises:
        AddressError: if there is no such interface.
    """
    interface = address.options.get("interface", "0.0.0.0")  # noqa: S104 - the system chooses
    try:
        return socket.inet_aton(group) + socket.inet_aton(interface)
    except OSError:
        pass
    try:
        number = socket.if_nametoindex(interface)
    except OSError as error:
        there = ", ".join(name for _, name in socket.if_nameindex())
        raise AddressError(f"{address.text}: no interface '{interface}'; there are: {there}") from error
    return socket.inet_aton(group) + socket.inet_aton("0.0.0.0") + struct.pack("=i", number)  # noqa: S104
