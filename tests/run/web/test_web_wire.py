"""The frame against pyproj and numpy, and the sample that the page's tests read too."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer
from sharing_scenes import SECOND, START_NS, tracks_of

from noroshi.geo.wgs84 import enu_axes
from noroshi.run.web import wire

SAMPLE = Path(__file__).with_name("frame-sample.bin")
SAID = SAMPLE.with_suffix(".json")
IDS = np.array([0xFF, 2**53 - 1, 0xFEDC_BA98_7654_3210, 2**32, 1], np.uint64)


def sample_tracks():
    made = tracks_of(5, track_id=IDS)
    names = tuple(f"sensor-{i:02d}" for i in range(40))
    sources = np.zeros((5, 40), np.bool_)
    sources[np.arange(5), [0, 7, 31, 32, 39]] = True
    existence = made.existence.copy()
    existence[1] = np.nan
    time_ns = made.time_ns - np.arange(5) * SECOND // 4
    return made.replace(
        source_names=names, sources=sources, existence=existence, time_ns=time_ns, updated_ns=time_ns - 2 * SECOND
    )


def sample_frame():
    return wire.encode(
        sample_tracks(),
        picture_ns=START_NS + SECOND // 2,
        sent_ns=START_NS + SECOND,
        sequence=41,
        sources_version=3,
        names_count=12,
        flags=wire.EXERCISE | wire.LIVE,
        interval_ns=np.array([0, 0, 60 * SECOND, 0, 0]),
        threats=IDS[2:3],
        alerted=IDS[2:3],
    )


def plain(frame):
    """Return a frame as the sample's JSON holds it."""
    header, columns = wire.decode(frame)
    said = {name: columns[name].tolist() for name, _, _ in wire.COLUMNS}
    said["id"] = [f"{number:016x}" for number in said["id"]]
    return {"header": {name: getattr(header, name) for name in header.__slots__}, "columns": said}


def test_places_agree_with_proj_to_a_centimetre():
    tracks = tracks_of(500)
    header, column = wire.decode(
        wire.encode(
            tracks, picture_ns=START_NS, sent_ns=START_NS, sequence=1, sources_version=1, names_count=0, flags=0
        )
    )
    assert header.n == 500
    lon, lat, height_m = Transformer.from_crs(4978, 4979, always_xy=True).transform(*tracks.state_ecef[:, :3].T)
    np.testing.assert_allclose(column["lat"] / 1e7, lat, atol=0.51e-7)
    np.testing.assert_allclose(column["lon"] / 1e7, lon, atol=0.51e-7)
    np.testing.assert_allclose(column["height_m"], height_m, atol=1e-3)
    axes = enu_axes(np.radians(lat), np.radians(lon))
    velocity = np.matvec(axes, tracks.state_ecef[:, 3:])
    for i, name in enumerate(("east", "north", "up")):
        np.testing.assert_allclose(column[f"velocity_{name}_m_s"], velocity[:, i], atol=1e-3)
    local = axes @ tracks.covariance_ecef[:, :3, :3] @ axes.transpose(0, 2, 1)
    np.testing.assert_allclose(column["east_east_m2"], local[:, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(column["east_north_m2"], local[:, 0, 1], rtol=1e-5, atol=0.1)
    np.testing.assert_allclose(column["north_north_m2"], local[:, 1, 1], rtol=1e-5)
    np.testing.assert_allclose(column["up_sigma_m"], np.sqrt(local[:, 2, 2]), rtol=1e-5)


def test_angles_are_those_of_the_library():
    angle = np.concatenate([np.linspace(-np.pi, np.pi, 4001)[1:], [0.0, np.pi / 4, -np.pi / 4, np.pi / 2]])
    found = [wire._angle(r * np.sin(a), r * np.cos(a)) for a in angle for r in (1e-3, 7e6)]
    np.testing.assert_allclose(found, np.repeat(angle, 2), atol=2e-12)
    assert np.isnan(wire._angle(np.nan, 1.0))


def test_poles_and_what_is_no_number_stay_in_their_rows():
    tracks = tracks_of(6)
    states = tracks.state_ecef.copy()
    states[0, :3], states[1, :3], states[2] = (0.0, 0.0, 6.4e6), (0.0, 0.0, -6.4e6), np.nan
    tracks = tracks.replace(state_ecef=states)
    _, column = wire.decode(
        wire.encode(
            tracks, picture_ns=START_NS, sent_ns=START_NS, sequence=1, sources_version=1, names_count=0, flags=0
        )
    )
    assert column["lat"][:2].tolist() == [900_000_000, -900_000_000]
    assert np.isnan(column["height_m"][2])
    _, lat, _ = Transformer.from_crs(4978, 4979, always_xy=True).transform(*states[3:, :3].T)
    np.testing.assert_allclose(column["lat"][3:] / 1e7, lat, atol=0.51e-7)


def test_the_sample_is_what_the_encoder_writes_and_its_json_what_it_holds():
    made, kept = wire.decode(sample_frame()), wire.decode(SAMPLE.read_bytes())
    assert made[0] == kept[0]
    for name, column in made[1].items():  # another processor may round the last bit otherwise
        np.testing.assert_allclose(column, kept[1][name], rtol=1e-5 if column.dtype.kind == "f" else 0.0, atol=1e-3)
    assert plain(SAMPLE.read_bytes()) == json.loads(SAID.read_text())["frame"]


def test_numbers_of_64_bits_are_two_halves_low_first():
    frame = SAMPLE.read_bytes()
    low, high = struct.unpack_from("<II", frame, wire.HEADER.size + 8 * 2)
    assert f"{high:08x}{low:08x}" == "fedcba9876543210"


def test_what_is_not_known_and_what_threatens_are_marked():
    _, column = wire.decode(sample_frame())
    assert column["existence"][1] == 255
    assert column["mark"].tolist() == [0, 0, 3, 0, 0]
    assert column["affiliation"][2] == wire.SUSPECT
    assert column["interval_s"].tolist() == [0, 0, 60, 0, 0]
    assert column["state_age_ms"].tolist() == [500, 750, 1000, 1250, 1500]
    bits = (column["sources"][:, :, None] >> np.arange(32)) & 1
    assert [row.ravel().nonzero()[0].tolist() for row in bits] == [[0], [7], [31], [32], [39]]


def test_a_frame_without_tracks_is_its_header():
    tracks = tracks_of(0)
    frame = wire.encode(
        tracks, picture_ns=START_NS, sent_ns=0, sequence=0, sources_version=0, names_count=0, flags=wire.EXERCISE
    )
    header, columns = wire.decode(frame)
    assert (header.n, header.flags, len(columns["lat"])) == (0, wire.EXERCISE, 0)


def test_other_flags_and_time_leave_the_rest_alone():
    frame = sample_frame()
    header, columns = wire.decode(wire.redated(frame, sent_ns=5_000_000, flags=wire.EXERCISE | wire.REPLAY))
    assert (header.flags, header.sent_ms, header.picture_ms) == (3, 5.0, wire.decode(frame)[0].picture_ms)
    assert all(np.array_equal(columns[name], was, equal_nan=was.dtype.kind == "f")
               for name, was in wire.decode(frame)[1].items())  # fmt: skip


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:10], lambda b: b"XXXX" + b[4:],
                                    lambda b: b[:4] + b"\x02" + b[5:], lambda b: b + b"\0"])  # fmt: skip
def test_what_is_no_frame_is_refused(change):
    with pytest.raises(wire.WireError):
        wire.decode(change(sample_frame()))


if __name__ == "__main__":  # writes the sample anew
    SAMPLE.write_bytes(sample_frame())
    texts = json.loads(SAID.read_text())["texts"] if SAID.exists() else {}
    SAID.write_text(json.dumps({"frame": plain(sample_frame()), "texts": texts}, indent=1) + "\n")
