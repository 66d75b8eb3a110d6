"""What release rules look at, and whether a rule's conditions hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import Floats, vertical_at
from noroshi.kernel import kernel
from noroshi.records import Kind, RecordError, Tracks, TrackStatus
from noroshi.sharing.keyed import Remembered, derive, uniforms
from noroshi.sharing.label import Label, Level, decode
from noroshi.sharing.rules import ALL_EXERCISES, Area, Conditions, Product, block_bounds

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Facts:
    """What is known of n rows of one record; what a record does not have matches no condition on it.

    Attributes:
        product: what it is to its recipient.
        n: how many rows.
        label: of the record; None is released to nobody.
        exercise: which exercise it belongs to; None is real.
        tracks: the rows themselves, if they are tracks.
        position_ecef_m: (n, 3), of tracks their own.
        time_ns: (n,) when they hold, of tracks their own.
        sensor_types: the type of each sensor that may have fed a track, by name.
    """

    product: Product
    n: int
    label: Label | None
    exercise: str | None
    tracks: Tracks | None = None
    position_ecef_m: Floats | None = None
    time_ns: NDArray[np.int64] | None = None
    sensor_types: Mapping[str, str] = field(default_factory=dict)
    _geodetic: list[Floats] = field(default_factory=list)

    @property
    def geodetic(self) -> Floats | None:
        """The (n, 3) latitudes, longitudes [rad] and heights [m]; worked out when first asked for."""
        if self.position_ecef_m is None:
            return None
        if not self._geodetic:
            found = np.empty((self.n, 3))
            _locate(np.ascontiguousarray(self.position_ecef_m), found)
            self._geodetic.append(found)
        return self._geodetic[0]


def facts_of(
    tracks: Tracks, *, product: Product, exercise: str | None, sensor_types: Mapping[str, str] | None = None
) -> Facts:
    """Return what rules look at of a batch of tracks.

    Raises:
        LabelError: if its label cannot be read.
        RecordError: if the product is none that tracks can be.
    """
    if product not in (Product.CONTRIBUTION, Product.FUSED):
        raise RecordError(f"tracks are contributions or fused, not {product}")
    return Facts(
        product=product,
        n=len(tracks),
        label=decode(tracks.label),
        exercise=exercise,
        tracks=tracks,
        position_ecef_m=tracks.state_ecef[:, :3],
        time_ns=tracks.time_ns,
        sensor_types=sensor_types or {},
    )


class Margins:
    """By how much each track sees an area widened: a secret part of the margin, between half and one and a half."""

    def __init__(self, secret: bytes) -> None:
        key = derive(secret, "margins of areas")
        self._parts = Remembered(lambda names, part: uniforms(key, names, part)[:, 0])

    def of(self, facts: Facts, margin_m: float) -> Floats:
        """Return (n,) margins [m]; the largest for what is no track."""
        if facts.tracks is None:
            return np.full(facts.n, 1.5 * margin_m)
        return np.asarray(margin_m * (0.5 + self._parts(facts.tracks.track_id)), np.float64)


def checks(when: Conditions, facts: Facts, now_ns: int, margins: Margins) -> Iterator[tuple[str, bool | Mask]]:
    """Give each condition's name and whether it holds, of the whole record or row by row; cheap ones first.

    A reader may stop where nothing is left that holds.
    """
    yield "products", facts.product in when.products
    of_any = facts.exercise is not None and ALL_EXERCISES in when.exercises
    yield "exercises", of_any or facts.exercise in (when.exercises or (None,))
    if when.not_before or when.not_after:
        yield "time", when.holds_at(now_ns)
    label = facts.label
    if when.level_max:
        yield "level_max", label is not None and Level[label.level] <= Level[when.level_max]
    if when.caveats_any:
        yield "caveats_any", label is not None and bool(set(label.caveats) & set(when.caveats_any))
    if when.caveats_none:
        yield "caveats_none", label is not None and not set(label.caveats) & set(when.caveats_none)
    tracks = facts.tracks
    if when.statuses:
        wanted = [int(TrackStatus[name.upper()]) for name in when.statuses]
        yield "statuses", tracks is not None and np.logical_or.reduce([tracks.status == one for one in wanted])
    if when.existence_min is not None:
        yield "existence_min", tracks is not None and tracks.existence >= when.existence_min
    if when.existence_max is not None:
        yield "existence_max", tracks is not None and tracks.existence <= when.existence_max
    if when.kinds:
        columns = [Kind[name.upper()] for name in when.kinds]
        yield "kinds", tracks is not None and _sum(tracks.kind_probability, columns) >= when.kind_probability
    if when.sensor_types_any or when.sensor_types_only:
        yield from _sensors(when, facts)
    yield from _identity(when, tracks)
    if when.area is not None:
        yield "area", _in_area(when.area, facts, margins)


def _sum(columns: Floats, chosen: list[Kind]) -> Floats:
    total = columns[:, chosen[0]].copy()
    for column in chosen[1:]:
        total += columns[:, column]
    return total


def _sensors(when: Conditions, facts: Facts) -> Iterator[tuple[str, bool | Mask]]:
    tracks = facts.tracks
    for name, wanted, only in (
        ("sensor_types_any", when.sensor_types_any, False),
        ("sensor_types_only", when.sensor_types_only, True),
    ):
        if not wanted:
            continue
        if tracks is None:
            yield name, False
            continue
        inside = np.array([facts.sensor_types.get(sensor) in wanted for sensor in tracks.source_names], np.bool_)
        fed = tracks.sources[:, inside].any(axis=1)
        yield name, np.asarray(fed & ~tracks.sources[:, ~inside].any(axis=1) if only else fed, np.bool_)


def of_unknown_sensor(facts: Facts) -> Mask:
    """Return (n,) which rows were fed by a sensor whose type nobody said; rules on types cannot judge these."""
    tracks = facts.tracks
    if tracks is None:
        return np.zeros(facts.n, np.bool_)
    unknown = np.array([sensor not in facts.sensor_types for sensor in tracks.source_names], np.bool_)
    return np.asarray(tracks.sources[:, unknown].any(axis=1), np.bool_)


def _identity(when: Conditions, tracks: Tracks | None) -> Iterator[tuple[str, bool | Mask]]:
    who = None if tracks is None else tracks.identity
    if when.identified is not None:
        yield (
            "identified",
            who is not None
            and ((who.icao_address >= 0) | (who.mode_3a >= 0) | (who.mmsi >= 0) | (who.call_sign != ""))
            == when.identified,
        )
    if when.icao_addresses:
        yield "icao_addresses", who is not None and _in_blocks(who.icao_address, when.icao_addresses)
    if when.modes_3a:
        yield "modes_3a", who is not None and np.isin(who.mode_3a, [int(code, 8) for code in when.modes_3a])
    if when.mmsis:
        yield "mmsis", who is not None and np.isin(who.mmsi, when.mmsis)
    if when.call_signs:
        yield "call_signs", who is not None and _called(who.call_sign, when.call_signs)


def _in_blocks(address: NDArray[np.int64], blocks: tuple[str, ...]) -> Mask:
    inside = np.zeros(len(address), np.bool_)
    for first, last in block_bounds(blocks):
        inside |= (address >= first) & (address <= last)
    return inside


def _called(call_sign: NDArray[np.str_], patterns: tuple[str, ...]) -> Mask:
    found = np.zeros(len(call_sign), np.bool_)
    for pattern in patterns:
        if pattern.endswith("*"):
            found |= np.strings.startswith(call_sign, pattern[:-1])
        else:
            found |= call_sign == pattern
    return found


def _in_area(area: Area, facts: Facts, margins: Margins) -> bool | Mask:
    where = facts.geodetic
    if where is None:
        return False
    inside = np.isfinite(where).all(axis=1)
    placed = inside.copy()
    if area.height_m_min is not None:
        inside &= where[:, 2] >= area.height_m_min
    if area.height_m_max is not None:
        inside &= where[:, 2] <= area.height_m_max
    if area.polygon:
        within = np.empty(facts.n, np.bool_)
        widened = margins.of(facts, area.margin_m) if area.margin_m else np.zeros(facts.n)
        _within(where, np.radians(np.array(area.polygon)), widened, within)
        inside &= within
    return np.asarray(placed & ~inside if area.outside else inside, np.bool_)


@kernel
def _locate(position_ecef_m: Floats, out: Floats) -> None:
    for row in range(len(position_ecef_m)):
        x, y, z = position_ecef_m[row, 0], position_ecef_m[row, 1], position_ecef_m[row, 2]
        up_x, up_y, up_z, height = vertical_at(x, y, z)
        out[row, 0] = np.arctan2(up_z, np.sqrt(up_x * up_x + up_y * up_y))
        out[row, 1] = np.arctan2(y, x)
        out[row, 2] = height


@kernel
def _within(where: Floats, corners: Floats, margin_m: Floats, out: Mask) -> None:
    """Write whether points are inside a polygon widened by a margin of their own (narrowed where it is negative).

    Edges are straight in latitude and longitude; distances to them are taken on the plane that touches the point.
    """
    radius_m = 6_371_008.8  # Source: Moritz (2000), mean radius of GRS 80
    n = len(corners)
    for row in range(len(where)):
        lat, lon = where[row, 0], where[row, 1]
        narrow = np.cos(lat)
        inside, nearest = False, np.inf
        for i in range(n):
            j = (i + 1) % n
            y1, y2 = corners[i, 0] - lat, corners[j, 0] - lat
            x1 = (corners[i, 1] - lon + np.pi) % (2.0 * np.pi) - np.pi
            # the way from corner to corner is the short one, wherever the point is
            x2 = x1 + (corners[j, 1] - corners[i, 1] + np.pi) % (2.0 * np.pi) - np.pi
            if (y1 > 0.0) != (y2 > 0.0) and x1 + (x2 - x1) * y1 / (y1 - y2) > 0.0:
                inside = not inside
            if margin_m[row] != 0.0:
                ax, ay, dx, dy = x1 * narrow, y1, (x2 - x1) * narrow, y2 - y1
                length = dx * dx + dy * dy
                along = 0.0 if length == 0.0 else min(1.0, max(0.0, -(ax * dx + ay * dy) / length))
                nearest = min(nearest, np.hypot(ax + along * dx, ay + along * dy) * radius_m)
        if margin_m[row] > 0.0:
            out[row] = inside or nearest <= margin_m[row]
        else:
            out[row] = inside and nearest > -margin_m[row]
