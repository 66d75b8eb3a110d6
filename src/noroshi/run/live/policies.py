"""The policies that were in force, kept beside the outboxes: what they released is told from them after a restart."""

from collections.abc import Iterator

import msgspec

from noroshi.run.releasing import breaking
from noroshi.run.sharing import read_policy
from noroshi.sharing.parcels import State
from noroshi.sharing.rules import Policy, PolicyError, without_ended

KEY = "policies"
KEPT_MAX = 20


class Policies:
    """What was in force, newest last: a text, and the records of break-glass on top of it.

    Args:
        state: where it is kept.
        nation: whose policies these are.
    """

    def __init__(self, state: State, nation: str) -> None:
        self._state, self._nation = state, nation
        data = state.get(KEY)
        self._kept: list[tuple[str, list[bytes]]] = [] if data is None else msgspec.msgpack.decode(data, type=Kept)

    def begin(self, text: str, now_ns: int) -> Policy:
        """Return the policy to begin with: the text, and what broke through it before the node fell and is not over.

        Raises:
            PolicyError: if the text is no policy.
        """
        policy = read_policy(text, self._nation)
        if self._kept and self._kept[-1][0] == text:
            return without_ended(self._made(*self._kept[-1]) or policy, now_ns)
        self.keep(text)
        return policy

    def keep(self, text: str) -> None:
        """Keep a policy that comes in force."""
        self._add((text, []))

    def keep_broken(self, record: bytes) -> None:
        """Keep that the newest policy was broken through."""
        text, records = self._kept[-1]
        self._add((text, [*records, record]))

    def find(self, digest: str) -> Policy | None:
        """Return the policy of a digest that was in force, rules taken out whose time was over; None if unknown."""
        return next((policy for policy in self._all() if policy.digest == digest), None)

    def _all(self) -> Iterator[Policy]:
        for kept in reversed(self._kept):
            policy = self._made(*kept)
            if policy is not None:
                yield policy
                for end_ns in sorted({end for rule in policy.rules if (end := rule.when.ends_ns()) is not None}):
                    yield without_ended(policy, end_ns)

    def _made(self, text: str, records: list[bytes]) -> Policy | None:
        try:
            policy = read_policy(text, self._nation)
            for record in records:
                policy = breaking.applied(record, policy)
        except PolicyError:
            return None  # of a program that knew other rules: what it released is not known to be right
        return policy

    def _add(self, kept: tuple[str, list[bytes]]) -> None:
        self._kept = [*self._kept, kept][-KEPT_MAX:]
        self._state.put(KEY, msgspec.msgpack.encode(self._kept))


Kept = list[tuple[str, list[bytes]]]
