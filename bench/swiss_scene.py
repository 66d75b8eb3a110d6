"""What the benches on flights over Switzerland share: the flights, the three radars, and the figures of a picture."""

import math
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import noroshi
from noroshi.assessment import ed142, siap
from noroshi.assessment.reference import truth_from_reports
from noroshi.assessment.smoothing import smoothed
from noroshi.exercise.rotating_radar import Watch, observe
from noroshi.geo.time import NS_PER_S
from noroshi.records import Detections, SensorSite, Tracks, Truth
from noroshi.run.api import Tracked
from noroshi.run.recordings import read
from noroshi.run.rooms import load

PLACES = (("west", 46.55, 6.60, 700.0), ("north", 47.45, 8.20, 600.0), ("south", 46.35, 9.30, 1_200.0))
SITES = tuple(
    SensorSite(sensor=name, type="search_radar", lat_rad=math.radians(lat), lon_rad=math.radians(lon), height_m=height)
    for name, lat, lon, height in PLACES
)
FALSE_PLOTS_A_SCAN = 50.0
TRUTH_MOTION = {"horizontal_psd_m2_s3": 4.0, "vertical_psd_m2_s3": 1.0}
PERIOD_S = 8.0  # the output period of the ED-142 en-route lines
SETTLING_S = 60.0  # tracks have so long to begin before the picture is judged


def flights() -> tuple[Truth, Counter[str]]:
    """Return the smoothed flights of the sample, and how many rows were removed from it for each reason."""
    truth, removed = truth_from_reports(read("sample:switzerland").decoded.detections)
    return smoothed(truth, load("motion", "constant_velocity").Motion.of(**TRUTH_MOTION)), removed


def plots_of(
    truth: Truth, start_ns: int, end_ns: int, seed: int, identity: Literal["none", "transponder"] = "none"
) -> list[Detections]:
    """Return what the three radars see."""
    return [
        observe(
            truth,
            Watch(
                site=site,
                sensor=load("sensors", site.type).Sensor.at(site),
                start_ns=start_ns,
                end_ns=end_ns,
                false_plots_a_scan=FALSE_PLOTS_A_SCAN,
                identity=identity,
                seed=seed,
            ),
        )[0]
        for site in SITES
    ]


def moments(start_ns: int, end_ns: int) -> NDArray[np.int64]:
    """Return the times at which the picture is judged."""
    return np.arange(start_ns + round(SETTLING_S * NS_PER_S), end_ns, round(PERIOD_S * NS_PER_S))


def tracked(
    plots: Sequence[Detections], tracker: str, motion: str | None, parameters: Mapping[str, float]
) -> tuple[Tracked, float]:
    """Return the tracks, and the processor seconds that they took."""
    since = time.process_time()
    found = noroshi.track(plots, SITES, period_s=PERIOD_S, parameters=parameters, tracker=tracker, motion=motion)
    return found, time.process_time() - since


def judged(truth: Truth, tracks: Tracks, times_ns: NDArray[np.int64]) -> dict[str, Any]:
    """Return SIAP and the lines of the ED-142 table."""
    lines = ed142.lines(truth, tracks, times_ns=times_ns)
    return {
        "siap": dict(siap.measure(truth, tracks, times_ns=times_ns)),
        "ed142": [{k: None if v != v else v for k, v in line._asdict().items()} for line in lines],
        "ed142_table": ed142.table(lines),
    }


def versions() -> dict[str, str]:
    """Return what figures are made with."""
    return {"noroshi": noroshi.__version__, "numpy": np.__version__, "python": platform.python_version()}
