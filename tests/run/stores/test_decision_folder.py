"""Decisions on the disk: read back as they were, judged as any record, and none lost or doubled by kill -9."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.rows import Row
from noroshi.run.stores import StoreError
from noroshi.run.stores.audit import judge
from noroshi.run.stores.decisions import DecisionFolder, read_decisions

ROOT = Path(__file__).resolve().parents[3]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
ROWS = [
    Row("JPN", "s", version, 10 + version, "recommended", "machine", "machine", f"k{version}", 5, 20, "so", '{"é":1}')
    for version in range(5)
]


def test_what_was_added_is_read_back_in_order_and_proved(tmp_path):
    with DecisionFolder(tmp_path, owner="JPN", key=KEY, time_ns=1) as store:
        store.add(ROWS[:2], 2)
        assert store.commit(2) is not None
        assert store.commit(3) is None
    with DecisionFolder(tmp_path, owner="JPN", key=KEY, time_ns=4) as store:
        store.add(ROWS[2:], 5)
        store.close(6)
    assert list(read_decisions(tmp_path)) == ROWS
    verdict = judge(tmp_path).verdict
    assert verdict.faults == ()
    assert verdict.anchored == verdict.entries == 7


def test_an_altered_step_is_found(tmp_path):
    with DecisionFolder(tmp_path, owner="JPN", key=KEY, time_ns=1) as store:
        store.add(ROWS, 2)
        store.close(3)
    path = tmp_path / "000001.log"
    path.write_bytes(path.read_bytes().replace(b"machine", b"nachine"))
    assert judge(tmp_path).verdict.faults
    path.write_bytes(path.read_bytes().replace(b"row", b"wor"))
    with pytest.raises(StoreError, match="altered"):
        list(read_decisions(tmp_path))


def test_kill_9_loses_and_doubles_nothing(tmp_path):
    command = [sys.executable, "bench/command_killed.py", "--json", "--kills", "16", "--seed", "3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["faults"] == 0, told["first_faults"]
    assert told["kills"] == 16
    assert told["steps_stored"] >= told["steps_vouched_for"] > 100
