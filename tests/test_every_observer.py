"""Every file in `exercise/observers/`, held to the room's contract. A new file is found by itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observer_scenes import PLACE, START_NS, flight, local, satellite, site, watch, world
from pydantic import ValidationError

from noroshi.exercise import watching
from noroshi.exercise.world import Effect, Fault
from noroshi.geo.time import NS_PER_S
from noroshi.geo.wgs84 import ecef_from_geodetic
from noroshi.records import Quality, check, concatenate, digest, take
from noroshi.run import rooms
from noroshi.run.observing import observer_of, types
from noroshi.sensors.prepare import arrange

UNITS = ("_m", "_m2", "_s", "_deg", "_urad", "_m_s", "_db", "_w_m2", "_ghz", "_probability", "_factor", "threshold")
END_NS = START_NS + 600 * NS_PER_S
KINDS = types()  # of which those without an observer of their own have the one of `exercise.believed`
every_kind = pytest.mark.parametrize("kind", KINDS)


def observer(kind):
    return observer_of(kind)


def targets():
    """Return some near enough for a radar, and some far enough for one over the horizon."""
    near = [
        local(f"near {k}", [20e3 * k - 50e3, 60e3, 9e3], [200.0, -150.0 + 60.0 * k, 0.0], number=k + 1)
        for k in range(5)
    ]
    start = ecef_from_geodetic(np.radians(49.0), np.radians(140.0 + np.arange(4.0)), 10e3)
    far = [flight(f"far {k}", start[k], [100.0, 100.0, -150.0], number=k + 101) for k in range(4)]
    return near + far


def seen(kind, *, start_ns=START_NS, end_ns=END_NS, flights=None, sensor="one", **more):
    """Return what an observer sees that keeps its plots apart; infrared telescopes ride a satellite."""
    flights = targets() if flights is None else flights
    carrier = satellite() if kind == "infrared" else None
    own = world([*flights, *([carrier] if carrier else [])], **more)
    apart = {"merges": False} if "merges" in observer(kind).model_fields else {}
    return watch(kind, own, sensor=sensor, carrier=carrier, **apart).observe(start_ns, end_ns)


def suffering(fault, *, name="one", **values):
    return {"effects": {name: (Effect(fault=fault, start_ns=START_NS, end_ns=END_NS, values=values),)}}


def same(a, b):
    """Return whether two sightings have the same rows."""
    rows_a, rows_b = a.detections.replace(received_ns=0), b.detections.replace(received_ns=0)
    return digest(rows_a) == digest(rows_b) and (a.owner == b.owner).all()


def test_there_are_observers():
    assert len(KINDS) >= 4


@every_kind
def test_it_has_the_name_of_a_sensor(kind):
    assert kind in rooms.names("sensors")


@every_kind
def test_its_fields_are_plain_described_and_bounded(kind):
    own = observer(kind)
    for name, field in own.model_json_schema()["properties"].items():
        assert field.get("description"), name
        if field.get("type") == "number":
            assert {"minimum", "exclusiveMinimum"} & set(field), name
            assert {"maximum", "exclusiveMaximum"} & set(field), name
            bare = name
            for end in ("_min", "_max", "_middle", "_width"):
                bare = bare.removesuffix(end)
            assert bare.endswith(UNITS) or "_per_" in bare, name
    with pytest.raises(ValidationError, match="no_such_field"):
        own(no_such_field=1.0)
    with pytest.raises(ValidationError, match="frozen"):
        own().time_bias_s = 1.0


@every_kind
def test_what_it_sees_is_what_its_node_can_take(kind):
    sighting = seen(kind)
    check(sighting.detections)
    believed = rooms.load("sensors", kind).Sensor.at(site(kind))
    assert sighting.looked
    assert sighting.detections.sensor == "one"
    assert np.isin(arrange(sighting.detections, believed).quality, (Quality.GOOD, Quality.NOTHING)).all()
    assert len(set(sighting.owner.tolist()) - {""}) >= 4
    assert sighting.owner.shape == (len(sighting.detections),)
    assert (np.diff(sighting.detections.time_ns) >= 0).all()
    assert sighting.detections.time_ns.min() >= START_NS
    assert sighting.detections.time_ns.max() < END_NS


@every_kind
@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 600 * NS_PER_S), max_size=12))
def test_any_cut_of_a_span_gives_the_same_rows(kind, cuts):
    whole = seen(kind)
    edges = [START_NS, *sorted(START_NS + cut for cut in cuts), END_NS]
    carrier = satellite() if kind == "infrared" else None
    apart = {"merges": False} if "merges" in observer(kind).model_fields else {}
    own = watch(kind, world([*targets(), *([carrier] if carrier else [])]), carrier=carrier, **apart)
    pieces = [own.observe(start, end) for start, end in itertools.pairwise(edges)]
    joined = concatenate([piece.detections for piece in pieces])
    assert digest(joined) == digest(whole.detections)
    assert (np.concatenate([piece.owner for piece in pieces]) == whole.owner).all()
    assert all(piece.looked or not len(piece.detections) for piece in pieces)


@every_kind
def test_the_size_of_blocks_does_not_show(kind, monkeypatch):
    whole = seen(kind)
    monkeypatch.setattr(watching, "BLOCK_NS", 7 * NS_PER_S)
    assert same(whole, seen(kind))
    monkeypatch.setattr(watching, "PAIRS_MAX", 40)
    assert same(whole, seen(kind))


@every_kind
def test_spans_may_come_in_any_order_and_again(kind):
    own = watch(kind, world([*targets(), satellite()]), carrier=satellite() if kind == "infrared" else None)
    later, first, again = (
        own.observe(START_NS + a * NS_PER_S, START_NS + b * NS_PER_S) for a, b in ((400, 600), (0, 100), (400, 600))
    )
    assert same(later, again)
    assert not len(first.detections) or first.detections.time_ns.max() < START_NS + 100 * NS_PER_S


@every_kind
@pytest.mark.parametrize("where", [0, 3, 9])
def test_another_target_shifts_nobody_elses_draws(kind, where):
    one_more = local("one more", [30e3, 90e3, 11e3], [-100.0, 100.0, 0.0], number=77)
    fewer, more = seen(kind), seen(kind, flights=[*targets()[:where], one_more, *targets()[where:]])
    others = more.owner != "one more"
    assert digest(take(more.detections, others)) == digest(fewer.detections.replace(received_ns=END_NS))
    assert (more.owner[others] == fewer.owner).all()


@every_kind
def test_another_sensor_shifts_nobody_elses_draws_and_has_its_own(kind):
    carrier = satellite() if kind == "infrared" else None
    own = world([*targets(), satellite()])
    alone = watch(kind, own, carrier=carrier).observe(START_NS, END_NS)
    one, two = watch(kind, own, carrier=carrier), watch(kind, own, sensor="two", carrier=carrier)
    twos = two.observe(START_NS, END_NS)
    assert same(alone, one.observe(START_NS, END_NS))
    assert digest(alone.detections) != digest(twos.detections.replace(sensor="one"))


@every_kind
def test_same_seed_same_bytes_and_another_seed_or_replicate_others(kind):
    first = seen(kind)
    assert same(first, seen(kind))
    assert digest(first.detections) != digest(seen(kind, seed=6).detections)
    assert digest(first.detections) != digest(seen(kind, replicate=1).detections)


@every_kind
def test_an_empty_world_and_one_that_is_not_yet_or_no_more(kind):
    assert set(seen(kind, flights=[]).owner.tolist()) <= {""}
    early = seen(kind, start_ns=START_NS - 900 * NS_PER_S, end_ns=START_NS)
    none = seen(kind, start_ns=START_NS + NS_PER_S, end_ns=START_NS + NS_PER_S)
    assert not len(early.detections)
    assert not len(none.detections)
    assert not none.looked
    after = seen(kind, start_ns=END_NS + NS_PER_S, end_ns=END_NS + 900 * NS_PER_S)
    assert set(after.owner.tolist()) <= {""}


@every_kind
def test_a_carrier_takes_it_along_and_is_not_seen_by_it(kind):
    ship = local("ship", [1e3, 2e3, 0.0], [0.0, 10.0, 0.0])
    if kind == "infrared":
        ship = satellite("ship")
    sighting = watch(kind, world([*targets(), ship]), carrier=ship).observe(START_NS, END_NS)
    plots = sighting.detections
    assert len(plots)
    assert "ship" not in sighting.owner
    np.testing.assert_allclose(plots.origin_ecef_m, ship.at(plots.time_ns)[:, :3], atol=1e-3)


@every_kind
def test_off(kind):
    sighting = seen(kind, **suffering(Fault.OFF))
    assert not sighting.looked
    assert not len(sighting.detections)
    half = {"one": (Effect(fault=Fault.OFF, start_ns=START_NS + 200 * NS_PER_S, end_ns=START_NS + 400 * NS_PER_S),)}
    plots, all_plots = seen(kind, effects=half), seen(kind)
    since_s = (all_plots.detections.time_ns - START_NS) / NS_PER_S
    outside = (since_s < 200) | (since_s >= 400)
    assert plots.looked
    assert digest(plots.detections) == digest(take(all_plots.detections, outside))


@every_kind
def test_clock(kind):
    plain, ahead = seen(kind), seen(kind, **suffering(Fault.CLOCK, offset_s=2.0, drift_s_s=1e-3))
    since = plain.detections.time_ns - START_NS
    shown = ahead.detections.time_ns - plain.detections.time_ns - 2 * NS_PER_S
    np.testing.assert_allclose(shown, since * 1e-3, atol=1.0)
    np.testing.assert_array_equal(ahead.detections.values, plain.detections.values)


@every_kind
def test_noise_scales_the_errors_and_nothing_else(kind):
    none, once, thrice = (seen(kind, **suffering(Fault.NOISE, factor=factor)) for factor in (0.0, 1.0, 3.0))
    assert same(once, seen(kind))
    assert (none.detections.time_ns == thrice.detections.time_ns).all()

    def of(sighting):
        order = np.lexsort((sighting.owner, sighting.detections.time_ns))
        order = order[sighting.owner[order] != ""]
        angles = np.array([name.endswith("_rad") for name in sighting.detections.components])
        smooth = np.array([name != "altitude_m" for name in sighting.detections.components])
        return sighting.owner[order], sighting.detections.values[order][:, smooth], angles[smooth]

    owner, exact, angles = of(none)
    for factor, sighting in ((1.0, once), (3.0, thrice)):
        assert (of(sighting)[0] == owner).all()
        error = of(sighting)[1] - exact
        error[:, angles] = (error[:, angles] + np.pi) % (2 * np.pi) - np.pi
        if factor == 1.0:
            error_once = error
    measured = ~np.isnan(error_once).all(axis=0)
    error, error_once = error[:, measured], error_once[:, measured]
    scale = np.nanmax(np.abs(error_once), axis=0)
    assert (scale > 0.0).all()
    np.testing.assert_allclose(error / scale, 3.0 * error_once / scale, atol=2e-2)


@every_kind
def test_bias_moves_what_is_measured(kind):
    values = {"range_m": 500.0, "azimuth_rad": 0.01, "elevation_rad": 0.02, "east_m": 300.0, "north_m": -200.0}
    plain, biased = seen(kind), seen(kind, **suffering(Fault.BIAS, **values))
    assert (biased.owner == plain.owner).all()
    components, change = plain.detections.components, biased.detections.values - plain.detections.values
    for name in components:
        bias = values.get(name.removeprefix("ground_").removeprefix("line_"))
        column = change[:, components.index(name)]
        column = (column + np.pi) % (2 * np.pi) - np.pi if name.endswith("_rad") else column
        column = column[~np.isnan(column)]
        if bias is not None and column.size:
            np.testing.assert_allclose(column, bias, atol=1e-8)
        if name in ("lat_rad", "lon_rad"):
            assert (np.sign(column) == (-1.0 if name == "lat_rad" else 1.0)).all()


@every_kind
def test_jamming_takes_the_targets_away_within_its_sector(kind):
    assert set(seen(kind, **suffering(Fault.JAMMING, loss_db=200.0)).owner.tolist()) <= {""}
    behind = suffering(Fault.JAMMING, loss_db=200.0, azimuth_rad_min=3.0, azimuth_rad_max=3.1)
    if kind != "infrared":
        assert same(seen(kind, **behind), seen(kind))


@every_kind
def test_clutter_adds_false_plots_and_moves_none(kind):
    none, plain, more = (seen(kind, **suffering(Fault.CLUTTER, factor=factor)) for factor in (0.0, 1.0, 5.0))
    assert same(plain, seen(kind))
    is_look = plain.detections.quality == Quality.NOTHING
    assert ((none.owner != "") | (none.detections.quality == Quality.NOTHING)).all()
    assert digest(none.detections) == digest(take(plain.detections, (plain.owner != "") | is_look))

    def rows(sighting):
        return {tuple(row) for row in np.nan_to_num(sighting.detections.values)}

    assert rows(plain) <= rows(more)
    assert (more.owner == "").sum() - is_look.sum() >= 3 * ((plain.owner == "").sum() - is_look.sum())


def test_the_place_of_the_scenes_is_where_the_sites_are():
    one = site("search_radar")
    np.testing.assert_allclose(PLACE, ecef_from_geodetic(one.lat_rad, one.lon_rad, one.height_m))
