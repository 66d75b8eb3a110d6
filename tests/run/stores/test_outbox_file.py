"""Outboxes in a file: just as in memory, and still there after kill -9."""

import dataclasses
import inspect
import os
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "sharing"))
import store_scenes
import test_outbox
from store_scenes import LABEL, rows_of

from noroshi.run.stores import StoreError, outbox
from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.envelope import FIRST, message_hash
from noroshi.sharing.memory_store import MemoryState, MemoryStore
from noroshi.sharing.outbox import Outbox
from noroshi.sharing.parcels import Parcel, Rows, Sealed
from noroshi.sharing.rules import Product

SUITE = [
    test
    for name, test in vars(test_outbox).items()
    if name.startswith("test_") and inspect.isfunction(test) and not inspect.signature(test).parameters
]


class Files:
    """Stores in files, all closed in the end."""

    def __init__(self, folder):
        self.folder, self.open = Path(folder), {}

    def store(self):
        return self.opened(self.folder / f"{len(self.open)}.sqlite")

    def opened(self, path):
        self.open[path] = StoreFile(path, synchronous="NORMAL")
        return self.open[path].outbox("USA")

    def again(self, store):
        """Return the same store, out of its file alone."""
        (path,) = [path for path, file in self.open.items() if file is store._file]
        self.open[path].close()
        return self.opened(path)

    def close(self):
        for file in self.open.values():
            file.close()


@pytest.fixture
def files(tmp_path):
    made = Files(tmp_path)
    yield made
    made.close()


def test_the_suite_is_all_of_it():
    assert len(SUITE) >= 13


@pytest.mark.parametrize("test", SUITE, ids=lambda test: test.__name__)
def test_the_suite_of_the_outbox_holds_on_files(test, files, monkeypatch):
    """Every restart of it closes the file and opens it again."""
    restart = test_outbox.Line.restart

    def reopened(line):
        line.store = files.again(line.store)
        restart(line)

    monkeypatch.setattr(test_outbox, "MemoryStore", files.store)
    monkeypatch.setattr(test_outbox.Line, "restart", reopened)
    test()


def plain(rows):
    return [getattr(rows, field.name).tobytes() for field in dataclasses.fields(rows)], len(rows)


def one_by_one(told):
    """Return what was told, a row at a time, in one order."""
    each = [(kind, rule, rows.take(np.array([i]))) for kind, rule, rows in told for i in range(len(rows))]
    return sorted((str(kind), int(rows.number[0]), rule, *plain(rows)[0]) for kind, rule, rows in each)


def all_of(store):
    """Return everything that a store says."""
    waiting = [
        (each.parcel, each.product, each.label, each.policy, each.rules, plain(each.rows), plain(rows),
         store.body(each.parcel))
        for each, rows in store.waiting()
    ]  # fmt: skip
    sealed = list(store.sealed())
    messages = {one.seq: store.message(one.seq) for one in sealed}
    return (
        waiting,
        sealed,
        messages,
        store.last(),
        store.last_parcel(),
        store.policy(),
        one_by_one(store.told()),
        store.message(10**6),
    )


class Both:
    """One store in memory and one in a file, of which everything is asked at once."""

    def __init__(self, files, rng):
        self.files, self.rng = files, rng
        self.memory, self.file = MemoryStore(), files.store()
        self.parcels = self.seq = 0

    def do(self, name, *arguments):
        for store in (self.memory, self.file):
            getattr(store, name)(*arguments)

    def some(self, share):
        """Return some of the rows that wait, of several parcels, in any order."""
        every = Rows.joined([Rows.none(), *(rows for _, rows in self.memory.waiting())])
        chosen = np.flatnonzero(self.rng.random(len(every)) < share)
        return every.take(self.rng.permutation(chosen))

    def put(self):
        self.parcels += 1
        n = int(self.rng.integers(1, 20))
        product = Product.CONTRIBUTION if self.rng.random() < 0.7 else Product.WARNING
        self.do("put", Parcel(parcel=self.parcels, product=product, label=LABEL, policy="p", body=self.rng.bytes(50),
                              rules=("one", "two, è"), rows=rows_of(self.rng, self.parcels, n)))  # fmt: skip

    def seal(self):
        if len(rows := self.some(0.4)):
            self.seq += 1
            message = self.rng.bytes(40)
            rule = str(self.rng.choice(["one", "two, è"]))
            product = self.rng.choice([Product.CONTRIBUTION, Product.WARNING])
            self.do("seal", rows, Sealed(seq=self.seq, digest=message_hash(message), product=Product(product),
                                         rules=(rule,), expires_ns=2**63 - 1), message)  # fmt: skip

    def drop(self):
        if len(rows := self.some(0.3)):
            self.do("drop", rows)

    def withdraw(self):
        seqs = [one.seq for one in self.memory.sealed() if self.rng.random() < 0.3]
        self.do("withdraw", seqs)

    def forget(self):
        told = [(kind, int(rows.number[0])) for kind, _, rows in self.memory.told() if self.rng.random() < 0.4]
        self.do("forget_told", [*told, (Product.STATUS, 3)] if self.rng.random() < 0.5 else told)

    def note(self):
        self.do("note_policy", str(self.rng.integers(0, 99)))

    def acknowledge(self):
        self.do("acknowledge", int(self.rng.integers(0, self.seq + 2)))

    def reopen(self):
        self.file = self.files.again(self.file)


STEPS = ("put", "put", "seal", "seal", "drop", "withdraw", "forget", "acknowledge", "note")


@settings(max_examples=30)
@given(st.lists(st.sampled_from(STEPS), max_size=25), st.integers(0, 2**31), st.sampled_from((3, 50_000)))
def test_both_stores_say_the_same_after_every_step(steps, seed, logged_max):
    """Reopened after each step; with the log of what was told folded all the time, and not."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "LOGGED_MAX", logged_max)
        files = Files(folder)
        both = Both(files, np.random.default_rng(seed))
        try:
            for step in steps:
                getattr(both, step)()
                assert all_of(both.memory) == all_of(both.file)
                both.reopen()
                assert all_of(both.memory) == all_of(both.file)
        finally:
            files.close()


def test_recipients_of_one_file_have_nothing_to_do_with_each_other(tmp_path):
    rng = np.random.default_rng(1)
    with StoreFile(tmp_path / "node.sqlite") as file:
        usa, kor = file.outbox("USA"), file.outbox("KOR")
        parcel = Parcel(parcel=1, product=Product.WARNING, label=LABEL, policy="p", body=b"usa's", rules=("a",),
                        rows=rows_of(rng, 1, 3))  # fmt: skip
        usa.put(parcel)
        usa.seal(parcel.rows.take(np.array([0])), Sealed(seq=1, digest=b"d" * 32, product=Product.WARNING,
                                                         rules=("a",), expires_ns=9), b"sealed")  # fmt: skip
        assert (kor.last(), kor.message(1), list(kor.waiting()), kor.told()) == ((0, FIRST), None, [], [])
        with pytest.raises(KeyError):
            kor.body(1)
        with pytest.raises(KeyError):
            kor.drop(parcel.rows)
        kor.acknowledge(9)
        assert usa.message(1) == b"sealed"


def spoiled(file, store, parcel):
    with file.together():
        store.put(parcel)
        file.state.put("receiver", b"at 7")
        store.body(2)  # there is none


def test_what_is_done_together_is_there_whole_or_not_at_all(tmp_path):
    rng, path = np.random.default_rng(2), tmp_path / "node.sqlite"
    parcel = Parcel(parcel=1, product=Product.WARNING, label=LABEL, policy="p", body=b"b", rules=("a",),
                    rows=rows_of(rng, 1, 3))  # fmt: skip
    with StoreFile(path) as file:
        store = file.outbox("USA")
        with pytest.raises(KeyError):
            spoiled(file, store, parcel)
        assert (list(store.waiting()), file.state.get("receiver")) == ([], None)
        with file.together():
            store.put(parcel)
            file.state.put("receiver", b"at 8")
    with StoreFile(path) as file:
        assert [each.parcel for each, _ in file.outbox("USA").waiting()] == [1]
        assert file.state.get("receiver") == b"at 8"


@settings(max_examples=10)
@given(st.lists(st.dictionaries(st.text(max_size=3), st.none() | st.binary(max_size=9), max_size=4), max_size=8))
def test_small_values_in_memory_and_in_a_file(steps):
    with tempfile.TemporaryDirectory() as folder:
        memory, path = MemoryState(), Path(folder) / "node.sqlite"
        for values in steps:
            memory.put_all(values)
            with StoreFile(path, synchronous="NORMAL") as file:
                file.state.put_all(values)
                for key in {key for every in steps for key in every}:
                    assert file.state.get(key) == memory.get(key)


@pytest.mark.parametrize("lines", [1, 92])
def test_what_returned_is_there_after_kill_9(tmp_path, lines):
    path = tmp_path / "node.sqlite"
    command = [sys.executable, store_scenes.__file__, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        said = [child.stdout.readline().split() for _ in range(lines)]
    finally:
        os.kill(child.pid, 9)
        said += [line.split() for line in child.stdout.read().splitlines() if len(line.split()) == 2]
        child.stdout.close()
        child.wait()
    put = max((int(k) for what, k in said if what == "put"), default=0)
    sealed = max((int(k) for what, k in said if what == "sealed"), default=0)
    with StoreFile(path) as file:
        store = file.outbox("USA")
        waiting = {parcel.parcel: rows for parcel, rows in store.waiting()}
        last = store.last()[0]
        assert last in (sealed, sealed + 1)
        assert int(file.state.get("sealed") or 0) == last
        assert sorted(waiting) in (list(range(1, put + 1)), list(range(1, put + 2)))
        for k, rows in waiting.items():
            assert store.body(k) == b"%d" % k * 5_000
            assert rows.row.tolist() == list(range(200, 300)) if k <= last else list(range(300))
        for one in store.sealed():
            assert message_hash(store.message(one.seq)) == one.digest
        assert [one.seq for one in store.sealed()] == list(range(1, last + 1))
        again = Outbox(store)
        assert len(again) == sum(map(len, waiting.values()))
        assert file.read("PRAGMA integrity_check") == [("ok",)]


def test_two_processes_do_not_write_one_file(tmp_path):
    path = tmp_path / "node.sqlite"
    with StoreFile(path) as file:
        with pytest.raises(StoreError, match="another process has it open"):
            StoreFile(path)
        file.state.put("still", b"mine")
    with StoreFile(path) as file:
        assert file.state.get("still") == b"mine"


def test_other_files_are_refused_and_left_as_they_are(tmp_path):
    text, theirs, newer = tmp_path / "text", tmp_path / "theirs", tmp_path / "newer"
    text.write_bytes(b"not a database at all, only text" * 100)
    other = sqlite3.connect(theirs)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    StoreFile(newer).close()
    other = sqlite3.connect(newer)
    other.execute("PRAGMA user_version = 99")
    other.close()
    for path, says in ((text, "not a database"), (theirs, "another program's"), (newer, "is of version 99"),
                       (tmp_path / "no" / "such", "cannot be opened")):  # fmt: skip
        before = path.read_bytes() if path.exists() else None
        with pytest.raises(StoreError, match=says) as caught:
            StoreFile(path)
        assert "\n" not in str(caught.value)
        if path is text:
            assert path.read_bytes() == before


def test_a_full_disk_is_told_and_takes_nothing_half(tmp_path):
    """SQLite's own limit of pages stands for the disk."""
    rng = np.random.default_rng(4)
    with StoreFile(tmp_path / "node.sqlite") as file:
        store = file.outbox("USA")
        ((pages,),) = file.read("PRAGMA page_count")
        file.read(f"PRAGMA max_page_count = {pages + 2}")
        parcel = Parcel(parcel=1, product=Product.WARNING, label=LABEL, policy="p", body=bytes(200_000), rules=("a",),
                        rows=rows_of(rng, 1, 3))  # fmt: skip
        with pytest.raises(StoreError, match="cannot be written: database or disk is full"):
            store.put(parcel)
        assert list(store.waiting()) == []
        file.state.put("after", b"it works")
        assert file.state.get("after") == b"it works"


def test_the_file_does_not_grow_with_what_passes_through_it(tmp_path):
    rng, path = np.random.default_rng(5), tmp_path / "node.sqlite"
    sizes = []
    with StoreFile(path, synchronous="NORMAL") as file:
        store = file.outbox("USA")
        for k in range(1, 301):
            rows = rows_of(rng, k, 500, numbers=500)
            store.put(Parcel(parcel=k, product=Product.CONTRIBUTION, label=LABEL, policy="p", body=bytes(100_000),
                             rules=("a",), rows=rows))  # fmt: skip
            message = b"%d" % k * 50_000
            store.seal(rows, Sealed(seq=k, digest=message_hash(message), product=Product.CONTRIBUTION, rules=("a",),
                                    expires_ns=2**62), message)  # fmt: skip
            store.acknowledge(k - 3)
            sizes.append(sum(each.stat().st_size for each in tmp_path.iterdir()))
    assert sizes[-1] == max(sizes[150:]) <= 1.05 * sizes[150]
