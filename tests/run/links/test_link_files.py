"""Links of files and of memory; what every link owes."""

import os
import subprocess
import sys
from threading import Event, Lock

import pytest
from link_scenes import coalition, settings, wait

from noroshi.run import rooms
from noroshi.run.links import FRAME_BYTES_MAX, Counters, Inbox, LinkError, LinkSettings, Queue, open_link
from noroshi.run.links.memory import Wire


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return coalition(tmp_path_factory.mktemp("keys"), "JPN", "USA", "KOR")


def end(keys, own, partner, arrived=lambda: None, **more):
    return open_link({**settings(keys, own, partner), "type": "files", **more}, arrived)


def pair(keys, folder, **more):
    """Return two ends whose folders are each other's, as if somebody carried the files at once."""
    for name in ("a", "b"):
        (folder / name).mkdir(exist_ok=True)
    there, back = {"out": folder / "a", "into": folder / "b"}, {"out": folder / "b", "into": folder / "a"}
    return [end(keys, "JPN", "USA", **there, **more), end(keys, "USA", "JPN", **back, **more)]


def test_frames_are_files_until_the_caller_comes_back(keys, tmp_path):
    a, b = pair(keys, tmp_path)
    assert a.up
    for k in range(5):
        assert a.send(b"%d" % k, urgent=k == 3)
    assert b.receive() == [b"3", b"0", b"1", b"2", b"4"]
    assert len(list((tmp_path / "a").iterdir())) == 5
    assert b.receive() == []
    assert list((tmp_path / "a").iterdir()) == []
    assert b.counters.received == a.counters.sent == 5
    assert b.send(bytes(FRAME_BYTES_MAX), urgent=False)
    assert a.receive() == [bytes(FRAME_BYTES_MAX)]
    a.close()
    b.close()
    assert not a.up
    assert not a.send(b"late", urgent=True)


def test_a_node_that_died_gets_its_frames_again(keys, tmp_path):
    a, b = pair(keys, tmp_path)
    a.send(b"once", urgent=False)
    assert b.receive() == [b"once"]
    b.close()  # before it came back for more
    again = end(keys, "USA", "JPN", into=tmp_path / "a")
    assert again.receive() == [b"once"]
    a.close()
    again.close()


def test_what_send_said_yes_to_is_there_after_kill_9(keys, tmp_path):
    """A process writes frames and tells each one; killed at any moment, each that it told is whole."""
    (tmp_path / "out").mkdir()
    code = (
        "import sys\nfrom noroshi.run.links import open_link\n"
        f"said = {{'own': 'JPN', 'partner': 'USA', 'exercise': 'TEST', 'keys': {str(keys['JPN'])!r}}}\n"
        f"link = open_link({{'type': 'files', 'out': {str(tmp_path / 'out')!r}, **said}}, lambda: None)\n"
        "k = 0\nwhile True:\n    assert link.send(b'%d ' % k + bytes(50_000), urgent=False)\n"
        "    print(k, flush=True)\n    k += 1\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as writer:
        for _ in range(30):
            writer.stdout.readline()
        writer.kill()
        told = 30 + len(writer.stdout.read().split())
    link = end(keys, "USA", "JPN", into=tmp_path / "out")
    got = [int(frame.split()[0]) for frame in link.receive()]
    link.close()
    assert got[:told] == list(range(told))
    assert len(got) <= told + 1
    assert link.counters.dropped_in == 0
    assert link.trouble is None


def test_what_is_not_whole_waits_and_what_is_damaged_is_set_aside(keys, tmp_path):
    a, b = pair(keys, tmp_path)
    for text in (b"first", b"second", b"third"):
        a.send(text, urgent=False)
    first, second, third = sorted((tmp_path / "a").iterdir())
    whole = first.read_bytes()
    first.write_bytes(whole[:-2])
    second.write_bytes(second.read_bytes()[:-1] + b"X")
    third.write_bytes(b"GIF89a" + third.read_bytes())
    (tmp_path / "a" / "notes.txt").write_text("not ours")
    link = tmp_path / "a" / f"0-{7:020d}.frame"
    link.symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "a" / f"0-{8:020d}.frame")
    assert b.receive() == []
    assert b.counters.dropped_in == 2
    assert "3 frames are not whole" in b.trouble
    first.write_bytes(whole)
    assert b.receive() == [b"first"]
    assert {path.suffix for path in (tmp_path / "a").iterdir()} == {".frame", ".damaged", ".txt"}
    a.close()
    b.close()


def test_who_carries_the_files_cannot_read_them_and_nobody_else_can(keys, tmp_path):
    a, b = pair(keys, tmp_path)
    assert a.send(b"missiles over the sea", urgent=True)
    (path,) = (tmp_path / "a").iterdir()
    assert b"missiles" not in path.read_bytes()
    for own, partner in (("KOR", "JPN"), ("USA", "KOR"), ("JPN", "USA")):
        (tmp_path / own).mkdir(exist_ok=True)
        copied = tmp_path / own / path.name
        copied.write_bytes(path.read_bytes())
        other = end(keys, own, partner, into=tmp_path / own)
        assert other.receive() == []
        assert other.counters.dropped_in == 1
        assert not copied.exists()
        other.close()
    assert b.receive() == [b"missiles over the sea"]
    a.close()
    b.close()


def test_a_full_folder_refuses(keys, tmp_path):
    a, b = pair(keys, tmp_path, frames_max=3)
    assert [a.send(b"x", urgent=False) for _ in range(5)] == [True, True, True, False, False]
    assert a.counters.refused == 2
    b.receive()
    b.receive()
    wait(lambda: a.send(b"x", urgent=False))
    a.close()
    b.close()


def test_one_way_only(keys, tmp_path):
    a, b = pair(keys, tmp_path)
    a.close()
    b.close()
    woken = Event()
    reader = end(keys, "USA", "JPN", woken.set, into=tmp_path / "a", poll_s=0.01)
    writer = end(keys, "JPN", "USA", out=tmp_path / "a")
    assert not reader.send(b"back", urgent=True)
    assert writer.receive() == []
    assert not woken.is_set()
    writer.send(b"there", urgent=False)
    assert woken.wait(5.0)
    assert reader.receive() == [b"there"]
    reader.close()
    writer.close()
    for wrong in ({}, {"out": tmp_path, "into": tmp_path}, {"out": tmp_path / "nowhere"}):
        with pytest.raises(LinkError):
            end(keys, "JPN", "USA", **wrong)
    with pytest.raises(LinkError, match="of another exercise"):
        end(keys, "JPN", "USA", out=tmp_path, exercise="OTHER")


def test_memory_ends_meet_part_and_count():
    woken = Event()
    first = open_link({"type": "memory", "meeting": "here"}, woken.set)
    assert not first.up
    assert not first.send(b"nobody there", urgent=True)
    second = open_link({"type": "memory", "meeting": "here"}, lambda: None)
    assert woken.is_set()
    assert first.up
    assert second.send(b"1", urgent=False)
    assert second.send(b"2", urgent=True)
    assert first.receive() == [b"2", b"1"]
    with pytest.raises(LinkError, match="both are open"):
        open_link({"type": "memory", "meeting": "here"}, lambda: None)
    second.close()
    assert not first.up
    third = open_link({"type": "memory", "meeting": "here"}, lambda: None)
    assert first.counters == Counters(received=2, refused=1, arrivals=2)
    first.close()
    third.close()


def test_a_cut_wire_carries_nothing():
    wire = Wire()
    a, b = wire.end(), wire.end()
    wire.cut()
    assert not a.up
    assert not b.send(b"x", urgent=True)
    wire.join()
    assert b.send(b"y", urgent=True)
    assert a.receive() == [b"y"]
    assert a.counters.arrivals == 2


def test_a_full_inbox_drops_the_oldest_ordinary_and_the_newest_urgent():
    counters = Counters()
    inbox = Inbox(counters, Lock(), lambda: Queue(frames_max=3, bytes_max=10))
    for k in range(5):
        inbox.put(b"%d" % k, urgent=False)
        inbox.put(b"u%d" % k, urgent=True)
    inbox.put(b"123456789", urgent=False)
    inbox.put(bytes(FRAME_BYTES_MAX + 1), urgent=True)
    assert inbox.take() == [b"u0", b"u1", b"u2", b"4", b"123456789"]
    assert counters == Counters(received=5, dropped_in=2 + 2 + 2 + 1)
    assert inbox.take() == []


@pytest.mark.parametrize("key", rooms.names("run.links"))
def test_every_link_says_what_it_needs(key):
    """Each setting has a description, unknown ones are refused, and what opens is a link."""
    module = rooms.load("run.links", key)
    assert issubclass(module.Settings, LinkSettings)
    assert all(field.description for field in module.Settings.model_fields.values())
    with pytest.raises(LinkError, match=f"link of type {key}"):
        open_link({"type": key, "no_such_setting": 1}, lambda: None)
    with pytest.raises(ValueError, match=r"no 'nothing' in run\.links; there are: files, memory, zenoh"):
        open_link({"type": "nothing"}, lambda: None)
    assert module.__doc__
