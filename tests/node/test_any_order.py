"""Three nodes that hold the same messages have the same picture, in whatever order these came and were looked at."""

import numpy as np
import pytest
from sharing_scenes import ACTIONS, PASS_ALL, SECOND, SENSORS, START_NS, tracks_of

from noroshi.fusion import Fusion
from noroshi.node.exchange import Exchange, Partner
from noroshi.records import Frame, TrackStatus, digest, take
from noroshi.run.sharing import own_of_exercise
from noroshi.sharing.memory_store import MemoryStore
from noroshi.sharing.release import Secrets
from noroshi.sharing.rules import parse

EXERCISE = "orders"
NATIONS = ("AUS", "JPN", "USA")
N, SECONDS = 6, 12
RULES = PASS_ALL.replace("then", f'exercises = ["{EXERCISE}"]\nthen')


def node_of(nation):
    own = own_of_exercise(EXERCISE, 1, nation)
    others = [code for code in NATIONS if code != nation]
    named = "".join(f'{code} = "close"\n' for code in others)
    exchange = Exchange(
        nation,
        key=own.key,
        policy=parse(f'nation = "{nation}"\n[partners]\n{named}{RULES}', ACTIONS),
        secrets=Secrets(own.secret),
        partners={code: Partner(keys=(own_of_exercise(EXERCISE, 1, code).key.public_key(),)) for code in others},
        new_policy=lambda kind, content, policy, now_ns: policy,
        store_of=lambda code: MemoryStore(),
        fusion=Fusion(nation),
        sensor_types=SENSORS,
        exercise=EXERCISE,
    )
    exchange.start(START_NS)
    return exchange


def seen(nation, second, seed):
    """What a nation's own sensors tell at one time: common targets with its own errors; one of its tracks ends."""
    truth = tracks_of(N, rng=np.random.default_rng(seed))
    rng = np.random.default_rng([seed, NATIONS.index(nation), second])
    state = truth.state_ecef.copy()
    state[:, :3] += second * state[:, 3:]
    state += rng.normal(size=state.shape) * np.sqrt(np.diagonal(truth.covariance_ecef, axis1=1, axis2=2))
    status = np.full(N, TrackStatus.FIRM, np.uint8)
    tracks = truth.replace(
        node=nation,
        track_id=truth.track_id + np.uint64(1000 * NATIONS.index(nation)),
        time_ns=np.full(N, START_NS + second * SECOND),
        updated_ns=np.full(N, START_NS + second * SECOND),
        state_ecef=state,
        status=status,
    )
    return tracks if second < SECONDS // 2 else take(tracks, np.arange(NATIONS.index(nation) % 2, N))


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_arrival_gives_the_same_picture(seed):
    rng = np.random.default_rng(seed)
    nodes = {nation: node_of(nation) for nation in NATIONS}
    hello = [(a, b, out.record) for a in NATIONS for out in waken(nodes[a], START_NS) for b in [out.record.partner]]
    for sender, recipient, frame in hello:
        nodes[recipient].hear(Frame.of(sender, frame.bytes()), START_NS)
    waiting = []
    for second in range(SECONDS):
        now_ns = START_NS + second * SECOND
        for nation, node in nodes.items():
            node.share(seen(nation, second, seed), now_ns, is_whole=True)
            for out in waken(node, now_ns):
                beacon = out.record.bytes()[:1] == b"B"
                waiting.append((nation, out.record.partner, out.record.bytes(), beacon))
        for sender, recipient, content, beacon in waiting:
            if beacon:
                nodes[recipient].hear(Frame.of(sender, content), now_ns)
        waiting = [each for each in waiting if not each[3]]
        rng.shuffle(waiting)
        n_now = rng.integers(len(waiting) + 1)
        for sender, recipient, content, _ in waiting[:n_now]:
            nodes[recipient].hear(Frame.of(sender, content), now_ns)
            if rng.random() < 0.3:
                nodes[recipient].picture(now_ns - rng.integers(3) * SECOND)
        waiting = waiting[n_now:]
    for sender, recipient, content, _ in waiting:
        nodes[recipient].hear(Frame.of(sender, content), now_ns)
    assert all(not channel.receiver.gaps for node in nodes.values() for channel in node.channels.values())
    pictures = [node.picture(now_ns) for node in nodes.values()]
    assert pictures[0].sources.sum(axis=1).max() == len(NATIONS)
    assert len(pictures[0]) < len(NATIONS) * N  # joined
    assert len({digest(picture.replace(node="")) for picture in pictures}) == 1


def waken(node, now_ns):
    node.wake(now_ns)
    return [out for out in node.take() if out.channel == "frame"]
