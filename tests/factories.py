"""Rows for tests, made with one call and believable defaults."""

from __future__ import annotations

import datetime as dt
import itertools
import uuid
from typing import Any

from campaigns.automations.models import Automation, AutomationVersion, Enrolment
from campaigns.delivery.models import Mailing, Sender, SenderAccount
from campaigns.delivery.types import Gate
from personalize.content.models import Template, TemplateVersion
from personalize.core.addresses import address_key
from personalize.core.database import fold
from segments.commerce.models import Cart, CartLine, Order, OrderLine, Product
from segments.consent.models import OptIn, Subscription, Topic
from segments.segmentation.models import Segment
from segments.subscribers.models import Subscriber

NOW = dt.datetime(2026, 11, 19, 8, 40, tzinfo=dt.UTC)
_number = itertools.count(1)


def make_subscriber(email: str | None = None, **fields: Any) -> Subscriber:
    """A person, straight into the table."""
    address = email or f"person{next(_number)}@post.example"
    return Subscriber.objects.create(
        email=address,
        address_key=address_key(address),
        first_name_folded=fold(fields.get("first_name", "")),
        last_name_folded=fold(fields.get("last_name", "")),
        city_folded=fold(fields.get("city", "")),
        region_folded=fold(fields.get("region", "")),
        **{"created_at": NOW, "updated_at": NOW, **fields},
    )


def make_topic(key: str = "news", **fields: Any) -> Topic:
    topic, _ = Topic.objects.get_or_create(key=key, defaults={"name": key.title(), "opt_in": OptIn.SINGLE, **fields})
    return topic


def make_subscription(subscriber: Subscriber, topic: Topic, state: str = "subscribed", **fields: Any) -> Subscription:
    return Subscription.objects.create(subscriber=subscriber, topic=topic, state=state, **{"changed_at": NOW, **fields})


def make_segment(name: str = "Customers", rule: Any = None) -> Segment:
    """A segment, of everybody unless told otherwise."""
    return Segment.objects.create(name=name, rule=rule or {"v": 1, "all": []}, created_at=NOW, updated_at=NOW)


def make_product(code: str | None = None, **fields: Any) -> Product:
    code = code or f"P{next(_number)}"
    defaults = {
        "title": f"Product {code}",
        "price": 140_000,
        "url": f"https://alderandwren.example/p/{code}",
        "image_url": f"https://alderandwren.example/i/{code}.png",
        "created_at": NOW,
        "updated_at": NOW,
    }
    row = {**defaults, **fields}
    row["category_folded"] = fold(row.get("category", ""))
    row["brand_folded"] = fold(row.get("brand", ""))
    return Product.objects.create(code=code, **row)


def make_order(
    subscriber: Subscriber | None,
    *lines: tuple[Product | str, int, int],
    placed_at: dt.datetime = NOW,
    **fields: Any,
) -> Order:
    """An order of (product or code, quantity, unit price in ten-thousandths) lines."""
    order = Order.objects.create(
        number=fields.pop("number", None) or f"O{next(_number)}",
        subscriber=subscriber,
        placed_at=placed_at,
        total=sum(quantity * price for _, quantity, price in lines),
        updated_at=NOW,
        **fields,
    )
    for position, (item, quantity, price) in enumerate(lines, start=1):
        product = item if isinstance(item, Product) else None
        OrderLine.objects.create(
            order=order,
            subscriber=subscriber,
            placed_at=placed_at,
            position=position,
            product=product,
            code=product.code if product else str(item),
            quantity=quantity,
            unit_price=price,
            amount=quantity * price,
        )
    return order


def make_sender(name: str = "Alder & Wren", email: str = "hello@news.alderandwren.example") -> Sender:
    account, _ = SenderAccount.objects.get_or_create(name="Default")
    sender, _ = Sender.objects.get_or_create(name=name, email=email, defaults={"account": account})
    return sender


def make_version(**fields: Any) -> TemplateVersion:
    """A version straight into the table, compiled by hand: enough for the ledger, which never reads it."""
    template = Template.objects.create(
        name=f"Template {next(_number)}", subject="Hello", blocks=[], created_at=NOW, updated_at=NOW
    )
    return TemplateVersion.objects.create(
        template=template,
        number=1,
        subject="Hello",
        blocks=[],
        compiled={},
        content_hash="0" * 64,
        created_at=NOW,
        **fields,
    )


def make_mailing(topic: Topic | None = None, **fields: Any) -> Mailing:
    """An open marketing mailing."""
    return Mailing.objects.create(
        version=fields.pop("version", None) or make_version(),
        sender=make_sender(),
        topic=topic or make_topic(),
        created_at=NOW,
        **{"name": "Winter tables", "owner_kind": "test", "owner": uuid.uuid4(), "gate": Gate.OPEN, **fields},
    )


def make_follower(topic: Topic, email: str | None = None, **fields: Any) -> Subscriber:
    """A person who follows the topic."""
    subscriber = make_subscriber(email, **fields)
    make_subscription(subscriber, topic)
    return subscriber


def make_automation(name: str = "Welcome", *, live: bool = True, **fields: Any) -> Automation:
    """An automation that anybody may be put into and that waits a day; live by default, in its first version."""
    definition = fields.pop(
        "definition",
        {"v": 1, "trigger": {"on": "call"}, "steps": [{"id": "wait", "type": "wait", "for": [1, "days"]}]},
    )
    automation = Automation.objects.create(name=name, draft=definition, created_at=NOW, updated_at=NOW, **fields)
    if live:
        version = AutomationVersion.objects.create(
            automation=automation, number=1, definition=definition, created_at=NOW
        )
        automation.state, automation.live, automation.live_since = "live", version, NOW
        automation.save()
    return automation


def make_enrolment(automation: Automation, subscriber: Subscriber, **fields: Any) -> Enrolment:
    """A person in a live automation, waiting at its first step."""
    given = {
        "version": automation.live,
        "entry_key": uuid.uuid4().hex,
        "state": "waiting",
        "step": "wait",
        "came_at": NOW,
        "due_at": NOW + dt.timedelta(days=1),
        "started_at": NOW,
        "activity_at": NOW,
        "created_at": NOW,
        **fields,
    }
    return Enrolment.objects.create(automation=automation, subscriber=subscriber, **given)


def make_cart(
    subscriber: Subscriber | None, *lines: tuple[Product | str, int, int], key: str | None = None, **fields: Any
) -> Cart:
    """A cart being filled, of (product or code, quantity, unit price in ten-thousandths) lines."""
    cart = Cart.objects.create(
        key=key or f"C{next(_number)}",
        subscriber=subscriber,
        total=sum(quantity * price for _, quantity, price in lines),
        **{
            "url": "https://alderandwren.example/cart",
            "started_at": NOW,
            "last_activity_at": NOW,
            "updated_at": NOW,
            **fields,
        },
    )
    for position, (item, quantity, price) in enumerate(lines, start=1):
        product = item if isinstance(item, Product) else None
        CartLine.objects.create(
            cart=cart,
            position=position,
            product=product,
            code=product.code if product else str(item),
            quantity=quantity,
            unit_price=price,
            amount=quantity * price,
        )
    return cart
