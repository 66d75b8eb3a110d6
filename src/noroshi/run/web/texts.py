"""What is said to the page as text, of records (`docs/picture-wire.md`)."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from noroshi.command.book import Book
from noroshi.command.matters import Matter
from noroshi.command.rows import said_in
from noroshi.command.transitions import TABLE, Action, Role, Step, may_follow
from noroshi.command.waiting import waiting
from noroshi.geo.wgs84 import SEMI_MAJOR_AXIS_M, geodetic_from_ecef
from noroshi.records import Tracks
from noroshi.records.alert import Alert
from noroshi.records.identity import ABSENT
from noroshi.records.launches import Launches
from noroshi.records.threats import CERTAINTIES, STAGES, Paths, Threats

KINDS_OF_TEXT = (
    "sources", "sensors", "satellites", "links", "threats", "alerts", "areas", "launches", "zones", "decisions",
    "notes",
)  # fmt: skip
"""What a moment of a film has beside its frame, in the order in which it is sent."""
Json = dict[str, Any]
MATTERS_MAX = 80  # told of, those that are open first, then the newest
STEPS_MAX = 20  # of each, the newest
DETAIL_CHARS_MAX = 2_000
GROUND_M, UPWARDS_M = 50_000.0, 200_000.0  # a line that begins so low goes up so far


def encoded(kind: str, rows: Sequence[Any], **more: Any) -> bytes:
    """Return a text; what is no number in it is null."""
    return msgspec.json.encode({"type": kind, **more, "rows": rows})


def hexadecimal(number: int) -> str:
    """Return a number of 64 bits as the page has it."""
    return f"{int(number):016x}"


def ms(time_ns: float) -> float | None:
    """Return a time in milliseconds; 0 is none."""
    return time_ns / 1e6 if time_ns else None


def degrees(angle_rad: float) -> float | None:
    """Return an angle in degrees."""
    return math.degrees(angle_rad) if math.isfinite(angle_rad) else None


def names_of(tracks: Tracks, rows: NDArray[np.bool_]) -> dict[object, tuple[object, ...]]:
    """Return what the tracks of some rows say they are, by number."""
    at = np.flatnonzero(rows)
    who = tracks.identity
    columns = (tracks.track_id, who.call_sign, who.icao_address, who.mode_3a, who.mmsi)
    return {
        number: (
            hexadecimal(number),
            sign or None,
            None if icao == ABSENT else f"{icao:06X}",
            None if code == ABSENT else f"{code:04o}",
            None if mmsi == ABSENT else str(mmsi),
        )
        for number, sign, icao, code, mmsi in zip(*(column[at].tolist() for column in columns), strict=True)
    }


def renamed(before: Tracks | None, tracks: Tracks) -> NDArray[np.bool_]:
    """Return (n,) which of the tracks say something else of themselves than before; both in order of number."""
    who = tracks.identity
    says: NDArray[np.bool_] = (
        (who.icao_address != ABSENT) | (who.mode_3a != ABSENT) | (who.mmsi != ABSENT) | (who.call_sign != "")
    )
    if before is None or not len(before):
        return says
    at = np.minimum(np.searchsorted(before.track_id, tracks.track_id), len(before) - 1)
    same, was = before.track_id[at] == tracks.track_id, before.identity
    for name in who.COLUMNS:
        same &= getattr(was, name)[at] == getattr(who, name)
    changed: NDArray[np.bool_] = ~same & (says | np.isin(tracks.track_id, before.track_id))
    return changed


def threats_text(
    threats: Threats | None, paths: Mapping[int, Paths], followed: Mapping[int, int] | None = None
) -> bytes:
    """Return what is expected of threats, and by its number how each is expected to go and which track it is by now."""
    if threats is None:
        return encoded("threats", [])
    rows = []
    for i, number in enumerate(threats.threat_id.tolist()):
        rows.append(
            {
                "id": hexadecimal(number),
                "track": hexadecimal((followed or {}).get(number, number)),
                "stage": STAGES[threats.stage[i]],
                "certainty": CERTAINTIES[threats.certainty[i]],
                "kind": threats.kind_probability[i].tolist(),
                "time_ms": ms(int(threats.time_ns[i])),
                "updated_ms": ms(int(threats.updated_ns[i])),
                "since_ms": ms(int(threats.since_ns[i])),
                "expires_ms": ms(int(threats.expires_ns[i])),
                "end_ms": ms(int(threats.end_ns[i])),
                "end_sigma_s": float(threats.end_sigma_s[i]),
                "end": _end(threats, i),
                "region": str(threats.region[i]),
                "path": _way(paths[number]) if number in paths else [],
            }
        )
    return encoded("threats", rows)


def _way(path: Paths) -> list[list[float]]:
    """Return the points of a way as rows."""
    columns = (np.degrees(path.lat_rad), np.degrees(path.lon_rad), path.height_m)
    rows: list[list[float]] = np.stack(
        [path.time_ns / 1e6, *columns, path.along_sigma_m, path.across_sigma_m], axis=1
    ).tolist()
    return rows


def _end(threats: Threats, i: int) -> Json | None:
    lat_deg, lon_deg = degrees(threats.end_lat_rad[i]), degrees(threats.end_lon_rad[i])
    if lat_deg is None or lon_deg is None:
        return None
    covariance = threats.end_covariance_m2[i]
    if not np.isfinite(covariance).all():
        return {"lat_deg": lat_deg, "lon_deg": lon_deg, "major_m": None, "minor_m": None, "bearing_deg": None}
    variance, axes = np.linalg.eigh(covariance)
    minor_m, major_m = np.sqrt(np.maximum(variance, 0.0)).tolist()
    east, north = axes[:, 1]
    bearing_deg = math.degrees(math.atan2(east, north)) % 180.0
    return {
        "lat_deg": lat_deg, "lon_deg": lon_deg, "major_m": major_m, "minor_m": minor_m, "bearing_deg": bearing_deg,
    }  # fmt: skip


def alert_row(
    alert: Alert, *, life: str, changed_ns: int, acknowledged_by: Iterable[str], decided_by: str, places: list[Json]
) -> Json:
    """Return one alert."""
    columns = (alert.code, alert.name, alert.probability, alert.people, alert.arrival_ns, alert.arrival_latest_ns)
    return {
        "identifier": alert.identifier,
        "sender": alert.sender,
        "status": alert.status,
        "message": alert.message,
        "references": list(alert.references),
        "hazard": alert.hazard,
        "threat": hexadecimal(alert.threat_id),
        "stage": STAGES[alert.stage],
        "certainty": CERTAINTIES[alert.certainty],
        "sent_ms": ms(alert.sent_ns),
        "expires_ms": ms(alert.expires_ns),
        "picture_ms": ms(alert.picture_ns),
        "reason": alert.reason,
        "life": life,
        "changed_ms": ms(changed_ns),
        "acknowledged_by": sorted(acknowledged_by),
        "decided_by": decided_by,
        "areas": [
            {
                "code": code, "name": name, "probability": probability, "people": people,
                "arrival_ms": ms(first_ns), "arrival_latest_ms": ms(last_ns),
            }
            for code, name, probability, people, first_ns, last_ns
            in zip(*(column.tolist() for column in columns), strict=True)
        ],
        "places": places,
    }  # fmt: skip


def launches_text(launches: Launches | None) -> bytes:
    """Return notices of launches, each with its line of sight down to the Earth, or past it."""
    rows: list[Json] = []
    if launches is not None and len(launches):
        origin_m, along = launches.origin_ecef_m, launches.direction_ecef
        nearest_m = np.maximum(-np.vecdot(origin_m, along), 0.0)
        inside = SEMI_MAJOR_AXIS_M**2 - np.vecdot(origin_m, origin_m) + nearest_m**2
        reach_m = nearest_m - np.sqrt(np.maximum(inside, 0.0))
        is_below = np.linalg.norm(origin_m, axis=1) < SEMI_MAJOR_AXIS_M + GROUND_M  # seen by a track alone
        reach_m = np.where(is_below, UPWARDS_M, reach_m)
        steps = np.linspace(0.0, 1.0, 12)
        for i in range(len(launches)):
            points = origin_m[i] + (steps * reach_m[i])[:, None] * along[i]
            lat_rad, lon_rad, height_m = geodetic_from_ecef(points)
            rows.append(
                {
                    "id": hexadecimal(int(launches.launch_id[i])),
                    "time_ms": ms(int(launches.time_ns[i])),
                    "first_ms": ms(int(launches.first_ns[i])),
                    "probability": float(launches.probability[i]),
                    "line": np.stack([np.degrees(lat_rad), np.degrees(lon_rad), height_m], axis=1).tolist(),
                }
            )
    return encoded("launches", rows)


def sources_text(names: Sequence[str], version: int, nations: Mapping[str, str], nation_of: Mapping[str, str]) -> bytes:
    """Return what the bits of `sources` stand for.

    Args:
        names: in order.
        version: of the table.
        nations: names of nations by code.
        nation_of: the nation of each sensor that is known.
    """
    rows = [
        {"name": name, "nation": name if name in nations else nation_of.get(name), "is_nation": name in nations}
        for name in names
    ]
    return encoded("sources", rows, version=version)


def decisions_text(book: Book) -> bytes:
    """Return what decisions have come to: what waits for whom until when, what may follow, and who has said what."""
    matters = sorted(book.matters.values(), key=lambda one: (not one.is_open, -one.time_ns, one.founder, one.stream))
    return encoded("decisions", [matter_row(matter) for matter in matters[:MATTERS_MAX]])


def matter_row(matter: Matter) -> Json:
    """Return one decision."""
    what, waits = matter.what, waiting(matter)
    detail = what.detail if what.action != Action.ALERT else {}
    if len(msgspec.json.encode(detail)) > DETAIL_CHARS_MAX:
        detail = {}
    threat = what.detail.get("threat_id") if what.action == Action.ALERT else None
    return {
        "founder": matter.founder,
        "stream": matter.stream,
        "owner": matter.owner,
        "version": matter.version,
        "state": matter.state,
        "action": what.action,
        "asset": what.asset or matter.founder,
        "areas": list(what.areas),
        "priority": what.priority,
        "ends_ms": ms(what.until_ns),
        "detail": detail,
        "threat": None if threat is None else hexadecimal(int(threat)),
        "reason": matter.rows[0].reason,
        "concerns": list(matter.concerns),
        "approved": sorted(matter.approvals),
        "picture_ms": ms(matter.picture_ns),
        "advice": _advice(matter),
        "waits": None if waits is None else {
            "roles": list(waits.roles),
            "nations": list(waits.nations),
            "until_ms": ms(waits.until_ns),
            "otherwise": waits.otherwise,
        },
        "steps": [
            {"step": step, "roles": [role for role in line.roles if role not in (Role.MACHINE, Role.PLAN)],
             "needs_reason": line.needs_reason}
            for step, line in TABLE.items()
            if step in SAID and may_follow(step, matter.state, what.action)
        ],
        "log": [_step(row.content, time_ms=ms(row.time_ns), step=row.step, by=row.by, role=row.role, reason=row.reason)
                for row in matter.rows[-STEPS_MAX:]],
    }  # fmt: skip


SAID = tuple(step for step in Step if step not in (Step.SUPERSEDED, Step.HANDED_OVER, Step.EXPIRED, Step.ESCALATED))
"""What a person says at the page; to hand over and to replace need more than a click."""


def _advice(matter: Matter) -> Json | None:
    """Return what a solver said of the plan that is proposed, if one did."""
    proposed = next((row for row in reversed(matter.rows) if row.step == Step.RECOMMENDED), None)
    told = {} if proposed is None else said_in(proposed.content).advice
    if "solver" not in told:
        return None
    try:
        advice: Json = msgspec.to_builtins(msgspec.convert(told, _Advice))
    except msgspec.ValidationError:
        return None  # whoever signs a step may write anything there
    return advice


class _Alternative(msgspec.Struct):
    plan: str
    objective: float
    look: list[Any] | None = None
    sites: list[Any] | None = None


class _Advice(msgspec.Struct):
    objective: float
    bound: float
    gap: float
    alternatives: list[_Alternative] = []


def _step(content: str, **told: Any) -> Json:
    return told | {"acting_for": said_in(content).acting_for}
