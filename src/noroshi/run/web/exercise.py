"""An exercise that runs now as something to show: every nation's own picture, each as its node has it."""

import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from noroshi.command.transitions import UNDECIDED, Role, Step
from noroshi.exercise.flight import Flight
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import MEAN_RADIUS_M
from noroshi.node.core import Node
from noroshi.records import Batch, SensorSite
from noroshi.run import kernel_cache
from noroshi.run.exercises.books import Books, write_world
from noroshi.run.exercises.driver import Driver
from noroshi.run.exercises.staff import player, scripted
from noroshi.run.exercises.staging import Stage, planners, stage
from noroshi.run.scenarios import Area, Scenario, read_scenario
from noroshi.run.setup import Setup, Site, make_sensors
from noroshi.run.web.film import Film
from noroshi.run.web.onlooker import Onlooker
from noroshi.run.web.opening import Onlooked, Opening
from noroshi.run.web.reaching import around
from noroshi.run.web.showing import EXERCISE, Showing
from noroshi.run.web.situation import Carrier
from noroshi.run.web.what_if import WhatIf

RING_POINTS = 72
WORK, TRIED_S = "exercise", 8  # in the first seconds every sensor has told and every link has carried something


class ExerciseShowing(Showing):
    """What the nodes of an exercise show; `run` runs it, in whatever thread it is called.

    Args:
        scenario: a file, or the name of a shipped one.
        also: nations that take part beside those it names.
        rate: how fast pages play at first.
        folder: where the journals are written; they are thrown away if None.
        until_s: stop so long after the start; at the scenario's end if None.
        pace: run no faster than so many times real time, so that who follows sees it happen, and can decide; 0 is as
            fast as it goes.
        approvers: whether scripted people approve what nodes propose; else whoever looks has to.
    """

    def __init__(
        self,
        scenario: str,
        also: Sequence[str] = (),
        *,
        rate: float = 1.0,
        folder: Path | None = None,
        until_s: float | None = None,
        pace: float = 0.0,
        approvers: bool = True,
    ) -> None:
        self._scenario: Scenario = read_scenario(scenario, also)
        read = self._scenario
        views = {nation.code: nation.name for nation in read.nations}
        end_ns = read.end_ns if until_s is None else min(read.end_ns, read.start_ns + round(until_s * NS_PER_S))
        super().__init__(
            film=Film(), mode=EXERCISE, exercise=read.name, node="all nodes", views=views, own=frozenset(views),
            start_ns=read.start_ns, end_ns=end_ns, rate=rate, saying="flying the exercise's world",
        )  # fmt: skip
        for code in views:
            self.film.reel(code)
        self._folder, self._stopped = folder, threading.Event()
        self._pace, self._approvers = pace, approvers
        self._answers: deque[tuple[str, str, Step, str]] = deque()
        self._nodes: Mapping[str, Node] = {}
        self.decide = self._decide
        self.what_if = WhatIf(read)

    @property
    def is_stopped(self) -> bool:
        """Whether `run` was ended before its time."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """End `run` soon."""
        self._stopped.set()
        if self.what_if is not None:
            self.what_if.close()

    def run(self) -> None:
        """Run the exercise as fast as it goes, and keep what it shows."""
        scenario = self._scenario
        self._open()
        staged = stage(scenario)
        with ExitStack() as stack:
            folder = self._folder or Path(stack.enter_context(TemporaryDirectory(prefix="noroshi-")))
            if self._folder is not None:
                write_world(folder, scenario, staged.cast.bodies, 0)
            onlookers: dict[str, Onlooker] = {}
            books = stack.enter_context(LookedAt(folder, staged.setups, onlookers))
            driver = Driver(
                scenario.start_ns,
                scenario.end_ns,
                feeds=staged.feeds,
                make=staged.node,
                names=list(staged.setups),
                books=books,
                links=staged.links,
                faults=staged.faults,
                heard=lambda name, out, now_ns: onlookers[name].hear(out, now_ns),
                people=scripted(scenario, 0, without=() if self._approvers else (Role.APPROVER,)),
                planners=planners(scenario, staged.cast, 0),
            )
            self._nodes = driver.nodes
            for code in staged.setups:
                onlookers[code] = self._onlooker(staged, code, driver)
            self.pictures = {code: onlooker.picture for code, onlooker in onlookers.items()}
            self._go(driver, onlookers)
        self.saying = ""
        self.film.grown()

    def _open(self) -> None:
        """Show what stands where, before anything flies; and what is heard while much is compiled."""
        start_ns = self._scenario.start_ns
        nodes, onlookers = {}, []
        for nation in self._scenario.nations:
            sites = [entry.site for entry in nation.sensors]
            node = Onlooked(nation.code, make_sensors(Setup(sites=[Site.of(site) for site in sites])))
            nodes[nation.code] = node
            onlookers.append(self._looking(node, nation.code, sites, {}))  # type: ignore[arg-type]

        def look(time_ns: int) -> None:
            for onlooker in onlookers:
                onlooker.look(time_ns)

        look(start_ns)
        if not kernel_cache.is_new(WORK):
            return
        with Opening(self._scenario, nodes, look=look, say=self._tell_people, rate=self.rate):
            self._try_out()
        for reel in self.film.reels.values():
            reel.cut(start_ns)
        self.take += 1
        if not self._stopped.is_set():
            kernel_cache.note(WORK)

    def _tell_people(self, what: str) -> None:
        self.saying = what

    def _try_out(self) -> None:
        """Run the first seconds for nothing: what they need is compiled then, and nobody waits for it any more."""
        scenario = self._scenario
        staged = stage(scenario)
        with TemporaryDirectory(prefix="noroshi-") as folder, Books(Path(folder), staged.setups) as books:
            driver = Driver(
                scenario.start_ns, scenario.end_ns, feeds=staged.feeds, make=staged.node, names=list(staged.setups),
                books=books, links=staged.links,
            )  # fmt: skip
            for second in range(TRIED_S):
                if self._stopped.is_set():
                    return
                driver.run(scenario.start_ns + (second + 1) * NS_PER_S)

    def _go(self, driver: Driver, onlookers: Mapping[str, Onlooker]) -> None:
        assert self.end_ns is not None
        at_ns, since = self._scenario.start_ns, time.monotonic()
        while not self._stopped.is_set():
            for code, onlooker in onlookers.items():
                onlooker.follow(driver.nodes[code])
                onlooker.look(at_ns)
            if at_ns > self._scenario.start_ns + self.step_ns:
                self.saying = ""
            if at_ns >= self.end_ns:
                return
            at_ns = min(at_ns + self.step_ns, self.end_ns)
            self._answer(driver)
            driver.run(at_ns + 1)
            self._wait(at_ns, since)

    def _wait(self, at_ns: int, since: float) -> None:
        """Wait until a moment of the exercise has come, where it is paced."""
        if self._pace > 0.0:
            due = since + (at_ns - self._scenario.start_ns) / NS_PER_S / self._pace
            self._stopped.wait(max(due - time.monotonic(), 0.0))

    def _decide(self, view: str, name: str, said: Mapping[str, Any]) -> None:
        """Take what a person decides; that person plays the nation's approver, and signs as that."""
        node = self._nodes.get(view)
        identifier = str(said["identifier"])
        matter = None
        if node is not None and node.watch is not None:
            matter = node.watch.command.book.matters.get((view, identifier))
        if matter is None or matter.state not in UNDECIDED:
            raise ValueError("this does not wait for a decision (any more)")
        step = Step(str(said["step"]))
        if step == Step.REJECTED and not str(said["reason"]).strip():
            raise ValueError("say why it is rejected")
        reason = f"{name}: {said['reason']}" if name else str(said["reason"])
        self._answers.append((view, identifier, step, reason))

    def _answer(self, driver: Driver) -> None:
        """Hand nodes what people have decided meanwhile."""
        while self._answers:
            view, identifier, step, reason = self._answers.popleft()
            node = driver.nodes[view]
            assert node.watch is not None
            person = player(self._scenario, 0, view, Role.APPROVER)
            driver.tell(view, person.write(node.watch.command.book, identifier, step, driver.now_ns, reason=reason))

    def _onlooker(self, staged: Stage, code: str, driver: Driver) -> Onlooker:
        setup = staged.setups[code]
        world = staged.cast.world
        carriers = {
            entry.site.sensor: Carrier(
                entry.carrier,
                partial(_places, world.flight(entry.carrier)),
                getattr(entry.observer, "off_nadir_deg_max", None),  # of a satellite's
            )
            for entry in staged.cast.eyes[code]
            if entry.carrier
        }
        return self._looking(driver.nodes[code], code, [site.record() for site in setup.sites], carriers)

    def _looking(self, node: Node, code: str, sites: Sequence[SensorSite], carriers: Mapping[str, Carrier]) -> Onlooker:
        return Onlooker(
            node,
            self.film,
            nation=code,
            viewers=[code],
            exercise=self.exercise,
            names=self.views,
            sites=sites,
            secret=b"a node of an exercise has its own",
            carriers=carriers,
            zones=[_zone(area) for area in self._scenario.areas],
            now_ns=time.time_ns,
        )


class LookedAt(Books):
    """The journals, and beside them whoever looks at what the nodes receive."""

    def __init__(
        self, folder: Path, setups: Mapping[str, Setup], onlookers: Mapping[str, Onlooker], *, is_flushed: bool = False
    ) -> None:
        super().__init__(folder, setups, is_flushed=is_flushed)
        self._onlookers = onlookers

    def write(self, node: str, record: Batch, now_ns: int) -> None:
        """Write a record that the node is about to see, and show it."""
        super().write(node, record, now_ns)
        if node in self._onlookers:  # else what is copied, which was seen when it came
            self._onlookers[node].took(record, now_ns)


def _places(flight: Flight, time_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    return flight.at(time_ns)[:, :3]


def _zone(area: Area) -> dict[str, Any]:
    lat, lon = around(
        math.radians(area.lat_deg), math.radians(area.lon_deg), area.radius_km * 1000.0 / MEAN_RADIUS_M, RING_POINTS
    )
    return {
        "name": area.name, "sort": "exercise", "height_m": [None, None],
        "ring_deg": np.degrees(np.stack([lat, lon], axis=1)).round(4).tolist(),
    }  # fmt: skip
