"""How many tracks a second the release function decides, coarsens and strips for one recipient, on one core.

    python bench/release_speed.py [--json] [--tracks N] [--rounds N]

A track counts once for each recipient that it is released to. Each policy releases every track of every batch to one
recipient, so that nothing is saved by what is withheld; batches come 60 s apart, as coarse ones do. Figures are
processor time, the best and the median round, after compilation; the first round of an epoch, in which each track's
displacement is worked out, is told apart. `queue` is what a driver does besides: pack, put, take, seal.
"""

import argparse
import json
import os
import platform
import statistics
import time
from importlib.metadata import version

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.formats.columns import pack, unpack
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Identity, Kind, Tracks, take
from noroshi.run import kernel_cache, rooms
from noroshi.sharing.coarsen import EPOCH_NS
from noroshi.sharing.envelope import Receiver, Sender
from noroshi.sharing.facts import facts_of
from noroshi.sharing.label import ALL_PARTNERS, Label, decode, encode
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.outbox import Outbox
from noroshi.sharing.parcels import rows_of
from noroshi.sharing.release import Memory, Secrets, release
from noroshi.sharing.rules import Product, parse

SEED, SECOND, START_NS = 20_260_101, 1_000_000_000, 1_893_456_000_000_000_000
SECRET = b"of this bench and of nothing else"
TYPES = {"north": "search_radar", "south": "search_radar", "eye": "infrared"}
HEAD = 'nation = "JPN"\n[partners]\nUSA = "close"\n'
PASS = '[[rules]]\nrule = "{name}"\nto = ["USA"]\nproducts = ["contribution"]\nthen = "{then}"\n'
MATCHING = "".join(
    PASS.format(name=name, then="drop") + more
    for name, more in (
        ("secret places", "area = {polygon = [[50, 10], [52, 10], [52, 14], [51, 12], [50, 14]], margin_m = 20000}\n"),
        ("faint ones", "existence_max = 0.01\n"),
        ("missiles", 'kinds = ["ballistic", "boosting", "gliding"]\n'),
        ("our own", 'icao_addresses = ["840000-8400FF"]\ncall_signs = ["XYZ*"]\n'),
        ("by infrared alone", 'sensor_types_only = ["infrared"]\n'),
    )
)
POLICIES = {
    "pass": PASS.format(name="all", then="pass"),
    "match": MATCHING + PASS.format(name="all", then="pass"),
    "coarsen": PASS.format(name="all", then="pass")
    + "coarsen = {position_m = 5000, height_m = 300, velocity_m_s = 5}\n",
    "strip": PASS.format(name="all", then="pass") + 'strip = {fields = ["identity", "sensors", "covariance"]}\n',
    "everything": MATCHING
    + PASS.format(name="all", then="pass")
    + 'coarsen = {position_m = 5000, height_m = 300, velocity_m_s = 5}\nstrip = {fields = ["identity", "sensors"]}\n',
}


def traffic(n: int) -> Tracks:
    rng = np.random.default_rng(SEED)
    lat, lon, course = rng.uniform(0.5, 0.8, n), rng.uniform(2.2, 2.6, n), rng.uniform(0, 6.28, n)
    local = 230.0 * np.stack([np.sin(course), np.cos(course), np.zeros(n)], axis=1)
    kinds = np.tile(0.02 * np.ones(len(Kind)), (n, 1))
    kinds[:, Kind.AIRCRAFT] = 0.88
    sources = rng.random((n, 3)) < 0.4
    sources[:, 0] = True
    return Tracks(
        node="jpn",
        source_names=tuple(TYPES),
        track_id=rng.integers(1, 2**53, n, dtype=np.uint64),
        time_ns=np.full(n, START_NS),
        updated_ns=np.full(n, START_NS),
        revision=np.zeros(n, np.int32),
        state_ecef=np.concatenate([ecef_from_geodetic(lat, lon, 1e4), np.vecmat(local, enu_axes(lat, lon))], axis=1),
        covariance_ecef=np.tile(np.diag([1e4, 1e4, 1e4, 9.0, 9.0, 9.0]), (n, 1, 1)),
        existence=rng.uniform(0.5, 1, n),
        kind_probability=kinds,
        status=np.ones(n, np.uint8),
        sources=sources,
        identity=Identity(
            icao_address=rng.integers(0x860000, 0x870000, n),
            mode_3a=rng.integers(0, 4096, n),
            mmsi=np.full(n, -1),
            call_sign=np.array([f"JAF{i:05d}" for i in range(n)]),
        ),
        label=encode(Label(originator="JPN", releasable_to=(ALL_PARTNERS,))),
    )


def measure(rules: str, tracks: Tracks, rounds: int) -> dict[str, float]:
    """Return tracks a second, best and median of the rounds within epochs, and of the first round of each epoch."""
    actions = {key: rooms.load("sharing.actions", key).Action for key in rooms.names("sharing.actions")}
    policy, secrets, memory = parse(HEAD + rules, actions), Secrets(SECRET), Memory.empty()
    spent: dict[bool, list[float]] = {True: [], False: []}
    epoch = None
    rng = np.random.default_rng(SEED)
    for k in range(rounds):
        order = rng.permutation(len(tracks))  # live batches come in no order of numbers
        batch = take(tracks.replace(time_ns=tracks.time_ns + k * 60 * SECOND), order)
        now_ns = START_NS + k * 60 * SECOND
        begin = time.process_time()
        facts = facts_of(batch, product=Product.CONTRIBUTION, exercise=None, sensor_types=TYPES)
        told = release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=("USA",), memories={"USA": memory})[
            "USA"
        ]
        took = time.process_time() - begin
        assert len(told.rows) == len(tracks), "a figure of rows that were not released"
        memory = told.memory
        if k:  # the first compiles
            spent[now_ns // EPOCH_NS != epoch].append(took)
        epoch = now_ns // EPOCH_NS
    n = len(tracks)
    return {
        "tracks_per_s_best": round(n / min(spent[False])),
        "tracks_per_s_median": round(n / statistics.median(spent[False])),
        "tracks_per_s_first_of_epoch": round(n / statistics.median(spent[True])),
    }


def queue(tracks: Tracks, rounds: int) -> dict[str, float]:
    """Return tracks a second through pack, put, take, seal and receive, of rows that a policy has released."""
    actions = {key: rooms.load("sharing.actions", key).Action for key in rooms.names("sharing.actions")}
    policy, secrets = parse(HEAD + POLICIES["pass"], actions), Secrets(SECRET)
    key, said = Ed25519PrivateKey.from_private_bytes(bytes(32)), {"owner": "JPN", "recipient": "USA", "feed": "t"}
    outbox, sender = Outbox(MemoryStore()), Sender(key=key, exercise=None, **said)
    receiver, spent = Receiver(keys=(key.public_key(),), exercise=None, **said), []
    for k in range(rounds):
        now_ns = START_NS + k * SECOND
        batch = tracks.replace(time_ns=tracks.time_ns + k * SECOND)
        facts = facts_of(batch, product=Product.CONTRIBUTION, exercise=None, sensor_types=TYPES)
        told = release(policy, facts, now_ns=now_ns, secrets=secrets, recipients=("USA",))["USA"]
        begin = time.process_time()
        label = decode(told.label)
        body = pack(told.tracks)
        stored = unpack(body)  # a driver keeps the parcel at hand
        outbox.put(
            rows_of(told, policy, parcel=outbox.next_parcel, body=body, product=Product.CONTRIBUTION, label=label),
            now_ns,
        )
        for draft in outbox.take(now_ns, 1 << 30):
            ((_, rows),) = outbox.body(draft)
            message = sender.seal(
                pack(take(stored, rows)), product=draft.product, label=draft.label, policy=draft.policy,
                valid_from_ns=draft.valid_from_ns, valid_to_ns=draft.valid_to_ns, now_ns=now_ns,
            )  # fmt: skip
            outbox.sealed(draft, sender.seq, message)
            assert receiver.receive(message, now_ns).refusal is None
        outbox.acknowledge(receiver.contiguous)
        spent.append(time.process_time() - begin)
    return {"tracks_per_s_median": round(len(tracks) / statistics.median(spent[1:]))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--tracks", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=60)
    asked = parser.parse_args()
    kernel_cache.prepare()
    tracks, figures = traffic(asked.tracks), {}
    for name, rules in POLICIES.items():
        figures[name] = measure(rules, tracks, asked.rounds)
        if not asked.json:
            print(f"{name:12}", figures[name], flush=True)
    figures["queue"] = queue(tracks, min(asked.rounds, 20))
    if not asked.json:
        print(f"{'queue':12}", figures["queue"])
    about = {
        "bench": "release_speed",
        "seed": SEED,
        "tracks": asked.tracks,
        "rounds": asked.rounds,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("noroshi", "numpy", "numba", "cryptography", "msgspec")},
    }
    print(json.dumps({**about, "figures": figures}))


if __name__ == "__main__":
    main()
