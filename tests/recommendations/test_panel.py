"""What the page of a person says they would see."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import NOW, make_order, make_product, make_subscriber

pytestmark = pytest.mark.django_db


def test_a_persons_page_shows_products_with_price_and_reason(client: Client, priya: Any, brand: Any) -> None:
    ann = make_subscriber(first_name="Ann")
    mug, pot = make_product("MUG"), make_product("POT", title="Teapot", price=420_000)
    earlier = NOW - dt.timedelta(days=400)
    make_order(ann, (mug, 1, 10_000), placed_at=earlier)
    make_order(None, (mug, 1, 10_000), (pot, 1, 420_000), placed_at=earlier)
    client.force_login(priya)
    text = client.get(reverse("subscribers:detail", args=[ann.uuid])).content.decode()
    assert "Ann would see" in text
    assert "Teapot" in text
    assert "£42.00" in text
    assert "Bought together with Product MUG in 1 order" in text


def test_an_empty_shop_shows_no_panel(client: Client, priya: Any, brand: Any) -> None:
    client.force_login(priya)
    text = client.get(reverse("subscribers:detail", args=[make_subscriber(first_name="Ann").uuid])).content.decode()
    assert "would see" not in text
