"""Ways out of a node for programs that are not nodes. One file an edge; the name is its key.

Each holds `class Edge`, whose constructor says where to and how. What goes out is a `ReleasedView` of a named viewer,
which only `sharing/views.py` makes: no edge can be handed the national picture. An edge does not wait for who reads it:
who is slow gets the newest state later or is dropped, and nothing queues without bound.
"""

import errno
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from noroshi.formats.stream import message
from noroshi.sharing.views import ReleasedView


class EdgeError(ValueError):
    """An edge cannot open: the address is taken or unknown, a certificate cannot be read. One line for a person."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """What TLS needs, as paths of PEM files.

    Attributes:
        certificate: one's own, with its chain.
        key: of one's own certificate.
        authority: whose certificates the other side has to show; "" lets everybody in, where tokens tell them apart.
    """

    certificate: str
    key: str
    authority: str = ""


def tls_of(said: "Tls | Mapping[str, str] | None") -> Tls | None:
    """Return what a configuration says of TLS, a table with the fields of `Tls`.

    Raises:
        EdgeError: if it says something else.
    """
    if said is None or isinstance(said, Tls):
        return said
    try:
        return Tls(**said)
    except TypeError as error:
        raise EdgeError(
            "tls has certificate and key, and authority where the other side has to show its own"
        ) from error


class Edge(Protocol):
    """What each edge does; `send` may be called from one thread, `counters` and `close` from any."""

    def send(self, view: ReleasedView, now_ns: int) -> None:
        """Take the newest view of a viewer; returns at once."""
        ...

    def counters(self) -> Mapping[str, int]:
        """Return what happened so far, for the operator alone: what was sent, dropped, refused."""
        ...

    def close(self) -> None:
        """Stop, let go of sockets and threads; a second time does nothing."""
        ...


def message_of(view: ReleasedView, now_ns: int, since: int | None, form: str) -> bytes:
    """Return what has changed of a view since a version as a message of the stream, all of it if that is None."""
    return message(
        [tracks for tracks, _ in view.batches(since or 0)],
        viewer=view.viewer,
        node=view.node,
        exercise=view.exercise,
        version=view.version,
        since=since,
        gone=view.gone_id[:0] if since is None else view.gone(since)[0],
        time_ns=now_ns,
        form=form,
    )


def endpoint(address: str) -> tuple[str, int]:
    """Return host and port of `host:port`, `[host]:port` for IPv6.

    Raises:
        EdgeError: if it is neither.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise EdgeError(f"'{address}' is no address: write it as 127.0.0.1:8600 or [::1]:8600")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a host."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listening(address: str, *, is_safe: bool) -> socket.socket:
    """Return a socket that listens at an address.

    Raises:
        EdgeError: if there can be none, or others could listen to what goes over it.
    """
    host, port = endpoint(address)
    if not is_safe and not is_loopback(host):
        raise EdgeError(f"{address} can be reached from elsewhere, and all on the way could read: give a certificate")
    try:
        listener = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        why = "another program listens there; name another port" if is_taken else str(error)
        raise EdgeError(f"cannot listen on {address}: {why}") from error
    # inherited; asyncio sets it not on sockets like this
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
