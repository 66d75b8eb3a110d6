"""The tables: what is written is read again, plain plots load, docs/tables.md tells the truth."""

import dataclasses
import io
import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from noroshi.formats import Context, FormatError, tables
from noroshi.geo.time import NS_PER_DAY
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import (
    Detections,
    Identity,
    Kind,
    Quality,
    SensorSite,
    Tracks,
    TrackStatus,
    Truth,
    digest,
    take,
)

DOCS = Path(__file__).resolve().parents[2] / "docs" / "tables.md"
FORMS = pytest.mark.parametrize("form", ["parquet", "csv"])


def tracks(n=40):
    rng = np.random.default_rng(n)
    root = rng.normal(size=(n, 6, 6))
    place = ecef_from_geodetic(rng.uniform(-1.5, 1.5, n), rng.uniform(-3.1, 3.1, n), rng.uniform(-100.0, 5e5, n))
    return Tracks(
        node="north",
        source_names=("radar", "adsb", "never"),
        track_id=np.arange(n, dtype=np.uint64) + np.uint64(2**63),
        time_ns=1_700_000_000_123_456_789 + np.arange(n, dtype=np.int64),
        updated_ns=1_700_000_000_000_000_001 + np.arange(n, dtype=np.int64),
        revision=np.arange(n, dtype=np.int32),
        state_ecef=np.hstack((place, rng.normal(size=(n, 3)) * 500.0)),
        covariance_ecef=root @ root.swapaxes(1, 2),
        existence=rng.uniform(size=n),
        kind_probability=rng.dirichlet(np.ones(7), n),
        status=(np.arange(n) % 4).astype(np.uint8),
        sources=np.column_stack((np.ones(n, bool), np.arange(n) % 2 == 0, np.zeros(n, bool))),
        identity=Identity(
            icao_address=np.arange(n) - 1,
            mode_3a=np.arange(n) * 100 - 1,
            mmsi=np.arange(n) - 1,
            call_sign=np.array([f"NOR{i}" if i % 3 else "" for i in range(n)], "<U8"),
        ),
        label="REL XX",
    )


@pytest.mark.parametrize("n", [0, 1, 40])
def test_tracks_come_back_to_the_bit(n):
    made = tracks(n)
    data = tables.encode_tracks(made)
    decoded = tables.decode(data, Context())
    assert [digest(one) for one in decoded.tracks] == [digest(made)]
    assert tables.encode_tracks(tracks(n)) == data
    assert decoded.n_records == n


def test_tracks_are_the_table_of_the_design_for_anybody_else():
    """Read by pandas, not by us; the first thirteen columns in the order that others rely on."""
    made = tracks()
    table = pd.read_parquet(io.BytesIO(tables.encode_tracks(made)))
    assert list(table.columns[:13]) == [
        *("time_ns", "track", "node", "kind", "status", "lat_deg", "lon_deg", "altitude_m"),
        *("velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s", "position_sigma_m", "sources"),
    ]
    np.testing.assert_array_equal(np.stack(table["state_ecef"]), made.state_ecef)
    np.testing.assert_array_equal(np.stack(table["covariance_ecef"]).reshape(-1, 6, 6), made.covariance_ecef)
    place = ecef_from_geodetic(
        np.radians(table["lat_deg"].to_numpy()), np.radians(table["lon_deg"].to_numpy()), table["altitude_m"].to_numpy()
    )
    np.testing.assert_allclose(place, made.state_ecef[:, :3], atol=1e-6)
    speed = np.linalg.norm(table[[f"velocity_{axis}_m_s" for axis in ("east", "north", "up")]], axis=1)
    np.testing.assert_allclose(speed, np.linalg.norm(made.state_ecef[:, 3:], axis=1))
    sigma = np.sqrt(np.trace(made.covariance_ecef[:, :3, :3], axis1=1, axis2=2) / 3.0)
    np.testing.assert_allclose(table["position_sigma_m"], sigma)
    assert table["sources"][0].tolist() == ["radar", "adsb"]
    assert table["status"][:4].tolist() == ["tentative", "firm", "coasting", "lost"]


def test_tracks_in_csv_keep_what_csv_can_hold():
    made = tracks()
    decoded = tables.decode(tables.encode_tracks(made, form="csv"), Context()).tracks[0]
    np.testing.assert_allclose(decoded.state_ecef, made.state_ecef, atol=1e-6)
    for name in ("track_id", "time_ns", "updated_ns", "revision", "existence", "status"):
        np.testing.assert_array_equal(getattr(decoded, name), getattr(made, name))
    np.testing.assert_array_equal(decoded.kind_probability.argmax(axis=1), made.kind_probability.argmax(axis=1))
    np.testing.assert_array_equal(decoded.identity.call_sign, made.identity.call_sign)
    assert decoded.node == "north"
    assert decoded.label == "REL XX"
    assert decoded.source_names == ("radar", "adsb")
    assert np.isnan(decoded.covariance_ecef[:, 3, 3]).all()


def test_tracks_of_two_nodes_are_kept_apart():
    both = (
        tables.encode_tracks(tracks(4), form="csv")
        + tables.encode_tracks(tracks(3).replace(node="south"), form="csv").split(b"\n", 1)[1]
    )
    assert [(one.node, len(one)) for one in tables.decode(both, Context()).tracks] == [("north", 4), ("south", 3)]


def test_a_strangers_tracks_have_names_and_plain_defaults():
    data = b"time,track,lat,lon,altitude_m\n2024-06-06T00:00:00Z,B7,47,8,1000\n2024-06-06T00:00:01Z,A1,47,8,1000\n"
    read = tables.decode(data, Context(source="theirs")).tracks[0]
    assert read.track_id.tolist() == [0, 1]
    assert read.node == "theirs"
    assert read.existence.tolist() == [1.0, 1.0]
    assert read.status.tolist() == [TrackStatus.FIRM] * 2
    assert read.kind_probability[:, Kind.UNKNOWN].tolist() == [1.0, 1.0]
    np.testing.assert_array_equal(read.updated_ns, read.time_ns)


@FORMS
def test_detections_come_back(form):
    radar = Detections.of(
        sensor="radar",
        components=("range_m", "azimuth_rad", "elevation_rad", "altitude_m", "range_rate_m_s"),
        time_ns=np.array([10**18, 10**18 + 1]),
        values=np.array([[1e5, 1.5, np.nan, 9000.0, -200.0], [1e4, 3.5, 0.25, np.nan, np.nan]]),
        sigmas=np.array([70.0, 0.0014, 0.002, 7.0, 2.0]),
        origin_ecef_m=ecef_from_geodetic(0.8, 0.1, 500.0),
        identity=Identity.absent(2).replace(mode_3a=np.array([0o7700, -1])),
    )
    reports = Detections.of(
        sensor="adsb",
        components=("lat_rad", "lon_rad", "altitude_m", "velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s"),
        time_ns=np.array([10**18]),
        values=np.array([[0.8, -2.5, 10_000.0, 200.0, -50.0, 1.0]]),
    )
    reports = reports.replace(quality=np.array([Quality.DUPLICATE], np.uint8))
    decoded = tables.decode(tables.encode_detections([radar, reports], form=form), Context())
    assert [batch.sensor for batch in decoded.detections] == ["radar", "adsb"]
    for batch, made in zip(decoded.detections, (radar, reports), strict=True):
        assert batch.components == made.components
        np.testing.assert_array_equal(batch.time_ns, made.time_ns)
        np.testing.assert_allclose(batch.values, made.values, rtol=1e-15)
        np.testing.assert_allclose(batch.covariances, made.covariances, rtol=1e-12)
        np.testing.assert_allclose(batch.origin_ecef_m, made.origin_ecef_m, atol=1e-6)
        np.testing.assert_array_equal(batch.identity.mode_3a, made.identity.mode_3a)
        np.testing.assert_array_equal(batch.quality, made.quality)
    assert [(site.sensor, site.type) for site in decoded.sites] == [
        ("radar", "search_radar"),
        ("adsb", "position_report"),
    ]


@FORMS
def test_sensors_and_truth_come_back(form):
    sites = [
        SensorSite(
            sensor="one",
            type="search_radar",
            nation="XX",
            lat_rad=0.8,
            lon_rad=0.1,
            height_m=5.0,
            parameters={"range_sigma_m": 50.0},
        ),
        SensorSite(sensor="two", type="position_report"),
    ]
    read = tables.decode(tables.encode_sensors(sites, form=form), Context()).sites
    assert (read[0].lat_rad, read[0].lon_rad) == pytest.approx((0.8, 0.1), rel=1e-15)
    assert dataclasses.replace(read[0], lat_rad=0.8, lon_rad=0.1) == sites[0]
    assert (read[1].sensor, read[1].type, dict(read[1].parameters)) == ("two", "position_report", {})
    assert math.isnan(read[1].lat_rad)
    made = tracks(5)
    truth = Truth(
        target=np.array(["a", "a", "b", "b", "b"]),
        time_ns=made.time_ns,
        kind=np.array([1, 1, 3, 3, 3], np.uint8),
        state_ecef=made.state_ecef,
        identity=made.identity,
    )
    truth.state_ecef[4, 3:] = np.nan
    back = tables.decode(tables.encode_truth(truth, form=form), Context()).truths[0]
    np.testing.assert_allclose(back.state_ecef, truth.state_ecef, atol=1e-6)
    for name in ("target", "time_ns", "kind"):
        np.testing.assert_array_equal(getattr(back, name), getattr(truth, name))
    np.testing.assert_array_equal(back.identity.mmsi, truth.identity.mmsi)


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("t,x,y", "1.5,10,20", ("local_position", [10.0, 20.0, np.nan])),
        ("T; X ;Y;Z", "1.5;10;20;30", ("local_position", [10.0, 20.0, 30.0])),
        ("time_s,x_km,y_km", "1.5,0.01,0.02", ("local_position", [10.0, 20.0, np.nan])),
        ("t,range,azimuth_deg", "1.5,1000,90", ("search_radar", [1000.0, np.pi / 2, np.nan, np.nan, np.nan])),
        (
            "t,range_nmi,azimuth_rad,elevation_deg,altitude_ft,range_rate_kt",
            "1.5,1,1,45,1000,100",
            ("search_radar", [1852.0, 1.0, np.pi / 4, 304.8, 100 * 1852.0 / 3600.0]),
        ),
        ("t,latitude,longitude", "1.5,90,-180", ("position_report", [np.pi / 2, -np.pi, *[np.nan] * 4])),
    ],
)
def test_plain_plots_load(header, row, expected):
    decoded = tables.decode(f"{header}\n{row}\n".encode(), Context(source="mine"))
    batch = decoded.detections[0]
    assert decoded.sites[0].type == expected[0]
    np.testing.assert_allclose(batch.values[0], expected[1], rtol=1e-12)
    assert batch.time_ns.tolist() == [NS_PER_DAY + 1_500_000_000]
    assert batch.sensor == "mine"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("time_ns", "1700000000123456789", 1_700_000_000_123_456_789),
        ("time_ns", "5", 5),
        ("time_s", "1700000000.5", 1_700_000_000_500_000_000),
        ("time", "1700000000.5", 1_700_000_000_500_000_000),
        ("time", "1700000000500", 1_700_000_000_500_000_000),
        ("timestamp", "1700000000500000", 1_700_000_000_500_000_000),
        ("time", "2023-11-14T22:13:20.5Z", 1_700_000_000_500_000_000),
        ("time", "2023-11-15 00:13:20.5+02:00", 1_700_000_000_500_000_000),
        ("time", "2023/11/14 22:13:20.5", 1_700_000_000_500_000_000),
        ("t", "3.25", 1_600_000_000_000_000_000 + 3_250_000_000),
    ],
)
def test_time_in_many_ways(name, text, expected):
    decoded = tables.decode(f"{name},x,y\n{text},1,2\n".encode(), Context(day_ns=1_600_000_000_000_000_000))
    assert decoded.detections[0].time_ns.tolist() == [expected]


def test_the_calendar_is_that_of_pandas():
    moments = pd.date_range("1971-01-01", "2199-12-31", periods=500).round("us")
    text = "\n".join(f"{moment.isoformat()},1,2" for moment in moments)
    decoded = tables.decode(f"time,x,y\n{text}\n".encode(), Context())
    assert decoded.detections[0].time_ns.tolist() == moments.as_unit("ns").asi8.tolist()


def test_what_is_wrong_with_rows_is_counted_and_unused_columns_are_told():
    data = b"time,x,y,colour\n2023-02-29T00:00:00Z,1,2,red\n,1,2,red\n1,,2,red\n2,1\n3,1,2,red\n"
    decoded = tables.decode(data, Context())
    assert decoded.damage == {"no time": 2, "wrong number of fields": 1}
    assert decoded.counts == {"detection of type local_position": 1, "detection without a position": 1}
    assert decoded.columns_not_used == ["colour"]


def test_a_second_column_of_the_same_meaning_is_told_as_not_used():
    decoded = tables.decode(b"timestamp,time_s,range_km,range_nmi,azimuth_deg\n9,1,10,7,90\n", Context())
    assert decoded.columns_not_used == ["timestamp", "range_nmi"]
    assert decoded.detections[0].values[0, 0] == 10e3
    sensors = tables.decode(b"sensor,lat,latitude,lon_deg,range_sigma_m\nhill,46,47,7,30\n", Context())
    assert sensors.columns_not_used == ["latitude"]
    assert (sensors.sites[0].lat_rad, sensors.sites[0].parameters) == (np.radians(46.0), {"range_sigma_m": 30.0})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("477553000", (-1, -1, 477_553_000, "")),
        ("7700", (-1, 0o7700, -1, "")),
        ("4ca216", (0x4CA216, -1, -1, "")),
        ("ein5gv", (-1, -1, -1, "EIN5GV")),
    ],
)
def test_an_identity_is_what_it_looks_like(text, expected):
    identity = tables.decode(f"t,x,y,identity\n1,2,3,{text}\n".encode(), Context()).detections[0].identity
    assert (
        *(int(getattr(identity, name)[0]) for name in ("icao_address", "mode_3a", "mmsi")),
        str(identity.call_sign[0]),
    ) == expected


def test_truth_in_the_laboratory_is_in_the_plane_of_the_plots():
    truth = tables.decode(b"t,target,x,y\n1,a,10,20\n", Context()).truths[0]
    assert truth.state_ecef[0, :3].tolist() == pytest.approx([6_378_137.0, 10.0, 20.0])
    assert np.isnan(truth.state_ecef[0, 3:]).all()


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no header line"),
        (b"a,b\n1,2\n", "found columns a, b; needs a time"),
        (b"time,range,azimuth\n1,2,3\n", "range_m with azimuth_rad"),
        (b"x,y\n1,2\n", "needs a time"),
        (b"PAR1 and nothing else", "not a sound Parquet file"),
        (b"t,x,y\n\n,1,2\n", "no readable record in it: 1 x no time"),
    ],
)
def test_what_is_missing_is_told(data, complaint):
    with pytest.raises(FormatError, match=complaint):
        tables.decode(data, Context())


def test_every_row_of_the_documentation_is_a_column_of_the_program():
    """Each table of docs/tables.md is a line `| column | meaning |` for each column, in the program's order."""
    text = DOCS.read_text(encoding="utf-8")
    for name, columns in tables.TABLES.items():
        section = text.split(f"## {name.capitalize()}\n")[1].split("\n## ")[0]
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert rows == [f"| `{column}` | {meaning} |" for column, meaning in columns.items()]
    other = [line for line in text.split("## Other names\n")[1].splitlines() if line.startswith("| `")]
    assert other == [
        f"| `{synonym}` | `{column}` | {factor:.12g} |" for synonym, (column, factor) in tables.SYNONYMS.items()
    ]
    for time in tables.TIMES:
        assert f"`{time}`" in text


def test_rows_can_be_taken_of_what_was_read():
    read = tables.decode(tables.encode_tracks(tracks(6)), Context()).tracks[0]
    part = take(read, np.array([4, 1]))
    assert digest(tables.decode(tables.encode_tracks(part), Context()).tracks[0]) == digest(part)


def test_whole_numbers_of_a_parquet_file_are_addresses():
    sink = io.BytesIO()
    pq.write_table(pa.table({"t": [1.0], "x": [1], "y": [2], "icao24": pa.array([0x4CA216])}), sink)
    assert tables.decode(sink.getvalue(), Context()).detections[0].identity.icao_address.tolist() == [0x4CA216]


def test_parameters_of_sensors_are_taken_under_other_names_too():
    text = b"sensor,lat_deg,lon_deg,azimuth_sigma_deg\nhill,46,7,0.08\n"
    site = tables.decode(text, Context()).sites[0]
    assert site.parameters == {"azimuth_sigma_rad": pytest.approx(np.radians(0.08))}


def lines_of_sight(origin_ecef_m):
    rng = np.random.default_rng(5)
    return Detections.of(
        sensor="high",
        components=("line_azimuth_rad", "line_elevation_rad"),
        time_ns=10**18 + np.arange(20),
        values=rng.uniform([-3.1, -1.5], [3.1, 1.5], (20, 2)),
        sigmas=np.array([60e-6, 50e-6]),
        origin_ecef_m=origin_ecef_m,
    )


@FORMS
def test_lines_of_sight_come_back_with_where_they_were_taken(form):
    """To the bit, from a satellite that moves: metres of its place are microradians of what it sees."""
    moves = np.random.default_rng(6).normal(size=(20, 3)) * 4e7
    for made in (lines_of_sight(moves), lines_of_sight(None)):
        decoded = tables.decode(tables.encode_detections([made], form=form), Context())
        [read], [site] = decoded.detections, decoded.sites
        assert (read.components, site.type) == (made.components, "infrared")
        np.testing.assert_array_equal(read.values, made.values)
        np.testing.assert_array_equal(read.origin_ecef_m, made.origin_ecef_m)
        np.testing.assert_allclose(read.covariances, made.covariances, rtol=1e-12)
    beside = tables.decode(tables.encode_detections([lines_of_sight(moves), radar_plot()], form=form), Context())
    assert [batch.sensor for batch in beside.detections] == ["radar", "high"]
    np.testing.assert_array_equal(beside.detections[1].origin_ecef_m, moves)
    np.testing.assert_allclose(beside.detections[0].origin_ecef_m[0], ecef_from_geodetic(0.8, 0.1, 500.0), atol=1e-6)


def radar_plot():
    return Detections.of(
        sensor="radar",
        components=("range_m", "azimuth_rad", "elevation_rad", "altitude_m", "range_rate_m_s"),
        time_ns=np.array([10**18]),
        values=np.array([[1e5, 1.5, 0.1, 9000.0, -200.0]]),
        origin_ecef_m=ecef_from_geodetic(0.8, 0.1, 500.0),
    )


def test_lines_of_sight_in_degrees_from_a_place_on_the_globe_or_kilometres():
    text = (
        b"t,line_azimuth_deg,line_elevation_deg,line_azimuth_sigma_deg,sensor_lat_deg,sensor_lon_deg,sensor_height_m,"
    )
    text += b"sensor_x_ecef_km,sensor_y_ecef_km,sensor_z_ecef_km\n"
    text += b"1,90,-45,0.01,0,90,35786000,,,\n2,90,-45,,,,,42164,0,1\n"
    read = tables.decode(text, Context()).detections[0]
    np.testing.assert_allclose(read.values, [[math.pi / 2, -math.pi / 4]] * 2)
    np.testing.assert_allclose(np.sqrt(read.covariances[:, 0, 0]), [math.radians(0.01), np.nan])
    np.testing.assert_allclose(read.origin_ecef_m, [[0.0, 42164137.0, 0.0], [42164000.0, 0.0, 1000.0]], atol=1e-6)
    assert tables.decode(text.replace(b"42164,", b"4e9,"), Context()).damage["sensor is not on Earth"] == 1


def test_angles_above_a_horizon_without_a_range_are_told_what_they_need():
    with pytest.raises(
        FormatError, match=r"without range_m: .*line_azimuth_rad with line_elevation_rad.*sensor_x_ecef"
    ):
        tables.decode(b"t,azimuth_deg,elevation_deg\n1,2,3\n", Context())


def days_and_notes(of_day_s, sensors=None, day_ns=20_000 * NS_PER_DAY):
    """Return the times of a table's rows since its day began, sensor by sensor, and what is noted of them [s]."""
    sensors = sensors or ["a"] * len(of_day_s)
    rows = "\n".join(f"{t},{sensor},1,2" for t, sensor in zip(of_day_s, sensors, strict=True))
    decoded = tables.decode(f"time_s,sensor,x_m,y_m\n{rows}".encode(), Context(day_ns=day_ns))
    began_ns = NS_PER_DAY if day_ns is None else day_ns
    times = np.concatenate([batch.time_ns for batch in decoded.detections]) - began_ns
    return (times / 1e9).tolist(), decoded.notes


@pytest.mark.parametrize("day_ns", [None, 20_000 * NS_PER_DAY])
def test_a_time_of_day_goes_on_after_midnight_and_says_so(day_ns):
    truth_s = np.arange(86_380.0, 86_420.0, 1.0) + np.tile([0.0, -3.0, 2.0, 0.5], 10)
    times, (note,) = days_and_notes(truth_s % 86_400, day_ns=day_ns)
    assert times == truth_s.tolist()
    assert "12 hours 1 time: there the next day begins" in note
    long_s = np.arange(60_000.0, 250_000.0, 600.0)
    times, (note,) = days_and_notes(long_s % 86_400, day_ns=day_ns)
    assert times == long_s.tolist()
    assert "2 times" in note


@pytest.mark.parametrize(
    ("of_day_s", "sensors"),
    [
        (np.arange(0.0, 80_000.0, 2_000.0), None),  # never falls
        ([*range(10), *range(50_000, 50_010)], None),  # a long silence
        ([*range(50_000, 50_010), *range(6_900, 6_910)], None),  # falls by less
        ([*range(86_390, 86_401), *range(10)], None),  # runs on beyond a day
        ([*range(0, 80_000, 2_000)] * 2, ["a"] * 40 + ["b"] * 40),  # one sensor after the other
    ],
)
def test_times_that_are_no_times_of_day_stay(of_day_s, sensors):
    assert days_and_notes(of_day_s, sensors) == ([float(t) for t in of_day_s], [])


def test_a_sensor_on_both_sides_of_midnight_shows_that_it_is_one():
    of_day_s = [86_396, 86_397, 86_398, 86_399, 0, 1, 2, 3]
    times, notes = days_and_notes(of_day_s, list("abababab"))
    assert sorted(times) == [86_396.0 + i for i in range(8)]
    assert len(notes) == 1


HEADER = b"time_s;lat_deg;lon_deg;altitude_m\n"


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (b"0,5;15,123;120,456;9000\n1,5;15,124;120,457;9000\n", "time_s is 0,5; 2 of 2 rows"),
        (b"0;15;120;9000\n1,5;15,124;120,457;9000\n", "time_s is 1,5; 1 of 2 rows"),  # the first is whole
        (b"0.5;15.123;120.456;9000\n" * 3000 + b"1;15.124;120,45;9000\n", "lon_deg is 120,45; 1 of 3,001 rows"),
        (b"0.5;15.123;120.456;9000\n1;15.124;0,457;9000\n", "lon_deg is 0,457; 1 of 2 rows"),
        (b"0.5;15.123;120.456;9000\n1;15.124;120.457;9000,5\n", "altitude_m is 9000,5; 1 of 2 rows"),
        (b"0;15.123;120.456;9000\n1;15.1;120.457;,5\n", "altitude_m is ,5; 1 of 2 rows"),
        (b"0;15.123;120.456;35,000\n1;15.1;120.457;35,25\n", "altitude_m is 35,25; 2 of 2 rows"),
    ],
)
def test_decimal_commas_in_any_row_are_told_with_the_remedy(rows, told):
    with pytest.raises(FormatError, match=rf"^numbers have decimal commas \({told}\): write points"):
        tables.decode(HEADER + rows, Context())
    assert tables.decode(HEADER + rows.replace(b",", b"."), Context()).detections


@pytest.mark.parametrize(
    ("rows", "told", "mended"),
    [
        ("0;15;120;1,035,000\n1;15;120;35,000\n", "commas between thousands (altitude_m is 1,035,000; 2 of 2", ""),
        ("0;15;120;35,000.5\n1;15;120;35000\n", "commas between thousands (altitude_m is 35,000.5; 1 of 2", ""),
        (
            "0;15;120;35,000\n1;15;120;950\n",
            "commas that may be either (altitude_m is 35,000, which is 35000 if commas part thousands and 35.000 if "
            "decimal; 1 of 2 rows): leave them out if they part thousands",
            "",
        ),
        ("0;15;120;-3,500\n", "commas that may be either (altitude_m is -3,500, which is -3500 if", ""),
        (
            "0;15;120;35,000.5\n1;15;120;9000,5\n",
            "decimal commas and commas between thousands (altitude_m is 9000,5 and elsewhere 35,000.5; 2 of 2 rows)",
            None,
        ),
    ],
)
def test_commas_between_thousands_are_not_taken_for_decimal_ones(rows, told, mended):
    with pytest.raises(FormatError, match=rf"^numbers have {re.escape(told)}") as found:
        tables.decode(HEADER + rows.encode(), Context())
    assert "\n" not in str(found.value)
    quoted = "\n".join(",".join(f'"{cell}"' for cell in line.split(";")) for line in rows.splitlines()) + "\n"
    with pytest.raises(FormatError, match=re.escape(str(found.value))):
        tables.decode(HEADER.replace(b";", b",") + quoted.encode(), Context())
    if mended is not None:
        assert tables.decode(HEADER + rows.replace(",", mended).encode(), Context()).detections


def test_a_comma_in_a_text_is_none_of_a_number():
    named = b"time_s;lat_deg;lon_deg;call_sign\n0.5;15.123;120.456;1,2\n"
    assert len(tables.decode(named, Context()).detections[0]) == 1
    described = b"sensor;type;lat_deg;lon_deg;height_m;channels\na;search_radar;15.1;120.4;10;1,2\n"
    assert tables.decode(described, Context()).columns_not_used == ["channels"]
    with pytest.raises(FormatError, match="range_m_max is 70000,5; 1 of 2 rows"):
        tables.decode(
            b"sensor;type;lat_deg;lon_deg;height_m;range_m_max\n"
            b"a;search_radar;15.1;120.4;10;70000\nb;search_radar;15.1;120.4;10;70000,5\n",
            Context(),
        )


OTHER = {
    "over_horizon_radar": (("ground_range_m", "azimuth_rad"), ("ground_range_m", "azimuth_rad")),
    "finder": (("azimuth_rad", "elevation_rad"), ("azimuth_rad", "elevation_rad")),
    "louder_radar": (("range_m", "azimuth_rad"), ("range_m", "azimuth_rad", "snr_db")),
}


def test_types_that_the_tables_have_no_columns_of_their_own_for_are_read_by_what_they_need():
    text = b"t,sensor,ground_range_km,azimuth_deg,ground_range_sigma_m\n0,a,1500,30,9000\n1,a,,30,\n2,b,1400,31,\n"
    decoded = tables.decode(text, Context(types=OTHER))
    assert decoded.columns_not_used == []
    assert [(batch.sensor, batch.components) for batch in decoded.detections] == [
        ("a", ("ground_range_m", "azimuth_rad")),
        ("b", ("ground_range_m", "azimuth_rad")),
    ]
    np.testing.assert_allclose(decoded.detections[0].values, [[1.5e6, np.radians(30.0)]])
    np.testing.assert_allclose(decoded.detections[0].covariances[0, 0, 0], 9000.0**2)
    assert [site.type for site in decoded.sites] == ["over_horizon_radar"] * 2
    assert decoded.counts["detection without a position"] == 1
    again = tables.decode(tables.encode_detections(decoded.detections), Context(types=OTHER))
    assert [digest(batch) for batch in again.detections] == [digest(batch) for batch in decoded.detections]


def test_a_plain_radar_stays_one_beside_other_types_and_what_has_more_of_its_own_is_more():
    polar = b"t,range_m,azimuth_rad,elevation_rad\n0,9000,1,0.1\n1,,1,0.1\n"
    found = tables.decode(polar, Context(types=OTHER))
    assert [site.type for site in found.sites] == ["search_radar", "finder"]
    louder = tables.decode(b"t,range_m,azimuth_rad,snr_db\n0,9000,1,13\n", Context(types=OTHER))
    assert [(site.type, batch.components[-1]) for site, batch in zip(louder.sites, louder.detections, strict=True)] == [
        ("louder_radar", "snr_db")
    ]


def test_what_other_types_need_is_told_where_nothing_fits():
    with pytest.raises(FormatError, match="over_horizon_radar: ground_range_m with azimuth_rad"):
        tables.decode(b"t,ground_range_m\n0,1\n", Context(types=OTHER))
    assert tables.named([("ground_range_km", "GR")], OTHER) == {"ground_range_km": "gr"}
    with pytest.raises(FormatError, match="tables know no 'ground_range_km'"):
        tables.named([("ground_range_km", "GR")])
