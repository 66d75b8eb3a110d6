"""What stands before the page: whom it answers at all, and what browsers may do with what it answers."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; style-src 'self' "
    "'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; media-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without any, browsers say Origin: null of the form to log in
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses requests that were not made to this server by name, or that other sites' pages make.

    A site elsewhere can let its own name point at this machine (DNS rebinding): its pages then send its name as Host.
    A page of another site can open a WebSocket to anybody: it then sends that site as Origin.

    Args:
        app: what is behind.
        is_loopback: whether only this machine is to reach it.
        refused: told when something was refused.
    """

    def __init__(self, app: ASGIApp, *, is_loopback: bool) -> None:
        self._app, self._is_loopback = app, is_loopback
        self.n_refused = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        if not self._is_meant(Headers(scope=scope)):
            self.n_refused += 1
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await PlainTextResponse("not for here\n", 421)(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, answer)

    def _is_meant(self, headers: Headers) -> bool:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._is_loopback and not names_loopback(host):
            return False
        return origin is None or urlsplit(origin).netloc.lower() == host.lower()


def names_loopback(host: str) -> bool:
    """Return whether a Host header names this machine to itself."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
