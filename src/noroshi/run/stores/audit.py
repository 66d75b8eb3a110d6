"""An audit record on the disk: a folder that `noroshi audit verify` can judge (`sharing.audit` says what it proves).

    000001.log …      the entries, in segments: a new one at each start and where one has grown large
    checkpoints.log   signed statements of how far the record had come: each minute and when it is closed
    receipts.log      of partners, counter-signed
    held/             what others gave to be held against their own records
    keys/CODE.toml    public signing keys as the node knew them, to begin with: a verifier brings its own

Each file is blocks behind their length (four bytes, big-endian). What `append` returned for survives kill -9; after
`sync` also a power cut: call it before what the entries speak of is sent. An entry that was half written is cut off
when the folder is opened again, which is said in the next entry.
"""

import hashlib
import os
import struct
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from noroshi.geo.time import NS_PER_S
from noroshi.run import pki
from noroshi.run.pki.files import write
from noroshi.run.stores import Closing, StoreError
from noroshi.sharing.audit import RELEASE, Audit, Checkpoint, Entry, Pledge, Receipt, Verdict, pledge, verify
from noroshi.sharing.parcels import Rows, Sealed

SEGMENT = "segment"  # the kind of the entry that begins a segment
SEGMENT_BYTES_MAX = 64 << 20
BLOCK_BYTES_MAX = 64 << 20
CHECKPOINT_NS = 60 * NS_PER_S
LENGTH = struct.Struct(">I")

_ENTRY = msgspec.msgpack.Decoder(Entry)
_ENCODER = msgspec.msgpack.Encoder()

Keys = Mapping[str, Sequence[Ed25519PublicKey]]
Signed = TypeVar("Signed", Checkpoint, Pledge, Receipt)


class AuditFolder:
    """The audit record of one node, to which entries are added; use as a context, from one thread and one process.

    Args:
        folder: made if it does not exist; goes on where it ended.
        owner: whose record it is.
        key: its signing key.
        keys: the partners' public signing keys by nation, kept beside the record.
        time_ns: now.

    Attributes:
        now_ns: the time of entries that `note` adds; `tick` sets it.
        mended_bytes: how many bytes of a half-written entry were cut off.

    Raises:
        StoreError: if the record is another nation's, was altered, or ends before a checkpoint of it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        owner: str,
        key: Ed25519PrivateKey,
        keys: Keys,
        time_ns: int,
    ) -> None:
        self.folder, self.now_ns = folder, time_ns
        self._key, self._audit = key, Audit(owner=owner)
        self._sent: dict[str, int] = {}
        self._held: dict[str, _Log] = {}
        self._checked_ns, self._checked_seq = time_ns, 0
        _make(folder, {owner: [key.public_key()], **keys})
        self.mended_bytes, mended = self._resume()
        self._points, self._receipts = _Log(folder / "checkpoints.log"), _Log(folder / "receipts.log")
        self._log = self._segment(time_ns)
        if self.mended_bytes:
            said = {"bytes": self.mended_bytes, "sha256": hashlib.sha256(mended).digest()}
            self.append("mended", said, time_ns=time_ns)

    def append(self, kind: str, content: Mapping[str, Any], *, time_ns: int) -> None:
        """Add an entry.

        Raises:
            StoreError: if it cannot be written; nothing of it is.
        """
        self.extend(kind, [content], time_ns=time_ns)

    def extend(self, kind: str, contents: Sequence[Mapping[str, Any]], *, time_ns: int) -> None:
        """Add entries of one kind at once.

        Raises:
            StoreError: if they cannot be written; none of them is.
        """
        self._write(kind, contents, time_ns)
        if self._log.size > SEGMENT_BYTES_MAX:
            self._log.sync()
            self._log.close()
            self._log = self._segment(time_ns)

    def note(self, recipient: str, feed: str) -> Callable[[Rows, Sealed], None]:
        """Return what adds the release of a message of a feed, for `StoreFile.outbox`."""

        def add(rows: Rows, sealed: Sealed) -> None:
            said = {"recipient": recipient, "feed": feed, "first": sealed.seq, "hashes": [sealed.digest],
                    "product": str(sealed.product), "rules": {rule: len(rows) for rule in sealed.rules}}  # fmt: skip
            self.append(RELEASE, said, time_ns=self.now_ns)

        return add

    def sent(self, recipient: str, feed: str) -> int:
        """Return up to which message of a feed the record holds releases."""
        return self._sent.get(f"{recipient} {feed}", 0)

    def catch_up(self, recipient: str, feed: str, sealed: Sequence[Sealed], *, time_ns: int) -> int:
        """Add the releases that a killed node sealed and did not come to note; return how many.

        Args:
            recipient, feed: which feed.
            sealed: the messages that its outbox holds, rising. Those of which the record does not know were not sent
                before they were noted, so that they are all there.
            time_ns: now.
        """
        missed = [one for one in sealed if one.seq > self.sent(recipient, feed)]
        if missed:
            said = {"recipient": recipient, "feed": feed, "first": missed[0].seq, "rules": {},
                    "hashes": [one.digest for one in missed], "noted": "after a restart"}  # fmt: skip
            self.append(RELEASE, said, time_ns=time_ns)
        return len(missed)

    def sync(self) -> None:
        """Return when all entries are on the disk."""
        self._log.sync()

    def checkpoint(self, time_ns: int) -> Pledge:
        """Sign for how far the record has come, and return the pledge for partners to hold."""
        self.sync()
        point = self._audit.checkpoint(self._key, time_ns=time_ns)
        self._points.append(_ENCODER.encode(point))
        self._points.sync()
        self._checked_ns, self._checked_seq = time_ns, point.seq
        return pledge(point, self._key)

    def tick(self, now_ns: int) -> Pledge | None:
        """Note the time, and return the pledge of a new checkpoint if one is due.

        One is due each minute, whether there is anything new or not: whether there was is nobody's business.
        """
        self.now_ns = now_ns
        return None if now_ns - self._checked_ns < CHECKPOINT_NS else self.checkpoint(now_ns)

    def keep(self, receipt: Receipt) -> None:
        """Keep a partner's receipt that this node has counter-signed (`sharing.audit.countersign`)."""
        self._receipts.append(_ENCODER.encode(receipt))

    def hold(self, given: Pledge | Receipt) -> None:
        """Keep what another nation signed of its own record, to be held against that."""
        name = "pledges.log" if isinstance(given, Pledge) else "receipts.log"
        if name not in self._held:
            self._held[name] = _Log(self.folder / "held" / name)
        self._held[name].append(_ENCODER.encode(given))

    def close(self, time_ns: int) -> None:
        """Sign for all that there is, and close."""
        if self._audit.seq != self._checked_seq:
            self.checkpoint(time_ns)
        for log in (self._log, self._points, self._receipts, *self._held.values()):
            log.close()

    def _write(self, kind: str, contents: Sequence[Mapping[str, Any]], time_ns: int) -> None:
        before = self._audit.seq, self._audit.head
        try:
            self._log.append(*[self._audit.append(kind, content, time_ns=time_ns) for content in contents])
        except BaseException:
            self._audit.seq, self._audit.head = before
            raise
        for content in contents if kind == RELEASE else ():
            self._sent[f"{content['recipient']} {content['feed']}"] = content["first"] + len(content["hashes"]) - 1

    def _segment(self, time_ns: int) -> "_Log":
        """Begin the next segment; its first entry says up to where each feed was released before."""
        number = len(segments(self.folder)) + 1
        self._log = _Log(self.folder / f"{number:06}.log")
        self._write(SEGMENT, [{"owner": self._audit.owner, "sent": dict(self._sent)}], time_ns)
        return self._log

    def _resume(self) -> tuple[int, bytes]:
        """Go on behind the last whole entry; return what had to be cut off behind it."""
        cut = b""
        for path in reversed(segments(self.folder)):
            with _Log(path) as log:
                cut = log.cut or cut
            if self._read(path):
                break
            path.unlink()  # begun and nothing written
        points = [point for point in read_checkpoints(self.folder) if point.owner == self._audit.owner]
        last = max(points, key=lambda point: point.seq, default=None)
        if last is None:
            return len(cut), cut
        if last.seq > self._audit.seq:
            raise StoreError(
                f"{self.folder}: ends at entry {self._audit.seq}, but {last.seq} entries were signed for: its end was "
                "cut off; keep it as it is and begin another folder"
            )
        self._checked_seq = last.seq
        return len(cut), cut

    def _read(self, path: Path) -> bool:
        """Take over the state at the end of a segment; return whether it holds anything."""
        head: bytes | None = None
        for data in blocks(path):
            try:
                entry = _ENTRY.decode(data)
                if head is None and (entry.kind != SEGMENT or entry.content["owner"] != self._audit.owner):
                    raise StoreError(f"{path}: is not a record of {self._audit.owner}; give another folder")
                if head not in (None, entry.previous):
                    raise StoreError(f"{path}: entry {entry.seq - 1} was altered; noroshi audit verify tells more")
                if head is None:
                    self._sent = dict(entry.content["sent"])
                if entry.kind == RELEASE:
                    feed = f"{entry.content['recipient']} {entry.content['feed']}"
                    self._sent[feed] = entry.content["first"] + len(entry.content["hashes"]) - 1
            except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
                raise StoreError(f"{path}: an entry was altered; noroshi audit verify tells more") from error
            head = hashlib.sha256(data).digest()
            self._audit.seq, self._audit.head = entry.seq, head
        return head is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for log in (self._log, self._points, self._receipts, *self._held.values()):
            log.close()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a folder proves.

    Attributes:
        owner: whose record it is.
        verdict: as `sharing.audit.verify` gives it.
        torn_bytes: that are no whole entry, checkpoint or receipt: half written when the node was killed, or altered.
        own_keys: whether the keys are those that lie beside the record.
    """

    owner: str
    verdict: Verdict
    torn_bytes: int
    own_keys: bool


def judge(folder: Path, *, keys: Path | None = None, held: Sequence[Path] = ()) -> Judged:
    """Return what the record in a folder proves.

    Args:
        folder: the record.
        keys: a folder with public signing keys: of `noroshi pki`, or with files that partners handed over; the
            record's own if not given, which whoever wrote the record anew would have replaced too.
        held: audit folders of others, of which what they hold against this record counts.

    Raises:
        StoreError: if there is no record, or no key of its owner.
    """
    every = segments(folder)
    first = next((data for path in every for data in blocks(path)), None)
    if first is None:
        raise StoreError(f"{folder}: holds no audit record; give the folder with its 000001.log")
    try:
        owner = str(_ENTRY.decode(first).content["owner"])
    except (msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{folder}: does not say whose record it is: its first entry was altered") from error
    known = read_keys(keys or folder / "keys")
    if owner not in known:
        raise StoreError(
            f"{keys or folder / 'keys'}: holds no key of {owner}; give --keys with what {owner} handed over"
        )
    receipts, pledges = list(read_receipts(folder)), list[Pledge]()
    for other in held:
        pledges += [given for given in _all_of(other / "held" / "pledges.log", Pledge) if given.owner == owner]
        receipts += [given for given in read_receipts(other / "held") if given.owner == owner]
    verdict = verify(
        (data for path in every for data in blocks(path)),
        owner=owner,
        keys=known[owner],
        checkpoints=read_checkpoints(folder),
        receipts=receipts,
        pledges=pledges,
        recipient_keys=known,
    )
    files = [*every, *(path for name in ("checkpoints.log", "receipts.log") if (path := folder / name).exists())]
    return Judged(owner, verdict, sum(len(_torn(path)) for path in files), keys is None)


def segments(folder: Path) -> list[Path]:
    """Return the segments of a record, in order."""
    return sorted(folder.glob("[0-9][0-9][0-9][0-9][0-9][0-9].log"))


def blocks(path: Path) -> Iterator[bytes]:
    """Yield the whole blocks of a file.

    Raises:
        StoreError: if it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            while len(head := stream.read(LENGTH.size)) == LENGTH.size:
                (length,) = LENGTH.unpack(head)
                if length > BLOCK_BYTES_MAX or len(data := stream.read(length)) < length:
                    return
                yield data
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error


def read_checkpoints(folder: Path) -> list[Checkpoint]:
    """Return the checkpoints that lie in a folder.

    Raises:
        StoreError: if one cannot be read.
    """
    return _all_of(folder / "checkpoints.log", Checkpoint)


def read_receipts(folder: Path) -> list[Receipt]:
    """Return the receipts that lie in a folder.

    Raises:
        StoreError: if one cannot be read.
    """
    return _all_of(folder / "receipts.log", Receipt)


def read_keys(folder: Path) -> dict[str, list[Ed25519PublicKey]]:
    """Return the public signing keys in a folder by nation: of partners' files, and of a node's own `signing.toml`.

    Raises:
        StoreError: if a file cannot be read.
    """
    found: dict[str, list[Ed25519PublicKey]] = {}
    if (folder / "signing.toml").exists():
        own = pki.identity(folder)
        found[own.nation] = [key.private.public_key() for key in own.signing]
    for path in sorted([*folder.glob("*.toml"), *folder.glob("partners/*.toml")]):
        if path.name == "signing.toml":
            continue
        try:
            told = tomllib.loads(path.read_text("utf-8"))
            keys = [Ed25519PublicKey.from_public_bytes(bytes.fromhex(each["key"])) for each in told["verification"]]
            found.setdefault(str(told["nation"]), []).extend(keys)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path}: holds no public signing keys of a nation") from error
    return found


class _Log(Closing):
    """A file of blocks, to which more are added. A half-written block at its end is cut off when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.cut = _torn(path) if path.exists() else b""
            self._stream = path.open("ab", buffering=0)
            self.size = self._stream.tell() - len(self.cut)
            self._synced_size = -1
            if self.cut:
                self._stream.truncate(self.size)
        except OSError as error:
            raise StoreError(f"{path}: cannot be written: {error.strerror}") from error

    def append(self, *blocks: bytes) -> None:
        """Add blocks, all of them whole or none."""
        data = b"".join([part for block in blocks for part in (LENGTH.pack(len(block)), block)])
        why = "the disk is full"
        try:
            whole = self._stream.write(data) == len(data)
        except OSError as error:
            whole, why = False, str(error.strerror)
        if not whole:
            self._stream.truncate(self.size)
            raise StoreError(f"{self.path}: cannot be written: {why}")
        self.size += len(data)

    def sync(self) -> None:
        """Return when all is on the disk."""
        if self.size != self._synced_size:
            os.fdatasync(self._stream.fileno())
            self._synced_size = self.size

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def _torn(path: Path) -> bytes:
    """Return what is behind the last whole block of a file."""
    whole = sum(LENGTH.size + len(data) for data in blocks(path))
    with path.open("rb") as stream:
        stream.seek(whole)
        return stream.read()


def _all_of(path: Path, kind: type[Signed]) -> list[Signed]:
    try:
        return [msgspec.msgpack.decode(data, type=kind) for data in blocks(path)] if path.exists() else []
    except (msgspec.DecodeError, ValueError) as error:
        raise StoreError(f"{path}: holds something else than it should: it was altered") from error


def _make(folder: Path, keys: Keys) -> None:
    """Make the folder, and add keys to those that are in it."""
    try:
        for each in (folder, folder / "held", folder / "keys"):
            each.mkdir(parents=True, exist_ok=True)
        known = read_keys(folder / "keys")
        for nation, given in sorted(keys.items()):
            every = [key.public_bytes_raw().hex() for key in (*known.get(nation, ()), *given)]
            tables = "".join(f'\n[[verification]]\nkey = "{key}"\n' for key in dict.fromkeys(every))
            write(folder / "keys" / f"{nation}.toml", f'nation = "{nation}"\n{tables}'.encode())
    except OSError as error:
        raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error
