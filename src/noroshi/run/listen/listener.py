"""The thread that listens and tracks, and what it shows to the one that draws."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic, enu_axes, geodetic_from_ecef
from noroshi.records import KINDS, MISSILES, STATUSES, Tracks
from noroshi.records.identity import ABSENT
from noroshi.run.feeds import Feed, open_feed
from noroshi.run.listen.desk import PLACED, Desk, Wish
from noroshi.run.listen.journals import Journals

WAIT_S, SAID_S = 0.25, 0.7
THREATS = tuple(kind.name.lower() for kind in MISSILES)
COMPILING = "beginning; the first time on a machine this compiles, once: some twenty seconds"
SHOW_NS = NS_PER_S // 2
"""A picture is worked out so often."""


@dataclass(frozen=True)
class View:
    """What there is to see at a time.

    Attributes:
        now_ns: which.
        tracks: of each track what a person or a program is told.
        notes: what was assumed, in plain words.
        waiting: sensors that are heard and not tracked yet.
        refused: how many detections could not be tracked, by "sensor: reason".
        plots: how many detections have come, by sensor.
    """

    now_ns: int = 0
    tracks: Sequence[dict[str, Any]] = ()
    notes: Sequence[str] = ()
    waiting: Sequence[str] = ()
    refused: dict[str, int] = field(default_factory=dict)
    plots: dict[str, int] = field(default_factory=dict)


class Listener:
    """Listens and tracks until it is stopped.

    Args:
        addresses: of the feeds.
        wish: how to track.
        journals: where journals are written; None for nowhere.
        now_ns: the clock.

    Attributes:
        feeds: those that are open.
        state: what it is doing, in words.
        view: the newest.
        error: what ended it, if anything did.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        wish: Wish,
        journals: Journals | None = None,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.feeds: list[Feed] = []
        self.state = "opening the feeds"
        self.view = View()
        self.error: Exception | None = None
        self.desk = Desk(wish, journals, making=self._making)
        self._addresses = list(addresses)
        self._now_ns = now_ns
        self._arrived, self._stopped = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and wait for it: a kernel that is being compiled is compiled to its end."""
        self._stopped.set()
        self._arrived.set()
        while self._thread.is_alive():
            self._thread.join(WAIT_S)  # in pieces, so that a signal gets through

    @property
    def is_running(self) -> bool:
        """Whether it still listens."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            for address in self._addresses:
                feed = open_feed(address, arrived=self._arrived.set, now_ns=self._now_ns)
                self.feeds.append(feed)
                self.desk.motion = self.desk.motion or getattr(feed, "motion", None)
            self.state = "waiting for the first message"
            self._listen()
        except Exception as error:  # noqa: BLE001 - told by the thread that draws
            self.error = error
        finally:
            for feed in self.feeds:
                feed.close()
            self.desk.close()

    def _listen(self) -> None:
        shown_ns, has_come = 0, False
        while not self._stopped.is_set():
            self._arrived.wait(WAIT_S)
            self._arrived.clear()
            if not has_come and any(feed.health.n_messages for feed in self.feeds):
                has_come = True
                self._say(COMPILING)
            records = [record for feed in self.feeds for record in feed.receive()]
            sites = {name: site for feed in self.feeds for name, site in feed.sites().items()}
            now_ns = self._now_ns()
            self.desk.receive(records, sites, now_ns)
            if now_ns >= shown_ns + SHOW_NS or now_ns < shown_ns:
                self.view = self._looked(now_ns)
                shown_ns = now_ns
                if self.view.tracks or self.desk.groups:
                    self.state = "tracking"
                elif any(feed.health.n_records for feed in self.feeds):
                    self.state = "listening: nothing to track yet"

    def _say(self, state: str) -> None:
        """Say what will take long, before it begins: it may keep all threads waiting."""
        self.state = state
        self._stopped.wait(SAID_S)

    def _making(self) -> None:
        """Say that a node is about to track for the first time."""
        if not self.desk.groups:
            self._say(COMPILING)

    def _looked(self, now_ns: int) -> View:
        tracks = [row for name, tracks in self.desk.pictures(now_ns).items() for row in told(tracks, name, now_ns)]
        return View(
            now_ns=now_ns,
            tracks=sorted(
                tracks,
                key=lambda row: (row["kind"] not in THREATS, row["name"].startswith("#"), row["name"], row["track"]),
            ),
            notes=[note for group in self.desk.groups.values() for note in group.notes],
            waiting=self.desk.waiting(),
            refused={f"{sensor}: {why.lower()}": n for (sensor, why), n in sorted(self.desk.refused().items())},
            plots=dict(self.desk.n_plots),
        )


def told(tracks: Tracks, group: str, now_ns: int) -> list[dict[str, Any]]:
    """Return what is told of each track; a number that is not known is None."""
    if not len(tracks):
        return []
    position, velocity = tracks.state_ecef[:, :3], tracks.state_ecef[:, 3:]
    is_relative = group != PLACED and not group.startswith("system tracks of ")
    lat, lon, height_m = geodetic_from_ecef(position)
    axes = enu_axes(lat, lon)
    east_m_s, north_m_s, up_m_s = np.einsum("nij,nj->in", axes, velocity)
    spread = axes @ tracks.covariance_ecef[:, :3, :3] @ axes.transpose(0, 2, 1)
    columns: dict[str, Any] = {
        "speed_m_s": np.hypot(east_m_s, north_m_s).round(1),
        "course_deg": (np.degrees(np.arctan2(east_m_s, north_m_s)) % 360.0).round(1),
        "climb_m_s": up_m_s.round(1),
        "height_m": height_m.round(0),
        "age_s": ((now_ns - tracks.updated_ns) / NS_PER_S).round(1),
        "sigma_m": np.sqrt(spread[:, 0, 0] + spread[:, 1, 1]).round(0),
        "height_sigma_m": np.sqrt(spread[:, 2, 2]).round(0),
    }
    if is_relative:
        # The radar is taken to stand at 0 N 0 E, where east, north and up are the axes y, z and x.
        out = position - ecef_from_geodetic(np.zeros(1), np.zeros(1), np.zeros(1))
        columns["range_m"] = np.linalg.norm(out, axis=1).round(0)
        columns["azimuth_deg"] = (np.degrees(np.arctan2(out[:, 1], out[:, 2])) % 360.0).round(2)
    else:
        columns["lat_deg"], columns["lon_deg"] = np.degrees(lat).round(5), np.degrees(lon).round(5)
    plain = {name: np.where(np.isfinite(column), column, np.nan).tolist() for name, column in columns.items()}
    kinds = tracks.kind_probability.argmax(axis=1).tolist()
    fed = [[tracks.source_names[s] for s in np.flatnonzero(row)] for row in tracks.sources]
    names, who = _names(tracks), tracks.identity
    return [
        {
            "name": names[i],
            "track": int(tracks.track_id[i]),
            "icao_address": _hexadecimal(int(who.icao_address[i])),
            "mmsi": int(who.mmsi[i]) if who.mmsi[i] != ABSENT else None,
            "call_sign": str(who.call_sign[i]) or None,
            "kind": KINDS[kinds[i]],
            "status": STATUSES[int(tracks.status[i])],
            "picture": group or "all",
            **{name: None if column[i] != column[i] else column[i] for name, column in plain.items()},
            "sensors": fed[i],
        }
        for i in range(len(tracks))
    ]


def _names(tracks: Tracks) -> list[str]:
    """Return a name for each track: call sign, address, MMSI, code, or the first digits of its number."""
    found = []
    who = tracks.identity
    for i in range(len(tracks)):
        if who.call_sign[i]:
            found.append(str(who.call_sign[i]))
        elif who.icao_address[i] != ABSENT:
            found.append(f"{int(who.icao_address[i]):06X}")
        elif who.mmsi[i] != ABSENT:
            found.append(f"{int(who.mmsi[i]):09d}")
        elif who.mode_3a[i] != ABSENT:
            found.append(f"#{int(who.mode_3a[i]):04o}")
        else:
            found.append(f"#{str(int(tracks.track_id[i]))[:6]}")
    return found


def _hexadecimal(address: int) -> str | None:
    return f"{address:06x}" if address != ABSENT else None


class Rates:
    """How much of something comes in a second, over the last few."""

    SPAN_S = 5.0

    def __init__(self) -> None:
        self._seen: list[tuple[float, dict[str, int]]] = []

    def of(self, totals: dict[str, int], at_s: float) -> dict[str, float]:
        """Return the rate of each total; it is asked again and again."""
        self._seen = [each for each in self._seen if each[0] > at_s - self.SPAN_S] + [(at_s, totals)]
        since_s, before = self._seen[0]
        if at_s <= since_s:
            return dict.fromkeys(totals, 0.0)
        return {name: (total - before.get(name, 0)) / (at_s - since_s) for name, total in totals.items()}
