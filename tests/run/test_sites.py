"""What is taken of sensors that nobody describes, and that it is told."""

import numpy as np
import pytest

import noroshi
from noroshi.formats import tables
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Detections, SensorSite
from noroshi.run.sites import complete


def written(folder, sigma_m, header="t,x,y", more=""):
    """Return a file with five targets on straight ways, seen each second with a noise that the file does not tell."""
    rng = np.random.default_rng(1)
    rows = [
        f"{look},{1000 * i + 60 * look + sigma_m * x:.3f},{-300 * i + 10 * look + sigma_m * y:.3f}{more}"
        for look in range(30)
        for i, (x, y) in enumerate(rng.normal(size=(5, 2)))
    ]
    path = folder / "plots.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize("sigma_m", [0.2, 30.0])
def test_plain_plots_of_any_exactness_are_tracked_as_they_are_and_it_is_told(tmp_path, sigma_m):
    recordings = noroshi.load(written(tmp_path, sigma_m))
    (site,), (note,) = complete(recordings[0].decoded.detections, [])
    assert site.parameters["sigma_m"] == pytest.approx(sigma_m, rel=0.2)
    assert f"{site.parameters['sigma_m']:g} m along each axis is taken" in note
    tracked = noroshi.track(recordings[0].decoded.detections)
    assert len(np.unique(tracked.tracks.track_id)) == 5
    assert sum(tracked.plots_used.values()) >= 148  # a gate that leaves none out would be none
    assert tracked.notes == [note]


def test_what_is_stated_is_not_measured(tmp_path):
    told = noroshi.load(written(tmp_path, 30.0, "t,x,y,x_sigma_m,y_sigma_m", ",20,20"))[0].decoded.detections
    (site,), notes = complete(told, [])
    assert notes == []
    assert "sigma_m" not in site.parameters
    untold = noroshi.load(written(tmp_path, 30.0))[0].decoded.detections
    stated = noroshi.records.SensorSite(sensor="plots", type="local_position", parameters={"sigma_m": 20.0})
    (site,), notes = complete(untold, [stated])
    assert (site.parameters["sigma_m"], notes) == (20.0, [])


def test_where_plots_do_not_show_it_the_usual_is_taken_and_told(tmp_path):
    path = tmp_path / "plots.csv"
    path.write_text("t,x,y\n0.0,1200,-300\n1.0,1260,-310\n")
    (site,), (looks, note) = complete(noroshi.load(path)[0].decoded.detections, [])
    assert "how often 'plots' looks at a target" in looks
    assert (site.parameters["sigma_m"], "1 m along each axis is taken, the usual" in note) == (1.0, True)


def test_plots_less_than_a_millisecond_apart_are_tracked(tmp_path):
    path = tmp_path / "plots.csv"
    path.write_text("t,x,y\n" + "\n".join(f"{4e-4 * i:.6f},{0.01 * i:.4f},0" for i in range(200)) + "\n")
    (site,), _ = complete(noroshi.load(path)[0].decoded.detections, [])
    assert site.parameters["scan_period_s"] == pytest.approx(4e-4)


def lines_of_sight():
    """Return what two satellites over the Equator see of one boost, every 5 s, and where they are."""
    rng, since_s = np.random.default_rng(3), np.arange(30.0, 90.0, 5.0)
    up = ecef_from_geodetic(*np.radians([38.0, 128.0]), 0.0)
    east = np.array([-up[1], up[0], 0.0]) / np.hypot(*up[:2])
    way_m = up + 9.0 * since_s[:, None] ** 2 * up / np.linalg.norm(up) + 6.0 * since_s[:, None] ** 2 * east
    seen, sites = [], []
    for name, lon_deg in (("east", 165.0), ("west", 100.0)):
        origin = ecef_from_geodetic(0.0, np.radians(lon_deg), 35_786e3)
        x, y, z = (way_m - origin).T
        line = np.stack([np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))], axis=1) + 5e-5 * rng.normal(size=(12, 2))
        of = {"sensor": name, "components": ("line_azimuth_rad", "line_elevation_rad"), "values": line}
        time_ns = (1_700_000_000 * 10**9 + since_s * 1e9).astype(np.int64)
        seen.append(Detections.of(time_ns=time_ns, origin_ecef_m=origin, **of))
        sites.append(SensorSite(sensor=name, type="", lat_rad=0.0, lon_rad=np.radians(lon_deg), height_m=35_786e3))
    return seen, sites, way_m


@pytest.mark.parametrize("places", ["rows", "sensors", "none"])
def test_tables_of_lines_of_sight_of_two_satellites_are_one_track(tmp_path, places):
    """Where they stand say the rows or the sensors table; else it is told that neither does."""
    seen, sites, way_m = lines_of_sight()
    if places != "rows":
        seen = [batch.replace(origin_ecef_m=np.full((len(batch), 3), np.nan)) for batch in seen]
    path = tmp_path / "lines.csv"
    path.write_bytes(tables.encode_detections(seen, form="csv"))
    read = noroshi.load(path)[0].decoded.detections
    tracked = noroshi.track(read, sites if places == "sensors" else [])
    if places == "none":
        assert tracked.tracks is None
        assert "place of infrared sensor 'east', 'west' unknown" in tracked.notes[0]
        return
    assert {site.type for site in tracked.setup.sites} == {"infrared"}
    assert len(np.unique(tracked.tracks.track_id)) == 1
    last = tracked.tracks.state_ecef[-1, :3]
    assert np.linalg.norm(last - way_m[-1]) < 5e3


def test_an_asterix_sensor_may_be_named_without_its_zeros():
    plots = Detections.of(
        sensor="021/001", components=("range_m", "azimuth_rad"), time_ns=np.array([1]), values=np.array([[5e4, 1.0]])
    )
    place = {"type": "search_radar", "lat_rad": 0.8, "lon_rad": 0.1, "height_m": 9.0}
    (site,), _ = complete([plots], [SensorSite(sensor="21/1", **place)])
    assert (site.sensor, site.height_m) == ("021/001", 9.0)
    (site,), _ = complete([plots.replace(sensor="21/1")], [SensorSite(sensor="21/1", **place)])
    assert (site.sensor, site.height_m) == ("21/1", 9.0)
    (site,), notes = complete([plots], [SensorSite(sensor="21/10", **place)])
    assert (site.height_m, "known are those of 21/10" in notes[0]) == (0.0, True)


@pytest.mark.parametrize(
    ("step_m", "rounded_m", "taken_m"),
    [(30.48, 0.0, 30.48), (30.48, 1.0, 30.48), (7.62, 0.0, None), (7.62, 1.0, None), (0.0, 1.0, None)],
)
def test_altitudes_in_hundreds_of_feet_are_known_and_told(step_m, rounded_m, taken_m):
    altitude_m = np.random.default_rng(7).uniform(300.0, 11e3, 200)
    for unit_m in filter(None, (step_m, rounded_m)):
        altitude_m = unit_m * np.rint(altitude_m / unit_m)
    values = np.column_stack([np.full((200, 2), [5e4, 1.0]), altitude_m])
    components = ("range_m", "azimuth_rad", "altitude_m")
    plots = Detections.of(sensor="en route", components=components, time_ns=np.arange(200) * 10**9, values=values)
    place = {"sensor": "en route", "type": "search_radar", "lat_rad": 0.8, "lon_rad": 0.1, "height_m": 9.0}
    (site,), notes = complete([plots], [SensorSite(**place)])
    assert site.parameters.get("altitude_step_m") == taken_m
    assert any("hundreds of feet" in note for note in notes) == (taken_m is not None)
    if step_m == 30.48:  # one in twenty answers in steps of 25 feet: still the radar's plots are mostly coarse
        mixed = np.where(np.arange(200) % 20 == 0, altitude_m + 7.62, altitude_m)
        (site,), _ = complete([plots.replace(values=np.column_stack([values[:, :2], mixed]))], [SensorSite(**place)])
        assert site.parameters["altitude_step_m"] == 30.48
    cruise_m = 152.4 * np.rint(altitude_m / 152.4)  # which every radar sees, whatever its steps
    (site,), _ = complete([plots.replace(values=np.column_stack([values[:, :2], cruise_m]))], [SensorSite(**place)])
    assert "altitude_step_m" not in site.parameters
    (site,), notes = complete([plots], [SensorSite(**place, parameters={"altitude_step_m": 0.0})])
    assert site.parameters["altitude_step_m"] == 0.0
    assert not any("hundreds of feet" in note for note in notes)
