"""A checkpoint is written bit by bit, and counts when it is whole."""

import numpy as np
import pytest

from noroshi.formats import FormatError
from noroshi.records import Status
from noroshi.run.live import memory as room
from noroshi.run.live.memory import Memory
from noroshi.run.setup import Setup

SETUP = Setup(node="JPN", sites=[], tracker="soft", motion="constant_velocity", period_s=0.0)


def said(number):
    return Status(
        time_ns=np.array([number]), source=np.array(["a"]), subject=np.array(["b"]), value=np.array([float(number)])
    )


def begun(folder):
    memory = Memory(folder)
    memory.start(SETUP)
    return memory


def found(folder):
    checkpoint, since = Memory(folder).last()
    return None if checkpoint is None else bytes(checkpoint), [now_ns for now_ns, _ in since]


def test_what_was_kept_is_found_with_the_records_since(tmp_path):
    memory = begun(tmp_path)
    memory.write(said(1), 1)
    memory.keep([b"one ", b"two"])
    memory.write(said(2), 2)
    memory.close()
    assert found(tmp_path) == (b"one two", [2])


def test_the_one_before_counts_until_all_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "PART_BYTES", 10)
    memory = begun(tmp_path)
    memory.write(said(1), 1)
    memory.keep([b"old"])
    memory.write(said(2), 2)
    bits = memory.keeping(iter([b"x" * 40, b"y" * 40]))
    memory.write(said(3), 3)
    next(bits)
    assert found(tmp_path) == (b"old", [2, 3])  # as if it had been killed here
    assert list(bits)
    memory.close()
    assert found(tmp_path) == (b"x" * 40 + b"y" * 40, [3])


def test_one_that_is_given_up_leaves_the_one_before(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "PART_BYTES", 10)
    memory = begun(tmp_path)
    memory.keep([b"old"])
    bits = memory.keeping(iter([b"x" * 40, b"y" * 40]))
    next(bits)
    del bits
    assert found(tmp_path)[0] == b"old"
    memory.keep([b"new"])
    memory.close()
    assert found(tmp_path)[0] == b"new"


@pytest.mark.parametrize("at", [0, 30, -5])
def test_a_damaged_one_is_refused(tmp_path, at):
    memory = begun(tmp_path)
    memory.keep([b"content"])
    memory.close()
    path = tmp_path / "checkpoint"
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match="damaged"):
        Memory(tmp_path).last()
