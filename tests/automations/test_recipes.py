"""Every recipe is ready in one click: it can be published as it is, and its mails say the right things to everybody."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.automations import services
from campaigns.automations.definition import read
from campaigns.automations.models import Automation, AutomationVersion
from campaigns.automations.nodes import Definition, EventTrigger, WaitStep
from campaigns.automations.recipes import counting
from campaigns.automations.recipes.catalogue import RECIPES, use_recipe
from campaigns.automations.recipes.recipe import GROUPS
from campaigns.delivery.models import Message
from personalize.accounts.models import Brand, User
from personalize.content import contexts
from personalize.content.models import Template
from personalize.content.renderers import borrowed_renderer
from personalize.demo.people import CAST
from personalize.rendering.types import Job, Rendered
from segments.commerce.models import CartState
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import Subscriber
from tests.factories import NOW, make_cart, make_order, make_product, make_sender, make_subscriber, make_topic

EVERY = pytest.mark.parametrize("key", list(RECIPES))
ABOUT = {"abandoned_cart": "cart", "browse_abandonment": "product", "post_purchase": "order", "review_request": "order"}


def used(key: str, maya: User) -> Automation:
    return use_recipe(key=key, topic=make_topic(), sender=make_sender(), actor=maya)


@pytest.fixture
def cast(brand: Brand) -> list[Subscriber]:
    """The demo's people, with a cart, an order and a product to speak of."""
    return [
        make_subscriber(
            role.email,
            first_name=role.first_name,
            last_name=role.last_name,
            language=role.language,
            country=role.country,
            city=role.city,
        )
        for role in CAST
    ]


@EVERY
def test_published_as_it_is_its_mails_greet_the_whole_cast_and_show_their_own_lines(
    brand: Brand, maya: User, cast: list[Subscriber], key: str
):
    mug = make_product("MUG", title="Stoneware mug", price=140_000)
    for number, person in enumerate(cast, start=1):
        make_cart(person, (mug, number, 140_000), key=f"C{person.pk}")
        make_order(person, (mug, number, 140_000), number=f"C{person.pk}", placed_at=NOW - dt.timedelta(days=9))
    automation = used(key, maya)
    definition = read(automation.draft)
    assert isinstance(definition, Definition), definition
    assert {step.id for step in definition.mails()} == {mail.step for mail in RECIPES[key].mails("")}
    version = services.publish(automation=automation, actor=maya)
    assert isinstance(version, AutomationVersion), version
    assert automation.recipe == key
    for step in services.mail_ids(version.definition):
        mailing = services.step_mailing(version, step)
        Message.objects.bulk_create(
            Message(
                uuid=uuid.uuid4(),
                mailing=mailing,
                subscriber=person,
                address_key=person.address_key,
                dedupe_key=f"{person.pk}",
                context=trigger(key, person),
                created_at=NOW,
            )
            for person in cast
        )
        rows = Message.objects.filter(mailing=mailing)
        prepared = contexts.prepare(version=mailing.version, people=rows, person="subscriber", as_of=NOW, brand=brand)
        with borrowed_renderer() as renderer:
            jobs = [
                Job(str(pk), ("subject", "html_untracked", "text_untracked"), context.data)
                for pk, context in prepared.items()
            ]
            mails = renderer.render(mailing.version.content_hash, mailing.version.compiled, jobs)
        people = {str(message.pk): message.subscriber for message in rows}
        for mail in mails:
            assert isinstance(mail, Rendered), mail
            context = prepared[int(mail.id)]
            check(key, mail, people[mail.id], context.data["greeting"], cast.index(people[mail.id]) + 1)
            assert context.skip == ""


def trigger(key: str, person: Subscriber) -> dict[str, Any]:
    about = ABOUT.get(key, "")
    named = {"about": about, "source": "shop", "key": "MUG" if about == "product" else f"C{person.pk}"}
    return named if about else {"about": "", "years": 2}


def check(key: str, mail: Rendered, person: Subscriber, greeting: str, quantity: int) -> None:
    html, text = mail.parts["html_untracked"], mail.parts["text_untracked"]
    assert greeting in html
    assert greeting in text
    assert "{{" not in html
    assert "{%" not in text
    if person.first_name in ("Ann", "Fergus"):
        assert person.first_name in greeting
    if not person.first_name:
        assert ", ." not in text
        assert mail.parts["subject"].strip(" ,") == mail.parts["subject"]
    if ABOUT.get(key) in ("cart", "order"):
        assert f"Qty {quantity}<" in html
        assert f"{quantity} × Stoneware mug" in text
    if ABOUT.get(key) == "product":
        assert "Stoneware mug" in mail.parts["subject"]


def test_used_twice_it_makes_two_and_says_so_in_the_name(brand: Brand, maya: User):
    assert [used("welcome", maya).name for _ in range(3)] == ["Welcome", "Welcome 2", "Welcome 3"]
    assert Template.objects.filter(name__startswith="Welcome 1: Hello").count() == 3


def test_a_welcome_waits_for_its_own_topic(brand: Brand, maya: User):
    definition = read(used("welcome", maya).draft)
    assert isinstance(definition, Definition)
    assert isinstance(definition.trigger, EventTrigger)
    assert [(one.field, one.value) for one in definition.trigger.match.where] == [("subject", "news")]


def test_mails_go_out_at_the_times_they_promise(brand: Brand, maya: User):
    def hours(key: str) -> list[float]:
        """When each mail is due, in hours after the beginning, if nothing else happens."""
        definition = read(used(key, maya).draft)
        assert isinstance(definition, Definition)
        at, due = dt.timedelta(), []
        for step in definition.steps.values():
            if isinstance(step, WaitStep):
                at += step.duration.delta
            elif step in definition.mails():
                due.append(at / dt.timedelta(hours=1))
        return due

    assert hours("welcome") == [0, 48, 120]
    assert hours("abandoned_cart") == [2, 24, 72]
    assert hours("win_back") == [0, 240]


def test_a_shop_without_a_website_has_mails_without_a_button_to_nowhere():
    kinds = {block["type"] for recipe in RECIPES.values() for mail in recipe.mails("") for block in mail.blocks}
    assert "button" not in kinds
    assert {"cart", "order", "viewed", "footer"} <= kinds


@EVERY
@pytest.mark.django_db
def test_its_reach_is_asked_by_one_query_and_is_nobody_in_an_empty_shop(key: str):
    recipe = RECIPES[key]
    with CaptureQueriesContext(connection) as queries:
        assert recipe.reach(NOW) == 0
    assert len(queries) == 1
    assert recipe.group in GROUPS
    assert key in ("welcome",) or recipe.needs()


@pytest.mark.django_db
def test_reach_counts_what_happened_in_ninety_days():
    people = [make_subscriber(birth_month=2, birth_day=29) for _ in range(270)]
    for number, person in enumerate(people):
        make_order(person, ("MUG", 1, 10), placed_at=NOW - dt.timedelta(days=number), number=f"{number}")
        make_cart(person, ("MUG", 1, 10), last_activity_at=NOW - dt.timedelta(hours=number + 1))
    make_cart(people[0], ("MUG", 1, 10), state=CartState.ORDERED, last_activity_at=NOW - dt.timedelta(days=1))
    at = NOW + dt.timedelta(minutes=1)
    assert RECIPES["abandoned_cart"].reach(at) == 3
    assert RECIPES["post_purchase"].reach(at) == 1
    assert RECIPES["win_back"].reach(at) == 1
    assert RECIPES["birthday"].reach(at) == 1
    assert counting.a_day(1) == 1
    assert RECIPES["review_request"].needs() != ""
    record_events(
        events=[
            NewEvent(
                subscriber_id=people[0].pk,
                name="order_delivered",
                occurred_at=NOW,
                source="shop",
                idempotency_key="d",
                subject="1",
            )
        ]
    )
    assert RECIPES["review_request"].needs() == ""
    assert RECIPES["review_request"].reach(at) == 1
