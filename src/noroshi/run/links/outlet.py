"""The way out of a link: a bounded queue, and the thread that empties it, so that whoever sends never waits."""

import threading
import time
from collections.abc import Callable

from noroshi.run.links import Counters, Queue

QUEUED_S = 1.0  # of a thin link's rate: what waits longer is better chosen anew by the sender


class Pace:
    """What a thin link carries, so that nothing piles up in buffers beyond our reach, where urgent frames cannot pass.

    Ordinary frames wait until what went before them is through at the stated rate; urgent ones go at once, and the
    others wait for them.
    """

    def __init__(self, rate_bit_s: float | None) -> None:
        self._rate_bytes_s = rate_bit_s / 8.0 if rate_bit_s else None
        self._free_s = 0.0

    def queue(self) -> Queue:
        """Return a queue that suits the rate."""
        return Queue(bytes_max=round(self._rate_bytes_s * QUEUED_S)) if self._rate_bytes_s else Queue()

    def wait_s(self) -> float:
        """Return how long the next ordinary frame has to wait; 0 or less: not at all."""
        return self._free_s - time.monotonic()

    def spend(self, n_bytes: int) -> None:
        """Note what goes out now."""
        if self._rate_bytes_s:
            self._free_s = max(self._free_s, time.monotonic()) + n_bytes / self._rate_bytes_s


class Outlet:
    """One queue and its thread.

    Args:
        name: of the thread.
        put: hands a frame to the transport; may block; what it raises loses the frame and nothing else.
        counters, lock: of the link.
        pace: of the link.
        waits: whether frames wait for the pace.
        roomy: called when there is room again after a refusal.
    """

    def __init__(
        self,
        name: str,
        put: Callable[[bytes], None],
        counters: Counters,
        lock: threading.Lock,
        *,
        pace: Pace,
        waits: bool,
        roomy: Callable[[], None],
    ) -> None:
        self._put, self._counters, self._pace, self._waits, self._roomy = put, counters, pace, waits, roomy
        self._queue = pace.queue() if waits else Queue()
        self._ready = threading.Condition(lock)
        self._is_closed = self._has_refused = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, frame: bytes) -> bool:
        """Take a frame if there is room; the lock is held by the caller."""
        if self._is_closed or not self._queue.fits(frame):
            self._has_refused = True
            return False
        self._queue.put(frame)
        self._ready.notify()
        return True

    def clear(self) -> None:
        """Drop what waits, for a partner that has gone; the lock is held by the caller."""
        self._counters.dropped_out += len(self._queue.clear())

    def close(self) -> None:
        """End the thread; the lock is held by the caller."""
        self._is_closed = True
        self.clear()
        self._ready.notify_all()

    def _run(self) -> None:
        while (frame := self._next()) is not None:
            try:
                self._put(frame)
            except Exception:  # noqa: BLE001  the transport's own kinds: a lost frame, which the exchange mends
                with self._ready:
                    self._counters.dropped_out += 1
            else:
                with self._ready:
                    self._counters.sent += 1

    def _next(self) -> bytes | None:
        """Wait for the next frame whose time has come; None: closed."""
        with self._ready:
            while not self._is_closed:
                wait_s = self._pace.wait_s() if self._waits else 0.0
                if not self._queue.frames:
                    self._ready.wait()
                elif wait_s > 0.0:
                    self._ready.wait(wait_s)
                else:
                    frame = self._queue.take()
                    self._pace.spend(len(frame))
                    has_refused, self._has_refused = self._has_refused, False
                    break
            else:
                return None
        if has_refused:
            self._roomy()
        return frame
