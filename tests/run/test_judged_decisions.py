"""A record of decisions judged by who took none of them: each person's signature, and what may follow what."""

import json
import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "command"))
from command_scenes import KEYS, PEOPLE, SETTINGS, STAFF, START_NS, said, task

from noroshi.command.book import Book
from noroshi.command.people import sign
from noroshi.command.transitions import Step
from noroshi.run.authority import shipped
from noroshi.run.cli import app
from noroshi.run.judging import judge_steps
from noroshi.run.stores.decisions import DecisionFolder

RULES = shipped()
MANY = 64
NODE_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def steps(n=MANY):
    """Return proposals, each with its approval; of every seventh that is somebody else's, or altered."""
    writer, rows = Book("JPN", PEOPLE, RULES, SETTINGS), []
    for k in range(n):
        proposed = said(writer, f"s{k}", Step.RECOMMENDED, "sato@JPN", START_NS + k, what=task())
        assert writer.take_row(proposed, START_NS + k).refusal is None
        approved = said(writer, f"s{k}", Step.APPROVED, "mori@JPN", START_NS + k)
        if k % 7 == 3:
            approved = sign(approved, KEYS["kato@JPN"])
        if k % 7 == 5:
            approved = msgspec.structs.replace(approved, reason="altered")
        rows += [proposed, approved]
    return rows


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """What a node wrote that took everything, signed or not."""
    folder = tmp_path_factory.mktemp("state") / "decisions"
    with DecisionFolder(folder, owner="JPN", key=NODE_KEY, time_ns=START_NS) as store:
        store.add(steps(), START_NS)
        store.commit(START_NS)
    return folder


def test_what_is_not_signed_is_found(record):
    judged = judge_steps(record, PEOPLE, SETTINGS.area_nations)
    bad = [k for k in range(MANY) if k % 7 in (3, 5)]
    assert judged.faults == tuple(f"s{k} 1, approved by mori@JPN: is not signed by who says it" for k in bad)
    assert judged.record.verdict.faults == ()
    assert (judged.steps, judged.decisions, judged.n_faults) == (2 * MANY, MANY, len(bad))
    assert judged.approvals == MANY - len(bad)
    assert judged.signed == 2 * MANY - len(bad)


def test_a_step_that_the_table_does_not_have_is_found(tmp_path):
    (proposed, approved) = steps(1)
    again = sign(msgspec.structs.replace(approved, version=2, key="again", by="kato@JPN"), KEYS["kato@JPN"])
    own = sign(msgspec.structs.replace(approved, by="sato@JPN", key="own"), KEYS["sato@JPN"])
    for rows, why in (
        ([proposed, approved, again], "may not follow what was said last"),
        ([proposed, approved, approved], "was taken before"),
        ([proposed, own], "is said by nobody who is known in that role"),
        ([approved], "is held until what comes before it is here"),
    ):
        folder = tmp_path / why[:8]
        with DecisionFolder(folder, owner="JPN", key=NODE_KEY, time_ns=START_NS) as store:
            store.add(rows, START_NS)
            store.commit(START_NS)
        judged = judge_steps(folder, PEOPLE, SETTINGS.area_nations)
        assert judged.n_faults == 1
        assert why in judged.faults[0]


def test_the_command_says_what_a_record_proves(record, tmp_path):
    people = tmp_path / "people"
    people.mkdir()
    for name, (nation, role) in STAFF.items():
        key = PEOPLE[name].keys[0].public_bytes_raw().hex()
        (people / f"{name}.toml").write_text(
            f'name = "{name}"\nnation = "{nation}"\nroles = ["{role}"]\nkeys = ["{key}"]\n'
        )
    asked = ["audit", "decisions", str(record), "--people", str(people), "--nation", "japan"]
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert (told["owner"], told["steps"], told["n_faults"]) == ("JPN", 2 * MANY, len(told["faults"]))
    good = tmp_path / "decisions"
    with DecisionFolder(good, owner="JPN", key=NODE_KEY, time_ns=START_NS) as store:
        store.add(steps(3), START_NS)
        store.commit(START_NS)
    asked[2] = str(good)
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    assert "JPN: 6 steps of 3 decisions, none altered; 6 are signed by people, 3 are approvals" in done.stdout
    assert "keys beside the record" in done.stdout
    log = good / "000001.log"
    log.write_bytes(log.read_bytes().replace(b"s1", b"s9", 1))
    assert CliRunner().invoke(app, asked).exit_code == 1
