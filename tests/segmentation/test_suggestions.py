"""What may be filled into a rule: real values, by what is typed, without reading whole tables or naming people."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from segments.segmentation import services, suggestions
from segments.segmentation.suggestions import event_names, properties_of, suggest, values_of
from segments.subscribers.models import AttributeDefinition, StaticList
from tests.factories import NOW, make_automation, make_product, make_subscriber, make_topic
from tests.segmentation.doings import make_event

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


def values(*asked: Any, **more: Any) -> list[str]:
    return [one.value for one in suggest(*asked, **more)]


def test_cities_come_by_their_first_letters_the_commonest_first() -> None:
    for city in ("Bath", "Bristol", "Bristol", "BRISTOL", "", "Bad Homburg", "Köln"):
        make_subscriber(city=city)
    assert values("attr", "city", "b") == ["Bristol", "Bad Homburg", "Bath"]
    assert values("attr", "city", "BRIS") == ["Bristol"]
    assert values("attr", "city", "kö") == ["Köln"]
    assert values("attr", "city", "homb") == ["Bad Homburg"]
    assert values("attr", "city", "", limit=1) == ["Bristol"]
    assert suggest("attr", "city", "bris")[0].hint == "50 %"


def test_countries_that_people_have_come_before_all_others_and_go_by_name_or_code() -> None:
    make_subscriber(country="US")
    assert values("attr", "country", "united")[0] == "US"
    assert "GB" in values("attr", "country", "united")
    assert values("attr", "country", "ie")[0] == "IE"
    assert values("attr", "time_zone", "lond") == ["Europe/London"]


def test_attributes_offer_their_choices_or_the_values_people_have() -> None:
    AttributeDefinition.objects.create(key="tier", label="Tier", type="enum", choices=["gold", "silver"])
    AttributeDefinition.objects.create(key="nick", label="Nick", type="text")
    AttributeDefinition.objects.create(key="likes", label="Likes", type="multi")
    AttributeDefinition.objects.create(key="illness", label="Illness", type="text", sensitive=True)
    make_subscriber(attributes={"nick": "Annie", "likes": ["candles", "garden"], "illness": "flu"})
    make_subscriber(attributes={"nick": 4, "likes": "all"})
    assert values("attr", "tier", "") == ["gold", "silver"]
    assert values("attr", "nick", "a") == ["Annie"]
    assert values("attr", "likes", "gar") == ["garden"]
    assert values("attr", "illness", "") == []


@pytest.mark.parametrize("field", ["email", "first_name", "last_name", "no_such_thing", "age"])
def test_what_would_name_people_is_not_suggested(field: str) -> None:
    make_subscriber("ann@post.example", first_name="Ann", last_name="Whitaker", birth_year=1990, birth_month=1)
    assert values("attr", field, "") == []


def test_events_are_those_that_were_seen_with_their_properties_and_values() -> None:
    ann = make_subscriber()
    make_product("BOWL", title="A bowl")
    for device in ("phone", "phone", "desktop"):
        make_event(ann, "product_viewed", NOW, subject="BOWL", data={"device": device, "odd key": 1, "screens": 3})
    make_event(ann, "store_visit", NOW, data={"vip": True, "device": "none", "where": {"city": "Bath"}})
    assert event_names() == [("product_viewed", "Looked at a product"), ("store_visit", "Store visit")]
    assert values("event", "name", "visit") == ["store_visit"]
    assert set(properties_of("product_viewed")) == {"data.device", "data.screens"}
    assert values("event", "property", "dev", of="store_visit") == ["data.device"]
    assert values_of("product_viewed", "data.device") == ["phone", "desktop"]
    assert values("event", "data.device", "p", of="product_viewed") == ["phone"]
    assert values_of("product_viewed", "data.screens") == ["3"]
    assert values_of("store_visit", "data.vip") == ["true"]
    assert values_of("store_visit", "data.where") == []
    [bowl] = suggest("event", "subject", "a bo", of="product_viewed")
    assert (bowl.value, bowl.label) == ("BOWL", "A bowl")
    assert properties_of("unheard_of") == values_of("unheard_of", "data.device") == []


def test_products_come_by_code_and_title() -> None:
    make_product("85123A", title="White lantern", category="Garden", brand="Alder")
    make_product("BOWL", title="A bowl", category="Kitchen")
    assert values("orders", "product", "lant") == values("orders", "product", "851") == ["85123A"]
    assert values("orders", "category", "g") == values("event", "category", "g", of="product_viewed") == ["Garden"]
    assert values("orders", "brand", "") == ["Alder"]
    assert values("orders", "status", "canc") == ["cancelled"]


def test_what_has_a_name_is_found_by_it(maya: Any) -> None:
    topic, guests = make_topic(), StaticList.objects.create(name="Guests of May", created_at=NOW)
    segment = services.create_segment(name="Garden lovers", rule={"all": []}, actor=maya)
    automation = make_automation("Welcome")
    assert values("topic", "", "ne") == values("messages", "topic", "ne") == [topic.key]
    assert values("list", "", "may") == [str(guests.uuid)]
    assert values("segment", "", "lov") == [str(segment.uuid)]
    assert values("messages", "automation", "wel") == [str(automation.uuid)]


@pytest.mark.parametrize(
    "asked", [("attr", "city"), ("event", "data.device"), ("event", "name"), ("orders", "category")]
)
def test_however_large_a_table_is_few_rows_are_read(asked: tuple[str, str], monkeypatch: Any) -> None:
    monkeypatch.setattr(suggestions, "SAMPLE", 8)
    monkeypatch.setattr(suggestions, "STRETCHES", 4)
    monkeypatch.setattr(suggestions, "EVENTS", 5)
    for number in range(40):
        ann = make_subscriber(city=f"City {number}")
        make_product(f"P{number}", category=f"Category {number}")
        make_event(ann, "product_viewed", NOW + number * DAY, data={"device": f"device {number}"})
    with CaptureQueriesContext(connection) as queries:
        found = suggest(*asked, "", limit=100, of="product_viewed")
    assert 1 <= len(found) <= 12
    assert len(queries) <= 5


def test_nothing_is_suggested_for_what_is_not_known() -> None:
    assert suggest("weather", "rain", "") == suggest("orders", "colour", "") == suggest("event", "", "") == []
    assert suggest("list", "", str(uuid.uuid4())) == []
