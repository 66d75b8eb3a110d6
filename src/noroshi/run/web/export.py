"""A journal's picture as one HTML file, to be mailed and opened without a server."""

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from noroshi import __version__
from noroshi.run.web import texts, wire
from noroshi.run.web.film import Moment
from noroshi.run.web.showing import EXPORT, Showing

PLACE = "<!--NOROSHI-DATA-->"
TEMPLATE = "export.html"
FRAMES_MAX = 1_000  # more are thinned out evenly
BYTES_MAX = 200 << 20


class ExportError(ValueError):
    """There is nothing to write, or no page to write it into. One line for a person."""


def export(showing: Showing, view: str, folder: Path | None, *, frames_max: int = FRAMES_MAX) -> bytes:
    """Return the file.

    Args:
        showing: with its film finished.
        view: whose; nothing of any other view is in it.
        folder: of the page's files.
        frames_max: so many pictures at most.

    Raises:
        ExportError: if the page was not built, or the view has shown nothing, or too much.
    """
    path = None if folder is None else folder / TEMPLATE
    if path is None or not path.is_file():
        raise ExportError("the page is not built in this checkout: `uv sync` builds it")
    page = path.read_text()
    if page.count(PLACE) != 1:
        raise ExportError(f"{path}: has no place for data ({PLACE})")
    data = text_of(content(showing, view, frames_max))
    if len(data) > BYTES_MAX:
        raise ExportError(f"{len(data) / 1e6:,.0f} MB: too much for one file; take fewer pictures or a shorter journal")
    script = f'<script type="application/json" id="noroshi-data">{data}</script>'
    return page.replace(PLACE, script).encode()


def text_of(data: dict[str, Any]) -> str:
    """Return data as JSON that can stand inside a script element."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")


def content(showing: Showing, view: str, frames_max: int = FRAMES_MAX) -> dict[str, Any]:
    """Return what the file holds (`docs/picture-wire.md`).

    Raises:
        ExportError: if the view has shown nothing.
    """
    reel = showing.film.reel(view)
    moments = list(reel)
    if not moments:
        raise ExportError("the journal shows nothing")
    step = -(-len(moments) // frames_max)
    chosen = moments[::step]
    flags = wire.REPLAY | (0 if showing.exercise is None else wire.EXERCISE)
    return {
        "version": wire.VERSION,
        "hello": {
            "type": "hello",
            "version": wire.VERSION,
            "program": f"noroshi {__version__}",
            "mode": EXPORT,
            "exercise": showing.exercise,
            "node": showing.node,
            "user": {"name": "", "role": "viewer", "duty": "", "nation": view},
            "view": view,
            "views": [{"key": view, "name": showing.views[view], "is_own": view in showing.own}],
            "what_if": None,
            "can": {"seek": True, "decide": False, "play": False, "control": False},
        },
        "texts": {
            "events": {"type": "events", "reset": True, "from": 0, "rows": reel.events},
            "clock": {
                "start_ms": chosen[0].time_ns / 1e6, "known_ms": chosen[-1].time_ns / 1e6,
                "end_ms": chosen[-1].time_ns / 1e6, "step_ms": step * showing.step_ns / 1e6,
            },
        },
        "frames": list(_frames(chosen, flags)),
    }  # fmt: skip


def _frames(moments: list[Moment], flags: int) -> Iterator[dict[str, Any]]:
    told: dict[str, bytes] = {}
    part, n_names = None, 0
    for moment in moments:
        changed: dict[str, Any] = {}
        for kind in texts.KINDS_OF_TEXT:
            if kind in moment.texts:
                text = moment.text(kind)
                if told.get(kind) != text:
                    told[kind] = text
                    changed[kind] = msgspec.Raw(text)
        is_reset = moment.part is not part
        since = 0 if is_reset else n_names
        if is_reset or moment.n_names > since:
            rows = moment.part.names[since : moment.n_names]
            changed["names"] = {"type": "names", "reset": is_reset, "from": since, "rows": rows}
            part, n_names = moment.part, moment.n_names
        frame = gzip.compress(wire.redated(moment.read(), sent_ns=moment.time_ns, flags=flags), mtime=0)
        yield {"at_ms": moment.time_ns / 1e6, "frame": base64.b64encode(frame).decode(), "texts": changed}
