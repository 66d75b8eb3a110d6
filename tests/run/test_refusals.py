"""What is said where plots cannot be used."""

import numpy as np
import pytest

import noroshi
from noroshi.records import Detections, SensorSite

RADAR = SensorSite(sensor="r", type="search_radar", lat_rad=0.8, lon_rad=0.1, height_m=500.0)


@pytest.mark.parametrize(("has", "lacks"), [("range_m", "azimuth_rad"), ("azimuth_rad", "range_m")])
@pytest.mark.parametrize("is_empty", [False, True])
def test_what_every_plot_lacks_is_named(has, lacks, is_empty):
    """Range alone, or azimuth alone, whether the other's column is missing or empty."""
    columns = {has: np.full(9, 0.5 if has == "azimuth_rad" else 5e4)} | (
        {lacks: np.full(9, np.nan)} if is_empty else {}
    )
    plots = Detections.of(
        sensor="r",
        components=tuple(columns),
        time_ns=1_700_000_000 * 10**9 + np.arange(9) * 4 * 10**9,
        values=np.stack(list(columns.values()), axis=1),
    )
    tracked = noroshi.track([plots], [RADAR])
    assert tracked.tracks is None
    assert tracked.refused == {("r", "NOT_FINITE"): 9}
    (said,) = [note for note in tracked.notes if "needs" in note]
    assert said == f"'r': no plot has {lacks}; a search_radar needs range_m, azimuth_rad"
