"""The map picture of a run: what to draw."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from noroshi.run.api import Tracked, all_tracks
from noroshi.run.outputs import replace
from noroshi.run.plot import ENDINGS, MapContent, render
from noroshi.run.recordings import Recording
from noroshi.run.setup import make_sensors
from noroshi.sensors.prepare import arrange
from noroshi.tracking.rewind import good


def check_picture_ending(path: Path) -> None:
    """Refuse a name that says no picture format, before any work is done.

    Raises:
        ValueError: naming the endings there are.
    """
    if path.suffix.lower() not in ENDINGS:
        raise ValueError(
            f"{path}: cannot draw a picture as '{path.suffix}'; end the name in one of {', '.join(ENDINGS)}"
        )


def draw_picture(path: Path, read: Sequence[Recording], tracked: Tracked | None) -> None:
    """Draw sensors, plots and tracks on a map.

    Raises:
        OutputError: if it cannot be written.
    """
    sites = [site.record() for site in tracked.setup.sites] if tracked else []
    content = MapContent(
        tracks=all_tracks(read, tracked),
        plots=tuple(_plots(read, tracked)),
        sites=tuple(sites),
        title="noroshi: air picture",
        source=", ".join(recording.path.name for recording in read),
        notes=tuple(tracked.notes) if tracked else (),
    )
    replace(path, render(content, path.suffix.lower()))


def _plots(read: Sequence[Recording], tracked: Tracked | None) -> list[tuple[str, NDArray[np.float64]]]:
    """Return where each sensor's plots put their targets, Earth-fixed [m]."""
    if tracked is None:
        return []
    sensors = make_sensors(tracked.setup)
    places: list[tuple[str, NDArray[np.float64]]] = []
    for recording in read:
        for batch in recording.decoded.detections:
            if batch.sensor not in sensors:
                continue
            ready = good(arrange(batch, sensors[batch.sensor]))
            states, _ = sensors[batch.sensor].locate(ready.values, ready.covariances, ready.origin_ecef_m)
            places.append((batch.sensor, states[:, :3]))
    return places
