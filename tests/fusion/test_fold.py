"""The fold: any order, late, lost, twice; restart; what ends; numbers; what is counted once; what is told."""

import numpy as np
import pytest
from fusion_scenes import NS, START_NS, Watched, level, moved, nees, place, tracks
from hypothesis import given, settings
from hypothesis import strategies as st

from noroshi.formats.columns import pack_arrays, unpack_arrays
from noroshi.fusion import Fusion, Settings, number_of
from noroshi.records import Kind, TrackStatus, certain_kind, digest, take
from noroshi.records.identity import ABSENT
from noroshi.records.known import Known
from noroshi.run import rooms

SIGMA = np.diag([50.0, 50.0, 50.0, 5.0, 5.0, 5.0]) ** 2


def messages(seed=1, nations=3, looks=60):
    """Return messages (owner, seq, rows), as they were made."""
    watched = Watched(seed, nations, period_s=4.0)
    return [(*watched.look(), k) for k in range(looks)], watched


def give(fusion, told):
    """Hand over some messages."""
    for owner, rows, k in told:
        fusion.receive(rows, owner=owner, feed="tracks", seq=k, coarse=False)


MADE, WATCHED = messages()


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(18)), st.lists(st.integers(0, 17), max_size=6), st.booleans())
def test_any_order_and_again_gives_the_same_bytes(order, again, looks_between):
    some = MADE[:18]
    plain, mixed = Fusion("x"), Fusion("x")
    give(plain, some)
    expected = digest(plain.picture(some[-1][1].time_ns[0] + 3 * NS // 2))
    for i in [*order, *again]:
        give(mixed, [some[i]])
        if looks_between:
            mixed.picture(int(some[i][1].time_ns[0]))
    assert digest(mixed.picture(some[-1][1].time_ns[0] + 3 * NS // 2)) == expected


def test_pictures_of_two_nodes_are_equal_but_for_the_name():
    one, two = Fusion("one"), Fusion("two")
    give(one, MADE)
    give(two, MADE[::-1])
    a, b = one.picture(WATCHED.time_ns), two.picture(WATCHED.time_ns)
    assert digest(a) == digest(b.replace(node="one"))


def test_what_another_has_folded_is_the_same_bytes():
    """One of two that remember folds; the other, who heard it in another order and cut otherwise, finds it known."""
    known, plain = Known(64), Fusion("two")
    one, two = Fusion("one", known=known), Fusion("two", known=known)
    for k, (owner, rows, seq) in enumerate(MADE):
        one.receive(rows, owner=owner, feed="tracks", seq=seq, coarse=False)
        plain.receive(rows, owner=owner, feed="tracks", seq=seq, coarse=False)
        half = len(rows) // 2
        two.receive(take(rows, slice(0, half)), owner=owner, feed="tracks", seq=2 * seq, coarse=False)
        two.receive(take(rows, slice(half, None)), owner=owner, feed="tracks", seq=2 * seq + 1, coarse=False)
        if k % 3 == 2:
            time_ns = int(rows.time_ns.max())
            expected = digest(plain.picture(time_ns))
            assert digest(one.picture(time_ns).replace(node="two")) == expected
            size = known.size
            assert digest(two.picture(time_ns)) == expected
            assert known.size == size  # it was all known
    assert two.counts == plain.counts


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_how_rows_are_cut_into_messages_does_not_matter(seed):
    """A node hears its own tracks as they are made, and its partners hear them in envelopes."""
    rng = np.random.default_rng(seed)
    start = level(place(35.0 + 0.1 * np.arange(8), 140.0 + 0.05 * np.arange(8)), 200.0, 0.0)
    whole, cut = Fusion("x"), Fusion("x")
    for k in range(40):
        states = start @ moved(float(k))[0].T
        for owner, shift in (("A", 0.0), ("B", 150.0)):
            now = states + [shift, 0.0, 0.0, 0.0, 0.0, 0.0] + 10.0 * rng.normal(size=(8, 6)) * [1, 1, 1, 0, 0, 0]
            rows = tracks(owner, 50 - np.arange(8), START_NS + k * NS, now, [SIGMA] * 8)
            whole.receive(rows, owner=owner, feed="own", seq=k, coarse=False)
            order = rng.permutation(8)
            for part in (order[:3], order[3:]):
                cut.receive(take(rows, part), owner=owner, feed="out", seq=100 * k + int(part[0]), coarse=False)
    assert digest(whole.picture(START_NS + 39 * NS)) == digest(cut.picture(START_NS + 39 * NS))
    one, two = whole.biases(START_NS + 39 * NS), cut.biases(START_NS + 39 * NS)
    assert one.found.any()
    assert np.array_equal(one.found, two.found)


def test_a_picture_of_the_recent_past_is_what_it_would_have_been():
    fusion, earlier = Fusion("x"), Fusion("x")
    give(fusion, MADE[:50])
    fusion.picture(int(MADE[49][1].time_ns[0]))
    time_ns = int(MADE[40][1].time_ns[0])
    give(earlier, [m for m in MADE if m[1].time_ns[0] <= time_ns])
    assert digest(fusion.picture(time_ns)) == digest(earlier.picture(time_ns))
    with pytest.raises(ValueError, match="older than the window"):
        fusion.picture(START_NS)


def test_a_restart_goes_on_as_if_nothing_had_been():
    through, first, second = Fusion("x"), Fusion("x"), Fusion("x")
    give(through, MADE[:45])
    through.picture(WATCHED.time_ns - 20 * NS)
    give(first, MADE[:45])
    first.picture(WATCHED.time_ns - 20 * NS)
    second.resume(unpack_arrays(pack_arrays(part)) for part in first.checkpoint())
    for fusion in (through, second):
        give(fusion, MADE[45:])
    assert digest(through.picture(WATCHED.time_ns)) == digest(second.picture(WATCHED.time_ns))
    assert through.counts == second.counts
    with pytest.raises(ValueError, match="not a checkpoint"):
        second.resume([{}])


def test_a_restart_before_anything_was_folded():
    first, second = Fusion("x"), Fusion("x")
    give(first, MADE[:5])
    second.resume(first.checkpoint())
    assert digest(first.picture(WATCHED.time_ns)) == digest(second.picture(WATCHED.time_ns))


def test_what_is_written_down_later_is_what_it_was():
    fusion = Fusion("x", Settings(window_s=8.0))
    flights(fusion, range(20), ("A", "B"))
    fusion.picture(START_NS + 19 * NS)
    first = fusion.checkpoint()
    written = [pack_arrays(part) for part in first]
    for k in range(20, 60):
        flights(fusion, [k], ("A", "B"), existence=np.full(1, 0.5))
        fusion.picture(START_NS + k * NS)
    assert [pack_arrays(part) for part in first] == written


def test_what_is_closed_stays_where_late_rows_take_the_fold_back():
    """Looks are rare, so that what closes is a step that would not be kept among others."""
    fusion, plain = Fusion("x", Settings(window_s=60.0)), Fusion("x", Settings(window_s=200.0))
    flights(fusion, [1, 41, 102], ("A",))
    fusion.picture(START_NS + 102 * NS)
    for k in (60, 50):
        flights(fusion, [k], ("B",))
        fusion.picture(START_NS + 102 * NS)
        assert fusion.checkpoint()
    flights(plain, [1, 41, 102], ("A",))
    flights(plain, [60, 50], ("B",))
    assert digest(fusion.picture(START_NS + 103 * NS)) == digest(plain.picture(START_NS + 103 * NS))


def test_what_is_later_than_the_window_is_used_where_it_still_can_be_and_counted():
    fusion = Fusion("x", Settings(window_s=10.0))
    states = level(place([35.0, 36.0], [140.0, 141.0]), 200.0, 0.0)
    for k in range(40):
        now = tracks("A", [1], START_NS + k * NS, states[:1] + k * np.array([0, 0, 0, 0, 0, 0]), [SIGMA])
        fusion.receive(now, owner="A", feed="t", seq=k, coarse=False)
        fusion.picture(START_NS + k * NS)
    late = tracks("B", [9], START_NS + 5 * NS, states[1:], [SIGMA])
    fusion.receive(late, owner="B", feed="t", seq=0, coarse=False)
    picture = fusion.picture(START_NS + 40 * NS)
    assert fusion.counts["late rows"] == 1
    assert len(picture) == 2
    far = picture.state_ecef[np.argmin(picture.sources[:, 0])]
    assert np.linalg.norm(far[:3] - states[1, :3] - 35.0 * states[1, 3:]) < 100.0
    older = tracks("A", [1], START_NS + 4 * NS, states[:1] + 1e5, [SIGMA])
    fusion.receive(older, owner="A", feed="t", seq=99, coarse=False)
    fusion.picture(START_NS + 40 * NS)
    assert fusion.counts["stale rows"] == 1


def test_a_corrected_row_replaces_the_one_of_its_time():
    right, wrong_first = Fusion("x"), Fusion("x")
    states = level(place(35.0, 140.0), 200.0, 0.0)
    good = tracks("A", [1], START_NS, states, [SIGMA])
    bad = tracks("A", [1], START_NS, states + 300.0, [SIGMA])
    right.receive(good, owner="A", feed="t", seq=1, coarse=False)
    wrong_first.receive(bad, owner="A", feed="t", seq=0, coarse=False)
    wrong_first.picture(START_NS)
    wrong_first.receive(good, owner="A", feed="t", seq=1, coarse=False)
    assert digest(right.picture(START_NS)) == digest(wrong_first.picture(START_NS))


def test_of_a_row_and_its_correction_the_correction_counts_whichever_comes_first():
    """An outbox sends the newest first, so that a partner may hear the correction before what it corrects."""
    owner, rows, k = MADE[0]
    state = rows.state_ecef.copy()
    state[:, :3] += 300.0
    corrected = rows.replace(state_ecef=state, revision=rows.revision + 1)
    pictures = []
    for told in ([(owner, rows, 1), (owner, corrected, 2)], [(owner, corrected, 1), (owner, rows, 2)]):
        fusion = Fusion("x")
        give(fusion, told)
        pictures.append(fusion.picture(int(rows.time_ns.max()) + 2 * NS))
    assert digest(pictures[0]) == digest(pictures[1])
    alone = Fusion("x")
    give(alone, [(owner, corrected, k)])
    assert np.allclose(pictures[0].state_ecef, alone.picture(int(rows.time_ns.max()) + 2 * NS).state_ecef)


def test_lost_forgotten_and_silent_tracks_end():
    fusion = Fusion("x")
    states = level(place([35.0, 36.0, 37.0], [140.0, 141.0, 142.0]), 200.0, 0.0)
    fusion.receive(tracks("A", [1, 2, 3], START_NS, states, [SIGMA] * 3), owner="A", feed="t", seq=0, coarse=False)
    assert len(fusion.picture(START_NS + NS)) == 3
    lost = tracks("A", [1], START_NS, states[:1], [SIGMA], status=np.array([TrackStatus.LOST], np.uint8))
    fusion.receive(lost, owner="A", feed="t", seq=1, coarse=False)
    assert len(fusion.picture(START_NS + NS)) == 2
    fusion.forget("A", np.array([2], np.uint64), START_NS + 2 * NS)
    assert len(fusion.picture(START_NS + NS)) == 2
    assert len(fusion.picture(START_NS + 2 * NS)) == 1
    assert len(fusion.picture(START_NS + 61 * NS)) == 0
    assert fusion.lineage(START_NS + 2 * NS).contribution.tolist() == [3]


def test_unusable_rows_are_counted():
    fusion = Fusion("x")
    states = level(place([35.0, 36.0, 37.0], [140.0, 141.0, 142.0]), 200.0, 0.0)
    states[0, 2] = np.nan
    crooked = SIGMA.copy()
    crooked[0, 1] = crooked[1, 0] = 2.0 * SIGMA[0, 0]
    rows = tracks("A", [1, 2, 3], START_NS, states, [SIGMA, crooked, SIGMA])
    fusion.receive(rows, owner="A", feed="t", seq=0, coarse=False)
    assert len(fusion.picture(START_NS)) == 1
    assert fusion.counts["unusable rows"] == 2


def test_tracks_that_come_and_go_leave_no_trace_in_what_comes_after():
    """Ended rows are left out now and then; with late messages too the picture is that of an arrival in order."""
    start = level(place(35.0 + 0.2 * np.arange(30), 140.0), 200.0, 0.0)
    made = []
    for k in range(120):
        ids = np.arange(30) + 1_000 * (k // 6)
        states = start @ moved(float(k % 6))[0].T
        status = np.full(30, TrackStatus.LOST if k % 6 == 5 else TrackStatus.FIRM, np.uint8)
        for owner in ("A", "B"):
            made.append((owner, tracks(owner, ids, START_NS + k * NS, states, [SIGMA] * 30, status=status), k))
    one, two = Fusion("x"), Fusion("x")
    for m in made:
        give(one, [m])
        one.picture(int(m[1].time_ns[0]))
    for i in np.argsort(np.arange(len(made)) + np.random.default_rng(1).uniform(0.0, 20.0, len(made))):
        give(two, [made[i]])
        two.picture(START_NS + max(0, int(i) // 2 - 10) * NS)
    end_ns = START_NS + 118 * NS
    assert digest(one.picture(end_ns)) == digest(two.picture(end_ns))
    assert len(one.picture(end_ns)) == 30
    assert one.picture(end_ns).sources.all()
    assert two.counts["late rows"] == 0
    assert max(one._table.n, one._table.m) < 1_000


def test_the_types_that_are_known_are_those_that_there_are():
    assert set(Settings().types) == set(rooms.names("sensors")) - {"rows"}  # which only speaks of sensors


def test_more_owners_than_fit_are_refused():
    fusion = Fusion("x")
    states = level(place(35.0, 140.0), 200.0, 0.0)
    for i in range(62):
        told = tracks(f"N{i}", [1], START_NS, states, [SIGMA])
        fusion.receive(told, owner=f"N{i}", feed="t", seq=0, coarse=False)
    with pytest.raises(ValueError, match="63th owner"):
        fusion.receive(told, owner="one more", feed="t", seq=0, coarse=False)


def flights(fusion, times, owners, *, ids=(1,), states=None, **changes):
    """Let owners tell of the same flights at each time."""
    states = level(place(35.0, 140.0), 200.0, 0.0) if states is None else states
    for k in times:
        transition, _ = moved(float(k))
        for owner in owners:
            told = tracks(owner, ids, START_NS + k * NS, states @ transition.T, [SIGMA] * len(ids), **changes)
            fusion.receive(told, owner=owner, feed="t", seq=k, coarse=False)


def test_the_number_is_that_of_the_founder_and_stays_after_it_has_gone():
    fusion, keyed = Fusion("x"), Fusion("x", Settings(key=b"the coalition's own"))
    for each in (fusion, keyed):
        flights(each, range(5), ["A"])
        flights(each, range(2, 10), ["B"], ids=(77,))
    assert fusion.picture(START_NS + 4 * NS).track_id.tolist() == [number_of("A", 1)]
    gone = tracks("A", [1], START_NS + 5 * NS, np.zeros((1, 6)), [SIGMA], status=np.array([TrackStatus.LOST], np.uint8))
    fusion.receive(gone, owner="A", feed="t", seq=99, coarse=False)
    picture = fusion.picture(START_NS + 9 * NS)
    assert picture.track_id.tolist() == [number_of("A", 1)]
    assert picture.source_names == ("A", "B")
    assert picture.sources.tolist() == [[False, True]]
    flights(fusion, range(10, 14), ["A"])  # the founder comes back under its old name
    assert fusion.picture(START_NS + 13 * NS).track_id.tolist() == [number_of("A", 1)]
    assert keyed.picture(START_NS + 4 * NS).track_id.tolist() == [number_of("A", 1, b"the coalition's own")]
    assert number_of("A", 1) != number_of("A", 1, b"the coalition's own")


def test_reports_of_the_target_itself_are_counted_once():
    rng = np.random.default_rng(7)
    truth, reports, radar = level(place(35.0, 140.0), 200.0, 0.0)[0], Fusion("x"), Fusion("x")
    spread = np.diag([30.0] * 3 + [3.0] * 3) ** 2
    for k in range(40):
        transition, noise = moved(1.0)
        truth = transition @ truth + np.linalg.cholesky(noise) @ rng.normal(size=6)
        heard = truth + np.sqrt(np.diagonal(spread)) * rng.normal(size=6)  # by everybody
        for fusion, kind in ((reports, "position_report"), (radar, "search_radar")):
            for owner in ("A", "B", "C"):
                told = tracks(owner, [4], START_NS + k * NS, [heard], [spread], icao=[0x840001], source_names=(kind,))
                fusion.receive(told, owner=owner, feed="t", seq=k, coarse=False)
    one = reports.picture(START_NS + 39 * NS)
    assert len(one) == 1
    assert one.sources.tolist() == [[True, True, True]]
    np.testing.assert_allclose(one.state_ecef[0], heard, atol=1.0)
    np.testing.assert_allclose(one.covariance_ecef[0], spread, rtol=0.05, atol=5.0)
    assert reports.lineage(START_NS + 39 * NS).is_counted.tolist() == [True, False, False]
    both = radar.picture(START_NS + 39 * NS)
    assert np.trace(both.covariance_ecef[0]) < 0.9 * np.trace(spread)
    assert one.existence[0] == pytest.approx(0.9)
    assert both.existence[0] == pytest.approx(0.9**3 / (0.9**3 + 0.1**3))


def test_another_hearer_takes_over_where_the_feeder_falls_silent():
    fusion = Fusion("x")
    reported = {"icao": [0x840001], "source_names": ("position_report",)}
    flights(fusion, range(10), ["A", "B"], **reported)
    flights(fusion, range(10, 50), ["B"], **reported)
    lineage = fusion.lineage(START_NS + 49 * NS)
    assert dict(zip(lineage.owner.tolist(), lineage.is_counted.tolist(), strict=True)) == {"A": False, "B": True}
    picture = fusion.picture(START_NS + 49 * NS)
    assert np.trace(picture.covariance_ecef[0]) < 1.5 * np.trace(SIGMA)


def test_another_hearer_takes_over_where_the_feeder_only_repeats_what_it_heard_last():
    """Coasting rows have a new time each second and say when the target was last heard, which is what counts."""
    fusion, states = Fusion("x"), level(place(35.0, 140.0), 200.0, 0.0)
    reported = {"icao": [0x840001], "source_names": ("position_report",)}
    flights(fusion, range(10), ["A", "B"], states=states, **reported)
    slower = states * [1.0, 1.0, 1.0, 0.97, 0.97, 0.97]  # by 6 m/s from then on, as B hears and A does not
    flights(fusion, range(10, 60), ["A"], states=states, updated_ns=np.full(1, START_NS + 9 * NS), **reported)
    flights(fusion, range(10, 60), ["B"], states=slower, **reported)
    for k, feeder in ((28, "A"), (31, "B"), (59, "B")):
        lineage = fusion.lineage(START_NS + k * NS)
        assert lineage.owner[lineage.is_counted].tolist() == [feeder]
    end = fusion.picture(START_NS + 59 * NS).state_ecef[0]
    np.testing.assert_allclose(end, (slower @ moved(59.0)[0].T)[0], atol=10.0)


def test_hearers_of_one_ship_that_tell_together_do_not_take_turns():
    """Both repeat between reports that both heard. Told seconds apart they do take turns, by intersection: no harm."""
    fusion, feeders = Fusion("x"), set()
    ship = {"mmsi": [431_000_001], "source_names": ("position_report",)}
    for k in range(0, 1_000, 10):
        heard = np.full(1, START_NS + (k - k % 180) * NS)
        flights(fusion, [k], ["A", "B"], states=level(place(35.0, 140.0), 5.0, 0.0), updated_ns=heard, **ship)
        lineage = fusion.lineage(START_NS + k * NS)
        feeders |= set(lineage.owner[lineage.is_counted].tolist()) if k else set()
    assert feeders == {"A"}


def test_an_address_without_a_known_source_may_be_a_report():
    fusion = Fusion("x")
    flights(fusion, range(20), ["A", "B"], icao=[0x840001], source_names=("radar-north",))
    assert np.trace(fusion.picture(START_NS + 19 * NS).covariance_ecef[0]) > 0.95 * np.trace(SIGMA)
    known = Fusion("x", Settings(sensor_types={"radar-north": "search_radar"}))
    flights(known, range(20), ["A", "B"], icao=[0x840001], source_names=("radar-north",))
    assert np.trace(known.picture(START_NS + 19 * NS).covariance_ecef[0]) < 0.9 * np.trace(SIGMA)


def test_coarse_rows_do_not_sharpen_with_patience_and_do_no_harm_beside_exact_ones():
    fusion, beside = Fusion("x"), Fusion("x")
    state, wide = level(place(35.0, 140.0), 200.0, 0.0)[0], np.diag([2e3] * 3 + [10.0] * 3) ** 2
    moved_away = state + np.array([1500.0, -1500.0, 500.0, 0.5, -0.5, 0.5])
    for k in range(0, 900, 10):
        transition, _ = moved(float(k))
        coarse = tracks("A", [1], START_NS + k * NS, [transition @ moved_away], [wide])
        for each in (fusion, beside):
            each.receive(coarse, owner="A", feed="t", seq=k, coarse=True)
        beside.receive(
            tracks("B", [2], START_NS + k * NS, [transition @ state], [SIGMA]), owner="B", feed="t", seq=k, coarse=False
        )
    end = START_NS + 890 * NS
    alone = fusion.picture(end)
    least = np.linalg.eigvals(np.linalg.solve(wide, alone.covariance_ecef[0])).real.min()
    assert least > 0.9
    assert nees(alone.state_ecef[0], alone.covariance_ecef[0], moved(890.0)[0] @ state) < 1.0
    both = beside.picture(end)
    exact = both.state_ecef[np.argmin(np.trace(both.covariance_ecef, axis1=1, axis2=2))]
    assert np.linalg.norm(exact[:3] - (moved(890.0)[0] @ state)[:3]) < 100.0


def test_opinions_are_pooled_and_conflicts_shown():
    fusion = Fusion("x")
    state = level(place(35.0, 140.0), 200.0, 0.0)
    half = np.zeros((1, len(Kind)))
    half[0, [Kind.UNKNOWN, Kind.AIRCRAFT, Kind.SHIP]] = 0.5, 0.4, 0.1
    kinds = {"A": certain_kind(Kind.UNKNOWN, 1), "B": half, "C": certain_kind(Kind.AIRCRAFT, 1)}
    for k in range(6):
        for owner, kind in kinds.items():
            told = tracks(
                owner, [1], START_NS + k * NS, state @ moved(float(k))[0].T, [SIGMA], kind_probability=kind,
                existence=np.array([np.nan if owner == "A" else 0.8]), mode_3a=[0o1234 if owner != "C" else 0o4321],
            )  # fmt: skip
            fusion.receive(told, owner=owner, feed="t", seq=k, coarse=False)
    picture = fusion.picture(START_NS + 5 * NS)
    if len(picture) == 1:
        assert picture.identity.mode_3a.tolist() == [0o1234]
        assert fusion.conflicts(START_NS + 5 * NS)["mode_3a"].tolist() == picture.track_id.tolist()
        assert fusion.conflicts(START_NS + 5 * NS)["icao_address"].tolist() == []
        assert picture.identity.icao_address.tolist() == [ABSENT]
        assert picture.existence[0] == pytest.approx(0.8**2 / (0.8**2 + 0.2**2))
        assert picture.kind_probability[0].sum() == pytest.approx(1.0)
        assert picture.kind_probability[0, Kind.UNKNOWN] == 0.0
        assert 0.8 < picture.kind_probability[0, Kind.AIRCRAFT] < 1.0
    else:
        raise AssertionError(picture.track_id)
