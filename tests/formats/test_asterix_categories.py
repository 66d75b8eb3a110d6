"""What each category's records become, from records that libasterix wrote with values in the units of the standard."""

import math

import numpy as np
import pyproj
import pytest
from asterix import generated

from noroshi.formats import Context, FormatError
from noroshi.formats.asterix import Stream, decode
from noroshi.geo.time import utc_ns_from_iso
from noroshi.geo.wgs84 import enu_axes, geodetic_from_ecef
from noroshi.records import Quality, TrackStatus, check
from noroshi.sensors.position_report import GROUND_CLIMB_SIGMA_M_S

NM, FT, KT = 1852.0, 0.3048, 1852.0 / 3600.0
DAY_NS = utc_ns_from_iso("2026-03-01T00:00:00Z")
CONTEXT = Context(day_ns=DAY_NS)
SOURCE = (12, 34)
NOON_S = 43_200.0


def block(category, *records, edition=-1, uap=None):
    specification = generated.manifest["CATS"][category][edition]
    record = specification.cv_uap.spec(uap) if uap else specification.cv_record
    return specification.create([record.create({"010": SOURCE, **items}) for items in records]).unparse().to_bytes()


def read(data, context=CONTEXT):
    decoded = decode(data, context)
    for batch in [*decoded.detections, *decoded.tracks, *decoded.statuses]:
        check(batch)
    assert decoded.counts.total() + decoded.damage.total() == decoded.n_records
    return decoded


def at(seconds):
    return DAY_NS + round(seconds * 1e9)


def plot048(**changes):
    items = {
        "140": (NOON_S + 0.5, "s"),
        "020": ((5, 0, 0, 0, 0, None),),
        "040": ((100.0, "NM"), (90.0, "°")),
        "070": (0, 0, 0, 0, "7700"),
        "090": (0, 0, (330.25, "FL")),
        "220": 0x3C660C,
        "240": "DLH65A",
    }
    return items | changes


def test_048_plot():
    decoded = read(block(48, plot048()))
    (plots,) = decoded.detections
    assert (plots.sensor, plots.components) == ("012/034", ("range_m", "azimuth_rad", "altitude_m"))
    np.testing.assert_allclose(plots.values, [[100 * NM, math.pi / 2, 33_025 * FT]])
    assert np.isnan(np.diagonal(plots.covariances, axis1=1, axis2=2)).all()
    assert plots.time_ns.tolist() == [at(NOON_S + 0.5)]
    assert plots.identity.icao_address.tolist() == [0x3C660C]
    assert plots.identity.mode_3a.tolist() == [0o7700]
    assert plots.identity.call_sign.tolist() == ["DLH65A"]
    assert plots.quality.tolist() == [Quality.GOOD]
    assert decoded.counts == {"category 048 target report": 1}
    (site,) = decoded.sites
    assert (site.sensor, site.type, math.isnan(site.lat_rad)) == ("012/034", "search_radar", True)


def test_048_doubtful_codes_and_levels_are_not_used_and_the_plot_is():
    garbled, unvalidated = (0, 1, (100.0, "FL")), (1, 0, (100.0, "FL"))
    three_d = plot048(**{"090": garbled, "110": (0, (3000.0, "ft"))})
    decoded = read(block(48, plot048(**{"090": garbled, "070": (0, 1, 0, 0, "1234")}), three_d))
    (plots,) = decoded.detections
    np.testing.assert_allclose(plots.values[:, 2], [np.nan, 3000 * FT])
    assert plots.identity.mode_3a.tolist() == [-1, 0o7700]
    (plots,) = read(block(48, plot048(**{"090": unvalidated, "070": (1, 0, 0, 0, "1234")}))).detections
    assert np.isnan(plots.values[0, 2])
    assert plots.identity.mode_3a.tolist() == [-1]


def test_048_what_is_no_detection_is_counted_and_left_out():
    monitor = plot048(**{"020": ((5, 0, 0, 0, 1, None),)})
    test = plot048(**{"020": ((5, 0, 0, 0, 0, None), (1, 0, 0, 0, 0, 0, None))})
    coasted = plot048(**{"020": ((0, 0, 0, 0, 0, None),)})
    nowhere = plot048(**{"040": None})
    late = plot048(**{"140": (90_000.0, "s")})
    decoded = read(block(48, monitor, test, coasted, nowhere, late))
    assert decoded.counts == {
        "category 048 target report": 2,
        "category 048 test target or field monitor": 2,
        "category 048 track without detection": 1,
    }
    assert decoded.detections[0].quality.tolist() == [Quality.NO_POSITION, Quality.BAD_TIME]


def test_001_takes_the_hours_from_category_002():
    plot = {
        "020": ((0, 0, 3, 0, 0, 0, None),),
        "040": ((50.0, "NM"), (180.0, "°")),
        "070": (0, 0, 0, 0, "1000"),
        "090": (0, 0, (100.0, "FL")),
        "141": ((NOON_S + 2.0) % 512, "s"),
    }
    track = {"020": ((1, 0, 2, 0, 0, 0, None),), "161": 7, "040": ((60.0, "NM"), (270.0, "°"))}
    sector = {"000": 2, "020": (45.0, "°"), "030": (NOON_S, "s"), "041": (10.0, "s")}
    data = block(2, sector) + block(1, plot, uap="plot") + block(1, track, uap="track")
    decoded = read(data)
    (plots,) = decoded.detections
    np.testing.assert_allclose(plots.values, [[50 * NM, math.pi, 10_000 * FT], [60 * NM, 1.5 * math.pi, np.nan]])
    assert plots.identity.mode_3a.tolist() == [0o1000, -1]
    assert plots.time_ns[0] == at(NOON_S + 2.0)
    assert plots.quality.tolist() == [Quality.GOOD, Quality.BAD_TIME]
    said = {str(subject): value for s in decoded.statuses for subject, value in zip(s.subject, s.value, strict=True)}
    assert said == pytest.approx({"sector crossing": math.pi / 4, "antenna rotation [s]": 10.0})
    assert [site.sensor for site in decoded.sites] == ["012/034"]


def test_001_across_midnight_although_512_s_do_not_divide_a_day():
    times_s = np.array([86_399.0, 86_399.5, 86_400.25, 86_401.0])
    data = b""
    for when_s in times_s:
        data += block(2, {"000": 2, "030": (when_s % 86_400, "s")})
        items = {"020": ((0, 0, 3, 0, 0, 0, None),), "040": (1, 1), "141": (when_s % 86_400 % 512, "s")}
        data += block(1, items, uap="plot")
    assert read(data).detections[0].time_ns.tolist() == [at(when_s) for when_s in times_s]


def test_001_alone_keeps_its_intervals_and_says_so():
    times_s = np.arange(0.0, 2000.0, 40.0)
    records = [{"020": ((0, 0, 3, 0, 0, 0, None),), "040": (1, 1), "141": (t % 512, "s")} for t in times_s]
    decoded = read(block(1, *records, uap="plot"))
    assert np.diff(decoded.detections[0].time_ns).tolist() == [40_000_000_000] * (len(times_s) - 1)
    assert any("modulo 512 s" in note for note in decoded.notes)


def test_034_messages_and_site():
    north = {"000": 1, "030": (NOON_S, "s"), "041": (4.0, "s"), "050": {"COM": (1, 0, 0, 0, 0, 0, 0, 0)}}
    sector = {"000": 2, "030": (NOON_S + 1, "s"), "020": (90.0, "°")}
    place = {"000": 1, "030": (NOON_S + 4, "s"), "120": ((780.0, "m"), (43.5, "°"), (-16.25, "°"))}
    untimed = {"000": 1}
    decoded = read(block(34, north, sector, place, untimed))
    said = [
        (int(t), str(source), str(subject), float(value))
        for s in decoded.statuses
        for t, source, subject, value in zip(s.time_ns, s.source, s.subject, s.value, strict=True)
    ]
    assert [row[:3] for row in said] == [
        (at(NOON_S), "012/034", "north marker"),
        (at(NOON_S + 1), "012/034", "sector crossing"),
        (at(NOON_S + 4), "012/034", "north marker"),
        (at(NOON_S), "012/034", "antenna rotation [s]"),
        (at(NOON_S), "012/034", "not for operational use"),
    ]
    np.testing.assert_allclose([row[3] for row in said], [np.nan, math.pi / 2, np.nan, 4.0, 1.0])
    (site,) = decoded.sites
    assert (site.type, site.height_m) == ("search_radar", 780.0)
    assert math.degrees(site.lat_rad) == pytest.approx(43.5, abs=2e-5)
    assert math.degrees(site.lon_rad) == pytest.approx(-16.25, abs=2e-5)
    assert decoded.counts == {"category 034 service message": 3}
    assert decoded.damage == {"category 034: no time of day": 1}


def report021(**changes):
    items = {
        "040": ((0, 0, 0, 0, None),),
        "071": (NOON_S, "s"),
        "077": (NOON_S + 5, "s"),
        "131": ((45.0, "°"), (-10.0, "°")),
        "080": 0x4CA123,
        "140": (20_000.0, "ft"),
        "145": (195.0, "FL"),
        "160": (0, (300.0 / 3600, "NM/s"), (90.0, "°")),
        "157": (0, (-600.0, "ft/min")),
        "155": (0, (-900.0, "ft/min")),
        "070": (0, "4321"),
        "170": "RYR12AB",
    }
    return items | changes


def test_021_report():
    decoded = read(block(21, report021()))
    (reports,) = decoded.detections
    assert reports.components[:3] == ("lat_rad", "lon_rad", "altitude_m")
    expected = [math.radians(45), math.radians(-10), 20_000 * FT, 300 * KT, 0.0, -600 * FT / 60]
    np.testing.assert_allclose(reports.values, [expected], atol=1e-9, rtol=1e-3)
    np.testing.assert_allclose(reports.values[0, :2], expected[:2], atol=2e-9)
    assert reports.time_ns.tolist() == [at(NOON_S)]
    assert reports.identity.icao_address.tolist() == [0x4CA123]
    assert reports.identity.mode_3a.tolist() == [0o4321]
    assert reports.identity.call_sign.tolist() == ["RYR12AB"]
    assert decoded.sites[0].type == "position_report"


def test_021_falls_back_item_by_item():
    bare = report021(**{"131": None, "130": ((45.0, "°"), (-10.0, "°")), "140": None, "157": None, "071": None})
    beyond = report021(**{"160": (1, 0, 0), "157": (1, 0), "155": None, "040": ((3, 0, 0, 0, None),)})
    (reports,) = read(block(21, bare, beyond)).detections
    assert math.degrees(reports.values[0, 0]) == pytest.approx(45, abs=2e-5)
    np.testing.assert_allclose(reports.values[0, [2, 5]], [19_500 * FT, -900 * FT / 60], rtol=1e-3)
    assert reports.time_ns[0] == at(NOON_S + 5)
    assert np.isnan(reports.values[1, 3:]).all()
    assert reports.identity.icao_address.tolist() == [0x4CA123, -1]


ON_GROUND_021 = (0, 0, 0, 0, None), (0, 1, 0, 0, 0, 0, None)  # the second is GBS


def test_021_on_the_ground_there_is_no_climb():
    taxis = report021(**{"040": ON_GROUND_021, "160": (0, (20 / 3600, "NM/s"), (90.0, "°"))})
    (reports,) = read(block(21, taxis)).detections
    assert np.isnan(reports.values[0, 2])
    assert reports.values[0, 5] == 0.0
    assert reports.covariances[0, 5, 5] == pytest.approx(GROUND_CLIMB_SIGMA_M_S**2)


def test_021_who_is_fast_keeps_its_height_whatever_the_ground_bit_says():
    wrong = report021(**{"040": ON_GROUND_021, "071": (NOON_S + 1, "s")})
    garbled = report021(**{"040": ON_GROUND_021, "071": (NOON_S + 2, "s"), "140": (100_000.0, "ft")})
    stream = Stream(Context(source="live"))
    pieces = [block(21, report021()), block(21, wrong), block(21, garbled)]
    live = [stream.decode([(at(NOON_S + second), piece)]).detections[0] for second, piece in enumerate(pieces)]
    altitude_m = np.concatenate([batch.values[:, 2] for batch in live])
    np.testing.assert_allclose(altitude_m, [20_000 * FT, 20_000 * FT, np.nan], rtol=1e-3)
    assert np.isnan([batch.values[0, 5] for batch in live[1:]]).all()
    assert np.isnan([batch.covariances[0, 5, 5] for batch in live]).all()
    (recorded,) = read(b"".join(pieces)).detections
    np.testing.assert_array_equal(recorded.values[:, 2], altitude_m)


def test_021_old_edition_is_recognised_by_the_block():
    old = {
        "040": (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0),
        "030": (NOON_S, "s"),
        "130": ((45.0, "°"), (10.0, "°")),
        "080": 0x4CA123,
        "140": (20_000.0, "ft"),
        "160": ((0.1, "NM/s"), (0.0, "°")),
        "157": (625.0, "ft/min"),
        "170": "OLD1",
    }
    editions = [specification.cv_edition for specification in generated.manifest["CATS"][21]]
    decoded = read(block(21, old, old, edition=editions.index((0, 26))) + block(21, report021()))
    assert decoded.counts == {"category 021 target report": 1, "category 021 target report, edition 0.26": 2}
    (reports,) = decoded.detections
    expected = [math.radians(45), math.radians(10), 20_000 * FT, 0.0, 0.1 * NM, 625 * FT / 60]
    np.testing.assert_allclose(reports.values[0], expected, rtol=1e-3, atol=1e-9)
    assert reports.identity.call_sign.tolist() == ["OLD1", "OLD1", "RYR12AB"]
    assert reports.time_ns.tolist() == [at(NOON_S)] * 3


def test_010_position_reports_and_plots_are_two_sensors():
    common = {"000": 1, "140": (NOON_S, "s"), "020": ((1, 0, 0, 0, 0, None),), "220": 0x4CA123}
    report = common | {
        "041": ((41.25, "°"), (2.0625, "°")),
        "202": ((10.0, "m/s"), (-5.0, "m/s")),
        "245": (0, 0, "IBE1"),
    }
    polar = common | {"040": ((1500.0, "m"), (90.0, "°")), "245": (2, 0, "ECABC")}
    plane = common | {"042": ((300.0, "m"), (-400.0, "m")), "090": (0, 0, (1.0, "FL"))}
    status = {"000": 3, "140": (NOON_S, "s"), "550": (1, 0, 0, 0, 0, 0)}
    decoded = read(block(10, report, polar, plane, status))
    reports, plots = decoded.detections
    assert (reports.sensor, plots.sensor) == ("012/034", "012/034 search_radar")
    np.testing.assert_allclose(
        reports.values, [[math.radians(41.25), math.radians(2.0625), np.nan, 10.0, -5.0]], atol=1e-8
    )
    azimuth = math.atan2(300, -400)
    np.testing.assert_allclose(plots.values, [[1500, math.pi / 2, np.nan], [500, azimuth, 100 * FT]])
    assert reports.identity.call_sign.tolist() == ["IBE1"]
    assert plots.identity.call_sign.tolist() == ["", ""]
    assert [(site.sensor, site.type) for site in decoded.sites] == [
        ("012/034", "position_report"),
        ("012/034 search_radar", "search_radar"),
    ]
    assert (decoded.statuses[0].subject[0], decoded.statuses[0].value[0]) == ("service status", 1.0)


def track062(**changes):
    items = {
        "070": (NOON_S, "s"),
        "105": ((60.0, "°"), (25.0, "°")),
        "185": ((100.0, "m/s"), (-50.0, "m/s")),
        "060": (0, 0, 0, 0, "2000"),
        "380": {"ADR": 0x461E1D, "ID": "FIN123"},
        "040": 4711,
        "080": ((0, 0, 0, 0, 0, None),),
        "130": (36_000.0, "ft"),
        "136": (350.0, "FL"),
        "220": (600.0, "ft/min"),
        "290": {"TRK": (20.0, "s"), "SSR": (2.0, "s"), "ES": (0.5, "s")},
        "500": {
            "APC": ((40.0, "m"), (60.0, "m")),
            "COV": (-30.0, "m"),
            "AGA": (62.5, "ft"),
            "ATV": ((2.0, "m/s"), (3.0, "m/s")),
            "ARC": (125.0, "ft/min"),
        },
    }
    return items | changes


def local_moments(tracks):
    lat, lon, height = geodetic_from_ecef(tracks.state_ecef[:, :3])
    turn = np.zeros((len(tracks), 6, 6))
    turn[:, :3, :3] = turn[:, 3:, 3:] = enu_axes(lat, lon)
    position = np.degrees(np.stack([lat, lon], axis=1))
    return (
        position,
        height,
        np.matvec(turn, tracks.state_ecef)[:, 3:],
        turn @ tracks.covariance_ecef @ turn.swapaxes(1, 2),
    )


def test_062_track():
    decoded = read(block(62, track062()))
    (tracks,) = decoded.tracks
    position, height, velocity, covariance = local_moments(tracks)
    np.testing.assert_allclose(position, [[60.0, 25.0]], atol=3e-6)
    np.testing.assert_allclose(height, [36_000 * FT], atol=1e-6)
    np.testing.assert_allclose(velocity, [[100.0, -50.0, 600 * FT / 60]], atol=0.02)
    expected = np.diag([40.0, 60.0, 62.5 * FT, 2.0, 3.0, 125 * FT / 60]) ** 2
    expected[0, 1] = expected[1, 0] = -(30.0**2)
    np.testing.assert_allclose(covariance[0], expected, rtol=0.02, atol=1e-5)
    assert (tracks.node, tracks.track_id.tolist(), tracks.status.tolist()) == ("012/034", [4711], [TrackStatus.FIRM])
    assert tracks.time_ns.tolist() == [at(NOON_S)]
    assert tracks.updated_ns.tolist() == [at(NOON_S - 0.5)]
    assert np.array(tracks.source_names)[tracks.sources[0]].tolist() == ["secondary radar", "ADS-B 1090 ES"]
    assert tracks.identity.icao_address.tolist() == [0x461E1D]
    assert tracks.identity.mode_3a.tolist() == [0o2000]
    assert tracks.identity.call_sign.tolist() == ["FIN123"]
    assert decoded.counts == {"category 062 system track": 1}


def test_062_what_is_not_stated_is_assumed_broadly():
    bare = track062(**dict.fromkeys(("185", "130", "136", "220", "290", "500", "060", "380")))
    level = bare | {"135": (0, (100.0, "FL")), "245": (1, 0, "FIN9"), "500": {"APW": ((0.001, "°"), (0.001, "°"))}}
    (tracks,) = read(block(62, bare, level)).tracks
    _, height, velocity, covariance = local_moments(tracks)
    np.testing.assert_allclose(height, [5_000.0, 10_000 * FT], atol=1e-6)
    np.testing.assert_allclose(velocity, 0.0, atol=1e-9)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance[0])), [300, 300, 5_000, 300, 300, 20], rtol=1e-6)
    ellipsoid = pyproj.Geod(ellps="WGS84")
    arcs_m = ellipsoid.inv(25.0, 60.0, 25.001, 60.0)[2], ellipsoid.inv(25.0, 59.9995, 25.0, 60.0005)[2]
    np.testing.assert_allclose(np.sqrt(np.diag(covariance[1]))[:2], arcs_m, rtol=3e-3)  # an item's step is 0.5 %
    assert tracks.identity.call_sign.tolist() == ["", "FIN9"]
    assert (np.linalg.eigvalsh(tracks.covariance_ecef) > 0).all()


def test_062_life_of_a_track():
    four = [((0, 0, 0, 0, cnf, None), (0, tse, 0, 0, 0, 0, 0, None), (0, 0, 0, 0, 0, None), (cst, *[0] * 6, None))
            for cnf, cst, tse in ((1, 0, 0), (0, 0, 0), (0, 1, 0), (0, 1, 1))]  # fmt: skip
    last = {"070": (NOON_S + 3, "s"), "040": 4711, "080": four[3]}
    stranger = last | {"040": 1}
    decoded = read(block(62, *(track062(**{"080": status}) for status in four[:3]), last, stranger))
    (tracks,) = decoded.tracks
    assert tracks.status.tolist() == [TrackStatus.TENTATIVE, TrackStatus.FIRM, TrackStatus.COASTING, TrackStatus.LOST]
    np.testing.assert_array_equal(tracks.state_ecef[3], tracks.state_ecef[2])
    assert tracks.time_ns[3] == at(NOON_S + 3)
    assert decoded.damage == {"category 062: no position": 1}


def test_062_position_in_the_systems_plane_needs_a_reference():
    plane = track062(**{"105": None, "100": ((100_000.0, "m"), (50_000.0, "m"))})
    with pytest.raises(FormatError, match="no position"):
        decode(block(62, plane), CONTEXT)
    about = Context(day_ns=DAY_NS, reference_lat_rad=math.radians(60), reference_lon_rad=math.radians(25))
    decoded = read(block(62, plane), about)
    ((lat, lon),), *_ = local_moments(decoded.tracks[0])
    sphere = pyproj.Proj("+proj=stere +lat_0=60 +lon_0=25 +R=6371008.7714")
    assert (lon, lat) == pytest.approx(sphere(100_000.0, 50_000.0, inverse=True), abs=1e-8)
    assert decoded.counts == {"category 062 system track, placed by its plane about the given reference": 1}


def test_063_and_065():
    sensor = {"030": (NOON_S, "s"), "050": (25, 7), "060": ((1, 0, 0, 0, 0, 0, None),)}
    batch = {"000": 2, "015": 1, "030": (NOON_S + 1, "s"), "020": 9}
    system = {"000": 1, "015": 1, "030": (NOON_S + 2, "s"), "040": (2, 0, 0, 0, 0, 0)}
    service = {"000": 3, "015": 1, "030": (NOON_S + 3, "s"), "050": 4}
    decoded = read(block(63, sensor) + block(65, batch, system, service))
    said = [
        (str(source), str(subject), float(value))
        for s in decoded.statuses
        for source, subject, value in zip(s.source, s.subject, s.value, strict=True)
    ]
    assert said == [
        ("012/034", "sensor 025/007 status", 1.0),
        ("012/034", "end of batch", 9.0),
        ("012/034", "system status", 2.0),
        ("012/034", "service status", 4.0),
    ]
    assert decoded.counts == {"category 063 sensor status": 1, "category 065 service message": 3}
    assert decoded.sites == []
