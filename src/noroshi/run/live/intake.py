"""How much of what a partner sends is read: a partner with good keys shall not be able to cost much.

What is beyond is dropped as if the link had lost it, before it is in the journal, and counted; the exchange asks for
what is missing. A node of this program sends less (`node.channel.SENT_BYTES_S`).
"""

from collections.abc import Sequence

from noroshi.geo.time import NS_PER_S

BYTES_S, BURST_BYTES = 12_000_000.0, 24_000_000.0
FRAME_BYTES = 4_096  # a frame costs at least as much as one so long


class Intake:
    """One partner's allowance."""

    def __init__(self) -> None:
        self._left, self._now_ns = BURST_BYTES, 0

    def read(self, frames: Sequence[bytes], now_ns: int) -> Sequence[bytes]:
        """Return those frames, the first ones, that are to be read."""
        passed_s = max(0, now_ns - self._now_ns) / NS_PER_S
        self._left = min(self._left + passed_s * BYTES_S, BURST_BYTES)
        self._now_ns = now_ns
        for i, frame in enumerate(frames):
            if self._left <= 0.0:
                return frames[:i]
            self._left -= max(len(frame), FRAME_BYTES)
        return frames
