"""What is wrong with a recording, sensor by sensor, with how sure that is."""

from collections.abc import Sequence

from noroshi.records import Detections, SensorSite
from noroshi.run import api
from noroshi.run.batches import drop_repeats, drop_stray_times
from noroshi.run.doctor.findings import Finding
from noroshi.run.doctor.patient import Patient
from noroshi.run.doctor.recording import damage, how_read, silent_together, stamps, unsearched
from noroshi.run.recordings import Recording


def examine(
    recordings: Sequence[Recording], known: Sequence[SensorSite] = (), *, progress: api.Progress = lambda _: None
) -> list[Finding]:
    """Return everything the recordings show, sensor by sensor in order of name.

    Radars that nobody placed are each looked at alone: their plots cannot be compared with anybody else's.

    Args:
        recordings: read already, looked at together.
        known: where sensors are, beside what the recordings say; the first description with a place counts.
        progress: told how many plots have been tracked since the last call.
    """
    findings = [
        finding
        for recording in recordings
        for finding in damage(recording) + how_read(recording) + silent_together(recording)
    ]
    sites = [*known, *(site for recording in recordings for site in recording.decoded.sites)]
    statuses = [status for recording in recordings for status in recording.decoded.statuses]
    every = [batch for recording in recordings for batch in recording.decoded.detections if len(batch)]
    fresh, repeats = drop_repeats(every)
    for name in sorted({batch.sensor for batch in every}):
        findings += stamps([batch for batch in every if batch.sensor == name], repeats[name])
    timely, stray = drop_stray_times(fresh)
    for name, n in stray.items():
        verdict = f"{n:,} rows are stamped more than a week from most others of these recordings and are left out"
        findings.append(Finding(sensor=name, subject="stray stamps", level="fault", verdict=verdict, n=n))
    findings += unsearched(drop_stray_times(every)[0])
    for group in _groups(timely, sites):
        findings += Patient(group, sites, statuses, progress).findings()
    order = {name: i for i, name in enumerate(sorted({finding.sensor for finding in findings}))}
    return sorted(findings, key=lambda finding: order[finding.sensor])


def _groups(detections: Sequence[Detections], sites: Sequence[SensorSite]) -> list[list[Detections]]:
    """Return the batches of all sensors that can be compared, and then those of each that cannot."""
    placed = {site.sensor for site in sites if site.has_place}
    alone = sorted({b.sensor for b in detections if "azimuth_rad" in b.components and b.sensor not in placed})
    together = [batch for batch in detections if batch.sensor not in alone]
    groups = [[batch for batch in detections if batch.sensor == name] for name in alone]
    return [group for group in (together, *groups) if group]
