"""BaseStation lines with known content."""

import math

import make_samples as make
import numpy as np
import pytest

from noroshi.formats import Context, FormatError, sbs
from noroshi.geo.time import utc_ns_from_iso

KNOT_M_S, FOOT_M = 1852.0 / 3600.0, 0.3048
MOMENT = "2024/06/06,{clock},2024/06/06,{clock}"
LINE = f"MSG,{{sort}},1,1,{{address}},1,{MOMENT},{{call}},{{alt}},{{gs}},{{trk}},{{lat}},{{lon}},{{vr}},{{sqk}},0,0,0,0"


def line(sort, clock="12:00:00.000", address="4CA216", **told):
    blank = dict.fromkeys(("call", "alt", "gs", "trk", "lat", "lon", "vr", "sqk"), "")
    return LINE.format(sort=sort, clock=clock, address=address, **{**blank, **told})


def decode(*lines):
    return sbs.decode("\r\n".join(lines).encode(), Context(source="sbs"))


def test_each_line_adds_what_it_knows():
    decoded = decode(
        line(1, call="EIN5GV  "),
        line(6, "12:00:01.000", sqk="7700"),
        line(4, "12:00:02.000", gs="100", trk="90", vr="-64"),
        line(3, "12:00:03.250", alt="35000", lat="47.5", lon="-8.25"),
        line(3, "12:00:09.000", alt="35000", lat="47.5", lon="-8.24"),
        line(3, "12:00:03.250", "3C0001", alt="1000", lat="47.5", lon="8.25"),
        line(2, "12:00:10.000", "3C0002", gs="10", trk="180", lat="47.45", lon="8.55", alt="1400"),
        "SEL,,1,2,3",
    )
    batch = decoded.detections[0]
    assert batch.sensor == "sbs"
    assert batch.time_ns[0] == utc_ns_from_iso("2024-06-06T12:00:03.25Z")
    expected = [math.radians(47.5), math.radians(-8.25), 35_000 * FOOT_M, 100 * KNOT_M_S, 0.0, -64 * FOOT_M / 60.0]
    assert batch.values[0].tolist() == pytest.approx(expected, abs=1e-9)
    assert np.isnan(batch.values[1, 3:]).all()  # the velocity is seven seconds old
    assert batch.identity.call_sign.tolist() == ["EIN5GV", "EIN5GV", "", ""]
    assert batch.identity.mode_3a.tolist() == [0o7700, 0o7700, -1, -1]
    assert batch.identity.icao_address.tolist() == [0x4CA216, 0x4CA216, 0x3C0001, 0x3C0002]
    assert math.isnan(batch.values[3, 2])  # on the ground
    assert batch.values[3, 3:].tolist() == pytest.approx([0.0, -10 * KNOT_M_S, 0.0], abs=1e-9)
    assert decoded.counts["SEL line"] == 1
    assert decoded.n_records == 8


def test_damaged_lines_are_counted():
    decoded = decode(
        line(3, alt="35000", lat="47.5", lon="8.25"),
        line(3, "25:00:00.000", lat="47.5", lon="8.25"),
        line(3, address="XYZ", lat="47.5", lon="8.25"),
        line(9),
        line(3)[:40],
        "hello",
    )
    assert decoded.damage == {
        "no time": 1,
        "no address": 1,
        "unknown message": 1,
        "wrong number of fields": 1,
        "not a line of this format": 1,
    }
    assert len(decoded.detections[0]) == 1


def test_without_a_line_of_it_it_is_refused():
    with pytest.raises(FormatError, match="no readable record"):
        decode("hello", "world")


def test_it_knows_its_own():
    sample = make.sbs()["flight.sbs"]
    assert sbs.sniff(sample, "port30003") > 0.9
    assert sbs.sniff(b"MSG,1\nhello\n", "x.csv") == 0.0
