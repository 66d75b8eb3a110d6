"""`noroshi why` on a scene whose story is known, and `--smooth` through the command line."""

import json
import math

import numpy as np
import pytest
from typer.testing import CliRunner

import noroshi
from noroshi.records import Detections, Identity, SensorSite, take
from noroshi.run.batches import in_time
from noroshi.run.cli import app
from noroshi.run.journal import JournalWriter
from noroshi.run.setup import Setup, Site, assemble, make_sensors
from noroshi.run.why import _hear
from noroshi.sensors.prepare import arrange
from noroshi.tracking.rewind import Rewind
from noroshi.tracking.story import Registry, Terms, Witness, tell

NS = 10**9
START_NS = 1_700_000_000 * NS  # 2023-11-14T22:13:20Z
SECONDS = 40
SITES = [
    SensorSite(sensor=name, type="local_position", parameters={"speed_sigma_m_s": 30.0, "sigma_m": 1.0})
    for name in ("east", "west")
]
PSD = 4.0
PARAMETERS = {"horizontal_psd_m2_s3": PSD}


def scene():
    """Return the plots of two sensors of a second each.

    East sees a flight from 0 to 20 s but for 7 s, which crosses that of SWR12 at 3 m at 14 s. East and west both see a
    third one, and east a false plot at 30 s; what west takes for it is 400 m aside at first and comes to it in 20 s.
    """
    rng = np.random.default_rng(4)
    batches = []
    for t in range(SECONDS):
        east = [] if t == 7 or t > 20 else [(10.0 * t, 0.0, "")]
        east += [(10.0 * t, 3.0 + 10.0 * (t - 14), "SWR12"), (3_000.0 + 5.0 * t, 2_000.0, "")]
        east += [(-2_000.0, -2_000.0, "")] * (t == 30)
        west = [
            (3_000.0 + 5.0 * (t + 0.5), 2_000.0 + 200.0 * (1.0 + math.cos(math.pi * min((t + 0.5) / 20.0, 1.0))), "")
        ]
        for name, plots, late_ns in (("east", east, 0), ("west", west, NS // 2)):
            n = len(plots)
            signs = np.array([sign for *_, sign in plots], "<U8")
            batches.append(
                Detections.of(
                    sensor=name, components=("x_m", "y_m"), time_ns=np.full(n, START_NS + t * NS + late_ns),
                    values=np.array([plot[:2] for plot in plots]) + 0.5 * rng.normal(size=(n, 2)),
                    identity=Identity.absent(n).replace(
                        call_sign=signs, icao_address=np.where(signs == "", -1, 0x4B1805)
                    ),
                )
            )  # fmt: skip
    return batches


@pytest.fixture(scope="module")
def journals(tmp_path_factory):
    """Return the journals of the scene by tracker, and what came of the plain one."""
    folder = tmp_path_factory.mktemp("why")
    done = {}
    for name in ("nearest_neighbour", "soft"):
        path = folder / f"{name}.mcap"
        parameters = PARAMETERS | ({"false_plots_a_look": 0.1} if name == "soft" else {})
        done[name] = path, noroshi.track(scene(), SITES, tracker=name, journal=path, parameters=parameters)
    return done


def ask(wanted, path, *options):
    done = CliRunner().invoke(app, ["why", wanted, str(path), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def story(wanted, path, *options):
    return json.loads(ask(wanted, path, "--json", *options))


def number_at(tracked, x_m, y_m, seconds):
    """Return the number of the track that was there then: y and z of the Earth-fixed axes are east and north."""
    now = take(tracked.tracks, tracked.tracks.time_ns == START_NS + round(seconds * NS))
    return int(now.track_id[np.argmin(np.hypot(now.state_ecef[:, 1] - x_m, now.state_ecef[:, 2] - y_m))])


def second(event):
    return (noroshi.geo.time.utc_ns_from_iso(event["time"]) - START_NS) / NS


def test_the_first_flight_starts_misses_meets_a_rival_and_is_lost(journals):
    path, tracked = journals["nearest_neighbour"]
    number = number_at(tracked, 100.0, 0.0, 10)
    told = story(str(number), path)
    assert told["track"] == number
    events = told["events"]
    what = [event["what"] for event in events]
    assert what[0] == "start"
    assert events[0]["text"] == "started by plot 0 of east, 2 other plots in the batch"
    assert [(second(e), e["text"]) for e in events if e["what"] == "firm"] == [(2.0, "became firm with 3 plots")]
    misses = [(second(e), e["sensor"]) for e in events if e["what"] == "miss"]
    assert misses == [(k + 0.25, "east") for k in (7, 21, 22, 23, 24, 25)]
    (crossing,) = (e for e in events if e["what"] == "plot" and second(e) == 14.0)
    other = story("SWR12", path)["track"]
    assert crossing["others"] == [other]
    by_plot = {each["plot"]: each for each in crossing["candidates"]}
    assert crossing["own"] == 0
    assert by_plot[0]["taker"] is None
    assert by_plot[1]["taker"] == other
    assert by_plot[1]["probability"] == 0.0
    name = str(other)[:4]
    assert f"track {name} could have had it; also in its gate: plot 1 at" in crossing["text"]
    assert f"(taken by track {name})" in crossing["text"]
    assert what[-1] == "end"
    assert events[-1]["text"].startswith("lost: 5 looks in a row missed (misses_firm = 5)")
    assert len([e for e in events if e["what"] == "plot"]) == 19


def test_distances_are_those_of_the_textbook(journals):
    """From the row before, moved by hand, for a plot at its known place."""
    path, tracked = journals["nearest_neighbour"]
    number = number_at(tracked, 100.0, 0.0, 10)
    mine = take(tracked.tracks, tracked.tracks.track_id == np.uint64(number))
    before = np.flatnonzero(mine.time_ns == START_NS + 11 * NS)[0]
    plot = next(b for b in scene() if b.time_ns[0] == START_NS + 12 * NS).values[0, :2]
    move = np.eye(6)
    move[:3, 3:] = np.eye(3)
    noise = np.kron([[1 / 3, 1 / 2], [1 / 2, 1.0]], np.diag([0.0, PSD, PSD]))
    state = move @ mine.state_ecef[before]
    spread = (move @ mine.covariance_ecef[before] @ move.T + noise)[1:3, 1:3] + np.eye(2)
    expected = math.sqrt((plot - state[1:3]) @ np.linalg.solve(spread, plot - state[1:3]))
    (event,) = (e for e in story(str(number), path)["events"] if e["what"] == "plot" and second(e) == 12.0)
    assert event["candidates"][0]["distance_sigmas"] == pytest.approx(expected, rel=1e-6)


def test_two_tracks_of_one_target_become_one_and_the_younger_says_into_which(journals):
    path, tracked = journals["nearest_neighbour"]
    older, younger = number_at(tracked, 3_025.0, 2_000.0, 5), number_at(tracked, 3_028.0, 2_330.0, 5.5)
    assert older != younger
    end = story(str(younger), path)["events"][-1]
    assert end["what"] == "end"
    assert end["others"] == [older]
    assert end["text"].startswith(f"merged into track {str(older)[:4]}, which is older and cannot be told from it")
    assert 17.0 <= second(end) <= 30.0  # 15 m apart at 17 s, at one place from 20 s on
    last = story(str(older), path)["events"][-1]
    assert last["what"] == "open"
    assert last["text"] == "still firm when the journal ends, 0 misses since its last plot"


def test_a_false_plot_starts_a_track_that_is_dropped(journals):
    path, _ = journals["nearest_neighbour"]
    roster = _hear(path, Registry, lambda _: None).roster()
    (at,) = np.flatnonzero(~roster.is_firm)
    events = story(str(roster.number[at]), path)["events"]
    assert [event["what"] for event in events] == ["start", "miss", "end"]
    assert events[0]["text"] == "started by plot 2 of east, 2 other plots in the batch"
    assert events[2]["text"] == "dropped: its first plot was not followed by another in the next look"


def test_existence_and_probabilities_of_the_soft_tracker(journals):
    path, tracked = journals["soft"]
    events = story(str(number_at(tracked, 100.0, 0.0, 10)), path)["events"]
    by = {what: [e for e in events if e["what"] == what] for what in ("start", "firm", "plot", "miss", "end")}
    assert by["firm"][0]["existence"] > 0.99
    assert [second(e) for e in by["miss"]][:2] == [7.0, 21.0]  # a scan of one time is a look at everything
    mine = take(
        tracked.tracks, tracked.tracks.track_id == np.uint64(story(str(number_at(tracked, 100, 0, 10)), path)["track"])
    )
    at = np.flatnonzero(mine.time_ns == START_NS + 12 * NS)[0]
    (event,) = (e for e in by["plot"] if second(e) == 12.0)
    assert event["existence"] == mine.existence[at]
    assert 0.9 < event["candidates"][0]["probability"] <= 1.0
    assert by["end"][0]["text"].startswith("lost: its existence fell to 0.00")
    assert by["end"][0]["existence"] < 0.01


def test_a_person_reads_it_by_call_sign_address_or_first_digits(journals):
    path, tracked = journals["nearest_neighbour"]
    number = number_at(tracked, 100.0, 0.0, 10)
    text = ask(str(number)[:6], path)
    assert text == ask(str(number), path)
    lines = text.splitlines()
    assert lines[0].startswith(f"track {number}: plots from 2023-11-14 22:13:20.0 to 22:13:40.0; kept by")
    assert "22:13:27.2  miss   east looked and did not see it: miss 1" in text
    assert "took 11 plots" not in lines[3]
    named = ask("swr12", path)
    assert named == ask("4b1805", path)
    assert "(call sign SWR12, address 4b1805)" in " ".join(named.split())
    few = ask("swr12", path, "--from", "2023-11-14T22:13:33Z", "--to", "2023-11-14T22:13:35Z", "--json")
    assert [e["time"][-3:] for e in json.loads(few)["events"]] == ["33Z", "34Z", "35Z"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_the_same_bytes_twice(journals, options):
    path, _ = journals["soft"]
    assert ask("swr12", path, *options) == ask("swr12", path, *options)


@pytest.mark.parametrize(
    ("tracker", "wanted", "said"),
    [
        ("nearest_neighbour", "SWR13", "no track 'SWR13' in this journal; near it: "),
        ("nearest_neighbour", "xyz", "no track 'xyz' in this journal; it has 4 firm tracks: "),
    ],
)
def test_what_cannot_be_told_gets_one_line(journals, tracker, wanted, said):
    done = CliRunner().invoke(app, ["why", wanted, str(journals[tracker][0])])
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_tracker_of_many_readings_is_refused(tmp_path):
    with JournalWriter(tmp_path / "m.mcap", Setup(sites=[Site.of(site) for site in SITES], tracker="mixture")):
        pass
    done = CliRunner().invoke(app, ["why", "SWR12", str(tmp_path / "m.mcap")])
    assert done.exit_code == 2
    assert "tracked by 'mixture', which weighs many readings of the plots at once" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("tracker_name", ["nearest_neighbour", "soft"])
def test_late_batches_leave_the_same_story(tracker_name):
    """Out of order inside the window: what was taken back is not in the story."""
    setup = Setup(sites=[Site.of(site) for site in SITES], tracker=tracker_name, motion="plane_constant_velocity")
    eyes = make_sensors(setup)
    batches = [arrange(batch, eyes[batch.sensor]) for _, batch in in_time(scene(), eyes, batch_s=1.0)]
    shuffled = np.argsort(np.arange(len(batches)) + np.random.default_rng(3).uniform(0, 6, len(batches)))
    assert (shuffled != np.arange(len(batches))).any()
    rosters, stories = [], []
    for order in (np.arange(len(batches)), shuffled):
        _, tracker = assemble(setup)
        tracker.listener = registry = Registry(tracker)
        late = Rewind(tracker)
        for i in order:
            late.step(batches[i], eyes[batches[i].sensor])
        rosters.append(registry.roster())
        number = int(rosters[-1].number[np.flatnonzero(rosters[-1].identity.call_sign == "SWR12")[0]])
        _, tracker = assemble(setup)
        tracker.listener = witness = Witness(tracker, number)
        late = Rewind(tracker)
        for i in order:
            late.step(batches[i], eyes[batches[i].sensor])
        terms = Terms(sensors=("east", "west"), models=("plane",), rules={}, names={})
        stories.append(repr(tell(witness.glimpses(), terms)))
    np.testing.assert_array_equal(rosters[0].number, rosters[1].number)
    assert stories[0] == stories[1]


def test_smoothing_says_so_and_replays(journals, tmp_path):
    path, tracked = journals["nearest_neighbour"]
    done = CliRunner().invoke(app, ["replay", str(path), "--smooth", "--json", "--out", str(tmp_path / "s.parquet")])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    (note,) = figures["notes"]
    assert note.startswith("states are smoothed after the fact")
    again = noroshi.track(scene(), SITES, tracker="nearest_neighbour", smooth=True, parameters=PARAMETERS)
    assert again.digest == figures["digest"] != tracked.digest
    assert note in again.notes
    np.testing.assert_array_equal(again.tracks.time_ns, tracked.tracks.time_ns)
    spread = [np.trace(each.tracks.covariance_ecef, axis1=1, axis2=2) for each in (again, tracked)]
    assert (spread[0] <= spread[1] * (1 + 1e-9)).all()
    assert np.mean(spread[0]) < np.mean(spread[1])


def test_pictures_are_not_smoothed():
    with pytest.raises(ValueError, match="leave out the period"):
        noroshi.track(scene(), SITES, smooth=True, period_s=5.0)
