"""Who takes part in the arena. One file an entry; the file's name is its key.

An entry has `track(scene)`, which returns for each of the scene's times the (n, 2) positions of what it believes to be
there, and NOTE, a line on how it was set. What our own entries share is here.
"""

from collections.abc import Mapping

import numpy as np

import noroshi
from arena_scenes import Scene
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M
from noroshi.records import Detections, SensorSite, Tracks, TrackStatus

NS = 10**9
PLANE_M = np.array([SEMI_MAJOR_AXIS_M, 0.0, 0.0])


def detections(scene: Scene) -> list[Detections]:
    """Return the looks as noroshi's records, in order of arrival; a late look has a later `received_ns`."""
    shown_by = np.searchsorted(scene.arrived, np.arange(len(scene.looks)), side="right")
    received_s = scene.times_s[np.minimum(shown_by, len(scene.times_s) - 1)]
    return [
        Detections.of(
            sensor=f"sensor {look.sensor}",
            components=("x_m", "y_m"),
            time_ns=np.full(len(look.xy_m), round(look.time_s * NS)),
            values=look.xy_m,
            covariances=look.covariance_m2,
            received_ns=round(received * NS),
        )
        for look, received in zip(scene.looks, received_s, strict=True)
    ]


def sites(scene: Scene, speed_sigma_m_s: float, scan_period_s: float) -> list[SensorSite]:
    """Return the sensors as noroshi's, all on the laboratory's plane."""
    return [
        SensorSite(
            sensor=f"sensor {i}",
            type="local_position",
            parameters={
                "sigma_m": eye.sigma_m,
                "detection_probability": eye.detection_probability,
                "scan_period_s": scan_period_s,
                "speed_sigma_m_s": speed_sigma_m_s,
            },
        )
        for i, eye in enumerate(scene.sensors)
    ]


def through_noroshi(
    scene: Scene, tracker: str, parameters: Mapping[str, float], *, speed_sigma_m_s: float
) -> list[np.ndarray]:
    """Return what the shipped program shows of the scene, by one of its trackers."""
    steps = np.diff(scene.times_s)
    tracked = noroshi.track(
        detections(scene),
        sites(scene, speed_sigma_m_s, float(steps.min()) / 2.0),
        tracker=tracker,
        motion="plane_constant_velocity",
        parameters={"horizontal_psd_m2_s3": scene.noise_density_m2_s3, **parameters},
        period_s=float(np.round(np.median(steps), 9)),
    )
    return [positions_at(tracked.tracks, time_s) for time_s in scene.times_s]


def positions_at(tracks: Tracks | None, time_s: float) -> np.ndarray:
    """Return the (n, 2) positions in the picture of this time."""
    if tracks is None:
        return np.zeros((0, 2))
    shown = (tracks.status == TrackStatus.FIRM) | (tracks.status == TrackStatus.COASTING)
    rows = shown & (tracks.time_ns == round(time_s * NS))
    return (tracks.state_ecef[rows, :3] - PLANE_M)[:, 1:3]
