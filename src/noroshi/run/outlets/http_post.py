"""Alerts posted to one address: HTTPS, or HTTP on this machine. No redirection is followed.

Each message has its identifier as `Idempotency-Key`, so that a repeat is known as one. Any answer 2xx is a receipt;
408, 425, 429, 5xx and silence are tried again; other answers are refusals.

Source: RFC 9110, 15.5 for the answers; the field of draft-ietf-httpapi-idempotency-key-header.
"""

import http.client
import ssl
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from noroshi.run.edges import EdgeError, Tls, is_loopback, tls_of
from noroshi.run.outlets import (
    MEDIA,
    ExerciseMessage,
    OutletError,
    RefusedError,
    SettingError,
    body_of,
    check_medium,
)

AGAIN = (408, 425, 429)
ANSWER_BYTES_MAX = 1 << 16


class Outlet:
    """Posts each message by itself.

    Args:
        url: where to, "https://warn.example/exercise".
        medium: "cap", "json" or "cot".
        tls: own certificate and key, and the authority whose certificate the other side has to show; without it those
            that this machine trusts.
        token_file: holds a bearer token.
        timeout_s: how long it waits for the other side.

    Raises:
        SettingError: if the address is none, could be read on the way, or a file cannot be used.
    """

    def __init__(
        self,
        *,
        url: str,
        medium: str = "cap",
        tls: Tls | Mapping[str, str] | None = None,
        token_file: str | Path | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self.medium, self._timeout_s = check_medium(medium), timeout_s
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise SettingError(f"'{url}': {error}") from error
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.fragment:
            raise SettingError(f"'{url}' is no address to post to: https://HOST[:PORT]/PATH")
        if parts.scheme == "http" and not is_loopback(host):
            raise SettingError(f"{host} is elsewhere, and all on the way could read and alter: use https")
        self._host, self._port = host, port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._context = _context(tls) if parts.scheme == "https" else None
        try:
            self._token = "" if token_file is None else Path(token_file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{token_file}: cannot be read as a token: {error}") from error

    def send(self, message: ExerciseMessage) -> None:
        """Post a message and wait for the receipt."""
        headers = {
            "Content-Type": MEDIA[self.medium],
            "Idempotency-Key": f'"{message.identifier}"',
            "Noroshi-Topic": message.topic,
            "Noroshi-Status": message.STATUS,
        }
        body = body_of(message, self.medium)
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            with closing(self._connection()) as connection:
                connection.request("POST", self._path, body, headers)
                answer = connection.getresponse()
                answer.read(ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise OutletError(f"{self._host}: {type(error).__name__}: {error}") from error
        if answer.status in AGAIN or answer.status >= 500:
            raise OutletError(f"{self._host}: answered {answer.status}")
        if not 200 <= answer.status < 300:
            raise RefusedError(f"{self._host}: answered {answer.status} to {message.identifier}")

    def close(self) -> None:
        """Do nothing: no connection is open between two messages."""

    def _connection(self) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout_s, context=self._context)


def _context(said: Tls | Mapping[str, str] | None) -> ssl.SSLContext:
    try:
        tls = tls_of(said)
        context = ssl.create_default_context(cafile=tls.authority if tls and tls.authority else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if tls is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (EdgeError, OSError, ssl.SSLError) as error:
        raise SettingError(f"a certificate or key cannot be used: {error}") from error
    return context
