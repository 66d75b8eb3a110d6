"""Tracks as Cursor on Target over TCP or TLS, for the TAK clients and servers of one viewer.

Clients connect to it, or it connects to servers, or both. A client gets the whole picture first and then what changes,
as fast as it takes it. Anybody who can connect sees: beyond this machine only with TLS, where both sides show a
certificate of the given authority.
"""

import asyncio
import ssl
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from noroshi.formats import cot
from noroshi.run.edges import EdgeError, Tls, endpoint, is_loopback, listening, tls_of
from noroshi.run.edges.newest import Newest
from noroshi.sharing.label import cot_attributes, cot_detail, decode
from noroshi.sharing.views import ReleasedView

CLIENTS_MAX = 50
SLOW_S = 30.0  # who does not take what changed within this is dropped
CONNECT_S = 10.0
RETRY_S = (1.0, 30.0)


class Edge:
    """A server for clients, and a client of servers, in a thread of its own.

    Args:
        viewer: as whom all of them see: views of others are refused.
        listen: where clients connect to, "127.0.0.1:8087"; None for nowhere. Port 0 takes a free one, see `address`.
        connect: servers to connect to.
        tls: for both; needed for everything that is not on this machine.
        affiliation: "u" unknown, "p" pending or "n" neutral.
        stale_s: how long a row is good for after the time at which the next is due.

    Raises:
        EdgeError: if it cannot listen there, or a certificate cannot be used.
    """

    def __init__(
        self,
        *,
        viewer: str,
        listen: str | None = "127.0.0.1:8087",
        connect: Sequence[str] = (),
        tls: Tls | Mapping[str, str] | None = None,
        affiliation: str = "u",
        stale_s: float = cot.STALE_S,
    ) -> None:
        if affiliation not in cot.AFFILIATIONS:
            raise EdgeError(f"affiliation '{affiliation}' is none of {', '.join(cot.AFFILIATIONS)}")
        tls = tls_of(tls)
        if tls is not None and not tls.authority:
            raise EdgeError("tls without an authority would let everybody in: name whose certificates you take")
        self.viewer, self._affiliation, self._stale_s = viewer, affiliation, stale_s
        self._servers = [endpoint(address) for address in connect]
        for host, _ in self._servers:
            if tls is None and not is_loopback(host):
                raise EdgeError(f"{host} is elsewhere, and all on the way could read: give a certificate for TLS")
        self._inbound: ssl.SSLContext | None = None
        self._outbound: ssl.SSLContext | None = None
        if tls is not None:
            self._inbound, self._outbound = _contexts(tls)
        self._newest = Newest()
        self._encoded: dict[int | None, bytes] = {}
        self._encoded_of: ReleasedView | None = None
        self._counters: Counter[str] = Counter()
        self._clients: set[asyncio.Task[None]] = set()
        self._closing = False
        self._socket = None if listen is None else listening(listen, is_safe=tls is not None)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="noroshi-cot", daemon=True)
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on.

        Raises:
            EdgeError: if it listens nowhere.
        """
        if self._socket is None:
            raise EdgeError("it listens nowhere")
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def send(self, view: ReleasedView, now_ns: int) -> None:
        """Take the newest view; each client gets what changed as fast as it can take it.

        Raises:
            ValueError: if the view is another viewer's.
        """
        if view.viewer != self.viewer:
            raise ValueError(f"a view of {view.viewer} on the way to {self.viewer}")
        self._newest.put(view, now_ns)

    def counters(self) -> Mapping[str, int]:
        """Return how many connections, refusals, bytes and dropped clients there were."""
        return dict(self._counters)

    def close(self) -> None:
        """Stop listening and end every connection."""
        self._closing = True
        self._newest.wake()
        self._thread.join(10.0)
        if self._socket is not None:
            self._socket.close()

    async def _serve(self) -> None:
        self._newest.attach()
        tasks = [asyncio.create_task(self._keep(host, port)) for host, port in self._servers]
        server = None
        if self._socket is not None:
            server = await asyncio.start_server(self._greet, sock=self._socket, ssl=self._inbound)
        while not self._closing:
            await self._newest.pulse.wait()
        if server is not None and self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            for _ in range(2):  # what asyncio has taken becomes a client of ours: once closed it would leave it open
                await asyncio.sleep(0)
            server.close()
        tasks += self._clients
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Own a connection from its first moment: a task that is cancelled before it began closes nothing."""
        if len(self._clients) >= CLIENTS_MAX:
            self._counters["refused"] += 1
            writer.transport.abort()
            return
        task = asyncio.create_task(self._talk(reader, writer))
        task.add_done_callback(lambda _: writer.transport.abort())
        task.add_done_callback(self._clients.discard)
        self._clients.add(task)

    async def _keep(self, host: str, port: int) -> None:
        """Stay connected to a server, after longer and longer pauses where it does not answer."""
        pause_s = RETRY_S[0]
        while True:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_S):
                    reader, writer = await asyncio.open_connection(host, port, ssl=self._outbound)
                pause_s = RETRY_S[0]
                await self._talk(reader, writer)
            self._counters["retries"] += 1
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, RETRY_S[1])

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._counters["connections"] += 1
        tasks = [asyncio.create_task(self._listen(reader, writer)), asyncio.create_task(self._tell(writer))]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writer.transport.abort()  # whoever is slow would not take the end either
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            self._counters["failed"] += sum(
                isinstance(one, Exception) and not isinstance(one, OSError) for one in ended
            )

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Return when the other side has gone. Of what it says only the question is answered whether we are there."""
        before = b""
        while heard := await reader.read(4096):
            if any(ping in before + heard for ping in cot.PING):
                writer.write(cot.encode_pong(time.time_ns()))
                await writer.drain()
                before = b""
            else:
                before = heard[-max(map(len, cot.PING)) :]

    async def _tell(self, writer: asyncio.StreamWriter) -> None:
        before: ReleasedView | None = None
        while True:
            pulse, found = self._newest.pulse, self._newest.get(self.viewer)
            view = None if found is None else found[0]
            if view is not None and view is not before:
                body = self._events(view, view.since(before))
                writer.write(body)
                try:
                    async with asyncio.timeout(SLOW_S):
                        await writer.drain()
                except TimeoutError:
                    self._counters["dropped_slow"] += 1
                    return
                self._counters["bytes"] += len(body)
                before = view
                continue
            await pulse.wait()

    def _events(self, view: ReleasedView, since: int | None) -> bytes:
        """Return the events of what changed since a version, of all if that is None; clients share what was encoded."""
        if self._encoded_of is not view:
            self._encoded, self._encoded_of = {}, view
        if since in self._encoded:
            return self._encoded[since]
        parts = []
        for tracks, interval_s in view.batches(since or 0):
            label = decode(tracks.label)
            parts.append(
                cot.encode(
                    tracks,
                    attributes={} if label is None else cot_attributes(label),
                    details=() if label is None else (cot_detail(label),),
                    exercise=view.exercise,
                    affiliation=self._affiliation,
                    stale_s=self._stale_s + interval_s,
                )
            )
        if since is not None:
            parts.append(cot.encode_gone(view.node, *view.gone(since)))
        self._encoded[since] = b"".join(parts)
        return self._encoded[since]


def _contexts(tls: Tls) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return what serves and what connects; both ask the other side for a certificate of the authority."""
    try:
        inbound = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        outbound = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for context in (inbound, outbound):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.load_cert_chain(tls.certificate, tls.key)
            context.load_verify_locations(tls.authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except (OSError, ssl.SSLError) as error:
        raise EdgeError(f"a certificate or key cannot be used: {error}") from error
    return inbound, outbound
