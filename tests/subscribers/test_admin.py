"""The administration shows every row about people, and changes none that carries a proof or a sum."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from personalize.accounts.models import AuditEntry, User
from segments.commerce.models import Order, Product, Refund
from segments.commerce.services import store_refunds
from segments.commerce.types import LineRow, RefundRow
from segments.consent.models import ConsentEntry, Subscription, Suppression, Topic
from segments.consent.services import subscribe, unsubscribe
from segments.events.models import Event
from segments.subscribers.models import AttributeDefinition, ExternalId, Subscriber
from tests.factories import NOW, make_order, make_product, make_subscriber, make_topic

pytestmark = pytest.mark.django_db

LEDGERS: list[Any] = [Subscriber, ExternalId, Subscription, ConsentEntry, Suppression, Event, Order, Refund]
EDITED: list[Any] = [AttributeDefinition, Topic, Product]


@pytest.fixture
def owner(client):
    user = User.objects.create_superuser("maya@alderandwren.example", "tea-and-cake-12", first_name="Maya")
    client.force_login(user)
    return client


@pytest.fixture
def rows(db):
    """At least one row of everything."""
    ann = make_subscriber("ann@post.example", first_name="<b>Ann</b>")
    ExternalId.objects.create(subscriber=ann, source="shop", value="17850")
    subscribe(subscriber=ann, topic=make_topic("news"), source="form")
    unsubscribe(subscriber=ann, topic=None, source="one-click")
    make_order(ann, (make_product("85123A"), 6, 25_500))
    store_refunds(rows=[RefundRow("C1", NOW, [LineRow("85123A", 1, Decimal(2))])])
    AttributeDefinition.objects.create(key="points", label="Points", type="int")


def page(model: Any, name: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


@pytest.mark.parametrize("model", [*LEDGERS, *EDITED])
def test_every_list_and_row_can_be_read_and_searched(owner, rows, model):
    listed = owner.get(page(model, "changelist"), {"q": "ann"})
    assert listed.status_code == 200
    row = model._default_manager.first()
    assert owner.get(page(model, "change", row.pk)).status_code == 200
    assert b"<b>Ann</b>" not in owner.get(page(model, "changelist")).content


@pytest.mark.parametrize("model", LEDGERS)
def test_what_carries_a_proof_or_a_sum_is_changed_by_nobody(owner, rows, model):
    row = model._default_manager.first()
    assert owner.get(page(model, "add")).status_code == 403
    assert owner.post(page(model, "change", row.pk), {}).status_code == 403
    assert owner.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


def test_lists_of_ledgers_take_as_many_queries_for_many_rows_as_for_few(owner, rows, django_assert_max_num_queries):
    for _ in range(30):
        make_order(make_subscriber(), ("A", 1, 1))
    with django_assert_max_num_queries(12):
        owner.get(page(Order, "changelist"))


def test_an_attribute_is_defined_by_the_rules_of_the_service(owner):
    form = {"key": "shoe_size", "label": "Shoe size", "type": "int", "unit": "", "choices": "[]", "fallback": "{}"}
    assert owner.post(page(AttributeDefinition, "add"), form).status_code == 302
    assert AttributeDefinition.objects.get().key == "shoe_size"
    assert AuditEntry.objects.get(action="attribute.defined").actor
    refused = owner.post(page(AttributeDefinition, "add"), {**form, "key": "email"})
    assert refused.status_code == 200
    assert AttributeDefinition.objects.count() == 1
