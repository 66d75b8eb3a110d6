"""Which format a file of columns is taken for, and what is told of columns that are not used."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from noroshi.records import SensorSite
from noroshi.run.recordings import HEAD_BYTES, read
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
