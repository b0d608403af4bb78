"""Fills an empty installation with the demo shop, through the same doors that everybody uses."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar

from django.conf import settings
from django.db import transaction

from campaigns.automations.models import AutomationVersion
from campaigns.automations.recipes.catalogue import use_recipe
from campaigns.automations.services import publish
from campaigns.delivery.models import Sender
from campaigns.delivery.services import create_sender
from campaigns.scheduled.models import Campaign
from campaigns.scheduled.services import create_campaign
from personalize.accounts.models import Brand, Role, User
from personalize.content.models import Template
from personalize.content.services import create_template, update_template
from personalize.core import clock
from personalize.demo import story
from personalize.demo.carts import Cart
from personalize.demo.orders import Line
from personalize.demo.orders import Order as Sale
from personalize.demo.people import WORDING, Consent, Person
from personalize.demo.shop import Shop, generate
from segments.commerce import services as commerce
from segments.commerce.models import Order, Product
from segments.commerce.types import CartRow, LineRow, OrderRow, ProductRow, RefundRow
from segments.consent import services as consent
from segments.consent.models import OptIn, Subscription, Topic
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.segmentation.services import create_segment
from segments.subscribers.lists import add_to_list, create_list
from segments.subscribers.models import QuarantinedValue, StaticList, Subscriber
from segments.subscribers.services import define_attribute, upsert_subscribers
from segments.subscribers.types import SubscriberRow

SOURCE = "shop"
PICTURES = "/static/demo/products/"
SCENES = "/static/demo/scenes/"
_Item = TypeVar("_Item")


class NotEmpty(Exception):
    """The installation holds somebody else's data; the demo would only get in its way."""


@dataclass(frozen=True)
class Seeded:
    """How much there is now; ``new`` says whether it was put there by this call."""

    new: bool
    subscribers: int
    products: int
    orders: int


def seed(*, subscribers: int, now: dt.datetime | None = None) -> Seeded:
    """Fill an empty installation with the demo shop as it stands at ``now``; one that holds it already is left alone.

    It is stored whole or not at all. Raises NotEmpty when there is another brand.
    """
    brand = Brand.objects.first()
    if brand and brand.name != story.SHOP_NAME:
        raise NotEmpty(f"This installation belongs to {brand.name}.")
    if brand is None:
        with transaction.atomic():
            at = now or clock.now()
            _fill(generate(subscribers=subscribers, now=at), at)
    return Seeded(
        new=brand is None,
        subscribers=Subscriber.objects.count(),
        products=Product.objects.count(),
        orders=Order.objects.count(),
    )


def _fill(shop: Shop, now: dt.datetime) -> None:
    owner = _house()
    _products(shop)
    _people(shop.people)
    _by_hand(owner)
    _carts(shop)
    _trade(shop, now)
    _campaign(owner)
    _automations(owner)


def _house() -> User:
    """The brand, who works there, topics and attributes."""
    Brand.objects.create(
        pk=1,
        name=story.SHOP_NAME,
        postal_address=story.POSTAL_ADDRESS,
        website=story.WEBSITE,
        currency="GBP",
        language="en-GB",
        time_zone="Europe/London",
    )
    users = [
        User.objects.create_user(
            email,
            story.PASSWORD,
            first_name=first,
            last_name=last,
            role=role,
            time_zone="Europe/London",
            is_staff=role == Role.OWNER,
            is_superuser=role == Role.OWNER,
        )
        for email, first, last, role in story.USERS
    ]
    for key, name, description, frequency in story.TOPICS:
        Topic.objects.create(key=key, name=name, description=description, frequency=frequency, opt_in=OptIn.DOUBLE)
    for key, label, type, choices in story.ATTRIBUTES:
        define_attribute(
            key=key, label=label, type=type, choices=choices, self_service=key in story.THEIRS, actor=users[0]
        )
    return users[0]


def picture_url(picture: str) -> str:
    """Where this installation serves a picture of a product."""
    return f"{settings.BASE_URL}{PICTURES}{picture}"


def _products(shop: Shop) -> None:
    commerce.store_products(
        rows=[
            ProductRow(
                code=product.code,
                title=product.title,
                description=product.description,
                url=f"{story.WEBSITE}/p/{product.code.lower()}",
                image_url=picture_url(product.picture),
                category=product.category,
                brand=product.brand,
                price=_pounds(product.price),
                stock=product.stock,
                active=product.active,
            )
            for product in shop.products
        ]
    )


def _pounds(pence: int) -> Decimal:
    return Decimal(pence) / 100


def _together(
    facts: Iterable[tuple[dt.datetime, _Item]], span: Callable[[dt.datetime], tuple[int, int]]
) -> Iterable[tuple[dt.datetime, list[_Item]]]:
    """Facts of one span of time together, with their last moment, so that storing them takes one call for each span."""
    spans: dict[tuple[int, int], list[tuple[dt.datetime, _Item]]] = defaultdict(list)
    for at, item in facts:
        spans[span(at)].append((at, item))
    for _, members in sorted(spans.items()):
        yield max(at for at, _ in members), [item for _, item in members]


def _week(at: dt.datetime) -> tuple[int, int]:
    return at.isocalendar()[:2]


def _month(at: dt.datetime) -> tuple[int, int]:
    return at.year, at.month


def _people(people: list[Person]) -> None:
    for at, joined in _together(((person.created_at, person) for person in people), _week):
        upsert_subscribers(rows=[_subscriber(person) for person in joined], source=SOURCE, at=at)
    stored = {row.email: row for row in Subscriber.objects.all()}
    topics = {topic.key: topic for topic in Topic.objects.all()}
    said: dict[tuple[str, str], list[tuple[dt.datetime, int]]] = defaultdict(list)
    for person in people:
        for topic, source in _joins(person.consents):
            said[topic, source].append((person.created_at, stored[person.email].pk))
    for (topic, source), joins in said.items():
        for at, ids in _together(joins, _month):
            _join(topics[topic], source, ids, at)
    for person in people:
        _afterwards(person, stored[person.email], topics)


def _subscriber(person: Person) -> SubscriberRow:
    born = None
    if person.birth_month and person.birth_day:
        year = f"{person.birth_year:04d}" if person.birth_year else "-"
        born = f"{year}-{person.birth_month:02d}-{person.birth_day:02d}"
    return SubscriberRow(
        email=person.email,
        first_name=person.first_name,
        last_name=person.last_name,
        preferred_name=person.preferred_name,
        title=person.title,
        language=person.language,
        time_zone=person.time_zone,
        country=person.country,
        region=person.region,
        city=person.city,
        postal_code=person.postal_code,
        latitude=person.latitude,
        longitude=person.longitude,
        birth_date=born,
        external_id=person.number,
        attributes=person.attributes,
    )


def _joins(consents: tuple[Consent, ...]) -> Iterable[tuple[str, str]]:
    """(topic, where) of every joining; where is empty when it still waits for confirmation."""
    confirmed = {said.topic for said in consents if said.action in ("confirmed", "subscribed")}
    for said in consents:
        if said.action in ("requested", "subscribed"):
            yield said.topic, said.source if said.topic in confirmed else ""


def _join(topic: Topic, source: str, ids: list[int], at: dt.datetime) -> None:
    consent.bulk_subscribe(
        subscriber_ids=ids,
        topic=topic,
        source=source or "footer form",
        basis="consent" if source else "",
        at=at,
        wording=WORDING.format(topic=topic.name, frequency=topic.frequency),
    )


def _afterwards(person: Person, stored: Subscriber, topics: dict[str, Topic]) -> None:
    """What few people did: leave, pause, speak about tracking, or have an address that may not be mailed."""
    for said in person.consents:
        if said.action == "unsubscribed":
            consent.unsubscribe(subscriber=stored, topic=topics[said.topic], source=said.source, at=said.at)
    if person.tracking != "unknown":
        allowed = person.tracking == "granted"
        consent.set_tracking(subscriber=stored, allowed=allowed, source="preference page", at=person.created_at)
    if person.paused_until:
        Subscription.objects.filter(subscriber=stored).update(paused_until=person.paused_until)
    if person.suppressed == "unsubscribed":
        consent.unsubscribe(subscriber=stored, topic=None, source="one-click")
    elif person.suppressed:
        consent.suppress(address_key=stored.address_key, reason=person.suppressed, source="mail service")


def _by_hand(owner: User) -> None:
    """What there is to do by hand: a list of guests, and a value that fits no attribute."""
    name, description, guests = story.LIST
    evening = create_list(name=name, description=description, actor=owner)
    near = Subscriber.objects.filter(country="GB").order_by("pk").values("pk")[:guests]
    if isinstance(evening, StaticList):
        add_to_list(static_list=evening, people=Subscriber.objects.filter(pk__in=near), source="dashboard", actor=owner)
    key, raw, reason = story.MISFIT
    person = Subscriber.objects.exclude(attributes__has_key=key).order_by("pk").first()
    if person is not None:
        QuarantinedValue.objects.create(
            subscriber=person, key=key, raw=raw, reason=reason, source=SOURCE, at=person.updated_at
        )


def _trade(shop: Shop, now: dt.datetime) -> None:
    numbers = {person.email: person.number for person in shop.people}
    baskets = {cart.order: cart.key for cart in shop.carts if cart.order}

    def row(order: Sale, status: str, changed_at: dt.datetime | None) -> OrderRow:
        return OrderRow(
            number=order.number,
            placed_at=order.placed_at,
            lines=_lines(order.lines),
            customer_id=numbers.get(order.email, ""),
            status=status,
            cart=baskets.get(order.number, ""),
            changed_at=changed_at,
        )

    for status in ("paid", "fulfilled", "delivered"):
        told = [(order, dict(order.told(now)).get(status)) for order in shop.orders]
        commerce.store_orders(rows=[row(order, status, at) for order, at in told if at], source=SOURCE, historic=True)
    commerce.store_orders(
        rows=[row(order, order.status, None) for order in shop.orders if not order.told(now)],
        source=SOURCE,
        historic=True,
    )
    commerce.store_refunds(
        rows=[
            RefundRow(
                number=refund.number,
                refunded_at=refund.refunded_at,
                lines=_lines(refund.lines),
                customer_id=numbers.get(refund.email, ""),
                order_number=refund.order,
            )
            for refund in shop.refunds
        ],
        source=SOURCE,
        historic=True,
    )
    ids = dict(Subscriber.objects.values_list("email", "pk"))
    record_events(
        events=[
            NewEvent(
                subscriber_id=ids[visit.email],
                name="product_viewed",
                subject=visit.code,
                occurred_at=visit.at,
                source=SOURCE,
                idempotency_key=f"visit:{number}",
                historic=True,
            )
            for number, visit in enumerate(shop.visits)
        ]
    )


def _carts(shop: Shop) -> None:
    """Carts as they were filled and emptied; those of the last hours are news, and trigger what they may."""
    numbers = {person.email: person.number for person in shop.people}

    def row(cart: Cart, at: dt.datetime, lines: tuple[Line, ...]) -> CartRow:
        url = f"{story.WEBSITE}/basket/{cart.key.lower()}"
        return CartRow(key=cart.key, at=at, lines=_lines(lines), customer_id=numbers[cart.email], url=url)

    for fresh in (False, True):
        filled = [cart for cart in shop.carts if cart.fresh == fresh]
        emptied = [row(cart, cart.emptied_at, ()) for cart in filled if cart.emptied_at]
        rows = [row(cart, cart.at, cart.lines) for cart in filled] + emptied
        commerce.store_carts(rows=rows, source=SOURCE, historic=not fresh)


def _lines(lines: tuple[Line, ...]) -> list[LineRow]:
    return [LineRow(line.code, line.quantity, _pounds(line.unit_price)) for line in lines]


def _automations(owner: User) -> None:
    """Every recipe, live, so that there is something to look at from the first day."""
    sender = Sender.objects.get(name=story.SENDER[0], email=story.SENDER[1])
    for key, topic in story.AUTOMATIONS:
        automation = use_recipe(key=key, topic=Topic.objects.get(key=topic), sender=sender, actor=owner)
        version = publish(automation=automation, actor=owner)
        if not isinstance(version, AutomationVersion):
            raise ValueError(f"The recipe {key!r} cannot be published: {version}")


def _campaign(owner: User) -> Campaign:
    """The segments, the newsletter, and a campaign that only waits to be sent."""
    segments = {
        name: create_segment(name=name, description=description, rule=rule, actor=owner)
        for name, description, rule in story.SEGMENTS
    }
    template: Template = create_template(
        name=story.TEMPLATE,
        subject=story.SUBJECT,
        preheader=story.PREHEADER,
        blocks=story.blocks(base_url=settings.BASE_URL),
        actor=owner,
    )
    name, email, reply_to = story.SENDER
    sender = create_sender(name=name, email=email, reply_to=reply_to, actor=owner)
    topic = Topic.objects.get(key="news")
    ready, _draft = (
        create_campaign(name=title, template=template, segment=segments[whom], topic=topic, sender=sender, actor=owner)
        for title, whom in ((story.CAMPAIGN, story.AUDIENCE), (story.DRAFT, story.DRAFT_AUDIENCE))
    )
    return ready


def point_pictures() -> None:
    """Let the pictures of products and of the unsent newsletter come from the address at which the demo is found now."""
    commerce.store_products(
        rows=[
            ProductRow(code=product.code, image_url=picture_url(product.image_url.rpartition("/")[2]))
            for product in Product.objects.filter(image_url__contains=PICTURES)
        ]
    )
    template = Template.objects.filter(name=story.TEMPLATE).first()
    if template is None:
        return
    blocks = [
        {**block, "src": f"{settings.BASE_URL}{SCENES}{block['src'].rpartition('/')[2]}"}
        if SCENES in block.get("src", "")
        else block
        for block in template.blocks
    ]
    if blocks != template.blocks:
        update_template(
            template=template,
            lock_version=template.lock_version,
            actor="demo",
            name=template.name,
            subject=template.subject,
            preheader=template.preheader,
            blocks=blocks,
        )
