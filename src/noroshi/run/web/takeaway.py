"""One moment of a view as a file to take away: GeoJSON, CZML, CSV. Of what was shown, and of nothing else."""

import re
from collections.abc import Callable

import numpy as np

from noroshi.formats import czml, geojson
from noroshi.formats.tables.write import encode_tracks
from noroshi.geo.time import iso_from_utc_ns
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes
from noroshi.records import Identity, Kind, Tracks
from noroshi.records.identity import ABSENT
from noroshi.run.web import wire
from noroshi.run.web.film import Moment
from noroshi.run.web.showing import Showing

FORMS: dict[str, tuple[Callable[[Tracks], bytes], str]] = {
    "geojson": (geojson.encode, "application/geo+json"),
    "czml": (czml.encode, "application/json"),
    "csv": (lambda tracks: encode_tracks(tracks, form="csv"), "text/csv; charset=utf-8"),
}


def take_away(form: str, moment: Moment, showing: Showing, view: str) -> tuple[bytes, str]:
    """Return a file and its media type.

    Args:
        form: one of `FORMS`.
        moment: of the view.
        showing: what is shown; its exercise is named in the file.
        view: whose.
    """
    encode, media = FORMS[form]
    return encode(tracks_of(moment, node=_says(showing, view))), media


def file_name(showing: Showing, view: str, time_ns: int, form: str) -> str:
    """Return the name of the file; it says if it is of an exercise."""
    time = re.sub(r"[^0-9TZ]", "", iso_from_utc_ns(time_ns)[:19]) + "Z"
    marked = "" if showing.exercise is None else "EXERCISE-"
    return f"{marked}{re.sub(r'[^A-Za-z0-9]', '', view)}-{time}.{form}"


def tracks_of(moment: Moment, *, node: str) -> Tracks:
    """Return the tracks of a moment, as precisely as they were shown: what a frame does not hold is not there."""
    header, column = wire.decode(moment.read())
    n = header.n
    said = {row[0]: row for row in moment.part.names[: moment.n_names]}
    who = [said.get(f"{number:016x}", (None,) * 5) for number in column["id"].tolist()]
    lat_rad, lon_rad = np.radians(column["lat"] / 1e7), np.radians(column["lon"] / 1e7)
    axes = enu_axes(lat_rad, lon_rad)
    velocity = np.stack([column[f"velocity_{name}_m_s"] for name in ("east", "north", "up")], axis=1)
    local = np.zeros((n, 3, 3))
    local[:, 0, 0], local[:, 1, 1] = column["east_east_m2"], column["north_north_m2"]
    local[:, 0, 1] = local[:, 1, 0] = column["east_north_m2"]
    local[:, 2, 2] = column["up_sigma_m"].astype(np.float64) ** 2
    covariance = np.full((n, 6, 6), np.nan)
    covariance[:, :3, :3] = np.transpose(axes, (0, 2, 1)) @ local @ axes
    time_ns = round(header.picture_ms * 1e6) - column["state_age_ms"].astype(np.int64) * 1_000_000
    probability = np.where(column["kind_probability"] > wire.WHOLE, np.nan, column["kind_probability"] / wire.WHOLE)
    kinds = np.zeros((n, len(Kind)))
    kinds[np.arange(n), column["kind"]] = probability
    return Tracks(
        node=node,
        source_names=(),
        track_id=column["id"],
        time_ns=time_ns,
        updated_ns=round(header.picture_ms * 1e6) - column["measured_age_ms"].astype(np.int64) * 1_000_000,
        revision=np.zeros(n, np.int32),
        state_ecef=np.concatenate(
            [
                ecef_from_geodetic(lat_rad, lon_rad, column["height_m"].astype(np.float64)),
                np.vecmat(velocity.astype(np.float64), axes),
            ],
            axis=1,
        ),
        covariance_ecef=covariance,
        existence=np.where(column["existence"] > wire.WHOLE, np.nan, column["existence"] / wire.WHOLE),
        kind_probability=kinds,
        status=column["status"],
        sources=np.zeros((n, 0), np.bool_),
        identity=Identity(
            icao_address=np.array([ABSENT if row[2] is None else int(str(row[2]), 16) for row in who], np.int64),
            mode_3a=np.array([ABSENT if row[3] is None else int(str(row[3]), 8) for row in who], np.int64),
            mmsi=np.array([ABSENT if row[4] is None else int(str(row[4])) for row in who], np.int64),
            call_sign=np.array([row[1] or "" for row in who], np.str_),
        ),
    )


def _says(showing: Showing, view: str) -> str:
    return view if showing.exercise is None else f"{view} (EXERCISE {showing.exercise})"
