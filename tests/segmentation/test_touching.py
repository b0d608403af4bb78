"""Whatever writes something that rules ask about says whom it concerns, in the same transaction."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from campaigns.delivery import ledger, outcomes
from campaigns.delivery.models import Message
from campaigns.delivery.types import MessageState, OutcomeKind
from segments.commerce.services import store_orders, store_products, store_refunds
from segments.commerce.types import LineRow, OrderRow, ProductRow, RefundRow
from segments.consent import personal as consent_personal
from segments.consent.models import SuppressionReason
from segments.consent.services import (
    bulk_subscribe,
    restore,
    set_preferences,
    subscribe,
    suppress,
    unsubscribe,
    unsuppress,
)
from segments.consent.suppression import Bar, bar_all
from segments.consent.types import Choices
from segments.events import personal as events_personal
from segments.events.services import record_events
from segments.events.types import NewEvent
from segments.segmentation.membership import look
from segments.segmentation.models import Segment, SegmentMode, TouchedPerson
from segments.subscribers.identity import change_address
from segments.subscribers.lists import add_to_list, create_list, remove_from_list
from segments.subscribers.merging import merge_subscribers
from segments.subscribers.models import StaticList, Subscriber
from segments.subscribers.rights import erase_subscriber
from segments.subscribers.services import change_subscriber, create_subscriber, upsert_subscribers
from segments.subscribers.types import SubscriberRow
from segments.transfer import engine
from tests.factories import NOW, make_subscriber, make_subscription, make_topic
from tests.segmentation.messages import make_messages

pytestmark = pytest.mark.django_db
LONG_AGO = NOW - dt.timedelta(days=400)
EVERYBODY = "everybody"


@pytest.fixture
def ann(brand: Any) -> Subscriber:
    """Ann, in a house that keeps a segment."""
    Segment.objects.create(
        name="All", rule={"v": 1, "all": []}, mode=SegmentMode.INCREMENTAL, created_at=NOW, updated_at=NOW
    )
    while look(NOW):
        pass
    ann: Subscriber = make_subscriber("ann@post.example")
    return ann


def touched(cause: str = "") -> set[Any]:
    rows = TouchedPerson.objects.filter(cause=cause) if cause else TouchedPerson.objects.all()
    return {person or EVERYBODY for person in rows.values_list("subscriber_id", flat=True)}


def order(number: str = "O1", **fields: Any) -> OrderRow:
    return OrderRow(number, NOW, [LineRow("A", 1, Decimal(5))], **{"email": "ann@post.example", **fields})


def _list() -> StaticList:
    found = create_list(name="Guests", actor="Maya")
    assert isinstance(found, StaticList)
    return found


def _people(one: Subscriber) -> Any:
    return Subscriber.objects.filter(pk=one.pk)


def _event(ann: Subscriber, **fields: Any) -> None:
    new = NewEvent(subscriber_id=ann.pk, name="wished", occurred_at=NOW, source="shop", idempotency_key="1", **fields)
    record_events(events=[new])


def _outcome(ann: Subscriber) -> None:
    message = make_messages(ann).get()
    TouchedPerson.objects.all().delete()
    outcomes.apply(message=message, kind=OutcomeKind.CLICKED, at=NOW, fingerprint="1")


def _sent(ann: Subscriber) -> None:
    message = make_messages(ann).get()
    Message.objects.update(state=MessageState.SENDING, token=7)
    ledger.record(7, [ledger.Result(message=message.pk, state=MessageState.SENT)])


def _evidence(ann: Subscriber) -> None:
    message = make_messages(ann).get()
    Message.objects.update(state=MessageState.IN_DOUBT)
    outcomes.apply(message=message, kind=OutcomeKind.SENT, at=NOW, fingerprint="1")


def _forgotten_wish(ann: Subscriber) -> None:
    make_subscription(ann, make_topic(), state="pending", changed_at=LONG_AGO)
    consent_personal.unconfirmed().prune(NOW)


def _forgotten_event(ann: Subscriber) -> None:
    _event(ann, historic=True)
    TouchedPerson.objects.all().delete()
    (kind,) = events_personal.kept()
    kind.prune(NOW + dt.timedelta(days=1))


def _refund_of_another(ann: Subscriber) -> None:
    """Another's order is cancelled, against which Ann had a refund."""
    make_subscriber("bob@post.example")
    store_orders(rows=[order(email="bob@post.example")])
    store_refunds(
        rows=[RefundRow("R1", NOW, [LineRow("A", 1, Decimal(5))], email="ann@post.example", order_number="O1")]
    )
    TouchedPerson.objects.all().delete()
    store_orders(rows=[order(email="bob@post.example", status="cancelled")])


WRITERS: dict[str, Callable[[Subscriber], Any]] = {
    "people are stored": lambda ann: upsert_subscribers(
        rows=[SubscriberRow("ann@post.example", city="Bath")], source="api"
    ),
    "somebody is changed by hand": lambda ann: change_subscriber(
        subscriber=ann, changes={"city": "Bath"}, lock_version=0, actor="Maya"
    ),
    "an address is changed": lambda ann: change_address(subscriber=ann, email="ann@new.example", actor="Maya"),
    "two are merged": lambda ann: merge_subscribers(
        survivor=ann, duplicate=make_subscriber("ann@old.example"), actor="Maya"
    ),
    "somebody is erased": lambda ann: erase_subscriber(subscriber=ann, actor="Maya"),
    "somebody joins a topic": lambda ann: subscribe(subscriber=ann, topic=make_topic(), source="page", double=False),
    "somebody leaves a topic": lambda ann: (
        make_subscription(ann, make_topic()),
        unsubscribe(subscriber=ann, topic=make_topic(), source="page"),
    ),
    "somebody comes back": lambda ann: (
        make_subscription(ann, make_topic()),
        unsubscribe(subscriber=ann, topic=make_topic(), source="page"),
        TouchedPerson.objects.all().delete(),
        restore(subscriber=ann, topic=make_topic(), source="page"),
    ),
    "preferences are set": lambda ann: (
        make_topic(),
        set_preferences(subscriber=ann, choices=Choices(join=frozenset({"news"})), fresh=True, source="page"),
    ),
    "somebody complains": lambda ann: (
        make_subscription(ann, make_topic()),
        suppress(address_key=ann.address_key, reason=SuppressionReason.COMPLAINED, source="esp"),
    ),
    "an address is barred": lambda ann: suppress(
        address_key=ann.address_key, reason=SuppressionReason.BOUNCED, source="esp"
    ),
    "an address is let in again": lambda ann: (
        suppress(address_key=ann.address_key, reason=SuppressionReason.BOUNCED, source="esp"),
        TouchedPerson.objects.all().delete(),
        unsuppress(address_key=ann.address_key, actor="Maya", reason="It works again."),
    ),
    "a wish is forgotten": _forgotten_wish,
    "something happened": _event,
    "an event is forgotten": _forgotten_event,
    "an order comes": lambda ann: store_orders(rows=[order()]),
    "an order without news comes": lambda ann: (
        store_orders(rows=[order()]),
        TouchedPerson.objects.all().delete(),
        store_orders(rows=[OrderRow("O1", NOW, [LineRow("A", 3, Decimal(5))], email="ann@post.example")]),
    ),
    "an order turns out to be another's": lambda ann: (
        store_orders(rows=[order()]),
        make_subscriber("bob@post.example"),
        TouchedPerson.objects.all().delete(),
        store_orders(rows=[order(email="bob@post.example")]),
    ),
    "a refund comes": lambda ann: store_refunds(
        rows=[RefundRow("R1", NOW, [LineRow("A", 1, Decimal(5))], email="ann@post.example")]
    ),
    "an order is cancelled that another had money back for": _refund_of_another,
    "a list is filled": lambda ann: add_to_list(static_list=_list(), people=_people(ann), source="page", actor="Maya"),
    "a list is emptied": lambda ann: (
        add_to_list(static_list=(guests := _list()), people=_people(ann), source="page", actor="Maya"),
        TouchedPerson.objects.all().delete(),
        remove_from_list(static_list=guests, people=_people(ann), actor="Maya"),
    ),
    "a mail is sent": _sent,
    "a mail turns out to have been sent": _evidence,
    "a mail is clicked": _outcome,
}


@pytest.mark.parametrize("writer", WRITERS)
def test_whoever_is_concerned_is_touched_when(writer: str, ann: Subscriber):
    WRITERS[writer](ann)
    assert ann.pk in touched("data")


IMPORTED: dict[str, Callable[[Subscriber], Any]] = {
    "a file joins people": lambda ann: bulk_subscribe(
        subscriber_ids=[ann.pk], topic=make_topic(), source="import:shop", basis="asked", wording=""
    ),
    "orders are history": lambda ann: store_orders(rows=[order()], historic=True),
    "events are history": lambda ann: _event(ann, historic=True),
    "people left elsewhere": lambda ann: (
        make_subscription(ann, make_topic()),
        bar_all(bars=[Bar(ann.address_key, SuppressionReason.UNSUBSCRIBED, "elsewhere")]),
    ),
}


@pytest.mark.parametrize("writer", IMPORTED)
def test_history_from_elsewhere_is_no_doing_of_theirs_when(writer: str, ann: Subscriber):
    IMPORTED[writer](ann)
    assert touched() == touched("import") == {ann.pk}


def test_whoever_is_added_or_signs_up_is_touched(ann: Subscriber):
    added = create_subscriber(row=SubscriberRow("bob@post.example"), actor="Maya")
    assert isinstance(added, Subscriber)
    assert added.pk in touched("data")


@pytest.mark.parametrize("change", [{"category": "Garden"}, {"brand": "Alder"}])
def test_another_category_or_brand_of_a_product_may_concern_anybody(change: dict[str, str], ann: Subscriber):
    store_products(rows=[ProductRow("A", title="Lamp")])
    assert touched() == set()
    store_products(rows=[ProductRow("A", stock=3, price=Decimal(5))])
    assert touched() == set()
    store_products(rows=[ProductRow("A", **change)])
    assert touched("data") == {EVERYBODY}


@pytest.mark.parametrize(("large", "expected"), [(False, set()), (True, {EVERYBODY})])
def test_a_file_touches_its_people_and_a_large_one_everybody(
    large: bool, expected: set[str], ann: Subscriber, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if large:
        monkeypatch.setattr(engine, "LARGE", 2)
    path = tmp_path / "people.csv"
    path.write_text("email,city\nann@post.example,Bath\nbob@post.example,Bath\n")
    call_command("import_subscribers", str(path), "--json", stdout=io.StringIO())
    both = set(Subscriber.objects.values_list("pk", flat=True))
    assert touched() == touched("import") == (expected or both)
