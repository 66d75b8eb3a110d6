"""The map picture of an exercise: what each node tracked, and where its sensors stand."""

import dataclasses
import math
from pathlib import Path

import numpy as np

from noroshi.records import SensorSite, Tracks, concatenate
from noroshi.run.exercises.running import Ran
from noroshi.run.outputs import replace
from noroshi.run.plot import MapContent, render


def draw_exercise(path: Path, ran: Ran) -> None:
    """Draw the tracks of all nodes on one map; a target that several hold is there several times.

    Raises:
        OutputError: if it cannot be written.
    """
    shown = [_plain(tracks, i) for i, tracks in enumerate(ran.tracks.values()) if tracks is not None]
    sites = [entry.site for entries in ran.cast.eyes.values() for entry in entries if _stands(entry.site)]
    content = MapContent(
        tracks=concatenate(shown) if shown else None,
        sites=tuple(sites),
        title=f"noroshi: exercise {ran.scenario.name}",
        source=f"EXERCISE, simulated, seed {ran.scenario.seed}",
        notes=("each node's own tracks; satellites and sensors on ships are not drawn",),
    )
    replace(path, render(content, path.suffix.lower()))


def _plain(tracks: Tracks, number: int) -> Tracks:
    """Return tracks without what differs in shape from node to node, numbered so that no two nodes' are the same."""
    return dataclasses.replace(
        tracks,
        node="all",
        source_names=("any",),
        sources=np.ones((len(tracks), 1), np.bool_),
        track_id=tracks.track_id + (np.uint64(number) << np.uint64(53)),
    )


def _stands(site: SensorSite) -> bool:
    return math.isfinite(site.lat_rad)
