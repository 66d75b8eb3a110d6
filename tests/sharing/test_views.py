"""Views: made only of what was released, the newest of it, no earlier than due and no longer than allowed."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing_scenes import PASS_ALL, SECOND, SECRET, SENSORS, START_NS, label_text, policy_of, tracks_of

from noroshi.records import TrackStatus, concatenate, digest, take
from noroshi.sharing import views as room
from noroshi.sharing.facts import facts_of
from noroshi.sharing.release import Secrets, release
from noroshi.sharing.views import LOST_NS, SHOWN_NS, ReleasedView, View, Views, view_as


def views_of(policy, viewers=("USA",), exercise=None):
    return Views(
        policy, Secrets(SECRET), viewers=viewers, product="contribution", exercise=exercise, sensor_types=SENSORS
    )


def rule(name, more, then="pass", to='["ALL-PARTNERS"]'):
    return f'[[rules]]\nrule = "{name}"\nto = {to}\nproducts = ["contribution"]\nthen = "{then}"\n{more}\n'


def at(second):
    return START_NS + round(second * SECOND)


def numbers(view):
    return sorted(view.tracks.track_id.tolist())


def test_a_view_is_made_here_alone():
    view = views_of(policy_of(PASS_ALL)).see("USA", START_NS)
    with pytest.raises(TypeError, match="made of what was released"):
        dataclasses.replace(view, tracks=tracks_of(3), made_by=object())
    said = {one.name: getattr(view, one.name) for one in dataclasses.fields(view)}
    with pytest.raises(TypeError, match="made of what was released"):
        ReleasedView(**said, made_by=None)
    with pytest.raises(TypeError):
        ReleasedView(**said)


def test_a_view_holds_what_release_gives_and_nothing_else():
    policy, tracks = policy_of(rule("sure", "existence_min = 0.6")), tracks_of(60)
    facts = facts_of(tracks, product="contribution", exercise=None, sensor_types=SENSORS)
    told = release(policy, facts, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"]
    said = {"policy": policy, "secrets": Secrets(SECRET), "now_ns": START_NS, "product": "contribution"}
    view = view_as(tracks, "USA", exercise=None, sensor_types=SENSORS, **said)
    ((shown, interval_s),) = view.batches()
    order = np.argsort(told.tracks.track_id)
    assert digest(shown) == digest(take(told.tracks, order))
    assert interval_s == 0.0
    assert view.tracks.label == ""  # taken by itself it is released to nobody
    assert 0 < len(shown) < 60


def test_only_the_own_nation_sees_the_picture():
    views = views_of(policy_of(""), viewers=("JPN", "USA"))
    counts = views.receive(tracks_of(5), START_NS)
    assert counts == {"JPN": 5, "USA": 0}
    assert len(views.see("JPN", START_NS).tracks) == 5
    assert len(views.see("USA", START_NS).tracks) == 0
    with pytest.raises(ValueError, match="USA sees what JPN released"):
        View("USA", nation="JPN", exercise=None).take_own(tracks_of(5), START_NS)
    with pytest.raises(KeyError):
        views.see("KOR", START_NS)


def test_what_was_released_to_another_is_refused():
    policy = policy_of(PASS_ALL)
    facts = facts_of(tracks_of(5), product="contribution", exercise=None, sensor_types=SENSORS)
    told = release(policy, facts, now_ns=START_NS, secrets=Secrets(SECRET), recipients=("USA",))["USA"]
    with pytest.raises(ValueError, match="released to KOR"):
        View("KOR", nation="JPN", exercise=None).take(told, policy, START_NS)
    with pytest.raises(ValueError, match="something else"):
        View("USA", nation="JPN", exercise=None).take(told, policy_of(PASS_ALL.replace("all", "any")), START_NS)


def test_of_each_track_the_newest_row_is_seen_in_whatever_order_they_come():
    tracks = tracks_of(8)
    rows = [tracks.replace(time_ns=tracks.time_ns + k * SECOND) for k in range(3)]
    rows.append(rows[2].replace(revision=np.ones(8, np.int32), state_ecef=tracks.state_ecef + 1.0))
    wanted = None
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (2, 3, 0, 1)):
        views = views_of(policy_of(PASS_ALL))
        for k in order:
            views.receive(rows[k], at(3))
        view = views.see("USA", at(3))
        assert (view.tracks.time_ns == at(2)).all()
        assert (view.tracks.revision == 1).all()
        wanted = wanted or digest(view.tracks)
        assert digest(view.tracks) == wanted


def test_a_coarse_track_is_seen_until_the_next_telling():
    views = views_of(policy_of(rule("coarse", "coarsen = {position_m = 5000, period_s = 60}")))
    tracks, seen = tracks_of(4), set()
    for second in range(0, 300, 4):
        views.receive(tracks.replace(time_ns=tracks.time_ns + second * SECOND), at(second))
        view = views.see("USA", at(second))
        assert len(view.tracks) == 4
        seen |= {digest(view.tracks)}
    assert len(seen) == 5
    assert view.batches()[0][1] == 60.0
    assert len(views.see("USA", at(240) + SHOWN_NS + 60 * SECOND - 1).tracks) == 4
    assert len(views.see("USA", at(240) + SHOWN_NS + 60 * SECOND).tracks) == 0


def test_what_is_delayed_is_seen_when_due_with_the_time_at_which_it_held():
    views = views_of(policy_of(rule("late", "delay = {seconds = 100}")))
    tracks = tracks_of(3)
    for second in range(200):
        views.receive(tracks.replace(time_ns=tracks.time_ns + second * SECOND), at(second))
        view = views.see("USA", at(second))
        assert len(view.tracks) == (3 if second >= 100 else 0)
        assert (view.tracks.time_ns == at(second - 100)).all()
        assert view.version == max(0, second - 99)


def test_what_waits_long_waits_in_few_rows_and_comes_no_earlier_than_due():
    views = views_of(policy_of(rule("late", "delay = {seconds = 600}")))
    tracks, view = tracks_of(5), views._views["USA"]
    for tenth in range(0, 8_000, 10):
        now_ns = START_NS + tenth * SECOND // 10
        views.receive(tracks.replace(time_ns=np.full(5, now_ns)), now_ns)
        if tenth % 50 == 0:
            assert sum(len(rows) for parts in view._waiting.values() for rows in parts) <= 62 * 5
            seen = views.see("USA", now_ns).tracks
            assert len(seen) == (5 if tenth >= 6100 else 0) or tenth < 6100
            assert (seen.time_ns <= now_ns - 600 * SECOND).all()
            assert (seen.time_ns >= now_ns - 621 * SECOND).all()


def test_rows_that_nobody_looks_at_do_not_pile_up(monkeypatch):
    views, tracks = views_of(policy_of(PASS_ALL)), tracks_of(10)
    for k in range(500):
        views.receive(tracks.replace(time_ns=tracks.time_ns + k), START_NS + k)
        assert len(views._views["USA"]._ready) <= room.READY_MAX + 1
    assert (views.see("USA", START_NS + 500).tracks.time_ns == START_NS + 499).all()
    monkeypatch.setattr(room, "WAITING_MAX", 35)
    views = views_of(policy_of(rule("late", "delay = {seconds = 100}")))
    for second in range(10):
        views.receive(tracks.replace(time_ns=tracks.time_ns + second * SECOND), at(second))
    assert views._views["USA"].dropped == 70
    assert (views.see("USA", at(109)).tracks.time_ns == at(9)).all()  # the newest were kept


def test_versions_count_only_what_the_viewer_sees():
    views = views_of(policy_of(rule("one type", 'sensor_types_only = ["search_radar"]')))
    tracks = tracks_of(40)
    theirs = tracks.sources[:, 0] & ~tracks.sources[:, 1:].any(axis=1)
    views.receive(tracks, START_NS)
    for k in range(50):
        views.receive(take(tracks.replace(time_ns=tracks.time_ns + k), ~theirs), START_NS)
    view = views.see("USA", START_NS)
    assert (view.version, len(view.tracks)) == (1, theirs.sum())
    assert views.see("USA", at(1)) is view  # nothing has changed


def test_the_end_of_a_track_is_seen_and_then_it_is_gone():
    views, tracks = views_of(policy_of(PASS_ALL)), tracks_of(3)
    views.receive(tracks, START_NS)
    first = views.see("USA", START_NS)
    lost = take(tracks, np.array([1])).replace(status=np.array([TrackStatus.LOST], np.uint8), time_ns=np.array([at(1)]))
    views.receive(lost, at(1))
    view = views.see("USA", at(1))
    assert sorted(view.tracks.status == TrackStatus.LOST) == [False, False, True]
    later = views.see("USA", at(1) + LOST_NS)
    assert len(later.tracks) == 2
    gone, last_ns = later.gone(later.since(first))
    assert set(numbers(first)) - set(numbers(later)) == set(gone.tolist())
    assert last_ns.tolist() == [at(1)]


@pytest.mark.parametrize(
    ("rules", "label"),
    [
        (rule("until", "not_after = 2030-01-01T00:00:20Z"), label_text()),
        (PASS_ALL, label_text(expires_ns=at(20))),
        (rule("until", "not_after = 2030-01-01T00:00:20Z\ndelay = {seconds = 5}"), label_text()),
    ],
)
def test_nothing_is_seen_after_its_rule_or_its_label_has_ended(rules, label):
    views = views_of(policy_of(rules))
    views.receive(tracks_of(3, label=label), START_NS)
    assert len(views.see("USA", at(19.9)).tracks) == 3
    assert len(views.see("USA", at(20)).tracks) == 0


def test_a_tighter_policy_takes_back_at_once_what_is_seen_and_what_waits():
    open_, late = rule("open", "existence_min = 0.6"), rule("late", "delay = {seconds = 50}")
    views, tracks = views_of(policy_of(open_ + late), viewers=("USA", "JPN")), tracks_of(30)
    views.receive(tracks, START_NS)
    sure = int((tracks.existence >= 0.6).sum())
    before = views.see("USA", START_NS)
    assert len(before.tracks) == sure
    views.tighten(policy_of(late), START_NS)
    after = views.see("USA", START_NS)
    assert len(after.tracks) == 0
    assert sorted(after.gone(after.since(before))[0].tolist()) == numbers(before)
    assert len(views.see("USA", at(50)).tracks) == 30 - sure  # what waited for the rule that stays
    views.tighten(policy_of(""), at(50))
    assert len(views.see("USA", at(50)).tracks) == 0
    assert len(views.see("JPN", at(50)).tracks) == 30
    views.receive(tracks.replace(time_ns=tracks.time_ns + 51 * SECOND), at(51))
    assert len(views.see("USA", at(51)).tracks) == 0


def test_a_nation_that_is_taken_out_sees_nothing():
    views = views_of(policy_of(PASS_ALL))
    views.receive(tracks_of(5), START_NS)
    views.tighten(policy_of(PASS_ALL, partners='[partners]\nKOR = "close"\n'), START_NS)
    assert len(views.see("USA", START_NS).tracks) == 0


def test_records_of_other_labels_keep_theirs():
    views = views_of(policy_of(PASS_ALL))
    views.receive(tracks_of(3), START_NS)
    views.receive(tracks_of(4, rng=np.random.default_rng(9), label=label_text(level="RESTRICTED")), START_NS)
    found = {len(tracks): tracks.label for tracks, _ in views.see("USA", START_NS).batches()}
    assert found == {
        3: label_text(releasable_to=("USA",)),
        4: label_text(releasable_to=("USA",), level="RESTRICTED"),
    }


def test_views_of_other_lines_and_forgotten_versions_need_all(monkeypatch):
    monkeypatch.setattr(room, "GONE_MAX", 3)
    views, other = views_of(policy_of(PASS_ALL)), views_of(policy_of(PASS_ALL))
    first = views.see("USA", START_NS)
    assert first.since(None) is None
    assert first.since(other.see("USA", START_NS)) is None
    views.receive(tracks_of(2), START_NS)
    second = views.see("USA", START_NS)
    assert second.since(first) == 0
    views.receive(tracks_of(4, rng=np.random.default_rng(3), time_ns=at(30)), at(30))
    views.see("USA", at(60))
    third = views.see("USA", at(90))
    assert len(third.gone_id) == 3
    assert third.since(second) is None
    assert third.since(third) == third.version


WHAT = st.sampled_from(("rows", "rows", "rows", "look", "lost", "tighten", "loosen"))


@settings(max_examples=60)
@given(st.lists(st.tuples(WHAT, st.integers(0, 99), st.sampled_from((0, 1, 7, 40))), max_size=25))
def test_whoever_applies_the_changes_has_the_whole(steps):
    """A reader that looks now and then, and takes only what changed and what went, holds the same rows as the view."""
    late, rest = rule("late", "existence_max = 0.4\ndelay = {seconds = 20}"), rule("rest", "")
    views = views_of(policy_of(late + rest))
    pool, now_ns, before, held = tracks_of(12), START_NS, None, {}
    for what, number, seconds in [*steps, ("look", 0, 0)]:
        now_ns += seconds * SECOND
        rows = np.flatnonzero((np.arange(12) * 7 + number) % 3 == 0)
        if what in ("rows", "lost"):
            moved = take(pool, rows).replace(time_ns=np.full(len(rows), now_ns - number % 3 * SECOND))
            if what == "lost":
                moved = moved.replace(status=np.full(len(rows), TrackStatus.LOST, np.uint8))
            views.receive(moved, now_ns)
        elif what == "look":
            view = views.see("USA", now_ns)
            since = view.since(before)
            held = {} if since is None else held
            for one in view.gone(since or 0)[0].tolist() if since is not None else ():
                held.pop(one, None)
            for tracks, _ in view.batches(since or 0):
                for i, one in enumerate(tracks.track_id.tolist()):
                    held[one] = digest(
                        take(tracks, np.array([i])).replace(source_names=(), sources=np.zeros((1, 0), bool))
                    )
            whole = concatenate([tracks.replace(source_names=(), sources=np.zeros((len(tracks), 0), bool))
                                 for tracks, _ in view.batches()]) if len(view.tracks) else None  # fmt: skip
            assert set(held) == set(numbers(view))
            for i, one in enumerate([] if whole is None else whole.track_id.tolist()):
                assert held[one] == digest(take(whole, np.array([i])))
            before = view
        else:
            views.tighten(policy_of(rest if what == "tighten" else late + rest), now_ns)
