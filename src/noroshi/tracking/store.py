"""All tracks of a tracker as rows of two arrays, which can be taken back one step at a time.

A track keeps its row as long as it lives; rows of ended tracks are used again. What a step is about to change is put
aside first, so that late data can take the tracker back step by step for the price of copying what changed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum, auto
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.records import Identity, TrackStatus
from noroshi.records.identity import ABSENT, call_signs_of

Integers = NDArray[np.int64]
FREE = -1
NEVER = -(2**62)  # a time so long ago that no difference from today overflows


class Whole(IntEnum):
    """Columns of `Store.whole`; after them come two blocks of one column a sensor: number of hits, time of the last."""

    STATUS = 0  # a `TrackStatus`, or FREE
    ID = auto()
    TIME = auto()
    BORN = auto()
    APART = auto()  # when this track and a near one were last seen to be two
    DEADLINE = auto()  # when something is to be done about it, if no plot comes
    HITS = auto()
    MISSES = auto()
    IS_TOLD = auto()  # 1 once a row of the track has been given out
    MEASURED = auto()  # time of the last plot that moved it; TIME is that of its state, which looks in vain carry on
    ICAO_ADDRESS = auto()
    MODE_3A = auto()
    MMSI = auto()
    CALL_SIGN = auto()
    FIRST_SENSOR = 16  # CALL_SIGN takes three


class Near(IntEnum):
    """Columns of `Store.near`: what the coarse gate reads of every track, in one run through memory."""

    POSITION = 0  # three
    VELOCITY = 3  # three
    POSITION_SIGMA = 6
    VELOCITY_SIGMA = auto()
    TIME_S = auto()  # since `Store.epoch_ns`
    SIGMAS = auto()  # how many standard deviations the gate is wide; 0 in a free row
    LOG_ODDS = auto()  # of a tentative track's existence; infinite of a firm one


class Bound(IntEnum):
    """Rows of `Store.bounds`: what is asked of every track in every batch, each in one run through memory."""

    POSITION = 0  # three
    REACH = 3  # how far its gate reaches at its own time; NaN where it is to be paired with nothing
    RATE = auto()  # how fast that grows and it moves
    TIME_S = auto()  # since `Store.epoch_ns`
    DEADLINE_S = auto()  # NaN in a free row


N_NEAR, N_BOUNDS = Near.LOG_ODDS + 1, Bound.DEADLINE_S + 1

CODE_COLUMNS = slice(int(Whole.ICAO_ADDRESS), int(Whole.CALL_SIGN))
CALL_SIGN_COLUMNS = slice(int(Whole.CALL_SIGN), int(Whole.FIRST_SENSOR))
NEGLIGIBLE = 1e-3
"""What is less probable than this of models, and of what each may have been before, is left out of states."""
EXISTENCE, PROBABILITY = 0, 1
"""Columns of `Store.real`: existence, then one probability a model, then mean (d) and covariance (d, d) of each, then
how far the place rests on what the target reports of itself (0 to 1), then what biases of radars make of the track,
where it is asked for."""


@dataclass(frozen=True)
class Layout:
    """Where things are in a row.

    Attributes:
        sizes: (k,) number of state components of each model.
        n_sensors: how many sensors there are.
        n_considered: of how many radars is carried along what their biases make of the track (`considered`).
    """

    sizes: tuple[int, ...]
    n_sensors: int
    n_considered: int = 0

    @cached_property
    def offsets(self) -> Integers:
        """(k,) column at which each model's mean begins."""
        return PROBABILITY + len(self.sizes) + np.cumsum([0, *(d + d * d for d in self.sizes[:-1])])

    @cached_property
    def reported(self) -> int:
        """Column of how far the place rests on what the target reports of itself."""
        return PROBABILITY + sum(1 + d + d * d for d in self.sizes)

    @cached_property
    def considered(self) -> int:
        """Column from which on derivatives by biases are: radar, bias, component (6)."""
        return self.reported + 1

    @cached_property
    def n_real(self) -> int:
        """Number of columns of `Store.real`."""
        return self.considered + 24 * self.n_considered

    @property
    def n_whole(self) -> int:
        """Number of columns of `Store.whole`."""
        return Whole.FIRST_SENSOR + 2 * self.n_sensors


@dataclass
class Change:
    """What one step changed, as it was before.

    Attributes:
        tally: the tracker's own running numbers.
        n_used: how many rows were in use.
        saved: (rows, real, whole) of each part of the step.
        born: rows that were free before it.
    """

    tally: dict[str, NDArray[Any]]
    n_used: int
    saved: list[tuple[Integers, Floats, Integers]] = field(default_factory=list)
    born: list[Integers] = field(default_factory=list)


class Store:
    """The tracks' rows.

    Attributes:
        real: (capacity, n_real) see `EXISTENCE` and `PROBABILITY`.
        whole: (capacity, n_whole) see `Whole`.
        near, bounds: (capacity, 11) and (7, capacity) see `Near` and `Bound`; they follow from the other two.
        sigmas: how many standard deviations the gate is wide for tracks of one plot, and for all others.
        tally: named small arrays that belong to no track; replaced, never written to.
        n_used: rows from here on have never been used; free ones before it are as empty as those.
        epoch_ns: what `Near.TIME_S` counts from.
    """

    def __init__(self, layout: Layout, *, sigmas: tuple[float, float]) -> None:
        self.layout = layout
        self.sigmas = sigmas
        self.real = np.zeros((0, layout.n_real))
        self.whole = np.full((0, layout.n_whole), FREE, np.int64)
        self.near, self.bounds = np.zeros((0, N_NEAR)), np.full((N_BOUNDS, 0), np.nan)
        self.tally: dict[str, NDArray[Any]] = {}
        self.n_used = 0
        self.epoch_ns = 0
        self.sizes, self.offsets = np.array(layout.sizes), layout.offsets
        self._stamp = np.zeros(0, np.int64)
        self._serial = 0
        self._change = Change({}, 0)

    def begin(self) -> None:
        """Begin a step: from here on `Change` gathers."""
        self._serial += 1
        self._change = Change(dict(self.tally), self.n_used)

    @property
    def change(self) -> Change:
        """What has changed since `begin`."""
        return self._change

    def save(self, rows: Integers) -> None:
        """Put rows (each once) aside before they are changed."""
        if len(rows):
            self._change.saved.append(_put_aside(rows, self._stamp, self._serial, self.real, self.whole))

    def take_back(self, change: Change) -> None:
        """Make everything as it was before a step; steps are taken back in reverse order."""
        for rows, real, whole in reversed(change.saved):
            self.real[rows], self.whole[rows] = real, whole
            self.refresh(rows)
        for rows in change.born:
            self.free(rows)
        self.n_used = change.n_used
        self.tally = dict(change.tally)

    def new_rows(self, n: int) -> Integers:
        """Return n free rows, the lowest first."""
        rows = np.empty(n, np.int64)
        found = _free_rows(self.bounds, self.n_used, rows)
        more = n - found
        if self.n_used + more > len(self.real):
            self._grow(max(64, 2 * (self.n_used + more)))
        rows[found:] = np.arange(self.n_used, self.n_used + more)
        self.n_used += more
        self._stamp[rows] = self._serial
        self._change.born.append(rows)
        return rows

    def free(self, rows: Integers) -> None:
        """Empty rows, which are put aside if they were not born in this step."""
        _free(rows, self.real, self.whole, self.near, self.bounds)

    def refresh(self, rows: Integers) -> float:
        """Bring `near` up to date in these rows and return the greatest standard deviation of a position there."""
        return _refresh(
            rows, self.real, self.whole, self.near, self.bounds, self.sizes, self.offsets, self.epoch_ns, *self.sigmas
        )

    def in_use(self) -> Integers:
        """Return the rows of living tracks."""
        return np.flatnonzero(self.whole[: self.n_used, Whole.STATUS] != FREE)

    def moments(self, rows: Integers) -> tuple[Floats, Floats]:
        """Return (n, 6) means and (n, 6, 6) covariances of rows, over all models."""
        mean, covariance = np.empty((len(rows), 6)), np.empty((len(rows), 6, 6))
        moments(rows, self.real, self.sizes, self.offsets, mean, covariance)
        return mean, covariance

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything, as arrays that later steps do not change."""
        n = self.n_used
        numbers = np.array([self.epoch_ns, self._serial], np.int64)
        return {"real": self.real[:n].copy(), "whole": self.whole[:n].copy(), "numbers": numbers, **self.tally}

    def state_before(self, changes: Sequence[Change]) -> dict[str, NDArray[Any]]:
        """Return what `state` was before steps, the last ones, oldest first: of each row what the first of them saved.

        That is what taking them back would leave, at the price of the rows instead of that of the steps.
        """
        if not changes:
            return self.state()
        n = changes[0].n_used
        numbers = np.array([self.epoch_ns, self._serial], np.int64)
        real, whole, is_found = self.real[:n].copy(), self.whole[:n].copy(), np.zeros(n, np.bool_)
        for change in changes:
            for rows in change.born:
                free = rows[rows < n]
                free = free[~is_found[free]]
                real[free], whole[free], is_found[free] = 0.0, FREE, True
            for rows, real_before, whole_before in change.saved:
                new = np.flatnonzero(rows < n)
                new = new[~is_found[rows[new]]]
                real[rows[new]], whole[rows[new]], is_found[rows[new]] = real_before[new], whole_before[new], True
        return {"real": real, "whole": whole, "numbers": numbers, **changes[0].tally}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Become what `state` returned."""
        rest = dict(state)
        real, whole, numbers = (rest.pop(name) for name in ("real", "whole", "numbers"))
        self.n_used = len(real)
        self.real, self.whole = real.astype(np.float64), whole.astype(np.int64)
        self.near, self._stamp = np.zeros((self.n_used, N_NEAR)), np.zeros(self.n_used, np.int64)
        self.bounds = np.full((N_BOUNDS, self.n_used), np.nan)
        self.epoch_ns, self._serial = (int(number) for number in numbers)
        self.tally = rest
        self.refresh(np.arange(self.n_used))

    def _grow(self, capacity: int) -> None:
        """Make room; what lies beyond `n_used` may be anything."""
        real, whole = np.zeros((capacity, self.layout.n_real)), np.zeros((capacity, self.layout.n_whole), np.int64)
        near, bounds = np.zeros((capacity, N_NEAR)), np.zeros((N_BOUNDS, capacity))
        stamp, n = np.zeros(capacity, np.int64), self.n_used
        real[:n], whole[:n], near[:n] = self.real[:n], self.whole[:n], self.near[:n]
        bounds[:, :n], stamp[:n] = self.bounds[:, :n], self._stamp[:n]
        self.real, self.whole, self.near, self.bounds, self._stamp = real, whole, near, bounds, stamp


def identity_of(codes: Integers, words: Integers) -> Identity:
    """Return who tracks say they are, of (n, 3) codes and the (n, 3) words of their call signs."""
    return Identity(icao_address=codes[:, 0], mode_3a=codes[:, 1], mmsi=codes[:, 2], call_sign=call_signs_of(words))


def silent(words: Integers, column: int) -> NDArray[np.bool_]:
    """Return whether values of an identity column say nothing."""
    return np.asarray(words == (0 if column >= Whole.CALL_SIGN else ABSENT))


@kernel
def _free_rows(bounds: Floats, n_used: int, rows: Integers) -> int:
    found, deadline_s = 0, bounds[Bound.DEADLINE_S]
    for i in range(n_used):
        if found == rows.shape[0]:
            break
        if math.isnan(deadline_s[i]):
            rows[found] = i
            found += 1
    return found


@kernel
def _free(rows: Integers, real: Floats, whole: Integers, near: Floats, bounds: Floats) -> None:
    for i in rows:
        real[i] = 0.0
        whole[i] = FREE
        near[i] = 0.0
        bounds[:, i] = math.nan


@kernel
def _put_aside(
    rows: Integers, stamp: Integers, serial: int, real: Floats, whole: Integers
) -> tuple[Integers, Floats, Integers]:
    """Return those rows that this step has not put aside yet, and copies of them."""
    new, n = np.empty(rows.shape[0], np.int64), 0
    for i in rows:
        if stamp[i] != serial:
            stamp[i] = serial
            new[n] = i
            n += 1
    real_before, whole_before = np.empty((n, real.shape[1])), np.empty((n, whole.shape[1]), np.int64)
    for at in range(n):
        i = new[at]
        for c in range(real.shape[1]):
            real_before[at, c] = real[i, c]
        for c in range(whole.shape[1]):
            whole_before[at, c] = whole[i, c]
    return new[:n].copy(), real_before, whole_before


@kernel
def _refresh(
    rows: Integers,
    real: Floats,
    whole: Integers,
    near: Floats,
    bounds: Floats,
    sizes: Integers,
    offsets: Integers,
    epoch_ns: int,
    sigmas_first: float,
    sigmas: float,
) -> float:
    greatest = 0.0
    one = sizes.shape[0] == 1
    for at in range(rows.shape[0]):
        i = rows[at]
        if whole[i, Whole.STATUS] < 0:
            near[i] = 0.0
            bounds[:, i] = math.nan
            continue
        for c in range(6):
            near[i, c] = 0.0
        for k in range(sizes.shape[0]):
            p = 1.0 if one else real[i, PROBABILITY + k]
            for c in range(6):
                near[i, c] += p * real[i, offsets[k] + c]
        position, velocity = 0.0, 0.0
        for k in range(sizes.shape[0]):
            p = 1.0 if one else real[i, PROBABILITY + k]
            at_model = offsets[k]
            position += p * _widest(real[i], at_model, sizes[k], 0)
            velocity += p * _widest(real[i], at_model, sizes[k], 3)
            for c in range(3):
                apart, faster = real[i, at_model + c] - near[i, c], real[i, at_model + 3 + c] - near[i, 3 + c]
                position += p * apart * apart
                velocity += p * faster * faster
        if whole[i, Whole.HITS] == 1:
            # A new track may be what is rare: its gate is as wide as the fastest of its models.
            for k in range(sizes.shape[0]):
                velocity = max(velocity, _widest(real[i], offsets[k], sizes[k], 3))
        near[i, Near.POSITION_SIGMA], near[i, Near.VELOCITY_SIGMA] = math.sqrt(position), math.sqrt(velocity)
        near[i, Near.TIME_S] = (whole[i, Whole.TIME] - epoch_ns) / NS_PER_S
        near[i, Near.SIGMAS] = sigmas_first if whole[i, Whole.HITS] == 1 else sigmas
        existence, is_firm = real[i, EXISTENCE], whole[i, Whole.STATUS] != TrackStatus.TENTATIVE
        near[i, Near.LOG_ODDS] = math.inf if is_firm else math.log(existence / (1.0 - existence))
        speed = 0.0
        for c in range(3):
            bounds[Bound.POSITION + c, i] = near[i, c]
            speed += near[i, Near.VELOCITY + c] * near[i, Near.VELOCITY + c]
        bounds[Bound.REACH, i] = near[i, Near.SIGMAS] * near[i, Near.POSITION_SIGMA]
        bounds[Bound.RATE, i] = near[i, Near.SIGMAS] * near[i, Near.VELOCITY_SIGMA] + math.sqrt(speed)
        bounds[Bound.TIME_S, i] = near[i, Near.TIME_S]
        bounds[Bound.DEADLINE_S, i] = (whole[i, Whole.DEADLINE] - epoch_ns) / NS_PER_S
        greatest = max(greatest, near[i, Near.POSITION_SIGMA])
    return greatest


@kernel
def _widest(row: Floats, offset: int, d: int, first: int) -> float:
    """Return a bound on the variance along any direction of three components of one model: no eigenvalue is larger.

    It is the least of three: the largest sum of a row's magnitudes (Gershgorin), the Frobenius norm, the trace.
    """
    trace, squares, largest = 0.0, 0.0, 0.0
    for a in range(3):
        total = 0.0
        for b in range(3):
            value = row[offset + d + (first + a) * d + first + b]
            total += abs(value)
            squares += value * value
        trace += row[offset + d + (first + a) * (d + 1)]
        largest = max(largest, total)
    return min(trace, largest, math.sqrt(squares))


@kernel
def moments(
    rows: Integers,
    real: Floats,
    sizes: Integers,
    offsets: Integers,
    mean: Floats,
    covariance: Floats,
) -> None:
    """Write (n, 6) means and (n, 6, 6) covariances of rows of `real`, over all models that are not negligible.

    A model that hardly ever holds and lies far off would be half the covariance of those that do.
    """
    if sizes.shape[0] == 1:
        own, d = offsets[0], sizes[0]
        for at in range(rows.shape[0]):
            i = rows[at]
            for a in range(6):
                mean[at, a] = real[i, own + a]
                for b in range(6):
                    covariance[at, a, b] = real[i, own + d + a * d + b]
        return
    share = np.empty(sizes.shape[0])
    for at in range(rows.shape[0]):
        row = real[rows[at]]
        mean[at] = 0.0
        covariance[at] = 0.0
        total = 0.0
        for k in range(sizes.shape[0]):
            share[k] = row[PROBABILITY + k] if row[PROBABILITY + k] >= NEGLIGIBLE else 0.0
            total += share[k]
        for k in range(sizes.shape[0]):
            p = share[k] / total
            for a in range(6):
                mean[at, a] += p * row[offsets[k] + a]
        for k in range(sizes.shape[0]):
            d, p = sizes[k], share[k] / total
            for a in range(6):
                apart = row[offsets[k] + a] - mean[at, a]
                for b in range(6):
                    covariance[at, a, b] += p * (
                        row[offsets[k] + d + a * d + b] + apart * (row[offsets[k] + b] - mean[at, b])
                    )
