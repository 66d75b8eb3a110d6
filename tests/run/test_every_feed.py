"""Each file of `run/feeds/` keeps the room's contract."""

import inspect
import socket
import threading
import time

import pytest
from feed_scenes import Ear, until

from noroshi.run.feeds import Address, AddressError, Feed, open_feed
from noroshi.run.rooms import load, names

ADDRESSES = {
    "simulated": "simulated://first_steps",
    "udp_asterix": "udp+asterix://127.0.0.1:0",
    "udp_ais": "udp+ais://127.0.0.1:0",
    "tcp_beast": "tcp+beast://127.0.0.1:1",
    "tcp_sbs": "tcp+sbs://127.0.0.1:1",
    "tcp_ais": "tcp+ais://127.0.0.1:1",
}


@pytest.mark.parametrize("key", names("run.feeds"))
def test_a_feed_keeps_the_contract(key):
    kind = load("run.feeds", key).Feed
    for name in ("receive", "sites", "health", "close", "at"):
        assert inspect.getdoc(getattr(kind, name)) or getattr(Feed, name).__doc__
    with Ear(ADDRESSES[key]) as ear:
        feed = ear.feed
        assert Address.of(feed.name).key == key
        assert isinstance(feed.receive(), list)
        assert all(name == site.sensor for name, site in feed.sites().items())
        health = feed.health
        assert health.n_messages >= 0
        assert health.n_dropped == 0
        since = time.monotonic()
        feed.close()
        feed.close()
        assert time.monotonic() - since < 6.0
        assert not feed.health.is_up
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(feed.name)]
    with pytest.raises(AddressError, match="no option 'colour'"):
        open_feed(ADDRESSES[key] + "?colour=red", arrived=lambda: None, now_ns=time.time_ns)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("239.0.0.1:8600", "is no address"),
        ("udp://239.0.0.1:port", "is no address"),
        ("udp://nobody.example:8600", "no address: give a group"),
        ("udp://192.0.2.1:8600", "udp:// listens"),
        ("udp://239.0.0.1:8600?interface=nosuch9", "no interface 'nosuch9'; there are:"),
        ("udp://[ff02::1]:8600", "IPv4 only"),
        ("udp://", "names no port"),
        ("udp+ais://0.0.0.0", "names no port"),
        ("tcp+sbs://", "give host and port"),
        ("tcp+sbs://HOST", "give host and port"),
        ("gopher://HOST:70", "gopher://HOST:70: there is no such feed; there are: .*udp\\+ais://"),
    ],
)
def test_a_wrong_address_says_what_to_do(text, wrong):
    with pytest.raises(ValueError, match=wrong) as caught:
        open_feed(text, arrived=lambda: None, now_ns=time.time_ns)
    assert "\n" not in str(caught.value)


def test_a_port_that_is_taken_is_told():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(AddressError, match="in use"):
            Ear(f"udp://127.0.0.1:{taken.getsockname()[1]}")


def test_a_host_that_is_not_there_is_tried_again_and_told():
    with Ear("tcp+sbs://127.0.0.1:1") as ear:
        assert until(lambda: "tried again" in ear.feed.health.trouble)
        assert not ear.feed.health.is_up
