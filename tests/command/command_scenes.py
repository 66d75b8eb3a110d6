"""People, alerts and standing decisions for the tests of the joint command."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.matters import Settings
from noroshi.command.people import Person, register, sign
from noroshi.command.rows import What
from noroshi.command.standing import Delegation, Posture, StandingPlan
from noroshi.command.transitions import Action, Role, Step
from noroshi.records import Alert, Certainty, Stage, Threats
from noroshi.records.alert import ALERT, EXERCISE

NS = 1_000_000_000
START_NS = 1_893_456_000 * NS  # 2030-01-01
STAFF = {
    "sato@JPN": ("JPN", Role.WATCH_OFFICER),
    "mori@JPN": ("JPN", Role.APPROVER),
    "kato@JPN": ("JPN", Role.APPROVER),
    "ueda@JPN": ("JPN", Role.SENSOR_MANAGER),
    "hill@USA": ("USA", Role.SENSOR_MANAGER),
    "reed@USA": ("USA", Role.APPROVER),
    "lane@USA": ("USA", Role.APPROVER),
    "webb@AUS": ("AUS", Role.APPROVER),
    "look@JPN": ("JPN", Role.OBSERVER),
    "rule@JPN": ("JPN", Role.EXERCISE_CONTROL),
}
KEYS = {name: Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest()) for name in STAFF}
PEOPLE = register(Person(name, nation, (role,), (KEYS[name].public_key(),)) for name, (nation, role) in STAFF.items())
SETTINGS = Settings(area_nations={"JP": "JPN", "US": "USA", "AU": "AUS"})


def alert_of(identifier="JPN-1", codes=("JP-02", "JP-03"), **changes):
    n = len(codes)
    fields = {
        "identifier": identifier,
        "sender": "JPN",
        "status": EXERCISE,
        "message": ALERT,
        "references": (),
        "hazard": "missile",
        "threat_id": 7,
        "stage": int(Stage.WILL_LAND),
        "certainty": int(Certainty.LIKELY),
        "sent_ns": START_NS,
        "expires_ns": START_NS + 900 * NS,
        "picture_ns": START_NS,
        "reason": "will land",
        "code": np.array(codes),
        "name": np.array([f"area {code}" for code in codes]),
        "probability": np.linspace(0.9, 0.6, n),
        "people": np.full(n, 1.2e6),
        "arrival_ns": np.full(n, START_NS + 300 * NS),
        "arrival_latest_ns": np.full(n, START_NS + 360 * NS),
    }
    return Alert(**(fields | changes))


def threats_of(lat_deg=40.8, lon_deg=141.0, *, stage=Stage.WILL_LAND, time_ns=START_NS, end_s=300.0, threat_id=7):
    return Threats(
        node="JPN",
        threat_id=np.array([threat_id], np.uint64),
        time_ns=np.array([time_ns]),
        updated_ns=np.array([time_ns]),
        since_ns=np.array([time_ns]),
        expires_ns=np.array([time_ns + 60 * NS]),
        stage=np.array([stage], np.uint8),
        certainty=np.array([2], np.uint8),
        kind_probability=np.full((1, 7), 1 / 7),
        end_ns=np.array([START_NS + round(end_s * NS)]),
        end_sigma_s=np.array([3.0]),
        end_lat_rad=np.radians([lat_deg]),
        end_lon_rad=np.radians([lon_deg]),
        end_covariance_m2=np.full((1, 2, 2), np.nan),
        region=np.array(["somewhere"]),
    )


def task(areas=("JP-02",), asset="", action=Action.SENSOR_TASK, until_ns=0, priority="priority"):
    return What(action=action, areas=areas, asset=asset, until_ns=until_ns, priority=priority)


def plan_of(**changes):
    plan = StandingPlan(
        hazards=("missile",),
        messages=("Alert", "Update"),
        stage_min="will_pass",
        areas=("JP-*",),
        probability_min=0.5,
        postures=("contingency",),
        from_ns=START_NS - 3600 * NS,
        until_ns=START_NS + 3600 * NS,
    )
    return What(action=Action.STANDING_PLAN, detail=msgspec.to_builtins(msgspec.structs.replace(plan, **changes)))


def delegation_of(**changes):
    given = Delegation(
        delegate="reed@USA",
        role=Role.APPROVER,
        actions=("alert", "sensor_task"),
        areas=("JP-*",),
        from_ns=START_NS - 3600 * NS,
        until_ns=START_NS + 3600 * NS,
    )
    return What(action=Action.DELEGATION, detail=msgspec.to_builtins(msgspec.structs.replace(given, **changes)))


def posture_of(posture="contingency"):
    told = Posture(posture=posture, from_ns=START_NS - 3600 * NS, until_ns=START_NS + 7200 * NS)
    return What(action=Action.POSTURE, detail=msgspec.to_builtins(told))


def said(book, stream, step, by, now_ns, **more):
    """What a person would say now, signed."""
    return sign(book.draft(stream, step, by=by, role=STAFF[by][1], now_ns=now_ns, **more), KEYS[by])


def says(book, stream, step, by, now_ns, **more):
    """Let a person say it, and return what became of it."""
    return book.take_row(said(book, stream, step, by, now_ns, **more), now_ns)


def decided(book, stream, what, now_ns, *, by="mori@JPN", proposer="sato@JPN"):
    """Let something be proposed and approved at home."""
    assert says(book, stream, Step.RECOMMENDED, proposer, now_ns, what=what, reason="exercise").refusal is None
    verdict = says(book, stream, Step.APPROVED, by, now_ns)
    assert verdict.refusal is None, verdict


ROOT = Path(__file__).parents[2]
