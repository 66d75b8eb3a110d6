"""Datagrams over the loopback: unicast, multicast, damage, floods, wrong clocks."""

import contextlib
import socket
import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from feed_scenes import NS_PER_S, Ear, plots, real_datagrams, until

from noroshi.records import Detections, Status, Tracks
from noroshi.run.feeds.clocks import FAR
from noroshi.run.feeds.inbox import Inbox
from noroshi.run.player import Sender


@contextlib.contextmanager
def sending(ear):
    """Give what sends a datagram to a feed."""
    out = Sender("127.0.0.1", ear.feed.port)
    try:
        yield out.send
    finally:
        out.close()


def test_plots_come_with_the_day_and_the_time_of_arrival():
    plots(0)  # compiles
    with Ear("udp://127.0.0.1:0") as ear, sending(ear) as send:
        now_ns = time.time_ns()
        for age_s in (0.5, 0.4, 0.3):
            send(plots(now_ns - round(age_s * NS_PER_S)))
        assert until(lambda: ear.rows() == 15)
        newest = ear.batches[-1]
        assert newest.sensor == "012/034"
        assert abs(int(newest.time_ns[0]) - (now_ns - 300_000_000)) < NS_PER_S // 128
        assert now_ns <= newest.received_ns <= time.time_ns()
        assert len(set(newest.identity.icao_address.tolist())) == len(newest)
        assert ear.feed.sites()["012/034"].type == "search_radar"
        health = ear.feed.health
        assert (health.n_messages, health.n_rows, health.n_dropped) == (3, 15, 0)
        assert health.n_records == 15
        assert 0.2 < health.behind_ns["012/034"] / NS_PER_S < 5.0
        assert not health.clock_ns


def test_datagrams_that_come_together_are_handed_on_together():
    with Ear("udp://127.0.0.1:0") as ear, sending(ear) as send:
        for _ in range(200):
            send(plots(time.time_ns(), n=1))
        assert until(lambda: ear.feed.health.n_messages == 200)
        assert 0 < ear.n_arrived < 50
        assert ear.rows() == 200


def test_a_group_is_joined():
    group = "239.255.77.7"
    try:
        ear = Ear(f"udp://{group}:0?interface=127.0.0.1")
    except ValueError as error:
        pytest.skip(f"this machine joins no multicast group: {error}")
    with ear, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        try:
            for _ in range(5):
                out.sendto(plots(time.time_ns()), (group, ear.feed.port))
        except OSError as error:
            pytest.skip(f"this machine sends no multicast: {error}")
        if not until(lambda: ear.feed.health.n_messages == 5, 3.0):
            pytest.skip("this machine does not deliver multicast over its loopback")
        assert ear.rows() == 25
        # What comes to the port but not to the group is somebody else's.
        out.sendto(plots(time.time_ns()), ("127.0.0.1", ear.feed.port))
        time.sleep(0.2)
        assert ear.feed.health.n_messages == 5


def test_two_listen_to_one_group_by_an_interface_of_that_name():
    names = [name for _, name in socket.if_nameindex()]
    if "lo" not in names:
        pytest.skip(f"no interface lo; there are {sorted(names)}")
    try:
        first = Ear("udp://239.255.77.8:0?interface=lo")
        second = Ear(f"udp://239.255.77.8:{first.feed.port}?interface=lo")
    except ValueError as error:
        pytest.skip(f"this machine joins no multicast group: {error}")
    with first, second, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        try:
            out.sendto(plots(time.time_ns()), ("239.255.77.8", first.feed.port))
        except OSError as error:
            pytest.skip(f"this machine sends no multicast: {error}")
        if not until(lambda: first.rows() == 5, 3.0):
            pytest.skip("this machine does not deliver multicast over its loopback")
        assert until(lambda: second.rows() == 5)


def test_a_recording_of_another_time_is_brought_to_now():
    """Twenty-two minutes of system tracks, as fast as they go, keep their times of day; the first thirty seconds, live,
    are moved by one and the same amount."""
    datagrams = real_datagrams("jade_italy_cat062_063_065_30min.ff", 60)
    with Ear("udp://127.0.0.1:0") as ear, sending(ear) as send:
        for datagram in datagrams:
            send(datagram)
            time.sleep(0.02)
        assert until(lambda: ear.feed.health.n_messages == len(datagrams))
        ear.hear()
        tracks = [batch for batch in ear.batches if isinstance(batch, Tracks)]
        health = ear.feed.health
        assert tracks
        added_ns = health.clock_ns["033/018"]
        assert abs(added_ns) < 12.1 * 3600 * NS_PER_S
        assert all(abs(time.time_ns() - int(batch.time_ns.max())) < 40 * NS_PER_S for batch in tracks)
        # What came before the clock was known is counted, nothing is lost in silence.
        n_given = sum(len(batch) for batch in tracks)
        assert n_given + health.damage[FAR] == health.counts["category 062 system track"]
        assert any(isinstance(batch, Status) for batch in ear.batches)


def test_one_damaged_time_changes_no_clock():
    with Ear("udp://127.0.0.1:0") as ear, sending(ear) as send:
        for late_s in (1, 1, 7200, 1, 1, -7200, 1):
            send(plots(time.time_ns() - late_s * NS_PER_S))
            time.sleep(0.08)
        assert until(lambda: ear.rows() == 25)
        assert not ear.feed.health.clock_ns
        assert ear.feed.health.damage[FAR] == 10


def test_damaged_datagrams_are_counted_and_never_raised():
    real = real_datagrams("cro_cat_034_048.pcap", 100) + real_datagrams("jade_italy_cat062_063_065_30min.ff", 200)
    rng = np.random.default_rng(7)
    with Ear("udp://127.0.0.1:0") as ear, sending(ear) as send:
        n = 5_000
        for i in range(n):
            data = bytearray(real[rng.integers(len(real))])
            for at in rng.integers(0, len(data), rng.integers(1, 6)).tolist():
                data[at] = rng.integers(256)
            send(bytes(data[: rng.integers(1, len(data) + 1)] if i % 3 == 0 else data))
            if i % 100 == 99:
                time.sleep(0.005)
        assert until(lambda: ear.feed.health.n_messages + ear.feed.health.n_dropped >= n)
        ear.hear()
        health = ear.feed.health
        assert sum(health.damage.values()) > n / 4
        assert not [reason for reason in health.damage if reason.startswith("not decoded")]
        for batch in ear.batches:
            if isinstance(batch, Detections):
                assert (np.abs(batch.received_ns - batch.time_ns) < 31 * NS_PER_S).all()


def test_a_flood_fills_no_memory_and_is_counted(monkeypatch):
    monkeypatch.setattr(
        "noroshi.run.feeds.inbox.Inbox.__init__.__kwdefaults__", {"messages_max": 500, "bytes_max": 10**6}
    )
    block = plots(time.time_ns())
    with Ear("udp://127.0.0.1:0") as ear, sending(ear) as send:
        tracemalloc.start()
        grown = []
        for _ in range(4):
            for i in range(3_000):
                send(block)
                if i % 50 == 49:
                    time.sleep(0.001)
            time.sleep(0.2)
            grown.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        health = ear.feed.health
        assert health.n_messages + health.n_dropped >= 12_000
        assert ear.rows() == 500 * 5
        assert health.n_dropped >= 12_000 - 500
        assert max(grown) < 2 * 10**6


def test_an_inbox_drops_the_oldest_by_number_and_by_size():
    inbox = Inbox(lambda: None, messages_max=3, bytes_max=100)
    inbox.put([(i, 10) for i in range(5)])
    assert inbox.take() == [2, 3, 4]
    inbox.put([("small", 10), ("large", 95)])
    assert inbox.take() == ["large"]
    assert (inbox.n_messages, inbox.n_bytes, inbox.n_dropped) == (7, 155, 3)


def test_sentences_of_ships_need_not_end():
    sentence = b"!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C"
    with Ear("udp+ais://127.0.0.1:0") as ear, sending(ear) as send:
        send(sentence)
        send(sentence.replace(b"5C", b"5D"))
        assert until(lambda: ear.rows() == 1)
        batch = ear.batches[0]
        assert batch.identity.mmsi.tolist() == [477553000]
        assert abs(int(batch.time_ns[0]) - time.time_ns()) < 5 * NS_PER_S
        assert Counter(ear.feed.health.damage) == {"wrong checksum": 1}
        assert ear.feed.sites()[batch.sensor].parameters == {"surface": 1.0}
