"""CAP, the Common Alerting Protocol: alerts as XML that warning systems of all countries read, and back.

What this program writes is of status `Exercise`: `encode` takes nothing that could make it another. A message of status
`Actual` is another type with keys of another kind (`authority.py`), and nothing here has what it takes to make one.
What is read is a `Notice` of the type of its status, so that none can be taken for another.

A file is signed by an enveloped XML signature, as CAP wants it (`noroshi.run.alerts.signing`).

Source: OASIS, Common Alerting Protocol version 1.2 (1 July 2010): 3.2 for the elements, 3.3.2 for times, 3.3.4.1 for
signatures. It says times to the second and UTC as -00:00; exact times are among the parameters.
"""

from noroshi.formats.cap.authority import ActualMessage, Approval, Authority
from noroshi.formats.cap.reading import ActualNotice, ExerciseNotice, Notice, OtherNotice, alert_of, decode
from noroshi.formats.cap.writing import encode

__all__ = [
    "ActualMessage",
    "ActualNotice",
    "Approval",
    "Authority",
    "ExerciseNotice",
    "Notice",
    "OtherNotice",
    "alert_of",
    "decode",
    "encode",
]
