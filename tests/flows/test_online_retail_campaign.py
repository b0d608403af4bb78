"""The main job on a real shop: one campaign to 874 people, each mail parsed back and compared with plain Python."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import TestCase

from campaigns.delivery import engine
from campaigns.delivery.models import Link, Message
from campaigns.delivery.verify import balance
from campaigns.scheduled.models import Campaign
from campaigns.scheduled.services import create_campaign
from personalize.content.services import create_template
from personalize.core.tokens import Purpose, unseal
from segments.commerce.models import Product
from segments.consent.models import Topic
from segments.segmentation.services import create_segment
from segments.subscribers.models import ExternalId
from tests.factories import make_sender, make_topic
from tests.flows import online_retail
from tests.flows.test_online_retail import AS_OF, GOOD_CUSTOMERS
from tests.smtp import Post, smtp_server

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(online_retail.folder() is None, reason=online_retail.MISSING),
]

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


@dataclass
class Shop:
    """The orders of the file, read without the product: which known codes each holds, when, and whose it was."""

    codes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    times: dict[str, dt.datetime] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    orders: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    holding: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    last_sold: dict[str, dt.datetime] = field(default_factory=dict)
    _together: dict[str, Counter[str]] = field(default_factory=dict)

    def together(self, code: str) -> Counter[str]:
        """In how many orders each other code stands beside ``code``."""
        if code not in self._together:
            found: Counter[str] = Counter()
            for order in self.holding[code]:
                found.update(self.codes[order])
            del found[code]
            self._together[code] = found
        return self._together[code]

    def picks(self, customer: str) -> list[str]:
        """Four codes for a customer, by the definition: added up, not bought, ties by newer sale and then by code."""
        latest = max(self.orders[customer], key=lambda order: (self.times[order], self.places[order]))
        scores: Counter[str] = Counter()
        for code in self.codes[latest]:
            scores.update(self.together(code))
        bought = set().union(*(self.codes[order] for order in self.orders[customer]))
        ranked = sorted(
            (code for code in scores if code not in bought),
            key=lambda code: (-scores[code], -self.last_sold[code].timestamp(), code),
        )
        return ranked[:4]


def read_shop(folder: Path) -> Shop:
    with gzip.open(folder / online_retail.ITEMS, "rt", encoding="utf-8", newline="") as stream:
        known = {row["StockCode"] for row in csv.DictReader(stream)}
    shop = Shop()
    with gzip.open(folder / online_retail.ORDERS, "rt", encoding="utf-8", newline="") as stream:
        for place, row in enumerate(csv.DictReader(stream)):
            number = row["InvoiceNo"]
            if number.startswith("C"):
                continue
            at = dt.datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=dt.UTC)
            shop.times[number] = min(at, shop.times.get(number, at))
            shop.places.setdefault(number, place)
            if row["CustomerID"]:
                shop.orders[row["CustomerID"]].add(number)
            if row["StockCode"] in known:
                shop.codes[number].add(row["StockCode"])
    for number, codes in shop.codes.items():
        for code in codes:
            shop.holding[code].add(number)
            shop.last_sold[code] = max(shop.times[number], shop.last_sold.get(code, shop.times[number]))
    return shop


@pytest.fixture(scope="module")
def sent(django_db_setup, django_db_blocker, tmp_path_factory):
    """The campaign sent over SMTP: the imported world, the campaign, and what the server accepted."""
    data = online_retail.folder()
    with django_db_blocker.unblock(), pytest.MonkeyPatch.context() as patch, smtp_server() as server:
        from django.conf import settings

        patch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
        patch.setattr(settings, "EMAIL_HOST", "127.0.0.1")
        patch.setattr(settings, "EMAIL_PORT", server.port)
        around = TestCase._enter_atomics()
        make_topic(online_retail.TOPIC)
        try:
            world = online_retail.load(data, tmp_path_factory.mktemp("online_retail"))
            campaign = make_campaign()
            call_command("send_campaign", campaign.name, "--as-of", AS_OF.isoformat(), "--work")
            campaign.refresh_from_db()
            yield world, campaign, server.accepted
        finally:
            engine.renderer().close()
            TestCase._rollback_atomics(around)


def make_campaign() -> Campaign:
    from personalize.accounts.models import Brand

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


def test_everybody_in_the_segment_gets_one_mail_and_it_balances(sent):
    _, campaign, accepted = sent
    figures = balance(campaign.run)
    assert (campaign.state, figures.audience, figures.sent) == ("finished", 874, 874)
    assert figures.balances
    assert len({post.to for post in accepted}) == len(accepted) == 874
    call_command("verify_campaign", campaign.name)


def test_every_mail_says_what_plain_python_says_it_should(sent):
    world, campaign, accepted = sent
    shop = read_shop(online_retail.folder())
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
