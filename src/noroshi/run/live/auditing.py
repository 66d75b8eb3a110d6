"""What a live node notes for its audit: releases, what was withheld, receipts, changes of the rules."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from noroshi.node.channel import FEED
from noroshi.node.exchange import Exchange
from noroshi.records.order import BREAK_GLASS
from noroshi.run.live.policies import Policies
from noroshi.run.releasing import breaking
from noroshi.run.sharing import Own, read_policy
from noroshi.run.stores.audit import AuditFolder
from noroshi.run.stores.outbox import StoreFile
from noroshi.sharing.audit import Pledge, Receipt, withheld_content
from noroshi.sharing.facts import Facts
from noroshi.sharing.parcels import Store
from noroshi.sharing.release import Released
from noroshi.sharing.rules import Policy

NOTE_NS = 60_000_000_000


class Auditing:
    """The audit of one node's exchange.

    Args:
        folder: of the record.
        nation: whose node it is.
        own: its keys.
        keys: the partners' public signing keys by nation.
        policies: where those that come in force are kept.
        now_ns: the time.
    """

    def __init__(
        self,
        folder: Path,
        nation: str,
        own: Own,
        keys: Mapping[str, Sequence[Ed25519PublicKey]],
        policies: Policies,
        now_ns: int,
    ) -> None:
        self.folder = AuditFolder(folder, owner=nation, key=own.key, keys=keys, time_ns=now_ns)
        self._nation, self._own, self._policies = nation, own, policies
        self._exchange: Exchange | None = None
        self._withheld: dict[str, dict[str, Counter[str]]] = {}
        self._noted_ns = now_ns
        self._pledged: dict[str, Pledge] = {}
        self._kept: dict[str, tuple[Receipt | None, Receipt | None]] = {}

    def store_of(self, store: StoreFile) -> Callable[[str], Store]:
        """Return what gives each partner's outbox; what it sealed before a fall and did not note is noted now."""

        def box(partner: str) -> Store:
            found = store.outbox(partner, self.folder.note(partner, FEED))
            self.folder.catch_up(partner, FEED, found.sealed(), time_ns=self._noted_ns)
            return found

        return box

    def new_policy(self, kind: str, content: str, policy: Policy, now_ns: int) -> Policy:
        """Return the policy that an order makes of the one in force, and note it.

        Raises:
            PolicyError: if the order makes no sense.
        """
        if kind == BREAK_GLASS:
            changed, said = breaking.take_in(content.encode(), policy, [self._own.key.public_key()], now_ns=now_ns)
            self._policies.keep_broken(content.encode())
        else:
            changed = read_policy(content, self._nation)
            self._policies.keep(content)
            said = {"policy_before": policy.digest, "policy": changed.digest, "text": content}
        if self._exchange is not None and not self._exchange.is_silent:
            self.folder.append(kind, said, time_ns=now_ns)
        return changed

    def watch(self, exchange: Exchange) -> None:
        """Note from now on what this exchange does, and what it begins with."""
        self._exchange = exchange
        self.folder.append(
            "policy", {"policy": exchange.policy.digest, "in force": "from the start"}, time_ns=self._noted_ns
        )
        exchange.judged = self._judged

    def tick(self, now_ns: int) -> None:
        """Note what is due: receipts at once, what was withheld once a minute; a pledge goes to each partner then."""
        given = self.folder.tick(now_ns)
        if self._exchange is None:
            return
        for code, channel in self._exchange.channels.items():
            if given is not None:
                channel.pledge(given)
            if channel.pledged is not None and channel.pledged != self._pledged.get(code):
                self.folder.hold(channel.pledged)
                self._pledged[code] = channel.pledged
            before = self._kept.get(code, (None, None))
            now = (channel.receipt, channel.proof)
            if now[0] is not None and now[0] != before[0]:
                self.folder.keep(now[0])
            if now[1] is not None and now[1] != before[1]:
                self.folder.hold(now[1])
            self._kept[code] = now
        if now_ns - self._noted_ns >= NOTE_NS:
            self._note_withheld(now_ns)

    def close(self, now_ns: int) -> None:
        """Note all that is left, sign for it, and close."""
        self._note_withheld(now_ns)
        self.folder.close(now_ns)

    def _judged(self, facts: Facts, told: Mapping[str, Released], now_ns: int) -> None:  # noqa: ARG002
        if self._exchange is None or self._exchange.is_silent:
            return
        for code, released in told.items():
            content = withheld_content(released, self._exchange.policy)
            sums = self._withheld.setdefault(code, {"reasons": Counter(), "rules": Counter()})
            for what, counts in sums.items():
                counts.update(content[what])

    def _note_withheld(self, now_ns: int) -> None:
        for code, sums in sorted(self._withheld.items()):
            said: dict[str, Any] = {what: dict(sorted(counts.items())) for what, counts in sums.items()}
            if said["reasons"]:
                self.folder.append("withheld", {"recipient": code, **said}, time_ns=now_ns)
        self._withheld, self._noted_ns = {}, now_ns
