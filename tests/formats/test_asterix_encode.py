"""Tracks written as category 062: libasterix reads them, and so do we, to the step of each item."""

import math

import numpy as np
import pytest
from asterix import base, generated
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.formats import Context
from noroshi.formats.asterix import decode, encode, encode_plots
from noroshi.formats.asterix.blocks import chain
from noroshi.geo.time import NS_PER_DAY
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import Detections, Identity, Kind, Tracks, TrackStatus, certain_kind, check

RECORD = generated.manifest["CATS"][62][-1].cv_record
DAY_NS = 20_000 * NS_PER_DAY


def tracks_of(lat_rad, lon_rad, height_m, velocity_enu, sigmas, *, correlation=0.0, status=None, call_sign=None):
    n = len(lat_rad)
    axes = enu_axes(lat_rad, lon_rad)
    turn = np.zeros((n, 6, 6))
    turn[:, :3, :3] = turn[:, 3:, 3:] = axes
    local = np.eye(6) * np.square(sigmas)[:, None, :]
    local[:, 0, 1] = local[:, 1, 0] = correlation * sigmas[:, 0] * sigmas[:, 1]
    time_ns = DAY_NS + np.arange(n) * 7_812_500 * 641
    return check(
        Tracks(
            node="here",
            source_names=("a", "b"),
            track_id=np.arange(n, dtype=np.uint64) + np.uint64(65_530),
            time_ns=time_ns,
            updated_ns=time_ns,
            revision=np.zeros(n, np.int32),
            state_ecef=np.concatenate(
                [ecef_from_geodetic(lat_rad, lon_rad, height_m), np.vecmat(velocity_enu, axes)], axis=1
            ),
            covariance_ecef=turn.swapaxes(1, 2) @ local @ turn,
            existence=np.ones(n),
            kind_probability=certain_kind(Kind.AIRCRAFT, n),
            status=np.full(n, TrackStatus.FIRM, np.uint8) if status is None else status,
            sources=np.ones((n, 2), np.bool_),
            identity=Identity.absent(n).replace(
                icao_address=np.arange(n) + 0xABC000,
                mode_3a=np.arange(n) % 4096,
                call_sign=np.full(n, "NOROSHI1") if call_sign is None else call_sign,
            ),
        )
    )


def some_tracks(n, seed=0, **changes):
    rng = np.random.default_rng(seed)
    sigmas = rng.uniform([5, 5, 5, 1, 1, 0.1], [5000, 5000, 400, 50, 50, 7], (n, 6))
    velocity = rng.uniform([-300, -300, -20], [300, 300, 20], (n, 3))
    lat, lon = rng.uniform(-1.5, 1.5, n), rng.uniform(-math.pi, math.pi, n)
    return tracks_of(lat, lon, rng.uniform(-300, 15_000, n), velocity, sigmas, **changes)


def local(tracks):
    lat, lon, height = geodetic_from_ecef(tracks.state_ecef[:, :3])
    axes = enu_axes(lat, lon)
    turn = np.zeros((len(tracks), 6, 6))
    turn[:, :3, :3] = turn[:, 3:, 3:] = axes
    covariance = turn @ tracks.covariance_ecef @ turn.swapaxes(1, 2)
    return lat, lon, height, np.matvec(axes, tracks.state_ecef[:, 3:]), covariance


def read(data):
    (tracks,) = decode(data, Context(day_ns=DAY_NS)).tracks
    return tracks


def test_round_trip_is_exact_to_the_step_of_each_item():
    status = np.arange(500, dtype=np.uint8) % 4
    before = some_tracks(500, status=status, correlation=0.5)
    after = read(encode(before, sac=12, sic=34))
    assert after.node == "012/034"
    np.testing.assert_array_equal(after.track_id, before.track_id % np.uint64(65_536))
    np.testing.assert_array_equal(after.time_ns, before.time_ns)
    np.testing.assert_array_equal(after.status, status)
    np.testing.assert_array_equal(after.identity.icao_address, before.identity.icao_address)
    np.testing.assert_array_equal(after.identity.mode_3a, before.identity.mode_3a)
    np.testing.assert_array_equal(after.identity.call_sign, before.identity.call_sign)
    lat0, lon0, height0, velocity0, covariance0 = local(before)
    lat1, lon1, height1, velocity1, covariance1 = local(after)
    half_angle = math.radians(180 / 2**25) / 2 * 1.001
    assert np.abs(lat1 - lat0).max() <= half_angle
    assert np.abs(np.remainder(lon1 - lon0 + math.pi, 2 * math.pi) - math.pi).max() <= half_angle
    assert np.abs(height1 - height0).max() <= 6.25 * 0.3048 / 2 + 1e-6
    # The axes turn by as much as the position is rounded, which is nothing beside the step of the velocity.
    assert np.abs(velocity1 - velocity0)[:, :2].max() <= 0.125 + 1e-3
    assert np.abs(velocity1 - velocity0)[:, 2].max() <= 6.25 * 0.3048 / 60 / 2 + 1e-3
    sigma0, sigma1 = (np.sqrt(np.diagonal(c, axis1=1, axis2=2)) for c in (covariance0, covariance1))
    steps = np.array([0.5, 0.5, 6.25 * 0.3048, 0.25, 0.25, 6.25 * 0.3048 / 60])
    assert (np.abs(sigma1 - sigma0) <= steps / 2 + 1e-6).all()
    shared0, shared1 = (np.sqrt(c[:, 0, 1]) for c in (covariance0, covariance1))
    assert np.abs(shared1 - shared0).max() <= 0.25 + 1e-6


def test_libasterix_reads_the_same_blocks():
    before = some_tracks(40, status=np.arange(40, dtype=np.uint8) % 4)
    data = encode(before, sac=7, sic=9, simulated=True)
    records = []
    for pos, end in chain(data, 0, len(data)):
        assert data[pos] == 62
        found = generated.manifest["CATS"][62][-1].cv_uap.parse(base.Bits.from_bytes(data[pos + 3 : end]))
        assert not isinstance(found, ValueError)
        records += found
    lat, lon, height, velocity, _ = local(before)
    assert len(records) == len(before)
    for i, record in enumerate(records):
        get = lambda *path, r=record: _at(r, path)  # noqa: E731
        assert (get("010", "SAC").as_uint(), get("010", "SIC").as_uint()) == (7, 9)
        assert get("070").variation.content.as_quantity("s") == before.time_ns[i] % NS_PER_DAY / 1e9
        assert get("105", "LAT").variation.content.as_quantity("°") == pytest.approx(math.degrees(lat[i]), abs=3e-6)
        assert get("105", "LON").variation.content.as_quantity("°") == pytest.approx(math.degrees(lon[i]), abs=3e-6)
        assert get("185", "VX").variation.content.as_quantity("m/s") == pytest.approx(velocity[i, 0], abs=0.126)
        assert get("130").variation.content.as_quantity("ft") * 0.3048 == pytest.approx(height[i], abs=0.96)
        assert get("060", "MODE3A").as_uint() == before.identity.mode_3a[i]
        assert get("380", "ADR").as_uint() == before.identity.icao_address[i]
        assert get("380", "ID").variation.content.as_string() == "NOROSHI1"
        assert get("040").as_uint() == before.track_id[i] % np.uint64(65_536)
        flags = [get("080", name).as_uint() for name in ("SIM", "CNF", "CST", "TSE")]
        assert flags == [1, *(int(before.status[i] == s) for s in (0, 2, 3))]


def _at(node, path):
    for name in path:
        node = node.get_item(name) if node.__class__.__name__.startswith("Record") else node.variation.get_item(name)
    return node


def test_blocks_keep_to_their_size_and_hold_every_track_once():
    before = some_tracks(300)
    for size in (256, 1400, 65_535):
        data = encode(before, block_bytes_max=size)
        lengths = [end - pos for pos, end in chain(data, 0, len(data))]
        assert sum(lengths) == len(data)
        assert max(lengths) <= size
        assert min(lengths[:-1], default=size) > min(size - 75, len(data) - 75)
        np.testing.assert_array_equal(read(data).time_ns, before.time_ns)


def test_what_an_item_cannot_hold_is_left_out():
    far = tracks_of(
        np.array([0.5, 0.5]),
        np.array([1.0, 1.0]),
        np.array([70_000.0, 60_000.0]),
        np.array([[9_000.0, 0.0, 2_000.0], [1_000.0, 0.0, 1_000.0]]),
        np.full((2, 6), 1e6),
    )
    after = read(encode(far))
    _, _, height, velocity, covariance = local(after)
    assert height == pytest.approx([5_000.0, 60_000.0], abs=1)
    np.testing.assert_allclose(velocity, [[0, 0, 0], [1_000, 0, 1_000]], atol=0.2)
    sigmas = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    largest = [65_535 * 0.5, 65_535 * 0.5, 255 * 6.25 * 0.3048, 255 * 0.25, 255 * 0.25, 255 * 6.25 * 0.3048 / 60]
    np.testing.assert_allclose(sigmas[1], largest, rtol=1e-9)
    np.testing.assert_allclose(sigmas[0, [2, 3, 4, 5]], [5_000, 300, 300, 20])


def test_absent_identity_is_absent():
    before = some_tracks(3, call_sign=np.array(["", "ab-1", "TOOLONG89"]))
    nobody = before.replace(identity=before.identity.replace(mode_3a=np.full(3, -1), icao_address=np.full(3, -1)))
    after = read(encode(nobody))
    assert after.identity.call_sign.tolist() == ["", "AB 1", "TOOLONG8"]
    assert after.identity.mode_3a.tolist() == [-1, -1, -1]
    assert after.identity.icao_address.tolist() == [-1, -1, -1]
    unplaced = before.replace(state_ecef=np.full((3, 6), np.nan))
    assert len(encode(unplaced)) > 0


def test_nothing_and_nonsense():
    assert encode(some_tracks(0)) == b""
    with pytest.raises(ValueError, match="SAC 256"):
        encode(some_tracks(1), sac=256)
    with pytest.raises(ValueError, match="block_bytes_max"):
        encode(some_tracks(1), block_bytes_max=100)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
@settings(max_examples=20, deadline=None)
def test_writing_twice_changes_nothing_more(seed, n):
    once = encode(some_tracks(n, seed), sac=1, sic=2)
    twice = encode(read(once), sac=1, sic=2)
    first, second = read(once), read(twice)
    # The axes of the velocity turn with the rounded position: a value on the edge of a step may take the next one.
    np.testing.assert_allclose(first.state_ecef[:, :3], second.state_ecef[:, :3], atol=1e-6)
    np.testing.assert_allclose(first.state_ecef[:, 3:], second.state_ecef[:, 3:], atol=0.26)


def some_plots(n, seed=0):
    rng = np.random.default_rng(seed)
    absent = rng.random((4, n)) < 0.3
    identity = Identity.absent(n).replace(
        icao_address=np.where(absent[0], -1, rng.integers(1, 1 << 24, n)),
        mode_3a=np.where(absent[1], -1, rng.integers(0, 1 << 12, n)),
        call_sign=np.where(absent[2], "", rng.choice(np.array(["DLH65A", "N1", "ABCDEFGH"]), n)),
    )
    range_m, azimuth_rad = rng.uniform(0.0, 250 * 1852.0, n), rng.uniform(-math.pi, 2 * math.pi, n)
    altitude_m = np.where(absent[3], np.nan, rng.uniform(-300.0, 20_000.0, n))
    return check(
        Detections.of(
            sensor="001/002",
            components=("range_m", "azimuth_rad", "altitude_m"),
            time_ns=DAY_NS + np.arange(n) * 7_812_500 * 641,
            values=np.stack([range_m, azimuth_rad, altitude_m], axis=1),
            identity=identity,
        )
    )


def test_plots_come_back_to_the_step_of_each_item():
    before = some_plots(500)
    (after,) = decode(encode_plots(before, sac=1, sic=2), Context(day_ns=DAY_NS)).detections
    assert after.sensor == "001/002"
    np.testing.assert_array_equal(after.time_ns, before.time_ns)
    for name in ("icao_address", "mode_3a", "call_sign"):
        np.testing.assert_array_equal(getattr(after.identity, name), getattr(before.identity, name))
    off = after.values - before.values
    off[:, 1] = np.remainder(off[:, 1] + math.pi, 2 * math.pi) - math.pi
    np.testing.assert_array_equal(np.isnan(after.values), np.isnan(before.values))
    assert (np.nanmax(np.abs(off), axis=0) <= np.array([1852 / 512, math.pi / 65_536, 7.62 / 2]) * (1 + 1e-9)).all()


def test_libasterix_reads_the_same_plots():
    before = some_plots(60)
    data = encode_plots(before, sac=7, sic=9, simulated=True)
    records = []
    for pos, end in chain(data, 0, len(data)):
        found = generated.manifest["CATS"][48][-1].cv_uap.parse(base.Bits.from_bytes(data[pos + 3 : end]))
        assert not isinstance(found, ValueError)
        records += found
    assert len(records) == 60
    for i, record in enumerate(records):
        assert _at(record, ("040", "RHO")).variation.content.as_quantity("NM") * 1852 == pytest.approx(
            before.values[i, 0], abs=3.62
        )
        turned = math.radians(_at(record, ("040", "THETA")).variation.content.as_quantity("°"))
        assert math.cos(turned - before.values[i, 1]) == pytest.approx(1.0, abs=1e-8)
        assert _at(record, ("020", "SIM")).as_uint() == 1
        address, level = int(before.identity.icao_address[i]), before.values[i, 2]
        assert (record.get_item("220") is None) == (address < 0)
        assert (record.get_item("090") is None) == math.isnan(level)
        if not math.isnan(level):
            assert _at(record, ("090", "FL")).variation.content.as_quantity("FL") * 30.48 == pytest.approx(
                level, abs=3.82
            )
        kind = 5 if address >= 0 else 2 if before.identity.mode_3a[i] >= 0 or not math.isnan(level) else 1
        assert _at(record, ("020", "TYP")).as_uint() == kind


def test_plots_that_an_item_cannot_hold_have_no_position():
    before = some_plots(3).replace(values=np.array([[500e3, 1.0, 0.0], [np.nan, 1.0, 0.0], [1e3, 1.0, 70e3]]))
    (after,) = decode(encode_plots(before), Context(day_ns=DAY_NS)).detections
    np.testing.assert_array_equal(np.isnan(after.values), [[1, 1, 0], [1, 1, 0], [0, 0, 1]])
    assert encode_plots(some_plots(0)) == b""


@given(st.integers(0, 2**32 - 1), st.sampled_from(["plots", "tracks"]), st.integers(256, 2000))
@settings(max_examples=15, deadline=None)
def test_what_is_written_libasterix_writes_alike(seed, what, size):
    data = (
        encode(some_tracks(8, seed), block_bytes_max=size)
        if what == "tracks"
        else encode_plots(some_plots(8, seed), block_bytes_max=size)
    )
    uap = generated.manifest["CATS"][data[0]][-1].cv_uap
    for pos, end in chain(data, 0, len(data)):
        records = uap.parse(base.Bits.from_bytes(data[pos + 3 : end]))
        assert b"".join(record.unparse().to_bytes() for record in records) == data[pos + 3 : end]
