"""What comes in pieces is read as the recording that the pieces make up."""

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from noroshi.formats import Context, ais, asterix, mode_s, sbs
from noroshi.formats.asterix import framing
from noroshi.records import concatenate

SHARED = Path(__file__).parents[3] / "shared" / "data"
SAMPLES = Path(__file__).parents[1] / "samples"
CONTEXT = Context(source="feed")


def beast(frame: bytes) -> bytes:
    """Return a frame as Beast binary with an empty stamp (the layout is in mode_s/frames.py)."""
    kind = b"3" if len(frame) == 14 else b"2"
    return b"\x1a" + kind + (bytes(6) + b"\x80" + frame).replace(b"\x1a", b"\x1a\x1a")


def cut(data: bytes, rng: np.random.Generator, mean: int) -> list[bytes]:
    """Cut bytes anywhere."""
    edges = np.unique(rng.integers(1, len(data), max(1, len(data) // mean)))
    return [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)]


def joined(many):
    """Return the detections and the counts of several `Decoded`."""
    parts = [batch for decoded in many for batch in decoded.detections if len(batch)]
    counts = sum((decoded.counts for decoded in many), Counter())
    damage = sum((decoded.damage for decoded in many), Counter())
    return concatenate(parts) if parts else None, counts, damage


def rows_of(batch):
    """Return what rows say, sorted, for comparison with NaN equal to NaN."""
    who = batch.identity
    every = zip(batch.time_ns.tolist(), batch.values.round(9).tolist(), who.icao_address.tolist(), who.mmsi.tolist(),
                who.mode_3a.tolist(), who.call_sign.tolist(), strict=True)  # fmt: skip
    return sorted(map(repr, every))


@pytest.mark.parametrize("mean", [30, 300])
def test_sbs_in_pieces_is_the_file(mean):
    data = (SAMPLES / "sbs" / "flight.sbs").read_bytes()
    whole = sbs.decode(data, CONTEXT)
    stream = sbs.Stream(CONTEXT)
    parts = [stream.decode([(5, piece)]) for piece in cut(data, np.random.default_rng(1), mean)]
    if not data.endswith(b"\n"):
        parts.append(stream.decode([(5, b"\n")]))
    found, counts, damage = joined(parts)
    assert rows_of(found) == rows_of(whole.detections[0])
    assert counts == whole.counts
    assert damage == whole.damage
    assert sum(part.n_records for part in parts) == whole.n_records
    assert all(batch.received_ns == 5 for part in parts for batch in part.detections)


@pytest.mark.parametrize("mean", [11, 300])
def test_ais_in_pieces_is_the_file(mean):
    data = (SAMPLES / "ais" / "ships.nmea").read_bytes()
    now_ns = 1_700_000_000_000_000_000
    whole = ais.decode(data, Context(source="feed", received_ns=now_ns))
    stream = ais.Stream(CONTEXT)
    parts = [stream.decode([(now_ns, piece)]) for piece in [*cut(data, np.random.default_rng(2), mean), b"\n"]]
    found, counts, _ = joined(parts)
    assert rows_of(found) == rows_of(concatenate(whole.detections))
    assert counts == whole.counts


def toulouse(number, first=1000):
    """Return (received_ns, frame) of some frames of a real recording."""
    path = SHARED / "adsb" / "modeS_raw_toulouse_2024-06-06.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    told = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()[first : first + number]]
    return sorted((round(each["timestamp"] * 1e6) * 1000, bytes.fromhex(each["frame"])) for each in told)


@pytest.mark.parametrize("every", [1, 40])
def test_beast_in_pieces_is_the_recording(every):
    """Each frame's piece has the recording's own time, so that the two must agree to the row."""
    heard = toulouse(1500 if every == 1 else 30000)
    lines = b"\n".join(json.dumps({"frame": f.hex(), "timestamp": t / 1e9}).encode() for t, f in heard)
    near = Context(source="feed", reference_lat_rad=np.radians(43.6), reference_lon_rad=np.radians(1.4))
    whole = mode_s.decode(lines, near)
    pieces = [(time_ns, beast(frame)) for time_ns, frame in heard]
    stream = mode_s.Stream(near)
    parts = [stream.decode(pieces[i : i + every]) for i in range(0, len(pieces), every)]
    found, counts, damage = joined(parts)
    mine, theirs = rows_of(found), rows_of(whole.detections[0])
    # A stream knows less than a recording only where places follow from places long ago.
    missing = Counter(theirs) - Counter(mine)
    assert len(theirs) > 0.1 * len(heard)
    assert missing.total() <= 0.002 * len(theirs)
    assert (Counter(mine) - Counter(theirs)).total() <= missing.total()
    assert damage["bad parity"] == whole.damage["bad parity"]
    assert counts.total() == whole.counts.total()


def test_beast_cut_anywhere_loses_no_frame():
    heard = toulouse(1000)
    data = b"".join(beast(frame) for _, frame in heard)
    stream, rng = mode_s.Stream(CONTEXT), np.random.default_rng(3)
    _, counts, damage = joined([stream.decode([(10**18, piece)]) for piece in cut(data, rng, 100)])
    assert counts.total() + damage["bad parity"] + damage["unknown downlink format"] == len(heard)
    assert not damage["bytes between frames"]


def test_a_stream_that_breaks_off_inside_a_frame_goes_on_with_the_next():
    heard = toulouse(100)
    first, second = (b"".join(beast(frame) for _, frame in part) for part in (heard[:50], heard[50:100]))
    stream = mode_s.Stream(CONTEXT)
    _, counts, damage = joined([stream.decode([(1, first[:-5]), (2, b""), (3, second)])])
    assert damage["frame broken off"] == 1
    assert counts.total() + damage["bad parity"] + damage["unknown downlink format"] == 99


def recorded(name):
    path = SHARED / "asterix" / name
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    return path.read_bytes()


@pytest.mark.parametrize("name", ["cro_cat_034_048.pcap", "jade_italy_cat062_063_065_30min.ff", "cro_asterix.pcap"])
def test_asterix_datagram_by_datagram_is_the_recording(name):
    data = recorded(name)
    messages = list(framing.datagrams(data, Counter(), Counter()))[:3000]
    stream = asterix.Stream(CONTEXT)
    last_ns = 0
    parts = []
    for i in range(0, len(messages), 7):
        parts.append(stream.decode([(time_ns or last_ns, message) for time_ns, message in messages[i : i + 7]]))
    counts = sum((part.counts for part in parts), Counter())
    if name == "cro_cat_034_048.pcap":
        whole = asterix.decode(data, Context(source="feed", day_ns=0))
        assert counts.total() == whole.counts.total()
        assert sum(part.damage.total() for part in parts) == whole.damage.total() - whole.damage["packet cut short"]
        n = sum(len(batch) for part in parts for batch in part.detections)
        assert n == sum(len(batch) for batch in whole.detections)
    elif name == "cro_asterix.pcap":  # an edition that nobody reads: nothing of it is taken for something else
        assert not counts
        assert sum(part.damage.total() for part in parts) > 100
    else:
        assert counts["category 062 system track"] == sum(len(tracks) for part in parts for tracks in part.tracks) > 0


def test_asterix_damage_is_counted_and_never_raised():
    """Thousands of real datagrams with bytes changed, cut, joined."""
    real = []
    for name in ("cro_cat_034_048.pcap", "cro_asterix.pcap", "jade_italy_cat062_063_065_30min.ff"):
        real += [message for _, message in framing.datagrams(recorded(name), Counter(), Counter())][:300]
    rng = np.random.default_rng(4)
    stream = asterix.Stream(CONTEXT)
    total = Counter()
    for _ in range(100):
        pieces = []
        for _ in range(50):
            data = bytearray(real[rng.integers(len(real))])
            what = rng.integers(4)
            for _ in range(rng.integers(1, 8) if what == 0 else 0):
                data[rng.integers(len(data))] = rng.integers(256)
            if what == 1:
                del data[rng.integers(len(data)) :]
            if what == 2:
                data += real[rng.integers(len(real))]
            if what == 3 and len(data) > 4:
                at = rng.integers(len(data) - 3)
                del data[at : at + 3]
            pieces.append((1_700_000_000_000_000_000, bytes(data)))
        decoded = stream.decode(pieces)
        assert decoded.n_records == decoded.counts.total() + decoded.damage.total()
        total += decoded.damage
    assert total.total() > 1000
