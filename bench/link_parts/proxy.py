"""A TCP line that can be slow, thin, lossy, silent or cut, between two ends on this machine.

Bytes wait for the rate in front of the line and then travel for the delay. A lost segment is what TCP makes of it: all
that comes after it waits until it was sent again. `cut` ends all connections and lets none come up; `stall` leaves
them and lets nothing through, as a line does whose far end has vanished.
"""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

SEGMENT_BYTES = 1_460
CHUNK_BYTES_MAX = 16 << 10
QUEUE_S = 0.2  # what waits in front of a thin line; more makes the sender's kernel wait
QUEUE_CHUNKS = 64


@dataclass(frozen=True, kw_only=True)
class Line:
    """How a line is, the same both ways.

    Attributes:
        delay_s: how long a byte travels.
        rate_bit_s: what goes through; None: all.
        loss: chance that a segment is lost.
        retransmit_s: what a loss costs.
        seed: of the losses.
    """

    delay_s: float = 0.0
    rate_bit_s: float | None = None
    loss: float = 0.0
    retransmit_s: float = 0.4
    seed: int = 0


class Proxy:
    """Listens on `port` and carries all that connects to `port_to`, both on this machine."""

    def __init__(self, port_to: int, line: Line | None = None) -> None:
        self.line = line or Line()
        self.port = 0
        self.carried_bytes = 0
        self._port_to = port_to
        self._rng = np.random.default_rng(self.line.seed)
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._do(self._listen())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def cut(self) -> None:
        """End all connections, and each that comes until `join`."""
        self._is_cut = True
        self._do(self._drop())

    def join(self) -> None:
        """Let connections come up again."""
        self._is_cut = False

    def stall(self) -> None:
        """Let nothing through, without a word, until `go_on`."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def go_on(self) -> None:
        """Let through what waited, and all else."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def close(self) -> None:
        """End everything."""
        self.cut()
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10.0)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _drop(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._flows.set()
        own = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port_to)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, far_writer}
        pipes = [
            asyncio.create_task(self._pipe(reader, far_writer)),
            asyncio.create_task(self._pipe(far_reader, writer)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            for each in (writer, far_writer):
                self._writers.discard(each)
                each.transport.abort()
            await asyncio.gather(*pipes, return_exceptions=True)

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one way until either side ends."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUE_CHUNKS)
        arriving = asyncio.create_task(self._arrive(under_way, writer))
        rate_bytes_s = self.line.rate_bit_s / 8.0 if self.line.rate_bit_s else None
        chunk = CHUNK_BYTES_MAX if rate_bytes_s is None else min(CHUNK_BYTES_MAX, max(256, int(rate_bytes_s * 0.01)))
        free_s = arrives_s = 0.0
        try:
            while data := await reader.read(chunk):
                now_s = self._loop.time()
                free_s = max(free_s, now_s) + (len(data) / rate_bytes_s if rate_bytes_s else 0.0)
                arrives_s = max(arrives_s, free_s + self.line.delay_s + self._retransmission_s(len(data)))
                await under_way.put((arrives_s, data))
                await asyncio.sleep(max(free_s - now_s - QUEUE_S, 0.0))
        except OSError:
            pass
        finally:
            arriving.cancel()
            await asyncio.gather(arriving, return_exceptions=True)

    async def _arrive(self, under_way: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        while True:
            arrives_s, data = await under_way.get()
            await asyncio.sleep(max(arrives_s - self._loop.time(), 0.0))
            await self._flows.wait()
            writer.write(data)
            self.carried_bytes += len(data)
            await writer.drain()

    def _retransmission_s(self, n_bytes: int) -> float:
        if not self.line.loss:
            return 0.0
        return self.line.retransmit_s * bool((self._rng.random(-(-n_bytes // SEGMENT_BYTES)) < self.line.loss).any())
