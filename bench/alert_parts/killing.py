"""Kills a node's desk at random moments between what it decides and what it sends, and looks at what came out."""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from noroshi.run import pki
from noroshi.run.alerts.receiving import Receiver

HERE = Path(__file__).resolve().parent
EXERCISE = "KILLS"
LOST_RECEIPTS, BUSY = 0.15, 0.10  # shares of posts that arrive without an answer, and that are turned away
DECISIONS_MAX = 6  # of one life
FIRST_S = 0.1  # about what opening the store takes
PAUSE_S_MAX = 0.010


@dataclass
class Found:
    """What was seen.

    Attributes:
        decided: identifier -> SHA-256 of the message, of each `approve` that returned.
        bodies: identifier -> SHA-256 of all that came out, by file or by post.
        n_came: identifier -> how often it was posted.
        shown: identifier -> how often the receiver showed it.
        counts: of kills and what they hit.
    """

    decided: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, set[str]] = field(default_factory=dict)
    n_came: Counter[str] = field(default_factory=Counter)
    shown: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def out(self, identifier: str, body: bytes) -> None:
        """Note what came out."""
        self.bodies.setdefault(identifier, set()).add(hashlib.sha256(body).hexdigest())

    def faults(self) -> dict[str, list[str]]:
        """Return what must not be: by sort, the identifiers."""
        return {
            "lost": sorted(set(self.decided) - set(self.shown)),
            "not on the disk": sorted(set(self.decided) - set(self.bodies)),
            "other bytes": sorted(
                name for name, found in self.bodies.items() if len({*found, self.decided.get(name, min(found))}) > 1
            ),
            "shown twice": sorted(name for name, n in self.shown.items() if n > 1),
            "complaints": self.complaints,
        }


def kill_often(folder: Path, runs: int, seed: int) -> Found:
    """Start a node, kill it at a random moment, start it again; in the end let it send what is left over.

    Args:
        folder: where it lives, on which disk.
        runs: how often it is killed.
        seed: of when, and of what the receiver loses.
    """
    found, rng = Found(), np.random.default_rng(seed)
    pki.make_authority(folder / "keys", "JPN", exercise=EXERCISE, now_ns=time.time_ns())
    pki.make_node(folder / "keys", ["127.0.0.1"], now_ns=time.time_ns())
    with _listening(folder, found, seed) as url, _launcher(folder, url) as node:
        number = 0
        for _ in range(runs):
            number = _one_life(node, found, number, rng)
        node.stdin.write(json.dumps([number, -1.0]) + "\n")
        node.stdin.flush()
        for told in _lines(node):
            if told[0] == "failed":
                found.complaints.append(told[1])
            if told[0] == "done":
                found.counts["done"] += 1
            if told[0] == "ended":
                break
    for path in sorted((folder / "out" / f"exercise-{EXERCISE}").iterdir()):
        if not path.name.startswith("."):
            found.out(path.name.removesuffix(".cap.xml"), path.read_bytes())
    if not found.counts["done"]:
        found.complaints.append("the last node did not end by itself")
    return found


def _one_life(node: Any, found: Found, number: int, rng: np.random.Generator) -> int:
    """Let a node live for a random time; return the number of the first alert that it did not say it had decided.

    The moment is drawn as a number of decisions and a time after the last, twice that of a decision at most: so many
    kills hit each part of the work, however fast the machine is.
    """
    node.stdin.write(json.dumps([number, float(rng.uniform(0.0, PAUSE_S_MAX))]) + "\n")
    node.stdin.flush()
    lines, pid = _lines(node), 0
    n_left, before = int(rng.integers(-1, DECISIONS_MAX)), time.monotonic()
    took_s = FIRST_S
    for told in lines:
        if told[0] == "pid":
            pid = told[1]
        if told[0] == "open":
            found.counts["kills with something decided and not sent"] += told[1] > 0
        if told[0] == "decided":
            n_left, took_s, before = n_left - 1, time.monotonic() - before, time.monotonic()
        number = _heard(told, found, number)
        if pid and (n_left < 0 or (n_left == 0 and told[0] != "pid") or told[0] == "failed"):
            break
    time.sleep(float(rng.uniform(0.0, 2.0 * took_s)))
    os.kill(pid, signal.SIGKILL)
    for told in lines:
        if told[0] == "open":
            found.counts["kills with something decided and not sent"] += told[1] > 0
        number = _heard(told, found, number)
        if told[0] == "ended":
            found.counts["kills"] += told[1] == signal.SIGKILL
            break
    return number


def _heard(told: list[Any], found: Found, number: int) -> int:
    if told[0] == "failed":
        found.complaints.append(told[1])
    if told[0] != "decided":
        return number
    _, number, identifier, digest, has_cancel = told
    if found.decided.setdefault(identifier, digest) != digest:
        found.complaints.append(f"{identifier} was decided twice, with other bytes")
    if has_cancel == identifier.endswith("-2"):
        found.complaints.append(f"{identifier}: a cancel stands ready for each alert that is none itself")
    return int(number) + 1


@contextmanager
def _launcher(folder: Path, url: str) -> Iterator[Any]:
    command = [sys.executable, str(HERE / "worker.py"), str(folder), url, str(time.time_ns())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdout is not None
        assert json.loads(node.stdout.readline()) == ["launcher"]
        try:
            yield node
        finally:
            assert node.stdin is not None
            node.stdin.close()


def _lines(node: Any) -> Iterator[list[Any]]:
    for line in node.stdout:
        yield json.loads(line)


@contextmanager
def _listening(folder: Path, found: Found, seed: int) -> Iterator[str]:
    """Be a receiver that now and then turns a post away, or takes it and does not say so."""
    authority = pki.identity(folder / "keys").authority
    receiver, lock = Receiver(EXERCISE, {"JPN": authority}), threading.Lock()
    rng = np.random.default_rng([seed, 1])

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if len(body) < int(self.headers["Content-Length"]):
                return  # the sender was killed in the middle
            with lock:
                chance = rng.random()
                if chance >= BUSY:
                    self._take(self.headers["Idempotency-Key"].strip('"'), body)
            if chance < BUSY + LOST_RECEIPTS and chance >= BUSY:
                self.close_connection = True
                return
            self.send_response(503 if chance < BUSY else 204)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _take(self, identifier: str, body: bytes) -> None:
            found.out(identifier, body)
            found.n_came[identifier] += 1
            try:
                shown = receiver.receive("JPN", body, time.time_ns())
            except ValueError as error:
                found.complaints.append(f"{identifier}: {error}")
                return
            if shown is not None:
                found.shown[shown.notice.identifier] += 1

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            pass  # a sender that was killed

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/alerts"
    finally:
        server.shutdown()
        server.server_close()
