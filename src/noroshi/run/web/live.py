"""A node that lives as something to show: what its viewers see now, and what they have seen since it started."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from noroshi.run.web.film import Film
from noroshi.run.web.showing import LIVE, Decide, Showing

FILM_BYTES_MAX = 1 << 30  # of each view


class LiveShowing(Showing):
    """What a live node shows; its pictures come through `run.web.picture.Picture`, which is an edge.

    Args:
        nation: whose node it is.
        viewers: nation codes of all who may look.
        names: of nations, by code.
        exercise: which exercise all of it belongs to; None is real.
        step_ns: from picture to picture.
        is_well: whether the node is well.
        folder: where the film is kept; the system's own for such files if None.
        decide: takes what a person decides to the node; None: nobody can decide here.
    """

    def __init__(
        self,
        nation: str,
        viewers: Sequence[str],
        *,
        names: Mapping[str, str],
        exercise: str | None,
        step_ns: int,
        is_well: Callable[[], bool],
        folder: Path | None = None,
        decide: Decide | None = None,
    ) -> None:
        others = sorted(set(viewers) - {nation})
        views = {code: names.get(code, code) for code in (nation, *others)}
        super().__init__(
            film=Film(FILM_BYTES_MAX, folder=folder),
            mode=LIVE,
            exercise=exercise,
            node=nation,
            views=views,
            own=frozenset({nation}),
            step_ns=step_ns,
            is_well=is_well,
            decide=decide,
        )
        for code in views:
            self.film.reel(code)
