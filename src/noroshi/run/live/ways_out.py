"""From the node to its edges: each viewer gets its own view, and no edge gets anything else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Tracks, TrackStatus, joined_by_sensor, take
from noroshi.run.edges import Edge, EdgeError, openmetrics
from noroshi.run.live.node import LiveNode
from noroshi.run.rooms import load
from noroshi.sharing.label import Label, encode
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Policy, Product
from noroshi.sharing.views import Views

WELL_NS = 5 * NS_PER_S  # a node that did not look at its clock for so long is not well


class WaysOut:
    """The edges of a node.

    The node's own nation sees the fused picture; another nation sees of it what is released to it: the node's own
    tracks after policy, and nothing of what third nations gave.

    Args:
        nation: whose node it is.
        node: the core.
        secret: of the node.
        edges: `type` of each, and its arguments.
        exercise: which exercise all that the node has belongs to; None is real.
        now_ns: the clock.

    Raises:
        EdgeError: if one cannot open, or its arguments make no sense.
    """

    def __init__(
        self,
        nation: str,
        node: Node,
        secret: bytes,
        edges: Sequence[Mapping[str, Any]],
        *,
        exercise: str | None,
        now_ns: Callable[[], int],
    ) -> None:
        self._nation, self._node, self._clock = nation, node, now_ns
        self._live: LiveNode | None = None
        self._last: Tracks | None = None
        self._told_ns = now_ns()
        self._edges = [self._opened(dict(settings)) for settings in edges]
        viewers = sorted({viewer for _, each in self._edges for viewer in each})
        exchange = node.exchange
        self._policy = Policy(nation, {}, ()) if exchange is None else exchange.policy
        secrets = Secrets(secret) if exchange is None else exchange.secrets
        about: dict[str, Any] = {
            "exercise": exercise,
            "sensor_types": {} if exchange is None else exchange.sensor_types,
        }
        own, others = [nation], [viewer for viewer in viewers if viewer != nation]
        self._fused = Views(self._policy, secrets, viewers=own, product=Product.FUSED, **about)
        self._given = Views(self._policy, secrets, viewers=others, product=Product.CONTRIBUTION, **about)

    def watch(self, live: LiveNode) -> None:
        """Tell the operator of this driver from now on."""
        self._live = live

    def hear(self, out: Outgoing, now_ns: int) -> None:
        """Take in what the node gave out."""
        if not isinstance(out.record, Tracks):
            return
        exchange = self._node.exchange
        if exchange is not None and exchange.policy is not self._policy:
            self._policy = exchange.policy
            self._given.tighten(self._policy, now_ns)
        if out.channel == "tracks" and exchange is not None:
            self._given.receive(out.record.replace(label=encode(exchange.label)), now_ns)
        elif out.channel == "fused":
            self._told_ns = now_ns
            nobody = encode(Label(originator=self._nation))  # what partners gave is not to go on
            self._fused.receive(self._with_gone(out.record).replace(label=nobody), now_ns)
            for edge, viewers in self._edges:
                for viewer in viewers:
                    views = self._fused if viewer == self._nation else self._given
                    edge.send(views.see(viewer, now_ns), now_ns)

    def close(self) -> None:
        """Close all edges."""
        for edge, _ in self._edges:
            edge.close()
        self._edges = []

    def _opened(self, settings: dict[str, Any]) -> tuple[Edge, tuple[str, ...]]:
        """Return an edge and who looks through it."""
        kind = str(settings.pop("type", ""))
        make = load("run.edges", kind).Edge
        if kind == "stream":
            viewers = tuple(sorted(set(settings.get("viewers", {}).values())))
            settings |= {"families": self._families, "healthy": self._is_well}
        else:
            settings.setdefault("viewer", self._nation)
            viewers = (settings["viewer"],)
        try:
            return make(**settings), viewers
        except TypeError as error:
            raise EdgeError(f"edge of type {kind}: {str(error).split('() ')[-1]}") from error

    def _with_gone(self, picture: Tracks) -> Tracks:
        """Return a whole picture with a last row of each track that is in it no longer."""
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

    def _is_well(self) -> bool:
        return self._clock() - self._told_ns < WELL_NS

    def _families(self) -> Iterable[openmetrics.Family]:
        """Return what the operator sees of the node."""
        live, exchange = self._live, self._node.exchange
        if live is None:
            return
        records = [({"sort": sort}, float(n)) for sort, n in sorted(live.counts.records.items())]
        yield openmetrics.Family(name="noroshi_records", kind="counter", about="Handed to the node.", samples=records)
        refused = [({"sensor": key[0], "reason": key[1]}, float(n)) for key, n in sorted(self._node.refused.items())]
        yield openmetrics.Family(
            name="noroshi_detections_refused", kind="counter", about="Of no use to the node.", samples=refused
        )
        tracks = 0 if self._last is None else len(self._last)
        yield openmetrics.Family(
            name="noroshi_tracks", kind="gauge", about="In the picture.", samples=[({}, float(tracks))]
        )
        alarms = [({"partner": key[0], "what": key[1]}, float(n)) for key, n in sorted(live.counts.alarms.items())]
        yield openmetrics.Family(name="noroshi_alarms", kind="counter", about="Of the links.", samples=alarms)
        if exchange is None:
            return
        now_ns = self._clock()
        channels = exchange.channels.items()
        heard = [({"partner": code}, float(one.is_heard(now_ns))) for code, one in channels]
        yield openmetrics.Family(
            name="noroshi_partner_heard", kind="gauge", about="Whether the partner is there.", samples=heard
        )
        waiting = [({"partner": code}, float(len(one.outbox))) for code, one in channels]
        yield openmetrics.Family(
            name="noroshi_partner_waiting_rows", kind="gauge", about="What waits for it.", samples=waiting
        )
        missing = [({"partner": code}, float(len(one.receiver.gaps))) for code, one in channels]
        yield openmetrics.Family(
            name="noroshi_partner_missing_ranges", kind="gauge", about="Of its messages.", samples=missing
        )
