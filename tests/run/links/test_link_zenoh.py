"""A link over mutual TLS between two nodes in one process."""

import time
from contextlib import ExitStack
from threading import Lock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from link_scenes import Line, Proxy, coalition, free_port, introduce, joined, settings, wait

from noroshi.run import pki
from noroshi.run.links import FRAME_BYTES_MAX, Counters, LinkError, open_link
from noroshi.run.links.outlet import CHUNK_BYTES_MAX, HEAD, Assembly, Outlet


@pytest.fixture
def stack():
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    return coalition(tmp_path_factory.mktemp("keys"), "JPN", "USA", "KOR")


def test_frames_go_both_ways_and_urgent_ones_first(keys):
    told = [0, 0]
    with joined(keys, arrived=(lambda: told.__setitem__(0, told[0] + 1), lambda: told.__setitem__(1, told[1] + 1))) as (
        jpn, usa,
    ):  # fmt: skip
        assert jpn.up
        assert usa.up
        assert all(jpn.send(b"%d" % k, urgent=k == 50) for k in range(100))
        assert usa.send(bytes(FRAME_BYTES_MAX), urgent=False)
        wait(lambda: usa.counters.sent == 1 and jpn.counters.sent == 100)
        time.sleep(0.3)
        got = usa.receive()
        assert got[0] == b"50"
        assert got[1:] == [b"%d" % k for k in range(100) if k != 50]
        assert jpn.receive() == [bytes(FRAME_BYTES_MAX)]
        assert usa.receive() == []
        assert told[1] >= 100
        assert jpn.trouble is None
        with pytest.raises(ValueError, match="links carry up to"):
            jpn.send(bytes(FRAME_BYTES_MAX + 1), urgent=True)


def test_what_cannot_be_opened_is_told_in_one_line(keys):
    port = free_port()
    for wrong, told in (
        ({"own": "KOR"}, "are keys of JPN, not of KOR"),
        ({"exercise": "OTHER"}, "are not of exercise OTHER"),
        ({"exercise": None}, "are not of reality"),
        ({"partner": "AUS"}, "cannot be read"),
        ({"listen": f"tcp/127.0.0.1:{port}"}, "write an endpoint as tls/"),
        ({"listen": None}, "it has no endpoint"),
        ({"speed": 1}, "speed: Extra inputs"),
        ({"own": "japan"}, "own: String should match"),
    ):
        with pytest.raises(ValueError, match=told) as refused:
            open_link({**settings(keys, "JPN", "USA", listen=f"tls/127.0.0.1:{port}"), **wrong}, lambda: None)
        assert "\n" not in str(refused.value)
    first = open_link(settings(keys, "JPN", "USA", listen=f"tls/127.0.0.1:{port}"), lambda: None)
    try:
        with pytest.raises(LinkError, match="Address already in use"):
            open_link(settings(keys, "JPN", "KOR", listen=f"tls/127.0.0.1:{port}"), lambda: None)
        assert not first.send(b"to nobody", urgent=True)
        assert first.counters.refused == 1
    finally:
        first.close()


def test_frames_go_on_after_each_cut_whole_and_in_order(keys, stack):
    """What is under way when a line is cut is lost; all else arrives once, whole, and in order."""
    port = free_port()
    proxy = stack.enter_context(Proxy(port, Line(delay_s=0.005)))
    jpn, usa = stack.enter_context(joined(keys, through=proxy.port, port=port))
    taken, got, rng = [], [], np.random.default_rng(5)
    for k in range(3):
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            frame = b"%d " % len(taken) + rng.bytes(int(rng.integers(1, 60_000)))
            if jpn.send(frame, urgent=False):
                taken.append(frame)
            got += usa.receive()
        proxy.cut()
        wait(lambda: not jpn.up and not usa.up)
        assert not jpn.send(b"x", urgent=False)
        proxy.join()
        wait(lambda: jpn.up and usa.up)
        assert jpn.counters.arrivals == usa.counters.arrivals == k + 2
    assert jpn.send(b"last", urgent=False)
    wait(lambda: got.extend(usa.receive()) or got[-1] == b"last")
    numbers = [int(frame.split(b" ")[0]) for frame in got[:-1]]
    assert numbers == sorted(set(numbers))
    assert all(frame == taken[number] for number, frame in zip(numbers, got, strict=False))
    told = jpn.counters
    assert told.sent + told.dropped_out == len(taken) + 1
    lost = told.sent - len(got)
    assert 0 <= lost < len(taken) / 2
    assert usa.counters.dropped_in <= 3  # of each cut at most one frame that had begun


def test_a_partner_that_restarts_comes_again(keys, stack):
    port = free_port()
    jpn = open_link(settings(keys, "JPN", "USA", listen=f"tls/127.0.0.1:{port}"), lambda: None)
    stack.callback(jpn.close)
    for arrivals in (1, 2):
        usa = open_link(settings(keys, "USA", "JPN", connect=f"tls/localhost:{port}"), lambda: None)
        wait(lambda: jpn.up)
        assert jpn.counters.arrivals == arrivals
        assert jpn.send(b"x" * 100_000, urgent=False)
        wait(lambda usa=usa: usa.receive() == [b"x" * 100_000])
        usa.close()
        wait(lambda: not jpn.up)


def test_whoever_connects_may_be_there_first(keys, stack):
    port = free_port()
    begin = time.monotonic()
    usa = open_link(settings(keys, "USA", "JPN", connect=f"tls/localhost:{port}"), lambda: None)
    stack.callback(usa.close)
    assert time.monotonic() - begin < 1.0
    time.sleep(1.5)
    assert not usa.up
    assert usa.room_bytes == 0
    jpn = open_link(settings(keys, "JPN", "USA", listen=f"tls/127.0.0.1:{port}"), lambda: None)
    stack.callback(jpn.close)
    assert wait(lambda: usa.up and jpn.up) < 2.0
    assert usa.room_bytes > 0


def test_both_may_listen_and_connect(keys, stack):
    ports = {"JPN": free_port(), "USA": free_port()}
    ends = []
    for own, other in (("JPN", "USA"), ("USA", "JPN")):
        where = {"listen": f"tls/127.0.0.1:{ports[own]}", "connect": f"tls/127.0.0.1:{ports[other]}"}
        ends.append(open_link(settings(keys, own, other, **where), lambda: None))
        stack.callback(ends[-1].close)
    wait(lambda: all(end.up for end in ends))
    assert all(ends[0].send(b"%d" % k, urgent=False) for k in range(50))
    got = []
    wait(lambda: got.extend(ends[1].receive()) or len(got) == 50)
    time.sleep(1.0)
    assert got + ends[1].receive() == [b"%d" % k for k in range(50)]
    assert ends[0].up
    assert ends[0].counters.arrivals == 1


def test_a_partners_file_says_where_to_connect(tmp_path, stack):
    port = free_port()
    own = coalition(tmp_path, "JPN", "USA")
    (tmp_path / "JPN.toml").write_text(pki.export(own["JPN"], f"tls/localhost:{port}"))
    introduce(own["USA"], tmp_path / "JPN.toml")
    ends = [
        open_link(settings(own, "JPN", "USA", listen=f"tls/127.0.0.1:{port}"), lambda: None),
        open_link(settings(own, "USA", "JPN"), lambda: None),
    ]
    for end in ends:
        stack.callback(end.close)
    wait(lambda: all(end.up for end in ends))


def chunks_of(frames):
    """Return the chunks that an outlet makes of frames, each acknowledged at once."""
    chunks, lock, counters = [], Lock(), Counters()

    def put(chunk):
        chunks.append(chunk)
        with lock:
            outlet.acknowledge(HEAD.unpack_from(chunk)[0])

    outlet = Outlet("test", put, lambda _: None, counters, lock, lambda: None)
    for k, frame in enumerate(frames):
        with lock:
            assert outlet.offer(frame)
        wait(
            lambda k=k: (
                counters.sent == k + 1
                and sum(map(len, chunks)) - HEAD.size * len(chunks) == sum(map(len, frames[: k + 1]))
            )
        )
    with lock:
        outlet.close()
    return chunks


FRAMES = [bytes([65 + k]) * n for k, n in enumerate((1, 700, 5_000, 0, 90_000, 1_024, 1_025, 40_000))]


@pytest.fixture(scope="module")
def chunks():
    made = chunks_of([frame for frame in FRAMES if frame])
    assert max(map(len, made)) <= CHUNK_BYTES_MAX + HEAD.size
    return made


@given(st.data())
def test_only_whole_frames_come_out_whatever_happens_to_chunks(chunks, data):
    """Lost, doubled, reordered, cut and made-up chunks: what comes out was sent, and what was not touched comes out."""
    order = data.draw(st.lists(st.sampled_from(range(len(chunks))), max_size=60))
    counters = Counters()
    assembly = Assembly(counters)
    for k in order:
        chunk = chunks[k]
        if data.draw(st.integers(0, 9)) == 0:
            chunk = chunk[: data.draw(st.integers(0, len(chunk)))]
            number, frame = assembly.add(chunk)
            assert frame is None or len(frame) == HEAD.unpack_from(chunk)[2]
            continue
        number, frame = assembly.add(chunk)
        assert number == HEAD.unpack_from(chunk)[0]
        assert frame is None or frame in FRAMES
    out = [frame for _, frame in (assembly.add(chunk) for chunk in chunks) if frame is not None]
    assert out == [frame for frame in FRAMES if frame]


@given(st.binary(max_size=80))
def test_made_up_chunks_do_no_harm(chunk):
    assembly = Assembly(Counters())
    for _ in range(3):
        _, frame = assembly.add(chunk)
        assert frame is None or len(frame) == HEAD.unpack_from(chunk)[2]
    assert assembly.add(HEAD.pack(9, 0, FRAME_BYTES_MAX + 1) + b"x") == (9, None)
    assert assembly.add(HEAD.pack(9, 0, 3) + b"abc") == (9, b"abc")
