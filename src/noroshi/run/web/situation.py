"""A node's sensors, satellites and links, as its own nation's page shows them."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.records import Alert, Batch, Detections, SensorSite
from noroshi.run.web import texts
from noroshi.sensors import Sensor
from noroshi.warning.areas import Areas

SILENT_NS = 30 * NS_PER_S
PERIODS = 3.0
PATH_STEP_NS = 60 * NS_PER_S
PATH_POINTS = 31
PATH_AHEAD_NS = 10 * PATH_STEP_NS
PLACES_EACH = 3  # of an area
OUTLINE_DEG = 0.01
RINGS_MAX = 20  # of an area, the longest

Places = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Returns the (k, 3) Earth-fixed places [m] of a satellite at (k,) times."""


class Carrier(NamedTuple):
    """What carries a sensor.

    Attributes:
        name: of it.
        places: where it is.
        half_angle_deg: how far from straight down the sensor looks; None if that is not known.
    """

    name: str
    places: Places
    half_angle_deg: float | None = None


class Situation:
    """What is known of a node's own sensors and links.

    Args:
        node: whose.
        sites: of its sensors.
        sensors: by name, with their parameters.
        carriers: what each moving sensor is on; what is not here is where its last
            detections came from.
        zones: rows of the text `zones`.
    """

    def __init__(
        self,
        node: Node,
        sites: Sequence[SensorSite],
        *,
        carriers: Mapping[str, Carrier] | None = None,
        zones: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.node = node
        self.sites = {site.sensor: site for site in sites}
        self._carriers = dict(carriers or {})
        self._zones = list(zones)
        self._areas: tuple[tuple[str, ...], bytes] | None = None
        self._heard_ns: dict[str, int] = {}
        self._origins: dict[str, tuple[int, list[float]]] = {}
        self._satellites: tuple[int, bytes] | None = None

    @property
    def sensors(self) -> Mapping[str, Sensor]:
        """The node's sensors by name."""
        return self.node.sensors

    def took(self, record: Batch, now_ns: int) -> None:
        """Note who has spoken, and from where."""
        if isinstance(record, Detections) and len(record):
            self._heard_ns[record.sensor] = now_ns
            if self._moves(record.sensor) and np.isfinite(record.origin_ecef_m[-1]).all():
                self._origins[record.sensor] = int(record.time_ns[-1]), record.origin_ecef_m[-1].tolist()

    def texts(self, now_ns: int) -> dict[str, bytes]:
        """Return the texts `sensors`, `satellites`, `links`, `zones` and `areas`."""
        return {
            "sensors": texts.encoded("sensors", [self._sensor(name, now_ns) for name in self.sensors]),
            "satellites": self._satellites_text(now_ns),
            "links": texts.encoded("links", self._links(now_ns)),
            "zones": texts.encoded("zones", [*self._zones, *self._watched_zones()]),
        }

    def areas_text(self, codes: tuple[str, ...]) -> bytes:
        """Return the outlines of areas by their codes, those that are known, to a kilometre."""
        if self._areas is None or self._areas[0] != codes:
            known = self._known_areas()
            at = [] if known is None else np.flatnonzero(np.isin(known.code, codes)).tolist()
            rows = [] if known is None else [_area(known, i) for i in at]
            self._areas = codes, texts.encoded("areas", rows)
        return self._areas[1]

    def places_of(self, alert: Alert) -> list[dict[str, Any]]:
        """Return the largest places of the areas of an alert, each with its area's arrival."""
        known = self._known_areas()
        if known is None:
            return []
        rows = []
        for code, arrival_ns in zip(alert.code.tolist(), alert.arrival_ns.tolist(), strict=True):
            (area,) = np.flatnonzero(known.code == code)[:1].tolist() or (-1,)
            there = np.flatnonzero(known.place_area == area)
            for i in there[np.argsort(-known.place_people[there], kind="stable")[:PLACES_EACH]].tolist():
                rows.append(
                    {
                        "name": str(known.place_name[i]),
                        "local": str(known.place_local[i]),
                        "area": code,
                        "lat_deg": round(math.degrees(known.place_lat_rad[i]), 4),
                        "lon_deg": round(math.degrees(known.place_lon_rad[i]), 4),
                        "people": float(known.place_people[i]),
                        "arrival_ms": texts.ms(arrival_ns),
                    }
                )
        return rows

    def _known_areas(self) -> Areas | None:
        watch = self.node.watch
        return None if watch is None else watch.warner.areas

    def _watched_zones(self) -> list[dict[str, Any]]:
        """Return the zones of the rules by which the node warns."""
        rules = () if self.node.watch is None else self.node.watch.warner.rules
        return [
            {
                "name": str(getattr(rule, "name", "")),
                "sort": "watched",
                "ring_deg": [list(point) for point in rule.polygon_deg],
                "height_m": [getattr(rule, "height_m_min", None), getattr(rule, "height_m_max", None)],
            }
            for rule in rules
            if hasattr(rule, "polygon_deg")
        ]

    def silent(self, now_ns: int) -> list[str]:
        """Return a line on each sensor that has fallen silent, and on each rule of warning that fails."""
        faults = {} if self.node.watch is None else self.node.watch.warner.faults
        return [f"rule '{name}' fails: {why} ({where})" for name, (where, why) in sorted(faults.items())] + [
            f"{name}: nothing for {(now_ns - self._heard_ns[name]) / NS_PER_S:.0f} s"
            for name in self.sensors
            if self._state(name, now_ns) == "silent"
        ]

    def origin_of(self, name: str) -> NDArray[np.float64] | None:
        """Return (3,) where a sensor stands, or was last; None if that has no meaning or is not known."""
        if name in self._origins:
            return np.array(self._origins[name][1])
        origin_m = self.sensors[name].origin_ecef_m
        return origin_m if np.isfinite(origin_m).all() else None

    def _moves(self, name: str) -> bool:
        site = self.sites.get(name)
        return site is None or not math.isfinite(site.lat_rad)

    def _state(self, name: str, now_ns: int) -> str:
        heard_ns = self._heard_ns.get(name)
        if heard_ns is None:
            return "unknown"
        period_s = dict(self.sensors[name].parameters).get("scan_period_s", 0.0)
        return "silent" if now_ns - heard_ns > max(SILENT_NS, PERIODS * period_s * NS_PER_S) else "ok"

    def _sensor(self, name: str, now_ns: int) -> dict[str, Any]:
        site, parameters = self.sites.get(name), dict(self.sensors[name].parameters)
        carrier = self._carriers.get(name)
        return {
            "name": name,
            "nation": site.nation or self.node.name if site else self.node.name,
            "sort": site.type if site else "",
            "lat_deg": texts.degrees(site.lat_rad) if site else None,
            "lon_deg": texts.degrees(site.lon_rad) if site else None,
            "height_m": site.height_m if site else None,
            "state": self._state(name, now_ns),
            "seen_ms": texts.ms(self._heard_ns.get(name, 0)),
            "carrier": carrier.name if carrier else name if self._moves(name) else None,
            "range_m_max": parameters.get("range_m_max"),
            "elevation_deg": [
                texts.degrees(parameters.get(key, math.nan)) for key in ("elevation_rad_min", "elevation_rad_max")
            ],
            "sectors_deg": [],
        }

    def _satellites_text(self, now_ns: int) -> bytes:
        """Return the text `satellites`, made anew once a minute; without flights, where they were last."""
        first_ns = now_ns // PATH_STEP_NS * PATH_STEP_NS - PATH_AHEAD_NS // 2
        if self._satellites is not None and self._satellites[0] == first_ns and self._carriers:
            return self._satellites[1]
        times_ns = first_ns + PATH_STEP_NS * np.arange(PATH_POINTS)
        rows: dict[str, dict[str, Any]] = {}
        for name in self.sensors:
            if not self._moves(name):
                continue
            carrier = self._carriers.get(name)
            if carrier is not None:
                path = carrier.places(times_ns)
                known = np.isfinite(path).all(axis=1)
                if not known.any():
                    continue
                begin, places = int(times_ns[known][0]), path[known]
            elif name in self._origins:
                begin, at = self._origins[name]
                places = np.array([at])
            else:
                continue
            if np.linalg.norm(places[0]) < 6_500_000.0:
                continue  # on a ship or an aircraft
            site = self.sites.get(name)
            rows.setdefault(
                carrier.name if carrier else name,
                {
                    "name": carrier.name if carrier else name,
                    "nation": site.nation or self.node.name if site else self.node.name,
                    "sort": site.type if site else "",
                    "from_ms": texts.ms(begin),
                    "step_ms": PATH_STEP_NS / 1e6,
                    "path_ecef_m": np.round(places).tolist(),
                    "half_angle_deg": carrier.half_angle_deg if carrier else None,
                },
            )
        text = texts.encoded("satellites", list(rows.values()))
        self._satellites = first_ns, text
        return text

    def _links(self, now_ns: int) -> list[dict[str, Any]]:
        exchange = self.node.exchange
        if exchange is None:
            return []
        return [
            {
                "from": self.node.name,
                "to": code,
                "state": "up" if channel.is_heard(now_ns) else "away",
                "waiting": len(channel.outbox),
                "missing": len(channel.receiver.gaps),
                "seen_ms": None,
            }
            for code, channel in exchange.channels.items()
        ]


def _area(known: Areas, i: int) -> dict[str, Any]:
    rings = []
    for ring in known.outlines.of(i):
        coarse = np.round(np.degrees(ring) / OUTLINE_DEG) * OUTLINE_DEG
        moves = np.any(coarse != np.roll(coarse, 1, axis=0), axis=1)
        if moves.sum() >= 3:
            rings.append(coarse[moves].round(4).tolist())
    rings.sort(key=len, reverse=True)
    people = float(known.people[i])
    return {"code": str(known.code[i]), "name": str(known.name[i]), "people": people, "rings_deg": rings[:RINGS_MAX]}
