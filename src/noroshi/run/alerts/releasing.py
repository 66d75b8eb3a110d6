"""Whether an alert may go out to whom an outlet is for: asked of the one release function each time one is sent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from noroshi.node.core import Node
from noroshi.records import Alert
from noroshi.run.alerts.sending import Leave, name_of
from noroshi.sharing.facts import Facts
from noroshi.sharing.release import release
from noroshi.sharing.rules import Product


def leaves(settings: Sequence[Mapping[str, Any]], nation: str, node: Node, *, exercise: str | None) -> dict[str, Leave]:
    """Return by name from when on outlets of other nations may have an alert; the own nation is told all.

    The rules are those that hold when it is sent: what waits while they are tightened is judged by the new ones.

    Args:
        settings: of the outlets; `viewer` is whose people one is for, the own nation if it is left out.
        nation: whose node it is.
        node: the core.
        exercise: which exercise its alerts belong to.
    """
    viewers = {name_of(said): str(said.get("viewer", nation)) for said in settings}
    return {name: _leave(viewer, node, exercise) for name, viewer in viewers.items() if viewer != nation}


def _leave(viewer: str, node: Node, exercise: str | None) -> Leave:
    def leave(alert: Alert, now_ns: int) -> int | None:
        exchange = node.exchange
        if exchange is None:
            return None  # it shares with nobody
        facts = Facts(
            product=Product.WARNING, n=1, label=exchange.label, exercise=exercise, time_ns=np.array([alert.sent_ns])
        )
        told = release(exchange.policy, facts, now_ns=now_ns, secrets=exchange.secrets, recipients=[viewer])[viewer]
        return int(told.due_ns[0]) if len(told.rows) else None

    return leave
