"""Where a radar's false plots come from: weather, wind farms and chaff give many in a small part of what it sees.

One density for all that a radar sees is far too low there, and such a place makes false tracks without end. So plots
that are no firm track's are counted in square cells that are fixed to the Earth (a ship's radar has a map as well), and
what a cell gives beyond its share raises the density there; everywhere else there is the less. A plot is counted some
looks late and only if the track that has it has not become firm: where targets appear again and again, as over a
runway, or many at once, as in a raid, their first plots are not false. Plots of tracks that stay tentative are: taken
for targets by too low a density, clutter would hide itself. So would targets that no firm track has for long, crowded,
seldom seen and without heights: those the map takes for clutter, and keeps them from becoming firm.

Source: Musicki, Suvorova, Morelande and Moran (2005), Clutter map and target tracking, Information Fusion: the classic
estimator, the mean number of plots that a cell gives a look; Musicki and Evans (2004), Clutter map information for data
association and track initialization, IEEE Trans. Aerospace and Electronic Systems 40(2), 387-398, for its use in
integrated probabilistic data association. That a target's plots be weighed out: Park, Song and Lee (2020), Adaptive
estimation of spatial clutter measurement density using clutter measurement probability, Sensors 20(1), 114.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.wgs84 import ECCENTRICITY_SQUARED, SEMI_MAJOR_AXIS_M, Floats
from noroshi.kernel import kernel
from noroshi.records.tracks import FIRM
from noroshi.sensors import Sensor
from noroshi.tracking.bank import Pairs
from noroshi.tracking.store import EXISTENCE, Integers, Store, Whole

CELL_M = 5_000.0
"""How wide a cell is: as a shower or a wind farm."""

LOOKS_REMEMBERED = 30.0
"""Over so many looks plots are counted: a shower that drifts at 15 m/s is over a cell for as long."""

LOOKS_LATE = 5.0
"""A plot is counted so many looks late: a target that is seen with 0.9 has become firm by then."""

LOOK_MIN, LOOK_MAX = 0.9, 2.0
"""After so much of a look the map is made anew; a longer silence counts as no more looks than this."""

CHANCE_SIGMAS, CHANCE_PLOTS = 2.0, 3.0
"""So many plots beyond its share, in standard deviations and in plots, a cell may have given by chance."""

EVEN_MIN = 0.1
"""So much of all false plots at least is taken to come from anywhere."""

FORGOTTEN = 0.05  # a cell that has given fewer plots, weighed by age, has given none
NEGLIGIBLE = 0.05  # nor is a plot counted that is nobody's with less
EMPTY, ROW_STEP = -(2**40), 2**20
KEY = "clutter"
"""What comes before its names in `Store.tally`, which makes a map part of checkpoints and of what late data rewinds."""

Tally = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ClutterMap:
    """One radar's map; its arrays are never written to.

    Attributes:
        cells: (2^k,) a table of cells with open addressing, `EMPTY` where there is none.
        given: (2^k,) how many plots that are no firm track's each gave, weighed by age.
        beyond: (2^k,) how many more a look each gives than its share of those that come from anywhere.
        waiting: (w, 4) plots not counted yet: cell, chance that it is no firm track's, number of the track that has it
            most likely, and when it came (nanoseconds of UTC, give or take 256: a float).
        fresh: (f, 4) the same, of the look that is not over.
        looks: (3,) that the map remembers, weighed by age; when it was made, likewise; the sum of `beyond`.
    """

    cells: Integers
    given: Floats
    beyond: Floats
    waiting: Floats
    fresh: Floats
    looks: Floats

    def named(self, i_sensor: int) -> dict[str, NDArray[Any]]:
        """Return what is to be kept of it in a tally."""
        values = self.cells, self.given, self.beyond, self.waiting, self.fresh, self.looks
        return dict(zip(_names(i_sensor), values, strict=True))


NO_PLOTS = np.zeros((0, 4))
EMPTY_MAP = ClutterMap(np.full(2, EMPTY), np.zeros(2), np.zeros(2), NO_PLOTS, NO_PLOTS, np.zeros(3))


def map_of(tally: Tally, i_sensor: int) -> ClutterMap:
    """Return a radar's map; an empty one at first."""
    names = _names(i_sensor)
    return ClutterMap(*[tally[name] for name in names]) if names[0] in tally else EMPTY_MAP


@cache
def _names(i_sensor: int) -> tuple[str, ...]:
    return tuple(f"{KEY}_{i_sensor}_{name}" for name in ClutterMap.__dataclass_fields__)


def share_of_cell(sensor: Sensor) -> float:
    """Return which part of the circle that a radar sees one cell is; 0 for a sensor whose false plots are not mapped.

    Mapped are those of a radar that looks round, by range and azimuth.
    """
    if "range_m" not in sensor.COMPONENTS or "azimuth_rad" not in sensor.COMPONENTS:
        return 0.0
    range_m_max = sensor.parameters.get("range_m_max", math.inf)
    return min(CELL_M**2 / (math.pi * range_m_max**2), 1.0)


def evenly_spread(known: ClutterMap, false: float) -> float:
    """Return how many of all false plots a look come from anywhere; `false` is all."""
    return max(false - float(known.looks[2]), EVEN_MIN * false)


def false_at(known: ClutterMap, form: Floats, share: float, false: float) -> tuple[Integers, Floats]:
    """Return (n,) in which cell each plot lies, and how many false plots a look gave, were all of it as there is.

    Args:
        known: the map.
        form: (n, ...) forms of the plots (`sensors.rows`).
        share: which part of what the radar sees one cell is.
        false: how many false plots a look gives.
    """
    cells, found = np.empty(len(form), np.int64), np.empty(len(form))
    _false_at(form, known.cells, known.beyond, evenly_spread(known, false), 1.0 / share, cells, found)
    return cells, found


def counted(
    known: ClutterMap, plots: Floats, now_ns: int, period_ns: int, store: Store, share: float, false: float
) -> ClutterMap:
    """Return a map after a batch; it is made anew once a look.

    Args:
        known: the map before.
        plots: (f, 4) those that may be no firm track's (`unclaimed_plots`).
        now_ns: when they came.
        period_ns: how long a look is.
        store: the tracks.
        share: which part of what the radar sees one cell is.
        false: how many false plots a look gives.
    """
    if known is EMPTY_MAP:
        return ClutterMap(*_tables(0), NO_PLOTS, plots, np.array([0.0, now_ns, 0.0]))
    looks = (now_ns - float(known.looks[1])) / period_ns
    if looks < LOOK_MIN:
        if not len(plots):
            return known
        fresh = np.concatenate([known.fresh, plots])
        return ClutterMap(known.cells, known.given, known.beyond, known.waiting, fresh, known.looks)
    looks = min(looks, LOOK_MAX)
    waiting = np.concatenate([known.waiting, known.fresh, plots])
    is_due = waiting[:, 3] <= float(now_ns) - LOOKS_LATE * period_ns
    kept, due = math.exp(-looks / LOOKS_REMEMBERED), waiting[is_due]
    remembered = kept * float(known.looks[0]) + looks
    alike = evenly_spread(known, false) * share * remembered
    chance = CHANCE_SIGMAS * math.sqrt(alike) + CHANCE_PLOTS
    tables = _tables(int((known.cells != EMPTY).sum()) + len(due))
    more = _remap(
        known.cells, known.given, kept, due, store.whole[: store.n_used], alike, chance, remembered, *tables
    )  # fmt: skip
    return ClutterMap(*tables, waiting[~is_due], NO_PLOTS, np.array([remembered, now_ns, more]))


def unclaimed_plots(store: Store, cells: Integers, pairs: Pairs, weight: Floats, fresh: Floats, now_ns: int) -> Floats:
    """Return (f, 4) those plots of a batch that may be no firm track's; see `ClutterMap.fresh`.

    Args:
        store: the tracks, after the batch.
        cells: (n,) of its plots.
        pairs: of tracks and plots.
        weight: (p,) probability that the plot is the track's, if the track exists.
        fresh: (n,) existence of the track that each plot starts; 0 where it starts none.
        now_ns: when the plots came.
    """
    found = np.empty((len(cells), 4))
    born = store.change.born[-1] if store.change.born else pairs.rows[:0]
    n = _unclaimed(
        cells, pairs.rows, pairs.begin, pairs.plot, weight, fresh, born, store.real, store.whole, now_ns, found
    )  # fmt: skip
    return found[:n]


def _tables(n: int) -> tuple[Integers, Floats, Floats]:
    """Return empty tables of cells, and of numbers, with room for n cells."""
    size = 2 << n.bit_length()
    return np.full(size, EMPTY), np.zeros(size), np.zeros(size)


@kernel
def _cell_of(x: float, y: float, z: float) -> int:
    """Return the cell of an Earth-fixed place: rows are bands of latitude, and columns are as wide as they are high."""
    lat_rad = math.atan2(z, math.hypot(x, y) * (1.0 - ECCENTRICITY_SQUARED))
    row = math.floor(lat_rad * SEMI_MAJOR_AXIS_M / CELL_M)
    across_m = math.atan2(y, x) * SEMI_MAJOR_AXIS_M * math.cos((row + 0.5) * CELL_M / SEMI_MAJOR_AXIS_M)
    return int(row) * ROW_STEP + math.floor(across_m / CELL_M)


@kernel
def _place(cells: Integers, cell: int) -> int:
    """Return where a cell is in a table, or else the empty place where it belongs."""
    at: int = (cell * 0x9E3779B1 >> 12) & (cells.shape[0] - 1)
    while cells[at] != EMPTY and cells[at] != cell:
        at = (at + 1) & (cells.shape[0] - 1)
    return at


@kernel
def _false_at(
    form: Floats, table: Integers, beyond: Floats, even: float, per_share: float, cells: Integers, found: Floats
) -> None:
    for j in range(form.shape[0]):
        cells[j] = _cell_of(form[j, 0], form[j, 1], form[j, 2])
        found[j] = even + beyond[_place(table, cells[j])] * per_share


@kernel
def _unclaimed(
    cells: Integers,
    rows: Integers,
    begin: Integers,
    plot: Integers,
    weight: Floats,
    fresh: Floats,
    born: Integers,
    real: Floats,
    whole: Integers,
    now_ns: int,
    found: Floats,
) -> int:
    n, n_born = cells.shape[0], 0
    chance, most, whose = np.ones(n), fresh.copy(), np.full(n, -1, np.int64)
    for j in range(n):
        if fresh[j] > 0.0:
            whose[j] = whole[born[n_born], Whole.ID]
            n_born += 1
    for t in range(rows.shape[0]):
        for e in range(begin[t], begin[t + 1]):
            has = weight[e] * real[rows[t], EXISTENCE]
            if whole[rows[t], Whole.STATUS] >= FIRM:
                chance[plot[e]] -= has
            elif has > most[plot[e]]:
                most[plot[e]], whose[plot[e]] = has, whole[rows[t], Whole.ID]
    n_found = 0
    for j in range(n):
        if chance[j] >= NEGLIGIBLE:
            found[n_found, 0], found[n_found, 1], found[n_found, 2] = cells[j], chance[j], whose[j]
            found[n_found, 3] = now_ns
            n_found += 1
    return n_found


@kernel
def _remap(
    old_cells: Integers,
    old_given: Floats,
    kept: float,
    due: Floats,
    whole: Integers,
    alike: float,
    chance: float,
    looks: float,
    cells: Integers,
    given: Floats,
    beyond: Floats,
) -> float:
    """Write tables of what is left of old ones and of the plots that are due; return the sum of `beyond`.

    Plots of tracks that are firm by now are not counted. `alike` is how many plots a cell would have given in so many
    `looks` were all alike, and `chance` how many more may be chance.
    """
    more = 0.0
    for i in range(old_cells.shape[0]):
        if old_cells[i] != EMPTY and old_given[i] * kept >= FORGOTTEN:
            at = _place(cells, old_cells[i])
            cells[at], given[at] = old_cells[i], old_given[i] * kept
    for j in range(due.shape[0]):
        is_firm = False
        for i in range(whole.shape[0]):
            if whole[i, Whole.ID] == due[j, 2] and whole[i, Whole.STATUS] >= FIRM:
                is_firm = True
        if not is_firm:
            at = _place(cells, int(due[j, 0]))
            cells[at] = int(due[j, 0])
            given[at] += due[j, 1]
    for i in range(cells.shape[0]):
        if given[i] > alike + chance:
            beyond[i] = (given[i] - alike) / looks
            more += beyond[i]
    return more
