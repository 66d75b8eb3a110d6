"""What waited in outboxes while a node was down goes out only if the policy in force now would release it just so."""

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sharing_scenes import ACTIONS, SECOND, SECRET, SENSORS, START_NS, tracks_of

from noroshi.node.exchange import Exchange, Partner
from noroshi.records import Order, TrackStatus
from noroshi.records.order import NO_PARTNER, PARTNER
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Product, parse

KEYS = {code: Ed25519PrivateKey.from_private_bytes(bytes([i + 1] * 32)) for i, code in enumerate(("JPN", "USA", "KOR"))}
HEAD = 'nation = "JPN"\n[partners]\nUSA = "close"\nKOR = "close"\n'
RULE = '[[rules]]\nrule = "{}"\nto = ["ALL-PARTNERS"]\nproducts = ["contribution"]\nthen = "pass"\nexistence_min = {}\n'
SURE, REST = RULE.format("sure", 0.6), RULE.format("the rest", 0.0)
LAX, STRICT = (parse(HEAD + rules, ACTIONS) for rules in (SURE + REST, SURE))
TRACKS = tracks_of(20, status=np.full(20, TrackStatus.FIRM, np.uint8))
IS_SURE = TRACKS.existence >= 0.6


class Deaf:
    counts: ClassVar[Counter[str]] = Counter()

    def receive(self, *_, **__):
        pass

    def forget(self, *_):
        pass


def exchange_of(stores, policy, known=()):
    made = Exchange(
        "JPN",
        key=KEYS["JPN"],
        policy=policy,
        secrets=Secrets(SECRET),
        partners={code: Partner(keys=(KEYS[code].public_key(),)) for code in ("USA", "KOR")},
        fusion=Deaf(),
        sensor_types=SENSORS,
        new_policy=lambda *_: policy,
        store_of=lambda code: stores.setdefault(code, MemoryStore()),
    )
    made.old_policy = lambda digest: next((each for each in known if each.digest == digest), None)
    made.start(START_NS)
    return made


def waiting(exchange, code="USA", product=Product.CONTRIBUTION):
    """Return the numbers of what waits for a partner."""
    found = [
        rows.number for parcel, rows in exchange.channels[code].outbox._store.waiting() if parcel.product is product
    ]
    return sorted(np.concatenate(found).tolist()) if found else []


def numbers(exchange, which):
    return sorted(exchange.secrets.numbers("close").of(TRACKS.track_id[which]).tolist())


@pytest.mark.parametrize("known", [(LAX, STRICT), ()])
def test_what_waited_under_a_laxer_policy_does_not_go_out(known):
    stores = {}
    exchange_of(stores, LAX).share(TRACKS, START_NS, is_whole=False)
    again = exchange_of(stores, STRICT, known)
    assert len(waiting(again)) == 20
    again.is_silent = True
    again.speak(START_NS + SECOND)
    assert waiting(again) == (numbers(again, IS_SURE) if known else [])


def test_without_speaking_it_is_settled_before_anything_is_sent():
    stores = {}
    exchange_of(stores, LAX).share(TRACKS, START_NS, is_whole=False)
    again = exchange_of(stores, STRICT, (LAX,))
    again.wake(START_NS)
    assert waiting(again) == numbers(again, IS_SURE)


def test_under_the_same_policy_all_stays():
    stores = {}
    exchange_of(stores, LAX).share(TRACKS, START_NS, is_whole=False)
    again = exchange_of(stores, LAX)
    again.speak(START_NS + SECOND)
    assert len(waiting(again)) == 20


def test_what_was_told_has_to_be_forgotten():
    stores = {}
    first = exchange_of(stores, LAX)
    first.share(TRACKS, START_NS, is_whole=False)
    channel = first.channels["USA"]
    channel._heard_ns = START_NS
    assert sum(frame[:1] == b"M" for frame, _ in channel.pump(START_NS)) > 0
    again = exchange_of(stores, STRICT, (LAX,))
    again.speak(START_NS + SECOND)
    assert waiting(again, product=Product.TOMBSTONE) == numbers(again, ~IS_SURE)
    assert waiting(again, "KOR", product=Product.TOMBSTONE) == []
    once_more = exchange_of(stores, STRICT, (LAX,))
    once_more.speak(START_NS + 2 * SECOND)
    assert waiting(once_more, product=Product.TOMBSTONE) == numbers(again, ~IS_SURE)


def test_numbers_go_on_after_a_silence_that_gave_fewer():
    """A node that settled and fell before its next checkpoint runs again with fewer numbers than its store has seen."""
    stores = {}
    first = exchange_of(stores, LAX)
    before = first._n_parcels
    for k in range(5):
        first.share(TRACKS.replace(time_ns=TRACKS.time_ns + k), START_NS, is_whole=False)
    again = exchange_of(stores, LAX)
    again.is_silent = True
    again._n_parcels = before  # as a checkpoint said
    again.share(TRACKS, START_NS, is_whole=False)
    assert len(waiting(again)) == 5 * 20
    again.speak(START_NS)
    again.share(TRACKS.replace(time_ns=TRACKS.time_ns + 9), START_NS, is_whole=False)
    assert len(waiting(again)) == 6 * 20


def test_a_partner_that_comes_back_gets_nothing_of_an_older_policy():
    stores = {}
    exchange = exchange_of(stores, LAX, (LAX,))
    exchange.share(TRACKS, START_NS, is_whole=False)
    exchange.obey(Order.of(NO_PARTNER, "USA", "", START_NS), START_NS)
    exchange.change_policy(STRICT, START_NS)
    assert waiting(exchange, "KOR") == numbers(exchange, IS_SURE)
    exchange._shared = None
    exchange.obey(Order.of(PARTNER, "USA", KEYS["USA"].public_key().public_bytes_raw().hex(), START_NS), START_NS)
    assert set(waiting(exchange)) == set(numbers(exchange, IS_SURE))
