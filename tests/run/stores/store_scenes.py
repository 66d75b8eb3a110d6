"""Rows for the tests of the room; run as a program it puts and seals, and says what returned, until it is killed."""

import sys
from pathlib import Path

import numpy as np

from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.envelope import message_hash
from noroshi.sharing.label import Label
from noroshi.sharing.parcels import Parcel, Rows, Sealed
from noroshi.sharing.rules import Product

LABEL = Label(originator="JPN", releasable_to=("USA",))


def rows_of(rng, parcel, n, numbers=6):
    return Rows(
        parcel=np.full(n, parcel),
        row=np.arange(n),
        number=rng.integers(2**63, 2**63 + numbers, n, dtype=np.uint64),
        time_ns=rng.integers(0, 5, n),
        due_ns=rng.integers(0, 9, n),
        expires_ns=rng.choice([9, np.iinfo(np.int64).max], n),
        rule=rng.integers(0, 2, n),
        urgency=rng.integers(0, 5, n),
        n_bytes=rng.integers(1, 999, n),
        is_last=rng.random(n) < 0.2,
        state=np.where(rng.random((n, 1)) < 0.3, np.nan, rng.normal(0, 1e6, (n, 6))),
        variance=rng.random((n, 2)),
    )


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main():
    with StoreFile(Path(sys.argv[1])) as file:
        store, rng = file.outbox("USA"), np.random.default_rng(3)
        say("ready")
        for k in range(1, 100_000):
            rows = rows_of(rng, k, 300)
            store.put(Parcel(parcel=k, product=Product.CONTRIBUTION, label=LABEL, policy="p", body=b"%d" % k * 5_000,
                             rules=("a", "b"), rows=rows))  # fmt: skip
            say(f"put {k}")
            message = b"message %d" % k * 2_000
            sealed = Sealed(seq=k, digest=message_hash(message), product=Product.CONTRIBUTION, rules=("a",),
                            expires_ns=2**62)  # fmt: skip
            with file.together():
                store.seal(rows.take(np.arange(200)), sealed, message)
                file.state.put("sealed", b"%d" % k)
            say(f"sealed {k}")


if __name__ == "__main__":
    main()
