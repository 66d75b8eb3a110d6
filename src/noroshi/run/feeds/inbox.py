"""What has come and waits to be received: bounded, the oldest goes first when it is full, and that is counted.

Of a live picture the newest is worth most; what a slow reader loses is what it was too late for anyway.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

MESSAGES_MAX = 100_000
BYTES_MAX = 64 << 20


class Inbox(Generic[T]):
    """A queue between a feed's thread and whoever receives.

    Args:
        arrived: called after each `put`, outside the lock.
        messages_max, bytes_max: how much may wait.
    """

    def __init__(
        self, arrived: Callable[[], None], *, messages_max: int = MESSAGES_MAX, bytes_max: int = BYTES_MAX
    ) -> None:
        self.n_messages = self.n_bytes = self.n_dropped = 0
        self._arrived = arrived
        self._messages_max, self._bytes_max = messages_max, bytes_max
        self._lock = threading.Lock()
        self._waiting: deque[tuple[T, int]] = deque()
        self._n_bytes_waiting = 0

    def put(self, messages: list[tuple[T, int]]) -> None:
        """Add messages, each with its size in bytes."""
        with self._lock:
            for message, size in messages:
                self._waiting.append((message, size))
                self._n_bytes_waiting += size
                self.n_messages += 1
                self.n_bytes += size
                while len(self._waiting) > self._messages_max or self._n_bytes_waiting > self._bytes_max:
                    self._n_bytes_waiting -= self._waiting.popleft()[1]
                    self.n_dropped += 1
        self._arrived()

    def take(self) -> list[T]:
        """Return all that waits, oldest first."""
        with self._lock:
            taken, self._waiting = self._waiting, deque()
            self._n_bytes_waiting = 0
        return [message for message, _ in taken]
