"""Plain plots each at its own time: from a table to tracks, with nothing said of how often or how exactly they come."""

import numpy as np
import pytest

import noroshi

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


@pytest.mark.parametrize("columns", ["time,x,y", "time,lon_deg,lat_deg"])
def test_each_target_past_a_radar_that_turns_becomes_one_track(tmp_path, columns):
    time_s, places_m = turning(np.random.default_rng(7))
    places = places_m if columns == "time,x,y" else places_m / [M_DEG * np.cos(np.radians(35.0)), M_DEG] + [139.0, 35.0]
    rows = [f"{t:.3f},{x:.7f},{y:.7f}" for t, (x, y) in sorted(zip(time_s.tolist(), places.tolist(), strict=True))]
    (tmp_path / "plots.csv").write_text("\n".join([columns, *rows]))
    (recording,) = noroshi.load(tmp_path / "plots.csv")
    tracked = noroshi.track(recording.decoded.detections, recording.decoded.sites)
    (site,) = tracked.setup.sites
    assert site.parameters["scan_period_s"] == pytest.approx(PERIOD_S, rel=0.01)
    sigma_m = site.parameters["sigma_m" if columns == "time,x,y" else "position_sigma_m"]
    assert sigma_m == pytest.approx(SIGMA_M, rel=0.25)
    assert tracked.tracks is not None
    assert len(np.unique(tracked.tracks.track_id)) == TARGETS
