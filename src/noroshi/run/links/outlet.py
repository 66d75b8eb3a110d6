"""The way out of a link and in at its other end: bounded, in chunks, no more under way than the line drains soon.

Whoever sends never waits: frames go into a queue, and its thread hands them to the transport in chunks. The other end
acknowledges chunks, so this end knows how long the line takes over them, and keeps so little under way that a chunk
spends about `DELAY_S` at most in buffers, which urgent frames could not pass. A line that takes nothing therefore holds
up nobody and fills no buffer: the queue fills, and `offer` says so. What is lost on the way is not sent again here.
"""

import struct
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from noroshi.run.links import FRAME_BYTES_MAX, Counters, Queue
from noroshi.run.links.sealing import SEAL_BYTES

HEAD = struct.Struct(">QII")  # number of the chunk, where it begins in its frame, length of the frame
ACK = struct.Struct(">?Q")  # urgent, number of the chunk
DELAY_S = 0.05  # more than the least that was seen
CHUNK_BYTES_MIN, CHUNK_BYTES_MAX = 1_024, 32 << 10  # one batch of the transport at most
WINDOW_BYTES_FIRST, WINDOW_BYTES_MAX, WINDOW_CHUNKS = 2 * CHUNK_BYTES_MIN, 4 << 20, 8
QUEUED_S, QUEUED_BYTES_MIN = 1.0, 32 << 10  # what would wait longer is better chosen anew by whoever sends
GROWTH_FIRST, GROWTH = 2.0, 1.25  # of what is under way, a round trip, while no delay shows
PROBE_S, PROBE_ROUNDS = 10.0, 2  # so often the line is let run empty, to see its least time; BBR does the same
RATE_FIRST_BYTES_S = float(256 << 10)  # until the line has shown what it carries
LOST_S = 3.0  # without an acknowledgement what is under way is taken to be lost


class Outlet:
    """One queue and its thread.

    Args:
        name: of the thread.
        put: hands a chunk to the transport; what it raises loses the chunk and nothing else.
        reply: hands an acknowledgement of the other end's chunks to the transport, likewise.
        counters, lock: of the link.
        roomy: called when there is room again after a refusal.
    """

    def __init__(
        self,
        name: str,
        put: Callable[[bytes], None],
        reply: Callable[[bytes], None],
        counters: Counters,
        lock: threading.Lock,
        roomy: Callable[[], None],
    ) -> None:
        self._put, self._reply, self._counters, self._roomy = put, reply, counters, roomy
        self._queue = Queue()
        self._frame, self._offset = b"", 0
        self._number = 0
        self._replies: dict[bool, int] = {}
        self._under_way: deque[tuple[int, int, float]] = deque()  # number, bytes, when
        self._is_closed = self._has_refused = self._was_limited = False
        self._ready = threading.Condition(lock)
        self._forget_line()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def offer(self, frame: bytes) -> bool:
        """Take a frame if there is room; the lock is held by the caller."""
        if self._is_closed or not self._queue.fits(frame) or (self._queue.frames and len(frame) > self.room_bytes()):
            self._has_refused = True
            return False
        self._queue.put(frame)
        self._ready.notify()
        return True

    def room_bytes(self) -> int:
        """Return how many bytes would go out soon; the lock is held by the caller."""
        soon_bytes = min(max(QUEUED_BYTES_MIN, self._rate_bytes_s * QUEUED_S), self._queue.bytes_max)
        return max(0, round(soon_bytes) - self._queue.n_bytes)

    def acknowledge(self, number: int) -> None:
        """Note that a chunk arrived, and with it the fate of those before; the lock is held by the caller."""
        sent_s = None
        while self._under_way and self._under_way[0][0] <= number:
            _, n_bytes, sent_s = self._under_way.popleft()
            self._under_way_bytes -= n_bytes
        if sent_s is not None:
            self._adapt(sent_s)
            self._ready.notify()

    def arrived(self, urgent: bool, number: int) -> None:
        """Have a chunk of the other end acknowledged, the latest one if many come; the lock is held by the caller."""
        self._replies[urgent] = number
        self._ready.notify()

    def clear(self) -> None:
        """Drop what waits, for a partner that has gone; the lock is held by the caller."""
        self._counters.dropped_out += len(self._queue.clear()) + bool(self._frame)
        self._frame = b""
        self._replies.clear()
        self._forget_line()

    def close(self) -> None:
        """End the thread; the lock is held by the caller."""
        self._is_closed = True
        self.clear()
        self._ready.notify()

    def _forget_line(self) -> None:
        self._under_way.clear()
        self._under_way_bytes = 0
        self._window_bytes = WINDOW_BYTES_FIRST
        self._least_s = self._least_of_round_s = float("inf")
        self._rate_bytes_s = RATE_FIRST_BYTES_S
        self._next_s = 0.0
        self._is_starting = True
        self._probe_s, self._probing, self._held_bytes = time.monotonic() + PROBE_S / 2.0, 0, 0

    def _adapt(self, sent_s: float) -> None:
        """Set the window, once a round trip, to what the line drains in the least time and `DELAY_S`.

        A round is judged by its fastest chunk: what waits in buffers delays all of them, what was lost and sent again
        by the transport some. The window doubles until the first delay shows.
        """
        now_s = time.monotonic()
        took_s = max(now_s - sent_s, 1e-6)
        self._least_of_round_s = min(self._least_of_round_s, took_s)
        if now_s < self._next_s:
            return
        took_s, self._least_of_round_s = self._least_of_round_s, float("inf")
        self._least_s = min(self._least_s, took_s)
        self._next_s = now_s + took_s
        if not self._was_limited:
            return
        self._was_limited = False
        if self._probing or now_s > self._probe_s:
            self._probe(now_s)
            return
        self._rate_bytes_s = self._window_bytes / took_s
        is_calm = took_s < self._least_s + DELAY_S / 2.0
        self._is_starting &= is_calm
        factor = (self._least_s + DELAY_S) / took_s
        if is_calm:
            factor = GROWTH_FIRST if self._is_starting else GROWTH
        self._window_bytes = round(min(max(self._window_bytes * factor, CHUNK_BYTES_MIN), WINDOW_BYTES_MAX))

    def _probe(self, now_s: float) -> None:
        """Keep one chunk under way for some rounds, and go on as before."""
        self._probing = (self._probing or PROBE_ROUNDS + 1) - 1
        if not self._held_bytes:
            self._held_bytes, self._window_bytes = self._window_bytes, CHUNK_BYTES_MIN
        elif not self._probing:
            self._held_bytes, self._window_bytes = 0, self._held_bytes
            self._probe_s = now_s + PROBE_S

    def _run(self) -> None:
        while self._wait():
            with self._ready:
                replies, self._replies = self._replies, {}
                chunk = self._cut()
                told = self._has_refused and not self._frame
                self._has_refused = self._has_refused and not told
            for urgent, number in replies.items():
                with suppress(Exception):
                    self._reply(ACK.pack(urgent, number))
            if chunk is not None:
                with suppress(Exception):
                    self._put(chunk)
            if told:
                self._roomy()

    def _wait(self) -> bool:
        """Wait until something may go out; False: closed."""
        with self._ready:
            while not self._is_closed and not self._replies and not self._may_cut():
                if not self._ready.wait(LOST_S):
                    self._give_up()
            return not self._is_closed

    def _size(self) -> int:
        """Return how long the next chunk is; 0 if nothing waits or the next frame is empty."""
        frame = self._frame or (self._queue.frames[0] if self._queue.frames else b"")
        left = len(frame) - (self._offset if self._frame else 0)
        size = min(max(self._window_bytes // WINDOW_CHUNKS, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX)
        return min(left, size - HEAD.size)

    def _may_cut(self) -> bool:
        """Tell whether there is something to send, and the line free for it."""
        if not self._frame and not self._queue.frames:
            return False
        next_bytes = HEAD.size + self._size()
        is_free = not self._under_way or self._under_way_bytes + next_bytes <= self._window_bytes
        self._was_limited |= not is_free
        return is_free

    def _give_up(self) -> None:
        if self._under_way and time.monotonic() - self._under_way[0][2] > LOST_S:
            self._under_way.clear()
            self._under_way_bytes = 0
            self._window_bytes = max(self._window_bytes // 2, CHUNK_BYTES_MIN)

    def _cut(self) -> bytes | None:
        """Return the next chunk, if one may go now."""
        if not self._may_cut():
            return None
        size = self._size()
        if not self._frame:
            self._frame, self._offset = self._queue.take(), 0
        part = self._frame[self._offset : self._offset + size]
        self._number += 1
        chunk = HEAD.pack(self._number, self._offset, len(self._frame)) + part
        self._under_way.append((self._number, len(chunk), time.monotonic()))
        self._under_way_bytes += len(chunk)
        self._offset += len(part)
        if self._offset >= len(self._frame):
            self._frame = b""
            self._counters.sent += 1
        return chunk


class Assembly:
    """Frames from chunks, at the other end. A frame with a chunk that is missing is dropped."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._expected = 0
        self._frame: bytearray | None = None

    def add(self, chunk: bytes) -> tuple[int | None, bytes | None]:
        """Take a chunk in.

        Returns:
            Its number, to acknowledge (None: it was none), and the frame that it completed, if any.
        """
        if len(chunk) < HEAD.size:
            self._counters.dropped_in += 1
            return None, None
        number, offset, length = HEAD.unpack_from(chunk)
        follows = number == self._expected and self._frame is not None and offset == len(self._frame)
        if self._frame is not None and not follows:
            self._counters.dropped_in += 1
            self._frame = None
        self._expected = number + 1
        if offset == 0 and length <= FRAME_BYTES_MAX + SEAL_BYTES:
            self._frame = bytearray()
        if self._frame is None:
            return number, None
        self._frame += memoryview(chunk)[HEAD.size :]
        if len(self._frame) < length:
            return number, None
        frame, self._frame = bytes(self._frame), None
        if len(frame) > length:
            self._counters.dropped_in += 1
            return number, None
        return number, frame
