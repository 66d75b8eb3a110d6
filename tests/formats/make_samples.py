"""Tiny recordings made from nothing, one folder a format: `python tests/formats/make_samples.py` writes tests/samples.

The encoders are the tests' own, bit by bit from the standards: no decoder is checked against itself.
"""

import gzip
import io
import json
import math
from pathlib import Path

import numpy as np
import pyais
import pyarrow as pa
import pyarrow.parquet as pq

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
START_S = 1_717_664_400.0  # 2024-06-06T09:00:00Z
ADDRESS, CALL_SIGN, SQUAWK = 0x3C6DD0, "NOR123", 0o1234


def parity(frame: bytes) -> int:
    """Return the 24-bit remainder of a frame without its parity, by long division."""
    value = int.from_bytes(frame, "big") << 24
    for shift in range(len(frame) * 8 - 1, -1, -1):
        if value >> (shift + 24) & 1:
            value ^= 0x1FFF409 << shift
    return value


def with_parity(frame: bytes, overlay: int = 0) -> bytes:
    return frame + (parity(frame) ^ overlay).to_bytes(3, "big")


def squitter(message: int, address: int = ADDRESS, downlink: int = 17, control: int = 5) -> bytes:
    return with_parity(bytes([downlink << 3 | control]) + address.to_bytes(3, "big") + message.to_bytes(7, "big"))


def packed(*fields: tuple[int, int]) -> int:
    """Return (value, width) fields as one number, the first the highest."""
    number = 0
    for value, width in fields:
        assert 0 <= value < 1 << width, (value, width)
        number = number << width | value
    return number


def zones(lat_deg: float) -> int:
    if abs(lat_deg) >= 87.0:
        return 1 if abs(lat_deg) > 87.0 else 2
    ratio = (1 - math.cos(math.pi / 30)) / math.cos(math.radians(abs(lat_deg))) ** 2
    return math.floor(2 * math.pi / math.acos(1 - ratio))


def cpr(lat_deg: float, lon_deg: float, *, odd: bool, span_deg: float = 360.0) -> tuple[int, int]:
    """Return the encoded latitude and longitude, 17 bits each (DO-260B A.1.7.3)."""
    lat_step = span_deg / (60 - odd)
    y = math.floor(2**17 * (lat_deg % lat_step) / lat_step + 0.5)
    seen_lat = lat_step * (y / 2**17 + math.floor(lat_deg / lat_step))
    lon_step = span_deg / max(zones(seen_lat) - odd, 1)
    x = math.floor(2**17 * (lon_deg % lon_step) / lon_step + 0.5)
    return y % 2**17, x % 2**17


def airborne(
    lat_deg: float, lon_deg: float, altitude_ft: int, *, odd: bool, address: int = ADDRESS, code: int = 11
) -> bytes:
    y, x = cpr(lat_deg, lon_deg, odd=odd)
    n = (altitude_ft + 1000) // 25
    altitude = (n >> 4) << 5 | 0x10 | n & 0xF
    return squitter(packed((code, 5), (0, 3), (altitude, 12), (0, 1), (int(odd), 1), (y, 17), (x, 17)), address)


def surface(
    lat_deg: float, lon_deg: float, movement: int, track_deg: float, *, odd: bool, address: int = ADDRESS
) -> bytes:
    y, x = cpr(lat_deg, lon_deg, odd=odd, span_deg=90.0)
    track = round(track_deg / 360 * 128) % 128
    fields = ((7, 5), (movement, 7), (1, 1), (track, 7), (0, 1), (int(odd), 1), (y, 17), (x, 17))
    return squitter(packed(*fields), address)


def velocity(
    east_kt: int | None,
    north_kt: int | None,
    climb_ft_min: int | None,
    *,
    subtype: int = 1,
    gnss_ft: int | None = None,
    address: int = ADDRESS,
) -> bytes:
    unit = 4 if subtype == 2 else 1

    def part(value: int | None, width: int, step: int) -> tuple[tuple[int, int], tuple[int, int]]:
        return (int((value or 0) < 0), 1), (0 if value is None else abs(value) // step + 1, width)

    rate, difference = part(climb_ft_min, 9, 64), part(gnss_ft, 7, 25)
    start = ((19, 5), (subtype, 3), (0, 2), (1, 3))
    return squitter(
        packed(*start, *part(east_kt, 10, unit), *part(north_kt, 10, unit), (0, 1), *rate, (0, 2), *difference), address
    )


def identification(call_sign: str, address: int = ADDRESS) -> bytes:
    letters = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_ !\"#$%&'()*+,-./0123456789:;<=>?"
    codes = [(letters.index(letter), 6) for letter in call_sign.ljust(8)]
    return squitter(packed((4, 5), (3, 3), *codes), address)


def identity_code(squawk: int) -> int:
    """Return the 13-bit field C1 A1 C2 A2 C4 A4 0 B1 D1 B2 D2 B4 D4."""
    a, b, c, d = (squawk >> shift & 7 for shift in (9, 6, 3, 0))
    pick = [(c, 0), (a, 0), (c, 1), (a, 1), (c, 2), (a, 2), None, (b, 0), (d, 0), (b, 1), (d, 1), (b, 2), (d, 2)]
    return packed(*((0, 1) if one is None else (one[0] >> one[1] & 1, 1) for one in pick))


def identity_reply(squawk: int, address: int = ADDRESS) -> bytes:
    return with_parity((5 << 27 | identity_code(squawk)).to_bytes(4, "big"), address)


def all_call(address: int = ADDRESS, interrogator: int = 0) -> bytes:
    return with_parity(bytes([11 << 3 | 5]) + address.to_bytes(3, "big"), interrogator)


def flight() -> list[tuple[float, bytes]]:
    """Return the frames of a minute in the air and a few on the ground: (seconds, frame)."""
    frames: list[tuple[float, bytes]] = [(0.0, all_call(interrogator=5)), (0.1, identification(CALL_SIGN))]
    frames.append((0.2, identity_reply(SQUAWK)))
    for i in range(24):
        t, odd = 0.5 + 0.5 * i, bool(i % 2)
        if i % 3 == 0:
            frames.append((t - 0.2, velocity(-120, 340, -640, gnss_ft=-275)))
        frames.append((t, airborne(47.4 + 0.0008 * i, 8.5 - 0.0004 * i, 12_000 - 5 * i, odd=odd)))
    for i in range(4):
        frames.append((15.0 + i, surface(47.45, 8.55, 30, 135.0, odd=bool(i % 2))))
    return frames


def beast(frames: list[tuple[float, bytes]], stamp) -> bytes:
    data = b""
    for t, frame in frames:
        body = stamp(t).to_bytes(6, "big") + b"\x55" + frame
        data += b"\x1a" + (b"3" if len(frame) == 14 else b"2") + body.replace(b"\x1a", b"\x1a\x1a")
    return data


def ticks(t: float) -> int:
    return 0x1A1A1A1A + round(t * 12e6)


def mode_s() -> dict[str, bytes]:
    frames = flight()
    lines = [json.dumps({"timestamp": START_S + t, "frame": frame.hex(), "rssi": -3.5}) for t, frame in frames]
    avr = [f"@{ticks(t):012X}{frame.hex().upper()};" for t, frame in frames]
    return {
        "flight.jsonl": ("\n".join(lines) + "\n").encode(),
        "flight.avr": ("\n".join(avr) + "\n").encode(),
        "flight.beast": beast(frames, ticks),
    }


def sbs() -> dict[str, bytes]:
    address = f"{ADDRESS:06X}"

    def line(sort: int, second: float, **told: str) -> str:
        moment = f"2024/06/06,09:00:{second:06.3f}"
        names = ("call", "alt", "gs", "trk", "lat", "lon", "vr", "sqk", "alert", "emerg", "spi", "gnd")
        return f"MSG,{sort},1,1,{address},1,{moment},{moment}," + ",".join(told.get(name, "") for name in names)

    lines = ["STA,,5,179,400AE7,10103,2008/11/28,14:58:51.153,2008/11/28,14:58:51.153,RM"]
    lines += [line(1, 0.1, call=CALL_SIGN), line(6, 0.2, sqk="1234", alt="12000", gnd="0")]
    for i in range(6):
        lines.append(line(4, 0.3 + i, gs="360", trk="340.5", vr="-640", gnd="0"))
        lines.append(
            line(
                3,
                0.5 + i,
                alt=str(12000 - 25 * i),
                lat=f"{47.4 + 0.0016 * i:.5f}",
                lon=f"{8.5 - 0.0008 * i:.5f}",
                gnd="0",
            )
        )
    lines += [line(8, 7.0, gnd="0"), line(2, 8.0, gs="12", trk="90", lat="47.45", lon="8.55", gnd="-1")]
    return {"flight.sbs": ("\r\n".join(lines) + "\r\n").encode()}


def readsb() -> dict[str, bytes]:
    details = {"type": "adsb_icao", "flight": f"{CALL_SIGN}  ", "squawk": "1234", "alt_geom": 12_350, "nic": 8}
    trace = [
        [
            2.0 * i,
            47.4 + 0.003 * i,
            8.5 - 0.002 * i,
            12_000,
            360.1,
            340.2,
            0,
            -640,
            details if i == 1 else None,
            "adsb_icao",
            12_350,
        ]
        for i in range(6)
    ]
    trace.append([20.0, 47.45, 8.55, "ground", 12.0, 90.0, 0, None, None, "adsb_icao", None])
    whole = {"icao": f"{ADDRESS:06x}", "r": "D-NORO", "timestamp": START_S, "trace": trace}
    aircraft = [
        {
            "hex": f"{ADDRESS:06x}",
            "type": "adsb_icao",
            "flight": f"{CALL_SIGN}  ",
            "alt_baro": 12_000,
            "gs": 360.1,
            "track": 340.2,
            "baro_rate": -640,
            "squawk": "1234",
            "lat": 47.4,
            "lon": 8.5,
            "seen_pos": 0.4,
            "seen": 0.1,
            "mlat": [],
            "rssi": -3.1,
        },
        {
            "hex": "~2a0b0c",
            "type": "tisb_other",
            "alt_baro": "ground",
            "lat": 47.45,
            "lon": 8.55,
            "seen_pos": 1.5,
            "seen": 1.5,
        },
        {"hex": "3c0001", "type": "mode_s", "alt_baro": 30_000, "seen": 4.0},
    ]
    now = {"now": START_S, "messages": 1234, "aircraft": aircraft}
    return {
        "trace_full_3c6dd0.json": json.dumps(whole, indent=1).encode(),
        "aircraft.json": json.dumps(now).encode(),
    }


def opensky() -> dict[str, bytes]:
    rows = [
        {
            "timestamp": round((START_S + i) * 1000),
            "icao24": f"{ADDRESS:06x}",
            "callsign": CALL_SIGN,
            "latitude": 47.4 + 0.0016 * i,
            "longitude": 8.5 - 0.0008 * i,
            "altitude": 12_000.0 - 10 * i,
            "groundspeed": 360.0 + i,
            "track": 340.5,
            "vertical_rate": -640.0,
            "squawk": "1234",
            "onground": False,
        }
        for i in range(6)
    ]
    rows[3]["altitude"], rows[3]["geoaltitude"] = None, 12_350.0
    rows[5]["latitude"] = None
    columns = {name: {str(i): row.get(name) for i, row in enumerate(rows)} for name in rows[0]}
    vectors = [
        {
            "time": START_S + i,
            "icao24": f"{ADDRESS:06x}",
            "lat": 47.4 + 0.0016 * i,
            "lon": 8.5 - 0.0008 * i,
            "velocity": 185.0 + i,
            "heading": 340.5,
            "vertrate": -3.25,
            "callsign": f"{CALL_SIGN}  ",
            "onground": False,
            "squawk": "1234",
            "baroaltitude": 3657.6,
            "geoaltitude": 3764.28,
        }
        for i in range(6)
    ]
    header = list(vectors[0])
    table = [",".join(header)] + [",".join(str(vector[name]) for name in header) for vector in vectors]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(vectors), sink)
    state = [
        f"{ADDRESS:06x}",
        CALL_SIGN,
        "Nowhere",
        START_S - 1,
        START_S,
        8.5,
        47.4,
        3657.6,
        False,
        185.0,
        340.5,
        -3.25,
        None,
        3764.28,
        "1234",
        False,
        0,
    ]
    return {
        "reports.json": json.dumps(rows).encode(),
        "reports.json.gz": gzip.compress(json.dumps(rows).encode(), mtime=0),
        "columns.json": json.dumps(columns).encode(),
        "vectors.csv": ("\n".join(table) + "\n").encode(),
        "vectors.parquet": sink.getvalue(),
        "states.json": json.dumps({"time": int(START_S), "states": [state]}).encode(),
    }


def tagged(sentence: str, seconds: int) -> str:
    tags = f"s:base1,c:{seconds}"
    checksum = 0
    for letter in tags.encode():
        checksum ^= letter
    return f"\\{tags}*{checksum:02X}\\{sentence}"


def ais() -> dict[str, bytes]:
    messages = [
        {"type": 5, "mmsi": 211000001, "callsign": "DABC1", "shipname": "ELBE"},
        {"type": 1, "mmsi": 211000001, "lat": 54.1, "lon": 7.9, "speed": 12.3, "course": 211.5},
        {"type": 24, "partno": 0, "mmsi": 211000002, "shipname": "JADE"},
        {"type": 18, "mmsi": 211000002, "lat": 54.2, "lon": -7.8, "speed": 102.3, "course": 360.0},
        {"type": 27, "mmsi": 211000003, "lat": -54.5, "lon": 7.5, "speed": 14, "course": 90},
        {"type": 1, "mmsi": 211000004, "lat": 91.0, "lon": 181.0, "speed": 0, "course": 0},
    ]
    lines = []
    for i, message in enumerate(messages):
        lines += [
            tagged(line, int(START_S) + i) for line in pyais.encode_dict(message, talker_id="AI", sentence_type="VDM")
        ]
    lines.append("$GPZDA,090006.00,06,06,2024,00,00*6B")
    table = [
        "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,CallSign",
        "211000001,2024-06-06T09:00:00,54.10000,7.90000,12.3,211.5,211,ELBE,DABC1",
        "211000002,2024-06-06T09:00:05,54.20000,-7.80000,0.0,360.0,511,JADE,",
    ]
    return {"ships.nmea": ("\r\n".join(lines) + "\r\n").encode(), "ships.csv": ("\n".join(table) + "\n").encode()}


def tables() -> dict[str, bytes]:
    plots = ["t,x,y,note"] + [f"{i},{100.0 * i},{-50.0 * i},a" for i in range(5)]
    detections = [
        "time,sensor,range_km,azimuth_deg,altitude_ft,range_sigma_m,lat,lon,identity",
        "2024-06-06T09:00:00Z,radar,100.5,90.25,33000,50,,,1234",
        "2024-06-06T09:00:01.5Z,adsb,,,33000,,47.4,8.5,3c6dd0",
        "2024-06-06T09:00:12Z,radar,101.5,90.5,,50,,,",
    ]
    sensors = [
        "sensor,nation,type,lat_deg,lon_deg,height_m,range_sigma_m",
        "radar,XX,search_radar,47.0,8.0,450.0,50.0",
        "adsb,XX,position_report,,,,",
    ]
    truth = ["time_s,target,kind,lat_deg,lon_deg,altitude_m"] + [
        f"{START_S + i},one,aircraft,{47.4 + 0.001 * i},8.5,10000" for i in range(4)
    ]
    tracks = [
        "time_ns,track,node,kind,status,lat_deg,lon_deg,altitude_m,velocity_east_m_s,velocity_north_m_s,velocity_up_m_s,position_sigma_m,sources"
    ]
    tracks += [
        f"{int(START_S) * 10**9 + i},7,local,ship,firm,{54.0 + 0.001 * i},8.0,0,1,2,0,30,ais;radar" for i in range(3)
    ]
    sink = io.BytesIO()
    columns = {
        "time_ns": np.arange(4) + int(START_S) * 10**9,
        "x_m": np.arange(4.0),
        "y_m": np.arange(4.0),
        "z_m": np.ones(4),
    }
    pq.write_table(pa.table(columns), sink)
    made = {
        "plots.csv": plots,
        "detections.csv": detections,
        "sensors.csv": sensors,
        "truth.csv": truth,
        "tracks.csv": tracks,
    }
    return {name: ("\n".join(lines) + "\n").encode() for name, lines in made.items()} | {
        "plots.parquet": sink.getvalue()
    }


def asterix() -> dict[str, bytes]:
    """Return blocks of category 048: source, time of day, type, place, code, flight level, address."""
    data = b""
    for turn in range(3):
        block = b""
        for plot in range(2):
            time_of_day = round((32_400 + 10 * turn + plot) * 128)
            block += bytes([0xFD, 0x80, 25, 1]) + time_of_day.to_bytes(3, "big") + b"\x40"
            block += (60 * 256 + 100 * turn).to_bytes(2, "big") + (9000 * (plot + 1) + 10 * turn).to_bytes(2, "big")
            block += (
                (SQUAWK + plot).to_bytes(2, "big") + (330 * 4).to_bytes(2, "big") + (ADDRESS + plot).to_bytes(3, "big")
            )
        data += b"\x30" + (3 + len(block)).to_bytes(2, "big") + block
    return {"plots.ast": data}


def cot() -> dict[str, bytes]:
    """Events of an aircraft, of a ferry and of a marker, as other programs write them and as a node does."""
    lines = ['<?xml version="1.0" encoding="UTF-8" standalone="yes"?>']
    for k in range(6):
        start, stale = (f"2030-01-01T00:{minute:02d}:{5 * k:02d}.5Z" for minute in (0, 1))
        place = f'lat="{35.1 + 0.01 * k:.6f}" lon="{139.8 + 0.02 * k:.6f}"'
        lines += [
            f'<event version="2.0" uid="FERRY.7" type="a-n-S-X-M" time="{start}" start="{start}" stale="{stale}"'
            f' how="m-g"><point {place} hae="9999999.0" ce="12.5" le="9999999.0"/><detail><contact callsign="FERRY 7"/>'
            f'<track course="91.5" speed="8.2"/><precisionlocation geopointsrc="GPS"/></detail></event>'
        ]
    for k in range(2):
        start = f"2030-01-01T00:00:{30 + k:02d}Z"
        lines += [
            f"<event version='2.0' uid='noroshi-jpn-1f{k}' type='a-u-A' time='{start}' start='{start}'"
            f" stale='2030-01-01T00:02:00Z' how='m-f' access='RESTRICTED' caveat='' releasableTo='USA'>"
            f"<point lat='36.5' lon='141.25' hae='9000.0' ce='80.0' le='30.0'/><detail><contact callsign='JAF123'/>"
            f"<track course='270.00' speed='250.00' slope='-2.00' eCourse='1.00' eSpeed='3.00' eSlope='0.50'/>"
            f"<noroshi_track status='coasting' updated='2030-01-01T00:00:2{k}Z' existence='0.9900' revision='1'"
            f" kind_probability='0.0000 1.0000 0 0 0 0 0' holds='0.6827' call_sign='JAF123' icao_address='840123'>"
            f"<source name='north'/></noroshi_track></detail></event>"
        ]
    lines += [
        "<event version='2.0' uid='note' type='b-m-p-s-m' time='2030-01-01T00:00:40Z' start='2030-01-01T00:00:40Z'"
        " stale='2030-01-01T01:00:40Z' how='h-e'><point lat='35.0' lon='139.0' hae='0' ce='10' le='10'/></event>"
    ]
    return {"events.cot": "\n".join(lines).encode()}


MAKERS = {
    "asterix": asterix,
    "cot": cot,
    "mode_s": mode_s,
    "sbs": sbs,
    "readsb": readsb,
    "opensky": opensky,
    "ais": ais,
    "tables": tables,
}


def main() -> None:
    for key, maker in MAKERS.items():
        folder = SAMPLES / key
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in maker().items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
