"""What the runs of a campaign came to, in rows: what campaigns keep, and what comparisons and reports read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of one run.

    Attributes:
        measure: what was measured; its unit is last in its name where it has one, as in `lead_time_s`.
        value: infinite for a time that never came; NaN where it has no meaning in this run.
        node: the nation whose picture or people it is about; empty for the coalition as a whole.
        shared: whether it is about what the node knows with its partners, not by its own sensors alone.
        subject: what else it is about: a threat, a place, a link as "JPN>USA"; empty if nothing.
        at_s: where on a curve, in seconds since the start; NaN for a figure of the whole run.
    """

    measure: str
    value: float
    node: str = ""
    shared: bool = True
    subject: str = ""
    at_s: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way in which a scenario is run.

    Attributes:
        name: short, of the letters of a file's name: "no-sharing".
        title: for a person: "Nations share nothing".
        changes: new values of the scenario's parameters, by path: "weather.cloud_top_m".
        sharing: whether links carry anything.
        is_remedy: whether it is something that one could do, such as a further sensor; not something that breaks.
    """

    name: str
    title: str = ""
    changes: Mapping[str, object] = field(default_factory=dict)
    sharing: bool = True
    is_remedy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What came of one run.

    Attributes:
        variant: name of the variant.
        replicate: which repetition; runs of one replicate have the same truth and the same noise.
        figures: what was measured.
        digests: of the nodes' journals, by node.
        processor_s: what it took.
        error: why it failed, in one line; empty if it did not.
    """

    variant: str
    replicate: int
    figures: Sequence[Figure] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    processor_s: float = 0.0
    error: str = ""
