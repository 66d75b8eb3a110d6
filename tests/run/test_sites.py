"""What is taken of sensors that nobody describes, and that it is told."""

import numpy as np
import pytest

import noroshi
from noroshi.run.sites import complete


def written(folder, sigma_m, header="t,x,y", more=""):
    """Return a file with five targets on straight ways, seen each second with a noise that the file does not tell."""
    rng = np.random.default_rng(1)
    rows = [
        f"{look},{1000 * i + 60 * look + sigma_m * x:.3f},{-300 * i + 10 * look + sigma_m * y:.3f}{more}"
        for look in range(30)
        for i, (x, y) in enumerate(rng.normal(size=(5, 2)))
    ]
    path = folder / "plots.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.mark.parametrize("sigma_m", [0.2, 30.0])
def test_plain_plots_of_any_exactness_are_tracked_as_they_are_and_it_is_told(tmp_path, sigma_m):
    recordings = noroshi.load(written(tmp_path, sigma_m))
    (site,), (note,) = complete(recordings[0].decoded.detections, [])
    assert site.parameters["sigma_m"] == pytest.approx(sigma_m, rel=0.2)
    assert f"{site.parameters['sigma_m']:g} m along each axis is taken" in note
    tracked = noroshi.track(recordings[0].decoded.detections)
    assert len(np.unique(tracked.tracks.track_id)) == 5
    assert sum(tracked.plots_used.values()) >= 148  # a gate that leaves none out would be none
    assert tracked.notes == [note]


def test_what_is_stated_is_not_measured(tmp_path):
    told = noroshi.load(written(tmp_path, 30.0, "t,x,y,x_sigma_m,y_sigma_m", ",20,20"))[0].decoded.detections
    (site,), notes = complete(told, [])
    assert notes == []
    assert "sigma_m" not in site.parameters
    untold = noroshi.load(written(tmp_path, 30.0))[0].decoded.detections
    stated = noroshi.records.SensorSite(sensor="plots", type="local_position", parameters={"sigma_m": 20.0})
    (site,), notes = complete(untold, [stated])
    assert (site.parameters["sigma_m"], notes) == (20.0, [])


def test_where_plots_do_not_show_it_the_usual_is_taken_and_told(tmp_path):
    path = tmp_path / "plots.csv"
    path.write_text("t,x,y\n0.0,1200,-300\n1.0,1260,-310\n")
    (site,), (looks, note) = complete(noroshi.load(path)[0].decoded.detections, [])
    assert "how often 'plots' looks at a target" in looks
    assert (site.parameters["sigma_m"], "1 m along each axis is taken, the usual" in note) == (1.0, True)


def test_plots_less_than_a_millisecond_apart_are_tracked(tmp_path):
    path = tmp_path / "plots.csv"
    path.write_text("t,x,y\n" + "\n".join(f"{4e-4 * i:.6f},{0.01 * i:.4f},0" for i in range(200)) + "\n")
    (site,), _ = complete(noroshi.load(path)[0].decoded.detections, [])
    assert site.parameters["scan_period_s"] == pytest.approx(4e-4)
