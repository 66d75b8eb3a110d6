"""Cursor on Target: what is written is read back, by us and by an XML parser; what others wrote is read."""

import math
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from scipy.stats import chi2, norm

from noroshi.formats import Context, FormatError
from noroshi.formats.cot import UNKNOWN_M, decode, encode, encode_gone, encode_pong, events, sniff
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Identity, Kind, Tracks, TrackStatus, certain_kind, check
from noroshi.sharing.label import Label, cot_attributes, cot_detail, label_of_cot_detail

SAMPLE = Path(__file__).resolve().parents[1] / "samples/cot/events.cot"
TAK = Path(__file__).resolve().parents[3] / "shared/data/tak"
START_NS = 1_893_456_000_250_000_000
GEODETIC = Transformer.from_crs("EPSG:4978", "EPSG:4979", always_xy=True)
ONE_SIGMA = float(chi2.cdf(1.0, 1))


def tracks_of(n, seed=0, **changes):
    """Return n tracks that move, whose horizontal errors are round: a circle is all that an event can say."""
    rng = np.random.default_rng(seed)
    lat, lon = rng.uniform(-1.5, 1.5, n), rng.uniform(-math.pi, math.pi, n)
    axes = enu_axes(lat, lon)
    course, speed = rng.uniform(0, 2 * math.pi, n), rng.uniform(20, 900, n)
    local = np.stack([speed * np.sin(course), speed * np.cos(course), rng.uniform(-15, 15, n)], axis=1)
    turn = np.zeros((n, 6, 6))
    turn[:, :3, :3] = turn[:, 3:, 3:] = axes
    sigmas = rng.uniform(5, 500, (n, 1)) * np.array([1, 1, 0.5, 0, 0, 0])
    sigmas = sigmas + rng.uniform(0.5, 3.0, (n, 1)) * np.array([0, 0, 0, 1, 1, 0.2])
    flags = rng.random((n, 2)) < 0.5
    return check(
        Tracks(
            **{
                "node": "here",
                "source_names": ("north", "south & west"),
                "track_id": rng.integers(0, 2**53, n, dtype=np.uint64),
                "time_ns": START_NS + np.arange(n) * 1_000_000,
                "updated_ns": START_NS - np.arange(n) * 1_000,
                "revision": np.arange(n, dtype=np.int32),
                "state_ecef": np.concatenate(
                    [ecef_from_geodetic(lat, lon, rng.uniform(-100, 2e4, n)), np.vecmat(local, axes)], axis=1
                ),
                "covariance_ecef": turn.swapaxes(1, 2) @ (np.eye(6) * sigmas[:, None] ** 2) @ turn,
                "existence": np.linspace(0.5, 1.0, n),
                "kind_probability": certain_kind(np.arange(n) % len(Kind), n),
                "status": np.arange(n, dtype=np.uint8) % 4,
                "sources": flags,
                "identity": Identity(
                    icao_address=np.where(flags[:, 0], 0xABC000 + np.arange(n), -1),
                    mode_3a=np.where(flags[:, 1], np.arange(n) % 4096, -1),
                    mmsi=np.where(flags[:, 0], -1, 431_000_000 + np.arange(n)),
                    call_sign=np.where(flags[:, 1], "NOR123", ""),
                ),
                **changes,
            }
        )
    )


def read(data):
    decoded = decode(data, Context(source="there"))
    assert not decoded.damage
    (tracks,) = decoded.tracks
    return check(tracks)


def test_a_round_trip_is_exact_to_the_digits_that_are_written():
    before = tracks_of(300)
    after = read(encode(before, stale_s=30.0))
    for name in ("track_id", "time_ns", "updated_ns", "revision", "status"):
        np.testing.assert_array_equal(getattr(after, name), getattr(before, name))
    for name in ("icao_address", "mode_3a", "mmsi", "call_sign"):
        np.testing.assert_array_equal(getattr(after.identity, name), getattr(before.identity, name))
    assert np.abs(after.existence - before.existence).max() <= 5e-5
    np.testing.assert_array_equal(after.kind_probability, before.kind_probability)
    fed = {name: after.sources[:, i] for i, name in enumerate(after.source_names)}
    for i, name in enumerate(before.source_names):
        np.testing.assert_array_equal(fed[name], before.sources[:, i])
    away = np.linalg.norm(after.state_ecef - before.state_ecef, axis=1)
    assert away.max() < 0.3  # a tenth of a metre of height, 1e-7 degrees, and 0.005 degrees of 900 m/s
    before_sigma, after_sigma = (np.sqrt(np.linalg.eigvalsh(t.covariance_ecef[:, :3, :3])) for t in (before, after))
    assert (after_sigma >= before_sigma * (1 - 1e-4)).all()  # what holds at least as much is written
    assert (after_sigma <= before_sigma * 1.0001 + 0.11).all()
    before_sigma, after_sigma = (np.sqrt(np.linalg.eigvalsh(t.covariance_ecef[:, 3:, 3:])) for t in (before, after))
    assert np.abs(after_sigma - before_sigma).max() < 0.2


def test_a_parser_of_others_finds_what_the_schema_asks_for():
    tracks = tracks_of(40)
    lon, lat, height = GEODETIC.transform(*tracks.state_ecef[:, :3].T)
    parsed = ET.fromstring(b"<all>" + encode(tracks, stale_s=60.0) + b"</all>").findall("event")
    assert len(parsed) == 40
    for i, event in enumerate(parsed):
        point, track = event.find("point"), event.find("detail/track")
        assert event.get("version") == "2.0"
        assert event.get("uid") == f"noroshi-here-{tracks.track_id[i]:x}"
        for name in ("time", "start"):
            assert np.datetime64(event.get(name)[:-1], "ns").astype(np.int64) == tracks.time_ns[i]
        good_ns = np.datetime64(event.get("stale")[:-1], "ns").astype(np.int64) - tracks.time_ns[i]
        assert good_ns == (0 if tracks.status[i] == TrackStatus.LOST else 60_000_000_000)
        assert float(point.get("lat")) == pytest.approx(lat[i], abs=1e-7)
        assert float(point.get("lon")) == pytest.approx(lon[i], abs=1e-7)
        assert float(point.get("hae")) == pytest.approx(height[i], abs=0.051)
        assert 0.0 <= float(track.get("course")) < 360.0
        assert event.get("opex") == "o"
        assert event.get("how") == ("m-p" if tracks.status[i] == TrackStatus.COASTING else "m-f")


def test_times_are_whole_milliseconds_and_the_place_is_of_that_time():
    """Readers made with Java's SimpleDateFormat take 000132583 for so many milliseconds: two minutes."""
    tracks = tracks_of(50)
    between = np.arange(50) * 20_123 - 500_000
    states = tracks.state_ecef.copy()
    states[:, :3] += between[:, None] / 1e9 * states[:, 3:]
    data = encode(tracks.replace(time_ns=tracks.time_ns + between, state_ecef=states))
    for event in events(data):
        assert all(len(event.get(name)) == len("2030-01-01T00:00:00.000Z") for name in ("time", "start", "stale"))
    after, wanted = read(data), read(encode(tracks))
    np.testing.assert_array_equal(after.time_ns, tracks.time_ns)
    assert np.linalg.norm(after.state_ecef[:, :3] - wanted.state_ecef[:, :3], axis=1).max() < 0.11


@pytest.mark.parametrize("probability", [0.5, 0.9])
def test_circle_and_height_hold_the_stated_probability(probability):
    tracks = tracks_of(20)
    inverse = np.linalg.inv(tracks.covariance_ecef[:, :3, :3])
    up = tracks.state_ecef[:, :3] / np.linalg.norm(tracks.state_ecef[:, :3], axis=1)[:, None]
    assert (np.einsum("ni,nij,nj->n", up, inverse, up) > 0).all()
    for event in events(encode(tracks, probability=probability)):
        assert event.find("detail/noroshi_track").get("holds") == f"{probability:.4f}"
    one = [float(event.find("point").get("ce")) for event in events(encode(tracks))]
    other = [float(event.find("point").get("ce")) for event in events(encode(tracks, probability=probability))]
    ratio = math.sqrt(chi2.ppf(probability, 2) / chi2.ppf(ONE_SIGMA, 2))
    np.testing.assert_allclose(np.array(other), np.array(one) * ratio, atol=0.1 * (1 + ratio), rtol=1e-4)
    one, other = (
        np.array([float(event.find("point").get("le")) for event in events(encode(tracks, probability=p))])
        for p in (ONE_SIGMA, probability)
    )
    np.testing.assert_allclose(other, one * norm.ppf(0.5 + probability / 2), atol=0.3)


def test_an_elongated_error_is_not_understated():
    tracks = tracks_of(1)
    radial = tracks.state_ecef[0, :3] / np.linalg.norm(tracks.state_ecef[0, :3])
    way = np.cross(radial, [0.0, 0.0, 1.0])
    way /= np.linalg.norm(way)
    covariance = tracks.covariance_ecef.copy()
    covariance[0, :3, :3] = np.eye(3) + 1000.0**2 * np.outer(way, way)
    (event,) = events(encode(tracks.replace(covariance_ecef=covariance)))
    drawn = np.random.default_rng(0).normal(size=(100_000, 2)) * [math.hypot(1000.0, 1.0), 1.0]
    inside = np.mean(np.hypot(*drawn.T) <= float(event.find("point").get("ce")))
    assert inside == pytest.approx(ONE_SIGMA, abs=0.006)


def test_nothing_is_called_hostile():
    for affiliation in ("h", "s", "f", "a", "j", "k", "", "unknown"):
        with pytest.raises(ValueError, match="affiliation"):
            encode(tracks_of(1), affiliation=affiliation)
    tracks = tracks_of(len(Kind))
    kinds = [event.get("type") for event in events(encode(tracks, affiliation="p"))]
    assert kinds == ["a-p-Z", "a-p-A", "a-p-S", "a-p-A-W-M", "a-p-A-W-M", "a-p-A-W-M", "a-p-P"]
    unsure = tracks.replace(kind_probability=np.full((len(Kind), len(Kind)), 1 / len(Kind)))
    assert {event.get("type") for event in events(encode(unsure))} == {"a-u-Z"}


def test_exercise_says_so_in_every_event():
    for event in events(encode(tracks_of(9), exercise='KEEN & "EDGE" <1>')):
        assert event.get("opex") == 'e-KEEN & "EDGE" <1>'
        assert event.get("how") == "m-s"
        assert event.find("detail/remarks").text == 'EXERCISE KEEN & "EDGE" <1>'


def test_a_label_travels_in_the_attributes_and_whole_in_the_detail():
    label = Label(originator="JPN", level="RESTRICTED", releasable_to=("USA",), caveats=("EYES", "X<Y"), expires_ns=7)
    data = encode(tracks_of(3), attributes=cot_attributes(label), details=[cot_detail(label)])
    for event in events(data):
        shown = {name: event.get(name) for name in ("access", "caveat", "releasableTo")}
        assert shown == {"access": "RESTRICTED", "caveat": "EYES,X<Y", "releasableTo": "USA"}
        assert label_of_cot_detail(event.find("detail")) == label


def test_any_text_gives_sound_xml():
    names = np.array(["\x00\x1b", "A\"B'C", "<&>", "\ud800", "日本 1", "]]>"])
    tracks = tracks_of(6)
    tracks = tracks.replace(identity=tracks.identity.replace(call_sign=names), node="\x01<n>")
    parsed = list(events(encode(tracks)))
    assert [event.find("detail/contact").get("callsign") for event in parsed] == [
        "??", "A\"B'C", "<&>", "?", "日本 1", "]]>",
    ]  # fmt: skip


def test_rows_without_a_place_are_left_out_and_huge_errors_are_unknown():
    tracks = tracks_of(3)
    states, covariances = tracks.state_ecef.copy(), tracks.covariance_ecef.copy()
    states[0, 0] = np.nan
    covariances[1, :3, :3] = np.eye(3) * 1e16
    covariances[2] = np.nan
    parsed = list(events(encode(tracks.replace(state_ecef=states, covariance_ecef=covariances))))
    assert [(event.find("point").get("ce"), event.find("point").get("le")) for event in parsed] == [
        ("9999999.0", "9999999.0")
    ] * 2
    assert encode(tracks_of(0)) == b""


def test_what_stands_still_has_no_course_and_its_speed_stays_uncertain():
    tracks = tracks_of(2)
    still = tracks.state_ecef.copy()
    still[:, 3:] = 0.0
    after = read(encode(tracks.replace(state_ecef=still)))
    before_sigma, after_sigma = (np.sqrt(np.linalg.eigvalsh(t.covariance_ecef[:, 3:, 3:])) for t in (tracks, after))
    assert (after_sigma[:, 1:] >= before_sigma[:, 1:] - 0.006).all()


def test_the_end_of_a_track_and_the_answer_to_a_ping():
    gone = list(events(encode_gone("here", np.array([255, 16], np.uint64), np.array([START_NS, START_NS]))))
    assert [event.find("detail/link").get("uid") for event in gone] == ["noroshi-here-ff", "noroshi-here-10"]
    assert {event.get("type") for event in gone} == {"t-x-d-d"}
    (pong,) = events(encode_pong(START_NS))
    assert pong.get("type") == "t-x-c-t-r"


def test_events_of_others_are_read():
    decoded = decode(SAMPLE.read_bytes(), Context(source="tak"))
    assert decoded.counts == {"thing": 8, "event that tells of no thing": 1}
    (tracks,) = decoded.tracks
    assert len(set(tracks.track_id[:6].tolist())) == 1
    assert tracks.track_id[6:].tolist() == [0x1F0, 0x1F1]
    assert tracks.kind_probability[:6, Kind.SHIP].tolist() == [1.0] * 6
    assert tracks.identity.call_sign.tolist() == ["FERRY 7"] * 6 + ["JAF123"] * 2
    assert tracks.status.tolist() == [TrackStatus.FIRM] * 6 + [TrackStatus.COASTING] * 2
    lon, lat, height = GEODETIC.transform(*tracks.state_ecef[:, :3].T)
    np.testing.assert_allclose(lat[:6], 35.1 + 0.01 * np.arange(6), atol=1e-8)
    np.testing.assert_allclose(lon[:6], 139.8 + 0.02 * np.arange(6), atol=1e-8)
    np.testing.assert_allclose(height[6:], 9000.0, atol=1e-3)
    assert (np.diff(tracks.time_ns[:6]) == 5_000_000_000).all()
    up = np.stack([np.cos(np.radians(lat)) * np.cos(np.radians(lon)), np.cos(np.radians(lat)) * np.sin(np.radians(lon)),
                   np.sin(np.radians(lat))], axis=1)  # fmt: skip
    upward = np.sqrt(np.einsum("ni,nij,nj->n", up, tracks.covariance_ecef[:, :3, :3], up))
    np.testing.assert_allclose(upward[:6], UNKNOWN_M, rtol=1e-6)  # its height is not known
    np.testing.assert_allclose(upward[6:], 30.0, rtol=1e-3)
    climb = np.vecdot(tracks.state_ecef[6:, 3:], up[6:])
    np.testing.assert_allclose(climb, 250.0 * math.tan(math.radians(-2.0)), atol=1e-6)


@pytest.mark.parametrize(
    "change",
    [
        ('lat="35.100000"', 'lat="95.1"'),
        ('lat="35.100000"', 'lat="nan"'),
        ('lat="35.100000" ', ""),
        ('start="2030-01-01T00:00:00.5Z"', 'start="yesterday"'),
        ('start="2030-01-01T00:00:00.5Z"', 'start="2999-01-01T00:00:00Z"'),
        ('uid="FERRY.7"', 'uid=""'),
        ('speed="8.2"', 'speed="-8"'),
        ('speed="8.2"', 'speed="1e300"'),
        ('speed="8.2"', 'speed="8" eSpeed="1e300"'),
        ('ce="12.5"', 'ce="inf"'),
        ("</event>", "</evnt>"),
        ('<point lat="35.100000"', '<pt lat="35.100000"'),
    ],
)
def test_an_event_that_is_wrong_is_counted_and_the_others_are_read(change):
    text = SAMPLE.read_text()
    assert change[0] in text
    decoded = decode(text.replace(*change, 1).encode(), Context())
    assert decoded.damage.total() == 1
    assert decoded.counts.total() == 8
    assert np.isfinite(decoded.tracks[0].covariance_ecef).all()


def test_a_document_type_is_not_read():
    """Entities that grow without end need a DOCTYPE; an event begins after it."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    event = b"<event uid='&b;' type='a-u-A' stale=''><point/></event>"
    with pytest.raises(FormatError):
        decode(bomb + event, Context())


def test_an_endless_event_is_refused_in_time():
    with pytest.raises(FormatError, match="damaged event"):
        decode(b"<event " * 200_000, Context())
    with pytest.raises(FormatError):
        decode(b"<event><a>" + b"<b>" * 400_000 + b"</event>", Context())


@given(st.integers(0, 2**32 - 1), st.integers(0, 12), st.integers(0, 2000))
@settings(max_examples=40)
def test_a_stream_cut_anywhere_keeps_what_was_whole(seed, n, cut):
    data = encode(tracks_of(n, seed))
    found = [event for event in events(data[: len(data) - min(cut, len(data))]) if event is not None]
    assert len(found) == data[: len(data) - min(cut, len(data))].count(b"</event>")


def test_sniffing():
    assert sniff(SAMPLE.read_bytes(), "x.bin") == 1.0
    assert sniff(b"<events>", "x.xml") < 0.5
    assert sniff(b"", "x.cot") == 0.0


@pytest.mark.skipif(not TAK.exists(), reason="needs the recordings in ../shared/data")
def test_what_tak_clients_sent_is_read():
    for path in sorted(TAK.glob("*.cot")):
        decoded = decode(path.read_bytes(), Context())
        assert (decoded.n_records, decoded.damage.total()) == (1, 0)
    decoded = decode((TAK / "atak_cot_captures.txt").read_bytes(), Context())
    assert decoded.counts == {"thing": 13, "event that tells of no thing": 4}
    assert decoded.damage == {"damaged event": 1}  # the text breaks one event's end
