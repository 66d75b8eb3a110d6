"""Streams: TCP to a receiver or a server, connected again when they end, with longer and longer waits."""

import contextlib
import socket
import time
from collections.abc import Callable
from typing import ClassVar

from noroshi.run.feeds import NOT_YET, Address, AddressError
from noroshi.run.feeds.listening import GATHER_S, Listening, Piece, Stream

CONNECT_S_MAX = 5.0
WAIT_S, WAIT_S_MAX = 0.5, 30.0
"""The first wait before connecting again; each further one is twice as long, up to the last."""

SILENT_S = 60.0
"""A connection that says nothing for so long may have lost its other end without knowing: it is made anew."""

READ_BYTES = 65_536
POLL_S = 0.2


class Tcp(Listening):
    """Listens to a stream."""

    OPTIONS: ClassVar[tuple[str, ...]] = ()
    """What may follow the "?" of the address."""

    def __init__(
        self, address: Address, stream: Stream, *, arrived: Callable[[], None], now_ns: Callable[[], int]
    ) -> None:
        super().__init__(address.only(self.OPTIONS), stream, arrived=arrived, now_ns=now_ns)
        if not address.host or not address.port:
            raise AddressError(
                f"{address.text}: give host and port, as in {address.key.replace('_', '+')}://HOST:30003"
            )
        self._host, self._port = address.host, address.port
        self._trouble = NOT_YET
        self._thread.start()

    def _listen(self) -> None:
        wait_s = WAIT_S
        while not self._closed.is_set():
            since = self._inbox.n_bytes
            try:
                with socket.create_connection((self._host, self._port), CONNECT_S_MAX) as connection:
                    self._is_up, self._trouble = True, ""
                    self._n_connected += 1
                    self._arrived()
                    self._read(connection)
            except OSError as error:
                self._trouble = f"{error.strerror or error}"
            self._is_up = False
            if self._closed.is_set():
                break
            if self._inbox.n_bytes > since:
                wait_s = WAIT_S
                self._inbox.put([((self._now_ns(), b""), 0)])
            self._trouble = f"{self._trouble or 'the other end closed'}; tried again every {wait_s:g} s"
            self._arrived()
            self._closed.wait(wait_s)
            wait_s = min(2.0 * wait_s, WAIT_S_MAX)

    def _read(self, connection: socket.socket) -> None:
        """Read until the stream ends.

        Raises:
            OSError: if it breaks.
        """
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        last = time.monotonic()
        gathered: list[Piece] = []
        until = 0.0
        while not self._closed.is_set():
            left_s = until - time.monotonic() if gathered else POLL_S
            if gathered and left_s <= 0.0:
                self._heard(gathered)
                gathered = []
                continue
            connection.settimeout(left_s)
            try:
                data = connection.recv(READ_BYTES)
            except TimeoutError:
                if time.monotonic() - last > SILENT_S:
                    self._trouble = f"silent for {SILENT_S:g} s"
                    return
                continue
            except OSError:
                if gathered:
                    self._heard(gathered)
                raise
            if not data:
                break
            last = time.monotonic()
            until = until if gathered else last + GATHER_S
            gathered.append((self._now_ns(), data))
        if gathered:
            self._heard(gathered)
