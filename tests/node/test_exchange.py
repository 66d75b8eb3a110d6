"""Two nodes over a link that loses, doubles, reorders and is cut: nothing missing, nothing twice, newest first."""

import heapq
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from sharing_scenes import ACTIONS, PASS_ALL, SECOND, SENSORS, START_NS, tracks_of

from noroshi.formats.columns import pack, unpack
from noroshi.node.contents import Kind
from noroshi.node.exchange import Exchange, Partner
from noroshi.records import Frame, Order, Status, TrackStatus, take
from noroshi.records import Kind as TargetKind
from noroshi.run.sharing import own_of_exercise
from noroshi.sharing.audit import Audit, pledge
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import Product, parse

EXERCISE = "links"
WARN = '[[rules]]\nrule = "warn"\nto = ["ALL-PARTNERS"]\nproducts = ["warning"]\nthen = "pass"\nexercises = ["links"]\n'


class Heard:
    """Stands where fusion stands and counts what takes effect."""

    def __init__(self):
        self.rows, self.counts = Counter(), Counter()
        self.order = []
        self.forgotten = []

    def receive(self, contributions, *, owner, feed, seq, coarse):
        for number, time_ns in zip(contributions.track_id.tolist(), contributions.time_ns.tolist(), strict=True):
            self.rows[owner, number, time_ns] += 1
            self.order.append((owner, time_ns))

    def forget(self, owner, track_ids, time_ns):
        self.forgotten += track_ids.tolist()

    def checkpoint(self):
        names = [np.array(part) for part in zip(*self.rows, strict=True)] if self.rows else []
        return {f"{i}": part for i, part in enumerate(names)} | {"n": np.array(list(self.rows.values()), np.int64)}

    def resume(self, arrays):
        columns = [arrays[f"{i}"].tolist() for i in range(3)] if "0" in arrays else [[], [], []]
        keys = [(owner, number, time_ns) for owner, number, time_ns in zip(*columns, strict=True)]
        self.rows = Counter(dict(zip(keys, arrays["n"].tolist(), strict=True)))


RULES = PASS_ALL.replace("then", 'exercises = ["links"]\nthen') + WARN


def exchange_of(nation, partners, stores, pump_ns=SECOND):
    named = "".join(f'{code} = "close"\n' for code in partners)
    policy = parse(f'nation = "{nation}"\n[partners]\n{named}{RULES}', ACTIONS)
    own = own_of_exercise(EXERCISE, 1, nation)
    return Exchange(
        nation,
        key=own.key,
        policy=policy,
        secrets=Secrets(own.secret),
        partners={code: Partner(keys=(own_of_exercise(EXERCISE, 1, code).key.public_key(),)) for code in partners},
        new_policy=lambda kind, content, policy, now_ns: parse(content, ACTIONS),
        store_of=lambda code: stores[nation, code],
        fusion=Heard(),
        sensor_types=SENSORS,
        exercise=EXERCISE,
        pump_ns=pump_ns,
    )


class Two:
    """Two exchanges and the link between them, stepped by a tenth of a second."""

    def __init__(self, seed, *, loss=0.0, doubled=0.0, jitter_s=0.0, pump_ns=SECOND):
        self.pump_ns = pump_ns
        self.stores = {pair: MemoryStore() for pair in (("JPN", "USA"), ("USA", "JPN"))}
        self.nodes = {}
        for nation, partner in self.stores:
            self.make(nation, partner)
        self.rng = np.random.default_rng(seed)
        self.loss, self.doubled, self.jitter_s = loss, doubled, jitter_s
        self.is_cut = False
        self.now_ns = START_NS
        self.flying = []
        self.n_frames = 0
        self.others = []
        self.tracks = tracks_of(6, rng=np.random.default_rng(seed)).replace(
            status=np.full(6, TrackStatus.FIRM, np.uint8)
        )
        self.sent = set()
        self.warnings = {"JPN": set(), "USA": set()}

    def make(self, nation, partner):
        self.nodes[nation] = exchange_of(nation, [partner], self.stores, pump_ns=self.pump_ns)
        self.nodes[nation].start(getattr(self, "now_ns", START_NS))

    def share(self, nation="JPN"):
        rows = self.tracks.replace(time_ns=np.full(6, self.now_ns), updated_ns=np.full(6, self.now_ns), node=nation)
        node = self.nodes[nation]
        node.share(rows, self.now_ns, is_whole=True)
        numbers = node.secrets.numbers("close").of(rows.track_id).tolist()
        self.sent |= {(nation, number, self.now_ns) for number in numbers}

    def warn(self, nation, number):
        record = Status(
            time_ns=np.array([self.now_ns]), source=np.array([nation]), subject=np.array([f"warning {number}"]),
            value=np.array([float(number)]),
        )  # fmt: skip
        self.nodes[nation].tell(record, Product.WARNING, [number], self.now_ns)

    def step(self, seconds=0.1):
        self.now_ns += round(seconds * SECOND)
        while self.flying and self.flying[0][0] <= self.now_ns:
            _, _, sender, receiver, content = heapq.heappop(self.flying)
            if not self.is_cut and receiver in self.nodes:
                self.nodes[receiver].hear(Frame.of(sender, content), self.now_ns)
        for nation, node in self.nodes.items():
            if node.wake_ns is not None and node.wake_ns <= self.now_ns:
                node.wake(node.wake_ns)
            for out in node.take():
                if out.channel == "frame":
                    self.send(nation, out.record)
                elif out.channel == "warning":
                    self.others.append((nation, out.record.subject[0]))

    def send(self, sender, frame):
        for _ in range(1 + (self.rng.random() < self.doubled)):
            if self.is_cut or self.rng.random() < self.loss:
                continue
            at_ns = self.now_ns + 50_000_000 + round(self.jitter_s * self.rng.exponential() * SECOND)
            self.n_frames += 1
            heapq.heappush(self.flying, (at_ns, self.n_frames, sender, frame.partner, frame.bytes()))

    def run(self, seconds, *, share_every_s=1, both=True):
        for tick in range(round(seconds * 10)):
            if share_every_s and tick % (10 * share_every_s) == 0:
                for nation in list(self.nodes) if both else ["JPN"]:
                    self.share(nation)
            self.step()

    def taken(self, at, of):
        return {key: n for key, n in self.nodes[at].fusion.rows.items() if key[0] == of}

    def check_whole(self):
        for at, of in (("USA", "JPN"), ("JPN", "USA")):
            taken = self.taken(at, of)
            assert set(taken) == {key for key in self.sent if key[0] == of}
            assert set(taken.values()) <= {1}


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_link_loses_nothing_and_doubles_nothing(seed):
    two = Two(seed, loss=0.2, doubled=0.2, jitter_s=0.3)
    for number in range(8):
        two.warn("JPN", number)
        two.run(4)
    two.loss = 0.0
    two.run(20, share_every_s=0)
    two.check_whole()
    assert sorted(two.others) == [("USA", f"warning {number}") for number in range(8)]


@pytest.mark.parametrize("cut_s", [5, 60, 600])
def test_after_a_cut_the_newest_comes_first_and_the_rest_after(cut_s):
    two = Two(1, pump_ns=0)  # as a live node does it
    two.run(5)
    two.is_cut = True
    two.run(cut_s)
    two.is_cut = False
    before = len(two.nodes["USA"].fusion.order)
    back_ns = two.now_ns
    two.warn("JPN", 1)
    while not any(time_ns >= back_ns - SECOND for _, time_ns in two.nodes["USA"].fusion.order[before:]):
        two.run(0.1, share_every_s=0)
        assert two.now_ns - back_ns <= SECOND
    late = [time_ns for owner, time_ns in two.nodes["USA"].fusion.order[before:] if owner == "JPN"]
    assert late[:6] == [max(late)] * 6
    two.run(20, share_every_s=0)
    two.check_whole()
    assert two.others == [("USA", "warning 1")]


def test_after_a_silence_what_was_sent_into_it_is_asked_for_at_once():
    two = Two(10, pump_ns=0)
    two.run(5)
    two.is_cut = True
    two.run(2.5)  # too short to be known to be away: nothing waits, all is lost
    two.is_cut = False
    assert not len(two.nodes["JPN"].channels["USA"].outbox)
    two.run(1, share_every_s=0)
    two.check_whole()


def test_a_silent_partner_is_away_and_told_apart_from_one_that_is_there():
    two = Two(2)
    two.run(3)
    channel = two.nodes["JPN"].channels["USA"]
    assert channel.is_heard(two.now_ns)
    two.is_cut = True
    two.run(5)
    assert not channel.is_heard(two.now_ns)
    assert len(channel.outbox)  # what is new waits


def test_killed_nodes_go_on_from_their_checkpoint_and_their_journal():
    two = Two(3, loss=0.1)
    two.run(10)
    memory, fused = two.nodes["USA"].checkpoint(), two.nodes["USA"].fusion.checkpoint()
    frames = []
    hear = two.nodes["USA"].hear
    two.nodes["USA"].hear = lambda frame, now_ns: (frames.append((pack(frame), now_ns)), hear(frame, now_ns))
    two.run(10, both=False)
    two.make("USA", "JPN")  # kill -9: what its disk holds is its store, its checkpoint and its journal
    again = two.nodes["USA"]
    again.is_silent = True
    store = two.stores["USA", "JPN"].state()
    again.resume({**memory, "channels": {"JPN": {**memory["channels"]["JPN"], "store": store}}})
    again.fusion.resume(fused)
    for data, now_ns in frames:
        again.hear(unpack(data), now_ns)
    again.is_silent = False
    two.run(10)
    two.loss = 0.0
    two.run(20, share_every_s=0)
    two.check_whole()


def test_a_node_that_lost_its_memory_is_told_again_and_goes_on():
    two = Two(4)
    two.run(30)
    assert two.nodes["JPN"].channels["USA"].outbox.acknowledged > 0
    two.make("USA", "JPN")
    two.run(1, both=False)
    two.run(6, share_every_s=0)
    held = two.taken("USA", "JPN")
    assert {number for _, number, _ in held} == {number for owner, number, _ in two.sent if owner == "JPN"}
    assert not two.nodes["USA"].channels["JPN"].receiver.gaps
    two.run(5)
    assert max(time_ns for _, _, time_ns in two.taken("USA", "JPN")) >= two.now_ns - 2 * SECOND
    alarms = two.nodes["JPN"].channels["USA"].alarms
    assert not alarms


def test_a_threat_that_goes_on_unmeasured_is_told_now_and_then_until_it_ends():
    """Of whom nothing comes for a minute has ended to partners; what falls unseen goes on for longer."""
    two = Two(13)
    falls = np.eye(len(TargetKind))[TargetKind.BALLISTIC]
    threats, kinds = np.arange(6) < 2, two.tracks.kind_probability.copy()
    kinds[threats], kinds[~threats] = falls, np.eye(len(TargetKind))[TargetKind.AIRCRAFT]
    coasts = np.isin(np.arange(6), [0, 2])  # of the threats one, of the aircraft one
    status = np.where(coasts, TrackStatus.COASTING, TrackStatus.FIRM).astype(np.uint8)
    state = two.tracks.state_ecef.copy()
    state[threats, 3:] *= 15.0  # as fast as what falls from far
    tracks = two.tracks.replace(kind_probability=kinds, status=status, state_ecef=state)
    for second in range(1, 100):
        now_ns = START_NS + second * SECOND
        moved = tracks.replace(time_ns=np.full(6, now_ns), updated_ns=np.where(coasts, START_NS, now_ns))
        two.nodes["JPN"].share(moved, now_ns, is_whole=True)
    numbers = two.nodes["JPN"].secrets.numbers("close").of(tracks.track_id).tolist()
    told_s = [
        [(at_ns - START_NS) // SECOND for _, name, at_ns in two.nodes["JPN"].fusion.rows if name == number]
        for number in numbers
    ]
    assert [told_s[i] for i in (0, 2)] == [[1, 21, 41, 61, 81], [1]]
    assert [told_s[i] for i in (1, 3, 4, 5)] == [list(range(1, 100))] * 4


def test_receipts_are_signed_by_both_and_free_the_outbox():
    two = Two(5)
    two.run(20)
    channel = two.nodes["JPN"].channels["USA"]
    assert channel.receipt.recipient_signature
    assert channel.receipt.owner_signature
    assert two.nodes["USA"].channels["JPN"].proof == channel.receipt
    assert len(two.stores["JPN", "USA"].messages) < 10


def test_what_is_altered_forged_or_unknown_is_an_alarm_and_nothing_else():
    two = Two(6)
    two.run(3)
    usa = two.nodes["USA"]
    before = dict(usa.fusion.rows)
    two.share("JPN")
    two.nodes["JPN"].wake(two.now_ns // SECOND * SECOND + SECOND)
    message = next(
        out.record.bytes()
        for out in two.nodes["JPN"].take()
        if out.channel == "frame" and out.record.bytes()[:1] == Kind.MESSAGE.value
    )
    for place in range(1, len(message), 97):
        usa.hear(Frame.of("JPN", message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]), two.now_ns)
    for content in (b"", b"M", b"X123", b"Bxx", b"A\x92\x01\x02\x03", b"R\x90", b"C\x90", message[:50]):
        usa.hear(Frame.of("JPN", content), two.now_ns)
    usa.hear(Frame.of("KOR", message), two.now_ns)
    assert usa.fusion.rows == before
    said = {(out.record.source[0], out.record.subject[0]) for out in usa.take() if out.channel == "alarm"}
    assert ("JPN", "link: altered, or signed with another key") in said
    assert ("KOR", "link: a frame of a nation that is no partner") in said
    usa.hear(Frame.of("JPN", message), two.now_ns)
    usa.hear(Frame.of("JPN", message), two.now_ns)
    assert set(usa.fusion.rows.values()) == {1}
    assert ("JPN", "link: received before") in {
        (out.record.source[0], out.record.subject[0]) for out in usa.take() if out.channel == "alarm"
    }


def test_a_tighter_policy_purges_and_sends_tombstones():
    two = Two(7)
    two.run(5)
    jpn = two.nodes["JPN"]
    nothing = parse('nation = "JPN"\n[partners]\nUSA = "close"\n' + WARN, ACTIONS)
    two.is_cut = True
    two.run(5)
    two.is_cut = False
    jpn.change_policy(nothing, two.now_ns)
    before = dict(two.taken("USA", "JPN"))
    two.run(10)
    told = {number for _, number, _ in before}
    assert set(two.nodes["USA"].fusion.forgotten) == told
    assert two.taken("USA", "JPN") == before
    assert not two.nodes["USA"].channels["JPN"].receiver.gaps


def test_own_rows_are_fused_under_the_numbers_that_partners_see():
    two = Two(8)
    two.run(5)
    own = {key: n for key, n in two.nodes["JPN"].fusion.rows.items() if key[0] == "JPN"}
    assert set(own) >= set(two.taken("USA", "JPN"))


def test_a_second_row_of_one_time_has_a_higher_revision_for_everybody():
    two = Two(10, pump_ns=0)
    two.run(2, share_every_s=0)
    rows = two.tracks.replace(time_ns=np.full(6, two.now_ns), updated_ns=np.full(6, two.now_ns))
    heard = {"JPN": [], "USA": []}
    for nation, into in heard.items():
        two.nodes[nation].fusion.receive = lambda c, *, into=into, **_: into.extend(
            zip(c.track_id.tolist(), c.state_ecef[:, 0].tolist(), c.revision.tolist(), strict=True)
        )
    two.nodes["JPN"].share(rows, two.now_ns, is_whole=False)
    two.nodes["JPN"].share(rows.replace(state_ecef=rows.state_ecef + 5.0), two.now_ns, is_whole=False)
    two.run(2, share_every_s=0)
    assert sorted(heard["JPN"]) == sorted(heard["USA"])
    assert {revision for *_, revision in heard["JPN"]} == {0, 1}


def test_a_track_that_is_gone_is_told_as_lost():
    heard = []
    two = Two(9)
    two.run(2)
    two.nodes["USA"].fusion = SimpleNamespace(
        receive=lambda rows, **_: heard.append(rows), forget=None, counts=Counter()
    )
    two.tracks = two.tracks.replace(track_id=np.append(two.tracks.track_id[:5], np.uint64(77)))
    two.run(3, both=False)
    lost = [number for rows in heard for number in rows.track_id[rows.status == TrackStatus.LOST].tolist()]
    assert len(lost) == 1


def test_what_a_track_is_said_to_be_is_news_though_nothing_was_measured_since():
    two = Two(9)
    two.run(2)
    node, at_ns = two.nodes["JPN"], two.now_ns + SECOND
    told = take(two.tracks, slice(1)).replace(updated_ns=np.array([two.now_ns]))
    fused = []
    node.fusion = SimpleNamespace(receive=lambda rows, **_: fused.append(rows), forget=None, counts=Counter())
    for later, falls in enumerate((0.5, 0.5, 0.51, 0.53, 0.53)):
        kinds = np.zeros((1, 7))
        kinds[0, [3, 4]] = falls, 1.0 - falls
        rows = told.replace(time_ns=np.array([at_ns + later * SECOND]), kind_probability=kinds)
        node.share(rows, at_ns + later * SECOND, is_whole=True)
    said = [kind for rows in fused for kind in rows.kind_probability[rows.status != TrackStatus.LOST, 3].tolist()]
    assert said == [0.5, 0.53]  # slow as the change is, it is held against what was told


def test_a_pledge_reaches_the_partner_and_a_forged_one_is_an_alarm():
    two = Two(31, loss=0.0)
    two.run(2)
    audit = Audit(owner="JPN")
    audit.append("a", {}, time_ns=two.now_ns)
    keys = {code: own_of_exercise(EXERCISE, 1, code).key for code in ("JPN", "USA")}
    given = pledge(audit.checkpoint(keys["JPN"], time_ns=two.now_ns), keys["JPN"])
    two.nodes["JPN"].channels["USA"].pledge(given)
    two.run(3)
    channel = two.nodes["USA"].channels["JPN"]
    assert channel.pledged == given
    forged = pledge(audit.checkpoint(keys["USA"], time_ns=two.now_ns + 1), keys["USA"])
    two.nodes["JPN"].channels["USA"].pledge(forged)
    two.run(3)
    assert channel.pledged == given
    assert channel.alarms["a pledge that is not the partner's"] == 1


def test_a_pledge_waits_for_a_partner_that_is_away():
    two = Two(32)
    two.run(2)
    two.is_cut = True
    two.run(5)
    audit, key = Audit(owner="JPN"), own_of_exercise(EXERCISE, 1, "JPN").key
    audit.append("a", {}, time_ns=two.now_ns)
    given = pledge(audit.checkpoint(key, time_ns=two.now_ns), key)
    two.nodes["JPN"].channels["USA"].pledge(given)
    two.run(5)
    assert two.nodes["USA"].channels["JPN"].pledged is None
    two.is_cut = False
    two.run(5)
    assert two.nodes["USA"].channels["JPN"].pledged == given


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_new_partner_is_told_what_there_is_however_rows_are_offered(is_whole):
    stores = {("JPN", code): MemoryStore() for code in ("USA", "AUS")}
    node = exchange_of("JPN", ["USA", "AUS"], stores)
    node.channels.pop("AUS")
    rows = tracks_of(6, rng=np.random.default_rng(1)).replace(
        status=np.full(6, TrackStatus.FIRM, np.uint8), node="JPN", time_ns=np.full(6, START_NS),
        updated_ns=np.full(6, START_NS),
    )  # fmt: skip
    node.share(rows, START_NS, is_whole=is_whole)
    later = rows.replace(time_ns=rows.time_ns + SECOND, updated_ns=rows.updated_ns + SECOND)
    gone = later.replace(status=np.array([TrackStatus.FIRM] * 5 + [TrackStatus.LOST], np.uint8))
    node.share(gone if not is_whole else take(later, np.arange(5)), START_NS + SECOND, is_whole=is_whole)
    again = exchange_of("JPN", ["USA", "AUS"], {pair: MemoryStore() for pair in stores})
    again.resume(node.checkpoint() | {"channels": {}})
    for each in (node, again):
        key = own_of_exercise(EXERCISE, 1, "AUS").key.public_key().public_bytes_raw().hex()
        each.obey(Order.of("partner", "AUS", key, START_NS + 2 * SECOND), START_NS + 2 * SECOND)
        waiting = each.channels["AUS"].outbox
        assert len(waiting) == 5
        newest = waiting.take(START_NS + 2 * SECOND, 1_000_000)
        assert {int(time_ns) for draft in newest for time_ns in draft.rows.time_ns} == {START_NS + SECOND}


def test_a_node_whose_tracks_are_all_gone_writes_checkpoints():
    node = exchange_of("JPN", ["USA"], {("JPN", "USA"): MemoryStore()})
    rows = tracks_of(2, rng=np.random.default_rng(1)).replace(
        status=np.full(2, TrackStatus.LOST, np.uint8), node="JPN", time_ns=np.full(2, START_NS),
        updated_ns=np.full(2, START_NS),
    )  # fmt: skip
    node.share(rows, START_NS, is_whole=False)
    assert node.checkpoint()["recent"] == node.checkpoint()["recent"]
