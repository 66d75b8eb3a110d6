"""Every format of the room, held to its contract. New ones are found; it needs tests/samples/<its name>/."""

import dataclasses
import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.formats import Context, Decoded, FormatError
from noroshi.records import Identity, Quality, Tracks, TrackStatus, certain_kind, check, digest
from noroshi.run import rooms
from noroshi.sensors.prepare import arrange

SAMPLES = Path(__file__).parent / "samples"
DAY_NS = 1_717_632_000_000_000_000
CONTEXT = Context(source="sample", day_ns=DAY_NS)
MUTATIONS = 60
OFFSETS = 40


def formats():
    for key in rooms.names("formats"):
        yield key, rooms.load("formats", key)


FORMATS = dict(formats())
READERS = {name: module for name, module in FORMATS.items() if hasattr(module, "decode")}
WRITERS = {name: module for name, module in FORMATS.items() if any(entry.startswith("encode") for entry in dir(module))}
RECORDINGS = [
    pytest.param(name, path, id=f"{name}-{path.name}")
    for name in READERS
    for path in sorted((SAMPLES / name).glob("*"))
]

UNREADABLE_WITHOUT_ITS_END = {"columns.json", "states.json", "vectors.parquet", "plots.parquet", "reports.json.gz"}

every_format = pytest.mark.parametrize("name", sorted(FORMATS))
every_reader = pytest.mark.parametrize("name", sorted(READERS))
every_recording = pytest.mark.parametrize(("name", "path"), RECORDINGS)


def read(name: str, data: bytes) -> Decoded | None:
    """Return what the format makes of the bytes; None if it refuses them, as it should: in one line."""
    try:
        decoded = READERS[name].decode(data, CONTEXT)
    except FormatError as error:
        refusal = str(error)
    else:
        return sound(decoded)
    assert refusal
    assert "\n" not in refusal
    return None


def sound(decoded: Decoded) -> Decoded:
    assert decoded.n_records == decoded.counts.total() + decoded.damage.total()
    assert all(n >= 0 for n in (decoded.counts + decoded.damage).values())
    for batch in (*decoded.detections, *decoded.tracks, *decoded.statuses, *decoded.truths):
        check(batch)
    return decoded


def rows(decoded: Decoded) -> dict[tuple[str, tuple[str, ...]], np.ndarray]:
    """Return time and values of all detections, by sensor and components."""
    parts: dict[tuple[str, tuple[str, ...]], list[np.ndarray]] = {}
    for batch in decoded.detections:
        moments = batch.time_ns.astype(np.float64)[:, None]
        parts.setdefault((batch.sensor, batch.components), []).append(np.hstack((moments, batch.values)))
    return {key: np.concatenate(part) for key, part in parts.items()}


def fingerprint(decoded: Decoded) -> str:
    return digest(*decoded.detections, *decoded.tracks, *decoded.statuses, *decoded.truths)


def test_there_are_formats():
    assert {"ais", "asterix", "czml", "geojson", "mode_s", "opensky", "readsb", "sbs", "tables"} <= set(FORMATS)


@every_format
def test_it_declares_its_endings_and_what_it_can_do(name):
    module = FORMATS[name]
    assert isinstance(module.MEDIA, tuple)
    assert module.MEDIA
    for ending in module.MEDIA:
        assert ending == ending.lower()
        assert ending.startswith(".")
    assert name in READERS or name in WRITERS
    assert hasattr(module, "sniff") == hasattr(module, "decode")
    assert module.__doc__


@every_reader
def test_it_has_samples(name):
    assert [path for path in (SAMPLES / name).glob("*") if path.stat().st_size < 4096]


@every_reader
@given(data=st.binary(max_size=200), media=st.sampled_from(["", ".csv", ".json.gz", ".pcap", ".parquet", ".sbs"]))
@settings(max_examples=MUTATIONS)
def test_sniffing_anything_gives_a_probability(name, data, media):
    for head in (data, b"{" + data, b"\x1f\x8b" + data, b"PAR1" + data, b'{"frame":' + data, b"!AIVDM," + data):
        assert 0.0 <= READERS[name].sniff(head, f"recording{media}") <= 1.0


@every_reader
@given(data=st.binary(max_size=300))
@settings(max_examples=MUTATIONS)
def test_arbitrary_bytes_are_refused_or_counted(name, data):
    for beginning in (b"", b"[{", b'{"', b"MSG,", b"*8D", b"\x1a3", b"!AIVDM,1,1,,A,", b"time,x,y\n", b"\x30\x00"):
        read(name, beginning + data)


@every_reader
@given(text=st.text(alphabet='{}[]":,.0123456789eE-+ntfaul\n\\xyMSGt*;@!AIVDM', max_size=200))
@settings(max_examples=MUTATIONS)
def test_arbitrary_text_is_refused_or_counted(name, text):
    read(name, text.encode())


@every_reader
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}",
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"trace":' * 50_000,
        b"[1e999]",
        b"0" * 5000,
        b"PAR1PAR1",
        b"\x1f\x8b\x08",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_what_holds_nothing_is_refused(name, data):
    assert read(name, data) is None


@every_recording
def test_a_sample_is_read_whole(name, path):
    decoded = read(name, path.read_bytes())
    assert decoded is not None
    assert decoded.counts.total() > 0
    assert not decoded.damage
    assert decoded.detections or decoded.tracks or decoded.truths or decoded.sites
    assert fingerprint(decoded) == fingerprint(READERS[name].decode(path.read_bytes(), CONTEXT))


@every_recording
def test_a_sample_is_recognised_as_its_own(name, path):
    head = path.read_bytes()[:65_536]
    sure = {reader: module.sniff(head, path.name) for reader, module in READERS.items()}
    assert max(sure, key=lambda reader: (sure[reader], reader)) == name
    assert sure[name] >= 0.5


@every_recording
def test_every_detection_suits_the_type_of_its_sensor(name, path):
    decoded = read(name, path.read_bytes())
    types = {site.sensor: site for site in decoded.sites}
    for batch in decoded.detections:
        site = next(site for site in decoded.sites if site.sensor == batch.sensor and site.type)
        assert batch.sensor in types
        sensor = importlib.import_module(f"noroshi.sensors.{site.type}").Sensor
        if set(batch.components) <= set(sensor.COMPONENTS):
            placed = dataclasses.replace(site, lat_rad=0.8, lon_rad=0.1, height_m=100.0)
            arranged = arrange(batch, sensor.at(placed))
            assert set(arranged.quality.tolist()) <= {Quality.GOOD, Quality.DUPLICATE}
        else:  # one name, two types: another site of that name suits
            others = [importlib.import_module(f"noroshi.sensors.{other.type}").Sensor for other in decoded.sites]
            assert any(set(batch.components) <= set(other.COMPONENTS) for other in others)


@every_recording
def test_a_recording_that_was_cut_keeps_what_came_before_the_cut(name, path):
    """Only the last row may differ: where lines are not checked by a sum, half a number is a number."""
    data = path.read_bytes()
    whole = read(name, data)
    full = rows(whole)
    for size in sorted({*range(0, len(data), max(1, len(data) // OFFSETS)), len(data) - 1}):
        cut = read(name, data[:size])
        if cut is None:
            continue
        assert cut.n_records <= whole.n_records + 1
        for key, found in rows(cut).items():
            kept = max(0, len(found) - 1)
            np.testing.assert_array_equal(found[:kept], full[key][:kept])


@pytest.mark.parametrize(
    ("name", "path"), [case for case in RECORDINGS if case.values[1].name not in UNREADABLE_WITHOUT_ITS_END]
)
def test_a_cut_recording_loses_no_more_than_its_end(name, path):
    data = path.read_bytes()
    full = sum(len(found) for found in rows(read(name, data)).values())
    cut = read(name, data[: int(len(data) * 0.9)])
    assert cut is not None
    assert sum(len(found) for found in rows(cut).values()) >= 0.5 * full


@every_recording
@given(
    mutations=st.lists(
        st.tuples(st.integers(0, 10**6), st.binary(max_size=3), st.integers(0, 3)), min_size=1, max_size=6
    )
)
@settings(max_examples=MUTATIONS)
def test_a_damaged_recording_is_read_as_far_as_it_goes_or_refused(name, path, mutations):
    data = path.read_bytes()
    for place, new, n_removed in mutations:
        at = place % len(data)
        data = data[:at] + new + data[at + n_removed :]
    read(name, data)


def tracks(n: int = 6) -> Tracks:
    rng = np.random.default_rng(n)
    place = np.array([[4.2e6, 6.3e5, 4.7e6]]) + np.arange(n)[:, None] * [-30.0, 200.0, 10.0]
    root = rng.normal(size=(n, 6, 6))
    return Tracks(
        node="local",
        source_names=("radar", "adsb"),
        track_id=np.arange(n, dtype=np.uint64) % 2 + 1,
        time_ns=DAY_NS + np.arange(n) * 1_000_000_000,
        updated_ns=DAY_NS + np.arange(n) * 1_000_000_000,
        revision=np.zeros(n, np.int32),
        state_ecef=np.hstack((place, np.tile([-30.0, 200.0, 10.0], (n, 1)))),
        covariance_ecef=root @ root.swapaxes(1, 2),
        existence=np.ones(n),
        kind_probability=certain_kind(1, n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, 2), np.bool_),
        identity=Identity.absent(n),
    )


@pytest.mark.parametrize("name", [name for name in sorted(WRITERS) if hasattr(WRITERS[name], "encode")])
@pytest.mark.parametrize("n", [0, 1, 6])
def test_tracks_are_written_the_same_each_time(name, n):
    written = WRITERS[name].encode(tracks(n))
    assert isinstance(written, bytes)
    assert written == WRITERS[name].encode(tracks(n))
    assert n == 0 or written
