"""Keeping segments: asking about 10,000 touched people against asking about everybody, and what noting them costs events."""

from __future__ import annotations

import datetime as dt
import random
from itertools import count
from typing import Any

from django.db import connection, transaction

from personalize.core.addresses import address_key
from personalize.core.clock import now
from personalize.core.database import fold
from segments.commerce.models import Order, OrderLine
from segments.events.models import Event
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.segmentation.memberships import bring_up_to_date, join_slice, leave_slice, note_all, set_turns
from segments.segmentation.models import Segment, SegmentMode, SegmentSnapshot, TouchedPerson
from segments.segmentation.rules.parse import parse
from segments.subscribers.models import Subscriber
from tests.benchmarks.harness import Bench, bench
from tests.factories import make_product

COUNTRIES = ("GB", "IE", "DE", "FR")
CATEGORIES = ("Garden", "Kitchen", "Candles")
ORDERS_EACH = 3
TOUCHED = 10_000  # Or a tenth of them, where they are fewer.
EVENTS_EACH = 10
BATCH = 100
BATCHES = 50
ROUNDS = 5
_key = count()


def rules() -> dict[str, dict[str, Any]]:
    """Rules that are dear to ask in different ways."""
    lately = {"last": [90, "days"]}
    garden = [{"field": "category", "op": "is", "value": "Garden"}]
    viewed = {"name": "product_viewed", "metric": "count"}
    spent = {"metric": "sum", "where": garden, "op": ">", "value": 50, "window": lately}
    return {
        "spent in a category": {"v": 1, "all": [{"orders": spent}]},
        "looked twice": {"v": 1, "all": [{"event": {**viewed, "op": ">=", "value": 2, "window": lately}}]},
        "looked and did not buy": {
            "v": 1,
            "all": [
                {"attr": "country", "op": "is", "value": "GB"},
                {"event": {**viewed, "op": ">=", "value": 1, "window": lately}},
                {"none": [{"orders": {"metric": "count", "op": ">=", "value": 1, "window": lately}}]},
            ],
        },
    }


def make_shop(people: int, at: dt.datetime) -> None:
    chance = random.Random(7)
    products = [make_product(f"P{n}", category=CATEGORIES[n % 3]) for n in range(300)]
    made = Subscriber.objects.bulk_create(
        [
            Subscriber(
                email=f"person{n}@post.example",
                address_key=address_key(f"person{n}@post.example"),
                country=COUNTRIES[n % len(COUNTRIES)],
                city="Bristol",
                city_folded=fold("Bristol"),
                created_at=at,
                updated_at=at,
            )
            for n in range(people)
        ],
        batch_size=2000,
    )
    orders = Order.objects.bulk_create(
        [
            Order(
                number=f"N{person.pk}-{n}",
                subscriber=person,
                placed_at=at - dt.timedelta(days=chance.randrange(365), hours=1),
                total=0,
                updated_at=at,
            )
            for person in made
            for n in range(ORDERS_EACH)
            if chance.random() < 0.7
        ],
        batch_size=2000,
    )
    OrderLine.objects.bulk_create(
        [
            OrderLine(
                order=order,
                subscriber_id=order.subscriber_id,
                placed_at=order.placed_at,
                position=1,
                product=product,
                code=product.code,
                quantity=1,
                unit_price=price,
                amount=price,
            )
            for order in orders
            for product, price in [(chance.choice(products), chance.randint(10_000, 900_000))]
        ],
        batch_size=2000,
    )


def make_events(at: dt.datetime) -> None:
    chance = random.Random(11)
    people = list(Subscriber.objects.values_list("pk", flat=True))
    for start in range(0, len(people), 2_000):
        Event.objects.bulk_create(
            Event(
                subscriber_id=person,
                name=chance.choice(("product_viewed", "cart_updated")),
                occurred_at=at - dt.timedelta(minutes=chance.randrange(365 * 1440)),
                received_at=at,
                processed_at=at,
                source="bench",
                idempotency_key=f"{next(_key)}",
            )
            for person in people[start : start + 2_000]
            for _number in range(EVENTS_EACH)
        )


def refresh(running: Bench, name: str, rule: dict[str, Any], at: dt.datetime, people: list[int]) -> None:
    """Both ways, with the turns of those asked about, each taken back."""
    segment, node = Segment.objects.create(name=name, rule=rule, created_at=at, updated_at=at), parse(rule)
    with running.measure(f"{name}: first pass, with turns", 1), transaction.atomic():
        note_all(segment, node, at)
        set_turns(segment, node, at)
    for _round in range(ROUNDS):
        with running.measure(f"{name}: everybody", 1), transaction.atomic():
            leave_slice(segment, node, at)
            join_slice(segment, node, at)
        with running.measure(f"{name}: {len(people):,} people", 1, f"{name}: everybody"), transaction.atomic():
            bring_up_to_date(segment, node, at, people)
        with running.measure(f"{name}: everybody, with turns", 1), transaction.atomic():
            leave_slice(segment, node, at)
            join_slice(segment, node, at)
            set_turns(segment, node, at)
        with (
            running.measure(f"{name}: {len(people):,} people, with turns", 1, f"{name}: everybody, with turns"),
            transaction.atomic(),
        ):
            bring_up_to_date(segment, node, at, people)
            set_turns(segment, node, at, people)


def take_in(at: dt.datetime, people: list[int]) -> None:
    for start in range(BATCHES):
        record_events(
            events=[
                NewEvent(
                    subscriber_id=person,
                    name="product_viewed",
                    occurred_at=at,
                    source="bench",
                    idempotency_key=f"{next(_key)}",
                    historic=True,
                )
                for person in people[start * BATCH : start * BATCH + BATCH]
            ]
        )


def main() -> None:
    with bench(__doc__ or "", unit="people", rows=100_000) as (running, rows):
        at = now()
        make_shop(rows, at)
        make_events(at)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        everybody = list(Subscriber.objects.values_list("pk", flat=True))
        people = sorted(random.Random(5).sample(everybody, min(TOUCHED, len(everybody) // 10)))
        for name, rule in rules().items():
            refresh(running, name, rule, at, people)
        segment = Segment.objects.create(
            name="Kept", rule={"v": 1, "all": []}, mode=SegmentMode.INCREMENTAL, created_at=at, updated_at=at
        )
        for _round in range(ROUNDS):
            SegmentSnapshot.objects.all().delete()
            with running.measure("events, nothing kept", BATCH * BATCHES):
                take_in(at, everybody)
            SegmentSnapshot.objects.create(segment=segment, kept=True, due_at=at)
            with running.measure("events, a segment kept", BATCH * BATCHES, "events, nothing kept"):
                take_in(at, everybody)
        if TouchedPerson.objects.count() != BATCH * BATCHES * ROUNDS:
            raise SystemExit("Not everybody was noted; the figures mean nothing.")


if __name__ == "__main__":
    main()
