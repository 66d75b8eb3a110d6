"""From the node to its edges: each viewer gets its own view, and no edge gets anything else."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Batch, SensorSite
from noroshi.run.edges import Edge, EdgeError, endpoint, is_loopback, openmetrics, tls_of
from noroshi.run.live.node import LiveNode
from noroshi.run.rooms import load
from noroshi.run.scenarios.names import nation_names
from noroshi.run.viewing import Viewing
from noroshi.run.web.app import Web, web_of
from noroshi.run.web.live import LiveShowing
from noroshi.run.web.picture import Picture
from noroshi.run.web.showing import Decide
from noroshi.run.web.situation import Situation
from noroshi.run.web.users import users_of

DEFAULT_ADDRESS = "127.0.0.1:8600"  # of an edge of type `stream`
WELL_NS = 5 * NS_PER_S  # a node that did not look at its clock for so long is not well


class WaysOut:
    """The edges of a node.

    Args:
        nation: whose node it is.
        node: the core.
        secret: of the node.
        edges: `type` of each, and its arguments.
        exercise: which exercise all that the node has belongs to; None is real.
        now_ns: the clock.
        sites: of the node's sensors.
        folder: where what the page has shown is kept; the system's own for such files if None.
        step_ns: how often the node gives out its picture.
        decide: takes what an operator says on the page of a proposal; see `run.web.showing.Decide`.

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
        sites: Sequence[SensorSite] = (),
        folder: Path | None = None,
        step_ns: int = NS_PER_S,
        decide: Decide | None = None,
    ) -> None:
        self._nation, self._node, self._clock = nation, node, now_ns
        self._sites, self._folder, self._step_ns, self._decide = sites, folder, step_ns, decide
        self._exercise = exercise
        self._pictures: list[Picture] = []
        self._live: LiveNode | None = None
        self._told_ns = now_ns()
        self._n_tracks = 0
        self._edges = [self._opened(dict(settings)) for settings in edges]
        self._edges += [(picture, tuple(picture.film.reels)) for picture in self._pictures]
        viewers = {viewer for _, each in self._edges for viewer in each}
        self._viewing = Viewing(nation, node, secret, viewers, exercise=exercise)

    def watch(self, live: LiveNode) -> None:
        """Tell the operator of this driver from now on."""
        self._live = live

    def hear(self, out: Outgoing, now_ns: int) -> None:
        """Take in what the node gave out."""
        if not self._edges:
            return  # what nobody looks at would only pile up
        for picture in self._pictures:
            picture.hear(out, now_ns)
        if out.channel == "fused":
            self._told_ns, self._n_tracks = now_ns, len(out.record)
        if self._viewing.hear(out, now_ns):
            for edge, viewers in self._edges:
                for viewer in viewers:
                    edge.send(self._viewing.see(viewer, now_ns), now_ns)

    def took(self, record: Batch, now_ns: int) -> None:
        """Note what the node received."""
        for picture in self._pictures:
            picture.took(record, now_ns)

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
            settings |= {"families": self._families, "healthy": self._is_well, "web": self._page(settings)}
        else:
            settings.setdefault("viewer", self._nation)
            viewers = (settings["viewer"],)
        try:
            return make(**settings), viewers
        except TypeError as error:
            raise EdgeError(f"edge of type {kind}: {str(error).split('() ')[-1]}") from error

    def _page(self, settings: dict[str, Any]) -> Web | None:
        """Return the page that is served beside a stream; None where nobody could look at it."""
        address, tls = str(settings.get("address", DEFAULT_ADDRESS)), tls_of(settings.get("tls"))
        people = users_of(settings.pop("users", ()), settings.get("viewers", {}))
        if not settings.pop("page", True) or not (people or is_loopback(endpoint(address)[0])):
            return None
        viewers = {view for user in people.values() for view in (user.nation, *user.view_as)}
        if not people:
            viewers = {self._nation, *(self._node.exchange.channels if self._node.exchange else ())}
        showing = LiveShowing(
            self._nation,
            sorted(viewers),
            names=nation_names(),
            exercise=self._exercise,
            step_ns=self._step_ns,
            is_well=self._is_well,
            folder=self._folder,
            decide=self._decide,
        )
        picture = Picture(
            showing.film,
            self._nation,
            names=showing.views,
            situation=Situation(self._node, self._sites),
            now_ns=self._clock,
        )
        showing.pictures = dict.fromkeys(showing.views, picture)
        self._pictures.append(picture)
        return web_of(showing, address, tokens=people, tls=tls)

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
        yield openmetrics.Family(
            name="noroshi_detections_unsearched",
            kind="counter",
            about="Not looked at for repeats: of too many sensors at once.",
            samples=[({}, float(live.n_unsearched))],
        )
        yield openmetrics.Family(
            name="noroshi_tracks", kind="gauge", about="In the picture.", samples=[({}, float(self._n_tracks))]
        )
        alarms = [({"partner": key[0], "what": key[1]}, float(n)) for key, n in sorted(live.counts.alarms.items())]
        yield openmetrics.Family(name="noroshi_alarms", kind="counter", about="Of links and rules.", samples=alarms)
        faults = {} if self._node.watch is None else self._node.watch.warner.faults
        yield openmetrics.Family(
            name="noroshi_rules_failing",
            kind="gauge",
            about="Rules of warning that failed at the last look.",
            samples=[({"rule": name}, 1.0) for name in sorted(faults)],
        )
        if exchange is None:
            return
        now_ns = self._clock()
        channels = list(exchange.channels.items())  # asked from the server's thread
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
