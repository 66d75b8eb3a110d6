"""GeoJSON and CZML: what a map is told is where the tracks are."""

import json
from itertools import pairwise

import numpy as np
import pytest

from noroshi.formats import czml, geojson
from noroshi.geo.time import utc_ns_from_iso
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, Identity, Kind, Quality, Tracks, TrackStatus, certain_kind

START_NS = utc_ns_from_iso("2024-06-06T00:00:00Z")


def tracks(lat_deg, lon_deg, height_m=1000.0, numbers=None, time_s=None, velocity_enu=(100.0, 0.0, 5.0)):
    lat, lon = np.radians(np.asarray(lat_deg, float)), np.radians(np.asarray(lon_deg, float))
    n = len(lat)
    velocity = np.vecmat(np.tile(velocity_enu, (n, 1)), enu_axes(lat, lon))
    return Tracks(
        node="north",
        source_names=(),
        track_id=np.ones(n, np.uint64) if numbers is None else np.array(numbers, np.uint64),
        time_ns=START_NS + (np.arange(n) if time_s is None else np.array(time_s)) * 10**9,
        updated_ns=np.full(n, START_NS),
        revision=np.arange(n, dtype=np.int32),
        state_ecef=np.hstack((ecef_from_geodetic(lat, lon, height_m), velocity)),
        covariance_ecef=np.tile(np.eye(6) * 400.0, (n, 1, 1)),
        existence=np.ones(n),
        kind_probability=certain_kind(Kind.BALLISTIC, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.zeros((n, 0), np.bool_),
        identity=Identity.absent(n).replace(call_sign=np.full(n, "NOR123")),
    )


def features(*arguments):
    collection = json.loads(geojson.encode(*arguments))
    assert collection["type"] == "FeatureCollection"
    for feature in collection["features"]:
        assert feature["type"] == "Feature"
        assert set(feature) == {"type", "geometry", "properties"}
        for place in places(feature["geometry"]["coordinates"]):
            assert -180.0 <= place[0] <= 180.0
            assert -90.0 <= place[1] <= 90.0
            assert np.isfinite(place).all()
    return collection["features"]


def places(coordinates):
    return [coordinates] if not isinstance(coordinates[0], list) else [p for part in coordinates for p in places(part)]


def test_a_track_is_a_line_and_its_last_place():
    line, point = features(tracks([47.0, 47.1, 47.2], [8.0, 8.1, 8.2]))
    assert line["geometry"]["type"] == "LineString"
    np.testing.assert_allclose(line["geometry"]["coordinates"], [[8.0, 47.0, 1e3], [8.1, 47.1, 1e3], [8.2, 47.2, 1e3]])
    assert point["geometry"] == {"type": "Point", "coordinates": line["geometry"]["coordinates"][-1]}
    told = point["properties"]
    assert (told["track"], told["kind"], told["status"], told["call_sign"]) == (1, "ballistic", "firm", "NOR123")
    assert told["time"] == "2024-06-06T00:00:02Z"
    assert (told["speed_m_s"], told["course_deg"], told["climb_m_s"]) == (100.0, 90.0, 5.0)
    assert told["position_sigma_m"] == 20.0
    assert line["properties"]["begin"] == "2024-06-06T00:00:00Z"


def test_a_line_over_the_antimeridian_is_cut_there():
    line, _ = features(tracks([10.0, 11.0, 12.0, 13.0], [179.0, -179.0, -178.0, 179.5]))
    assert line["geometry"]["type"] == "MultiLineString"
    first, second, third = line["geometry"]["coordinates"]
    assert first[-1] == [180.0, 10.5, 1000.0]
    assert second[0] == [-180.0, 10.5, 1000.0]
    assert second[-1] == pytest.approx([-180.0, 12.8, 1000.0])
    assert third[0] == pytest.approx([180.0, 12.8, 1000.0])


@pytest.mark.parametrize("start", [180.0, -180.0, 179.9999999])
def test_a_line_that_touches_the_antimeridian_has_pieces_of_two_places_at_least(start):
    for line in ([[start, 0.0, 0.0], [-179.0, 1.0, 0.0]], [[179.0, 0.0, 0.0], [start, 1.0, 0.0]]):
        pieces = geojson.cut_at_antimeridian(line)
        assert all(len(piece) >= 2 for piece in pieces)
        assert all(abs(a[0] - b[0]) <= 180.0 for piece in pieces for a, b in pairwise(piece))


def test_only_the_latest_revision_of_known_places_is_drawn():
    made = tracks([47.0, 48.0, 47.2, 47.3], [8.0] * 4, time_s=[0, 0, 2, 3])
    made.state_ecef[3, :3] = np.nan
    line, point = features(made)
    assert [place[1] for place in line["geometry"]["coordinates"]] == [48.0, 47.2]
    assert point["geometry"]["coordinates"][1] == 47.2


def test_many_tracks_are_in_order_and_a_single_place_is_a_point():
    found = features(tracks([1.0, 2.0, 3.0], [4.0, 5.0, 6.0], numbers=[9, 3, 9]))
    assert [(one["properties"]["track"], one["geometry"]["type"]) for one in found] == [
        (3, "Point"),
        (9, "LineString"),
        (9, "Point"),
    ]


def test_good_reports_are_drawn_too():
    values = np.radians([[47.0, 8.0], [48.0, 9.0], [np.nan, 9.0]])
    batch = Detections.of(sensor="ais", components=("lat_rad", "lon_rad"), time_ns=np.ones(3, np.int64), values=values)
    batch = batch.replace(quality=np.array([Quality.GOOD, Quality.DUPLICATE, Quality.GOOD], np.uint8))
    radar = Detections.of(sensor="r", components=("range_m",), time_ns=np.ones(1, np.int64), values=np.ones((1, 1)))
    (feature,) = features(tracks([], []), [batch, radar])
    assert feature["geometry"] == {"type": "MultiPoint", "coordinates": [[8.0, 47.0]]}


def test_czml_moves_each_track_through_its_places():
    made = tracks([47.0, 10.0, 47.1], [8.0, 20.0, 8.1], numbers=[5, 2, 5], time_s=[0, 1, 10])
    document, second, fifth = json.loads(czml.encode(made, name="exercise"))
    assert (document["id"], document["name"], document["version"]) == ("document", "exercise", "1.0")
    assert document["clock"]["interval"] == "2024-06-06T00:00:00Z/2024-06-06T00:00:10Z"
    assert second["id"] == "north/2"
    assert fifth["availability"] == "2024-06-06T00:00:00Z/2024-06-06T00:00:10Z"
    assert fifth["position"]["epoch"] == "2024-06-06T00:00:00Z"
    path = np.array(fifth["position"]["cartographicDegrees"]).reshape(-1, 4)
    np.testing.assert_allclose(path, [[0.0, 8.0, 47.0, 1000.0], [10.0, 8.1, 47.1, 1000.0]])
    assert fifth["label"]["text"] == "NOR123"
    assert len(fifth["path"]["material"]["solidColor"]["color"]["rgba"]) == 4


def test_czml_of_nothing_is_a_document():
    assert json.loads(czml.encode(tracks([], []))) == [{"id": "document", "name": "noroshi", "version": "1.0"}]
