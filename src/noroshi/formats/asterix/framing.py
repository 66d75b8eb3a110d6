"""What ASTERIX comes wrapped in: captures of a network, final frames, or nothing at all.

Each container is a generator of (received_ns or None, datagram). Where its own bytes are damaged it counts why in
`damage` and goes on at the next place that looks like the beginning of a frame.

Source: pcap and pcapng as in the IETF drafts draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng; link types as in
draft-ietf-opsawg-pcaplinktype. The final frame has no public document; its header was read off a recording.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Literal, TypeAlias

from noroshi.formats.asterix.blocks import block_end

Datagram: TypeAlias = tuple[int | None, bytes]
Packet: TypeAlias = tuple[int | None, int, bytes]
"""(received_ns, link type, bytes)"""
ByteOrder: TypeAlias = Literal["little", "big"]

NOT_UDP = "packet that is not UDP"

# The first four bytes of a capture: byte order and nanoseconds a step of the fraction of a second.
PCAP_MAGICS: dict[bytes, tuple[ByteOrder, int]] = {
    b"\xd4\xc3\xb2\xa1": ("little", 1000),
    b"\xa1\xb2\xc3\xd4": ("big", 1000),
    b"\x4d\x3c\xb2\xa1": ("little", 1),
    b"\xa1\xb2\x3c\x4d": ("big", 1),
}
PCAP_HEADER_BYTES = 24
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
CAPTURED_BYTES_MAX = 262144  # what tcpdump captures of a packet at most
NANOSECONDS_MAX = 2**62  # the year 2116; a later time is damage and would not fit the arithmetic

FINAL_HEADER_BYTES = 8  # bytes in all (2), error code, board and line, recording day, time [10 ms] (3)
ORADIS_HEADER_BYTES = 6  # length of the message with the header, time since midnight [ms]
FINAL_TRAILER = b"\xa5\xa5\xa5\xa5"
FRAMES_AHEAD_MAX = 64

# Loopback (BSD, OpenBSD), raw IP (three numbers), Linux cooked (1, 2), raw IPv4, raw IPv6: bytes before the IP header.
LINK_HEADER_BYTES = {0: 4, 108: 4, 12: 0, 14: 0, 101: 0, 113: 16, 276: 20, 228: 0, 229: 0}
IPV4, IPV6 = 0x0800, 0x86DD
VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
UDP, FRAGMENT = 17, 44
EXTENSION_HEADERS = (0, 43, 60)  # of IPv6: hop by hop, routing, destination options


class PacketError(ValueError):
    """A captured packet cannot be read. The message is a reason to count."""


def container(data: bytes) -> Literal["pcap", "pcapng", "final", "raw"]:
    """Return what `data` is wrapped in, by its beginning; final frames show even where the first ones are damaged."""
    if data[:4] in PCAP_MAGICS:
        return "pcap"
    if data[:4] == PCAPNG_MAGIC:
        return "pcapng"
    pos = 0
    for _ in range(FRAMES_AHEAD_MAX):
        if _final_frame(data, pos):
            return "final"
        pos = data.find(FINAL_TRAILER, pos) + len(FINAL_TRAILER)
        if pos < len(FINAL_TRAILER):
            break
    return "raw"


def datagrams(data: bytes, counts: Counter[str], damage: Counter[str]) -> Iterator[Datagram]:
    """Yield what `data` carries; a packet of another protocol is counted in `counts`."""
    kind = container(data)
    if kind == "raw":
        yield None, data
    elif kind == "final":
        yield from _final_frames(data, damage)
    else:
        packets = _pcap(data, damage) if kind == "pcap" else _pcapng(data, damage)
        for received_ns, link, packet in packets:
            try:
                payload = _udp_payload(link, packet)
            except PacketError as error:
                damage[str(error)] += 1
                continue
            if payload is None:
                counts[NOT_UDP] += 1
            else:
                for message in messages(payload):
                    yield received_ns, message


def _resume(pos: int, end: int, begins: Callable[[int], bool]) -> int:
    """Return the first place from `pos` on where a frame begins, else `end`."""
    while pos < end and not begins(pos):
        pos += 1
    return pos


def _final_frame(data: bytes, pos: int) -> int:
    """Return the length of the final frame at `pos`, or 0 if there is none.

    The header's time is a clock of its own (3 h 21 min behind UTC in the one recording known) and has no date, so it is
    not taken for the time of reception.
    """
    length = int.from_bytes(data[pos : pos + 2], "big")
    whole = length > FINAL_HEADER_BYTES + len(FINAL_TRAILER) and data[pos + length - 4 : pos + length] == FINAL_TRAILER
    return length if whole else 0


def _final_frames(data: bytes, damage: Counter[str]) -> Iterator[Datagram]:
    pos = 0
    while pos < len(data):
        length = _final_frame(data, pos)
        if length:
            yield None, data[pos + FINAL_HEADER_BYTES : pos + length - len(FINAL_TRAILER)]
            pos += length
            continue
        damage["final frame without its end"] += 1
        trailer = data.find(FINAL_TRAILER, pos)
        pos = len(data) if trailer < 0 else trailer + len(FINAL_TRAILER)


def _pcap(data: bytes, damage: Counter[str]) -> Iterator[Packet]:
    order, step_ns = PCAP_MAGICS[data[:4]]
    header = Struct("<4I" if order == "little" else ">4I")  # seconds, fraction, bytes captured, bytes in all
    link = int.from_bytes(data[20:24], order) & 0xFFFF  # the upper half says whether frames end in a checksum

    def whole(pos: int) -> tuple[int, int]:
        """Return where the record at `pos` ends, or 0 if there is none, and when it was captured."""
        if pos + header.size > len(data):
            return 0, 0
        seconds, fraction, captured, original = header.unpack_from(data, pos)
        stop = pos + header.size + captured
        sound = fraction * step_ns < 1_000_000_000 and 0 < captured <= min(original, CAPTURED_BYTES_MAX)
        return (stop if sound and stop <= len(data) else 0), seconds * 1_000_000_000 + fraction * step_ns

    def begins(pos: int) -> bool:
        stop, _ = whole(pos)
        return stop > 0 and (stop == len(data) or whole(stop)[0] > 0)

    pos = PCAP_HEADER_BYTES
    while pos < len(data):
        stop, captured_ns = whole(pos)
        if not stop:
            damage["capture record cut short or its header damaged"] += 1
            pos = _resume(pos + 1, len(data), begins)
            continue
        yield captured_ns, link, data[pos + header.size : stop]
        pos = stop


def _pcapng(data: bytes, damage: Counter[str]) -> Iterator[Packet]:
    order: ByteOrder = "little"
    interfaces: list[tuple[int, int]] = []  # link type, steps a second

    def whole(pos: int) -> int:
        """Return where the block at `pos` ends, or 0 if there is none: its length stands at both ends."""
        length = int.from_bytes(data[pos + 4 : pos + 8], order)
        stop = pos + length
        sound = length >= 12 and length % 4 == 0 and stop <= len(data)
        return stop if sound and data[stop - 4 : stop] == data[pos + 4 : pos + 8] else 0

    pos = 0
    while pos < len(data):
        if data.startswith(PCAPNG_MAGIC, pos):
            order = "little" if data[pos + 8 : pos + 12] == b"\x4d\x3c\x2b\x1a" else "big"
            interfaces.clear()
        stop = whole(pos)
        if not stop:
            damage["capture block cut short or its length damaged"] += 1
            pos = _resume(pos + 1, len(data), lambda at: whole(at) > 0)
            continue
        kind = int.from_bytes(data[pos : pos + 4], order)
        body = data[pos + 8 : stop - 4]
        pos = stop
        if kind == 1:  # interface description
            interfaces.append((int.from_bytes(body[:2], order), _steps_a_second(body[8:], order)))
        elif kind in (3, 6):  # simple packet; enhanced packet
            try:
                yield _pcapng_packet(kind, body, order, interfaces)
            except PacketError as error:
                damage[str(error)] += 1


def _pcapng_packet(kind: int, body: bytes, order: ByteOrder, interfaces: list[tuple[int, int]]) -> Packet:
    fields = [int.from_bytes(body[i : i + 4], order) for i in range(0, 20, 4)]
    number = fields[0] if kind == 6 else 0
    if number >= len(interfaces):
        raise PacketError("capture block of an interface that is not described")
    link, steps = interfaces[number]
    if kind == 3:
        return None, link, body[4 : 4 + fields[0]]
    received_ns = ((fields[1] << 32) + fields[2]) * 1_000_000_000 // steps
    return (received_ns if received_ns < NANOSECONDS_MAX else None), link, body[20 : 20 + fields[3]]


def _steps_a_second(options: bytes, order: ByteOrder) -> int:
    """Return the resolution of an interface's clock: option 9, else microseconds."""
    pos = 0
    while pos + 4 < len(options):
        code = int.from_bytes(options[pos : pos + 2], order)
        if code == 9:
            exponent = options[pos + 4]
            return int(1 << exponent - 128) if exponent >= 128 else int(10**exponent)
        pos += 4 + (int.from_bytes(options[pos + 2 : pos + 4], order) + 3) // 4 * 4
    return 1_000_000


def _udp_payload(link: int, packet: bytes) -> bytes | None:
    """Return what a packet of this link type carries by UDP; None if it is no UDP.

    Raises:
        PacketError: if its headers are damaged.
    """
    if link == 1:  # Ethernet
        start, protocol = 14, int.from_bytes(packet[12:14], "big")
        while protocol in VLAN_TAGS and start + 4 <= len(packet):
            start, protocol = start + 4, int.from_bytes(packet[start + 2 : start + 4], "big")
        if protocol not in (IPV4, IPV6):
            return None
    elif link in LINK_HEADER_BYTES:
        start = LINK_HEADER_BYTES[link]
    else:
        raise PacketError("packet of a link type that is not read")
    version = packet[start] >> 4 if start < len(packet) else 0
    if version not in (4, 6):
        return None
    found = _ipv4(packet, start) if version == 4 else _ipv6(packet, start)
    if found is None:
        return None
    length = int.from_bytes(packet[found + 4 : found + 6], "big")
    if length < 8 or found + 8 > len(packet):
        raise PacketError("UDP packet cut short")
    return packet[found + 8 : found + length]


def messages(payload: bytes) -> list[bytes]:
    """Return the messages of a payload in which each is preceded by its length and a time of day in ms; else it whole.

    Some systems (ORADIS) wrap data blocks so. What is a row of data blocks as it stands is not taken for one.
    """
    end = 0
    while stop := block_end(payload, end, len(payload)):
        end = stop
    if end == len(payload) > 0:
        return [payload]
    found: list[bytes] = []
    pos = 0
    while length := int.from_bytes(payload[pos : pos + 2], "big"):
        stop = pos + length
        if stop > len(payload) or not block_end(payload, pos + ORADIS_HEADER_BYTES, stop):
            break
        found.append(payload[pos + ORADIS_HEADER_BYTES : stop])
        pos = stop
    return found if found and pos == len(payload) else [payload]


def _ipv4(packet: bytes, start: int) -> int | None:
    """Return where the UDP header begins."""
    if start + 20 > len(packet):
        raise PacketError("IPv4 packet cut short")
    if packet[start + 9] != UDP:
        return None
    if int.from_bytes(packet[start + 6 : start + 8], "big") & 0x3FFF:
        raise PacketError("IPv4 fragment")
    return start + 4 * (packet[start] & 15)


def _ipv6(packet: bytes, start: int) -> int | None:
    """Return where the UDP header begins."""
    if start + 40 > len(packet):
        raise PacketError("IPv6 packet cut short")
    following, at = packet[start + 6], start + 40
    while following in EXTENSION_HEADERS and at + 2 <= len(packet):
        following, at = packet[at], at + 8 * (packet[at + 1] + 1)
    if following == FRAGMENT:
        raise PacketError("IPv6 fragment")
    return at if following == UDP else None
