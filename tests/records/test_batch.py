import dataclasses

import numpy as np
import pytest

from noroshi.formats import FormatError
from noroshi.formats.columns import pack, unpack
from noroshi.records import Detections, Identity, RecordError, check, concatenate, digest, take


def detections(n: int) -> Detections:
    rng = np.random.default_rng(n)
    return Detections.of(
        sensor="radar",
        components=("range_m", "azimuth_rad"),
        time_ns=np.arange(1, n + 1, dtype=np.int64),
        values=rng.normal(size=(n, 2)),
        sigmas=np.array([70.0, 0.001]),
        origin_ecef_m=np.zeros(3),
    )


def test_a_sound_batch_passes_and_comes_back_as_it_is():
    batch = detections(5)
    assert check(batch) is batch


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"time_ns": np.zeros(4, np.int64)}, "Detections.values has shape"),
        ({"time_ns": np.zeros(5)}, "time_ns is float64"),
        ({"values": np.zeros((5, 3))}, "covariances has shape"),
        ({"origin_ecef_m": np.zeros((5, 2))}, "origin_ecef_m has shape"),
        ({"values": [[1.0, 2.0]] * 5}, "values is a list"),
        ({"identity": Identity.absent(4)}, "identity has 4 rows, not 5"),
    ],
)
def test_a_wrong_column_is_named(change, complaint):
    with pytest.raises(RecordError, match=complaint):
        check(detections(5).replace(**change))


def test_take_and_concatenate_undo_each_other():
    batch = detections(7)
    parts = [take(batch, np.array([0, 1, 2])), take(batch, np.arange(7) > 2)]
    assert digest(concatenate(parts)) == digest(batch)


def test_joining_nothing_says_so():
    with pytest.raises(RecordError, match="nothing to join"):
        concatenate([])


def test_a_digest_sees_every_field():
    batch = detections(3)
    seen = {digest(batch)}
    for field in dataclasses.fields(batch):
        value = getattr(batch, field.name)
        if isinstance(value, np.ndarray):
            other = value.copy()
            other.ravel()[-1] += 1
        elif isinstance(value, Identity):
            other = value.replace(mmsi=value.mmsi + 1)
        else:
            other = value + 1 if isinstance(value, int) else value[:-1]
        seen.add(digest(batch.replace(**{field.name: other})))
    assert len(seen) == 1 + len(dataclasses.fields(batch))


def test_packing_keeps_every_byte():
    batch = detections(4)
    assert digest(unpack(pack(batch))) == digest(batch)


@pytest.mark.parametrize("cut", [0, 1, 10, 100, -1])
def test_cut_packing_is_refused(cut):
    with pytest.raises(FormatError, match="not a record"):
        unpack(pack(detections(4))[:cut])
