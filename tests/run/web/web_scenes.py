"""Two nations that share, an exercise of theirs, pages' connections: for the tests of the page's server."""

import contextlib
import functools
import json
import struct
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # edge_scenes

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from noroshi.run.web import wire
from noroshi.run.web.exercise import ExerciseShowing
from noroshi.run.web.replay import ReplayShowing

SECOND = 1_000_000_000
NATION = """
name = "{name}"
code = "{code}"
policy = "{code}.policy.toml"
[[sensors]]
name = "{code}-radar"
type = "search_radar"
lat_deg = {lat}
lon_deg = 140.78
height_m = 190.0
[sensors.parameters]
scan_period_s = 4.0
[sensors.world]
transponder = true
scan_time_s = 4.0
reference_range_m = 220000.0
[[sensors]]
name = "{code}-reports"
type = "position_report"
lat_deg = {lat}
lon_deg = 140.78
height_m = 190.0
[[links]]
to = "{to}"
delay_s = 0.2
"""
POLICY = """
nation = "{code}"
[partners]
{to} = "close"
[[rules]]
rule = "low ones stay"
to = ["{to}"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "drop"
area = {{ height_m_max = 4000 }}
[[rules]]
rule = "the rest"
to = ["{to}"]
products = ["contribution"]
exercises = ["ALL-EXERCISES"]
then = "pass"
strip = {{ fields = ["sensors"] }}
"""
FLIGHT = """
[[flights]]
name = "{name}"
mover = "aircraft"
start_s = -300.0
waypoints = [
    {{ lat_deg = {lat}, lon_deg = 141.0, height_m = {height}, speed_m_s = 200.0 }},
    {{ lat_deg = {lat}, lon_deg = 142.2, height_m = {height}, speed_m_s = 200.0 }},
]
transponder = {{ icao_address = "{icao}", mode_3a = "2000", call_sign = "{sign}" }}
"""
SECRET_SIGN, SECRET_ICAO = "KEEPQUIE", "84ABCD"


def write_scenario(folder):
    for name, code, to, lat in (("First", "ONE", "TWO", 35.76), ("Second", "TWO", "ONE", 36.4)):
        (folder / f"{code}.toml").write_text(NATION.format(name=name, code=code, to=to, lat=lat))
        (folder / f"{code}.policy.toml").write_text(POLICY.format(code=code, to=to))
    flights = [
        FLIGHT.format(name="high", lat=35.9, height=9000.0, icao="840001", sign="HIGHONE"),
        FLIGHT.format(name="low", lat=35.7, height=2000.0, icao=SECRET_ICAO, sign=SECRET_SIGN),
    ]
    path = folder / "two.toml"
    head = (
        'name = "Two"\nseed = 4\nstart = 2030-01-01T00:00:00Z\nduration_s = 30.0\nnations = ["ONE.toml", "TWO.toml"]\n'
    )
    path.write_text(head + "".join(flights))
    return path


@functools.cache
def ran():
    """Return (folder of journals, the exercise as it was shown while it ran), once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="noroshi-web-"))
    journals = folder / "journals"
    journals.mkdir()
    showing = ExerciseShowing(str(write_scenario(folder)), folder=journals)
    showing.run()
    return journals, showing


def replayed_of(code="ONE"):
    showing = ReplayShowing(ran()[0] / f"{code}.mcap")
    showing.run()
    return showing


class Page:
    """What a page does, without one: it answers frames, and keeps all that it was sent."""

    def __init__(self, socket, *, answers=True):
        self.socket, self.answers = socket, answers
        self.raw, self.texts, self.frames = [], [], []
        self.n = 0

    def say(self, kind, **more):
        self.n += 1
        self.socket.send(json.dumps({"type": kind, "n": self.n, **more}))
        return self.n

    def take(self, seconds=5.0):
        """Take in one message; None if there is none."""
        try:
            message = self.socket.recv(timeout=seconds)
        except TimeoutError:
            return None
        self.raw.append(message if isinstance(message, bytes) else message.encode())
        if isinstance(message, bytes):
            frame = wire.decode(message)
            self.frames.append(frame)
            if self.answers:
                self.socket.send(json.dumps({"type": "got", "sequence": frame[0].sequence}))
            return frame
        text = json.loads(message)
        self.texts.append(text)
        return text

    def until(self, holds, seconds=10.0):
        """Take in messages until one is meant; return it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            message = self.take(0.2)
            if message is not None and holds(message):
                return message
        raise AssertionError("it did not come")

    def all(self, quiet_s, seconds=60.0):
        """Take in messages until none has come for a while."""
        end = time.monotonic() + seconds
        while self.take(quiet_s) is not None:
            assert time.monotonic() < end, "it did not end"

    def announce(self, size):
        """Send only the head of a text of a size, as RFC 6455 section 5.2 has it, masked.

        The server ends the connection as soon as it has read how long the text is. Were the text sent too, what it
        leaves unread would reset the connection, and the code of the closing be lost now and then.
        """
        self.socket.socket.sendall(struct.pack("!BBQ4x", 0x81, 0x80 | 127, size))

    def closed(self):
        """Take in messages until the server ends the connection; return the code, None if it said none."""
        with contextlib.suppress(ConnectionClosed):
            self.all(10.0)
        received = self.socket.protocol.close_rcvd
        return received and received.code

    def frame(self, holds=lambda header: True, seconds=10.0):
        return self.until(lambda one: isinstance(one, tuple) and holds(one[0]), seconds)

    def text(self, kind, seconds=10.0, **fields):
        return self.until(
            lambda one: isinstance(one, dict) and one["type"] == kind and fields.items() <= one.items(), seconds
        )


@contextlib.contextmanager
def page(pages, *, answers=True, **options):
    with connect(pages.url.replace("http", "ws", 1) + "v1/picture", max_size=None, proxy=None, **options) as socket:
        yield Page(socket, answers=answers)


def stripped(frame):
    """Return a frame without what differs from showing to showing: flags, when it was sent, its number."""
    return frame[:6] + frame[8:16] + frame[28:]
