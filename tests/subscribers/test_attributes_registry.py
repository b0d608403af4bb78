"""The attribute registry tells the truth about what is known, and guards what is in use."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from personalize.accounts.models import User
from personalize.content.models import Template
from segments.segmentation.services import create_segment
from segments.subscribers.holdings import holders, holdings
from segments.subscribers.models import AttributeDefinition, QuarantinedValue, Subscriber
from segments.subscribers.services import define_attribute, delete_attribute
from segments.subscribers.types import Refusal
from tests.factories import NOW, make_subscriber

pytestmark = pytest.mark.django_db


def define(key: str, type: str = "text", **fields: Any) -> AttributeDefinition:
    made = define_attribute(key=key, label=fields.pop("label", key.title()), type=type, actor="test", **fields)
    assert isinstance(made, AttributeDefinition)
    return made


def people(*values: dict[str, Any], **columns: Any) -> list[Subscriber]:
    return [make_subscriber(attributes=given, **columns) for given in values]


def test_figures_count_people_values_and_items_of_every_type():
    for key, type in (("tier", "enum"), ("likes", "multi"), ("vip", "bool"), ("points", "int")):
        define(key, type, choices=["Gold", "Silver"] if type in ("enum", "multi") else ())
    people(
        {"tier": "Gold", "likes": ["Gold", "Silver"], "vip": True, "points": 7},
        {"tier": "Gold", "likes": [], "vip": False},
        {"tier": "Silver"},
        country="GB",
    )
    make_subscriber(country="")
    Subscriber.objects.filter(pk=people({"tier": "Gold"}, country="IE")[0].pk).update(email=None, erased_at=NOW)
    found = holdings()
    assert (found.people, found.counted, found.looked_at) == (4, 4, 4)
    assert {key: found.filled[key] for key in ("tier", "likes", "vip", "points", "country", "email")} == {
        "tier": 3,
        "likes": 2,
        "vip": 2,
        "points": 1,
        "country": 3,
        "email": 4,
    }
    assert found.values["tier"].samples == (("Gold", 2), ("Silver", 1))
    assert found.values["likes"].distinct == 2
    assert found.values["vip"].samples == (("false", 1), ("true", 1))
    assert found.values["points"].samples == (("7", 1),)
    assert found.values["country"].samples == (("GB", 3),)
    assert holders("likes") == {"Gold": 1, "Silver": 1}


def test_of_many_people_some_are_looked_at_and_the_figures_say_of_how_many():
    define("tier")
    people(*({"tier": "Gold"} for _ in range(12)))
    found = holdings(count=6, look_at=4)
    assert found.people == 12
    assert 0 < found.counted <= 6
    assert 0 < found.looked_at <= 4
    assert found.filled["tier"] == found.counted
    assert found.values["tier"].samples == (("Gold", found.looked_at),)


@pytest.mark.usefixtures("brand")
def test_the_number_of_statements_does_not_depend_on_the_number_of_attributes(
    client: Client, maya: User, django_assert_max_num_queries
):
    for number in range(40):
        define(f"a{number}")
    people({f"a{number}": "x" for number in range(40)})
    client.force_login(maya)
    with django_assert_max_num_queries(25):
        client.get("/attributes/")


@pytest.mark.usefixtures("brand")
def test_the_page_shows_share_values_users_and_what_waits_but_nothing_sensitive(client: Client, maya: User):
    define("tier", "enum", choices=["Gold", "Silver"], label="Member tier")
    define("illness", label="Illness", sensitive=True)
    ann, _balint = people({"tier": "Gold", "illness": "quinsy"}, {})
    QuarantinedValue.objects.create(subscriber=ann, key="tier", raw="platin", reason="no", source="shop", at=NOW)
    create_segment(name="Golden", rule={"all": [{"attr": "tier", "op": "is", "value": "Gold"}]}, actor="test")
    Template.objects.create(
        name="Letter",
        subject="Dear {{ subscriber.tier }}",
        blocks=[{"show_when": {"attr": "illness", "op": "is_known"}}],
        created_at=NOW,
        updated_at=NOW,
    )
    client.force_login(maya)
    text = client.get("/attributes/").content.decode()
    for told in ("Member tier", "50.0%", "1 of 2", "Golden", "Letter", "?attribute=tier"):
        assert told in text
    assert "quinsy" not in text


def test_the_type_is_fixed_by_values_and_by_rules():
    define("points", "int")
    segment = create_segment(name="Rich", rule={"attr": "points", "op": ">", "value": 5}, actor="test")
    assert "Rich" in str(define_attribute(key="points", label="Points", type="text", actor="test"))
    segment.delete()
    people({"points": 7})
    refused = define_attribute(key="points", label="Points", type="text", actor="test")
    assert isinstance(refused, Refusal)
    assert refused.field == "type"


@pytest.mark.parametrize("type", ["enum", "multi"])
def test_a_choice_people_have_cannot_vanish_and_the_refusal_says_how_many(type: str):
    define("likes", type, choices=["Garden", "Kitchen", "Cellar"])
    people(*({"likes": ["Garden"] if type == "multi" else "Garden"} for _ in range(3)))
    refused = define_attribute(key="likes", label="Likes", type=type, choices=["Kitchen"], actor="test")
    assert refused == Refusal("choices", "cannot lose ‘Garden’: 3 people have it")
    define("likes", type, choices=["Garden"])
    assert AttributeDefinition.objects.get().choices == ["Garden"]


def test_there_are_at_most_a_hundred_attributes():
    AttributeDefinition.objects.bulk_create(
        AttributeDefinition(key=f"a{number}", label="A", type="text") for number in range(100)
    )
    refused = define_attribute(key="one_more", label="One more", type="text", actor="test")
    assert isinstance(refused, Refusal)
    assert define_attribute(key="a7", label="Changed", type="text", actor="test")
    assert AttributeDefinition.objects.count() == 100


def test_an_attribute_goes_only_when_nobody_has_it_nothing_uses_it_and_nothing_waits():
    tier = define("tier")
    (ann,) = people({"tier": "Gold"})
    segment = create_segment(name="Golden", rule={"attr": "tier", "op": "is_known"}, actor="test")
    waiting = QuarantinedValue.objects.create(
        subscriber=ann, key="tier", raw="platin", reason="no", source="shop", at=NOW
    )
    for free in (lambda: Subscriber.objects.update(attributes={}), segment.delete, waiting.delete):
        assert isinstance(delete_attribute(definition=tier, actor="test"), Refusal)
        free()
    assert delete_attribute(definition=tier, actor="test") is None
    assert not AttributeDefinition.objects.exists()


FORM = {"label": "Shoe size", "key": "", "type": "int", "unit": "cm", "choices": ""}
ROWS = {"fallback-TOTAL_FORMS": "2", "fallback-INITIAL_FORMS": "0"}


@pytest.mark.usefixtures("brand")
def test_an_attribute_is_defined_and_changed_on_its_page(client: Client, priya: User):
    client.force_login(priya)
    words = {
        "fallback-0-language": "EN",
        "fallback-0-words": "any",
        "fallback-1-language": "de",
        "fallback-1-words": "",
    }
    client.post("/attributes/new/", {**FORM, **ROWS, **words, "self_service": "on"})
    made = AttributeDefinition.objects.get()
    assert (made.key, made.unit, made.self_service, made.fallback) == ("shoe_size", "cm", True, {"en": "any"})
    taken = client.post("/attributes/new/", {**FORM, **ROWS}).content.decode()
    assert "Is taken by another attribute." in taken
    client.post("/attributes/shoe_size/edit/", {**FORM, **ROWS, "label": "Foot"})
    made.refresh_from_db()
    assert (made.label, made.fallback, made.self_service) == ("Foot", {}, False)


@pytest.mark.usefixtures("brand")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"type": "enum"}, "Are needed for a list to choose from"),
        ({"type": "enum", "choices": "Garden\ngarden"}, "stands there twice"),
        ({"type": "enum", "choices": "Garden; Kitchen"}, "has a ; or | in it"),
        ({"key": "email"}, "Must be a lower-case word"),
        ({"label": "数"}, "Must be a lower-case word"),
        ({"fallback-0-language": "klingonish", "fallback-0-words": "x"}, "Is not a language we know"),
        ({"fallback-0-words": "x"}, "Is missing."),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(client: Client, priya: User, changed, said):
    client.force_login(priya)
    text = client.post("/attributes/new/", {**FORM, **ROWS, **changed}).content.decode()
    assert said in text
    assert 'value="cm"' in text
    assert not AttributeDefinition.objects.exists()


@pytest.mark.usefixtures("brand")
def test_an_analyst_reads_the_registry_and_changes_nothing(client: Client, alan: User):
    define("tier")
    client.force_login(alan)
    assert client.get("/attributes/").status_code == 200
    assert client.get("/attributes/quarantine/").status_code == 200
    for path in ("new/", "tier/edit/", "tier/delete/", "quarantine/"):
        assert client.post(f"/attributes/{path}", FORM).status_code == 403
