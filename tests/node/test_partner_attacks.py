"""A partner with good keys and bad will: its node is refused, counted, and never brings this one down."""

import msgspec
import numpy as np
import pytest
from sharing_scenes import ACTIONS, PASS_ALL, SECOND, SENSORS, START_NS, tracks_of

from noroshi.formats.columns import _plain, pack
from noroshi.fusion import Fusion
from noroshi.node.contents import notices_body, tombstone_body, tracks_body
from noroshi.node.exchange import Exchange, Partner
from noroshi.records import Frame, Order, Status, TrackStatus
from noroshi.run.sharing import own_of_exercise
from noroshi.sharing.audit import Receipt
from noroshi.sharing.envelope import Sender
from noroshi.sharing.label import Label
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Product, parse

EXERCISE, N = "attacks", 5
RULES = PASS_ALL.replace("then", f'exercises = ["{EXERCISE}"]\nthen')
ENCODER = msgspec.msgpack.Encoder()
HUGE = 2**64 - 1


def rows(**changes):
    tracks = tracks_of(N, rng=np.random.default_rng(1))
    firm = np.full(N, TrackStatus.FIRM, np.uint8)
    now = np.full(N, START_NS)
    return tracks.replace(**{"status": firm, "time_ns": now, "updated_ns": now, **changes})


def body(**changes):
    return tracks_body(rows(**changes), is_coarse=False, sensor_types=SENSORS)


def forged(**columns):
    """A body of tracks in which some columns are not what they should be."""
    plain = _plain(rows())
    for name, column in columns.items():
        (plain["identity"] if name in plain["identity"] else plain)[name] = column
    return ENCODER.encode([False, ENCODER.encode([1, plain]), dict(SENSORS)])


def node():
    own = own_of_exercise(EXERCISE, 1, "JPN")
    exchange = Exchange(
        "JPN",
        key=own.key,
        policy=parse(f'nation = "JPN"\n[partners]\nUSA = "close"\nAUS = "close"\n{RULES}', ACTIONS),
        secrets=Secrets(own.secret),
        partners={
            code: Partner(keys=(own_of_exercise(EXERCISE, 1, code).key.public_key(),)) for code in ("USA", "AUS")
        },
        new_policy=lambda kind, content, policy, now_ns: policy,
        store_of=lambda code: MemoryStore(),
        fusion=Fusion("JPN"),
        sensor_types=SENSORS,
        exercise=EXERCISE,
    )
    exchange.start(START_NS)
    return exchange


def sender():
    key = own_of_exercise(EXERCISE, 1, "USA").key
    return Sender(key=key, owner="USA", recipient="JPN", feed="picture", exercise=EXERCISE)


def message(content, product=Product.CONTRIBUTION, now_ns=START_NS, by=None):
    label = Label(originator="USA", releasable_to=("JPN",))
    about = {"product": product, "label": label, "policy": "x", "valid_from_ns": 0, "valid_to_ns": 0, "now_ns": now_ns}
    return b"M" + (by or sender()).seal(content, **about)


def tombstones(bodies, **about):
    return message(notices_body(bodies), Product.TOMBSTONE, **about)


def notice(record, product=Product.WARNING):
    return message(notices_body([record]), product)


def each(value, *shape):
    return np.full((N, *shape), value)


def spread(value):
    return np.broadcast_to(np.eye(6) * value, (N, 6, 6)).copy()


def skewed():
    out = spread(1e4)
    out[:, 0, 1] = 9e5
    return out


def receipt(seq, chain=b"x" * 32):
    return Receipt("JPN", "USA", "picture", seq, chain, 0, b"s" * 64)


def numbered(seq, previous=b"x" * 32):
    by = sender()
    by.seq, by.previous = seq, previous
    return message(body(), by=by)


def identity(**changes):
    return rows().identity.replace(**changes)


FRAMES = {
    "a beacon of a number beyond all": b"B" + ENCODER.encode([HUGE, 0]),
    "an ask from beyond all numbers": b"A" + ENCODER.encode([HUGE, 1]),
    "a receipt of a number beyond all": b"R" + ENCODER.encode(receipt(HUGE)),
    "a receipt with a long hash": b"R" + ENCODER.encode(receipt(1, b"x" * 1000)),
    "a message of a number beyond all": numbered(HUGE - 1),
    "a message with a long hash": numbered(5, b"x" * 1_000_000),
    "released at the end of time": message(body(), now_ns=HUGE),
    "taken back at the end of time": tombstones([tombstone_body(Product.CONTRIBUTION, [1])], now_ns=HUGE),
    "taken back a million": tombstones([tombstone_body(Product.CONTRIBUTION, [1] * 1_000_000)]),
    "taken back in many pieces": tombstones([tombstone_body(Product.CONTRIBUTION, [1] * 200)] * 200),
    "withdrawn many": b"M" + sender().withdraw(1, [b"x" * 32] * 2000, START_NS),
    "from the end of time": message(body(time_ns=each(2**63 - 1))),
    "from tomorrow": message(body(time_ns=each(START_NS + 86_400 * SECOND))),
    "from before time": message(body(time_ns=each(-(2**63)), updated_ns=each(-(2**63)))),
    "a last row from tomorrow": message(
        body(status=each(np.uint8(TrackStatus.LOST)), time_ns=each(START_NS + 86_400 * SECOND))
    ),
    "far beyond the world": message(body(state_ecef=each(1e300, 6))),
    "in the middle of the Earth": message(body(state_ecef=each(0.0, 6))),
    "no numbers": message(body(state_ecef=each(np.nan, 6))),
    "a spread beyond numbers": message(body(covariance_ecef=spread(1e300))),
    "no spread": message(body(covariance_ecef=spread(1e-300))),
    "a negative spread": message(body(covariance_ecef=spread(-1.0))),
    "a skew spread": message(body(covariance_ecef=skewed())),
    "an endless existence": message(body(existence=each(np.inf))),
    "a negative kind": message(body(kind_probability=each(-1e308, 7))),
    "an unknown status": message(body(status=each(np.uint8(250)))),
    "an address of too many bits": message(body(identity=identity(icao_address=each(2**40)))),
    "a call sign that moves the cursor": message(body(identity=identity(call_sign=np.full(N, "\x1b[2J")))),
    "a frame for a third nation": notice(pack(Frame.of("AUS", b"B" + ENCODER.encode([5, 0])))),
    "an order": notice(pack(Order.of("policy", "JPN", "", 0)), Product.STATUS),
    "another record": notice(pack(rows())),
    "a record of a type of 2,000 letters": notice(ENCODER.encode([1, {"type": "X" * 2000}])),
    "a deep record": notice(b"\x92\x01" + b"\x91" * 500_000 + b"\x01"),
    "very wide texts": message(forged(call_sign=["<U200000", [2000], ["a"] * 2000])),
    "a column of columns": message(forged(existence=["(20000000,)f8", [N], [1.0] * N])),
    "a column of objects": message(forged(existence=["O", [N], [1.0] * N])),
    "a whole number that is too large": message(forged(time_ns=["<i8", [N], [HUGE] * N])),
    "sensors that are lists": message(forged(source_names=[[1]] * len(SENSORS))),
    "no sensors": message(forged(source_names=None)),
    "fewer sensors than columns": message(forged(source_names=["a"])),
    "a label that is a number": message(forged(label=5)),
    "no frame": b"Z",
    "nothing": b"",
}


@pytest.mark.parametrize("what", FRAMES)
def test_it_is_refused_and_the_node_goes_on(what):
    exchange = node()
    own = rows(node="JPN")
    exchange.share(own, START_NS, is_whole=True)
    before = exchange.picture(START_NS)
    exchange.hear(Frame.of("USA", FRAMES[what]), START_NS)
    given = exchange.take()
    alarms = [out.record.subject[0] for out in given if isinstance(out.record, Status)]
    assert len(alarms) == 1
    assert len(alarms[0]) < 80
    assert not [out for out in given if out.channel in ("frame", "warning", "status")]
    assert exchange.picture(START_NS).state_ecef.tolist() == before.state_ecef.tolist()
    exchange.wake(START_NS + SECOND)
    again = node()
    again.resume(msgspec.msgpack.decode(msgspec.msgpack.encode(exchange.checkpoint())))
    again.fusion.resume(exchange.fusion.checkpoint())
    assert again.picture(START_NS).track_id.tolist() == before.track_id.tolist()


def test_the_rows_that_can_be_are_kept():
    exchange = node()
    state = rows().state_ecef.copy()
    state[2] = 0.0
    exchange.hear(Frame.of("USA", message(body(state_ecef=state))), START_NS)
    assert len(exchange.picture(START_NS)) == N - 1


def test_an_owners_numbers_are_its_own():
    """A partner that uses the numbers of this node's tracks, and ends them, ends nothing of this node's."""
    exchange = node()
    exchange.share(rows(node="JPN"), START_NS, is_whole=True)
    numbers = exchange.secrets.numbers("close").of(rows().track_id)
    lost = body(track_id=numbers, status=each(np.uint8(TrackStatus.LOST)))
    by = sender()
    exchange.hear(Frame.of("USA", message(lost, by=by)), START_NS)
    gone = tombstones([tombstone_body(Product.CONTRIBUTION, numbers.tolist())], by=by)
    exchange.hear(Frame.of("USA", gone), START_NS)
    picture = exchange.picture(START_NS + SECOND)
    assert len(picture) == N
    assert picture.source_names == ("JPN",) or not picture.sources[:, picture.source_names.index("USA")].any()
