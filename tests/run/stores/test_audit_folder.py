"""Audit records on the disk: resumed after kill -9, and whatever was altered, removed or cut off is found."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import audit_scenes
import msgspec
import numpy as np
import pytest
from audit_scenes import CHAINS, JPN, KEYS, NOW_NS, SECOND, USA, opened, released
from hypothesis import given, settings
from hypothesis import strategies as st
from store_scenes import LABEL, rows_of

from noroshi.run.stores import StoreError, audit
from noroshi.run.stores.audit import judge, segments
from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.audit import Entry, countersign, receipt
from noroshi.sharing.envelope import message_hash
from noroshi.sharing.parcels import Parcel, Sealed
from noroshi.sharing.rules import Product


def signed(seq):
    given_ = receipt(USA, owner="JPN", recipient="USA", feed="picture", seq=seq, chain=CHAINS[seq - 1], time_ns=NOW_NS)
    return countersign(given_, JPN, USA.public_key(), chain=CHAINS[seq - 1])


def written(folder, n=6):
    """Write a record of n releases in segments of two starts, with checkpoints and a receipt."""
    with opened(folder) as record:
        for seq in range(1, n // 2 + 1):
            released(record, seq)
        record.checkpoint(NOW_NS)
    record = opened(folder)
    for seq in range(n // 2 + 1, n + 1):
        released(record, seq)
    record.keep(signed(n - 1))
    record.close(NOW_NS)
    return folder


def entries(folder):
    return [msgspec.msgpack.decode(data, type=Entry) for path in segments(folder) for data in audit.blocks(path)]


def test_a_whole_record_is_proved_across_starts(tmp_path):
    verdict = judge(written(tmp_path / "a")).verdict
    assert verdict.faults == ()
    assert (verdict.entries, verdict.anchored, verdict.proved) == (14, 14, {("USA", "picture"): 5})
    kinds = [entry.kind for entry in entries(tmp_path / "a")]
    assert kinds == ["segment", *["release", "withheld"] * 3] * 2
    assert entries(tmp_path / "a")[7].content["sent"] == {"USA picture": 3}


@settings(max_examples=40)
@given(st.data())
def test_any_byte_of_a_record_that_is_altered_is_found(data):
    with tempfile.TemporaryDirectory() as name:
        folder = written(Path(name))
        path = data.draw(st.sampled_from([*segments(folder), folder / "checkpoints.log", folder / "receipts.log"]))
        content = bytearray(path.read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        try:
            judged = judge(folder)
        except StoreError:
            return
        assert judged.verdict.faults or judged.torn_bytes


@pytest.mark.parametrize("which", [0, 1])
def test_a_segment_that_was_removed_is_found(tmp_path, which):
    folder = written(tmp_path / "a")
    segments(folder)[which].unlink()
    (fault, *_) = judge(folder).verdict.faults
    assert ("entry 1 is missing" in fault) if which == 0 else ("its end was cut off" in fault)


@settings(max_examples=25)
@given(st.integers(0, 600))
def test_a_half_written_entry_is_cut_off_and_said_so(cut):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with opened(folder) as record:
            for seq in range(1, 4):
                released(record, seq)
        (path,) = segments(folder)
        content = path.read_bytes()
        length = max(0, len(content) - cut)
        path.write_bytes(content[:length])
        torn = judge(folder).torn_bytes if length > 200 else None
        record = opened(folder)
        n = record.sent("USA", "picture")
        if torn is not None:
            assert record.mended_bytes == torn
        for seq in range(n + 1, 6):
            released(record, seq)
        record.close(NOW_NS)
        judged = judge(folder)
        assert (judged.verdict.faults, judged.torn_bytes) == ((), 0)
        said = [entry.content["bytes"] for entry in entries(folder) if entry.kind == "mended"]
        assert said == ([record.mended_bytes] if record.mended_bytes else [])
        assert judged.verdict.anchored == judged.verdict.entries


def test_an_end_that_was_cut_off_behind_a_signed_one_is_no_accident(tmp_path):
    folder = written(tmp_path / "a")
    last = segments(folder)[-1]
    last.write_bytes(last.read_bytes()[:-30])
    with pytest.raises(StoreError, match="14 entries were signed for: its end was cut off"):
        opened(folder)
    assert "cut off" in judge(folder).verdict.faults[0]


def test_what_was_altered_is_not_gone_on_with(tmp_path):
    folder = written(tmp_path / "a")
    last = segments(folder)[-1]
    content = bytearray(last.read_bytes())
    content[content.index(b"withheld") + 20] ^= 1
    last.write_bytes(content)
    with pytest.raises(StoreError, match="was altered; noroshi audit verify tells more"):
        opened(folder)


def test_another_nations_record_is_refused(tmp_path):
    written(tmp_path / "a")
    with pytest.raises(StoreError, match="is not a record of KOR"):
        opened(tmp_path / "a", owner="KOR")


def test_checkpoints_come_each_minute_and_at_the_end(tmp_path):
    record = opened(tmp_path / "a")
    released(record, 1)
    assert record.tick(NOW_NS + 59 * SECOND) is None
    assert record.tick(NOW_NS + 60 * SECOND).owner == "JPN"
    assert record.tick(NOW_NS + 119 * SECOND) is None
    assert record.tick(NOW_NS + 120 * SECOND) is not None  # nothing new, and nobody can tell
    released(record, 2)
    record.close(NOW_NS + 140 * SECOND)
    assert [point.seq for point in audit.read_checkpoints(tmp_path / "a")] == [3, 3, 5]


def test_large_records_are_split(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "SEGMENT_BYTES_MAX", 500)
    record = opened(tmp_path / "a")
    for seq in range(1, 7):
        released(record, seq)
    record.close(NOW_NS)
    assert len(segments(tmp_path / "a")) > 2
    assert judge(tmp_path / "a").verdict.faults == ()


def test_what_others_hold_counts_against_a_record_written_anew(tmp_path):
    ours, theirs = tmp_path / "usa", tmp_path / "jpn"
    record = opened(theirs)
    released(record, 1)
    given_ = record.checkpoint(NOW_NS)
    record.close(NOW_NS)
    with opened(ours, owner="USA", key=USA) as held:
        held.hold(given_)
        held.hold(signed(1))
    assert judge(theirs, held=[ours]).verdict.faults == ()
    assert judge(theirs, held=[ours]).verdict.proved == {("USA", "picture"): 1}
    shutil.rmtree(theirs)
    record = opened(theirs)
    record.append("release", {"recipient": "USA", "feed": "picture", "first": 1, "hashes": [b"tame"]}, time_ns=NOW_NS)
    record.append("other", {}, time_ns=NOW_NS)
    record.close(NOW_NS)
    assert judge(theirs).verdict.faults == ()
    pledge_fault, receipt_fault = judge(theirs, held=[ours]).verdict.faults
    assert "the record was written anew" in pledge_fault
    assert "another message 1" in receipt_fault


def test_a_record_signed_with_another_key_is_found_by_keys_that_one_brings(tmp_path):
    folder = written(tmp_path / "a")
    with opened(tmp_path / "b", key=USA, keys={"USA": [USA.public_key()]}) as record:
        released(record, 1)
        record.checkpoint(NOW_NS)
    assert judge(tmp_path / "b").verdict.faults == ()
    assert "not signed by JPN" in judge(tmp_path / "b", keys=folder / "keys").verdict.faults[0]
    assert judge(folder, keys=folder / "keys").own_keys is False
    with pytest.raises(StoreError, match="holds no key of JPN"):
        judge(folder, keys=tmp_path)


def test_keys_of_before_a_rotation_stay_known(tmp_path):
    folder = written(tmp_path / "a")
    record = opened(folder, key=USA, keys=KEYS)
    released(record, 7)
    record.close(NOW_NS)
    assert len(audit.read_keys(folder / "keys")["JPN"]) == 2
    assert judge(folder).verdict.faults == ()


def test_folders_that_hold_no_record(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(StoreError, match="holds no audit record"):
            judge(folder)


def test_a_full_disk_takes_nothing_half(tmp_path, monkeypatch):
    record = opened(tmp_path / "a")
    released(record, 1)
    size = record._log.size
    write = type(record._log._stream).write

    class Full:
        def __init__(self, stream):
            self.stream = stream

        def write(self, data):
            return write(self.stream, data[:7])

        def __getattr__(self, name):
            return getattr(self.stream, name)

    record._log._stream = Full(record._log._stream)
    with pytest.raises(StoreError, match="cannot be written: the disk is full"):
        released(record, 2)
    record._log._stream = record._log._stream.stream
    assert segments(tmp_path / "a")[0].stat().st_size == size
    released(record, 2)
    record.close(NOW_NS)
    assert judge(tmp_path / "a").verdict.faults == ()


class TestWithAnOutbox:
    def put(self, store, number):
        rows = rows_of(np.random.default_rng(number), number, 5)
        store.put(Parcel(parcel=number, product=Product.CONTRIBUTION, label=LABEL, policy="p", body=b"b",
                         rules=("a", "b"), rows=rows))  # fmt: skip
        return rows

    def seal(self, store, number, seq, rows):
        message = b"message %d" % seq
        store.seal(rows, Sealed(seq=seq, digest=message_hash(message), product=Product.CONTRIBUTION, rules=("a",),
                                expires_ns=2**62), message)  # fmt: skip

    def test_each_message_is_noted_once_it_is_on_the_disk(self, tmp_path):
        with opened(tmp_path / "audit") as record, StoreFile(tmp_path / "node.sqlite") as file:
            store = file.outbox("USA", record.note("USA", "picture"))
            rows = self.put(store, 1)
            self.seal(store, 1, 1, rows.take(np.arange(2)))
            with file.together():
                self.seal(store, 1, 2, rows.take(np.array([2])))
                assert record.sent("USA", "picture") == 1
            assert record.sent("USA", "picture") == 2
            with pytest.raises(KeyError), file.together():
                self.seal(store, 1, 3, self.put(store, 2).take(np.arange(1))), store.body(99)
            assert record.sent("USA", "picture") == 2
        found = [entry.content for entry in entries(tmp_path / "audit") if entry.kind == "release"]
        assert [(each["first"], each["rules"]) for each in found] == [(1, {"a": 2}), (2, {"a": 1})]

    def test_what_a_killed_node_did_not_come_to_note_is_noted_after_the_restart(self, tmp_path):
        with StoreFile(tmp_path / "node.sqlite") as file:
            with opened(tmp_path / "audit") as record:
                store = file.outbox("USA", record.note("USA", "picture"))
                rows = self.put(store, 1)
                self.seal(store, 1, 1, rows.take(np.arange(1)))
            store = file.outbox("USA")  # killed between the two
            for seq in (2, 3):
                self.seal(store, 1, seq, rows.take(np.array([seq - 1])))
            record = opened(tmp_path / "audit")
            assert record.catch_up("USA", "picture", list(store.sealed()), time_ns=NOW_NS) == 2
            assert record.catch_up("USA", "picture", list(store.sealed()), time_ns=NOW_NS) == 0
            chain = message_hash(b"message 3")
            given_ = receipt(USA, owner="JPN", recipient="USA", feed="picture", seq=3, chain=chain, time_ns=NOW_NS)
            record.keep(countersign(given_, JPN, USA.public_key(), chain=chain))
            record.close(NOW_NS)
        verdict = judge(tmp_path / "audit").verdict
        assert (verdict.faults, verdict.proved) == ((), {("USA", "picture"): 3})


@pytest.mark.parametrize("lines", [1, 300])
def test_what_returned_is_in_the_record_after_kill_9(tmp_path, lines):
    folder = tmp_path / "audit"
    child = subprocess.Popen(
        [sys.executable, audit_scenes.__file__, str(folder)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(audit_scenes.__file__).parent)},
    )  # fmt: skip
    try:
        said = [int(child.stdout.readline()) for _ in range(lines)]
    finally:
        os.kill(child.pid, 9)
        said += [int(line) for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        child.stdout.close()
        child.wait()
    with opened(folder) as record:
        assert record.sent("USA", "picture") in (said[-1], said[-1] + 1)
        record.checkpoint(NOW_NS)
    verdict = judge(folder).verdict
    assert verdict.faults == ()
    assert verdict.anchored == verdict.entries
