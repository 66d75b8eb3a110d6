"""Audit records for the tests; run as a program it adds entries, and says which returned, until it is killed."""

import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.run.stores.audit import AuditFolder
from noroshi.sharing.envelope import message_hash

JPN, USA = (Ed25519PrivateKey.from_private_bytes(bytes([k] * 32)) for k in (1, 2))
KEYS = {"USA": [USA.public_key()]}
NOW_NS, SECOND = 1_893_456_000_000_000_000, 1_000_000_000
CHAINS = [message_hash(b"%d" % seq) for seq in range(1, 9)]


def opened(folder, *, owner="JPN", key=JPN, keys=None):
    return AuditFolder(Path(folder), owner=owner, key=key, keys=KEYS if keys is None else keys, time_ns=NOW_NS)


def released(record, seq):
    """Add the release of one message, and what stayed."""
    said = {"recipient": "USA", "feed": "picture", "first": seq, "hashes": [message_hash(b"%d" % seq)], "rules": {}}
    record.append("release", said, time_ns=NOW_NS + seq)
    record.append("withheld", {"recipient": "USA", "reasons": {"dropped": seq}}, time_ns=NOW_NS + seq)


def main():
    with opened(sys.argv[1]) as record:
        for seq in range(1, 1_000_000):
            released(record, seq)
            if seq % 50 == 0:
                record.checkpoint(NOW_NS)
            sys.stdout.write(f"{seq}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
