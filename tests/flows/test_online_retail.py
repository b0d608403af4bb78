"""A year of a real shop goes through the imports and comes out of the segments as plain Python counts it."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal

import pytest
from django.db.models import Count, Max, Sum
from django.test import TestCase

from segments.commerce.models import Order, OrderLine, Product, Refund
from segments.commerce.money import main_units
from segments.events.models import Event
from segments.segmentation.services import audience
from segments.subscribers.models import Subscriber
from tests.factories import make_topic
from tests.flows import online_retail
from tests.flows.online_retail import World

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


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """The imported shop, in a transaction around the tests of this module that is taken back after the last one."""
    data = online_retail.folder()
    assert data is not None
    with django_db_blocker.unblock():
        around = TestCase._enter_atomics()  # type: ignore[attr-defined]  # Django's own, not typed.
        make_topic(online_retail.TOPIC)
        try:
            yield online_retail.load(data, tmp_path_factory.mktemp("online_retail"))
        finally:
            TestCase._rollback_atomics(around)  # type: ignore[attr-defined]


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


def test_the_same_files_again_change_nothing(world: World, tmp_path):
    data = online_retail.folder()
    assert data is not None
    before = Order.objects.aggregate(count=Count("pk"), last=Max("updated_at"))
    lines = OrderLine.objects.aggregate(count=Count("pk"), last=Max("pk"))
    again = online_retail.load(data, tmp_path)
    assert again.said["people"]["unchanged"] == len(world.customers)
    assert again.said["orders"]["orders_unchanged"] == len(world.orders)
    assert again.said["orders"]["refunds_unchanged"] == len(world.refunds)
    assert Order.objects.aggregate(count=Count("pk"), last=Max("updated_at")) == before
    assert OrderLine.objects.aggregate(count=Count("pk"), last=Max("pk")) == lines
