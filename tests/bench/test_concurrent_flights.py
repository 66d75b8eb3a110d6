"""The bench's thousand flights: each leg moved as a whole to the common time, no two with one address."""

import sys
from pathlib import Path

import numpy as np

from noroshi.records import Identity, Truth

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

import concurrent_flights

NS = 10**9


def test_legs_keep_their_course_and_get_one_middle_and_addresses_of_their_own():
    legs = {"aaaaaa": (0, 100, 7), "aaaaaa/2": (900, 1_300, 7), "bbbbbb": (50, 71, 2)}
    rows = [(name, t, address) for name, (start, stop, address) in legs.items() for t in range(start, stop + 1, 3)]
    name, time_s, address = (np.array(column) for column in zip(*rows, strict=True))
    truth = Truth(
        target=name,
        time_ns=time_s * NS,
        kind=np.ones(len(rows), np.uint8),
        state_ecef=np.arange(6.0 * len(rows)).reshape(-1, 6),
        identity=Identity.absent(len(rows)).replace(icao_address=address),
    )
    shifted, together_ns = concurrent_flights.at_one_time(truth)
    assert (shifted.state_ecef == truth.state_ecef).all()
    for leg in legs:
        mine = name == leg
        times, before = shifted.time_ns[mine], truth.time_ns[mine]
        assert abs((times[0] + times[-1]) // 2 - together_ns) <= 1
        assert (np.diff(times) == np.diff(before)).all()
        assert len(set(shifted.identity.icao_address[mine])) == 1
    assert (shifted.identity.icao_address[name == "aaaaaa"] == 7).all()
    assert len(set(shifted.identity.icao_address)) == len(legs)
