"""How silent the warning stage is about real air traffic, even if the tracker took every aircraft for a missile.

All recorded flights of the samples (`noroshi[samples]`) become pictures every ten seconds in which each aircraft that
reported within the last fifteen seconds is a missile with probability 1, and the warner of a country around each
recording looks at them. Counted are hours of flight, threats and proposals; none in H hours bounds the rate below 3/H
(95 %).

    uv run bench/warning_silence.py --json
"""

import argparse
import json
import platform
import time
from datetime import UTC, datetime

import numpy as np

from noroshi import __version__
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Detections, Identity, Kind, Tracks, TrackStatus, certain_kind
from noroshi.run.areas import areas
from noroshi.run.recordings import read
from noroshi.run.samples import sample_names
from noroshi.warning.core import Warner
from noroshi.warning.settings import Settings
from noroshi.warning.threatening import energy_height_m

STEP_S, FRESH_S = 10, 15
COLUMNS = ("lat_rad", "lon_rad", "altitude_m", "velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s")


def rows_of(batches: list[Detections]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times, addresses and states of all reports that tell place and velocity."""
    times, addresses, states = [], [], []
    for batch in batches:
        if not set(COLUMNS) <= set(batch.components):
            continue
        told = {name: batch.values[:, batch.components.index(name)] for name in COLUMNS}
        told["velocity_up_m_s"] = np.nan_to_num(told["velocity_up_m_s"])
        fine = np.isfinite(np.stack(list(told.values()))).all(axis=0) & (batch.identity.icao_address >= 0)
        lat, lon, height, east, north, up = (told[name][fine] for name in COLUMNS)
        velocity = np.einsum("nij,ni->nj", enu_axes(lat, lon), np.stack([east, north, up], axis=1))
        states.append(np.concatenate([ecef_from_geodetic(lat, lon, height), velocity], axis=1))
        times.append(batch.time_ns[fine])
        addresses.append(batch.identity.icao_address[fine])
    if not times:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 6))
    return np.concatenate(times), np.concatenate(addresses), np.concatenate(states)


def picture(states: np.ndarray, addresses: np.ndarray, updated_ns: np.ndarray, now_ns: int) -> Tracks:
    """Return a picture in which every aircraft is a missile."""
    n = len(states)
    spread = np.diag([50.0**2] * 3 + [5.0**2] * 3)
    return Tracks(
        node="bench", source_names=("bench",), track_id=addresses.astype(np.uint64), time_ns=np.full(n, now_ns),
        updated_ns=updated_ns, revision=np.zeros(n, np.int32), state_ecef=states,
        covariance_ecef=np.broadcast_to(spread, (n, 6, 6)).copy(), existence=np.ones(n),
        kind_probability=certain_kind(int(Kind.BALLISTIC), n), status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.ones((n, 1), np.bool_), identity=Identity.absent(n),
    )  # fmt: skip


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the figures are printed as JSON")
    parser.parse_args()
    since = time.process_time()
    where = areas()
    countries = tuple(sorted({code.partition("-")[0] for code in where.code.tolist()}))
    hours, n_threats, n_proposals, highest_m, flights = 0.0, 0, 0, 0.0, 0
    for name in sample_names():
        try:
            times, addresses, states = rows_of(list(read(f"sample:{name}").decoded.detections))
        except ValueError:
            continue  # a sample of another kind
        if not len(times):
            continue
        highest_m = max(highest_m, float(energy_height_m(states).max()))
        flights += len(np.unique(addresses))
        order = np.argsort(times, kind="stable")
        times, addresses, states = times[order], addresses[order], states[order]
        warner = Warner("bench", where, settings=Settings(countries=countries))
        step_ns = STEP_S * NS_PER_S
        for now_ns in np.unique(times // step_ns * step_ns + step_ns).tolist():
            recent = slice(*np.searchsorted(times, [now_ns - FRESH_S * NS_PER_S, now_ns], side="right"))
            _, last = np.unique(addresses[recent][::-1], return_index=True)
            rows = recent.stop - 1 - last
            said = warner.look(picture(states[rows], addresses[rows], times[rows], now_ns), now_ns)
            n_threats += len(said.threats)
            n_proposals += len(said.proposals)
            hours += len(rows) * STEP_S / 3600.0
    print(
        json.dumps(
            {
                "bench": "warning_silence",
                "date": datetime.now(UTC).strftime("%Y-%m-%d"),
                "version": __version__,
                "python": platform.python_version(),
                "samples": len(sample_names()),
                "aircraft": flights,
                "flight_hours": hours,
                "energy_height_m_max": highest_m,
                "energy_height_m_of_a_threat": Settings().energy_height_m,
                "threats": n_threats,
                "proposals": n_proposals,
                "rate_per_hour_below_95": 3.0 / hours if hours and not n_proposals else None,
                "cpu_s": time.process_time() - since,
            }
        )
    )


if __name__ == "__main__":
    main()
