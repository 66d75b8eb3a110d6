"""The bench of plain feeds: its encoders against published frames, and what comes of some feeds of a seed not shown."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import plain_feeds
from plain_parts import encoders, scene


def test_squitters_are_those_that_others_print():
    # Sun, The 1090 Megahertz Riddle (2nd ed.), section 5.2: an even and an odd frame of one aircraft, at 38,000 ft.
    place = (52.2572021484375, 3.91937255859375)
    height_m = 38_000 * 0.3048
    even = encoders.airborne_position(0x40621D, *place, height_m, is_odd=False)
    assert even.hex() == "8d40621d58c382d690c8ac2863a7"
    odd = encoders.airborne_position(0x40621D, 52.26578017412606, 3.938912527901785, height_m, is_odd=True)
    assert odd.hex() == "8d40621d58c386435cc412692ad6"


def test_a_radar_sees_its_targets_where_they_are():
    truth = scene.flights(np.random.default_rng(3), 6)
    plots = scene.seen(truth, "A", np.random.default_rng(4))
    lat, lon, _ = truth.at(plots.since_s)
    rows = np.arange(len(plots.since_s))
    at = lat[rows, plots.target], lon[rows, plots.target], truth.height_m[plots.target]
    range_m, azimuth_deg = scene.polar(*at, scene.RADARS["A"][:3])
    off_deg = (plots.azimuth_deg - azimuth_deg + 180.0) % 360.0 - 180.0
    assert np.std(plots.range_m - range_m) == pytest.approx(scene.RANGE_SIGMA_M, rel=0.1)
    assert np.std(off_deg) == pytest.approx(scene.AZIMUTH_SIGMA_DEG, rel=0.1)
    turn = plots.since_s / scene.RADARS["A"][3]
    assert np.abs((turn - azimuth_deg / 360.0 + 0.5) % 1.0 - 0.5).max() < 1e-3


@pytest.mark.parametrize(
    ("name", "kind", "place_m"),
    [
        ("ADS-B, SBS, both lines of a network", "aircraft", 60.0),
        ("ADS-B, Beast", "aircraft", 100.0),
        ("AIS, NMEA", "ship", 60.0),
        ("radar plots, CSV, time of day", None, 200.0),
    ],
)
def test_a_feed_gives_one_track_a_target_at_its_height(name, kind, place_m):
    found = plain_feeds.outcome(name, plain_feeds.FEEDS[name], 101)
    assert found["tracks"] == found["targets_held"] == found["targets"]
    assert found["tracks_of_none"] == found["damaged"] == found["beyond_end"] == 0
    assert found["refused"] == ({"DUPLICATE": found["plots"] // 2} if "both" in name else {})
    assert kind is None or found["kinds"] == {kind: found["targets"]}
    assert np.quantile(found["position_error_m"], 0.95) < place_m
    assert found["height_error_m"].max() < 1.0
