"""The coarse gate leaves out no pair that the exact gate lets pass, and few of what it does not."""

import numpy as np
import pytest

from noroshi.estimation.gating import chi_square_gate
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_enu, enu_axes_at
from noroshi.motion.constant_velocity import Motion
from noroshi.records import Detections, Identity, SensorSite
from noroshi.sensors.local_position import Sensor as LocalPosition
from noroshi.sensors.position_report import Sensor as PositionReport
from noroshi.sensors.prepare import arrange
from noroshi.sensors.rows import form_of
from noroshi.sensors.search_radar import Sensor as SearchRadar
from noroshi.tracking.bank import Bank
from noroshi.tracking.gate import coarse_pairs
from noroshi.tracking.store import Store, Whole

START_NS, N_TRACKS, N_PLOTS = 1_767_225_600_000_000_000, 120, 150
GATES = chi_square_gate(0.9999, np.arange(10))
MEASURED = {
    "a 3-D radar": (SearchRadar, ("range_m", "azimuth_rad", "elevation_rad"), 3.0),
    "height measured twice": (SearchRadar, ("range_m", "azimuth_rad", "elevation_rad", "altitude_m"), 3.0),
    "range rate": (SearchRadar, ("range_m", "azimuth_rad", "altitude_m", "range_rate_m_s"), 3.0),
    "reports": (PositionReport, PositionReport.COMPONENTS, 3.0),
    "two of three": (LocalPosition, ("x_m", "y_m"), 30.0),
    "two of three in the laboratory": (LocalPosition, ("x_m", "y_m"), 3.0),
}


def scene(kind, components, seed, n_models, lat_rad):
    """Return a store of tracks of unequal certainty, plots near some of them, their sensor, the bank."""
    rng = np.random.default_rng(seed)
    site = SensorSite(sensor="s", type="any", lat_rad=lat_rad, lon_rad=0.4 * lat_rad, height_m=100.0)
    sensor = kind.at(site)
    origin = np.asarray(sensor.origin_ecef_m).reshape(3)
    axes = enu_axes_at(origin[None])[0]
    place = rng.uniform([-6e4, -6e4, 3e3], [6e4, 6e4, 11e3], (N_TRACKS, 3))
    level = [1.0, 1.0, 0.0 if kind is LocalPosition else 1.0]  # whose targets are in its plane
    states = np.hstack([ecef_from_enu(place * level, origin), rng.normal(0.0, 200.0, (N_TRACKS, 3)) * level @ axes])
    root = rng.normal(size=(N_TRACKS, 6, 6)) * np.repeat([300.0, 20.0], 3)[None, :, None]
    spread = root @ root.swapaxes(1, 2) * rng.choice([0.01, 1.0, 9.0], N_TRACKS)[:, None, None] + np.eye(6)
    bank = Bank([Motion.of(horizontal_psd_m2_s3=q) for q in (2.0, 60.0)][:n_models], [60.0] * n_models)
    store = Store(bank.layout(1), sigmas=(2.0, float(np.sqrt(GATES[3]))))
    store.epoch_ns = START_NS
    rows = store.new_rows(N_TRACKS)
    bank.begin(store, rows, states, spread, np.full(N_TRACKS, 0.5))
    store.whole[rows, Whole.STATUS], store.whole[rows, Whole.HITS] = 1, 4
    store.whole[rows, Whole.TIME] = START_NS + rng.integers(-8, 4, N_TRACKS) * NS_PER_S
    store.whole[rows, Whole.ICAO_ADDRESS : Whole.CALL_SIGN] = -1
    store.refresh(rows)
    time_ns = START_NS + rng.integers(0, 2 * NS_PER_S, N_PLOTS)
    of = rng.integers(0, N_TRACKS, N_PLOTS)
    then = Motion.of().propagate(states[of], (time_ns - store.whole[of, Whole.TIME]) / NS_PER_S)
    then[:, :3] += rng.normal(0.0, 700.0, (N_PLOTS, 3))
    values = sensor.measure(then, np.tile(origin, (N_PLOTS, 1)))
    columns = [kind.COMPONENTS.index(name) for name in components]
    plots = Detections(
        sensor="s", components=tuple(components), received_ns=int(time_ns.max()), time_ns=time_ns,
        values=values[:, columns], covariances=np.full((N_PLOTS, len(columns), len(columns)), np.nan),
        origin_ecef_m=np.tile(origin, (N_PLOTS, 1)), identity=Identity.absent(N_PLOTS),
        quality=np.zeros(N_PLOTS, np.uint8),
    )  # fmt: skip
    return store, arrange(plots, sensor), sensor, bank


@pytest.mark.parametrize("n_models", [1, 2])
@pytest.mark.parametrize("measured", MEASURED)
def test_no_pair_inside_the_exact_gate_is_left_out_and_few_others_are_kept(measured, n_models):
    kind, components, most = MEASURED[measured]
    n_inside = n_kept = 0
    for seed in range(4):
        store, plots, sensor, bank = scene(kind, components, seed, n_models, 0.0 if "laboratory" in measured else 0.7)
        assert not plots.quality.any()
        form = form_of(sensor, plots)
        row, plot = (each.ravel() for each in np.indices((N_TRACKS, N_PLOTS)))
        exact = bank.confront(
            store, row, plot, np.zeros_like(row), plots, form, sensor, GATES, keep_prior=False
        ).is_inside
        inside = set(zip(row[exact].tolist(), plot[exact].tolist(), strict=True))
        place = sensor.locate(plots.values[:1], plots.covariances[:1], plots.origin_ecef_m[:1])[0][0, :3]
        kept_row, kept_plot, _ = coarse_pairs(
            store, form, (plots.time_ns - START_NS) / NS_PER_S, np.full((N_PLOTS, 3), -1),
            growth=bank.growth_m2_s3(place), gates=GATES, keeps_velocity=True, least=-np.inf,
        )  # fmt: skip
        kept = list(zip(kept_row.tolist(), kept_plot.tolist(), strict=True))
        assert kept == sorted(set(kept))
        assert inside <= set(kept)
        n_inside, n_kept = n_inside + len(inside), n_kept + len(kept)
    assert n_inside > 300
    assert n_kept <= most * n_inside
