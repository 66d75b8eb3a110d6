"""Who sees what of a node: each viewer has its own view, of what the node gives out.

The node's own nation sees the fused picture; another nation sees of it what is released to it: the node's own tracks
after policy, and nothing of what third nations gave.
"""

from collections.abc import Collection
from typing import Any

import numpy as np

from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Alert, Launches, Threats, Tracks, TrackStatus, joined_by_sensor, take
from noroshi.sharing.label import Label, encode
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Policy, Product
from noroshi.sharing.told import Told, ToldView
from noroshi.sharing.views import ReleasedView, Views

TOLD = ("alert", "threats", "launch")
"""What other nations may be told of; a proposal is nobody's but the own."""


class Viewing:
    """The views of a node's viewers.

    Args:
        nation: whose node it is.
        node: the core.
        secret: of the node, where it shares with nobody.
        viewers: nation codes.
        exercise: which exercise all that the node has belongs to; None is real.
    """

    def __init__(
        self, nation: str, node: Node, secret: bytes, viewers: Collection[str], *, exercise: str | None
    ) -> None:
        self._nation, self._node = nation, node
        self._own, self._all = _WithGone(), _WithGone()
        exchange = node.exchange
        self._policy = Policy(nation, {}, ()) if exchange is None else exchange.policy
        secrets = Secrets(secret) if exchange is None else exchange.secrets
        about: dict[str, Any] = {
            "exercise": exercise,
            "sensor_types": {} if exchange is None else exchange.sensor_types,
        }
        own, others = [[one for one in sorted(viewers) if (one == nation) == is_own] for is_own in (True, False)]
        self._fused = Views(self._policy, secrets, viewers=own, product=Product.FUSED, **about)
        self._given = Views(self._policy, secrets, viewers=others, product=Product.CONTRIBUTION, **about)
        label = None if exchange is None else exchange.label
        self._told = Told(self._policy, secrets, viewers=others, label=label, exercise=exercise)

    def hear(self, out: Outgoing, now_ns: int) -> bool:
        """Take in what the node gave out; return whether it was the picture that views are looked at with."""
        exchange = self._node.exchange
        if exchange is not None and exchange.policy is not self._policy:
            self._policy = exchange.policy
            self._given.tighten(self._policy, now_ns)
            self._told.tighten(self._policy)
        if isinstance(out.record, Alert | Threats | Launches) and out.channel in TOLD:
            self._told.receive(out.record, now_ns)
        if not isinstance(out.record, Tracks):
            return False
        if exchange is not None and out.channel in ("tracks", "picture"):
            rows = out.record if out.channel == "tracks" else self._own.of(out.record)
            self._given.receive(rows.replace(label=encode(exchange.label)), now_ns)
        if out.channel != "fused":
            return False
        nobody = encode(Label(originator=self._nation))  # what partners gave is not to go on
        self._fused.receive(self._all.of(out.record).replace(label=nobody), now_ns)
        return True

    def see(self, viewer: str, now_ns: int) -> ReleasedView:
        """Return what a viewer sees now.

        Raises:
            KeyError: if it is none of the viewers.
        """
        return (self._fused if viewer == self._nation else self._given).see(viewer, now_ns)

    def told(self, viewer: str, now_ns: int) -> ToldView | None:
        """Return what a viewer of another nation sees of warnings now; None for the own, who sees all.

        Raises:
            KeyError: if it is none of the viewers.
        """
        return None if viewer == self._nation else self._told.see(viewer, now_ns)


class _WithGone:
    """Adds to whole pictures a last row of each track that is in them no longer."""

    def __init__(self) -> None:
        self._last: Tracks | None = None

    def of(self, picture: Tracks) -> Tracks:
        """Return a picture with what has gone since the one before."""
        last, self._last = self._last, picture
        if last is None:
            return picture
        gone = take(last, ~np.isin(last.track_id, picture.track_id))
        if not len(gone):
            return picture
        n = len(gone)
        ended = gone.replace(
            status=np.full(n, TrackStatus.LOST, np.uint8), time_ns=np.full(n, int(picture.time_ns.max(initial=0)))
        )
        return joined_by_sensor([picture, ended]) if len(picture) else ended.replace(time_ns=gone.time_ns + 1)
