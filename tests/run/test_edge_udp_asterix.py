"""Category 062 out over UDP: libasterix reads every item back, datagrams are small, numbers stay, ends are told."""

import math
import socket

import numpy as np
import pytest
from asterix import base, generated
from edge_scenes import START_NS, datagrams, moved, tracks_of, udp_receiver, view_of, views_of

from noroshi.geo.curvature import radii_of_curvature_m
from noroshi.geo.time import NS_PER_DAY, NS_PER_S
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import TrackStatus, take
from noroshi.run.edges import EdgeError
from noroshi.run.edges.udp_asterix import Edge

UAP = generated.manifest["CATS"][62][-1].cv_uap
STEP_RAD = math.radians(180 / 2**25)


@pytest.fixture
def line():
    receiver = udp_receiver()
    edge = Edge(f"127.0.0.1:{receiver.getsockname()[1]}", viewer="USA", sac=12, sic=34)
    yield edge, receiver
    edge.close()
    receiver.close()


def records(blocks):
    found = []
    for block in blocks:
        assert len(block) <= 1400
        assert block[0] == 62
        assert int.from_bytes(block[1:3], "big") == len(block)
        parsed = UAP.parse(base.Bits.from_bytes(block[3:]))
        assert not isinstance(parsed, ValueError)
        found += parsed
    return found


def get(record, *path):
    node = record
    for name in path:
        if node is None:
            return None
        node = node.get_item(name) if node.__class__.__name__.startswith("Record") else node.variation.get_item(name)
    return node


def quantity(record, *path, unit):
    return get(record, *path).variation.content.as_quantity(unit)


def number(record):
    return get(record, "040").as_uint()


def test_every_item_is_what_was_released_to_within_half_its_step(line):
    edge, receiver = line
    tracks = tracks_of(200, status=np.arange(200, dtype=np.uint8) % 3)
    view = view_of(tracks)
    edge.send(view, START_NS)
    found = records(datagrams(receiver))
    told = view.tracks
    assert len(found) == len(told) == 200
    lat, lon, height = geodetic_from_ecef(told.state_ecef[:, :3])
    axes = enu_axes(lat, lon)
    velocity = np.matvec(axes, told.state_ecef[:, 3:])
    place = axes @ told.covariance_ecef[:, :3, :3] @ axes.swapaxes(1, 2)
    motion = axes @ told.covariance_ecef[:, 3:, 3:] @ axes.swapaxes(1, 2)
    meridian, across = radii_of_curvature_m(lat)
    foot = 0.3048
    for i, record in enumerate(found):
        assert (get(record, "010", "SAC").as_uint(), get(record, "010", "SIC").as_uint()) == (12, 34)
        assert number(record) == told.track_id[i] % np.uint64(65_536)
        assert quantity(record, "070", unit="s") == told.time_ns[i] % NS_PER_DAY / NS_PER_S
        east, north, up = np.sqrt(np.diag(place[i]))
        along = np.sqrt(np.diag(motion[i]))
        shared = np.sign(place[i, 0, 1]) * math.sqrt(abs(place[i, 0, 1]))
        for path, unit, wanted, step in (
            (("105", "LAT"), "°", math.degrees(lat[i]), 180 / 2**25),
            (("105", "LON"), "°", math.degrees(lon[i]), 180 / 2**25),
            (("185", "VX"), "m/s", velocity[i, 0], 0.25),
            (("185", "VY"), "m/s", velocity[i, 1], 0.25),
            (("220",), "ft/min", velocity[i, 2] / foot * 60, 6.25),
            (("130",), "ft", height[i] / foot, 6.25),
            (("500", "APC", "X"), "m", east, 0.5),
            (("500", "APC", "Y"), "m", north, 0.5),
            (("500", "COV"), "m", shared, 0.5),
            (("500", "APW", "LAT"), "°", math.degrees(north / meridian[i]), 180 / 2**25),
            (("500", "APW", "LON"), "°", math.degrees(east / (across[i] * math.cos(lat[i]))), 180 / 2**25),
            (("500", "AGA"), "ft", up / foot, 6.25),
            (("500", "ATV", "X"), "m/s", along[0], 0.25),
            (("500", "ATV", "Y"), "m/s", along[1], 0.25),
            (("500", "ARC"), "ft/min", along[2] / foot * 60, 6.25),
        ):
            largest = {("500", "ARC"): 255 * 6.25, ("500", "AGA"): 255 * 6.25}.get(path, math.inf)
            wanted = min(wanted, largest)
            assert quantity(record, *path, unit=unit) == pytest.approx(wanted, abs=step / 2 * 1.001), path
        who = told.identity
        for path, value in (
            (("060", "MODE3A"), who.mode_3a[i]),
            (("380", "ADR"), who.icao_address[i]),
        ):
            item = get(record, *path)
            assert (item is None) == (value < 0)
            assert item is None or item.as_uint() == value
        sign = get(record, "380", "ID")
        assert (sign is None) == (who.call_sign[i] == "")
        assert sign is None or sign.variation.content.as_string().strip() == who.call_sign[i]
        flags = [get(record, "080", name) for name in ("SIM", "CNF", "TSE", "CST")]
        status = told.status[i]
        assert [flag.as_uint() for flag in flags] == [
            0, status == TrackStatus.TENTATIVE, 0, status == TrackStatus.COASTING,
        ]  # fmt: skip
    assert edge.counters()["datagrams"] > 1


def test_an_exercise_is_marked_as_simulated_in_every_record(line):
    edge, receiver = line
    rules = '[[rules]]\nrule = "all"\nto = ["USA"]\nproducts = ["contribution"]\nthen = "pass"\nexercises = ["KEEN"]\n'
    views = views_of(rules=rules, exercise="KEEN")
    views.receive(tracks_of(30), START_NS)
    edge.send(views.see("USA", START_NS), START_NS)
    edge.send(views.see("USA", START_NS + 100 * NS_PER_S), START_NS + 100 * NS_PER_S)  # they have gone
    found = records(datagrams(receiver))
    assert len(found) == 60
    assert {get(record, "080", "SIM").as_uint() for record in found} == {1}
    assert sum(get(record, "080", "TSE").as_uint() for record in found) == 30


def test_what_changed_is_sent_at_once_and_everything_now_and_then(line):
    edge, receiver = line
    views, tracks = views_of(), tracks_of(10)
    views.receive(tracks, START_NS)
    counts = []
    for second in range(8):
        now_ns = START_NS + second * NS_PER_S
        if second == 2:
            views.receive(take(moved(tracks, 2), np.arange(3)), now_ns)
        edge.send(views.see("USA", now_ns), now_ns)
        counts.append(len(records(datagrams(receiver))))
    assert counts == [10, 0, 3, 0, 0, 10, 0, 0]


def test_two_tracks_never_share_a_number_and_each_keeps_its_own(line):
    edge, receiver = line
    views = views_of(viewers=("JPN",))  # who sees the node's own numbers
    edge.viewer = "JPN"
    ids = np.array([7, 7 + (1 << 16), 7 + (2 << 16), 8, (1 << 16) - 1, (2 << 16) - 1], np.uint64)
    tracks = tracks_of(6, track_id=ids)
    told = []
    for second in (0, 1):
        views.receive(moved(tracks, second), START_NS + second * NS_PER_S)
        edge.send(views.see("JPN", START_NS + second * NS_PER_S), START_NS + second * NS_PER_S)
        told.append({quantity(one, "105", "LAT", unit="°"): number(one) for one in records(datagrams(receiver))})
    assert len(set(told[0].values())) == 6
    assert set(told[0].values()) == {7, 8, 9, 10, 65_535, 0}
    assert sorted(told[0].values()) == sorted(told[1].values())
    later_ns = START_NS + 90 * NS_PER_S
    edge.send(views.see("JPN", later_ns), later_ns)
    ended = records(datagrams(receiver))
    assert sorted(number(one) for one in ended) == [0, 7, 8, 9, 10, 65_535]
    views.receive(tracks_of(1, track_id=ids[2:3], time_ns=later_ns), later_ns)
    edge.send(views.see("JPN", later_ns), later_ns)
    assert [number(one) for one in records(datagrams(receiver))] == [7]  # free again


def test_the_end_of_what_is_no_longer_seen_tells_only_its_number(line):
    edge, receiver = line
    views = views_of()
    views.receive(tracks_of(4), START_NS)
    edge.send(views.see("USA", START_NS), START_NS)
    datagrams(receiver)
    later_ns = START_NS + 90 * NS_PER_S
    edge.send(views.see("USA", later_ns), later_ns)
    for record in records(datagrams(receiver)):
        assert get(record, "080", "TSE").as_uint() == 1
        assert quantity(record, "070", unit="s") == START_NS % NS_PER_DAY / NS_PER_S
        items = ("010", "040", "060", "070", "080", "100", "105", "130", "136", "185", "220", "380", "500")
        there = {name for name in items if record.get_item(name) is not None}
        assert there == {"010", "040", "070", "080"}


def test_multicast_arrives():
    group = "239.77.6.2"
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("", 0))
    receiver.settimeout(0.5)
    try:
        receiver.setsockopt(
            socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
        )
    except OSError:
        receiver.close()
        pytest.skip("this machine has no multicast on its loopback")
    edge = Edge(f"{group}:{receiver.getsockname()[1]}", viewer="USA", interface="127.0.0.1")
    edge.send(view_of(tracks_of(40)), START_NS)
    assert len(records(datagrams(receiver))) == 40
    edge.close()
    receiver.close()


def test_another_viewers_picture_and_nonsense_are_refused(line):
    edge, _ = line
    with pytest.raises(ValueError, match="a view of KOR on the way to USA"):
        edge.send(view_of(tracks_of(1), viewer="KOR"), START_NS)
    for said in ({"sac": 256}, {"sic": -1}, {"ttl": 256}):
        with pytest.raises(EdgeError, match="must be 0 to 255"):
            Edge("127.0.0.1:8600", viewer="USA", **said)
    for address in ("127.0.0.1", "127.0.0.1:", ":8600", "127.0.0.1:70000", "127.0.0.1:x"):
        with pytest.raises(EdgeError, match="no address"):
            Edge(address, viewer="USA")
    with pytest.raises(EdgeError, match="cannot send to"):
        Edge("no-such-host.invalid:8600", viewer="USA")


def test_what_cannot_be_sent_is_counted(line):
    edge, _ = line
    edge.close()
    edge.send(view_of(tracks_of(1)), START_NS)
    assert edge.counters()["not_sent"] == 1
