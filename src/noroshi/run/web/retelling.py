"""A track's whole story, from a journal: its node is run again until the moment that is looked at, and watched.

What went to whom is told as the rules judge the track at that moment.
"""

import dataclasses
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np

from noroshi.node.core import Node
from noroshi.records import Batch
from noroshi.run.drive import drive
from noroshi.run.journal import read_records
from noroshi.run.setup import Setup
from noroshi.sharing.explain import explain
from noroshi.sharing.facts import facts_of
from noroshi.sharing.label import encode
from noroshi.sharing.rules import Product
from noroshi.tracking import Tracker
from noroshi.tracking.keeper import Keeper
from noroshi.tracking.story import Registry, Terms, Witness, tell

LINES_MAX = 200

Make = Callable[[], tuple[Node, Tracker]]


def retold(make: Make, setup: Setup, paths: tuple[Path, ...], number: int, at_ns: int) -> dict[str, Any] | None:
    """Return the parts of a story that the film does not have.

    Args:
        make: a new node of the journal, and its tracker.
        setup: of the journal.
        paths: its segments.
        number: of the track, as the node's own nation sees it.
        at_ns: until when.

    Returns:
        `text`, `detections`, `models` and `releases` of the wire's `story`; None if the node's tracker keeps no single
        tracks, or none of its own tracks is in this one.
    """
    node, tracker = make()
    if not isinstance(tracker, Keeper):
        return None
    registry = tracker.listener = Registry(tracker)
    drive(node, _until(paths, at_ns))
    own = _own_number(node, registry, number, at_ns)
    if own is None:
        return None
    again, watched = make()
    assert isinstance(watched, Keeper)
    witness = watched.listener = Witness(watched, own)
    drive(again, _until(paths, at_ns))
    models = tuple(setup.motion.split("+"))
    terms = Terms(
        sensors=tuple(site.sensor for site in setup.sites),
        models=models,
        rules=dataclasses.asdict(watched.parameters),  # type: ignore[attr-defined]
        names={},
    )
    events = tell(witness.glimpses(), terms)
    detections = []
    for event in events:
        for candidate in event.candidates:
            if candidate.plot == event.own or candidate.probability > 0.0:
                detections.append(
                    {
                        "time_ms": candidate.time_ns / 1e6,
                        "received_ms": None,
                        "sensor": event.sensor,
                        "weight": round(candidate.probability, 3),
                    }
                )
    return {
        "text": "\n".join(event.text for event in events[-LINES_MAX:]),
        "detections": detections,
        "models": [
            [event.time_ns / 1e6, dict(zip(models, np.round(event.models, 3).tolist(), strict=True))]
            for event in events
            if len(event.models) == len(models)
        ],
        "releases": _releases(node, own, at_ns),
    }


def _until(paths: tuple[Path, ...], at_ns: int) -> Iterator[tuple[int, Batch]]:
    for path in paths:
        yield from takewhile(lambda entry: entry[0] <= at_ns, read_records(path))


def _own_number(node: Node, registry: Registry, number: int, at_ns: int) -> int | None:
    """Return the node's own track in a fused one: the one that has been there longest."""
    roster = registry.roster()
    if node.exchange is None:
        found = roster.number == number
    else:
        lineage = node.exchange.fusion.lineage(at_ns)
        mine = (lineage.track_id == np.uint64(number)) & (lineage.owner == node.name)
        held = lineage.contribution[mine]
        classes = sorted(set(node.exchange.policy.partners.values()))
        seen = [node.exchange.secrets.numbers(one).of(roster.number.view(np.uint64)) for one in classes]
        found = np.isin(seen, held).any(axis=0) if len(seen) else np.zeros(len(roster.number), np.bool_)
    at = np.flatnonzero(found)
    return None if not len(at) else int(roster.number[at[np.argmin(roster.first_ns[at])]])


def _releases(node: Node, own: int, at_ns: int) -> list[dict[str, Any]]:
    """Return what each partner is told of a track of the node's own, and by which rule."""
    exchange = node.exchange
    picture = node.own_picture(at_ns)
    (row,) = np.flatnonzero(picture.track_id == np.uint64(own))[:1].tolist() or (None,)
    if exchange is None or row is None:
        return []
    facts = facts_of(
        picture.replace(label=encode(exchange.label)),
        product=Product.CONTRIBUTION,
        exercise=exchange.exercise,
        sensor_types=exchange.sensor_types,
    )
    told = []
    for partner in sorted(exchange.policy.partners):
        story = explain(exchange.policy, facts, row, partner, now_ns=at_ns, secrets=exchange.secrets)
        outcome = story.outcome.name.lower().replace("_", " ")
        told.append({"to": partner, "rule": story.rule, "outcome": outcome, "time_ms": at_ns / 1e6})
    return told
