"""The edges between the parts of a simulated network: everything sent from one to another goes through a port.

What may go wrong on the way is a chain of faults (`exercise.mishaps`) that a message passes one after the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from noroshi.exercise.keyed import Draws
from noroshi.records import Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What passes through a port.

    Attributes:
        sender, receiver: whose it is and for whom, as it says of itself.
        number: counts the port's messages from 0.
        payload: a record, or the bytes of an envelope.
    """

    sender: str
    receiver: str
    number: int
    payload: Batch | bytes


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message and when it arrives."""

    at_ns: int
    message: Message


class Fault(Protocol):
    """One thing that goes wrong in a port for a while, from `start_ns` (included) to `end_ns` (excluded)."""

    @property
    def start_ns(self) -> int:
        """From when, included."""
        ...

    @property
    def end_ns(self) -> int:
        """To when, excluded."""
        ...

    def pass_on(self, delivery: Delivery, draws: Draws, memory: dict[str, Any]) -> list[Delivery]:
        """Return what becomes of a message: nothing, itself, later, changed, or more than one.

        Args:
            delivery: the message, at the time at which it would arrive without this fault.
            draws: the random numbers of this fault in this port; the message's number is their look.
            memory: what this fault must remember from one message to the next, as plain data.
        """
        ...


class Port:
    """One edge: takes messages in order of time and says when each arrives at the other side.

    Args:
        name: of the edge, as in "jpn-north>JPN".
        delay_ns: how long a message travels when all is well.
        faults: in the order in which a message meets them.
        draws: whose seed and replicate the faults' random numbers are keyed by.
    """

    def __init__(self, name: str, *, delay_ns: int, faults: Sequence[Fault], draws: Draws) -> None:
        self.name = name
        self.delay_ns = delay_ns
        self.faults = tuple(faults)
        self.n_sent = 0
        names = [f"{name}|{type(fault).__name__}|{fault.start_ns}" for fault in self.faults]
        self._draws = [replace(draws, entity=f"{each}|{names[:i].count(each)}") for i, each in enumerate(names)]
        self._memory: list[dict[str, Any]] = [{} for _ in self.faults]

    def send(self, sender: str, receiver: str, payload: Batch | bytes, now_ns: int) -> list[Delivery]:
        """Return what arrives of a message that is sent now, and when, in order of arrival."""
        message = Message(sender=sender, receiver=receiver, number=self.n_sent, payload=payload)
        self.n_sent += 1
        there = [Delivery(now_ns + self.delay_ns, message)]
        for fault, draws, memory in zip(self.faults, self._draws, self._memory, strict=True):
            if fault.start_ns <= now_ns < fault.end_ns:
                there = [each for delivery in there for each in fault.pass_on(delivery, draws, memory)]
        return sorted(there, key=lambda delivery: delivery.at_ns)

    def state(self) -> dict[str, Any]:
        """Return what the port remembers, as plain data."""
        return {"n_sent": self.n_sent, "memory": [dict(memory) for memory in self._memory]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to `state`; faults that have been added since, at the end, remember nothing."""
        self.n_sent = state["n_sent"]
        known = [dict(memory) for memory in state["memory"]]
        self._memory = [*known, *({} for _ in self.faults[len(known) :])]
