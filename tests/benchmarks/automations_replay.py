"""Replaying stored events through an abandoned cart with limits, rules and three mails, against reading the events alone.

Give TEST_DATABASE_URL for PostgreSQL. A month of a shop: people look, fill carts, come back to them, and some order.
"""

from __future__ import annotations

import datetime as dt
import random
import uuid

from campaigns.automations.matching import EventFacts
from campaigns.automations.models import Automation, AutomationVersion
from campaigns.automations.published import definition_of
from campaigns.automations.simulation import simulate
from campaigns.delivery.models import FrequencyRule
from personalize.core.copy import insert_rows, stored_moment, stored_uuid
from personalize.core.database import refresh_statistics
from segments.consent.models import Subscription, Topic
from segments.events.models import Event
from segments.subscribers.models import Subscriber
from tests.benchmarks.harness import bench

END = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)
DAYS = 30
EVENTS_A_PERSON = 20
TEMPLATE = "00000000-0000-4000-8000-000000000001"
CUSTOMER = {"orders": {"metric": "count", "op": ">=", "value": 1}}
DEFINITION = {
    "v": 1,
    "trigger": {"on": "event", "event": ["cart_updated", "checkout_started"]},
    "entry": {"no_order_since": [15, "minutes"], "cooldown": [7, "days"]},
    "exits": [
        {"event": "order_placed", "reason": "ordered"},
        {"event": "cart_emptied", "about": "same", "reason": "emptied"},
    ],
    "one_at_a_time": True,
    "steps": [
        {
            "id": "settle",
            "type": "wait",
            "for": [2, "hours"],
            "since": "activity",
            "most": [24, "hours"],
            "next": "first",
        },
        {"id": "first", "type": "mail", "template": TEMPLATE, "next": "day"},
        {"id": "day", "type": "wait", "for": [22, "hours"], "next": "known"},
        {"id": "known", "type": "branch", "rule": CUSTOMER, "next": "again", "no": "new"},
        {"id": "again", "type": "mail", "template": TEMPLATE},
        {"id": "new", "type": "mail", "template": TEMPLATE, "window": {"from": "09:00", "to": "20:00"}},
    ],
}
NAMES = (
    ["product_viewed"] * 10
    + ["cart_updated"] * 6
    + ["checkout_started", "cart_emptied", "order_placed", "email_clicked"]
)
COLUMNS = [
    "uuid",
    "subscriber_id",
    "name",
    "subject",
    "occurred_at",
    "received_at",
    "source",
    "idempotency_key",
    "properties",
    "amount",
    "historic",
    "processed_at",
]


def make_people(count: int, topic: Topic) -> list[int]:
    zones = ("Europe/London", "America/New_York", "Asia/Tokyo", "")
    Subscriber.objects.bulk_create(
        [
            Subscriber(
                email=f"person{number}@post.example",
                address_key=f"{number:064}",
                time_zone=zones[number % 4],
                created_at=END,
                updated_at=END,
            )
            for number in range(count)
        ],
        batch_size=5_000,
    )
    ids = list(Subscriber.objects.order_by("pk").values_list("pk", flat=True))
    Subscription.objects.bulk_create(
        [Subscription(subscriber_id=pk, topic=topic, state="subscribed", changed_at=END) for pk in ids],
        batch_size=5_000,
    )
    return ids


def make_events(count: int, people: list[int]) -> None:
    """Events at any time of the month; carts by person and day, so that they are filled more than once."""
    rng = random.Random(7)
    begin = END - dt.timedelta(days=DAYS)
    for start in range(0, count, 50_000):
        rows = []
        for number in range(start, min(start + 50_000, count)):
            person, name = rng.choice(people), rng.choice(NAMES)
            at = stored_moment(begin + dt.timedelta(seconds=rng.randrange(DAYS * 86_400)))
            subject = f"o{number}" if name == "order_placed" else f"c{person}-{rng.randrange(4)}"
            key = stored_uuid(uuid.UUID(int=number))
            rows.append((key, person, name, subject, at, at, "shop", str(number), '{"lines": 2}', 400_000, False, at))
        insert_rows(Event, COLUMNS, rows)
    refresh_statistics()


def main() -> None:
    with bench(__doc__ or "", unit="events", rows=20_000) as (running, rows):
        topic = Topic.objects.create(key="news", name="News")
        people = make_people(max(rows // EVENTS_A_PERSON, 10), topic)
        make_events(rows, people)
        FrequencyRule.objects.create(name="Two a week", most=2, window="rolling", count=1, unit="week", created_at=END)
        automation = Automation.objects.create(
            name="Cart", draft=DEFINITION, topic=topic, created_at=END, updated_at=END
        )
        version = AutomationVersion.objects.create(
            automation=automation, number=1, definition=DEFINITION, created_at=END
        )
        since, columns = END - dt.timedelta(days=DAYS), tuple(EventFacts.__dataclass_fields__)
        with running.measure("reading", rows):
            read = sum(1 for _row in Event.objects.order_by("received_at").values_list(*columns).iterator())
        with running.measure("replay", rows, baseline="reading"):
            report = simulate(definition=definition_of(version), automation=automation, since=since, until=END)
        if read != rows or not report.mailed:
            raise SystemExit("Nothing was replayed; the figures mean nothing.")
        running.say(
            f"{report.entered:,} entries of {report.people:,} people, {report.mailed:,} mails, {report.capped:,} capped,"
            f" left: {dict(report.exits)}, left out: {dict(report.left_out)}."
        )


if __name__ == "__main__":
    main()
