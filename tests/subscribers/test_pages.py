"""The list of people and the page of one person."""

from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from personalize.accounts.models import User
from segments.consent.models import ConsentAction, ConsentEntry, Suppression
from segments.subscribers.models import AttributeDefinition, Subscriber
from tests.factories import NOW, make_order, make_product, make_subscriber, make_subscription, make_topic

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.fixture
def ann(db: None) -> Subscriber:
    return make_subscriber(
        "ann.whitaker@post.example",
        first_name="Ann",
        last_name="Whitaker",
        city="Bristol",
        country="GB",
        language="en-GB",
        birth_day=22,
        birth_month=2,
    )


def page(client: Client, path: str = "/subscribers/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_people_are_found_by_search_country_language_and_topic(client: Client, maya: User, ann: Subscriber):
    balint = make_subscriber("balint@post.example", first_name="Bálint", country="HU", language="hu")
    make_subscription(ann, make_topic("winter"), "unsubscribed")
    make_subscription(balint, make_topic("winter"))
    client.force_login(maya)
    for query, shown, hidden in [
        ("q=BÁLINT", balint, ann),
        ("country=GB", ann, balint),
        ("language=hu", balint, ann),
        ("topic=winter:subscribed", balint, ann),
        ("topic=winter:unsubscribed", ann, balint),
        ("view=mailable", balint, ann),
    ]:
        text = page(client, f"/subscribers/?{query}")
        assert str(shown.uuid) in text, query
        assert str(hidden.uuid) not in text, query


def test_a_value_nobody_offers_filters_nothing(client: Client, maya: User, ann: Subscriber):
    client.force_login(maya)
    assert str(ann.uuid) in page(client, "/subscribers/?country=XX&sort=password&page=none&size=9999&view=x")


def test_the_list_goes_on_over_pages_without_losing_anybody(client: Client, maya: User):
    for _ in range(32):
        make_subscriber()
    client.force_login(maya)
    seen: list[str] = []
    for number in (1, 2, 3):
        seen += [line["row"].email for line in client.get(f"/subscribers/?page={number}").context["list"].lines()]
    assert len(seen) == len(set(seen)) == 32


def test_sorting_runs_up_and_down(client: Client, maya: User, ann: Subscriber):
    make_subscriber("zoe@post.example", first_name="Zoë")
    client.force_login(maya)
    up, down = page(client, "/subscribers/?sort=person"), page(client, "/subscribers/?sort=-person")
    assert up.index("Zoë") > up.index("Whitaker")
    assert down.index("Zoë") < down.index("Whitaker")


def test_one_word_says_whether_a_person_gets_mail(client: Client, maya: User, ann: Subscriber):
    topic = make_topic("winter")
    client.force_login(maya)
    assert "No topic" in page(client)
    subscription = make_subscription(ann, topic, paused_until=dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
    assert "Paused" in page(client)
    subscription.paused_until = None
    subscription.save()
    assert '<i class="dot good"></i>Subscribed' in page(client)
    Suppression.objects.create(address_key=ann.address_key, reason="bounced", source="webhook", created_at=NOW)
    assert '<i class="dot bad"></i>Bounced' in page(client)
    assert str(ann.uuid) in page(client, "/subscribers/?view=barred")
    assert str(ann.uuid) not in page(client, "/subscribers/?view=mailable")


def test_an_erased_person_is_gone_from_list_and_page(client: Client, maya: User, ann: Subscriber):
    Subscriber.objects.update(email=None, erased_at=NOW)
    client.force_login(maya)
    assert str(ann.uuid) not in page(client)
    assert client.get(f"/subscribers/{ann.uuid}/").status_code == 404


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(
    client: Client, maya: User, django_assert_max_num_queries: DjangoAssertNumQueries
):
    client.force_login(maya)
    mug = make_product("MUG1")
    for _ in range(15):
        person = make_subscriber(country="GB")
        make_subscription(person, make_topic("winter"))
        make_order(person, (mug, 1, 140_000))
    with django_assert_max_num_queries(30):
        page(client)


def test_the_list_itself_hands_out_nobody_for_the_export_asks_for_a_password(client: Client, maya: User):
    client.force_login(maya)
    assert "format=csv" not in page(client)
    assert client.get("/subscribers/?format=csv").status_code == 403


def test_an_analyst_sees_people_without_their_addresses(client: Client, alan: User, ann: Subscriber):
    AttributeDefinition.objects.create(key="illness", label="Illness", type="text", sensitive=True)
    Subscriber.objects.update(attributes={"illness": "quinsy"})
    client.force_login(alan)
    for text in (page(client), page(client, f"/subscribers/{ann.uuid}/")):
        assert "ann.whitaker@" not in text
        assert "a…@post.example" in text
        assert "quinsy" not in text


def test_names_are_shown_as_text_and_never_run(client: Client, maya: User):
    evil = make_subscriber(first_name="<script>alert(1)</script>", city="<img src=x onerror=alert(1)>")
    client.force_login(maya)
    for path in ("/subscribers/", f"/subscribers/{evil.uuid}/", "/search/?q=script"):
        text = page(client, path)
        assert "<script>alert" not in text
        assert "<img src=x" not in text


def test_the_page_of_a_person_says_what_is_known_what_they_said_and_what_happened(
    client: Client, maya: User, ann: Subscriber
):
    topic = make_topic("winter", name="Winter and gifts")
    make_subscription(ann, topic)
    ConsentEntry.objects.create(
        subscriber=ann,
        topic=topic,
        action=ConsentAction.CONFIRMED,
        at=dt.datetime(2025, 3, 14, 9, 12, tzinfo=dt.UTC),
        recorded_at=NOW,
        source="footer form",
    )
    make_order(ann, (make_product("MUG1", title="Stoneware mug"), 3, 140_000))
    client.force_login(maya)
    text = page(client, f"/subscribers/{ann.uuid}/")
    for known in (
        "22 February",
        "Bristol, United Kingdom",
        "English (GB)",
        "14 March 2025, 09:12, footer form",
        "£42.00",
    ):
        assert known in text
    assert "Stoneware mug" in page(client, f"/subscribers/{ann.uuid}/?tab=orders")
    assert "Stoneware mug" not in page(client, f"/subscribers/{ann.uuid}/?tab=consent")
