"""A live node's turn is one change on its disk, and it is there before anything of it is sent."""

from types import SimpleNamespace

import numpy as np
import pytest
from store_scenes import LABEL, rows_of

from noroshi.node.outgoing import Outgoing
from noroshi.records import Frame, Status
from noroshi.run.live.node import LiveNode
from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.parcels import Parcel, Sealed
from noroshi.sharing.rules import Product

SAID = Status(time_ns=np.array([1]), source=np.array(["a"]), subject=np.array(["b"]), value=np.array([0.0]))


class Sharing:
    """Stands where a node stands: all that it hears it keeps and seals in three messages."""

    exchange, own = None, SimpleNamespace(ahead_ns={})

    def __init__(self, file):
        self.store, self.fails = file.outbox("USA"), False

    def receive(self, record, now_ns):
        rows = rows_of(np.random.default_rng(1), now_ns, 3)
        self.store.put(Parcel(parcel=now_ns, product=Product.WARNING, label=LABEL, policy="p", body=b"b",
                              rules=("a", "b"), rows=rows))  # fmt: skip
        for i in range(3):
            seq = 3 * (now_ns - 1) + i + 1
            self.store.seal(rows.take(np.array([i])), Sealed(seq=seq, digest=b"d" * 32, product=Product.WARNING,
                                                             rules=("a",), expires_ns=9), b"m")  # fmt: skip
        if self.fails:
            raise ZeroDivisionError

    def take(self):
        return [Outgoing("frame", Frame.of("USA", b"message"))]

    def wake_ns(self):
        return None


@pytest.fixture
def turned(tmp_path):
    """Return a live node, its file, the statements that were run, and what was sent when the file was at rest."""
    with StoreFile(tmp_path / "node.sqlite") as file:
        node, said, sent = Sharing(file), [], []
        file._db.set_trace_callback(said.append)
        link = SimpleNamespace(send=lambda frame, urgent: sent.append((frame, file._db.in_transaction)) or True)
        live = LiveNode(
            node, SimpleNamespace(write=lambda *_: None), feeds=[], links={"USA": link}, wait=lambda _: None,
            now_ns=lambda: 1, together=file.together,
        )  # fmt: skip
        yield live, node, file, said, sent


def test_one_commit_and_then_it_is_sent(turned):
    live, node, _, said, sent = turned
    live._receive(SAID, now_ns=1)
    assert [each for each in said if each in ("BEGIN IMMEDIATE", "COMMIT")] == ["BEGIN IMMEDIATE", "COMMIT"]
    assert sent == [(b"message", False)]
    assert node.store.last()[0] == 3


def test_what_fails_leaves_nothing_and_sends_nothing(turned):
    live, node, _, _, sent = turned
    node.fails = True
    with pytest.raises(ZeroDivisionError):
        live._receive(SAID, now_ns=1)
    assert (sent, node.store.last()[0], node.store.last_parcel()) == ([], 0, 0)
