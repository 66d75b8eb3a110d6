"""From a live node to its edges: own and foreign viewers, exercises marked on every way, mistakes in one line."""

import json
import types
import urllib.request
from collections import Counter

import pytest
from asterix import base, generated
from edge_scenes import SECRET, SENSORS, START_NS, datagrams, policy_of, tracks_of, udp_receiver

from noroshi.node.outgoing import Outgoing
from noroshi.run.edges import EdgeError
from noroshi.run.feeds.simulated import Feed as Simulated
from noroshi.run.live import running
from noroshi.run.live.ways_out import WaysOut
from noroshi.run.sharing import Sharing
from noroshi.sharing.label import ALL_PARTNERS, Label
from noroshi.sharing.release import Secrets

RULES = '[[rules]]\nrule = "sure"\nto = ["USA"]\nproducts = ["contribution"]\nthen = "pass"\nexistence_min = 0.6\n'


def node_of(rules=RULES, exercise=None):
    exchange = types.SimpleNamespace(
        policy=policy_of(rules), secrets=Secrets(SECRET), exercise=exercise, sensor_types=SENSORS,
        label=Label(originator="JPN", releasable_to=(ALL_PARTNERS,)), channels={},
    )  # fmt: skip
    return types.SimpleNamespace(exchange=exchange, refused=Counter(), sensors={}, name="JPN", watch=None)


def picture(ways_out, token):
    (edge, _), *_ = ways_out._edges
    host, port = edge.address
    asked = urllib.request.Request(f"http://{host}:{port}/v1/picture", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def test_the_own_nation_sees_what_is_fused_and_others_what_is_released():
    edges = [{"type": "stream", "address": "127.0.0.1:0", "viewers": {"j": "JPN", "u": "USA", "k": "KOR"}}]
    ways_out = WaysOut("JPN", node_of(), SECRET, edges, exercise=None, now_ns=lambda: START_NS)
    own, fused = tracks_of(20), tracks_of(30).replace(source_names=("JPN", "GBR", "AUS"))
    ways_out.hear(Outgoing("tracks", own), START_NS)
    ways_out.hear(Outgoing("fused", fused), START_NS)
    seen = {token: picture(ways_out, token)["tracks"] for token in "juk"}
    assert sorted(seen["j"]["id"]) == sorted(fused.track_id.tolist())
    assert len(seen["u"]["id"]) == (own.existence >= 0.6).sum()
    assert not {"GBR", "AUS"} & {name for names in seen["u"]["sources"] for name in names}
    assert seen["k"]["id"] == []
    ways_out.close()


@pytest.mark.parametrize("exercise", [None, "KEEN"])
def test_what_is_not_real_says_so_on_the_way_out(exercise):
    receiver = udp_receiver()
    edges = [{"type": "udp_asterix", "address": f"127.0.0.1:{receiver.getsockname()[1]}"}]
    alone = types.SimpleNamespace(exchange=None, refused=Counter())
    ways_out = WaysOut("JPN", alone, SECRET, edges, exercise=exercise, now_ns=lambda: START_NS)
    ways_out.hear(Outgoing("fused", tracks_of(5)), START_NS)
    flags = set()
    for block in datagrams(receiver):
        for record in generated.manifest["CATS"][62][-1].cv_uap.parse(base.Bits.from_bytes(block[3:])):
            flags.add(record.get_item("080").variation.get_item("SIM").as_uint())
    assert flags == {int(exercise is not None)}
    ways_out.close()
    receiver.close()


def test_simulated_sensors_are_an_exercise_and_never_shared_as_real():
    feed = object.__new__(Simulated)
    shared = {name: Sharing(policy="", partners={}, exercise=name, pump_s=0.0) for name in ("KEEN", None)}
    assert running._exercise([], None) is None
    assert running._exercise([], shared[None]) is None
    assert running._exercise([feed], None) == "SIMULATED"
    assert running._exercise([feed], shared["KEEN"]) == "KEEN"
    with pytest.raises(ValueError, match="take them for real"):
        running._exercise([feed], shared[None])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "udp_asterix", "adress": "127.0.0.1:1"}, "unexpected keyword argument 'adress'"),
        ({"type": "cot_tcp", "listen": "0.0.0.0:0"}, "can be reached from elsewhere"),
        (
            {"type": "cot_tcp", "listen": "0.0.0.0:0", "tls": {"certificate": "a", "key": "b", "authority": "c"}},
            "cannot be used",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(settings, message):
    with pytest.raises(EdgeError, match=message) as caught:
        WaysOut("JPN", node_of(), SECRET, [settings], exercise=None, now_ns=lambda: START_NS)
    assert "\n" not in str(caught.value)
