"""Tracks, policies and secrets for the tests of the room."""

import numpy as np

from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Identity, Kind, Tracks, TrackStatus
from noroshi.run import rooms
from noroshi.sharing.label import ALL_PARTNERS, Label, encode
from noroshi.sharing.rules import parse

ACTIONS = {key: rooms.load("sharing.actions", key).Action for key in rooms.names("sharing.actions")}
SECRET = b"a secret of thirty-two bytes 123"
START_NS = 1_893_456_000_000_000_000  # 2030-01-01T00:00:00Z
SECOND = 1_000_000_000
SENSORS = {"jpn-north": "search_radar", "jpn-eye": "infrared", "jpn-ears": "position_report"}
PARTNERS = '[partners]\nUSA = "close"\nKOR = "close"\nAUS = "wide"\n'


def policy_of(rules, partners=PARTNERS):
    return parse(f'nation = "JPN"\n{partners}{rules}', ACTIONS)


def label_text(**changes):
    return encode(Label(**{"originator": "JPN", "releasable_to": (ALL_PARTNERS,), **changes}))


def tracks_of(n, *, rng=None, label=None, time_ns=START_NS, **columns):
    """Return n aircraft around Japan, all different, seen by three sensors."""
    rng = rng or np.random.default_rng(5)
    lat, lon = np.radians(rng.uniform(30, 45, n)), np.radians(rng.uniform(128, 146, n))
    course, speed = rng.uniform(0, 2 * np.pi, n), rng.uniform(150, 280, n)
    local = np.stack([speed * np.sin(course), speed * np.cos(course), np.zeros(n)], axis=1)
    velocity = np.einsum("nji,nj->ni", enu_axes(lat, lon), local)
    mixed = rng.normal(0, 1, (n, 6, 6)) * np.array([60.0, 60.0, 60.0, 3.0, 3.0, 3.0])[:, None]
    kinds = rng.dirichlet(np.ones(len(Kind)) * 0.3, n) if n else np.zeros((0, len(Kind)))
    sources = rng.random((n, len(SENSORS))) < 0.5
    sources[np.arange(n), rng.integers(0, len(SENSORS), n)] = True
    made = {
        "node": "jpn",
        "source_names": tuple(SENSORS),
        "track_id": rng.integers(1, 2**53, n, dtype=np.uint64),
        "time_ns": np.full(n, time_ns, np.int64),
        "updated_ns": np.full(n, time_ns, np.int64),
        "revision": np.zeros(n, np.int32),
        "state_ecef": np.concatenate([ecef_from_geodetic(lat, lon, rng.uniform(1e3, 12e3, n)), velocity], axis=1),
        "covariance_ecef": mixed @ mixed.transpose(0, 2, 1),
        "existence": rng.uniform(0.2, 1.0, n),
        "kind_probability": kinds,
        "status": rng.choice([TrackStatus.TENTATIVE, TrackStatus.FIRM, TrackStatus.COASTING], n).astype(np.uint8),
        "sources": sources,
        "identity": Identity(
            icao_address=rng.choice([-1, 0x840123, 0xA12345, 0x71BC00], n),
            mode_3a=rng.choice([-1, 0o7700, 0o1234], n),
            mmsi=np.full(n, -1, np.int64),
            call_sign=rng.choice(["", "JAF123", "ANA1", "UAL9"], n).astype("<U8"),
        ),
        "label": label_text() if label is None else label,
    }
    return Tracks(**{**made, **columns})


PASS_ALL = '[[rules]]\nrule = "all"\nto = ["ALL-PARTNERS"]\nproducts = ["contribution"]\nthen = "pass"\n'
