"""The picture for programs that speak Zenoh: the same messages as the WebSocket stream's (`docs/edges.md`).

On the key `noroshi/v1/stream/VIEWER` what has changed is put at each new view, and asked for it answers with a whole
snapshot, so that a program asks once and then listens. Zenoh knows no viewers here: whoever reaches the address sees
what this viewer sees, so it may be this machine alone.
"""

import json
import threading
from collections import Counter
from collections.abc import Mapping

import zenoh

from noroshi.formats.stream import FORMATS
from noroshi.run.edges import EdgeError, endpoint, is_loopback, message_of
from noroshi.sharing.views import ReleasedView

KEY = "noroshi/v1/stream"


class Edge:
    """A Zenoh session of its own, which finds nobody and is found by nobody.

    Args:
        viewer: nation code, whose view it is.
        address: where programs of this machine connect to.
        form: "json" or "msgpack".

    Raises:
        EdgeError: if it cannot listen there.
    """

    def __init__(self, *, viewer: str, address: str = "127.0.0.1:7450", form: str = "msgpack") -> None:
        host, port = endpoint(address)
        if not is_loopback(host):
            raise EdgeError(f"{host} is elsewhere, and who connects is not asked who it is: give 127.0.0.1 or [::1]")
        if form not in FORMATS:
            raise EdgeError(f"form '{form}' is none of {', '.join(FORMATS)}")
        self.viewer, self._form = viewer, form
        self._lock = threading.Lock()
        self._newest: tuple[ReleasedView, int] | None = None
        self._counters: Counter[str] = Counter()
        settings = {
            "mode": "peer",
            "listen": {"endpoints": [f"tcp/{host}:{port}"], "exit_on_failure": True},
            "scouting": {"multicast": {"enabled": False}, "gossip": {"enabled": False}},
            "transport": {"shared_memory": {"enabled": False}, "unicast": {"max_sessions": 64}},
        }
        try:
            self._session = zenoh.open(zenoh.Config.from_json5(json.dumps(settings)))
        except zenoh.ZError as error:
            raise EdgeError(f"{address}: {str(error).split(' at /')[0]}") from error
        key = f"{KEY}/{viewer}"
        # DROP: who is slow misses changes, sees it by `since`, and asks for the whole again
        self._publisher = self._session.declare_publisher(key, congestion_control=zenoh.CongestionControl.DROP)
        self._answers = self._session.declare_queryable(key, zenoh.handlers.Callback(self._answer, indirect=False))

    def send(self, view: ReleasedView, now_ns: int) -> None:
        """Put what has changed since the view before."""
        with self._lock:
            before = None if self._newest is None else self._newest[0]
            self._newest = (view, now_ns)
        if before is not None and view.version == before.version and view.line is before.line:
            return
        body = self._message(view, now_ns, view.since(before))
        self._publisher.put(body)
        self._counters["messages"] += 1
        self._counters["bytes"] += len(body)

    def counters(self) -> Mapping[str, int]:
        """Return how many messages, bytes and answers there were."""
        return dict(self._counters)

    def close(self) -> None:
        """End the session."""
        if not self._session.is_closed():
            self._session.close()  # type: ignore[no-untyped-call]

    def _answer(self, query: zenoh.Query) -> None:
        with self._lock:
            newest = self._newest
        if newest is not None:
            query.reply(query.key_expr, self._message(*newest, None))
            self._counters["answers"] += 1

    def _message(self, view: ReleasedView, now_ns: int, since: int | None) -> bytes:
        return message_of(view, now_ns, since, self._form)
