"""Real recordings: as many records and tracks as their publishers count, where they should be."""

import math
import os
from pathlib import Path

import numpy as np
import pytest

from noroshi.formats import Context, FormatError
from noroshi.formats.asterix import decode, sniff
from noroshi.geo.time import iso_from_utc_ns, utc_ns_from_iso
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Quality, TrackStatus, check

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "asterix"
SAMPLES = Path(os.environ.get("NOROSHI_ASTERIX_SAMPLES", "/nowhere"))
shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared ASTERIX recordings are not here")
sampled = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason="NOROSHI_ASTERIX_SAMPLES does not name install/sample_data of asterix-decoder"
)


def read(path, day_ns=None):
    data = path.read_bytes()
    assert sniff(data[:65_536], path.name) == 0.95
    decoded = decode(data, Context(day_ns=day_ns))
    for batch in [*decoded.detections, *decoded.tracks, *decoded.statuses]:
        check(batch)
    assert decoded.counts.total() + decoded.damage.total() == decoded.n_records
    return decoded


@shared
def test_half_an_hour_over_italy():
    day_ns = utc_ns_from_iso("2020-01-02T00:00:00Z")
    decoded = read(SHARED / "jade_italy_cat062_063_065_30min.ff", day_ns)
    assert decoded.counts == {
        "category 062 system track": 22_396,
        "category 063 sensor status": 5_772,
        "category 065 service message": 6_057,
    }
    assert not decoded.damage
    (tracks,) = decoded.tracks
    assert (tracks.node, len(tracks), len(np.unique(tracks.track_id))) == ("033/018", 22_396, 372)
    lat, lon, height = geodetic_from_ecef(tracks.state_ecef[:, :3])
    assert 38.9 < math.degrees(lat.min()) < math.degrees(lat.max()) < 44.7
    assert 8.2 < math.degrees(lon.min()) < math.degrees(lon.max()) < 16.2
    assert 0 < height.min() < height.max() < 14_000
    assert iso_from_utc_ns(int(tracks.time_ns.min())).startswith("2020-01-02T13:58:21")
    assert iso_from_utc_ns(int(tracks.time_ns.max())).startswith("2020-01-02T14:28:19")
    assert np.bincount(tracks.status).tolist() == [0, 21_862, 534]
    addresses = tracks.identity.icao_address
    assert len(np.unique(addresses[addresses > 0])) == 154
    # What is said of the velocity agrees with how the positions move, in the plane.
    order = np.lexsort((tracks.time_ns, tracks.track_id))
    step_s = np.diff(tracks.time_ns[order]) / 1e9
    follows = (np.diff(tracks.track_id[order].astype(np.int64)) == 0) & (step_s > 1) & (step_s < 7)
    axes = enu_axes(lat, lon)[order]
    moved = np.matvec(axes[:-1], np.diff(tracks.state_ecef[order, :3], axis=0))[follows] / step_s[follows, None]
    said = np.matvec(axes, tracks.state_ecef[order, 3:])[:-1][follows]
    assert (np.median(np.abs(moved - said), axis=0) < 5.0).all()


@shared
def test_a_datagram_that_crashes_another_decoder():
    decoded = read(SHARED / "cat062_crashes_asterix-decoder-0.7.11.bin")
    (tracks,) = decoded.tracks
    assert (tracks.node, tracks.identity.mode_3a.tolist()) == ("070/016", [0o4510])  # I062/060 is 0948
    assert tracks.status.tolist() == [TrackStatus.FIRM]


@shared
def test_radars_of_croatia():
    decoded = read(SHARED / "cro_cat_034_048.pcap")
    assert decoded.counts == {
        "category 048 target report": 126,
        "category 048 track without detection": 2,
        "category 034 service message": 34,
    }
    assert {batch.sensor for batch in decoded.detections} == {
        f"025/{sic:03d}" for sic in (11, 12, 13, 14, 201, 204, 205)
    }
    site = next(site for site in decoded.sites if site.sensor == "025/012")
    assert (math.degrees(site.lat_rad), math.degrees(site.lon_rad)) == pytest.approx((43.5710, 16.4061), abs=1e-4)
    assert site.height_m == 780.0
    for batch in decoded.detections:
        assert (batch.quality == Quality.GOOD).all()
        delay_s = (batch.received_ns - batch.time_ns) / 1e9
        assert ((delay_s > 0) & (delay_s < 4)).all()
    addresses = np.concatenate([batch.identity.icao_address for batch in decoded.detections])
    assert len(np.unique(addresses[addresses > 0])) == 62  # a 63rd is only extrapolated, says libasterix


@shared
def test_a_draft_of_2008_is_refused_and_named():
    with pytest.raises(FormatError, match="category 062"):
        decode((SHARED / "cro_asterix.pcap").read_bytes(), Context())


@sampled
def test_plot_as_asterix_decoder_prints_it():
    (plots,) = read(SAMPLES / "cat048.raw").detections
    # asterix-decoder 0.7.11, asterix/test/test_parse.py: RHO 197.68359375 NM, THETA 340.13671875, FL 330.0,
    # ToD 27354.6015625, 3C660C, DLH65A, Mode 3/A 1000.
    expected = [197.68359375 * 1852, math.radians(340.13671875), 330 * 30.48]
    np.testing.assert_allclose(plots.values, [expected], rtol=1e-12)
    assert plots.time_ns.tolist() == [27_354_601_562_500]
    assert (plots.sensor, plots.identity.icao_address.tolist()) == ("025/201", [0x3C660C])
    assert (plots.identity.call_sign.tolist(), plots.identity.mode_3a.tolist()) == (["DLH65A"], [0o1000])


@sampled
def test_categories_001_and_002_in_messages_with_their_own_header():
    decoded = read(SAMPLES / "cat_001_002.pcap")
    assert decoded.counts == {"category 001 target report": 7, "category 002 service message": 1}
    (plots,) = decoded.detections
    delay_s = (plots.received_ns - plots.time_ns) / 1e9
    assert ((delay_s > 0) & (delay_s < 4)).all()
    assert np.ptp(plots.values[:, 1]) < math.radians(15)


@sampled
@pytest.mark.parametrize("name", ["cat062cat065.raw", "cat_062_065.pcap"])
def test_two_tracks_and_the_end_of_the_batch(name):
    decoded = read(SAMPLES / name)
    assert sum(len(tracks) for tracks in decoded.tracks) == 2
    assert [str(subject) for status in decoded.statuses for subject in status.subject] == ["end of batch"]
