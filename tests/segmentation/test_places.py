"""Who lives near a point: distances known from maps, the date line and the poles, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from segments.segmentation import services
from segments.segmentation.rules.parse import RuleError, parse
from segments.segmentation.rules.sentence import sentence
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db

BRISTOL = (51.4545, -2.5879)


def near(latitude: float, longitude: float, km: float) -> dict[str, Any]:
    return {"near": {"latitude": latitude, "longitude": longitude, "km": km}}


@pytest.mark.parametrize(
    ("point", "home", "km"),
    [
        # Bristol to Bath, London, Sydney; Paris to New York.
        (BRISTOL, (51.3811, -2.3590), 17.9),
        (BRISTOL, (51.5074, -0.1278), 170.5),
        (BRISTOL, (-33.8688, 151.2093), 17_140),
        ((48.8566, 2.3522), (40.7128, -74.0060), 5_837),
        # A degree along the equator and along a meridian.
        ((0, 0), (0, 1), 111.2),
        ((0, 0), (1, 0), 111.2),
        # Over the date line, both ways.
        ((0, 179.9), (0, -179.9), 22.24),
        ((0, -179.9), (0, 179.9), 22.24),
        ((-16.5, 180), (-16.5, -179.5), 53.3),
        ((-16.5, -180), (-16.5, 179.5), 53.3),
        # Around and over the poles.
        ((90, 0), (89, 123), 111.2),
        ((-90, 0), (-89, -77), 111.2),
        ((89.5, 0), (89.5, 180), 111.2),
        ((-89.5, -90), (-89.5, 90), 111.2),
        # The other side of the earth.
        ((0, 0), (0, 180), 20_015.1),
        ((51.4545, -2.5879), (-51.4545, 177.4121), 20_015.1),
    ],
)
def test_people_are_near_from_their_distance_on(
    point: tuple[float, float], home: tuple[float, float], km: float
) -> None:
    ann = make_subscriber(latitude=home[0], longitude=home[1])
    assert list(services.audience(rule=near(*point, min(km * 1.005, 20_038)), as_of=NOW)) == [ann]
    assert not services.audience(rule=near(*point, km * 0.995), as_of=NOW)


def test_everybody_whose_place_is_known_is_within_half_the_way_around() -> None:
    ann = make_subscriber(latitude=-51.4545, longitude=177.4121)
    make_subscriber()
    make_subscriber(latitude=51.0)
    assert list(services.audience(rule=near(*BRISTOL, 20_038), as_of=NOW)) == [ann]


def test_whoever_has_no_place_is_not_near_and_not_far() -> None:
    far, unknown, half = make_subscriber(latitude=0, longitude=0), make_subscriber(), make_subscriber(longitude=1.0)
    rule = near(*BRISTOL, 25)
    assert not services.audience(rule=rule, as_of=NOW)
    assert set(services.audience(rule={"none": [rule]}, as_of=NOW)) == {far, unknown, half}


def test_the_very_point_is_near_itself() -> None:
    ann = make_subscriber(latitude=BRISTOL[0], longitude=BRISTOL[1])
    assert list(services.audience(rule=near(*BRISTOL, 0.001), as_of=NOW)) == [ann]


@pytest.mark.parametrize(
    ("body", "path", "words"),
    [
        ({"latitude": 91, "longitude": 0, "km": 1}, "latitude", "from -90 to 90"),
        ({"latitude": 0, "longitude": -181, "km": 1}, "longitude", "from -180 to 180"),
        ({"latitude": 0, "longitude": 0, "km": 0}, "km", "more than 0"),
        ({"latitude": 0, "longitude": 0, "km": 20_039}, "km", "20038"),
        ({"latitude": 0, "longitude": 0, "km": float("nan")}, "km", "too large"),
        ({"latitude": "51", "longitude": 0, "km": 1}, "latitude", "Expected a number"),
        ({"latitude": 0, "longitude": 0}, "", "‘km’ is missing"),
        ({"latitude": 0, "longitude": 0, "km": 1, "miles": 1}, "miles", "not known here"),
    ],
)
def test_a_place_that_is_not_understood_is_refused(body: Any, path: str, words: str) -> None:
    with pytest.raises(RuleError) as refusal:
        parse({"near": body})
    assert refusal.value.path == ("near." + path).rstrip(".")
    assert words in refusal.value.message


def test_a_place_reads_as_words() -> None:
    assert sentence(parse(near(51.45, -2.59, 25))) == "People who live within 25 km of 51.45, −2.59."
    assert sentence(parse(near(-0.5, 10, 1_500))) == "People who live within 1,500 km of −0.5, 10."
