"""Times, lead times, people and areas of uncertainty: by hand, against pyproj's geodesic, scipy and draws."""

import dataclasses
import math

import numpy as np
import pytest
from exercise_scenes import (
    EARTH_M,
    alert,
    happened_of,
    launch,
    nobody,
    ns,
    step,
    threats,
    told,
    tracks_of,
    truth_of,
    values,
)
from pyproj import Geod
from scipy.spatial.distance import mahalanobis
from scipy.stats import chi2, multivariate_normal

from noroshi.assessment.exercises import clocks, deciding, links, uncertainty, warned
from noroshi.assessment.exercises.happened import People, Plot
from noroshi.assessment.exercises.held import Course
from noroshi.assessment.exercises.naming import meant
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Kind
from noroshi.run.areas import areas

SECONDS = np.arange(4.0, 101.0, 4.0)


def scene(**more):
    """Return one threat, at rest, and a node that holds it as track 5 from 12 s on."""
    truth = truth_of({"t": [(0.0, 0.0, Kind.BOOSTING), *((s, 0.0, Kind.BALLISTIC) for s in SECONDS)]})
    return happened_of(truth, {"A": tracks_of([(5, s, 10.0, Kind.BALLISTIC) for s in SECONDS if s >= 12.0])},
                       seconds=SECONDS, **more)  # fmt: skip


def test_who_is_meant_by_a_number():
    origin = np.array([EARTH_M + 1e6, 3e5, 2e5])
    at_it, off = np.array([EARTH_M, 0.0, 0.0]) - origin, np.array([EARTH_M, 60_000.0, 0.0]) - origin
    happened = scene(told=(
        told("A", 8.0, "launch", launch("A", 31, 8.0, origin, at_it)),
        told("A", 8.0, "launch", launch("A", 32, 8.0, origin, off)),
        told("A", 8.0, "launch", launch("A", 33, 8.0, origin, -at_it)),
    ))  # fmt: skip
    assert meant(happened) == {("A", 31): "t", ("A", 5): "t"}


def test_clocks_by_hand():
    origin = np.array([EARTH_M + 1e6, 3e5, 2e5])
    happened = scene(
        told=(
            told("A", 9.0, "launch", launch("A", 31, 8.0, origin, np.array([EARTH_M, 0.0, 0.0]) - origin)),
            told("A", 14.5, "threats", threats("A", 5, 14.5)),
            told("A", 20.0, "proposal", alert(5, ["X"], 20.0)),
            told("A", 20.0, "proposal", alert(99, ["X"], 20.0)),  # of nothing
            told("A", 33.25, "alert", alert(5, ["X"], 33.25)),
        ),
        plots=(Plot(node="A", threat="t", taken_ns=int(ns(6.5)), heard_ns=int(ns(7.0)), period_ns=NS_PER_S),),
    )
    found = list(clocks.figures(happened, meant(happened)))
    said = {name: values(found, name)["A", name != "time_to_first_plot_s", "t"] for name in clocks.MEASURES}
    assert said == {
        "time_to_first_plot_s": 6.5, "time_to_firm_track_s": 12.0, "time_to_launch_notice_s": 9.0,
        "time_to_threat_s": 14.5, "time_to_proposal_s": 20.0, "time_to_alert_s": 33.25, "warning_time_left_s": 88.0,
    }  # fmt: skip
    assert values(found, "time_to_alert_s")["", True, "t"] == 33.25
    silent = list(clocks.figures(scene(), {}))
    assert values(silent, "time_to_alert_s")["A", True, "t"] == math.inf


def test_leads_of_areas_told_dropped_and_told_again():
    happened = scene(told=(
        told("A", 20.0, "alert", alert(5, ["X", "Y"], 20.0)),
        told("A", 30.0, "alert", alert(5, ["X", "Z"], 30.0, message="Update")),
        told("A", 50.0, "alert", alert(5, ["X", "Y"], 50.0, message="Update")),
        told("A", 70.0, "alert", alert(5, [], 70.0, message="Cancel")),
        told("A", 22.0, "alert", alert(8, ["W"], 22.0)),
    ))  # fmt: skip
    spans = warned.spans(happened, "A", {5})
    assert set(spans) == {"X", "Y", "Z"}
    arrive = int(ns(60.0))
    assert warned.lead_s(spans["X"], arrive) == 40.0
    assert warned.lead_s(spans["Y"], arrive) == 10.0  # told that it is over at 30 s, and again at 50 s
    assert warned.lead_s(spans["Z"], arrive) == -math.inf  # told that it is over, and then it came
    assert warned.lead_s(spans["Y"], int(ns(40.0))) == -10.0  # too late
    assert warned.lead_s(spans["X"], int(ns(80.0))) == -math.inf
    assert warned.lead_s([], arrive) == -math.inf


def test_near_is_within_50_km_of_the_way_by_the_geodesic():
    lat = np.linspace(math.radians(37.0), math.radians(41.0), 200)
    lon = math.radians(140.5)
    state = np.hstack([ecef_from_geodetic(lat, np.full(200, lon), 120e3), np.zeros((200, 3))])
    time_ns = ns(np.linspace(0.0, 199.0, 200))
    state[:, 3:] = np.gradient(state[:, :3], 1.0, axis=0)
    course = Course(
        name="t", kind=Kind.BALLISTIC, begins_ns=int(time_ns[0]), ends_ns=int(time_ns[-1]),
        burnt_out_ns=int(time_ns[0]), comes_down=False, time_ns=time_ns, state_ecef=state,
    )  # fmt: skip
    where = areas()
    own = np.array([code.startswith("JP-") for code in where.code.tolist()])
    found = warned.near(course, where, People(own=own, near_m=50e3))
    cells = np.flatnonzero(own[where.cell_area] & (np.abs(np.degrees(where.cell_lat_rad) - 39.0) < 3.0))
    steps = np.degrees(np.linspace(lat[0], lat[-1], 400))
    geod = Geod(ellps="WGS84")
    away = np.full(len(cells), np.inf)
    for each in steps:
        n = len(cells)
        metres = geod.inv(
            np.full(n, 140.5),
            np.full(n, each),
            np.degrees(where.cell_lon_rad[cells]),
            np.degrees(where.cell_lat_rad[cells]),
        )[2]
        away = np.minimum(away, metres)
    inside, outside = cells[away < 49e3], cells[away > 51e3]
    assert len(inside) > 500
    assert np.isin(inside, found.cell).all()
    assert not np.isin(outside, found.cell).any()
    assert (np.diff(found.area_ns[np.argsort(found.area_ns)]) >= 0).all()
    first = found.cell_ns.min()
    assert found.area_ns.min() == first


def test_areas_are_those_of_a_normal_distribution():
    rng = np.random.default_rng(5)
    root = rng.normal(size=(2, 2)) * 3_000.0
    covariance = root @ root.T
    area_m2 = float(uncertainty.ellipses_km2(covariance[None])[0]) * 1e6
    draws = multivariate_normal(cov=covariance).rvs(200_000, random_state=rng)
    inside = np.array([mahalanobis(each, [0.0, 0.0], np.linalg.inv(covariance)) ** 2 for each in draws[:2_000]])
    assert np.mean(inside <= uncertainty.CHI_SQUARE[95]) == pytest.approx(0.95, abs=0.02)
    assert uncertainty.CHI_SQUARE[95] == pytest.approx(chi2(2).ppf(0.95))
    assert uncertainty.CHI_SQUARE[50] == pytest.approx(chi2(2).ppf(0.5))
    box = 2.0 * np.abs(draws).max(axis=0)  # the share of a box that the ellipse covers, by uniform draws
    uniform = (rng.random((400_000, 2)) - 0.5) * box
    held = np.einsum("ni,ij,nj->n", uniform, np.linalg.inv(covariance), uniform) <= chi2(2).ppf(0.95)
    assert area_m2 == pytest.approx(held.mean() * box.prod(), rel=0.01)


def test_the_area_of_a_track_is_level():
    rng = np.random.default_rng(6)
    lat, lon = 0.61, 2.44
    place = ecef_from_geodetic(lat, lon, 90e3)
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    up = np.cross(east, north)
    covariance = np.zeros((1, 6, 6))
    covariance[0, :3, :3] = (
        400.0**2 * np.outer(east, east) + 900.0**2 * np.outer(north, north) + 5e3**2 * np.outer(up, up)
    )
    covariance[0, 3:, 3:] = np.diag(rng.random(3))
    assert uncertainty.areas_km2(covariance, place[None])[0] == pytest.approx(
        math.pi * chi2(2).ppf(0.95) * 0.4 * 0.9, rel=1e-9
    )


def test_forecasts_by_hand():
    fall = ecef_from_geodetic(0.6, 2.4, 0.0)
    truth = truth_of({"t": [(0.0, 0.0, Kind.BOOSTING), *((s, 0.0, Kind.BALLISTIC) for s in SECONDS)]})
    truth = truth.replace(state_ecef=np.hstack([np.tile(fall, (len(truth), 1)), np.zeros((len(truth), 3))]))
    near_it = 0.6 + 1_500.0 / 6_371_000.0
    happened = happened_of(
        truth, {"A": tracks_of([(5, s, 0.0, Kind.BALLISTIC) for s in SECONDS])}, seconds=SECONDS,
        told=(
            told("A", 20.0, "threats", threats("A", 5, 20.0, lat=0.6, lon=2.4, sigma_m=2_000.0)),
            told("A", 40.0, "threats", threats("A", 5, 40.0, lat=near_it, lon=2.4, sigma_m=500.0)),
        ),
    )  # fmt: skip
    found = list(uncertainty.figures(happened, {("A", 5): "t"}))
    key = ("A", True, "t")
    wide, narrow = (math.pi * chi2(2).ppf(0.95) * sigma_km**2 for sigma_km in (2.0, 0.5))
    assert values(found, "forecast_95_after_20_s_km2")[key] == pytest.approx(wide)  # burnt out at 4 s: the look of 20 s
    assert values(found, "forecast_95_after_60_s_km2")[key] == pytest.approx(narrow)
    assert values(found, "forecast_95_km2")[key] == pytest.approx((wide + narrow) / 2.0)
    assert values(found, "forecast_95_holds")[key] == 0.5  # three sigma off the second time
    assert values(found, "forecast_50_holds")[key] == 0.5


def test_an_end_that_is_not_known_any_more_is_not_known():
    truth = truth_of({"t": [(0.0, 0.0, Kind.BOOSTING), *((s, 0.0, Kind.BALLISTIC) for s in SECONDS)]})
    lost = threats("A", 5, 40.0, lat=math.nan, lon=math.nan, sigma_m=math.nan)
    happened = happened_of(
        truth, {"A": tracks_of([(5, s, 0.0, Kind.BALLISTIC) for s in SECONDS])}, seconds=SECONDS,
        told=(
            told("A", 20.0, "threats", threats("A", 5, 20.0, lat=0.6, lon=2.4, sigma_m=2_000.0)),
            told("A", 40.0, "threats", dataclasses.replace(lost, end_ns=np.zeros(1, np.int64))),
        ),
    )  # fmt: skip
    found, key = list(uncertainty.figures(happened, {("A", 5): "t"})), ("A", True, "t")
    known = math.pi * chi2(2).ppf(0.95) * 2.0**2
    assert values(found, "forecast_95_after_20_s_km2")[key] == pytest.approx(known)
    assert values(found, "forecast_95_after_60_s_km2")[key] == math.inf
    assert values(found, "forecast_95_km2")[key] == pytest.approx(known)


def test_decisions_by_hand():
    said = []
    for i, (word, after_s) in enumerate(
        (("approved", 12.0), ("rejected", 30.0), ("expired", 60.0), ("superseded", 5.0))
    ):
        said.append(told("A", 10.0 * i, "proposal", alert(5, ["X"], 10.0 * i, identifier=f"A-{i}")))
        said.append(told("A", 10.0 * i + after_s, "decision", step(f"A-{i}", 10.0 * i + after_s, word)))
    said.append(told("A", 50.0, "decision", step("B-0", 50.0, "approved", nation="B")))
    found = list(deciding.figures(scene(told=tuple(said), people={"A": nobody()})))
    counts = {name: values(found, name)["A", True, ""] for name in deciding.MEASURES}
    assert counts == {
        "proposals": 4.0, "proposals_approved": 1.0, "proposals_rejected": 1.0, "proposals_lapsed": 1.0,
        "proposals_superseded": 1.0, "decision_s_median": 21.0, "decision_s_max": 30.0,
    }  # fmt: skip


def test_links_by_hand():
    truth = truth_of({"t": [(s, 0.0, Kind.BALLISTIC) for s in SECONDS]})
    own = tracks_of([(5, s, 10.0, Kind.BALLISTIC) for s in SECONDS if s >= 12.0])
    fused = tracks_of(
        [(6, s, 10.0, Kind.BALLISTIC) for s in (20.0, 24.0, 28.0)], node="B", sources=("A", "B"),
        fed=[[True, False], [True, False], [True, True]], updated=[17.0, 17.0, 27.0],
    )  # fmt: skip
    happened = happened_of(
        truth, {"A": own, "B": tracks_of([], node="B")}, {"B": fused}, seconds=SECONDS,
        sent_bytes={"A>B": 9_600, "B>A": 100},
        plots=tuple(
            Plot(node="A", threat="t", taken_ns=int(ns(s)), heard_ns=heard, period_ns=NS_PER_S)
            for s, heard in ((5.0, int(ns(5.5))), (6.0, None))
        ),
    )  # fmt: skip
    found = list(links.figures(happened))
    assert values(found, "staleness_s_median")["B", True, ""] == 5.0  # 3 s and 7 s; the third is fed by its own sensors
    assert values(found, "staleness_s_p95")["", True, ""] == pytest.approx(6.8)
    assert values(found, "share_delay_s") == {("A", True, "t"): 0.0, ("B", True, "t"): 8.0}
    assert values(found, "link_bytes_s")["", True, ""] == pytest.approx(96.0)
    assert values(found, "plots_lost")["A", False, ""] == 0.5
    assert values(found, "sensor_delay_s")["A", False, ""] == 0.5
