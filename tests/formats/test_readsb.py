"""readsb's JSON against its own numbers, read a second way."""

import gzip
import json
import math
from pathlib import Path

import make_samples as make
import numpy as np
import pytest

from noroshi.formats import Context, FormatError, readsb
from noroshi.geo.wgs84 import ecef_from_geodetic

TRACE = Path(__file__).resolve().parents[3] / "shared" / "data" / "adsb" / "readsb_trace_full_ac671b.json"
KNOT_M_S, FOOT_M = 1852.0 / 3600.0, 0.3048


def decode(whole):
    return readsb.decode(json.dumps(whole).encode(), Context(source="readsb"))


def test_an_aircraft_is_where_it_was_when_last_heard():
    samples = make.readsb()
    decoded = readsb.decode(samples["aircraft.json"], Context())
    batch = decoded.detections[0]
    assert batch.time_ns.tolist() == [round((make.START_S - age_s) * 1e9) for age_s in (0.4, 1.5)]
    assert np.degrees(batch.values[:, :2]).round(9).tolist() == [[47.4, 8.5], [47.45, 8.55]]
    assert batch.values[0, 2] == pytest.approx(12_000 * FOOT_M)
    assert math.hypot(*batch.values[0, 3:5]) == pytest.approx(360.1 * KNOT_M_S)
    assert math.isnan(batch.values[1, 2])  # on the ground
    assert batch.values[1, 5] == 0.0
    assert batch.identity.icao_address.tolist() == [0x3C6DD0, -1]  # the second is not an aircraft's own
    assert decoded.counts == {"adsb_icao position": 1, "tisb_other position": 1, "aircraft without a position": 1}


def test_milliseconds_are_told_from_seconds():
    one = {"hex": "3c6dd0", "lat": 1.0, "lon": 2.0, "seen_pos": 1.0}
    times = [decode({"now": now, "ac": [one]}).detections[0].time_ns[0] for now in (1.7e9, 1.7e12)]
    assert times[0] == times[1] == 1_699_999_999 * 10**9


def test_a_call_sign_holds_until_it_changes():
    batch = readsb.decode(make.readsb()["trace_full_3c6dd0.json"], Context()).detections[0]
    assert batch.identity.call_sign.tolist() == ["", *["NOR123"] * 6]
    assert batch.identity.mode_3a.tolist() == [-1, *[0o1234] * 6]
    assert np.isnan(batch.values[-1, 2])


def test_a_geometric_height_stands_in_and_is_counted_apart():
    rows = [[0, 1.0, 2.0, None, None, None, 0, None, None, "mlat", 1000], [1, 1.0, 2.0, 900, None, None, 8, None]]
    decoded = decode({"icao": "3c6dd0", "timestamp": 1.7e9, "trace": rows})
    assert decoded.counts == {"trace position, geometric height": 2}
    assert decoded.detections[0].values[:, 2] / FOOT_M == pytest.approx([1000.0, 900.0])


def test_damage_is_counted():
    rows = [[0, 1.0, 2.0, 0, 1, 1, 0, 0], "row", [1], ["x", 1.0, 2.0, 0, 1, 1, 0, 0], [2, None, 2.0, 0, 1, 1, 0, 0]]
    decoded = decode({"icao": "3c6dd0", "timestamp": 1.7e9, "trace": rows})
    assert decoded.damage == {"not a row of a trace": 2, "no time": 1}
    assert decoded.counts == {"trace position": 1, "row without a position": 1}


@pytest.mark.parametrize("whole", [{"trace": []}, {"now": 1.7e9}, {"now": "x", "aircraft": []}, [1, 2]])
def test_what_is_neither_is_refused(whole):
    with pytest.raises(FormatError):
        decode(whole)


def test_nobody_in_the_air_is_no_error():
    assert decode({"now": 1.7e9, "aircraft": []}).n_records == 0


@pytest.mark.skipif(not TRACE.exists(), reason="needs the recordings in ../shared/data")
def test_a_real_trace_is_read_whole():
    data = TRACE.read_bytes()
    raw = json.loads(data)
    batch = readsb.decode(gzip.compress(data), Context()).detections[0]
    assert len(batch) == len(raw["trace"])
    np.testing.assert_array_equal(np.degrees(batch.values[:, :2]).round(9), [row[1:3] for row in raw["trace"]])
    assert set(batch.identity.icao_address.tolist()) == {0xAC671B}
    assert "DAL1812" in batch.identity.call_sign
    # Flown distance and reported speed are two different parts of the file.
    place = ecef_from_geodetic(batch.values[:, 0], batch.values[:, 1], batch.values[:, 2])
    dt_s = np.diff(batch.time_ns) / 1e9
    speed = np.hypot(batch.values[:, 3], batch.values[:, 4])
    flown = np.linalg.norm(np.diff(place, axis=0), axis=1) / np.maximum(dt_s, 1e-3)
    cruising = (dt_s > 5.0) & (dt_s < 20.0) & (speed[1:] > 200.0) & (np.abs(np.diff(speed)) < 3.0)
    assert cruising.sum() > 200
    assert np.median(np.abs(flown - speed[1:])[cruising]) < 2.0
