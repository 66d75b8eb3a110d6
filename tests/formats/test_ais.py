"""AIS: published messages, time, parts, and tables."""

import math

import make_samples as make
import numpy as np
import pyais
import pytest

from noroshi.formats import Context, FormatError, ais

KNOT_M_S = 1852.0 / 3600.0
# Both from E. Raymond, "AIVDM/AIVDO protocol decoding" (gpsd), with what they mean.
POSITION = "!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C"
STATIC = (
    "!AIVDM,2,1,1,A,55?MbV02;H;s<HtKR20EHE:0@T4@Dn2222222216L961O5Gf0NSQEp6ClRp8,0*1C",
    "!AIVDM,2,2,1,A,88888888880,2*25",
)


def decode(*lines, **context):
    return ais.decode("\n".join(lines).encode(), Context(**context))


def sentences(**message):
    return pyais.encode_dict(message, talker_id="AI", sentence_type="VDM")


def test_a_published_position():
    batch = decode(POSITION, received_ns=10**18).detections[0]
    assert batch.identity.mmsi.tolist() == [477_553_000]
    assert np.degrees(batch.values[0, :2]).tolist() == pytest.approx([47.582833, -122.345833], abs=1e-6)
    assert batch.values[0, 3:5].tolist() == [0.0, 0.0]
    assert math.isnan(batch.values[0, 2])


def test_a_published_name_in_two_parts():
    decoded = decode(
        *STATIC, *sentences(type=1, mmsi=351_759_000, lat=1, lon=2, speed=10, course=90), received_ns=10**18
    )
    assert decoded.counts == {"type 5 message": 2, "type 1 message": 1}
    assert decoded.detections[0].identity.call_sign.tolist() == ["3FOF8"]
    assert decoded.detections[0].values[0, 3:5].tolist() == pytest.approx([10 * KNOT_M_S, 0.0], abs=1e-9)
    assert decoded.sites[0].parameters == {"surface": 1.0}


def test_the_time_is_that_of_the_tag_block_or_the_logger():
    lines = [
        make.tagged(POSITION, 1_700_000_001),
        make.tagged(POSITION, 1_700_000_002_500),
        f"{POSITION},r01,1700000003",
    ]
    times = decode(*lines).detections[0].time_ns.tolist()
    assert times == [1_700_000_001 * 10**9, 1_700_000_002_500 * 10**6, 1_700_000_003 * 10**9]


def test_a_tag_block_of_wrong_sum_tells_no_time():
    bent = make.tagged(POSITION, 1_700_000_001).replace("c:17", "c:18")
    assert decode(bent, received_ns=5).detections[0].time_ns.tolist() == [5]
    assert decode(bent, day_ns=7).detections[0].time_ns.tolist() == [7]
    with pytest.raises(FormatError, match="no time"):
        decode(bent)


def test_parts_may_be_mixed_and_missing_ones_are_counted():
    first, second = STATIC
    other = sentences(type=5, mmsi=211_000_001, callsign="DABC", shipname="ELBE", seq_id=2)
    decoded = decode(first, other[0], second, first, POSITION, received_ns=1)
    assert decoded.counts == {"type 5 message": 2, "type 1 message": 1}
    assert decoded.damage == {"part of a message missing": 2}


def test_what_is_not_available_is_not_a_number():
    ship = {"mmsi": 211_000_001, "lat": 54.0, "lon": 8.0}
    unknown = sentences(type=18, **ship, speed=102.3, course=360.0) + sentences(type=27, **ship, speed=63, course=511)
    batch = decode(*unknown, received_ns=1).detections[0]
    assert np.isnan(batch.values[:, 2:]).all()
    nowhere = decode(POSITION, *sentences(type=1, mmsi=1, lat=91, lon=181), received_ns=1)
    assert nowhere.counts["type 1 message without a position"] == 1


def test_damage_is_counted():
    decoded = decode(POSITION, POSITION[:-1] + "D", "hello", "!AIVDM,1,1,,A,,0*26", "$GPGGA,1*00", received_ns=1)
    assert decoded.damage == {"wrong checksum": 1, "not a sound sentence": 1, "message that cannot be decoded": 1}
    assert decoded.counts == {"type 1 message": 1, "other sentence": 1}


def test_a_table_of_the_marine_cadastre():
    decoded = ais.decode(make.ais()["ships.csv"], Context())
    batch = decoded.detections[0]
    assert batch.identity.mmsi.tolist() == [211_000_001, 211_000_002]
    assert np.degrees(batch.values[:, :2]).round(9).tolist() == [[54.1, 7.9], [54.2, -7.8]]
    assert math.hypot(*batch.values[0, 3:5]) == pytest.approx(12.3 * KNOT_M_S)
    assert batch.values[1, 3:5].tolist() == [0.0, 0.0]  # at rest: no course needed
    with pytest.raises(FormatError, match="found a, b"):
        ais.decode(b"a,b\n1,2\n", Context())
