"""Launches noticed: hot lines of one satellite that no track explains and that go on as something that rises does.

One satellite tells no range, so where it rises is not known; that it rises is. Free lines of a satellite are kept for
some looks and chained. Each chain is weighed under four accounts of it: all its lines are false; something hot that
hardly moves (a fire, a flare, a ship); something fast without thrust (a glider, what comes back, a spent stage); a
boost. Under the last three the target begins where the first line passes one of several heights, with a velocity, an
acceleration and a jerk that are normal about what is typical of that height; a chain's evidence is the exact normal
density of its later lines, summed over the heights. A notice begins when a boost is far likelier than all else, goes on
with each line that continues it, is joined by lines of other satellites that meet it, and says which track has it once
a firm track passes through its line.

What is typical of a boost was taken from 160 drawn flights of `exercise.movers` (ranges of 300 to 6,000 km, lofted
ones, gliders), with twice their spread, before any real launch was flown.

Sources: Bar-Shalom, Li and Kirubarajan (2001), Estimation with Applications to Tracking and Navigation, section 1.4.4
(evidence of normal measurements); Blackman and Popoli (1999), Design and Analysis of Modern Tracking Systems, section
6.2 (track score against false alarms and new targets).
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeGuard

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp, ndtr

from noroshi.estimation.gating import chi_square_gate, mahalanobis_squared
from noroshi.geo.sight import scale_m
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import (
    MEAN_RADIUS_M,
    Floats,
    ecef_from_geodetic,
    geodetic_from_ecef,
)
from noroshi.kernel import kernel
from noroshi.records import Detections, Kind, Launches, Tracks, TrackStatus, concatenate, take
from noroshi.records.identity import ABSENT
from noroshi.tracking.identity import track_ids
from noroshi.tracking.kinds import DEFLECTION_RAD, ESCAPE_M_S, perigee_m
from noroshi.tracking.sightlines import SPAN_SR, Sighted
from noroshi.tracking.store import NEVER, Integers, Store, Whole

PROBABILITY = 0.9
"""From which on a chain of lines is a notice."""

LINES_TO_NOTICE, LINES_MAX_OF_CHAIN = 3, 4
LOOKS_BETWEEN, EARLY = 2.5, 0.5  # of a period: the longest and shortest time between two lines of a chain
LINES_MAX, CHAINS_EACH, CHAINS_MAX = 400, 6, 60  # of lines, of chains of a new line and of a look
COARSE_M = np.array([5e3, 60e3, 350e3])  # heights at which lines are compared first
COARSE_SLACK_M = 60_000.0  # what lies between them
FASTEST_M_S = 8_000.0
CENTRE_M = 6.3e6  # nothing is nearer to the Earth's centre
FALSE_A_LOOK, FALSE_A_LOOK_MIN, LOOKS_REMEMBERED = 1.0, 0.05, 20.0
NEW_A_LOOK = {"boost": 1e-5, "slow": 1e-3, "fast": 1e-6}  # how many of each turn up in a satellite's look
FORGET_S = 60.0  # a notice that got no line for so long is over
MEETING_SPEED_M_S, MEETING_SLACK_M, MEETING_HEIGHTS_M = 3_000.0, 500.0, (0.0, 500_000.0)
UNFORESEEN_M_S2 = 50.0  # acceleration that a track's state leaves out
ACROSS_MAX_M = 20_000.0  # a track whose place is less sure explains no line
GATE = float(chi_square_gate(0.9999, 2))
CLIMB_MIN_M_S = 250.0  # nothing but a rocket climbs so fast for long

# Each account by the height [m] where the first line has the target: log of its share; half of what is between two
# heights [m]; mean and sigma of the climb, sigma of level speed along each axis [m/s]; mean and sigma of the
# acceleration upwards, sigma of it level along each axis [m/s2]; sigma of the jerk [m/s3].
BOOST = np.array([
    [8e3, 0.25, 2e3, 400.0, 100.0, 140.0, 8.0, 8.0, 10.0, 1.0],
    [12e3, 0.25, 3e3, 470.0, 140.0, 240.0, 9.0, 12.0, 14.0, 1.5],
    [20e3, 0.15, 5e3, 630.0, 320.0, 520.0, 16.0, 22.0, 20.0, 2.0],
    [35e3, 0.10, 9e3, 1020.0, 520.0, 960.0, 29.0, 36.0, 30.0, 2.5],
    [60e3, 0.10, 15e3, 1630.0, 580.0, 940.0, 41.0, 44.0, 28.0, 2.5],
    [100e3, 0.10, 25e3, 2350.0, 600.0, 1080.0, 49.0, 40.0, 26.0, 2.5],
    [160e3, 0.05, 40e3, 3400.0, 700.0, 1130.0, 68.0, 44.0, 24.0, 2.5],
])  # fmt: skip
SLOW = np.array([  # the last is an aircraft whose engines burn: rare, and hardly hot enough
    [2e3, 0.9, 2e3, 0.0, 5.0, 15.0, 0.0, 0.3, 0.3, 0.02],
    [8e3, 0.099, 4e3, 0.0, 5.0, 15.0, 0.0, 0.3, 0.3, 0.02],
    [10e3, 0.001, 4e3, 0.0, 20.0, 250.0, 0.0, 3.0, 5.0, 0.5],
])  # fmt: skip
FAST = np.array([
    [25e3, 0.2, 8e3, 0.0, 500.0, 2000.0, -5.0, 15.0, 15.0, 1.0],
    [45e3, 0.3, 10e3, 0.0, 500.0, 3000.0, -5.0, 10.0, 10.0, 1.0],
    [80e3, 0.2, 20e3, 0.0, 1000.0, 3000.0, -7.0, 4.0, 4.0, 0.5],
    [160e3, 0.15, 50e3, 0.0, 1500.0, 3000.0, -7.0, 2.0, 2.0, 0.1],
    [350e3, 0.15, 100e3, 0.0, 2000.0, 3000.0, -7.0, 2.0, 2.0, 0.1],
])  # fmt: skip
ACCOUNTS = {"boost": BOOST, "slow": SLOW, "fast": FAST}
_TYPICAL = np.concatenate(list(ACCOUNTS.values()))
_ACCOUNT = np.repeat(np.arange(len(ACCOUNTS)), [len(each) for each in ACCOUNTS.values()])
_LOG_NEW = np.log(list(NEW_A_LOOK.values()))

# Columns of a kept line.
ORIGIN, DIRECTION, ROWS, COST, MISS, PERIOD_S, FIRST = 0, 3, 6, 12, 13, 14, 15
N_LINE = 16


@dataclass(frozen=True)
class Watched:
    """What is kept from step to step: m free lines and k notices, one a launch and satellite. Never written to.

    Attributes:
        line_ns, line_sensor, line_id: (m,) when, whose, and a hash of it.
        line: (m, 16) origin; direction; two rows across it, white; log of the density of false lines over that of a
            found target's; log of a look's chance to miss; period [s]; minus the log of false lines a look.
        launch_id, track_id, first_ns, time_ns, step_ns, sensor: (k,) of the notices: number, the track that has it or
            0, time of the first and of the newest line, of the step that changed it last, whose lines they are.
        probability: (k,) that it is a launch, the greatest that its lines have given.
        newest: (k, 16) its newest line.
        false_lines, looked_ns: (sensors,) free lines a look; time of the last look with any line.
    """

    line_ns: Integers
    line_sensor: Integers
    line_id: Integers
    line: Floats
    launch_id: Integers
    track_id: Integers
    first_ns: Integers
    time_ns: Integers
    step_ns: Integers
    sensor: Integers
    probability: Floats
    newest: Floats
    false_lines: Floats
    looked_ns: Integers

    @classmethod
    def nothing(cls, n_sensors: int) -> "Watched":
        """Return what is there before the first line."""
        none, lines = np.zeros(0, np.int64), np.zeros((0, N_LINE))
        rates, looked = np.full(n_sensors, FALSE_A_LOOK), np.full(n_sensors, NEVER)
        return cls(none, none, none, lines, none, none, none, none, none, none, np.zeros(0), lines, rates, looked)

    def replace(self, **changes: NDArray[np.int64] | Floats) -> "Watched":
        """Return it with other columns."""
        return Watched(**{**self.__dict__, **changes})


KEY = "launch_"
NOTICE = ("launch_id", "track_id", "first_ns", "time_ns", "step_ns", "sensor", "probability", "newest")


class Watching(Protocol):
    """A tracker that keeps what it notices in a store."""

    store: Store


def is_watching(tracker: object) -> TypeGuard[Watching]:
    """Return whether a tracker can tell of launches."""
    return isinstance(getattr(tracker, "store", None), Store)


def noticed(tracker: object, node: str, since_ns: int) -> Launches:
    """Return the launches that a tracker has noticed, or knows more of, by steps since a time; a row each."""
    kept = _kept(tracker.store) if is_watching(tracker) else None
    if kept is None or not len(kept.launch_id):
        return empty_launches(node)
    numbers = np.unique(kept.launch_id[kept.step_ns >= since_ns])
    rows = np.array([_newest_of(kept, number) for number in numbers.tolist()], np.int64)
    own = [kept.launch_id == number for number in numbers.tolist()]
    return Launches(
        node=node,
        launch_id=numbers.astype(np.uint64),
        track_id=np.array([kept.track_id[each].max() for each in own], np.uint64),
        time_ns=kept.time_ns[rows],
        first_ns=np.array([kept.first_ns[each].min() for each in own], np.int64),
        probability=np.array([kept.probability[each].max() for each in own], np.float64),
        origin_ecef_m=kept.newest[rows, ORIGIN:DIRECTION],
        direction_ecef=kept.newest[rows, DIRECTION:ROWS],
    )


def rising(tracks: Tracks) -> Launches:
    """Return a notice for each firm track that climbs as nothing but a rocket does and is not in orbit.

    The probability is that of climbing faster than `CLIMB_MIN_M_S`, as far as the track knows, and of coming down
    again; what more likely glides than not may pull up so, and what seems to leave the Earth is no flight. The line
    goes up from the ground below the track.
    """
    some = _climbers(np.ascontiguousarray(tracks.state_ecef))
    if not some.size:
        return empty_launches(tracks.node)
    tracks = take(tracks, some)
    place, velocity = tracks.state_ecef[:, :3], tracks.state_ecef[:, 3:]
    lat_rad, lon_rad, height_m = geodetic_from_ecef(place)
    ground = ecef_from_geodetic(lat_rad, lon_rad, 0.0)
    up = (place - ground) / np.maximum(np.abs(height_m), 1.0)[:, None] * np.sign(height_m)[:, None]
    spread = np.einsum("ni,nij,nj->n", up, tracks.covariance_ecef[:, 3:, 3:], up)
    chance = ndtr((np.vecdot(up, velocity) - CLIMB_MIN_M_S) / np.sqrt(np.maximum(spread, 1e-6)))
    chance *= 1.0 - tracks.kind_probability[:, Kind.SPACE]
    firm = (tracks.status == TrackStatus.FIRM) | (tracks.status == TrackStatus.COASTING)
    firm &= (tracks.identity.icao_address == ABSENT) & (tracks.kind_probability[:, Kind.GLIDING] < 0.5)
    firm &= np.linalg.norm(velocity, axis=1) < ESCAPE_M_S
    some = np.flatnonzero(firm & (chance >= PROBABILITY) & (perigee_m(tracks.state_ecef) < MEAN_RADIUS_M))
    found = Launches(
        node=tracks.node,
        launch_id=tracks.track_id,
        track_id=tracks.track_id,
        time_ns=tracks.updated_ns,
        first_ns=tracks.updated_ns,
        probability=chance,
        origin_ecef_m=ground,
        direction_ecef=up,
    )
    return take(found, some)


@kernel
def _climbers(states: Floats) -> Integers:
    """Return which states may climb so fast, and few others: a quick look at all, from the Earth's centre."""
    found, n = np.empty(states.shape[0], np.int64), 0
    for i in range(states.shape[0]):
        rise = states[i, 0] * states[i, 3] + states[i, 1] * states[i, 4] + states[i, 2] * states[i, 5]
        if rise > CENTRE_M * (CLIMB_MIN_M_S - DEFLECTION_RAD * 12e3):
            found[n] = i
            n += 1
    return found[:n]


def together(node: str, *parts: Launches) -> Launches:
    """Return the rows of some batches; of a track that a notice names already there is no second row."""
    some = [part for part in parts if len(part)]
    if not some:
        return empty_launches(node)
    joined = concatenate(some)
    named = joined.track_id[joined.launch_id != joined.track_id]
    return take(joined, ~((joined.launch_id == joined.track_id) & np.isin(joined.track_id, named)))


@cache
def empty_launches(node: str) -> Launches:
    """Return no notice."""
    none, vectors = np.zeros(0), np.zeros((0, 3))
    numbers, times = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    return Launches(
        node=node, launch_id=numbers, track_id=numbers, time_ns=times, first_ns=times, probability=none,
        origin_ecef_m=vectors, direction_ecef=vectors,
    )  # fmt: skip


def watch(store: Store, plots: Detections, sensor: Sighted, claimed: Floats, i_sensor: int) -> None:
    """Use one batch of lines; what is noticed is in the store's tally, for `noticed`.

    Args:
        store: the tracks, this batch's among them.
        plots: (n,) a batch of good plots.
        sensor: who gave it.
        claimed: (n,) probability that a track has the plot.
        i_sensor: which sensor it is.
    """
    n_sensors = len(store.tally["period_ns"])
    kept = _kept(store) or Watched.nothing(n_sensors)
    now_ns = int(plots.time_ns.max())
    kept, n_new = _with_lines(kept, plots, sensor, np.flatnonzero(claimed < 0.5), i_sensor, store.tally["period_ns"])
    if n_new:
        kept = _continued(kept, _chains(kept, n_new), now_ns)
    if len(kept.launch_id):
        kept = _explained(store, kept, now_ns)
        live = now_ns - kept.time_ns <= FORGET_S * NS_PER_S
        kept = kept.replace(**{name: getattr(kept, name)[live] for name in NOTICE})
    store.tally |= {KEY + name: value for name, value in kept.__dict__.items()}


def _kept(store: Store) -> Watched | None:
    if f"{KEY}line" not in store.tally:
        return None
    return Watched(**{name: store.tally[KEY + name] for name in Watched.__dataclass_fields__})


def _newest_of(kept: Watched, number: int) -> int:
    own = np.flatnonzero(kept.launch_id == number)
    return int(own[np.lexsort((own, kept.time_ns[own]))[-1]])


def _with_lines(
    kept: Watched, plots: Detections, sensor: Sighted, free: Integers, i_sensor: int, period_ns: Integers
) -> tuple[Watched, int]:
    """Return what is kept with the free lines of a batch last, without those that are too old; and how many are new."""
    parameters: dict[str, float] = sensor.parameters  # type: ignore[attr-defined]
    period, now_ns = int(period_ns[i_sensor]), int(plots.time_ns.max())
    rates, looked = kept.false_lines.copy(), kept.looked_ns.copy()
    looks = 1.0 if looked[i_sensor] == NEVER else max(now_ns - int(looked[i_sensor]), 0) / period
    rate = max(float(rates[i_sensor]), FALSE_A_LOOK_MIN)
    fading = 1.0 - math.exp(-looks / LOOKS_REMEMBERED)
    rates[i_sensor] += fading * (len(free) / max(looks, 1.0) - rates[i_sensor])
    looked[i_sensor] = max(now_ns, int(looked[i_sensor]))
    free = free[: LINES_MAX // 4]
    origin = plots.origin_ecef_m[free]
    direction, across, log_noise, _ = sensor.sight(plots.values[free], plots.covariances[free], origin, (0.0, 1e6))
    found = min(max(parameters["detection_probability"], 0.01), 0.99)
    line = np.empty((len(free), N_LINE))
    line[:, ORIGIN:DIRECTION], line[:, DIRECTION:ROWS], line[:, ROWS:COST] = origin, direction, across.reshape(-1, 6)
    line[:, COST] = math.log(2.0 * math.pi * rate / SPAN_SR / found) + 0.5 * log_noise
    line[:, MISS], line[:, PERIOD_S], line[:, FIRST] = math.log(1.0 - found), period / NS_PER_S, -math.log(rate)
    oldest_s = LOOKS_BETWEEN * (LINES_MAX_OF_CHAIN - 1) * kept.line[:, PERIOD_S]
    wanted = np.flatnonzero(now_ns - kept.line_ns <= oldest_s * NS_PER_S)[-LINES_MAX:]
    return kept.replace(
        line_ns=np.concatenate([kept.line_ns[wanted], plots.time_ns[free]]),
        line_sensor=np.concatenate([kept.line_sensor[wanted], np.full(len(free), i_sensor)]),
        line_id=np.concatenate([kept.line_id[wanted], track_ids(plots, free)]),
        line=np.concatenate([kept.line[wanted], line]),
        false_lines=rates,
        looked_ns=looked,
    ), len(free)


# Chains.


@dataclass(frozen=True)
class Chain:
    """Lines of one satellite, oldest first, that one hot thing may be on.

    Attributes:
        lines: which of the kept lines.
        score: log of how many times likelier they are of one than false.
        boost: probability that they are of a boost, all accounts weighed.
    """

    lines: tuple[int, ...]
    score: float
    boost: float


def _chains(kept: Watched, n_new: int) -> list[Chain]:
    """Return the chains of two lines or more that end in a new line, likeliest first."""
    n = len(kept.line)
    chains = np.arange(n - n_new, n)[:, None]
    found: list[Chain] = []
    for _ in range(LINES_MAX_OF_CHAIN - 1):
        chains = _longer(kept, chains)
        if not len(chains):
            break
        evidence = _evidence(kept.line[chains], kept.line_ns[chains])
        weighed = evidence + _LOG_NEW + kept.line[chains[:, 0], FIRST, None]
        score = logsumexp(weighed, axis=1)
        boost = np.exp(weighed[:, 0] - np.logaddexp(score, 0.0))
        good = np.flatnonzero(evidence.max(axis=1) > 0.0)
        good = good[np.argsort(-score[good], kind="stable")][: min(CHAINS_EACH * n_new, CHAINS_MAX)]
        chains = chains[good]
        rows = zip(chains.tolist(), score[good].tolist(), boost[good].tolist(), strict=True)
        found += [Chain(tuple(lines), each, chance) for lines, each, chance in rows]
    return sorted(found, key=lambda chain: (-chain.score, chain.lines))


def _longer(kept: Watched, chains: Integers) -> Integers:
    """Return (c, n + 1) chains that an earlier line of the same satellite may begin, of (c, n)."""
    first = chains[:, 0]
    apart_s = (kept.line_ns[first, None] - kept.line_ns) / NS_PER_S
    period_s = kept.line[first, None, PERIOD_S]
    near = (apart_s >= EARLY * period_s) & (apart_s <= LOOKS_BETWEEN * period_s)
    near &= kept.line_sensor[first, None] == kept.line_sensor
    i, before = np.nonzero(near)
    here, there = kept.line[first[i]], kept.line[before]
    place, slant, is_there = _places(there, COARSE_M)
    offset = place - here[:, None, ORIGIN:DIRECTION]
    along = np.vecdot(offset, here[:, None, DIRECTION:ROWS])
    aside = np.sqrt(np.maximum(np.vecdot(offset, offset) - along**2, 0.0))
    slack = (
        FASTEST_M_S * apart_s[i, before, None] + math.sqrt(GATE) * slant * _sigma_rad(here)[:, None] + COARSE_SLACK_M
    )
    close = np.flatnonzero((is_there & (along > 0.0) & (aside <= slack)).any(axis=1))
    return np.column_stack([before[close], chains[i[close]]])


def _evidence(line: Floats, time_ns: Integers) -> Floats:
    """Return (c, 3) logs of how many times likelier chains' later lines are under each account than if all are false.

    Args:
        line: (c, n, 16) chains of n lines, oldest first.
        time_ns: (c, n) of them.
    """
    c, n = time_ns.shape
    first, later = line[:, 0], line[:, 1:]
    t = (time_ns[:, 1:] - time_ns[:, :1]) / NS_PER_S
    place, slant, is_there = _places(
        first, _TYPICAL[:, 0]
    )  # by height twice: where the line comes in, and where it goes out
    typical, account = np.tile(_TYPICAL, (2, 1)), np.tile(_ACCOUNT, 2)
    up = place / np.linalg.norm(place, axis=-1, keepdims=True)
    _, share, cell_m, climb, climb_sigma, level_sigma, lift, lift_sigma, push_sigma, jerk_sigma = typical.T
    ahead = climb[:, None] * t[:, None] + 0.5 * lift[:, None] * t[:, None] ** 2  # (c, m, n - 1)
    offset = (place[:, :, None] + ahead[..., None] * up[:, :, None]) - later[:, None, :, ORIGIN:DIRECTION]
    distance = np.linalg.norm(offset, axis=-1, keepdims=True)
    unit = offset / distance
    rows = later[:, None, :, ROWS:COST].reshape(c, 1, n - 1, 2, 3)
    seen = np.matvec(rows, unit)
    slope = (rows - seen[..., None] * unit[..., None, :]) / distance[..., None]
    # What is not known, as covariances of the place: along the first line, across it, velocity and what changes it.
    eye, upright = np.eye(3), up[..., :, None] * up[..., None, :]
    own = first[:, ROWS:COST].reshape(c, 2, 3)
    across = own.swapaxes(1, 2) @ np.linalg.inv(own @ own.swapaxes(1, 2))
    across = (across @ across.swapaxes(1, 2))[:, None] * (slant**2)[..., None, None]
    direction = first[:, None, DIRECTION:ROWS]
    steep = np.maximum(np.abs(np.vecdot(direction, up)), 0.1)
    along = (cell_m / steep)[..., None, None] ** 2 * (direction[..., :, None] * direction[..., None, :])

    def spread(vertical: Floats, level: Floats) -> Floats:
        both: Floats = (vertical**2 - level**2)[:, None, None] * upright + (level**2)[:, None, None] * eye
        return both

    parts = (
        (np.ones_like(t), across + along),
        (t, spread(climb_sigma, level_sigma)),
        (t**2 / 2.0, spread(lift_sigma, push_sigma)),
        (t**3 / 6.0, spread(jerk_sigma, jerk_sigma)),
    )
    d = 2 * (n - 1)
    S = np.broadcast_to(np.eye(d), (c, len(account), d, d)).copy()
    for weight, covariance in parts:
        rooted = (weight[:, None, :, None, None] * slope).reshape(c, len(account), d, 3)
        S += rooted @ covariance @ rooted.swapaxes(-1, -2)
    residual = seen.reshape(c, len(account), d)
    squared = np.vecdot(residual, np.linalg.solve(S, residual[..., None])[..., 0])
    log_likelihood = np.where(is_there, -0.5 * (squared + np.linalg.slogdet(S)[1]) + np.log(share), -np.inf)
    missed = np.maximum(np.round(t[:, -1] / first[:, PERIOD_S]) - (n - 1), 0.0)
    known = missed * first[:, MISS] - later[:, :, COST].sum(axis=1)
    every = [logsumexp(log_likelihood[:, account == each], axis=1) for each in range(len(ACCOUNTS))]
    evidence: Floats = np.stack(every, axis=1) + known[:, None]
    return evidence


def _places(line: Floats, heights_m: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return (c, 2 m, 3) where lines pass some heights, coming in and then going out, how far, and if they do.

    A line that meets the ground does not go out. Where a line does not pass, the place means nothing.
    """
    scale = np.stack([scale_m(height) for height in [0.0, *heights_m.tolist()]])
    start, way = line[:, None, ORIGIN:DIRECTION] / scale, line[:, None, DIRECTION:ROWS] / scale
    a, b, c = np.vecdot(way, way), np.vecdot(start, way), np.vecdot(start, start) - 1.0
    square = b**2 - a * c
    root = np.sqrt(np.where(square > 0.0, square, np.nan))
    near, far = (-b - root) / a, (-b + root) / a
    grounded = np.isfinite(near[:, :1]) & (near[:, :1] > 0.0)
    slant = np.concatenate([near[:, 1:], np.where(grounded, np.nan, far[:, 1:])], axis=1)
    is_there = np.isfinite(slant) & (slant > 0.0)
    slant = np.where(is_there, slant, 1e6)
    return line[:, None, ORIGIN:DIRECTION] + slant[..., None] * line[:, None, DIRECTION:ROWS], slant, is_there


# Notices.


def _continued(kept: Watched, chains: list[Chain], now_ns: int) -> Watched:
    """Return what is kept after chains have gone on with notices or begun them.

    No line is used twice, so lines of what hardly moves, or is fast without thrust, are of no launch.
    """
    used: set[int] = set()
    for chain in chains:
        if used.intersection(chain.lines):
            continue
        row, is_long = _own_notice(kept, chain), len(chain.lines) >= LINES_TO_NOTICE
        if row < 0:
            if is_long:
                used.update(chain.lines)
            if not is_long or chain.boost < PROBABILITY:
                continue
            kept, row = _begun(kept, chain), len(kept.launch_id)
        used.update(chain.lines)
        last = chain.lines[-1]
        changes = {name: getattr(kept, name).copy() for name in ("time_ns", "step_ns", "probability", "newest")}
        changes["time_ns"][row], changes["step_ns"][row] = kept.line_ns[last], now_ns
        changes["newest"][row] = kept.line[last]
        if is_long:
            changes["probability"][row] = max(changes["probability"][row], chain.boost)
        kept = kept.replace(**changes)
    return kept


def _begun(kept: Watched, chain: Chain) -> Watched:
    """Return what is kept with a notice more, of the launch that another satellite's notice is of if it meets it."""
    first, last = chain.lines[0], chain.lines[-1]
    met = next((row for row in range(len(kept.launch_id)) if _meets(kept, last, row)), -1)
    row = {
        "launch_id": kept.line_id[first] if met < 0 else kept.launch_id[met],
        "track_id": 0 if met < 0 else kept.track_id[met],
        "first_ns": kept.line_ns[first],
        "time_ns": 0,
        "step_ns": 0,
        "sensor": kept.line_sensor[last],
        "probability": 0.0,
    }
    changes = {name: np.append(getattr(kept, name), value) for name, value in row.items()}
    return kept.replace(**changes, newest=np.concatenate([kept.newest, kept.line[last : last + 1]]))


def _own_notice(kept: Watched, chain: Chain) -> int:
    """Return the notice whose newest line is in a chain before its last, or -1."""
    before = np.array(chain.lines[:-1])
    same = (kept.sensor[:, None] == kept.line_sensor[before]) & (kept.time_ns[:, None] == kept.line_ns[before])
    same &= (kept.newest[:, None, DIRECTION:ROWS] == kept.line[before, DIRECTION:ROWS]).all(axis=2)
    rows = np.flatnonzero(same.any(axis=1))
    return int(rows[0]) if rows.size else -1


def _meets(kept: Watched, last: int, row: int) -> bool:
    """Return whether a line may be of the same launch as the notice of another satellite."""
    if kept.sensor[row] == kept.line_sensor[last]:
        return False
    line, other = kept.line[last], kept.newest[row]
    u, v = line[DIRECTION:ROWS], other[DIRECTION:ROWS]
    between, cosine = other[ORIGIN:DIRECTION] - line[ORIGIN:DIRECTION], float(u @ v)
    sine = max(1.0 - cosine**2, 1e-9)
    s = float(between @ u - cosine * (between @ v)) / sine
    t = float(cosine * (between @ u) - between @ v) / sine
    point, place = line[ORIGIN:DIRECTION] + s * u, other[ORIGIN:DIRECTION] + t * v
    slack = MEETING_SPEED_M_S * abs(int(kept.line_ns[last] - kept.time_ns[row])) / NS_PER_S + MEETING_SLACK_M
    slack += math.sqrt(GATE) * float(abs(s) * _sigma_rad(line) + abs(t) * _sigma_rad(other))
    height_m = float(geodetic_from_ecef(0.5 * (point + place)[None])[2][0])
    low_m, high_m = MEETING_HEIGHTS_M
    is_near = float(np.linalg.norm(point - place)) <= slack and low_m - slack <= height_m <= high_m + slack
    return is_near and s > 0.0 and t > 0.0


def _sigma_rad(line: Floats) -> Floats:
    """Return the standard deviation of (..., 16) lines across them, the larger way."""
    rows = line[..., ROWS:COST].reshape(*line.shape[:-1], 2, 3)
    sigma: Floats = 1.0 / np.linalg.norm(rows, axis=-1).min(axis=-1)
    return sigma


def _explained(store: Store, kept: Watched, now_ns: int) -> Watched:
    """Return what is kept, with the number of the firm track that passes through the newest line of each notice."""
    rows = store.in_use()
    rows = rows[store.whole[rows, Whole.STATUS] >= TrackStatus.FIRM]
    if not rows.size or kept.track_id.all():
        return kept
    mean, covariance = store.moments(rows)
    own_ns, numbers = store.whole[rows, Whole.TIME], store.whole[rows, Whole.ID]
    track_id, step_ns = kept.track_id.copy(), kept.step_ns.copy()
    for k in np.flatnonzero(kept.track_id == 0).tolist():
        dt_s = (kept.time_ns[k] - own_ns) / NS_PER_S
        moved = np.broadcast_to(np.eye(3, 6), (len(rows), 3, 6)).copy()
        moved[:, :, 3:] += dt_s[:, None, None] * np.eye(3)
        spread = moved @ covariance @ moved.swapaxes(1, 2)
        spread += (0.5 * UNFORESEEN_M_S2 * dt_s**2)[:, None, None] ** 2 * np.eye(3)
        line = kept.newest[k]
        offset = np.matvec(moved, mean) - line[ORIGIN:DIRECTION]
        distance = np.linalg.norm(offset, axis=1)[:, None]
        unit, across = offset / distance, line[ROWS:COST].reshape(2, 3)
        seen = np.matvec(across, unit)
        slope = (across - seen[..., None] * unit[:, None, :]) / distance[..., None]
        off = mahalanobis_squared(seen, slope @ spread @ slope.swapaxes(1, 2) + np.eye(2))
        sure = np.trace(spread, axis1=1, axis2=2) <= ACROSS_MAX_M**2
        ahead = unit @ line[DIRECTION:ROWS] > 0.0
        off = np.where(sure & ahead, off, np.inf)
        best = int(np.lexsort((numbers, off))[0])
        if off[best] <= GATE:
            same = kept.launch_id == kept.launch_id[k]
            track_id[same], step_ns[same] = numbers[best], now_ns
    return kept.replace(track_id=track_id, step_ns=step_ns)
