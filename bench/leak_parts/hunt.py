"""One rule set at work in a node's exchange, and a search of every byte that a partner could get hold of."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from leak_parts.rules import (
    KINDS,
    PARTNERS,
    SENSORS,
    STATUSES,
    PlainRule,
    Row,
    Shown,
    changed,
    random_rules,
    shown,
    text,
)
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.node.channel import FEED
from noroshi.node.contents import Ask, Beacon, Kind
from noroshi.node.exchange import Exchange, Partner
from noroshi.records import Frame, Identity, Tracks, TrackStatus, certain_kind
from noroshi.records import Kind as Target
from noroshi.run.releasing.explaining import described
from noroshi.run.sharing import actions
from noroshi.run.stores.audit import AuditFolder
from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.audit import countersign, receipt
from noroshi.sharing.explain import explain
from noroshi.sharing.facts import Facts
from noroshi.sharing.label import ALL_PARTNERS, Label
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import parse

START_NS = 1_893_456_000_000_000_000
BATCHES, N_TRACKS, N_EXPLAINED = 4, 16, 6
KEYS = {code: Ed25519PrivateKey.from_private_bytes(bytes([i + 1] * 32)) for i, code in enumerate(("JPN", *PARTNERS))}
STEP_NS = 7 * NS_PER_S

Words = NDArray[np.uint64]


class Hunted(NamedTuple):
    """What came of one rule set.

    Attributes:
        leaks: what was found where it must not be, each in one line.
        counts: how much was looked at: canaries denied, canaries allowed and found, bytes, messages.
    """

    leaks: list[str]
    counts: Counter[str]


class _Deaf:
    """Stands where fusion stands."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def receive(self, *_: object, **__: object) -> None:
        pass

    def forget(self, *_: object) -> None:
        pass


def hunt(seed: int, folder: Path) -> Hunted:
    """Run one rule set that changes half-way, and look for what was denied in all that came of it."""
    rng = np.random.default_rng(seed)
    rules = [random_rules(rng)]
    rules.append(changed(rules[0], rng))
    exercise = None if rng.random() < 0.5 else "X"
    permitted = (
        sorted(PARTNERS) if rng.random() < 0.7 else sorted(rng.choice(sorted(PARTNERS), 2, replace=False).tolist())
    )
    label = Label(originator="JPN", releasable_to=(ALL_PARTNERS,) if len(permitted) == 3 else tuple(permitted))
    batches = [_batch(rng, k) for k in range(BATCHES)]
    late = str(rng.choice(sorted(PARTNERS)))  # a partner that is away until the rules have changed
    frames: dict[str, list[tuple[int, int, bytes]]] = {code: [] for code in PARTNERS}  # when, after how many batches
    judged: list[Facts] = []
    with StoreFile(folder / "node.sqlite", synchronous="NORMAL") as whole:  # of the node's own small values
        stores = {code: StoreFile(folder / f"{code}.sqlite", synchronous="NORMAL") for code in PARTNERS}
        record = AuditFolder(folder / "audit", owner="JPN", key=KEYS["JPN"], time_ns=START_NS,
                             keys={code: [KEYS[code].public_key()] for code in PARTNERS})  # fmt: skip
        policies = [parse(text(each), actions()) for each in rules]
        exchange = Exchange(
            "JPN",
            key=KEYS["JPN"],
            policy=policies[0],
            secrets=Secrets(bytes(rng.bytes(32))),
            partners={code: Partner(keys=(KEYS[code].public_key(),)) for code in PARTNERS},
            fusion=_Deaf(),  # type: ignore[arg-type]
            sensor_types={name: kind for name, kind in SENSORS.items() if kind is not None},
            new_policy=lambda *_: policies[1],
            store_of=lambda code: stores[code].outbox(code, record.note(code, FEED)),
            exercise=exercise,
            label=label,
        )
        exchange.judged = lambda facts, *_: judged.append(facts)
        pledges, now_ns = [], START_NS
        exchange.start(now_ns)
        for k in range(BATCHES + 3):
            now_ns = START_NS + k * STEP_NS
            record.now_ns = now_ns
            if k == BATCHES // 2:
                exchange.change_policy(policies[1], now_ns)
            if k < BATCHES:
                exchange.share(batches[k][0], now_ns, is_whole=False)
            for code in PARTNERS:
                if code != late or k >= BATCHES // 2:
                    exchange.hear(Frame.of(code, Kind.BEACON.value + msgspec.msgpack.encode(Beacon(0, now_ns))), now_ns)
                if k == BATCHES + 1:  # all again, please
                    exchange.hear(Frame.of(code, Kind.ASK.value + msgspec.msgpack.encode(Ask(1, 200))), now_ns)
            exchange.wake(now_ns)
            for out in exchange.take():
                if isinstance(out.record, Frame):
                    frames[out.record.partner].append((now_ns, k, out.record.bytes()))
            pledges.append(msgspec.msgpack.encode(record.checkpoint(now_ns)))
        for code, channel in exchange.channels.items():
            if channel.sender.seq:
                given = receipt(KEYS[code], owner="JPN", recipient=code, feed=FEED, seq=channel.sender.seq,
                                chain=channel.sender.previous, time_ns=now_ns)  # fmt: skip
                both = countersign(given, KEYS["JPN"], KEYS[code].public_key(), chain=channel.sender.previous)
                pledges.append(msgspec.msgpack.encode(both))
        record.close(now_ns)
        whole.state.put("done", b"")
        for file in stores.values():
            file.close()
    found = Hunted([], Counter())
    for code in PARTNERS:
        away = None if code in permitted else code
        _search(seed, code, rules, batches, exercise, away, frames[code], _bytes_of(folder, code), found)
    _search_proofs(seed, batches, b"".join(pledges), found)
    for k in rng.integers(0, BATCHES, N_EXPLAINED).tolist():
        row, code, policy = int(rng.integers(0, N_TRACKS)), str(rng.choice(sorted(PARTNERS))), int(k >= BATCHES // 2)
        why = explain(policies[policy], judged[k], row, code, now_ns=START_NS + k * STEP_NS, secrets=exchange.secrets)
        told = "" if why.after is None else " ".join(described(why.after).values())
        seen = shown(rules[policy], batches[k][1][row], code, exercise) if code in permitted else None
        denied = [word for word in _words_denied(batches[k][1][row], seen) if word in told]
        found.leaks.extend(f"seed {seed}: explained to {code}: {word}" for word in denied)
        if seen is None and why.after is not None:
            found.leaks.append(f"seed {seed}: {code} is said to get what it may not")
        found.counts["rows explained"] += 1
    return found


def _search(
    seed: int,
    code: str,
    rules: list[list[PlainRule]],
    batches: list[tuple[Tracks, list[Row]]],
    exercise: str | None,
    away: str | None,
    frames: list[tuple[int, int, bytes]],
    stored: bytes,
    found: Hunted,
) -> None:
    """Look for what a recipient must not get, in what was sent to it at each time, and in its file."""
    names = np.frombuffer("".join(SENSORS).encode(), np.uint64)
    every = np.unique(np.concatenate([*(_canaries(tracks) for tracks, _ in batches), names]))
    times = sorted({(now_ns, k) for now_ns, k, _ in frames})
    streams = [(now_ns, k, b"".join(data for at, _, data in frames if at == now_ns)) for now_ns, k in times]
    streams.append((np.iinfo(np.int64).max, 0, stored))
    for now_ns, k, data in streams:
        is_stored = data is stored
        allowed = [np.zeros(0, np.uint64)]
        for number, (tracks, rows) in enumerate(batches):
            if away is not None or (number > k and not is_stored):
                continue
            then = int(number >= BATCHES // 2)
            for i, row in enumerate(rows):
                seen = shown(rules[then], row, code, exercise)
                if seen is not None and not is_stored and k >= BATCHES // 2 > number:
                    after = shown(rules[1], row, code, exercise)  # what goes out now has to be so by these rules too
                    seen = None if after is None else seen.both(after)
                if seen is not None and (is_stored or int(tracks.time_ns[i]) + seen.delay_s * NS_PER_S <= now_ns):
                    allowed.append(_allowed(tracks, i, seen))
        here = np.unique(np.concatenate(allowed))
        present = np.intersect1d(_windows(data), every)
        wrong = np.setdiff1d(present, here)
        where = f"its file, {len(data)} bytes" if is_stored else f"messages at step {k}"
        found.leaks.extend(f"seed {seed}: {code}: {_spell(word)} in {where}" for word in wrong.tolist())
        found.counts["canaries denied"] += len(every) - len(here)
        found.counts["canaries allowed and there"] += len(np.intersect1d(present, here))
        found.counts["bytes"] += len(data)
    found.counts["messages"] += sum(data[:1] == Kind.MESSAGE.value for *_, data in frames)


def _search_proofs(seed: int, batches: list[tuple[Tracks, list[Row]]], data: bytes, found: Hunted) -> None:
    every = np.concatenate([_canaries(tracks) for tracks, _ in batches])
    for word in np.intersect1d(_windows(data), every).tolist():
        found.leaks.append(f"seed {seed}: {_spell(word)} in what partners hold of the audit")
    found.counts["bytes"] += len(data)


def _batch(rng: np.random.Generator, k: int) -> tuple[Tracks, list[Row]]:
    """Return tracks of which every row is new but for who they are, and the same as rows."""
    who = np.random.default_rng(int(rng.bit_generator.seed_seq.entropy or 0) + 1)  # type: ignore[attr-defined]
    signs = ["".join(who.choice(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 8)) for _ in range(N_TRACKS)]
    addresses = who.choice(np.arange(0x100000, 0xF00000), N_TRACKS, replace=False).astype(np.int64)
    numbers = who.integers(2**50, 2**53, N_TRACKS, dtype=np.uint64)
    lat, lon = np.radians(rng.uniform(30, 45, N_TRACKS)), np.radians(rng.uniform(128, 146, N_TRACKS))
    height_m = rng.uniform(500.0, 12_000.0, N_TRACKS)
    status = rng.integers(0, len(STATUSES), N_TRACKS)
    kind = rng.integers(0, len(KINDS), N_TRACKS)
    sources = rng.random((N_TRACKS, len(SENSORS))) < 0.35
    sources[np.arange(N_TRACKS), rng.integers(0, len(SENSORS), N_TRACKS)] = True
    existence = rng.uniform(0.0, 1.0, N_TRACKS)
    time_ns = START_NS + k * STEP_NS
    mixed = rng.normal(0.0, 30.0, (N_TRACKS, 6, 6))
    tracks = Tracks(
        node="JPN",
        source_names=tuple(SENSORS),
        track_id=numbers,
        time_ns=np.full(N_TRACKS, time_ns),
        updated_ns=np.full(N_TRACKS, time_ns),
        revision=np.zeros(N_TRACKS, np.int32),
        state_ecef=np.concatenate([ecef_from_geodetic(lat, lon, height_m), rng.normal(0, 200, (N_TRACKS, 3))], axis=1),
        covariance_ecef=mixed @ mixed.transpose(0, 2, 1),
        existence=existence,
        kind_probability=certain_kind(np.array([Target[KINDS[i].upper()] for i in kind]), N_TRACKS),
        status=np.array([TrackStatus[STATUSES[i].upper()] for i in status], np.uint8),
        sources=sources,
        identity=Identity.absent(N_TRACKS).replace(icao_address=addresses, call_sign=np.array(signs)),
    )
    rows = [
        Row(
            call_sign=signs[i], icao_address=int(addresses[i]), status=STATUSES[status[i]],
            kinds={name: float(j == kind[i]) for j, name in enumerate(KINDS)}, existence=float(existence[i]),
            sensors=frozenset(name for name, used in zip(SENSORS, sources[i], strict=True) if used),
            height_m=float(height_m[i]),
        )
        for i in range(N_TRACKS)
    ]  # fmt: skip
    return tracks, rows


def _canaries(tracks: Tracks) -> Words:
    """Return every eight bytes that would give a row away: place, own number, address, call sign."""
    return np.concatenate([
        np.ascontiguousarray(tracks.state_ecef[:, :3]).view(np.uint64).ravel(),
        tracks.track_id,
        tracks.identity.icao_address.view(np.uint64),
        np.frombuffer("".join(tracks.identity.call_sign.tolist()).encode(), np.uint64),
    ])  # fmt: skip


def _allowed(tracks: Tracks, i: int, seen: Shown) -> Words:
    """Return the canaries of one row that its recipient may see; the node's own number is never one."""
    words = [np.zeros(0, np.uint64)]
    if seen.exact:
        words.append(np.ascontiguousarray(tracks.state_ecef[i, :3]).view(np.uint64))
    if seen.address:
        words.append(tracks.identity.icao_address[i : i + 1].view(np.uint64))
    if seen.sign:
        words.append(np.frombuffer(str(tracks.identity.call_sign[i]).encode(), np.uint64))
    if seen.names:
        fed = "".join(name for name, used in zip(SENSORS, tracks.sources[i], strict=True) if used)
        words.append(np.frombuffer(fed.encode(), np.uint64))
    return np.concatenate(words)


def _words_denied(row: Row, seen: Shown | None) -> list[str]:
    denied = [] if seen and seen.sign else [row.call_sign]
    denied += [] if seen and seen.address else [f"{row.icao_address:06x}"]
    return denied + ([] if seen and seen.names else sorted(row.sensors))


def _windows(data: bytes) -> Words:
    """Return every eight neighbouring bytes, as numbers, each once."""
    parts = [np.frombuffer(data[at : at + (len(data) - at) // 8 * 8], np.uint64) for at in range(min(8, len(data)))]
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)


def _bytes_of(folder: Path, code: str) -> bytes:
    """Return all that is on the disk of a recipient's outbox, its write-ahead log too."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob(f"{code}.sqlite*")))


def _spell(word: int) -> str:
    data = np.uint64(word).tobytes()
    return repr(data.decode()) if data.isalpha() else data.hex()
