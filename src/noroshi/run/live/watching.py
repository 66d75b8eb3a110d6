"""What changes while a node runs: partners that come and go, keys that are rotated, rules, links.

Files are looked at every few seconds. What has changed reaches the node as an order, which is in its journal; a file
that cannot be read changes nothing and is told once, so that a slip of the pen does not stop a node.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noroshi.records import Order
from noroshi.records.order import BREAK_GLASS, NO_PARTNER, PARTNER, POLICY
from noroshi.run import pki
from noroshi.run.feeds import NOT_YET, Feed
from noroshi.run.links import Link
from noroshi.run.live.settings import keys_text
from noroshi.run.scenarios import Nation, read_nation
from noroshi.run.scenarios.policies import policy_of

Open = Callable[[Mapping[str, Any]], Link]


class Watcher:
    """Looks at a node's files.

    Args:
        nation: as it was read when the node began.
        name: the nation's file, or the name of a shipped one.
        keys: folder of keys.
        links: the node's links by partner, which this opens and closes.
        fixed_links: what a person said of links at the start, instead of the file.
        orders: folder where records of break-glass are put; each is taken in once and renamed.
        open_: opens a link.
        says: told, in one line, what was done and what is wrong.
    """

    def __init__(
        self,
        nation: Nation,
        name: str,
        *,
        keys: Path,
        links: dict[str, Link],
        fixed_links: Sequence[Mapping[str, Any]],
        orders: Path,
        open_: Open,
        says: Callable[[str], None],
    ) -> None:
        self._nation, self._name, self._keys, self._links = nation, name, keys, links
        self._fixed, self._orders, self._open, self._says = fixed_links, orders, open_, says
        self._partners: dict[str, str] | None = None
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._troubles: set[str] = set()

    def look(self, now_ns: int) -> list[Order]:
        """Return what the node is to be told, and open and close links; the first look tells nothing that it knows."""
        orders = self._look_at_nation(now_ns) + self._look_at_partners(now_ns) + self._look_at_orders(now_ns)
        self._look_at_links()
        return orders

    def _look_at_nation(self, now_ns: int) -> list[Order]:
        try:
            fresh = read_nation(self._name)
            _ = policy_of(fresh)
        except (ValueError, OSError) as error:
            self._complain(f"{self._name}: not read again: {error}")
            return []
        if fresh.code != self._nation.code:
            self._complain(f"{self._name}: not read again: it is of {fresh.code}, not of {self._nation.code}")
            return []
        before, self._nation = _policy_text(self._nation), fresh
        text = _policy_text(fresh)
        if text == before:
            return []
        self._says("other release rules from now on")
        return [Order.of(POLICY, fresh.code, text, now_ns)]

    def _look_at_partners(self, now_ns: int) -> list[Order]:
        try:
            known = {partner.nation: keys_text(partner, now_ns) for partner in pki.partners(self._keys)}
        except (ValueError, OSError) as error:
            self._complain(f"partners not read again: {error}")
            return []
        before, self._partners = self._partners, known
        if before is None:
            return []
        orders = [Order.of(PARTNER, code, keys, now_ns) for code, keys in known.items() if before.get(code) != keys]
        for code in sorted(set(before) - set(known)):
            orders.append(Order.of(NO_PARTNER, code, "", now_ns))
            if code in self._links:
                self._links.pop(code).close()
        for order in orders:
            self._says(f"{order.kind[0]}: {order.subject[0]}")
        return orders

    def _look_at_orders(self, now_ns: int) -> list[Order]:
        found = []
        for path in sorted(self._orders.glob("*.json")):
            try:
                text = path.read_text(errors="replace")
                path.rename(path.with_suffix(".taken"))
            except OSError as error:
                self._complain(f"{path.name}: not taken in: {error.strerror or error}")
                continue
            found.append(Order.of(BREAK_GLASS, self._nation.code, text, now_ns))
            self._says(f"took in {path.name}")
        return found

    def _look_at_links(self) -> None:
        """Open the links that the file names; those of which it says something else than before, anew."""
        wanted = {str(each.get("partner")): dict(each) for each in self._fixed or self._nation.live.links}
        for code in sorted(set(self._links) - set(wanted)):
            self._links.pop(code).close()
        for code, settings in wanted.items():
            if code not in (self._partners or {}):
                if self._partners is not None:
                    take = f"noroshi pki partner {self._keys} {code}.toml --check ..."
                    self._complain(f"link to {code}: waits for its keys: take its file in with {take}")
                continue
            if code in self._links and self._settings.get(code) == settings:
                continue
            if code in self._links:
                self._links.pop(code).close()
            try:
                self._links[code] = self._open(settings)
                self._settings[code] = settings
                self._says(f"link to {code} open")
            except (ValueError, OSError) as error:
                told = str(error)
                self._complain(told if told.startswith("link to ") else f"link to {code}: {told}")

    def _complain(self, trouble: str) -> None:
        if trouble not in self._troubles:
            self._troubles.add(trouble)
            self._says(trouble)


class Ears:
    """Tells when a feed cannot hear, or a link loses its partner, and when it can again and the partner is back.

    Args:
        feeds: all that the node has.
        links: by partner, as they are opened and closed.
        says: told, in one line, what has changed.
    """

    def __init__(self, feeds: Sequence[Feed], links: Mapping[str, Link], says: Callable[[str], None]) -> None:
        self._feeds, self._links, self._says = feeds, links, says
        self._deaf: set[str] = set()
        self._partners: dict[str, _Heard] = {}

    def look(self) -> None:
        """Tell what has changed since the last look."""
        for feed in self._feeds:
            health = feed.health
            if health.is_up and feed.name in self._deaf:
                self._deaf.remove(feed.name)
                self._says(f"feed {feed.name}: is heard again")
            elif not health.is_up and feed.name not in self._deaf and health.trouble != NOT_YET:
                self._deaf.add(feed.name)
                self._says(f"feed {feed.name}: {health.trouble or 'has ended'}")
        for code, link in self._links.items():
            is_up, n_came, last = link.up, link.counters.arrivals, self._partners.get(code)
            if last is None or last.link is not link:
                last = _Heard(link)
            if is_up and not last.is_up:
                self._says(f"link to {code}: its node is {'there again' if last.was_ever_up else 'there'}")
            elif last.is_up and not is_up:
                why = (link.trouble or "").removeprefix(f"{code}: ")
                self._says(f"link to {code}: {why or 'broke, or its node has ended; it is tried again'}")
            elif is_up and n_came > last.n_came:  # both between two looks
                self._says(f"link to {code}: broke for a moment; its node is there again")
            self._partners[code] = _Heard(link, is_up, last.was_ever_up or is_up, n_came)


@dataclass(frozen=True)
class _Heard:
    """How a link was when it was looked at, and how often its partner had come."""

    link: Link
    is_up: bool = False
    was_ever_up: bool = False
    n_came: int = 0


def _policy_text(nation: Nation) -> str:
    return "" if nation.policy is None else nation.policy.text
