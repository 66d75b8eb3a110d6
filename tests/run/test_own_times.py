"""Plain plots each at its own time: from a table to tracks, with nothing said of how often or how exactly they come."""

import numpy as np
import pytest

import noroshi
from noroshi.records import Detections
from noroshi.run.sites import complete

PERIOD_S, LOOKS, TARGETS, SIGMA_M, M_DEG = 4.0, 40, 5, 30.0, 111_200.0


def turning(rng):
    """Return times [s] and places [m] of targets past a radar that turns, and of false plots in its beam."""
    first, velocity = rng.uniform(-40e3, 40e3, (TARGETS, 2)), rng.normal(size=(TARGETS, 2)) * 120.0
    turn_s = PERIOD_S * np.arange(LOOKS)[:, None] * np.ones(TARGETS)
    at = first + turn_s[..., None] * velocity
    time_s = turn_s + PERIOD_S * (np.arctan2(at[..., 0], at[..., 1]) % (2.0 * np.pi)) / (2.0 * np.pi)
    seen = rng.random(time_s.shape) < 0.9
    plots = (first + time_s[..., None] * velocity)[seen] + SIGMA_M * rng.normal(size=(seen.sum(), 2))
    false = rng.uniform(-40e3, 40e3, (200, 2))
    beam_s = PERIOD_S * (rng.integers(0, LOOKS, 200) + (np.arctan2(*false.T) % (2.0 * np.pi)) / (2.0 * np.pi))
    return np.concatenate([time_s[seen], beam_s]), np.concatenate([plots, false])


@pytest.mark.parametrize(("columns", "digits"), [("time,x,y", 3), ("time,x,y", 0), ("time,lon_deg,lat_deg", 3)])
def test_each_target_past_a_radar_that_turns_becomes_one_track(tmp_path, columns, digits):
    time_s, places_m = turning(np.random.default_rng(7))
    places = places_m if columns == "time,x,y" else places_m / [M_DEG * np.cos(np.radians(35.0)), M_DEG] + [139.0, 35.0]
    rows = [
        f"{t:.{digits}f},{x:.7f},{y:.7f}" for t, (x, y) in sorted(zip(time_s.tolist(), places.tolist(), strict=True))
    ]
    (tmp_path / "plots.csv").write_text("\n".join([columns, *rows]))
    (recording,) = noroshi.load(tmp_path / "plots.csv")
    tracked = noroshi.track(recording.decoded.detections, recording.decoded.sites)
    (site,) = tracked.setup.sites
    assert site.parameters["scan_period_s"] == pytest.approx(PERIOD_S, rel=0.01)
    sigma_m = site.parameters["sigma_m" if columns == "time,x,y" else "position_sigma_m"]
    assert sigma_m == pytest.approx(SIGMA_M, rel=0.25)
    assert tracked.tracks is not None
    assert len(np.unique(tracked.tracks.track_id)) == TARGETS


def test_whoever_reports_his_place_may_be_off_by_what_stays(tmp_path):
    """Of one that reports each second what stays from report to report is no scatter."""
    rng = np.random.default_rng(2)
    rows = [f"{t:.1f},{139.0 + 2e-3 * t + 1e-7 * rng.normal():.9f},{35.0 + 1e-7 * rng.normal():.9f}" for t in range(60)]
    (tmp_path / "log.csv").write_text("\n".join(["time,lon_deg,lat_deg", *rows]))
    (site,), _ = complete(noroshi.load(tmp_path / "log.csv")[0].decoded.detections, [])
    assert site.parameters["position_sigma_m"] == 30.0


def test_a_row_that_is_no_place_changes_nothing():
    time_s, places_m = turning(np.random.default_rng(7))
    batches = [
        Detections.of(
            sensor="radar",
            components=("x_m", "y_m"),
            time_ns=10**18 + (1e9 * time_s).astype(np.int64),
            values=np.where(np.arange(len(time_s))[:, None] == spoilt, np.nan, places_m),
        )
        for spoilt in (-1, 40)
    ]
    (whole,), _ = complete(batches[:1], [])
    (spoilt,), _ = complete(batches[1:], [])
    assert spoilt.parameters["scan_period_s"] == pytest.approx(whole.parameters["scan_period_s"], rel=0.01)
    assert spoilt.parameters["sigma_m"] == pytest.approx(whole.parameters["sigma_m"], rel=0.1)
