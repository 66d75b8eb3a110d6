"""Global nearest neighbour: one plot a track by sparse assignment, M-of-N. The fast mode."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.assignment import match
from noroshi.estimation.blocks import Executor
from noroshi.geo.wgs84 import Floats
from noroshi.kernel import kernel
from noroshi.motion import Motion
from noroshi.records import TrackStatus
from noroshi.tracking.bank import Pairs
from noroshi.tracking.keeper import COASTING_LOOKS, Common, Keeper
from noroshi.tracking.life import missed_look, out_of_looks
from noroshi.tracking.store import Integers, Whole

TENTATIVE_PENALTY = 12.0  # in units of squared Mahalanobis distance: a firm track keeps its plot against a beginner
IDENTITY_BONUS = 50.0  # the same address outweighs any distance inside the gate
ALONE = 1e6  # leaving a plot and a track alone costs more than any pair inside the gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters(Common):
    """What may be set, beside what is common.

    Attributes:
        hits_to_confirm: plots that a tentative track needs to become firm (M) ...
        looks_to_confirm: ... out of so many looks of its sensors (N).
        misses_tentative: misses in a row, over all its sensors, after which a tentative track is dropped; one that has
            a single plot is dropped after one.
        misses_firm: the same for a firm track.
    """

    hits_to_confirm: int = 3
    looks_to_confirm: int = 6
    misses_tentative: int = 2
    misses_firm: int = 5

    def __post_init__(self) -> None:
        Common.__post_init__(self)
        if not 1 <= self.hits_to_confirm <= self.looks_to_confirm:
            raise ValueError("hits_to_confirm must be from 1 to looks_to_confirm")
        if min(self.misses_tentative, self.misses_firm) < 1:
            raise ValueError("misses_tentative and misses_firm must be at least 1")


class Tracker(Keeper):
    """See `noroshi.tracking.Tracker`."""

    HAS_EXISTENCE: ClassVar[bool] = False
    KEEPS_PRIOR: ClassVar[bool] = False

    def __init__(
        self,
        *,
        node: str,
        sensor_names: tuple[str, ...],
        motions: Sequence[Motion],
        parameters: Parameters | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.parameters = p = parameters or Parameters()
        super().__init__(node=node, sensor_names=sensor_names, motions=motions, common=p, executor=executor)

    def associate(self, pairs: Pairs, form: Floats, i_sensor: int) -> tuple[Floats, Floats, Floats]:
        """Give each plot to at most one track at the least total cost; what is left starts tracks."""
        weight, fresh, cost = np.zeros(len(pairs.row)), np.ones(len(form)), np.empty(len(pairs.row))
        _cost(pairs.row, pairs.agreement, pairs.total, pairs.is_inside, self.store.whole, cost)
        chosen = match(pairs.group, pairs.plot, cost, len(pairs.rows), len(form), ALONE)
        weight[chosen] = 1.0
        fresh[pairs.plot[chosen]] = 0.0
        return weight, np.ones(len(pairs.rows)), fresh

    def judge(self, rows: Integers) -> None:
        """Confirm by M plots; set the deadline by misses, and of tentative tracks by N looks."""
        p = self.parameters
        numbers = p.hits_to_confirm, p.looks_to_confirm, p.misses_tentative, p.misses_firm
        _judge(self.store.whole, rows, self.store.tally["period_ns"], *numbers)

    def overdue(self, rows: Integers, now_ns: int) -> NDArray[np.bool_]:
        """End them all."""
        return np.ones(len(rows), np.bool_)

    def after_look(self, i_sensor: int, seen: Integers, now_ns: int) -> None:
        """Do nothing: misses are counted when they are due."""

    def aged(self, rows: Integers, time_ns: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Return no existence, and as shown those that have not been missed too often by then."""
        return np.full(len(rows), np.nan), self.store.whole[rows, Whole.DEADLINE] > time_ns

    def is_coasting(self, rows: Integers, time_ns: int) -> NDArray[np.bool_]:
        """Return which tracks have missed two looks."""
        coasting = np.empty(len(rows), np.bool_)
        _coasting(self.store.whole, rows, self.store.tally["period_ns"], time_ns, COASTING_LOOKS, coasting)
        return coasting


@kernel
def _cost(
    row: Integers,
    agreement: Integers,
    log_likelihood: Floats,
    is_inside: NDArray[np.bool_],
    whole: Integers,
    cost: Floats,
) -> None:
    for e in range(row.shape[0]):
        cost[e] = -2.0 * log_likelihood[e] if is_inside[e] else np.inf
        if agreement[e] > 0:
            cost[e] -= IDENTITY_BONUS
        if whole[row[e], Whole.STATUS] == TrackStatus.TENTATIVE:
            cost[e] += TENTATIVE_PENALTY


@kernel
def _judge(
    whole: Integers,
    rows: Integers,
    period_ns: Integers,
    hits_to_confirm: int,
    looks_to_confirm: int,
    misses_tentative: int,
    misses_firm: int,
) -> None:
    for at in range(rows.shape[0]):
        track = whole[rows[at]]
        if track[Whole.HITS] >= hits_to_confirm:
            track[Whole.STATUS] = TrackStatus.FIRM
        if track[Whole.STATUS] >= TrackStatus.FIRM:
            track[Whole.DEADLINE], _ = missed_look(track, period_ns, misses_firm)
        else:
            missed, _ = missed_look(track, period_ns, misses_tentative if track[Whole.HITS] > 1 else 1)
            track[Whole.DEADLINE] = min(missed, out_of_looks(track, period_ns, looks_to_confirm))


@kernel
def _coasting(
    whole: Integers, rows: Integers, period_ns: Integers, time_ns: int, looks: int, coasting: NDArray[np.bool_]
) -> None:
    for at in range(rows.shape[0]):
        missed, _ = missed_look(whole[rows[at]], period_ns, looks)
        coasting[at] = missed <= time_ns
