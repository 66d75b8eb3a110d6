"""Radars beside position reports, where a set of recordings holds both."""

from collections.abc import Sequence

from noroshi.assessment.residuals import Residual, residuals
from noroshi.records import concatenate
from noroshi.run.api import Tracked
from noroshi.run.batches import drop_repeats
from noroshi.run.recordings import Recording
from noroshi.run.setup import make_sensors
from noroshi.sensors.prepare import arrange
from noroshi.tracking.rewind import good


def radar_residuals(read: Sequence[Recording], tracked: Tracked | None) -> list[Residual]:
    """Return each radar's residuals against the position reports of the same recordings; none if there are not both."""
    if tracked is None:
        return []
    types = {site.sensor: site.type for site in tracked.setup.sites}
    detections = [batch for recording in read for batch in recording.decoded.detections]
    reports = [batch for batch in detections if types.get(batch.sensor) == "position_report"]
    radars = sorted({batch.sensor for batch in detections if types.get(batch.sensor) == "search_radar"})
    if not reports or not radars:
        return []
    from noroshi.assessment.reference import truth_from_reports

    truth, _ = truth_from_reports(drop_repeats(reports)[0])
    sensors = make_sensors(tracked.setup)
    found: list[Residual] = []
    for name in radars:
        own, _ = drop_repeats([batch for batch in detections if batch.sensor == name])
        plots = [good(arrange(batch, sensors[name])) for batch in own]
        found += residuals(concatenate(plots), sensors[name], truth)
    return found
