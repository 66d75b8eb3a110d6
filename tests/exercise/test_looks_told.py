"""Sensors that are told where to look: a budget that is conserved, draws that do not shift, and whom plans are for."""

import numpy as np
import pytest
from observer_scenes import PLACE, START_NS, local, satellite, watch, world
from scipy.stats import binomtest

from noroshi.exercise.aims import Aim
from noroshi.exercise.observers.infrared import Observer as Satellite
from noroshi.exercise.observers.search_radar import Observer as Radar
from noroshi.exercise.planning import Eye, Settings, problem_of, threats_of
from noroshi.geo.time import NS_PER_S
from noroshi.records import Identity, Kind, Tracks, TrackStatus

HOT = {"heat_w_sr": 1e9, "number": None}
EYE = {"revisit_s": 1.0, "off_nadir_deg_max": 70.0, "false_lines_per_look": 0.0}


def targets():
    return [local(f"hot {k}", [3e5 * np.cos(k), 3e5 * np.sin(k), 3e4], [200.0, 100.0, 0.0], **HOT) for k in range(4)]


def rows(sighting):
    plots = sighting.detections
    return {
        (int(t), str(o)): v for t, o, v in zip(plots.time_ns, sighting.owner, map(tuple, plots.values), strict=True)
    }


@pytest.mark.parametrize(("view_deg", "far_deg"), [(5.0, 75.0), (20.0, 75.0), (15.0, 40.0), (60.0, 70.0)])
def test_the_parts_of_a_scan_leave_nothing_out(view_deg, far_deg):
    off, around = Satellite(view_deg=view_deg, off_nadir_deg_max=far_deg).parts().T
    middles = np.stack([np.cos(off), np.sin(off) * np.cos(around), np.sin(off) * np.sin(around)], axis=1)
    rng = np.random.default_rng(1)
    down, turn = rng.uniform(np.cos(np.radians(far_deg)), 1.0, 20_000), rng.uniform(0.0, 2.0 * np.pi, 20_000)
    level = np.sqrt(1.0 - down**2)
    lines = np.stack([down, level * np.cos(turn), level * np.sin(turn)], axis=1)
    assert (lines @ middles.T).max(axis=1).min() >= np.cos(np.radians(view_deg))


def test_a_narrow_view_sees_a_part_of_what_a_wide_one_does_at_the_same_looks():
    carrier, flown = satellite(height_m=1e6, seconds=200), targets()
    own = world([*flown, carrier], seconds=200)
    wide = watch("infrared", own, carrier=carrier, **EYE).observe(START_NS, START_NS + 200 * NS_PER_S)
    narrow = watch("infrared", own, carrier=carrier, view_deg=20.0, **EYE)
    scanned = rows(narrow.observe(START_NS, START_NS + 200 * NS_PER_S))
    assert scanned.items() <= rows(wide).items()
    parts = len(Satellite(view_deg=20.0, **EYE).parts())
    assert {name for _, name in scanned} == {flight.name for flight in flown}
    assert 1.0 / parts <= len(scanned) / len(rows(wide)) < 4.0 / parts


def test_a_look_that_is_told_goes_there_and_is_one_that_the_scan_does_not_get():
    carrier, flown = satellite(height_m=1e6, seconds=200), targets()
    own = world([*flown, carrier], seconds=200)
    wide = rows(watch("infrared", own, carrier=carrier, **EYE).observe(START_NS, START_NS + 200 * NS_PER_S))
    scanning = rows(
        watch("infrared", own, carrier=carrier, view_deg=20.0, **EYE).observe(START_NS, START_NS + 200 * NS_PER_S)
    )
    told = watch("infrared", own, carrier=carrier, view_deg=20.0, **EYE)
    before = rows(told.observe(START_NS, START_NS + 50 * NS_PER_S))
    seconds = range(40, 100, 2)
    aims = [
        Aim(START_NS + k * NS_PER_S, tuple(flown[0].at(np.array([START_NS + k * NS_PER_S]))[0, :3])) for k in seconds
    ]
    told.tell(aims, START_NS + 49 * NS_PER_S)
    after = rows(told.observe(START_NS + 50 * NS_PER_S, START_NS + 200 * NS_PER_S))
    everything = before | after
    assert everything.items() <= wide.items()
    aimed = {START_NS + k * NS_PER_S for k in seconds if k > 49}
    for time_ns in aimed:
        assert ((time_ns, "hot 0") in everything) == ((time_ns, "hot 0") in wide)
    others = {key: value for key, value in everything.items() if key[0] not in aimed}
    assert others == {key: value for key, value in scanning.items() if key[0] not in aimed}
    again = watch("infrared", own, carrier=carrier, view_deg=20.0, **EYE)
    again.scene.aims.restore(told.scene.aims.state())
    whole = rows(again.observe(START_NS, START_NS + 200 * NS_PER_S))
    assert whole == everything


def test_where_it_cannot_look_it_goes_on_with_its_scan():
    carrier = satellite(height_m=1e6, seconds=60)
    own = world([*targets(), carrier], seconds=60)
    scanning, told = (watch("infrared", own, carrier=carrier, view_deg=20.0, **EYE) for _ in range(2))
    overhead = tuple(2.0 * carrier.state_ecef[0, :3])
    told.tell([Aim(START_NS + k * NS_PER_S, overhead) for k in range(60)], START_NS - 1)
    whole = START_NS, START_NS + 60 * NS_PER_S
    assert rows(told.observe(*whole)) == rows(scanning.observe(*whole))


def test_a_radars_time_is_conserved_over_its_beams_and_the_dwell_pays():
    """The share of looks seen at 1.05 of the range at which half are, with and without a dwell: Swerling 1 by hand."""
    fields = {"rotating": False, "scan_time_s": 5.0, "measures_elevation": True, "false_plots_per_scan": 0.0,
              "merges": False, "reference_range_m": 100_000.0, "elevation_deg_max": 60.0}  # fmt: skip
    own = Radar(task_time_s=0.25, **fields)
    share = 0.25 / 5.0
    on, off = 1.0 - share + share * own.beams, 1.0 - share
    assert (on + (own.beams - 1.0) * off) / own.beams == pytest.approx(1.0)
    far = [local(f"at {k}", [2.5e5 * np.sin(k), 2.5e5 * np.cos(k), 2e4], [0.0, 0.0, 0.0], cross_section_m2=1.0,
                 seconds=5_000, number=None) for k in range(5)]  # fmt: skip
    scene = world(far, seconds=5_000)
    radar = watch("search_radar", scene, task_time_s=0.25, **fields)
    radar.tell([Aim(START_NS + 5 * k * NS_PER_S, tuple(far[0].state_ecef[0, :3])) for k in range(1_000)], START_NS - 1)
    seen = radar.observe(START_NS, START_NS + 5_000 * NS_PER_S)
    snr = own.snr(np.linalg.norm(far[0].state_ecef[:1, :3] - PLACE, axis=1), np.array([1.0]))[0]
    for name, time_on in (("at 0", on), ("at 1", off)):
        chance = np.exp(np.log(1e-6) / (1.0 + snr * time_on))  # Swerling 1, one pulse
        assert binomtest(int((seen.owner == name).sum()), 1_000, chance).pvalue > 0.01


def tracks(kinds, *, sigma_m=1_000.0):
    n = len(kinds)
    probability = np.zeros((n, len(Kind)))
    probability[np.arange(n), kinds] = 1.0
    states = np.tile(np.concatenate([PLACE, np.zeros(3)]), (n, 1))
    return Tracks(
        node="JPN", source_names=(), track_id=np.arange(1, n + 1).astype(np.uint64), time_ns=np.full(n, START_NS),
        updated_ns=np.full(n, START_NS), revision=np.zeros(n, np.int32), state_ecef=states,
        covariance_ecef=np.tile(np.diag([sigma_m**2] * 3 + [100.0] * 3), (n, 1, 1)), existence=np.ones(n),
        kind_probability=probability, status=np.full(n, TrackStatus.FIRM, np.uint8),
        sources=np.zeros((n, 0), np.bool_), identity=Identity.absent(n),
    )  # fmt: skip


def test_only_what_threatens_is_planned_for_and_what_is_less_known_weighs_more():
    chosen = threats_of(tracks([Kind.AIRCRAFT, Kind.GLIDING, Kind.BALLISTIC, Kind.SHIP]))
    assert chosen.track_id.tolist() == [2, 3]
    eyes = [
        Eye("every", "USA", START_NS, NS_PER_S, lambda states, _: np.ones(len(states), bool)),
        Eye("never", "USA", START_NS, 5 * NS_PER_S, lambda states, _: np.zeros(len(states), bool)),
    ]
    settings = Settings(ahead_s=60.0, slot_s=5.0, window_s=20.0, share=0.5)
    problem = problem_of(chosen, eyes, settings, START_NS)
    assert problem.capacity.tolist() == [[2] * 12, [1] * 12]
    assert set(problem.option[:, 0].tolist()) == {0}
    assert sorted(map(tuple, problem.option[:, 1:].tolist())) == [
        (slot, track * 3 + slot // 4) for slot in range(12) for track in range(2)
    ]
    vague = problem_of(threats_of(tracks([Kind.GLIDING], sigma_m=9_000.0)), eyes, settings, START_NS)
    assert vague.weight.min() > problem.weight.max()
    assert np.all(np.diff(vague.weight) > 0.0)
