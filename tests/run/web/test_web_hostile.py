"""What a page must not say, and what sensors and partners may: refused, counted, shown as text; nothing falls over."""

import contextlib
import html.parser
import json
import random
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_scenes import START_NS, tracks_of
from web_scenes import page, ran
from websockets.exceptions import ConnectionClosed

from noroshi.run.web import export, messages, texts, wire
from noroshi.run.web.app import Pages
from noroshi.run.web.messages import RefusedError

HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "\u202eEVIL",
    "A" * 10_000,
    "\u2028\x00'\"",
]


@pytest.fixture
def pages():
    served = Pages(ran()[1], "127.0.0.1:0")
    yield served
    served.close()


BAD = [
    "",
    "{",
    "[]",
    "null",
    "1e999",
    '{"type": "seek"}',
    '{"type": "seek", "n": 1, "time_ms": "now"}',
    '{"type": "seek", "n": 1, "time_ms": NaN}',
    '{"type": "seek", "n": 1, "time_ms": 1e300}',
    '{"type": "rate", "n": 1, "rate": 1000}',
    '{"type": "rate", "n": 1, "rate": 0}',
    '{"type": "play", "n": -1}',
    '{"type": "play", "n": 1.5}',
    '{"type": "play", "n": 1, "more": true}',
    '{"type": "story", "n": 1, "id": "../../etc"}',
    '{"type": "decide", "n": 1, "identifier": "a", "step": "fired", "picture_ms": 0}',
    '{"type": "' + "x" * 3000 + '", "n": 1}',
    '{"type": "view_as", "n": 1, "view": "' + "y" * 5000 + '"}',
    "[" * 4000,
    '{"n":1,' * 500,
]


def test_what_is_no_message_is_refused_and_the_rest_goes_on(pages):
    for i in range(0, len(BAD), 10):
        with page(pages) as one:
            for bad in BAD[i : i + 10]:
                one.socket.send(bad)
                assert one.text("refused")["reason"]
            one.socket.send(json.dumps({"type": "pause", "n": 100}))
            assert not one.text("clock", n=100)["playing"]
    assert pages.web.counters["refused_messages"] == len(BAD)
    assert pages.web.counters["failed"] == 0


def test_what_was_said_before_is_refused(pages):
    with page(pages) as one:
        one.say("pause")
        seek = json.dumps({"type": "seek", "n": 5, "time_ms": START_NS / 1e6 + 9_000})
        one.socket.send(seek)
        one.text("clock", n=5)
        one.socket.send(seek)
        assert one.text("refused", n=5)["reason"] == "was said before"
        one.socket.send(seek.replace('"n": 5', '"n": 4'))
        assert one.text("refused", n=4)


def test_who_goes_on_so_is_thrown_out(pages):
    with page(pages) as one:
        for _ in range(30):
            one.socket.send("nonsense")
        assert one.closed() == 1008


def test_bytes_and_floods_are_refused(pages):
    with page(pages) as one:
        one.socket.send(b"\x00\xff")
        assert one.text("refused")
    with page(pages) as one:
        one.announce(70_000)
        assert one.closed() == 1009
    with page(pages) as one:
        for i in range(300):
            one.socket.send(json.dumps({"type": "got", "sequence": i}))
        assert one.text("refused")["reason"] == "too many messages"
        assert one.closed() == 1008
    with page(pages) as one:
        assert one.frame()  # it is there for everybody else


def test_random_bytes_hurt_nobody(pages):
    drawn = random.Random(7)
    for _ in range(6):
        with page(pages) as one:
            try:
                for _ in range(15):
                    size = drawn.choice([0, 1, 10, 1000])
                    one.socket.send(drawn.randbytes(size) if drawn.random() < 0.5 else drawn.randbytes(size).hex())
                one.all(0.1)
            except ConnectionClosed:
                pass
    with page(pages) as one:
        assert one.frame()
    assert pages.web.counters["failed"] == 0


@settings(max_examples=60)
@given(
    st.text()
    | st.binary()
    | st.dictionaries(st.sampled_from(["type", "n", "id"]), st.text() | st.integers()).map(json.dumps)
)
def test_whatever_is_read_is_a_message_or_refused(said):
    with contextlib.suppress(RefusedError):
        assert isinstance(messages.read(said), messages.Got | messages.Message)


def test_names_from_outside_are_text():
    tracks = tracks_of(len(HOSTILE))
    tracks = tracks.replace(identity=tracks.identity.replace(call_sign=np.array(HOSTILE)))
    rows = texts.names_of(tracks, np.ones(len(tracks), np.bool_))
    text = texts.encoded("names", list(rows.values()), reset=True, **{"from": 0})
    said = [row[1] for row in json.loads(text)["rows"]]
    assert said == [name.rstrip("\0") for name in HOSTILE]
    assert wire.decode(
        wire.encode(
            tracks, picture_ns=START_NS, sent_ns=0, sequence=1, sources_version=0, names_count=len(rows), flags=0
        )
    )[0].n == len(HOSTILE)  # fmt: skip


class Scripts(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.data, self.inside = [], [], False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = tag == "script"

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.data.append(data)


def test_in_an_export_they_end_no_script(tmp_path):
    (tmp_path / "export.html").write_text(
        "<!doctype html><title>x</title><head><!--NOROSHI-DATA--></head><body></body>"
    )
    showing = ran()[1]
    reel = showing.film.reel("ONE")
    reel.put_event({"time_ms": 0.0, "sort": "threat", "text": HOSTILE[1], "id": None})
    try:
        made = export.export(showing, "ONE", tmp_path)
    finally:
        reel.events.pop()
    parsed = Scripts()
    parsed.feed(made.decode())
    assert parsed.tags.count("script") == 1
    assert "img" not in parsed.tags
    data = msgspec.json.decode("".join(parsed.data))
    assert data["texts"]["events"]["rows"][-1]["text"] == HOSTILE[1]
    assert data["hello"]["exercise"] == "Two"


def test_a_page_that_takes_nothing_holds_up_nobody(pages):
    with page(pages, answers=False) as slow, page(pages) as quick:
        slow.say("rate", rate=60)
        quick.say("rate", rate=60)
        quick.frame(lambda header: header.picture_ms >= START_NS / 1e6 + 29_000)
        slow.all(0.3)
        assert len(slow.frames) == 2  # no more than it has room for
        since = time.monotonic()
        slow.answers = True
        slow.socket.send(json.dumps({"type": "got", "sequence": slow.frames[-1][0].sequence}))
        slow.frame(lambda header: header.picture_ms == START_NS / 1e6 + 30_000)
        assert time.monotonic() - since < 1.0
        assert len(slow.frames) == 3  # what came meanwhile is skipped
