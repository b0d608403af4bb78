"""Counting the people of rules, against SQL written by hand for the same meaning."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from django.db import connection

from personalize.core.addresses import address_key
from personalize.core.clock import now
from personalize.core.database import fold
from segments.commerce.models import Order, OrderLine
from segments.segmentation.services import count
from segments.subscribers.models import Subscriber
from tests.benchmarks.harness import Bench, bench
from tests.factories import make_product

COUNTRIES = ("GB", "IE", "DE", "FR")
CATEGORIES = ("Garden", "Kitchen", "Candles")
ORDERS_EACH = 3
TIMES = 5

PRESENT = "s.erased_at IS NULL"
SPENT = """SELECT s.id FROM subscribers_subscriber s JOIN commerce_orderline l ON l.subscriber_id = s.id
 JOIN commerce_product p ON p.id = l.product_id
 WHERE {present} AND p.category_folded = 'garden' AND l.placed_at >= %s AND l.placed_at < %s GROUP BY s.id HAVING SUM(l.amount) > %s"""


def rules(at: dt.datetime) -> dict[str, tuple[dict[str, Any], str, list[Any]]]:
    """Each rule with its SQL and the parameters of that."""
    since = at - dt.timedelta(days=90)
    garden = [{"field": "category", "op": "is", "value": "Garden"}]
    spent = {
        "orders": {
            "metric": "sum",
            "gross": True,
            "where": garden,
            "op": ">",
            "value": 50,
            "window": {"last": [90, "days"]},
        }
    }
    never = {"none": [{"orders": {"metric": "count", "where": garden, "op": ">=", "value": 1}}]}
    return {
        "a column": (
            {"v": 1, "all": [{"attr": "country", "op": "is", "value": "GB"}]},
            f"SELECT COUNT(*) FROM subscribers_subscriber s WHERE {PRESENT} AND s.country = 'GB'",
            [],
        ),
        "spent in a category": (
            {"v": 1, "all": [spent]},
            f"SELECT COUNT(*) FROM ({SPENT.format(present=PRESENT)}) AS found",
            [since, at, 500_000],
        ),
        "never bought": (
            {"v": 1, "all": [never]},
            f"""SELECT COUNT(*) FROM subscribers_subscriber s WHERE {PRESENT} AND NOT EXISTS (
             SELECT 1 FROM commerce_orderline l JOIN commerce_product p ON p.id = l.product_id
             WHERE l.subscriber_id = s.id AND p.category_folded = 'garden' AND l.placed_at < %s)""",
            [at],
        ),
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


def compare(running: Bench, name: str, rule: dict[str, Any], sql: str, parameters: list[Any], at: dt.datetime) -> None:
    people = Subscriber.objects.count() * TIMES
    with running.measure(f"{name}, by hand", people), connection.cursor() as cursor:
        for _ in range(TIMES):
            cursor.execute(sql, parameters)
            by_hand = cursor.fetchone()[0]
    with running.measure(name, people, baseline=f"{name}, by hand"):
        for _ in range(TIMES):
            by_rule = count(rule=rule, as_of=at)
    if by_hand != by_rule:
        raise SystemExit(f"{name}: {by_hand} people by hand, {by_rule} by the rule; the figures mean nothing.")


def main() -> None:
    with bench(__doc__ or "", unit="people", rows=20_000) as (running, rows):
        at = now()
        make_shop(rows, at)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        for name, (rule, sql, parameters) in rules(at).items():
            compare(running, name, rule, sql, parameters, at)


if __name__ == "__main__":
    main()
