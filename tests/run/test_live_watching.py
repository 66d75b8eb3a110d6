"""What a running node says of its feeds and links."""

from dataclasses import dataclass, field

from noroshi.run.feeds import NOT_YET, Health
from noroshi.run.links import Counters
from noroshi.run.live.watching import Ears, Watcher
from noroshi.run.scenarios import read_nation


@dataclass
class Feed:
    health: Health
    name: str = "tcp+sbs://pi:30003"


def test_a_feed_that_cannot_be_heard_is_told_once_and_when_it_is_heard_again():
    said = []
    feed = Feed(Health(is_up=False, trouble=NOT_YET))
    ears = Ears([feed], {}, said.append)
    ears.look()
    assert not said
    for wait in (2, 4):
        feed.health = Health(is_up=False, trouble=f"Connection refused; tried again every {wait} s")
        ears.look()
    assert said == ["feed tcp+sbs://pi:30003: Connection refused; tried again every 2 s"]
    feed.health = Health(is_up=True)
    ears.look()
    ears.look()
    assert said[1:] == ["feed tcp+sbs://pi:30003: is heard again"]


@dataclass
class Link:
    up: bool = False
    trouble: str | None = None
    counters: Counters = field(default_factory=Counters)


def test_a_link_that_broke_and_came_back_is_told():
    said, links = [], {"USA": Link()}
    ears = Ears([], links, said.append)
    ears.look()
    assert not said

    def now(*, up: bool, came: int) -> str:
        links["USA"].up, links["USA"].counters.arrivals = up, came
        before = len(said)
        for _ in range(2):
            ears.look()
        assert len(said) <= before + 1
        return "".join(said[before:])

    assert not now(up=False, came=1)  # not yet proved
    assert now(up=True, came=1) == "link to USA: its node is there"
    assert now(up=False, came=1).startswith("link to USA: broke")
    assert now(up=True, came=2) == "link to USA: its node is there again"
    assert now(up=True, came=3) == "link to USA: broke for a moment; its node is there again"
    links["USA"].trouble = "USA: was revoked"
    assert now(up=False, came=3) == "link to USA: was revoked"
    links["USA"] = Link(up=True)  # opened anew
    assert now(up=True, came=1) == "link to USA: its node is there"


def watcher(tmp_path, said, open_):
    return Watcher(
        read_nation("japan"),
        "japan",
        keys=tmp_path,
        links={},
        fixed_links=[{"partner": "USA"}],
        orders=tmp_path,
        open_=open_,
        says=said.append,
    )


def test_a_link_to_whom_no_keys_are_known_of_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("noroshi.run.live.watching.pki.partners", lambda _: [])
    said = []
    looks = watcher(tmp_path, said, None)
    looks.look(0)
    looks.look(1)
    assert len(said) == 1
    assert said[0].startswith("link to USA: waits for its keys: take its file in with noroshi pki partner")
