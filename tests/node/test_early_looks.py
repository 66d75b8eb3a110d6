"""A watch looks as soon as a threat was measured, and not more often than it may; threats are told before the rest."""

from collections import Counter

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sharing_scenes import ACTIONS, SECOND, SECRET, SENSORS, START_NS, tracks_of

from noroshi.motion.constant_velocity import Motion
from noroshi.node.core import Node
from noroshi.node.exchange import Exchange, Partner
from noroshi.node.own import Told
from noroshi.node.watch import EARLY_NS, Watch
from noroshi.records import Detections, Kind, SensorSite, Threats, TrackStatus, take
from noroshi.sensors.search_radar import Sensor
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import parse
from noroshi.tracking.launches import empty_launches
from noroshi.tracking.trackers.nearest_neighbour import Tracker
from noroshi.warning.core import Said

ALL = (
    'nation = "JPN"\n[partners]\nUSA = "close"\n[[rules]]\nrule = "all"\nto = ["ALL-PARTNERS"]\n'
    'products = ["contribution"]\nthen = "pass"\n'
)


SITE = SensorSite(sensor="radar", type="search_radar", lat_rad=0.8, lon_rad=0.1, height_m=500.0)


class Noting:
    """A warner that notes when it looks, and how."""

    def __init__(self):
        self.is_following, self.wait_ns, self.looks, self.faults = True, None, [], {}

    def look(self, picture, now_ns, *, with_paths, is_early):
        assert picture == ("early" if is_early else "settled")
        self.looks.append((now_ns - START_NS, is_early))
        columns = {name: np.zeros((0, *shape), scalar) for name, (scalar, shape) in Threats.COLUMNS.items()}
        return Said(threats=Threats(node="JPN", **columns), paths=None, proposals=(), withdrawn=(), faults=self.faults)

    def over_ns(self, after_ns):
        return self.wait_ns if self.wait_ns and self.wait_ns > after_ns else None

    def withdrawn(self):
        return ()

    def memory(self, pack):
        return {}

    def resume(self, memory, unpack):
        pass


class Deciding:
    """Decisions that never come."""

    class warnings:
        outdated = staticmethod(lambda now_ns: [])

    def wake_ns(self):
        return None

    def receive(self, record, now_ns):
        return []

    def take(self):
        return []

    def checkpoint(self):
        return {}

    def resume(self, memory):
        pass


def watch_of():
    warner = Noting()
    watch = Watch(warner, Deciding(), period_ns=SECOND)
    watch.start(START_NS)
    return warner, watch


def run(watch, until_ns):
    """Wake it whenever it wants to be."""
    while (due_ns := watch.wake_ns()) <= until_ns:
        watch.wake(due_ns, lambda _, *, is_early=False: "early" if is_early else "settled")


def test_a_measurement_brings_a_look_at_once_and_the_others_stay():
    warner, watch = watch_of()
    run(watch, START_NS + SECOND)
    watch.expect(START_NS + SECOND)
    run(watch, START_NS + 2 * SECOND)
    assert warner.looks == [(SECOND // 2, False), (SECOND + 1, True), (SECOND + SECOND // 2, False)]


def test_however_often_it_is_measured_looks_are_so_far_apart():
    warner, watch = watch_of()
    for k in range(300):
        now_ns = START_NS + k * SECOND // 100
        run(watch, now_ns)
        watch.expect(now_ns)
    early = np.array([at_ns for at_ns, is_early in warner.looks if is_early])
    assert len(early) > 6
    assert (np.diff(early) >= EARLY_NS).all()
    assert [at_ns for at_ns, is_early in warner.looks if not is_early] == [
        SECOND // 2,
        3 * SECOND // 2,
        5 * SECOND // 2,
    ]


def test_nothing_is_looked_at_early_where_nothing_is_followed():
    warner, watch = watch_of()
    warner.is_following = False
    watch.expect(START_NS)
    run(watch, START_NS + SECOND)
    assert warner.looks == [(SECOND // 2, False)]


def test_a_rule_that_fails_is_an_alarm():
    warner, watch = watch_of()
    for faults in ({"drones": "IndexError: index 0 (drones.py, line 3)"}, {}, {"drones": ""}):
        warner.faults = faults
        run(watch, watch.wake_ns())
    alarms = [(str(out.record.source[0]), str(out.record.subject[0])) for out in watch.take() if out.channel == "alarm"]
    expected = ["rule: IndexError: index 0 (drones.py, line 3)", "rule: works again"]
    assert alarms == [("rule 'drones'", what) for what in expected]


def test_the_end_of_a_wait_is_looked_at():
    warner, watch = watch_of()
    warner.wait_ns = START_NS + SECOND + 123
    run(watch, START_NS + 2 * SECOND)
    assert warner.looks == [(SECOND // 2, False), (SECOND + 123, True), (SECOND + SECOND // 2, False)]


def test_a_late_watch_and_one_that_was_resumed_look_at_the_same_times():
    (one, prompt), (other, late) = watch_of(), watch_of()
    third, again = watch_of()
    for k in range(40):
        now_ns = START_NS + k * SECOND // 10
        run(prompt, now_ns)
        late.wake(now_ns, lambda _, *, is_early=False: "early" if is_early else "settled")
        for watch in (prompt, late):
            watch.expect(now_ns)
        if k == 20:
            again.resume(prompt.checkpoint())
        elif k > 20:
            run(again, now_ns)
            again.expect(now_ns)
    assert one.looks == other.looks
    assert third.looks == [each for each in one.looks if each[0] > 2 * SECOND]


class Hears:
    """A fusion that notes what it is given."""

    def __init__(self):
        self.counts, self.given = Counter(), []

    def receive(self, rows, **_):
        self.given.append(rows)

    def checkpoint(self):
        return []

    def resume(self, memory):
        pass


def exchange_of():
    keys = [Ed25519PrivateKey.from_private_bytes(bytes([k] * 32)) for k in (1, 2)]
    fusion = Hears()
    exchange = Exchange(
        "JPN",
        key=keys[0],
        policy=parse(ALL, ACTIONS),
        secrets=Secrets(SECRET),
        partners={"USA": Partner(keys=(keys[1].public_key(),))},
        fusion=fusion,
        sensor_types=SENSORS,
        new_policy=lambda *_: None,
        store_of=lambda _: MemoryStore(),
    )
    exchange.start(START_NS)
    return exchange, fusion


def later(tracks, s):
    return tracks.replace(time_ns=tracks.time_ns + s * SECOND, updated_ns=tracks.updated_ns + s * SECOND)


def test_some_tracks_are_told_before_the_rest_and_not_twice():
    exchange, fusion = exchange_of()
    tracks = tracks_of(6, status=np.full(6, TrackStatus.FIRM, np.uint8))
    exchange.share(tracks, START_NS, is_whole=True)
    some = later(take(tracks, np.array([1, 4])), 1)
    exchange.share_some(some, START_NS + SECOND)
    exchange.share_some(some, START_NS + SECOND)  # nothing is new
    assert [len(rows) for rows in fusion.given] == [6, 2]
    rest = take(tracks, np.array([0, 2, 3, 5]))
    now_ns = START_NS + 2 * SECOND
    exchange.share(later(rest, 2), now_ns, is_whole=True)  # the two are gone
    told = fusion.given[-1]
    assert len(told) == 6
    assert (told.status == TrackStatus.LOST).sum() == 2


def test_a_track_that_began_and_ended_between_two_whole_pictures_is_told_to_be_gone():
    exchange, fusion = exchange_of()
    tracks = tracks_of(3, status=np.full(3, TrackStatus.FIRM, np.uint8))
    exchange.share(take(tracks, np.arange(2)), START_NS, is_whole=True)
    exchange.share_some(take(tracks, np.array([2])), START_NS + SECOND // 2)
    exchange.share(later(take(tracks, np.arange(2)), 1), START_NS + SECOND, is_whole=True)
    first, lost = fusion.given[1], fusion.given[-1]
    assert lost.track_id[lost.status == TrackStatus.LOST].tolist() == first.track_id.tolist()


@pytest.mark.parametrize("resumes", [False, True])
def test_where_changes_alone_are_told_a_threat_that_goes_on_unmeasured_is_told_again(resumes):
    """What falls unseen stays in partners' pictures, until its own node has it no more."""
    exchange, fusion = exchange_of()
    state = tracks_of(1).state_ecef * np.array([1.0, 1.0, 1.0, 15.0, 15.0, 15.0])
    falls = np.eye(len(Kind))[[Kind.BALLISTIC]]
    seen = tracks_of(1, state_ecef=state, kind_probability=falls, status=np.full(1, TrackStatus.FIRM, np.uint8))
    looked = Detections.of(
        sensor="radar", components=("range_m", "azimuth_rad", "altitude_m"), time_ns=np.array([START_NS]),
        values=np.array([[150_000.0, 0.5, 10_000.0]]),
    )  # fmt: skip
    held, nothing = {"n": 1}, empty_launches("JPN")

    def node_of(exchange):
        tracker = Tracker(node="JPN", sensor_names=("radar",), motions=(Motion.of(),))
        sensors = {"radar": Sensor.at(SITE)}
        node = Node("JPN", sensors=sensors, tracker=tracker, window_ns=SECOND, exchange=exchange)
        node.own.detect = lambda *_: Told((), seen, nothing)
        node.own.picture = lambda at_ns: take(
            seen.replace(time_ns=np.array([at_ns]), status=np.full(1, TrackStatus.COASTING, np.uint8)),
            np.arange(held["n"]),
        )
        return node

    node = node_of(exchange)
    node.receive(looked, START_NS)
    for s in range(1, 200):
        held["n"] = int(s < 130)
        if resumes and s == 50:
            memory, given = node.checkpoint(), fusion.given
            exchange, fusion = exchange_of()
            node, fusion.given = node_of(exchange), given
            node.resume(memory)
        while (due_ns := node.wake_ns()) is not None and due_ns <= START_NS + s * SECOND:
            node.wake(due_ns)
    told_s = [(int(rows.time_ns[0]) - START_NS) // SECOND for rows in fusion.given]
    assert told_s == [0, 20, 40, 60, 80, 100, 120]
    alone = node_of(None)
    alone.receive(looked, START_NS + 200 * SECOND)
    assert alone.wake_ns() is None
