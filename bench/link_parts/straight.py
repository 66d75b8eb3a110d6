"""A feed of position reports of targets that fly straight, each at the same interval: a load of any size."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from noroshi.geo.time import NS_PER_S
from noroshi.records import Batch, Detections, Identity, SensorSite
from noroshi.run.feeds import Health

COMPONENTS = ("lat_rad", "lon_rad", "altitude_m", "velocity_east_m_s", "velocity_north_m_s", "velocity_up_m_s")
SIGMAS = (30.0 / 6_371e3, 30.0 / 6_371e3, 10.0, 2.0, 2.0, 2.0)
EARTH_M = 6_371e3
SPAN_RAD = np.radians(12.0)
PLACE_APART_RAD = np.radians((3.7, 5.1))  # of a target and that which takes its place
PLACES = {"JPN": (36.0, 138.0), "USA": (20.0, 205.0), "AUS": (-25.0, 134.0)}


@dataclass(frozen=True, kw_only=True)
class Load:
    """What flies, and how it reports.

    Attributes:
        nation: whose sensor.
        n: targets.
        period_s: each reports so often.
        batches: in so many batches a period; target i is in batch i modulo this.
        seed: of all of it.
        start_ns: when the first report is.
        lives_s: shortest and longest time that a target reports; None: all report for ever.
        again: whether another target, elsewhere, takes the place of one that has ended.
        until_ns: no reports after this.
    """

    nation: str
    n: int
    batches: int
    seed: int
    start_ns: int
    period_s: float = 1.0
    lives_s: tuple[float, float] | None = None
    again: bool = False
    until_ns: int = np.iinfo(np.int64).max


class Straight:
    """The feed; what was due before it was made is not told.

    Args:
        load: what flies.
        arrived: called when a batch is due, from a thread of its own; None: nobody is called, and there is no thread.
        now_ns: the clock.
    """

    def __init__(self, load: Load, arrived: Callable[[], None] | None, now_ns: Callable[[], int]) -> None:
        self.name = f"straight {load.nation}"
        self.load, self._now_ns = load, now_ns
        rng = np.random.default_rng([load.seed, *load.nation.encode()])
        place = np.radians(PLACES[load.nation])
        self._begin = place + SPAN_RAD * (rng.random((load.n, 2)) - 0.5)
        course, speed = rng.uniform(0.0, 2.0 * np.pi, load.n), rng.uniform(150.0, 280.0, load.n)
        self._velocity = np.stack([speed * np.sin(course), speed * np.cos(course)], axis=1)
        self._height_m = rng.uniform(3e3, 12e3, load.n)
        self._address = np.arange(load.n) + int.from_bytes(load.nation[:1].encode()) * 0x10000
        span_s = load.lives_s or (0.0, 0.0)
        self._from_s = np.maximum(0.0, rng.uniform(-span_s[1], span_s[1], load.n))
        self._for_s = rng.uniform(*span_s, load.n) if load.lives_s else np.full(load.n, np.inf)
        self.period_ns = round(load.period_s * NS_PER_S) // load.batches
        self._next = max(0, -(-(now_ns() - load.start_ns) // self.period_ns))
        self._n_rows = 0
        self.extra: list[Batch] = []  # records of others that come this way
        self._closed = threading.Event()
        self._thread = None if arrived is None else threading.Thread(target=self._pace, args=(arrived,), daemon=True)
        if self._thread:
            self._thread.start()

    @property
    def due_ns(self) -> int:
        """When the next batch is due."""
        return self.load.start_ns + self._next * self.period_ns

    def receive(self) -> list[Batch]:
        """Return the batches that are due."""
        batches, self.extra = self.extra, []
        while (at_ns := self.due_ns) <= self._now_ns() and at_ns <= self.load.until_ns:
            batch = self._batch(self._next, at_ns)
            self._next += 1
            if len(batch):
                batches.append(batch)
                self._n_rows += len(batch)
        return batches

    def sites(self) -> Mapping[str, SensorSite]:
        """Return the one sensor."""
        sensor = f"{self.load.nation.lower()}-reports"
        nowhere = dict.fromkeys(("lat_rad", "lon_rad", "height_m"), np.nan)
        return {
            sensor: SensorSite(
                sensor=sensor, type="position_report", nation=self.load.nation,
                parameters={"scan_period_s": self.load.period_s}, **nowhere
            )
        }  # fmt: skip

    @property
    def health(self) -> Health:
        """How it is."""
        return Health(is_up=True, n_rows=self._n_rows)

    def close(self) -> None:
        """Stop."""
        self._closed.set()
        if self._thread:
            self._thread.join()

    def _batch(self, number: int, at_ns: int) -> Detections:
        since_s = (at_ns - self.load.start_ns) / NS_PER_S
        which = np.arange(number % self.load.batches, self.load.n, self.load.batches)
        life = np.floor((since_s - self._from_s[which]) / self._for_s[which]).astype(np.int64)
        flies = (life == 0) | ((life > 0) & self.load.again)
        which, life = which[flies], life[flies]
        east, north = self._velocity[which].T
        begin = self._begin[which] + life[:, None] * PLACE_APART_RAD % SPAN_RAD
        lat = begin[:, 0] + north * since_s / EARTH_M
        lon = begin[:, 1] + east * since_s / (EARTH_M * np.cos(begin[:, 0]))
        noise = np.random.default_rng([self.load.seed, number]).normal(0.0, SIGMAS, (len(which), 6))
        values = np.stack([lat, lon, self._height_m[which], east, north, np.zeros(len(which))], axis=1)
        identity = Identity.absent(len(which)).replace(icao_address=self._address[which] + life * self.load.n)
        return Detections.of(
            sensor=next(iter(self.sites())), components=COMPONENTS, time_ns=np.full(len(which), at_ns, np.int64),
            values=values + noise, received_ns=at_ns, identity=identity,
        )  # fmt: skip

    def _pace(self, arrived: Callable[[], None]) -> None:
        """Call at each batch's time (a thread)."""
        number = self._next
        while not self._closed.wait(
            max(0.0, (self.load.start_ns + number * self.period_ns - self._now_ns()) / NS_PER_S)
        ):
            arrived()
            number += 1


def rules(nation: str, partners: Sequence[str]) -> str:
    """Return a policy that releases all tracks and warnings of exercises to close partners."""
    named = "".join(f'{code} = "close"\n' for code in partners)
    rule = (
        '[[rules]]\nrule = "{0}"\nto = ["ALL-PARTNERS"]\nproducts = ["{0}"]\n'
        'exercises = ["ALL-EXERCISES"]\nthen = "pass"\n'
    )
    return f'nation = "{nation}"\n[partners]\n{named}' + rule.format("contribution") + rule.format("warning")


def nation_file(nation: str, live: str) -> str:
    """Return the file of a nation whose policy lies beside it."""
    return f'name = "{nation}"\ncode = "{nation}"\npolicy = "{nation}-policy.toml"\n[live]\n{live}'
