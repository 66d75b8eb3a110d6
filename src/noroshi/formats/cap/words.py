"""The words of CAP for what an alert says: how urgent, how severe, how sure, and what to do."""

from noroshi.geo.time import iso_from_utc_ns
from noroshi.records import Alert, Certainty, Stage
from noroshi.records.alert import CANCEL

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
OWN = "noroshi:"  # how the names of parameters begin that carry what CAP has no element for
VERSION = "1"
PREDICTED = (Stage.BALLISTIC, Stage.GLIDING, Stage.WILL_PASS, Stage.WILL_LAND, Stage.ENTERING)
OVER = (Stage.PASSED, Stage.CLEAR)
ALL_CLEAR = "AllClear"
CATEGORIES = {"missile": ("Safety", "Security"), "sensor": ("Infra",)}
CERTAINTIES = {
    Certainty.UNLIKELY: "Unlikely",
    Certainty.POSSIBLE: "Possible",
    Certainty.LIKELY: "Likely",
    Certainty.OBSERVED: "Observed",
}


def categories(alert: Alert) -> tuple[str, ...]:
    """Return the categories of the hazard."""
    return CATEGORIES.get(alert.hazard, ("Security",))


def response(alert: Alert) -> str:
    """Return what kind of action is asked for."""
    stage = Stage(alert.stage)
    if alert.message == CANCEL or stage is Stage.CLEAR:
        return ALL_CLEAR
    if alert.hazard == "missile":
        return "Avoid" if stage is Stage.LANDED else "Shelter"
    return "Avoid" if alert.hazard == "ship" and stage in (Stage.ENTERING, Stage.ENTERED) else "Monitor"


def urgency(alert: Alert) -> str:
    """Return how soon one has to act."""
    stage = Stage(alert.stage)
    if alert.message == CANCEL or stage in OVER:
        return "Past"
    if alert.hazard == "missile":
        return "Immediate"
    return "Unknown" if alert.hazard == "sensor" else "Expected"


def severity(alert: Alert) -> str:
    """Return how great the threat to life and property is."""
    stage = Stage(alert.stage)
    if alert.message == CANCEL or stage in OVER or alert.hazard == "sensor":
        return "Minor"
    if alert.hazard != "missile":
        return "Moderate"
    return "Extreme" if stage in (Stage.WILL_LAND, Stage.LANDED) else "Severe"


def certainty(alert: Alert) -> str:
    """Return how sure it is; what is predicted is never called observed."""
    found = Certainty(alert.certainty)
    if Stage(alert.stage) in PREDICTED and found is Certainty.OBSERVED:
        found = Certainty.LIKELY
    return CERTAINTIES[found]


def cap_time(time_ns: int) -> str:
    """Return the second in which a time is, as CAP writes it."""
    return f"{iso_from_utc_ns(time_ns)[:19]}-00:00"
