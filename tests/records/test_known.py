"""What is remembered: the latest asked, no more than there is room for; questions that differ anywhere differ."""

import numpy as np

from noroshi.records import Detections
from noroshi.records.known import Known, question, size_of


def test_the_longest_unasked_is_forgotten_first():
    known = Known(3)
    for name in (b"a", b"b", b"c"):
        known.put(name, name.decode())
    assert known.get(b"a") == "a"
    known.put(b"d", "d")
    assert [known.get(name) for name in (b"a", b"b", b"c", b"d")] == ["a", None, "c", "d"]
    known.put(b"e", "e", 2)
    assert known.size == 3
    known.put(b"f", "f", 4)
    assert known.get(b"f") is None
    assert known.size == 3


def plots(**changes):
    columns = {
        "sensor": "radar",
        "components": ("range_m", "azimuth_rad"),
        "time_ns": np.array([1, 2]),
        "values": np.array([[1.0, 2.0], [3.0, 4.0]]),
    }
    return Detections.of(**(columns | changes))


def test_questions_hang_on_all_that_was_asked():
    asked = [
        question(b"", 5, plots()),
        question(b"before", 5, plots()),
        question(b"", 6, plots()),
        question(b"", 5, plots(sensor="other")),
        question(b"", 5, plots(time_ns=np.array([1, 3]))),
        question(b"", 5, plots(values=np.array([[1.0, 2.0], [3.0, np.nextafter(4.0, 5.0)]]))),
    ]
    assert len(set(asked)) == len(asked)
    assert question(b"", 5, plots()) == asked[0]
    turned = np.asfortranarray(plots().values)
    assert question(b"", turned) == question(b"", plots().values)
    assert size_of(plots()) > 2 * 8 * 3
