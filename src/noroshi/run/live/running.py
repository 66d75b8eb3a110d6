"""One nation's node, live, from its file, with all that is around it."""

import os
import secrets
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from noroshi.command.people import Person
from noroshi.geo.time import NS_PER_S
from noroshi.node.core import Node
from noroshi.node.outgoing import Outgoing
from noroshi.records import Decision, Order, SensorSite
from noroshi.run import kernel_cache, pki
from noroshi.run.feeds import Feed, open_feed
from noroshi.run.feeds.simulated import Feed as Simulated
from noroshi.run.links import Link, open_link
from noroshi.run.live.ahead import Ahead
from noroshi.run.live.auditing import Auditing
from noroshi.run.live.deciding import Deciding
from noroshi.run.live.delivering import Delivering, open_desk
from noroshi.run.live.kept import Kept
from noroshi.run.live.memory import Memory
from noroshi.run.live.node import LiveNode
from noroshi.run.live.policies import Policies
from noroshi.run.live.settings import describe
from noroshi.run.live.watching import Ears, Watcher
from noroshi.run.live.ways_out import WaysOut
from noroshi.run.people import read_people
from noroshi.run.pki.files import read_secret
from noroshi.run.scenarios import Live, Nation, read_nation
from noroshi.run.scenarios.names import area_nations
from noroshi.run.scenarios.sources import shipped
from noroshi.run.setup import assemble
from noroshi.run.sharing import Sharing, public_keys
from noroshi.run.sites import usual_motion
from noroshi.run.stores.outbox import StoreFile
from noroshi.run.watching import Staff, Watching
from noroshi.sharing.parcels import State

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person asked for beside the nation's file; see `noroshi node --help`."""

    nation: str
    keys: Path | None = None
    state: Path | None = None
    feeds: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    serve: str | None = None
    tokens: Path | None = None
    for_s: float | None = None
    clock_ns: Callable[[], int] = field(default=time.time_ns)


def link_settings(text: str) -> dict[str, Any]:
    """Return the link that `USA=tls/host:7447` (connect) or `USA@tls/0.0.0.0:7447` (listen) names.

    Raises:
        ValueError: if it is neither.
    """
    for sign, key in (("@", "listen"), ("=", "connect")):
        partner, found, where = text.partition(sign)
        if found and len(partner) == 3 and partner.isupper() and where:
            return {"partner": partner, key: where}
    raise ValueError(f"--link {text}: write USA=tls/HOST:PORT to connect, USA@tls/ADDRESS:PORT to listen")


class Running:
    """A node with all that is around it; use as a context, then `run`.

    Args:
        wanted: what a person asked for.
        says: told, in one line, what happens to links, partners and rules.
    """

    def __init__(self, wanted: Wanted, says: Callable[[str], None] = lambda _: None) -> None:
        self._wanted, self._says = wanted, says
        self.nation: Nation = read_nation(wanted.nation)
        self._folder = folder = Path() if wanted.nation in shipped("nations") else self.nation.source.folder
        live = self.nation.live
        self.live: Live = live
        self.keys = wanted.keys or folder / live.keys
        self.state = wanted.state or folder / live.state
        self.people = folder / live.people
        self.deciding: Deciding | None = None
        self._arrived = threading.Event()
        if wanted.for_s is not None and not 0.0 < wanted.for_s < 1e9:
            raise ValueError(f"--for {wanted.for_s:g}: give a number of seconds above 0")
        self._stack = ExitStack()
        self.node: LiveNode

    def __enter__(self) -> "Running":
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self) -> None:
        """Run until it is stopped, or as long as was wanted."""
        self.node.run(self._wanted.for_s)

    def _open(self, stack: ExitStack) -> None:
        now_ns = self._wanted.clock_ns
        self._check_keys()
        kernel_cache.prepare()
        self.state.mkdir(parents=True, exist_ok=True)
        store = stack.enter_context(StoreFile(self.state / "outboxes.sqlite"))
        _claim(store.state, self.state, self.nation.code)
        memory = Memory(self.state / "journal")
        stack.callback(memory.close)
        feeds = [stack.enter_context(_closing(self._feed(address))) for address in self._addresses()]
        sites = {site.sensor: site for site in self._own_sites()}
        for feed in feeds:
            sites |= feed.sites()
        secret = _secret(self.state)
        described = describe(
            self.nation.code,
            self.live,
            sites=list(sites.values()),
            policy="" if self.nation.policy is None else self.nation.policy.text,
            motion=self.live.motion or _motion_of(feeds, list(sites.values()), self.live.tracker),
            keys=self.keys,
            secret=secret,
            now_ns=now_ns(),
            registration=self.nation.registration,
            watching=self._watching(),
        )
        auditing = None
        if described.own is not None and described.setup.sharing is not None:
            keys = {code: public_keys(text) for code, text in described.setup.sharing.partners.items()}
            policies = Policies(store.state, self.nation.code)
            auditing = Auditing(self.state / "audit", self.nation.code, described.own, keys, policies, now_ns())
            stack.callback(lambda: auditing.close(now_ns()))
        core, _ = assemble(
            described.setup,
            keys=described.own,
            store_of=auditing.store_of(store) if auditing else None,
            new_policy=auditing.new_policy if auditing else None,
        )
        sharing = described.setup.sharing
        if auditing and core.exchange:
            core.exchange.policy = policies.begin("" if sharing is None else sharing.policy, now_ns())
            core.exchange.old_policy = policies.find
        memory.start(described.setup)
        if core.watch:
            self.deciding = Deciding(self.nation.code, core.watch, self._register(), self.people, self._arrived.set)
        ahead = stack.enter_context(Ahead(core.watch.command.book.people)) if core.watch else None
        kept = None
        if core.watch and described.own is not None:
            book = core.watch.command.book
            kept = Kept(self.state / "decisions", self.nation.code, described.own.key, book, now_ns())
            stack.callback(lambda: kept.close(now_ns()))
        exercise = _exercise(feeds, sharing)
        links: dict[str, Link] = {}
        stack.callback(_close_all, links)
        watcher = None
        if sharing is not None:
            given = {"own": self.nation.code, "exercise": sharing.exercise, "keys": str(self.keys)}
            watcher = Watcher(
                self.nation,
                self._wanted.nation,
                keys=self.keys,
                links=links,
                fixed_links=[link_settings(text) for text in self._wanted.links],
                orders=self.state / "orders",
                open_=lambda settings: open_link({**given, **settings}, self._arrived.set),
                says=self._says,
            )
        ears = Ears(feeds, links, self._says)

        def look(now_ns: int) -> Sequence[Order]:
            ears.look()
            return watcher.look(now_ns) if watcher else ()

        ways_out = WaysOut(
            self.nation.code,
            core,
            secret,
            self._edges(),
            exercise=exercise,
            now_ns=now_ns,
            sites=list(sites.values()),
            folder=self.state,
            step_ns=round(self.live.picture_s * NS_PER_S),
            decide=self.deciding.decide if self.deciding else None,
        )
        stack.callback(ways_out.close)
        delivering = self._delivering(stack, core)
        self.node = LiveNode(
            core,
            memory,
            feeds=feeds,
            links=links,
            wait=self._wait,
            now_ns=now_ns,
            heard=self._heard(ways_out, delivering),
            decided=self._decided(delivering),
            ahead=ahead.look if ahead else lambda _: None,
            kept=kept.keep if kept else lambda *_: None,
            took=ways_out.took,
            look=look,
            tick=auditing.tick if auditing else lambda _: None,
            together=store.together,
            proved=auditing.folder.sync if auditing else lambda: None,
            says=self._says,
            picture_ns=round(self.live.picture_s * NS_PER_S),
            checkpoint_ns=round(self.live.checkpoint_s * NS_PER_S),
        )
        ways_out.watch(self.node)
        self.node.catch_up()
        if delivering:
            delivering.catch_up()
        if kept:
            kept.catch_up(now_ns())
        if auditing and core.exchange:
            auditing.watch(core.exchange)

    def _watching(self) -> Watching | None:
        """Return what the nation's file warns of, and who may decide."""
        warning = self.nation.warning
        if warning is None:
            return None
        people = {name: Staff.of(person) for name, person in self._register().items()}
        return Watching.of(warning, people, area_nations(self.nation))

    def _register(self) -> Mapping[str, Person]:
        return read_people(self.people) if self.people.is_dir() else {}

    def _delivering(self, stack: ExitStack, core: Node) -> Delivering | None:
        """Return where approved alerts go: to a desk that makes messages of them in exercises alone."""
        if core.watch is None or self.nation.warning is None:
            return None
        delivering = Delivering(core.watch.command, self._arrived.set)
        own = pki.identity(self.keys) if self.keys.is_dir() else None
        if own is not None and own.exercise is not None:
            folder = self.nation.source.folder
            desk = open_desk(self.state, own, self.nation.warning, core, folder=folder, told=delivering.told)
            delivering.desk = stack.enter_context(desk)
        return delivering

    def _heard(self, ways_out: WaysOut, delivering: Delivering | None) -> Callable[[Outgoing, int], None]:
        """Return who is told what the node gives out: an alert is on the disk before anybody sees it."""

        def heard(out: Outgoing, now_ns: int) -> None:
            if delivering and (wrong := delivering.hear(out)):
                self._says(f"an alert cannot be sent: {wrong}")
            ways_out.hear(out, now_ns)

        return heard

    def _decided(self, delivering: Delivering | None) -> Callable[[int], list[Decision]]:
        """Return who is asked what was said since: people, and outlets."""
        say = [each.receive for each in (self.deciding, delivering) if each is not None]
        return lambda now_ns: [said for receive in say for said in receive(now_ns)]

    def _check_keys(self) -> None:
        """Refuse keys that cannot be used before anything is written.

        Raises:
            ValueError: if they are wanted and not there, or cannot be used.
        """
        if self.keys.is_dir():
            whose = pki.identity(self.keys).nation
            if whose != self.nation.code:
                raise ValueError(f"{self.keys}: are keys of {whose}, not of {self.nation.code}")
        elif self._wanted.keys or self._wanted.links or self.live.links or self.keys.exists():
            raise ValueError(f"{self.keys}: is no folder of keys; `noroshi pki init` makes one")
        else:
            self._says(f"stands alone: there are no keys in {self.keys}")

    def _wait(self, seconds: float) -> None:
        self._arrived.wait(seconds)
        self._arrived.clear()

    def _addresses(self) -> Sequence[str]:
        return self._wanted.feeds or self.live.feeds

    def _feed(self, address: str) -> Feed:
        return open_feed(address, arrived=self._arrived.set, now_ns=self._wanted.clock_ns)

    def _own_sites(self) -> Sequence[Any]:
        return [entry.site for entry in self.nation.sensors if entry.carrier is None]

    def _edges(self) -> Sequence[Mapping[str, Any]]:
        """Return the ways out, with the paths and tokens that files hold."""
        edges = [dict(each) for each in self.live.edges]
        if self._wanted.serve:
            edges.append({"type": "stream", "address": self._wanted.serve, "tokens": str(self._wanted.tokens or "")})
        for edge in edges:
            if "tokens" in edge:
                name = str(edge.pop("tokens"))
                edge |= read_tokens(self._folder / name) if name else {"viewers": {}}
        return edges


def read_tokens(path: Path) -> dict[str, Any]:
    """Return the viewers, operators and users of a file of tokens.

    TOML: `operators = ["…"]`, a table `[viewers]` that gives each token its nation, and a table `[[users]]` for each
    person who may look at the page (`run.web.users.users_of`). Nobody else may read it.

    Raises:
        ValueError: if it cannot be used.
    """
    try:
        told = tomllib.loads(read_secret(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: is no TOML: {error}") from error
    viewers, operators, users = told.pop("viewers", {}), told.pop("operators", []), told.pop("users", [])
    texts = [*viewers.values(), *operators] if isinstance(viewers, dict) and isinstance(operators, list) else [None]
    are_tables = isinstance(users, list) and all(isinstance(user, dict) for user in users)
    if told or not are_tables or not all(isinstance(text, str) for text in texts):
        raise ValueError(
            f'{path}: holds `operators = ["token"]`, a table [viewers] with "token" = "JPN", and [[users]] of the page'
        )
    return {"viewers": viewers, "operators": operators, **({"users": users} if users else {})}


def _motion_of(feeds: Sequence[Feed], sites: Sequence[SensorSite], tracker: str) -> str:
    """Return the motion models of a simulated feed's scenario; without one what suits the sensors."""
    for feed in feeds:
        if isinstance(feed, Simulated):
            return next(iter(feed.staged.setups.values())).motion
    return usual_motion(sites, tracker)


def _exercise(feeds: Sequence[Feed], sharing: Sharing | None) -> str | None:
    """Return the exercise that all that a node has belongs to, None if it is real.

    Raises:
        ValueError: if partners would take simulated sensors for real ones.
    """
    is_simulated = any(isinstance(feed, Simulated) for feed in feeds)
    if sharing is None:
        return "SIMULATED" if is_simulated else None
    if is_simulated and sharing.exercise is None:
        raise ValueError(
            "simulated sensors, and keys of no exercise: partners would take them for real; noroshi pki init --exercise"
        )
    return sharing.exercise


def _claim(state: State, folder: Path, nation: str) -> None:
    """Note whose memory a folder is.

    Raises:
        ValueError: if it is another's.
    """
    owner = (state.get("nation") or nation.encode()).decode(errors="replace")
    if owner != nation:
        raise ValueError(f"{folder}: is the memory of {owner}, not of {nation}; give each node its own with --state")
    state.put("nation", nation.encode())


def _secret(state: Path) -> bytes:
    """Return what the node's coarsening hangs on: made once, and kept as long as the folder is."""
    path = state / "secret.key"
    state.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(SECRET_BYTES))
    return path.read_bytes()


def _close_all(links: Mapping[str, Link]) -> None:
    for link in links.values():
        link.close()


@contextmanager
def _closing(thing: Any) -> Iterator[Any]:
    try:
        yield thing
    finally:
        thing.close()
