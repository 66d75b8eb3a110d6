"""What may go wrong between two parts of a network. Abstract effects on messages; nothing here is a technique.

Each is a wrapper around a port (`exercise.ports.Fault`). All randomness is keyed by port, fault and message number, so
that a fault in one port never shifts what happens in another.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.exercise.keyed import Draws
from noroshi.exercise.ports import Delivery, Message
from noroshi.formats.columns import pack, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch, Detections, Quality, concatenate, take

DRAWN = 64  # messages that one draw serves


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Nothing passes."""

    start_ns: int
    end_ns: int

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return nothing."""
        return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Each message is lost with a probability."""

    start_ns: int
    end_ns: int
    probability: float

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message or nothing."""
        return [] if _chance(draws, "drop", delivery.message) < self.probability else [delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Each message takes longer by `least_s` and an exponential time of mean `mean_s` on top.

    With a mean messages overtake each other.
    """

    start_ns: int
    end_ns: int
    least_s: float = 0.0
    mean_s: float = 0.0

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message, later."""
        wait_s = self.least_s - self.mean_s * float(np.log(_chance(draws, "delay", delivery.message)))
        return [replace(delivery, at_ns=delivery.at_ns + round(wait_s * NS_PER_S))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reorder:
    """With a probability a message is held back by `by_s`, and those behind it overtake it."""

    start_ns: int
    end_ns: int
    probability: float
    by_s: float

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message, now or later."""
        held = _chance(draws, "reorder", delivery.message) < self.probability
        return [replace(delivery, at_ns=delivery.at_ns + round(self.by_s * NS_PER_S))] if held else [delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """With a probability a message comes once more, `after_s` later."""

    start_ns: int
    end_ns: int
    probability: float
    after_s: float = 1.0

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message once or twice."""
        again = replace(delivery, at_ns=delivery.at_ns + round(self.after_s * NS_PER_S))
        return [delivery, again] if _chance(draws, "duplicate", delivery.message) < self.probability else [delivery]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Every message is sent once more `after_s` later, by somebody who recorded it."""

    start_ns: int
    end_ns: int
    after_s: float

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message, and its recording later."""
        return [delivery, replace(delivery, at_ns=delivery.at_ns + round(self.after_s * NS_PER_S))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt:
    """With a probability a message arrives damaged: one byte of an envelope, one value of a record's detections."""

    start_ns: int
    end_ns: int
    probability: float

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message, sound or damaged."""
        chance, where = draws.uniforms("corrupt", first_look=delivery.message.number, n_looks=1, per_look=2)[0]
        if chance >= self.probability:
            return [delivery]
        return [_changed(delivery, payload=_damaged(delivery.message.payload, float(where)))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """No more than `bytes_s` pass; what would wait longer than `wait_s_max` is dropped."""

    start_ns: int
    end_ns: int
    bytes_s: float
    wait_s_max: float = 10.0

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message when its turn comes, or nothing."""
        begin_ns = max(delivery.at_ns, int(memory.get("free_ns", 0)))
        if begin_ns - delivery.at_ns > self.wait_s_max * NS_PER_S:
            return []
        end_ns = begin_ns + round(_size(delivery.message.payload) / self.bytes_s * NS_PER_S)
        memory["free_ns"] = end_ns
        return [replace(delivery, at_ns=end_ns)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """The content stands still: each message carries what the first one within the fault carried."""

    start_ns: int
    end_ns: int

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message with old content."""
        payload = delivery.message.payload
        if "payload" not in memory:
            memory["payload"] = payload if isinstance(payload, bytes) else pack(payload)
        old: bytes = memory["payload"]
        return [_changed(delivery, payload=old if isinstance(payload, bytes) else unpack(old))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impersonate:
    """Each message says that it is of somebody else."""

    start_ns: int
    end_ns: int
    sender: str

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message under another name."""
        return [_changed(delivery, sender=self.sender)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ghosts:
    """Each batch of detections carries up to `number` more: shifted copies of its own rows, without identity.

    The first component is scaled by a factor between 0.5 and 1.5, so a ghost lies on the line to a true target.
    """

    start_ns: int
    end_ns: int
    number: int

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:  # noqa: ARG002
        """Return the message with ghosts."""
        batch = delivery.message.payload
        if not isinstance(batch, Detections) or not len(batch):
            return [delivery]
        plots = np.flatnonzero(batch.quality != Quality.NOTHING)
        n = min(self.number, len(plots))
        factor = draws.uniforms("ghosts", first_look=delivery.message.number, n_looks=1, per_look=self.number)[0, :n]
        copies = take(batch, plots[:n])
        values = copies.values.copy()
        values[:, 0] *= 0.5 + factor
        copies = copies.replace(values=values, identity=type(batch.identity).absent(n))
        return [_changed(delivery, payload=concatenate([batch, copies]))]


def _chance(draws: Draws, purpose: str, message: Message) -> float:
    block, place = divmod(message.number, DRAWN)
    return float(_chances(draws, purpose, block)[place])


@lru_cache(maxsize=256)
def _chances(draws: Draws, purpose: str, block: int) -> NDArray[np.float64]:
    """Return the numbers of a block of messages: each the same as if it were drawn alone, and sooner."""
    return draws.uniforms(purpose, first_look=block * DRAWN, n_looks=DRAWN, per_look=1)[:, 0]


def _changed(delivery: Delivery, **changes: Any) -> Delivery:
    return replace(delivery, message=replace(delivery.message, **changes))


def _size(payload: Batch | bytes) -> int:
    return len(payload) if isinstance(payload, bytes) else len(pack(payload))


def _damaged(payload: Batch | bytes, where: float) -> Batch | bytes:
    if isinstance(payload, bytes):
        at = int(where * len(payload))
        return payload[:at] + bytes([payload[at] ^ 0xFF]) + payload[at + 1 :] if payload else payload
    if not isinstance(payload, Detections) or not payload.values.size:
        return payload
    values = payload.values.copy()
    values.flat[int(where * values.size)] = np.inf
    return payload.replace(values=values)
