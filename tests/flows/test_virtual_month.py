"""A virtual month of the demo shop with all eight recipes at work, against what plain Python makes of the same month.

The engine is the real one, told what time it is; nothing is sent. What it should have done for the welcome, the birthday and
the abandoned cart is worked out person by person from the story alone, without a look at the engine's tables.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db.models import Min
from django.test import TestCase

from campaigns.automations.looking import SWEEPS
from campaigns.automations.models import Automation, Enrolment, StepVisit
from campaigns.automations.recipes.catalogue import RECIPES
from campaigns.delivery import engine
from personalize.demo import services as demo
from segments.commerce import services as commerce
from segments.commerce.models import Product
from segments.commerce.types import CartRow, LineRow, OrderRow
from segments.consent.models import Subscription, Suppression, Topic
from segments.consent.services import subscribe
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.subscribers.models import Subscriber
from tests.factories import make_subscription

pytestmark = pytest.mark.django_db

BEGIN = dt.datetime(2027, 2, 1, tzinfo=dt.UTC)
END = dt.datetime(2027, 3, 4, tzinfo=dt.UTC)
STEP = dt.timedelta(hours=1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
ZONES = ("Europe/London", "America/New_York", "Asia/Tokyo", "Australia/Sydney", "Pacific/Kiritimati", "")
QUARTER = dt.timedelta(minutes=15)
STATUSES = {"placed": 0 * DAY, "paid": 10 * dt.timedelta(minutes=1), "fulfilled": DAY, "delivered": 3 * DAY}


@dataclass
class Story:
    """One person's month: what they do, at which minute."""

    person: Subscriber
    joins: dt.datetime | None = None
    orders: list[dt.datetime] = field(default_factory=list)
    carts: list[tuple[dt.datetime, str, str]] = field(default_factory=list)
    views: list[dt.datetime] = field(default_factory=list)


def tell(people: list[Subscriber], rng: random.Random) -> list[Story]:
    """Months that run into each other: carts changed, emptied, followed by orders; orders with and without a cart."""

    def minute(since: dt.datetime = BEGIN) -> dt.datetime:
        return since + dt.timedelta(minutes=rng.randrange(1, max(2, int((END - since) / dt.timedelta(minutes=1)))))

    stories = []
    for number, person in enumerate(people):
        story = Story(person)
        if number % 3 == 0:
            story.joins = minute()
        for cart in range(rng.choice((0, 0, 1, 1, 2, 3))):
            key, at = f"c{person.pk}-{cart}", minute()
            story.carts.append((at, key, "fill"))
            for _more in range(rng.choice((0, 0, 1, 3))):
                at += dt.timedelta(minutes=rng.choice((7, 45, 110, 130, 600)))
                story.carts.append((at, key, rng.choice(("fill", "fill", "fill", "empty"))))
            if rng.random() < 0.35:
                story.orders.append(at + dt.timedelta(minutes=rng.choice((3, 90, 300, 2000))))
        if rng.random() < 0.25:
            story.orders.append(minute())
        if rng.random() < 0.3:
            story.views.append(minute())
        story.carts.sort()
        stories.append(story)
    return stories


def happenings(stories: list[Story]) -> list[tuple[dt.datetime, Story, str, str]]:
    found = []
    for story in stories:
        if story.joins:
            found.append((story.joins, story, "join", ""))
        for number, at in enumerate(story.orders):
            for status, later in STATUSES.items():
                found.append((at + later, story, status, str(number)))
        found += [(at, story, what, key) for at, key, what in story.carts]
        found += [(at, story, "view", "") for at in story.views]
    return sorted((one for one in found if one[0] < END), key=lambda one: (one[0], one[1].person.pk, one[2]))


def do(at: dt.datetime, story: Story, what: str, key: str, products: list[Product], topic: Topic) -> None:
    """Let it happen, through the doors that a shop uses."""
    email = story.person.email or ""
    product = products[story.person.pk % len(products)]
    line = LineRow(code=product.code, quantity=1, unit_price=Decimal(20))
    if what == "join":
        subscribe(subscriber=story.person, topic=topic, source="form", at=at)
    elif what in STATUSES:
        placed_at = story.orders[int(key)]
        row = OrderRow(f"o{story.person.pk}-{key}", placed_at, [line], email=email, status=what, changed_at=at)
        commerce.store_orders(rows=[row])
    elif what in ("fill", "empty"):
        lines = [line] if what == "fill" else []
        commerce.store_carts(rows=[CartRow(key=key, email=email, at=at, lines=lines)])
    else:
        event = NewEvent(story.person.pk, "product_viewed", at, "shop", f"v{story.person.pk}-{at}", product.code)
        record_events(events=[event])


def look(at: dt.datetime) -> None:
    """Everything that is due at ``at``, as a worker would do it."""
    with time_machine.travel(at, tick=False):
        for sweep in SWEEPS:
            while sweep():
                pass


def live_through(stories: list[Story], products: list[Product], topic: Topic) -> None:
    """The month, from one instant at which something happens or is due to the next; dates are looked for each hour."""
    left = happenings(stories)
    at = BEGIN
    while at <= END:
        while left and left[0][0] <= at:
            with time_machine.travel(at, tick=False):
                do(*left.pop(0), products=products, topic=topic)
        look(at)
        due = Enrolment.objects.filter(due_at__gt=at).aggregate(next=Min("due_at"))["next"]
        hour = BEGIN + ((at - BEGIN) // STEP + 1) * STEP
        at = min(moment for moment in (due, hour, left[0][0] if left else None) if moment)


Written = set[tuple[str, int, str, dt.datetime]]


@pytest.fixture(scope="module")
def month(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[list[Story], Written]]:
    """The month as told, and who was written which mail when: recipe, person, step, instant."""
    with django_db_blocker.unblock():
        around = TestCase._enter_atomics()  # type: ignore[attr-defined]  # Django's own, not typed.
        try:
            with time_machine.travel(BEGIN - HOUR, tick=False):
                demo.seed(subscribers=40)
                people = _people()
                topic = Automation.objects.get(recipe="welcome").topic
                assert topic is not None
            look(BEGIN - HOUR)
            # Whom the days before had brought in is another story.
            Enrolment.objects.all().delete()
            stories = tell(people, random.Random(20270201))
            products = list(Product.objects.filter(active=True, stock__gt=0).order_by("code")[:7])
            live_through(stories, products, topic)
            visits = StepVisit.objects.filter(outcome="mailed").select_related("enrolment__automation")
            yield (
                stories,
                {(v.enrolment.automation.recipe, v.enrolment.subscriber_id, v.step, v.at) for v in visits},
            )
        finally:
            engine.renderer().close()
            TestCase._rollback_atomics(around)  # type: ignore[attr-defined]


def _people() -> list[Subscriber]:
    """Forty people in six zones with birthdays around the turn of two months; a third of them have yet to join the news."""
    Topic.objects.update(opt_in="single")
    welcome = Automation.objects.get(recipe="welcome").topic_id
    people = list(Subscriber.objects.present().filter(email__isnull=False).order_by("pk")[:40])
    Suppression.objects.all().delete()
    Subscription.objects.all().delete()
    for number, person in enumerate(people):
        person.time_zone = ZONES[number % len(ZONES)]
        person.birth_month, person.birth_day = ((2, 29), (2, 3), (3, 1), (2, 14), (7, 5))[number % 5]
        person.birth_year = None
        person.save()
        for topic in Topic.objects.all():
            if topic.pk != welcome or number % 3:
                make_subscription(person, topic)
    return people


def of(recipe: str, written: Written) -> set[tuple[int, str, dt.datetime]]:
    return {(person, step, at) for name, person, step, at in written if name == recipe}


def test_the_welcome_is_as_plain_python_has_it(month):
    stories, written = month
    expected = set()
    for story in stories:
        if story.joins and story.joins < END:
            for step, wait in (("hello", 0 * DAY), ("favourites", 2 * DAY), ("question", 5 * DAY)):
                at = story.joins + wait
                if at <= END and not any(story.joins <= order < at for order in story.orders):
                    expected.add((story.person.pk, step, at))
    assert len(expected) > 10
    assert of("welcome", written) == expected


def test_the_birthday_is_as_plain_python_has_it(month):
    stories, written = month
    expected = set()
    for number, story in enumerate(stories):
        month_, day = story.person.birth_month, story.person.birth_day
        day = 28 if (month_, day) == (2, 29) else day
        zone = ZoneInfo(story.person.time_zone or "Europe/London")
        at = dt.datetime(2027, month_, day, 9, tzinfo=zone).astimezone(dt.UTC)
        follows = number % 3 or (story.joins and story.joins < at)
        if BEGIN <= at <= END and follows:
            expected.add((story.person.pk, "birthday", at))
    assert len(expected) > 10
    assert {(person, "birthday", at) for person, _step, at in of("birthday", written)} == expected


def test_the_abandoned_cart_is_as_plain_python_has_it(month):
    stories, written = month
    expected = {one for story in stories for one in reminders(story)}
    assert len(expected) > 10
    assert of("abandoned_cart", written) == expected


def test_all_eight_recipes_had_something_to_do(month):
    _stories, written = month
    sent = Counter(recipe for recipe, _person, _step, _at in written)
    came = Counter(Enrolment.objects.values_list("automation__recipe", flat=True))
    assert set(came) == set(RECIPES), came
    assert sent["browse_abandonment"] > 0


@dataclass
class Left:
    """A cart that was left: in which reminder's wait it is, since when, and until when."""

    began: dt.datetime
    active: dt.datetime
    due: dt.datetime
    number: int = 0


WAITS = ((2 * HOUR, "reminder"), (22 * HOUR, "second"), (2 * DAY, "last"))


def reminders(story: Story) -> Iterator[tuple[int, str, dt.datetime]]:
    """Whom to remind when, told from the settled rules of abandoned carts, one happening after the other."""
    facts = [(at, what, key) for at, key, what in story.carts] + [(at, "order", "") for at in story.orders]
    facts = sorted(fact for fact in facts if fact[0] < END)
    full: set[str] = set()
    used: set[str] = set()
    open_: dict[str, Left] = {}
    last_mail: dt.datetime | None = None
    while facts or open_:
        key, left = min(open_.items(), key=lambda item: item[1].due, default=("", None))
        if left is not None and (not facts or left.due <= facts[0][0]):
            if left.due > END:
                return
            newer = [one for one in open_.values() if one.number == 0 and one.active > left.active]
            if newer:
                del open_[key]
                continue
            yield story.person.pk, WAITS[left.number][1], left.due
            last_mail = left.due
            left.number += 1
            if left.number == len(WAITS):
                del open_[key]
            else:
                left.due += WAITS[left.number][0]
            continue
        at, what, key = facts.pop(0)
        if what == "order":
            for name in [name for name, one in open_.items() if at >= one.began - QUARTER]:
                del open_[name]
        elif what == "empty":
            if key in full:
                open_.pop(key, None)
            full.discard(key)
        else:
            full.add(key)
            ordered = any(at - QUARTER <= order <= at for order in story.orders)
            if key in open_ and open_[key].number == 0:
                open_[key].active = at
                open_[key].due = min(at + 2 * HOUR, open_[key].began + DAY)
            elif key not in used and not ordered and not (last_mail and at - last_mail < 7 * DAY):
                used.add(key)
                open_[key] = Left(at, at, at + 2 * HOUR)
