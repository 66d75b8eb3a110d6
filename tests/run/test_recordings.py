"""Which format a file of columns is taken for, and what is told of columns that are not used."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import noroshi
from noroshi.formats import FormatError
from noroshi.records import SensorSite
from noroshi.run.recordings import HEAD_BYTES, read, read_all
from noroshi.run.sites import complete
from noroshi.run.summary import show, summarise

REPORT = "2023-11-14 22:13:20,45.6,7.1,30000,4b0000\n"


def written(folder, header, row=REPORT):
    path = folder / "reports.csv"
    path.write_text(f"{header}\n{row}")
    return read(str(path))


def height_m(recording):
    batch = recording.decoded.detections[0]
    return float(batch.values[0, batch.components.index("altitude_m")])


def test_names_with_units_are_of_a_table_though_it_has_addresses(tmp_path):
    for header in ("time,latitude,longitude,altitude_ft,icao24", "time,lat_deg,lon_deg,altitude_ft,icao24"):
        recording = written(tmp_path, header)
        assert (recording.format, height_m(recording)) == ("tables", 9144.0)


def test_names_of_the_dialects_are_a_dialect(tmp_path):
    recording = written(tmp_path, "timestamp,latitude,longitude,altitude,icao24")
    assert (recording.format, height_m(recording)) == ("opensky", 9144.0)


def test_a_long_parquet_file_is_known_by_its_names_which_are_at_its_end(tmp_path):
    n = 20_000
    columns = {
        "timestamp": pa.array(1_700_000_000_000 + 1000 * np.arange(n)),
        "icao24": ["4b0000"] * n,
        "latitude": np.random.default_rng(1).uniform(45.0, 46.0, n),
        "longitude": np.full(n, 7.0),
        "altitude": np.full(n, 30_000.0),
    }
    path = tmp_path / "reports.parquet"
    pq.write_table(pa.table(columns), path)
    assert path.stat().st_size > 2 * HEAD_BYTES
    assert b"icao24" not in path.read_bytes()[:HEAD_BYTES].split(b"4b0000")[0]
    recording = read(str(path))
    assert (recording.format, height_m(recording)) == ("opensky", 9144.0)


def test_columns_that_are_not_used_are_told(tmp_path):
    recording = written(tmp_path, "time,range_m,azimuth_deg,snr_db,icao24")
    summary = summarise([recording], None, residuals=[], seconds={})
    assert summary["recordings"][0]["columns_not_used"] == ["snr_db"]
    console = Console(file=io.StringIO(), width=120)
    show(summary, console)
    assert "columns not used: snr_db" in console.file.getvalue()


def test_a_radar_without_a_place_is_told_beside_places_that_nobody_needs(tmp_path):
    recording = written(tmp_path, "time,range_m,azimuth_deg,altitude_ft,icao24")
    hill = SensorSite(sensor="hill", type="search_radar", lat_rad=0.8, lon_rad=0.1, height_m=500.0)
    _, notes = complete(recording.decoded.detections, [hill])
    assert notes[0].startswith("position of radar 'reports' unknown (known are those of hill, which gave no plots)")
    assert "known are" not in complete(recording.decoded.detections, [])[1][0]


OWN = {"Rho_NM": 10.0, "Theta_deg": 90.0, "FL": 300.0, "t": 5.0}
NAMED = {"range_nmi": "Rho_NM", "Azimuth_deg": "theta_DEG", "flight_level": "FL"}


def own_table(path, **more):
    table = pa.table({name: [value] for name, value in (OWN | more).items()})
    (pq.write_table if path.suffix == ".parquet" else pa.csv.write_csv)(table, path)
    return str(path)


def plot(recording):
    batch = recording.decoded.detections[0]
    return dict(zip(batch.components, batch.values[0].tolist(), strict=True))


@pytest.mark.parametrize("name", ["own.csv", "own.parquet"])
def test_a_table_is_read_under_anybodys_own_names(tmp_path, name):
    recording = noroshi.load(own_table(tmp_path / name), columns=NAMED)[0]
    assert plot(recording) == pytest.approx(
        {"range_m": 18_520.0, "azimuth_rad": np.pi / 2, "altitude_m": 9_144.0}
        | dict.fromkeys(("elevation_rad", "range_rate_m_s"), np.nan),
        nan_ok=True,
    )
    assert recording.decoded.columns_not_used == []


def test_a_column_that_was_named_wins_over_any_that_would_mean_the_same(tmp_path):
    path = own_table(tmp_path / "own.csv", range_m=1.0, range=2.0, time_s=99.0, altitude_ft=7.0)
    recording = read_all([path], columns=[*NAMED.items(), ("time_s", "t")])[0]
    assert (plot(recording)["range_m"], plot(recording)["altitude_m"]) == pytest.approx((18_520.0, 9_144.0))
    assert recording.decoded.detections[0].time_ns.tolist() == [86_405 * 10**9]
    assert recording.decoded.columns_not_used == ["range_m", "range", "time_s", "altitude_ft"]


def test_names_may_be_exchanged(tmp_path):
    path = written(tmp_path, "t,x_m,y_m", "1,2,3").path
    assert plot(read_all([str(path)], columns=[("x_m", "y_m"), ("y_km", "x_m")])[0])["x_m"] == 3.0
    assert plot(read_all([str(path)], columns=[("x_m", "y_m"), ("y_km", "x_m")])[0])["y_m"] == 2_000.0


def test_a_column_may_be_in_one_of_several_recordings_alone(tmp_path):
    reports = written(tmp_path, "time,lat_deg,lon_deg,altitude_ft,icao24")
    both = read_all([own_table(tmp_path / "own.csv"), str(reports.path)], columns=NAMED.items())
    assert plot(both[0])["range_m"] == 18_520.0
    assert height_m(both[1]) == height_m(reports)


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ([("range_nm", "Rho_NM")], "column range_nm=rho_nm: tables know no 'range_nm'; near it are range_nmi"),
        ([("range_nmi", "")], "column range_nmi: write which of yours it is, range_nmi=YOURS"),
        ([*NAMED.items(), ("range_km", "FL")], "column range_km=fl: cannot be beside range_nmi=rho_nm"),
        ([*NAMED.items(), ("altitude_sigma_m", "FL")], "column altitude_sigma_m=fl: cannot be beside flight_level=fl"),
        ([("time", "t"), ("time_s", "FL")], "column time_s=fl: cannot be beside time=t"),
        (
            [*NAMED.items(), ("call_sign", "Name")],
            "column call_sign=name: no table has 'name'; there are fl, rho_nm, t, theta_deg",
        ),
        (
            [("range_nmi", "Rho_NM"), ("azimuth_deg", "Theta")],
            "none of noroshi's tables: no 'theta', found columns fl,",
        ),
        ([], "Say which column of a recording is which: --column range_nmi=YOURS"),
    ],
)
def test_columns_that_cannot_be_named_so_are_told(tmp_path, columns, complaint):
    path = own_table(tmp_path / "own.csv")
    with pytest.raises(FormatError) as caught:
        read_all([path], columns=columns)
    assert complaint in str(caught.value)


def test_a_dialects_columns_are_not_a_tables(tmp_path):
    """Its names have meanings already; whoever names them anew asks for a table."""
    path = str(written(tmp_path, "timestamp,latitude,longitude,altitude,icao24").path)
    with pytest.raises(FormatError, match=r"not looked at: what was read as opensky; --format tables"):
        read_all([path], columns=[("altitude_m", "altitude")])
    assert height_m(read_all([path], format_name="tables", columns=[("altitude_m", "altitude")])[0]) == 30_000.0


def test_plots_of_every_type_of_sensor_are_read_from_a_table(tmp_path):
    """A type that the tables have no columns of their own for is read by the names of its components."""
    path = tmp_path / "plots.csv"
    path.write_text("time_s,sensor,ground_range_m,azimuth_rad\n0,north,1600000,0.5\n30,north,1599000,0.5\n")
    recordings = read_all([str(path)], columns=[("ground_range_m", "ground_range_m")])
    batch = recordings[0].decoded.detections[0]
    assert (batch.components, len(batch)) == (("ground_range_m", "azimuth_rad"), 2)
    sites, notes = complete([batch], recordings[0].decoded.sites)
    assert sites == []
    assert "place of over_horizon_radar sensor 'north' unknown: not tracked; give it in the rows" in notes[0]
    place = SensorSite(sensor="north", type="", lat_rad=-0.4, lon_rad=2.2, height_m=480.0)
    sites, notes = complete([batch], [place, *recordings[0].decoded.sites])
    assert [site.type for site in sites] == ["over_horizon_radar"]
