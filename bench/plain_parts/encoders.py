"""Small encoders of what plain feeds send, for `bench/plain_feeds.py`; written apart from the program's decoders.

Sources: ICAO Doc 9871 (extended squitter, compact position reporting); ITU-R M.1371 through pyais; BaseStation lines as
dump1090 writes them; Beast binary as in readsb's documentation.
"""

import math
from datetime import UTC, datetime

import pyais

FOOT_M, KNOT_M_S = 0.3048, 1852.0 / 3600.0
GENERATOR = 0xFFF409
COUNTER_HZ = 12_000_000


def sbs_position(time_s: float, address: int, lat_deg: float, lon_deg: float, height_m: float) -> str:
    """Return a BaseStation line MSG,3."""
    when = _sbs_time(time_s)
    return (
        f"MSG,3,1,1,{address:06X},1,{when},{when},,{round(height_m / FOOT_M)},,,{lat_deg:.5f},{lon_deg:.5f},,,0,0,0,0"
    )


def sbs_velocity(time_s: float, address: int, speed_m_s: float, heading_deg: float) -> str:
    """Return a BaseStation line MSG,4."""
    when = _sbs_time(time_s)
    return f"MSG,4,1,1,{address:06X},1,{when},{when},,,{speed_m_s / KNOT_M_S:.0f},{heading_deg % 360.0:.0f},,,0,,,,,"


def _sbs_time(time_s: float) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y/%m/%d,%H:%M:%S.%f")[:-3]


def airborne_position(address: int, lat_deg: float, lon_deg: float, height_m: float, *, is_odd: bool) -> bytes:
    """Return a DF 17 with type code 11, height in steps of 25 ft."""
    steps = round((height_m / FOOT_M + 1000.0) / 25.0)
    altitude = (steps >> 4) << 5 | 0x10 | steps & 0xF
    y, x = _compact(lat_deg, lon_deg, is_odd)
    return _squitter(address, 11 << 51 | altitude << 36 | is_odd << 34 | y << 17 | x)


def airborne_velocity(address: int, speed_m_s: float, heading_deg: float) -> bytes:
    """Return a DF 17 with type code 19, subtype 1, velocity over ground in knots."""
    east = round(speed_m_s / KNOT_M_S * math.sin(math.radians(heading_deg)))
    north = round(speed_m_s / KNOT_M_S * math.cos(math.radians(heading_deg)))
    message = 19 << 51 | 1 << 48
    message |= (east < 0) << 42 | (abs(east) + 1) << 32 | (north < 0) << 31 | (abs(north) + 1) << 21
    return _squitter(address, message)


def beast(frame: bytes, since_s: float) -> bytes:
    """Return a long frame in Beast binary with the stamp of a 12 MHz counter."""
    body = (round(since_s * COUNTER_HZ) % (1 << 48)).to_bytes(6, "big") + b"\x80" + frame
    return b"\x1a3" + body.replace(b"\x1a", b"\x1a\x1a")


def ais_position(time_s: float, mmsi: int, lat_deg: float, lon_deg: float, speed_m_s: float, heading_deg: float) -> str:
    """Return a sentence of message type 1, with a tag block that says when."""
    tag = f"s:station,c:{int(time_s)}"
    checksum = 0
    for letter in tag:
        checksum ^= ord(letter)
    (sentence,) = pyais.encode_dict(
        {
            "type": 1, "mmsi": mmsi, "lat": lat_deg, "lon": lon_deg, "speed": speed_m_s / KNOT_M_S,
            "course": heading_deg % 360.0, "heading": int(heading_deg) % 360, "second": int(time_s) % 60,
        },
        talker_id="AI",
    )  # fmt: skip
    return f"\\{tag}*{checksum:02X}\\{sentence}"


def _squitter(address: int, message: int) -> bytes:
    frame = bytes([0x8D]) + address.to_bytes(3, "big") + message.to_bytes(7, "big")
    remainder = 0
    for octet in frame:
        remainder ^= octet << 16
        for _ in range(8):
            remainder = (remainder << 1 ^ GENERATOR) & 0xFFFFFF if remainder & 0x800000 else remainder << 1
    return frame + remainder.to_bytes(3, "big")


def _compact(lat_deg: float, lon_deg: float, is_odd: bool) -> tuple[int, int]:
    """Return the 17 bits each of latitude and longitude (Doc 9871, C.2.6)."""
    step_deg = 360.0 / (60 - is_odd)
    y = math.floor(2**17 * (lat_deg % step_deg) / step_deg + 0.5)
    seen_deg = step_deg * (y / 2**17 + math.floor(lat_deg / step_deg))
    turn = 1.0 - (1.0 - math.cos(math.pi / 30.0)) / math.cos(math.radians(seen_deg)) ** 2
    step_deg = 360.0 / max(math.floor(2.0 * math.pi / math.acos(turn)) - is_odd, 1)
    x = math.floor(2**17 * (lon_deg % step_deg) / step_deg + 0.5)
    return y & 0x1FFFF, x & 0x1FFFF
