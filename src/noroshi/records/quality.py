"""Why a row is not used: errors as data."""

from enum import IntEnum


class Quality(IntEnum):
    """The code in `Detections.quality`. Zero is good; every other row is kept, counted, reported and not tracked.

    NOTHING is no fault: a row that measures nothing says that its sensor looked, when and from where, at all that it
    can see, and saw no more than the other rows of that time.
    """

    GOOD = 0
    NOT_FINITE = 1  # infinite, or NaN where the sensor always measures
    OUT_OF_BOUNDS = 2  # a range of 10,000 km, a latitude of 91 degrees
    BAD_COVARIANCE = 3  # not finite, not symmetric, or a variance that is not positive
    BAD_TIME = 4  # before 1970 or outside what the recording can hold
    UNKNOWN_SENSOR = 5  # no position or type is known for the sensor that gave it
    LATE = 6  # came after the window in which late data is still used
    DUPLICATE = 7  # the same report twice
    INCONSISTENT = 8  # contradicts its own target's other reports (spoofing, corruption)
    NO_POSITION = 9  # a report without a position: Mode S identity alone, for instance
    NOTHING = 10  # a look, and what else it saw: nothing


USABLE = Quality.GOOD, Quality.NOTHING
NOTHING = int(Quality.NOTHING)  # numpy takes three times as long to compare with a member of an enumeration
