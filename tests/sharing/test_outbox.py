"""The outbox: newest first, then history, nothing lost, nothing of an older and laxer policy."""

import dataclasses

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_scenes import PASS_ALL, SECOND, SECRET, SENSORS, START_NS, policy_of, tracks_of

from noroshi.formats.columns import pack, unpack
from noroshi.records import Kind, TrackStatus, certain_kind, concatenate, take
from noroshi.sharing.envelope import Receiver, Sender
from noroshi.sharing.facts import facts_of
from noroshi.sharing.label import Label, decode
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.outbox import Outbox
from noroshi.sharing.parcels import TRACK_AGE_NS, notices, rows_of
from noroshi.sharing.release import Secrets, release
from noroshi.sharing.rules import Product, still_valid

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
LABEL = Label(originator="JPN", releasable_to=("USA",))
PLENTY = 1 << 30


class Line:
    """One feed from the policy to the receiver, by hand: what a driver does."""

    def __init__(self, policy):
        self.policy, self.secrets, self.store = policy, Secrets(SECRET), MemoryStore()
        self.outbox = Outbox(self.store)
        self.sender = Sender(key=KEY, owner="JPN", recipient="USA", feed="all", exercise=None)
        self.receiver = Receiver(keys=(KEY.public_key(),), owner="JPN", recipient="USA", feed="all", exercise=None)
        self.got = []  # (product, rows of tracks or the body, whether it filled a gap)

    def put(self, tracks, now_ns):
        facts = facts_of(tracks, product="contribution", exercise=None, sensor_types=SENSORS)
        one = release(self.policy, facts, now_ns=now_ns, secrets=self.secrets, recipients=("USA",))["USA"]
        if len(one.rows):
            parcel = rows_of(
                one,
                self.policy,
                parcel=self.outbox.next_parcel,
                body=pack(one.tracks),
                product=Product.CONTRIBUTION,
                label=decode(one.label),
            )
            self.outbox.put(parcel, now_ns)
        return one

    def notice(self, number, now_ns, product=Product.WARNING, rule="all"):
        self.outbox.put(
            notices(
                [number], parcel=self.outbox.next_parcel, product=product, label=LABEL, policy="p", rule=rule,
                body=b"notice %d" % number, now_ns=now_ns,
            ),
            now_ns,
        )  # fmt: skip

    def step(self, now_ns, n_bytes=PLENTY, lost=lambda seq: False):
        """Send what is to go; return the messages, of which the lost ones do not arrive."""
        sent = []
        for draft in self.outbox.take(now_ns, n_bytes):
            parts = self.outbox.body(draft)
            if draft.product is Product.CONTRIBUTION:
                body = pack(
                    concatenate([unpack(data) if rows is None else take(unpack(data), rows) for data, rows in parts])
                )
            else:
                body = b"|".join(data for data, _ in parts)
            message = self.sender.seal(
                body, product=draft.product, label=draft.label, policy=draft.policy,
                valid_from_ns=draft.valid_from_ns, valid_to_ns=draft.valid_to_ns, now_ns=now_ns,
            )  # fmt: skip
            self.outbox.sealed(draft, self.sender.seq, message)
            sent.append(message)
            if not lost(self.sender.seq):
                self.arrive(message, now_ns)
        return sent

    def arrive(self, message, now_ns):
        got = self.receiver.receive(message, now_ns)
        if got.envelope is not None:
            body = got.envelope.body
            is_tracks = got.envelope.product is Product.CONTRIBUTION
            self.got.append((got.envelope.product, unpack(body) if is_tracks else body, got.filled))
        return got

    def catch_up(self, now_ns):
        for first, last in list(self.receiver.gaps):
            messages, gone = self.outbox.fetch(first, last, now_ns)
            for message in messages:
                self.arrive(message, now_ns)
            for start, hashes in gone:
                self.arrive(self.sender.withdraw(start, hashes, now_ns), now_ns)

    def restart(self):
        """Kill both ends: nothing is left but the store and what the receiver kept with what it received."""
        self.outbox = Outbox(self.store)
        seq, previous = self.outbox.last
        self.sender = dataclasses.replace(self.sender, seq=seq, previous=previous)
        kept = self.receiver.checkpoint()
        self.receiver = Receiver(keys=(KEY.public_key(),), owner="JPN", recipient="USA", feed="all", exercise=None)
        self.receiver.resume(kept)

    def rows(self):
        """Return (number, time) of all track rows that took effect, in order."""
        return [
            pair
            for product, body, _ in self.got
            if product is Product.CONTRIBUTION
            for pair in zip(body.track_id.tolist(), body.time_ns.tolist(), strict=True)
        ]


def moved(tracks, seconds):
    states = tracks.state_ecef.copy()
    states[:, :3] += seconds * states[:, 3:]
    return tracks.replace(time_ns=tracks.time_ns + round(seconds * SECOND), state_ecef=states)


def test_after_a_cut_the_newest_state_comes_first_then_the_history():
    line, tracks = Line(policy_of(PASS_ALL)), tracks_of(12)
    for k in range(60):
        line.put(moved(tracks, k), START_NS + k * SECOND)
    line.step(START_NS + 60 * SECOND)
    rows = line.rows()
    assert len(rows) == len(set(rows)) == 12 * 60
    assert {time for _, time in rows[:12]} == {START_NS + 59 * SECOND}
    assert [time for _, time in rows[12:]] == sorted(time for _, time in rows[12:])
    assert len(line.outbox) == 0


def test_the_picture_is_back_within_the_first_bytes_and_history_takes_what_is_left():
    line, tracks = Line(policy_of(PASS_ALL)), tracks_of(10)
    for k in range(100):
        line.put(moved(tracks, k), START_NS + k * SECOND)
    row_bytes = -(-len(pack(line.outbox and tracks)) // 10)
    line.step(START_NS + 100 * SECOND, n_bytes=int(15 * row_bytes))
    rows = line.rows()
    assert {time for _, time in rows[:10]} == {START_NS + 99 * SECOND}
    assert 10 < len(rows) <= 16


def test_threats_never_wait_behind_traffic():
    tracks = tracks_of(200, kind_probability=certain_kind(Kind.AIRCRAFT, 200))
    kinds = tracks.kind_probability.copy()
    kinds[[60, 150]] = certain_kind(Kind.BALLISTIC, 2)
    tracks = tracks.replace(kind_probability=kinds)
    line = Line(policy_of(PASS_ALL))
    line.put(tracks, START_NS)
    line.notice(7, START_NS)
    row_bytes = int(line.outbox.take(START_NS - 1, 0) == []) * -(-len(pack(tracks)) // 200)
    line.step(START_NS, n_bytes=5 * row_bytes)
    first, second = line.got[:2]
    assert first[0] is Product.WARNING
    numbers = line.secrets.numbers("close").of(tracks.track_id)
    assert set(second[1].track_id.tolist()) == set(numbers[[60, 150]].tolist())


def test_what_changed_most_goes_first_and_nobody_starves():
    """Thin line: of 40 tracks that fly straight and one that turned, the one that turned; in time all."""
    tracks = tracks_of(41, kind_probability=certain_kind(Kind.AIRCRAFT, 41), status=np.full(41, 1, np.uint8))
    line = Line(policy_of(PASS_ALL))
    line.put(tracks, START_NS)
    line.step(START_NS)
    numbers, later = line.secrets.numbers("close").of(tracks.track_id), moved(tracks, 10)
    states = later.state_ecef.copy()
    states[17, :3] += 30_000.0
    line.put(later.replace(state_ecef=states), START_NS + 10 * SECOND)
    row_bytes = -(-len(pack(tracks)) // 41)
    line.step(START_NS + 10 * SECOND, n_bytes=row_bytes + 50)
    assert [number for number, _ in line.rows()[41:]] == [numbers[17]]
    for k in range(11, 400):
        line.put(moved(tracks, k), START_NS + k * SECOND)
        line.step(START_NS + k * SECOND, n_bytes=row_bytes + 50)
    told_again = [number for number, _ in line.rows()[41:]]
    assert set(told_again) == set(numbers.tolist())


def test_delayed_rows_wait_until_they_are_due_and_keep_their_time():
    line, tracks = Line(policy_of(PASS_ALL + "delay = {seconds = 60}\n")), tracks_of(3)
    line.put(tracks, START_NS)
    assert line.step(START_NS + 59 * SECOND) == []
    line.step(START_NS + 60 * SECOND)
    assert {time for _, time in line.rows()} == {START_NS}


def test_tracks_are_bounded_by_age_and_warnings_are_not():
    line, tracks = Line(policy_of(PASS_ALL)), tracks_of(5)
    line.put(tracks, START_NS)
    line.notice(7, START_NS)
    line.step(START_NS + 100 * TRACK_AGE_NS)
    assert [product for product, _, _ in line.got] == [Product.WARNING]
    assert line.outbox.aged == {"too old": 5}
    assert line.outbox.unacknowledged(Product.WARNING) == [1]
    assert line.outbox.fetch(1, 1, START_NS + 200 * TRACK_AGE_NS)[0]  # still to be had
    line.outbox.acknowledge(line.receiver.contiguous)
    assert line.outbox.unacknowledged(Product.WARNING) == []
    assert line.outbox.fetch(1, 1, START_NS) == ([], [])


def test_an_expired_message_is_withdrawn_and_the_gap_closes():
    line, tracks = Line(policy_of(PASS_ALL)), tracks_of(5, kind_probability=certain_kind(Kind.AIRCRAFT, 5))
    line.put(tracks, START_NS)
    line.step(START_NS, lost=lambda seq: True)
    line.notice(7, START_NS)
    line.step(START_NS + SECOND)
    assert line.receiver.gaps == [(1, 1)]
    line.catch_up(START_NS + 2 * TRACK_AGE_NS)
    assert line.receiver.gaps == []
    assert line.rows() == []


@settings(max_examples=40)
@given(st.lists(st.sampled_from(("put", "put", "warn", "send", "thin", "cut", "kill", "catch up", "ack")), max_size=40),
       st.integers(0, 2**31))  # fmt: skip
def test_nothing_is_lost_and_nothing_takes_effect_twice(steps, seed):
    """Cuts, losses and kills in any order; at the end everything younger than its age has arrived, once."""
    rng, tracks = np.random.default_rng(seed), tracks_of(4)
    line, now_ns, put, warned = Line(policy_of(PASS_ALL)), START_NS, [], []
    for step in steps:
        now_ns += SECOND
        if step == "put":
            one = line.put(moved(tracks, (now_ns - START_NS) / SECOND), now_ns)
            put += zip(one.tracks.track_id.tolist(), one.tracks.time_ns.tolist(), strict=True)
        elif step == "warn":
            warned.append(b"notice %d" % len(warned))
            line.notice(len(warned) - 1, now_ns)
        elif step in ("send", "thin", "cut"):
            dead = rng.random(1_000) < {"send": 0.0, "thin": 0.3, "cut": 1.0}[step]
            line.step(now_ns, 3_000 if step == "thin" else PLENTY, lost=lambda seq: bool(dead[seq % 1_000]))  # noqa: B023
        elif step == "kill":
            line.restart()
        elif step == "catch up":
            line.catch_up(now_ns)
        else:
            line.outbox.acknowledge(line.receiver.contiguous)
    line.notice(999, now_ns)  # any later message shows what is missing
    line.step(now_ns)
    line.catch_up(now_ns)
    assert sorted(line.rows()) == sorted(put)
    notes = [one for product, body, _ in line.got if product is Product.WARNING for one in body.split(b"|")]
    assert sorted(notes) == sorted([*warned, b"notice 999"])
    assert line.receiver.gaps == []
    assert (line.receiver.contiguous, line.receiver.chain) == (line.sender.seq, line.sender.previous)


def test_tightening_purges_what_waits_withdraws_what_is_under_way_and_tells_what_is_to_be_forgotten():
    sure = PASS_ALL.replace('"all"', '"sure"') + "existence_min = 0.6\n"
    policy = policy_of(sure + PASS_ALL)
    tracks = tracks_of(30, kind_probability=certain_kind(Kind.AIRCRAFT, 30))
    line = Line(policy)
    numbers = line.secrets.numbers("close").of(tracks.track_id)
    is_sure = tracks.existence >= 0.6
    line.put(tracks, START_NS)
    line.step(START_NS)
    line.put(moved(tracks, 1), START_NS + SECOND)
    line.step(START_NS + SECOND, lost=lambda seq: True)
    line.put(moved(tracks, 2), START_NS + 2 * SECOND)
    tighter = policy_of(sure)
    result = line.outbox.tighten(still_valid(policy, tighter, "USA"))
    assert result.purged == {"all": int((~is_sure).sum())}
    assert {number for _, number in result.tombstones} == set(numbers[~is_sure].tolist())
    assert len(result.withdrawn) == 2  # what arrived may be asked for again too, and is not to be had
    before = len(line.rows())
    line.policy = tighter
    line.put(moved(tracks, 3), START_NS + 3 * SECOND)
    line.step(START_NS + 3 * SECOND)
    line.catch_up(START_NS + 3 * SECOND)
    after = line.rows()[before:]
    assert {number for number, _ in after} == set(numbers[is_sure].tolist())
    assert len(after) == 3 * is_sure.sum()  # and of those nothing is lost, on the way or waiting
    assert line.receiver.gaps == []


def test_a_restart_knows_what_was_told():
    policy, tracks = policy_of(PASS_ALL), tracks_of(6)
    line = Line(policy)
    line.put(tracks, START_NS)
    line.step(START_NS)
    line.restart()
    result = line.outbox.tighten(frozenset())
    assert len(result.tombstones) == 6
    line.restart()
    assert line.outbox.tighten(frozenset()).tombstones == ()


def test_numbers_of_parcels_are_not_given_twice_though_nothing_of_them_is_kept():
    line = Line(policy_of(PASS_ALL))
    line.notice(0, START_NS, product=Product.STATUS)
    line.step(START_NS)
    line.outbox.acknowledge(line.receiver.contiguous)
    line.outbox.tighten(frozenset({"all"}))
    assert list(line.store.told()) == []  # states of the node, tombstones and ended tracks are not taken back
    line.restart()
    assert line.outbox.next_parcel == 2


def test_tombstones_are_not_purged_and_ended_tracks_need_none():
    policy, tracks = policy_of(PASS_ALL), tracks_of(6)
    line = Line(policy)
    line.put(tracks, START_NS)
    line.step(START_NS)
    ended = np.full(6, TrackStatus.LOST, np.uint8)
    facts = moved(tracks, 1).replace(status=ended)
    memory = release(policy, facts_of(tracks, product="contribution", exercise=None), now_ns=START_NS,
                     secrets=line.secrets, recipients=("USA",))["USA"].memory  # fmt: skip
    last = release(policy, facts_of(facts, product="contribution", exercise=None), now_ns=START_NS,
                   secrets=line.secrets, recipients=("USA",), memories={"USA": memory})["USA"]  # fmt: skip
    assert len(last.rows) == 6
    parcel = rows_of(last, policy, parcel=line.outbox.next_parcel, body=pack(last.tracks),
                     product=Product.CONTRIBUTION, label=decode(last.label))  # fmt: skip
    line.outbox.put(parcel, START_NS + SECOND)
    line.step(START_NS + SECOND)
    line.notice(5, START_NS + SECOND, product=Product.TOMBSTONE, rule="")
    assert line.outbox.tighten(frozenset()).tombstones == ()
    line.step(START_NS + 2 * SECOND)
    assert line.got[-1][0] is Product.TOMBSTONE


def test_what_a_rule_or_a_label_ends_does_not_go_out_after_its_end():
    line, tracks = Line(policy_of(PASS_ALL + "not_after = 2030-01-01T00:00:05Z\n")), tracks_of(3)
    line.put(tracks, START_NS)
    assert line.step(START_NS + 5 * SECOND) == []
    from sharing_scenes import label_text

    line = Line(policy_of(PASS_ALL))
    line.put(tracks.replace(label=label_text(expires_ns=START_NS + 5 * SECOND)), START_NS)
    assert line.step(START_NS + 5 * SECOND) == []


def test_rows_of_needs_tracks():
    one = Line(policy_of(PASS_ALL)).put(tracks_of(1), START_NS)
    with pytest.raises(ValueError, match="not tracks"):
        rows_of(dataclasses.replace(one, tracks=None), policy_of(PASS_ALL), parcel=1, body=b"",
                product=Product.CONTRIBUTION, label=LABEL)  # fmt: skip
