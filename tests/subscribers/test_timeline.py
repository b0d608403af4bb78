"""What happened to a person: told from every source without a gap or a double, narrowed, and taken away as a file."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from campaigns.delivery.models import Message
from personalize.accounts.models import AuditEntry, User
from personalize.core import registries
from personalize.core.registries import Span
from segments.consent.models import ConsentEntry
from segments.events.models import Event
from segments.subscribers import history
from segments.subscribers.models import Subscriber
from segments.subscribers.services import change_subscriber
from tests.factories import NOW, make_mailing, make_order, make_product, make_subscriber, make_topic
from tests.subscribers.persons import make_ottilie

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("brand")]


@pytest.fixture
def ann(db: None) -> Subscriber:
    return make_subscriber("ann.whitaker@post.example", first_name="Ann", last_name="Whitaker")


def make_event(person: Subscriber, at: dt.datetime, name: str = "note_left", **properties: str) -> Event:
    return Event.objects.create(
        subscriber=person,
        name=name,
        subject=uuid.uuid4().hex,
        occurred_at=at,
        received_at=at,
        source="shop",
        idempotency_key=uuid.uuid4().hex,
        properties=properties,
    )


def busy(person: Subscriber) -> int:
    """Many things of four kinds, most of them in the same few instants; returns how many."""
    topic, mug = make_topic("winter", name="Winter and gifts"), make_product("MUG1")
    mailing = make_mailing(topic)
    for number in range(24):
        at = NOW - dt.timedelta(days=number // 8)
        make_event(person, at)
        make_order(person, (mug, 1, 140_000), placed_at=at)
        ConsentEntry.objects.create(
            subscriber=person, topic=topic, action="subscribed", at=at, recorded_at=at, source=f"form {number}"
        )
        Message.objects.create(
            uuid=uuid.uuid4(),
            mailing=mailing,
            subscriber=person,
            address_key=person.address_key,
            dedupe_key=str(number),
            state=3,
            created_at=NOW - dt.timedelta(days=40),
            handed_at=at,
        )
    return 96


def told(entry: registries.TimelineEntry) -> tuple[Any, ...]:
    return entry.at, entry.kind, str(entry.text), str(entry.detail)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_page_by_page_gives_the_same_as_the_whole_however_many_things_share_an_instant(ann, size):
    count = busy(ann)
    whole = [told(entry) for entry in history.walk(ann)]
    paged: list[tuple[Any, ...]] = []
    after = None
    while True:
        entries, after = history.page(ann, after=after, size=size)
        paged += [told(entry) for entry in entries]
        if after is None:
            break
        after = history.place(str(after))
    assert len(whole) == count
    assert paged == whole
    assert whole == sorted(whole, key=lambda one: one[0], reverse=True)


def test_each_source_answers_for_exactly_the_days_that_are_asked():
    person = make_ottilie()
    day = dt.timedelta(days=1)
    for source in registries.timeline:
        # Entries made in the test itself carry the time of the clock.
        everything = list(source.entries(person, 50, Span()))
        assert everything, source.key
        assert len(everything) <= source.count(person)
        for entry in everything:
            at = entry.at
            assert entry.at in [e.at for e in source.entries(person, 50, Span(since=at, until=at + day))], source.key
            assert entry.at not in [e.at for e in source.entries(person, 50, Span(until=at))], source.key
            assert entry.at not in [e.at for e in source.entries(person, 50, Span(since=at + day))], source.key


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def pages(client: Client, path: str) -> Iterator[str]:
    """The page and all that its "Show more" leads to."""
    text = page(client, path)
    yield text
    more = re.search(r'timeline-more" href="([^"]+)"', text)
    if more:
        yield from pages(client, path.partition("?")[0] + html.unescape(more[1]))


def test_show_more_leads_to_everything_once_and_keeps_the_filter(client: Client, maya: User, ann):
    busy(ann)
    client.force_login(maya)
    found = [
        form
        for text in pages(client, f"/subscribers/{ann.uuid}/?tab=consent")
        for form in re.findall(r"form \d+", text)
    ]
    assert sorted(found) == sorted(f"form {number}" for number in range(24))
    everything = list(pages(client, f"/subscribers/{ann.uuid}/"))
    assert len(everything) == 4
    assert sum(text.count('<div class="entry">') for text in everything) == 96


def test_days_are_the_readers_and_both_are_counted_in(client: Client, maya: User, ann):
    maya.time_zone = "Pacific/Auckland"
    maya.save()
    make_event(ann, dt.datetime(2026, 11, 18, 11, 30, tzinfo=dt.UTC), by="early")  # 00:30 on the 19th in Auckland.
    make_event(ann, dt.datetime(2026, 11, 19, 10, 30, tzinfo=dt.UTC), by="late")  # 23:30 on the 19th.
    make_event(ann, dt.datetime(2026, 11, 19, 11, 30, tzinfo=dt.UTC), by="after")
    client.force_login(maya)
    text = page(client, f"/subscribers/{ann.uuid}/?since=2026-11-19&until=2026-11-19")
    assert "early" in text
    assert "late" in text
    assert "after" not in text.split('id="timeline"')[1]
    assert "Nothing happened in these days" in page(client, f"/subscribers/{ann.uuid}/?until=2020-01-01")


@pytest.mark.parametrize(
    "query", ["since=soon", "until=2026-13-40", "until=9999-12-31", "tab=nonsense", "after=x", "after=2026-01-01~1"]
)
def test_an_address_that_makes_no_sense_narrows_nothing(client: Client, maya: User, ann, query: str):
    make_event(ann, NOW)
    client.force_login(maya)
    assert "Note left" in page(client, f"/subscribers/{ann.uuid}/?{query}")


def test_edits_by_hand_are_told_with_who_and_what_but_no_values(client: Client, maya: User, ann):
    change_subscriber(subscriber=ann, changes={"city": "Bath"}, lock_version=0, actor=maya)
    client.force_login(maya)
    text = page(client, f"/subscribers/{ann.uuid}/?tab=edits")
    assert "Changed by hand:" in text
    assert "by Maya" in text
    timeline = text.split('id="timeline"')[1]
    assert "city" in timeline
    assert "Bath" not in timeline
    assert "folded" not in timeline


def taken(client: Client, ann: Subscriber, query: str) -> str:
    response = client.get(f"/subscribers/{ann.uuid}/timeline/?{query}")
    return b"".join(response.streaming_content).decode()  # type: ignore[attr-defined]


def test_the_file_has_all_of_what_the_page_is_narrowed_to(client: Client, maya: User, ann):
    busy(ann)
    client.force_login(maya)
    rows = list(csv.DictReader(io.StringIO(taken(client, ann, "format=csv&tab=consent"))))
    assert len(rows) == 24
    assert {row["kind"] for row in rows} == {"consent"}
    lines = [json.loads(line) for line in taken(client, ann, "format=ndjson&since=2026-11-19").splitlines()]
    # Eight of each kind on that day, and this download's own entry comes after.
    assert len([line for line in lines if line["kind"] != "edits"]) == 32
    assert AuditEntry.objects.filter(action="subscriber.exported").count() == 2


def test_no_cell_of_the_file_begins_a_formula_and_json_is_as_it_was(client: Client, maya: User, ann):
    ConsentEntry.objects.create(
        subscriber=ann, action="subscribed", at=NOW, recorded_at=NOW, source="=HYPERLINK(1)", topic=make_topic()
    )
    client.force_login(maya)
    (row,) = csv.DictReader(io.StringIO(taken(client, ann, "format=csv&tab=consent")))
    assert row["detail"] == "'=HYPERLINK(1)"
    (line,) = taken(client, ann, "format=ndjson&tab=consent").splitlines()
    assert json.loads(line)["detail"] == "=HYPERLINK(1)"
