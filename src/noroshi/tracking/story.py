"""Why a track is what it is: what a tracker did with it, step by step, and that as a story."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.estimation.gating import mahalanobis_squared
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, TrackStatus
from noroshi.tracking import Heard
from noroshi.tracking.identity import track_ids
from noroshi.tracking.keeper import Keeper
from noroshi.tracking.life import missed_look
from noroshi.tracking.store import (
    CALL_SIGN_COLUMNS,
    CODE_COLUMNS,
    EXISTENCE,
    FREE,
    PROBABILITY,
    Integers,
    Whole,
    identity_of,
)
from noroshi.tracking.twins import has_its_address, rivals

NAMED_MAX = 3  # tracks that one sentence names
NEAR_SIGMAS = 3.0  # another track this near to where a lost one was expected may be of its target


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A plot that may have been a track's.

    Attributes:
        plot: its place in its batch, from 0.
        time_ns: of the plot.
        distance_sigmas: Mahalanobis distance from where the track was expected; NaN for the plot that started it.
        probability: that it is the track's, if the track exists; 1 or 0 where association is hard.
        taker: the other track that took it or that it started.
        others: the other tracks inside whose gate it was.
        firm: those of them that were firm.
    """

    plot: int
    time_ns: int
    distance_sigmas: float
    probability: float
    taker: int | None
    others: tuple[int, ...]
    firm: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Glimpse:
    """What one step did with one track.

    Attributes:
        now_ns: latest plot of the batch.
        sensor: whose batch.
        n_plots: how many plots it had.
        is_born: whether the track began with it.
        candidates: plots inside the track's gate; of a track that began, its plot.
        own: the plot that it has more likely than not; -1 for none.
        whole: the track's row after the step (`store.Whole`).
        period_ns: of each sensor.
        existence: NaN where the tracker has none.
        models: probability of each motion model.
        heir_of: the track from which it went on.
        ends: whether this step ended it.
        merged_into: the older track of the same target, if it ended for that.
        is_same_address: whether the two carry one address; otherwise they could not be told apart.
        is_near: the track that is where a lost one was expected.
    """

    now_ns: int
    sensor: str
    n_plots: int
    is_born: bool
    candidates: tuple[Candidate, ...]
    own: int
    whole: Integers
    period_ns: Integers
    existence: float
    models: tuple[float, ...]
    heir_of: int | None
    ends: bool
    merged_into: int | None
    is_same_address: bool
    is_near: int | None


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened to a track.

    Attributes:
        time_ns: when.
        what: "start", "plot", "rival" (a plot of its gate went elsewhere), "miss", "firm", "model", "heir", "end",
            "open" (it still lives when the journal ends).
        sensor: whose plot or look it was; "" for none.
        text: the same in words.
        candidates: the plots inside its gate.
        own: which of them it took (its `plot`); -1 for none.
        others: the other tracks that have to do with it.
        existence: after it; NaN where the tracker has none.
        models: probability of each motion model after it.
    """

    time_ns: int
    what: str
    sensor: str
    text: str
    candidates: tuple[Candidate, ...] = ()
    own: int = -1
    others: tuple[int, ...] = ()
    existence: float = math.nan
    models: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Roster:
    """Every track that ever was, n of them, by number.

    Attributes:
        number: (n,) ascending.
        first_ns, last_ns: (n,) its first and last plot.
        is_firm: (n,) whether it ever was.
        identity: who it last said it was.
    """

    number: Integers
    first_ns: Integers
    last_ns: Integers
    is_firm: NDArray[np.bool_]
    identity: Identity


class Registry:
    """A listener that notes which tracks there are."""

    def __init__(self, tracker: Keeper) -> None:
        self._tracker = tracker
        self._steps: list[Integers] = []

    def step(self, heard: Heard) -> None:
        """Note the tracks that had a plot or began; see `noroshi.tracking.Listener`."""
        s = self._tracker.store
        born = track_ids(heard.plots, np.flatnonzero(heard.fresh))
        new = np.flatnonzero(np.isin(s.whole[: s.n_used, Whole.ID], born))
        rows = np.concatenate([heard.pairs.rows[heard.own_plot >= 0], new, heard.heirs])
        self._steps.append(s.whole[np.unique(rows)])

    def take_back(self) -> None:
        """Forget the last step."""
        self._steps.pop()

    def roster(self) -> Roster:
        """Return who there was."""
        every = np.concatenate([np.zeros((0, self._tracker.store.layout.n_whole), np.int64), *self._steps])
        every = every[every[:, Whole.STATUS] != FREE]
        number, at = np.unique(every[::-1, Whole.ID], return_index=True)
        last = every[::-1][at]
        return Roster(
            number=number,
            first_ns=last[:, Whole.BORN],
            last_ns=last[:, Whole.MEASURED],
            is_firm=last[:, Whole.STATUS] >= TrackStatus.FIRM,
            identity=identity_of(last[:, CODE_COLUMNS], np.ascontiguousarray(last[:, CALL_SIGN_COLUMNS])),
        )


class Witness:
    """A listener that watches one track.

    Args:
        tracker: who keeps it.
        number: of the track.
    """

    def __init__(self, tracker: Keeper, number: int) -> None:
        self._tracker = tracker
        self._number = number
        self._steps: list[Glimpse | None] = []

    def step(self, heard: Heard) -> None:
        """Note what was done with the track; see `noroshi.tracking.Listener`."""
        s, plots, pairs, own_plot = self._tracker.store, heard.plots, heard.pairs, heard.own_plot
        mine = (s.whole[: s.n_used, Whole.ID] == self._number) & (s.whole[: s.n_used, Whole.STATUS] != FREE)
        if not mine.any():
            self._steps.append(None)
            return
        row = int(np.flatnonzero(mine)[0])
        chosen = np.flatnonzero(heard.fresh)
        born = dict(zip(chosen.tolist(), track_ids(plots, chosen).tolist(), strict=True))
        begun = [plot for plot, number in born.items() if number == self._number]
        is_born = bool(begun) and int(s.whole[row, Whole.TIME]) == int(plots.time_ns[begun[0]])
        if is_born:
            found = [(begun[0], math.nan, 1.0)]
        else:
            pair = np.flatnonzero((pairs.row == row) & heard.pairs.is_inside)
            columns = pairs.plot[pair].tolist(), np.sqrt(pairs.distance[pair]).tolist(), heard.weight[pair].tolist()
            found = list(zip(*columns, strict=True))
        group, k = np.flatnonzero(pairs.rows == row), len(s.layout.sizes)
        is_twin, is_heir, now_ns = row in heard.twins, row in heard.heirs, heard.now_ns
        partner, is_same = self._partner(row, heard) if is_twin or is_heir else (None, False)
        self._steps.append(
            Glimpse(
                now_ns=now_ns,
                sensor=plots.sensor,
                n_plots=len(plots),
                is_born=is_born,
                candidates=tuple(self._candidate(heard, born, *each) for each in found),
                own=begun[0] if is_born else int(own_plot[group[0]]) if group.size else -1,
                whole=s.whole[row].copy(),
                period_ns=s.tally["period_ns"],
                existence=float(s.real[row, EXISTENCE]) if self._tracker.HAS_EXISTENCE else math.nan,
                models=tuple(s.real[row, PROBABILITY : PROBABILITY + k].tolist()),
                heir_of=partner if is_heir else None,
                ends=row in heard.lost,
                merged_into=partner if is_twin else None,
                is_same_address=is_same,
                is_near=self._near(row, heard.lost, now_ns) if row in heard.lost and not is_twin else None,
            )
        )

    def _candidate(
        self, heard: Heard, born: Mapping[int, int], plot: int, distance_sigmas: float, probability: float
    ) -> Candidate:
        """Return what is to be said of one plot in the track's gate."""
        s, pairs = self._tracker.store, heard.pairs
        owner = pairs.rows[heard.own_plot == plot]
        taker = int(s.whole[owner[0], Whole.ID]) if owner.size else born.get(plot, self._number)
        rows = pairs.row[(pairs.plot == plot) & heard.pairs.is_inside]
        rows = rows[s.whole[rows, Whole.ID] != self._number]
        firm = rows[s.whole[rows, Whole.STATUS] >= TrackStatus.FIRM]
        return Candidate(
            plot=plot,
            time_ns=int(heard.plots.time_ns[plot]),
            distance_sigmas=distance_sigmas,
            probability=probability,
            taker=taker if taker != self._number else None,
            others=tuple(s.whole[rows, Whole.ID].tolist()),
            firm=tuple(s.whole[firm, Whole.ID].tolist()),
        )

    def take_back(self) -> None:
        """Forget the last step."""
        self._steps.pop()

    def glimpses(self) -> list[Glimpse]:
        """Return the steps in which the track lived."""
        return [glimpse for glimpse in self._steps if glimpse is not None]

    def _partner(self, row: int, heard: Heard) -> tuple[int | None, bool]:
        """Return the track that a twin is of: one with its address (and whether that is so), else the nearest."""
        s, pairs = self._tracker.store, heard.pairs
        a, b, _ = rivals(pairs.rows, pairs.plot, pairs.group, heard.pairs.is_inside, heard.own_plot, s.whole)
        alive = np.setdiff1d(s.in_use(), row)
        others = np.unique(np.concatenate([b[a == row], a[b == row], alive[has_its_address(s.whole, alive, row)]]))
        if not others.size:
            return None, False
        same = has_its_address(s.whole, others, row)
        apart_m = np.linalg.norm(s.moments(others)[0][:, :3] - s.moments(np.array([row]))[0][0, :3], axis=1)
        best = np.lexsort((others, apart_m, ~same))[0]
        return int(s.whole[others[best], Whole.ID]), bool(same[best])

    def _near(self, row: int, lost: Integers, now_ns: int) -> int | None:
        """Return the living track that is nearest to where one that ends is expected, if it is near."""
        s = self._tracker.store
        others = np.setdiff1d(s.in_use(), lost)
        if not others.size:
            return None
        mean, covariance = self._tracker.bank.predict(s, np.append(others, row), now_ns)
        squared = mahalanobis_squared(mean[:-1, :3] - mean[-1, :3], (covariance[:-1] + covariance[-1])[:, :3, :3])
        nearest = int(np.argmin(squared))
        return int(s.whole[others[nearest], Whole.ID]) if squared[nearest] <= NEAR_SIGMAS**2 else None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a story's words need beside the glimpses.

    Attributes:
        sensors: names, in the tracker's order.
        models: names of its motion models.
        rules: its parameters.
        names: what each track is called.
    """

    sensors: tuple[str, ...]
    models: tuple[str, ...]
    rules: Mapping[str, Any]
    names: Mapping[int, str]

    def track(self, number: int) -> str:
        """Return what a track is called."""
        return f"track {self.names.get(number, number)}"


def tell(glimpses: Sequence[Glimpse], terms: Terms) -> list[Event]:
    """Return a track's story, in order, from all that was seen of it.

    Looks that its sensors took without seeing it are worked out as the tracker does it (`life.missed_look`).
    """
    events: list[Event] = []
    misses, is_firm, model = 0, False, -1
    for i, now in enumerate(glimpses):
        is_soft = not math.isnan(now.existence)
        has_plot = now.own >= 0
        by_ns = next((c.time_ns for c in now.candidates if c.plot == now.own), now.now_ns)
        happened: list[Event] = []
        if not has_plot and any(candidate.probability > 0.0 for candidate in now.candidates):
            misses += 1  # the tracker counts it so: more likely than not none of them was its own
        while i:
            when, whose = missed_look(glimpses[i - 1].whole, now.period_ns, misses + 1)
            counted = is_soft and not has_plot and misses < int(now.whole[Whole.MISSES])
            if whose < 0 or (int(when) > by_ns and not counted):
                break
            if is_soft and not counted and (not has_plot or _is_dark(glimpses[i - 1])):
                break  # looks that would not see it count for nothing
            misses += 1
            # One that is not due yet the tracker counted at once, for what this batch was: a look at everything.
            sensor = terms.sensors[whose] if int(when) <= by_ns else now.sensor
            text = f"{sensor} looked and did not see it: miss {misses}"
            happened.append(Event(time_ns=min(int(when), by_ns), what="miss", sensor=sensor, text=text))
        if now.candidates:
            happened.append(_association(now, by_ns, is_soft, terms))
        misses = 0 if has_plot else misses
        if not is_firm and int(now.whole[Whole.STATUS]) >= TrackStatus.FIRM:
            is_firm, hits = True, int(now.whole[Whole.HITS])
            why = f", existence {now.existence:.4f}" if is_soft else ""
            happened.append(Event(time_ns=by_ns, what="firm", sensor="", text=f"became firm with {hits} plots{why}"))
        if len(now.models) > 1 and int(np.argmax(now.models)) != model:
            if model >= 0:
                best = int(np.argmax(now.models))
                text = f"moves most likely by {terms.models[best]} now ({now.models[best]:.2f})"
                happened.append(Event(time_ns=by_ns, what="model", sensor="", text=text))
            model = int(np.argmax(now.models))
        if now.heir_of is not None:
            text = f"went on from where {terms.track(now.heir_of)} was, younger and of the same address"
            happened.append(Event(time_ns=now.now_ns, what="heir", sensor="", text=text, others=(now.heir_of,)))
        if now.ends:
            happened.append(_end(now, misses, is_firm, terms))
        state: dict[str, Any] = {"existence": now.existence, "models": now.models}
        events += [dataclasses.replace(event, **state) for event in happened]
    if glimpses and not glimpses[-1].ends:
        text = f"still {'firm' if is_firm else 'tentative'} when the journal ends, {misses} misses since its last plot"
        last: dict[str, Any] = {"existence": glimpses[-1].existence, "models": glimpses[-1].models}
        events.append(Event(time_ns=glimpses[-1].now_ns, what="open", sensor="", text=text, **last))
    return events


def _association(now: Glimpse, time_ns: int, is_soft: bool, terms: Terms) -> Event:
    """Return the event of a step in which the track had plots in its gate."""
    others = tuple(sorted({n for c in now.candidates for n in (*c.others, *([c.taker] if c.taker else []))}))
    told: dict[str, Any] = {
        "sensor": now.sensor,
        "candidates": now.candidates,
        "own": now.own,
        "others": others,
        "time_ns": time_ns,
    }
    alternatives = "; ".join(_rest(c, is_soft, terms) for c in now.candidates if c.plot != now.own)
    if now.is_born:
        (plot,) = now.candidates
        rest = f"{now.n_plots - 1} other {'plot' if now.n_plots == 2 else 'plots'} in the batch"
        hits = int(now.whole[Whole.HITS])
        by = f"{hits} lines of several sensors that meet, the last of them " if hits > 1 else ""
        text = f"started by {by}plot {plot.plot} of {now.sensor}, {rest}"
        if plot.others:
            text += f"; it was also in the gate of {_list(plot, terms)}"
        return Event(what="start", text=text, **told)
    if now.own < 0:
        most = max(now.candidates, key=lambda c: c.probability)
        if most.probability > 0.0:
            return Event(what="rival", text=f"no plot was more likely its own than not: {alternatives}", **told)
        return Event(what="rival", text=f"got no plot: {alternatives}", **told)
    own = next(c for c in now.candidates if c.plot == now.own)
    text = f"took plot {own.plot} of {now.sensor}, {own.distance_sigmas:.1f} sigma off"
    text += f", probability {own.probability:.3f}" if is_soft else ""
    if own.others:
        text += f"; {_list(own, terms)} could have had it"
    return Event(what="plot", text=f"{text}; also in its gate: {alternatives}" if alternatives else text, **told)


def _rest(candidate: Candidate, is_soft: bool, terms: Terms) -> str:
    """Return what became of a plot that the track did not take."""
    text = f"plot {candidate.plot} at {candidate.distance_sigmas:.1f} sigma"
    text += f", probability {candidate.probability:.3f}" if is_soft else ""
    if candidate.taker is None:
        return f"{text} (nobody's)"
    verb = "taken by" if candidate.taker in candidate.others else "started"
    return f"{text} ({verb} {terms.track(candidate.taker)})"


def _list(candidate: Candidate, terms: Terms) -> str:
    """Return the other tracks that could have had a plot: firm ones by name, the others by number."""
    named = [terms.track(number) for number in candidate.firm[:NAMED_MAX]]
    rest = len(candidate.others) - len(named)
    what = "more" if named and len(candidate.firm) > NAMED_MAX else "tentative"
    named += [f"{rest} {what} {'track' if rest == 1 else 'tracks'}"] if rest else []
    return " and ".join(named)


def _is_dark(glimpse: Glimpse) -> bool:
    """Return whether looks that are known have carried a track on beyond its last plot."""
    return bool(glimpse.whole[Whole.TIME] > glimpse.whole[Whole.MEASURED])


def _end(now: Glimpse, misses: int, is_firm: bool, terms: Terms) -> Event:
    """Return the event of the step that ended a track, with the rule that did."""
    hits, rules = int(now.whole[Whole.HITS]), terms.rules
    if now.merged_into is not None:
        text = f"merged into {terms.track(now.merged_into)}, which is older and "
        text += "has the same address" if now.is_same_address else "cannot be told from it (duplicate_probability)"
        return Event(time_ns=now.now_ns, what="end", sensor="", text=text, others=(now.merged_into,))
    if not math.isnan(now.existence):
        fell, rule = "fell to", f"existence_lost = {rules.get('existence_lost')}"
        if not is_firm:
            fell, rule = "was only", "share_dropped, or existence_by_then when plots_due more plots were due"
        why = f"its existence {fell} {now.existence:.4f} after {misses} misses ({rule})"
        if is_firm and now.existence > rules.get("existence_lost", math.inf):
            why = f"unseen for {(now.now_ns - int(now.whole[Whole.MEASURED])) / NS_PER_S:.0f} s, it must have come down"
            why += f" or outlived what a target does (life_s = {rules.get('life_s')})"
    elif is_firm:
        why = f"{misses} looks in a row missed (misses_firm = {rules.get('misses_firm')})"
    elif hits == 1:
        why = "its first plot was not followed by another in the next look"
    elif misses >= rules.get("misses_tentative", math.inf):
        why = f"{misses} looks in a row missed before it was firm (misses_tentative = {rules['misses_tentative']})"
    else:
        why = f"only {hits} plots in {rules.get('looks_to_confirm')} looks (looks_to_confirm)"
    text = f"{'lost' if is_firm else 'dropped'}: {why}"
    if now.is_near is not None:
        text += f"; {terms.track(now.is_near)} is where it was expected"
    near = () if now.is_near is None else (now.is_near,)
    return Event(time_ns=now.now_ns, what="end", sensor="", text=text, others=near)
