"""A node that is looked at: what it takes in and gives out goes onto the film, a picture every so often."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Batch, SensorSite
from noroshi.run.viewing import Viewing
from noroshi.run.web.film import Film
from noroshi.run.web.picture import Picture
from noroshi.run.web.situation import Carrier, Situation


class Onlooker:
    """Looks at one node that some driver runs.

    Args:
        node: the core.
        film: where to.
        nation: whose node it is.
        viewers: nation codes.
        exercise: which exercise all of it belongs to; None is real.
        names: of nations, by code.
        sites: of the node's sensors.
        secret: of the node, where it shares with nobody.
        carriers, zones: see `Situation`.
        now_ns: the clock that says when a frame was made ready.
    """

    def __init__(
        self,
        node: Node,
        film: Film,
        *,
        nation: str,
        viewers: Sequence[str],
        exercise: str | None,
        names: Mapping[str, str],
        sites: Sequence[SensorSite],
        secret: bytes,
        carriers: Mapping[str, Carrier] | None = None,
        zones: Sequence[dict[str, Any]] = (),
        now_ns: Callable[[], int],
    ) -> None:
        self.node, self.viewers = node, tuple(viewers)
        situation = Situation(node, sites, carriers=carriers, zones=zones)
        self.picture = Picture(film, nation, names=names, situation=situation, now_ns=now_ns)
        self._nation, self._secret, self._exercise = nation, secret, exercise
        self._viewing = self._views()

    def follow(self, node: Node) -> None:
        """Look at this node from now on: one that has lost its memory is another one."""
        if node is not self.node:
            self.node = self.picture.situation.node = node
            self._viewing = self._views()

    def _views(self) -> Viewing:
        return Viewing(self._nation, self.node, self._secret, self.viewers, exercise=self._exercise)

    def took(self, record: Batch, now_ns: int) -> None:
        """Note what the node received."""
        self.picture.took(record, now_ns)

    def hear(self, out: Outgoing, now_ns: int) -> None:
        """Note what it gave out; its own pictures of all are left aside, since it is asked for these."""
        if out.channel != "fused":
            self._viewing.hear(out, now_ns)
            self.picture.hear(out, now_ns)

    def look(self, time_ns: int) -> None:
        """Ask for the picture and show it to every viewer."""
        self._viewing.hear(Outgoing("fused", self.node.picture(time_ns)), time_ns)
        for viewer in self.viewers:
            self.picture.send(self._viewing.see(viewer, time_ns), time_ns, told=self._viewing.told(viewer, time_ns))
