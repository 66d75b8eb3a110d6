"""The picture for programs over HTTP and WebSocket, and health and metrics for the operator (`docs/edges.md`).

Each bearer token is one viewer's: who holds it sees the picture as that nation does and learns of nothing else. The
operator's tokens open `/metrics` alone, which to everybody else does not exist; where none is set it says so. `/health`
says whether the node is well and nothing more.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from noroshi.formats.stream import FORMATS, alive
from noroshi.geo.time import NS_PER_S
from noroshi.run.edges import EdgeError, Tls, message_of, openmetrics, tls_of
from noroshi.run.edges.newest import Newest
from noroshi.run.edges.serving import Server
from noroshi.run.web.app import MESSAGE_BYTES_MAX, Web
from noroshi.sharing.views import ReleasedView

CLIENTS_EACH_MAX = 20  # streams of one token
SLOW_S = 30.0  # who does not take one message within this is dropped
ALIVE_NS = 5 * NS_PER_S  # without changes, how often a client is told that the node lives
MESSAGES_MAX = 16  # encoded messages that are kept for whoever needs the same
MEDIA_TYPES = {"json": "application/json", "msgpack": "application/msgpack"}
GONE = (OSError, WebSocketDisconnect)  # what sending to a client that has gone raises
PROTOCOL, BEARER = "noroshi.v1", "bearer."
NO_OPERATOR = "metrics are for an operator's token, and none is set: see --tokens in docs/node.md\n"


@dataclass(frozen=True, slots=True)
class _Client:
    token: bytes
    viewer: str


class Edge:
    """A server, in a thread of its own.

    Args:
        address: where to listen, "127.0.0.1:8600"; port 0 takes a free one, see `address`.
        viewers: nation code by bearer token.
        operators: bearer tokens of the operator.
        families: what `/metrics` shows.
        healthy: whether the node is well.
        tls: needed wherever others than this machine can connect.
        web: the page, served at the same address; None serves none.

    Raises:
        EdgeError: if it cannot listen there.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:8600",
        *,
        viewers: Mapping[str, str],
        operators: Collection[str] = (),
        families: Callable[[], Iterable[openmetrics.Family]] = tuple,
        healthy: Callable[[], bool] = lambda: True,
        tls: Tls | Mapping[str, str] | None = None,
        web: Web | None = None,
    ) -> None:
        if "" in viewers or "" in operators or set(viewers) & set(operators):
            raise EdgeError("each token is somebody's and not empty, and no viewer's token is the operator's too")
        secure = tls_of(tls)
        self._viewers = {_digest(token): _Client(_digest(token), viewer) for token, viewer in viewers.items()}
        self._operators = {_digest(token) for token in operators}
        self._families, self._healthy = families, healthy
        self._newest = Newest()
        self._messages: dict[tuple[str, int | None, str], tuple[ReleasedView, bytes]] = {}
        self._streams: Counter[bytes] = Counter()
        self._counters: Counter[str] = Counter()
        self._web = web
        routes: list[BaseRoute] = [
            Route("/health", self._health),
            Route("/metrics", self._metrics),
            Route("/v1/picture", self._picture),
            WebSocketRoute("/v1/stream", self._stream),
        ]
        if web is not None:
            routes.append(Mount("/", web.guarded))
        self._server = Server(
            Starlette(routes=routes), address, secure, name="noroshi-stream", attach=self._attach,
            message_bytes_max=4096 if web is None else MESSAGE_BYTES_MAX,
        )  # fmt: skip
        self._server.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        return self._server.address

    def send(self, view: ReleasedView, now_ns: int) -> None:
        """Take the newest view of a viewer; its clients get what changed as fast as each can take it."""
        self._newest.put(view, now_ns)

    def counters(self) -> Mapping[str, int]:
        """Return how many requests, refusals, messages, bytes and dropped clients there were."""
        return dict(self._counters)

    def close(self) -> None:
        """Stop listening and end every stream."""
        self._server.close(self._wake)
        if self._web is not None:
            self._web.close()

    def _attach(self) -> None:
        self._newest.attach()
        if self._web is not None:
            self._web.attach()

    def _wake(self) -> None:
        self._newest.wake()
        if self._web is not None:
            self._web.wake()

    def _client(self, headers: Headers) -> _Client | None:
        return self._viewers.get(_digest(_token(headers)))

    async def _health(self, _: Request) -> Response:
        is_well = self._healthy()
        return PlainTextResponse("ok\n" if is_well else "not well\n", 200 if is_well else 503)

    async def _metrics(self, request: Request) -> Response:
        if _digest(_token(request.headers)) not in self._operators:
            self._counters["refused"] += 1
            return PlainTextResponse("Not Found" if self._operators else NO_OPERATOR, 404)
        return Response(openmetrics.encode(self._families()), media_type=openmetrics.MEDIA_TYPE)

    async def _picture(self, request: Request) -> Response:
        self._counters["requests"] += 1
        client, form = self._client(request.headers), request.query_params.get("format", "json")
        if client is None:
            self._counters["refused"] += 1
            return PlainTextResponse("Unauthorized", 401, {"WWW-Authenticate": "Bearer"})
        if form not in FORMATS:
            return PlainTextResponse(f"format is one of {', '.join(FORMATS)}\n", 400)
        found = self._newest.get(client.viewer)
        if found is None:
            return PlainTextResponse("no picture yet\n", 503, {"Retry-After": "1"})
        body = self._message(*found, None, form)
        return Response(body, media_type=MEDIA_TYPES[form], headers={"Cache-Control": "no-store"})

    async def _stream(self, socket_: WebSocket) -> None:
        self._counters["requests"] += 1
        client, form = self._client(socket_.headers), socket_.query_params.get("format", "json")
        if client is None or form not in FORMATS or self._streams[client.token] >= CLIENTS_EACH_MAX:
            self._counters["refused"] += 1
            await socket_.close()  # before it is accepted: the answer is 403
            return
        offered = socket_.headers.get("sec-websocket-protocol", "")
        await socket_.accept(PROTOCOL if PROTOCOL in offered.replace(" ", "").split(",") else None)
        self._streams[client.token] += 1
        listening = asyncio.create_task(_until_gone(socket_))
        telling = asyncio.create_task(self._tell(socket_, client.viewer, form))
        try:
            await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams[client.token] -= 1
            listening.cancel()
            telling.cancel()
            ended = await asyncio.gather(listening, telling, return_exceptions=True)
            self._counters["failed"] += sum(isinstance(one, Exception) and not isinstance(one, GONE) for one in ended)

    async def _tell(self, socket_: WebSocket, viewer: str, form: str) -> None:
        """Send what is new whenever the client has taken what was sent before."""
        before: ReleasedView | None = None
        told_ns = 0
        while not self._server.is_ending:
            pulse, found = self._newest.pulse, self._newest.get(viewer)
            if found is not None:
                view, now_ns = found
                if before is None or view.version != before.version or view.line is not before.line:
                    body = self._message(view, now_ns, view.since(before), form)
                elif now_ns - told_ns >= ALIVE_NS:
                    body = alive(viewer=viewer, exercise=view.exercise, version=view.version, time_ns=now_ns, form=form)
                else:
                    body = b""
                if body:
                    try:
                        async with asyncio.timeout(SLOW_S):
                            await (socket_.send_text(body.decode()) if form == "json" else socket_.send_bytes(body))
                    except TimeoutError:
                        self._counters["dropped_slow"] += 1
                        return
                    self._counters["messages"] += 1
                    self._counters["bytes"] += len(body)
                    before, told_ns = view, now_ns
                    continue
            await pulse.wait()

    def _message(self, view: ReleasedView, now_ns: int, since: int | None, form: str) -> bytes:
        """Return what changed of a view since a version, all of it if that is None. Clients share what was encoded."""
        key = (view.viewer, since, form)
        of, body = self._messages.get(key, (None, b""))
        if of is not view:
            body = message_of(view, now_ns, since, form)
            self._messages.pop(key, None)
            self._messages[key] = (view, body)
            while len(self._messages) > MESSAGES_MAX:
                del self._messages[next(iter(self._messages))]
        return body


async def _until_gone(socket_: WebSocket) -> None:
    """Return when the client has gone; what it says is not listened to."""
    with suppress(WebSocketDisconnect):
        while (await socket_.receive())["type"] != "websocket.disconnect":
            pass


def _digest(token: str) -> bytes:
    """Return what stands for a token: looking a hash up tells nothing by how long it takes."""
    return hashlib.sha256(token.encode()).digest()


def _token(headers: Headers) -> str:
    """Return the bearer token; browsers, which cannot set headers, offer it as a subprotocol. "" if there is none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    offered = [one.strip() for one in headers.get("sec-websocket-protocol", "").split(",")]
    return next((one.removeprefix(BEARER) for one in offered if one.startswith(BEARER)), "")
