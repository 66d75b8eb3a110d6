"""What it costs to keep an outbox on the disk: put, seal and acknowledge, and how soon a killed node has it again.

    python bench/outbox_store.py [--json] [--rounds N] [--folder PATH]

A round is what a second of a node does for one recipient: one parcel is put, it is sealed in messages of `ROWS_MAX`
(`sharing.outbox`) rows, and all is acknowledged. Three ways: each call its own commit, all of a round one commit
(`StoreFile.together`), and in memory for comparison. Seconds are of the processor (threads and kernel included); `wall`
is what a caller waits, of which most is the disk's. `core_share_at_5000_rows_s` is what 5,000 rows put and sealed each
second take.
`again` is opening a file in which rows of many parcels wait, and making the outbox of it.
"""

import argparse
import json
import os
import platform
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

import numpy as np
from speed_parts.timing import calibration

from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.envelope import message_hash
from noroshi.sharing.label import Label
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.outbox import ROWS_MAX, Outbox
from noroshi.sharing.parcels import Parcel, Rows, Sealed, Store
from noroshi.sharing.rules import Product

SEED, SECOND = 20_260_101, 1_000_000_000
ROW_BYTES = 560  # of a contribution in raw columns, as `release_speed.py` packs them
SEALED_BYTES = 560
N_WAITING = 100


def parcel_of(number: int, n: int, rng: np.random.Generator) -> Parcel:
    rows = Rows(
        parcel=np.full(n, number),
        row=np.arange(n),
        number=rng.permutation(n).astype(np.uint64) + np.uint64(2**40),
        time_ns=np.full(n, number * SECOND),
        due_ns=np.full(n, number * SECOND),
        expires_ns=np.full(n, (number + 900) * SECOND),
        rule=np.zeros(n, np.int64),
        urgency=np.full(n, 4),
        n_bytes=np.full(n, ROW_BYTES),
        is_last=np.zeros(n, np.bool_),
        state=rng.normal(0.0, 1e6, (n, 6)),
        variance=rng.uniform(0.0, 1e4, (n, 2)),
    )
    label = Label(originator="JPN", releasable_to=("USA",))
    body = rng.bytes(n * ROW_BYTES)
    return Parcel(parcel=number, product=Product.CONTRIBUTION, label=label, policy="0" * 64, body=body,
                  rules=("close partners",), rows=rows)  # fmt: skip


def measure(store: Store, n: int, rounds: int, together: Callable[[], object]) -> dict[str, float]:
    """Return what calls and rounds take, the median of the rounds after the first."""
    rng = np.random.default_rng(SEED)
    spent: dict[str, list[float]] = {"put": [], "seal": [], "acknowledge": [], "commit": [], "wall": [], "cpu": []}
    seq = 0
    for number in range(1, rounds + 1):
        parcel = parcel_of(number, n, rng)
        drafts = [parcel.rows.take(np.arange(first, min(first + ROWS_MAX, n))) for first in range(0, n, ROWS_MAX)]
        messages = [rng.bytes(len(rows) * SEALED_BYTES) for rows in drafts]
        digests = [message_hash(message) for message in messages]
        wall, cpu = time.perf_counter(), used_s()
        with together():
            at = used_s()
            store.put(parcel)
            spent["put"].append(used_s() - at)
            for rows, message, digest in zip(drafts, messages, digests, strict=True):
                seq += 1
                sealed = Sealed(seq=seq, digest=digest, product=Product.CONTRIBUTION, rules=("close partners",),
                                expires_ns=(number + 900) * SECOND)  # fmt: skip
                at = used_s()
                store.seal(rows, sealed, message)
                spent["seal"].append(used_s() - at)
            at = used_s()
            store.acknowledge(seq)
            spent["acknowledge"].append(used_s() - at)
            at = used_s()
        spent["commit"].append(used_s() - at)
        spent["cpu"].append(used_s() - cpu)
        spent["wall"].append(time.perf_counter() - wall)
    each = {name: statistics.median(times[1:]) for name, times in spent.items()}
    mean_s = statistics.mean(spent["cpu"][1:])  # of all rounds: folding the log is in some of them
    return {
        **{f"{name}_us": round(1e6 * each[name], 1) for name in ("put", "seal", "acknowledge", "commit")},
        "puts_per_s": round(1.0 / each["put"], 1),
        "seals_per_s": round(1.0 / each["seal"], 1),
        "acknowledges_per_s": round(1.0 / each["acknowledge"], 1),
        "round_wall_ms_median": round(1e3 * each["wall"], 3),
        "round_wall_ms_max": round(1e3 * max(spent["wall"][1:]), 3),
        "rows_per_cpu_s": round(n / mean_s),
        "core_share_at_5000_rows_s": round(5_000 * mean_s / n, 5),
    }


def again(path: Path, n: int) -> dict[str, float]:
    """Return how long it takes until the outbox is there again whose file holds so many parcels that wait."""
    rng = np.random.default_rng(SEED)
    with StoreFile(path, synchronous="NORMAL") as file, file.together():
        store = file.outbox("USA")
        for number in range(1, N_WAITING + 1):
            store.put(parcel_of(number, n, rng))
    wall, cpu = time.perf_counter(), used_s()
    with StoreFile(path) as file:
        outbox = Outbox(file.outbox("USA"))
        took = {"rows": len(outbox), "cpu_s": round(used_s() - cpu, 4), "wall_s": round(time.perf_counter() - wall, 4)}
    assert took["rows"] == n * N_WAITING
    return took


def used_s() -> float:
    """Return processor seconds of this process, those that the kernel spent for it included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--folder", type=Path, help="on which disk; a temporary one if not given")
    asked = parser.parse_args()
    before, figures = calibration(), {}
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        for n in (1_000, 5_000):
            for synchronous in ("FULL", "NORMAL"):
                for way in ("each", "together"):
                    with StoreFile(folder / f"{n}-{synchronous}-{way}.sqlite", synchronous=synchronous) as file:
                        together = file.together if way == "together" else nullcontext
                        key = f"{n} rows, {synchronous}, {'one commit a round' if way == 'together' else 'each call'}"
                        figures[key] = measure(file.outbox("USA"), n, asked.rounds, together)
            figures[f"{n} rows, in memory"] = measure(MemoryStore(), n, asked.rounds, nullcontext)
            figures[f"{n} rows, again"] = again(folder / f"{n}-again.sqlite", n)
    if not asked.json:
        for key, found in figures.items():
            print(f"{key:40}", found)
    about = {
        "bench": "outbox_store",
        "seed": SEED,
        "rounds": asked.rounds,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("noroshi", "numpy", "msgspec")},
        "calibration_before": before,
        "calibration_after": calibration(),
    }
    print(json.dumps({**about, "figures": figures}))


if __name__ == "__main__":
    main()
