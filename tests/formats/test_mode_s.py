"""Raw Mode S against rs1090, against what another program wrote beside real frames, and against known places."""

import gzip
import json
import math
from pathlib import Path

import make_samples as make
import numpy as np
import pytest
import rs1090

from noroshi.formats import Context, FormatError, mode_s
from noroshi.formats.mode_s import fields
from noroshi.geo.time import NS_PER_DAY, utc_ns_from_iso
from noroshi.records import Quality

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TOULOUSE = SHARED / "adsb" / "modeS_raw_toulouse_2024-06-06.jsonl.gz"
DAY_NS = utc_ns_from_iso("2024-06-06T00:00:00Z")
KNOT_M_S, FOOT_M = 1852.0 / 3600.0, 0.3048


def json_lines(frames):
    return "\n".join(json.dumps({"timestamp": t, "frame": frame.hex()}) for t, frame in frames).encode()


def decode(frames, **context):
    return mode_s.decode(json_lines(frames), Context(**context))


def told_by_rs1090(frames):
    """Return what rs1090 reads in each frame; it leaves out those that it refuses."""
    hexes = [frame.hex() for frame in frames]
    by_frame = {message["frame"]: message for message in rs1090.decode(hexes, [float(i) for i in range(len(hexes))])}
    return [by_frame.get(one) for one in hexes]


def messages(frames):
    return np.array([int.from_bytes(frame[4:11], "big") for frame in frames], np.int64)


def test_parity_is_the_remainder_of_long_division():
    rng = np.random.default_rng(1)
    frames = [rng.bytes(14 if i % 2 else 7) for i in range(200)]
    octets = np.frombuffer(b"".join(frame.ljust(14, b"\0") for frame in frames), np.uint8).reshape(-1, 14)
    length = np.array([len(frame) for frame in frames])
    expected = [make.parity(frame[:-3]) ^ int.from_bytes(frame[-3:], "big") for frame in frames]
    assert fields.syndrome(octets, length).tolist() == expected


def test_altitudes_are_those_of_rs1090_for_every_code():
    codes = np.arange(4096)
    frames = [make.squitter(make.packed((11, 5), (0, 3), (int(code), 12), (0, 2), (1, 17), (1, 17))) for code in codes]
    theirs = np.array([(told or {}).get("altitude") for told in told_by_rs1090(frames)], np.float64)
    ours = fields.altitude_m(codes) / FOOT_M
    told = np.isfinite(theirs)
    assert told.sum() > 2500
    np.testing.assert_allclose(ours[told], theirs[told], atol=1e-6)
    assert ours[~told & np.isfinite(ours)].min() < 0.0  # rs1090 leaves out what is above 50,000 ft and Gillham below 0
    assert np.nanmax(ours) == pytest.approx(126_700.0)


def test_call_signs_and_codes_are_those_of_rs1090():
    rng = np.random.default_rng(2)
    letters = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"))
    call_signs = ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(100)]
    frames = [make.identification(call_sign) for call_sign in call_signs]
    assert fields.call_sign(messages(frames)).tolist() == call_signs
    assert [told["callsign"] for told in told_by_rs1090(frames)] == call_signs
    squawks = rng.integers(0, 4096, 200)
    replies = [make.identity_reply(int(squawk)) for squawk in squawks]
    assert (
        fields.mode_3a(np.array([make.identity_code(int(squawk)) for squawk in squawks])).tolist() == squawks.tolist()
    )
    theirs = [int(told["squawk"], 8) for told in (rs1090.decode(reply.hex()) for reply in replies)]
    assert theirs == squawks.tolist()


def test_velocities_are_those_of_rs1090():
    rng = np.random.default_rng(3)
    told = [(*rng.integers(-1021, 1022, 2).tolist(), int(rng.integers(-500, 500)) * 64) for _ in range(200)]
    frames = [make.velocity(*one) for one in told]
    ours = fields.airborne_velocity_m_s(messages(frames))
    np.testing.assert_allclose(ours[:, :2] / KNOT_M_S, np.array(told)[:, :2], atol=1e-9)
    np.testing.assert_allclose(ours[:, 2] / FOOT_M * 60.0, np.array(told)[:, 2], atol=1e-6)
    for velocity, theirs in zip(ours, told_by_rs1090(frames), strict=True):
        assert math.hypot(velocity[0], velocity[1]) == pytest.approx(theirs["groundspeed"] * KNOT_M_S, abs=1e-9)
        assert velocity[2] == pytest.approx(theirs["vertical_rate"] * FOOT_M / 60.0)


def test_supersonic_velocities_count_four_knots():
    """Subtype 2 (DO-260B 2.2.3.2.6.2); rs1090 0.7.0 reads it as subtype 1."""
    frame = make.velocity(-1600, 2000, None, subtype=2)
    velocity = fields.airborne_velocity_m_s(messages([frame]))[0]
    assert velocity[:2].tolist() == pytest.approx([-1600 * KNOT_M_S, 2000 * KNOT_M_S])
    assert math.isnan(velocity[2])


def test_what_is_not_said_is_not_a_number():
    velocity = fields.airborne_velocity_m_s(
        messages([make.velocity(None, 100, 640), make.velocity(1, 1, 64, subtype=3)])
    )
    assert np.isnan(velocity[:, :2]).all()
    assert velocity[:, 2] / FOOT_M * 60.0 == pytest.approx([640.0, 64.0])


def test_movement_on_the_ground_is_that_of_rs1090():
    frames = [make.surface(47.0, 8.0, movement, 90.0, odd=False) for movement in range(128)]
    ours = fields.surface_velocity_m_s(messages(frames))
    for velocity, theirs in zip(ours, told_by_rs1090(frames), strict=True):
        if theirs is None or theirs.get("groundspeed") is None:
            continue
        assert velocity[0] == pytest.approx(theirs["groundspeed"] * KNOT_M_S, abs=1e-9)
    assert np.isfinite(ours[:, 0]).sum() == 124


@pytest.mark.parametrize("speed_m_s", [60.0, 250.0, 1500.0])
def test_positions_are_found_all_over_the_globe_at_any_speed(speed_m_s):
    rng = np.random.default_rng(int(speed_m_s))
    frames, truth = [], {}
    for aircraft in range(60):
        lat, lon = rng.uniform(-84.0, 84.0), rng.uniform(-180.0, 180.0)
        course, t = rng.uniform(0.0, 2.0 * np.pi), 0.0
        for _ in range(80):
            t += rng.choice([0.5, 0.5, 0.5, 2.0, 25.0], p=[0.3, 0.3, 0.34, 0.05, 0.01])
            now_lat = lat + np.degrees(speed_m_s * t * np.cos(course) / 6.371e6)
            if abs(now_lat) > 87.0:
                break
            now_lon = lon + np.degrees(speed_m_s * t * np.sin(course) / 6.371e6 / np.cos(np.radians(now_lat)))
            now_lon = (now_lon + 180.0) % 360.0 - 180.0
            frames.append(
                (1e6 + t, make.airborne(now_lat, now_lon, 30_000, odd=bool(rng.integers(2)), address=aircraft))
            )
            truth[aircraft, round((1e6 + t) * 1e6)] = now_lat, now_lon
    decoded = decode(sorted(frames, key=lambda one: one[0]))
    batch = decoded.detections[0]
    told = zip(batch.identity.icao_address.tolist(), (batch.time_ns // 1000).tolist(), strict=True)
    expected = np.array([truth[one] for one in told])
    lat, lon = np.degrees(batch.values[:, 0]), np.degrees(batch.values[:, 1])
    north_m = (lat - expected[:, 0]) * 111_200.0
    east_m = ((lon - expected[:, 1] + 180.0) % 360.0 - 180.0) * 111_200.0 * np.cos(np.radians(expected[:, 0]))
    assert np.hypot(north_m, east_m).max() < 5.1 * 1.42  # half a step is 2.6 m in latitude, in longitude up to 5.1 m
    assert len(batch) > 0.93 * len(frames)


def test_positions_on_the_ground_need_a_reference():
    frames = [(1e6 + i, make.surface(-33.945, 151.175, 30, 45.0, odd=bool(i % 2))) for i in range(6)]
    alone = decode(frames)
    assert not alone.detections
    assert alone.counts["DF 17 extended squitter position, not resolved"] == 6
    sydney = {"reference_lat_rad": math.radians(-34.0), "reference_lon_rad": math.radians(149.0)}
    batch = decode(frames, **sydney).detections[0]
    assert len(batch) == 5  # the first has no partner
    np.testing.assert_allclose(np.degrees(batch.values[:, :2]), [[-33.945, 151.175]] * 5, atol=2e-5)
    assert np.isnan(batch.values[:, 2]).all()
    assert (batch.values[:, 5] == 0.0).all()
    east, north = batch.values[0, 3:5] / KNOT_M_S
    assert math.hypot(east, north) == pytest.approx(10.5)
    assert math.degrees(math.atan2(east, north)) == pytest.approx(45.0)


def test_all_three_ways_of_writing_frames_give_the_same():
    samples = make.mode_s()
    by_json = mode_s.decode(samples["flight.jsonl"], Context()).detections[0]
    assert set(by_json.identity.call_sign.tolist()) == {"NOR123"}
    assert set(by_json.identity.mode_3a.tolist()) == {0o1234}
    assert set(by_json.identity.icao_address.tolist()) == {0x3C6DD0}
    for name in ("flight.avr", "flight.beast"):
        other = mode_s.decode(samples[name], Context(day_ns=DAY_NS))
        np.testing.assert_array_equal(other.detections[0].values, by_json.values)
        assert np.abs(np.diff(other.detections[0].time_ns) - np.diff(by_json.time_ns)).max() < 2_000
        assert other.counts == mode_s.decode(samples["flight.jsonl"], Context()).counts
    zipped = mode_s.decode(gzip.compress(samples["flight.jsonl"]), Context()).detections[0]
    np.testing.assert_array_equal(zipped.values, by_json.values)


def test_velocity_is_taken_only_while_it_is_young():
    place = [
        (1e6 + t, make.airborne(47.0, 8.0, 10_000, odd=odd)) for t, odd in ((0.0, False), (0.5, True), (3.1, False))
    ]
    batch = decode([(1e6 - 0.2, make.velocity(100, 200, 640)), *place]).detections[0]
    assert np.isfinite(batch.values[:, 3]).tolist() == [True, False]
    assert batch.values[0, 3:] == pytest.approx([100 * KNOT_M_S, 200 * KNOT_M_S, 640 * FOOT_M / 60.0])
    other = decode([(1e6 - 0.2, make.velocity(100, 200, 640, address=7)), *place]).detections[0]
    assert np.isnan(other.values[:, 3:]).all()


def test_height_differences_are_told():
    decoded = decode([(1e6, make.velocity(1, 1, 0, gnss_ft=-275)), (1e6 + 1, make.velocity(1, 1, 0))])
    assert decoded.statuses[0].subject.tolist() == ["GNSS height minus pressure altitude of 3c6dd0 [m]"]
    assert decoded.statuses[0].value.tolist() == pytest.approx([-275 * FOOT_M])


def test_damage_is_counted_by_reason_and_the_rest_read():
    frames = [frame for _, frame in make.flight()]
    bent = bytes([*frames[5][:-1], frames[5][-1] ^ 1])
    lines = [
        json.dumps({"timestamp": 1e6, "frame": bent.hex()}),
        json.dumps({"timestamp": 1e6, "frame": "8d3c6d"}),
        json.dumps({"timestamp": 1e6, "frame": "not hexadecimal"}),
        json.dumps({"frame": frames[5].hex()}),
        json.dumps({"timestamp": -5, "frame": frames[5].hex()}),
        json.dumps({"timestamp": 1e6, "frame": "18" + "00" * 6}),
        '{"timestamp": 1e6}',
        "{",
    ]
    decoded = mode_s.decode("\n".join(lines).encode() + b"\n" + make.mode_s()["flight.jsonl"], Context())
    assert decoded.damage == {
        "bad parity": 1,
        "frame of wrong length": 1,
        "frame is not hexadecimal": 1,
        "no time": 2,
        "unknown downlink format": 1,
        "not a JSON line with a frame": 2,
    }
    assert len(decoded.detections[0]) == len(mode_s.decode(make.mode_s()["flight.jsonl"], Context()).detections[0])


def test_every_single_bit_error_is_found():
    frame = make.airborne(47.0, 8.0, 10_000, odd=False)
    for bit in range(5, 112):  # an error in the first five makes another format of it
        bent = (int.from_bytes(frame, "big") ^ 1 << (111 - bit)).to_bytes(14, "big")
        with pytest.raises(FormatError, match="1 x bad parity"):
            decode([(1e6, bent)])


def test_an_address_that_is_not_the_aircrafts_own_is_left_out():
    message = make.airborne(47.0, 8.0, 10_000, odd=False)[4:11], make.airborne(47.0, 8.0, 10_000, odd=True)[4:11]
    for control, address in ((0, 0x3C6DD0), (1, -1), (5, -1), (6, 0x3C6DD0)):
        frames = [
            (1e6 + i, make.squitter(int.from_bytes(one, "big"), downlink=18, control=control))
            for i, one in enumerate(message)
        ]
        batch = decode(frames).detections[0]
        assert batch.identity.icao_address.tolist() == [address]
    refused = [
        (1e6 + i, make.squitter(int.from_bytes(one, "big"), downlink=18, control=3)) for i, one in enumerate(message)
    ]
    assert not decode(refused).detections


def test_stamps_of_a_gps_clock_are_told_from_a_counter():
    frames = make.flight()
    late_s = 86_395.0

    def gps(t):
        return int(late_s + t) % 86_400 << 30 | round((late_s + t) % 1.0 * 1e9)

    decoded = mode_s.decode(make.beast(frames, gps), Context(day_ns=DAY_NS))
    placed = mode_s.decode(json_lines(frames[1:]), Context(received_ns=1)).detections
    assert placed is not None
    times_s = (decoded.detections[0].time_ns - DAY_NS) / 1e9
    assert times_s[0] == pytest.approx(late_s + 1.0)
    assert times_s[-1] == pytest.approx(late_s + 18.0)  # past midnight
    assert not decoded.notes
    live = mode_s.decode(make.beast(frames, make.ticks), Context(received_ns=DAY_NS + NS_PER_DAY // 2))
    assert live.detections[0].time_ns[-1] == DAY_NS + NS_PER_DAY // 2
    assert not live.notes


def test_a_counter_that_is_put_at_midnight_is_told():
    frames = make.flight()
    counted = mode_s.decode(make.beast(frames, make.ticks), Context(day_ns=DAY_NS))
    assert DAY_NS <= counted.detections[0].time_ns[0] < DAY_NS + 60 * 10**9
    assert counted.notes == [mode_s.COUNTED]
    assert not decode(frames).notes  # JSON lines have full times


def test_frames_without_a_date_say_so():
    with pytest.raises(FormatError, match="say of which day"):
        mode_s.decode(make.mode_s()["flight.beast"], Context())


def test_padded_short_frames_are_read():
    """As in the recordings of jet1090, where every frame has 14 bytes."""
    decoded = decode([(1e6, make.identity_reply(0o7700).ljust(14, b"\x55"))])
    assert decoded.counts == {"DF 5 identity reply, address not heard otherwise": 1}


@pytest.mark.skipif(not TOULOUSE.exists(), reason="needs the recordings in ../shared/data")
def test_a_real_recording_gives_the_positions_that_another_program_wrote():
    data = TOULOUSE.read_bytes()
    decoded = mode_s.decode(data, Context())
    known: dict[tuple[int, int], list[dict]] = {}
    for line in gzip.decompress(data).splitlines():
        row = json.loads(line)
        if "latitude" in row:
            known.setdefault((int(row["icao24"], 16), round(row["timestamp"] * 1e6) * 1000), []).append(row)
    batch = decoded.detections[0]
    assert not decoded.damage
    assert decoded.n_records == 71_939
    assert len(batch) >= 13_440
    assert (batch.quality == Quality.GOOD).all()
    place_deg, altitude_ft = np.degrees(batch.values[:, :2]), batch.values[:, 2] / FOOT_M
    for i, key in enumerate(zip(batch.identity.icao_address.tolist(), batch.time_ns.tolist(), strict=True)):
        rows = known[key]
        assert (
            min(abs(row["latitude"] - place_deg[i, 0]) + abs(row["longitude"] - place_deg[i, 1]) for row in rows) < 1e-9
        )
        if row_altitudes := [row["altitude"] for row in rows if row.get("altitude")]:
            assert min(abs(altitude_ft[i] - altitude) for altitude in row_altitudes) < 1e-6
    assert np.isfinite(batch.values[:, 3]).mean() > 0.99
