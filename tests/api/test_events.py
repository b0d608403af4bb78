"""Events from other systems: stored once, at a believable time, of somebody who is known; each told what became of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from personalize.core import clock
from segments.consent.models import ConsentEntry, Subscription
from segments.events.models import Event
from segments.subscribers.models import ExternalId, Subscriber
from tests.api.conftest import Shop
from tests.factories import make_subscriber

pytestmark = pytest.mark.django_db

WISH = {"name": "wish_list_shared", "email": "ann@post.example"}


@pytest.fixture
def ann() -> Subscriber:
    person = make_subscriber("ann@post.example", first_name="Ann")
    ExternalId.objects.create(subscriber=person, source="shop", value="C-1")
    return person


def test_an_event_is_stored_as_it_was_told_and_waits_to_be_processed(shop: Shop, ann: Subscriber):
    at = clock.now() - dt.timedelta(hours=3)
    body = {
        **WISH,
        "email": " Ann@Post.example",
        "occurred_at": at.isoformat(),
        "subject": "OAK-STOOL",
        "properties": {"list": "Winter", "items": [1, 2]},
        "amount": "12.3456",
        "idempotency_key": "w-1",
    }
    assert shop.post("/events", body).json() == {"outcome": "stored"}
    assert shop.post("/events", body).json() == {"outcome": "duplicate"}
    event = Event.objects.get()
    assert (event.subscriber, event.occurred_at, event.subject, event.amount) == (ann, at, "OAK-STOOL", 123_456)
    assert event.properties == {"list": "Winter", "items": [1, 2]}
    assert (event.source, event.processed_at, event.historic) == ("shop", None, False)


@pytest.mark.parametrize("name", ["email", "external_id", "subscriber_id"])
def test_a_person_is_known_by_each_of_their_names(shop: Shop, ann: Subscriber, name: str):
    names = {"email": "ann@post.example", "external_id": "C-1", "subscriber_id": str(ann.uuid)}
    assert shop.post("/events", {"name": "wish_list_shared", name: names[name]}).status_code == 200
    assert Event.objects.get().subscriber == ann


def test_an_unknown_person_is_created_only_by_a_key_that_may_and_joined_to_nothing(make_shop: Callable[..., Shop]):
    refused = make_shop("events:write").post("/events", WISH)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["at"] == "email"
    assert not Subscriber.objects.exists()
    shop = make_shop("events:write", "subscribers:create")
    assert shop.post("/events", {**WISH, "external_id": "C-7"}).json() == {"outcome": "stored"}
    assert Subscriber.objects.get().external_ids.get().value == "C-7"
    assert not ConsentEntry.objects.exists()
    assert not Subscription.objects.exists()


def test_who_was_erased_is_not_brought_back_by_an_event(shop: Shop, ann: Subscriber):
    Subscriber.objects.update(email=None, erased_at=clock.now())
    assert shop.post("/events", WISH).status_code == 422
    assert Subscriber.objects.count() == 1


@pytest.mark.parametrize(
    ("offset", "historic", "status"),
    [
        (dt.timedelta(minutes=4), False, 200),
        (dt.timedelta(minutes=6), False, 422),
        (dt.timedelta(days=365), False, 422),
        (dt.timedelta(days=365), True, 422),
        (dt.timedelta(days=-29), False, 200),
        (dt.timedelta(days=-31), False, 422),
        (dt.timedelta(days=-31), True, 200),
        (dt.timedelta(days=-60 * 366), True, 422),
    ],
)
@pytest.mark.usefixtures("ann")
def test_the_time_of_an_event_is_believable(shop: Shop, offset: dt.timedelta, historic: bool, status: int):
    at = (clock.now() + offset).astimezone(dt.timezone(dt.timedelta(hours=-11)))
    answer = shop.post("/events", {**WISH, "occurred_at": at.isoformat(), "historic": historic})
    assert answer.status_code == status
    if status == 422:
        assert answer.json()["errors"][0]["at"] == "occurred_at"
    elif historic:
        assert Event.objects.get().processed_at


@pytest.mark.parametrize("at", ["2026-11-19T08:40:00", "yesterday", "0001-01-01T00:00:00+14:00", True])
@pytest.mark.usefixtures("ann")
def test_a_time_without_a_zone_is_no_time(shop: Shop, at: Any):
    assert shop.post("/events", {**WISH, "occurred_at": at}).status_code == 422


@pytest.mark.parametrize(
    "name",
    ["Wish", "1st", "wish-list", "", "w" * 65, "email_opened", "segment_joined", "order_placed", "cart_updated",
     "checkout_started", "subscription_confirmed", "back_in_stock"],
)  # fmt: skip
@pytest.mark.usefixtures("ann")
def test_names_are_plain_and_not_those_recorded_here(shop: Shop, name: str):
    answer = shop.post("/events", {**WISH, "name": name})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == "name"


@pytest.mark.parametrize("properties", [{str(n): n for n in range(101)}, {"a": [[[[[[1]]]]]]}, {"a": "x" * 70_000}])
@pytest.mark.usefixtures("ann")
def test_properties_stay_within_bounds(shop: Shop, properties: dict[str, Any]):
    answer = shop.post("/events", {**WISH, "properties": properties})
    assert answer.json()["errors"][0]["at"] == "properties"


def test_a_batch_tells_what_became_of_each(shop: Shop, ann: Subscriber):
    events = [
        {**WISH, "idempotency_key": "1"},
        {**WISH, "idempotency_key": "1"},
        {"name": "wish_list_shared"},
        "nonsense",
        {**WISH, "occurred_at": "2020-01-01T00:00:00Z"},
        {**WISH, "colour": "red"},
        {**WISH, "external_id": "C-1", "email": ""},
    ]
    answer = shop.post("/events/batch", {"events": events}).json()
    assert (answer["stored"], answer["duplicate"], answer["refused"]) == (2, 1, 4)
    outcomes = [result["outcome"] for result in answer["results"]]
    assert outcomes == ["stored", "duplicate", "refused", "refused", "refused", "refused", "stored"]
    reasons = [result["reason"].partition(":")[0] for result in answer["results"]]
    assert reasons == ["", "", "email", "body", "occurred_at", "colour", ""]
    assert Event.objects.filter(subscriber=ann).count() == 2


@pytest.mark.usefixtures("ann")
def test_a_batch_has_at_most_500(shop: Shop):
    assert shop.post("/events/batch", {"events": [WISH] * 500}).json()["stored"] == 500
    assert shop.post("/events/batch", {"events": [WISH] * 501}).status_code == 422
    assert shop.post("/events/batch", {"events": []}).status_code == 422


@pytest.mark.usefixtures("ann")
def test_the_number_of_queries_does_not_grow_with_the_batch(shop: Shop):
    shop.post("/events", WISH)
    counts = []
    for size in (2, 200):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shop.post("/events/batch", {"events": [{**WISH, "external_id": "C-1"}] * size})
        counts.append(len(queries))
    assert counts[0] == counts[1] < 10


@pytest.mark.usefixtures("ann")
def test_two_sources_may_use_the_same_key_and_neither_meets_those_of_orders(make_shop: Callable[..., Shop]):
    shop, till = make_shop(), make_shop(source="till")
    order = {"number": "1", "placed_at": clock.now().isoformat(), "email": "ann@post.example"}
    line = {"code": "A", "quantity": 1, "unit_price": 2}
    for caller in (shop, till):
        assert caller.post("/events", {**WISH, "idempotency_key": "order:1"}).json() == {"outcome": "stored"}
    assert shop.post("/orders", {**order, "lines": [line]}).status_code == 200
    assert Event.objects.filter(name="order_placed").count() == 1
