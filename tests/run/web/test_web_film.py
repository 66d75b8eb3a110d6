"""The film, the cursor over it, and texts of records: what was shown is shown again, and old parts go."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sharing_scenes import START_NS, tracks_of
from web_scenes import SECOND

from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Certainty, Kind, Stage, certain_kind
from noroshi.records.launches import Launches
from noroshi.records.threats import Paths, Threats
from noroshi.run.web import texts
from noroshi.run.web.cursor import Cursor
from noroshi.run.web.film import Film, Reel
from noroshi.run.web.situation import Carrier, Situation

SPAN = (START_NS, START_NS + 100 * SECOND)


def put(reel, second, size=100, **said):
    reel.put(
        START_NS + second * SECOND, bytes([second % 256]) * size, {kind: text.encode() for kind, text in said.items()},
        sequence=second, n_tracks=second,
    )  # fmt: skip


def test_a_moment_has_the_frame_and_the_texts_that_held_then(tmp_path):
    reel = Film(folder=tmp_path).reel("JPN")
    assert reel.at(START_NS) is None
    for second in range(10):
        put(reel, second, sensors=f"s{second // 4}", links="l")
    for second in range(10):
        moment = reel.at(START_NS + second * SECOND + 1)
        assert (moment.read(), moment.n_tracks) == (bytes([second]) * 100, second)
        assert (moment.text("sensors"), moment.text("links")) == (f"s{second // 4}".encode(), b"l")
    assert reel.at(0).sequence == 0
    assert reel.at(START_NS * 2).sequence == 9
    assert reel.step(START_NS + 5 * SECOND, -2) == START_NS + 3 * SECOND
    assert reel.step(START_NS + 5 * SECOND, 99) == START_NS + 9 * SECOND
    assert [moment.sequence for moment in reel.until(START_NS + 6 * SECOND, 3)] == [4, 5, 6]
    assert not list(tmp_path.iterdir())  # its files have no names


def test_old_parts_go_and_new_ones_stand_alone(tmp_path):
    reel = Reel(50_000, tmp_path, part_bytes=10_000)
    kept = None
    for second in range(200):
        reel.put_names({second % 5: (f"{second % 5:016x}", f"N{second % 5}")})
        put(reel, second, size=1_000, sensors="always the same")
        kept = kept or reel.at(START_NS)
        assert reel.at(START_NS + second * SECOND).text("sensors") == b"always the same"
    first, last = reel.span_ns
    assert last == START_NS + 199 * SECOND
    assert START_NS + 130 * SECOND < first < START_NS + 160 * SECOND
    moment = reel.at(first)
    assert {row[1] for row in moment.part.names[: moment.n_names]} == {"N0", "N1", "N2", "N3", "N4"}
    assert kept.read() == bytes([0]) * 1_000  # who still looks at it still can


def test_names_are_told_once_until_they_change(tmp_path):
    reel = Reel(10**6, tmp_path)
    assert reel.put_names({1: ("1", "A")}) == 1
    assert reel.put_names({1: ("1", "A")}) == 1
    assert reel.put_names({1: ("1", "B"), 2: ("2", "C")}) == 3


def test_who_says_something_else_is_renamed():
    tracks = tracks_of(50)
    order = np.argsort(tracks.track_id)
    tracks = tracks.replace(track_id=tracks.track_id[order])
    says = texts.renamed(None, tracks)
    assert says.sum() == len(texts.names_of(tracks, says)) > 20
    assert not texts.renamed(tracks, tracks).any()
    sign = tracks.identity.call_sign.copy()
    sign[7] = "OTHER"
    assert np.flatnonzero(
        texts.renamed(tracks, tracks.replace(identity=tracks.identity.replace(call_sign=sign)))
    ).tolist() == [7]  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from(["move", "seek", "rate", "play", "pause", "follow"]), st.floats(-1e3, 1e3))))
def test_wherever_it_goes_a_cursor_stays_in_what_is_known(steps):
    cursor = Cursor(at_ns=START_NS)
    for what, number in steps:
        if what == "move":
            cursor = cursor.moved(abs(round(number * SECOND)), SPAN)
        elif what == "seek":
            cursor = cursor.sought(START_NS + round(number * SECOND), SPAN)
        elif what == "rate" and 0.25 <= abs(number) <= 60:
            cursor = cursor.with_rate(number)
        elif what == "rate":
            with pytest.raises(ValueError, match="rate"):
                cursor.with_rate(number)
        elif what == "follow":
            cursor = cursor.followed(SPAN)
        else:
            cursor = cursor.set(playing=what == "play")
        assert SPAN[0] <= cursor.at_ns <= SPAN[1]
        assert not cursor.following or cursor.playing


def test_it_moves_as_fast_as_it_is_said_to():
    cursor = Cursor(at_ns=START_NS).with_rate(4.0).moved(2 * SECOND, SPAN)
    assert cursor.at_ns == START_NS + 8 * SECOND
    assert cursor.with_rate(-0.5).moved(4 * SECOND, SPAN).at_ns == START_NS + 6 * SECOND
    assert cursor.set(playing=False).moved(4 * SECOND, SPAN).at_ns == cursor.at_ns
    assert cursor.followed(SPAN).moved(1, (SPAN[0], SPAN[1] + SECOND)).at_ns == SPAN[1] + SECOND


def threats_of(covariance):
    return Threats(
        node="JPN", threat_id=np.array([2**63 + 5], np.uint64), time_ns=np.array([START_NS]),
        updated_ns=np.array([START_NS]), since_ns=np.array([START_NS]), expires_ns=np.array([START_NS + SECOND]),
        stage=np.array([Stage.WILL_LAND], np.uint8), certainty=np.array([Certainty.LIKELY], np.uint8),
        kind_probability=certain_kind(Kind.BALLISTIC, 1), end_ns=np.array([0]), end_sigma_s=np.array([np.nan]),
        end_lat_rad=np.radians([40.0]), end_lon_rad=np.radians([140.0]), end_covariance_m2=covariance[None],
        region=np.array(["<b>Sea</b>"]),
    )  # fmt: skip


def test_a_threat_is_told_with_its_ellipse_and_its_way():
    bearing = math.radians(30.0)  # of the longer axis, from north by east
    axes = np.array([[math.sin(bearing), math.cos(bearing)], [math.cos(bearing), -math.sin(bearing)]]).T
    covariance = axes @ np.diag([9e6, 4e6]) @ axes.T
    path = Paths(
        node="JPN", threat_id=np.array([2**63 + 5] * 2, np.uint64), time_ns=np.array([START_NS, START_NS + SECOND]),
        lat_rad=np.radians([39.0, 40.0]), lon_rad=np.radians([139.0, 140.0]), height_m=np.array([1e5, 0.0]),
        along_sigma_m=np.array([1.0, 2.0]), across_sigma_m=np.array([3.0, np.nan]),
    )  # fmt: skip
    (row,) = json.loads(texts.threats_text(threats_of(covariance), {2**63 + 5: path}))["rows"]
    assert row["id"] == row["track"] == "8000000000000005"
    told = texts.threats_text(threats_of(covariance), {}, {2**63 + 5: 9})
    assert json.loads(told)["rows"][0]["track"] == "0000000000000009"
    assert (row["stage"], row["certainty"], row["region"]) == ("will_land", "likely", "<b>Sea</b>")
    assert (row["end_ms"], row["end_sigma_s"]) == (None, None)
    end = row["end"]
    assert (end["major_m"], end["minor_m"], end["bearing_deg"]) == pytest.approx((3000.0, 2000.0, 30.0))
    assert row["path"][1] == [
        pytest.approx(START_NS / 1e6 + 1000.0),
        pytest.approx(40.0),
        pytest.approx(140.0),
        0,
        2,
        None,
    ]
    nowhere = threats_of(covariance).replace(end_lat_rad=np.array([np.nan]))
    assert json.loads(texts.threats_text(nowhere, {}))["rows"][0]["end"] is None


def test_a_launch_is_a_line_down_to_the_earth():
    place = ecef_from_geodetic(math.radians(35.0), math.radians(135.0), 0.0)
    origin = np.array([4.2164e7 * math.cos(math.radians(120.0)), 4.2164e7 * math.sin(math.radians(120.0)), 0.0])
    along = (place - origin) / np.linalg.norm(place - origin)
    launches = Launches(
        node="USA", launch_id=np.array([7], np.uint64), track_id=np.zeros(1, np.uint64),
        time_ns=np.array([START_NS]), first_ns=np.array([START_NS]),
        probability=np.array([0.9]), origin_ecef_m=origin[None], direction_ecef=along[None],
    )  # fmt: skip
    (row,) = json.loads(texts.launches_text(launches))["rows"]
    assert row["line"][0][2] == pytest.approx(35_786_000, abs=20_000)
    assert row["line"][-1] == pytest.approx([35.0, 135.0, 0.0], abs=25_000)  # the line is down to a sphere
    assert row["line"][-1][:2] == pytest.approx([35.0, 135.0], abs=0.3)
    above = launches.replace(origin_ecef_m=place[None], direction_ecef=place[None] / np.linalg.norm(place))
    (row,) = json.loads(texts.launches_text(above))["rows"]
    assert row["line"][0][2] == pytest.approx(0.0, abs=1.0)
    assert row["line"][-1] == pytest.approx([35.0, 135.0, 200_000.0], rel=1e-2)


def test_how_wide_a_satellite_looks_is_told_where_it_is_known():
    node = SimpleNamespace(name="USA", sensors={"eye": None, "far-eye": None})
    still = lambda times_ns: np.tile([7.4e6, 0.0, 0.0], (len(times_ns), 1))  # noqa: E731
    carriers = {"eye": Carrier("sat-1", still, 75.0), "far-eye": Carrier("sat-2", still)}
    rows = json.loads(Situation(node, [], carriers=carriers)._satellites_text(START_NS))["rows"]
    assert {row["name"]: row["half_angle_deg"] for row in rows} == {"sat-1": 75.0, "sat-2": None}
