"""Every file in `exercise/movers/` that holds a `Mover`, held to the room's contract. New ones are found."""

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from noroshi.estimation.interpolation import hermite
from noroshi.exercise.keyed import Draws
from noroshi.geo.time import NS_PER_S, utc_ns_from_iso
from noroshi.records import Kind, check, digest
from noroshi.run import rooms

START_NS = utc_ns_from_iso("2030-01-01T00:00:00Z")
END_NS = START_NS + 900 * NS_PER_S
BETWEEN_M = 1.0  # how true a cubic between two samples is to be


def modules():
    for key in rooms.names("exercise.movers"):
        yield key, rooms.load("exercise.movers", key).Mover


def examples(kind):
    return kind.model_json_schema().get("examples", [])


every_mover = pytest.mark.parametrize("kind", [pytest.param(kind, id=name) for name, kind in modules()])
every_example = pytest.mark.parametrize(
    ("kind", "example"),
    [
        pytest.param(kind, example, id=name if number == 0 else f"{name}-{number}")
        for name, kind in modules()
        for number, example in enumerate(examples(kind))
    ],
)


def fly(kind, example, start_ns=START_NS, end_ns=END_NS, seed=1, name="X"):
    return kind.model_validate(example).fly(name, start_ns, end_ns, Draws(seed, 0, name))


def test_there_are_movers():
    assert len(list(modules())) >= 5


@every_mover
def test_its_fields_are_described_and_its_numbers_bounded(kind):
    schema = kind.model_json_schema()
    for place, part in {"": schema, **schema.get("$defs", {})}.items():
        for name, field in part["properties"].items():
            assert field.get("description"), f"{place} {name} has no description"
            if place in ("Normal", "Uniform") or "$ref" in str(field.get("anyOf")):
                continue  # a distribution of anything: what is drawn is checked when it is flown
            for one in [field, *field.get("anyOf", [])]:
                if one.get("type") in ("number", "integer"):
                    assert {"minimum", "exclusiveMinimum"} & one.keys(), f"{place} {name} has no lower bound"


@every_mover
def test_it_is_frozen_and_knows_no_other_field(kind):
    assert issubclass(kind, BaseModel)
    assert examples(kind), "its schema has no examples: give model_config json_schema_extra"
    for example in examples(kind):
        mover = kind.model_validate(example)
        with pytest.raises(ValidationError, match="frozen"):
            setattr(mover, next(iter(type(mover).model_fields)), None)
        with pytest.raises(ValidationError, match="no_such_field"):
            kind.model_validate({**example, "no_such_field": 1})


@every_example
def test_its_flights_are_sound(kind, example):
    flights = fly(kind, example)
    assert flights
    assert len({flight.name for flight in flights}) == len(flights)
    for flight in flights:
        n = len(flight.time_ns)
        assert flight.name.startswith("X")
        assert n >= 2
        assert flight.time_ns.dtype == np.int64
        assert (np.diff(flight.time_ns) > 0).all()
        assert flight.time_ns[0] >= START_NS
        assert flight.time_ns[-1] <= END_NS
        assert flight.state_ecef.shape == (n, 6)
        assert np.isfinite(flight.state_ecef).all()
        assert flight.kind.dtype == np.uint8
        assert flight.kind.shape == (n,)
        assert set(flight.kind.tolist()) <= {int(kind) for kind in Kind}
        assert flight.heat_w_sr.shape == (n,)
        assert (flight.heat_w_sr >= 0.0).all()
        assert flight.cross_section_m2 > 0.0
        assert len(flight.identity) == 1
        check(flight.truth())


@every_example
def test_a_cubic_between_two_samples_is_true(kind, example):
    """Half the samples foretell the other half; the cubic's error grows with the third power of a step at least."""
    for flight in fly(kind, example):
        if len(flight.time_ns) < 4:
            continue
        gaps = np.diff(flight.time_ns)
        odd = np.arange(1, len(gaps), 2)
        odd = odd[gaps[odd - 1] == gaps[odd]]  # not across an instant at which forces jump
        foretold = hermite(flight.time_ns[::2], flight.state_ecef[::2], flight.time_ns[odd])
        off = np.linalg.norm((foretold - flight.state_ecef[odd])[:, :3], axis=1)
        assert np.nanmax(off, initial=0.0) < 8.0 * BETWEEN_M, (flight.name, int(np.nanargmax(off)))


@every_example
def test_the_same_draws_give_the_same_bytes(kind, example):
    first, second = fly(kind, example), fly(kind, example)
    assert [digest(flight.truth()) for flight in first] == [digest(flight.truth()) for flight in second]
    assert [flight.heat_w_sr.tobytes() for flight in first] == [flight.heat_w_sr.tobytes() for flight in second]


@every_example
def test_a_shorter_exercise_sees_the_same_flight_cut_off(kind, example):
    """And what lies before its start is not there; nor is anything if it ends before the flight begins."""
    whole = {flight.name: flight for flight in fly(kind, example)}
    cut_ns = START_NS + 333 * NS_PER_S + 77
    for flight in fly(kind, example, end_ns=cut_ns):
        assert flight.time_ns[-1] <= cut_ns
        there = whole[flight.name].at(flight.time_ns)
        np.testing.assert_allclose(flight.state_ecef[:, :3], there[:, :3], atol=BETWEEN_M)
    assert fly(kind, example, start_ns=START_NS, end_ns=START_NS) == []
