"""What a view has shown of one track, from the film: nothing that it has not shown is in it."""

from typing import Any

import msgspec
import numpy as np

from noroshi.records import Kind
from noroshi.run.web import wire
from noroshi.run.web.film import Moment, Reel

MOMENTS_MAX = 900
POINTS_MAX = 300


def story(reel: Reel, number: str, at_ns: int) -> dict[str, Any]:
    """Return the story of a track.

    Args:
        reel: of the view.
        number: of the track, in hexadecimal.
        at_ns: until when.
    """
    wanted = int(number, 16)
    rows = [row for moment in reel.until(at_ns, MOMENTS_MAX) if (row := _row(reel, moment, wanted)) is not None]
    history = [[*row[:5]] for row in rows]
    step = max(len(rows) // POINTS_MAX, 1)
    kinds = []
    for time_ms, *_, kind, probability, _ in rows[::step]:
        share = [0.0] * len(Kind)
        share[kind] = probability
        kinds.append([time_ms, share])
    return {
        "type": "story",
        "id": number,
        "text": "",
        "known": bool(rows),
        "history": history,
        "kinds": kinds,
        "models": [],
        "detections": [],
        "nations": _nations(reel, rows, at_ns),
        "releases": [],
    }


def _row(reel: Reel, moment: Moment, wanted: int) -> list[Any] | None:
    header, column = wire.decode(reel.frame_of(moment))
    found = np.flatnonzero(column["id"] == np.uint64(wanted))
    if not len(found):
        return None
    i = int(found[0])
    bits = np.unpackbits(column["sources"][i].view(np.uint8), bitorder="little") if header.words else np.zeros(0)
    return [
        header.picture_ms - int(column["state_age_ms"][i]),
        int(column["lat"][i]) / 1e7,
        int(column["lon"][i]) / 1e7,
        round(float(column["height_m"][i]), 1),
        round(float(column["existence"][i]) / wire.WHOLE, 3) if column["existence"][i] <= wire.WHOLE else None,
        int(column["kind"][i]),
        round(float(column["kind_probability"][i]) / wire.WHOLE, 3),
        np.flatnonzero(bits).tolist(),
    ]


def _nations(reel: Reel, rows: list[list[Any]], at_ns: int) -> list[dict[str, Any]]:
    """Return since when and until when each source was among those that fed it."""
    moment = reel.at(at_ns)
    if moment is None or not rows:
        return []
    names = [row["name"] for row in msgspec.json.decode(moment.text("sources"))["rows"]]
    spans: dict[str, list[float]] = {}
    for row in rows:
        for bit in row[-1]:
            if bit < len(names):
                spans.setdefault(names[bit], [row[0], row[0]])[1] = row[0]
    return [{"nation": name, "first_ms": span[0], "last_ms": span[1]} for name, span in spans.items()]
