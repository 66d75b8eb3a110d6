"""An HTTP server in a thread of its own, for the edges that are one."""

import asyncio
import ssl
import threading
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from noroshi.run.edges import EdgeError, Tls, listening

CLIENTS_MAX = 200  # connections at a time
MESSAGE_BYTES_MAX = 4096


class Server:
    """Serves an application.

    Args:
        app: what is served.
        address: where to listen; port 0 takes a free one, see `address`.
        tls: needed wherever others than this machine can connect.
        name: of the thread.
        attach: called in the thread's loop before anything is served.
        message_bytes_max: of what a client says on a WebSocket; the connection ends if it is more.

    Raises:
        EdgeError: if it cannot listen there.
    """

    def __init__(
        self,
        app: ASGIApp,
        address: str,
        tls: Tls | None,
        *,
        name: str,
        attach: Callable[[], None] = lambda: None,
        message_bytes_max: int = MESSAGE_BYTES_MAX,
    ) -> None:
        self._attach = attach
        self._socket = listening(address, is_safe=tls is not None)
        try:
            config = uvicorn.Config(
                app, lifespan="off", log_config=None, access_log=False, server_header=False, ws="websockets-sansio",
                ws_per_message_deflate=False, ws_max_size=message_bytes_max, ws_ping_timeout=60.0,
                limit_concurrency=CLIENTS_MAX, timeout_graceful_shutdown=2,
                **({} if tls is None else _certificates(tls)),
            )  # fmt: skip
            config.load()
        except (OSError, ValueError) as error:
            self._socket.close()
            raise EdgeError(f"the certificate or key of {address} cannot be used: {error}") from error
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    @property
    def is_ending(self) -> bool:
        """Whether it is about to stop."""
        return self._server.should_exit

    def close(self, wake: Callable[[], None]) -> None:
        """Stop; what waits in the loop is woken by `wake`."""
        self._server.should_exit = True
        wake()
        self._thread.join(10.0)
        self._socket.close()

    def _serve(self) -> None:
        async def run() -> None:
            self._attach()
            await self._server.serve(sockets=[self._socket])

        asyncio.run(run())


def _certificates(tls: Tls) -> dict[str, Any]:
    """Return what uvicorn calls the parts."""
    said: dict[str, Any] = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key}
    return said if not tls.authority else {**said, "ssl_ca_certs": tls.authority, "ssl_cert_reqs": ssl.CERT_REQUIRED}
