"""What a rewind holds: little, and enough to withdraw what it has told."""

import numpy as np
from test_nearest_neighbour import NS, RADAR, START_NS, level_flights, scan, tracker

from noroshi.records import Identity, Tracks, TrackStatus, certain_kind
from noroshi.tracking.rewind import Rewind


class Told:
    """A tracker that tells of tracks 1 and 2 at each batch, and of 1 alone once a batch of three plots has come."""

    def __init__(self):
        self.batches = []

    def alive(self):
        return np.array([1] if any(len(batch) == 3 for batch in self.batches) else [1, 2], np.uint64)

    def last_change(self):
        return len(self.batches)

    def take_back(self, change):
        self.batches = self.batches[: change - 1]

    def step(self, detections, sensor, *, report):
        self.batches.append(detections)
        number, n = self.alive(), len(self.alive())
        time_ns = np.full(n, detections.time_ns.max())
        return Tracks(
            node="n", source_names=("radar",), track_id=number, time_ns=time_ns, updated_ns=time_ns,
            revision=np.zeros(n, np.int32), state_ecef=np.full((n, 6), float(detections.time_ns[0] - START_NS)),
            covariance_ecef=np.tile(np.eye(6), (n, 1, 1)), existence=np.ones(n), kind_probability=certain_kind(1, n),
            status=np.full(n, TrackStatus.FIRM, np.uint8), sources=np.ones((n, 1), np.bool_),
            identity=Identity.absent(n),
        )  # fmt: skip


def test_a_track_that_is_not_in_the_corrected_past_is_withdrawn_as_it_was_last_told_of():
    rng, two, three = np.random.default_rng(3), level_flights(2), level_flights(3)
    late = Rewind(Told(), window_ns=600 * NS)
    for k in range(100):
        late.step(scan(two, k, rng, period_s=2.0), RADAR)
    rows = late.step(scan(three, 90.5, rng, period_s=2.0), RADAR)
    is_lost = rows.status == TrackStatus.LOST
    assert rows.track_id[is_lost].tolist() == [2]
    assert rows.time_ns[is_lost].tolist() == [START_NS + 198 * NS]
    assert (rows.state_ecef[is_lost] == 198.0 * NS).all()
    assert rows.track_id[~is_lost].tolist() == [1] * 10
    assert (rows.revision == 1).all()


def test_what_was_last_told_of_is_withdrawn_after_a_restart_too():
    rng, two, three = np.random.default_rng(3), level_flights(2), level_flights(3)
    late, again = Rewind(Told(), window_ns=600 * NS), Rewind(Told(), window_ns=600 * NS)
    for k in range(10):
        late.step(scan(two, k, rng, period_s=2.0), RADAR)
    again.tracker.restore = lambda before: None
    late.tracker.state_before = lambda changes: {}
    again.resume(*late.memory(), {"radar": RADAR}, late.counters(), late.given())
    plots = scan(three, 5.5, rng, period_s=2.0)
    first, second = late.step(plots, RADAR), again.step(plots, RADAR)
    assert first.track_id.tolist() == second.track_id.tolist()
    assert np.array_equal(first.state_ecef, second.state_ecef)


def test_what_it_holds_of_a_batch_is_its_plots():
    """Of what was told one row a track is kept, and the noise of plots that are alike once a batch."""
    rng, states = np.random.default_rng(4), level_flights(30, apart_deg=0.1)
    late = Rewind(tracker(), window_ns=10_000 * NS)
    for k in range(150):
        late.step(scan(states, k, rng), RADAR)
    given = late.given()
    assert np.array_equal(given.track_id, np.sort(late.tracker.alive()))
    _, batches = late.memory()
    assert len(batches) == 150
    assert all(batch.covariances.strides[0] == 0 for batch in batches)
