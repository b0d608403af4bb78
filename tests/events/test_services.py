"""What people did is stored once each, and history triggers nothing."""

from __future__ import annotations

from typing import Any

import pytest

from personalize.core import hooks
from segments.consent.services import subscribe
from segments.events.models import Event
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_subscriber, make_topic

pytestmark = pytest.mark.django_db


def viewed(person: Subscriber, key: str, **fields: Any) -> NewEvent:
    defaults: dict[str, Any] = {"name": "product_viewed", "occurred_at": NOW, "source": "shop", "subject": "85123A"}
    return NewEvent(subscriber_id=person.pk, idempotency_key=key, **{**defaults, **fields})


def test_an_event_is_stored_once_by_source_and_key(monkeypatch):
    heard = []
    monkeypatch.setattr(hooks.event_recorded, "_listeners", [lambda events: heard.append([one.pk for one in events])])
    ann = make_subscriber()
    first = record_events(events=[viewed(ann, "1"), viewed(ann, "2"), viewed(ann, "1", subject="other")])
    again = record_events(events=[viewed(ann, "2"), viewed(ann, "3"), viewed(ann, "1", source="app")])
    assert [event.idempotency_key for event in first] == ["1", "2"]
    assert [(event.source, event.idempotency_key) for event in again] == [("shop", "3"), ("app", "1")]
    assert Event.objects.get(source="shop", idempotency_key="1").subject == "85123A"
    assert heard == [[event.pk for event in first], [event.pk for event in again]]
    assert record_events(events=[viewed(ann, "3")]) == []
    assert len(heard) == 2


def test_history_is_born_processed_and_news_is_not():
    ann = make_subscriber()
    old, new = record_events(events=[viewed(ann, "1", historic=True), viewed(ann, "2")])
    assert (old.processed_at is None, new.processed_at is None) == (False, True)


def test_many_events_take_few_statements(django_assert_max_num_queries):
    ann = make_subscriber()
    with django_assert_max_num_queries(8):
        record_events(events=[viewed(ann, str(n)) for n in range(200)])


def test_joining_a_topic_is_an_event():
    ann = make_subscriber()
    subscribe(subscriber=ann, topic=make_topic("news"), source="form")
    event = Event.objects.get()
    assert (event.name, event.subject, event.processed_at) == ("subscription_confirmed", "news", None)
