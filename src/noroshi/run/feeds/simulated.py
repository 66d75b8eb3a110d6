"""The sensors of one nation in a scenario's world, paced by the wall clock: `simulated://trilateral/JPN`.

A scenario's file is named as `simulated:///home/me/raid.toml?nation=JPN`; without a nation it is all of them.

Processes that are given the same scenario, replicate and start instant see the same world: each flies all of it, and
looks at it with its own nation's sensors. Times are moved stiffly from the scenario's start to the real one, so that a
live node's clock agrees with them. Options of the address: `start` (a UTC time; now, if absent), `speed` (1) and
`replicate` (0).
"""

import heapq
import threading
from collections.abc import Callable, Mapping
from typing import Self

from noroshi.exercise.ports import Message
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.records import Batch, Detections, SensorSite, Status, Tracks
from noroshi.run.batches import one_each
from noroshi.run.exercises.driver import Feed as Sensor
from noroshi.run.exercises.staging import Stage, stage
from noroshi.run.feeds import Address, AddressError, Health
from noroshi.run.feeds.inbox import Inbox
from noroshi.run.scenarios import Scenario, read_scenario

AHEAD_S = 20.0
"""So far ahead of the clock sensors look, since they work in blocks that take longer than a batch may be late."""

WAIT_S_MAX = 0.5
"""A clock that is set while we wait is noticed after so long."""

BATCHES_MAX = 20_000


def sped(now_ns: Callable[[], int], start_ns: int, factor: float) -> Callable[[], int]:
    """Return a clock that shows `start_ns` when `now_ns` does and runs `factor` times as fast from there on."""
    return lambda: start_ns + round((now_ns() - start_ns) * factor)


class Feed:
    """A nation's simulated sensors.

    What they told before the feed was made (a node that was killed and starts again) is not told again.

    Args:
        staged: the scenario, set up for the nations whose sensors are wanted: `stage(scenario, codes=["JPN"])`.
        start_ns: the real instant at which the scenario starts, UTC; later than now, or earlier.
        factor: how fast `now_ns` runs against real time. The world goes by `now_ns`: to see it pass ten times as fast,
            give the whole node the clock `sped(wall, start_ns, 10.0)`, and 10 here.
        name: of the feed.
        arrived, now_ns: see `run.feeds.Feed.at`.

    Raises:
        ValueError: if the factor makes no sense.
    """

    def __init__(
        self,
        staged: Stage,
        *,
        start_ns: int,
        factor: float = 1.0,
        name: str = "simulated",
        arrived: Callable[[], None],
        now_ns: Callable[[], int],
    ) -> None:
        if not 1e-3 <= factor <= 1e3:
            raise ValueError(f"a speed of {factor:g}: give a factor from 0.001 to 1,000")
        self.name = name
        self.staged = staged
        self.n_skipped = 0
        world = staged.cast.world
        self._start_ns, self._end_ns = world.start_ns, world.end_ns
        self._shift_ns = start_ns - world.start_ns
        self._now_ns, self._factor = now_ns, factor
        self._sensors = {sensor.name: sensor for sensor in staged.feeds}
        self._inbox: Inbox[Batch] = Inbox(arrived, messages_max=BATCHES_MAX)
        self._arrived = arrived
        self._n_rows = 0
        self._behind_ns: dict[str, int] = {}
        self._trouble = ""
        self._changed = threading.Condition()
        self._closed = False
        self._coming: list[tuple[int, int, str, int, Message]] = []
        self._spans: list[tuple[int, str, int]] = []
        for sensor in self._sensors.values():
            number = 0
            while self._end_of(sensor, number) < self._end_ns and self._end_of(sensor, number) < self._scenario_ns():
                number += 1
            self.n_skipped += number
            heapq.heappush(self._spans, (self._end_of(sensor, number), sensor.name, number))
        self._threads = [
            threading.Thread(target=target, name=f"{name}-{target.__name__}", daemon=True)
            for target in (self._see, self._pace)
        ]
        for thread in self._threads:
            thread.start()

    @classmethod
    def at(cls, address: Address, *, arrived: Callable[[], None], now_ns: Callable[[], int]) -> Self:
        """Return the feed of `simulated://SCENARIO/CODE`; see `run.feeds.Feed.at`.

        Raises:
            AddressError: if there is no such scenario or nation.
        """
        options = address.only(("nation", "start", "speed", "replicate")).options
        named = options.get("nation", address.path if address.host else "")
        try:
            scenario = read_scenario(address.host or f"/{address.path}")
            staged = stage(scenario, codes=_codes(scenario, named), replicate=int(options.get("replicate", 0)))
            return cls(
                staged,
                start_ns=utc_ns_from_iso(options["start"]) if "start" in options else now_ns(),
                factor=float(options.get("speed", 1.0)),
                name=address.text,
                arrived=arrived,
                now_ns=now_ns,
            )
        except ValueError as error:
            raise AddressError(f"{address.text}: {error}") from error

    def receive(self) -> list[Batch]:
        """Return what has come since; see `run.feeds.Feed.receive`."""
        batches = self._inbox.take()
        for batch in batches:
            if isinstance(batch, Detections) and len(batch):
                self._n_rows += len(batch)
                self._behind_ns[batch.sensor] = batch.received_ns - int(batch.time_ns.max())
        return batches

    def sites(self) -> Mapping[str, SensorSite]:
        """Return all sensors of the nations, by name."""
        return {site.sensor: site.record() for setup in self.staged.setups.values() for site in setup.sites}

    @property
    def motion(self) -> str:
        """What the scenario's nodes track with."""
        return next(iter(self.staged.setups.values())).motion

    @property
    def health(self) -> Health:
        """How the feed is."""
        over = not self._closed and not self._threads[1].is_alive()
        early = self._scenario_ns() < self._start_ns
        usual = "the scenario is over" if over else "the scenario has not begun" if early else ""
        return Health(
            is_up=not (self._closed or over or self._trouble),
            n_connected=1,
            n_messages=self._inbox.n_messages,
            n_dropped=self._inbox.n_dropped,
            n_records=self._n_rows,
            n_rows=self._n_rows,
            counts={"simulated detection": self._n_rows},
            behind_ns=dict(self._behind_ns),
            trouble=self._trouble or usual,
        )

    def close(self) -> None:
        """Stop."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join()

    def _scenario_ns(self) -> int:
        """Return what time it is in the scenario."""
        return self._now_ns() - self._shift_ns

    def _end_of(self, sensor: Sensor, number: int) -> int:
        """Return when, in the scenario's time, a sensor has seen what it tells at its time of this number."""
        return min(self._start_ns + sensor.span(number)[1], self._end_ns)

    def _wait(self, until_ns: int) -> None:
        """Wait, holding the lock, until the scenario's clock may show this, or something has changed."""
        left_s = (until_ns - self._scenario_ns()) / NS_PER_S / self._factor
        if left_s > 0.0:
            self._changed.wait(min(left_s, WAIT_S_MAX))

    def _see(self) -> None:
        """Let the sensors look, some way ahead of the clock, until the scenario is over (a thread)."""
        n_sent = 0
        while self._spans:
            end_ns, name, number = self._spans[0]
            with self._changed:
                due_ns = end_ns - round(AHEAD_S * NS_PER_S)
                while not self._closed and self._scenario_ns() < due_ns:
                    self._wait(due_ns)
                if self._closed:
                    return
            heapq.heappop(self._spans)
            sensor = self._sensors[name]
            try:
                seen = one_each(sensor.watch.observe(self._start_ns + sensor.span(number)[0], end_ns).detections)
                sent = [each for batch in seen for each in sensor.port.send(name, sensor.node, batch, end_ns)]
            except Exception as error:  # noqa: BLE001 - a thread's error would end in silence; it is told by the health
                self._trouble = f"sensor {name}: {type(error).__name__}: {error}"
                self._arrived()
                return
            with self._changed:
                for delivery in sent:
                    newest_ns = _newest_ns(delivery.message)
                    heapq.heappush(self._coming, (delivery.at_ns, newest_ns, name, n_sent, delivery.message))
                    n_sent += 1
                self._changed.notify_all()
            if end_ns < self._end_ns:
                heapq.heappush(self._spans, (self._end_of(sensor, number + 1), name, number + 1))

    def _pace(self) -> None:
        """Put into the inbox what is due, when it is due (a thread)."""
        is_seeing = self._threads[0].is_alive
        while True:
            with self._changed:
                while not self._closed and not (self._coming and self._coming[0][0] <= self._scenario_ns()):
                    if not self._coming and not is_seeing():
                        break
                    self._wait(self._coming[0][0] if self._coming else self._scenario_ns() + NS_PER_S)
                if self._closed or not self._coming:
                    break
                due = []
                while self._coming and self._coming[0][0] <= self._scenario_ns():
                    due.append(heapq.heappop(self._coming)[-1].payload)
            now_ns = self._now_ns()
            self._inbox.put([(self._moved(payload, now_ns), 0) for payload in due if not isinstance(payload, bytes)])
        self._arrived()

    def _moved(self, record: Batch, now_ns: int) -> Batch:
        """Return a record as if the scenario had started at the real start."""
        if isinstance(record, Detections):
            return record.replace(time_ns=record.time_ns + self._shift_ns, received_ns=now_ns)
        if isinstance(record, (Status, Tracks)):
            return record.replace(time_ns=record.time_ns + self._shift_ns)
        return record


def _newest_ns(message: Message) -> int:
    """Return the time of a message's newest plot."""
    return int(message.payload.time_ns.max(initial=0)) if isinstance(message.payload, Detections) else 0


def _codes(scenario: Scenario, named: str) -> list[str]:
    """Return the codes of the nations that are named, with commas between them; of all if none is.

    Raises:
        ValueError: if one does not take part.
    """
    there = [nation.code for nation in scenario.nations]
    wanted = [code for code in named.upper().split(",") if code]
    if unknown := [code for code in wanted if code not in there]:
        raise ValueError(f"no nation '{unknown[0]}' in it; there are: {', '.join(there)}")
    return wanted or there
