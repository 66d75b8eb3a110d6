import errno
import resource

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcap.reader import make_reader

from noroshi.formats import FormatError
from noroshi.records import Detections, SensorSite, digest
from noroshi.run.journal import JournalWriter, journal_digest, read_records, read_setup
from noroshi.run.setup import Setup, Site

SETUP = Setup(sites=[Site("radar", "search_radar", lat_rad=0.8, lon_rad=0.1, height_m=0.0)], parameters={"x": 1.0})


def batch(k):
    return Detections.of(
        sensor="radar",
        components=("range_m", "azimuth_rad"),
        time_ns=np.array([k + 1, k + 2]),
        values=np.array([[1e5, 0.5], [2e5, np.nan]]),
    )


@pytest.fixture
def path(tmp_path):
    """Return a journal of five batches."""
    with JournalWriter(tmp_path / "j.mcap", SETUP) as journal:
        for k in range(5):
            journal.write(batch(k), 10 * k)
    return tmp_path / "j.mcap"


def test_what_was_written_comes_back(path):
    assert read_setup(path) == SETUP
    back = list(read_records(path))
    assert [now for now, _ in back] == [0, 10, 20, 30, 40]
    assert [digest(record) for _, record in back] == [digest(batch(k)) for k in range(5)]


def test_a_site_may_be_of_numpy_numbers(tmp_path):
    site = SensorSite(
        sensor="radar",
        type="search_radar",
        lat_rad=np.radians(46.0),
        lon_rad=np.float32(0.1),
        height_m=np.float64(0.0),
        parameters={"range_sigma_m": np.float64(30.0)},
    )
    with JournalWriter(tmp_path / "j.mcap", Setup(sites=[Site.of(site)])):
        pass
    (back,) = read_setup(tmp_path / "j.mcap").sites
    assert back.record().parameters == {"range_sigma_m": 30.0}
    assert back.lat_rad == float(np.radians(46.0))


def test_others_can_read_the_container(path):
    """The official reader finds our messages, their times and channels."""
    with path.open("rb") as stream:
        found = [(channel.topic, message.log_time) for _, channel, message in make_reader(stream).iter_messages()]
    assert found[0] == ("configuration", 0)
    assert found[1:] == [("detections/radar", 10 * k) for k in range(5)]


def test_a_record_is_on_the_disk_before_the_journal_is_closed(tmp_path):
    with JournalWriter(tmp_path / "j.mcap", SETUP) as journal:
        for k in range(3):
            journal.write(batch(k), k)
            assert len(list(read_records(tmp_path / "j.mcap"))) == k + 1


@given(st.floats(0, 1))
def test_cut_anywhere_it_gives_what_is_whole_or_says_what_is_wrong(tmp_path_factory, share):
    path = tmp_path_factory.mktemp("cut") / "j.mcap"
    with JournalWriter(path, SETUP) as journal:
        for k in range(5):
            journal.write(batch(k), 10 * k)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    back = list(read_records(path)) if len(data) * share >= 8 else []
    assert [digest(record) for _, record in back] == [digest(batch(k)) for k in range(len(back))]
    if share == 1.0:
        assert len(back) == 5


@pytest.mark.parametrize("data", [b"", b"not a journal at all", b"\x89MCAP0\r\n", b"\x89MCAP0\r\n" + b"\xff" * 99])
def test_other_files_are_refused_in_one_line(tmp_path, data):
    path = tmp_path / "j.mcap"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"j\.mcap: not a .*journal"):
        read_setup(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FormatError, match="No such file"):
        read_setup(tmp_path / "none.mcap")


def test_the_digest_is_of_the_records_in_order(path, tmp_path):
    with JournalWriter(tmp_path / "same.mcap", SETUP) as journal:
        for k in range(5):
            journal.write(batch(k), 10 * k)
    with JournalWriter(tmp_path / "other.mcap", SETUP) as journal:
        for k in (0, 1, 3, 2, 4):
            journal.write(batch(k), 10 * k)
    assert journal_digest(path) == journal_digest(tmp_path / "same.mcap") != journal_digest(tmp_path / "other.mcap")


@pytest.mark.parametrize("is_flushed", [True, False])
def test_a_full_disk_is_told_with_the_files_name(tmp_path, is_flushed):
    (tmp_path / "j.mcap").symlink_to("/dev/full")
    with (
        pytest.raises(OSError, match=r"j\.mcap") as caught,
        JournalWriter(tmp_path / "j.mcap", SETUP, is_flushed=is_flushed) as journal,
    ):
        journal.write(batch(0), 0)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "j.mcap"))


def test_a_journal_that_holds_nothing_is_taken_away(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises(OSError, match=r"j\.mcap"), JournalWriter(tmp_path / "j.mcap", SETUP, is_flushed=False):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
