"""Who takes part in the arena. One file an entry; the file's name is its key.

An entry has `track(scene)`, which returns for each of the scene's times the (n, 2) positions of what it believes to be
there, and NOTE, a line on how it was set. What our own entries share is here.
"""

from collections.abc import Mapping

import numpy as np
from arena_scenes import Scene

from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M
from noroshi.records import Detections, SensorSite, TrackStatus
from noroshi.run.setup import Setup, Site, assemble

NS = 10**9
PLANE_M = np.array([SEMI_MAJOR_AXIS_M, 0.0, 0.0])


def through_noroshi(
    scene: Scene,
    tracker: str,
    parameters: Mapping[str, float],
    *,
    speed_sigma_m_s: float,
) -> list[np.ndarray]:
    """Return the pictures that a node of the shipped program shows of the scene, with one of its trackers.

    The looks reach it as they arrive, late ones late.
    """
    setup = Setup(
        node="arena",
        sites=[Site.of(site) for site in sites(scene, speed_sigma_m_s)],
        tracker=tracker,
        motion="plane_constant_velocity",
        parameters={"horizontal_psd_m2_s3": scene.noise_density_m2_s3, **parameters},
    )
    node, picture = assemble(setup)
    shown, done, now_ns = [], 0, 0
    for time_s, arrived in zip(scene.times_s, scene.arrived.tolist(), strict=True):
        for look in scene.looks[done:arrived]:
            plots = Detections.of(
                sensor=f"sensor {look.sensor}",
                components=("x_m", "y_m"),
                time_ns=np.full(len(look.xy_m), round(look.time_s * NS)),
                values=look.xy_m,
                covariances=look.covariance_m2,
            )
            now_ns = max(now_ns, round(look.time_s * NS))
            node.receive(plots, now_ns)
            node.take()
        done = arrived
        tracks = picture.picture(round(time_s * NS))
        seen = (tracks.status == TrackStatus.FIRM) | (tracks.status == TrackStatus.COASTING)
        shown.append((tracks.state_ecef[seen, :3] - PLANE_M)[:, 1:3])
    return shown


def intervals_s(scene: Scene) -> np.ndarray:
    """Return the times between the moments at which anybody looks."""
    return np.diff(np.unique([look.time_s for look in scene.looks]))


def sites(scene: Scene, speed_sigma_m_s: float) -> list[SensorSite]:
    """Return the sensors as noroshi's, all on the laboratory's plane; each look of theirs is a whole frame."""
    scan_period_s = float(np.median(intervals_s(scene)))
    return [
        SensorSite(
            sensor=f"sensor {i}",
            type="local_position",
            parameters={
                "sigma_m": eye.sigma_m,
                "detection_probability": eye.detection_probability,
                "scan_period_s": scan_period_s,
                "frames": 1.0,
                "field_m": float(np.sqrt(eye.false_plots / eye.false_density_m2)),
                "speed_sigma_m_s": speed_sigma_m_s,
            },
        )
        for i, eye in enumerate(scene.sensors)
    ]
