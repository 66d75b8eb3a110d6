"""Outlines of the shipped areas in messages: where they should be, valid, and small enough to be sent."""

import numpy as np
import pytest
import shapely
from alert_scenes import EXERCISE, alert_of, assert_valid, wordings_of

from noroshi.formats import cap
from noroshi.records import Alert
from noroshi.run.alerts.shapes import shapes_of
from noroshi.run.areas import areas

TWELVE = [f"JP-{k:02d}" for k in (*range(1, 11), 15, 20)]  # warned on 2017-09-15


def alert_for(codes):
    columns = {name: np.resize(getattr(alert_of(), name), len(codes)) for name in Alert.COLUMNS}
    return alert_of(**columns | {"code": np.array(codes), "name": np.array(codes)})


def is_told(document, lon, lat):
    """Whether a place is inside one of the polygons of a message."""
    polygons = [np.degrees(one)[:, ::-1] for one in cap.decode(document).infos[0].polygons]
    return any(shapely.contains_xy(shapely.Polygon(one), lon, lat) for one in polygons)


@pytest.mark.parametrize(
    ("code", "inside", "outside"),
    [("JP-02", (140.74, 40.82), (140.72, 41.77)), ("JP-01", (141.35, 43.06), (140.74, 40.82)),
     ("JP-13", (139.79, 33.11), (139.64, 35.44)), ("JP-02201", (140.74, 40.82), (141.49, 40.51))],
    ids=["Aomori, not Hakodate", "Sapporo, not Aomori", "Hachijo, not Yokohama", "Aomori city, not Hachinohe"],
)  # fmt: skip
def test_an_area_is_where_it_is(code, inside, outside):
    alert = alert_for([code])
    document = cap.encode(alert, wordings_of(alert), exercise=EXERCISE, shapes=shapes_of([code]))
    assert_valid(document)
    assert is_told(document, *inside)
    assert not is_told(document, *outside)


def test_the_twelve_prefectures_of_2017_fit_into_a_message_with_their_outlines():
    alert = alert_for(TWELVE)
    document = cap.encode(alert, wordings_of(alert), exercise=EXERCISE, shapes=shapes_of(TWELVE))
    assert_valid(document)
    assert len(document) < 1 << 20
    drawn = sum(len(one) for one in cap.decode(document).infos[0].polygons)
    assert drawn > sum(shapes_of(TWELVE)[code].n_corners for code in TWELVE) > 10_000


def test_every_area_has_a_shape_and_its_code():
    codes = areas().code.tolist()
    shapes = shapes_of(codes)
    assert set(shapes) == set(codes)
    assert shapes["JP-02"].geocodes == {"ISO3166-2": "JP-02"}
    assert shapes["KP"].geocodes == {"ISO3166-1": "KP"}


def test_what_is_not_known_is_left_out():
    assert shapes_of(["XX-1", "north-sea zone", ""]) == {}
