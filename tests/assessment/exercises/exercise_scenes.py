"""Small happenings for the tests of exercise measures: on a straight line, counted in seconds."""

import numpy as np

from noroshi.assessment.exercises.happened import Happened, People, Told
from noroshi.assessment.exercises.held import Course, Targets, held
from noroshi.assessment.pictures import View
from noroshi.geo.time import NS_PER_S
from noroshi.records import Alert, Decision, Identity, Kind, Launches, Threats, Tracks, TrackStatus, Truth, certain_kind

START_NS = 1_900_000_000 * NS_PER_S
EARTH_M = 6_400_000.0
CUTOFF_M = 10_000.0
VIEW = View(age_s_max=6.0)


def ns(seconds):
    return START_NS + np.round(np.asarray(seconds, np.float64) * NS_PER_S).astype(np.int64)


def row(offset_m):
    return [EARTH_M, offset_m, 0.0, 0.0, 0.0, 0.0]


def truth_of(paths):
    """paths: by target, (seconds, offset_m, Kind)."""
    rows = [(name, *each) for name, path in paths.items() for each in path]
    names, seconds, offsets, kinds = zip(*rows, strict=True)
    return Truth(
        target=np.array(names),
        time_ns=ns(seconds),
        kind=np.array(kinds, np.uint8),
        state_ecef=np.array([row(offset) for offset in offsets]),
        identity=Identity.absent(len(rows)),
    )


def tracks_of(rows, *, node="A", sources=("A",), fed=None, updated=None, sigma_m=100.0, identity=None):
    """rows: (track, second, offset_m, Kind); firm."""
    n = len(rows)
    ids, seconds, offsets, kinds = (np.array(column) for column in zip(*rows, strict=True)) if n else [np.zeros(0)] * 4
    return Tracks(
        node=node,
        source_names=sources,
        track_id=ids.astype(np.uint64),
        time_ns=ns(seconds),
        updated_ns=ns(seconds if updated is None else updated),
        revision=np.zeros(n, np.int32),
        state_ecef=np.array([row(offset) for offset in offsets]).reshape(-1, 6),
        covariance_ecef=np.tile(np.eye(6) * sigma_m**2, (n, 1, 1)),
        existence=np.ones(n),
        kind_probability=certain_kind(kinds.astype(np.int64), n),
        status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, len(sources)), bool) if fed is None else np.array(fed, bool).reshape(n, -1),
        identity=Identity.absent(n) if identity is None else identity,
    )


def happened_of(truth, own, known=None, *, seconds, **more):
    """own, known: by node, tracks; seconds: of the pictures."""
    times_ns = ns(seconds)
    targets = Targets.of(truth, times_ns)
    threatening = targets.names[targets.is_threat].tolist()
    courses = []
    for name in threatening:
        rows = np.flatnonzero(truth.target == name)
        courses.append(Course.of(truth.replace(**{
            column: getattr(truth, column)[rows] for column in ("target", "time_ns", "kind", "state_ecef")
        }, identity=Identity.absent(len(rows)))))  # fmt: skip
    pictures = {node: held(targets, tracks, CUTOFF_M, VIEW) for node, tracks in own.items()}
    fused = {node: held(targets, tracks, CUTOFF_M, VIEW) for node, tracks in (known or {}).items()}
    return Happened(
        start_ns=START_NS,
        end_ns=int(times_ns[-1]),
        cutoff_m=CUTOFF_M,
        targets=targets,
        courses=tuple(courses),
        own=pictures,
        known={node: fused.get(node, pictures[node]) for node in pictures},
        **more,
    )


def alert(number, codes, at_s, *, message="Alert", identifier="one"):
    n = len(codes)
    return Alert(
        identifier=identifier, sender="A", status="Exercise", message=message, references=(), hazard="missile",
        threat_id=number, stage=4, certainty=2, sent_ns=int(ns(at_s)), expires_ns=int(ns(at_s + 900.0)),
        picture_ns=int(ns(at_s)), reason="EXERCISE", code=np.array(codes, np.str_), name=np.array(codes, np.str_),
        probability=np.ones(n), people=np.ones(n), arrival_ns=np.full(n, int(ns(at_s + 60.0))),
        arrival_latest_ns=np.full(n, int(ns(at_s + 90.0))),
    )  # fmt: skip


def told(node, at_s, channel, record):
    return Told(node=node, at_ns=int(ns(at_s)), channel=channel, record=record)


def step(stream, at_s, word, *, nation="A"):
    text = {name: np.array([""]) for name in ("by", "role", "key", "reason", "content", "signature")}
    number = {name: np.zeros(1, np.int64) for name in ("version", "picture_ns", "deadline_ns")}
    return Decision(
        nation=nation, stream=np.array([stream]), time_ns=ns([at_s]), step=np.array([word]), **text, **number
    )


def threats(node, number, at_s, *, stage=2, lat=0.0, lon=0.0, sigma_m=1_000.0):
    return Threats(
        node=node, threat_id=np.array([number], np.uint64), time_ns=ns([at_s]), updated_ns=ns([at_s]),
        since_ns=ns([at_s]), expires_ns=ns([at_s + 900.0]), stage=np.array([stage], np.uint8),
        certainty=np.array([2], np.uint8), kind_probability=certain_kind(Kind.BALLISTIC, 1), end_ns=ns([at_s + 300.0]),
        end_sigma_s=np.ones(1), end_lat_rad=np.array([lat]), end_lon_rad=np.array([lon]),
        end_covariance_m2=np.eye(2)[None] * sigma_m**2, region=np.array([""]),
    )  # fmt: skip


def launch(node, number, at_s, origin_m, direction):
    return Launches(
        node=node, launch_id=np.array([number], np.uint64), track_id=np.zeros(1, np.uint64), time_ns=ns([at_s]),
        first_ns=ns([at_s - 10.0]), probability=np.array([0.98]), origin_ecef_m=np.array([origin_m]),
        direction_ecef=np.array([direction]) / np.linalg.norm(direction),
    )  # fmt: skip


def nobody(n=1):
    return People(own=np.ones(n, bool), near_m=50e3)


def values(figures, measure):
    """Return by (node, shared, subject) the figures of a measure that are of the whole run."""
    return {
        (each.node, each.shared, each.subject): each.value
        for each in figures
        if each.measure == measure and np.isnan(each.at_s)
    }
