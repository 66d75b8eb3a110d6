"""What a thin link carries: the recipient's picture error against bytes, by value and, as a control, in turn.

    python bench/thin_links.py [--json] [--tracks N] [--seconds N]

No socket: the outbox, envelope and receiver of `noroshi.sharing` over a simulated link with a rate, 300 ms of delay and
2 % of messages lost, which the receiver asks for again over the same link. Aircraft fly straight and turn at random;
the node's own picture (100 m on each axis, 3 m/s) changes every second; three missiles appear after a minute. The
recipient carries on what it was told at its velocity. Told are: the distance of its picture from the truth in the last
two thirds of the time, with tracks that it does not know and errors beyond counted as the cut-off; the share that it
does not know; how long after the node knew of the last missile the recipient did. `in turn` is the same outbox without
the order by value: rows go by how long their track was not told of, missiles too.
"""

# ruff: noqa: SLF001 the control replaces the order that is measured
import argparse
import heapq
import json
import platform
from importlib.metadata import version

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from release_speed import HEAD, POLICIES, SECOND, SECRET, START_NS, TYPES, traffic

from noroshi.formats.columns import pack, unpack
from noroshi.geo.wgs84 import enu_axes_at
from noroshi.records import Kind, Tracks, certain_kind, concatenate, take
from noroshi.run import kernel_cache, rooms
from noroshi.sharing import outbox as queueing
from noroshi.sharing.envelope import Receiver, Sender
from noroshi.sharing.facts import facts_of
from noroshi.sharing.label import Label, decode
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.outbox import Outbox
from noroshi.sharing.parcels import Rows, rows_of
from noroshi.sharing.release import Secrets, release
from noroshi.sharing.rules import Product, parse

SEED = 20_260_101
RATES_BIT_S = (64_000, 256_000, 1_000_000)
DELAY_NS, LOST = 300_000_000, 0.02
CUT_OFF_M = 10_000.0
THREATS, THREATS_AT_S = 3, 60
TURN_SHARE, TURN_RAD_S = 0.1, 0.05


class World:
    """Tracks that move; the first are missiles, which appear late."""

    def __init__(self, n: int) -> None:
        self.rng = np.random.default_rng(SEED)
        self.tracks = traffic(n)
        kinds = self.tracks.kind_probability.copy()
        kinds[:THREATS] = certain_kind(Kind.BALLISTIC, THREATS)
        states = self.tracks.state_ecef.copy()
        states[:THREATS, 3:] *= 8.0
        self.tracks = self.tracks.replace(kind_probability=kinds, state_ecef=states)
        self.turn_rad_s = np.zeros(n)

    def step(self, second: int) -> Tracks:
        """Move by a second; return what the node knows."""
        states, n = self.tracks.state_ecef.copy(), len(self.tracks)
        starts = self.rng.random(n) < TURN_SHARE / 30.0
        ends = self.rng.random(n) < 1.0 / 30.0
        self.turn_rad_s = np.where(
            starts, self.rng.choice([-1.0, 1.0], n) * TURN_RAD_S, np.where(ends, 0.0, self.turn_rad_s)
        )
        self.turn_rad_s[:THREATS] = 0.0
        up = enu_axes_at(states[:, :3])[:, 2]
        states[:, 3:] += self.turn_rad_s[:, None] * np.cross(up, states[:, 3:])
        states[:, :3] += states[:, 3:]
        self.tracks = self.tracks.replace(state_ecef=states, time_ns=np.full(n, START_NS + second * SECOND))
        noise = self.rng.normal(0, 1, (n, 6)) * np.array([100.0, 100.0, 100.0, 3.0, 3.0, 3.0])
        known = self.tracks.replace(state_ecef=states + noise)
        return known if second >= THREATS_AT_S else take(known, np.arange(THREATS, n))


def run(rate_bit_s: int, n: int, seconds: int) -> dict[str, float]:
    actions = {key: rooms.load("sharing.actions", key).Action for key in rooms.names("sharing.actions")}
    policy, secrets, world = parse(HEAD + POLICIES["pass"], actions), Secrets(SECRET), World(n)
    said = {"owner": "JPN", "recipient": "USA", "feed": "tracks", "exercise": None}
    key, rng = Ed25519PrivateKey.from_private_bytes(bytes(32)), np.random.default_rng(SEED + 1)
    box, sender, receiver = Outbox(MemoryStore()), Sender(key=key, **said), Receiver(keys=(key.public_key(),), **said)
    stored: dict[int, Tracks] = {}
    numbers = secrets.numbers("close").of(world.tracks.track_id)
    row_of = {number: row for row, number in enumerate(numbers.tolist())}
    held_ns, held = np.full(n, -1, np.int64), np.zeros((n, 6))
    in_flight: list[tuple[int, int, bytes]] = []
    waiting: list[bytes] = []
    asked_ns: dict[tuple[int, int], int] = {}
    credit, sent_bytes, count = 0.0, 0, 0
    errors, unknown, heard = [], [], np.full(THREATS, np.inf)
    for tick in range(2 * seconds):
        now_ns = START_NS + tick * SECOND // 2
        if tick % 2 == 0:
            known = world.step(tick // 2)
            facts = facts_of(known, product=Product.CONTRIBUTION, exercise=None, sensor_types=TYPES)
            told = release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=("USA",))["USA"]
            number = box.next_parcel
            stored[number] = told.tracks
            label = decode(told.label)
            assert isinstance(label, Label)
            body = pack(told.tracks)
            box.put(rows_of(told, policy, parcel=number, body=body, product=Product.CONTRIBUTION, label=label), now_ns)
        credit = min(credit + rate_bit_s / 16.0, rate_bit_s / 8.0)
        while waiting and credit > 0:
            message = waiting.pop(0)
            credit -= len(message)
            count, sent_bytes = count + 1, sent_bytes + len(message)
            if rng.random() >= LOST:
                heapq.heappush(in_flight, (now_ns + DELAY_NS, count, message))
        if credit > 0:
            for draft in box.take(now_ns, int(credit)):
                rows = draft.rows
                parts = [take(stored[p], rows.row[rows.parcel == p]) for p in dict.fromkeys(rows.parcel.tolist())]
                message = sender.seal(
                    pack(concatenate(parts)), product=draft.product, label=draft.label, policy=draft.policy,
                    valid_from_ns=draft.valid_from_ns, valid_to_ns=draft.valid_to_ns, now_ns=now_ns,
                )  # fmt: skip
                box.sealed(draft, sender.seq, message)
                waiting.append(message)
        while in_flight and in_flight[0][0] <= now_ns:
            got = receiver.receive(heapq.heappop(in_flight)[2], now_ns)
            if got.envelope is None:
                continue
            tracks = unpack(got.envelope.body)
            assert isinstance(tracks, Tracks)
            for i, number in enumerate(tracks.track_id.tolist()):
                row = row_of[number]
                if row < THREATS and not np.isfinite(heard[row]):
                    heard[row] = (now_ns - START_NS) / SECOND - THREATS_AT_S
                if tracks.time_ns[i] > held_ns[row]:
                    held_ns[row], held[row] = tracks.time_ns[i], tracks.state_ecef[i]
            for gap in got.missing:
                if asked_ns.get(gap, 0) + 4 * DELAY_NS < now_ns:
                    asked_ns[gap] = now_ns
                    waiting.extend(box.fetch(*gap, now_ns)[0])
            box.acknowledge(receiver.contiguous)
        if tick % 2 == 0 and tick // 2 >= seconds // 3:
            there = slice(None) if tick // 2 >= THREATS_AT_S else slice(THREATS, None)
            carried = held[:, :3] + ((world.tracks.time_ns - held_ns) / SECOND)[:, None] * held[:, 3:]
            off_m = np.linalg.norm(carried - world.tracks.state_ecef[:, :3], axis=1)
            errors.append(np.minimum(np.where(held_ns < 0, CUT_OFF_M, off_m), CUT_OFF_M)[there])
            unknown.append((held_ns < 0)[there].mean())
    return {
        "error_m_rms": round(float(np.sqrt(np.mean(np.concatenate(errors) ** 2))), 1),
        "error_m_median": round(float(np.median(np.concatenate(errors))), 1),
        "unknown_share": round(float(np.mean(unknown)), 4),
        "missile_told_s_last": round(float(heard.max()), 1) if np.isfinite(heard).all() else None,  # type: ignore[dict-item]
        "bytes_s": round(sent_bytes / seconds),
        "refused": sum(receiver.alarms.values()),
        "missing": sum(last - first + 1 for first, last in receiver.gaps),
    }


def in_turn(self: Outbox, rows: Rows) -> np.ndarray:
    """Order rows by when their track was told last, and by nothing else."""
    told = self._tracks_told()
    at, is_told = queueing._find(told, rows.number)
    when = np.where(is_told, told.time_ns[at] if len(told) else 0, -1)
    return np.lexsort((rows.number, when))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tracks", type=int, default=1_000)
    parser.add_argument("--seconds", type=int, default=300)
    asked = parser.parse_args()
    kernel_cache.prepare()
    ordered, figures = Outbox._order, {}
    for rate_bit_s in RATES_BIT_S:
        for how, order in (("by value", ordered), ("in turn", in_turn)):
            Outbox._order = order  # type: ignore[method-assign]
            figure = run(rate_bit_s, asked.tracks, asked.seconds)
            figures[f"{rate_bit_s // 1000} kbit/s {how}"] = figure
            if not asked.json:
                print(f"{rate_bit_s // 1000:5} kbit/s {how:9}", figure, flush=True)
    Outbox._order = ordered  # type: ignore[method-assign]
    about = {
        "bench": "thin_links",
        "seed": SEED,
        "tracks": asked.tracks,
        "seconds": asked.seconds,
        "delay_s": DELAY_NS / SECOND,
        "lost": LOST,
        "cut_off_m": CUT_OFF_M,
        "python": platform.python_version(),
        **{name: version(name) for name in ("noroshi", "numpy")},
    }
    print(json.dumps({**about, "figures": figures}))


if __name__ == "__main__":
    main()
