"""Containers: each gives its datagrams and times back; what is damaged is counted and the rest is read."""

import struct
from collections import Counter

import numpy as np
import pytest

from noroshi.formats.asterix.framing import NOT_UDP, datagrams

PAYLOAD = bytes.fromhex("220010f6190e023a692b408840408000")  # one block of category 034
WHEN_NS = 1_700_000_000_123_456_789


def udp(payload):
    return struct.pack(">4H", 4000, 8600, 8 + len(payload), 0) + payload


def ipv4(payload, fragment=0x4000, protocol=17, options=b""):
    size = 20 + len(options)
    header = struct.pack(
        ">2B3H2BH8s", 0x40 | size // 4, 0, size + 8 + len(payload), 1, fragment, 1, protocol, 0, bytes(8)
    )
    return header + options + udp(payload)


def ipv6(payload, extensions=b"", first=17):
    body = extensions + udp(payload)
    return struct.pack(">IHBB32s", 6 << 28, len(body), first, 1, bytes(32)) + body


def ethernet(packet, kind=0x0800, tags=b""):
    return bytes(12) + tags + kind.to_bytes(2, "big") + packet


def pcap(link, packets, order="<", fine=False, times_ns=None):
    magic = 0xA1B23C4D if fine else 0xA1B2C3D4
    data = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    for i, packet in enumerate(packets):
        when_ns = times_ns[i] if times_ns else WHEN_NS
        seconds, rest = divmod(when_ns, 10**9)
        data += struct.pack(order + "4I", seconds, rest if fine else rest // 1000, len(packet), len(packet)) + packet
    return data


def read(data):
    counts, damage = Counter(), Counter()
    return list(datagrams(data, counts, damage)), counts, damage


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("fine", [False, True])
def test_pcap_byte_orders_and_steps_of_time(order, fine):
    found, counts, damage = read(pcap(1, [ethernet(ipv4(PAYLOAD))], order, fine))
    assert found == [(WHEN_NS if fine else WHEN_NS // 1000 * 1000, PAYLOAD)]
    assert not counts
    assert not damage


LINKS = {
    "Ethernet with trailing bytes": (1, ethernet(ipv4(PAYLOAD) + bytes(20))),
    "one VLAN tag": (1, ethernet(ipv4(PAYLOAD), tags=b"\x81\x00\x00\x05")),
    "two VLAN tags": (1, ethernet(ipv4(PAYLOAD), tags=b"\x88\xa8\x00\x05\x81\x00\x00\x06")),
    "Ethernet, IPv6": (1, ethernet(ipv6(PAYLOAD), 0x86DD)),
    "IPv6 with a hop-by-hop header": (1, ethernet(ipv6(PAYLOAD, bytes([17, 0, *bytes(6)]), 0), 0x86DD)),
    "IPv4 with options": (101, ipv4(PAYLOAD, options=bytes(8))),
    "raw IP": (101, ipv4(PAYLOAD)),
    "raw IP, version 6": (101, ipv6(PAYLOAD)),
    "raw IPv4": (228, ipv4(PAYLOAD)),
    "loopback": (0, b"\x02\x00\x00\x00" + ipv4(PAYLOAD)),
    "OpenBSD loopback": (108, b"\x00\x00\x00\x02" + ipv4(PAYLOAD)),
    "Linux cooked": (113, bytes(14) + b"\x08\x00" + ipv4(PAYLOAD)),
    "Linux cooked 2": (276, b"\x08\x00" + bytes(18) + ipv4(PAYLOAD)),
}


@pytest.mark.parametrize("name", LINKS)
def test_pcap_link_types(name):
    link, packet = LINKS[name]
    found, counts, damage = read(pcap(link, [packet]))
    assert [payload for _, payload in found] == [PAYLOAD]
    assert not counts
    assert not damage


def test_pcap_what_is_not_udp_is_counted_and_fragments_are_damage():
    arp, tcp = ethernet(bytes(28), 0x0806), ethernet(ipv4(PAYLOAD, protocol=6))
    first, second = ethernet(ipv4(PAYLOAD, fragment=0x2000)), ethernet(ipv4(PAYLOAD, fragment=0x00B9))
    fragment6 = ethernet(ipv6(PAYLOAD, bytes(8), 44), 0x86DD)
    short = ethernet(ipv4(PAYLOAD))[:40]
    found, counts, damage = read(pcap(1, [arp, tcp, first, second, fragment6, short, ethernet(ipv4(PAYLOAD))]))
    assert len(found) == 1
    assert counts == {NOT_UDP: 2}
    assert damage == {"IPv4 fragment": 2, "IPv6 fragment": 1, "UDP packet cut short": 1}
    _, _, damage = read(pcap(147, [ethernet(ipv4(PAYLOAD))]))
    assert damage == {"packet of a link type that is not read": 1}


def test_pcap_goes_on_after_a_damaged_record():
    packets = [ethernet(ipv4(PAYLOAD + bytes([i]))) for i in range(20)]
    whole = pcap(1, packets)
    size = 16 + len(packets[0])
    for bit in range(32):
        damaged = bytearray(whole)
        damaged[24 + 5 * size + 8 + bit // 8] ^= 1 << bit % 8  # the length of the sixth record
        found, _, damage = read(bytes(damaged))
        assert 17 <= len(found) <= 20
        assert damage.total() >= 1
    found, _, damage = read(whole[: 24 + 5 * size + 30])
    assert (len(found), damage.total()) == (5, 1)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


SECTION = pcapng_block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def enhanced(packet, steps, interface=0):
    return pcapng_block(
        6, struct.pack("<5I", interface, steps >> 32, steps & 0xFFFFFFFF, len(packet), len(packet)) + packet
    )


def test_pcapng():
    packet = ethernet(ipv4(PAYLOAD))
    microseconds = pcapng_block(1, struct.pack("<HHI", 1, 0, 0))
    nanoseconds = pcapng_block(
        1, struct.pack("<HHI", 101, 0, 0) + option(2, b"eth0") + option(9, b"\x09") + option(0, b"")
    )
    binary = pcapng_block(1, struct.pack("<HHI", 101, 0, 0) + option(9, b"\x8a"))
    data = SECTION + microseconds + nanoseconds + binary
    data += (
        enhanced(packet, WHEN_NS // 1000) + enhanced(ipv4(PAYLOAD), WHEN_NS, 1) + enhanced(ipv6(PAYLOAD), 3 * 1024, 2)
    )
    data += pcapng_block(5, bytes(12)) + pcapng_block(3, struct.pack("<I", len(packet)) + packet)
    found, counts, damage = read(data)
    assert found == [
        (WHEN_NS // 1000 * 1000, PAYLOAD),
        (WHEN_NS, PAYLOAD),
        (3_000_000_000, PAYLOAD),
        (None, PAYLOAD),
    ]
    assert not counts
    assert not damage
    damaged = bytearray(data)
    damaged[len(SECTION + microseconds + nanoseconds + binary) + 4] ^= 0x40  # the length of the first packet's block
    found, _, damage = read(bytes(damaged))
    assert len(found) == 3
    assert damage.total() == 1
    assert read(data + enhanced(packet, 1, 7))[2] == {"capture block of an interface that is not described": 1}


def final_frame(payload):
    header = struct.pack(">HBBB3s", 12 + len(payload), 0, 1, 0, (100).to_bytes(3, "big"))
    return header + payload + b"\xa5\xa5\xa5\xa5"


def test_final_frames():
    payloads = [PAYLOAD + bytes([i]) for i in range(9)]
    data = b"".join(final_frame(payload) for payload in payloads)
    assert read(data)[0] == [(None, payload) for payload in payloads]
    size = len(final_frame(payloads[0]))
    damaged = bytearray(data)
    damaged[4 * size + 1] ^= 0x10
    found, _, damage = read(bytes(damaged))
    assert [payload for _, payload in found] == payloads[:4] + payloads[5:]
    assert damage == {"final frame without its end": 1}
    found, _, damage = read(data[: 5 * size - 3])
    assert (len(found), damage.total()) == (4, 1)
    found, _, damage = read(data[size // 2 :])
    assert ([payload for _, payload in found], damage.total()) == (payloads[1:], 1)


def test_messages_with_their_own_length_and_time():
    second = PAYLOAD + PAYLOAD
    wrapped = b"".join(struct.pack(">HI", 6 + len(m), 45_826_101) + m for m in (PAYLOAD, second))
    assert [payload for _, payload in read(pcap(101, [ipv4(wrapped)]))[0]] == [PAYLOAD, second]
    assert [payload for _, payload in read(pcap(101, [ipv4(second)]))[0]] == [second]
    assert [payload for _, payload in read(pcap(101, [ipv4(wrapped[:-1])]))[0]] == [wrapped[:-1]]


@pytest.mark.parametrize(
    "make", [lambda p: pcap(1, [ethernet(ipv4(x)) for x in p]), lambda p: b"".join(map(final_frame, p))]
)
def test_no_bytes_make_it_fail(make):
    rng = np.random.default_rng(62)
    whole = make([PAYLOAD] * 12)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 9)):
            data[rng.integers(len(data))] = rng.integers(256)
        found, counts, damage = read(bytes(data[: rng.integers(len(data) + 1)]))
        assert len(found) + counts.total() + damage.total() <= 40
