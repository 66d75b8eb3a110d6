"""What travels: frozen batches of columns, rows on axis 0.

Records carry no algorithms. They are checked where they enter the program (bytes, files, plug-ins) and nowhere else:
`check` raises `RecordError` for a batch whose shape is wrong, and a row whose content is wrong keeps its place and
carries a `Quality` code, so that one bad plot never spoils a batch.
"""

from noroshi.records.alert import Alert
from noroshi.records.batch import Batch, RecordError, check, concatenate, digest, empty, take
from noroshi.records.decision import Decision
from noroshi.records.detections import Detections
from noroshi.records.frame import Frame
from noroshi.records.identity import Identity
from noroshi.records.launches import Launches
from noroshi.records.order import Order
from noroshi.records.quality import Quality
from noroshi.records.site import SensorSite
from noroshi.records.status import Status
from noroshi.records.threats import CERTAINTIES, STAGES, Certainty, Paths, Stage, Threats
from noroshi.records.tracks import KINDS, MISSILES, STATUSES, Kind, Tracks, TrackStatus, certain_kind, joined_by_sensor
from noroshi.records.truth import Truth

__all__ = [
    "CERTAINTIES",
    "KINDS",
    "MISSILES",
    "STAGES",
    "STATUSES",
    "Alert",
    "Batch",
    "Certainty",
    "Decision",
    "Detections",
    "Frame",
    "Identity",
    "Kind",
    "Launches",
    "Order",
    "Paths",
    "Quality",
    "RecordError",
    "SensorSite",
    "Stage",
    "Status",
    "Threats",
    "TrackStatus",
    "Tracks",
    "Truth",
    "certain_kind",
    "check",
    "concatenate",
    "digest",
    "empty",
    "joined_by_sensor",
    "take",
]
