"""What people of a live node decide: at its page, with their own keys.

A person's private key lies on the node's machine only where that person works at it. What is said waits in a queue and
is drafted and signed in the node's own thread, against what the matter has come to by then.
"""

from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from noroshi.command.people import Person, sign
from noroshi.command.rows import decision_of
from noroshi.command.transitions import IN_FORCE, UNDECIDED, Role, Step
from noroshi.node.watch import Watch
from noroshi.records import Decision
from noroshi.run.people import read_key

SAYS = (*IN_FORCE, Step.REJECTED)


class Deciding:
    """The people of a node, as far as they work at it.

    Args:
        nation: whose node it is.
        watch: of the node.
        people: the register, by name.
        folder: of the register: private keys lie there.
        arrived: called when somebody has said something.
    """

    def __init__(
        self, nation: str, watch: Watch, people: Mapping[str, Person], folder: Path, arrived: Callable[[], None]
    ) -> None:
        self._nation, self._watch, self._arrived = nation, watch, arrived
        self._keys: dict[str, Ed25519PrivateKey] = {
            name: read_key(folder, name)
            for name, person in people.items()
            if person.nation == nation and Role.APPROVER in person.roles and (folder / f"{name}.key").is_file()
        }
        self._said: deque[tuple[str, str, Step, str]] = deque()

    def decide(self, view: str, user: str, said: Mapping[str, Any]) -> None:
        """Take what an operator says at the page; from any thread.

        Raises:
            ValueError: if nobody of that name may, or it makes no sense; one line.
        """
        names = [user] if user in self._keys else list(self._keys) if not user else []
        if view != self._nation or len(names) != 1:
            who = f"'{user}' has" if user else f"{len(names)} people have"
            raise ValueError(f"{who} a key of an approver of {self._nation} on this machine; see docs/warning.md")
        step = Step(str(said["step"]))
        if step not in SAYS:
            raise ValueError(f"'{step}' is not said of a proposal")
        if step is Step.REJECTED and not str(said["reason"]).strip():
            raise ValueError("say why it is rejected")
        self._said.append((names[0], str(said["identifier"]), step, str(said["reason"])))
        self._arrived()

    def receive(self, now_ns: int) -> list[Decision]:
        """Return what was said since, signed; what does not wait any more is passed over."""
        told = []
        while self._said:
            name, identifier, step, reason = self._said.popleft()
            book = self._watch.command.book
            matter = book.matters.get((self._nation, identifier))
            if matter is None or matter.state not in UNDECIDED:
                continue
            row = book.draft(identifier, step, by=name, role=Role.APPROVER, now_ns=now_ns, reason=reason)
            told.append(decision_of([sign(row, self._keys[name])]))
        return told
