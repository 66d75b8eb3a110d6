"""Slips of the pen of who runs a node: one clear line, nothing half-written; or it goes on and says so once."""

import json
import threading
import time
from importlib.resources import files
from pathlib import Path

import pytest

from noroshi.run import pki
from noroshi.run.live.running import Running, Wanted, read_tokens

HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder, now_ns = tmp_path_factory.mktemp("keys"), time.time_ns()
    for code in ("JPN", "USA"):
        pki.make_authority(folder / code, code, exercise="CARELESS", now_ns=now_ns)
        pki.make_node(folder / code, ["localhost"], now_ns=now_ns)
        (folder / f"{code}.toml").write_text(pki.export(folder / code))
    check = pki.read_partner(folder / "USA.toml").check[:16]
    pki.add_partner(folder / "JPN", folder / "USA.toml", check, now_ns=now_ns)
    return folder


def run(state, *, before=lambda _: None, nation="japan", for_s=0.3, **about):
    said = []
    with Running(Wanted(nation=nation, state=state, for_s=for_s, **about), said.append) as running:
        before(running)
        running.run()
    return said


@pytest.mark.parametrize("about", [{"keys": Path("no such folder")}, {"links": ("USA=tls/localhost:1",)}])
def test_keys_that_are_wanted_and_not_there(tmp_path, about):
    with pytest.raises(ValueError, match="is no folder of keys"):
        run(tmp_path / "state", **about)
    assert not (tmp_path / "state").exists()


def test_a_shipped_nation_keeps_its_state_where_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(None)[0] == "stands alone: there are no keys in keys"
    assert (tmp_path / "state" / "journal").is_dir()


def test_keys_of_another_nation(tmp_path, keys):
    with pytest.raises(ValueError, match="are keys of USA, not of JPN"):
        run(tmp_path / "state", keys=keys / "USA")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("for_s", [0.0, -1.0, float("nan"), float("inf")])
def test_a_time_to_run_that_is_none(tmp_path, for_s):
    with pytest.raises(ValueError, match="--for"):
        run(tmp_path / "state", for_s=for_s)
    assert not (tmp_path / "state").exists()


def test_the_memory_of_another_nation(tmp_path):
    assert run(tmp_path / "state")[0].startswith("stands alone")
    with pytest.raises(ValueError, match="is the memory of JPN, not of USA"):
        run(tmp_path / "state", nation="united_states")
    run(tmp_path / "state")


def test_two_nodes_on_one_memory(tmp_path):
    def second(_):
        with pytest.raises(ValueError, match="another process has it open"):
            run(tmp_path / "state")

    run(tmp_path / "state", before=second)
    run(tmp_path / "state")


def test_a_node_that_stood_alone_is_given_keys_and_loses_them(tmp_path, keys):
    for about in ({}, {"keys": keys / "JPN"}, {}):
        run(tmp_path / "state", **about)


def test_a_damaged_checkpoint(tmp_path):
    run(tmp_path / "state")
    (tmp_path / "state" / "journal" / "checkpoint").write_bytes(b"abc")
    with pytest.raises(ValueError, match=r"damaged.*move the folder away"):
        run(tmp_path / "state")


def test_a_clock_that_was_an_hour_ahead_is_told_once(tmp_path):
    run(tmp_path / "state", clock_ns=lambda: time.time_ns() + HOUR_NS)

    def soon(running):
        threading.Timer(0.8, running.node.stop).start()

    said = run(tmp_path / "state", before=soon)
    behind = [line for line in said if "the clock is" in line]
    assert len(behind) == 1
    assert "s behind" in behind[0]


def test_orders_and_partners_that_cannot_be_read(tmp_path, keys):
    half = keys / "JPN" / "partners" / "half.toml"

    def slips(running):
        half.write_text('nation = "A')
        orders = running.state / "orders"
        (orders / "folder.json").mkdir(parents=True)
        (orders / "slip.json").write_text(json.dumps("no order"))

    try:
        said = run(tmp_path / "state", before=slips, for_s=2.5, keys=keys / "JPN")
    finally:
        half.unlink()
    assert sum("partners not read again" in line for line in said) == 1
    assert sum("folder.json: not taken in" in line for line in said) == 1
    assert sum("took in slip.json" in line for line in said) == 1


@pytest.mark.parametrize("text", ["[viewers]\na = 5\n", "operators = [5]\n", "viewers = 3\n", "[viewers]\na = []\n"])
def test_tokens_that_are_no_texts(tmp_path, text):
    path = tmp_path / "tokens"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ValueError, match=r"holds .*operators"):
        read_tokens(path)


def test_other_sensors_than_before(tmp_path):
    state, shipped = tmp_path / "state", files("noroshi.data") / "nations" / "japan.toml"
    told = shipped.read_text(encoding="utf-8")
    other = told.replace("range_m_max = 400000.0", "range_m_max = 350000.0", 1)
    assert other != told
    (tmp_path / "nearer.toml").write_text(other, encoding="utf-8")
    run(state, for_s=1.5)
    for nation in (str(tmp_path / "nearer.toml"), "japan"):
        said = run(state, nation=nation)
        assert sum("its own tracks begin anew" in line for line in said) == 1
    assert not [line for line in run(state) if "anew" in line]
