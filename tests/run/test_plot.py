import dataclasses
import hashlib
import io
import struct
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import imread

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Identity, SensorSite, Tracks, TrackStatus, certain_kind, concatenate, take
from noroshi.run.mapping.basemap import LAND, SEA, Frame, Projection, draw_land, nice_below, thin
from noroshi.run.mapping.labels import Room
from noroshi.run.mapping.layers import N_PLOTS_MAX, plot_stride
from noroshi.run.mapping.panel import AltitudeScale
from noroshi.run.mapping.rows import Rows
from noroshi.run.plot import MapContent, draw, render

START_NS = 1_700_000_000 * 10**9


def tracks(lat_deg, lon_deg, *, track=None, height_m=10_000.0, sigma_up_m=30.0, call_sign="", seconds=None, status=1):
    """Track rows at places, flying east at 200 m/s."""
    lat_deg, lon_deg = np.broadcast_arrays(np.asarray(lat_deg, float), np.asarray(lon_deg, float))
    n = len(lat_deg)
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    axes = enu_axes(lat, lon)
    own = np.diag([100.0**2, 100.0**2, 0.0]) + np.zeros((n, 3, 3))
    own[:, 2, 2] = np.broadcast_to(sigma_up_m, n) ** 2
    covariance = np.zeros((n, 6, 6)) + np.eye(6)
    covariance[:, :3, :3] = axes.swapaxes(1, 2) @ own @ axes
    time_ns = START_NS + np.asarray(np.arange(n) * 10 if seconds is None else seconds, np.int64) * 10**9
    identity = dataclasses.replace(Identity.absent(n), call_sign=np.full(n, call_sign, "<U8"))
    return Tracks(
        node="test",
        source_names=("a",),
        track_id=np.asarray(np.ones(n) if track is None else track).astype(np.uint64),
        time_ns=time_ns,
        updated_ns=time_ns,
        revision=np.zeros(n, np.int32),
        state_ecef=np.concatenate([ecef_from_geodetic(lat, lon, np.full(n, height_m)), 200.0 * axes[:, 0]], axis=1),
        covariance_ecef=covariance,
        existence=np.ones(n),
        kind_probability=certain_kind(1, n),
        status=np.broadcast_to(np.asarray(status, np.uint8), n),
        sources=np.ones((n, 1), bool),
        identity=identity,
    )


def pixels(picture):
    return (imread(io.BytesIO(render(picture)))[..., :3] * 255 + 0.5).astype(np.int16)


def bright(image):
    """Pixels of tracks, heads and labels: brighter than anything of the map itself."""
    return image.max(axis=2) > 190


EUROPE = tracks(np.linspace(46, 49, 50), np.linspace(5, 12, 50), call_sign="TEST1")
RADAR = SensorSite(
    sensor="hill", type="search_radar", lat_rad=np.radians(47), lon_rad=np.radians(8), height_m=500.0,
    parameters={"range_m_max": 150e3},
)  # fmt: skip
PICTURE = MapContent(
    tracks=EUROPE,
    plots=(("hill", EUROPE.state_ecef[:, :3]), ("adsb", EUROPE.state_ecef[::2, :3])),
    sites=(RADAR, SensorSite(sensor="adsb", type="position_report")),
    title="A test",
    source="test",
    notes=("one", "two"),
)


@cache
def once(ending):
    return render(PICTURE, ending)


UNDATED = {".png": (b"\x89PNG", b"Software"), ".svg": (b"<?xml", b"<dc:date>"), ".pdf": (b"%PDF", b"CreationDate")}


@pytest.mark.parametrize("ending", UNDATED)
def test_same_content_same_bytes_without_a_date(ending):
    image = once(ending)
    head, stamp = UNDATED[ending]
    assert image.startswith(head)
    assert stamp not in image
    assert render(PICTURE, ending) == image


def test_another_process_draws_the_same_bytes_without_pyplot():
    code = (
        f"import sys, hashlib; sys.path.insert(0, {str(Path(__file__).parent)!r}); import test_plot as t;"
        "print(hashlib.sha256(t.once('.png')).hexdigest(), 'matplotlib.pyplot' in sys.modules)"
    )
    environment = {"PYTHONHASHSEED": "7", "PATH": "/usr/bin:/bin", "HOME": "/tmp", "TZ": "Asia/Tokyo"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [hashlib.sha256(once(".png")).hexdigest(), "False"]


def test_settings_of_the_user_neither_matter_nor_change(monkeypatch):
    monkeypatch.setitem(matplotlib.rcParams, "lines.markersize", 20.0)
    monkeypatch.setitem(matplotlib.rcParams, "axes.facecolor", "white")
    monkeypatch.setitem(matplotlib.rcParams, "figure.autolayout", True)
    monkeypatch.setitem(matplotlib.rcParams, "savefig.bbox", "tight")
    assert render(PICTURE) == once(".png")
    assert matplotlib.rcParams["lines.markersize"] == 20.0
    assert matplotlib.rcParams["svg.hashsalt"] is None


def test_files_have_the_kind_that_their_name_says(tmp_path):
    draw(tmp_path / "a.PNG", PICTURE)
    assert (tmp_path / "a.PNG").read_bytes() == once(".png")
    assert ET.fromstring(once(".svg")).tag.endswith("svg")
    with pytest.raises(ValueError, match=r"'\.docx'.*\.png, \.svg, \.pdf"):
        draw(tmp_path / "a.docx", PICTURE)
    assert not (tmp_path / "a.docx").exists()


def test_a_track_is_drawn_in_the_colour_of_its_altitude():
    def seen(picture, colour):
        return int(np.sum(np.abs(pixels(picture) - np.round(colour[:3] * 255)).max(axis=2) <= 14))

    colours = AltitudeScale.colours()
    high = MapContent(tracks=EUROPE, title="")  # one altitude, in the upper half of the scale
    scale = AltitudeScale.of(np.array([10_000.0]))
    colour = colours[int(scale.step(np.array([10_000.0]))[0])]
    nothing = MapContent(tracks=take(EUROPE, np.arange(1)), title="")
    assert seen(high, colour) > seen(nothing, colour) + 1500
    unknown = MapContent(tracks=tracks(np.linspace(46, 49, 50), np.linspace(5, 12, 50), sigma_up_m=5000.0), title="")
    grey = np.array([0x9A, 0xA7, 0xB0]) / 255
    assert seen(unknown, grey) > seen(high, grey) + 1500


def two(a, b):
    return MapContent(tracks=concatenate([a, b.replace(track_id=b.track_id + np.uint64(1))]), title="two")


ODD = {
    "no tracks at all": MapContent(tracks=None, title=""),
    "an empty batch": MapContent(tracks=take(EUROPE, np.arange(0)), title="nothing", plots=(("x", np.zeros((0, 3))),)),
    "one row": MapContent(tracks=take(EUROPE, np.arange(1)), title="one"),
    "sensors only": MapContent(tracks=None, sites=(RADAR,), title="sensor"),
    "plots only": MapContent(tracks=None, plots=(("x", EUROPE.state_ecef[:, :3]),), title="plots"),
    "never firm": MapContent(tracks=tracks([50, 50.1], [3, 3.2], status=TrackStatus.TENTATIVE), title="tentative"),
    "all lost": MapContent(tracks=tracks([50, 50.1], [3, 3.2], status=[1, TrackStatus.LOST]), title="lost"),
    "not finite": MapContent(
        tracks=EUROPE.replace(state_ecef=np.where(np.arange(50)[:, None] % 7 == 0, np.inf, EUROPE.state_ecef)),
        plots=(("x", np.full((5, 3), np.nan)), ("y", np.full((1, 3), np.inf))),
        title="not finite",
    ),
    "unknown velocity": MapContent(
        tracks=EUROPE.replace(state_ecef=np.where(np.arange(6) < 3, EUROPE.state_ecef, np.nan)), title="no velocity"
    ),
    "unknown covariance": MapContent(
        tracks=EUROPE.replace(covariance_ecef=np.full((50, 6, 6), np.nan)), title="no covariance"
    ),
    "standing still": MapContent(
        tracks=EUROPE.replace(state_ecef=np.repeat(EUROPE.state_ecef[:1], 50, axis=0) * ([1] * 3 + [0] * 3)),
        title="still",
    ),
    "at the poles": two(tracks([90.0, 89.9], [0.0, 30.0]), tracks([89.0, 89.0], [-170.0, 170.0])),
    "all over the world": MapContent(
        tracks=tracks(np.linspace(-80, 80, 300), np.linspace(-720, 720, 300), track=np.arange(300) // 10), title="world"
    ),
    "antipodes": two(tracks([0.0, 0.1], [0.0, 0.1]), tracks([0.0, -0.1], [180.0, -179.9])),
    "strange letters": MapContent(
        tracks=tracks([50, 51], [3, 4], call_sign="$A_1^2{%"),
        title="$x_1$ 狼煙 \x07 \\frac",
        source="a" * 400,
        notes=("b " * 400, "\n", "", "x" * 900),
        sites=(dataclasses.replace(RADAR, sensor="レーダー" * 20),),
    ),
    "forty sensors": MapContent(
        tracks=EUROPE, sites=tuple(dataclasses.replace(RADAR, sensor=f"radar {i}") for i in range(40)), title="many"
    ),
    "space": MapContent(tracks=tracks(np.linspace(30, 50, 50), 130.0, height_m=700_000.0), title="space"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_content_is_drawn_without_a_warning(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = render(ODD[name])
    width, height = struct.unpack(">II", image[16:24])
    assert width == 1960
    assert 1000 < height < 1700
    assert len(image) > 40_000  # an empty sea has some 30 kB


def test_a_track_over_the_180th_meridian_is_one_short_line():
    over = tracks(-17.0, np.linspace(179.5, 180.5, 60))
    beside = tracks(-17.0, np.linspace(169.5, 170.5, 60))  # as long, over open sea too
    counts = [
        int(np.sum(bright(pixels(MapContent(tracks=rows, title="")))[150:1250, 50:1550])) for rows in (over, beside)
    ]
    assert 0.7 < counts[0] / counts[1] < 1.4
    wrapped = tracks(-17.0, (np.linspace(179.5, 180.5, 60) + 180) % 360 - 180)
    both = [pixels(MapContent(tracks=rows, title="")) for rows in (wrapped, over)]
    assert np.mean(np.abs(both[0] - both[1]).max(axis=2) > 8) < 1e-4


def test_a_stray_row_does_not_shrink_the_picture():
    n = 4000
    lat, lon = np.linspace(46, 47, n), 8 + np.sin(np.arange(n) / 300)
    calm = tracks(lat, lon, seconds=np.arange(n))
    stray = calm.replace(state_ecef=calm.state_ecef.copy())
    stray.state_ecef[2000, :3] = ecef_from_geodetic(np.radians(10.0), np.radians(100.0), 0.0)
    apart = [bright(pixels(MapContent(tracks=rows, title="")))[200:1200, 100:1500] for rows in (calm, stray)]
    rows = [np.flatnonzero(image.any(axis=1)) for image in apart]
    assert np.ptp(rows[1]) == pytest.approx(np.ptp(rows[0]), abs=30)


def test_laboratory_data_gets_a_plane_and_no_earth():
    lab = SensorSite(sensor="lab", type="local_position")
    lat = np.degrees(np.linspace(0, 500, 40) / 6.36e6)
    there = tracks(lat, lat, height_m=0.0, seconds=np.arange(40))
    on_earth = pixels(MapContent(tracks=there, plots=(("lab", there.state_ecef[:, :3]),), title=""))
    in_plane = pixels(MapContent(tracks=there, plots=(("lab", there.state_ecef[:, :3]),), sites=(lab,), title=""))
    yellow = np.abs(in_plane - [0xF0, 0xC0, 0x5A]).max(axis=2) <= 14  # the first track's colour, whatever its height
    ys, xs = np.nonzero(yellow)
    assert len(xs) > 1000
    assert np.ptp(xs) > 800  # 500 m fill the picture: on Earth it is never less than 30 km wide
    assert np.corrcoef(xs, -ys)[0, 1] > 0.99  # x to the right, y up
    ys, xs = np.nonzero(bright(on_earth)[200:1100, 100:1500])
    assert np.ptp(xs) < 300


def test_a_radar_of_unknown_place_is_not_put_into_the_gulf_of_guinea():
    zero = dataclasses.replace(RADAR, lat_rad=0.0, lon_rad=0.0, height_m=0.0)
    there = tracks(np.linspace(-0.5, 3, 50), np.linspace(7, 9.5, 50))  # off Cameroon, if it were on Earth
    land = np.array([int(LAND[i : i + 2], 16) for i in (1, 3, 5)])
    for site, on_earth in ((zero, False), (dataclasses.replace(zero, lat_rad=0.01), True)):
        picture = pixels(MapContent(tracks=there, sites=(site,), title=""))
        assert bool(np.sum(np.all(picture == land, axis=2)) > 10_000) is on_earth


@pytest.mark.parametrize("centre", [(0.0, 0.0), (35.0, 139.0), (-60.0, -70.0), (89.0, 10.0)])
@pytest.mark.parametrize(("distance_m", "share"), [(1e4, 1e-6), (1e6, 2e-5), (5e6, 5e-4), (1.9e7, 6e-3)])
def test_projection_has_true_distances(centre, distance_m, share):
    azimuth = np.arange(0.0, 360.0, 10.0)
    lon, lat, _ = pyproj.Geod(ellps="WGS84").fwd(
        np.full(36, centre[1]), np.full(36, centre[0]), azimuth, np.full(36, distance_m)
    )
    xy = Projection(*np.radians(centre)).xy_from_geodetic(np.radians(lat), np.radians(lon))
    assert np.hypot(*xy.T) == pytest.approx(np.full(36, distance_m), rel=share)
    if distance_m <= 1e6:
        expected = distance_m * np.stack([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))], axis=1)
        assert np.hypot(*(xy - expected).T).max() <= share * distance_m


def test_projection_there_and_back():
    projection = Projection(np.radians(47.0), np.radians(8.0))
    xy = np.random.default_rng(1).uniform(-1e6, 1e6, (200, 2))
    back = projection.xy_from_geodetic(*projection.geodetic_from_xy(xy))
    assert np.hypot(*(back - xy).T).max() < 100.0
    assert projection.xy_from_geodetic(np.radians([47.0]), np.radians([8.0])) == pytest.approx(
        np.zeros((1, 2)), abs=1e-6
    )


PLACES = [
    (LAND, -23.7, 133.9), (LAND, 48.85, 2.35), (LAND, 35.36, 138.73), (LAND, -82.0, 60.0), (LAND, 40.0, 100.0),
    (SEA, 40.0, 134.5), (SEA, 42.0, 50.5), (SEA, 0.0, -160.0), (SEA, 88.0, 0.0), (SEA, -30.0, -20.0),
]  # fmt: skip


@pytest.mark.parametrize("centre", [(-40.0, -80.0), (-42.0, -129.5), (90.0, 0.0)])
def test_land_is_land_from_everywhere(centre):
    """The first centre's antipode is in China, the second's in the Caspian Sea."""
    projection = Projection(*np.radians(centre))
    frame = Frame(-projection.edge_m, -projection.edge_m, projection.edge_m / 600.0, 1200.0, 1200.0)
    figure = Figure(figsize=(12, 12), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(frame.west_m, frame.east_m), ylim=(frame.south_m, frame.north_m), xticks=[], yticks=[])
    draw_land(axes, projection, frame)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[::-1, :, :3].astype(int)
    for colour, lat, lon in PLACES:
        x, y = frame.px(projection.xy_from_geodetic(np.radians([lat]), np.radians([lon])))[0].astype(int)
        around = image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
        expected = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        away = np.hypot(x - 600, y - 600)
        if away < 590:
            assert np.any(np.all(around == expected, axis=1)), (lat, lon)


@given(
    st.lists(st.tuples(st.floats(0, 800), st.floats(0, 600), st.floats(5, 150), st.floats(5, 40)), max_size=60),
    st.integers(0, 100),
)
def test_labels_never_overlap_nor_leave_the_picture(wanted, seed):
    room = Room(800.0, 600.0, np.random.default_rng(seed).uniform(-50, 850, (200, 2)))
    room.keep_out(np.array([[300.0, 200.0, 400.0, 300.0]]))
    boxes = [np.array([300.0, 200.0, 400.0, 300.0])]
    for x, y, width, height in wanted:
        box = room.place(np.array([x, y]), (width, height))
        if box is None:
            continue
        assert np.allclose(box[2:] - box[:2], (width, height))
        assert np.all(box >= 0.0)
        assert box[2] <= 800.0
        assert box[3] <= 600.0
        for other in boxes:
            assert np.any(box[:2] >= other[2:]) or np.any(box[2:] <= other[:2])
        boxes.append(box)


def test_a_label_keeps_off_lines():
    line = np.stack([np.linspace(400.0, 799.0, 400), np.full(400, 306.0)], axis=1)
    box = Room(800.0, 600.0, line).place(np.array([400.0, 300.0]), (60.0, 14.0))
    assert box is not None
    assert not np.any(np.all((line > box[:2]) & (line < box[2:]), axis=1))


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=50), st.floats(0.1, 100))
def test_thinning_keeps_ends_and_moves_nothing_by_more_than_a_cell(values, step):
    px = np.stack([np.array(values), np.zeros(len(values))], axis=1)
    line = np.arange(len(values)) // 10
    kept = thin(px, line, step)
    assert np.array_equal(kept, np.unique(kept))
    for one in np.unique(line):
        own = np.flatnonzero(line == one)
        assert own[0] in kept
        assert own[-1] in kept
    before = kept[np.searchsorted(kept, np.arange(len(values)), side="right") - 1]
    assert np.all(np.abs(px[before, 0] - px[:, 0]) <= step * (1 + 1e-9))


def test_colours_get_ever_lighter():
    linear = AltitudeScale.colours()[:, :3]
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]  # IEC 61966-2-1
    assert np.all(np.diff(116 * np.cbrt(luminance)) > 0.0)
    sea = np.array([int(SEA[i : i + 2], 16) / 255 for i in (1, 3, 5)]) / 12.92
    assert (luminance[0] + 0.05) / (sea.max() + 0.05) > 3.0  # WCAG 2.2, 1.4.11: contrast of graphics


def test_altitude_scale():
    assert AltitudeScale.of(np.array([np.nan])) is None
    scale = AltitudeScale.of(np.array([100.0, 11_500.0]))
    assert scale.in_flight_levels
    assert scale.top_m == pytest.approx(40_000 * 0.3048)
    assert [left for _, left, _ in scale.marks()] == ["FL000", "FL100", "FL200", "FL300", "FL400"]
    assert scale.step(np.array([-50.0, np.nan, 1e6])).tolist() == [0, -1, len(scale.colours()) - 1]
    cruising = AltitudeScale.of(np.linspace(9_300.0, 12_500.0, 1000))
    assert [left for _, left, _ in cruising.marks()] == ["FL300", "FL350", "FL400", "FL450"]
    assert cruising.step(np.array([9_000.0, 9_200.0])).tolist() == [0, 0]
    space = AltitudeScale.of(np.linspace(0, 1.19e6, 1000))
    assert not space.in_flight_levels
    assert [right for _, _, right in space.marks()][-1] == "1,200 km"


def test_only_the_last_revision_counts():
    late = tracks([50.0, 51.0, 50.5], [3.0, 4.0, 3.5], seconds=[0, 10, 0]).replace(
        revision=np.array([0, 0, 1], np.int32)
    )
    rows = Rows.of(late)
    assert len(rows.track) == 2
    assert rows.position_ecef_m[0] == pytest.approx(late.state_ecef[2, :3])
    assert rows.time_ns.tolist() == [START_NS, START_NS + 10 * 10**9]


def test_life_of_tracks():
    rows = Rows.of(
        tracks(
            [50, 51, 50, 51, 50, 51, 50, 51],
            [3, 4, 3, 4, 3, 4, 3, 4],
            track=[5, 5, 9, 9, 7, 7, 8, 8],
            seconds=[0, 100, 0, 30, 90, 100, 80, 100],
            status=[1, 1, 1, 2, 0, 0, 1, 3],
            sigma_up_m=np.array([10, 10, 5000, 5000, 10, 10, 10, 10]),
        )
    )
    assert rows.names == ("#5", "#7", "#8", "#9")
    assert rows.alive.tolist() == [True, True, False, False]  # 8 is lost, 9 was last seen 70 s before the end
    assert rows.confirmed.tolist() == [True, False, True, True]
    assert rows.duration_ns.tolist() == [100 * 10**9, 10 * 10**9, 20 * 10**9, 30 * 10**9]
    assert np.isnan(rows.altitude_m).tolist() == [False] * 6 + [True] * 2
    assert rows.altitude_m[:6] == pytest.approx(np.full(6, 10_000.0), abs=1e-3)
    assert rows.speed_m_s == pytest.approx(np.full(8, 200.0))


def test_names():
    n = 5
    identity = Identity(
        icao_address=np.array([0x4B1, 0x4B1812, -1, -1, -1]),
        mode_3a=np.array([0o7700, 0o7700, 0o0042, -1, -1]),
        mmsi=np.array([-1, -1, -1, 2345678, -1]),
        call_sign=np.array(["SWR1", "", "", "", ""]),
    )
    rows = Rows.of(tracks(np.full(n, 50.0), 3.0, track=np.arange(n)).replace(identity=identity))
    assert rows.names == ("SWR1", "4B1812", "A0042", "2345678", "#4")


def test_very_many_plots_are_thinned():
    assert plot_stride(0) == plot_stride(N_PLOTS_MAX) == 1
    assert plot_stride(N_PLOTS_MAX + 1) == 2
    many = np.repeat(EUROPE.state_ecef[:, :3], 6000, axis=0) + np.random.default_rng(1).normal(0, 3e4, (300_000, 3))
    batches = tuple(("hill", part) for part in np.array_split(many, 3000))  # as they come from a recording
    image = pixels(MapContent(tracks=EUROPE, plots=batches, title="many"))
    whole = pixels(MapContent(tracks=EUROPE, plots=(("hill", many),), title="many"))
    assert np.array_equal(image, whole)


@given(st.floats(1e-6, 1e9))
def test_nice_lengths(value):
    nice = nice_below(value)
    assert nice <= value * (1 + 1e-9)
    assert nice > value / 2.5 * (1 - 1e-9)
    assert f"{nice:.0e}"[0] in "125"
