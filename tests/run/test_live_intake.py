"""What a partner sends beyond its allowance is not read."""

from noroshi.node.channel import SENT_BYTES_S
from noroshi.run.live.intake import BURST_BYTES, BYTES_S, FRAME_BYTES, Intake

SECOND = 10**9


def test_who_sends_what_a_node_sends_is_read_whole():
    intake, frame = Intake(), b"x" * 250_000
    for k in range(600):
        frames = [frame] * round(SENT_BYTES_S / 10 / len(frame)) + [b"beacon"] * 2
        assert len(intake.read(frames, k * SECOND // 10)) == len(frames)


def test_who_sends_more_is_read_at_the_rate():
    intake, frame, read = Intake(), b"x" * 100_000, 0
    for k in range(600):
        read += sum(map(len, intake.read([frame] * 40, k * SECOND // 10)))
    assert BYTES_S * 60 * 0.99 < read <= BYTES_S * 60 + BURST_BYTES + 100_000


def test_small_frames_count_for_more_than_they_are():
    intake, read = Intake(), 0
    for k in range(100):
        read += len(intake.read([b"x"] * 5_000, k * SECOND // 10))
    assert read <= (BYTES_S * 10 + BURST_BYTES) / FRAME_BYTES + 1


def test_a_clock_that_runs_backwards_gives_nothing():
    intake = Intake()
    intake.read([b"x" * int(BURST_BYTES)], 100 * SECOND)
    assert list(intake.read([b"x"], SECOND)) == []
