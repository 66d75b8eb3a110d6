"""From an alert to people who have heard it: the last mile as a model, so that figures count people reached.

An alert goes to the people of an area at once over several channels. Each channel reaches a share of them, each after a
delay of its own; who is reached by one is reached. Channels are taken to be independent of each other but for what they
share: the power and the telephone exchange of a municipality. Shares are of people who *notice* within minutes, so they
hold who sleeps or has the telephone elsewhere.

Sources of what is known:

- Telephones by cell broadcast. Of 5,000 people asked on the web in the twelve prefectures of 2017-09-15, 63.4 % knew
  before the passing, some 5 to 9 minutes after launch, and 67.9 % of these by telephone: 0.43 of all. Cabinet
  Secretariat of Japan (2017-12-13), as told by NHK and Bloomberg (2017-12-14). It was 07:00 in the morning.
- Their delay. "Most received an alert within two minutes", and over 10 % of telephones that should have did not: FCC,
  Report: August 11, 2021 Nationwide WEA Test (DOC-378907, December 2021), as told by Trade Law Daily (2022-01-03).
  Here log-normal with a median of 10 s, which is an assumption, and 97.5 % within 120 s.
- Loudspeakers. One city measured its analogue ones 1 to 1.5 minutes late (Shunan): evenly between 5 and 90 s for a
  municipality is an assumption that ends there. Of 617 municipalities 24 had one fail on 2017-08-29 (TBS Radio,
  2017-09-08): 3.9 %. The share who notice is an assumption: asked, 41 % could hear theirs (Chigasaki, 2012: 59 % could
  not or hardly; Asahi, 2014-03-14), half of whom are taken to be where it is heard, and awake: 0.20.
- Broadcast. Its share, 0.205, is what the other two leave of the 63.4 % if the three are independent; its delay, a
  median of 30 s and 97.5 % within 180 s, is an assumption.
- Without power telephones' stations go on from batteries for three hours, loudspeakers for a day, sets at home end at
  once; without the exchange there are no telephones, and of loudspeakers, which are started over lines, half. All of
  these are assumptions.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from noroshi.exercise.injects import Inject, OfAreas, Supply
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S
from noroshi.warning.areas import Areas

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HOUR_S = 3600.0
UPPER = 1.959963984540054  # the normal quantile of 97.5 percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way in which people hear of an alert.

    Attributes:
        name: of the channel.
        share: of the people of an area who notice it.
        start_s: how long the channel of a municipality takes to begin, drawn evenly between two values for each.
        median_s, late_s: from there, the delay to a person: log-normal, its median, and before when 97.5 % come.
        fails: the probability that it fails in a municipality, drawn once for each.
        battery_s: how long it goes on without power.
        without_power, without_exchange: the part of it that is left then.
    """

    name: str
    share: float
    start_s: tuple[float, float] = (0.0, 0.0)
    median_s: float
    late_s: float
    fails: float = 0.0
    battery_s: float = 0.0
    without_power: float = 0.0
    without_exchange: float = 1.0

    def noticed(self, after_s: Floats) -> Floats:
        """Return the share of those whom it reaches that it has reached so long after it began."""
        sigma = math.log(self.late_s / self.median_s) / UPPER
        with np.errstate(divide="ignore"):
            z = np.log(np.maximum(after_s, 0.0) / self.median_s) / sigma
        reached: Floats = ndtr(z)
        return reached


PHONES = Channel(
    name="telephones", share=0.43, median_s=10.0, late_s=120.0, battery_s=3.0 * HOUR_S, without_exchange=0.0
)
LOUDSPEAKERS = Channel(
    name="loudspeakers",
    share=0.20,
    start_s=(5.0, 90.0),
    median_s=5.0,
    late_s=30.0,
    fails=24.0 / 617.0,
    battery_s=24.0 * HOUR_S,
    without_exchange=0.5,
)
BROADCAST = Channel(name="broadcast", share=0.205, median_s=30.0, late_s=180.0)
CHANNELS = (PHONES, LOUDSPEAKERS, BROADCAST)
"""Of Japan, in the early morning; see the top for what is known and what is assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Areas without something.

    Attributes:
        what: without what.
        codes: of areas or places, "JP-02" or "JP-02201".
        start_ns, end_ns: from when (included) to when (excluded), Unix UTC nanoseconds.
    """

    what: Supply
    codes: tuple[str, ...]
    start_ns: int
    end_ns: int


def outages(injects: Iterable[Inject], start_ns: int, end_ns: int) -> tuple[Outage, ...]:
    """Return which areas are without what when, in a run from `start_ns` to `end_ns`, in the order of the injects."""
    return tuple(
        Outage(what=inject.SUPPLY, codes=inject.whom, start_ns=first_ns, end_ns=last_ns)
        for inject in injects
        if isinstance(inject, OfAreas)
        for first_ns, last_ns in [inject.span_ns(start_ns, end_ns)]
        if first_ns < last_ns
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reached:
    """Whom alerts have reached.

    Attributes:
        time_ns: (k,) when.
        people: (k,) reached by then by any channel, on the average.
        by_channel: (k, c) by each channel, whoever else reached them.
        warned: how many people live where an alert was given.
        by_place: (p,) reached by the last of the times, of each place of the areas.
    """

    time_ns: Integers
    people: Floats
    by_channel: Floats
    warned: float
    by_place: Floats


def reached(
    areas: Areas,
    codes: Sequence[str],
    alerted_ns: Sequence[int],
    time_ns: Integers,
    draws: Draws,
    *,
    without: Sequence[Outage] = (),
    channels: Sequence[Channel] = CHANNELS,
) -> Reached:
    """Return how many people alerts have reached over time.

    What was sent in an outage and did not get through does not get through later either.

    Args:
        areas: who lives where.
        codes: of the areas or places that were alerted, each as often as it was.
        alerted_ns: when each was, that is, when its alert was handed to the channels; Unix UTC nanoseconds.
        time_ns: (k,) when to count.
        draws: of the exercise; each municipality draws under its own code.
        without: who is without what: see `outages`.
        channels: over which it goes.

    Raises:
        ValueError: if there is no area or place of such a code.
    """
    first_ns = np.full(len(areas.place_code), np.iinfo(np.int64).max)
    for code, at_ns in zip(codes, alerted_ns, strict=True):
        first_ns[_places(areas, code)] = np.minimum(first_ns[_places(areas, code)], at_ns)
    places = np.flatnonzero(first_ns < np.iinfo(np.int64).max)
    first_ns = first_ns[places]
    left = _left(areas, places, first_ns, without, channels)
    after_s = (time_ns[None, :] - first_ns[:, None]) / NS_PER_S
    people = areas.place_people[places]
    unreached = np.ones(after_s.shape)
    by_channel = np.zeros((len(time_ns), len(channels)))
    for c, channel in enumerate(channels):
        chance = np.array([_chance(draws, areas.place_code[place], channel.name) for place in places]).reshape(-1, 2)
        start_s = channel.start_s[0] + (channel.start_s[1] - channel.start_s[0]) * chance[:, :1]
        works = left[:, c : c + 1] * (chance[:, 1:] >= channel.fails)
        noticed = channel.share * works * channel.noticed(after_s - start_s)
        by_channel[:, c] = people @ noticed
        unreached *= 1.0 - noticed
    by_place = np.zeros(len(areas.place_code))
    if len(time_ns):
        by_place[places] = people * (1.0 - unreached[:, -1])
    return Reached(
        time_ns=time_ns,
        people=people @ (1.0 - unreached),
        by_channel=by_channel,
        warned=float(people.sum()),
        by_place=by_place,
    )


def _chance(draws: Draws, place: str, channel: str) -> Floats:
    """Return two numbers in (0, 1) of a municipality and a channel: when it begins, whether it works."""
    own = Draws(draws.seed, draws.replicate, f"{draws.entity}|{place}")
    chance: Floats = own.uniforms(f"last mile {channel}", first_look=0, n_looks=1, per_look=2)[0]
    return chance


def _places(areas: Areas, code: str) -> Integers:
    """Return the places of a code: those of an area, or the one."""
    area = np.flatnonzero(areas.code == code)
    found = np.flatnonzero(areas.place_area == area[0] if len(area) else areas.place_code == code)
    if not len(found) and not len(area):
        raise ValueError(f"no area or place of the code '{code}': they are like JP-02, JP-02201 or KP")
    return found


def _left(
    areas: Areas, places: Integers, first_ns: Integers, without: Sequence[Outage], channels: Sequence[Channel]
) -> Floats:
    """Return the (p, c) part of each channel that is left in each place when it is alerted."""
    left = np.ones((len(places), len(channels)))
    for outage in without:
        hit = np.zeros(len(areas.place_code), bool)
        for code in outage.codes:
            hit[_places(areas, code)] = True
        out = hit[places] & (first_ns >= outage.start_ns) & (first_ns < outage.end_ns)
        for c, channel in enumerate(channels):
            if outage.what is Supply.EXCHANGE:
                part = np.where(out, channel.without_exchange, 1.0)
            else:
                empty = first_ns - outage.start_ns >= round(channel.battery_s * NS_PER_S)
                part = np.where(out & empty, channel.without_power, 1.0)
            left[:, c] = np.minimum(left[:, c], part)
    return left
