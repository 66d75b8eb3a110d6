"""Tables of position reports: both dialects, all containers, and the flights of the `traffic` package."""

import importlib.util
import io
import json
import math
from pathlib import Path

import make_samples as make
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noroshi.formats import Context, FormatError, cells, opensky, reading
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Quality
from noroshi.sensors.position_report import GROUND_CLIMB_SIGMA_M_S

KNOT_M_S, FOOT_M = 1852.0 / 3600.0, 0.3048


def flight(name: str) -> bytes:
    found = importlib.util.find_spec("traffic")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs the package `traffic` (its data files)")
    return next(Path(found.submodule_search_locations[0]).glob(f"data/samples/*/{name}.json.gz")).read_bytes()


def decode(rows):
    return opensky.decode(json.dumps(rows).encode(), Context(source="reports"))


def row(**told):
    base = {"timestamp": 1_700_000_000_000, "icao24": "4ca216", "latitude": 47.0, "longitude": 8.0, "altitude": 1000.0}
    return {**base, **told}


def test_feet_and_knots():
    decoded = decode([row(groundspeed=100.0, track=90.0, vertical_rate=-600.0, callsign="ein5gv ", squawk=7700)])
    batch = decoded.detections[0]
    assert batch.time_ns.tolist() == [1_700_000_000 * 10**9]
    expected = [math.radians(47.0), math.radians(8.0), 304.8, 100 * KNOT_M_S, 0.0, -600 * FOOT_M / 60.0]
    assert batch.values[0].tolist() == pytest.approx(expected, abs=1e-9)
    assert batch.identity.icao_address.tolist() == [0x4CA216]
    assert batch.identity.mode_3a.tolist() == [0o7700]
    assert batch.identity.call_sign.tolist() == ["EIN5GV"]


def test_metres_and_metres_a_second():
    vector = {"time": 1.7e9, "icao24": "4ca216", "lat": 47.0, "lon": 8.0, "velocity": 100.0, "heading": 180.0}
    batch = decode([vector | {"vertrate": -3.0, "baroaltitude": 1000.0, "geoaltitude": 1100.0}]).detections[0]
    assert batch.values[0, 2:].tolist() == pytest.approx([1000.0, 0.0, -100.0, -3.0], abs=1e-9)


def test_a_geometric_height_stands_in_and_is_counted_apart():
    decoded = decode([row(altitude=None, geoaltitude=2000.0), row(timestamp=1_700_000_001_000, icao24="4ca217")])
    assert decoded.detections[0].values[:, 2] / FOOT_M == pytest.approx([2000.0, 1000.0])
    assert decoded.counts == {"position report, geometric height": 1, "position report": 1}


def test_a_position_has_the_time_at_which_it_was_measured():
    batch = decode([row(last_position=1_699_999_998_500), row(timestamp=1_700_000_001_000, latitude=47.1)]).detections[
        0
    ]
    assert batch.time_ns.tolist() == [1_699_999_998_500_000_000, 1_700_000_001_000_000_000]


@pytest.mark.parametrize("said", [(True, False, None), ("True", "False", ""), (1, 0, None)])
def test_who_is_on_the_ground_does_not_climb(said):
    rows = [
        row(timestamp=1_700_000_000_000 + 1000 * i, vertical_rate=640.0, onground=one) for i, one in enumerate(said)
    ]
    batch = decode([{**each, "latitude": 47.0 + 1e-4 * i} for i, each in enumerate(rows)]).detections[0]
    assert np.isnan(batch.values[:, 2]).tolist() == [True, False, False]
    assert batch.values[:, 5].tolist() == pytest.approx([0.0, 3.2512, 3.2512])
    assert batch.covariances[0, 5, 5] == pytest.approx(GROUND_CLIMB_SIGMA_M_S**2)
    assert np.isnan(batch.covariances[1:, 5, 5]).all()


def test_who_is_too_fast_to_taxi_keeps_a_height_that_is_as_it_was():
    altitude = [35_000.0, 35_000.0, 123_100.0, 35_000.0, 35_000.0]
    rows = [
        row(timestamp=1_700_000_000_000 + 1000 * i, latitude=47.0 + 2e-3 * i, altitude=feet, onground=i > 0)
        for i, feet in enumerate(altitude)
    ]
    same = {"groundspeed": 430.0, "track": 0.0, "vertical_rate": 64.0}
    batch = decode([each | same for each in rows]).detections[0]
    # The one after the garbled height has that before it.
    np.testing.assert_allclose(batch.values[:, 2], [10_668.0, 10_668.0, np.nan, np.nan, 10_668.0])
    assert np.isnan(batch.values[:, 5]).tolist() == [False, True, True, True, True]
    assert np.isnan(batch.covariances[:, 5, 5]).all()
    bare = decode([each | same | {"altitude": None} for each in rows]).detections[0]
    assert np.isnan(bare.values[1:, 5]).all()  # it may fly: that it does not climb is not said
    slow = decode([each | same | {"groundspeed": 20.0} for each in rows]).detections[0]
    assert np.isnan(slow.values[:, 2]).tolist() == [False, True, True, True, True]
    assert (slow.values[1:, 5] == 0.0).all()


def test_a_position_that_is_held_over_is_no_new_one():
    moving = [row(timestamp=1_700_000_000_000 + 1000 * i, groundspeed=300.0, track=10.0) for i in range(3)]
    parked = [
        row(timestamp=1_700_000_010_000 + 1000 * i, groundspeed=0.0, track=10.0, icao24="000001") for i in range(3)
    ]
    decoded = decode(moving + parked)
    assert decoded.detections[0].quality.tolist() == [0, Quality.DUPLICATE, Quality.DUPLICATE, 0, 0, 0]
    assert decoded.counts["position report, held over"] == 2


def test_a_velocity_that_stands_still_is_left_out():
    rows = [
        row(timestamp=1_700_000_000_000 + 1000 * i, latitude=47.0 + 1e-4 * i, groundspeed=120.0, track=0.0)
        for i in range(20)
    ]
    rows[19]["groundspeed"] = 121.0
    decoded = decode(rows)
    known = np.isfinite(decoded.detections[0].values[:, 3])
    assert known.tolist() == [True] * 11 + [False] * 8 + [True]
    assert decoded.counts["position report, velocity held over"] == 8


def test_every_container_gives_the_same():
    samples = make.opensky()
    tables = [opensky.decode(samples[name], Context()).detections[0] for name in ("vectors.csv", "vectors.parquet")]
    np.testing.assert_array_equal(tables[0].values, tables[1].values)
    listed = [opensky.decode(samples[name], Context()).detections[0] for name in ("reports.json", "reports.json.gz")]
    np.testing.assert_array_equal(listed[0].values, listed[1].values)
    columns = opensky.decode(samples["columns.json"], Context()).detections[0]
    np.testing.assert_array_equal(columns.values[:3], listed[0].values[:3])
    by_array = json.dumps({"timestamp": [1.7e9], "latitude": [1.0], "longitude": [2.0]}).encode()
    assert len(opensky.decode(by_array, Context()).detections[0]) == 1


def test_damage_is_counted():
    rows = [
        row(),
        row(timestamp=None),
        row(latitude=None),
        row(timestamp="yesterday"),
        7,
        row(icao24=None, latitude=46.0),
    ]
    decoded = decode(rows)
    assert decoded.damage == {"no time": 2, "not an object of numbers and text": 1}
    assert decoded.counts == {"position report": 2, "report without a position": 1}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"time,speed\n1,2\n", "needs latitude, longitude and timestamp; found columns speed, time"),
        (b"[]", "needs latitude"),
        (b'{"timestamp":[1],"latitude":[1,2],"longitude":[1]}', "not of equal length"),
        (b'[{"timestamp":null,"latitude":1,"longitude":2}]', "needs latitude"),
    ],
)
def test_what_is_no_such_table_is_refused(data, complaint):
    with pytest.raises(FormatError, match=complaint):
        opensky.decode(data, Context())


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(monkeypatch):
    for module in (reading, cells):
        monkeypatch.setattr(module, "UNPACKED_BYTES_MAX", 1000)
    with pytest.raises(FormatError, match="unpacks to more"):
        opensky.decode(make.opensky()["reports.json.gz"], Context())
    sink = io.BytesIO()
    pq.write_table(pa.table({name: np.zeros(1000) for name in ("time", "lat", "lon")}), sink)
    with pytest.raises(FormatError, match="holds more"):
        opensky.decode(sink.getvalue(), Context())


def test_three_hundred_thousand_reports():
    decoded = opensky.decode(flight("quickstart"), Context())
    assert decoded.n_records == 284_505
    assert not decoded.damage
    batch = decoded.detections[0]
    assert len(np.unique(batch.identity.icao_address)) == 213
    assert batch.values[0].tolist() == pytest.approx(
        [
            math.radians(48.4824371338),
            math.radians(3.8288057767),
            13_650 * FOOT_M,
            325 * KNOT_M_S * math.sin(math.radians(311.1362180242)),
            325 * KNOT_M_S * math.cos(math.radians(311.1362180242)),
            -896 * FOOT_M / 60.0,
        ]
    )
    assert batch.identity.call_sign[0] == "MSR799"


def test_reported_velocities_agree_with_the_places():
    """East and north are not swapped, knots are knots: a real flight's steps are its velocities."""
    batch = opensky.decode(flight("noisy_time_issue"), Context()).detections[0]
    good = np.flatnonzero((batch.quality == Quality.GOOD) & np.isfinite(batch.values[:, 3]))[::20]
    values, time_s = batch.values[good], batch.time_ns[good] / 1e9
    place = ecef_from_geodetic(values[:, 0], values[:, 1], 0.0)
    dt_s = np.diff(time_s)
    near = dt_s < 60.0
    flown = np.diff(place, axis=0)[near] / dt_s[near, None]
    told = np.vecmat(values[:-1, 3:5], enu_axes(values[:-1, 0], values[:-1, 1])[:, :2])[near]
    assert near.sum() > 100
    assert np.median(np.linalg.norm(flown - told, axis=1)) < 10.0


def flying(way_deg, told_deg):
    """Return a table of an aircraft that flies one way at 100 m/s and says what it says of it."""
    lines = ["timestamp,icao24,latitude,longitude,altitude,groundspeed,track"]
    for k in range(20):
        north_m, east_m = (
            5.0 * k * 100.0 * np.array([np.cos(np.radians(way_deg)), np.sin(np.radians(way_deg))])
        ).tolist()
        lat, lon = 45 + np.degrees(north_m / 6.37e6), 7 + np.degrees(east_m / 6.37e6 / np.cos(np.radians(45)))
        told = told_deg + 0.01 * k
        lines.append(f"{1_700_000_000 + 5 * k},39b415,{lat:.6f},{lon:.6f},3000,{194.4 + 0.1 * k},{told}")
    return opensky.decode("\n".join(lines).encode(), Context())


@pytest.mark.parametrize("way_deg", [130.0, 228.0, 256.5, 300.0, 355.0])
def test_a_course_that_was_kept_in_a_byte_is_put_right(way_deg):
    """228 degrees in a signed byte are -28, 300 are 44."""
    decoded = flying(way_deg, way_deg - 256.0)
    east, north = decoded.detections[0].values[:, 3:5].T
    course = np.degrees(np.arctan2(east, north)) % 360.0
    np.testing.assert_allclose(course, way_deg + 0.01 * np.arange(20), atol=1e-6)
    assert decoded.counts["position report, course out of a byte"] == 20


@pytest.mark.parametrize(("off_deg", "kept"), [(0.0, True), (90.0, False), (180.0, False)])
def test_a_course_that_contradicts_the_movement_is_not_believed(off_deg, kept):
    decoded = flying(228.0, (228.0 + off_deg) % 360.0)
    assert np.isfinite(decoded.detections[0].values[:, 3:5]).all() == kept
    assert np.isfinite(decoded.detections[0].values[:, :3]).all()
    assert decoded.counts["position report, velocity against the movement"] == (0 if kept else 20)
