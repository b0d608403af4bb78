"""A year of a real shop goes through the imports, a segment and a campaign, and comes out as plain Python counts it."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import json
import os
import random
import re
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.models import Count, Max, Sum
from django.test import TestCase

from campaigns.delivery import engine
from campaigns.delivery.models import Link, Message
from campaigns.delivery.verify import balance
from campaigns.scheduled.models import Campaign
from campaigns.scheduled.services import create_campaign
from personalize.accounts.models import Brand
from personalize.content.services import create_template
from personalize.core.tokens import Purpose, unseal
from segments.commerce.models import Order, OrderLine, Product, Refund
from segments.commerce.money import main_units
from segments.consent.models import Topic
from segments.events.models import Event
from segments.segmentation.services import audience, create_segment
from segments.subscribers.models import ExternalId, Subscriber
from tests.factories import make_sender, make_topic
from tests.flows import online_retail
from tests.flows.online_retail import World
from tests.smtp import Post, smtp_server

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(online_retail.folder() is None, reason=online_retail.MISSING),
]

AS_OF = dt.datetime(2011, 12, 10, tzinfo=dt.UTC)
QUARTER = {"last": [90, "days"]}
GOOD_CUSTOMERS = {
    "v": 1,
    "all": [
        {"attr": "country", "op": "is", "value": "GB"},
        {"orders": {"metric": "sum", "op": ">", "value": 500, "window": QUARTER}},
        {
            "none": [
                {
                    "orders": {
                        "metric": "count",
                        "where": [{"field": "product", "op": "is", "value": "85123A"}],
                        "op": ">=",
                        "value": 1,
                    }
                }
            ]
        },
    ],
}


REGULAR = {"v": 1, "all": [{"orders": {"metric": "count", "op": ">", "value": 10}}]}
BLOCKS = [
    {"id": "hello", "type": "heading", "text": "{{ greeting }}"},
    {"id": "regular", "type": "text", "text": "Free delivery, because you are a regular.", "show_when": REGULAR},
    {
        "id": "picked",
        "type": "products",
        "heading": "Picked for you",
        "recipe": "bought_together",
        "limit": 4,
        "fallback": "none",
    },
    {"id": "foot", "type": "footer"},
]
CLICK = re.compile(r"/t/c/([A-Za-z0-9_-]+)")


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """The imported shop, in a transaction around the tests of this module that is taken back after the last one."""
    data = online_retail.folder()
    assert data is not None
    with django_db_blocker.unblock():
        around = TestCase._enter_atomics()  # type: ignore[attr-defined]  # Django's own, not typed.
        make_topic(online_retail.TOPIC)
        try:
            loaded = online_retail.load(data, tmp_path_factory.mktemp("online_retail"))
            # Half a million deferred checks are worked off here, not again at the end of every test.
            connection.check_constraints()
            yield loaded
        finally:
            TestCase._rollback_atomics(around)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def sent(world: World, django_db_blocker):
    """The campaign sent over SMTP: the campaign, and what the server accepted."""
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, smtp_server() as server:
        patch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
        patch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
        patch.setattr(settings, "EMAIL_PORT", server.port)
        campaign = make_campaign()
        try:
            call_command("send_campaign", campaign.name, "--as-of", AS_OF.isoformat(), "--work")
            campaign.refresh_from_db()
            yield campaign, server.accepted
        finally:
            engine.renderer().close()


def make_campaign() -> Campaign:
    Brand.objects.create(pk=1, name="Gift shop", postal_address="1 High Street, London")
    for product in Product.objects.only("pk", "code"):
        Product.objects.filter(pk=product.pk).update(url=f"https://shop.example.com/p/{product.code}")
    return create_campaign(
        name="Good customers",
        template=create_template(
            name="Picked", subject="{{ greeting }} four things for you", preheader="", blocks=BLOCKS, actor="test"
        ),
        segment=create_segment(name="Good customers", rule=GOOD_CUSTOMERS, actor="test"),
        topic=Topic.objects.get(key=online_retail.TOPIC),
        sender=make_sender(),
        actor="test",
    )


def test_everything_in_the_files_came_in(world: World):
    assert (world.said["orders"]["rows"], world.said["orders"]["rejected"]) == (world.lines, 0)
    assert (world.said["people"]["created"], world.said["people"]["rejected"]) == (len(world.customers), 0)
    assert world.said["people"]["subscribed"] == len(world.customers)
    assert (world.said["products"]["created"], world.said["products"]["rejected"]) == (Product.objects.count(), 0)
    assert world.said["orders"]["unknown_customers"] == 0
    assert Subscriber.objects.count() == len(world.customers)
    assert set(Order.objects.values_list("number", flat=True)) == world.orders
    assert set(Refund.objects.values_list("number", flat=True)) == world.refunds
    assert OrderLine.objects.count() + sum(Refund.objects.annotate(n=Count("lines")).values_list("n", flat=True)) == (
        world.lines
    )


def test_every_known_customer_has_their_orders_refunds_and_events(world: World):
    orders = dict(
        Subscriber.objects.annotate(n=Count("orders")).values_list("external_ids__value", "n"),
    )
    refunds = dict(Subscriber.objects.annotate(n=Count("refunds")).values_list("external_ids__value", "n"))
    assert orders == {number: len(customer.orders) for number, customer in world.customers.items()}
    assert refunds == {number: len(customer.refunds) for number, customer in world.customers.items()}
    assert Event.objects.filter(name="order_placed").count() == sum(orders.values())
    assert not Event.objects.filter(processed_at=None).exists()


def test_random_customers_spent_to_the_penny_what_the_file_says(world: World):
    for number in random.Random(7).sample(sorted(world.customers), 200):
        person = Subscriber.objects.get(external_ids__value=number)
        spent = person.orders.aggregate(sum=Sum("total"))["sum"] or 0
        returned = person.refunds.aggregate(sum=Sum("total"))["sum"] or 0
        assert main_units(spent - returned) == world.customers[number].net(), number


def test_the_segment_means_whom_plain_python_means(world: World):
    quarter = AS_OF - dt.timedelta(days=90)
    expected = {
        number
        for number, customer in world.customers.items()
        if customer.country == "United Kingdom"
        and customer.net(quarter, AS_OF) > Decimal(500)
        and "85123A" not in customer.codes
    }
    found = audience(rule=GOOD_CUSTOMERS, as_of=AS_OF)
    assert set(found.values_list("external_ids__value", flat=True)) == expected
    assert len(expected) == 874
    assert found.annotate(n=Count("orders")).filter(n__gt=10).count() == 164


def _orders(**body: Any) -> dict[str, Any]:
    return {"orders": body}


YEAR = {"last": [12, "months"]}
HALF = {"last": [180, "days"]}
RFM: dict[str, dict[str, Any]] = {
    "Champions": {
        "all": [
            _orders(metric="last", op=">=", value={"ago": [30, "days"]}),
            _orders(metric="count", op=">=", value=6, window=YEAR),
            _orders(metric="sum", op=">=", value=2000, window=YEAR),
        ]
    },
    "Loyal": {
        "all": [
            _orders(metric="count", op="between", value=[4, 20], window=HALF),
            _orders(metric="distinct", op=">=", value=40, window=HALF),
        ]
    },
    "At risk": {
        "all": [
            _orders(metric="sum", op=">", value=1000),
            _orders(metric="count", op=">=", value=3),
            _orders(metric="last", op="<", value={"ago": [90, "days"]}),
        ]
    },
    "New": {"all": [_orders(metric="first", op=">=", value={"ago": [60, "days"]})]},
    "Lost": {
        "all": [
            _orders(metric="count", op="=", value=1),
            {"none": [_orders(metric="count", op=">=", value=1, window=HALF)]},
        ]
    },
}
"""Customers by recency, frequency and money, as shops sort them."""


@dataclass(frozen=True)
class Bought:
    """What the file says of one customer's orders, to be sorted by plain Python: their times, and the codes in each."""

    customer: online_retail.Ledger
    orders: list[tuple[dt.datetime, set[str]]]

    def since(self, start: dt.datetime) -> list[set[str]]:
        return [codes for at, codes in self.orders if at >= start]


def read_bought(world: World) -> dict[str, Bought]:
    times: dict[str, dt.datetime] = {}
    codes: dict[str, set[str]] = defaultdict(set)
    owners: dict[str, str] = {}
    data = online_retail.folder()
    assert data is not None
    with gzip.open(data / online_retail.ORDERS, "rt", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            number = row["InvoiceNo"]
            if number.startswith("C") or not row["CustomerID"]:
                continue
            at = dt.datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=dt.UTC)
            times[number] = min(at, times.get(number, at))
            codes[number].add(row["StockCode"])
            owners[number] = row["CustomerID"]
    found = {number: Bought(customer, []) for number, customer in world.customers.items()}
    for number, owner in owners.items():
        found[owner].orders.append((times[number], codes[number]))
    return found


def in_plain_python(name: str, one: Bought) -> bool:
    """The same question as the rule of that name, asked without it."""
    days = {number: AS_OF - dt.timedelta(days=number) for number in (30, 60, 90, 180)}
    year = AS_OF.replace(year=AS_OF.year - 1)
    times, half = [at for at, _codes in one.orders], one.since(days[180])
    match name:
        case "Champions":
            return (
                max(times, default=year) >= days[30]
                and len(one.since(year)) >= 6
                and one.customer.net(year, AS_OF) >= 2000
            )
        case "Loyal":
            return 4 <= len(half) <= 20 and len(set().union(*half)) >= 40
        case "At risk":
            return len(times) >= 3 and max(times) < days[90] and one.customer.net(None, AS_OF) > 1000
        case "New":
            return bool(times) and min(times) >= days[60]
    return len(times) == 1 and not half


def test_customers_sorted_by_recency_frequency_and_money_are_those_of_plain_python(world: World, capsys):
    bought = read_bought(world)
    sizes = {}
    for name, rule in RFM.items():
        expected = {number for number, one in bought.items() if in_plain_python(name, one)}
        found = audience(rule={"v": 1, **rule}, as_of=AS_OF).values_list("external_ids__value", flat=True)
        assert set(found) == expected, name
        call_command("segment_size", "--rule", json.dumps(rule), "--as-of", AS_OF.isoformat(), "--json")
        sizes[name] = json.loads(capsys.readouterr().out)["people"]
        assert sizes[name] == len(expected)
    assert sizes == {"Champions": 480, "Loyal": 626, "At risk": 135, "New": 598, "Lost": 619}


def test_the_same_files_again_change_nothing(world: World, tmp_path):
    data = online_retail.folder()
    assert data is not None
    if os.environ.get("FULL") != "1":
        data = online_retail.ending(data, tmp_path / "again", lines=60_000)
    before = Order.objects.aggregate(count=Count("pk"), last=Max("updated_at"))
    lines = OrderLine.objects.aggregate(count=Count("pk"), last=Max("pk"))
    again = online_retail.load(data, tmp_path)
    assert again.said["people"]["unchanged"] == len(again.customers)
    assert again.said["orders"]["orders_unchanged"] == len(again.orders)
    assert again.said["orders"]["refunds_unchanged"] == len(again.refunds)
    assert Order.objects.aggregate(count=Count("pk"), last=Max("updated_at")) == before
    assert OrderLine.objects.aggregate(count=Count("pk"), last=Max("pk")) == lines


def test_everybody_in_the_segment_gets_one_mail_and_it_balances(sent):
    campaign, accepted = sent
    figures = balance(campaign.run)
    assert (campaign.state, figures.audience, figures.sent) == ("finished", 874, 874)
    assert figures.balances
    assert len({post.to for post in accepted}) == len(accepted) == 874
    call_command("verify_campaign", campaign.name)


def test_every_mail_says_what_plain_python_says_it_should(world: World, sent):
    campaign, accepted = sent
    shop = online_retail.read_shop(online_retail.folder())
    customers = dict(ExternalId.objects.values_list("subscriber__email", "value"))
    targets = dict(Link.objects.exclude(product_code="").values_list("number", "product_code"))
    messages = dict(Message.objects.filter(run=campaign.run).values_list("subscriber__email", "uuid"))
    regulars = 0
    for post in accepted:
        customer = customers[post.to]
        name = world.names[customer]
        greeting = f"Hi {name}," if name else "Hello,"
        regular = len(shop.orders[customer]) > 10
        regulars += regular
        assert greeting in post.html, post.to
        assert post.mail["Subject"] == f"{greeting} four things for you", post.to
        assert ("because you are a regular" in post.html) is regular, post.to
        assert ("because you are a regular" in post.text) is regular, post.to
        assert products_in(post, messages[post.to], targets) == shop.picks(customer), post.to
    assert regulars == 164


def products_in(post: Post, message, targets: dict[int, str]) -> list[str]:
    """The codes of the products a mail leads to, in order, read from its own signed links."""
    found: list[str] = []
    for text in CLICK.findall(post.html):
        token = unseal(text, Purpose.CLICK)
        assert token is not None
        assert token.id == message
        code = targets.get(token.link)
        if code and code not in found:
            found.append(code)
    return found
