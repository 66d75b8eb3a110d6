"""How fast decisions are folded, and how much of the time from request to task is the machine's.

    python bench/command_speed.py [--json] [--matters N] [--rounds N] [--open N]

`folded_per_s` is of steps, one thread, in CPU time, three ways: as the nation that writes them (table, signatures,
delegations, the rules), as one that reads them (table and signatures), and without the checking of signatures, which is
OpenSSL's alone. A matter goes the whole way in nine steps, of which seven are signed by people.

`live` is what a node does with what people here say (`run.live.ahead`, `node.watch`, `run.live.kept`): records of one
step come in, as many as there are up to `group` are taken together; their signatures are checked, half of them in a
second thread; each step is read, judged by the table, delegations and rules, folded, given out, chained (SHA-256) and
written; each group ends in one commit, which is the node's signature over the chain and an `fdatasync` of both files.
Not in it: unpacking what comes by a link, telling partners. Its seconds are of the node's own
thread; those of both threads are beside them.

`audited` is `noroshi audit decisions` of that record (`run.judging`), from the call to the answer: the chain and the
node's signatures are verified, every step is read, its person's signature checked, judged by the table and folded.
Steps a second are of one processor's time; those of real time, which hang on what else the machine does, beside them.

`ms` is CPU time of the machine around people, with so many other matters open: an alert proposed and shown
(`proposed`); the approval drafted, signed and taken, the alert given out and its task told (`approved`); what the
outlets say taken (`delivered`, not in `request_to_task`); `store` is what a caller waits for one commit of those steps,
in real time, of which most is the disk's. `rules` is one question to Cedar's engine that was not asked before.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "command"))
from command_scenes import KEYS, NS, PEOPLE, SETTINGS, STAFF, START_NS, alert_of, task, threats_of

from noroshi.command import checks
from noroshi.command.authority import Request
from noroshi.command.book import Book
from noroshi.command.core import Command
from noroshi.command.matters import Refusal, Settings
from noroshi.command.people import known, sign
from noroshi.command.rows import Row, Said, decision_of, rows_of
from noroshi.command.transitions import Role, Step
from noroshi.node.watch import Watch
from noroshi.run.authority import shipped
from noroshi.run.judging import judge_steps
from noroshi.run.live.ahead import Ahead
from noroshi.run.live.kept import Kept
from noroshi.run.live.node import SAID_TOGETHER
from noroshi.run.stores.decisions import DecisionFolder

STEPS = (
    (Step.RECOMMENDED, "sato@JPN"), (Step.APPROVED, "mori@JPN"), (Step.APPROVED, "reed@USA"), (Step.TASKED, ""),
    (Step.RECEIVED, ""), (Step.ACKNOWLEDGED, "ueda@JPN"), (Step.WILL_COMPLY, "ueda@JPN"), (Step.EXECUTING, "ueda@JPN"),
    (Step.ESCALATED, ""), (Step.DONE_OK, "ueda@JPN"),
)  # fmt: skip
SLOW = Settings(
    area_nations=SETTINGS.area_nations, person_s=dict.fromkeys(SETTINGS.person_s, 9e5),
    machine_s=dict.fromkeys(SETTINGS.machine_s, 9e5),
)  # fmt: skip
RULES = shipped()
GROUP = SAID_TOGETHER


def book(home: str = "JPN") -> Book:
    return Book(home, PEOPLE, RULES, SLOW)


def written(n: int) -> list[Row]:
    """Return the steps of so many matters, interleaved."""
    writer, at = book(), START_NS
    for step, by in STEPS:
        for k in range(n):
            stream, now_ns = f"matter {k}", at + k
            if step is Step.ESCALATED:
                continue
            if by:
                more: dict[str, Any] = {"what": task(areas=("JP-02", "US-GU"), asset="JPN")}
                row = writer.draft(
                    stream, step, by=by, role=STAFF[by][1], now_ns=now_ns,
                    **(more if step is Step.RECOMMENDED else {}),
                )  # fmt: skip
                verdict = writer.take_row(sign(row, KEYS[by]), now_ns)
            else:
                verdict = writer.say(("JPN", stream), step, now_ns, said=Said())
            assert verdict.refusal is None, (step, verdict)
        at += NS
    return writer.take()


def folded(rows: list[Row], home: str) -> float:
    """Return steps a second of CPU time; one record is one step, as they arrive."""
    records, node = [decision_of([row]) for row in rows], book(home)
    known.cache_clear()
    since = time.process_time()
    for record, row in zip(records, rows, strict=True):
        (verdict,) = node.receive(record, row.time_ns, source="JPN")
        assert verdict.refusal is None, verdict
    return len(rows) / (time.process_time() - since)


def lived(rows: list[Row], folder: Path) -> dict[str, Any]:
    """Return how fast a live node takes, chains, signs for and stores steps."""
    records = [decision_of([row]) for row in rows]
    watch = Watch(cast(Any, SimpleNamespace(nation="JPN")), Command("JPN", PEOPLE, RULES, SLOW), period_ns=NS)
    kept = Kept(folder, "JPN", KEYS["sato@JPN"], watch.command.book, START_NS)
    groups = [range(at, min(at + GROUP, len(rows))) for at in range(0, len(rows), GROUP)]
    known.cache_clear()
    ahead = Ahead(PEOPLE)
    both_s, own_s, since = time.process_time(), time.thread_time(), time.perf_counter()
    for group in groups:
        ahead.look(records[group.start : group.stop])
        for at in group:
            watch.hear(records[at], rows[at].time_ns)
            assert watch.verdicts[0].refusal in (None, Refusal.DUPLICATE), watch.verdicts
        kept.keep(watch.take(), rows[group[-1]].time_ns)
    both_s, own_s = time.process_time() - both_s, time.thread_time() - own_s
    wall_s = time.perf_counter() - since
    assert sum(len(matter.rows) for matter in watch.command.book.matters.values()) == len(rows)
    kept.close(rows[-1].time_ns)
    of_both = {"us_a_step_of_both_threads": round(1e6 * both_s / len(rows), 1), "commits": len(groups)}
    return told_of(len(rows), own_s, wall_s) | of_both


def audited(n_signed: int, folder: Path) -> dict[str, Any]:
    """Return how fast the record of a live node is judged, from the call to the answer."""
    known.cache_clear()
    own_s, since = time.process_time(), time.perf_counter()
    judged = judge_steps(folder, PEOPLE, SETTINGS.area_nations)
    own_s, wall_s = time.process_time() - own_s, time.perf_counter() - since
    assert not judged.faults, judged.faults
    assert not judged.record.verdict.faults, judged.record.verdict.faults
    assert judged.signed == n_signed
    return told_of(judged.steps, own_s, wall_s)


def told_of(steps: int, own_s: float, wall_s: float) -> dict[str, Any]:
    return {
        "steps_per_s": round(steps / own_s), "us_a_step": round(1e6 * own_s / steps, 1),
        "steps_per_wall_s": round(steps / wall_s),
    }  # fmt: skip


def timed(part: list[float], what: Callable[[], Any], clock: Callable[[], float] = time.process_time) -> Any:
    since = clock()
    answer = what()
    part.append(1e3 * (clock() - since))
    return answer


def request_to_task(rounds: int, n_open: int, folder: Path) -> dict[str, Any]:
    """Return what the machine takes between people, in milliseconds."""
    node = Command("JPN", PEOPLE, RULES, SLOW)
    node.receive(threats_of(), START_NS)
    for k in range(n_open):
        node.receive(alert_of(f"open {k}", expires_ns=START_NS + 10**6 * NS), START_NS)
    node.take()
    shown, taken, sent, stored, whole = ([] for _ in range(5))
    codes = tuple(f"JP-{k:02}" for k in range(1, 48))
    with DecisionFolder(folder, owner="JPN", key=KEYS["sato@JPN"], time_ns=START_NS) as store:
        for k in range(rounds):
            name, now_ns = f"alert {k}", START_NS + k * NS // 1000
            alert = alert_of(name, codes, expires_ns=START_NS + 10**6 * NS)

            def propose(alert: Any = alert, now_ns: int = now_ns) -> Any:
                node.receive(alert, now_ns)
                return node.take(), node.book.inbox(nation="JPN", role=Role.APPROVER)

            out, inbox = timed(shown, propose)
            assert len(inbox) == n_open + 1

            def approve(name: str = name, now_ns: int = now_ns) -> Any:
                row = node.book.draft(name, Step.APPROVED, by="mori@JPN", role=Role.APPROVER, now_ns=now_ns)
                (verdict,) = node.receive(decision_of([sign(row, KEYS["mori@JPN"])]), now_ns)
                assert verdict.refusal is None, verdict
                return node.take()

            out += timed(taken, approve)
            assert out[-1].channel == "alert"
            assert node.book.matters["JPN", name].state == Step.TASKED

            def deliver(name: str = name, now_ns: int = now_ns) -> Any:
                said = node.delivered(name, now_ns)
                assert said is not None
                node.receive(said, now_ns)
                return node.take()

            out += timed(sent, deliver)
            whole.append(shown[-1] + taken[-1])
            rows = [row for one in out if one.channel == "decision" for row in rows_of(one.record)]

            def keep(rows: Any = rows, now_ns: int = now_ns) -> None:
                store.add(rows, now_ns)
                store.commit(now_ns)

            timed(stored, keep, time.perf_counter)
    parts = {"proposed": shown, "approved": taken, "delivered": sent, "request_to_task": whole, "store_wall": stored}
    return {
        name: {f"p{q}": round(float(np.percentile(values, q)), 3) for q in (50, 99, 100)}
        for name, values in parts.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--matters", type=int, default=3_000)
    parser.add_argument("--rounds", type=int, default=1_000)
    parser.add_argument("--open", type=int, default=100)
    asked = parser.parse_args()
    rows = written(asked.matters)
    speeds = {"as_writer": folded(rows, "JPN"), "as_reader": folded(rows, "USA")}
    real, checks.is_signed = checks.is_signed, lambda *_: True
    speeds |= {"as_writer_unsigned": folded(rows, "JPN"), "as_reader_unsigned": folded(rows, "USA")}
    checks.is_signed = real
    key, some = KEYS["mori@JPN"], [row for row in rows if row.signature][:2_000]
    known.cache_clear()
    since = time.process_time()
    for row in some:
        assert checks.is_signed(row, PEOPLE[row.by])
    signature_us = (time.process_time() - since) / len(some) * 1e6
    request = Request(
        step="approved", role="approver", nation="JPN", acting_for="JPN", delegated=False, proposed=False,
        action="alert", owner="JPN", asset="JPN", areas=(), concerns=("JPN",), posture="peacetime",
        priority="flash", joint=False,
    )  # fmt: skip
    since = time.process_time()
    for k in range(500):
        RULES.judge(request._replace(areas=(f"JP-{k}",)))
    rules_us = (time.process_time() - since) / 500 * 1e6
    with tempfile.TemporaryDirectory() as folder:
        ms = request_to_task(asked.rounds, asked.open, Path(folder))
        record, n_signed = Path(folder) / "decisions", sum(bool(row.signature) for row in rows)
        live = lived(rows, record)
        judged = audited(n_signed, record)
    print(
        json.dumps(
            {
                "bench": "command_speed",
                "steps": len(rows),
                "signed": n_signed,
                "folded_per_s": {name: round(value) for name, value in speeds.items()},
                "live": live,
                "audited": judged,
                "group": GROUP,
                "signature_us": round(signature_us, 1),
                "rules_us": round(rules_us, 1),
                "open": asked.open,
                "rounds": asked.rounds,
                "areas": 47,
                "ms": ms,
                "key": key.public_key().public_bytes_raw().hex()[:8],
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                **{name: version(name) for name in ("noroshi", "cedarpy", "cryptography", "msgspec", "numpy")},
            }
        )
    )


if __name__ == "__main__":
    main()
