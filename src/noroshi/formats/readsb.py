"""JSON of readsb, tar1090 and their kin: `aircraft.json` (everybody, now) and `trace_full_*.json` (one, all day).

Either may be gzip. `altitude_m` is the pressure altitude (1013.25 hPa), in a trace without one the geometric height; it
is NaN on the ground. A trace gives the call sign and the code only now and then: they hold until they change. An
address that begins with ~ is not an aircraft's own and is left out.

Source: readsb, README-json.md (which fields, and their units: feet, knots, degrees, feet a minute).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from noroshi.formats import Context, Decoded, FormatError
from noroshi.formats.cells import TEXT_LENGTH_MAX, number_in_base
from noroshi.formats.reading import JSON_ERRORS, add_reports, finished, json_elements, peek, unpack
from noroshi.geo.time import NS_PER_S
from noroshi.geo.units import FOOT_M, FOOT_PER_MINUTE_M_S, KNOT_M_S
from noroshi.records import Identity

MEDIA = (".json", ".json.gz")

KINDS = (
    *("aircraft", "adsb_icao", "adsb_icao_nt", "adsr_icao", "tisb_icao", "adsc", "mlat", "other", "mode_s", "mode_ac"),
    *("adsb_other", "adsr_other", "tisb_other", "tisb_trackfile", "unknown"),
)
LISTS = ("trace", "aircraft", "ac")
GEOMETRIC_ALTITUDE = 8  # a bit of a trace row's flags
MILLISECONDS_FROM = 1e11  # a time of aircraft.json that is larger counts milliseconds
TIME_S_MAX = 9.2e9
NUMBER_MAX = 1e15


def sniff(head: bytes, name: str) -> float:
    """Return how sure one can be that a file is one of readsb's."""
    head = peek(head)
    if not head.startswith(b"{"):
        return 0.0
    trace = b'"icao"' in head[:4096] and b'"trace"' in head
    aircraft = b'"now"' in head[:4096] and (b'"aircraft"' in head or b'"ac"' in head)
    return 0.95 if trace or aircraft else 0.3 * name.startswith(("trace_full", "trace_recent", "aircraft.json"))


def decode(data: bytes, context: Context) -> Decoded:
    """Return the position reports of an `aircraft.json` or a trace.

    Raises:
        FormatError: if it is neither.
    """
    decoded = Decoded()
    data, decoded.damage = unpack(data)
    try:
        whole = msgspec.json.decode(data)
    except JSON_ERRORS:
        whole = _as_far_as_sound(data, decoded)
    key = next((key for key in LISTS if isinstance(whole, dict) and isinstance(whole.get(key), list)), None)
    if key is None:
        raise FormatError('not an aircraft.json or a trace of readsb: it has no list "aircraft" or "trace"')
    time_s = _number(whole.get("timestamp" if key == "trace" else "now"))
    time_s = time_s / 1e3 if time_s > MILLISECONDS_FROM else time_s
    if not 0.0 <= time_s < TIME_S_MAX:
        raise FormatError('it does not say when it is of: "timestamp" or "now" is missing')
    rows = _trace(whole, time_s, decoded) if key == "trace" else _aircraft(whole[key], time_s, decoded)
    if rows:
        _report(rows, decoded, context)
    return finished(decoded, may_be_empty=True)


Row = tuple[int, str, str, str, Sequence[float], bool]
"""Time [ns], address, call sign, code, the six values in the order of `REPORT_COMPONENTS`, whether on the ground."""
GROUND = "ground"  # in place of an altitude


def _trace(whole: Mapping[str, Any], start_s: float, decoded: Decoded) -> list[Row]:
    address = str(whole.get("icao", ""))
    call_sign = code = ""
    rows: list[Row] = []
    for point in whole["trace"]:
        if not isinstance(point, list) or len(point) < 8:
            decoded.damage["not a row of a trace"] += 1
            continue
        details = point[8] if len(point) > 8 and isinstance(point[8], dict) else {}
        call_sign = str(details.get("flight", call_sign))
        code = str(details.get("squawk", code))
        time_ns = _ns(start_s, _number(point[0]))
        lat, lon = _number(point[1]), _number(point[2])
        if time_ns is None:
            decoded.damage["no time"] += 1
        elif math.isnan(lat + lon):
            decoded.counts["row without a position"] += 1
        else:
            altitude, height = _number(point[3]), _number(point[10] if len(point) > 10 else None)
            geometric = isinstance(point[6], int) and bool(point[6] & GEOMETRIC_ALTITUDE)
            if math.isnan(altitude) and math.isfinite(height) and point[3] != GROUND:
                altitude, geometric = height, True
            decoded.counts["trace position, geometric height" if geometric else "trace position"] += 1
            values = _values(lat, lon, altitude, _number(point[4]), _number(point[5]), _number(point[7]))
            rows.append((time_ns, address, call_sign, code, values, point[3] == GROUND))
    return rows


def _aircraft(everybody: Sequence[Any], now_s: float, decoded: Decoded) -> list[Row]:
    rows: list[Row] = []
    for one in everybody:
        if not isinstance(one, dict):
            decoded.damage["not an aircraft"] += 1
            continue
        age_s = _number(one.get("seen_pos", 0.0))
        time_ns = _ns(now_s, -age_s)
        lat, lon = _number(one.get("lat")), _number(one.get("lon"))
        if time_ns is None:
            decoded.damage["no time"] += 1
        elif math.isnan(lat + lon):
            decoded.counts["aircraft without a position"] += 1
        else:
            kind = one.get("type", "aircraft")
            decoded.counts[f"{kind if kind in KINDS else 'other'} position"] += 1
            climb = _number(one.get("baro_rate", one.get("geom_rate")))
            altitude = _number(one.get("alt_baro"))
            values = _values(lat, lon, altitude, _number(one.get("gs")), _number(one.get("track")), climb)
            said = str(one.get("hex", "")), str(one.get("flight", "")), str(one.get("squawk", ""))
            rows.append((time_ns, *said, values, one.get("alt_baro") == GROUND))
    return rows


def _values(
    lat_deg: float, lon_deg: float, altitude_ft: float, speed_kt: float, track_deg: float, climb_ft_min: float
) -> Sequence[float]:
    speed_m_s, track_rad = speed_kt * KNOT_M_S, math.radians(track_deg)
    return (
        math.radians(lat_deg),
        math.radians(lon_deg),
        altitude_ft * FOOT_M,
        speed_m_s * math.sin(track_rad),
        speed_m_s * math.cos(track_rad),
        climb_ft_min * FOOT_PER_MINUTE_M_S,
    )


def _report(rows: list[Row], decoded: Decoded, context: Context) -> None:
    time_ns, addresses, call_signs, codes, values, grounded = zip(*rows, strict=True)
    identity = Identity(
        icao_address=np.array([number_in_base(address, 16, 1 << 24) for address in addresses], np.int64),
        mode_3a=np.array([number_in_base(code, 8, 1 << 12) for code in codes], np.int64),
        mmsi=np.full(len(rows), -1, np.int64),
        call_sign=np.array([call_sign.strip().upper()[:TEXT_LENGTH_MAX] for call_sign in call_signs], np.str_),
    )
    add_reports(
        decoded,
        context,
        time_ns=np.array(time_ns, np.int64),
        values=np.array(values),
        identity=identity,
        grounded=np.array(grounded),
    )


def _number(value: Any) -> float:
    if isinstance(value, float | int) and not isinstance(value, bool) and abs(value) < NUMBER_MAX:
        return float(value)
    return math.nan


def _ns(start_s: float, offset_s: float) -> int | None:
    if not abs(offset_s) < TIME_S_MAX:
        return None
    return round(start_s * 1e3) * (NS_PER_S // 1000) + round(offset_s * NS_PER_S)


def _as_far_as_sound(data: bytes, decoded: Decoded) -> dict[str, Any]:
    """Return what can be read of a file that was cut short: its head, and the elements of its list until the damage."""
    text = data.decode("utf-8", "replace")
    for key in LISTS:
        head, found, rest = text.partition(f'"{key}"')
        if found and "[" in rest:
            elements, _ = json_elements(rest, rest.index("[") + 1)
            decoded.damage["cut short or not JSON from here on"] += 1
            try:
                whole = msgspec.json.decode(head.rstrip().removesuffix(",") + "}", type=dict[str, Any])
            except JSON_ERRORS:
                whole = {}
            return {**whole, key: elements}
    raise FormatError("not JSON, or cut short before its first aircraft")
