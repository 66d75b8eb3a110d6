"""Links over Zenoh and mutual TLS: one session for each partner, inside the process, without a server.

The session trusts the authority of that partner alone, listens only where it is told, finds nobody by itself, and lets
through what is between the two: keys `noroshi/v1/OWNER/to/RECIPIENT/...` of the certificate with the partner's name.
Zenoh's access control looks at the name in a certificate and not at who issued it; with one authority a session the
two are the same.

Nothing is put with Zenoh's congestion control BLOCK: a put that blocks keeps Zenoh from closing the transport, and that
holds up the sessions of other partners in the same process; when it gives up, frames are lost without a word. DROP
loses without a word too, so what is under way is kept so little that it has no reason to (`outlet.py`). Urgent frames
have a queue, a thread and Zenoh's highest priority for themselves.
"""

import base64
import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import zenoh
from pydantic import Field

from noroshi.run import pki
from noroshi.run.links import (
    CODE,
    Arrived,
    Counters,
    Inbox,
    LinkError,
    LinkSettings,
    check_frame,
)
from noroshi.run.links.outlet import ACK, Assembly, Outlet
from noroshi.run.links.sealing import Opener, Sealer, seals
from noroshi.run.pki.certificates import ends_ns, host_of

ROOT = "noroshi/v1"
NOBODY = "nobody"  # no code of a nation: what is addressed so must not arrive anywhere
MESSAGE_BYTES_MAX = 1 << 20  # ours are chunks, far smaller
TELLS = ["put", "liveliness_token"]
ASKS = ["declare_subscriber", "declare_liveliness_subscriber", "liveliness_query"]
SESSIONS_MAX, ID_BYTES_MAX = 4, 64  # of a partner: one, and those that it left without a word
CANARY_S = 5.0
CLOSE_S = 0.8
GUARD_S = 0.2


class Settings(LinkSettings):
    """A link over mutual TLS. Without `listen` and `connect` it connects to where the partner's file says."""

    own: str = Field(pattern=CODE, description="Code of the own nation.")
    partner: str = Field(pattern=CODE, description="Code of the partner.")
    keys: Path = Field(description="Folder of keys that `noroshi pki` made.")
    listen: str | None = Field(default=None, description="Where to listen: tls/ADDRESS:PORT.")
    connect: str | None = Field(default=None, description="Where the partner listens: tls/HOST:PORT.")
    lease_s: float = Field(default=3.0, ge=0.5, le=60.0, description="A partner silent for so long is gone.")

    def open(self, arrived: Arrived) -> "ZenohLink":
        """Return the link, opened; see `LinkSettings`."""
        own, partner = pki.identity(self.keys), pki.partner_of(self.keys, self.partner)
        now_ns = time.time_ns()
        if own.nation != self.own:
            raise LinkError(f"{self.keys}: are keys of {own.nation}, not of {self.own}")
        if not own.exercise == partner.exercise == self.exercise:
            wanted = f"exercise {self.exercise}" if self.exercise else "reality"
            raise LinkError(f"{self.keys}: these keys, or {self.partner}'s, are not of {wanted}")
        for what, ends in (("the node's certificate", own.until_ns), ("its authority", ends_ns(partner.authority))):
            if ends <= now_ns:
                raise LinkError(f"link to {self.partner}: {what} has expired: noroshi pki show {self.keys}")
        connect = self.connect or (partner.endpoint if self.listen is None else None)
        for endpoint in (self.listen, connect):
            if endpoint is not None:
                host_of(endpoint)
        if self.listen is None and connect is None:
            raise LinkError(f"link to {self.partner}: it has no endpoint; say where to listen or to connect")
        return ZenohLink(
            self, configuration(self, connect, own, partner), partner, seals(own, partner, now_ns), arrived
        )


def configuration(settings: Settings, connect: str | None, own: pki.Identity, partner: pki.Partner) -> dict[str, Any]:
    """Return the configuration of the session, in full: what is not said here is Zenoh's default."""
    certificate, key, authority = (
        base64.b64encode(pem).decode() for pem in (own.certificate_pem, own.key_pem, partner.authority_pem)
    )
    return {
        "mode": "peer",
        "listen": {"endpoints": [settings.listen] if settings.listen else [], "exit_on_failure": True},
        "connect": {
            "endpoints": [connect] if connect else [],
            "timeout_ms": -1,
            "exit_on_failure": False,
            "retry": {"period_init_ms": 200, "period_max_ms": 500, "period_increase_factor": 1.5},
        },
        "open": {"return_conditions": {"connect_scouted": False, "declares": False}},
        "scouting": {"multicast": {"enabled": False}, "gossip": {"enabled": False}},
        "adminspace": {"enabled": False},
        "plugins_loading": {"enabled": False},
        "transport": {
            "shared_memory": {"enabled": False},
            "unicast": {"max_sessions": SESSIONS_MAX, "accept_pending": 4, "max_links": 1},
            "link": {
                "protocols": ["tls"],
                "rx": {"max_message_size": MESSAGE_BYTES_MAX},
                "tx": {
                    "lease": round(settings.lease_s * 1_000),
                    "queue": {
                        "congestion_control": {
                            "drop": {"wait_before_drop": 200_000},
                            "block": {"wait_before_close": 1_000_000},  # declarations, which are Zenoh's own
                        }
                    },
                },
                "tls": {
                    "root_ca_certificate_base64": authority,
                    "enable_mtls": True,
                    "listen_certificate_base64": certificate,
                    "listen_private_key_base64": key,
                    "connect_certificate_base64": certificate,
                    "connect_private_key_base64": key,
                    "verify_name_on_connect": True,
                    "close_link_on_expiration": True,
                },
            },
        },
        "access_control": access(settings.own, settings.partner, partner.name),
    }


def access(own: str, partner: str, name: str) -> dict[str, Any]:
    """Return what is let through: nothing, but what is between the two, for the certificate with this name."""
    out, back = [f"{prefix(own, partner)}/**"], [f"{prefix(partner, own)}/**"]
    rules = {
        "they ask for ours": ("ingress", ASKS, out),
        "we tell ours": ("egress", TELLS, out),
        "we ask for theirs": ("egress", ASKS, back),
        "they tell theirs": ("ingress", TELLS, back),
    }
    return {
        "enabled": True,
        "default_permission": "deny",
        "rules": [
            {"id": rule, "permission": "allow", "flows": [flow], "messages": messages, "key_exprs": keys}
            for rule, (flow, messages, keys) in rules.items()
        ],
        "subjects": [{"id": "partner", "cert_common_names": [name]}],
        "policies": [{"rules": list(rules), "subjects": ["partner"]}],
    }


def prefix(owner: str, recipient: str) -> str:
    """Return what all keys from one nation to another begin with."""
    return f"{ROOT}/{owner}/to/{recipient}"


class ZenohLink:
    """One partner's session. Made by `Settings.open`."""

    def __init__(
        self,
        settings: Settings,
        config: dict[str, Any],
        partner: pki.Partner,
        seals: tuple[Sealer, Opener],
        arrived: Arrived,
    ) -> None:
        """Open the session.

        Raises:
            LinkError: if it cannot listen there.
        """
        self._settings, self._partner, self._arrived = settings, partner, arrived
        self._sealer, self._opener = seals
        self._unopened = 0
        self._lock = threading.Lock()
        self._counters = Counters()
        self._inbox = Inbox(self._counters, self._lock)
        self._alive: set[str] = set()
        self._came_s: float | None = None
        self._proved: set[str] = set()
        self._is_leaking = self._is_revoked = False
        self._over = threading.Event()
        zenoh.try_init_log_from_env()  # type: ignore[no-untyped-call]  # with RUST_LOG it says why TLS refused
        try:
            self._session = zenoh.open(zenoh.Config.from_json5(json.dumps(config)))
        except zenoh.ZError as error:
            raise LinkError(f"link to {settings.partner}: {str(error).split(' at /')[0]}") from error
        self._out, self._back = prefix(settings.own, settings.partner), prefix(settings.partner, settings.own)
        # by whether they are urgent
        self._outlets = {urgent: self._outlet(urgent) for urgent in (True, False)}
        self._assemblies = {urgent: Assembly(self._counters) for urgent in (True, False)}
        for key, callback in (
            (f"{self._back}/*", self._on_sample),
            (f"{ROOT}/{settings.partner}/to/{NOBODY}/*", self._on_leak),
        ):
            self._session.declare_subscriber(key, zenoh.handlers.Callback(callback, indirect=False))
        liveliness = self._session.liveliness()
        alive = zenoh.handlers.Callback(self._on_alive, indirect=False)
        self._watch = liveliness.declare_subscriber(f"{self._back}/alive/*", alive, history=True)
        # last, so that whoever sees it can already be heard
        self._token = liveliness.declare_token(f"{self._out}/alive/{self._session.zid()}")
        threading.Thread(target=self._guard, name=f"link-{settings.partner}-guard", daemon=True).start()

    @property
    def up(self) -> bool:
        """Whether the partner is there and the self-test passed.

        By its token it is there, which a silent line shows after the lease; its canary came, and the one that must not
        pass, which it had sent before, did not.
        """
        with self._lock:
            return self._is_up()

    @property
    def counters(self) -> Counters:
        """What became of frames so far."""
        with self._lock:
            return replace(self._counters)

    @property
    def trouble(self) -> str | None:
        """What a person has to look at."""
        partner = self._settings.partner
        if self._is_leaking:
            return f"{partner}: what must not pass did: access control does not hold; the link was closed"
        if self._is_revoked:
            return f"{partner}: was revoked, or has another authority now; the link was closed"
        if self._over.is_set():
            return None
        names = {link.auth_identifier for link in self._session.info.links()} - {self._partner.name, None}
        if names:
            shown = ", ".join(sorted(map(str, names)))
            return f"{partner}: who is connected has a certificate for {shown}, and gets nothing"
        if self._unopened:
            return (
                f"{partner}: {self._unopened} frames came that are not sealed by its keys to ours: exchange files anew"
            )
        with self._lock:
            waited_s = 0.0 if self._came_s is None or not self._alive else time.monotonic() - self._came_s
        if waited_s > CANARY_S and not self.up:
            return f"{partner}: is there, but nothing arrives: is it {self._settings.own} that its node shares with?"
        return None

    @property
    def room_bytes(self) -> int:
        """How much `send` would take now; see `Link`."""
        with self._lock:
            return self._outlets[False].room_bytes() if self._is_up() else 0

    def send(self, frame: bytes, *, urgent: bool) -> bool:
        """Take a frame for the partner; see `Link`."""
        check_frame(frame)
        sealed = self._sealer.seal(frame) if self.up else None
        with self._lock:
            taken = sealed is not None and self._is_up() and self._outlets[urgent].offer(sealed)
            self._counters.refused += not taken
            return taken

    def receive(self) -> list[bytes]:
        """Return what has come; see `Link`."""
        return [] if self._over.is_set() else self._inbox.take()

    def close(self) -> None:
        """End the session: partner and listener are gone within a second."""
        with self._lock:
            if self._over.is_set():
                return
            self._over.set()
            self._alive.clear()
            for outlet in self._outlets.values():
                outlet.close()
        # Zenoh may take ten seconds over it on a bad line (its issue 2675)
        closing = threading.Thread(target=self._session.close, name="link-close", daemon=True)
        closing.start()
        closing.join(CLOSE_S)

    def _is_up(self) -> bool:
        return not self._is_leaking and bool(self._alive & self._proved)

    def _guard(self) -> None:
        """Close the link when the partner's file is gone, or is of another authority."""
        path = self._settings.keys / "partners" / f"{self._settings.partner}.toml"
        known = _stamp(path)
        while not self._over.wait(GUARD_S):
            if (stamp := _stamp(path)) == known:
                continue
            known = stamp
            try:
                now = pki.partner_of(self._settings.keys, self._settings.partner)
            except pki.PkiError:
                self._is_revoked = True
            else:
                self._is_revoked = (now.fingerprint, now.name) != (self._partner.fingerprint, self._partner.name)
            if self._is_revoked:
                self.close()
                self._arrived()

    def _publisher(self, key: str, priority: zenoh.Priority) -> zenoh.Publisher:
        return self._session.declare_publisher(
            f"{self._out}/{key}",
            congestion_control=zenoh.CongestionControl.DROP,
            priority=priority,
            express=priority == zenoh.Priority.REAL_TIME,
            reliability=zenoh.Reliability.RELIABLE,
        )

    def _outlet(self, urgent: bool) -> Outlet:
        key, priority = ("urgent", zenoh.Priority.REAL_TIME) if urgent else ("frame", zenoh.Priority.DATA)
        put, reply = self._publisher(key, priority).put, self._publisher("ack", zenoh.Priority.REAL_TIME).put
        name = f"link-{self._settings.partner}-{key}"
        return Outlet(name, put, reply, self._counters, self._lock, self._arrived)

    def _on_sample(self, sample: zenoh.Sample) -> None:
        kind = str(sample.key_expr).rsplit("/", 1)[-1]
        if self._over.is_set() or sample.kind != zenoh.SampleKind.PUT:
            return
        data = sample.payload.to_bytes()
        if kind in ("urgent", "frame"):
            self._on_chunk(data, urgent=kind == "urgent")
        elif kind == "ack" and len(data) == ACK.size:
            urgent, number = ACK.unpack(data)
            with self._lock:
                self._outlets[urgent].acknowledge(number)
        elif kind == "canary" and len(data) <= ID_BYTES_MAX:
            with self._lock:
                if len(self._proved) >= SESSIONS_MAX:
                    self._proved &= self._alive
                if len(self._proved) < SESSIONS_MAX:
                    self._proved.add(data.decode(errors="replace"))
            self._arrived()

    def _on_chunk(self, chunk: bytes, *, urgent: bool) -> None:
        with self._lock:
            number, frame = self._assemblies[urgent].add(chunk)
            if number is not None:
                self._outlets[True].arrived(urgent, number)
        if frame is None:
            return
        opened = self._opener.open(frame)
        if opened is None:
            with self._lock:
                self._unopened += 1
                self._counters.dropped_in += 1
            return
        self._inbox.put(opened, urgent=urgent)
        self._arrived()

    def _on_leak(self, _: zenoh.Sample) -> None:
        self._is_leaking = True
        threading.Thread(target=self.close, name="link-leak", daemon=True).start()
        self._arrived()

    def _on_alive(self, sample: zenoh.Sample) -> None:
        who = str(sample.key_expr).rsplit("/", 1)[-1]
        with self._lock:
            if self._over.is_set():
                return
            if sample.kind == zenoh.SampleKind.PUT and len(self._alive) < SESSIONS_MAX:
                self._alive.add(who)
                self._counters.arrivals += 1
                self._came_s = time.monotonic()
            else:
                self._alive.discard(who)
                self._proved.discard(who)
            if not self._is_up():
                for outlet in self._outlets.values():
                    outlet.clear()
        if sample.kind == zenoh.SampleKind.PUT:
            # in this order, so that the one that must not pass is known not to have when the other one comes
            for to in (NOBODY, self._settings.partner):
                key = f"{prefix(self._settings.own, to)}/canary"
                self._session.put(key, str(self._session.zid()), priority=zenoh.Priority.REAL_TIME)
        self._arrived()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
