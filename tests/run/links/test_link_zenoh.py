"""A link over mutual TLS between two nodes in one process."""

import time

import pytest
from link_scenes import coalition, free_port, joined, settings, wait

from noroshi.run.links import FRAME_BYTES_MAX, LinkError, open_link


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
