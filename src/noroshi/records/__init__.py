"""What travels: frozen batches of columns, rows on axis 0.

Records carry no algorithms. They are checked where they enter the program (bytes, files, plug-ins) and nowhere else:
`check` raises `RecordError` for a batch whose shape is wrong, and a row whose content is wrong keeps its place and
carries a `Quality` code, so that one bad plot never spoils a batch.
"""

from noroshi.records.batch import Batch, RecordError, check, concatenate, digest, empty, take
from noroshi.records.detections import Detections
from noroshi.records.frame import Frame
from noroshi.records.identity import Identity
from noroshi.records.order import Order
from noroshi.records.quality import Quality
from noroshi.records.site import SensorSite
from noroshi.records.status import Status
from noroshi.records.tracks import KINDS, STATUSES, Kind, Tracks, TrackStatus, certain_kind, joined_by_sensor
from noroshi.records.truth import Truth

__all__ = [
    "KINDS",
    "STATUSES",
    "Batch",
    "Detections",
    "Frame",
    "Identity",
    "Kind",
    "Order",
    "Quality",
    "RecordError",
    "SensorSite",
    "Status",
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
