"""All measures of exercises, family by family."""

from collections.abc import Mapping

from noroshi.assessment.exercises import (
    agreement,
    all_clears,
    clocks,
    custodies,
    deciding,
    ledger,
    links,
    pictures,
    stepping,
    tracked,
    uncertainty,
    warned,
)
from noroshi.assessment.exercises.definition import Definition

FAMILIES: Mapping[str, Mapping[str, Definition]] = {
    "The picture": pictures.MEASURES,
    "What was tracked": tracked.MEASURES,
    "Custody of threats": custodies.MEASURES,
    "When": clocks.MEASURES,
    "Where the seconds went": ledger.MEASURES,
    "How sure": uncertainty.MEASURES,
    "Agreement": agreement.MEASURES,
    "Links": links.MEASURES,
    "People warned": warned.MEASURES,
    "All-clears": all_clears.MEASURES,
    "People who decide": deciding.MEASURES,
    "How decisions went": stepping.MEASURES,
}
"""By what they are about, in the order of docs/measures.md."""

MEASURES: Mapping[str, Definition] = {name: one for family in FAMILIES.values() for name, one in family.items()}
"""By name; a name is in one family."""
