"""`--register`: corrected while tracking, the same from the journal, through a checkpoint and under any split."""

import json

import numpy as np
import pytest
from doctor_scenes import flights, radar_table, write_radars, write_reports
from typer.testing import CliRunner

import noroshi
from noroshi.records import Detections
from noroshi.run.api import load, replay
from noroshi.run.batches import in_time
from noroshi.run.cli import app
from noroshi.run.setup import Setup, Site, assemble, make_sensors
from noroshi.run.sites import complete


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def recorded(inside, seconds=120):
    truth = flights(9, 12, seconds)
    write_radars(inside / "radar.csv", radar_table(truth, seconds, bias=(120.0, 0.3, 0.9), false_plots=3.0))
    write_reports(inside / "adsb.csv", truth)


def test_the_command_says_what_it_took_out_and_a_replay_gives_the_same(inside):
    recorded(inside)
    words = ["track", "radar.csv", "adsb.csv", "--sensors", "sites.csv", "--register", "--journal", "j.mcap", "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    (row,) = figures["registration"]
    assert row["bias"]["range_m"] == pytest.approx(120.0, abs=4 * row["sigma"]["range_m"])
    assert row["bias"]["elevation_rad"] is None
    assert row["sigma"]["elevation_rad"] is None
    assert replay(inside / "j.mcap").digest == figures["digest"]
    plain = CliRunner().invoke(app, ["replay", "j.mcap"])
    assert "biases of the radars" in plain.stdout


def test_a_node_resumes_in_the_middle(inside):
    recorded(inside)
    recordings = load("radar.csv", "adsb.csv", "sites.csv")
    detections = [batch for recording in recordings for batch in recording.decoded.detections]
    sites, _ = complete(detections, [site for recording in recordings for site in recording.decoded.sites])
    setup = Setup(sites=[Site.of(site) for site in sites], registration=True)
    batches = list(in_time(detections, make_sensors(setup), batch_s=1.0))
    whole, _ = assemble(setup)
    half = len(batches) // 2
    for now_ns, batch in batches[:half]:
        whole.receive(batch, now_ns)
    resumed, _ = assemble(setup)
    resumed.resume(whole.checkpoint())
    whole.take()
    given = []
    for node in (whole, resumed):
        for now_ns, batch in batches[half:]:
            assert isinstance(batch, Detections)
            node.receive(batch, now_ns)
        given.append(noroshi.records.digest(*(out.record for out in node.take())))
    assert given[0] == given[1]
    assert np.isfinite(whole.own.registrar.registration.marginals[0][0, 0])
