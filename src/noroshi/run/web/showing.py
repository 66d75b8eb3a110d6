"""What the pages of a server show, wherever it comes from: a live node, a journal, an exercise that runs."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from noroshi.geo.time import NS_PER_S
from noroshi.run.web.cursor import Cursor
from noroshi.run.web.film import Film
from noroshi.run.web.messages import Acts, RefusedError
from noroshi.run.web.picture import Picture
from noroshi.run.web.reaching import coverage
from noroshi.run.web.stories import story
from noroshi.run.web.users import User

if TYPE_CHECKING:
    from noroshi.run.web.what_if import WhatIf

Decide = Callable[[str, str, Mapping[str, Any]], None]
"""Takes what an operator says of a proposal: of which nation's (its code), the operator's name, the message `decide` of
the wire. ValueError refuses it, with the reason in one line."""

Act = Callable[[User, str, Acts], Future[None]]
"""Takes what a person does of which view; the future says that it is done. ValueError, at once or in it, refuses it."""

LIVE, REPLAY, EXERCISE, EXPORT = "live", "replay", "exercise", "export"


@dataclass(slots=True, kw_only=True, eq=False)
class Showing:
    """A film that may still be growing, and what is known of it.

    Attributes:
        film: what was seen.
        mode: `LIVE`, `REPLAY` or `EXERCISE`.
        exercise: which exercise all of it belongs to; None is real.
        node: whose pictures they are.
        views: names of all views by key.
        own: the keys of those that are a node's own nation's.
        step_ns: from picture to picture.
        start_ns, end_ns: of the whole, where that is known before.
        rate: how fast a page plays at first.
        saying: what is being done, for people.
        pictures: of each view.
        is_well: whether the node is well.
        decide: takes what a person decides to the node (the one place where it does); None: nobody can decide here.
        act: takes what people of a played exercise do; None: nobody plays here.
        playing: returns the text `play` for a person; as `act`.
        speed: how fast what is followed goes on by itself; 0: it stands.
        what_if: answers what a change of the exercise would gain; None: not here.
        take: grows when what was shown is no longer so: an exercise went back and on in another way.
    """

    film: Film
    mode: str
    exercise: str | None
    node: str
    views: Mapping[str, str]
    own: frozenset[str]
    step_ns: int = NS_PER_S
    start_ns: int | None = None
    end_ns: int | None = None
    rate: float = 1.0
    saying: str = ""
    pictures: dict[str, Picture] = field(default_factory=dict)
    is_well: Callable[[], bool] = lambda: True
    decide: Decide | None = None
    act: Act | None = None
    playing: Callable[[User], dict[str, Any]] | None = None
    what_if: "WhatIf | None" = None
    speed: float = 1.0
    take: int = 0

    @property
    def span_ns(self) -> tuple[int, int]:
        """From when until when pictures are known; (0, 0) if none are."""
        return self.film.span_ns or (self.start_ns or 0, self.start_ns or 0)

    def cursor(self) -> Cursor:
        """Return where a page begins."""
        first_ns, last_ns = self.span_ns
        if self.mode == LIVE:
            return Cursor(at_ns=last_ns, following=True)
        return Cursor(at_ns=first_ns, rate=self.rate)

    def came(self, user: User) -> None:
        """Note that a page of a person is open."""

    def went(self, user: User) -> None:
        """Note that it is no longer."""

    def silent(self, view: str, now_ns: int) -> list[str]:
        """Return what a viewer should be told of what does not work."""
        picture = self.pictures.get(view)
        return picture.situation.silent(now_ns) if picture is not None and view in self.own else []

    def story_of(self, view: str, number: str, at_ns: int) -> dict[str, Any]:
        """Return the story of a track by its number in hexadecimal, as far as a view has shown it until a time."""
        return story(self.film.reel(view), number, at_ns)

    def whole_story_of(self, view: str, number: str, at_ns: int) -> dict[str, Any] | None:  # noqa: ARG002 none here
        """Return that story with what only the sensors' records tell; None where these are not at hand."""
        return None

    def coverage_of(self, view: str, height_m: float) -> dict[str, Any]:
        """Return what the sensors of a view's own nation see at a height."""
        picture = self.pictures.get(view)
        rows = coverage(picture.situation, height_m) if picture is not None and view in self.own else []
        return {"type": "coverage", "height_m": height_m, "rows": rows}

    def acknowledge(self, view: str, identifier: str, name: str) -> None:
        """Note that a person has seen an alert.

        Raises:
            RefusedError: if there is no such alert in the view.
        """
        picture = self.pictures.get(view)
        if view not in self.own or picture is None or not picture.acknowledge(identifier, name):
            raise RefusedError("there is no such alert")
