"""The demo shop: the same for everybody, believable, and with something in it for recommendations to find."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

import personalize.demo
from personalize.core.addresses import normalise
from personalize.demo.people import CAST
from personalize.demo.shop import Shop, generate

NOW = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)
PICTURES = Path(personalize.demo.__file__).parent / "static" / "demo" / "products"


@pytest.fixture(scope="module")
def shop() -> Shop:
    return generate(now=NOW)


def test_the_shop_is_the_same_every_time():
    assert generate(subscribers=120, now=NOW) == generate(subscribers=120, now=NOW)


def test_there_are_as_many_people_as_asked_for_and_no_address_twice(shop):
    assert len(shop.people) == 2000
    assert len({normalise(person.email) for person in shop.people}) == 2000
    assert all(normalise(person.email) == person.email for person in shop.people)


def test_every_address_lies_under_a_domain_that_nobody_can_own(shop):
    assert all(person.email.endswith(".example") for person in shop.people)


def test_the_cast_is_there_even_in_a_tiny_shop():
    tiny = generate(subscribers=1, now=NOW)
    assert {person.email for person in tiny.people} == {role.email for role in CAST}


def test_ann_is_as_the_examples_tell_her(shop):
    ann = shop.people[0]
    assert (ann.first_name, ann.city, ann.birth_day, ann.birth_month) == ("Ann", "Bristol", 22, 2)
    assert ann.attributes["member_tier"] == "Silver"
    hers = [order for order in shop.orders if order.email == ann.email]
    assert len(hers) == 7
    assert sum(line.quantity * line.unit_price for order in hers for line in order.lines) == 41_260
    assert len([order for order in hers if order.placed_at > NOW - dt.timedelta(days=365)]) == 4


def test_names_come_in_many_scripts(shop):
    letters = {letter for person in shop.people for letter in person.first_name + person.last_name if letter.isalpha()}
    scripts = {unicodedata.name(letter).partition(" ")[0] for letter in letters}
    assert scripts >= {
        "LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "DEVANAGARI", "THAI"
    }  # fmt: skip


def test_the_usual_dirt_is_in_the_names(shop):
    firsts = Counter(person.first_name for person in shop.people)
    assert {"test", "n/a", ""} <= set(firsts)
    assert any(name.startswith("<b>") for name in firsts)
    assert any(name.isupper() and len(name) > 2 for name in firsts)
    assert any(person.first_name == person.email.partition("@")[0] for person in shop.people)


def test_most_people_live_in_the_united_kingdom_and_some_nowhere_known(shop):
    countries = Counter(person.country for person in shop.people)
    assert countries.most_common(1)[0][0] == "GB"
    assert len(countries) > 15
    assert countries[""] > 50


def test_some_birthdays_fall_on_a_leap_day_and_all_of_them_exist(shop):
    born = [person for person in shop.people if person.birth_month]
    assert any((person.birth_day, person.birth_month) == (29, 2) for person in born)
    for person in born:
        dt.date(person.birth_year or 2000, person.birth_month, person.birth_day)


def test_two_hundred_products_have_their_own_codes_and_a_picture_each(shop):
    assert len({product.code for product in shop.products}) == len({p.title for p in shop.products}) == 200
    assert {product.picture for product in shop.products} <= {path.name for path in PICTURES.iterdir()}
    assert any(product.stock == 0 for product in shop.products)
    assert any(not product.active for product in shop.products)


def test_nothing_happens_in_the_future(shop):
    moments = [order.placed_at for order in shop.orders] + [refund.refunded_at for refund in shop.refunds]
    moments += [person.created_at for person in shop.people] + [visit.at for visit in shop.visits]
    moments += [consent.at for person in shop.people for consent in person.consents]
    assert max(moments) <= NOW


def test_things_that_belong_together_are_bought_together_far_more_often_than_by_chance(shop):
    baskets = [{line.code for line in order.lines} for order in shop.orders]
    single = Counter(code for basket in baskets for code in basket)
    together = Counter(pair for basket in baskets for pair in combinations(sorted(basket), 2))
    for pair in (("CAK-11", "MUG-11"), ("STI-11", "TAP-11"), ("LAN-11", "TAP-11")):
        by_chance = single[pair[0]] * single[pair[1]] / len(baskets)
        assert together[pair] > 2 * by_chance
        assert together[pair] >= 10


def test_people_keep_to_their_tastes(shop):
    category = {product.code: product.category for product in shop.products}
    tastes = {person.email: person.tastes for person in shop.people}
    bought = [
        (category[line.code], tastes[order.email]) for order in shop.orders if order.email for line in order.lines
    ]
    own = sum(name in liked for name, liked in bought) / len(bought)
    assert own > 0.5


def test_november_and_december_are_the_busy_months(shop):
    by_month = Counter(order.placed_at.month for order in shop.orders)
    quiet = sorted(count for month, count in by_month.items() if month not in (11, 12))
    assert min(by_month[11], by_month[12]) > 1.5 * quiet[len(quiet) // 2]


def test_few_people_buy_often_and_many_never(shop):
    orders = Counter(order.email for order in shop.orders if order.email)
    often = sum(count for _, count in orders.most_common(len(orders) // 10))
    assert often > 0.3 * sum(orders.values())
    assert len(orders) < 0.7 * len(shop.people)


def test_there_are_guests_and_refunds_of_what_was_really_bought(shop):
    assert any(not order.email for order in shop.orders)
    lines = {order.number: order.lines for order in shop.orders}
    assert len(shop.refunds) > 20
    assert all(set(refund.lines) <= set(lines[refund.order]) for refund in shop.refunds)
