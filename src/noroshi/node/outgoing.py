"""What a node wants sent."""

from dataclasses import dataclass

from noroshi.records import Batch

OWN = ("tracks", "picture")
"""Channels of the node's own tracks."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something that the node wants sent.

    Attributes:
        channel: what it is: "tracks" (rows as they change), "picture" (all own tracks at one time), "fused" (all
            tracks of all that share, at one time), "launch" (something rises), "frame" (to a partner), "alarm" (of
            the node's own health: a link that is wrong, a rule that fails), "warning" or "status" (from a partner).
        record: the record itself.
        is_urgent: whether it must not wait behind others.
    """

    channel: str
    record: Batch
    is_urgent: bool = False
