"""Same recording, same bytes: twice, from the journal, under other hash seeds, with one thread and two."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.formats.tables import encode_detections, encode_sensors
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Identity, SensorSite, Truth
from noroshi.sensors.search_radar import Sensor

NS = 10**9
START_NS = 1_700_000_000 * NS
SITES = [
    SensorSite(sensor="east", type="search_radar", lat_rad=0.80, lon_rad=0.13, height_m=300.0),
    SensorSite(sensor="west", type="search_radar", lat_rad=0.81, lon_rad=0.11, height_m=900.0),
]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Return a folder with ten minutes of two radars that see 30 aircraft and many false plots."""
    rng, n = np.random.default_rng(5), 30
    lat, lon = rng.uniform(0.79, 0.82, n), rng.uniform(0.10, 0.14, n)
    axes, heading = enu_axes(lat, lon), rng.uniform(0, 2 * np.pi, n)[:, None]
    states = np.hstack([
        ecef_from_geodetic(lat, lon, rng.uniform(5_000, 11_000, n)),
        220.0 * (np.sin(heading) * axes[:, 0] + np.cos(heading) * axes[:, 1]),
    ])  # fmt: skip
    times = np.arange(0, 301, 10)
    truth = Truth(
        target=np.tile([f"t{i:02d}" for i in range(n)], len(times)),
        time_ns=START_NS + np.repeat(times, n) * NS,
        kind=np.ones(n * len(times), np.uint8),
        state_ecef=np.concatenate([Motion.of().propagate(states, np.full(n, float(t))) for t in times]),
        identity=Identity.absent(n * len(times)),
    )
    folder = tmp_path_factory.mktemp("recording")
    for site in SITES:
        watch = Watch(site=site, sensor=Sensor.at(site), start_ns=START_NS, end_ns=START_NS + 300 * NS, seed=2)
        (folder / f"{site.sensor}.parquet").write_bytes(encode_detections([observe(truth, watch)[0]]))
    (folder / "sites.csv").write_bytes(encode_sensors(SITES, form="csv"))
    return folder


def noroshi(folder, *words, hash_seed="0"):
    done = subprocess.run(
        [sys.executable, "-m", "noroshi", *words, "--json"], cwd=folder, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["digest"]


TRACK = ("track", "east.parquet", "west.parquet", "--sensors", "sites.csv", "--batch", "4")


@pytest.fixture(scope="module")
def first(recording):
    """Return the digest of the first run, which also leaves its tracks and its journal."""
    return noroshi(recording, *TRACK, "--out", "first.parquet", "--journal", "first.mcap")


def test_there_are_tracks_to_compare(recording, first):
    assert len(first) == 64
    assert (recording / "first.parquet").stat().st_size > 10_000


@pytest.mark.parametrize("hash_seed", ["1", "12345"])
def test_run_again_under_another_hash_seed(recording, first, hash_seed):
    assert noroshi(recording, *TRACK, "--out", "again.parquet", hash_seed=hash_seed) == first
    assert (recording / "again.parquet").read_bytes() == (recording / "first.parquet").read_bytes()


def test_two_threads(recording, first):
    assert noroshi(recording, *TRACK, "--threads", "2") == first


@pytest.mark.parametrize("threads", ["1", "2"])
def test_replayed_from_the_journal(recording, first, threads):
    out = noroshi(recording, "replay", "first.mcap", "--out", "replayed.parquet", "--threads", threads, hash_seed="7")
    assert out == first
    assert (recording / "replayed.parquet").read_bytes() == (recording / "first.parquet").read_bytes()


def test_two_threads_share_out_many_rows(monkeypatch):
    """With blocks of 16 rows the pairs of one step are spread over both threads, and nothing changes."""
    from concurrent.futures import ThreadPoolExecutor

    from noroshi.estimation import blocks
    from noroshi.records import digest
    from noroshi.sensors.prepare import arrange
    from noroshi.tracking.trackers.nearest_neighbour import Tracker

    monkeypatch.setattr(blocks.map_blocks, "__kwdefaults__", {"executor": None, "rows": 16})
    radar = Sensor.at(SITES[0])
    rng = np.random.default_rng(3)
    values = np.stack([rng.uniform(5e4, 2e5, 400), rng.uniform(0, 6.28, 400), rng.uniform(1e3, 1e4, 400)], axis=1)

    def run(executor):
        from noroshi.records import Detections

        tracker = Tracker(node="n", sensor_names=("east",), motions=(Motion.of(),), executor=executor)
        for k in range(5):
            moved = values + np.array([-2_000.0 * k, 0.0, 0.0])
            plots = Detections.of(
                sensor="east", components=("range_m", "azimuth_rad", "altitude_m"),
                time_ns=np.full(400, START_NS + 10 * k * NS), values=moved,
            )  # fmt: skip
            tracker.step(arrange(plots, radar), radar)
        return digest(tracker.picture(START_NS + 60 * NS))

    with ThreadPoolExecutor(2) as executor:
        assert run(executor) == run(None)
