"""Which products people are shown: against a plain computation over random shops, and the rules one by one."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from personalize.recommendations.serving import recommend
from personalize.recommendations.types import ProductRequest, Recommendation
from segments.commerce.models import OrderStatus, Product
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_order, make_product, make_subscriber

pytestmark = pytest.mark.django_db
CODES = ["A", "B", "C", "D", "E", "F", "G"]
DAY = dt.timedelta(days=1)


def ask(person: Subscriber, as_of: dt.datetime = NOW, **request: Any) -> list[Recommendation]:
    wanted = ProductRequest(**{"recipe": "bought_together", "limit": 4, "fallback": "none", **request})
    return recommend(requests={"b1": wanted}, subscriber_ids=[person.pk], as_of=as_of)["b1"][person.pk]


def codes(found: list[Recommendation]) -> list[str]:
    return [item.code for item in found]


def sell(person: Subscriber | None, *products: Product | str, days_ago: float = 1, **fields: Any) -> None:
    make_order(person, *((product, 1, 10_000) for product in products), placed_at=NOW - days_ago * DAY, **fields)


@dataclass
class Sold:
    buyer: int | None
    codes: list[str]
    days_ago: int
    status: str


shops = st.lists(
    st.builds(
        Sold,
        buyer=st.none() | st.integers(0, 2),
        codes=st.lists(st.sampled_from([*CODES, "unknown"]), min_size=1, max_size=4),
        days_ago=st.integers(-1, 4),
        status=st.sampled_from(["placed", "refunded", "cancelled"]),
    ),
    max_size=12,
)


def expected_together(shop: list[Sold], buyer: int, may: set[str], limit: int) -> list[tuple[str, int]]:
    """Bought together, as the definition has it, in plain loops."""
    past = [(n, s) for n, s in enumerate(shop) if s.days_ago > 0 and s.status != "cancelled"]
    own = [(-s.days_ago, n, s) for n, s in past if s.buyer == buyer]
    if not own:
        return []
    latest = set(max(own)[2].codes) - {"unknown"}
    bought = {code for _, _, s in own for code in s.codes}
    newest: dict[str, int] = defaultdict(lambda: -99)
    for _, sale in past:
        for code in sale.codes:
            newest[code] = max(newest[code], -sale.days_ago)
    scores = {
        code: sum(1 for source in latest for _, s in past if source in s.codes and code in s.codes)
        for code in may - bought
    }
    ranked = sorted((-score, -newest[code], code) for code, score in scores.items() if score)
    return [(code, -score) for score, _, code in ranked[:limit]]


def expected_popular(shop: list[Sold], may: set[str], bought: set[str]) -> list[str]:
    past = [s for s in shop if s.days_ago > 0 and s.status != "cancelled"]
    scores: dict[str, float] = defaultdict(float)
    newest: dict[str, int] = {}
    for sale in past:
        for code in set(sale.codes) & may:
            scores[code] += 0.5 ** (sale.days_ago / 30)
            newest[code] = max(newest.get(code, -99), -sale.days_ago)
    ranked = sorted((-round(score, 6), -newest[code], code) for code, score in scores.items())
    return [code for _, _, code in ranked if code not in bought]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shop=shops, sold_out=st.sampled_from([*CODES, ""]), withdrawn=st.sampled_from([*CODES, ""]))
def test_serving_agrees_with_a_plain_computation(shop: list[Sold], sold_out: str, withdrawn: str) -> None:
    with transaction.atomic():
        people = [make_subscriber() for _ in range(3)]
        # Made in the order of the alphabet's end, so that ids and codes disagree.
        products = {
            code: make_product(code, stock=0 if code == sold_out else None, active=code != withdrawn)
            for code in reversed(CODES)
        }
        for sale in shop:
            items = [products.get(code, code) for code in sale.codes]
            buyer = None if sale.buyer is None else people[sale.buyer]
            sell(buyer, *items, days_ago=sale.days_ago, status=sale.status)
        requests = {
            "together": ProductRequest("bought_together", 3, fallback="none"),
            "filled": ProductRequest("bought_together", 5),
            "popular": ProductRequest("popular", 4, not_bought=False),
        }
        answer = recommend(requests=requests, subscriber_ids=[person.pk for person in people], as_of=NOW)
        transaction.set_rollback(True)
    may = set(CODES) - {sold_out, withdrawn}
    for number, person in enumerate(people):
        wanted = expected_together(shop, number, may, 3)
        assert [(item.code, item.score) for item in answer["together"][person.pk]] == wanted
        bought = {c for s in shop if s.buyer == number and s.days_ago > 0 and s.status != "cancelled" for c in s.codes}
        first = [code for code, _ in expected_together(shop, number, may, 5)]
        rest = [code for code in expected_popular(shop, may, bought) if code not in first]
        assert codes(answer["filled"][person.pk]) == [*first, *rest][:5]
        assert codes(answer["popular"][person.pk]) == expected_popular(shop, may, set())[:4]
        assert [item.rank for item in answer["filled"][person.pk]] == list(range(1, len([*first, *rest][:5]) + 1))


def test_orders_in_common_are_counted_and_added_up_over_the_latest_order() -> None:
    mug, pot, tray, vase = (make_product(code) for code in ("MUG", "POT", "TRAY", "VASE"))
    ann = make_subscriber()
    sell(ann, mug, pot)
    sell(None, mug, tray, days_ago=9)
    sell(None, mug, pot, tray, days_ago=8)
    sell(make_subscriber(), pot, vase, days_ago=2)
    found = ask(ann)
    assert [(item.code, item.score) for item in found] == [("TRAY", 3), ("VASE", 1)]
    assert found[0].reason == "Bought together with Product MUG in 2 orders"
    assert found[1].reason == "Bought together with Product POT in 1 order"


def test_only_the_latest_order_counts_and_the_higher_id_when_two_are_as_late() -> None:
    mug, pot, tray, vase = (make_product(code) for code in ("MUG", "POT", "TRAY", "VASE"))
    ann = make_subscriber()
    sell(ann, mug, days_ago=1)
    sell(ann, pot, days_ago=1)
    sell(None, mug, tray, days_ago=5)
    sell(None, pot, vase, days_ago=5)
    assert codes(ask(ann)) == ["VASE"]


def test_ties_go_to_what_was_sold_last_then_to_the_lower_code() -> None:
    zinc, ash, birch, mug = (make_product(code) for code in ("ZINC", "ASH", "BIRCH", "MUG"))
    ann = make_subscriber()
    sell(ann, mug)
    for product in (birch, ash, zinc):
        sell(None, mug, product, days_ago=5)
    sell(None, zinc, days_ago=2)
    assert codes(ask(ann)) == ["ZINC", "ASH", "BIRCH"]


def test_what_happens_from_the_instant_on_is_not_seen() -> None:
    mug, pot, tray = (make_product(code) for code in ("MUG", "POT", "TRAY"))
    ann = make_subscriber()
    sell(ann, mug, days_ago=10)
    sell(None, mug, pot, days_ago=9)
    sell(None, mug, tray, days_ago=0)
    sell(ann, pot, days_ago=0)
    assert codes(ask(ann)) == ["POT"]
    assert codes(ask(ann, as_of=NOW + DAY)) == []


def test_what_a_person_ever_bought_is_left_out_of_the_fallback_too() -> None:
    mug, pot = make_product("MUG"), make_product("POT")
    ann = make_subscriber()
    sell(ann, pot, days_ago=400)
    sell(ann, mug)
    sell(None, pot, days_ago=2)
    assert ask(ann, fallback="popular") == []
    assert set(codes(ask(ann, fallback="popular", not_bought=False))) == {"POT", "MUG"}


def test_the_fallback_fills_what_is_left_and_says_its_own_reason() -> None:
    mug, pot, tray, old = (make_product(code) for code in ("MUG", "POT", "TRAY", "OLD"))
    ann = make_subscriber()
    sell(ann, mug)
    sell(None, mug, pot, days_ago=9)
    sell(None, tray, days_ago=3)
    sell(None, old, days_ago=300)
    found = ask(ann, fallback="popular")
    assert [(item.code, item.rung, item.rank) for item in found] == [
        ("POT", "bought_together", 1),
        ("TRAY", "popular", 2),
        ("OLD", "popular", 3),
    ]
    assert [item.reason for item in found[1:]] == ["Popular this month", "Popular in the shop"]


def test_popularity_halves_in_thirty_days() -> None:
    old, new = make_product("OLD"), make_product("NEW")
    for _ in range(3):
        sell(None, old, days_ago=61)
    sell(None, new, days_ago=1)
    found = ask(make_subscriber(), recipe="popular")
    assert codes(found) == ["NEW", "OLD"]
    assert found[1].score == pytest.approx(3 * 0.5 ** (61 / 30))


def test_long_after_the_last_order_the_popular_are_still_told_apart() -> None:
    rare, often = make_product("A-RARE"), make_product("B-OFTEN")
    sell(None, rare, days_ago=5000)
    sell(None, often, days_ago=5001)
    sell(None, often, days_ago=5002)
    assert codes(ask(make_subscriber(), recipe="popular")) == ["B-OFTEN", "A-RARE"]


def test_sold_out_products_show_only_where_stock_does_not_matter_and_withdrawn_ones_never() -> None:
    for product in (make_product("OUT", stock=0), make_product("LAST", stock=1), make_product("GONE", active=False)):
        sell(None, product)
    ann = make_subscriber()
    assert codes(ask(ann, recipe="popular")) == ["LAST"]
    assert codes(ask(ann, recipe="popular", in_stock=False)) == ["LAST", "OUT"]


def test_a_category_limits_without_regard_to_case() -> None:
    sell(None, make_product("SPADE", category="Garden"), make_product("MUG", category="Kitchen"))
    assert codes(ask(make_subscriber(), recipe="popular", category="GARDEN")) == ["SPADE"]


def test_lines_of_unknown_products_neither_lead_nor_are_led_to() -> None:
    mug = make_product("MUG")
    ann = make_subscriber()
    sell(ann, "mystery")
    sell(None, "mystery", mug, days_ago=3)
    assert ask(ann) == []


def test_cancelled_orders_teach_nothing_and_are_nobodys_latest() -> None:
    mug, pot, tray = (make_product(code) for code in ("MUG", "POT", "TRAY"))
    ann = make_subscriber()
    sell(ann, mug, days_ago=3)
    sell(ann, tray, days_ago=1, status=OrderStatus.CANCELLED)
    sell(None, mug, pot, days_ago=2, status=OrderStatus.CANCELLED)
    sell(None, mug, tray, days_ago=2)
    assert codes(ask(ann)) == ["TRAY"]


def test_an_order_that_came_in_since_is_seen_at_once() -> None:
    mug, pot = make_product("MUG"), make_product("POT")
    ann = make_subscriber()
    sell(ann, mug)
    assert ask(ann) == []
    sell(None, mug, pot)
    assert codes(ask(ann)) == ["POT"]


def test_an_empty_shop_recommends_nothing() -> None:
    assert ask(make_subscriber(), fallback="popular") == []


def test_the_number_of_queries_does_not_depend_on_the_number_of_people() -> None:
    mug, pot = make_product("MUG"), make_product("POT")
    people = [make_subscriber() for _ in range(30)]
    for person in people[:20]:
        sell(person, mug, pot)
    counts = []
    for some in (people[:1], people):
        sell(None, mug)  # A new order, so that both readings begin afresh.
        with CaptureQueriesContext(connection) as queries:
            request = ProductRequest("bought_together", 4)
            recommend(requests={"a": request}, subscriber_ids=[p.pk for p in some], as_of=NOW)
        counts.append(len(queries))
    assert counts[0] == counts[1] == 6
