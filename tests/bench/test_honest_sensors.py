"""Sensors of the simulated world are what their files say, over 10,000 draws; and a sensor that is not is found out."""

import sys
from pathlib import Path

import pytest

from noroshi.exercise.observers import infrared, over_horizon_radar, position_report, search_radar

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import honest_sensors

LOOKS = 10_000
FEW = ((False, 0, 1), (False, 1, 1), (False, 3, 1), (False, 2, 6), (False, 4, 6), (True, 1, 1))


@pytest.mark.parametrize("kind", honest_sensors.SENSORS)
def test_sensors_are_honest(kind):
    tests = honest_sensors.radar(LOOKS, FEW) if kind == "search_radar" else honest_sensors.SENSORS[kind](LOOKS)
    assert len(tests) > 20
    assert honest_sensors.holm(tests) == []


@pytest.mark.parametrize("lie", ["echo", "error", "false plots"])
def test_a_radar_that_lies_is_found_out(lie, monkeypatch):
    own, by = search_radar.Observer, 1.05
    snr, drawn = own.snr, search_radar.false_points
    if lie == "echo":
        monkeypatch.setattr(own, "snr", lambda *given, **more: by * snr(*given, **more))
    elif lie == "error":
        # The plots state what is true, so only errors drawn wider than stated are a lie.
        monkeypatch.setattr(search_radar, "ndtri", lambda uniforms: by * honest_sensors.stats.norm.ppf(uniforms))
    else:
        monkeypatch.setattr(search_radar, "false_points", lambda draws, mean, **more: drawn(draws, by * mean, **more))
    fallen = honest_sensors.holm(honest_sensors.radar(LOOKS, FEW[:2]))
    assert fallen
    assert all(lie.split()[0] in test["what"] or lie == "echo" for test in fallen)


def test_another_kind_that_lies_is_found_out(monkeypatch):
    sigma_rad, snr = infrared.Observer.sigma_rad, over_horizon_radar.Observer.snr
    monkeypatch.setattr(infrared.Observer, "sigma_rad", lambda own, of: 1.05 * sigma_rad(own, of))
    monkeypatch.setattr(over_horizon_radar.Observer, "snr", lambda *given, **more: 1.05 * snr(*given, **more))
    monkeypatch.setattr(position_report, "ndtri", lambda uniforms: 1.05 * honest_sensors.stats.norm.ppf(uniforms))
    for kind in ("infrared", "over_horizon_radar", "position_report"):
        assert honest_sensors.holm(honest_sensors.SENSORS[kind](LOOKS)), kind
