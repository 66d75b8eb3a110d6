"""Two real launches predicted from range, apogee and bearing alone, beside what was published of them."""

from scripts.validation import Check

from noroshi.exercise.events import predict
from noroshi.run.events import load_event

EVENTS = ("2017-09-15", "2022-10-04")
MINUTE = 1.0  # lift-off and what followed are both published as whole minutes
FAR = 0.05  # "about so many kilometres", to the nearest hundred, and not from where in Japan


def checks() -> list[Check]:
    """Return what was published of each launch beside the median prediction."""
    return [
        Check(
            what=f"launch of {name}, {row.what}",
            unit=f"{row.unit} after lift-off" if row.unit == "min" else row.unit,
            expected=row.published,
            computed=row.predicted,
            tolerance=MINUTE if row.unit == "min" else FAR * row.published,
            source=row.source,
        )
        for name in EVENTS
        for row in predict(load_event(name)).compared
        if row.role == "predicted"
    ]
